use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use super::matching::matches;
use super::tree::{Node, Simple, Word};
use super::variables::{Refused, Variables};
use crate::machine::process::{Pid, Status, System};

/// As deep may commands, functions and texts be in each other.
const DEPTH: u32 = 100;

/// Why what comes next is not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jump {
    /// Out of so many loops.
    Break(u32),
    Continue(u32),
    Return,
    Exit,
    /// An error that ends a script, but not somebody's session.
    Fail,
}

/// What a part of a script comes to.
pub(super) type Future<'a, T> = Pin<Box<dyn std::future::Future<Output = Result<T, Jump>> + Send + 'a>>;

/// Puts a future on the heap without a place for it in the frame of the caller: frames add up where commands
/// are in commands.
pub(super) fn apart<F: std::future::Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::pin(make())
}

/// What `set` sets.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Options {
    /// `-e`
    pub(super) end_on_failure: bool,
    /// `-u`
    pub(super) unset_is_error: bool,
    /// `-f`
    pub(super) no_names: bool,
    /// `-x`
    pub(super) trace: bool,
    /// `-i`
    pub(super) interactive: bool,
    /// `-c`; nobody sets it later.
    pub(super) text: bool,
}

impl Options {
    pub(super) fn set(&mut self, letter: u8, on: bool) -> bool {
        match letter {
            b'e' => self.end_on_failure = on,
            b'u' => self.unset_is_error = on,
            b'f' => self.no_names = on,
            b'x' => self.trace = on,
            b'i' => self.interactive = on,
            _ => return false,
        }
        true
    }

    pub(super) fn letters(self) -> Vec<u8> {
        let all = [
            (self.text, b'c'),
            (self.end_on_failure, b'e'),
            (self.no_names, b'f'),
            (self.interactive, b'i'),
            (self.unset_is_error, b'u'),
            (self.trace, b'x'),
        ];
        all.into_iter().filter_map(|(on, letter)| on.then_some(letter)).collect()
    }
}

/// One shell: a process of its own, or a part of a script that has become one.
#[derive(Clone)]
pub(super) struct Shell {
    pub(super) system: System,
    /// `$0`
    pub(super) name: Vec<u8>,
    /// `$$`, the same in a child.
    pub(super) pid: Pid,
    pub(super) variables: Variables,
    pub(super) arguments: Vec<Vec<u8>>,
    pub(super) functions: BTreeMap<Vec<u8>, Arc<Node>>,
    /// `$?`
    pub(super) status: u8,
    /// `$!`
    pub(super) background: Option<Pid>,
    /// Commands in the background, and how those ended that were waited for already.
    pub(super) jobs: BTreeMap<Pid, Option<Status>>,
    pub(super) options: Options,
    /// By the number of the signal; 0 is the end of the shell.
    pub(super) traps: BTreeMap<u8, Vec<u8>>,
    /// The status of the last command whose output was put in.
    pub(super) substituted: Option<u8>,
    /// Variables that are local to the functions being run.
    pub(super) locals: Vec<Vec<(Vec<u8>, super::variables::Saved)>>,
    pub(super) loops: u32,
    /// Above 0 a failure is no reason to end: somebody looks at it.
    tested: u32,
    depth: u32,
}

impl Shell {
    pub(super) fn new(system: System, name: &[u8]) -> Self {
        let variables = Variables::from_env(&system.env());
        let mut shell = Self {
            pid: system.pid,
            name: name.to_vec(),
            variables,
            arguments: Vec::new(),
            functions: BTreeMap::new(),
            status: 0,
            background: None,
            jobs: BTreeMap::new(),
            options: Options::default(),
            traps: BTreeMap::new(),
            substituted: None,
            locals: Vec::new(),
            loops: 0,
            tested: 0,
            depth: 0,
            system,
        };
        let level = shell.variables.get(b"SHLVL").and_then(|it| std::str::from_utf8(it).ok()?.parse().ok());
        let level = level.unwrap_or(0_u32).saturating_add(1).to_string().into_bytes();
        for (name, value) in [(b"PWD".as_slice(), shell.system.cwd()), (b"SHLVL", level)] {
            // They are new here, and short.
            let _ = shell.variables.set(name, value);
            shell.variables.export(name);
        }
        shell
    }

    /// Says what is wrong, after the name of the shell.
    pub(super) async fn say(&self, text: impl AsRef<[u8]>) {
        self.system.complain([&self.name, b": ".as_slice(), text.as_ref()].concat()).await;
    }

    /// Says what is wrong and ends the script.
    pub(super) async fn fail<T>(&mut self, text: impl AsRef<[u8]>) -> Result<T, Jump> {
        self.say(text).await;
        self.status = 2;
        Err(Jump::Fail)
    }

    pub(super) async fn assign(&mut self, name: &[u8], value: Vec<u8>) -> Result<(), Jump> {
        match self.variables.set(name, value) {
            Ok(()) => Ok(()),
            Err(Refused::ReadOnly) => self.fail([name, b": is read only"].concat()).await,
            Err(Refused::TooMuch) => self.fail("out of memory").await,
        }
    }

    /// Runs a command. `last`: nothing comes after it, so its process may be this one.
    pub(super) fn run<'a>(&'a mut self, node: &'a Arc<Node>, last: bool) -> Future<'a, ()> {
        Box::pin(async move {
            if self.depth >= DEPTH {
                return apart(|| self.fail("too many things inside each other")).await;
            }
            self.depth += 1;
            let done = apart(|| self.node(node, last)).await;
            self.depth -= 1;
            done
        })
    }

    async fn node(&mut self, node: &Arc<Node>, last: bool) -> Result<(), Jump> {
        match &**node {
            Node::Simple(simple) => {
                apart(|| self.simple(node, simple, last)).await?;
                self.judge()
            }
            Node::Pipeline { not: true, parts } => {
                self.tested += 1;
                let done = apart(|| self.pipeline(parts)).await;
                self.tested -= 1;
                done?;
                self.status = u8::from(self.status == 0);
                Ok(())
            }
            Node::Pipeline { parts, .. } => {
                apart(|| self.pipeline(parts)).await?;
                self.judge()
            }
            Node::AndOr(first, more) => apart(|| self.and_or(first, more, last)).await,
            Node::List(list) => {
                for (at, node) in list.iter().enumerate() {
                    self.run(node, last && at + 1 == list.len()).await?;
                }
                Ok(())
            }
            Node::Background(node) => apart(|| self.launch(node)).await,
            Node::Subshell(node) => {
                let (shell, node) = (self.child(), node.clone());
                apart(|| self.spawn_and_wait(move |system| Box::pin(shell.subshell(system, node)))).await?;
                self.judge()
            }
            Node::If { arms, otherwise } => apart(|| self.choose(arms, otherwise.as_ref(), last)).await,
            Node::While { until, condition, body } => apart(|| self.repeat(*until, condition, body)).await,
            Node::For { name, words, body } => apart(|| self.each(name, words.as_deref(), body)).await,
            Node::Case { word, arms } => apart(|| self.case(word, arms, last)).await,
            Node::Function { name, body } => {
                self.functions.insert(name.clone(), body.clone());
                self.status = 0;
                Ok(())
            }
            Node::Redirected(node, redirects) => {
                let Some(saved) = apart(|| self.redirect(redirects)).await? else { return self.judge() };
                let done = self.run(node, false).await;
                self.put_back(saved);
                done
            }
        }
    }

    async fn and_or(
        &mut self,
        first: &Arc<Node>,
        more: &[(bool, Arc<Node>)],
        last: bool,
    ) -> Result<(), Jump> {
        self.test(first).await?;
        for (at, (and, node)) in more.iter().enumerate() {
            if *and != (self.status == 0) {
                continue;
            }
            if at + 1 < more.len() {
                self.test(node).await?;
            } else {
                self.run(node, last).await?;
            }
        }
        Ok(())
    }

    async fn choose(
        &mut self,
        arms: &[(Arc<Node>, Arc<Node>)],
        otherwise: Option<&Arc<Node>>,
        last: bool,
    ) -> Result<(), Jump> {
        for (condition, body) in arms {
            self.test(condition).await?;
            if self.status == 0 {
                return self.run(body, last).await;
            }
        }
        self.status = 0;
        match otherwise {
            Some(body) => self.run(body, last).await,
            None => Ok(()),
        }
    }

    async fn repeat(&mut self, until: bool, condition: &Arc<Node>, body: &Arc<Node>) -> Result<(), Jump> {
        let mut status = 0;
        loop {
            self.system.breathe().await;
            let tested = self.test(condition).await;
            if self.leaves(tested)? {
                return Ok(());
            }
            if (self.status == 0) == until {
                self.status = status;
                return Ok(());
            }
            let done = self.inside(body).await;
            status = self.status;
            if self.leaves(done)? {
                return Ok(());
            }
        }
    }

    async fn each(&mut self, name: &[u8], words: Option<&[Word]>, body: &Arc<Node>) -> Result<(), Jump> {
        let words = match words {
            Some(words) => apart(|| self.arguments(words)).await?,
            None => self.arguments.clone(),
        };
        self.status = 0;
        for word in words {
            self.system.breathe().await;
            self.assign(name, word).await?;
            let done = self.inside(body).await;
            if self.leaves(done)? {
                break;
            }
        }
        Ok(())
    }

    async fn case(&mut self, word: &Word, arms: &[(Vec<Word>, Arc<Node>)], last: bool) -> Result<(), Jump> {
        let text = self.text(word).await?;
        self.status = 0;
        for (patterns, body) in arms {
            for pattern in patterns {
                if matches(&self.pattern(pattern).await?, &text) {
                    return self.run(body, last).await;
                }
            }
        }
        Ok(())
    }

    /// The body of a loop.
    async fn inside(&mut self, body: &Arc<Node>) -> Result<(), Jump> {
        self.loops += 1;
        let done = self.run(body, false).await;
        self.loops -= 1;
        done
    }

    /// Whether a loop is over by what came of its body.
    fn leaves(&self, done: Result<(), Jump>) -> Result<bool, Jump> {
        match done {
            Ok(()) | Err(Jump::Continue(1)) => Ok(false),
            Err(Jump::Break(1)) => Ok(true),
            Err(Jump::Break(loops)) => Err(Jump::Break(loops - 1)),
            Err(Jump::Continue(loops)) => Err(Jump::Continue(loops - 1)),
            Err(other) => Err(other),
        }
    }

    /// Runs what somebody looks at.
    async fn test(&mut self, node: &Arc<Node>) -> Result<(), Jump> {
        self.tested += 1;
        let done = self.run(node, false).await;
        self.tested -= 1;
        done
    }

    /// After a command: with `-e` a failure that nobody looks at is the end.
    fn judge(&self) -> Result<(), Jump> {
        if self.options.end_on_failure && self.status != 0 && self.tested == 0 {
            Err(Jump::Exit)
        } else {
            Ok(())
        }
    }

    async fn pipeline(&mut self, parts: &[Arc<Node>]) -> Result<(), Jump> {
        if let [only] = parts {
            return self.run(only, false).await;
        }
        let (mut input, mut children) = (None, Vec::new());
        for (at, part) in parts.iter().enumerate() {
            let (next, output) = if at + 1 < parts.len() {
                let (reader, writer) = self.system.pipe();
                (Some(reader), Some(writer))
            } else {
                (None, None)
            };
            let (shell, part, stdin) = (self.child(), part.clone(), std::mem::replace(&mut input, next));
            let forked = self.system.fork(move |system| {
                for (number, descriptor) in [(0, stdin), (1, output)] {
                    if descriptor.is_some() {
                        system.install(number, descriptor);
                    }
                }
                Box::pin(shell.subshell(system, part))
            });
            match forked {
                Ok(child) => children.push(child),
                Err(errno) => return self.fail(format!("can't fork: {errno}")).await,
            }
        }
        for child in children {
            self.foreground(child).await?;
        }
        Ok(())
    }

    async fn simple(&mut self, node: &Arc<Node>, simple: &Simple, last: bool) -> Result<(), Jump> {
        apart(|| self.traps()).await?;
        self.system.breathe().await;
        self.substituted = None;
        let argv = apart(|| self.arguments(&simple.words)).await?;
        let mut values = Vec::new();
        if argv.is_empty() {
            let Some(saved) = apart(|| self.redirect(&simple.redirects)).await? else { return Ok(()) };
            self.put_back(saved);
            for (name, word) in &simple.assignments {
                let value = apart(|| self.text(word)).await?;
                let shown = [[name, b"=".as_slice(), &value].concat()];
                apart(|| self.trace(&shown)).await;
                apart(|| self.assign(name, value)).await?;
            }
            self.status = self.substituted.unwrap_or(0);
            return Ok(());
        }
        for (name, word) in &simple.assignments {
            values.push((name.clone(), apart(|| self.text(word)).await?));
        }
        apart(|| self.trace(&argv)).await;
        apart(|| self.command(node, argv, values, last)).await
    }

    /// With `-x` says what is run.
    async fn trace(&self, words: &[Vec<u8>]) {
        if self.options.trace {
            self.system.complain([b"+ ".as_slice(), &words.join(&b' ')].concat()).await;
        }
    }
}

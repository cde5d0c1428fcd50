use std::sync::Arc;

use super::run::{Jump, Shell, apart};
use super::tree::{Node, Simple};
use super::variables::Saved;
use super::{builtin, special};
use crate::machine::applets;
use crate::machine::files::Errno;
use crate::machine::process::{Access, Disposition, Pid, Signal, SpawnError, Status, System, Task};

/// As many results of commands in the background are kept.
const JOBS: usize = 200;

impl Shell {
    /// What a child begins with.
    pub(super) fn child(&self) -> Self {
        let mut child = self.clone();
        child.options.interactive = false;
        child.jobs.clear();
        // Signals that are ignored stay so.
        child.traps.retain(|_, text| text.is_empty());
        child
    }

    /// Runs a command as a process of its own, to the end.
    pub(super) async fn subshell(mut self, system: System, node: Arc<Node>) -> u8 {
        self.system = system;
        let done = self.run(&node, true).await;
        self.finish(done).await
    }

    pub(super) async fn spawn_and_wait(&mut self, make: impl FnOnce(System) -> Task) -> Result<(), Jump> {
        match self.system.fork(make) {
            Ok(child) => self.foreground(child).await,
            Err(errno) => self.fail(format!("can't fork: {errno}")).await,
        }
    }

    /// Waits for a child, and says of what it died.
    pub(super) async fn foreground(&mut self, child: Pid) -> Result<(), Jump> {
        let status = self.system.wait(child, false).await.ok().flatten().unwrap_or(Status::Exited(127));
        self.status = status.code() as u8;
        if let Status::Killed(signal) = status
            && !signal.obituary().is_empty()
        {
            self.system.complain(signal.obituary()).await;
        }
        self.traps().await
    }

    /// Runs a command in the background: no terminal stops it, and it reads nothing.
    pub(super) async fn launch(&mut self, node: &Arc<Node>) -> Result<(), Jump> {
        self.tidy();
        let (shell, node) = (self.child(), node.clone());
        let interactive = self.options.interactive;
        let forked = self.system.fork(move |system| {
            if !interactive {
                system.dispose(Signal::INT, Some(Disposition::Ignore));
                system.dispose(Signal::QUIT, Some(Disposition::Ignore));
                let null = system.open(b"/dev/null", Access::READ).ok();
                system.install(0, null);
            }
            Box::pin(shell.subshell(system, node))
        });
        match forked {
            Ok(child) => {
                self.background = Some(child);
                self.jobs.insert(child, None);
                self.status = 0;
                Ok(())
            }
            Err(errno) => self.fail(format!("can't fork: {errno}")).await,
        }
    }

    /// Asks after commands in the background, so that those that ended are gone.
    fn tidy(&mut self) {
        for (child, status) in &mut self.jobs {
            if status.is_none() {
                *status = self.system.ended(*child);
            }
        }
        while self.jobs.len() > JOBS {
            let Some(old) = self.jobs.iter().find(|it| it.1.is_some()).map(|it| *it.0) else { break };
            self.jobs.remove(&old);
        }
    }

    /// Runs a function, a command of the shell, or a program.
    pub(super) async fn command(
        &mut self,
        node: &Arc<Node>,
        argv: Vec<Vec<u8>>,
        values: Vec<(Vec<u8>, Vec<u8>)>,
        last: bool,
    ) -> Result<(), Jump> {
        let Node::Simple(simple) = &**node else { return Ok(()) };
        let name = argv[0].as_slice();
        let function = self.functions.get(name).cloned();
        if function.is_none() && !special::is_special(name) && !builtin::is_builtin(name) {
            return apart(|| self.program(node, argv, values, last)).await;
        }
        let Some(saved) = apart(|| self.redirect(&simple.redirects)).await? else {
            // As busybox does: a special command that cannot begin ends the script.
            return if function.is_none() && special::is_special(name) { Err(Jump::Fail) } else { Ok(()) };
        };
        if function.is_none() && special::is_special(name) {
            for (name, value) in values {
                apart(|| self.assign(&name, value)).await?;
            }
            let done = apart(|| self.special(&argv)).await;
            if name != b"exec" || done.is_err() {
                self.put_back(saved);
            }
            self.status = done?;
            return Ok(());
        }
        let mut before: Vec<(Vec<u8>, Saved)> = Vec::new();
        for (name, value) in values {
            before.push((name.clone(), self.variables.save(&name)));
            apart(|| self.assign(&name, value)).await?;
            self.variables.export(&name);
        }
        let done = match function {
            Some(body) => apart(|| self.call(&body, argv)).await,
            None => apart(|| self.builtin(&argv)).await.map(|status| self.status = status),
        };
        for (name, saved) in before {
            self.variables.restore(&name, Some(saved));
        }
        self.put_back(saved);
        done
    }

    async fn call(&mut self, body: &Arc<Node>, argv: Vec<Vec<u8>>) -> Result<(), Jump> {
        let arguments = std::mem::replace(&mut self.arguments, argv[1..].to_vec());
        let loops = std::mem::take(&mut self.loops);
        self.locals.push(Vec::new());
        let done = self.run(body, false).await;
        for (name, saved) in self.locals.pop().unwrap_or_default().into_iter().rev() {
            self.variables.restore(&name, Some(saved));
        }
        self.arguments = arguments;
        self.loops = loops;
        if done == Err(Jump::Return) { Ok(()) } else { done }
    }

    async fn program(
        &mut self,
        node: &Arc<Node>,
        argv: Vec<Vec<u8>>,
        values: Vec<(Vec<u8>, Vec<u8>)>,
        last: bool,
    ) -> Result<(), Jump> {
        if last && self.traps.values().all(Vec::is_empty) {
            self.status = self.become_program(node, argv, values).await;
            return Err(Jump::Exit);
        }
        self.tidy();
        let (mut shell, node) = (self.child(), node.clone());
        self.spawn_and_wait(move |system| {
            shell.system = system;
            Box::pin(async move { shell.become_program(&node, argv, values).await })
        })
        .await
    }

    /// Runs a program in this process: comes back only if that cannot be.
    async fn become_program(
        &mut self,
        node: &Arc<Node>,
        argv: Vec<Vec<u8>>,
        values: Vec<(Vec<u8>, Vec<u8>)>,
    ) -> u8 {
        if let Node::Simple(Simple { redirects, .. }) = &**node
            && !matches!(self.redirect(redirects).await, Ok(Some(_)))
        {
            return 1;
        }
        for (name, value) in values {
            if self.assign(&name, value).await.is_err() {
                return 2;
            }
            self.variables.export(&name);
        }
        self.replace(argv, b"").await
    }

    /// Becomes a program. What it says of one that is not there begins with `whose`.
    pub(super) async fn replace(&mut self, argv: Vec<Vec<u8>>, whose: &[u8]) -> u8 {
        let name = argv[0].clone();
        let env = self.variables.env();
        let mut error = match self.system.exec(argv.clone(), env.clone()).await {
            Ok(never) => match never {},
            Err(error) => error,
        };
        if error == SpawnError::NotFound && applets::NAMES.iter().any(|it| it.as_bytes() == name) {
            // A busybox does without the links to it.
            let argv = [b"/bin/busybox".to_vec()].into_iter().chain(argv.clone()).collect();
            error = match self.system.exec(argv, env.clone()).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
        }
        if error == SpawnError::NotExecutable(Errno::NotProgram) && name.contains(&b'/') {
            // A text without a first line that says what it is: for a shell.
            let argv = [b"/bin/sh".to_vec()].into_iter().chain(argv).collect();
            error = match self.system.exec(argv, env).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
        }
        let (why, code) = match error {
            SpawnError::NotFound => ("not found".to_owned(), 127),
            SpawnError::NotExecutable(errno) => (errno.to_string(), 126),
            SpawnError::Refused(errno) => (errno.to_string(), 126),
        };
        self.say([whose, &name, b": ", why.as_bytes()].concat()).await;
        code
    }

    /// A command of the applets that needs no process of its own.
    pub(super) async fn applet(&mut self, argv: &[Vec<u8>]) -> u8 {
        applets::built_in(&self.system, &self.name, argv).await
    }
}

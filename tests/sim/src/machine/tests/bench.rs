use std::time::Duration;

use jiff::Timestamp;
use lxio_core::bytes::Moment;

use crate::machine::files::Files;
use crate::machine::process::{Command, CommandId, Machine, Stream};

/// What a command came to: its outputs, its exit code, the time that it took.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) code: i32,
    pub(super) time: Duration,
}

/// A machine that runs, and its time.
pub(super) struct Bench {
    pub(super) machine: Machine,
    pub(super) now: Moment,
}

impl Bench {
    pub(super) fn new() -> Self {
        let mut machine =
            Machine::new(Files::busybox(), b"web", Timestamp::new(1_700_000_000, 0).unwrap(), 1);
        machine.start(Moment::default()).unwrap();
        let mut bench = Self { machine, now: Moment::default() };
        bench.settle();
        bench
    }

    pub(super) fn settle(&mut self) {
        self.machine.step(self.now);
    }

    /// Lets time pass up to what happens next; `false` if nothing will.
    pub(super) fn wait(&mut self) -> bool {
        let Some(next) = self.machine.next() else { return false };
        self.now = self.now.max(next);
        self.settle();
        true
    }

    pub(super) fn command(argv: &[&str]) -> Command {
        Command {
            argv: argv.iter().map(|it| it.as_bytes().to_vec()).collect(),
            env: [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME=/root",
                "USER=root",
            ]
            .map(|it| it.as_bytes().to_vec())
            .to_vec(),
            cwd: b"/root".to_vec(),
            ..Command::default()
        }
    }

    pub(super) fn spawn(&mut self, argv: &[&str]) -> CommandId {
        let id = self.machine.spawn(Self::command(argv), self.now).unwrap();
        self.settle();
        id
    }

    /// Gives it all of its input, takes all of its output, waits for its end.
    pub(super) fn finish(&mut self, id: CommandId, stdin: &[u8]) -> Outcome {
        let (start, mut stdin) = (self.now, stdin);
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        loop {
            let taken = self.machine.push(id, stdin);
            stdin = &stdin[taken..];
            if stdin.is_empty() {
                self.machine.close(id);
            }
            let (before, more) = (stdout.len() + stderr.len(), taken > 0);
            stdout.extend(self.machine.take(id, Stream::Stdout, 32768));
            stderr.extend(self.machine.take(id, Stream::Stderr, 32768));
            let more = more || stdout.len() + stderr.len() > before;
            let moved = self.machine.step(self.now);
            if let Some(code) = self.machine.exit(id)
                && self.machine.is_ended(id, Stream::Stdout)
                && self.machine.is_ended(id, Stream::Stderr)
            {
                self.machine.forget(id);
                return Outcome { stdout, stderr, code, time: self.now.since(start) };
            }
            assert!(
                moved || more || self.wait(),
                "it waits for ever: {:?}",
                String::from_utf8_lossy(&stdout)
            );
        }
    }

    pub(super) fn run(&mut self, argv: &[&str], stdin: &[u8]) -> Outcome {
        let id = self.spawn(argv);
        self.finish(id, stdin)
    }

    #[track_caller]
    pub(super) fn says(&mut self, script: &str, stdout: &str, stderr: &str, code: i32) {
        let out = self.run(&["sh", "-c", script], b"");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(
            (text(&out.stdout), text(&out.stderr), out.code),
            (stdout.into(), stderr.into(), code),
            "{script}"
        );
    }
}

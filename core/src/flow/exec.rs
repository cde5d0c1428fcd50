use std::collections::VecDeque;
use std::time::Duration;

use super::wait::{Step, Waiter};
use super::{Effect, Event, ExitStatus, Fault, Flow, FlowError, Message, Output, Piece, Slot, Unattended};
use crate::bytes::{Limits, Moment, Secret};
use crate::call::{self, Change, Request, Target};
use crate::model::{ExecRequest, Operation};
use crate::wire::{Upgrade, Want};

/// The call and the wait for the operation.
const CALL: Slot = 0;
/// Standard input, output, error, in the order of their file descriptors, and the control socket.
const STDIN: Slot = 1;
const STDOUT: Slot = 2;
const STDERR: Slot = 3;
const CONTROL: Slot = 4;
/// One message of standard input.
const PIECE: usize = 64 << 10;
/// How long the operation's own word is awaited after an output broke off: it knows why.
const GRACE: Duration = Duration::from_secs(2);

/// A command in an instance, over websockets, without a terminal.
///
/// Ends with its [`Output`]. A code other than 0 is no error; a command that could not be executed is
/// ([`FlowError::NotExecuted`]), and so is output that broke off before its end. When run, output is
/// collected and standard input is what [`stdin`](Self::stdin) gave, or empty; when started, output is handed
/// out as it comes and standard input stays open until it is closed.
///
/// Endpoint: `POST /1.0/instances/NAME/exec`, then the websockets of the operation.
pub struct Exec {
    target: Target,
    body: ExecRequest,
    limit: Option<usize>,
    live: bool,
    phase: Phase,
    input: Input,
    outputs: [Stream; 2],
    signals: VecDeque<i32>,
    control_open: bool,
    effects: VecDeque<Effect<Piece, Output>>,
    waiter: Option<Waiter>,
    outcome: Option<Result<Box<Operation>, FlowError>>,
    broken_at: Option<Moment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Asked,
    Running,
    Over,
}

/// Standard input on its way.
#[derive(Debug, Default)]
struct Input {
    bytes: Vec<u8>,
    sent: usize,
    open: bool,
    in_flight: bool,
    /// No more will come.
    closed: bool,
    /// The end was sent, or nobody listens any more.
    over: bool,
}

/// One of the two outputs.
#[derive(Debug)]
struct Stream {
    name: &'static str,
    bytes: Vec<u8>,
    got: u64,
    open: bool,
    end: Option<StreamEnd>,
}

#[derive(Debug)]
enum StreamEnd {
    /// The end mark came.
    Marked,
    /// The connection ended without it.
    Broken(Option<Fault>),
}

impl Exec {
    /// The command of `body`, run by a `POST` to `target`.
    #[must_use]
    pub fn new(target: Target, mut body: ExecRequest) -> Self {
        body.wait_for_websocket = true;
        let stream = |name| Stream { name, bytes: Vec::new(), got: 0, open: false, end: None };
        Self {
            target,
            body,
            limit: None,
            live: false,
            phase: Phase::New,
            input: Input::default(),
            outputs: [stream("standard output"), stream("standard error")],
            signals: VecDeque::new(),
            control_open: false,
            effects: VecDeque::new(),
            waiter: None,
            outcome: None,
            broken_at: None,
        }
    }

    /// Sets an environment variable for the command.
    #[must_use]
    pub fn env(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.body.environment.insert(key.into(), value.into());
        self
    }

    /// Runs the command as this user id. Default 0.
    #[must_use]
    pub const fn user(mut self, uid: u32) -> Self {
        self.body.user = uid;
        self
    }

    /// Runs the command as this group id. Default 0.
    #[must_use]
    pub const fn group(mut self, gid: u32) -> Self {
        self.body.group = gid;
        self
    }

    /// Runs the command in this directory. One that does not exist is no error: the command then runs in `/`.
    #[must_use]
    pub fn cwd(mut self, directory: impl Into<String>) -> Self {
        self.body.cwd = directory.into();
        self
    }

    /// Gives the command these bytes as its standard input, and the end after them.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input.bytes = bytes.into();
        self.input.closed = true;
        self
    }

    /// Collects at most this many bytes of each output. Default [`Limits::output`].
    #[must_use]
    pub const fn output_limit(mut self, bytes: usize) -> Self {
        self.limit = Some(bytes);
        self
    }

    /// The server keeps the output in files; it is fetched when the command has ended. For commands that
    /// outlive connections. No standard input.
    ///
    /// # Errors
    /// None here: that an input was given is the error of the flow.
    #[must_use]
    pub fn recorded(self) -> super::Recorded {
        super::Recorded::new(self.target, self.body, self.input.closed)
    }

    /// Whether [`push_stdin`](Self::push_stdin) takes bytes now.
    #[must_use]
    pub fn stdin_ready(&self) -> bool {
        self.input.open && !self.input.in_flight && self.input.bytes.is_empty() && !self.stdin_closed()
    }

    /// Whether standard input is closed: by us, or because the command no longer listens.
    #[must_use]
    pub fn stdin_closed(&self) -> bool {
        self.input.closed || self.input.over || self.phase == Phase::Over
    }

    /// Sends bytes to standard input; how many were taken, none unless [`stdin_ready`](Self::stdin_ready).
    pub fn push_stdin(&mut self, bytes: &[u8]) -> usize {
        if !self.stdin_ready() {
            return 0;
        }
        let count = bytes.len().min(PIECE);
        self.input.in_flight = count > 0;
        if count > 0 {
            self.effects.push_back(Effect::Write(STDIN, Message::Binary(bytes[..count].to_vec())));
        }
        count
    }

    /// Ends standard input.
    pub fn close_stdin(&mut self) {
        self.input.closed = true;
    }

    /// Sends a signal to the command, by its number. A command that has ended already ignores it.
    pub fn signal(&mut self, number: i32) {
        self.signals.push_back(number);
    }

    fn begin(&mut self, operation: Operation) {
        let fds = operation.fds();
        let mut open = |slot: Slot, name: &str| match fds.get(name) {
            Some(secret) => {
                self.effects.push_back(Effect::Open(slot, socket(&operation, secret)));
                true
            }
            None => false,
        };
        // Control first: it is the one that may be refused when the command was quick.
        open(CONTROL, "control");
        if !(open(STDIN, "0") && open(STDOUT, "1") && open(STDERR, "2")) {
            self.outcome =
                Some(Err(FlowError::Unexpected("the server names no sockets for the command".into())));
        }
        self.phase = Phase::Running;
        self.waiter = Some(Waiter::new(operation, None));
    }

    fn stream(&mut self, slot: Slot) -> Option<&mut Stream> {
        match slot {
            STDOUT | STDERR => self.outputs.get_mut(usize::from(slot - STDOUT)),
            _ => None,
        }
    }

    fn data(&mut self, slot: Slot, piece: &[u8]) {
        let (live, limit) = (self.live, self.limit.unwrap_or(Limits::DEFAULT.output));
        // What comes behind the end mark is no output, whether the verdict has fallen yet or not.
        let Some(stream) = self.stream(slot).filter(|stream| stream.end.is_none()) else { return };
        stream.got += piece.len() as u64;
        if live {
            if !piece.is_empty() {
                let piece = piece.to_vec();
                let piece = if slot == STDOUT { Piece::Stdout(piece) } else { Piece::Stderr(piece) };
                self.effects.push_back(Effect::Emit(piece));
            }
        } else if stream.bytes.len() + piece.len() > limit {
            let stream = stream.name;
            self.outcome = Some(Err(FlowError::OutputTooLong { stream, limit }));
        } else {
            stream.bytes.extend_from_slice(piece);
        }
    }

    fn ended(&mut self, slot: Slot, fault: Option<Fault>, now: Moment) {
        match slot {
            STDIN => (self.input.over, self.input.in_flight) = (true, false),
            CONTROL => self.control_open = false,
            _ => {
                if let Some(stream) = self.stream(slot).filter(|stream| stream.end.is_none()) {
                    stream.end = Some(StreamEnd::Broken(fault));
                    self.broken_at.get_or_insert(now);
                }
            }
        }
    }

    /// What standard input and the control socket have to send.
    fn feed(&mut self) -> Option<Effect<Piece, Output>> {
        let input = &mut self.input;
        if input.open && !input.over && !input.in_flight {
            if input.sent < input.bytes.len() {
                let end = input.bytes.len().min(input.sent + PIECE);
                let piece = input.bytes[input.sent..end].to_vec();
                (input.sent, input.in_flight) = (end, true);
                return Some(Effect::Write(STDIN, Message::Binary(piece)));
            }
            if input.closed {
                input.over = true;
                input.bytes = Vec::new();
                return Some(Effect::Write(STDIN, Message::Text(String::new())));
            }
        }
        if self.control_open {
            let number = self.signals.pop_front()?;
            let text = format!(r#"{{"command":"signal","signal":{number}}}"#);
            return Some(Effect::Write(CONTROL, Message::Text(text)));
        }
        None
    }

    /// The end, if it is known.
    fn verdict(&mut self, now: Moment) -> Option<Result<Output, FlowError>> {
        let outputs_over = self.outputs.iter().all(|stream| stream.end.is_some());
        let patience_over = self.broken_at.is_some_and(|at| at.plus(GRACE) <= now);
        match &self.outcome {
            Some(Ok(_)) if outputs_over || patience_over => {}
            Some(Err(_)) => {}
            None if patience_over => {}
            _ => return None,
        }
        self.phase = Phase::Over;
        let operation = match self.outcome.take() {
            Some(Err(error)) => return Some(Err(error.of_command())),
            Some(Ok(operation)) => Some(operation),
            None => None,
        };
        for stream in &mut self.outputs {
            if let Some(StreamEnd::Broken(fault)) = stream.end.take() {
                return Some(Err(FlowError::OutputTruncated { stream: stream.name, got: stream.got, fault }));
            }
        }
        let Some(code) = operation.and_then(|operation| operation.exit_code()) else {
            return Some(Err(FlowError::Unexpected("the server gives no exit code for the command".into())));
        };
        let [stdout, stderr] = &mut self.outputs;
        Some(Ok(Output {
            status: ExitStatus::new(code),
            stdout: std::mem::take(&mut stdout.bytes),
            stderr: std::mem::take(&mut stderr.bytes),
        }))
    }
}

/// The websocket of an operation that `secret` opens.
pub(super) fn socket(operation: &Operation, secret: &Secret) -> Request {
    let target = Target::at("/1.0/operations").name("operation", operation.id()).then("websocket");
    let mut request = Request::get(target.query("secret", secret.reveal()));
    request.want = Want::Upgrade(Upgrade::Websocket);
    // A secret opens one socket, once.
    request.idempotent = false;
    request
}

impl Flow for Exec {
    type Item = Piece;
    type Output = Output;

    fn poll(&mut self, now: Moment) -> Effect<Piece, Output> {
        if self.phase == Phase::New {
            self.phase = Phase::Asked;
            if !self.live {
                self.input.closed = true;
            }
            return Effect::Send(CALL, Request::post(self.target.clone()).json(&self.body));
        }
        if let Some(effect) = self.effects.pop_front() {
            return effect;
        }
        if let Some(effect) = self.feed() {
            return effect;
        }
        let mut until = self.broken_at.map(|at| at.plus(GRACE));
        if let Some(waiter) = &mut self.waiter {
            match waiter.poll(now) {
                Step::Send(request) => return Effect::Send(CALL, request),
                Step::Wait(moment) => until = until.into_iter().chain(moment).min(),
                Step::Done(operation) => {
                    self.waiter = None;
                    self.outcome.get_or_insert(Ok(operation));
                }
                Step::Failed(error) => {
                    self.waiter = None;
                    self.outcome.get_or_insert(Err(error));
                }
            }
        }
        match self.verdict(now) {
            Some(result) => Effect::Done(result),
            None => Effect::Wait(until.filter(|_| self.phase != Phase::Over)),
        }
    }

    fn handle(&mut self, slot: Slot, event: Event<'_>, now: Moment) {
        match (slot, event) {
            (CALL, Event::Reply(reply)) if self.phase == Phase::Asked => match call::change(&reply) {
                Ok(Change::Operation(operation)) => self.begin(*operation),
                Ok(Change::Done) => {
                    self.outcome = Some(Err(FlowError::Unexpected("the server began no operation".into())));
                }
                Err(error) => self.outcome = Some(Err(error.into())),
            },
            (CALL, Event::Reply(reply)) => {
                if let Some(waiter) = &mut self.waiter {
                    waiter.reply(&reply, now);
                }
            }
            (CALL, Event::Failed(fault)) => match &mut self.waiter {
                Some(waiter) => waiter.failed(fault),
                None => self.outcome = Some(Err(fault.into())),
            },
            (STDIN, Event::Opened) => self.input.open = true,
            (CONTROL, Event::Opened) => self.control_open = true,
            (STDOUT | STDERR, Event::Opened) => {
                if let Some(stream) = self.stream(slot) {
                    stream.open = true;
                }
            }
            (STDIN, Event::Drained) => self.input.in_flight = false,
            (_, Event::Binary(piece)) => self.data(slot, piece),
            // Any text message ends a stream; the daemons send an empty one.
            (_, Event::Text(_)) => {
                if let Some(stream) = self.stream(slot) {
                    stream.end.get_or_insert(StreamEnd::Marked);
                }
            }
            (_, Event::Ended) => self.ended(slot, None, now),
            (_, Event::Failed(fault)) => self.ended(slot, Some(fault), now),
            // No socket, whatever the answer says. The operation knows why, unless it is over, which for
            // control is no harm.
            (_, Event::Reply(_)) => self.ended(slot, None, now),
            _ => {}
        }
    }

    fn ready(&self) -> bool {
        let open = self.input.open && self.outputs.iter().all(|stream| stream.open || stream.end.is_some());
        self.phase == Phase::Over || self.outcome.is_some() || self.broken_at.is_some() || open
    }

    fn live(&mut self) {
        self.live = true;
    }

    fn bound(&mut self, limits: &Limits) {
        self.limit.get_or_insert(limits.output);
    }
}

impl Unattended for Exec {}

impl std::fmt::Debug for Exec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exec({:?}, {:?})", self.target.path(), self.phase)
    }
}

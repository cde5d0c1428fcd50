use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use lxio_core::bytes::Chance;
use lxio_core::call::Call;
use lxio_core::flow::{Fault, Flow, IntoFlow, Unattended};
use lxio_core::model::Server;
use lxio_core::session::{Attempt, Cause, Error, Pool, Remote, Session};
use lxio_core::wire::{Line, Need, Reuse};

use super::core::Patience;
use super::{Core, Live, Task};
use crate::network::Socket;

/// A client in a [`Simulation`](super::Simulation): the same verbs as the blocking adapter's. Each returns when
/// it is done, in virtual time; what was [spawned](Self::spawn) goes on meanwhile.
///
/// Cheap to clone; clones share their warm connections. Dropping the last closes them.
#[derive(Clone)]
pub struct Client(Rc<Shared>);

struct Shared {
    core: Rc<Core>,
    session: Arc<Session>,
    pool: RefCell<Pool<Socket>>,
    chance: RefCell<Chance>,
}

impl Client {
    /// Connects and greets.
    pub(super) fn connect(core: &Rc<Core>, remote: &Remote, seed: u64) -> Result<Self, Error> {
        let mut chance = Chance::seeded(remote.seed.unwrap_or(seed));
        let greeting = Session::greeting();
        let stranger = Session::stranger(remote);
        let failed = |fault| Session::failed(&greeting.request, fault);
        let mut patience = core.patience();
        let socket = dial(core, &mut patience).map_err(|error| failed(Fault::Dial(error)))?;
        let mut attempt = Attempt::begin(&stranger, &greeting.request, Line::new(), false, &mut chance)?;
        match exchange(core, &socket, &mut attempt, &mut patience) {
            Ok(()) => {}
            Err(None) => return Err(Error::new(Cause::Stuck).at(&greeting.request)),
            Err(Some(fault)) => return Err(failed(fault)),
        }
        let session = Session::greeted(remote, attempt.conclude(&greeting)?)?;
        let client = Self(Rc::new(Shared {
            core: Rc::clone(core),
            session: Arc::new(session),
            pool: RefCell::new(Pool::new(remote.idle)),
            chance: RefCell::new(Chance::seeded(chance.draw())),
        }));
        client.give_back(socket, attempt);
        Ok(client)
    }

    /// What the server is and how it is spoken to.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.0.session
    }

    /// What the server said of itself when it was greeted.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.0.session.server
    }

    /// How many of its connections rest.
    #[must_use]
    pub fn resting(&self) -> usize {
        self.0.pool.borrow().len()
    }

    /// Makes one call.
    ///
    /// # Errors
    /// [`Error`] with what the server answered instead, or how the connection failed; [`Cause::Stuck`] if nothing
    /// would ever come of it.
    pub fn call<T>(&self, call: Call<T>) -> Result<T, Error> {
        let request = &call.request;
        self.0.session.check(request).map_err(|error| Error::from(error).at(request))?;
        let mut patience = self.0.core.patience();
        let mut chance = Chance::seeded(0);
        let mut warm = self.warm();
        loop {
            let (socket, line, is_warm) = match warm.take() {
                Some((socket, line)) => (socket, line, true),
                None => {
                    let socket = dial(&self.0.core, &mut patience)
                        .map_err(|error| Session::failed(request, Fault::Dial(error)))?;
                    (socket, Line::new(), false)
                }
            };
            let mut attempt = Attempt::begin(&self.0.session, request, line, is_warm, &mut chance)
                .map_err(|error| Error::from(error).at(request))?;
            match exchange(&self.0.core, &socket, &mut attempt, &mut patience) {
                Ok(()) => {
                    let result = attempt.conclude(&call);
                    self.give_back(socket, attempt);
                    return result;
                }
                Err(None) => return Err(Error::new(Cause::Stuck).at(request)),
                Err(Some(fault)) if attempt.may_repeat(request, &fault) => self.forget(),
                Err(Some(fault)) => return Err(Session::failed(request, fault)),
            }
        }
    }

    /// Runs a conversation to its end.
    ///
    /// # Errors
    /// [`Error`] with why it came to no good end; [`Cause::Stuck`] if nothing would ever come of it.
    pub fn run<C>(&self, conversation: C) -> Result<<C::Flow as Flow>::Output, Error>
    where
        C: IntoFlow,
        C::Flow: Unattended,
    {
        Live::new(conversation.into_flow(), self).finish()
    }

    /// Starts a conversation to take part in; returns when it stands.
    ///
    /// # Errors
    /// [`Error`] if it came to no good end before that.
    pub fn start<C: IntoFlow>(&self, conversation: C) -> Result<Live<C::Flow>, Error> {
        let mut flow = conversation.into_flow();
        flow.live();
        let mut live = Live::new(flow, self);
        live.stand()?;
        Ok(live)
    }

    /// Lets a conversation go on by itself, while others do. Nothing of it happens before time passes.
    pub fn spawn<C: IntoFlow>(&self, conversation: C) -> Task<C::Flow>
    where
        C::Flow: 'static,
    {
        Task::new(conversation.into_flow(), self)
    }

    pub(super) fn core(&self) -> &Rc<Core> {
        &self.0.core
    }

    pub(super) fn shared_session(&self) -> &Arc<Session> {
        &self.0.session
    }

    /// A stream of chance for one conversation.
    pub(super) fn chance(&self) -> Chance {
        self.0.chance.borrow_mut().fork()
    }

    /// A connection out of the pool.
    pub(super) fn warm(&self) -> Option<(Socket, Line)> {
        let now = self.0.core.now();
        let fresh = Pool::<Socket>::JUST_NOW;
        self.0.pool.borrow_mut().take(now, |socket, rested| rested < fresh || socket.is_silent())
    }

    /// Back to the pool.
    pub(super) fn rest(&self, socket: Socket, line: Line) {
        let now = self.0.core.now();
        self.0.pool.borrow_mut().put(socket, line, now);
    }

    /// One connection of the pool was dead, so none is worth trying.
    pub(super) fn forget(&self) {
        self.0.pool.borrow_mut().clear();
    }

    fn give_back(&self, socket: Socket, attempt: Attempt) {
        if let (line, Reuse::Yes) = attempt.finish() {
            self.rest(socket, line);
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({} at rest)", self.resting())
    }
}

fn dial(core: &Rc<Core>, patience: &mut Patience) -> io::Result<Socket> {
    let due = core.now().plus(core.network().dial_time());
    core.wait(due, patience);
    Socket::dial(core)
}

/// Moves the bytes of one exchange. No fault is: nothing would ever move them.
fn exchange(
    core: &Core,
    socket: &Socket,
    attempt: &mut Attempt,
    patience: &mut Patience,
) -> Result<(), Option<Fault>> {
    loop {
        let blocked = match attempt.need().map_err(Some)? {
            Need::Write(bytes) => match socket.write(bytes) {
                Ok(count) => {
                    attempt.wrote(count);
                    false
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
                Err(error) => {
                    attempt.write_failed(error);
                    false
                }
            },
            Need::Read(space) => match socket.read(space) {
                Ok(count) => {
                    attempt.read(count);
                    false
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
                Err(error) => return Err(Some(attempt.read_failed(error))),
            },
            // A call has its body in memory and collects its answer.
            Need::Fill(_) => {
                attempt.filled(0);
                false
            }
            Need::Take(bytes) => {
                let count = bytes.len();
                attempt.took(count);
                false
            }
            Need::Done => return Ok(()),
        };
        if blocked {
            let end = attempt.until(core.now());
            if end.is_some_and(|end| end <= core.now()) {
                return Err(Some(attempt.expired()));
            }
            if !core.turn(end, patience) {
                return Err(None);
            }
        }
    }
}

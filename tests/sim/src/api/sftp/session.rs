use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

use super::packet::Failure;
use super::serve::Server;
use crate::api::state::Named;
use crate::http::{Answer, Answered, Refusal, Request, Upgrade};
use crate::machine::files::{Errno, Inode};
use crate::world::{Channel, Message, World};

/// A longer packet ends the session.
const LONGEST: usize = 256 << 10;

/// A file or a directory that a client has opened.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) path: Vec<u8>,
    pub(super) inode: Inode,
    pub(super) read: bool,
    pub(super) write: bool,
    /// How many names of a directory were told.
    pub(super) listed: usize,
    /// Keeps the file, though its name may be gone.
    pub(super) _open: Arc<()>,
}

/// What is open, by name.
#[derive(Debug, Default)]
pub(super) struct Handles {
    open: BTreeMap<String, Handle>,
    count: u64,
}

impl Handles {
    pub(super) fn add(&mut self, handle: Handle) -> String {
        self.count += 1;
        let name = self.count.to_string();
        self.open.insert(name.clone(), handle);
        name
    }

    pub(super) fn find(&self, name: &[u8]) -> Result<&Handle, Failure> {
        let found = std::str::from_utf8(name).ok().and_then(|it| self.open.get(it));
        found.ok_or_else(|| Failure::plain(Errno::BadDescriptor))
    }

    pub(super) fn find_mut(&mut self, name: &[u8]) -> Result<&mut Handle, Failure> {
        let found = std::str::from_utf8(name).ok().and_then(|it| self.open.get_mut(it));
        found.ok_or_else(|| Failure::plain(Errno::BadDescriptor))
    }

    pub(super) fn close<T>(&mut self, name: &[u8]) -> Result<Option<T>, Failure> {
        let closed = std::str::from_utf8(name).ok().and_then(|it| self.open.remove(it));
        closed.map(|_| None).ok_or_else(|| Failure::plain(Errno::BadDescriptor))
    }
}

/// A file transfer session, and its connection.
#[derive(Debug)]
pub(crate) struct Session {
    instance: Named,
    pub(crate) channel: Channel,
    bytes: BytesMut,
    handles: Handles,
}

/// `GET /1.0/instances/{name}/sftp`.
pub(crate) fn get(world: &World, request: &Request, name: &str) -> Answered {
    if request.field("upgrade") != Some(b"sftp") {
        return Err(Refusal::new(400, "Missing or invalid upgrade header"));
    }
    world.instance(request.project(), name)?;
    Ok(Answer::Upgrade(Upgrade::Sftp(request.project().to_owned(), name.to_owned())))
}

/// Opens a session: its number.
pub(crate) fn open(world: &mut World, project: &str, name: &str) -> u64 {
    let number = world.state.transfers.last_key_value().map_or(1, |(number, _)| number + 1);
    let session = Session {
        instance: (project.to_owned(), name.to_owned()),
        channel: Channel::default(),
        bytes: BytesMut::new(),
        handles: Handles::default(),
    };
    world.state.transfers.insert(number, session);
    number
}

/// Lets all sessions go on. Whether anything moved.
pub(crate) fn step(world: &mut World) -> bool {
    let mut moved = false;
    let mut sessions = std::mem::take(&mut world.state.transfers);
    sessions.retain(|_, session| {
        let alive = session.step(world, &mut moved);
        moved |= !alive;
        alive
    });
    world.state.transfers = sessions;
    moved
}

impl Session {
    /// Answers what has come whole, as long as the answers are taken. Whether the session goes on.
    fn step(&mut self, world: &World, moved: &mut bool) -> bool {
        let Some(instance) = world.state.instances.get(&self.instance) else { return false };
        let now = world.time_of_day();
        while self.channel.space() > 0 {
            let packet = match self.packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => match self.channel.next() {
                    Some(Message::Binary(bytes)) => {
                        *moved = true;
                        self.bytes.extend_from_slice(&bytes);
                        continue;
                    }
                    Some(_) => continue,
                    None => return !self.channel.is_ended(),
                },
                Err(()) => return false,
            };
            let handles = &mut self.handles;
            let answer = instance.machine.files(|files| Server { files, handles, now }.answer(packet));
            let Some(answer) = answer else { return false };
            self.channel.tell(Message::Binary(answer));
            *moved = true;
        }
        true
    }

    /// The next packet that is whole.
    fn packet(&mut self) -> Result<Option<Bytes>, ()> {
        let Some(length) = self.bytes.first_chunk() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if length > LONGEST {
            return Err(());
        }
        if self.bytes.len() < 4 + length {
            return Ok(None);
        }
        self.bytes.advance(4);
        Ok(Some(self.bytes.split_to(length).freeze()))
    }
}

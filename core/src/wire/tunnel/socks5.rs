use core::net::IpAddr;

use super::{Next, Proxy, SocksRefusal, TunnelError};
use crate::bytes::{Inbox, Secret};
use crate::wire::{Host, Origin};

const VERSION: u8 = 5;

/// The ways to say who we are.
const NOBODY: u8 = 0;
const USER: u8 = 2;
const NO_METHOD: u8 = 0xff;

/// The kinds of address.
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// The talk of RFC 1928.
pub(super) struct Socks5 {
    user: Option<(String, Secret)>,
    server: Origin,
    phase: Phase,
}

#[derive(Clone, Copy)]
enum Phase {
    Method,
    Login,
    Reply,
    Done,
}

impl Socks5 {
    /// Puts the greeting into `out`.
    pub(super) fn begin(proxy: &Proxy, server: &Origin, out: &mut Vec<u8>) -> Self {
        let user = proxy.user().map(|(name, password)| (name.to_owned(), password.clone()));
        match user {
            Some(_) => out.extend_from_slice(&[VERSION, 2, NOBODY, USER]),
            None => out.extend_from_slice(&[VERSION, 1, NOBODY]),
        }
        Self { user, server: server.clone(), phase: Phase::Method }
    }

    /// Reads one answer, if it is there, and puts what follows into `out`.
    pub(super) fn next(&mut self, inbox: &mut Inbox, out: &mut Vec<u8>) -> Result<Next, TunnelError> {
        // Whatever is wrong shows at the first byte that tells, so that it does not matter what follows it.
        match (self.phase, inbox.data()) {
            (Phase::Done, _) => Ok(Next::Done),
            (Phase::Method | Phase::Reply, &[version, ..]) if version != VERSION => {
                Err(TunnelError::NotSocks { version })
            }
            (Phase::Method, &[_, method, ..]) => {
                match (method, &self.user) {
                    (NOBODY, _) => self.ask(out),
                    (USER, Some((name, password))) => {
                        out.push(1);
                        push_short(out, name);
                        push_short(out, password.reveal());
                        self.phase = Phase::Login;
                    }
                    (NO_METHOD, _) => return Err(TunnelError::NoMethod),
                    _ => return Err(TunnelError::BadMethod { method }),
                }
                inbox.consume(2);
                Ok(Next::Write)
            }
            // The version of the login, which some give as that of SOCKS, says nothing.
            (Phase::Login, &[_, 0, ..]) => {
                self.ask(out);
                inbox.consume(2);
                Ok(Next::Write)
            }
            (Phase::Login, &[_, _, ..]) => Err(TunnelError::BadUser),
            (Phase::Reply, &[_, code @ 1..=255, ..]) => Err(TunnelError::Socks(SocksRefusal::of(code))),
            (Phase::Reply, &[_, _, _, kind, ref bound @ ..]) => {
                let address = match (kind, bound) {
                    (IPV4, _) => 4,
                    (IPV6, _) => 16,
                    (NAME, &[length, ..]) => 1 + usize::from(length),
                    (NAME, _) => return Ok(Next::Read),
                    _ => return Err(TunnelError::BadAddress { kind }),
                };
                // Behind it stands a port.
                if bound.len() < address + 2 {
                    return Ok(Next::Read);
                }
                inbox.consume(4 + address + 2);
                self.phase = Phase::Done;
                Ok(Next::Done)
            }
            _ => Ok(Next::Read),
        }
    }

    /// Asks for a connection to the server.
    fn ask(&mut self, out: &mut Vec<u8>) {
        const CONNECT: u8 = 1;
        out.extend_from_slice(&[VERSION, CONNECT, 0]);
        match self.server.host() {
            Host::Name(name) => {
                out.push(NAME);
                push_short(out, name);
            }
            Host::Address(IpAddr::V4(address)) => {
                out.push(IPV4);
                out.extend_from_slice(&address.octets());
            }
            Host::Address(IpAddr::V6(address)) => {
                out.push(IPV6);
                out.extend_from_slice(&address.octets());
            }
        }
        out.extend_from_slice(&self.server.port().to_be_bytes());
        self.phase = Phase::Reply;
    }
}

/// Appends a text behind its length. Names of hosts and users have at most 255 bytes.
fn push_short(out: &mut Vec<u8>, text: &str) {
    out.push(text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}

//! Whatever a proxy says, a tunnel stands where its answers are a yes, and hands on what came behind them;
//! otherwise it fails, the same whatever the cuts. A name and a password go only to a proxy that asks.

use lxio_core::bytes::Inbox;
use lxio_core::wire::{Need, Origin, Proxy, Tunnel, TunnelError};

use crate::input::{Cuts, Input};
use crate::oracle::Head;
use crate::play::small_limits;

const PROXIES: [&str; 4] =
    ["http://proxy:3128", "http://me:it@proxy", "socks5://proxy", "socks5h://me:it@proxy"];
const SERVERS: [&str; 3] = ["shop.example", "10.1.2.3:1", "[2001:db8::1]:443"];

/// What came of a talk: what was sent, and what came behind the last answer, read or not.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    sent: Vec<u8>,
    rest: Result<Vec<u8>, TunnelError>,
}

/// One control byte (proxy and server), then what the proxy says.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choice = usize::from(input.byte());
    let (proxy, server) = (choice % 4, choice / 4 % 3);
    let answers = input.rest();
    let [whole, single, mixed] =
        Cuts::all(bytes).map(|cuts| play(PROXIES[proxy], SERVERS[server], answers, cuts));
    assert_eq!(whole, single);
    assert_eq!(whole, mixed);

    let expected = if proxy < 2 { connect(answers) } else { socks(answers, proxy == 3) };
    match &whole.rest {
        Ok(rest) => {
            assert!(answers.ends_with(rest));
            assert_eq!(Some(answers.len() - rest.len()), expected);
        }
        // A head is read more strictly than here.
        Err(TunnelError::NotHttp | TunnelError::BadHead) => assert!(proxy < 2),
        Err(error) => assert_eq!(expected, None, "{error}"),
    }
    if proxy == 3 && answers.get(1) != Some(&2) {
        assert!(!whole.sent.windows(2).any(|part| part == b"it"));
    }
}

fn play(proxy: &str, server: &str, mut answers: &[u8], mut cuts: Cuts) -> Outcome {
    let (proxy, server) = (Proxy::parse(proxy).unwrap(), Origin::parse(server, 8443).unwrap());
    let mut tunnel = Tunnel::new(&proxy, &server, &small_limits());
    let (most, mut sent, mut ended) = (1000 + answers.len(), Vec::new(), false);
    for _ in 0..most {
        match tunnel.need() {
            Ok(Need::Write(bytes)) => {
                assert!(!bytes.is_empty(), "nothing is to be written");
                let count = cuts.next(bytes.len());
                sent.extend_from_slice(&bytes[..count]);
                tunnel.wrote(count);
            }
            Ok(Need::Read(space)) => {
                assert!(!space.is_empty() && !ended, "there is nothing to read");
                assert!(space.len() <= Inbox::ROOM, "memory grows");
                let count = cuts.next(answers.len().min(space.len()));
                space[..count].copy_from_slice(&answers[..count]);
                answers = &answers[count..];
                ended = count == 0;
                tunnel.read(count);
            }
            Ok(Need::Fill(_) | Need::Take(_)) => panic!("a tunnel has no body"),
            Ok(Need::Done) => {
                return Outcome { sent, rest: Ok([tunnel.into_rest().data(), answers].concat()) };
            }
            Err(error) => {
                assert_eq!(tunnel.need().unwrap_err(), error, "the error changes");
                return Outcome { sent, rest: Err(error) };
            }
        }
    }
    panic!("no progress");
}

/// Where a good answer to CONNECT ends.
fn connect(answers: &[u8]) -> Option<usize> {
    let limits = small_limits();
    let mut start = 0;
    for _ in 0..=limits.interim {
        let head = Head::read(&answers[start..])?;
        if head.end > limits.head {
            return None;
        }
        start += head.end;
        match head.status() {
            200..=299 => return Some(start),
            100 | 102..=199 => {}
            _ => return None,
        }
    }
    None
}

/// Where a good talk of SOCKS ends.
fn socks(answers: &[u8], user: bool) -> Option<usize> {
    let login = match answers {
        [5, 0, ..] => 0,
        [5, 2, _, 0, ..] if user => 2,
        _ => return None,
    };
    let reply = &answers[2 + login..];
    let address = match reply {
        [5, 0, _, 1, ..] => 4,
        [5, 0, _, 4, ..] => 16,
        [5, 0, _, 3, length, ..] => 1 + usize::from(*length),
        _ => return None,
    };
    let end = 2 + login + 4 + address + 2;
    (end <= answers.len()).then_some(end)
}

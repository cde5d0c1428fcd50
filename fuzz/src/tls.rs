//! Whatever a peer says to a TLS filter after a start that was real, the filter ends, holds a bounded memory, and
//! hands on nothing but what a server that proved itself has sealed, in its order. Nothing plain leaves before
//! that proof.

use std::sync::{Arc, LazyLock};

use lxio_core::wire::{
    Authorities, Filter, FilterError, Opened, Origin, Tls, TlsClient, TlsSettings, TlsWorld, Trust,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use std::io::{Read, Write};

use crate::input::{Cuts, Input};
use crate::memory;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/fixtures/tls/server/", $name)).as_slice()
    };
}

/// What the client wants to send: more than one record holds.
const SENT: usize = 20_000;
/// A peer repeats itself up to so much: byte by byte, and otherwise.
const MOST: [usize; 2] = [10_000, 400_000];
/// At least so much of it at once, so that there are not too many records.
const BLOCK: usize = 4000;
/// Room for both ends with their buffers; much less than what is said.
const MEMORY: usize = 350_000;

static CLIENT: LazyLock<TlsClient> = LazyLock::new(|| {
    let mut settings = TlsSettings::default();
    settings.trust = Trust::pinned(fixture!("self-signed.crt")).unwrap();
    settings.tls12 = true;
    settings.build(&TlsWorld { clock: || 1_790_000_000, authorities: Authorities::NONE }).unwrap()
});

static SERVERS: LazyLock<[Arc<ServerConfig>; 2]> = LazyLock::new(|| {
    [&rustls::version::TLS13, &rustls::version::TLS12].map(|version| {
        let provider = Arc::new(ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        let certificate = CertificateDer::from_pem_slice(fixture!("self-signed.crt")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(fixture!("self-signed.key")).unwrap();
        let mut config = builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        config.send_tls13_tickets = 1;
        Arc::new(config)
    })
});

/// What a peer does.
#[derive(Clone, Copy)]
enum Plot {
    /// Says so many bytes of a real handshake, then the rest of the input, again and again.
    Strays(usize),
    /// Does a real handshake, then says the rest of the input as it is, again and again.
    Interrupts,
    /// Does a real handshake, seals the rest of the input again and again, and says that this is all.
    Speaks,
    /// As that, and does not say so.
    Stops,
    /// As that, and changes one bit of what was sealed.
    Lies(usize),
}

/// Two control bytes (plot, version of TLS, and a number for them), then what the peer says.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    LazyLock::force(&CLIENT);
    LazyLock::force(&SERVERS);
    let mut input = Input::new(bytes);
    let choice = input.byte();
    let number = usize::from(input.byte());
    let plot = match choice % 5 {
        0 => Plot::Strays(number * 8),
        1 => Plot::Interrupts,
        2 => Plot::Speaks,
        3 => Plot::Stops,
        _ => Plot::Lies(number),
    };
    for cuts in Cuts::all(bytes) {
        let (peer, held) = memory::peak(|| play(plot, usize::from(choice / 5 % 2), input.rest(), cuts));
        peer.judge(plot);
        assert!(held < MEMORY, "{held} bytes are held");
    }
}

/// The server's side, and what came of both.
struct Peer {
    server: ServerConnection,
    plot: Plot,
    /// The rest of the input, again and again.
    said: Vec<u8>,
    most: usize,
    /// What waits to come to the client.
    wire: Vec<u8>,
    /// How much of the real server came, or of what it sealed; how much of the rest.
    real: usize,
    rest: usize,
    /// Plain bytes, as they came and as they were sealed.
    heard: usize,
    sealed: usize,
    opened: usize,
    end: Option<Result<Opened, FilterError>>,
}

impl Peer {
    /// What comes next is in `wire`; nothing at the end.
    fn go_on(&mut self) {
        if !self.wire.is_empty() {
            return;
        }
        let mut out = Vec::new();
        let is_done = !self.server.is_handshaking();
        if let (Plot::Speaks | Plot::Stops | Plot::Lies(_), true) = (self.plot, is_done)
            && !self.said.is_empty()
            && self.sealed < self.most
        {
            let count = self.said.len().min(self.most - self.sealed);
            let sealed = self.server.writer().write(&self.said[..count]).unwrap();
            self.sealed += sealed;
        } else if matches!(self.plot, Plot::Speaks) && is_done {
            self.server.send_close_notify();
        }
        while self.server.wants_write() {
            self.server.write_tls(&mut out).unwrap();
        }
        if let (Plot::Lies(at), true, [_, ..]) = (self.plot, self.sealed > 0, &mut *out) {
            let at = at % out.len();
            out[at] ^= 1;
        }
        let room = match self.plot {
            Plot::Strays(room) => room - self.real,
            _ => usize::MAX,
        };
        out.truncate(room);
        self.real += out.len();
        let strays = match self.plot {
            // A server that says nothing more is in the middle of its handshake.
            Plot::Strays(room) => out.is_empty() || self.real == room,
            Plot::Interrupts => is_done && out.is_empty(),
            _ => false,
        };
        if strays && self.rest < self.most {
            out.extend_from_slice(&self.said);
            self.rest += self.said.len();
        }
        self.wire = out;
    }

    fn hear(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.server.read_tls(&mut bytes).is_ok_and(|count| count > 0) {
            // What an alert says is of no interest.
            let _ = self.server.process_new_packets();
            let mut plain = Vec::new();
            let _ = self.server.reader().read_to_end(&mut plain);
            assert!(plain.iter().all(|byte| *byte == b'!'));
            self.heard += plain.len();
        }
    }

    fn judge(&self, plot: Plot) {
        let end = self.end.as_ref().unwrap();
        assert!(self.opened <= self.sealed);
        match plot {
            Plot::Strays(_) | Plot::Interrupts => assert_eq!(self.opened, 0),
            Plot::Speaks => {
                assert_eq!((self.opened, end), (self.sealed, &Ok(Opened::End)));
                assert_eq!(self.heard, SENT);
            }
            Plot::Stops => assert_eq!((self.opened, end), (self.sealed, &Ok(Opened::Cut))),
            Plot::Lies(_) => assert!(end.is_err() || *end == Ok(Opened::Cut), "{end:?}"),
        }
    }
}

fn play(plot: Plot, version: usize, said: &[u8], mut cuts: Cuts) -> Peer {
    let origin = Origin::parse("shop.example", 8443).unwrap();
    let mut tls = CLIENT.connect(&origin).unwrap();
    let server = ServerConnection::new(Arc::clone(&SERVERS[version])).unwrap();
    let said = if said.is_empty() { b"x" } else { said };
    let said = said.repeat(1 + BLOCK / said.len());
    let most = MOST[usize::from(!matches!(cuts, Cuts::Single))];
    let mut peer = Peer {
        server,
        plot,
        said,
        most,
        wire: Vec::new(),
        real: 0,
        rest: 0,
        heard: 0,
        sealed: 0,
        opened: 0,
        end: None,
    };
    let (mut unsent, mut ended) = (&[b'!'; SENT][..], false);
    for _ in 0..10 * most {
        let stood = tls.stands();
        let sealed = tls.seal(unsent);
        if let Ok(count) = sealed {
            assert!(count == 0 || tls.stands(), "something plain left, and the server has not proved itself");
            assert!(stood || count == 0 || peer.real > 0);
            unsent = &unsent[count..];
        }
        let mut space = [0; 5000];
        let opened = match sealed {
            Ok(_) => {
                let room = cuts.next(space.len());
                tls.open(&mut space[..room])
            }
            Err(error) => Err(error),
        };
        // Whatever there is leaves, also after a failure: the other side is told.
        let out = tls.outgoing();
        let count = out.len();
        peer.hear(&out.to_vec());
        tls.wrote(count);
        match opened {
            Ok(Opened::Bytes(count)) => {
                assert!(count > 0 && tls.stands());
                for (at, byte) in (peer.opened..).zip(&space[..count]) {
                    assert_eq!(*byte, peer.said[at % peer.said.len()]);
                }
                peer.opened += count;
            }
            Ok(Opened::Starved) => {
                assert!(!ended, "it waits for what cannot come");
                peer.go_on();
                let space = tls.space();
                let count = cuts.next(peer.wire.len().min(space.len()));
                space[..count].copy_from_slice(&peer.wire[..count]);
                tls.read(count);
                peer.wire.drain(..count);
                ended = count == 0;
            }
            end => {
                assert!(is_final(&mut tls, &end), "{end:?} is not the end");
                peer.end = Some(end);
                return peer;
            }
        }
    }
    panic!("it does not end");
}

/// Whether it says the same again.
fn is_final(tls: &mut Tls, end: &Result<Opened, FilterError>) -> bool {
    let again = tls.open(&mut [0; 9]);
    match end {
        Err(error) => again.as_ref() == Err(error) && tls.seal(b"!").as_ref() == Err(error),
        Ok(_) => again == *end,
    }
}

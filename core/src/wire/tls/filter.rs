use std::fmt;

use rustls::AlertDescription;
use rustls::client::UnbufferedClientConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};

use super::TlsError;
use super::verify::Refusal;
use crate::bytes::Inbox;
use crate::wire::{Filter, FilterError, Opened};

/// Room for a whole record.
const RECORD: usize = 18 << 10;
/// No more is sealed while so much waits to leave.
const FULL: usize = 64 << 10;
/// The most that is sealed at once: four records.
const PIECE: usize = 64 << 10;
/// More than a record adds to what it holds, and more than four do.
const AROUND: usize = 512;

/// The client's end of one TLS connection, as a [`Filter`].
pub struct Tls {
    connection: UnbufferedClientConnection,
    incoming: Inbox,
    outgoing: Inbox,
    /// What was opened and did not fit into the space that was there for it.
    plain: Inbox,
    /// The handshake is over, as far as we are concerned.
    stands: bool,
    /// Something came, and it was TLS.
    heard: bool,
    /// The other side said that nothing follows.
    closed: bool,
    /// The stream ended.
    ended: bool,
    failed: Option<TlsError>,
}

/// What there is to do beside the handshake.
enum Work<'a> {
    Nothing,
    Seal(&'a [u8]),
    Open(&'a mut [u8]),
}

impl Tls {
    pub(super) fn new(connection: UnbufferedClientConnection) -> Self {
        let mut tls = Self {
            connection,
            incoming: Inbox::new(),
            outgoing: Inbox::new(),
            plain: Inbox::new(),
            stands: false,
            heard: false,
            closed: false,
            ended: false,
            failed: None,
        };
        // The client speaks first. What is wrong, if anything, is said when it is used.
        let _ = tls.work(Work::Nothing);
        tls
    }

    /// Whether this connection took up the session of an earlier one. `None` during the handshake.
    #[must_use]
    pub fn resumed(&self) -> Option<bool> {
        self.connection.handshake_kind().map(|kind| kind == rustls::HandshakeKind::Resumed)
    }

    /// Goes on as far as what came allows: at most until there is something plain. How many bytes were sealed
    /// or opened.
    fn work(&mut self, mut work: Work<'_>) -> Result<usize, TlsError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        loop {
            let UnbufferedStatus { discard, state, .. } =
                self.connection.process_tls_records(self.incoming.data_mut());
            let mut done = None;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    let mut opened = 0;
                    while let Some(record) = traffic.next_record() {
                        let mut payload = match &record {
                            Ok(record) => record.payload,
                            Err(_) => &[],
                        };
                        if let Work::Open(space) = &mut work
                            && self.plain.is_empty()
                        {
                            let count = payload.len().min(space.len() - opened);
                            space[opened..opened + count].copy_from_slice(&payload[..count]);
                            payload = &payload[count..];
                            opened += count;
                        }
                        if !payload.is_empty() {
                            self.plain.push(payload);
                        }
                    }
                    if opened > 0 {
                        done = Some(opened);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    let mut room = 4 << 10;
                    loop {
                        match data.encode(self.outgoing.space(room)) {
                            Ok(count) => self.outgoing.filled(count),
                            Err(EncodeError::InsufficientSize(need)) if need.required_size > room => {
                                room = need.required_size;
                                continue;
                            }
                            Err(_) => {}
                        }
                        break;
                    }
                }
                // It leaves in order, before anything that is sealed later.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    self.stands = true;
                    let mut sealed = 0;
                    if let Work::Seal(plain) = &work
                        && self.outgoing.len() < FULL
                    {
                        let piece = &plain[..plain.len().min(PIECE)];
                        let room = self.outgoing.space(piece.len() + AROUND);
                        match traffic.encrypt(piece, room) {
                            Ok(count) => {
                                self.outgoing.filled(count);
                                sealed = piece.len();
                            }
                            Err(EncryptError::EncryptExhausted) => {
                                self.failed = Some(TlsError::Protocol("its keys are used up".into()));
                            }
                            Err(error) => self.failed = Some(TlsError::Protocol(error.to_string())),
                        }
                    }
                    done = Some(sealed);
                }
                Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => {
                    self.closed = true;
                    if matches!(work, Work::Open(_)) {
                        done = Some(0);
                    }
                }
                // The handshake waits, or there is early data, which no client gets.
                Ok(_) => done = Some(0),
                Err(error) => self.failed = Some(self.explain(error)),
            }
            self.incoming.consume(discard);
            self.heard |= discard > 0 && self.failed.is_none();
            if let Some(error) = &self.failed {
                let error = error.clone();
                self.say_why();
                return Err(error);
            }
            if let Some(count) = done {
                return Ok(count);
            }
            if self.closed && self.incoming.is_empty() && matches!(work, Work::Nothing) {
                return Ok(0);
            }
        }
    }

    /// Puts the alert that tells the other side what was wrong, if there is one, behind what is outgoing.
    fn say_why(&mut self) {
        // Asked once, and with what it has seen: it remembers places in that.
        let UnbufferedStatus { state, .. } = self.connection.process_tls_records(self.incoming.data_mut());
        if let Ok(ConnectionState::EncodeTlsData(mut alert)) = state
            && let Ok(count) = alert.encode(self.outgoing.space(RECORD))
        {
            self.outgoing.filled(count);
        }
    }

    fn explain(&self, error: rustls::Error) -> TlsError {
        match error {
            rustls::Error::InvalidCertificate(why) => match Refusal::of(&why) {
                Some(refusal) => TlsError::Distrusted {
                    certificate: refusal.certificate.clone(),
                    why: refusal.why.clone(),
                },
                None => TlsError::Protocol(format!("the server's certificate is no good: {why}")),
            },
            rustls::Error::AlertReceived(alert) if is_about_us(alert) => {
                TlsError::Unwelcome(alert_text(alert))
            }
            rustls::Error::AlertReceived(alert) => TlsError::Alert(alert_text(alert)),
            error if !self.heard => {
                let start = self.incoming.data();
                let start = &start[..start.len().min(32)];
                if start.starts_with(b"HTTP/") {
                    TlsError::PlainHttp
                } else if matches!(error, rustls::Error::InvalidMessage(_)) && !looks_like_tls(start) {
                    TlsError::NotTls { start: start.escape_ascii().to_string() }
                } else {
                    TlsError::Protocol(error.to_string())
                }
            }
            error => TlsError::Protocol(error.to_string()),
        }
    }
}

/// Whether a record of TLS could start so.
fn looks_like_tls(start: &[u8]) -> bool {
    matches!(start, [20..=24, 3, ..])
}

/// Whether it is about the client's certificate.
const fn is_about_us(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
            | A::CertificateRequired
    )
}

/// The words of RFC 8446, with spaces.
fn alert_text(alert: AlertDescription) -> String {
    let name = alert.as_str().map_or_else(|| format!("alert {}", u8::from(alert)), str::to_owned);
    let mut text = String::new();
    for (at, letter) in name.char_indices() {
        if at > 0 && letter.is_uppercase() && name.as_bytes()[at - 1].is_ascii_lowercase() {
            text.push(' ');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

impl Filter for Tls {
    fn outgoing(&mut self) -> &[u8] {
        self.outgoing.data()
    }

    fn wrote(&mut self, count: usize) {
        self.outgoing.consume(count);
    }

    fn space(&mut self) -> &mut [u8] {
        self.incoming.space(RECORD)
    }

    fn read(&mut self, count: usize) {
        if count == 0 {
            self.ended = true;
        } else {
            self.incoming.filled(count);
        }
    }

    fn seal(&mut self, plain: &[u8]) -> Result<usize, FilterError> {
        let work = if plain.is_empty() { Work::Nothing } else { Work::Seal(plain) };
        let sealed = self.work(work)?;
        if self.ended && !self.stands {
            return Err(self.failed.insert(TlsError::Closed).clone().into());
        }
        Ok(sealed)
    }

    fn open(&mut self, space: &mut [u8]) -> Result<Opened, FilterError> {
        if space.is_empty() {
            return Ok(Opened::Starved);
        }
        let mut count = self.plain.len().min(space.len());
        if count > 0 {
            space[..count].copy_from_slice(&self.plain.data()[..count]);
            self.plain.consume(count);
        } else {
            count = self.work(Work::Open(space))?;
        }
        Ok(match count {
            0 if self.closed => Opened::End,
            0 if self.ended && !self.stands => {
                return Err(self.failed.insert(TlsError::Closed).clone().into());
            }
            0 if self.ended => Opened::Cut,
            0 => Opened::Starved,
            count => Opened::Bytes(count),
        })
    }

    fn stands(&self) -> bool {
        self.stands
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("stands", &self.stands)
            .field("incoming", &self.incoming)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

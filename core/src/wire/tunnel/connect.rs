use data_encoding::BASE64;
use http::StatusCode;

use super::{Next, Proxy, TunnelError};
use crate::bytes::{Inbox, Limits};
use crate::wire::origin::Authority;
use crate::wire::{Origin, head};

/// Bytes of a reason that are kept.
const REASON: usize = 200;

/// Most fields that a head may have, whatever the limits say.
const MOST_FIELDS: usize = 128;

/// `CONNECT`, and the answer to it.
pub(super) struct Connect {
    limits: Limits,
    scanned: usize,
    interim: usize,
    done: bool,
}

impl Connect {
    /// Puts the request into `out`.
    pub(super) fn begin(proxy: &Proxy, server: &Origin, limits: &Limits, out: &mut Vec<u8>) -> Self {
        let place = Authority(server.host(), Some(server.port()));
        out.extend_from_slice(format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n").as_bytes());
        if let Some((name, password)) = proxy.user() {
            let user = BASE64.encode(format!("{name}:{}", password.reveal()).as_bytes());
            out.extend_from_slice(format!("Proxy-Authorization: Basic {user}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        Self { limits: limits.clone(), scanned: 0, interim: 0, done: false }
    }

    /// Reads the head of the answer, which has no body if it is a good one, whatever its fields say.
    pub(super) fn next(&mut self, inbox: &mut Inbox) -> Result<Next, TunnelError> {
        while !self.done {
            let data = inbox.data();
            if !head::looks_like_http(data) {
                return Err(TunnelError::NotHttp);
            }
            let end = head::end_of_head(data, self.scanned);
            if end.unwrap_or(data.len()) > self.limits.head {
                return Err(TunnelError::HeadTooLong { limit: self.limits.head });
            }
            let Some(end) = end else {
                self.scanned = data.len();
                return Ok(Next::Read);
            };
            let (status, reason) = parse(&data[..end], self.limits.fields)?;
            inbox.consume(end);
            self.scanned = 0;
            if status.is_success() {
                self.done = true;
            } else if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
                self.interim += 1;
                if self.interim > self.limits.interim {
                    return Err(TunnelError::TooManyInterim { limit: self.limits.interim });
                }
            } else {
                return Err(TunnelError::Refused { status, reason });
            }
        }
        Ok(Next::Done)
    }
}

/// Status and reason of a whole head.
fn parse(head: &[u8], fields: usize) -> Result<(StatusCode, String), TunnelError> {
    let mut room = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut room[..fields.min(MOST_FIELDS)]);
    match response.parse(head) {
        Ok(parsed) if parsed.is_complete() => {}
        _ => return Err(TunnelError::BadHead),
    }
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(TunnelError::BadHead)?;
    // A reason is ASCII: httparse drops another.
    let reason = response.reason.unwrap_or_default().trim();
    Ok((status, reason.chars().take(REASON).collect()))
}

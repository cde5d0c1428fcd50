//! How many handshakes calls need: what the pool saves, and what sessions that are resumed do.

use crate::Failure;
use crate::get::{self, Connections};
use crate::server::Https;

/// The handshakes in full, and those that took up an earlier session, of a client that makes at least `calls`
/// calls on such connections to a server of its own.
///
/// # Errors
/// When a call fails.
pub fn count(
    client: &str,
    connections: Connections,
    resumes: bool,
    calls: usize,
) -> Result<(usize, usize), Failure> {
    let server = Https::start(resumes)?;
    get::run(client, &server.address.to_string(), connections, calls)?;
    Ok(server.handshakes())
}

//! The daemon on real sockets, for any client.
//!
//! ```text
//! listener ──► Wire (a socket that does not block) ◄──► Daemon     one thread, one poll(2)
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `server` | what the user holds: the thread and the daemon in it |
//! | `turn`   | the loop: sockets and moments to the daemon and back |
//! | `wire`   | a Unix socket or a TCP connection |
//! | `tls`    | the server's side of TLS |

mod server;
#[cfg(test)]
mod tests;
mod tls;
mod turn;
mod wire;

pub use server::Server;

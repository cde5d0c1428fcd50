use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::sockopt;

/// A peer that is gone without a word is found out after a minute, also while nothing is said.
const QUIET: Duration = Duration::from_secs(30);
const PROBE: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;

/// Sets a TCP connection up as these conversations need it: small messages leave at once, and a peer that is
/// gone is noticed. What the system does not support is left as it is.
pub fn tune(stream: impl AsFd) {
    let stream = stream.as_fd();
    let _ = sockopt::set_tcp_nodelay(stream, true);
    if sockopt::set_socket_keepalive(stream, true).is_ok() {
        let _ = sockopt::set_tcp_keepidle(stream, QUIET);
        let _ = sockopt::set_tcp_keepintvl(stream, PROBE);
        let _ = sockopt::set_tcp_keepcnt(stream, PROBES);
    }
}

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use lxio_core::session::Dial;
use lxio_core::wire::Host;

/// Adds to a failure to connect what is known about it: which address it was, which group may use a socket that
/// is not permitted. The kind of the error stays.
#[must_use]
pub fn explain(dial: &Dial, error: io::Error) -> io::Error {
    match dial {
        Dial::Unix(path) => explain_unix(path, error),
        Dial::Tcp(Host::Address(address), port) => {
            io::Error::new(error.kind(), format!("{}: {error}", SocketAddr::new(*address, *port)))
        }
        Dial::Tcp(name, port) => io::Error::new(error.kind(), format!("{name}:{port}: {error}")),
    }
}

fn explain_unix(path: &Path, error: io::Error) -> io::Error {
    let gid = match std::fs::metadata(path) {
        Ok(metadata) if error.kind() == io::ErrorKind::PermissionDenied => metadata.gid(),
        _ => return error,
    };
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let group = group_name(&groups, gid).map_or_else(|| gid.to_string(), str::to_owned);
    io::Error::new(error.kind(), format!("permission denied; the socket belongs to the group {group}"))
}

fn group_name(groups: &str, gid: u32) -> Option<&str> {
    groups.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)?.parse() == Ok(gid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_number() {
        let groups = "root:x:0:\nincus-admin:x:997:me\nbroken\n";
        assert_eq!(group_name(groups, 997), Some("incus-admin"));
        assert_eq!(group_name(groups, 5), None);
    }

    #[test]
    fn other_failures_stay_as_they_are() {
        let error = explain(&Dial::Unix("/nowhere".into()), io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let denied = explain(&Dial::Unix("/".into()), io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(denied.to_string().contains("group root"), "{denied}");
    }

    #[test]
    fn an_address_is_named() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let there = Dial::Tcp(Host::Address("::1".parse().unwrap()), 8443);
        let error = explain(&there, refused());
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(error.to_string(), "[::1]:8443: connection refused");
        let there = Dial::Tcp(Host::Name("shop.example".into()), 443);
        assert!(explain(&there, refused()).to_string().starts_with("shop.example:443: "));
    }
}

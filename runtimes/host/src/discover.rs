use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lxio_core::call::Flavour;
use lxio_core::session::{Address, Remote};

/// A socket that may be a daemon's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it would be.
    pub path: PathBuf,
    /// The project that its users are confined to, if they are.
    pub project: Option<String>,
}

/// The sockets to try for a remote, in order; the first that can be connected to is the one.
///
/// For [`Address::Local`] that is what the environment names (`INCUS_SOCKET`, `LXD_SOCKET`, else
/// `INCUS_DIR`, `LXD_DIR`), and nothing else if it names something. Otherwise the usual places: the snap's
/// LXD, `/run/incus`, `/var/lib/incus`, `/var/lib/lxd`. Beside the socket of an Incus may stand
/// `unix.socket.user`, for users who are no administrators: they have a project of their own there.
#[must_use]
pub fn candidates(remote: &Remote) -> Vec<Candidate> {
    match &remote.address {
        Address::Socket(path) => vec![Candidate { path: path.clone(), project: None }],
        _ => of_this_machine().into_iter().map(|(_, candidate)| candidate).collect(),
    }
}

/// The sockets of this machine, in order, with whose they are by their place.
pub(crate) fn of_this_machine() -> Vec<(Flavour, Candidate)> {
    local(
        |name| std::env::var_os(name).filter(|value| !value.is_empty()),
        rustix::process::geteuid().as_raw(),
    )
}

fn local(env: impl Fn(&str) -> Option<OsString>, euid: u32) -> Vec<(Flavour, Candidate)> {
    let plain = |flavour, path: PathBuf| vec![(flavour, Candidate { path, project: None })];
    let incus = |directory: &Path| {
        let user =
            Candidate { path: directory.join("unix.socket.user"), project: Some(format!("user-{euid}")) };
        [plain(Flavour::Incus, directory.join("unix.socket")), vec![(Flavour::Incus, user)]].concat()
    };
    let lxd = |directory: &Path| plain(Flavour::Lxd, directory.join("unix.socket"));

    let sockets: Vec<_> = [(Flavour::Incus, "INCUS_SOCKET"), (Flavour::Lxd, "LXD_SOCKET")]
        .into_iter()
        .filter_map(|(flavour, name)| Some((flavour, env(name)?)))
        .flat_map(|(flavour, path)| plain(flavour, path.into()))
        .collect();
    if !sockets.is_empty() {
        return sockets;
    }
    let mut named = Vec::new();
    named.extend(env("INCUS_DIR").map(|directory| incus(Path::new(&directory))));
    named.extend(env("LXD_DIR").map(|directory| lxd(Path::new(&directory))));
    if named.is_empty() {
        named.push(lxd(Path::new("/var/snap/lxd/common/lxd")));
        named.push(incus(Path::new("/run/incus")));
        named.push(incus(Path::new("/var/lib/incus")));
        named.push(lxd(Path::new("/var/lib/lxd")));
    }
    named.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(set: &[(&str, &str)]) -> Vec<String> {
        let env =
            |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        local(env, 1000).into_iter().map(|(_, candidate)| candidate.path.display().to_string()).collect()
    }

    #[test]
    fn what_the_environment_names_is_all_that_is_tried() {
        assert_eq!(paths(&[("LXD_SOCKET", "/l"), ("INCUS_DIR", "/d")]), ["/l"]);
        assert_eq!(paths(&[("LXD_SOCKET", "/l"), ("INCUS_SOCKET", "/i")]), ["/i", "/l"]);
        assert_eq!(paths(&[("LXD_DIR", "/d")]), ["/d/unix.socket"]);
        assert_eq!(paths(&[("INCUS_DIR", "/d")]), ["/d/unix.socket", "/d/unix.socket.user"]);
    }

    #[test]
    fn else_the_usual_places() {
        let all = paths(&[]);
        assert_eq!(all.first().unwrap(), "/var/snap/lxd/common/lxd/unix.socket");
        assert_eq!(all.last().unwrap(), "/var/lib/lxd/unix.socket");
        let (whose, user) = local(|_| None, 1000).into_iter().find(|(_, it)| it.project.is_some()).unwrap();
        assert_eq!((whose, user.project.as_deref()), (Flavour::Incus, Some("user-1000")));
    }

    #[test]
    fn a_socket_that_was_given_is_taken_as_it_is() {
        let odd = Remote::socket("/tmp/ö d?d#/%s");
        assert_eq!(candidates(&odd)[0].path, Path::new("/tmp/ö d?d#/%s"));
    }
}

use super::entry::{Protocol, RemoteEntry};
use super::environment::Client;

/// The remote that is the default where nothing else is said: the daemon of this machine.
pub(super) const LOCAL: &str = "local";

/// The remotes that a client always has. Of what its file says of them only the project counts.
pub(super) fn fixed(client: Client) -> Vec<(&'static str, RemoteEntry)> {
    let mut local = RemoteEntry::new("unix://");
    local.protocol = Some(Protocol::of_client(client));
    let mut all = vec![(LOCAL, local)];
    if client == Client::Lxc {
        all.extend([
            ("ubuntu", images("https://cloud-images.ubuntu.com/releases/")),
            ("ubuntu-daily", images("https://cloud-images.ubuntu.com/daily/")),
            ("ubuntu-minimal", images("https://cloud-images.ubuntu.com/minimal/releases/")),
            ("ubuntu-minimal-daily", images("https://cloud-images.ubuntu.com/minimal/daily/")),
        ]);
    }
    all
}

/// The remotes that a new file begins with.
pub(super) fn initial(client: Client) -> Vec<(&'static str, RemoteEntry)> {
    // For both, where each finds the community's images today; LXD's clients are turned away at Incus' place.
    let server = match client {
        Client::Incus => "https://images.linuxcontainers.org",
        Client::Lxc => "https://images.lxd.canonical.com",
    };
    let local = fixed(client).into_iter().find(|(name, _)| *name == LOCAL);
    [("images", images(server))].into_iter().chain(local).collect()
}

fn images(address: &str) -> RemoteEntry {
    let mut entry = RemoteEntry::new(address);
    entry.protocol = Some(Protocol::Simplestreams);
    entry.public = true;
    entry
}

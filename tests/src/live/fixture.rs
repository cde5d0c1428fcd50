use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lxio_blocking::Client;
use lxio_core::api::{
    certificate, certificates, image, image_alias, images, instance, instances, profile, profiles, raw,
    server,
};
use lxio_core::model::{
    CertificateCreate, Fingerprint, InstanceCreate, InstanceSource, ProfileCreate, Reference,
};
use lxio_core::session::Error;
use lxio_host::identity::generate;
use serde_json::json;

use super::data::Hash;
use super::{Daemon, Door, Failure, Hook, Keys};

/// Where the server listens on the network.
const ADDRESS: &str = "core.https_address";

/// What the suite puts on a daemon, and how it is removed again: by a client of its own, straight to the
/// daemon, that no scenario can break.
#[derive(Debug)]
pub struct Fixture {
    door: Door,
    /// What everything is called that is not one scenario's.
    tag: String,
    /// The server listens on the network for the suite alone.
    opened: bool,
    /// Images that cannot be told by their alias, and whose they are.
    images: Mutex<Vec<(String, Fingerprint)>>,
    /// The containers' image was there before.
    foreign: bool,
}

impl Fixture {
    /// Puts image and profile on the daemon behind `door`; `room` is a directory for sockets and keys. With `https`,
    /// scenarios reach the daemon by HTTPS: it listens on the loopback and trusts a new certificate.
    ///
    /// # Errors
    /// If that is refused. What was put there till then is removed again.
    pub fn prepare(
        name: &str,
        door: Door,
        room: &Path,
        tarball: &Path,
        tag: &str,
        https: bool,
    ) -> Result<(Daemon, Self), Failure> {
        let client = Client::connect(door.remote())?;
        let mut fixture =
            Self { door, tag: tag.to_owned(), opened: false, images: Mutex::default(), foreign: false };
        match fixture.put(&client, name, room, tarball, https) {
            Ok(daemon) => Ok((daemon, fixture)),
            Err(failure) => {
                fixture.clean(tag);
                Err(failure)
            }
        }
    }

    fn put(
        &mut self,
        client: &Client,
        name: &str,
        room: &Path,
        tarball: &Path,
        https: bool,
    ) -> Result<Daemon, Failure> {
        let tag = self.tag.clone();
        let direct = if https { self.open(client, room)? } else { self.door.clone() };
        let alias = format!("{tag}-image");
        let file = File::open(tarball)?;
        let length = file.metadata()?.len();
        let mut file = Hash::around(file);
        let imported = client.start(images().import().sized(length))?.copy_from(&mut file);
        let fingerprint = match imported {
            Err(error) if error.is_already_exists() => {
                self.foreign = true;
                Fingerprint::from(file.hex())
            }
            imported => imported?,
        };
        client.run(image_alias(&*alias).create(fingerprint.clone(), "live suite"))?;

        let pools = client.call(raw::get("/1.0/storage-pools").value::<Vec<Reference>>())?;
        let pool = pools.first().ok_or("the daemon has no storage pool")?.name().into_owned();
        let mut create = ProfileCreate::new(format!("{tag}-profile"));
        let disk = [("type", "disk"), ("path", "/"), ("pool", pool.as_str())];
        let disk = disk.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        create.devices.insert("root".into(), disk);
        client.run(profiles().create(&create))?;

        let architectures = client.server().environment().architectures();
        Ok(Daemon {
            name: name.to_owned(),
            recorded: direct.clone(),
            room: room.to_owned(),
            flavour: client.session().dialect.flavour,
            version: client.server().environment().server_version().to_owned(),
            architecture: architectures.first().ok_or("the daemon names no architecture")?.clone(),
            hook: Hook::of(name, vec![self.door.clone(), direct.clone()]),
            direct,
            tag,
            alias,
            fingerprint,
            profile: create.name.into_string(),
            runner: std::env::current_exe()?,
            large: 1024,
        })
    }

    /// Has the server listen on the loopback, if it does not listen on the network, and trust a new certificate.
    fn open(&mut self, client: &Client, room: &Path) -> Result<Door, Failure> {
        if client.call(server().get())?.environment().addresses().is_empty() {
            self.opened = true;
            client.run(server().patch(&json!({ "config": { ADDRESS: free_address()? } })))?;
        }
        let server = client.call(server().get())?;
        let address = server.environment().addresses().first().ok_or("it listens nowhere")?;
        let name = format!("{}-https", self.tag);
        let files = generate(&name)?.write(&room.join("keys"))?;
        let create = CertificateCreate::new(&*name, &fs::read(&files.certificate)?)?;
        client.run(certificates().create(&create))?;
        let pin = room.join("keys/server.crt");
        fs::write(&pin, server.environment().certificate())?;
        Door::https(address, Keys { certificate: files.certificate, key: files.key, pin })
    }

    /// Makes and starts a container that scenarios share.
    ///
    /// # Errors
    /// If that is refused.
    pub fn shared(&self, daemon: &Daemon, name: &str) -> Result<(), Failure> {
        let client = Client::connect(self.door.remote())?;
        let mut create = InstanceCreate::new(name, InstanceSource::image_alias(&daemon.alias));
        create.profiles = Some(vec![daemon.profile.as_str().into()]);
        client.run(instances().create(&create))?;
        client.run(instance(name).start())?;
        Ok(())
    }

    pub(super) fn owns_image(&self, prefix: &str, fingerprint: &Fingerprint) {
        self.images().push((prefix.to_owned(), fingerprint.clone()));
    }

    fn images(&self) -> MutexGuard<'_, Vec<(String, Fingerprint)>> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes everything whose name starts with `prefix`. What could not be removed, and why.
    pub fn clean(&self, prefix: &str) -> Vec<String> {
        let mut left = Vec::new();
        let client = match Client::connect(self.door.remote()) {
            Ok(client) => client,
            Err(error) => return vec![error.to_string()],
        };
        self.clean_instances(&client, prefix, &mut left);
        self.clean_images(&client, prefix, &mut left);
        for (list, project) in [("/1.0/profiles", false), ("/1.0/projects", true)] {
            let Ok(all) = client.call(raw::get(list).value::<Vec<Reference>>()) else { continue };
            for name in all.iter().map(|it| it.name().into_owned()).filter(|name| name.starts_with(prefix)) {
                let gone = if project {
                    client.run(raw::delete(list).then(&name).settle()).map(drop)
                } else {
                    client.run(profile(&*name).delete())
                };
                note(&mut left, &name, gone);
            }
        }
        for it in client.call(certificates().all()).unwrap_or_default() {
            if it.name.starts_with(prefix) {
                note(&mut left, &it.name, client.run(certificate(it.fingerprint().clone()).delete()));
            }
        }
        let settings = client.call(server().get()).map(|server| server.value.config).unwrap_or_default();
        for key in settings.keys().filter(|key| key.starts_with(&format!("user.{prefix}"))) {
            note(&mut left, key, client.run(server().patch(&json!({ "config": { key: "" } }))));
        }
        if self.opened && prefix == self.tag {
            note(&mut left, ADDRESS, client.run(server().patch(&json!({ "config": { ADDRESS: "" } }))));
        }
        left
    }

    fn clean_instances(&self, client: &Client, prefix: &str, left: &mut Vec<String>) {
        let all = client.call(instances().all_projects().all()).or_else(|_| client.call(instances().all()));
        for it in all.unwrap_or_default() {
            let mark = it.config.get("user.lxio").map(String::as_str).unwrap_or_default();
            if !it.name().starts_with(prefix) && !mark.starts_with(prefix) {
                continue;
            }
            let mut handle = instance(it.name().as_str());
            if !it.project().is_empty() {
                handle = handle.in_project(it.project().as_str());
            }
            // One that is stopped already says no.
            let _ = client.run(handle.stop().force());
            note(left, it.name(), client.run(handle.delete()));
        }
    }

    fn clean_images(&self, client: &Client, prefix: &str, left: &mut Vec<String>) {
        let mine = |name: &str| name.starts_with(prefix);
        for it in client.call(images().all()).unwrap_or_default() {
            let named = it.aliases().iter().any(|alias| mine(alias.name()));
            let marked = it.properties.get("description").is_some_and(|text| mine(text));
            let owned = self
                .images()
                .iter()
                .any(|(whose, fingerprint)| mine(whose) && fingerprint == it.fingerprint());
            if !named && !marked && !owned {
                continue;
            }
            if self.foreign && named && !marked && !owned {
                for alias in it.aliases().iter().filter(|alias| mine(alias.name())) {
                    note(left, alias.name(), client.run(image_alias(alias.name().as_str()).delete()));
                }
                continue;
            }
            note(left, it.fingerprint(), client.run(image(it.fingerprint().clone()).delete()));
        }
        self.images().retain(|(whose, _)| !mine(whose));
    }
}

/// An address that nobody listens on. It is none of those that the system gives to clients: one of them could have
/// it while the server is dead.
fn free_address() -> Result<String, Failure> {
    let first = 20_000 + lxio_host::seed() % 8000;
    let mut all = (0..2000).map(|more| format!("127.0.0.1:{}", first + more));
    all.find(|it| TcpListener::bind(it).is_ok()).ok_or_else(|| "no port is free".into())
}

fn note(left: &mut Vec<String>, what: &str, gone: Result<(), Error>) {
    match gone {
        Err(error) if !error.is_not_found() => left.push(format!("{what}: {error}")),
        _ => {}
    }
}

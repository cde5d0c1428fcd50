use serde_json::{Map, Value};

use super::{Settings, Snapshot, metadata, snapshots};
use crate::api::body::{flag, text};
use crate::api::images::Chosen;
use crate::api::state::Named;
use crate::http::Refusal;
use crate::machine::files::Files;
use crate::world::{Ending, World};

/// What an instance is made of.
#[derive(Debug)]
pub(super) enum Source {
    Nothing,
    /// `None` if there is no such image.
    Image(Option<Chosen>),
    Copy {
        of: Named,
        /// A snapshot of it.
        at: Option<String>,
        /// Its snapshots, too.
        snapshots: bool,
    },
}

/// What a new instance has from its source.
#[derive(Debug, Default)]
pub(super) struct Origin {
    /// Those of an image come later.
    pub(super) files: Files,
    pub(super) metadata: Value,
    pub(super) snapshots: Vec<Snapshot>,
    /// There are files, or there will be.
    pub(super) rooted: bool,
}

impl Source {
    /// What the object of a request names.
    pub(super) fn read(world: &World, project: &str, object: &Map<String, Value>) -> Result<Self, Refusal> {
        let none = Map::new();
        let source = object.get("source").and_then(Value::as_object).unwrap_or(&none);
        match text(source, "type") {
            "none" => Ok(Self::Nothing),
            "image" if text(source, "server").is_empty() => {
                Ok(Self::Image(world.image_for(project, source)?))
            }
            "copy" => Self::copied(world, project, source),
            "migration" => match text(source, "mode") {
                // Migrations are not simulated.
                "pull" | "push" => Err(Refusal::no_method()),
                other => Err(Refusal::new(501, format!("Mode \"{other}\" not implemented"))),
            },
            // Nor is anything outside.
            "image" => Err(Refusal::no_method()),
            other => Err(Refusal::new(400, format!("Unknown source type {other}"))),
        }
    }

    fn copied(world: &World, project: &str, source: &Map<String, Value>) -> Result<Self, Refusal> {
        let name = text(source, "source");
        let project = Some(text(source, "project")).filter(|it| !it.is_empty()).unwrap_or(project);
        if name.is_empty() {
            return Err(Refusal::new(400, "Must specify a source instance"));
        }
        let (of, at) = name.split_once('/').map_or((name, None), |(of, at)| (of, Some(at)));
        let it = world.instance(project, of).map_err(|_| world.no_such_instance(project, name))?;
        if let Some(at) = at {
            snapshots::find(world, project, of, it, at)?;
        }
        Ok(Self::Copy {
            of: (project.to_owned(), of.to_owned()),
            at: at.map(str::to_owned),
            snapshots: at.is_none() && !flag(source, "instance_only") && !flag(source, "container_only"),
        })
    }

    /// The profiles that an instance has if the client does not say; `home` is the project that has them.
    pub(super) fn profiles(&self, world: &World, home: &str) -> Vec<String> {
        match self {
            Self::Image(Some(image)) if !image.profiles.is_empty() => image.profiles.clone(),
            Self::Copy { .. } if world.is_lxd() => Vec::new(),
            Self::Copy { of, .. } => {
                world.state.instances.get(of).map(|it| it.settings.profiles.clone()).unwrap_or_default()
            }
            _ => {
                let default = (home.to_owned(), "default".to_owned());
                world.state.profiles.contains_key(&default).then_some(default.1).into_iter().collect()
            }
        }
    }

    /// What comes of it; completes what the client has said.
    pub(super) fn origin(
        &self,
        world: &World,
        settings: &mut Settings,
        is_container: bool,
    ) -> Result<Origin, Ending> {
        let origin = match self {
            Self::Nothing => Origin { metadata: metadata::whole(&Value::Null), ..Origin::default() },
            Self::Image(None) => return Err(Ending::new("Image not provided for instance creation")),
            Self::Image(Some(image)) if is_container != (image.kind == "container") => {
                let wanted = if is_container { "container" } else { "virtual-machine" };
                let kind = image.kind;
                let text =
                    format!("Requested image's type \"{kind}\" doesn't match instance type \"{wanted}\"");
                return Err(Ending::new(text));
            }
            Self::Image(_) if !is_container => {
                return Err(Ending::new("Instance type not operational: virtual-machine"));
            }
            Self::Image(Some(image)) => {
                settings.architecture.clone_from(&image.architecture);
                for (name, value) in &image.properties {
                    settings.config.entry(format!("image.{name}")).or_insert_with(|| value.clone());
                }
                settings.config.insert("volatile.base_image".into(), image.fingerprint.clone());
                Origin { metadata: metadata::whole(&image.metadata), rooted: true, ..Origin::default() }
            }
            Self::Copy { of, at, snapshots } => {
                let from = world.instance(&of.0, &of.1)?;
                let at = at.as_ref().and_then(|at| from.snapshots.iter().find(|it| it.name == *at));
                inherit(settings, at.map_or(&from.settings, |it| &it.settings));
                Origin {
                    files: at.map_or_else(|| from.machine.files(|it| it.clone()), |it| it.files.clone()),
                    metadata: from.metadata.clone(),
                    snapshots: if *snapshots { from.snapshots.clone() } else { Vec::new() },
                    rooted: from.rooted,
                }
            }
        };
        if settings.architecture.is_empty() {
            settings.architecture = "x86_64".into();
        }
        Ok(origin)
    }
}

/// A copy has what the original has, unless the client says otherwise.
fn inherit(settings: &mut Settings, from: &Settings) {
    let kept = |key: &str| {
        !key.starts_with("volatile.") || key == "volatile.base_image" || key == "volatile.last_state.idmap"
    };
    for (key, value) in from.config.iter().filter(|(key, _)| kept(key)) {
        settings.config.entry(key.clone()).or_insert_with(|| value.clone());
    }
    for (name, device) in &from.devices {
        settings.devices.entry(name.clone()).or_insert_with(|| device.clone());
    }
    settings.architecture.clone_from(&from.architecture);
}

/// What a body of bytes is that should be a backup. Those are not simulated.
pub(super) fn backup(body: &[u8]) -> Refusal {
    let known: [&[u8]; 5] = [b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"hsqs"];
    let is_archive = known.iter().any(|it| body.starts_with(it)) || body.get(257..262) == Some(b"ustar");
    if is_archive { Refusal::no_method() } else { Refusal::new(500, "Unsupported compression") }
}

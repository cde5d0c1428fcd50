use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::tell::By;
use super::{IDMAP, Instance, Settings, Snapshot, Status, check, input, metadata, object, run};
use crate::api::body::{self, Config, flag, text};
use crate::api::images::Chosen;
use crate::api::state::Named;
use crate::http::{Answer, Answered, Refusal, Request};
use crate::machine::files::Files;
use crate::machine::process::Machine;
use crate::world::{Begin, Ending, OperationId, Outcome, Step, World};

/// An instance that is to be.
#[derive(Debug)]
struct New {
    settings: Settings,
    source: Source,
    /// It is started when it is there.
    start: bool,
}

/// What it is made of.
#[derive(Debug)]
enum Source {
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

/// `POST /1.0/instances`.
pub(crate) fn create(world: &mut World, request: &Request) -> Answered {
    if request.field_text("content-type") == Some("application/octet-stream") {
        return Err(not_a_backup(&request.body));
    }
    let project = request.project();
    if !world.state.projects.contains_key(project) {
        return Err(Refusal::new(404, "Failed loading project: Project not found"));
    }
    let object = body::of(request, "InstancesPost")?;
    let texts = ["name", "description", "architecture", "type", "instance_type"];
    input::typed(&object, "InstancesPost", &texts, &["ephemeral", "start"], &["config"])?;
    if !request.text("target").is_empty() {
        return Err(Refusal::new(400, "Target only allowed when clustered"));
    }
    let is_container = match text(&object, "type") {
        "" | "container" => true,
        "virtual-machine" => false,
        _ => return Err(Refusal::new(400, "Invalid instance type")),
    };
    let profiles = body::texts(&object, "profiles");
    let home = world.home(project, "profiles").to_owned();
    let missing = |it: &&String| !world.state.profiles.contains_key(&(home.clone(), (*it).clone()));
    if let Some(missing) = profiles.iter().flatten().find(missing) {
        return Err(Refusal::new(500, format!("Requested profile \"{missing}\" doesn't exist")));
    }
    if let size @ 1.. = text(&object, "instance_type").len() {
        let kind = &text(&object, "instance_type")[..size];
        return Err(Refusal::new(400, format!("Provided instance type doesn't exist: {kind}")));
    }
    let name = match text(&object, "name") {
        "" => chosen_name(world, project),
        name => name.to_owned(),
    };
    check::name(world, &name)?;
    let source = source(world, project, &object)?;
    if !is_container && !matches!(source, Source::Image(_)) {
        return Err(Refusal::no_method());
    }
    let new = New {
        settings: Settings {
            architecture: text(&object, "architecture").to_owned(),
            description: text(&object, "description").to_owned(),
            config: body::config(object.get("config")),
            devices: body::devices(object.get("devices")),
            profiles: profiles_of(world, &home, &source, profiles),
            ephemeral: flag(&object, "ephemeral"),
        },
        source,
        // Not known to LXD.
        start: flag(&object, "start") && !world.is_lxd(),
    };
    let key = (project.to_owned(), name);
    let id = world.open(Begin::task("Creating instance", project, about(world, &key, &new, is_container)));
    let (begun, after) = (id.clone(), world.short_while());
    world.later(after, move |world| {
        if let Err(why) = begin(world, &begun, &key, new, is_container) {
            world.end(&begun, Err(why));
        }
        Step::Done
    });
    Ok(Answer::Async(id))
}

/// What a body of bytes is that should be a backup. Those are not simulated.
fn not_a_backup(body: &[u8]) -> Refusal {
    let known: [&[u8]; 5] = [b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"hsqs"];
    let is_archive = known.iter().any(|it| body.starts_with(it)) || body.get(257..262) == Some(b"ustar");
    if is_archive { Refusal::no_method() } else { Refusal::new(500, "Unsupported compression") }
}

fn about(world: &World, key: &Named, new: &New, is_container: bool) -> Value {
    let mut keys = vec![key.clone()];
    if let Source::Copy { of, at, .. } = &new.source {
        let name = at.as_ref().map_or_else(|| of.1.clone(), |at| format!("{}/{at}", of.1));
        keys.push((key.0.clone(), name));
    }
    let mut about = world.about(&keys.iter().collect::<Vec<_>>());
    if let Some(about) = about.as_object_mut().filter(|_| !is_container) {
        about.remove("containers");
    }
    about
}

/// The profiles that it has if the client does not say.
fn profiles_of(world: &World, home: &str, source: &Source, said: Option<Vec<String>>) -> Vec<String> {
    let default = || {
        let there = world.state.profiles.contains_key(&(home.to_owned(), "default".to_owned()));
        if there { vec!["default".to_owned()] } else { Vec::new() }
    };
    match (said, source) {
        (Some(said), _) => said,
        (None, Source::Image(Some(image))) if !image.profiles.is_empty() => image.profiles.clone(),
        (None, Source::Copy { .. }) if world.is_lxd() => Vec::new(),
        (None, Source::Copy { of, .. }) => {
            world.state.instances.get(of).map(|it| it.settings.profiles.clone()).unwrap_or_default()
        }
        (None, _) => default(),
    }
}

/// Names as the daemons make them: two words.
fn chosen_name(world: &mut World, project: &str) -> String {
    const HOW: [&str; 12] = [
        "able", "bold", "calm", "dear", "eager", "fair", "glad", "humble", "jolly", "keen", "lively",
        "modest",
    ];
    const WHAT: [&str; 12] =
        ["ant", "bee", "crab", "dove", "elk", "finch", "goat", "heron", "ibex", "jay", "koala", "lynx"];
    loop {
        let draw = world.chance.draw() as usize;
        let mut name = format!("{}-{}", HOW[draw % 12], WHAT[draw / 12 % 12]);
        // With many of them the words alone are soon used up.
        if draw & 1 << 40 != 0 {
            name.push_str(&(draw >> 48).to_string());
        }
        if world.instance(project, &name).is_err() {
            return name;
        }
    }
}

fn source(world: &World, project: &str, object: &Map<String, Value>) -> Result<Source, Refusal> {
    let none = Map::new();
    let source = object.get("source").and_then(Value::as_object).unwrap_or(&none);
    match text(source, "type") {
        "none" => Ok(Source::Nothing),
        "image" if text(source, "server").is_empty() => Ok(Source::Image(world.image_for(project, source)?)),
        "copy" => copied(world, project, source),
        "migration" => match text(source, "mode") {
            // Migrations are not simulated.
            "pull" | "push" => Err(Refusal::no_method()),
            other => Err(Refusal::new(501, format!("Mode \"{other}\" not implemented"))),
        },
        "image" => Err(Refusal::no_method()),
        other => Err(Refusal::new(400, format!("Unknown source type {other}"))),
    }
}

fn copied(world: &World, project: &str, source: &Map<String, Value>) -> Result<Source, Refusal> {
    let name = text(source, "source");
    let project = Some(text(source, "project")).filter(|it| !it.is_empty()).unwrap_or(project);
    if name.is_empty() {
        return Err(Refusal::new(400, "Must specify a source instance"));
    }
    let (of, at) = name.split_once('/').map_or((name, None), |(of, at)| (of, Some(at)));
    let it = world.instance(project, of).map_err(|_| world.no_such_instance(project, name))?;
    if let Some(at) = at {
        super::snapshots::find(world, project, of, it, at)?;
    }
    Ok(Source::Copy {
        of: (project.to_owned(), of.to_owned()),
        at: at.map(str::to_owned),
        snapshots: at.is_none() && !flag(source, "instance_only") && !flag(source, "container_only"),
    })
}

/// Writes it down, or says why that cannot be; the rest takes a while.
fn begin(
    world: &mut World,
    id: &OperationId,
    key: &Named,
    new: New,
    is_container: bool,
) -> Result<(), Ending> {
    let New { mut settings, source, start } = new;
    let mut took = 20;
    let (files, metadata, snapshots) = match &source {
        Source::Nothing => (Files::default(), metadata::whole(&Value::Null), Vec::new()),
        Source::Image(None) => return Err(Ending::new("Image not provided for instance creation")),
        Source::Image(Some(image)) => {
            if is_container != (image.kind == "container") {
                let wanted = if is_container { "container" } else { "virtual-machine" };
                let kind = image.kind;
                let text =
                    format!("Requested image's type \"{kind}\" doesn't match instance type \"{wanted}\"");
                return Err(Ending::new(text));
            }
            if !is_container {
                return Err(Ending::new("Instance type not operational: virtual-machine"));
            }
            settings.architecture.clone_from(&image.architecture);
            let properties =
                image.properties.iter().map(|(name, value)| (format!("image.{name}"), value.clone()));
            for (name, value) in properties {
                settings.config.entry(name).or_insert(value);
            }
            settings.config.insert("volatile.base_image".into(), image.fingerprint.clone());
            (Files::default(), metadata::whole(&image.metadata), Vec::new())
        }
        Source::Copy { of, at, snapshots } => {
            let Ok(from) = world.instance(&of.0, &of.1) else {
                return Err(world.no_such_instance(&of.0, &of.1).into());
            };
            took = 40;
            let at = at.as_ref().and_then(|at| from.snapshots.iter().find(|it| it.name == *at));
            inherit(&mut settings, at.map_or(&from.settings, |it| &it.settings));
            let files = at.map_or_else(|| from.machine.files(|it| it.clone()), |it| it.files.clone());
            (files, from.metadata.clone(), if *snapshots { from.snapshots.clone() } else { Vec::new() })
        }
    };
    if settings.architecture.is_empty() {
        settings.architecture = "x86_64".into();
    }
    acceptable(world, key, &settings)?;
    let template = if matches!(source, Source::Copy { .. }) { "copy" } else { "create" };
    identify(world, &mut settings.config, template);
    let rooted = match &source {
        Source::Copy { of, .. } => world.state.instances.get(of).is_some_and(|it| it.rooted),
        Source::Image(_) => true,
        Source::Nothing => false,
    };
    let seed = world.chance.draw();
    let it = Instance {
        settings,
        status: Status::Stopped,
        created: world.time_of_day(),
        used: None,
        snapshots: Vec::new(),
        metadata,
        templates: BTreeMap::new(),
        kept: Default::default(),
        machine: Machine::new(files, key.1.as_bytes(), world.setup.epoch, seed),
        rooted,
        first: None,
        maker: Some(id.clone()),
        pending: Vec::new(),
        touched: false,
        wake: None,
    };
    world.state.instances.insert(key.clone(), it);
    let mut context = json!({ "type": "container", "storage-pool": "default" });
    if !world.is_lxd() {
        context["location"] = "none".into();
    }
    world.tell_instance(key, "instance-created", By::Work, Some(context));
    if let Source::Copy { of, .. } = &source {
        if world.state.instances.get(of).is_some_and(|it| it.status == Status::Running) {
            world.tell_instance(of, "instance-paused", By::Nobody, None);
            world.tell_instance(of, "instance-resumed", By::Nobody, None);
        }
        take_snapshots(world, key, snapshots);
    }
    let (id, key, after) = (id.clone(), key.clone(), world.about_ms(took));
    world.later(after, move |world| {
        match finish(world, &key, &source) {
            Ok(progress) if start => {
                world.progress(&id, progress);
                world.state.instances.entry(key.clone()).and_modify(|it| it.maker = None);
                run::start(world, &key, run::ends(&id));
            }
            how => {
                if how.is_err() {
                    world.state.instances.remove(&key);
                }
                world.end(&id, how);
            }
        }
        Step::Done
    });
    Ok(())
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

/// Refuses what cannot be written down.
fn acceptable(world: &World, key: &Named, settings: &Settings) -> Result<(), Ending> {
    let refused = |why: String| Err(Ending::new(format!("Failed creating instance record: {why}")));
    if let Err(why) = check::config(world.setup.flavour, &settings.config) {
        return refused(why);
    }
    if let Some((_, kind)) = check::odd_device(&settings.devices) {
        let kind = if world.is_lxd() { kind.to_owned() } else { format!("\"{kind}\"") };
        return refused(format!("Invalid device type {kind}"));
    }
    let profiles = &settings.profiles;
    if (1..profiles.len()).any(|at| profiles[..at].contains(&profiles[at])) {
        return refused("Duplicate profile found in request".into());
    }
    if world.state.instances.contains_key(key) {
        let why = world.either(
            "This \"instances\" entry already exists",
            "Failed to create \"instances\" entry: UNIQUE constraint failed: instances.project_id, instances.name",
        );
        return refused(format!("Add instance info to the database: {why}"));
    }
    let initialising = world.either("Failed initialising instance", "Failed initializing instance");
    let (_, devices) = object::expanded(world, &key.0, settings);
    if let Err(why) = check::devices(&devices) {
        return refused(format!("{initialising}: Invalid devices: {why}"));
    }
    if !check::has_root(&devices) {
        return refused(format!("{initialising}: Failed getting root disk: No root device could be found"));
    }
    Ok(())
}

/// What tells a new instance from others.
fn identify(world: &mut World, config: &mut Config, template: &str) {
    let idmap = if config.get("security.privileged").is_some_and(|it| it == "true") { "[]" } else { IDMAP };
    let uuid = world.uuid();
    let mut put = |name: &str, value: String| config.insert(format!("volatile.{name}"), value);
    put("apply_template", template.into());
    put("cloud-init.instance-id", world.uuid());
    put("idmap.base", "0".into());
    put("idmap.next", idmap.into());
    put("uuid", uuid.clone());
    if !world.is_lxd() {
        put("uuid.generation", uuid);
    }
    config.entry("volatile.last_state.idmap".into()).or_insert_with(|| "[]".into());
}

fn take_snapshots(world: &mut World, key: &Named, snapshots: Vec<Snapshot>) {
    for snapshot in &snapshots {
        world.tell_snapshot(key, &snapshot.name, "instance-snapshot-created", None);
    }
    if let Some(it) = world.state.instances.get_mut(key) {
        it.snapshots = snapshots;
    }
}

/// Fills it with the files of its image. What is told of it at the end.
fn finish(world: &mut World, key: &Named, source: &Source) -> Outcome {
    let Source::Image(Some(image)) = source else { return Ok(Map::new()) };
    let files = world.image_files(&key.0, &image.fingerprint)?;
    let speed = 90_000_000 + world.chance.draw() % 200_000_000;
    if let Ok(it) = world.instance_mut(&key.0, &key.1) {
        it.machine.files(|it| *it = files);
    }
    let megabytes = speed as f64 / 1e6;
    let what = world.either("Unpack", "Unpacking image");
    let stage = "create_instance_from_image_unpack";
    let progress = json!({
        format!("{stage}_progress"): format!("{what}: 100% ({megabytes:.2}MB/s)"),
        "progress": { "percent": "100", "speed": speed.to_string(), "stage": stage },
    });
    Ok(progress.as_object().cloned().unwrap_or_default())
}

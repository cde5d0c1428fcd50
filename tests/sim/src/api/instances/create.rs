use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::source::{self, Origin, Source};
use super::tell::By;
use super::{IDMAP, Instance, Settings, Snapshot, Status, check, input, object, run};
use crate::api::body::{self, Config, flag, text};
use crate::api::state::Named;
use crate::http::{Answer, Answered, Refusal, Request};
use crate::machine::process::Machine;
use crate::world::{Begin, Ending, OperationId, Outcome, Step, World};

/// An instance that is to be.
#[derive(Debug)]
struct New {
    settings: Settings,
    source: Source,
    /// And not a virtual machine.
    is_container: bool,
    /// It is started when it is there.
    start: bool,
}

const MEMBERS: [(&str, &str); 10] = [
    ("architecture", "string"),
    ("config", "map[string]string"),
    ("description", "string"),
    ("devices", "map[string]map[string]string"),
    ("ephemeral", "bool"),
    ("instance_type", "string"),
    ("name", "string"),
    ("profiles", "[]string"),
    ("start", "bool"),
    ("type", "string"),
];

/// `POST /1.0/instances`.
pub(crate) fn create(world: &mut World, request: &Request) -> Answered {
    if request.field_text("content-type") == Some("application/octet-stream") {
        return Err(source::backup(&request.body));
    }
    let project = request.project();
    if !world.state.projects.contains_key(project) {
        return Err(Refusal::new(404, "Failed loading project: Project not found"));
    }
    let object = body::of(request, "InstancesPost")?;
    input::typed(&object, "InstancesPost", &MEMBERS)?;
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
    let size = text(&object, "instance_type");
    if !size.is_empty() {
        return Err(Refusal::new(400, format!("Provided instance type doesn't exist: {size}")));
    }
    let name = match text(&object, "name") {
        "" => chosen_name(world, project),
        name => name.to_owned(),
    };
    check::name(world, &name)?;
    let source = Source::read(world, project, &object)?;
    if !is_container && !matches!(source, Source::Image(_)) {
        return Err(Refusal::no_method());
    }
    let new = New {
        settings: Settings {
            architecture: text(&object, "architecture").to_owned(),
            description: text(&object, "description").to_owned(),
            config: body::config(object.get("config")),
            devices: body::devices(object.get("devices")),
            profiles: profiles.unwrap_or_else(|| source.profiles(world, &home)),
            ephemeral: flag(&object, "ephemeral"),
        },
        source,
        is_container,
        // Not known to LXD.
        start: flag(&object, "start") && !world.is_lxd(),
    };
    let key = (project.to_owned(), name);
    let id = world.open(Begin::task("Creating instance", project, about(world, &key, &new)));
    let (begun, after) = (id.clone(), world.short_while());
    world.later(after, move |world| {
        if let Err(why) = begin(world, &begun, &key, new) {
            world.end(&begun, Err(why));
        }
        Step::Done
    });
    Ok(Answer::Async(id))
}

fn about(world: &World, key: &Named, new: &New) -> Value {
    let mut keys = vec![key.clone()];
    if let Source::Copy { of, at, .. } = &new.source {
        let name = at.as_ref().map_or_else(|| of.1.clone(), |at| format!("{}/{at}", of.1));
        keys.push((key.0.clone(), name));
    }
    let mut about = world.about(&keys.iter().collect::<Vec<_>>());
    if let Some(about) = about.as_object_mut().filter(|_| !new.is_container) {
        about.remove("containers");
    }
    about
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
        let draw = world.chance.draw();
        let mut name = format!("{}-{}", HOW[(draw % 12) as usize], WHAT[(draw / 12 % 12) as usize]);
        // With many of them the words alone are soon used up.
        if draw >> 63 == 1 {
            name.push_str(&(draw >> 48).to_string());
        }
        if world.instance(project, &name).is_err() {
            return name;
        }
    }
}

/// Writes it down, or says why that cannot be; the rest takes a while.
fn begin(world: &mut World, id: &OperationId, key: &Named, new: New) -> Result<(), Ending> {
    let New { mut settings, source, is_container, start } = new;
    let Origin { files, metadata, snapshots, rooted } = source.origin(world, &mut settings, is_container)?;
    acceptable(world, key, &settings)?;
    let is_copy = matches!(source, Source::Copy { .. });
    identify(world, &mut settings.config, if is_copy { "copy" } else { "create" });
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
    if let Source::Copy { of, .. } = &source
        && world.state.instances.get(of).is_some_and(|it| it.status == Status::Running)
    {
        world.tell_instance(of, "instance-paused", By::Nobody, None);
        world.tell_instance(of, "instance-resumed", By::Nobody, None);
    }
    take_snapshots(world, key, snapshots);
    let (id, key, after) = (id.clone(), key.clone(), world.about_ms(if is_copy { 40 } else { 20 }));
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

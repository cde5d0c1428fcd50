//! Records the transcripts: every scene, from real daemons.
//! `transcribe --out DIR DAEMON...`, where DAEMON is a directory that `tests/live/daemons up` made.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use lxio_core::api::{images, instance, instances};
use lxio_core::model::{InstanceCreate, InstanceSource};
use lxio_core::session::Remote;
use lxio_tests::actor::{Actor, Blocking, Connect};
use lxio_tests::recorder::Recorder;
use lxio_tests::replay::{Net, Order, Player, SEED, Tape};
use lxio_tests::scenes::{SCENES, play};
use lxio_tests::tarball::{busybox_image, find_busybox};
use lxio_tests::transcript::{Header, Transcript, Writer};

const USAGE: &str = "usage: transcribe --out DIR [--only SCENE]... DAEMON...

Plays the scenes with each daemon (a directory of tests/live/daemons) and writes
SCENE.DAEMON.jsonl, what passed, and SCENE.DAEMON.txt, what came of each step.";

/// How often a scene is played until it can be replayed: two directions of a connection pass the recorder
/// independently, and now and then one overtakes the other.
const TRIES: u32 = 6;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("transcribe: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let (mut out, mut only, mut daemons) = (None, Vec::new(), Vec::new());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match &*arg {
            "--out" => out = Some(PathBuf::from(args.next().ok_or(USAGE)?)),
            "--only" => only.push(args.next().ok_or(USAGE)?),
            _ if arg.starts_with('-') => return Err(USAGE.into()),
            _ => daemons.push(PathBuf::from(arg)),
        }
    }
    let out = out.ok_or(USAGE)?;
    for directory in daemons {
        let daemon = Daemon::new(directory)?;
        for (scene, note) in SCENES {
            if only.is_empty() || only.iter().any(|name| name == scene) {
                daemon.record(scene, note, &out)?;
            }
        }
    }
    Ok(())
}

struct Daemon {
    directory: PathBuf,
    name: String,
}

impl Daemon {
    /// Makes the instance that the scenes expect.
    fn new(directory: PathBuf) -> Result<Self, Box<dyn Error>> {
        let mut actor = Blocking::connect(Remote::socket(directory.join("d/unix.socket")))?;
        let environment = actor.client.server().environment();
        let name = format!("{}-{}", environment.server().as_str(), environment.server_version());
        if !actor.call(instance("c1").exists())? {
            let mut tarball = Vec::new();
            busybox_image(&find_busybox()?, &mut tarball)?;
            actor.push(images().import().alias("lxio").streamed(), tarball.as_slice())?;
            actor.run(instances().create(&InstanceCreate::new("c1", InstanceSource::image_alias("lxio"))))?;
            actor.run(instance("c1").start())?;
        }
        Ok(Self { directory, name })
    }

    fn record(&self, scene: &str, note: &str, out: &Path) -> Result<(), Box<dyn Error>> {
        let stem = format!("{scene}.{}", self.name);
        let (transcript, text) = (out.join(format!("{stem}.jsonl")), out.join(format!("{stem}.txt")));
        // A short name tells nothing, and stands by chance in many places.
        let host = fs::read_to_string("/proc/sys/kernel/hostname")?.trim().to_owned();
        let host = if host.len() < 6 { String::new() } else { host };
        let nobody: String = "host-of-the-daemon-".chars().cycle().take(host.len()).collect();
        let mut why = String::new();
        for _ in 0..TRIES {
            let header =
                Header { flow: scene.into(), daemon: self.name.clone(), note: note.into(), seed: Some(SEED) };
            let mut writer = Writer::masked(&transcript, header)?;
            if !host.is_empty() {
                writer = writer.replacing(&host, &nobody)?;
            }
            let proxy = self.directory.join("transcribe.socket");
            let recorder =
                Recorder::start(&proxy, self.directory.join("d/unix.socket"), vec![writer.observer()])?;
            let mut actor = Blocking::connect(Remote::socket(&proxy).seed(SEED))?;
            actor.fault = self.fault(scene);
            let told = play(scene, &mut actor);
            drop(actor);
            recorder.stop();
            writer.finish()?;
            self.mend(scene)?;
            let mut told = told.join("\n") + "\n";
            if !host.is_empty() {
                told = told.replace(&host, &nobody);
            }
            fs::write(&text, &told)?;
            match replayed(&transcript, &told) {
                Ok(()) => {
                    println!("{stem}: {} bytes", fs::metadata(&transcript)?.len());
                    return Ok(());
                }
                Err(again) => why = again,
            }
            eprintln!("{stem}: once more, since {why}");
        }
        Err(format!("{stem} does not replay: {why}").into())
    }

    fn script(&self, verb: &'static str) -> impl Fn() + Send + use<> {
        let directory = self.directory.clone();
        move || {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("live/daemons");
            let done = Command::new(script).arg(verb).arg(&directory).status();
            if !done.is_ok_and(|status| status.success()) {
                eprintln!("transcribe: daemons {verb} failed");
            }
        }
    }

    fn fault(&self, scene: &str) -> Box<dyn FnMut()> {
        let kill = Arc::new(std::sync::Mutex::new(self.script("kill")));
        match scene {
            // It comes while the next step waits.
            "lost" => Box::new(move || {
                let kill = Arc::clone(&kill);
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(700));
                    if let Ok(kill) = kill.lock() {
                        kill();
                    }
                });
            }),
            _ => Box::new(move || {
                if let Ok(kill) = kill.lock() {
                    kill();
                }
            }),
        }
    }

    fn mend(&self, scene: &str) -> Result<(), Box<dyn Error>> {
        if matches!(scene, "kill" | "lost") {
            thread::sleep(Duration::from_millis(500));
            self.script("start")();
            let mut actor = Blocking::connect(Remote::socket(self.directory.join("d/unix.socket")))?;
            if actor.call(instance("c1").state())?.status().to_string() != "Running" {
                actor.run(instance("c1").start())?;
            }
        }
        Ok(())
    }
}

/// Whether the core alone makes the same of what was recorded.
fn replayed(transcript: &Path, told: &str) -> Result<(), String> {
    let tape = Arc::new(Tape::new(&Transcript::load(transcript).map_err(|error| error.to_string())?));
    let scene = Transcript::load(transcript).map_err(|error| error.to_string())?.header.flow;
    let net = Net::new(Arc::clone(&tape), Order::Recorded);
    let mut player = Player::connect(net).map_err(|(error, _)| error.to_string())?;
    let again = play(&scene, &mut player).join("\n") + "\n";
    if let Some(fault) = player.net.fault() {
        return Err(fault.to_owned());
    }
    let sent = player.net.sent();
    if let Some(conn) = (0..sent.len()).find(|conn| sent[*conn] != tape.conns[*conn].sent) {
        return Err(format!("connection {conn} was not used up"));
    }
    match again.lines().zip(told.lines()).find(|(again, told)| again != told) {
        Some((again, told)) => Err(format!("a step came to\n{again}\nand not to\n{told}")),
        None => Ok(()),
    }
}

//! The parts that are measured in a process of their own: `live --child ADAPTER TASK INSTANCE NUMBER DOOR...`.
//!
//! Memory is the peak of the whole process (`VmHWM`), so nothing but the measured work may be in it; file
//! descriptors are those of the process, so nothing else may open any.

use std::fs;
use std::future::Future;
use std::io::{self, Read};
use std::process::{self, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lxio_core::api::{image, images, instance};
use lxio_core::session::Remote;

use super::data::{self, Hash, Noise};
use super::{Daemon, Door, Failure, ensure, same};
use crate::adapter::{Adapter, Blocking, LiveDownload, LiveUpload, Smol, Tokio};

/// How many KiB a process that streams may use at most.
const MOST: u64 = 32 << 10;

/// What a measured process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Writes a file of so many MiB into the instance and reads it back.
    Files,
    /// Makes an image of so many MiB.
    Image,
    /// Runs so many commands in a row.
    Execs,
}

impl Task {
    const ALL: [(Self, &str); 3] = [(Self::Files, "files"), (Self::Image, "image"), (Self::Execs, "execs")];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(task, _)| *task == self).map_or("", |(_, word)| word)
    }
}

/// Runs a task in a process of its own; what it says of itself.
///
/// # Errors
/// What went wrong there.
pub async fn measured<A: Adapter>(
    daemon: &Daemon,
    task: Task,
    target: &str,
    number: u64,
) -> Result<String, Failure> {
    let mut command = process::Command::new(&daemon.runner);
    command.args(["--child", A::NAME, task.word(), target, &number.to_string()]).args(daemon.direct.words());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn()?;
    // It ends when nobody waits for it any more: when this is closed.
    let leash = running.stdin.take();
    let done = smol::unblock(move || running.wait_with_output()).await?;
    drop(leash);
    let said = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    if done.status.success() {
        return Ok(said);
    }
    let why = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(Failure::new(format!("{}: {why} {said}", done.status)))
}

/// The measured process itself; its arguments without `--child`.
///
/// # Errors
/// What went wrong.
pub fn main(arguments: &[String]) -> Result<(), Failure> {
    let [adapter, task, target, number, door @ ..] = arguments else {
        return Err("--child ADAPTER TASK TARGET NUMBER DOOR...".into());
    };
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(1);
    });
    let task = Task::ALL.iter().find(|(_, word)| word == task).ok_or("there is no such task")?.0;
    let number = number.parse()?;
    let remote = Door::of(door)?.remote();
    match adapter.as_str() {
        Blocking::NAME => work::<Blocking>(task, remote, target, number),
        Smol::NAME => work::<Smol>(task, remote, target, number),
        Tokio::NAME => work::<Tokio>(task, remote, target, number),
        _ => Err("there is no such adapter".into()),
    }
}

fn work<A: Adapter>(task: Task, remote: Remote, target: &str, number: u64) -> Result<(), Failure> {
    A::block_on(async {
        let client = A::connect(remote).await?;
        match task {
            Task::Files => files::<A>(&client, target, number << 20).await,
            Task::Image => one_image::<A>(&client, target, number << 20).await,
            Task::Execs => execs::<A>(&client, target, number).await,
        }
    })
}

/// The highest memory use so far, in KiB.
fn peak() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

async fn timed<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<(T, Duration), Failure> {
    let began = Instant::now();
    Ok((work.await?, began.elapsed()))
}

async fn files<A: Adapter>(client: &A::Client, target: &str, length: u64) -> Result<(), Failure> {
    let file = instance(target).file("/root/stream");
    let mut sent = Hash::around(Noise::of(length).take(length));
    let ((), push) = timed(async {
        let upload = A::upload(A::start(client, file.push(length)).await?);
        Ok(upload.copy_from(&mut sent).await?)
    })
    .await?;
    let mut came = Hash::default();
    let ((), pull) = timed(async {
        let download = A::download(A::start(client, file.pull()).await?);
        download.copy_to(&mut came).await?;
        Ok(())
    })
    .await?;
    A::call(client, file.delete()).await?;
    same!((sent.count, came.count), (length, length), "the number of bytes");
    same!(came.hex(), sent.hex(), "the hash of what came back");
    println!(
        "{} MiB pushed in {:.1} s, pulled in {:.1} s, peak {} KiB",
        length >> 20,
        push.as_secs_f64(),
        pull.as_secs_f64(),
        low_peak()?
    );
    Ok(())
}

async fn one_image<A: Adapter>(client: &A::Client, mark: &str, length: u64) -> Result<(), Failure> {
    let session = A::session(client);
    let architecture = session.server.environment().architectures().first().ok_or("no architecture")?;
    let (whole, reader) = data::image(mark, architecture, length)?;
    let mut sent = Hash::around(reader);
    let (fingerprint, time) = timed(async {
        let upload = A::upload(A::start(client, images().import().sized(whole)).await?);
        Ok(upload.copy_from(&mut sent).await?)
    })
    .await?;
    let size = A::call(client, image(fingerprint.clone()).get()).await?.size();
    A::run(client, image(fingerprint.clone()).delete()).await?;
    same!(fingerprint.as_str(), sent.hex(), "the fingerprint");
    same!((sent.count, size), (whole, whole), "the number of bytes");
    println!("{} MiB imported in {:.1} s, peak {} KiB", whole >> 20, time.as_secs_f64(), low_peak()?);
    Ok(())
}

/// The peak, which must be low.
fn low_peak() -> Result<u64, Failure> {
    let peak = peak()?;
    ensure!(peak < MOST, "the peak of memory use is {peak} KiB, and should be below {MOST}");
    Ok(peak)
}

/// What the process has open.
fn open_files() -> Result<usize, Failure> {
    // The directory itself is open while it is read, both times.
    Ok(fs::read_dir("/proc/self/fd")?.count())
}

async fn execs<A: Adapter>(client: &A::Client, target: &str, number: u64) -> Result<(), Failure> {
    let once = async |at: u64| -> Result<(), Failure> {
        let done = A::run(client, instance(target).exec(["echo", &at.to_string()])).await?;
        ensure!(done.status.success(), "command {at} ended with {}", done.status);
        same!(done.stdout_text(), format!("{at}\n"), "the output of command {at}");
        Ok(())
    };
    // What is opened once and kept - the runtime's own, the connections at rest - is open after these.
    for at in 0..20 {
        once(at).await?;
    }
    let (before, memory) = (open_files()?, peak()?);
    let began = Instant::now();
    for at in 0..number {
        once(at).await?;
    }
    let after = open_files()?;
    let time = began.elapsed();
    ensure!(after <= before, "{after} open files after {number} commands, {before} before");
    println!(
        "{number} commands in {:.0} s, open files {before} before and {after} after, peak {memory} and {} KiB",
        time.as_secs_f64(),
        peak()?
    );
    Ok(())
}

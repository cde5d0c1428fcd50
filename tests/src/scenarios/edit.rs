//! Editing what others edit at the same time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use lxio_core::api::{profile, profiles};
use lxio_core::model::{Profile, ProfileCreate};
use lxio_core::session::Error;

use crate::adapter::Adapter;
use crate::live::{Context, Failure, Verdict, ensure, same};

fn sum(profile: &Profile) -> usize {
    profile.config.get("user.sum").and_then(|sum| sum.parse().ok()).unwrap_or_default()
}

fn add(profile: &mut Profile, number: usize) {
    let sum = sum(profile) + number;
    profile.config.insert("user.sum".into(), sum.to_string());
}

async fn new<A: Adapter>(ctx: &Context<A>) -> Result<String, Error> {
    let name = ctx.name("p");
    let mut create = ProfileCreate::new(&*name);
    create.config.insert("user.sum".into(), "0".into());
    ctx.run(profiles().create(&create)).await?;
    Ok(name)
}

/// One who may store at a time.
///
/// The daemons compare the ETag and store in two steps, so of two PUTs at the same moment both may be
/// accepted, whoever sends them, and one is lost. What is held here from the change until its answer is what
/// keeps that out; to read, and so to be too late, is everybody free.
#[derive(Debug, Default)]
struct Turn {
    taken: Mutex<Option<usize>>,
    free: Condvar,
}

impl Turn {
    fn lock(&self) -> MutexGuard<'_, Option<usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, who: usize) {
        let mut taken = self.lock();
        while taken.is_some_and(|taken| taken != who) {
            taken = self.free.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken = Some(who);
    }

    fn give(&self) {
        *self.lock() = None;
        self.free.notify_all();
    }
}

/// Two writers, each in a thread and with a client of its own, add to the same number: nothing is lost.
pub(super) async fn edit_race<A: Adapter>(ctx: &Context<A>) -> Verdict {
    const EACH: usize = 20;
    let name = new(ctx).await?;
    let turn = Arc::new(Turn::default());
    let mut writers = Vec::new();
    for who in 1..=2 {
        let (client, name, turn) = (ctx.another().await?, name.clone(), Arc::clone(&turn));
        let write = async move || {
            let mut tries = 0;
            for _ in 0..EACH {
                let change = profile(&*name).edit(|it| {
                    tries += 1;
                    turn.take(who);
                    add(it, who);
                });
                let stored = A::run(&client, change).await;
                turn.give();
                stored?;
            }
            Ok::<_, Error>(tries)
        };
        writers.push(thread::spawn(move || A::block_on(write())));
    }
    let mut tries = 0;
    for writer in
        smol::unblock(|| writers.into_iter().map(thread::JoinHandle::join).collect::<Vec<_>>()).await
    {
        tries += writer.map_err(|_| Failure::new("a writer panicked"))??;
    }
    same!(sum(&*ctx.call(profile(&*name).get()).await?), 3 * EACH, "the sum");
    ensure!(tries > 2 * EACH, "{tries} tries: nobody was ever too late, so nothing was tested");
    ctx.figure(format!("{} additions in {tries} tries", 2 * EACH));
    Ok(())
}

/// Somebody else stores between our GET and our PUT: tried again on what is there then, and given up with a
/// typed error when that never ends.
pub(super) async fn edit_conflict<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let name = new(ctx).await?;
    let meddle = |client: A::Client| {
        let name = name.clone();
        move || {
            thread::scope(|scope| {
                let other =
                    scope.spawn(|| A::block_on(A::run(&client, profile(&*name).edit(|it| add(it, 100)))));
                other.join().is_ok_and(|done| done.is_ok())
            })
        }
    };
    let interfere = meddle(ctx.another().await?);
    let mut tries = 0;
    let mut meddled = true;
    let change = profile(&*name).edit(|it| {
        tries += 1;
        if tries <= 3 {
            meddled &= interfere();
        }
        add(it, 1);
    });
    let stored = ctx.run(change).await?;
    ensure!(meddled, "the other writer failed");
    same!((tries, sum(&stored)), (4, 301), "tries, and the sum that was stored");
    same!(sum(&*ctx.call(profile(&*name).get()).await?), 301, "the sum");

    let interfere = meddle(ctx.another().await?);
    let mut tries = 0;
    let change = profile(&*name).edit(|it| {
        tries += 1;
        interfere();
        add(it, 1);
    });
    let lost = ctx.run(change).await.err().ok_or("stored, though somebody else had changed it")?;
    ensure!(lost.is_conflict() && lost.is_retryable() && !lost.is_already_exists(), "an odd refusal: {lost}");
    same!(sum(&*ctx.call(profile(&*name).get()).await?), 301 + 100 * tries, "the sum");
    Ok(())
}

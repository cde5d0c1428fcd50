//! One GET of an instance on a warm connection, by every client.

use std::hint::black_box;
use std::path::Path;

use lxio_core::api::instance;

use crate::allocations::{Count, count};
use crate::floor::Floor;
use crate::{Failure, samples};

/// Calls that are made before anything is counted.
const WARM: usize = 10;

/// Makes `calls` calls with the client of that name and returns what they allocated.
///
/// # Errors
/// When a call fails.
pub fn run(client: &str, path: &Path, calls: usize) -> Result<Count, Failure> {
    match client {
        "floor" => {
            let mut floor = Floor::connect(path)?;
            counted(calls, || floor.get())
        }
        "blocking" => {
            let client = lxio_blocking::Client::connect(path)?;
            counted(calls, || Ok(client.call(instance("c1").get())?))
        }
        "tokio" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let client = runtime.block_on(lxio_tokio::Client::connect(path))?;
            let many = |calls| {
                runtime.block_on(async {
                    for _ in 0..calls {
                        black_box(client.call(instance("c1").get()).await?);
                    }
                    Ok::<_, Failure>(())
                })
            };
            many(WARM)?;
            let (result, count) = count(|| many(calls));
            result.map(|()| count)
        }
        "smol" => {
            let client = smol::block_on(lxio_smol::Client::connect(path))?;
            let many = |calls| {
                smol::block_on(async {
                    for _ in 0..calls {
                        black_box(client.call(instance("c1").get()).await?);
                    }
                    Ok::<_, Failure>(())
                })
            };
            many(WARM)?;
            let (result, count) = count(|| many(calls));
            result.map(|()| count)
        }
        other => Err(format!("no client {other}").into()),
    }
}

fn counted<T>(calls: usize, mut call: impl FnMut() -> Result<T, Failure>) -> Result<Count, Failure> {
    let mut many = |calls| {
        for _ in 0..calls {
            black_box(call()?);
        }
        Ok::<_, Failure>(())
    };
    many(WARM)?;
    let (result, count) = count(|| many(calls));
    result.map(|()| count)
}

/// The bytes of an answer's body.
#[must_use]
pub const fn body_size() -> usize {
    samples::INSTANCE.len()
}

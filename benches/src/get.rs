//! One GET of an instance, by every client: on a warm connection, or each on a new one.

use std::hint::black_box;
use std::path::Path;

use lxio_core::api::instance;
use lxio_core::session::Remote;

use crate::allocations::{Count, count};
use crate::floor::Floor;
use crate::floor_tls::TlsFloor;
use crate::{Failure, papers};

/// Calls that are made before anything is counted.
pub const WARM: usize = 10;

/// Which connections the calls are made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// The same for all.
    Warm,
    /// A new one for each.
    New,
}

/// Makes `calls` calls with the client of that name and returns what they allocated. `at` is the path of a Unix
/// socket, or else an address that is spoken to by HTTPS.
///
/// # Errors
/// When a call fails.
pub fn run(client: &str, at: &str, connections: Connections, calls: usize) -> Result<Count, Failure> {
    match client {
        "floor" if at.starts_with('/') => {
            let mut floor = Floor::connect(Path::new(at))?;
            counted(calls, || floor.get())
        }
        "floor" => {
            let tls = TlsFloor::new(at)?;
            let mut floor = tls.connect()?;
            counted(calls, || {
                if connections == Connections::New {
                    floor = tls.connect()?;
                }
                floor.get()
            })
        }
        "blocking" => {
            let client = lxio_blocking::Client::connect(remote(at, connections)?)?;
            counted(calls, || Ok(client.call(instance("c1").get())?))
        }
        "tokio" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let client = runtime.block_on(lxio_tokio::Client::connect(remote(at, connections)?))?;
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
            let client = smol::block_on(lxio_smol::Client::connect(remote(at, connections)?))?;
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

fn remote(at: &str, connections: Connections) -> Result<Remote, Failure> {
    let remote = if at.starts_with('/') {
        Remote::socket(at)
    } else {
        Remote::https(at)?.trust(papers::trust()?).identity(papers::identity()?)
    };
    Ok(if connections == Connections::New { remote.idle(0) } else { remote })
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

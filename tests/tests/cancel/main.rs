//! Futures that are dropped at every point where they wait: afterwards the next call on the same client works
//! and gets its own answer, the connection that was in use is closed, and no file descriptor is left.
#![allow(clippy::unwrap_used)]

mod harness;

use harness::{Bench, at_every_point, quietly};
use lxio_core::api::{events, instance, profile, raw};
use lxio_core::session::Remote;
use lxio_tests::daemon::{self, CODE, STDERR, STDOUT, file, own};

/// The suite, for an adapter with its own traits of readers and writers.
macro_rules! suite {
    ($adapter:ident, $library:ident, $traits:path) => {
        mod $adapter {
            use super::*;
            use $library::{Client, Error};
            #[allow(unused_imports)]
            use $traits::{AsyncReadExt as _, AsyncWriteExt as _};

            /// Does something with a client, dropped everywhere; then the client must be as good as new.
            fn drops<T: PartialEq + std::fmt::Debug, F: Future<Output = Result<T, Error>>>(
                what: impl Fn(Client) -> F,
                whole: T,
            ) {
                quietly(|| {
                    let bench = Bench::new();
                    let client =
                        bench.complete(Client::connect(Remote::socket(bench.server.path()).seed(1))).unwrap();
                    let after = |times: usize| {
                        let path = format!("/1.0/after-{times}");
                        let next = bench.complete(client.call(raw::get(&path).json())).unwrap();
                        assert_eq!(next.value, own(&path), "after {times} polls");
                        // Only the connection of this call is left.
                        bench.server.until_open(1);
                    };
                    after(0);
                    let descriptors = bench.descriptors();
                    at_every_point(
                        &bench,
                        || what(client.clone()),
                        |times| {
                            after(times);
                            bench.expect_descriptors(descriptors, times);
                        },
                        |result| assert_eq!(result.unwrap(), whole),
                    );
                });
            }

            #[test]
            fn a_call() {
                drops(
                    |client| async move { Ok(client.call(raw::get("/1.0/mine").json()).await?.value) },
                    own("/1.0/mine"),
                );
            }

            #[test]
            fn a_change() {
                drops(|client| async move { client.run(instance("web").start()).await }, ());
            }

            #[test]
            fn an_edit() {
                drops(
                    |client| async move {
                        let edit = profile("p").edit(|profile| profile.description = "edited".into());
                        Ok(client.run(edit).await?.description)
                    },
                    "edited".to_owned(),
                );
            }

            #[test]
            fn a_command() {
                drops(
                    |client| async move {
                        let out = client.run(instance("web").exec(["x"]).stdin("some input")).await?;
                        Ok((out.stdout, out.stderr, out.status.code()))
                    },
                    (STDOUT.to_vec(), STDERR.to_vec(), CODE),
                );
            }

            #[test]
            fn a_command_that_is_talked_to() {
                drops(
                    |client| async move {
                        let mut live = client.start(instance("web").exec(["x"])).await?;
                        live.write_all(b"hello").await.map_err(lxio_tests::actor::inner)?;
                        live.close_stdin();
                        let mut count = 0;
                        while let Some(piece) = live.next().await {
                            count += piece?.bytes().len();
                        }
                        Ok((count, live.finish().await?.status.code()))
                    },
                    (STDOUT.len() + STDERR.len(), CODE),
                );
            }

            #[test]
            fn a_download() {
                drops(
                    |client| async move {
                        let mut live = client.start(instance("web").file("/x").pull()).await?;
                        let mut whole = vec![0; 1000];
                        live.read_exact(&mut whole).await.map_err(lxio_tests::actor::inner)?;
                        let mut rest = Vec::new();
                        live.copy_to(&mut rest).await?;
                        whole.extend(rest);
                        Ok(whole == file())
                    },
                    true,
                );
            }

            #[test]
            fn an_upload() {
                drops(
                    |client| async move {
                        let bytes = file();
                        let mut sized =
                            client.start(instance("web").file("/x").push(bytes.len() as u64)).await?;
                        sized.write_all(&bytes).await.map_err(lxio_tests::actor::inner)?;
                        sized.complete().await?;
                        let chunked = client.start(instance("web").file("/x").push_all()).await?;
                        chunked.copy_from(&mut &bytes[..]).await
                    },
                    (),
                );
            }

            #[test]
            fn a_stream_of_events() {
                drops(
                    |client| async move {
                        let mut live = client.start(events().lifecycle()).await?;
                        let event = live.next().await.unwrap()?;
                        Ok(event.project.is_some())
                    },
                    true,
                );
            }

            /// Connecting itself: nothing of a client that never was is left.
            #[test]
            fn the_greeting() {
                quietly(|| {
                    let bench = Bench::new();
                    let connect = || Client::connect(Remote::socket(bench.server.path()).seed(1));
                    drop(bench.complete(connect()).unwrap());
                    bench.server.until_open(0);
                    let descriptors = bench.descriptors();
                    at_every_point(
                        &bench,
                        connect,
                        |times| {
                            bench.server.until_open(0);
                            bench.expect_descriptors(descriptors, times);
                        },
                        |client| drop(client.unwrap()),
                    );
                });
            }

            /// What borrows a handle loses nothing when it is dropped: the next one goes on.
            #[test]
            fn futures_of_a_handle_lose_nothing() {
                quietly(|| {
                    let bench = Bench::new();
                    let client =
                        bench.complete(Client::connect(Remote::socket(bench.server.path()).seed(1))).unwrap();
                    let mut live = bench.complete(client.start(instance("web").file("/x").pull())).unwrap();
                    let (mut whole, mut space) = (Vec::new(), vec![0; 10_000]);
                    loop {
                        // Each future is polled once, and dropped if it has nothing yet.
                        let read = bench.once(live.read(&mut space));
                        match read {
                            Some(read) if read.as_ref().is_ok_and(|count| *count == 0) => break,
                            Some(read) => whole.extend_from_slice(&space[..read.unwrap()]),
                            None => {}
                        }
                    }
                    assert!(whole == file());
                    let mut live = bench.complete(client.start(instance("web").exec(["x"]))).unwrap();
                    live.close_stdin();
                    let mut count = 0;
                    loop {
                        match bench.once(live.next()) {
                            Some(Some(piece)) => count += piece.unwrap().bytes().len(),
                            Some(None) => break,
                            None => {}
                        }
                    }
                    assert_eq!(count, STDOUT.len() + STDERR.len());
                    assert_eq!(bench.complete(live.finish()).unwrap().status.code(), CODE);
                });
            }
        }
    };
}

suite!(smol, lxio_smol, futures_lite);
suite!(tokio, lxio_tokio, ::tokio::io);

/// The server of this suite says everything in pieces, so that there are many points to wait at.
fn server() -> lxio_tests::script::Server {
    daemon::start_slow().unwrap()
}

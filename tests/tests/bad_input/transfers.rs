//! Bodies that break off on either side, and answers that come before the body has left.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use lxio_core::api::{images, instance, raw};
use lxio_core::session::{Cause, Error, ErrorKind};
use lxio_core::wire::WireError;
use lxio_tests::actor::Connect;
use lxio_tests::script::{Server, Then};
use lxio_tests::{answers, daemon, on_all_adapters};

use super::{client, fresh, get, wire};

on_all_adapters!(
    an_early_answer_is_read_although_writing_failed,
    an_early_answer_is_heard_while_writing,
    a_reader_that_fails_breaks_the_upload_off,
    a_reader_that_ends_too_early,
    a_reader_that_goes_on_too_long,
    a_writer_that_fails_ends_the_download,
    a_download_that_is_cut_is_an_error,
    a_download_that_is_refused,
);

/// More than the buffers of both sides hold together.
const LARGE: usize = 4 << 20;

/// Gives so many bytes, and fails then.
struct Failing(usize);

impl Read for Failing {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the disk is bad"));
        }
        let count = self.0.min(space.len());
        space[..count].fill(7);
        self.0 -= count;
        Ok(count)
    }
}

/// Takes so many bytes, and fails then.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is full"));
        }
        let count = self.0.min(bytes.len());
        self.0 -= count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn an_early_answer_is_read_although_writing_failed<A: Connect>() {
    let server = Server::start(|talk| {
        while let Some(request) = talk.head()? {
            match request.line().split(' ').next() {
                // The rest is left unread, which resets the connection.
                Some("POST") => {
                    talk.send(&answers::refused(404, "Instance not found"))?;
                    return Ok(());
                }
                _ => daemon::answer(talk, &request)?,
            };
        }
        Ok(())
    })
    .unwrap();
    let mut actor: A = client(&server);
    let large = vec![1; LARGE];
    let file = || instance("web").file("/x");
    for _ in 0..3 {
        let sized = actor.push(file().push(LARGE as u64), large.as_slice()).unwrap_err();
        let chunked = actor.push(file().push_all(), large.as_slice()).unwrap_err();
        let in_memory = actor.call(file().put(large.clone())).unwrap_err();
        let settled = actor.run(images().import().bytes(large.clone())).unwrap_err();
        for error in [sized, chunked, in_memory, settled] {
            assert!(error.is_not_found(), "{error:?}");
            assert_eq!(error.code(), Some(404));
        }
        assert_eq!(get(&mut actor, "/1.0/y").unwrap(), daemon::own("/1.0/y"));
    }
}

/// Over TCP an answer goes with its connection: who reads it only when writing has failed has lost it. So this
/// server neither reads nor closes before the client has heard it.
fn an_early_answer_is_heard_while_writing<A: Connect>() {
    let (heard, gone) = (Arc::new(Barrier::new(2)), Arc::new(AtomicBool::new(false)));
    let (told, given_up) = (Arc::clone(&heard), Arc::clone(&gone));
    let server = Server::start(move |talk| {
        let Some(request) = talk.head()? else { return Ok(()) };
        if !request.line().starts_with("POST ") {
            daemon::answer(talk, &request)?;
            return Ok(());
        }
        talk.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")?;
        talk.send(&answers::refused(404, "Instance not found"))?;
        told.wait();
        given_up.store(true, Ordering::SeqCst);
        Ok(())
    })
    .unwrap();
    let mut actor: A = fresh(&server);
    let large = vec![1; LARGE];
    let file = || instance("web").file("/x");
    for at in 0..4 {
        let error = match at {
            0 => actor.push(file().push(LARGE as u64), large.as_slice()).unwrap_err(),
            1 => actor.push(file().push_all(), large.as_slice()).unwrap_err(),
            2 => actor.call(file().put(large.clone())).unwrap_err(),
            _ => actor.run(images().import().bytes(large.clone())).unwrap_err(),
        };
        assert!(error.is_not_found(), "{error:?}");
        assert!(!gone.swap(false, Ordering::SeqCst));
        heard.wait();
        while !gone.swap(false, Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }
}

/// The server saw an upload that broke off after `sent` bytes, and no connection of it is left but that of
/// the next call, which works.
fn broken_off<A: Connect>(server: &Server, actor: &mut A, before: usize) -> usize {
    server.until_requests(before + 1);
    let upload = server.requests().pop().unwrap();
    assert!(!upload.whole, "the server took a part for the whole: {}", upload.line());
    assert_eq!(get(actor, "/1.0/y").unwrap(), daemon::own("/1.0/y"));
    server.until_open(1);
    upload.body.len()
}

fn a_reader_that_fails_breaks_the_upload_off<A: Connect>() {
    let server = daemon::start().unwrap();
    let mut actor: A = client(&server);
    let file = || instance("web").file("/x");
    for sent in [0, 1, 1000, 200_000, 900_000] {
        for chunked in [false, true] {
            let before = server.requests().len();
            let upload = if chunked { file().push_all() } else { file().push(LARGE as u64) };
            let error = actor.push(upload, Failing(sent)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input);
            let Cause::Input(cause) = error.cause() else { panic!("{error:?}") };
            assert_eq!(
                (cause.kind(), cause.to_string()),
                (io::ErrorKind::InvalidData, "the disk is bad".into())
            );
            assert!(!error.is_retryable());
            let came = broken_off(&server, &mut actor, before);
            assert!(came <= sent, "{came} of {sent}");
        }
    }
}

fn a_reader_that_ends_too_early<A: Connect>() {
    let server = daemon::start().unwrap();
    let mut actor: A = client(&server);
    for given in [0, 1, 300_000] {
        let before = server.requests().len();
        let short = vec![0; given];
        let error = actor.push(instance("web").file("/x").push(300_001), short.as_slice()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{error:?}");
        let missing = 300_001 - given as u64;
        assert_eq!(wire(&error), Some(&WireError::ShortUpload { missing }));
        assert!(broken_off(&server, &mut actor, before) <= given);
    }
}

/// What was announced is what is sent; the rest of the reader is left alone.
fn a_reader_that_goes_on_too_long<A: Connect>() {
    let server = daemon::start().unwrap();
    let mut actor: A = client(&server);
    for length in [0, 1, 131_072, 131_073] {
        actor.push(instance("web").file("/x").push(length), Failing(10_000_000)).unwrap();
        let upload = server.requests().pop().unwrap();
        assert!(upload.whole);
        assert_eq!(upload.body.len() as u64, length);
    }
    actor.push(raw::post("/1.0/x").upload(None), &[9; 400_000][..]).unwrap();
    assert_eq!(server.requests().pop().unwrap().body, [9; 400_000]);
    assert_eq!(server.accepted(), 1);
}

fn a_writer_that_fails_ends_the_download<A: Connect>() {
    let server = daemon::start().unwrap();
    let mut actor: A = client(&server);
    for taken in [0, 1, 5000, 300_000] {
        let error = actor.pull(instance("web").file("/x").pull(), Full(taken)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Output);
        let Cause::Output(cause) = error.cause() else { panic!("{error:?}") };
        assert_eq!(cause.kind(), io::ErrorKind::StorageFull);
        assert_eq!(get(&mut actor, "/1.0/y").unwrap(), daemon::own("/1.0/y"));
        // That of the download was closed with its rest unread.
        server.until_open(1);
    }
    let mut whole = Vec::new();
    let info = actor.pull(instance("web").file("/x").pull(), &mut whole).unwrap();
    assert_eq!(info.size, Some(daemon::file().len() as u64));
    assert!(whole == daemon::file());
}

/// Downloads each of the cut bodies; what came was written, and it is an error all the same.
fn a_download_that_is_cut_is_an_error<A: Connect>() {
    let body: Vec<u8> = (0..=255).collect();
    let sized = answers::http("200 OK", daemon::FILE, &body);
    let chunked = answers::chunked("application/octet-stream", &[&body[..100], &body[100..]]);
    for reply in [sized, chunked] {
        let head = reply.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
        let cuts = (head - 2..reply.len()).map(|at| (reply[..at].to_vec(), Then::Close));
        let server = Server::answering(cuts.chain([(reply.clone(), Then::Keep)]).collect()).unwrap();
        let mut actor: A = fresh(&server);
        let pull = |actor: &mut A| -> (Result<_, Error>, Vec<u8>) {
            let mut came = Vec::new();
            let result = actor.pull(raw::get("/1.0/x").download(), &mut came);
            (result, came)
        };
        for at in head - 2..reply.len() {
            let (result, came) = pull(&mut actor);
            let error = result.expect_err("a part was taken for the whole");
            let expected = if at < head { ErrorKind::Transport } else { ErrorKind::Truncated };
            assert_eq!(error.kind(), expected, "cut at {at}: {error:?}");
            assert!(body.starts_with(&came));
        }
        let (result, came) = pull(&mut actor);
        assert_eq!((result.unwrap().status.as_u16(), came), (200, body.clone()));
    }
}

fn a_download_that_is_refused<A: Connect>() {
    let server = Server::answering(vec![
        (answers::refused(404, "no such file"), Then::Keep),
        (answers::sync(&serde_json::json!(["a", "b"])), Then::Keep),
        (answers::http("500 Oops", &[], b"plain"), Then::Keep),
        (answers::sync(&serde_json::json!(1)), Then::Keep),
    ])
    .unwrap();
    let mut actor: A = client(&server);
    let mut written = Vec::new();
    let kinds = [ErrorKind::NotFound, ErrorKind::Protocol, ErrorKind::Refused];
    for kind in kinds {
        let error = actor.pull(raw::get("/1.0/x").download(), &mut written).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
    }
    assert!(written.is_empty(), "a refusal was taken for the body");
    assert_eq!(get(&mut actor, "/1.0/x").unwrap(), serde_json::json!(1));
    assert_eq!(server.accepted(), 1);
}

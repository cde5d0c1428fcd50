use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use crate::api::raw;
use crate::{Cause, Client, Error, instance};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    async_io::block_on(future)
}

/// What the server does with a request.
#[derive(Clone, Copy, PartialEq)]
enum Deed {
    /// Answers, and keeps the connection.
    Answer,
    /// Answers, and closes.
    AnswerAndClose,
    /// Answers, and says something more a moment later.
    AnswerAndBabble,
    /// Closes without an answer.
    Close,
    /// Does not answer.
    Hold,
}

/// A server that does one deed after the other, the last for ever, whatever the connections.
struct Server {
    path: std::path::PathBuf,
    /// Method and path of the requests that came, each with the number of its connection.
    seen: Receiver<(usize, String)>,
}

impl Server {
    fn start(deeds: &'static [Deed]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "{}-{}-{}",
            env!("CARGO_PKG_NAME"),
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        let (saw, seen) = channel();
        thread::spawn(move || {
            let next = std::sync::Arc::new(AtomicUsize::new(0));
            for (number, socket) in listener.incoming().enumerate() {
                let (saw, next, socket) = (saw.clone(), next.clone(), socket.unwrap());
                thread::spawn(move || {
                    serve(socket, |line| {
                        let at = next.fetch_add(1, Ordering::SeqCst).min(deeds.len() - 1);
                        let _ = saw.send((number, line));
                        deeds[at]
                    })
                });
            }
        });
        Self { path, seen }
    }

    fn saw(&self) -> (usize, String) {
        self.seen.recv_timeout(Duration::from_secs(5)).unwrap()
    }

    fn saw_nothing_more(&self) {
        assert!(self.seen.recv_timeout(Duration::from_millis(50)).is_err());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn serve(mut socket: UnixStream, mut deed: impl FnMut(String) -> Deed) {
    let mut request = Vec::new();
    let mut space = [0; 4096];
    loop {
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            match socket.read(&mut space) {
                Ok(count) if count > 0 => request.extend_from_slice(&space[..count]),
                _ => return,
            }
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        request.clear();
        let body = r#"{"type":"sync","status":"Success","status_code":200,"metadata":{"api_extensions":[],"auth":"trusted","environment":{"server":"lxd"}}}"#;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let deed = deed(text.split(" HTTP").next().unwrap_or_default().to_owned());
        if matches!(deed, Deed::Answer | Deed::AnswerAndClose | Deed::AnswerAndBabble) {
            socket.write_all(answer.as_bytes()).unwrap();
        }
        match deed {
            Deed::Answer | Deed::Hold => {}
            Deed::AnswerAndClose | Deed::Close => return,
            Deed::AnswerAndBabble => {
                thread::sleep(Duration::from_millis(20));
                let _ = socket.write_all(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
            }
        }
    }
}

async fn get(client: &Client) -> Result<(), Error> {
    client.call(raw::get("/1.0/x").json()).await.map(drop)
}

#[test]
fn calls_share_a_connection() {
    let server = Server::start(&[Deed::Answer]);
    block_on(async {
        let client = Client::connect(server.path.as_path()).await.unwrap();
        get(&client).await.unwrap();
        get(&client.clone()).await.unwrap();
    });
    assert_eq!(server.saw(), (0, "GET /1.0".into()));
    assert_eq!(server.saw(), (0, "GET /1.0/x".into()));
    assert_eq!(server.saw(), (0, "GET /1.0/x".into()));
}

#[test]
fn a_connection_that_died_at_rest_is_replaced() {
    let server = Server::start(&[Deed::Answer, Deed::AnswerAndClose, Deed::Answer]);
    block_on(async {
        let client = Client::connect(server.path.as_path()).await.unwrap();
        get(&client).await.unwrap();
        thread::sleep(Duration::from_millis(50));
        // Not idempotent, and sent all the same: nothing of it left on the dead connection.
        client.call(raw::post("/1.0/y").json()).await.unwrap();
    });
    let seen: Vec<_> = (0..3).map(|_| server.saw()).collect();
    assert_eq!(seen[2], (1, "POST /1.0/y".into()));
}

#[test]
fn what_died_with_the_request_is_sent_again_only_if_that_is_harmless() {
    let server = Server::start(&[Deed::Answer, Deed::Close, Deed::Answer, Deed::Close]);
    block_on(async {
        let client = Client::connect(server.path.as_path()).await.unwrap();
        get(&client).await.unwrap();
        client.call(raw::post("/1.0/y").json()).await.unwrap_err();
    });
    let lines: Vec<_> = (0..4).map(|_| server.saw()).collect();
    assert_eq!(lines[1], (0, "GET /1.0/x".into()));
    assert_eq!(lines[2], (1, "GET /1.0/x".into()));
    assert_eq!(lines[3], (1, "POST /1.0/y".into()));
    server.saw_nothing_more();
}

#[test]
fn what_nobody_asked_for_is_nobodys_answer() {
    let server = Server::start(&[Deed::Answer, Deed::AnswerAndBabble, Deed::Answer]);
    block_on(async {
        let client = Client::connect(server.path.as_path()).await.unwrap();
        get(&client).await.unwrap();
        pause(Duration::from_millis(100)).await;
        get(&client).await.unwrap();
    });
    let seen: Vec<_> = (0..3).map(|_| server.saw()).collect();
    assert_eq!(seen[2], (1, "GET /1.0/x".into()));
}

#[test]
fn a_dropped_call_takes_its_connection_with_it() {
    let server = Server::start(&[Deed::Answer, Deed::Hold, Deed::Answer]);
    block_on(async {
        let client = Client::connect(server.path.as_path()).await.unwrap();
        server.saw();
        {
            let mut call = pin!(get(&client));
            poll_fn(|cx| {
                assert!(call.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            assert_eq!(server.saw().0, 0);
        }
        get(&client).await.unwrap();
        assert_eq!(server.saw().0, 1);
    });
}

#[test]
fn a_dropped_conversation_takes_its_connection_with_it() {
    let server = Server::start(&[Deed::Answer, Deed::Hold, Deed::Answer]);
    block_on(async {
        let client = Client::connect(server.path.as_path()).await.unwrap();
        server.saw();
        {
            let mut run = pin!(client.run(instance("web").delete()));
            poll_fn(|cx| {
                assert!(run.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            assert_eq!(server.saw().0, 0);
        }
        client.run(instance("web").delete()).await.unwrap();
        assert_eq!(server.saw().0, 1);
    });
}

#[test]
fn an_upload_that_nobody_ends_is_an_error_and_no_hang() {
    let server = Server::start(&[Deed::Answer, Deed::Hold]);
    block_on(async {
        let client = Client::connect(server.path.as_path()).await.unwrap();
        let upload = client.start(crate::images().import().sized(10)).await.unwrap();
        let error = upload.finish().await.unwrap_err();
        assert!(matches!(error.cause(), Cause::Stuck), "{error}");
    });
}

#[test]
fn futures_are_send() {
    fn send<T: Send>(_: &T) {}
    let path = std::path::Path::new("/nowhere");
    let connect = Client::connect(path);
    send(&connect);
    drop(async {
        let client = connect.await?;
        send(&get(&client));
        send(&client.run(instance("web").start()));
        send(&client.start(instance("web").exec(["sh"])));
        send(&client.start(crate::events()));
        let mut live = client.start(instance("web").exec(["sh"])).await?;
        send(&live.next());
        let (mut input, mut output, mut errors) = (&[][..], Vec::new(), Vec::new());
        send(&live.pipe(&mut input, &mut output, &mut errors));
        Ok::<(), Error>(())
    });
}

async fn pause(time: Duration) {
    async_io::Timer::after(time).await;
}

/// async-io's own thread waits for events while the task is busy, and takes none of them for new.
#[test]
fn a_busy_task_gets_its_answers() {
    let server = Server::start(&[Deed::Answer]);
    let client = block_on(Client::connect(server.path.as_path())).unwrap();
    let mut polls = 0;
    for _ in 0..20 {
        let mut call = pin!(get(&client));
        block_on(poll_fn(|cx| {
            thread::sleep(Duration::from_millis(2));
            polls += 1;
            assert!(polls < 200, "woken again and again, and told that there is nothing");
            call.as_mut().poll(cx)
        }))
        .unwrap();
    }
}

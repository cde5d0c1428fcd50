//! Answers without end: the client stops at its limits, whatever it is that does not end.

use std::io::{self, Write};

use lxio_core::api::raw;
use lxio_core::session::ErrorKind;
use lxio_sim::Scripted;

use super::{get, goes_on, limits, stage, taken};

/// What the network holds on its way, and what the client reads at once.
const UNDER_WAY: usize = 512 << 10;

#[test]
fn what_does_not_end_is_left_at_the_limit() {
    let ok = |rest: &str| format!("HTTP/1.1 200 OK\r\n{rest}");
    let chunked = |rest: &str| ok(&format!("Transfer-Encoding: chunked\r\n\r\n{rest}"));
    for (name, begin, refrain, kind) in [
        ("a status line", "HTTP/1.1 200 ".to_owned(), "x", ErrorKind::TooLong),
        ("a field", ok("A: "), "x", ErrorKind::TooLong),
        ("fields", ok(""), "A: b\r\n", ErrorKind::TooLong),
        ("interim answers", String::new(), "HTTP/1.1 103 Early\r\n\r\n", ErrorKind::Protocol),
        ("a body", ok("\r\n"), "x", ErrorKind::TooLong),
        ("chunks", chunked(""), "8\r\nxxxxxxxx\r\n", ErrorKind::TooLong),
        ("the size of a chunk", chunked(""), "0", ErrorKind::Protocol),
        ("the extension of a chunk", chunked("1;"), "x", ErrorKind::Protocol),
        ("a trailer", chunked("0\r\nA: "), "x", ErrorKind::Protocol),
        ("trailers", chunked("0\r\n"), "A: b\r\n", ErrorKind::Protocol),
    ] {
        let (sim, client) = stage();
        sim.record();
        sim.next_reply(Scripted::raw(begin).then_endlessly(refrain.repeat(500)));
        let error = get(&client).expect_err(name);
        assert_eq!(error.kind(), kind, "{name}: {error:?}");
        let came = taken(&sim);
        assert!(came < 2 * limits().body + UNDER_WAY, "{name}: it took {came} bytes");
        goes_on(&sim, &client, 2);
    }
}

/// Takes so many bytes, and fails then.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let count = self.0.min(bytes.len());
        self.0 -= count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_download_goes_on_as_long_as_it_is_taken() {
    let (sim, client) = stage();
    sim.record();
    sim.next_reply(
        Scripted::raw("HTTP/1.1 200 OK\r\nX-Incus-Type: file\r\n\r\n").then_endlessly("x".repeat(999)),
    );
    let download = client.start(raw::get("/1.0/x").download()).unwrap();
    let error = download.copy_to(&mut Full(4 << 20)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output, "{error:?}");
    let came = taken(&sim);
    assert!(((4 << 20)..(4 << 20) + UNDER_WAY).contains(&came), "{came}");
    goes_on(&sim, &client, 2);
}

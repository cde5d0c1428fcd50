use super::*;
use crate::transcript::Anatomy;
use Direction::{ToClient, ToServer};
use lxio_core::bytes::Chance;

const SECRET: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa11111111111111111111111111111111";
const PRINT: &str = "cccccccccccccccccccccccccccccccc33333333333333333333333333333333";

/// What is told of a conversation that passes in pieces of this size: the bytes of both directions, hidden ones
/// as `?`. All that passed is told, in order, and nothing is told twice.
fn told(talk: &[(Direction, Vec<u8>)], size: usize, keep: bool) -> (String, String) {
    let (mut anatomy, mut mask) = (Anatomy::new(), Mask::default());
    let mut veils = [Veil::new(ToServer, keep), Veil::new(ToClient, keep)];
    let mut all = Vec::new();
    for (direction, bytes) in talk {
        let veil = &mut veils[usize::from(*direction == ToClient)];
        for piece in bytes.chunks(size) {
            anatomy.push(*direction, piece, |run| veil.take(run, &mut mask));
            veil.tell(&mut all);
        }
    }
    for veil in &mut veils {
        veil.end(&mut mask, &mut all);
    }
    let [up, down] = [ToServer, ToClient].map(|side| {
        let mut bytes = Vec::new();
        for what in &all {
            match what {
                What::Data(way, data) if *way == side => bytes.extend_from_slice(data),
                What::Blank(way, count) if *way == side => bytes.resize(bytes.len() + count, b'?'),
                _ => {}
            }
        }
        let passed: usize = talk.iter().filter(|(way, _)| *way == side).map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(bytes.len(), passed);
        bytes.iter().map(|byte| char::from(*byte)).collect()
    });
    (up, down)
}

/// The same in any cut.
fn both(talk: &[(Direction, Vec<u8>)], keep: bool) -> (String, String) {
    let whole = told(talk, usize::MAX, keep);
    for size in [1, 2, 3, 7, 13, 64] {
        assert_eq!(told(talk, size, keep), whole, "in pieces of {size}");
    }
    whole
}

fn message(first: &str, fields: &str, body: &str) -> Vec<u8> {
    format!("{first}\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

const JSON: &str = "Content-Type: application/json\r\n";
const OCTETS: &str = "Content-Type: application/octet-stream\r\n";

fn exec() -> Vec<(Direction, Vec<u8>)> {
    let masked: Vec<u8> = b"hunter2".iter().zip([1, 2, 3, 4].iter().cycle()).map(|(a, b)| a ^ b).collect();
    vec![
        (
            ToServer,
            message(
                "POST /1.0/instances/c/exec HTTP/1.1",
                JSON,
                r#"{"command":["login","hunter2"],"environment":{"PW":"hunter2"},"interactive":false}"#,
            ),
        ),
        (
            ToClient,
            message(
                "HTTP/1.1 202 Accepted",
                JSON,
                &format!(
                    r#"{{"metadata":{{"metadata":{{"command":["login","hunter2"],"fds":{{"0":"{SECRET}"}}}}}}}}"#
                ),
            ),
        ),
        (
            ToServer,
            format!("GET /1.0/operations/x/websocket?secret={SECRET} HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
                .into_bytes(),
        ),
        (ToClient, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".to_vec()),
        (ToServer, [&[0x81, 0x90, 0, 0, 0, 0][..], br#"{"command":"ok"}"#].concat()),
        (ToServer, [&[0x82, 0x87, 1, 2, 3, 4][..], &masked].concat()),
        (ToClient, b"\x82\x09hunter2!!\x81\x00\x89\x01p".to_vec()),
    ]
}

#[test]
fn a_command_is_told_by_its_shape() {
    let (up, down) = both(&exec(), false);
    assert!(!up.contains("hunter2") && !down.contains("hunter2") && !(up + &down).contains(SECRET));
    let (up, down) = both(&exec(), false);
    assert!(
        up.contains(r#"{"command":["?????","???????"],"environment":{"PW":"???????"},"interactive":false}"#)
    );
    let fake = format!("5ec2e7{:058x}", 1);
    assert!(down.contains(&format!("\"0\":\"{fake}\"")) && up.contains(&format!("secret={fake} HTTP")));
    assert!(up.contains(r#"{"command":"ok"}"#), "a word of the protocol: {up}");
    assert!(up.ends_with("\u{82}\u{87}\u{1}\u{2}\u{3}\u{4}???????"));
    assert!(down.ends_with("\u{82}\u{9}?????????\u{81}\0\u{89}\u{1}p"));
}

#[test]
fn content_is_told_if_it_is_kept_but_no_secret() {
    let (up, down) = both(&exec(), true);
    assert!(up.contains("\"login\",\"hunter2\"") && down.contains("hunter2!!"));
    assert!(!(up + &down).contains(SECRET));
}

#[test]
fn credentials_are_hidden_wherever_they_stand() {
    let config = format!(
        r#"{{"config":{{"core.trust_password":"hunter2","user.x":"data","image.fingerprint":"{PRINT}"}},"token":"a\"hunter2","x":"-----BEGIN EC PRIVATE KEY-----\nhunter2"}}"#
    );
    let talk = [
        (
            ToServer,
            message(
                "PUT /1.0?token=hunter2&project=p HTTP/1.1",
                &format!(
                    "Authorization: Bearer hunter2\r\nCookie: hunter2\r\nIf-Match: \"{PRINT}\"\r\n{JSON}"
                ),
                &config,
            ),
        ),
        (ToClient, message("HTTP/1.1 403 Forbidden", "Content-Type: text/plain\r\n", "you may not\n")),
    ];
    for keep in [false, true] {
        let (up, down) = both(&talk, keep);
        assert!(!up.contains("hunter2"), "{up}");
        assert!(
            up.starts_with("PUT /1.0?token=???????&project=p HTTP/1.1\r\nAuthorization: ??????????????\r\n")
        );
        assert_eq!(up.matches(PRINT).count(), 2);
        assert_eq!(up.contains("\"user.x\":\"data\""), keep);
        assert!(down.ends_with("you may not\n"));
    }
}

#[test]
fn files_are_hidden_and_their_frames_are_not() {
    let chunks = "Transfer-Encoding: chunked\r\n\r\n00000007\r\nhunter2\r\n0\r\n\r\n";
    let talk = [
        (ToServer, format!("POST /1.0/images HTTP/1.1\r\n{OCTETS}{chunks}").into_bytes()),
        (ToClient, message("HTTP/1.1 200 OK", OCTETS, "hunter2")),
        (ToClient, b"HTTP/1.1 what is this hunter2\r\n\r\nhunter2".to_vec()),
    ];
    let (up, down) = both(&talk, false);
    assert!(up.ends_with("\r\n\r\n00000007\r\n???????\r\n0\r\n\r\n"));
    assert!(down.contains("\r\n\r\n???????HTTP/1.1 what"));
    assert!(down.ends_with("\r\n\r\n???????"));
}

#[test]
fn what_breaks_off_tells_no_part_of_a_secret() {
    let whole = &exec()[1].1;
    for length in 0..whole.len() {
        let (_, down) =
            told(&[(ToServer, exec()[0].1.clone()), (ToClient, whole[..length].to_vec())], 9, false);
        assert!(!down.contains("aaaa"), "after {length}: {down}");
    }
    let head = &exec()[2].1;
    for length in 0..head.len() {
        let (up, _) = told(&[(ToServer, head[..length].to_vec())], 9, false);
        assert!(!up.contains("aaaa"), "after {length}: {up}");
    }
}

#[test]
fn a_long_string_is_hidden_and_not_held() {
    let long = "z".repeat(3 << 20);
    let body = format!(r#"{{"a":"{long}","b":"seen"}}"#);
    let (_, down) = told(&[(ToClient, message("HTTP/1.1 200 OK", JSON, &body))], 1 << 16, true);
    assert!(!down.contains('z') && down.ends_with(r#""b":"seen"}"#));
}

#[test]
fn whatever_comes_is_told_once_or_hidden() {
    let mut chance = Chance::seeded(5);
    let mut below = |most: usize| usize::try_from(chance.draw()).unwrap() % most;
    for _ in 0..1000 {
        let mut talk = exec();
        for _ in 0..=below(3) {
            let bytes = &mut talk[below(6)].1;
            let at = below(bytes.len());
            bytes[at] = u8::try_from(below(256)).unwrap();
        }
        // That all of it is told or hidden is asserted there.
        let whole = told(&talk, usize::MAX, false);
        assert_eq!(told(&talk, 1 + below(40), false), whole);
    }
}

#[test]
fn of_a_login_nothing_is_told_that_could_be_used() {
    let form = "Content-type: application/X-WWW-form-urlencoded\r\n";
    let talk = [
        (ToServer, message("POST /device HTTP/1.1", form, "client_id=hunter2")),
        (ToClient, message("HTTP/1.1 200 OK", JSON, r#"{"device_code":"hunter2","user_code":"AB"}"#)),
        (ToServer, message("POST /token HTTP/1.1", form, "device_code=hunter2")),
        (
            ToClient,
            message(
                "HTTP/1.1 200 OK",
                JSON,
                r#"{"access_token":"hunter2","refresh_token":"hunter2","id_token":"hunter2","expires_in":5}"#,
            ),
        ),
        (ToServer, message("POST /file HTTP/1.1", OCTETS, "a file")),
    ];
    for keep in [false, true] {
        let (up, down) = both(&talk, keep);
        assert!(!up.contains("hunter2") && !down.contains("hunter2"), "{up}{down}");
        assert!(up.contains("\r\n\r\n???????????????????POST /file"), "{up}");
        assert!(down.contains(r#""expires_in":5}"#), "{down}");
        // What is no form is told as before.
        assert_eq!(up.ends_with("a file"), keep, "{up}");
    }
}

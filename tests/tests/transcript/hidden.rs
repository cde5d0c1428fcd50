//! What a user typed is in no transcript, wherever it went.

use std::fs;

use lxio_core::api::{events, instance, profile, raw};
use lxio_core::session::Remote;
use lxio_tests::actor::Connect;
use lxio_tests::daemon;
use lxio_tests::on_all_adapters;
use lxio_tests::replay::again;
use lxio_tests::transcript::Transcript;

on_all_adapters!(what_is_typed_is_in_no_transcript);

const TYPED: &str = "hunter2-of-the-user";

fn what_is_typed_is_in_no_transcript<A: Connect>() {
    let server = daemon::start().unwrap();
    let path = server.path().with_file_name("bug.jsonl");
    let mut actor = A::connect(Remote::socket(server.path()).transcript(&*path)).unwrap();
    let web = instance("web");
    let body = serde_json::json!({"config": {"core.trust_password": TYPED}, "token": TYPED});
    actor
        .call(raw::put("/1.0").field("Authorization", TYPED).query("password", TYPED).body(&body).reply())
        .unwrap();
    actor
        .run(profile("p").patch(&serde_json::json!({"config": {"user.key": TYPED, "limits.cpu": "4"}})))
        .unwrap();
    actor.run(web.start()).unwrap();
    let exec = web.exec(["login", TYPED]).env("PW", TYPED);
    let output = actor.run(exec.stdin(TYPED)).unwrap();
    assert_eq!(output.stdout, daemon::STDOUT);
    actor.call(web.file("/etc/shadow").put(TYPED)).unwrap();
    actor.push(web.file("/etc/shadow").push_all(), TYPED.as_bytes()).unwrap();
    actor.pull(web.file("/etc/shadow").pull(), std::io::sink()).unwrap();
    let (_, seen, _) = actor.watch(events(), |_| (), 1);
    assert_eq!(seen.len(), 1);
    drop(actor);
    let text = fs::read_to_string(&path).unwrap();
    let transcript = Transcript::load(&path).unwrap();
    for typed in [TYPED, "hello world", "oops\n"] {
        assert!(!super::contains(&super::readable(&transcript), typed), "{typed:?}");
        assert!(!text.contains(typed), "{typed:?}");
    }
    assert!(super::contains(&super::readable(&transcript), "\"limits.cpu\":\"4\""));
    assert!(fs::metadata(&path).unwrap().len() < 60 << 10, "700,000 bytes are told by their number");
    let again = again(&transcript);
    assert_eq!(again.differences, []);
    assert!(again.lines.iter().any(|line| line.contains("FileContent")), "{:#?}", again.lines);
}

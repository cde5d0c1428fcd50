use std::fs;
use std::process;

use serde_json::{Value, json};

use super::bench::Bench;

const RECORDED: &str = include_str!("scripts.jsonl");

fn text(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| std::ascii::escape_default(*byte)).map(char::from).collect()
}

/// What came of a script on a real busybox comes of it here.
#[test]
fn as_busybox() {
    let mut different = Vec::new();
    for line in RECORDED.lines() {
        let recorded: Value = serde_json::from_str(line).unwrap();
        let script = recorded["script"].as_str().unwrap();
        let out = Bench::new().run(&["sh", "-c", script], b"one\ntwo words\nthree");
        let own = told(script, &out.stdout, &out.stderr, out.code);
        if own != recorded {
            different.push(format!("busybox {recorded}\nhere    {own}"));
        }
    }
    assert!(different.is_empty(), "{} differences\n{}", different.len(), different.join("\n"));
}

fn told(script: &str, stdout: &[u8], stderr: &[u8], code: i32) -> Value {
    json!({ "script": script, "stdout": text(stdout), "stderr": text(stderr), "code": code })
}

/// Runs the scripts on the busybox that `LXIO_BUSYBOX` names, in an empty directory, and writes down what
/// came of them. New scripts are lines of `{"script": "..."}`.
#[test]
#[ignore = "by hand: writes scripts.jsonl again"]
fn record() {
    let busybox = std::env::var("LXIO_BUSYBOX").expect("LXIO_BUSYBOX names a busybox");
    let place = std::env::temp_dir().join(format!("lxio-scripts-{}", process::id()));
    let mut lines = String::new();
    for line in RECORDED.lines() {
        let recorded: Value = serde_json::from_str(line).unwrap();
        let script = recorded["script"].as_str().unwrap();
        let (bin, home) = (place.join("bin"), place.join("root"));
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir_all(&home).unwrap();
        for name in crate::machine::applets::NAMES {
            std::os::unix::fs::symlink(&busybox, bin.join(name)).unwrap();
        }
        fs::write(place.join("stdin"), "one\ntwo words\nthree").unwrap();
        let out = process::Command::new(&busybox)
            .args(["sh", "-c", script])
            .env_clear()
            .env("PATH", &bin)
            .env("HOME", "/root")
            .env("USER", "root")
            .current_dir(&home)
            .stdin(fs::File::open(place.join("stdin")).unwrap())
            .output()
            .unwrap();
        let code = out.status.code().unwrap_or_else(|| {
            128 + std::os::unix::process::ExitStatusExt::signal(&out.status).unwrap_or_default()
        });
        lines.push_str(&told(script, &out.stdout, &out.stderr, code).to_string());
        lines.push('\n');
        fs::remove_dir_all(&place).unwrap();
    }
    fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/machine/tests/scripts.jsonl"), lines).unwrap();
}

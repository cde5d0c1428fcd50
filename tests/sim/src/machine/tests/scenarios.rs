use sha2::{Digest, Sha256};

use super::bench::Bench;
use crate::machine::process::{Noise, SpawnError};

/// What the live suite runs in its containers, and what it expects.
#[test]
fn scripts_of_the_live_suite() {
    let mut bench = Bench::new();
    for (script, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -9 $$; sleep 9", 137),
        ("kill -15 $$; sleep 9", 143),
    ] {
        bench.says(&format!("echo out; echo err >&2; {script}"), "out\n", "err\n", code);
    }
    bench.says("id -u; id -g; pwd; echo $HOME", "0\n0\n/root\n/root\n", "", 0);
    bench.says("no-such-command", "", "sh: no-such-command: not found\n", 127);
    bench.says("echo so far; exit 3", "so far\n", "", 3);
    bench.says("i=0; while [ $i -lt 50 ]; do echo line $i; i=$((i+1)); done", &lines(50), "", 0);
    bench.says("echo before >/root/mark; cat /root/mark; ls /root", "before\nmark\n", "", 0);
    bench.says("echo after >/root/mark; touch /root/new; ls /root", "mark\nnew\n", "", 0);
    bench.says("rm /root/mark; rm -f /tmp/big /tmp/upload /root/new; ls /root", "", "", 0);
    bench.says("ln -s '../no where/ünïcode' /tmp/c; readlink /tmp/c || echo", "../no where/ünïcode\n", "", 0);
    bench.says("ls -l /tmp/c | sed 's/.* -> //'", "../no where/ünïcode\n", "", 0);
    bench.says("stat -c '%u %g %a %F' /etc/passwd /tmp", "0 0 644 regular file\n0 0 1777 directory\n", "", 0);
    bench.says("head -c 5242880 /dev/zero >/tmp/big; wc -c </tmp/big; rm /tmp/big", "5242880\n", "", 0);
    for at in [0, 23] {
        let script = format!("echo out {at}; echo err {at} >&2; cat; exit {at}");
        let out = bench.run(&["sh", "-c", &script], format!("in {at}\n").as_bytes());
        assert_eq!((out.stdout, out.code), (format!("out {at}\nin {at}\n").into_bytes(), at));
        assert_eq!(out.stderr, format!("err {at}\n").into_bytes());
    }
    let quoted = "bad-\\377\\376-utf8 100%% line\\nfeed\\ttab \"'\\''\\\\\\\\$x";
    bench.says(
        &format!("cd /tmp; echo x >\"$(printf '{quoted}')\"; cat \"$(printf '/tmp/{quoted}')\""),
        "x\n",
        "",
        0,
    );
}

fn lines(number: u32) -> String {
    (0..number).map(|at| format!("line {at}\n")).collect()
}

#[test]
fn arguments_and_settings() {
    let mut bench = Bench::new();
    let out = bench.run(&["printf", "%s|", "a b", "", "c'\"d", "$HOME", "ü"], b"");
    assert_eq!(out.stdout, "a b||c'\"d|$HOME|ü|".as_bytes());
    let out = bench.run(&["head", "-c", "300", "/bin/busybox"], b"");
    assert_eq!((out.stdout.len(), &out.stdout[..4]), (300, &b"\x7fELF"[..]));
    let out = bench.run(&["head", "-c", "3000000", "/dev/zero"], b"");
    assert!(out.stdout.len() == 3_000_000 && out.stdout.iter().all(|it| *it == 0));

    let mut command =
        Bench::command(&["sh", "-c", "echo \"$A|$B\"; id -u; id -g; pwd; echo $HOME; echo x >/root/x"]);
    command.env.extend([b"A=x y=z".to_vec(), "B=ü\n".into()]);
    (command.uid, command.gid, command.cwd) = (1000, 1000, b"/tmp".to_vec());
    let id = bench.machine.spawn(command, bench.now).unwrap();
    let out = bench.finish(id, b"");
    assert_eq!(String::from_utf8(out.stdout).unwrap(), "x y=z|ü\n\n1000\n1000\n/tmp\n/root\n");
    assert_eq!(out.stderr, b"sh: can't create /root/x: Permission denied\n");
    let mut command = Bench::command(&["pwd"]);
    command.cwd = b"/no/such".to_vec();
    let id = bench.machine.spawn(command, bench.now).unwrap();
    assert_eq!(bench.finish(id, b"").stdout, b"/\n");
}

#[test]
fn what_cannot_be_run() {
    let mut bench = Bench::new();
    let mut refused = |name: &str| bench.machine.spawn(Bench::command(&[name]), bench.now).unwrap_err();
    assert_eq!(refused("no-such-command"), SpawnError::NotFound);
    assert_eq!(refused("/no/such/path"), SpawnError::NotFound);
    assert!(matches!(refused("/etc/passwd"), SpawnError::NotExecutable(_)));
    assert!(matches!(refused("/tmp"), SpawnError::NotExecutable(_)));
    assert_eq!(refused(""), SpawnError::NotFound);
}

/// Bytes in and out, far more than a pipe holds; both outputs at once.
#[test]
fn floods() {
    let mut bench = Bench::new();
    let mut noise = vec![0; 3 << 20];
    Noise::of(2).fill(&mut noise);
    let out = bench.run(&["cat"], &noise);
    assert!(out.stdout == noise && out.code == 0);
    let hash: String = Sha256::digest(&noise).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(String::from_utf8(bench.run(&["sha256sum"], &noise).stdout).unwrap(), format!("{hash}  -\n"));
    let out = bench.run(&["sh", "-c", "cat; echo done >&2; exit 5"], &noise);
    assert!(out.stdout == noise && out.stderr == b"done\n" && out.code == 5);

    let make = "head -c 20971520 /dev/urandom >/tmp/o; head -c 5242880 /dev/urandom >/tmp/e; stat -c %s /tmp/o /tmp/e";
    bench.says(make, "20971520\n5242880\n", "", 0);
    let out = bench.run(&["sh", "-c", "cat /tmp/e >&2 & cat /tmp/o; wait; exit 3"], b"");
    assert_eq!((out.stdout.len(), out.stderr.len(), out.code), (20 << 20, 5 << 20, 3));
    let whole = bench.machine.files(|files| {
        let inode = files.find(b"/tmp/o", crate::machine::files::Last::Follow).unwrap();
        let mut whole = Vec::new();
        while let Ok(piece) = files.read(inode, whole.len() as u64, 1 << 20)
            && !piece.is_empty()
        {
            whole.extend(piece);
        }
        whole
    });
    assert!(whole == out.stdout);

    // A command that ends before it was given everything.
    let id = bench.spawn(&["head", "-c", "5"]);
    assert!(bench.machine.push(id, &noise) > 0);
    bench.settle();
    assert!(bench.machine.is_broken(id));
    assert_eq!(bench.finish(id, b"").stdout, &noise[..5]);
}

use std::time::Duration;

use bytes::Bytes;

use super::bench::Bench;
use crate::machine::files::{Errno, Kind, Owner};
use crate::machine::process::{SpawnError, StartError};

fn set_init(bench: &mut Bench, script: Option<&'static str>) {
    bench.machine.kill_all();
    bench.machine.files(|files| {
        files.remove(b"/sbin/init", Default::default()).unwrap();
        if let Some(script) = script {
            let kind = Kind::File(Bytes::from_static(script.as_bytes()).into());
            files.create(b"/sbin/init", kind, Owner::root(0o755), Default::default()).unwrap();
        }
    });
}

/// Whether it ended within so many seconds after it was asked to.
fn halts(bench: &mut Bench, seconds: u64) -> bool {
    bench.machine.halt();
    bench.settle();
    let until = bench.now.plus(Duration::from_secs(seconds));
    while bench.machine.is_running() && bench.machine.next().is_some_and(|it| it <= until) {
        bench.wait();
    }
    !bench.machine.is_running()
}

#[test]
fn an_init_that_obeys() {
    let mut bench = Bench::new();
    assert_eq!(bench.machine.start(bench.now), Err(StartError::Running));
    let id = bench.spawn(&["sleep", "1000"]);
    assert!(halts(&mut bench, 1));
    assert_eq!(bench.machine.exit(id), Some(143));
    assert!(bench.machine.processes().is_empty());
    assert_eq!(bench.machine.next(), None);
    assert_eq!(
        bench.machine.spawn(Bench::command(&["true"]), bench.now).unwrap_err(),
        SpawnError::Refused(Errno::NoProcess)
    );
    bench.machine.start(bench.now).unwrap();
    bench.says("echo again", "again\n", "", 0);
    assert_eq!(bench.machine.exit(id), Some(143));
}

#[test]
fn an_init_that_does_not() {
    let mut bench = Bench::new();
    set_init(&mut bench, Some("#!/bin/sh\nexec sleep 1000000\n"));
    bench.machine.start(bench.now).unwrap();
    bench.says("echo alive; kill -9 1; kill -TERM 1; echo $?", "alive\n0\n", "", 0);
    assert!(!halts(&mut bench, 100));
    let id = bench.spawn(&["cat"]);
    bench.machine.kill_all();
    assert_eq!((bench.machine.exit(id), bench.machine.is_running()), (Some(137), false));
    set_init(&mut bench, None);
    assert_eq!(bench.machine.start(bench.now), Err(StartError::NoInit(SpawnError::NotFound)));
    assert!(!bench.machine.is_running());
}

/// The first process of the live suite's image: a shell on the console, a clean end when asked.
#[test]
fn an_init_that_is_a_script() {
    const INIT: &str = "\
#!/bin/sh
# First process of the container: a shell on the console, children collected, a clean end when asked.
export PATH=/sbin:/bin HOME=/root TERM=linux
end() {
\ttrap '' PWR TERM USR1 USR2
\tkill -TERM -1
\texit 0
}
trap end PWR USR1 USR2
trap 'reboot -f' TERM
trap '' INT HUP
ifconfig lo up 2>/dev/null
cd /root
while :; do
\tsetsid -c sh -l </dev/console >/dev/console 2>&1 &
\twait $!
\tsleep 1 &
\twait $!
done
";
    let mut bench = Bench::new();
    set_init(&mut bench, Some(INIT));
    bench.machine.start(bench.now).unwrap();
    bench.settle();
    assert_eq!(bench.machine.console_take(), b"~ # ");
    assert_eq!(bench.machine.next(), None);
    bench.machine.console_push(b"echo $((6*7)); tty\n");
    bench.settle();
    let shown = String::from_utf8(bench.machine.console_take()).unwrap();
    assert_eq!(shown, "echo $((6*7)); tty\r\n42\r\n/dev/pts/0\r\n~ # ");
    for text in ["sleep 5\n", "\x03", "exit\n"] {
        bench.machine.console_push(text.as_bytes());
        bench.settle();
    }
    bench.wait();
    let shown = String::from_utf8(bench.machine.console_take()).unwrap();
    assert_eq!(shown, "sleep 5\r\n^C\r\n~ # exit\r\n~ # ");
    bench.says("ps | grep -c 'sh -l'", "3\n", "", 0);
    assert!(halts(&mut bench, 0));
}

#[test]
fn frozen() {
    let mut bench = Bench::new();
    let id = bench.spawn(&["sh", "-c", "echo a; sleep 1; echo b"]);
    bench.machine.freeze(true);
    assert_eq!(
        (bench.machine.next(), bench.machine.step(bench.now.plus(Duration::from_secs(9)))),
        (None, false)
    );
    assert!(bench.machine.is_frozen());
    bench.machine.freeze(false);
    let out = bench.finish(id, b"");
    assert_eq!((out.stdout, out.time), (b"a\nb\n".to_vec(), Duration::from_secs(1)));
}

/// The same seed gives the same bytes.
#[test]
fn the_same_again() {
    let noise = || Bench::new().run(&["head", "-c", "1000", "/dev/urandom"], b"").stdout;
    assert!(noise() == noise());
    let mut bench = Bench::new();
    bench.says(
        "sleep 3; date -u +%s; hostname; date",
        "1700000003\nweb\nTue Nov 14 22:13:23 UTC 2023\n",
        "",
        0,
    );
    bench.machine.set_hostname(b"other");
    bench.says("hostname", "other\n", "", 0);
}

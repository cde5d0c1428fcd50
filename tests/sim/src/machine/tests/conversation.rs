use std::time::Duration;

use super::bench::Bench;
use crate::machine::process::{CommandId, Noise, Stream};

fn hear(bench: &mut Bench, id: CommandId) -> String {
    bench.settle();
    String::from_utf8(bench.machine.take(id, Stream::Stdout, 1 << 20).to_vec()).unwrap()
}

fn say(bench: &mut Bench, id: CommandId, text: &str) -> String {
    assert_eq!(bench.machine.push(id, text.as_bytes()), text.len());
    hear(bench, id)
}

#[test]
fn word_by_word() {
    let mut bench = Bench::new();
    let id = bench.spawn(&["cat"]);
    for word in ["one\n", "two\n", "three and a half\n"] {
        assert_eq!(say(&mut bench, id, word), word);
    }
    assert_eq!(bench.machine.next(), None);
    assert_eq!(bench.finish(id, b"").code, 0);
    let id = bench.spawn(&["sh", "-c", "while read line; do echo $line; done; echo end >&2"]);
    assert_eq!(say(&mut bench, id, "first\nsec"), "first\n");
    assert_eq!(say(&mut bench, id, "ond\n"), "second\n");
    assert_eq!(bench.finish(id, b"").stderr, b"end\n");
    // A shell reads no more than the line that it runs.
    let id = bench.spawn(&["sh"]);
    assert_eq!(say(&mut bench, id, "echo a; read x\nvalue\necho $x\nif true\n"), "a\nvalue\n");
    assert_eq!(say(&mut bench, id, "then echo yes; fi\n"), "yes\n");
    assert_eq!(bench.finish(id, b"exit 4").code, 4);
}

#[test]
fn signals() {
    let mut bench = Bench::new();
    let id = bench.spawn(&[
        "sh",
        "-c",
        "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.1; done",
    ]);
    assert_eq!(hear(&mut bench, id), "ready\n");
    bench.machine.signal(id, 15);
    assert_eq!(hear(&mut bench, id), "");
    assert!(bench.wait());
    assert_eq!(hear(&mut bench, id), "caught\n");
    assert_eq!(bench.machine.exit(id), Some(9));
    for number in [1, 2, 3, 9, 10, 12, 13, 14, 15] {
        let id = bench.spawn(&["sleep", "1000"]);
        bench.machine.signal(id, number);
        assert_eq!(bench.finish(id, b"").code, 128 + i32::from(number));
    }
    let id = bench.spawn(&["sh", "-c", "trap 'echo t' USR1; sleep 9 & wait $!; echo $?"]);
    bench.machine.signal(id, 10);
    assert_eq!(hear(&mut bench, id), "t\n138\n");
    let id = bench.spawn(&["sleep", "1"]);
    bench.machine.signal(id, 17);
    assert_eq!(bench.finish(id, b"").time, Duration::from_secs(1));

    let id = bench.spawn(&["sh", "-c", "echo $$ >/tmp/pid; echo started; exec sleep 1000"]);
    assert_eq!(hear(&mut bench, id), "started\n");
    bench.says("kill -0 $(cat /tmp/pid) && echo alive", "alive\n", "", 0);
    bench.machine.signal(id, 9);
    bench.says("kill -0 $(cat /tmp/pid) 2>/dev/null && echo alive || echo gone", "gone\n", "", 0);
    // Nobody reads: the writer dies of it.
    let id = bench.spawn(&["yes"]);
    bench.machine.drop_output(id, Stream::Stdout);
    assert_eq!(bench.finish(id, b"").code, 141);
}

/// A writer waits for its reader: it takes no memory, and no time.
#[test]
fn back_pressure() {
    let mut bench = Bench::new();
    let id = bench.spawn(&["yes"]);
    for _ in 0..3 {
        assert!(!bench.machine.step(bench.now));
        assert_eq!(bench.machine.next(), None);
        let taken = bench.machine.take(id, Stream::Stdout, 1 << 20);
        assert_eq!(taken.len(), 64 << 10);
        bench.settle();
    }
    bench.machine.forget(id);
    bench.settle();
    assert_eq!(bench.machine.processes(), [1]);
}

/// A command that never ends lets time pass, and others run.
#[test]
fn busy_loops() {
    let mut bench = Bench::new();
    for script in [
        "while :; do :; done",
        "yes >/dev/null",
        "cat /dev/zero >/dev/null",
        "yes | cat >/dev/null",
        "f() { f & }; f; wait",
        "while true; do (:); done",
        "f() { f | f; }; f 2>/dev/null",
        "while :; do sleep 0; done",
        "exec $0 -c 'exec sh -c :' ; while sh -c :; do :; done",
    ] {
        let id = bench.spawn(&["sh", "-c", script]);
        let start = bench.now;
        for _ in 0..3 {
            bench.wait();
        }
        assert!(bench.now.since(start) < Duration::from_millis(50), "{script}");
        let quick = bench.run(&["echo", "hi"], b"");
        assert!(quick.stdout == b"hi\n" && quick.time < Duration::from_millis(50), "{script}");
        bench.machine.signal(id, 9);
        bench.machine.forget(id);
        bench.machine.kill_all();
        bench.machine.start(bench.now).unwrap();
        bench.settle();
    }
}

/// What has no end has bounds.
#[test]
fn bounds() {
    let mut bench = Bench::new();
    let deep = "f() { f; }; f";
    assert_eq!(bench.run(&["sh", "-c", deep], b"").code, 2);
    for script in [
        "(".repeat(5000),
        "$(".repeat(5000),
        "`".repeat(4999),
        "if ".repeat(5000),
        "{ ".repeat(5000),
        "${x:-".repeat(5000),
        format!("echo {}", "\"${x:-".repeat(5000)),
        "! ".repeat(5000),
        "case x in x) ".repeat(5000),
        format!("echo $(({}1))", "(".repeat(5000)),
        "f() { eval f; }; f".to_owned(),
        "x=1; while :; do x=$x$x$x$x; done".to_owned(),
        "x=$(yes)".to_owned(),
        "trap 'kill -TERM $$; x' TERM; kill -TERM $$; exit 2".to_owned(),
    ] {
        let id = bench.spawn(&["sh", "-c", &script]);
        for _ in 0..200 {
            if bench.machine.exit(id).is_some() || !bench.wait() {
                break;
            }
        }
        let shown = &script[..script.len().min(40)];
        assert!(bench.machine.exit(id).is_some_and(|it| it != 0), "{shown}");
        bench.machine.forget(id);
    }
}

#[test]
fn terminal() {
    let mut bench = Bench::new();
    let mut command =
        Bench::command(&["sh", "-c", "stty size; cat; stty size; echo err >&2; tty; sleep 100"]);
    command.terminal = Some((80, 24));
    let id = bench.machine.spawn(command, bench.now).unwrap();
    assert_eq!(hear(&mut bench, id), "24 80\r\n");
    assert_eq!(say(&mut bench, id, "héllo\n"), "héllo\r\nhéllo\r\n");
    bench.machine.resize(id, 132, 50);
    assert_eq!(say(&mut bench, id, "\x04"), "50 132\r\nerr\r\n/dev/pts/0\r\n");
    assert_eq!(say(&mut bench, id, "\x03"), "^C\r\n");
    assert_eq!(bench.machine.exit(id), Some(130));
    assert!(bench.machine.is_ended(id, Stream::Stdout));

    let mut command = Bench::command(&["sh"]);
    command.terminal = Some((80, 24));
    let id = bench.machine.spawn(command, bench.now).unwrap();
    assert_eq!(hear(&mut bench, id), "~ # ");
    assert_eq!(say(&mut bench, id, "cd /tmp\n"), "cd /tmp\r\n/tmp # ");
    assert_eq!(say(&mut bench, id, "sleep 50\n"), "sleep 50\r\n");
    assert_eq!(say(&mut bench, id, "\x03"), "^C\r\n/tmp # ");
    assert_eq!(
        say(&mut bench, id, "echo $?; fi\n"),
        "echo $?; fi\r\nsh: syntax error: unexpected \"fi\"\r\n/tmp # "
    );
    assert_eq!(say(&mut bench, id, "half\x03"), "half^C\r\n/tmp # ");
    assert_eq!(say(&mut bench, id, "exit 3\n"), "exit 3\r\n");
    assert_eq!(bench.machine.exit(id), Some(3));
    // Who leaves takes the session along.
    let mut command = Bench::command(&["sleep", "100"]);
    command.terminal = Some((80, 24));
    let id = bench.machine.spawn(command, bench.now).unwrap();
    bench.settle();
    bench.machine.close(id);
    bench.settle();
    assert_eq!(bench.machine.exit(id), Some(129));
}

/// No text makes it panic, and none keeps it from being stopped.
#[test]
fn any_text() {
    const PARTS: &str = "\
        if then else fi while do done for in case esac x y= $x ${x } $( ) (( )) ` ' \" \\ ; ;; & && \
        \n < > <<E E\n 2>&1 { ( * ? [ [: ] ! # ~ = - 0 1 % :- a /tmp /etc/passwd -c -n + echo cat tr \
        sed s/a/b/ grep printf %d %s %* head tail test expr cut -f ls -l read set -- trap eval exec \
        sh sleep wait kill $! $$ $(( 1/0 cd stat mkdir rm -r cp mv ln dd bs=1 seq 9 sort uniq tee wc \
        chmod u+x 7 date +%s yes export local shift break return exit \u{fc} \0 | || | && ${x:= \
        ${x%% ${x# } ) \"$@\" $# [! \\( \\) .* ^ env -i test ! -a -o readlink id kill -9 $? fold touch \
        umask . ~/ <&- >& { } esac } fi done";
    let parts: Vec<&str> = PARTS.split(' ').collect();
    let seed = std::env::var("LXIO_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(1);
    let rounds = std::env::var("LXIO_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(300);
    let mut noise = Noise::of(seed);
    let mut bench = Bench::new();
    for round in 0..rounds {
        let mut script = String::new();
        for _ in 0..noise.next() % 24 {
            script.push_str(parts[noise.next() as usize % parts.len()]);
            if !noise.next().is_multiple_of(3) {
                script.push(' ');
            }
        }
        let argv = if round % 4 == 0 { script.split(' ').collect() } else { vec!["sh", "-c", &script] };
        let Ok(id) = bench.machine.spawn(Bench::command(&argv), bench.now) else { continue };
        bench.machine.push(id, script.as_bytes());
        for _ in 0..5 {
            bench.machine.take(id, Stream::Stdout, 1 << 20);
            bench.machine.take(id, Stream::Stderr, 1 << 20);
            bench.settle();
            bench.machine.close(id);
            bench.wait();
        }
        bench.machine.signal(id, 9);
        bench.settle();
        assert!(bench.machine.exit(id).is_some(), "{script:?}");
        bench.machine.forget(id);
        if !bench.machine.is_running() || round % 20 == 0 {
            bench = Bench::new();
        }
    }
}

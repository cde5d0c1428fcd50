//! Commands: how they end, what goes in, what comes out.

use std::io;

use lxio_core::api::raw;
use lxio_core::flow::{FlowError, Piece};
use lxio_core::model::Reference;
use lxio_core::session::{Cause, ErrorKind};

use crate::adapter::{Adapter, Live, LiveExec};
use crate::live::data::{Hash, Noise, sha256};
use crate::live::{Context, Verdict, ensure, refused, same};

/// Codes, signals, and both outputs.
pub(super) async fn exec_codes<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.shared();
    for (script, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -9 $$; sleep 9", 137),
        ("kill -15 $$; sleep 9", 143),
    ] {
        let output = ctx.run(it.exec(["sh", "-c", &format!("echo out; echo err >&2; {script}")])).await?;
        same!(output.status.code(), code, "the code of `{script}`");
        same!(
            output.status.signal(),
            (code == 137 || code == 143).then(|| code - 128),
            "the signal of `{script}`"
        );
        same!(
            (output.stdout_text().as_ref(), output.stderr_text().as_ref()),
            ("out\n", "err\n"),
            "the outputs"
        );
    }
    let output = ctx.run(it.exec(["printf", "%s|", "a b", "", "c'\"d", "$HOME", "ü"])).await?;
    same!(output.stdout_text(), "a b||c'\"d|$HOME|ü|", "the arguments");
    let output = ctx.run(it.exec(["head", "-c", "300", "/bin/busybox"])).await?;
    same!((output.stdout.len(), &output.stdout[..4]), (300, &b"\x7fELF"[..]), "bytes that are no text");
    Ok(())
}

/// What cannot be executed is no exit code but an error that has one.
pub(super) async fn exec_refused<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.shared();
    for (command, expected) in [("no-such-command", 127), ("/no/such/path", 127), ("/etc/passwd", 126)] {
        let error = refused(ctx.run(it.exec([command])).await, &[ErrorKind::NotExecuted])
            .map_err(|it| it.doing(command))?;
        match error.cause() {
            Cause::Flow(FlowError::NotExecuted { code, message }) => {
                same!(*code, expected, "the code of {command}");
                ensure!(!message.is_empty(), "no reason");
            }
            other => return Err(format!("an odd cause: {other:?}").into()),
        }
        let recorded = ctx.run(it.exec([command]).recorded()).await;
        refused(recorded, &[ErrorKind::NotExecuted]).map_err(|it| it.doing("recorded"))?;
        let live = match ctx.exec(it.exec([command])).await {
            Ok(live) => live.finish().await,
            Err(error) => Err(error),
        };
        refused(live, &[ErrorKind::NotExecuted]).map_err(|it| it.doing("live"))?;
    }
    let stopped = ctx.stopped("stopped").await?;
    refused(ctx.run(stopped.exec(["true"])).await, &[ErrorKind::Refused])?;
    refused(ctx.run(stopped.exec(["true"]).recorded()).await, &[ErrorKind::Refused])?;
    refused(ctx.exec(stopped.exec(["true"])).await.map(drop), &[ErrorKind::Refused])?;
    refused(ctx.run(lxio_core::api::instance("no-such").exec(["true"])).await, &[ErrorKind::NotFound])?;
    // The daemons take a shell's own 127 for theirs.
    refused(ctx.run(it.exec(["sh", "-c", "no-such-command"])).await, &[ErrorKind::NotExecuted])?;
    Ok(())
}

/// Environment, user, group, directory.
pub(super) async fn exec_setting<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.shared();
    let script = "echo \"$A|$B\"; id -u; id -g; pwd; echo $HOME";
    let exec =
        it.exec(["sh", "-c", script]).env("A", "x y=z").env("B", "ü\n").user(1000).group(1000).cwd("/tmp");
    let output = ctx.run(exec).await?;
    let home = output.stdout_text().lines().last().map(str::to_owned).unwrap_or_default();
    same!(output.stdout_text(), format!("x y=z|ü\n\n1000\n1000\n/tmp\n{home}\n"), "what the command saw");
    let plain = ctx.sh(&it, "id -u; id -g; pwd; echo $HOME").await?;
    same!(plain, "0\n0\n/root\n/root\n", "what it sees by default");
    let nowhere = ctx.run(it.exec(["true"]).cwd("/no/such")).await;
    match nowhere {
        // The daemons make do with another directory, or say that it is not there.
        Ok(output) => ensure!(output.status.code() >= 0, "the code is {}", output.status),
        Err(error) => {
            refused::<()>(Err(error), &[ErrorKind::NotExecuted, ErrorKind::OperationFailed])?;
        }
    }
    Ok(())
}

/// Standard input: bytes, nothing, more than anybody reads.
pub(super) async fn exec_stdin<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.shared();
    same!(ctx.run(it.exec(["cat"]).stdin("hello\n")).await?.stdout_text(), "hello\n", "what cat says");
    same!(ctx.run(it.exec(["cat"])).await?.stdout, b"", "what cat says to nothing");
    let bytes = Noise::bytes(2, 3 << 20);
    let output = ctx.run(it.exec(["sha256sum"]).stdin(bytes.clone())).await?;
    same!(output.stdout_text(), format!("{}  -\n", sha256(&bytes)), "the hash of standard input");
    let output = ctx.run(it.exec(["cat"]).stdin(bytes.clone())).await?;
    ensure!(output.stdout == bytes, "{} of {} bytes came back", output.stdout.len(), bytes.len());

    // It ends before it was given everything, and that is no failure.
    let output = ctx.run(it.exec(["true"]).stdin(Noise::bytes(3, 10 << 20))).await?;
    same!(output.status.code(), 0, "the code of true");
    let output = ctx.run(it.exec(["head", "-c", "5"]).stdin(Noise::bytes(3, 10 << 20))).await?;
    same!(output.stdout, Noise::bytes(3, 5), "what head says");
    Ok(())
}

/// Both outputs at once, each far larger than any buffer on the way; not one byte is lost.
pub(super) async fn exec_outputs<A: Adapter>(ctx: &Context<A>) -> Verdict {
    const OUT: usize = 20 << 20;
    const ERR: usize = 5 << 20;
    let it = ctx.shared();
    let path = format!("/tmp/{}", ctx.name("noise"));
    let make = format!(
        "head -c {OUT} /dev/urandom >{path}.o; head -c {ERR} /dev/urandom >{path}.e; sha256sum <{path}.o; sha256sum <{path}.e"
    );
    let sums = ctx.sh(&it, &make).await?;
    let sums: Vec<_> = sums.lines().map(|line| line.trim_end_matches("  -")).collect();
    let script = format!("cat {path}.e >&2 & cat {path}.o; wait; exit 3");

    let output = ctx.run(it.exec(["sh", "-c", &script])).await?;
    same!((output.stdout.len(), output.stderr.len(), output.status.code()), (OUT, ERR, 3), "sizes and code");
    same!(
        [sha256(&output.stdout), sha256(&output.stderr)].as_slice(),
        sums,
        "the hashes of what was collected"
    );

    let mut live = ctx.exec(it.exec(["sh", "-c", &script])).await?;
    let (mut out, mut err) = (Hash::default(), Hash::default());
    while let Some(piece) = live.next().await {
        match piece? {
            Piece::Stdout(bytes) => io::Write::write_all(&mut out, &bytes)?,
            Piece::Stderr(bytes) => io::Write::write_all(&mut err, &bytes)?,
        }
    }
    same!(live.finish().await?.status.code(), 3, "the code");
    same!([out.hex(), err.hex()].as_slice(), sums, "the hashes of what came in pieces");

    let live = ctx.exec(it.exec(["sh", "-c", &script])).await?;
    let (mut out, mut err) = (Hash::default(), Hash::default());
    let output = live.pipe(&mut io::empty(), &mut out, &mut err).await?;
    same!((output.status.code(), out.count, err.count), (3, OUT as u64, ERR as u64), "code and sizes");
    same!([out.hex(), err.hex()].as_slice(), sums, "the hashes of what was piped");

    let long = ctx.run(it.exec(["cat", &format!("{path}.o")]).output_limit(1 << 20)).await;
    refused(long, &[ErrorKind::TooLong])?;
    ctx.sh(&it, &format!("rm {path}.o {path}.e")).await?;
    Ok(())
}

/// A filter between a reader and a writer, both ways at once.
pub(super) async fn exec_pipe<A: Adapter>(ctx: &Context<A>) -> Verdict {
    const LENGTH: u64 = 12 << 20;
    let it = ctx.shared();
    let mut input = Hash::around(io::Read::take(Noise::of(4), LENGTH));
    let (mut out, mut err) = (Hash::default(), Vec::new());
    let live = ctx.exec(it.exec(["sh", "-c", "cat; echo done >&2; exit 5"])).await?;
    let output = live.pipe(&mut input, &mut out, &mut err).await?;
    same!((output.status.code(), input.count, out.count), (5, LENGTH, LENGTH), "code and sizes");
    same!((out.hex(), err.as_slice()), (input.hex(), &b"done\n"[..]), "the outputs");
    ensure!(output.stdout.is_empty() && output.stderr.is_empty(), "output was collected that was piped");

    // The command ends in the middle of its input.
    let live = ctx.exec(it.exec(["head", "-c", "10"])).await?;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let output = live.pipe(&mut io::Read::take(Noise::of(4), LENGTH), &mut out, &mut err).await?;
    same!((output.status.code(), out), (0, Noise::bytes(4, 10)), "what head says");

    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let live = ctx.exec(it.exec(["cat"])).await?;
    let full = live.pipe(&mut io::Read::take(Noise::of(4), LENGTH), &mut Full, &mut io::sink()).await;
    refused(full, &[ErrorKind::Output])?;
    Ok(())
}

/// A conversation with a command, word by word.
pub(super) async fn exec_live<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.shared();
    let mut live = ctx.exec(it.exec(["cat"])).await?;
    for word in ["one\n", "two\n", "three and a half\n"] {
        live.write_all(word.as_bytes()).await?;
        let mut heard = Vec::new();
        while heard.len() < word.len() {
            match live.next().await.ok_or("the command ended")?? {
                Piece::Stdout(bytes) => heard.extend(bytes),
                Piece::Stderr(bytes) => return Err(String::from_utf8_lossy(&bytes).as_ref().into()),
            }
        }
        same!(heard, word.as_bytes(), "the echo");
    }
    live.close_stdin();
    ensure!(live.next().await.transpose()?.is_none(), "something came after the end of the input");
    same!(live.finish().await?.status.code(), 0, "the code");

    // A signal that the command catches, and one that it cannot.
    let script = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.1; done";
    let mut live = ctx.exec(it.exec(["sh", "-c", script])).await?;
    same!(live.next().await.transpose()?, Some(Piece::Stdout(b"ready\n".to_vec())), "the first piece");
    live.signal(15);
    same!(live.next().await.transpose()?, Some(Piece::Stdout(b"caught\n".to_vec())), "the second piece");
    same!(live.finish().await?.status.code(), 9, "the code");
    let mut live = ctx.exec(it.exec(["sleep", "1000"])).await?;
    live.signal(9);
    same!(live.finish().await?.status.signal(), Some(9), "the signal");
    Ok(())
}

/// Dropped, the handle takes the command with it.
pub(super) async fn exec_drop<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.shared();
    let path = format!("/tmp/{}", ctx.name("pid"));
    let script = format!("echo $$ >{path}; echo started; exec sleep 1000");
    let mut live = ctx.exec(it.exec(["sh", "-c", &script])).await?;
    same!(live.next().await.transpose()?, Some(Piece::Stdout(b"started\n".to_vec())), "the first piece");
    same!(ctx.sh(&it, &format!("kill -0 $(cat {path}) && echo alive")).await?, "alive\n", "the command");
    drop(live);
    let look = format!("kill -0 $(cat {path}) 2>/dev/null && echo alive || echo gone");
    ctx.until("the command is gone", || async { Ok(ctx.sh(&it, &look).await? == "gone\n") }).await
}

/// Output that the server keeps in files, which are gone afterwards, whatever came of the command.
pub(super) async fn exec_recorded<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.running("it").await?;
    let output = ctx.run(it.exec(["sh", "-c", "echo out; echo err >&2"]).recorded()).await?;
    same!(
        (output.status.code(), output.stdout_text(), output.stderr_text()),
        (0, "out\n".into(), "err\n".into()),
        "what came"
    );
    let output = ctx.run(it.exec(["sh", "-c", "echo so far; exit 3"]).env("A", "b").recorded()).await?;
    same!((output.status.code(), output.stdout_text()), (3, "so far\n".into()), "what came of a failing one");
    let output = ctx.run(it.exec(["head", "-c", "3000000", "/dev/zero"]).recorded()).await?;
    same!(output.stdout.len(), 3_000_000, "the length of a long output");
    refused(ctx.run(it.exec(["no-such-command"]).recorded()).await, &[ErrorKind::NotExecuted])?;
    refused(ctx.run(it.exec(["cat"]).stdin("x").recorded()).await, &[ErrorKind::Misuse])?;
    for place in ["logs", "logs/exec-output"] {
        let mut list = raw::get("/1.0/instances").then(it.name());
        for segment in place.split('/') {
            list = list.then(segment);
        }
        let left = match ctx.call(list.value::<Vec<Reference>>()).await {
            Ok(left) => left,
            Err(error) if error.is_not_found() || place != "logs" => continue,
            Err(error) => return Err(error.into()),
        };
        let left: Vec<_> = left.iter().filter(|it| it.name().starts_with("exec_")).collect();
        ensure!(left.is_empty(), "files of the output are left: {left:?}");
    }
    Ok(())
}

//! Files of an instance: written by the library and looked at from inside, and the other way round.

use lxio_core::api::{FileContent, FileHandle};
use lxio_core::call::Flavour;
use lxio_core::model::FileKind;
use lxio_core::session::ErrorKind;

use crate::adapter::{Adapter, Live, LiveDownload, LiveUpload};
use crate::live::data::{Hash, Noise, sha256};
use crate::live::{Context, Failure, Verdict, ensure, refused, same};

/// The bytes of a file that must be one.
async fn read<A: Adapter>(ctx: &Context<A>, file: &FileHandle) -> Result<Vec<u8>, Failure> {
    match ctx.call(file.get()).await? {
        FileContent::File(_, bytes) => Ok(bytes),
        other => Err(Failure::new(format!("no file: {:?}", other.info()))),
    }
}

/// Owner, mode and content, seen from both sides; what exists keeps its owner.
pub(super) async fn file_put<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.shared();
    let path = format!("/tmp/{}", ctx.name("put"));
    let file = it.file(&path);
    ctx.call(file.clone().owner(1000, 1001).mode(0o640).put("first")).await?;
    let stat = format!("stat -c '%u %g %a %F' {path}");
    same!(ctx.sh(&it, &stat).await?, "1000 1001 640 regular file\n", "what stat says");
    match ctx.call(file.get()).await? {
        FileContent::File(info, bytes) => {
            same!(bytes, b"first", "the content");
            same!((info.uid, info.gid), (Some(1000), Some(1001)), "the owner");
            same!(
                (info.mode.map(|it| it.bits()), &info.kind),
                (Some(0o640), &FileKind::File),
                "mode and kind"
            );
            ensure!(info.modified.get().is_some(), "it was never modified");
        }
        other => return Err(format!("no file: {other:?}").into()),
    }
    ctx.call(file.clone().owner(0, 0).mode(0o777).put("second, longer")).await?;
    same!(ctx.sh(&it, &stat).await?, "1000 1001 640 regular file\n", "what stat says of what existed");
    same!(ctx.sh(&it, &format!("cat {path}")).await?, "second, longer", "the content");
    ctx.call(file.put("")).await?;
    same!(read(ctx, &file).await?, b"", "the emptied content");
    let plain = it.file(format!("{path}.plain"));
    ctx.call(plain.put(vec![0, 255, 10, 13, 0])).await?;
    same!(read(ctx, &plain).await?, [0, 255, 10, 13, 0], "the bytes");
    same!(
        ctx.sh(&it, &format!("stat -c '%u %g %a' {path}.plain")).await?,
        "0 0 644\n",
        "owner and mode by default"
    );
    for bits in [0o4755, 0o7, 0o1777] {
        let file = it.file(format!("{path}.{bits}")).mode(bits);
        ctx.call(file.put("x")).await?;
        let seen = ctx.sh(&it, &format!("stat -c %a {path}.{bits}")).await?;
        same!(u32::from_str_radix(seen.trim(), 8)? & 0o777, bits & 0o777, "the mode");
    }
    Ok(())
}

/// Directories and links: made, listed, read, deleted.
pub(super) async fn file_kinds<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.shared();
    let path = format!("/tmp/{}", ctx.name("dir"));
    let directory = it.file(&path).owner(7, 8).mode(0o750);
    ctx.call(directory.mkdir()).await?;
    ctx.call(directory.mkdir()).await?;
    same!(
        ctx.sh(&it, &format!("stat -c '%u %g %a %F' {path}")).await?,
        "7 8 750 directory\n",
        "what stat says"
    );
    same!(ctx.call(directory.list()).await?, Vec::<String>::new(), "the names in an empty directory");
    ctx.call(it.file(format!("{path}/a")).put("a")).await?;
    ctx.call(it.file(format!("{path}/b")).mkdir()).await?;
    let link = it.file(format!("{path}/c"));
    ctx.call(link.symlink("../no where/ünïcode")).await?;
    same!(
        ctx.sh(&it, &format!("readlink {path}/c || ls -l {path}/c | sed 's/.* -> //'")).await?,
        "../no where/ünïcode\n",
        "where the link points"
    );
    let mut names = ctx.call(directory.list()).await?;
    names.sort();
    same!(names, ["a", "b", "c"], "the names");
    match ctx.call(directory.get()).await? {
        FileContent::Directory(info, listed) => {
            same!((info.uid, info.mode.map(|it| it.bits())), (Some(7), Some(0o750)), "owner and mode");
            same!(listed.len(), 3, "the number of names");
        }
        other => return Err(format!("no directory: {other:?}").into()),
    }
    match ctx.call(link.get()).await? {
        FileContent::Symlink(info, target) => {
            same!(info.kind, FileKind::Symlink, "the kind");
            // The daemons show where a relative link leads.
            same!(String::from_utf8(target)?, "/tmp/no where/ünïcode", "where it points");
        }
        other => return Err(format!("no link: {other:?}").into()),
    }
    refused(ctx.call(it.file(format!("{path}/a")).list()).await, &[ErrorKind::Protocol])?;
    refused(ctx.call(directory.delete()).await, &[ErrorKind::Refused])?;
    ensure!(ctx.download(directory.pull()).await.is_err(), "a directory was pulled as a file");
    for name in ["a", "b", "c"] {
        ctx.call(it.file(format!("{path}/{name}")).delete()).await?;
    }
    ctx.call(directory.delete()).await?;
    refused(ctx.call(directory.list()).await, &[ErrorKind::NotFound])?;
    Ok(())
}

/// Appended to, looked at without its content, deleted, missing.
pub(super) async fn file_append<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.shared();
    let path = format!("/tmp/{}", ctx.name("log"));
    let file = it.file(&path);
    refused(ctx.call(file.get()).await, &[ErrorKind::NotFound])?;
    refused(ctx.call(file.stat()).await, &[ErrorKind::NotFound])?;
    refused(ctx.call(file.delete()).await, &[ErrorKind::NotFound])?;
    refused(ctx.call(it.file(format!("{path}/no/parent")).put("x")).await, &[ErrorKind::NotFound])?;
    ensure!(
        ctx.download(file.pull()).await.err().is_some_and(|it| it.is_not_found()),
        "a missing file was pulled"
    );
    refused(ctx.call(file.append("x")).await, &[ErrorKind::NotFound])?;
    ctx.call(file.clone().mode(0o600).put("one\n")).await?;
    ctx.call(file.append("two\n")).await?;
    same!(ctx.sh(&it, &format!("cat {path}")).await?, "one\ntwo\n", "the content");
    let info = ctx.call(file.stat()).await?;
    same!(
        (&info.kind, info.mode.map(|it| it.bits()), info.uid),
        (&FileKind::File, Some(0o600), Some(0)),
        "what it is"
    );
    if ctx.flavour() == Flavour::Incus {
        same!(info.size, Some(8), "the size");
    }
    same!(ctx.call(it.file("/tmp").stat()).await?.kind, FileKind::Directory, "the kind of /tmp");
    same!(ctx.call(it.file("/bin/sh").stat()).await?.kind, FileKind::Symlink, "the kind of /bin/sh");
    ctx.call(file.delete()).await?;
    refused(ctx.call(file.get()).await, &[ErrorKind::NotFound])?;
    refused(ctx.call(it.file("").get()).await, &[ErrorKind::Misuse])?;
    refused(ctx.call(it.file("/tmp/a\0b").get()).await, &[ErrorKind::Misuse])?;

    // Also where nothing runs.
    let stopped = ctx.stopped("stopped").await?;
    ctx.call(stopped.file("/root/x").put("cold")).await?;
    same!(read(ctx, &stopped.file("root/x")).await?, b"cold", "a file by a relative path");
    refused(ctx.call(lxio_core::api::instance("no-such").file("/x").get()).await, &[ErrorKind::NotFound])?;
    Ok(())
}

/// Names of any bytes.
pub(super) async fn file_names<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.shared();
    let directory = format!("/tmp/{}", ctx.name("odd"));
    ctx.call(it.file(&directory).mkdir()).await?;
    let names: [(&[u8], &str); 10] = [
        (b"a b", "a b"),
        (b"a+b", "a+b"),
        (b"100%", "100%%"),
        (b"%41%2F", "%%41%%2F"),
        (b"q?x=1&y#z", "q?x=1&y#z"),
        (b"\"'\\$x", "\"'\\\\$x"),
        (b"line\nfeed\ttab", "line\\nfeed\\ttab"),
        ("ünïcode-日本".as_bytes(), "ünïcode-日本"),
        (b"bad-\xff\xfe-utf8", "bad-\\377\\376-utf8"),
        (b"-rf", "-rf"),
    ];
    for (bytes, printf) in names {
        let shown = String::from_utf8_lossy(bytes).into_owned();
        let told = |failure: Failure| failure.doing(&format!("the file {shown:?}"));
        let path = [directory.as_bytes(), b"/", bytes].concat();
        let file = it.file(&path);
        let content = format!("content of {shown}");
        ctx.call(file.put(content.clone())).await.map_err(|it| told(it.into()))?;
        // The name as a shell in the container spells it, byte by byte.
        let quoted = printf.replace('\'', "'\\''");
        let seen = ctx.sh(&it, &format!("cat \"$(printf '{directory}/{quoted}')\"")).await.map_err(told)?;
        same!(seen, content, "the content of {shown:?} seen from inside");
        same!(read(ctx, &file).await.map_err(told)?, content.as_bytes(), "the content of {shown:?}");
        let info = ctx.call(file.stat()).await.map_err(|it| told(it.into()))?;
        same!(info.kind, FileKind::File, "the kind of {shown:?}");
    }
    let listed = ctx.call(it.file(&directory).list()).await?;
    same!(listed.len(), names.len(), "the number of names");
    for (bytes, _) in names {
        if let Ok(name) = std::str::from_utf8(bytes) {
            ensure!(listed.iter().any(|it| it == name), "{name:?} is not among {listed:?}");
        }
        ctx.call(it.file([directory.as_bytes(), b"/", bytes].concat()).delete()).await?;
    }
    same!(ctx.call(it.file(&directory).list()).await?, Vec::<String>::new(), "the names after the deletion");
    Ok(())
}

/// Streamed up and down, of known and of unknown length, in pieces and at once.
pub(super) async fn file_stream<A: Adapter>(ctx: &Context<A>) -> Verdict {
    const LENGTH: usize = 5 << 20;
    let it = ctx.shared();
    let content = Noise::bytes(1, LENGTH);
    let hash = sha256(&content);
    let sum = async |path: &str| ctx.sh(&it, &format!("sha256sum <{path}")).await;

    let path = format!("/tmp/{}", ctx.name("sized"));
    ctx.upload(it.file(&path).mode(0o600).push(LENGTH as u64)).await?.copy_from(&mut &content[..]).await?;
    same!(sum(&path).await?, format!("{hash}  -\n"), "the hash of what was pushed");
    let download = ctx.download(it.file(&path).pull()).await?;
    let head = download.head().ok_or("the download has no head")?;
    same!((&head.kind, head.mode.map(|it| it.bits())), (&FileKind::File, Some(0o600)), "the head");
    let mut came = Hash::default();
    download.copy_to(&mut came).await?;
    same!((came.count, came.hex()), (LENGTH as u64, hash.clone()), "what was pulled");

    let path = format!("/tmp/{}", ctx.name("pieces"));
    let mut upload = ctx.upload(it.file(&path).push_all()).await?;
    let mut rest = &content[..];
    let mut size = 1;
    while !rest.is_empty() {
        let taken = upload.write(&rest[..size.min(rest.len())]).await?;
        ensure!(taken > 0, "nothing was taken of {} bytes", rest.len());
        rest = &rest[taken..];
        size = (size * 3 + 1).min(300_000);
    }
    upload.complete().await?;
    same!(sum(&path).await?, format!("{hash}  -\n"), "the hash of what was pushed in pieces");
    let mut download = ctx.download(it.file(&path).pull()).await?;
    let (mut space, mut came) = (vec![0; 70_001], Vec::new());
    loop {
        let most = (came.len() * 7 + 1).min(space.len());
        match download.read(&mut space[..most]).await? {
            0 => break,
            count => came.extend_from_slice(&space[..count]),
        }
    }
    download.finish().await?;
    ensure!(came == content, "{} bytes came, not those that were sent", came.len());

    // Nothing at all, and only the beginning.
    let empty = it.file(format!("{path}.empty"));
    ctx.upload(empty.push(0)).await?.complete().await?;
    same!(read(ctx, &empty).await?, b"", "the empty file");
    let mut download = ctx.download(it.file(&path).pull()).await?;
    let count = download.read(&mut space).await?;
    ensure!(content.starts_with(&space[..count]) && count > 0, "the first {count} bytes are wrong");
    drop(download);
    ctx.call(it.file("/").stat()).await?;
    Ok(())
}

/// Less than announced, or broken off: never a success, and the next call works.
pub(super) async fn file_short<A: Adapter>(ctx: &Context<A>) -> Verdict {
    let it = ctx.shared();
    let path = format!("/tmp/{}", ctx.name("short"));
    let file = it.file(&path);
    // A file of its own: what the server makes of it, it may make late.
    let broken = it.file(format!("/tmp/{}", ctx.name("broken")));
    let short = ctx.upload(broken.push(1 << 20)).await?.copy_from(&mut &[7; 1000][..]).await;
    refused(short, &[ErrorKind::Input])?;
    let mut upload = ctx.upload(broken.push(1 << 20)).await?;
    upload.write(&[7; 1000]).await?;
    refused(upload.complete().await, &[ErrorKind::Input])?;
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the reader broke"))
        }
    }
    let error =
        refused(ctx.upload(broken.push_all()).await?.copy_from(&mut Broken).await, &[ErrorKind::Input])?;
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    same!(cause.as_deref(), Some("the reader broke"), "the cause");
    let mut upload = ctx.upload(broken.push_all()).await?;
    upload.write(b"dropped").await?;
    drop(upload);
    // The answer to an upload that is refused comes although nobody takes the body.
    let missing = it.file("/no/such/directory/file").push(64 << 20);
    let early = ctx.upload(missing).await?.copy_from(&mut std::io::Read::take(Noise::of(1), 64 << 20)).await;
    refused(early, &[ErrorKind::NotFound])?;
    ctx.call(file.put("whole")).await?;
    same!(read(ctx, &file).await?, b"whole", "the content");
    Ok(())
}

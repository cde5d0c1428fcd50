use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value};

use super::yaml;

/// Longer descriptions are not read.
const LONGEST: u64 = 1 << 20;

/// What a tarball says of itself.
#[derive(Debug)]
pub(super) struct Described {
    /// `metadata.yaml`.
    pub(super) metadata: Map<String, Value>,
    /// What can be made of it, if it holds that too: `container` or `virtual-machine`.
    pub(super) kind: Option<&'static str>,
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Tar,
    Gzip,
}

impl Compression {
    /// Found out by its first bytes, as the daemons do it. Their other ones (xz, zstd...) are not known here.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, String> {
        match bytes {
            [] => Err("EOF".into()),
            [0x1f, 0x8b, ..] => Ok(Self::Gzip),
            _ if bytes.get(257..262) == Some(b"ustar") => Ok(Self::Tar),
            _ => Err("Unsupported compression".into()),
        }
    }
}

/// How the name of a file with these bytes ends, by its first ones.
pub(super) fn ending(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x1f, 0x8b, ..] => ".tar.gz",
        [b'B', b'Z', b'h', ..] => ".tar.bz2",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => ".tar.xz",
        [0x5d, 0, 0, ..] => ".tar.lzma",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => ".tar.zst",
        [b'h', b's', b'q', b's', ..] => ".squashfs",
        [b'Q', b'F', b'I', 0xfb, ..] => ".qcow2",
        _ if bytes.get(257..262) == Some(b"ustar") => ".tar",
        _ => "",
    }
}

/// The tarball in `bytes`.
pub(super) fn open(bytes: &Bytes) -> Result<Box<dyn Read + '_>, String> {
    Ok(match Compression::of(bytes)? {
        Compression::Tar => Box::new(&bytes[..]),
        Compression::Gzip => Box::new(MultiGzDecoder::new(&bytes[..])),
    })
}

/// Reads what a tarball says of itself. Nothing is read behind what is wanted, as the daemons do it.
pub(super) fn describe(bytes: &Bytes) -> Result<Described, String> {
    let cut = |_| "unexpected EOF".to_owned();
    let (mut metadata, mut kind) = (None, None);
    let mut archive = tar::Archive::new(open(bytes)?);
    for entry in archive.entries().map_err(cut)? {
        let mut entry = entry.map_err(cut)?;
        let path = entry.path_bytes();
        let path = path.strip_prefix(b"./").unwrap_or(&path);
        if path.starts_with(b"rootfs/") {
            kind = Some("container");
        } else if path == b"rootfs.img" {
            kind = Some("virtual-machine");
        } else if path == b"metadata.yaml" {
            let mut text = Vec::new();
            let wanted = entry.size().min(LONGEST);
            entry.by_ref().take(wanted).read_to_end(&mut text).map_err(cut)?;
            if (text.len() as u64) < wanted {
                return Err("unexpected EOF".into());
            }
            metadata = Some(match yaml::read(&String::from_utf8_lossy(&text))? {
                Value::Object(object) => object,
                Value::Null => return Err("EOF".into()),
                _ => return Err("yaml: unmarshal errors".into()),
            });
        }
        if metadata.is_some() && kind.is_some() {
            break;
        }
    }
    let metadata = metadata.ok_or("Metadata tarball is missing metadata.yaml")?;
    let architecture = metadata.get("architecture").and_then(Value::as_str).unwrap_or_default();
    if !ARCHITECTURES.contains(&architecture) {
        return Err(format!("Architecture isn't supported: {architecture}"));
    }
    if metadata.get("creation_date").and_then(Value::as_i64).unwrap_or_default() == 0 {
        return Err("Missing creation date".into());
    }
    Ok(Described { metadata, kind })
}

/// The names of processors, and other ones for the same.
const ARCHITECTURES: [&str; 24] = [
    "aarch64",
    "amd64",
    "arm",
    "arm64",
    "armhf",
    "armv6l",
    "armv7l",
    "armv8l",
    "i386",
    "i586",
    "i686",
    "loongarch64",
    "mips",
    "mips64",
    "mipsel",
    "ppc",
    "ppc64",
    "ppc64el",
    "ppc64le",
    "riscv32",
    "riscv64",
    "s390x",
    "x86_64",
    "powerpc",
];

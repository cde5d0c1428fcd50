//! What the headers of a file inside an instance say.

use std::fmt;
use std::num::ParseIntError;

use super::time::{BadTime, Time};
use super::words::words;

words! {
    /// What is at a path inside an instance.
    pub enum FileKind {
        /// A file. Also devices and the like, which look empty.
        File = "file",
        /// A directory; its content is the list of the names in it.
        Directory = "directory",
        /// A symbolic link; its content is its target.
        Symlink = "symlink",
    }
}

/// Permission bits. Written in octal with a leading 0, without which servers read them as a decimal number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mode(u32);

impl Mode {
    /// These bits; what is beyond the 12 bits of permissions is dropped.
    #[must_use]
    pub const fn new(bits: u32) -> Self {
        Self(bits & 0o7777)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Reads octal digits, with or without leading zeros.
    ///
    /// # Errors
    /// [`BadFileInfo::Mode`] if `text` is something else.
    pub fn parse(text: &str) -> Result<Self, BadFileInfo> {
        let bad = || BadFileInfo::Mode { text: shortened(text) };
        if text.starts_with('+') {
            return Err(bad());
        }
        u32::from_str_radix(text, 8).map(Self::new).map_err(|_| bad())
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0{:03o}", self.0)?;
        Ok(())
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is at a path inside an instance, without its content.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct FileInfo {
    /// What it is.
    pub kind: FileKind,
    /// The user id inside that owns it.
    pub uid: Option<u32>,
    /// The group id inside that owns it.
    pub gid: Option<u32>,
    /// Its permissions.
    pub mode: Option<Mode>,
    /// When its content last changed.
    pub modified: Time,
    /// Its size in bytes, if the server told.
    pub size: Option<u64>,
}

impl FileInfo {
    /// Reads the values of the headers `X-LXD-*` or `X-Incus-*`: `header` gives that of `type`, `uid`,
    /// `gid`, `mode` and `modified`. The size is not among them.
    ///
    /// # Errors
    /// [`BadFileInfo`] if a header is there and cannot be read.
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Result<Self, BadFileInfo> {
        let id = |name| header(name).map(|text| parse_id(name, text)).transpose();
        Ok(Self {
            kind: header("type").map(FileKind::from).unwrap_or_default(),
            uid: id("uid")?,
            gid: id("gid")?,
            mode: header("mode").map(Mode::parse).transpose()?,
            modified: header("modified").map(Time::parse).transpose()?.unwrap_or_default(),
            size: None,
        })
    }
}

fn parse_id(name: &'static str, text: &str) -> Result<u32, BadFileInfo> {
    // Some servers write ids that they could not map as a negative number.
    let id: Result<i64, ParseIntError> = text.trim().parse();
    id.ok()
        .and_then(|id| u32::try_from(id).ok().or_else(|| i32::try_from(id).ok().map(i32::cast_unsigned)))
        .ok_or_else(|| BadFileInfo::Id { name, text: shortened(text) })
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A header of a file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadFileInfo {
    /// The mode is not octal.
    Mode {
        /// What it is, shortened.
        text: String,
    },
    /// The user or group id is no number.
    Id {
        /// Which of the two.
        name: &'static str,
        /// What it is, shortened.
        text: String,
    },
    /// The time of the last change is no time.
    Modified,
}

impl From<BadTime> for BadFileInfo {
    fn from(_: BadTime) -> Self {
        Self::Modified
    }
}

impl fmt::Display for BadFileInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode { text } => write!(f, "{text:?} is no octal file mode"),
            Self::Id { name, text } => write!(f, "{text:?} is no {name}"),
            Self::Modified => f.write_str("the time of the last change of the file is no time"),
        }
    }
}

impl std::error::Error for BadFileInfo {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers_of_a_file() {
        let info = FileInfo::read(|name| {
            Some(match name {
                "type" => "file",
                "uid" => "1000",
                "gid" => "4294967295",
                "mode" => "0644",
                "modified" => "2026-11-22 02:40:25 +0000 UTC",
                _ => return None,
            })
        })
        .unwrap();
        assert_eq!((info.kind, info.uid, info.gid), (FileKind::File, Some(1000), Some(u32::MAX)));
        assert_eq!(info.mode, Some(Mode::new(0o644)));
        assert_eq!(info.modified, Time::parse("2026-11-22T02:40:25Z").unwrap());
        assert_eq!(FileInfo::read(|_| None).unwrap(), FileInfo::default());
    }

    #[test]
    fn a_mode_always_has_its_zero() {
        for (bits, text) in [(0o644, "0644"), (0, "0000"), (0o7, "0007"), (0o4755, "04755")] {
            let shown = Mode::new(bits).to_string();
            assert_eq!(shown, text);
            assert_eq!(Mode::parse(&shown), Ok(Mode::new(bits)));
        }
        assert_eq!(Mode::parse("640"), Ok(Mode::new(0o640)));
        for bad in ["", "0o644", "+644", "-1", "8", "x", "77777777777777"] {
            assert!(Mode::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let bad =
            |which: &'static str| FileInfo::read(move |name| (name == which).then_some("x")).unwrap_err();
        assert_eq!(bad("gid"), BadFileInfo::Id { name: "gid", text: "x".into() });
        assert_eq!(bad("mode"), BadFileInfo::Mode { text: "x".into() });
        assert_eq!(bad("modified"), BadFileInfo::Modified);
        assert_eq!(FileInfo::read(|name| (name == "uid").then_some("-1")).unwrap().uid, Some(u32::MAX));
        assert!(FileInfo::read(|name| (name == "uid").then_some("9999999999")).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,30}") {
            let _ = FileInfo::read(|_| Some(&text));
            let _ = Mode::parse(&text);
        }
    }
}

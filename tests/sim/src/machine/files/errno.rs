use std::fmt;

/// Why a system call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errno {
    /// There is no such file, or no directory on the way to it.
    NotFound,
    /// Something on the way is no directory.
    NotDirectory,
    /// It is a directory, and should not be.
    IsDirectory,
    /// The directory has something in it.
    NotEmpty,
    /// The name is taken.
    Exists,
    /// Links that lead to links, without an end.
    Loop,
    /// The owner and the mode forbid it.
    Denied,
    /// Only root may do this.
    NotPermitted,
    /// The file system, or the device, takes no more.
    Full,
    /// Nobody reads the pipe any more.
    Broken,
    /// Not an open file.
    BadDescriptor,
    /// An argument that makes no sense.
    Invalid,
    /// A name of more than 255 bytes.
    TooLong,
    /// No such process.
    NoProcess,
    /// Too many processes.
    Again,
    /// No child to wait for.
    NoChild,
    /// A file that is no program.
    NotProgram,
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "No such file or directory",
            Self::NotDirectory => "Not a directory",
            Self::IsDirectory => "Is a directory",
            Self::NotEmpty => "Directory not empty",
            Self::Exists => "File exists",
            Self::Loop => "Too many levels of symbolic links",
            Self::Denied => "Permission denied",
            Self::NotPermitted => "Operation not permitted",
            Self::Full => "No space left on device",
            Self::Broken => "Broken pipe",
            Self::BadDescriptor => "Bad file descriptor",
            Self::Invalid => "Invalid argument",
            Self::TooLong => "File name too long",
            Self::NoProcess => "No such process",
            Self::Again => "Resource temporarily unavailable",
            Self::NoChild => "No child processes",
            Self::NotProgram => "Exec format error",
        })
    }
}

impl std::error::Error for Errno {}

use ::bytes::Bytes;

use super::instance::InstanceHandle;
use crate::call::{self, Call, CallError, Field, Request, Target};
use crate::flow::{Download, Settle, Upload};
use crate::model::{FileInfo, FileKind, List, Mode};
use crate::wire::{Payload, Reply};

/// A file, directory or link in an instance, by path.
///
/// Owner and mode are those of what is made: an existing file keeps its own.
#[derive(Debug, Clone)]
pub struct FileHandle {
    instance: InstanceHandle,
    path: Vec<u8>,
    owner: Option<(u32, u32)>,
    mode: Option<Mode>,
}

/// What is at a path, with its content.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FileContent {
    /// A file and its bytes.
    File(FileInfo, Vec<u8>),
    /// A directory and the names in it, in no order. Bytes that are no UTF-8 the server replaces: such names
    /// cannot be told.
    Directory(FileInfo, Vec<String>),
    /// A link and where it points to.
    Symlink(FileInfo, Vec<u8>),
}

impl FileContent {
    /// Owner, mode and kind.
    #[must_use]
    pub const fn info(&self) -> &FileInfo {
        match self {
            Self::File(info, _) | Self::Directory(info, _) | Self::Symlink(info, _) => info,
        }
    }
}

impl FileHandle {
    pub(super) fn new(instance: InstanceHandle, path: &[u8]) -> Self {
        Self { instance, path: path.to_vec(), owner: None, mode: None }
    }

    /// What is made belongs to this user and group id. Default 0 and 0.
    #[must_use]
    pub const fn owner(mut self, uid: u32, gid: u32) -> Self {
        self.owner = Some((uid, gid));
        self
    }

    /// What is made has these permission bits, such as `0o640`. Default 0644, 0755 for directories.
    #[must_use]
    pub const fn mode(mut self, bits: u32) -> Self {
        self.mode = Some(Mode::new(bits));
        self
    }

    fn target(&self) -> Target {
        let mut target = self.instance.scope.on(self.instance.target().then("files"));
        let what = match self.path.as_slice() {
            [] => Some("the path of the file is empty"),
            path if path.contains(&0) => Some("the path of the file holds NUL"),
            _ => None,
        };
        if let Some(what) = what {
            target.refuse(CallError::BadArgument { what: what.into() });
        }
        target.push_query("path", &self.path);
        target
    }

    /// `GET /1.0/instances/NAME/files?path=PATH`: what is there, with its content, collected. For large files
    /// see [`pull`](Self::pull).
    #[must_use]
    pub fn get(&self) -> Call<FileContent> {
        Request::get(self.target()).answered(content)
    }

    /// `GET` of a directory: the names in it, in no order.
    #[must_use]
    pub fn list(&self) -> Call<Vec<String>> {
        Request::get(self.target()).answered(|reply| match content(reply)? {
            FileContent::Directory(_, names) => Ok(names),
            other => Err(CallError::Malformed {
                status: reply.status().as_u16(),
                why: format!("it is a {}, no directory", other.info().kind.as_str()),
            }),
        })
    }

    /// `HEAD`: what is there, without its content. Only Incus tells the size.
    #[must_use]
    pub fn stat(&self) -> Call<FileInfo> {
        Request::head(self.target()).answered(call::file_info)
    }

    /// `GET`, streamed: the handle reads the file. A directory is refused.
    #[must_use]
    pub fn pull(&self) -> Download<FileInfo> {
        Download::new(Request::get(self.target()), call::file_info)
    }

    fn make(&self, kind: &FileKind, payload: Payload) -> Request {
        let mut request =
            Request::post(self.target()).octets(payload).field(Field::Own("type"), kind.as_str());
        if let Some((uid, gid)) = self.owner {
            request =
                request.field(Field::Own("uid"), uid.to_string()).field(Field::Own("gid"), gid.to_string());
        }
        if let Some(mode) = self.mode {
            request = request.field(Field::Own("mode"), mode.to_string());
        }
        request
    }

    /// `POST`: writes a file; one that exists is overwritten.
    #[must_use]
    pub fn put(&self, content: impl Into<Bytes>) -> Call<()> {
        self.make(&FileKind::File, Payload::Bytes(content.into())).answered(call::nothing)
    }

    /// `POST`: appends to a file, which must exist. API extension `file_append`.
    #[must_use]
    pub fn append(&self, content: impl Into<Bytes>) -> Call<()> {
        let request = self.make(&FileKind::File, Payload::Bytes(content.into()));
        request.field(Field::Own("write"), "append").needs("file_append").answered(call::nothing)
    }

    /// `POST`, streamed: writes a file of `length` bytes that the handle is given.
    #[must_use]
    pub fn push(&self, length: u64) -> Upload<()> {
        Upload::new(Settle::plain(self.make(&FileKind::File, Payload::Sized(length))))
    }

    /// `POST`, streamed: writes a file of as many bytes as the handle is given.
    #[must_use]
    pub fn push_all(&self) -> Upload<()> {
        Upload::new(Settle::plain(self.make(&FileKind::File, Payload::Chunked)))
    }

    /// `POST`: makes a directory; one that exists is no error. Its parent must exist. API extension
    /// `directory_manipulation`.
    #[must_use]
    pub fn mkdir(&self) -> Call<()> {
        let request = self.make(&FileKind::Directory, Payload::Empty);
        request.needs("directory_manipulation").answered(call::nothing)
    }

    /// `POST`: makes a symbolic link that points to `to`. API extension `file_symlinks`.
    #[must_use]
    pub fn symlink(&self, to: impl Into<Bytes>) -> Call<()> {
        let request = self.make(&FileKind::Symlink, Payload::Bytes(to.into()));
        request.needs("file_symlinks").answered(call::nothing)
    }

    /// `DELETE`: a file, a link or an empty directory. API extension `file_delete`.
    #[must_use]
    pub fn delete(&self) -> Call<()> {
        Request::delete(self.target()).needs("file_delete").answered(call::nothing)
    }
}

fn content(reply: &Reply<'_>) -> Result<FileContent, CallError> {
    let info = call::file_info(reply)?;
    Ok(match info.kind {
        FileKind::Directory => FileContent::Directory(info, call::value::<List<String>>(reply)?.0),
        FileKind::Symlink => FileContent::Symlink(info, reply.body().to_vec()),
        _ => FileContent::File(info, reply.body().to_vec()),
    })
}

use super::run::{Jump, Shell};
use super::tree::{Redirect, Target};
use crate::machine::files::Errno;
use crate::machine::process::{Access, Descriptor};

/// What stood under the numbers before, in the order of the changes.
pub(super) type Before = Vec<(u32, Option<Descriptor>)>;

impl Shell {
    /// Opens what a command is to read and write; `None` if that cannot be, which was said.
    pub(super) async fn redirect(&mut self, redirects: &[Redirect]) -> Result<Option<Before>, Jump> {
        let mut before = Vec::new();
        for Redirect { number, to } in redirects {
            let opened = match to {
                Target::Here(word) => {
                    let text = match word.get() {
                        Some(word) => self.text(word).await?,
                        None => Vec::new(),
                    };
                    Ok(Some(self.system.document(text)))
                }
                Target::Read(word) | Target::Write(word) | Target::Append(word) | Target::Both(word) => {
                    let path = self.text(word).await?;
                    let access = match to {
                        Target::Read(_) => Access::READ,
                        Target::Append(_) => Access::APPEND,
                        Target::Both(_) => {
                            Access { read: true, write: true, create: true, ..Access::default() }
                        }
                        _ => Access::WRITE,
                    };
                    self.open(&path, access).map(Some)
                }
                Target::Copy(word) => {
                    let from = self.text(word).await?;
                    match std::str::from_utf8(&from).ok().and_then(|it| it.parse().ok()) {
                        _ if from == b"-" => Ok(None),
                        Some(from) => match self.system.descriptor(from) {
                            Some(descriptor) => Ok(Some(descriptor)),
                            None => Err(format!("dup2({from},{number}): Bad file descriptor").into_bytes()),
                        },
                        None => {
                            self.put_back(before);
                            return self.fail("syntax error: bad fd number").await;
                        }
                    }
                }
            };
            match opened {
                Ok(descriptor) => before.push((*number, self.system.install(*number, descriptor))),
                Err(why) => {
                    self.put_back(before);
                    self.say(why).await;
                    self.status = 1;
                    return Ok(None);
                }
            }
        }
        Ok(Some(before))
    }

    pub(super) fn put_back(&mut self, before: Before) {
        for (number, descriptor) in before.into_iter().rev() {
            self.system.install(number, descriptor);
        }
    }

    fn open(&self, path: &[u8], access: Access) -> Result<Descriptor, Vec<u8>> {
        self.system.open(path, access).map_err(|errno| {
            let verb: &[u8] = if access.create { b"can't create " } else { b"can't open " };
            let why = match errno {
                Errno::NotFound if access.create => "nonexistent directory".to_owned(),
                Errno::NotFound => "no such file".to_owned(),
                errno => errno.to_string(),
            };
            [verb, path, b": ", why.as_bytes()].concat()
        })
    }
}

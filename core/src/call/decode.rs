//! Replies to values. Each function here fits [`Call::new`](super::Call::new).

use serde::de::DeserializeOwned;

use super::{CallError, Change, ETag, Tagged};
use crate::model::{Answer, Empty, FileInfo, FileKind};
use crate::wire::Reply;

/// Most bytes of a text that is shown in place of an answer.
const SHOWN: usize = 300;

/// The envelope as it is.
///
/// # Errors
/// [`CallError::Malformed`] if the body is no envelope with a `T` in it.
pub fn answer<T: DeserializeOwned>(reply: &Reply<'_>) -> Result<Answer<T>, CallError> {
    Answer::parse(reply.body()).map_err(|error| {
        if reply.status().is_success() {
            CallError::Malformed { status: reply.status().as_u16(), why: error.to_string() }
        } else {
            refusal(reply)
        }
    })
}

/// The value of a synchronous answer.
///
/// # Errors
/// The server's refusal, or [`CallError::Malformed`].
pub fn value<T: DeserializeOwned>(reply: &Reply<'_>) -> Result<T, CallError> {
    match answer(reply)? {
        Answer::Sync(value) => Ok(value),
        Answer::Async(_) => Err(CallError::Malformed {
            status: reply.status().as_u16(),
            why: "it is an operation, where a value was promised".into(),
        }),
        Answer::Refused { code, message } => Err(CallError::Refused { code, message }),
    }
}

/// The value of a synchronous answer with its ETag.
///
/// # Errors
/// As [`value`].
pub fn tagged<T: DeserializeOwned>(reply: &Reply<'_>) -> Result<Tagged<T>, CallError> {
    Ok(Tagged { value: value(reply)?, etag: reply.field("etag").map(ETag::from) })
}

/// Done, or an operation.
///
/// # Errors
/// As [`value`].
pub fn change(reply: &Reply<'_>) -> Result<Change, CallError> {
    match answer::<Empty>(reply)? {
        Answer::Sync(_) => Ok(Change::Done),
        Answer::Async(operation) => Ok(Change::Operation(operation)),
        Answer::Refused { code, message } => Err(CallError::Refused { code, message }),
    }
}

/// A good answer whose content does not matter.
///
/// # Errors
/// As [`value`].
pub fn nothing(reply: &Reply<'_>) -> Result<(), CallError> {
    value::<Empty>(reply).map(|_| ())
}

/// Whether the object is there: 404 is `false`, every other refusal stays an error.
///
/// # Errors
/// As [`value`], but for 404.
pub fn exists(reply: &Reply<'_>) -> Result<bool, CallError> {
    match value::<Empty>(reply) {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some(404) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The body as bytes, without a look inside; an error answer is still an error.
///
/// # Errors
/// The server's refusal.
pub fn plain(reply: &Reply<'_>) -> Result<Vec<u8>, CallError> {
    if reply.status().is_success() { Ok(reply.body().to_vec()) } else { Err(refusal(reply)) }
}

/// What the header fields of a file say about it.
///
/// # Errors
/// The server's refusal, or [`CallError::Malformed`] if a field cannot be read.
pub fn file_info(reply: &Reply<'_>) -> Result<FileInfo, CallError> {
    if !reply.status().is_success() {
        return Err(refusal(reply));
    }
    // One daemon spells them X-Lxd-, the other X-Incus-; a reply has only one kind.
    let own = |name: &str| {
        reply.fields().find_map(|(field, value)| {
            let (prefix, rest) = field.split_at_checked(field.len().checked_sub(name.len())?)?;
            let ours = prefix.eq_ignore_ascii_case("x-lxd-") || prefix.eq_ignore_ascii_case("x-incus-");
            std::str::from_utf8(value).ok().filter(|_| ours && rest.eq_ignore_ascii_case(name))
        })
    };
    let mut info = FileInfo::read(own)
        .map_err(|error| CallError::Malformed { status: reply.status().as_u16(), why: error.to_string() })?;
    // The length of a directory's answer is that of the JSON.
    if info.kind == FileKind::File && reply.media_type() != Some("application/json") {
        info.size = reply.text("content-length").and_then(|length| length.parse().ok());
    }
    Ok(info)
}

/// What a reply says that is not the good answer: the envelope's error, or the text in its place.
pub(crate) fn refusal(reply: &Reply<'_>) -> CallError {
    let status = reply.status().as_u16();
    if let Ok(Answer::Refused { code, message }) = Answer::<Empty>::parse(reply.body()) {
        return CallError::Refused { code, message };
    }
    // Some refusals are text, and some are text with an envelope behind it.
    let text = String::from_utf8_lossy(&reply.body()[..reply.body().len().min(SHOWN)]);
    let text = text.split("{\"type\"").next().unwrap_or_default().trim().to_owned();
    if reply.status().is_success() {
        CallError::Malformed { status, why: format!("it reads {text:?}") }
    } else {
        CallError::Refused { code: status, message: text }
    }
}

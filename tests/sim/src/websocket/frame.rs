use bytes::Bytes;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::http::Outbox;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Kind {
    pub(super) const fn of(code: OpCode) -> Option<Self> {
        Some(match code {
            OpCode::Data(Data::Continue) => Self::Continuation,
            OpCode::Data(Data::Text) => Self::Text,
            OpCode::Data(Data::Binary) => Self::Binary,
            OpCode::Control(Control::Close) => Self::Close,
            OpCode::Control(Control::Ping) => Self::Ping,
            OpCode::Control(Control::Pong) => Self::Pong,
            OpCode::Data(Data::Reserved(_)) | OpCode::Control(Control::Reserved(_)) => return None,
        })
    }

    const fn code(self) -> OpCode {
        match self {
            Self::Continuation => OpCode::Data(Data::Continue),
            Self::Text => OpCode::Data(Data::Text),
            Self::Binary => OpCode::Data(Data::Binary),
            Self::Close => OpCode::Control(Control::Close),
            Self::Ping => OpCode::Control(Control::Ping),
            Self::Pong => OpCode::Control(Control::Pong),
        }
    }
}

/// Queues a whole frame, without a mask.
pub(crate) fn push(kind: Kind, payload: impl Into<Bytes>, out: &mut Outbox) {
    let payload = payload.into();
    let header = FrameHeader { is_final: true, opcode: kind.code(), ..FrameHeader::default() };
    let mut head = Vec::with_capacity(16 + if payload.len() < 256 { payload.len() } else { 0 });
    // Writing to a vector cannot fail.
    let _ = header.format(payload.len() as u64, &mut head);
    if payload.len() < 256 {
        head.extend_from_slice(&payload);
        out.push(head);
    } else {
        out.push(head);
        out.push(payload);
    }
}

/// Queues a goodbye.
pub(crate) fn close(code: u16, reason: &str, out: &mut Outbox) {
    push(Kind::Close, [&code.to_be_bytes()[..], reason.as_bytes()].concat(), out);
}

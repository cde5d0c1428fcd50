use super::websocket::WebsocketError;
use std::io::Cursor;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

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
    /// Whether frames of this kind may stand between the frames of a message, and are short.
    pub(crate) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
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

/// The payload of a control frame is not longer.
pub(crate) const CONTROL: usize = 125;

/// What stands before a payload that a server sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    /// Whether the frame ends its message.
    pub(crate) last: bool,
    /// Bytes of the payload.
    pub(crate) length: u64,
    /// Bytes of the head itself.
    pub(crate) size: usize,
}

impl Head {
    /// Reads the head at the start of `bytes`; `None` if not all of it is there. What a server may never
    /// send, whatever came before, is refused here.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, WebsocketError> {
        if bytes.len() < 2 {
            return Ok(None);
        }
        let mut cursor = Cursor::new(bytes);
        let (header, length) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(None),
            // A slice cannot fail to be read: all that the parser refuses is the code.
            Err(_) => {
                return Err(WebsocketError::UnknownOpcode(bytes.first().copied().unwrap_or_default() & 0x0f));
            }
        };
        let kind = match header.opcode {
            OpCode::Data(Data::Continue) => Kind::Continuation,
            OpCode::Data(Data::Text) => Kind::Text,
            OpCode::Data(Data::Binary) => Kind::Binary,
            OpCode::Control(Control::Close) => Kind::Close,
            OpCode::Control(Control::Ping) => Kind::Ping,
            OpCode::Control(Control::Pong) => Kind::Pong,
            OpCode::Data(Data::Reserved(code)) | OpCode::Control(Control::Reserved(code)) => {
                return Err(WebsocketError::UnknownOpcode(code));
            }
        };
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(WebsocketError::ReservedBits);
        }
        if header.mask.is_some() {
            return Err(WebsocketError::Masked);
        }
        if length >> 63 != 0 {
            return Err(WebsocketError::BadLength(length));
        }
        if kind.is_control() {
            if !header.is_final {
                return Err(WebsocketError::FragmentedControl);
            }
            if length > CONTROL as u64 {
                return Err(WebsocketError::LongControl(length));
            }
        }
        Ok(Some(Self { kind, last: header.is_final, length, size: cursor.position() as usize }))
    }
}

/// Appends a whole frame from a client: head, mask and the masked payload.
pub(crate) fn push(out: &mut Vec<u8>, kind: Kind, mask: [u8; 4], payload: &[u8]) {
    /// Copied and masked at once, while it is in the cache; a multiple of the mask's length.
    const STRIDE: usize = 8 << 10;
    let header =
        FrameHeader { is_final: true, opcode: kind.code(), mask: Some(mask), ..FrameHeader::default() };
    out.reserve(header.len(payload.len() as u64) + payload.len());
    // Writing to a vector cannot fail.
    let _ = header.format(payload.len() as u64, out);
    for part in payload.chunks(STRIDE) {
        let start = out.len();
        out.extend_from_slice(part);
        apply(mask, &mut out[start..]);
    }
}

/// Masks `bytes`, or takes the mask off: the same operation. `mask` begins at the first byte.
pub(crate) fn apply(mask: [u8; 4], bytes: &mut [u8]) {
    const WORD: usize = 16;
    let wide: [u8; WORD] = std::array::from_fn(|at| mask[at % 4]);
    let (words, rest) = bytes.as_chunks_mut::<WORD>();
    for word in words {
        *word = (u128::from_ne_bytes(*word) ^ u128::from_ne_bytes(wide)).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(wide) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(kind: Kind, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        push(&mut out, kind, mask, payload);
        out
    }

    #[test]
    fn the_masked_hello_of_the_rfc() {
        let frame = written(Kind::Text, [0x37, 0xfa, 0x21, 0x3d], b"Hello");
        assert_eq!(frame, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn lengths_take_one_three_or_nine_bytes() {
        for (length, head) in [
            (0, &[0x82, 0x80][..]),
            (125, &[0x82, 0xfd]),
            (126, &[0x82, 0xfe, 0, 126]),
            (0xffff, &[0x82, 0xfe, 0xff, 0xff]),
            (0x1_0000, &[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = written(Kind::Binary, [9; 4], &vec![9; length]);
            assert_eq!(&frame[..head.len()], head);
            assert_eq!(frame[head.len()..head.len() + 4], [9; 4]);
            assert!(frame[head.len() + 4..].iter().all(|&byte| byte == 0));
            assert_eq!(frame.len(), head.len() + 4 + length);
        }
    }

    #[test]
    fn heads_that_no_server_may_send() {
        use WebsocketError as E;
        for (bytes, error) in [
            (&[0x83, 0][..], E::UnknownOpcode(3)),
            (&[0x8f, 0], E::UnknownOpcode(15)),
            (&[0xc1, 0], E::ReservedBits),
            (&[0xa1, 0], E::ReservedBits),
            (&[0x91, 0], E::ReservedBits),
            (&[0x81, 0x80, 1, 2, 3, 4], E::Masked),
            (&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 5], E::BadLength(0x8000_0000_0000_0005)),
            (&[0x09, 0], E::FragmentedControl),
            (&[0x88, 126, 0, 126], E::LongControl(126)),
        ] {
            assert_eq!(Head::parse(bytes), Err(error));
            for cut in 0..bytes.len() {
                assert!(matches!(Head::parse(&bytes[..cut]), Ok(None)) || bytes.len() == 2);
            }
        }
    }

    proptest! {
        #[test]
        fn a_mask_repeats_each_four_bytes_and_undoes_itself(mask: [u8; 4], bytes: Vec<u8>) {
            let plain: Vec<u8> = bytes.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
            let mut masked = bytes.clone();
            apply(mask, &mut masked);
            prop_assert_eq!(&masked, &plain);
            apply(mask, &mut masked);
            prop_assert_eq!(masked, bytes);
        }

        #[test]
        fn long_payloads_are_masked_without_a_seam(mask: [u8; 4], length in 0_usize..40_000) {
            let frame = written(Kind::Binary, mask, &vec![0; length]);
            let payload = &frame[frame.len() - length..];
            prop_assert!(payload.iter().enumerate().all(|(at, &byte)| byte == mask[at % 4]));
        }
    }
}

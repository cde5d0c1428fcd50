use serde_json::Value;

use crate::world::{Channel, Message};

/// A message that does not end is not kept.
const LONGEST: usize = 64 << 10;

/// What a control socket says, message by message.
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// The beginning of a binary message, which comes in pieces.
    part: Vec<u8>,
    over: bool,
}

/// What a message asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Columns and rows.
    Resize(u16, u16),
    Signal(u8),
    /// The socket is closed, or gone.
    Over,
}

impl Control {
    /// The next order; the last one is [`Order::Over`]. What is no order is not heard.
    pub(crate) fn next(&mut self, channel: &mut Channel) -> Option<Order> {
        while !self.over {
            let order = match channel.next() {
                Some(Message::Binary(piece)) => {
                    self.part.extend_from_slice(&piece);
                    match serde_json::from_slice(&self.part) {
                        Err(error) if error.is_eof() && self.part.len() < LONGEST => None,
                        parsed => {
                            self.part.clear();
                            parsed.ok().and_then(|it| order(&it))
                        }
                    }
                }
                Some(Message::Text(text)) => serde_json::from_slice(&text).ok().and_then(|it| order(&it)),
                Some(Message::Close(_)) => Some(Order::Over),
                None if channel.is_ended() => Some(Order::Over),
                None => return None,
            };
            self.over = order == Some(Order::Over);
            if order.is_some() {
                return order;
            }
        }
        None
    }
}

fn order(message: &Value) -> Option<Order> {
    match message.get("command")?.as_str()? {
        "window-resize" => {
            // Texts only: the daemons do not hear numbers.
            let side = |name: &str| message.get("args")?.get(name)?.as_str()?.parse().ok();
            Some(Order::Resize(side("width")?, side("height")?))
        }
        "signal" => Some(Order::Signal(message.get("signal")?.as_u64()?.try_into().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders() {
        let mut channel = Channel::default();
        for part in [&br#"{"command":"sig"#[..], br#"nal","signal":15}"#, b"nonsense"] {
            channel.hear(Message::Binary(bytes::Bytes::copy_from_slice(part)));
        }
        for text in [
            r#"{"command":"window-resize","args":{"width":132,"height":50}}"#,
            r#"{"command":"window-resize","args":{"width":"132","height":"50"}}"#,
            "[]",
        ] {
            channel.hear(Message::Text(text.into()));
        }
        channel.gone = true;
        let mut control = Control::default();
        let orders: Vec<_> = (0..4).map(|_| control.next(&mut channel)).collect();
        assert_eq!(orders, [Some(Order::Signal(15)), Some(Order::Resize(132, 50)), Some(Order::Over), None]);
    }
}

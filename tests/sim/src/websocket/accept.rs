use crate::http::Request;

/// The head that accepts an upgrade to a websocket; `None` if the request asks for none, or badly.
pub(crate) fn accept(request: &Request) -> Option<Vec<u8>> {
    let says = |name: &str, word: &str| {
        let text = request.field_text(name).unwrap_or_default();
        text.split(',').any(|it| it.trim().eq_ignore_ascii_case(word))
    };
    let key = request.field_text("sec-websocket-key")?;
    // 16 bytes, in base64.
    let is_key = key.len() == 24 && key.ends_with("==");
    if !(says("connection", "upgrade")
        && says("upgrade", "websocket")
        && says("sec-websocket-version", "13")
        && is_key)
    {
        return None;
    }
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    Some(head.into_bytes())
}

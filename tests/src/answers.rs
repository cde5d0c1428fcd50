//! Bytes that the daemons send, to be put together by scripted servers.

use serde_json::{Value, json};

/// A response with these fields and a `Content-Length`.
#[must_use]
pub fn http(status: &str, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in fields {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// A response with JSON.
#[must_use]
pub fn json_reply(status: &str, body: &Value) -> Vec<u8> {
    http(status, &[("Content-Type", "application/json")], format!("{body}\n").as_bytes())
}

/// A response in chunks.
#[must_use]
pub fn chunked(kind: &str, chunks: &[&[u8]]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut bytes = head.into_bytes();
    for chunk in chunks {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// The envelope of a synchronous answer.
#[must_use]
pub fn envelope(metadata: &Value) -> Value {
    json!({
        "type": "sync", "status": "Success", "status_code": 200, "operation": "", "error_code": 0, "error": "",
        "metadata": metadata,
    })
}

/// A synchronous answer.
#[must_use]
pub fn sync(metadata: &Value) -> Vec<u8> {
    json_reply("200 OK", &envelope(metadata))
}

/// The envelope of a refusal.
#[must_use]
pub fn refusal(code: u16, message: &str) -> Value {
    json!({
        "type": "error", "status": "", "status_code": 0, "operation": "", "error_code": code, "error": message,
        "metadata": null,
    })
}

/// A refusal whose HTTP status is its code.
#[must_use]
pub fn refused(code: u16, message: &str) -> Vec<u8> {
    json_reply(&format!("{code} Refused"), &refusal(code, message))
}

/// The answer to `GET /1.0`.
#[must_use]
pub fn greeting(daemon: &str) -> Vec<u8> {
    sync(&json!({
        "api_extensions": [
            "projects", "file_append", "file_delete", "directory_manipulation", "file_symlinks", "api_filtering",
            "container_exec_recording", "container_exec_user_group_cwd", "container_exec_signal_handling",
        ],
        "api_status": "stable", "api_version": "1.0", "auth": "trusted", "auth_methods": ["tls"], "public": false,
        "environment": {"server": daemon, "server_version": "0.0"}, "config": {},
    }))
}

/// The id of the only operation of most tests.
pub const OPERATION: &str = "6f2a9f3e-0d35-4a53-9f6b-5c5f3c1f0a11";

/// An operation.
#[must_use]
pub fn operation(status: u16, err: &str, metadata: &Value) -> Value {
    let text = match status {
        103 => "Running",
        200 => "Success",
        401 => "Cancelled",
        _ => "Failure",
    };
    json!({
        "id": OPERATION, "class": "task", "description": "Testing", "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:05Z", "status": text, "status_code": status, "resources": {},
        "metadata": metadata, "may_cancel": false, "err": err, "location": "none",
    })
}

/// The answer that an operation has begun.
#[must_use]
pub fn begun(operation: &Value) -> Vec<u8> {
    let id = operation["id"].as_str().unwrap_or_default();
    let body = json!({
        "type": "async", "status": "Operation created", "status_code": 100,
        "operation": format!("/1.0/operations/{id}"), "error_code": 0, "error": "", "metadata": operation,
    });
    json_reply("202 Accepted", &body)
}

/// The good answer to the upgrade to a websocket with this key.
#[must_use]
pub fn upgraded(key: &str) -> Vec<u8> {
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes()
}

/// A text frame of a server.
#[must_use]
pub fn text(payload: &str) -> Vec<u8> {
    frame(1, payload.as_bytes())
}

/// A binary frame of a server.
#[must_use]
pub fn binary(payload: &[u8]) -> Vec<u8> {
    frame(2, payload)
}

/// A whole frame of a server, without a mask.
#[must_use]
pub fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80 | kind];
    match payload.len() {
        short @ 0..=125 => bytes.push(short as u8),
        long @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend_from_slice(&(long as u16).to_be_bytes());
        }
        longer => {
            bytes.push(127);
            bytes.extend_from_slice(&(longer as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpStream};

use data_encoding::BASE64;

/// More than any client asks with.
const LONGEST: usize = 8 << 10;

/// User name and password that are wanted.
pub(super) type User = Option<(String, String)>;

/// Reads a CONNECT: where to, as `host:port`; `None` if the client was told no.
pub(super) fn connect(client: &mut TcpStream, user: &User) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
        if head.len() > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut fields);
    request.parse(&head).map_err(io::Error::other)?;
    let given = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case("proxy-authorization"));
    let wanted = user.as_ref().map(|(name, password)| {
        format!("Basic {}", BASE64.encode(format!("{name}:{password}").as_bytes())).into_bytes()
    });
    let refusal = match (request.method, request.path) {
        (Some("CONNECT"), Some(place)) => {
            if wanted.is_none_or(|wanted| given.is_some_and(|given| given.value == wanted)) {
                return Ok(Some(place.to_owned()));
            }
            "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"test\""
        }
        _ => "405 Method Not Allowed",
    };
    client.write_all(format!("HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n").as_bytes())?;
    Ok(None)
}

/// Says whether the server was reached.
pub(super) fn answer_connect(client: &mut TcpStream, reached: bool) -> io::Result<()> {
    let status = if reached { "200 Connection established" } else { "502 Bad Gateway" };
    client.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes())
}

/// Reads the talk of SOCKS up to the request: where to, as `host:port`; `None` if the client was told no.
pub(super) fn socks5(client: &mut TcpStream, user: &User) -> io::Result<Option<String>> {
    let [version, count] = take(client)?;
    let methods = take_many(client, count)?;
    let wanted = if user.is_some() { 2 } else { 0 };
    if version != 5 || !methods.contains(&wanted) {
        client.write_all(&[5, 0xff])?;
        return Ok(None);
    }
    client.write_all(&[5, wanted])?;
    if let Some((name, password)) = user {
        let [_version, length] = take(client)?;
        let given_name = take_many(client, length)?;
        let [length] = take(client)?;
        let given_password = take_many(client, length)?;
        let good = given_name == name.as_bytes() && given_password == password.as_bytes();
        client.write_all(&[1, u8::from(!good)])?;
        if !good {
            return Ok(None);
        }
    }
    let [_version, command, _, kind] = take(client)?;
    let host = match kind {
        1 => Ipv4Addr::from(take::<4>(client)?).to_string(),
        3 => {
            let [length] = take(client)?;
            String::from_utf8(take_many(client, length)?).map_err(io::Error::other)?
        }
        4 => format!("[{}]", Ipv6Addr::from(take::<16>(client)?)),
        _ => {
            reply(client, 8)?;
            return Ok(None);
        }
    };
    let port = u16::from_be_bytes(take(client)?);
    if command != 1 {
        reply(client, 7)?;
        return Ok(None);
    }
    Ok(Some(format!("{host}:{port}")))
}

/// Says whether the server was reached.
pub(super) fn answer_socks5(client: &mut TcpStream, reached: bool) -> io::Result<()> {
    reply(client, if reached { 0 } else { 5 })
}

fn reply(client: &mut TcpStream, code: u8) -> io::Result<()> {
    client.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0])
}

fn take<const COUNT: usize>(client: &mut TcpStream) -> io::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn take_many(client: &mut TcpStream, count: u8) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(count)];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}

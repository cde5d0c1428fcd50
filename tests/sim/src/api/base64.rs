/// Decodes base64 with padding, as the daemons' decoder does: line ends do not count.
///
/// # Errors
/// Where the text stops to be base64, in bytes.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, usize> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut out, mut bits, mut count, mut padding) = (Vec::with_capacity(text.len() / 4 * 3), 0_u32, 0, 0);
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| !b"\r\n".contains(byte)) {
        match digit(byte) {
            Some(digit) if padding == 0 => {
                bits = bits << 6 | u32::from(digit);
                count += 1;
                if count % 4 == 0 {
                    out.extend_from_slice(&bits.to_be_bytes()[1..]);
                    bits = 0;
                }
            }
            None if byte == b'=' && count % 4 + padding < 4 && count % 4 > 1 => padding += 1,
            _ => return Err(at),
        }
    }
    match (count % 4, padding) {
        (0, 0) => {}
        (2, 2) => out.push((bits >> 4) as u8),
        (3, 1) => out.extend_from_slice(&((bits >> 2) as u16).to_be_bytes()),
        _ => return Err(text.len()),
    }
    Ok(out)
}

/// Encodes it, in lines of 64 digits.
pub(crate) fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len() * 4 / 3 + bytes.len() / 48 + 8);
    for (at, three) in bytes.chunks(3).enumerate() {
        if at > 0 && at % 16 == 0 {
            out.push('\n');
        }
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            out.push(if digit <= three.len() { DIGITS[value as usize].into() } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for length in 0..200 {
            let bytes: Vec<u8> = (0..length).map(|it| (it * 37 + length) as u8).collect();
            assert_eq!(decode(&encode(&bytes)), Ok(bytes));
        }
        assert_eq!(encode(b"abcd"), "YWJjZA==");
        assert_eq!(decode("-----BEGIN"), Err(0));
        for (bad, at) in [("AAA", 3), ("AA=A", 3), ("A===", 1), ("AAAA=", 4), ("AAA\u{e9}", 3)] {
            assert_eq!(decode(bad), Err(at), "{bad}");
        }
    }
}

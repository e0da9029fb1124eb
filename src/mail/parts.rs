//! Opens a message of ours again: for people who want to see what was, or will be, sent.

/// What a message holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
    /// Attached files: name and bytes.
    pub attachments: Vec<(String, Vec<u8>)>,
}

/// Opens a message that [`super::message::build`] has built.
pub fn open(message: &[u8]) -> Opened {
    let mut opened = Opened::default();
    // Our messages are ASCII: everything else is encoded.
    walk(&String::from_utf8_lossy(message), &mut opened);
    opened
}

fn walk(part: &str, opened: &mut Opened) {
    let (head, body) = part.split_once("\r\n\r\n").unwrap_or((part, ""));
    let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let header = |name: &str| {
        let found =
            head.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim()).unwrap_or_default()
    };
    let kind = header("Content-Type");
    if kind.starts_with("multipart/") {
        let Some(boundary) = parameter(kind, "boundary") else { return };
        let mark = format!("--{boundary}");
        for piece in body.split(&mark).skip(1).take_while(|piece| !piece.starts_with("--")) {
            walk(piece.trim_start_matches("\r\n"), opened);
        }
        return;
    }
    let body = body.strip_suffix("\r\n").unwrap_or(body);
    let bytes = match header("Content-Transfer-Encoding").to_ascii_lowercase().as_str() {
        "base64" => base64(body),
        "quoted-printable" => quoted_printable(body),
        _ => body.as_bytes().to_vec(),
    };
    let text = || String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
    match parameter(header("Content-Disposition"), "filename") {
        Some(name) => opened.attachments.push((name.to_string(), bytes)),
        None if kind.starts_with("text/html") => opened.html = text(),
        None => opened.text = text(),
    }
}

/// `name="value"` of a header.
fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("{name}=\""))?;
    rest.split('"').next()
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut held, mut bits) = (0_u32, 0_u32);
    for digit in text.bytes().filter_map(digit) {
        held = held << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(held >> bits & 0xff).unwrap_or_default());
        }
    }
    out
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for line in text.replace("=\r\n", "").split_inclusive('\n') {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('=') {
            out.extend_from_slice(before.as_bytes());
            if let Some(byte) = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                out.push(byte);
                rest = &after[2..];
            } else {
                out.push(b'=');
                rest = after;
            }
        }
        out.extend_from_slice(rest.as_bytes());
    }
    out
}

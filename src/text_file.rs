//! Reads what people write (settings, jobs, mappings, models): UTF-8, or it is said what else the file seems to be.

use std::io::ErrorKind;
use std::path::Path;

use crate::error::{Error, Result};

/// The text of a file. Editors that put a byte order mark before UTF-8 are forgiven.
pub(crate) fn read(path: &Path) -> Result<String> {
    text_of(path).map_err(|err| err.at(path.display()))
}

/// As [`read`], for a caller that says itself which file it is.
pub(crate) fn text_of(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|err| match err.kind() {
        ErrorKind::NotFound => Error::config("there is no such file"),
        _ => Error::config("the file cannot be read").because(err),
    })?;
    decode(bytes)
}

fn decode(mut bytes: Vec<u8>) -> Result<String> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    let seems = other_than_utf8(&bytes);
    match String::from_utf8(bytes) {
        Ok(text) if seems.is_none() => Ok(text),
        Ok(_) => Err(foreign(seems.unwrap_or_default(), None)),
        Err(err) => {
            let at = err.utf8_error().valid_up_to();
            let line = err.as_bytes()[..at].split(|byte| *byte == b'\n').count();
            Err(foreign(seems.unwrap_or("of no encoding that is known here"), Some(line)))
        }
    }
}

fn foreign(seems: &str, line: Option<usize>) -> Error {
    let first = line.map(|line| format!(" (line {line} is the first that shows it)")).unwrap_or_default();
    Error::config(format!("the file is not UTF-8 text; it seems to be {seems}{first}"))
        .hint("save it as UTF-8 in the editor (\"Save as…\", encoding UTF-8)")
}

/// What bytes seem to be that are not plain UTF-8.
fn other_than_utf8(bytes: &[u8]) -> Option<&'static str> {
    let zeros = |from: usize| bytes.iter().skip(from).step_by(2).take(500).filter(|byte| **byte == 0).count();
    if bytes.starts_with(b"\xff\xfe")
        || bytes.starts_with(b"\xfe\xff")
        || zeros(0).max(zeros(1)) > bytes.len().min(1000) / 4
    {
        return Some("UTF-16 (what Windows calls \"Unicode\")");
    }
    if std::str::from_utf8(bytes).is_ok() {
        return None;
    }
    // Chinese comes in pairs of high bytes, a western accent mostly alone.
    let mut runs = bytes.split(|byte| *byte < 0xa1).filter(|run| !run.is_empty());
    let pairs = runs.all(|run| run.len() % 2 == 0);
    let chinese = encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes);
    Some(if pairs && chinese.is_some() { "GB18030 or GBK" } else { "Latin-1 (Windows-1252)" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_encodings_are_named() {
        let utf16: Vec<u8> = "[company]\nname = \"Müller\"".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (gbk, _, _) = encoding_rs::GBK.encode("# 公司\n[company]\nname = \"华东\"");
        for (bytes, said) in [
            ([b"\xff\xfe".to_vec(), utf16.clone()].concat(), "UTF-16"),
            (utf16, "UTF-16"),
            (b"[company]\nname = \"M\xfcller\"".to_vec(), "Latin-1 (Windows-1252) (line 2"),
            (gbk.into_owned(), "GB18030 or GBK (line 1"),
        ] {
            let err = decode(bytes).expect_err(said);
            assert!(err.to_string().contains(said), "{err}");
            assert!(err.advice().is_some_and(|hint| hint.contains("UTF-8")));
        }
        assert_eq!(decode(b"\xef\xbb\xbf[company]".to_vec()).expect("UTF-8 with a mark"), "[company]");
        assert_eq!(decode("名 = 1".into()).expect("UTF-8"), "名 = 1");
    }
}

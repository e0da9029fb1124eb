//! How a line becomes fields where no delimiter says it, and what stands in front of the header.

use super::super::header::Wanted;

/// What tells the columns of a line apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// A delimiter.
    Delimited,
    /// Any number of blanks.
    Blanks,
    /// Their places: so many characters each, and the rest of the line.
    Widths(Vec<usize>),
}

impl Layout {
    /// The fields of a line of UTF-8, without the blanks around them.
    pub(super) fn fields<'a>(&self, line: &'a [u8]) -> Vec<&'a [u8]> {
        match self {
            Self::Delimited => vec![line],
            Self::Blanks => line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).collect(),
            Self::Widths(widths) => {
                let mut fields = Vec::with_capacity(widths.len());
                let mut rest = line;
                for width in widths {
                    let (field, after) = rest.split_at(length_of(rest, *width));
                    fields.push(field.trim_ascii());
                    rest = after;
                }
                if !rest.trim_ascii().is_empty() {
                    fields.push(rest.trim_ascii());
                }
                fields
            }
        }
    }
}

/// Bytes of the first `count` characters.
fn length_of(text: &[u8], count: usize) -> usize {
    // a character begins at every byte that continues none
    let starts = text.iter().enumerate().filter(|(_, byte)| **byte & 0xc0 != 0x80);
    starts.map(|(at, _)| at).nth(count).unwrap_or(text.len())
}

/// Names in the first line that is not blank.
pub(super) fn split_header(text: &[u8], delimiter: u8, quote: Option<u8>) -> Vec<String> {
    let start = text.iter().position(|byte| !matches!(byte, b'\n' | b'\r')).unwrap_or(text.len());
    let text = &text[start..];
    let mut names = vec![Vec::new()];
    let mut quoted = false;
    for &byte in text.iter().take(64 * 1024) {
        if Some(byte) == quote {
            quoted = !quoted;
        } else if byte == delimiter && !quoted {
            names.push(Vec::new());
        } else if matches!(byte, b'\n' | b'\r') && !quoted {
            break;
        } else if let Some(name) = names.last_mut() {
            name.push(byte);
        }
    }
    names.into_iter().map(|name| String::from_utf8_lossy(&name).into_owned()).collect()
}

/// Lines among which a header is looked for.
const SEARCHED: usize = 200;

/// The line, counted from 0, whose names hold every column that the mapping needs: the declared one if it does, else the
/// first that does. What stands in front of a header changes when its sender likes.
pub(super) fn header_line(
    head: &[u8],
    declared: usize,
    delimiters: &[u8],
    quote: Option<u8>,
    wanted: &Wanted,
) -> Option<usize> {
    let mut lines = Vec::new();
    let mut at = 0;
    while at < head.len() && lines.len() < SEARCHED.max(declared + 1) {
        lines.push(at);
        let end = head[at..].iter().position(|byte| matches!(byte, b'\n' | b'\r')).map_or(head.len(), |end| at + end);
        at = end + 1 + usize::from(head[end..].starts_with(b"\r\n"));
    }
    let fits = |line: usize| {
        let names = |delimiter: &u8| split_header(&head[lines[line]..], *delimiter, quote);
        delimiters.iter().any(|delimiter| wanted.fits(&names(delimiter)))
    };
    let declared = Some(declared).filter(|line| *line < lines.len());
    declared.filter(|line| fits(*line)).or_else(|| (0..lines.len()).find(|line| fits(*line)))
}

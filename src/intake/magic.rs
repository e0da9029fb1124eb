//! What the first bytes of a file say that it is.

/// How bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// Whether a file's first bytes say that it is text and not packed.
pub(super) fn is_plain_text(first: &[u8]) -> bool {
    packing_of(first) == Packing::Plain && is_text(first)
}

/// How the file is packed.
pub(super) fn packing_of(first: &[u8]) -> Packing {
    match first {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
        _ => Packing::Plain,
    }
}

/// Whether the bytes are none of the formats that are not ours to read.
pub(super) fn is_text(first: &[u8]) -> bool {
    !matches!(first, [b'P', b'K', 3, 4, ..] | [b'P', b'A', b'R', b'1', ..] | [0xd0, 0xcf, 0x11, 0xe0, ..])
}

/// What a file is that nobody can read here, and what to send instead. By the first eight bytes.
pub(super) fn not_ours(first: &[u8]) -> Option<&'static str> {
    Some(match first {
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => "the file is a 7z archive; send it as gz, zst or zip",
        [b'R', b'a', b'r', b'!', 0x1a, 0x07, ..] => "the file is a rar archive; send it as gz, zst or zip",
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "the file is packed by xz; send it as gz, zst or zip",
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => {
            "the file is packed by bzip2; send it as gz, zst or zip"
        }
        [0x04, 0x22, 0x4d, 0x18, ..] => "the file is packed by lz4; send it as gz, zst or zip",
        [b'%', b'P', b'D', b'F', b'-', ..] => "the file is a PDF; send the table that it was made of, as XLSX or CSV",
        [b'{', b'\\', b'r', b't', b'f', ..] => "the file is a text document (RTF); send the table as XLSX or CSV",
        [0x09, 0x00, 0x04, 0x00, ..] | [0x09, 0x02 | 0x04, 0x06, 0x00, ..] => {
            "the file is a workbook of Excel 2 to 4; save it as XLSX"
        }
        [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] => "the file is a picture; send the table as XLSX or CSV",
        [b'S', b'Q', b'L', b'i', b't', b'e', ..] => "the file is a database (SQLite); send the table as XLSX or CSV",
        [b'O', b'R', b'C', ..] => "the file is ORC; send it as Parquet or CSV",
        [b'O', b'b', b'j', 1, ..] => "the file is Avro; send it as Parquet or CSV",
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => "the file is Arrow IPC (Feather); send it as Parquet or CSV",
        _ => return None,
    })
}

/// Whether a text begins as an interchange does: with an ISA whose separators stand where they must, a UNA that is followed
/// by a UNB, or a UNB with its usual ones.
pub(super) fn is_edi(head: &[u8]) -> bool {
    let bare = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let signed = |at: usize| bare.get(at).filter(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric());
    if bare.starts_with(b"ISA") {
        return signed(3).is_some() && signed(3) == signed(6) && signed(3) == signed(17);
    }
    let after = |from: usize| bare.get(from..).unwrap_or_default().trim_ascii_start();
    bare.starts_with(b"UNA") && signed(3).is_some() && after(9).starts_with(b"UNB") || bare.starts_with(b"UNB+UNO")
}

/// Bytes in which a page names its encoding, and in which what it is can be told.
pub(super) const PAGE_HEAD: usize = 2048;

/// What a text that begins with a tag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// A web page or an XML workbook.
    Tables,
    /// XML of another kind.
    Other,
}

/// What a text is, by its beginning; `None` for what begins with no tag.
pub(super) fn page_of(head: &[u8]) -> Option<Page> {
    let narrow: Vec<u8> = head.iter().copied().filter(|byte| *byte != 0).collect();
    let bare = narrow.strip_prefix(b"\xef\xbb\xbf").or_else(|| narrow.strip_prefix(b"\xff\xfe")).unwrap_or(&narrow);
    if bare.trim_ascii_start().first() != Some(&b'<') {
        return None;
    }
    let text = String::from_utf8_lossy(bare).to_lowercase();
    let tables = ["<html", "<!doctype html", "<table", "<meta", "office:spreadsheet", "<style", "<div", "<body"];
    if tables.iter().any(|mark| text.contains(mark)) {
        Some(Page::Tables)
    } else {
        text.trim_start().starts_with("<?xml").then_some(Page::Other)
    }
}

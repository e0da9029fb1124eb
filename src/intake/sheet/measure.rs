//! The archive of a workbook, before its reader looks at it.

use std::fs::File;
use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::super::block::{Step, refuse};
use super::super::open::{self, Content, stop_of};

/// Unpacked size of any part of a workbook that is held in memory: shared texts, styles, relations.
const HELD_MAX: u64 = 64 << 20;
/// Bytes of the list of sheets that are looked at.
const BOOK_MAX: usize = 1 << 20;

/// What a workbook says of itself.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Said {
    /// It asks to be calculated anew before its results are looked at.
    pub(super) recalculates: bool,
    /// `SheetJS` has written it.
    pub(super) by_sheetjs: bool,
}

/// Unpacks every part of the archive once, to the end, counting: what the archive says of itself can lie.
pub(super) fn measure(file: &File, content: Content, unpacked_max: u64) -> Step<Said> {
    let mut said = Said::default();
    let mut archive = open::archive(file)?;
    let mut total = 0_u64;
    let mut buffer = vec![0; 64 * 1024];
    for index in 0..archive.len() {
        let mut member = match archive.by_index(index) {
            Ok(member) => member,
            Err(err) => return refuse(super::damaged(&err)),
        };
        let name = member.name().to_string();
        let streamed = content == Content::Xlsx && name.contains("worksheets/");
        let mut size = 0_u64;
        let mut repeats = RepeatScan::default();
        let mut book = (name.ends_with("workbook.xml") || name == "docProps/app.xml").then(Vec::new);
        loop {
            let read = match member.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(err) if err.raw_os_error().is_some() => return Err(stop_of(err)),
                Err(err) => return refuse(super::damaged(&err)),
            };
            size += read as u64;
            total += read as u64;
            if total > unpacked_max {
                return refuse(format!(
                    "the workbook unpacks to more than {unpacked_max} bytes, the most allowed for its size"
                ));
            }
            if !streamed && size > HELD_MAX {
                return refuse(format!("part {name:?} of the workbook unpacks to more than {HELD_MAX} bytes"));
            }
            if let Some(book) = book.as_mut().filter(|book| book.len() < BOOK_MAX) {
                book.extend_from_slice(&buffer[..read]);
            }
            if content == Content::Ods {
                repeats.scan(&buffer[..read]);
            }
        }
        if repeats.largest > ODS_REPEAT_MAX {
            return refuse(format!(
                "the workbook repeats a filled cell or row {} times; send it as XLSX or CSV",
                repeats.largest
            ));
        }
        let book = book.map(|book| String::from_utf8_lossy(&book).into_owned()).unwrap_or_default();
        said.recalculates |= ["fullCalcOnLoad=\"1\"", "fullCalcOnLoad=\"true\""].iter().any(|flag| book.contains(flag));
        said.by_sheetjs |= book.contains("<Application>SheetJS</Application>");
    }
    Ok(said)
}

/// Most repetitions of one filled cell or row in ODS; each is held in memory.
const ODS_REPEAT_MAX: u64 = 100_000;

/// Finds the largest repetition of an ODS element that is not empty (`.../>` closes an empty one).
#[derive(Default)]
pub(super) struct RepeatScan {
    tag: Vec<u8>,
    inside: bool,
    pub(super) largest: u64,
}

impl RepeatScan {
    pub(super) fn scan(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b'<' => {
                    self.tag.clear();
                    self.inside = true;
                }
                b'>' if self.inside => {
                    self.inside = false;
                    // an empty cell repeated to the sheet's edge is how ODS fills a row: harmless
                    if self.tag.ends_with(b"/") && self.tag.starts_with(b"table:table-cell") {
                        continue;
                    }
                    let text = String::from_utf8_lossy(&self.tag).into_owned();
                    for key in ["number-columns-repeated=\"", "number-rows-repeated=\""] {
                        let value = text.split_once(key).and_then(|(_, rest)| rest.split('"').next());
                        let count = value.and_then(|digits| digits.parse().ok()).unwrap_or(0);
                        // empty rows up to the end of the sheet are cut by the reader
                        if !text.starts_with("table:table-row") || count < 1_000_000 {
                            self.largest = self.largest.max(count);
                        }
                    }
                }
                _ if self.inside && self.tag.len() < 4096 => self.tag.push(byte),
                _ => {}
            }
        }
    }
}

/// An ODS workbook without the blanks between its elements, which its reader takes for content. Some writers indent.
pub(super) fn without_indents(file: &File) -> Step<Cursor<Vec<u8>>> {
    let mut archive = open::archive(file)?;
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for index in 0..archive.len() {
        let mut part = match archive.by_index(index) {
            Ok(part) => part,
            Err(err) => return refuse(super::damaged(&err)),
        };
        let mut bytes = Vec::new();
        (&mut part).take(HELD_MAX).read_to_end(&mut bytes).map_err(stop_of)?;
        if part.name() == "content.xml" {
            bytes = closed_up(&bytes);
        }
        let written = out.start_file(part.name(), stored).map_err(std::io::Error::from);
        written.and_then(|()| out.write_all(&bytes)).map_err(stop_of)?;
    }
    out.finish().map_err(|err| stop_of(err.into()))
}

/// Leaves out blanks that stand between two elements of which the first is no text.
fn closed_up(xml: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(xml.len());
    let mut at = 0;
    while let Some(length) = xml[at..].iter().position(|byte| *byte == b'>') {
        let end = at + length + 1;
        out.extend_from_slice(&xml[at..end]);
        let name = out.iter().rposition(|byte| *byte == b'<').map_or(&[] as &[u8], |open| &out[open + 1..]);
        let structure = [b"?xml".as_slice(), b"table:", b"/table:", b"office:", b"/office:", b"/text:p", b"/text:h"];
        let blanks = xml[end..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let between = xml.get(end + blanks) == Some(&b'<') && structure.iter().any(|start| name.starts_with(start));
        at = if between { end + blanks } else { end };
    }
    out.extend_from_slice(&xml[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_between_elements_go_and_those_of_texts_stay() {
        let xml = b"<?xml?>\n<table:table-row>\n <table:table-cell a=\"x y\">\n  <text:p>a <text:span> b</text:span> <text:s/> c</text:p>\n </table:table-cell>\n</table:table-row>\n";
        assert_eq!(
            String::from_utf8(closed_up(xml)).unwrap(),
            "<?xml?><table:table-row><table:table-cell a=\"x y\"><text:p>a <text:span> b</text:span> <text:s/> c</text:p></table:table-cell></table:table-row>\n"
        );
    }
}

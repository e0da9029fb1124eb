//! Tables that are saved as .xls and are none: web pages, and the XML of Excel 2003, as most ERP systems and shop back
//! ends of China write them. Read by a scan over tags that asks for no more order than browsers do.

mod tags;

use super::block::{BLOCK_ROWS, Block, Cell, Source, Step, Stop, refuse};
use super::decode::{self, Decoder};
use super::header::{Wanted, shown};
use super::magic::PAGE_HEAD;
use super::open::{self, Part};
use crate::config::Intake;
use encoding_rs::Encoding;
use tags::{Table, tables};

/// Bytes of a page, which is held in memory.
const PAGE_MAX: usize = 64 << 20;

/// Rows of the table that was chosen.
pub(super) struct MarkupSource {
    rows: std::vec::IntoIter<(i64, Vec<(String, Cell)>)>,
    notes: Vec<String>,
    caps: (usize, usize),
}

/// Reads a page whole and chooses its table: the named one, else the first that holds what is wanted, else the one of
/// most rows.
pub(super) fn open(
    part: &Part,
    (declared, sheet): (Option<&'static Encoding>, Option<&str>),
    wanted: &Wanted,
    limits: &Intake,
) -> Step<MarkupSource> {
    let text = text_of(part, declared)?;
    let found = tables(&text, limits.columns_max, limits.cells_max)?;
    let named = |table: &&Table| sheet.is_none_or(|sheet| table.name.trim() == sheet.trim());
    let seen: Vec<&Table> =
        found.iter().filter(|table| !table.hidden && !table.rows.is_empty()).filter(named).collect();
    let fits = |table: &Table| {
        let names = |row: &[(String, Cell)]| row.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>();
        table.rows.iter().take(200).any(|(_, row)| wanted.fits(&names(row)))
    };
    let fitting: Vec<&Table> = seen.iter().copied().filter(|table| fits(table)).collect();
    let largest = || seen.iter().copied().max_by_key(|table| table.rows.len());
    let Some(chosen) = fitting.first().copied().or_else(largest) else {
        return refuse(match sheet {
            Some(sheet) => format!("there is no table {sheet:?} with rows in the file"),
            None => {
                "the file is a web page or an XML workbook, and no table in it has rows; save it as XLSX or CSV".into()
            }
        });
    };
    let mut notes = Vec::new();
    if found.len() > 1 {
        let rows: Vec<String> =
            found.iter().map(|table| format!("{} ({})", shown(&table.name), table.rows.len())).collect();
        notes.push(format!(
            "the file has {} tables, by rows: {}; read: {}",
            found.len(),
            rows.join(", "),
            shown(&chosen.name)
        ));
    }
    if fitting.len() > 1 {
        notes.push(format!("{} tables hold what is wanted, and only the first of them was read", fitting.len()));
    }
    Ok(MarkupSource {
        rows: chosen.rows.clone().into_iter(),
        notes,
        caps: (limits.field_bytes_max, limits.line_bytes_max),
    })
}

fn text_of(part: &Part, declared: Option<&'static Encoding>) -> Step<String> {
    let head = open::head(&mut part.open()?, PAGE_HEAD)?;
    let chosen = decode::choose(declared.or_else(|| named_encoding(&head)), &head);
    let read = |encoding| {
        let mut bytes = part.open()?;
        open::head(&mut bytes, chosen.bom)?;
        let mut decoder = Decoder::new(bytes, encoding, chosen.bom as u64);
        let (mut text, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        loop {
            match decoder.read(&mut buffer)? {
                0 => break,
                read => text.extend_from_slice(&buffer[..read]),
            }
            if text.len() > PAGE_MAX {
                return refuse(format!("the page is larger than {PAGE_MAX} bytes; send it as XLSX or CSV"));
            }
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    match read(chosen.encoding) {
        Err(Stop::NotUtf8) => read(Some(decode::detect(part.open()?)?)),
        other => other,
    }
}

/// `charset=gb2312` of a page, `encoding="GBK"` of XML.
fn named_encoding(head: &[u8]) -> Option<&'static Encoding> {
    let text = String::from_utf8_lossy(head).to_lowercase();
    let after = ["charset=", "encoding="].iter().find_map(|mark| Some(&text[text.find(mark)? + mark.len()..]))?;
    let label: String =
        after.trim_start_matches(['"', '\'']).chars().take_while(|char| !"\"'> ;/?".contains(*char)).collect();
    let encoding = Encoding::for_label(label.as_bytes())?;
    Some(if encoding == encoding_rs::GBK { encoding_rs::GB18030 } else { encoding })
}

impl Source for MarkupSource {
    fn next(&mut self, block: &mut Block) -> Step<bool> {
        block.clear();
        for (line, row) in self.rows.by_ref().take(BLOCK_ROWS) {
            block.begin(line);
            for (text, cell) in &row {
                block.push_capped(text, *cell, self.caps.0, self.caps.1);
            }
        }
        Ok(!block.rows.is_empty())
    }

    fn warnings(&self) -> Vec<String> {
        self.notes.clone()
    }
}

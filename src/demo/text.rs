//! Records as lines of text: delimited or JSON, in any of the encodings, packed or not. The same
//! records give the same bytes on every machine.

use std::collections::BTreeMap;
use std::io::Write;

use chrono::Timelike;

use super::World;
use super::dialect::{Column, Day, Dialect, Encoding, Field, Format, Number, Style};
use super::stories::Fault;
use super::values::{Record, Value, value, ymd};
use crate::error::Result;

/// What is special about one file.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    /// Deliveries to buyers are known up to this day.
    pub(crate) known_until: i64,
    /// What goes wrong in the writing.
    pub(crate) fault: Option<Fault>,
}

/// Rows that a file with bad rows spoils: (row, field, what stands there).
const SPOILT: [(usize, Field, &str); 4] = [
    (2, Field::Price, "面议"),
    (5, Field::SoldAt, "2026-13-45 10:00:00"),
    (8, Field::Quantity, "0"),
    (11, Field::Sku, "999999"),
];

/// A whole file as text.
pub(crate) fn render(
    world: &World,
    dialect: &Dialect,
    format: Format,
    columns: &[Column],
    records: &[Record<'_>],
    manner: Manner,
) -> Vec<u8> {
    let broken = manner.fault == Some(Fault::Broken);
    let columns: Vec<Column> = columns.iter().copied().filter(|(_, field)| !(broken && *field == Field::Sku)).collect();
    let mut out = Vec::with_capacity(records.len() * 96 + 256);
    match format {
        Format::Ndjson => json_lines(world, dialect, &columns, records, manner, &mut out),
        Format::Text(_, delimiter) => lines(world, dialect, delimiter, &columns, records, manner, &mut out),
        Format::Xlsx | Format::Parquet => {}
    }
    encode(dialect.encoding, out)
}

fn lines(
    world: &World,
    dialect: &Dialect,
    delimiter: u8,
    columns: &[Column],
    records: &[Record<'_>],
    manner: Manner,
    out: &mut Vec<u8>,
) {
    let sales = columns.iter().any(|(_, field)| *field == Field::SoldAt);
    for (at, (header, _)) in columns.iter().enumerate() {
        if at > 0 {
            out.push(delimiter);
        }
        out.extend_from_slice(header.as_bytes());
    }
    out.push(b'\n');
    for (row, record) in records.iter().enumerate() {
        for (at, (_, field)) in columns.iter().enumerate() {
            if at > 0 {
                out.push(delimiter);
            }
            match spoilt(manner, row, *field) {
                Some(text) => out.extend_from_slice(text.as_bytes()),
                None => cell(out, dialect.style, &value(world, *record, *field, manner.known_until)),
            }
        }
        out.push(b'\n');
    }
    if let (true, Some(total)) = (sales, dialect.total) {
        for at in 0..columns.len() {
            if at > 0 {
                out.push(delimiter);
            }
            if at == 0 {
                out.extend_from_slice(total.as_bytes());
            }
        }
        out.push(b'\n');
    }
}

fn spoilt(manner: Manner, row: usize, field: Field) -> Option<&'static str> {
    if manner.fault != Some(Fault::BadRows) {
        return None;
    }
    SPOILT.iter().find(|(at, of, _)| *at == row && *of == field).map(|found| found.2)
}

fn json_lines(
    world: &World,
    dialect: &Dialect,
    columns: &[Column],
    records: &[Record<'_>],
    manner: Manner,
    out: &mut Vec<u8>,
) {
    for record in records {
        for (at, (key, field)) in columns.iter().enumerate() {
            out.extend_from_slice(if at == 0 { b"{\"" } else { b",\"" });
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":");
            let found = value(world, *record, *field, manner.known_until);
            let bare = matches!(found, Value::Whole(_) | Value::Money(_));
            if bare {
                cell(out, dialect.style, &found);
            } else {
                out.push(b'"');
                cell(out, dialect.style, &found);
                out.push(b'"');
            }
        }
        out.extend_from_slice(b"}\n");
    }
}

/// One cell. No text of the demo holds a delimiter or a quote.
fn cell(out: &mut Vec<u8>, style: Style, value: &Value<'_>) {
    let written = match value {
        Value::Nothing => out.write_all(style.nothing.as_bytes()),
        Value::Text(text) => out.write_all(text.as_bytes()),
        Value::Made(text) => out.write_all(text.as_bytes()),
        Value::Whole(number) => write!(out, "{number}"),
        Value::Money(cents) => money(out, style.number, *cents),
        Value::Day(date) => {
            let (year, month, day) = ymd(*date);
            match style.day {
                Day::Iso | Day::Offset => write!(out, "{year:04}-{month:02}-{day:02}"),
                Day::Slash => write!(out, "{year:04}/{month:02}/{day:02}"),
                Day::Dot => write!(out, "{day:02}.{month:02}.{year:04}"),
                Day::Compact => write!(out, "{year:04}{month:02}{day:02}"),
            }
        }
        Value::Moment(moment) => {
            let ((year, month, day), time) = (ymd(moment.date()), moment.time());
            let (hour, minute, second) = (time.hour(), time.minute(), time.second());
            match style.day {
                Day::Iso => write!(out, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"),
                Day::Slash => write!(out, "{year:04}/{month:02}/{day:02} {hour:02}:{minute:02}"),
                Day::Dot => write!(out, "{day:02}.{month:02}.{year:04} {hour:02}:{minute:02}"),
                Day::Compact => write!(out, "{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}"),
                Day::Offset => {
                    write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+08:00")
                }
            }
        }
    };
    written.expect("a vector takes every byte");
}

fn money(out: &mut Vec<u8>, style: Number, cents: i64) -> std::io::Result<()> {
    let sign = if cents < 0 { "-" } else { "" };
    let (whole, part) = (cents.unsigned_abs() / 100, cents.unsigned_abs() % 100);
    match style {
        Number::Comma => write!(out, "{sign}{whole},{part:02}"),
        Number::TenThousands => {
            let cents = cents.unsigned_abs();
            write!(out, "{sign}{}.{:06}", cents / 1_000_000, cents % 1_000_000)
        }
        Number::Thousands if whole >= 1000 => write!(out, "{sign}{},{:03}.{part:02}", whole / 1000, whole % 1000),
        Number::Plain | Number::Thousands => write!(out, "{sign}{whole}.{part:02}"),
    }
}

fn encode(encoding: Encoding, text: Vec<u8>) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 => text,
        Encoding::Utf8Bom => [b"\xef\xbb\xbf".as_slice(), &text].concat(),
        Encoding::Gb18030 => gb18030(&String::from_utf8_lossy(&text)),
    }
}

/// The same few words come again and again, so each is looked up in the large table once.
fn gb18030(text: &str) -> Vec<u8> {
    let mut words: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let plain = rest.find(|letter: char| !letter.is_ascii()).unwrap_or(rest.len());
        out.extend_from_slice(&rest.as_bytes()[..plain]);
        rest = &rest[plain..];
        let word = rest.find(|letter: char| letter.is_ascii()).unwrap_or(rest.len());
        let encode = || encoding_rs::GB18030.encode(&rest[..word]).0.into_owned();
        out.extend_from_slice(words.entry(&rest[..word]).or_insert_with(encode));
        rest = &rest[word..];
    }
    out
}

/// Packs `bytes` with neither a time nor a name inside.
pub(crate) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packer = flate2::GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Vec::with_capacity(bytes.len() / 4), flate2::Compression::new(6));
    packer.write_all(bytes)?;
    Ok(packer.finish()?)
}

/// A delimited table put together by hand, as head office delivers it.
pub(crate) struct Table {
    text: String,
    /// Rows below the header.
    pub(crate) rows: u64,
}

impl Table {
    /// A table with its header.
    pub(crate) fn new(header: &str) -> Self {
        Self { text: format!("{header}\n"), rows: 0 }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: &[String; N]) {
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            if cell.contains([',', '"', '\n']) {
                self.text.push('"');
                self.text.push_str(&cell.replace('"', "\"\""));
                self.text.push('"');
            } else {
                self.text.push_str(cell);
            }
        }
        self.text.push('\n');
        self.rows += 1;
    }

    /// The file's bytes.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}

/// Cents as `1234.50`.
pub(crate) fn yuan(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
}

//! Workbooks, read cell by cell: a legal file of a kilobyte can span 17 billion cells, so a whole range is
//! never asked for, and every part of the archive is measured before it is read.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Read};

use calamine::{Data, DataRef, Ods, Reader, Xls, Xlsx};

use super::block::{BLOCK_BYTES, BLOCK_ROWS, Block, Cell, Step, refuse};
use super::compound;
use super::open::{self, Content, Part, stop_of};
use super::thread::{Outlet, ThreadSource};
use crate::config::Intake;

/// Unpacked size of any part of a workbook that is held in memory: shared texts, styles, relations.
const HELD_MAX: u64 = 64 << 20;
/// Size of a workbook that is read whole (XLS, ODS).
const WHOLE_MAX: u64 = 64 << 20;

/// Starts reading a workbook's sheet: the named one, else the first.
pub(super) fn open(part: &Part, sheet: Option<&str>, limits: &Intake) -> Step<ThreadSource> {
    let file = part.file()?;
    let content = part.content;
    if content != Content::Xls {
        measure(&file, content, part.unpacked_max)?;
    } else if file.metadata().map_err(stop_of)?.len() > WHOLE_MAX {
        return refuse(format!("the workbook is larger than {WHOLE_MAX} bytes; send it as XLSX or CSV"));
    } else {
        compound::check(&file)?;
    }
    let reader = SheetReader {
        sheet: sheet.map(str::to_string),
        columns_max: limits.columns_max,
        cells_max: limits.cells_max,
        field_max: limits.field_bytes_max,
        line_max: limits.line_bytes_max,
    };
    ThreadSource::start("workbook", move |outlet| {
        let file = BufReader::new(file);
        match content {
            Content::Xls => reader.whole::<Xls<_>>(file, outlet),
            Content::Ods => reader.whole::<Ods<_>>(file, outlet),
            _ => reader.xlsx(file, outlet),
        }
    })
}

/// Unpacks every part of the archive once, to the end, counting: what the archive says of itself can lie.
fn measure(file: &File, content: Content, unpacked_max: u64) -> Step<()> {
    let damaged = |err: &dyn std::fmt::Display| format!("the workbook cannot be read: {err}; send the file again");
    let mut archive = open::archive(file)?;
    let mut total = 0_u64;
    let mut buffer = vec![0; 64 * 1024];
    for index in 0..archive.len() {
        let mut member = match archive.by_index(index) {
            Ok(member) => member,
            Err(err) => return refuse(damaged(&err)),
        };
        let name = member.name().to_string();
        let streamed = content == Content::Xlsx && name.contains("worksheets/");
        let mut size = 0_u64;
        let mut repeats = RepeatScan::default();
        loop {
            let read = match member.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(err) if err.raw_os_error().is_some() => return Err(stop_of(err)),
                Err(err) => return refuse(damaged(&err)),
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
    }
    Ok(())
}

/// Most repetitions of one filled cell or row in ODS; each is held in memory.
const ODS_REPEAT_MAX: u64 = 100_000;

/// Finds the largest repetition of an ODS element that is not empty (`.../>` closes an empty one).
#[derive(Default)]
struct RepeatScan {
    tag: Vec<u8>,
    inside: bool,
    largest: u64,
}

impl RepeatScan {
    fn scan(&mut self, bytes: &[u8]) {
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

struct SheetReader {
    sheet: Option<String>,
    columns_max: usize,
    cells_max: u64,
    field_max: usize,
    line_max: usize,
}

impl SheetReader {
    fn name(&self, names: &[String]) -> Step<String> {
        match (&self.sheet, names.first()) {
            (None, Some(first)) => Ok(first.clone()),
            (Some(wanted), _) => match names.iter().find(|name| name.trim() == wanted.trim()) {
                Some(name) => Ok(name.clone()),
                None => refuse(format!("there is no sheet {wanted:?}; the workbook has: {}", names.join(", "))),
            },
            (None, None) => refuse("the workbook has no sheet"),
        }
    }

    fn xlsx(&self, file: BufReader<File>, outlet: &Outlet) -> Step<()> {
        let damaged = |err: calamine::XlsxError| format!("the workbook cannot be read: {err}; send the file again");
        let mut book: Xlsx<_> = match Xlsx::new(file) {
            Ok(book) => book,
            Err(err) => return refuse(damaged(err)),
        };
        let name = self.name(&book.sheet_names())?;
        let mut cells = match book.worksheet_cells_reader(&name) {
            Ok(cells) => cells,
            Err(err) => return refuse(damaged(err)),
        };
        let mut rows = Rows::new(self, outlet);
        loop {
            let cell = match cells.next_cell_with_formula_metadata() {
                Ok(Some(cell)) => cell,
                Ok(None) => break,
                Err(err) => return refuse(damaged(err)),
            };
            let (row, column) = cell.pos;
            // what such a formula gives nobody has stored, and an empty cell would be a lie
            let wanted = match (&cell.value, cell.formula.is_some()) {
                (DataRef::Empty, true) => rows.put(row, column, "formula without a stored result", Cell::Error)?,
                (value, _) => rows.take(row, column, value)?,
            };
            if !wanted {
                return Ok(());
            }
        }
        rows.finish();
        Ok(())
    }

    fn whole<R>(&self, file: BufReader<File>, outlet: &Outlet) -> Step<()>
    where
        R: Reader<BufReader<File>>,
        R::Error: std::fmt::Display,
    {
        let damaged = |err: R::Error| format!("the workbook cannot be read: {err}; send the file again");
        let mut book = match R::new(file) {
            Ok(book) => book,
            Err(err) => return refuse(damaged(err)),
        };
        let name = self.name(&book.sheet_names())?;
        let range = match book.worksheet_range(&name) {
            Ok(range) => range,
            Err(err) => return refuse(damaged(err)),
        };
        let Some((first_row, first_column)) = range.start() else { return Ok(()) };
        let mut rows = Rows::new(self, outlet);
        for (row, column, data) in range.used_cells() {
            let at = |offset: usize, first: u32| first.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
            if !rows.take(at(row, first_row), at(column, first_column), &by_ref(data))? {
                return Ok(());
            }
        }
        rows.finish();
        Ok(())
    }
}

fn by_ref(data: &Data) -> DataRef<'_> {
    match data {
        Data::Int(value) => DataRef::Int(*value),
        Data::Float(value) => DataRef::Float(*value),
        Data::String(value) => DataRef::SharedString(value),
        Data::Bool(value) => DataRef::Bool(*value),
        Data::DateTime(value) => DataRef::DateTime(*value),
        Data::DateTimeIso(value) => DataRef::DateTimeIso(value.clone()),
        Data::DurationIso(value) => DataRef::DurationIso(value.clone()),
        Data::Error(value) => DataRef::Error(value.clone()),
        Data::Empty => DataRef::Empty,
    }
}

/// Gathers cells into rows and rows into blocks.
struct Rows<'a> {
    reader: &'a SheetReader,
    outlet: &'a Outlet,
    block: Block,
    row: Option<u32>,
    cells: u64,
}

impl<'a> Rows<'a> {
    fn new(reader: &'a SheetReader, outlet: &'a Outlet) -> Self {
        Self { reader, outlet, block: Block::default(), row: None, cells: 0 }
    }

    /// Takes one cell; `false` when nobody wants more.
    fn take(&mut self, row: u32, column: u32, value: &DataRef<'_>) -> Step<bool> {
        match text_of(value) {
            Some((text, kind)) => self.put(row, column, &text, kind),
            None => Ok(true),
        }
    }

    fn put(&mut self, row: u32, column: u32, text: &str, kind: Cell) -> Step<bool> {
        let column = column as usize;
        if column >= self.reader.columns_max {
            return refuse(format!(
                "the sheet has a cell in {}{}; at most {} columns are taken",
                column_name(column),
                u64::from(row) + 1,
                self.reader.columns_max
            ));
        }
        self.cells += 1;
        if self.cells > self.reader.cells_max {
            return refuse(format!("the sheet has more than {} filled cells", self.reader.cells_max));
        }
        if self.row != Some(row) {
            if self.row.is_some_and(|last| row < last) {
                return refuse(format!("row {} of the sheet stands after a later one", u64::from(row) + 1));
            }
            let full = self.block.rows.len() >= BLOCK_ROWS || self.block.bytes.len() >= BLOCK_BYTES;
            if full && !self.outlet.give(std::mem::take(&mut self.block)) {
                return Ok(false);
            }
            self.row = Some(row);
            self.block.begin(i64::from(row) + 1);
        }
        let filled = self.block.rows.last().map_or(0, |row| row.fields);
        if column < filled {
            return refuse(format!("cell {}{} stands twice in the sheet", column_name(column), u64::from(row) + 1));
        }
        for _ in filled..column {
            self.block.push("", Cell::Text);
        }
        self.block.push_capped(text, kind, self.reader.field_max, self.reader.line_max);
        Ok(true)
    }

    fn finish(self) {
        if !self.block.rows.is_empty() {
            // at the end it is all the same whether anybody wants it
            self.outlet.give(self.block);
        }
    }
}

/// `A`, `B`, ... `XFD`
fn column_name(mut column: usize) -> String {
    let mut name = Vec::new();
    loop {
        name.push(b'A' + u8::try_from(column % 26).unwrap_or(0));
        if column < 26 {
            break;
        }
        column = column / 26 - 1;
    }
    name.reverse();
    String::from_utf8_lossy(&name).into_owned()
}

fn text_of<'a>(value: &'a DataRef<'_>) -> Option<(Cow<'a, str>, Cell)> {
    Some(match value {
        DataRef::Empty => return None,
        DataRef::Int(number) => (number.to_string().into(), Cell::Number),
        DataRef::Float(number) => (float_text(*number).into(), Cell::Number),
        DataRef::String(text) | DataRef::DurationIso(text) => (text.into(), Cell::Text),
        DataRef::SharedString(text) => (Cow::Borrowed(*text), Cell::Text),
        DataRef::Bool(flag) => (flag.to_string().into(), Cell::Canonical),
        DataRef::DateTime(at) if at.is_duration() => (float_text(at.as_f64()).into(), Cell::Number),
        DataRef::DateTime(at) => {
            let (year, month, day, hour, minute, second, milli) = at.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            let midnight = (hour, minute, second, milli) == (0, 0, 0, 0);
            let text = if midnight { date } else { format!("{date} {hour:02}:{minute:02}:{second:02}.{milli:03}") };
            (text.into(), Cell::Canonical)
        }
        DataRef::DateTimeIso(text) => (text.into(), Cell::Canonical),
        DataRef::Error(error) => (error.to_string().into(), Cell::Error),
    })
}

/// A float as people see it: the 15 significant digits that Excel shows, without exponent.
pub(super) fn float_text(number: f64) -> String {
    let rounded = format!("{number:.14e}").parse::<f64>().unwrap_or(number);
    format!("{rounded}")
}

#[cfg(test)]
mod tests;

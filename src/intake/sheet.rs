//! Workbooks, read cell by cell: a legal file of a kilobyte can span 17 billion cells, so a whole range is
//! never asked for, and every part of the archive is measured before it is read.

mod measure;

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Read, Seek};

use calamine::{Data, DataRef, Ods, Reader, Sheet, SheetType, SheetVisible, Xls, Xlsx};
use chrono::NaiveDate;

use super::block::{BLOCK_BYTES, BLOCK_ROWS, Block, Cell, Step, refuse};
use super::compound;
use super::header::{Wanted, shown};
use super::open::{Content, Part, stop_of};
use super::thread::{Outlet, ThreadSource};
use crate::config::Intake;
use measure::Said;

/// Size of a workbook that is read whole (XLS, ODS).
const WHOLE_MAX: u64 = 64 << 20;

/// Starts reading a workbook's sheet: the named one, else the first that people see and that holds what is wanted.
pub(super) fn open(part: &Part, sheet: Option<&str>, wanted: Wanted, limits: &Intake) -> Step<ThreadSource> {
    let file = part.file()?;
    let content = part.content;
    let mut said = Said::default();
    if content != Content::Xls {
        said = measure::measure(&file, content, part.unpacked_max)?;
    } else if file.metadata().map_err(stop_of)?.len() > WHOLE_MAX {
        return refuse(format!("the workbook is larger than {WHOLE_MAX} bytes; send it as XLSX or CSV"));
    } else {
        compound::check(&file)?;
    }
    let reader = SheetReader {
        sheet: sheet.map(str::to_string),
        wanted,
        said,
        columns_max: limits.columns_max,
        cells_max: limits.cells_max,
        field_max: limits.field_bytes_max,
        line_max: limits.line_bytes_max,
    };
    ThreadSource::start("workbook", move |outlet| match content {
        Content::Xls => reader.whole::<_, Xls<_>>(BufReader::new(file), false, outlet),
        Content::Ods => reader.whole::<_, Ods<_>>(measure::without_indents(&file)?, true, outlet),
        _ => reader.xlsx(BufReader::new(file), outlet),
    })
}

/// What to do about a workbook that its reader gives up. The reader's own words are for the log.
fn damaged(err: &dyn std::fmt::Display) -> String {
    let text = err.to_string();
    tracing::debug!(%text, "a workbook cannot be read");
    let lower = text.to_lowercase();
    if lower.contains("password") || lower.contains("codepage") {
        "the workbook is protected by a password, or its text is in a code page that is not known; save it without a \
         password as XLSX"
            .into()
    } else if lower.contains("sheet:type") {
        "the workbook has a macro sheet (Excel 4), which is not read; save the data alone as XLSX or CSV".into()
    } else {
        "the workbook is damaged or written in a way that is not read; save it anew as XLSX or CSV and send it again"
            .into()
    }
}

struct SheetReader {
    sheet: Option<String>,
    wanted: Wanted,
    said: Said,
    columns_max: usize,
    cells_max: u64,
    field_max: usize,
    line_max: usize,
}

impl SheetReader {
    /// The sheet that is read. Of several, `fits` says which hold what is wanted.
    fn choose(&self, sheets: &[Sheet], outlet: &Outlet, mut fits: impl FnMut(&str) -> bool) -> Step<String> {
        let listed = || {
            let named = sheets.iter().map(|sheet| match sheet.visible {
                SheetVisible::Visible => shown(&sheet.name),
                _ => format!("{} (hidden)", shown(&sheet.name)),
            });
            named.collect::<Vec<_>>().join(", ")
        };
        if let Some(wanted) = &self.sheet {
            return match sheets.iter().find(|sheet| sheet.name.trim() == wanted.trim()) {
                Some(sheet) => Ok(sheet.name.clone()),
                None => refuse(format!("there is no sheet {wanted:?}; the workbook has: {}", listed())),
            };
        }
        let seen = |sheet: &&Sheet| sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet;
        let visible: Vec<&str> = sheets.iter().filter(seen).map(|sheet| sheet.name.as_str()).collect();
        let (Some(first), more) = (visible.first(), sheets.len() > 1) else {
            return refuse(match sheets.len() {
                0 => "the workbook has no sheet".into(),
                _ => format!("every sheet of the workbook is hidden: {}; name the one to read by `sheet`", listed()),
            });
        };
        if !more {
            return Ok((*first).to_string());
        }
        let fitting: Vec<&str> = visible.iter().copied().filter(|name| fits(name)).collect();
        let chosen = fitting.first().unwrap_or(first);
        outlet.note(format!("the workbook has {} sheets: {}; read: {}", sheets.len(), listed(), shown(chosen)));
        outlet.chose(chosen);
        if fitting.len() > 1 {
            let fitting: Vec<String> = fitting.iter().map(|name| shown(name)).collect();
            outlet.note(format!(
                "the sheets {} all hold what is wanted, and only the first of them was read: name it by `sheet`, or have \
                 them put into one",
                fitting.join(", ")
            ));
        }
        Ok((*chosen).to_string())
    }

    fn empty<T>(&self, name: &str, sheets: &[Sheet]) -> Step<T> {
        let others: Vec<String> =
            sheets.iter().filter(|sheet| sheet.name != name).map(|sheet| shown(&sheet.name)).collect();
        let others =
            if others.is_empty() { String::new() } else { format!("; the workbook also has: {}", others.join(", ")) };
        refuse(format!("the sheet {:?} is empty{others}", shown(name)))
    }

    fn xlsx(&self, file: BufReader<File>, outlet: &Outlet) -> Step<()> {
        let mut book: Xlsx<_> = match Xlsx::new(file) {
            Ok(book) => book,
            Err(err) => return refuse(damaged(&err)),
        };
        let sheets = book.sheets_metadata().to_vec();
        let name = self.choose(&sheets, outlet, |name| {
            let Ok(mut cells) = book.worksheet_cells_reader(name) else { return false };
            let mut head = Head::new(&self.wanted);
            while let Ok(Some(cell)) = cells.next_cell() {
                let (row, column) = cell.get_position();
                if head.ends(row, column, cell.get_value()) {
                    break;
                }
            }
            head.fits()
        })?;
        let mut cells = match book.worksheet_cells_reader(&name) {
            Ok(cells) => cells,
            Err(err) => return refuse(damaged(&err)),
        };
        let mut rows = Rows::new(self, outlet);
        loop {
            let cell = match cells.next_cell_with_formula_metadata() {
                Ok(Some(cell)) => cell,
                Ok(None) => break,
                Err(err) => return refuse(damaged(&err)),
            };
            let (row, column) = cell.pos;
            // what such a formula gives nobody has stored, and an empty cell would be a lie
            let wanted = match (&cell.value, cell.formula.is_some()) {
                (DataRef::Empty, true) => rows.put(row, column, NO_RESULT, Cell::Error)?,
                (_, true) if self.said.recalculates => rows.put(row, column, STALE_RESULT, Cell::Error)?,
                (value, _) => rows.take(row, column, value)?,
            };
            if !wanted {
                return Ok(());
            }
        }
        if rows.cells == 0 {
            return self.empty(&name, &sheets);
        }
        rows.finish();
        Ok(())
    }

    fn whole<S, R>(&self, file: S, formulas: bool, outlet: &Outlet) -> Step<()>
    where
        S: Read + Seek,
        R: Reader<S>,
        R::Error: std::fmt::Display,
    {
        let mut book = match R::new(file) {
            Ok(book) => book,
            Err(err) => return refuse(damaged(&err)),
        };
        let sheets = book.sheets_metadata().to_vec();
        let name = self.choose(&sheets, outlet, |name| {
            let Ok(range) = book.worksheet_range(name) else { return false };
            let mut head = Head::new(&self.wanted);
            for (row, column, data) in range.used_cells() {
                if head.ends(offset(0, row), offset(0, column), &by_ref(data)) {
                    break;
                }
            }
            head.fits()
        })?;
        let range = match book.worksheet_range(&name) {
            Ok(range) => range,
            Err(err) => return refuse(damaged(&err)),
        };
        // places of formulas that have no value
        let mut bare = Vec::new();
        if formulas && let Ok(formulas) = book.worksheet_formula(&name) {
            let (first_row, first_column) = formulas.start().unwrap_or_default();
            for (row, column, formula) in formulas.used_cells() {
                let place = (offset(first_row, row), offset(first_column, column));
                if !formula.is_empty() && range.get_value(place).is_none_or(|data| *data == Data::Empty) {
                    bare.push(place);
                }
            }
        }
        let mut bare = bare.into_iter().peekable();
        let mut rows = Rows::new(self, outlet);
        let (first_row, first_column) = range.start().unwrap_or_default();
        for (row, column, data) in range.used_cells() {
            let place = (offset(first_row, row), offset(first_column, column));
            while let Some((row, column)) = bare.next_if(|before| *before < place) {
                if !rows.put(row, column, NO_RESULT, Cell::Error)? {
                    return Ok(());
                }
            }
            if !rows.take(place.0, place.1, &by_ref(data))? {
                return Ok(());
            }
        }
        for (row, column) in bare {
            if !rows.put(row, column, NO_RESULT, Cell::Error)? {
                return Ok(());
            }
        }
        if rows.cells == 0 {
            return self.empty(&name, &sheets);
        }
        rows.finish();
        Ok(())
    }
}

const NO_RESULT: &str = "formula without a stored result";
/// Midnight as `SheetJS` writes it where local time was 8:05:43 ahead in 1899, and JavaScript counts that in minutes.
const EARLY: &str = " 23:59:17.000";
const STALE_RESULT: &str = "formula whose result waits for a calculation";

fn offset(first: u32, offset: usize) -> u32 {
    first.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX))
}

/// The first rows of a sheet, looked at for a header.
struct Head<'a> {
    wanted: &'a Wanted,
    row: Option<u32>,
    names: Vec<String>,
    fits: bool,
    cells: usize,
}

impl<'a> Head<'a> {
    /// Cells that are looked at.
    const CELLS: usize = 10_000;

    fn new(wanted: &'a Wanted) -> Self {
        Self { wanted, row: None, names: Vec::new(), fits: false, cells: 0 }
    }

    /// Adds a cell; whether the look ends with it.
    fn ends(&mut self, row: u32, _: u32, value: &DataRef<'_>) -> bool {
        if self.row != Some(row) {
            if self.wanted.fits(&std::mem::take(&mut self.names)) {
                self.fits = true;
                return true;
            }
            self.row = Some(row);
        }
        self.cells += 1;
        self.names.extend(text_of(value).map(|(text, _)| text.into_owned()));
        self.cells > Self::CELLS
    }

    fn fits(self) -> bool {
        self.fits || self.wanted.fits(&self.names)
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
    /// Midnights that were found 43 seconds early.
    early: u64,
}

impl<'a> Rows<'a> {
    fn new(reader: &'a SheetReader, outlet: &'a Outlet) -> Self {
        Self { reader, outlet, block: Block::default(), row: None, cells: 0, early: 0 }
    }

    /// Takes one cell; `false` when nobody wants more.
    fn take(&mut self, row: u32, column: u32, value: &DataRef<'_>) -> Step<bool> {
        match text_of(value) {
            Some((text, Cell::Canonical)) if self.reader.said.by_sheetjs && text.ends_with(EARLY) => {
                let day = text.get(..10).and_then(|day| day.parse::<NaiveDate>().ok()).and_then(|day| day.succ_opt());
                self.early += 1;
                self.put(row, column, &day.map_or(text, |day| day.to_string().into()), Cell::Canonical)
            }
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
        if self.early > 0 {
            self.outlet.note(format!(
                "SheetJS wrote this workbook, which in China puts every time 43 seconds early: {} dates at 23:59:17 were read \
                 as the day after, other times were left as they are; SheetJS 0.20 writes them right",
                self.early
            ));
        }
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
        // a cell has no zone: an offset behind a local time is what some writers add to it
        DataRef::DateTimeIso(text) => (without_offset(text).into(), Cell::Canonical),
        DataRef::Error(error) => (error.to_string().into(), Cell::Error),
    })
}

/// An ISO time without `Z`, `+08:00` or `+0800` behind it.
fn without_offset(text: &str) -> &str {
    let time = text.find(['T', ' ']).map_or(text.len(), |at| at + 1);
    let offset = text[time..].find(['Z', 'z', '+', '-']);
    offset.map_or(text, |offset| &text[..time + offset])
}

/// A float as people see it: the 15 significant digits that Excel shows, without exponent.
pub(super) fn float_text(number: f64) -> String {
    let rounded = format!("{number:.14e}").parse::<f64>().unwrap_or(number);
    format!("{rounded}")
}

#[cfg(test)]
mod tests;

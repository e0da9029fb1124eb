//! A mart as a workbook: its rows on as many sheets as they need, and a sheet of what its columns mean.

use arrow::record_batch::RecordBatch;
use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::cell::{Cell, cell};
use crate::error::{Error, Result};
use crate::models::Model;
use crate::models::sidecar::{Additive, Column};
use crate::models::types::ColumnType;

/// Rows of a sheet, its header among them.
const ROWS_MAX: u32 = 1_048_576;
/// Longest name of a sheet.
const NAME_CHARS: usize = 31;

/// The workbook's bytes; it says that it was made `at`, so that the same night gives the same bytes.
pub(super) fn xlsx(model: &Model, rows: &[RecordBatch], zone: Tz, at: DateTime<Utc>) -> Result<Vec<u8>> {
    Book { model, zone, rows_max: ROWS_MAX }.write(rows, at)
}

struct Book<'a> {
    model: &'a Model,
    zone: Tz,
    rows_max: u32,
}

/// How the cells of a column are shown.
struct Look {
    number: Format,
    text: Format,
    day: Format,
    instant: Format,
}

impl Look {
    fn of(column: &Column) -> Self {
        let number = match column.kind {
            ColumnType::Decimal(_, places) => {
                format!("#,##0.{}", "0".repeat(usize::try_from(places.max(1)).unwrap_or(1)))
            }
            ColumnType::Double if column.unit.as_deref() == Some("fraction") => "0.0%".to_string(),
            ColumnType::Double => "#,##0.00####".to_string(),
            _ => "0".to_string(),
        };
        Self {
            number: Format::new().set_num_format(number),
            text: Format::new().set_num_format("@"),
            day: Format::new().set_num_format("yyyy-mm-dd"),
            instant: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss.000"),
        }
    }
}

impl Book<'_> {
    fn write(&self, rows: &[RecordBatch], at: DateTime<Utc>) -> Result<Vec<u8>> {
        let failed = |err: XlsxError| Error::bug(format!("{} cannot be written as a workbook", self.model.name)).because(err);
        let mut book = Workbook::new();
        let made = ExcelDateTime::from_timestamp(at.timestamp()).map_err(failed)?;
        book.set_properties(&DocProperties::new().set_creation_datetime(&made));
        let looks: Vec<Look> = self.model.columns().iter().map(Look::of).collect();
        let mut sheets = vec![self.sheet(1).map_err(failed)?];
        let mut line = 1;
        for batch in rows {
            for row in 0..batch.num_rows() {
                if line == self.rows_max {
                    sheets.push(self.sheet(sheets.len() + 1).map_err(failed)?);
                    line = 1;
                }
                let Some(sheet) = sheets.last_mut() else { continue };
                for ((place, look), column) in (0_u16..).zip(&looks).zip(batch.columns()) {
                    let about = &self.model.columns()[usize::from(place)];
                    let value = cell(column, row, self.zone)?;
                    self.put(sheet, (line, place), &value, about, look).map_err(failed)?;
                }
                line += 1;
            }
        }
        for mut sheet in sheets {
            let last = u16::try_from(looks.len().saturating_sub(1)).unwrap_or(u16::MAX);
            sheet.autofilter(0, 0, 0, last).map_err(failed)?;
            book.push_worksheet(sheet);
        }
        book.push_worksheet(self.meanings().map_err(failed)?);
        book.save_to_buffer().map_err(failed)
    }

    /// An empty sheet under the names of the columns.
    fn sheet(&self, number: usize) -> std::result::Result<Worksheet, XlsxError> {
        let mut sheet = Worksheet::new();
        let suffix = if number == 1 { String::new() } else { format!(" {number}") };
        let room = NAME_CHARS - suffix.len();
        sheet.set_name(self.model.name.chars().take(room).collect::<String>() + &suffix)?;
        let bold = Format::new().set_bold();
        for (place, column) in (0_u16..).zip(self.model.columns()) {
            sheet.write_string_with_format(0, place, self.header(column), &bold)?;
            sheet.set_column_width(place, 16)?;
        }
        sheet.set_freeze_panes(1, 0)?;
        Ok(sheet)
    }

    /// A spreadsheet's clock has no zone: the header says whose it is.
    fn header(&self, column: &Column) -> String {
        match column.kind {
            ColumnType::Timestamp => format!("{} ({})", column.name, self.zone.name()),
            _ => column.name.clone(),
        }
    }

    fn put(
        &self,
        sheet: &mut Worksheet,
        (line, place): (u32, u16),
        value: &Cell,
        column: &Column,
        look: &Look,
    ) -> std::result::Result<(), XlsxError> {
        if let Some(number) = value.number() {
            sheet.write_number_with_format(line, place, number, &look.number)?;
            return Ok(());
        }
        match (value, value.day()) {
            // A reader that guesses types takes a column of codes for numbers unless a cell is none.
            (Cell::Nothing, _) if column.kind == ColumnType::Text && self.model.sidecar.key.contains(&column.name) => {
                sheet.write_string_with_format(line, place, "-", &look.text)?;
            }
            (Cell::Nothing, _) => {}
            (Cell::Truth(truth), _) => {
                sheet.write_boolean(line, place, *truth)?;
            }
            (Cell::Day(_), Some(day)) => {
                let (year, month, date) = parts(day);
                let shown = ExcelDateTime::from_ymd(year, month, date)?;
                sheet.write_datetime_with_format(line, place, &shown, &look.day)?;
            }
            (Cell::Instant(at), Some(day)) => {
                let (year, month, date) = parts(day);
                let hour = u16::try_from(at.hour()).unwrap_or_default();
                let minute = u8::try_from(at.minute()).unwrap_or_default();
                let seconds = f64::from(at.second()) + f64::from(at.nanosecond() / 1_000_000 % 1000) / 1000.0;
                let shown = ExcelDateTime::from_ymd(year, month, date)?.and_hms(hour, minute, seconds)?;
                sheet.write_datetime_with_format(line, place, &shown, &look.instant)?;
            }
            _ => {
                sheet.write_string_with_format(line, place, value.text(), &look.text)?;
            }
        }
        Ok(())
    }

    /// What the columns mean, in both languages.
    fn meanings(&self) -> std::result::Result<Worksheet, XlsxError> {
        let mut sheet = Worksheet::new();
        // No mart is called so: names of models are lower case.
        sheet.set_name("Columns 字段")?;
        let bold = Format::new().set_bold();
        let titles = [("Column 字段", 28), ("Type 类型", 14), ("Unit 单位", 18), ("Adds up 可加总", 18), ("English", 70), ("中文", 70)];
        for (place, (title, width)) in (0_u16..).zip(titles) {
            sheet.write_string_with_format(0, place, title, &bold)?;
            sheet.set_column_width(place, width)?;
        }
        for (line, column) in (1_u32..).zip(self.model.columns()) {
            let adds_up = column.additive.as_ref().map(Additive::to_string).unwrap_or_default();
            let cells = [
                column.name.clone(),
                column.kind.to_string(),
                column.unit.clone().unwrap_or_default(),
                adds_up,
                column.en.clone(),
                column.zh.clone(),
            ];
            for (place, text) in (0_u16..).zip(cells) {
                sheet.write_string(line, place, text)?;
            }
        }
        sheet.set_freeze_panes(1, 0)?;
        Ok(sheet)
    }
}

fn parts(day: chrono::NaiveDate) -> (u16, u8, u8) {
    let year = u16::try_from(day.year()).unwrap_or_default();
    (year, u8::try_from(day.month()).unwrap_or_default(), u8::try_from(day.day()).unwrap_or_default())
}

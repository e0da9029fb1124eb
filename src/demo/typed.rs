//! Records in files that know types: Excel workbooks and Parquet, without clocks or chance inside.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use chrono::{FixedOffset, NaiveDate, NaiveDateTime, TimeZone, Timelike, Utc};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format as CellFormat, Workbook, XlsxError};

use super::World;
use super::dialect::{Column, Dialect, Field};
use super::values::{Record, Value, value};
use crate::error::{Error, Result};

/// Partners of the demo live eight hours before UTC.
const OFFSET_SECONDS: i32 = 8 * 3600;

/// A workbook with one sheet: title lines, header, rows, total line.
pub(crate) fn workbook(
    world: &World,
    dialect: &Dialect,
    columns: &[Column],
    records: &[Record<'_>],
    known_until: i64,
) -> Result<Vec<u8>> {
    write_workbook(world, dialect, columns, records, known_until)
        .map_err(|err| Error::bug("workbook cannot be written").because(err))
}

fn write_workbook(
    world: &World,
    dialect: &Dialect,
    columns: &[Column],
    records: &[Record<'_>],
    known_until: i64,
) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let created = ExcelDateTime::from_ymd(2020, 1, 1)?.and_hms(0, 0, 0)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&created));
    let day_format = CellFormat::new().set_num_format("yyyy-mm-dd");
    let moment_format = CellFormat::new().set_num_format("yyyy-mm-dd hh:mm:ss");
    let sheet = book.add_worksheet();
    sheet.set_name("销售明细")?;
    let mut row = 0u32;
    for title in dialect.preamble {
        sheet.write_string(row, 0, *title)?;
        row += 1;
    }
    for (at, (header, _)) in (0u16..).zip(columns) {
        sheet.write_string(row, at, *header)?;
    }
    for record in records {
        row += 1;
        for (at, (_, field)) in (0u16..).zip(columns) {
            match value(world, *record, *field, known_until) {
                Value::Nothing => {}
                Value::Text(text) => {
                    sheet.write_string(row, at, text)?;
                }
                Value::Made(text) => {
                    sheet.write_string(row, at, text)?;
                }
                Value::Whole(number) => {
                    sheet.write_number(row, at, plain(number))?;
                }
                // The dialect's workbooks state money in 万元: a million cents.
                Value::Money(cents) => {
                    sheet.write_number(row, at, plain(cents) / 1_000_000.0)?;
                }
                Value::Day(date) => {
                    sheet.write_number_with_format(row, at, serial(date.into()), &day_format)?;
                }
                Value::Moment(moment) => {
                    sheet.write_number_with_format(row, at, serial(moment), &moment_format)?;
                }
            }
        }
    }
    if let Some(total) = dialect.total {
        row += 1;
        sheet.write_string(row, 0, total)?;
        for (at, (_, field)) in (0u16..).zip(columns) {
            if *field == Field::Quantity {
                let units: i64 = records
                    .iter()
                    .map(|record| match value(world, *record, *field, known_until) {
                        Value::Whole(units) => units,
                        _ => 0,
                    })
                    .sum();
                sheet.write_number(row, at, plain(units))?;
            }
        }
    }
    book.save_to_buffer()
}

/// Excel's count of days.
fn serial(moment: NaiveDateTime) -> f64 {
    let zero = super::calendar::date(1899, 12, 30);
    let seconds = moment.time().num_seconds_from_midnight();
    plain((moment.date() - zero).num_days()) + f64::from(seconds) / 86_400.0
}

#[expect(clippy::cast_precision_loss, reason = "quantities and cents are far below 2^53")]
fn plain(number: i64) -> f64 {
    number as f64
}

/// A Parquet file: money as decimal(18,4), moments in UTC.
pub(crate) fn parquet(world: &World, columns: &[Column], records: &[Record<'_>], known_until: i64) -> Result<Vec<u8>> {
    let mut arrays: Vec<(&str, ArrayRef, bool)> = Vec::new();
    for (name, field) in columns {
        let values = records.iter().map(|record| value(world, *record, *field, known_until));
        arrays.push((*name, column(*field, values)?, true));
    }
    let batch = RecordBatch::try_from_iter_with_nullable(arrays)?;
    let level = ZstdLevel::try_new(3)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_created_by("tianhe export".into())
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(bytes)
}

fn column<'a>(field: Field, values: impl Iterator<Item = Value<'a>>) -> Result<ArrayRef> {
    Ok(match field {
        Field::Line | Field::Quantity | Field::OnHand | Field::OnOrder => {
            Arc::new(values.map(|value| whole(&value)).collect::<Int64Array>())
        }
        Field::Price | Field::Discount | Field::UnitCost => {
            let cents: Decimal128Array = values.map(|value| money(&value)).collect();
            Arc::new(cents.with_precision_and_scale(18, 4)?)
        }
        Field::SoldAt => {
            let moments: TimestampMicrosecondArray = values.map(|value| micros(&value)).collect();
            Arc::new(moments.with_timezone("UTC"))
        }
        Field::Promised | Field::Delivered | Field::CountedOn | Field::Oldest => {
            Arc::new(values.map(|value| day(&value)).collect::<Date32Array>())
        }
        _ => Arc::new(values.map(written).collect::<StringArray>()),
    })
}

fn whole(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Whole(number) => Some(*number),
        _ => None,
    }
}

/// Cents with four decimals.
fn money(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Money(cents) => Some(i128::from(*cents) * 100),
        _ => None,
    }
}

fn micros(value: &Value<'_>) -> Option<i64> {
    let Value::Moment(moment) = value else { return None };
    let zone = FixedOffset::east_opt(OFFSET_SECONDS)?;
    let local = zone.from_local_datetime(moment).single()?;
    Some(local.with_timezone(&Utc).timestamp_micros())
}

fn day(value: &Value<'_>) -> Option<i32> {
    match value {
        Value::Day(date) => i32::try_from((*date - NaiveDate::default()).num_days()).ok(),
        _ => None,
    }
}

fn written(value: Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        Value::Made(text) => Some(text),
        _ => None,
    }
}

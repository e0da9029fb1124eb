//! The kernels' callers: one canonical column of a batch, each field read from its slice by the column's type.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Array, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};

use super::batch::{Batch, Wrong};
use super::block::Cell;
use super::cells::{bare, is_code, is_error_text, is_missing, join, lost_digits, shape};
use super::period::canonical;
use super::plan::{Origin, Planned};
use crate::contract::ColumnType;
use crate::grammar::date::{DateFault, Moment, Zone, day_of, read_iso};
use crate::grammar::number::{NumberFault, NumberStyle, show};
use crate::grammar::text::{fold_code, fold_width};
use crate::sender::{Equals, SenderFeed};

/// The zone of a column's clock, and the one whose days are business days where that is another.
pub(super) struct Zones<'a> {
    pub clock: &'a mut Zone,
    pub days: Option<&'a Zone>,
}

impl Zones<'_> {
    /// An instant and its business day. What has no time of day is a business day already.
    #[inline]
    fn instant(&mut self, moment: Moment) -> Result<(i64, i32), DateFault> {
        let (utc, day) = self.clock.instant(moment)?;
        Ok((utc, self.days.filter(|_| moment.timed).map_or(day, |days| days.local_day(utc))))
    }
}

pub(super) fn decimals(values: Vec<Option<i128>>, planned: &Planned<'_>) -> ArrayRef {
    let (precision, scale) = match planned.column.column_type {
        ColumnType::Decimal(precision, scale) => (precision, scale),
        _ => (18, 0),
    };
    let array = Decimal128Array::from(values).with_precision_and_scale(precision, scale);
    Arc::new(array.expect("the contract's precision and scale were checked when it was read"))
}

/// Reads a column. `days` takes the business day of every record, where the column gives it.
pub(super) fn read_column(
    planned: &Planned<'_>,
    feed: &SenderFeed,
    zones: &mut Zones<'_>,
    batch: &mut Batch<'_>,
    days: Option<&mut Vec<Option<i32>>>,
) -> ArrayRef {
    let count = batch.rows.len();
    let mut ignored = Vec::new();
    let days = days.unwrap_or(&mut ignored);
    match planned.column.column_type {
        ColumnType::Text => {
            let mut out = StringBuilder::with_capacity(count, count * 12);
            for at in 0..count {
                let text = value(planned, feed, batch, at);
                out.append_option(text.and_then(|(text, cell)| {
                    let Some(wrong) = lost_digits(&text, cell, planned) else {
                        return Some(if is_code(planned) { fold_code(text) } else { text });
                    };
                    batch.fault(at, &planned.column.name, wrong, &text);
                    None
                }));
            }
            Arc::new(out.finish())
        }
        ColumnType::Period => {
            let mut out = StringBuilder::with_capacity(count, count * 8);
            each(
                planned,
                feed,
                batch,
                |text, _| period_of(text),
                |period: Option<(String, i32)>| {
                    days.push(period.as_ref().map(|(_, day)| *day));
                    out.append_option(period.map(|(name, _)| name));
                },
            );
            Arc::new(out.finish())
        }
        ColumnType::BigInt => {
            let mut out = Int64Builder::with_capacity(count);
            for at in 0..count {
                let digits = number(planned, feed, batch, at);
                // eighteen digits, as the style allows, always fit
                out.append_option(digits.and_then(|digits| i64::try_from(digits).ok()));
            }
            Arc::new(out.finish())
        }
        ColumnType::Decimal(..) => decimals((0..count).map(|at| number(planned, feed, batch, at)).collect(), planned),
        ColumnType::Double => {
            let mut out = Float64Builder::with_capacity(count);
            for at in 0..count {
                let digits = number(planned, feed, batch, at);
                out.append_option(digits.and_then(|digits| show(digits, planned.style.scale).parse().ok()));
            }
            Arc::new(out.finish())
        }
        ColumnType::Date => {
            let mut out = Date32Builder::with_capacity(count);
            let read = |text: &str, cell| {
                let day = moment(planned, text, cell).and_then(|moment| date(moment, zones.clock));
                day.map_err(|fault| fault_of_date(fault, planned, text, cell))
            };
            each(planned, feed, batch, read, |day| {
                days.push(day);
                out.append_option(day);
            });
            Arc::new(out.finish())
        }
        ColumnType::Timestamp => {
            let mut out = TimestampMicrosecondBuilder::with_capacity(count).with_timezone("UTC");
            let read = |text: &str, cell| {
                let instant = moment(planned, text, cell).and_then(|moment| zones.instant(moment));
                instant.map_err(|fault| fault_of_date(fault, planned, text, cell))
            };
            each(planned, feed, batch, read, |instant: Option<(i64, i32)>| {
                days.push(instant.map(|(_, day)| day));
                out.append_option(instant.map(|(utc, _)| utc));
            });
            Arc::new(out.finish())
        }
        ColumnType::Boolean => {
            let mut out = BooleanBuilder::with_capacity(count);
            each(planned, feed, batch, |text, _| truth(text), |flag| out.append_option(flag));
            Arc::new(out.finish())
        }
    }
}

/// Reads every record's text with one kernel. What it refuses is a fault of the record.
#[inline]
fn each<T>(
    planned: &Planned<'_>,
    feed: &SenderFeed,
    batch: &mut Batch<'_>,
    mut read: impl FnMut(&str, Cell) -> Result<T, Wrong>,
    mut put: impl FnMut(Option<T>),
) {
    for at in 0..batch.rows.len() {
        let text = value(planned, feed, batch, at);
        put(text.and_then(|(text, cell)| match read(&text, cell) {
            Ok(value) => Some(value),
            Err(wrong) => {
                batch.fault(at, &planned.column.name, wrong, &text);
                None
            }
        }));
    }
}

/// The text that a column is read from, after what the mapping does to it. `None` is NULL; a required
/// column without a text is a fault.
#[inline]
fn value<'r, 'b: 'r>(
    planned: &'r Planned<'_>,
    feed: &SenderFeed,
    batch: &mut Batch<'b>,
    at: usize,
) -> Option<(Cow<'r, str>, Cell)> {
    if batch.void[at] {
        return None;
    }
    let (mut text, mut cell): (Cow<'r, str>, Cell) = match &planned.origin {
        Origin::Field(field) => {
            let (block, text) = (batch.block, batch.text);
            let row = &block.rows[batch.rows[at]];
            match block.range(row, *field) {
                Some((from, to)) => (Cow::Borrowed(bare(&text[from..to], feed)), block.cell(row, *field)),
                None => (Cow::Borrowed(""), Cell::Text),
            }
        }
        Origin::Fixed(text, cell) => (Cow::Borrowed(text.as_str()), *cell),
        Origin::Joined(fields, between) => {
            let joined = join(fields, between, feed, batch.block, batch.text, batch.rows[at]);
            joined.unwrap_or((Cow::Borrowed(""), Cell::Text))
        }
        Origin::RowNumber | Origin::Amount(..) | Origin::Nothing => (Cow::Borrowed(""), Cell::Text),
    };
    let mut missing = is_missing(&text, feed);
    if missing
        && let Some(place) = planned.carried
        && let Some((above, kind)) = batch.carried[place][at].clone()
    {
        (text, cell, missing) = (Cow::Owned(above), kind, false);
    }
    if cell == Cell::Text && text.starts_with("=\"") && text.len() > 2 && text.ends_with('"') {
        // how a spreadsheet is made to keep the leading zeros of a text
        text = Cow::Owned(text[2..text.len() - 1].to_string());
    }
    if !missing
        && (matches!(cell, Cell::Error | Cell::Bytes | Cell::Nested) || cell == Cell::Text && is_error_text(&text))
    {
        let wrong = match cell {
            Cell::Bytes => ("binary_value", "text, or numbers and dates of their own types".into()),
            Cell::Nested => ("nested_value", "one plain value a row".into()),
            _ => ("error_cell", "a value, not an error of the workbook".into()),
        };
        batch.fault(at, &planned.column.name, wrong, &text);
        return None;
    }
    if missing {
        if let Some(default) = &planned.default {
            return Some((Cow::Borrowed(default.as_str()), Cell::Canonical));
        }
        if planned.column.required && planned.column.default_from.is_none() {
            let reason = if planned.in_key { "missing_key" } else { "missing_value" };
            let expected = if planned.for_absent {
                format!("a {}, since other rows have one (or declare carry_down = true)", planned.column.name)
            } else {
                format!("a {}", planned.column.column_type)
            };
            batch.fault(at, &planned.column.name, (reason, expected), &text);
        }
        return None;
    }
    if !planned.shaped {
        return Some((text, cell));
    }
    match shape(planned, &text, cell) {
        Ok((text, cell)) => Some((Cow::Owned(text), cell)),
        Err(wrong) => {
            batch.fault(at, &planned.column.name, wrong, &text);
            None
        }
    }
}

pub(super) fn number(planned: &Planned<'_>, feed: &SenderFeed, batch: &mut Batch<'_>, at: usize) -> Option<i128> {
    let (text, cell) = value(planned, feed, batch, at)?;
    let read = match cell {
        Cell::Text => planned.style.read(text.as_bytes()),
        _ => planned.style.read_canonical(text.as_bytes()),
    };
    match read {
        Ok(digits) => Some(match planned.negate_if {
            Some((field, condition)) if holds(condition, batch, at, field) => -digits,
            _ => digits,
        }),
        Err(fault) => {
            batch.fault(at, &planned.column.name, fault_of_number(fault, &planned.style), &text);
            None
        }
    }
}

fn holds(condition: &Equals, batch: &Batch<'_>, at: usize, field: usize) -> bool {
    let range = batch.block.range(batch.row(at), field);
    range.is_some_and(|(from, to)| condition.holds(batch.text[from..to].trim()))
}

fn moment(planned: &Planned<'_>, text: &str, cell: Cell) -> Result<Moment, DateFault> {
    let text = text.as_bytes();
    match cell {
        // a number cell is a date only where the mapping says that it is a serial number
        Cell::Number => (planned.patterns.iter().find(|pattern| pattern.is_serial()))
            .map_or(Err(DateFault::Malformed), |pattern| pattern.read(text)),
        Cell::Text if !planned.patterns.is_empty() => {
            let mut best = Err(DateFault::Malformed);
            for pattern in planned.patterns {
                let read = pattern.read(text);
                if read.is_ok() {
                    return read;
                }
                if best == Err(DateFault::Malformed) {
                    best = read;
                }
            }
            best
        }
        _ if text.is_ascii() => read_iso(text),
        _ => read_iso(fold_width(std::str::from_utf8(text).map_err(|_| DateFault::Malformed)?).as_bytes()),
    }
}

/// A date, where the text has no other time than midnight in the sender's zone.
fn date(moment: Moment, zone: &mut Zone) -> Result<i32, DateFault> {
    let (mut day, mut micros) = (moment.day, moment.micros);
    if moment.offset.is_some() {
        let (utc, local) = zone.instant(moment)?;
        let (midnight, _) = zone.instant(Moment { day: local, micros: 0, offset: None, timed: true })?;
        (day, micros) = (local, utc - midnight);
    }
    if micros == 0 { Ok(day) } else { Err(DateFault::DroppedTime) }
}

fn period_of(text: &str) -> Result<(String, i32), Wrong> {
    let read = canonical(fold_width(text).trim());
    let wrong = || ("malformed_period", "a period: YYYY, YYYY-Qn or YYYY-MM".to_string());
    read.map(|(name, first)| (name, day_of(first))).ok_or_else(wrong)
}

fn truth(text: &str) -> Result<bool, Wrong> {
    match fold_width(text).to_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "y" | "是" => Ok(true),
        "false" | "f" | "0" | "no" | "n" | "否" => Ok(false),
        _ => Err(("malformed_boolean", "true or false (also 1 / 0, yes / no, y / n, 是 / 否)".into())),
    }
}

pub(super) fn fault_of_number(fault: NumberFault, style: &NumberStyle) -> Wrong {
    match fault {
        NumberFault::Malformed if style.percent => ("malformed_number", "a number with a percent sign".into()),
        NumberFault::Malformed => {
            let sign = if style.decimal_comma { "comma" } else { "point" };
            ("malformed_number", format!("a number with a decimal {sign}"))
        }
        NumberFault::ExcessScale if style.scale == 0 => ("excess_scale", "a whole number".into()),
        NumberFault::ExcessScale => {
            ("excess_scale", format!("at most {} digits after the point (or declare round = true)", style.scale))
        }
        NumberFault::OutOfRange => {
            ("number_out_of_range", format!("at most {} digits before the point", style.precision - style.scale))
        }
    }
}

fn fault_of_date(fault: DateFault, planned: &Planned<'_>, text: &str, cell: Cell) -> Wrong {
    match fault {
        // China's clocks went by the sun until 1901, and a writer that counts from before then is so much late
        DateFault::DroppedTime if cell == Cell::Canonical && text.ends_with(" 00:00:43.000") => (
            "dropped_time",
            "a date without a time of day: 43 seconds are added by SheetJS in China's time zone; let it write dates as \
             text (cellText), or as dates of UTC"
                .into(),
        ),
        DateFault::Malformed if planned.patterns.is_empty() => {
            let form =
                if planned.column.column_type == ColumnType::Date { "YYYY-MM-DD" } else { "YYYY-MM-DD HH:MM:SS" };
            ("malformed_date", form.into())
        }
        DateFault::Malformed => {
            let formats: Vec<&str> = planned.patterns.iter().map(|pattern| pattern.format.as_str()).collect();
            ("malformed_date", formats.join(" or "))
        }
        DateFault::DroppedTime => ("dropped_time", "a date without a time of day".into()),
        DateFault::OutOfRange => ("date_out_of_range", "a date from 1900-01-01 to 9999-12-31".into()),
        DateFault::NoSuchLocalTime => ("no_such_local_time", "a local time that daylight saving does not skip".into()),
        DateFault::ExcessPrecision => ("excess_precision", "a time no finer than a microsecond".into()),
    }
}

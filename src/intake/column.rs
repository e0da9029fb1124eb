//! The kernels' callers: one canonical column of a batch, each field read from its slice by the column's type.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Array, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};

use super::batch::{Batch, Wrong};
use super::block::Cell;
use super::period::canonical;
use super::plan::{Origin, Planned};
use crate::contract::ColumnType;
use crate::error::closest;
use crate::grammar::date::{DateFault, Moment, Zone, day_of, read_iso};
use crate::grammar::number::{NumberFault, NumberStyle, show};
use crate::grammar::text::{fold_code, fold_width};
use crate::sender::{Equals, Mapping, SenderFeed};

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
    zone: &mut Zone,
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
                    let Some(wrong) = (cell == Cell::Number).then(|| lost_digits(&text, planned)).flatten() else {
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
                let day = moment(planned, text, cell).and_then(|moment| date(moment, zone));
                day.map_err(|fault| fault_of_date(fault, planned))
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
                let instant = moment(planned, text, cell).and_then(|moment| zone.instant(moment));
                instant.map_err(|fault| fault_of_date(fault, planned))
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
    if batch.bad[at] {
        return None;
    }
    let (text, cell): (Cow<'r, str>, Cell) = match &planned.origin {
        Origin::Field(field) => {
            let (block, text) = (batch.block, batch.text);
            let row = &block.rows[batch.rows[at]];
            match block.range(row, *field) {
                Some((from, to)) => (Cow::Borrowed(trimmed(&text[from..to])), block.cell(row, *field)),
                None => (Cow::Borrowed(""), Cell::Text),
            }
        }
        Origin::Fixed(text, cell) => (Cow::Borrowed(text.as_str()), *cell),
        Origin::RowNumber | Origin::Net(_) | Origin::Nothing => (Cow::Borrowed(""), Cell::Text),
    };
    let missing = text.is_empty()
        || !feed.missing.is_empty() && feed.missing.iter().any(|missing| missing.as_str() == text.as_ref());
    if !missing && (cell == Cell::Error || cell == Cell::Text && is_error_text(&text)) {
        batch.fault(at, &planned.column.name, ("error_cell", "a value, not an error of the workbook".into()), &text);
        return None;
    }
    if missing {
        if let Some(default) = &planned.default {
            return Some((Cow::Borrowed(default.as_str()), Cell::Canonical));
        }
        if planned.column.required && planned.column.default_from.is_none() {
            let reason = if planned.in_key { "missing_key" } else { "missing_value" };
            batch.fault(at, &planned.column.name, (reason, format!("a {}", planned.column.column_type)), &text);
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

#[inline]
fn is_error_text(text: &str) -> bool {
    // saved as text, a workbook's error cells are these words
    const ERRORS: [&str; 8] = ["#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!"];
    text.starts_with('#') && ERRORS.contains(&text)
}

#[inline]
fn trimmed(text: &str) -> &str {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

fn shape(planned: &Planned<'_>, text: &str, cell: Cell) -> Result<(String, Cell), Wrong> {
    let Some(mapping) = planned.mapping else { return Ok((text.to_string(), cell)) };
    let mut rest = text;
    if let Some(prefix) = &mapping.strip_prefix {
        rest = rest.strip_prefix(prefix.as_str()).unwrap_or(rest).trim_start();
    }
    if let Some(suffix) = &mapping.strip_suffix {
        rest = rest.strip_suffix(suffix.as_str()).unwrap_or(rest).trim_end();
    }
    if !mapping.prefixes.is_empty() {
        if let Some((_, meaning)) = mapping.prefixes.iter().find(|(prefix, _)| rest.starts_with(prefix.as_str())) {
            return Ok((meaning.clone(), Cell::Canonical));
        }
        if let Some(default) = &mapping.default {
            return Ok((default.clone(), Cell::Canonical));
        }
    }
    let padded = (mapping.width)
        .filter(|width| rest.len() < *width && rest.bytes().all(|byte| byte.is_ascii_digit()))
        .map(|width| format!("{rest:0>width$}"));
    let mapped = mapping.map.get(rest).or_else(|| mapping.map.get(padded.as_ref()?));
    if let Some(meaning) = mapped {
        return Ok((meaning.clone(), Cell::Canonical));
    }
    if mapping.strict {
        return Err(("unmapped_value", unmapped(rest, mapping)));
    }
    Ok(match padded {
        Some(padded) => (padded, Cell::Text),
        None => (rest.to_string(), if mapping.width.is_some() && cell == Cell::Number { Cell::Text } else { cell }),
    })
}

/// What a strict map would have taken: the nearest of its values, and some of them.
fn unmapped(text: &str, mapping: &Mapping) -> String {
    const SHOWN: usize = 10;
    let near = closest(text, mapping.map.keys().map(String::as_str));
    let hint = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    let some: Vec<&str> = mapping.map.keys().take(SHOWN).map(String::as_str).collect();
    let more = mapping.map.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("one of the mapping's values: {}{more}{hint}", some.join(", "))
}

/// Whether a text identifies something: typed in full width it means the same.
fn is_code(planned: &Planned<'_>) -> bool {
    planned.in_key || planned.column.references.is_some()
}

/// A number cell under a text column: what Excel made of it may have lost digits.
fn lost_digits(text: &str, planned: &Planned<'_>) -> Option<Wrong> {
    let expected = if planned.column.leading_zeros {
        "a text cell, since a number has lost its leading zeros (or declare `width` in the mapping)"
    } else if text.contains('.') || text.len() > 15 {
        "a text cell, since a number of this kind has lost digits"
    } else {
        return None;
    };
    Some(("number_for_text", expected.to_string()))
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
        let (midnight, _) = zone.instant(Moment { day: local, micros: 0, offset: None })?;
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

fn fault_of_date(fault: DateFault, planned: &Planned<'_>) -> Wrong {
    match fault {
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

//! One value of a mart, as spreadsheets and tools that read texts can hold it without losing a digit of it.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

use crate::error::{Error, Result};

/// A value with its type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Nothing,
    Text(String),
    Whole(i64),
    /// Digits and how many of them stand behind the point.
    Decimal(i128, u32),
    Double(f64),
    Truth(bool),
    Day(NaiveDate),
    /// What clocks of the company showed.
    Instant(NaiveDateTime),
}

/// The value in one place of a column.
pub(super) fn cell(column: &dyn Array, row: usize, zone: Tz) -> Result<Cell> {
    if column.is_null(row) {
        return Ok(Cell::Nothing);
    }
    Ok(match column.data_type() {
        DataType::Utf8 => Cell::Text(column.as_string::<i32>().value(row).to_string()),
        DataType::Boolean => Cell::Truth(column.as_boolean().value(row)),
        DataType::Int64 => Cell::Whole(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Cell::Double(column.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => {
            let places = u32::try_from(*scale).map_err(|_| Error::bug("a decimal without places"))?;
            Cell::Decimal(column.as_primitive::<Decimal128Type>().value(row), places)
        }
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>().value(row);
            Cell::Day(Date32Type::to_naive_date_opt(days).ok_or_else(|| Error::bug("a date beyond all calendars"))?)
        }
        DataType::Timestamp(..) => {
            let micros = column.as_primitive_opt::<TimestampMicrosecondType>().map(|column| column.value(row));
            let at = micros.and_then(DateTime::from_timestamp_micros);
            let at = at.ok_or_else(|| Error::bug("an instant beyond all calendars"))?;
            // Cut to milliseconds, never rounded: 23:59:59.9999 is not of the next day.
            let local = at.with_timezone(&zone).naive_local();
            let cut = local.and_utc().timestamp_millis();
            Cell::Instant(DateTime::from_timestamp_millis(cut).map_or(local, |at| at.naive_utc()))
        }
        other => return Err(Error::bug(format!("a mart has a column of type {other}"))),
    })
}

impl Cell {
    /// The value as text that any tool reads: amounts plain, dates by ISO 8601, nothing as nothing.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Text(text) => text.clone(),
            Self::Whole(number) => number.to_string(),
            Self::Decimal(digits, places) => plain(*digits, *places),
            Self::Double(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
            Self::Day(day) => day.to_string(),
            Self::Instant(at) => at.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        }
    }

    /// As a number of a spreadsheet, which keeps fifteen digits; none where it would keep less than there are.
    pub(super) fn number(&self) -> Option<f64> {
        const KEPT: u128 = 1_000_000_000_000_000;
        let kept = match self {
            Self::Whole(number) => u128::from(number.unsigned_abs()) < KEPT,
            Self::Decimal(digits, _) => digits.unsigned_abs() < KEPT,
            Self::Double(number) => number.is_finite(),
            _ => false,
        };
        kept.then(|| self.text().parse().ok()).flatten()
    }

    /// As a date of a spreadsheet, whose calendar has a day too many before March 1900.
    pub(super) fn day(&self) -> Option<NaiveDate> {
        let first = NaiveDate::from_ymd_opt(1900, 3, 1)?;
        let last = NaiveDate::from_ymd_opt(9999, 12, 31)?;
        match self {
            Self::Day(day) => Some(*day),
            Self::Instant(at) => Some(at.date()),
            _ => None,
        }
        .filter(|day| (first..=last).contains(day) && day.checked_add_days(Days::new(0)).is_some())
    }
}

fn plain(digits: i128, places: u32) -> String {
    let one = 10_u128.pow(places);
    let (whole, rest) = (digits.unsigned_abs() / one, digits.unsigned_abs() % one);
    let sign = if digits < 0 { "-" } else { "" };
    match places {
        0 => format!("{sign}{whole}"),
        places => format!("{sign}{whole}.{rest:0width$}", width = places as usize),
    }
}

//! Calendar steps that `DataFusion` 55 lacks.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use chrono::{Datelike, Days, Months, NaiveDate};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

use super::{Body, Function};

pub(super) fn functions() -> Vec<Function> {
    vec![
        function("last_day(date) -> date", "The last day of the date's month.", last_day()),
        function("period_month(date) -> text", "The month, as 2026-11.", period_month()),
        function("period_quarter(date) -> text", "The quarter, as 2026-Q4.", period_quarter()),
        function("period_year(date) -> text", "The year, as 2026.", period_year()),
        function(
            "period_start(text) -> date",
            "The first day of a period: 2026, 2026-Q4 or 2026-11. NULL for any other text.",
            period_bound("period_start", |first, _| Some(first)),
        ),
        function(
            "period_end(text) -> date",
            "The last day of a period: 2026, 2026-Q4 or 2026-11. NULL for any other text.",
            period_bound("period_end", |first, months| first.checked_add_months(Months::new(months))?.pred_opt()),
        ),
        function(
            "add_days(date, bigint) -> date",
            "The date so many days later; earlier for a negative number.",
            stepped("add_days", |date, days| match u64::try_from(days) {
                Ok(days) => date.checked_add_days(Days::new(days)),
                Err(_) => date.checked_sub_days(Days::new(days.unsigned_abs())),
            }),
        ),
        function(
            "add_months(date, bigint) -> date",
            "The same day so many months later, or the month's last day where it has no such day.",
            stepped("add_months", |date, months| {
                let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
                if months < 0 { date.checked_sub_months(count) } else { date.checked_add_months(count) }
            }),
        ),
        function(
            "age_years(birth_date, at_date) -> bigint",
            "Whole years between the two; on 29 February born, a year older on 1 March of common years.",
            age_years(),
        ),
    ]
}

fn function(usage: &'static str, words: &'static str, body: ScalarUDF) -> Function {
    Function { usage, words, body: Body::Scalar(body) }
}

type Body1 = fn(&[ArrayRef]) -> ArrayRef;

pub(super) fn scalar(
    name: &str,
    from: Vec<DataType>,
    to: DataType,
    body: impl Fn(&[ArrayRef]) -> ArrayRef + Send + Sync + 'static,
) -> ScalarUDF {
    let run = move |arguments: &[ColumnarValue]| -> Result<ColumnarValue> {
        let one = arguments.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let done = body(&ColumnarValue::values_to_arrays(arguments)?);
        if one {
            return Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&done, 0)?));
        }
        Ok(ColumnarValue::Array(done))
    };
    create_udf(name, from, to, Volatility::Immutable, Arc::new(run))
}

fn dates(array: &ArrayRef) -> impl Iterator<Item = Option<NaiveDate>> {
    array.as_primitive::<Date32Type>().iter().map(|day| day.and_then(date))
}

fn date(day: i32) -> Option<NaiveDate> {
    Date32Type::to_naive_date_opt(day)
}

fn day(date: NaiveDate) -> i32 {
    Date32Type::from_naive_date(date)
}

fn last_day() -> ScalarUDF {
    let body: Body1 = |arguments| {
        let ends = dates(&arguments[0]).map(|date| {
            let first = date?.with_day(1)?;
            first.checked_add_months(Months::new(1))?.pred_opt().map(day)
        });
        Arc::new(ends.collect::<Date32Array>())
    };
    scalar("last_day", vec![DataType::Date32], DataType::Date32, body)
}

fn named(name: &str, text: fn(NaiveDate) -> String) -> ScalarUDF {
    scalar(name, vec![DataType::Date32], DataType::Utf8, move |arguments| {
        Arc::new(dates(&arguments[0]).map(|date| date.map(text)).collect::<StringArray>())
    })
}

fn period_month() -> ScalarUDF {
    named("period_month", |date| format!("{:04}-{:02}", date.year(), date.month()))
}

fn period_quarter() -> ScalarUDF {
    named("period_quarter", |date| format!("{:04}-Q{}", date.year(), date.quarter()))
}

fn period_year() -> ScalarUDF {
    named("period_year", |date| format!("{:04}", date.year()))
}

/// First day and length in months of a period's text.
fn period(text: &str) -> Option<(NaiveDate, u32)> {
    let (year, part) = text.split_once('-').map_or((text, None), |(year, part)| (year, Some(part)));
    let digits = |word: &str, length: usize| word.len() == length && word.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(year, 4) {
        return None;
    }
    let (month, months) = match part {
        None => (1, 12),
        Some(part) => match part.strip_prefix('Q') {
            Some(quarter) if digits(quarter, 1) => (quarter.parse::<u32>().ok()?.checked_sub(1)? * 3 + 1, 3),
            None if digits(part, 2) => (part.parse().ok()?, 1),
            _ => return None,
        },
    };
    Some((NaiveDate::from_ymd_opt(year.parse().ok()?, month, 1)?, months))
}

fn period_bound(name: &str, pick: fn(NaiveDate, u32) -> Option<NaiveDate>) -> ScalarUDF {
    scalar(name, vec![DataType::Utf8], DataType::Date32, move |arguments| {
        let texts = arguments[0].as_string::<i32>().iter();
        let days = texts.map(|text| text.and_then(period).and_then(|(first, months)| pick(first, months)).map(day));
        Arc::new(days.collect::<Date32Array>())
    })
}

fn stepped(name: &str, step: fn(NaiveDate, i64) -> Option<NaiveDate>) -> ScalarUDF {
    scalar(name, vec![DataType::Date32, DataType::Int64], DataType::Date32, move |arguments| {
        let counts = arguments[1].as_primitive::<Int64Type>().iter();
        let days = dates(&arguments[0]).zip(counts).map(|(date, count)| step(date?, count?).map(day));
        Arc::new(days.collect::<Date32Array>())
    })
}

fn age_years() -> ScalarUDF {
    let body: Body1 = |arguments| {
        let years = dates(&arguments[0]).zip(dates(&arguments[1])).map(|(birth, at)| {
            let (birth, at) = (birth?, at?);
            let before_birthday = (at.month(), at.day()) < (birth.month(), birth.day());
            Some(i64::from(at.year() - birth.year()) - i64::from(before_birthday))
        });
        Arc::new(years.collect::<Int64Array>())
    };
    scalar("age_years", vec![DataType::Date32, DataType::Date32], DataType::Int64, body)
}

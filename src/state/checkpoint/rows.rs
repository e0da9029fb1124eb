//! The columns of a checkpoint, and records to and from their rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Date32Builder, Int64Array, Int64Builder, RecordBatch, StringArray,
    StringBuilder,
};
use arrow::datatypes::{Date32Type, Int64Type};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::state::record::{Input, InputStatus, Lines, Period, Sighting};
use crate::store::{FileRef, Home, keys};

/// Stands for a key that follows from its row.
pub(super) const DERIVED: &str = "=";
/// The status of a delivery whose file has left the inbox.
pub(super) const GONE: &str = "gone";

macro_rules! columns {
    ($($text:ident)* ; $($number:ident)* ; $($date:ident)*) => {
        #[derive(Default)]
        pub(super) struct Row<'a> {
            $(pub(super) $text: Option<&'a str>,)*
            $(pub(super) $number: Option<i64>,)*
            $(pub(super) $date: Option<NaiveDate>,)*
        }

        #[derive(Default)]
        pub(super) struct Builders { pub(super) rows: usize, $($text: StringBuilder,)* $($number: Int64Builder,)* $($date: Date32Builder,)* }

        impl Builders {
            pub(super) fn push(&mut self, row: &Row<'_>) {
                self.rows += 1;
                $(self.$text.append_option(row.$text);)*
                $(self.$number.append_option(row.$number);)*
                $(self.$date.append_option(row.$date.map(Date32Type::from_naive_date));)*
            }
            pub(super) fn finish(&mut self) -> Result<RecordBatch> {
                self.rows = 0;
                Ok(RecordBatch::try_from_iter_with_nullable([
                    $((stringify!($text), Arc::new(self.$text.finish()) as ArrayRef, true),)*
                    $((stringify!($number), Arc::new(self.$number.finish()) as ArrayRef, true),)*
                    $((stringify!($date), Arc::new(self.$date.finish()) as ArrayRef, true),)*
                ])?)
            }
        }

        pub(super) struct Arrays<'a> { $($text: &'a StringArray,)* $($number: &'a Int64Array,)* $($date: &'a Date32Array,)* }

        impl<'a> Arrays<'a> {
            pub(super) fn of(batch: &'a RecordBatch) -> Result<Self> {
                let find = |name: &str| {
                    batch.column_by_name(name).ok_or_else(|| Error::input(format!("column {name} is missing")))
                };
                let wrong = |name: &str| Error::input(format!("column {name} has another type"));
                Ok(Self {
                    $($text: find(stringify!($text))?.as_string_opt().ok_or_else(|| wrong(stringify!($text)))?,)*
                    $($number: find(stringify!($number))?.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong(stringify!($number)))?,)*
                    $($date: find(stringify!($date))?.as_primitive_opt::<Date32Type>().ok_or_else(|| wrong(stringify!($date)))?,)*
                })
            }
            pub(super) fn row(&self, i: usize) -> Row<'a> {
                Row {
                    $($text: self.$text.is_valid(i).then(|| self.$text.value(i)),)*
                    $($number: self.$number.is_valid(i).then(|| self.$number.value(i)),)*
                    $($date: self.$date.is_valid(i).then(|| self.$date.value_as_date(i)).flatten(),)*
                }
            }
        }
    };
}

columns! {
    section sender feed sha256 key etag status outcome reason contract_fingerprint run_id json
    file_home file_key file_sha256 rejects_home rejects_key rejects_sha256 ;
    bytes last_modified delivered_at resent_at rows_read rows_clean rows_rejected
    file_rows file_bytes rejects_rows rejects_bytes last_used ;
    period_start period_end named_start named_end first_date last_date
}
/// What few inputs have: kept as JSON.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Rest {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) drift: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) months: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) contents: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) masked: Vec<Period>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) marks: BTreeMap<NaiveDate, Vec<u64>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) without: Vec<Lines>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) lost: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) by_cell: bool,
}
pub(super) fn input_of(row: &Row<'_>) -> Result<Input> {
    let rest: Rest = row.json.map(serde_json::from_str).transpose()?.unwrap_or_default();
    let mut input = Input {
        sender: text(row.sender)?,
        feed: text(row.feed)?,
        sha256: text(row.sha256)?,
        named: row.named_start.zip(row.named_end),
        key: text(row.key)?,
        bytes: count(row.bytes)?,
        etag: row.etag.map(str::to_string),
        last_modified: time(row.last_modified)?,
        delivered_at: time(row.delivered_at)?,
        period_start: row.period_start,
        period_end: row.period_end,
        status: status_of(row.status)?,
        reason: row.reason.map(str::to_string),
        contract_fingerprint: text(row.contract_fingerprint)?,
        run_id: text(row.run_id)?,
        rows_read: count(row.rows_read)?,
        rows_clean: count(row.rows_clean)?,
        rows_rejected: count(row.rows_rejected)?,
        warnings: rest.warnings,
        drift: rest.drift,
        staged: None,
        rejects: None,
        months: rest.months,
        contents: rest.contents,
        first_date: row.first_date,
        last_date: row.last_date,
        masked: rest.masked,
        marks: rest.marks,
        without: rest.without,
        lost: rest.lost,
        by_cell: rest.by_cell,
        resent_at: row.resent_at.map(DateTime::from_timestamp_nanos),
    };
    input.staged = file_of(row, Some(&input))?;
    if let Some(key) = row.rejects_key {
        input.rejects = Some(FileRef {
            home: home_of(row.rejects_home)?,
            key: if key == DERIVED { staged_key(keys::rejects, &input) } else { key.to_string() },
            sha256: text(row.rejects_sha256)?,
            rows: count(row.rejects_rows)?,
            bytes: count(row.rejects_bytes)?,
        });
    }
    Ok(input)
}

pub(super) fn sighting_of(row: &Row<'_>) -> Result<Sighting> {
    Ok(Sighting {
        key: text(row.key)?,
        bytes: count(row.bytes)?,
        etag: row.etag.map(str::to_string),
        last_modified: time(row.last_modified)?,
        sender: text(row.sender)?,
        feed: text(row.feed)?,
        sha256: text(row.sha256)?,
        delivered_at: time(row.delivered_at)?,
        named: row.named_start.zip(row.named_end),
        outcome: text(row.outcome)?,
        run_id: text(row.run_id)?,
        gone: row.status == Some(GONE),
    })
}

pub(super) fn file_row<'a>(row: &mut Row<'a>, file: &'a FileRef, derived: bool) {
    row.file_home = Some(home_text(file.home));
    row.file_key = Some(if derived { DERIVED } else { &file.key });
    row.file_sha256 = Some(&file.sha256);
    row.file_rows = Some(signed(file.rows));
    row.file_bytes = Some(signed(file.bytes));
}

pub(super) fn file_of(row: &Row<'_>, input: Option<&Input>) -> Result<Option<FileRef>> {
    let Some(key) = row.file_key else { return Ok(None) };
    let key = match input {
        Some(input) if key == DERIVED => staged_key(keys::staged, input),
        _ => key.to_string(),
    };
    Ok(Some(FileRef {
        home: home_of(row.file_home)?,
        key,
        sha256: text(row.file_sha256)?,
        rows: count(row.file_rows)?,
        bytes: count(row.file_bytes)?,
    }))
}

pub(super) fn staged_key(build: fn(&str, &str, &str, &str, &str) -> String, input: &Input) -> String {
    build(&input.feed, &input.sender, &input.sha256, &input.contract_fingerprint, &input.run_id)
}

pub(super) fn missing() -> Error {
    Error::input("a value is missing")
}

pub(super) fn text(value: Option<&str>) -> Result<String> {
    value.map(str::to_string).ok_or_else(missing)
}

fn count(value: Option<i64>) -> Result<u64> {
    u64::try_from(value.ok_or_else(missing)?).map_err(|err| Error::input("a count is negative").because(err))
}

pub(super) fn time(value: Option<i64>) -> Result<DateTime<Utc>> {
    value.map(DateTime::from_timestamp_nanos).ok_or_else(missing)
}

/// Counts stay far below the bound; times beyond the year 2262 are brought down to it, which keeps
/// their order.
pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn nanos(at: DateTime<Utc>) -> i64 {
    at.timestamp_nanos_opt().unwrap_or(if at.timestamp() < 0 { i64::MIN } else { i64::MAX })
}

pub(super) fn status_text(status: InputStatus) -> &'static str {
    match status {
        InputStatus::Active => "active",
        InputStatus::Superseded => "superseded",
        InputStatus::Quarantined => "quarantined",
        InputStatus::SetAside => "set_aside",
    }
}

fn status_of(text: Option<&str>) -> Result<InputStatus> {
    match text {
        Some("active") => Ok(InputStatus::Active),
        Some("superseded") => Ok(InputStatus::Superseded),
        Some("quarantined") => Ok(InputStatus::Quarantined),
        Some("set_aside") => Ok(InputStatus::SetAside),
        other => Err(Error::input(format!("unknown status {other:?}"))),
    }
}

pub(super) fn home_text(home: Home) -> &'static str {
    match home {
        Home::Lake => "lake",
        Home::Marts => "marts",
    }
}

fn home_of(text: Option<&str>) -> Result<Home> {
    match text {
        Some("lake") => Ok(Home::Lake),
        Some("marts") => Ok(Home::Marts),
        other => Err(Error::input(format!("unknown store {other:?}"))),
    }
}

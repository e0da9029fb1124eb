//! Workdays as the `calendar` feed has them: public holidays, and weekend days that are worked instead.
//! Deadlines are judged before any model is built, so the newest snapshots are read here from their staged rows.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Date32Type;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::flow::Night;
use super::workdays::{Marked, Workdays};
use crate::error::{Error, Result};
use crate::sender::ExpectedDays;
use crate::state::record::{Input, InputStatus};

/// The feed that says which days are worked.
const CALENDAR: &str = "calendar";

/// Reads the calendar, where any deadline of the job depends on it.
pub(super) async fn load(night: &Night<'_>) -> Result<Workdays> {
    let mut workdays = Workdays::default();
    let senders = night.company.senders.iter().filter(|sender| night.sender_in_job(&sender.name));
    let mut expected = senders.flat_map(|sender| sender.feeds.values()).filter_map(|feed| feed.expected.as_ref());
    if !expected.any(|expected| expected.days == ExpectedDays::Workdays) {
        return Ok(workdays);
    }
    // Files of one sender, the newest first, until they speak of every year that a deadline may lie in.
    let last = night.request.date;
    let first = night.all_inputs().filter_map(|input| input.period_start).min().map_or(last, |first| first.min(last));
    let wanted: BTreeSet<i32> = (first.year()..=last.year()).collect();
    let mut years: BTreeMap<(&str, i32), Year> = BTreeMap::new();
    for (sender, snapshots) in newest_first(night) {
        let mut known: BTreeSet<i32> = BTreeSet::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for snapshot in snapshots {
            if wanted.is_subset(&known) {
                break;
            }
            if !seen.insert(&snapshot.sha256) {
                continue;
            }
            for (year, days) in read(night, snapshot).await? {
                if known.insert(year) {
                    years.insert((sender, year), Year { age: age(snapshot), days });
                }
            }
        }
    }
    // Of two senders that name the same day, the later snapshot counts.
    let mut years: Vec<Year> = years.into_values().collect();
    years.sort_by(|a, b| a.age.cmp(&b.age));
    for year in years {
        workdays.take(year.days);
    }
    Ok(workdays)
}

/// By what a snapshot is newer than another.
type Age<'a> = (Option<NaiveDate>, DateTime<Utc>, &'a str, &'a str);

/// What one sender's newest snapshot that speaks of a year says of it.
struct Year<'a> {
    age: Age<'a>,
    days: Marked,
}

fn age(input: &Input) -> Age<'_> {
    (input.period_start, input.delivered_at, &input.sender, &input.sha256)
}

/// The snapshots of each sender. Next year's takes nothing away from this one's, so the last one alone will not do.
fn newest_first<'a>(night: &'a Night<'_>) -> BTreeMap<&'a str, Vec<&'a Input>> {
    let mut by_sender: BTreeMap<&str, Vec<&Input>> = BTreeMap::new();
    for input in night.all_inputs().filter(|input| input.feed == CALENDAR && input.status == InputStatus::Active) {
        by_sender.entry(&input.sender).or_default().push(input);
    }
    for snapshots in by_sender.values_mut() {
        snapshots.sort_by(|a, b| age(b).cmp(&age(a)));
    }
    by_sender
}

/// By year, the days that a snapshot marks.
async fn read(night: &Night<'_>, snapshot: &Input) -> Result<BTreeMap<i32, Marked>> {
    let mut years: BTreeMap<i32, Marked> = BTreeMap::new();
    let Some(file) = &snapshot.staged else { return Ok(years) };
    let bytes = night.company.stores.lake.get_verified(&file.key, &file.sha256).await?;
    for batch in ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()? {
        let batch = batch?;
        let wrong = |name: &str, kind: &str| {
            Error::config(format!("deadlines on workdays need the calendar feed to have {name} ({kind})"))
                .hint("put the column back into jobs/feeds/calendar.toml, or use days = \"1-5\" in jobs/senders")
        };
        let column = |name: &str| batch.column_by_name(name);
        let dates = column("date").and_then(|dates| dates.as_primitive_opt::<Date32Type>());
        let dates = dates.ok_or_else(|| wrong("date", "date"))?;
        let regions = column("region").and_then(|regions| regions.as_string_opt::<i32>());
        let regions = regions.ok_or_else(|| wrong("region", "text"))?;
        let works = column("is_workday").and_then(|works| works.as_boolean_opt());
        let works = works.ok_or_else(|| wrong("is_workday", "boolean"))?;
        for at in 0..batch.num_rows() {
            let Some(date) = dates.value_as_date(at) else { continue };
            let year = years.entry(date.year()).or_default();
            if works.is_valid(at) {
                let region = regions.is_valid(at).then(|| regions.value(at).to_string());
                year.insert((date, region), works.value(at));
            }
        }
    }
    Ok(years)
}

//! Workdays as the `calendar` feed has them: public holidays, and weekend days that are worked instead.
//! Deadlines are judged before any model is built, so the newest snapshots are read here from their staged rows.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Date32Type;
use chrono::{DateTime, NaiveDate, Utc};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::flow::Night;
use super::workdays::Workdays;
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
    for snapshot in snapshots(night) {
        read(night, snapshot, &mut workdays).await?;
    }
    Ok(workdays)
}

/// All snapshots, earliest first: of one day and region the newest row counts, whichever snapshot brought it, so that next
/// year's calendar takes nothing away from this one's. Of equal ones the newest.
fn snapshots<'a>(night: &'a Night<'_>) -> Vec<&'a Input> {
    fn age(input: &Input) -> (Option<NaiveDate>, DateTime<Utc>, &str, &str) {
        (input.period_start, input.delivered_at, &input.sender, &input.sha256)
    }
    let mut by_content: BTreeMap<(&str, &str), &Input> = BTreeMap::new();
    for input in night.all_inputs().filter(|input| input.feed == CALENDAR && input.status == InputStatus::Active) {
        let held = by_content.entry((&input.sender, &input.sha256)).or_insert(input);
        if age(input) > age(held) {
            *held = input;
        }
    }
    let mut snapshots: Vec<&Input> = by_content.into_values().collect();
    snapshots.sort_by(|a, b| age(a).cmp(&age(b)));
    snapshots
}

async fn read(night: &Night<'_>, snapshot: &Input, workdays: &mut Workdays) -> Result<()> {
    let Some(file) = &snapshot.staged else { return Ok(()) };
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
            if let Some(date) = dates.value_as_date(at).filter(|_| works.is_valid(at)) {
                let region = regions.is_valid(at).then(|| regions.value(at).to_string());
                workdays.set(date, region, works.value(at));
            }
        }
    }
    Ok(())
}

//! What the pipeline knows about itself, as tables that SQL reads: `system.inputs`,
//! `system.expected_deliveries`, `system.runs`, `system.alerts`, `system.feeds`, `system.unlisted` and
//! `system.unusable`.
//! (`system.rejects` is read from the reject files by the model engine.)

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, Days, NaiveDate, Utc};

use super::expect;
use super::flow::Night;
use crate::error::Result;
use crate::state::record::{Input, InputId, InputStatus, Period, RunRecord, RunStatus, version_name};

/// All of them by name.
pub(super) fn tables(night: &Night<'_>) -> Result<BTreeMap<String, RecordBatch>> {
    let (first, last) = window(night);
    let in_window = |input: &&Input| {
        input.period_end.is_none_or(|end| end >= first) && input.period_start.is_none_or(|start| start <= last)
    };
    let mut inputs: Vec<&Input> = night.all_inputs().filter(in_window).collect();
    inputs.sort_by(|a, b| {
        (&a.sender, &a.feed, a.period_start, a.delivered_at, &a.sha256).cmp(&(
            &b.sender,
            &b.feed,
            b.period_start,
            b.delivered_at,
            &b.sha256,
        ))
    });
    let mut arrived: BTreeMap<&str, i64> = BTreeMap::new();
    for input in night.all_inputs().filter(|input| input.status.counts()) {
        *arrived.entry(&input.feed).or_default() += 1;
    }
    Ok(BTreeMap::from([
        ("inputs".to_string(), input_rows(night, &inputs)?),
        ("expected_deliveries".to_string(), expected_rows(night, first, last)?),
        ("runs".to_string(), run_rows(night)?),
        ("alerts".to_string(), alert_rows(night)?),
        ("feeds".to_string(), feed_rows(night, &arrived)?),
        ("unlisted".to_string(), unlisted_rows(night)?),
        ("unusable".to_string(), unusable_rows(night)?),
    ]))
}

/// Business dates that deliveries are judged for.
fn window(night: &Night<'_>) -> (NaiveDate, NaiveDate) {
    let last = night.request.date;
    let days = u64::try_from(night.company.config.state.deliveries_days).unwrap_or(0);
    (last.checked_sub_days(Days::new(days)).unwrap_or(last), last)
}

fn input_rows(night: &Night<'_>, inputs: &[&Input]) -> Result<RecordBatch> {
    let mut versions: BTreeMap<(&str, &str, Option<Period>), i64> = BTreeMap::new();
    let version: Int64Array = inputs
        .iter()
        .map(|input| {
            let n = versions.entry((&input.sender, &input.feed, input.period())).or_default();
            *n += 1;
            Some(*n)
        })
        .collect();
    // What each file was found to be when it was first seen.
    let mut outcomes: BTreeMap<InputId, &str> = BTreeMap::new();
    for sighting in night.state.all_sightings().map(AsRef::as_ref).chain(&night.sightings) {
        if sighting.outcome != "duplicate" {
            outcomes.insert(sighting.id(), &sighting.outcome);
        }
    }
    let outcome = |input: &Input| outcomes.get(&input.id()).copied().unwrap_or("new");
    let names: Vec<String> = inputs.iter().map(|input| version_name(&input.version())).collect();
    batch(vec![
        ("sender", text(inputs, |i| Some(i.sender.as_str()))),
        ("feed", text(inputs, |i| Some(i.feed.as_str()))),
        ("input", Arc::new(StringArray::from_iter_values(&names))),
        ("file", text(inputs, |i| Some(i.key.as_str()))),
        ("status", text(inputs, |i| Some(input_status(i.status)))),
        ("reason", text(inputs, |i| i.reason.as_deref())),
        ("period_start", dates(inputs, |i| i.period_start)),
        ("period_end", dates(inputs, |i| i.period_end)),
        ("delivered_at", instants(inputs, |i| Some(i.delivered_at))),
        ("run_id", text(inputs, |i| Some(i.run_id.as_str()))),
        ("rows_read", counts(inputs, |i| i.rows_read)),
        ("rows_clean", counts(inputs, |i| i.rows_clean)),
        ("rows_rejected", counts(inputs, |i| i.rows_rejected)),
        ("bytes", counts(inputs, |i| i.bytes)),
        ("version", Arc::new(version)),
        ("outcome", text(inputs, |i| Some(outcome(i)))),
    ])
}

fn expected_rows(night: &Night<'_>, first: NaiveDate, last: NaiveDate) -> Result<RecordBatch> {
    let mut owed = expect::due(night, first);
    owed.retain(|file| file.business_date <= last);
    batch(vec![
        ("sender", text(&owed, |o| Some(o.sender.as_str()))),
        ("feed", text(&owed, |o| Some(o.feed.as_str()))),
        ("business_date", dates(&owed, |o| Some(o.business_date))),
        ("expected_by", instants(&owed, |o| Some(o.expected_by))),
        ("due_by", instants(&owed, |o| Some(o.due_by))),
        ("is_due", Arc::new(owed.iter().map(|o| Some(o.is_due)).collect::<BooleanArray>())),
    ])
}

fn run_rows(night: &Night<'_>) -> Result<RecordBatch> {
    let runs: Vec<&RunRecord> = night.state.runs.iter().chain(&night.telling).collect();
    let stage_ms: Vec<String> =
        runs.iter().map(|run| serde_json::to_string(&run.stage_ms)).collect::<Result<_, _>>()?;
    let notes: Vec<String> = runs.iter().map(|run| run.notes.join("\n")).collect();
    batch(vec![
        ("run_id", text(&runs, |r| Some(r.run_id.as_str()))),
        ("job", text(&runs, |r| Some(r.job.as_str()))),
        ("logical_date", dates(&runs, |r| Some(r.logical_date))),
        ("started_at", instants(&runs, |r| Some(r.started_at))),
        ("ended_at", instants(&runs, |r| Some(r.ended_at))),
        ("status", text(&runs, |r| Some(run_status(r.status)))),
        ("files", counts(&runs, |r| r.files)),
        ("rows_read", counts(&runs, |r| r.rows_read)),
        ("rows_clean", counts(&runs, |r| r.rows_clean)),
        ("rows_rejected", counts(&runs, |r| r.rows_rejected)),
        ("partitions_built", counts(&runs, |r| r.partitions_built)),
        ("partitions_reused", counts(&runs, |r| r.partitions_reused)),
        ("store_requests", counts(&runs, |r| r.store_requests)),
        ("marts", counts(&runs, |r| r.marts)),
        ("alerts", counts(&runs, |r| r.alerts)),
        ("mails", counts(&runs, |r| r.mails)),
        ("notes", Arc::new(StringArray::from_iter_values(&notes))),
        ("error", text(&runs, |r| r.error.as_deref())),
        ("stage_ms", Arc::new(StringArray::from_iter_values(&stage_ms))),
    ])
}

fn alert_rows(night: &Night<'_>) -> Result<RecordBatch> {
    let alerts = &night.state.alerts;
    let entity: Vec<String> =
        alerts.iter().map(|alert| alert.labels.values().cloned().collect::<Vec<_>>().join(" / ")).collect();
    let owners: Vec<String> = alerts.iter().map(|alert| alert.owners.join(";")).collect();
    let phase: Vec<String> = alerts
        .iter()
        .map(|alert| serde_json::to_value(alert.phase).map(|value| plain(&value)))
        .collect::<Result<_, _>>()?;
    batch(vec![
        ("rule", text(alerts, |a| Some(a.rule.as_str()))),
        ("fingerprint", text(alerts, |a| Some(a.fingerprint.as_str()))),
        ("entity", Arc::new(StringArray::from_iter_values(&entity))),
        ("severity", text(alerts, |a| Some(a.severity.as_str()))),
        ("phase", Arc::new(StringArray::from_iter_values(&phase))),
        ("since", dates(alerts, |a| Some(a.since))),
        ("owner", Arc::new(StringArray::from_iter_values(&owners))),
        ("value", Arc::new(alerts.iter().map(|a| a.value).collect::<Float64Array>())),
    ])
}

fn feed_rows(night: &Night<'_>, arrived: &BTreeMap<&str, i64>) -> Result<RecordBatch> {
    let feeds: BTreeSet<&str> = night.company.contracts.iter().map(|contract| contract.name.as_str()).collect();
    let count = |feed: &&str| arrived.get(feed).copied().unwrap_or(0);
    batch(vec![
        ("feed", Arc::new(StringArray::from_iter_values(&feeds))),
        ("arrived", Arc::new(feeds.iter().map(|feed| Some(count(feed) > 0)).collect::<BooleanArray>())),
        ("inputs", Arc::new(feeds.iter().map(|feed| Some(count(feed))).collect::<Int64Array>())),
    ])
}

fn unlisted_rows(night: &Night<'_>) -> Result<RecordBatch> {
    let places = &night.unlisted;
    batch(vec![
        ("sender", text(places, |p| Some(p.sender.as_str()))),
        ("feed", text(places, |p| Some(p.feed.as_str()))),
        ("reason", text(places, |p| Some(p.reason.as_str()))),
    ])
}

fn unusable_rows(night: &Night<'_>) -> Result<RecordBatch> {
    let rows: Vec<(&(String, String, String), &String)> = night.unusable.iter().collect();
    batch(vec![
        ("sender", text(&rows, |((sender, ..), _)| Some(sender.as_str()))),
        ("feed", text(&rows, |((_, feed, _), _)| Some(feed.as_str()))),
        ("key", text(&rows, |((.., key), _)| Some(key.as_str()))),
        ("reason", text(&rows, |(_, reason)| Some(reason.as_str()))),
    ])
}

/// The word for an input's standing.
fn input_status(status: InputStatus) -> &'static str {
    match status {
        InputStatus::Active => "active",
        InputStatus::Superseded => "superseded",
        // For readers it is all one: delivered, and not counted.
        InputStatus::Quarantined | InputStatus::SetAside => "quarantined",
    }
}

/// The word for how a run ended.
pub(super) fn run_status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Ok => "ok",
        RunStatus::Warned => "warned",
        RunStatus::ChecksFailed => "checks_failed",
        RunStatus::Failed => "failed",
    }
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))?)
}

fn text<'a, T>(rows: &'a [T], read: impl Fn(&'a T) -> Option<&'a str>) -> ArrayRef {
    Arc::new(rows.iter().map(read).collect::<StringArray>())
}

fn dates<'a, T>(rows: &'a [T], read: impl Fn(&'a T) -> Option<NaiveDate>) -> ArrayRef {
    let epoch = NaiveDate::default();
    let days = |date: NaiveDate| i32::try_from((date - epoch).num_days()).unwrap_or(i32::MAX);
    Arc::new(rows.iter().map(|row| read(row).map(days)).collect::<Date32Array>())
}

fn instants<'a, T>(rows: &'a [T], read: impl Fn(&'a T) -> Option<DateTime<Utc>>) -> ArrayRef {
    let micros = rows.iter().map(|row| read(row).map(|at| at.timestamp_micros()));
    Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn counts<'a, T>(rows: &'a [T], read: impl Fn(&'a T) -> u64) -> ArrayRef {
    Arc::new(rows.iter().map(|row| i64::try_from(read(row)).ok()).collect::<Int64Array>())
}

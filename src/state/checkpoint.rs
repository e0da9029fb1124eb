//! A checkpoint: the folded state as one Parquet file, so that a night need not read every commit ever
//! written. Contents, deliveries and partitions, of which there are many, are columns; the rest is
//! JSON in a column of its own. What a key repeats of its row is not stored again.

mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use self::rows::{
    Arrays, Builders, DERIVED, GONE, Rest, Row, file_of, file_row, home_text, input_of, missing, nanos, sighting_of,
    signed, staged_key, status_text, text, time,
};
use super::fold::{Deliveries, Done, Keep, Remembered, State};
use super::nonce;
use super::record::{CheckpointRef, Input, Partition, SetAside, Sighting};
use crate::error::{Error, Result};
use crate::sha256::sha256_hex;
use crate::store::{Store, keys};

/// Rows of one batch while writing.
const BATCH_ROWS: usize = 65_536;

/// Writes the state as a checkpoint and says how a commit names it.
pub(super) async fn save(lake: &Store, state: &State) -> Result<CheckpointRef> {
    let bytes = encode(state)?;
    let sha256 = sha256_hex(&bytes);
    let key = keys::checkpoint(state.number, &nonce()[..8]);
    lake.put(&key, bytes).await?;
    Ok(CheckpointRef { number: state.number, key, sha256 })
}

/// Reads the checkpoint that a commit names.
pub(super) async fn load(lake: &Store, named: &CheckpointRef, keep: Keep) -> Result<State> {
    let bytes = lake.get_verified(&named.key, &named.sha256).await?;
    let mut state = State::new(keep);
    decode(bytes, &mut state)
        .map_err(|err| Error::input("the checkpoint cannot be read").at(&named.key).because(err.one_line()))?;
    if state.number != named.number {
        return Err(
            Error::input(format!("it folds {} commits; expected {}", state.number, named.number)).at(&named.key)
        );
    }
    Ok(state)
}

#[derive(Serialize, Deserialize)]
struct Head {
    number: u64,
    sha256: Option<String>,
    epoch: u64,
    written_at: Option<DateTime<Utc>>,
    logical_date: Option<NaiveDate>,
    model_dates: BTreeMap<String, NaiveDate>,
}

fn encode(state: &State) -> Result<Vec<u8>> {
    let mut sink = Sink { writer: None, builders: Builders::default() };
    let head = Head {
        number: state.number,
        sha256: state.head_sha256.clone(),
        epoch: state.epoch,
        written_at: state.written_at,
        logical_date: state.logical_date,
        model_dates: state.model_dates.clone(),
    };
    let done: Vec<_> = state.done.iter().map(|((job, date), d)| (job, date, &d.run_id, &d.plan_fingerprint)).collect();
    sink.json("head", &head)?;
    sink.json("alerts", &state.alerts)?;
    sink.json("owed", &state.owed)?;
    sink.json("runs", &state.runs)?;
    sink.json("silences", &state.silences)?;
    sink.json("asides", &state.asides.values().collect::<Vec<_>>())?;
    sink.json("frozen", &state.frozen)?;
    sink.json("done", &done)?;
    for place in state.deliveries.values() {
        for input in place.inputs.values() {
            sink.input(input, own_sighting(place, input))?;
        }
        for sighting in place.sightings.values().flatten() {
            let input = place.inputs.get(&sighting.version());
            if !input.is_some_and(|input| own_sighting(place, input).is_some_and(|own| Arc::ptr_eq(own, sighting))) {
                sink.sighting(sighting)?;
            }
        }
    }
    for partition in state.current.values() {
        sink.partition("current", partition, None)?;
    }
    for entry in state.remembered.values().flatten() {
        sink.partition("remembered", &entry.partition, Some(entry.last_used))?;
    }
    sink.close()
}

/// The sighting that says nothing but what its input says, and is the only one of its key.
fn own_sighting<'a>(place: &'a Deliveries, input: &Input) -> Option<&'a Arc<Sighting>> {
    let [only] = place.sightings.get(&input.key)?.as_slice() else { return None };
    let said = Sighting { outcome: only.outcome.clone(), ..Sighting::of(input) };
    (**only == said).then_some(only)
}

struct Sink {
    writer: Option<ArrowWriter<Vec<u8>>>,
    builders: Builders,
}

impl Sink {
    fn json(&mut self, key: &str, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(value)?;
        self.push(&Row { section: Some("json"), key: Some(key), json: Some(&text), ..Row::default() })
    }

    fn input(&mut self, input: &Input, own: Option<&Arc<Sighting>>) -> Result<()> {
        let rest = Rest {
            warnings: input.warnings.clone(),
            drift: input.drift.clone(),
            months: input.months.clone(),
            contents: input.contents.clone(),
            masked: input.masked.clone(),
            marks: input.marks.clone(),
            without: input.without.clone(),
            lost: input.lost,
        };
        let json = if rest == Rest::default() { None } else { Some(serde_json::to_string(&rest)?) };
        let mut row = Row {
            section: Some("input"),
            sender: Some(&input.sender),
            feed: Some(&input.feed),
            sha256: Some(&input.sha256),
            key: Some(&input.key),
            etag: input.etag.as_deref(),
            status: Some(status_text(input.status)),
            outcome: own.map(|own| own.outcome.as_str()),
            reason: input.reason.as_deref(),
            contract_fingerprint: Some(&input.contract_fingerprint),
            run_id: Some(&input.run_id),
            json: json.as_deref(),
            bytes: Some(signed(input.bytes)),
            last_modified: Some(nanos(input.last_modified)),
            delivered_at: Some(nanos(input.delivered_at)),
            resent_at: input.resent_at.map(nanos),
            rows_read: Some(signed(input.rows_read)),
            rows_clean: Some(signed(input.rows_clean)),
            rows_rejected: Some(signed(input.rows_rejected)),
            period_start: input.period_start,
            period_end: input.period_end,
            named_start: input.named.map(|named| named.0),
            named_end: input.named.map(|named| named.1),
            first_date: input.first_date,
            last_date: input.last_date,
            ..Row::default()
        };
        if let Some(file) = &input.staged {
            let derived = file.key == staged_key(keys::staged, input);
            file_row(&mut row, file, derived);
        }
        if let Some(file) = &input.rejects {
            row.rejects_home = Some(home_text(file.home));
            row.rejects_key = Some(if file.key == staged_key(keys::rejects, input) { DERIVED } else { &file.key });
            row.rejects_sha256 = Some(&file.sha256);
            row.rejects_rows = Some(signed(file.rows));
            row.rejects_bytes = Some(signed(file.bytes));
        }
        self.push(&row)
    }

    fn sighting(&mut self, sighting: &Sighting) -> Result<()> {
        self.push(&Row {
            section: Some("sighting"),
            status: sighting.gone.then_some(GONE),
            sender: Some(&sighting.sender),
            feed: Some(&sighting.feed),
            sha256: Some(&sighting.sha256),
            key: Some(&sighting.key),
            etag: sighting.etag.as_deref(),
            outcome: Some(&sighting.outcome),
            run_id: Some(&sighting.run_id),
            bytes: Some(signed(sighting.bytes)),
            last_modified: Some(nanos(sighting.last_modified)),
            delivered_at: Some(nanos(sighting.delivered_at)),
            named_start: sighting.named.map(|named| named.0),
            named_end: sighting.named.map(|named| named.1),
            ..Row::default()
        })
    }

    fn partition(&mut self, section: &str, made: &Partition, last_used: Option<DateTime<Utc>>) -> Result<()> {
        let mut row = Row {
            section: Some(section),
            sender: Some(&made.model),
            feed: Some(&made.partition),
            sha256: Some(&made.fingerprint),
            // What decided whether rows may pass, as the contract does for an input.
            contract_fingerprint: Some(made.checks.as_str()).filter(|checks| !checks.is_empty()),
            last_used: last_used.map(nanos),
            ..Row::default()
        };
        if let Some(file) = &made.file {
            file_row(&mut row, file, false);
        }
        self.push(&row)
    }

    fn push(&mut self, row: &Row<'_>) -> Result<()> {
        self.builders.push(row);
        if self.builders.rows >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let batch = self.builders.finish()?;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
                    .set_max_row_group_row_count(Some(BATCH_ROWS))
                    .build();
                none.insert(ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?)
            }
        };
        Ok(writer.write(&batch)?)
    }

    fn close(mut self) -> Result<Vec<u8>> {
        self.flush()?;
        let writer = self.writer.ok_or_else(|| Error::bug("a checkpoint without rows"))?;
        Ok(writer.into_inner()?)
    }
}

fn decode(bytes: Bytes, state: &mut State) -> Result<()> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?.with_batch_size(BATCH_ROWS).build()?;
    for batch in reader {
        let batch = batch?;
        let arrays = Arrays::of(&batch)?;
        for i in 0..batch.num_rows() {
            fold_row(&arrays.row(i), state)?;
        }
    }
    Ok(())
}

fn fold_row(row: &Row<'_>, state: &mut State) -> Result<()> {
    match row.section {
        Some("json") => fold_json(row, state),
        Some("input") => {
            let input = input_of(row)?;
            if let Some(outcome) = row.outcome {
                state.put_sighting(Sighting { outcome: outcome.to_string(), ..Sighting::of(&input) });
            }
            state.put_input(input);
            Ok(())
        }
        Some("sighting") => {
            state.put_sighting(sighting_of(row)?);
            Ok(())
        }
        Some(section @ ("current" | "remembered")) => {
            let made = Arc::new(Partition {
                model: text(row.sender)?,
                partition: text(row.feed)?,
                fingerprint: text(row.sha256)?,
                checks: row.contract_fingerprint.unwrap_or_default().to_string(),
                file: file_of(row, None)?,
            });
            let place = (made.model.clone(), made.partition.clone());
            if section == "current" {
                state.current.insert(place, made);
            } else {
                let last_used = time(row.last_used)?;
                state.remembered.entry(place).or_default().push(Remembered { partition: made, last_used });
            }
            Ok(())
        }
        other => Err(Error::input(format!("unknown section {other:?}"))),
    }
}

fn fold_json(row: &Row<'_>, state: &mut State) -> Result<()> {
    fn read<T: DeserializeOwned>(row: &Row<'_>) -> Result<T> {
        Ok(serde_json::from_str(row.json.ok_or_else(missing)?)?)
    }
    match row.key {
        Some("head") => {
            let head: Head = read(row)?;
            state.number = head.number;
            state.head_sha256 = head.sha256;
            state.epoch = head.epoch;
            state.written_at = head.written_at;
            state.logical_date = head.logical_date;
            state.model_dates = head.model_dates;
        }
        Some("alerts") => state.alerts = read(row)?,
        Some("owed") => state.owed = read(row)?,
        Some("runs") => state.runs = read(row)?,
        Some("silences") => state.silences = read(row)?,
        Some("frozen") => state.frozen = read(row)?,
        Some("asides") => {
            let asides: Vec<SetAside> = read(row)?;
            state.asides = asides.into_iter().map(|aside| (aside.id(), aside)).collect();
        }
        Some("done") => {
            let done: Vec<(String, NaiveDate, String, String)> = read(row)?;
            let entry = |(job, date, run_id, plan_fingerprint)| ((job, date), Done { run_id, plan_fingerprint });
            state.done = done.into_iter().map(entry).collect();
        }
        other => return Err(Error::input(format!("unknown part {other:?}"))),
    }
    Ok(())
}

#[cfg(test)]
mod tests;

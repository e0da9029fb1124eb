//! Makes a night true: one commit, then the stable paths for readers that need them.
//!
//! `duckdb.sql` is the atomic flip (views over exact, immutable files). `latest/` gets only the files that
//! changed, each whole, and `latest/_run.json` last; a crash in between is rolled forward at the next start.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Company;
use super::flow::{Built, Night};
use crate::error::Result;
use crate::models::Registry;
use crate::report::MartLine;
use crate::state::record::{Afterwards, Changes, CommitKind, Partition};
use crate::state::{Held, State};
use crate::store::{FileRef, Home, keys};

/// Commits what the night took in, built, raised and owes.
pub(super) async fn commit(night: &mut Night<'_>, built: &Built, held: &mut Held) -> Result<()> {
    let outcome = &built.outcome;
    night.models = outcome.models;
    night.partitions = (outcome.built, outcome.reused);
    night.statements = outcome.statements;
    night.marts = mart_lines(&night.company.registry, outcome.partitions.iter(), &night.run_id);
    let mut changes = changes(night)?;
    changes.partitions = outcome
        .partitions
        .iter()
        .filter(|made| night.state.partition(&made.model, &made.partition).is_none_or(|stands| **stands != **made))
        .cloned()
        .collect();
    append(night, held, CommitKind::Run, changes).await
}

/// Commits a run that did not get through: its inputs, alerts and mails count, marts stay.
pub(super) async fn commit_failure(night: &mut Night<'_>, held: &mut Held) -> Result<()> {
    let changes = changes(night)?;
    append(night, held, CommitKind::Failed, changes).await
}

fn changes(night: &Night<'_>) -> Result<Changes> {
    Ok(Changes {
        inputs: night.inputs.values().cloned().collect(),
        sightings: night.sightings.iter().chain(&night.moved).cloned().collect(),
        alerts: night.alerts.clone(),
        owed: night.owed.clone(),
        run: Some(night.record(night.company.clock.now())?),
        afterwards: night.afterwards.clone(),
        ..Changes::default()
    })
}

async fn append(night: &mut Night<'_>, held: &mut Held, kind: CommitKind, changes: Changes) -> Result<()> {
    let written = changes.partitions.iter().filter_map(|made| made.file.as_ref());
    let staged = changes.inputs.iter().flat_map(|input| input.staged.iter().chain(&input.rejects));
    night.company.stores.sync(&written.chain(staged).collect::<Vec<_>>()).await?;
    held.commit(kind, &night.run_id, Some(night.request.date), changes).await?;
    night.state.clone_from(&held.state);
    Ok(())
}

/// What the run before did after its commit, if nobody has told it yet. An account that cannot be read is no reason
/// to stop a night.
pub(super) async fn untold(company: &Company, state: &mut State) -> Option<Afterwards> {
    let bytes = match company.stores.lake.get_if_exists(keys::AFTERWARDS).await {
        Ok(bytes) => bytes?,
        Err(err) => {
            tracing::warn!(error = err.one_line(), "how long the run before took to publish and deliver is not known");
            return None;
        }
    };
    let afterwards: Afterwards = serde_json::from_slice(&bytes).ok()?;
    state.complete(&afterwards).then_some(afterwards)
}

/// Leaves word of the stages after this run's commit for the run after it. A run that committed nothing has none.
pub(super) async fn leave_word(night: &Night<'_>) {
    if night.nothing_new {
        return;
    }
    let Some(run) = night.state.run(&night.run_id) else { return };
    let mut stage_ms = night.stage_ms.clone();
    stage_ms.retain(|stage, _| !run.stage_ms.contains_key(stage));
    let afterwards = Afterwards { run_id: night.run_id.clone(), stage_ms };
    let written = match serde_json::to_vec(&afterwards) {
        Ok(bytes) => night.company.stores.lake.put(keys::AFTERWARDS, bytes).await,
        Err(err) => Err(err.into()),
    };
    if let Err(err) = written {
        tracing::warn!(error = err.one_line(), "how long publishing and delivering took is not kept");
    }
}

/// Published marts with rows and files, by name.
pub(super) fn mart_lines<'a>(
    registry: &Registry,
    partitions: impl Iterator<Item = &'a Partition>,
    run_id: &str,
) -> Vec<MartLine> {
    let mut marts: BTreeMap<&str, MartLine> = BTreeMap::new();
    for partition in partitions.filter(|partition| registry.is_mart(&partition.model)) {
        let line = marts.entry(&partition.model).or_insert_with(|| MartLine {
            mart: partition.model.clone(),
            rows: 0,
            files: 0,
            written: 0,
        });
        if let Some(file) = &partition.file {
            line.rows += file.rows;
            line.files += 1;
            line.written += u64::from(file.key.contains(run_id));
        }
    }
    marts.into_values().collect()
}

/// What `latest/_run.json` says: which commit the stable paths show, and what each of them holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Latest {
    /// Number of the commit.
    commit: u64,
    /// The run that published.
    run_id: String,
    /// Its as-of date.
    as_of_date: Option<chrono::NaiveDate>,
    /// SHA-256 by path below `latest/`.
    files: BTreeMap<String, String>,
}

/// Finishes what a crash left undone: nothing, when `latest/` shows the newest commit.
pub(super) async fn roll_forward(company: &Company, state: &State) -> Result<()> {
    match state.published_run() {
        Some(run) if shown(company).await?.run_id != run.run_id => latest(company, state).await,
        _ => Ok(()),
    }
}

async fn shown(company: &Company) -> Result<Latest> {
    match company.stores.marts.get_if_exists(keys::LATEST_RUN).await? {
        // A damaged file is written again.
        Some(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        None => Ok(Latest::default()),
    }
}

/// Brings `duckdb.sql` and `latest/` to what the newest logical date published.
pub(super) async fn latest(company: &Company, state: &State) -> Result<()> {
    let Some(run) = state.published_run() else { return Ok(()) };
    let marts = &company.stores.marts;
    let mut by_mart: BTreeMap<&str, Vec<(&str, &FileRef)>> = BTreeMap::new();
    for partition in state.partitions() {
        if let Some(file) = partition.file.as_ref().filter(|file| file.home == Home::Marts) {
            by_mart.entry(&partition.model).or_default().push((&partition.partition, file));
        }
    }
    marts.put(keys::DUCKDB_SQL, Bytes::from(duckdb_sql(company, &by_mart, &run.run_id))).await?;

    let before = shown(company).await?;
    let mut wanted: BTreeMap<String, &FileRef> = BTreeMap::new();
    for (mart, files) in &by_mart {
        for (partition, file) in files {
            let path = match company.registry.get(mart).and_then(|model| model.sidecar.partition.as_ref()) {
                Some(by) if *partition != "all" => keys::latest_partition(mart, &by.by, partition),
                _ => keys::latest(mart),
            };
            wanted.insert(path, file);
        }
    }
    for (path, file) in &wanted {
        if before.files.get(path) != Some(&file.sha256) {
            marts.copy(&file.key, path).await?;
        }
    }
    let gone: BTreeSet<&String> = before.files.keys().filter(|path| !wanted.contains_key(*path)).collect();
    for path in gone {
        marts.delete(path).await?;
    }
    let now_shown = Latest {
        commit: state.number,
        run_id: run.run_id.clone(),
        as_of_date: Some(run.logical_date),
        files: wanted.into_iter().map(|(path, file)| (path, file.sha256.clone())).collect(),
    };
    marts.put(keys::LATEST_RUN, Bytes::from(serde_json::to_vec_pretty(&now_shown)?)).await?;
    Ok(())
}

/// Views over the exact files, with comments, for `DuckDB` and the BI tools that go through it.
fn duckdb_sql(company: &Company, by_mart: &BTreeMap<&str, Vec<(&str, &FileRef)>>, run_id: &str) -> String {
    let mut sql = format!(
        "-- Written by tributary, run {run_id}. Views over immutable files: read this file again after each night.\n"
    );
    for (mart, files) in by_mart {
        let list: Vec<String> =
            files.iter().map(|(_, file)| quoted(&company.stores.marts.reader_path(&file.key))).collect();
        // Writing into a String cannot fail.
        write!(
            sql,
            "\ncreate or replace view {mart} as select * from read_parquet([\n    {}\n]);\n",
            list.join(",\n    ")
        )
        .ok();
        let Some(model) = company.registry.get(mart) else { continue };
        let comment = format!("{} · {} (grain: {})", model.description_en(), model.description_zh(), model.grain());
        writeln!(sql, "comment on view {mart} is {};", quoted(&comment)).ok();
        for column in model.columns() {
            let unit = column.unit.as_ref().map(|unit| format!(" [{unit}]")).unwrap_or_default();
            let comment = format!("{}{unit} · {}", column.en, column.zh);
            writeln!(sql, "comment on column {mart}.{} is {};", column.name, quoted(&comment)).ok();
        }
    }
    sql
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

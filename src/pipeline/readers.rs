//! What readers open, brought to what the commits say: `duckdb.sql` and `latest/`.
//!
//! `duckdb.sql` is the atomic flip (views over exact, immutable files, in one transaction). `latest/` gets only what
//! changed, each file whole, and `latest/_run.json` last; a crash in between is rolled forward at the next start.
//! `_run.json` also names the commit that the readers see, so that marts are never filled from another lake.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chrono::NaiveDate;
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use serde::{Deserialize, Serialize};

use super::Company;
use super::damage::{self, Look};
use crate::error::{Error, Result};
use crate::sha256::{sha256_hex, sha256_of};
use crate::state::{State, chain};
use crate::store::{FileRef, Home, Object, keys};

mod script;

/// What `latest/_run.json` says: which commit the stable paths show, and what each of them holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Latest {
    /// Number of the commit.
    commit: u64,
    /// SHA-256 of the commit's bytes: no two lakes share it.
    #[serde(default)]
    commit_sha256: String,
    /// The run that published.
    run_id: String,
    /// Its as-of date.
    as_of_date: Option<NaiveDate>,
    /// SHA-256 of what it was made from, by path below the marts.
    files: BTreeMap<String, String>,
    /// SHA-256 of its own bytes, by the same path.
    #[serde(default)]
    bytes: BTreeMap<String, String>,
    /// Marts that were published once and are not any more: their views are dropped wherever they still stand.
    #[serde(default)]
    dropped: BTreeSet<String>,
}

/// Files of each mart that readers see, with their partitions.
type ByMart<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a FileRef)>>;

/// Refuses to work from a lake that is not the one that filled the marts: an empty mount point, or a name mistyped.
pub async fn same_lake(company: &Company) -> Result<()> {
    let shown = shown(company).await?;
    if shown.commit == 0 {
        return Ok(());
    }
    let key = keys::commit(shown.commit);
    let found = company.stores.lake.get_if_exists(&key).await?;
    let what = match found {
        None => "is not in this lake: the lake is away, cut short, or another one",
        // Marts published before commits were named by their hash say nothing more.
        Some(_) if shown.commit_sha256.is_empty() => return Ok(()),
        Some(bytes) if sha256_hex(&bytes) == shown.commit_sha256 => return Ok(()),
        Some(bytes) => {
            // One that was cut or changed is no sign of another lake.
            chain::check_whole(&key, &bytes)?;
            "is another one in this lake: the lake is not the one that filled these marts"
        }
    };
    Err(Error::retry(format!("commit {}, which the marts show (run {}), {what}", shown.commit, shown.run_id))
        .at(&company.stores.lake)
        .hint(
            "nothing was changed; bring the lake back, or mend stores.lake and stores.marts in config.toml; \
             `tributary run JOB --new-lake` fills the marts from this lake all the same",
        ))
}

/// What readers see, where it is not what the commits say.
pub async fn behind(company: &Company, state: &State) -> Result<Option<String>> {
    let Some(run) = state.published_run() else { return Ok(None) };
    let shown = shown(company).await?;
    Ok((shown.run_id != run.run_id).then(|| {
        let seen = if shown.run_id.is_empty() { "nothing" } else { &shown.run_id };
        format!("readers see {seen}; published is {}", run.run_id)
    }))
}

/// Finishes what a crash left undone, and mends what was touched since: nothing, when `latest/` shows the newest commit.
pub(super) async fn roll_forward(company: &Company, state: &State) -> Result<()> {
    let Some(run) = state.published_run() else { return Ok(()) };
    let shown = shown(company).await?;
    if shown.run_id == run.run_id && altered(company, &shown, Look::Glance).await?.is_empty() {
        return Ok(());
    }
    latest(company, state).await
}

/// What readers open and is not what was written there, with what was found instead. At a glance, only what was touched
/// after `_run.json`, which is written last, is read.
pub(super) async fn altered_now(company: &Company) -> Result<BTreeMap<String, String>> {
    altered(company, &shown(company).await?, Look::Whole).await
}

async fn altered(company: &Company, shown: &Latest, look: Look) -> Result<BTreeMap<String, String>> {
    if shown.commit == 0 {
        return Ok(BTreeMap::new());
    }
    let marts = &company.stores.marts;
    let last = marts.head(keys::LATEST_RUN).await?.last_modified;
    let mut there: BTreeMap<String, Object> =
        marts.list(keys::LATEST).await?.into_iter().map(|object| (object.key.clone(), object)).collect();
    // Those that were written: an older version wrote one script.
    let scripts = keys::SCRIPTS.into_iter().filter(|key| *key == keys::DUCKDB_SQL || shown.bytes.contains_key(*key));
    let scripts: Vec<&str> = scripts.collect();
    for script in &scripts {
        if marts.exists(script).await? {
            there.insert((*script).to_string(), marts.head(script).await?);
        }
    }
    let mut found = BTreeMap::new();
    let paths = shown.files.keys().map(String::as_str).chain(scripts);
    for path in paths {
        let Some(object) = there.get(path) else {
            found.insert(path.to_string(), "is not there".to_string());
            continue;
        };
        if look == Look::Glance && object.last_modified <= last {
            continue;
        }
        let what = match shown.bytes.get(path) {
            Some(sha256) => damage::altered(marts.check_hash(path, sha256).await)?,
            // Written before its hash was kept: what was touched since is written again.
            None if object.last_modified > last => Some("was touched after it was written".to_string()),
            None => None,
        };
        found.extend(what.map(|what| (path.to_string(), what)));
    }
    Ok(found)
}

async fn shown(company: &Company) -> Result<Latest> {
    match company.stores.marts.get_if_exists(keys::LATEST_RUN).await? {
        // A damaged file is written again.
        Some(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        None => Ok(Latest::default()),
    }
}

/// Brings `duckdb.sql`, its kin and `latest/` to what the newest logical date published.
pub(super) async fn latest(company: &Company, state: &State) -> Result<()> {
    show(company, state, Look::Glance).await
}

/// As [`latest`]; what of the stable paths is looked at to know that it still is what was written there.
pub(super) async fn show(company: &Company, state: &State, look: Look) -> Result<()> {
    let Some(run) = state.published_run() else { return Ok(()) };
    let marts = &company.stores.marts;
    let mut by_mart = ByMart::new();
    // What a model left that is no more is not shown any more.
    for partition in state.partitions().filter(|partition| company.registry.is_mart(&partition.model)) {
        if let Some(file) = partition.file.as_ref().filter(|file| file.home == Home::Marts) {
            by_mart.entry(&partition.model).or_default().push((&partition.partition, file));
        }
    }
    let lost = lost(company, &by_mart).await?;
    if !lost.is_empty() && lost.len() == by_mart.len() {
        return Err(Error::input("none of the published marts is there any more")
            .at(marts)
            .hint("the next run builds them again; `tributary verify --repair` does so at once"));
    }
    // One mart that is lost takes nothing from the others: it is shown again once it is built again.
    by_mart.retain(|mart, _| !lost.contains(*mart));
    let before = shown(company).await?;
    let stale = altered(company, &before, look).await?;
    let once = before.files.keys().filter_map(|path| keys::latest_mart(path)).map(str::to_string);
    let mut dropped: BTreeSet<String> = before.dropped.iter().cloned().chain(once).collect();
    dropped.retain(|mart| !by_mart.contains_key(mart.as_str()));
    let night = script::Night {
        marts,
        registry: &company.registry,
        by_mart: &by_mart,
        dropped: &dropped,
        run,
        zone: company.config.company.time_zone,
    };
    let mut bytes = BTreeMap::new();
    for (key, sql) in script::all(&night) {
        bytes.insert(key.to_string(), sha256_hex(sql.as_bytes()));
        marts.put(key, Bytes::from(sql)).await?;
    }

    let mut files = BTreeMap::new();
    for (mart, parts) in &by_mart {
        for (path, made_of) in stable(mart, parts, company.config.publish.latest_single_file_bytes) {
            let content = content(&made_of);
            let stands = before.files.get(&path) == Some(&content) && !stale.contains_key(&path);
            let sha256 = match (made_of.as_slice(), before.bytes.get(&path)) {
                (_, Some(sha256)) if stands => sha256.clone(),
                ([file], None) if stands => file.sha256.clone(),
                ([file], _) => {
                    marts.copy(&file.key, &path).await?;
                    file.sha256.clone()
                }
                (several, _) => join(company, several, &path).await?,
            };
            bytes.insert(path.clone(), sha256);
            files.insert(path, content);
        }
    }
    // Whatever stood here before, in whatever layout, is no part of this night: beside it readers would see rows twice.
    // What was copied of a mart that is lost is all that is left of it.
    for (path, content) in &before.files {
        if keys::latest_mart(path).is_some_and(|mart| lost.contains(mart)) {
            files.insert(path.clone(), content.clone());
            bytes.extend(before.bytes.get(path).map(|sha256| (path.clone(), sha256.clone())));
        }
    }
    let known = |path: &String| keys::latest_mart(path).is_some_and(|mart| company.registry.is_mart(mart));
    let listed = marts.list(keys::LATEST).await?.into_iter().map(|object| object.key).filter(known);
    let gone: BTreeSet<String> =
        listed.chain(before.files.into_keys()).filter(|path| !files.contains_key(path)).collect();
    for path in gone {
        marts.delete(&path).await?;
        marts.prune(&path).await?;
    }
    let now_shown = Latest {
        commit: state.number,
        commit_sha256: state.head_sha256.clone().unwrap_or_default(),
        run_id: run.run_id.clone(),
        as_of_date: Some(run.logical_date),
        files,
        bytes,
        dropped,
    };
    marts.put(keys::LATEST_RUN, Bytes::from(serde_json::to_vec_pretty(&now_shown)?)).await
}

/// Marts of which a file is not there, or not whole.
async fn lost(company: &Company, by_mart: &ByMart<'_>) -> Result<BTreeSet<String>> {
    let there: BTreeMap<String, u64> =
        company.stores.marts.list("").await?.into_iter().map(|object| (object.key, object.size)).collect();
    let whole = |(_, file): &(&str, &FileRef)| there.get(&file.key) == Some(&file.bytes);
    let lost = by_mart.iter().filter(|(_, files)| !files.iter().all(whole));
    Ok(lost.map(|(mart, _)| (*mart).to_string()).collect())
}

/// The stable paths of a mart and the files that each is made of: one file while all of them together are small enough,
/// else one a partition.
fn stable<'a>(mart: &str, parts: &[(&str, &'a FileRef)], single_bytes_max: u64) -> Vec<(String, Vec<&'a FileRef>)> {
    let bytes: u64 = parts.iter().map(|(_, file)| file.bytes).sum();
    if parts.len() == 1 && parts[0].0 == "all" || bytes <= single_bytes_max {
        return vec![(keys::latest(mart), parts.iter().map(|(_, file)| *file).collect())];
    }
    parts.iter().map(|(partition, file)| (keys::latest_partition(mart, partition), vec![*file])).collect()
}

/// What a stable path holds: the file's hash, or that of the hashes of several.
fn content(files: &[&FileRef]) -> String {
    match files {
        [file] => file.sha256.clone(),
        several => {
            sha256_hex(several.iter().map(|file| file.sha256.as_str()).collect::<Vec<_>>().join("\n").as_bytes())
        }
    }
}

/// Writes several files of one mart as one, row group by row group: nothing is decoded. What the file says of itself
/// (schema, words, run) is what the newest of its parts says. Gives its SHA-256.
async fn join(company: &Company, files: &[&FileRef], path: &str) -> Result<String> {
    let marts = &company.stores.marts;
    let folder = tempfile::tempdir()?;
    let whole = folder.path().join("whole.parquet");
    let newest = files.last().ok_or_else(|| Error::bug("no files to join").at(path))?;
    let mut out = Joined::begin(&whole, &marts.get_verified(&newest.key, &newest.sha256).await?)?;
    for file in files {
        let bytes = marts.get_verified(&file.key, &file.sha256).await?;
        out = tokio::task::spawn_blocking(move || out.add(&bytes))
            .await
            .map_err(|err| Error::bug("joining files was cut short").because(err))?
            .map_err(|err| err.at(&file.key))?;
    }
    out.end()?;
    marts.lay(&whole, path).await?;
    tokio::task::spawn_blocking(move || Ok(sha256_of(&whole)?))
        .await
        .map_err(|err| Error::bug("hashing was cut short").because(err))?
}

/// A Parquet file that takes over row groups of others.
struct Joined(SerializedFileWriter<File>);

impl Joined {
    fn begin(path: &Path, like: &Bytes) -> Result<Self> {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(like)?;
        let about = metadata.file_metadata();
        let properties = WriterProperties::builder()
            .set_created_by("tributary".to_string())
            .set_key_value_metadata(about.key_value_metadata().cloned())
            .build();
        let schema = about.schema_descr().root_schema_ptr();
        Ok(Self(SerializedFileWriter::new(File::create(path)?, schema, Arc::new(properties))?))
    }

    fn add(mut self, bytes: &Bytes) -> Result<Self> {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(bytes)?;
        if metadata.file_metadata().schema_descr().root_schema() != self.0.schema_descr().root_schema() {
            return Err(Error::bug("partitions of one mart have different schemas").hint("run with --full-refresh"));
        }
        for group in metadata.row_groups() {
            let mut taken = self.0.next_row_group()?;
            for column in group.columns() {
                let close = ColumnCloseResult {
                    bytes_written: u64::try_from(column.compressed_size()).unwrap_or_default(),
                    rows_written: u64::try_from(group.num_rows()).unwrap_or_default(),
                    metadata: column.clone(),
                    bloom_filter: None,
                    column_index: None,
                    offset_index: None,
                };
                taken.append_column(bytes, close)?;
            }
            taken.close()?;
        }
        Ok(self)
    }

    fn end(self) -> Result<()> {
        self.0.close()?;
        Ok(())
    }
}

//! Commands that look: `runs`, `show`, `query`, `test`, `clean`, `doctor`.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use serde_json::json;

use super::args::Cli;
use super::check::master_data_missing;
use super::run::{clock, company};
use super::{Console, Exit};
use crate::config::Config;
use crate::contract::Contracts;
use crate::error::{Error, Result};
use crate::models::{self, Registry};
use crate::pipeline::Company;
use crate::state::record::{Input, InputStatus, RunRecord, RunStatus};
use crate::state::{self, Options, State};
use crate::store::Stores;
use crate::{pipeline, report};

fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Ok => "ok",
        RunStatus::Warned => "warnings",
        RunStatus::ChecksFailed => "checks failed",
        RunStatus::Failed => "failed",
    }
}

/// Past runs, newest first.
pub(super) async fn runs(cli: &Cli, limit: usize, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let state = pipeline::state(&company).await?;
    let newest: Vec<&RunRecord> = state.runs.iter().rev().take(limit).collect();
    if console.json() {
        console.document(&newest)?;
        return Ok(Exit::Ok);
    }
    if newest.is_empty() {
        console.line("no run yet: tributary run nightly")?;
        return Ok(Exit::Ok);
    }
    console.line(format!(
        "{:<36} {:<10} {:<14} {:>7} {:>12} {:>9} {:>7} {:>8}",
        "run", "as of", "status", "files", "rows", "rejected", "alerts", "seconds"
    ))?;
    for run in newest {
        let seconds = (run.ended_at - run.started_at).num_milliseconds();
        console.line(format!(
            "{:<36} {:<10} {:<14} {:>7} {:>12} {:>9} {:>7} {:>6}.{}",
            run.run_id,
            run.logical_date,
            word(run.status),
            run.files,
            run.rows_read,
            run.rows_rejected,
            run.alerts,
            seconds / 1000,
            seconds % 1000 / 100
        ))?;
    }
    Ok(Exit::Ok)
}

/// The run with this id or beginning of one, or the last.
pub(super) fn run_named<'a>(state: &'a State, wanted: &str) -> Result<&'a RunRecord> {
    let matching: Vec<&RunRecord> = match wanted {
        "last" => state.runs.back().into_iter().collect(),
        prefix => state.runs.iter().filter(|run| run.run_id.starts_with(prefix)).collect(),
    };
    match matching.as_slice() {
        [run] => Ok(run),
        [] => Err(Error::config(format!("there is no run `{wanted}`")).hint("`tributary runs` lists them")),
        several => {
            let ids: Vec<&str> = several.iter().map(|run| run.run_id.as_str()).collect();
            Err(Error::config(format!("`{wanted}` begins {} runs: {}", several.len(), ids.join(", "))))
        }
    }
}

/// One run in full.
pub(super) async fn show(cli: &Cli, wanted: &str, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let state = pipeline::accounts(&company).await?;
    let run = run_named(&state, wanted)?;
    let mut files: Vec<_> = state.inputs().filter(|input| input.run_id == run.run_id).collect();
    files.sort_by(|a, b| a.key.cmp(&b.key));
    if console.json() {
        console.document(&json!({"run": run, "files": files}))?;
        return Ok(Exit::Ok);
    }
    let local = company.config.company.time_zone;
    console.line(format!("{}  {}", run.run_id, word(run.status)))?;
    console.line(format!("  as of       {}", run.logical_date))?;
    console.line(format!("  started     {}", run.started_at.with_timezone(&local).format("%Y-%m-%d %H:%M:%S %Z")))?;
    console.line(format!("  ended       {}", run.ended_at.with_timezone(&local).format("%Y-%m-%d %H:%M:%S %Z")))?;
    console.line(format!("  files       {}", run.files))?;
    console
        .line(format!("  rows        {} = {} clean + {} rejected", run.rows_read, run.rows_clean, run.rows_rejected))?;
    console.line(format!(
        "  partitions  {} built, {} reused; {} statements planned",
        run.partitions_built, run.partitions_reused, run.statements
    ))?;
    console.line(format!("  marts       {}, alerts {}, mails {}", run.marts, run.alerts, run.mails))?;
    for (stage, ms) in run.stages() {
        console.line(format!("  {stage:<11} {ms} ms"))?;
    }
    for note in &run.notes {
        console.line(format!("  note        {note}"))?;
    }
    if let Some(error) = &run.error {
        console.line(format!("  error       {error}"))?;
    }
    for input in files.iter().take(50) {
        let standing = match input.status {
            InputStatus::Active => "active",
            InputStatus::Superseded => "superseded",
            InputStatus::Quarantined => "quarantined",
            InputStatus::SetAside => "set aside",
        };
        let without: String = input.without.iter().map(|lines| format!(", {lines} set aside")).collect();
        console.line(format!(
            "  {standing:<11} {} ({} rows, {} rejected{without}), {}",
            input.key,
            input.rows_read,
            input.rows_rejected,
            delivered(&company, input)
        ))?;
    }
    if files.len() > 50 {
        console.line(format!("  … and {} more files (--output json lists all)", files.len() - 50))?;
    }
    Ok(Exit::Ok)
}

/// When a file was delivered, and by what that is known: an instant in its name is as its sender's clocks show it.
fn delivered(company: &Company, input: &Input) -> String {
    let feed = company.senders.get(&input.sender).and_then(|sender| sender.feeds.get(&input.feed));
    let local = company.config.company.time_zone;
    let named = feed.filter(|feed| feed.delivered_at.is_some()).map(|feed| feed.delivered_zone(local));
    let zone = named.unwrap_or(local);
    let at = input.delivered_at.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z");
    match named {
        Some(zone) => format!("delivered {at} (names of files are in {zone})"),
        None => format!("delivered {at}"),
    }
}

/// Asks the published marts.
pub(super) async fn query(cli: &Cli, sql: &str, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let state = pipeline::state(&company).await?;
    if state.published_run().is_none() {
        return Err(Error::config("nothing is published yet").hint("run a job first: tributary run nightly"));
    }
    let batches = models::query_published(
        &company.registry,
        &company.config,
        &company.stores,
        state.partitions().map(AsRef::as_ref),
        sql,
    )
    .await?;
    if console.json() {
        let mut out = Vec::new();
        let mut writer = arrow::json::ArrayWriter::new(&mut out);
        for batch in &batches {
            writer.write(batch)?;
        }
        writer.finish()?;
        if out.is_empty() {
            out.extend_from_slice(b"[]");
        }
        out.push(b'\n');
        console.raw(&out)?;
    } else {
        let rows: usize = batches.iter().map(arrow::record_batch::RecordBatch::num_rows).sum();
        console.line(arrow::util::pretty::pretty_format_batches(&batches)?.to_string())?;
        console.line(format!("{rows} rows"))?;
    }
    Ok(Exit::Ok)
}

/// Runs the SQL unit tests.
pub(super) async fn test(cli: &Cli, files: &[PathBuf], console: &Console) -> Result<Exit> {
    let config = Config::load(&cli.config)?;
    let contracts = Contracts::load(&config.folders.jobs)?;
    let mut named = files.to_vec();
    if named.is_empty() {
        named.push(config.root.join("tests/slt"));
    }
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() { files.extend(models::slt::files(&path)?) } else { files.push(path) }
    }
    let registry = Registry::load_some(&config, &contracts, models::slt::words(&files))?;
    let report = models::slt::run(&files, &Arc::new(registry), &Arc::new(config)).await?;
    let failed = report.files.iter().filter(|file| !file.failures.is_empty()).count();
    for file in &report.files {
        for failure in &file.failures {
            console.line(format!("{}:{}: {}", file.path.display(), failure.line, failure.message))?;
        }
    }
    let records: usize = report.files.iter().map(|file| file.passed).sum();
    console.line(format!("{} files, {records} records passed, {failed} files failed", report.files.len()))?;
    Ok(if report.is_ok() { Exit::Ok } else { Exit::Checks })
}

/// Removes orphans and expired mail bodies.
pub(super) async fn clean(cli: &Cli, dry_run: bool, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let options = Options::of(&company.config);
    let held = state::hold(&company.stores, &options, &company.clock, "clean").await?;
    let cleaned =
        state::clean::clean(&company.stores, &held.chain, &held.state, &options, &company.clock, dry_run).await;
    held.release().await?;
    let cleaned = cleaned?;
    let objects: Vec<&String> = cleaned.lake.iter().chain(&cleaned.marts).collect();
    if console.json() {
        let uploads = &cleaned.uploads;
        console
            .document(&json!({
                "dry_run": dry_run, "objects": objects, "uploads": uploads, "bytes": cleaned.bytes, "left_alone": cleaned.odd,
                "left_alone_first": cleaned.odd_shown,
            }))?;
    } else {
        let verb = if dry_run { "would remove" } else { "removed" };
        for key in objects.iter().take(20) {
            console.line(format!("  {key}"))?;
        }
        console.line(format!(
            "{verb} {} objects, {} bytes, and {} leftovers of uploads",
            objects.len(),
            report::thousands(cleaned.bytes),
            cleaned.uploads.len()
        ))?;
        if cleaned.odd > 0 {
            console.line(format!("left alone: {} objects that no run known to this lake wrote", cleaned.odd))?;
            cleaned.odd_shown.iter().try_for_each(|odd| console.line(format!("  {odd}")))?;
        }
    }
    Ok(Exit::Ok)
}

/// Checks machine and stores; each line says what was tried and what to do where it failed.
pub(super) async fn doctor(cli: &Cli, console: &Console) -> Result<Exit> {
    let mut findings: Vec<(&str, Result<String>)> = Vec::new();
    let config = Config::load(&cli.config)?;
    findings.push(("settings", Ok(format!("{} is valid", cli.config.display()))));
    match Stores::open(&config) {
        Ok(stores) => {
            findings.push((
                "inbox",
                stores.inbox.list("").await.map(|objects| format!("{} ({} objects)", stores.inbox, objects.len())),
            ));
            findings.push((
                "lake",
                stores
                    .lake
                    .check_create_once(&state::nonce())
                    .await
                    .map(|()| format!("{}: writable, conditional writes hold", stores.lake)),
            ));
            findings.push((
                "marts",
                stores.marts.check_create_once(&state::nonce()).await.map(|()| format!("{}: writable", stores.marts)),
            ));
        }
        Err(err) => findings.push(("stores", Err(err))),
    }
    let loaded = pipeline::Company::load(&cli.config, clock()?);
    let missing = loaded.as_ref().map(master_data_missing).unwrap_or_default();
    findings.push(("models", loaded.map(|c| format!("{} models load", c.registry.names().count()))));
    if !missing.is_empty() {
        findings.push(("files", Err(Error::config(missing.join("; ")))));
    }
    findings.push((
        "spill",
        tempfile::tempdir()
            .map(|dir| format!("{} is writable", dir.path().parent().unwrap_or(dir.path()).display()))
            .map_err(Error::from),
    ));
    let now = clock()?.now();
    findings.push((
        "clock",
        if now < chrono::DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000) {
            Err(Error::config(format!("the machine says it is {now}")).hint("set the clock"))
        } else {
            Ok(format!(
                "{} is {}",
                config.company.time_zone,
                now.with_timezone(&config.company.time_zone).format("%Y-%m-%d %H:%M")
            ))
        },
    ));
    findings.push(("mail", crate::mail::check(&config).await));
    let faults = findings.iter().filter(|(_, result)| result.is_err()).count();
    if console.json() {
        let list: Vec<_> = findings
            .iter()
            .map(|(what, result)| match result {
                Ok(text) => json!({"check": what, "ok": true, "found": text}),
                Err(err) => json!({"check": what, "ok": false, "found": err.one_line(), "help": err.advice()}),
            })
            .collect();
        console.document(&list)?;
    } else {
        for (what, result) in &findings {
            match result {
                Ok(text) => console.line(format!("ok    {what:<10} {text}"))?,
                Err(err) => {
                    console.line(format!("FAIL  {what:<10} {}", err.one_line()))?;
                    if let Some(hint) = err.advice() {
                        console.line(format!("                 help: {hint}"))?;
                    }
                }
            }
        }
    }
    Ok(if faults == 0 { Exit::Ok } else { Exit::Usage })
}

//! Commands that look: `runs`, `test`, `clean`.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::args::Cli;
use super::run::company;
use super::{Console, Exit};
use crate::config::Config;
use crate::contract::Contracts;
use crate::error::{Error, Result};
use crate::models::{self, Registry};
use crate::state::record::{RunRecord, RunStatus};
use crate::state::{self, Options, State};
use crate::{pipeline, report};

/// The word for how a run ended.
pub(super) fn word(status: RunStatus) -> &'static str {
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
    console.line(format!(
        "{}, {} passed, {} failed",
        report::counted(report.files.len() as u64, "file"),
        report::counted(records as u64, "record"),
        report::counted(failed as u64, "file")
    ))?;
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

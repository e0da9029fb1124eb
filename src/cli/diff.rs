//! `diff`: what the SQL and settings on disk would change in what is published.

use serde_json::json;

use super::args::Cli;
use super::progress::Progress;
use super::query::of_rows;
use super::run::company;
use super::{Console, Exit};
use crate::error::Result;
use crate::models::diff::MartDiff;
use crate::pipeline;
use crate::report::counted;
use crate::report::grid::Grid;

/// Months named before the rest is counted.
const PARTITIONS_SHOWN: usize = 6;

/// Builds the last published night again by what lies on disk, aside, and says what comes out differently. Nothing is
/// published, mailed or kept.
pub(super) async fn diff(cli: &Cli, select: &[String], console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let state = pipeline::state(&company).await?;
    let progress = Progress::of(console);
    let found = pipeline::diff(&company, &state, select, &progress).await;
    progress.finish();
    let found = found?;
    let failed = !found.failed_checks.is_empty();
    if console.json() {
        console.document(&json!({
            "run": found.run_id, "date": found.date, "partitions_built": found.built, "partitions_reused": found.reused,
            "failed_checks": found.failed_checks, "marts": found.marts,
        }))?;
        return Ok(if failed { Exit::Checks } else { Exit::Ok });
    }
    console.line(format!(
        "run {} of {} by the SQL and settings on disk: {} built aside, {} unchanged",
        found.run_id,
        found.date,
        counted(found.built, "partition"),
        found.reused
    ))?;
    for mart in &found.marts {
        tell(mart, console)?;
    }
    for check in &found.failed_checks {
        console.line(format!("\nCHECK FAILS  {check}"))?;
    }
    let marts = counted(found.marts.len() as u64, "mart");
    console.line(format!(
        "\n{}; nothing was published",
        if found.marts.is_empty() { "no mart would change".to_string() } else { format!("{marts} would change") }
    ))?;
    Ok(if failed { Exit::Checks } else { Exit::Ok })
}

fn tell(mart: &MartDiff, console: &Console) -> Result<()> {
    let shown: Vec<&str> = mart.partitions.iter().take(PARTITIONS_SHOWN).map(String::as_str).collect();
    let more = mart.partitions.len() - shown.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    console.line(format!(
        "\n{}  ({}{more}): {} added, {} gone, {} changed",
        mart.mart,
        shown.join(", "),
        counted(mart.added, "row"),
        mart.gone,
        mart.changed
    ))?;
    for (what, columns) in [("new columns", &mart.columns_added), ("columns gone", &mart.columns_gone)] {
        if !columns.is_empty() {
            console.line(format!("  {what}: {}", columns.join(", ")))?;
        }
    }
    let names = mart.columns.keys().chain(mart.sums.keys().filter(|name| !mart.columns.contains_key(*name)));
    let rows: Vec<Vec<String>> = names
        .map(|name| {
            let rows = mart.columns.get(name).map_or_else(|| "-".to_string(), ToString::to_string);
            let (before, after) = mart.sums.get(name).cloned().unwrap_or_default();
            vec![name.clone(), rows, before, after]
        })
        .collect();
    if !rows.is_empty() {
        let mut grid = Grid::texts(&["column", "rows changed", "sum before", "sum after"], rows);
        grid.figures = vec![false, true, true, true];
        console.raw(grid.list(console.width()).as_bytes())?;
    }
    if !mart.examples.is_empty() {
        console.line("such as")?;
        console.raw(of_rows(&mart.examples).render(console.width()).as_bytes())?;
    }
    Ok(())
}

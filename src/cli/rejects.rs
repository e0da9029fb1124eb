//! `rejects`: what was refused and why, a sheet for the partner, and what a mended mapping would change.

use std::collections::BTreeMap;
use std::path::Path;

use globset::Glob;
use serde_json::json;

use super::args::{Cli, RejectsArgs};
use super::run::company;
use super::{Console, Exit, withdraw};
use crate::error::{Error, Result};
use crate::mail::refusals;
use crate::mail::words::Words;
use crate::models::refused::{Counted, HELD_BACK, Refusal, RefusedRows, Wanted};
use crate::pipeline::{self, Company, Replayed};
use crate::report::thousands;
use crate::state::State;
use crate::state::record::Input;

/// What is asked for, found in the state.
struct Found<'a> {
    /// Files with refused rows or refused whole, by key.
    inputs: Vec<&'a Input>,
    wanted: Wanted,
}

/// Shows refused rows and files, writes the sheet, or reads the files again.
pub(super) async fn rejects(cli: &Cli, args: &RejectsArgs, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let state = pipeline::state(&company).await?;
    let found = find(&company, &state, args)?;
    if args.replay {
        return replay(&company, &found, console).await;
    }
    let rows = RefusedRows::open(
        &company.registry,
        &company.config,
        &company.stores,
        found.inputs.iter().copied(),
        state.partitions_of(HELD_BACK).map(AsRef::as_ref),
        &found.wanted,
    )
    .await?;
    let whole = whole_files(&found, args);
    if args.csv.is_some() || args.xlsx.is_some() {
        let mut all: Vec<Refusal> = whole.iter().map(|input| of_file(input)).collect();
        all.extend(rows.rows(None).await?);
        return sheets(&company, args, &all, console);
    }
    let counts = rows.counts().await?;
    let shown = rows.rows((args.limit > 0).then_some(args.limit)).await?;
    let total: u64 = counts.iter().map(|count| count.rows).sum();
    if console.json() {
        let files: Vec<_> = whole.iter().map(|input| of_file(input)).collect();
        let words = words(&company);
        let rows: Vec<_> =
            shown.iter().map(|row| json!({"row": row, "advice": refusals::advice(&row.reason, &words)})).collect();
        console.document(&json!({"rows_refused": total, "counts": counts, "files_refused": files, "rows": rows}))?;
        return Ok(Exit::Ok);
    }
    let aside = withdraw::standing(&company, &state, |aside| found.wanted.senders.contains(&aside.sender));
    show(&counts, &whole, &shown, total, console)?;
    if !aside.is_empty() {
        console.line("\nSet aside")?;
    }
    for line in aside {
        console.line(format!("  {line}"))?;
    }
    Ok(Exit::Ok)
}

fn words(company: &Company) -> Words {
    Words::new(&company.config.company.locale, &company.config.company.base_currency)
}

/// Files of the senders, feed and key that are asked for; those that a later file replaced only with `--all`.
fn find<'a>(company: &Company, state: &'a State, args: &RejectsArgs) -> Result<Found<'a>> {
    if let Some(feed) = &args.feed {
        company.contracts.expect(feed)?;
    }
    let glob = args.sender.as_deref().unwrap_or("*");
    let matcher = Glob::new(glob)
        .map_err(|err| Error::config(format!("\"{glob}\" is not a pattern for senders")).because(err))?
        .compile_matcher();
    let mut senders: Vec<String> = state.inputs().map(|input| input.sender.clone()).collect();
    senders.extend(company.senders.names().map(str::to_string));
    senders.sort();
    senders.dedup();
    let chosen: Vec<String> = senders.iter().filter(|name| matcher.is_match(name)).cloned().collect();
    if chosen.is_empty() {
        return Err(
            Error::config(format!("no sender is called {glob}")).hint(format!("senders are: {}", senders.join(", ")))
        );
    }
    let mut inputs: Vec<&Input> = state
        .inputs()
        .map(AsRef::as_ref)
        .filter(|input| chosen.contains(&input.sender))
        .filter(|input| args.feed.as_ref().is_none_or(|feed| input.feed == *feed))
        .filter(|input| args.file.as_ref().is_none_or(|part| input.key.contains(part)))
        .filter(|input| input.was_refused() || args.all && input.rows_rejected > 0)
        .collect();
    inputs.sort_by(|a, b| (&a.sender, &a.feed, &a.key).cmp(&(&b.sender, &b.feed, &b.key)));
    let wanted = Wanted {
        senders: chosen,
        feed: args.feed.clone(),
        reason: args.reason.clone(),
        file: args.file.clone(),
        files: Vec::new(),
    };
    Ok(Found { inputs, wanted })
}

fn whole_files<'a>(found: &Found<'a>, args: &RejectsArgs) -> Vec<&'a Input> {
    let asked = args.reason.as_deref().is_none_or(|reason| reason == "file_refused");
    let refused = found.inputs.iter().filter(|input| asked && !input.status.counts());
    refused.copied().collect()
}

/// A file refused whole, as a line of the sheet.
fn of_file(input: &Input) -> Refusal {
    Refusal {
        sender: input.sender.clone(),
        feed: input.feed.clone(),
        file: input.key.clone(),
        line: None,
        column: String::new(),
        reason: "file_refused".to_string(),
        found: input.reason.clone().unwrap_or_default(),
        expected: String::new(),
        raw: String::new(),
        outcome: "file_refused".to_string(),
        delivered_at: Some(input.delivered_at),
    }
}

fn show(counts: &[Counted], whole: &[&Input], rows: &[Refusal], total: u64, console: &Console) -> Result<()> {
    if counts.is_empty() && whole.is_empty() {
        return console.line("nothing is refused");
    }
    let held: u64 = counts.iter().filter(|count| count.outcome == "held_back").map(|count| count.rows).sum();
    console.line(format!(
        "{} rows refused: {} by intake, {} held back until what they name is known; {} files refused whole\n",
        thousands(total),
        thousands(total - held),
        thousands(held),
        whole.len()
    ))?;
    for count in counts {
        let outcome = if count.outcome == "held_back" { "  (held back)" } else { "" };
        console.line(format!(
            "  {:>8}  {:<20} {:<12} {}{outcome}",
            thousands(count.rows),
            count.sender,
            count.feed,
            count.reason
        ))?;
    }
    if !whole.is_empty() {
        console.line("\nFiles refused whole")?;
    }
    for input in whole {
        console.line(format!("  {}\n      {}", input.key, input.reason.as_deref().unwrap_or("no reason kept")))?;
    }
    // A terminal reads English; the sheet is in the company's language.
    let words = Words::new("en", "");
    let mut file = "";
    for row in rows {
        if row.file != file {
            file = &row.file;
            console.line(format!("\n{file}"))?;
        }
        let expected = if row.expected.is_empty() { String::new() } else { format!("; expected {}", row.expected) };
        console.line(format!(
            "  line {:<6} {:<18} {}: found {:?}{expected}\n              -> {}",
            row.line.map(|line| line.to_string()).unwrap_or_default(),
            row.column,
            row.reason,
            row.found,
            refusals::advice(&row.reason, &words)
        ))?;
    }
    if (rows.len() as u64) < total {
        console.line(format!("\n… and {} more rows: --limit 0 shows all", thousands(total - rows.len() as u64)))?;
    }
    console.line("\nNext\n  a sheet for the partner: tributary rejects --sender NAME --xlsx FILE (or --csv FILE)")?;
    console.line("  after mending a mapping or raising a limit: tributary rejects --replay")
}

/// Writes the sheets. Columns bear the partner's own headers where all rows are of one sender.
fn sheets(company: &Company, args: &RejectsArgs, rows: &[Refusal], console: &Console) -> Result<Exit> {
    let words = words(company);
    let headers = headers_of(company, rows);
    let mut written = Vec::new();
    let mut write = |path: &Path, bytes: Vec<u8>| {
        written.push(path.display().to_string());
        std::fs::write(path, bytes).map_err(|err| Error::from(err).at(path.display()))
    };
    if let Some(path) = &args.csv {
        write(path, refusals::csv(rows, &headers, &words))?;
    }
    if let Some(path) = &args.xlsx {
        if rows.len() > refusals::SHEET_ROWS_MAX {
            return Err(Error::config(format!("{} rows do not fit a worksheet", rows.len()))
                .hint("narrow them by --sender, --feed or --reason, or write --csv"));
        }
        write(path, refusals::xlsx(rows, &headers, &words, company.clock.now())?)?;
    }
    if console.json() {
        console.document(&json!({"files": written, "rows": rows.len()}))?;
    } else {
        console.line(format!("{} rows written to {}", thousands(rows.len() as u64), written.join(" and ")))?;
    }
    Ok(Exit::Ok)
}

/// The partner's own header by canonical column, as far as all rows agree on one sender and feed.
fn headers_of(company: &Company, rows: &[Refusal]) -> BTreeMap<String, String> {
    let Some(first) = rows.first() else { return BTreeMap::new() };
    let one = rows.iter().all(|row| (&row.sender, &row.feed) == (&first.sender, &first.feed));
    let feed = company.senders.get(&first.sender).and_then(|sender| sender.feeds.get(&first.feed));
    feed.filter(|_| one).map(crate::sender::SenderFeed::headers).unwrap_or_default()
}

/// Says what the next run would make of the refused files.
async fn replay(company: &Company, found: &Found<'_>, console: &Console) -> Result<Exit> {
    let replayed = pipeline::replay(company, &found.inputs).await?;
    if console.json() {
        console.document(&replayed)?;
        return Ok(Exit::Ok);
    }
    if replayed.is_empty() {
        console.line("no file is refused, whole or in rows")?;
    }
    for one in &replayed {
        console.line(&one.file)?;
        console.line(format!("  was       {}", account(one.was_refused.as_deref(), one.was)))?;
        match (&one.gone, one.would_be) {
            (Some(gone), _) => console.line(format!("  now       cannot be read again: {gone}"))?,
            (None, Some(rows)) => {
                let same =
                    if one.changed { "" } else { "  (but no run reads it again: mapping and limits are unchanged)" };
                console.line(format!("  would be  {}{same}", account(one.would_be_refused.as_deref(), rows)))?;
            }
            (None, None) => {}
        }
        for row in &one.refused {
            console.line(format!("            {}", row.told()))?;
        }
    }
    let changed: Vec<&Replayed> = replayed.iter().filter(|one| one.gain() != 0).collect();
    let gain: i64 = changed.iter().map(|one| one.gain()).sum();
    if !replayed.is_empty() {
        console.line(match changed.len() {
            0 => {
                "\nnothing would change: mend the mapping in jobs/senders, or ask the partner for new files".to_string()
            }
            files => {
                format!("\n{files} files would change, {gain:+} rows: the next run takes them in (tributary run JOB)")
            }
        })?;
        console.line("rows held back for something unknown are tried again by every run")?;
    }
    Ok(Exit::Ok)
}

fn account(refused: Option<&str>, (clean, rejected): (u64, u64)) -> String {
    match refused {
        Some(reason) => format!("refused whole: {reason}"),
        None => format!("{} rows clean, {} refused", thousands(clean), thousands(rejected)),
    }
}

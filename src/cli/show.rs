//! `show`: one run in full, what needs somebody first.

use serde_json::json;

use super::args::Cli;
use super::inspect::{run_named, word};
use super::mails::outcome;
use super::run::company;
use super::{Console, Exit};
use crate::error::Result;
use crate::mail::rule::{AlertRule, SEVERITIES};
use crate::mail::words::Words;
use crate::pipeline::{self, Company};
use crate::report::grid::Grid;
use crate::report::{self, thousands};
use crate::state::State;
use crate::state::record::{Alert, AlertPhase, Input, InputStatus, RunRecord};

/// Quiet files listed before the rest is counted.
const FILES_SHOWN: usize = 50;

/// One run in full.
pub(super) async fn show(cli: &Cli, wanted: &str, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let state = pipeline::accounts(&company).await?;
    let run = run_named(&state, wanted)?;
    let mut files: Vec<&Input> = state.inputs().map(AsRef::as_ref).filter(|input| input.run_id == run.run_id).collect();
    // What somebody has to look at comes first.
    let rank = |input: &Input| {
        (input.status.counts() && input.without.is_empty(), input.rows_rejected == 0, input.warnings.is_empty())
    };
    files.sort_by(|a, b| (rank(a), &a.key).cmp(&(rank(b), &b.key)));
    let newest = state.runs.back().is_some_and(|last| last.run_id == run.run_id);
    let alerts = if newest { open_alerts(&state) } else { Vec::new() };
    let seen = state.published_run().is_some_and(|seen| seen.run_id == run.run_id);
    let reduced = if seen { pipeline::reductions(&company, &state).await? } else { Vec::new() };
    let mails = mails(&company, &state, run).await?;
    if console.json() {
        let mails: Vec<_> = mails
            .iter()
            .map(|[outcome, to, subject]| json!({"outcome": outcome, "recipient": to, "subject": subject}))
            .collect();
        console.document(&json!({"run": run, "files": files, "alerts": alerts, "reduced": reduced, "mails": mails}))?;
        return Ok(Exit::Ok);
    }
    facts(&company, run, console)?;
    tell_files(&company, &files, console)?;
    console.raw(report::reduced(&reduced).as_bytes())?;
    tell_alerts(&company, &alerts, console)?;
    if run.alerts > 0 && (!newest || alerts.is_empty()) {
        console.line(format!(
            "\nAlerts: {} at its end; `tributary show last` lists those that stand now",
            thousands(run.alerts)
        ))?;
    }
    if !mails.is_empty() {
        console.line("\nMails")?;
        let rows = mails.into_iter().map(|mail| mail.to_vec());
        console.raw(Grid::texts(&["outcome", "to", "subject"], rows).list(console.width()).as_bytes())?;
    }
    Ok(Exit::Ok)
}

fn facts(company: &Company, run: &RunRecord, console: &Console) -> Result<()> {
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
    if run.store_requests > 0 {
        console.line(format!("  stores      {} requests", thousands(run.store_requests)))?;
    }
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
    Ok(())
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

fn tell_files(company: &Company, files: &[&Input], console: &Console) -> Result<()> {
    if !files.is_empty() {
        console.line("\nFiles")?;
    }
    for (at, input) in files.iter().enumerate() {
        let standing = match input.status {
            InputStatus::Active => "active",
            InputStatus::Superseded => "superseded",
            InputStatus::Quarantined => "quarantined",
            InputStatus::SetAside => "set aside",
        };
        let without: String = input.without.iter().map(|lines| format!(", {lines} set aside")).collect();
        let words: Vec<&String> = input.reason.iter().chain(&input.warnings).collect();
        // Whatever needs somebody is shown, however many there are.
        if at >= FILES_SHOWN && words.is_empty() && input.rows_rejected == 0 {
            let rest = (files.len() - at) as u64;
            return console.line(format!(
                "  … and {} that went through (--output json lists all)",
                report::counted(rest, "more file")
            ));
        }
        let rows = report::counted(input.rows_read, "row");
        console.line(format!(
            "  {standing:<11} {} ({rows}, {} rejected{without}), {}",
            input.key,
            thousands(input.rows_rejected),
            delivered(company, input)
        ))?;
        for word in words {
            console.line(format!("              {word}"))?;
        }
    }
    Ok(())
}

/// Alerts that fire, the worst first.
fn open_alerts(state: &State) -> Vec<&Alert> {
    let mut open: Vec<&Alert> = state.alerts.iter().filter(|alert| alert.phase != AlertPhase::Resolved).collect();
    let rank = |alert: &Alert| SEVERITIES.iter().position(|known| *known == alert.severity).unwrap_or(SEVERITIES.len());
    open.sort_by(|a, b| {
        (a.muted.is_some(), rank(a), &a.rule, &a.fingerprint).cmp(&(
            b.muted.is_some(),
            rank(b),
            &b.rule,
            &b.fingerprint,
        ))
    });
    open
}

fn tell_alerts(company: &Company, alerts: &[&Alert], console: &Console) -> Result<()> {
    if alerts.is_empty() {
        return Ok(());
    }
    console.line("\nAlerts")?;
    let rules = AlertRule::sound(company.registry.alert_sidecars());
    let words = Words::new(&company.config.company.locale, &company.config.company.base_currency);
    let line = |alert: &&Alert| {
        let title = rules.get(&alert.rule).map_or_else(|| alert.rule.clone(), |rule| rule.say(alert, &words).title);
        let muted = if alert.muted.is_some() { " (muted)" } else { "" };
        vec![format!("{}{muted}", alert.severity), alert.since.to_string(), alert.rule.clone(), title]
    };
    let grid = Grid::texts(&["severity", "since", "rule", "finding"], alerts.iter().map(line));
    console.raw(grid.list(console.width()).as_bytes())
}

/// Outcome, recipient and subject of each mail of a run.
async fn mails(company: &Company, state: &State, run: &RunRecord) -> Result<Vec<[String; 3]>> {
    let mut mails = Vec::new();
    for mail in state.owed.iter().filter(|mail| mail.run_id == run.run_id) {
        let (outcome, _) = outcome(company, mail).await?;
        mails.push([outcome, mail.recipient.clone(), mail.subject.clone()]);
    }
    Ok(mails)
}

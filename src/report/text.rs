//! The account as text for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Report;
use crate::mail::reduction::{Reduction, Standing};
use crate::state::record::{AlertPhase, RunStatus};

/// Renders the account. Files that went through without a word are only counted.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    write_report(&mut out, report).ok();
    out
}

fn write_report(out: &mut String, report: &Report) -> std::fmt::Result {
    let run = &report.run;
    if report.nothing_new {
        writeln!(
            out,
            "{} {}: nothing new. Same files, SQL and settings as run {}; no file was written and no mail sent.",
            run.job, run.logical_date, run.run_id
        )?;
        write_behind(out, report)?;
        return write_mails(out, report);
    }
    let status = match run.status {
        RunStatus::Ok => "ok",
        RunStatus::Warned => "finished with warnings",
        RunStatus::ChecksFailed => "CHECKS FAILED: nothing was published, the last good marts stay",
        RunStatus::Failed => "FAILED: nothing was published, the last good marts stay",
    };
    let seconds = (run.ended_at - run.started_at).num_milliseconds().max(0);
    writeln!(out, "{} {}: {status} ({}.{:01} s)", run.job, run.logical_date, seconds / 1000, seconds % 1000 / 100)?;
    writeln!(out)?;
    writeln!(out, "  files in    {:>12}", thousands(run.files))?;
    writeln!(
        out,
        "  rows in     {:>12} = {} clean + {} rejected",
        thousands(run.rows_read),
        thousands(run.rows_clean),
        thousands(run.rows_rejected)
    )?;
    writeln!(
        out,
        "  models      {:>12}   partitions: {} built, {} reused",
        thousands(report.models),
        thousands(run.partitions_built),
        thousands(run.partitions_reused)
    )?;
    if run.store_requests > 0 {
        writeln!(out, "  stores      {:>12}   requests", thousands(run.store_requests))?;
    }
    let rows: u64 = report.marts.iter().map(|mart| mart.rows).sum();
    writeln!(out, "  marts       {:>12}   {} rows", report.marts.len(), thousands(rows))?;
    writeln!(out, "  alerts      {:>12}", report.firing().count())?;
    writeln!(out, "  mails       {:>12}", report.mails.len())?;
    if let Some(error) = &run.error {
        writeln!(out, "\nError\n  {error}")?;
    }
    write_behind(out, report)?;
    write_files(out, report)?;
    if !report.refusals.is_empty() {
        writeln!(out, "\nRejected rows")?;
        for (feed, reason, count) in &report.refusals {
            writeln!(out, "  {:>8}  {feed}  {reason}", thousands(*count))?;
        }
    }
    write_reduced(out, report)?;
    if !report.marts.is_empty() {
        writeln!(out, "\nMarts")?;
        for mart in &report.marts {
            let reused = mart.files - mart.written.min(mart.files);
            let files = match (mart.files, reused) {
                (1, 0) => String::new(),
                (n, 0) => format!("  {n} files"),
                (n, reused) => format!("  {n} files, {reused} reused"),
            };
            writeln!(out, "  {:<24} {:>10} rows{files}", mart.mart, thousands(mart.rows))?;
        }
    }
    write_alerts(out, report)?;
    write_mails(out, report)?;
    if !run.notes.is_empty() {
        writeln!(out, "\nNotes")?;
        for note in &run.notes {
            writeln!(out, "  {note}")?;
        }
    }
    if !report.places.is_empty() {
        writeln!(out, "\nWhere")?;
        for (what, place) in &report.places {
            writeln!(out, "  {what:<8} {place}")?;
        }
    }
    if !report.next.is_empty() {
        writeln!(out, "\nNext")?;
        for step in &report.next {
            writeln!(out, "  {step}")?;
        }
    }
    Ok(())
}

fn write_behind(out: &mut String, report: &Report) -> std::fmt::Result {
    let Some(behind) = &report.behind else { return Ok(()) };
    writeln!(
        out,
        "\nPublished, but readers are behind\n  {behind}\n  The night is safe in the lake. Mend the marts folder, then run again: the \
         next start brings duckdb.sql and latest/ forward."
    )
}

fn write_files(out: &mut String, report: &Report) -> std::fmt::Result {
    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    for file in &report.files {
        *outcomes.entry(&file.outcome).or_default() += 1;
    }
    if !outcomes.is_empty() {
        let parts: Vec<String> = outcomes.iter().map(|(outcome, n)| format!("{n} {outcome}")).collect();
        writeln!(out, "\nFiles: {}", parts.join(", "))?;
    }
    for file in report.files.iter().filter(|file| file.outcome != "new" || !file.notes.is_empty()).take(20) {
        writeln!(out, "  {:<12} {}", file.outcome, file.key)?;
        for note in &file.notes {
            writeln!(out, "               {note}")?;
        }
    }
    Ok(())
}

/// Feeds that this company does not use are one note.
fn write_reduced(out: &mut String, report: &Report) -> std::fmt::Result {
    write_reductions(out, &report.reduced)
}

/// Feeds that are not all there, why, and every mart that this leaves incomplete.
pub fn reduced(reductions: &[Reduction]) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    write_reductions(&mut out, reductions).ok();
    out
}

fn write_reductions(out: &mut String, reductions: &[Reduction]) -> std::fmt::Result {
    let told: Vec<_> = reductions.iter().filter(|reduction| reduction.standing != Standing::Unused).collect();
    if !told.is_empty() {
        writeln!(out, "\nReduced marts, and why")?;
    }
    for reduction in told {
        let because: Vec<&str> = reduction.because.iter().map(|cause| cause.en.as_str()).collect();
        writeln!(out, "  {}: {}", reduction.feed, because.join("; "))?;
        writeln!(
            out,
            "      {}",
            if reduction.marts.is_empty() { "no mart reads it".into() } else { reduction.marts.join(", ") }
        )?;
    }
    Ok(())
}

fn write_alerts(out: &mut String, report: &Report) -> std::fmt::Result {
    let mut rules: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for alert in report.firing() {
        let counts = rules.entry(&alert.rule).or_default();
        counts.0 += 1;
        counts.1 += u64::from(alert.phase == AlertPhase::New);
    }
    if !rules.is_empty() {
        writeln!(out, "\nAlerts")?;
    }
    for (rule, (firing, new)) in rules {
        writeln!(out, "  {rule:<24} {firing:>6}   {new} new")?;
    }
    Ok(())
}

fn write_mails(out: &mut String, report: &Report) -> std::fmt::Result {
    if !report.mails.is_empty() {
        writeln!(out, "\nMails")?;
    }
    for mail in &report.mails {
        writeln!(out, "  {:<8} {:<32} {}", mail.outcome, mail.recipient, mail.detail)?;
    }
    Ok(())
}

/// `1 file`, `1,234 files`.
pub fn counted(n: u64, what: &str) -> String {
    format!("{} {what}{}", thousands(n), if n == 1 { "" } else { "s" })
}

/// A count with thousands separators: `1,234,567`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn thousands_are_separated() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(12_345_678), "12,345,678");
    }
}

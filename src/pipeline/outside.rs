//! What whoever watches from outside reads, without a login: figures for Prometheus' textfile collector, replaced whole after
//! each run, and a line of JSON for each run. Neither ever fails a night: what cannot be written is logged.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use chrono::{DateTime, NaiveTime, Utc};
use serde::Serialize;

use super::Company;
use crate::config::Monitor;
use crate::error::Result;
use crate::report::Report;
use crate::state::State;
use crate::state::record::{RunRecord, RunStatus};
use crate::store::modes;

/// Tells of a run that is over. `state` is the lake's after it.
pub(super) fn tell(company: &Company, state: &State, report: &Report) {
    tell_of(&company.config.monitor, state, report);
}

fn tell_of(monitor: &Monitor, state: &State, report: &Report) {
    let written = [
        (&monitor.metrics_file, write_metrics as fn(&Path, &State, &Report) -> Result<()>),
        (&monitor.runs_file, append_line as fn(&Path, &State, &Report) -> Result<()>),
    ];
    for (file, write) in written {
        if !file.as_os_str().is_empty()
            && let Err(err) = write(file, state, report)
        {
            tracing::warn!(file = %file.display(), error = err.one_line(), "who watches this run from outside is not told");
        }
    }
}

/// Replaces the file whole: the collector may read at any time.
fn write_metrics(file: &Path, state: &State, report: &Report) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    modes::make(folder)?;
    let mut aside = tempfile::NamedTempFile::new_in(folder)?;
    aside.write_all(metrics(state, report).as_bytes())?;
    modes::readable(aside.as_file())?;
    aside.persist(file).map_err(|err| err.error)?;
    Ok(())
}

/// A run as one line.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    run: &'a RunRecord,
    nothing_new: bool,
    behind: Option<&'a str>,
    mails_sent: usize,
    mails_waiting: usize,
    mails_dead: usize,
}

fn append_line(file: &Path, _state: &State, report: &Report) -> Result<()> {
    modes::make(file.parent().unwrap_or(Path::new(".")))?;
    let line = Line {
        run: &report.run,
        nothing_new: report.nothing_new,
        behind: report.behind.as_deref(),
        mails_sent: mails(report, "sent"),
        mails_waiting: mails(report, "waiting"),
        mails_dead: mails(report, "dead"),
    };
    let mut text = serde_json::to_string(&line)?;
    text.push('\n');
    // One write, so that lines of two runners never mix.
    modes::ours().append(true).create(true).open(file)?.write_all(text.as_bytes())?;
    Ok(())
}

fn mails(report: &Report, outcome: &str) -> usize {
    report.mails.iter().filter(|mail| mail.outcome == outcome).count()
}

/// Figures in Prometheus' text form: of each job's last run, and of this one what only it knows.
fn metrics(state: &State, report: &Report) -> String {
    let mut page = Page::default();
    let mut last: Vec<&RunRecord> = Vec::new();
    for run in std::iter::once(&report.run).chain(state.runs.iter().rev()) {
        if !last.iter().any(|known| known.job == run.job) {
            last.push(run);
        }
    }
    last.sort_by(|a, b| a.job.cmp(&b.job));
    let succeeded = |job: &str| {
        let all = std::iter::once(&report.run).chain(state.runs.iter().rev());
        all.filter(|run| run.job == job && run.published()).map(|run| run.ended_at).max()
    };
    page.family("tributary_build_info", "The program that wrote this file.");
    page.line("tributary_build_info", &[("version", env!("CARGO_PKG_VERSION"))], "1");
    page.family(
        "tributary_last_success_timestamp_seconds",
        "When a run of the job last published, in seconds since 1970.",
    );
    for run in &last {
        if let Some(at) = succeeded(&run.job) {
            page.line("tributary_last_success_timestamp_seconds", &[("job", &run.job)], &seconds(at));
        }
    }
    let each: [(&str, &str, fn(&RunRecord) -> String); 9] = [
        ("tributary_last_run_timestamp_seconds", "When the job's last run ended.", |run| seconds(run.ended_at)),
        ("tributary_last_run_duration_seconds", "How long it took until its commit.", |run| {
            thousandths((run.ended_at - run.started_at).num_milliseconds())
        }),
        ("tributary_last_run_as_of_timestamp_seconds", "The date it was for, at 00:00 UTC.", |run| {
            seconds(run.logical_date.and_time(NaiveTime::MIN).and_utc())
        }),
        ("tributary_last_run_published", "1 if it published, 0 if it failed.", |run| {
            u8::from(run.published()).to_string()
        }),
        ("tributary_last_run_files", "Files that it took in.", |run| run.files.to_string()),
        ("tributary_last_run_marts", "Marts that it published.", |run| run.marts.to_string()),
        ("tributary_last_run_alerts", "Alerts that fire.", |run| run.alerts.to_string()),
        ("tributary_last_run_statements", "SQL statements that it planned.", |run| run.statements.to_string()),
        ("tributary_last_run_store_requests", "Requests to object stores.", |run| run.store_requests.to_string()),
    ];
    for (name, words, value) in each {
        page.family(name, words);
        for run in &last {
            page.line(name, &[("job", &run.job)], &value(run));
        }
    }
    let name = "tributary_last_run_status";
    page.family(name, "1 for how it ended.");
    for run in &last {
        for status in [RunStatus::Ok, RunStatus::Warned, RunStatus::ChecksFailed, RunStatus::Failed] {
            let value = u8::from(run.status == status).to_string();
            page.line(name, &[("job", &run.job), ("status", word(status))], &value);
        }
    }
    let name = "tributary_last_run_rows";
    page.family(name, "Rows that it read, by what became of them.");
    for run in &last {
        for (outcome, rows) in [("clean", run.rows_clean), ("rejected", run.rows_rejected)] {
            page.line(name, &[("job", &run.job), ("outcome", outcome)], &rows.to_string());
        }
    }
    let name = "tributary_last_run_stage_seconds";
    page.family(name, "How long each of its stages took.");
    for run in &last {
        for (stage, ms) in run.stages() {
            let ms = i64::try_from(ms).unwrap_or(i64::MAX);
            page.line(name, &[("job", &run.job), ("stage", stage)], &thousandths(ms));
        }
    }
    let name = "tributary_mails";
    page.family(name, "Mails after the newest run of any job: sent by it, still owed, given up and not yet seen to.");
    for outcome in ["sent", "waiting", "dead"] {
        page.line(name, &[("outcome", outcome)], &mails(report, outcome).to_string());
    }
    page.family("tributary_readers_behind", "1 if readers do not see yet what is published.");
    page.line("tributary_readers_behind", &[], &u8::from(report.behind.is_some()).to_string());
    page.text
}

fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Ok => "ok",
        RunStatus::Warned => "warned",
        RunStatus::ChecksFailed => "checks_failed",
        RunStatus::Failed => "failed",
    }
}

fn seconds(at: DateTime<Utc>) -> String {
    at.timestamp().to_string()
}

/// Milliseconds as seconds.
fn thousandths(ms: i64) -> String {
    let (sign, ms) = if ms < 0 { ("-", ms.unsigned_abs()) } else { ("", ms.unsigned_abs()) };
    format!("{sign}{}.{:03}", ms / 1000, ms % 1000)
}

/// A page of figures.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, words: &str) {
        writeln!(self.text, "# HELP {name} {words}\n# TYPE {name} gauge").ok();
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: &str) {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels: Vec<String> = labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        writeln!(self.text, "{name}{labels} {value}").ok();
    }
}

#[cfg(test)]
mod tests;

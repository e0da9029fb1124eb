//! One run as a web page that needs nothing beside it: for whoever is asked in the morning what happened.

use std::collections::BTreeMap;

use serde::Serialize;

use super::text::thousands;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::mail::rule::{AlertRule, Said};
use crate::mail::words::Words;
use crate::models::Registry;
use crate::state::State;
use crate::state::record::{AlertPhase, Input, InputStatus, RunRecord, RunStatus};

const TEMPLATE: &str = include_str!("page.html");

/// Everything that the template prints.
#[derive(Debug, Serialize)]
struct Page {
    company: String,
    run_id: String,
    job: String,
    date: String,
    status: &'static str,
    colour: &'static str,
    facts: Vec<(&'static str, String)>,
    error: Option<String>,
    notes: Vec<String>,
    files: Vec<File>,
    quiet_files: usize,
    marts: Vec<(String, String, String, &'static str)>,
    alerts: Vec<Finding>,
    mails: Vec<(String, String)>,
    stages: Vec<(&'static str, String)>,
}

/// A file worth a line: refused, or with refused rows or warnings.
#[derive(Debug, Serialize)]
struct File {
    standing: &'static str,
    key: String,
    rows: String,
    rejected: String,
    words: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Finding {
    severity: String,
    title: String,
    reason: String,
    advice: String,
    since: String,
    muted: Option<String>,
}

/// The page of `run`. Findings stand only on the page of the newest run: older ones are no longer what is true.
pub fn html(config: &Config, registry: &Registry, state: &State, run: &RunRecord) -> Result<String> {
    let words = Words::new("en", &config.company.base_currency);
    let newest = state.runs.back().is_some_and(|last| last.run_id == run.run_id);
    let mut inputs: Vec<&Input> =
        state.inputs().map(AsRef::as_ref).filter(|input| input.run_id == run.run_id).collect();
    inputs.sort_by(|a, b| a.key.cmp(&b.key));
    let files: Vec<File> = inputs.iter().filter_map(|input| file(input)).collect();
    let zone = config.company.time_zone;
    let (status, colour) = match run.status {
        RunStatus::Ok => ("ok", "#2f9461"),
        RunStatus::Warned => ("finished with warnings", "#c27a16"),
        RunStatus::ChecksFailed => ("checks failed, nothing was published", "#d1453b"),
        RunStatus::Failed => ("failed, nothing was published", "#d1453b"),
    };
    let rows = format!(
        "{} = {} clean + {} refused",
        thousands(run.rows_read),
        thousands(run.rows_clean),
        thousands(run.rows_rejected)
    );
    let page = Page {
        company: config.company.name.clone(),
        run_id: run.run_id.clone(),
        job: run.job.clone(),
        date: run.logical_date.to_string(),
        status,
        colour,
        facts: vec![
            ("Started", run.started_at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z").to_string()),
            ("Took", format!("{} s", (run.ended_at - run.started_at).num_seconds())),
            ("Files", thousands(run.files)),
            ("Rows", rows),
            ("Partitions", format!("{} built, {} reused", run.partitions_built, run.partitions_reused)),
            ("Marts", thousands(run.marts)),
        ],
        error: run.error.clone(),
        notes: run.notes.clone(),
        quiet_files: inputs.len() - files.len(),
        files,
        marts: if run.published() { marts(registry, state, &run.run_id) } else { Vec::new() },
        alerts: if newest { findings(registry, state, &words)? } else { Vec::new() },
        mails: state
            .owed
            .iter()
            .filter(|mail| mail.run_id == run.run_id)
            .map(|mail| (mail.recipient.clone(), mail.subject.clone()))
            .collect(),
        stages: run.stages().map(|(stage, ms)| (stage, thousands(ms))).collect(),
    };
    let mut env = minijinja::Environment::new();
    env.set_trim_blocks(true);
    env.set_lstrip_blocks(true);
    let broken = |err: minijinja::Error| Error::bug("the page cannot be written").at("page.html").because(err);
    env.add_template("page.html", TEMPLATE).map_err(broken)?;
    env.get_template("page.html").and_then(|template| template.render(&page)).map_err(broken)
}

fn file(input: &Input) -> Option<File> {
    let mut words: Vec<String> = input.reason.iter().chain(&input.warnings).cloned().collect();
    if words.is_empty() && input.rows_rejected == 0 {
        return None;
    }
    words.truncate(5);
    Some(File {
        standing: match input.status {
            InputStatus::Active => "used",
            InputStatus::Superseded => "replaced",
            InputStatus::Quarantined => "refused",
            InputStatus::SetAside => "set aside",
        },
        key: input.key.clone(),
        rows: thousands(input.rows_read),
        rejected: thousands(input.rows_rejected),
        words,
    })
}

/// Name, rows, what a row is, and whether this run wrote it.
fn marts(registry: &Registry, state: &State, run_id: &str) -> Vec<(String, String, String, &'static str)> {
    let mut marts: BTreeMap<&str, (u64, bool)> = BTreeMap::new();
    for partition in state.partitions().filter(|partition| registry.is_mart(&partition.model)) {
        let mart = marts.entry(&partition.model).or_default();
        if let Some(file) = &partition.file {
            mart.0 += file.rows;
            mart.1 |= file.key.contains(run_id);
        }
    }
    let line = |(name, (rows, written)): (&str, (u64, bool))| {
        let grain = registry.get(name).map(|model| model.grain().to_string()).unwrap_or_default();
        (name.to_string(), thousands(rows), grain, if written { "written" } else { "unchanged" })
    };
    marts.into_iter().map(line).collect()
}

fn findings(registry: &Registry, state: &State, words: &Words) -> Result<Vec<Finding>> {
    let rules = AlertRule::all(registry.alert_sidecars())?;
    let mut found = Vec::new();
    for alert in state.alerts.iter().filter(|alert| alert.phase != AlertPhase::Resolved) {
        // A rule that was taken away leaves its name.
        let unknown = || Said { title: alert.rule.clone(), ..Said::default() };
        let said = rules.get(&alert.rule).map_or_else(unknown, |rule| rule.say(alert, words));
        let rank = crate::mail::rule::SEVERITIES.iter().position(|known| *known == alert.severity);
        let finding = Finding {
            severity: alert.severity.clone(),
            title: said.title,
            reason: said.reason,
            advice: said.advice,
            since: alert.since.to_string(),
            muted: alert.muted.clone(),
        };
        found.push(((alert.muted.is_some(), rank.unwrap_or(9), finding.title.clone()), finding));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found.into_iter().map(|(_, finding)| finding).collect())
}

//! `silence`: no mail about a finding for a while, by whom and until when. The grey line under a finding in a
//! mail is what `silence add` takes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::json;

use super::args::{Cli, SilenceArgs, SilenceCommand};
use super::instant::{instant, shown};
use super::run::company;
use super::status::parse_age;
use super::{Console, Exit};
use crate::error::{Error, Result, unknown};
use crate::mail::rule::AlertRule;
use crate::pipeline::{self, Company};
use crate::state::record::{AlertPhase, Silence};
use crate::state::silence::{end, holding, lay};
use crate::state::{self, Options, State};

/// Runs `silence add`, `list` or `end`.
pub(super) async fn silence(cli: &Cli, command: &SilenceCommand, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    match command {
        SilenceCommand::Add(args) => add(&company, args, console).await,
        SilenceCommand::List => list(&company, console).await,
        SilenceCommand::End { id } => {
            let ended = end(&company.stores, &Options::of(&company.config), &company.clock, id).await?;
            if console.json() {
                console.document(&ended)?;
            } else {
                console.line(format!("ended {}: {}", ended.id, wanted(&ended)))?;
            }
            Ok(Exit::Ok)
        }
    }
}

async fn add(company: &Company, args: &SilenceArgs, console: &Console) -> Result<Exit> {
    let matchers = matchers(company, &args.finding)?;
    let now = company.clock.now();
    let until = match (&args.span, &args.until) {
        (Some(span), None) => now + parse_age(span)?,
        (None, Some(until)) => instant(company, until)?,
        _ => {
            return Err(Error::config("a silence needs an end").hint("say --for 7d or --until 2026-12-31"));
        }
    };
    if until <= now {
        return Err(Error::config(format!("{until} is past")).hint("the end must lie ahead"));
    }
    let author = args.author.trim();
    if author.is_empty() {
        return Err(Error::config("nobody signs the silence").hint("say --author NAME"));
    }
    let silence = Silence {
        id: state::nonce()[..8].to_string(),
        matchers,
        until,
        author: author.to_string(),
        comment: args.comment.clone(),
    };
    let state = lay(&company.stores, &Options::of(&company.config), &company.clock, silence.clone()).await?;
    let held = held(&state, &silence, now);
    if console.json() {
        console.document(&json!({"silence": silence, "findings_now": held}))?;
    } else {
        console.line(format!(
            "silence {} holds until {} ({}): {}",
            silence.id,
            shown(company, until),
            findings(held),
            wanted(&silence)
        ))?;
        if held == 0 {
            console
                .line("  nothing that stands now is meant; later findings are. See `tributary query` on the alerts")?;
        }
    }
    Ok(Exit::Ok)
}

async fn list(company: &Company, console: &Console) -> Result<Exit> {
    let state = pipeline::state(company).await?;
    let now = company.clock.now();
    let all: Vec<&Silence> = holding(&state, now).collect();
    if console.json() {
        let list: Vec<_> =
            all.iter().map(|one| json!({"silence": one, "findings_now": held(&state, one, now)})).collect();
        console.document(&list)?;
        return Ok(Exit::Ok);
    }
    if all.is_empty() {
        console.line("no silence holds; `tributary silence add RULE LABEL=VALUE --for 7d` lays one")?;
    }
    for silence in all {
        console.line(format!(
            "{}  until {}  by {}  {}  ({}){}",
            silence.id,
            shown(company, silence.until),
            silence.author,
            wanted(silence),
            findings(held(&state, silence, now)),
            if silence.comment.is_empty() { String::new() } else { format!("  {}", silence.comment) }
        ))?;
    }
    Ok(Exit::Ok)
}

/// `overstock partner_id=P101`: a rule and its labels, as the grey line of a mail gives them.
fn matchers(company: &Company, finding: &[String]) -> Result<BTreeMap<String, String>> {
    let rules = AlertRule::all(company.registry.alert_sidecars())?;
    let mut matchers = BTreeMap::new();
    for part in finding {
        let (name, value) = part.split_once('=').unwrap_or(("rule", part));
        if matchers.insert(name.to_string(), value.to_string()).is_some() {
            return Err(Error::config(format!("`{name}` is given twice"))
                .hint("one rule, then LABEL=VALUE; put a value with spaces in quotes"));
        }
    }
    let labels: BTreeSet<&str> = match matchers.get("rule") {
        Some(rule) => match rules.get(rule) {
            Some(rule) => rule.labels.iter().map(String::as_str).collect(),
            None => return Err(unknown("the finding names rule", rule, rules.keys().map(String::as_str))),
        },
        None => rules.values().flat_map(|rule| &rule.labels).map(String::as_str).collect(),
    };
    match matchers.keys().find(|name| *name != "rule" && !labels.contains(name.as_str())) {
        Some(other) => Err(unknown("the finding names label", other, labels.into_iter())),
        None => Ok(matchers),
    }
}

fn held(state: &State, silence: &Silence, now: DateTime<Utc>) -> usize {
    let standing = state.alerts.iter().filter(|alert| alert.phase != AlertPhase::Resolved);
    standing.filter(|alert| silence.holds(alert, now)).count()
}

fn findings(count: usize) -> String {
    format!("{count} standing {}", if count == 1 { "finding" } else { "findings" })
}

fn wanted(silence: &Silence) -> String {
    let rule = silence.matchers.get("rule").cloned();
    let labels = silence.matchers.iter().filter(|(name, _)| *name != "rule");
    rule.into_iter().chain(labels.map(|(name, value)| format!("{name}={value}"))).collect::<Vec<_>>().join(" ")
}

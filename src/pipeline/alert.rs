//! Life cycle of findings, as in Prometheus Alertmanager: what the alert models found tonight, beside
//! what stood last night, becomes new, ongoing, worse or resolved, muted or to be mailed. Pure.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde_json::Value as Json;

use crate::address::validate_address;
use crate::error::Result;
use crate::mail::rule::{AlertRule, HEAD_OFFICE, RUN_FAILED, Row, SEVERITIES, Worse, addresses, as_number, as_text};
use crate::sha256::sha256_hex;
use crate::state::record::{Alert, AlertPhase, Silence};

/// A resolution that no mail has told yet is kept under this reason.
const UNTOLD: &str = "held for the next mail";

/// What one rule found tonight. A rule that was not asked is not listed; its findings stand as they were.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    /// The rule.
    pub rule: &'a AlertRule,
    /// Its rows; none when all is well.
    pub rows: Vec<Row>,
    /// Labels (name, value) of the findings that this run can speak about; others stand. Empty: all of them.
    pub scope: BTreeMap<String, String>,
}

/// What findings are judged by.
#[derive(Debug, Clone)]
pub struct Night<'a> {
    /// Alerts as the last commit left them.
    pub previous: &'a [Alert],
    /// Silences laid, ended or not.
    pub silences: &'a [Silence],
    /// This instant; a digest takes the same one.
    pub now: DateTime<Utc>,
    /// As-of date of the run.
    pub logical_date: NaiveDate,
    /// Addresses behind the owner `head_office`.
    pub head_office: &'a [String],
    /// `mail.repeat_hours`.
    pub repeat_hours: i64,
    /// Whether this run mails: no for jobs without mail and for all but the newest of caught-up dates.
    pub mails: bool,
}

/// Tonight's alerts, and what was odd about the findings, in words for the run's notes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// Every alert that stands or was resolved, by rule and fingerprint.
    pub alerts: Vec<Alert>,
    /// Notes.
    pub notes: Vec<String>,
    /// Owners to whom no mail can go, and why.
    pub unusable: BTreeMap<String, String>,
}

type Rules<'a> = BTreeMap<&'a str, &'a Found<'a>>;
type Standing = BTreeMap<(String, String), Alert>;

/// Judges tonight's findings. An alert with `mailed_at == now` is to be told in tonight's mails.
pub fn judge(found: &[Found<'_>], night: &Night<'_>) -> Result<Judged> {
    let rules: Rules<'_> = found.iter().map(|found| (found.rule.name.as_str(), found)).collect();
    let (mut notes, mut unusable) = (Vec::new(), BTreeMap::new());
    let mut standing = Standing::new();
    for Found { rule, rows, .. } in found {
        let mut doubled = 0_usize;
        for row in rows {
            let alert = raise(rule, row, night, &mut notes, &mut unusable)?;
            let key = (alert.rule.clone(), alert.fingerprint.clone());
            match standing.get(&key) {
                Some(other) if compare(rule, other, &alert).is_ge() => doubled += 1,
                Some(_) => {
                    doubled += 1;
                    standing.insert(key, alert);
                }
                None => {
                    standing.insert(key, alert);
                }
            }
        }
        if doubled > 0 {
            notes.push(format!(
                "alert {}: {doubled} rows share the labels {} with a worse one and are left out",
                rule.name,
                rule.labels.join(", ")
            ));
        }
    }
    carry(&mut standing, &rules, night);
    inhibit(&mut standing, &rules);
    let mut alerts: Vec<Alert> = standing.into_values().collect();
    for alert in &mut alerts {
        silence(alert, night);
        schedule(alert, rules.get(alert.rule.as_str()).map(|found| found.rule), night);
    }
    notes.sort();
    notes.dedup();
    Ok(Judged { alerts, notes, unusable })
}

/// A row as a new alert, or as the continuation of last night's.
fn raise(
    rule: &AlertRule,
    row: &Row,
    night: &Night<'_>,
    notes: &mut Vec<String>,
    unusable: &mut BTreeMap<String, String>,
) -> Result<Alert> {
    let cell = |column: &String| row.get(column).unwrap_or(&Json::Null);
    let labels: BTreeMap<String, String> =
        rule.labels.iter().map(|label| (label.clone(), as_text(cell(label)))).collect();
    let mut alert = Alert {
        fingerprint: fingerprint(&rule.name, &labels)?,
        rule: rule.name.clone(),
        labels,
        severity: severity(rule, row, notes),
        value: rule.value.as_ref().and_then(|column| as_number(cell(column))),
        row: row.clone(),
        owners: owners(rule, row, night, unusable),
        phase: AlertPhase::New,
        since: night.logical_date,
        mailed_at: None,
        muted: None,
    };
    let before = night.previous.iter().find(|old| old.rule == alert.rule && old.fingerprint == alert.fingerprint);
    if let Some(old) = before.filter(|old| old.phase != AlertPhase::Resolved) {
        alert.since = old.since.min(night.logical_date);
        alert.mailed_at = old.mailed_at;
        alert.phase = if is_worse(rule, old, &alert) { AlertPhase::Worse } else { AlertPhase::Ongoing };
    }
    Ok(alert)
}

/// Last night's alerts that nothing found tonight: resolved where their rule was asked, else still standing.
fn carry(standing: &mut Standing, rules: &Rules<'_>, night: &Night<'_>) {
    let inhibitors: Vec<Alert> = standing.values().cloned().collect();
    for old in night.previous {
        let key = (old.rule.clone(), old.fingerprint.clone());
        if standing.contains_key(&key) {
            continue;
        }
        let untold = old.muted.as_deref() == Some(UNTOLD);
        let mut alert = old.clone();
        alert.muted = None;
        let spoken = |found: &&&Found<'_>| found.scope.iter().all(|(name, value)| old.labels.get(name) == Some(value));
        match (old.phase, rules.get(old.rule.as_str()).filter(spoken)) {
            (AlertPhase::Resolved, _) if !untold => continue,
            (AlertPhase::Resolved, _) => {}
            (_, None) => alert.phase = AlertPhase::Ongoing,
            // What hides a partner's figures hides their recovery too: without the file nobody can tell.
            (_, Some(found)) if inhibitors.iter().any(|other| hides(other, found.rule, old)) => {
                alert.phase = AlertPhase::Ongoing;
            }
            (_, Some(_)) => alert.phase = AlertPhase::Resolved,
        }
        standing.insert(key, alert);
    }
}

/// Mutes what another alert explains.
fn inhibit(standing: &mut Standing, rules: &Rules<'_>) {
    let firing: Vec<Alert> = standing.values().filter(|alert| alert.phase != AlertPhase::Resolved).cloned().collect();
    let failed = firing.iter().any(|alert| alert.rule == RUN_FAILED);
    for alert in standing.values_mut() {
        if failed && alert.rule != RUN_FAILED {
            alert.muted = Some(format!("inhibited by {RUN_FAILED}"));
        } else if let Some(found) = rules.get(alert.rule.as_str()) {
            let by = firing.iter().find(|other| hides(other, found.rule, alert));
            alert.muted = by.map(|other| format!("inhibited by {}", other.rule));
        }
    }
}

/// Whether `other` explains `alert`: a rule that inhibits it, with equal labels where they share some.
fn hides(other: &Alert, rule: &AlertRule, alert: &Alert) -> bool {
    if other.phase == AlertPhase::Resolved || other.rule == alert.rule || !rule.inhibited_by.contains(&other.rule) {
        return false;
    }
    let own = |name: &String| alert.labels.get(name).cloned().or_else(|| alert.row.get(name).map(as_text));
    let shared: Vec<(&String, String)> = other.labels.iter().filter_map(|(name, v)| Some((v, own(name)?))).collect();
    // An alert without labels is about everything.
    other.labels.is_empty()
        || (!shared.is_empty() && shared.iter().all(|(theirs, ours)| !theirs.is_empty() && *theirs == ours))
}

/// Mutes what somebody asked not to hear about for a while.
fn silence(alert: &mut Alert, night: &Night<'_>) {
    if alert.muted.is_none()
        && let Some(by) = night.silences.iter().find(|silence| silence.holds(alert, night.now))
    {
        alert.muted = Some(format!("silenced by {} until {}", by.author, by.until.format("%Y-%m-%d %H:%M UTC")));
    }
}

/// Decides whether tonight's mails tell it.
fn schedule(alert: &mut Alert, rule: Option<&AlertRule>, night: &Night<'_>) {
    if alert.phase == AlertPhase::Resolved {
        // Only what was told is worth taking back.
        if alert.muted.is_none() && alert.mailed_at.is_some() {
            if night.mails {
                alert.mailed_at = Some(night.now);
            } else {
                alert.muted = Some(UNTOLD.to_string());
            }
        }
        return;
    }
    let asked = rule.is_some() || alert.rule == RUN_FAILED;
    if !night.mails || alert.muted.is_some() || !asked {
        return;
    }
    let hours = rule.and_then(|rule| rule.repeat_hours).unwrap_or(night.repeat_hours).max(1);
    let due = match alert.mailed_at {
        None => true,
        Some(_) if matches!(alert.phase, AlertPhase::New | AlertPhase::Worse) => true,
        // One night is never exactly 24 hours after the last: a tenth, at most two hours, is let go.
        Some(told) => night.now - told >= Duration::minutes(hours * 60 - (hours * 6).min(120)),
    };
    if due {
        alert.mailed_at = Some(night.now);
    }
}

/// SHA-256 over rule and labels, in hex.
pub fn fingerprint(rule: &str, labels: &BTreeMap<String, String>) -> Result<String> {
    Ok(sha256_hex(&serde_json::to_vec(&(rule, labels))?))
}

/// Place of a severity, 0 the worst.
pub fn severity_rank(severity: &str) -> usize {
    SEVERITIES.iter().position(|known| *known == severity).unwrap_or(SEVERITIES.len())
}

fn is_worse(rule: &AlertRule, old: &Alert, new: &Alert) -> bool {
    if severity_rank(&new.severity) != severity_rank(&old.severity) {
        return severity_rank(&new.severity) < severity_rank(&old.severity);
    }
    let (Some(before), Some(after)) = (old.value, new.value) else { return false };
    let by = match rule.worse {
        Worse::Higher => after - before,
        Worse::Lower => before - after,
    };
    by > 0.0 && by >= before.abs() * rule.worse_by
}

/// Which of two findings with the same labels is worse; the same answer in whatever order they come.
fn compare(rule: &AlertRule, one: &Alert, other: &Alert) -> Ordering {
    let bad = |alert: &Alert| match (alert.value, rule.worse) {
        (None, _) => f64::NEG_INFINITY,
        (Some(value), Worse::Higher) => value,
        (Some(value), Worse::Lower) => -value,
    };
    let text = |alert: &Alert| serde_json::to_string(&alert.row).unwrap_or_default();
    severity_rank(&other.severity)
        .cmp(&severity_rank(&one.severity))
        .then_with(|| bad(one).total_cmp(&bad(other)))
        .then_with(|| text(one).cmp(&text(other)))
}

fn severity(rule: &AlertRule, row: &Row, notes: &mut Vec<String>) -> String {
    let fallback = || rule.severity.clone().unwrap_or_else(|| "warning".to_string());
    let Some(column) = &rule.severity_column else { return fallback() };
    match row.get(column) {
        Some(Json::String(text)) if SEVERITIES.contains(&text.as_str()) => text.clone(),
        Some(Json::Null) | None => fallback(),
        Some(other) => {
            notes.push(format!(
                "alert {}: severity {other} is none of {}; taken as {}",
                rule.name,
                SEVERITIES.join(", "),
                fallback()
            ));
            fallback()
        }
    }
}

/// Who is told: valid addresses of the named columns, head office when there is none.
fn owners(rule: &AlertRule, row: &Row, night: &Night<'_>, unusable: &mut BTreeMap<String, String>) -> Vec<String> {
    let mut told = BTreeSet::new();
    for owner in &rule.owners {
        if owner == HEAD_OFFICE {
            told.extend(night.head_office.iter().cloned());
            continue;
        }
        let cell = if owner.contains('@') { owner.clone() } else { row.get(owner).map(as_text).unwrap_or_default() };
        for address in addresses(&cell) {
            match validate_address(&address) {
                Ok(()) => drop(told.insert(address)),
                Err(err) => drop(unusable.insert(address, err.one_line())),
            }
        }
    }
    if told.is_empty() {
        told.extend(night.head_office.iter().cloned());
    }
    told.into_iter().collect()
}

#[cfg(test)]
mod tests;

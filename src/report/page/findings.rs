//! What stands, grouped by rule: the worst rule first, each folded.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Surroundings;
use crate::error::Result;
use crate::mail::rule::{AlertRule, SEVERITIES, Said};
use crate::mail::words::Words;
use crate::state::record::{Alert, AlertPhase};

/// The findings of one rule.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    rule: String,
    name: String,
    /// The worst of them.
    severity: String,
    count: usize,
    muted: usize,
    pub(super) findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// Where `mail.report_url` leads to.
    id: String,
    pub(super) severity: String,
    title: String,
    comparison: String,
    reason: String,
    advice: String,
    since: String,
    owners: String,
    pub(super) muted: Option<String>,
}

fn place(severity: &str) -> usize {
    SEVERITIES.iter().position(|known| *known == severity).unwrap_or(SEVERITIES.len())
}

pub(super) fn groups(around: &Surroundings<'_>, words: &Words) -> Result<Vec<Group>> {
    let rules = AlertRule::all(around.registry.alert_sidecars())?;
    let mut by_rule: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
    for alert in around.state.alerts.iter().filter(|alert| alert.phase != AlertPhase::Resolved) {
        by_rule.entry(&alert.rule).or_default().push(alert);
    }
    let group = |(name, mut alerts): (&str, Vec<&Alert>)| {
        let rule = rules.get(name);
        let stake = |alert: &Alert| rule.and_then(|rule| rule.stake(alert)).unwrap_or(0.0);
        alerts.sort_by(|one, other| {
            let rank = |alert: &Alert| (alert.muted.is_some(), place(&alert.severity));
            rank(one).cmp(&rank(other)).then(stake(other).total_cmp(&stake(one)))
        });
        let open = alerts.iter().filter(|alert| alert.muted.is_none());
        let severity = open.map(|alert| alert.severity.as_str()).min_by_key(|severity| place(severity));
        Group {
            rule: name.to_string(),
            name: rule.map_or_else(|| name.to_string(), |rule| rule.short_name(words)),
            severity: severity.unwrap_or("muted").to_string(),
            count: alerts.len(),
            muted: alerts.iter().filter(|alert| alert.muted.is_some()).count(),
            findings: alerts.into_iter().map(|alert| finding(rule, alert, words)).collect(),
        }
    };
    let mut groups: Vec<Group> = by_rule.into_iter().map(group).collect();
    groups.sort_by(|one, other| {
        place(&one.severity)
            .cmp(&place(&other.severity))
            .then(other.count.cmp(&one.count))
            .then(one.rule.cmp(&other.rule))
    });
    Ok(groups)
}

fn finding(rule: Option<&AlertRule>, alert: &Alert, words: &Words) -> Finding {
    // A rule that was taken away leaves its name.
    let unknown = || Said { title: alert.rule.clone(), ..Said::default() };
    let said = rule.map_or_else(unknown, |rule| rule.say(alert, words));
    Finding {
        id: alert.fingerprint.clone(),
        severity: alert.severity.clone(),
        title: said.title,
        comparison: said.comparison,
        reason: said.reason,
        advice: said.advice,
        since: words.date(alert.since),
        owners: alert.owners.join(", "),
        muted: alert.muted.clone(),
    }
}

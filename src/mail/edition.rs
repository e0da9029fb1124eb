//! What all digests of a run are written from, and what each recipient is to be told of it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::reduction::Reduction;
use super::rule::{About, AlertRule, Row, SEVERITIES, Worse};
use super::wishes::is_weekly_day;
use super::words::Words;
use crate::config::{Config, Recipient};
use crate::job::matches_any;
use crate::state::record::{Alert, AlertPhase, RunRecord, RunStatus};

/// What a figure of the day is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everything.
    Total,
    /// A channel.
    Channel,
    /// A partner.
    Partner,
}

/// A figure of the day beside the one it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Headline {
    /// What it is about.
    pub scope: Scope,
    /// Its name: a channel's, a partner's.
    pub name: String,
    /// Net sales of the day in base currency; none where nothing of the day is there.
    pub value: Option<f64>,
    /// Whether the day's files are all there.
    pub complete: bool,
    /// The same weekday of last week; none where there is none.
    pub previous: Option<f64>,
    /// Past days up to this one, oldest first, drawn as small bars; may be empty.
    pub history: Vec<f64>,
}

/// Which of the expected deliveries arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// Partners (senders) whose files were due.
    pub expected: usize,
    /// Those whose files are there.
    pub received: usize,
    /// Names of the others.
    pub missing: Vec<String>,
}

/// Someone who gets a digest whether or not anything was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Audience {
    /// Mail address.
    pub address: String,
    /// What they are responsible for, in few words: `华东`, `京东`.
    pub scope: Option<String>,
    /// Their figures of the day.
    pub headlines: Vec<Headline>,
    /// Deliveries they wait for, when not the whole company's.
    pub received: Option<Received>,
}

/// What all digests of a run are written from.
#[derive(Debug, Clone)]
pub struct Edition<'a> {
    /// Settings: company, mail.
    pub config: &'a Config,
    /// The run's account.
    pub run: &'a RunRecord,
    /// This instant: the one that the alerts were judged at.
    pub now: DateTime<Utc>,
    /// As-of date of the figures that readers see now; the previous one when this run published nothing.
    pub data_as_of: Option<NaiveDate>,
    /// The night that the reports show, where it is newer than this run's.
    pub readers_at: Option<NaiveDate>,
    /// Deliveries of the whole company.
    pub received: &'a Received,
    /// Feeds that are not all there.
    pub reduced: &'a [Reduction],
    /// Rules by name.
    pub rules: &'a BTreeMap<String, AlertRule>,
    /// Alerts as judged.
    pub alerts: &'a [Alert],
    /// Rows that stand behind findings, by rule.
    pub evidence: &'a BTreeMap<String, Vec<Row>>,
    /// Who gets a digest anyway; head office and owners of alerts are added.
    pub audiences: &'a [Audience],
}

impl Edition<'_> {
    /// Who answers questions about these mails: who is named for it, else the first of head office.
    pub(crate) fn helper(&self) -> Option<&str> {
        let named = Some(&self.config.mail.help_contact).filter(|contact| !contact.is_empty());
        named.or(self.config.company.head_office.first()).map(String::as_str)
    }

    /// Whether this person gets a mail of this run: those who want one a week do on their day, and when a run failed.
    pub(crate) fn is_due(&self, address: &str) -> bool {
        let weekly = self.config.recipient(address).is_some_and(|wish| wish.every == "week");
        let failed = matches!(self.run.status, RunStatus::Failed | RunStatus::ChecksFailed);
        !weekly || failed || is_weekly_day(self.config, self.run.logical_date)
    }
}

/// What a subject starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The run did not publish.
    Failed,
    /// Something needs attention.
    Alert,
    /// Files are missing, nothing else is wrong.
    Late,
    /// All is well.
    Ok,
}

impl Status {
    /// For machines: the header `X-Tributary-Status`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Alert => "alert",
            Self::Late => "late",
            Self::Ok => "ok",
        }
    }

    /// For people.
    pub(crate) fn word(self, words: &Words) -> &'static str {
        match self {
            Self::Failed => words.pick("失败", "FAILED"),
            Self::Alert => words.pick("预警", "ALERT"),
            Self::Late => words.pick("迟到", "LATE"),
            Self::Ok => words.pick("正常", "OK"),
        }
    }
}

/// Whether tonight's mails say something about it.
pub(crate) fn tells(alert: &Alert, now: DateTime<Utc>) -> bool {
    alert.muted.is_none() && alert.mailed_at == Some(now)
}

/// A recipient's alerts, sorted into what the mail says about them.
#[derive(Debug, Default)]
pub(crate) struct Picked<'a> {
    /// To be told, worst first.
    pub(crate) due: Vec<&'a Alert>,
    /// Standing and told before; counted only.
    pub(crate) known: Vec<&'a Alert>,
    /// Held back; counted only.
    pub(crate) muted: Vec<&'a Alert>,
    /// Gone since they were told.
    pub(crate) resolved: Vec<&'a Alert>,
}

/// Sorts a recipient's alerts.
pub(crate) fn pick<'a>(edition: &Edition<'a>, audience: &Audience) -> Picked<'a> {
    let mut picked = Picked::default();
    let own = |alert: &&Alert| alert.owners.iter().any(|owner| owner.eq_ignore_ascii_case(&audience.address));
    let wish = edition.config.recipient(&audience.address);
    let weekly = wish.is_some_and(|wish| wish.every == "week");
    for alert in edition.alerts.iter().filter(own).filter(|alert| wish.is_none_or(|wish| wants(wish, edition, alert))) {
        let resolved = alert.phase == AlertPhase::Resolved;
        // A mail a week says all that stands, whatever the nights between have told others.
        let told = tells(alert, edition.now) || weekly && !resolved && alert.absent_nights == 0;
        match (alert.muted.is_some(), told) {
            (true, _) if !resolved => picked.muted.push(alert),
            (false, true) if resolved => picked.resolved.push(alert),
            (false, true) => picked.due.push(alert),
            (false, false) if !resolved => picked.known.push(alert),
            _ => {}
        }
    }
    picked.due.sort_by(|one, other| {
        rank(edition.rules, one)
            .partial_cmp(&rank(edition.rules, other))
            .expect("ranks hold no NaN: values that are not finite are refused when an alert is raised")
    });
    picked
}

/// Whether this person wants to be told of it.
fn wants(wish: &Recipient, edition: &Edition<'_>, alert: &Alert) -> bool {
    if edition.rules.get(&alert.rule).is_some_and(|rule| rule.about == About::Run) {
        return true;
    }
    let place = |severity: &str| SEVERITIES.iter().position(|known| *known == severity).unwrap_or(SEVERITIES.len());
    matches_any(&wish.rules, &alert.rule) && place(&alert.severity) <= place(&wish.severity)
}

/// What a finding is sorted by: a tuple, smallest first.
type Rank<'a> = (usize, usize, f64, bool, f64, &'a str, &'a str);

/// Sorts what has to be seen first: the run and the files that the other figures depend on, then severity, then what costs
/// most, then new or worse before ongoing, then value within a rule; names make it stable.
pub(crate) fn rank<'a>(rules: &BTreeMap<String, AlertRule>, alert: &'a Alert) -> Rank<'a> {
    let rule = rules.get(&alert.rule);
    let severity = SEVERITIES.iter().position(|known| *known == alert.severity).unwrap_or(SEVERITIES.len());
    let about = match rule.map_or(About::Business, |rule| rule.about) {
        About::Run if alert.severity != "info" => 0,
        About::Delivery if alert.severity != "info" => 1,
        _ if rule.is_none_or(|rule| rule.leads(alert)) => 2,
        _ => 3,
    };
    let stake = rule.and_then(|rule| rule.stake(alert)).unwrap_or(0.0);
    let lower = rule.is_some_and(|rule| rule.worse == Worse::Lower);
    let value = alert.value.filter(|value| value.is_finite());
    let value = value.map_or(f64::MAX, |value| if lower { value } else { -value });
    (about, severity, -stake, alert.phase == AlertPhase::Ongoing, value, &alert.rule, &alert.fingerprint)
}

/// The word a mail starts with.
pub(crate) fn status(edition: &Edition<'_>, received: &Received, picked: &Picked<'_>) -> Status {
    if matches!(edition.run.status, RunStatus::Failed | RunStatus::ChecksFailed) {
        return Status::Failed;
    }
    let serious = |about: fn(About) -> bool| {
        picked.due.iter().chain(&picked.known).any(|alert| {
            alert.severity != "info" && about(edition.rules.get(&alert.rule).map_or(About::Business, |rule| rule.about))
        })
    };
    if serious(|about| about != About::Delivery) {
        Status::Alert
    } else if received.received < received.expected || serious(|about| about == About::Delivery) {
        Status::Late
    } else {
        Status::Ok
    }
}

//! What people are told: alerts as they stand from night to night, mails that are owed, and what is held back.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// Life cycle of an alert, as in Prometheus Alertmanager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertPhase {
    /// First seen in this run.
    New,
    /// Seen before, no worse.
    Ongoing,
    /// Seen before at lower severity or smaller value.
    Worse,
    /// Was there, is gone.
    Resolved,
}

/// One finding of an alert rule and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The rule: name of the model in sql/alerts.
    pub rule: String,
    /// Hash of rule and labels.
    pub fingerprint: String,
    /// What identifies it.
    pub labels: BTreeMap<String, String>,
    /// `critical`, `warning` or `info`.
    pub severity: String,
    /// The figure it is about, for ranking and for `worse`.
    pub value: Option<f64>,
    /// Every column of the row, for the texts.
    pub row: BTreeMap<String, serde_json::Value>,
    /// Mail addresses that are told.
    pub owners: Vec<String>,
    /// Where it stands.
    pub phase: AlertPhase,
    /// Logical date on which it was first seen.
    pub since: NaiveDate,
    /// When it was last mailed.
    pub mailed_at: Option<DateTime<Utc>>,
    /// Held back by another alert or a silence, with the reason.
    pub muted: Option<String>,
    /// Nights in a row without it, while its rule waits to be sure that it is over.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub absent_nights: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(nights: &u32) -> bool {
    *nights == 0
}

/// A mail that is owed: its body was written before the commit, its receipt after the server took it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwedMail {
    /// Who gets it.
    pub recipient: String,
    /// Hash of the address, as used in keys.
    pub recipient_hash: String,
    /// Subject, for people who look at the state.
    pub subject: String,
    /// Key of the message in the lake.
    pub body: String,
    /// Run that owes it.
    pub run_id: String,
    /// When it was owed.
    pub owed_at: DateTime<Utc>,
}

/// A promise not to mail matching alerts for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Its name.
    pub id: String,
    /// Labels that must match; `rule` is one of them.
    pub matchers: BTreeMap<String, String>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Who asked for it.
    pub author: String,
    /// Why.
    pub comment: String,
}

impl Silence {
    /// Whether it holds back this alert at `now`. One without matchers would hush everything and counts for nothing.
    pub fn holds(&self, alert: &Alert, now: DateTime<Utc>) -> bool {
        self.until > now
            && !self.matchers.is_empty()
            && self.matchers.iter().all(|(name, wanted)| match name.as_str() {
                "rule" => alert.rule == *wanted,
                _ => alert.labels.get(name) == Some(wanted),
            })
    }
}

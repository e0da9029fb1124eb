//! What a commit holds. These records are the whole memory of a lake: everything else is either
//! immutable content they name, or can be computed again from them.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

pub use super::aside::{AsideId, Lines, SetAside};
pub use super::told::{Alert, AlertPhase, OwedMail};
pub use super::version::{InputId, Period, Version, version_name};
use crate::store::FileRef;

/// Where an input stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputStatus {
    /// Its rows count.
    Active,
    /// A later version of the same period took its place.
    Superseded,
    /// Refused whole; the partner's last good data stays.
    Quarantined,
    /// Read, and set aside whole: it counts as if it had not come.
    SetAside,
}

impl InputStatus {
    /// Whether it is a delivery that stands: neither refused nor set aside.
    pub fn counts(self) -> bool {
        matches!(self, Self::Active | Self::Superseded)
    }
}

/// One version of one file of one sender: identified by sender + feed + what it was delivered for + sha256 of the raw
/// bytes. The same bytes for another day are another delivery: a closed shop's header, a stock that did not change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Folder name of the sender.
    pub sender: String,
    /// The feed.
    pub feed: String,
    /// SHA-256 of the raw bytes as delivered, in hex.
    pub sha256: String,
    /// What it was delivered for: the days in its name; of a snapshot without, the day of its delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Period>,
    /// Key in the inbox.
    pub key: String,
    /// Size of the raw file.
    pub bytes: u64,
    /// The store's etag, where it gives one.
    pub etag: Option<String>,
    /// When the object was last modified in the inbox.
    pub last_modified: DateTime<Utc>,
    /// When the sender delivered it: declared in the file's name, else `last_modified`.
    pub delivered_at: DateTime<Utc>,
    /// First business date of the period that the file reports.
    pub period_start: Option<NaiveDate>,
    /// Last business date of that period.
    pub period_end: Option<NaiveDate>,
    /// Where it stands.
    pub status: InputStatus,
    /// Why it was quarantined or set aside, in words.
    pub reason: Option<String>,
    /// Quarantined because its rows were lost in the lake and the inbox did not hold the file any more. Every run looks
    /// for it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
    /// Fingerprint of the contract and mapping it was read by; of a refusal of the limits, too.
    pub contract_fingerprint: String,
    /// Run that took it in.
    pub run_id: String,
    /// Data rows in the file.
    pub rows_read: u64,
    /// Rows that were staged.
    pub rows_clean: u64,
    /// Rows that were refused.
    pub rows_rejected: u64,
    /// What should be said about it, such as identical copies of rows, of which one counts.
    pub warnings: Vec<String>,
    /// How its columns differ from what the mapping knows, as far as it was told for the first time by this file:
    /// each difference is told once for a sender and feed, not every night.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
    /// Staged rows; none when quarantined or empty.
    pub staged: Option<FileRef>,
    /// Refused rows; none when there are none.
    pub rejects: Option<FileRef>,
    /// Staged rows by month of business date (`2026-11`), so that a change rebuilds only these.
    pub months: BTreeMap<String, u64>,
    /// References whose rows are about dates: a hash of the rows of each month, by which a later snapshot that says
    /// the same of a month again is known to be no news for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contents: BTreeMap<String, String>,
    /// Smallest business date among its rows; for references the earliest date from which a row is valid.
    pub first_date: Option<NaiveDate>,
    /// Largest business date among its rows.
    pub last_date: Option<NaiveDate>,
    /// By business day, hashes of a few of its rows: two files that share one say the same day again, others add up.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub marks: BTreeMap<NaiveDate, Vec<u64>>,
    /// Date ranges (inclusive) that a later overlapping file of the same sender and feed holds instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<(NaiveDate, NaiveDate)>,
    /// Lines of it that are set aside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<Lines>,
    /// When the same content was delivered again, in feeds where the latest delivery of a key wins:
    /// its rows count from then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resent_at: Option<DateTime<Utc>>,
}

impl Input {
    /// What makes it the same file.
    pub fn id(&self) -> InputId {
        (self.sender.clone(), self.feed.clone(), self.version())
    }

    /// The whole of it set aside; by whom and why is filled in by the caller.
    pub fn aside(&self, since: DateTime<Utc>) -> SetAside {
        SetAside {
            sender: self.sender.clone(),
            feed: self.feed.clone(),
            sha256: self.sha256.clone(),
            named: self.named,
            key: self.key.clone(),
            lines: None,
            model: None,
            reason: String::new(),
            since,
            by: String::new(),
            until: None,
            reading: String::new(),
            ended: false,
        }
    }

    /// The same within its sender and feed.
    pub fn version(&self) -> Version {
        (self.sha256.clone(), self.named)
    }

    /// Refused whole, or in some of its rows, and still of interest: no later version has taken its place.
    pub fn was_refused(&self) -> bool {
        match self.status {
            InputStatus::Quarantined | InputStatus::SetAside => true,
            InputStatus::Active => self.rows_rejected > 0 || !self.without.is_empty(),
            InputStatus::Superseded => false,
        }
    }

    /// The period that it reports, if it has one.
    pub fn period(&self) -> Option<Period> {
        Some((self.period_start?, self.period_end?))
    }
}

/// One delivery: an object of the inbox and the content it was found to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Key in the inbox.
    pub key: String,
    /// Size.
    pub bytes: u64,
    /// Etag, where the store gives one.
    pub etag: Option<String>,
    /// Last modification.
    pub last_modified: DateTime<Utc>,
    /// Sender and feed by its place.
    pub sender: String,
    /// Feed by its place.
    pub feed: String,
    /// The content it was found to hold.
    pub sha256: String,
    /// When the sender delivered it: declared in the file's name, else `last_modified`.
    pub delivered_at: DateTime<Utc>,
    /// What it was delivered for, as the version that it brought or repeats goes by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Period>,
    /// What it meant: `new`, `corrected`, `duplicate`, `reinstated`, `older`, `quarantined`.
    pub outcome: String,
    /// Run that saw it first.
    pub run_id: String,
    /// It is in the inbox no more. What it brought still counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

impl Sighting {
    /// The delivery by which a staged or quarantined input came.
    pub fn of(input: &Input) -> Self {
        Self {
            key: input.key.clone(),
            bytes: input.bytes,
            etag: input.etag.clone(),
            last_modified: input.last_modified,
            sender: input.sender.clone(),
            feed: input.feed.clone(),
            sha256: input.sha256.clone(),
            delivered_at: input.delivered_at,
            named: input.named,
            outcome: String::new(),
            run_id: input.run_id.clone(),
            gone: false,
        }
    }

    /// The version that it brought or repeats.
    pub fn id(&self) -> InputId {
        (self.sender.clone(), self.feed.clone(), self.version())
    }

    /// The same within its sender and feed.
    pub fn version(&self) -> Version {
        (self.sha256.clone(), self.named)
    }
}

/// One built partition of one model (`all` where the model is not partitioned).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Model name.
    pub model: String,
    /// `all`, or the partition: `2026-11`.
    pub partition: String,
    /// What it was made of: equal fingerprint, equal rows.
    pub fingerprint: String,
    /// The checks that its rows were asked, as a hash; empty where there were none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub checks: String,
    /// Its one file; none when it is known to be empty.
    pub file: Option<FileRef>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// All well.
    Ok,
    /// Published, with rejects, late or missing files, or warnings.
    Warned,
    /// A check failed: nothing new is published.
    ChecksFailed,
    /// An error ended it.
    Failed,
}

/// The account of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// `<job>-<logical date>-<nonce>`.
    pub run_id: String,
    /// Job.
    pub job: String,
    /// As-of date.
    pub logical_date: NaiveDate,
    /// Start.
    pub started_at: DateTime<Utc>,
    /// End.
    pub ended_at: DateTime<Utc>,
    /// How it ended.
    pub status: RunStatus,
    /// What it was computed from: active inputs, SQL, settings, as-of date. Equal means nothing to do.
    pub plan_fingerprint: String,
    /// Files taken in.
    pub files: u64,
    /// Rows read.
    pub rows_read: u64,
    /// Rows staged.
    pub rows_clean: u64,
    /// Rows refused.
    pub rows_rejected: u64,
    /// Model partitions built and reused.
    pub partitions_built: u64,
    /// Partitions that were reused.
    pub partitions_reused: u64,
    /// SQL statements planned for that, checks included: what a night without data still costs.
    #[serde(default)]
    pub statements: u64,
    /// Requests to stores that went over the network, as far as the stages go that `stage_ms` has; none where all are folders.
    #[serde(default)]
    pub store_requests: u64,
    /// Marts published.
    pub marts: u64,
    /// Alerts firing.
    pub alerts: u64,
    /// Mails owed.
    pub mails: u64,
    /// Milliseconds by stage.
    pub stage_ms: BTreeMap<String, u64>,
    /// What reduced the run, in words: feeds that never arrived, failed warn checks.
    pub notes: Vec<String>,
    /// The error that ended it.
    pub error: Option<String>,
}

impl RunRecord {
    /// How long each stage that it came to took, in milliseconds, in the order in which they run.
    pub fn stages(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ["discover", "stage", "validate", "transform", "alert", "publish", "deliver"]
            .into_iter()
            .filter_map(|stage| Some((stage, *self.stage_ms.get(stage)?)))
    }

    /// The run got through: its marts are what readers see, unless a later one followed.
    pub fn published(&self) -> bool {
        matches!(self.status, RunStatus::Ok | RunStatus::Warned)
    }
}

/// Stages that come after a run's commit (publish, deliver): told by the commit of the run after it, because what is
/// committed never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Afterwards {
    /// The run.
    pub run_id: String,
    /// Milliseconds by stage.
    pub stage_ms: BTreeMap<String, u64>,
    /// Requests to stores beside those of the commit's own account.
    #[serde(default)]
    pub store_requests: u64,
}

/// What a commit changes. Empty parts are left out of the JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changes {
    /// Inputs as they stand after this commit: new ones, and old ones whose status or mask changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// Objects of the inbox seen for the first time with this size and etag.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sightings: Vec<Sighting>,
    /// Partitions built; replaces the entry of the same model and partition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<Partition>,
    /// Alert states, whole: what is not listed any more is forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Vec<Alert>>,
    /// Mails owed by this run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owed: Vec<OwedMail>,
    /// The run's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunRecord>,
    /// What an earlier run did after its own commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub afterwards: Option<Afterwards>,
    /// A silence laid or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
    /// What is set aside from now on, or counts again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<SetAside>,
    /// This run's date is the newest that readers see, whatever was published for later ones.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub takes_back: bool,
    /// Rebate periods frozen by payout.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frozen: Vec<serde_json::Value>,
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

/// Kind of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitKind {
    /// A run that published.
    Run,
    /// A run that did not; its inputs and alerts still count.
    Failed,
    /// A new holder of the lease shuts the door on the old one.
    Fence,
    /// A silence.
    Silence,
    /// A rebate period was paid and is frozen.
    Frozen,
    /// A person withdrew a delivery, or restored one.
    SetAside,
}

/// A checkpoint named by the first commit after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointRef {
    /// The last commit that it folds.
    pub number: u64,
    /// Key in the lake.
    pub key: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// One link of the chain: `state/commits/000042.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// Position in the chain, from 1.
    pub number: u64,
    /// Epoch of the lease that wrote it.
    pub epoch: u64,
    /// Kind.
    pub kind: CommitKind,
    /// Run, or who else wrote it.
    pub run_id: String,
    /// Random, to recognise our own commit after a lost reply.
    pub nonce: String,
    /// As-of date of the run.
    pub logical_date: Option<NaiveDate>,
    /// When it was written.
    pub written_at: DateTime<Utc>,
    /// SHA-256 of the previous commit's bytes.
    pub previous_sha256: Option<String>,
    /// A checkpoint that folds the chain up to an earlier number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checkpoint: Option<CheckpointRef>,
    /// What changes.
    pub changes: Changes,
}

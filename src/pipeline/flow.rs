//! What passes from stage to stage, and what a night knows while it lasts.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Instant;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use tempfile::TempDir;

use super::damage::Damage;
use super::workdays::Workdays;
use super::{Company, Request};
use crate::error::{Error, Result};
use crate::intake::Spool;
use crate::job::matches_any;
use crate::mail::reduction::Reduction;
use crate::models::{BuildOutcome, Fault, PlanStep};
use crate::report::{FileLine, MailLine, MartLine};
use crate::state::State;
use crate::state::record::{
    Afterwards, Alert, Input, InputId, InputStatus, OwedMail, RunRecord, RunStatus, SetAside, Sighting,
};
use crate::store::Put;

/// The model that gives each manager the day's figures, where a company has one.
pub(super) const HEADLINES: &str = "mail_headlines";

/// One object of the inbox that is worth fetching.
#[derive(Debug, Clone, Serialize)]
pub struct Arrival {
    /// Sender by its place.
    pub sender: String,
    /// Feed by its place.
    pub feed: String,
    /// Key in the inbox.
    pub key: String,
    /// Size.
    pub bytes: u64,
    /// Etag, where the store gives one.
    pub etag: Option<String>,
    /// Last modification.
    pub last_modified: DateTime<Utc>,
}

/// A sender's place in the inbox that could not be listed: whatever lies there was not taken.
#[derive(Debug, Clone)]
pub(super) struct Unlisted {
    pub(super) sender: String,
    pub(super) feed: String,
    pub(super) reason: String,
}

/// A fetched file.
#[derive(Debug)]
pub struct Landed {
    /// Where it came from.
    pub arrival: Arrival,
    /// The raw bytes.
    pub content: Spool,
    /// Holds them and what staging writes beside them, and goes when this is dropped; none for a file held in memory.
    pub folder: Option<TempDir>,
    /// SHA-256 of the raw bytes, in hex.
    pub sha256: String,
}

/// Whether a file says of the same days what another of the same bytes said, whatever their names: its rows carry their
/// dates themselves.
pub(super) fn says_again(known: &Input, again: &Input) -> bool {
    let usable = |input: &Input| input.status != InputStatus::Quarantined && input.first_date.is_some();
    known.sha256 == again.sha256
        && (known.first_date, known.last_date) == (again.first_date, again.last_date)
        && (&known.sender, &known.feed) == (&again.sender, &again.feed)
        && usable(known)
        && usable(again)
}

/// A file read by its contract: staged, refused whole, or known already.
#[derive(Debug)]
pub struct Staged {
    /// That it was seen.
    pub sighting: Sighting,
    /// The version it makes; none when these bytes were taken in before.
    pub input: Option<Input>,
    /// Refused rows by reason.
    pub reasons: BTreeMap<String, u64>,
    /// What should be said of it: why a changed mapping is not followed, or that lost rows were read again.
    pub told: Option<String>,
}

/// Models after the transform stage.
pub struct Built {
    /// What the engine built and reused, with the session that can still be asked.
    pub outcome: BuildOutcome,
}

/// What would happen: the answer of `plan`.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// Files that would be fetched.
    pub arrivals: Vec<Arrival>,
    /// Partitions that would be built, and why.
    pub steps: Vec<PlanStep>,
    /// Alert models that would be asked.
    pub alerts: Vec<PlannedAlert>,
    /// Files that are missing by now, in words.
    pub lacking: Vec<String>,
    /// The last run of this date, if there was one.
    pub last: Option<RunRecord>,
    /// What is odd about the inbox.
    pub notes: Vec<String>,
}

/// An alert model that a run would ask.
#[derive(Debug, Serialize)]
pub struct PlannedAlert {
    /// Its name.
    pub rule: String,
    /// Findings of it that stand now and are not muted.
    pub open: u64,
    /// Whether anything that it reads would be built again.
    pub changed: bool,
}

/// Follows a run: a progress bar, or nothing.
pub trait Watch: Sync {
    /// A stage starts; `steps` is 0 where it is not known.
    fn stage(&self, name: &str, steps: u64);
    /// One step of it is done.
    fn step(&self, what: &str);
}

impl Watch for () {
    fn stage(&self, _name: &str, _steps: u64) {}
    fn step(&self, _what: &str) {}
}

/// A run while it lasts.
pub(super) struct Night<'a> {
    pub(super) company: &'a Company,
    pub(super) request: &'a Request,
    pub(super) run_id: String,
    pub(super) started_at: DateTime<Utc>,
    pub(super) state: State,
    /// Inputs that this run takes in or whose standing it changes.
    pub(super) inputs: BTreeMap<InputId, Input>,
    pub(super) sightings: Vec<Sighting>,
    /// Deliveries whose file went from the inbox, or came back to it, since the last run.
    pub(super) moved: Vec<Sighting>,
    /// What of the lake and the marts is not as the commits say: read or built again.
    pub(super) damage: Damage,
    /// Only damage is mended: nothing new is taken in.
    pub(super) repairs: bool,
    /// Places of the inbox that could not be listed.
    pub(super) unlisted: Vec<Unlisted>,
    /// What the calendar feed says of workdays.
    pub(super) workdays: Workdays,
    /// What is set aside, and what is no more.
    pub(super) asides: Vec<SetAside>,
    pub(super) asides_ended: Vec<SetAside>,
    /// Models in which this run found a fault: they and their readers are left out.
    pub(super) left_out: Vec<Fault>,
    /// What lies in the inbox and cannot be taken, by sender, feed and key: the reason.
    pub(super) unusable: BTreeMap<(String, String, String), String>,
    pub(super) files: Vec<FileLine>,
    pub(super) refusals: BTreeMap<(String, String), u64>,
    pub(super) alerts: Option<Vec<Alert>>,
    pub(super) owed: Vec<OwedMail>,
    pub(super) mails: Vec<MailLine>,
    pub(super) marts: Vec<MartLine>,
    pub(super) models: u64,
    pub(super) partitions: (u64, u64),
    /// Statements planned for them.
    pub(super) statements: u64,
    /// Requests that the stores had seen before this night.
    pub(super) requests_before: u64,
    pub(super) notes: Vec<String>,
    pub(super) reduced: Vec<Reduction>,
    pub(super) warned: bool,
    pub(super) status: RunStatus,
    pub(super) error: Option<String>,
    pub(super) passing: bool,
    pub(super) stage_ms: BTreeMap<String, u64>,
    /// What the run before did after its commit, to be told by this run's.
    pub(super) afterwards: Option<Afterwards>,
    /// This run's own account, as marts tell it; the one that is committed is a moment later.
    pub(super) telling: Option<RunRecord>,
    pub(super) nothing_new: bool,
    /// Why `duckdb.sql` or `latest/` do not show what is published.
    pub(super) behind: Option<String>,
    pub(super) plan_fingerprint: OnceLock<String>,
}

impl<'a> Night<'a> {
    /// The night that readers see, where it is newer than this one: then this run moves neither what they read nor the
    /// alerts, and its mails speak of its own date only.
    pub(super) fn newer(&self) -> Option<NaiveDate> {
        self.state.logical_date.filter(|newest| *newest > self.request.date)
    }

    pub(super) fn new(company: &'a Company, request: &'a Request, state: State) -> Self {
        Self {
            company,
            request,
            run_id: crate::state::run_id(&request.job.name, request.date),
            started_at: company.clock.now(),
            state,
            inputs: BTreeMap::new(),
            sightings: Vec::new(),
            moved: Vec::new(),
            damage: Damage::default(),
            repairs: false,
            unlisted: Vec::new(),
            workdays: Workdays::default(),
            asides: Vec::new(),
            asides_ended: Vec::new(),
            left_out: Vec::new(),
            unusable: BTreeMap::new(),
            files: Vec::new(),
            refusals: BTreeMap::new(),
            alerts: None,
            owed: Vec::new(),
            mails: Vec::new(),
            marts: Vec::new(),
            models: 0,
            partitions: (0, 0),
            statements: 0,
            requests_before: company.stores.requests(),
            notes: Vec::new(),
            reduced: Vec::new(),
            warned: false,
            status: RunStatus::Ok,
            error: None,
            passing: false,
            stage_ms: BTreeMap::new(),
            afterwards: None,
            telling: None,
            nothing_new: false,
            behind: None,
            plan_fingerprint: OnceLock::new(),
        }
    }

    /// Starts a stage's clock.
    pub(super) fn begin(&self, watch: &dyn super::Watch, name: &'static str, steps: u64) -> (&'static str, Instant) {
        watch.stage(name, steps);
        (name, Instant::now())
    }

    /// Stops it.
    pub(super) fn finish(&mut self, (name, start): (&'static str, Instant)) {
        let elapsed = start.elapsed().as_millis();
        tracing::info!(run = %self.run_id, stage = name, ms = elapsed, "stage done");
        self.stage_ms.insert(name.to_string(), u64::try_from(elapsed).unwrap_or(u64::MAX));
    }

    /// Says something that people should read, and makes the run end with warnings.
    pub(super) fn warn(&mut self, note: String) {
        tracing::warn!(run = %self.run_id, "{note}");
        self.notes.push(note);
        self.warned = true;
    }

    /// Something in the inbox cannot be taken. It is looked at again with every run.
    pub(super) fn unusable(&mut self, sender: &str, feed: &str, key: &str, reason: &str) {
        let place = (sender.to_string(), feed.to_string(), key.to_string());
        if self.unusable.insert(place, reason.to_string()).is_none() {
            self.warn(format!("{key} of sender {sender} cannot be taken: {reason}"));
        }
    }

    /// Lays a written mail into the outbox, where nothing is ever replaced.
    pub(super) async fn post(&self, body: &str, message: Vec<u8>) -> Result<()> {
        match self.company.stores.lake.put_new(body, message).await? {
            Put::Created => Ok(()),
            Put::Exists => Err(Error::bug("a mail of this run was written before").at(body)),
        }
    }

    /// Every input as it stands with this run's changes laid over the committed state.
    pub(super) fn all_inputs(&self) -> impl Iterator<Item = &Input> {
        let unchanged = self.state.inputs().map(AsRef::as_ref).filter(|input| !self.inputs.contains_key(&input.id()));
        unchanged.chain(self.inputs.values())
    }

    /// What the models are built from: every input of the job's senders, sorted, so that equal sets are equal lists.
    pub(super) fn job_inputs(&self) -> Vec<Input> {
        let mut inputs: Vec<Input> =
            self.all_inputs().filter(|input| self.sender_in_job(&input.sender)).cloned().collect();
        inputs.sort_by(|a, b| (&a.feed, &a.sender, &a.sha256, a.named).cmp(&(&b.feed, &b.sender, &b.sha256, b.named)));
        inputs
    }

    /// The job takes this sender.
    pub(super) fn sender_in_job(&self, sender: &str) -> bool {
        matches_any(&self.request.job.senders, sender)
    }
}

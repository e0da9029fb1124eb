//! The chain folded: what is true after the newest commit. Applying a commit is a pure function of
//! state and commit, so that a replay, a checkpoint and the run that wrote it all agree.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::record::{
    Afterwards, Alert, AsideId, Commit, CommitKind, Input, InputId, InputStatus, OwedMail, Partition, RunRecord,
    RunStatus, SetAside, Sighting, Silence, Version,
};
use crate::store::{FileRef, Object};

/// Accounts of runs that stay in memory; older ones remain in their commits.
pub(super) const RUNS_KEPT: usize = 2_000;

/// How long the fold remembers what is no longer current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Days for which a replaced or unpublished partition may still be reused, and its file stays.
    pub orphans_days: i64,
    /// Days for which an owed mail is remembered.
    pub mails_days: i64,
}

/// A logical date that a job has published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Run that published it last.
    pub run_id: String,
    /// What it was computed from.
    pub plan_fingerprint: String,
}

/// Everything that came from one sender for one feed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Deliveries {
    /// By what makes them the same.
    pub(super) inputs: BTreeMap<Version, Arc<Input>>,
    /// Sightings by key, in the order in which they were recorded.
    pub(super) sightings: BTreeMap<String, Vec<Arc<Sighting>>>,
}

/// A partition that is not current and may be reused.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Remembered {
    pub(super) partition: Arc<Partition>,
    /// The last commit under which it was current, or that named it.
    pub(super) last_used: DateTime<Utc>,
}

/// Model and partition.
type Place = (String, String);

/// What the commits up to `number` say together.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Number of the newest commit; 0 before the first.
    pub number: u64,
    /// SHA-256 of its bytes.
    pub head_sha256: Option<String>,
    /// Greatest epoch that has committed.
    pub epoch: u64,
    /// When the newest commit was written.
    pub written_at: Option<DateTime<Utc>>,
    /// Greatest logical date that was published.
    pub logical_date: Option<NaiveDate>,
    /// Alerts as they stand.
    pub alerts: Vec<Alert>,
    /// Mails owed, oldest first; whether one was sent, its receipt in the outbox says.
    pub owed: Vec<OwedMail>,
    /// The newest runs, oldest first.
    pub runs: VecDeque<RunRecord>,
    /// Silences by id; ended ones are forgotten.
    pub silences: BTreeMap<String, Silence>,
    /// What is set aside, by version and lines.
    pub asides: BTreeMap<AsideId, SetAside>,
    /// Frozen rebate periods.
    pub frozen: Vec<serde_json::Value>,
    /// By job and logical date.
    pub(super) done: BTreeMap<(String, NaiveDate), Done>,
    /// By sender and feed.
    pub(super) deliveries: BTreeMap<(String, String), Deliveries>,
    pub(super) current: BTreeMap<Place, Arc<Partition>>,
    /// Logical date by which each model's current partitions were set.
    pub(super) model_dates: BTreeMap<String, NaiveDate>,
    pub(super) remembered: BTreeMap<Place, Vec<Remembered>>,
    pub(super) keep: Keep,
}

impl State {
    /// The run whose marts readers see: the newest one of the greatest logical date.
    pub fn published_run(&self) -> Option<&RunRecord> {
        self.runs.iter().rev().find(|run| run.published() && Some(run.logical_date) == self.logical_date)
    }

    /// Before the first commit.
    pub fn new(keep: Keep) -> Self {
        Self {
            number: 0,
            head_sha256: None,
            epoch: 0,
            written_at: None,
            logical_date: None,
            alerts: Vec::new(),
            owed: Vec::new(),
            runs: VecDeque::new(),
            silences: BTreeMap::new(),
            asides: BTreeMap::new(),
            frozen: Vec::new(),
            done: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            current: BTreeMap::new(),
            model_dates: BTreeMap::new(),
            remembered: BTreeMap::new(),
            keep,
        }
    }

    /// Every known version, by sender and feed.
    pub fn inputs(&self) -> impl Iterator<Item = &Arc<Input>> {
        self.deliveries.values().flat_map(|place| place.inputs.values())
    }

    /// Versions of one feed whose rows count, by sender.
    pub fn active(&self, feed: &str) -> impl Iterator<Item = &Arc<Input>> {
        self.inputs().filter(move |input| input.feed == feed && input.status == InputStatus::Active)
    }

    /// Every version of one sender and feed.
    pub fn versions(&self, sender: &str, feed: &str) -> impl Iterator<Item = &Arc<Input>> {
        self.place(sender, feed).into_iter().flat_map(|place| place.inputs.values())
    }

    /// One of them.
    pub fn input(&self, id: &InputId) -> Option<&Arc<Input>> {
        self.place(&id.0, &id.1)?.inputs.get(&id.2)
    }

    /// Every delivery of one sender and feed, by key.
    pub fn sightings(&self, sender: &str, feed: &str) -> impl Iterator<Item = &Arc<Sighting>> {
        self.place(sender, feed).into_iter().flat_map(|place| place.sightings.values().flatten())
    }

    /// The deliveries of one key, in the order in which they were recorded.
    pub fn sightings_of<'a>(
        &'a self,
        sender: &str,
        feed: &str,
        key: &str,
    ) -> impl Iterator<Item = &'a Arc<Sighting>> + use<'a> {
        self.place(sender, feed).and_then(|place| place.sightings.get(key)).into_iter().flatten()
    }

    /// Every delivery, by sender, feed and key.
    pub fn all_sightings(&self) -> impl Iterator<Item = &Arc<Sighting>> {
        self.deliveries.values().flat_map(|place| place.sightings.values().flatten())
    }

    /// The delivery recorded last under this key.
    pub fn last_sighting(&self, sender: &str, feed: &str, object: &Object) -> Option<&Arc<Sighting>> {
        self.place(sender, feed)?.sightings.get(&object.key)?.last()
    }

    /// The partitions that stand, by model and partition.
    pub fn partitions(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.current.values()
    }

    /// The partitions of one model that stand.
    pub fn partitions_of(&self, model: &str) -> impl Iterator<Item = &Arc<Partition>> {
        let from = (model.to_string(), String::new());
        self.current.range(from..).take_while(move |((name, _), _)| name == model).map(|(_, partition)| partition)
    }

    /// A commit has named partitions of this model, and it is not forgotten.
    pub fn has_built(&self, model: &str) -> bool {
        let from = (model.to_string(), String::new());
        self.partitions_of(model).next().is_some()
            || self.remembered.range(from..).next().is_some_and(|((name, _), _)| name == model)
    }

    /// One partition that stands.
    pub fn partition(&self, model: &str, partition: &str) -> Option<&Arc<Partition>> {
        self.current.get(&(model.to_string(), partition.to_string()))
    }

    /// A partition already made of the same things: the one that stands, or a remembered one.
    pub fn reusable(&self, model: &str, partition: &str, fingerprint: &str) -> Option<&Arc<Partition>> {
        let place = (model.to_string(), partition.to_string());
        self.current.get(&place).filter(|made| made.fingerprint == fingerprint).or_else(|| {
            let remembered = self.remembered.get(&place)?;
            remembered.iter().map(|entry| &entry.partition).find(|made| made.fingerprint == fingerprint)
        })
    }

    /// Partitions that do not stand but may be reused; their files stay.
    pub fn remembered(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.remembered.values().flatten().map(|entry| &entry.partition)
    }

    /// The account of one run, if it is among those kept; of two commits of one run, the later.
    pub fn run(&self, run_id: &str) -> Option<&RunRecord> {
        self.runs.iter().rev().find(|run| run.run_id == run_id)
    }

    /// What a job published for a logical date.
    pub fn done(&self, job: &str, logical_date: NaiveDate) -> Option<&Done> {
        self.done.get(&(job.to_string(), logical_date))
    }

    /// The logical dates that a job has published, oldest first.
    pub fn done_dates(&self, job: &str) -> impl Iterator<Item = NaiveDate> {
        let from = (job.to_string(), NaiveDate::MIN);
        self.done.range(from..).take_while(move |((name, _), _)| name == job).map(|((_, date), _)| *date)
    }

    /// Every file that must stay: rows of all known contents, partitions that stand or may be reused.
    pub fn files(&self) -> impl Iterator<Item = &FileRef> {
        let inputs = self.inputs().flat_map(|input| input.staged.iter().chain(&input.rejects));
        inputs.chain(self.partitions().chain(self.remembered()).filter_map(|made| made.file.as_ref()))
    }

    fn place(&self, sender: &str, feed: &str) -> Option<&Deliveries> {
        self.deliveries.get(&(sender.to_string(), feed.to_string()))
    }

    /// Folds the next commit in. The caller has checked that it is the next one.
    pub(super) fn apply(&mut self, commit: Commit, sha256: String) {
        let Commit { number, epoch, kind, run_id, logical_date, written_at, changes, .. } = commit;
        self.number = number;
        self.head_sha256 = Some(sha256);
        self.epoch = self.epoch.max(epoch);
        self.written_at = Some(written_at);
        let published = kind == CommitKind::Run;
        if let Some(date) = logical_date.filter(|_| published && changes.takes_back) {
            self.take_back(date, &changes.partitions, written_at);
        }
        if published {
            self.logical_date = self.logical_date.max(logical_date);
        }
        for input in changes.inputs {
            self.put_input(input);
        }
        for sighting in changes.sightings {
            self.put_sighting(sighting);
        }
        self.put_partitions(changes.partitions, logical_date.filter(|_| published), written_at);
        if let Some(alerts) = changes.alerts {
            self.alerts = alerts;
        }
        self.owed.extend(changes.owed);
        if let Some(afterwards) = &changes.afterwards {
            self.complete(afterwards);
        }
        if let Some(run) = changes.run {
            if published && matches!(run.status, RunStatus::Ok | RunStatus::Warned) {
                let done = Done { run_id, plan_fingerprint: run.plan_fingerprint.clone() };
                self.done.insert((run.job.clone(), run.logical_date), done);
            }
            self.runs.push_back(run);
        }
        if let Some(silence) = changes.silence {
            self.silences.insert(silence.id.clone(), silence);
        }
        for aside in changes.set_aside {
            if aside.ended {
                self.asides.remove(&aside.id());
            } else {
                self.asides.insert(aside.id(), aside);
            }
        }
        self.frozen.extend(changes.frozen);
        self.forget(written_at);
    }

    /// Adds what a run did after its commit to its account. Whether there was anything to add.
    pub fn complete(&mut self, afterwards: &Afterwards) -> bool {
        let Some(run) = self.runs.iter_mut().rev().find(|run| run.run_id == afterwards.run_id) else { return false };
        let known = run.stage_ms.len();
        for (stage, ms) in &afterwards.stage_ms {
            run.stage_ms.entry(stage.clone()).or_insert(*ms);
        }
        let new = run.stage_ms.len() > known;
        if new {
            run.store_requests += afterwards.store_requests;
        }
        new
    }

    pub(super) fn put_input(&mut self, input: Input) {
        let place = self.deliveries.entry((input.sender.clone(), input.feed.clone())).or_default();
        place.inputs.insert(input.version(), Arc::new(input));
    }

    pub(super) fn put_sighting(&mut self, sighting: Sighting) {
        let place = self.deliveries.entry((sighting.sender.clone(), sighting.feed.clone())).or_default();
        let held = place.sightings.entry(sighting.key.clone()).or_default();
        held.retain(|earlier| (&earlier.sha256, earlier.last_modified) != (&sighting.sha256, sighting.last_modified));
        held.push(Arc::new(sighting));
    }

    /// Forgets that anything was published for a date after `date`. What stands of the models that the new night built
    /// makes way for its partitions, and may be reused.
    fn take_back(&mut self, date: NaiveDate, built: &[Partition], at: DateTime<Utc>) {
        self.logical_date = Some(date);
        self.done.retain(|(_, done), _| *done <= date);
        let models: BTreeSet<&str> = built.iter().map(|made| made.model.as_str()).collect();
        self.model_dates.retain(|model, set_by| *set_by <= date || !models.contains(model.as_str()));
        let (gone, stands) =
            std::mem::take(&mut self.current).into_iter().partition(|((model, _), _)| models.contains(model.as_str()));
        self.current = stands;
        let gone: BTreeMap<Place, Arc<Partition>> = gone;
        for (place, partition) in gone {
            self.remembered.entry(place).or_default().push(Remembered { partition, last_used: at });
        }
    }

    /// A run of an older logical date than the one that set a model's partitions does not move them,
    /// and neither does a failed run; what they built is only remembered.
    fn put_partitions(&mut self, built: Vec<Partition>, published: Option<NaiveDate>, at: DateTime<Utc>) {
        let mut moves: BTreeMap<String, bool> = BTreeMap::new();
        for partition in built {
            let moves = *moves.entry(partition.model.clone()).or_insert_with(|| {
                let Some(date) = published else { return false };
                let set_by = self.model_dates.entry(partition.model.clone()).or_insert(date);
                let moves = *set_by <= date;
                *set_by = date.max(*set_by);
                moves
            });
            let place = (partition.model.clone(), partition.partition.clone());
            let partition = Arc::new(partition);
            let set_aside = if moves {
                self.current.insert(place.clone(), Arc::clone(&partition))
            } else {
                Some(Arc::clone(&partition))
            };
            let stands = self.current.get(&place);
            let entries = self.remembered.entry(place.clone()).or_default();
            entries.retain(|entry| {
                Some(&entry.partition.fingerprint) != set_aside.as_ref().map(|aside| &aside.fingerprint)
                    && Some(&entry.partition.fingerprint) != stands.map(|stands| &stands.fingerprint)
            });
            if let Some(aside) = set_aside
                && stands.is_none_or(|stands| stands.fingerprint != aside.fingerprint || stands.file != aside.file)
            {
                entries.push(Remembered { partition: aside, last_used: at });
            }
            if entries.is_empty() {
                self.remembered.remove(&place);
            }
        }
    }

    /// Lets go of what is past its time, counted by the commits' own time.
    fn forget(&mut self, now: DateTime<Utc>) {
        let after = |days: i64| now.checked_sub_days(Days::new(days.max(0).unsigned_abs())).unwrap_or(now);
        let (partitions, mails) = (after(self.keep.orphans_days), after(self.keep.mails_days));
        self.remembered.retain(|_, entries| {
            entries.retain(|entry| entry.last_used >= partitions);
            !entries.is_empty()
        });
        self.owed.retain(|mail| mail.owed_at >= mails);
        self.silences.retain(|_, silence| silence.until >= now);
        while self.runs.len() > RUNS_KEPT {
            self.runs.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;

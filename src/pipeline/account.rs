//! The account of a run: what it was computed from, the record that is committed, the report for people.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::expect;
use super::flow::Night;
use crate::error::Result;
use crate::models::{BuildOutcome, Registry};
use crate::report::{FileLine, MartLine, Report};
use crate::sha256::{Sha256, hex};
use crate::state::record::{AlertPhase, Input, Partition, RunRecord, RunStatus};

impl Night<'_> {
    /// What this run is computed from. Equal to the last committed one of the same job and date: nothing to do.
    /// Its inputs are settled before anybody asks, so it is worked out once.
    fn plan_fingerprint(&self) -> Result<&str> {
        if let Some(known) = self.plan_fingerprint.get() {
            return Ok(known);
        }
        let fingerprint = self.hash_of_plan()?;
        Ok(self.plan_fingerprint.get_or_init(|| fingerprint))
    }

    fn hash_of_plan(&self) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(self.request.job.name.as_bytes());
        hash.update(self.request.date.to_string());
        hash.update(format!("{:?}{:?}{:?}", self.request.job.marts, self.request.job.alerts, self.request.select));
        hash.update(self.company.registry.fingerprint());
        hash.update(serde_json::to_vec(&self.company.config.settings)?);
        hash.update(serde_json::to_vec(&self.company.config.tables)?);
        let mut inputs: Vec<&Input> = self.all_inputs().filter(|input| self.sender_in_job(&input.sender)).collect();
        inputs.sort_by(|a, b| (&a.feed, &a.sender, &a.sha256, a.named).cmp(&(&b.feed, &b.sender, &b.sha256, b.named)));
        for input in inputs {
            hash.update(format!(
                "{}/{}/{}/{:?}/{}/{:?}/{:?}{}\n",
                input.feed,
                input.sender,
                input.sha256,
                input.named,
                input.contract_fingerprint,
                input.status,
                input.masked,
                input.without.iter().map(|lines| format!("/{lines:?}")).collect::<String>()
            ));
        }
        // A deadline that passed between two runs turns an awaited file into a missing one.
        for (file, lack) in expect::lacking(self)? {
            hash.update(format!("{}/{}/{}/{lack:?}\n", file.feed, file.sender, file.business_date));
        }
        for broken in self.company.senders.broken().iter().filter(|broken| self.sender_in_job(&broken.name)) {
            hash.update(format!("left out {} {}\n", broken.name, broken.error.one_line()));
        }
        for fault in self.company.registry.faults() {
            hash.update(format!("left out {:?} {}\n", fault.model, fault.error.one_line()));
        }
        for place in &self.unlisted {
            hash.update(format!("unlisted {}/{}\n", place.feed, place.sender));
        }
        for (place, reason) in &self.unusable {
            hash.update(format!("{place:?} {reason}\n"));
        }
        Ok(hex(&hash.finalize()))
    }

    /// Sets and returns whether the committed run of this job and date already holds all there is.
    pub(super) fn nothing_new(&mut self) -> Result<bool> {
        let asked = self.request.full_refresh || self.request.told.take_back;
        if asked || !self.sightings.is_empty() || !self.damage.is_empty() {
            return Ok(false);
        }
        let fingerprint = self.plan_fingerprint()?;
        let done = self.state.done(&self.request.job.name, self.request.date);
        if let Some(run_id) = done.filter(|done| done.plan_fingerprint == fingerprint).map(|done| done.run_id.clone()) {
            self.run_id = run_id;
            self.nothing_new = true;
        }
        Ok(self.nothing_new)
    }

    /// Counts what was built.
    pub(super) fn tally(&mut self, outcome: &BuildOutcome) {
        self.models = outcome.models;
        self.partitions = (outcome.built, outcome.reused);
        self.statements = outcome.statements;
        self.marts = mart_lines(&self.company.registry, outcome.partitions.iter(), &self.run_id);
    }

    /// Requests to stores since the night began.
    pub(super) fn store_requests(&self) -> u64 {
        self.company.stores.requests() - self.requests_before
    }

    /// The record to commit.
    pub(super) fn record(&self, ended_at: DateTime<Utc>) -> Result<RunRecord> {
        let taken = |read: fn(&FileLine) -> u64| self.files.iter().map(read).sum::<u64>();
        let by_sql: u64 = self.refusals.values().sum::<u64>();
        let rows_read = taken(|file| file.rows_read);
        let rejected = by_sql.min(rows_read);
        Ok(RunRecord {
            run_id: self.run_id.clone(),
            job: self.request.job.name.clone(),
            logical_date: self.request.date,
            started_at: self.started_at,
            ended_at,
            status: match self.status {
                RunStatus::Ok if self.warned => RunStatus::Warned,
                status => status,
            },
            plan_fingerprint: self.plan_fingerprint()?.to_string(),
            files: self.files.len() as u64,
            rows_read,
            rows_clean: rows_read - rejected,
            rows_rejected: rejected,
            partitions_built: self.partitions.0,
            partitions_reused: self.partitions.1,
            statements: self.statements,
            store_requests: self.store_requests(),
            marts: self.marts.len() as u64,
            alerts: self
                .alerts
                .as_ref()
                .map_or(0, |alerts| alerts.iter().filter(|alert| alert.phase != AlertPhase::Resolved).count() as u64),
            mails: self.owed.len() as u64,
            stage_ms: self.stage_ms.clone(),
            notes: self.notes.clone(),
            error: self.error.clone(),
        })
    }

    /// The account for people.
    pub(super) fn into_report(self) -> Result<Report> {
        let mut run = match self.state.run(&self.run_id) {
            Some(run) => run.clone(),
            None => self.record(self.company.clock.now())?,
        };
        if !self.nothing_new {
            run.store_requests = self.store_requests();
            run.stage_ms = self.stage_ms;
        }
        let mut refusals: Vec<(String, String, u64)> =
            self.refusals.into_iter().map(|((feed, reason), count)| (feed, reason, count)).collect();
        refusals.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| (&a.0, &a.1).cmp(&(&b.0, &b.1))));
        let mut next = Vec::new();
        if self.files.iter().any(|file| !file.status.counts() || file.rows_rejected > 0) {
            next.push("see what was refused and what to do: tributary rejects".to_string());
        }
        if run.published() {
            let marts = self.marts.iter().filter(|mart| mart.rows > 0);
            let models = marts.filter_map(|mart| self.company.registry.get(&mart.mart));
            // Of marts that say as much, the one with the shortest key is the easiest to read.
            let model = models.min_by_key(|model| (std::cmp::Reverse(model.telling().len()), model.sidecar.key.len()));
            if let Some(model) = model {
                next.push(format!("ask the marts: tributary query \"{}\"", model.question()));
            }
        } else {
            next.push(format!("see the whole run: tributary show {}", run.run_id));
        }
        let stores = &self.company.stores;
        let mut places =
            vec![("marts".to_string(), stores.marts.to_string()), ("lake".to_string(), stores.lake.to_string())];
        if self.company.config.mail.transport == "file" {
            places.push(("mails".to_string(), self.company.config.mail.folder.display().to_string()));
        }
        Ok(Report {
            run,
            nothing_new: self.nothing_new,
            behind: self.behind,
            passing: self.passing,
            files: self.files,
            refusals,
            reduced: self.reduced,
            models: self.models,
            marts: self.marts,
            alerts: self.alerts.unwrap_or_default(),
            mails: self.mails,
            places,
            next,
        })
    }
}

/// Published marts with rows and files, by name.
fn mart_lines<'a>(registry: &Registry, partitions: impl Iterator<Item = &'a Partition>, run_id: &str) -> Vec<MartLine> {
    let mut marts: BTreeMap<&str, MartLine> = BTreeMap::new();
    for partition in partitions.filter(|partition| registry.is_mart(&partition.model)) {
        let line = marts.entry(&partition.model).or_insert_with(|| MartLine {
            mart: partition.model.clone(),
            rows: 0,
            files: 0,
            written: 0,
        });
        if let Some(file) = &partition.file {
            line.rows += file.rows;
            line.files += 1;
            line.written += u64::from(file.key.contains(run_id));
        }
    }
    marts.into_values().collect()
}

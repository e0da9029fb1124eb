//! What does not count in a night although it was delivered: what a person withdrew, what broke a model. It is set aside
//! until somebody restores it, a later file takes its place, or file or model are read otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use serde_json::Value as Json;

use super::flow::Night;
use crate::contract::{self, Contract};
use crate::error::Result;
use crate::mail::rule::Row;
use crate::state::ledger::{self, Replaces};
use crate::state::record::{Input, InputId, SetAside, Sighting};

impl Night<'_> {
    /// What a later delivery of a feed does to an earlier one.
    pub(super) fn rule(&self, feed: &str) -> Replaces {
        self.company.contracts.get(feed).map_or(Replaces::Key, replaces)
    }

    /// Takes over what is set aside, but for what has ended: its time is over, or the file (perhaps just now, among
    /// `fresh`) or the model that it broke is read otherwise than then.
    pub(super) fn heed_asides(&mut self, fresh: &[Input]) -> Result<()> {
        for aside in self.state.asides.values().cloned().collect::<Vec<_>>() {
            let (id, _) = aside.id();
            let known = self.state.input(&id).map(AsRef::as_ref);
            let input = fresh.iter().find(|input| input.id() == id).or(known);
            let over = aside.until.is_some_and(|until| until <= self.started_at);
            let written = aside.model.as_deref().map(|model| self.written(model)).transpose()?.flatten();
            let reading = input.zip(written).map(|(input, written)| reading(input, &written));
            if over || aside.model.is_some() && reading.as_ref() != Some(&aside.reading) {
                let why = if over { "its time is over" } else { "it is read otherwise now" };
                self.notes.push(format!("{} counts again: {why}", aside.what()));
                self.asides_ended.push(aside);
            } else {
                self.asides.push(aside);
            }
        }
        Ok(())
    }

    /// Drops what later files have replaced, and says what stays aside.
    pub(super) fn tell_asides(&mut self, replaced: Vec<SetAside>) {
        self.asides.retain(|aside| !replaced.contains(aside));
        self.asides_ended.extend(replaced);
        for aside in self.asides.clone() {
            let since = self.day_of(&aside);
            let note = format!(
                "{} of sender {} is set aside since {since}, {}; to let it count: tributary restore {}",
                aside.what(),
                aside.sender,
                aside.why(),
                aside.key
            );
            // What a person took out is no surprise.
            if aside.model.is_some() { self.warn(note) } else { self.notes.push(note) }
        }
    }

    /// The company's day on which something was set aside.
    fn day_of(&self, aside: &SetAside) -> NaiveDate {
        aside.since.with_timezone(&self.company.config.company.time_zone).date_naive()
    }

    /// What a model says, as a hash; none where it is gone.
    pub(super) fn written(&self, model: &str) -> Result<Option<String>> {
        let registry = &self.company.registry;
        registry.get(model).map(|_| registry.fingerprint_of(model)).transpose()
    }

    /// The job's inputs as they would stand were `more` set aside, too.
    pub(super) fn inputs_but(&self, more: &[SetAside]) -> Vec<Input> {
        let stand: BTreeMap<InputId, Input> =
            self.standing_but(more).into_iter().map(|input| (input.id(), input)).collect();
        let mut inputs = self.job_inputs();
        for input in &mut inputs {
            if let Some(now) = stand.get(&input.id()) {
                input.clone_from(now);
            }
        }
        inputs
    }

    /// Every version of the places that `more` is about, as they would stand without it.
    fn standing_but(&self, more: &[SetAside]) -> Vec<Input> {
        let places: BTreeSet<(&str, &str)> =
            more.iter().map(|aside| (aside.sender.as_str(), aside.feed.as_str())).collect();
        let mut stand = Vec::new();
        for (sender, feed) in places {
            let versions: Vec<Arc<Input>> = (self.all_inputs())
                .filter(|input| (input.sender.as_str(), input.feed.as_str()) == (sender, feed))
                .map(|input| Arc::new(input.clone()))
                .collect();
            let here = |sighting: &&Sighting| (sighting.sender.as_str(), sighting.feed.as_str()) == (sender, feed);
            let recorded = self.state.sightings(sender, feed).map(AsRef::as_ref);
            let mut sightings: BTreeMap<_, &Sighting> = BTreeMap::new();
            for sighting in recorded.chain(self.sightings.iter().filter(here)) {
                sightings.insert((&sighting.key, &sighting.sha256, sighting.last_modified), sighting);
            }
            let sightings: Vec<&Sighting> = sightings.into_values().collect();
            let asides = self.asides.iter().chain(more);
            let asides: Vec<&SetAside> =
                asides.filter(|aside| (aside.sender.as_str(), aside.feed.as_str()) == (sender, feed)).collect();
            stand.extend(ledger::resolve(&versions, &sightings, self.rule(feed), &asides));
        }
        stand
    }

    /// Sets aside what was found to break a model, and says so.
    pub(super) fn lay_aside(&mut self, found: Vec<SetAside>) {
        let changed: Vec<Input> = {
            let known: BTreeMap<InputId, &Input> = self.all_inputs().map(|input| (input.id(), input)).collect();
            let stand = self.standing_but(&found).into_iter();
            stand.filter(|input| known.get(&input.id()) != Some(&input)).collect()
        };
        self.inputs.extend(changed.into_iter().map(|input| (input.id(), input)));
        for aside in found {
            let note = format!("set aside: {}", aside.why());
            let (id, _) = aside.id();
            let status = self.inputs.get(&id).map(|input| input.status);
            for file in self.files.iter_mut().filter(|file| file.key == aside.key) {
                file.status = status.unwrap_or(file.status);
                file.notes.push(match &aside.lines {
                    Some(lines) => format!("{lines} {note}"),
                    None => note.clone(),
                });
            }
            self.warn(format!(
                "{} of sender {} is set aside: {}; everything else is published. To let it count again: tributary \
                 restore {}",
                aside.what(),
                aside.sender,
                aside.why(),
                aside.key
            ));
            self.asides.push(aside);
        }
        // The run is computed from less than it was about to be.
        self.plan_fingerprint = std::sync::OnceLock::new();
    }
}

/// How a file is read and a model written, as one text.
pub(super) fn reading(input: &Input, written: &str) -> String {
    format!("{} {}", input.contract_fingerprint, written.get(..16).unwrap_or(written))
}

/// What a later delivery does to an earlier one, as the contract says.
fn replaces(contract: &Contract) -> Replaces {
    match (contract.kind, contract.replaces) {
        (contract::Kind::Reference, _) => Replaces::Snapshot,
        (contract::Kind::Event, contract::Replaces::Period) => Replaces::Period,
        (contract::Kind::Event, contract::Replaces::Key) => Replaces::Key,
    }
}

/// The rows of the alert `set_aside`: what broke a model and does not count.
pub(super) fn alert_rows(night: &Night<'_>) -> Vec<Row> {
    let row = |aside: &SetAside| {
        let lines = aside.lines.as_ref();
        let text = |text: &str| Json::from(text.to_string());
        Some(Row::from([
            ("sender".to_string(), text(&aside.sender)),
            ("feed".to_string(), text(&aside.feed)),
            ("file".to_string(), text(&aside.key)),
            ("line".to_string(), lines.map_or(Json::Null, |lines| Json::from(lines.from.to_string()))),
            ("model".to_string(), text(aside.model.as_deref()?)),
            ("error".to_string(), text(&aside.reason)),
            ("since_date".to_string(), text(&night.day_of(aside).to_string())),
            ("run_id".to_string(), text(&aside.by)),
        ]))
    };
    night.asides.iter().filter_map(row).collect()
}

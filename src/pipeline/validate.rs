//! Decides what each delivery is: new, corrected, duplicate, reinstated, or refused whole.
//!
//! The ledger resolves the standing of all versions of a sender's feed together, so that the order in which
//! files are processed does not matter; this stage only carries its answer into the night's account.

use std::collections::{BTreeMap, BTreeSet};

use super::flow::{Night, Staged};
use crate::contract::{self, Contract};
use crate::report::FileLine;
use crate::state::ledger::{self, Replaces};
use crate::state::record::{Input, InputId, InputStatus, Sighting};

/// What became of bytes that were refused before, when a changed contract or mapping reads them again.
const READ_AGAIN: &str = "read_again";

/// Lays the staged files over the ledger.
pub(super) fn validate(night: &mut Night<'_>, staged: Vec<Staged>) {
    let mut fresh: Vec<Input> = Vec::new();
    let mut repeats: Vec<Sighting> = Vec::new();
    let mut reasons: BTreeMap<InputId, BTreeMap<String, u64>> = BTreeMap::new();
    for Staged { sighting, input, reasons: refused, kept } in staged {
        if let Some(kept) = kept {
            night.warn(kept);
        }
        match input {
            // The same bytes under two names in one night: the second is a repeated delivery.
            Some(input) if !reasons.contains_key(&input.id()) => {
                reasons.insert(input.id(), refused);
                fresh.push(input);
            }
            _ => repeats.push(sighting),
        }
    }
    let company = night.company;
    let rule = |feed: &str| company.contracts.get(feed).map_or(Replaces::Key, replaces);
    let settled = ledger::settle(&night.state, fresh, repeats, rule);
    night.inputs = settled.inputs.into_iter().map(|input| (input.id(), input)).collect();
    night.sightings = settled.sightings;
    account(night, &reasons);
    read_again(night, &reasons);
}

/// One line for each known file that was read again by a changed mapping: its delivery is no new one.
fn read_again(night: &mut Night<'_>, reasons: &BTreeMap<InputId, BTreeMap<String, u64>>) {
    let told: BTreeSet<InputId> =
        night.sightings.iter().map(|s| (s.sender.clone(), s.feed.clone(), s.sha256.clone())).collect();
    for id in reasons.keys().filter(|id| !told.contains(*id)) {
        let Some(input) = night.inputs.get(id) else { continue };
        for (reason, count) in &reasons[id] {
            *night.refusals.entry((input.feed.clone(), reason.clone())).or_default() += count;
        }
        let mut notes = input.warnings.clone();
        notes.extend(input.reason.clone());
        night.files.push(FileLine {
            sender: input.sender.clone(),
            feed: input.feed.clone(),
            key: input.key.clone(),
            outcome: READ_AGAIN.to_string(),
            status: input.status,
            rows_read: input.rows_read,
            rows_clean: input.rows_clean,
            rows_rejected: input.rows_rejected,
            notes,
        });
    }
    if night.files.iter().any(|file| file.rows_rejected > 0) {
        night.warned = true;
    }
}

/// What a later delivery does to an earlier one, as the contract says.
fn replaces(contract: &Contract) -> Replaces {
    match (contract.kind, contract.replaces) {
        (contract::Kind::Reference, _) => Replaces::Snapshot,
        (contract::Kind::Event, contract::Replaces::Period) => Replaces::Period,
        (contract::Kind::Event, contract::Replaces::Key) => Replaces::Key,
    }
}

/// One line a delivery, refusals by reason, and a warning for each file refused whole.
fn account(night: &mut Night<'_>, reasons: &BTreeMap<InputId, BTreeMap<String, u64>>) {
    let mut warnings = Vec::new();
    for sighting in &night.sightings {
        let id = (sighting.sender.clone(), sighting.feed.clone(), sighting.sha256.clone());
        let known = night.state.input(&id.0, &id.1, &id.2).map(AsRef::as_ref);
        let Some(input) = night.inputs.get(&id).or(known) else { continue };
        let read = input.key == sighting.key && reasons.contains_key(&id);
        let mut notes = Vec::new();
        if read {
            notes.extend(input.warnings.iter().cloned());
            notes.extend(input.reason.clone());
            for (reason, count) in &reasons[&id] {
                *night.refusals.entry((input.feed.clone(), reason.clone())).or_default() += count;
            }
            if input.status == InputStatus::Quarantined {
                warnings.push(format!("{} is quarantined: {}", input.key, input.reason.as_deref().unwrap_or_default()));
            }
        }
        let rows = |n: u64| if read { n } else { 0 };
        let outcome = if read && known.is_some() { READ_AGAIN } else { &sighting.outcome };
        night.files.push(FileLine {
            sender: input.sender.clone(),
            feed: input.feed.clone(),
            key: sighting.key.clone(),
            outcome: outcome.to_string(),
            status: input.status,
            rows_read: rows(input.rows_read),
            rows_clean: rows(input.rows_clean),
            rows_rejected: rows(input.rows_rejected),
            notes,
        });
    }
    for warning in warnings {
        night.warn(warning);
    }
}

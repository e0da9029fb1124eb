//! Decides what each delivery is: new, corrected, duplicate, reinstated, or refused whole.
//!
//! The standing of all versions of a sender's feed is resolved together from what was delivered, so that
//! the order in which files are processed does not matter.

use std::collections::{BTreeMap, BTreeSet};

use super::flow::{Night, Staged};
use crate::error::Result;
use crate::report::FileLine;
use crate::state::ledger;
use crate::state::record::{Input, InputStatus, Sighting};

/// Lays the staged files over the ledger.
pub(super) fn validate(night: &mut Night<'_>, staged: Vec<Staged>) -> Result<()> {
    let mut touched: BTreeSet<(String, String)> = BTreeSet::new();
    let mut fresh: BTreeMap<_, Input> = BTreeMap::new();
    let mut seen = Vec::with_capacity(staged.len());
    for Staged { mut sighting, input, reasons } in staged {
        touched.insert((sighting.sender.clone(), sighting.feed.clone()));
        if let Some(input) = input {
            if fresh.contains_key(&input.id()) {
                // The same bytes under two names in one night: the second is the duplicate.
                sighting.outcome = "duplicate".to_string();
            } else {
                for (reason, count) in reasons {
                    *night.refusals.entry((input.feed.clone(), reason)).or_default() += count;
                }
                if input.status == InputStatus::Quarantined {
                    let reason = input.reason.clone().unwrap_or_default();
                    night.warn(format!("{} is quarantined: {reason}", input.key));
                }
                fresh.insert(input.id(), input);
            }
        }
        seen.push(sighting);
    }

    for (sender, feed) in touched {
        let replaces = night.company.contracts.expect(&feed)?.replaces;
        let of_feed = |input: &&Input| input.sender == sender && input.feed == feed;
        let known = night.state.versions(&sender, &feed).map(AsRef::as_ref);
        let mut versions: Vec<Input> = known.filter(|input| !fresh.contains_key(&input.id())).cloned().collect();
        versions.extend(fresh.values().filter(of_feed).cloned());
        let mut sightings: Vec<Sighting> =
            night.state.sightings(&sender, &feed).map(|sighting| Sighting::clone(sighting)).collect();
        sightings.extend(seen.iter().filter(|s| s.sender == sender && s.feed == feed).cloned());
        for resolved in ledger::resolve(versions, &sightings, replaces) {
            let known = night.state.input(&resolved.sender, &resolved.feed, &resolved.sha256);
            if known.is_none_or(|known| **known != resolved) {
                night.inputs.insert(resolved.id(), resolved);
            }
        }
    }

    for mut sighting in seen {
        let id = (sighting.sender.clone(), sighting.feed.clone(), sighting.sha256.clone());
        sighting.outcome = outcome(night, &sighting);
        let known = night.state.input(&id.0, &id.1, &id.2).map(AsRef::as_ref);
        let input = night.inputs.get(&id).or(known);
        let taken = sighting.outcome != "duplicate" && sighting.outcome != "reinstated";
        if let Some(input) = input {
            let mut notes = input.warnings.clone();
            notes.extend(input.reason.clone());
            night.files.push(FileLine {
                sender: input.sender.clone(),
                feed: input.feed.clone(),
                key: sighting.key.clone(),
                outcome: sighting.outcome.clone(),
                status: input.status,
                rows_read: if taken { input.rows_read } else { 0 },
                rows_clean: if taken { input.rows_clean } else { 0 },
                rows_rejected: if taken { input.rows_rejected } else { 0 },
                notes: if taken { notes } else { Vec::new() },
            });
        }
        night.sightings.push(sighting);
    }
    if night.files.iter().any(|file| file.rows_rejected > 0) {
        night.warned = true;
    }
    Ok(())
}

/// What this sighting turned out to be.
fn outcome(night: &Night<'_>, sighting: &Sighting) -> String {
    let id = (sighting.sender.clone(), sighting.feed.clone(), sighting.sha256.clone());
    let before = night.state.input(&id.0, &id.1, &id.2).map(AsRef::as_ref);
    let after = night.inputs.get(&id).or(before);
    let standing = |input: Option<&Input>| input.map(|input| input.status);
    if sighting.outcome == "duplicate" {
        return match (standing(before), standing(after)) {
            (Some(InputStatus::Superseded), Some(InputStatus::Active)) => "reinstated",
            _ => "duplicate",
        }
        .to_string();
    }
    match standing(after) {
        Some(InputStatus::Quarantined) => "quarantined",
        Some(InputStatus::Superseded) => "superseded",
        _ => {
            let Some(input) = after else { return "new".to_string() };
            let corrects = night.all_inputs().any(|other| {
                other.status == InputStatus::Superseded
                    && other.sender == input.sender
                    && other.feed == input.feed
                    && other.sha256 != input.sha256
                    && (other.period_start, other.period_end) == (input.period_start, input.period_end)
            });
            if corrects { "corrected" } else { "new" }
        }
    }
    .to_string()
}

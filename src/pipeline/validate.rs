//! Decides what each delivery is: new, corrected, duplicate, reinstated, or refused whole.
//!
//! The ledger resolves the standing of all versions of a sender's feed together, so that the order in which
//! files are processed does not matter; this stage only carries its answer into the night's account.

use std::collections::{BTreeMap, BTreeSet};

use super::expect;
use super::flow::{Night, Staged, says_again};
use crate::error::Result;
use crate::intake::drift;
use crate::report::FileLine;
use crate::state::ledger;
use crate::state::record::{Input, InputId, InputStatus, Period, Sighting};

/// What became of bytes that were refused before, when a changed contract or mapping reads them again.
const READ_AGAIN: &str = "read_again";
/// What became of bytes whose rows were lost in the lake and cannot be read again.
const SET_ASIDE: &str = "set_aside";

/// Lays the staged files over the ledger.
pub(super) fn validate(night: &mut Night<'_>, staged: Vec<Staged>) -> Result<()> {
    let mut fresh: Vec<Input> = Vec::new();
    let mut repeats: Vec<Sighting> = Vec::new();
    let mut reasons: BTreeMap<InputId, BTreeMap<String, u64>> = BTreeMap::new();
    let mut by_bytes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for Staged { sighting, input, reasons: refused, told } in staged {
        if let Some(told) = told {
            night.warn(told);
        }
        let Some(input) = input else {
            repeats.push(sighting);
            continue;
        };
        // The same bytes under two names in one night: the second is a repeated delivery.
        let same = by_bytes.entry(input.sha256.clone()).or_default();
        let twin =
            same.iter().map(|at| &fresh[*at]).find(|other| other.id() == input.id() || says_again(other, &input));
        if let Some(twin) = twin {
            repeats.push(Sighting { named: twin.named, ..sighting });
        } else {
            same.push(fresh.len());
            reasons.insert(input.id(), refused);
            fresh.push(input);
        }
    }
    tell_once(night, &mut fresh);
    night.heed_asides(&fresh)?;
    let settled = ledger::settle(&night.state, fresh, repeats, &night.asides, |feed| night.rule(feed));
    night.inputs = settled.inputs.into_iter().map(|input| (input.id(), input)).collect();
    night.sightings = settled.sightings;
    account(night, &reasons);
    read_again(night, &reasons);
    overlaps(night);
    night.tell_asides(settled.replaced);
    Ok(())
}

/// One line for each known file that was read again by a changed mapping: its delivery is no new one.
fn read_again(night: &mut Night<'_>, reasons: &BTreeMap<InputId, BTreeMap<String, u64>>) {
    let told: BTreeSet<InputId> = night.sightings.iter().map(Sighting::id).collect();
    for id in reasons.keys().filter(|id| !told.contains(*id)) {
        let Some(input) = night.inputs.get(id) else { continue };
        count(&mut night.refusals, input, &reasons[id]);
        let aside = night.damage.has_staged(id) && input.status == InputStatus::Quarantined;
        let outcome = if aside { SET_ASIDE } else { READ_AGAIN };
        night.files.push(line(input, &input.key, outcome, !aside, said(input)));
    }
    if night.files.iter().any(|file| file.rows_rejected > 0) {
        night.warned = true;
    }
}

/// Says of every file taken in how long after its deadline it came, if it did.
pub(super) fn late(night: &mut Night<'_>) {
    let mut deliveries: BTreeMap<&str, &Sighting> = BTreeMap::new();
    for sighting in &night.sightings {
        deliveries.entry(&sighting.key).or_insert(sighting);
    }
    let mut late = Vec::new();
    for (at, file) in night.files.iter().enumerate().filter(|(_, file)| file.rows_read > 0) {
        let delivered = deliveries.get(file.key.as_str());
        let input = delivered.and_then(|held| night.inputs.get(&held.id()));
        let Some((delivered, input)) = delivered.zip(input) else { continue };
        // A file of many days is judged by the last: the one whose deadline it could last meet.
        let by = input
            .period_end
            .and_then(|date| expect::late_by(night, &file.sender, &file.feed, date, delivered.delivered_at));
        if let Some(by) = by {
            late.push((at, format!("late: came {} after its deadline", duration(by))));
        }
    }
    for (at, note) in late {
        night.files[at].notes.push(note);
    }
}

/// `50 minutes`, `7.5 hours`, `12 days`.
fn duration(by: chrono::TimeDelta) -> String {
    let minutes = by.num_minutes();
    match minutes {
        0..120 => format!("{minutes} minutes"),
        120..2_880 => format!("{}.{} hours", minutes / 60, minutes % 60 / 6),
        _ => format!("{} days", minutes / 1_440),
    }
}

/// Says whose dates a file took over: of two files that report the same day, the later one holds it.
fn overlaps(night: &mut Night<'_>) {
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for now in night.inputs.values() {
        let Some(before) = night.state.input(&now.id()) else { continue };
        let lost = match (before.status, now.status) {
            (InputStatus::Active, InputStatus::Superseded) => now.period().into_iter().collect(),
            (InputStatus::Active, InputStatus::Active) => newly(&before.masked, &now.masked),
            _ => continue,
        };
        for period in lost {
            let takers = night.inputs.values().filter(|taker| {
                (&taker.sender, &taker.feed) == (&now.sender, &now.feed)
                    && taker.id() != now.id()
                    && taker.status == InputStatus::Active
                    && holds(taker, period)
            });
            for taker in takers {
                let days =
                    if period.0 == period.1 { period.0.to_string() } else { format!("{} to {}", period.0, period.1) };
                said.entry(taker.key.clone()).or_default().push(format!("holds {days} instead of {}", now.key));
            }
        }
    }
    for file in &mut night.files {
        if let Some(notes) = said.get_mut(&file.key) {
            notes.sort();
            file.notes.append(notes);
        }
    }
}

/// Whether a file reports any of these days, by its name or by its rows.
fn holds(input: &Input, days: Period) -> bool {
    input.period().is_some_and(|held| held.0 <= days.1 && days.0 <= held.1)
        || input.marks.range(days.0..=days.1).next().is_some()
}

/// Ranges of `now` that were not masked before.
fn newly(before: &[Period], now: &[Period]) -> Vec<Period> {
    now.iter().filter(|range| !before.iter().any(|old| old.0 <= range.0 && range.1 <= old.1)).copied().collect()
}

/// Leaves with each file only those differences between its columns and the mapping that no file of the same
/// sender and feed has told before.
fn tell_once(night: &Night<'_>, fresh: &mut [Input]) {
    let mut told: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    fresh.sort_by(|a, b| a.key.cmp(&b.key));
    for input in fresh {
        let told = told.entry((input.sender.clone(), input.feed.clone())).or_insert_with(|| {
            let versions = night.state.versions(&input.sender, &input.feed);
            versions.flat_map(|known| known.drift.iter().cloned()).collect()
        });
        input.drift.retain(|phrase| told.insert(phrase.clone()));
    }
}

/// One line a delivery, refusals by reason, and a warning for each file refused whole.
fn account(night: &mut Night<'_>, reasons: &BTreeMap<InputId, BTreeMap<String, u64>>) {
    let mut warnings = Vec::new();
    for sighting in &night.sightings {
        let id = sighting.id();
        let known = night.state.input(&id).map(AsRef::as_ref);
        let Some(input) = night.inputs.get(&id).or(known) else { continue };
        let read = input.key == sighting.key && reasons.contains_key(&id);
        let mut notes = Vec::new();
        if read {
            notes = said(input);
            for sentence in drift::told(&input.drift) {
                warnings.push(format!("{}: {sentence}", input.key));
                notes.push(sentence);
            }
            count(&mut night.refusals, input, &reasons[&id]);
            if input.status == InputStatus::Quarantined {
                warnings.push(format!("{} is quarantined: {}", input.key, input.reason.as_deref().unwrap_or_default()));
            }
        }
        let outcome = if read && known.is_some() { READ_AGAIN } else { &sighting.outcome };
        night.files.push(line(input, &sighting.key, outcome, read, notes));
    }
    for warning in warnings {
        night.warn(warning);
    }
}

/// Adds the refused rows of a file that was read to those of the night.
fn count(refusals: &mut BTreeMap<(String, String), u64>, input: &Input, reasons: &BTreeMap<String, u64>) {
    for (reason, count) in reasons {
        *refusals.entry((input.feed.clone(), reason.clone())).or_default() += count;
    }
}

/// What its reading said of a file: warnings, and why it was refused whole.
fn said(input: &Input) -> Vec<String> {
    input.warnings.iter().chain(&input.reason).cloned().collect()
}

/// One line of the account. Only what was `read` in this run has rows there.
fn line(input: &Input, key: &str, outcome: &str, read: bool, notes: Vec<String>) -> FileLine {
    let rows = |n: u64| if read { n } else { 0 };
    FileLine {
        sender: input.sender.clone(),
        feed: input.feed.clone(),
        key: key.to_string(),
        outcome: outcome.to_string(),
        status: input.status,
        rows_read: rows(input.rows_read),
        rows_clean: rows(input.rows_clean),
        rows_rejected: rows(input.rows_rejected),
        notes,
    }
}

//! What a delivery means. The ledger knows every content that a sender delivered for a feed and when,
//! and works out which of them count, from all of them at once: so the order in which they were
//! processed cannot matter.
//!
//! Versions are ordered by delivery time, then last modification, then content hash. What that order
//! means, the feed says ([`Replaces`]). Quarantined contents take part in nothing: the partner's last
//! good data stays. So do contents that are set aside; lines that are set aside are told with their content.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use super::State;
use super::record::{Input, InputStatus, Period, SetAside, Sighting, Version};
use crate::store::{Object, bare};

/// What a later delivery does to an earlier one of the same sender and feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaces {
    /// Event feeds: it holds the dates of its period from then on. Same or wider period: the earlier
    /// one is superseded whole; overlapping: the earlier one keeps its other dates.
    Period,
    /// Event feeds where SQL takes the latest delivery of each key: only a file that is named for the very same days
    /// supersedes. What its rows speak of says nothing: two files may tell different events of one day.
    Key,
    /// Reference feeds: only the same snapshot date supersedes; earlier snapshots stay as history.
    Snapshot,
}

/// What the ledger makes of a night's deliveries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settled {
    /// New contents, and known ones that stand differently now; for `Changes.inputs`.
    pub inputs: Vec<Input>,
    /// Every delivery with what it meant; for `Changes.sightings`.
    pub sightings: Vec<Sighting>,
    /// What need not be set aside any more, since a later file has taken its place.
    pub replaced: Vec<SetAside>,
}

/// Whether an object of the inbox must be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nobody has looked at it.
    New,
    /// Its key, size, etag and time are those of a recorded delivery.
    Unchanged,
    /// Delivered anew with the etag of the recorded content (its sha256): a delivery, but nothing to fetch.
    Again(String),
}

/// Looks an object of the inbox up.
pub fn seen(state: &State, sender: &str, feed: &str, object: &Object) -> Seen {
    let Some(last) = state.last_sighting(sender, feed, object) else { return Seen::New };
    // Commits of before the quotes were taken off have them.
    let same_tag = last.bytes == object.size && last.etag.as_deref().map(bare) == object.etag.as_deref();
    if same_tag && last.last_modified == object.last_modified {
        Seen::Unchanged
    } else if same_tag && object.etag.is_some() {
        Seen::Again(last.sha256.clone())
    } else {
        Seen::New
    }
}

/// Whether an object of the inbox is known as it is, so that nothing needs to be done.
pub fn already_seen(state: &State, sender: &str, feed: &str, object: &Object) -> bool {
    seen(state, sender, feed, object) == Seen::Unchanged
}

/// Decides what deliveries mean. `staged` are contents read in this run, whatever their status says
/// (only [`InputStatus::Quarantined`] is heeded); `repeats` are deliveries whose content is known or is
/// among `staged`. Of what was delivered, `asides` does not count. `replaces` gives the rule of each feed.
pub fn settle(
    state: &State,
    staged: Vec<Input>,
    repeats: Vec<Sighting>,
    asides: &[SetAside],
    replaces: impl Fn(&str) -> Replaces,
) -> Settled {
    let mut places: BTreeMap<(String, String), (Vec<Input>, Vec<Sighting>)> = BTreeMap::new();
    for input in staged {
        let place = places.entry((input.sender.clone(), input.feed.clone())).or_default();
        place.1.push(Sighting::of(&input));
        place.0.push(input);
    }
    for sighting in repeats {
        places.entry((sighting.sender.clone(), sighting.feed.clone())).or_default().1.push(sighting);
    }
    // What is set aside, or no more, changes how the others stand, even where nothing arrived.
    let left_out = state.inputs().filter(|input| input.status == InputStatus::SetAside || !input.without.is_empty());
    let touched = left_out.map(|input| (&input.sender, &input.feed));
    for (sender, feed) in touched.chain(asides.iter().map(|aside| (&aside.sender, &aside.feed))) {
        places.entry((sender.clone(), feed.clone())).or_default();
    }
    let mut settled = Settled::default();
    for ((sender, feed), (staged, arrived)) in places {
        let rule = replaces(&feed);
        let asides: Vec<&SetAside> =
            asides.iter().filter(|aside| (&aside.sender, &aside.feed) == (&sender, &feed)).collect();
        let arrivals = Arrivals { staged, arrived };
        settle_place(state, &sender, &feed, arrivals, asides, rule, &mut settled);
    }
    settled
}

/// What came from one sender for one feed.
struct Arrivals {
    staged: Vec<Input>,
    arrived: Vec<Sighting>,
}

fn settle_place(
    state: &State,
    sender: &str,
    feed: &str,
    Arrivals { staged, mut arrived }: Arrivals,
    mut asides: Vec<&SetAside>,
    rule: Replaces,
    settled: &mut Settled,
) {
    let mut versions: BTreeMap<Version, Arc<Input>> =
        state.versions(sender, feed).map(|input| (input.version(), Arc::clone(input))).collect();
    let before = versions.clone();
    for input in staged {
        let keep = versions.get(&input.version()).is_some_and(|known| {
            if before.contains_key(&input.version()) {
                // Read again by the same contract: the rows are there already, unless they were lost.
                let rows =
                    |input: &Input| [&input.staged, &input.rejects].map(|file| file.as_ref().map(|f| f.sha256.clone()));
                known.contract_fingerprint == input.contract_fingerprint
                    && known.status != InputStatus::Quarantined
                    && rows(known) == rows(&input)
            } else {
                // The same content twice in one night: the earlier delivery stands for both.
                delivery_order(known) <= delivery_order(&input)
            }
        });
        if !keep {
            versions.insert(input.version(), Arc::new(input));
        }
    }
    // A repeat of a content that nobody has read says nothing yet: it stays unseen and is fetched.
    arrived.retain(|sighting| versions.contains_key(&sighting.version()));
    arrived.sort_by(|a, b| sighting_order(a).cmp(&sighting_order(b)));

    let recorded: BTreeMap<Identity<'_>, &Sighting> =
        state.sightings(sender, feed).map(|sighting| (identity(sighting), sighting.as_ref())).collect();
    let mut sightings = recorded.clone();
    sightings.extend(arrived.iter().map(|sighting| (identity(sighting), sighting)));
    let sightings: Vec<&Sighting> = sightings.into_values().collect();
    let versions: Vec<Arc<Input>> = versions.into_values().collect();
    // One at a time, each with the others in force: two that break alike must not let each other in again.
    for aside in asides.clone().into_iter().filter(|aside| aside.model.is_some()) {
        let others: Vec<&SetAside> = asides.iter().copied().filter(|other| other.id() != aside.id()).collect();
        let stands = resolve(&versions, &sightings, rule, &others);
        let now = stands.iter().find(|input| input.version() == aside.version());
        if now.is_none_or(|input| input.status == InputStatus::Superseded) {
            settled.replaced.push(aside.clone());
            asides = others;
        }
    }
    let resolved = resolve(&versions, &sightings, rule, &asides);
    let by_version: BTreeMap<Version, &Input> = resolved.iter().map(|input| (input.version(), input)).collect();

    let mut known: BTreeSet<Version> = before.keys().cloned().collect();
    let mut told = BTreeSet::new();
    for sighting in &arrived {
        let Some(now) = by_version.get(&sighting.version()) else { continue };
        if !told.insert(identity(sighting)) {
            continue;
        }
        let was = before.get(&now.version()).map(|input| input.status);
        let healed = was == Some(InputStatus::Quarantined) && now.status != InputStatus::Quarantined;
        let first = known.insert(now.version()) || healed;
        let held = recorded.get(&identity(sighting));
        let outcome = match held {
            Some(held) if !healed => held.outcome.clone(),
            _ => outcome(sighting, now, was, first, &resolved, rule).to_string(),
        };
        let sighting = Sighting { outcome, ..sighting.clone() };
        let unchanged =
            |held: &&&Sighting| Sighting { run_id: sighting.run_id.clone(), ..(**held).clone() } == sighting;
        if !held.is_some_and(|held| unchanged(&held)) {
            settled.sightings.push(sighting);
        }
    }
    settled
        .inputs
        .extend(resolved.into_iter().filter(|input| before.get(&input.version()).is_none_or(|was| **was != *input)));
}

type Identity<'a> = (&'a str, &'a str, DateTime<Utc>);

/// What makes it the same delivery.
fn identity(sighting: &Sighting) -> Identity<'_> {
    (&sighting.key, &sighting.sha256, sighting.last_modified)
}

/// What one delivery meant, for people.
fn outcome(
    sighting: &Sighting,
    now: &Input,
    was: Option<InputStatus>,
    first: bool,
    all: &[Input],
    rule: Replaces,
) -> &'static str {
    if now.status == InputStatus::Quarantined {
        return "quarantined";
    }
    if !first {
        let back = was == Some(InputStatus::Superseded) && now.status == InputStatus::Active;
        return if back { "reinstated" } else { "duplicate" };
    }
    if now.status == InputStatus::Superseded {
        return "older";
    }
    let at = (sighting.delivered_at, sighting.last_modified, &now.sha256);
    let corrects = all.iter().any(|other| {
        other.status != InputStatus::Quarantined
            && other.version() != now.version()
            && (other.delivered_at, other.last_modified, &other.sha256) < at
            && touches(rule, now, other)
    });
    if corrects { "corrected" } else { "new" }
}

/// Whether a later delivery takes anything from an earlier one.
fn touches(rule: Replaces, later: &Input, earlier: &Input) -> bool {
    if rule == Replaces::Key {
        return later.named.is_some() && later.named == earlier.named;
    }
    let (Some(later), Some(earlier)) = (later.period(), earlier.period()) else { return false };
    if rule == Replaces::Snapshot { later.0 == earlier.0 } else { later.0 <= earlier.1 && earlier.0 <= later.1 }
}

type Order<'a> = (DateTime<Utc>, DateTime<Utc>, &'a str);

fn delivery_order(input: &Input) -> Order<'_> {
    (input.delivered_at, input.last_modified, &input.key)
}

fn sighting_order(sighting: &Sighting) -> Order<'_> {
    (sighting.delivered_at, sighting.last_modified, &sighting.key)
}

/// Works out, from every version and every delivery of one sender and feed, how each version stands.
/// Depends on nothing but these sets; gives the versions in their order.
///
/// A version counts from its newest delivery. One that is set aside takes part in nothing.
pub fn resolve(versions: &[Arc<Input>], sightings: &[&Sighting], rule: Replaces, asides: &[&SetAside]) -> Vec<Input> {
    let mut resolved: Vec<Input> = versions.iter().map(|input| (**input).clone()).collect();
    let mut by_version: BTreeMap<Version, Vec<&Sighting>> = BTreeMap::new();
    for sighting in sightings {
        by_version.entry(sighting.version()).or_default().push(sighting);
    }
    let own: Vec<Sighting> = versions.iter().map(|input| Sighting::of(input)).collect();
    let mut newest: Vec<(DateTime<Utc>, DateTime<Utc>, usize)> = Vec::new();
    for (index, input) in versions.iter().enumerate() {
        let mut deliveries: Vec<&Sighting> = by_version.remove(&input.version()).unwrap_or_default();
        // An input tells of its own delivery, should no sighting do so.
        if !deliveries.iter().any(|sighting| identity(sighting) == identity(&own[index])) {
            deliveries.push(&own[index]);
        }
        deliveries.sort_by(|a, b| sighting_order(a).cmp(&sighting_order(b)));
        let (Some(first), Some(last)) = (deliveries.first(), deliveries.last()) else { continue };
        let record = &mut resolved[index];
        record.key.clone_from(&first.key);
        record.bytes = first.bytes;
        record.etag.clone_from(&first.etag);
        record.last_modified = first.last_modified;
        record.delivered_at = first.delivered_at;
        record.masked.clear();
        let resent = rule == Replaces::Key && last.delivered_at > first.delivered_at;
        record.resent_at = resent.then_some(last.delivered_at);
        let mut meant = asides.iter().filter(|aside| aside.version() == input.version());
        record.without = meant.clone().filter_map(|aside| aside.lines.clone()).collect();
        record.without.sort();
        if input.status == InputStatus::Quarantined {
            continue;
        }
        record.reason = None;
        if let Some(aside) = meant.find(|aside| aside.lines.is_none()) {
            record.status = InputStatus::SetAside;
            record.reason = Some(aside.why());
        } else {
            record.status = InputStatus::Superseded;
            newest.push((last.delivered_at, last.last_modified, index));
        }
    }
    // Newest first: each finds what later ones have taken already.
    newest.sort_by(|a, b| {
        let order = |at: &(DateTime<Utc>, DateTime<Utc>, usize)| (at.0, at.1, versions[at.2].version());
        order(b).cmp(&order(a))
    });
    let mut taken = Taken::default();
    for (.., index) in newest {
        let record = &mut resolved[index];
        let Some(period) = record.period().filter(|period| period.0 <= period.1) else {
            record.status = InputStatus::Active;
            continue;
        };
        let stands = match rule {
            Replaces::Period => {
                let masked = taken.within(period);
                let stands = masked != [period];
                if stands && record.rows_read > 0 {
                    record.masked = taken.repeated(&record.marks, masked);
                }
                taken.add(period);
                taken.mark(&record.marks);
                stands
            }
            Replaces::Key => record.named.is_none_or(|named| taken.exact.insert(named)),
            Replaces::Snapshot => taken.exact.insert((period.0, period.0)),
        };
        if stands {
            record.status = InputStatus::Active;
        }
    }
    resolved
}

/// Dates and periods that later deliveries hold.
#[derive(Default)]
struct Taken {
    /// Disjoint ranges, not adjacent, by first date.
    ranges: BTreeMap<NaiveDate, NaiveDate>,
    exact: BTreeSet<Period>,
    /// Hashes of rows of later files, by business day.
    marks: BTreeMap<NaiveDate, BTreeSet<u64>>,
}

impl Taken {
    /// `masked` and the days of `marks` that a later file reports anew, although one of the two is not for that day by
    /// its name: a rolling export. Late rows for a day share nothing with what was said of it, and add to it.
    fn repeated(&self, marks: &BTreeMap<NaiveDate, Vec<u64>>, masked: Vec<Period>) -> Vec<Period> {
        let again = marks
            .iter()
            .filter(|(day, own)| self.marks.get(*day).is_some_and(|later| own.iter().any(|mark| later.contains(mark))));
        let mut all = Self::default();
        for range in masked.into_iter().chain(again.map(|(day, _)| (*day, *day))) {
            all.add(range);
        }
        all.ranges.into_iter().collect()
    }

    fn mark(&mut self, marks: &BTreeMap<NaiveDate, Vec<u64>>) {
        for (day, own) in marks {
            self.marks.entry(*day).or_default().extend(own);
        }
    }

    /// The taken parts of a period.
    fn within(&self, period: Period) -> Vec<Period> {
        let before = self.ranges.range(..period.0).next_back();
        let from = before.filter(|(_, end)| **end >= period.0).into_iter();
        from.chain(self.ranges.range(period.0..=period.1))
            .map(|(start, end)| ((*start).max(period.0), (*end).min(period.1)))
            .collect()
    }

    fn add(&mut self, period: Period) {
        let (mut start, mut end) = period;
        // Ranges that touch or adjoin become one, so that a wholly taken period shows as one range.
        let reach = end.succ_opt().unwrap_or(end);
        while let Some((first, last)) = self.ranges.range(..=reach).next_back().map(|(first, last)| (*first, *last)) {
            if last.succ_opt().unwrap_or(last) < start {
                break;
            }
            self.ranges.remove(&first);
            start = start.min(first);
            end = end.max(last);
        }
        self.ranges.insert(start, end);
    }
}

#[cfg(test)]
mod tests;

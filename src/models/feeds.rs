//! Feeds as tables of SQL: which rows of which staged files a model may see.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::sha256::Sha256;

use super::files::{Gap, Slice};
use super::history::History;
use super::month::{Month, ahead};
use crate::contract::{ColumnType, Contracts, Kind};
use crate::models::model::{Feed, FeedKind};
use crate::state::record::{Input, version_name};

/// Dates that may be read, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// First date; none for all there ever was.
    pub(super) from: Option<NaiveDate>,
    /// Last date.
    pub(super) to: NaiveDate,
    /// Last date of the partition that is built, from which the validity of reference rows is judged: a month's end
    /// even where the as-of date cuts the month short.
    pub(super) end: NaiveDate,
}

/// The feeds that `contracts` promise.
pub fn of(contracts: &Contracts) -> BTreeMap<String, Feed> {
    let feed = |contract: &crate::contract::Contract| Feed {
        kind: match contract.kind {
            Kind::Event => FeedKind::Event,
            Kind::Reference => FeedKind::Reference,
        },
        schema: contract.staged_schema(),
        dated_by: contract.dated_by.clone().filter(|name| {
            // Periods of several lengths cannot be cut by month: their snapshots are read whole.
            contract.column(name).is_some_and(|column| column.column_type == ColumnType::Date)
        }),
        history: History::of(contract),
        cell: (contract.key.iter())
            .filter(|name| contract.column(name).is_some_and(|column| !column.column_type.is_number()))
            .cloned()
            .collect(),
    };
    contracts.iter().map(|contract| (contract.name.clone(), feed(contract))).collect()
}

/// An input and the hash of what its rows are decided by.
#[derive(Debug, Clone)]
pub(super) struct Known<'a> {
    pub(super) input: &'a Input,
    pub(super) identity: [u8; 32],
}

impl<'a> Known<'a> {
    pub(super) fn of(input: &'a Input) -> Self {
        let Input { sender, sha256, contract_fingerprint, delivered_at, resent_at, key, .. } = input;
        let mut text = format!("{sender}\n{sha256}\n{contract_fingerprint}\n{delivered_at}\n{resent_at:?}\n{key}");
        for lines in &input.without {
            text.push_str(&format!("\nwithout {lines:?}"));
        }
        Self { input, identity: Sha256::digest(text) }
    }
}

/// Dates from and to, inclusive.
pub(super) type Range = (NaiveDate, NaiveDate);

/// One input with the parts of it that a window shows: all rows, or those of some ranges.
#[derive(Debug, Clone)]
pub(super) struct Shown<'a> {
    pub(super) input: &'a Input,
    pub(super) identity: [u8; 32],
    pub(super) ranges: Option<Vec<Range>>,
}

impl Shown<'_> {
    /// What is to be scanned.
    pub(super) fn slices(&self) -> Vec<Slice> {
        let Some(file) = &self.input.staged else { return Vec::new() };
        let gap = |lines: &_| Gap {
            sender: self.input.sender.clone(),
            input: version_name(&self.input.version()),
            lines: Clone::clone(lines),
        };
        let gaps = self.input.without.iter().map(gap).collect();
        let whole = Slice { resent_at: self.input.resent_at, gaps, ..Slice::whole(file) };
        match &self.ranges {
            None => vec![whole],
            Some(ranges) => ranges.iter().map(|range| Slice { range: Some(*range), ..whole.clone() }).collect(),
        }
    }
}

/// The inputs of an event feed that have rows in `window`, by identity.
pub(super) fn events<'a>(inputs: &[Known<'a>], window: Window) -> Vec<Shown<'a>> {
    let mut shown = Vec::new();
    for Known { input, identity } in inputs {
        if input.staged.is_none() {
            continue;
        }
        let (Some(first), Some(last)) = (input.first_date, input.last_date) else { continue };
        let from = window.from.unwrap_or(NaiveDate::MIN);
        if last < from || first > window.to || !touches(input, from, window.to) {
            continue;
        }
        let mut ranges = vec![(from.max(first), window.to.min(last))];
        for (masked_from, masked_to) in &input.masked {
            ranges = ranges.into_iter().flat_map(|range| without(range, (*masked_from, *masked_to))).collect();
        }
        let whole = ranges.as_slice() == [(first, last)];
        if !ranges.is_empty() {
            shown.push(Shown { input, identity: *identity, ranges: (!whole).then_some(ranges) });
        }
    }
    shown
}

/// Whether an input has rows in a month of the window; one that does not say is taken to have some.
fn touches(input: &Input, from: NaiveDate, to: NaiveDate) -> bool {
    input.months.is_empty()
        || input
            .months
            .keys()
            .any(|month| Month::parse(month).map_or(true, |month| month.first() <= to && month.last() >= from))
}

/// What is left of `range` outside `gap`.
fn without(range: (NaiveDate, NaiveDate), gap: (NaiveDate, NaiveDate)) -> Vec<(NaiveDate, NaiveDate)> {
    let mut left = Vec::new();
    let before = gap.0.pred_opt().unwrap_or(NaiveDate::MIN).min(range.1);
    let after = gap.1.succ_opt().unwrap_or(NaiveDate::MAX).max(range.0);
    if gap.1 < range.0 || gap.0 > range.1 {
        return vec![range];
    }
    if range.0 <= before && range.0 < gap.0 {
        left.push((range.0, before));
    }
    if after <= range.1 && range.1 > gap.1 {
        left.push((after, range.1));
    }
    left
}

/// The snapshots of a reference feed that may explain rows up to the window's end: unknown codes are tried again
/// for `grace_days`, so later snapshots than that cannot change it.
pub(super) fn snapshots<'a>(inputs: &[Known<'a>], window: Window, grace_days: i64) -> Vec<Shown<'a>> {
    let limit = ahead(window.end, grace_days);
    let staged = || inputs.iter().filter(|known| known.input.staged.is_some());
    // Earlier events use the first version: a sender's first snapshot is always seen, however late it came.
    let mut first: BTreeMap<&str, NaiveDate> = BTreeMap::new();
    for (sender, date) in staged().filter_map(|known| Some((known.input.sender.as_str(), known.input.first_date?))) {
        let earliest = first.entry(sender).or_insert(date);
        *earliest = date.min(*earliest);
    }
    let in_sight = |input: &Input| {
        input.first_date.is_none_or(|date| date <= limit || first.get(input.sender.as_str()) == Some(&date))
    };
    let seen = staged().filter(|known| in_sight(known.input));
    seen.map(|known| Shown { input: known.input, identity: known.identity, ranges: None }).collect()
}

/// What the snapshots of a feed that is dated say of the months up to the window's end, or of all where it is not a
/// partition's: what is dated in a month belongs to it, however late the snapshot came. A snapshot shows only the
/// months of which its sender did not say the same before, so that one more does not touch what has long been built.
pub(super) fn dated<'a>(inputs: &[Known<'a>], window: Window) -> Vec<Shown<'a>> {
    let until = window.from.map(|_| Month::of(window.end));
    let mut snapshots: Vec<&Known<'a>> = inputs.iter().filter(|known| known.input.staged.is_some()).collect();
    snapshots.sort_by_key(|known| (known.input.period_start, known.input.delivered_at, known.input.id()));
    let mut said: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut shown = Vec::new();
    for Known { input, identity } in snapshots {
        let sender = input.sender.as_str();
        // A file of which it is not known what it says may say anything: the next one is news for every month.
        if input.contents.is_empty() {
            said.retain(|(other, _), _| *other != sender);
            shown.push(Shown { input, identity: *identity, ranges: None });
            continue;
        }
        let mut news: Vec<Range> = Vec::new();
        for (name, content) in &input.contents {
            let known = said.insert((sender, name), content) == Some(content);
            let Some(month) = Month::parse(name).ok().filter(|month| until.is_none_or(|until| *month <= until)) else {
                continue;
            };
            match news.last_mut() {
                _ if known => {}
                Some((_, last)) if last.succ_opt() == Some(month.first()) => *last = month.last(),
                _ => news.push((month.first(), month.last())),
            }
        }
        if !news.is_empty() {
            shown.push(Shown { input, identity: *identity, ranges: Some(news) });
        }
    }
    shown
}

#[cfg(test)]
mod tests;

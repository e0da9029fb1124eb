//! Feeds as tables of SQL: which rows of which staged files a model may see.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::files::Slice;
use super::month::{Month, ahead};
use super::registry::{Feed, FeedKind};
use crate::contract::{Contracts, Kind};
use crate::state::record::Input;

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
    };
    contracts.iter().map(|contract| (contract.name.clone(), feed(contract))).collect()
}

/// One input with the parts of it that a window shows.
#[derive(Debug, Clone)]
pub(super) struct Shown<'a> {
    pub(super) input: &'a Input,
    pub(super) slices: Vec<Slice>,
}

/// The inputs of an event feed that have rows in `window`, by identity.
pub(super) fn events<'a>(inputs: &[&'a Input], window: Window) -> Vec<Shown<'a>> {
    let mut shown = Vec::new();
    for input in inputs {
        let Some(file) = &input.staged else { continue };
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
        let slices: Vec<Slice> =
            ranges.into_iter().map(|range| Slice { file: file.clone(), range: (!whole).then_some(range) }).collect();
        if !slices.is_empty() {
            shown.push(Shown { input, slices });
        }
    }
    shown.sort_by(|a, b| a.input.id().cmp(&b.input.id()));
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
pub(super) fn snapshots<'a>(inputs: &[&'a Input], window: Window, grace_days: i64) -> Vec<Shown<'a>> {
    let limit = ahead(window.end, grace_days);
    let mut shown: Vec<Shown<'a>> = inputs
        .iter()
        .filter(|input| input.first_date.is_none_or(|first| first <= limit))
        .filter_map(|input| {
            let file = input.staged.clone()?;
            Some(Shown { input, slices: vec![Slice { file, range: None }] })
        })
        .collect();
    shown.sort_by(|a, b| a.input.id().cmp(&b.input.id()));
    shown
}

#[cfg(test)]
mod tests;

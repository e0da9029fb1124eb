//! Rows that the mapping leaves out: order exports list everything that happened to an order, and a cancelled one is no
//! sale. What is left out is counted by what stood there.

use std::collections::BTreeMap;

use super::batch::Batch;
use super::carry::Orders;
use super::cells::bare;
use super::plan::Plan;
use crate::contract::Contract;
use crate::sender::SenderFeed;

/// Different words that are counted each by itself.
const WORDS_MAX: usize = 20;

/// Follows a file's conditions.
#[derive(Debug)]
pub(super) struct Skipper {
    orders: Orders,
    /// What stood in each condition's column of the lines above.
    above: Vec<String>,
    /// By condition and word.
    counts: BTreeMap<(String, String), u64>,
    all: u64,
}

impl Skipper {
    /// `None` where nothing is left out.
    pub(super) fn of(contract: &Contract, feed: &SenderFeed, plan: &Plan<'_>) -> Option<Self> {
        let conditions = feed.skip_if.len();
        (conditions > 0).then(|| Self {
            orders: Orders::of(contract, plan),
            above: vec![String::new(); conditions],
            counts: BTreeMap::new(),
            all: 0,
        })
    }

    /// Whether a record is left out, which is then counted.
    pub(super) fn skips(&mut self, plan: &Plan<'_>, feed: &SenderFeed, batch: &Batch<'_>, row: usize) -> bool {
        let goes_on = self.orders.goes_on(plan, feed, batch, row);
        let record = &batch.block.rows[row];
        if record.flaw.is_some() {
            return false;
        }
        let mut met = None;
        for (at, (field, condition)) in plan.skips.iter().enumerate() {
            let range = batch.block.range(record, *field);
            let bare = range.map_or("", |(from, to)| bare(&batch.text[from..to], feed));
            if condition.carry_down && !(bare.is_empty() && goes_on) {
                self.above[at] = bare.to_string();
            }
            let text = if condition.carry_down { self.above[at].as_str() } else { bare };
            if condition.holds(text) {
                met = met.or(Some((condition.column.clone(), text.to_string())));
            }
        }
        let Some(met) = met else { return false };
        self.all += 1;
        if self.counts.len() < WORDS_MAX || self.counts.contains_key(&met) {
            *self.counts.entry(met).or_default() += 1;
        }
        true
    }

    /// `3 rows left out by skip_if: status Cancelled 2, voided 1`
    pub(super) fn told(&self) -> Option<String> {
        let words: Vec<String> =
            self.counts.iter().map(|((column, word), count)| format!("{column} {word:?} {count}")).collect();
        (self.all > 0).then(|| format!("{} rows left out by skip_if: {}", self.all, words.join(", ")))
    }
}

//! What a file says of each business day, in a few hashes of its rows: the smallest ones, so that whoever reports the day
//! again has the same. By them the ledger tells a day that is reported anew (a rolling export) from late rows, which add.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Date32Type;
use chrono::NaiveDate;

use super::duplicates::fold;
use crate::contract::{Contract, Kind, Replaces};
use crate::grammar::date::date_of;
use crate::sender::SenderFeed;

/// Hashes kept of a day. Of a day reported again with some rows changed, enough stay the same.
const MARKS: usize = 4;

/// Collects the marks of one file.
pub(super) struct Marks {
    columns: Vec<usize>,
    business: usize,
    days: BTreeMap<i32, Vec<u64>>,
}

impl Marks {
    /// Of feeds whose files replace each other by period: of the others the key alone decides.
    pub(super) fn new(contract: &Contract, feed: &SenderFeed) -> Option<Self> {
        if contract.kind != Kind::Event || contract.replaces != Replaces::Period || feed.is_edi() {
            return None;
        }
        let mapping = |at: usize| feed.columns.get(&contract.columns[at].name);
        let counted = |at: usize| mapping(at).is_some_and(|mapping| mapping.row_number);
        let same = |at: usize| mapping(at).is_some_and(|mapping| mapping.constant.is_some());
        let key = contract.key.iter().filter_map(|name| contract.position(name));
        let mut columns: Vec<usize> = key.filter(|at| !counted(*at) && !same(*at)).collect();
        // Without a key of their own, rows are known by all they say.
        if columns.is_empty() {
            columns = (0..contract.columns.len()).filter(|at| !counted(*at)).collect();
        }
        Some(Self { columns, business: contract.columns.len(), days: BTreeMap::new() })
    }

    /// Adds clean rows.
    pub(super) fn add(&mut self, batch: &RecordBatch) {
        let mut hashes = vec![0x9e37_79b9_7f4a_7c15; batch.num_rows()];
        for column in &self.columns {
            fold(batch.column(*column), &mut hashes);
        }
        let days = batch.column(self.business).as_primitive::<Date32Type>();
        let mut at = 0;
        while at < hashes.len() {
            let (day, from) = (days.value(at), at);
            while at < hashes.len() && days.value(at) == day {
                at += 1;
            }
            if days.is_valid(from) {
                let kept = self.days.entry(day).or_default();
                hashes[from..at].iter().for_each(|hash| keep(kept, *hash));
            }
        }
    }

    /// By day.
    pub(super) fn finish(self) -> BTreeMap<NaiveDate, Vec<u64>> {
        self.days.into_iter().map(|(day, marks)| (date_of(day), marks)).collect()
    }
}

/// Keeps the smallest hashes, in order and each once.
fn keep(kept: &mut Vec<u64>, hash: u64) {
    if kept.len() == MARKS && kept.last().is_some_and(|largest| hash >= *largest) {
        return;
    }
    if let Err(place) = kept.binary_search(&hash) {
        kept.insert(place, hash);
        kept.truncate(MARKS);
    }
}

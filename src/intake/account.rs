//! The account of one reading of a file: how many rows were read, clean and refused, why, and of which days.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::period::{self, Span};
use super::spool::Spool;
use crate::contract::Kind;
use crate::grammar::date::date_of;

/// The account of one pass.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub read: u64,
    pub clean: u64,
    pub totals: u64,
    pub blanks: u64,
    /// Rows that the mapping leaves out.
    pub skipped: u64,
    /// Rows left out because the same row, value by value, counts already.
    pub copies: u64,
    /// By business day, hashes of a few rows.
    pub marks: BTreeMap<NaiveDate, Vec<u64>>,
    pub reasons: BTreeMap<String, u64>,
    /// Clean rows by business day (references: day from which they hold).
    pub days: BTreeMap<i32, u64>,
    pub first: Option<String>,
    pub warnings: Vec<String>,
    /// Differences between header and mapping, one phrase a column.
    pub drift: Vec<String>,
    /// Hashes of the rows of each month, where rows are about dates.
    pub contents: BTreeMap<String, String>,
    pub staged: Option<Spool>,
    pub rejects: Option<Spool>,
}

impl Account {
    pub(super) fn rejected(&self) -> u64 {
        self.reasons.values().sum()
    }

    pub(super) fn span(&self) -> Option<Span> {
        let (first, last) = (self.days.first_key_value()?, self.days.last_key_value()?);
        Some((date_of(*first.0), date_of(*last.0)))
    }

    /// The span of most rows: a run of days with no more than `gap_max` days between two of them; of two equal ones
    /// the later. A mistyped year alone must not make a file stand for the years between.
    pub(super) fn body(&self, gap_max: i32) -> Option<Span> {
        let mut best: Option<(u64, i32, i32)> = None;
        let mut body: Option<(u64, i32, i32)> = None;
        for (&day, &rows) in &self.days {
            body = match body {
                Some((sum, first, last)) if day.saturating_sub(last) <= gap_max => Some((sum + rows, first, day)),
                _ => Some((rows, day, day)),
            };
            if best.is_none_or(|best| body.is_some_and(|body| body.0 >= best.0)) {
                best = body;
            }
        }
        best.map(|(_, first, last)| (date_of(first), date_of(last)))
    }

    pub(super) fn months(&self, kind: Kind) -> BTreeMap<String, u64> {
        let mut months = BTreeMap::new();
        if kind == Kind::Event {
            for (day, rows) in &self.days {
                *months.entry(period::month_name(date_of(*day))).or_default() += rows;
            }
        }
        months
    }
}

//! What the reviews of a month are written from.

use chrono::{DateTime, NaiveDate, Utc};

use super::rule::{Row, addresses, as_text};
use crate::config::Config;
use crate::state::record::RunRecord;

/// What all reviews of a month are written from.
#[derive(Debug, Clone)]
pub struct Issue<'a> {
    /// Settings: company, mail, who wants one.
    pub config: &'a Config,
    /// The run that owes them.
    pub run: &'a RunRecord,
    /// This instant.
    pub now: DateTime<Utc>,
    /// First day of the month.
    pub month: NaiveDate,
    /// Whom a review is for.
    pub people: &'a [String],
    /// What there is to say, of everybody.
    pub lines: &'a Lines,
}

/// Rows of the models of a review; each names who is responsible in `partner_manager` and `channel_manager`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lines {
    /// Net sales by channel and partner (`review_sales`).
    pub sales: Vec<Row>,
    /// BCG classes (`review_classes`); only of a month that closes a quarter.
    pub classes: Vec<Row>,
    /// Scorecards (`review_scorecards`); the same.
    pub cards: Vec<Row>,
    /// Rebates that are owed (`review_rebates`).
    pub rebates: Vec<Row>,
}

impl Issue<'_> {
    /// Whether this person is of head office, who read of everything.
    pub(crate) fn is_head_office(&self, address: &str) -> bool {
        self.config.company.head_office.iter().any(|one| one.eq_ignore_ascii_case(address))
    }

    /// The rows that this person is responsible for, by the columns named; head office for all of them.
    pub(crate) fn own<'a>(&self, rows: &'a [Row], address: &str, columns: &[&str]) -> Vec<&'a Row> {
        let named = |row: &Row, column: &str| {
            let cell = row.get(column).map(as_text).unwrap_or_default();
            addresses(&cell).any(|one| one.eq_ignore_ascii_case(address))
        };
        let own = |row: &&Row| self.is_head_office(address) || columns.iter().any(|column| named(row, column));
        rows.iter().filter(own).collect()
    }
}

//! The data records of a block while they are read, and which of them are refused.

use arrow::array::{ArrayRef, StringArray};

use super::block::{Block, Row};

/// Why one record is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Position in the block's rows.
    pub row: usize,
    /// Canonical column; empty for the record as a whole.
    pub column: String,
    /// Stable code.
    pub reason: &'static str,
    /// For people.
    pub found: String,
    /// For people.
    pub expected: String,
}

/// Reason and expectation of a field that cannot be read.
pub(super) type Wrong = (&'static str, String);

/// The data records of a block and what is known to be wrong with them.
pub(super) struct Batch<'b> {
    pub block: &'b Block,
    pub text: &'b str,
    /// Positions in the block.
    pub rows: Vec<usize>,
    pub bad: Vec<bool>,
    pub faults: Vec<Fault>,
}

impl Batch<'_> {
    /// The record at a position of the batch.
    #[inline]
    pub(super) fn row(&self, at: usize) -> &Row {
        &self.block.rows[self.rows[at]]
    }

    /// Refuses a record, unless it is refused already.
    pub(super) fn fault(&mut self, at: usize, column: &str, (reason, expected): Wrong, found: &str) {
        if std::mem::replace(&mut self.bad[at], true) {
            return;
        }
        let found = found.chars().take(200).collect();
        self.faults.push(Fault { row: self.rows[at], column: column.to_string(), reason, found, expected });
    }
}

/// A text column of a batch.
pub(super) fn texts(array: &ArrayRef) -> Option<&StringArray> {
    array.as_any().downcast_ref()
}

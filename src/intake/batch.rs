//! The data records of a block while they are read, and which of them are refused.

use std::collections::HashMap;

use arrow::array::{ArrayRef, StringArray};

use super::block::{Block, Cell, Row};

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

/// Length of an expectation to which further faults of its record are added.
const ALSO_MAX: usize = 600;

/// The data records of a block and what is known to be wrong with them.
pub(super) struct Batch<'b> {
    pub block: &'b Block,
    pub text: &'b str,
    /// Positions in the block.
    pub rows: Vec<usize>,
    /// Records that are refused.
    pub bad: Vec<bool>,
    /// Records of which nothing can be read.
    pub void: Vec<bool>,
    pub faults: Vec<Fault>,
    /// The fault of each refused record, by its position.
    places: HashMap<usize, usize>,
    /// What empty cells take from above: by carried column, by position.
    pub carried: Vec<Vec<Option<(String, Cell)>>>,
}

impl<'b> Batch<'b> {
    /// A batch without records yet.
    pub(super) fn new(block: &'b Block, text: &'b str) -> Self {
        Self {
            block,
            text,
            rows: Vec::with_capacity(block.rows.len()),
            bad: Vec::new(),
            void: Vec::new(),
            faults: Vec::new(),
            places: HashMap::new(),
            carried: Vec::new(),
        }
    }

    /// The record at a position of the batch.
    #[inline]
    pub(super) fn row(&self, at: usize) -> &'b Row {
        &self.block.rows[self.rows[at]]
    }

    /// Refuses a record. What else is wrong with it is told with the first fault: so all of it is mended at once.
    pub(super) fn fault(&mut self, at: usize, column: &str, (reason, expected): Wrong, found: &str) {
        let found: String = found.chars().take(200).collect();
        if !std::mem::replace(&mut self.bad[at], true) {
            self.places.insert(at, self.faults.len());
            self.faults.push(Fault { row: self.rows[at], column: column.to_string(), reason, found, expected });
        } else if let Some(first) = self.places.get(&at).and_then(|place| self.faults.get_mut(*place))
            && first.expected.len() < ALSO_MAX
        {
            first.expected.push_str(&format!("; also {column}: found {found:?}, expected {expected}"));
        }
    }
}

/// A text column of a batch.
pub(super) fn texts(array: &ArrayRef) -> Option<&StringArray> {
    array.as_any().downcast_ref()
}

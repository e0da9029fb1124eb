//! Values that stand only on the first line of an order: the lines below take them, as far as the order goes.

use super::batch::Batch;
use super::block::Cell;
use super::cells::own_text;
use super::plan::{Origin, Plan};
use crate::contract::Contract;
use crate::sender::SenderFeed;

/// Follows the orders of a file: which lines belong to the line above.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// The plan's column that names the order; without one every line belongs to the line above.
    column: Option<usize>,
    last: Option<String>,
}

impl Orders {
    /// The order is what the key says before the line's number.
    pub(super) fn of(contract: &Contract, plan: &Plan<'_>) -> Self {
        let line = contract.key.iter().position(|name| name == "line_no");
        let name = line.and_then(|line| contract.key.get(line.checked_sub(1)?));
        let column = name.and_then(|name| contract.position(name));
        let written = |at: &usize| matches!(plan.columns[*at].origin, Origin::Field(_) | Origin::Joined(..));
        Self { column: column.filter(written), last: None }
    }

    /// Whether the next line belongs to the order of the line above. A line that cannot be read ends its order.
    pub(super) fn goes_on(&mut self, plan: &Plan<'_>, feed: &SenderFeed, batch: &Batch<'_>, row: usize) -> bool {
        if batch.block.rows[row].flaw.is_some() {
            self.last = None;
            return false;
        }
        let Some(column) = self.column else { return true };
        match own_text(&plan.columns[column], feed, batch.block, batch.text, row) {
            Some((text, _)) if self.last.as_deref() == Some(text.as_ref()) => true,
            Some((text, _)) => {
                self.last = Some(text.into_owned());
                false
            }
            // merged cells leave the number out as well
            None if plan.columns[column].carried.is_some() => self.last.is_some(),
            None => {
                self.last = None;
                false
            }
        }
    }
}

/// The values above, by carried column.
#[derive(Debug, Default)]
pub(super) struct Carry {
    orders: Orders,
    values: Vec<Option<(String, Cell)>>,
}

impl Carry {
    pub(super) fn new(contract: &Contract, plan: &Plan<'_>) -> Self {
        Self { orders: Orders::of(contract, plan), values: vec![None; plan.carried()] }
    }

    /// What empty cells of a batch take from above: by carried column, by record.
    pub(super) fn fill(
        &mut self,
        plan: &Plan<'_>,
        feed: &SenderFeed,
        batch: &Batch<'_>,
    ) -> Vec<Vec<Option<(String, Cell)>>> {
        let mut filled = vec![vec![None; batch.rows.len()]; self.values.len()];
        for (at, row) in batch.rows.iter().enumerate() {
            if !self.orders.goes_on(plan, feed, batch, *row) {
                self.values.fill(None);
            }
            if batch.block.rows[*row].flaw.is_some() {
                continue;
            }
            for planned in &plan.columns {
                let Some(place) = planned.carried else { continue };
                match own_text(planned, feed, batch.block, batch.text, *row) {
                    Some((text, cell)) => self.values[place] = Some((text.into_owned(), cell)),
                    None => filled[place][at].clone_from(&self.values[place]),
                }
            }
        }
        filled
    }
}

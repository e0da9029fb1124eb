//! Numbers for rows that bring none: `{ row_number = true }`. Where the column is part of a key, rows are counted within
//! the rest of the key (lines within their order), so that a row keeps its number when the file around it changes.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};

use super::block::{Step, refuse};
use super::column::decimals;
use super::duplicates::fold;
use super::plan::{Origin, Plan, Planned};
use crate::contract::{ColumnType, Contract};

/// Orders whose lines are counted: what is held in memory of them is about 100 MiB.
const ORDERS_MAX: usize = 4 << 20;

/// Counts rows over a file.
#[derive(Default)]
pub(super) struct Numbered {
    rows: i64,
    lines: HashMap<(usize, u64), i64>,
}

impl Numbered {
    /// The numbers of the next `count` rows for the planned column `at`; `arrays` holds the other columns.
    pub(super) fn of(
        &mut self,
        at: usize,
        count: usize,
        plan: &Plan<'_>,
        contract: &Contract,
        arrays: &[Option<ArrayRef>],
    ) -> Step<ArrayRef> {
        let first = self.rows;
        let mut numbers: Vec<i64> = (first + 1..).take(count).collect();
        let order = rest_of_key(at, plan, contract);
        if !order.is_empty() {
            let mut hashes = vec![0x9e37_79b9_7f4a_7c15; count];
            for array in order.iter().filter_map(|column| arrays[*column].as_ref()) {
                fold(array, &mut hashes);
            }
            for (number, hash) in numbers.iter_mut().zip(hashes) {
                let line = self.lines.entry((at, hash)).or_default();
                *line += 1;
                *number = *line;
            }
            if self.lines.len() > ORDERS_MAX {
                let name = &plan.columns[at].column.name;
                return refuse(format!("`{name}` is counted within more than {ORDERS_MAX} orders; split the file"));
            }
        }
        Ok(typed(&numbers, &plan.columns[at]))
    }

    /// So many rows are done.
    pub(super) fn pass(&mut self, count: usize) {
        self.rows += i64::try_from(count).unwrap_or(0);
    }
}

/// The other columns of the key that differ from row to row; none where the column is no part of it, or all of it.
fn rest_of_key(at: usize, plan: &Plan<'_>, contract: &Contract) -> Vec<usize> {
    if !plan.columns[at].in_key {
        return Vec::new();
    }
    let key = contract.key.iter().filter_map(|name| contract.position(name));
    key.filter(|column| matches!(plan.columns[*column].origin, Origin::Field(_) | Origin::Joined(..))).collect()
}

fn typed(numbers: &[i64], planned: &Planned<'_>) -> ArrayRef {
    match planned.column.column_type {
        ColumnType::Text => Arc::new(numbers.iter().map(|number| Some(number.to_string())).collect::<StringArray>()),
        ColumnType::Decimal(_, scale) => {
            let unit = 10_i128.pow(u32::from(scale.unsigned_abs()));
            decimals(numbers.iter().map(|number| Some(i128::from(*number) * unit)).collect(), planned)
        }
        #[expect(clippy::cast_precision_loss, reason = "no file has so many rows")]
        ColumnType::Double => Arc::new(numbers.iter().map(|number| Some(*number as f64)).collect::<Float64Array>()),
        _ => Arc::new(Int64Array::from(numbers.to_vec())),
    }
}

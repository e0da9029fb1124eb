//! What a snapshot says of each month, as a hash: of a reference whose rows are about dates, so that a snapshot that
//! brings the same rows of a month again is no news for what was built of that month.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Date32Type;
use arrow::row::{RowConverter, SortField};

use super::block::Step;
use super::period;
use crate::contract::{ColumnType, Contract};
use crate::grammar::date::date_of;
use crate::sha256::{Sha256, hex};

/// Bytes of a hash that are kept: far more than chance needs, and half of what a ledger of many snapshots would hold.
const KEPT: usize = 16;

/// The hashes of one file, while it is read.
pub(super) struct Contents {
    /// Place of the date that rows are about.
    dated: usize,
    rows: Option<RowConverter>,
    months: BTreeMap<String, Sha256>,
}

impl Contents {
    /// For a contract whose rows are about dates; periods of other lengths lie in no month.
    pub(super) fn of(contract: &Contract) -> Option<Self> {
        let name = contract.dated_by.as_deref()?;
        contract.column(name).filter(|column| column.column_type == ColumnType::Date)?;
        Some(Self { dated: contract.position(name)?, rows: None, months: BTreeMap::new() })
    }

    /// Adds clean rows, in the order of the file.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Step<()> {
        let rows = if let Some(rows) = &mut self.rows {
            rows
        } else {
            let fields = batch.columns().iter().map(|column| SortField::new(column.data_type().clone()));
            self.rows.insert(RowConverter::new(fields.collect())?)
        };
        let rows = rows.convert_columns(batch.columns())?;
        let days = batch.column(self.dated).as_primitive::<Date32Type>();
        for (at, row) in rows.iter().enumerate().filter(|(at, _)| days.is_valid(*at)) {
            let month = self.months.entry(period::month_name(date_of(days.value(at)))).or_insert_with(Sha256::new);
            month.update((row.as_ref().len() as u64).to_le_bytes());
            month.update(row.as_ref());
        }
        Ok(())
    }

    /// The hash of each month's rows.
    pub(super) fn finish(self) -> BTreeMap<String, String> {
        self.months.into_iter().map(|(month, hash)| (month, hex(&hash.finalize()[..KEPT]))).collect()
    }
}

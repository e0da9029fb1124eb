//! A block of records becomes typed columns: column by column, each field read straight from its slice by
//! one kernel. A field that cannot be read makes its record a reject; nothing else stops.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::batch::{Batch, Fault};
use super::block::{Block, Flaw, Row, Step};
use super::column::{decimals, fault_of_number, number, read_column};
use super::numbered::Numbered;
use super::plan::{Origin, Plan, Planned};
use super::rules;
use crate::contract::{Contract, EXTRA, Kind};
use crate::grammar::date::Zone;
use crate::grammar::number::NumberFault;
use crate::sender::SenderFeed;

/// What a block became.
#[derive(Debug)]
pub(super) struct Converted {
    /// Clean records: canonical columns, and in event feeds the business date.
    pub batch: RecordBatch,
    /// Their positions in the block.
    pub kept: Vec<usize>,
    /// One fault for each refused record, by row.
    pub faults: Vec<Fault>,
    /// Records that are data: clean and refused.
    pub read: u64,
    /// Total lines that were passed over.
    pub totals: u64,
    /// Blank records that were passed over.
    pub blanks: u64,
}

/// Follows a plan, block after block.
pub(super) struct Converter<'a> {
    contract: &'a Contract,
    feed: &'a SenderFeed,
    plan: Plan<'a>,
    zone: Zone,
    schema: SchemaRef,
    business: Option<usize>,
    /// Business days that are taken.
    window: (i32, i32),
    numbered: Numbered,
}

impl<'a> Converter<'a> {
    /// `window` holds the first and last business day that is taken, as day numbers.
    pub(super) fn new(
        contract: &'a Contract,
        feed: &'a SenderFeed,
        plan: Plan<'a>,
        zone: chrono_tz::Tz,
        window: (i32, i32),
    ) -> Self {
        let mut fields: Vec<_> =
            contract.staged_schema().fields().iter().take(contract.columns.len()).cloned().collect();
        if contract.kind == Kind::Event {
            fields.push(Arc::clone(&contract.staged_schema().fields()[contract.columns.len()]));
        }
        fields.push(Arc::new(Field::new(EXTRA, DataType::Utf8, true)));
        let business = contract.business_date.as_deref().and_then(|name| contract.position(name));
        Self {
            contract,
            feed,
            plan,
            zone: Zone::new(zone),
            schema: Arc::new(Schema::new(fields)),
            business,
            window,
            numbered: Numbered::default(),
        }
    }

    /// Reads a block.
    pub(super) fn convert(&mut self, block: &Block) -> Step<Converted> {
        let mut batch = Batch {
            block,
            text: block.text()?,
            rows: Vec::with_capacity(block.rows.len()),
            bad: Vec::new(),
            faults: Vec::new(),
        };
        let (totals, blanks) = self.select(&mut batch);
        let count = batch.rows.len();
        let mut days = Vec::new();
        let mut arrays: Vec<Option<ArrayRef>> = Vec::with_capacity(self.plan.columns.len());
        for at in 0..self.plan.columns.len() {
            let planned = &self.plan.columns[at];
            let array = if matches!(planned.origin, Origin::Net(_) | Origin::RowNumber) {
                None
            } else {
                let wanted = (self.business == Some(at)).then_some(&mut days);
                Some(read_column(planned, self.feed, &mut self.zone, &mut batch, wanted))
            };
            arrays.push(array);
        }
        for at in 0..arrays.len() {
            if matches!(self.plan.columns[at].origin, Origin::RowNumber) {
                arrays[at] = Some(self.numbered.of(at, count, &self.plan, self.contract, &arrays)?);
            }
        }
        self.numbered.pass(count);
        for at in 0..arrays.len() {
            if arrays[at].is_none() {
                let discount = self.discounts(at, &arrays, &mut batch);
                arrays[at] = Some(discount);
            }
        }
        let mut arrays: Vec<ArrayRef> = arrays.into_iter().flatten().collect();
        rules::derive(&self.plan, self.contract, &mut arrays);
        rules::check(&self.plan, &arrays, &mut batch);
        if self.business.is_some() {
            rules::check_window(
                self.contract.business_date.as_deref().unwrap_or_default(),
                &days,
                self.window,
                &mut batch,
            );
            arrays.push(Arc::new(Date32Array::from(days)));
        }
        arrays.push(Arc::new(self.extra(&batch)));
        let whole = RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            arrays,
            &arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(count)),
        )?;
        let kept = (0..count).filter(|at| !batch.bad[*at]).map(|at| batch.rows[at]).collect();
        let clean = if batch.faults.is_empty() {
            whole
        } else {
            let keep: BooleanArray = batch.bad.iter().map(|bad| Some(!bad)).collect();
            filter_record_batch(&whole, &keep)?
        };
        batch.faults.sort_by_key(|fault| fault.row);
        Ok(Converted { batch: clean, kept, faults: batch.faults, read: count as u64, totals, blanks })
    }

    /// Chooses the data records and refuses those that are wrong as a whole. Gives total and blank lines.
    fn select(&self, batch: &mut Batch<'_>) -> (u64, u64) {
        let (mut totals, mut blanks) = (0, 0);
        for (at, row) in batch.block.rows.iter().enumerate() {
            if batch.block.is_blank(row) {
                blanks += 1;
            } else if !self.feed.total_prefixes.is_empty() && self.is_total(batch, row) {
                totals += 1;
            } else {
                batch.rows.push(at);
            }
        }
        batch.bad = vec![false; batch.rows.len()];
        for at in 0..batch.rows.len() {
            let row = batch.row(at);
            if let Some(flaw) = &row.flaw {
                let wrong = match flaw {
                    Flaw::Nul => ("nul_byte", "text without NUL bytes".to_string()),
                    Flaw::Encoding(_) => ("bad_encoding", "text in the file's encoding".into()),
                    Flaw::LongField(_) => ("field_too_long", "a shorter field; is a quote not closed?".into()),
                    Flaw::Wide(_) => ("ragged_row", format!("{} fields as in the header", self.plan.width)),
                    Flaw::Json(_, expected) => ("malformed_json", expected.clone()),
                };
                let found = flaw.found();
                batch.fault(at, "", wrong, &found);
                continue;
            }
            let fields = row.fields;
            if fields == self.plan.width {
                continue;
            }
            // workbooks leave out empty cells at the end, and delimiters at the end of a line are harmless
            let padded = !batch.block.cells.is_empty() && fields < self.plan.width;
            let rest_empty = || {
                (self.plan.width..fields)
                    .filter_map(|field| batch.block.range(row, field))
                    .all(|(from, to)| batch.text[from..to].trim().is_empty())
            };
            if padded || fields > self.plan.width && rest_empty() {
                continue;
            }
            let expected = format!("{} fields as in the header", self.plan.width);
            let found = format!("{fields} fields");
            batch.fault(at, "", ("ragged_row", expected), &found);
        }
        (totals, blanks)
    }

    /// What the record holds in columns that nobody knows and that are kept: one JSON object, NULL where all are empty.
    fn extra(&self, batch: &Batch<'_>) -> StringArray {
        if self.plan.extras.is_empty() {
            return StringArray::new_null(batch.rows.len());
        }
        let of = |at: usize| {
            let values: serde_json::Map<String, serde_json::Value> = (self.plan.extras.iter())
                .filter_map(|(field, header)| {
                    let (from, to) = batch.block.range(batch.row(at), *field)?;
                    let text = batch.text[from..to].trim();
                    (!text.is_empty()).then(|| (header.clone(), text.into()))
                })
                .collect();
            (!values.is_empty()).then(|| serde_json::Value::Object(values).to_string())
        };
        (0..batch.rows.len()).map(of).collect()
    }

    fn is_total(&self, batch: &Batch<'_>, row: &Row) -> bool {
        let first = (0..row.fields)
            .filter_map(|field| batch.block.range(row, field))
            .map(|(from, to)| batch.text[from..to].trim())
            .find(|text| !text.is_empty());
        first.is_some_and(|text| self.feed.total_prefixes.iter().any(|prefix| text.starts_with(prefix.as_str())))
    }

    /// quantity x `unit_price` - net, in the discount's scale.
    fn discounts(&self, at: usize, arrays: &[Option<ArrayRef>], batch: &mut Batch<'_>) -> ArrayRef {
        let planned = &self.plan.columns[at];
        let Origin::Net(field) = planned.origin else { return Arc::new(Int64Array::from(Vec::<i64>::new())) };
        let read = |name: &str| self.contract.position(name).and_then(|at| arrays[at].as_deref());
        let quantities = read("quantity").and_then(|array| array.as_any().downcast_ref::<Int64Array>());
        let prices = read("unit_price").and_then(|array| array.as_any().downcast_ref::<Decimal128Array>());
        let as_field = Planned { origin: Origin::Field(field), shaped: false, default: None, ..planned.clone() };
        let mut values = Vec::with_capacity(batch.rows.len());
        for row in 0..batch.rows.len() {
            let net = number(&as_field, self.feed, batch, row);
            let value = match (quantities, prices, net) {
                (Some(quantities), Some(prices), Some(net)) if !batch.bad[row] => {
                    let gross = i128::from(quantities.value(row)).checked_mul(prices.value(row));
                    let discount = gross.and_then(|gross| gross.checked_sub(net));
                    if discount.is_none_or(|discount| discount.unsigned_abs() >= 10_u128.pow(planned.style.precision)) {
                        batch.fault(
                            row,
                            &planned.column.name,
                            fault_of_number(NumberFault::OutOfRange, &planned.style),
                            "quantity x unit_price",
                        );
                    }
                    discount
                }
                _ => None,
            };
            if value.is_none() && !batch.bad[row] {
                batch.fault(row, &planned.column.name, ("missing_value", "the line's net amount".into()), "");
            }
            values.push(value);
        }
        decimals(values, planned)
    }
}

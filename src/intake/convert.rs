//! A block of records becomes typed columns: column by column, each field read straight from its slice by
//! one kernel. A field that cannot be read makes its record a reject; nothing else stops.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::amounts;
use super::batch::{Batch, Fault};
use super::block::{Block, Flaw, Row, Step};
use super::carry::Carry;
use super::cells::own_text;
use super::column::{Zones, read_column};
use super::header::is_comment;
use super::numbered::Numbered;
use super::plan::{Origin, Plan};
use super::rules;
use super::skip::Skipper;
use crate::contract::{Contract, EXTRA, Kind};
use crate::grammar::date::Zone;
use crate::sender::SenderFeed;
use crate::zone::Tz;

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
    /// Blank records, comments and repeated headers that were passed over.
    pub blanks: u64,
    /// Records that the mapping leaves out.
    pub skipped: u64,
    /// Columns of which some cells are empty and some are not, where only a column without values has a meaning.
    pub mixed: Vec<String>,
}

/// Follows a plan, block after block.
pub(super) struct Converter<'a> {
    contract: &'a Contract,
    feed: &'a SenderFeed,
    plan: Plan<'a>,
    /// Zones of clocks, as the plan numbers them.
    clocks: Vec<Zone>,
    /// The zone whose days are business days, where it is not every clock's.
    day_zone: Option<Zone>,
    carry: Option<Carry>,
    skipper: Option<Skipper>,
    /// Fields of a row of this file, once its first rows are seen.
    usual: Option<usize>,
    /// Whether the mark was met after which nothing counts.
    ended: bool,
    /// Cells of each column that were filled, and that were not.
    filled: Vec<(usize, usize)>,
    schema: SchemaRef,
    business: Option<usize>,
    /// Business days that are taken.
    window: (i32, i32),
    numbered: Numbered,
}

impl<'a> Converter<'a> {
    /// `window` holds the first and last business day that is taken, as day numbers; business days are those of `days`.
    pub(super) fn new(
        contract: &'a Contract,
        feed: &'a SenderFeed,
        plan: Plan<'a>,
        days: Tz,
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
            clocks: plan.zones.iter().map(|zone| Zone::new(*zone)).collect(),
            day_zone: plan.zones.iter().any(|zone| *zone != days).then(|| Zone::new(days)),
            carry: (plan.carried() > 0).then(|| Carry::new(contract, &plan)),
            skipper: Skipper::of(contract, feed, &plan),
            usual: None,
            ended: false,
            filled: vec![(0, 0); plan.columns.len()],
            plan,
            schema: Arc::new(Schema::new(fields)),
            business,
            window,
            numbered: Numbered::default(),
        }
    }

    /// Reads a block.
    pub(super) fn convert(&mut self, block: &Block) -> Step<Converted> {
        let mut batch = Batch::new(block, block.text()?);
        let [totals, blanks, skipped] = self.select(&mut batch);
        self.refuse_records(&mut batch);
        if let Some(carry) = &mut self.carry {
            batch.carried = carry.fill(&self.plan, self.feed, &batch);
        }
        let count = batch.rows.len();
        let mut days = Vec::new();
        let mut arrays: Vec<Option<ArrayRef>> = Vec::with_capacity(self.plan.columns.len());
        for at in 0..self.plan.columns.len() {
            let planned = &self.plan.columns[at];
            let array = if matches!(planned.origin, Origin::Amount(..) | Origin::RowNumber) {
                None
            } else {
                let wanted = (self.business == Some(at)).then_some(&mut days);
                let mut zones = Zones { clock: &mut self.clocks[planned.clock], days: self.day_zone.as_ref() };
                Some(read_column(planned, self.feed, &mut zones, &mut batch, wanted))
            };
            arrays.push(array);
        }
        for at in 0..arrays.len() {
            if matches!(self.plan.columns[at].origin, Origin::RowNumber) {
                arrays[at] = Some(self.numbered.of(at, count, &self.plan, self.contract, &arrays)?);
            }
        }
        self.numbered.pass(count);
        amounts::fill(&self.plan, self.contract, self.feed, &mut arrays, &mut batch);
        let mut arrays: Vec<ArrayRef> = arrays.into_iter().flatten().collect();
        let mixed = self.mixed(&batch);
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
        Ok(Converted { batch: clean, kept, faults: batch.faults, read: count as u64, totals, blanks, skipped, mixed })
    }

    /// Chooses the data records. Gives how many others were passed over: total lines, lines without data, left out rows.
    fn select(&mut self, batch: &mut Batch<'_>) -> [u64; 3] {
        let (mut totals, mut blanks, mut skipped) = (0, 0, 0);
        let summed = !self.feed.total_prefixes.is_empty() || !self.feed.total_patterns.is_empty();
        for (at, row) in batch.block.rows.iter().enumerate() {
            if batch.block.is_blank(row) {
                blanks += 1;
            } else if self.ended || summed && self.is_total(batch, row) {
                totals += 1;
            } else if !self.feed.end_marks.is_empty() && self.is_end(batch, row) {
                self.ended = true;
                totals += 1;
            } else if self.plan.header.repeats(batch.block, row) || is_comment(batch.block, row, self.feed) {
                blanks += 1;
            } else if self.skipper.as_mut().is_some_and(|skipper| skipper.skips(&self.plan, self.feed, batch, at)) {
                skipped += 1;
            } else {
                batch.rows.push(at);
            }
        }
        batch.bad = vec![false; batch.rows.len()];
        batch.void = vec![false; batch.rows.len()];
        [totals, blanks, skipped]
    }

    /// Refuses records that are wrong as a whole.
    fn refuse_records(&mut self, batch: &mut Batch<'_>) {
        let place = if self.plan.header.written { "as in the header" } else { "as in most rows" };
        // cells of a workbook have their places, whatever is left out or empty behind them
        let placed = !batch.block.cells.is_empty();
        let usual = if placed { self.plan.width } else { self.usual_fields(batch) };
        for at in 0..batch.rows.len() {
            let row = batch.row(at);
            let (wrong, found) = if let Some(flaw) = &row.flaw {
                let wrong = match flaw {
                    Flaw::Nul => ("nul_byte", "text without NUL bytes".to_string()),
                    Flaw::Encoding(_) => ("bad_encoding", "text in the file's encoding".into()),
                    Flaw::LongField(_) => ("field_too_long", "a shorter field; is a quote not closed?".into()),
                    Flaw::Wide(_) => ("ragged_row", format!("{} fields {place}", self.plan.width)),
                    Flaw::Ragged(_, expected) => ("ragged_row", format!("{expected} fields {place}")),
                    Flaw::Json(_, expected) => ("malformed_json", expected.clone()),
                    Flaw::Quote(..) => ("malformed_quote", QUOTES.to_string()),
                };
                (wrong, flaw.found(row.line))
            } else {
                let fields = row.fields;
                let fits = placed && (fields < usual || self.rest_is_empty(batch, row));
                if fields == usual || fits {
                    continue;
                }
                (("ragged_row", format!("{} fields {place}", self.plan.width)), format!("{fields} fields"))
            };
            batch.void[at] = true;
            batch.fault(at, "", wrong, &found);
        }
    }

    fn rest_is_empty(&self, batch: &Batch<'_>, row: &Row) -> bool {
        (self.plan.width..row.fields)
            .filter_map(|field| batch.block.range(row, field))
            .all(|(from, to)| batch.text[from..to].trim().is_empty())
    }

    /// Fields of a row of this file, as its first rows have them: those of the header, and empty ones behind them where
    /// the header has them too or every row has. One row alone with a delimiter too many has its values moved.
    fn usual_fields(&mut self, batch: &Batch<'_>) -> usize {
        if let Some(usual) = self.usual {
            return usual;
        }
        let width = self.plan.width;
        let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
        let mut rows = 0;
        for row in batch.rows.iter().map(|at| &batch.block.rows[*at]).filter(|row| row.flaw.is_none()) {
            rows += 1;
            if row.fields == width || row.fields > width && self.rest_is_empty(batch, row) {
                *seen.entry(row.fields).or_default() += 1;
            }
        }
        let blank_ends = self.plan.header.blank_ends;
        seen.retain(|fields, count| fields - width <= blank_ends || rows > 1 && *count == rows);
        let usual = seen
            .into_iter()
            .max_by_key(|(fields, count)| (*count, Reverse(*fields)))
            .map_or(width, |(fields, _)| fields);
        if rows > 0 {
            self.usual = Some(usual);
        }
        usual
    }

    /// Columns of which this file leaves some cells empty and others not, where only a column without values means its
    /// default.
    fn mixed(&mut self, batch: &Batch<'_>) -> Vec<String> {
        let mut mixed = Vec::new();
        for (at, planned) in self.plan.columns.iter().enumerate().filter(|(_, planned)| planned.for_absent) {
            let (filled, empty) = &mut self.filled[at];
            for row in 0..batch.rows.len() {
                let own = || own_text(planned, self.feed, batch.block, batch.text, batch.rows[row]).is_some();
                let carried = || planned.carried.is_some_and(|place| batch.carried[place][row].is_some());
                if !batch.void[row] {
                    *if own() || carried() { &mut *filled } else { &mut *empty } += 1;
                }
            }
            if *filled > 0 && *empty > 0 && planned.default.is_some() {
                mixed.push(planned.column.name.clone());
            }
        }
        mixed
    }

    /// How many records were left out by the mapping's conditions, by what they hold.
    pub(super) fn left_out(&self) -> Option<String> {
        self.skipper.as_ref().and_then(Skipper::told)
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
        let Some(text) = first_filled(batch, row) else { return false };
        self.feed.total_prefixes.iter().any(|prefix| text.starts_with(prefix.as_str()))
            || self.feed.total_patterns.iter().any(|pattern| pattern.is_match(text))
    }

    fn is_end(&self, batch: &Batch<'_>, row: &Row) -> bool {
        first_filled(batch, row)
            .is_some_and(|text| self.feed.end_marks.iter().any(|mark| text.starts_with(mark.as_str())))
    }
}

/// What quotes must look like.
const QUOTES: &str = "quotes in pairs around a field, doubled within it (or declare quote = \"\" where they are data)";

fn first_filled<'b>(batch: &Batch<'b>, row: &Row) -> Option<&'b str> {
    (0..row.fields)
        .filter_map(|field| batch.block.range(row, field))
        .map(|(from, to)| batch.text[from..to].trim())
        .find(|text| !text.is_empty())
}

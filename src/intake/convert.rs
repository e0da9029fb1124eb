//! A block of records becomes typed columns: column by column, each field read straight from its slice by
//! one kernel. A field that cannot be read makes its record a reject; nothing else stops.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, BooleanBuilder, Date32Array, Date32Builder, Decimal128Array, Float64Builder,
    Int64Array, Int64Builder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema, SchemaRef};

use super::block::{Block, Cell, Flaw, Row, Step};
use super::date::{DateFault, Moment, Zone, read_iso};
use super::number::{NumberFault, NumberStyle, fold_width};
use super::period::canonical;
use super::plan::{Origin, Plan, Planned};
use super::rules;
use crate::contract::{ColumnType, Contract, Kind};
use crate::sender::SenderFeed;

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
    rows_before: i64,
}

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
    #[inline]
    fn row(&self, at: usize) -> &Row {
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
        let business = contract.business_date.as_deref().and_then(|name| contract.position(name));
        Self {
            contract,
            feed,
            plan,
            zone: Zone::new(zone),
            schema: Arc::new(Schema::new(fields)),
            business,
            window,
            rows_before: 0,
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
            let array = match planned.origin {
                Origin::Net(_) => None,
                _ => {
                    let wanted = (self.business == Some(at)).then_some(&mut days);
                    Some(read_column(planned, self.feed, &mut self.zone, &mut batch, self.rows_before, wanted))
                }
            };
            arrays.push(array);
        }
        self.rows_before += i64::try_from(count).unwrap_or(0);
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
                    Flaw::Wide => ("ragged_row", format!("{} fields as in the header", self.plan.width)),
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
            let net = number(&as_field, self.feed, batch, row, 0);
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

fn decimals(values: Vec<Option<i128>>, planned: &Planned<'_>) -> ArrayRef {
    let (precision, scale) = match planned.column.column_type {
        ColumnType::Decimal(precision, scale) => (precision, scale),
        _ => (18, 0),
    };
    let array = Decimal128Array::from(values).with_precision_and_scale(precision, scale);
    Arc::new(array.expect("the contract's precision and scale were checked when it was read"))
}

fn read_column(
    planned: &Planned<'_>,
    feed: &SenderFeed,
    zone: &mut Zone,
    batch: &mut Batch<'_>,
    rows_before: i64,
    mut days: Option<&mut Vec<Option<i32>>>,
) -> ArrayRef {
    let count = batch.rows.len();
    match planned.column.column_type {
        ColumnType::Text => {
            let mut out = StringBuilder::with_capacity(count, count * 12);
            for at in 0..count {
                match value(planned, feed, batch, at) {
                    Some((text, Cell::Number)) => match text_of_number(&text, planned) {
                        Ok(()) => out.append_value(&text),
                        Err(wrong) => {
                            let found = text.into_owned();
                            batch.fault(at, &planned.column.name, wrong, &found);
                            out.append_null();
                        }
                    },
                    Some((text, _)) => out.append_value(&text),
                    None => out.append_null(),
                }
            }
            Arc::new(out.finish())
        }
        ColumnType::Period => {
            let mut out = StringBuilder::with_capacity(count, count * 8);
            for at in 0..count {
                let read = value(planned, feed, batch, at)
                    .map(|(text, _)| (canonical(fold_width(&text).trim()), text.into_owned()));
                let (name, day) = match read {
                    None => (None, None),
                    Some((Some((name, first)), _)) => (Some(name), Some(super::date::day_of(first))),
                    Some((None, text)) => {
                        let expected = "a period: YYYY, YYYY-Qn or YYYY-MM".to_string();
                        batch.fault(at, &planned.column.name, ("malformed_period", expected), &text);
                        (None, None)
                    }
                };
                out.append_option(name);
                if let Some(days) = days.as_deref_mut() {
                    days.push(day);
                }
            }
            Arc::new(out.finish())
        }
        ColumnType::BigInt => {
            let mut out = Int64Builder::with_capacity(count);
            for at in 0..count {
                let number = match planned.origin {
                    Origin::RowNumber => Some(rows_before + i64::try_from(at).unwrap_or(0) + 1),
                    _ => number(planned, feed, batch, at, rows_before).and_then(|digits| i64::try_from(digits).ok()),
                };
                out.append_option(number);
            }
            Arc::new(out.finish())
        }
        ColumnType::Decimal(..) => {
            decimals((0..count).map(|at| number(planned, feed, batch, at, rows_before)).collect(), planned)
        }
        ColumnType::Double => {
            let mut out = Float64Builder::with_capacity(count);
            for at in 0..count {
                let digits = number(planned, feed, batch, at, rows_before);
                let text = digits.map(|digits| super::number::show(digits, planned.style.scale));
                out.append_option(text.and_then(|text| text.parse().ok()));
            }
            Arc::new(out.finish())
        }
        ColumnType::Date => {
            let mut out = Date32Builder::with_capacity(count);
            for at in 0..count {
                let day = moment(planned, feed, batch, at).and_then(|(moment, text)| match date(moment, zone) {
                    Ok(day) => Some(day),
                    Err(fault) => {
                        let wrong = fault_of_date(fault, planned);
                        batch.fault(at, &planned.column.name, wrong, &text);
                        None
                    }
                });
                out.append_option(day);
                if let Some(days) = days.as_deref_mut() {
                    days.push(day);
                }
            }
            Arc::new(out.finish())
        }
        ColumnType::Timestamp => {
            let mut out = TimestampMicrosecondBuilder::with_capacity(count).with_timezone("UTC");
            for at in 0..count {
                let instant = moment(planned, feed, batch, at).and_then(|(moment, text)| match zone.instant(moment) {
                    Ok(instant) => Some(instant),
                    Err(fault) => {
                        let wrong = fault_of_date(fault, planned);
                        batch.fault(at, &planned.column.name, wrong, &text);
                        None
                    }
                });
                out.append_option(instant.map(|(utc, _)| utc));
                if let Some(days) = days.as_deref_mut() {
                    days.push(instant.map(|(_, day)| day));
                }
            }
            Arc::new(out.finish())
        }
        ColumnType::Boolean => {
            let mut out = BooleanBuilder::with_capacity(count);
            for at in 0..count {
                let read = value(planned, feed, batch, at).map(|(text, _)| (truth(&text), text.into_owned()));
                let flag = match read {
                    None => None,
                    Some((Some(flag), _)) => Some(flag),
                    Some((None, text)) => {
                        let expected = "true or false (also 1 / 0, yes / no, y / n, 是 / 否)".to_string();
                        batch.fault(at, &planned.column.name, ("malformed_boolean", expected), &text);
                        None
                    }
                };
                out.append_option(flag);
            }
            Arc::new(out.finish())
        }
    }
}

/// The text that a column is read from, after what the mapping does to it. `None` is NULL; a required
/// column without a text is a fault.
#[inline]
fn value<'r, 'b: 'r>(
    planned: &'r Planned<'_>,
    feed: &SenderFeed,
    batch: &mut Batch<'b>,
    at: usize,
) -> Option<(Cow<'r, str>, Cell)> {
    if batch.bad[at] {
        return None;
    }
    let (text, cell): (Cow<'r, str>, Cell) = match &planned.origin {
        Origin::Field(field) => {
            let (block, text) = (batch.block, batch.text);
            let row = &block.rows[batch.rows[at]];
            match block.range(row, *field) {
                Some((from, to)) => (Cow::Borrowed(trimmed(&text[from..to])), block.cell(row, *field)),
                None => (Cow::Borrowed(""), Cell::Text),
            }
        }
        Origin::Fixed(text, cell) => (Cow::Borrowed(text.as_str()), *cell),
        Origin::RowNumber | Origin::Net(_) | Origin::Nothing => (Cow::Borrowed(""), Cell::Text),
    };
    if cell == Cell::Error {
        batch.fault(at, &planned.column.name, ("error_cell", "a value, not an error of the workbook".into()), &text);
        return None;
    }
    if text.is_empty()
        || !feed.missing.is_empty() && feed.missing.iter().any(|missing| missing.as_str() == text.as_ref())
    {
        return match &planned.default {
            Some(default) => Some((Cow::Borrowed(default.as_str()), Cell::Canonical)),
            None => {
                if planned.column.required && planned.column.default_from.is_none() {
                    let reason = if planned.in_key { "missing_key" } else { "missing_value" };
                    batch.fault(at, &planned.column.name, (reason, format!("a {}", planned.column.column_type)), &text);
                }
                None
            }
        };
    }
    if !planned.shaped {
        return Some((text, cell));
    }
    match shape(planned, &text, cell) {
        Ok((text, cell)) => Some((Cow::Owned(text), cell)),
        Err(wrong) => {
            batch.fault(at, &planned.column.name, wrong, &text);
            None
        }
    }
}

#[inline]
fn trimmed(text: &str) -> &str {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

fn shape(planned: &Planned<'_>, text: &str, cell: Cell) -> Result<(String, Cell), Wrong> {
    let Some(mapping) = planned.mapping else { return Ok((text.to_string(), cell)) };
    let mut rest = text;
    if let Some(prefix) = &mapping.strip_prefix {
        rest = rest.strip_prefix(prefix.as_str()).unwrap_or(rest).trim_start();
    }
    if let Some(suffix) = &mapping.strip_suffix {
        rest = rest.strip_suffix(suffix.as_str()).unwrap_or(rest).trim_end();
    }
    if !mapping.prefixes.is_empty() {
        if let Some((_, meaning)) = mapping.prefixes.iter().find(|(prefix, _)| rest.starts_with(prefix.as_str())) {
            return Ok((meaning.clone(), Cell::Canonical));
        }
        if let Some(default) = &mapping.default {
            return Ok((default.clone(), Cell::Canonical));
        }
    }
    if let Some(meaning) = mapping.map.get(rest) {
        return Ok((meaning.clone(), Cell::Canonical));
    }
    if mapping.strict {
        let known: Vec<&str> = mapping.map.keys().map(String::as_str).collect();
        return Err(("unmapped_value", format!("one of the mapping's values: {}", known.join(", "))));
    }
    if let Some(width) = mapping.width
        && rest.len() < width
        && rest.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Ok((format!("{rest:0>width$}"), Cell::Text));
    }
    Ok((rest.to_string(), if mapping.width.is_some() && cell == Cell::Number { Cell::Text } else { cell }))
}

/// A number cell under a text column: what Excel made of it may have lost digits.
fn text_of_number(text: &str, planned: &Planned<'_>) -> Result<(), Wrong> {
    if planned.column.leading_zeros {
        return Err((
            "number_for_text",
            "a text cell, since a number has lost its leading zeros (or declare `width` in the mapping)".into(),
        ));
    }
    if text.contains('.') || text.len() > 15 {
        return Err(("number_for_text", "a text cell, since a number of this kind has lost digits".into()));
    }
    Ok(())
}

fn number(
    planned: &Planned<'_>,
    feed: &SenderFeed,
    batch: &mut Batch<'_>,
    at: usize,
    rows_before: i64,
) -> Option<i128> {
    if matches!(planned.origin, Origin::RowNumber) {
        return Some(i128::from(rows_before) + i128::try_from(at).unwrap_or(0) + 1);
    }
    let (text, cell) = value(planned, feed, batch, at)?;
    let read = match cell {
        Cell::Text => planned.style.read(text.as_bytes()),
        _ => planned.style.read_canonical(text.as_bytes()),
    };
    match read {
        Ok(digits) => Some(match planned.negate_if {
            Some((field, equals)) if field_is(batch, at, field, equals) => -digits,
            _ => digits,
        }),
        Err(fault) => {
            batch.fault(at, &planned.column.name, fault_of_number(fault, &planned.style), &text);
            None
        }
    }
}

fn field_is(batch: &Batch<'_>, at: usize, field: usize, equals: &str) -> bool {
    let range = batch.block.range(batch.row(at), field);
    range.is_some_and(|(from, to)| batch.text[from..to].trim() == equals)
}

fn moment<'r, 'b: 'r>(
    planned: &'r Planned<'_>,
    feed: &SenderFeed,
    batch: &mut Batch<'b>,
    at: usize,
) -> Option<(Moment, Cow<'r, str>)> {
    let (text, cell) = value(planned, feed, batch, at)?;
    let excel = || planned.patterns.iter().find(|pattern| pattern.format == "excel");
    let read = match cell {
        // a number cell is a date only where the mapping says that it is a serial number
        Cell::Number => excel().map_or(Err(DateFault::Malformed), |pattern| pattern.read(text.as_bytes())),
        Cell::Text if !planned.patterns.is_empty() => {
            let mut first = Err(DateFault::Malformed);
            for pattern in planned.patterns {
                let read = pattern.read(text.as_bytes());
                if read.is_ok() || first == Err(DateFault::Malformed) {
                    first = read;
                }
                if first.is_ok() {
                    break;
                }
            }
            first
        }
        _ => read_iso(text.as_bytes()),
    };
    match read {
        Ok(moment) => Some((moment, text)),
        Err(fault) => {
            batch.fault(at, &planned.column.name, fault_of_date(fault, planned), &text);
            None
        }
    }
}

/// A date, where the text has no other time than midnight in the sender's zone.
fn date(moment: Moment, zone: &mut Zone) -> Result<i32, DateFault> {
    let (day, micros) = match moment.offset {
        None => (moment.day, moment.micros),
        Some(_) => {
            let (utc, day) = zone.instant(moment)?;
            let (midnight, _) = zone.instant(Moment { day, micros: 0, offset: None })?;
            (day, utc - midnight)
        }
    };
    if micros == 0 { Ok(day) } else { Err(DateFault::DroppedTime) }
}

fn truth(text: &str) -> Option<bool> {
    match fold_width(text).to_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "y" | "是" => Some(true),
        "false" | "f" | "0" | "no" | "n" | "否" => Some(false),
        _ => None,
    }
}

fn fault_of_number(fault: NumberFault, style: &NumberStyle) -> Wrong {
    match fault {
        NumberFault::Malformed if style.percent => ("malformed_number", "a number with a percent sign".into()),
        NumberFault::Malformed => {
            let sign = if style.decimal_comma { "comma" } else { "point" };
            ("malformed_number", format!("a number with a decimal {sign}"))
        }
        NumberFault::ExcessScale if style.scale == 0 => ("excess_scale", "a whole number".into()),
        NumberFault::ExcessScale => {
            ("excess_scale", format!("at most {} digits after the point (or declare round = true)", style.scale))
        }
        NumberFault::OutOfRange => {
            ("number_out_of_range", format!("at most {} digits before the point", style.precision - style.scale))
        }
    }
}

fn fault_of_date(fault: DateFault, planned: &Planned<'_>) -> Wrong {
    match fault {
        DateFault::Malformed if planned.patterns.is_empty() => {
            let form =
                if planned.column.column_type == ColumnType::Date { "YYYY-MM-DD" } else { "YYYY-MM-DD HH:MM:SS" };
            ("malformed_date", form.into())
        }
        DateFault::Malformed => {
            let formats: Vec<&str> = planned.patterns.iter().map(|pattern| pattern.format.as_str()).collect();
            ("malformed_date", formats.join(" or "))
        }
        DateFault::DroppedTime => ("dropped_time", "a date without a time of day".into()),
        DateFault::OutOfRange => ("date_out_of_range", "a date from 1900-01-01 to 9999-12-31".into()),
        DateFault::NoSuchLocalTime => ("no_such_local_time", "a local time that daylight saving does not skip".into()),
        DateFault::ExcessPrecision => ("excess_precision", "a time no finer than a microsecond".into()),
    }
}

/// A text column of a batch.
pub(super) fn texts(array: &ArrayRef) -> Option<&StringArray> {
    array.as_any().downcast_ref()
}

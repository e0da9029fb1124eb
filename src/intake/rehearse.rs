//! Reads a file as a run would and keeps nothing but the account: for a mapping that is being written, and for
//! a refused file whose mapping was mended.

use std::path::PathBuf;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type};
use chrono::{DateTime, Utc};

use super::{Outcome, RawFile, Spool, stage_head};
use crate::config::Config;
use crate::contract::Contracts;
use crate::error::{Error, Result};
use crate::grammar::number::show;
use crate::sender::{GROSS, Sender};

/// A row that would be refused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    /// Line in the file.
    pub line: i64,
    /// Canonical column.
    pub column: String,
    /// Code of the rule.
    pub reason: String,
    /// What stands there.
    pub found: String,
    /// What should.
    pub expected: String,
}

impl Refused {
    /// Line and column, found and expected, in one line.
    pub fn told(&self) -> String {
        told(self.line, &self.column, &self.found, &self.expected)
    }
}

/// `line 4, column sku: found "x", expected y`; a row that is wrong as a whole has no column.
pub(super) fn told(line: i64, column: &str, found: &str, expected: &str) -> String {
    let column = if column.is_empty() { String::new() } else { format!(", column {column}") };
    format!("line {line}{column}: found {found:?}, expected {expected}")
}

/// What would become of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsal {
    /// The account; its files are gone.
    pub outcome: Outcome,
    /// The first refused rows.
    pub refused: Vec<Refused>,
    /// What the clean rows add up to, where they are lines of sales or shipments.
    pub money: Option<Money>,
}

/// Sums of clean rows in the currencies of the file, as exact decimals: whoever knows the business sees at once whether
/// a price was taken for an amount.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Money {
    /// Pieces, returns taken off.
    pub units: i64,
    /// Before discount.
    pub gross: String,
    /// Discounts.
    pub discounts: String,
    /// What is left.
    pub net: String,
}

/// A file that lies on this machine.
#[derive(Debug, Clone)]
pub struct Local {
    /// Where.
    pub path: PathBuf,
    /// Its key in the inbox: the name is looked at for dates.
    pub key: String,
    /// When it was last changed.
    pub last_modified: DateTime<Utc>,
}

/// Rows that a trial reads: what it takes to see whether a mapping is right, in seconds however large the file is.
const TRIED: u64 = 20_000;

/// Reads `file` as `sender` delivers `feed`, and shows up to `most` refused rows.
pub fn rehearse(
    file: &Local,
    sender: &Sender,
    feed: &str,
    contracts: &Contracts,
    config: &Config,
    most: usize,
) -> Result<Rehearsal> {
    read(file, sender, feed, (contracts, config), most, None)
}

/// The same with the first rows of the file alone.
pub fn try_out(
    file: &Local,
    sender: &Sender,
    feed: &str,
    contracts: &Contracts,
    config: &Config,
    most: usize,
) -> Result<Rehearsal> {
    read(file, sender, feed, (contracts, config), most, Some(TRIED))
}

fn read(
    file: &Local,
    sender: &Sender,
    feed: &str,
    (contracts, config): (&Contracts, &Config),
    most: usize,
    rows: Option<u64>,
) -> Result<Rehearsal> {
    let contract = contracts.expect(feed)?;
    let mapping = sender.feeds.get(feed).ok_or_else(|| {
        Error::config(format!("sender {} delivers no {feed}", sender.name)).hint(format!("add [feeds.{feed}] to it"))
    })?;
    let scratch = tempfile::tempdir()?;
    let raw = RawFile {
        sender: sender.name.clone(),
        feed: feed.to_string(),
        key: file.key.clone(),
        content: Spool::Disk(file.path.clone()),
        bytes: file.path.metadata()?.len(),
        // Nothing is kept, so nobody asks for its name.
        version: "0".repeat(64),
        last_modified: file.last_modified,
    };
    let company = &config.company;
    let (limits, out) = (&config.intake, scratch.path());
    let how = (company.time_zone, company.base_currency.as_str());
    let outcome = stage_head(&raw, mapping, contract, limits, how, out, rows)?;
    let refused = outcome.rejects.as_ref().map(|rejects| refused(rejects, most)).transpose()?.unwrap_or_default();
    let money = outcome.staged.as_ref().map(money_of).transpose()?.flatten();
    Ok(Rehearsal { outcome: Outcome { staged: None, rejects: None, ..outcome }, refused, money })
}

/// Adds up staged rows that have a quantity and a price.
fn money_of(staged: &Spool) -> Result<Option<Money>> {
    let (mut units, mut gross, mut discounts) = (0_i64, 0_i128, 0_i128);
    for batch in staged.rows(8192, None)? {
        let batch = batch?;
        let column = |name: &str| batch.column_by_name(name);
        let money = |name: &str| column(name).and_then(|array| array.as_primitive_opt::<Decimal128Type>());
        let quantity = column("quantity").and_then(|array| array.as_primitive_opt::<Int64Type>());
        let (Some(quantity), Some(price)) = (quantity, money("unit_price")) else { return Ok(None) };
        for row in 0..batch.num_rows() {
            let whole = money(GROSS).filter(|array| array.is_valid(row)).map(|array| array.value(row));
            units = units.saturating_add(quantity.value(row));
            gross += whole.unwrap_or_else(|| i128::from(quantity.value(row)).saturating_mul(price.value(row)));
            discounts +=
                money("discount_amount").filter(|array| array.is_valid(row)).map_or(0, |array| array.value(row));
        }
    }
    let shown = |digits| show(digits, 4);
    Ok(Some(Money { units, gross: shown(gross), discounts: shown(discounts), net: shown(gross - discounts) }))
}

/// The first refused rows of a file.
pub fn refused(rejects: &Spool, most: usize) -> Result<Vec<Refused>> {
    let mut refused = Vec::new();
    for batch in rejects.rows(most.max(1), None)?.take(1) {
        let batch = batch?;
        let lines = batch.column_by_name("line").and_then(|array| array.as_primitive_opt::<Int64Type>().cloned());
        for row in 0..batch.num_rows() {
            refused.push(Refused {
                line: lines.as_ref().map_or(0, |lines| lines.value(row)),
                column: text(&batch, "column", row),
                reason: text(&batch, "reason", row),
                found: text(&batch, "found", row),
                expected: text(&batch, "expected", row),
            });
        }
    }
    Ok(refused)
}

fn text(batch: &RecordBatch, column: &str, row: usize) -> String {
    let array = batch.column_by_name(column).and_then(|array| array.as_string_opt::<i32>());
    array.filter(|array| array.is_valid(row)).map(|array| array.value(row).to_string()).unwrap_or_default()
}

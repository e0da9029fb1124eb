//! `jobs/feeds/<feed>.toml`: what a feed promises. A contract fixes the names, types and order of the
//! columns that every sender's file is brought to, and the rules that a row must keep.

mod column;
mod drift;
pub(crate) mod written;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, unknown};
use column::utc_micros;
use written::{check_share, fingerprint_of, parse_toml, toml_files};

pub use column::{Amount, Column, ColumnType, Condition, DefaultFrom};
pub use drift::{Drift, Policy};

/// Raised when intake reads the same bytes by the same contract differently than before, so that
/// staged files of an older reading are not taken for current ones.
const INTAKE_VERSION: u32 = 4;

/// A `default` with this text stands for `company.base_currency`.
pub const BASE_CURRENCY: &str = "$base_currency";

/// Whether files add to history or replace what was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something that happened on a business date.
    Event,
    /// A full snapshot.
    Reference,
}

/// How a later delivery of an event feed stands to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replaces {
    /// A later file of the same period replaces the earlier one whole.
    Period,
    /// The latest delivery of a key wins, row by row (decided in SQL).
    Key,
}

/// One feed's contract. Validated: names are unique, and what it refers to is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The feed: the file's name without `.toml`.
    #[serde(skip_deserializing)]
    pub name: String,
    /// Event or reference.
    pub kind: Kind,
    /// Description in English.
    #[serde(skip_serializing)]
    pub en: String,
    /// Description in Chinese.
    #[serde(skip_serializing)]
    pub zh: String,
    /// Event feeds: the column whose local date (for a period: first day) is the business date.
    pub business_date: Option<String>,
    /// Reference feeds: the date column from which a row holds, where it is not the snapshot's date.
    pub valid_from: Option<String>,
    /// Reference feeds: the date or period column that a row is about, where rows are about dates. What is dated in a
    /// period then belongs to it, whichever snapshot brought it and however late: of one key the newest row counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated_by: Option<String>,
    /// Columns that identify a row. Optional ones may be NULL, which is then a value like any other.
    pub key: Vec<String>,
    /// What a later delivery does to an earlier one.
    #[serde(default = "by_period")]
    pub replaces: Replaces,
    /// Reference feeds without which the rows that refer to them mean little: a company that delivers such rows has to
    /// deliver this feed, too.
    #[serde(default, skip_serializing)]
    pub master_data: bool,
    /// Days before the file's period that a business date may lie. Where the rows make the period: days without a row
    /// after which what lies beyond is no longer the same file's period.
    #[serde(default = "back")]
    pub window_days_back: i64,
    /// Days after the file's period that a business date may lie.
    #[serde(default = "ahead")]
    pub window_days_ahead: i64,
    /// Share of refused rows beyond which a file is quarantined whole; `intake.reject_limit` by default.
    pub reject_limit: Option<f64>,
    /// What is done about columns that nobody knows, where the sender does not say otherwise.
    #[serde(default)]
    pub drift: Drift,
    /// Canonical columns in order.
    pub columns: Vec<Column>,
    /// What SQL works out from a row and must find room for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amounts: Vec<Amount>,
}

fn by_period() -> Replaces {
    Replaces::Period
}
fn back() -> i64 {
    120
}
fn ahead() -> i64 {
    1
}

/// Names of the columns that intake adds after the canonical ones (`business_date` in event feeds only).
/// `_extra` holds, as one JSON object of texts, the columns that nobody knows where the drift policy keeps them.
pub const LINEAGE: [&str; 9] =
    ["business_date", EXTRA, "_sender", "_file", "_line", "_input", "_delivered_at", "_period_start", "_period_end"];

/// Name of the column that keeps what the drift policy `evolve` keeps.
pub const EXTRA: &str = "_extra";

impl Contract {
    /// Reads one contract from its text; `name` is the feed.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let mut contract: Self = parse_toml(text)?;
        contract.name = name.to_string();
        contract.validate()?;
        Ok(contract)
    }

    /// The canonical column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Position of a canonical column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Schema of staged rows: canonical columns, then lineage.
    pub fn staged_schema(&self) -> SchemaRef {
        let mut fields: Vec<Field> =
            (self.columns.iter()).map(|column| Field::new(&column.name, column.column_type.arrow(), true)).collect();
        if self.kind == Kind::Event {
            fields.push(Field::new("business_date", DataType::Date32, true));
        }
        fields.extend([
            Field::new(EXTRA, DataType::Utf8, true),
            Field::new("_sender", DataType::Utf8, true),
            Field::new("_file", DataType::Utf8, true),
            Field::new("_line", DataType::Int64, true),
            Field::new("_input", DataType::Utf8, true),
            Field::new("_delivered_at", utc_micros(), true),
            Field::new("_period_start", DataType::Date32, true),
            Field::new("_period_end", DataType::Date32, true),
        ]);
        Arc::new(Schema::new(fields))
    }

    /// What makes files be read differently: everything but the descriptions.
    pub fn fingerprint(&self) -> String {
        fingerprint_of(&(INTAKE_VERSION, self))
    }

    fn validate(&self) -> Result<()> {
        if self.columns.is_empty() {
            return Err(Error::config("the contract has no [[columns]]"));
        }
        let known = || self.columns.iter().map(|column| column.name.as_str());
        let exists = |what: &str, name: &str| match self.column(name) {
            Some(column) => Ok(column),
            None => Err(unknown(&format!("{what} names column"), name, known())),
        };
        for (at, column) in self.columns.iter().enumerate() {
            let here = &column.name;
            if LINEAGE.contains(&here.as_str()) {
                return Err(Error::config(format!("column `{here}` has a name that intake adds itself")));
            }
            if self.position(here) != Some(at) {
                return Err(Error::config(format!("column `{here}` stands twice")));
            }
            let numeric_rule = column.min.is_some() || column.max.is_some() || column.not_zero;
            if numeric_rule && !column.column_type.is_number() {
                return Err(Error::config(format!(
                    "column `{here}` is {}; min, max and not_zero need a number",
                    column.column_type
                )));
            }
            if !column.accepted.is_empty() && column.column_type != ColumnType::Text {
                return Err(Error::config(format!("column `{here}` is {}; accepted needs text", column.column_type)));
            }
            if let Some(condition) = &column.unless {
                exists(&format!("unless of `{here}`"), &condition.column)?;
            }
            if let Some(derived) = &column.default_from {
                let source = exists(&format!("default_from of `{here}`"), &derived.column)?;
                if !source.column_type.is_number() || column.column_type != ColumnType::Text {
                    return Err(Error::config(format!("default_from of `{here}` needs a text from a number column")));
                }
            }
        }
        if self.key.is_empty() {
            return Err(Error::config("key is empty; expected the columns that identify a row"));
        }
        for name in &self.key {
            exists("key", name)?;
        }
        match (self.kind, &self.business_date, &self.valid_from) {
            (Kind::Event, Some(name), None) => {
                let column = exists("business_date", name)?;
                let dated = matches!(column.column_type, ColumnType::Date | ColumnType::Timestamp | ColumnType::Period);
                if !dated || !column.required {
                    return Err(Error::config(format!(
                        "business_date `{name}` must be a required date, timestamp or period column"
                    )));
                }
            }
            (Kind::Event, None, _) => return Err(Error::config("an event feed needs business_date")),
            (Kind::Event, _, Some(_)) => return Err(Error::config("valid_from is for reference feeds only")),
            (Kind::Reference, Some(_), _) => return Err(Error::config("business_date is for event feeds only")),
            (Kind::Reference, None, Some(name)) => {
                if exists("valid_from", name)?.column_type != ColumnType::Date {
                    return Err(Error::config(format!("valid_from `{name}` must be a date column")));
                }
            }
            (Kind::Reference, None, None) => {}
        }
        if let Some(name) = &self.dated_by {
            if self.kind == Kind::Event || self.valid_from.is_some() {
                return Err(Error::config("dated_by is for reference feeds without valid_from only"));
            }
            let column = exists("dated_by", name)?;
            let dated = matches!(column.column_type, ColumnType::Date | ColumnType::Period);
            if !dated || !column.required || !self.key.contains(name) {
                return Err(Error::config(format!("dated_by `{name}` must be a required date or period of the key")));
            }
        }
        self.validate_amounts()?;
        check_share("reject_limit", self.reject_limit)?;
        if self.window_days_back < 0 || self.window_days_ahead < 0 {
            return Err(Error::config("window_days_back and window_days_ahead must not be negative"));
        }
        Ok(())
    }

    fn validate_amounts(&self) -> Result<()> {
        for Amount { product_of, max } in &self.amounts {
            let named = format!("product_of = {product_of:?}");
            if product_of.len() < 2 {
                return Err(Error::config(format!("amounts: {named} needs two columns or more")));
            }
            for name in product_of {
                let exact =
                    |column: &Column| matches!(column.column_type, ColumnType::BigInt | ColumnType::Decimal(..));
                match self.column(name) {
                    Some(column) if exact(column) => {}
                    Some(column) => {
                        let found = column.column_type;
                        return Err(Error::config(format!(
                            "amounts: column `{name}` is {found}; an amount is a product of bigint and decimal columns"
                        )));
                    }
                    None => {
                        let known = self.columns.iter().map(|column| column.name.as_str());
                        return Err(unknown("amounts: product_of names column", name, known));
                    }
                }
            }
            if !(max.is_finite() && *max > 0.0) {
                return Err(Error::config(format!("amounts: max of {named} is {max}; expected a number above 0")));
            }
        }
        Ok(())
    }
}

/// Schema of refused rows, the same for every feed.
pub fn rejects_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("sender", DataType::Utf8, true),
        Field::new("feed", DataType::Utf8, true),
        Field::new("file", DataType::Utf8, true),
        Field::new("input", DataType::Utf8, true),
        Field::new("line", DataType::Int64, true),
        Field::new("column", DataType::Utf8, true),
        Field::new("reason", DataType::Utf8, true),
        Field::new("found", DataType::Utf8, true),
        Field::new("expected", DataType::Utf8, true),
        Field::new("raw", DataType::Utf8, true),
        Field::new("delivered_at", utc_micros(), true),
    ]))
}

/// Every contract of a company, by feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Contracts(BTreeMap<String, Contract>);

impl Contracts {
    /// Reads `feeds/*.toml` below the jobs folder.
    pub fn load(jobs: &Path) -> Result<Self> {
        let mut contracts = BTreeMap::new();
        for (name, path, text) in toml_files(&jobs.join("feeds"))? {
            let contract = text.and_then(|text| Contract::parse(&name, &text)).map_err(|err| err.at(path))?;
            contracts.insert(name, contract);
        }
        Self::new(contracts).map_err(|err| err.at(jobs.join("feeds").display()))
    }

    /// Takes contracts that have been read, and checks what they say of each other.
    pub fn new(contracts: BTreeMap<String, Contract>) -> Result<Self> {
        for contract in contracts.values() {
            for column in &contract.columns {
                if let Some(feed) = &column.references
                    && !contracts.contains_key(feed)
                {
                    let what = format!("{}: references of `{}` names feed", contract.name, column.name);
                    return Err(unknown(&what, feed, contracts.keys().map(String::as_str)));
                }
            }
        }
        Ok(Self(contracts))
    }

    /// The contract of a feed.
    pub fn get(&self, feed: &str) -> Option<&Contract> {
        self.0.get(feed)
    }

    /// The contract of a feed that must be there.
    pub fn expect(&self, feed: &str) -> Result<&Contract> {
        self.get(feed).ok_or_else(|| unknown("there is no feed", feed, self.names()))
    }

    /// All contracts, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Contract> {
        self.0.values()
    }

    /// Names of all feeds, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests;

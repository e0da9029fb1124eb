//! `jobs/feeds/<feed>.toml`: what a feed promises. A contract fixes the names, types and order of the
//! columns that every sender's file is brought to, and the rules that a row must keep.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::closest;
use crate::error::{Error, Result};
use crate::sha256::{Sha256, hex};

mod drift;

pub use drift::{Drift, Policy};

/// Raised when intake reads the same bytes by the same contract differently than before, so that
/// staged files of an older reading are not taken for current ones.
const INTAKE_VERSION: u32 = 2;

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

/// Type of a canonical column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ColumnType {
    /// UTF-8 text.
    Text,
    /// Text that names a period: `YYYY`, `YYYY-Qn` or `YYYY-MM`.
    Period,
    /// 64-bit whole number.
    BigInt,
    /// Exact decimal with precision and scale.
    Decimal(u8, i8),
    /// Calendar date.
    Date,
    /// Instant, in UTC with microseconds.
    Timestamp,
    /// True or false.
    Boolean,
    /// 64-bit floating point, never used for money.
    Double,
}

impl TryFrom<String> for ColumnType {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Ok(match text.as_str() {
            "text" => Self::Text,
            "period" => Self::Period,
            "bigint" => Self::BigInt,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "boolean" => Self::Boolean,
            "double" => Self::Double,
            other => {
                let digits = other.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')'));
                let parts = digits.and_then(|inner| inner.split_once(','));
                let parsed = parts.and_then(|(p, s)| Some((p.trim().parse().ok()?, s.trim().parse().ok()?)));
                match parsed {
                    Some((precision @ 1..=18, scale)) if (0..=precision).contains(&scale) => {
                        Self::Decimal(precision, i8::try_from(scale).map_err(|err| err.to_string())?)
                    }
                    _ => {
                        return Err(format!(
                            "type \"{other}\" is not known; expected text, period, bigint, decimal(p,s) with p up to 18, \
                             date, timestamp, boolean or double"
                        ));
                    }
                }
            }
        })
    }
}

impl From<ColumnType> for String {
    fn from(column_type: ColumnType) -> Self {
        column_type.to_string()
    }
}

impl std::fmt::Display for ColumnType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Period => f.write_str("period"),
            Self::BigInt => f.write_str("bigint"),
            Self::Decimal(precision, scale) => write!(f, "decimal({precision},{scale})"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Boolean => f.write_str("boolean"),
            Self::Double => f.write_str("double"),
        }
    }
}

impl ColumnType {
    /// The type in Arrow and Parquet.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text | Self::Period => DataType::Utf8,
            Self::BigInt => DataType::Int64,
            Self::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
            Self::Date => DataType::Date32,
            Self::Timestamp => utc_micros(),
            Self::Boolean => DataType::Boolean,
            Self::Double => DataType::Float64,
        }
    }

    /// Whether values are numbers, so that ranges and scales apply.
    pub fn is_number(self) -> bool {
        matches!(self, Self::BigInt | Self::Decimal(..) | Self::Double)
    }
}

fn utc_micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A condition on another column of the same row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Canonical column (in a contract) or header (in a mapping).
    pub column: String,
    /// Text that it must equal.
    pub equals: String,
}

/// Derives a missing text from the sign of a number in the same row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultFrom {
    /// A number column of the contract.
    pub column: String,
    /// Text where that number is below zero.
    pub negative: String,
    /// Text for every other row.
    pub otherwise: String,
}

/// One canonical column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// Whether every row must have a value; the default. Otherwise the column may be absent or empty.
    #[serde(default = "yes")]
    pub required: bool,
    /// Unit of a number: `units`, `currency` (the row's own), `base currency`, `fraction`, `days`, ...
    pub unit: Option<String>,
    /// Feed that the value refers to; checked later in SQL, so that late reference data heals by itself.
    pub references: Option<String>,
    /// Smallest number allowed.
    pub min: Option<f64>,
    /// Largest number allowed.
    pub max: Option<f64>,
    /// Rows to which `min` and `max` do not apply.
    pub unless: Option<Condition>,
    /// Refuses the number 0.
    #[serde(default)]
    pub not_zero: bool,
    /// The only texts allowed.
    #[serde(default)]
    pub accepted: Vec<String>,
    /// Leading zeros of the text are data: number cells of a workbook, which have lost them, are refused.
    #[serde(default)]
    pub leading_zeros: bool,
    /// Text taken where the column is absent or the cell empty; `$base_currency` is the company's.
    pub default: Option<String>,
    /// Derivation where the column is absent or the cell empty, after `default`.
    pub default_from: Option<DefaultFrom>,
    /// Description in English.
    #[serde(skip_serializing)]
    pub en: String,
    /// Description in Chinese.
    #[serde(skip_serializing)]
    pub zh: String,
}

fn yes() -> bool {
    true
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
        check_share("reject_limit", self.reject_limit)?;
        if self.window_days_back < 0 || self.window_days_ahead < 0 {
            return Err(Error::config("window_days_back and window_days_ahead must not be negative"));
        }
        Ok(())
    }
}

/// Refuses shares outside 0 to 1.
pub(crate) fn check_share(name: &str, share: Option<f64>) -> Result<()> {
    match share {
        Some(share) if !(0.0..=1.0).contains(&share) => {
            Err(Error::config(format!("{name} is {share}; expected a share from 0 to 1")))
        }
        _ => Ok(()),
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
            let contract = Contract::parse(&name, &text).map_err(|err| err.at(path))?;
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

/// An error about a name that is not known, with the nearest one or the list.
pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.collect();
    let error = Error::config(format!("{what} `{name}`, which is not known"));
    match closest(name, known.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("known are: {}", known.join(", "))),
    }
}

/// Parses TOML; a slip in a key is answered with the nearest known one.
pub(crate) fn parse_toml<T: DeserializeOwned>(text: &str) -> Result<T> {
    toml::from_str(text).map_err(|err| toml_error(&err, text))
}

/// Turns an error of the TOML reader into ours: place, what was found, what to do.
pub(crate) fn toml_error(err: &toml::de::Error, text: &str) -> Error {
    let place = err.span().filter(|_| !text.is_empty()).map(|span| {
        let before = text.get(..span.start).unwrap_or_default();
        format!("line {}: ", before.matches('\n').count() + 1)
    });
    let message = err.message().trim().to_string();
    let error = Error::config(format!("{}{message}", place.unwrap_or_default()));
    let mut quoted = message.split('`').skip(1).step_by(2);
    match quoted.next() {
        Some(wrong) if message.starts_with("unknown") => match closest(wrong, quoted) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        },
        _ => error,
    }
}

/// Every `*.toml` of a folder as (name without extension, path, text), sorted by name.
pub(crate) fn toml_files(folder: &Path) -> Result<Vec<(String, String, String)>> {
    let entries = std::fs::read_dir(folder)
        .map_err(|err| Error::config("folder cannot be read").at(folder.display()).because(err))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|ext| ext != "toml") {
            continue;
        }
        let Some(stem) = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()) else { continue };
        let text = std::fs::read_to_string(&path)
            .map_err(|err| Error::config("file cannot be read as UTF-8 text").at(path.display()).because(err))?;
        files.push((stem, path.display().to_string(), text));
    }
    files.sort();
    Ok(files)
}

/// Sixteen hex digits over the JSON of `value`.
pub(crate) fn fingerprint_of<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_vec(value).expect("settings hold only text keys, so they can be written as JSON");
    hex(&Sha256::digest(&json)[..8])
}

#[cfg(test)]
mod tests;

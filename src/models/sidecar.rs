//! The sidecar `<model>.toml`: what a model's rows are, how they are kept, and what must hold of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

use super::types::ColumnType;
use crate::error::{Error, Result, closest};

mod reference;

pub use reference::Reference;

/// How a model's rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Materialised {
    /// Not kept: its SQL becomes part of its readers'.
    View,
    /// Kept whole, in one file.
    Table,
    /// Kept in one file a month of its `by` date.
    Partitioned,
}

/// What a failed check does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is published.
    #[default]
    Error,
    /// The run is reduced, and says so.
    Warn,
}

/// A text in the two languages of the readers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// English.
    #[serde(default)]
    pub en: String,
    /// Chinese.
    #[serde(default)]
    pub zh: String,
}

/// How a partitioned model is cut.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partitioning {
    /// The date column that decides the partition of a row.
    pub by: String,
    /// Length of a partition; `month` is the only one.
    pub unit: Unit,
    /// Days before the partition's first day that may be read, by model or feed.
    #[serde(default)]
    pub lookback_days: BTreeMap<String, u32>,
}

/// Length of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A calendar month.
    Month,
}

/// One column of the output, in order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Name as in the SQL.
    pub name: String,
    /// Type that readers get.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// What a value is measured in.
    #[serde(default)]
    pub unit: Option<String>,
    /// Over what its values may be added up, where they are amounts or counts.
    #[serde(default)]
    pub additive: Option<Additive>,
    /// The dimension that says what a value is.
    #[serde(default)]
    pub references: Option<Reference>,
    /// English description.
    #[serde(default)]
    pub en: String,
    /// Chinese description.
    #[serde(default)]
    pub zh: String,
}

impl Column {
    /// Whether it must say if its values add up: amounts and counts are what readers sum without thinking.
    pub fn is_amount_or_count(&self) -> bool {
        matches!(self.kind, ColumnType::Bigint | ColumnType::Decimal(..))
    }
}

/// Over what values may be added up and still mean something.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Additive {
    /// Over any rows of the mart (true), or over none (false).
    Rows(bool),
    /// Over rows that differ in these columns of the key only.
    Over(Vec<String>),
}

impl fmt::Display for Additive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(adds) => write!(f, "{adds}"),
            Self::Over(columns) => write!(f, "over {}", columns.join(", ")),
        }
    }
}

/// What must hold of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What is checked.
    pub rule: Rule,
    /// What a failure does.
    pub severity: Severity,
    /// Why it must hold, shown with a failure.
    pub note: Option<String>,
    /// A query in which rows of different months never meet: of the partitioned models that it reads, only months
    /// that were built again are looked at.
    pub within_partition: bool,
}

/// A check's rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// No NULL in any of the columns.
    NotNull(Vec<String>),
    /// No two rows agree in all of the columns.
    Unique(Vec<String>),
    /// Only these values (NULL passes).
    Accepted(String, Vec<String>),
    /// Every value is found in that column of that model (NULL passes).
    Relationship(String, String, String),
    /// True for every row (NULL passes).
    Expression(String),
    /// The query returns no row.
    Query(String),
}

impl Rule {
    /// The kind as written in the sidecar.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotNull(_) => "not_null",
            Self::Unique(_) => "unique",
            Self::Accepted(..) => "accepted",
            Self::Relationship(..) => "relationship",
            Self::Expression(_) => "expression",
            Self::Query(_) => "query",
        }
    }
}

/// A validated sidecar.
#[derive(Debug, Clone, PartialEq)]
pub struct Sidecar {
    /// What one row is, in words.
    pub grain: String,
    /// The columns that make a row unique, and by which files are sorted.
    pub key: Vec<String>,
    /// How rows are kept.
    pub materialised: Materialised,
    /// How a partitioned model is cut.
    pub partition: Option<Partitioning>,
    /// What the model is for.
    pub description: Words,
    /// Output columns; empty where they are not declared (never for marts).
    pub columns: Vec<Column>,
    /// What must hold.
    pub checks: Vec<Check>,
    /// An alert's severity, routing and texts, under their key `alert`; read by the mails.
    pub extra: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    grain: String,
    #[serde(default)]
    key: Vec<String>,
    materialised: Option<Materialised>,
    partition: Option<Partitioning>,
    #[serde(default)]
    description: Words,
    #[serde(default)]
    columns: Vec<Column>,
    #[serde(default)]
    checks: Vec<RawCheck>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCheck {
    kind: String,
    columns: Option<Vec<String>>,
    column: Option<String>,
    values: Option<Vec<String>>,
    to: Option<String>,
    sql: Option<String>,
    #[serde(default)]
    severity: Severity,
    note: Option<String>,
    #[serde(default)]
    within_partition: bool,
}

const CHECKS: [&str; 6] = ["not_null", "unique", "accepted", "relationship", "expression", "query"];

impl Sidecar {
    /// Reads a sidecar. Only an alert's may have an `[alert]` table, which is kept as it is for the mails.
    pub fn parse(text: &str, is_alert: bool) -> Result<Self> {
        let mut table: toml::Table = toml::from_str(text).map_err(|err| not_toml(&err, text))?;
        let mut extra = toml::Table::new();
        if let Some(alert) = is_alert.then(|| table.remove("alert")).flatten() {
            extra.insert("alert".to_string(), alert);
        }
        // Parsed from the text again where nothing was taken out, because only that error knows its line.
        let raw: Raw = if extra.is_empty() {
            toml::from_str(text).map_err(|err| not_toml(&err, text))?
        } else {
            toml::Value::Table(table)
                .try_into()
                .map_err(|err: toml::de::Error| Error::config(err.message().to_string()))?
        };
        raw.validate(extra)
    }

    /// Declared output columns by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

fn not_toml(err: &toml::de::Error, text: &str) -> Error {
    let line = err.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    let error = Error::config(format!("{place}{}", err.message().trim_end_matches('.')));
    let unknown = err.message().strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    let known: Vec<&str> = err.message().split('`').skip(3).step_by(2).collect();
    match unknown.and_then(|word| closest(word, known.into_iter())) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    }
}

impl Raw {
    fn validate(self, extra: toml::Table) -> Result<Sidecar> {
        let materialised = self.materialised.ok_or_else(|| {
            Error::config("`materialised` is missing").hint("say materialised = \"view\", \"table\" or \"partitioned\"")
        })?;
        match (&self.partition, materialised) {
            (None, Materialised::Partitioned) => {
                return Err(Error::config("a partitioned model needs a [partition] table")
                    .hint("name the date column and the unit: [partition] by = \"business_date\" unit = \"month\""));
            }
            (Some(_), Materialised::View | Materialised::Table) => {
                return Err(Error::config("[partition] is given but the model is not materialised = \"partitioned\""));
            }
            _ => {}
        }
        let mut seen = BTreeSet::new();
        for column in &self.columns {
            if !seen.insert(column.name.as_str()) {
                return Err(Error::config(format!("column `{}` is declared twice", column.name)));
            }
        }
        for column in &self.columns {
            let over = match &column.additive {
                Some(Additive::Over(over)) => over.as_slice(),
                _ => continue,
            };
            if let Some(name) = over.iter().find(|name| !self.key.contains(name)) {
                return Err(Error::config(format!("`{}` adds up over `{name}`, which is not in the key", column.name)));
            }
        }
        if !self.columns.is_empty() {
            let by = self.partition.iter().map(|partition| &partition.by);
            for name in self.key.iter().chain(by) {
                require_column(name, &self.columns)?;
            }
            if let Some(Partitioning { by, .. }) = &self.partition {
                let kind = self.columns.iter().find(|column| &column.name == by).map(|column| column.kind);
                if kind != Some(ColumnType::Date) {
                    return Err(Error::config(format!("partition column `{by}` must be of type date")));
                }
            }
        }
        if self.partition.is_none() && self.checks.iter().any(|check| check.within_partition) {
            return Err(Error::config("within_partition is for checks of partitioned models"));
        }
        let columns = self.columns;
        let checks = self
            .checks
            .into_iter()
            .enumerate()
            .map(|(at, check)| check.validate(&columns).map_err(|err| in_check(at, &err)))
            .collect::<Result<_>>()?;
        Ok(Sidecar {
            grain: self.grain,
            key: self.key,
            materialised,
            partition: self.partition,
            description: self.description,
            columns,
            checks,
            extra,
        })
    }
}

fn in_check(at: usize, err: &Error) -> Error {
    let wrapped = Error::config(format!("check {}: {err}", at + 1));
    match err.advice() {
        Some(hint) => wrapped.hint(hint),
        None => wrapped,
    }
}

fn require_column(name: &str, columns: &[Column]) -> Result<()> {
    if columns.is_empty() || columns.iter().any(|column| column.name == name) {
        return Ok(());
    }
    let error = Error::config(format!("column `{name}` is not among the declared columns"));
    Err(match closest(name, columns.iter().map(|column| column.name.as_str())) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    })
}

impl RawCheck {
    fn validate(self, columns: &[Column]) -> Result<Check> {
        let need = |what: &str| Error::config(format!("a check of kind {} needs `{what}`", self.kind));
        let one = |column: &Option<String>| column.clone().ok_or_else(|| need("column"));
        let several = |columns: &Option<Vec<String>>| {
            columns.clone().filter(|list| !list.is_empty()).ok_or_else(|| need("columns"))
        };
        let rule = match self.kind.as_str() {
            "not_null" => Rule::NotNull(several(&self.columns)?),
            "unique" => Rule::Unique(several(&self.columns)?),
            "accepted" => Rule::Accepted(one(&self.column)?, self.values.clone().ok_or_else(|| need("values"))?),
            "relationship" => {
                let to = self.to.clone().ok_or_else(|| need("to"))?;
                let (model, column) = to
                    .split_once('.')
                    .ok_or_else(|| Error::config(format!("`to` is \"{to}\"; expected \"model.column\"")))?;
                Rule::Relationship(one(&self.column)?, model.to_string(), column.to_string())
            }
            "expression" => Rule::Expression(self.sql.clone().ok_or_else(|| need("sql"))?),
            "query" => Rule::Query(self.sql.clone().ok_or_else(|| need("sql"))?),
            other => {
                let error = Error::config(format!("unknown kind \"{other}\""));
                return Err(match closest(other, CHECKS.into_iter()) {
                    Some(near) => error.hint(format!("did you mean \"{near}\"?")),
                    None => error.hint(format!("expected one of: {}", CHECKS.join(", "))),
                });
            }
        };
        match &rule {
            Rule::NotNull(names) | Rule::Unique(names) => {
                names.iter().try_for_each(|name| require_column(name, columns))?;
            }
            Rule::Accepted(name, _) | Rule::Relationship(name, ..) => require_column(name, columns)?,
            Rule::Expression(_) | Rule::Query(_) => {}
        }
        if self.within_partition && !matches!(rule, Rule::Query(_)) {
            return Err(Error::config(format!("within_partition is for checks of kind query, not {}", self.kind))
                .hint("remove it: of the other kinds it is known which look at single months"));
        }
        Ok(Check { rule, severity: self.severity, note: self.note, within_partition: self.within_partition })
    }
}

#[cfg(test)]
mod tests;

//! Parameters: settings and the as-of date, put into the parsed statement as typed literals.
//!
//! Never pasted as text, and not by `DataFusion`'s own parameters, which fail in window frames and table functions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::ControlFlow;

use chrono::NaiveDate;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, UnaryOperator, Value as Literal, ValueWithSpan, visit_expressions,
    visit_expressions_mut,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::config::Config;
use crate::error::{Error, Result, closest};

/// Decimal places of a setting that is a fraction.
const SCALE: usize = 6;
/// The same, as SQL's own type names carry it.
const SCALE_DIGITS: i64 = 6;

/// A parameter's value, with its SQL type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// bigint.
    Bigint(i64),
    /// decimal(18,6), in plain digits.
    Decimal(String),
    /// text.
    Text(String),
    /// boolean.
    Boolean(bool),
    /// date.
    Date(NaiveDate),
}

impl Value {
    /// From a setting.
    pub fn of(value: &toml::Value) -> Result<Self> {
        match value {
            toml::Value::Integer(number) => Ok(Self::Bigint(*number)),
            toml::Value::Float(number) => decimal(&number.to_string()),
            // A date of TOML reaches us as its text, because settings pass through serde on their way.
            toml::Value::String(text) => Ok(plain_date(text).map_or_else(|| Self::Text(text.clone()), Self::Date)),
            toml::Value::Boolean(truth) => Ok(Self::Boolean(*truth)),
            toml::Value::Datetime(at) => at
                .to_string()
                .parse()
                .map(Self::Date)
                .map_err(|_| Error::config(format!("{at} is not a plain date")).hint("write a date as 2026-11-22")),
            toml::Value::Array(_) | toml::Value::Table(_) => {
                Err(Error::config("lists and tables cannot be parameters").hint("put rows under [tables]"))
            }
        }
    }

    /// Reads `text` as a value of the same type as this one.
    pub fn like(&self, text: &str) -> Result<Self> {
        let text = text.trim();
        let bare = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        let word = bare.unwrap_or(text);
        let wrong = || Error::config(format!("{text} is not a {}", self.type_name()));
        match self {
            Self::Bigint(_) => word.parse().map(Self::Bigint).map_err(|_| wrong()),
            Self::Decimal(_) => decimal(word).map_err(|_| wrong()),
            Self::Text(_) => Ok(Self::Text(word.replace("''", "'"))),
            Self::Boolean(_) => word.parse().map(Self::Boolean).map_err(|_| wrong()),
            Self::Date(_) => word.parse().map(Self::Date).map_err(|_| wrong()),
        }
    }

    /// The SQL type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Bigint(_) => "bigint",
            Self::Decimal(_) => "decimal(18,6)",
            Self::Text(_) => "text",
            Self::Boolean(_) => "boolean",
            Self::Date(_) => "date",
        }
    }

    fn expression(&self) -> Expr {
        match self {
            Self::Bigint(number) => signed(&number.to_string()),
            Self::Decimal(digits) => {
                cast(signed(digits), DataType::Decimal(ExactNumberInfo::PrecisionAndScale(18, SCALE_DIGITS)))
            }
            Self::Text(text) => literal(Literal::SingleQuotedString(text.clone())),
            Self::Boolean(truth) => literal(Literal::Boolean(*truth)),
            Self::Date(date) => cast(literal(Literal::SingleQuotedString(date.to_string())), DataType::Date),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bigint(number) => write!(f, "{number}"),
            Self::Decimal(text) | Self::Text(text) => f.write_str(text),
            Self::Boolean(truth) => write!(f, "{truth}"),
            Self::Date(date) => write!(f, "{date}"),
        }
    }
}

/// `2026-11-22` and nothing looser.
fn plain_date(text: &str) -> Option<NaiveDate> {
    text.parse::<NaiveDate>().ok().filter(|date| date.to_string() == text)
}

fn decimal(digits: &str) -> Result<Value> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let plain = !whole.is_empty() && whole.chars().chain(fraction.chars()).all(|digit| digit.is_ascii_digit());
    if !plain || whole.len() > 18 - SCALE || fraction.len() > SCALE {
        return Err(Error::config(format!("{digits} does not fit decimal(18,{SCALE})")));
    }
    Ok(Value::Decimal(digits.to_string()))
}

fn literal(value: Literal) -> Expr {
    Expr::Value(ValueWithSpan { value, span: Span::empty() })
}

fn signed(digits: &str) -> Expr {
    let number = |text: &str| literal(Literal::Number(text.to_string(), false));
    match digits.strip_prefix('-') {
        Some(rest) => {
            let negated = Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(number(rest)) };
            Expr::Nested(Box::new(negated))
        }
        None => number(digits),
    }
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

/// Parameters that every run gives besides the settings.
pub const GIVEN: [&str; 6] = ["as_of_date", PARTITION_FROM, PARTITION_TO, "base_currency", "time_zone", "run_id"];
/// First day of the month that is built: only for partitioned models, so that a series need not start with an event.
pub(super) const PARTITION_FROM: &str = "partition_from";
/// Last day of the month that is built, at most the as-of date: where a series ends, whether or not anything happened.
pub(super) const PARTITION_TO: &str = "partition_to";

/// First day of what is not cut into months.
const BEGINNING: NaiveDate = match NaiveDate::from_ymd_opt(1900, 1, 1) {
    Some(date) => date,
    None => NaiveDate::MIN,
};

/// Every parameter with its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, Value>);

impl Parameters {
    /// The settings of `config` and what a run gives.
    pub fn of(config: &Config, as_of: NaiveDate, run_id: &str) -> Result<Self> {
        let mut values = BTreeMap::new();
        for (name, value) in &config.settings {
            let value = Value::of(value).map_err(|err| err.at(format!("settings.{name}")))?;
            values.insert(name.clone(), value);
        }
        for name in GIVEN {
            let value = match name {
                "as_of_date" | PARTITION_TO => Value::Date(as_of),
                PARTITION_FROM => Value::Date(BEGINNING),
                "base_currency" => Value::Text(config.company.base_currency.clone()),
                "time_zone" => Value::Text(config.company.time_zone.name().to_string()),
                _ => Value::Text(run_id.to_string()),
            };
            if values.insert(name.to_string(), value).is_some() {
                return Err(Error::config(format!("settings.{name} is a name that every run gives itself"))
                    .hint("rename the setting"));
            }
        }
        Ok(Self(values))
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The same for one partition, which has these days.
    pub(super) fn within(&self, from: NaiveDate, to: NaiveDate) -> Self {
        let mut values = self.0.clone();
        values.insert(PARTITION_FROM.to_string(), Value::Date(from));
        values.insert(PARTITION_TO.to_string(), Value::Date(to));
        Self(values)
    }

    /// Replaces a value; `text` is read as the parameter's own type. What is not cut into months ends with the as-of
    /// date, also when that is moved.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        match self.0.get_mut(name) {
            Some(slot) => {
                *slot = slot.like(text).map_err(|err| err.at(format!("${name}")))?;
                let moved = slot.clone();
                if name == "as_of_date" {
                    self.0.insert(PARTITION_TO.to_string(), moved);
                }
                Ok(())
            }
            None => Err(self.unknown(name)),
        }
    }

    /// The error for a name that is no parameter.
    pub fn unknown(&self, name: &str) -> Error {
        let error = Error::config(format!("unknown parameter `${name}`"));
        match closest(name, self.names()) {
            Some(near) => error.hint(format!("did you mean `${near}`?")),
            None => error.hint(format!("add `{name} = …` under [settings] in config.toml")),
        }
    }

    /// Puts the values in place of the placeholders of `statement`.
    pub fn bind(&self, statement: &mut Statement) -> Result<()> {
        let Statement::Statement(inner) = statement else { return Ok(()) };
        let outcome = visit_expressions_mut(inner.as_mut(), |expr| {
            if let Some((name, _)) = placeholder(expr) {
                match self.get(&name) {
                    Some(value) => *expr = value.expression(),
                    None => return ControlFlow::Break(self.unknown(&name)),
                }
            }
            ControlFlow::Continue(())
        });
        match outcome {
            ControlFlow::Break(err) => Err(err),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    /// Names of the settings: what does not change from night to night.
    pub(super) fn lasting(&self) -> BTreeSet<String> {
        let nightly = ["as_of_date", PARTITION_FROM, PARTITION_TO, "run_id"];
        self.0.keys().filter(|name| !nightly.contains(&name.as_str())).cloned().collect()
    }

    /// `name=type:value` of each of `names`, in order: what a fingerprint takes in.
    pub fn describe(&self, names: &BTreeSet<String>) -> String {
        let mut text = String::new();
        for name in names {
            if let Some(value) = self.get(name) {
                text.push_str(&format!("{name}={}:{value}\n", value.type_name()));
            }
        }
        text
    }
}

/// The parameters that `statement` names, each with its first place.
pub fn placeholders(statement: &Statement) -> Vec<(String, Span)> {
    let Statement::Statement(inner) = statement else { return Vec::new() };
    let mut found: Vec<(String, Span)> = Vec::new();
    let walked: ControlFlow<()> = visit_expressions(inner.as_ref(), |expr| {
        if let Some((name, span)) = placeholder(expr)
            && !found.iter().any(|(known, _)| *known == name)
        {
            found.push((name, span));
        }
        ControlFlow::Continue(())
    });
    debug_assert!(walked.is_continue());
    found
}

fn placeholder(expr: &Expr) -> Option<(String, Span)> {
    match expr {
        Expr::Value(ValueWithSpan { value: Literal::Placeholder(text), span }) => {
            Some((text.strip_prefix('$').unwrap_or(text).to_ascii_lowercase(), *span))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;

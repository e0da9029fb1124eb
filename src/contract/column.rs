//! One canonical column: its type, the rules that its values must keep, what stands for a missing one.

use arrow::datatypes::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

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

/// An instant as staged rows hold it.
pub(super) fn utc_micros() -> DataType {
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

/// What is worked out from every row by multiplying, and how far from 0 it may be: it has to fit where it goes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// Number columns of the contract. A row that lacks one has no such amount.
    pub product_of: Vec<String>,
    /// Largest amount, with either sign.
    pub max: f64,
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
    /// Rows to which `min` does not apply: theirs may be as far below 0 as `max` allows above.
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

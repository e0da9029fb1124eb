//! The few column types that cross the boundary to readers: every BI tool takes each of them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use serde::{Deserialize, Deserializer};

/// A declared column type, as written in sidecars and contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// `text`: UTF-8.
    Text,
    /// `bigint`: 64-bit integer.
    Bigint,
    /// `decimal(precision, scale)`, precision at most 18.
    Decimal(u8, i8),
    /// `date`.
    Date,
    /// `timestamp`: microseconds in UTC.
    Timestamp,
    /// `boolean`.
    Boolean,
    /// `double`: for ratios and fitted values, never for money.
    Double,
}

impl ColumnType {
    /// The Arrow type that readers get.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Bigint => DataType::Int64,
            Self::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
            Self::Boolean => DataType::Boolean,
            Self::Double => DataType::Float64,
        }
    }
}

/// The word for an Arrow type; of a type that no reader of marts meets, Arrow's own.
pub(super) fn word(kind: &DataType) -> String {
    let known = match kind {
        DataType::Utf8 => ColumnType::Text,
        DataType::Int64 => ColumnType::Bigint,
        DataType::Decimal128(precision, scale) => ColumnType::Decimal(*precision, *scale),
        DataType::Date32 => ColumnType::Date,
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => ColumnType::Timestamp,
        DataType::Boolean => ColumnType::Boolean,
        DataType::Float64 => ColumnType::Double,
        other => return other.to_string().to_lowercase(),
    };
    known.to_string()
}

impl FromStr for ColumnType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word = text.trim();
        Ok(match word {
            "text" => Self::Text,
            "bigint" => Self::Bigint,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "boolean" => Self::Boolean,
            "double" => Self::Double,
            _ => decimal(word).ok_or_else(|| {
                format!(
                    "unknown type \"{word}\"; expected text, bigint, decimal(precision,scale) with precision up to 18, \
                     date, timestamp, boolean or double"
                )
            })?,
        })
    }
}

fn decimal(word: &str) -> Option<ColumnType> {
    let (precision, scale) = word.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
    let precision: u8 = precision.trim().parse().ok()?;
    let scale: i8 = scale.trim().parse().ok()?;
    let sound = (1..=18).contains(&precision) && scale >= 0 && scale.cast_unsigned() <= precision;
    sound.then_some(ColumnType::Decimal(precision, scale))
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Bigint => f.write_str("bigint"),
            Self::Decimal(precision, scale) => write!(f, "decimal({precision},{scale})"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Boolean => f.write_str("boolean"),
            Self::Double => f.write_str("double"),
        }
    }
}

impl<'de> Deserialize<'de> for ColumnType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

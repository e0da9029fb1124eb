//! One canonical column's mapping: a header, a list of headers, or a table that says more.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use regex::Regex;
use serde::Deserialize;
use toml::Value;

use super::table;
use crate::contract::written::section;
use crate::contract::{Column, ColumnType};
use crate::error::{Error, Result};
use crate::grammar::date::Pattern;
use crate::grammar::number::Exact;

/// A condition on the raw text of another column of the file.
#[derive(Debug, Clone)]
pub struct Equals {
    /// Header.
    pub column: String,
    /// Texts of which the trimmed cell must equal one.
    pub equals: Vec<String>,
    /// Texts with one of which the trimmed cell may start instead.
    pub starts_with: Vec<String>,
}

impl Equals {
    /// Whether a trimmed cell fulfils it.
    pub fn holds(&self, text: &str) -> bool {
        self.equals.iter().any(|wanted| wanted == text)
            || self.starts_with.iter().any(|prefix| text.starts_with(prefix.as_str()))
    }
}

/// Where a canonical column comes from and what is done to its text.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    /// Headers, the first that the file has is taken; empty means the canonical name.
    pub headers: Vec<String>,
    /// The same text for every row.
    pub constant: Option<String>,
    /// 1, 2, 3 ... within the file.
    pub row_number: bool,
    /// First group of this expression over the file's name: a member's within an archive, else the file's own,
    /// else its whole key, so that folders can tell too.
    pub from_name: Option<Regex>,
    /// Header of the line's net amount: the column becomes quantity x `unit_price` - net.
    pub from_net: Option<String>,
    /// Declared date or timestamp formats; ISO forms by default.
    pub patterns: Vec<Pattern>,
    /// Exact factor on numbers.
    pub scale: Option<Exact>,
    /// Whether a trailing percent sign is expected, which divides by 100.
    pub percent: bool,
    /// Negates numbers of rows for which this holds.
    pub negate_if: Option<Equals>,
    /// Rounds excess digits instead of refusing them; the feed's by default.
    pub round: Option<bool>,
    /// Text by prefix of the cell, longest prefix first.
    pub prefixes: Vec<(String, String)>,
    /// Text where the cell is empty or no prefix fits.
    pub default: Option<String>,
    /// Value map, applied after `strip_prefix` and `strip_suffix`: what the mapping lists and what `map_file` holds.
    pub map: Arc<BTreeMap<String, String>>,
    /// Refuses values that the map does not list.
    pub strict: bool,
    /// Removed from the front of the text where it is there.
    pub strip_prefix: Option<String>,
    /// Removed from the end of the text where it is there.
    pub strip_suffix: Option<String>,
    /// Texts of digits are filled with leading zeros to this width.
    pub width: Option<usize>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawMapping {
    column: Option<Value>,
    constant: Option<Value>,
    row_number: bool,
    from_name: Option<String>,
    from_net: Option<String>,
    format: Option<String>,
    formats: Vec<String>,
    scale: Option<Value>,
    percent: bool,
    negate_if: Option<RawEquals>,
    round: Option<bool>,
    prefixes: BTreeMap<String, String>,
    default: Option<Value>,
    map: BTreeMap<String, String>,
    map_file: Option<String>,
    strict: bool,
    strip_prefix: Option<String>,
    strip_suffix: Option<String>,
    width: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEquals {
    column: String,
    equals: Option<Value>,
    starts_with: Option<Value>,
}

impl Mapping {
    /// Reads `"header"`, `["header", "other header"]` or a table. `folder` holds the sender's file and the tables
    /// that it names.
    pub(super) fn parse(value: &Value, canonical: &Column, folder: &Path) -> Result<Self> {
        let raw = match value {
            Value::String(_) | Value::Array(_) => RawMapping { column: Some(value.clone()), ..RawMapping::default() },
            Value::Table(_) => section(value.clone())?,
            other => {
                return Err(Error::config(format!("{other} is no mapping"))
                    .hint("give a header, a list of headers, or a table such as { constant = \"P001\" }"));
            }
        };
        let headers = headers_of(raw.column.as_ref())?;
        let sources = [
            !headers.is_empty(),
            raw.constant.is_some(),
            raw.row_number,
            raw.from_name.is_some(),
            raw.from_net.is_some(),
        ];
        if sources.iter().filter(|given| **given).count() > 1 {
            return Err(Error::config("more than one source")
                .hint("give only one of column, constant, row_number, from_name and from_net"));
        }
        let number = canonical.column_type.is_number();
        if raw.row_number && !number && canonical.column_type != ColumnType::Text {
            return Err(Error::config(format!(
                "row_number is for numbers and texts; the column is {}",
                canonical.column_type
            )));
        }
        if !number && (raw.scale.is_some() || raw.percent || raw.negate_if.is_some() || raw.round.is_some()) {
            return Err(Error::config(format!(
                "scale, percent, negate_if and round are for numbers; the column is {}",
                canonical.column_type
            )));
        }
        let map = match &raw.map_file {
            Some(file) => table::read(folder, file, raw.map)?,
            None => raw.map,
        };
        if raw.strict && map.is_empty() {
            return Err(Error::config("strict = true needs a map or a map_file"));
        }
        let mut formats = raw.formats;
        formats.extend(raw.format);
        let mut prefixes: Vec<(String, String)> = raw.prefixes.into_iter().collect();
        prefixes.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        Ok(Self {
            headers,
            constant: raw.constant.as_ref().map(scalar_text).transpose()?,
            row_number: raw.row_number,
            from_name: raw.from_name.as_deref().map(|text| regex_with_group("from_name", text)).transpose()?,
            from_net: raw.from_net,
            patterns: patterns_of(&formats, canonical.column_type)?,
            scale: raw.scale.as_ref().map(factor_of).transpose()?,
            percent: raw.percent,
            negate_if: raw.negate_if.map(condition_of).transpose()?,
            round: raw.round,
            prefixes,
            default: raw.default.as_ref().map(scalar_text).transpose()?,
            map: Arc::new(map),
            strict: raw.strict,
            strip_prefix: raw.strip_prefix,
            strip_suffix: raw.strip_suffix,
            width: raw.width,
        })
    }
}

fn condition_of(raw: RawEquals) -> Result<Equals> {
    let texts = |key: &str, value: Option<Value>| -> Result<Vec<String>> {
        let wrong = || Error::config(format!("negate_if.{key} must be a text or a list of texts"));
        match value {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text]),
            Some(Value::Array(items)) => {
                items.iter().map(|item| item.as_str().map(str::to_string).ok_or_else(wrong)).collect()
            }
            Some(_) => Err(wrong()),
        }
    };
    let condition = Equals {
        column: raw.column,
        equals: texts("equals", raw.equals)?,
        starts_with: texts("starts_with", raw.starts_with)?,
    };
    if condition.equals.is_empty() && condition.starts_with.is_empty() {
        return Err(Error::config("negate_if says of which column, but not when")
            .hint("add equals = \"退货\", or starts_with = \"R\""));
    }
    Ok(condition)
}

fn headers_of(value: Option<&Value>) -> Result<Vec<String>> {
    let wrong = || Error::config("column must be a header or a list of headers");
    match value {
        None => Ok(Vec::new()),
        Some(Value::String(header)) => Ok(vec![header.clone()]),
        Some(Value::Array(items)) if !items.is_empty() => {
            items.iter().map(|item| item.as_str().map(str::to_string).ok_or_else(wrong)).collect()
        }
        Some(_) => Err(wrong()),
    }
}

/// The text of a TOML scalar, as it would stand in a file.
fn scalar_text(value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(flag) => Ok(flag.to_string()),
        Value::Datetime(at) => Ok(at.to_string()),
        other => Err(Error::config(format!("{other} is no constant; expected a text, number, date or true / false"))),
    }
}

/// Checks date formats against the type they are for.
fn patterns_of(formats: &[String], column_type: ColumnType) -> Result<Vec<Pattern>> {
    if !formats.is_empty() && !matches!(column_type, ColumnType::Date | ColumnType::Timestamp) {
        return Err(Error::config(format!("format is for dates and timestamps; the column is {column_type}")));
    }
    formats.iter().map(|format| Pattern::compile(format)).collect()
}

/// An exact factor from a TOML number.
fn factor_of(value: &Value) -> Result<Exact> {
    let text = match value {
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        other => return Err(Error::config(format!("scale is {other}; expected a number"))),
    };
    match Exact::parse(&text) {
        Some(factor) if factor.digits != 0 => Ok(factor),
        _ => Err(Error::config(format!("scale is {text}; expected a number other than 0"))),
    }
}

/// A regular expression of which one group is wanted.
pub(super) fn regex_with_group(key: &str, text: &str) -> Result<Regex> {
    let regex =
        Regex::new(text).map_err(|err| Error::config(format!("{key} is not a regular expression")).because(err))?;
    if regex.captures_len() < 2 {
        return Err(Error::config(format!("{key} = '{text}' has no group")).hint("put what is wanted in parentheses"));
    }
    Ok(regex)
}

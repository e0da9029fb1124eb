//! One canonical column's mapping: a header, a list of headers, or a table that says more.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use toml::Value;

use super::table;
use crate::contract::written::{section, within};
use crate::contract::{Column, ColumnType, Contract};
use crate::error::{Error, Result};
use crate::grammar::date::Pattern;
use crate::grammar::number::Exact;
use crate::zone::Tz;

/// A condition on the raw text of another column of the file.
#[derive(Debug, Clone)]
pub struct Equals {
    /// Header.
    pub column: String,
    /// Texts of which the trimmed cell must equal one.
    pub equals: Vec<String>,
    /// Texts with one of which the trimmed cell may start instead.
    pub starts_with: Vec<String>,
    /// Whether an empty cell takes the value above, within its order.
    pub carry_down: bool,
}

impl Equals {
    /// Whether a trimmed cell fulfils it.
    pub fn holds(&self, text: &str) -> bool {
        self.equals.iter().any(|wanted| wanted == text)
            || self.starts_with.iter().any(|prefix| text.starts_with(prefix.as_str()))
    }
}

/// Which amount of a line a column is worked out from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Of all its pieces, before discount.
    Total,
    /// What was paid: after discount.
    Net,
}

/// The canonical column that keeps a line's amount where the price of one is worked out from it.
pub const GROSS: &str = "gross_amount";

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
    /// Header of a line's amount, from which a price or a discount is worked out.
    pub amount: Option<(String, Amount)>,
    /// Headers of which the cells are joined.
    pub joined: Vec<String>,
    /// What stands between them.
    pub join: String,
    /// Whether an empty cell takes the value above, within its order.
    pub carry_down: bool,
    /// Zone of times without offset in this column; the feed's by default.
    pub time_zone: Option<Tz>,
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

/// A column of `[feeds.<feed>.columns]`, said by a table: one source, and what is done to its text.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Column")]
pub(super) struct RawMapping {
    /// Source: a header, or several of which the first is taken that the file has. `Price#2` is the second `Price`.
    #[schemars(with = "Option<Vec<String>>", example = &"货号")]
    column: Option<Value>,
    /// Source: cells of several columns, joined; empty ones are left out.
    #[schemars(example = ["Date", "Time"])]
    columns: Vec<String>,
    /// What stands between joined cells; a blank by default.
    #[schemars(example = &"-")]
    join: Option<String>,
    /// Source: the same for every row.
    #[schemars(with = "Option<String>", example = &"P001")]
    constant: Option<Value>,
    /// Source: 1, 2, 3, ... within the file.
    #[schemars(example = true)]
    row_number: bool,
    /// Source: the first group of a regular expression over the file's name, else its whole key.
    #[schemars(example = &r"shop_(\d+)_")]
    from_name: Option<String>,
    /// Source of `unit_price`: the line's amount before discount. It is kept exactly, also where it does not divide.
    #[schemars(example = &"item-price")]
    from_total: Option<String>,
    /// Source of `unit_price` or `discount_amount`: what was paid for the line.
    #[schemars(example = &"实付金额")]
    from_net: Option<String>,
    /// An empty cell takes the value above, as far as the order goes: exports that say it on an order's first line only,
    /// and merged cells.
    #[schemars(example = true)]
    carry_down: bool,
    /// Format of dates and times in strftime's items, or `excel` / `excel1904` for serial numbers; ISO by default.
    #[schemars(example = &"%d.%m.%Y %H:%M")]
    format: Option<String>,
    /// Several formats, tried in turn.
    #[schemars(example = ["%Y/%m/%d", "%Y年%m月%d日"])]
    formats: Vec<String>,
    /// Zone of times without offset; the feed's by default.
    #[schemars(with = "Option<String>", example = &"UTC")]
    time_zone: Option<Tz>,
    /// Exact factor on numbers.
    #[schemars(with = "Option<f64>", example = 10000)]
    scale: Option<Value>,
    /// Numbers are written with a percent sign.
    #[schemars(example = true)]
    percent: bool,
    /// Numbers of rows that fulfil a condition are negated.
    #[schemars(example = example_condition())]
    negate_if: Option<RawEquals>,
    /// Rounds excess decimal digits; the feed's by default.
    #[schemars(example = true)]
    round: Option<bool>,
    /// Text by prefix of the cell, the longest first.
    #[schemars(example = json!({"R": "return"}))]
    prefixes: BTreeMap<String, String>,
    /// Text where the cell is empty or no prefix fits.
    #[schemars(with = "Option<String>", example = &"sale")]
    default: Option<Value>,
    /// Texts and what they mean here, after `strip_prefix` and `strip_suffix`.
    #[schemars(example = json!({"退货": "return"}))]
    map: BTreeMap<String, String>,
    /// A CSV `theirs,ours` beside the sender's file that adds to the map.
    #[schemars(example = &"east_china.skus.csv")]
    map_file: Option<String>,
    /// Refuses values that the map does not list.
    #[schemars(example = true)]
    strict: bool,
    /// Removed from the front of the cell where it is there.
    #[schemars(example = &"SKU-")]
    strip_prefix: Option<String>,
    /// Removed from the end of the cell where it is there.
    #[schemars(example = &"件")]
    strip_suffix: Option<String>,
    /// Texts of digits are filled with leading zeros to this width.
    #[schemars(example = 6)]
    width: Option<usize>,
}

fn example_condition() -> serde_json::Value {
    json!({"column": "类型", "equals": "退货"})
}

/// A condition on the text of a column of the file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Condition")]
pub(super) struct RawEquals {
    /// Header.
    #[schemars(example = &"status")]
    column: String,
    /// A text, or several of which the cell must be one.
    #[schemars(with = "Option<Vec<String>>", example = ["cancelled"])]
    equals: Option<Value>,
    /// A text, or several with one of which the cell starts.
    #[schemars(with = "Option<Vec<String>>", example = &"R")]
    starts_with: Option<Value>,
    /// An empty cell takes the value above, within its order (`skip_if` only).
    #[schemars(example = true)]
    #[serde(default)]
    carry_down: bool,
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
            raw.from_total.is_some(),
            !raw.columns.is_empty(),
        ];
        if sources.iter().filter(|given| **given).count() > 1 {
            return Err(Error::config("more than one source")
                .hint("give only one of column, columns, constant, row_number, from_name, from_total and from_net"));
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
        let from_header = headers.len() + raw.columns.len() > 0 || sources.iter().all(|given| !given);
        if raw.carry_down && !from_header {
            return Err(Error::config("carry_down is for values that come from a column of the file"));
        }
        if raw.time_zone.is_some() && canonical.column_type != ColumnType::Timestamp {
            return Err(Error::config(format!("time_zone is for timestamps; the column is {}", canonical.column_type)));
        }
        let total = raw.from_total.map(|column| (column, Amount::Total));
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
            amount: total.or(raw.from_net.map(|column| (column, Amount::Net))),
            joined: raw.columns,
            join: raw.join.unwrap_or_else(|| " ".into()),
            carry_down: raw.carry_down,
            time_zone: raw.time_zone,
            patterns: patterns_of(&formats, canonical.column_type)?,
            scale: raw.scale.as_ref().map(factor_of).transpose()?,
            percent: raw.percent,
            negate_if: raw.negate_if.map(|raw| condition_of("negate_if", raw)).transpose()?,
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

/// One condition, or a list of them.
pub(super) fn conditions_of(what: &str, value: Option<Value>) -> Result<Vec<Equals>> {
    let one = |value: Value| condition_of(what, section(value).map_err(|err| within(what, &err))?);
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => items.into_iter().map(one).collect(),
        Some(value) => Ok(vec![one(value)?]),
    }
}

fn condition_of(what: &str, raw: RawEquals) -> Result<Equals> {
    let texts = |key: &str, value: Option<Value>| -> Result<Vec<String>> {
        let wrong = || Error::config(format!("{what}.{key} must be a text or a list of texts"));
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
        carry_down: raw.carry_down,
    };
    if condition.equals.is_empty() && condition.starts_with.is_empty() {
        return Err(Error::config(format!("{what} says of which column, but not when"))
            .hint("add equals = \"退货\", or starts_with = \"R\""));
    }
    Ok(condition)
}

impl Mapping {
    /// Whether the column is looked up in the file's header by its names.
    pub fn from_header(&self) -> bool {
        self.constant.is_none()
            && !self.row_number
            && self.from_name.is_none()
            && self.amount.is_none()
            && self.joined.is_empty()
    }

    /// Checks that a column can be worked out from a line's amount.
    pub(super) fn check_amount(&self, column: &str, contract: &Contract) -> Result<()> {
        let Some((_, amount)) = &self.amount else { return Ok(()) };
        let has = |name: &str| contract.column(name).is_some();
        let right = match (column, amount) {
            ("unit_price", Amount::Total) => has("quantity") && has(GROSS),
            ("unit_price", Amount::Net) => has("quantity") && has(GROSS) && has("discount_amount"),
            ("discount_amount", Amount::Net) => has("quantity") && has("unit_price"),
            _ => false,
        };
        if right {
            return Ok(());
        }
        Err(Error::config(format!(
            "from_total gives a unit_price, from_net a unit_price or a discount_amount, from the amount and the quantity of a \
             line; not so `{column}` of {}",
            contract.name
        )))
    }
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

//! The keys that a sender's file may hold, as they are declared. What is said of each here is also what
//! `tributary docs` and the editor's schema say.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use toml::Value;

use super::expected::RawExpected;
use super::mapping::{RawEquals, RawMapping};
use crate::contract::Drift;
use crate::error::{Error, Result};
use crate::grammar::number::Negative;
use crate::zone::Tz;

/// How a file is laid out. Without a declaration the content decides, then the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Text with delimiters: comma, tab, semicolon, bar or a declared one.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// One JSON array of objects.
    Json,
    /// Apache Parquet.
    Parquet,
    /// A workbook: XLSX, XLS or ODS, told apart by content.
    Xlsx,
}

/// What tells the columns of a text's lines apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    /// A delimiter.
    Delimited,
    /// Any number of blanks.
    Blanks,
    /// So many characters each.
    Widths(Vec<usize>),
}

/// Where the business period of a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodRule {
    /// The first date in the file's name, else in the folders above it.
    Name,
    /// The smallest and largest business date of its rows.
    Rows,
}

/// `jobs/senders/<sender>.toml`: what holds for all feeds of a sender.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Sender")]
pub(super) struct RawSender {
    /// Name for people; the folder's by default.
    #[schemars(example = &"East China distributor")]
    pub(super) name: Option<String>,
    /// Zone of its times without offset and of its deadlines; the company's by default.
    #[schemars(with = "Option<String>", example = &"Asia/Shanghai")]
    pub(super) time_zone: Option<Tz>,
    /// Zone whose days are its business days; the company's by default.
    #[schemars(with = "Option<String>", example = &"America/New_York")]
    pub(super) business_time_zone: Option<Tz>,
    /// Encoding of its texts.
    #[schemars(example = &"gb18030")]
    pub(super) encoding: Option<String>,
    /// Mail address of whom to write to about its files.
    #[schemars(example = &"data@east-china.example")]
    pub(super) contact: Option<String>,
    /// Cell texts that mean no value.
    #[schemars(example = ["", "-", "N/A"])]
    pub(super) missing: Option<Vec<String>>,
    /// Regular expression whose group finds the delivery's instant in a file's name, as `YYYYMMDDTHHMM` or
    /// `YYYYMMDDTHHMMSS` with or without the `T`, and with `Z` or an offset where the name says it; when the store saw the
    /// file by default.
    #[schemars(example = &r"_(\d{8}T\d{4})\.")]
    pub(super) delivered_at: Option<String>,
    /// Zone of that instant where the name does not say it; `time_zone` by default, as the clock of its rows.
    #[schemars(with = "Option<String>", example = &"UTC")]
    pub(super) delivered_time_zone: Option<Tz>,
    /// What it delivers, by feed.
    #[schemars(with = "BTreeMap<String, RawFeed>", example = json!({"sales": {}}))]
    #[serde(default)]
    pub(super) feeds: BTreeMap<String, Value>,
}
/// `[feeds.<feed>]`: where its files lie and how they are written. Every key may be left out.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Feed")]
pub(super) struct RawFeed {
    /// Glob over keys of the inbox; `<sender>/<feed>/**` by default.
    #[serde(skip_serializing)]
    #[schemars(example = &"east_china/daily/*_sales_*.csv")]
    pub(super) path: Option<String>,
    /// How files are laid out: csv, ndjson, json, parquet, xlsx. By default the content decides, then the name.
    #[schemars(example = &"csv")]
    pub(super) format: Option<Format>,
    /// Encoding of this feed's texts; the sender's by default. Without any, a byte order mark, valid UTF-8 or detection.
    #[schemars(example = &"gb18030")]
    pub(super) encoding: Option<String>,
    /// One ASCII character between fields, or `blanks` for any number of blanks. By default the one of comma, semicolon,
    /// tab and bar that splits the header into what is mapped; `sep=;` in the first line is understood.
    #[schemars(example = &";")]
    pub(super) delimiter: Option<String>,
    /// Fixed-width text: characters of each column; what follows the last makes one more. Exclude `delimiter`.
    #[schemars(example = [8, 12, 10])]
    #[serde(default)]
    pub(super) widths: Vec<usize>,
    /// Quote character; an empty text switches quoting off.
    #[schemars(example = &"'")]
    pub(super) quote: Option<String>,
    /// Character that escapes a quote, besides doubling it.
    #[schemars(example = &"\\")]
    pub(super) escape: Option<String>,
    /// Lines that begin with this are passed over.
    #[schemars(example = &"#")]
    pub(super) comment: Option<String>,
    /// Worksheet (or XML or web table by its number, `table 2`). By default the first that is not hidden and holds what
    /// is mapped; the run says which sheets there are.
    #[schemars(example = &"Sales")]
    pub(super) sheet: Option<String>,
    /// Lines (rows of a sheet) in front of the header. Where the header is not there, it is looked for.
    #[schemars(example = 4)]
    #[serde(default)]
    pub(super) preamble_lines: usize,
    /// Rows that make the header; 0: there is none, and columns are named "1", "2", ...
    #[schemars(example = 2)]
    #[serde(default = "one")]
    pub(super) header_rows: usize,
    /// Rows whose first filled cell starts with one of these are totals.
    #[schemars(example = ["合计", "Total"])]
    #[serde(default)]
    pub(super) total_prefixes: Vec<String>,
    /// The same by regular expressions that the whole cell must match.
    #[schemars(example = ["[0-9]+ rows"])]
    #[serde(default)]
    pub(super) total_patterns: Vec<String>,
    /// A row whose first filled cell starts with one of these, and all below it, are no data.
    #[schemars(example = ["总交易单数"])]
    #[serde(default)]
    pub(super) end_marks: Vec<String>,
    /// Rows that are left out and counted: a condition on a column, or a list of them. With `carry_down = true` an empty
    /// cell takes the value above within its order.
    #[schemars(with = "Option<RawEquals>", example = example_skip())]
    pub(super) skip_if: Option<Value>,
    /// Groups of columns that repeat side by side and become rows; a header that stands twice is named `SKU#1`, `SKU#2`.
    #[schemars(example = [["SKU#1", "Qty#1"], ["SKU#2", "Qty#2"]])]
    #[serde(default)]
    pub(super) unfold: Vec<Vec<String>>,
    /// Removed from the front of every cell where it is there.
    #[schemars(example = &"`")]
    pub(super) strip_prefix: Option<String>,
    /// Cell texts that mean no value; the sender's by default.
    #[schemars(example = ["", "-", "N/A"])]
    pub(super) missing: Option<Vec<String>>,
    /// Whether the decimal sign is a comma.
    #[schemars(example = true)]
    #[serde(default)]
    pub(super) decimal_comma: bool,
    /// Separator between groups of three digits.
    #[schemars(example = &",")]
    pub(super) thousands: Option<String>,
    /// Texts around numbers that carry no meaning.
    #[schemars(example = ["¥", "元"])]
    #[serde(default)]
    pub(super) symbols: Vec<String>,
    /// How negative numbers are written besides a leading minus: `parentheses` or `trailing`.
    #[schemars(example = &"trailing")]
    pub(super) negative: Option<Negative>,
    /// Rounds excess decimal digits half away from zero instead of refusing them.
    #[schemars(example = true)]
    #[serde(default)]
    pub(super) round: bool,
    /// Zone of times without offset; the sender's, else the company's by default.
    #[schemars(with = "Option<String>", example = &"UTC")]
    pub(super) time_zone: Option<Tz>,
    /// Zone whose days are business days; the company's by default. Dates without a time are business days already.
    #[schemars(with = "Option<String>", example = &"America/New_York")]
    pub(super) business_time_zone: Option<Tz>,
    /// Where the business period of a file comes from: `name` (its name, else its folders) or `rows`.
    #[schemars(example = &"rows")]
    pub(super) period: Option<PeriodRule>,
    /// Days before the file's period that a row may lie; the contract's by default.
    #[schemars(example = 31)]
    pub(super) window_days_back: Option<i64>,
    /// Days after it.
    #[schemars(example = 1)]
    pub(super) window_days_ahead: Option<i64>,
    /// Share of refused rows beyond which a file is refused whole; the contract's by default.
    #[schemars(example = 0.02)]
    pub(super) reject_limit: Option<f64>,
    /// What becomes of columns that nobody knows: `discard_column`, `evolve` or `freeze`, or by column.
    #[schemars(with = "Option<serde_json::Value>", example = &"evolve")]
    pub(super) drift: Option<Drift>,
    /// When files are due.
    #[schemars(example = example_expected())]
    #[serde(skip_serializing)]
    pub(super) expected: Option<RawExpected>,
    /// Canonical column -> where it comes from: a header, a list of headers of which the first is taken that the file
    /// has, or a table of the keys below. Columns that are not named are looked up by their own name.
    #[schemars(with = "BTreeMap<String, RawMapping>", example = example_columns())]
    #[serde(default)]
    pub(super) columns: BTreeMap<String, Value>,
}

fn example_skip() -> serde_json::Value {
    json!({"column": "status", "equals": ["cancelled", "voided"]})
}

fn example_expected() -> serde_json::Value {
    json!({"by": "06:00", "days": "workdays"})
}

fn example_columns() -> serde_json::Value {
    json!({"sku": "货号", "order_id": ["order no", "order"], "partner_id": {"constant": "P001"}})
}

impl RawFeed {
    /// The delimiter, and what else tells columns apart.
    pub(super) fn columns_of(&self) -> Result<(Option<u8>, Columns)> {
        match (self.delimiter.as_deref(), self.widths.as_slice()) {
            (Some(_), [_, ..]) => Err(Error::config("delimiter and widths exclude each other")),
            (None, widths @ [_, ..]) if widths.contains(&0) => {
                Err(Error::config("widths has a column of no characters"))
            }
            (None, widths @ [_, ..]) => Ok((None, Columns::Widths(widths.to_vec()))),
            (Some("blanks"), []) => Ok((Some(b' '), Columns::Blanks)),
            (Some(text), []) => Ok((Some(one_byte("delimiter", text)?), Columns::Delimited)),
            (None, []) => Ok((None, Columns::Delimited)),
        }
    }
}

fn one() -> usize {
    1
}

pub(super) fn one_byte(key: &str, text: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0) => Ok(*byte),
        _ => Err(Error::config(format!("{key} is {text:?}; expected one ASCII character, such as \",\" or \"\\t\""))),
    }
}

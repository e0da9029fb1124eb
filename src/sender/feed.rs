//! How one sender delivers one feed: where its files lie, how they are laid out, how its numbers are written.

use std::collections::BTreeMap;
use std::path::Path;

use chrono_tz::Tz;
use encoding_rs::Encoding;
use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;
use serde::{Deserialize, Serialize};
use toml::Value;

use super::RawSender;
use super::expected::{Expected, RawExpected, expected_of};
use super::mapping::{Mapping, regex_with_group};
use crate::config::Company;
use crate::contract::written::{check_share, fingerprint_of, within};
use crate::contract::{Contract, Drift, Kind};
use crate::error::{Error, Result, unknown};
use crate::grammar::number::Negative;

/// How a file is laid out. Without a declaration the content decides, then the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// Where the business period of a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodRule {
    /// The first date in the file's name, else in the folders above it.
    Name,
    /// The smallest and largest business date of its rows.
    Rows,
}

/// How one sender delivers one feed. What the sender declares for all its feeds has been filled in.
#[derive(Debug, Clone)]
pub struct SenderFeed {
    /// The feed.
    pub feed: String,
    /// Glob over inbox keys.
    pub path: String,
    /// Layout, where declared.
    pub format: Option<Format>,
    /// Encoding, where declared.
    pub encoding: Option<&'static Encoding>,
    /// Field delimiter, where declared; otherwise found from the header. A blank stands for any run of blanks, and quotes
    /// are then text.
    pub delimiter: Option<u8>,
    /// Quote character; `None` switches quoting off.
    pub quote: Option<u8>,
    /// Character that escapes a quote, besides doubling it.
    pub escape: Option<u8>,
    /// Worksheet; the first by default.
    pub sheet: Option<String>,
    /// Lines (rows of a sheet) before the header.
    pub preamble_lines: usize,
    /// Rows that make the header; 0 means there is none and columns are named `1`, `2`, ...
    pub header_rows: usize,
    /// Rows whose first filled cell starts with one of these are totals, not data.
    pub total_prefixes: Vec<String>,
    /// Cell texts that mean NULL.
    pub missing: Vec<String>,
    /// Whether the decimal sign is a comma.
    pub decimal_comma: bool,
    /// Thousands separator of numbers.
    pub thousands: Option<char>,
    /// Texts around numbers that carry no meaning: currency signs, units.
    pub symbols: Vec<String>,
    /// How negative numbers are written besides a leading minus.
    pub negative: Option<Negative>,
    /// Whether excess decimal digits are rounded half away from zero instead of refused.
    pub round: bool,
    /// Where the period comes from; the name if it has a date, else the rows.
    pub period: Option<PeriodRule>,
    /// Replaces the contract's.
    pub window_days_back: Option<i64>,
    /// Replaces the contract's.
    pub window_days_ahead: Option<i64>,
    /// Replaces the contract's.
    pub reject_limit: Option<f64>,
    /// What is done about columns that nobody knows; replaces the contract's.
    pub drift: Option<Drift>,
    /// When files are due; nothing is expected without it.
    pub expected: Option<Expected>,
    /// Zone of times without offset; the company's by default.
    pub time_zone: Option<Tz>,
    /// Finds the delivery instant in the file's name.
    pub delivered_at: Option<Regex>,
    /// Canonical column -> where it comes from. Others are looked up by their own name.
    pub columns: BTreeMap<String, Mapping>,
    matcher: GlobMatcher,
    mapping_fingerprint: String,
}

impl SenderFeed {
    /// Reads one section of a sender; `folder` holds the tables that its mappings name.
    pub(super) fn of(
        folder: &Path,
        sender: &str,
        common: &RawSender,
        own: RawFeed,
        contract: &Contract,
    ) -> Result<Self> {
        let encoding = own.encoding.as_ref().or(common.encoding.as_ref());
        let missing = own.missing.as_ref().or(common.missing.as_ref()).cloned().unwrap_or_default();
        let mut columns = BTreeMap::new();
        for (column, value) in &own.columns {
            let canonical = contract.column(column).ok_or_else(|| {
                unknown("columns names", column, contract.columns.iter().map(|known| known.name.as_str()))
            })?;
            let mapping =
                Mapping::parse(value, canonical, folder).map_err(|err| within(&format!("columns.{column}"), &err))?;
            if mapping.from_net.is_some() {
                let money = |name: &str| contract.column(name).is_some();
                if column != "discount_amount" || !money("quantity") || !money("unit_price") {
                    return Err(Error::config(format!(
                        "columns.{column}: from_net gives a discount_amount from quantity and unit_price; {} has no such columns",
                        contract.name
                    )));
                }
            }
            columns.insert(column.clone(), mapping);
        }
        let path = own.path.clone().unwrap_or_else(|| format!("{sender}/{}/**", contract.name));
        let matcher = GlobBuilder::new(&path)
            .literal_separator(true)
            .build()
            .map_err(|err| Error::config(format!("path \"{path}\" is not a glob")).because(err))?
            .compile_matcher();
        if own.period == Some(PeriodRule::Rows) && contract.kind == Kind::Reference {
            return Err(Error::config(
                "period = \"rows\" is for event feeds; a snapshot is dated by its name or delivery",
            ));
        }
        check_share("reject_limit", own.reject_limit)?;
        let delivered_at =
            common.delivered_at.as_deref().map(|text| regex_with_group("delivered_at", text)).transpose()?;
        let thousands = match own.thousands.as_deref() {
            None | Some("") => None,
            Some(text) => Some(one_char("thousands", text)?),
        };
        if own.decimal_comma && thousands == Some(',') || !own.decimal_comma && thousands == Some('.') {
            return Err(
                Error::config("thousands is the decimal sign").hint("set decimal_comma = true where 1.234,50 is meant")
            );
        }
        let quote = match own.quote.as_deref() {
            None => Some(b'"'),
            Some("") => None,
            Some(text) => Some(one_byte("quote", text)?),
        };
        // tables beside the sender's file are part of the mapping
        let maps: Vec<(&String, &BTreeMap<String, String>)> =
            columns.iter().map(|(name, mapping)| (name, mapping.map.as_ref())).collect();
        let mapping_fingerprint = fingerprint_of(&(&own, &maps, &encoding, &missing, &common.delivered_at));
        Ok(Self {
            feed: contract.name.clone(),
            format: own.format,
            encoding: encoding.map(|label| encoding_of(label)).transpose()?,
            delimiter: own.delimiter.as_deref().map(|text| one_byte("delimiter", text)).transpose()?,
            quote,
            escape: own.escape.as_deref().map(|text| one_byte("escape", text)).transpose()?,
            sheet: own.sheet,
            preamble_lines: own.preamble_lines,
            header_rows: own.header_rows,
            total_prefixes: own.total_prefixes,
            missing,
            decimal_comma: own.decimal_comma,
            thousands,
            symbols: own.symbols,
            negative: own.negative,
            round: own.round,
            period: own.period,
            window_days_back: own.window_days_back,
            window_days_ahead: own.window_days_ahead,
            reject_limit: own.reject_limit,
            drift: own.drift,
            expected: own.expected.map(|raw| expected_of(&raw)).transpose()?,
            time_zone: common.time_zone,
            delivered_at,
            columns,
            path,
            matcher,
            mapping_fingerprint,
        })
    }

    /// Whether an inbox key belongs to this feed.
    pub fn matches(&self, key: &str) -> bool {
        self.matcher.is_match(key)
    }

    /// The sender's own header by canonical column, where the mapping names one.
    pub fn headers(&self) -> BTreeMap<String, String> {
        let named = self.columns.iter().filter_map(|(column, mapping)| Some((column, mapping.headers.first()?)));
        named.map(|(column, header)| (column.clone(), header.clone())).collect()
    }

    /// Zone of times without offset and of the business date.
    pub fn zone(&self, company: &Company) -> Tz {
        self.time_zone.unwrap_or(company.time_zone)
    }

    /// Changes when the same bytes would be read differently: contract, mapping, zone or base currency.
    pub fn fingerprint(&self, contract: &Contract, company: &Company) -> String {
        fingerprint_of(&(
            contract.fingerprint(),
            &self.mapping_fingerprint,
            self.zone(company).name(),
            &company.base_currency,
        ))
    }
}

/// A `[feeds.<feed>]` section.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFeed {
    #[serde(skip_serializing)]
    path: Option<String>,
    format: Option<Format>,
    encoding: Option<String>,
    delimiter: Option<String>,
    quote: Option<String>,
    escape: Option<String>,
    sheet: Option<String>,
    #[serde(default)]
    preamble_lines: usize,
    #[serde(default = "one")]
    header_rows: usize,
    #[serde(default)]
    total_prefixes: Vec<String>,
    missing: Option<Vec<String>>,
    #[serde(default)]
    decimal_comma: bool,
    thousands: Option<String>,
    #[serde(default)]
    symbols: Vec<String>,
    negative: Option<Negative>,
    #[serde(default)]
    round: bool,
    period: Option<PeriodRule>,
    window_days_back: Option<i64>,
    window_days_ahead: Option<i64>,
    reject_limit: Option<f64>,
    drift: Option<Drift>,
    #[serde(skip_serializing)]
    expected: Option<RawExpected>,
    #[serde(default)]
    columns: BTreeMap<String, Value>,
}

fn one() -> usize {
    1
}

fn encoding_of(label: &str) -> Result<&'static Encoding> {
    // gb2312 and gbk files are read as gb18030, which holds both
    let encoding = Encoding::for_label(label.trim().as_bytes()).ok_or_else(|| {
        let known =
            ["utf-8", "gb18030", "gbk", "big5", "utf-16le", "utf-16be", "windows-1252", "iso-8859-1", "shift_jis"];
        unknown("encoding is", label, known.into_iter())
    })?;
    Ok(if encoding == encoding_rs::GBK { encoding_rs::GB18030 } else { encoding })
}

fn one_byte(key: &str, text: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0) => Ok(*byte),
        _ => Err(Error::config(format!("{key} is {text:?}; expected one ASCII character, such as \",\" or \"\\t\""))),
    }
}

fn one_char(key: &str, text: &str) -> Result<char> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(only), None) if !only.is_ascii_digit() => Ok(only),
        _ => Err(Error::config(format!("{key} is {text:?}; expected one character"))),
    }
}

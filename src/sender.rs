//! `jobs/senders/<sender>.toml`: how one sender's files become canonical rows. A sender is a folder of
//! the inbox; its mapping says where its files lie, how they are written and when they are due.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;
use encoding_rs::Encoding;
use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;
use serde::{Deserialize, Serialize};
use toml::Value;

use crate::config::Company;
use crate::contract::{ColumnType, Contract, Contracts, Drift, Kind};
use crate::contract::{check_share, fingerprint_of, parse_toml, toml_error, toml_files, unknown};
use crate::error::{Error, Result};
use crate::intake::date::Pattern;
use crate::intake::number::Exact;

mod mapping;
mod table;

pub use mapping::{Equals, Mapping};

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

/// How negative numbers are written besides a leading minus sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Negative {
    /// `(12.50)`
    Parentheses,
    /// `12.50-`
    Trailing,
}

/// On which business dates a file is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedDays {
    /// Every day.
    All,
    /// Workdays of the `calendar` feed; without one Monday to Friday.
    Workdays,
    /// The last day of each month.
    Monthly,
    /// These weekdays, Monday first.
    Weekdays([bool; 7]),
}

/// When files of a feed are due.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// Local time of day, in the sender's zone.
    pub by: NaiveTime,
    /// Business dates for which there is to be a file.
    pub days: ExpectedDays,
    /// The file for business date D is due on D + this many days.
    pub lag_days: u64,
    /// Minutes that are forgiven.
    pub grace_minutes: i64,
    /// First business date that is expected.
    pub from: Option<NaiveDate>,
    /// Region of the calendar feed whose own holidays count besides those of all regions.
    pub region: Option<String>,
}

impl Expected {
    /// Whether a file is expected for `date`; `workday` is what the calendar feed says of it, if anything.
    pub fn expects(&self, date: NaiveDate, workday: Option<bool>) -> bool {
        if self.from.is_some_and(|from| date < from) {
            return false;
        }
        let weekday = date.weekday().num_days_from_monday() as usize;
        match self.days {
            ExpectedDays::All => true,
            ExpectedDays::Workdays => workday.unwrap_or(weekday < 5),
            ExpectedDays::Monthly => date.checked_add_days(Days::new(1)).is_some_and(|next| next.day() == 1),
            ExpectedDays::Weekdays(days) => days[weekday],
        }
    }

    /// Local day and time at which the file for `date` is due, before grace.
    pub fn due_local(&self, date: NaiveDate) -> Option<chrono::NaiveDateTime> {
        Some(date.checked_add_days(Days::new(self.lag_days))?.and_time(self.by))
    }
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

/// One sender.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Folder name: the file's name without `.toml`.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// Whom to write to about its files.
    pub contact: Option<String>,
    /// Zone of its times; the company's by default.
    pub time_zone: Option<Tz>,
    /// What it delivers, by feed.
    pub feeds: BTreeMap<String, SenderFeed>,
}

/// Every sender of a company, by folder name.
#[derive(Debug, Clone)]
pub struct Senders(BTreeMap<String, Sender>);

impl Senders {
    /// Reads `senders/*.toml` below the jobs folder and checks them against the contracts.
    pub fn load(jobs: &Path, contracts: &Contracts) -> Result<Self> {
        let mut senders = BTreeMap::new();
        for (name, path, text) in toml_files(&jobs.join("senders"))? {
            let folder = jobs.join("senders");
            let sender = Sender::parse_in(&folder, &name, &text, contracts).map_err(|err| err.at(path))?;
            senders.insert(name, sender);
        }
        Ok(Self(senders))
    }

    /// Takes senders that have been read.
    pub fn new(senders: impl IntoIterator<Item = Sender>) -> Self {
        Self(senders.into_iter().map(|sender| (sender.name.clone(), sender)).collect())
    }

    /// The sender of that folder name.
    pub fn get(&self, name: &str) -> Option<&Sender> {
        self.0.get(name)
    }

    /// All senders, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Sender> {
        self.0.values()
    }

    /// Folder names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The sender and feed that an inbox key belongs to: the first by name whose glob matches.
    #[cfg(test)]
    pub(crate) fn of_key(&self, key: &str) -> Option<(&Sender, &SenderFeed)> {
        self.iter().find_map(|sender| sender.feeds.values().find(|feed| feed.matches(key)).map(|feed| (sender, feed)))
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawSender {
    name: Option<String>,
    time_zone: Option<Tz>,
    encoding: Option<String>,
    contact: Option<String>,
    missing: Option<Vec<String>>,
    delivered_at: Option<String>,
    #[serde(default)]
    feeds: BTreeMap<String, Value>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawFeed {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExpected {
    by: String,
    #[serde(default = "all")]
    days: String,
    #[serde(default = "one_day")]
    lag_days: u64,
    #[serde(default)]
    grace_minutes: i64,
    from: Option<String>,
    region: Option<String>,
}

fn all() -> String {
    "all".into()
}
fn one_day() -> u64 {
    1
}

impl Sender {
    /// Reads one sender from its text; `name` is its folder. Tables that it names are looked for in the working folder.
    pub fn parse(name: &str, text: &str, contracts: &Contracts) -> Result<Self> {
        Self::parse_in(Path::new("."), name, text, contracts)
    }

    /// Reads one sender from its text; `folder` holds the tables that its mappings name.
    pub fn parse_in(folder: &Path, name: &str, text: &str, contracts: &Contracts) -> Result<Self> {
        let mut raw: RawSender = parse_toml(text)?;
        if raw.feeds.is_empty() {
            return Err(Error::config("the sender delivers nothing").hint("add a section [feeds.<feed>]"));
        }
        let feeds = std::mem::take(&mut raw.feeds);
        let mut sender = Self {
            name: name.to_string(),
            title: raw.name.clone().unwrap_or_else(|| name.to_string()),
            contact: raw.contact.clone(),
            time_zone: raw.time_zone,
            feeds: BTreeMap::new(),
        };
        for (feed, value) in feeds {
            let contract =
                contracts.get(&feed).ok_or_else(|| unknown("[feeds] names feed", &feed, contracts.names()))?;
            let read = section::<RawFeed>(value).and_then(|own| feed_of(folder, name, &raw, own, contract));
            let read = read.map_err(|err| within(&format!("feeds.{feed}"), &err))?;
            sender.feeds.insert(feed, read);
        }
        Ok(sender)
    }
}

/// Reads one section, with did-you-mean.
fn section<T: serde::de::DeserializeOwned>(value: Value) -> Result<T> {
    value.try_into().map_err(|err: toml::de::Error| toml_error(&err, ""))
}

/// Says in which section an error was found.
fn within(place: &str, err: &Error) -> Error {
    let error = Error::new(err.kind(), format!("{place}: {err}"));
    match err.advice() {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn feed_of(folder: &Path, sender: &str, common: &RawSender, own: RawFeed, contract: &Contract) -> Result<SenderFeed> {
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
        return Err(Error::config("period = \"rows\" is for event feeds; a snapshot is dated by its name or delivery"));
    }
    check_share("reject_limit", own.reject_limit)?;
    let delivered_at = common.delivered_at.as_deref().map(|text| regex_with_group("delivered_at", text)).transpose()?;
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
    Ok(SenderFeed {
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

fn regex_with_group(key: &str, text: &str) -> Result<Regex> {
    let regex =
        Regex::new(text).map_err(|err| Error::config(format!("{key} is not a regular expression")).because(err))?;
    if regex.captures_len() < 2 {
        return Err(Error::config(format!("{key} = '{text}' has no group")).hint("put what is wanted in parentheses"));
    }
    Ok(regex)
}

fn expected_of(raw: &RawExpected) -> Result<Expected> {
    let by = NaiveTime::parse_from_str(&raw.by, "%H:%M")
        .map_err(|err| Error::config(format!("expected.by is \"{}\"; expected HH:MM", raw.by)).because(err))?;
    let from =
        match &raw.from {
            None => None,
            Some(text) => Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|err| {
                Error::config(format!("expected.from is \"{text}\"; expected YYYY-MM-DD")).because(err)
            })?),
        };
    if raw.grace_minutes < 0 {
        return Err(Error::config("expected.grace_minutes must not be negative"));
    }
    let days = days_of(&raw.days)?;
    if raw.region.is_some() && days != ExpectedDays::Workdays {
        return Err(Error::config("expected.region is for days = \"workdays\": other days follow no calendar"));
    }
    let region = raw.region.clone();
    Ok(Expected { by, days, lag_days: raw.lag_days, grace_minutes: raw.grace_minutes, from, region })
}

/// `all`, `workdays`, `monthly`, or weekdays as in cron: `1-5`, `1,3,5`, `mon-fri`; 0 and 7 are Sunday.
fn days_of(text: &str) -> Result<ExpectedDays> {
    match text {
        "all" => return Ok(ExpectedDays::All),
        "workdays" => return Ok(ExpectedDays::Workdays),
        "monthly" => return Ok(ExpectedDays::Monthly),
        _ => {}
    }
    let wrong = || {
        Error::config(format!(
            "expected.days is \"{text}\"; expected all, workdays, monthly, or weekdays such as 1-5 or mon,thu"
        ))
    };
    let day = |part: &str| -> Result<usize> {
        match part.trim().parse::<usize>() {
            Ok(number @ 0..=7) => Ok((number + 6) % 7),
            Ok(_) => Err(wrong()),
            Err(_) => Ok(part.trim().parse::<Weekday>().map_err(|_| wrong())?.num_days_from_monday() as usize),
        }
    };
    let mut days = [false; 7];
    for part in text.split(',') {
        match part.split_once('-') {
            Some((from, to)) => {
                let (mut at, last) = (day(from)?, day(to)?);
                loop {
                    days[at] = true;
                    if at == last {
                        break;
                    }
                    at = (at + 1) % 7;
                }
            }
            None => days[day(part)?] = true,
        }
    }
    Ok(ExpectedDays::Weekdays(days))
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

#[cfg(test)]
mod tests;

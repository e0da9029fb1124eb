//! How one sender delivers one feed: where its files lie, how they are laid out, how its numbers are written.

use std::collections::BTreeMap;
use std::path::Path;

use encoding_rs::Encoding;
use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;

use super::RawSender;
use super::expected::{Expected, expected_of};
use super::keys::{Columns, Format, PeriodRule, RawFeed, one_byte};
use super::mapping::{Equals, GROSS, Mapping, conditions_of, regex_with_group};
use crate::config::Company;
use crate::contract::written::{check_share, fingerprint_of, within};
use crate::contract::{Contract, Drift, Kind};
use crate::error::{Error, Result, unknown};
use crate::grammar::number::Negative;
use crate::zone::Tz;

/// How one sender delivers one feed. What the sender declares for all its feeds has been filled in.
#[derive(Debug, Clone)]
pub struct SenderFeed {
    /// The feed.
    pub feed: String,
    /// Glob over inbox keys.
    pub path: String,
    /// Line of the sender's file that says so, or of the section; 0 where the text is not at hand.
    pub line: usize,
    /// Layout, where declared.
    pub format: Option<Format>,
    /// Encoding, where declared.
    pub encoding: Option<&'static Encoding>,
    /// What tells columns apart.
    pub layout: Columns,
    /// Field delimiter, where declared; otherwise found from the header.
    pub delimiter: Option<u8>,
    /// What lines begin with that are no data.
    pub comment: Option<String>,
    /// Quote character; `None` switches quoting off.
    pub quote: Option<u8>,
    /// Character that escapes a quote, besides doubling it.
    pub escape: Option<u8>,
    /// Worksheet; by default the first that is not hidden and holds what is mapped.
    pub sheet: Option<String>,
    /// Lines (rows of a sheet) before the header; where it is not there it is looked for.
    pub preamble_lines: usize,
    /// Rows that make the header; 0 means there is none and columns are named `1`, `2`, ...
    pub header_rows: usize,
    /// Rows whose first filled cell starts with one of these are totals, not data.
    pub total_prefixes: Vec<String>,
    /// The same where the whole cell matches one of these.
    pub total_patterns: Vec<Regex>,
    /// From a row on whose first filled cell starts with one of these, nothing is data.
    pub end_marks: Vec<String>,
    /// Rows that are left out, and counted.
    pub skip_if: Vec<Equals>,
    /// Groups of columns that become rows of their own.
    pub unfold: Vec<Vec<String>>,
    /// Removed from the front of every cell.
    pub strip_prefix: Option<String>,
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
    /// Zone whose days are the business days; the company's by default.
    pub business_time_zone: Option<Tz>,
    /// Finds the delivery instant in the file's name.
    pub delivered_at: Option<Regex>,
    /// Zone of that instant; that of its clocks by default.
    pub delivered_time_zone: Option<Tz>,
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
            mapping.check_amount(column, contract).map_err(|err| within(&format!("columns.{column}"), &err))?;
            columns.insert(column.clone(), mapping);
        }
        let worked_out = |column: &str| columns.get(column).and_then(|mapping: &Mapping| mapping.amount.as_ref());
        let both = worked_out("unit_price").zip(worked_out("discount_amount"));
        if both.is_some_and(|((_, price), (_, discount))| price == discount) {
            return Err(Error::config("unit_price and discount_amount cannot both come from the net amount")
                .hint("name the column of one of them, or give unit_price = { from_total = \"…\" }"));
        }
        if worked_out("unit_price").is_some() && columns.contains_key(GROSS) {
            return Err(Error::config(format!("{GROSS} comes from the amount that unit_price names already")));
        }
        let (delimiter, layout) = own.columns_of()?;
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
            layout,
            delimiter,
            comment: own.comment.filter(|mark| !mark.is_empty()),
            quote,
            escape: own.escape.as_deref().map(|text| one_byte("escape", text)).transpose()?,
            sheet: own.sheet,
            preamble_lines: own.preamble_lines,
            header_rows: own.header_rows,
            total_prefixes: own.total_prefixes,
            total_patterns: own.total_patterns.iter().map(|text| whole_cell(text)).collect::<Result<_>>()?,
            end_marks: own.end_marks,
            skip_if: conditions_of("skip_if", own.skip_if)?,
            unfold: unfold_of(own.unfold)?,
            strip_prefix: own.strip_prefix.filter(|prefix| !prefix.is_empty()),
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
            time_zone: own.time_zone.or(common.time_zone),
            business_time_zone: own.business_time_zone.or(common.business_time_zone),
            delivered_at,
            delivered_time_zone: common.delivered_time_zone,
            columns,
            path,
            line: 0,
            matcher,
            mapping_fingerprint,
        })
    }

    /// Whether an inbox key belongs to this feed.
    pub fn matches(&self, key: &str) -> bool {
        self.matcher.is_match(key)
    }

    /// Columns whose question in the draft nobody has answered.
    pub fn open_columns(&self) -> impl Iterator<Item = &str> {
        let open = self.columns.iter().filter(|(_, mapping)| {
            mapping.headers.iter().any(|header| header == "?")
                || mapping.constant.as_deref() == Some("?")
                || mapping.map.values().any(|meaning| meaning == "?")
        });
        open.map(|(column, _)| column.as_str())
    }

    /// The sender's own header by canonical column, where the mapping names one.
    pub fn headers(&self) -> BTreeMap<String, String> {
        let named = self.columns.iter().filter_map(|(column, mapping)| Some((column, mapping.headers.first()?)));
        named.map(|(column, header)| (column.clone(), header.clone())).collect()
    }

    /// Zone of times without offset, and of deadlines.
    pub fn zone(&self, company: &Company) -> Tz {
        self.time_zone.unwrap_or(company.time_zone)
    }

    /// Zone of instants in file names.
    pub fn delivered_zone(&self, company: Tz) -> Tz {
        self.delivered_time_zone.or(self.time_zone).unwrap_or(company)
    }

    /// Changes when the same bytes would be read differently: contract, mapping, zone or base currency.
    pub fn fingerprint(&self, contract: &Contract, company: &Company) -> String {
        fingerprint_of(&(
            contract.fingerprint(),
            &self.mapping_fingerprint,
            self.zone(company).name(),
            self.business_time_zone.unwrap_or(company.time_zone).name(),
            self.delivered_at.as_ref().map(|_| self.delivered_zone(company.time_zone).name()),
            &company.base_currency,
        ))
    }
}

/// A pattern that must match a cell from its beginning to its end.
fn whole_cell(text: &str) -> Result<Regex> {
    Regex::new(&format!("^(?:{text})$"))
        .map_err(|err| Error::config(format!("total_patterns: \"{text}\" is not a regular expression")).because(err))
}

fn unfold_of(groups: Vec<Vec<String>>) -> Result<Vec<Vec<String>>> {
    let even = groups.iter().all(|group| !group.is_empty() && group.len() == groups[0].len());
    if groups.len() == 1 || !even {
        return Err(Error::config("unfold needs two groups or more, of as many columns each")
            .hint("give unfold = [[\"SKU#1\", \"Qty#1\"], [\"SKU#2\", \"Qty#2\"]]"));
    }
    Ok(groups)
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

fn one_char(key: &str, text: &str) -> Result<char> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(only), None) if !only.is_ascii_digit() => Ok(only),
        _ => Err(Error::config(format!("{key} is {text:?}; expected one character"))),
    }
}

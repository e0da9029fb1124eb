//! What to do for each canonical column of one file: where its text comes from and how it is read. Made
//! once a file from contract, mapping and header; the converter only follows it.

use std::collections::BTreeSet;

use super::block::{Cell, Step, Stop, refuse};
use super::drift;
use super::header::{Header, shown};
use super::job::Job;
use crate::contract::{self, BASE_CURRENCY, Column, ColumnType, Contract, Drift, Policy};
use crate::grammar::date::Pattern;
use crate::grammar::number::{Exact, NumberStyle};
use crate::sender::{Amount, Equals, Mapping, SenderFeed};
use crate::zone::Tz;

/// Where a column's text comes from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// A field of the record.
    Field(usize),
    /// The same text for every record.
    Fixed(String, Cell),
    /// 1, 2, 3 ...
    RowNumber,
    /// These fields with this text between them, those that are empty left out.
    Joined(Vec<usize>, String),
    /// Worked out from the line's amount in this field.
    Amount(usize, Amount),
    /// Nowhere: the default, else NULL.
    Nothing,
}

/// One canonical column of one file.
#[derive(Debug, Clone)]
pub(super) struct Planned<'a> {
    pub column: &'a Column,
    pub mapping: Option<&'a Mapping>,
    pub origin: Origin,
    /// Text where the cell is empty; written canonically.
    pub default: Option<String>,
    /// Whether that default stands for a column that the file does not have or leaves empty throughout: a cell that is
    /// empty between filled ones means something else.
    pub for_absent: bool,
    /// Where empty cells take the value above: place among the columns that do.
    pub carried: Option<usize>,
    /// Place of the clock's zone among the plan's zones.
    pub clock: usize,
    pub style: NumberStyle,
    pub patterns: &'a [Pattern],
    /// Field and condition on it that negate a number.
    pub negate_if: Option<(usize, &'a Equals)>,
    /// Whether texts are changed before they are read.
    pub shaped: bool,
    pub in_key: bool,
    /// Range as digits at the column's scale.
    pub min: Option<i128>,
    pub max: Option<i128>,
    /// Position of the column and the text to which the range does not apply.
    pub unless: Option<(usize, &'a str)>,
}

/// An amount that SQL works out from a record.
#[derive(Debug, Clone)]
pub(super) struct Product {
    /// Positions of the columns that are multiplied.
    pub factors: Vec<usize>,
    /// Digits of the largest amount.
    pub max: i128,
    /// How many of them stand after the point.
    pub scale: u32,
}

/// How one file becomes canonical columns.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub columns: Vec<Planned<'a>>,
    /// Fields that every record has.
    pub width: usize,
    /// Columns that nobody knows and that are kept: field and header.
    pub extras: Vec<(usize, String)>,
    /// How the header differs from what the mapping knows, as [`super::drift`] words it.
    pub drift: Vec<String>,
    /// Amounts that must fit where they go to.
    pub amounts: Vec<Product>,
    /// Conditions on fields under which a record is left out.
    pub skips: Vec<(usize, &'a Equals)>,
    /// Zones of clocks.
    pub zones: Vec<Tz>,
    /// The header, by which its repetition is told from data.
    pub header: Header,
}

impl Product {
    /// None of a limit beyond every number, which limits nothing.
    fn of(amount: &contract::Amount, contract: &Contract, columns: &[Planned<'_>]) -> Option<Self> {
        let factors: Option<Vec<usize>> = amount.product_of.iter().map(|name| contract.position(name)).collect();
        let factors = factors?;
        let scale = factors.iter().map(|at| columns[*at].style.scale).sum();
        Some(Self { max: digits_at(amount.max, scale)?, factors, scale })
    }
}

/// A limit as digits at a scale, rounded.
fn digits_at(limit: f64, scale: u32) -> Option<i128> {
    let plain = NumberStyle { round: true, ..NumberStyle::plain(38, scale) };
    plain.read_canonical(limit.to_string().as_bytes()).ok()
}

impl<'a> Plan<'a> {
    /// Finds every column in the header; `names` are what columns that come from the file's name are looked for in. Of
    /// `mixed` columns some cells are empty and some are not.
    pub(super) fn new(
        Job { contract, feed, base_currency, zone, .. }: &Job<'a>,
        mixed: &BTreeSet<String>,
        mut header: Header,
        names: &[&str],
    ) -> Result<Self, Box<(Stop, Header)>> {
        match Self::of(contract, feed, base_currency, *zone, mixed, &mut header, names) {
            Ok(plan) => Ok(Self { header, ..plan }),
            Err(stop) => Err(Box::new((stop, header))),
        }
    }

    fn of(
        contract: &'a Contract,
        feed: &'a SenderFeed,
        base_currency: &str,
        zone: Tz,
        mixed: &BTreeSet<String>,
        header: &mut Header,
        names: &[&str],
    ) -> Step<Self> {
        let mut columns = Vec::with_capacity(contract.columns.len());
        let mut zones = vec![zone];
        let mut carried = 0;
        let policies = feed.drift.as_ref().unwrap_or(&contract.drift);
        let mut absent = Absent { policies, drift: Vec::new() };
        for column in &contract.columns {
            let mapping = feed.columns.get(&column.name);
            let origin = origin_of(column, mapping, header, names, &mut absent)?;
            let condition = mapping.and_then(|mapping| mapping.negate_if.as_ref());
            let negate_if = match condition {
                Some(condition) => Some((needed(&column.name, &condition.column, header)?, condition)),
                None => None,
            };
            let style = style_of(column, mapping, feed);
            let digits = |limit: Option<f64>| limit.and_then(|limit| digits_at(limit, style.scale));
            let own = mapping.and_then(|mapping| mapping.default.clone());
            let base = own.is_none() && column.default.as_deref() == Some(BASE_CURRENCY);
            let default = own.or_else(|| column.default.clone()).filter(|_| !mixed.contains(&column.name));
            let clock = mapping.and_then(|mapping| mapping.time_zone).unwrap_or(zone);
            let place = zones.iter().position(|known| *known == clock).unwrap_or(zones.len());
            if place == zones.len() {
                zones.push(clock);
            }
            columns.push(Planned {
                for_absent: base && matches!(origin, Origin::Field(_)),
                carried: mapping.filter(|mapping| mapping.carry_down).map(|_| {
                    carried += 1;
                    carried - 1
                }),
                clock: place,
                column,
                mapping,
                origin,
                default: default.map(|text| if text == BASE_CURRENCY { base_currency.to_string() } else { text }),
                patterns: mapping.map_or(&[], |mapping| mapping.patterns.as_slice()),
                negate_if,
                shaped: mapping.is_some_and(|mapping| {
                    !mapping.map.is_empty()
                        || !mapping.prefixes.is_empty()
                        || mapping.strip_prefix.is_some()
                        || mapping.strip_suffix.is_some()
                        || mapping.width.is_some()
                }),
                in_key: contract.key.contains(&column.name),
                min: digits(column.min),
                max: digits(column.max),
                unless: (column.unless.as_ref())
                    .and_then(|rule| Some((contract.position(&rule.column)?, rule.equals.as_str()))),
                style,
            });
        }
        let mut skips = Vec::with_capacity(feed.skip_if.len());
        for condition in &feed.skip_if {
            skips.push((needed("skip_if", &condition.column, header)?, condition));
        }
        let mut drift = absent.drift;
        let mut extras = Vec::new();
        let mut frozen = Vec::new();
        for (field, header) in header.unknown() {
            match policies.of(header) {
                Policy::Freeze => frozen.push(shown(header)),
                Policy::Evolve => {
                    drift.push(drift::kept(header));
                    extras.push((field, header.to_string()));
                }
                Policy::DiscardColumn => drift.push(drift::left_out(header)),
            }
        }
        if !frozen.is_empty() {
            return refuse(format!("the file has columns that the mapping does not know: {}", frozen.join(", ")));
        }
        let width = header.width();
        let amounts = contract.amounts.iter().filter_map(|amount| Product::of(amount, contract, &columns)).collect();
        Ok(Self { columns, width, extras, drift, amounts, skips, zones, header: Header::default() })
    }

    /// How many columns take the value above.
    pub(super) fn carried(&self) -> usize {
        self.columns.iter().filter(|planned| planned.carried.is_some()).count()
    }
}

/// A column of the file that must be there.
fn needed(what: &str, name: &String, header: &mut Header) -> Step<usize> {
    let names = std::slice::from_ref(name);
    match header.find(names)? {
        Some(field) => Ok(field),
        None => refuse(header.missing(what, names)),
    }
}

/// What is done about optional columns that the mapping names and the file lacks.
struct Absent<'a> {
    policies: &'a Drift,
    drift: Vec<String>,
}

fn origin_of(
    column: &Column,
    mapping: Option<&Mapping>,
    header: &mut Header,
    names: &[&str],
    absent: &mut Absent<'_>,
) -> Step<Origin> {
    let own = [column.name.clone()];
    let Some(mapping) = mapping else { return lookup(column, &own, header, false, absent, false) };
    if let Some(text) = &mapping.constant {
        return Ok(Origin::Fixed(text.clone(), Cell::Canonical));
    }
    if mapping.row_number {
        return Ok(Origin::RowNumber);
    }
    if let Some(regex) = &mapping.from_name {
        let found = names.iter().find_map(|name| regex.captures(name)?.get(1));
        return match found {
            Some(found) => Ok(Origin::Fixed(found.as_str().to_string(), Cell::Text)),
            None => refuse(format!(
                "column `{}` comes from the file's name, and {:?} does not match {regex}",
                column.name,
                names.first().copied().unwrap_or_default()
            )),
        };
    }
    if let Some((header_of, amount)) = &mapping.amount {
        return Ok(Origin::Amount(needed(&column.name, header_of, header)?, *amount));
    }
    if !mapping.joined.is_empty() {
        let fields: Step<Vec<usize>> = mapping.joined.iter().map(|name| needed(&column.name, name, header)).collect();
        return Ok(Origin::Joined(fields?, mapping.join.clone()));
    }
    let names = if mapping.headers.is_empty() { &own } else { mapping.headers.as_slice() };
    lookup(column, names, header, !mapping.headers.is_empty(), absent, mapping.default.is_some())
}

fn lookup(
    column: &Column,
    names: &[String],
    header: &mut Header,
    declared: bool,
    absent: &mut Absent<'_>,
    defaulted: bool,
) -> Step<Origin> {
    if let Some(field) = header.find(names)? {
        return Ok(Origin::Field(field));
    }
    let fallback = defaulted || column.default.is_some() || column.default_from.is_some();
    if column.required && (declared || !fallback) {
        return refuse(header.missing(&column.name, names));
    }
    if declared && !header.sparse {
        if names.iter().any(|name| absent.policies.of(name) == Policy::Freeze) {
            return refuse(header.missing(&column.name, names));
        }
        absent.drift.push(drift::absent(&column.name, names));
    }
    Ok(Origin::Nothing)
}

fn style_of(column: &Column, mapping: Option<&Mapping>, feed: &SenderFeed) -> NumberStyle {
    let (precision, scale) = match column.column_type {
        ColumnType::Decimal(precision, scale) => (u32::from(precision), u32::from(scale.unsigned_abs())),
        // a double keeps 15 significant digits, wherever its point is
        ColumnType::Double => (30, 12),
        _ => (18, 0),
    };
    NumberStyle {
        decimal_comma: feed.decimal_comma,
        thousands: feed.thousands,
        symbols: feed.symbols.clone(),
        negative: feed.negative,
        percent: mapping.is_some_and(|mapping| mapping.percent),
        factor: mapping.and_then(|mapping| mapping.scale).filter(|factor| *factor != Exact { digits: 1, scale: 0 }),
        round: mapping.and_then(|mapping| mapping.round).unwrap_or(feed.round),
        scale,
        precision,
    }
}

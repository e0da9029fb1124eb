//! What to do for each canonical column of one file: where its text comes from and how it is read. Made
//! once a file from contract, mapping and header; the converter only follows it.

use super::block::{Cell, Step, refuse};
use super::drift;
use super::header::{Header, shown};
use crate::contract::{BASE_CURRENCY, Column, ColumnType, Contract, Drift, Policy};
use crate::grammar::date::Pattern;
use crate::grammar::number::{Exact, NumberStyle};
use crate::sender::{Equals, Mapping, SenderFeed};

/// Where a column's text comes from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// A field of the record.
    Field(usize),
    /// The same text for every record.
    Fixed(String, Cell),
    /// 1, 2, 3 ...
    RowNumber,
    /// quantity x `unit_price` - this field.
    Net(usize),
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
}

impl<'a> Plan<'a> {
    /// Finds every column in the header; `names` are what columns that come from the file's name are looked for in.
    pub(super) fn new(
        contract: &'a Contract,
        feed: &'a SenderFeed,
        base_currency: &str,
        header: &mut Header,
        names: &[&str],
    ) -> Step<Self> {
        let mut columns = Vec::with_capacity(contract.columns.len());
        let policies = feed.drift.as_ref().unwrap_or(&contract.drift);
        let mut absent = Absent { policies, drift: Vec::new() };
        for column in &contract.columns {
            let mapping = feed.columns.get(&column.name);
            let origin = origin_of(column, mapping, header, names, &mut absent)?;
            let negate_if = match mapping.and_then(|mapping| mapping.negate_if.as_ref()) {
                None => None,
                Some(condition) => match header.find(std::slice::from_ref(&condition.column)) {
                    Some(field) => Some((field, condition)),
                    None => return refuse(header.missing(&column.name, std::slice::from_ref(&condition.column))),
                },
            };
            let style = style_of(column, mapping, feed);
            let digits = |limit: Option<f64>| {
                let plain = NumberStyle { round: true, ..NumberStyle::plain(38, style.scale) };
                limit.and_then(|limit| plain.read_canonical(limit.to_string().as_bytes()).ok())
            };
            let default = mapping.and_then(|mapping| mapping.default.clone()).or_else(|| column.default.clone());
            columns.push(Planned {
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
        Ok(Self { columns, width: header.width(), extras, drift })
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
    if let Some(net) = &mapping.from_net {
        return match header.find(std::slice::from_ref(net)) {
            Some(field) => Ok(Origin::Net(field)),
            None => refuse(header.missing(&column.name, std::slice::from_ref(net))),
        };
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
    if let Some(field) = header.find(names) {
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

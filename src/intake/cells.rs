//! The text of a cell, from where the mapping says, before it is read by its column's type: without the blanks and marks
//! around it, changed as the mapping changes it, and not without the digits that a spreadsheet has taken.

use std::borrow::Cow;

use super::batch::Wrong;
use super::block::{Block, Cell};
use super::plan::{Origin, Planned};
use crate::error::closest;
use crate::sender::{Mapping, SenderFeed};

/// The text of a column in a record before any rule is applied; `None` where there is none.
pub(super) fn own_text<'b>(
    planned: &Planned<'_>,
    feed: &SenderFeed,
    block: &Block,
    text: &'b str,
    row: usize,
) -> Option<(Cow<'b, str>, Cell)> {
    match &planned.origin {
        Origin::Field(field) => {
            let record = &block.rows[row];
            let (from, to) = block.range(record, *field)?;
            let own = bare(&text[from..to], feed);
            (!is_missing(own, feed)).then(|| (Cow::Borrowed(own), block.cell(record, *field)))
        }
        Origin::Joined(fields, between) => join(fields, between, feed, block, text, row),
        _ => None,
    }
}

/// Fields of a record in one text. It has none where all of them are empty.
pub(super) fn join<'a>(
    fields: &[usize],
    between: &str,
    feed: &SenderFeed,
    block: &Block,
    text: &str,
    row: usize,
) -> Option<(Cow<'a, str>, Cell)> {
    let record = &block.rows[row];
    let mut joined = String::new();
    for (from, to) in fields.iter().filter_map(|field| block.range(record, *field)) {
        let own = bare(&text[from..to], feed);
        if !is_missing(own, feed) {
            if !joined.is_empty() {
                joined.push_str(between);
            }
            joined.push_str(own);
        }
    }
    (!joined.is_empty()).then_some((Cow::Owned(joined), Cell::Text))
}

#[inline]
pub(super) fn is_missing(text: &str, feed: &SenderFeed) -> bool {
    text.is_empty() || !feed.missing.is_empty() && feed.missing.iter().any(|missing| missing == text)
}

#[inline]
pub(super) fn is_error_text(text: &str) -> bool {
    // saved as text, a workbook's error cells are these words
    const ERRORS: [&str; 8] = ["#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!"];
    text.starts_with('#') && ERRORS.contains(&text)
}

/// A cell without the blanks and marks around it.
#[inline]
pub(super) fn bare<'t>(text: &'t str, feed: &SenderFeed) -> &'t str {
    let text = trimmed(text);
    match &feed.strip_prefix {
        Some(prefix) => text.strip_prefix(prefix.as_str()).map_or(text, str::trim_start),
        None => text,
    }
}

#[inline]
fn trimmed(text: &str) -> &str {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

pub(super) fn shape(planned: &Planned<'_>, text: &str, cell: Cell) -> Result<(String, Cell), Wrong> {
    let Some(mapping) = planned.mapping else { return Ok((text.to_string(), cell)) };
    let mut rest = text;
    if let Some(prefix) = &mapping.strip_prefix {
        rest = rest.strip_prefix(prefix.as_str()).unwrap_or(rest).trim_start();
    }
    if let Some(suffix) = &mapping.strip_suffix {
        rest = rest.strip_suffix(suffix.as_str()).unwrap_or(rest).trim_end();
    }
    if !mapping.prefixes.is_empty() {
        if let Some((_, meaning)) = mapping.prefixes.iter().find(|(prefix, _)| rest.starts_with(prefix.as_str())) {
            return Ok((meaning.clone(), Cell::Canonical));
        }
        if let Some(default) = &mapping.default {
            return Ok((default.clone(), Cell::Canonical));
        }
    }
    let padded = (mapping.width)
        .filter(|width| rest.len() < *width && rest.bytes().all(|byte| byte.is_ascii_digit()))
        .map(|width| format!("{rest:0>width$}"));
    let mapped = mapping.map.get(rest).or_else(|| mapping.map.get(padded.as_ref()?));
    if let Some(meaning) = mapped {
        return Ok((meaning.clone(), Cell::Canonical));
    }
    if mapping.strict {
        return Err(("unmapped_value", unmapped(rest, mapping)));
    }
    Ok(match padded {
        Some(padded) => (padded, Cell::Text),
        None => (rest.to_string(), if mapping.width.is_some() && cell == Cell::Number { Cell::Text } else { cell }),
    })
}

/// What a strict map would have taken: the nearest of its values, and some of them.
fn unmapped(text: &str, mapping: &Mapping) -> String {
    const SHOWN: usize = 10;
    let near = closest(text, mapping.map.keys().map(String::as_str));
    let hint = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    let some: Vec<&str> = mapping.map.keys().take(SHOWN).map(String::as_str).collect();
    let more = mapping.map.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("one of the mapping's values: {}{more}{hint}", some.join(", "))
}

/// Whether a text identifies something: typed in full width it means the same.
pub(super) fn is_code(planned: &Planned<'_>) -> bool {
    planned.in_key || planned.column.references.is_some()
}

/// A text that identifies something and has lost digits on its way through a spreadsheet.
pub(super) fn lost_digits(text: &str, cell: Cell, planned: &Planned<'_>) -> Option<Wrong> {
    let expected = match cell {
        Cell::Number if planned.column.leading_zeros => {
            "a text cell, since a number has lost its leading zeros (or declare `width` in the mapping)"
        }
        // what people type has fewer digits than a spreadsheet keeps
        Cell::Number if text.bytes().filter(u8::is_ascii_digit).count() > 15 => {
            "a text cell, since a number of this kind has lost digits"
        }
        Cell::Text if is_code(planned) && is_shortened(text) => {
            "all its digits: a spreadsheet has shortened the number; export it anew without opening it there"
        }
        _ => return None,
    };
    Some(("number_for_text", expected.to_string()))
}

/// `2.02611E+18`
#[inline]
fn is_shortened(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 5 || bytes[bytes.len() - 3] != b'+' && bytes[bytes.len() - 4] != b'+' {
        return false;
    }
    let Some((digits, exponent)) = text.rsplit_once(['E', 'e']) else { return false };
    let (first, rest) = digits.split_at(usize::from(digits.starts_with(|first: char| first.is_ascii_digit())));
    let rest = rest.strip_prefix(['.', ',']).unwrap_or(rest);
    !first.is_empty()
        && exponent.strip_prefix('+').is_some_and(|exponent| exponent.parse::<u8>().is_ok())
        && rest.bytes().all(|byte| byte.is_ascii_digit())
}

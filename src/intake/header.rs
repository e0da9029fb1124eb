//! Columns are found by their names, never by their place. What the mapping wants and the file lacks is
//! told with the nearest name there is.

use std::collections::BTreeMap;

use super::block::{Block, Flaw, Step, refuse};
use crate::contract::Contract;
use crate::error::closest;
use crate::grammar::text::fold_width;
use crate::sender::SenderFeed;

/// Headers compare without regard to case, width and spacing.
pub(super) fn normal(name: &str) -> String {
    let folded = fold_width(name.trim_start_matches('\u{feff}'));
    folded.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The names in a file's header, in its order.
#[derive(Debug)]
pub(super) struct Header {
    /// As written.
    pub names: Vec<String>,
    /// Whether names are left out where no record has a value (JSON).
    pub sparse: bool,
    by_name: BTreeMap<String, usize>,
    taken: Vec<bool>,
}

impl Header {
    /// Takes the header's rows off the first block. Without a header columns are named by number.
    pub(super) fn take(block: &mut Block, rows: usize) -> Step<Self> {
        let mut found = Vec::new();
        let blank = block.rows.iter().take_while(|row| block.is_blank(row)).count();
        let body = if rows == 0 { 0 } else { blank };
        if rows > 0 {
            for row in block.rows.iter().skip(body).take(rows) {
                match &row.flaw {
                    None => found.push(block.fields(row)),
                    Some(Flaw::Wide(most)) => return refuse(format!("the header has more than {most} columns")),
                    Some(flaw) => {
                        return refuse(format!("the header in line {} cannot be read: {}", row.line, flaw.found()));
                    }
                }
            }
            if found.len() < rows {
                return refuse(match found.len() {
                    0 => "the file has no header".to_string(),
                    few => format!("the file ends in its header: {few} of {rows} header rows are there"),
                });
            }
            block.rows.drain(..body + rows);
        } else {
            let widest = block.rows.iter().map(|row| row.fields).max().unwrap_or(0);
            found.push((1..=widest).map(|number| number.to_string()).collect());
        }
        Self::new(joined(&found))
    }

    /// A header of these names. A name that stands twice would leave open which column is meant.
    pub(super) fn new(mut names: Vec<String>) -> Step<Self> {
        while names.last().is_some_and(|name| name.trim().is_empty()) {
            names.pop();
        }
        if names.is_empty() {
            return refuse("the header is blank");
        }
        let mut by_name = BTreeMap::new();
        for (at, name) in names.iter().enumerate() {
            let key = normal(name);
            if key.is_empty() {
                continue;
            }
            if let Some(first) = by_name.insert(key, at) {
                return refuse(format!(
                    "the header has {:?} twice, in columns {} and {}; headers found: {}",
                    shown(name),
                    first + 1,
                    at + 1,
                    listed(&names)
                ));
            }
        }
        let taken = vec![false; names.len()];
        Ok(Self { names, sparse: false, by_name, taken })
    }

    /// Number of columns.
    pub(super) fn width(&self) -> usize {
        self.names.len()
    }

    /// Column of the first of these names that the file has.
    pub(super) fn find(&mut self, names: &[String]) -> Option<usize> {
        let at = names.iter().find_map(|name| self.by_name.get(&normal(name)).copied())?;
        self.taken[at] = true;
        Some(at)
    }

    /// Columns that nothing asked for: field and name.
    pub(super) fn unknown(&self) -> Vec<(usize, &str)> {
        let free = self.names.iter().zip(&self.taken).enumerate();
        free.filter(|(_, (name, taken))| !**taken && !name.trim().is_empty())
            .map(|(at, (name, _))| (at, name.trim()))
            .collect()
    }

    /// Says that a column is missing, which one may be meant, and what there is.
    pub(super) fn missing(&self, canonical: &str, wanted: &[String]) -> String {
        let own = wanted.len() == 1 && wanted[0] == canonical;
        let headers = wanted.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" or ");
        let named = if own { String::new() } else { format!(" (header {headers})") };
        let free: Vec<String> = self.unknown().iter().map(|(_, name)| normal(name)).collect();
        let near = wanted.iter().find_map(|name| near(&normal(name), &free));
        let meant = near.and_then(|near| self.unknown().into_iter().find(|(_, name)| normal(name) == near));
        let hint = meant.map(|(_, name)| format!("; did you mean {:?}?", shown(name))).unwrap_or_default();
        format!("column `{canonical}`{named} is not in the file{hint}; headers found: {}", listed(&self.names))
    }
}

/// The name most like the wanted one, else one that holds its characters in order or is held by it: short
/// Chinese names differ by half in one character.
fn near<'a>(wanted: &str, free: &'a [String]) -> Option<&'a str> {
    let holds = |long: &str, short: &str| {
        let mut rest = long.chars();
        short.chars().count() > 1 && short.chars().all(|char| rest.any(|other| other == char))
    };
    let close = closest(wanted, free.iter().map(String::as_str));
    close.or_else(|| free.iter().map(String::as_str).find(|name| holds(name, wanted) || holds(wanted, name)))
}

/// Header rows laid over each other: names of upper rows reach to the right, as merged cells do.
fn joined(rows: &[Vec<String>]) -> Vec<String> {
    let last = rows.len().saturating_sub(1);
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut names = vec![String::new(); width];
    for (level, row) in rows.iter().enumerate() {
        let mut carried = "";
        for (at, name) in names.iter_mut().enumerate() {
            let own = row.get(at).map_or("", |cell| cell.trim());
            if !own.is_empty() || level == last {
                carried = own;
            }
            if !carried.is_empty() {
                if !name.is_empty() {
                    name.push(' ');
                }
                name.push_str(carried);
            }
        }
    }
    names
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 40;
    let some: Vec<String> = names.iter().take(SHOWN).map(|name| shown(name)).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more > 0 { format!("{} and {more} more", some.join(", ")) } else { some.join(", ") }
}

/// A name out of a file as people are shown it: short, and without characters that act on a terminal or a mail.
pub(super) fn shown(name: &str) -> String {
    const SHOWN: usize = 80;
    let name = name.trim();
    let mut text: String =
        name.chars().take(SHOWN).map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect();
    if name.chars().nth(SHOWN).is_some() {
        text.push('…');
    }
    text
}

/// Every header that the mapping or the contract asks for, in comparable form.
pub(super) fn wanted(feed: &SenderFeed, contract: &Contract) -> Vec<String> {
    let mut names = Vec::new();
    for column in &contract.columns {
        match feed.columns.get(&column.name) {
            Some(mapping) => {
                names.extend(mapping.headers.iter().map(|name| normal(name)));
                names.extend(mapping.from_net.iter().map(|name| normal(name)));
            }
            None => names.push(normal(&column.name)),
        }
    }
    names
}

impl Flaw {
    /// What was found, for people.
    pub(super) fn found(&self) -> String {
        match self {
            Self::Nul => "a NUL byte".into(),
            Self::Encoding(byte) => format!("bytes that do not decode, at byte {byte} of the file"),
            Self::LongField(length) => format!("a field of {length} bytes"),
            Self::Wide(most) => format!("more than {most} fields"),
            Self::Json(found, _) => found.clone(),
        }
    }
}

#[cfg(test)]
mod tests;

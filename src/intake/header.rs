//! Columns are found by their names, never by their place. What the mapping wants and the file lacks is
//! told with the nearest name there is.

use std::collections::{BTreeMap, BTreeSet};

use super::block::{Block, Flaw, QuoteFault, Row, Step, refuse};
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
#[derive(Debug, Default)]
pub(super) struct Header {
    /// As written.
    pub names: Vec<String>,
    /// Whether names are left out where no record has a value (JSON).
    pub sparse: bool,
    /// Whether the file has a header; without one columns are named by number.
    pub written: bool,
    /// Names at the end that are blank: the header ends in delimiters, and so may its rows.
    pub blank_ends: usize,
    /// Columns by name; of a name that stands twice there is only `name#1`, `name#2`, ...
    by_name: BTreeMap<String, usize>,
    /// Names that stand more than once, with their columns.
    twice: BTreeMap<String, Vec<usize>>,
    taken: Vec<bool>,
}

impl Header {
    /// Takes the header's rows off the first block. Without a header columns are named by number, as many as most rows
    /// have and as the mapping asks for.
    pub(super) fn take(block: &mut Block, feed: &SenderFeed, rows: usize, wanted: &Wanted) -> Step<Self> {
        let mut found = Vec::new();
        let passed = |row: &Row| block.is_blank(row) || is_comment(block, row, feed);
        let blank = block.rows.iter().take_while(|row| passed(row)).count();
        let body = if rows == 0 { 0 } else { blank };
        if rows > 0 {
            for row in block.rows.iter().skip(body).take(rows) {
                match &row.flaw {
                    None => found.push(block.fields(row)),
                    Some(Flaw::Wide(most)) => return refuse(format!("the header has more than {most} columns")),
                    Some(flaw) => {
                        return refuse(format!(
                            "the header in line {} cannot be read: {}",
                            row.line,
                            flaw.found(row.line)
                        ));
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
            // rows of a workbook end with their last filled cell, and a column is where its letter says
            let width = if block.cells.is_empty() {
                usual_width(block)
            } else {
                block.rows.iter().map(|row| row.fields).max().unwrap_or(0).max(wanted.highest())
            };
            found.push((1..=width).map(|number| number.to_string()).collect());
        }
        let mut header = Self::new(joined(&found))?;
        header.written = rows > 0;
        Ok(header)
    }

    /// A header of these names. Which column a name means that stands twice only its number tells.
    pub(super) fn new(mut names: Vec<String>) -> Step<Self> {
        let all = names.len();
        while names.last().is_some_and(|name| name.trim().is_empty()) {
            names.pop();
        }
        let blank_ends = all - names.len();
        if names.is_empty() {
            return refuse("the header is blank");
        }
        let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, name) in names.iter().enumerate() {
            places.entry(normal(name)).or_default().push(at);
        }
        places.remove("");
        let mut header = Self {
            taken: vec![false; names.len()],
            names,
            sparse: false,
            written: true,
            blank_ends,
            by_name: BTreeMap::new(),
            twice: BTreeMap::new(),
        };
        for (name, at) in places {
            if let [only] = at[..] {
                header.by_name.insert(name, only);
                continue;
            }
            for (number, at) in (1..).zip(&at) {
                header.by_name.entry(format!("{name}#{number}")).or_insert(*at);
            }
            header.twice.insert(name, at);
        }
        Ok(header)
    }

    /// Number of columns.
    pub(super) fn width(&self) -> usize {
        self.names.len()
    }

    /// Column of the first of these names that the file has. A name that it has twice means none.
    pub(super) fn find(&mut self, names: &[String]) -> Step<Option<usize>> {
        for name in names {
            let name = normal(name);
            if let Some(at) = self.by_name.get(&name).copied() {
                self.taken[at] = true;
                return Ok(Some(at));
            }
            if let Some(places) = self.twice.get(&name) {
                let shown = shown(&self.names[places[0]]);
                let places: Vec<String> = places.iter().map(|at| (at + 1).to_string()).collect();
                return refuse(format!(
                    "the header has {shown:?} more than once, in columns {}: write \"{shown}#1\" or \"{shown}#2\" in the \
                     mapping for the one that is meant; headers found: {}",
                    places.join(" and "),
                    listed(&self.names)
                ));
            }
        }
        Ok(None)
    }

    /// Column of a name, the first where it stands twice.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        let name = normal(name);
        self.by_name.get(&name).copied().or_else(|| self.twice.get(&name)?.first().copied())
    }

    /// Whether a record is this header once more.
    #[inline]
    pub(super) fn repeats(&self, block: &Block, row: &Row) -> bool {
        let field = |at: usize| block.range(row, at).map_or(&[] as &[u8], |(from, to)| &block.bytes[from..to]);
        let same = |at: usize| field(at).trim_ascii() == self.names[at].trim().as_bytes();
        self.written && same(0) && (1..self.names.len()).all(same)
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

/// The headers that a mapping asks for, in comparable form.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    all: BTreeSet<String>,
    /// Columns that must be there, each by any of its names.
    needed: Vec<Vec<String>>,
    /// How many of them make a header; all by default.
    least: Option<usize>,
}

impl Wanted {
    pub(super) fn new(feed: &SenderFeed, contract: &Contract) -> Self {
        let mut wanted = Self::default();
        for column in &contract.columns {
            let filled = column.required && column.default.is_none() && column.default_from.is_none();
            let Some(mapping) = feed.columns.get(&column.name) else {
                wanted.add(std::slice::from_ref(&column.name), filled);
                continue;
            };
            let own = mapping.headers.is_empty() && mapping.from_header();
            let names = if own { std::slice::from_ref(&column.name) } else { mapping.headers.as_slice() };
            wanted.add(names, column.required && (filled || !own) && mapping.default.is_none());
            for name in mapping.joined.iter().chain(mapping.amount.as_ref().map(|(column, _)| column)) {
                wanted.add(std::slice::from_ref(name), column.required);
            }
        }
        for name in feed.unfold.iter().flatten() {
            wanted.add(std::slice::from_ref(name), false);
        }
        wanted
    }

    /// Headers of which so many make a header of a file whose mapping nobody knows yet.
    pub(super) fn least(columns: Vec<Vec<String>>, least: usize) -> Self {
        Self { all: columns.iter().flatten().cloned().collect(), needed: columns, least: Some(least) }
    }

    fn add(&mut self, names: &[String], needed: bool) {
        // `Price#2` is found where `Price` stands twice
        let numbered = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let bare = |name: &String| {
            normal(name.rsplit_once('#').filter(|(_, number)| numbered(number)).map_or(name.as_str(), |(name, _)| name))
        };
        let names: Vec<String> = names.iter().map(bare).collect();
        self.all.extend(names.iter().cloned());
        if needed && !names.is_empty() {
            self.needed.push(names);
        }
    }

    /// How many of these names are wanted.
    pub(super) fn count(&self, names: &[String]) -> usize {
        names.iter().filter(|name| self.all.contains(&normal(name))).count()
    }

    /// Whether these names hold every column that must be there.
    pub(super) fn fits(&self, names: &[String]) -> bool {
        if names.len() < 2 || self.needed.is_empty() {
            return false;
        }
        let names: BTreeSet<String> = names.iter().map(|name| normal(name)).collect();
        let found = self.needed.iter().filter(|any| any.iter().any(|name| names.contains(name))).count();
        found >= self.least.unwrap_or(self.needed.len())
    }

    /// The highest number that is asked for as a name.
    fn highest(&self) -> usize {
        self.all.iter().filter_map(|name| name.parse().ok()).max().unwrap_or(0)
    }
}

/// Whether a record is a comment, as its sender marks them.
pub(super) fn is_comment(block: &Block, row: &Row, feed: &SenderFeed) -> bool {
    let Some(mark) = &feed.comment else { return false };
    block.range(row, 0).is_some_and(|(from, to)| block.bytes[from..to].trim_ascii_start().starts_with(mark.as_bytes()))
}

/// How many fields most records have; of two equal numbers the larger.
fn usual_width(block: &Block) -> usize {
    let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
    for row in block.rows.iter().filter(|row| row.flaw.is_none() && !block.is_blank(row)) {
        *rows.entry(row.fields).or_default() += 1;
    }
    rows.into_iter().max_by_key(|(fields, count)| (*count, *fields)).map_or(0, |(fields, _)| fields)
}

impl Flaw {
    /// What was found in the record that starts in a line, for people.
    pub(super) fn found(&self, line: i64) -> String {
        match self {
            Self::Nul => "a NUL byte".into(),
            Self::Encoding(byte) => format!("bytes that do not decode, at byte {byte} of the file"),
            Self::LongField(length) => format!("a field of {length} bytes"),
            Self::Wide(most) => format!("more than {most} fields"),
            Self::Ragged(fields, _) => format!("{fields} fields"),
            Self::Json(found, _) | Self::Message(_, found, _) => found.clone(),
            Self::Quote(QuoteFault::Open, _) => "a quote that is never closed".into(),
            Self::Quote(QuoteFault::Follows, 0) => "text after a closing quote".into(),
            Self::Quote(QuoteFault::Apart, _) => {
                "a quote in the middle of a field, closed in a later one: is a delimiter missing before it?".into()
            }
            Self::Quote(fault, lines) => {
                let end = line.saturating_add(i64::try_from(*lines).unwrap_or(0));
                let what = match fault {
                    QuoteFault::Fields(fields) => format!("makes a row of {fields} fields of them"),
                    QuoteFault::Rows => "makes one row of lines that are rows by themselves".into(),
                    QuoteFault::Follows | QuoteFault::Open | QuoteFault::Apart => "is followed by text".into(),
                };
                format!("a quote from line {line} to line {end} that {what}")
            }
        }
    }
}

#[cfg(test)]
mod tests;

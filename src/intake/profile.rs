//! Looks at a file that a new partner has sent and drafts its mapping: which header is which column, how
//! dates and numbers are written, and what only a person can say. The draft is tried on the file at once, so
//! that its author sees what it would take and refuse.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::block::{Block, Cell, Source, Stop};
use super::decode::{self, Decoder};
use super::header::normal;
use super::open::{self, Content, Part};
use super::text::TextSource;
use super::{Outcome, RawFile, columnar, json, number, sheet, stage_file};
use crate::config::Config;
use crate::contract::{Column, ColumnType, Contract, Contracts, Kind};
use crate::error::{Error, Result};
use crate::sender::Sender;

mod guess;

use guess::{Values, date_formats};

/// Rows that are looked at.
const SAMPLE_ROWS: usize = 2_000;
/// Confidence under which a header is not taken for a column.
const TAKEN: f64 = 0.5;

/// What was made of one canonical column.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// Canonical column.
    pub column: String,
    /// Header, where one was found.
    pub header: Option<String>,
    /// From 0 to 1.
    pub confidence: f64,
    /// A few of its values.
    pub examples: Vec<String>,
}

/// A drafted mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Text for `jobs/senders/<sender>.toml`.
    pub toml: String,
    /// What was made of each canonical column, in contract order.
    pub guesses: Vec<Guess>,
    /// What a person should answer.
    pub questions: Vec<String>,
    /// Headers that nothing was made of.
    pub unused: Vec<String>,
    /// What the draft does with the file; `None` where required columns are still open.
    pub trial: Option<Outcome>,
}

/// A look at the head of a file.
struct Sample {
    encoding: Option<&'static str>,
    delimiter: Option<char>,
    preamble: usize,
    names: Vec<String>,
    columns: Vec<Values>,
    totals: BTreeSet<String>,
    sheet: bool,
}

/// Drafts the mapping of one feed from a local file. `name` is the name that the partner gave it.
pub fn profile(
    path: &Path,
    name: &str,
    sender: &str,
    feed: &str,
    contracts: &Contracts,
    config: &Config,
    now: DateTime<Utc>,
) -> Result<Draft> {
    let contract = contracts.expect(feed)?;
    let scratch = tempfile::tempdir()?;
    let seen = look(path, name, contract, contracts, config, scratch.path()).map_err(|stop| match stop {
        Stop::Failed(error) => error,
        Stop::Refused(reason) => Error::input(reason).at(path.display()),
        Stop::NotUtf8 => Error::input("the encoding cannot be told").at(path.display()),
    })?;
    let mut draft = draft_of(&seen, sender, name, contract);
    // a required column that is still open would only be refused
    let open = draft
        .guesses
        .iter()
        .any(|guess| guess.header.is_none() && draft.toml.contains(&format!("\n# {} = ", guess.column)));
    if !open {
        let sender = Sender::parse(sender, &draft.toml, contracts)?;
        let raw = RawFile {
            sender: sender.name.clone(),
            feed: feed.to_string(),
            key: format!("{}/{feed}/{name}", sender.name),
            path: path.to_path_buf(),
            bytes: path.metadata()?.len(),
            sha256: "0".repeat(64),
            last_modified: now,
        };
        let company = &config.company;
        let mapping = sender.feeds.get(feed).ok_or_else(|| Error::bug("the draft lost its feed"))?;
        let (limits, out) = (&config.intake, scratch.path());
        let tried =
            stage_file(&raw, &sender, mapping, contract, limits, company.time_zone, &company.base_currency, out)?;
        // the files end with the scratch folder
        draft.trial = Some(Outcome { staged: None, rejects: None, ..tried });
    }
    Ok(draft)
}

fn look(
    path: &Path,
    name: &str,
    contract: &Contract,
    contracts: &Contracts,
    config: &Config,
    scratch: &Path,
) -> Result<Sample, Stop> {
    let parts = open::open(path, name, &config.intake, scratch)?;
    let part = parts.first().ok_or_else(|| Stop::Refused("the file has no parts".into()))?;
    let mut encoding = None;
    let (mut source, delimiter): (Box<dyn Source>, Option<char>) = match part.content {
        Content::Parquet => (Box::new(columnar::open(part, &config.intake)?), None),
        Content::Xlsx | Content::Ods | Content::Xls => (Box::new(sheet::open(part, None, &config.intake)?), None),
        Content::Text if name.to_ascii_lowercase().contains("json") => {
            (Box::new(json::JsonSource::open(decoder_of(part, &mut encoding)?, &config.intake)), None)
        }
        Content::Text => {
            let mut head = vec![0; 64 * 1024];
            let length = decoder_of(part, &mut encoding)?.read(&mut head)?;
            let delimiter = guess::delimiter(&String::from_utf8_lossy(&head[..length]));
            let plain = format!("[feeds.{}]\ndelimiter = {:?}\n", contract.name, delimiter.to_string());
            let plain = Sender::parse("profile", &plain, contracts).map_err(Stop::Failed)?;
            let feed = plain.feeds.get(&contract.name);
            let feed = feed.ok_or_else(|| Stop::Failed(Error::bug("the plain mapping has no feed")))?;
            let decoder = decoder_of(part, &mut encoding)?;
            let text = TextSource::open(decoder, feed, &config.intake, &|_| false)?;
            (Box::new(text), Some(delimiter).filter(|delimiter| *delimiter != ','))
        }
    };
    let mut block = Block::default();
    let mut rows: Vec<Vec<(String, Cell)>> = Vec::new();
    let mut lines = Vec::new();
    while rows.len() < SAMPLE_ROWS && source.next(&mut block)? {
        for row in block.rows.iter().filter(|row| !block.is_blank(row) && row.flaw.is_none()) {
            let cells = (0..row.fields).map(|field| block.cell(row, field));
            rows.push(block.fields(row).into_iter().map(|text| text.trim().to_string()).zip(cells).collect());
            lines.push(row.line);
        }
    }
    let header = header_of(&rows).ok_or_else(|| Stop::Refused("no row looks like a header".into()))?;
    let names: Vec<String> = rows[header].iter().map(|(text, _)| text.clone()).collect();
    let mut columns = vec![Values::default(); names.len()];
    let mut totals = BTreeSet::new();
    for row in &rows[header + 1..] {
        let first = row.iter().map(|(text, _)| text.as_str()).find(|text| !text.is_empty()).unwrap_or_default();
        if let Some(prefix) = guess::TOTALS.iter().find(|prefix| first.starts_with(**prefix)) {
            totals.insert((*prefix).to_string());
            continue;
        }
        for (values, (text, cell)) in columns.iter_mut().zip(row) {
            values.add(text, *cell);
        }
    }
    let preamble = usize::try_from(lines[header].saturating_sub(1)).unwrap_or(0);
    let sheet = !matches!(part.content, Content::Text);
    Ok(Sample { encoding, delimiter, preamble, names, columns, totals, sheet })
}

fn decoder_of(part: &Part, found: &mut Option<&'static str>) -> Result<Decoder, Stop> {
    let head = open::head(&mut part.open()?, 64 * 1024)?;
    let chosen = decode::choose(None, &head);
    let mut encoding = chosen.encoding;
    if encoding.is_none() {
        let mut trial = Decoder::new(part.open()?, None, 0);
        let mut out = vec![0; 64 * 1024];
        loop {
            match trial.read(&mut out) {
                Ok(0) => break,
                Ok(_) => {}
                Err(Stop::NotUtf8) => {
                    encoding = Some(decode::detect(part.open()?)?);
                    break;
                }
                Err(other) => return Err(other),
            }
        }
    }
    *found = encoding.filter(|_| chosen.bom == 0).map(encoding_rs::Encoding::name);
    let mut bytes = part.open()?;
    open::head(&mut bytes, chosen.bom)?;
    Ok(Decoder::new(bytes, encoding, chosen.bom as u64))
}

/// The first row as wide as most rows whose cells are filled and mostly no numbers.
fn header_of(rows: &[Vec<(String, Cell)>]) -> Option<usize> {
    let width = |row: &Vec<(String, Cell)>| row.iter().filter(|(text, _)| !text.is_empty()).count();
    let mut widths: Vec<usize> = rows.iter().take(200).map(width).collect();
    widths.sort_unstable();
    let usual = widths.get(widths.len() / 2).copied()?;
    let plain = |text: &str| number::Exact::parse(text).is_none();
    rows.iter().position(|row| {
        let filled: Vec<&str> = row.iter().map(|(text, _)| text.as_str()).filter(|text| !text.is_empty()).collect();
        filled.len() * 10 >= usual * 8 && filled.iter().filter(|text| plain(text)).count() * 10 >= filled.len() * 8
    })
}

fn draft_of(seen: &Sample, sender: &str, name: &str, contract: &Contract) -> Draft {
    let taken = assign(seen, contract);
    let mut questions = Vec::new();
    let mut lines = String::new();
    let mut missing: BTreeSet<&str> = BTreeSet::new();
    let mut symbols: BTreeSet<char> = BTreeSet::new();
    let (mut thousands, mut comma) = (false, false);
    let mut guesses = Vec::new();
    for (at, column) in contract.columns.iter().enumerate() {
        let found = taken[at].map(|(index, confidence)| (&seen.names[index], &seen.columns[index], confidence));
        let line = match found {
            Some((header, values, confidence)) => {
                missing.extend(values.missing());
                if column.column_type.is_number() {
                    thousands |= values.thousands;
                    comma |= values.decimal_comma;
                    symbols.extend(&values.symbols);
                }
                if confidence < 0.8 {
                    questions.push(format!(
                        "is {header:?} really `{}` ({})? examples: {}",
                        column.name,
                        column.en,
                        values.examples().join(", ")
                    ));
                }
                mapped(seen, column, header, values, &mut questions)
            }
            None => open_line(seen, sender, name, contract, column, &mut questions),
        };
        lines.push_str(&line);
        guesses.push(Guess {
            column: column.name.clone(),
            header: found.map(|(header, ..)| header.clone()),
            confidence: found.map_or(0.0, |(.., confidence)| confidence),
            examples: found.map(|(_, values, _)| values.examples()).unwrap_or_default(),
        });
    }
    let mut toml =
        format!("# Drafted from {name:?}; read it through, answer the questions, then run `tributary check`.\n");
    let mut put = |line: String| {
        toml.push_str(&line);
        toml.push('\n');
    };
    put(format!("name = {sender:?}"));
    if let Some(encoding) = seen.encoding {
        put(format!("encoding = {:?}", encoding.to_ascii_lowercase()));
    }
    if !missing.is_empty() {
        let words: Vec<String> = std::iter::once("").chain(missing).map(|word| format!("{word:?}")).collect();
        put(format!("missing = [{}]", words.join(", ")));
    }
    put(format!("\n[feeds.{}]", contract.name));
    if let Some(delimiter) = seen.delimiter {
        put(format!("delimiter = {:?}", delimiter.to_string()));
    }
    if seen.preamble > 0 {
        put(format!("preamble_lines = {}", seen.preamble));
    }
    if !seen.totals.is_empty() {
        put(format!("total_prefixes = {:?}", seen.totals.iter().collect::<Vec<_>>()));
    }
    if comma {
        put("decimal_comma = true".into());
    }
    if thousands {
        put(format!("thousands = {:?}", if comma { "." } else { "," }));
    }
    if !symbols.is_empty() {
        put(format!("symbols = {:?}", symbols.iter().map(char::to_string).collect::<Vec<_>>()));
    }
    if contract.kind == Kind::Event && super::period::of_key(name).is_none() {
        put("period = \"rows\"".into());
        questions.push("the file's name has no date, so its period is taken from its rows: can the partner put the business date into the name?".into());
    }
    questions.push(format!(
        "by when is this file due each day? then add expected = {{ by = \"06:00\" }} to [feeds.{}]",
        contract.name
    ));
    put(format!("\n[feeds.{}.columns]", contract.name));
    toml.push_str(&lines);
    let used: BTreeSet<usize> = taken.iter().flatten().map(|(index, _)| *index).collect();
    let unused = seen.names.iter().enumerate().filter(|(at, name)| !used.contains(at) && !name.is_empty());
    Draft { toml, guesses, questions, unused: unused.map(|(_, name)| name.clone()).collect(), trial: None }
}

/// Gives each column its best header: the surest pair first, no header twice.
fn assign(seen: &Sample, contract: &Contract) -> Vec<Option<(usize, f64)>> {
    let mut pairs = Vec::new();
    for (at, column) in contract.columns.iter().enumerate() {
        for (index, name) in seen.names.iter().enumerate() {
            let score = guess::score(column, name, &seen.columns[index]);
            if score >= TAKEN {
                pairs.push((score, at, index));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
    let mut taken = vec![None; contract.columns.len()];
    let mut used = BTreeSet::new();
    for (score, at, index) in pairs {
        if taken[at].is_none() && used.insert(index) {
            taken[at] = Some((index, score));
        }
    }
    taken
}

/// The line of a column whose header was found.
fn mapped(seen: &Sample, column: &Column, header: &str, values: &Values, questions: &mut Vec<String>) -> String {
    let mut parts = Vec::new();
    match column.column_type {
        ColumnType::Date | ColumnType::Timestamp if !seen.sheet || values.all_text() => {
            let formats = date_formats(values);
            match formats.as_slice() {
                [] => questions
                    .push(format!("how are dates in {header:?} written? examples: {}", values.examples().join(", "))),
                ["iso"] => {}
                [only] => parts.push(format!("format = {only:?}")),
                [first, others @ ..] => {
                    parts.push(format!("format = {first:?}"));
                    questions
                        .push(format!("{header:?} could also be written {}: is {first} right?", others.join(" or ")));
                }
            }
        }
        kind if kind.is_number() && values.percent => parts.push("percent = true".into()),
        kind if kind.is_number() && header.contains('万') => {
            parts.push("scale = 10000".into());
            questions.push(format!("{header:?} is taken to be in 万 (10,000): is that right?"));
        }
        ColumnType::Text if !column.accepted.is_empty() => {
            let foreign: Vec<&str> =
                values.distinct().filter(|word| !column.accepted.iter().any(|known| known == word)).collect();
            if !foreign.is_empty() {
                let pairs: Vec<String> = (foreign.iter())
                    .map(|word| format!("{word:?} = {:?}", guess::meaning(word, &column.accepted).unwrap_or("?")))
                    .collect();
                parts.push(format!("map = {{ {} }}", pairs.join(", ")));
                questions
                    .push(format!("what do the words in {header:?} mean? allowed are: {}", column.accepted.join(", ")));
            }
        }
        _ => {}
    }
    if column.name == "quantity" && !values.negative {
        let kind = seen.names.iter().zip(&seen.columns).find(|(_, other)| other.distinct().any(guess::is_return));
        if let Some((name, other)) = kind
            && let Some(word) = other.distinct().find(|word| guess::is_return(word))
        {
            parts.push(format!("negate_if = {{ column = {name:?}, equals = {word:?} }}"));
            questions.push(format!("{header:?} has no negative numbers: are rows with {name:?} = {word:?} returns?"));
        }
    }
    if parts.is_empty() {
        if normal(header) == normal(&column.name) { String::new() } else { format!("{} = {header:?}\n", column.name) }
    } else {
        format!("{} = {{ column = {header:?}, {} }}\n", column.name, parts.join(", "))
    }
}

/// The line of a column without header: what can be said without it, else a question.
fn open_line(
    seen: &Sample,
    sender: &str,
    name: &str,
    contract: &Contract,
    column: &Column,
    questions: &mut Vec<String>,
) -> String {
    let mut line = String::new();
    let net = || seen.names.iter().find(|header| guess::NET.contains(&normal(header).as_str()));
    let dated = super::period::of_name(name).is_some_and(|(start, end)| start == end);
    let written = match column.name.as_str() {
        "line_no" => writeln!(line, "line_no = {{ row_number = true }}"),
        "partner_id" => {
            questions.push(format!("is every row of partner {sender:?}? otherwise name the column of partner_id"));
            writeln!(line, "partner_id = {{ constant = {sender:?} }}")
        }
        "discount_amount" if net().is_some() => {
            writeln!(line, "discount_amount = {{ from_net = {:?} }}", net().map_or("", |header| header.as_str()))
        }
        "counted_on" if dated && name.contains('-') => {
            writeln!(line, "counted_on = {{ from_name = '(\\d{{4}}-\\d{{2}}-\\d{{2}})' }}")
        }
        _ if column.required && column.default.is_none() && column.default_from.is_none() => {
            questions.push(format!("where does `{}` of {} come from ({})?", column.name, contract.name, column.en));
            writeln!(line, "# {} = {{ constant = \"?\" }}", column.name)
        }
        _ => Ok(()),
    };
    written.map(|()| line).unwrap_or_default()
}

#[cfg(test)]
mod tests;

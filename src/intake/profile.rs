//! Looks at a file that a new partner has sent and drafts its mapping: which header is which column, how
//! dates and numbers are written, and what only a person can say. The draft is tried on the file at once, so
//! that its author sees what it would take and refuse.

use std::collections::{BTreeMap, BTreeSet};

use super::block::Stop;
use super::rehearse::{Local, Rehearsal, try_out};
use crate::config::{Company, Config};
use crate::contract::{Contract, Contracts, Kind};
use crate::error::{Error, Result};
use crate::sender::Sender;

mod aliases;
mod doubts;
mod guess;
mod layout;
mod lines;
mod sample;
mod words;

use guess::Values;
use lines::Lines;
use sample::{Sample, layout_lines, look};
use words::quoted;

/// Confidence under which a header is not taken for a column.
const TAKEN: f64 = 0.5;
/// Confidence under which the author is asked whether a header is the column.
const SURE: f64 = 0.8;
/// Refused rows shown of a trial.
const REFUSED_SHOWN: usize = 10;

/// What the company's references hold: by feed, the key by key and by name. It tells which of a partner's words
/// are names of channels, partners, regions.
pub type Names = BTreeMap<String, BTreeMap<String, String>>;

/// What was made of one canonical column.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Guess {
    /// Canonical column.
    pub column: String,
    /// Header, where one was found.
    pub header: Option<String>,
    /// Where it comes from without a header: a constant, the row's number, the net amount.
    pub instead: Option<String>,
    /// From 0 to 1.
    pub confidence: f64,
    /// A few of its values.
    pub examples: Vec<String>,
}

/// A drafted mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Text for a new `jobs/senders/<sender>.toml`.
    pub toml: String,
    /// The feed's part alone, for a sender that delivers other feeds already.
    pub section: String,
    /// What was made of each canonical column, in contract order.
    pub guesses: Vec<Guess>,
    /// What a person should answer.
    pub questions: Vec<String>,
    /// Headers that nothing was made of.
    pub unused: Vec<String>,
    /// What the draft does with the first rows of the file, its open lines as they are guessed; `None` where nothing can
    /// be guessed of a column that must be there.
    pub trial: Option<Rehearsal>,
}

impl Draft {
    /// Lines that a person has to answer before the draft is a mapping.
    pub fn open(&self) -> usize {
        self.section.lines().filter(|line| line.contains("\"?\"")).count()
    }
}

/// Drafts the mapping of one feed from a local file; the last part of its key is the name that the partner gave it.
pub fn profile(
    file: &Local,
    sender: &str,
    feed: &str,
    contracts: &Contracts,
    config: &Config,
    names: &Names,
) -> Result<Draft> {
    let contract = contracts.expect(feed)?;
    let name = file.key.rsplit('/').next().unwrap_or(&file.key);
    let scratch = tempfile::tempdir()?;
    let seen = look(&file.path, name, contract, contracts, config, scratch.path()).map_err(|stop| match stop {
        Stop::Failed(error) => error,
        Stop::Refused(reason) => Error::input(reason).at(file.path.display()),
        Stop::NotUtf8 => Error::input("the encoding cannot be told").at(file.path.display()),
    })?;
    let (mut draft, tried) = draft_of(&seen, (sender, name), contract, names, &config.company);
    if let Some(tried) = tried {
        let sender = Sender::parse(sender, &tried, contracts)?;
        draft.trial = Some(try_out(file, &sender, feed, contracts, config, REFUSED_SHOWN)?);
    }
    Ok(draft)
}

/// The draft, and the mapping by which it is tried, if it can be.
fn draft_of(
    seen: &Sample,
    (sender, name): (&str, &str),
    contract: &Contract,
    names: &Names,
    company: &Company,
) -> (Draft, Option<String>) {
    let mut taken = if seen.headless { vec![None; contract.columns.len()] } else { assign(seen, contract) };
    let price = doubts::amounts(seen, contract, &mut taken);
    let mut lines = Lines::new(seen, sender, name, contract, names);
    let mut guesses = Vec::new();
    for (at, column) in contract.columns.iter().enumerate() {
        let found = taken[at].map(|(index, confidence)| (&seen.names[index], &seen.columns[index], confidence));
        let instead = match found {
            Some((header, values, confidence)) => {
                lines.sure = confidence >= SURE;
                let price = if column.name == "unit_price" { price } else { doubts::Price::One };
                if price == doubts::Price::Either {
                    lines.ask(format!(
                        "is {header:?} the price of one piece, or the amount of the line? for the amount write unit_price = \
                         {{ from_total = {} }}; examples: {}",
                        quoted(header),
                        values.examples().join(", ")
                    ));
                } else if !lines.sure {
                    lines.ask(format!(
                        "is {header:?} really `{}` ({})? examples: {}",
                        column.name,
                        column.en,
                        values.examples().join(", ")
                    ));
                }
                if price == doubts::Price::Line {
                    lines.ask(format!(
                        "{header:?} is taken for the amount of a line, not for the price of one, since it grows with the quantity: \
                         is that right, and is it before discount?"
                    ));
                    lines.amount(header);
                } else {
                    lines.mapped(column, header, values);
                }
                None
            }
            None => lines.without_header(column),
        };
        guesses.push(Guess {
            column: column.name.clone(),
            header: found.map(|(header, ..)| header.clone()),
            instead,
            confidence: found.map_or(0.0, |(.., confidence)| confidence),
            examples: found.map(|(_, values, _)| values.examples()).unwrap_or_default(),
        });
    }
    lines.ask_for_kinds(&taken);
    lines.ask_for_zone(&taken, company.time_zone.name());
    let Lines { text, tried, stuck, mut questions, .. } = lines;
    ask_for_layout(seen, &mut questions);

    let mut common = Vec::new();
    if let Some(encoding) = seen.encoding {
        common.push(format!("encoding = {}", quoted(&encoding.to_ascii_lowercase())));
    }
    let taken_values = || taken.iter().flatten().map(|(index, _)| &seen.columns[*index]);
    let missing: BTreeSet<&str> = taken_values().flat_map(Values::missing).collect();
    if !missing.is_empty() {
        let words: Vec<String> = std::iter::once("").chain(missing).map(quoted).collect();
        common.push(format!("missing = [{}]", words.join(", ")));
    }
    let mut own = feed_lines(seen, contract, &taken);
    questions.extend(doubts::foreign_money(seen, contract, &taken, &company.base_currency));
    if let Some((line, question)) = doubts::left_out(seen) {
        own.push(line);
        questions.push(question);
    }
    if let Some(days) = doubts::other_days(seen, contract, &taken, name) {
        own.push("period = \"rows\"".into());
        questions.push(format!(
            "the rows are of {days}, not only of the day in the file's name: does each file repeat the last days? then leave \
             period = \"rows\""
        ));
    }
    if contract.kind == Kind::Event && super::period::of_key(name).is_none() {
        own.push("period = \"rows\"".into());
        questions.push("the file's name has no date, so its period is taken from its rows: can the partner put the business date into the name?".into());
    }
    questions.push(format!(
        "by when is this file due each day? then add expected = {{ by = \"06:00\" }} to [feeds.{}]",
        contract.name
    ));
    let section_of = |lines: &[String], text: &str| {
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        format!("[feeds.{0}]\n{lines}\n[feeds.{0}.columns]\n{text}", contract.name)
    };
    let section = |lines: &[String]| section_of(lines, &text);
    let head: String = common.iter().map(|line| format!("{line}\n")).collect();
    let title =
        format!("# Drafted from {name:?}; read it through, answer the questions, then run `tributary check`.\n");
    let toml = format!("{title}name = {}\n{head}\n{}", quoted(sender), section(&own));
    let all: Vec<String> = common.into_iter().chain(own).collect();
    let (section, tried) = (section(&all), section_of(&all, &tried));
    let used: BTreeSet<usize> = taken.iter().flatten().map(|(index, _)| *index).collect();
    let unused = seen.names.iter().enumerate().filter(|(at, name)| !used.contains(at) && !name.is_empty());
    let unused = unused.map(|(_, name)| name.clone()).collect();
    (Draft { toml, section, guesses, questions, unused, trial: None }, (!stuck).then_some(tried))
}

/// Asks first of all about what everything else rests on: what stands between fields, and which row is the header.
fn ask_for_layout(seen: &Sample, questions: &mut Vec<String>) {
    if seen.headless {
        let columns = seen.names.iter().zip(&seen.columns);
        let columns: Vec<String> =
            columns.map(|(name, values)| format!("{name}: {}", values.examples().join(", "))).collect();
        questions
            .insert(0, format!("no row looks like a header, so columns go by their numbers: {}", columns.join("; ")));
    } else if seen.doubted {
        let shown: Vec<&str> = seen.names.iter().map(String::as_str).take(6).collect();
        questions.insert(0, format!("is line {} the header ({})?", seen.preamble + 1, shown.join(", ")));
    }
    if let Some(doubt) = seen.layout.as_ref().and_then(|layout| layout.doubt.as_ref()) {
        questions.insert(0, format!("what stands between the fields? {doubt}"));
    }
}

/// How the file is written: what `[feeds.<feed>]` says before its columns.
fn feed_lines(seen: &Sample, contract: &Contract, taken: &[Option<(usize, f64)>]) -> Vec<String> {
    let numbers = || {
        let pairs = contract.columns.iter().zip(taken).filter(|(column, _)| column.column_type.is_number());
        pairs.filter_map(|(_, taken)| taken.map(|(index, _)| &seen.columns[index]))
    };
    let comma = numbers().any(|values| values.decimal_comma);
    let mut lines = Vec::new();
    lines.extend(seen.layout.iter().flat_map(|layout| layout_lines(layout, false)));
    lines.extend(seen.sheet.as_ref().map(|sheet| format!("sheet = {}", quoted(sheet))));
    if seen.headless {
        lines.push("header_rows = 0".into());
    }
    lines.extend(seen.prefix.map(|sign| format!("strip_prefix = {}", quoted(&sign.to_string()))));
    lines.extend(seen.end.map(|end| format!("end_marks = [{}]", quoted(end))));
    if seen.comment {
        lines.push("comment = \"#\"".into());
    }
    if seen.preamble > 0 {
        lines.push(format!("preamble_lines = {}", seen.preamble));
    }
    if !seen.totals.is_empty() {
        let words: Vec<String> = seen.totals.iter().map(|word| quoted(word)).collect();
        lines.push(format!("total_prefixes = [{}]", words.join(", ")));
    }
    if comma {
        lines.push("decimal_comma = true".into());
    }
    if numbers().any(|values| values.parentheses) {
        lines.push("negative = \"parentheses\"".into());
    } else if numbers().any(|values| values.trailing) {
        lines.push("negative = \"trailing\"".into());
    }
    if numbers().any(|values| values.thousands) {
        lines.push(format!("thousands = {}", quoted(if comma { "." } else { "," })));
    }
    let symbols: BTreeSet<char> = numbers().flat_map(|values| values.symbols.iter().copied()).collect();
    if !symbols.is_empty() {
        let words: Vec<String> = symbols.iter().map(|sign| quoted(&sign.to_string())).collect();
        lines.push(format!("symbols = [{}]", words.join(", ")));
    }
    lines
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

#[cfg(test)]
mod tests;

//! Which column a header means, and what its values look like.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::super::block::Cell;
use super::super::header::Wanted;
use super::super::header::normal;
use super::words::{ALIASES, CURRENCIES, FORMATS, MEANINGS, MISSING, SYMBOLS};
use crate::contract::{Column, ColumnType, Contract};
use crate::grammar::date::{Pattern, read_iso};
use crate::grammar::number::Exact;
use crate::grammar::text::fold_width;

/// The delimiter that splits the most lines into the same number of fields; commas where none does.
pub(super) fn delimiter(head: &str) -> char {
    let score = |delimiter: char| {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for line in head.lines().take(100).filter(|line| line.contains(delimiter)) {
            *counts.entry(line.matches(delimiter).count()).or_default() += 1;
        }
        counts.into_iter().map(|(fields, lines)| lines * 100 + fields).max().unwrap_or(0)
    };
    let best = [',', ';', '\t', '|'].map(|delimiter| (score(delimiter), delimiter));
    best.into_iter().rev().max_by_key(|(score, _)| *score).map_or(',', |(_, delimiter)| delimiter)
}

/// Every name, in comparable form, by which a column is known.
fn alike(column: &Column) -> Vec<String> {
    let aliases = ALIASES.iter().find(|(name, _)| *name == column.name).map_or(&[] as &[&str], |(_, names)| names);
    let own = [column.name.clone(), column.name.replace('_', " "), column.name.replace('_', "")];
    own.iter().map(String::as_str).chain(aliases.iter().copied()).map(normal).collect()
}

/// Columns of a feed by every name that they are known by; three of them make a header.
pub(super) fn known(contract: &Contract) -> Wanted {
    Wanted::least(contract.columns.iter().filter(|column| column.required).map(alike).collect(), 3)
}

/// How sure it is that a header with these values is the column.
pub(super) fn score(column: &Column, header: &str, values: &Values) -> f64 {
    let name = bare(header);
    if name.is_empty() {
        return 0.0;
    }
    let named = (alike(column).iter())
        .map(|known| match strsim::jaro_winkler(known, &name) {
            _ if *known == name => 0.97,
            near if near > 0.92 => 0.75,
            _ if known.chars().count() > 1 && (name.contains(known.as_str()) || known.contains(&name)) => 0.6,
            _ => 0.0,
        })
        .fold(0.0, f64::max);
    named * values.fit(column.column_type)
}

/// What a word means among the words that the contract takes.
pub(super) fn meaning<'a>(word: &str, accepted: &'a [String]) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let known = MEANINGS.iter().find(|(said, _)| *said == lower).map(|(_, means)| *means);
    accepted.iter().map(String::as_str).find(|accepted| Some(*accepted) == known || *accepted == lower)
}

/// Chinese words that mean one of the words that the contract takes.
pub(super) fn chinese(accepted: &[String]) -> impl Iterator<Item = (&'static str, &'static str)> {
    let known = MEANINGS.iter().filter(|(said, _)| !said.is_ascii()).copied();
    known.filter(move |(_, means)| accepted.iter().any(|word| word == means))
}

/// A header that names money of one unit or line.
pub(super) fn is_price(header: &str) -> bool {
    let name = normal(header);
    ["price", "单价", "售价", "amount", "金额"].iter().any(|word| name.contains(word))
}

/// The currency that a header names: `price_usd`, `单价(USD)`, `金额（美元）`.
pub(super) fn currency(header: &str) -> Option<&'static str> {
    let name = normal(header);
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    let says = |word: &str| words.contains(&word) || !word.is_ascii() && name.contains(word);
    CURRENCIES.iter().find(|(word, _)| says(word)).map(|(_, code)| *code)
}

/// A header in comparable form without what it says of units: `Price_USD` and `Price (USD)` are `price`.
fn bare(header: &str) -> String {
    let folded = fold_width(header);
    let name = normal(folded.split(['(', '[']).next().unwrap_or(&folded)).replace('_', " ");
    let words = name.split(' ').filter(|word| !CURRENCIES.iter().any(|(currency, _)| currency == word));
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a word marks a return.
pub(super) fn is_return(word: &str) -> bool {
    MEANINGS.iter().any(|(said, means)| *means == "return" && *said == word.to_lowercase())
        || word.eq_ignore_ascii_case("return")
}

/// The values of one column of the sample.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    words: BTreeMap<String, usize>,
    count: usize,
    empty: usize,
    typed: usize,
    numbers: usize,
    dates: usize,
    missing: BTreeSet<&'static str>,
    /// Currency signs seen.
    pub symbols: BTreeSet<char>,
    /// Thousands separators seen.
    pub thousands: bool,
    /// Decimal commas seen.
    pub decimal_comma: bool,
    /// Percent signs seen.
    pub percent: bool,
    /// Negative numbers seen.
    pub negative: bool,
}

impl Values {
    pub(super) fn add(&mut self, text: &str, cell: Cell) {
        if text.is_empty() {
            self.empty += 1;
            return;
        }
        if let Some(word) = MISSING.iter().find(|word| **word == text) {
            self.missing.insert(word);
            return;
        }
        self.count += 1;
        self.typed += usize::from(cell != Cell::Text);
        if self.words.len() < 500 || self.words.contains_key(text) {
            *self.words.entry(text.to_string()).or_default() += 1;
        }
        self.number(text);
        self.dates += usize::from(is_date(text));
    }

    fn number(&mut self, text: &str) {
        let folded = fold_width(text);
        let mut bare = folded.trim().to_string();
        let signs: BTreeSet<char> = text.chars().filter(|char| SYMBOLS.contains(char)).collect();
        bare.retain(|char| !SYMBOLS.contains(&char) && char != '\u{a5}' && char != '\u{ffe5}');
        let percent = bare.ends_with('%');
        let digits = bare.trim().trim_end_matches('%').trim();
        // the later of comma and point is the decimal sign; a lone comma before three digits groups
        let comma_last = match (digits.rfind(','), digits.rfind('.')) {
            (Some(comma), Some(point)) => comma > point,
            (Some(comma), None) => digits.len() - comma != 4 && digits.matches(',').count() == 1,
            (None, _) => false,
        };
        let plain = if comma_last { digits.replace('.', "").replace(',', ".") } else { digits.replace(',', "") };
        let Some(value) = Exact::parse(&plain) else { return };
        self.numbers += 1;
        self.negative |= value.digits < 0;
        self.percent |= percent;
        self.symbols.extend(signs);
        self.decimal_comma |= comma_last;
        self.thousands |= digits.contains(',') && !comma_last || comma_last && digits.contains('.');
    }

    /// Whether some cells are filled and some are not.
    pub(super) fn has_gaps(&self) -> bool {
        self.empty > 0 && self.count > 0
    }

    /// Whether no value was typed by the file.
    pub(super) fn all_text(&self) -> bool {
        self.typed == 0
    }

    /// Words for no value that were seen.
    pub(super) fn missing(&self) -> impl Iterator<Item = &'static str> {
        self.missing.iter().copied()
    }

    /// Values, if there are few different ones.
    pub(super) fn distinct(&self) -> impl Iterator<Item = &str> {
        let few = self.words.len() <= 20;
        self.words.keys().map(String::as_str).filter(move |_| few)
    }

    /// Every different value, as far as they were kept.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.keys().map(String::as_str)
    }

    /// The three most frequent values.
    pub(super) fn examples(&self) -> Vec<String> {
        let mut words: Vec<(&String, &usize)> = self.words.iter().collect();
        words.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        words.into_iter().take(3).map(|(word, _)| word.clone()).collect()
    }

    /// How well the values fit a type, from 0 to 1.
    fn fit(&self, column_type: ColumnType) -> f64 {
        if self.count == 0 {
            // an empty column is judged by its name alone
            return 0.85;
        }
        #[expect(clippy::cast_precision_loss, reason = "a share of a small sample")]
        let share = |part: usize| part as f64 / self.count as f64;
        match column_type {
            ColumnType::Text | ColumnType::Boolean | ColumnType::Period => 1.0,
            ColumnType::Date | ColumnType::Timestamp => share(self.dates).max(share(self.typed) * 0.9),
            ColumnType::BigInt | ColumnType::Decimal(..) | ColumnType::Double => share(self.numbers),
        }
    }
}

fn is_date(text: &str) -> bool {
    read_iso(text.as_bytes()).is_ok() || PATTERNS.iter().any(|(_, pattern)| pattern.read(text.as_bytes()).is_ok())
}

/// The formats, compiled once.
static PATTERNS: LazyLock<Vec<(&str, Pattern)>> =
    LazyLock::new(|| FORMATS.into_iter().filter_map(|format| Some((format, Pattern::compile(format).ok()?))).collect());

/// Formats that read every value; `iso` where none need be declared.
pub(super) fn date_formats(values: &Values) -> Vec<&'static str> {
    if values.words.keys().all(|word| read_iso(word.as_bytes()).is_ok()) {
        return vec!["iso"];
    }
    (PATTERNS.iter())
        .filter(|(_, pattern)| values.words.keys().all(|word| pattern.read(word.as_bytes()).is_ok()))
        .map(|(format, _)| *format)
        .collect()
}

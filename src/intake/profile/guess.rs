//! Which column a header means, and what its values look like.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::super::block::Cell;
use super::super::header::Wanted;
use super::super::header::normal;
use super::aliases::ALIASES;
use super::words::{CURRENCIES, FORMATS, MEANINGS, MISSING, SYMBOLS, VAGUE};
use crate::contract::{Column, ColumnType, Contract};
use crate::grammar::date::{Pattern, read_iso};
use crate::grammar::number::Exact;
use crate::grammar::text::fold_width;

/// Every name, in comparable form, by which a column is known.
fn alike(column: &Column) -> Vec<String> {
    let aliases = ALIASES.iter().find(|(name, _)| *name == column.name).map_or(&[] as &[&str], |(_, names)| names);
    let own = [column.name.clone(), column.name.replace('_', "")];
    own.iter().map(String::as_str).chain(aliases.iter().copied()).map(bare).collect()
}

/// Columns of a feed by every name that they are known by; three of them make a header.
pub(super) fn known(contract: &Contract) -> Wanted {
    let named = |column: &Column| alike(column).into_iter().chain([column.name.clone()]).collect();
    Wanted::least(contract.columns.iter().filter(|column| column.required).map(named).collect(), 3)
}

/// How sure it is that a header with these values is the column.
pub(super) fn score(column: &Column, header: &str, values: &Values) -> f64 {
    let name = bare(header);
    if name.is_empty() {
        return 0.0;
    }
    let own = bare(&column.name) == name;
    let named = alike(column).iter().map(|known| likeness(known, &name)).fold(if own { 0.99 } else { 0.0 }, f64::max);
    named * values.fit(column.column_type)
}

/// How much a header says that it is what a column is known by. The last word of a header says what it is, the words
/// before it whose: `Lineitem sku` is a sku, and `商户订单号` a 订单号.
fn likeness(known: &str, name: &str) -> f64 {
    if known == name {
        return 0.97;
    }
    let vague = VAGUE.contains(&known);
    if known.is_ascii() {
        let (of, in_it): (Vec<&str>, Vec<&str>) = (known.split(' ').collect(), name.split(' ').collect());
        if in_it.ends_with(&of) {
            return if vague { 0.7 } else { 0.85 };
        }
        if !vague && in_it.windows(of.len()).any(|words| words == of) {
            return 0.6;
        }
    } else if known.chars().count() > 1 {
        if name.ends_with(known) {
            return if vague { 0.7 } else { 0.85 };
        }
        if !vague && name.contains(known) {
            return 0.6;
        }
    }
    if known.len() > 4 && strsim::jaro_winkler(known, name) > 0.92 { 0.75 } else { 0.0 }
}

/// Whether a header is one of these.
pub(super) fn is_one_of(header: &str, names: &[&str]) -> bool {
    names.contains(&bare(header).as_str())
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
    let name = normal(folded.split(['(', '[']).next().unwrap_or(&folded)).replace(['_', '-', '.', '/'], " ");
    let words = name.split_whitespace().filter(|word| !CURRENCIES.iter().any(|(currency, _)| currency == word));
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
    /// Negative numbers in parentheses, or with the minus behind them, seen.
    pub parentheses: bool,
    pub trailing: bool,
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
        let enclosed = bare.strip_prefix('(').and_then(|bare| bare.strip_suffix(')')).map(|bare| format!("-{bare}"));
        let behind = bare.strip_suffix('-').map(|bare| format!("-{}", bare.trim_end()));
        let (parentheses, trailing) = (enclosed.is_some(), behind.is_some());
        bare = enclosed.or(behind).unwrap_or(bare);
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
        self.parentheses |= parentheses;
        self.trailing |= trailing;
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

    /// Different values with their rows, as far as they were kept.
    pub(super) fn counted(&self) -> impl Iterator<Item = (&str, usize)> {
        self.words.iter().map(|(word, count)| (word.as_str(), *count))
    }

    /// Whether every value is a time of day.
    pub(super) fn is_clock(&self) -> bool {
        let time = |word: &str| {
            CLOCKS.iter().any(|(_, pattern)| pattern.read(format!("2000-01-01 {word}").as_bytes()).is_ok())
        };
        self.count > 0 && self.words.keys().all(|word| time(word))
    }

    /// Whether times have no offset, where there are any.
    pub(super) fn is_local(&self) -> bool {
        let moment = |word: &str| {
            let iso = read_iso(word.as_bytes()).ok();
            iso.or_else(|| PATTERNS.iter().find_map(|(_, pattern)| pattern.read(word.as_bytes()).ok()))
        };
        self.words.keys().filter_map(|word| moment(word)).any(|at| at.timed && at.offset.is_none())
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

/// How times of day are written.
static CLOCKS: LazyLock<Vec<(&str, Pattern)>> = LazyLock::new(|| {
    let forms = ["%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p"];
    forms.into_iter().filter_map(|form| Some((form, Pattern::compile(&format!("%Y-%m-%d {form}")).ok()?))).collect()
});

/// The form in which every value is a time of day.
pub(super) fn clock_format(values: &Values) -> Option<&'static str> {
    let reads = |pattern: &Pattern, word: &str| pattern.read(format!("2000-01-01 {word}").as_bytes()).is_ok();
    CLOCKS.iter().find(|(_, pattern)| values.words.keys().all(|word| reads(pattern, word))).map(|(form, _)| *form)
}

/// The day that a value is, by a format that [`date_formats`] gave.
pub(super) fn day_by(format: &str, word: &str) -> Option<i32> {
    let by_pattern = || PATTERNS.iter().find(|(known, _)| *known == format)?.1.read(word.as_bytes()).ok();
    let moment = if format == "iso" { read_iso(word.as_bytes()).ok() } else { by_pattern() };
    moment.map(|moment| moment.day)
}

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

//! One line of the mapping a canonical column: from a header, or from what can be said without one. What only a
//! person knows becomes a question.

use std::collections::{BTreeMap, BTreeSet};

use super::super::header::normal;
use super::guess::{self, Values, date_formats};
use super::words::{self, quoted};
use super::{Names, Sample, doubts};
use crate::contract::{Column, ColumnType, Contract};

/// Names listed in a question before the rest is counted.
const LISTED: usize = 12;

/// The lines so far, and what they leave open.
pub(super) struct Lines<'a> {
    seen: &'a Sample,
    sender: &'a str,
    file: &'a str,
    contract: &'a Contract,
    names: &'a Names,
    /// How rows that are returns are told, where amounts of returns are positive.
    negated: Option<String>,
    /// Whether what is said next may be taken as it is.
    pub(super) sure: bool,
    /// The lines of `[feeds.<feed>.columns]`; `"?"` where a person has to answer.
    pub(super) text: String,
    /// The same as it is guessed, to be tried.
    pub(super) tried: String,
    /// Whether nothing can be tried.
    pub(super) stuck: bool,
    /// What a person should answer.
    pub(super) questions: Vec<String>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(
        seen: &'a Sample,
        sender: &'a str,
        file: &'a str,
        contract: &'a Contract,
        names: &'a Names,
    ) -> Self {
        Self {
            seen,
            sender,
            file,
            contract,
            names,
            negated: None,
            sure: true,
            text: String::new(),
            tried: String::new(),
            stuck: false,
            questions: Vec::new(),
        }
    }

    pub(super) fn ask(&mut self, question: String) {
        self.questions.push(question);
    }

    fn line(&mut self, column: &str, rest: &str) {
        self.tried.push_str(&format!("{column} = {rest}\n"));
        if self.sure {
            self.text.push_str(&format!("{column} = {rest}\n"));
        } else {
            self.text.push_str(&format!("{column} = \"?\"  # perhaps {rest}\n"));
        }
    }

    /// The line of a price that is worked out from a line's amount.
    pub(super) fn amount(&mut self, header: &str) {
        self.line("unit_price", &format!("{{ from_total = {} }}", quoted(header)));
    }

    /// Whether a column of discounts has them below 0 where the quantity is above.
    fn takes_off(&self, header: &str) -> bool {
        let place = |name: &str| self.seen.names.iter().position(|known| known == name);
        let quantity = self.contract.column("quantity").and_then(|quantity| {
            let scores = self.seen.names.iter().zip(&self.seen.columns);
            let scores = scores.map(|(name, values)| guess::score(quantity, name, values)).enumerate();
            scores.filter(|(_, score)| *score > 0.5).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
        });
        place(header).is_some_and(|at| doubts::discounts_are_taken_off(self.seen, quantity, at))
    }

    /// A date and the time of day beside it.
    fn with_clock(&mut self, column: &Column, header: &str, values: &Values) -> Option<String> {
        if column.column_type != ColumnType::Timestamp || values.is_local() {
            return None;
        }
        let mut beside = self.seen.names.iter().zip(&self.seen.columns);
        let (clock, times) = beside
            .find(|(name, times)| guess::is_one_of(name, &words::CLOCK) && *name != header && times.is_clock())?;
        let formats = date_formats(values);
        let day = match formats.first()? {
            &"iso" => "%Y-%m-%d",
            day => day,
        };
        if day.contains("%H") || day.contains("%I") {
            return None;
        }
        if formats.len() > 1 {
            self.ask(format!("{header:?} could also be written {}: is {day} right?", formats[1..].join(" or ")));
        }
        let time = guess::clock_format(times)?;
        Some(format!(
            "{{ columns = [{}, {}], format = {} }}",
            quoted(header),
            quoted(clock),
            quoted(&format!("{day} {time}"))
        ))
    }

    /// The line of a column whose header was found; none where the header is the column's own name.
    pub(super) fn mapped(&mut self, column: &Column, header: &str, values: &Values) {
        if let Some(joined) = self.with_clock(column, header, values) {
            return self.line(&column.name, &joined);
        }
        let mut parts = Vec::new();
        match column.column_type {
            ColumnType::Date | ColumnType::Timestamp if !self.seen.typed || values.all_text() => {
                parts.extend(self.date(header, values));
            }
            kind if kind.is_number() => {
                if values.percent {
                    parts.push("percent = true".into());
                }
                if header.contains('万') {
                    parts.push("scale = 10000".into());
                    self.ask(format!("{header:?} is taken to be in 万 (10,000): is that right?"));
                }
            }
            ColumnType::Text if !column.accepted.is_empty() => parts.extend(self.words(column, header, values)),
            ColumnType::Text => parts.extend(self.references(column, header, values)),
            _ => {}
        }
        match column.name.as_str() {
            "quantity" if !values.negative => {
                self.find_returns(header);
                parts.extend(self.negated.clone());
            }
            // A discount has the sign of its line.
            "discount_amount" if !values.negative => parts.extend(self.negated.clone()),
            "discount_amount" if self.takes_off(header) => {
                self.ask(format!("{header:?} is below 0 where something is sold: is that what is taken off?"));
                parts.push("scale = -1".into());
            }
            _ => {}
        }
        let carried = ["sold_at", "shipped_on", "currency", "order_id", "shipment_id", "partner_id"];
        if carried.contains(&column.name.as_str()) && values.has_gaps() {
            self.ask(format!("{header:?} is empty on some lines: does the line above say it for its order?"));
            parts.push("carry_down = true".into());
        }
        if !parts.is_empty() {
            self.line(&column.name, &format!("{{ column = {}, {} }}", quoted(header), parts.join(", ")));
        } else if normal(header) != normal(&column.name) || !self.sure {
            self.line(&column.name, &quoted(header));
        }
    }

    fn date(&mut self, header: &str, values: &Values) -> Option<String> {
        let formats = date_formats(values);
        match formats.as_slice() {
            [] if values.examples().is_empty() => None,
            [] => {
                self.ask(format!("how are dates in {header:?} written? examples: {}", values.examples().join(", ")));
                None
            }
            ["iso"] => None,
            [only] => Some(format!("format = {}", quoted(only))),
            [first, others @ ..] => {
                self.ask(format!("{header:?} could also be written {}: is {first} right?", others.join(" or ")));
                Some(format!("format = {}", quoted(first)))
            }
        }
    }

    /// A map from the partner's words to those that the contract takes. Words that this file does not hold but
    /// the next one may are mapped as well.
    fn words(&mut self, column: &Column, header: &str, values: &Values) -> Option<String> {
        let foreign: BTreeSet<&str> =
            values.distinct().filter(|word| !column.accepted.iter().any(|known| known == word)).collect();
        if foreign.is_empty() {
            return None;
        }
        let mut map: BTreeMap<&str, &str> = BTreeMap::new();
        for word in &foreign {
            map.insert(word, guess::meaning(word, &column.accepted).unwrap_or("?"));
        }
        let unknown: Vec<&str> = map.iter().filter(|(_, meaning)| **meaning == "?").map(|(word, _)| *word).collect();
        if unknown.is_empty() {
            if foreign.iter().any(|word| !word.is_ascii()) {
                for (word, means) in guess::chinese(&column.accepted) {
                    map.insert(word, means);
                }
            }
        } else {
            self.questions.push(format!(
                "what do the words in {header:?} mean ({})? allowed are: {}; add words that other files may hold",
                unknown.join(", "),
                column.accepted.join(", ")
            ));
        }
        Some(map_of(map))
    }

    /// A map from names to keys where the column names something that the company knows by name.
    fn references(&mut self, column: &Column, header: &str, values: &Values) -> Option<String> {
        let feed = column.references.as_deref()?;
        let Some(known) = self.names.get(feed) else {
            if values.words().any(|word| !word.is_ascii()) {
                self.ask(format!(
                    "{header:?} must hold keys of {feed}; it holds {}: if these are names, add map = {{ \"name\" = \"key\" }}",
                    values.examples().join(", ")
                ));
            }
            return None;
        };
        let mut map: BTreeMap<&str, &str> = BTreeMap::new();
        let mut strange: Vec<&str> = Vec::new();
        for word in values.words() {
            match known.get(word) {
                Some(key) if key == word => {}
                Some(key) => drop(map.insert(word, key)),
                None => strange.push(word),
            }
        }
        if !strange.is_empty() {
            let list = listed(&strange);
            self.ask(format!(
                "{header:?} holds what {feed} does not know: {list}; such rows wait until it does, or give a map"
            ));
        }
        if map.is_empty() {
            return None;
        }
        // Names of the same kind that other files may hold, where these are few enough to read.
        if known.len() <= 100 {
            let more = known.iter().filter(|(name, key)| name != key && !name.is_ascii());
            map.extend(more.map(|(name, key)| (name.as_str(), key.as_str())));
        }
        Some(map_of(map))
    }

    /// Looks for the word that marks returns, where no quantity is negative.
    fn find_returns(&mut self, header: &str) {
        let marks = self.seen.names.iter().zip(&self.seen.columns);
        let found = marks.filter_map(|(name, values)| Some((name, values.distinct().find(|w| guess::is_return(w))?)));
        if let Some((name, word)) = found.into_iter().next() {
            self.negated = Some(format!("negate_if = {{ column = {}, equals = {} }}", quoted(name), quoted(word)));
            self.questions
                .push(format!("{header:?} has no negative numbers: are rows with {name:?} = {word:?} returns?"));
        }
    }

    /// The line of a column without header: what can be said without it, else an open one and a question.
    /// Returns what is put there instead.
    pub(super) fn without_header(&mut self, column: &Column) -> Option<String> {
        self.sure = true;
        let named = |names: &[&str]| self.seen.names.iter().find(|header| guess::is_one_of(header, names));
        let (net, gross) = (named(&words::NET), named(&words::GROSS));
        let dated = super::super::period::of_name(self.file).is_some_and(|(start, end)| start == end);
        let instead = match column.name.as_str() {
            "line_no" => "{ row_number = true }".to_string(),
            "partner_id" if self.names.get("partners").is_none_or(|known| known.contains_key(self.sender)) => {
                self.ask(format!("is every row of partner {:?}? otherwise name the column of partner_id", self.sender));
                let key = self.names.get("partners").and_then(|known| known.get(self.sender));
                format!("{{ constant = {} }}", quoted(key.map_or(self.sender, String::as_str)))
            }
            "discount_amount" if net.is_some() && !self.tried.contains("from_net") => {
                format!("{{ from_net = {} }}", quoted(net.map_or("", |header| header.as_str())))
            }
            "unit_price" if gross.or(net).is_some() && self.contract.column("gross_amount").is_some() => {
                let (from, header) = gross.map_or(("from_net", net), |gross| ("from_total", Some(gross)));
                let header = header.map_or("", |header| header.as_str());
                self.sure = false;
                self.ask(format!(
                    "no price of one is there: is {header:?} the amount of the whole line, {} discount?",
                    if from == "from_total" { "before" } else { "after" }
                ));
                format!("{{ {from} = {} }}", quoted(header))
            }
            "currency" => {
                let code = self.seen.names.iter().find_map(|header| guess::currency(header))?;
                self.ask(format!("a header names {code}: are all amounts in {code}?"));
                format!("{{ constant = {} }}", quoted(code))
            }
            "counted_on" if dated && self.file.contains('-') => r"{ from_name = '(\d{4}-\d{2}-\d{2})' }".to_string(),
            _ if column.required && column.default.is_none() && column.default_from.is_none() => {
                let known = column.references.as_ref().and_then(|feed| self.names.get(feed));
                let choice = known.map(|known| format!("; known are: {}", choices(known))).unwrap_or_default();
                self.ask(format!(
                    "where does `{}` of {} come from ({})? name a column or a constant{choice}",
                    column.name, self.contract.name, column.en
                ));
                self.line(&column.name, "{ constant = \"?\" }");
                self.stuck |= column.column_type != ColumnType::Text || !column.accepted.is_empty();
                return None;
            }
            _ => return None,
        };
        self.line(&column.name, &instead);
        Some(instead)
    }

    /// Times without offset are of some zone.
    pub(super) fn ask_for_zone(&mut self, taken: &[Option<(usize, f64)>], zone: &str) {
        let stamps = self.contract.columns.iter().zip(taken);
        let stamps = stamps.filter(|(column, _)| column.column_type == ColumnType::Timestamp);
        let local = stamps.filter_map(|(_, taken)| taken.map(|(at, _)| at)).find(|at| {
            let clock = |name: &String| guess::is_one_of(name, &words::CLOCK);
            self.seen.columns[*at].is_local() || self.seen.names.iter().any(clock)
        });
        if let Some(at) = local {
            self.ask(format!(
                "are times in {:?} of {zone}, the company's zone? otherwise add time_zone = \"…\"",
                self.seen.names[at]
            ));
        }
    }

    /// Without a column of kinds, the quantity's sign decides; that is asked where a price below zero says otherwise.
    pub(super) fn ask_for_kinds(&mut self, taken: &[Option<(usize, f64)>]) {
        let kind = self.contract.columns.iter().zip(taken).find(|(column, _)| column.default_from.is_some());
        let Some((kind, None)) = kind else { return };
        let below = |index: usize| self.seen.columns[index].negative && guess::is_price(&self.seen.names[index]);
        if taken.iter().flatten().any(|(index, _)| below(*index)) {
            self.ask(format!(
                "some prices are below 0 and no column says {}: what marks such rows? map `{}`",
                kind.accepted.join(", "),
                kind.name
            ));
        }
    }
}

/// `{ "word" = "meaning" }` after `map =`.
fn map_of(map: BTreeMap<&str, &str>) -> String {
    let pairs: Vec<String> =
        map.into_iter().map(|(word, means)| format!("{} = {}", quoted(word), quoted(means))).collect();
    format!("map = {{ {} }}", pairs.join(", "))
}

fn listed(words: &[&str]) -> String {
    let shown = words.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
    match words.len().saturating_sub(LISTED) {
        0 => shown,
        rest => format!("{shown} and {rest} more"),
    }
}

/// Keys with their names, by key, for a question.
fn choices(known: &BTreeMap<String, String>) -> String {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for (word, key) in known {
        let name = names.entry(key).or_default();
        if word != key {
            *name = word;
        }
    }
    let named =
        names.into_iter().map(|(key, name)| if name.is_empty() { key.into() } else { format!("{key} ({name})") });
    let named: Vec<String> = named.collect();
    listed(&named.iter().map(String::as_str).collect::<Vec<_>>())
}

//! The draft of a sender of X12 or EDIFACT: its columns are known, so what is left to say is whose places and numbers they
//! are, and what the standard leaves to the partners.

use std::collections::{BTreeMap, BTreeSet};

use super::sample::Sample;
use super::words::quoted;
use super::{Draft, Guess, Names};
use crate::contract::Contract;

/// Places that a draft lists one by one.
const PLACES_LISTED: usize = 60;
/// Values shown of a kind.
const SHOWN: usize = 12;

/// What the first rows of the file hold, column by column.
struct Found<'a>(&'a Sample);

impl Found<'_> {
    fn counts(&self, name: &str) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        if let Some(at) = self.0.names.iter().position(|known| known == name) {
            for row in &self.0.rows {
                if let Some(text) = row.get(at).filter(|text| !text.is_empty()) {
                    *counts.entry(text.as_str()).or_default() += 1;
                }
            }
        }
        counts
    }

    fn listed(&self, name: &str) -> String {
        let counts = self.counts(name);
        let some: Vec<String> = counts.iter().take(SHOWN).map(|(text, count)| format!("{text} ({count})")).collect();
        let more = counts.len().saturating_sub(SHOWN);
        if more > 0 { format!("{} and {more} more", some.join(", ")) } else { some.join(", ") }
    }

    fn has(&self, name: &str) -> bool {
        !self.counts(name).is_empty()
    }
}

/// The draft, and the mapping by which it is tried.
pub(super) fn draft_of(
    seen: &Sample,
    format: &str,
    (sender, name): (&str, &str),
    contract: &Contract,
    names: &Names,
) -> (Draft, Option<String>) {
    let found = Found(seen);
    let (mut lines, mut tried, mut questions, mut guesses) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let day = contract.business_date.as_deref().unwrap_or_default();
    let days: BTreeSet<&str> =
        found.counts("period_from").into_keys().chain(found.counts("period_to").into_keys()).collect();
    questions.push(format!(
        "found: messages {} of release {}; days {} to {}; kinds of places {}; codes {}; article numbers by {}: is that all that \
         should be there?",
        found.listed("message"),
        found.listed("release"),
        days.first().unwrap_or(&"none"),
        days.last().unwrap_or(&"none"),
        found.listed("place_kind"),
        found.listed("code"),
        found.listed("article_kind"),
    ));
    for column in &contract.columns {
        let (line, guess) = match column.name.as_str() {
            "partner_id" => partner(&found, sender, names, &mut questions),
            "sku" => {
                questions.push(format!(
                    "are the article numbers ({}) your skus? otherwise sku = {{ column = \"article\", map_file = \
                     \"{sender}.skus.csv\", strict = true }}",
                    found.listed("article")
                ));
                (Some(("\"article\"".to_string(), "\"article\"".to_string())), Some("article"))
            }
            "channel_id" => {
                let known = names.get("channels").map(|known| known.values().cloned().collect::<BTreeSet<_>>());
                let known = known.unwrap_or_default().into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
                questions.push(format!("which channel are these sales of? known are: {known}"));
                (Some(("{ constant = \"?\" }".into(), "{ constant = \"?\" }".into())), None)
            }
            "unit_price" if found.counts("unit_price").values().sum::<usize>() < seen.rows.len() => {
                questions
                    .push("some lines have no price: are units enough there? then unit_price stays 0 on them".into());
                let line = "{ column = \"unit_price\", default = 0 }";
                (Some((line.into(), line.into())), None)
            }
            own => {
                let known = seen.names.iter().find(|known| *known == own || own == day && *known == day);
                (None, known.filter(|known| found.has(known)).map(String::as_str))
            }
        };
        if let Some((shown, guessed)) = line {
            lines.push(format!("{} = {shown}\n", column.name));
            tried.push(format!("{} = {guessed}\n", column.name));
        }
        let examples = guess.map(|header| found.counts(header).into_keys().take(3).map(str::to_string).collect());
        guesses.push(Guess {
            column: column.name.clone(),
            header: guess.map(str::to_string),
            instead: None,
            confidence: if guess.is_some() { 1.0 } else { 0.0 },
            examples: examples.unwrap_or_default(),
        });
    }
    ask(&found, format, &mut questions);
    let mut own = vec![format!("format = {}\n", quoted(format))];
    if super::super::period::of_key(name).is_none() {
        own.push("period = \"rows\"\n".into());
    }
    questions.push(format!(
        "by when is this file due each day? then add expected = {{ by = \"06:00\" }} to [feeds.{}]",
        contract.name
    ));
    let section_of = |columns: &[String]| {
        format!("[feeds.{0}]\n{1}\n[feeds.{0}.columns]\n{2}", contract.name, own.concat(), columns.concat())
    };
    let section = section_of(&lines);
    let title =
        format!("# Drafted from {name:?}; read it through, answer the questions, then run `tributary check`.\n");
    let toml = format!("{title}name = {}\n\n{section}", quoted(sender));
    let used: BTreeSet<&str> = guesses.iter().filter_map(|guess| guess.header.as_deref()).collect();
    let unused = seen.names.iter().filter(|name| !used.contains(name.as_str()) && found.has(name)).cloned().collect();
    (Draft { toml, section, guesses, questions, unused, trial: None }, Some(section_of(&tried)))
}

type Line = (Option<(String, String)>, Option<&'static str>);

/// Whose places they are: a list of them, each to be answered; without any the sender is the partner.
fn partner(found: &Found<'_>, sender: &str, names: &Names, questions: &mut Vec<String>) -> Line {
    let places = found.counts("place");
    if places.is_empty() {
        questions.push(format!("is every row of partner {sender:?}? no place is named"));
        let key = names.get("partners").and_then(|known| known.get(sender)).map_or(sender, String::as_str);
        let line = format!("{{ constant = {} }}", quoted(key));
        return (Some((line.clone(), line)), None);
    }
    let alike = places.keys().filter(|place| {
        let bare = place.trim_start_matches('0');
        places.keys().any(|other| other != *place && other.trim_start_matches('0') == bare)
    });
    let alike: Vec<&str> = alike.copied().collect();
    if !alike.is_empty() {
        questions.push(format!("are {} one store each, or the same one written in several ways?", alike.join(", ")));
    }
    questions.push(format!("which partner is each of these places? {}", found.listed("place")));
    let shown = if places.len() <= PLACES_LISTED {
        let pairs: Vec<String> = places.keys().map(|place| format!("{} = \"?\"", quoted(place))).collect();
        format!("{{ column = \"place\", map = {{ {} }}, strict = true }}", pairs.join(", "))
    } else {
        format!("\"?\"  # {{ column = \"place\", map_file = \"{sender}.stores.csv\", strict = true }}")
    };
    // of an entry without place the sender is tried
    let tried = format!("{{ column = \"place\", default = {} }}", quoted(sender));
    (Some((shown, tried)), Some("place"))
}

/// What the standards leave to the two of them.
fn ask(found: &Found<'_>, format: &str, questions: &mut Vec<String>) {
    let spans = found.counts("period_from") != found.counts("period_to");
    if spans {
        questions.push(
            "a period of several days is booked on its last day: is that as agreed? otherwise edi = { period_day = \"spread\" }"
                .into(),
        );
    }
    if !found.has("quantity") {
        return;
    }
    let usual = if format == "x12" {
        "852 sales are taken as net of returns, 867 as gross"
    } else {
        "sales are taken as gross of returns"
    };
    questions.push(format!("{usual}: is that as agreed? otherwise edi = {{ sales = \"gross\" }} or \"net\""));
    questions
        .push("do all quantities count pieces? cases need PO4, or edi = { packs = { \"<article>\" = 12 } }".into());
    if found.counts("quantity").keys().any(|quantity| quantity.starts_with('-')) {
        questions.push(
            "are quantities below 0 returns? a sender whose sales are negative needs edi = { negate = [\"<code>\"] }"
                .into(),
        );
    }
}

//! An alert rule: the `[alert]` table of a model's sidecar in sql/alerts. The SQL finds rows; this says
//! how bad they are, what identifies them, who is told, and in which words.

mod built_in;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};

use minijinja::ErrorKind;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
pub use wanted::{Cell, Evidence, EvidenceColumn};

use crate::address::{header_text, validate_address};
use crate::error::{Error, Result, closest};
use crate::mail::chart::Chart;
use crate::mail::words::{Locale, Words};
use crate::state::record::Alert;

/// One row of an alert model: column to value.
pub type Row = BTreeMap<String, Json>;

/// Severities, worst first.
pub const SEVERITIES: [&str; 3] = ["critical", "warning", "info"];

/// The owner that stands for `company.head_office`.
pub const HEAD_OFFICE: &str = "head_office";

/// The rule that tidies everything else away: a run that did not finish.
pub const RUN_FAILED: &str = "run_failed";

/// A text in both languages; a minijinja template over the row's columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// Which direction of the value is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Worse {
    /// A larger value is worse.
    #[default]
    Higher,
    /// A smaller value is worse.
    Lower,
}

/// What a rule is about: it decides the word that a mail's subject starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The business: stock, sales, classes, prices, customers.
    #[default]
    Business,
    /// Files that partners owe.
    Delivery,
    /// tributary's own run.
    Run,
}

/// What every finding about a `sender` may name besides its columns: the sender's name for people, and whom to write to.
pub const SENDER_WORDS: [&str; 2] = ["sender_title", "sender_contact"];
/// What every finding about a `feed` may name besides: what people call it.
pub const FEED_WORDS: [&str; 2] = ["feed_en", "feed_zh"];

/// The `[alert]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertRule {
    /// The model's name.
    #[serde(skip)]
    pub name: String,
    /// Its sidecar's file, as shown in messages.
    #[serde(skip)]
    place: String,
    /// `critical`, `warning` or `info`, for every row.
    pub severity: Option<String>,
    /// Column that holds the severity instead.
    pub severity_column: Option<String>,
    /// Columns that identify a finding from night to night.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Column that ranks findings and says whether one got worse.
    pub value: Option<String>,
    /// Column with what the finding is about in money: the dearest is told first.
    pub at_stake: Option<String>,
    /// `percent`, `points`, `money`, `number`, `days` or `none`.
    #[serde(default = "none")]
    pub value_format: String,
    /// Which direction of the value is bad.
    #[serde(default)]
    pub worse: Worse,
    /// After so many nights without it a finding is over: more than one for a value that hovers around its limit.
    #[serde(default = "one_night")]
    pub clear_after_nights: u32,
    /// Share of last night's value by which it must worsen to be called worse (0.1 = a tenth).
    #[serde(default = "tenth")]
    pub worse_by: f64,
    /// Columns that hold mail addresses (`;` between several), `head_office`, or an address.
    #[serde(default = "head_office")]
    pub owners: Vec<String>,
    /// Rules that silence a finding where the labels they share are equal.
    #[serde(default)]
    pub inhibited_by: Vec<String>,
    /// The same ongoing finding is mailed again after this; `mail.repeat_hours` by default.
    pub repeat_hours: Option<i64>,
    /// Column with past values (numbers with `;` between, oldest first) to draw as small bars.
    pub history: Option<String>,
    /// What the rule is about.
    #[serde(default)]
    pub about: About,
    /// What is drawn beside it.
    pub chart: Option<Chart>,
    /// What is listed in the sheet that goes with the mail.
    pub evidence: Option<Evidence>,
    /// Findings that are never told first, nor in a subject.
    pub never_first: Option<Cell>,
    /// The rule in two or three words.
    pub name_text: Option<Texts>,
    /// The finding in as few words as a subject has room for.
    pub subject: Option<Texts>,
    /// The finding in one line.
    pub title: Texts,
    /// What the value is, in a word or two, to stand beside it.
    pub value_label: Option<Texts>,
    /// The value beside what was expected or usual.
    pub comparison: Option<Texts>,
    /// The cause.
    pub reason: Option<Texts>,
    /// One action.
    pub advice: Option<Texts>,
}

fn none() -> String {
    "none".into()
}
fn one_night() -> u32 {
    1
}
fn tenth() -> f64 {
    0.1
}
fn head_office() -> Vec<String> {
    vec![HEAD_OFFICE.into()]
}

/// A finding in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The finding in as few words as a subject has room for; empty where the rule has none.
    pub subject: String,
    /// The finding in one line.
    pub title: String,
    /// The value in its format; empty without one.
    pub value: String,
    /// What the value is.
    pub value_label: String,
    /// The value beside what was expected.
    pub comparison: String,
    /// The cause.
    pub reason: String,
    /// One action.
    pub advice: String,
}

impl AlertRule {
    /// Reads the `[alert]` table of the sidecar of model `name`; `place` is the sidecar's file, for messages.
    pub fn from_sidecar(name: &str, place: &str, sidecar: &toml::Table) -> Result<Self> {
        let Some(table) = sidecar.get("alert") else {
            return Err(Error::config("there is no [alert] table")
                .at(place)
                .hint("an alert model says in [alert] who is told what: severity, labels, owners, title"));
        };
        let mut rule: Self = table.clone().try_into().map_err(|err: toml::de::Error| {
            Error::config(format!("[alert] cannot be read: {}", err.message())).at(place)
        })?;
        rule.name = name.to_string();
        rule.place = place.to_string();
        rule.settle().map_err(|err| err.at(place))?;
        Ok(rule)
    }

    /// Every rule by name: those of alert models, given with their sidecars, and the built-in ones about the run itself.
    pub fn all<'a>(
        sidecars: impl Iterator<Item = (&'a str, String, &'a toml::Table)>,
    ) -> Result<BTreeMap<String, Self>> {
        let models = sidecars.map(|(name, place, sidecar)| Self::from_sidecar(name, &place, sidecar));
        let all = models.chain(Self::built_in().map(Ok));
        all.map(|rule| rule.map(|rule| (rule.name.clone(), rule))).collect()
    }

    /// [`AlertRule::all`] without those that cannot be read: what must be told of a run that failed does not wait for them.
    pub fn sound<'a>(sidecars: impl Iterator<Item = (&'a str, String, &'a toml::Table)>) -> BTreeMap<String, Self> {
        let models = sidecars.filter_map(|(name, place, sidecar)| Self::from_sidecar(name, &place, sidecar).ok());
        models.chain(Self::built_in()).map(|rule| (rule.name.clone(), rule)).collect()
    }

    fn settle(&self) -> Result<()> {
        let one_of = |key: &str, value: &str, allowed: &[&str]| {
            if allowed.contains(&value) {
                return Ok(());
            }
            Err(Error::config(format!("alert.{key} is \"{value}\"; expected one of: {}", allowed.join(", "))))
        };
        match (&self.severity, &self.severity_column) {
            (Some(severity), _) => one_of("severity", severity, &SEVERITIES)?,
            (None, Some(_)) => {}
            (None, None) => {
                return Err(Error::config("alert.severity is missing")
                    .hint("give severity = \"critical\", \"warning\" or \"info\", or severity_column = the column"));
            }
        }
        one_of("value_format", &self.value_format, &["percent", "points", "money", "number", "days", "none"])?;
        if self.worse_by.is_nan() || self.worse_by < 0.0 {
            return Err(Error::config(format!("alert.worse_by is {}; expected a share from 0", self.worse_by)));
        }
        if self.clear_after_nights < 1 {
            return Err(Error::config("alert.clear_after_nights is under 1").hint("leave it out for 1: the next night"));
        }
        if self.repeat_hours.is_some_and(|hours| hours < 1) {
            return Err(Error::config("alert.repeat_hours is under 1").hint("leave it out for mail.repeat_hours"));
        }
        if self.owners.is_empty() {
            return Err(Error::config("alert.owners is empty").hint("name columns with addresses, or head_office"));
        }
        for owner in self.owners.iter().filter(|owner| owner.contains('@')) {
            validate_address(owner)?;
        }
        Ok(())
    }

    /// Refuses what names a column that the model does not return, or a text that cannot be written.
    pub fn validate(&self, columns: &[&str]) -> Result<()> {
        let place = &self.place;
        let known: BTreeSet<&str> = columns.iter().copied().collect();
        let check = |key: &str, column: &str| {
            if known.contains(column) {
                return Ok(());
            }
            let error = Error::config(format!("alert.{key} names column `{column}`, which the model does not return"));
            Err(error.at(place).hint(suggest(column, &known)))
        };
        let single = [
            ("severity_column", &self.severity_column),
            ("value", &self.value),
            ("at_stake", &self.at_stake),
            ("history", &self.history),
            ("never_first", &self.never_first.as_ref().map(|cell| cell.column.clone())),
        ];
        for (key, column) in single {
            column.as_deref().map_or(Ok(()), |column| check(key, column))?;
        }
        for column in self.chart.iter().flat_map(Chart::columns) {
            check("chart", column)?;
        }
        for column in self.evidence.iter().flat_map(|evidence| &evidence.by) {
            check("evidence.by", column)?;
        }
        for label in &self.labels {
            check("labels", label)?;
        }
        for owner in self.owners.iter().filter(|owner| *owner != HEAD_OFFICE && !owner.contains('@')) {
            check("owners", owner)?;
        }
        let added = [("sender", SENDER_WORDS), ("feed", FEED_WORDS)];
        let added = added.into_iter().filter(|(column, _)| known.contains(column)).flat_map(|(_, words)| words);
        let known: BTreeSet<&str> = known.iter().copied().chain(added.collect::<Vec<_>>()).collect();
        for (locale, words) in [("en", Words::new("en", "USD")), ("zh", Words::new("zh", "CNY"))] {
            for (key, text) in self.texts(words.locale()) {
                validate_text(&format!("{key}.{locale}"), text, &words, &known).map_err(|err| err.at(place))?;
            }
        }
        Ok(())
    }

    fn texts(&self, locale: Locale) -> Vec<(&'static str, &str)> {
        let optional = [
            ("name_text", self.name_text.as_ref()),
            ("subject", self.subject.as_ref()),
            ("title", Some(&self.title)),
            ("value_label", self.value_label.as_ref()),
            ("comparison", self.comparison.as_ref()),
            ("reason", self.reason.as_ref()),
            ("advice", self.advice.as_ref()),
        ];
        optional.into_iter().filter_map(|(key, texts)| Some((key, pick(texts?, locale)))).collect()
    }

    /// Whether a mail may begin with this finding.
    pub fn leads(&self, alert: &Alert) -> bool {
        let held = |cell: &Cell| alert.row.get(&cell.column).map(as_text).unwrap_or_default();
        self.never_first.as_ref().is_none_or(|cell| held(cell) != cell.is)
    }

    /// The rule in two or three words.
    pub fn short_name(&self, words: &Words) -> String {
        self.name_text.as_ref().map_or_else(|| self.name.clone(), |texts| pick(texts, words.locale()).to_string())
    }

    /// The finding in words. A text that cannot be written (a column went away, a NULL in arithmetic) is
    /// left out, a title is then the rule with its labels: a mail is never lost over a text.
    pub fn say(&self, alert: &Alert, words: &Words) -> Said {
        let env = words.environment();
        let write = |key: &str, texts: Option<&Texts>| {
            let text = pick(texts?, words.locale());
            match env.render_str(text, &alert.row) {
                Ok(text) => Some(header_text(&text)).filter(|text| !text.is_empty()),
                Err(err) => {
                    tracing::warn!(rule = self.name, text = key, error = %plain(&err), "alert text cannot be written");
                    None
                }
            }
        };
        Said {
            subject: write("subject", self.subject.as_ref()).unwrap_or_default(),
            title: write("title", Some(&self.title)).unwrap_or_else(|| label_line(&self.name, alert)),
            value: alert
                .value
                .filter(|_| self.value_format != "none")
                .map_or_else(String::new, |value| words.figure(value, &self.value_format)),
            value_label: write("value_label", self.value_label.as_ref()).unwrap_or_default(),
            comparison: write("comparison", self.comparison.as_ref()).unwrap_or_default(),
            reason: write("reason", self.reason.as_ref()).unwrap_or_default(),
            advice: write("advice", self.advice.as_ref()).unwrap_or_default(),
        }
    }

    /// What is at stake in money, where the rule knows.
    pub fn stake(&self, alert: &Alert) -> Option<f64> {
        self.at_stake.as_ref().and_then(|column| alert.row.get(column)).and_then(as_number).map(f64::abs)
    }

    /// Numbers of a column with `;` between; none where one is no number.
    pub(crate) fn series(alert: &Alert, column: &str) -> Vec<f64> {
        let Some(Json::String(text)) = alert.row.get(column) else { return Vec::new() };
        text.split(';').map(|item| item.trim().parse().ok()).collect::<Option<Vec<f64>>>().unwrap_or_default()
    }

    /// Past values to draw, oldest first; at most the last 30.
    pub fn past(&self, alert: &Alert) -> Vec<f64> {
        let Some(cell) = self.history.as_ref().and_then(|column| alert.row.get(column)) else { return Vec::new() };
        let values: Vec<f64> = match cell {
            Json::Array(items) => items.iter().filter_map(as_number).collect(),
            Json::String(text) => text.split(';').filter_map(|item| item.trim().parse().ok()).collect(),
            _ => Vec::new(),
        };
        values[values.len().saturating_sub(30)..].to_vec()
    }
}

/// The addresses that a cell holds, in lower case.
pub(crate) fn addresses(cell: &str) -> impl Iterator<Item = String> {
    cell.split([';', ',', '；', '，']).map(str::trim).filter(|address| !address.is_empty()).map(str::to_ascii_lowercase)
}

/// A rule with its labels, for findings without words.
pub(crate) fn label_line(rule: &str, alert: &Alert) -> String {
    let labels: Vec<String> = alert.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    header_text(&format!("{rule} {}", labels.join(" ")))
}

/// A cell as a finite number; decimals may come as text.
pub(crate) fn as_number(cell: &Json) -> Option<f64> {
    let number = match cell {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// A cell as text, as used in labels: NULL is empty.
pub(crate) fn as_text(cell: &Json) -> String {
    match cell {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Refuses a text that names a column which the model does not return, or that cannot be written.
fn validate_text(key: &str, text: &str, words: &Words, known: &BTreeSet<&str>) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::config(format!("alert.{key} is empty")).hint("write the text in both languages"));
    }
    let env = words.environment();
    let template = env
        .template_from_str(text)
        .map_err(|err| Error::config(format!("alert.{key} is not a valid template")).because(plain(&err)))?;
    let named: BTreeSet<String> = template.undeclared_variables(false).into_iter().collect();
    if let Some(unknown) = named.iter().find(|name| !known.contains(name.as_str())) {
        let error = Error::config(format!("alert.{key} names column `{unknown}`, which the model does not return"));
        return Err(error.hint(suggest(unknown, known)));
    }
    // Filters are looked up only when a text is written: write it once with sample rows.
    for sample in [Json::from(1), Json::Null] {
        let row: Row = known.iter().map(|column| ((*column).to_string(), sample.clone())).collect();
        if let Err(err) = template.render(&row) {
            let fatal = [ErrorKind::UnknownFilter, ErrorKind::UnknownTest, ErrorKind::UnknownFunction];
            if fatal.contains(&err.kind()) {
                return Err(Error::config(format!("alert.{key} cannot be written"))
                    .hint(
                        "filters there are: percent, signed_percent, points, signed_points, money, number, days, date, \
                         month, quarter, instant, listed, counted('one', 'many')",
                    )
                    .because(plain(&err)));
            }
        }
    }
    Ok(())
}

fn pick(texts: &Texts, locale: Locale) -> &str {
    match locale {
        Locale::En => &texts.en,
        Locale::Zh => &texts.zh,
    }
}

fn suggest(word: &str, known: &BTreeSet<&str>) -> String {
    match closest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("columns there are: {}", known.iter().copied().collect::<Vec<_>>().join(", ")),
    }
}

/// The template engine's error in one line.
fn plain(err: &minijinja::Error) -> String {
    err.to_string().lines().next().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests;

//! `jobs/senders/<sender>.toml`: how one sender's files become canonical rows. A sender is a folder of
//! the inbox; its mapping says where its files lie, how they are written and when they are due.

mod expected;
mod feed;
mod mapping;
mod table;

use std::collections::BTreeMap;
use std::path::Path;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use toml::Value;

use crate::contract::Contracts;
use crate::contract::written::{parse_toml, section, toml_files, within};
use crate::error::{Error, Result, unknown};
use feed::RawFeed;

pub use expected::{Expected, ExpectedDays};
pub use feed::{Format, PeriodRule, SenderFeed};
pub use mapping::{Equals, Mapping};

/// One sender.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Folder name: the file's name without `.toml`.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// Whom to write to about its files.
    pub contact: Option<String>,
    /// Zone of its times; the company's by default.
    pub time_zone: Option<Tz>,
    /// What it delivers, by feed.
    pub feeds: BTreeMap<String, SenderFeed>,
}

/// Every sender of a company, by folder name.
#[derive(Debug, Clone)]
pub struct Senders(BTreeMap<String, Sender>);

impl Senders {
    /// Reads `senders/*.toml` below the jobs folder and checks them against the contracts.
    pub fn load(jobs: &Path, contracts: &Contracts) -> Result<Self> {
        let mut senders = BTreeMap::new();
        for (name, path, text) in toml_files(&jobs.join("senders"))? {
            let folder = jobs.join("senders");
            let sender = Sender::parse_in(&folder, &name, &text, contracts).map_err(|err| err.at(path))?;
            senders.insert(name, sender);
        }
        Ok(Self(senders))
    }

    /// Takes senders that have been read.
    pub fn new(senders: impl IntoIterator<Item = Sender>) -> Self {
        Self(senders.into_iter().map(|sender| (sender.name.clone(), sender)).collect())
    }

    /// The sender of that folder name.
    pub fn get(&self, name: &str) -> Option<&Sender> {
        self.0.get(name)
    }

    /// All senders, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Sender> {
        self.0.values()
    }

    /// Folder names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The sender and feed that an inbox key belongs to: the first by name whose glob matches.
    #[cfg(test)]
    pub(crate) fn of_key(&self, key: &str) -> Option<(&Sender, &SenderFeed)> {
        self.iter().find_map(|sender| sender.feeds.values().find(|feed| feed.matches(key)).map(|feed| (sender, feed)))
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawSender {
    name: Option<String>,
    time_zone: Option<Tz>,
    encoding: Option<String>,
    contact: Option<String>,
    missing: Option<Vec<String>>,
    delivered_at: Option<String>,
    #[serde(default)]
    feeds: BTreeMap<String, Value>,
}

impl Sender {
    /// Reads one sender from its text; `name` is its folder. Tables that it names are looked for in the working folder.
    pub fn parse(name: &str, text: &str, contracts: &Contracts) -> Result<Self> {
        Self::parse_in(Path::new("."), name, text, contracts)
    }

    /// Reads one sender from its text; `folder` holds the tables that its mappings name.
    pub fn parse_in(folder: &Path, name: &str, text: &str, contracts: &Contracts) -> Result<Self> {
        let mut raw: RawSender = parse_toml(text)?;
        if raw.feeds.is_empty() {
            return Err(Error::config("the sender delivers nothing").hint("add a section [feeds.<feed>]"));
        }
        let feeds = std::mem::take(&mut raw.feeds);
        let mut sender = Self {
            name: name.to_string(),
            title: raw.name.clone().unwrap_or_else(|| name.to_string()),
            contact: raw.contact.clone(),
            time_zone: raw.time_zone,
            feeds: BTreeMap::new(),
        };
        for (feed, value) in feeds {
            let contract =
                contracts.get(&feed).ok_or_else(|| unknown("[feeds] names feed", &feed, contracts.names()))?;
            let read = section::<RawFeed>(value).and_then(|own| SenderFeed::of(folder, name, &raw, own, contract));
            let read = read.map_err(|err| within(&format!("feeds.{feed}"), &err))?;
            sender.feeds.insert(feed, read);
        }
        Ok(sender)
    }
}

#[cfg(test)]
mod tests;

//! `jobs/senders/<sender>.toml`: how one sender's files become canonical rows. A sender is a folder of
//! the inbox; its mapping says where its files lie, how they are written and when they are due.

mod expected;
mod feed;
mod keys;
mod mapping;
pub mod reference;
mod table;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono_tz::Tz;

use crate::contract::Contracts;
use crate::contract::written::{parse_toml, section, toml_files, within};
use crate::error::{Error, Result, unknown};
use keys::{RawFeed, RawSender};

pub use expected::{Expected, ExpectedDays};
pub use feed::SenderFeed;
pub use keys::{Columns, Format, PeriodRule};
pub use mapping::{Amount, Equals, GROSS, Mapping};

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

/// A sender whose file cannot be used. Its files wait until that is mended; nobody else's do.
#[derive(Debug, Clone)]
pub struct Broken {
    /// Folder name.
    pub name: String,
    /// Feeds that its file names, as far as it can be read.
    pub feeds: Vec<String>,
    /// What is wrong with it.
    pub error: Arc<Error>,
}

/// Every sender of a company, by folder name.
#[derive(Debug, Clone)]
pub struct Senders {
    sound: BTreeMap<String, Sender>,
    broken: Vec<Broken>,
}

impl Senders {
    /// Reads `senders/*.toml` below the jobs folder and checks them against the contracts. One that has a slip is left
    /// out, and told.
    pub fn load(jobs: &Path, contracts: &Contracts) -> Result<Self> {
        let (mut sound, mut broken) = (BTreeMap::new(), Vec::new());
        for (name, path, text) in toml_files(&jobs.join("senders"))? {
            let folder = jobs.join("senders");
            match Sender::parse_in(&folder, &name, &text, contracts) {
                Ok(sender) => drop(sound.insert(name, sender)),
                Err(err) => {
                    let named = |feed: &&str| text.contains(&format!("[feeds.{feed}"));
                    let feeds = contracts.names().filter(named).map(str::to_string).collect();
                    broken.push(Broken { name, feeds, error: Arc::new(err.at(path)) });
                }
            }
        }
        Ok(Self { sound, broken })
    }

    /// Takes senders that have been read.
    pub fn new(senders: impl IntoIterator<Item = Sender>) -> Self {
        let sound = senders.into_iter().map(|sender| (sender.name.clone(), sender)).collect();
        Self { sound, broken: Vec::new() }
    }

    /// Those that are left out.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// The sender of that folder name.
    pub fn get(&self, name: &str) -> Option<&Sender> {
        self.sound.get(name)
    }

    /// All senders, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Sender> {
        self.sound.values()
    }

    /// Folder names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sound.keys().map(String::as_str)
    }

    /// The sender and feed that an inbox key belongs to: the first by name whose glob matches.
    #[cfg(test)]
    pub(crate) fn of_key(&self, key: &str) -> Option<(&Sender, &SenderFeed)> {
        self.iter().find_map(|sender| sender.feeds.values().find(|feed| feed.matches(key)).map(|feed| (sender, feed)))
    }
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

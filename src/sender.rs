//! `jobs/senders/<sender>.toml`: how one sender's files become canonical rows. A sender is a folder of
//! the inbox; its mapping says where its files lie, how they are written and when they are due.

mod expected;
mod feed;
mod keys;
mod mapping;
pub mod reference;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::config::place;
use crate::contract::Contracts;
use crate::contract::written::{parse_toml, section, toml_files, within};
use crate::error::{Error, Result, unknown};
use crate::zone::Tz;
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

/// What a fault in a sender's file leaves out: the whole sender, or one feed of it where the fault is about that feed
/// alone. Those files wait until it is mended; nobody else's do.
#[derive(Debug, Clone)]
pub struct Broken {
    /// Folder name.
    pub name: String,
    /// Feeds that are left out, as far as the file can be read.
    pub feeds: Vec<String>,
    /// No feed of the sender is left.
    pub whole: bool,
    /// What is wrong, with file and line.
    pub error: Arc<Error>,
    /// The feed itself, where nothing is wrong with it but a question that is still open.
    pub open: Option<SenderFeed>,
    /// Folders of the inbox that the file names.
    folders: BTreeSet<String>,
}

impl Broken {
    /// Whether a folder of the inbox is, as far as can be known, this sender's.
    pub fn owns(&self, folder: &str) -> bool {
        self.name == folder || self.folders.contains(folder)
    }
}

/// Every sender of a company, by folder name.
#[derive(Debug, Clone)]
pub struct Senders {
    sound: BTreeMap<String, Sender>,
    broken: Vec<Broken>,
}

impl Senders {
    /// Reads `senders/*.toml` below the jobs folder and checks them against the contracts. What has a slip is left out,
    /// and told: the feed that it is in, or the sender where it is about all of the file.
    pub fn load(jobs: &Path, contracts: &Contracts) -> Result<Self> {
        let folder = jobs.join("senders");
        let (mut sound, mut broken) = (BTreeMap::new(), Vec::new());
        for (name, _, text) in toml_files(&folder)? {
            let place = format!("jobs/senders/{name}.toml");
            let text = match text {
                Ok(text) => text,
                Err(err) => {
                    let error = Arc::new(err.at(place));
                    let folders = BTreeSet::new();
                    broken.push(Broken { name, feeds: Vec::new(), whole: true, error, open: None, folders });
                    continue;
                }
            };
            let folders = folders_in(&text);
            let left_out = |feeds: Vec<String>, whole: bool, error: Error| {
                let line = line_of(&text, &error).map(|line| format!(":{line}")).unwrap_or_default();
                let error = Arc::new(error.at(format!("{place}{line}")));
                Broken { name: name.clone(), feeds, whole, error, open: None, folders: folders.clone() }
            };
            match Sender::read(&folder, &name, &text, contracts) {
                Ok((mut sender, faults)) => {
                    let open = sender.take_open();
                    let whole = sender.feeds.is_empty();
                    broken.extend(faults.into_iter().map(|(feed, fault)| left_out(vec![feed], whole, fault)));
                    broken.extend(open.into_iter().map(|(feed, fault)| Broken {
                        open: Some(feed.clone()),
                        ..left_out(vec![feed.feed], whole, fault)
                    }));
                    sound.insert(name.clone(), sender);
                }
                Err(err) => {
                    let named = |feed: &&str| text.contains(&format!("[feeds.{feed}"));
                    let feeds = contracts.names().filter(named).map(str::to_string).collect();
                    broken.push(left_out(feeds, true, err));
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

    /// What is left out.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// Somebody is described to deliver `feed`, left out at present or not.
    pub fn delivers(&self, feed: &str) -> bool {
        self.iter().any(|sender| sender.feeds.contains_key(feed))
            || self.broken.iter().any(|broken| broken.feeds.iter().any(|named| named == feed))
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
        let (sender, faults) = Self::read(folder, name, text, contracts)?;
        faults.into_iter().next().map_or(Ok(sender), |(_, fault)| Err(fault))
    }

    /// What of one sender can be used, and the feeds that cannot with what is wrong with each. An `Err` is about all of it.
    fn read(folder: &Path, name: &str, text: &str, contracts: &Contracts) -> Result<(Self, Vec<(String, Error)>)> {
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
        let mut faults = Vec::new();
        for (feed, value) in feeds {
            let contract = contracts.get(&feed).ok_or_else(|| unknown("[feeds] names feed", &feed, contracts.names()));
            let read = contract.and_then(|contract| {
                let read = section::<RawFeed>(value).and_then(|own| SenderFeed::of(folder, name, &raw, own, contract));
                read.map_err(|err| within(&format!("feeds.{feed}"), &err))
            });
            match read {
                Ok(mut read) => {
                    read.line = place::line_of(text, &format!("feeds.{feed}.path")).unwrap_or_default();
                    sender.feeds.insert(feed, read);
                }
                Err(err) => faults.push((feed, err)),
            }
        }
        Ok((sender, faults))
    }
}

impl Sender {
    /// Takes out the feeds of which a draft's question is still open: each of their files would be refused.
    fn take_open(&mut self) -> Vec<(SenderFeed, Error)> {
        let (open, sound): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.feeds).into_iter().partition(|(_, feed)| feed.open_columns().next().is_some());
        self.feeds = sound;
        let told = |feed: SenderFeed| {
            let columns: Vec<String> = feed.open_columns().map(|column| format!("columns.{column}")).collect();
            let more = if columns.len() > 1 { format!(" (and {})", columns[1..].join(", ")) } else { String::new() };
            let error = Error::config(format!("feeds.{}: {} is still \"?\"{more}", feed.feed, columns[0]));
            let advice = "answer it: the partner's header, or { constant = \"…\" }; until then this feed is left out";
            (feed, error.hint(advice))
        };
        open.into_values().map(told).collect()
    }
}

/// Folders of the inbox that a file names in its paths, however little of it can be read.
fn folders_in(text: &str) -> BTreeSet<String> {
    let paths = text.lines().filter_map(|line| line.trim_start().strip_prefix("path")?.split('"').nth(1));
    paths.filter_map(|path| path.split_once('/')).map(|(folder, _)| folder.to_string()).collect()
}

/// The line that an error of a sender's file is about: its text begins with the section (`feeds.sales: columns.sku: …`)
/// and mostly names the key next. None where the text says it already.
fn line_of(text: &str, error: &Error) -> Option<usize> {
    let said = error.to_string();
    if said.starts_with("line ") {
        return None;
    }
    let is_key = |part: &&str| part.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
    let section: Vec<&str> = said.split(": ").take_while(is_key).collect();
    let rest = said.split(": ").nth(section.len()).unwrap_or_default();
    let word = rest.split_whitespace().next().unwrap_or_default().trim_matches(['[', ']']);
    let quoted = rest.split('`').nth(1).unwrap_or_default();
    // Of what it may be about, the line furthest down is the nearest: keys stand below their sections.
    let candidates = [vec![word, quoted], vec![quoted], vec![word]];
    candidates.iter().filter_map(|named| place::line_of(text, &[&section[..], named].concat().join("."))).max()
}

#[cfg(test)]
mod tests;

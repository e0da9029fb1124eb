//! What does not count although it was delivered: a file, or lines of it, that breaks a model, or that a person has
//! withdrawn. The marts are as if it had not come.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::record::{Changes, CommitKind, Input, InputId, Period, Sighting, Version};
use super::{Held, State};
use crate::error::{Error, Result, closest};

/// Lines of one member of a file, both ends included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lines {
    /// The file, or the member of it, as staged rows name it.
    pub file: String,
    /// First line.
    pub from: i64,
    /// Last line.
    pub to: i64,
}

impl std::fmt::Display for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.from == self.to {
            write!(f, "line {}", self.from)
        } else {
            write!(f, "lines {} to {}", self.from, self.to)
        }
    }
}

/// One version of a file that does not count, or some lines of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// The sender.
    pub sender: String,
    /// The feed.
    pub feed: String,
    /// SHA-256 of the raw bytes.
    pub sha256: String,
    /// What it was delivered for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Period>,
    /// Key in the inbox.
    pub key: String,
    /// The only lines that are meant; none for the whole file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines>,
    /// The model that it broke; none where a person withdrew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The run that found it, or who withdrew it.
    pub by: String,
    /// Until when; for good where there is no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// How the file was read and the model written: when either changes, it is tried again.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reading: String,
    /// It counts again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
}

/// What makes it the same: version and lines.
pub type AsideId = (InputId, Option<Lines>);

impl SetAside {
    /// The whole of a version; what it is for is filled in by the caller.
    pub fn whole(input: &Input, since: DateTime<Utc>) -> Self {
        Self {
            sender: input.sender.clone(),
            feed: input.feed.clone(),
            sha256: input.sha256.clone(),
            named: input.named,
            key: input.key.clone(),
            lines: None,
            model: None,
            reason: String::new(),
            since,
            by: String::new(),
            until: None,
            reading: String::new(),
            ended: false,
        }
    }

    /// What makes it the same.
    pub fn id(&self) -> AsideId {
        ((self.sender.clone(), self.feed.clone(), self.version()), self.lines.clone())
    }

    /// The version that is meant.
    pub fn version(&self) -> Version {
        (self.sha256.clone(), self.named)
    }

    /// What is meant, for people: `p02/sales/2026-11-05.csv, line 17`.
    pub fn what(&self) -> String {
        match &self.lines {
            Some(lines) => format!("{}, {lines}", self.key),
            None => self.key.clone(),
        }
    }

    /// Why it does not count, for people.
    pub fn why(&self) -> String {
        match &self.model {
            Some(model) => format!("it breaks {model}: {}", self.reason),
            None if self.reason.is_empty() => format!("withdrawn by {}", self.by),
            None => format!("withdrawn by {}: {}", self.by, self.reason),
        }
    }
}

/// The deliveries of a key of the inbox, the newest last.
pub fn deliveries<'a>(state: &'a State, key: &str) -> Result<Vec<&'a Sighting>> {
    let mut found: Vec<&Sighting> =
        state.all_sightings().map(AsRef::as_ref).filter(|sighting| sighting.key == key).collect();
    if found.is_empty() {
        let error = Error::config(format!("no delivery was taken in under the key {key}"));
        let mut near: Vec<&str> = state.all_sightings().map(|sighting| sighting.key.as_str()).collect();
        near.sort_unstable();
        near.dedup();
        let holds: Vec<&str> = near.iter().copied().filter(|known| known.contains(key)).take(NEAR_SHOWN).collect();
        return Err(match (holds.as_slice(), closest(key, near.iter().copied())) {
            ([], Some(near)) => error.hint(format!("did you mean {near}?")),
            ([], None) => {
                error.hint("a key is the file's path in the inbox; `tributary show last` lists those of a run")
            }
            (holds, _) => error.hint(format!("keys that hold this text: {}", holds.join(", "))),
        });
    }
    found.sort_by_key(|sighting| (sighting.delivered_at, sighting.last_modified));
    Ok(found)
}

/// Keys shown where several hold what was asked for.
const NEAR_SHOWN: usize = 5;

/// Withdraws the newest delivery of a key: one commit, heeded by the next run.
pub async fn withdraw(held: &mut Held, aside: SetAside) -> Result<()> {
    commit(held, vec![aside]).await
}

/// Lets everything that was set aside of a key count again, and gives it as it stood.
pub async fn restore(held: &mut Held, key: &str) -> Result<Vec<SetAside>> {
    let ended: Vec<SetAside> = held.state.asides.values().filter(|aside| aside.key == key).cloned().collect();
    if ended.is_empty() {
        let known: BTreeSet<&str> = held.state.asides.values().map(|aside| aside.key.as_str()).collect();
        let error = Error::config(format!("nothing is set aside of {key}"));
        return Err(match closest(key, known.iter().copied()) {
            _ if known.is_empty() => error.hint("nothing at all is: all that was delivered and accepted counts"),
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint(format!("set aside are: {}", known.into_iter().collect::<Vec<_>>().join(", "))),
        });
    }
    commit(held, ended.iter().map(|aside| SetAside { ended: true, ..aside.clone() }).collect()).await?;
    Ok(ended)
}

async fn commit(held: &mut Held, set_aside: Vec<SetAside>) -> Result<()> {
    let name = set_aside.first().map(|aside| aside.key.clone()).unwrap_or_default();
    let changes = Changes { set_aside, ..Changes::default() };
    held.commit(CommitKind::SetAside, &format!("set aside {name}"), None, changes).await?;
    Ok(())
}

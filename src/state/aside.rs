//! What does not count although it was delivered: a file, or lines of it, that breaks a model, or that a person has
//! withdrawn. The marts are as if it had not come.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::version::{InputId, Period, Version};

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

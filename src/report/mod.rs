//! The account of one run: what came in, what was built, what was raised, where it lies, what to do next.

pub mod docs;
pub mod grid;
pub mod page;
pub mod site;
mod text;

use serde::Serialize;

use crate::mail::reduction::Reduction;
use crate::state::record::{Alert, AlertPhase, InputStatus, RunRecord};

pub use text::{counted, reduced, render, thousands};

/// What became of one file of the inbox.
#[derive(Debug, Clone, Serialize)]
pub struct FileLine {
    /// Sender.
    pub sender: String,
    /// Feed.
    pub feed: String,
    /// Key in the inbox.
    pub key: String,
    /// `new`, `corrected`, `duplicate`, `reinstated`, `older`, `quarantined`, `read_again` by a changed mapping or because
    /// its rows were lost, or `set_aside` where they could not be.
    pub outcome: String,
    /// Where it stands now.
    pub status: InputStatus,
    /// Data rows in the file.
    pub rows_read: u64,
    /// Rows that count.
    pub rows_clean: u64,
    /// Rows refused.
    pub rows_rejected: u64,
    /// Why it was quarantined, or what else there is to say.
    pub notes: Vec<String>,
}

/// One published mart.
#[derive(Debug, Clone, Serialize)]
pub struct MartLine {
    /// Name.
    pub mart: String,
    /// Rows in all its files.
    pub rows: u64,
    /// Files.
    pub files: u64,
    /// Files written by this run; the others are reused.
    pub written: u64,
}

/// Where a mail went.
#[derive(Debug, Clone, Serialize)]
pub struct MailLine {
    /// Recipient.
    pub recipient: String,
    /// Subject.
    pub subject: String,
    /// `sent`, `waiting` (will be tried again) or `dead`.
    pub outcome: String,
    /// File it was written to, or the server that took it; the reason otherwise.
    pub detail: String,
}

/// The account of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The record that was committed.
    pub run: RunRecord,
    /// The run found nothing to do: same inputs, same SQL, same settings as the last one of this date.
    pub nothing_new: bool,
    /// Published, but `duckdb.sql` or `latest/` could not be brought to it yet: why. The next start tries again.
    pub behind: Option<String>,
    /// The error that ended it may pass by itself: trying again can help.
    pub passing: bool,
    /// Files taken in by this run.
    pub files: Vec<FileLine>,
    /// Refusals by feed, reason and count, most first; those found by SQL included.
    pub refusals: Vec<(String, String, u64)>,
    /// Feeds that are not all there, and the marts that this leaves incomplete.
    pub reduced: Vec<Reduction>,
    /// Models of all layers that were built or reused.
    pub models: u64,
    /// Published marts.
    pub marts: Vec<MartLine>,
    /// Alerts that fire.
    pub alerts: Vec<Alert>,
    /// Mails of this run, and older ones that were still owed.
    pub mails: Vec<MailLine>,
    /// Where marts, lake and mails lie.
    pub places: Vec<(String, String)>,
    /// What to do next.
    pub next: Vec<String>,
}

impl Report {
    /// Alerts that fire and are not muted.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| alert.phase != AlertPhase::Resolved && alert.muted.is_none())
    }
}

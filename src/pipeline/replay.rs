//! What the next run would make of refused files by today's mappings and limits. The run itself does it: it reads a
//! refused file again as soon as one of them has changed (see `discover`); here nothing is kept.

use serde::Serialize;

use super::Company;
use super::stage::{self, Readings};
use crate::error::{Error, Kind, Result};
use crate::intake::rehearse::{Rehearsal, refused};
use crate::intake::{RawFile, Spool};
use crate::state::record::{Input, InputStatus, version_name};
use crate::store::Download;

/// Refused rows shown of a file that would still have some.
const REFUSED_SHOWN: usize = 3;

/// A refused file, read again.
#[derive(Debug, Clone, Serialize)]
pub struct Replayed {
    /// Sender.
    pub sender: String,
    /// Feed.
    pub feed: String,
    /// Key in the inbox.
    pub file: String,
    /// Contract, mapping or limits differ from those by which it was read, or the machine alone was the reason; only then
    /// a run reads it again.
    pub changed: bool,
    /// Why it was refused whole; none where only rows were.
    pub was_refused: Option<String>,
    /// Rows that count, and rows that were refused.
    pub was: (u64, u64),
    /// Why it would be refused whole.
    pub would_be_refused: Option<String>,
    /// Rows that would count, and rows that would be refused; none where it cannot be read any more.
    pub would_be: Option<(u64, u64)>,
    /// Some of the rows that would be refused.
    pub refused: Vec<crate::intake::rehearse::Refused>,
    /// Why it cannot be read any more.
    pub gone: Option<String>,
}

impl Replayed {
    /// Rows that the next run would gain; below 0 what it would lose.
    pub fn gain(&self) -> i64 {
        let count = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
        self.would_be.filter(|_| self.changed).map_or(0, |(clean, _)| count(clean) - count(self.was.0))
    }
}

/// Reads refused files again, one after the other.
pub async fn replay(company: &Company, inputs: &[&Input]) -> Result<Vec<Replayed>> {
    let mut all = Vec::with_capacity(inputs.len());
    for input in inputs {
        let was_refused = input.reason.clone().filter(|_| input.status == InputStatus::Quarantined);
        let mut one = Replayed {
            sender: input.sender.clone(),
            feed: input.feed.clone(),
            file: input.key.clone(),
            changed: false,
            was_refused,
            was: (input.rows_clean, input.rows_rejected),
            would_be_refused: None,
            would_be: None,
            refused: Vec::new(),
            gone: None,
        };
        match again(company, input).await {
            Ok((changed, Rehearsal { outcome, refused, .. })) => {
                one.changed = changed;
                one.would_be = Some((outcome.rows_clean, outcome.rows_rejected));
                one.would_be_refused = outcome.quarantined;
                one.refused = refused;
            }
            // One file that is gone does not hide the others.
            Err(err) if matches!(err.kind(), Kind::Input | Kind::Config) => one.gone = Some(err.one_line()),
            Err(err) => return Err(err),
        }
        all.push(one);
    }
    Ok(all)
}

async fn again(company: &Company, input: &Input) -> Result<(bool, Rehearsal)> {
    let sender = company.senders.get(&input.sender).ok_or_else(|| {
        Error::config(format!("sender {} is described no more", input.sender))
            .hint(format!("write jobs/senders/{}.toml", input.sender))
    })?;
    if !sender.feeds.contains_key(&input.feed) {
        return Err(Error::config(format!("sender {} delivers no {} any more", input.sender, input.feed)));
    }
    let reading = Readings::default().of(company, &input.sender, &input.feed)?;
    let read_again = reading.read_by.reads_again(input);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("raw");
    let limits = Download { bytes_max: company.config.intake.file_bytes_max, ..Download::default() };
    let fetched = company.stores.inbox.download_to(&input.key, &path, &limits).await?;
    if fetched.sha256 != input.sha256 {
        return Err(Error::input("another file lies there now: the next run reads it").at(&input.key));
    }
    let raw = RawFile {
        sender: input.sender.clone(),
        feed: input.feed.clone(),
        key: input.key.clone(),
        content: Spool::Disk(path),
        bytes: input.bytes,
        version: version_name(&input.version()),
        last_modified: input.last_modified,
    };
    // By the same reader, within the same limits, as a run.
    let outcome = stage::read(company, raw, reading, folder.path()).await?;
    let rejects = outcome.rejects.as_ref();
    let refused = rejects.map(|rejects| refused(rejects, REFUSED_SHOWN)).transpose()?.unwrap_or_default();
    Ok((read_again, Rehearsal { outcome, refused, money: None }))
}

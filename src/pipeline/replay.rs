//! What the next run would make of refused files by today's mappings. The run itself does it: it reads a refused
//! file again as soon as its contract or mapping has changed (see `discover`); here nothing is kept.

use serde::Serialize;

use super::Company;
use crate::error::{Error, Kind, Result};
use crate::intake::rehearse::{Local, Rehearsal, rehearse};
use crate::state::record::{Input, InputStatus};
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
    /// Contract or mapping differ from those by which it was read; only then a run reads it again.
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
    let mapping = sender
        .feeds
        .get(&input.feed)
        .ok_or_else(|| Error::config(format!("sender {} delivers no {} any more", input.sender, input.feed)))?;
    let contract = company.contracts.expect(&input.feed)?;
    let changed = mapping.fingerprint(contract, &company.config.company) != input.contract_fingerprint;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("raw");
    let limits = Download { bytes_max: company.config.intake.file_bytes_max, ..Download::default() };
    let fetched = company.stores.inbox.download_to(&input.key, &path, &limits).await?;
    if fetched.sha256 != input.sha256 {
        return Err(Error::input("another file lies there now: the next run reads it").at(&input.key));
    }
    let (sender, feed) = (sender.clone(), input.feed.clone());
    let (contracts, config) = (company.contracts.clone(), company.config.clone());
    let file = Local { path, key: input.key.clone(), last_modified: input.last_modified };
    let work = tokio::task::spawn_blocking(move || rehearse(&file, &sender, &feed, &contracts, &config, REFUSED_SHOWN));
    let rehearsal = work.await.map_err(|err| Error::input("the reader gave up on this file").because(err))??;
    Ok((changed, rehearsal))
}

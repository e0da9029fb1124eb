//! From one spooled file to typed rows and rejects. Synchronous, of fixed memory, without any store: what
//! goes in is a local file, what comes out are local Parquet files and an account of every row.
//!
//! Bad data is a value, never an error: a row becomes a reject with line, column and reason; a file that
//! cannot be used whole is quarantined with a reason for its sender. Rows read are always rows
//! clean plus rows rejected. Only what the file and its contract decide is judged here; references to other
//! feeds are checked in SQL, where late reference data heals by itself.
//!
//! A file is read once. It is read again when the first reading taught something that its rows depend on:
//! the encoding (taken for UTF-8, and was not), the period (declared to come from the rows), columns that came up
//! late (JSON) or are filled in some rows only, keys that stand twice.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config;
use crate::contract::{Contract, Kind};
use crate::error::{Error, Result};
use crate::sender::SenderFeed;
use crate::zone::Tz;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

mod account;
mod amounts;
mod batch;
mod block;
mod carry;
mod cells;
mod column;
mod columnar;
mod compound;
mod contents;
mod convert;
mod decode;
pub mod drift;
mod duplicates;
mod header;
mod job;
mod json;
mod magic;
mod marks;
mod markup;
mod numbered;
mod open;
mod pass;
mod period;
mod plan;
pub mod profile;
pub mod rehearse;
mod rules;
mod sheet;
mod skip;
mod spool;
mod text;
mod thread;
mod unfold;
mod write;

use account::Account;
use block::Stop;
use job::{Job, Known, Period};
use pass::{Pass, detected, finished};
use write::Lineage;

pub use open::is_foreign;
pub use spool::{HELD_MAX, Spool};

/// A file as it was fetched.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RawFile {
    /// Folder name of the sender.
    pub sender: String,
    /// Feed by its place.
    pub feed: String,
    /// Key in the inbox.
    pub key: String,
    /// The bytes.
    pub content: Spool,
    /// Size in bytes.
    pub bytes: u64,
    /// What its rows name it by.
    pub version: String,
    /// When the store last saw it change.
    pub last_modified: DateTime<Utc>,
}

/// What became of a file. Rows read are always rows clean plus rows rejected.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Why the file is refused whole, for people; none of its rows counts then. `None`: it can be used.
    pub quarantined: Option<String>,
    /// Staged rows; none where there are none.
    pub staged: Option<Spool>,
    /// Rows that were refused one by one; none where there are none.
    pub rejects: Option<Spool>,
    /// Rows in `rejects`. Less than `rows_rejected` where the whole file is refused.
    pub rejects_rows: u64,
    /// Data rows in the file, or until it was given up.
    pub rows_read: u64,
    /// Blank lines and declared total lines, which are no data rows.
    pub passed_over: u64,
    /// Staged rows.
    pub rows_clean: u64,
    /// Refused rows: all of them where the whole file is refused.
    pub rows_rejected: u64,
    /// Staged rows by month of business date, `YYYY-MM`; empty for references.
    pub months: BTreeMap<String, u64>,
    /// References whose rows are about dates: a hash of the rows of each month.
    pub contents: BTreeMap<String, String>,
    /// Smallest business date; for references the earliest day from which a row holds.
    pub first_date: Option<NaiveDate>,
    /// Largest business date; for references the snapshot's day.
    pub last_date: Option<NaiveDate>,
    /// First day of the period that the file reports, as far as known; for references the snapshot's day.
    pub period_start: Option<NaiveDate>,
    /// Last day of that period.
    pub period_end: Option<NaiveDate>,
    /// When it was delivered; `None` only for [`Outcome::unreadable`].
    pub delivered_at: Option<DateTime<Utc>>,
    /// By business day, hashes of a few rows: what another file must share to report the day anew. Only of event feeds
    /// whose files replace each other by period.
    pub marks: BTreeMap<NaiveDate, Vec<u64>>,
    /// It is refused for something that the machine did, not the file: every run tries it again.
    pub passing: bool,
    /// What should be said about it.
    pub warnings: Vec<String>,
    /// How its columns differ from what the mapping knows: one phrase a column ([`drift::told`]), to be told once.
    pub drift: Vec<String>,
    /// Rows refused one by one, by reason.
    pub reasons: BTreeMap<String, u64>,
}

impl Outcome {
    /// A file of which nothing is known but that it cannot be read.
    pub fn unreadable(reason: impl Into<String>) -> Self {
        Self { quarantined: Some(reason.into()), ..Self::default() }
    }
}

/// When a file was delivered: as its name declares in the sender's zone, else as the store last saw it change.
pub fn delivered_at(feed: &SenderFeed, key: &str, last_modified: DateTime<Utc>, company_zone: Tz) -> DateTime<Utc> {
    period::delivered_at(key, feed, company_zone).ok().flatten().unwrap_or(last_modified)
}

/// What a delivery is for, as far as that is known before its rows are: the days in its name; a snapshot without one is
/// of the day of its delivery. The same bytes for something else are another delivery.
pub fn named(
    feed: &SenderFeed,
    contract: &Contract,
    key: &str,
    delivered_at: DateTime<Utc>,
    company_zone: Tz,
) -> Option<(NaiveDate, NaiveDate)> {
    let delivered_on = delivered_at.with_timezone(&feed.time_zone.unwrap_or(company_zone)).date_naive();
    match (contract.kind, period::of_key(key)) {
        (Kind::Event, span) => span,
        // A snapshot stands for one day: the last that its name gives.
        (Kind::Reference, Some((_, last))) => Some((last, last)),
        (Kind::Reference, None) => Some((delivered_on, delivered_on)),
    }
}

/// Reads one file by contract and mapping, and writes staged rows and rejects to `out_dir`; those of a text held in
/// memory are held there too. An `Err` is a failure of the machine, never of the file.
pub fn stage_file(
    raw: &RawFile,
    feed: &SenderFeed,
    contract: &Contract,
    limits: &config::Intake,
    company_zone: Tz,
    base_currency: &str,
    out_dir: &Path,
) -> Result<Outcome> {
    stage_head(raw, feed, contract, limits, (company_zone, base_currency), out_dir, None)
}

/// The same, of so many rows from the start of the file.
fn stage_head(
    raw: &RawFile,
    feed: &SenderFeed,
    contract: &Contract,
    limits: &config::Intake,
    (company_zone, base_currency): (Tz, &str),
    out_dir: &Path,
    rows: Option<u64>,
) -> Result<Outcome> {
    let mut warnings = Vec::new();
    let named = period::delivered_at(&raw.key, feed, company_zone).unwrap_or_else(|warning| {
        warnings.push(warning);
        None
    });
    let delivered_at = named.unwrap_or(raw.last_modified);
    let zone = feed.time_zone.unwrap_or(company_zone);
    let job = Job {
        raw,
        feed,
        contract,
        limits,
        rows,
        base_currency,
        out_dir,
        lineage: Lineage {
            sender: raw.sender.clone(),
            feed: contract.name.clone(),
            file: raw.key.clone(),
            input: raw.version.clone(),
            delivered_at,
        },
        zone,
        day_zone: feed.business_time_zone.unwrap_or(company_zone),
        delivered_on: delivered_at.with_timezone(&zone).date_naive(),
    };
    let mut known = Known::default();
    match job.period() {
        Ok(period) => known.period = period,
        Err(reason) => return Ok(job.quarantined(&reason, &known, Account::default(), warnings)),
    }
    let parts = match open::open(&raw.content, &raw.key, limits, out_dir) {
        Ok(parts) => parts,
        Err(Stop::Failed(error)) => return Err(error),
        Err(Stop::Refused(reason)) => return Ok(job.quarantined(&reason, &known, Account::default(), warnings)),
        Err(Stop::NotUtf8) => {
            return Ok(job.quarantined("the file is not UTF-8", &known, Account::default(), warnings));
        }
    };
    loop {
        job.clear()?;
        let mut pass = Pass::new(&job, &known);
        match pass.run(&parts) {
            Ok(()) => {}
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::NotUtf8) => {
                match detected(&parts) {
                    Ok(encodings) if encodings.len() > known.encodings.len() => known.encodings = encodings,
                    Ok(_) => {
                        let reason = "the file changed its encoding while it was read; send it again".to_string();
                        return Ok(job.quarantined(&reason, &known, Account::default(), warnings));
                    }
                    Err(Stop::Failed(error)) => return Err(error),
                    Err(Stop::Refused(reason)) => {
                        return Ok(job.quarantined(&reason, &known, Account::default(), warnings));
                    }
                    Err(Stop::NotUtf8) => return Err(Error::bug("an encoding was detected and not used").at(&raw.key)),
                }
                continue;
            }
            Err(Stop::Refused(reason)) => {
                let account = finished(pass)?;
                return Ok(job.quarantined(&reason, &known, account, warnings));
            }
        }
        if let Some((part, names)) = pass.late.take() {
            known.learn_names(part, names);
            continue;
        }
        if !pass.mixed.is_empty() {
            known.mixed.extend(std::mem::take(&mut pass.mixed));
            continue;
        }
        if matches!(known.period, Period::FromRows) {
            known.period = Period::Known(job.period_of_rows(&pass.account).or_else(|| job.empty_for(&pass.account)));
            continue;
        }
        let hashes = pass.hashes.take();
        let mut account = finished(pass)?;
        if let (Some(hashes), Some(staged)) = (hashes, &account.staged) {
            let judged = hashes.suspects(out_dir).and_then(|suspects| {
                if suspects.is_empty() { Ok(Vec::new()) } else { duplicates::judge(staged, contract, &suspects) }
            });
            match judged {
                Ok(drops) if drops.is_empty() => {}
                Ok(drops) => {
                    known.drops = Some(drops);
                    continue;
                }
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Refused(reason)) => return Ok(job.quarantined(&reason, &known, account, warnings)),
                Err(Stop::NotUtf8) => {}
            }
        }
        warnings.append(&mut account.warnings);
        return Ok(match job.over_limit(&account) {
            Some(reason) => job.quarantined(&reason, &known, account, warnings),
            None => job.accepted(&known, account, warnings),
        });
    }
}

#[cfg(test)]
mod tests;

//! Reads one fetched file by its contract and lays typed rows and refused rows into the lake.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncWriteExt, BufReader};

use super::Company;
use super::apart::{self, Reader};
use super::flow::{Arrival, Landed, Night, Staged, says_again};
use super::read_by::ReadBy;
use crate::config;
use crate::contract::Contract;
use crate::error::{Error, Result};
use crate::intake::{self, Outcome, RawFile, Spool};
use crate::sender::SenderFeed;
use crate::sha256::{sha256_hex, sha256_of};
use crate::state::record::{Input, InputStatus, Sighting, version_name};
use crate::store::{FileRef, Home, keys};
use crate::zone::Tz;

/// Bytes of a staged file that are read at once.
const READ_BYTES: usize = 256 * 1024;

/// How the files of one sender's feed are read, shared with the threads that read.
pub(super) struct Reading {
    mapping: SenderFeed,
    contract: Contract,
    pub(super) read_by: ReadBy,
    limits: config::Intake,
    zone: Tz,
    base_currency: String,
}

impl Reading {
    /// Sender and feed were found before, so that their lack is our fault.
    fn of(company: &Company, sender: &str, feed: &str) -> Result<Self> {
        let vanished = |what| move || Error::bug(format!("{what} vanished during the run"));
        let sender = company.senders.get(sender).ok_or_else(vanished("sender"))?;
        let mapping = sender.feeds.get(feed).ok_or_else(vanished("feed"))?;
        let contract = company.contracts.get(feed).ok_or_else(vanished("contract"))?;
        Ok(Self {
            read_by: ReadBy::of(mapping, contract, &company.config),
            mapping: mapping.clone(),
            contract: contract.clone(),
            limits: company.config.intake.clone(),
            zone: company.config.company.time_zone,
            base_currency: company.config.company.base_currency.clone(),
        })
    }
}

/// The readings of a night: each is worked out once, with the sender's first file.
#[derive(Default)]
pub(super) struct Readings(BTreeMap<(String, String), Arc<Reading>>);

impl Readings {
    /// That of `sender`'s `feed`.
    pub(super) fn of(&mut self, company: &Company, sender: &str, feed: &str) -> Result<Arc<Reading>> {
        let place = (sender.to_string(), feed.to_string());
        if let Some(known) = self.0.get(&place) {
            return Ok(Arc::clone(known));
        }
        let reading = Arc::new(Reading::of(company, sender, feed)?);
        Ok(Arc::clone(self.0.entry(place).or_insert(reading)))
    }
}

/// Stages `landed`. Bytes that were taken in before, by the same contract and mapping, are not read again.
pub(super) async fn stage(night: &Night<'_>, landed: Landed, reading: Arc<Reading>) -> Result<Staged> {
    let company = night.company;
    let Landed { arrival, content, folder, sha256 } = landed;
    let read_by = reading.read_by.clone();
    let fingerprint = read_by.rows.clone();
    let sighting = sighting(night, &arrival, &reading, &sha256);
    let named = sighting.named;
    let known = night.state.input(&sighting.id());
    let lost = known.map(|known| known.id()).filter(|id| night.damage.has_input(id));
    if lost.is_none() && known.is_some_and(|known| read_by.has_read(known)) {
        return Ok(Staged { sighting, input: None, reasons: BTreeMap::new(), told: None });
    }

    let raw = RawFile {
        sender: arrival.sender.clone(),
        feed: arrival.feed.clone(),
        key: arrival.key.clone(),
        content,
        bytes: arrival.bytes,
        version: version_name(&sighting.version()),
        last_modified: arrival.last_modified,
    };
    let scratch = folder.as_ref().map_or_else(std::env::temp_dir, |folder| folder.path().to_path_buf());
    let outcome = read(company, raw, reading, &scratch).await?;

    let mut told = None;
    if let (Some(id), Some(known)) = (&lost, known) {
        let found = night.damage.found(id);
        if read_by.has_read(known) && put_back(night, known, &outcome).await? {
            let told = format!("{}: its file in the lake {found}; it was read again and is what it was", arrival.key);
            return Ok(Staged { sighting, input: None, reasons: BTreeMap::new(), told: Some(told) });
        }
        told = Some(format!("{}: its file in the lake {found}; it was read again as it is read today", arrival.key));
    }
    // What counts today must not vanish because a mapping was broken.
    let counts = known.filter(|known| lost.is_none() && known.status.counts());
    if let (Some(reason), Some(known)) = (&outcome.quarantined, counts) {
        let kept = format!(
            "{} would be refused whole by the changed mapping, so its {} rows stay as they were read before: {reason}",
            arrival.key, known.rows_clean
        );
        return Ok(Staged { sighting, input: None, reasons: BTreeMap::new(), told: Some(kept) });
    }

    let mut input = Input {
        sender: arrival.sender,
        feed: arrival.feed,
        sha256,
        named,
        key: arrival.key,
        bytes: arrival.bytes,
        etag: arrival.etag,
        last_modified: arrival.last_modified,
        delivered_at: outcome.delivered_at.unwrap_or(arrival.last_modified),
        period_start: outcome.period_start,
        period_end: outcome.period_end,
        status: InputStatus::Active,
        reason: None,
        contract_fingerprint: fingerprint,
        run_id: night.run_id.clone(),
        rows_read: outcome.rows_read,
        rows_clean: outcome.rows_clean,
        rows_rejected: outcome.rows_rejected,
        warnings: outcome.warnings,
        drift: outcome.drift,
        staged: None,
        rejects: None,
        months: outcome.months,
        contents: outcome.contents,
        first_date: outcome.first_date,
        last_date: outcome.last_date,
        marks: outcome.marks,
        masked: Vec::new(),
        without: Vec::new(),
        resent_at: None,
        lost: false,
    };
    if known.is_none()
        && outcome.quarantined.is_none()
        && let Some(twin) = night
            .state
            .versions(&input.sender, &input.feed)
            .find(|other| says_again(other, &input) && read_by.has_read(other))
    {
        let sighting = Sighting { named: twin.named, ..sighting };
        return Ok(Staged { sighting, input: None, reasons: BTreeMap::new(), told: None });
    }
    // The same bytes under two names in one night are two uploads of which one will count: each has a key of its own.
    let maker = format!("{}-{}", night.run_id, &sha256_hex(input.key.as_bytes())[..8]);
    if let Some(reason) = outcome.quarantined {
        input.status = InputStatus::Quarantined;
        input.reason = Some(reason);
        // What the machine alone was the reason of is tried again by every run.
        input.contract_fingerprint = if outcome.passing { String::new() } else { read_by.refusal };
    } else if let Some(staged) = &outcome.staged {
        let key = keys::staged(&input.feed, &input.sender, &input.sha256, &input.contract_fingerprint, &maker);
        input.staged = Some(upload(night, key, staged, input.rows_clean).await?);
    }
    if let Some(rejects) = &outcome.rejects {
        let key = keys::rejects(&input.feed, &input.sender, &input.sha256, &input.contract_fingerprint, &maker);
        input.rejects = Some(upload(night, key, rejects, outcome.rejects_rows).await?);
    }
    Ok(Staged { sighting, input: Some(input), reasons: outcome.reasons, told })
}

/// Lays rows that were lost where they lay, if reading the file again gave the very bytes that the commit names.
async fn put_back(night: &Night<'_>, known: &Input, outcome: &Outcome) -> Result<bool> {
    let files = [(&known.staged, &outcome.staged), (&known.rejects, &outcome.rejects)];
    for (file, finished) in files {
        let again = match finished {
            Some(finished) => Some(hash_of(finished).await?),
            None => None,
        };
        if again.as_ref() != file.as_ref().map(|file| &file.sha256) {
            return Ok(false);
        }
    }
    let stores = &night.company.stores;
    for (file, finished) in files {
        if let (Some(file), Some(finished)) = (file, finished)
            && stores.of(file.home).check_hash(&file.key, &file.sha256).await.is_err()
        {
            let file = upload(night, file.key.clone(), finished, file.rows).await?;
            stores.sync(&[&file]).await?;
        }
    }
    Ok(true)
}

/// SHA-256 of finished rows.
async fn hash_of(finished: &Spool) -> Result<String> {
    let path = match finished {
        Spool::Memory(bytes) => return Ok(sha256_hex(bytes)),
        Spool::Disk(path) => path.clone(),
    };
    let hashed = tokio::task::spawn_blocking(move || sha256_of(&path)).await;
    Ok(hashed.map_err(|err| Error::bug("hashing was cut short").because(err))??)
}

/// The delivery of these bytes.
fn sighting(night: &Night<'_>, arrival: &Arrival, reading: &Reading, sha256: &str) -> Sighting {
    let delivered_at = intake::delivered_at(&reading.mapping, &arrival.key, arrival.last_modified, reading.zone);
    // The very object that was seen before goes by what it went by then.
    let mut seen = night.state.sightings_of(&arrival.sender, &arrival.feed, &arrival.key);
    let seen = seen.find(|seen| (seen.sha256.as_str(), seen.last_modified) == (sha256, arrival.last_modified));
    let named = match seen {
        Some(seen) => seen.named,
        None => intake::named(&reading.mapping, &reading.contract, &arrival.key, delivered_at, reading.zone),
    };
    Sighting {
        key: arrival.key.clone(),
        bytes: arrival.bytes,
        etag: arrival.etag.clone(),
        last_modified: arrival.last_modified,
        sender: arrival.sender.clone(),
        feed: arrival.feed.clone(),
        sha256: sha256.to_string(),
        delivered_at,
        named,
        outcome: String::new(),
        run_id: night.run_id.clone(),
        gone: false,
    }
}

/// Reads `raw` by its contract into files in `out`; no file, however bad, takes the night down with it.
pub(super) async fn read(company: &Company, raw: RawFile, reading: Arc<Reading>, out: &Path) -> Result<Outcome> {
    if let Reader::Apart { program, config } = &company.reader
        && let Spool::Disk(path) = &raw.content
        && intake::is_foreign(path)
    {
        let read = apart::read(program, config, &company.config, &raw, out).await;
        return read.map_err(|err| err.at(&raw.key));
    }
    let out = out.to_path_buf();
    let work = tokio::task::spawn_blocking(move || {
        let Reading { mapping, contract, limits, zone, base_currency, .. } = &*reading;
        intake::stage_file(&raw, mapping, contract, limits, *zone, base_currency, &out)
    });
    match work.await {
        Ok(outcome) => outcome,
        // It panicked.
        Err(_) => {
            Ok(Outcome::unreadable("the reader gave up on this file (it crashed); the file is damaged or hostile"))
        }
    }
}

/// Copies finished rows into the lake under a new key.
async fn upload(night: &Night<'_>, key: String, finished: &Spool, rows: u64) -> Result<FileRef> {
    let mut writer = night.company.stores.lake.writer(&key)?;
    let copied = match finished {
        Spool::Disk(path) => {
            // A file of tokio's goes to another thread for each read: few and large ones.
            let mut file = BufReader::with_capacity(READ_BYTES, tokio::fs::File::open(path).await?);
            tokio::io::copy_buf(&mut file, &mut writer).await.map(drop)
        }
        Spool::Memory(bytes) => writer.write_all(bytes).await,
    };
    if let Err(err) = copied {
        writer.abort().await?;
        return Err(Error::retry("a staged file could not be laid into the lake").at(key).because(err));
    }
    let (sha256, bytes) = writer.finish().await?;
    Ok(FileRef { home: Home::Lake, key, sha256, rows, bytes })
}

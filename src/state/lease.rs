//! The lease: who works on a lake. It only saves work, so that two runners do not compute the same night;
//! safety is the chain's. Each holder has an epoch, an object created once, and gives signs of life
//! beside it. A holder that is gone, or silent for too long, is replaced, and the new one first writes
//! a fence commit, so that the old one, should it only have been asleep, can commit nothing any more.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::chain::within;
use super::record::{Changes, Commit, CommitKind};
use super::{Chain, Draft, Options, State, nonce};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::sha256::sha256_hex;
use crate::store::{Put, Store, Stores, keys};

/// Older epochs whose objects are kept, so that a slow runner does not take one of them again.
const EPOCHS_KEPT: u64 = 8;

/// A lake held for writing: its chain, its state and the lease that allows to commit.
#[derive(Debug)]
pub struct Held {
    /// The chain.
    pub chain: Chain,
    /// The state after its newest commit.
    pub state: State,
    lease: Lease,
}

/// Takes the lake for `holder` (a text for people). Fails with [`Kind::Fenced`] while another one works.
pub async fn hold(stores: &Stores, options: &Options, clock: &Clock, holder: &str) -> Result<Held> {
    let (chain, mut state) = Chain::open(stores, options, clock).await?;
    let (lease, replaced) = Lease::take(&stores.lake, options, clock, holder, state.epoch).await?;
    chain.refresh(&mut state).await?;
    let mut held = Held { chain, state, lease };
    if let Some(replaced) = replaced {
        tracing::warn!(epoch = held.lease.epoch, replaced, "the last holder never let go; it is shut out");
        held.commit(CommitKind::Fence, holder, None, Changes::default()).await?;
    }
    Ok(held)
}

impl Held {
    /// The epoch of this holder.
    pub fn epoch(&self) -> u64 {
        self.lease.epoch
    }

    /// Fails once another runner has taken over: what is being computed will not be committed.
    pub fn check(&self) -> Result<()> {
        self.lease.check()
    }

    /// Makes changes true; see [`Chain::append`].
    pub async fn commit(
        &mut self,
        kind: CommitKind,
        run_id: &str,
        logical_date: Option<NaiveDate>,
        changes: Changes,
    ) -> Result<Commit> {
        self.lease.check()?;
        let draft = Draft { kind, run_id: run_id.to_string(), epoch: Some(self.lease.epoch), logical_date, changes };
        self.chain.append(&mut self.state, draft).await
    }

    /// Lets the next runner in at once. Without it, it must find out that this one is gone.
    pub async fn release(self) -> Result<()> {
        self.lease.release().await
    }
}

/// Who took an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    epoch: u64,
    nonce: String,
    /// What it does, for people.
    work: String,
    process: Option<Process>,
    taken_at: DateTime<Utc>,
}

/// The newest sign of life of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Beat {
    nonce: String,
    at: DateTime<Utc>,
    released: bool,
}

/// A process, so that its end is seen at once from the same machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Process {
    /// Hash of the machine's start and the space in which process numbers count.
    place: String,
    number: u32,
    /// When it started, in the machine's own ticks: numbers are used again.
    started: String,
}

/// Leases alive in this process.
static ALIVE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn alive<T>(work: impl FnOnce(&mut BTreeSet<String>) -> T) -> T {
    work(&mut ALIVE.lock().unwrap_or_else(PoisonError::into_inner))
}

#[derive(Debug)]
struct Lease {
    lake: Store,
    clock: Clock,
    answer_within: Duration,
    epoch: u64,
    nonce: String,
    lost: Arc<AtomicBool>,
    beats: tokio::task::JoinHandle<()>,
}

impl Lease {
    /// Takes the next epoch, greater than any lease and than `committed`. Gives the text of the holder
    /// that was replaced without having let go, if there was one.
    async fn take(
        lake: &Store,
        options: &Options,
        clock: &Clock,
        holder: &str,
        committed: u64,
    ) -> Result<(Self, Option<String>)> {
        let mut attempt = 0;
        loop {
            match Self::try_take(lake, options, clock, holder, committed).await {
                Err(err) if err.kind() == Kind::Retry && attempt < options.retry.retries => {
                    attempt += 1;
                    tokio::time::sleep(options.retry.pause(attempt)).await;
                }
                done => return done,
            }
        }
    }

    async fn try_take(
        lake: &Store,
        options: &Options,
        clock: &Clock,
        holder: &str,
        committed: u64,
    ) -> Result<(Self, Option<String>)> {
        let listed = within(options.answer_within, lake.list(keys::LEASES)).await?;
        let epochs: Vec<u64> = listed.iter().filter_map(|object| keys::lease_epoch(&object.key)).collect();
        let newest = epochs.iter().copied().max().unwrap_or(0);
        let replaced = match newest {
            0 => None,
            epoch => Self::ended(lake, options, clock, epoch).await?,
        };
        let epoch = newest.max(committed) + 1;
        let own =
            Holder { epoch, nonce: nonce(), work: holder.to_string(), process: Process::own(), taken_at: clock.now() };
        let key = keys::lease(epoch);
        let bytes = serde_json::to_vec(&own)?;
        let put = within(options.answer_within, lake.put_new(&key, bytes)).await;
        if !matches!(put, Ok(Put::Created)) {
            // A lost reply makes our own lease look foreign: what lies there decides.
            let found = within(options.answer_within, lake.get_if_exists(&key)).await?;
            match found.map(|bytes| serde_json::from_slice::<Holder>(&bytes)).transpose()? {
                Some(found) if found.nonce == own.nonce => {}
                Some(found) => return Err(held_by(&found, found.taken_at)),
                None => return Err(put.err().unwrap_or_else(|| Error::retry("the lease could not be written"))),
            }
        }
        for old in epochs.into_iter().filter(|old| old + EPOCHS_KEPT < epoch) {
            for key in [keys::lease_beat(old), keys::lease(old)] {
                if let Err(err) = within(options.answer_within, lake.delete(&key)).await {
                    tracing::debug!(key, error = %err.one_line(), "old lease stays");
                }
            }
        }
        alive(|leases| leases.insert(own.nonce.clone()));
        let lost = Arc::new(AtomicBool::new(false));
        let beats = tokio::spawn(beat_on(lake.clone(), options.clone(), clock.clone(), own.clone(), Arc::clone(&lost)));
        let lease = Self {
            lake: lake.clone(),
            clock: clock.clone(),
            answer_within: options.answer_within,
            epoch,
            nonce: own.nonce,
            lost,
            beats,
        };
        Ok((lease, replaced))
    }

    /// Nothing when the holder of `epoch` has let go, its text when it is gone or silent for too long,
    /// an error while it works.
    async fn ended(lake: &Store, options: &Options, clock: &Clock, epoch: u64) -> Result<Option<String>> {
        let Some(bytes) = within(options.answer_within, lake.get_if_exists(&keys::lease(epoch))).await? else {
            return Ok(None);
        };
        // A lease that cannot be read was half written by a holder that died of it.
        let Ok(holder) = serde_json::from_slice::<Holder>(&bytes) else {
            return Ok(Some(format!("epoch {epoch}")));
        };
        let beat = within(options.answer_within, lake.get_if_exists(&keys::lease_beat(epoch))).await?;
        let beat = beat.and_then(|bytes| serde_json::from_slice::<Beat>(&bytes).ok());
        let beat = beat.filter(|beat| beat.nonce == holder.nonce);
        if beat.as_ref().is_some_and(|beat| beat.released) {
            return Ok(None);
        }
        let seen = beat.map_or(holder.taken_at, |beat| beat.at);
        let patience = TimeDelta::from_std(options.lease).unwrap_or(TimeDelta::MAX);
        // A sign of life far in the future comes from a clock that was wrong, and does not count either.
        let silent = (clock.now() - seen).abs() > patience;
        if silent || holder.process.as_ref().is_some_and(|process| process.is_gone(&holder.nonce)) {
            return Ok(Some(holder.work));
        }
        Err(held_by(&holder, seen))
    }

    fn check(&self) -> Result<()> {
        if self.lost.load(Ordering::SeqCst) {
            return Err(Error::fenced(format!("another runner has taken over from epoch {}", self.epoch))
                .at(keys::lease(self.epoch + 1))
                .hint("nothing is lost: the other runner's result stands; see `tributary runs`"));
        }
        Ok(())
    }

    async fn release(self) -> Result<()> {
        self.beats.abort();
        let beat = Beat { nonce: self.nonce.clone(), at: self.clock.now(), released: true };
        let bytes = serde_json::to_vec(&beat)?;
        within(self.answer_within, self.lake.put(&keys::lease_beat(self.epoch), bytes)).await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.beats.abort();
        alive(|leases| leases.remove(&self.nonce));
    }
}

fn held_by(holder: &Holder, seen: DateTime<Utc>) -> Error {
    Error::fenced(format!(
        "another runner holds this lake: {} (epoch {}), last sign of life {}",
        holder.work,
        holder.epoch,
        seen.format("%Y-%m-%d %H:%M:%S UTC")
    ))
    .at(keys::lease(holder.epoch))
    .hint("wait until it has ended; if it has died, it may be replaced run.lease_seconds after its last sign of life")
}

/// Gives signs of life three times within the lease, and notices a greater epoch.
async fn beat_on(lake: Store, options: Options, clock: Clock, own: Holder, lost: Arc<AtomicBool>) {
    let pause = (options.lease / 3).max(Duration::from_millis(1));
    loop {
        tokio::time::sleep(pause).await;
        let overtaken = within(options.answer_within, lake.exists(&keys::lease(own.epoch + 1))).await;
        if matches!(overtaken, Ok(true)) {
            lost.store(true, Ordering::SeqCst);
            return;
        }
        let beat = Beat { nonce: own.nonce.clone(), at: clock.now(), released: false };
        let bytes = match serde_json::to_vec(&beat) {
            Ok(bytes) => bytes,
            Err(err) => return tracing::error!(%err, "no sign of life can be written"),
        };
        // Missing a beat is no reason to stop: the next one may come through, and the chain decides.
        if let Err(err) = within(options.answer_within, lake.put(&keys::lease_beat(own.epoch), bytes)).await {
            tracing::warn!(error = %err.one_line(), "sign of life could not be written");
        }
    }
}

impl Process {
    /// This process, where the system tells (Linux).
    fn own() -> Option<Self> {
        let number = std::process::id();
        Some(Self { place: place()?, number, started: started(number)? })
    }

    /// Whether it has certainly ended, or is this one and has dropped its lease.
    fn is_gone(&self, nonce: &str) -> bool {
        let Some(own) = Self::own() else { return false };
        if *self == own {
            return !alive(|leases| leases.contains(nonce));
        }
        self.place == own.place && started(self.number).as_ref() != Some(&self.started)
    }
}

/// The machine since its start, and the container's space of process numbers.
fn place() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(sha256_hex(format!("{} {}", boot.trim(), space.display()).as_bytes())[..16].to_string())
}

/// Start of a process in ticks: the 22nd field of its `stat`, counted after the name in brackets.
fn started(number: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    after_name.split_whitespace().nth(19).map(str::to_string)
}

#[cfg(test)]
mod tests;

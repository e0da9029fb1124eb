//! The commit chain: the only point where a night becomes true. A commit is one object created once
//! under the next number; it names the hash of the one before, so that history cannot be changed
//! unseen. The object store's "create if absent" decides between writers, nothing else does.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt};

use super::record::{Changes, CheckpointRef, Commit, CommitKind};
use super::{Options, State, checkpoint, nonce};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::sha256::sha256_hex;
use crate::store::{FileRef, Put, Store, Stores, keys};

/// What somebody wants to become true.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Kind.
    pub kind: CommitKind,
    /// Run, or who else writes it.
    pub run_id: String,
    /// Epoch of the writer's lease; none for silences and frozen periods, which need no lease.
    pub epoch: Option<u64>,
    /// As-of date of the run.
    pub logical_date: Option<NaiveDate>,
    /// What changes.
    pub changes: Changes,
}

/// Appends to the chain of one lake.
#[derive(Debug)]
pub struct Chain {
    stores: Stores,
    options: Options,
    clock: Clock,
    checkpoint: Option<CheckpointRef>,
}

impl Chain {
    /// Reads the chain: the newest checkpoint, then every commit after it, each checked against the
    /// hash that its successor names.
    pub async fn open(stores: &Stores, options: &Options, clock: &Clock) -> Result<(Self, State)> {
        let mut chain =
            Self { stores: stores.clone(), options: options.clone(), clock: clock.clone(), checkpoint: None };
        let newest = chain.newest().await?;
        let mut state = State::new(options.keep);
        if newest > 0 {
            let (head, _) = chain.read(newest).await?;
            if let Some(named) = head.checkpoint {
                match checkpoint::load(&stores.lake, &named, options.keep).await {
                    Ok(folded) => {
                        state = folded;
                        chain.checkpoint = Some(named);
                    }
                    // The commits are all there, so a lost checkpoint costs time and nothing else.
                    Err(err) if err.kind() == Kind::Input => {
                        tracing::warn!(key = named.key, error = %err.one_line(), "checkpoint unusable, all commits are read");
                    }
                    Err(err) => return Err(err),
                }
            }
        }
        chain.catch_up(&mut state, newest).await?;
        Ok((chain, state))
    }

    /// The checkpoint that the next commit will name.
    pub fn checkpoint(&self) -> Option<&CheckpointRef> {
        self.checkpoint.as_ref()
    }

    /// Folds commits that others have appended since, and says whether there were any.
    pub async fn refresh(&self, state: &mut State) -> Result<bool> {
        let before = state.number;
        let newest = self.newest().await?;
        self.catch_up(state, newest).await?;
        Ok(state.number > before)
    }

    /// Makes the draft true, or says why not. `state` is the state it was made from, and afterwards
    /// holds it. Files named by the draft are made safe against power loss first.
    ///
    /// * Another runner's commit in the way ends in [`Kind::Fenced`]: nothing of the draft is true.
    /// * Silences and frozen periods in the way are folded in and the next number is taken.
    /// * After any other error the draft may or may not be true; the next start reads the truth.
    pub async fn append(&mut self, state: &mut State, draft: Draft) -> Result<Commit> {
        if state.number == 0 {
            self.try_store().await?;
        }
        self.stores.sync(&fresh_files(state, &draft.changes)).await?;
        self.write_checkpoint_if_due(state).await;
        let nonce = nonce();
        loop {
            if draft.epoch.is_some_and(|epoch| epoch < state.epoch) {
                return Err(fenced(state.number, state.epoch));
            }
            let commit = Commit {
                number: state.number + 1,
                epoch: draft.epoch.unwrap_or(state.epoch),
                kind: draft.kind,
                run_id: draft.run_id.clone(),
                nonce: nonce.clone(),
                logical_date: draft.logical_date,
                written_at: self.clock.now(),
                previous_sha256: state.head_sha256.clone(),
                checkpoint: self.checkpoint.clone(),
                changes: draft.changes.clone(),
            };
            let bytes = encode(&commit)?;
            match self.create(&commit, &bytes).await? {
                Outcome::Ours(bytes) => {
                    let (written, sha256) = check(state, commit.number, &bytes)?;
                    state.apply(written.clone(), sha256);
                    return Ok(written);
                }
                Outcome::Theirs(bytes) => {
                    let (theirs, sha256) = check(state, commit.number, &bytes)?;
                    let (number, epoch) = (theirs.number, theirs.epoch);
                    let passes = goes_on_after(&draft, &theirs);
                    state.apply(theirs, sha256);
                    if !passes {
                        return Err(fenced(number, epoch));
                    }
                }
            }
        }
    }

    /// Before the first commit: a store that lets a key be created twice is refused.
    async fn try_store(&self) -> Result<()> {
        let mut attempt = 0;
        loop {
            let error = match self.within(self.stores.lake.check_create_once(&nonce())).await {
                Err(err) if err.kind() == Kind::Retry => err,
                done => return done,
            };
            attempt += 1;
            if attempt > self.options.retry.retries {
                return Err(error);
            }
            tokio::time::sleep(self.options.retry.pause(attempt)).await;
        }
    }

    /// Creates the commit's object. An error alone says nothing: what lies there decides.
    async fn create(&self, commit: &Commit, bytes: &Bytes) -> Result<Outcome> {
        let key = keys::commit(commit.number);
        let mut attempt = 0;
        loop {
            let put = self.within(self.stores.lake.put_new(&key, bytes.clone())).await;
            let error = match put {
                Ok(Put::Created) => return Ok(Outcome::Ours(bytes.clone())),
                // A conflict of two writers is said like a taken key, though nothing may be there.
                Ok(Put::Exists) => Error::retry("the store says the commit exists, but it does not"),
                Err(err) => err,
            };
            if let Some(found) = self.read_back(&key).await.map_err(|err| unknown(&key, &err))? {
                let theirs: Commit = decode(&key, &found)?;
                return Ok(if theirs.nonce == commit.nonce { Outcome::Ours(found) } else { Outcome::Theirs(found) });
            }
            attempt += 1;
            if error.kind() != Kind::Retry || attempt > self.options.retry.retries {
                return Err(error.at(&key));
            }
            tracing::debug!(key, attempt, error = %error.one_line(), "commit is tried again");
            tokio::time::sleep(self.options.retry.pause(attempt)).await;
        }
    }

    /// What lies under the key, asked again while the store does not answer.
    async fn read_back(&self, key: &str) -> Result<Option<Bytes>> {
        let mut attempt = 0;
        loop {
            let error = match self.within(self.stores.lake.get_if_exists(key)).await {
                Err(err) if err.kind() == Kind::Retry => err,
                answer => return answer,
            };
            attempt += 1;
            if attempt > self.options.retry.retries {
                return Err(error);
            }
            tokio::time::sleep(self.options.retry.pause(attempt)).await;
        }
    }

    /// Number of the newest commit. A gap means that history was lost.
    async fn newest(&self) -> Result<u64> {
        let mut attempt = 0;
        let listed = loop {
            match self.within(self.stores.lake.list(keys::COMMITS)).await {
                Err(err) if err.kind() == Kind::Retry && attempt < self.options.retry.retries => attempt += 1,
                listed => break listed?,
            }
            tokio::time::sleep(self.options.retry.pause(attempt)).await;
        };
        let mut numbers: Vec<u64> = listed.iter().filter_map(|object| keys::commit_number(&object.key)).collect();
        numbers.sort_unstable();
        match numbers.iter().zip(1..).find(|(found, expected)| **found != *expected) {
            Some((_, missing)) => {
                Err(Error::input(format!("commit {missing} is missing, though later ones are there"))
                    .at(keys::commit(missing))
                    .hint("restore the object from a copy; commits are never deleted by tributary"))
            }
            None => Ok(numbers.len() as u64),
        }
    }

    /// Reads and folds the commits after the state's own, up to `newest`.
    async fn catch_up(&self, state: &mut State, newest: u64) -> Result<()> {
        let wanted = state.number + 1..=newest;
        let mut commits = futures::stream::iter(wanted).map(|number| self.read(number)).buffered(16);
        while let Some((commit, sha256)) = commits.try_next().await? {
            let commit = follows(state, commit)?;
            state.apply(commit, sha256);
        }
        Ok(())
    }

    async fn read(&self, number: u64) -> Result<(Commit, String)> {
        let key = keys::commit(number);
        let Some(bytes) = self.read_back(&key).await? else {
            return Err(Error::input("the commit is missing").at(key).hint("restore the object from a copy"));
        };
        Ok((decode(&key, &bytes)?, sha256_hex(&bytes)))
    }

    /// Folds the chain into a checkpoint when it is time. The next commit names it; failing costs
    /// later starts some time and nothing else.
    async fn write_checkpoint_if_due(&mut self, state: &State) {
        let folded = self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.number);
        if state.number.saturating_sub(folded) < self.options.checkpoint_every {
            return;
        }
        match self.within(checkpoint::save(&self.stores.lake, state)).await {
            Ok(named) => self.checkpoint = Some(named),
            Err(err) => tracing::warn!(error = %err.one_line(), "checkpoint could not be written"),
        }
    }

    /// A request that never answers is an error like any other.
    async fn within<T>(&self, request: impl Future<Output = Result<T>>) -> Result<T> {
        within(self.options.answer_within, request).await
    }
}

/// Moves the newest commit out of the chain if it cannot be read, and says where to. What it made true is so no more:
/// the next run does that night again.
pub async fn set_newest_aside(lake: &Store) -> Result<Option<String>> {
    let listed = lake.list(keys::COMMITS).await?;
    let Some(newest) = listed.iter().filter_map(|object| keys::commit_number(&object.key)).max() else {
        return Ok(None);
    };
    let key = keys::commit(newest);
    let bytes = lake.get(&key).await?;
    if decode(&key, &bytes).is_ok() {
        return Ok(None);
    }
    let aside = keys::commit_aside(newest, &nonce());
    lake.put(&aside, bytes).await?;
    lake.delete(&key).await?;
    Ok(Some(aside))
}

/// Waits for an answer of the store, but not for ever.
pub(super) async fn within<T>(limit: Duration, request: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(limit, request)
        .await
        .map_err(|_| Error::retry(format!("the store did not answer for {} s", limit.as_secs_f64())))?
}

enum Outcome {
    Ours(Bytes),
    Theirs(Bytes),
}

/// Whether a draft stays valid when another commit took its number.
fn goes_on_after(draft: &Draft, theirs: &Commit) -> bool {
    let side = matches!(theirs.kind, CommitKind::Silence | CommitKind::Frozen);
    match draft.kind {
        // These stand beside any run.
        CommitKind::Silence | CommitKind::Frozen => true,
        // The door is shut on older epochs, so whatever they still committed comes before it.
        CommitKind::Fence => side || draft.epoch.is_some_and(|epoch| theirs.epoch < epoch),
        // A run was computed from the state before; only what does not touch it may come between.
        CommitKind::Run | CommitKind::Failed | CommitKind::SetAside => {
            side && draft.epoch.is_some_and(|epoch| theirs.epoch <= epoch)
        }
    }
}

fn fenced(number: u64, epoch: u64) -> Error {
    Error::fenced(format!("another runner (epoch {epoch}) has committed {number}, so this run is not published"))
        .at(keys::commit(number))
        .hint("nothing is lost: the other runner's result stands; see `tributary runs`")
}

fn unknown(key: &str, err: &Error) -> Error {
    Error::retry("it is not known whether the commit was written: the store answers neither writes nor reads")
        .at(key)
        .hint("run again when the store is back: the chain itself says what is true")
        .because(err.one_line())
}

/// What a commit's own hash stands behind: its last member, so that the newest commit, whose hash no successor names
/// yet, tells by itself that it was cut or changed.
const SEAL: &str = ",\"sha256\":\"";
/// What follows the hash.
const SEAL_END: &str = "\"}\n";
/// Characters of the hash.
const SEAL_DIGITS: usize = 64;

fn encode(commit: &Commit) -> Result<Bytes> {
    let mut bytes = serde_json::to_vec(commit)?;
    let sha256 = sha256_hex(&bytes);
    bytes.pop();
    bytes.extend_from_slice(format!("{SEAL}{sha256}{SEAL_END}").as_bytes());
    Ok(bytes.into())
}

pub(super) fn decode(key: &str, bytes: &[u8]) -> Result<Commit> {
    let damaged = || Error::input("the commit was cut or changed after it was written").at(key).hint(WAY_OUT);
    let commit = serde_json::from_slice(bytes).map_err(|err| damaged().because(err))?;
    match sealed(bytes) {
        Some((whole, sha256)) if sha256_hex(&whole) != sha256 => Err(damaged()),
        // Commits without a hash of their own were written before there was one.
        _ => Ok(commit),
    }
}

/// Refuses the bytes of a commit that was cut or changed.
pub fn check_whole(key: &str, bytes: &[u8]) -> Result<()> {
    decode(key, bytes).map(drop)
}

/// A commit as it was before it was sealed, and the hash that it was given.
fn sealed(bytes: &[u8]) -> Option<(Vec<u8>, &str)> {
    let rest = bytes.strip_suffix(SEAL_END.as_bytes())?;
    let at = rest.len().checked_sub(SEAL_DIGITS)?;
    let whole = rest[..at].strip_suffix(SEAL.as_bytes())?;
    Some(([whole, b"}"].concat(), std::str::from_utf8(&rest[at..]).ok()?))
}

/// What can be done about a commit that is damaged.
const WAY_OUT: &str = "restore state/commits from a copy; if it is the newest one: `tributary verify --repair` falls back to the \
                       commit before it, and the next run does that night again";

/// A commit just written or met, read back from its bytes so that memory and replay agree.
fn check(state: &State, number: u64, bytes: &[u8]) -> Result<(Commit, String)> {
    let commit = follows(state, decode(&keys::commit(number), bytes)?)?;
    Ok((commit, sha256_hex(bytes)))
}

/// Refuses a commit that does not stand on the state.
fn follows(state: &State, commit: Commit) -> Result<Commit> {
    let expected = state.number + 1;
    let key = keys::commit(expected);
    let broken = |what: String| {
        Error::input(what)
            .at(&key)
            .hint("an object of the chain was changed after it was written; restore state/commits from a copy")
    };
    if commit.number != expected {
        return Err(broken(format!("it calls itself commit {}; expected {expected}", commit.number)));
    }
    if commit.previous_sha256 != state.head_sha256 {
        let shown = |sha256: &Option<String>| sha256.clone().unwrap_or_else(|| "nothing".into());
        return Err(broken(format!(
            "it follows a commit {} whose bytes hash to {}; those there hash to {}",
            state.number,
            shown(&commit.previous_sha256),
            shown(&state.head_sha256)
        )));
    }
    if commit.epoch < state.epoch {
        return Err(broken(format!("its epoch is {}; expected at least {}", commit.epoch, state.epoch)));
    }
    Ok(commit)
}

/// The objects that a commit names first. Those that were named before lie there already, or are lost, which is no
/// reason not to commit what is known of them.
fn fresh_files<'a>(state: &State, changes: &'a Changes) -> Vec<&'a FileRef> {
    let known = changes.inputs.iter().filter_map(|input| state.input(&input.id()));
    let rows = known.flat_map(|input| input.staged.iter().chain(&input.rejects));
    let made = state.partitions().chain(state.remembered()).filter_map(|made| made.file.as_ref());
    let held: BTreeSet<&str> = rows.chain(made).map(|file| file.key.as_str()).collect();
    files(changes).into_iter().filter(|file| !held.contains(file.key.as_str())).collect()
}

/// The objects that a commit is about to name.
pub(super) fn files(changes: &Changes) -> Vec<&FileRef> {
    let inputs = changes.inputs.iter().flat_map(|input| input.staged.iter().chain(&input.rejects));
    inputs.chain(changes.partitions.iter().filter_map(|made| made.file.as_ref())).collect()
}

#[cfg(test)]
mod tests;

//! What of lake and marts is not as the commits say: lost, cut or changed since it was written.
//!
//! Every night glances at all of it: a listing tells what is lost or has another size, and what was touched since the
//! last run ended is read and its hash taken. Bits that rot unseen are found by who reads them (a night that fails looks
//! at everything before it gives up) or by `verify`, which always does. Whoever finds it, it is mended in one way: lost
//! rows are read from the inbox again, lost partitions built again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};

use super::Company;
use crate::error::{Error, Kind, Result};
use crate::state::State;
use crate::state::record::{InputId, InputStatus};
use crate::store::{FileRef, Home, Object, keys};

/// Files read at the same time.
const FILES_AT_ONCE: usize = 8;

/// How closely is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Size of everything a night reads, and the hash of what was touched since the last run ended.
    Glance,
    /// The hash of everything.
    Whole,
}

/// Whose file it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    /// Typed rows of an input.
    Staged(InputId),
    /// Its refused rows.
    Rejects(InputId),
    /// A model's partition.
    Partition(String, String),
}

/// One file that is not as its commit says.
#[derive(Debug, Clone)]
pub(super) struct Damaged {
    pub(super) of: Of,
    pub(super) file: FileRef,
    /// What was found instead.
    pub(super) found: String,
}

/// All that was found.
#[derive(Debug, Clone, Default)]
pub(super) struct Damage {
    pub(super) files: Vec<Damaged>,
    /// Inputs of which some rows are lost: they are read again.
    inputs: BTreeSet<InputId>,
    /// Partitions that are built again.
    partitions: BTreeSet<(String, String)>,
}

impl Damage {
    /// Nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Some rows of the input are lost.
    pub(super) fn has_input(&self, id: &InputId) -> bool {
        self.inputs.contains(id)
    }

    /// The partition is lost.
    pub(super) fn has_partition(&self, model: &str, partition: &str) -> bool {
        self.partitions.contains(&(model.to_string(), partition.to_string()))
    }

    /// Inputs of which some rows are lost.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &InputId> {
        self.inputs.iter()
    }

    /// What was found of an input, in words; for its refused rows only where nothing else is lost.
    pub(super) fn found(&self, id: &InputId) -> &str {
        let of = |damaged: &&Damaged| matches!(&damaged.of, Of::Staged(own) | Of::Rejects(own) if own == id);
        self.files.iter().filter(of).min_by_key(|damaged| &damaged.of).map_or("is lost", |damaged| &damaged.found)
    }

    /// The typed rows themselves are lost.
    pub(super) fn has_staged(&self, id: &InputId) -> bool {
        self.files.iter().any(|damaged| matches!(&damaged.of, Of::Staged(own) if own == id))
    }

    /// What `wanted` says of whom it belongs to.
    pub(super) fn only(self, wanted: impl Fn(&Of) -> bool) -> Self {
        Self::of(self.files.into_iter().filter(|damaged| wanted(&damaged.of)).collect())
    }

    /// Whether all of `other` is known here.
    pub(super) fn holds(&self, other: &Self) -> bool {
        let known: BTreeSet<&str> = self.files.iter().map(|damaged| damaged.file.key.as_str()).collect();
        other.files.iter().all(|damaged| known.contains(damaged.file.key.as_str()))
    }

    fn of(files: Vec<Damaged>) -> Self {
        let (mut inputs, mut partitions) = (BTreeSet::new(), BTreeSet::new());
        for damaged in &files {
            match &damaged.of {
                Of::Staged(id) | Of::Rejects(id) => drop(inputs.insert(id.clone())),
                Of::Partition(model, partition) => drop(partitions.insert((model.clone(), partition.clone()))),
            }
        }
        Self { files, inputs, partitions }
    }
}

/// Compares what the commits name with what lies there. Partitions that only a night before read are left out: they are
/// kept a week for readers that still have them open, and nothing is made of them.
pub(super) async fn survey(company: &Company, state: &State, look: Look) -> Result<Damage> {
    let mut files = Vec::new();
    for home in [Home::Lake, Home::Marts] {
        let wanted: Vec<(Of, &FileRef)> =
            named(company, state, look).into_iter().filter(|(_, file)| file.home == home).collect();
        if wanted.is_empty() {
            continue;
        }
        let there = There::list(company, home).await?;
        let store = company.stores.of(home);
        let seen = wanted.into_iter().map(|(of, file)| {
            let (found, read) = there.compare(file, look);
            async move {
                let found = match found {
                    None if read => altered(store.check_hash(&file.key, &file.sha256).await)?,
                    found => found,
                };
                Ok::<_, Error>(found.map(|found| Damaged { of, file: file.clone(), found }))
            }
        });
        let seen: Vec<Option<Damaged>> =
            futures::stream::iter(seen.collect::<Vec<_>>()).buffered(FILES_AT_ONCE).try_collect().await?;
        files.extend(seen.into_iter().flatten());
    }
    Ok(Damage::of(files))
}

/// What is wrong with an object whose hash was taken; an `Err` where the store does not answer.
pub(super) fn altered(checked: Result<()>) -> Result<Option<String>> {
    match checked {
        Ok(()) => Ok(None),
        // Which hashes, nobody can do anything with.
        Err(err) if err.kind() == Kind::Input => Ok(Some("was damaged or changed after it was written".to_string())),
        Err(err) => Err(err),
    }
}

/// What the commits name, of which a night reads all but what is superseded. Of a model that is no more nobody reads
/// anything.
fn named<'a>(company: &Company, state: &'a State, look: Look) -> Vec<(Of, &'a FileRef)> {
    let mut files = Vec::new();
    for input in state.inputs() {
        if let Some(staged) = &input.staged
            && (look == Look::Whole || input.status == InputStatus::Active)
        {
            files.push((Of::Staged(input.id()), staged));
        }
        files.extend(input.rejects.as_ref().map(|rejects| (Of::Rejects(input.id()), rejects)));
    }
    for made in state.partitions().filter(|made| company.registry.get(&made.model).is_some()) {
        let of = Of::Partition(made.model.clone(), made.partition.clone());
        files.extend(made.file.as_ref().map(|file| (of, file)));
    }
    files
}

/// What lies in one store.
struct There {
    objects: BTreeMap<String, Object>,
    /// When the last run ended, by the store's own clock: nothing that a commit names was written after that.
    ended: Option<DateTime<Utc>>,
}

impl There {
    async fn list(company: &Company, home: Home) -> Result<Self> {
        let store = company.stores.of(home);
        let (folders, last): (&[&str], _) = match home {
            Home::Lake => (&["staged", "rejects", "models"], keys::AFTERWARDS),
            Home::Marts => (&[""], keys::LATEST_RUN),
        };
        let mut objects = BTreeMap::new();
        for folder in folders {
            objects.extend(store.list(folder).await?.into_iter().map(|object| (object.key.clone(), object)));
        }
        let ended = if store.exists(last).await? { Some(store.head(last).await?.last_modified) } else { None };
        Ok(Self { objects, ended })
    }

    /// What a listing says is wrong, and whether the bytes must be read to know more.
    fn compare(&self, file: &FileRef, look: Look) -> (Option<String>, bool) {
        let Some(object) = self.objects.get(&file.key) else { return (Some("is not there".into()), false) };
        if object.size != file.bytes {
            return (Some(format!("has {} bytes; {} were written", object.size, file.bytes)), false);
        }
        let touched = self.ended.is_none_or(|ended| object.last_modified > ended);
        (None, look == Look::Whole || touched)
    }
}

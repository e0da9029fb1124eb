//! Removes what nothing names any more: files of runs that died, partitions that were replaced, mails
//! whose time is over. Commits are never deleted, nor anything that we did not write: a key must read exactly like one
//! of ours, and its sender or model be known from the commits.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chrono::{DateTime, Days, Utc};

use super::{Chain, Options, State};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::keys::ours::{self, Ours};
use crate::store::{Home, Object, Stores};

/// What was, or would be, removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Keys in the lake.
    pub lake: Vec<String>,
    /// Keys in the marts.
    pub marts: Vec<String>,
    /// Leftovers of uploads that died, in folders.
    pub uploads: Vec<PathBuf>,
    /// Bytes of all objects.
    pub bytes: u64,
    /// Objects that stay because no commit knows of what wrote them.
    pub odd: u64,
    /// The first of them, each with its store.
    pub odd_shown: Vec<String>,
}

/// Odd objects that are named before the rest is counted.
const ODD_SHOWN: usize = 20;

/// The objects of a listing that no recent commit names and that are old enough, by key.
pub fn orphans<'a>(
    state: &State,
    home: Home,
    listing: &'a [Object],
    checkpoint: Option<&str>,
    options: &Options,
    now: DateTime<Utc>,
) -> Vec<&'a Object> {
    let named: BTreeSet<&str> =
        state.files().filter(|file| file.home == home).map(|file| file.key.as_str()).chain(checkpoint).collect();
    let data_before = days_before(now, options.keep.orphans_days);
    let mails_before = days_before(now, options.keep.mails_days);
    let expired = |object: &&Object| {
        let limit = match known(state, home, &object.key) {
            None | Some(Ours::Standing) => return false,
            Some(Ours::Mail) => mails_before,
            Some(Ours::Rows { .. } | Ours::Partition { .. } | Ours::Cache) => data_before,
        };
        object.last_modified < limit && !named.contains(object.key.as_str())
    };
    listing.iter().filter(expired).collect()
}

/// What a key holds, where we wrote it: it reads like a key of ours, and the commits know its sender or model.
fn known<'a>(state: &State, home: Home, key: &'a str) -> Option<Ours<'a>> {
    let ours = match home {
        Home::Lake => ours::in_lake(key),
        Home::Marts => ours::in_marts(key),
    };
    ours.filter(|ours| match ours {
        Ours::Rows { feed, sender } => state.versions(sender, feed).next().is_some(),
        Ours::Partition { model } => state.has_built(model),
        Ours::Cache | Ours::Mail | Ours::Standing => true,
    })
}

/// Removes orphans of lake and marts, expired mails and leftovers of uploads; with `dry`, only says
/// what it would remove. The caller holds the lake.
pub async fn clean(
    stores: &Stores,
    chain: &Chain,
    state: &State,
    options: &Options,
    clock: &Clock,
    dry: bool,
) -> Result<Cleaned> {
    if state.number == 0 {
        return Err(Error::config("this lake has no commits, so nothing tells what may be removed")
            .at(&stores.lake)
            .hint("check stores.lake in config.toml"));
    }
    let now = clock.now();
    let mut cleaned = Cleaned::default();
    for home in [Home::Lake, Home::Marts] {
        let store = stores.of(home);
        let listing = store.list("").await?;
        if home == Home::Marts {
            refuse_foreign_marts(stores, state, &listing)?;
        }
        for object in listing.iter().filter(|object| known(state, home, &object.key).is_none()) {
            cleaned.odd += 1;
            if cleaned.odd_shown.len() < ODD_SHOWN {
                cleaned.odd_shown.push(format!("{store}: {}", object.key));
            }
        }
        let checkpoint = chain.checkpoint().map(|named| named.key.as_str());
        for orphan in orphans(state, home, &listing, checkpoint, options, now) {
            if !dry {
                store.delete(&orphan.key).await?;
            }
            cleaned.bytes += orphan.size;
            match home {
                Home::Lake => cleaned.lake.push(orphan.key.clone()),
                Home::Marts => cleaned.marts.push(orphan.key.clone()),
            }
        }
        let uploads_before = days_before(now, options.keep.orphans_days);
        for (path, key, modified) in store.unfinished_uploads().await? {
            if modified < uploads_before && known(state, home, &key).is_some() {
                if !dry {
                    std::fs::remove_file(&path).map_err(|err| Error::from(err).at(path.display()))?;
                }
                cleaned.uploads.push(path);
            }
        }
    }
    Ok(cleaned)
}

/// Marts that hold none of the files this lake has published belong to another lake.
fn refuse_foreign_marts(stores: &Stores, state: &State, listing: &[Object]) -> Result<()> {
    let present: BTreeSet<&str> = listing.iter().map(|object| object.key.as_str()).collect();
    let files = state.partitions().filter_map(|made| made.file.as_ref());
    let mut published = files.filter(|file| file.home == Home::Marts).peekable();
    if published.peek().is_some() && !published.any(|file| present.contains(file.key.as_str())) {
        return Err(Error::config("none of the marts that this lake has published are here, so nothing is removed")
            .at(&stores.marts)
            .hint("check stores.marts in config.toml"));
    }
    Ok(())
}

fn days_before(now: DateTime<Utc>, days: i64) -> DateTime<Utc> {
    now.checked_sub_days(Days::new(days.max(0).unsigned_abs())).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

#[cfg(test)]
mod tests;

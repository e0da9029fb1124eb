//! Walks the chain link by link, also where nothing can be folded any more: every commit that was ever written is there,
//! whole, and stands on the one before it.

use futures::{StreamExt, TryStreamExt};

use super::chain::decode;
use super::record::CheckpointRef;
use crate::error::{Error, Kind, Result};
use crate::sha256::sha256_hex;
use crate::store::{Store, keys};

/// Commits read at the same time; no more of them are held.
const READ_AT_ONCE: usize = 16;

/// One link that does not hold.
#[derive(Debug)]
pub struct Broken {
    /// The commit.
    pub number: u64,
    /// What is wrong with it.
    pub found: String,
}

/// What a walk over the chain found.
#[derive(Debug, Default)]
pub struct Walk {
    /// Number of the newest commit.
    pub newest: u64,
    /// Links that do not hold, oldest first.
    pub broken: Vec<Broken>,
    /// The checkpoint that the newest commit names: what stands before it is history only.
    pub checkpoint: Option<CheckpointRef>,
    /// What is wrong with that checkpoint.
    pub checkpoint_found: Option<String>,
}

impl Walk {
    /// The number of the last commit that need not be read, because a whole checkpoint holds what it said.
    pub fn folded(&self) -> u64 {
        let whole = self.checkpoint.as_ref().filter(|_| self.checkpoint_found.is_none());
        whole.map_or(0, |checkpoint| checkpoint.number)
    }
}

/// Walks the whole chain of a lake.
pub async fn walk(lake: &Store) -> Result<Walk> {
    let listed = lake.list(keys::COMMITS).await?;
    let newest = listed.iter().filter_map(|object| keys::commit_number(&object.key)).max().unwrap_or(0);
    let mut walk = Walk { newest, ..Walk::default() };
    let mut links = futures::stream::iter(1..=newest)
        .map(|number| async move { Ok::<_, Error>((number, lake.get_if_exists(&keys::commit(number)).await?)) })
        .buffered(READ_AT_ONCE);
    // Hash of the link before; none where that link is broken itself.
    let mut before: Option<String> = None;
    while let Some((number, bytes)) = links.try_next().await? {
        let Some(bytes) = bytes else {
            walk.broken.push(Broken { number, found: "is not there".into() });
            before = None;
            continue;
        };
        match decode(&keys::commit(number), &bytes) {
            Ok(commit) if commit.number != number => {
                walk.broken.push(Broken { number, found: format!("calls itself commit {}", commit.number) });
                before = None;
            }
            Ok(commit) => {
                if let Some(before) = &before
                    && commit.previous_sha256.as_ref() != Some(before)
                {
                    let found = format!("was changed after commit {number} was written on it");
                    walk.broken.push(Broken { number: number - 1, found });
                }
                if number == newest {
                    walk.checkpoint = commit.checkpoint;
                }
                before = Some(sha256_hex(&bytes));
            }
            Err(_) => {
                walk.broken.push(Broken { number, found: "was cut or changed after it was written".into() });
                before = None;
            }
        }
    }
    if let Some(named) = &walk.checkpoint {
        walk.checkpoint_found = match lake.check_hash(&named.key, &named.sha256).await {
            Ok(()) => None,
            Err(err) if err.kind() == Kind::Input => Some(err.message()),
            Err(err) => return Err(err),
        };
    }
    Ok(walk)
}

#[cfg(test)]
mod tests {
    use super::super::record::{Changes, CommitKind};
    use super::super::samples::{Hands, day, options, stores};
    use super::super::{Held, hold};
    use super::*;

    async fn lake(commits: u32) -> (crate::store::Stores, Held) {
        let stores = stores();
        let mut held = hold(&stores, &options(), &Hands::default().clock(), "test").await.unwrap();
        for n in 0..commits {
            held.commit(CommitKind::Run, &format!("run-{n}"), Some(day(1 + n)), Changes::default()).await.unwrap();
        }
        (stores, held)
    }

    fn told(walk: &Walk) -> Vec<(u64, &str)> {
        walk.broken.iter().map(|broken| (broken.number, broken.found.as_str())).collect()
    }

    #[tokio::test]
    async fn every_link_is_looked_at() {
        let (stores, _held) = lake(12).await;
        let whole = walk(&stores.lake).await.unwrap();
        assert_eq!((whole.newest, told(&whole), whole.folded()), (12, Vec::new(), 10));

        // Cut, changed with a seal that fits, and lost: each is named, and no neighbour is blamed for it.
        let key = keys::commit(3);
        let bytes = stores.lake.get(&key).await.unwrap();
        stores.lake.put(&key, bytes.slice(..bytes.len() / 2)).await.unwrap();
        let forged = stores.lake.get(&keys::commit(7)).await.unwrap();
        let forged = String::from_utf8(forged.to_vec()).unwrap().replace("run-6", "run-9");
        let unsealed = forged.rsplit_once(",\"sha256\":\"").unwrap().0.to_string() + "}";
        stores.lake.put(&keys::commit(7), unsealed).await.unwrap();
        stores.lake.delete(&keys::commit(11)).await.unwrap();
        let found = walk(&stores.lake).await.unwrap();
        assert_eq!(
            told(&found),
            [
                (3, "was cut or changed after it was written"),
                (7, "was changed after commit 8 was written on it"),
                (11, "is not there")
            ]
        );
        assert_eq!(found.folded(), 10, "the newest commit still names a whole checkpoint");
        let named = found.checkpoint.unwrap();
        stores.lake.put(&named.key, "rot").await.unwrap();
        let found = walk(&stores.lake).await.unwrap();
        assert!(found.checkpoint_found.is_some() && found.folded() == 0);
    }
}

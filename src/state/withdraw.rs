//! Takes a delivery out by hand, and lets what was set aside count again: one commit each, heeded by the next run.

use std::collections::BTreeSet;

use super::record::{Changes, CommitKind, SetAside, Sighting};
use super::{Held, State};
use crate::error::{Error, Result, closest};

/// The deliveries of a key of the inbox, the newest last.
pub fn deliveries<'a>(state: &'a State, key: &str) -> Result<Vec<&'a Sighting>> {
    let mut found: Vec<&Sighting> =
        state.all_sightings().map(AsRef::as_ref).filter(|sighting| sighting.key == key).collect();
    if found.is_empty() {
        let error = Error::config(format!("no delivery was taken in under the key {key}"));
        let mut near: Vec<&str> = state.all_sightings().map(|sighting| sighting.key.as_str()).collect();
        near.sort_unstable();
        near.dedup();
        let holds: Vec<&str> = near.iter().copied().filter(|known| known.contains(key)).take(NEAR_SHOWN).collect();
        return Err(match (holds.as_slice(), closest(key, near.iter().copied())) {
            ([], Some(near)) => error.hint(format!("did you mean {near}?")),
            ([], None) => {
                error.hint("a key is the file's path in the inbox; `tributary show last` lists those of a run")
            }
            (holds, _) => error.hint(format!("keys that hold this text: {}", holds.join(", "))),
        });
    }
    found.sort_by_key(|sighting| (sighting.delivered_at, sighting.last_modified));
    Ok(found)
}

/// Keys shown where several hold what was asked for.
const NEAR_SHOWN: usize = 5;

/// Withdraws the newest delivery of a key: one commit, heeded by the next run.
pub async fn withdraw(held: &mut Held, aside: SetAside) -> Result<()> {
    commit(held, vec![aside]).await
}

/// Lets everything that was set aside of a key count again, and gives it as it stood.
pub async fn restore(held: &mut Held, key: &str) -> Result<Vec<SetAside>> {
    let ended: Vec<SetAside> = held.state.asides.values().filter(|aside| aside.key == key).cloned().collect();
    if ended.is_empty() {
        let known: BTreeSet<&str> = held.state.asides.values().map(|aside| aside.key.as_str()).collect();
        let error = Error::config(format!("nothing is set aside of {key}"));
        return Err(match closest(key, known.iter().copied()) {
            _ if known.is_empty() => error.hint("nothing at all is: all that was delivered and accepted counts"),
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint(format!("set aside are: {}", known.into_iter().collect::<Vec<_>>().join(", "))),
        });
    }
    commit(held, ended.iter().map(|aside| SetAside { ended: true, ..aside.clone() }).collect()).await?;
    Ok(ended)
}

async fn commit(held: &mut Held, set_aside: Vec<SetAside>) -> Result<()> {
    let name = set_aside.first().map(|aside| aside.key.clone()).unwrap_or_default();
    let changes = Changes { set_aside, ..Changes::default() };
    held.commit(CommitKind::SetAside, &format!("set aside {name}"), None, changes).await?;
    Ok(())
}

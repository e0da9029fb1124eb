//! Lists the inbox, sender by sender, and keeps what was not seen before.
//!
//! What cannot be taken (a name with control characters, a link that leads out, a folder that cannot be listed)
//! is told in the notes and in `system.unusable`, from which an alert is raised; everything else goes on.

use std::collections::{BTreeMap, BTreeSet};

use globset::{GlobBuilder, GlobMatcher};

use super::flow::{Arrival, Night};
use crate::error::{Error, Result};
use crate::sender::SenderFeed;
use crate::state::ledger;
use crate::state::record::InputStatus;
use crate::store::{Object, Survey};

/// Files worth fetching, in the order of their keys.
pub(super) async fn discover(night: &mut Night<'_>) -> Result<Vec<Arrival>> {
    let company = night.company;
    strangers(night).await;
    let mut arrivals = Vec::new();
    let mut growing = 0_usize;
    let senders: Vec<_> = company.senders.iter().filter(|sender| night.sender_in_job(&sender.name)).collect();
    if senders.is_empty() {
        return Err(Error::config(format!("job {} takes no sender", night.request.job.name))
            .hint("add a file to jobs/senders, or change `senders` in the job"));
    }
    let max = company.config.intake.files_per_night_max;
    let mut waiting = 0;
    for sender in senders {
        for (feed, mapping) in &sender.feeds {
            let listing = match company.stores.inbox.survey(literal_prefix(&mapping.path)).await {
                Ok(listing) => listing,
                Err(err) => Survey { objects: Vec::new(), refused: vec![err] },
            };
            for err in listing.refused {
                let place = err.path().unwrap_or(&mapping.path).to_string();
                night.unusable(&sender.name, feed, &place, &err.message());
            }
            let mut fresh = 0;
            for object in listing.objects {
                let name = object.key.rsplit('/').next().unwrap_or_default();
                if object.size == 0 && !name.contains('.') || name.starts_with('.') || !mapping.matches(&object.key) {
                    continue;
                }
                if ledger::already_seen(&night.state, &sender.name, feed, &object) && !mended(night, mapping, &object) {
                    continue;
                }
                if object.size > company.config.intake.file_bytes_max {
                    let most = company.config.intake.file_bytes_max;
                    let reason = format!("it has {} bytes; at most {most} are taken", object.size);
                    night.unusable(&sender.name, feed, &object.key, &reason);
                    continue;
                }
                let age = night.started_at - object.last_modified;
                if age.num_seconds() < i64::try_from(company.config.intake.settle_seconds).unwrap_or(i64::MAX)
                    && company.config.intake.settle_seconds > 0
                {
                    growing += 1;
                    continue;
                }
                // more than a whole night's files of one feed are not even remembered
                fresh += 1;
                if fresh > max {
                    waiting += 1;
                    continue;
                }
                arrivals.push(Arrival {
                    sender: sender.name.clone(),
                    feed: feed.clone(),
                    key: object.key,
                    bytes: object.size,
                    etag: object.etag,
                    last_modified: object.last_modified,
                });
            }
        }
    }
    if growing > 0 {
        night.warn(format!("{growing} files may still be growing and wait for the next run"));
    }
    arrivals.sort_by(|a, b| a.key.cmp(&b.key));
    let mut keys = BTreeSet::new();
    for arrival in &arrivals {
        if !keys.insert(&arrival.key) {
            return Err(Error::config(format!("two sender mappings take the file {}", arrival.key))
                .hint("narrow `path` in jobs/senders so that each file belongs to one sender and feed"));
        }
    }
    let found = arrivals.len() + waiting;
    if found > max {
        arrivals = fair_share(arrivals, max);
        night.warn(format!(
            "{found} new files, but intake.files_per_night_max is {max}: the rest waits for the next run"
        ));
    }
    Ok(arrivals)
}

/// The first `max` files, taken from all senders in turn, so that one that floods its folder stops nobody else.
fn fair_share(arrivals: Vec<Arrival>, max: usize) -> Vec<Arrival> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut queued: Vec<(usize, Arrival)> = Vec::with_capacity(arrivals.len());
    for arrival in arrivals {
        let place = places.entry(arrival.sender.clone()).or_default();
        queued.push((*place, arrival));
        *place += 1;
    }
    queued.sort_by(|a, b| (a.0, &a.1.key).cmp(&(b.0, &b.1.key)));
    queued.truncate(max);
    let mut taken: Vec<Arrival> = queued.into_iter().map(|(_, arrival)| arrival).collect();
    taken.sort_by(|a, b| a.key.cmp(&b.key));
    taken
}

/// Names the folders of the inbox that no sender's pattern reaches: somebody delivers and nobody reads.
async fn strangers(night: &mut Night<'_>) {
    let company = night.company;
    let patterns: Vec<&str> =
        company.senders.iter().flat_map(|sender| sender.feeds.values()).map(|feed| feed.path.as_str()).collect();
    let folders = match company.stores.inbox.folders().await {
        Ok(folders) => folders,
        Err(err) => {
            night.warn(format!("the inbox's own folders cannot be listed: {}", err.one_line()));
            return;
        }
    };
    for folder in folders {
        let reached = |pattern: &&str| {
            let first = pattern.split('/').next().unwrap_or_default();
            matcher(first).is_ok_and(|matcher| matcher.is_match(&folder))
        };
        if !patterns.iter().any(reached) {
            night.notes.push(format!(
                "inbox folder {folder} belongs to no sender: describe it in jobs/senders/{folder}.toml, or remove it"
            ));
        }
    }
}

/// A file that was refused whole by another contract or mapping than today's gets another chance.
fn mended(night: &Night<'_>, mapping: &SenderFeed, object: &Object) -> bool {
    let company = night.company;
    let known = company.senders.of_key(&object.key).and_then(|(sender, feed)| {
        let sighting = night.state.last_sighting(&sender.name, &feed.feed, object)?;
        night.state.input(&sender.name, &feed.feed, &sighting.sha256)
    });
    let Some(refused) = known.filter(|input| input.status == InputStatus::Quarantined) else { return false };
    let Some(contract) = company.contracts.get(&mapping.feed) else { return false };
    refused.contract_fingerprint != mapping.fingerprint(contract, &company.config.company)
}

/// Any of the globs matches.
pub(super) fn matches_any(globs: &[String], name: &str) -> bool {
    globs.iter().any(|glob| matcher(glob).is_ok_and(|matcher| matcher.is_match(name)))
}

fn matcher(glob: &str) -> Result<GlobMatcher> {
    GlobBuilder::new(glob)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|err| Error::config(format!("\"{glob}\" is not a file pattern")).because(err))
}

/// The folders of a glob before its first special character: all that must be listed.
fn literal_prefix(glob: &str) -> &str {
    let special = glob.find(['*', '?', '[', '{']).unwrap_or(glob.len());
    match glob[..special].rfind('/') {
        Some(slash) => &glob[..slash],
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_sender_leaves_room_for_the_others() {
        let arrival = |sender: &str, name: usize| Arrival {
            sender: sender.into(),
            feed: "sales".into(),
            key: format!("{sender}/sales/{name:03}.csv"),
            bytes: 1,
            etag: None,
            last_modified: chrono::DateTime::UNIX_EPOCH,
        };
        let mut arrivals: Vec<Arrival> = (0..500).map(|name| arrival("a", name)).collect();
        arrivals.extend([arrival("b", 1), arrival("c", 1), arrival("c", 2)]);
        let taken = fair_share(arrivals, 7);
        let keys: Vec<&str> = taken.iter().map(|arrival| arrival.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "a/sales/000.csv",
                "a/sales/001.csv",
                "a/sales/002.csv",
                "a/sales/003.csv",
                "b/sales/001.csv",
                "c/sales/001.csv",
                "c/sales/002.csv"
            ]
        );
    }

    #[test]
    fn only_the_literal_folders_are_listed() {
        assert_eq!(literal_prefix("d01/sales/*.csv"), "d01/sales");
        assert_eq!(literal_prefix("d01/**"), "d01");
        assert_eq!(literal_prefix("*/sales/**"), "");
        assert_eq!(literal_prefix("d01/sales/all.csv"), "d01/sales");
    }

    #[test]
    fn globs_choose_names() {
        assert!(matches_any(&["*".into()], "d01"));
        assert!(matches_any(&["a*".into(), "d*".into()], "d01"));
        assert!(!matches_any(&["a*".into()], "d01"));
    }
}

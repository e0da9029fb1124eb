//! Lists the inbox, sender by sender, and keeps what was not seen before.
//!
//! A sender whose folder cannot be listed is named and raises an alert, and so does what cannot be taken (a name with
//! control characters, a link that leads out); everything else goes on. A file that was taken in and is not there any
//! more is told once, and so is its coming back: what it brought counts all the same.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use globset::{GlobBuilder, GlobMatcher};

use super::flow::{Arrival, Night, Unlisted};
use super::read_by::ReadBy;
use crate::error::{Error, Kind, Result};
use crate::sender::{Sender, SenderFeed};
use crate::state::ledger;
use crate::state::record::Sighting;
use crate::store::Object;

/// Objects that are asked about at the same time.
const LOOKS_AT_ONCE: usize = 16;
/// Names shown in a note before the rest is counted.
const NAMES_SHOWN: usize = 3;

/// Files worth fetching, in the order of their keys.
pub(super) async fn discover(night: &mut Night<'_>) -> Result<Vec<Arrival>> {
    let company = night.company;
    if !night.repairs {
        strangers(night).await;
    }
    let mut arrivals = Vec::new();
    let senders: Vec<_> = company.senders.iter().filter(|sender| night.sender_in_job(&sender.name)).collect();
    if senders.is_empty() {
        let left_out: Vec<&str> = company.senders.broken().iter().filter_map(|broken| broken.error.path()).collect();
        let advice = if left_out.is_empty() {
            "add a file to jobs/senders, or change `senders` in the job".to_string()
        } else {
            format!("mend {}: `tributary check` says what is wrong there", left_out.join(", "))
        };
        return Err(Error::config(format!("job {} takes no sender", night.request.job.name)).hint(advice));
    }
    let max = company.config.intake.files_per_night_max;
    let ignored = company.config.ignored_names()?;
    let mut waiting = 0;
    for sender in senders {
        for (feed, mapping) in &sender.feeds {
            let prefix = literal_prefix(&mapping.path);
            // What the pattern itself names is meant, whatever it is called.
            let left_alone = |key: &str| {
                let below = key.strip_prefix(prefix).unwrap_or(key);
                below.split('/').any(|name| !name.is_empty() && ignored.is_match(name))
            };
            let listing = match company.stores.inbox.survey(prefix).await {
                Ok(listing) => listing,
                Err(err) => {
                    night.warn(format!("sender {}: {feed} cannot be listed: {}", sender.name, err.one_line()));
                    night.unlisted.push(Unlisted {
                        sender: sender.name.clone(),
                        feed: feed.clone(),
                        reason: err.one_line(),
                    });
                    continue;
                }
            };
            for (key, what) in listing.odd.iter().filter(|(key, _)| !left_alone(key)) {
                wonder(night, &sender.name, key, what);
            }
            for err in listing.refused {
                let place = err.path().unwrap_or(&mapping.path).to_string();
                night.unusable(&sender.name, feed, &place, &err.message());
            }
            let contract = company.contracts.expect(feed)?;
            let reading = ReadBy::of(mapping, contract, &company.config);
            if !night.repairs {
                moved(night, &sender.name, mapping, &listing.objects);
            }
            let mut fresh = 0;
            for object in listing.objects {
                let name = object.key.rsplit('/').next().unwrap_or_default();
                if object.size == 0 && !name.contains('.') || left_alone(&object.key) || !mapping.matches(&object.key) {
                    continue;
                }
                let wanted = lost(night, &sender.name, feed, &object)
                    || !night.repairs
                        && (!ledger::already_seen(&night.state, &sender.name, feed, &object)
                            || mended(night, &sender.name, feed, &reading, &object));
                if !wanted {
                    continue;
                }
                if object.size > company.config.intake.file_bytes_max {
                    let most = company.config.intake.file_bytes_max;
                    let reason = format!("it has {} bytes; at most {most} are taken", object.size);
                    night.unusable(&sender.name, feed, &object.key, &reason);
                    continue;
                }
                // More than a whole night's files of one feed are not even remembered
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
    arrivals.sort_by(|a, b| a.key.cmp(&b.key));
    let mut arrivals = claimed_once(night, arrivals);
    let found = arrivals.len() + waiting;
    if found > max {
        arrivals = fair_share(arrivals, max);
        night.warn(format!(
            "{found} new files, but intake.files_per_night_max is {max}: the rest waits for the next run"
        ));
    }
    Ok(arrivals)
}

/// Leaves out the files that more than one mapping claims, whichever of them was there first: whose rows they are only
/// people know, and counted for both they would count twice. What was taken in of them before stands.
fn claimed_once(night: &mut Night<'_>, arrivals: Vec<Arrival>) -> Vec<Arrival> {
    let senders = night.company.senders.iter();
    let mappings: Vec<(&Sender, &SenderFeed, &str)> = senders
        .flat_map(|sender| sender.feeds.values().map(move |feed| (sender, feed, literal_prefix(&feed.path))))
        .collect();
    let mut sole = Vec::with_capacity(arrivals.len());
    for arrival in arrivals {
        let claims: Vec<_> = mappings
            .iter()
            .filter(|(_, feed, folder)| arrival.key.starts_with(folder) && feed.matches(&arrival.key))
            .collect();
        // one interchange may hold what is sold and what is in stock: each feed of its sender takes its own part
        let shared = claims.iter().all(|(sender, feed, _)| feed.is_edi() && sender.name == claims[0].0.name);
        if claims.len() < 2 || shared {
            sole.push(arrival);
            continue;
        }
        let who = claims.iter().map(|(sender, feed, _)| format!("{} ({})", sender.name, feed.feed));
        let where_ = claims.iter().map(|(sender, feed, _)| format!("jobs/senders/{}.toml:{}", sender.name, feed.line));
        let reason = format!(
            "it is claimed by {}, so none of them takes it; narrow `path` in {} until one is left",
            who.collect::<Vec<_>>().join(" and "),
            where_.collect::<Vec<_>>().join(" or "),
        );
        night.unusable(&arrival.sender, &arrival.feed, &arrival.key, &reason);
    }
    sole
}

/// Says what an odd object is, unless a run that is remembered has said so.
fn wonder(night: &mut Night<'_>, sender: &str, key: &str, what: &str) {
    let note = format!("{key} of sender {sender} is {what}");
    let told = night.state.runs.iter().any(|run| run.notes.contains(&note));
    if !told && !night.notes.contains(&note) {
        night.warn(note);
    }
}

/// Notes what has left the inbox since the last run, and what is back exactly as it was.
fn moved(night: &mut Night<'_>, sender: &str, mapping: &SenderFeed, listing: &[Object]) {
    let listed: BTreeMap<&str, &Object> = listing.iter().map(|object| (object.key.as_str(), object)).collect();
    let mut last: BTreeMap<&str, &Sighting> = BTreeMap::new();
    for sighting in night.state.sightings(sender, &mapping.feed) {
        // Of one key, the sighting that was recorded last comes last.
        last.insert(&sighting.key, sighting);
    }
    let (mut left, mut back) = (Vec::new(), Vec::new());
    for (key, sighting) in last {
        let there = listed.get(key);
        if there.is_none() && !sighting.gone && mapping.matches(key) {
            left.push(Sighting { gone: true, ..sighting.clone() });
        } else if sighting.gone && there.is_some() {
            back.push(Sighting { gone: false, ..sighting.clone() });
        }
    }
    let place = format!("{sender} {}", mapping.feed);
    for (files, what) in [
        (&left, "gone from the inbox; what they brought still counts"),
        (&back, "back in the inbox; only what is new in them counts"),
    ] {
        if !files.is_empty() {
            let keys: Vec<&str> = files.iter().map(|file| file.key.as_str()).collect();
            night.notes.push(format!("{place}: {} taken in before, now {what}", named(&keys)));
        }
    }
    night.moved.extend(left.into_iter().chain(back));
}

/// `1 file (a)`, `305 files (a, b, c, ...)`.
fn named(keys: &[&str]) -> String {
    let shown = keys.iter().take(NAMES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    let rest = if keys.len() > NAMES_SHOWN { ", ..." } else { "" };
    let files = if keys.len() == 1 { "file" } else { "files" };
    format!("{} {files} ({shown}{rest})", keys.len())
}

/// Leaves out files that are still being written: one that was modified a moment ago is looked at again after
/// `intake.settle_seconds`, and taken when two looks in a row found it the same.
pub(super) async fn settled(night: &mut Night<'_>, arrivals: Vec<Arrival>) -> Result<Vec<Arrival>> {
    let intake = &night.company.config.intake;
    let pause = i64::try_from(intake.settle_seconds).unwrap_or(i64::MAX);
    let (mut young, mut steady): (Vec<_>, Vec<_>) =
        arrivals.into_iter().partition(|arrival| (night.started_at - arrival.last_modified).num_seconds() < pause);
    for _ in 0..intake.settle_looks_max {
        if young.is_empty() || pause == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_secs(intake.settle_seconds)).await;
        let inbox = &night.company.stores.inbox;
        let looks = futures::stream::iter(std::mem::take(&mut young))
            .map(|arrival| async move {
                let now = inbox.head(&arrival.key).await;
                (arrival, now)
            })
            .buffered(LOOKS_AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        for (arrival, now) in looks {
            match now {
                Ok(now) => {
                    let seen = (arrival.bytes, &arrival.etag, arrival.last_modified);
                    let same = seen == (now.size, &now.etag, now.last_modified);
                    let arrival =
                        Arrival { bytes: now.size, etag: now.etag, last_modified: now.last_modified, ..arrival };
                    if same { steady.push(arrival) } else { young.push(arrival) }
                }
                // Withdrawn or renamed while we looked: the next listing tells.
                Err(err) if err.kind() == Kind::Input => {}
                Err(err) => return Err(err),
            }
        }
    }
    if !young.is_empty() && pause > 0 {
        let keys: Vec<&str> = young.iter().map(|arrival| arrival.key.as_str()).collect();
        night.warn(format!("{} still being written: left for the next run", named(&keys)));
    } else {
        steady.append(&mut young);
    }
    steady.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(steady)
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
    let ignored = company.config.ignored_names().unwrap_or_default();
    for folder in folders.into_iter().filter(|folder| !ignored.is_match(folder)) {
        let reached = |pattern: &&str| {
            let first = pattern.split('/').next().unwrap_or_default();
            matcher(first).is_ok_and(|matcher| matcher.is_match(&folder))
        };
        // One that is left out is told already.
        let left_out = company.senders.broken().iter().any(|broken| broken.owns(&folder));
        if !left_out && !patterns.iter().any(reached) {
            night.notes.push(format!(
                "inbox folder {folder} belongs to no sender: describe it in jobs/senders/{folder}.toml, or remove it"
            ));
        }
    }
}

/// A file whose rows in the lake are lost is read again.
fn lost(night: &Night<'_>, sender: &str, feed: &str, object: &Object) -> bool {
    !night.damage.is_empty()
        && night
            .state
            .last_sighting(sender, feed, object)
            .is_some_and(|sighting| night.damage.has_input(&sighting.id()))
}

/// A file that was refused, whole or in rows, by another contract or mapping than today's, or under other limits, gets
/// another chance.
fn mended(night: &Night<'_>, sender: &str, feed: &str, reading: &ReadBy, object: &Object) -> bool {
    let sighting = night.state.last_sighting(sender, feed, object);
    let known = sighting.and_then(|sighting| night.state.input(&sighting.id()));
    known.is_some_and(|input| reading.reads_again(input))
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
}

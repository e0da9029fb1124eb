//! Lists the inbox, sender by sender, and keeps what was not seen before.
//!
//! A sender whose folder cannot be listed is named in the notes; the others go on.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher};

use super::flow::{Arrival, Night};
use crate::error::{Error, Result};
use crate::state::ledger;
use crate::store::Object;

/// Files worth fetching, in the order of their keys.
pub(super) async fn discover(night: &mut Night<'_>) -> Result<Vec<Arrival>> {
    let company = night.company;
    strangers(night).await?;
    let mut arrivals = Vec::new();
    let mut growing = 0_usize;
    let senders: Vec<_> = company.senders.iter().filter(|sender| night.sender_in_job(&sender.name)).collect();
    if senders.is_empty() {
        return Err(Error::config(format!("job {} takes no sender", night.request.job.name))
            .hint("add a file to jobs/senders, or change `senders` in the job"));
    }
    for sender in senders {
        for (feed, mapping) in &sender.feeds {
            let glob = &mapping.path;
            let listing = match company.stores.inbox.list(literal_prefix(glob)).await {
                Ok(listing) => listing,
                Err(err) => {
                    night.warn(format!("sender {}: {feed} cannot be listed: {}", sender.name, err.one_line()));
                    continue;
                }
            };
            let contract = company.contracts.expect(feed)?;
            let fingerprint = mapping.fingerprint(contract, &company.config.company);
            for object in listing {
                let name = object.key.rsplit('/').next().unwrap_or_default();
                if object.size == 0 && !name.contains('.') || name.starts_with('.') || !mapping.matches(&object.key) {
                    continue;
                }
                if ledger::already_seen(&night.state, &sender.name, feed, &object)
                    && !mended(night, &fingerprint, &object)
                {
                    continue;
                }
                let age = night.started_at - object.last_modified;
                if age.num_seconds() < i64::try_from(company.config.intake.settle_seconds).unwrap_or(i64::MAX)
                    && company.config.intake.settle_seconds > 0
                {
                    growing += 1;
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
    let max = company.config.intake.files_per_night_max;
    if arrivals.len() > max {
        night.warn(format!(
            "{} new files, but intake.files_per_night_max is {max}: the rest waits for the next run",
            arrivals.len()
        ));
        arrivals.truncate(max);
    }
    Ok(arrivals)
}

/// Names the folders of the inbox that no sender's pattern reaches: somebody delivers and nobody reads.
async fn strangers(night: &mut Night<'_>) -> Result<()> {
    let company = night.company;
    let patterns: Vec<&str> =
        company.senders.iter().flat_map(|sender| sender.feeds.values()).map(|feed| feed.path.as_str()).collect();
    for folder in company.stores.inbox.folders().await? {
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
    Ok(())
}

/// A file that was refused, whole or in rows, by another contract or mapping than today's gets another chance.
fn mended(night: &Night<'_>, fingerprint: &str, object: &Object) -> bool {
    let known = night.company.senders.of_key(&object.key).and_then(|(sender, feed)| {
        let sighting = night.state.last_sighting(&sender.name, &feed.feed, object)?;
        night.state.input(&sender.name, &feed.feed, &sighting.sha256)
    });
    known.is_some_and(|input| input.was_refused() && input.contract_fingerprint != fingerprint)
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

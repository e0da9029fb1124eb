//! When each sender owes which file: deadlines in local time, turned into instants.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::flow::Night;
use crate::mail::digest::Received;
use crate::sender::{Expected, Senders};
use crate::state::record::InputStatus;

/// One file that is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owed {
    pub(super) sender: String,
    pub(super) feed: String,
    pub(super) business_date: NaiveDate,
    pub(super) expected_by: DateTime<Utc>,
    pub(super) due_by: DateTime<Utc>,
}

/// Files owed for business dates from `first` to `last` whose grace is over at `now`.
pub(super) fn owed(
    senders: &Senders,
    company_zone: Tz,
    (first, last): (NaiveDate, NaiveDate),
    now: DateTime<Utc>,
) -> Vec<Owed> {
    let mut all = Vec::new();
    for sender in senders.iter() {
        let zone = sender.time_zone.unwrap_or(company_zone);
        for (feed, mapping) in &sender.feeds {
            let Some(expected) = &mapping.expected else { continue };
            let start = expected.from.map_or(first, |from| from.max(first));
            for date in start.iter_days().take_while(|date| *date <= last).filter(|date| expected.expects(*date, None))
            {
                let Some(expected_by) = deadline(expected, zone, date) else { continue };
                let due_by = expected_by + TimeDelta::minutes(expected.grace_minutes);
                if due_by <= now {
                    all.push(Owed {
                        sender: sender.name.clone(),
                        feed: feed.clone(),
                        business_date: date,
                        expected_by,
                        due_by,
                    });
                }
            }
        }
    }
    all
}

/// Files owed for the as-of date that are not there, by sender and feed.
pub(super) fn missing(night: &Night<'_>) -> BTreeSet<(String, String)> {
    let date = night.request.date;
    let there: BTreeSet<(&str, &str)> = night
        .all_inputs()
        .filter(|input| input.status == InputStatus::Active)
        .filter(|input| input.period().is_some_and(|(start, end)| start <= date && date <= end))
        .map(|input| (input.sender.as_str(), input.feed.as_str()))
        .collect();
    due(night).into_iter().filter(|(sender, feed)| !there.contains(&(sender.as_str(), feed.as_str()))).collect()
}

/// Senders that owed a file for the as-of date, and how many of them delivered all they owed.
pub(super) fn received(night: &Night<'_>) -> Received {
    let senders: BTreeSet<String> = due(night).into_iter().map(|(sender, _)| sender).collect();
    let late: BTreeSet<String> = missing(night).into_iter().map(|(sender, _)| sender).collect();
    let titles = late.iter().map(|sender| match night.company.senders.get(sender) {
        Some(known) => known.title.clone(),
        None => sender.clone(),
    });
    Received { expected: senders.len(), received: senders.len() - late.len(), missing: titles.collect() }
}

fn due(night: &Night<'_>) -> BTreeSet<(String, String)> {
    let date = night.request.date;
    let zone = night.company.config.company.time_zone;
    owed(&night.company.senders, zone, (date, date), night.started_at)
        .into_iter()
        .filter(|file| night.sender_in_job(&file.sender))
        .map(|file| (file.sender, file.feed))
        .collect()
}

/// The local deadline as an instant; in a gap of the local clock the first instant after it.
fn deadline(expected: &Expected, zone: Tz, date: NaiveDate) -> Option<DateTime<Utc>> {
    let local = expected.due_local(date)?;
    (0..=3)
        .find_map(|hours| zone.from_local_datetime(&(local + TimeDelta::hours(hours))).earliest())
        .map(|at| at.to_utc())
}

//! When each sender owes which file: deadlines in local time, turned into instants.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::flow::Night;
use crate::error::Result;
use crate::mail::digest::Received;
use crate::sender::{Expected, Senders};
use crate::state::record::{InputStatus, Period};

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

/// How long a file that is still missing is a warning of every run; after that the deliveries mart alone tells.
const REPORTED_DAYS: &str = "missing_file_days";

/// Files owed for the last days up to the as-of date that are not there: sender, feed, business date.
pub(super) fn missing(night: &Night<'_>) -> Result<Vec<(String, String, NaiveDate)>> {
    let last = night.request.date;
    let days = night.company.config.whole_setting(REPORTED_DAYS)?;
    let first = last.checked_sub_days(Days::new(days.saturating_sub(1))).unwrap_or(last);
    let mut there: BTreeMap<(&str, &str), Vec<Period>> = BTreeMap::new();
    for input in night.all_inputs().filter(|input| input.status != InputStatus::Quarantined) {
        there.entry((&input.sender, &input.feed)).or_default().extend(input.period());
    }
    let absent = due(night, first).into_iter().filter(|file| {
        let periods = there.get(&(file.sender.as_str(), file.feed.as_str()));
        let holds = |(start, end): &Period| *start <= file.business_date && file.business_date <= *end;
        !periods.is_some_and(|periods| periods.iter().any(holds))
    });
    Ok(absent.map(|file| (file.sender, file.feed, file.business_date)).collect())
}

/// Senders that owed a file for the as-of date, and how many of them delivered all they owed.
pub(super) fn received(night: &Night<'_>) -> Result<Received> {
    let date = night.request.date;
    let senders: BTreeSet<String> = due(night, date).into_iter().map(|file| file.sender).collect();
    let absent = missing(night)?.into_iter().filter(|(_, _, day)| *day == date);
    let late: BTreeSet<String> = absent.map(|(sender, _, _)| sender).collect();
    let titles = late.iter().map(|sender| match night.company.senders.get(sender) {
        Some(known) => known.title.clone(),
        None => sender.clone(),
    });
    Ok(Received { expected: senders.len(), received: senders.len() - late.len(), missing: titles.collect() })
}

fn due(night: &Night<'_>, first: NaiveDate) -> Vec<Owed> {
    let zone = night.company.config.company.time_zone;
    let mut all = owed(&night.company.senders, zone, (first, night.request.date), night.started_at);
    all.retain(|file| night.sender_in_job(&file.sender));
    all
}

/// The local deadline as an instant; in a gap of the local clock the first instant after it.
fn deadline(expected: &Expected, zone: Tz, date: NaiveDate) -> Option<DateTime<Utc>> {
    let local = expected.due_local(date)?;
    (0..=3)
        .find_map(|hours| zone.from_local_datetime(&(local + TimeDelta::hours(hours))).earliest())
        .map(|at| at.to_utc())
}

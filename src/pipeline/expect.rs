//! When each sender owes which file: deadlines in local time, turned into instants.

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::sender::{Expected, Senders};

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

/// The local deadline as an instant; in a gap of the local clock the first instant after it.
fn deadline(expected: &Expected, zone: Tz, date: NaiveDate) -> Option<DateTime<Utc>> {
    let local = expected.due_local(date)?;
    (0..=3)
        .find_map(|hours| zone.from_local_datetime(&(local + TimeDelta::hours(hours))).earliest())
        .map(|at| at.to_utc())
}

//! When each sender owes which file: deadlines in local time, turned into instants, and judged at the instant
//! at which the run is due. So a run that is late, repeated or caught up says the same of a delivery as one in time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};

use super::flow::Night;
use super::workdays::Workdays;
use crate::error::Result;
use crate::mail::edition::Received;
use crate::sender::{Expected, ExpectedDays, Senders};
use crate::state::record::{InputStatus, Period};
use crate::zone::Tz;

/// One file that is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owed {
    pub(super) sender: String,
    pub(super) feed: String,
    pub(super) business_date: NaiveDate,
    pub(super) expected_by: DateTime<Utc>,
    pub(super) due_by: DateTime<Utc>,
    /// Its grace is over: when it is not there now, it is missing and not merely awaited.
    pub(super) is_due: bool,
    /// A file of any date from here to the business date is the one that is owed.
    from: NaiveDate,
}

/// How a file that is owed and not there is to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lack {
    /// Its grace is over and nothing came.
    Missing,
    /// Something came and was refused whole.
    Refused,
    /// It came, and was set aside because its rows were lost.
    Lost,
    /// Its grace is not over.
    Pending,
}

impl Lack {
    /// In one word or two.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Refused => "refused",
            Self::Lost => "set aside",
            Self::Pending => "awaited",
        }
    }
}

/// Files owed for business dates from `first` to `last`, judged at `now`.
pub(super) fn owed(
    senders: &Senders,
    workdays: &Workdays,
    company_zone: Tz,
    (first, last): Period,
    now: DateTime<Utc>,
) -> Vec<Owed> {
    let mut all = Vec::new();
    for sender in senders.iter() {
        let zone = sender.time_zone.unwrap_or(company_zone);
        for (feed, mapping) in &sender.feeds {
            let Some(expected) = &mapping.expected else { continue };
            let start = expected.from.map_or(first, |from| from.max(first));
            for date in start.iter_days().take_while(|date| *date <= last) {
                if !expected.expects(date, workdays.is_workday(date, expected.region.as_deref())) {
                    continue;
                }
                let Some(expected_by) = deadline(expected, zone, date) else { continue };
                let due_by = expected_by + TimeDelta::minutes(expected.grace_minutes);
                let monthly = expected.days == ExpectedDays::Monthly;
                all.push(Owed {
                    sender: sender.name.clone(),
                    feed: feed.clone(),
                    business_date: date,
                    expected_by,
                    due_by,
                    is_due: due_by <= now,
                    from: if monthly { date.with_day(1).unwrap_or(date) } else { date },
                });
            }
        }
    }
    all
}

/// What the job's senders owe for business dates from `first` to the as-of date.
pub(super) fn due(night: &Night<'_>, first: NaiveDate) -> Vec<Owed> {
    let company = night.company;
    let dates = (first, night.request.date);
    let mut all = owed(&company.senders, &night.workdays, company.config.company.time_zone, dates, closing(night));
    all.retain(|file| night.sender_in_job(&file.sender));
    all
}

/// How long a file that is still missing is a warning of every run; after that the deliveries mart alone tells.
const REPORTED_DAYS: &str = "missing_file_days";

/// A period that something came for, and why that does not count, if it does not.
type Come = (Period, Option<Lack>);

/// Files owed for the last `missing_file_days` days up to the as-of date that do not count yet.
pub(super) fn lacking(night: &Night<'_>) -> Result<Vec<(Owed, Lack)>> {
    let last = night.request.date;
    let back = night.company.config.whole_setting(REPORTED_DAYS)?.saturating_sub(1);
    let files = due(night, last.checked_sub_days(Days::new(back)).unwrap_or(last));
    if files.is_empty() {
        return Ok(Vec::new());
    }
    // Of each period, why what came for it does not count, if it does not.
    let mut there: BTreeMap<(&str, &str), Vec<Come>> = BTreeMap::new();
    for input in night.all_inputs() {
        let lack = match input.status {
            InputStatus::Quarantined if input.lost => Some(Lack::Lost),
            InputStatus::Quarantined | InputStatus::SetAside => Some(Lack::Refused),
            InputStatus::Active | InputStatus::Superseded => None,
        };
        let periods = there.entry((&input.sender, &input.feed)).or_default();
        periods.extend(input.period().map(|period| (period, lack)));
    }
    let mut lacking = Vec::new();
    for file in files {
        let periods = there.get(&(file.sender.as_str(), file.feed.as_str())).map_or(&[][..], Vec::as_slice);
        let holds = |period: &Period| period.0 <= file.business_date && file.from <= period.1;
        let came: Vec<Option<Lack>> =
            periods.iter().filter(|(period, _)| holds(period)).map(|(_, lack)| *lack).collect();
        if came.contains(&None) {
            continue;
        }
        let lack = match (came.into_iter().flatten().min(), file.is_due) {
            (Some(lack), _) => lack,
            (None, true) => Lack::Missing,
            (None, false) => Lack::Pending,
        };
        lacking.push((file, lack));
    }
    Ok(lacking)
}

/// Senders that owed a file for the as-of date, and how many of them delivered all they owed.
pub(super) fn received(night: &Night<'_>) -> Result<Received> {
    let date = night.request.date;
    let senders: BTreeSet<String> =
        due(night, date).into_iter().filter(|file| file.is_due).map(|file| file.sender).collect();
    let absent = lacking(night)?.into_iter().filter(|(file, _)| file.business_date == date && file.is_due);
    let late: BTreeSet<String> = absent.map(|(file, _)| file.sender).collect();
    let company = night.company;
    let title = |sender: &str| company.senders.get(sender).map_or(sender, |known| &known.title).to_string();
    let mut titles: Vec<String> = late.iter().map(|sender| title(sender)).collect();
    let (mut expected, received) = (senders.len(), senders.len() - late.len());
    // What a sender owes that is left out is not known; that nothing of it came is not its fault, and is said.
    let broken = company.senders.broken().iter().filter(|broken| broken.whole);
    let left_out: BTreeSet<&str> = broken.map(|broken| broken.name.as_str()).collect();
    for sender in left_out.into_iter().filter(|sender| night.sender_in_job(sender)) {
        let (title, zh) = (title(sender), company.config.company.locale == "zh");
        titles.push(if zh {
            format!("{title}（映射有误，暂停接收）")
        } else {
            format!("{title} (left out)")
        });
        expected += 1;
    }
    Ok(Received { expected, received, missing: titles })
}

/// How long after its deadline a delivery came, where one was set for its last business date and its grace was over.
pub(super) fn late_by(
    night: &Night<'_>,
    sender: &str,
    feed: &str,
    date: NaiveDate,
    at: DateTime<Utc>,
) -> Option<TimeDelta> {
    let company = night.company;
    let sender = company.senders.get(sender)?;
    let expected = sender.feeds.get(feed)?.expected.as_ref()?;
    if !expected.expects(date, night.workdays.is_workday(date, expected.region.as_deref())) {
        return None;
    }
    let by = deadline(expected, sender.time_zone.unwrap_or(company.config.company.time_zone), date)?;
    (at > by + TimeDelta::minutes(expected.grace_minutes)).then(|| at - by)
}

/// The instant at which deliveries are judged: when the job is due for its date, or now where it runs before that.
pub(super) fn closing(night: &Night<'_>) -> DateTime<Utc> {
    let job = &night.request.job;
    let zone = job.zone(night.company.config.company.time_zone);
    let due =
        job.time().ok().zip(night.request.date.succ_opt()).and_then(|(time, day)| instant(zone, day.and_time(time)));
    due.map_or(night.started_at, |due| due.min(night.started_at))
}

fn deadline(expected: &Expected, zone: Tz, date: NaiveDate) -> Option<DateTime<Utc>> {
    instant(zone, expected.due_local(date)?)
}

/// A local time as an instant; in a gap of the local clock the first instant after it.
fn instant(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    (0..=3)
        .find_map(|hours| zone.from_local_datetime(&(local + TimeDelta::hours(hours))).earliest())
        .map(|at| at.to_utc())
}

#[cfg(test)]
mod tests;

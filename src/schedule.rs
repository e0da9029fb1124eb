//! When jobs are due. What is due follows from the commits and the clock alone: a tick, a restart or a
//! lost night changes nothing about it. Only this module names the cron crates.
//!
//! Due times are wall clock times in the job's zone. Where the clock jumps over one, the job is due when
//! the jump ends; where an hour comes twice, it is due the first time.

mod serve;
mod ping;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeZone as _, Timelike as _, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

pub use ping::Ping;
pub use serve::{Host, Serve, serve, stop_signal};

use crate::error::{Error, Result};
use crate::job::Job;

/// One night of one job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobDate {
    /// The job.
    pub job: String,
    /// Business date to compute as of.
    pub date: NaiveDate,
    /// The newest of the job's due dates: the only one of caught-up dates that mails.
    pub newest: bool,
}

/// A job's due times.
#[derive(Debug, Clone)]
pub struct Timetable {
    cron: Cron,
    zone: Tz,
}

impl Timetable {
    /// The timetable of a job in its zone.
    pub fn new(job: &Job, company: Tz) -> Result<Self> {
        let at = job.time()?;
        Ok(Self { cron: parse(at.minute(), at.hour(), &job.days)?, zone: job.zone(company) })
    }

    /// The first due time after `now`.
    pub fn next(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
        let next = self.cron.find_next_occurrence(&now.with_timezone(&self.zone), false);
        next.map(|time| time.with_timezone(&Utc)).map_err(never)
    }

    /// The last due time at or before `now`, with the business date that had closed by then: the day before.
    pub fn last(&self, now: DateTime<Utc>) -> Result<(DateTime<Utc>, NaiveDate)> {
        let last = self.cron.find_previous_occurrence(&now.with_timezone(&self.zone), true).map_err(never)?;
        let date = last.date_naive().pred_opt().ok_or_else(|| Error::bug("a due time before the calendar"))?;
        Ok((last.with_timezone(&Utc), date))
    }
}

/// Refuses days that no calendar has, such as `30 2 *`.
pub fn check_days(days: &str) -> Result<()> {
    parse(0, 0, days).map(drop)
}

/// The business dates that `job` owes at `now`, oldest first: the last `catch_up_max` scheduled dates
/// without those `committed`, from `starts_on` (else the first commit) on. A job that never ran owes only
/// the last one; what lies further back is for `tributary backfill`.
pub fn due(
    job: &Job,
    company: Tz,
    now: DateTime<Utc>,
    committed: &BTreeSet<NaiveDate>,
    catch_up_max: usize,
) -> Result<Vec<NaiveDate>> {
    Ok(due_times(job, company, now, committed, catch_up_max)?.into_iter().map(|(_, date)| date).collect())
}

/// [`due`] for all jobs, with the dates each has committed, in the order in which they fell due.
pub fn due_jobs(
    jobs: &[Job],
    company: Tz,
    now: DateTime<Utc>,
    committed: &BTreeMap<String, BTreeSet<NaiveDate>>,
    catch_up_max: usize,
) -> Result<Vec<JobDate>> {
    let none = BTreeSet::new();
    let mut all = Vec::new();
    for job in jobs {
        let times = due_times(job, company, now, committed.get(&job.name).unwrap_or(&none), catch_up_max)?;
        let newest = times.last().map(|(_, date)| *date);
        for (at, date) in times {
            all.push((at, JobDate { job: job.name.clone(), date, newest: Some(date) == newest }));
        }
    }
    all.sort();
    Ok(all.into_iter().map(|(_, work)| work).collect())
}

fn due_times(
    job: &Job,
    company: Tz,
    now: DateTime<Utc>,
    committed: &BTreeSet<NaiveDate>,
    catch_up_max: usize,
) -> Result<Vec<(DateTime<Utc>, NaiveDate)>> {
    let timetable = Timetable::new(job, company)?;
    let from = job.starts_on.or_else(|| committed.first().copied());
    let mut open = Vec::new();
    let mut before = now;
    for _ in 0..catch_up_max.max(1) {
        let (at, date) = timetable.last(before)?;
        if from.is_some_and(|from| date < from) {
            break;
        }
        if !committed.contains(&date) {
            open.push((at, date));
        }
        if from.is_none() {
            break;
        }
        before = at - chrono::TimeDelta::seconds(1);
    }
    open.reverse();
    Ok(open)
}

fn parse(minute: u32, hour: u32, days: &str) -> Result<Cron> {
    let refuse = |why: String| {
        Error::config(format!("days is \"{days}\": {why}"))
            .hint("write day of month, month and weekday as in cron: \"* * *\" every day, \"* * 1-5\" on workdays")
    };
    let fields = days.split_whitespace().count();
    if fields != 3 {
        return Err(refuse(format!("{fields} fields, expected 3")));
    }
    let cron = CronParser::builder()
        .seconds(Seconds::Required)
        .build()
        .parse(&format!("0 {minute} {hour} {days}"))
        .map_err(|err| refuse(err.to_string()))?;
    // A day that no month has is valid cron and never comes; any start finds a day that exists.
    let start = Utc.timestamp_opt(946_684_800, 0).single().ok_or_else(|| Error::bug("the year 2000 is gone"))?;
    cron.find_next_occurrence(&start, true).map_err(|_| refuse("no such day ever comes".to_string()))?;
    Ok(cron)
}

fn never(err: croner::errors::CronError) -> Error {
    Error::config("the job's days never come").because(err)
}

#[cfg(test)]
mod tests;

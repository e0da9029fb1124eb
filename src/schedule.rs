//! When jobs are due. What is due follows from the commits and the clock alone: a tick, a restart or a
//! lost night changes nothing about it. Only this module names the crate that ticks.

mod serve;
mod ping;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};

pub use ping::Ping;
pub use serve::{Due, Host, Pace, reload_signals, serve, stop_signal};

use crate::error::Result;
use crate::job::Job;
use crate::zone::Tz;

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
    let timetable = job.timetable(company)?;
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

#[cfg(test)]
mod tests;

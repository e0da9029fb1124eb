//! Whether the clock and the date of a run can be right. A night published for a date far ahead would hold what readers
//! see until that date comes, while every night in between says that all is well: so such a run is refused.

use chrono::{DateTime, TimeDelta, Utc};

use super::flow::{Arrival, Night};
use crate::error::{Error, Result};

/// Compares clock and date with the newest delivery and the newest published run. A company without either has nothing
/// to compare with.
pub(super) fn plausible(night: &Night<'_>, arrivals: &[Arrival]) -> Result<()> {
    let told = &night.request.told;
    if told.trust_clock {
        return Ok(());
    }
    let config = &night.company.config;
    let (now, date) = (night.started_at, night.request.date);
    let published = night.state.published_run();
    // What is taken back was published by such a clock: it proves nothing.
    let published = published.filter(|run| !(told.take_back && run.logical_date > date));
    if let Some(run) = published.filter(|run| behind(run.ended_at, now, config.run.clock_behind_hours_max)) {
        return Err(Error::config(format!(
            "the clock says {}, but run {} (as of {}) ended at {}: one of the two is wrong",
            minute(now),
            run.run_id,
            run.logical_date,
            minute(run.ended_at)
        ))
        .hint(format!(
            "set the clock; if it was ahead when that run was published, take it back: tributary run {} --date {date} \
             --take-back; if all is right: --trust-clock",
            night.request.job.name
        )));
    }
    let deliveries = night.state.all_sightings().map(|sighting| sighting.last_modified);
    let newest = deliveries
        .chain(arrivals.iter().map(|arrival| arrival.last_modified))
        .chain(published.map(|run| run.ended_at))
        .max();
    let Some(newest) = newest else { return Ok(()) };
    let days = (date - newest.date_naive()).num_days();
    if days > config.run.date_ahead_days_max {
        return Err(Error::config(format!(
            "{date} lies {days} days after the newest delivery and the newest published run ({}): the clock may be ahead",
            minute(newest)
        ))
        .hint(format!(
            "set the clock (it says {}); if nothing was delivered for so long: tributary run {} --date {date} --trust-clock",
            minute(now),
            night.request.job.name
        )));
    }
    Ok(())
}

/// Whether `now` lies before `then` by more than clocks are corrected by.
pub fn behind(then: DateTime<Utc>, now: DateTime<Utc>, hours_max: i64) -> bool {
    then - now > TimeDelta::try_hours(hours_max).unwrap_or(TimeDelta::MAX)
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

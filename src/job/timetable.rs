//! When a job is due. Only this file names the crate that reads cron lines.
//!
//! Due times are wall clock times in the job's zone. Where the clock jumps over one, the job is due when
//! the jump ends; where an hour comes twice, it is due the first time. A day that the zone leaves out altogether
//! (Samoa, 30 December 2011) is no business day and has no night.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Timelike as _, Utc};
use croner::parser::{CronParser, Seconds};
use croner::{Cron, Direction};

use crate::error::{Error, Result};
use crate::zone::Tz;

/// No zone moves its clock by more than a day at once; from a moment this far away, nothing that is near is missed.
const JUMP_MAX: TimeDelta = TimeDelta::hours(50);

/// A job's due times.
#[derive(Debug, Clone)]
pub struct Timetable {
    cron: Cron,
    zone: Tz,
}

impl Timetable {
    /// Every day of `days`, at a local time of a zone.
    pub fn new(at: NaiveTime, days: &str, zone: Tz) -> Result<Self> {
        Ok(Self { cron: parse(at.minute(), at.hour(), days)?, zone })
    }

    /// The first due time after `now`.
    pub fn next(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
        let start = self.wall(now) - JUMP_MAX;
        for local in self.walk(start, Direction::Forward) {
            if let Some(due) = self.due(local?).filter(|due| *due > now) {
                return Ok(due);
            }
        }
        Err(never())
    }

    /// The last due time at or before `now`, with the business date that had closed by then: the day before.
    pub fn last(&self, now: DateTime<Utc>) -> Result<(DateTime<Utc>, NaiveDate)> {
        let start = self.wall(now) + JUMP_MAX;
        for local in self.walk(start, Direction::Backward) {
            let local = local?;
            if let Some(due) = self.due(local).filter(|due| *due <= now) {
                let date =
                    day_before(local.date(), self.zone).ok_or_else(|| Error::bug("a due time before the calendar"))?;
                return Ok((due, date));
            }
        }
        Err(never())
    }

    /// What a clock on the wall shows.
    fn wall(&self, now: DateTime<Utc>) -> NaiveDateTime {
        now.with_timezone(&self.zone).naive_local()
    }

    /// Due times as clocks on the wall show them, from `start` on, in a calendar where no clock is ever moved.
    fn walk(&self, start: NaiveDateTime, direction: Direction) -> impl Iterator<Item = Result<NaiveDateTime>> {
        let mut at = Some(start.and_utc());
        std::iter::from_fn(move || {
            let from = at.take()?;
            let found = match direction {
                Direction::Forward => self.cron.find_next_occurrence(&from, false),
                Direction::Backward => self.cron.find_previous_occurrence(&from, false),
            };
            at = found.as_ref().ok().copied();
            Some(found.map(|found| found.naive_utc()).map_err(|err| never().because(err)))
        })
    }

    /// The instant of a time on the wall; none on a day that the zone leaves out.
    fn due(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        if !exists(local.date(), self.zone) {
            return None;
        }
        let instant = |local: NaiveDateTime| self.zone.from_local_datetime(&local).earliest();
        let mut minutes = (0..JUMP_MAX.num_minutes()).map(|minutes| local + TimeDelta::minutes(minutes));
        minutes.find_map(instant).map(|due| due.to_utc())
    }
}

/// The last day before `date` that the zone has.
pub(super) fn day_before(date: NaiveDate, zone: Tz) -> Option<NaiveDate> {
    let before = |days| date.checked_sub_days(Days::new(days));
    (1..).map_while(before).find(|day| exists(*day, zone))
}

/// Whether the zone has that day: at noon no clock is ever moved, unless the whole day is.
fn exists(date: NaiveDate, zone: Tz) -> bool {
    const NOON: NaiveTime = match NaiveTime::from_hms_opt(12, 0, 0) {
        Some(noon) => noon,
        None => NaiveTime::MIN,
    };
    zone.from_local_datetime(&date.and_time(NOON)).earliest().is_some()
}

/// Refuses days that no calendar has, such as `30 2 *`.
pub(super) fn check_days(days: &str) -> Result<()> {
    parse(0, 0, days).map(drop)
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

fn never() -> Error {
    Error::config("the job's days never come")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_never_come_are_refused_at_once() {
        for (days, why) in [
            ("30 2 *", "no such day ever comes"),
            ("31 4,6 *", "no such day ever comes"),
            ("* *", "2 fields, expected 3"),
            ("@daily", "1 fields, expected 3"),
            ("x * *", "days is \"x * *\""),
            ("* 13 *", "days is \"* 13 *\""),
        ] {
            let err = check_days(days).expect_err(days);
            assert!(err.to_string().contains(why), "{err}");
            assert!(err.advice().is_some_and(|hint| hint.contains("1-5")));
        }
        for days in ["* * *", "29 2 *", "L * *", "* * 1-5", "1,15 * *", "* * mon"] {
            assert!(check_days(days).is_ok(), "{days}");
        }
    }
}

//! When a job is due. Only this file names the crate that reads cron lines.
//!
//! Due times are wall clock times in the job's zone. Where the clock jumps over one, the job is due when
//! the jump ends; where an hour comes twice, it is due the first time.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone as _, Timelike as _, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use crate::error::{Error, Result};

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

fn never(err: croner::errors::CronError) -> Error {
    Error::config("the job's days never come").because(err)
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

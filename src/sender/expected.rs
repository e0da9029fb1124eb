//! When a sender's files are due.

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::{Error, Result};

/// On which business dates a file is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedDays {
    /// Every day.
    All,
    /// Workdays of the `calendar` feed; without one Monday to Friday.
    Workdays,
    /// The last day of each month.
    Monthly,
    /// These weekdays, Monday first.
    Weekdays([bool; 7]),
}

/// When files of a feed are due.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// Local time of day, in the sender's zone.
    pub by: NaiveTime,
    /// Business dates for which there is to be a file.
    pub days: ExpectedDays,
    /// The file for business date D is due on D + this many days.
    pub lag_days: u64,
    /// Minutes that are forgiven.
    pub grace_minutes: i64,
    /// First business date that is expected.
    pub from: Option<NaiveDate>,
    /// Region of the calendar feed whose own holidays count besides those of all regions.
    pub region: Option<String>,
}

impl Expected {
    /// Whether a file is expected for `date`; `workday` is what the calendar feed says of it, if anything.
    pub fn expects(&self, date: NaiveDate, workday: Option<bool>) -> bool {
        if self.from.is_some_and(|from| date < from) {
            return false;
        }
        let weekday = date.weekday().num_days_from_monday() as usize;
        match self.days {
            ExpectedDays::All => true,
            ExpectedDays::Workdays => workday.unwrap_or(weekday < 5),
            ExpectedDays::Monthly => date.checked_add_days(Days::new(1)).is_some_and(|next| next.day() == 1),
            ExpectedDays::Weekdays(days) => days[weekday],
        }
    }

    /// Local day and time at which the file for `date` is due, before grace.
    pub fn due_local(&self, date: NaiveDate) -> Option<chrono::NaiveDateTime> {
        Some(date.checked_add_days(Days::new(self.lag_days))?.and_time(self.by))
    }
}

/// When files of a feed are due; nothing is expected without it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Expected")]
pub(super) struct RawExpected {
    /// Local time of day, in the sender's zone.
    #[schemars(example = &"06:00")]
    by: String,
    /// Business dates for which there is to be a file: all, workdays, monthly, or weekdays such as 1-5 or mon,thu.
    #[schemars(example = &"workdays")]
    #[serde(default = "all")]
    days: String,
    /// The file of business date D is due on D + this many days.
    #[schemars(example = 2)]
    #[serde(default = "one_day")]
    lag_days: u64,
    /// Minutes that are forgiven.
    #[schemars(example = 30)]
    #[serde(default)]
    grace_minutes: i64,
    /// First business date that is expected.
    #[schemars(example = &"2026-11-01")]
    from: Option<String>,
    /// Region of the calendar feed whose own holidays count besides those of all regions.
    #[schemars(example = &"HK")]
    region: Option<String>,
}

fn all() -> String {
    "all".into()
}

fn one_day() -> u64 {
    1
}

/// Reads the `expected` table.
pub(super) fn expected_of(raw: &RawExpected) -> Result<Expected> {
    let by = NaiveTime::parse_from_str(&raw.by, "%H:%M")
        .map_err(|err| Error::config(format!("expected.by is \"{}\"; expected HH:MM", raw.by)).because(err))?;
    let from =
        match &raw.from {
            None => None,
            Some(text) => Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|err| {
                Error::config(format!("expected.from is \"{text}\"; expected YYYY-MM-DD")).because(err)
            })?),
        };
    if raw.grace_minutes < 0 {
        return Err(Error::config("expected.grace_minutes must not be negative"));
    }
    let days = days_of(&raw.days)?;
    if raw.region.is_some() && days != ExpectedDays::Workdays {
        return Err(Error::config("expected.region is for days = \"workdays\": other days follow no calendar"));
    }
    let region = raw.region.clone();
    Ok(Expected { by, days, lag_days: raw.lag_days, grace_minutes: raw.grace_minutes, from, region })
}

/// `all`, `workdays`, `monthly`, or weekdays as in cron: `1-5`, `1,3,5`, `mon-fri`; 0 and 7 are Sunday.
pub(super) fn days_of(text: &str) -> Result<ExpectedDays> {
    match text {
        "all" => return Ok(ExpectedDays::All),
        "workdays" => return Ok(ExpectedDays::Workdays),
        "monthly" => return Ok(ExpectedDays::Monthly),
        _ => {}
    }
    let wrong = || {
        Error::config(format!(
            "expected.days is \"{text}\"; expected all, workdays, monthly, or weekdays such as 1-5 or mon,thu"
        ))
    };
    let day = |part: &str| -> Result<usize> {
        match part.trim().parse::<usize>() {
            Ok(number @ 0..=7) => Ok((number + 6) % 7),
            Ok(_) => Err(wrong()),
            Err(_) => Ok(part.trim().parse::<Weekday>().map_err(|_| wrong())?.num_days_from_monday() as usize),
        }
    };
    let mut days = [false; 7];
    for part in text.split(',') {
        match part.split_once('-') {
            Some((from, to)) => {
                let (mut at, last) = (day(from)?, day(to)?);
                loop {
                    days[at] = true;
                    if at == last {
                        break;
                    }
                    at = (at + 1) % 7;
                }
            }
            None => days[day(part)?] = true,
        }
    }
    Ok(ExpectedDays::Weekdays(days))
}

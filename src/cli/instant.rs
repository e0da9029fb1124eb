//! Instants as people write and read them: in the company's zone.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone, Utc};

use crate::error::{Error, Result};
use crate::pipeline::Company;

/// A day (to its end), a local time or an instant.
pub(super) fn instant(company: &Company, text: &str) -> Result<DateTime<Utc>> {
    let wrong = || {
        Error::config(format!("\"{text}\" is no end"))
            .hint("write a day (2026-12-31), a local time (2026-12-31T08:00) or an instant with its offset")
    };
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let local = match text.parse::<NaiveDate>() {
        Ok(day) => day.checked_add_days(Days::new(1)).ok_or_else(wrong)?.and_time(NaiveTime::MIN),
        Err(_) => chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").map_err(|_| wrong())?,
    };
    let zone = company.config.company.time_zone;
    zone.from_local_datetime(&local).earliest().map(|at| at.to_utc()).ok_or_else(wrong)
}

pub(super) fn shown(company: &Company, at: DateTime<Utc>) -> String {
    at.with_timezone(&company.config.company.time_zone).format("%Y-%m-%d %H:%M %Z").to_string()
}

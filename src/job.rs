//! `jobs/<job>.toml`: what runs, when, over which senders, with which marts and alerts.

mod timetable;

use std::path::Path;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use globset::GlobBuilder;
use serde::Deserialize;

use crate::contract::written::parse_toml;
use crate::error::{Error, Result};
use crate::text_file;
use crate::zone::Tz;

pub use timetable::Timetable;

/// One job.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The file's name without `.toml`.
    #[serde(skip)]
    pub name: String,
    /// One sentence for people.
    pub description: String,
    /// Local time of day at which the job is due, `HH:MM`.
    pub at: String,
    /// Day-of-month, month and weekday fields of a cron line; every day by default.
    #[serde(default = "every_day")]
    pub days: String,
    /// Zone of `at` and of the business day; the company's by default.
    pub time_zone: Option<Tz>,
    /// First business date that `serve` may catch up to; without it only the last one is due at the first start.
    pub starts_on: Option<NaiveDate>,
    /// Senders by name (globs allowed); all by default.
    #[serde(default = "all")]
    pub senders: Vec<String>,
    /// Marts to build (globs allowed); all by default. What they read is built too.
    #[serde(default = "all")]
    pub marts: Vec<String>,
    /// Alerts to raise (globs allowed); all by default.
    #[serde(default = "all")]
    pub alerts: Vec<String>,
    /// Sends mails; switched off for jobs that only build.
    #[serde(default = "yes")]
    pub mail: bool,
}

fn every_day() -> String {
    "* * *".into()
}
fn all() -> Vec<String> {
    vec!["*".into()]
}
fn yes() -> bool {
    true
}

impl Job {
    /// Reads `jobs/<name>.toml`.
    pub fn load(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(format!("{name}.toml"));
        if !path.exists() {
            let known = Self::names(folder).unwrap_or_default().join(", ");
            return Err(Error::config(format!("there is no job `{name}`"))
                .at(path.display())
                .hint(format!("jobs there are: {known}")));
        }
        let text = text_file::read(&path)?;
        let mut job: Self = parse_toml(&text).map_err(|err| err.at(path.display()))?;
        job.name = name.to_string();
        job.time().map_err(|err| err.at(path.display()))?;
        timetable::check_days(&job.days).map_err(|err| err.at(path.display()))?;
        Ok(job)
    }

    /// A job of which nothing is known but its name.
    pub fn unread(name: &str) -> Self {
        Self {
            name: name.to_string(),
            description: String::new(),
            at: "00:00".into(),
            days: every_day(),
            time_zone: None,
            starts_on: None,
            senders: all(),
            marts: all(),
            alerts: all(),
            mail: true,
        }
    }

    /// The jobs in `folder`, by name.
    pub fn names(folder: &Path) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            // What editors keep beside a file they are writing is no job.
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if !hidden && path.is_file() && path.extension().is_some_and(|ext| ext == "toml") {
                names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
            }
        }
        names.sort();
        Ok(names)
    }

    /// The local time of day at which the job is due.
    pub fn time(&self) -> Result<NaiveTime> {
        NaiveTime::parse_from_str(&self.at, "%H:%M")
            .map_err(|err| Error::config(format!("at is \"{}\"; expected HH:MM", self.at)).because(err))
    }

    /// Its due times.
    pub fn timetable(&self, company: Tz) -> Result<Timetable> {
        Timetable::new(self.time()?, &self.days, self.zone(company))
    }

    /// The zone of the job.
    pub fn zone(&self, company: Tz) -> Tz {
        self.time_zone.unwrap_or(company)
    }

    /// The last closed business day at `now`: yesterday in the job's zone (the day before, where the zone left that out).
    pub fn last_closed_day(&self, company: Tz, now: DateTime<Utc>) -> NaiveDate {
        let zone = self.zone(company);
        let today = now.with_timezone(&zone).date_naive();
        timetable::day_before(today, zone).unwrap_or(today)
    }
}

/// Whether any of the globs matches `name`.
pub fn matches_any(globs: &[String], name: &str) -> bool {
    let matcher =
        |glob: &str| GlobBuilder::new(glob).literal_separator(true).build().map(|glob| glob.compile_matcher());
    globs.iter().any(|glob| matcher(glob).is_ok_and(|matcher| matcher.is_match(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_choose_names() {
        assert!(matches_any(&["*".into()], "d01"));
        assert!(matches_any(&["a*".into(), "d*".into()], "d01"));
        assert!(!matches_any(&["a*".into()], "d01"));
    }
}

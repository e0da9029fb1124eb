//! Calendar months: the partitions of models.

use std::fmt;

use chrono::{Datelike, Days, Months, NaiveDate};

use crate::error::{Error, Result};

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Month(NaiveDate);

impl Month {
    /// The month that holds `date`.
    pub(super) fn of(date: NaiveDate) -> Self {
        Self(date.with_day(1).unwrap_or(date))
    }

    /// Reads `2026-11`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")
            .map(Self)
            .map_err(|err| Error::bug(format!("\"{text}\" is not a month as 2026-11")).because(err))
    }

    /// Its first day.
    pub(super) fn first(self) -> NaiveDate {
        self.0
    }

    /// Its last day.
    pub(super) fn last(self) -> NaiveDate {
        self.next().0.pred_opt().unwrap_or(NaiveDate::MAX)
    }

    /// The month after it.
    pub(super) fn next(self) -> Self {
        Self(self.0.checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX))
    }

    /// All months from one date's to another's.
    pub(super) fn span(from: NaiveDate, to: NaiveDate) -> Vec<Self> {
        let mut months = Vec::new();
        let mut month = Self::of(from);
        while month.0 <= to {
            months.push(month);
            let next = month.next();
            if next == month {
                break;
            }
            month = next;
        }
        months
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m"))
    }
}

/// `date` moved back by so many days.
pub(super) fn back(date: NaiveDate, days: u32) -> NaiveDate {
    date.checked_sub_days(Days::new(u64::from(days))).unwrap_or(NaiveDate::MIN)
}

/// `date` moved ahead by so many days.
pub(super) fn ahead(date: NaiveDate, days: i64) -> NaiveDate {
    date.checked_add_days(Days::new(u64::try_from(days).unwrap_or(0))).unwrap_or(NaiveDate::MAX)
}

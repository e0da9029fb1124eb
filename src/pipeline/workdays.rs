//! Which days are worked, as far as anybody has said.

use std::collections::BTreeMap;

use chrono::NaiveDate;

/// Days that the calendar speaks of; on all others people work from Monday to Friday.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Workdays {
    /// By date and region; no region speaks for all of them.
    days: BTreeMap<(NaiveDate, Option<String>), bool>,
}

impl Workdays {
    /// What the calendar says of a date: for the region, else for everybody, else nothing.
    pub(super) fn is_workday(&self, date: NaiveDate, region: Option<&str>) -> Option<bool> {
        let of = |region: Option<&str>| self.days.get(&(date, region.map(str::to_string))).copied();
        region.and_then(|region| of(Some(region))).or_else(|| of(None))
    }

    /// The calendar says of a date, for a region or for everybody, whether it is worked.
    pub(super) fn set(&mut self, date: NaiveDate, region: Option<String>, works: bool) {
        self.days.insert((date, region), works);
    }

    #[cfg(test)]
    pub(super) fn of(days: impl IntoIterator<Item = (NaiveDate, Option<&'static str>, bool)>) -> Self {
        let days = days.into_iter().map(|(date, region, works)| ((date, region.map(str::to_string)), works));
        Self { days: days.collect() }
    }
}

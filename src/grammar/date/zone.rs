//! Local times and instants.

use chrono::{NaiveDateTime, Offset, TimeZone};

use super::{DateFault, Moment};

use crate::zone::Tz;

const DAY_MICROS: i64 = 86_400_000_000;

/// Turns local times into UTC and back; remembers the offset of days on which it does not change.
#[derive(Debug)]
pub struct Zone {
    zone: Tz,
    /// By day modulo the length: the day and its one offset in microseconds.
    days: Vec<Option<(i32, i64)>>,
}

impl Zone {
    /// A zone with an empty memory.
    pub fn new(zone: Tz) -> Self {
        Self { zone, days: vec![None; 512] }
    }

    /// The instant in microseconds since 1970 UTC, and the local day in this zone.
    #[inline]
    pub fn instant(&mut self, at: Moment) -> Result<(i64, i32), DateFault> {
        let local = i64::from(at.day) * DAY_MICROS + at.micros;
        if let Some(offset) = at.offset {
            let utc = local - i64::from(offset) * 1_000_000;
            return Ok((utc, self.local_day(utc)));
        }
        if let Some((day, offset)) = self.days[at.day.rem_euclid(512).unsigned_abs() as usize]
            && day == at.day
        {
            return Ok((local - offset, at.day));
        }
        let start = naive(i64::from(at.day) * DAY_MICROS).ok_or(DateFault::OutOfRange)?;
        let end = naive((i64::from(at.day) + 1) * DAY_MICROS).ok_or(DateFault::OutOfRange)?;
        let offset_at = |when: &NaiveDateTime| {
            self.zone.offset_from_local_datetime(when).single().map(|offset| i64::from(offset.fix().local_minus_utc()))
        };
        // two changes within one day do not happen, so equal ends mean one offset all day
        if let (Some(first), Some(last)) = (offset_at(&start), offset_at(&end))
            && first == last
        {
            self.days[at.day.rem_euclid(512).unsigned_abs() as usize] = Some((at.day, first * 1_000_000));
            return Ok((local - first * 1_000_000, at.day));
        }
        let when = naive(local).ok_or(DateFault::OutOfRange)?;
        // of a time that comes twice the first is taken
        let offset = self.zone.offset_from_local_datetime(&when).earliest().ok_or(DateFault::NoSuchLocalTime)?;
        Ok((local - i64::from(offset.fix().local_minus_utc()) * 1_000_000, at.day))
    }

    /// The local day of an instant in microseconds since 1970 UTC.
    pub fn local_day(&self, utc: i64) -> i32 {
        let offset =
            naive(utc).map_or(0, |when| i64::from(self.zone.offset_from_utc_datetime(&when).fix().local_minus_utc()));
        i32::try_from((utc + offset * 1_000_000).div_euclid(DAY_MICROS)).unwrap_or(i32::MAX)
    }
}

pub(super) fn naive(micros: i64) -> Option<NaiveDateTime> {
    chrono::DateTime::from_timestamp_micros(micros).map(|at| at.naive_utc())
}

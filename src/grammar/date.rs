//! Dates and instants, read from text by declared format. What would lose something is refused: a time of
//! day in a date, an offset that the format does not name, digits finer than a microsecond, years that
//! cannot be meant.

mod scan;
mod zone;

use chrono::NaiveDate;

use super::text::fold_width;
use crate::error::{Error, Result};
use scan::Scan;

pub use zone::Zone;

/// Days from 1970-01-01 to the first and last date that is taken: 1900-01-01 and 9999-12-31.
const DAYS: std::ops::RangeInclusive<i32> = -25_567..=2_932_896;

/// Why a text is not the date or instant that the contract wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateFault {
    /// Not written as declared, or no such day.
    Malformed,
    /// A time of day other than midnight in a date column.
    DroppedTime,
    /// Before 1900 or after 9999.
    OutOfRange,
    /// A local time that daylight saving skips.
    NoSuchLocalTime,
    /// Finer than a microsecond.
    ExcessPrecision,
}

/// What a text says, before any zone is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Days since 1970-01-01.
    pub day: i32,
    /// Microseconds since midnight; 0 where the text has no time.
    pub micros: i64,
    /// Seconds east of UTC, where the text says.
    pub offset: Option<i32>,
    /// Whether the text has a time of day: without one it names a day and no instant.
    pub timed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Literal(Vec<u8>),
    Space,
    Number(Part, u8),
    MonthName,
    AmPm,
    Fraction,
    Offset,
    ZoneName,
    Epoch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    ShortYear,
    Month,
    Day,
    Hour,
    Hour12,
    Minute,
    Second,
    Micro(u8),
}

/// From when a workbook counts its days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Epoch {
    Y1900,
    Y1904,
}

/// A compiled date format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// As declared.
    pub format: String,
    items: Vec<Item>,
    /// Whether it names a time of day.
    timed: bool,
    /// Serial numbers of a workbook instead of a text: days since 1899-12-30, or since 1904-01-01.
    excel: Option<Epoch>,
}

impl Pattern {
    /// Compiles a format of chrono's strftime items, or `excel` / `excel1904` for serial numbers.
    pub fn compile(format: &str) -> Result<Self> {
        let epoch = match format {
            "excel" => Some(Epoch::Y1900),
            "excel1904" => Some(Epoch::Y1904),
            _ => None,
        };
        if epoch.is_some() {
            return Ok(Self { format: format.into(), items: Vec::new(), timed: true, excel: epoch });
        }
        let mut items = Vec::new();
        let expanded = format.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S").replace("%R", "%H:%M");
        let folded = fold_width(&expanded);
        let mut chars = folded.chars().peekable();
        while let Some(char) = chars.next() {
            if char == ' ' {
                items.push(Item::Space);
                continue;
            }
            if char != '%' {
                let mut buffer = [0; 4];
                let bytes = char.encode_utf8(&mut buffer).as_bytes();
                match items.last_mut() {
                    Some(Item::Literal(literal)) => literal.extend_from_slice(bytes),
                    _ => items.push(Item::Literal(bytes.to_vec())),
                }
                continue;
            }
            // `%-d` and `%_d` mean the same when reading
            while chars.next_if(|next| matches!(next, '-' | '_' | '0')).is_some() {}
            let number = |part, width| Item::Number(part, width);
            let item = match chars.next() {
                Some('Y') => number(Part::Year, 4),
                Some('y') => number(Part::ShortYear, 2),
                Some('m') => number(Part::Month, 2),
                Some('d' | 'e') => number(Part::Day, 2),
                Some('H' | 'k') => number(Part::Hour, 2),
                Some('I' | 'l') => number(Part::Hour12, 2),
                Some('M') => number(Part::Minute, 2),
                Some('S') => number(Part::Second, 2),
                Some('3') if chars.next_if_eq(&'f').is_some() => number(Part::Micro(3), 3),
                Some('6') if chars.next_if_eq(&'f').is_some() => number(Part::Micro(6), 6),
                Some('.') if chars.next_if_eq(&'f').is_some() => Item::Fraction,
                Some('b' | 'B' | 'h') => Item::MonthName,
                Some('p' | 'P') => Item::AmPm,
                Some('z') => Item::Offset,
                Some('Z') => Item::ZoneName,
                Some(':') if chars.next_if_eq(&'z').is_some() => Item::Offset,
                Some('s') => Item::Epoch,
                Some('%') => Item::Literal(vec![b'%']),
                other => {
                    let shown = other.map(String::from).unwrap_or_default();
                    return Err(Error::config(format!("format \"{format}\" has `%{shown}`, which is not supported")).hint(
                        "use %Y %y %m %d %H %I %p %M %S %.f %3f %6f %b %z %:z %Z %s %F %T %R, or \"excel\" (\"excel1904\") for serial numbers",
                    ));
                }
            };
            items.push(item);
        }
        let has = |wanted: Part| items.iter().any(|item| matches!(item, Item::Number(part, _) if *part == wanted));
        let year = has(Part::Year) || has(Part::ShortYear);
        let month = has(Part::Month) || items.contains(&Item::MonthName);
        let dated = year && month && has(Part::Day);
        if !dated && !items.contains(&Item::Epoch) {
            return Err(Error::config(format!("format \"{format}\" does not name year, month and day")));
        }
        let timed = has(Part::Hour) || has(Part::Hour12);
        Ok(Self { format: format.into(), items, timed, excel: None })
    }

    /// Whether it reads serial numbers.
    pub fn is_serial(&self) -> bool {
        self.excel.is_some()
    }

    /// Reads a trimmed text by this format.
    pub fn read(&self, text: &[u8]) -> Result<Moment, DateFault> {
        if let Some(epoch) = self.excel {
            let serial: f64 =
                std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(DateFault::Malformed)?;
            return excel_serial(serial, epoch == Epoch::Y1904);
        }
        if text.is_ascii() {
            return self.read_folded(text);
        }
        let text = std::str::from_utf8(text).map_err(|_| DateFault::Malformed)?;
        self.read_folded(fold_width(text).as_bytes())
    }

    fn read_folded(&self, text: &[u8]) -> Result<Moment, DateFault> {
        let mut at = Scan { text, pos: 0 };
        let (mut year, mut month, mut day) = (0, 0, 0);
        let (mut hour, mut minute, mut second, mut micros) = (0_i64, 0_i64, 0_i64, 0_i64);
        let (mut afternoon, mut offset) = (None, None);
        for (index, item) in self.items.iter().enumerate() {
            match item {
                Item::Literal(literal) => at.literal(literal)?,
                Item::Space => at.spaces(),
                Item::Number(part, width) => {
                    // digits that follow each other directly must fill their width
                    let beside =
                        |at: Option<usize>| matches!(at.and_then(|at| self.items.get(at)), Some(Item::Number(..)));
                    let tight = beside(Some(index + 1)) || beside(index.checked_sub(1));
                    let value = at.number(usize::from(*width), tight || matches!(part, Part::Micro(_) | Part::Year))?;
                    match part {
                        Part::Year => year = i32::try_from(value).map_err(|_| DateFault::Malformed)?,
                        Part::ShortYear => {
                            let short = i32::try_from(value).map_err(|_| DateFault::Malformed)?;
                            year = short + if short < 70 { 2000 } else { 1900 };
                        }
                        Part::Month => month = value,
                        Part::Day => day = value,
                        Part::Hour if value < 24 => hour = value,
                        Part::Hour12 if (1..=12).contains(&value) => hour = value % 12,
                        Part::Minute if value < 60 => minute = value,
                        Part::Second if value < 60 => second = value,
                        Part::Micro(digits) => micros = if *digits == 3 { value * 1000 } else { value },
                        _ => return Err(DateFault::Malformed),
                    }
                }
                Item::MonthName => month = at.month_name()?,
                Item::AmPm => afternoon = Some(at.am_pm()?),
                Item::Fraction => micros = at.fraction()?,
                Item::Offset => offset = Some(at.offset()?),
                Item::ZoneName => offset = Some(at.zone_name()?),
                Item::Epoch => {
                    let seconds = at.signed()?;
                    at.end()?;
                    let day = i32::try_from(seconds.div_euclid(86_400)).map_err(|_| DateFault::OutOfRange)?;
                    return moment(day, seconds.rem_euclid(86_400) * 1_000_000, Some(0), true);
                }
            }
        }
        at.end()?;
        if afternoon == Some(true) {
            hour += 12;
        }
        if hour > 23 {
            return Err(DateFault::Malformed);
        }
        let day = day_number(i64::from(year), month, day)?;
        moment(day, ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros, offset, self.timed)
    }
}

fn moment(day: i32, micros: i64, offset: Option<i32>, timed: bool) -> Result<Moment, DateFault> {
    if DAYS.contains(&day) { Ok(Moment { day, micros, offset, timed }) } else { Err(DateFault::OutOfRange) }
}

/// Days since 1970-01-01 of a civil date, by Howard Hinnant's algorithm.
#[inline]
fn day_number(year: i64, month: i64, day: i64) -> Result<i32, DateFault> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return Err(DateFault::Malformed),
    };
    if !(1..=last).contains(&day) {
        return Err(DateFault::Malformed);
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era * 146_097 + day_of_era - 719_468).map_err(|_| DateFault::OutOfRange)
}

/// ISO 8601: `2026-11-22`, or with a time `2026-11-22 08:30[:15[.123]]`, with `T` or a space, and with
/// `Z` or an offset, which the form itself declares.
#[inline]
pub fn read_iso(text: &[u8]) -> Result<Moment, DateFault> {
    let mut at = Scan { text, pos: 0 };
    let year = at.two_digits()? * 100 + at.two_digits()?;
    at.byte(b'-')?;
    let month = at.two_digits()?;
    at.byte(b'-')?;
    let day = day_number(year, month, at.two_digits()?)?;
    if at.pos == text.len() {
        return moment(day, 0, None, false);
    }
    if at.byte(b'T').is_err() {
        at.byte(b' ')?;
    }
    let hour = at.two_digits()?;
    at.byte(b':')?;
    let minute = at.two_digits()?;
    let (mut second, mut micros) = (0, 0);
    if at.byte(b':').is_ok() {
        second = at.two_digits()?;
        micros = at.fraction()?;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return Err(DateFault::Malformed);
    }
    let offset = match at.text.get(at.pos) {
        None => None,
        Some(_) => Some(at.offset()?),
    };
    at.end()?;
    moment(day, ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros, offset, true)
}

/// A serial number of Excel: days since 1899-12-30 (or 1904-01-01), rounded to milliseconds as Excel does.
pub fn excel_serial(serial: f64, from_1904: bool) -> Result<Moment, DateFault> {
    let serial = if from_1904 { serial + 1462.0 } else { serial };
    // before March 1900 Excel counts a 29 February that never was
    if !(61.0..2_958_466.0).contains(&serial) {
        return Err(DateFault::OutOfRange);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    let millis = (serial * 86_400_000.0).round() as i64;
    let day = i32::try_from(millis.div_euclid(86_400_000) - 25_569).map_err(|_| DateFault::OutOfRange)?;
    let micros = millis.rem_euclid(86_400_000) * 1000;
    moment(day, micros, None, micros != 0)
}

/// The calendar date of a day number.
pub fn date_of(day: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(day).unwrap_or(if day < 0 { NaiveDate::MIN } else { NaiveDate::MAX })
}

/// The day number of a calendar date.
pub fn day_of(date: NaiveDate) -> i32 {
    date.to_epoch_days()
}

#[cfg(test)]
mod tests;

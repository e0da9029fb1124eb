//! Dates and instants, read from text by declared format. What would lose something is refused: a time of
//! day in a date, an offset that the format does not name, digits finer than a microsecond, years that
//! cannot be meant.

use chrono::{NaiveDate, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::text::fold_width;
use crate::error::{Error, Result};

/// Days from 1970-01-01 to the first and last date that is taken: 1900-01-01 and 9999-12-31.
const DAYS: std::ops::RangeInclusive<i32> = -25_567..=2_932_896;
const DAY_MICROS: i64 = 86_400_000_000;

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
            return Ok(Self { format: format.into(), items: Vec::new(), excel: epoch });
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
                Some(':') if chars.next_if_eq(&'z').is_some() => Item::Offset,
                Some('s') => Item::Epoch,
                Some('%') => Item::Literal(vec![b'%']),
                other => {
                    let shown = other.map(String::from).unwrap_or_default();
                    return Err(Error::config(format!("format \"{format}\" has `%{shown}`, which is not supported")).hint(
                        "use %Y %y %m %d %H %I %p %M %S %.f %3f %6f %b %z %:z %s %F %T %R, or \"excel\" (\"excel1904\") for serial numbers",
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
        Ok(Self { format: format.into(), items, excel: None })
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
                Item::Epoch => {
                    let seconds = at.signed()?;
                    at.end()?;
                    let day = i32::try_from(seconds.div_euclid(86_400)).map_err(|_| DateFault::OutOfRange)?;
                    return moment(day, seconds.rem_euclid(86_400) * 1_000_000, Some(0));
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
        moment(day, ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros, offset)
    }
}

fn moment(day: i32, micros: i64, offset: Option<i32>) -> Result<Moment, DateFault> {
    if DAYS.contains(&day) { Ok(Moment { day, micros, offset }) } else { Err(DateFault::OutOfRange) }
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
        return moment(day, 0, None);
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
    moment(day, ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros, offset)
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
    moment(day, millis.rem_euclid(86_400_000) * 1000, None)
}

struct Scan<'a> {
    text: &'a [u8],
    pos: usize,
}

impl Scan<'_> {
    #[inline]
    fn byte(&mut self, wanted: u8) -> Result<(), DateFault> {
        if self.text.get(self.pos) == Some(&wanted) {
            self.pos += 1;
            Ok(())
        } else {
            Err(DateFault::Malformed)
        }
    }

    fn literal(&mut self, literal: &[u8]) -> Result<(), DateFault> {
        if self.text[self.pos..].starts_with(literal) {
            self.pos += literal.len();
            Ok(())
        } else {
            Err(DateFault::Malformed)
        }
    }

    fn spaces(&mut self) {
        while self.text.get(self.pos) == Some(&b' ') {
            self.pos += 1;
        }
    }

    #[inline]
    fn two_digits(&mut self) -> Result<i64, DateFault> {
        match self.text.get(self.pos..self.pos + 2) {
            Some(&[tens @ b'0'..=b'9', ones @ b'0'..=b'9']) => {
                self.pos += 2;
                Ok(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
            }
            _ => Err(DateFault::Malformed),
        }
    }

    fn number(&mut self, width: usize, exactly: bool) -> Result<i64, DateFault> {
        let rest = &self.text[self.pos..];
        let digits = rest.iter().take(width).take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || exactly && digits != width {
            return Err(DateFault::Malformed);
        }
        self.pos += digits;
        Ok(rest[..digits].iter().fold(0, |value, byte| value * 10 + i64::from(byte - b'0')))
    }

    fn signed(&mut self) -> Result<i64, DateFault> {
        let rest = std::str::from_utf8(&self.text[self.pos..]).map_err(|_| DateFault::Malformed)?;
        self.pos = self.text.len();
        rest.parse().map_err(|_| DateFault::Malformed)
    }

    /// `.123456`; nothing at all is no fraction.
    fn fraction(&mut self) -> Result<i64, DateFault> {
        if self.byte(b'.').is_err() {
            return Ok(0);
        }
        let (mut micros, mut digits) = (0_i64, 0);
        while let Some(byte @ b'0'..=b'9') = self.text.get(self.pos) {
            digits += 1;
            if digits <= 6 {
                micros = micros * 10 + i64::from(byte - b'0');
            } else if *byte != b'0' {
                return Err(DateFault::ExcessPrecision);
            }
            self.pos += 1;
        }
        if digits == 0 {
            return Err(DateFault::Malformed);
        }
        for _ in digits..6 {
            micros *= 10;
        }
        Ok(micros)
    }

    /// `Z`, `+08:00`, `+0800` or `+08`.
    fn offset(&mut self) -> Result<i32, DateFault> {
        self.spaces();
        if self.byte(b'Z').is_ok() || self.byte(b'z').is_ok() {
            return Ok(0);
        }
        let sign = match self.text.get(self.pos) {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(DateFault::Malformed),
        };
        self.pos += 1;
        let hours = self.two_digits()?;
        let colon = self.byte(b':').is_ok();
        let minutes = if colon || self.pos < self.text.len() { self.two_digits()? } else { 0 };
        if hours > 15 || minutes > 59 {
            return Err(DateFault::Malformed);
        }
        Ok(sign * i32::try_from(hours * 3600 + minutes * 60).map_err(|_| DateFault::Malformed)?)
    }

    fn month_name(&mut self) -> Result<i64, DateFault> {
        const NAMES: [&str; 12] = [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ];
        let letters = self.text[self.pos..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let word = self.text[self.pos..self.pos + letters].to_ascii_lowercase();
        let found = NAMES.iter().position(|name| word.len() >= 3 && name.as_bytes().starts_with(&word));
        self.pos += letters;
        found.and_then(|at| i64::try_from(at + 1).ok()).ok_or(DateFault::Malformed)
    }

    fn am_pm(&mut self) -> Result<bool, DateFault> {
        const WORDS: [(&str, bool); 8] = [
            ("AM", false),
            ("PM", true),
            ("am", false),
            ("pm", true),
            ("a.m.", false),
            ("p.m.", true),
            ("上午", false),
            ("下午", true),
        ];
        for (word, afternoon) in WORDS {
            if self.literal(word.as_bytes()).is_ok() {
                return Ok(afternoon);
            }
        }
        Err(DateFault::Malformed)
    }

    fn end(&self) -> Result<(), DateFault> {
        if self.pos == self.text.len() { Ok(()) } else { Err(DateFault::Malformed) }
    }
}

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

fn naive(micros: i64) -> Option<NaiveDateTime> {
    chrono::DateTime::from_timestamp_micros(micros).map(|at| at.naive_utc())
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

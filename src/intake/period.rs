//! Which business period a file reports, and when it was delivered.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeZone, Utc};

use crate::sender::SenderFeed;
use crate::zone::Tz;

/// First and last day of a period, both inclusive.
pub(super) type Span = (NaiveDate, NaiveDate);

/// The period in a key: the first date in the file's name, else in the folder nearest to it.
pub(super) fn of_key(key: &str) -> Option<Span> {
    key.rsplit('/').find_map(of_name)
}

/// What stands between the two dates of a range. A plain `_` or `-` does not: what follows it is as often the day
/// of delivery.
const UNTIL: [&str; 7] = ["_to_", "-to-", "to", "..", "~", "至", "到"];

/// The first date in a name: `YYYY-MM-DD`, `YYYYMMDD`, `YYYY-MM` or `YYYYMM`, also with `_`, `.` or `年月日`.
/// A month means all of it; `2026-11-01_to_2026-11-07` (`..`, `~`, `至`) means all from the one to the other.
pub(super) fn of_name(name: &str) -> Option<Span> {
    let chars: Vec<char> = name.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let run = chars[at..].iter().take_while(|char| char.is_ascii_digit()).count();
        if run == 0 {
            at += 1;
            continue;
        }
        if let Some((span, end)) = of_digits(&chars, at, run) {
            return Some((span.0, until(&chars, end).filter(|last| *last >= span.0).unwrap_or(span.1)));
        }
        at += run;
    }
    None
}

/// The last day of a range whose first date ends before `at`.
fn until(chars: &[char], at: usize) -> Option<NaiveDate> {
    let rest: String = chars[at..].iter().collect();
    let rest = rest.strip_prefix('日').unwrap_or(&rest);
    let second: Vec<char> = UNTIL.iter().find_map(|mark| rest.strip_prefix(mark))?.chars().collect();
    let run = second.iter().take_while(|char| char.is_ascii_digit()).count();
    of_digits(&second, 0, run).map(|(span, _)| span.1)
}

/// The date in a run of digits and what follows it, and where it ends.
fn of_digits(chars: &[char], at: usize, run: usize) -> Option<(Span, usize)> {
    let number = |from: usize, length: usize| -> Option<u32> {
        let digits = chars.get(from..from + length)?;
        digits.iter().try_fold(0, |value, char| Some(value * 10 + char.to_digit(10)?))
    };
    let year = i32::try_from(number(at, 4.min(run))?).ok().filter(|year| (1990..2100).contains(year))?;
    match run {
        // a date, or a date and a time
        8 | 10 | 12 | 14 => Some((day(year, number(at + 4, 2)?, number(at + 6, 2)?)?, at + run)),
        6 => Some((month(year, number(at + 4, 2)?)?, at + run)),
        4 => {
            let separator = |at: usize| chars.get(at).is_some_and(|char| matches!(char, '-' | '_' | '.' | '年' | '月'));
            if !separator(at + 4) {
                return None;
            }
            let digits =
                |from: usize| chars[from.min(chars.len())..].iter().take_while(|char| char.is_ascii_digit()).count();
            let length = digits(at + 5);
            if !(1..=2).contains(&length) {
                return None;
            }
            let months = number(at + 5, length)?;
            let after = at + 5 + length;
            let days = digits(after + 1);
            if separator(after) && (1..=2).contains(&days) {
                return Some((day(year, months, number(after + 1, days)?)?, after + 1 + days));
            }
            Some((month(year, months)?, after))
        }
        _ => None,
    }
}

fn day(year: i32, month: u32, day: u32) -> Option<Span> {
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    Some((date, date))
}

/// All of a month.
pub(super) fn month(year: i32, month: u32) -> Option<Span> {
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    Some((first, first.checked_add_months(Months::new(1))?.checked_sub_days(Days::new(1))?))
}

/// The delivery instant that a file's name declares. A name says it in the sender's zone unless it says an offset; of an
/// instant that comes twice, when clocks go back, the first is meant.
pub(super) fn delivered_at(key: &str, feed: &SenderFeed, company_zone: Tz) -> Result<Option<DateTime<Utc>>, String> {
    let name = key.rsplit('/').next().unwrap_or(key);
    let found = feed.delivered_at.as_ref().and_then(|regex| regex.captures(name)).and_then(|found| found.get(1));
    let Some(text) = found.map(|found| found.as_str()) else { return Ok(None) };
    let zone = feed.delivered_zone(company_zone);
    let bare = text.strip_suffix(['Z', 'z']);
    let forms = ["%Y%m%dT%H%M", "%Y%m%dT%H%M%S", "%Y%m%d%H%M%S", "%Y%m%d%H%M"];
    let clock = |text: &str| forms.into_iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let offset = || {
        let forms = ["%Y%m%dT%H%M%z", "%Y%m%dT%H%M%S%z"];
        forms.into_iter().find_map(|format| DateTime::parse_from_str(text, format).ok())
    };
    let at = match bare.and_then(clock) {
        Some(utc) => Some(utc.and_utc()),
        None => match clock(text) {
            Some(local) => zone.from_local_datetime(&local).earliest().map(|at| at.to_utc()),
            None => offset().map(|at| at.to_utc()),
        },
    };
    at.map(Some).ok_or_else(|| {
        format!(
            "the file's name gives {text:?} as delivery time; expected YYYYMMDDTHHMM as the clocks of {zone} show it; the \
             store's time is used"
        )
    })
}

/// `YYYY-MM` of a date.
pub(super) fn month_name(date: NaiveDate) -> String {
    format!("{:04}-{:02}", date.year(), date.month())
}

/// Canonical form and first day of a period text: `2026`, `2026-Q3`, `2026-11`, also written `2026Q3`,
/// `202611`, `2026/11` or `2026年11月`.
pub(super) fn canonical(text: &str) -> Option<(String, NaiveDate)> {
    let year: i32 = text.get(..4)?.parse().ok().filter(|year| (1900..=9999).contains(year))?;
    let written = text[4..].trim_end_matches('月');
    let rest = written.trim_start_matches(['-', '/', '.', '年', ' ']);
    if rest.is_empty() {
        return Some((format!("{year:04}"), NaiveDate::from_ymd_opt(year, 1, 1)?));
    }
    if let Some(quarter) = rest.strip_prefix(['Q', 'q']) {
        let quarter: u32 = quarter.parse().ok().filter(|quarter| (1..=4).contains(quarter))?;
        return Some((format!("{year:04}-Q{quarter}"), NaiveDate::from_ymd_opt(year, quarter * 3 - 2, 1)?));
    }
    // a single digit is a month only behind a separator: 20261 could be anything
    let long = rest.len() == 2 || rest.len() == 1 && rest != written;
    if !long || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let month: u32 = rest.parse().ok()?;
    Some((format!("{year:04}-{month:02}"), NaiveDate::from_ymd_opt(year, month, 1)?))
}

#[cfg(test)]
mod tests;

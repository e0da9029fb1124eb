//! The Chinese trading year: holidays, shopping festivals, moved workdays, and how each kind of
//! channel sells over the week, the year and around them.

use chrono::{Datelike, Days, NaiveDate};

/// First day of the lunar year. Moves between late January and late February, so it is data.
const SPRING_FESTIVALS: [(i32, u32, u32); 21] = [
    (2015, 2, 19),
    (2016, 2, 8),
    (2017, 1, 28),
    (2018, 2, 16),
    (2019, 2, 5),
    (2020, 1, 25),
    (2021, 2, 12),
    (2022, 2, 1),
    (2023, 1, 22),
    (2024, 2, 10),
    (2025, 1, 29),
    (2026, 2, 17),
    (2027, 2, 6),
    (2028, 1, 26),
    (2029, 2, 13),
    (2030, 2, 3),
    (2031, 1, 23),
    (2032, 2, 11),
    (2033, 1, 31),
    (2034, 2, 19),
    (2035, 2, 8),
];

/// Weekend days worked instead of a holiday, as announced: (date, for which holiday).
const MOVED_WORKDAYS: [((i32, u32, u32), &str); 8] = [
    ((2025, 9, 28), "国庆节调休上班"),
    ((2025, 10, 11), "国庆节调休上班"),
    ((2026, 1, 4), "元旦调休上班"),
    ((2026, 2, 14), "春节调休上班"),
    ((2026, 2, 28), "春节调休上班"),
    ((2026, 5, 9), "劳动节调休上班"),
    ((2026, 9, 20), "国庆节调休上班"),
    ((2026, 10, 10), "国庆节调休上班"),
];

/// Holidays that follow the moon or the sun, as announced: (first day, days, name).
const MOVING_HOLIDAYS: [((i32, u32, u32), i64, &str); 5] = [
    ((2025, 4, 4), 3, "清明节"),
    ((2025, 5, 31), 3, "端午节"),
    ((2026, 4, 4), 3, "清明节"),
    ((2026, 6, 19), 3, "端午节"),
    ((2026, 9, 25), 3, "中秋节"),
];

/// How a channel lives through the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rhythm {
    /// Shops and wholesalers: strong weekends, busy before Spring Festival, closed in it.
    Shop,
    /// Web shops: even weeks, large shopping festivals.
    Web,
    /// Livestream rooms: strong evenings before the weekend, large shopping festivals.
    Live,
}

/// An entry of the `calendar` feed.
pub(crate) struct Entry {
    pub(crate) date: NaiveDate,
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    pub(crate) is_workday: bool,
}

/// A date known to exist.
pub(crate) fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date that exists")
}

/// `date` moved by `days`, which may be negative.
pub(crate) fn shift(date: NaiveDate, days: i64) -> NaiveDate {
    let by = Days::new(days.unsigned_abs());
    let moved = if days < 0 { date.checked_sub_days(by) } else { date.checked_add_days(by) };
    moved.expect("demo dates are far from the ends of the calendar")
}

/// The first day of the month of `date`.
pub(crate) fn month_start(date: NaiveDate) -> NaiveDate {
    shift(date, -i64::from(date.day0()))
}

/// The last day of the month of `date`.
pub(crate) fn month_end(date: NaiveDate) -> NaiveDate {
    shift(month_start(shift(month_start(date), 31)), -1)
}

/// `YYYY-MM`.
pub(crate) fn month_name(date: NaiveDate) -> String {
    format!("{:04}-{:02}", date.year(), date.month())
}

/// `YYYY-Qn`.
pub(crate) fn quarter_name(date: NaiveDate) -> String {
    format!("{:04}-Q{}", date.year(), date.month0() / 3 + 1)
}

/// First day of Spring Festival in `year`, where the table has it.
pub(crate) fn spring_festival(year: i32) -> Option<NaiveDate> {
    SPRING_FESTIVALS.iter().find(|(own, ..)| *own == year).map(|&(year, month, day)| date(year, month, day))
}

/// All entries from `from` to `to`, in date order, one a date.
pub(crate) fn entries(from: NaiveDate, to: NaiveDate) -> Vec<Entry> {
    let mut found = Vec::new();
    for year in from.year()..=to.year() {
        let mut holiday = |start: NaiveDate, days: i64, name: &'static str| {
            found.extend((0..days).map(|day| Entry {
                date: shift(start, day),
                kind: "holiday",
                name,
                is_workday: false,
            }));
        };
        holiday(date(year, 1, 1), if year == 2026 { 3 } else { 1 }, "元旦");
        if let Some(first) = spring_festival(year) {
            holiday(shift(first, -2), 9, "春节");
        }
        for ((_, month, day), days, name) in MOVING_HOLIDAYS.into_iter().filter(|((own, ..), ..)| *own == year) {
            holiday(date(year, month, day), days, name);
        }
        holiday(date(year, 5, 1), 5, "劳动节");
        holiday(date(year, 10, 1), if year == 2025 { 8 } else { 7 }, "国庆节");
        for (day, name) in [((6, 18), "618购物节"), ((11, 11), "双十一"), ((12, 12), "双十二")] {
            let date = date(year, day.0, day.1);
            let is_workday = date.weekday().number_from_monday() < 6;
            found.push(Entry { date, kind: "shopping_festival", name, is_workday });
        }
    }
    for ((year, month, day), name) in MOVED_WORKDAYS {
        found.push(Entry { date: date(year, month, day), kind: "workday_moved", name, is_workday: true });
    }
    found.retain(|entry| entry.date >= from && entry.date <= to);
    found.sort_by_key(|entry| entry.date);
    found.dedup_by_key(|entry| entry.date);
    found
}

/// Sales of `date` against a plain day of the same level.
pub(crate) fn factor(rhythm: Rhythm, date: NaiveDate) -> f64 {
    week(rhythm, date) * year(date) * new_year(rhythm, date) * festival(rhythm, date)
}

fn week(rhythm: Rhythm, date: NaiveDate) -> f64 {
    let days = match rhythm {
        Rhythm::Shop => [0.90, 0.88, 0.90, 0.94, 1.05, 1.20, 1.13],
        Rhythm::Web => [1.04, 1.01, 1.00, 1.00, 0.99, 0.97, 0.99],
        Rhythm::Live => [0.86, 0.86, 0.92, 1.00, 1.13, 1.14, 1.09],
    };
    days[date.weekday().num_days_from_monday() as usize]
}

/// One slow wave: highest in mid December.
fn year(date: NaiveDate) -> f64 {
    let turn = (f64::from(date.ordinal0()) - 348.0) / 365.25 * std::f64::consts::TAU;
    1.0 + 0.06 * libm::cos(turn)
}

fn new_year(rhythm: Rhythm, date: NaiveDate) -> f64 {
    let Some(first) = spring_festival(date.year()) else { return 1.0 };
    let gap = (date - first).num_days();
    match (rhythm, gap) {
        (Rhythm::Shop, -20..=-4) => 1.35,
        (Rhythm::Shop, -3..=6) => 0.45,
        (_, -20..=-8) => 1.22,
        (_, -7..=6) => 0.50,
        (_, 7..=12) => 0.85,
        _ => 1.0,
    }
}

fn festival(rhythm: Rhythm, date: NaiveDate) -> f64 {
    let peak = |shop: f64, web: f64, live: f64| match rhythm {
        Rhythm::Shop => shop,
        Rhythm::Web => web,
        Rhythm::Live => live,
    };
    match (date.month(), date.day()) {
        (11, 11) => peak(1.15, 3.6, 3.2),
        (11, 1..=10) | (6, 12..=17) => peak(1.0, 1.12, 1.12),
        (11, 12..=13) => peak(1.0, 0.90, 0.92),
        (6, 18) => peak(1.1, 2.4, 2.2),
        (12, 12) => peak(1.05, 1.7, 1.6),
        (10, 1..=7) | (5, 1..=5) => peak(1.25, 0.95, 0.95),
        _ => 1.0,
    }
}

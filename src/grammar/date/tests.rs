//! Tables of cases for dates and instants.

use super::zone::naive;
use super::*;

fn day(text: &str) -> i32 {
    day_of(text.parse().unwrap())
}

/// What a text says, without whether it names a time of day.
fn whole(read: Result<Moment, DateFault>) -> Result<Moment, DateFault> {
    read.map(|moment| Moment { timed: true, ..moment })
}

#[test]
fn a_text_without_a_time_names_a_day() {
    let timed = |format: &str, text: &str| Pattern::compile(format).unwrap().read(text.as_bytes()).unwrap().timed;
    assert!(!timed("%d.%m.%Y", "22.11.2026") && timed("%d.%m.%Y %H:%M", "22.11.2026 00:00"));
    assert!(!timed("excel", "46348") && timed("excel", "46348.5"));
    let iso = |text: &str| read_iso(text.as_bytes()).unwrap().timed;
    assert!(!iso("2026-11-22") && iso("2026-11-22 00:00"));
}

#[test]
fn months_and_zones_by_their_names() {
    let read = |format: &str, text: &str| Pattern::compile(format).unwrap().read(text.as_bytes());
    for text in
        ["22. Okt. 2026", "22. octobre 2026", "22. Oct 2026", "22. ottobre 2026", "22. OKTOBER 2026", "22. out 2026"]
    {
        assert_eq!(read("%d. %b %Y", text).unwrap().day, day("2026-10-22"), "{text}");
    }
    assert_eq!(read("%d %b %Y", "1 März 2026").unwrap().day, day("2026-03-01"));
    assert_eq!(read("%d %b %Y", "1 août 2026").unwrap().day, day("2026-08-01"));
    assert_eq!(read("%d %b %Y", "1 jui 2026"), Err(DateFault::Malformed), "June or July");
    let at = read("%b %d, %Y %I:%M:%S %p %Z", "Nov 22, 2026 1:05:00 AM PST").unwrap();
    assert_eq!((at.day, at.micros, at.offset), (day("2026-11-22"), 3_900_000_000, Some(-28_800)));
    assert_eq!(read("%F %T %Z", "2026-11-22 01:05:00 CST"), Err(DateFault::Malformed), "China's or America's");
}

#[test]
fn iso_forms() {
    let at = |text: &str, micros, offset| Ok(Moment { day: day(text), micros, offset, timed: true });
    let cases = [
        ("2026-11-22", at("2026-11-22", 0, None)),
        ("1970-01-01", at("1970-01-01", 0, None)),
        ("2024-02-29", at("2024-02-29", 0, None)),
        ("2026-02-29", Err(DateFault::Malformed)),
        ("2026-13-01", Err(DateFault::Malformed)),
        ("2026-11-22 08:30", at("2026-11-22", 30_600_000_000, None)),
        ("2026-11-22T08:30:15", at("2026-11-22", 30_615_000_000, None)),
        ("2026-11-22T08:30:15.25", at("2026-11-22", 30_615_250_000, None)),
        ("2026-11-22T08:30:15.1234567", Err(DateFault::ExcessPrecision)),
        ("2026-11-22T08:30:15.1234560", at("2026-11-22", 30_615_123_456, None)),
        ("2026-11-22T00:00:00Z", at("2026-11-22", 0, Some(0))),
        ("2026-11-22T00:00:00+08:00", at("2026-11-22", 0, Some(28_800))),
        ("2026-11-22T24:00:00", Err(DateFault::Malformed)),
        ("2026-11-22 08:30:60", Err(DateFault::Malformed)),
        ("2026/11/22", Err(DateFault::Malformed)),
        ("20261122", Err(DateFault::Malformed)),
        ("2026-11-2", Err(DateFault::Malformed)),
        ("2026-11-22x", Err(DateFault::Malformed)),
        ("0001-01-01", Err(DateFault::OutOfRange)),
        ("1899-12-31", Err(DateFault::OutOfRange)),
        ("9999-12-31", at("9999-12-31", 0, None)),
        ("", Err(DateFault::Malformed)),
    ];
    for (text, expected) in cases {
        assert_eq!(whole(read_iso(text.as_bytes())), expected, "{text:?}");
    }
}

#[test]
fn declared_formats() {
    let at = |text: &str, micros, offset| Ok(Moment { day: day(text), micros, offset, timed: true });
    let cases = [
        ("%Y/%m/%d %H:%M", "2026/11/22 08:30", at("2026-11-22", 30_600_000_000, None)),
        ("%Y/%m/%d %H:%M", "2026/1/2 8:05", at("2026-01-02", 29_100_000_000, None)),
        ("%Y/%m/%d %H:%M", "2026/11/22 08:30:00", Err(DateFault::Malformed)),
        ("%Y/%m/%d %H:%M", "2026/11/22 08:30+08:00", Err(DateFault::Malformed)),
        ("%Y年%m月%d日", "2026年11月22日", at("2026-11-22", 0, None)),
        ("%Y年%m月%d日", "２０２６年１月２日", at("2026-01-02", 0, None)),
        ("%Y%m%d", "20261122", at("2026-11-22", 0, None)),
        ("%Y%m%d", "2026112", Err(DateFault::Malformed)),
        ("%d.%m.%y", "22.11.26", at("2026-11-22", 0, None)),
        ("%m/%d/%Y %I:%M %p", "11/22/2026 12:15 AM", at("2026-11-22", 900_000_000, None)),
        ("%Y-%m-%d %p%I:%M", "2026-11-22 下午3:00", at("2026-11-22", 54_000_000_000, None)),
        ("%d-%b-%Y", "22-Nov-2026", at("2026-11-22", 0, None)),
        ("%FT%T%z", "2026-11-22T00:00:00+0800", at("2026-11-22", 0, Some(28_800))),
        ("%s", "86400", at("1970-01-02", 0, Some(0))),
        ("excel", "46348", at("2026-11-22", 0, None)),
        ("excel", "46348.5", at("2026-11-22", 43_200_000_000, None)),
        ("excel", "12", Err(DateFault::OutOfRange)),
        ("%Y-%m-%d", "0202-11-22", Err(DateFault::OutOfRange)),
        ("%Y-%m-%d", "202-11-22", Err(DateFault::Malformed)),
    ];
    for (format, text, expected) in cases {
        assert_eq!(whole(Pattern::compile(format).unwrap().read(text.as_bytes())), expected, "{format} {text:?}");
    }
}

#[test]
fn formats_are_checked_when_read() {
    let err = Pattern::compile("%Y-%m-%d %Q").unwrap_err();
    assert_eq!(err.to_string(), "format \"%Y-%m-%d %Q\" has `%Q`, which is not supported");
    let err = Pattern::compile("%m-%d").unwrap_err();
    assert_eq!(err.to_string(), "format \"%m-%d\" does not name year, month and day");
}

#[test]
fn every_day_of_four_centuries() {
    let mut date = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap();
    while date < NaiveDate::from_ymd_opt(2301, 1, 1).unwrap() {
        assert_eq!(read_iso(date.to_string().as_bytes()).unwrap().day, day_of(date));
        date = date.succ_opt().unwrap();
    }
}

#[test]
fn local_times_become_utc() {
    let mut shanghai = Zone::new(crate::zone::Tz::named("Asia/Shanghai").unwrap());
    let (utc, day) = shanghai.instant(read_iso(b"2026-11-22 07:30").unwrap()).unwrap();
    assert_eq!(naive(utc).unwrap().to_string(), "2026-11-21 23:30:00");
    assert_eq!(date_of(day).to_string(), "2026-11-22");
    let (_, day) = shanghai.instant(read_iso(b"2026-11-22T23:30:00Z").unwrap()).unwrap();
    assert_eq!(date_of(day).to_string(), "2026-11-23");

    let mut york = Zone::new(crate::zone::Tz::named("America/New_York").unwrap());
    let skipped = york.instant(read_iso(b"2026-03-08 02:30").unwrap());
    assert_eq!(skipped, Err(DateFault::NoSuchLocalTime));
    let (twice, _) = york.instant(read_iso(b"2026-11-01 01:30").unwrap()).unwrap();
    assert_eq!(naive(twice).unwrap().to_string(), "2026-11-01 05:30:00");
    let (after, _) = york.instant(read_iso(b"2026-11-01 03:30").unwrap()).unwrap();
    assert_eq!(naive(after).unwrap().to_string(), "2026-11-01 08:30:00");
}

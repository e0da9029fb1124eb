//! What is owed on which day, by the calendar of workdays, and what is only awaited.

use std::path::Path;

use super::*;
use crate::contract::Contracts;
use crate::sender::Sender;

fn zone() -> Tz {
    Tz::named("Asia/Shanghai").unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Senders that owe sales under each of `expected`, by name.
fn senders(expected: &[(&str, &str)]) -> Senders {
    let contracts = Contracts::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs")).unwrap();
    Senders::new(expected.iter().map(|(name, expected)| {
        Sender::parse(name, &format!("[feeds.sales]\nexpected = {{ {expected} }}\n"), &contracts).unwrap()
    }))
}

/// National Day 2026: seven days off, the Saturday after it is worked. Guangxi alone is off on the 14th.
fn calendar() -> Workdays {
    let off = (1..=7).map(|day| (NaiveDate::from_ymd_opt(2026, 10, day).unwrap(), None, false));
    let special = [(date("2026-10-10"), None, true), (date("2026-10-14"), Some("广西"), false)];
    Workdays::of(off.chain(special))
}

fn days(senders: &Senders, workdays: &Workdays, sender: &str, (first, last): (&str, &str)) -> Vec<u32> {
    let all = owed(senders, workdays, zone(), (date(first), date(last)), at("2026-12-31T00:00:00Z"));
    all.iter().filter(|file| file.sender == sender).map(|file| file.business_date.day()).collect()
}

#[test]
fn workdays_are_those_of_the_calendar_feed() {
    let senders = senders(&[
        ("all", r#"by = "06:00", days = "all""#),
        ("work", r#"by = "06:00", days = "workdays""#),
        ("south", r#"by = "06:00", days = "workdays", region = "广西""#),
        ("plain", r#"by = "06:00", days = "1-5""#),
    ]);
    let span = ("2026-10-05", "2026-10-18");
    let of = |workdays: &Workdays, sender| days(&senders, workdays, sender, span);
    assert_eq!(of(&calendar(), "all"), (5..=18).collect::<Vec<_>>());
    // Off until the 7th; Saturday the 10th is worked; Sunday the 11th and the next weekend are not.
    assert_eq!(of(&calendar(), "work"), [8, 9, 10, 12, 13, 14, 15, 16]);
    assert_eq!(of(&calendar(), "south"), [8, 9, 10, 12, 13, 15, 16], "its own day off, and everybody's");
    // Weekdays follow no calendar, and workdays are Monday to Friday where no calendar came.
    let weekdays = [5, 6, 7, 8, 9, 12, 13, 14, 15, 16];
    assert_eq!(of(&calendar(), "plain"), weekdays);
    assert_eq!(of(&Workdays::default(), "work"), weekdays);
}

#[test]
fn a_file_is_awaited_until_its_grace_is_over() {
    let senders = senders(&[("s", r#"by = "06:00", days = "all", lag_days = 2, grace_minutes = 30"#)]);
    let judged = |now: &str| {
        let all = owed(&senders, &Workdays::default(), zone(), (date("2026-11-21"), date("2026-11-22")), at(now));
        all.iter().map(|file| (file.business_date.day(), file.is_due)).collect::<Vec<_>>()
    };
    // The file for the 21st is due at 06:00 on the 23rd in Shanghai, 22:00 UTC on the 22nd, with half an hour of grace.
    assert_eq!(judged("2026-11-22T22:29:59Z"), [(21, false), (22, false)]);
    assert_eq!(judged("2026-11-22T22:30:00Z"), [(21, true), (22, false)]);
    assert_eq!(judged("2026-11-23T22:30:00Z"), [(21, true), (22, true)]);
}

#[test]
fn a_monthly_file_may_bear_any_date_of_its_month() {
    let senders = senders(&[("s", r#"by = "06:00", days = "monthly""#)]);
    let all = owed(
        &senders,
        &Workdays::default(),
        zone(),
        (date("2026-09-15"), date("2026-11-22")),
        at("2026-11-23T00:00:00Z"),
    );
    let spans: Vec<(NaiveDate, NaiveDate)> = all.iter().map(|file| (file.from, file.business_date)).collect();
    let of = |first: &str, last: &str| (date(first), date(last));
    assert_eq!(spans, [of("2026-09-01", "2026-09-30"), of("2026-10-01", "2026-10-31")]);
}

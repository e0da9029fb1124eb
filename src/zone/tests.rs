use chrono::LocalResult;

use super::*;

fn zone(name: &str) -> Tz {
    name.parse().expect(name)
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().expect(text)
}

fn local(text: &str) -> NaiveDateTime {
    text.parse().expect(text)
}

/// Clocks as release 2026f of the database has them, by another reader of it (Python's zoneinfo over its tzdata 2026.6).
#[test]
fn the_zones_that_changed_in_autumn_2026_are_known() {
    for (name, at, expected) in [
        ("America/Vancouver", "2026-10-31T09:00:00Z", "2026-10-31 02:00 -0700 PDT"),
        ("America/Vancouver", "2026-11-01T10:00:00Z", "2026-11-01 03:00 -0700 MST"),
        ("America/Vancouver", "2026-11-29T09:17:00Z", "2026-11-29 02:17 -0700 MST"),
        ("America/Vancouver", "2027-03-20T09:00:00Z", "2027-03-20 02:00 -0700 MST"),
        ("America/Edmonton", "2026-10-30T12:00:00Z", "2026-10-30 06:00 -0600 MDT"),
        ("America/Edmonton", "2026-11-29T12:00:00Z", "2026-11-29 06:00 -0600 CST"),
        ("America/Winnipeg", "2026-11-29T12:00:00Z", "2026-11-29 07:00 -0500 EST"),
        ("America/Winnipeg", "2027-07-29T12:00:00Z", "2027-07-29 07:00 -0500 EST"),
        ("America/Yellowknife", "2026-11-29T12:00:00Z", "2026-11-29 06:00 -0600 CST"),
        ("America/Regina", "2026-11-29T12:00:00Z", "2026-11-29 06:00 -0600 CST"),
        ("Africa/Casablanca", "2026-09-19T12:00:00Z", "2026-09-19 13:00 +0100 +01"),
        ("Africa/Casablanca", "2026-09-20T12:00:00Z", "2026-09-20 12:00 +0000 +00"),
        ("Africa/Casablanca", "2027-07-29T12:00:00Z", "2027-07-29 12:00 +0000 +00"),
        ("Asia/Shanghai", "1990-07-01T09:00:00Z", "1990-07-01 18:00 +0900 CDT"),
        ("Asia/Shanghai", "2026-11-29T09:00:00Z", "2026-11-29 17:00 +0800 CST"),
        ("Pacific/Apia", "2011-12-30T09:59:00Z", "2011-12-29 23:59 -1000 -10"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31 00:00 +1400 +14"),
    ] {
        let shown = utc(at).with_timezone(&zone(name)).format("%Y-%m-%d %H:%M %z %Z").to_string();
        assert_eq!(shown, expected, "{name} {at}");
    }
    assert!(release() >= "2026f", "{}", release());
}

/// Every half month from 1996 to 2024 in every zone, beside the table that the engine has.
#[test]
fn the_past_is_that_of_another_table() {
    let mut compared = 0;
    for other in chrono_tz::TZ_VARIANTS {
        let Some(ours) = Tz::named(other.name()) else { panic!("{other} is gone") };
        for step in 0..24 * 29 {
            let at = utc("1996-01-01T11:00:00Z") + TimeDelta::hours(365 * step);
            let theirs = chrono::Offset::fix(&other.offset_from_utc_datetime(&at.naive_utc())).local_minus_utc();
            assert_eq!(ours.seconds_east(at.timestamp()), theirs, "{other} {at}");
            compared += 1;
        }
    }
    assert!(compared > 300_000, "{compared}");
}

#[test]
fn an_hour_that_comes_twice_and_one_that_never_comes() {
    let york = zone("America/New_York");
    let at = |text: &str| york.from_local_datetime(&local(text)).map(|at| at.to_utc());
    assert_eq!(at("2026-03-08T02:30:00"), LocalResult::None);
    let (first, second) = (utc("2026-11-01T05:30:00Z"), utc("2026-11-01T06:30:00Z"));
    assert_eq!(at("2026-11-01T01:30:00"), LocalResult::Ambiguous(first, second));
    assert_eq!(at("2026-11-01T00:59:59"), LocalResult::Single(utc("2026-11-01T04:59:59Z")));
    assert_eq!(at("2026-11-01T02:00:00"), LocalResult::Single(utc("2026-11-01T07:00:00Z")));
    assert_eq!(first.with_timezone(&york).format("%H:%M %Z").to_string(), "01:30 EDT");
    assert_eq!(second.with_timezone(&york).format("%H:%M %Z").to_string(), "01:30 EST");
    // The clocks of British Columbia are not set back any more.
    let single = zone("America/Vancouver").from_local_datetime(&local("2026-11-01T01:30:00"));
    assert_eq!(single.map(|at| at.to_utc()), LocalResult::Single(utc("2026-11-01T08:30:00Z")));
    // Samoa has no 30 December 2011.
    let apia = zone("Pacific/Apia");
    for hour in ["00:00:00", "12:00:00", "23:59:59"] {
        assert_eq!(apia.from_local_datetime(&local(&format!("2011-12-30T{hour}"))), LocalResult::None, "{hour}");
    }
    assert!(apia.from_local_datetime(&local("2011-12-31T00:00:00")).single().is_some());
}

#[test]
fn names_are_taken_as_they_are_and_slips_are_told() {
    for name in ["UTC", "Asia/Shanghai", "US/Pacific", "Etc/GMT+5", "Asia/Kolkata"] {
        assert_eq!(zone(name).name(), name);
        assert_eq!(format!("{0} {0:?}", zone(name)), format!("{name} {name}"));
        let json = serde_json::to_string(&zone(name)).expect("json");
        assert_eq!(serde_json::from_str::<Tz>(&json).expect("read back"), zone(name));
    }
    let told = "Asia/Shangai".parse::<Tz>().expect_err("a slip");
    assert!(told.contains("did you mean `Asia/Shanghai`?"), "{told}");
    assert!("asia/shanghai".parse::<Tz>().is_err());
    assert!("+08:00".parse::<Tz>().is_err());
    assert!(names().any(|name| name == "Pacific/Apia"));
}

/// Years that no table has neither fail nor hang.
#[test]
fn the_ends_of_time_have_an_offset() {
    for name in ["UTC", "Asia/Shanghai", "America/New_York"] {
        for at in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            assert!(zone(name).seconds_east(at.timestamp()).abs() < 86_400);
        }
        let far = NaiveDate::from_ymd_opt(200_000, 1, 1).expect("a date").and_time(NaiveTime::MIN);
        assert!(zone(name).offset_from_local_datetime(&far).single().is_some());
    }
}

/// A machine whose zoneinfo says otherwise is found out, from now on or from a change to come.
#[test]
fn a_machine_that_knows_other_rules_is_found_out() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("America")).expect("made");
    let regina = table("America/Regina").expect("known");
    let york = table("America/New_York").expect("known");
    std::fs::write(folder.path().join("America/Vancouver"), regina).expect("written");
    std::fs::write(folder.path().join("America/New_York"), york).expect("written");
    std::fs::write(folder.path().join("America/Jamaica"), york).expect("written");
    let now = utc("2026-11-29T12:00:00Z");
    assert_eq!(zone("America/Vancouver").differs(folder.path(), now, 365), Some((now, -25_200, -21_600)));
    assert_eq!(zone("America/New_York").differs(folder.path(), now, 365), None);
    // Jamaica keeps -05:00 when New York goes to summer time.
    let march = utc("2027-03-14T07:00:00Z");
    assert_eq!(zone("America/Jamaica").differs(folder.path(), now, 365), Some((march, -18_000, -14_400)));
    assert_eq!(zone("America/Jamaica").differs(folder.path(), now, 30), None);
    assert_eq!(zone("Asia/Shanghai").differs(folder.path(), now, 365), None, "not there");
}

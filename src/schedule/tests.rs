use super::*;

fn job(at: &str, days: &str, zone: &str) -> Job {
    let mut job: Job =
        toml::from_str(&format!("description = \"d\"\nat = \"{at}\"\ndays = \"{days}\"\ntime_zone = \"{zone}\""))
            .expect("job");
    job.name = "nightly".into();
    job
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse::<DateTime<Utc>>().unwrap_or_else(|err| panic!("{text}: {err}"))
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap_or_else(|err| panic!("{text}: {err}"))
}

fn days(texts: &[&str]) -> BTreeSet<NaiveDate> {
    texts.iter().map(|text| day(text)).collect()
}

fn company() -> Tz {
    Tz::named("Asia/Shanghai").expect("known")
}

/// Due times over both changes of the clock in New York, and where there is none. Searched forwards from
/// one minute before and backwards from one minute after, both give the same instant.
#[test]
fn due_times_are_wall_clock_times() {
    let table = [
        // zone, at, local date, due in UTC
        ("Asia/Shanghai", "02:30", "2026-03-08", "2026-03-07T18:30:00Z"),
        ("Asia/Shanghai", "02:30", "2026-11-01", "2026-10-31T18:30:00Z"),
        // Spring: 2026-03-08 02:00 to 03:00 does not exist.
        ("America/New_York", "02:30", "2026-03-07", "2026-03-07T07:30:00Z"),
        ("America/New_York", "02:30", "2026-03-08", "2026-03-08T07:00:00Z"),
        ("America/New_York", "02:30", "2026-03-09", "2026-03-09T06:30:00Z"),
        ("America/New_York", "01:59", "2026-03-08", "2026-03-08T06:59:00Z"),
        ("America/New_York", "03:00", "2026-03-08", "2026-03-08T07:00:00Z"),
        // Autumn: 2026-11-01 01:00 to 02:00 comes twice; the first counts.
        ("America/New_York", "01:30", "2026-10-31", "2026-10-31T05:30:00Z"),
        ("America/New_York", "01:30", "2026-11-01", "2026-11-01T05:30:00Z"),
        ("America/New_York", "01:30", "2026-11-02", "2026-11-02T06:30:00Z"),
        ("America/New_York", "02:00", "2026-11-01", "2026-11-01T07:00:00Z"),
    ];
    for (zone, at, date, expected) in table {
        let timetable = job(at, "* * *", zone).timetable(company()).expect("timetable");
        let expected = utc(expected);
        let minute = chrono::TimeDelta::minutes(1);
        assert_eq!(timetable.next(expected - minute).expect("next"), expected, "{zone} {at} {date} forwards");
        let last = timetable.last(expected + minute).expect("last");
        assert_eq!(last, (expected, day(date).pred_opt().expect("date")), "{zone} {at} {date} backwards");
        assert_eq!(timetable.last(expected).expect("last").0, expected, "{zone} {at} {date} at the instant");
    }
}

/// However often and whenever one looks, each night of a year falls due exactly once.
#[test]
fn no_night_is_skipped_or_doubled_in_a_year() {
    for zone in ["America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago"] {
        for at in ["00:15", "01:30", "02:30", "23:45"] {
            let timetable = job(at, "* * *", zone).timetable(company()).expect("timetable");
            let mut now = utc("2025-12-31T12:00:00Z");
            let mut forwards = Vec::new();
            while forwards.len() < 366 {
                now = timetable.next(now).expect("next");
                forwards.push((now, timetable.last(now).expect("last").1));
            }
            let dates: BTreeSet<NaiveDate> = forwards.iter().map(|(_, date)| *date).collect();
            assert_eq!(dates.len(), 366, "{zone} {at}: a date came twice");
            let span = *dates.last().expect("dates") - *dates.first().expect("dates");
            assert_eq!(span.num_days(), 365, "{zone} {at}: a date was skipped");
            let mut backwards = Vec::new();
            let mut now = forwards.last().expect("some").0;
            while backwards.len() < 366 {
                let (time, date) = timetable.last(now).expect("last");
                backwards.push((time, date));
                now = time - chrono::TimeDelta::seconds(1);
            }
            backwards.reverse();
            assert_eq!(forwards, backwards, "{zone} {at}");
        }
    }
}

#[test]
fn what_is_due_follows_from_the_commits() {
    let nightly = job("02:00", "* * *", "Asia/Shanghai");
    let due = |now: &str, committed: &[&str]| {
        let dates = due(&nightly, company(), utc(now), &days(committed), 7).expect("due");
        dates.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    // 02:00 in Shanghai on the 23rd is 18:00 UTC on the 22nd.
    assert_eq!(due("2026-11-22T17:59:59Z", &["2026-11-21"]), [] as [&str; 0]);
    assert_eq!(due("2026-11-22T18:00:00Z", &["2026-11-21"]), ["2026-11-22"]);
    assert_eq!(due("2026-11-22T18:00:00Z", &["2026-11-21", "2026-11-22"]), [] as [&str; 0]);
    // Never ran: only the last closed day.
    assert_eq!(due("2026-11-22T18:00:00Z", &[]), ["2026-11-22"]);
    // Down for three nights, and a hole where a night failed.
    assert_eq!(due("2026-11-22T18:00:00Z", &["2026-11-18"]), ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"]);
    assert_eq!(due("2026-11-22T18:00:00Z", &["2026-11-19", "2026-11-21", "2026-11-22"]), ["2026-11-20"]);
    // Down for a month: the last seven.
    let late = due("2026-11-22T18:00:00Z", &["2026-10-22"]);
    assert_eq!((late.len(), late[0].as_str(), late[6].as_str()), (7, "2026-11-16", "2026-11-22"));
}

#[test]
fn a_declared_start_bounds_the_past() {
    let mut nightly = job("02:00", "* * *", "Asia/Shanghai");
    nightly.starts_on = Some(day("2026-11-20"));
    let now = utc("2026-11-22T18:00:00Z");
    let dates = due(&nightly, company(), now, &BTreeSet::new(), 7).expect("due");
    assert_eq!(dates, days(&["2026-11-20", "2026-11-21", "2026-11-22"]).into_iter().collect::<Vec<_>>());
    nightly.starts_on = Some(day("2027-01-01"));
    assert!(due(&nightly, company(), now, &BTreeSet::new(), 7).expect("due").is_empty());
}

#[test]
fn workdays_and_months_count_their_own_dates() {
    // Monday 2026-11-23 closes Sunday the 22nd; Saturday and Sunday have no run of their own.
    let workdays = job("02:00", "* * 1-5", "UTC");
    let dates = due(&workdays, company(), utc("2026-11-23T03:00:00Z"), &days(&["2026-11-17"]), 7).expect("due");
    let expected = days(&["2026-11-18", "2026-11-19", "2026-11-22"]);
    assert_eq!(dates, expected.into_iter().collect::<Vec<_>>());
    let monthly = job("02:00", "1 * *", "UTC");
    let dates = due(&monthly, company(), utc("2026-11-23T03:00:00Z"), &days(&["2026-08-31"]), 7).expect("due");
    assert_eq!(dates, days(&["2026-09-30", "2026-10-31"]).into_iter().collect::<Vec<_>>());
}

#[test]
fn jobs_take_turns_in_the_order_they_fell_due() {
    let mut early = job("01:00", "* * *", "UTC");
    early.name = "early".into();
    let jobs = [job("05:00", "* * *", "UTC"), early];
    let committed =
        BTreeMap::from([("nightly".to_string(), days(&["2026-11-20"])), ("early".to_string(), days(&["2026-11-20"]))]);
    let due = due_jobs(&jobs, company(), utc("2026-11-23T06:00:00Z"), &committed, 7).expect("due");
    let seen: Vec<String> = due.iter().map(|work| format!("{} {} {}", work.job, work.date, work.newest)).collect();
    assert_eq!(
        seen,
        ["early 2026-11-21 false", "nightly 2026-11-21 false", "early 2026-11-22 true", "nightly 2026-11-22 true"]
    );
}

/// Samoa went from 29 to 31 December 2011: the day between is no business day, has no night, and stops nobody.
#[test]
fn a_day_that_a_zone_leaves_out_is_one_skipped_day() {
    for at in ["00:15", "02:30", "23:45"] {
        let nightly = job(at, "* * *", "Pacific/Apia");
        let timetable = nightly.timetable(company()).expect("timetable");
        let mut now = utc("2011-12-25T00:00:00Z");
        let mut dates = Vec::new();
        for _ in 0..14 {
            now = timetable.next(now).expect("next");
            let (time, date) = timetable.last(now).expect("last");
            assert_eq!(time, now, "{at}: both directions agree");
            dates.push(date);
        }
        let at_first = dates[0];
        let expected: Vec<NaiveDate> =
            at_first.iter_days().filter(|date| *date != day("2011-12-30")).take(14).collect();
        assert_eq!(dates, expected, "{at}");
        // However often one looks, something is due or nothing is; it never fails.
        let committed = days(&["2011-12-27"]);
        for hours in 0..96 {
            let now = utc("2011-12-29T00:00:00Z") + chrono::TimeDelta::hours(hours);
            let due = due(&nightly, company(), now, &committed, 7).expect("due");
            assert!(!due.contains(&day("2011-12-30")), "{at} at {now}: {due:?}");
        }
        assert_eq!(nightly.last_closed_day(company(), utc("2011-12-30T12:00:00Z")), day("2011-12-29"));
    }
}

use super::*;

fn rules() -> Rules {
    Rules {
        scale: Scale::Amount,
        band: 3.29,
        gap_min: 0.20,
        history_days: 56,
        noise_min: 0.05,
        holiday_noise: 0.25,
        shift_days: 7,
        events_min: 5.0,
    }
}

/// `count` days of 100, Sundays (every seventh) of 200.
fn steady(count: usize) -> Vec<Day> {
    (0..count).map(|at| Day { value: Some(if at % 7 == 6 { 200.0 } else { 100.0 }), ..Day::default() }).collect()
}

fn findings(judged: &[Judged]) -> Vec<(usize, Finding, usize)> {
    (0..judged.len()).filter_map(|at| judged[at].finding.map(|finding| (at, finding, judged[at].off_days))).collect()
}

#[test]
fn weekdays_are_expected_as_they_are() {
    let judged = judge(&steady(100), &rules());
    assert!(judged[..56].iter().all(|day| day.unjudged == Some(Unjudged::ShortHistory)));
    // Nothing varies: the spread is its floor, half of 5 % on the square roots; on 14 days of level a little more.
    let day = judged[60];
    assert!((day.expected - 100.0).abs() < 1e-9 && (judged[62].expected - 200.0).abs() < 1e-9, "{day:?}");
    assert!(day.lower > 80.0 && day.upper < 120.0, "{day:?}");
    assert!(findings(&judged).is_empty());
}

#[test]
fn a_bad_day_is_told_and_teaches_nothing() {
    let mut days = steady(100);
    days[70].value = Some(40.0);
    let judged = judge(&days, &rules());
    assert_eq!(findings(&judged), [(70, Finding::Point, 1)]);
    assert!(judged[70].score < -10.0 && (judged[71].expected - 100.0).abs() < 1e-9, "{:?}", judged[71]);
}

#[test]
fn a_new_level_is_told_once_and_learned_within_a_week() {
    let mut days = steady(120);
    days[70..].iter_mut().for_each(|day| day.value = day.value.map(|value| value * 0.6));
    let judged = judge(&days, &rules());
    assert_eq!(findings(&judged), [(70, Finding::Shift, 7)]);
    assert!((judged[70].level_change.expect("a change") + 0.4).abs() < 1e-9, "{:?}", judged[70]);
    assert!((judged[77].expected - 60.0).abs() < 1e-9, "{:?}", judged[77]);
}

#[test]
fn a_second_bad_day_is_told_unless_it_only_goes_on() {
    let mut days = steady(100);
    for at in [70, 71, 75] {
        days[at].value = Some(40.0);
    }
    assert_eq!(findings(&judge(&days, &rules())), [(70, Finding::Point, 2), (75, Finding::Point, 1)]);
}

#[test]
fn a_day_far_worse_than_the_first_is_told_again() {
    let mut days = steady(100);
    days[70].value = Some(70.0);
    days[71].value = Some(0.0);
    assert_eq!(findings(&judge(&days, &rules())), [(70, Finding::Point, 2), (71, Finding::Point, 1)]);
}

#[test]
fn a_weekday_that_closes_is_learned_the_second_time() {
    let mut days = steady(120);
    for at in (69..120).filter(|at| at % 7 >= 5) {
        days[at].value = Some(0.0);
    }
    let judged = judge(&days, &rules());
    let told: Vec<usize> = findings(&judged).iter().map(|(at, ..)| *at).collect();
    assert_eq!(told, [69, 75, 82], "each twice; the second Sunday only goes on from its Saturday");
    assert_eq!(judged[83].unjudged, Some(Unjudged::NothingExpected));
}

#[test]
fn the_same_holiday_a_year_later_is_expected() {
    let mut days = steady(450);
    // Day 60 is a Friday of 100 that sold 360; day 424 is a Friday too.
    for (at, back) in [(60, None), (424, Some(60))] {
        days[at] = Day { value: Some(360.0), holiday: true, mirror: back, ..Day::default() };
    }
    let judged = judge(&days, &rules());
    assert_eq!(findings(&judged), [(60, Finding::Point, 1)], "the first one is new");
    assert!(!judged[60].holiday_known && judged[424].holiday_known);
    assert!((judged[424].expected - 360.0).abs() < 1e-6, "{:?}", judged[424]);
}

#[test]
fn promotions_and_missing_files_teach_nothing() {
    let mut days = steady(100);
    for day in &mut days[60..70] {
        *day = Day { value: day.value.map(|value| value * 1.9), promotion: true, ..Day::default() };
    }
    for day in &mut days[75..85] {
        *day = Day { value: Some(0.0), incomplete: true, ..Day::default() };
    }
    let judged = judge(&days, &rules());
    assert!((judged[86].expected - 100.0).abs() < 1e-9, "{:?}", judged[86]);
    let told = findings(&judged);
    assert_eq!(told.iter().filter(|(at, ..)| *at < 70).count(), 10, "each day of it is off: its cause is known");
    assert_eq!(told.iter().filter(|(at, ..)| *at >= 75).count(), 10);
}

#[test]
fn a_promotion_that_never_ends_is_how_things_are() {
    let mut days = steady(100);
    days.iter_mut().for_each(|day| day.promotion = true);
    days[80].value = Some(20.0);
    assert_eq!(findings(&judge(&days, &rules())), [(80, Finding::Point, 1)]);
}

#[test]
fn days_are_not_judged_where_nothing_can_be_said() {
    let mut days = steady(100);
    // A shop that is closed on day 6 of its week, has no value on day 80 and few orders throughout.
    for at in (6..100).step_by(7) {
        days[at].value = Some(0.0);
    }
    days[80].value = None;
    let judged = judge(&days, &rules());
    assert_eq!(judged[62].unjudged, Some(Unjudged::NothingExpected));
    assert_eq!(judged[80].unjudged, Some(Unjudged::NoValue));
    days.iter_mut().for_each(|day| day.events = Some(3.0));
    assert_eq!(judge(&days, &rules())[81].unjudged, Some(Unjudged::FewEvents));
    assert_eq!(judge(&days[..56], &rules())[55].unjudged, Some(Unjudged::ShortHistory));
}

#[test]
fn rates_are_compared_by_differences_and_chance_is_allowed_for() {
    let rules = Rules { scale: Scale::Rate, ..rules() };
    let mut days: Vec<Day> = (0..80).map(|_| Day { value: Some(0.10), events: Some(50.0), ..Day::default() }).collect();
    // Spread: sqrt(2 × 0.1 × 0.9 / 50) = 0.06; 0.25 is 2.5 of it, 0.40 is 5 of it (less on an uncertain level).
    days[60].value = Some(0.25);
    days[70].value = Some(0.40);
    assert_eq!(findings(&judge(&days, &rules)), [(70, Finding::Point, 1)]);
}

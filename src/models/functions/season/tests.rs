use super::*;

fn rules() -> Rules {
    Rules {
        scale: Scale::Amount,
        band: 3.29,
        gap_min: 0.20,
        history_days: 56,
        dispersion: 1.0,
        noise_min: 0.02,
        holiday_noise: 0.25,
        shift_band: 3.95,
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
    // Nothing varies: the spread is its floor, 2 % on the logarithms; the band of 56 days a little more than 3.29 of it.
    let day = judged[60];
    assert!((day.expected - 100.0).abs() < 0.01 && (judged[62].expected - 200.0).abs() < 0.1, "{day:?}");
    assert!(day.lower > 92.0 && day.lower < 94.0 && day.upper > 106.5 && day.upper < 108.5, "{day:?}");
    assert!(findings(&judged).is_empty());
}

#[test]
fn a_bad_day_is_told_and_teaches_nothing() {
    let mut days = steady(100);
    days[70].value = Some(40.0);
    let judged = judge(&days, &rules());
    assert_eq!(findings(&judged), [(70, Finding::Point, 1)]);
    assert!(judged[70].score < -10.0 && (judged[71].expected - 100.0).abs() < 0.01, "{:?}", judged[71]);
}

#[test]
fn a_new_level_is_told_once_and_learned_within_a_week() {
    let mut days = steady(120);
    days[70..].iter_mut().for_each(|day| day.value = day.value.map(|value| value * 0.6));
    let judged = judge(&days, &rules());
    assert_eq!(findings(&judged), [(70, Finding::Shift, 7)]);
    assert!((judged[70].level_change.expect("a change") + 0.4).abs() < 1e-3, "{:?}", judged[70]);
    assert_eq!(judged[70].told_at, 70, "told on its first day, as a drop");
    assert!((judged[77].expected - 60.0).abs() < 0.01, "{:?}", judged[77]);
}

/// Days whose orders are counted: `count` of them around `usual`, by a fixed sequence that scatters as counts do.
fn counted(count: usize, usual: f64) -> Vec<Day> {
    // Quantiles of a Poisson distribution around 100, in an order without rhythm.
    let off = [-1.3, 0.4, -0.2, 1.6, -0.7, 0.1, 0.9, -1.9, 0.6, -0.4, 1.2, -0.9, 0.3];
    let value = |at: usize| (usual + off[at % off.len()] * usual.sqrt()).round();
    (0..count).map(|at| Day { value: Some(value(at)), events: Some(value(at)), ..Day::default() }).collect()
}

#[test]
fn a_level_too_near_for_one_day_is_dated_to_its_first() {
    let mut days = counted(140, 100.0);
    for day in &mut days[100..] {
        day.value = day.value.map(|value| (value * 0.75).round());
        day.events = day.value;
    }
    let judged = judge(&days, &rules());
    let told = findings(&judged);
    assert_eq!(told.len(), 1, "once: {told:?}");
    let (first, finding, _) = told[0];
    assert!((99..=101).contains(&first) && finding == Finding::Shift, "{told:?}");
    assert!((100..106).contains(&judged[first].told_at), "{:?}", judged[first]);
}

#[test]
fn the_spread_of_counts_is_that_of_chance_and_that_of_clumps_is_learned() {
    let spread = |clumps: f64| {
        let mut days = counted(250, 100.0);
        for day in &mut days {
            day.value = day.value.map(|value| 100.0 + (value - 100.0) * clumps);
        }
        let scores: Vec<f64> = judge(&days, &rules())[120..].iter().map(|day| day.score).collect();
        let count = f64::from(u32::try_from(scores.len()).expect("a few days"));
        (scores.iter().map(|score| score * score).sum::<f64>() / count).sqrt()
    };
    for clumps in [1.0, 1.6, 2.5] {
        assert!((0.85..1.15).contains(&spread(clumps)), "{clumps}: {}", spread(clumps));
    }
    assert!(spread(0.3) < 0.5, "never steadier than chance leaves it");
}

#[test]
fn a_small_shops_spike_is_seen_and_what_one_order_makes_is_not() {
    // 7 orders a day as a rule, then 24: P(X >= 24) is below 0.000001. Its sales of 10 each the same.
    let mut days = counted(100, 7.0);
    days[90].value = Some(24.0);
    days[90].events = Some(24.0);
    assert_eq!(findings(&judge(&days, &rules())), [(90, Finding::Point, 1)]);
    // One order of 120 among seven of 10: few effective orders, and an ordinary day without it.
    let mut days: Vec<Day> =
        counted(100, 7.0).into_iter().map(|day| Day { value: day.value.map(|value| value * 10.0), ..day }).collect();
    days[90] = Day { value: Some(200.0), events: Some(2.0), without_order: Some(70.0), ..days[90] };
    assert!(findings(&judge(&days, &rules())).is_empty());
    days[90] = Day { value: Some(240.0), events: Some(24.0), without_order: Some(230.0), ..days[90] };
    assert_eq!(findings(&judge(&days, &rules())).len(), 1, "twenty-four orders are no single one");
}

#[test]
fn a_finding_does_not_outlive_a_long_holiday() {
    let mut days = steady(120);
    days[70].value = Some(300.0);
    for day in &mut days[71..90] {
        *day = Day { holiday: true, ..*day };
    }
    days[90].value = Some(300.0);
    let told: Vec<usize> = findings(&judge(&days, &rules())).iter().map(|(at, ..)| *at).collect();
    assert!(told.contains(&70) && told.contains(&90), "{told:?}");
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
    assert!((judged[424].expected - 360.0).abs() < 0.1, "{:?}", judged[424]);
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
    assert!((judged[86].expected - 100.0).abs() < 0.01, "{:?}", judged[86]);
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
fn rates_are_compared_by_differences_and_by_the_number_of_returns() {
    let rules = Rules { scale: Scale::Rate, ..rules() };
    let mut days: Vec<Day> = (0..80).map(|_| Day { value: Some(0.10), events: Some(5.0), ..Day::default() }).collect();
    // 0.30 made by 15 returns where 5 are usual; the same made by one large return.
    days[60] = Day { value: Some(0.30), events: Some(17.0), ..Day::default() };
    days[70] = Day { value: Some(0.30), events: Some(1.0), ..Day::default() };
    assert_eq!(findings(&judge(&days, &rules)), [(60, Finding::Point, 1)]);
}

#[test]
fn a_new_level_longer_than_a_week_to_learn_is_not_taken_for_its_weekdays() {
    // Days 5 and 6 of the week bring so little that they are not judged: a week of judged days takes nine.
    let usual = [6.0, 7.0, 6.0, 6.0, 7.0, 0.0, 1.0];
    let value = |at: usize| if at < 91 { usual[at % 7] } else { usual[at % 7] * 6.0 };
    let days: Vec<Day> =
        (0..140).map(|at| Day { value: Some(value(at)), events: Some(value(at)), ..Day::default() }).collect();
    let judged = judge(&days, &rules());
    assert_eq!(
        findings(&judged).len(),
        1,
        "the level, and no drop from a level counted twice: {:?}",
        findings(&judged)
    );
    for (at, day) in judged.iter().enumerate().skip(105) {
        assert!(day.unjudged.is_some() || (day.expected / value(at) - 1.0).abs() < 0.2, "{at}: {day:?}");
    }
}

#[test]
fn a_level_that_changed_before_the_first_judged_day_is_no_scatter() {
    // Three weeks at 130 orders a day, then 55: the first band is that of counts around 55.
    let mut days = counted(120, 55.0);
    for day in &mut days[..21] {
        day.value = day.value.map(|value| value + 75.0);
        day.events = day.value;
    }
    let day = judge(&days, &rules())[60];
    assert!((50.0..60.0).contains(&day.expected) && day.lower > 20.0 && day.upper < 100.0, "{day:?}");
}

#[test]
fn weekdays_that_chance_alone_parts_are_one() {
    let judged = judge(&counted(200, 6.0), &rules());
    for day in judged[57..].windows(2) {
        assert!((day[0].expected / day[1].expected - 1.0).abs() < 0.2, "{day:?}");
    }
}

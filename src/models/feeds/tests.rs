use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A snapshot of its day in November, which says so much of some months.
fn snapshot(sender: &str, on: u32, says: &[(&str, &str)]) -> Input {
    let mut input = crate::state::samples::input(&format!("{sender}{on}"), i64::from(on), Some((on, on)));
    input.sender = sender.to_string();
    input.contents = says.iter().map(|(month, content)| (month.to_string(), content.to_string())).collect();
    input
}

/// What is shown: sender, day of the snapshot, ranges.
fn told(inputs: &[Input], partition: Option<&str>) -> Vec<String> {
    let known: Vec<Known<'_>> = inputs.iter().map(Known::of).collect();
    let end = partition.map_or(day("2026-11-30"), day);
    let window = Window { from: partition.map(|_| day("2020-01-01")), to: end, end };
    let lines = dated(&known, window).into_iter().map(|shown| {
        let ranges = shown.ranges.map(|ranges| ranges.iter().map(|(a, b)| format!(" {a}..{b}")).collect::<String>());
        let Input { sender, period_start, .. } = shown.input;
        format!("{sender} {}{}", period_start.unwrap().format("%d"), ranges.unwrap_or_default())
    });
    lines.collect()
}

#[test]
fn a_snapshot_shows_the_months_of_which_it_has_news() {
    let first = snapshot("hq", 1, &[("2026-08", "a"), ("2026-09", "b"), ("2026-11", "c")]);
    let more = snapshot("hq", 2, &[("2026-08", "a"), ("2026-09", "b"), ("2026-11", "d")]);
    let mended = snapshot("hq", 3, &[("2026-08", "x"), ("2026-11", "d")]);
    let back = snapshot("hq", 4, &[("2026-08", "a")]);
    let inputs = [more, back, mended, first];
    assert_eq!(
        told(&inputs, None),
        [
            "hq 01 2026-08-01..2026-09-30 2026-11-01..2026-11-30",
            "hq 02 2026-11-01..2026-11-30",
            "hq 03 2026-08-01..2026-08-31",
            "hq 04 2026-08-01..2026-08-31",
        ]
    );
    // October's partition sees what is dated up to its end, from every snapshot.
    let october = ["hq 01 2026-08-01..2026-09-30", "hq 03 2026-08-01..2026-08-31", "hq 04 2026-08-01..2026-08-31"];
    assert_eq!(told(&inputs, Some("2026-10-31")), october);
}

#[test]
fn senders_speak_for_themselves_and_an_unknown_content_may_say_anything() {
    let says = [("2026-11", "a")];
    let one = [snapshot("hq", 1, &says), snapshot("bank", 2, &says), snapshot("hq", 3, &says)];
    assert_eq!(told(&one, None), ["hq 01 2026-11-01..2026-11-30", "bank 02 2026-11-01..2026-11-30"]);
    let other = [snapshot("hq", 1, &says), snapshot("hq", 2, &[]), snapshot("hq", 3, &says)];
    let november = "2026-11-01..2026-11-30";
    assert_eq!(told(&other, None), [format!("hq 01 {november}"), "hq 02".to_string(), format!("hq 03 {november}")]);
}

#[test]
fn a_gap_leaves_what_lies_around_it() {
    let range = (day("2026-11-01"), day("2026-11-30"));
    let left = |from: &str, to: &str| {
        without(range, (day(from), day(to))).iter().map(|(a, b)| format!("{a}..{b}")).collect::<Vec<_>>()
    };
    assert_eq!(left("2026-11-10", "2026-11-12"), ["2026-11-01..2026-11-09", "2026-11-13..2026-11-30"]);
    assert_eq!(left("2026-10-01", "2026-11-01"), ["2026-11-02..2026-11-30"]);
    assert_eq!(left("2026-11-30", "2026-12-05"), ["2026-11-01..2026-11-29"]);
    assert_eq!(left("2026-10-01", "2026-10-31"), ["2026-11-01..2026-11-30"]);
    assert!(left("2026-11-01", "2026-11-30").is_empty());
    assert!(left("2020-01-01", "2030-01-01").is_empty());
}

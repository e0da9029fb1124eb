use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
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

use super::super::tests::ask;
use super::*;

const TIERS: [i64; 4] = [0, 2_000, 10_000, 50_000];

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Where a member stands: tier, previous tier, date of the change, next review, amount of the last twelve months.
fn stands(events: &[(&str, i64)], end: &str) -> (usize, Option<usize>, Option<String>, Option<String>, i128) {
    let events: Vec<(NaiveDate, i64)> = events.iter().map(|(text, amount)| (day(text), *amount)).collect();
    let member = replay(&events, &TIERS, day(end));
    let text = |date: Option<NaiveDate>| date.map(|date| date.to_string());
    (member.tier, member.previous, text(member.changed_on), text(member.review_on), member.amount)
}

fn on(text: &str) -> String {
    text.to_string()
}

#[test]
fn up_at_once_and_several_steps_in_one() {
    assert_eq!(stands(&[], "2026-11-22"), (1, None, None, None, 0));
    assert_eq!(stands(&[("2026-11-22", 1_999)], "2026-11-22"), (1, None, None, None, 1_999));
    let exact = stands(&[("2026-11-22", 2_000)], "2026-11-22");
    assert_eq!(exact, (2, Some(1), Some(on("2026-11-22")), Some(on("2027-11-22")), 2_000));
    let leap = stands(&[("2026-01-05", 9_000), ("2026-03-01", 60_000)], "2026-11-22");
    assert_eq!(leap, (4, Some(2), Some(on("2026-03-01")), Some(on("2027-03-01")), 69_000));
    // What comes after the end does not count.
    assert_eq!(stands(&[("2026-11-23", 9_999)], "2026-11-22"), (1, None, None, None, 0));
}

#[test]
fn down_one_step_at_each_anniversary() {
    let once = [("2023-05-10", 60_000)];
    assert_eq!(stands(&once, "2024-05-09"), (4, Some(1), Some(on("2023-05-10")), Some(on("2024-05-10")), 60_000));
    // On the anniversary the purchase of a year ago no longer counts.
    assert_eq!(stands(&once, "2024-05-10"), (3, Some(4), Some(on("2024-05-10")), Some(on("2025-05-10")), 0));
    assert_eq!(stands(&once, "2025-05-10"), (2, Some(3), Some(on("2025-05-10")), Some(on("2026-05-10")), 0));
    assert_eq!(stands(&once, "2026-11-22"), (1, Some(2), Some(on("2026-05-10")), None, 0));
}

#[test]
fn a_carried_tier_is_kept_for_another_year() {
    let events = [("2024-02-29", 2_500), ("2025-02-28", 2_000)];
    // Reviewed on 28 February; the purchase of that day counts, the one of a year ago no longer does.
    assert_eq!(stands(&events, "2025-02-28"), (2, Some(1), Some(on("2024-02-29")), Some(on("2026-02-28")), 2_000));
    assert_eq!(stands(&events, "2026-02-28"), (1, Some(2), Some(on("2026-02-28")), None, 0));
    // Spending too little in between changes nothing before the anniversary.
    let events = [("2025-01-10", 12_000), ("2025-06-01", 100), ("2026-01-05", 2_400)];
    assert_eq!(stands(&events, "2026-01-09"), (3, Some(1), Some(on("2025-01-10")), Some(on("2026-01-10")), 14_500));
    assert_eq!(stands(&events, "2026-01-10"), (2, Some(3), Some(on("2026-01-10")), Some(on("2027-01-10")), 2_500));
}

#[test]
fn returns_count_while_their_year_lasts() {
    // Brought back at once: the tier stays until its anniversary.
    let events = [("2025-12-01", 3_000), ("2025-12-05", -2_900)];
    assert_eq!(stands(&events, "2026-11-22"), (2, Some(1), Some(on("2025-12-01")), Some(on("2026-12-01")), 100));
    // A return that leaves the window lifts the sum, and with it the tier, on that day.
    let events = [("2025-03-01", 100), ("2025-03-10", -500), ("2025-09-01", 2_200)];
    assert_eq!(stands(&events, "2026-03-09"), (1, None, None, None, 1_700));
    assert_eq!(stands(&events, "2026-03-10"), (2, Some(1), Some(on("2026-03-10")), Some(on("2027-03-10")), 2_200));
    assert_eq!(stands(&[("2026-01-01", -50)], "2026-11-22"), (1, None, None, None, -50));
}

#[tokio::test]
async fn sql_replays_each_member_of_a_group_in_any_order() {
    let sql = "with tiers as (
            select sorted_rows(cast(x as decimal(18, 4))) as list from (values (50000), (0), (2000), (10000)) t(x)
        ),
        members as (
            select id, sorted_rows(cast(day as date), cast(amount as decimal(18, 4))) as list
            from (values ('b', '2026-03-01', 500), ('a', '2025-12-02', 1500.5), ('b', '2025-04-01', 100),
                ('a', '2026-03-02', 499.5), ('c', null, 9000)) t(id, day, amount)
            group by id
        )
        select id, replay['tier'], replay['changed_on'], replay['previous_tier'], replay['review_on'], replay['amount']
        from (select id, tier_replay(members.list, tiers.list, date '2026-11-22') as replay from members cross join tiers)
        order by id";
    let expected = ["a 2 2026-03-02 1 2027-03-02 2000.0000", "b 1    500.0000", "c 1    0.0000"];
    assert_eq!(ask(sql).await, expected);
}

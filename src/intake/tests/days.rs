//! Which days a file is about, and when it was delivered.

use super::*;

#[test]
fn periods_and_delivery() {
    let world = World::new();
    let text = format!("{HEADER}{}{}", row(1), row(2).replace("11-22", "11-20"));
    let period = |seen: &Seen| {
        let Outcome { period_start, period_end, first_date, last_date, .. } = &seen.outcome;
        [period_start, period_end, first_date, last_date].map(|date| date.unwrap().to_string())
    };
    let by_rows = world.stage("sales", "latest.csv", text.as_bytes(), PLAIN);
    assert_eq!(period(&by_rows), ["2026-11-20", "2026-11-22", "2026-11-20", "2026-11-22"]);
    assert_eq!(by_rows.days("_period_start"), ["2026-11-20", "2026-11-20"]);
    let by_month = world.stage("sales", "sales_2026-11.csv", text.as_bytes(), PLAIN);
    assert_eq!(period(&by_month), ["2026-11-01", "2026-11-30", "2026-11-20", "2026-11-22"]);
    let declared = "delivered_at = '_(\\d{8}T\\d{4})\\.'\n[feeds.sales]\nperiod = \"name\"\n";
    let named = world.stage("sales", "2026-11-22_20261123T0210.csv", text.as_bytes(), declared);
    assert_eq!(named.instants("_delivered_at")[0], "2026-11-22T18:10:00+00:00", "the company's clocks");
    // whose clocks are meant: the sender's, or of one zone for names alone, unless the name says it
    for (zones, name, instant) in [
        ("time_zone = \"Europe/Berlin\"", "20261123T0210", "2026-11-23T01:10:00+00:00"),
        ("delivered_time_zone = \"UTC\"", "20261123T0210", "2026-11-23T02:10:00+00:00"),
        (
            "time_zone = \"Europe/Berlin\"\ndelivered_time_zone = \"UTC\"",
            "20261123T021059",
            "2026-11-23T02:10:59+00:00",
        ),
        ("", "20261123T0210Z", "2026-11-23T02:10:00+00:00"),
        ("", "20261123T0210-0330", "2026-11-23T05:40:00+00:00"),
        // clocks go back at 3: the first of two
        ("time_zone = \"Europe/Berlin\"", "20261025T0230", "2026-10-25T00:30:00+00:00"),
    ] {
        let sender = format!("{zones}\ndelivered_at = '_(\\d{{8}}T[^.]+)\\.'\n[feeds.sales]\nperiod = \"name\"\n");
        let seen = world.stage("sales", &format!("2026-11-22_{name}.csv"), text.as_bytes(), &sender);
        assert_eq!(seen.instants("_delivered_at")[0], instant, "{zones} {name}");
    }
    let odd = world.stage("sales", "2026-11-22_20261123Tnoon.csv", text.as_bytes(), &declared.replace("\\d{4}", ".*"));
    assert_eq!(
        odd.outcome.warnings,
        [
            "the file's name gives \"20261123Tnoon\" as delivery time; expected YYYYMMDDTHHMM as the clocks of Asia/Shanghai \
          show it; the store's time is used"
        ]
    );
    let nameless = world.stage("sales", "latest.csv", text.as_bytes(), declared);
    assert!(
        nameless
            .reason()
            .starts_with("the period comes from the file's name, and \"d01/sales/latest.csv\" has no date")
    );
    let tomorrow = world.stage("sales", "latest.csv", text.replace("11-20", "12-20").as_bytes(), PLAIN);
    assert_eq!(tomorrow.listed(), ["3 sold_at outside_window: 2026-12-20 -> a date from 2026-07-25 to 2026-11-24"]);
    assert_eq!(period(&tomorrow)[..2], ["2026-11-22", "2026-11-22"]);
    // A mistyped year alone must not make the file stand for the years between, on either side.
    let mistyped = world.stage("sales", "latest.csv", text.replace("2026-11-20", "1926-11-20").as_bytes(), PLAIN);
    assert_eq!(mistyped.listed(), ["3 sold_at outside_window: 1926-11-20 -> a date from 2026-07-25 to 2026-11-24"]);
    assert_eq!(period(&mistyped)[..2], ["2026-11-22", "2026-11-22"]);
}

#[test]
fn snapshots_are_dated() {
    let world = World::new();
    let text = "sku,name,category,list_price,unit_cost,valid_from\n00012,A,x,2,1,\n00013,B,x,2,1,2026-01-01\n";
    let named = world.stage("products", "products_2026-11-20.csv", text.as_bytes(), PLAIN);
    assert_eq!(named.outcome.first_date.unwrap().to_string(), "2026-01-01");
    assert_eq!(named.outcome.last_date.unwrap().to_string(), "2026-11-20");
    assert_eq!(named.days("_period_start"), ["2026-11-20", "2026-11-20"]);
    assert!(named.rows.unwrap().column_by_name("business_date").is_none());
    // delivered 01:00 UTC, which is 09:00 of the same day in Shanghai
    let nameless = world.stage("products", "products.csv", text.as_bytes(), PLAIN);
    assert_eq!(nameless.outcome.period_end.unwrap().to_string(), "2026-11-23");
}

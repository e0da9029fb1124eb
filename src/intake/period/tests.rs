//! Tables of names and period texts.

use super::*;

#[test]
fn dates_in_names() {
    let cases = [
        ("sales_2026-11-22.csv", Some(("2026-11-22", "2026-11-22"))),
        ("sales_20261122_v2.csv", Some(("2026-11-22", "2026-11-22"))),
        ("20261122T0610.csv", Some(("2026-11-22", "2026-11-22"))),
        ("20261122061005.csv", Some(("2026-11-22", "2026-11-22"))),
        ("销售2026年11月22日.csv", Some(("2026-11-22", "2026-11-22"))),
        ("sales_2026_1_5.csv", Some(("2026-01-05", "2026-01-05"))),
        ("sales_2026-02.csv", Some(("2026-02-01", "2026-02-28"))),
        ("sales_202602.csv", Some(("2026-02-01", "2026-02-28"))),
        ("d01/2026-11-22/sales.csv", Some(("2026-11-22", "2026-11-22"))),
        ("2025-01-01/sales_2026-11-22.csv", Some(("2026-11-22", "2026-11-22"))),
        ("P0012_2026-11-22_20261123T0610.csv", Some(("2026-11-22", "2026-11-22"))),
        ("sales_2026-11-01_to_2026-11-07.csv", Some(("2026-11-01", "2026-11-07"))),
        ("20261101..20261107.csv", Some(("2026-11-01", "2026-11-07"))),
        ("2026-10~2026-11.csv", Some(("2026-10-01", "2026-11-30"))),
        ("销售2026年11月1日至2026年11月7日.xlsx", Some(("2026-11-01", "2026-11-07"))),
        ("2026-11-07_to_2026-11-01.csv", Some(("2026-11-07", "2026-11-07"))),
        ("2026-11-01_to_date.csv", Some(("2026-11-01", "2026-11-01"))),
        ("2026-11-01_2026-11-02.csv", Some(("2026-11-01", "2026-11-01"))),
        ("20261322.csv", None),
        ("sales_2026.csv", None),
        ("order123456789.csv", None),
        ("latest.csv", None),
    ];
    for (key, expected) in cases {
        let found = of_key(key).map(|(start, end)| (start.to_string(), end.to_string()));
        assert_eq!(found, expected.map(|(start, end)| (start.to_string(), end.to_string())), "{key}");
    }
}

#[test]
fn period_texts() {
    let cases = [
        ("2026", Some(("2026", "2026-01-01"))),
        ("2026-Q3", Some(("2026-Q3", "2026-07-01"))),
        ("2026q3", Some(("2026-Q3", "2026-07-01"))),
        ("2026-11", Some(("2026-11", "2026-11-01"))),
        ("202611", Some(("2026-11", "2026-11-01"))),
        ("2026/1", Some(("2026-01", "2026-01-01"))),
        ("2026年11月", Some(("2026-11", "2026-11-01"))),
        ("20261", None),
        ("2026-Q5", None),
        ("2026-13", None),
        ("2026-11-22", None),
        ("年年", None),
        ("", None),
    ];
    for (text, expected) in cases {
        let found = canonical(text).map(|(name, first)| (name, first.to_string()));
        assert_eq!(found, expected.map(|(name, first)| (name.to_string(), first.to_string())), "{text}");
    }
}

//! JSON lines and arrays, with keys that are left out or come up late.

use super::*;

#[test]
fn json_lines_and_arrays() {
    let world = World::new();
    let object = |number: usize, more: &str| {
        format!(
            r#"{{"partner_id": "P001", "order_id": "O\u00e9{number}", "line_no": {number}, "channel_id": "c", "sold_at": "2026-11-22T00:00:00Z", "sku": "00012", "quantity": 1, "unit_price": 1.10e1{more}}}"#
        )
    };
    let lines = format!("{}\n{}\n", object(1, ""), object(2, ",\"customer_id\":null"));
    let array = format!(" [\n{},\n{}\n]\n", object(1, ""), object(2, ""));
    for (name, text) in [("2026-11-22.ndjson", &lines), ("2026-11-22.json", &array), ("2026-11-22.json.gz", &array)] {
        let bytes = if name.ends_with("gz") { gz(text.as_bytes()) } else { text.clone().into_bytes() };
        let seen = world.stage("sales", name, &bytes, PLAIN);
        assert_eq!(seen.outcome.quarantined, None, "{name}");
        assert_eq!(seen.texts("order_id"), [Some("Oé1".into()), Some("Oé2".into())]);
        assert_eq!(seen.money("unit_price"), [110_000, 110_000]);
    }
    let everything = "[feeds.sales]\nreject_limit = 1.0\n";
    let twice = format!("{}\n{}\n", object(1, ""), object(2, ",\"sku\":\"7\""));
    let seen = world.stage("sales", "2026-11-22.ndjson", twice.as_bytes(), everything);
    assert_eq!(seen.listed(), ["2  malformed_json: key \"sku\" twice -> every key once"]);
    assert_eq!(
        world.stage("sales", "2026-11-22.json", b"hello", PLAIN).reason(),
        "line 1: found 'h' where a JSON object should start; send one object a line or one array of objects"
    );
}

#[test]
fn keys_that_json_leaves_out_are_no_warning() {
    let sender = "[feeds.sales]\n[feeds.sales.columns]\npromotion_id = \"promo\"\n";
    let object = r#"{"partner_id":"P","order_id":"O","line_no":1,"channel_id":"c","sold_at":"2026-11-22","sku":"1","quantity":1,"unit_price":1}"#;
    let seen = World::new().stage("sales", "2026-11-22.ndjson", object.as_bytes(), sender);
    assert_eq!((seen.outcome.rows_clean, seen.outcome.drift.len()), (1, 0));
    let csv = format!("{HEADER}{}", row(1));
    let seen = World::new().stage("sales", "2026-11-22.csv", csv.as_bytes(), sender);
    assert_eq!(seen.outcome.drift, ["columns that the mapping names and the file lacks: promotion_id (promo)"]);
}

/// Objects leave out what they have no value for, so a column can come up far down in the file.
#[test]
fn json_keys_that_come_up_late_are_columns_too() {
    let object = |number: usize, more: &str| {
        format!(
            r#"{{"partner_id":"P","order_id":"O{number}","line_no":1,"channel_id":"c","sold_at":"2026-11-22","sku":"1","quantity":1,"unit_price":1{more}}}"#
        )
    };
    let mut objects: Vec<String> = (0..30_000).map(|number| object(number, "")).collect();
    objects[12_000] = object(12_000, r#","promotion_id":"M1""#);
    objects[25_000] = object(25_000, r#","promotion_id":"M2","customer_id":"C1""#);
    let seen = World::new().stage("sales", "2026-11-22.ndjson", objects.join("\n").as_bytes(), PLAIN);
    assert_eq!((seen.outcome.rows_clean, seen.outcome.rows_rejected), (30_000, 0), "{:?}", seen.outcome);
    let promotions = seen.texts("promotion_id");
    assert_eq!((promotions[12_000].as_deref(), promotions[25_000].as_deref()), (Some("M1"), Some("M2")));
    assert_eq!(seen.texts("customer_id")[25_000].as_deref(), Some("C1"));
    // a file that never stops bringing new ones is not read without end: its late records are refused
    for number in (9_000..30_000).step_by(20) {
        objects[number] = object(number, &format!(r#","new{number}":1"#));
    }
    let seen = World::new().stage("sales", "2026-11-22.ndjson", objects.join("\n").as_bytes(), PLAIN);
    assert_eq!(seen.outcome.quarantined, None);
    assert!(seen.outcome.reasons["malformed_json"] > 0, "{:?}", seen.outcome.reasons);
}

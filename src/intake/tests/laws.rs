//! What holds for any file: no row is lost, nothing panics, equal bytes give equal files.

use proptest::prelude::*;

use super::*;

const LENIENT: &str = "[feeds.sales]\nreject_limit = 1.0\n[feeds.inventory]\nreject_limit = 1.0\n";

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(String::new()),
        2 => Just("\"".to_string()),
        4 => "[0-9]{1,4}",
        2 => Just("1.5".to_string()),
        4 => Just("2026-11-22".to_string()),
        1 => Just("\r".to_string()),
        1 => Just("\n".to_string()),
        1 => Just("\u{0}".to_string()),
        1 => Just("，，".to_string()),
        2 => "\\PC{0,6}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// `World::stage` itself asserts rows read = clean + rejected, and that the files hold that many.
    #[test]
    fn rows_are_conserved(rows in prop::collection::vec(prop::collection::vec(cell(), 0..10), 0..40)) {
        let body: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
        let text = format!("{HEADER}{}{}{}", row(1), body.join("\n"), row(2));
        World::new().stage("sales", "2026-11-22.csv", text.as_bytes(), LENIENT);
    }

    /// Text without a quote is split by another way than text with one: the same rows, refusals and lines come out.
    #[test]
    fn one_quote_changes_nothing(rows in prop::collection::vec(prop::collection::vec(cell(), 0..10), 0..40)) {
        let body: Vec<String> = rows.iter().map(|row| row.join(",").replace('"', "")).collect();
        let text = format!("{HEADER}{}{}\n{}", row(1), body.join("\n"), row(2));
        let quoted = text.replacen("partner_id", "\"partner_id\"", 1);
        let [plain, quoted] = [text, quoted].map(|text| World::new().stage("sales", "2026-11-22.csv", text.as_bytes(), LENIENT));
        prop_assert_eq!(plain.rows, quoted.rows);
        prop_assert_eq!(plain.rejects, quoted.rejects);
        prop_assert_eq!(plain.outcome.passed_over, quoted.outcome.passed_over);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), kind in 0..7_usize) {
        let magic: [&[u8]; 7] = [b"", b"\x1f\x8b\x08", b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x28\xb5\x2f\xfd", b"[{"];
        let whole = [magic[kind], &bytes].concat();
        let name = if kind == 6 { "2026-11-22.json" } else { "2026-11-22.csv" };
        World::new().stage("sales", name, &whole, LENIENT);
    }

    #[test]
    fn damaged_headers_never_panic(at in 0..200_usize, byte in any::<u8>()) {
        let mut bytes = format!("{HEADER}{}{}", row(1), row(2)).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        World::new().stage("sales", "2026-11-22.csv", &bytes, LENIENT);
    }
}

#[test]
fn equal_bytes_give_equal_files() {
    let text = format!("{HEADER}{}{}{}", row(1), row(2), row(1));
    let world = World::new();
    let (first, second) = (world.sales(text.as_bytes()), world.sales(text.as_bytes()));
    assert_eq!(first.rows, second.rows);
    assert_eq!(first.rejects, second.rejects);
}

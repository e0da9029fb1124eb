//! No row is staged that is not a row of the file: broken quotes, delimiters too many, values that stand elsewhere.

use proptest::prelude::*;

use super::*;

const LENIENT: &str = "[feeds.sales]\nreject_limit = 1.0\n";

fn sales(settings: &str, text: &str) -> Seen {
    let sender = format!("{LENIENT}{settings}\n");
    World::new().stage("sales", "2026-11-22.csv", text.as_bytes(), &sender)
}

#[test]
fn a_broken_quote_costs_its_own_row() {
    let rows = [
        row(1),
        row(2).replace("00012", "\"old\" 12"),
        row(3).replace("O3", "\"O3"),
        row(4),
        row(5).replace("00012", "\"5\"\" tube\""),
        row(6).replace("O6", "\"O6"),
        row(7).replace("O7", "\"O7"),
        row(8),
    ];
    let seen = sales("", &format!("{HEADER}{}", rows.concat()));
    assert_eq!(seen.whole("line_no"), [1, 4, 5, 8]);
    assert_eq!(seen.texts("sku")[2], Some("5\" tube".into()));
    let told: Vec<(i64, &str, &str)> =
        seen.rejects.iter().map(|(line, _, reason, found, ..)| (*line, reason.as_str(), found.as_str())).collect();
    assert_eq!(
        told,
        [
            (3, "malformed_quote", "text after a closing quote"),
            (4, "malformed_quote", "a quote from line 4 to line 6 that is followed by text"),
            (7, "malformed_quote", "a quote from line 7 to line 8 that is followed by text"),
            (8, "malformed_quote", "a quote that is never closed"),
        ]
    );
    assert_eq!(seen.rejects[1].5, rows[2].trim_end(), "the raw text is the line's");
}

/// A text over two lines is one; two rows that only quotes join are none, and neither are those of another width.
#[test]
fn quotes_over_lines() {
    let seen = sales("", &format!("{HEADER}{}{}", row(1).replace("00012", "\"a\nb, c\r\nd\""), row(2)));
    assert_eq!((seen.rejects.len(), seen.texts("sku")[0].clone()), (0, Some("a\nb, c\r\nd".into())));
    let joined = [row(1).replace("00012", "\"00012"), row(2).replace("00012", "3\"")];
    let seen = sales("", &format!("{HEADER}{}{}", joined.concat(), row(3)));
    assert_eq!(seen.whole("line_no"), [3]);
    assert_eq!(
        seen.rejects[0].3,
        "a quote from line 2 to line 3 that makes one row of lines that are rows by themselves"
    );
    let wider = [row(1).replace("O1", "\"O1"), row(2).replace("00012", "3\"")];
    let seen = sales("", &format!("{HEADER}{}{}", wider.concat(), row(3)));
    assert_eq!(seen.whole("line_no"), [2, 3], "a quote within a field is a character like any other");
    assert_eq!(seen.rejects[0].3, "a quote from line 2 to line 3 that makes a row of 4 fields of them");
}

#[test]
fn blanks_around_quotes_and_backslashes_in_them() {
    for (settings, cell, sku) in [
        ("", " \"a, b\" ", "a, b"),
        ("", "\t\"a, b\"", "a, b"),
        ("escape = \"\\\\\"", "\"a\\\"b\\\\c\\d\"", "a\"b\\c\\d"),
        ("", "12\" wide", "12\" wide"),
        ("", "\"\"", ""),
    ] {
        let seen = sales(settings, &format!("{HEADER}{}{}", row(1).replace("00012", cell), row(2)));
        let told = if sku.is_empty() { vec!["2 sku missing_value:  -> a text".to_string()] } else { vec![] };
        assert_eq!(seen.listed(), told, "{cell}");
        assert_eq!(seen.texts("sku").first(), Some(&Some(if sku.is_empty() { "00012" } else { sku }.to_string())));
    }
}

/// 1,000.00 without quotes and an empty remark: as many fields as two too many delimiters, none of them harmless.
#[test]
fn a_delimiter_too_many_is_seen() {
    let header = HEADER.trim_end().to_string() + ",customer_id\n";
    let with = |number: usize, price: &str, end: &str| row(number).trim_end().replace("9.90", price) + "," + end + "\n";
    let text = format!("{header}{}{}{}", with(1, "1,000.00", ""), with(2, "250.00", ""), with(3, "9.90", "gift"));
    let seen = sales("", &text);
    assert_eq!(seen.whole("line_no"), [2, 3]);
    assert_eq!(seen.listed(), ["2  ragged_row: 10 fields -> 9 fields as in the header"]);
    // every row, or the header, ends in delimiters: harmless
    let text = format!("{HEADER}{}{}", row(1).replace('\n', ",,\n"), row(2).replace('\n', ",,\n"));
    assert_eq!(sales("", &text).whole("line_no"), [1, 2]);
    let ended = HEADER.replace('\n', ",\n");
    let text = format!("{ended}{}{}", row(1).replace('\n', ",\n"), row(2).replace('\n', ",\n"));
    assert_eq!(sales("", &text).whole("line_no"), [1, 2]);
    // and then a row without its end has lost a field
    let text = format!("{ended}{}{}{}", row(1).replace('\n', ",\n"), row(2).replace('\n', ",\n"), row(3));
    assert_eq!(sales("", &text).listed(), ["4  ragged_row: 8 fields -> 8 fields as in the header"]);
}

#[test]
fn a_currency_on_some_rows_is_no_missing_column() {
    let header = HEADER.trim_end().to_string() + ",currency\n";
    let with = |number: usize, currency: &str| row(number).trim_end().to_string() + "," + currency + "\n";
    let seen = sales("", &format!("{header}{}{}", with(1, "USD"), with(2, "")));
    assert_eq!(seen.texts("currency"), [Some("USD".into())]);
    assert_eq!(
        seen.listed(),
        ["3 currency missing_value:  -> a currency, since other rows have one (or declare carry_down = true)"]
    );
    let seen = sales("", &format!("{header}{}{}", with(1, ""), with(2, "")));
    assert_eq!(seen.texts("currency"), [Some("CNY".into()), Some("CNY".into())], "an empty column is as none");
    let carried = "[feeds.sales.columns]\ncurrency = { column = \"currency\", carry_down = true }";
    let same = with(2, "").replace("O2", "O1");
    let seen = sales(carried, &format!("{header}{}{same}{}", with(1, "USD"), with(3, "")));
    assert_eq!(seen.texts("currency"), [Some("USD".into()), Some("USD".into())], "within its order");
    assert_eq!(seen.rejects[0].0, 4);
}

#[test]
fn a_damaged_byte_makes_no_other_code_page() {
    let rows: String = (1..=50).map(row).collect();
    let text = format!("{HEADER}{rows}").replacen("00012", "n\u{1}t", 1);
    let bytes: Vec<u8> = text.bytes().map(|byte| if byte == 1 { 0xc6 } else { byte }).collect();
    let seen = World::new().stage("sales", "2026-11-22.csv", &bytes, PLAIN);
    assert_eq!((seen.outcome.rows_clean, seen.rejects.len()), (49, 1));
    assert_eq!((seen.rejects[0].0, seen.rejects[0].2.as_str()), (2, "bad_encoding"));
}

#[test]
fn without_a_header_most_rows_say_how_wide_it_is() {
    let columns = "header_rows = 0\n[feeds.sales.columns]\npartner_id = \"1\"\norder_id = \"2\"\nline_no = \"3\"\n\
        channel_id = \"4\"\nsold_at = \"5\"\nsku = \"6\"\nquantity = \"7\"\nunit_price = \"8\"";
    let text = [row(1), row(2), row(3).replace('\n', ",extra,field\n"), row(4)].concat();
    let seen = sales(columns, &text);
    assert_eq!(seen.whole("line_no"), [1, 2, 4]);
    assert_eq!(seen.listed(), ["3  ragged_row: 10 fields -> 8 fields as in most rows"]);
}

#[test]
fn a_header_once_more_is_no_row() {
    let seen = sales("", &format!("{HEADER}{}{HEADER}{}", row(1), row(2)));
    assert_eq!((seen.whole("line_no"), seen.rejects.len(), seen.outcome.passed_over), (vec![1, 2], 0, 1));
}

#[test]
fn every_reason_of_a_row_is_told() {
    let seen = sales("", &format!("{HEADER}{}", row(1).replace("00012", "").replace("9.90", "abc")));
    assert_eq!(
        seen.listed(),
        ["2 sku missing_value:  -> a text; also unit_price: found \"abc\", expected a number with a decimal point"]
    );
    assert_eq!(seen.outcome.reasons.values().sum::<u64>(), 1, "one refused row");
}

/// What does not fit downstream is refused here, by the column that holds it: a barcode where the quantity belongs, and
/// a line that only multiplied is too large. An adjustment may be below 0, and no further than any other line above.
#[test]
fn what_cannot_fit_downstream_is_refused() {
    let quantity = |number: usize, quantity: &str| row(number).replace("00012,1,", &format!("00012,{quantity},"));
    let rows = [
        quantity(1, "6901234567892"),
        quantity(2, "-9999999"),
        quantity(3, "-10000000"),
        quantity(4, "9999999").replace("9.90", "10000.01"),
        quantity(5, "9999999").replace("9.90", "10000.00"),
        quantity(6, "3").replace("9.90", "99999999999999"),
    ];
    let seen = sales("", &format!("{HEADER}{}", rows.concat()));
    assert_eq!(seen.whole("quantity"), [-9_999_999, 9_999_999]);
    assert_eq!(
        seen.listed(),
        [
            "2 quantity above_maximum: 6901234567892 -> at most 9999999",
            "4 quantity below_minimum: -10000000 -> at least -9999999",
            "5 quantity above_maximum: 9999999 x 10000.0100 -> quantity x unit_price of at most 99999999999.0000",
            "7 unit_price above_maximum: 99999999999999.0000 -> at most 999999999.0000",
        ]
    );
    let header = HEADER.trim_end().to_string() + ",sale_type\n";
    let adjusted = |number: usize, price: &str| row(number).trim_end().replace("9.90", price) + ",adjustment\n";
    let lines = [adjusted(1, "-999999999"), adjusted(2, "-1000000000"), adjusted(3, "1000000000")];
    let seen = sales("", &format!("{header}{}", lines.concat()));
    assert_eq!(seen.money("unit_price"), [-9_999_999_990_000]);
    assert_eq!(
        seen.listed(),
        [
            "3 unit_price below_minimum: -1000000000.0000 -> at least -999999999.0000",
            "4 unit_price above_maximum: 1000000000.0000 -> at most 999999999.0000",
        ]
    );
}

/// A delivered amount of the line is held by the same limits, and so is what is worked out from it.
#[test]
fn amounts_of_lines_are_limited_too() {
    let header = HEADER.replace("unit_price", "paid");
    let total = "[feeds.sales.columns]\nunit_price = { from_total = \"paid\" }";
    let rows = [row(1), row(2).replace("1,9.90", "1000,100000000000")];
    let seen = sales(total, &format!("{header}{}", rows.concat()));
    assert_eq!(seen.whole("line_no"), [1]);
    assert_eq!(seen.listed(), ["3 gross_amount above_maximum: 100000000000.0000 -> at most 99999999999.0000"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Quotes anywhere: each staged row is one line's, and no line is lost.
    #[test]
    fn staged_rows_are_lines_of_the_file(places in prop::collection::vec((1..12_usize, 0..60_usize), 0..9)) {
        let mut lines: Vec<String> =
            (1..12).map(|number| row(number).replace("00012", &format!("S{number}")).trim_end().to_string()).collect();
        for (line, place) in places {
            let line = &mut lines[line - 1];
            let at = place.min(line.len());
            line.insert(at, '"');
        }
        let seen = sales("", &format!("{HEADER}{}\n", lines.join("\n")));
        prop_assert_eq!(seen.outcome.rows_read, 11);
        if seen.rows.is_some() {
            let (skus, orders) = (seen.texts("sku"), seen.texts("order_id"));
            for ((sku, order), number) in skus.iter().zip(&orders).zip(seen.whole("line_no")) {
                let digits = |text: &Option<String>| text.clone().unwrap_or_default().replace(|c: char| !c.is_ascii_digit(), "");
                prop_assert_eq!(digits(sku), number.to_string());
                prop_assert_eq!(digits(order), number.to_string());
            }
        }
    }
}

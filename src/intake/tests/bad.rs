//! Files that cannot be used, or not all of them: what their sender is told, word for word.

use super::*;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bad").join(name)).unwrap()
}

fn stage(name: &str) -> Seen {
    let extension = name.split_once('.').unwrap().1;
    World::new().stage("sales", &format!("2026-11-22.{extension}"), &fixture(name), PLAIN)
}

/// Files that are quarantined whole.
#[test]
fn quarantined_with_a_reason() {
    let found = "headers found: partner_id, order_id, line_no, channel_id, sold_at, sku, quantity";
    let cases = [
        (
            "missing-column.csv",
            format!("column `unit_price` is not in the file; did you mean \"unit_prise\"?; {found}, unit_prise"),
        ),
        ("missing-column-far.csv", format!("column `unit_price` is not in the file; {found}, betrag")),
        (
            "duplicate-header.csv",
            format!(
                "the header has \"sku\" more than once, in columns 6 and 8: write \"sku#1\" or \"sku#2\" in the mapping for the \
                 one that is meant; {found}, SKU"
            ),
        ),
        ("truncated.csv.gz", "the gzip data is cut off: its end is missing; send the file again".into()),
        ("corrupt.csv.gz", "the gzip data is damaged: corrupt deflate stream; send the file again".into()),
        ("empty.csv", "the file is empty (0 bytes)".into()),
        (
            "not-a-workbook.xlsx",
            "the zip archive cannot be read: invalid Zip archive: Could not find EOCD; send the file again".into(),
        ),
        ("encrypted.xlsx", "the workbook is encrypted; send it without a password".into()),
        (
            "cut-off.parquet",
            "the Parquet file cannot be read: Parquet error: Invalid Parquet file. Corrupt footer; send the file again"
                .into(),
        ),
        ("cut-off.json", "the JSON object that starts in line 1 is cut off".into()),
        (
            "malformed-number.csv",
            "5 of 5 rows are refused (100.0 %, the limit is 5.0 %): malformed_number 4, missing_value 1; \
             first: line 2, column unit_price: found \"9，90\", expected a number with a decimal point"
                .into(),
        ),
    ];
    for (name, reason) in cases {
        let seen = stage(name);
        assert_eq!(seen.reason(), reason, "{name}");
        assert_eq!(seen.outcome.period_start.unwrap().to_string(), "2026-11-22");
        assert!(seen.rows.is_none());
    }
}

#[test]
fn binary_is_refused() {
    let seen = stage("binary.csv");
    assert_eq!(seen.reason(), "the header in line 1 cannot be read: a NUL byte");
}

/// Files of which some rows are refused, line by line.
#[test]
fn rejected_row_by_row() {
    let everything = "[feeds.sales]\nreject_limit = 1.0\n";
    let cases: [(&str, &[&str]); 13] = [
        ("nul-byte.csv", &["3  nul_byte: a NUL byte -> text without NUL bytes"]),
        (
            "mixed-encodings.csv",
            &["32  bad_encoding: bytes that do not decode, at byte 2613 of the file -> text in the file's encoding"],
        ),
        (
            "ragged-row.csv",
            &[
                "3  ragged_row: 7 fields -> 8 fields as in the header",
                "4  ragged_row: 10 fields -> 8 fields as in the header",
                "5  ragged_row: 10 fields -> 8 fields as in the header",
            ],
        ),
        (
            "excess-scale.csv",
            &[
                "2 unit_price excess_scale: 9.90001 -> at most 4 digits after the point (or declare round = true)",
                "3 quantity excess_scale: 1.5 -> a whole number",
            ],
        ),
        (
            "malformed-number.csv",
            &[
                "2 unit_price malformed_number: 9，90 -> a number with a decimal point",
                "3 unit_price malformed_number: 1.234.50 -> a number with a decimal point",
                "4 quantity malformed_number: one -> a number with a decimal point",
                "5 unit_price malformed_number: 12% -> a number with a decimal point",
                "6 quantity missing_value:  -> a bigint",
            ],
        ),
        (
            "malformed-date.csv",
            &[
                "2 sold_at malformed_date: 22/11/2026 -> YYYY-MM-DD HH:MM:SS",
                "3 sold_at malformed_date: 2026-02-30 10:00:00 -> YYYY-MM-DD HH:MM:SS",
                "4 sold_at excess_precision: 2026-11-22 10:00:00.1234567 -> a time no finer than a microsecond",
                "5 sold_at date_out_of_range: 0026-11-22 -> a date from 1900-01-01 to 9999-12-31",
                "6 sold_at missing_value:  -> a timestamp",
            ],
        ),
        ("missing-key.csv", &["2 order_id missing_key:  -> a text", "3 partner_id missing_key:  -> a text"]),
        (
            "outside-window.csv",
            &[
                "2 sold_at outside_window: 2026-07-24 -> a date from 2026-07-25 to 2026-11-23",
                "5 sold_at outside_window: 2026-11-24 -> a date from 2026-07-25 to 2026-11-23",
            ],
        ),
        ("zero-quantity.csv", &["2 quantity zero_value: 0 -> a number other than 0"]),
        (
            "negative-price.csv",
            &[
                "2 unit_price below_minimum: -1.0000 -> at least 0.0000",
                "4 sale_type not_accepted: gift -> one of: sale, return, adjustment",
            ],
        ),
        (
            "duplicate-key.csv",
            &[
                "5 partner_id, order_id, line_no duplicate_key: P001, O3, 3 -> every key once; rows that differ stand in lines 5, 6",
                "6 partner_id, order_id, line_no duplicate_key: P001, O3, 3 -> every key once; rows that differ stand in lines 5, 6",
            ],
        ),
        (
            "unterminated-quote.csv",
            &[
                "3  malformed_quote: a quote that is never closed -> quotes in pairs around a field, doubled within it (or declare \
               quote = \"\" where they are data)",
            ],
        ),
        (
            "nested.ndjson",
            &[
                "2  malformed_json: {\"no\":1},\"line_no\":1,\"channel_id\":\"c\",\"s -> a plain value for \"order_id\", not an object or list",
            ],
        ),
    ];
    for (name, rejects) in cases {
        let extension = name.split_once('.').unwrap().1;
        let seen = World::new().stage("sales", &format!("2026-11-22.{extension}"), &fixture(name), everything);
        assert_eq!(seen.outcome.quarantined, None, "{name}");
        assert_eq!(seen.listed(), rejects, "{name}");
    }
}

#[test]
fn raw_text_is_the_line_as_delivered() {
    let seen = World::new().stage(
        "sales",
        "2026-11-22.csv",
        &fixture("duplicate-key.csv"),
        "[feeds.sales]\nreject_limit = 1.0\n",
    );
    assert_eq!(seen.rejects[1].5, "P001,O3,3,ch_shop,2026-11-22 10:00:00,00012,2,9.90");
    assert_eq!(seen.whole("_line"), [2, 3, 7]);
    assert_eq!(
        seen.outcome.warnings,
        ["1 rows stand there more than once, word for word: one of each counts"],
        "a copy is passed over, not refused"
    );
}

/// A system that writes everything twice: one of each counts, nothing is refused, and no limit is passed.
#[test]
fn a_file_of_which_every_row_stands_twice_keeps_one_of_each() {
    let rows: Vec<String> = (1..=40)
        .map(|order| format!("P001,O{order},1,ch_shop,2026-11-22 10:00:00,00012,1,9.90\n"))
        .flat_map(|row| [row.clone(), row])
        .collect();
    let text = format!("partner_id,order_id,line_no,channel_id,sold_at,sku,quantity,unit_price\n{}", rows.concat());
    let seen = World::new().stage("sales", "2026-11-22.csv", text.as_bytes(), "[feeds.sales]\n");
    let outcome = &seen.outcome;
    assert_eq!(outcome.quarantined, None);
    assert_eq!((outcome.rows_read, outcome.rows_clean, outcome.rows_rejected), (40, 40, 0));
    assert_eq!((outcome.passed_over, outcome.reasons.len()), (40, 0));
}

/// Files that look wrong and are right.
#[test]
fn used_rightly() {
    let swapped = stage("header-swapped.csv");
    assert_eq!((swapped.texts("sku"), swapped.money("unit_price")), (vec![Some("00012".into())], vec![99_000]));
    let zeros = stage("leading-zeros.csv");
    assert_eq!(zeros.texts("sku"), [Some("00012".into()), Some("0000".into())]);
    let delimited = stage("wrong-delimiter.csv");
    assert_eq!(delimited.outcome.rows_clean, 2);
    let nothing = stage("header-only.csv");
    assert_eq!((nothing.outcome.rows_read, &nothing.outcome.quarantined), (0, &None));
    assert_eq!(nothing.outcome.warnings, ["the file has a header and no rows"]);
}

#[test]
fn declared_delimiter_that_is_wrong_is_named() {
    let sender = "[feeds.sales]\ndelimiter = \",\"\n";
    let seen = World::new().stage("sales", "2026-11-22.csv", &fixture("wrong-delimiter.csv"), sender);
    assert!(
        seen.reason().starts_with("the file is delimited by ';', not by ',' as declared; column `partner_id` is not"),
        "{}",
        seen.reason()
    );
}

#[test]
fn every_truncation_of_a_gzip_is_refused() {
    let world = World::new();
    let whole = gz(format!("{HEADER}{}", row(1)).as_bytes());
    assert_eq!(world.sales(&whole).outcome.rows_clean, 1);
    for length in 1..whole.len() {
        let seen = world.sales(&whole[..length]);
        assert!(seen.outcome.quarantined.is_some(), "{length} of {} bytes", whole.len());
    }
}

#[test]
fn bombs_are_refused_in_fixed_memory() {
    let world = World::new();
    let zeros = vec![b'0'; 64 << 20];
    let bomb = gz(&zeros);
    let most = (bomb.len() as u64 * 200).max(1 << 20);
    let reason = world.sales(&bomb).reason().to_string();
    assert!(
        reason == format!("the gzip data unpacks to more than {most} bytes, the most allowed for its size")
            || reason == "the record that starts in line 1 is longer than 1048576 bytes: is a quote not closed?",
        "{reason}"
    );
    let mut lines = HEADER.to_string().into_bytes();
    lines.extend(b"\n".repeat(64 << 20));
    let reason = world.sales(&gz(&lines)).reason().to_string();
    assert!(reason.starts_with("the gzip data unpacks to more than "), "{reason}");
    let reason = world.stage("sales", "2026-11-22.zip", &zip(&[("a.csv", &zeros)]), PLAIN).reason().to_string();
    assert!(reason.starts_with("the zip data unpacks to more than "), "{reason}");
    let reason = world
        .stage("sales", "2026-11-22.csv.zst", &zstd::encode_all(&lines[..], 3).unwrap(), PLAIN)
        .reason()
        .to_string();
    assert!(reason.starts_with("the zstd data unpacks to more than "), "{reason}");
}

#[test]
fn long_lines_are_refused() {
    let world = World::new();
    let long = format!("{HEADER}{}P001,{},2\n", row(1), "x".repeat(3 << 20));
    assert_eq!(
        world.sales(long.as_bytes()).reason(),
        "the record that starts in line 3 is longer than 1048576 bytes: is a quote not closed?"
    );
    let field =
        format!("{HEADER}{}{}", (1..=30).map(row).collect::<String>(), row(31).replace("00012", &"7".repeat(300_000)));
    let seen = world.sales(field.as_bytes());
    assert_eq!(
        seen.listed(),
        ["32  field_too_long: a field of 300000 bytes -> a shorter field; is a quote not closed?"]
    );
    assert_eq!(seen.rejects[0].5.chars().count(), 2_000, "raw text is kept short");
    let wide = format!("{}\n", (0..10_000).map(|at| format!("c{at}")).collect::<Vec<_>>().join(","));
    assert_eq!(world.sales(wide.as_bytes()).reason(), "the header has more than 512 columns");
}

#[test]
fn workbook_with_a_far_cell_is_refused() {
    let sheet = r#"<row r="1"><c r="A1" t="inlineStr"><is><t>partner_id</t></is></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>"#;
    let seen = World::new().stage("sales", "2026-11-22.xlsx", &xlsx(sheet), PLAIN);
    assert_eq!(seen.reason(), "the sheet has a cell in XFD1048576; at most 512 columns are taken");
}

#[test]
fn workbook_with_a_huge_text_is_refused() {
    let sheet = format!(r#"<row r="1"><c r="A1" t="inlineStr"><is><t>{}</t></is></c></row>"#, "x".repeat(80 << 20));
    let book = xlsx(&sheet);
    let most = (book.len() as u64 * 200).max(1 << 20);
    let seen = World::new().stage("sales", "2026-11-22.xlsx", &book, PLAIN);
    assert_eq!(seen.reason(), format!("the workbook unpacks to more than {most} bytes, the most allowed for its size"));
}

#[test]
fn archives_with_tricks_are_refused() {
    let world = World::new();
    let csv = format!("{HEADER}{}", row(1));
    let stage = |members: &[(&str, &[u8])]| world.stage("sales", "2026-11-22.zip", &zip(members), PLAIN);
    assert_eq!(
        stage(&[("../../etc/passwd", csv.as_bytes())]).reason(),
        "member \"../../etc/passwd\" of the zip archive has a name that leaves its folder"
    );
    let inner = zip(&[("a.csv", csv.as_bytes())]);
    assert_eq!(stage(&[("a.zip", &inner)]).reason(), "member \"a.zip\" of the zip archive is an archive itself");
    assert_eq!(stage(&[("a.csv", b"")]).reason(), "member \"a.csv\" of the zip archive is empty (0 bytes)");
    assert_eq!(
        stage(&[("a.csv", csv.as_bytes()), ("b.csv", b"x,y\n1,2\n")]).reason(),
        "b.csv: column `partner_id` is not in the file; headers found: x, y"
    );
    let many: Vec<(String, Vec<u8>)> = (0..65).map(|at| (format!("{at}.csv"), csv.clone().into_bytes())).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    assert_eq!(stage(&many).reason(), "the zip archive has 65 members; at most 64 are taken");
}

#[test]
fn deep_json_is_refused() {
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    let seen = World::new().stage("sales", "2026-11-22.json", deep.as_bytes(), PLAIN);
    assert_eq!(seen.reason(), "line 1: JSON nested deeper than 128 levels");
}

#[test]
fn few_rows_are_judged_mildly() {
    let world = World::new();
    let bad = row(9).replace("9.90", "abc");
    let one_of_three = format!("{HEADER}{}{}{bad}", row(1), row(2));
    assert_eq!(world.sales(one_of_three.as_bytes()).outcome.quarantined, None);
    let two_of_twenty = format!("{HEADER}{}{bad}{bad}", (20..38).map(row).collect::<String>());
    assert!(
        world
            .sales(two_of_twenty.as_bytes())
            .reason()
            .starts_with("2 of 20 rows are refused (10.0 %, the limit is 5.0 %)")
    );
}

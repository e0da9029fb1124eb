//! Files made to do harm: each is refused in words, and what they would cost is bounded. The nights around them,
//! and the bounds on memory, are in tests/it/hostile.rs.

use std::collections::BTreeSet;

use arrow::array::{ArrayRef, StringArray};
use parquet::arrow::ArrowWriter;

use super::*;

const EVERYTHING: &str = "[feeds.sales]\nreject_limit = 1.0\n";

/// Two rows as Parquet.
fn parquet_file(sku: &str) -> Vec<u8> {
    let columns = HEADER.trim().split(',').enumerate().map(|(at, name)| {
        let texts =
            [1, 2].map(|number| row(number).replace("00012", sku).trim().split(',').nth(at).unwrap().to_string());
        (name, std::sync::Arc::new(StringArray::from_iter_values(texts)) as ArrayRef)
    });
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn ten_thousand_columns_in_every_layout() {
    let world = World::new();
    let names: Vec<String> = (0..10_000).map(|at| format!("c{at}")).collect();
    let csv = names.join(",") + "\n";
    assert_eq!(world.sales(csv.as_bytes()).reason(), "the header has more than 512 columns");
    let pairs: Vec<String> = names.iter().map(|name| format!("\"{name}\":1")).collect();
    let json = format!("{{{}}}", pairs.join(","));
    assert_eq!(
        world.stage("sales", "2026-11-22.json", json.as_bytes(), PLAIN).reason(),
        "the objects have 10000 keys; at most 512 are taken"
    );
    let column: ArrayRef = std::sync::Arc::new(StringArray::from(vec!["x"]));
    let batch = RecordBatch::try_from_iter(names.iter().map(|name| (name, ArrayRef::clone(&column)))).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    assert_eq!(
        world.stage("sales", "2026-11-22.parquet", &writer.into_inner().unwrap(), PLAIN).reason(),
        "the Parquet file has 10000 columns; at most 512 are taken"
    );
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (at, name) in (0..).zip(&names) {
        sheet.write(0, at, name).unwrap();
    }
    assert_eq!(
        world.stage("sales", "2026-11-22.xlsx", &book.save_to_buffer().unwrap(), PLAIN).reason(),
        "the sheet has a cell in SS1; at most 512 columns are taken"
    );
    // one wide line among good ones is one refused line
    let text = format!("{HEADER}{}{csv}{}", row(1), row(2));
    let seen = world.stage("sales", "2026-11-22.csv", text.as_bytes(), EVERYTHING);
    assert_eq!(seen.listed(), ["3  ragged_row: more than 512 fields -> 8 fields as in the header"]);
    assert_eq!(seen.whole("_line"), [2, 4]);
}

#[test]
fn a_quote_that_is_never_closed_does_not_swallow_the_rest_silently() {
    let world = World::new();
    let rows: String = (2..100_000).map(row).collect();
    let text = format!("{HEADER}{}{rows}", row(1).replace("00012", "\"00012"));
    let seen = world.sales(text.as_bytes());
    assert_eq!((seen.outcome.rows_read, seen.outcome.rows_clean), (99_999, 99_998));
    assert_eq!((seen.rejects[0].0, seen.rejects[0].3.as_str()), (2, "a quote that is never closed"));
}

#[test]
fn every_cut_of_a_packed_file_is_refused_in_words() {
    let world = World::new();
    let text = format!("{HEADER}{}", (1..20).map(row).collect::<String>());
    let packed = [("gz", gz(text.as_bytes())), ("zst", zstd::encode_all(text.as_bytes(), 3).unwrap())];
    for (extension, whole) in packed {
        let name = format!("2026-11-22.csv.{extension}");
        assert_eq!(world.stage("sales", &name, &whole, PLAIN).outcome.rows_clean, 19);
        let mut reasons = BTreeSet::new();
        for length in 1..whole.len() {
            let seen = world.stage("sales", &name, &whole[..length], PLAIN);
            assert!(seen.rows.is_none(), "{length} of {} bytes", whole.len());
            reasons.insert(seen.reason().to_string());
        }
        let tool = if extension == "gz" { "gzip" } else { "zstd" };
        let cut = format!("the {tool} data is cut off: its end is missing; send the file again");
        assert!(reasons.contains(&cut), "{reasons:?}");
        // so short that its first bytes do not yet say what it is: then it is text, and no sales file
        reasons.retain(|reason| *reason != cut && !reason.starts_with("column `partner_id` is not in the file"));
        assert_eq!(reasons, BTreeSet::new());
    }
}

/// Flipped bits never end the process: the file is refused in words, or its rows are read and accounted for.
#[test]
fn parquet_with_flipped_bits() {
    let world = World::new();
    let whole = parquet_file("00012");
    let mut reasons = BTreeSet::new();
    // every fifth byte, and all of the footer's end
    for at in (0..whole.len()).filter(|at| at % 5 == 0 || at + 40 > whole.len()) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        if let Some(reason) = world.stage("sales", "2026-11-22.parquet", &bytes, EVERYTHING).outcome.quarantined {
            reasons.insert(reason);
        }
    }
    let known = [
        "the Parquet file cannot be read: ",
        "the Parquet file is damaged: its reader gave up; send the file again",
        "the Parquet file unpacks to ",
        "the Parquet file has ",
        "column `",
        "the header ",
        "the file is not UTF-8",
        "the encoding",
    ];
    for reason in &reasons {
        assert!(known.iter().any(|start| reason.starts_with(start)), "{reason}");
    }
    let mut bytes = whole.clone();
    let footer = bytes.len() - 6;
    bytes[footer] ^= 0x40;
    assert_eq!(
        world.stage("sales", "2026-11-22.parquet", &bytes, PLAIN).reason(),
        format!(
            "the Parquet file cannot be read: EOF: Parquet file too small. Size is {} but need 4195883; send the file again",
            bytes.len()
        )
    );
}

/// One text of a megabyte that a thousand cells share is held once and refused a thousand times.
#[test]
fn a_shared_text_does_not_multiply() {
    let world = World::new();
    let text = "x".repeat(1 << 20);
    let strings = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>{text}</t></si></sst>"#
    );
    let names: Vec<String> = ('A'..).zip(HEADER.trim().split(',')).map(|(at, name)| text_cell(at, 1, name)).collect();
    let shared: String = (2..1002)
        .map(|line| {
            let cells: String = ('A'..='H').map(|at| format!(r#"<c r="{at}{line}" t="s"><v>0</v></c>"#)).collect();
            format!(r#"<row r="{line}">{cells}</row>"#)
        })
        .collect();
    let sheet = format!(r#"<row r="1">{}</row>{shared}"#, names.concat());
    let book = xlsx_with(&sheet, "", &[("xl/sharedStrings.xml", strings.as_bytes())]);
    let seen = world.stage("sales", "2026-11-22.xlsx", &book, EVERYTHING);
    assert_eq!(seen.outcome.reasons["field_too_long"], 1000);
    assert_eq!(
        seen.listed()[0],
        "2  field_too_long: a field of 1048576 bytes -> a shorter field; is a quote not closed?"
    );
    let seen = world.stage("sales", "2026-11-22.parquet", &parquet_file(&text), EVERYTHING);
    assert_eq!(seen.outcome.reasons["field_too_long"], 2);
}

/// Five kilobytes that would take all memory: a sector of the directory that is followed by itself.
#[test]
fn an_old_workbook_whose_sectors_run_in_a_circle() {
    let world = World::new();
    let mut bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats/sales.xls")).unwrap();
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let (table, directory) = (word(&bytes, 76), word(&bytes, 48));
    let entry = 512 + 512 * table as usize + 4 * directory as usize;
    bytes[entry..entry + 4].copy_from_slice(&directory.to_le_bytes());
    assert_eq!(
        world.stage("sales", "2026-11-22.xls", &bytes, PLAIN).reason(),
        "the workbook is damaged: its sectors follow each other in a circle; send the file again"
    );
    bytes[76..80].copy_from_slice(&9_999_u32.to_le_bytes());
    assert_eq!(
        world.stage("sales", "2026-11-22.xls", &bytes, PLAIN).reason(),
        "the workbook is damaged: it names sectors that it does not have; send the file again"
    );
}

#[test]
fn archives_that_list_too_much() {
    let mut archive = zip(&[("a.csv", format!("{HEADER}{}", row(1)).as_bytes())]);
    let end = archive.len() - 22;
    for (listed, reason) in [
        (20_000_u16, "the zip archive lists more than 10000 members"),
        (65_535, "the zip archive lists more than 10000 members"),
    ] {
        archive[end + 8..end + 10].copy_from_slice(&listed.to_le_bytes());
        archive[end + 10..end + 12].copy_from_slice(&listed.to_le_bytes());
        assert_eq!(World::new().stage("sales", "2026-11-22.zip", &archive, PLAIN).reason(), reason);
    }
}

#[test]
fn names_inside_archives_that_lead_elsewhere() {
    let world = World::new();
    let csv = format!("{HEADER}{}", row(1));
    for name in ["../a.csv", "/etc/passwd", "a/../../b.csv", "a\nb.csv", "a\u{7}.csv"] {
        let seen = world.stage("sales", "2026-11-22.zip", &zip(&[(name, csv.as_bytes())]), PLAIN);
        assert_eq!(seen.reason(), format!("member {name:?} of the zip archive has a name that leaves its folder"));
    }
}

#[test]
fn deep_json_is_refused_and_its_neighbours_are_not() {
    let world = World::new();
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for name in ["2026-11-22.json", "2026-11-22.ndjson"] {
        let seen = world.stage("sales", name, deep.as_bytes(), PLAIN);
        assert_eq!(seen.reason(), "line 1: JSON nested deeper than 128 levels");
    }
    let object = |number: usize| {
        format!(
            r#"{{"partner_id":"P","order_id":"O{number}","line_no":1,"channel_id":"c","sold_at":"2026-11-22","sku":"1","quantity":1,"unit_price":1}}"#
        )
    };
    let nested = object(2).replace("\"1\"", &format!("{}{}", "[".repeat(100), "]".repeat(100)));
    let text = [object(1), nested, object(3)].join("\n");
    let seen = world.stage("sales", "2026-11-22.ndjson", text.as_bytes(), EVERYTHING);
    assert_eq!((seen.outcome.rows_clean, seen.rejects.len()), (2, 1));
    let long = format!("{{\"partner_id\":\"{}\"}}", "x".repeat(3 << 20));
    assert_eq!(
        world.stage("sales", "2026-11-22.json", long.as_bytes(), PLAIN).reason(),
        "the JSON object that starts in line 1 is longer than 1048576 bytes"
    );
}

/// Texts that a spreadsheet would run are data: kept as they are here, and made harmless where a sheet is written.
#[test]
fn formula_text_is_data() {
    let header = HEADER.trim_end().to_string() + ",customer_id\n";
    let texts = ["=cmd|' /C calc'!A0", "+1+1", "@SUM(1+1)", "-2+3", "=HYPERLINK(\"http://x\")"];
    let rows: String = (1..)
        .zip(texts)
        .map(|(number, text)| format!("{},\"{}\"\n", row(number).trim_end(), text.replace('"', "\"\"")))
        .collect();
    let seen = World::new().sales(format!("{header}{rows}").as_bytes());
    assert_eq!(seen.rejects, []);
    assert_eq!(seen.texts("customer_id"), texts.map(|text| Some(text.to_string())));
}

/// What a file says of itself reaches people short and without characters that act on a terminal or a mail.
#[test]
fn names_in_messages_are_harmless() {
    let world = World::new();
    let long = "n".repeat(200_000);
    let text = format!("a\u{1b}[31m,{long},\"x\r\nBcc: y@z\"\n1,2,3\n");
    let seen = world.sales(text.as_bytes());
    assert_eq!(
        seen.reason(),
        format!(
            "column `partner_id` is not in the file; headers found: a\u{fffd}[31m, {}…, x\u{fffd}\u{fffd}Bcc: y@z",
            "n".repeat(80)
        )
    );
    let text = format!("{},\u{1b}]0;owned\u{7}\n{},1\n", HEADER.trim_end(), row(1).trim_end());
    let seen = world.sales(text.as_bytes());
    assert_eq!(seen.outcome.drift, ["columns not used: \u{fffd}]0;owned\u{fffd}"]);
}

#[test]
fn bombs_are_named_with_their_bound() {
    let world = World::new();
    let lines = [HEADER.as_bytes(), &b"\n".repeat(32 << 20)].concat();
    let packed = [
        ("csv.gz", "gzip", gz(&lines)),
        ("csv.zst", "zstd", zstd::encode_all(&lines[..], 3).unwrap()),
        ("zip", "zip", zip(&[("a.csv", &lines)])),
    ];
    for (extension, tool, bytes) in packed {
        let most = (bytes.len() as u64 * 200).max(1 << 20);
        assert_eq!(
            world.stage("sales", &format!("2026-11-22.{extension}"), &bytes, PLAIN).reason(),
            format!("the {tool} data unpacks to more than {most} bytes, the most allowed for its size")
        );
    }
    // packed twice, the second packing is no text of ours
    let twice = gz(&gz(&lines));
    let reason = world.stage("sales", "2026-11-22.csv.gz", &twice, PLAIN).reason().to_string();
    assert_eq!(reason, "the header in line 1 cannot be read: a NUL byte");
}

//! The same rows in every layout, plain and packed in every way.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use parquet::arrow::ArrowWriter;

use super::*;

/// Two rows in every layout, by extension.
fn layouts() -> Vec<(&'static str, Vec<u8>)> {
    let names: Vec<&str> = HEADER.trim().split(',').collect();
    let values = |number: usize| -> Vec<String> { row(number).trim().split(',').map(str::to_string).collect() };
    let rows = [values(1), values(2)];
    let objects: Vec<String> = (rows.iter())
        .map(|row| {
            let pairs: Vec<String> =
                names.iter().zip(row).map(|(name, value)| format!("{name:?}: {value:?}")).collect();
            format!("{{{}}}", pairs.join(", "))
        })
        .collect();
    let columns = (0..names.len()).map(|at| {
        let texts = StringArray::from_iter_values(rows.iter().map(|row| row[at].as_str()));
        (names[at], Arc::new(texts) as ArrayRef)
    });
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut parquet = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    parquet.write(&batch).unwrap();
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (line, row) in (0..).zip(std::iter::once(names.iter().map(ToString::to_string).collect()).chain(rows.clone())) {
        for (column, text) in (0..).zip(row) {
            sheet.write_string(line, column, text).unwrap();
        }
    }
    let text = |value: &str| ods_cell("string", "", value);
    let line = |row: &[String]| {
        format!("<table:table-row>{}</table:table-row>", row.iter().map(|v| text(v)).collect::<String>())
    };
    let header: Vec<String> = names.iter().map(ToString::to_string).collect();
    vec![
        ("csv", format!("{HEADER}{}{}", row(1), row(2)).into_bytes()),
        ("ndjson", objects.join("\n").into_bytes()),
        ("json", format!("[{}]", objects.join(",")).into_bytes()),
        ("parquet", parquet.into_inner().unwrap()),
        ("xlsx", book.save_to_buffer().unwrap()),
        ("xls", std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats/sales.xls")).unwrap()),
        ("ods", ods(&format!("{}{}{}", line(&header), line(&rows[0]), line(&rows[1])))),
    ]
}

#[test]
fn every_layout_plain_and_packed() {
    let world = World::new();
    for (extension, bytes) in layouts() {
        let zstd = ::zstd::encode_all(&bytes[..], 3).unwrap();
        let other = format!("{HEADER}{}", row(9));
        let member = format!("a.{extension}");
        let archive = zip(&[(member.as_str(), &bytes), ("deep/z.csv", other.as_bytes())]);
        let cases = [
            (format!("2026-11-22.{extension}"), bytes.clone(), 2),
            (format!("2026-11-22.{extension}.gz"), gz(&bytes), 2),
            (format!("2026-11-22.{extension}.zst"), zstd, 2),
            ("2026-11-22.zip".to_string(), archive, 3),
        ];
        for (name, bytes, rows) in cases {
            let seen = world.stage("sales", &name, &bytes, PLAIN);
            assert_eq!(seen.outcome.quarantined, None, "{name}");
            assert_eq!((seen.outcome.rows_clean, seen.outcome.rows_rejected), (rows, 0), "{name}: {extension}");
            assert_eq!(seen.texts("sku")[..2], [Some("00012".into()), Some("00012".into())], "{name}: {extension}");
            assert_eq!(seen.whole("line_no")[..2].len(), 2);
        }
    }
}

/// The content decides what a file is; its name may lie.
#[test]
fn names_may_lie() {
    let world = World::new();
    for (extension, bytes) in layouts() {
        // nothing but the name or a declaration tells JSON from other text
        let (name, sender) = match extension {
            "json" | "ndjson" => ("2026-11-22.txt", "[feeds.sales]\nformat = \"ndjson\"\n"),
            _ => ("2026-11-22.txt", PLAIN),
        };
        let seen = world.stage("sales", name, &bytes, sender);
        assert_eq!((seen.outcome.quarantined.clone(), seen.outcome.rows_clean), (None, 2), "{extension}");
    }
    let csv = format!("{HEADER}{}", row(1));
    let declared = "[feeds.sales]\nformat = \"xlsx\"\n";
    let seen = world.stage("sales", "2026-11-22.xlsx", csv.as_bytes(), declared);
    assert_eq!(seen.reason(), "the file is declared as a workbook and holds something else");
}

#[test]
fn named_sheets_and_merged_headers() {
    let mut book = rust_xlsxwriter::Workbook::new();
    book.add_worksheet().set_name("说明").unwrap().write(0, 0, "read me").unwrap();
    let sheet = book.add_worksheet().set_name("库存").unwrap();
    let plain = rust_xlsxwriter::Format::new();
    sheet.write(0, 0, "商品").unwrap();
    sheet.merge_range(0, 1, 0, 2, "库存", &plain).unwrap();
    for (column, name) in [(1, "数量"), (2, "单价")] {
        sheet.write(1, column, name).unwrap();
    }
    sheet.write(2, 0, "00012").unwrap();
    sheet.write(2, 1, 5).unwrap();
    sheet.write(2, 2, 1.5).unwrap();
    sheet.write(3, 0, "合计").unwrap();
    sheet.write(3, 1, 5).unwrap();
    let bytes = book.save_to_buffer().unwrap();
    let sender = r#"
[feeds.inventory]
sheet = "库存"
header_rows = 2
total_prefixes = ["合计"]
[feeds.inventory.columns]
partner_id = { constant = "P001" }
counted_on = { from_name = '(\d{4}-\d{2}-\d{2})' }
sku = "商品"
on_hand_quantity = "库存 数量"
unit_cost = "库存 单价"
"#;
    let seen = World::new().stage("inventory", "stock_2026-11-22.xlsx", &bytes, sender);
    assert_eq!(seen.outcome.quarantined, None);
    assert_eq!((seen.whole("on_hand_quantity"), seen.money("unit_cost")), (vec![5], vec![15_000]));
    assert_eq!((seen.whole("_line"), seen.outcome.passed_over), (vec![3], 1));
}

/// 2026-11-22 08:30 is serial 46348.354166… counted from 1900, and 1,462 days less counted from 1904.
#[test]
fn dates_as_serials_of_both_epochs() {
    let world = World::new();
    let cells = |sold_at: &str| {
        let names: Vec<String> =
            ('A'..).zip(HEADER.trim().split(',')).map(|(at, name)| text_cell(at, 1, name)).collect();
        let rest = [('A', "P001"), ('B', "O1"), ('C', "1"), ('D', "c"), ('F', "00012"), ('G', "1"), ('H', "9.90")];
        let mut cells: Vec<(char, String)> =
            rest.iter().map(|(column, text)| (*column, text_cell(*column, 2, text))).collect();
        cells.push(('E', sold_at.to_string()));
        cells.sort();
        let cells: String = cells.into_iter().map(|(_, cell)| cell).collect();
        format!(r#"<row r="1">{}</row><row r="2">{cells}</row>"#, names.concat())
    };
    let sender = |format: &str| {
        format!("[feeds.sales]\n[feeds.sales.columns]\nsold_at = {{ column = \"sold_at\", format = \"{format}\" }}\n")
    };
    // a plain number is a date only where the mapping says so, and says from when it counts
    for (serial, format) in [("46348.354166666664", "excel"), ("44886.354166666664", "excel1904")] {
        let book = xlsx(&cells(&format!(r#"<c r="E2"><v>{serial}</v></c>"#)));
        let seen = world.stage("sales", "2026-11-22.xlsx", &book, &sender(format));
        assert_eq!(seen.instants("sold_at"), ["2026-11-22T00:30:00+00:00"], "{format}");
        let undeclared = world.stage("sales", "2026-11-22.xlsx", &book, "[feeds.sales]\nreject_limit = 1.0\n");
        let shown = format!("{}67", &serial[..14]);
        assert_eq!(undeclared.listed(), [format!("2 sold_at malformed_date: {shown} -> YYYY-MM-DD HH:MM:SS")]);
        let text = format!("{HEADER}{}", row(1).replace("2026-11-22 10:00:00", serial));
        let csv = world.stage("sales", "2026-11-22.csv", text.as_bytes(), &sender(format));
        assert_eq!(csv.instants("sold_at"), ["2026-11-22T00:30:00+00:00"], "serials saved as text: {format}");
    }
    // a cell with a date style says itself what it is, in both kinds of workbook
    for (serial, epoch) in [("46348.354166666664", false), ("44886.354166666664", true)] {
        let book = dated_xlsx(&cells(&format!(r#"<c r="E2" s="1"><v>{serial}</v></c>"#)), epoch);
        let seen = world.stage("sales", "2026-11-22.xlsx", &book, PLAIN);
        assert_eq!(seen.instants("sold_at"), ["2026-11-22T00:30:00+00:00"], "1904: {epoch}");
    }
}

/// Formulas whose results were never stored: what they would give is not known, and NULL would be a lie.
#[test]
fn formulas_without_a_stored_result_are_refused() {
    let names: Vec<String> = ('A'..).zip(HEADER.trim().split(',')).map(|(at, name)| text_cell(at, 1, name)).collect();
    let line = |number: u32, price: &str| {
        let values = [
            "P001".into(),
            format!("O{number}"),
            number.to_string(),
            "c".into(),
            "2026-11-22".into(),
            "00012".into(),
            "1".into(),
        ];
        let cells: String =
            ('A'..).zip(values).map(|(at, value): (char, String)| text_cell(at, number, &value)).collect();
        format!(r#"<row r="{number}">{cells}<c r="H{number}">{price}</c></row>"#)
    };
    let sheet = format!(
        r#"<row r="1">{}</row>{}{}{}"#,
        names.concat(),
        line(2, "<f>A1*2</f><v>9.9</v>"),
        line(3, "<f>A1*2</f>"),
        line(4, "<v>9.9</v>")
    );
    let seen = World::new().stage("sales", "2026-11-22.xlsx", &xlsx(&sheet), PLAIN);
    assert_eq!(seen.outcome.quarantined, None);
    assert_eq!(seen.whole("line_no"), [2, 4]);
    assert_eq!(
        seen.listed(),
        ["3 unit_price error_cell: formula without a stored result -> a value, not an error of the workbook"]
    );
}

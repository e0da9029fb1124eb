//! The same rows in every format and encoding, and every feature of a mapping.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, StringArray, TimestampMillisecondArray};
use parquet::arrow::ArrowWriter;

use super::*;

const CHINESE: &str = r#"
[feeds.sales]
encoding = "gb18030"
missing = ["", "-", "无"]
preamble_lines = 2
total_prefixes = ["合计"]
thousands = ","
symbols = ["¥", "元"]
[feeds.sales.columns]
partner_id = { constant = "P007" }
channel_id = { column = ["渠道名称", "渠道"], map = { "抖音" = "ch_douyin" } }
order_id = "订单号"
line_no = { row_number = true }
sold_at = { column = "销售时间", format = "%Y年%m月%d日 %H:%M" }
sku = "货号"
customer_id = { column = "会员", strip_suffix = ".0" }
quantity = { column = "数量", negate_if = { column = "类型", equals = "退货" } }
unit_price = { column = "单价(万元)", scale = 10000 }
discount_amount = { from_net = "实付金额" }
sale_type = { column = "类型", map = { "销售" = "sale", "退货" = "return" }, strict = true }
"#;

const CHINESE_ROWS: &str = "华东经销商,2026\n导出时间\n渠道,订单号,销售时间,货号,会员,数量,单价(万元),实付金额,类型\n\
    抖音,A1,2026年11月22日 08:30,00012,17850.0,２,0.00125,\"¥1,020.50\",销售\n\
    天猫,A1,2026年11月22日 23:59,00013,-,1,0.001,-10元,退货\n\
    合计,,,,,3,,,\n";

fn check_chinese(seen: &Seen) {
    assert_eq!(seen.outcome.quarantined, None);
    assert_eq!(seen.rejects, []);
    assert_eq!(seen.texts("partner_id"), [Some("P007".into()), Some("P007".into())]);
    assert_eq!(seen.texts("channel_id"), [Some("ch_douyin".into()), Some("天猫".into())]);
    assert_eq!(seen.texts("customer_id"), [Some("17850".into()), None]);
    assert_eq!(seen.texts("sale_type"), [Some("sale".into()), Some("return".into())]);
    assert_eq!(seen.texts("currency"), [Some("CNY".into()), Some("CNY".into())]);
    assert_eq!(seen.whole("line_no"), [1, 2]);
    assert_eq!(seen.whole("quantity"), [2, -1]);
    assert_eq!(seen.money("unit_price"), [125_000, 100_000]);
    // 2 x 12.50 - 1,020.50 and -1 x 10 - -10
    assert_eq!(seen.money("discount_amount"), [-9_955_000, 0]);
    assert_eq!(seen.instants("sold_at"), ["2026-11-22T00:30:00+00:00", "2026-11-22T15:59:00+00:00"]);
    assert_eq!(seen.days("business_date"), ["2026-11-22", "2026-11-22"]);
    assert_eq!(seen.whole("_line"), [4, 5]);
    assert_eq!((seen.outcome.rows_read, seen.outcome.passed_over), (2, 1));
}

#[test]
fn a_chinese_mapping_with_everything() {
    let (bytes, _, _) = encoding_rs::GB18030.encode(CHINESE_ROWS);
    check_chinese(&World::new().stage("sales", "销售_20261122.csv", &bytes, CHINESE));
}

#[test]
fn encodings_are_found() {
    let undeclared = CHINESE.replace("encoding = \"gb18030\"\n", "");
    let world = World::new();
    let (gb, _, _) = encoding_rs::GB18030.encode(CHINESE_ROWS);
    let utf16 = |big: bool, bom: bool| -> Vec<u8> {
        let units = bom.then_some(0xfeff).into_iter().chain(CHINESE_ROWS.encode_utf16());
        units.flat_map(|unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let cases: [(&str, Vec<u8>, Option<&str>); 6] = [
        ("utf-8", CHINESE_ROWS.into(), None),
        ("utf-8 with mark", format!("\u{feff}{CHINESE_ROWS}").into(), None),
        ("gb18030", gb.into(), Some("encoding not declared; read as gb18030 by detection")),
        ("utf-16 le", utf16(false, true), None),
        ("utf-16 be", utf16(true, true), None),
        ("gzip", gz(CHINESE_ROWS.as_bytes()), None),
    ];
    for (what, bytes, warning) in cases {
        let seen = world.stage("sales", "2026-11-22.csv", &bytes, &undeclared);
        check_chinese(&seen);
        let said = seen.outcome.warnings.iter().any(|said| said.contains("encoding"));
        assert_eq!(said, warning.is_some(), "{what}: {:?}", seen.outcome.warnings);
        assert!(warning.is_none_or(|warning| seen.outcome.warnings.iter().any(|said| said == warning)), "{what}");
    }
    let (big5, _, _) = encoding_rs::BIG5.encode("編號,名稱\n");
    let declared = "[feeds.sales]\nencoding = \"big5\"\n[feeds.sales.columns]\norder_id = \"訂單編號\"\n";
    let reason = world.stage("sales", "2026-11-22.csv", &big5, declared).reason().to_string();
    assert!(reason.ends_with("headers found: 編號, 名稱"), "{reason}");
    let contradiction = format!("\u{feff}{CHINESE_ROWS}");
    let seen = world.stage("sales", "2026-11-22.csv", contradiction.as_bytes(), CHINESE);
    check_chinese(&seen);
    assert!(
        seen.outcome.warnings[0].starts_with("declared as gb18030 but marked as UTF-8"),
        "{:?}",
        seen.outcome.warnings
    );
}

#[test]
fn latin_1_is_found_late_in_the_file() {
    let mut bytes = HEADER.to_string().into_bytes();
    for number in 0..20_000 {
        bytes.extend(row(number).bytes());
    }
    // one such byte alone would be damage
    let late: String = (20_000..20_040).map(|number| row(number).replace("00012", "@")).collect();
    bytes.extend(late.bytes().map(|byte| if byte == b'@' { 0xe9 } else { byte }));
    let seen = World::new().sales(&bytes);
    assert_eq!(seen.outcome.rows_clean, 20_040);
    assert_eq!(seen.texts("sku").last().unwrap().as_deref(), Some("é"));
}

#[test]
fn line_ends_and_quotes() {
    let world = World::new();
    for end in ["\n", "\r\n", "\r"] {
        let text = format!(
            "{HEADER}P001,O1,1,c,2026-11-22,\"a\n\"\"b\"\"\",1,1\n\n{}{}",
            row(2).replace("9.90", "x"),
            row(3).trim_end()
        )
        .replace('\n', end);
        let everything = "[feeds.sales]\nreject_limit = 1.0\n";
        let seen = world.stage("sales", "2026-11-22.csv", text.as_bytes(), everything);
        assert_eq!(seen.texts("sku")[0].as_deref(), Some(format!("a{end}\"b\"").as_str()));
        assert_eq!(seen.whole("_line"), [2, 6], "{end:?}");
        assert_eq!(seen.rejects[0].0, 5, "{end:?}");
        assert_eq!(seen.rejects[0].5, row(2).trim_end().replace("9.90", "x"));
    }
}

#[test]
fn lines_are_right_over_many_blocks() {
    let world = World::new();
    for end in ["\n", "\r\n", "\r"] {
        let mut text = HEADER.to_string();
        for number in 0..30_000 {
            text.push_str(&row(number));
        }
        text.push_str(&row(30_000).replace("9.90", "x"));
        let seen = world.sales(text.replace('\n', end).as_bytes());
        assert_eq!(seen.rejects[0].0, 30_002, "{end:?}");
        assert_eq!(seen.whole("_line"), (2..30_002).collect::<Vec<i64>>());
        assert_eq!(seen.outcome.months["2026-11"], 30_000);
    }
}

#[test]
fn delimiters_are_found() {
    let world = World::new();
    for delimiter in [";", "\t", "|"] {
        let text = format!("{HEADER}{}", row(1)).replace(',', delimiter);
        assert_eq!(world.sales(text.as_bytes()).outcome.rows_clean, 1, "{delimiter:?}");
    }
    let declared = "[feeds.sales]\ndelimiter = \"^\"\nquote = \"\"\n";
    let text = format!("{HEADER}{}", row(1).replace("00012", "5\" pipe")).replace(',', "^");
    let seen = world.stage("sales", "2026-11-22.csv", text.as_bytes(), declared);
    assert_eq!(seen.texts("sku"), [Some("5\" pipe".into())]);
}

#[test]
fn header_is_matched_by_name() {
    let text = "Unit_Price ,ＳＫＵ,quantity,sold_at,channel_id,LINE_NO,order_id,partner_id,extra,\n9.9,00012,1,2026-11-22,c,1,O1,P001,x,\n";
    let seen = World::new().sales(text.as_bytes());
    assert_eq!(seen.outcome.rows_clean, 1);
    assert_eq!(seen.outcome.drift, ["columns not used: extra"]);
    let frozen = World::new().stage("sales", "2026-11-22.csv", text.as_bytes(), "[feeds.sales]\ndrift = \"freeze\"\n");
    assert_eq!(frozen.reason(), "the file has columns that the mapping does not know: extra");
}

#[test]
fn headers_of_several_rows() {
    let sender = r#"
[feeds.inventory]
header_rows = 2
[feeds.inventory.columns]
partner_id = { constant = "P001" }
counted_on = { from_name = '(\d{4}-\d{2}-\d{2})' }
on_hand_quantity = "库存 数量"
unit_cost = "库存 单价"
"#;
    let text = "sku,库存,\n,数量,单价\n00012,5,1.50\n";
    let seen = World::new().stage("inventory", "stock_2026-11-22.csv", text.as_bytes(), sender);
    assert_eq!((seen.whole("on_hand_quantity"), seen.money("unit_cost")), (vec![5], vec![15_000]));
    assert_eq!(seen.days("counted_on"), ["2026-11-22"]);
    let reason = World::new().stage("inventory", "stock.csv", text.as_bytes(), sender).reason().to_string();
    assert!(
        reason.starts_with("column `counted_on` comes from the file's name, and \"stock.csv\" does not match"),
        "{reason}"
    );
}

#[test]
fn prefixes_defaults_and_derived_types() {
    let sender = r#"
[feeds.sales]
round = true
[feeds.sales.columns]
order_id = "InvoiceNo"
sale_type = { column = "InvoiceNo", prefixes = { C = "return", A = "adjustment" }, default = "sale" }
currency = { column = "CurrencyKey", map = { "100" = "USD" } }
"#;
    let text = "partner_id,InvoiceNo,line_no,channel_id,sold_at,sku,quantity,unit_price,CurrencyKey\n\
        P,1,1,c,2026-11-22,a,1,1.00005,100\nP,C2,1,c,2026-11-22,a,-1,1,CNY\nP,A3,1,c,2026-11-22,a,1,-5,EUR\n";
    let seen = World::new().stage("sales", "2026-11-22.csv", text.as_bytes(), sender);
    assert_eq!(seen.texts("sale_type"), ["sale", "return", "adjustment"].map(|word| Some(word.to_string())));
    assert_eq!(seen.texts("currency"), ["USD", "CNY", "EUR"].map(|word| Some(word.to_string())));
    assert_eq!(seen.money("unit_price"), [10_001, 10_000, -50_000]);
    let derived = format!("{HEADER}{}{}", row(1), row(2).replace(",1,9.90", ",-1,9.90"));
    let seen = World::new().sales(derived.as_bytes());
    assert_eq!(seen.texts("sale_type"), [Some("sale".into()), Some("return".into())]);
    assert_eq!(seen.money("discount_amount"), [0, 0]);
}

#[test]
fn workbooks() {
    let world = World::new();
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    let date = rust_xlsxwriter::Format::new().set_num_format("yyyy-mm-dd hh:mm");
    for (column, name) in (0..).zip(HEADER.trim().split(',')) {
        sheet.write(0, column, name).unwrap();
    }
    for line in [1_u32, 3] {
        for (column, text) in [(0, "P001"), (1, "O1"), (3, "c"), (5, "00012")] {
            sheet.write(line, column, text).unwrap();
        }
        sheet.write(line, 2, line).unwrap();
        let at = rust_xlsxwriter::ExcelDateTime::parse_from_str("2026-11-22T08:30:00").unwrap();
        sheet.write_with_format(line, 4, &at, &date).unwrap();
        sheet.write(line, 6, 2).unwrap();
        sheet.write(line, 7, 9.9).unwrap();
    }
    let bytes = book.save_to_buffer().unwrap();
    for name in ["2026-11-22.xlsx", "2026-11-22.csv"] {
        let seen = world.stage("sales", name, &bytes, PLAIN);
        assert_eq!(seen.outcome.quarantined, None);
        assert_eq!(seen.instants("sold_at"), ["2026-11-22T00:30:00+00:00"; 2]);
        assert_eq!((seen.whole("line_no"), seen.money("unit_price")), (vec![1, 3], vec![99_000, 99_000]));
        assert_eq!(seen.whole("_line"), [2, 4]);
    }
    let named = "[feeds.sales]\nsheet = \"销售\"\n";
    assert_eq!(
        world.stage("sales", "2026-11-22.xlsx", &bytes, named).reason(),
        "there is no sheet \"销售\"; the workbook has: Sheet1"
    );
    let packed = world.stage("sales", "2026-11-22.xlsx.gz", &gz(&bytes), PLAIN);
    assert_eq!(packed.outcome.rows_clean, 2);
}

#[test]
fn number_cells_under_text_columns() {
    let cells = |sku: &str| {
        let names: Vec<String> = ('A'..='H')
            .zip(HEADER.trim().split(','))
            .map(|(column, name)| format!(r#"<c r="{column}1" t="inlineStr"><is><t>{name}</t></is></c>"#))
            .collect();
        let names = names.concat();
        let text = |column: char, value: &str| format!(r#"<c r="{column}2" t="inlineStr"><is><t>{value}</t></is></c>"#);
        xlsx(&format!(
            r#"<row r="1">{names}</row><row r="2">{}<c r="B2"><v>1001</v></c><c r="C2"><v>1</v></c>{}{}{sku}<c r="G2"><v>1</v></c><c r="H2"><v>0.30000000000000004</v></c></row>"#,
            text('A', "P001"),
            text('D', "c"),
            text('E', "2026-11-22")
        ))
    };
    let world = World::new();
    let everything = "[feeds.sales]\nreject_limit = 1.0\n";
    let number = cells(r#"<c r="F2"><v>12</v></c>"#);
    let seen = world.stage("sales", "2026-11-22.xlsx", &number, everything);
    assert_eq!(
        seen.listed(),
        [
            "2 sku number_for_text: 12 -> a text cell, since a number has lost its leading zeros (or declare `width` in the mapping)"
        ]
    );
    let wide = "[feeds.sales]\n[feeds.sales.columns]\nsku = { column = \"sku\", width = 5 }\n";
    let seen = world.stage("sales", "2026-11-22.xlsx", &number, wide);
    assert_eq!((seen.texts("sku"), seen.texts("order_id")), (vec![Some("00012".into())], vec![Some("1001".into())]));
    assert_eq!(seen.money("unit_price"), [3_000], "floats count as the 15 digits that people see");
    let error = cells(r#"<c r="F2" t="e"><v>#N/A</v></c>"#);
    let seen = world.stage("sales", "2026-11-22.xlsx", &error, everything);
    assert_eq!(seen.listed(), ["2 sku error_cell: #N/A -> a value, not an error of the workbook"]);
}

#[test]
fn parquet_keeps_its_types() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("partner_id", Arc::new(StringArray::from(vec!["P001", "P001"]))),
        ("order_id", Arc::new(StringArray::from(vec!["O1", "O2"]))),
        ("line_no", Arc::new(Int32Array::from(vec![1, 2]))),
        ("channel_id", Arc::new(StringArray::from(vec!["c", "c"]))),
        ("sold_at", Arc::new(TimestampMillisecondArray::from(vec![1_795_335_600_500, 1_795_335_600_000]))),
        ("sku", Arc::new(Int32Array::from(vec![12, 13]))),
        ("quantity", Arc::new(Int32Array::from(vec![Some(1), None]))),
        ("unit_price", Arc::new(Float64Array::from(vec![419.4589, 1.0]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    let bytes = writer.into_inner().unwrap();
    let everything = "[feeds.sales]\nreject_limit = 1.0\n";
    let seen = World::new().stage("sales", "2026-11-22.parquet", &bytes, everything);
    assert_eq!(seen.texts("sku"), [Some("12".into())]);
    assert_eq!(seen.money("unit_price"), [4_194_589]);
    assert_eq!(seen.instants("sold_at"), ["2026-11-22T00:20:00.500+00:00"], "a time without zone is the sender's");
    assert_eq!(seen.listed(), ["2 quantity missing_value:  -> a bigint"]);
    let mut flipped = 0;
    let world = World::new();
    for at in (0..bytes.len()).filter(|at| at % 7 == 0 || at + 60 > bytes.len()) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        // any answer but a dead process will do
        flipped +=
            usize::from(world.stage("sales", "2026-11-22.parquet", &bytes, everything).outcome.quarantined.is_some());
    }
    assert!(flipped > 0);
}

#[test]
fn archives_of_several_members() {
    let first = format!("{HEADER}{}", row(1));
    let second = format!("{HEADER}{}{}", row(2), row(1));
    let bytes = zip(&[("b/second.csv", second.as_bytes()), ("a.csv", first.as_bytes())]);
    let seen = World::new().stage("sales", "2026-11-22.zip", &bytes, PLAIN);
    assert_eq!(seen.outcome.quarantined, None);
    assert_eq!(
        seen.texts("_file"),
        [Some("d01/sales/2026-11-22.zip!a.csv".into()), Some("d01/sales/2026-11-22.zip!b/second.csv".into())]
    );
    assert_eq!((seen.outcome.rows_clean, seen.outcome.passed_over), (2, 1), "keys are looked at over all members");

    // each member is read by its own encoding
    let mut text = HEADER.to_string();
    for number in 1..=30 {
        text.push_str(&row(number).replace("00012", "货号很长的商品"));
    }
    let (gb, _, _) = encoding_rs::GB18030.encode(&text);
    let other = text.replace("P001", "P002");
    let seen =
        World::new().stage("sales", "2026-11-22.zip", &zip(&[("a.csv", other.as_bytes()), ("b.csv", &gb)]), PLAIN);
    assert_eq!(seen.outcome.rows_clean, 60);
    assert!(seen.texts("sku").iter().all(|sku| sku.as_deref() == Some("货号很长的商品")));
}

#[test]
fn missing_words_and_blank_lines() {
    let sender = "missing = [\"-\", \"N/A\"]\n[feeds.sales]\n";
    let text = format!(
        "{}\n,,,,,,,,\n{}\n",
        HEADER.trim_end().to_string() + ",customer_id",
        row(1).trim_end().to_string() + ",N/A"
    );
    let seen = World::new().stage("sales", "2026-11-22.csv", text.as_bytes(), sender);
    assert_eq!(seen.texts("customer_id"), [None]);
    assert_eq!((seen.outcome.rows_read, seen.outcome.passed_over), (1, 1));
    let many = format!("{HEADER}{}{}", row(1), "P9,,,,,,,\n".repeat(6));
    let seen =
        World::new().stage("sales", "2026-11-22.csv", many.as_bytes(), "[feeds.sales]\ntotal_prefixes = [\"P9\"]\n");
    assert_eq!(seen.outcome.warnings, ["6 lines taken for totals beside 1 rows: is total_prefixes right?"]);
}

#[test]
fn older_and_open_workbooks() {
    let world = World::new();
    let xls = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats/sales.xls")).unwrap();
    let seen = world.stage("sales", "2026-11-22.xls", &xls, PLAIN);
    assert_eq!(seen.outcome.quarantined, None);
    assert_eq!(seen.instants("sold_at"), ["2026-11-22T00:30:00+00:00"; 2]);
    assert_eq!((seen.whole("_line"), seen.texts("sku")[0].as_deref()), (vec![2, 3], Some("00012")));

    let text = |value: &str| ods_cell("string", "", value);
    let number = |value: &str| ods_cell("float", &format!(r#" office:value="{value}""#), value);
    let date = ods_cell("date", r#" office:date-value="2026-11-22T08:30:00""#, "x");
    let header: Vec<String> = HEADER.trim().split(',').map(text).collect();
    let cells = [text("P001"), text("O1"), number("1"), text("c"), date, text("00012"), number("2"), number("9.9")];
    let row = |cells: &str| format!("<table:table-row>{cells}</table:table-row>");
    let rows = format!("{}{}", row(&header.concat()), row(&cells.concat()));
    let seen = world.stage("sales", "2026-11-22.ods", &ods(&rows), PLAIN);
    assert_eq!(seen.outcome.quarantined, None);
    assert_eq!(seen.instants("sold_at"), ["2026-11-22T00:30:00+00:00"]);
    assert_eq!((seen.whole("quantity"), seen.money("unit_price")), (vec![2], vec![99_000]));
    let bomb = rows.replacen("<table:table-row>", r#"<table:table-row table:number-rows-repeated="900000">"#, 2);
    assert_eq!(
        world.stage("sales", "2026-11-22.ods", &ods(&bomb), PLAIN).reason(),
        "the workbook repeats a filled cell or row 900000 times; send it as XLSX or CSV"
    );
}

//! Shapes of files that whole industries send, each with the keys that say it.

use super::*;

/// Stages a sales file named `name` with settings of the feed and lines of its columns; partner and channel are constants.
fn staged(name: &str, settings: &str, columns: &str, bytes: &[u8]) -> Seen {
    let sender = format!(
        "[feeds.sales]\nreject_limit = 1.0\n{settings}\n[feeds.sales.columns]\npartner_id = {{ constant = \"P001\" }}\n\
         channel_id = {{ constant = \"ch_web\" }}\n{columns}\n"
    );
    World::new().stage("sales", name, bytes, &sender)
}

fn csv(settings: &str, columns: &str, text: &str) -> Seen {
    staged("2026-11-22.csv", settings, columns, text.as_bytes())
}

/// Header and mapping of most cases here.
const SHORT: &str = "order,line,time,sku,qty,price\n";
const STD: &str = "order_id = \"order\"\nline_no = \"line\"\nsold_at = { column = \"time\", format = \"%Y-%m-%d %H:%M\" }\n\
    sku = \"sku\"\nquantity = \"qty\"\nunit_price = \"price\"";

#[test]
fn an_order_whose_first_line_says_it() {
    let columns = "order_id = \"Name\"\nline_no = { row_number = true }\nsku = \"sku\"\nquantity = \"qty\"\nunit_price = \"price\"\n\
        sold_at = { column = \"Created at\", format = \"%Y-%m-%d %H:%M:%S %z\", carry_down = true }\n\
        currency = { column = \"Currency\", carry_down = true }";
    let skip = "skip_if = { column = \"Financial Status\", equals = [\"voided\"], carry_down = true }";
    let text = "Name,Financial Status,Currency,Created at,qty,price,sku\n\
        #1,paid,EUR,2026-11-22 09:50:26 +0100,1,34.90,A1\n#1,,,,2,20.00,A2\n\
        #2,voided,EUR,2026-11-22 12:00:00 +0100,1,34.90,A1\n#2,,,,1,34.90,A1\n#3,,,,1,1.00,A1\n";
    let seen = csv(skip, columns, text);
    assert_eq!(seen.texts("sku"), [Some("A1".into()), Some("A2".into())]);
    assert_eq!(seen.instants("sold_at"), ["2026-11-22T08:50:26+00:00"; 2]);
    assert_eq!(seen.texts("currency"), [Some("EUR".into()), Some("EUR".into())]);
    assert_eq!(seen.rejects.iter().map(|reject| reject.0).collect::<Vec<_>>(), [6], "another order takes nothing over");
    assert!(
        seen.outcome.warnings.iter().any(|note| note == "2 rows left out by skip_if: Financial Status \"voided\" 2"),
        "{:?}",
        seen.outcome.warnings
    );
    assert_eq!(seen.outcome.passed_over, 2);
}

#[test]
fn amounts_of_a_line_are_kept_exactly() {
    let columns = |price: &str| STD.replace("unit_price = \"price\"", price) + "\ndiscount_amount = \"discount\"";
    let text = "order,line,time,sku,qty,price,discount\n1,1,2026-11-22 10:00,A,3,60.00,6.00\n\
        2,1,2026-11-22 10:00,A,3,10.00,\n3,1,2026-11-22 10:00,A,-1,-34.90,0\n";
    let seen = csv("", &columns("unit_price = { from_total = \"price\" }"), text);
    assert_eq!(seen.money("unit_price"), [200_000, 33_333, 349_000]);
    assert_eq!(seen.money("gross_amount"), [600_000, 100_000, -349_000], "where it does not divide, too");
    let seen = csv("", &columns("unit_price = { from_net = \"price\" }"), text);
    assert_eq!(seen.money("gross_amount"), [660_000, 100_000, -349_000]);
    assert_eq!(seen.money("unit_price"), [220_000, 33_333, 349_000]);
}

#[test]
fn cells_that_are_joined_and_groups_side_by_side() {
    let columns = "order_id = { columns = [\"till\", \"no\"], join = \"-\" }\nline_no = { row_number = true }\n\
        sold_at = { columns = [\"Date\", \"Time\"], format = \"%m/%d/%Y %H:%M:%S\" }\nsku = \"SKU\"\nquantity = \"Qty\"\nunit_price = \"Price\"";
    let text = "till,no,Date,Time,SKU,Qty,Price,SKU,Qty,Price\n1,7,11/22/2026,23:50:00,A,1,5.00,B,2,6.00\n\
        2,7,11/22/2026,08:00:00,C,1,5.00,,,\n3,7,11/22/2026,08:00:00,D,1\n";
    let unfold = "unfold = [[\"SKU#1\", \"Qty#1\", \"Price#1\"], [\"SKU#2\", \"Qty#2\", \"Price#2\"]]";
    let seen = csv(unfold, columns, text);
    assert_eq!(seen.texts("sku"), ["A", "B", "C"].map(|sku| Some(sku.to_string())));
    assert_eq!(seen.texts("order_id"), ["1-7", "1-7", "2-7"].map(|id| Some(id.to_string())));
    assert_eq!(seen.instants("sold_at")[0], "2026-11-22T15:50:00+00:00");
    assert_eq!(seen.listed(), ["4  ragged_row: 6 fields -> 10 fields as in the header"]);
}

#[test]
fn a_clock_of_another_zone_and_the_companys_day() {
    let text = format!("{SHORT}1,1,2026-11-21 23:30,A,1,5.00\n");
    let seen = csv("time_zone = \"UTC\"", STD, &text);
    assert_eq!(seen.instants("sold_at"), ["2026-11-21T23:30:00+00:00"]);
    assert_eq!(seen.days("business_date"), ["2026-11-22"], "the company's day");
    let seen = csv("time_zone = \"UTC\"\nbusiness_time_zone = \"UTC\"", STD, &text);
    assert_eq!(seen.days("business_date"), ["2026-11-21"]);
    let one = STD.replace("%H:%M\" }", "%H:%M\", time_zone = \"UTC\" }");
    assert_eq!(csv("", &one, &text).days("business_date"), ["2026-11-22"]);
    // a date without a time is a business day already
    let dated = STD.replace(" %H:%M", "");
    let seen = csv("time_zone = \"America/New_York\"", &dated, &text.replace(" 23:30", ""));
    assert_eq!(seen.days("business_date"), ["2026-11-21"]);
}

#[test]
fn columns_told_by_blanks_and_by_their_places() {
    let columns = STD.replace("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M");
    let text =
        "order line  time   sku qty price\n1   1  2026-11-22T10:00 A\t1  5.00\n\n2 1 2026-11-22T10:00 B 2 6.00\n";
    let seen = csv("delimiter = \"blanks\"", &columns, text);
    assert_eq!((seen.texts("sku"), seen.rejects.len()), (vec![Some("A".into()), Some("B".into())], 0));
    let text =
        "order时间            sku  qty price\n1   2026-11-22 10:00A    1   5.00\n上海  2026-11-22 11:00B 1  2   6.00\n";
    let columns = STD.replace("line_no = \"line\"", "line_no = { row_number = true }");
    let text = text.replacen("order时间            ", "ordrtime            ", 1);
    let seen = csv("widths = [4, 16, 5, 4, 8]", &columns.replace("\"order\"", "\"ordr\""), &text);
    assert_eq!(seen.rejects, []);
    assert_eq!(seen.texts("order_id"), [Some("1".into()), Some("上海".into())]);
    assert_eq!(seen.texts("sku"), [Some("A".into()), Some("B 1".into())]);
}

#[test]
fn what_stands_in_front_of_a_header_and_behind_the_rows() {
    let row = "1,1,2026-11-22 10:00,A,1,5.00\n";
    for (settings, text) in [
        ("preamble_lines = 1", format!("notice\nsince today another, and one more\n{SHORT}{row}")),
        ("", format!("notice\n\n\n{SHORT}{row}")),
        ("comment = \"#\"", format!("# \"x\n{SHORT}# y\n{row}#z,,,,,\n")),
        ("", format!("sep=;\n{}", format!("{SHORT}{row}").replace(',', ";"))),
        ("total_patterns = [\"[0-9]+ rows\"]", format!("{SHORT}{row}1 rows,,,,,\n")),
        ("end_marks = [\"总交易单数\"]", format!("{SHORT}{row}总交易单数,应结订单总金额\n`2,`74.90,`0.00\n")),
    ] {
        let seen = csv(settings, STD, &text);
        assert_eq!((seen.rejects.clone(), seen.texts("sku")), (vec![], vec![Some("A".into())]), "{text}");
    }
    let seen = csv("total_prefixes = [\"1\"]", STD, &format!("{SHORT}{row}"));
    assert_eq!(seen.outcome.warnings, ["all 1 rows of the file were taken for totals"]);
}

#[test]
fn numbers_and_marks_of_tills_and_spreadsheets() {
    for (settings, cell, digits) in [
        ("symbols = [\"$\"]\nnegative = \"parentheses\"", "($2.00)", -20_000),
        ("symbols = [\"$\"]\nnegative = \"trailing\"", "$2.00-", -20_000),
        ("decimal_comma = true\nthousands = \".\"\nnegative = \"trailing\"", "\"1.200,5-\"", -12_005_000),
        ("", "20.779999999999998", 207_800),
        ("", "0.30000000000000004", 3_000),
        ("", "\u{2212}3", -30_000),
    ] {
        let columns = STD.to_string() + "\ndiscount_amount = \"discount\"";
        let price = if settings.contains("decimal_comma") { "\"5,00\"" } else { "5.00" };
        let text = format!("{}1,1,2026-11-22 10:00,A,-1,{price},{cell}\n", SHORT.replace('\n', ",discount\n"));
        let seen = csv(settings, &columns, &text);
        assert_eq!((seen.rejects.clone(), seen.money("discount_amount")), (vec![], vec![digits]), "{cell}");
    }
    let text =
        format!("{SHORT}`1,`1,`2026-11-22 10:00\t,`=\"00123\",`1,`5.00\n`2,`1,`2026-11-22 10:00,`1.23E+17,`1,`5.00\n");
    let seen = csv("strip_prefix = \"`\"", STD, &text);
    assert_eq!(seen.texts("sku"), [Some("00123".into())]);
    assert_eq!(
        seen.listed(),
        [
            "3 sku number_for_text: 1.23E+17 -> all its digits: a spreadsheet has shortened the number; export it anew without \
          opening it there"
        ]
    );
}

#[test]
fn pages_and_xml_that_are_called_workbooks() {
    let columns = "order_id = \"单据号\"\nline_no = { row_number = true }\nsold_at = \"日期\"\nsku = \"商品编码\"\nquantity = \"数量\"\nunit_price = \"单价\"";
    let cells = [["单据号", "日期", "商品编码", "数量", "单价"], ["XS1", "2026-11-22", "0012345", "-1", "10.00"]];
    let table = |open: &str, close: &str, row: &str| -> String {
        let line = |cells: &[&str; 5]| cells.map(|cell| format!("{open}{cell}{close}")).concat();
        cells.iter().map(|cells| format!("<{row}>{}</{row}>", line(cells))).collect()
    };
    let html = format!(
        "<html><head><meta charset=gb2312></head><table><tr><td>x</td></tr></table><table>{}</table></html>",
        table("<td>", "</td>", "tr")
    );
    let xml = format!(
        "<?xml version=\"1.0\"?><Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\"><Worksheet ss:Name=\"A\"><Table>{}</Table></Worksheet></Workbook>",
        table("<Cell><Data ss:Type=\"String\">", "</Data></Cell>", "Row")
    );
    for bytes in [encoding_rs::GB18030.encode(&html).0.into_owned(), xml.into_bytes()] {
        let seen = staged("2026-11-22.xls", "", columns, &bytes);
        assert_eq!((seen.rejects.clone(), seen.texts("sku")), (vec![], vec![Some("0012345".into())]));
        assert_eq!((seen.whole("quantity"), seen.days("business_date")), (vec![-1], vec!["2026-11-22".into()]));
    }
}

#[test]
fn what_cannot_be_read_is_called_by_its_name() {
    let xlsb = zip(&[("[Content_Types].xml", b"x"), ("xl/workbook.bin", b"x")]);
    for (bytes, told) in [
        (b"7z\xbc\xaf\x27\x1c\0\x04abc".to_vec(), "the file is a 7z archive; send it as gz, zst or zip"),
        (b"Rar!\x1a\x07\x01\0abc".to_vec(), "the file is a rar archive; send it as gz, zst or zip"),
        (b"%PDF-1.7\nabc".to_vec(), "the file is a PDF; send the table that it was made of, as XLSX or CSV"),
        (b"\x09\x04\x06\0\0\0\x10\0abc".to_vec(), "the file is a workbook of Excel 2 to 4; save it as XLSX"),
        (
            b"<?xml version=\"1.0\"?><orders/>".to_vec(),
            "the file is XML of a kind that is not read; send it as XLSX, CSV or JSON",
        ),
        (xlsb, "the file is a binary workbook (XLSB); save it as XLSX or CSV"),
    ] {
        let seen = World::new().stage("sales", "2026-11-22.xls", &bytes, PLAIN);
        assert_eq!(seen.reason(), told);
    }
}

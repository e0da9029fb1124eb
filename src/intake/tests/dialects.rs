//! Delimited text as partners write it: delimiters, quotes, numbers, lines that are no data.

use super::*;

/// Stages one sales file in a dialect: `settings` of the feed, `columns` of the mapping.
fn sales(settings: &str, columns: &str, text: &str) -> Seen {
    let sender = format!("[feeds.sales]\nreject_limit = 1.0\n{settings}\n[feeds.sales.columns]\n{columns}\n");
    World::new().stage("sales", "2026-11-22.csv", text.as_bytes(), &sender)
}

/// One row whose price is written like this.
fn priced(price: &str) -> String {
    format!("{HEADER}{}", row(1).replace("9.90", &format!("\"{price}\"")))
}

#[test]
fn numbers_in_every_dress() {
    let cases = [
        ("", "1234.5", 12_345_000),
        ("decimal_comma = true", "1234,5", 12_345_000),
        ("decimal_comma = true\nthousands = \".\"", "1.234,50", 12_345_000),
        ("thousands = \",\"", "1,234.50", 12_345_000),
        ("thousands = \" \"", "1 234.50", 12_345_000),
        ("thousands = \"'\"", "1'234.50", 12_345_000),
        ("symbols = [\"¥\"]", "¥1234.50", 12_345_000),
        ("symbols = [\"￥\", \"元\"]\nthousands = \",\"", "￥1,234.50元", 12_345_000),
        ("symbols = [\"RMB\"]", "RMB 1234.50", 12_345_000),
        ("", "１２３４．５", 12_345_000),
        ("", "+1234.5", 12_345_000),
        ("", "1.2345E3", 12_345_000),
    ];
    for (settings, price, digits) in cases {
        let seen = sales(settings, "", &priced(price));
        assert_eq!(seen.rejects, [], "{settings}: {price}");
        assert_eq!(seen.money("unit_price"), [digits], "{settings}: {price}");
    }
    // the same texts without the declaration are refused, never guessed
    for price in ["1234,5", "1,234.50", "¥1234.50", "1 234.50", "12%"] {
        let seen = sales("", "", &priced(price));
        assert_eq!(seen.listed(), [format!("2 unit_price malformed_number: {price} -> a number with a decimal point")]);
    }
    // separators in the wrong places are slips, not numbers
    for price in ["1,23,4.50", ",123.00", "1,2345"] {
        assert_eq!(sales("thousands = \",\"", "", &priced(price)).rejects.len(), 1, "{price}");
    }
}

#[test]
fn columns_that_stand_below_each_other() {
    let columns = "partner_id = { constant = \"P001\" }\nchannel_id = { constant = \"ch_shop\" }\norder_id = \"1\"\n\
                   line_no = { constant = \"1\" }\nsold_at = { column = \"2\", format = \"%Y%m%d\" }\n\
                   sku = { constant = \"00012\" }\nquantity = \"3\"\nunit_price = \"4\"\n";
    let settings = "delimiter = \"blanks\"\nheader_rows = 0";
    // A wide figure has fewer blanks before it; the last line lacks its end; quotes are text.
    let text = " 00004 20261122  2   29.33\r\n 00\"05 20261122 12 1129.30\r\n\r\n   \r\n 00006 20261122  x    1.00";
    let seen = sales(settings, columns, text);
    assert_eq!(seen.money("unit_price"), [293_300, 11_293_000]);
    assert_eq!(seen.whole("quantity"), [2, 12]);
    assert_eq!(seen.texts("order_id"), [Some("00004".to_string()), Some("00\"05".to_string())]);
    assert_eq!(seen.rejects.len(), 1);
    assert_eq!((seen.rejects[0].0, seen.rejects[0].1.as_str()), (5, "quantity"));
    // With names above them, as many blanks as it takes.
    let text = "partner_id  order_id line_no channel_id sold_at    sku   quantity unit_price\n\
                P001        O1             1 ch_shop    2026-11-22 00012        1       9.90 \n";
    let seen = sales("delimiter = \"blanks\"", "", text);
    assert_eq!(seen.rejects, []);
    assert_eq!(seen.money("unit_price"), [99_000]);
}

/// One blank is a delimiter like any other: two are an empty field, and quotes hold some.
#[test]
fn one_blank_between_fields() {
    let text =
        format!("{HEADER}{}", row(1).replace("2026-11-22 10:00:00", "2026-11-22").replace("00012", "\"0 0\"\"12\""));
    let seen = sales("delimiter = \" \"", "", &text.replace(',', " "));
    assert_eq!((seen.listed(), seen.texts("sku")), (Vec::<String>::new(), vec![Some("0 0\"12".into())]));
}

/// A file that is all preamble reports that there was nothing; one without a byte is damaged.
#[test]
fn nothing_below_the_preamble() {
    let settings = "preamble_lines = 1\nheader_rows = 0";
    let columns =
        HEADER.trim().split(',').zip(1..).map(|(name, at)| format!("{name} = \"{at}\"\n")).collect::<String>();
    let seen = sales(settings, &columns, HEADER);
    assert_eq!((seen.outcome.quarantined, seen.outcome.rows_read), (None, 0));
    assert_eq!(sales(settings, &columns, "").reason(), "the file is empty (0 bytes)");
}

#[test]
fn percents() {
    let sender =
        "[feeds.partners]\n[feeds.partners.columns]\ncommission_rate = { column = \"佣金\", percent = true }\n";
    let text = "partner_id,name,channel_id,cooperation_mode,territory,status,joined_on,manager,佣金\n\
        P1,A,c,agency,,active,2025-01-01,a@test.example,5%\n\
        P2,B,c,agency,,active,2025-01-01,a@test.example,１２.５％\n\
        P3,C,c,agency,,active,2025-01-01,a@test.example,\n\
        P4,D,c,agency,,active,2025-01-01,a@test.example,0.05\n";
    let seen = World::new().stage("partners", "2026-11-22.csv", text.as_bytes(), sender);
    let rows = seen.rows.as_ref().unwrap();
    let rates = rows.column_by_name("commission_rate").unwrap();
    let shown = arrow::util::display::array_value_to_string(rates, 0).unwrap();
    assert_eq!(shown.trim_end_matches('0'), "0.05");
    assert_eq!(arrow::util::display::array_value_to_string(rates, 1).unwrap().trim_end_matches('0'), "0.125");
    assert!(rates.is_null(2));
    assert_eq!(seen.listed(), ["5 commission_rate malformed_number: 0.05 -> a number with a percent sign"]);
}

#[test]
fn delimiters_quotes_and_escapes() {
    let cases = [
        ("delimiter = \"\\u0001\"", priced("9.90").replace(',', "\u{1}"), "00012"),
        ("delimiter = \"~\"", priced("9.90").replace(',', "~"), "00012"),
        ("quote = \"'\"", format!("{HEADER}{}", row(1).replace("00012", "'a,b''c'")), "a,b'c"),
        ("escape = \"\\\\\"", format!("{HEADER}{}", row(1).replace("00012", "\"a\\\"b\"")), "a\"b"),
        ("quote = \"\"", format!("{HEADER}{}", row(1).replace("00012", "\"a")), "\"a"),
        ("", format!("{HEADER}{}", row(1).replace("00012", "\"a\nb\r\nc\"")), "a\nb\r\nc"),
    ];
    for (settings, text, sku) in cases {
        let seen = sales(settings, "", &text);
        assert_eq!(seen.rejects, [], "{settings}");
        assert_eq!(seen.texts("sku"), [Some(sku.into())], "{settings}");
    }
}

#[test]
fn lines_that_are_no_data() {
    let text = format!(
        "\u{feff}华东经销商销售日报\n导出：2026-11-23\n\n商品信息,,,,,,金额,\n{HEADER}{}\n{},合计,,,,,2,19.80\n制表人：张三,,审核：李四\n以上\n",
        row(1),
        row(2)
    );
    let columns = "quantity = \"quantity\"\nunit_price = \"金额 unit_price\"\nquantity = \"金额 quantity\"";
    let columns = columns.split_once('\n').unwrap().1;
    let named: String = ["partner_id", "order_id", "line_no", "channel_id", "sold_at", "sku"]
        .map(|name| format!("{name} = \"商品信息 {name}\"\n"))
        .concat();
    let settings = "preamble_lines = 3\nheader_rows = 2\ntotal_prefixes = [\"合计\", \"制表\", \"以上\"]";
    let seen = sales(settings, &format!("{named}{columns}"), &text);
    assert_eq!(seen.outcome.quarantined, None);
    assert_eq!(seen.rejects, []);
    assert_eq!((seen.outcome.rows_read, seen.outcome.passed_over), (2, 3), "one total, two footers");
    assert_eq!(seen.whole("_line"), [6, 8]);
}

#[test]
fn ragged_lines_are_refused() {
    let rows = [row(1), row(2), row(3).replace(",9.90", ""), row(4).replace('\n', ",7\n")];
    let seen = sales("", "", &format!("{HEADER}{}", rows.concat()));
    assert_eq!(seen.whole("line_no"), [1, 2]);
    assert_eq!(
        seen.listed(),
        [
            "4  ragged_row: 7 fields -> 8 fields as in the header",
            "5  ragged_row: 9 fields -> 8 fields as in the header"
        ]
    );
}

#[test]
fn dates_of_china_and_full_width_digits() {
    let dated = |format: &str| format!("sold_at = {{ column = \"sold_at\", formats = [{format}] }}");
    let cases = [
        ("\"%Y年%m月%d日\"", "2026年11月22日"),
        ("\"%Y年%m月%d日\"", "２０２６年１１月２２日"),
        ("\"%Y年%m月%d日 %H时%M分\"", "2026年11月22日 0时0分"),
        ("\"%Y年%m月%d日 %p%I:%M\"", "2026年11月22日 上午12:00"),
        ("\"%d.%m.%Y\", \"%Y/%m/%d\"", "2026/11/22"),
        ("\"%y%m%d\"", "261122"),
    ];
    for (format, text) in cases {
        let seen = sales("", &dated(format), &format!("{HEADER}{}", row(1).replace("2026-11-22 10:00:00", text)));
        assert_eq!(seen.rejects, [], "{format}: {text}");
        assert_eq!(seen.instants("sold_at"), ["2026-11-21T16:00:00+00:00"], "{format}: {text}");
    }
    // the ISO forms need no declaration, in full width neither; codes mean the same in full width
    let wide = "P001,O1,１,ch_shop,２０２６-１１-２２,ＡＢ-００１２,－３,９.９０";
    let seen = sales("", "", &format!("{HEADER}{wide}\n"));
    assert_eq!(seen.rejects, []);
    assert_eq!((seen.whole("quantity"), seen.money("unit_price")), (vec![-3], vec![99_000]));
    assert_eq!(seen.texts("sku"), [Some("AB-0012".into())]);
}

#[test]
fn missing_words_are_declared_and_error_cells_are_refused() {
    let header = HEADER.trim_end().to_string() + ",customer_id,ship_to_region\n";
    let with = |customer: &str, region: &str| row(1).trim_end().to_string() + &format!(",{customer},{region}\n");
    let words = "missing = [\"-\", \"N/A\", \"无\", \"#N/A\"]";
    for word in ["-", "N/A", "无", "#N/A", ""] {
        let seen = sales(words, "", &format!("{header}{}", with(word, "x")));
        assert_eq!((seen.rejects.clone(), seen.texts("customer_id")), (vec![], vec![None]), "{word}");
    }
    // undeclared, "-" is a text like any other, and a workbook's error is an error even where it was saved as text
    let seen = sales("", "", &format!("{header}{}", with("-", "#REF!")));
    assert_eq!(seen.listed(), ["2 ship_to_region error_cell: #REF! -> a value, not an error of the workbook"]);
    let seen = sales("", "", &format!("{header}{}", with("-", "x")));
    assert_eq!(seen.texts("customer_id"), [Some("-".into())]);
    // a required column that is missing is a fault, whatever the word
    let seen = sales(words, "", &format!("{HEADER}{}", row(1).replace("00012", "无")));
    assert_eq!(seen.listed(), ["2 sku missing_value: 无 -> a text"]);
}

//! Shapes of files, each with the lines that are drafted and what they would be worth.

use super::*;

/// A file, lines that its draft must hold, and units, gross, discounts and net of the trial.
struct Kind {
    name: &'static str,
    text: &'static str,
    lines: &'static [&'static str],
    money: Option<(i64, &'static str, &'static str, &'static str)>,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "orders_2026-11-22.csv",
        text: "Number,Financial Status,Created at,Currency,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Discount Amount\n\
               1,paid,2026-11-22 09:50:26 +0100,EUR,1,Brush,34.90,A100,7.49\n1,,,,2,Floss,20.00,A200,\n\
               2,voided,2026-11-22 12:00:00 +0100,EUR,1,Brush,34.90,A100,\n2,,,,1,Brush,34.90,A100,\n",
        lines: &[
            "skip_if = { column = \"Financial Status\", equals = [\"voided\"], carry_down = true }",
            "sold_at = { column = \"Created at\", carry_down = true }",
            "sku = \"Lineitem sku\"",
            "quantity = \"Lineitem quantity\"",
            "unit_price = \"?\"  # perhaps \"Lineitem price\"",
            "currency = { column = \"Currency\", carry_down = true }",
        ],
        money: Some((3, "74.9000", "7.4900", "67.4100")),
    },
    Kind {
        name: "till_2026-11-22.csv",
        text: "Date,Time,Transaction ID,Item,SKU,Qty,Gross Sales,Discounts,Net Sales\n\
               11/22/2026,00:15:30,TX1,Brush,A100,1,$34.90,$0.00,$34.90\n\
               11/22/2026,23:50:00,TX2,Floss,A200,2,$40.00,($4.00),$36.00\n\
               11/22/2026,12:00:00,TX3,Floss,A200,-1,($20.00),$0.00,($20.00)\n",
        lines: &[
            "negative = \"parentheses\"",
            "order_id = \"Transaction ID\"",
            "sold_at = { columns = [\"Date\", \"Time\"], format = \"%m/%d/%Y %H:%M:%S\" }",
            "unit_price = \"?\"  # perhaps { from_total = \"Gross Sales\" }",
            "discount_amount = { column = \"Discounts\", scale = -1 }",
        ],
        money: Some((2, "54.9000", "4.0000", "50.9000")),
    },
    Kind {
        name: "2026-11-22.csv",
        text: "Bonnummer;Verkaufsdatum;Artikelnummer;Menge;Einzelpreis;Rabatt;Kundennummer\n\
               7001;22.11.2026 09:15;00123;2;1.049,50;10,00;K1\n7002;22.11.2026 10:15;00124;1-;8,00;0,00;K2\n",
        lines: &[
            "delimiter = \";\"",
            "decimal_comma = true",
            "thousands = \".\"",
            "negative = \"trailing\"",
            "order_id = \"Bonnummer\"",
            "sold_at = { column = \"Verkaufsdatum\", format = \"%d.%m.%Y %H:%M\" }",
            "customer_id = \"Kundennummer\"",
            "sku = \"Artikelnummer\"",
            "unit_price = \"Einzelpreis\"",
            "discount_amount = \"Rabatt\"",
        ],
        money: Some((1, "2091.0000", "10.0000", "2081.0000")),
    },
    Kind {
        name: "2026-11-22.csv",
        text: "order,line,time,sku,qty,price\n1,1,11/22/2026 12:15 AM,A100,1,34.90\n2,1,11/22/2026 09:05 PM,A200,1,20.00\n",
        lines: &["sold_at = { column = \"time\", format = \"%m/%d/%Y %I:%M %p\" }"],
        money: Some((2, "54.9000", "0.0000", "54.9000")),
    },
    Kind {
        name: "2026-11-22.csv",
        text: "'order','time','sku','qty','price'\n'1','2026-11-22','A,100','1','34.90'\n'2','2026-11-22','A200','1','20.00'\n",
        lines: &["quote = \"'\"", "order_id = \"order\""],
        money: Some((2, "54.9000", "0.0000", "54.9000")),
    },
    Kind {
        name: "export_2026-11-21.csv",
        text: "order,time,sku,qty,price\n1,2026-11-19 10:00,A100,1,34.90\n2,2026-11-21 10:00,A200,1,20.00\n",
        lines: &["period = \"rows\"", "line_no = { row_number = true }"],
        money: Some((2, "54.9000", "0.0000", "54.9000")),
    },
    Kind {
        name: "2026-11-22.csv",
        text: "交易时间,商户订单号,商品编码,数量,应结订单金额\n`2026-11-22 10:00:00,`T001,`A100,`1,`34.90\n\
               `2026-11-22 11:00:00,`T002,`A200,`2,`40.00\n总交易单数,应结订单总金额,,,\n`2,`74.90,,,\n",
        lines: &[
            "strip_prefix = \"`\"",
            "end_marks = [\"总交易单数\"]",
            "order_id = \"商户订单号\"",
            "unit_price = \"?\"  # perhaps { from_net = \"应结订单金额\" }",
        ],
        money: Some((3, "74.9000", "0.0000", "74.9000")),
    },
    Kind {
        name: "2026-11-22.csv",
        text: "household_key,BASKET_ID,DAY,PRODUCT_ID,QUANTITY,SALES_VALUE,STORE_ID\n\
               2375,26984851472,2026-11-22,1004906,1,1.39,364\n2375,26984851472,2026-11-22,1033142,2,1.64,364\n",
        lines: &[
            "partner_id = \"STORE_ID\"",
            "order_id = \"BASKET_ID\"",
            "customer_id = \"household_key\"",
            "sku = \"PRODUCT_ID\"",
            "unit_price = \"?\"  # perhaps { from_net = \"SALES_VALUE\" }",
        ],
        money: Some((3, "3.0300", "0.0000", "3.0300")),
    },
    // the amount stands beside quantity and price, and is no discount
    Kind {
        name: "2026-11-22.csv",
        text: "单号,日期,货号,数量,单价,金额\nX1,2026-11-22,00017,2,49.50,99.00\nX2,2026-11-22,00018,3,60.00,180.00\n",
        lines: &["unit_price = \"单价\""],
        money: Some((5, "279.0000", "0.0000", "279.0000")),
    },
    Kind {
        name: "2026-11-22.csv",
        text: "order_id line_no sold_at sku quantity unit_price\nO1 1 2026-11-22 A-1 1 100.00\nO2  1 2026-11-22 B-2 2 250.00\n",
        lines: &["delimiter = \"blanks\""],
        money: Some((3, "600.0000", "0.0000", "600.0000")),
    },
];

#[test]
fn each_kind_is_drafted_and_shows_its_worth() {
    for Kind { name, text, lines, money } in KINDS {
        let draft = profiled("sales", name, text.as_bytes());
        for line in *lines {
            assert!(draft.toml.lines().any(|drafted| drafted == *line), "no {line} in\n{}", draft.toml);
        }
        assert!(!draft.toml.contains("discount_amount = \"金额\""));
        let trial = draft.trial.as_ref().unwrap_or_else(|| panic!("not tried\n{}", draft.toml));
        assert_eq!((&trial.outcome.quarantined, trial.outcome.rows_rejected), (&None, 0), "{trial:?}\n{}", draft.toml);
        let seen = trial
            .money
            .as_ref()
            .map(|money| (money.units, money.gross.as_str(), money.discounts.as_str(), money.net.as_str()));
        assert_eq!(seen, *money, "{}", draft.toml);
    }
}

#[test]
fn what_is_not_certain_is_asked() {
    let draft = profiled("sales", "2026-11-22.csv", b"10001,1,2026-11-22,2001,1,5\n10002,1,2026-11-22,2002,1,6\n");
    assert!(draft.toml.contains("header_rows = 0\n") && draft.trial.is_none(), "{}", draft.toml);
    assert!(
        draft.questions[0]
            .starts_with("no row looks like a header, so columns go by their numbers: 1: 10001, 10002; 2: 1; "),
        "{:?}",
        draft.questions
    );
    let asked = |text: &str, wanted: &str| {
        let draft = profiled("sales", "2026-11-22.csv", text.as_bytes());
        assert!(draft.questions.iter().any(|question| question.contains(wanted)), "{wanted}: {:?}", draft.questions);
    };
    let plain = "order,line,time,sku,qty,price\n1,1,2026-11-22 10:00,A,1,2.00\n";
    asked(plain, "are times in \"time\" of Asia/Shanghai, the company's zone?");
    asked("one\ntwo\n", "what stands between the fields?");
    asked(
        "report of the day,,,,,\nfoo,bar,when,what,qty,price\n1,1,2026-11-22,A,1,2.00\n",
        "is line 2 the header (foo, bar",
    );
    asked(
        "order,time,sku,qty,item price\n1,2026-11-22,A,3,60.00\n",
        "is \"item price\" the price of one piece, or the amount",
    );
}

#[test]
fn the_sheet_that_fits_is_named() {
    let mut book = rust_xlsxwriter::Workbook::new();
    book.add_worksheet().set_name("Cover").unwrap().write_string(0, 0, "Report").unwrap();
    let sheet = book.add_worksheet().set_name("Data").unwrap();
    for (row, line) in (0..).zip(["order,time,sku,qty,price", "1,2026-11-22,A,1,2.00"]) {
        for (column, cell) in (0..).zip(line.split(',')) {
            sheet.write_string(row, column, cell).unwrap();
        }
    }
    let draft = profiled("sales", "2026-11-22.xlsx", &book.save_to_buffer().unwrap());
    assert!(draft.toml.contains("sheet = \"Data\"\n"), "{}", draft.toml);
}

#[test]
fn the_head_of_a_large_file_is_enough() {
    let rows: String = (0..30_000).map(|row| format!("{row},2026-11-22,A,1,2.00\n")).collect();
    let draft = profiled("sales", "2026-11-22.csv", format!("order,time,sku,qty,price\n{rows}").as_bytes());
    let outcome = draft.trial.unwrap().outcome;
    assert!((20_000..30_000).contains(&outcome.rows_read), "{outcome:?}");
    assert!(outcome.warnings.iter().any(|warning| warning.starts_with("tried on the first ")), "{outcome:?}");
}

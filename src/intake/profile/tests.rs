//! A stranger's file becomes a mapping that takes it.

use std::path::Path;

use super::*;

mod kinds;

fn profiled(feed: &str, name: &str, bytes: &[u8]) -> Draft {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let contracts = Contracts::load(&root.join("jobs")).unwrap();
    let config = Config::parse("", root).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample");
    std::fs::write(&path, bytes).unwrap();
    let file = Local { path, key: name.to_string(), last_modified: "2026-11-23T01:00:00Z".parse().unwrap() };
    profile(&file, "P900", feed, &contracts, &config, &Names::new()).unwrap()
}

#[test]
fn a_chinese_export_is_understood() {
    let text = "销售明细导出\n订单号;销售时间;渠道;货号;数量;单价(元);实付金额;类型;备注\n\
        A1;2026年11月22日 08:30;抖音;00012;2;¥1,012.50;2025;销售;-\n\
        A2;2026年11月22日 09:30;抖音;00013;1;¥10.00;10;退货;x\n合计;;;;3;;2035;;\n";
    let (bytes, _, _) = encoding_rs::GB18030.encode(text);
    let draft = profiled("sales", "销售_20261122.csv", &bytes);
    let expected = r#"name = "P900"
encoding = "gb18030"

[feeds.sales]
delimiter = ";"
preamble_lines = 1
total_prefixes = ["合计"]
thousands = ","
symbols = ["¥"]

[feeds.sales.columns]
partner_id = { constant = "P900" }
order_id = "订单号"
line_no = { row_number = true }
channel_id = "渠道"
sold_at = { column = "销售时间", format = "%Y年%m月%d日 %H:%M" }
sku = "货号"
quantity = { column = "数量", negate_if = { column = "类型", equals = "退货" } }
unit_price = "单价(元)"
discount_amount = { from_net = "实付金额" }
sale_type = { column = "类型", map = { "交易" = "sale", "正常" = "sale", "消费" = "sale", "调整" = "adjustment", "退款" = "return", "退货" = "return", "销售" = "sale" } }
"#;
    assert_eq!(draft.toml.split_once('\n').unwrap().1, expected);
    let trial = draft.trial.unwrap().outcome;
    assert_eq!((trial.quarantined, trial.rows_read, trial.rows_clean), (None, 2, 2));
    assert_eq!(draft.unused, ["实付金额", "备注"]);
    assert!(draft.questions.iter().any(|question| question.contains("are rows with \"类型\" = \"退货\" returns?")));
}

#[test]
fn what_is_missing_is_asked_and_not_invented() {
    let draft = profiled(
        "sales",
        "latest.csv",
        b"InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n1,85123A,6,03/04/2026 08:26,2.55,17850\n",
    );
    assert!(draft.toml.contains("\nchannel_id = { constant = \"?\" }\n"), "{}", draft.toml);
    assert!(draft.toml.contains("period = \"rows\"\n"));
    assert!(
        draft.toml.contains("sold_at = { column = \"InvoiceDate\", format = \"%d/%m/%Y %H:%M\" }"),
        "{}",
        draft.toml
    );
    assert!(
        draft.questions.iter().any(|question| question.contains("could also be written %m/%d/%Y %H:%M")),
        "{:?}",
        draft.questions
    );
    assert!(draft.questions.iter().any(|question| question.starts_with("where does `channel_id` of sales come from")));
    let trial = draft.trial.unwrap();
    assert_eq!((trial.outcome.rows_read, trial.outcome.rows_clean), (1, 1), "with what is open as it is guessed");
    let money = trial.money.unwrap();
    assert_eq!((money.units, money.gross.as_str(), money.net.as_str()), (6, "15.3000", "15.3000"));
}

#[test]
fn amounts_with_the_sign_of_another_currency_are_asked_about() {
    let of = |sign: &str| {
        let text = format!("order,line,time,sku,qty,price\n1,1,2026-11-22 10:00,A200,2,{sign}20.00\n");
        let questions = profiled("sales", "sales_2026-11-22.csv", text.as_bytes()).questions;
        questions.into_iter().find(|question| question.contains("count as CNY"))
    };
    assert!(of("$").unwrap().contains("currency = { constant = \"USD\" }"));
    assert_eq!(of("¥"), None, "the company counts in CNY");
    assert_eq!(of(""), None);
}

//! Senders: a full mapping is read, and every slip is answered with place and advice.

use std::path::Path;

use chrono::NaiveDate;

use super::expected::days_of;
use super::*;

fn contracts() -> Contracts {
    Contracts::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs")).unwrap()
}

const FULL: &str = r#"
name = "华东总经销"
time_zone = "Asia/Shanghai"
encoding = "gbk"
missing = ["", "-", "N/A", "无"]
delivered_at = '_(\d{8}T\d{4})\.'
[feeds.sales]
path = "d01/sales/*"
delimiter = ";"
total_prefixes = ["合计"]
thousands = ","
expected = { by = "06:00", days = "1-5", grace_minutes = 60, from = "2026-11-01" }
[feeds.sales.columns]
order_id = ["订单号", "order no"]
partner_id = { constant = "P001" }
sold_at = { column = "销售时间", format = "%Y/%m/%d %H:%M" }
unit_price = { column = "单价(万元)", scale = 10000 }
quantity = { column = "数量", negate_if = { column = "类型", equals = "退货" } }
line_no = { row_number = true }
discount_amount = { from_net = "实付金额" }
sale_type = { column = "No", prefixes = { C = "return", CA = "adjustment" }, default = "sale" }
[feeds.inventory]
"#;

fn refusal(text: &str) -> (String, String) {
    let err = Sender::parse("d01", text, &contracts()).unwrap_err();
    (err.to_string(), err.advice().unwrap_or_default().to_string())
}

#[test]
fn full_mapping() {
    let sender = Sender::parse("d01", FULL, &contracts()).unwrap();
    assert_eq!((sender.name.as_str(), sender.title.as_str()), ("d01", "华东总经销"));
    let sales = &sender.feeds["sales"];
    assert_eq!(sales.encoding, Some(encoding_rs::GB18030));
    assert_eq!(sales.columns["sale_type"].prefixes[0].0, "CA", "longest prefix first");
    assert!(sales.matches("d01/sales/2026-11-22.csv"));
    assert!(!sales.matches("d01/sales/old/2026-11-22.csv"), "one star stays in its folder");
    let inventory = &sender.feeds["inventory"];
    assert_eq!(inventory.path, "d01/inventory/**");
    assert!(inventory.matches("d01/inventory/2026/11/x.csv"));
    let senders = Senders::new([sender.clone()]);
    assert_eq!(senders.of_key("d01/inventory/a.csv").unwrap().1.feed, "inventory");
    assert!(senders.of_key("d02/inventory/a.csv").is_none());
}

#[test]
fn expectations() {
    let sender = Sender::parse("d01", FULL, &contracts()).unwrap();
    let expected = sender.feeds["sales"].expected.clone().unwrap();
    let date = |text: &str| text.parse::<NaiveDate>().unwrap();
    assert!(expected.expects(date("2026-11-20"), None), "Friday");
    assert!(!expected.expects(date("2026-11-22"), None), "Sunday");
    assert!(!expected.expects(date("2026-10-30"), None), "before from");
    assert_eq!(expected.due_local(date("2026-11-20")).unwrap().to_string(), "2026-11-21 06:00:00");
    let monthly = Expected { days: ExpectedDays::Monthly, ..expected.clone() };
    assert!(monthly.expects(date("2026-11-30"), None) && !monthly.expects(date("2026-11-29"), None));
    let workdays = Expected { days: ExpectedDays::Workdays, ..expected };
    assert!(workdays.expects(date("2026-11-22"), Some(true)), "a moved workday");
    assert!(!workdays.expects(date("2026-11-20"), Some(false)), "a holiday");
    assert_eq!(days_of("sat-mon").unwrap(), ExpectedDays::Weekdays([true, false, false, false, false, true, true]));
    assert_eq!(days_of("0,7").unwrap(), ExpectedDays::Weekdays([false, false, false, false, false, false, true]));
}

#[test]
fn slips_are_named() {
    let cases = [
        ("thousands = \",\"", "thousand = \",\"", "feeds.sales: unknown field `thousand`", "did you mean `thousands`?"),
        (
            "order_id = [",
            "oder_id = [",
            "feeds.sales: columns names `oder_id`, which is not known",
            "did you mean `order_id`?",
        ),
        (
            "[feeds.inventory]",
            "[feeds.inventry]",
            "[feeds] names feed `inventry`, which is not known",
            "did you mean `inventory`?",
        ),
        (
            "%Y/%m/%d %H:%M",
            "%Y/%m/%q",
            "feeds.sales: columns.sold_at: format \"%Y/%m/%q\" has `%q`, which is not supported",
            "use %Y",
        ),
        (
            "constant = \"P001\"",
            "konstant = \"P001\"",
            "feeds.sales: columns.partner_id: unknown field `konstant`",
            "did you mean `constant`?",
        ),
        (
            "scale = 10000",
            "scale = 0",
            "feeds.sales: columns.unit_price: scale is 0; expected a number other than 0",
            "",
        ),
        (
            "_(\\d{8}T\\d{4})",
            "_\\d{8}",
            "feeds.inventory: delivered_at = '_\\d{8}\\.' has no group",
            "put what is wanted",
        ),
        ("_(\\d{8}T\\d{4})", "_(", "feeds.inventory: delivered_at is not a regular expression", ""),
        (
            "\"gbk\"",
            "\"gb1803\"",
            "feeds.inventory: encoding is `gb1803`, which is not known",
            "did you mean `gb18030`?",
        ),
        ("d01/sales/*", "d01/[", "feeds.sales: path \"d01/[\" is not a glob", ""),
        ("\"06:00\"", "\"6 am\"", "feeds.sales: expected.by is \"6 am\"; expected HH:MM", ""),
        (
            "\"1-5\"",
            "\"1-9\"",
            "feeds.sales: expected.days is \"1-9\"; expected all, workdays, monthly, or weekdays such as 1-5 or mon,thu",
            "",
        ),
        (
            "delimiter = \";\"",
            "delimiter = \"；\"",
            "feeds.sales: delimiter is \"；\"; expected one ASCII character",
            "",
        ),
        (
            "row_number = true",
            "row_number = true, constant = 1",
            "feeds.sales: columns.line_no: more than one source",
            "give only one",
        ),
        (
            "negate_if = { column = \"类型\", equals = \"退货\" }",
            "negate_if = { column = \"类型\" }",
            "feeds.sales: columns.quantity: negate_if says of which column, but not when",
            "add equals = \"退货\", or starts_with = \"R\"",
        ),
        (
            "equals = \"退货\"",
            "equals = 1",
            "feeds.sales: columns.quantity: negate_if.equals must be a text or a list of texts",
            "",
        ),
        ("Asia/Shanghai", "Asia/Shangai", "line 3: ", ""),
    ];
    for (right, wrong, message, hint) in cases {
        let text = FULL.replace(right, wrong);
        assert_ne!(text, FULL, "{right}");
        let (found, advice) = refusal(&text);
        assert!(found.starts_with(message), "{found}");
        assert!(advice.starts_with(hint), "{advice}");
    }
}

#[test]
fn fingerprint_follows_what_changes_the_reading() {
    let contracts = contracts();
    let config = crate::config::Config::parse("", Path::new(".")).unwrap();
    let of = |text: &str| {
        let sender = Sender::parse("d01", text, &contracts).unwrap();
        sender.feeds["sales"].fingerprint(contracts.get("sales").unwrap(), &config.company)
    };
    let base = of(FULL);
    assert_eq!(of(&FULL.replace("06:00", "07:00")), base, "deadlines do not touch rows");
    assert_eq!(of(&FULL.replace("华东总经销", "East")), base);
    assert_ne!(of(&FULL.replace("P001", "P002")), base);
    assert_ne!(of(&FULL.replace("Asia/Shanghai", "Asia/Tokyo")), base);
    assert_ne!(of(&FULL.replace("gbk", "big5")), base);
}

/// One company whose senders each have another fault: what is left out, and where it is said to be.
#[test]
fn a_fault_leaves_out_its_feed_or_its_sender_and_names_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let senders = dir.path().join("senders");
    std::fs::create_dir_all(&senders).unwrap();
    let good = "[feeds.inventory]\n";
    let cases: [(&str, &[u8], &str, &str, &str); 10] = [
        ("syntax", b"name = \"x\"\n[feeds.sales\n", "jobs/senders/syntax.toml: line 2: ", "", "sales"),
        (
            "key",
            b"nmae = \"x\"\n[feeds.sales]\n",
            "jobs/senders/key.toml: line 1: unknown field `nmae`",
            "`name`",
            "sales",
        ),
        ("none", b"name = \"x\"\n", "jobs/senders/none.toml", "add a section", ""),
        (
            "latin",
            b"name = \"Caf\xe9\"\n[feeds.sales]\n",
            "jobs/senders/latin.toml: the file is not UTF-8 text; it seems to be",
            "UTF-8",
            "",
        ),
        (
            "feedkey",
            b"[feeds.sales]\npath = \"a/*\"\nexpcted = 1\n",
            "jobs/senders/feedkey.toml:3: feeds.sales: unknown field `expcted`",
            "`expected`",
            "sales",
        ),
        (
            "value",
            b"[feeds.sales]\n\nreject_limit = 3.0\n",
            "jobs/senders/value.toml:3: feeds.sales: reject_limit is 3",
            "",
            "sales",
        ),
        ("feed", b"\n[feeds.slaes]\n", "jobs/senders/feed.toml:2: [feeds] names feed `slaes`", "`sales`", "slaes"),
        (
            "open",
            b"[feeds.sales]\n[feeds.sales.columns]\nsku = \"?\"\n",
            "jobs/senders/open.toml:3: feeds.sales: columns.sku is still \"?\"",
            "answer it",
            "sales",
        ),
        (
            "map",
            b"[feeds.sales.columns]\nsku = { column = \"x\", map_file = \"none.csv\" }\n",
            "jobs/senders/map.toml:2: feeds.sales: columns.sku: ",
            "",
            "sales",
        ),
        (
            "column",
            b"[feeds.sales.columns]\nskuu = \"x\"\n",
            "jobs/senders/column.toml:2: feeds.sales: columns names `skuu`",
            "`sku`",
            "sales",
        ),
    ];
    for (name, text, ..) in cases {
        std::fs::write(senders.join(format!("{name}.toml")), text).unwrap();
    }
    // A second feed without a fault stays.
    std::fs::write(senders.join("half.toml"), format!("{good}[feeds.sales]\nreject_limit = 3.0\n")).unwrap();
    std::fs::write(senders.join("whole.toml"), good).unwrap();
    let loaded = Senders::load(dir.path(), &contracts()).unwrap();
    let with_feeds = loaded.iter().filter(|sender| !sender.feeds.is_empty()).map(|sender| sender.name.as_str());
    assert_eq!(with_feeds.collect::<Vec<_>>(), ["half", "whole"]);
    let broken = |name: &str| loaded.broken().iter().find(|broken| broken.name == name).unwrap();
    for (name, _, message, advice, feed) in cases {
        let broken = broken(name);
        let said = broken.error.to_string();
        assert!(said.starts_with(message), "{said}");
        assert!(broken.error.advice().unwrap_or_default().contains(advice), "{said}: {:?}", broken.error.advice());
        assert_eq!((broken.feeds.join(","), broken.whole), (feed.to_string(), true), "{name}");
    }
    let half = broken("half");
    assert_eq!((half.feeds.join(","), half.whole), ("sales".to_string(), false));
    assert!(loaded.get("half").unwrap().feeds.keys().eq(["inventory"]));
    assert!(broken("feedkey").owns("a") && broken("feedkey").owns("feedkey") && !broken("feedkey").owns("value"));
}

use chrono::NaiveDate;

use super::*;
use crate::state::record::AlertPhase;

const OVERSTOCK: &str = r#"
[alert]
severity = "warning"
labels = ["partner_id"]
value = "overstock_rate"
value_format = "percent"
owners = ["partner_manager", "head_office"]
history = "past"
[alert.title]
en = "{{ partner_name }} holds {{ overstock_rate | percent }} more than needed"
zh = "{{ partner_name }} 库存超出需求 {{ overstock_rate | percent }}"
[alert.reason]
en = "{{ units | number }} units of {{ worth - need }}"
zh = "{{ units | number }} 件"
"#;
const COLUMNS: [&str; 8] =
    ["partner_id", "partner_name", "overstock_rate", "partner_manager", "units", "worth", "need", "past"];

fn read(text: &str) -> Result<AlertRule> {
    AlertRule::from_sidecar("overstock", "sql/alerts/stock/overstock.toml", &toml::from_str(text).expect("toml"))
}

fn alert(row: serde_json::Value) -> Alert {
    let row: Row = serde_json::from_value(row).expect("object");
    Alert {
        rule: "overstock".into(),
        fingerprint: "f".into(),
        labels: BTreeMap::from([("partner_id".into(), "P001".into())]),
        severity: "warning".into(),
        value: row.get("overstock_rate").and_then(as_number),
        row,
        owners: vec![],
        phase: AlertPhase::New,
        since: NaiveDate::from_ymd_opt(2026, 11, 22).expect("date"),
        mailed_at: None,
        muted: None,
        absent_nights: 0,
    }
}

#[test]
fn a_rule_says_what_it_found_in_both_languages() {
    let rule = read(OVERSTOCK).expect("rule");
    rule.validate(&COLUMNS).expect("valid");
    let found = alert(serde_json::json!({
        "partner_name": "华东\r\n总经销", "overstock_rate": "0.412000", "units": 1234, "worth": 5, "need": 3, "past": "1;2;x;3"
    }));
    let zh = rule.say(&found, &Words::new("zh", "CNY"));
    assert_eq!(zh.title, "华东 总经销 库存超出需求 41.2%");
    assert_eq!((zh.value.as_str(), zh.reason.as_str(), zh.advice.as_str()), ("41.2%", "1,234 件", ""));
    assert_eq!(rule.say(&found, &Words::new("en", "CNY")).reason, "1,234 units of 2");
    assert_eq!(rule.past(&found), [1.0, 2.0, 3.0]);
}

#[test]
fn a_text_that_cannot_be_written_costs_only_itself() {
    let rule = read(OVERSTOCK).expect("rule");
    let said = rule.say(&alert(serde_json::json!({ "units": 1 })), &Words::new("en", "CNY"));
    assert_eq!(said.title, "overstock partner_id=P001");
    assert_eq!((said.value.as_str(), said.reason.as_str()), ("", ""));
}

#[test]
fn unknown_columns_and_filters_are_refused_with_the_right_name() {
    for (from, to, message, advice) in [
        (
            "partner_name }} holds",
            "partner_nam }} holds",
            "alert.title.en names column `partner_nam`",
            "`partner_name`",
        ),
        ("\"partner_id\"", "\"partner\"", "alert.labels names column `partner`", "did you mean"),
        ("value = \"overstock_rate\"", "value = \"rate\"", "alert.value names column `rate`", "overstock_rate"),
        ("\"partner_manager\"", "\"manager\"", "alert.owners names column `manager`", "partner_manager"),
        (
            "overstock_rate | percent }} more",
            "overstock_rate | prcent }} more",
            "alert.title.en cannot",
            "signed_percent",
        ),
        ("\"past\"", "\"pasta\"", "alert.history names column `pasta`", "did you mean `past`?"),
    ] {
        assert!(OVERSTOCK.contains(from), "{from}");
        let err = read(&OVERSTOCK.replace(from, to)).expect("reads").validate(&COLUMNS).expect_err(to);
        assert!(err.to_string().contains(message), "{err}");
        assert!(err.advice().is_some_and(|hint| hint.contains(advice)), "{:?}", err.advice());
        assert_eq!(err.path(), Some("sql/alerts/stock/overstock.toml"));
    }
    let err = read(&OVERSTOCK.replace("{{ units | number }} 件", "{{ units")).expect("reads").validate(&COLUMNS);
    assert!(err.expect_err("broken").to_string().contains("alert.reason.zh is not a valid template"));
}

#[test]
fn a_sidecar_without_an_alert_or_with_a_slip_is_refused() {
    for (text, message) in [
        ("key = []", "there is no [alert] table"),
        ("[alert]\nseverity = \"bad\"\ntitle = { en = \"x\", zh = \"x\" }", "alert.severity is \"bad\""),
        ("[alert]\ntitle = { en = \"x\", zh = \"x\" }", "alert.severity is missing"),
        ("[alert]\nseverity = \"info\"\ntitle = { en = \"x\" }", "missing field `zh`"),
        ("[alert]\nseverity = \"info\"\ntitel = 1\ntitle = { en = \"x\", zh = \"x\" }", "unknown field `titel`"),
        (
            "[alert]\nseverity = \"info\"\nowners = [\"a@b\"]\ntitle = { en = \"x\", zh = \"x\" }",
            "\"a@b\" is not a mail address",
        ),
        ("[alert]\nseverity = \"info\"\nrepeat_hours = 0\ntitle = { en = \"x\", zh = \"x\" }", "repeat_hours is under"),
    ] {
        let err = read(text).expect_err(text);
        assert!(err.to_string().contains(message), "{err}");
        assert!(err.to_string().starts_with("sql/alerts/stock/overstock.toml: "), "{err}");
    }
}

#[test]
fn the_shipped_rules_are_valid() {
    AlertRule::run_failed().validate(&["job", "logical_date", "error", "advice", "data_as_of"]).expect("valid");
    let reduced = ["job", "logical_date", "run_id", "feeds", "marts", "causes_en", "causes_zh"];
    AlertRule::run_reduced().validate(&reduced).expect("valid");
    let master_data = ["feed", "marts", "name_en", "name_zh", "used_en", "used_zh"];
    AlertRule::master_data_missing().validate(&master_data).expect("valid");
    let left_out = ["sender", "feeds", "feeds_en", "feeds_zh", "file", "found", "advice"];
    AlertRule::sender_left_out().validate(&left_out).expect("valid");
    AlertRule::rows_lost().validate(&["sender", "sender_name", "feed", "files", "rows", "file"]).expect("valid");
    AlertRule::mail_undelivered().validate(&["recipient", "subject", "error"]).expect("valid");
}

#[test]
fn every_rule_of_ours_has_words_for_a_subject_and_for_its_figure() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/alerts");
    let mut read = 0;
    for subject in std::fs::read_dir(folder).expect("alerts") {
        for file in std::fs::read_dir(subject.expect("a folder").path()).expect("a folder") {
            let path = file.expect("a file").path();
            if path.extension().is_none_or(|end| end != "toml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a sidecar");
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
            let place = path.display().to_string();
            let rule = AlertRule::from_sidecar(name, &place, &toml::from_str(&text).expect("toml")).expect("a rule");
            assert!(rule.subject.is_some() && rule.name_text.is_some(), "{name}");
            assert!(rule.value_format == "none" || rule.value_label.is_some(), "{name} shows a figure without a word");
            for (key, text) in [Locale::En, Locale::Zh].into_iter().flat_map(|locale| rule.texts(locale)) {
                assert!(
                    !text.contains("partner_id }})") && !text.contains("sender }}"),
                    "{name}.{key} names an id: {text}"
                );
            }
            read += 1;
        }
    }
    assert!(read > 15, "{read}");
    let built_in = AlertRule::all(std::iter::empty()).expect("rules");
    assert!(built_in.values().all(|rule| rule.subject.is_some()));
}

/// A manager has no terminal: what is typed into one is the operator's to type, and says so.
#[test]
fn a_command_is_put_to_the_operator() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/alerts");
    let subjects = std::fs::read_dir(folder).expect("alerts").map(|entry| entry.expect("a folder").path());
    let files = subjects
        .flat_map(|subject| std::fs::read_dir(subject).expect("a folder").map(|file| file.expect("a file").path()));
    let sidecars = files.filter(|path| path.extension().is_some_and(|end| end == "toml"));
    let rules = sidecars.map(|path| {
        let text = std::fs::read_to_string(&path).expect("a sidecar");
        AlertRule::from_sidecar("rule", &path.display().to_string(), &toml::from_str(&text).expect("toml"))
            .expect("a rule")
    });
    let mut commands = 0;
    for rule in rules.chain(AlertRule::built_in()) {
        for (locale, operator) in [(Locale::En, "operator"), (Locale::Zh, "系统维护人员")] {
            for (key, text) in rule.texts(locale).into_iter().filter(|(_, text)| text.contains("tributary ")) {
                commands += 1;
                assert!(text.contains(operator), "{}.{key}: {text}", rule.place);
                assert!(text.contains('`'), "{}.{key} does not mark the command: {text}", rule.place);
            }
        }
    }
    assert!(commands > 8, "{commands}");
}

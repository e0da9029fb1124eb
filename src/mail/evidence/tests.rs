use std::path::Path;

use super::*;
use crate::config::Config;
use crate::mail::digest::tests::night::{World, overstock};
use crate::state::record::AlertPhase;

fn rule() -> AlertRule {
    let text = r#"
[alert]
severity = "warning"
labels = ["manager"]
[alert.name_text]
en = "customers: [leaving]"
zh = "客户流失"
[alert.title]
en = "x"
zh = "x"
[alert.evidence]
model = "customers_leaving"
by = ["manager"]
columns = [
    { name = "customer_id", en = "Customer", zh = "客户编号", link = "customer" },
    { name = "monetary", en = "Spent", zh = "消费" },
    { name = "note", en = "Note", zh = "备注" },
]
"#;
    AlertRule::from_sidecar("customer_leaving", "x.toml", &toml::from_str(text).expect("toml")).expect("rule")
}

#[test]
fn a_finding_brings_its_own_rows_and_no_formula() {
    let row = |value: serde_json::Value| serde_json::from_value::<Row>(value).expect("object");
    let rows = vec![
        row(serde_json::json!({ "manager": "a", "customer_id": "00017", "monetary": "1250.5000", "note": "=1+1" })),
        row(serde_json::json!({ "manager": "b", "customer_id": "not ours", "monetary": null, "note": "x" })),
    ];
    let mut world = World::new("zh");
    let text = "[mail]\ncustomer_url = \"https://crm.example/{customer_id}\"\n";
    world.config.mail = Config::parse(text, Path::new("/x")).expect("config").mail;
    world.evidence.insert("customer_leaving".into(), rows);
    let rules = std::collections::BTreeMap::from([("customer_leaving".to_string(), rule())]);
    let mut found = overstock("P1", "A", 0.4, AlertPhase::New);
    found.rule = "customer_leaving".into();
    found.row = row(serde_json::json!({ "manager": "a" }));
    let edition = world.edition(&rules);
    let words = Words::new("zh", "CNY");
    let file = sheet(&edition, &[&found], &words).expect("written").expect("a sheet");
    assert_eq!(file.name, "evidence_2026-11-22.xlsx");
    assert_eq!(file, sheet(&edition, &[&found], &words).expect("written").expect("a sheet"), "the same bytes again");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(file.bytes)).expect("a workbook");
    let mut part = |name: &str| std::io::read_to_string(archive.by_name(name).expect("a part")).expect("text");
    let (page, texts) = (part("xl/worksheets/sheet1.xml"), part("xl/sharedStrings.xml"));
    assert!(!page.contains("<f>") && page.contains("<v>1250.5</v>"), "{page}");
    for text in ["客户编号", "00017", "=1+1"] {
        assert!(texts.contains(&format!("<t>{text}</t>")), "{text}: {texts}");
    }
    assert!(!texts.contains("not ours"), "{texts}");
    assert!(part("xl/worksheets/_rels/sheet1.xml.rels").contains("https://crm.example/00017"));
    assert!(part("xl/workbook.xml").contains("1 客户流失"));
    // Nothing behind it, no sheet; and none where nobody wants one.
    assert_eq!(sheet(&edition, &[], &words).expect("written"), None);
    world.config.mail.evidence_rows_max = 0;
    assert_eq!(sheet(&world.edition(&rules), &[&found], &words).expect("written"), None);
}

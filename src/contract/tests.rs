//! Contracts: the shipped ones load, and slips are named.

use std::path::Path;

use super::*;

fn jobs() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs")
}

#[test]
fn shipped_contracts_load() {
    let contracts = Contracts::load(&jobs()).unwrap();
    assert_eq!(contracts.iter().count(), 22);
    let sales = contracts.get("sales").unwrap();
    assert_eq!(sales.key, ["partner_id", "order_id", "line_no"]);
    let schema = sales.staged_schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names[..4], ["partner_id", "order_id", "line_no", "channel_id"]);
    assert_eq!(names[names.len() - LINEAGE.len()..], LINEAGE);
    assert_eq!(schema.field_with_name("unit_price").unwrap().data_type(), &DataType::Decimal128(18, 4));
    let partners = contracts.get("partners").unwrap().staged_schema();
    assert!(partners.field_with_name("business_date").is_err());
}

#[test]
fn every_column_is_described_in_both_languages() {
    for contract in Contracts::load(&jobs()).unwrap().iter() {
        assert!(!contract.en.is_empty() && !contract.zh.is_empty(), "{}", contract.name);
        for column in &contract.columns {
            assert!(!column.en.is_empty() && !column.zh.is_empty(), "{}.{}", contract.name, column.name);
            assert!(
                !column.column_type.is_number() || column.unit.is_some() || column.name.ends_with("_no"),
                "{}.{} is a number without unit",
                contract.name,
                column.name
            );
        }
    }
}

/// A number without limits is a barcode in the quantity column that stops a mart.
#[test]
fn every_number_has_its_limits() {
    for contract in Contracts::load(&jobs()).unwrap().iter() {
        for column in contract.columns.iter().filter(|column| column.column_type.is_number()) {
            let limits = column.min.zip(column.max);
            assert!(limits.is_some_and(|(min, max)| min < max), "{}.{}", contract.name, column.name);
        }
        let priced = contract.column("unit_price").is_some();
        assert!(!priced || contract.amounts[0].product_of == ["quantity", "unit_price"], "{}", contract.name);
    }
}

const GOOD: &str = r#"
kind = "reference"
en = "Things"
zh = "事物"
key = ["id"]
[[columns]]
name = "id"
type = "text"
en = "Id"
zh = "编号"
"#;

fn refusal(text: &str) -> (String, Option<String>) {
    let err = Contract::parse("things", text).unwrap_err();
    (err.to_string(), err.advice().map(str::to_string))
}

#[test]
fn slips_are_named() {
    Contract::parse("things", GOOD).unwrap();
    let (message, hint) = refusal(&GOOD.replace("type = ", "typ = "));
    assert!(message.starts_with("line 8: unknown field `typ`"), "{message}");
    assert_eq!(hint.unwrap(), "did you mean `type`?");
    let (message, hint) = refusal(&GOOD.replace("[\"id\"]", "[\"idd\"]"));
    assert_eq!(message, "key names column `idd`, which is not known");
    assert_eq!(hint.unwrap(), "did you mean `id`?");
    let (message, _) = refusal(&GOOD.replace("\"text\"", "\"decimal(40,2)\""));
    assert!(message.contains("type \"decimal(40,2)\" is not known"), "{message}");
    let (message, _) = refusal(&GOOD.replace("\"reference\"", "\"event\""));
    assert_eq!(message, "an event feed needs business_date");
    let (message, _) = refusal(&GOOD.replace("key =", "dated_by = \"id\"\nkey ="));
    assert_eq!(message, "dated_by `id` must be a required date or period of the key");
    let amounts = |of: &str, max: &str| {
        let number = "[[columns]]\nname = \"n\"\ntype = \"bigint\"\nen = \"N\"\nzh = \"数\"\n";
        refusal(&format!("{GOOD}{number}[[amounts]]\nproduct_of = {of}\nmax = {max}\n")).0
    };
    assert_eq!(amounts("[\"n\", \"m\"]", "1"), "amounts: product_of names column `m`, which is not known");
    assert_eq!(amounts("[\"n\"]", "1"), "amounts: product_of = [\"n\"] needs two columns or more");
    assert_eq!(
        amounts("[\"n\", \"id\"]", "1"),
        "amounts: column `id` is text; an amount is a product of bigint and decimal columns"
    );
    assert_eq!(
        amounts("[\"n\", \"n\"]", "-1"),
        "amounts: max of product_of = [\"n\", \"n\"] is -1; expected a number above 0"
    );
    let (message, _) = refusal(&GOOD.replace("name = \"id\"", "name = \"_line\""));
    assert_eq!(message, "column `_line` has a name that intake adds itself");
}

#[test]
fn fingerprint_follows_rules_but_not_words() {
    let base = Contract::parse("things", GOOD).unwrap().fingerprint();
    assert_eq!(Contract::parse("things", &GOOD.replace("\"Id\"", "\"Identity\"")).unwrap().fingerprint(), base);
    assert_ne!(Contract::parse("things", &GOOD.replace("\"text\"", "\"bigint\"")).unwrap().fingerprint(), base);
}

//! Columns that come, go, move and change their names.

use super::super::drift::told;
use super::*;

fn staged(settings: &str, text: &str) -> Seen {
    World::new().stage("sales", "2026-11-22.csv", text.as_bytes(), &format!("[feeds.sales]\n{settings}"))
}

/// One row with more columns.
fn with(names: &str, values: &str) -> String {
    format!("{},{names}\n{},{values}\n", HEADER.trim_end(), row(1).trim_end())
}

#[test]
fn order_is_never_assumed() {
    let names: Vec<&str> = HEADER.trim().split(',').collect();
    let first = row(1);
    let values: Vec<&str> = first.trim().split(',').collect();
    let expected = staged("", &format!("{HEADER}{first}")).rows.unwrap();
    for turn in 1..names.len() {
        let turned = |list: &[&str]| [&list[turn..], &list[..turn]].concat().join(",");
        let seen = staged("", &format!("{}\n{}\n", turned(&names), turned(&values)));
        assert_eq!(seen.rows.unwrap(), expected, "turned by {turn}");
    }
}

#[test]
fn unknown_columns_by_policy() {
    let text = with("赠品,备注", "茶杯,\"说 \"\"好\"\"\"");
    let extra = |seen: &Seen| seen.texts("_extra");
    let discarded = staged("", &text);
    assert_eq!(
        (extra(&discarded), told(&discarded.outcome.drift)),
        (vec![None], vec!["columns not used: 赠品, 备注".into()])
    );
    let same = staged("drift = \"discard_column\"\n", &text);
    assert_eq!((same.rows, same.outcome.drift), (discarded.rows, discarded.outcome.drift));
    let evolved = staged("drift = \"evolve\"\n", &text);
    assert_eq!(extra(&evolved), [Some(r#"{"赠品":"茶杯","备注":"说 \"好\""}"#.into())]);
    assert_eq!(told(&evolved.outcome.drift), ["columns kept in _extra: 赠品, 备注"]);
    let empty = staged("drift = \"evolve\"\n", &with("赠品", " "));
    assert_eq!(extra(&empty), [None], "nothing but empty cells is nothing");
    let frozen = staged("drift = \"freeze\"\n", &text);
    assert_eq!(frozen.reason(), "the file has columns that the mapping does not know: 赠品, 备注");
}

#[test]
fn policies_by_set_of_columns() {
    let sets = "drift = { \"备注*\" = \"discard_column\", \"EXT_*\" = \"evolve\", \"*\" = \"freeze\" }\n";
    let seen = staged(sets, &with("备注,备注2,ext_gift", "a,b,茶杯"));
    assert_eq!(seen.texts("_extra"), [Some(r#"{"ext_gift":"茶杯"}"#.into())]);
    assert_eq!(told(&seen.outcome.drift), ["columns not used: 备注, 备注2", "columns kept in _extra: ext_gift"]);
    let frozen = staged(sets, &with("备注,价格", "a,b"));
    assert_eq!(frozen.reason(), "the file has columns that the mapping does not know: 价格");
}

#[test]
fn the_contract_has_a_policy_of_its_own() {
    let mut world = World::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/feeds/sales.toml");
    let text = format!("drift = \"freeze\"\n{}", std::fs::read_to_string(path).unwrap());
    let sales = Contract::parse("sales", &text).unwrap();
    let others = world.contracts.iter().filter(|contract| contract.name != "sales").cloned();
    let all = others.chain([sales]).map(|contract| (contract.name.clone(), contract)).collect();
    world.contracts = Contracts::new(all).unwrap();
    let text = with("赠品", "茶杯");
    let frozen = world.stage("sales", "2026-11-22.csv", text.as_bytes(), "[feeds.sales]\n");
    assert_eq!(frozen.reason(), "the file has columns that the mapping does not know: 赠品");
    let own = world.stage("sales", "2026-11-22.csv", text.as_bytes(), "[feeds.sales]\ndrift = \"discard_column\"\n");
    assert_eq!(own.outcome.rows_clean, 1, "the sender's own policy is nearer");
}

#[test]
fn columns_that_went_away() {
    let mapping = "[feeds.sales.columns]\npromotion_id = [\"促销\", \"活动\"]\nsku = \"货号\"\n";
    let text = format!("{}{}", HEADER.replace("sku", "货号"), row(1));
    let seen = staged(mapping, &text);
    assert_eq!(
        told(&seen.outcome.drift),
        ["columns that the mapping names and the file lacks: promotion_id (促销 or 活动)"],
        "an optional one is told"
    );
    let frozen = staged(&format!("drift = \"freeze\"\n{mapping}"), &text);
    assert_eq!(
        frozen.reason(),
        "column `promotion_id` (header \"促销\" or \"活动\") is not in the file; headers found: partner_id, order_id, \
         line_no, channel_id, sold_at, 货号, quantity, unit_price"
    );
    let required = staged(mapping, &text.replace("货号", "货号 "));
    assert_eq!(required.outcome.quarantined, None, "spacing is no difference");
    let required = staged(mapping, &text.replace("货号", "货品号"));
    assert_eq!(
        required.reason(),
        "column `sku` (header \"货号\") is not in the file; did you mean \"货品号\"?; headers found: partner_id, order_id, \
         line_no, channel_id, sold_at, 货品号, quantity, unit_price"
    );
}

#[test]
fn slips_in_the_policy_are_named() {
    let world = World::new();
    let cases = [
        ("\"freezing\"", "drift is `freezing`; expected evolve, freeze, discard_column; did you mean `freeze`?"),
        ("true", "drift must be a word, or a table of header patterns and words"),
        ("{ \"[\" = \"freeze\" }", "drift: \"[\" is not a pattern of headers"),
        ("{ \"*\" = 1 }", "drift must be a word, or a table of header patterns and words"),
    ];
    for (policy, message) in cases {
        let err = Sender::parse("d01", &format!("[feeds.sales]\ndrift = {policy}\n"), &world.contracts).unwrap_err();
        assert_eq!(err.to_string(), format!("feeds.sales: {message}"), "{policy}");
    }
}

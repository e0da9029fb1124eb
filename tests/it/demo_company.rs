//! The demo company: deterministic, and its planted stories come out where `labels.json` says.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::marts::{Mart, ten_thousandths};
use crate::support::world::{Outcome, PROJECT, World, files_below};

const NIGHT: &str = "2026-11-22";
/// 02:31 in Shanghai on the morning after: the last file has been due for half an hour.
const MORNING: (&str, &str) = ("TRIBUTARY_NOW", "2026-11-22T18:31:00Z");

fn demo(world: &World, dir: &str, seed: &str) -> Outcome {
    let args = ["demo", dir, "--partners", "17", "--days", "70", "--rows-per-day", "30", "--seed", seed];
    world.tributary(&args, &[]).expect(&[0])
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let world = World::empty();
    for (dir, seed) in [("a", "3"), ("b", "3"), ("c", "4")] {
        demo(&world, dir, seed);
    }
    let (a, b, c) = (files_below(&world.path("a")), files_below(&world.path("b")), files_below(&world.path("c")));
    assert!(a.len() > 50, "{} files", a.len());
    let different: Vec<_> = a.keys().filter(|key| a.get(*key) != b.get(*key)).collect();
    assert!(different.is_empty() && a.len() == b.len(), "{different:?}");
    assert_ne!(a, c, "another seed is another company");
}

#[test]
fn a_generated_company_runs_as_it_is() {
    let world = World::empty();
    demo(&world, "company", "5");
    let config = world.path("company/config.toml");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tributary"));
    command.args(["--config", &config.to_string_lossy(), "run", "nightly", "--date", NIGHT]).env(MORNING.0, MORNING.1);
    let output = command.output().expect("the binary starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
    assert!(world.path("company/out/marts/latest/_run.json").exists(), "{said}");
}

/// The shipped demo company with its results in a temporary folder.
fn shipped() -> World {
    let world = World::empty();
    let text = std::fs::read_to_string(format!("{PROJECT}/config.toml")).expect("the shipped settings");
    let settings = text
        .replace("inbox = \"fixtures/inbox\"", &format!("inbox = \"{PROJECT}/fixtures/inbox\""))
        .replace("lake = \"out/lake\"", "lake = \"lake\"")
        .replace("marts = \"out/marts\"", "marts = \"marts\"")
        .replace("folder = \"out/mail\"", "folder = \"mail\"")
        .replace("jobs = \"jobs\"", &format!("jobs = \"{PROJECT}/jobs\""))
        .replace("sql = \"sql\"", &format!("sql = \"{PROJECT}/sql\""));
    world.write("config.toml", &settings);
    world
}

fn labels() -> Vec<Value> {
    let text = std::fs::read_to_string(format!("{PROJECT}/fixtures/labels.json")).expect("labels.json");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    value["labels"].as_array().expect("labels").clone()
}

fn text<'a>(label: &'a Value, field: &str) -> &'a str {
    label[field].as_str().unwrap_or_else(|| panic!("{field} of {label}"))
}

fn only<'a>(mart: &'a Mart, wanted: &[(&str, &str)], label: &Value) -> &'a Vec<String> {
    let found = mart.find(wanted);
    assert!(found.len() == 1, "one row for {wanted:?} of {label}, got {found:?}");
    found[0]
}

#[test]
fn the_readme_night_tells_every_planted_story() {
    let world = shipped();
    let night = world.tributary(&["run", "nightly", "--date", NIGHT], &[MORNING]).published();
    let marts = world.marts();
    let mart = |name: &str| marts.get(name).unwrap_or_else(|| panic!("no mart {name}: {night}"));
    let mut told = 0;
    for label in labels() {
        let (name, kind) = (text(&label, "mart"), text(&label, "kind"));
        let rows = mart(name);
        told += 1;
        match name {
            "deliveries" | "data_quality" => delivery_story(rows, &label),
            "inventory_health" | "inventory_reconciliation" => stock_story(&marts, rows, &label),
            "channel_conflicts" => conflict_story(&marts, rows, &label),
            "partner_kpis" | "partner_rebates" | "partner_scorecard" | "partner_economics" => {
                partner_story(rows, &label);
            }
            "bcg_classes" | "anomalies" | "channel_kpis" => channel_story(rows, &label),
            _ => panic!("the story {name} {kind} is checked nowhere: {label}"),
        }
    }
    assert!(told >= 10, "only {told} stories were there to tell");
    for class in ["star", "cash_cow", "question_mark", "dog"] {
        let classes = mart("bcg_classes");
        let found = classes.find(&[("entity_type", "channel"), ("class", class)]);
        assert!(!found.is_empty(), "no channel is a {class}");
    }
    let cells = mart("customer_scores");
    for cell in ["NHH", "NHL", "NLH", "NLL", "FHH", "FHL", "FLH", "FLL"] {
        assert!(!cells.find(&[("rfm_cell", cell)]).is_empty(), "no customer is in {cell}");
    }
    assert!(!world.mails().is_empty());
    // Nobody is accused who has no story, and nobody of intent.
    let stories: Vec<Value> = labels().into_iter().filter(|label| text(label, "mart") == "channel_conflicts").collect();
    let cases = mart("conflict_cases");
    for row in cases.find(&[]) {
        let partner = row[cases.column("partner_id")].as_str();
        assert!(stories.iter().any(|label| all(label, "partner_ids").contains(&partner)), "no story: {row:?}");
        assert_ne!(row[cases.column("cause")], "malicious", "{row:?}");
    }
}

/// Files: what became of them is what was planted.
fn delivery_story(rows: &Mart, label: &Value) {
    let kind = text(label, "kind");
    match (text(label, "mart"), kind) {
        ("deliveries", "late" | "missing" | "corrected" | "quarantined") => {
            let (sender, feed) = (text(label, "sender"), text(label, "feed"));
            let wanted = [("sender", sender), ("feed", feed), ("business_date", text(label, "from"))];
            assert_eq!(only(rows, &wanted, label)[rows.column("status")], kind, "{label}");
        }
        ("deliveries", "duplicate") => {
            let (sender, feed) = (text(label, "sender"), text(label, "feed"));
            let wanted = [("sender", sender), ("feed", feed), ("business_date", text(label, "from"))];
            assert_eq!(only(rows, &wanted, label)[rows.column("versions")], "1", "counted once: {label}");
        }
        ("data_quality", "rejects") => {
            let found = rows.find(&[("sender", text(label, "sender")), ("feed", text(label, "feed"))]);
            let count: i64 =
                found.iter().map(|row| row[rows.column("refused_rows")].parse::<i64>().expect("rows")).sum();
            assert_eq!(count, 4, "three by intake and one for its sku: {found:?}");
        }
        other => panic!("the story {other:?} is checked nowhere: {label}"),
    }
}

/// Stock: too much, none, new, counted wrong, or pushed onto the partner.
fn stock_story(marts: &BTreeMap<String, Mart>, rows: &Mart, label: &Value) {
    match (text(label, "mart"), text(label, "kind")) {
        ("inventory_health", "overstock") => {
            let found = rows.find(&[("partner_id", first(label, "partner_ids"))]);
            let rate = rows.column("partner_overstock_rate");
            let worst = found.iter().filter_map(|row| row[rate].parse::<f64>().ok()).fold(0.0, f64::max);
            assert!(worst > 0.30, "{label}: {worst}");
        }
        ("inventory_health", "stockout_risk") => {
            let (partner, sku) = (first(label, "partner_ids"), first(label, "skus"));
            let row = only(rows, &[("partner_id", partner), ("sku", sku)], label);
            assert_eq!(row[rows.column("on_hand_units")], "0", "{label}");
            assert_eq!(row[rows.column("is_stockout_risk")], "true", "{label}");
        }
        ("inventory_health", "new_item") => {
            let found = rows.find(&[("sku", first(label, "skus"))]);
            assert!(!found.is_empty(), "{label}");
            // Unsold so far, it is new and not surplus; where it sells, its stock is judged like any other.
            for row in found.into_iter().filter(|row| row[rows.column("sell_out_units")] == "0") {
                assert_eq!(ten_thousandths(&row[rows.column("overstock_units")]), 0, "{label}: {row:?}");
            }
        }
        ("inventory_health", "negative_stock") => {
            // Counted below zero on the day before the as-of date: kept in the counts, told in data_quality.
            let quality = &marts["data_quality"];
            assert!(!quality.find(&[("feed", "inventory"), ("reason", "negative_stock")]).is_empty(), "{label}");
        }
        ("inventory_reconciliation", "channel_stuffing") => {
            let partner = first(label, "partner_ids");
            let found = rows.find(&[("partner_id", partner), ("is_partner_stuffed", "true")]);
            assert!(!found.is_empty(), "{label}");
        }
        other => panic!("the story {other:?} is checked nowhere: {label}"),
    }
}

/// Conflicts: the one who is meant, for the reason that was planted.
fn conflict_story(marts: &BTreeMap<String, Mart>, rows: &Mart, label: &Value) {
    let kind = text(label, "kind");
    match (text(label, "mart"), kind) {
        ("channel_conflicts", "cross_region") => {
            let (partner, cases) = (first(label, "partner_ids"), &marts["conflict_cases"]);
            for region in all(label, "regions") {
                let found = rows.find(&[("kind", kind), ("partner_id", partner), ("region", region)]);
                assert!(!found.is_empty(), "nothing in {region}: {label}");
            }
            let cause = text(label, "expected").trim_start_matches("cause ");
            let found = cases.find(&[("partner_id", partner)]);
            let agree = found.iter().all(|row| row[cases.column("cause")] == cause);
            assert!(!found.is_empty() && agree, "{label}: {found:?}");
        }
        ("channel_conflicts", "price_war") => {
            let mover = text(label, "expected").trim_start_matches("first mover ");
            for partner in all(label, "partner_ids") {
                let (sku, region) = (first(label, "skus"), first(label, "regions"));
                let wanted = [("kind", kind), ("partner_id", partner), ("sku", sku), ("region", region)];
                assert_eq!(only(rows, &wanted, label)[rows.column("first_mover_id")], mover, "{label}");
            }
        }
        ("channel_conflicts", "unapproved_promotion") => {
            // "promotion PR7001 has ended", "promotion PR8888 is unknown".
            let words: Vec<&str> = text(label, "expected").split(' ').collect();
            let (partner, sku) = (first(label, "partner_ids"), first(label, "skus"));
            let named = [("promotion_id", words[1]), ("reason", words[3])];
            let found = rows.find(&[("kind", kind), ("partner_id", partner), ("sku", sku), named[0], named[1]]);
            assert!(!found.is_empty(), "{label}");
        }
        ("channel_conflicts", "below_floor_price") => {
            let (partner, sku) = (first(label, "partner_ids"), first(label, "skus"));
            let row = only(rows, &[("kind", kind), ("partner_id", partner), ("sku", sku)], label);
            assert_eq!(row[rows.column("first_seen_on")], text(label, "from"), "{label}");
            assert_eq!(row[rows.column("last_seen_on")], text(label, "to"), "{label}");
        }
        other => panic!("the story {other:?} is checked nowhere: {label}"),
    }
}

/// Partners: behind their target, paid wrongly, or soon without a licence.
fn partner_story(rows: &Mart, label: &Value) {
    match (text(label, "mart"), text(label, "kind")) {
        ("partner_kpis", "attainment") => {
            let wanted = [("partner_id", first(label, "partner_ids")), ("month", "2026-11")];
            let row = only(rows, &wanted, label);
            let attainment: f64 = row[rows.column("attainment")].parse().expect("a rate");
            assert!(attainment < 22.0 / 30.0 - 0.10, "{label}: {attainment}");
        }
        ("partner_rebates", "adjustment") => {
            // One payout in the demo is wrong, and nothing else that was paid and is final is open.
            let (paid, open) = (rows.column("paid_amount"), rows.column("open_amount"));
            let found = rows.find(&[("finality", "final")]);
            let adjusted: Vec<(&str, &str)> = found
                .iter()
                .filter(|row| row[paid] != "0.0000" && row[open] != "0.0000")
                .map(|row| (row[rows.column("partner_id")].as_str(), row[open].as_str()))
                .collect();
            assert_eq!(adjusted, [(first(label, "partner_ids"), "-500.0000")], "{label}");
        }
        ("partner_scorecard", "licence_expiring") => {
            let wanted = [("partner_id", first(label, "partner_ids")), ("quarter", "2026-Q4")];
            let row = only(rows, &wanted, label);
            let until = row[rows.column("licence_valid_until")].as_str();
            assert!((NIGHT..="2026-12-22").contains(&until), "{label}: {until}");
            assert_eq!(row[rows.column("licence_gate")], "passed", "not expired yet: {label}");
        }
        ("partner_economics", "support") => {
            let wanted = [("partner_id", first(label, "partner_ids")), ("month_start", text(label, "from"))];
            let row = only(rows, &wanted, label);
            assert_eq!(row[rows.column("comparable_partners")], "2", "{label}");
            let gain: f64 = row[rows.column("support_return")].parse().expect("a rate");
            assert!(gain > 1.0, "{label}: {gain}");
        }
        other => panic!("the story {other:?} is checked nowhere: {label}"),
    }
}

/// Channels: dying, collapsed for a day, or unloved.
fn channel_story(rows: &Mart, label: &Value) {
    match (text(label, "mart"), text(label, "kind")) {
        ("bcg_classes", "dog") => {
            let wanted = [("entity_type", "channel"), ("entity_id", text(label, "channel_id"))];
            let found = rows.find(&wanted);
            assert!(found.iter().any(|row| row[rows.column("advice")] == "exit"), "{label}: {found:?}");
        }
        ("anomalies", "net_sales") => {
            let wanted = [
                ("business_date", text(label, "from")),
                ("metric", "net_sales"),
                ("entity_type", "channel"),
                ("entity_id", text(label, "channel_id")),
            ];
            let row = only(rows, &wanted, label);
            assert_eq!(row[rows.column("direction")], "down", "{label}: {row:?}");
            assert_eq!(row[rows.column("known_cause")], "NULL", "{label}: {row:?}");
        }
        ("channel_kpis", "satisfaction") => {
            let of = |month: &str| {
                let row = only(rows, &[("channel_id", text(label, "channel_id")), ("month", month)], label);
                row[rows.column("satisfaction_rate")].parse::<f64>().expect("a rate")
            };
            assert!(of("2026-11") < of("2026-10") - 0.10, "{label}");
        }
        other => panic!("the story {other:?} is checked nowhere: {label}"),
    }
}

fn first<'a>(label: &'a Value, field: &str) -> &'a str {
    label[field][0].as_str().unwrap_or_else(|| panic!("{field} of {label}"))
}

fn all<'a>(label: &'a Value, field: &str) -> Vec<&'a str> {
    let texts = label[field].as_array().unwrap_or_else(|| panic!("{field} of {label}"));
    texts.iter().map(|text| text.as_str().expect("a text")).collect()
}

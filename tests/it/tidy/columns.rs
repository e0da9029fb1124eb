//! One name, one type, one meaning over all marts: who has learnt a column in one of them knows it in every other.

use std::collections::{BTreeMap, BTreeSet};

use super::{clean, texts};

/// A boolean says `is_…`; of a conflict's causes it says what the figures suggest, because none is a verdict.
const BOOLEANS: [&str; 2] = ["is_", "suggests_"];
/// How a date's name ends.
const DATES: [&str; 5] = ["_on", "_date", "_start", "_end", "_until"];
/// How an instant's name ends.
const INSTANTS: [&str; 2] = ["_at", "_by"];
/// Older words for `entity_type`, `entity_id` and `entity_name`.
const ENTITIES: [&str; 6] = ["scope", "scope_id", "unit_type", "unit_id", "unit_name", "name"];

/// A column of a mart: whose, its name, type and unit, and the dimension that it references.
struct Column {
    mart: String,
    name: String,
    kind: String,
    unit: Option<String>,
    references: Option<String>,
}

fn columns() -> Vec<Column> {
    let mut found = Vec::new();
    for (path, text) in texts("sql/marts", "toml") {
        let sidecar: toml::Table = toml::from_str(&text).unwrap_or_else(|err| panic!("{path}: {err}"));
        let mart = path.rsplit('/').next().unwrap_or(&path).trim_end_matches(".toml");
        for column in sidecar["columns"].as_array().expect("columns") {
            let word = |key: &str| column.get(key).and_then(toml::Value::as_str).map(str::to_string);
            let to = column.get("references").and_then(|to| to.get("to")).and_then(toml::Value::as_str);
            found.push(Column {
                mart: mart.to_string(),
                name: word("name").expect("a name"),
                kind: word("type").expect("a type"),
                unit: word("unit"),
                references: word("references").or_else(|| to.map(str::to_string)),
            });
        }
    }
    assert!(found.len() > 500, "sql/marts describes columns");
    found
}

/// Names that have more than one of what `of` says of a column, with who says which.
fn torn(columns: &[Column], of: impl Fn(&Column) -> Option<String>) -> Vec<String> {
    let mut said: BTreeMap<&str, BTreeMap<String, Vec<&str>>> = BTreeMap::new();
    for column in columns {
        if let Some(word) = of(column) {
            said.entry(&column.name).or_default().entry(word).or_default().push(&column.mart);
        }
    }
    said.retain(|_, words| words.len() > 1);
    said.iter().map(|(name, words)| format!("{name}: {words:?}")).collect()
}

#[test]
fn a_name_has_one_type_one_unit_and_one_dimension_in_all_marts() {
    let all = columns();
    let advice = "a column of another meaning has another name, one of the same meaning the same type and unit";
    clean(&torn(&all, |column| Some(column.kind.clone())), advice);
    clean(&torn(&all, |column| Some(column.unit.clone().unwrap_or_default())), advice);
    clean(&torn(&all, |column| column.references.clone()), advice);
}

#[test]
fn a_name_says_what_kind_of_value_it_has() {
    let all = columns();
    let ends = |name: &str, with: &[&str]| with.iter().any(|end| name.ends_with(end));
    let begins = |name: &str| BOOLEANS.iter().any(|start| name.starts_with(start));
    let wrong = all.iter().filter(|column| match column.kind.as_str() {
        "boolean" => !begins(&column.name),
        "date" => !ends(&column.name, &DATES),
        "timestamp" => !ends(&column.name, &INSTANTS),
        _ => begins(&column.name) || ends(&column.name, &["_on", "_date", "_at"]),
    });
    let wrong: Vec<String> =
        wrong.map(|column| format!("{}.{} is of type {}", column.mart, column.name, column.kind)).collect();
    clean(&wrong, "booleans are is_…, dates …_on, …_date, …_start, …_end or …_until, instants …_at or …_by");
    let old = all.iter().filter(|column| ENTITIES.contains(&column.name.as_str()));
    let old: Vec<String> = old.map(|column| format!("{}.{}", column.mart, column.name)).collect();
    clean(&old, "what a row is about, where it may be of several kinds, is entity_type, entity_id and entity_name");
}

/// A chart of instants by day is a chart of UTC days in every tool.
#[test]
fn every_instant_has_its_day_beside_it() {
    let all = columns();
    let dates: BTreeSet<(&str, &str)> =
        all.iter().filter(|column| column.kind == "date").map(|column| (&*column.mart, &*column.name)).collect();
    let alone = all.iter().filter(|column| column.kind == "timestamp").filter(|column| {
        let stem = INSTANTS.iter().find_map(|end| column.name.strip_suffix(end)).unwrap_or(&column.name);
        !dates.contains(&(&*column.mart, &*format!("{stem}_on")))
    });
    let alone: Vec<String> = alone.map(|column| format!("{}.{}", column.mart, column.name)).collect();
    clean(&alone, "give the day in the company's zone beside it: cast(x_at at time zone $time_zone as date) as x_on");
}

//! The reference of the keys that a sender's file may hold, and the schema by which an editor checks and completes it.
//! Both are made from the keys' own declaration, so that they cannot fall behind it.

use serde_json::{Map, Value, json};

use super::keys::RawSender;

/// One key of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// What it says.
    pub text: String,
    /// A line of TOML that uses it.
    pub example: String,
}

/// A table that a sender's file may hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// How it is written.
    pub written: &'static str,
    /// What it is for.
    pub text: String,
    /// Its keys.
    pub keys: Vec<Key>,
}

/// Tables by their names in the schema; the first is the file itself.
const TABLES: [(&str, &str); 6] = [
    ("", "the file"),
    ("Feed", "[feeds.<feed>]"),
    ("Column", "[feeds.<feed>.columns]"),
    ("Edi", "[feeds.<feed>.edi]"),
    ("Condition", "a condition"),
    ("Expected", "expected"),
];

/// The JSON schema of a sender's file.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(RawSender).to_value();
    let text = json!({"type": "string"});
    let texts = json!({"anyOf": [text, {"type": "array", "items": text}]});
    let scalar = json!({"type": ["string", "number", "boolean"]});
    // what is declared as one form may be written in several
    for (table, key, forms) in [
        ("Column", "column", texts.clone()),
        ("Column", "constant", scalar.clone()),
        ("Column", "default", scalar),
        ("Condition", "equals", texts.clone()),
        ("Condition", "starts_with", texts.clone()),
        (
            "Feed",
            "skip_if",
            json!({"anyOf": [{"$ref": "#/$defs/Condition"}, {"type": "array", "items": {"$ref": "#/$defs/Condition"}}]}),
        ),
        (
            "Feed",
            "columns",
            json!({"additionalProperties": {"anyOf": [text, {"type": "array", "items": text}, {"$ref": "#/$defs/Column"}]}}),
        ),
    ] {
        let property = schema.pointer_mut(&format!("/$defs/{table}/properties/{key}")).and_then(Value::as_object_mut);
        if let (Some(property), Value::Object(forms)) = (property, forms) {
            property.retain(|known, _| matches!(known.as_str(), "description" | "examples" | "default"));
            property.extend(forms);
        }
    }
    schema
}

/// Every key by its table.
pub fn sections() -> Vec<Section> {
    let schema = schema();
    let of = |(table, written): (&str, &'static str)| {
        let declared = if table.is_empty() { Some(&schema) } else { schema.pointer(&format!("/$defs/{table}")) };
        let properties = declared.and_then(|declared| declared.get("properties")).and_then(Value::as_object);
        let keys = properties.into_iter().flatten().map(|(name, property)| Key {
            name: name.clone(),
            text: described(property),
            example: format!("{name} = {}", inline(property.pointer("/examples/0").unwrap_or(&Value::Null))),
        });
        Section { written, text: declared.map(described).unwrap_or_default(), keys: keys.collect() }
    };
    TABLES.into_iter().map(of).collect()
}

fn described(declared: &Value) -> String {
    let text = declared.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A value as TOML writes it on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(map) => table(map),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::String(text) if text.contains('\\') => format!("'{text}'"),
        other => other.to_string(),
    }
}

fn table(map: &Map<String, Value>) -> String {
    let bare = |key: &str| key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let key = |key: &str| if bare(key) { key.to_string() } else { format!("{key:?}") };
    let pairs: Vec<String> = map.iter().map(|(name, value)| format!("{} = {}", key(name), inline(value))).collect();
    if pairs.is_empty() { "{}".into() } else { format!("{{ {} }}", pairs.join(", ")) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Sender;
    use super::*;
    use crate::contract::Contracts;

    /// Every key is described, and its example is taken by the reader of the files.
    #[test]
    fn every_example_can_be_read() {
        let contracts = Contracts::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("east_china.skus.csv"), "theirs,ours\n1,A\n").unwrap();
        let read = |text: &str| Sender::parse_in(folder.path(), "d01", text, &contracts);
        let columns: Vec<&str> =
            contracts.get("sales").unwrap().columns.iter().map(|column| column.name.as_str()).collect();
        let (mut keys, mut taken) = (0, 0);
        for section in sections() {
            assert!(!section.text.is_empty(), "{} says what it is for", section.written);
            for Key { name, text, example } in section.keys {
                assert!(!text.is_empty() && !example.ends_with("null"), "{name} has a text and an example");
                keys += 1;
                let source = ["column", "columns", "constant", "row_number", "from_name", "from_total", "from_net"];
                let mapped = |column: &str| {
                    let strict = if name == "strict" { ", map = { A = \"B\" }" } else { "" };
                    let from = if source.contains(&name.as_str()) { "" } else { "column = \"x\", " };
                    format!("[feeds.sales]\n[feeds.sales.columns]\n{column} = {{ {from}{example}{strict} }}\n")
                };
                let texts: Vec<String> = match section.written {
                    "the file" if name == "feeds" => vec!["[feeds.sales]\n".into()],
                    "the file" => vec![format!("{example}\n[feeds.sales]\n")],
                    "[feeds.<feed>.edi]" => vec![format!("[feeds.sales.edi]\n{example}\n")],
                    "[feeds.<feed>]" => vec![format!("[feeds.sales]\n{example}\n")],
                    "[feeds.<feed>.columns]" => columns.iter().map(|column| mapped(column)).collect(),
                    "expected" => {
                        let by = if name == "by" { String::new() } else { "by = \"06:00\", ".into() };
                        let days = if name == "region" { "days = \"workdays\", " } else { "" };
                        vec![format!("[feeds.sales]\nexpected = {{ {by}{days}{example} }}\n")]
                    }
                    _ => {
                        let rest = match name.as_str() {
                            "column" => ", equals = \"x\"",
                            "carry_down" => ", column = \"x\", equals = \"x\"",
                            _ => ", column = \"x\"",
                        };
                        vec![format!("[feeds.sales]\nskip_if = {{ {example}{rest} }}\n")]
                    }
                };
                let errors: Vec<String> = texts.iter().filter_map(|text| Some(read(text).err()?.to_string())).collect();
                assert!(errors.len() < texts.len(), "{example}: {errors:?}");
                taken += 1;
            }
        }
        assert!(keys > 60 && taken == keys, "{keys} keys");
    }
}

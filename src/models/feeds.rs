//! Feeds as tables of SQL.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use serde::Deserialize;

use super::registry::{Feed, FeedKind};
use super::types::ColumnType;
use crate::error::{Error, Result};

#[derive(Deserialize)]
struct Contract {
    kind: String,
    columns: Vec<ContractColumn>,
}

#[derive(Deserialize)]
struct ContractColumn {
    name: String,
    #[serde(rename = "type")]
    kind: ColumnType,
}

/// Reads the schemas of `jobs/feeds/*.toml`.
pub fn read(folder: &Path) -> Result<BTreeMap<String, Feed>> {
    let mut feeds = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(feeds);
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".toml"))
        else {
            continue;
        };
        let text = std::fs::read_to_string(&path)?;
        let contract: Contract =
            toml::from_str(&text).map_err(|err| Error::config(err.to_string()).at(path.display()))?;
        let kind = if contract.kind == "event" { FeedKind::Event } else { FeedKind::Reference };
        let mut fields: Vec<Field> =
            contract.columns.iter().map(|column| Field::new(&column.name, column.kind.arrow(), true)).collect();
        if kind == FeedKind::Event {
            fields.push(Field::new("business_date", ColumnType::Date.arrow(), true));
        }
        for (name, kind) in [
            ("_sender", ColumnType::Text),
            ("_file", ColumnType::Text),
            ("_line", ColumnType::Bigint),
            ("_input", ColumnType::Text),
            ("_delivered_at", ColumnType::Timestamp),
            ("_period_start", ColumnType::Date),
            ("_period_end", ColumnType::Date),
        ] {
            fields.push(Field::new(name, kind.arrow(), true));
        }
        let feed = Feed { kind, schema: Arc::new(Schema::new(fields)), fingerprint: String::new() };
        feeds.insert(name.to_string(), feed);
    }
    Ok(feeds)
}

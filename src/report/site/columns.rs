//! Marts and their columns: what each means, some values, what it is made from and what reads it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::graph::{self, Drawing};
use super::tables::{Cell, Table, heads, written};
use super::{Site, links};
use crate::error::Result;
use crate::mail::rule::as_text;
use crate::mail::words::Words;
use crate::models::sidecar::Additive;
use crate::models::{Layer, Model};
use crate::report::docs::rule_words;
use crate::report::page::{page_of, phrases};

/// Distinct values shown of a column, and longest of them in characters.
const VALUES: usize = 3;
const VALUE_CHARS: usize = 40;

/// What a model is, in the page's language.
fn description<'a>(model: &'a Model, words: &Words) -> &'a str {
    words.pick(model.description_zh(), model.description_en())
}

/// The marts by subject, then the steps behind them and the alerts.
pub(super) fn marts(site: &Site<'_>, words: &Words) -> Result<String> {
    let registry = site.around.registry;
    let mut groups: BTreeMap<(usize, String), Vec<&Model>> = BTreeMap::new();
    for model in registry.models() {
        let (place, group) = match model.layer {
            Layer::Marts => (0, model.subject().to_string()),
            Layer::Alerts => (1, words.pick("预警", "Alerts").to_string()),
            Layer::Intermediate => (2, words.pick("中间步骤", "Steps between").to_string()),
            Layer::Staging => (3, words.pick("入库数据", "Staged feeds").to_string()),
        };
        groups.entry((place, group)).or_default().push(model);
    }
    let rows = |name: &str| {
        let made = site.around.state.partitions().filter(|partition| partition.model == name);
        made.filter_map(|partition| partition.file.as_ref()).map(|file| file.rows).sum::<u64>()
    };
    let table = |((_, group), models): ((usize, String), Vec<&Model>)| {
        let row = |model: &&Model| {
            vec![
                Cell::link(&model.name, links::model(&model.name)),
                Cell::text(description(model, words)),
                Cell::quiet(model.grain()),
                Cell::text(crate::report::thousands(rows(&model.name))),
            ]
        };
        Table {
            id: group.clone(),
            title: group,
            heads: heads(
                words,
                [("表", "Table"), ("内容", "What it holds"), ("一行是", "One row is one"), ("行数", "Rows")],
            ),
            rows: models.iter().map(row).collect(),
            ..Table::default()
        }
    };
    let tables = groups.into_iter().map(table).collect();
    let title = words.pick("数据集市", "Marts").to_string();
    written(site, words, ("marts.html", title, String::new()), tables)
}

/// Every column of every mart, to be searched.
pub(super) fn all(site: &Site<'_>, words: &Words) -> Result<String> {
    let marts = site.around.registry.models().filter(|model| model.layer == Layer::Marts);
    let row = |model: &Model, column: &crate::models::sidecar::Column| {
        vec![
            Cell::link(&column.name, format!("{}#{}", links::model(&model.name), column.name)),
            Cell::link(&model.name, links::model(&model.name)),
            Cell::quiet(column.kind.to_string()),
            Cell::text(&column.en),
            Cell::text(&column.zh),
        ]
    };
    let rows = marts.flat_map(|model| model.columns().iter().map(move |column| row(model, column))).collect();
    let table = Table {
        heads: heads(
            words,
            [("列", "Column"), ("表", "Mart"), ("类型", "Type"), ("英文含义", "English"), ("中文含义", "Chinese")],
        ),
        rows,
        ..Table::default()
    };
    written(site, words, ("columns.html", words.pick("列", "Columns").to_string(), String::new()), vec![table])
}

/// The page of one model.
#[derive(Debug, Serialize)]
struct ModelPage<'a> {
    lang: &'static str,
    title: String,
    beside: &'a [(String, String)],
    name: &'a str,
    description: &'a str,
    other: &'a str,
    grain: &'a str,
    key: String,
    path: &'a str,
    columns: Vec<Shown>,
    checks: Vec<String>,
    from: Vec<(String, String)>,
    to: Vec<(String, String)>,
    drawing: Drawing,
    sql: &'a str,
    t: BTreeMap<&'static str, &'static str>,
    w: BTreeMap<&'static str, &'static str>,
}

/// A column as its mart's page shows it.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    kind: String,
    unit: String,
    adds_up: String,
    text: String,
    values: Vec<String>,
    from: Vec<(String, String)>,
    to: Vec<(String, String)>,
}

pub(super) fn one(site: &Site<'_>, model: &Model, words: &Words) -> Result<String> {
    let registry = site.around.registry;
    let tables = |names: BTreeSet<String>| -> Vec<(String, String)> {
        names.into_iter().map(|name| (links::table(site, &name), name)).collect()
    };
    let reads = &model.reads;
    let from = reads.models.iter().cloned().chain(reads.feeds.iter().map(|feed| format!("feeds.{feed}")));
    let to = registry.models().filter(|other| other.reads.models.contains(&model.name)).map(|other| other.name.clone());
    let view = ModelPage {
        lang: words.pick("zh-CN", "en"),
        title: format!("{} · {}", model.name, site.around.config.company.name),
        beside: site.around.beside,
        name: &model.name,
        description: description(model, words),
        other: words.pick(model.description_en(), model.description_zh()),
        grain: model.grain(),
        key: model.sidecar.key.join(", "),
        path: &model.path,
        columns: columns(site, model, words),
        checks: model
            .sidecar
            .checks
            .iter()
            .map(|check| check.note.clone().unwrap_or_else(|| rule_words(&check.rule)))
            .collect(),
        from: tables(from.collect()),
        to: tables(to.collect()),
        drawing: graph::around(site, &model.name),
        sql: &model.sql,
        t: phrases(words),
        w: [
            ("from", "由此计算", "Made from"),
            ("to", "用于", "Read by"),
            ("values", "示例值", "Such as"),
            ("meaning", "含义", "Meaning"),
            ("column", "列", "Column"),
            ("key", "唯一标识", "Key"),
            ("checks", "发布前的检查", "What must hold"),
            ("adds", "可加总", "adds up"),
            ("graph", "血缘图", "Lineage"),
            ("whole", "全图", "the whole graph"),
        ]
        .into_iter()
        .map(|(key, zh, en)| (key, words.pick(zh, en)))
        .collect(),
    };
    page_of("model.html", include_str!("model.html"), &view)
}

/// The columns that the model declares; of a step, those that it gives.
fn columns(site: &Site<'_>, model: &Model, words: &Words) -> Vec<Shown> {
    let named = |(table, column): &(String, String)| {
        let page = links::table(site, table);
        (if page.is_empty() { page } else { format!("{page}#{column}") }, format!("{table}.{column}"))
    };
    let mut read_by: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    for (reader, origins) in site.origins {
        for (_, column) in origins.iter().filter(|(table, _)| *table == model.name) {
            read_by.entry(column).or_default().push(named(reader));
        }
    }
    let given = site.origins.keys().filter(|(table, _)| *table == model.name).map(|(_, column)| column.as_str());
    let declared: Vec<&str> = model.columns().iter().map(|column| column.name.as_str()).collect();
    let names: Vec<&str> = if declared.is_empty() { given.collect() } else { declared };
    let shown = |name: &str| {
        let column = model.columns().iter().find(|column| column.name == name);
        let origins = site.origins.get(&(model.name.clone(), name.to_string()));
        Shown {
            name: name.to_string(),
            kind: column.map(|column| column.kind.to_string()).unwrap_or_default(),
            unit: column.and_then(|column| column.unit.clone()).unwrap_or_default(),
            adds_up: match column.and_then(|column| column.additive.as_ref()) {
                Some(Additive::Rows(true)) => words.pick("可加总", "adds up").to_string(),
                Some(Additive::Rows(false)) => words.pick("不可加总", "does not add up").to_string(),
                Some(over) => words.pick(format!("可按 {over} 加总"), format!("adds up over {over}")),
                None => String::new(),
            },
            text: column.map(|column| words.pick(&column.zh, &column.en).clone()).unwrap_or_default(),
            values: values(site, &model.name, name),
            from: origins.into_iter().flatten().map(named).collect(),
            to: read_by.get(name).cloned().unwrap_or_default(),
        }
    };
    names.into_iter().map(shown).collect()
}

/// Some distinct values of a column.
fn values(site: &Site<'_>, model: &str, column: &str) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for row in site.samples.get(model).into_iter().flatten() {
        let text = row.get(column).map(as_text).unwrap_or_default();
        let short: String = text.chars().take(VALUE_CHARS).collect();
        let short = if short.len() < text.len() { format!("{short}…") } else { short };
        if !short.is_empty() && !values.contains(&short) {
            values.push(short);
        }
        if values.len() == VALUES {
            break;
        }
    }
    values
}

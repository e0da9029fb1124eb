//! One document about everything that people read or set: marts with their columns in both languages, alerts,
//! steps, feeds, functions, settings. It is written from the files themselves, so it cannot fall behind them.

mod edi;

use std::collections::BTreeMap;
use std::fmt::Write;

use toml::{Table, Value};

use crate::config::{Config, REFERENCE};
use crate::contract::Contracts;
use crate::error::Result;
use crate::mail::rule::AlertRule;
use crate::models::functions::Body;
use crate::models::functions::macros::Macro;
use crate::models::history::History;
use crate::models::model::{Layer, Model};
use crate::models::registry::Registry;
use crate::models::sidecar::{Additive, Column, Rule};
use crate::models::{functions, system};
use crate::sender::reference;

/// The document in Markdown. `own` is the text of the company's config.toml.
pub fn markdown(config: &Config, own: &str, contracts: &Contracts, registry: &Registry) -> Result<String> {
    let mut out = String::new();
    // Writing into a String cannot fail.
    write_all(&mut out, config, contracts, registry).ok();
    star(&mut out, registry).ok();
    alerts(&mut out, registry)?;
    steps(&mut out, registry).ok();
    feeds(&mut out, contracts).ok();
    mapping_keys(&mut out).ok();
    edi::page(&mut out).ok();
    system_tables(&mut out).ok();
    functions_of(&mut out).ok();
    settings(&mut out, own).ok();
    Ok(out)
}

/// The keys of `jobs/senders/*.toml`, from their own declaration.
fn mapping_keys(out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "\n## Keys of a sender's mapping\n\nWhat `jobs/senders/<sender>.toml` may say; every key may be left out."
    )?;
    for section in reference::sections() {
        writeln!(out, "\n### `{}`\n\n{}\n", section.written, section.text)?;
        writeln!(out, "| key | what it says | example |\n|---|---|---|")?;
        for key in section.keys {
            writeln!(
                out,
                "| `{}` | {} | `{}` |",
                key.name,
                key.text.replace('|', "\\|"),
                key.example.replace('|', "\\|")
            )?;
        }
    }
    Ok(())
}

fn write_all(out: &mut String, config: &Config, contracts: &Contracts, registry: &Registry) -> std::fmt::Result {
    writeln!(out, "# {}: what the data means\n", config.company.name)?;
    writeln!(
        out,
        "{} marts for readers, {} alerts, {} feeds from partners. Undefined figures are NULL and a `*_status` column \
         says why; money is decimal in {}; ratios are fractions.\n",
        registry.marts().count(),
        registry.alerts().count(),
        contracts.iter().count(),
        config.company.base_currency
    )?;
    writeln!(out, "## Marts\n")?;
    let mut subjects: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for model in registry.models().filter(|model| model.layer == Layer::Marts) {
        subjects.entry(model.subject()).or_default().push(&model.name);
    }
    for (subject, names) in subjects {
        let links: Vec<String> = names.iter().map(|name| format!("[{name}](#{name})")).collect();
        let subject = if subject.is_empty() { "others" } else { subject };
        writeln!(out, "* {subject}: {}", links.join(", "))?;
    }
    for model in registry.models().filter(|model| model.layer == Layer::Marts) {
        mart(out, model)?;
    }
    Ok(())
}

/// Which columns of the marts each dimension says more about.
fn star(out: &mut String, registry: &Registry) -> std::fmt::Result {
    let mut star: BTreeMap<String, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for model in registry.models().filter(|model| model.layer == Layer::Marts) {
        for (column, to) in model.columns().iter().filter_map(|column| Some((column, column.references.as_ref()?))) {
            star.entry(to.to_string()).or_default().entry(&model.name).or_default().push(&column.name);
        }
    }
    if star.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n## The star\n\nJoin each of these columns to the dimension at the head of its list, many to one: every value \
         that is there is found, which each night checks. A sidecar says it by `references`.\n\n每个下列字段都可与所在小节的维度\
         按多对一关联；每晚检查其值均可找到。"
    )?;
    for (to, marts) in star {
        let name = to.split('.').next().unwrap_or_default();
        writeln!(out, "\n### → [{to}](#{name})\n")?;
        for (mart, columns) in marts {
            writeln!(out, "* [{mart}](#{mart}): {}", columns.join(", "))?;
        }
    }
    Ok(())
}

fn mart(out: &mut String, model: &Model) -> std::fmt::Result {
    writeln!(out, "\n### {}\n\n{}\n\n{}\n", model.name, model.description_en(), model.description_zh())?;
    writeln!(out, "One row is one {}. Key: {}.\n", model.grain(), model.sidecar.key.join(", "))?;
    columns(out, model.columns())?;
    if !model.sidecar.checks.is_empty() {
        writeln!(out, "\nWhat must hold before it is published:\n")?;
    }
    for check in &model.sidecar.checks {
        let note = check.note.as_ref().map(|note| format!("{note}: ")).unwrap_or_default();
        match (&check.rule, &check.note) {
            (Rule::Query(_), Some(note)) => writeln!(out, "* {note}")?,
            (rule, _) => writeln!(out, "* {note}{}", rule_words(rule))?,
        }
    }
    Ok(())
}

/// What a check asks, where its note does not say it.
pub(super) fn rule_words(rule: &Rule) -> String {
    match rule {
        Rule::NotNull(columns) => format!("never empty: {}", columns.join(", ")),
        Rule::Unique(columns) => format!("unique: {}", columns.join(", ")),
        Rule::Accepted(column, values) => format!("{column} is one of {}", values.join(", ")),
        Rule::Relationship(column, to, target) => format!("{column} is found in {to}.{target}"),
        Rule::Expression(sql) => format!("`{}`", one_line(sql)),
        Rule::Query(sql) => format!("no row of `{}`", one_line(sql)),
    }
}

fn columns(out: &mut String, columns: &[Column]) -> std::fmt::Result {
    writeln!(out, "| Column | Type | Unit | Adds up | English | 中文 |\n|---|---|---|---|---|---|")?;
    for column in columns {
        let unit = column.unit.as_deref().unwrap_or_default();
        let to = column.references.as_ref();
        let to = to.map(|to| format!(" → [{to}](#{})", to.model)).unwrap_or_default();
        let adds_up = match &column.additive {
            Some(Additive::Rows(true)) => "yes".to_string(),
            Some(Additive::Rows(false)) => "no".to_string(),
            Some(over) => over.to_string(),
            None => String::new(),
        };
        writeln!(
            out,
            "| `{}` | {} | {} | {} | {}{to} | {} |",
            column.name,
            column.kind,
            cell(unit),
            cell(&adds_up),
            cell(&column.en),
            cell(&column.zh)
        )?;
    }
    Ok(())
}

fn alerts(out: &mut String, registry: &Registry) -> Result<()> {
    out.push_str(
        "\n## Alerts\n\n| Alert | Severity | Told apart by | Told to | English | 中文 |\n|---|---|---|---|---|---|\n",
    );
    for name in registry.alerts() {
        let model = registry.model(name)?;
        let rule = AlertRule::from_sidecar(name, &model.sidecar_path(), &model.sidecar.extra)?;
        let severity = rule.severity.clone().or_else(|| rule.severity_column.as_ref().map(|c| format!("column {c}")));
        let words = [
            format!("`{name}`"),
            severity.unwrap_or_default(),
            rule.labels.join(", "),
            rule.owners.join(", "),
            cell(model.description_en()),
            cell(model.description_zh()),
        ];
        out.push_str(&format!("| {} |\n", words.join(" | ")));
    }
    Ok(())
}

fn steps(out: &mut String, registry: &Registry) -> std::fmt::Result {
    for (layer, title) in [(Layer::Intermediate, "Steps between"), (Layer::Staging, "Staged feeds")] {
        writeln!(out, "\n## {title}\n\n| Subject | Model | English | 中文 |\n|---|---|---|---|")?;
        let mut models: Vec<&Model> = registry.models().filter(|model| model.layer == layer).collect();
        models.sort_by_key(|model| (model.subject(), model.name.as_str()));
        for model in models {
            let (en, zh) = (cell(model.description_en()), cell(model.description_zh()));
            writeln!(out, "| {} | `{}` | {en} | {zh} |", model.subject(), model.name)?;
        }
    }
    Ok(())
}

fn feeds(out: &mut String, contracts: &Contracts) -> std::fmt::Result {
    writeln!(out, "\n## Feeds\n\nWhat partners deliver, after the mapping in jobs/senders.")?;
    for contract in contracts.iter() {
        writeln!(out, "\n### Feed {}\n\n{}\n\n{}\n", contract.name, contract.en, contract.zh)?;
        writeln!(out, "Key: {}.\n", contract.key.join(", "))?;
        writeln!(out, "| Column | Type | Needed | Unit | English | 中文 |\n|---|---|---|---|---|---|")?;
        for column in &contract.columns {
            let optional = !column.required || column.default.is_some() || column.default_from.is_some();
            writeln!(
                out,
                "| `{}` | {} | {} | {} | {} | {} |",
                column.name,
                column.column_type,
                if optional { "no" } else { "yes" },
                cell(column.unit.as_deref().unwrap_or_default()),
                cell(&column.en),
                cell(&column.zh)
            )?;
        }
        if let Some(History { table, words, sql }) = History::of(contract) {
            writeln!(
                out,
                "\n`feeds.{table}`: {words} Over the deliveries, here and in DuckDB alike:\n\n```sql\n{sql}```"
            )?;
        }
    }
    Ok(())
}

fn system_tables(out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n## System tables\n\nWhat tributary knows of itself, for models.\n")?;
    for name in system::TABLES {
        let schema = system::schema(name);
        let fields = schema.iter().flat_map(|schema| schema.fields().iter().map(|field| field.name().as_str()));
        writeln!(out, "* `system.{name}`: {}", fields.collect::<Vec<_>>().join(", "))?;
    }
    Ok(())
}

fn functions_of(out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n## Functions\n\nBeside those of DataFusion:\n")?;
    for function in functions::all() {
        write!(out, "* `{}`: {}", function.usage, one_line(function.words))?;
        if let Body::Macro(Macro { name, values, sql, .. }) = function.body {
            write!(out, " In DuckDB: `create macro {name}({}) as {sql}`.", values.join(", "))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A setting as config.toml explains it.
struct Setting<'a> {
    section: &'a str,
    name: &'a str,
    value: &'a str,
    words: String,
}

/// A setting with what it is here, for people.
pub(super) struct Explained {
    pub(super) section: String,
    pub(super) name: String,
    pub(super) shipped: String,
    /// What the company has set; empty where that is what is shipped.
    pub(super) here: String,
    pub(super) words: String,
}

/// Every setting there is: the shipped ones, then those that the company has added.
pub(super) fn all_settings(own: &str) -> Vec<Explained> {
    let table: Table = toml::from_str(own).unwrap_or_default();
    let shipped = explained(REFERENCE);
    let added = explained(own);
    let new = |setting: &&Setting<'_>| {
        !shipped.iter().any(|known| (known.section, known.name) == (setting.section, setting.name))
    };
    let mut all: Vec<&Setting<'_>> = shipped.iter().collect();
    all.extend(added.iter().filter(new));
    let here = |setting: &Setting<'_>| {
        let value = table.get(setting.section).and_then(|section| section.get(setting.name));
        value.map_or_else(String::new, |value| match value {
            Value::Array(_) => "its own".to_string(),
            other => other.to_string(),
        })
    };
    let whole = |setting: &&Setting<'_>| Explained {
        section: setting.section.to_string(),
        name: setting.name.to_string(),
        shipped: setting.value.to_string(),
        here: here(setting),
        words: setting.words.clone(),
    };
    all.iter().map(whole).collect()
}

fn settings(out: &mut String, own: &str) -> std::fmt::Result {
    writeln!(
        out,
        "\n## Settings\n\nIn config.toml; those of `[settings]` are `$name` in SQL, `[tables]` are `settings.<name>`."
    )?;
    let mut section = String::new();
    for setting in all_settings(own) {
        if setting.section != section {
            section.clone_from(&setting.section);
            writeln!(out, "\n### [{section}]\n\n| Setting | Shipped | Here | Meaning |\n|---|---|---|---|")?;
        }
        let here = match setting.here.as_str() {
            "" | "its own" => setting.here.clone(),
            value => format!("`{value}`"),
        };
        writeln!(
            out,
            "| `{}` | `{}` | {} | {} |",
            setting.name,
            cell(&setting.shipped),
            cell(&here),
            cell(&setting.words)
        )?;
    }
    Ok(())
}

/// Every `name = value` of a config.toml with the comment above it; a comment holds for all names that follow it.
fn explained(text: &str) -> Vec<Setting<'_>> {
    let mut settings = Vec::new();
    let (mut section, mut words, mut fresh) = ("", String::new(), true);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            (section, words, fresh) = (name, String::new(), true);
        } else if let Some(comment) = line.strip_prefix("# ") {
            if fresh {
                words.clear();
                fresh = false;
            }
            if !comment.starts_with("---") {
                words.push_str(if words.is_empty() { "" } else { " " });
                words.push_str(comment.trim());
            }
        } else if let Some((name, value)) = line.split_once(" = ").filter(|_| !line.starts_with([' ', '#'])) {
            fresh = true;
            let value = if value == "[" { "a table" } else { value };
            settings.push(Setting { section, name, value, words: words.clone() });
        } else if line.is_empty() {
            words.clear();
            fresh = true;
        }
    }
    settings
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_carry_the_comment_above_them() {
        let text = "[stock]\n# --- a group ---\n# Days of\n# review.\nreview_days = 7\nsafety_days = 8\n# Cuts.\ncuts = [\n    { a = 1 },\n]\n";
        let all = explained(text);
        let told: Vec<String> =
            all.iter().map(|s| format!("{} {} {}: {}", s.section, s.name, s.value, s.words)).collect();
        assert_eq!(
            told,
            [
                "stock review_days 7: Days of review.",
                "stock safety_days 8: Days of review.",
                "stock cuts a table: Cuts."
            ]
        );
    }

    #[test]
    fn every_shipped_setting_is_explained() {
        let own: Vec<String> = explained(REFERENCE).iter().map(|s| format!("{}.{}", s.section, s.name)).collect();
        let table: Table = toml::from_str(REFERENCE).unwrap();
        let mut all = Vec::new();
        for (section, keys) in &table {
            all.extend(keys.as_table().into_iter().flatten().map(|(key, _)| format!("{section}.{key}")));
        }
        assert_eq!(own, all);
    }
}

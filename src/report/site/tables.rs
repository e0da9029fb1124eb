//! Pages that are one table each: runs, senders, feeds, settings.

use serde::Serialize;

use super::{Site, run_page};
use crate::error::Result;
use crate::mail::words::Words;
use crate::report::docs::all_settings;
use crate::report::page::{instant, page_of, phrases, status};
use crate::report::text::thousands;

/// A page with tables.
#[derive(Debug, Serialize)]
pub(super) struct Tables<'a> {
    lang: &'static str,
    title: String,
    here: &'static str,
    beside: &'a [(String, String)],
    intro: String,
    tables: Vec<Table>,
    t: std::collections::BTreeMap<&'static str, &'static str>,
}

/// A table under a heading.
#[derive(Debug, Default, Serialize)]
pub(super) struct Table {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) intro: String,
    pub(super) heads: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A cell: text, perhaps a link, in a tone.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Cell {
    text: String,
    link: String,
    tone: &'static str,
    code: bool,
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub(super) fn quiet(text: impl Into<String>) -> Self {
        Self { tone: "mu", ..Self::text(text) }
    }

    pub(super) fn code(text: impl Into<String>) -> Self {
        Self { code: true, ..Self::text(text) }
    }

    pub(super) fn link(text: impl Into<String>, link: impl Into<String>) -> Self {
        Self { link: link.into(), ..Self::text(text) }
    }

    fn in_tone(self, tone: &'static str) -> Self {
        Self { tone, ..self }
    }
}

/// A page of tables.
pub(super) fn written(
    site: &Site<'_>,
    words: &Words,
    (here, title, intro): (&'static str, String, String),
    tables: Vec<Table>,
) -> Result<String> {
    let view = Tables {
        lang: words.pick("zh-CN", "en"),
        title: format!("{title} · {}", site.around.config.company.name),
        here,
        beside: site.around.beside,
        intro,
        tables,
        t: phrases(words),
    };
    page_of("tables.html", include_str!("tables.html"), &view)
}

/// Heads of a table, in the page's language.
pub(super) fn heads<const N: usize>(words: &Words, pairs: [(&str, &str); N]) -> Vec<String> {
    pairs.into_iter().map(|(zh, en)| words.pick(zh, en).to_string()).collect()
}

/// Past runs, newest first.
pub(super) fn runs(site: &Site<'_>, words: &Words) -> Result<String> {
    let around = &site.around;
    let row = |(back, run): (usize, &crate::state::record::RunRecord)| {
        let (said, tone) = status(run.status, words);
        let date = run.logical_date.to_string();
        vec![
            if back < super::RUN_PAGES { Cell::link(date, run_page(run)) } else { Cell::text(date) },
            Cell::text(&run.job),
            Cell::text(said).in_tone(tone),
            Cell::quiet(instant(run.started_at, around.config)),
            Cell::text(format!("{} s", (run.ended_at - run.started_at).num_seconds())),
            Cell::text(thousands(run.files)),
            Cell::text(thousands(run.rows_read)),
            Cell::text(thousands(run.rows_rejected)),
            Cell::text(format!("{}/{}", run.checks_failed, thousands(run.checks))),
            Cell::text(thousands(run.alerts)),
        ]
    };
    let table = Table {
        heads: heads(
            words,
            [
                ("数据日期", "As of"),
                ("作业", "Job"),
                ("结果", "Result"),
                ("开始", "Started"),
                ("用时", "Took"),
                ("文件", "Files"),
                ("行数", "Rows"),
                ("拒收", "Refused"),
                ("检查未过", "Checks failed"),
                ("发现", "Findings"),
            ],
        ),
        rows: around.state.runs.iter().rev().take(400).enumerate().map(row).collect(),
        ..Table::default()
    };
    written(site, words, ("runs.html", words.pick("历次运行", "Runs").to_string(), String::new()), vec![table])
}

/// Who delivers what, how it is written, and by when.
pub(super) fn senders(site: &Site<'_>, words: &Words) -> Result<String> {
    let around = &site.around;
    let table = |sender: &crate::sender::Sender| {
        let row = |(feed, mapping): (&String, &crate::sender::SenderFeed)| {
            let [en, zh] = around.config.feed_names(feed);
            let due = mapping.expected.as_ref().map(|expected| expected.by.format("%H:%M").to_string());
            let inputs = || around.state.inputs().filter(|input| input.sender == sender.name && input.feed == *feed);
            let newest = inputs().map(|input| input.delivered_at).max();
            vec![
                Cell::link(words.pick(zh, en), format!("feeds.html#{feed}")),
                Cell::text(due.unwrap_or_else(|| words.pick("未约定", "not agreed").to_string())),
                Cell::text(inputs().count().to_string()),
                Cell::quiet(newest.map(|at| instant(at, around.config)).unwrap_or_default()),
            ]
        };
        Table {
            id: sender.name.clone(),
            title: sender.title.clone(),
            intro: format!("jobs/senders/{}.toml {}", sender.name, sender.contact.as_deref().unwrap_or_default()),
            heads: heads(
                words,
                [("数据类别", "Feed"), ("最晚送达", "Due by"), ("已收文件", "Files"), ("最近送达", "Newest")],
            ),
            rows: sender.feeds.iter().map(row).collect(),
        }
    };
    let tables = around.senders.iter().map(table).collect();
    written(site, words, ("senders.html", words.pick("发送方", "Senders").to_string(), String::new()), tables)
}

/// The columns of every feed.
pub(super) fn feeds(site: &Site<'_>, words: &Words) -> Result<String> {
    let readers = |feed: &str| {
        let reads = site.around.registry.models().filter(|model| model.reads.feeds.contains(feed));
        reads.map(|model| model.name.clone()).collect::<Vec<_>>()
    };
    let table = |contract: &crate::contract::Contract| {
        let row = |column: &crate::contract::Column| {
            let optional = !column.required || column.default.is_some() || column.default_from.is_some();
            vec![
                Cell::code(&column.name),
                Cell::text(column.column_type.to_string()),
                Cell::text(if optional { "" } else { words.pick("必填", "needed") }),
                Cell::quiet(column.unit.clone().unwrap_or_default()),
                Cell::text(words.pick(&column.zh, &column.en).clone()),
            ]
        };
        let [en, zh] = site.around.config.feed_names(&contract.name);
        let read_by = readers(&contract.name).join(", ");
        Table {
            id: contract.name.clone(),
            title: format!("{} · {}", words.pick(zh, en), contract.name),
            intro: format!(
                "{} {}",
                words.pick(&contract.zh, &contract.en),
                words.pick(format!("用于 {read_by}"), format!("Read by {read_by}."))
            ),
            heads: heads(words, [("列", "Column"), ("类型", "Type"), ("", ""), ("单位", "Unit"), ("含义", "Meaning")]),
            rows: contract.columns.iter().map(row).collect(),
        }
    };
    let tables = site.contracts.iter().map(table).collect();
    written(site, words, ("feeds.html", words.pick("数据类别", "Feeds").to_string(), String::new()), tables)
}

/// What may be set, what is shipped, and what is set here.
pub(super) fn settings(site: &Site<'_>, words: &Words) -> Result<String> {
    let mut tables: Vec<Table> = Vec::new();
    for setting in all_settings(site.own_settings) {
        if tables.last().is_none_or(|table| table.id != setting.section) {
            tables.push(Table {
                id: setting.section.clone(),
                title: format!("[{}]", setting.section),
                heads: heads(words, [("设置", "Setting"), ("默认", "Shipped"), ("此处", "Here"), ("含义", "Meaning")]),
                ..Table::default()
            });
        }
        let Some(table) = tables.last_mut() else { continue };
        table.rows.push(vec![
            Cell::code(setting.name),
            Cell::code(setting.shipped),
            Cell::code(setting.here),
            Cell::text(setting.words),
        ]);
    }
    written(
        site,
        words,
        ("settings.html", words.pick("设置", "Settings").to_string(), "config.toml".to_string()),
        tables,
    )
}

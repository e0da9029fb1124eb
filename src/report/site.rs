//! Everything as a folder of web pages that need no network: the last run and those before it, marts with their columns,
//! sample values, what each is made from and read by, the lineage as a graph to click through, settings, feeds, senders,
//! and what was delivered when. Written from the same files and commits as everything else, so it cannot fall behind them.

mod calendar;
mod columns;
mod graph;
mod links;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use super::page::{self, Surroundings};
use crate::contract::Contracts;
use crate::error::Result;
use crate::mail::words::Words;
use crate::models::Row;
use crate::models::lineage::TableColumn;
use crate::state::record::RunRecord;

/// What the site is written from besides what a run's page is.
pub struct Site<'a> {
    /// What the pages of runs show, too.
    pub around: Surroundings<'a>,
    /// Feed contracts.
    pub contracts: &'a Contracts,
    /// The text of the company's config.toml.
    pub own_settings: &'a str,
    /// Some rows of each published mart.
    pub samples: &'a BTreeMap<String, Vec<Row>>,
    /// What each column is made from, one step back.
    pub origins: &'a BTreeMap<TableColumn, BTreeSet<TableColumn>>,
}

/// A page: its file and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageFile {
    /// Name in the folder.
    pub name: String,
    /// HTML.
    pub html: String,
    /// It tells of a night as it was: one that lies there already stays as it is.
    pub keeps: bool,
}

/// Runs that have a page of their own.
pub const RUN_PAGES: usize = 30;

/// Addresses and titles of the pages that every page links to.
pub fn beside(locale: &str) -> Vec<(String, String)> {
    let words = Words::new(locale, "");
    [
        ("index.html", "最近运行", "Last run"),
        ("runs.html", "历次运行", "Runs"),
        ("marts.html", "数据集市", "Marts"),
        ("columns.html", "列", "Columns"),
        ("lineage.html", "血缘图", "Lineage"),
        ("deliveries.html", "交付日历", "Deliveries"),
        ("senders.html", "发送方", "Senders"),
        ("feeds.html", "数据类别", "Feeds"),
        ("settings.html", "设置", "Settings"),
    ]
    .into_iter()
    .map(|(link, zh, en)| (link.to_string(), words.pick(zh, en).to_string()))
    .collect()
}

/// The page of a run. Its name is what `mail.report_url` can lead to.
pub fn run_page(run: &RunRecord) -> String {
    format!("run-{}.html", run.run_id)
}

/// All pages.
pub fn pages(site: &Site<'_>) -> Result<Vec<PageFile>> {
    let (config, state) = (site.around.config, site.around.state);
    let words = Words::new(&config.company.locale, &config.company.base_currency);
    let mut all = Vec::new();
    let mut add = |name: &str, html: String, keeps: bool| all.push(PageFile { name: name.to_string(), html, keeps });
    for (back, run) in state.runs.iter().rev().take(RUN_PAGES).enumerate() {
        let html = page::html(&site.around, run)?;
        if back == 0 {
            add("index.html", html.clone(), false);
        }
        add(&run_page(run), html, back > 0);
    }
    add("runs.html", tables::runs(site, &words)?, false);
    add("marts.html", columns::marts(site, &words)?, false);
    add("columns.html", columns::all(site, &words)?, false);
    add("lineage.html", graph::page(site, &words)?, false);
    add("deliveries.html", calendar::page(site, &words)?, false);
    add("senders.html", tables::senders(site, &words)?, false);
    add("feeds.html", tables::feeds(site, &words)?, false);
    add("settings.html", tables::settings(site, &words)?, false);
    for model in site.around.registry.models() {
        add(&links::model(&model.name), columns::one(site, model, &words)?, false);
    }
    Ok(all)
}

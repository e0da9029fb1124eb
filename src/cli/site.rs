//! `site`: everything as a folder of web pages.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::args::Cli;
use super::describe::Seen;
use super::run::company;
use super::{Console, Exit};
use crate::error::{Error, Result};
use crate::models::{self, Row};
use crate::pipeline::{self, Company};
use crate::report::site::{self, PageFile, Site};
use crate::state::State;

/// Rows of a mart from which sample values are taken.
const SAMPLE_ROWS: usize = 60;

/// Writes the folder.
pub(super) async fn site(cli: &Cli, dir: &Path, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let state = pipeline::accounts(&company).await?;
    if state.runs.is_empty() {
        return Err(Error::config("there is no run to show").hint("run a job first: tributary run nightly"));
    }
    let runs: Vec<String> = state.runs.iter().rev().take(site::RUN_PAGES).map(|run| run.run_id.clone()).collect();
    let seen = Seen::of(&company, &state, &runs).await?;
    let beside = site::beside(&company.config.company.locale);
    let pages = site::pages(&Site {
        around: seen.surroundings(&company, &state, &beside),
        contracts: &company.contracts,
        own_settings: &std::fs::read_to_string(&cli.config)?,
        samples: &samples(&company, &state).await?,
        origins: &models::lineage::origins(&company.registry, &company.config).await?,
    })?;
    std::fs::create_dir_all(dir).map_err(|err| Error::from(err).at(dir.display()))?;
    let mut written = 0;
    for page in &pages {
        written += usize::from(write(dir, page)?);
    }
    if console.json() {
        console.document(&json!({"folder": dir, "pages": pages.len(), "written": written}))?;
    } else {
        console.line(format!("{written} pages written; open {}", dir.join("index.html").display()))?;
    }
    Ok(Exit::Ok)
}

/// Writes a page whole or not at all; whether it was written.
fn write(dir: &Path, page: &PageFile) -> Result<bool> {
    let path = dir.join(&page.name);
    if page.keeps && path.exists() {
        return Ok(false);
    }
    let aside = dir.join(format!(".{}.new", page.name));
    let placed = |err: std::io::Error| Error::from(err).at(path.display());
    std::fs::write(&aside, &page.html).map_err(placed)?;
    std::fs::rename(&aside, &path).map_err(placed)?;
    Ok(true)
}

/// Some rows of each published mart.
async fn samples(company: &Company, state: &State) -> Result<BTreeMap<String, Vec<Row>>> {
    let mut all = BTreeMap::new();
    for mart in company.registry.marts() {
        if state.partitions().any(|partition| partition.model == mart && partition.file.is_some()) {
            let sql = format!("select * from {mart} limit {SAMPLE_ROWS}");
            let batches = pipeline::questions(company, state, &sql).await?.ask(&sql).await?;
            all.insert(mart.to_string(), models::outcome::rows(&batches)?);
        }
    }
    Ok(all)
}

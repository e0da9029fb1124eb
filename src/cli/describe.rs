//! Commands that explain: where a column comes from, what a run did, what everything is.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::args::{Cli, ReportArgs};
use super::inspect::run_named;
use super::run::company;
use super::{Console, Exit};
use crate::error::{Error, Result};
use crate::models;
use crate::pipeline;
use crate::report::{docs, page};
use crate::sender::reference;

/// Shows where a model or a column comes from.
pub(super) async fn lineage(cli: &Cli, target: &str, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let origin = models::lineage(&company.registry, &company.config, target).await?;
    let sources = origin.sources();
    let models = origin.tables().into_iter().filter_map(|name| company.registry.get(name));
    let files: Vec<(&str, &str)> = models.map(|model| (model.name.as_str(), model.path.as_str())).collect();
    if console.json() {
        let files: BTreeMap<&str, &str> = files.into_iter().collect();
        console.document(&json!({"origin": origin, "sources": sources, "files": files}))?;
        return Ok(Exit::Ok);
    }
    for line in origin.tree() {
        console.line(line)?;
    }
    if sources.len() > 1 {
        let list: Vec<String> = sources.into_iter().collect();
        console.line(format!("\ncomes from {}", list.join(", ")))?;
    }
    console.line("\nis made in")?;
    for (_, path) in files {
        console.line(format!("  {path}"))?;
    }
    Ok(Exit::Ok)
}

/// Describes everything in one document.
pub(super) fn docs(cli: &Cli, out: Option<&Path>, schema: bool, console: &Console) -> Result<Exit> {
    if schema {
        return write(out, &serde_json::to_string_pretty(&reference::schema())?, console);
    }
    let company = company(cli)?;
    let own = std::fs::read_to_string(&cli.config)?;
    let text = docs::markdown(&company.config, &own, &company.contracts, &company.registry)?;
    write(out, &text, console)
}

/// Writes the page of one run.
pub(super) async fn report(cli: &Cli, args: &ReportArgs, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let state = pipeline::accounts(&company).await?;
    let run = run_named(&state, &args.run)?;
    let text = page::html(&company.config, &company.registry, &state, run)?;
    write(args.out.as_deref(), &text, console)
}

fn write(out: Option<&Path>, text: &str, console: &Console) -> Result<Exit> {
    match out {
        None => console.raw(text.as_bytes())?,
        Some(path) => {
            std::fs::write(path, text).map_err(|err| Error::from(err).at(path.display()))?;
            if console.json() {
                console.document(&json!({"file": path, "bytes": text.len()}))?;
            } else {
                console.line(format!("written to {}", path.display()))?;
            }
        }
    }
    Ok(Exit::Ok)
}

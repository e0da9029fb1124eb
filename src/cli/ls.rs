//! `ls` and `freshness`: what there is, how large and how new.

use serde_json::json;

use super::args::Cli;
use super::run::company;
use super::{Console, Exit};
use crate::error::Result;
use crate::models::Model;
use crate::pipeline::{self, Company, Fresh};
use crate::report::grid::Grid;
use crate::report::thousands;
use crate::state::State;

/// Models of all layers, with their rows and when they were built; of those that are computed where they are read, neither.
pub(super) async fn ls(cli: &Cli, select: &[String], console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let state = pipeline::state(&company).await?;
    let registry = &company.registry;
    let names = if select.is_empty() { registry.order().to_vec() } else { registry.pick(select)? };
    let mut models: Vec<&Model> = names.iter().filter_map(|name| registry.get(name)).collect();
    models.sort_by_key(|model| (model.layer, model.subject(), model.name.as_str()));
    let lines: Vec<Line> = models.into_iter().map(|model| Line::of(model, &state)).collect();
    if console.json() {
        let line = |line: &Line| {
            json!({"model": line.model.name, "layer": line.model.layer.folder(), "subject": line.model.subject(), "kept": line.kept(),
                "rows": line.rows, "built_at": line.built_at})
        };
        console.document(&lines.iter().map(line).collect::<Vec<_>>())?;
        return Ok(Exit::Ok);
    }
    let zone = company.config.company.time_zone;
    let row = |line: Line| {
        let built = line.built_at.map(|at| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string());
        vec![
            Some(line.model.name.clone()),
            Some(line.model.layer.folder().to_string()),
            Some(line.model.subject().to_string()),
            Some(line.kept().to_string()),
            line.rows.map(thousands),
            built,
        ]
    };
    let grid = Grid {
        names: ["model", "layer", "subject", "kept", "rows", "built"].map(str::to_string).to_vec(),
        figures: vec![false, false, false, false, true, false],
        rows: lines.into_iter().map(row).collect(),
    };
    console.raw(grid.list(console.width()).as_bytes())?;
    Ok(Exit::Ok)
}

struct Line<'a> {
    model: &'a Model,
    rows: Option<u64>,
    built_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl<'a> Line<'a> {
    fn of(model: &'a Model, state: &State) -> Self {
        let made: Vec<_> = state.partitions_of(&model.name).collect();
        let files = || made.iter().filter_map(|made| made.file.as_ref());
        // The run that wrote a file is part of its name.
        let run = |key: &str| {
            let (_, run_id) = key.rsplit('/').next()?.strip_suffix(".parquet")?.split_once('-')?;
            state.run(run_id).map(|run| run.ended_at)
        };
        let built_at = files().filter_map(|file| run(&file.key)).max();
        let rows = (!made.is_empty()).then(|| files().map(|file| file.rows).sum());
        Self { model, rows, built_at }
    }

    fn kept(&self) -> &'static str {
        match (self.model.is_view(), self.model.is_partitioned()) {
            (true, _) => "view",
            (_, true) => "by month",
            _ => "table",
        }
    }
}

/// How fresh what each sender delivers is; exit 1 where a file that is due is not there.
pub(super) async fn freshness(cli: &Cli, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let state = pipeline::state(&company).await?;
    let all = pipeline::freshness(&company, &state).await?;
    let missing = all.iter().any(|fresh| fresh.standing == "missing");
    if console.json() {
        console.document(&all)?;
    } else {
        console.raw(table(&company, &all).list(console.width()).as_bytes())?;
    }
    Ok(if missing { Exit::Warnings } else { Exit::Ok })
}

/// Those that miss something first.
fn table(company: &Company, all: &[Fresh]) -> Grid {
    let zone = company.config.company.time_zone;
    let mut sorted: Vec<&Fresh> = all.iter().collect();
    sorted.sort_by_key(|fresh| (fresh.standing != "missing", fresh.standing != "never", &fresh.sender, &fresh.feed));
    let row = |fresh: &Fresh| {
        let days: Vec<String> = fresh.missing.iter().map(ToString::to_string).collect();
        vec![
            Some(fresh.standing.to_string()),
            Some(fresh.sender.clone()),
            Some(fresh.feed.clone()),
            fresh.newest.map(|date| date.to_string()),
            fresh.delivered_at.map(|at| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string()),
            Some(fresh.refused.to_string()),
            Some(days.join(", ")),
        ]
    };
    Grid {
        names: ["standing", "sender", "feed", "newest day", "delivered", "refused", "days missing"]
            .map(str::to_string)
            .to_vec(),
        figures: vec![false, false, false, false, false, true, false],
        rows: sorted.into_iter().map(row).collect(),
    }
}

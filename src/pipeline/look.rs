//! A published night looked at again: its marts, and every step behind them, without running anything.

use std::collections::BTreeSet;

use super::flow::Night;
use super::{Company, Request, Told, calendar, transform};
use crate::error::{Error, Result};
use crate::models::ask::{Questions, tables_of};
use crate::state::State;

/// What answers `sql`: the published marts alone where it names nothing else, or every step of the night behind them.
pub async fn questions(company: &Company, state: &State, sql: &str) -> Result<Questions> {
    let registry = &company.registry;
    let named = tables_of(&company.config, sql)?;
    let step = named.iter().any(|name| registry.get(name).is_some_and(|_| !registry.is_mart(name)));
    if !step {
        return Questions::published(registry, &company.config, &company.stores, state.partitions().map(AsRef::as_ref));
    }
    let request = last_request(company, state)?;
    let night = last_night(company, &request, state).await?;
    let (selected, inputs) = (models(&night, &named)?, night.job_inputs());
    Questions::steps(transform::build_plan(&night, &selected, &inputs)?).await
}

/// What was asked of the run that readers see.
pub(super) fn last_request(company: &Company, state: &State) -> Result<Request> {
    let run = state.published_run();
    let run =
        run.ok_or_else(|| Error::config("nothing is published yet").hint("run a job first: tributary run nightly"))?;
    Ok(Request {
        job: company.job(&run.job)?,
        date: run.logical_date,
        full_refresh: false,
        select: Vec::new(),
        quiet: false,
        told: Told::default(),
        refused: None,
    })
}

/// The run that readers see, as it knew things when it began.
pub(super) async fn last_night<'a>(company: &'a Company, request: &'a Request, state: &State) -> Result<Night<'a>> {
    let mut night = Night::new(company, request, state.clone());
    if let Some(run) = state.published_run() {
        night.started_at = run.started_at;
        night.run_id.clone_from(&run.run_id);
    }
    night.workdays = calendar::load(&night).await?;
    Ok(night)
}

/// What the night built, and what else is asked for by name.
fn models(night: &Night<'_>, named: &BTreeSet<String>) -> Result<Vec<String>> {
    let mut selected = transform::selected(night)?;
    let registry = &night.company.registry;
    // The same list as the night's, so that what the lake knows of its schemas fits.
    let built = registry.select(&selected)?;
    selected.extend(named.iter().filter(|name| registry.get(name).is_some() && !built.contains(name)).cloned());
    Ok(selected)
}

//! Builds what is asked for, in order, and reuses every partition that would come out the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;

use super::bind::Parameters;
use super::checks::{self, CheckFailure, Fresh};
use super::feeds::Known;
use super::files;
use super::job::{Job, Made};
use super::memo::Memo;
use super::month::Month;
use super::outcome::BuildOutcome;
use super::reading::{self, ALL, World};
use super::registry::{Model, Registry};
use super::schemas;
use super::session::{self, Limits};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::state::record::{Input, InputStatus, Partition};
use crate::store::Stores;

/// Most partitions built at the same time: more would only share the same memory and cores.
const AT_ONCE_MAX: usize = 4;

/// What a build is made from.
pub struct BuildPlan<'a> {
    /// The models.
    pub registry: &'a Registry,
    /// Settings.
    pub config: &'a Config,
    /// Lake and marts.
    pub stores: &'a Stores,
    /// No business date after it is read.
    pub as_of_date: NaiveDate,
    /// The run, as it stands in keys and metadata.
    pub run_id: &'a str,
    /// Names or globs of the models asked for; what they and their checks read is built too.
    pub models: &'a [String],
    /// Inputs as the ledger has them; only active ones are read, of the others only their refused rows.
    pub inputs: &'a [Input],
    /// Rows of system tables by name; one left out is empty, but `rejects` is read from the files of `inputs`.
    pub system: BTreeMap<String, RecordBatch>,
    /// Partitions that may be reused, by model and partition.
    pub previous: BTreeMap<(String, String), Partition>,
    /// Reuse nothing.
    pub full_refresh: bool,
}

/// One partition, as a plan sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanStep {
    /// The model.
    pub model: String,
    /// `all` or a month.
    pub partition: String,
    /// Whether it would be built rather than reused.
    pub build: bool,
    /// Why.
    pub reason: String,
}

/// Builds; `step` is told each partition when it is done. A failed check is in the outcome, not an `Err`.
pub async fn build(plan: BuildPlan<'_>, step: &(dyn Fn(&str) + Sync)) -> Result<BuildOutcome> {
    let started = Instant::now();
    let base = session::open(Limits::of(plan.config))?;
    let (names, mut world) = prepare(&plan, &base, true).await?;
    tracing::debug!(milliseconds = started.elapsed().as_millis(), models = names.len(), "all schemas are known");
    files::register_stores(&base, plan.stores)?;
    let at_once = plan.config.threads().clamp(2, AT_ONCE_MAX);
    let mut fresh: BTreeMap<String, Fresh> = BTreeMap::new();
    let (mut built, mut reused, mut kept) = (0, 0, 0);
    for wave in waves(plan.registry, &names)? {
        let mut jobs = Vec::new();
        let mut done: BTreeMap<String, BTreeMap<String, Partition>> = BTreeMap::new();
        for model in wave {
            kept += 1;
            fresh.entry(model.name.clone()).or_default();
            let partitions = done.entry(model.name.clone()).or_default();
            for month in months(&world, model)? {
                let partition = month.map_or_else(|| ALL.to_string(), |month| month.to_string());
                let reading = world.reading(model, month)?;
                let fingerprint = world.fingerprint(model, &reading)?;
                let before = plan.previous.get(&(model.name.clone(), partition.clone()));
                match before.filter(|before| !plan.full_refresh && before.fingerprint == fingerprint) {
                    Some(before) => {
                        reused += 1;
                        partitions.insert(partition, before.clone());
                    }
                    None => jobs.push(Job { model, month, partition, fingerprint, reading }),
                }
            }
        }
        let made: Vec<Made> = {
            let (world, base, plan) = (&world, &base, &plan);
            // Futures first, stream after: a closure inside the stream would have to hold for any lifetime.
            let futures: Vec<_> = jobs
                .into_iter()
                .map(|job| async move {
                    let made = Box::pin(job.run(world, base, plan)).await?;
                    step(&format!("{} {}", made.partition.model, made.partition.partition));
                    Ok::<_, Error>(made)
                })
                .collect();
            futures::stream::iter(futures).buffered(at_once).try_collect().await?
        };
        built += made.len() as u64;
        for Made { partition, held } in made {
            fresh.entry(partition.model.clone()).or_default().add(&partition.partition, held);
            done.entry(partition.model.clone()).or_default().insert(partition.partition.clone(), partition);
        }
        world.built.extend(done);
    }
    tracing::debug!(milliseconds = started.elapsed().as_millis(), "all models are built");
    let failures: Vec<CheckFailure> = checks::run(&world, &base, &names, &fresh).await?;
    let statements = session::planned(&base);
    tracing::debug!(milliseconds = started.elapsed().as_millis(), statements, "all checks are asked");
    let context = session::fork(&base)?;
    world.provide(&context, &world.everything(&names)?).await?;
    let absent_feeds = absent(&world, &names)?;
    let partitions =
        names.iter().filter_map(|name| world.built.get(name)).flat_map(BTreeMap::values).cloned().collect();
    let schemas = world.schemas;
    Ok(BuildOutcome { partitions, failures, absent_feeds, models: kept, built, reused, statements, context, schemas })
}

/// What a build would do, and why. Nothing is read but the ledger, nothing is written.
pub async fn plan(plan: BuildPlan<'_>) -> Result<Vec<PlanStep>> {
    let base = session::open(Limits::of(plan.config))?;
    let (names, mut world) = prepare(&plan, &base, false).await?;
    let mut steps = Vec::new();
    let mut stale: BTreeSet<(String, String)> = BTreeSet::new();
    for name in &names {
        let model = plan.registry.model(name)?;
        if model.is_view() {
            continue;
        }
        let mut partitions = BTreeMap::new();
        for month in months(&world, model)? {
            let partition = month.map_or_else(|| ALL.to_string(), |month| month.to_string());
            let reading = world.reading(model, month)?;
            let place = (name.clone(), partition.clone());
            let before = plan.previous.get(&place);
            let cause = reading.reads_any(&stale);
            let reason = match (before, cause) {
                _ if plan.full_refresh => Some("a full refresh is asked for".to_string()),
                (None, _) => Some("it was never built".to_string()),
                (_, Some((read, part))) => Some(format!("it reads {read} {part}, which is built again")),
                (Some(before), None) if before.fingerprint != world.fingerprint(model, &reading)? => {
                    Some("its SQL, its settings or what it reads has changed".to_string())
                }
                _ => None,
            };
            let known = before.cloned().unwrap_or_else(|| Partition {
                model: name.clone(),
                partition: partition.clone(),
                fingerprint: String::new(),
                file: None,
            });
            partitions.insert(partition.clone(), known);
            let build = reason.is_some();
            if build {
                stale.insert(place);
            }
            let reason = reason.unwrap_or_else(|| "unchanged".to_string());
            steps.push(PlanStep { model: name.clone(), partition, build, reason });
        }
        world.built.insert(name.clone(), partitions);
    }
    Ok(steps)
}

/// What is known before anything is built; with `keep`, the schemas that had to be planned are kept.
async fn prepare<'a>(plan: &'a BuildPlan<'_>, base: &SessionContext, keep: bool) -> Result<(Vec<String>, World<'a>)> {
    let names = plan.registry.select(plan.models)?;
    let parameters = Parameters::of(plan.config, plan.as_of_date, plan.run_id)?;
    let schemas = schemas::of(plan.registry, &parameters, &names, &plan.stores.lake, keep, base).await?;
    let mut inputs: BTreeMap<&str, Vec<Known<'_>>> = BTreeMap::new();
    for input in plan.inputs.iter().filter(|input| input.status == InputStatus::Active) {
        inputs.entry(&input.feed).or_default().push(Known::of(input));
    }
    for known in inputs.values_mut() {
        known.sort_by_key(|a| a.input.id());
    }
    let mut rejects: Vec<_> = plan.inputs.iter().filter_map(|input| input.rejects.as_ref()).collect();
    rejects.sort_by(|a, b| a.key.cmp(&b.key));
    let world = World {
        registry: plan.registry,
        stores: plan.stores,
        parameters,
        as_of: plan.as_of_date,
        grace_days: plan.config.intake.retry_unknown_days,
        inputs,
        rejects,
        system: &plan.system,
        schemas,
        built: BTreeMap::new(),
        spool_bytes: plan.config.engine.memory_bytes / 16,
        memo: Memo::new(plan.config.engine.memory_bytes / 8),
        hashes: reading::hashes(&plan.system, plan.registry.tables())?,
    };
    Ok((names, world))
}

/// The kept models in steps: those of one step read none of each other.
fn waves<'a>(registry: &'a Registry, names: &[String]) -> Result<Vec<Vec<&'a Model>>> {
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    let mut waves: Vec<Vec<&Model>> = Vec::new();
    for name in names {
        let model = registry.model(name)?;
        let below = model.reads.models.iter().filter_map(|read| depths.get(read.as_str()));
        let depth = below.max().map_or(0, |depth| depth + 1);
        depths.insert(&model.name, depth);
        if !model.is_view() {
            waves.resize_with(waves.len().max(depth + 1), Vec::new);
            waves[depth].push(model);
        }
    }
    Ok(waves)
}

/// The partitions that a model has: every month from its first date to the as-of date, or the whole.
fn months(world: &World<'_>, model: &Model) -> Result<Vec<Option<Month>>> {
    if !model.is_partitioned() {
        return Ok(vec![None]);
    }
    let first = world.first_date(&world.reading(model, None)?);
    Ok(first.map_or_else(Vec::new, |first| Month::span(first, world.as_of)).into_iter().map(Some).collect())
}

/// Feeds that are read but never arrived.
fn absent(world: &World<'_>, names: &[String]) -> Result<Vec<String>> {
    let mut feeds: BTreeSet<&str> = BTreeSet::new();
    for name in names {
        feeds.extend(world.registry.model(name)?.reads.feeds.iter().map(String::as_str));
    }
    let missing = feeds.into_iter().filter(|feed| !world.inputs.contains_key(feed));
    Ok(missing.map(str::to_string).collect())
}

#[cfg(test)]
mod lab;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod histories;

//! Builds what is asked for, in order, and reuses every partition that would come out the same.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;
use datafusion::common::Column;
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{Expr, SortExpr, lit};
use datafusion::prelude::SessionContext;
use futures::{FutureExt, StreamExt, TryStreamExt};
use serde::Serialize;

use super::bind::Parameters;
use super::cast::Conform;
use super::checks::{self, CheckFailure};
use super::feeds::Known;
use super::files;
use super::month::Month;
use super::outcome::BuildOutcome;
use super::query;
use super::reading::{ALL, Reading, World};
use super::registry::{Layer, Model, Registry};
use super::session::{self, Limits};
use super::sidecar::Rule;
use super::typecheck;
use super::writer::{self, Bounds, Shape};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::state::record::{Home, Input, InputStatus, Partition};
use crate::store::{Stores, keys};

/// Partitions of one model that are built at the same time.
const AT_ONCE: usize = 2;

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
    let (names, mut world) = prepare(&plan).await?;
    let base = session::open(Limits::of(plan.config))?;
    files::register_stores(&base, plan.stores)?;
    let mut fresh: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut built, mut reused, mut kept) = (0, 0, 0);
    for name in &names {
        let model = plan.registry.model(name)?;
        if model.is_view() {
            continue;
        }
        kept += 1;
        let mut partitions = BTreeMap::new();
        let mut jobs = Vec::new();
        for month in months(&world, model)? {
            let partition = month.map_or_else(|| ALL.to_string(), |month| month.to_string());
            let reading = world.reading(model, month)?;
            let fingerprint = world.fingerprint(model, &reading)?;
            let before = plan.previous.get(&(name.clone(), partition.clone()));
            match before.filter(|before| !plan.full_refresh && before.fingerprint == fingerprint) {
                Some(before) => {
                    reused += 1;
                    partitions.insert(partition, before.clone());
                }
                None => jobs.push((month, partition, fingerprint, reading)),
            }
        }
        let made: Vec<Partition> = {
            let (world, base, plan) = (&world, &base, &plan);
            // Futures first, stream after: a closure inside the stream would have to hold for any lifetime.
            let futures: Vec<_> = jobs
                .into_iter()
                .map(|(month, partition, fingerprint, reading)| async move {
                    let job = Job { world, base, plan, model, month, partition, fingerprint, reading };
                    let started = Instant::now();
                    let made = caught(model, job.run()).await?;
                    tracing::debug!(
                        model = model.name,
                        partition = made.partition,
                        rows = made.file.as_ref().map_or(0, |file| file.rows),
                        milliseconds = started.elapsed().as_millis(),
                        "built"
                    );
                    step(&format!("{} {}", model.name, made.partition));
                    Ok::<_, Error>(made)
                })
                .collect();
            futures::stream::iter(futures).buffered(AT_ONCE).try_collect().await?
        };
        built += made.len() as u64;
        fresh.insert(name.clone(), made.iter().map(|partition| partition.partition.clone()).collect());
        partitions.extend(made.into_iter().map(|partition| (partition.partition.clone(), partition)));
        world.built.insert(name.clone(), partitions);
    }
    let failures: Vec<CheckFailure> = checks::run(&world, &base, &names, &fresh).await?;
    let context = session::fork(&base)?;
    world.provide(&context, &world.everything(&names)?).await?;
    let notes = absent(&world, &names)?;
    let partitions =
        names.iter().filter_map(|name| world.built.get(name)).flat_map(BTreeMap::values).cloned().collect();
    let schemas = world.schemas;
    Ok(BuildOutcome { partitions, failures, notes, models: kept, built, reused, context, schemas })
}

/// What a build would do, and why. Nothing is read but the ledger, nothing is written.
pub async fn plan(plan: BuildPlan<'_>) -> Result<Vec<PlanStep>> {
    let (names, mut world) = prepare(&plan).await?;
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

async fn prepare<'a>(plan: &'a BuildPlan<'_>) -> Result<(Vec<String>, World<'a>)> {
    let names = plan.registry.select(plan.models)?;
    let parameters = Parameters::of(plan.config, plan.as_of_date, plan.run_id)?;
    let (schemas, mut problems, _) = typecheck::plan_all(plan.registry, &parameters, Some(&names)).await?;
    if !problems.is_empty() {
        return Err(problems.swap_remove(0));
    }
    let mut inputs: BTreeMap<&str, Vec<Known<'_>>> = BTreeMap::new();
    for input in plan.inputs.iter().filter(|input| input.status == InputStatus::Active) {
        inputs.entry(&input.feed).or_default().push(Known::of(input));
    }
    for known in inputs.values_mut() {
        known.sort_by(|a, b| a.input.id().cmp(&b.input.id()));
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
    };
    Ok((names, world))
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
    Ok(missing.map(|feed| format!("feed {feed} never arrived and is read as empty")).collect())
}

/// One partition to be made.
struct Job<'a> {
    world: &'a World<'a>,
    base: &'a SessionContext,
    plan: &'a BuildPlan<'a>,
    model: &'a Model,
    month: Option<Month>,
    partition: String,
    fingerprint: String,
    reading: Reading<'a>,
}

impl Job<'_> {
    async fn run(self) -> Result<Partition> {
        let (model, plan) = (self.model, self.plan);
        let context = session::fork(self.base)?;
        self.world.provide(&context, &self.reading).await?;
        let frame = query::plan(&context, &model.statement, &self.world.parameters, &model.path, &model.sql).await?;
        let located = |err: datafusion::error::DataFusionError| query::located(&err, &model.path, &model.sql);
        let conform =
            Conform::new(frame.schema().as_arrow(), &model.sidecar.columns).map_err(|err| err.at(&model.path))?;
        let by = model.sidecar.partition.as_ref().map(|partition| partition.by.as_str());
        let frame = match (by, self.month) {
            (Some(by), Some(month)) => inside(frame, by, month).map_err(located)?,
            _ => frame,
        };
        let frame = frame.sort(order(model, &conform)).map_err(located)?;
        let stream = frame.execute_stream().await.map_err(located)?;

        let mut shape = Shape::of(model, conform, plan.config, plan.run_id, plan.as_of_date);
        let short = self.fingerprint.get(..16).unwrap_or(&self.fingerprint);
        let (home, key) = if model.layer == Layer::Marts {
            shape.keep_empty = self.month.is_none();
            (Home::Marts, keys::mart(&model.name, &self.partition, short, plan.run_id))
        } else {
            (Home::Lake, keys::model(&model.name, &self.partition, short, plan.run_id))
        };
        let bounds = by.map(|by| Bounds { by });
        let store = plan.stores.of(home);
        let file = writer::write(store, home, &key, &shape, bounds.as_ref(), stream, model).await?;
        Ok(Partition { model: model.name.clone(), partition: self.partition, fingerprint: self.fingerprint, file })
    }
}

/// The engine panics on some arithmetic that it should refuse: one model must not take the whole run with it.
async fn caught<T>(model: &Model, work: impl Future<Output = Result<T>>) -> Result<T> {
    let work = Box::pin(AssertUnwindSafe(work).catch_unwind());
    work.await.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Error::bug(format!("the engine gave up on this model: {text}"))
            .at(&model.path)
            .hint("look for numbers too large for their type; simplify the query until it runs"))
    })
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// The rows of one month; rows without a date stay, so that the writer can refuse them by name.
fn inside(frame: DataFrame, by: &str, month: Month) -> Result<DataFrame, datafusion::error::DataFusionError> {
    let day = |date: NaiveDate| {
        lit(datafusion::common::ScalarValue::Date32(Some(arrow::datatypes::Date32Type::from_naive_date(date))))
    };
    let within = column(by).gt_eq(day(month.first())).and(column(by).lt_eq(day(month.last())));
    frame.filter(within.or(column(by).is_null()))
}

/// By key; by every other column too where the key is not known to be unique, so that equal rows are equal bytes.
fn order(model: &Model, conform: &Conform) -> Vec<SortExpr> {
    let key = &model.sidecar.key;
    let mut names: Vec<&str> = key.iter().map(String::as_str).collect();
    let unique =
        model.sidecar.checks.iter().any(|check| matches!(&check.rule, Rule::Unique(columns) if columns == key));
    if !unique || key.is_empty() {
        let others = conform.schema().fields().iter().map(|field| field.name().as_str());
        names.extend(others.filter(|name| !key.iter().any(|known| known == name)));
    }
    names.into_iter().map(|name| column(name).sort(true, false)).collect()
}

#[cfg(test)]
mod tests;

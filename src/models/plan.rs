//! What a build is asked for, and what it would do and why.

use std::collections::{BTreeMap, BTreeSet};

use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;
use datafusion::prelude::SessionContext;
use serde::Serialize;

use super::bind::Parameters;
use super::feeds::Known;
use super::model::Model;
use super::month::Month;
use super::reading::{self, ALL, Memo, World};
use super::registry::Registry;
use super::schemas;
use super::session::{self, Limits};
use crate::config::Config;
use crate::error::Result;
use crate::state::record::{Input, InputStatus, Partition};
use crate::store::Stores;

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
    /// What this very run has written before, by model, partition and fingerprint: taken as it is, and checked anew.
    pub made: &'a Written,
    /// Reuse nothing else.
    pub full_refresh: bool,
}

/// Partitions by model, partition and fingerprint.
pub type Written = BTreeMap<(String, String, String), Partition>;

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
                checks: String::new(),
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

/// The models that are asked for, in order, and the world that they read. With `keep`, schemas that had to be planned
/// are kept.
pub(super) async fn prepare<'a>(
    plan: &'a BuildPlan<'_>,
    base: &SessionContext,
    keep: bool,
) -> Result<(Vec<String>, World<'a>)> {
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

/// The partitions that a model has: every month from its first date to the as-of date, or the whole.
pub(super) fn months(world: &World<'_>, model: &Model) -> Result<Vec<Option<Month>>> {
    if !model.is_partitioned() {
        return Ok(vec![None]);
    }
    let first = world.first_date(&world.reading(model, None)?);
    Ok(first.map_or_else(Vec::new, |first| Month::span(first, world.as_of)).into_iter().map(Some).collect())
}

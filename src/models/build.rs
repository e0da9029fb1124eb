//! Builds what is asked for, in order, and reuses every partition that would come out the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use datafusion::prelude::SessionContext;
use futures::StreamExt;

use super::checks::{self, Fresh};
use super::files;
use super::job::{Job, Made};
use super::model::Model;
use super::month::Month;
use super::outcome::{Broken, BuildOutcome};
use super::plan::{BuildPlan, months, prepare};
use super::reading::{ALL, World};
use super::registry::Registry;
use super::relations;
use super::session::{self, Limits};
use crate::error::{Error, Kind, Result};
use crate::state::record::Partition;

/// Most partitions built at the same time: more would only share the same memory and cores.
const AT_ONCE_MAX: usize = 4;

/// Builds; `step` is told each partition when it is done. A failed check is in the outcome, not an `Err`.
///
/// A model that fails stops what would read it, and not what is built beside it: that need not be made again.
pub async fn build(plan: BuildPlan<'_>, step: &(dyn Fn(&str) + Sync)) -> Result<BuildOutcome, Broken> {
    let started = Instant::now();
    let base = session::open(Limits::of(plan.config))?;
    let (names, mut world) = prepare(&plan, &base, true).await.map_err(|error| broken(error, &plan))?;
    tracing::debug!(milliseconds = started.elapsed().as_millis(), models = names.len(), "all schemas are known");
    files::register_stores(&base, plan.stores)?;
    let mut fresh: BTreeMap<String, Fresh> = BTreeMap::new();
    let (mut reused, mut kept) = (0, 0);
    let mut written: Vec<Partition> = Vec::new();
    for wave in waves(plan.registry, &names)? {
        let mut jobs = Vec::new();
        let mut done: BTreeMap<String, BTreeMap<String, Partition>> = BTreeMap::new();
        for model in wave {
            kept += 1;
            fresh.entry(model.name.clone()).or_default();
            let partitions = done.entry(model.name.clone()).or_default();
            let asked = checks::fingerprint(&world, model);
            for month in months(&world, model)? {
                let partition = month.map_or_else(|| ALL.to_string(), |month| month.to_string());
                let reading = world.reading(model, month)?;
                let fingerprint = world.fingerprint(model, &reading)?;
                let place = (model.name.clone(), partition.clone());
                let own = plan.made.get(&(place.0.clone(), place.1.clone(), fingerprint.clone()));
                if let Some(own) = own {
                    written.push(own.clone());
                    fresh.entry(place.0).or_default().add(&partition, BTreeSet::new());
                    partitions.insert(partition, own.clone());
                    continue;
                }
                let before = plan.previous.get(&place);
                match before.filter(|before| !plan.full_refresh && before.fingerprint == fingerprint) {
                    Some(before) => {
                        reused += 1;
                        // Rows that were never asked what is checked now are asked it, new or old.
                        if before.checks != asked {
                            fresh.entry(place.0).or_default().add(&partition, BTreeSet::new());
                        }
                        partitions.insert(partition, before.clone());
                    }
                    None => jobs.push(Job { model, month, partition, fingerprint, reading }),
                }
            }
        }
        let (made, failed) = make(jobs, &world, &base, &plan, step).await?;
        written.extend(made.iter().map(|made| made.partition.clone()));
        if let Some((model, error)) = failed {
            return Err(Broken { error, model: Some(model), made: written });
        }
        for Made { partition, held } in made {
            fresh.entry(partition.model.clone()).or_default().add(&partition.partition, held);
            done.entry(partition.model.clone()).or_default().insert(partition.partition.clone(), partition);
        }
        world.built.extend(done);
    }
    tracing::debug!(milliseconds = started.elapsed().as_millis(), "all models are built");
    let asked = async {
        let (checks, mut failures) = checks::run(&world, &base, &names, &fresh).await?;
        failures.extend(relations::run(&world, &base, &names, &fresh).await?);
        Ok((checks, failures))
    };
    let (checks, failures) = match asked.await {
        Ok(asked) => asked,
        Err(error) => return Err(Broken { made: written, ..broken(error, &plan) }),
    };
    let statements = session::planned(&base);
    tracing::debug!(milliseconds = started.elapsed().as_millis(), statements, "all checks are asked");
    let context = session::fork(&base)?;
    world.provide(&context, &world.everything(&names)?).await?;
    let absent_feeds = absent(&world, &names)?;
    let asked = |made: &Partition| {
        let checks = plan.registry.get(&made.model).map(|model| checks::fingerprint(&world, model));
        Partition { checks: checks.unwrap_or_default(), ..made.clone() }
    };
    let stand = names.iter().filter_map(|name| world.built.get(name)).flat_map(BTreeMap::values).map(asked);
    let partitions: Vec<Partition> = stand.chain(retired(&plan, &world, &names)).collect();
    let schemas = world.schemas;
    let built = written.len() as u64;
    Ok(BuildOutcome {
        partitions,
        made: written,
        checks,
        failures,
        absent_feeds,
        models: kept,
        built,
        reused,
        statements,
        context,
        schemas,
    })
}

/// Makes partitions that read none of each other: those that could be made, and the first model that failed on its rows.
async fn make(
    jobs: Vec<Job<'_>>,
    world: &World<'_>,
    base: &SessionContext,
    plan: &BuildPlan<'_>,
    step: &(dyn Fn(&str) + Sync),
) -> Result<(Vec<Made>, Option<(String, Error)>)> {
    // Futures first, stream after: a closure inside the stream would have to hold for any lifetime.
    let futures: Vec<_> = jobs
        .into_iter()
        .map(|job| async move {
            let model = job.model.name.clone();
            let made = Box::pin(job.run(world, base, plan)).await;
            if let Ok(made) = &made {
                step(&format!("{} {}", made.partition.model, made.partition.partition));
            }
            (model, made)
        })
        .collect();
    let mut made = Vec::with_capacity(futures.len());
    let mut failed = None;
    let at_once = plan.config.threads().clamp(2, AT_ONCE_MAX);
    let mut done = futures::stream::iter(futures).buffered(at_once);
    while let Some((model, outcome)) = done.next().await {
        match outcome {
            Ok(one) => made.push(one),
            Err(err) if err.kind() == Kind::Data || at_fault(&err, plan.registry).is_some() => {
                failed.get_or_insert((model, err));
            }
            Err(err) => return Err(err),
        }
    }
    Ok((made, failed))
}

/// Finds what cannot be planned, without building anything.
pub async fn ready(plan: BuildPlan<'_>) -> Result<(), Broken> {
    let base = session::open(Limits::of(plan.config))?;
    prepare(&plan, &base, true).await.map(drop).map_err(|error| broken(error, &plan))
}

fn broken(error: Error, plan: &BuildPlan<'_>) -> Broken {
    let model = at_fault(&error, plan.registry);
    Broken { error, model, made: Vec::new() }
}

/// The model that an error is about: it names its SQL or its sidecar, and is no trouble of a store.
fn at_fault(error: &Error, registry: &Registry) -> Option<String> {
    let path = error.path().filter(|_| matches!(error.kind(), Kind::Data | Kind::Config))?;
    let named = |model: &&Model| path.starts_with(&model.path) || path.starts_with(&model.sidecar_path());
    registry.models().find(named).map(|model| model.name.clone())
}

/// Partitions that stood and are none any more: the files that spoke of their month are gone. Without a word their rows
/// would stand for ever. Months after the as-of date are another night's.
fn retired(plan: &BuildPlan<'_>, world: &World<'_>, names: &[String]) -> Vec<Partition> {
    let mut retired = Vec::new();
    for (name, built) in names.iter().filter_map(|name| Some((name, world.built.get(name)?))) {
        let stood = plan.previous.range((name.clone(), String::new())..).take_while(|((model, _), _)| model == name);
        for ((_, partition), before) in stood {
            let reached = Month::parse(partition).map_or(true, |month| month.first() <= plan.as_of_date);
            if before.file.is_some() && reached && !built.contains_key(partition) {
                let (model, partition) = (name.clone(), partition.clone());
                let (fingerprint, checks) = (String::new(), String::new());
                retired.push(Partition { model, partition, fingerprint, checks, file: None });
            }
        }
    }
    retired
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
mod tests;

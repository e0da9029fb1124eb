//! Builds what the job publishes, reusing every partition whose fingerprint is unchanged.

mod search;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::damage::{self, Look};
use super::flow::{Built, HEADLINES, Night, PlannedAlert, Watch};
use super::{left_out, reduce, system};
use crate::error::{Error, Kind, Result};
use crate::job::matches_any;
use crate::models::plan::Written;
use crate::models::{self, BuildOutcome, BuildPlan, Fault, PlanStep, Severity};
use crate::state::record::{AlertPhase, Input, Partition, version_name};

/// A model that is wrong or failed on its rows, or whose rows failed a check of severity `error`.
struct Failed {
    model: String,
    error: Error,
}

/// Builds. What breaks a model is set aside, and everything else is built without it; a model that is wrong itself is left
/// out with all that read it. Where nothing that was delivered is to blame, a failed check of severity `error` ends the run
/// before anything is published.
pub(super) async fn transform(night: &mut Night<'_>, watch: &dyn Watch) -> Result<Built> {
    let mut trials = search::Trials::of(night);
    let (selected, outcome) = loop {
        let (selected, late) = parts(night)?;
        // What is wrong with those that wait is told by this run, too.
        if let Err(failed) = ready(night, &late).await? {
            leave_out(night, failed)?;
            continue;
        }
        let (inputs, anew) = (night.job_inputs(), night.request.full_refresh);
        let failed = match attempt(night, &selected, &inputs, &mut trials.made, anew, watch).await? {
            Ok(outcome) => break (selected, outcome),
            Err(failed) => failed,
        };
        if failed.error.kind() == Kind::Config {
            leave_out(night, failed)?;
            continue;
        }
        // Rows that rotted unseen are nobody's fault: the night begins again and mends them first.
        if rotted(night).await {
            return Err(failed.error);
        }
        tracing::warn!(model = failed.model, error = failed.error.one_line(), "looking for the rows that break it");
        let found = search::culprits(night, &failed, &mut trials, watch).await?;
        match (found.is_empty(), failed.error.kind()) {
            (false, _) => night.lay_aside(found),
            (true, Kind::Checks) => return Err(failed.error),
            (true, _) => leave_out(night, failed)?,
        }
    };
    for failure in &outcome.failures {
        night.warn(failure.message.clone());
    }
    left_out::tell(night);
    reduce::tell(night, &selected, &outcome.absent_feeds)?;
    reduce::short_files(night, &outcome).await?;
    let refusals = refused_by_sql(night, &outcome).await?;
    night.warned |= !refusals.is_empty();
    for (what, count) in refusals {
        *night.refusals.entry(what).or_default() += count;
    }
    Ok(Built { outcome })
}

/// Fails where a check of severity `error` did not hold, and warns of the others.
fn judge(night: &mut Night<'_>, outcome: &BuildOutcome) -> Result<()> {
    if let Some(error) = failed_checks(outcome) {
        return Err(error);
    }
    for failure in &outcome.failures {
        night.warn(failure.message.clone());
    }
    Ok(())
}

/// Leaves out a model that is wrong, with all that read it. The others are built without them; where none of the marts that
/// are asked for is left, that is the end of the run.
fn leave_out(night: &mut Night<'_>, failed: Failed) -> Result<()> {
    if night.left_out.iter().any(|fault| fault.model.as_ref() == Some(&failed.model)) {
        return Err(failed.error);
    }
    night.left_out.push(Fault { model: Some(failed.model), error: Arc::new(failed.error) });
    selected(night).map(drop)
}

/// What is built now, and what is built last.
fn parts(night: &Night<'_>) -> Result<(Vec<String>, Vec<String>)> {
    let mut selected = selected(night)?;
    let late = late(night, &selected)?;
    selected.retain(|name| !late.contains(name));
    Ok((selected, late))
}

/// Whether all of these can be planned.
async fn ready(night: &Night<'_>, models: &[String]) -> Result<std::result::Result<(), Failed>> {
    if models.is_empty() {
        return Ok(Ok(()));
    }
    let inputs = night.job_inputs();
    let ready = models::ready(build_plan(night, models, &inputs, &Written::new())?).await;
    blamed(ready)
}

/// What a model is to blame for; an `Err` is anything else.
fn blamed<T>(built: std::result::Result<T, models::Broken>) -> Result<std::result::Result<T, Failed>> {
    match built {
        Ok(built) => Ok(Ok(built)),
        Err(models::Broken { model: Some(model), error, .. }) => Ok(Err(Failed { model, error })),
        Err(broken) => Err(broken.error),
    }
}

/// Marts that tell of runs, this one among them: they wait until all but the commit is known. What others read cannot wait.
fn late(night: &Night<'_>, selected: &[String]) -> Result<Vec<String>> {
    let registry = &night.company.registry;
    let built = registry.select(selected)?;
    let read = |name: &str| {
        built.iter().filter_map(|other| registry.get(other)).any(|other| other.reads.models.contains(name))
    };
    let tells = |name: &String| {
        registry.is_mart(name) && registry.get(name).is_some_and(|model| model.reads.system.contains("runs"))
    };
    // A run must publish something; where nothing else is asked for, its own account is built with the rest.
    let late: Vec<String> = selected.iter().filter(|name| tells(name) && !read(name)).cloned().collect();
    Ok(if late.len() == selected.len() { Vec::new() } else { late })
}

/// Builds the marts that tell of runs, with this one as it is about to be committed.
pub(super) async fn account(night: &mut Night<'_>, built: &mut Built, watch: &dyn Watch) -> Result<()> {
    let (_, late) = parts(night)?;
    if late.is_empty() {
        return Ok(());
    }
    night.tally(&built.outcome);
    let mut record = night.record(night.company.clock.now())?;
    // These marts are part of what it publishes.
    record.marts += late.len() as u64;
    record.partitions_built += late.len() as u64;
    night.telling = Some(record);
    let outcome = {
        let inputs = night.job_inputs();
        models::build(build_plan(night, &late, &inputs, &Written::new())?, &|what: &str| watch.step(what)).await?
    };
    judge(night, &outcome)?;
    built.outcome.take(outcome);
    Ok(())
}

/// Whether files are damaged that the night does not know of.
async fn rotted(night: &Night<'_>) -> bool {
    let found = damage::survey(night.company, &night.state, Look::Whole).await;
    found.is_ok_and(|found| !night.damage.holds(&found))
}

/// One build from these inputs. An `Err` is what has nothing to do with their rows.
async fn attempt(
    night: &Night<'_>,
    models: &[String],
    inputs: &[Input],
    made: &mut Written,
    full_refresh: bool,
    watch: &dyn Watch,
) -> Result<std::result::Result<BuildOutcome, Failed>> {
    let built = {
        let plan = BuildPlan { full_refresh, ..build_plan(night, models, inputs, made)? };
        models::build(plan, &|what: &str| watch.step(what)).await
    };
    let mut keep = |written: &[Partition]| {
        for one in written {
            made.insert((one.model.clone(), one.partition.clone(), one.fingerprint.clone()), one.clone());
        }
    };
    let outcome = match built {
        Ok(outcome) => outcome,
        Err(broken) => {
            keep(&broken.made);
            return blamed(Err(broken));
        }
    };
    keep(&outcome.made);
    let Some(first) = grave(&outcome).next() else { return Ok(Ok(outcome)) };
    let model = first.model.clone();
    Ok(match failed_checks(&outcome) {
        Some(error) => Err(Failed { model, error }),
        None => Ok(outcome),
    })
}

/// Checks of severity `error` that did not hold.
fn grave(outcome: &BuildOutcome) -> impl Iterator<Item = &models::CheckFailure> {
    outcome.failures.iter().filter(|failure| failure.severity == Severity::Error)
}

/// All of them in one error, where there is any.
fn failed_checks(outcome: &BuildOutcome) -> Option<Error> {
    let told: Vec<&str> = grave(outcome).map(|failure| failure.message.as_str()).collect();
    let error = Error::checks(format!("{} checks failed: {}", told.len(), told.join("; ")))
        .hint("the last good marts stay in place; correct the data or the check and run again");
    (!told.is_empty()).then_some(error)
}

/// What would be built, and why.
pub(super) async fn plan(night: &Night<'_>) -> Result<Vec<PlanStep>> {
    let selected = selected(night)?;
    let inputs = night.job_inputs();
    models::plan(build_plan(night, &selected, &inputs, &Written::new())?).await
}

/// Alert models that a run would ask, with what stands of each.
pub(super) fn planned_alerts(night: &Night<'_>, steps: &[PlanStep]) -> Result<Vec<PlannedAlert>> {
    let selected = selected(night)?;
    let registry = &night.company.registry;
    let open = |rule: &str| {
        let standing = night.state.alerts.iter().filter(|alert| alert.rule == rule);
        standing.filter(|alert| alert.phase != AlertPhase::Resolved && alert.muted.is_none()).count() as u64
    };
    let built: BTreeSet<&str> = steps.iter().filter(|step| step.build).map(|step| step.model.as_str()).collect();
    let asked = registry.alerts().filter(|alert| selected.iter().any(|name| name == alert));
    asked
        .map(|rule| {
            let reads = registry.select(&[rule.to_string()])?;
            let changed = reads.iter().any(|name| name != rule && built.contains(name.as_str()));
            Ok(PlannedAlert { rule: rule.to_string(), open: open(rule), changed })
        })
        .collect()
}

pub(super) fn build_plan<'a>(
    night: &'a Night<'_>,
    selected: &'a [String],
    inputs: &'a [Input],
    made: &'a Written,
) -> Result<BuildPlan<'a>> {
    let company = night.company;
    Ok(BuildPlan {
        registry: &company.registry,
        config: &company.config,
        stores: &company.stores,
        as_of_date: night.request.date,
        run_id: &night.run_id,
        models: selected,
        inputs,
        system: system::tables(night)?,
        previous: night
            .state
            .partitions()
            .map(|made| {
                let mut known = Partition::clone(made);
                if night.damage.has_partition(&made.model, &made.partition) {
                    // Nothing comes out like what is lost.
                    known.fingerprint.clear();
                }
                ((made.model.clone(), made.partition.clone()), known)
            })
            .collect(),
        made,
        full_refresh: night.request.full_refresh,
    })
}

/// Everything that the job builds.
pub(super) fn models(night: &Night<'_>) -> Result<Vec<String>> {
    night.company.registry.select(&selected(night)?)
}

/// Marts and alerts of the job, narrowed by `--select`.
pub(super) fn selected(night: &Night<'_>) -> Result<Vec<String>> {
    let registry = &night.company.registry;
    let job = &night.request.job;
    let mut names: Vec<String> = Vec::new();
    let left_out = left_out::names(night);
    let picked = registry.pick(&night.request.select)?;
    for mart in registry.marts() {
        if matches_any(&job.marts, mart)
            && !left_out.contains(mart)
            && (night.request.select.is_empty() || picked.iter().any(|name| name == mart))
        {
            names.push(mart.to_string());
        }
    }
    if names.is_empty()
        && let Some(fault) = left_out::faults(night).next()
    {
        return Err(fault.error.retold());
    }
    if names.is_empty() {
        return Err(Error::config(format!("job {} selects no mart", job.name))
            .hint(format!("marts there are: {}", registry.marts().collect::<Vec<_>>().join(", "))));
    }
    if night.request.select.is_empty() && (!night.request.quiet || night.repairs) {
        names.extend(registry.alerts().filter(|alert| matches_any(&job.alerts, alert)).map(str::to_string));
        let digest = [HEADLINES, "channels_current", "partners_current"].map(str::to_string);
        names.extend(digest.into_iter().filter(|model| job.mail && registry.get(model).is_some()));
    }
    names.retain(|name| !left_out.contains(name));
    Ok(names)
}

/// Rows of this run's files that SQL refused: unknown sku, partner or channel, or no rate.
async fn refused_by_sql(night: &Night<'_>, outcome: &models::BuildOutcome) -> Result<BTreeMap<(String, String), u64>> {
    let mut refusals: BTreeMap<(String, String), u64> = BTreeMap::new();
    for feed in night.company.contracts.iter().map(|contract| contract.name.as_str()) {
        let model = format!("stg_{feed}");
        let fresh: Vec<_> = night.inputs.values().filter(|i| i.feed == feed && i.run_id == night.run_id).collect();
        if fresh.is_empty() || !outcome.has(&model) || !outcome.has_column(&model, "refused_reason") {
            continue;
        }
        let first = fresh.iter().filter_map(|input| input.first_date).min();
        let dated = first.filter(|_| outcome.has_column(&model, "business_date"));
        let since = dated.map(|date| format!(" and business_date >= date '{date}'")).unwrap_or_default();
        // Few files: name them. Many (a first night): every refused row since the earliest is theirs.
        let files = if fresh.len() > 200 {
            String::new()
        } else {
            let list: Vec<String> = fresh.iter().map(|input| format!("'{}'", version_name(&input.version()))).collect();
            format!(" and _input in ({})", list.join(", "))
        };
        let sql = format!(
            "select refused_reason as reason, count(*) as refused_rows from {model} \
             where refused_reason is not null{since}{files} group by 1 order by 1"
        );
        for row in outcome.query(&sql).await? {
            let reason = row.get("reason").and_then(|value| value.as_str()).unwrap_or("unknown").to_string();
            let count = row.get("refused_rows").and_then(serde_json::Value::as_u64).unwrap_or(0);
            *refusals.entry((feed.to_string(), reason)).or_default() += count;
        }
    }
    Ok(refusals)
}

//! What must hold of the rows, asked after they are written and before anybody is told of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;
use datafusion::prelude::SessionContext;

use super::reading::World;
use super::sidecar::{Check, Rule};
use super::{query, session};
use crate::error::{Error, Result};
use crate::models::model::Model;
use crate::sha256::sha256_hex;

pub use super::sidecar::Severity;

/// Rows shown of a failed check.
const SAMPLES: usize = 5;

/// A check that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFailure {
    /// The model.
    pub model: String,
    /// Kind of check, as in the sidecar.
    pub kind: String,
    /// What it means for the run.
    pub severity: Severity,
    /// Rows that break it.
    pub rows: u64,
    /// What was checked, how often it fails, and some rows, in words.
    pub message: String,
}

/// What of a model is to be checked, and which of its checks, by their place in the sidecar, all of that passed on the way.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    partitions: BTreeSet<String>,
    held: BTreeSet<usize>,
}

impl Fresh {
    /// One more partition, and the checks that it passed.
    pub(super) fn add(&mut self, partition: &str, held: BTreeSet<usize>) {
        self.held = if self.partitions.is_empty() { held } else { &self.held & &held };
        self.partitions.insert(partition.to_string());
    }

    /// The partitions that were built.
    pub(super) fn partitions(&self) -> &BTreeSet<String> {
        &self.partitions
    }
}

/// What a model's rows are asked, as a hash: checks, and the settings that these name. Empty where they are asked nothing.
pub(super) fn fingerprint(world: &World<'_>, model: &Model) -> String {
    let checks = &model.sidecar.checks;
    if checks.is_empty() {
        return String::new();
    }
    let lasting = &world.parameters.lasting() & &model.check_reads.parameters;
    let mut text = format!("{checks:?}\n{}", world.parameters.describe(&lasting));
    for name in &model.check_reads.settings {
        text.push_str(world.hashes.get(&format!("settings.{name}")).map_or("", String::as_str));
    }
    sha256_hex(text.as_bytes())
}

/// Runs the checks of every model that was built or was never asked them, or that is checked against one that was built,
/// and counts them.
///
/// Of a partitioned model only such partitions are looked at, where a check judges rows one by one, a key holds the
/// partition's date, or a query says that months never meet in it: the others were checked before.
/// What such a check found to hold while the rows were written is not asked again.
pub(super) async fn run(
    world: &World<'_>,
    base: &SessionContext,
    names: &[String],
    fresh: &BTreeMap<String, Fresh>,
) -> Result<(u64, Vec<CheckFailure>)> {
    let is_fresh = |name: &String| fresh.get(name).is_some_and(|fresh| !fresh.partitions.is_empty());
    let (mut asked, mut failures) = (0, Vec::new());
    for name in names {
        let model = world.registry.model(name)?;
        let own = is_fresh(name) || model.is_view() && model.reads.models.iter().any(is_fresh);
        if model.sidecar.checks.is_empty() || !own && !model.check_reads.models.iter().any(is_fresh) {
            continue;
        }
        let started = Instant::now();
        let mut names: Vec<String> = model.check_reads.models.iter().cloned().collect();
        names.push(name.clone());
        let held = |at: usize| fresh.get(name).is_some_and(|fresh| is_fresh(name) && fresh.held.contains(&at));
        let of_month = |check: &Check| model.is_partitioned() && by_month(model, check);
        let open = model.sidecar.checks.iter().enumerate();
        let open = open.filter(|(at, check)| !(held(*at) && (of_month(check) || !model.is_partitioned())));
        let (narrow, whole): (Vec<&Check>, Vec<&Check>) =
            open.map(|(_, check)| check).partition(|check| of_month(check));
        for (checks, months) in [(narrow, Some(months(world, &names, fresh))), (whole, None)] {
            if checks.is_empty() {
                continue;
            }
            let mut reading = world.subject(&names, &model.check_reads)?;
            if let Some(months) = months {
                for name in names.iter().filter(|name| is_partitioned(world, name)) {
                    reading.only(name, &months);
                }
            }
            let context = session::fork_for(base, world.rows(&reading))?;
            world.provide(&context, &reading).await?;
            failures.extend(Box::pin(ask_all(world, &context, model, &checks)).await?);
        }
        let checks = model.sidecar.checks.len();
        asked += checks as u64;
        tracing::debug!(model = model.name, checks, checked_ms = started.elapsed().as_millis(), "checked");
    }
    Ok((asked, failures))
}

/// Months that were built again of any partitioned model among `names`.
pub(super) fn months(world: &World<'_>, names: &[String], fresh: &BTreeMap<String, Fresh>) -> BTreeSet<String> {
    let partitioned = names.iter().filter(|name| is_partitioned(world, name));
    partitioned.filter_map(|name| fresh.get(name)).flat_map(|fresh| &fresh.partitions).cloned().collect()
}

fn is_partitioned(world: &World<'_>, name: &str) -> bool {
    world.registry.get(name).is_some_and(Model::is_partitioned)
}

/// Whether the check can be asked of single months.
fn by_month(model: &Model, check: &Check) -> bool {
    match &check.rule {
        Rule::NotNull(_) | Rule::Accepted(..) | Rule::Expression(_) => true,
        Rule::Unique(columns) => {
            model.sidecar.partition.as_ref().is_some_and(|partition| columns.contains(&partition.by))
        }
        Rule::Query(_) => check.within_partition,
        Rule::Relationship(..) => false,
    }
}

/// Asks the checks that judge single rows together, in one pass over them, and then each of the others; only what
/// is broken is asked for once more, for its rows.
async fn ask_all(
    world: &World<'_>,
    context: &SessionContext,
    model: &Model,
    checks: &[&Check],
) -> Result<Vec<CheckFailure>> {
    let judging: Vec<(&Check, String)> =
        checks.iter().filter_map(|check| Some((*check, broken_where(check)?))).collect();
    let mut suspects: Vec<&Check> = checks.iter().copied().filter(|check| broken_where(check).is_none()).collect();
    if !judging.is_empty() {
        match broken_counts(world, context, model, &judging).await {
            Ok(counts) => suspects
                .extend(judging.iter().zip(counts).filter(|(_, broken)| *broken > 0).map(|((check, _), _)| *check)),
            // One of them cannot be asked this way; asked one by one, it answers or is named.
            Err(_) => suspects = checks.to_vec(),
        }
    }
    // As they are declared, whoever was asked first.
    let mut failures = Vec::new();
    for check in checks.iter().filter(|check| suspects.iter().any(|suspect| std::ptr::eq(*suspect, **check))) {
        failures.extend(Box::pin(ask(world, context, model, check)).await?);
    }
    Ok(failures)
}

/// How many rows break each of the checks.
async fn broken_counts(
    world: &World<'_>,
    context: &SessionContext,
    model: &Model,
    judging: &[(&Check, String)],
) -> Result<Vec<i64>> {
    let counts: Vec<String> = judging.iter().map(|(_, broken)| format!("count(*) filter (where {broken})")).collect();
    let sql = format!("select {} from {}", counts.join(", "), model.name);
    let place = format!("{}: checks", model.sidecar_path());
    let located = |err: datafusion::error::DataFusionError| query::located(&err, &place, &sql);
    let statement = query::parse(context, &sql).map_err(located)?;
    let frame = query::plan(context, &statement, &world.parameters, &place, &sql).await?;
    let mut found = vec![0; judging.len()];
    for batch in frame.collect().await.map_err(located)? {
        for (total, column) in found.iter_mut().zip(batch.columns()) {
            let counts = column.as_primitive_opt::<Int64Type>().ok_or_else(|| Error::bug("a count is no integer"))?;
            *total += counts.values().iter().sum::<i64>();
        }
    }
    Ok(found)
}

/// What is true of a row that breaks the check, where one row alone can.
fn broken_where(check: &Check) -> Option<String> {
    match &check.rule {
        Rule::NotNull(columns) => {
            let any: Vec<String> = columns.iter().map(|column| format!("\"{column}\" is null")).collect();
            Some(any.join(" or "))
        }
        Rule::Accepted(column, values) => {
            let list: Vec<String> = values.iter().map(|value| format!("'{}'", value.replace('\'', "''"))).collect();
            Some(format!("\"{column}\" is not null and \"{column}\" not in ({})", list.join(", ")))
        }
        Rule::Expression(sql) => Some(format!("not ({sql})")),
        Rule::Unique(_) | Rule::Relationship(..) | Rule::Query(_) => None,
    }
}

async fn ask(
    world: &World<'_>,
    context: &SessionContext,
    model: &Model,
    check: &Check,
) -> Result<Option<CheckFailure>> {
    let (sql, what) = violations(model, check);
    let place = format!("{}: {} check", model.sidecar_path(), check.rule.kind());
    let located = |err: datafusion::error::DataFusionError| query::located(&err, &place, &sql);
    let statement = query::parse(context, &sql).map_err(located)?;
    let frame = query::plan(context, &statement, &world.parameters, &place, &sql).await?;
    let found = frame.clone().count().await.map_err(located)?;
    if found == 0 {
        return Ok(None);
    }
    let columns: Vec<_> = frame.schema().columns().into_iter().map(datafusion::logical_expr::Expr::Column).collect();
    let ordered = columns.iter().map(|column| column.clone().sort(true, false)).collect();
    let sample = frame.sort(ordered).map_err(located)?.limit(0, Some(SAMPLES)).map_err(located)?;
    let batches = sample.collect().await.map_err(located)?;
    let note = check.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
    let message = format!("{}: {what}{note}: {found} rows do not hold, such as {}", model.name, words(&batches)?);
    Ok(Some(CheckFailure {
        model: model.name.clone(),
        kind: check.rule.kind().to_string(),
        severity: check.severity,
        rows: found as u64,
        message,
    }))
}

/// The query for rows that break a check, and the check in words.
fn violations(model: &Model, check: &Check) -> (String, String) {
    let name = &model.name;
    let shown = if model.sidecar.key.is_empty() { "*".to_string() } else { quoted(&model.sidecar.key) };
    let broken = broken_where(check).unwrap_or_default();
    match &check.rule {
        Rule::NotNull(columns) => {
            let sql = format!("select {} from {name} where {broken}", shown_with(model, columns));
            (sql, format!("{} must not be empty", columns.join(", ")))
        }
        Rule::Unique(columns) => {
            let list = quoted(columns);
            let sql = format!("select {list}, count(*) as copies from {name} group by {list} having count(*) > 1");
            (sql, format!("{} must be unique", columns.join(", ")))
        }
        Rule::Accepted(column, values) => {
            let columns = shown_with(model, std::slice::from_ref(column));
            let sql = format!("select {columns} from {name} where {broken}");
            (sql, format!("{column} must be one of {}", values.join(", ")))
        }
        Rule::Relationship(column, to, target) => {
            let columns = shown_with(model, std::slice::from_ref(column));
            let sql = format!(
                "select {columns} from {name} where \"{column}\" is not null and not exists \
                 (select 1 from {to} as other where other.\"{target}\" = {name}.\"{column}\")"
            );
            (sql, format!("{column} must be found in {to}.{target}"))
        }
        Rule::Expression(sql) => {
            let row = if shown == "*" { "*".to_string() } else { shown };
            (format!("select {row} from {name} where {broken}"), format!("{} must hold", sql.trim()))
        }
        Rule::Query(sql) => (sql.clone(), "the check's query must find nothing".to_string()),
    }
}

fn quoted(columns: &[String]) -> String {
    columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ")
}

/// The key, and the columns that the check is about.
fn shown_with(model: &Model, columns: &[String]) -> String {
    let mut shown = model.sidecar.key.clone();
    shown.extend(columns.iter().filter(|column| !model.sidecar.key.contains(column)).cloned());
    quoted(&shown)
}

pub(super) fn words(batches: &[RecordBatch]) -> Result<String> {
    let mut rows = Vec::new();
    for batch in batches {
        let schema = batch.schema();
        for row in 0..batch.num_rows() {
            let mut cells = Vec::new();
            for (field, array) in schema.fields().iter().zip(batch.columns()) {
                let value = if array.is_null(row) { "nothing".to_string() } else { array_value_to_string(array, row)? };
                cells.push(format!("{} = {value}", field.name()));
            }
            rows.push(cells.join(", "));
        }
    }
    Ok(rows.join("; "))
}

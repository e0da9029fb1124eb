//! What two builds of the same night differ in, mart by mart: rows by key, columns, sums.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;

use super::files::{self, Slice};
use super::model::Model;
use super::outcome::{Row, rows};
use super::registry::Registry;
use super::session::{self, Limits};
use super::sidecar::Additive;
use super::{cast, query};
use crate::config::Config;
use crate::error::Result;
use crate::state::record::Partition;
use crate::store::{FileRef, Stores};

/// What becomes of one mart.
#[derive(Debug, Default, Serialize)]
pub struct MartDiff {
    /// The mart.
    pub mart: String,
    /// Months (or `all`) that come out differently.
    pub partitions: Vec<String>,
    /// Rows whose key is new.
    pub added: u64,
    /// Rows whose key is gone.
    pub gone: u64,
    /// Rows with the same key and another value somewhere.
    pub changed: u64,
    /// Rows that differ in it, by column.
    pub columns: BTreeMap<String, u64>,
    /// What amounts and counts add up to, before and after, by column.
    pub sums: BTreeMap<String, (String, String)>,
    /// Columns that only one of the two has.
    pub columns_gone: Vec<String>,
    /// Columns that are new.
    pub columns_added: Vec<String>,
    /// Some of the rows that differ: key, then each column with what it was and what it becomes.
    pub examples: Vec<Row>,
}

/// Rows shown of each mart.
const EXAMPLES: usize = 5;

/// The marts that come out differently: what stands in `before`, and what `after` would publish instead.
pub async fn diff(
    registry: &Registry,
    config: &Config,
    stores: &Stores,
    before: &[Partition],
    after: &[Partition],
) -> Result<Vec<MartDiff>> {
    let context = session::open(Limits::of(config))?;
    files::register_stores(&context, stores)?;
    let mut all = Vec::new();
    for mart in registry.marts() {
        let model = registry.model(mart)?;
        if !after.iter().any(|made| made.model == mart) {
            continue;
        }
        let of = |side: &[Partition]| -> BTreeMap<String, Partition> {
            side.iter().filter(|made| made.model == mart).map(|made| (made.partition.clone(), made.clone())).collect()
        };
        let (old, new) = (of(before), of(after));
        let hash = |side: &BTreeMap<String, Partition>, name: &String| {
            side.get(name).and_then(|made| made.file.as_ref()).map(|file| file.key.clone())
        };
        let names: BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
        let differ: Vec<String> = names.into_iter().filter(|name| hash(&old, name) != hash(&new, name)).collect();
        if differ.is_empty() {
            continue;
        }
        for (schema, side) in [("before", &old), ("after", &new)] {
            let slices: Vec<Slice> =
                differ.iter().filter_map(|name| side.get(name)?.file.as_ref()).map(Slice::whole).collect();
            register(&context, stores, schema, model, &slices).await?;
        }
        let found = compare(&context, model, differ).await?;
        if found.added + found.gone + found.changed > 0
            || !found.columns_gone.is_empty()
            || !found.columns_added.is_empty()
        {
            all.push(found);
        }
    }
    Ok(all)
}

/// The files of one side as a table, with the columns that they themselves have.
async fn register(
    context: &SessionContext,
    stores: &Stores,
    side: &str,
    model: &Model,
    slices: &[Slice],
) -> Result<()> {
    let schema = match slices.first() {
        Some(slice) => schema_of(stores, &slice.file).await?,
        None => cast::declared(model.columns()),
    };
    let name = format!("{side}_{}", model.name);
    context.deregister_table(TableReference::bare(name.as_str()))?;
    context.register_table(name.as_str(), files::table(context, stores, &schema, None, slices)?)?;
    Ok(())
}

/// The columns that a file itself has: those of yesterday's SQL, or of today's.
async fn schema_of(stores: &Stores, file: &FileRef) -> Result<SchemaRef> {
    let bytes = stores.of(file.home).get_verified(&file.key, &file.sha256).await?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let plain = |field: &Arc<Field>| Arc::new(field.as_ref().clone().with_metadata(HashMap::default()));
    Ok(Arc::new(Schema::new(reader.schema().fields().iter().map(plain).collect::<Vec<_>>())))
}

async fn compare(context: &SessionContext, model: &Model, partitions: Vec<String>) -> Result<MartDiff> {
    let (old, new) = (format!("before_{}", model.name), format!("after_{}", model.name));
    let columns = |frame: datafusion::dataframe::DataFrame| -> Vec<String> {
        frame.schema().fields().iter().map(|field| field.name().clone()).collect()
    };
    let was = columns(context.table(&old).await?);
    let becomes = columns(context.table(&new).await?);
    let key = &model.sidecar.key;
    let both: Vec<&String> = becomes.iter().filter(|name| was.contains(name) && !key.contains(name)).collect();
    let on: Vec<String> = key.iter().map(|name| format!("(b.\"{name}\" is not distinct from a.\"{name}\")")).collect();
    let joined = format!(
        "(select true as __there, * from {old}) b full join (select true as __there, * from {new}) a on {}",
        on.join(" and ")
    );
    let differs = |name: &String| format!("(b.\"{name}\" is distinct from a.\"{name}\")");
    let any: Vec<String> = both.iter().map(|name| differs(name)).collect();
    let any = if any.is_empty() { "false".to_string() } else { any.join(" or ") };
    let matched = "b.__there and a.__there";
    let mut counts = vec![
        "sum(case when b.__there is null then 1 else 0 end) as added".to_string(),
        "sum(case when a.__there is null then 1 else 0 end) as gone".to_string(),
        format!("sum(case when {matched} and ({any}) then 1 else 0 end) as changed"),
    ];
    counts.extend(
        both.iter()
            .enumerate()
            .map(|(at, name)| format!("sum(case when {matched} and {} then 1 else 0 end) as c{at}", differs(name))),
    );
    let counted = first(context, &format!("select {} from {joined}", counts.join(", "))).await?;
    let count = |name: &str| counted.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
    let mut diff = MartDiff {
        mart: model.name.clone(),
        partitions,
        added: count("added"),
        gone: count("gone"),
        changed: count("changed"),
        columns_gone: was.iter().filter(|name| !becomes.contains(name)).cloned().collect(),
        columns_added: becomes.iter().filter(|name| !was.contains(name)).cloned().collect(),
        ..MartDiff::default()
    };
    for (at, name) in both.iter().enumerate() {
        let rows = count(&format!("c{at}"));
        if rows > 0 {
            diff.columns.insert((*name).clone(), rows);
        }
    }
    let adds_up = |column: &&super::sidecar::Column| {
        matches!(column.additive, Some(Additive::Rows(true) | Additive::Over(_)))
            && was.contains(&column.name)
            && becomes.contains(&column.name)
    };
    for column in model.columns().iter().filter(adds_up) {
        let sum = format!("cast(sum(\"{0}\") as varchar) as total", column.name);
        let of = async |table: &str| -> Result<String> {
            let row = first(context, &format!("select {sum} from {table}")).await?;
            Ok(row.get("total").and_then(serde_json::Value::as_str).unwrap_or("-").to_string())
        };
        let sums = (of(&old).await?, of(&new).await?);
        if sums.0 != sums.1 {
            diff.sums.insert(column.name.clone(), sums);
        }
    }
    diff.examples = examples(context, &joined, key, &diff, &any).await?;
    Ok(diff)
}

async fn examples(
    context: &SessionContext,
    joined: &str,
    key: &[String],
    diff: &MartDiff,
    any: &str,
) -> Result<Vec<Row>> {
    let mut shown: Vec<String> =
        key.iter().map(|name| format!("coalesce(a.\"{name}\", b.\"{name}\") as \"{name}\"")).collect();
    shown.push(
        "case when b.__there is null then 'added' when a.__there is null then 'gone' else 'changed' end as \"what\""
            .to_string(),
    );
    shown.extend(
        diff.columns.keys().flat_map(|name| {
            [format!("b.\"{name}\" as \"{name} before\""), format!("a.\"{name}\" as \"{name} after\"")]
        }),
    );
    let order: Vec<String> = (1..=key.len()).map(|at| at.to_string()).collect();
    let sql = format!(
        "select {} from {joined} where b.__there is null or a.__there is null or {any} order by {} limit {EXAMPLES}",
        shown.join(", "),
        order.join(", ")
    );
    rows(&ask(context, &sql).await?)
}

async fn first(context: &SessionContext, sql: &str) -> Result<Row> {
    Ok(rows(&ask(context, sql).await?)?.into_iter().next().unwrap_or_default())
}

async fn ask(context: &SessionContext, sql: &str) -> Result<Vec<arrow::record_batch::RecordBatch>> {
    let located = |err: datafusion::error::DataFusionError| query::located(&err, "diff", sql);
    let statement = query::parse(context, sql).map_err(located)?;
    let plan = context.state().statement_to_plan(statement).await.map_err(located)?;
    context.execute_logical_plan(plan).await.map_err(located)?.collect().await.map_err(located)
}

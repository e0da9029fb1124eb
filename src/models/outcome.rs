//! What a build gave, and questions to it.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef};
use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;
use datafusion::prelude::SessionContext;
use serde_json::Value;

use super::checks::CheckFailure;
use super::query;
use crate::error::{Error, Result};
use crate::state::record::Partition;

/// A row by column name: numbers as numbers, dates and instants as ISO text.
pub type Row = BTreeMap<String, Value>;

/// What a build gave.
pub struct BuildOutcome {
    /// Every partition of every model asked for, built or reused, in build order.
    pub partitions: Vec<Partition>,
    /// Those that this build wrote.
    pub made: Vec<Partition>,
    /// Checks that did not hold. With one of severity `error` nothing may be published.
    pub failures: Vec<CheckFailure>,
    /// Feeds that are read but never arrived: they count as empty.
    pub absent_feeds: Vec<String>,
    /// Models kept as files.
    pub models: u64,
    /// Partitions built.
    pub built: u64,
    /// Partitions reused.
    pub reused: u64,
    /// Statements planned for that, checks included.
    pub statements: u64,
    pub(super) context: SessionContext,
    pub(super) schemas: BTreeMap<String, SchemaRef>,
}

/// A build that did not get through.
#[derive(Debug)]
pub struct Broken {
    /// Why.
    pub error: Error,
    /// The model that is wrong or failed on the rows that it read, where that is why.
    pub model: Option<String>,
    /// What was written all the same.
    pub made: Vec<Partition>,
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self { error, model: None, made: Vec::new() }
    }
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        broken.error
    }
}

impl std::fmt::Debug for BuildOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BuildOutcome({} built, {} reused, {} failures)", self.built, self.reused, self.failures.len())
    }
}

impl BuildOutcome {
    /// Adds what was built later by another plan of the same run.
    pub fn take(&mut self, later: Self) {
        self.partitions.extend(later.partitions);
        self.models += later.models;
        self.built += later.built;
        self.reused += later.reused;
        self.statements += later.statements;
    }

    /// Whether `model` was asked for.
    pub fn has(&self, model: &str) -> bool {
        self.schemas.contains_key(model)
    }

    /// Whether `model` was asked for and has such a column.
    pub fn has_column(&self, model: &str, column: &str) -> bool {
        self.schemas.get(model).is_some_and(|schema| schema.column_with_name(column).is_some())
    }

    /// All rows of `model`, in the order of its key.
    pub async fn rows(&self, model: &str) -> Result<Vec<Row>> {
        if !self.has(model) {
            return Err(Error::bug(format!("`{model}` was not asked for")));
        }
        self.query(&format!("select * from {model}")).await
    }

    /// The answer to a query over everything that was asked for.
    pub async fn query(&self, sql: &str) -> Result<Vec<Row>> {
        rows(&self.batches(sql).await?)
    }

    /// The answer to a query, as batches.
    pub async fn batches(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        ask(&self.context, sql).await
    }
}

async fn ask(context: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>> {
    let located = |err: datafusion::error::DataFusionError| query::located(&err, "query", sql);
    let statement = query::parse(context, sql).map_err(located)?;
    let plan = context.state().statement_to_plan(statement).await.map_err(located)?;
    context.execute_logical_plan(plan).await.map_err(located)?.collect().await.map_err(located)
}

/// Batches as rows.
pub fn rows(batches: &[RecordBatch]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for batch in batches {
        let schema = batch.schema();
        for at in 0..batch.num_rows() {
            let mut row = Row::new();
            for (field, array) in schema.fields().iter().zip(batch.columns()) {
                row.insert(field.name().clone(), value(array.as_ref(), at)?);
            }
            rows.push(row);
        }
    }
    Ok(rows)
}

fn value(array: &dyn Array, at: usize) -> Result<Value> {
    if array.is_null(at) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(at)),
        DataType::Int64 => Value::from(array.as_primitive::<Int64Type>().value(at)),
        DataType::Float64 => Value::from(array.as_primitive::<Float64Type>().value(at)),
        kind if kind.is_numeric() => {
            let text = array_value_to_string(array, at)?;
            match text.parse::<i64>() {
                Ok(whole) => Value::from(whole),
                Err(_) => text.parse::<f64>().map_or(Value::String(text), Value::from),
            }
        }
        _ => Value::String(array_value_to_string(array, at)?),
    })
}

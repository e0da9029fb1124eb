//! Plans every model once over empty tables: finds what is wrong without data, and the schema of each.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use chrono::NaiveDate;
use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;
use futures::FutureExt;

use super::bind::Parameters;
use super::cast::Conform;
use super::registry::Registry;
use super::session::{self, Limits};
use super::sidecar::Rule;
use super::{files, query, system};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::models::model::{Layer, Model};

/// What planning every model finds without data.
#[derive(Debug)]
pub struct Checked {
    /// The schema of each model that can be planned.
    pub schemas: BTreeMap<String, SchemaRef>,
    /// Everything that is wrong and that a night would fail of.
    pub problems: Vec<Error>,
    /// What a mart's readers miss, and a night does not.
    pub unsaid: Vec<Error>,
}

/// Plans every model and every check.
pub async fn check(registry: &Registry, config: &Config) -> Result<Checked> {
    let parameters = Parameters::of(config, NaiveDate::default(), "check")?;
    let base = session::open(Limits::of(config))?;
    let (schemas, mut problems, context) = plan_all(registry, &parameters, None, &base).await?;
    let mut unsaid: Vec<Error> = Vec::new();
    for model in registry.models() {
        let columns = model.columns().iter().filter(|_| model.layer == Layer::Marts);
        unsaid.extend(columns.filter(|column| column.is_amount_or_count() && column.additive.is_none()).map(
            |column| {
                Error::config(format!("`{}` does not say over what it adds up", column.name))
                    .at(model.sidecar_path())
                    .hint("additive = true, false, or the columns of the key over which a sum means something")
            },
        ));
        if !context.table_exist(model.name.as_str())? {
            continue;
        }
        for (at, check) in model.sidecar.checks.iter().enumerate() {
            let place = format!("{}: check {}", model.sidecar_path(), at + 1);
            let sql = match &check.rule {
                Rule::Expression(sql) => format!("select * from {} where not ({sql})", model.name),
                Rule::Query(sql) => sql.clone(),
                Rule::NotNull(columns) | Rule::Unique(columns) => {
                    format!("select {} from {}", columns.join(", "), model.name)
                }
                Rule::Accepted(column, _) => format!("select {column} from {}", model.name),
                Rule::Relationship(column, to, target) => {
                    format!("select {column} from {} where {column} in (select {target} from {to})", model.name)
                }
            };
            let planned = async {
                let statement = query::parse(&context, &sql).map_err(|err| query::located(&err, &place, &sql))?;
                query::plan(&context, &statement, &parameters, &place, &sql).await
            };
            problems.extend(planned.await.err());
        }
    }
    Ok(Checked { schemas, problems, unsaid })
}

/// The schema of every model that can be planned, and what is wrong with the others. Of `only` some, it looks less
/// far: what the optimizer would find is found when they are built.
pub(super) async fn plan_all(
    registry: &Registry,
    parameters: &Parameters,
    only: Option<&[String]>,
    base: &SessionContext,
) -> Result<(BTreeMap<String, SchemaRef>, Vec<Error>, SessionContext)> {
    let context = session::fork(base)?;
    for (name, feed) in registry.feeds() {
        context.register_table(TableReference::partial("feeds", name.as_str()), files::empty(&feed.schema)?)?;
    }
    for history in registry.feeds().values().filter_map(|feed| feed.history.as_ref()) {
        history.register(&context).await?;
    }
    for name in system::TABLES {
        if let Some(schema) = system::schema(name) {
            context.register_table(TableReference::partial("system", name), files::empty(&schema)?)?;
        }
    }
    for (name, batch) in registry.tables() {
        context.register_table(TableReference::partial("settings", name.as_str()), files::empty(&batch.schema())?)?;
    }
    let mut schemas = BTreeMap::new();
    let mut problems = Vec::new();
    for name in registry.order() {
        let Some(model) = registry.get(name).filter(|_| only.is_none_or(|only| only.contains(name))) else { continue };
        // What reads a broken model would only repeat its problem.
        if model.reads.models.iter().any(|read| !schemas.contains_key(read)) {
            continue;
        }
        let planned = AssertUnwindSafe(schema(&context, model, parameters, only.is_none())).catch_unwind().await;
        match planned.unwrap_or_else(|panic| Err(query::gave_up(&model.path, panic.as_ref()))) {
            Ok(schema) => {
                context.register_table(name.as_str(), files::empty(&schema)?)?;
                schemas.insert(name.clone(), schema);
            }
            Err(err) => problems.push(err),
        }
    }
    Ok((schemas, problems, context))
}

async fn schema(context: &SessionContext, model: &Model, parameters: &Parameters, optimise: bool) -> Result<SchemaRef> {
    let frame = query::plan(context, &model.statement, parameters, &model.path, &model.sql).await?;
    let found = frame.schema().as_arrow().clone();
    // The optimizer finds some faults that the planner does not, such as types that cannot be brought together.
    if optimise {
        frame.into_optimized_plan().map_err(|err| query::located(&err, &model.path, &model.sql))?;
    }
    let conform = Conform::new(&found, &model.sidecar.columns).map_err(|err| err.at(&model.path))?;
    let schema = conform.schema();
    for name in &model.sidecar.key {
        if schema.column_with_name(name).is_none() {
            return Err(Error::config(format!("key column `{name}` is not among the query's columns")).at(&model.path));
        }
    }
    if let Some(partition) = &model.sidecar.partition {
        match schema.column_with_name(&partition.by).map(|(_, field)| field.data_type()) {
            Some(DataType::Date32) => {}
            Some(other) => {
                return Err(Error::config(format!("partition column `{}` is {other}; expected a date", partition.by))
                    .at(&model.path)
                    .hint("cast it to date in the query"));
            }
            None => {
                return Err(Error::config(format!(
                    "partition column `{}` is not among the query's columns",
                    partition.by
                ))
                .at(&model.path));
            }
        }
    }
    Ok(Arc::clone(schema))
}

//! Questions of people to what was published, and to every step behind it; slips are answered with the right name.

use std::collections::{BTreeMap, BTreeSet};

use arrow::record_batch::RecordBatch;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::visit_relations;

use super::files::{self, Slice};
use super::plan::{BuildPlan, prepare};
use super::registry::Registry;
use super::session::{self, Limits};
use super::{cast, query, types};
use crate::config::Config;
use crate::error::{Error, Result, closest};
use crate::state::record::Partition;
use crate::store::Stores;

/// Names listed after a slip that is like none of them.
const NAMES_SHOWN: usize = 12;

/// What can be asked.
pub struct Questions {
    context: SessionContext,
    tables: BTreeSet<String>,
    /// Models with a fault, and what reads them: they are not known here.
    left_out: BTreeSet<String>,
}

impl Questions {
    /// The published marts: those of `partitions` that `registry` knows.
    pub fn published<'a>(
        registry: &Registry,
        config: &Config,
        stores: &Stores,
        partitions: impl IntoIterator<Item = &'a Partition>,
    ) -> Result<Self> {
        let context = session::open(Limits::of(config))?;
        files::register_stores(&context, stores)?;
        let mut slices: BTreeMap<&str, Vec<Slice>> = BTreeMap::new();
        for partition in partitions.into_iter().filter(|partition| registry.is_mart(&partition.model)) {
            let files = slices.entry(&partition.model).or_default();
            files.extend(partition.file.iter().map(Slice::whole));
        }
        let mut tables = BTreeSet::new();
        for (mart, files) in slices {
            let Some(model) = registry.get(mart) else { continue };
            let schema = cast::declared(model.columns());
            context.register_table(mart, files::table(&context, stores, &schema, None, &files)?)?;
            tables.insert(mart.to_string());
        }
        Ok(Self { context, tables, left_out: left_out(registry) })
    }

    /// Every step of the night that `plan` describes, as it was built, views included.
    pub async fn steps(plan: BuildPlan<'_>) -> Result<Self> {
        let base = session::open(Limits::of(plan.config))?;
        let (names, mut world) = prepare(&plan, &base, false).await?;
        files::register_stores(&base, plan.stores)?;
        for ((model, partition), made) in &plan.previous {
            world.built.entry(model.clone()).or_default().insert(partition.clone(), made.clone());
        }
        let mut tables: BTreeSet<String> = BTreeSet::new();
        let mut known = Vec::new();
        for name in names {
            let model = plan.registry.model(&name)?;
            // Without a single row a table by months has no month.
            if model.is_partitioned() {
                world.built.entry(name.clone()).or_default();
            }
            // What was never built is no step of that night, nor is a view that reads it.
            let stands = if model.is_view() {
                model.reads.models.iter().all(|read| tables.contains(read))
            } else {
                world.built.contains_key(&name)
            };
            if stands {
                tables.insert(name.clone());
                known.push(name);
            }
        }
        let context = session::fork(&base)?;
        world.provide(&context, &world.everything(&known)?).await?;
        Ok(Self { context, tables, left_out: left_out(plan.registry) })
    }

    /// The columns of a table, and the type of each by the names that sidecars use.
    pub async fn columns(&self, table: &str) -> Result<Vec<(String, String)>> {
        let rows = self.ask(&format!("select * from {table} limit 0")).await?;
        let schema = rows.first().map(RecordBatch::schema);
        let fields = schema.iter().flat_map(|schema| schema.fields());
        Ok(fields.map(|field| (field.name().clone(), types::word(field.data_type()))).collect())
    }

    /// Names of what can be asked.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(String::as_str)
    }

    /// The answer.
    pub async fn ask(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let told = |err: DataFusionError| self.told(&err, sql);
        let statement = parse(&self.context, sql)?;
        let state = self.context.state();
        let plan = state.statement_to_plan(statement).await.map_err(told)?;
        let frame = self.context.execute_logical_plan(plan).await.map_err(told)?;
        let schema = std::sync::Arc::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await.map_err(told)?;
        // An answer without rows still has columns.
        Ok(if batches.is_empty() { vec![RecordBatch::new_empty(schema)] } else { batches })
    }

    fn told(&self, err: &DataFusionError, sql: &str) -> Error {
        let located = query::located(err, "query", sql);
        let place = located.path().unwrap_or("query").to_string();
        if let Some(table) = lost_table(err).filter(|table| self.left_out.contains(table)) {
            return Error::config(format!("`{table}` is left out: a model has a fault"))
                .at(place)
                .hint("`tributary check` names it; duckdb.sql and latest/ show what was published last");
        }
        if let Some(table) = lost_table(err) {
            let error = Error::config(format!("there is no table `{table}`")).at(place);
            return error.hint(match closest(&table, self.tables()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`tributary query \"show tables\"` lists the marts, `tributary ls` every step".to_string(),
            });
        }
        if let Some((column, known)) = lost_column(err) {
            let error = Error::config(format!("there is no column `{column}`")).at(place);
            return error.hint(match closest(&column, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.len() <= NAMES_SHOWN => format!("columns are: {}", known.join(", ")),
                None => format!(
                    "columns are: {}, …; `describe TABLE` lists all {}",
                    known[..NAMES_SHOWN].join(", "),
                    known.len()
                ),
            });
        }
        located
    }
}

fn left_out(registry: &Registry) -> BTreeSet<String> {
    registry.left_out().map(|(name, _)| name.to_string()).collect()
}

fn parse(context: &SessionContext, sql: &str) -> Result<Statement> {
    let sql = sql.trim().trim_end_matches(';');
    query::parse(context, sql).map_err(|err| match &err {
        DataFusionError::Plan(said) if said.contains("another kind of statement") => {
            Error::config("only questions are answered here: select …, with …, values …")
                .hint("also: show tables, describe TABLE; nothing that is published can be changed")
        }
        _ => query::located(&err, "query", sql),
    })
}

/// The tables that a question names, without those it defines itself.
pub fn tables_of(config: &Config, sql: &str) -> Result<BTreeSet<String>> {
    let context = session::open(Limits::of(config))?;
    let statement = parse(&context, sql)?;
    let mut names = BTreeSet::new();
    if let Statement::Statement(inner) = &statement {
        // It never breaks off.
        visit_relations(inner.as_ref(), |name| {
            names.insert(name.to_string().trim_matches('"').to_string());
            std::ops::ControlFlow::<()>::Continue(())
        })
        .is_continue();
    }
    Ok(names)
}

/// The table that an error says is not there.
fn lost_table(err: &DataFusionError) -> Option<String> {
    let said = err.find_root().strip_backtrace();
    let (before, _) = said.split_once("' not found")?;
    let (_, name) = before.rsplit_once("table '")?;
    let name = name.strip_prefix("datafusion.").unwrap_or(name);
    Some(name.strip_prefix("public.").unwrap_or(name).to_string())
}

/// The column that an error says is not there, and those that are.
fn lost_column(err: &DataFusionError) -> Option<(String, Vec<String>)> {
    let DataFusionError::SchemaError(said, _) = err.find_root() else { return None };
    let SchemaError::FieldNotFound { field, valid_fields } = said.as_ref() else { return None };
    let mut known: Vec<String> = Vec::new();
    for column in valid_fields {
        if !known.contains(&column.name) {
            known.push(column.name.clone());
        }
    }
    Some((field.name.clone(), known))
}

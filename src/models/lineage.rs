//! Where a column comes from, down to the columns of feeds, read off the engine's own plans.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::prelude::SessionContext;
use serde::Serialize;

use super::bind::Parameters;
use super::registry::Registry;
use super::session::{self, Limits};
use super::{query, typecheck};
use crate::config::Config;
use crate::error::{Error, Result, closest};
use crate::models::model::Model;

/// A column (or, where none is named, a whole table) and what its values are made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Model, `feeds.<feed>`, `system.<table>` or `settings.<table>`.
    pub table: String,
    /// The column; none for a whole table.
    pub column: Option<String>,
    /// What it is made from; empty for what comes from outside, and for what is shown further up.
    pub from: Vec<Origin>,
    /// Its own origins stand where it was named first: marts share their steps, and a tree would repeat them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
}

impl Origin {
    fn new(table: &str, column: Option<&str>, from: Vec<Self>) -> Self {
        Self { table: table.to_string(), column: column.map(str::to_string), from, repeated: false }
    }

    fn again(table: &str, column: Option<&str>) -> Self {
        Self { repeated: true, ..Self::new(table, column, Vec::new()) }
    }

    /// `table.column`, or the table.
    pub fn name(&self) -> String {
        match &self.column {
            Some(column) => format!("{}.{column}", self.table),
            None => self.table.clone(),
        }
    }

    /// What comes from outside: columns of feeds, of system tables and of settings.
    pub fn sources(&self) -> BTreeSet<String> {
        if self.from.is_empty() && !self.repeated {
            return BTreeSet::from([self.name()]);
        }
        self.from.iter().flat_map(Self::sources).collect()
    }

    /// The tables of the tree, each once, in the order of their first line.
    pub fn tables(&self) -> Vec<&str> {
        let mut all = vec![self.table.as_str()];
        for table in self.from.iter().flat_map(Self::tables) {
            if !all.contains(&table) {
                all.push(table);
            }
        }
        all
    }

    /// The tree in lines for a terminal.
    pub fn tree(&self) -> Vec<String> {
        let mut lines = vec![self.name()];
        self.branches("", &mut lines);
        lines
    }

    fn branches(&self, indent: &str, lines: &mut Vec<String>) {
        for (at, origin) in self.from.iter().enumerate() {
            let last = at + 1 == self.from.len();
            let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let above = if origin.repeated { "  (see above)" } else { "" };
            lines.push(format!("{indent}{branch}{}{above}", origin.name()));
            origin.branches(&format!("{indent}{below}"), lines);
        }
    }
}

/// Where `target`, a model or `model.column`, comes from. Filters and join keys are not counted as origins.
pub async fn lineage(registry: &Registry, config: &Config, target: &str) -> Result<Origin> {
    let Some((name, column)) = target.split_once('.') else {
        return Ok(tables(registry, registry.model(target)?, &mut BTreeSet::new()));
    };
    let model = registry.model(name)?;
    let parameters = Parameters::of(config, NaiveDate::default(), "lineage")?;
    let base = session::open(Limits::of(config))?;
    let (schemas, mut problems, context) = typecheck::plan_all(registry, &parameters, None, &base).await?;
    let Some(schema) = schemas.get(name) else {
        return Err(if problems.is_empty() {
            Error::bug(format!("`{name}` cannot be planned"))
        } else {
            problems.swap_remove(0)
        });
    };
    if schema.column_with_name(column).is_none() {
        let error = Error::config(format!("`{name}` has no column `{column}`"));
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        return Err(match closest(column, columns.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{name}.{near}`?")),
            None => error.hint(format!("its columns are {}", columns.join(", "))),
        });
    }
    let mut tracer = Tracer { registry, context, parameters, told: BTreeSet::new(), plans: BTreeMap::new() };
    tracer.origin(model, column).await
}

/// A table and one of its columns.
pub type TableColumn = (String, String);

/// Of every column of every model, the columns it is made from, one step back. Filters and join keys are no origins.
pub async fn origins(registry: &Registry, config: &Config) -> Result<BTreeMap<TableColumn, BTreeSet<TableColumn>>> {
    let parameters = Parameters::of(config, NaiveDate::default(), "lineage")?;
    let base = session::open(Limits::of(config))?;
    let (schemas, _, context) = typecheck::plan_all(registry, &parameters, None, &base).await?;
    let mut tracer = Tracer { registry, context, parameters, told: BTreeSet::new(), plans: BTreeMap::new() };
    let mut all = BTreeMap::new();
    for model in registry.models() {
        let Some(schema) = schemas.get(&model.name) else { continue };
        for field in schema.fields() {
            let made_from = tracer.direct(model, field.name()).await?;
            all.insert((model.name.clone(), field.name().clone()), made_from);
        }
    }
    Ok(all)
}

/// The tables that a model reads, and those that they read.
fn tables(registry: &Registry, model: &Model, told: &mut BTreeSet<String>) -> Origin {
    if !told.insert(model.name.clone()) {
        return Origin::again(&model.name, None);
    }
    let read = model.reads.models.iter().filter_map(|name| registry.get(name));
    let mut from: Vec<Origin> = read.map(|read| tables(registry, read, told)).collect();
    let leaf = |schema: &str, name: &String| Origin::new(&format!("{schema}.{name}"), None, Vec::new());
    from.extend(model.reads.feeds.iter().map(|name| leaf("feeds", name)));
    from.extend(model.reads.system.iter().map(|name| leaf("system", name)));
    from.extend(model.reads.settings.iter().map(|name| leaf("settings", name)));
    Origin::new(&model.name, None, from)
}

struct Tracer<'a> {
    registry: &'a Registry,
    /// Knows every table, without rows.
    context: SessionContext,
    parameters: Parameters,
    /// Columns whose origins have been given.
    told: BTreeSet<(String, String)>,
    plans: BTreeMap<String, LogicalPlan>,
}

impl Tracer<'_> {
    async fn origin(&mut self, model: &Model, column: &str) -> Result<Origin> {
        if !self.told.insert((model.name.clone(), column.to_string())) {
            return Ok(Origin::again(&model.name, Some(column)));
        }
        let mut from = Vec::new();
        for (table, column) in self.direct(model, column).await? {
            from.push(match self.registry.get(&table) {
                Some(read) => Box::pin(self.origin(read, &column)).await?,
                None => Origin::new(&table, Some(&column), Vec::new()),
            });
        }
        Ok(Origin::new(&model.name, Some(column), from))
    }

    /// The columns of tables that a column is computed from, one step back.
    async fn direct(&mut self, model: &Model, column: &str) -> Result<BTreeSet<TableColumn>> {
        if !self.plans.contains_key(&model.name) {
            let frame = query::plan(&self.context, &model.statement, &self.parameters, &model.path, &model.sql).await?;
            self.plans.insert(model.name.clone(), frame.logical_plan().clone());
        }
        let mut found = BTreeSet::new();
        if let Some(plan) = self.plans.get(&model.name)
            && let Some(at) = position(plan.schema(), &Column::new_unqualified(column))
        {
            trace(plan, at, &mut found)?;
        }
        Ok(found)
    }
}

/// The columns of tables that output `at` of `plan` is computed from.
fn trace(plan: &LogicalPlan, at: usize, found: &mut BTreeSet<(String, String)>) -> EngineResult<()> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let name = scan.projected_schema.field(at).name().clone();
            found.insert((scan.table_name.to_string(), name));
            Ok(())
        }
        LogicalPlan::Projection(projection) => match projection.expr.get(at) {
            Some(expr) => trace_expr(expr, &[&projection.input], found),
            None => Ok(()),
        },
        LogicalPlan::Aggregate(aggregate) => {
            let outputs: Vec<&Expr> = aggregate.group_expr.iter().chain(&aggregate.aggr_expr).collect();
            // Grouping sets give more columns than expressions: then every one may be meant.
            let one = outputs.get(at).filter(|_| outputs.len() == aggregate.schema.fields().len());
            for expr in one.map_or(outputs.clone(), |expr| vec![*expr]) {
                trace_expr(expr, &[&aggregate.input], found)?;
            }
            Ok(())
        }
        LogicalPlan::Window(window) => {
            let own = window.input.schema().fields().len();
            match at.checked_sub(own).and_then(|at| window.window_expr.get(at)) {
                Some(expr) => trace_expr(expr, &[&window.input], found),
                None => trace(&window.input, at, found),
            }
        }
        LogicalPlan::Join(join) => {
            let left = join.left.schema().fields().len();
            if at < left { trace(&join.left, at, found) } else { trace(&join.right, at - left, found) }
        }
        LogicalPlan::Union(union) => union.inputs.iter().try_for_each(|input| trace(input, at, found)),
        LogicalPlan::RecursiveQuery(recursive) => trace(&recursive.static_term, at, found),
        LogicalPlan::SubqueryAlias(alias) => trace(&alias.input, at, found),
        other => match other.inputs().as_slice() {
            // Filters, sorts, limits and the like pass columns through.
            [input] if input.schema().fields().len() == other.schema().fields().len() => trace(input, at, found),
            inputs => {
                let (qualifier, field) = other.schema().qualified_field(at);
                let column = Column::new(qualifier.cloned(), field.name());
                trace_expr(&Expr::Column(column), inputs, found)
            }
        },
    }
}

fn trace_expr(expr: &Expr, inputs: &[&LogicalPlan], found: &mut BTreeSet<(String, String)>) -> EngineResult<()> {
    let mut columns = BTreeSet::new();
    let mut below = BTreeSet::new();
    expr.apply(|part| {
        match part {
            Expr::Column(column) => {
                columns.insert(column.clone());
            }
            Expr::ScalarSubquery(subquery) => trace(&subquery.subquery, 0, &mut below)?,
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    found.extend(below);
    for column in columns {
        for input in inputs {
            if let Some(at) = position(input.schema(), &column) {
                trace(input, at, found)?;
                break;
            }
        }
    }
    Ok(())
}

fn position(schema: &DFSchema, column: &Column) -> Option<usize> {
    schema.maybe_index_of_column(column).or_else(|| schema.index_of_column_by_name(None, &column.name))
}

#[cfg(test)]
mod tests;

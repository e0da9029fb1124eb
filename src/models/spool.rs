//! What a statement names once and reads more than once is computed once.
//!
//! The engine puts the text of a CTE wherever it is read, so that a chain of CTEs that each read the one before twice
//! doubles with every link: planned, optimised and run so many times. Here such a CTE is run first and stands as a
//! table in memory for the rest of its statement, as long as it fits; one that does not stays text.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::TableReference;
use datafusion::config::Dialect;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, Expr, GroupByExpr, Query, Select, SetExpr, TableFactor, Visit, Visitor};
use futures::StreamExt;
use tokio::task::JoinSet;

use super::bind::Parameters;
use super::query::{self, located};
use crate::error::Result;

/// As [`query::plan`], with shared CTEs of up to `bytes` in all computed first.
pub(super) async fn plan(
    context: &SessionContext,
    statement: &Statement,
    parameters: &Parameters,
    path: &str,
    sql: &str,
    bytes: usize,
) -> Result<DataFrame> {
    let mut bound = query::bound(statement, parameters, path)?;
    let at_fault = |err: DataFusionError| located(&err, path, sql);
    let mut left = bytes;
    let mut lent = Vec::new();
    for name in query_of(&mut bound).map(|query| shared(query, context)).unwrap_or_default() {
        let Some(query) = query_of(&mut bound) else { break };
        let Some(part) = up_to(query, &name) else { continue };
        let frame = query::planned(context, part).await.map_err(at_fault)?;
        let Some(schema) = nullable(&frame) else { continue };
        let Some(rows) = collect(frame, left, path).await?.map_err(at_fault)? else { continue };
        let taken: usize = rows.iter().flatten().map(RecordBatch::get_array_memory_size).sum();
        // A plan may promise other columns than it gives; then it stays text, as it was.
        let Some(table) = table(Arc::new(schema), rows) else { continue };
        left = left.saturating_sub(taken);
        let kept = format!("computed once: {name}");
        // A statement that failed half-way may have left its own.
        context.deregister_table(TableReference::bare(kept.as_str()))?;
        context.register_table(TableReference::bare(kept.as_str()), Arc::new(table))?;
        lent.push(kept.clone());
        let text = format!("select * from \"{kept}\"");
        let mut instead = context.state().sql_to_statement(&text, &Dialect::Generic).map_err(at_fault)?;
        if let (Some(with), Some(instead)) = (query.with.as_mut(), query_of(&mut instead))
            && let Some(cte) = with.cte_tables.iter_mut().find(|cte| of(&cte.alias.name) == name)
        {
            *cte.query = instead.clone();
        }
    }
    if let Some(query) = query_of(&mut bound) {
        trim(query);
    }
    let frame = query::planned(context, bound).await.map_err(at_fault);
    for kept in lent {
        context.deregister_table(TableReference::bare(kept))?;
    }
    frame
}

fn query_of(statement: &mut Statement) -> Option<&mut Query> {
    match statement {
        Statement::Statement(inner) => match inner.as_mut() {
            ast::Statement::Query(query) => Some(query),
            _ => None,
        },
        _ => None,
    }
}

/// A name as the planner compares it.
fn of(name: &ast::Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

/// The CTEs that are worth computing first, in order: read at least twice, and more than a look at one table.
fn shared(query: &Query, context: &SessionContext) -> Vec<String> {
    let Some(with) = query.with.as_ref().filter(|with| !with.recursive) else { return Vec::new() };
    let mut found = Looks::at(query, context);
    // Names inside a nested WITH may mean something else than ours.
    if found.nested_with {
        return Vec::new();
    }
    let names: Vec<String> = with.cte_tables.iter().map(|cte| of(&cte.alias.name)).collect();
    let bodies: Vec<Looks> = with.cte_tables.iter().map(|cte| Looks::at(cte.query.as_ref(), context)).collect();
    // What the whole statement names, less what a CTE's own text means by the name of itself or of a later one.
    for (at, body) in bodies.iter().enumerate() {
        for read in &body.reads {
            if names.iter().position(|name| name == read).is_some_and(|cte| cte >= at)
                && let Some(place) = found.reads.iter().position(|name| name == read)
            {
                found.reads.swap_remove(place);
            }
        }
    }
    let mut works: Vec<bool> = Vec::with_capacity(names.len());
    let mut chosen = Vec::new();
    for (at, (name, body)) in names.iter().zip(&bodies).enumerate() {
        let through = |read: &String| {
            names.iter().take(at).position(|name| name == read).is_some_and(|cte| works[cte] && !chosen.contains(read))
        };
        works.push(body.works || body.reads.iter().any(through));
        if works[at] && found.reads.iter().filter(|read| *read == name).count() > 1 {
            chosen.push(name.clone());
        }
    }
    chosen
}

/// The statement that gives the rows of one CTE.
fn up_to(query: &Query, name: &str) -> Option<Statement> {
    let mut part = query.clone();
    let with = part.with.as_mut()?;
    let at = with.cte_tables.iter().position(|cte| of(&cte.alias.name) == name)?;
    let cte = with.cte_tables.get(at)?;
    // Columns that are named beside the CTE stay named there, over what is kept.
    let body = cte.query.as_ref().clone();
    with.cte_tables.truncate(at);
    let ctes = part.with.take().filter(|with| !with.cte_tables.is_empty());
    let mut part = Query { with: ctes, ..body };
    trim(&mut part);
    Some(Statement::Statement(Box::new(ast::Statement::Query(Box::new(part)))))
}

/// Leaves out the CTEs that nothing reads any more: the planner would look at each.
fn trim(query: &mut Query) {
    let Some(with) = query.with.take() else { return };
    let mut needed: BTreeSet<String> = names(query).into_iter().collect();
    let mut kept = Vec::new();
    for cte in with.cte_tables.into_iter().rev() {
        if needed.contains(&of(&cte.alias.name)) {
            needed.extend(names(cte.query.as_ref()));
            kept.push(cte);
        }
    }
    kept.reverse();
    if !kept.is_empty() {
        query.with = Some(ast::With { cte_tables: kept, ..with });
    }
}

fn names(query: &Query) -> Vec<String> {
    let mut looks = Looks::default();
    let walked: ControlFlow<()> = query.visit(&mut looks);
    debug_assert!(walked.is_continue());
    looks.reads
}

/// What a text reads and does.
#[derive(Default)]
struct Looks<'a> {
    context: Option<&'a SessionContext>,
    /// Tables by plain name, as often as they are named.
    reads: Vec<String>,
    /// It does more than pick columns and rows of one table.
    works: bool,
    nested_with: bool,
    depth: usize,
}

impl<'a> Looks<'a> {
    fn at(query: &Query, context: &'a SessionContext) -> Self {
        let mut looks = Self { context: Some(context), ..Self::default() };
        let walked: ControlFlow<()> = query.visit(&mut looks);
        debug_assert!(walked.is_continue());
        looks
    }
}

impl Visitor for Looks<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.depth += 1;
        self.nested_with |= self.depth > 1 && query.with.is_some();
        self.works |= self.depth > 1 || !matches!(query.body.as_ref(), SetExpr::Select(_));
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let one = match select.from.as_slice() {
            [from] => from.joins.is_empty() && matches!(from.relation, TableFactor::Table { args: None, .. }),
            _ => false,
        };
        let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
        self.works |= !one || grouped || select.distinct.is_some() || select.qualify.is_some();
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ast::ObjectName) -> ControlFlow<()> {
        if let [part] = relation.0.as_slice()
            && let Some(name) = part.as_ident()
        {
            self.reads.push(of(name));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            let name = function.name.to_string().to_lowercase();
            let sums = self
                .context
                .is_some_and(|context| context.state_ref().read().aggregate_functions().contains_key(&name));
            self.works |= function.over.is_some() || sums;
        }
        ControlFlow::Continue(())
    }
}

/// The columns of `frame`, each of which may be NULL; nothing where two have one name.
fn nullable(frame: &DataFrame) -> Option<Schema> {
    let fields = frame.schema().fields();
    let names: BTreeSet<&String> = fields.iter().map(|field| field.name()).collect();
    let fields: Vec<Field> = fields.iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    (names.len() == fields.len()).then(|| Schema::new(fields))
}

type Parts = Vec<Vec<RecordBatch>>;

/// All rows, unless they are more than so many bytes. On tasks of their own, so that a panic of the engine is an error.
async fn collect(
    frame: DataFrame,
    bytes: usize,
    path: &str,
) -> Result<std::result::Result<Option<Parts>, DataFusionError>> {
    let streams = match frame.execute_stream_partitioned().await {
        Ok(streams) => streams,
        Err(err) => return Ok(Err(err)),
    };
    let used = Arc::new(AtomicUsize::new(0));
    let mut parts: Parts = vec![Vec::new(); streams.len().max(1)];
    let mut tasks = JoinSet::new();
    for (at, stream) in streams.into_iter().enumerate() {
        let used = Arc::clone(&used);
        tasks.spawn(async move { (at, read(stream, &used, bytes).await) });
    }
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok((at, Ok(Some(rows)))) => parts[at] = rows,
            Ok((_, Ok(None))) => return Ok(Ok(None)),
            Ok((_, Err(err))) => return Ok(Err(err)),
            Err(err) if err.is_panic() => return Err(query::gave_up(path, err.into_panic().as_ref())),
            Err(_) => return Err(crate::error::Error::retry("the work was stopped").at(path)),
        }
    }
    Ok(Ok(Some(parts)))
}

async fn read(
    mut stream: SendableRecordBatchStream,
    used: &AtomicUsize,
    bytes: usize,
) -> std::result::Result<Option<Vec<RecordBatch>>, DataFusionError> {
    let mut rows = Vec::new();
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let more = batch.get_array_memory_size();
        if used.fetch_add(more, Ordering::Relaxed) + more > bytes {
            return Ok(None);
        }
        rows.push(batch);
    }
    Ok(Some(rows))
}

fn table(schema: SchemaRef, parts: Parts) -> Option<MemTable> {
    let fitted = parts.into_iter().map(|rows| {
        let fitted = rows.into_iter().map(|batch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&schema), batch.columns().to_vec(), &options).ok()
        });
        fitted.collect::<Option<Vec<_>>>()
    });
    let parts = fitted.collect::<Option<Vec<_>>>()?;
    MemTable::try_new(schema, parts).ok()
}

#[cfg(test)]
mod tests;

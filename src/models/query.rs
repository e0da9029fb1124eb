//! From SQL text to a plan, and from an engine's error back to the line that caused it.

use std::sync::Arc;

use datafusion::common::{DFSchema, Diagnostic};
use datafusion::config::Dialect;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use tokio::task::JoinSet;

use super::bind::Parameters;
use super::functions::macros;
use super::session;
use crate::error::{Error, Kind, Result};

/// Parses one query.
pub fn parse(context: &SessionContext, sql: &str) -> Result<Statement, DataFusionError> {
    let mut statement = context.state().sql_to_statement(sql, &Dialect::Generic)?;
    macros::expand(&mut statement)?;
    match &statement {
        Statement::Statement(inner) if matches!(inner.as_ref(), ast::Statement::Query(_)) => Ok(statement),
        _ => Err(DataFusionError::Plan("a model is one query; this is another kind of statement".to_string())),
    }
}

/// Plans a parsed query with its parameters.
pub async fn plan(
    context: &SessionContext,
    statement: &Statement,
    parameters: &Parameters,
    path: &str,
    sql: &str,
) -> Result<DataFrame> {
    let bound = bound(statement, parameters, path)?;
    planned(context, bound).await.map_err(|err| located(&err, path, sql))
}

/// A statement with its parameters.
pub(super) fn bound(statement: &Statement, parameters: &Parameters, path: &str) -> Result<Statement> {
    let mut bound = statement.clone();
    parameters.bind(&mut bound).map_err(|err| err.at(path))?;
    Ok(bound)
}

/// Plans a statement without placeholders.
pub(super) async fn planned(context: &SessionContext, statement: Statement) -> Result<DataFrame, DataFusionError> {
    let state = context.state();
    session::plans_one(&state);
    let plan = state.statement_to_plan(statement).await?;
    Ok(DataFrame::new(session::fit_for(state, &plan)?, plan))
}

/// A condition on rows of `schema`, ready to be evaluated. It may name parameters, but reads nothing beside its row.
pub(super) fn condition(
    context: &SessionContext,
    sql: &str,
    schema: &DFSchema,
    parameters: &Parameters,
) -> Result<Arc<dyn PhysicalExpr>> {
    let mut statement = parse(context, &format!("select {sql}"))?;
    parameters.bind(&mut statement)?;
    let expr = selected(statement).ok_or_else(|| Error::config("a condition is one expression"))?;
    let state = context.state_ref();
    let state = state.read();
    let condition = state.create_logical_expr_from_sql_expr(ast::ExprWithAlias { expr, alias: None }, schema)?;
    Ok(state.create_physical_expr(condition, schema)?)
}

/// The only expression of `select expression`.
fn selected(statement: Statement) -> Option<ast::Expr> {
    let Statement::Statement(inner) = statement else { return None };
    let ast::Statement::Query(query) = *inner else { return None };
    let ast::SetExpr::Select(select) = *query.body else { return None };
    match <[ast::SelectItem; 1]>::try_from(select.projection) {
        Ok([ast::SelectItem::UnnamedExpr(expr)]) if select.from.is_empty() && select.selection.is_none() => Some(expr),
        _ => None,
    }
}

/// An engine's error with file, line and column, and the line underlined where the engine knows it.
pub fn located(err: &DataFusionError, path: &str, sql: &str) -> Error {
    let kind = Error::from(DataFusionError::Plan(String::new())).kind();
    let spans: Vec<&Diagnostic> = err.diagnostic().into_iter().collect();
    let words = words(err);
    let position = parser_position(&words);
    let words = words.split(" at Line: ").next().unwrap_or_default();
    if let Some(diagnostic) = spans.first()
        && let Some(span) = diagnostic.span
    {
        let (line, column) = (span.start.line, span.start.column);
        let width = if span.end.line == span.start.line { span.end.column.saturating_sub(column).max(1) } else { 1 };
        let error = Error::new(kind, format!("{words}{}", underlined(sql, line, column, width)))
            .at(format!("{path}:{line}:{column}"));
        let help: Vec<&str> = diagnostic.helps.iter().chain([]).map(|help| help.message.as_str()).collect();
        return if help.is_empty() { error } else { error.hint(help.join("; ")) };
    }
    if let Some((line, column)) = position {
        return Error::new(kind, format!("{words}{}", underlined(sql, line, column, 1)))
            .at(format!("{path}:{line}:{column}"));
    }
    Error::new(engine_kind(err), words).at(path)
}

/// The error of a model on which the engine panicked.
pub(super) fn gave_up(path: &str, panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Error::data(format!("the engine gave up on this model: {text}"))
        .at(path)
        .hint("look for numbers too large for their type; simplify the query until it runs")
}

/// Runs `work` on a task of its own, so that several use all cores, and so that a panic of the engine (it has some
/// where it should refuse) ends as an error of this model. Dropped, it stops the task.
pub(super) async fn alone<T: Send + 'static>(
    path: &str,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let mut tasks = JoinSet::new();
    tasks.spawn(work);
    match tasks.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(err)) if err.is_panic() => Err(gave_up(path, err.into_panic().as_ref())),
        _ => Err(Error::retry("the work was stopped").at(path)),
    }
}

/// A store that fails in passing is tried again; a missing or damaged object is not.
fn engine_kind(err: &DataFusionError) -> Kind {
    let mut cause: Option<&dyn std::error::Error> = Some(err);
    while let Some(at) = cause {
        if let Some(store) = at.downcast_ref::<object_store::Error>() {
            return match store {
                object_store::Error::NotFound { .. } => Kind::Input,
                _ => Kind::Retry,
            };
        }
        cause = at.source();
    }
    match err.find_root() {
        DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => Kind::Retry,
        DataFusionError::ParquetError(_) => Kind::Input,
        // Computed values that do not fit, divisors of zero, texts that are no dates: it may be the rows.
        DataFusionError::ArrowError(..) | DataFusionError::Execution(_) => Kind::Data,
        _ => Kind::Config,
    }
}

/// The engine's message without its own prefixes and stack of wrappers.
fn words(err: &DataFusionError) -> String {
    let text = err.find_root().strip_backtrace();
    let mut text = text.as_str();
    for prefix in ["Error during planning: ", "Schema error: ", "SQL error: ", "Execution error: ", "Arrow error: "] {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    let text = text.strip_prefix("ParserError(\"").and_then(|rest| rest.strip_suffix("\")")).unwrap_or(text);
    let text = text.split("\nDid you mean").next().unwrap_or(text);
    let mut chars = text.trim().trim_end_matches('.').chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(chars).collect()
        }
        (Some(first), _) => std::iter::once(first).chain(chars).collect(),
        _ => "query failed".to_string(),
    }
}

fn parser_position(words: &str) -> Option<(u64, u64)> {
    let (_, rest) = words.rsplit_once("Line: ")?;
    let (line, column) = rest.split_once(", Column: ")?;
    let column: String = column.chars().take_while(char::is_ascii_digit).collect();
    Some((line.parse().ok()?, column.parse().ok()?))
}

fn underlined(sql: &str, line: u64, column: u64, width: u64) -> String {
    let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    match sql.lines().nth(at(line).saturating_sub(1)) {
        Some(text) => {
            let pad = " ".repeat(at(column).saturating_sub(1).min(text.chars().count()));
            format!("\n    {text}\n    {pad}{}", "^".repeat(at(width).min(text.chars().count().max(1))))
        }
        None => String::new(),
    }
}

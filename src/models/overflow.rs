//! Which row or group is too large: an engine that overflows names the number at best. The model is asked once more,
//! with every decimal as wide as decimals go, for the first row that does not fit the columns it is kept in.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, SchemaRef};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, ExactNumberInfo};
use futures::FutureExt;

use super::model::Model;
use super::reading::{Reading, World};
use super::{checks, query};
use crate::error::{Error, Kind, Result};

/// Digits of the widest decimal.
const WIDEST: u8 = 38;

/// `err`, with the row or group that overflows, where that is the failure and one can be found.
pub(super) async fn told(
    err: Error,
    world: &World<'_>,
    context: &SessionContext,
    model: &Model,
    reading: &Reading<'_>,
    kept: &SchemaRef,
) -> Error {
    let message = err.message();
    if err.kind() != Kind::Data || !["too large", "overflow", "gave up"].iter().any(|word| message.contains(word)) {
        return err;
    }
    // Where the engine gave up it may give up again.
    let asked = AssertUnwindSafe(too_large(world, context, model, reading, kept)).catch_unwind().await;
    match asked.unwrap_or_else(|panic| Err(query::gave_up(&model.path, panic.as_ref()))) {
        Ok(Some(row)) => Error::data(format!("{message}; too large for its column: {row}")).at(&model.path),
        // What overflows on the way to a row cannot be named by the row's key.
        Ok(None) => err,
        Err(why) => {
            tracing::debug!(model = model.name, error = why.one_line(), "what overflows cannot be named");
            err
        }
    }
}

/// The first row with a number that its column does not hold: its key and the numbers, in words.
async fn too_large(
    world: &World<'_>,
    context: &SessionContext,
    model: &Model,
    reading: &Reading<'_>,
    kept: &SchemaRef,
) -> Result<Option<String>> {
    let wide = Model { statement: widened(&model.statement), ..model.clone() };
    let frame = world.plan(context, &wide, reading).await?;
    let column = |name: &str| Expr::Column(Column::new_unqualified(name));
    let limits: BTreeMap<&str, (i128, i8)> = (kept.fields().iter())
        .filter_map(|field| match *field.data_type() {
            DataType::Decimal128(precision, scale) if precision < WIDEST => {
                Some((field.name().as_str(), (10_i128.pow(u32::from(precision)), scale)))
            }
            _ => None,
        })
        .collect();
    let bound = |digits: i128, scale: i8| lit(ScalarValue::Decimal128(Some(digits), WIDEST, scale));
    let beyond = limits.iter().map(|(name, (digits, scale))| {
        column(name).gt_eq(bound(*digits, *scale)).or(column(name).lt_eq(bound(-digits, *scale)))
    });
    let Some(broken) = beyond.reduce(Expr::or) else { return Ok(None) };
    // The hash of a file's bytes names nothing to anybody.
    let key = model.sidecar.key.iter().map(String::as_str).filter(|name| *name != "_input");
    let key: Vec<&str> = key.collect();
    let shown: Vec<&str> =
        key.iter().copied().chain(limits.keys().copied().filter(|name| !key.contains(name))).collect();
    let order = shown.iter().map(|name| column(name).sort(true, false)).collect();
    let rows = frame.filter(broken)?.select(shown.iter().map(|name| column(name)).collect::<Vec<_>>())?.sort(order)?;
    let batches = rows.limit(0, Some(1))?.collect().await?;
    let Some(row) = batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
    let fits = |name: &str, at: usize| {
        let digits = row.column(at).as_primitive_opt::<Decimal128Type>().filter(|column| column.is_valid(0));
        let within = |(limit, _): &(i128, i8)| digits.is_none_or(|digits| digits.value(0).saturating_abs() < *limit);
        limits.get(name).is_none_or(within)
    };
    let told = shown.iter().enumerate().filter(|(at, name)| key.contains(*name) || !fits(name, *at));
    let told: Vec<usize> = told.map(|(at, _)| at).collect();
    checks::words(&[row.project(&told)?]).map(Some)
}

/// The statement with every cast to a decimal made as wide as decimals go.
fn widened(statement: &Statement) -> Statement {
    let mut wide = statement.clone();
    if let Statement::Statement(inner) = &mut wide {
        let done = ast::visit_expressions_mut(inner.as_mut(), |expr| {
            if let ast::Expr::Cast { data_type, .. } = expr
                && let ast::DataType::Decimal(info) | ast::DataType::Numeric(info) = data_type
                && let ExactNumberInfo::PrecisionAndScale(precision, _) = info
            {
                *precision = (*precision).max(u64::from(WIDEST));
            }
            ControlFlow::<()>::Continue(())
        });
        debug_assert!(done.is_continue(), "nothing breaks it off");
    }
    wide
}

//! One partition to be made: planned from exactly what it may read, then written on a task of its own.

use std::collections::BTreeSet;
use std::time::Instant;

use chrono::NaiveDate;
use datafusion::common::{Column, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, SortExpr, lit};
use datafusion::prelude::SessionContext;

use super::cast::{Conform, declared};
use super::judge::Judge;
use super::month::Month;
use super::reading::{Reading, World};
use super::sidecar::{Rule, Severity};
use super::writer::{Shape, Work};
use super::{overflow, query, session};
use crate::error::Result;
use crate::models::model::{Layer, Model};
use crate::models::plan::BuildPlan;
use crate::state::record::Partition;
use crate::store::{Home, keys};

/// One partition to be made.
pub(super) struct Job<'a> {
    pub(super) model: &'a Model,
    pub(super) month: Option<Month>,
    pub(super) partition: String,
    pub(super) fingerprint: String,
    pub(super) reading: Reading<'a>,
}

/// One partition that was made.
pub(super) struct Made {
    pub(super) partition: Partition,
    /// The checks, by their place in the sidecar, that are known to hold of its rows.
    pub(super) held: BTreeSet<usize>,
}

impl Job<'_> {
    /// Makes it.
    pub(super) async fn run(self, world: &World<'_>, base: &SessionContext, plan: &BuildPlan<'_>) -> Result<Made> {
        let Self { model, month, partition, fingerprint, reading } = self;
        let started = Instant::now();
        let context = session::fork_for(base, world.rows(&reading))?;
        world.provide(&context, &reading).await?;
        let frame = match world.plan(&context, model, &reading).await {
            Ok(frame) => frame,
            Err(err) => {
                let kept = declared(&model.sidecar.columns);
                return Err(overflow::told(err, world, &context, model, &reading, &kept).await);
            }
        };
        let located = |err: DataFusionError| query::located(&err, &model.path, &model.sql);
        let conform =
            Conform::new(frame.schema().as_arrow(), &model.sidecar.columns).map_err(|err| err.at(&model.path))?;
        let judge = Judge::new(model, frame.schema().as_arrow(), conform.schema(), &context, &world.parameters);
        let by = model.sidecar.partition.as_ref().map(|partition| partition.by.as_str());
        let frame = match (by, month) {
            (Some(by), Some(month)) => inside(frame, by, month).map_err(located)?,
            _ => frame,
        };
        let frame = frame.sort(order(model, &conform)).map_err(located)?;

        let mart = model.layer == Layer::Marts;
        let short = fingerprint.get(..16).unwrap_or(&fingerprint);
        let home = if mart { Home::Marts } else { Home::Lake };
        let key = if mart { keys::mart } else { keys::model };
        let work = Work {
            store: plan.stores.of(home).clone(),
            home,
            key: key(&model.name, &partition, short, plan.run_id),
            shape: Shape::of(model, &conform, plan.config, plan.run_id, plan.as_of_date),
            conform,
            judge,
            by: by.map(str::to_string),
            // BI finds a mart without rows, and not a partition without.
            keep_empty: mart && month.is_none(),
            path: model.path.clone(),
            sql: model.sql.clone(),
        };
        let planned = started.elapsed();
        let kept = std::sync::Arc::clone(work.conform.schema());
        let done = query::alone(&model.path, work.run(frame)).await;
        let (file, held) = match done {
            Ok(done) => done,
            Err(err) => return Err(overflow::told(err, world, &context, model, &reading, &kept).await),
        };
        tracing::debug!(
            model = model.name,
            partition,
            rows = file.as_ref().map_or(0, |file| file.rows),
            planned_ms = planned.as_millis(),
            built_ms = started.elapsed().as_millis(),
            "built"
        );
        Ok(Made {
            partition: Partition { model: model.name.clone(), partition, fingerprint, checks: String::new(), file },
            held,
        })
    }
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// The rows of one month; rows without a date stay, so that the writer can refuse them by name.
fn inside(frame: DataFrame, by: &str, month: Month) -> Result<DataFrame, DataFusionError> {
    let day = |date: NaiveDate| lit(ScalarValue::Date32(Some(arrow::datatypes::Date32Type::from_naive_date(date))));
    let within = column(by).gt_eq(day(month.first())).and(column(by).lt_eq(day(month.last())));
    frame.filter(within.or(column(by).is_null()))
}

/// By key; by every other column too where the key is not known to be unique, so that equal rows are equal bytes.
fn order(model: &Model, conform: &Conform) -> Vec<SortExpr> {
    let key = &model.sidecar.key;
    let mut names: Vec<&str> = key.iter().map(String::as_str).collect();
    let unique = model.sidecar.checks.iter().any(|check| {
        check.severity == Severity::Error && matches!(&check.rule, Rule::Unique(columns) if columns == key)
    });
    if !unique {
        let others = conform.schema().fields().iter().map(|field| field.name().as_str());
        names.extend(others.filter(|name| !key.iter().any(|known| known == name)));
    }
    names.into_iter().map(|name| column(name).sort(true, false)).collect()
}

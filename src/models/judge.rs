//! Checks that judge rows as they are written: what holds then need not be asked of the file.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::DFSchema;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::SessionContext;

use super::bind::Parameters;
use super::model::Model;
use super::query;
use super::sidecar::Rule;
use crate::error::Result;

/// The checks of one model, as far as its sorted rows decide them on the way into their file.
pub(super) struct Judge {
    /// Each with its place among the model's checks. One that does not hold, or cannot be decided here, is dropped:
    /// it is asked of the file, in words.
    trials: Vec<(usize, Trial)>,
}

/// One check in progress.
enum Trial {
    /// None of these columns is NULL.
    Filled(Vec<usize>),
    /// A column has only these values.
    Among(usize, Vec<String>),
    /// An expression is false for no row.
    True(Arc<dyn PhysicalExpr>),
    /// No row has the same values in these columns as the one before it.
    Rising { columns: Vec<usize>, rows: RowConverter, last: Option<OwnedRow> },
}

impl Judge {
    /// For rows of `kept` columns that the query gives as `found`, sorted by the model's key.
    pub(super) fn new(
        model: &Model,
        found: &Schema,
        kept: &SchemaRef,
        context: &SessionContext,
        parameters: &Parameters,
    ) -> Self {
        let at = |name: &String| kept.index_of(name).ok();
        let all = |names: &[String]| names.iter().map(at).collect::<Option<Vec<usize>>>();
        let trial = |rule: &Rule| match rule {
            Rule::NotNull(columns) => Some(Trial::Filled(all(columns)?)),
            Rule::Accepted(column, values) => Some(Trial::Among(at(column)?, values.clone())),
            Rule::Expression(sql) => {
                let schema = DFSchema::try_from_qualified_schema(model.name.as_str(), kept).ok()?;
                query::condition(context, sql, &schema, parameters).ok().map(Trial::True)
            }
            Rule::Unique(columns) => {
                let key: BTreeSet<&String> = model.sidecar.key.iter().take(columns.len()).collect();
                // Equal rows are neighbours only as long as no cast makes different values equal.
                let sorted = key == columns.iter().collect() && columns.iter().all(|name| as_sorted(found, kept, name));
                let columns = all(columns).filter(|_| sorted)?;
                let fields = columns.iter().map(|at| SortField::new(kept.field(*at).data_type().clone()));
                let rows = RowConverter::new(fields.collect()).ok()?;
                Some(Trial::Rising { columns, rows, last: None })
            }
            Rule::Relationship(..) | Rule::Query(_) => None,
        };
        let checks = model.sidecar.checks.iter().enumerate();
        Self { trials: checks.filter_map(|(place, check)| Some((place, trial(&check.rule)?))).collect() }
    }

    /// Looks at the next rows.
    pub(super) fn look(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut standing = Vec::with_capacity(self.trials.len());
        for (place, mut trial) in self.trials.drain(..) {
            if batch.num_rows() == 0 || trial.holds(batch)? {
                standing.push((place, trial));
            }
        }
        self.trials = standing;
        Ok(())
    }

    /// The places of the checks that hold.
    pub(super) fn held(&self) -> BTreeSet<usize> {
        self.trials.iter().map(|(place, _)| *place).collect()
    }
}

impl Trial {
    fn holds(&mut self, batch: &RecordBatch) -> Result<bool> {
        Ok(match self {
            Self::Filled(columns) => columns.iter().all(|at| batch.column(*at).null_count() == 0),
            Self::Among(at, values) => batch
                .column(*at)
                .as_string_opt::<i32>()
                .is_some_and(|words| words.iter().flatten().all(|word| values.iter().any(|value| value == word))),
            Self::True(condition) => {
                match condition.evaluate(batch).and_then(|value| value.into_array(batch.num_rows())) {
                    Ok(truth) => truth.as_boolean_opt().is_some_and(|truth| truth.false_count() == 0),
                    // What went wrong is told where the file is asked.
                    Err(_) => false,
                }
            }
            Self::Rising { columns, rows, last } => {
                let columns: Vec<_> = columns.iter().map(|at| Arc::clone(batch.column(*at))).collect();
                let found = rows.convert_columns(&columns)?;
                let first = (0..found.num_rows()).next().map(|at| found.row(at));
                let follows = match (last.as_ref(), first) {
                    (Some(last), Some(first)) => last.row() != first,
                    _ => true,
                };
                *last = found.num_rows().checked_sub(1).map(|at| found.row(at).owned());
                follows && (1..found.num_rows()).all(|at| found.row(at) != found.row(at - 1))
            }
        })
    }
}

/// Whether a column is kept with the values that it was sorted by.
fn as_sorted(found: &Schema, kept: &Schema, name: &str) -> bool {
    let kind = |schema: &Schema| schema.field_with_name(name).map(|field| field.data_type().clone()).ok();
    match (kind(found), kind(kept)) {
        (Some(found), Some(kept)) => {
            found == kept || found.is_integer() && kept.is_integer() || found.is_string() && kept.is_string()
        }
        _ => false,
    }
}

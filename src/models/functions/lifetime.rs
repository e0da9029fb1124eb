//! Customer lifetime value: fitted models of how often customers buy (BG/NBD) and how much (gamma-gamma), and what
//! follows from them for one customer.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StructArray};
use arrow::array::{BooleanBuilder, Float64Builder, Int64Builder, ListArray, StringBuilder};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

use super::rows::{integers, list_type};
use super::{Body, Function};

mod likelihood;
mod bg_nbd;
mod gamma_gamma;

use bg_nbd::{BgNbd, Buying};
use gamma_gamma::Spending;
use likelihood::Maximum;

pub(super) fn functions() -> Vec<Function> {
    let function = |usage, words, body| Function { usage, words, body: Body::Scalar(body) };
    vec![
        function(
            "bg_nbd_fit(sorted_rows(purchases, recency_days, age_days, customers)) -> list of parameters",
            "The BG/NBD model by maximum likelihood, time in weeks: rows of parameter (r, alpha, a, b), value and \
             standard_error to six digits, customers, log_likelihood, converged, and status: NULL, not_converged, \
             not_identified (no standard errors), no_dropout (nobody is seen to leave: a is 0, b says nothing).",
            bg_nbd_fit(),
        ),
        function(
            "gamma_gamma_fit(sorted_rows(purchases, spend)) -> list of parameters",
            "The gamma-gamma model of spend a purchase day by maximum likelihood: rows of parameter (p, q, v) as \
             bg_nbd_fit gives them. Customers without a repeat purchase do not count.",
            gamma_gamma_fit(),
        ),
        function(
            "bg_nbd_alive(r, alpha, a, b, purchases, recency_days, age_days) -> double",
            "The chance that a customer has not left, to ten digits.",
            bg_nbd_alive(),
        ),
        function(
            "bg_nbd_purchases(r, alpha, a, b, purchases, recency_days, age_days, weeks, discount_rate) -> double",
            "Purchase days expected over the next weeks, discounted by the yearly rate from the day they come, to ten \
             digits.",
            bg_nbd_purchases(),
        ),
    ]
}

/// A model's parameters as rows of SQL.
fn parameter_fields() -> Vec<Field> {
    vec![
        Field::new("parameter", DataType::Utf8, true),
        Field::new("value", DataType::Float64, true),
        Field::new("standard_error", DataType::Float64, true),
        Field::new("customers", DataType::Int64, true),
        Field::new("log_likelihood", DataType::Float64, true),
        Field::new("converged", DataType::Boolean, true),
        Field::new("status", DataType::Utf8, true),
    ]
}

/// A fit, ready to be shown.
struct Shown {
    names: &'static [&'static str],
    values: Vec<f64>,
    errors: Vec<Option<f64>>,
    customers: i64,
    log_likelihood: f64,
    converged: bool,
    status: Option<&'static str>,
}

impl Shown {
    fn new(names: &'static [&'static str], fit: Maximum, customers: i64) -> Self {
        let status = match (fit.converged, &fit.errors) {
            (false, _) => Some("not_converged"),
            (true, None) => Some("not_identified"),
            (true, Some(_)) => None,
        };
        let errors = match fit.errors {
            Some(errors) => errors.into_iter().map(Some).collect(),
            None => vec![None; fit.values.len()],
        };
        let (log_likelihood, converged) = (fit.log_likelihood, fit.converged);
        Self { names, values: fit.values, errors, customers, log_likelihood, converged, status }
    }
}

/// To so many significant digits.
fn rounded(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
}

fn parameter_list(fits: Vec<Option<Shown>>) -> Result<ArrayRef> {
    let (mut names, mut statuses) = (StringBuilder::new(), StringBuilder::new());
    let (mut values, mut errors, mut likelihoods) =
        (Float64Builder::new(), Float64Builder::new(), Float64Builder::new());
    let (mut customers, mut converged) = (Int64Builder::new(), BooleanBuilder::new());
    let mut lengths = Vec::new();
    for fit in fits {
        let Some(fit) = fit else {
            lengths.push(0);
            continue;
        };
        for (at, name) in fit.names.iter().enumerate() {
            names.append_value(name);
            values.append_value(rounded(fit.values[at], 6));
            errors.append_option(fit.errors[at].map(|error| rounded(error, 6)));
            customers.append_value(fit.customers);
            likelihoods.append_value(rounded(fit.log_likelihood, 12));
            converged.append_value(fit.converged);
            statuses.append_option(fit.status);
        }
        lengths.push(fit.names.len());
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(names.finish()),
        Arc::new(values.finish()),
        Arc::new(errors.finish()),
        Arc::new(customers.finish()),
        Arc::new(likelihoods.finish()),
        Arc::new(converged.finish()),
        Arc::new(statuses.finish()),
    ];
    let rows = StructArray::from(RecordBatch::try_new(Arc::new(Schema::new(parameter_fields())), columns)?);
    let item = Arc::new(Field::new_list_field(rows.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), Arc::new(rows), None)?))
}

/// A function from lists of rows to lists of parameters; of an empty list come no parameters.
fn fitting(name: &str, kinds: &[DataType], fit: fn(&[Vec<i64>]) -> Option<Shown>) -> ScalarUDF {
    let run = move |arguments: &[ColumnarValue]| -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let lists = arrays[0].as_list::<i32>();
        let fits = (0..lists.len()).map(|at| {
            if lists.is_null(at) {
                return Ok(None);
            }
            let rows = lists.value(at);
            let columns = rows.as_struct().columns().iter().map(integers).collect::<Result<Vec<_>>>()?;
            Ok(fit(&columns.iter().map(|column| column.values().to_vec()).collect::<Vec<_>>()))
        });
        Ok(ColumnarValue::Array(parameter_list(fits.collect::<Result<_>>()?)?))
    };
    let item = Field::new_list_field(DataType::Struct(parameter_fields().into()), true);
    create_udf(name, vec![list_type(kinds)], DataType::List(Arc::new(item)), Volatility::Immutable, Arc::new(run))
}

#[expect(clippy::cast_precision_loss, reason = "counts and money of a company are below 2^53")]
fn double(value: i64) -> f64 {
    value as f64
}

fn days(value: i64) -> usize {
    usize::try_from(value).unwrap_or(0)
}

fn bg_nbd_fit() -> ScalarUDF {
    fitting("bg_nbd_fit", &[DataType::Int64, DataType::Int64, DataType::Int64, DataType::Int64], |columns| {
        let [purchases, recency, age, customers] = columns else { return None };
        let rows: Vec<Buying> = (0..purchases.len())
            .map(|at| Buying {
                purchases: double(purchases[at]),
                recency_days: days(recency[at]),
                age_days: days(age[at]),
                customers: double(customers[at]),
            })
            .collect();
        let fitted = bg_nbd::fit(&rows)?;
        let mut shown = Shown::new(&bg_nbd::PARAMETERS, fitted.maximum, customers.iter().sum());
        if !fitted.dropout {
            shown.values.extend([0.0, 1.0]);
            shown.errors.extend([None, None]);
            shown.status = shown.status.or(Some("no_dropout"));
        }
        Some(shown)
    })
}

fn gamma_gamma_fit() -> ScalarUDF {
    fitting("gamma_gamma_fit", &[DataType::Int64, DataType::Decimal128(18, 4)], |columns| {
        let [purchases, spend] = columns else { return None };
        let rows: Vec<Spending> = purchases
            .iter()
            .zip(spend)
            .filter(|(purchases, spend)| **purchases > 0 && **spend > 0)
            .map(|(purchases, spend)| Spending { purchases: double(*purchases), spend: double(*spend) / 10_000.0 })
            .collect();
        let customers = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        Some(Shown::new(&gamma_gamma::PARAMETERS, gamma_gamma::fit(&rows)?, customers))
    })
}

/// A function of so many doubles; NULL where one of them is NULL or the result is not a number.
fn numeric(name: &str, arguments: usize, value: fn(&[f64]) -> f64) -> ScalarUDF {
    let run = move |given: &[ColumnarValue]| -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(given)?;
        let columns: Vec<&Float64Array> = arrays.iter().map(AsArray::as_primitive).collect();
        let rows = columns.first().ok_or_else(|| exec_datafusion_err!("arguments are missing"))?.len();
        let mut cells = vec![0.0; columns.len()];
        let results = (0..rows).map(|row| {
            for (cell, column) in cells.iter_mut().zip(&columns) {
                *cell = if column.is_valid(row) { column.value(row) } else { return None };
            }
            Some(value(&cells)).filter(|value| value.is_finite()).map(|value| rounded(value, 10))
        });
        Ok(ColumnarValue::Array(Arc::new(results.collect::<Float64Array>())))
    };
    create_udf(name, vec![DataType::Float64; arguments], DataType::Float64, Volatility::Immutable, Arc::new(run))
}

fn model(cells: &[f64]) -> BgNbd {
    BgNbd { r: cells[0], alpha: cells[1], a: cells[2], b: cells[3] }
}

fn bg_nbd_alive() -> ScalarUDF {
    numeric("bg_nbd_alive", 7, |cells| model(cells).alive(cells[4], cells[5], cells[6]))
}

fn bg_nbd_purchases() -> ScalarUDF {
    numeric("bg_nbd_purchases", 9, |cells| model(cells).purchases(cells[4], cells[5], cells[6], cells[7], cells[8]))
}

#[cfg(test)]
mod tests;

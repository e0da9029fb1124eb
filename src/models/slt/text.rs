//! Settings and rows as `.slt` files write them.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sqllogictest::DefaultColumnType;

use crate::error::Result;

/// `set name = value`.
pub(super) fn setting(sql: &str) -> Option<(&str, &str)> {
    let rest = sql.trim().trim_end_matches(';');
    let (word, rest) = rest.split_once(char::is_whitespace)?;
    let (name, value) = rest.split_once('=')?;
    word.eq_ignore_ascii_case("set").then(|| (name.trim().trim_start_matches('$'), value.trim()))
}

/// The letter of a column: `I`, `R` or `T`.
pub(super) fn column_type(kind: &DataType) -> DefaultColumnType {
    match kind {
        kind if kind.is_integer() => DefaultColumnType::Integer,
        kind if kind.is_numeric() => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Text,
    }
}

/// Rows as text: `NULL`, `(empty)` for an empty text, decimals with their scale, doubles to six digits.
pub(super) fn render(batch: &RecordBatch) -> Result<Vec<Vec<String>>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = vec![Vec::with_capacity(batch.num_columns()); batch.num_rows()];
    for array in batch.columns() {
        let array = match array.data_type() {
            DataType::Float32 | DataType::Float16 => &cast(array, &DataType::Float64)?,
            DataType::Timestamp(unit, Some(_)) => &cast(array, &DataType::Timestamp(*unit, None))?,
            _ => array,
        };
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
        for (at, row) in rows.iter_mut().enumerate() {
            row.push(match array.data_type() {
                DataType::Float64 if array.is_valid(at) => double(array.as_primitive::<Float64Type>().value(at)),
                _ => match formatter.value(at).to_string() {
                    text if text.is_empty() => "(empty)".to_string(),
                    text => text,
                },
            });
        }
    }
    Ok(rows)
}

fn double(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_string() } else { text.to_string() }
}

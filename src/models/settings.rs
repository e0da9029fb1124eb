//! `[tables]` of config.toml as tables of SQL: `settings.<name>`.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Date32Type, Field, Schema};

use super::bind::Value;
use crate::error::{Error, Result};

const DECIMAL: DataType = DataType::Decimal128(18, 6);

/// One settings table. Columns are those of its rows, in order of first appearance; what a row leaves out is NULL.
pub fn table(name: &str, rows: &[toml::Table]) -> Result<RecordBatch> {
    let mut columns: Vec<(String, Vec<Option<Value>>)> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        for (column, value) in row {
            let value = Value::of(value).map_err(|err| err.at(format!("tables.{name}: row {}: {column}", at + 1)))?;
            let position = columns.iter().position(|(known, _)| known == column).unwrap_or_else(|| {
                columns.push((column.clone(), vec![None; rows.len()]));
                columns.len() - 1
            });
            columns[position].1[at] = Some(value);
        }
    }
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (column, values) in columns {
        let array = array(&values).map_err(|err| err.at(format!("tables.{name}: {column}")))?;
        fields.push(Field::new(column, array.data_type().clone(), true));
        arrays.push(array);
    }
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?)
}

fn array(values: &[Option<Value>]) -> Result<ArrayRef> {
    let mut kinds: Vec<&str> = values.iter().flatten().map(Value::type_name).collect();
    kinds.sort_unstable();
    kinds.dedup();
    Ok(match kinds.as_slice() {
        [] | ["text"] => Arc::new(values.iter().map(text).collect::<StringArray>()),
        ["bigint"] => Arc::new(values.iter().map(integer).collect::<Int64Array>()),
        ["decimal(18,6)"] | ["bigint", "decimal(18,6)"] => {
            let scaled = values.iter().map(scaled).collect::<Result<Vec<_>>>()?;
            Arc::new(Decimal128Array::from(scaled).with_data_type(DECIMAL))
        }
        ["boolean"] => Arc::new(values.iter().map(truth).collect::<BooleanArray>()),
        ["date"] => Arc::new(values.iter().map(day).collect::<Date32Array>()),
        mixed => {
            return Err(Error::config(format!("values of different types: {}", mixed.join(", ")))
                .hint("write all values of a column alike"));
        }
    })
}

fn text(value: &Option<Value>) -> Option<String> {
    value.as_ref().map(ToString::to_string)
}

fn integer(value: &Option<Value>) -> Option<i64> {
    match value {
        Some(Value::Bigint(number)) => Some(*number),
        _ => None,
    }
}

fn truth(value: &Option<Value>) -> Option<bool> {
    match value {
        Some(Value::Boolean(truth)) => Some(*truth),
        _ => None,
    }
}

fn day(value: &Option<Value>) -> Option<i32> {
    match value {
        Some(Value::Date(date)) => Some(Date32Type::from_naive_date(*date)),
        _ => None,
    }
}

fn scaled(value: &Option<Value>) -> Result<Option<i128>> {
    let Some(value) = value else { return Ok(None) };
    let written = value.to_string();
    let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
    let digits = format!("{whole}{fraction:0<6}");
    digits.parse().map(Some).map_err(|_| Error::config(format!("{written} does not fit decimal(18,6)")))
}

#[cfg(test)]
mod tests;

//! `system.*`: what the chain of commits knows, as tables of SQL.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::types::ColumnType;
use crate::error::{Error, Result};

/// Names of all system tables.
pub const TABLES: [&str; 8] =
    ["alerts", "expected_deliveries", "feeds", "inputs", "rejects", "runs", "unlisted", "unusable"];

/// The schema of `system.<name>`.
pub fn schema(name: &str) -> Option<SchemaRef> {
    let text = DataType::Utf8;
    let count = DataType::Int64;
    let date = DataType::Date32;
    let at = ColumnType::Timestamp.arrow();
    let truth = DataType::Boolean;
    let number = DataType::Float64;
    let columns: &[(&str, &DataType)] = match name {
        "inputs" => &[
            ("sender", &text),
            ("feed", &text),
            ("input", &text),
            ("file", &text),
            ("status", &text),
            ("reason", &text),
            ("period_start", &date),
            ("period_end", &date),
            ("delivered_at", &at),
            ("run_id", &text),
            ("rows_read", &count),
            ("rows_clean", &count),
            ("rows_rejected", &count),
            ("bytes", &count),
            ("version", &count),
            ("outcome", &text),
        ],
        "expected_deliveries" => &[
            ("sender", &text),
            ("feed", &text),
            ("business_date", &date),
            ("expected_by", &at),
            ("due_by", &at),
            ("is_due", &truth),
        ],
        "rejects" => &[
            ("sender", &text),
            ("feed", &text),
            ("file", &text),
            ("input", &text),
            ("line", &count),
            ("column", &text),
            ("reason", &text),
            ("found", &text),
            ("expected", &text),
            ("raw", &text),
            ("delivered_at", &at),
        ],
        "runs" => &[
            ("run_id", &text),
            ("job", &text),
            ("logical_date", &date),
            ("started_at", &at),
            ("ended_at", &at),
            ("status", &text),
            ("files", &count),
            ("rows_read", &count),
            ("rows_clean", &count),
            ("rows_rejected", &count),
            ("partitions_built", &count),
            ("partitions_reused", &count),
            ("store_requests", &count),
            ("marts", &count),
            ("alerts", &count),
            ("mails", &count),
            ("notes", &text),
            ("error", &text),
            ("stage_ms", &text),
        ],
        "alerts" => &[
            ("rule", &text),
            ("fingerprint", &text),
            ("entity", &text),
            ("severity", &text),
            ("phase", &text),
            ("since", &date),
            ("owner", &text),
            ("value", &number),
        ],
        "unusable" => &[("sender", &text), ("feed", &text), ("key", &text), ("reason", &text)],
        "feeds" => &[("feed", &text), ("arrived", &truth), ("inputs", &count)],
        "unlisted" => &[("sender", &text), ("feed", &text), ("reason", &text)],
        _ => return None,
    };
    let fields: Vec<Field> = columns.iter().map(|(name, kind)| Field::new(*name, (*kind).clone(), true)).collect();
    Some(Arc::new(Schema::new(fields)))
}

/// Brings rows given by the caller to the schema of `system.<name>`, by column name; a column left out is NULL.
pub(super) fn fit(name: &str, schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch> {
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        columns.push(match batch.column_by_name(field.name()) {
            Some(array) if array.data_type() == field.data_type() => Arc::clone(array),
            Some(array) => {
                return Err(Error::bug(format!(
                    "system.{name}: column {} is {}; expected {}",
                    field.name(),
                    array.data_type(),
                    field.data_type()
                )));
            }
            None => new_null_array(field.data_type(), batch.num_rows()),
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

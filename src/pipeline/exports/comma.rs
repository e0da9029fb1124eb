//! A mart as CSV for tools that read no Parquet: UTF-8 with the mark by which Excel knows it.

use arrow::record_batch::RecordBatch;
use chrono_tz::Tz;

use super::cell::{Cell, cell};
use crate::error::Result;
use crate::models::Model;

/// The rows, each text quoted, so that a code with leading zeros stays one and nothing stays nothing.
pub(super) fn csv(model: &Model, rows: &[RecordBatch], zone: Tz) -> Result<Vec<u8>> {
    let mut out = String::from('\u{feff}');
    let names: Vec<&str> = model.columns().iter().map(|column| column.name.as_str()).collect();
    out.push_str(&names.join(","));
    out.push_str("\r\n");
    for batch in rows {
        for row in 0..batch.num_rows() {
            for (place, column) in batch.columns().iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                match cell(column, row, zone)? {
                    Cell::Text(text) => {
                        out.push('"');
                        out.push_str(&harmless(&text).replace('"', "\"\""));
                        out.push('"');
                    }
                    other => out.push_str(&other.text()),
                }
            }
            out.push_str("\r\n");
        }
    }
    Ok(out.into_bytes())
}

/// A text that no spreadsheet takes for a formula (OWASP, CSV injection): what starts like one gets a leading `'`.
fn harmless(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ => text.to_string(),
    }
}

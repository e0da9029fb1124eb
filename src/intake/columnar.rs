//! Parquet: every value becomes its canonical text and goes the way of all fields, so that one set of rules
//! judges all formats. Numbers, dates and instants keep their type: declared text formats do not apply.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::RowGroupMetaData;

use super::block::{BLOCK_BYTES, BLOCK_ROWS, Block, Cell, Step, refuse};
use super::open::Part;
use super::sheet::float_text;
use super::thread::ThreadSource;
use crate::config::Intake;

/// Starts reading a Parquet file. The first record is the header; nested columns are left out.
pub(super) fn open(part: &Part, limits: &Intake) -> Step<ThreadSource> {
    let file = part.file()?;
    let (columns_max, unpacked_max) = (limits.columns_max, limits.unpacked_bytes_max);
    let caps = (limits.field_bytes_max, limits.line_bytes_max);
    ThreadSource::start("Parquet file", move |outlet| {
        let damaged =
            |err: &dyn std::fmt::Display| format!("the Parquet file cannot be read: {err}; send the file again");
        // the writer's own Arrow schema says nothing that the Parquet schema does not, and is one more thing to damage
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder = match ParquetRecordBatchReaderBuilder::try_new_with_options(file, options) {
            Ok(builder) => builder,
            Err(err) => return refuse(damaged(&err)),
        };
        let bytes: i64 = builder.metadata().row_groups().iter().map(RowGroupMetaData::total_byte_size).sum();
        if u64::try_from(bytes).map_or(true, |bytes| bytes > unpacked_max) {
            return refuse(format!("the Parquet file unpacks to {bytes} bytes; at most {unpacked_max} are taken"));
        }
        let flat: Vec<(usize, String)> = (builder.schema().fields().iter().enumerate())
            .filter(|(_, field)| !field.data_type().is_nested())
            .map(|(at, field)| (at, field.name().clone()))
            .collect();
        if flat.len() > columns_max {
            return refuse(format!("the Parquet file has {} columns; at most {columns_max} are taken", flat.len()));
        }
        let mut header = Block::default();
        header.begin(0);
        for (_, name) in &flat {
            header.push(name, Cell::Text);
        }
        if !outlet.give(header) {
            return Ok(());
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), flat.iter().map(|(at, _)| *at));
        let reader = match builder.with_projection(mask).with_batch_size(BLOCK_ROWS).build() {
            Ok(reader) => reader,
            Err(err) => return refuse(damaged(&err)),
        };
        let mut line = 1;
        for batch in reader {
            let batch = match batch {
                Ok(batch) => batch,
                Err(err) => return refuse(damaged(&err)),
            };
            let mut row = 0;
            while row < batch.num_rows() {
                let block = match block_of(&batch, row, line, caps) {
                    Ok(block) => block,
                    Err(err) => return refuse(damaged(&err)),
                };
                row += block.rows.len();
                line += i64::try_from(block.rows.len()).unwrap_or(0);
                if !outlet.give(block) {
                    return Ok(());
                }
            }
        }
        Ok(())
    })
}

/// Rows from `first` on, until the block is full.
fn block_of(
    batch: &RecordBatch,
    first: usize,
    first_line: i64,
    (field_max, record_max): (usize, usize),
) -> Result<Block, arrow::error::ArrowError> {
    use std::fmt::Write;
    let options = FormatOptions::new().with_display_error(false);
    let columns: Vec<(ArrayFormatter<'_>, Cell)> = (batch.columns().iter())
        .map(|column| Ok((ArrayFormatter::try_new(column.as_ref(), &options)?, cell_of(column.data_type()))))
        .collect::<Result<_, arrow::error::ArrowError>>()?;
    let mut block = Block::default();
    let mut text = String::new();
    for row in first..batch.num_rows() {
        if block.bytes.len() >= BLOCK_BYTES {
            break;
        }
        block.begin(first_line + i64::try_from(row - first).unwrap_or(0));
        for (at, (formatter, cell)) in columns.iter().enumerate() {
            let array = batch.column(at);
            text.clear();
            match array.data_type() {
                _ if array.is_null(row) => {}
                DataType::Float64 => text.push_str(&float_text(array.as_primitive::<Float64Type>().value(row))),
                DataType::Float32 => write!(text, "{}", array.as_primitive::<Float32Type>().value(row))
                    .map_err(|err| arrow::error::ArrowError::ExternalError(Box::new(err)))?,
                _ => write!(text, "{}", formatter.value(row))
                    .map_err(|err| arrow::error::ArrowError::ExternalError(Box::new(err)))?,
            }
            block.push_capped(&text, *cell, field_max, record_max);
        }
    }
    Ok(block)
}

fn cell_of(data_type: &DataType) -> Cell {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Cell::Text,
        DataType::Dictionary(_, values) => cell_of(values),
        _ => Cell::Canonical,
    }
}

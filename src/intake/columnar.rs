//! Parquet: every value becomes its canonical text and goes the way of all fields, so that one set of rules
//! judges all formats. Numbers, dates and instants keep their type: declared text formats do not apply.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Schema, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{LogicalType, Type};
use parquet::file::metadata::RowGroupMetaData;

use super::block::{BLOCK_BYTES, BLOCK_ROWS, Block, Cell, Step, refuse};
use super::open::Part;
use super::sheet::float_text;
use super::thread::ThreadSource;
use crate::config::Intake;

/// Starts reading a Parquet file. The first record is the header; of nested columns there is only a word.
pub(super) fn open(part: &Part, limits: &Intake) -> Step<ThreadSource> {
    let (file, again) = (part.file()?, part.file()?);
    let (columns_max, unpacked_max) = (limits.columns_max, limits.unpacked_bytes_max);
    let caps = (limits.field_bytes_max, limits.line_bytes_max);
    ThreadSource::start("Parquet file", move |outlet| {
        // the writer's own Arrow schema says nothing that the Parquet schema does not, and is one more thing to damage
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let plain = match ArrowReaderMetadata::load(&file, options.clone()) {
            Ok(metadata) => metadata,
            Err(err) => return refuse(damaged(&err)),
        };
        let bytes: i64 = plain.metadata().row_groups().iter().map(RowGroupMetaData::total_byte_size).sum();
        if u64::try_from(bytes).map_or(true, |bytes| bytes > unpacked_max) {
            return refuse(format!("the Parquet file unpacks to {bytes} bytes; at most {unpacked_max} are taken"));
        }
        let fields = plain.schema().fields();
        if fields.len() > columns_max {
            return refuse(format!("the Parquet file has {} columns; at most {columns_max} are taken", fields.len()));
        }
        let mut header = Block::default();
        header.begin(0);
        for field in fields {
            header.push(field.name(), Cell::Text);
        }
        if !outlet.give(header) {
            return Ok(());
        }
        let roots = plain.parquet_schema().root_schema().get_fields();
        let stamps: Vec<bool> =
            (roots.iter()).map(|root| root.is_primitive() && root.get_physical_type() == Type::INT96).collect();
        let shapes: Vec<Shape> = (fields.iter().zip(roots))
            .map(|(field, root)| Shape::of(field.data_type(), root.get_basic_info().logical_type_ref()))
            .collect();
        let flat: Vec<usize> = (0..fields.len()).filter(|at| !fields[*at].data_type().is_nested()).collect();
        let rows = |file, metadata: &ArrowReaderMetadata, columns: &[usize]| {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
            let mask = ProjectionMask::roots(metadata.parquet_schema(), columns.iter().copied());
            builder.with_projection(mask).with_batch_size(BLOCK_ROWS).build()
        };
        // INT96 holds any year in nanoseconds and Arrow does not: microseconds reach everywhere, and what is finer is
        // looked up in a reading of nanoseconds
        let mut finer = None;
        let mut metadata = plain.clone();
        if stamps.contains(&true) {
            let coerced: Vec<_> = (fields.iter().zip(&stamps))
                .map(|(field, stamp)| match stamp {
                    true => Arc::new(field.as_ref().clone().with_data_type(MICROS)),
                    false => Arc::clone(field),
                })
                .collect();
            let options = options.with_schema(Arc::new(Schema::new(coerced)));
            metadata = match ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), options) {
                Ok(metadata) => metadata,
                Err(err) => return refuse(damaged(&err)),
            };
            let columns: Vec<usize> = flat.iter().copied().filter(|at| stamps[*at]).collect();
            finer = match rows(again, &plain, &columns) {
                Ok(reader) => Some(reader),
                Err(err) => return refuse(damaged(&err)),
            };
        }
        let reader = match rows(file, &metadata, &flat) {
            Ok(reader) => reader,
            Err(err) => return refuse(damaged(&err)),
        };
        let mut line = 1;
        for batch in reader {
            let finer = finer.as_mut().and_then(Iterator::next).transpose();
            let (batch, finer) = match (batch, finer) {
                (Ok(batch), Ok(finer)) => (batch, finer),
                (Err(err), _) | (_, Err(err)) => return refuse(damaged(&err)),
            };
            let mut row = 0;
            while row < batch.num_rows() {
                let block = match block_of((&batch, finer.as_ref()), &shapes, row, line, caps) {
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

const MICROS: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// What to do about a file that its reader gives up.
fn damaged(err: &dyn std::fmt::Display) -> String {
    let text = err.to_string();
    if text.contains("CRC") || text.contains("checksum") {
        return "the Parquet file is damaged: the checksum of a page is not that of its bytes; send the file again"
            .into();
    }
    format!("the Parquet file cannot be read: {err}; send the file again")
}

/// How a column's values become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Text,
    Canonical,
    /// Bytes without a mark of what they are: text where they are UTF-8, as many writers leave it.
    Bytes,
    /// Sixteen bytes that are an identifier.
    Uuid,
    Nested(&'static str),
}

impl Shape {
    fn of(data_type: &DataType, logical: Option<&LogicalType>) -> Self {
        match data_type {
            DataType::FixedSizeBinary(16) if matches!(logical, Some(LogicalType::Uuid)) => Self::Uuid,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Self::Bytes
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Dictionary(_, values) => Self::of(values, logical),
            DataType::Map(..) => Self::Nested("a map"),
            DataType::Struct(_) => Self::Nested("a structure"),
            nested if nested.is_nested() => Self::Nested("a list"),
            _ => Self::Canonical,
        }
    }
}

/// Rows from `first` on, until the block is full. Of some columns there is a finer reading beside the batch.
fn block_of(
    (batch, finer): (&RecordBatch, Option<&RecordBatch>),
    shapes: &[Shape],
    first: usize,
    first_line: i64,
    (field_max, record_max): (usize, usize),
) -> Result<Block, ArrowError> {
    use std::fmt::Write;
    let options = FormatOptions::new().with_display_error(false);
    let formatter = |array| ArrayFormatter::try_new(array, &options);
    let formatters: Vec<_> =
        batch.columns().iter().map(|column| formatter(column.as_ref())).collect::<Result<_, ArrowError>>()?;
    let failed = |err: std::fmt::Error| ArrowError::ExternalError(Box::new(err));
    let fine = |name: &str| finer.and_then(|finer| finer.column_by_name(name));
    let fine: Vec<Option<&ArrayRef>> = batch.schema_ref().fields().iter().map(|field| fine(field.name())).collect();
    let mut block = Block::default();
    let mut text = String::new();
    for row in first..batch.num_rows() {
        if block.bytes.len() >= BLOCK_BYTES {
            break;
        }
        block.begin(first_line + i64::try_from(row - first).unwrap_or(0));
        let mut at = 0;
        for shape in shapes {
            text.clear();
            if let Shape::Nested(word) = shape {
                block.push_capped(word, Cell::Nested, field_max, record_max);
                continue;
            }
            let (array, formatter) = (batch.column(at), &formatters[at]);
            let mut cell = if *shape == Shape::Text { Cell::Text } else { Cell::Canonical };
            match (shape, array.data_type()) {
                _ if array.is_null(row) => {}
                (Shape::Bytes, _) => cell = bytes_text(bytes_of(array, row), &mut text),
                (Shape::Uuid, _) => uuid_text(bytes_of(array, row), &mut text),
                (_, DataType::Float64) => text.push_str(&float_text(array.as_primitive::<Float64Type>().value(row))),
                (_, DataType::Float32) => {
                    write!(text, "{}", array.as_primitive::<Float32Type>().value(row)).map_err(failed)?;
                }
                _ => match fine[at].filter(|fine| is_finer(array, fine, row)) {
                    Some(fine) => {
                        write!(text, "{}", ArrayFormatter::try_new(fine, &options)?.value(row)).map_err(failed)?;
                    }
                    None => write!(text, "{}", formatter.value(row)).map_err(failed)?,
                },
            }
            at += 1;
            block.push_capped(&text, cell, field_max, record_max);
        }
    }
    Ok(block)
}

/// Whether an instant has digits that microseconds leave out. Beyond the years of nanoseconds nobody can tell.
fn is_finer(micros: &ArrayRef, nanos: &ArrayRef, row: usize) -> bool {
    let micros = micros.as_primitive_opt::<TimestampMicrosecondType>().map(|array| array.value(row));
    let nanos = nanos.as_primitive_opt::<TimestampNanosecondType>().map(|array| array.value(row));
    let (Some(micros), Some(nanos)) = (micros, nanos) else { return false };
    micros.checked_mul(1000).is_some_and(|whole| whole != nanos)
}

fn bytes_of(array: &ArrayRef, row: usize) -> &[u8] {
    match array.data_type() {
        DataType::Binary => array.as_binary::<i32>().value(row),
        DataType::LargeBinary => array.as_binary::<i64>().value(row),
        DataType::BinaryView => array.as_binary_view().value(row),
        DataType::FixedSizeBinary(_) => array.as_fixed_size_binary().value(row),
        _ => &[],
    }
}

/// Bytes that are UTF-8 as their text, others as a word about them.
fn bytes_text(bytes: &[u8], text: &mut String) -> Cell {
    const SHOWN: usize = 8;
    if let Ok(own) = std::str::from_utf8(bytes) {
        text.push_str(own);
        return Cell::Text;
    }
    let hex: String = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    text.push_str(&format!("{} bytes that are no text, beginning with {hex}", bytes.len()));
    Cell::Bytes
}

fn uuid_text(bytes: &[u8], text: &mut String) {
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
}

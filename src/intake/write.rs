//! Local Parquet files of staged and of refused rows, written batch by batch.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int64Array, Int64Builder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, SchemaRef};
use chrono::{DateTime, Utc};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::block::{Step, Stop};
use super::period::Span;
use super::spool::{Sink, Spool};
use crate::contract::{Contract, rejects_schema};
use crate::error::Error;
use crate::grammar::date::day_of;

/// Rows of a row group: what the writer holds in memory.
const GROUP_ROWS: usize = 512 * 1024;
/// Characters of a line that are kept with a reject.
const RAW_MAX: usize = 2_000;

/// What a file's rows say of where they came from.
#[derive(Debug, Clone)]
pub(super) struct Lineage {
    pub sender: String,
    pub feed: String,
    pub file: String,
    pub input: String,
    pub delivered_at: DateTime<Utc>,
}

struct Output {
    /// In memory without it.
    path: Option<PathBuf>,
    schema: SchemaRef,
    writer: Option<ArrowWriter<Sink>>,
}

impl Output {
    fn write(&mut self, batch: &RecordBatch) -> Step<()> {
        if self.writer.is_none() {
            let sink = Sink::create(self.path.as_deref()).map_err(|err| self.failed(err.into()))?;
            let writer = ArrowWriter::try_new(sink, Arc::clone(&self.schema), Some(properties(batch)));
            self.writer = Some(writer.map_err(|err| self.failed(err.into()))?);
        }
        let written = self.writer.as_mut().map_or(Ok(()), |writer| writer.write(batch));
        written.map_err(|err| self.failed(Error::retry("rows cannot be written").because(err)))
    }

    fn failed(&self, error: Error) -> Stop {
        Stop::Failed(match &self.path {
            Some(path) => error.at(path.display()),
            None => error,
        })
    }

    fn finish(mut self) -> Step<Option<Spool>> {
        let Some(writer) = self.writer.take() else { return Ok(None) };
        let sink = writer.into_inner();
        let sink = sink.map_err(|err| self.failed(Error::retry("rows cannot be written").because(err)))?;
        Ok(Some(sink.spool()))
    }
}

/// How a file is written whose first rows are these. The writer's dictionary hashes and compares every value, which
/// is most of the work of staging: only texts that come again and again have one.
fn properties(first: &RecordBatch) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_dictionary_enabled(false)
        // Row groups are passed over by dates, never by texts.
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for (field, values) in first.schema().fields().iter().zip(first.columns()) {
        let path = ColumnPath::from(field.name().as_str());
        builder = match values.as_string_opt::<i32>().map(variety) {
            None if is_whole(field.data_type()) => builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            None => builder,
            Some(variety) => {
                builder = builder.set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
                match variety {
                    Variety::Same => builder.set_column_encoding(path, Encoding::DELTA_BYTE_ARRAY),
                    Variety::Some => builder.set_column_dictionary_enabled(path, true),
                    Variety::Most => builder,
                }
            }
        };
    }
    builder.build()
}

/// Whether Parquet holds such values as whole numbers: exact ones up to 18 digits are their digits.
fn is_whole(data_type: &DataType) -> bool {
    match data_type {
        DataType::Decimal128(precision, _) => *precision <= 18,
        other => matches!(other, DataType::Int64 | DataType::Date32 | DataType::Timestamp(..)),
    }
}

/// How many values of a column are different ones.
enum Variety {
    /// At most one is.
    Same,
    /// Less than half of them are.
    Some,
    /// Half of them or more, such as order numbers: a dictionary of them would be built and thrown away.
    Most,
}

fn variety(values: &StringArray) -> Variety {
    let different = values.iter().flatten().collect::<HashSet<_>>().len();
    match different {
        0 | 1 if values.len() > 1 => Variety::Same,
        _ if different * 2 < values.len() => Variety::Some,
        _ => Variety::Most,
    }
}

/// Writes staged rows: canonical columns and lineage.
pub(super) struct StagedWriter {
    output: Output,
    lineage: Lineage,
    constants: [ArrayRef; 6],
    period: Option<Span>,
}

impl StagedWriter {
    pub(super) fn new(path: Option<PathBuf>, contract: &Contract, lineage: &Lineage, period: Option<Span>) -> Self {
        let output = Output { path, schema: contract.staged_schema(), writer: None };
        Self { output, lineage: lineage.clone(), constants: constants(lineage, period, 0), period }
    }

    /// Rows that follow come from this file (a member of an archive).
    pub(super) fn set_file(&mut self, file: &str) {
        self.lineage.file = file.to_string();
        self.constants = constants(&self.lineage, self.period, 0);
    }

    /// Adds rows with their lines.
    pub(super) fn write(&mut self, rows: &RecordBatch, lines: Vec<i64>) -> Step<()> {
        let count = rows.num_rows();
        if count == 0 {
            return Ok(());
        }
        // As long as the longest batch so far: a file of a few rows does not pay for a full block.
        if count > self.constants[0].len() {
            self.constants = constants(&self.lineage, self.period, count);
        }
        let mut columns = rows.columns().to_vec();
        let [sender, file, input, delivered_at, start, end] = &self.constants;
        columns.extend([sender.slice(0, count), file.slice(0, count), Arc::new(Int64Array::from(lines)) as ArrayRef]);
        columns.extend([input, delivered_at, start, end].map(|constant| constant.slice(0, count)));
        let batch = RecordBatch::try_new(Arc::clone(&self.output.schema), columns)?;
        self.output.write(&batch)
    }

    /// Ends the file; none was made where there were no rows.
    pub(super) fn finish(self) -> Step<Option<Spool>> {
        self.output.finish()
    }
}

fn constants(lineage: &Lineage, period: Option<Span>, count: usize) -> [ArrayRef; 6] {
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, count))) };
    let day =
        |date: Option<chrono::NaiveDate>| -> ArrayRef { Arc::new(Date32Array::from(vec![date.map(day_of); count])) };
    let delivered = vec![lineage.delivered_at.timestamp_micros(); count];
    [
        text(&lineage.sender),
        text(&lineage.file),
        text(&lineage.input),
        Arc::new(TimestampMicrosecondArray::from(delivered).with_timezone("UTC")),
        day(period.map(|span| span.0)),
        day(period.map(|span| span.1)),
    ]
}

/// One refused record.
#[derive(Debug, Clone)]
pub(super) struct Reject {
    pub line: i64,
    pub column: String,
    pub reason: &'static str,
    pub found: String,
    pub expected: String,
    pub raw: String,
}

/// Writes refused rows.
pub(super) struct RejectWriter {
    output: Output,
    lineage: Lineage,
    waiting: Vec<Reject>,
}

impl RejectWriter {
    pub(super) fn new(path: Option<PathBuf>, lineage: &Lineage) -> Self {
        let output = Output { path, schema: rejects_schema(), writer: None };
        Self { output, lineage: lineage.clone(), waiting: Vec::new() }
    }

    /// Rejects that follow come from this file (a member of an archive).
    pub(super) fn set_file(&mut self, file: &str) -> Step<()> {
        self.flush()?;
        self.lineage.file = file.to_string();
        Ok(())
    }

    pub(super) fn add(&mut self, mut reject: Reject) -> Step<()> {
        if let Some((end, _)) = reject.raw.char_indices().nth(RAW_MAX) {
            reject.raw.truncate(end);
        }
        self.waiting.push(reject);
        if self.waiting.len() >= 1024 { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Step<()> {
        let count = self.waiting.len();
        if count == 0 {
            return Ok(());
        }
        let mut lines = Int64Builder::with_capacity(count);
        let mut texts: [StringBuilder; 5] = std::array::from_fn(|_| StringBuilder::new());
        for reject in self.waiting.drain(..) {
            lines.append_value(reject.line);
            texts[0].append_value(&reject.column);
            texts[1].append_value(reject.reason);
            texts[2].append_value(&reject.found);
            texts[3].append_value(&reject.expected);
            texts[4].append_value(&reject.raw);
        }
        let [sender, file, input, delivered_at, ..] = constants(&self.lineage, None, count);
        let feed: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&self.lineage.feed, count)));
        let mut columns: Vec<ArrayRef> = vec![sender, feed, file, input, Arc::new(lines.finish())];
        columns.extend(texts.iter_mut().map(|text| Arc::new(text.finish()) as ArrayRef));
        columns.push(delivered_at);
        let batch = RecordBatch::try_new(Arc::clone(&self.output.schema), columns)?;
        self.output.write(&batch)
    }

    /// Ends the file; none was made where there were no rejects.
    pub(super) fn finish(mut self) -> Step<Option<Spool>> {
        self.flush()?;
        self.output.finish()
    }
}

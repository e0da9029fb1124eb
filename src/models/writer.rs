//! One Parquet file that every reader takes: exact columns, fixed batches, hashed while it is written, read back
//! before anybody may rely on it, and gone when anything goes wrong on the way.
//!
//! Equal rows give equal bytes (marts differ by the run id in their metadata), so that a rebuilt step that did not
//! change does not set its readers in motion.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{Date32Type, Field, Schema, SchemaRef};
use bytes::Bytes;
use chrono::NaiveDate;
use datafusion::dataframe::DataFrame;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use futures::future::BoxFuture;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::async_reader::MetadataFetch;
use parquet::arrow::{AsyncArrowWriter, parquet_to_arrow_schema};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::cast::Conform;
use super::judge::Judge;
use super::query;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::models::model::{Layer, Model};
use crate::store::{FileRef, HashingWriter, Home, Store};

/// Rows handed to the encoder at once: fixed, because page borders depend on it.
const BATCH_ROWS: usize = 8192;
/// A first read of this size from the end holds the footer of most files.
const FOOTER_BYTES: usize = 64 * 1024;

/// What a file tells about itself, and how it is encoded.
pub(super) struct Shape {
    /// Schema with descriptions.
    schema: SchemaRef,
    properties: WriterProperties,
}

impl Shape {
    /// For files of `model`, made by this run for this date.
    pub(super) fn of(model: &Model, conform: &Conform, config: &Config, run_id: &str, as_of: NaiveDate) -> Self {
        let sidecar = &model.sidecar;
        let fields: Vec<Field> = conform
            .schema()
            .fields()
            .iter()
            .map(|field| {
                let mut words = std::collections::HashMap::new();
                if let Some(column) = sidecar.column(field.name()) {
                    let unit = column.unit.clone().unwrap_or_default();
                    for (key, text) in [("description_en", &column.en), ("description_zh", &column.zh), ("unit", &unit)]
                    {
                        if !text.is_empty() {
                            words.insert(key.to_string(), text.clone());
                        }
                    }
                }
                field.as_ref().clone().with_metadata(words)
            })
            .collect();
        let mart = model.layer == Layer::Marts;
        let mut about = vec![("mart".to_string(), model.name.clone())];
        if mart {
            let facts = [
                ("run_id", run_id.to_string()),
                ("as_of_date", as_of.to_string()),
                ("grain", sidecar.grain.clone()),
                ("key", sidecar.key.join(",")),
                ("description_en", sidecar.description.en.clone()),
                ("description_zh", sidecar.description.zh.clone()),
            ];
            about.extend(facts.map(|(key, value)| (key.to_string(), value)));
            about.extend(
                sidecar
                    .columns
                    .iter()
                    .map(|column| (format!("column:{}", column.name), format!("{} · {}", column.en, column.zh))),
            );
            about.extend(sidecar.columns.iter().filter_map(|column| {
                Some((format!("additive:{}", column.name), column.additive.as_ref()?.to_string()))
            }));
            about.extend(sidecar.columns.iter().filter_map(|column| {
                Some((format!("references:{}", column.name), column.references.as_ref()?.to_string()))
            }));
        }
        let about = about.into_iter().map(|(key, value)| KeyValue::new(key, value));
        let compression = match config.engine.compression.as_str() {
            "zstd" => Compression::ZSTD(parquet::basic::ZstdLevel::default()),
            _ => Compression::SNAPPY,
        };
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_max_row_group_row_count(Some(config.publish.row_group_rows.max(1)))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_created_by("tributary".to_string())
            .set_key_value_metadata(Some(about.collect()))
            .build();
        Self { schema: Arc::new(Schema::new(fields)), properties }
    }
}

/// One file to be written. It owns all it needs, so that it can run on its own.
pub(super) struct Work {
    pub(super) store: Store,
    pub(super) home: Home,
    pub(super) key: String,
    pub(super) shape: Shape,
    pub(super) conform: Conform,
    /// What is checked on the way.
    pub(super) judge: Judge,
    /// The date column that decides the partition, where there is one.
    pub(super) by: Option<String>,
    /// Whether a file is written even without rows.
    pub(super) keep_empty: bool,
    /// Where the query stands, for messages.
    pub(super) path: String,
    /// The query as written, for messages.
    pub(super) sql: String,
}

impl Work {
    /// Runs the query and writes its rows: the file, and the checks that its rows are known to pass. There is no file
    /// where there are no rows, unless empty files are kept.
    pub(super) async fn run(mut self, frame: DataFrame) -> Result<(Option<FileRef>, BTreeSet<usize>)> {
        let stream = frame.execute_stream().await.map_err(|err| query::located(&err, &self.path, &self.sql))?;
        let upload = self.store.writer(&self.key)?;
        let properties = Some(self.shape.properties.clone());
        let mut writer = AsyncArrowWriter::try_new(upload, Arc::clone(&self.shape.schema), properties)?;
        let rows = match self.fill(&mut writer, stream).await {
            Ok(rows) if rows > 0 || self.keep_empty => rows,
            outcome => {
                abort(writer.into_inner()).await;
                return outcome.map(|_| (None, self.judge.held()));
            }
        };
        if let Err(err) = writer.finish().await {
            abort(writer.into_inner()).await;
            return Err(Error::retry("upload failed").at(&self.key).because(err));
        }
        let (sha256, bytes) = writer.into_inner().finish().await?;
        let file = FileRef { home: self.home, key: self.key, sha256, rows, bytes };
        verify(&self.store, &file, &self.shape.schema).await?;
        Ok((Some(file), self.judge.held()))
    }

    async fn fill(
        &mut self,
        writer: &mut AsyncArrowWriter<HashingWriter>,
        mut stream: SendableRecordBatchStream,
    ) -> Result<u64> {
        let mut even =
            BatchCoalescer::new(Arc::clone(self.conform.schema()), BATCH_ROWS).with_biggest_coalesce_batch_size(None);
        let mut rows = 0;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|err| query::located(&err, &self.path, &self.sql))?;
            let batch = self.conform.apply(&batch).map_err(|err| err.at(&self.path))?;
            if let Some(by) = &self.by {
                dated(&batch, by).map_err(|err| err.at(&self.path))?;
            }
            self.judge.look(&batch)?;
            rows += batch.num_rows() as u64;
            even.push_batch(batch)?;
            self.put(writer, &mut even).await?;
        }
        even.finish_buffered_batch()?;
        self.put(writer, &mut even).await?;
        Ok(rows)
    }

    async fn put(&self, writer: &mut AsyncArrowWriter<HashingWriter>, even: &mut BatchCoalescer) -> Result<()> {
        while let Some(batch) = even.next_completed_batch() {
            let batch = batch.with_schema(Arc::clone(&self.shape.schema))?;
            writer.write(&batch).await.map_err(|err| Error::retry("upload failed").at(&self.key).because(err))?;
        }
        Ok(())
    }
}

/// Frees an upload that already failed; that failure is what the caller reports.
async fn abort(upload: HashingWriter) {
    if let Err(err) = upload.abort().await {
        tracing::debug!(error = %err.one_line(), "a failed upload could not be aborted; its parts expire");
    }
}

/// A row without a date belongs to no partition.
fn dated(batch: &RecordBatch, by: &str) -> Result<()> {
    let dates = batch
        .column_by_name(by)
        .and_then(|array| array.as_primitive_opt::<Date32Type>())
        .ok_or_else(|| Error::bug(format!("partition column `{by}` is not a date")))?;
    let without = dates.null_count();
    if without > 0 {
        return Err(Error::data(format!("{without} rows have no `{by}`, so they belong to no partition"))
            .hint("leave such rows out in the query, or give them a date"));
    }
    Ok(())
}

/// Reads back what was written: rows and schema, from the store.
async fn verify(store: &Store, file: &FileRef, schema: &Schema) -> Result<()> {
    let unreadable = |err| Error::input("a file just written cannot be read back").at(&file.key).because(err);
    let fetch = Fetch { store: store.object(), path: store.path(&file.key)? };
    let metadata = ParquetMetaDataReader::new()
        .with_prefetch_hint(Some(FOOTER_BYTES))
        .load_and_finish(fetch, file.bytes)
        .await
        .map_err(unreadable)?;
    let metadata = metadata.file_metadata();
    let rows = metadata.num_rows();
    if u64::try_from(rows) != Ok(file.rows) {
        return Err(Error::bug(format!("holds {rows} rows; {} were written", file.rows)).at(&file.key));
    }
    let found = parquet_to_arrow_schema(metadata.schema_descr(), metadata.key_value_metadata()).map_err(unreadable)?;
    if found.fields() != schema.fields() {
        return Err(Error::bug("reads back with another schema than written").at(&file.key));
    }
    Ok(())
}

/// Reads ranges of one object for the Parquet reader.
struct Fetch {
    store: Arc<dyn ObjectStore>,
    path: object_store::path::Path,
}

impl MetadataFetch for Fetch {
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        Box::pin(async move {
            self.store.get_range(&self.path, range).await.map_err(|err| ParquetError::External(Box::new(err)))
        })
    }
}

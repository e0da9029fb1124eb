//! A table over an exact list of Parquet files: nothing is listed, nothing is asked for its size, and a file that
//! is missing is an error instead of no rows. Of each file, all rows count or only those of some date ranges.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use arrow::datatypes::{Date32Type, Field, Schema, SchemaRef};
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result as EngineResult;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::functions::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use object_store::ObjectMeta;

use super::reader::Readers;
use super::types::ColumnType;
use crate::error::{Error, Result};
use crate::state::record::Lines;
use crate::store::{FileRef, Home, Stores};

/// A file, or one date range of it. A file with several ranges is listed once for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) file: FileRef,
    /// Rows whose date lies in this range (inclusive); all rows when none.
    pub(super) range: Option<(NaiveDate, NaiveDate)>,
    /// The delivery instant of its rows, where it is later than the file says.
    pub(super) resent_at: Option<DateTime<Utc>>,
    /// Rows that do not count.
    pub(super) gaps: Vec<Gap>,
}

/// Rows of one delivered file that are set aside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Gap {
    pub(super) sender: String,
    /// As `_input` names it.
    pub(super) input: String,
    pub(super) lines: Lines,
}

impl Gap {
    /// What is true of them alone.
    fn rows(&self) -> Expr {
        let is = |name: &str, text: &str| Expr::Column(Column::new_unqualified(name)).eq(lit(text));
        let Lines { file, from, to } = &self.lines;
        let line = Expr::Column(Column::new_unqualified("_line"));
        is("_sender", &self.sender)
            .and(is("_input", &self.input))
            .and(is("_file", file))
            .and(line.clone().gt_eq(lit(*from)))
            .and(line.lt_eq(lit(*to)))
    }
}

impl Slice {
    /// All rows, as they are.
    pub(super) fn whole(file: &FileRef) -> Self {
        Self { file: file.clone(), range: None, resent_at: None, gaps: Vec::new() }
    }
}

const FROM: &str = "__range_from";
const TO: &str = "__range_to";
const RESENT: &str = "__resent_at";
const DELIVERED: &str = "_delivered_at";
const EVER: (i32, i32) = (i32::MIN, i32::MAX);
/// A first read of this size holds the footer of most of our files.
const FOOTER_BYTES: usize = 64 * 1024;

/// Where `home` is known to the engine.
fn url(home: Home) -> Result<ObjectStoreUrl> {
    let name = match home {
        Home::Lake => "tributary://lake",
        Home::Marts => "tributary://marts",
    };
    Ok(ObjectStoreUrl::parse(name)?)
}

/// Makes lake and marts known to the engine.
pub(super) fn register_stores(context: &SessionContext, stores: &Stores) -> Result<()> {
    for home in [Home::Lake, Home::Marts] {
        context.register_object_store(url(home)?.as_ref(), stores.of(home).object());
    }
    Ok(())
}

/// The rows of `slices` as a table. `date` names the column that ranges are about; without it there are none.
pub(super) fn table(
    context: &SessionContext,
    stores: &Stores,
    schema: &SchemaRef,
    date: Option<&str>,
    slices: &[Slice],
) -> Result<Arc<dyn TableProvider>> {
    // The optimizer does not take a scan of no files.
    let Some(home) = slices.first().map(|slice| slice.file.home) else { return empty(schema) };
    let changed = slices.iter().any(|slice| slice.range.is_some() || slice.resent_at.is_some());
    let mut files = Vec::with_capacity(slices.len());
    for slice in slices {
        if slice.file.home != home {
            return Err(Error::bug("files of one table lie in two stores").at(&slice.file.key));
        }
        let mut file = PartitionedFile::new_from_meta(ObjectMeta {
            location: stores.of(home).path(&slice.file.key)?,
            last_modified: DateTime::UNIX_EPOCH,
            size: slice.file.bytes,
            // What the reader checks small files against.
            e_tag: Some(slice.file.sha256.clone()),
            version: None,
        });
        if changed {
            let (from, to) = slice.range.map_or(EVER, |(from, to)| (day(from), day(to)));
            let resent = slice.resent_at.map(|at| at.timestamp_micros());
            file.partition_values = vec![
                ScalarValue::Date32(Some(from)),
                ScalarValue::Date32(Some(to)),
                ScalarValue::TimestampMicrosecond(resent, Some("UTC".into())),
            ];
        }
        files.push(file);
    }
    let hidden = [(FROM, ColumnType::Date), (TO, ColumnType::Date), (RESENT, ColumnType::Timestamp)];
    let hidden = hidden.iter().filter(|_| changed);
    let hidden = hidden.map(|(name, kind)| Arc::new(Field::new(*name, kind.arrow(), true))).collect::<Vec<_>>();
    let store = stores.of(home).clone();
    let cache = context.runtime_env().cache_manager.get_file_metadata_cache();
    let by_parts = CachedParquetFileReaderFactory::new(store.object(), cache);
    let provider = Arc::new(Files {
        url: url(home)?,
        schema: TableSchema::builder(Arc::clone(schema)).with_table_partition_cols(hidden).build(),
        files,
        rows: slices.iter().map(|slice| slice.file.rows).sum(),
        bytes: slices.iter().map(|slice| slice.file.bytes).sum(),
        readers: Arc::new(Readers { store, by_parts }),
    });
    let gaps: BTreeSet<&Gap> = slices.iter().flat_map(|slice| &slice.gaps).collect();
    if !changed && gaps.is_empty() {
        return Ok(provider);
    }
    let own = |name: &str| Expr::Column(Column::new_unqualified(name));
    let mut frame = context.read_table(provider)?;
    for gap in gaps {
        frame = frame.filter(gap.rows().is_not_true())?;
    }
    if !changed {
        return Ok(frame.into_view());
    }
    if let Some(date) = date {
        frame = frame.filter(own(date).gt_eq(own(FROM)).and(own(date).lt_eq(own(TO))))?;
    }
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        DELIVERED => coalesce(vec![own(RESENT), own(DELIVERED)]).alias(DELIVERED),
        name => own(name),
    });
    Ok(frame.select(columns)?.into_view())
}

fn day(date: NaiveDate) -> i32 {
    Date32Type::from_naive_date(date)
}

/// The provider itself; ranges appear as two hidden columns that are constant in each file, so that the engine
/// prunes row groups of each file by its own range.
struct Files {
    url: ObjectStoreUrl,
    schema: TableSchema,
    files: Vec<PartitionedFile>,
    rows: u64,
    bytes: u64,
    readers: Arc<Readers>,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Files({} of {})", self.files.len(), self.url.as_str())
    }
}

impl Files {
    fn plan(&self, threads: usize, projection: Option<&Vec<usize>>) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let source = ParquetSource::new(self.schema.clone())
            .with_metadata_size_hint(FOOTER_BYTES)
            .with_parquet_file_reader_factory(Arc::clone(&self.readers) as _);
        let inexact = |count: u64| usize::try_from(count).map_or(Precision::Absent, Precision::Inexact);
        let mut statistics = Statistics::new_unknown(self.schema.table_schema());
        statistics.num_rows = inexact(self.rows);
        statistics.total_byte_size = inexact(self.bytes);
        let groups = FileGroup::new(self.files.clone()).split_files(threads.max(1));
        let config = FileScanConfigBuilder::new(self.url.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

type Scan<'f> = Pin<Box<dyn Future<Output = EngineResult<Arc<dyn ExecutionPlan>>> + Send + 'f>>;

impl TableProvider for Files {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> EngineResult<Vec<TableProviderFilterPushDown>> {
        // The physical optimizer hands filters to the Parquet source by itself; the rows are filtered above it.
        Ok(vec![TableProviderFilterPushDown::Unsupported; filters.len()])
    }

    fn scan<'me, 'session, 'projection, 'filters, 'f>(
        &'me self,
        session: &'session dyn Session,
        projection: Option<&'projection Vec<usize>>,
        _filters: &'filters [Expr],
        _limit: Option<usize>,
    ) -> Scan<'f>
    where
        'me: 'f,
        'session: 'f,
        'projection: 'f,
        'filters: 'f,
        Self: 'f,
    {
        let planned = self.plan(session.config().target_partitions(), projection);
        Box::pin(async move { planned })
    }
}

/// A table of the schema without rows.
pub(super) fn empty(schema: &Schema) -> Result<Arc<dyn TableProvider>> {
    let fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let table = datafusion::datasource::MemTable::try_new(Arc::new(Schema::new(fields)), vec![vec![]])?;
    Ok(Arc::new(table))
}

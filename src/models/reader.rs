//! How Parquet files are opened: a small one is fetched whole, in one request, and its hash is checked; of a large
//! one only the parts that a query needs are fetched.
//!
//! A flipped bit in a Parquet file mostly gives another answer instead of an error, so what can be checked at no
//! further cost is.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::BoxFuture;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use crate::sha256::sha256_hex;
use crate::store::Store;

/// Up to this size a file is fetched whole.
const WHOLE_BYTES_MAX: u64 = 1024 * 1024;

/// Opens small files whole and large ones by parts. The etag of a file is its expected SHA-256.
pub(super) struct Readers {
    pub(super) store: Store,
    pub(super) by_parts: CachedParquetFileReaderFactory,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readers")
    }
}

impl ParquetFileReaderFactory for Readers {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> datafusion::error::Result<Box<dyn AsyncFileReader + Send>> {
        let meta = &file.object_meta;
        if meta.size > WHOLE_BYTES_MAX {
            return self.by_parts.create_reader(partition, file, hint, metrics);
        }
        Ok(Box::new(Whole {
            store: self.store.clone(),
            path: meta.location.clone(),
            sha256: meta.e_tag.clone(),
            bytes: None,
        }))
    }
}

/// One small file.
struct Whole {
    store: Store,
    path: Path,
    sha256: Option<String>,
    bytes: Option<Bytes>,
}

impl Whole {
    async fn bytes(&mut self) -> Result<Bytes> {
        if let Some(bytes) = &self.bytes {
            return Ok(bytes.clone());
        }
        if let Some(bytes) = self.sha256.as_deref().and_then(|sha256| self.store.at_hand(sha256)) {
            return Ok(self.bytes.insert(bytes).clone());
        }
        let outside = |err: object_store::Error| ParquetError::External(Box::new(err));
        let found = self.store.object().get(&self.path).await.map_err(outside)?.bytes().await.map_err(outside)?;
        let hash = sha256_hex(&found);
        if let Some(expected) = self.sha256.as_ref().filter(|expected| **expected != hash) {
            return Err(ParquetError::General(format!(
                "{} was damaged or changed after it was written: its bytes hash to {hash}, expected {expected}",
                self.path
            )));
        }
        self.store.keep_at_hand(&hash, &found);
        Ok(self.bytes.insert(found).clone())
    }
}

fn part(bytes: &Bytes, range: &Range<u64>) -> Result<Bytes> {
    match (usize::try_from(range.start), usize::try_from(range.end)) {
        (Ok(start), Ok(end)) if start <= end && end <= bytes.len() => Ok(bytes.slice(start..end)),
        _ => Err(ParquetError::EOF(format!("bytes {range:?} of a file of {}", bytes.len()))),
    }
}

impl AsyncFileReader for Whole {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        Box::pin(async move { part(&self.bytes().await?, &range) })
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        Box::pin(async move {
            let bytes = self.bytes().await?;
            ranges.iter().map(|range| part(&bytes, range)).collect()
        })
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        Box::pin(async move {
            let bytes = self.bytes().await?;
            let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
            reader.parse_and_finish(&bytes).map(Arc::new)
        })
    }
}

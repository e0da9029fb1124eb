//! Bytes between the stores: a text that is not large is held in memory, anything else lies in a file of this machine. Of many
//! small files a night would else make and remove three files and folders each, which costs more than reading them.

use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::errors::ParquetError;
use serde::{Deserialize, Serialize};

use super::magic::is_plain_text;

/// Bytes of a file that is held in memory: writing it to this machine's disk and reading it back costs a tenth of the
/// time in which it is read.
pub const HELD_MAX: u64 = 16 * 1024 * 1024;

/// Where the bytes are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Spool {
    /// In a file of this machine.
    Disk(PathBuf),
    /// In memory. Another process cannot be told of it.
    #[serde(skip)]
    Memory(Bytes),
}

impl Spool {
    /// Bytes of a plain text of any size that stays in memory, which only our own readers read; `None` for all else.
    pub fn held(bytes: &Bytes) -> Option<Self> {
        is_plain_text(bytes).then(|| Self::Memory(bytes.clone()))
    }

    /// Reads from the start.
    pub(super) fn reader(&self) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Self::Disk(path) => Box::new(File::open(path)?),
            Self::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
        })
    }

    /// Size in bytes.
    pub(super) fn size(&self) -> io::Result<u64> {
        match self {
            Self::Disk(path) => Ok(path.metadata()?.len()),
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// The rows of a Parquet file, all or some.
    pub(super) fn rows(
        &self,
        batch_rows: usize,
        some: Option<RowSelection>,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        macro_rules! of {
            ($bytes:expr) => {{
                let builder = ParquetRecordBatchReaderBuilder::try_new($bytes)?.with_batch_size(batch_rows);
                match some {
                    Some(rows) => builder.with_row_selection(rows).build(),
                    None => builder.build(),
                }
            }};
        }
        match self {
            Self::Disk(path) => of!(File::open(path)?),
            Self::Memory(bytes) => of!(bytes.clone()),
        }
    }
}

/// What is being written to a spool.
pub(super) enum Sink {
    Disk(PathBuf, File),
    Memory(Vec<u8>),
}

impl Sink {
    /// A file at `path`, or memory where there is none.
    pub(super) fn create(path: Option<&Path>) -> io::Result<Self> {
        Ok(match path {
            Some(path) => Self::Disk(path.to_path_buf(), File::create(path)?),
            None => Self::Memory(Vec::new()),
        })
    }

    pub(super) fn spool(self) -> Spool {
        match self {
            Self::Disk(path, _) => Spool::Disk(path),
            Self::Memory(bytes) => Spool::Memory(bytes.into()),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Disk(_, file) => file.write(bytes),
            Self::Memory(held) => held.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Disk(_, file) => file.flush(),
            Self::Memory(_) => Ok(()),
        }
    }
}

//! Views computed once: of few rows, and read alike by many models and months, a view is planned and run one time
//! and then stands as a table in memory. Larger ones become part of their readers' SQL.
//!
//! Two readers see the same table only where they see the same files of everything below the view.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use tokio::sync::OnceCell;

use super::{Reading, World};
use crate::error::{Error, Result};
use crate::models::cast::Conform;
use crate::models::model::Model;
use crate::models::query;
use crate::models::registry::Registry;
use crate::models::session::{self, FEW_ROWS};

/// The tables of one run.
pub(in crate::models) struct Memo {
    cells: Mutex<Cells>,
    /// Bytes that may be kept; what is needed again beyond that is computed again.
    bytes_max: usize,
}

#[derive(Default)]
struct Cells {
    by_content: BTreeMap<String, Arc<OnceCell<Arc<MemTable>>>>,
    bytes: usize,
}

impl Memo {
    pub(in crate::models) fn new(bytes_max: usize) -> Self {
        Self { cells: Mutex::default(), bytes_max }
    }

    /// The rows of `view` over what `reading` shows of its sources; nothing where they are too many to keep.
    pub(super) async fn table(
        &self,
        world: &World<'_>,
        context: &SessionContext,
        view: &Model,
        reading: &Reading<'_>,
    ) -> Result<Option<Arc<dyn TableProvider>>> {
        let below = reading.below(world.registry, view)?;
        if world.rows(&below) >= FEW_ROWS {
            return Ok(None);
        }
        let content = world.fingerprint(view, &below)?;
        let cell = Arc::clone(self.cells().by_content.entry(content).or_default());
        let table = cell.get_or_try_init(|| self.compute(world, context, view, &below)).await?;
        Ok(Some(Arc::clone(table) as _))
    }

    async fn compute(
        &self,
        world: &World<'_>,
        context: &SessionContext,
        view: &Model,
        below: &Reading<'_>,
    ) -> Result<Arc<MemTable>> {
        let context = session::fork_for(context, world.rows(below))?;
        Box::pin(world.provide(&context, below)).await?;
        let frame = world.plan(&context, view, below).await?;
        let conform =
            Conform::new(frame.schema().as_arrow(), &view.sidecar.columns).map_err(|err| err.at(&view.path))?;
        let (path, sql) = (view.path.clone(), view.sql.clone());
        let found =
            query::alone(
                &view.path,
                async move { frame.collect().await.map_err(|err| query::located(&err, &path, &sql)) },
            )
            .await?;
        let rows = found.iter().map(|batch| conform.apply(batch)).collect::<Result<Vec<_>>>();
        let rows = rows.map_err(|err| err.at(&view.path))?;
        let bytes: usize = rows.iter().map(RecordBatch::get_array_memory_size).sum();
        let mut cells = self.cells();
        cells.bytes += bytes;
        if cells.bytes > self.bytes_max {
            *cells = Cells { bytes, ..Cells::default() };
        }
        Ok(Arc::new(MemTable::try_new(Arc::clone(conform.schema()), vec![rows])?))
    }

    fn cells(&self) -> std::sync::MutexGuard<'_, Cells> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading<'_> {
    /// What `view` sees of this, directly and through other views.
    fn below(&self, registry: &Registry, view: &Model) -> Result<Self> {
        let mut below = Self { days: self.days, ..Self::default() };
        let mut open = vec![view];
        while let Some(reader) = open.pop() {
            below.take(&reader.reads);
            for name in &reader.reads.models {
                let read = registry.model(name)?;
                if read.is_view() && below.views.insert(name.clone()) {
                    open.push(read);
                }
            }
        }
        below.models.retain(|name, _| self.models.contains_key(name));
        for (name, seen) in &mut below.models {
            seen.clone_from(&self.models[name]);
        }
        for (name, shown) in &mut below.feeds {
            shown.clone_from(self.feeds.get(name).ok_or_else(|| Error::bug(format!("feed {name} is not read")))?);
        }
        Ok(below)
    }
}

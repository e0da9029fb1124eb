//! SQL over what a finished company holds: marts as published, and every model and feed of its lake.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use datafusion::catalog::{MemTable, MemorySchemaProvider, SchemaProvider};
use datafusion::prelude::{SessionConfig, SessionContext};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tributary::state::record::InputStatus;
use tributary::store::{FileRef, Home};

use crate::support::world::World;

/// Tables of a company, ready to be asked.
pub struct Lake {
    session: SessionContext,
    runtime: tokio::runtime::Runtime,
}

impl Lake {
    /// Reads the whole chain and registers what it names: models and marts by name, active inputs as `feeds.<feed>`.
    pub fn open(world: &World) -> Self {
        let mut partitions = BTreeMap::new();
        let mut inputs = BTreeMap::new();
        for commit in world.commits() {
            for partition in commit.changes.partitions {
                partitions.insert((partition.model.clone(), partition.partition.clone()), partition);
            }
            for input in commit.changes.inputs {
                inputs.insert(input.id(), input);
            }
        }
        let mut tables: BTreeMap<(String, String), Vec<FileRef>> = BTreeMap::new();
        for ((model, _), partition) in partitions {
            tables.entry(("public".into(), model)).or_default().extend(partition.file);
        }
        for input in inputs.into_values().filter(|input| input.status == InputStatus::Active) {
            tables.entry(("feeds".into(), input.feed)).or_default().extend(input.staged);
        }
        let config = SessionConfig::new().with_default_catalog_and_schema("lake", "public");
        let session = SessionContext::new_with_config(config.with_create_default_catalog_and_schema(true));
        let catalog = session.catalog("lake").expect("the default catalog");
        let feeds: Arc<dyn SchemaProvider> = Arc::new(MemorySchemaProvider::new());
        catalog.register_schema("feeds", feeds).expect("a second schema");
        for ((schema, table), files) in tables {
            let mut batches = Vec::new();
            let mut columns = None;
            for file in &files {
                let (schema, rows) = rows_of(world, file);
                columns.get_or_insert(schema);
                batches.extend(rows);
            }
            let Some(columns) = columns else { continue };
            let rows =
                MemTable::try_new(columns, vec![batches]).unwrap_or_else(|err| panic!("{schema}.{table}: {err}"));
            let schema = catalog.schema(&schema).expect("registered above");
            schema.register_table(table, Arc::new(rows)).expect("a new table");
        }
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        Self { session, runtime }
    }

    /// Rows of a query, as text.
    #[track_caller]
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let result = self.runtime.block_on(async { self.session.sql(sql).await?.collect().await });
        let batches = result.unwrap_or_else(|err| panic!("{err}\n{sql}"));
        let options = FormatOptions::default().with_null("NULL");
        let mut rows = Vec::new();
        for batch in &batches {
            let cells: Vec<ArrayFormatter> = batch
                .columns()
                .iter()
                .map(|array| ArrayFormatter::try_new(array, &options).expect("printable"))
                .collect();
            rows.extend(
                (0..batch.num_rows()).map(|row| cells.iter().map(|cell| cell.value(row).to_string()).collect()),
            );
        }
        rows
    }

    /// The one value of a query, as text.
    #[track_caller]
    pub fn value(&self, sql: &str) -> String {
        let rows = self.rows(sql);
        assert!(rows.len() == 1 && rows[0].len() == 1, "one value expected, got {rows:?}\n{sql}");
        rows[0][0].clone()
    }
}

/// Schema and rows of one file. Every file tells its own metadata; tables compare bare columns.
fn rows_of(world: &World, file: &FileRef) -> (SchemaRef, Vec<RecordBatch>) {
    let home = if file.home == Home::Marts { "marts" } else { "lake" };
    let path = world.path(home).join(&file.key);
    let bytes = Bytes::from(std::fs::read(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display())));
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("a parquet file");
    let bare = |field: &FieldRef| field.as_ref().clone().with_metadata(HashMap::new()).with_nullable(true);
    let schema = Arc::new(Schema::new(builder.schema().fields().iter().map(bare).collect::<Vec<Field>>()));
    let rows = builder.build().expect("a reader").map(|batch| {
        let batch = batch.expect("readable rows");
        RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()).expect("the same columns")
    });
    let rows = rows.collect();
    (schema, rows)
}

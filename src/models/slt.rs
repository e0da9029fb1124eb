//! `.slt` tests of models: given rows, expected rows, on the production engine, without any file of data.
//!
//! A test gives rows at any layer and asks for a model; every model it has not given is computed from its SQL.

mod text;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{Schema, SchemaRef};
use chrono::NaiveDate;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::config::Dialect;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use futures::StreamExt;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Record, Runner};

use super::bind::{PARTITION_TO, Parameters};
use super::cast::{Conform, declared};
use super::functions::macros;
use super::model::Model;
use super::registry::Registry;
use super::session::{self, Limits};
use super::{query, spool, system};
use crate::config::Config;
use crate::error::{Error, Result, closest};
use text::{column_type, render, setting};

/// The as-of date of a test that sets none.
pub const AS_OF: NaiveDate = match NaiveDate::from_ymd_opt(2026, 11, 22) {
    Some(date) => date,
    None => NaiveDate::MIN,
};

/// What the shared parts of one statement may take of memory: more than any test's rows.
const SPOOL_BYTES: usize = 1 << 28;

/// One failed record.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Line of the record in its file.
    pub line: u32,
    /// What was expected and what came.
    pub message: String,
}

/// How one file fared.
#[derive(Debug, Clone)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// Records that held.
    pub passed: usize,
    /// Records that did not.
    pub failures: Vec<Failure>,
}

/// How all files fared.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// By file, in the order given.
    pub files: Vec<FileReport>,
}

impl Report {
    /// Whether every record of every file held.
    pub fn is_ok(&self) -> bool {
        self.files.iter().all(|file| file.failures.is_empty())
    }
}

/// The `.slt` files below `folder`, sorted.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|err| Error::from(err).at(folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "slt") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Every word of the files: the models that they ask for are among them. A file that cannot be read says so when it runs.
pub fn words(files: &[PathBuf]) -> BTreeSet<String> {
    let texts = files.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    let words = |text: String| -> Vec<String> {
        let parts = text.split(|char: char| !char.is_alphanumeric() && char != '_');
        parts.map(str::to_lowercase).collect()
    };
    texts.flat_map(words).collect()
}

/// Runs every file on an engine of its own, as many at once as the engine may use threads.
pub async fn run(files: &[PathBuf], registry: &Arc<Registry>, config: &Arc<Config>) -> Result<Report> {
    let started = files.iter().cloned().map(|path| {
        let (registry, config) = (Arc::clone(registry), Arc::clone(config));
        tokio::spawn(async move { run_file(&path, &registry, &config).await })
    });
    let mut fared = futures::stream::iter(started).buffered(config.threads().max(1));
    let mut report = Report::default();
    while let Some(file) = fared.next().await {
        report.files.push(file.map_err(|err| Error::bug("a test file brought its engine down").because(err))??);
    }
    Ok(report)
}

async fn run_file(path: &Path, registry: &Arc<Registry>, config: &Config) -> Result<FileReport> {
    let mut report = FileReport { path: path.to_path_buf(), passed: 0, failures: Vec::new() };
    let records = match sqllogictest::parse_file::<DefaultColumnType>(path) {
        Ok(records) => records,
        Err(err) => {
            report.failures.push(Failure { line: err.location().line(), message: err.kind().to_string() });
            return Ok(report);
        }
    };
    let database = Database::open(registry, config).await?;
    let cell = std::sync::Mutex::new(Some(database));
    let mut runner = Runner::new(|| {
        let taken = cell.lock().ok().and_then(|mut slot| slot.take());
        async move { taken.ok_or_else(|| Failed("a test file has one connection only".to_string())) }
    });
    runner.with_column_validator(|actual, expected| {
        actual.len() == expected.len() || expected.as_slice() == [DefaultColumnType::Any]
    });
    for record in records {
        let counts = matches!(record, Record::Statement { .. } | Record::Query { .. });
        if matches!(record, Record::Halt { .. }) {
            break;
        }
        match runner.run_async(record).await {
            Ok(_) => report.passed += usize::from(counts),
            Err(err) => {
                report.failures.push(Failure { line: err.location().line(), message: err.kind().to_string() });
            }
        }
    }
    runner.shutdown_async().await;
    Ok(report)
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

impl From<Error> for Failed {
    fn from(err: Error) -> Self {
        let line = err.one_line();
        Self(match err.advice() {
            Some(hint) => format!("{line} ({hint})"),
            None => line,
        })
    }
}

/// One engine with empty feeds and system tables, in which models appear when they are asked for.
struct Database {
    context: SessionContext,
    registry: Arc<Registry>,
    parameters: Parameters,
    /// Models computed from their SQL since the last statement that could have changed them.
    computed: BTreeSet<String>,
}

impl Database {
    async fn open(registry: &Arc<Registry>, config: &Config) -> Result<Self> {
        let limits = Limits { memory_bytes: 1 << 30, spill_bytes: 1 << 30, threads: 1 };
        let context = session::open(limits)?;
        session::expect_few(&context);
        for (name, feed) in registry.feeds() {
            context.register_table(TableReference::partial("feeds", name.as_str()), empty(&feed.schema)?)?;
        }
        for history in registry.feeds().values().filter_map(|feed| feed.history.as_ref()) {
            history.register(&context).await?;
        }
        for name in system::TABLES {
            if let Some(schema) = system::schema(name) {
                context.register_table(TableReference::partial("system", name), empty(&schema)?)?;
            }
        }
        for (name, batch) in registry.tables() {
            let table = MemTable::try_new(batch.schema(), vec![vec![batch.clone()]])?;
            context.register_table(TableReference::partial("settings", name.as_str()), Arc::new(table))?;
        }
        let parameters = Parameters::of(config, AS_OF, "test-run")?;
        Ok(Self { context, registry: Arc::clone(registry), parameters, computed: BTreeSet::new() })
    }

    async fn execute(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>> {
        if let Some((name, value)) = setting(sql) {
            self.parameters.set(name, value)?;
            // What is not cut into months ends with the as-of date.
            let last_day = name == "as_of_date";
            self.forget(|model| {
                let names = &model.reads.parameters;
                names.contains(name) || last_day && names.contains(PARTITION_TO)
            })?;
            return Ok(DBOutput::StatementComplete(0));
        }
        let located = |err: datafusion::error::DataFusionError| query::located(&err, "test", sql);
        let mut statement = self.context.state().sql_to_statement(sql, &Dialect::Generic).map_err(located)?;
        macros::expand(&mut statement).map_err(located)?;
        let is_query =
            matches!(&statement, Statement::Statement(inner) if matches!(inner.as_ref(), ast::Statement::Query(_)));
        let target = created(&statement);
        if !is_query {
            match written(&statement) {
                Some((None, table)) => {
                    self.forget(|model| model.name == table || model.reads.models.contains(&table))?;
                }
                Some((Some(schema), table)) => self.forget(|model| match schema.as_str() {
                    "feeds" => model.reads.feeds.contains(&table),
                    "system" => model.reads.system.contains(&table),
                    _ => model.reads.settings.contains(&table),
                })?,
                None => self.forget(|_| true)?,
            }
        }
        if let Some((name, false)) = &target {
            self.prepare(name).await?;
        }
        let mut bound = statement;
        let own = target.as_ref().map(|(name, _)| name.as_str());
        self.provide(&bound, own).await?;
        self.parameters.bind(&mut bound)?;
        let plan = self.context.state().statement_to_plan(bound).await.map_err(located)?;
        let frame = self.context.execute_logical_plan(plan).await.map_err(located)?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await.map_err(located)?;
        if let Some((name, true)) = &target {
            self.complete(name).await?;
        }
        if !is_query {
            return Ok(DBOutput::StatementComplete(0));
        }
        let types = schema.fields().iter().map(|field| column_type(field.data_type())).collect();
        let mut rows = Vec::new();
        for batch in &batches {
            rows.extend(render(batch)?);
        }
        Ok(DBOutput::Rows { types, rows })
    }

    /// Drops what was computed from something that changes now, directly or through other models.
    fn forget(&mut self, changes: impl Fn(&Model) -> bool) -> Result<()> {
        let mut stale: BTreeSet<&str> = BTreeSet::new();
        for model in self.registry.order().iter().filter_map(|name| self.registry.get(name)) {
            if changes(model) || model.reads.models.iter().any(|read| stale.contains(read.as_str())) {
                stale.insert(&model.name);
                if self.computed.remove(&model.name) {
                    self.context.deregister_table(model.name.as_str())?;
                }
            }
        }
        Ok(())
    }

    /// Computes every model that `statement` reads, directly or not, and that is not there yet; not the table
    /// `own` that it writes.
    async fn provide(&mut self, statement: &Statement, own: Option<&str>) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let mut wanted = BTreeSet::new();
        for reference in self.context.state().resolve_table_references(statement)? {
            if reference.schema().is_none() && own != Some(reference.table()) {
                self.missing(reference.table(), &registry, &mut wanted)?;
            }
        }
        for name in registry.order().iter().filter(|name| wanted.contains(*name)) {
            let Some(model) = registry.get(name) else { continue };
            let Model { statement, path, sql, .. } = model;
            let frame = spool::plan(&self.context, statement, &self.parameters, path, sql, SPOOL_BYTES).await?;
            let found = Arc::new(frame.schema().as_arrow().clone());
            let batches = frame.collect().await.map_err(|err| query::located(&err, &model.path, &model.sql))?;
            let conform = Conform::new(&found, &model.sidecar.columns).map_err(|err| err.at(&model.path))?;
            let cast = batches.iter().map(|batch| conform.apply(batch).map_err(|err| err.at(&model.path)));
            let table = MemTable::try_new(Arc::clone(conform.schema()), vec![cast.collect::<Result<_>>()?])?;
            self.context.register_table(name.as_str(), Arc::new(table))?;
            self.computed.insert(name.clone());
        }
        Ok(())
    }

    fn missing(&self, name: &str, registry: &Registry, wanted: &mut BTreeSet<String>) -> Result<()> {
        let Some(model) = registry.get(name) else { return Ok(()) };
        if self.context.table_exist(name)? || !wanted.insert(name.to_string()) {
            return Ok(());
        }
        for read in &model.reads.models {
            self.missing(read, registry, wanted)?;
        }
        Ok(())
    }

    /// The schema that model `name` has from its SQL, if it can be planned with what is there.
    async fn schema_of(&self, name: &str) -> Result<Option<SchemaRef>> {
        let Some(model) = self.registry.get(name) else { return Ok(None) };
        if !model.sidecar.columns.is_empty() {
            return Ok(Some(declared(model.columns())));
        }
        let mut wanted = BTreeSet::new();
        for read in &model.reads.models {
            self.missing(read, &self.registry, &mut wanted)?;
        }
        let mut lent: Vec<&str> = Vec::new();
        let mut schema = None;
        for step in self.registry.order().iter().filter(|step| wanted.contains(*step) || *step == name) {
            let Some(model) = self.registry.get(step) else { continue };
            let found = if model.sidecar.columns.is_empty() {
                let planned =
                    query::plan(&self.context, &model.statement, &self.parameters, &model.path, &model.sql).await;
                let Ok(frame) = planned else { break };
                let Ok(conform) = Conform::new(frame.schema().as_arrow(), &[]) else { break };
                Arc::clone(conform.schema())
            } else {
                declared(model.columns())
            };
            if step == name {
                schema = Some(found);
            } else {
                // Only types are asked for: views in views would be planned again for everyone who reads them.
                self.context.register_table(step.as_str(), empty(&found)?)?;
                lent.push(step);
            }
        }
        for step in lent {
            self.context.deregister_table(step)?;
        }
        Ok(schema)
    }

    /// Before an insert into a model's rows: an empty table of the model's schema.
    async fn prepare(&mut self, name: &str) -> Result<()> {
        if self.context.table_exist(name)? {
            return Ok(());
        }
        if let Some(schema) = self.schema_of(name).await? {
            self.context.register_table(name, empty(&schema)?)?;
        }
        Ok(())
    }

    /// After a test created the rows of a model: the model's own types, and NULL for columns the test left out.
    async fn complete(&mut self, name: &str) -> Result<()> {
        let Some(provider) = self.context.deregister_table(name)? else { return Ok(()) };
        let schema = self.schema_of(name).await?;
        self.context.register_table(name, provider)?;
        let Some(schema) = schema else { return Ok(()) };
        let batches = self.context.table(name).await?.collect().await?;
        let given = self.context.table(name).await?;
        for field in given.schema().fields() {
            if schema.column_with_name(field.name()).is_none() {
                let names = schema.fields().iter().map(|field| field.name().as_str());
                let error = Error::config(format!("model `{name}` has no column `{}`", field.name()));
                return Err(match closest(field.name(), names) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error,
                });
            }
        }
        let mut typed = Vec::new();
        for batch in &batches {
            let columns = schema
                .fields()
                .iter()
                .map(|field| match batch.column_by_name(field.name()) {
                    Some(array) => cast(array, field.data_type()),
                    None => Ok(new_null_array(field.data_type(), batch.num_rows())),
                })
                .collect::<Result<Vec<_>, _>>()?;
            typed.push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
        }
        self.context.deregister_table(name)?;
        self.context.register_table(name, Arc::new(MemTable::try_new(schema, vec![typed])?))?;
        Ok(())
    }
}

type Boxed<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

impl AsyncDB for Database {
    type Error = Failed;
    type ColumnType = DefaultColumnType;

    fn run<'db, 'sql, 'f>(&'db mut self, sql: &'sql str) -> Boxed<'f, Result<DBOutput<DefaultColumnType>, Failed>>
    where
        'db: 'f,
        'sql: 'f,
        Self: 'f,
    {
        Box::pin(async move { self.execute(sql).await.map_err(Failed::from) })
    }

    fn shutdown<'db, 'f>(&'db mut self) -> Boxed<'f, ()>
    where
        'db: 'f,
        Self: 'f,
    {
        Box::pin(async {})
    }
}

/// The unqualified table that a statement creates (true) or inserts into (false).
fn created(statement: &Statement) -> Option<(String, bool)> {
    let Statement::Statement(inner) = statement else { return None };
    let creates = matches!(inner.as_ref(), ast::Statement::CreateTable(_));
    written(statement).and_then(|(schema, table)| schema.is_none().then_some((table, creates)))
}

/// The table that a statement creates or inserts into, with its schema where it names one.
fn written(statement: &Statement) -> Option<(Option<String>, String)> {
    let Statement::Statement(inner) = statement else { return None };
    let name = match inner.as_ref() {
        ast::Statement::CreateTable(table) => &table.name,
        ast::Statement::Insert(insert) => match &insert.table {
            ast::TableObject::TableName(name) => name,
            _ => return None,
        },
        _ => return None,
    };
    let mut parts: Vec<String> = name.0.iter().map(|part| part.to_string().to_lowercase()).collect();
    let table = parts.pop()?;
    (parts.len() < 2).then(|| (parts.pop(), table))
}

fn empty(schema: &SchemaRef) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(MemTable::try_new(nullable(schema), vec![vec![]])?))
}

fn nullable(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests;

//! What one build step may see: the exact files, date ranges, tables and parameters, and the one hash of all that.
//!
//! The same [`Reading`] gives both the tables that a step is run on and its fingerprint, so that they cannot differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;
use datafusion::common::TableReference;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use super::bind::Parameters;
use super::feeds::{self, Known, Shown, Window};
use super::files::{self, Slice};
use super::month::{Month, back};
use super::registry::Registry;
use super::{query, spool, system};
use crate::error::{Error, Result};
use crate::models::model::{FeedKind, Layer, Model, Reads};
use crate::sha256::{Sha256, hex, sha256_hex};
use crate::state::record::Partition;
use crate::store::{FileRef, Stores};
use crate::zone;

mod memo;

pub(super) use memo::Memo;

/// Raised when the same SQL over the same rows gives other results than before: fingerprints change with it.
const ENGINE_VERSION: u32 = 2;

/// The name of the only partition of a model that is kept whole.
pub(super) const ALL: &str = "all";

/// What is known while a run builds: the sources, and the models built so far.
pub(super) struct World<'a> {
    pub(super) registry: &'a Registry,
    pub(super) stores: &'a Stores,
    pub(super) parameters: Parameters,
    pub(super) as_of: NaiveDate,
    pub(super) grace_days: i64,
    /// Active inputs by feed, in the order of their identity.
    pub(super) inputs: BTreeMap<&'a str, Vec<Known<'a>>>,
    pub(super) rejects: Vec<&'a FileRef>,
    pub(super) system: &'a BTreeMap<String, RecordBatch>,
    pub(super) schemas: BTreeMap<String, SchemaRef>,
    /// By model, then by partition.
    pub(super) built: BTreeMap<String, BTreeMap<String, Partition>>,
    /// What the shared parts of one statement may take of memory.
    pub(super) spool_bytes: usize,
    /// Views that stand as tables.
    pub(super) memo: Memo,
    /// The hashes of system and settings tables, by `system.<name>` and `settings.<name>`.
    pub(super) hashes: BTreeMap<String, String>,
}

/// What one step reads.
#[derive(Default)]
pub(super) struct Reading<'a> {
    feeds: BTreeMap<String, Vec<Shown<'a>>>,
    models: BTreeMap<String, Vec<(Partition, Option<NaiveDate>)>>,
    views: BTreeSet<String>,
    /// Feeds that are read by what they come to.
    histories: BTreeSet<String>,
    system: BTreeSet<String>,
    settings: BTreeSet<String>,
    parameters: BTreeSet<String>,
    /// The days of the partition, where it is one.
    days: Option<(NaiveDate, NaiveDate)>,
}

impl<'a> World<'a> {
    /// What `model` reads for `month`, or for all time up to the as-of date.
    pub(super) fn reading(&self, model: &Model, month: Option<Month>) -> Result<Reading<'a>> {
        let mut lookback: BTreeMap<String, u32> = BTreeMap::new();
        let declared = model.sidecar.partition.as_ref().map(|partition| &partition.lookback_days);
        let mut open: Vec<(&Model, u32)> = vec![(model, 0)];
        let window = self.window(month, 0);
        let mut reading = Reading { days: window.from.map(|from| (from, window.to)), ..Reading::default() };
        // Views are read with the window of whoever reads them; the widest of several ways to a source counts.
        while let Some((reader, inherited)) = open.pop() {
            for name in reader.reads.models.iter().chain(&reader.reads.feeds) {
                let own = declared.and_then(|days| days.get(name)).copied().unwrap_or(0);
                let days = own.max(inherited);
                let known = lookback.get(name).copied();
                let widest = lookback.entry(name.clone()).or_insert(days);
                *widest = days.max(*widest);
                if let Some(read) = self.registry.get(name).filter(|_| reader.reads.models.contains(name))
                    && read.is_view()
                    && known.is_none_or(|known| known < days)
                {
                    reading.views.insert(name.clone());
                    open.push((read, days));
                }
            }
            reading.take(&reader.reads);
        }
        for name in std::mem::take(&mut reading.feeds).into_keys() {
            let window = self.window(month, lookback.get(&name).copied().unwrap_or(0));
            let shown = self.shown(&name, window);
            reading.feeds.insert(name, shown);
        }
        for name in std::mem::take(&mut reading.models).into_keys() {
            let read = self.registry.model(&name)?;
            if read.is_view() {
                continue;
            }
            let built = self
                .built
                .get(&name)
                .ok_or_else(|| Error::bug(format!("`{name}` is read before it is built")).at(&model.path))?;
            let window = self.window(month, lookback.get(&name).copied().unwrap_or(0));
            let seen = if read.is_partitioned() {
                within(built, window)?
            } else {
                built.values().map(|partition| (partition.clone(), None)).collect()
            };
            reading.models.insert(name, seen);
        }
        Ok(reading)
    }

    /// The parameters as a step knows them.
    pub(super) fn parameters_of(&self, reading: &Reading<'_>) -> Parameters {
        match reading.days {
            Some((from, to)) => self.parameters.within(from, to),
            None => self.parameters.clone(),
        }
    }

    fn window(&self, month: Option<Month>, lookback: u32) -> Window {
        match month {
            Some(month) => Window {
                from: Some(back(month.first(), lookback)),
                to: month.last().min(self.as_of),
                end: month.last(),
            },
            None => Window { from: None, to: self.as_of, end: self.as_of },
        }
    }

    /// Makes everything in `reading` known to `context`, which must be fresh.
    pub(super) async fn provide(&self, context: &SessionContext, reading: &Reading<'_>) -> Result<()> {
        for (name, shown) in &reading.feeds {
            let feed = self.registry.feeds().get(name).ok_or_else(|| Error::bug(format!("no feed {name}")))?;
            let slices: Vec<Slice> = shown.iter().flat_map(Shown::slices).collect();
            let date = match feed.kind {
                FeedKind::Event => Some("business_date"),
                FeedKind::Reference => feed.dated_by.as_deref(),
            };
            let table = files::table(context, self.stores, &feed.schema, date, &slices)?;
            context.register_table(TableReference::partial("feeds", name.as_str()), table)?;
            if let Some(history) = feed.history.as_ref().filter(|_| reading.histories.contains(name)) {
                history.register(context).await?;
            }
        }
        for name in &reading.system {
            let schema = system::schema(name).ok_or_else(|| Error::bug(format!("no system table {name}")))?;
            let table = match self.system.get(name) {
                Some(batch) => {
                    Arc::new(MemTable::try_new(Arc::clone(&schema), vec![vec![system::fit(name, &schema, batch)?]])?)
                }
                None if name == "rejects" => {
                    let slices: Vec<Slice> = self.rejects.iter().map(|file| Slice::whole(file)).collect();
                    files::table(context, self.stores, &schema, None, &slices)?
                }
                None => files::empty(&schema)?,
            };
            context.register_table(TableReference::partial("system", name.as_str()), table)?;
        }
        for name in &reading.settings {
            if let Some(batch) = self.registry.tables().get(name) {
                let table = MemTable::try_new(batch.schema(), vec![vec![batch.clone()]])?;
                context.register_table(TableReference::partial("settings", name.as_str()), Arc::new(table))?;
            }
        }
        for name in self.registry.order() {
            let Some(model) = self.registry.get(name) else { continue };
            if let Some(partitions) = reading.models.get(name) {
                self.register(context, model, partitions)?;
            } else if reading.views.contains(name) {
                let table = if let Some(table) = self.memo.table(self, context, model, reading).await? {
                    table
                } else {
                    let Model { statement, path, sql, .. } = model;
                    query::plan(context, statement, &self.parameters, path, sql).await?.into_view()
                };
                context.register_table(name.as_str(), table)?;
            }
        }
        Ok(())
    }

    fn register(
        &self,
        context: &SessionContext,
        model: &Model,
        partitions: &[(Partition, Option<NaiveDate>)],
    ) -> Result<()> {
        let schema = self
            .schemas
            .get(&model.name)
            .ok_or_else(|| Error::bug(format!("the schema of `{}` is not known", model.name)))?;
        let by = model.sidecar.partition.as_ref().map(|partition| partition.by.as_str());
        let mut slices = Vec::new();
        for (partition, from) in partitions {
            if let Some(file) = &partition.file {
                slices.push(Slice { range: from.map(|from| (from, NaiveDate::MAX)), ..Slice::whole(file) });
            }
        }
        let table = files::table(context, self.stores, schema, by, &slices)?;
        context.register_table(model.name.as_str(), table)?;
        Ok(())
    }

    /// The rows of `model` over what `context` was provided with.
    pub(super) async fn plan(
        &self,
        context: &SessionContext,
        model: &Model,
        reading: &Reading<'_>,
    ) -> Result<DataFrame> {
        let Model { statement, path, sql, .. } = model;
        spool::plan(context, statement, &self.parameters_of(reading), path, sql, self.spool_bytes).await
    }

    /// The hash of everything that decides a step's rows.
    pub(super) fn fingerprint(&self, model: &Model, reading: &Reading<'_>) -> Result<String> {
        let mut hash = Sha256::new();
        let mut line = |text: &str| {
            hash.update(text.as_bytes());
            hash.update(b"\n");
        };
        line(&format!("engine {ENGINE_VERSION} datafusion {}", datafusion::DATAFUSION_VERSION));
        let sidecar = &model.sidecar;
        line(&format!(
            "model {} {:?} key {:?} by {:?}",
            model.name, sidecar.materialised, sidecar.key, sidecar.partition
        ));
        line(&format!("sql {}", model.statement));
        for column in &sidecar.columns {
            line(&format!("column {} {}", column.name, column.kind));
            // Descriptions are published inside the files of a mart.
            if model.layer == Layer::Marts {
                line(&format!("words {:?} {:?} {} {}", column.unit, column.additive, column.en, column.zh));
            }
        }
        if model.layer == Layer::Marts {
            line(&format!("words {} {:?}", sidecar.grain, sidecar.description));
        }
        for name in &reading.views {
            let view = self.registry.model(name)?;
            line(&format!("view {name} {}", view.statement));
        }
        line(&self.parameters_of(reading).describe(&reading.parameters));
        // Zones change their clocks, and what is dated by them with it.
        if reading.parameters.iter().any(|name| name == "time_zone") {
            line(&format!("zones {}", zone::release()));
        }
        for name in &reading.histories {
            let history = self.registry.feeds().get(name).and_then(|feed| feed.history.as_ref());
            line(&format!("history {}", history.map(|history| history.sql.as_str()).unwrap_or_default()));
        }
        for (name, shown) in &reading.feeds {
            let schema = self.registry.feeds().get(name).map(|feed| describe(&feed.schema)).unwrap_or_default();
            line(&format!("feed {name} {schema}"));
            for shown in shown {
                line(&hex(&shown.identity));
                for (from, to) in shown.ranges.iter().flatten() {
                    line(&format!("only {from} {to}"));
                }
            }
        }
        for (name, partitions) in &reading.models {
            line(&format!("reads {name} {}", self.schemas.get(name).map(describe).unwrap_or_default()));
            let mart = self.registry.is_mart(name);
            for (partition, from) in partitions {
                // Steps between are known by their bytes, so that a rebuilt one that came out the same moves nobody.
                // Marts carry their run in their bytes and are known by what they were made of.
                let content = match &partition.file {
                    Some(_) if mart => partition.fingerprint.as_str(),
                    Some(file) => file.sha256.as_str(),
                    None => "empty",
                };
                line(&format!("partition {} {content} {from:?}", partition.partition));
            }
        }
        for name in &reading.system {
            match self.hashes.get(&format!("system.{name}")) {
                Some(hash) => line(&format!("system {name} {hash}")),
                None if name == "rejects" => {
                    self.rejects.iter().for_each(|file| line(&format!("rejects {}", file.sha256)));
                }
                None => line(&format!("system {name} empty")),
            }
        }
        for name in &reading.settings {
            if let Some(hash) = self.hashes.get(&format!("settings.{name}")) {
                line(&format!("settings {name} {hash}"));
            }
        }
        Ok(hex(&hash.finalize()))
    }

    /// About how many rows `reading` reads, at most.
    pub(super) fn rows(&self, reading: &Reading<'_>) -> u64 {
        let staged = reading.feeds.values().flatten().filter_map(|shown| shown.input.staged.as_ref());
        let built = reading.models.values().flatten().filter_map(|(partition, _)| partition.file.as_ref());
        let rejects = self.rejects.iter().copied().filter(|_| reading.system.contains("rejects"));
        let system = reading.system.iter().filter_map(|name| self.system.get(name));
        staged.chain(built).chain(rejects).map(|file| file.rows).sum::<u64>()
            + system.map(|batch| batch.num_rows() as u64).sum::<u64>()
    }

    /// The earliest date of what is read: of events and partitions, or of snapshots where nothing else is read.
    pub(super) fn first_date(&self, reading: &Reading<'_>) -> Option<NaiveDate> {
        let of_kind = |wanted: FeedKind| {
            let feeds = reading.feeds.iter();
            let feeds =
                feeds.filter(move |(name, _)| self.registry.feeds().get(*name).is_some_and(|feed| feed.kind == wanted));
            feeds.flat_map(|(_, shown)| shown).filter_map(|shown| shown.input.first_date).min()
        };
        let months = reading.models.values().flatten().filter(|(partition, _)| partition.file.is_some());
        let months = months.filter_map(|(partition, _)| Month::parse(&partition.partition).ok()).map(Month::first);
        of_kind(FeedKind::Event).into_iter().chain(months.min()).min().or_else(|| of_kind(FeedKind::Reference))
    }

    /// Everything built, for questions afterwards: all partitions of all kept models, and the views over them.
    pub(super) fn everything(&self, names: &[String]) -> Result<Reading<'a>> {
        self.subject(names, &Reads::default())
    }

    /// All rows of `names` and of the other tables that `reads` names.
    pub(super) fn subject(&self, names: &[String], reads: &Reads) -> Result<Reading<'a>> {
        let mut reading = Reading::default();
        let mut open: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut others = vec![reads];
        while let Some(name) = open.pop() {
            let model = self.registry.model(name)?;
            if model.is_view() && reading.views.insert(name.to_string()) {
                open.extend(model.reads.models.iter().map(String::as_str));
                others.push(&model.reads);
            } else if let Some(built) = self.built.get(name) {
                let all = built.values().map(|partition| (partition.clone(), None));
                reading.models.insert(name.to_string(), all.collect());
            }
        }
        for reads in others {
            reading.system.extend(reads.system.iter().cloned());
            reading.settings.extend(reads.settings.iter().cloned());
            reading.histories.extend(reads.histories.iter().cloned());
            for name in &reads.feeds {
                reading.feeds.insert(name.clone(), self.shown(name, self.window(None, 0)));
            }
        }
        Ok(reading)
    }

    fn shown(&self, feed: &str, window: Window) -> Vec<Shown<'a>> {
        let none = Vec::new();
        let inputs = self.inputs.get(feed).unwrap_or(&none);
        match self.registry.feeds().get(feed) {
            Some(feed) if feed.dated_by.is_some() => feeds::dated(inputs, window),
            Some(feed) if feed.kind == FeedKind::Reference => feeds::snapshots(inputs, window, self.grace_days),
            _ => feeds::events(inputs, window),
        }
    }
}

impl Reading<'_> {
    fn take(&mut self, reads: &Reads) {
        for name in &reads.feeds {
            self.feeds.entry(name.clone()).or_default();
        }
        for name in &reads.models {
            self.models.entry(name.clone()).or_default();
        }
        self.histories.extend(reads.histories.iter().cloned());
        self.system.extend(reads.system.iter().cloned());
        self.settings.extend(reads.settings.iter().cloned());
        self.parameters.extend(reads.parameters.iter().cloned());
    }

    /// A partition of `stale` that is read, if any is.
    pub(super) fn reads_any(&self, stale: &BTreeSet<(String, String)>) -> Option<(String, String)> {
        let read =
            self.models.values().flatten().map(|(partition, _)| (partition.model.clone(), partition.partition.clone()));
        read.into_iter().find(|place| stale.contains(place))
    }

    /// Narrows one model to some of its partitions.
    pub(super) fn only(&mut self, model: &str, partitions: &BTreeSet<String>) {
        if let Some(seen) = self.models.get_mut(model) {
            seen.retain(|(partition, _)| partitions.contains(&partition.partition));
        }
    }
}

/// The partitions that overlap `window`, each with the date from which its rows count, where not all do.
fn within(built: &BTreeMap<String, Partition>, window: Window) -> Result<Vec<(Partition, Option<NaiveDate>)>> {
    let mut seen = Vec::new();
    for (name, partition) in built {
        let month = Month::parse(name)?;
        let from = window.from.unwrap_or(NaiveDate::MIN);
        // A month cut short by the as-of date was cut when its own sources were read.
        if month.last() < from || month.first() > window.to {
            continue;
        }
        seen.push((partition.clone(), (from > month.first()).then_some(from)));
    }
    Ok(seen)
}

pub(super) fn describe(schema: &SchemaRef) -> String {
    schema.fields().iter().map(|field| format!("{}:{};", field.name(), field.data_type())).collect()
}

/// The hashes of tables in memory, by the names under which SQL reads them.
pub(super) fn hashes(
    system: &BTreeMap<String, RecordBatch>,
    settings: &BTreeMap<String, RecordBatch>,
) -> Result<BTreeMap<String, String>> {
    let named = |schema: &'static str, tables: &BTreeMap<String, RecordBatch>| {
        tables.iter().map(|(name, batch)| Ok((format!("{schema}.{name}"), content(batch)?))).collect::<Vec<_>>()
    };
    named("system", system).into_iter().chain(named("settings", settings)).collect()
}

/// The hash of a table in memory.
fn content(batch: &RecordBatch) -> Result<String> {
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema())?;
    writer.write(batch)?;
    writer.finish()?;
    Ok(sha256_hex(&bytes))
}

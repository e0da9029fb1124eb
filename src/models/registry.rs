//! The models: every `sql/<layer>/<name>.sql` with its sidecar, what each reads, and the order to build them in.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Spanned, visit_relations};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::bind::{Parameters, placeholders};
use super::graph;
use super::session::{self, Limits};
use super::sidecar::{Column, Materialised, Rule, Sidecar};
use super::{feeds, query, settings, system};
use crate::config::{Config, closest};
use crate::contract::Contracts;
use crate::error::{Error, Result};
use crate::sha256::{Sha256, hex};

/// A folder of `sql/`, in the direction of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Feeds, cleaned and typed.
    Staging,
    /// Steps that several marts share.
    Intermediate,
    /// What readers get.
    Marts,
    /// Findings for mails.
    Alerts,
}

impl Layer {
    /// All layers, in order.
    pub const ALL: [Self; 4] = [Self::Staging, Self::Intermediate, Self::Marts, Self::Alerts];

    /// Name of its folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Staging => "staging",
            Self::Intermediate => "intermediate",
            Self::Marts => "marts",
            Self::Alerts => "alerts",
        }
    }

    /// Staging reads only staging, and nobody reads alerts. Steps and marts may read each other, as long as no
    /// circle comes of it.
    fn may_read(self, other: Self) -> bool {
        match self {
            Self::Staging => other == Self::Staging,
            Self::Intermediate | Self::Marts | Self::Alerts => other != Self::Alerts,
        }
    }
}

/// Kind of a feed, as far as models care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedKind {
    /// Rows with a business date, delivered by period.
    Event,
    /// Snapshots that are valid from a date.
    Reference,
}

/// A feed as a table of SQL: `feeds.<name>`.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Kind.
    pub kind: FeedKind,
    /// Contract columns, then lineage columns.
    pub schema: SchemaRef,
}

/// What a statement reads, by kind of source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// Other models.
    pub models: BTreeSet<String>,
    /// Feeds.
    pub feeds: BTreeSet<String>,
    /// System tables.
    pub system: BTreeSet<String>,
    /// Settings tables.
    pub settings: BTreeSet<String>,
    /// Parameters.
    pub parameters: BTreeSet<String>,
}

/// One model.
#[derive(Debug, Clone)]
pub struct Model {
    /// Name: unique over all layers.
    pub name: String,
    /// Where it stands.
    pub layer: Layer,
    /// Its SQL file, as shown in messages.
    pub path: String,
    /// The SQL as written.
    pub sql: String,
    /// The SQL, parsed, with its placeholders.
    pub statement: Statement,
    /// Its sidecar.
    pub sidecar: Sidecar,
    /// What its SQL reads.
    pub reads: Reads,
    /// What its checks read beyond itself.
    pub check_reads: Reads,
}

impl Model {
    /// Its sidecar's file, as shown in messages.
    pub fn sidecar_path(&self) -> String {
        self.path.replace(".sql", ".toml")
    }

    /// What a business person would call its part of the company: the folder between layer and file, as `stock`;
    /// empty where a model lies in its layer's folder itself.
    pub fn subject(&self) -> &str {
        self.path.split('/').rev().nth(1).filter(|folder| *folder != self.layer.folder()).unwrap_or_default()
    }

    /// Whether its rows are kept by month.
    pub fn is_partitioned(&self) -> bool {
        self.sidecar.materialised == Materialised::Partitioned
    }

    /// What one row is.
    pub fn grain(&self) -> &str {
        &self.sidecar.grain
    }

    /// What it is for, in English.
    pub fn description_en(&self) -> &str {
        &self.sidecar.description.en
    }

    /// What it is for, in Chinese.
    pub fn description_zh(&self) -> &str {
        &self.sidecar.description.zh
    }

    /// Declared columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.sidecar.columns
    }

    /// Whether its rows are not kept.
    pub fn is_view(&self) -> bool {
        self.sidecar.materialised == Materialised::View
    }
}

/// A model's two files, before they are understood.
#[derive(Debug, Clone)]
pub struct Source {
    /// Layer.
    pub layer: Layer,
    /// Name.
    pub name: String,
    /// Path shown in messages, without extension.
    pub path: String,
    /// SQL.
    pub sql: String,
    /// Sidecar.
    pub sidecar: String,
}

/// Every model with its sources, understood and ordered.
#[derive(Debug, Clone)]
pub struct Registry {
    models: BTreeMap<String, Model>,
    order: Vec<String>,
    feeds: BTreeMap<String, Feed>,
    tables: BTreeMap<String, arrow::array::RecordBatch>,
}

impl Registry {
    /// Reads the models below the configured folder. Every problem is in the error, not only the first.
    pub fn load(config: &Config, contracts: &Contracts) -> Result<Self> {
        let (registry, problems) = Self::read(config, contracts)?;
        match together(problems) {
            Some(err) => Err(err),
            None => Ok(registry),
        }
    }

    /// As [`Registry::load`], but returns the problems beside what could be understood, for tests of single models.
    pub fn read(config: &Config, contracts: &Contracts) -> Result<(Self, Vec<Error>)> {
        let mut problems = Vec::new();
        let sources = sources(&config.folders.sql, &mut problems)?;
        let (registry, more) = Self::from_sources(config, feeds::of(contracts), sources)?;
        problems.extend(more);
        Ok((registry, problems))
    }

    /// Understands models given as text.
    pub fn from_sources(
        config: &Config,
        feeds: BTreeMap<String, Feed>,
        sources: Vec<Source>,
    ) -> Result<(Self, Vec<Error>)> {
        let mut problems = Vec::new();
        let mut tables = BTreeMap::new();
        for (name, rows) in &config.tables {
            tables.insert(name.clone(), settings::table(name, rows)?);
        }
        let context = session::open(Limits { memory_bytes: 1 << 24, spill_bytes: 0, threads: 1 })?;
        let parameters = Parameters::of(config, NaiveDate::default(), "")?;
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for source in &sources {
            if let Some(other) = names.insert(source.name.clone(), source.path.clone()) {
                problems.push(
                    Error::config(format!("model `{}` exists already in {other}.sql", source.name))
                        .at(format!("{}.sql", source.path))
                        .hint("model names are unique over all layers: rename one"),
                );
            }
        }
        let known = Known { context: &context, models: names, feeds: &feeds, tables: &tables, parameters: &parameters };
        let mut models = BTreeMap::new();
        for source in sources {
            let model = known.understand(source, &mut problems);
            if let Some(model) = model {
                models.insert(model.name.clone(), model);
            }
        }
        known.directions(&models, &mut problems);
        let order = graph::order(&models).unwrap_or_else(|err| {
            problems.push(err);
            Vec::new()
        });
        Ok((Self { models, order, feeds, tables }, problems))
    }

    /// A model by name.
    pub fn get(&self, name: &str) -> Option<&Model> {
        self.models.get(name)
    }

    /// A model by name, or an error with the nearest name.
    pub fn model(&self, name: &str) -> Result<&Model> {
        self.models.get(name).ok_or_else(|| {
            let error = Error::config(format!("unknown model `{name}`"));
            match closest(name, self.models.keys().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error,
            }
        })
    }

    /// All models, by name.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.values()
    }

    /// All model names, each after what it reads.
    pub fn order(&self) -> &[String] {
        &self.order
    }

    /// All model names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.models.keys().map(String::as_str)
    }

    /// Names of all marts, sorted.
    pub fn marts(&self) -> impl Iterator<Item = &str> {
        self.layer(Layer::Marts)
    }

    /// Names of all alert models, sorted.
    pub fn alerts(&self) -> impl Iterator<Item = &str> {
        self.layer(Layer::Alerts)
    }

    /// What the sidecar of each alert model says beside what every model has, by name.
    pub fn alert_sidecars(&self) -> impl Iterator<Item = (&str, String, &toml::Table)> {
        let alerts = self.models.values().filter(|model| model.layer == Layer::Alerts);
        alerts.map(|model| (model.name.as_str(), model.sidecar_path(), &model.sidecar.extra))
    }

    fn layer(&self, layer: Layer) -> impl Iterator<Item = &str> {
        self.models.values().filter(move |model| model.layer == layer).map(|model| model.name.as_str())
    }

    /// Whether `name` is a mart.
    pub fn is_mart(&self, name: &str) -> bool {
        self.models.get(name).is_some_and(|model| model.layer == Layer::Marts)
    }

    /// What all models say and are said about: SQL and sidecars, as one hash.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for model in self.models.values() {
            for part in [&model.name, &model.statement.to_string(), &format!("{:?}", model.sidecar)] {
                hash.update(part.as_bytes());
                hash.update([0]);
            }
        }
        hex(&hash.finalize())
    }

    /// All feeds.
    pub fn feeds(&self) -> &BTreeMap<String, Feed> {
        &self.feeds
    }

    /// All settings tables.
    pub fn tables(&self) -> &BTreeMap<String, arrow::array::RecordBatch> {
        &self.tables
    }

    /// Marts and alerts whose names match one of `globs` (`*` for all, `name+` also what reads it), with
    /// everything they and their checks read, in build order.
    pub fn select(&self, globs: &[String]) -> Result<Vec<String>> {
        graph::select(self, globs)
    }

    /// The marts among `names` that read `feed`, directly or through other models.
    pub fn marts_of_feed(&self, names: &[String], feed: &str) -> Vec<&str> {
        graph::marts_of_feed(self, names, feed)
    }
}

/// One error for several: the only one as it is, more as a list.
fn together(mut problems: Vec<Error>) -> Option<Error> {
    if problems.len() < 2 {
        return problems.pop();
    }
    let mut text = format!("{} problems in the models", problems.len());
    for problem in &problems {
        text.push_str("\n  ");
        text.push_str(&problem.one_line());
        if let Some(hint) = problem.advice() {
            text.push_str(&format!(" ({hint})"));
        }
    }
    Some(Error::config(text))
}

fn sources(folder: &Path, problems: &mut Vec<Error>) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    for layer in Layer::ALL {
        let folder = folder.join(layer.folder());
        if folder.is_dir() {
            sources_in(&folder, &format!("sql/{}", layer.folder()), layer, &mut found, problems)?;
        }
    }
    Ok(found)
}

/// Adds the models of one folder and of the folders in it; `shown` is the folder as messages name it.
fn sources_in(
    folder: &Path,
    shown: &str,
    layer: Layer,
    found: &mut Vec<Source>,
    problems: &mut Vec<Error>,
) -> Result<()> {
    let mut stems: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut inner = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(|err| Error::from(err).at(folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if entry.path().is_dir() {
            inner.insert(name);
            continue;
        }
        match name.rsplit_once('.') {
            Some((stem, extension @ ("sql" | "toml"))) => {
                stems.entry(stem.to_string()).or_default().insert(extension.to_string());
            }
            Some((_, "md")) => {}
            _ => problems.push(
                Error::config("neither a model nor its sidecar")
                    .at(format!("{shown}/{name}"))
                    .hint("a model is <name>.sql with <name>.toml; move other files elsewhere"),
            ),
        }
    }
    for (name, extensions) in stems {
        let path = format!("{shown}/{name}");
        let read = |extension: &str| {
            let file = folder.join(format!("{name}.{extension}"));
            std::fs::read_to_string(&file).map_err(|err| {
                Error::config("cannot be read as UTF-8 text").at(format!("{path}.{extension}")).because(err)
            })
        };
        if !extensions.contains("sql") {
            problems.push(
                Error::config("sidecar without a model")
                    .at(format!("{path}.toml"))
                    .hint(format!("write {name}.sql beside it, or delete it")),
            );
        } else if !extensions.contains("toml") {
            problems.push(
                Error::config("model without a sidecar")
                    .at(format!("{path}.sql"))
                    .hint(format!("write {name}.toml beside it: grain, key, materialised, columns, checks")),
            );
        } else {
            match read("sql").and_then(|sql| Ok((sql, read("toml")?))) {
                Ok((sql, sidecar)) => found.push(Source { layer, name: name.clone(), path, sql, sidecar }),
                Err(err) => problems.push(err),
            }
        }
    }
    for name in inner {
        sources_in(&folder.join(&name), &format!("{shown}/{name}"), layer, found, problems)?;
    }
    Ok(())
}

/// What names may mean while models are being understood.
struct Known<'a> {
    context: &'a SessionContext,
    /// Name to path.
    models: BTreeMap<String, String>,
    feeds: &'a BTreeMap<String, Feed>,
    tables: &'a BTreeMap<String, arrow::array::RecordBatch>,
    parameters: &'a Parameters,
}

impl Known<'_> {
    fn understand(&self, source: Source, problems: &mut Vec<Error>) -> Option<Model> {
        let Source { layer, name, path, sql, sidecar } = source;
        let sql_path = format!("{path}.sql");
        let sidecar = match Sidecar::parse(&sidecar, layer == Layer::Alerts) {
            Ok(sidecar) => sidecar,
            Err(err) => {
                problems.push(err.at(format!("{path}.toml")));
                return None;
            }
        };
        if layer == Layer::Marts && sidecar.columns.is_empty() {
            problems.push(
                Error::config("a mart declares its columns")
                    .at(format!("{path}.toml"))
                    .hint("list [[columns]] with name, type, unit, en and zh, in the order of the select"),
            );
        }
        if layer == Layer::Marts && sidecar.materialised == Materialised::View {
            problems.push(
                Error::config("a mart cannot be a view: readers need a file")
                    .at(format!("{path}.toml"))
                    .hint("say materialised = \"table\" or \"partitioned\""),
            );
        }
        let statement = match query::parse(self.context, &sql) {
            Ok(statement) => statement,
            Err(err) => {
                problems.push(query::located(&err, &sql_path, &sql));
                return None;
            }
        };
        let reads = self.reads(&statement, &sql_path, problems);
        if sidecar.materialised == Materialised::Partitioned {
            for given in ["as_of_date", "run_id"] {
                if reads.parameters.contains(given) {
                    problems.push(
                        Error::config(format!("a partitioned model must not name ${given}")).at(&sql_path).hint(
                            "its partitions would change with every run; the runner itself cuts off rows after the \
                             as-of date",
                        ),
                    );
                }
            }
        }
        let mut check_reads = Reads::default();
        for (at, check) in sidecar.checks.iter().enumerate() {
            let place = format!("{path}.toml: check {}", at + 1);
            let sql = match &check.rule {
                Rule::Relationship(_, to, column) => format!("select {column} from {to}"),
                Rule::Expression(sql) => format!("select * from {name} where not ({sql})"),
                Rule::Query(sql) => sql.clone(),
                Rule::NotNull(_) | Rule::Unique(_) | Rule::Accepted(..) => continue,
            };
            match query::parse(self.context, &sql) {
                Ok(statement) => {
                    let more = self.reads(&statement, &place, problems);
                    check_reads.models.extend(more.models);
                    check_reads.feeds.extend(more.feeds);
                    check_reads.system.extend(more.system);
                    check_reads.settings.extend(more.settings);
                    check_reads.parameters.extend(more.parameters);
                }
                Err(err) => problems.push(query::located(&err, &place, &sql)),
            }
        }
        check_reads.models.remove(&name);
        if let Some(partition) = &sidecar.partition {
            for read in partition.lookback_days.keys() {
                if !reads.models.contains(read) && !reads.feeds.contains(read) {
                    problems.push(
                        Error::config(format!("lookback_days names `{read}`, which the SQL does not read"))
                            .at(format!("{path}.toml")),
                    );
                }
            }
        }
        Some(Model { name, layer, path: sql_path, sql, statement, sidecar, reads, check_reads })
    }

    fn reads(&self, statement: &Statement, path: &str, problems: &mut Vec<Error>) -> Reads {
        let mut reads = Reads::default();
        for (name, span) in placeholders(statement) {
            if self.parameters.get(&name).is_none() {
                problems.push(self.parameters.unknown(&name).at(place(path, span)));
            }
            reads.parameters.insert(name);
        }
        let state = self.context.state();
        let references = match state.resolve_table_references(statement) {
            Ok(references) => references,
            Err(err) => {
                problems.push(Error::from(err).at(path));
                return reads;
            }
        };
        for reference in references {
            if reference.schema().is_none() && state.table_functions().contains_key(reference.table()) {
                continue;
            }
            if let Err(err) = self.classify(&reference, &mut reads) {
                problems.push(err.at(place(path, relation_span(statement, &reference))));
            }
        }
        reads
    }

    fn classify(&self, reference: &TableReference, reads: &mut Reads) -> Result<()> {
        let name = reference.table().to_string();
        let suggest = |names: Vec<&str>, prefix: &str, what: &str| {
            let error = Error::config(format!("unknown {what} `{reference}`"));
            match closest(&name, names.iter().copied()) {
                Some(near) => error.hint(format!("did you mean `{prefix}{near}`?")),
                None if names.is_empty() => error,
                None => error.hint(format!("known: {}", names.join(", "))),
            }
        };
        match (reference.catalog(), reference.schema()) {
            (None, None) if self.models.contains_key(&name) => reads.models.insert(name),
            (None, None) => {
                let error = Error::config(format!("unknown table `{reference}`"));
                let feed = self.feeds.contains_key(&name).then_some("feeds");
                let settings = self.tables.contains_key(&name).then_some("settings");
                if let Some(schema) = feed.or(settings) {
                    return Err(error.hint(format!("did you mean `{schema}.{name}`?")));
                }
                return Err(match closest(&name, self.models.keys().map(String::as_str)) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint("a table is a model, feeds.<feed>, system.<table> or settings.<table>"),
                });
            }
            (None, Some("feeds")) if self.feeds.contains_key(&name) => reads.feeds.insert(name),
            (None, Some("feeds")) => {
                return Err(suggest(self.feeds.keys().map(String::as_str).collect(), "feeds.", "feed"));
            }
            (None, Some("system")) if system::schema(&name).is_some() => reads.system.insert(name),
            (None, Some("system")) => return Err(suggest(system::TABLES.to_vec(), "system.", "system table")),
            (None, Some("settings")) if self.tables.contains_key(&name) => reads.settings.insert(name),
            (None, Some("settings")) => {
                return Err(suggest(self.tables.keys().map(String::as_str).collect(), "settings.", "settings table"));
            }
            _ => {
                return Err(Error::config(format!("unknown table `{reference}`"))
                    .hint("a table is a model, feeds.<feed>, system.<table> or settings.<table>"));
            }
        };
        Ok(())
    }

    fn directions(&self, models: &BTreeMap<String, Model>, problems: &mut Vec<Error>) {
        for model in models.values() {
            for read in model.reads.models.iter().filter_map(|name| models.get(name)) {
                if !model.layer.may_read(read.layer) {
                    problems.push(
                        Error::config(format!(
                            "a model in {} reads `{}` in {}",
                            model.layer.folder(),
                            read.name,
                            read.layer.folder()
                        ))
                        .at(&model.path)
                        .hint("staging reads only staging, and nobody reads alerts: move one of the two"),
                    );
                }
            }
        }
    }
}

fn place(path: &str, span: Span) -> String {
    match span.start.line {
        0 => path.to_string(),
        line => format!("{path}:{line}:{}", span.start.column),
    }
}

fn relation_span(statement: &Statement, reference: &TableReference) -> Span {
    let Statement::Statement(inner) = statement else { return Span::empty() };
    let wanted = reference.to_string();
    let found = visit_relations(inner.as_ref(), |name| {
        if name.to_string().eq_ignore_ascii_case(&wanted) {
            ControlFlow::Break(name.span())
        } else {
            ControlFlow::Continue(())
        }
    });
    match found {
        ControlFlow::Break(span) => span,
        ControlFlow::Continue(()) => Span::empty(),
    }
}

#[cfg(test)]
mod tests;

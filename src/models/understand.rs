//! From a model's two texts to a [`Model`]: its statement parsed, every name in it looked up and its place told where
//! nothing has that name.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Spanned, visit_relations};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::bind::{PARTITION_FROM, PARTITION_TO, Parameters, placeholders};
use super::model::{Feed, Layer, Model, Reads, Source};
use super::sidecar::{Materialised, Rule, Sidecar};
use super::{query, system};
use crate::error::{Error, Result, closest};

/// What names may mean while models are being understood.
pub(super) struct Names<'a> {
    pub(super) context: &'a SessionContext,
    /// Name to path.
    pub(super) models: BTreeMap<String, String>,
    pub(super) feeds: &'a BTreeMap<String, Feed>,
    pub(super) tables: &'a BTreeMap<String, arrow::array::RecordBatch>,
    pub(super) parameters: &'a Parameters,
}

impl Names<'_> {
    /// Reads one model; what is wrong with it is added to `problems`.
    pub(super) fn understand(&self, source: Source, problems: &mut Vec<Error>) -> Option<Model> {
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
                             as-of date, and $partition_from and $partition_to are the days of the month it builds",
                        ),
                    );
                }
            }
        } else {
            for given in [PARTITION_FROM, PARTITION_TO].into_iter().filter(|given| reads.parameters.contains(*given)) {
                problems.push(
                    Error::config(format!("only a partitioned model may name ${given}"))
                        .at(&sql_path)
                        .hint("what is built whole ends with $as_of_date"),
                );
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
                    check_reads.histories.extend(more.histories);
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
                let mut histories = self.feeds.iter().filter_map(|(feed, about)| Some((feed, about.history.as_ref()?)));
                let Some((feed, _)) = histories.find(|(_, history)| history.table == name) else {
                    let histories = self.feeds.values().filter_map(|feed| feed.history.as_ref());
                    let histories = histories.map(|history| history.table.as_str());
                    let names = self.feeds.keys().map(String::as_str).chain(histories).collect();
                    return Err(suggest(names, "feeds.", "feed"));
                };
                reads.histories.insert(feed.clone());
                reads.feeds.insert(feed.clone())
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

    /// References to what is no dimension, or to none of its rows, are added to `problems`.
    pub(super) fn references(&self, models: &BTreeMap<String, Model>, problems: &mut Vec<Error>) {
        for model in models.values() {
            for (column, to) in model.columns().iter().filter_map(|column| Some((column, column.references.as_ref()?)))
            {
                let wrong = |what: String| {
                    Error::config(format!("`{}` references `{to}`, {what}", column.name)).at(model.sidecar_path())
                };
                let Some(dimension) = models.get(&to.model) else {
                    // Of a few models only some are read: that it exists is known all the same.
                    if !self.models.contains_key(&to.model) {
                        let error = wrong("which is no model".to_string());
                        problems.push(match closest(&to.model, self.models.keys().map(String::as_str)) {
                            Some(near) => error.hint(format!("did you mean `{near}`?")),
                            None => error,
                        });
                    }
                    continue;
                };
                let kind = dimension.sidecar.column(&to.column).map(|column| column.kind);
                if dimension.layer != Layer::Marts || dimension.sidecar.key != [to.column.clone()] {
                    problems.push(wrong("which is not the whole key of a mart".to_string()));
                } else if kind != Some(column.kind) {
                    let found = kind.map(|kind| kind.to_string()).unwrap_or_default();
                    problems.push(wrong(format!("which is of type {found} and not {}", column.kind)));
                }
            }
        }
    }

    /// Models that read against the direction of the layers are added to `problems`.
    pub(super) fn directions(&self, models: &BTreeMap<String, Model>, problems: &mut Vec<Error>) {
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

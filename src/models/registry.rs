//! The models: every `sql/<layer>/<name>.sql` with its sidecar, what each reads, and the order to build them in.

mod left_out;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::bind::Parameters;
use super::model::{Feed, Layer, Model, Source};
use super::session::{self, Limits};
use super::sources::sources;
use super::understand::Names;
use super::{feeds, graph, settings};
use crate::config::Config;
use crate::contract::Contracts;
use crate::error::{Error, Result, closest};
use crate::sha256::{Sha256, hex};

pub use left_out::Fault;
use left_out::LeftOut;

/// Every model with its sources, understood and ordered; and what is left out.
#[derive(Debug, Clone)]
pub struct Registry {
    models: BTreeMap<String, Model>,
    order: Vec<String>,
    feeds: BTreeMap<String, Feed>,
    tables: BTreeMap<String, arrow::array::RecordBatch>,
    faults: Vec<Fault>,
    left_out: BTreeMap<String, LeftOut>,
}

impl Registry {
    /// Reads the models below the configured folder. One that has a fault is left out, with all that read it.
    pub fn load(config: &Config, contracts: &Contracts) -> Result<Self> {
        let mut problems = Vec::new();
        let sources = sources(&config.folders.sql, &mut problems)?;
        let (registry, more) = Self::from_sources(config, feeds::of(contracts), sources)?;
        problems.extend(more);
        Ok(registry.sound(problems))
    }

    /// Only the models that `wanted` names and what these read, without a fault: a test of one model waits for no other.
    pub fn load_some(config: &Config, contracts: &Contracts, wanted: BTreeSet<String>) -> Result<Self> {
        let mut ignored = Vec::new();
        let sources = sources(&config.folders.sql, &mut ignored)?;
        let (registry, problems) = Self::understand(config, feeds::of(contracts), sources, Some(wanted))?;
        match Error::together("the models", problems) {
            Some(err) => Err(err),
            None => Ok(registry),
        }
    }

    /// Understands models given as text. Problems are beside it, and what they are about is in it as far as it goes.
    pub fn from_sources(
        config: &Config,
        feeds: BTreeMap<String, Feed>,
        sources: Vec<Source>,
    ) -> Result<(Self, Vec<Error>)> {
        Self::understand(config, feeds, sources, None)
    }

    fn understand(
        config: &Config,
        feeds: BTreeMap<String, Feed>,
        sources: Vec<Source>,
        mut wanted: Option<BTreeSet<String>>,
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
        let known = Names { context: &context, models: names, feeds: &feeds, tables: &tables, parameters: &parameters };
        let mut models = BTreeMap::new();
        let mut waiting = sources;
        loop {
            let is_wanted = |source: &Source| wanted.as_ref().is_none_or(|wanted| wanted.contains(&source.name));
            let (now, later): (Vec<Source>, Vec<Source>) = waiting.into_iter().partition(is_wanted);
            if now.is_empty() {
                break;
            }
            waiting = later;
            for model in now.into_iter().filter_map(|source| known.understand(source, &mut problems)) {
                if let Some(wanted) = &mut wanted {
                    wanted.extend(model.reads.models.iter().cloned());
                }
                models.insert(model.name.clone(), model);
            }
        }
        known.directions(&models, &mut problems);
        known.references(&models, &mut problems);
        let order = left_out::ordered(&models, &mut problems);
        Ok((Self { models, order, feeds, tables, faults: Vec::new(), left_out: BTreeMap::new() }, problems))
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
        self.of_layer(Layer::Marts)
    }

    /// Names of all alert models, sorted.
    pub fn alerts(&self) -> impl Iterator<Item = &str> {
        self.of_layer(Layer::Alerts)
    }

    /// What the sidecar of each alert model says beside what every model has, by name.
    pub fn alert_sidecars(&self) -> impl Iterator<Item = (&str, String, &toml::Table)> {
        let alerts = self.models.values().filter(|model| model.layer == Layer::Alerts);
        alerts.map(|model| (model.name.as_str(), model.sidecar_path(), &model.sidecar.extra))
    }

    fn of_layer(&self, layer: Layer) -> impl Iterator<Item = &str> {
        self.models.values().filter(move |model| model.layer == layer).map(|model| model.name.as_str())
    }

    /// Whether `name` is a mart, left out or not.
    pub fn is_mart(&self, name: &str) -> bool {
        self.layer(name) == Some(Layer::Marts)
    }

    /// Where `name` stands, left out or not.
    pub fn layer(&self, name: &str) -> Option<Layer> {
        let layer = self.models.get(name).map(|model| model.layer);
        layer.or_else(|| self.left_out.get(name).map(|left_out| left_out.layer))
    }

    /// What all models say and are said about: SQL and sidecars, as one hash.
    pub fn fingerprint(&self) -> String {
        hash_of(self.models.values())
    }

    /// What one model, its checks and everything that they read say, as one hash.
    pub fn fingerprint_of(&self, model: &str) -> Result<String> {
        let names = self.select(&[model.to_string()])?;
        Ok(hash_of(names.iter().filter_map(|name| self.models.get(name))))
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
        graph::select(&self.models, &self.order, globs)
    }

    /// The models that `globs` name: `+name` with what it reads, `name+` with what reads it, in build order.
    pub fn pick(&self, globs: &[String]) -> Result<Vec<String>> {
        graph::pick(&self.models, &self.order, globs)
    }

    /// The marts among `names` that read `feed`, directly or through other models.
    pub fn marts_of_feed(&self, names: &[String], feed: &str) -> Vec<&str> {
        graph::marts_of_feed(&self.models, &self.order, names, feed)
    }
}

/// SQL and sidecars as one hash.
fn hash_of<'a>(models: impl Iterator<Item = &'a Model>) -> String {
    let mut hash = Sha256::new();
    for model in models {
        for part in [&model.name, &model.statement.to_string(), &format!("{:?}", model.sidecar)] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests;

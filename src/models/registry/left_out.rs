//! What a fault in `sql/` leaves out: the model that it is about and all that read it. Everybody else's figures are made.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Registry;
use crate::error::Error;
use crate::models::graph;
use crate::models::model::{Layer, Model};

/// Something wrong in `sql/`.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The model that it is about; none where a file belongs to no model.
    pub model: Option<String>,
    /// What is wrong, with file and line.
    pub error: Arc<Error>,
}

/// A model that is left out.
#[derive(Debug, Clone)]
pub(super) struct LeftOut {
    /// Where it stands.
    pub(super) layer: Layer,
    /// The model with the fault.
    because: String,
}

impl Registry {
    /// What of `models` can be used: each of `problems` leaves out the model whose file it names, and what reads that.
    pub(super) fn sound(mut self, problems: Vec<Error>) -> Self {
        for problem in problems {
            let model = problem.path().and_then(model_of);
            match model {
                Some(model) => self.leave_out(&model, problem),
                None => self.faults.push(Fault { model: None, error: Arc::new(problem) }),
            }
        }
        self
    }

    /// Leaves out a model and all that read it.
    pub fn leave_out(&mut self, model: &str, error: Error) {
        let place = error.path().and_then(layer_of);
        for name in self.with_readers(&BTreeSet::from([model.to_string()])) {
            let known = self.models.remove(&name).map(|model| model.layer);
            if let Some(layer) = known.or_else(|| place.filter(|_| name == model)) {
                self.left_out.entry(name).or_insert(LeftOut { layer, because: model.to_string() });
            }
        }
        self.order.retain(|name| self.models.contains_key(name));
        self.faults.push(Fault { model: Some(model.to_string()), error: Arc::new(error) });
    }

    /// What is wrong in `sql/`.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Models that are left out, each with the one that has the fault, by name.
    pub fn left_out(&self) -> impl Iterator<Item = (&str, &str)> {
        self.left_out.iter().map(|(name, left_out)| (name.as_str(), left_out.because.as_str()))
    }

    /// `names`, and every model that reads one of them, itself or by way of others, or that is checked against one.
    pub fn with_readers(&self, names: &BTreeSet<String>) -> BTreeSet<String> {
        let mut all = names.clone();
        loop {
            let reads = |model: &Model| {
                let mut read = model.reads.models.iter().chain(&model.check_reads.models);
                read.any(|name| all.contains(name))
            };
            let more: Vec<String> = (self.models.values())
                .filter(|model| !all.contains(&model.name) && reads(model))
                .map(|model| model.name.clone())
                .collect();
            if more.is_empty() {
                return all;
            }
            all.extend(more);
        }
    }
}

/// An order of all that are in no circle and read none that is; each circle is a problem of the model that it is told of.
pub(super) fn ordered(models: &BTreeMap<String, Model>, problems: &mut Vec<Error>) -> Vec<String> {
    let mut rest = Cow::Borrowed(models);
    loop {
        let circle = match graph::order(&rest) {
            Ok(order) => return order,
            Err(circle) => circle,
        };
        let first = circle.path().and_then(model_of);
        problems.push(circle);
        // What reads it is left with nothing to read, and is left out for that.
        if first.and_then(|model| rest.to_mut().remove(&model)).is_none() {
            return Vec::new();
        }
    }
}

/// The model that a file belongs to: `one` of `sql/marts/sales/one.toml: check 2`.
fn model_of(place: &str) -> Option<String> {
    let file = place.split(':').next()?;
    let stem = file.strip_suffix(".sql").or_else(|| file.strip_suffix(".toml"))?;
    stem.rsplit('/').next().map(str::to_string)
}

/// The layer in whose folder a file lies.
fn layer_of(place: &str) -> Option<Layer> {
    let folder = place.strip_prefix("sql/")?.split('/').next()?;
    Layer::ALL.into_iter().find(|layer| layer.folder() == folder)
}

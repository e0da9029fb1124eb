//! Which models need which: build order, cycles, selection.

use std::collections::{BTreeMap, BTreeSet};

use globset::Glob;

use super::model::{Layer, Model};
use crate::error::{Error, Result, closest};

/// Names in build order: each after what it reads, otherwise by layer and name. A cycle is named in full.
pub(super) fn order(models: &BTreeMap<String, Model>) -> Result<Vec<String>> {
    let mut waiting: BTreeMap<&str, BTreeSet<&str>> = models
        .iter()
        .map(|(name, model)| {
            let reads = model.reads.models.iter().filter(|read| models.contains_key(*read)).map(String::as_str);
            (name.as_str(), reads.collect())
        })
        .collect();
    let mut order = Vec::with_capacity(models.len());
    while !waiting.is_empty() {
        let ready = waiting
            .iter()
            .filter(|(_, reads)| reads.is_empty())
            .map(|(name, _)| *name)
            .min_by_key(|name| (models.get(*name).map(|model| model.layer), *name));
        let Some(ready) = ready else { return Err(cycle(models, &waiting)) };
        waiting.remove(ready);
        waiting.values_mut().for_each(|reads| {
            reads.remove(ready);
        });
        order.push(ready.to_string());
    }
    Ok(order)
}

fn cycle(models: &BTreeMap<String, Model>, waiting: &BTreeMap<&str, BTreeSet<&str>>) -> Error {
    let mut path: Vec<&str> = Vec::new();
    let mut at = waiting.keys().next().copied();
    while let Some(name) = at {
        if let Some(first) = path.iter().position(|seen| *seen == name) {
            path.drain(..first);
            path.push(name);
            break;
        }
        path.push(name);
        at = waiting.get(name).and_then(|reads| reads.iter().next().copied());
    }
    let file = path.first().and_then(|name| models.get(*name)).map_or("sql", |model| model.path.as_str());
    Error::config(format!("models read each other in a circle: {}", path.join(" reads ")))
        .at(file)
        .hint("move what they share into a model of its own")
}

/// The marts among `names` that read `feed`, directly or through other models.
pub(super) fn marts_of_feed<'a>(
    models: &'a BTreeMap<String, Model>,
    order: &'a [String],
    names: &[String],
    feed: &str,
) -> Vec<&'a str> {
    let mut readers: BTreeSet<&str> = BTreeSet::new();
    for model in order.iter().filter_map(|name| models.get(name)) {
        if model.reads.feeds.contains(feed) || model.reads.models.iter().any(|read| readers.contains(read.as_str())) {
            readers.insert(&model.name);
        }
    }
    let is_mart = |name: &str| models.get(name).is_some_and(|model| model.layer == Layer::Marts);
    readers.retain(|name| is_mart(name) && names.iter().any(|wanted| wanted == name));
    readers.into_iter().collect()
}

/// Exactly the models that `globs` name; `+` before a name adds what it reads, `+` behind it what reads it.
pub(super) fn pick(models: &BTreeMap<String, Model>, order: &[String], globs: &[String]) -> Result<Vec<String>> {
    let mut picked: BTreeSet<&str> = BTreeSet::new();
    for glob in globs {
        let (pattern, above) = glob.strip_prefix('+').map_or((glob.as_str(), false), |rest| (rest, true));
        let (pattern, below) = pattern.strip_suffix('+').map_or((pattern, false), |rest| (rest, true));
        let matcher = Glob::new(pattern)
            .map_err(|err| Error::config(format!("\"{glob}\" is not a pattern of model names")).because(err))?
            .compile_matcher();
        let hits: BTreeSet<&str> = models.keys().map(String::as_str).filter(|name| matcher.is_match(name)).collect();
        if hits.is_empty() {
            let error = Error::config(format!("no model matches \"{glob}\""));
            return Err(match closest(pattern, models.keys().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint("`tributary ls` lists the models"),
            });
        }
        let (mut readers, mut read) = (hits.clone(), hits.clone());
        for model in order.iter().filter_map(|name| models.get(name)).filter(|_| below) {
            if model.reads.models.iter().any(|name| readers.contains(name.as_str())) {
                readers.insert(&model.name);
            }
        }
        for model in order.iter().rev().filter_map(|name| models.get(name)).filter(|_| above) {
            if read.contains(model.name.as_str()) {
                read.extend(model.reads.models.iter().map(String::as_str));
            }
        }
        picked.extend(readers);
        picked.extend(read);
    }
    Ok(order.iter().filter(|name| picked.contains(name.as_str())).cloned().collect())
}

/// Models that `globs` name, with everything that they and their checks read, in build order.
pub(super) fn select(models: &BTreeMap<String, Model>, order: &[String], globs: &[String]) -> Result<Vec<String>> {
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    for glob in globs {
        let (pattern, downstream) = glob.strip_suffix('+').map_or((glob.as_str(), false), |stem| (stem, true));
        let matcher = Glob::new(pattern)
            .map_err(|err| Error::config(format!("\"{glob}\" is not a pattern of model names")).because(err))?
            .compile_matcher();
        // A plain `*` means what readers get; a name may also pick a step in between.
        let all = pattern.contains('*');
        let hits: Vec<&str> = models
            .values()
            .filter(|model| matcher.is_match(&model.name))
            .filter(|model| !all || matches!(model.layer, Layer::Marts | Layer::Alerts))
            .map(|model| model.name.as_str())
            .collect();
        if hits.is_empty() && pattern != "*" {
            let error = Error::config(format!("no model matches \"{glob}\""));
            return Err(match closest(pattern, models.keys().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error,
            });
        }
        wanted.extend(&hits);
        if downstream {
            for model in order.iter().filter_map(|name| models.get(name)) {
                let mut reads = model.reads.models.iter();
                if reads.any(|read| hits.contains(&read.as_str()) || wanted.contains(read.as_str())) {
                    wanted.insert(&model.name);
                }
            }
        }
    }
    let mut open: Vec<&str> = wanted.iter().copied().collect();
    while let Some(name) = open.pop() {
        let Some(model) = models.get(name) else { continue };
        for read in model.reads.models.iter().chain(&model.check_reads.models) {
            if wanted.insert(read) {
                open.push(read);
            }
        }
    }
    Ok(order.iter().filter(|name| wanted.contains(name.as_str())).cloned().collect())
}

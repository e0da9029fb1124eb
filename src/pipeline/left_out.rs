//! Models that a night goes without: one with a fault in its own files, or that fails on whatever it reads, and all that
//! read it. Readers keep what was published of them last; head office is told file, line and what to do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::flow::Night;
use crate::job::matches_any;
use crate::mail::rule::Row;
use crate::models::{Fault, Layer};

/// Marts and alerts named in a finding before the rest is counted.
const SHOWN: usize = 4;

/// What is wrong with models, whether it was seen when they were read or is found by this run.
pub(super) fn faults<'n>(night: &'n Night<'_>) -> impl Iterator<Item = &'n Fault> {
    night.company.registry.faults().iter().chain(&night.left_out).filter(|fault| fault.model.is_some())
}

/// Models that are there and not built: this run found a fault in them, or in what they read.
pub(super) fn names(night: &Night<'_>) -> BTreeSet<String> {
    night.company.registry.with_readers(&night.left_out.iter().filter_map(|fault| fault.model.clone()).collect())
}

/// Says in the run's notes what it goes without.
pub(super) fn tell(night: &mut Night<'_>) {
    let told = |fault: &Fault| {
        let parts = match parts(night, fault) {
            none if none.is_empty() => String::new(),
            parts => format!("; not built: {}", in_words(&parts, ", and {} more")),
        };
        format!("{} is left out: {}{parts}", fault.model.as_deref().unwrap_or_default(), fault.error.one_line())
    };
    let notes: Vec<String> = faults(night).map(told).collect();
    notes.into_iter().for_each(|note| night.warn(note));
}

/// The rows of the alert `model_left_out`.
pub(super) fn rows(night: &Night<'_>) -> Vec<Row> {
    let row = |fault: &Fault| {
        let place = fault.error.path().unwrap_or_default();
        let found = fault.error.one_line();
        let parts = parts(night, fault);
        let found = found.strip_prefix(place).unwrap_or(&found).trim_start_matches(": ");
        // What is underlined needs a fixed width, which a mail has not.
        let found = found.lines().next().unwrap_or_default();
        BTreeMap::from([
            ("job".to_string(), Json::from(night.request.job.name.clone())),
            ("model".to_string(), Json::from(fault.model.clone().unwrap_or_default())),
            ("file".to_string(), Json::from(place)),
            ("found".to_string(), Json::from(found)),
            ("advice".to_string(), Json::from(fault.error.advice().unwrap_or_default())),
            ("parts_en".to_string(), Json::from(in_words(&parts, ", and {} more"))),
            ("parts_zh".to_string(), Json::from(in_words(&parts, " 等 {} 个"))),
        ])
    };
    faults(night).map(row).collect()
}

/// Marts and alerts of the job that are not built because of it.
fn parts(night: &Night<'_>, fault: &Fault) -> Vec<String> {
    let (registry, job) = (&night.company.registry, &night.request.job);
    let Some(model) = &fault.model else { return Vec::new() };
    let known = registry.left_out().filter(|(_, because)| because == model).map(|(name, _)| name.to_string());
    let late = night.left_out.iter().any(|late| late.model.as_ref() == Some(model));
    let late = late.then(|| registry.with_readers(&BTreeSet::from([model.clone()]))).into_iter().flatten();
    let asked = |name: &String| match registry.layer(name) {
        Some(Layer::Marts) => matches_any(&job.marts, name),
        Some(Layer::Alerts) => matches_any(&job.alerts, name),
        _ => false,
    };
    known.chain(late).filter(asked).collect()
}

/// The first few, and how many more; `more` says that.
fn in_words(names: &[String], more: &str) -> String {
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        rest => format!("{shown}{}", more.replace("{}", &rest.to_string())),
    }
}

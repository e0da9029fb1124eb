//! Whether each key of the marts is found in the dimension that its column references. One question for each dimension
//! and night: a statement for each of a hundred columns would cost more to plan than to answer.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use datafusion::prelude::SessionContext;

use super::checks::{CheckFailure, Fresh, Severity, months};
use super::model::{Model, Reads};
use super::reading::World;
use super::sidecar::{Column, Reference};
use super::{query, session};
use crate::error::{Error, Result};

/// Keys shown of those that are missing.
const SAMPLES: usize = 5;

/// A column, the mart that has it, and where its values are told.
struct Relation<'a> {
    mart: &'a Model,
    column: &'a Column,
    to: &'a Reference,
}

/// Asks every dimension for the keys of the marts that were built. Of a partitioned mart only new months are looked at.
pub(super) async fn run(
    world: &World<'_>,
    base: &SessionContext,
    names: &[String],
    fresh: &BTreeMap<String, Fresh>,
) -> Result<Vec<CheckFailure>> {
    let mut failures = Vec::new();
    for (dimension, relations) in by_dimension(world, names, fresh)? {
        let mut read: Vec<String> = relations.iter().map(|relation| relation.mart.name.clone()).collect();
        let months = months(world, &read, fresh);
        read.push(dimension.to_string());
        let mut reading = world.subject(&read, &Reads::default())?;
        for mart in relations.iter().map(|relation| relation.mart).filter(|mart| mart.is_partitioned()) {
            reading.only(&mart.name, &months);
        }
        let context = session::fork_for(base, world.rows(&reading))?;
        world.provide(&context, &reading).await?;
        for (relation, lost) in relations.iter().zip(Box::pin(lost(world, &context, &relations)).await?) {
            failures.extend(relation.failure(&lost));
        }
    }
    Ok(failures)
}

/// The relations of marts that were built, to dimensions that are there, by dimension.
fn by_dimension<'a>(
    world: &World<'a>,
    names: &[String],
    fresh: &BTreeMap<String, Fresh>,
) -> Result<BTreeMap<&'a str, Vec<Relation<'a>>>> {
    let mut found: BTreeMap<&str, Vec<Relation<'_>>> = BTreeMap::new();
    let built = |name: &&String| fresh.get(*name).is_some_and(|fresh| !fresh.partitions().is_empty());
    for name in names.iter().filter(built) {
        let mart = world.registry.model(name)?;
        for column in mart.columns() {
            let Some(to) = column.references.as_ref().filter(|to| names.contains(&to.model)) else { continue };
            found.entry(to.model.as_str()).or_default().push(Relation { mart, column, to });
        }
    }
    Ok(found)
}

/// The keys of each relation that its dimension does not hold.
async fn lost(world: &World<'_>, context: &SessionContext, relations: &[Relation<'_>]) -> Result<Vec<Vec<String>>> {
    let mut found = vec![Vec::new(); relations.len()];
    let Some(to) = relations.first().map(|relation| relation.to) else { return Ok(found) };
    let keys: Vec<String> = relations.iter().enumerate().map(|(at, relation)| relation.keys(at)).collect();
    let sql = format!(
        "select keys.relation, cast(keys.found as text) as found from ({}) as keys where not exists \
         (select 1 from {} as dimension where dimension.\"{}\" = keys.found) order by relation, found",
        keys.join(" union all "),
        to.model,
        to.column
    );
    let place = format!("keys of {to}");
    let located = |err: datafusion::error::DataFusionError| query::located(&err, &place, &sql);
    let statement = query::parse(context, &sql).map_err(located)?;
    let frame = query::plan(context, &statement, &world.parameters, &place, &sql).await?;
    for batch in frame.collect().await.map_err(located)? {
        let places = batch.column(0).as_primitive_opt::<arrow::datatypes::Int64Type>();
        let keys = arrow::compute::cast(batch.column(1), &arrow::datatypes::DataType::Utf8)?;
        let (Some(places), Some(keys)) = (places, keys.as_string_opt::<i32>()) else {
            return Err(Error::bug("keys of a relation are of another type"));
        };
        for (place, key) in places.iter().zip(keys.iter()) {
            let of = place.and_then(|place| usize::try_from(place).ok()).and_then(|place| found.get_mut(place));
            of.into_iter().for_each(|of| of.extend(key.map(str::to_string)));
        }
    }
    Ok(found)
}

impl Relation<'_> {
    /// The query for the keys that its rows have.
    fn keys(&self, at: usize) -> String {
        let words: Vec<String> = self.to.besides.iter().map(|word| format!("'{}'", word.replace('\'', "''"))).collect();
        let besides = if words.is_empty() {
            String::new()
        } else {
            format!(" and \"{}\" not in ({})", self.column.name, words.join(", "))
        };
        format!(
            "select distinct {at} as relation, \"{name}\" as found from {mart} where \"{name}\" is not null{besides}",
            name = self.column.name,
            mart = self.mart.name,
        )
    }

    /// What is told where keys are missing: readers see these rows without a name, which holds no night up.
    fn failure(&self, lost: &[String]) -> Option<CheckFailure> {
        let shown = lost.iter().take(SAMPLES).map(String::as_str).collect::<Vec<_>>().join(", ");
        (!lost.is_empty()).then(|| CheckFailure {
            model: self.mart.name.clone(),
            kind: "references".to_string(),
            severity: Severity::Warn,
            rows: lost.len() as u64,
            message: format!(
                "{}: {} must be found in {}: {} not, such as {shown}",
                self.mart.name,
                self.column.name,
                self.to,
                match lost.len() {
                    1 => "1 key is".to_string(),
                    keys => format!("{keys} keys are"),
                }
            ),
        })
    }
}

//! The schema of every model, planned once for each content of `sql/`, contracts and settings: the lake keeps them, and
//! the next night reads them instead of planning every model over empty tables.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use datafusion::prelude::SessionContext;

use super::bind::Parameters;
use super::reading::describe;
use super::registry::Registry;
use super::{system, typecheck};
use crate::error::Result;
use crate::sha256::{Sha256, hex};
use crate::store::{Store, keys};

/// The schemas of `names`. With `keep`, what had to be planned is kept for the next time.
pub(super) async fn of(
    registry: &Registry,
    parameters: &Parameters,
    names: &[String],
    lake: &Store,
    keep: bool,
    base: &SessionContext,
) -> Result<BTreeMap<String, SchemaRef>> {
    let key = keys::schemas(&fingerprint(registry, parameters, names));
    // A cache: whatever is wrong with what is kept, it is planned again.
    if let Some(schemas) = lake.get(&key).await.ok().and_then(|bytes| read(&bytes)) {
        return Ok(schemas);
    }
    let (schemas, mut problems, _) = typecheck::plan_all(registry, parameters, Some(names), base).await?;
    if !problems.is_empty() {
        return Err(problems.swap_remove(0));
    }
    if keep && let Err(err) = lake.put(&key, write(&schemas)?).await {
        tracing::debug!(error = %err.one_line(), "the schemas could not be kept; the next night plans them again");
    }
    Ok(schemas)
}

/// The hash of everything that decides a schema.
fn fingerprint(registry: &Registry, parameters: &Parameters, names: &[String]) -> String {
    let mut hash = Sha256::new();
    let mut line = |text: &str| {
        hash.update(text.as_bytes());
        hash.update(b"\n");
    };
    line(&format!("{} datafusion {}", env!("CARGO_PKG_VERSION"), datafusion::DATAFUSION_VERSION));
    line(&names.join(" "));
    line(&registry.fingerprint());
    line(&parameters.describe(&parameters.lasting()));
    for (name, feed) in registry.feeds() {
        line(&format!("feed {name} {}", describe(&feed.schema)));
    }
    for (name, table) in registry.tables() {
        line(&format!("settings {name} {}", describe(&table.schema())));
    }
    for name in system::TABLES {
        line(&format!("system {name} {}", system::schema(name).map(|schema| describe(&schema)).unwrap_or_default()));
    }
    hex(&hash.finalize())
}

/// All of them as one schema, which has a column of rows for each model; before it the hash of what follows.
fn write(schemas: &BTreeMap<String, SchemaRef>) -> Result<Vec<u8>> {
    let models = schemas.iter().map(|(name, schema)| Field::new_struct(name, schema.fields().clone(), true));
    let mut body = Vec::new();
    StreamWriter::try_new(&mut body, &Schema::new(models.collect::<Vec<_>>()))?.finish()?;
    Ok([Sha256::digest(&body).as_slice(), &body].concat())
}

fn read(bytes: &[u8]) -> Option<BTreeMap<String, SchemaRef>> {
    let (hash, body) = bytes.split_at_checked(32)?;
    if Sha256::digest(body).as_slice() != hash {
        return None;
    }
    let whole = StreamReader::try_new(Cursor::new(body), None).ok()?.schema();
    let model = |field: &Arc<Field>| match field.data_type() {
        DataType::Struct(fields) => Some((field.name().clone(), Arc::new(Schema::new(fields.clone())))),
        _ => None,
    };
    whole.fields().iter().map(model).collect()
}

#[cfg(test)]
mod tests;

//! The lines of a staged file: by them it is found which row of it breaks a model.

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, SchemaRef};

use super::files::{self, Slice};
use super::session::{self, Limits};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::{FileRef, Stores};

/// Member and line of every staged row, each once and in their order.
pub async fn lines(
    config: &Config,
    stores: &Stores,
    schema: &SchemaRef,
    staged: &FileRef,
) -> Result<Vec<(String, i64)>> {
    let context = session::open(Limits::of(config))?;
    files::register_stores(&context, stores)?;
    let table = files::table(&context, stores, schema, None, &[Slice::whole(staged)])?;
    let mut lines = Vec::new();
    for batch in context.read_table(table)?.select_columns(&["_file", "_line"])?.collect().await? {
        let files = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8)?;
        let numbers = batch.column(1).as_primitive_opt::<Int64Type>();
        let (Some(files), Some(numbers)) = (files.as_string_opt::<i32>(), numbers) else {
            return Err(Error::bug("a staged row has no line").at(&staged.key));
        };
        lines.extend(files.iter().zip(numbers).filter_map(|(file, line)| Some((file?.to_string(), line?))));
    }
    lines.sort();
    lines.dedup();
    Ok(lines)
}

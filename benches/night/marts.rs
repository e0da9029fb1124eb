//! Two folders of marts, row by row.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Failure, company};

/// `runs` is the account of the runs themselves, which are not the same.
const OF_THE_RUNS: [&str; 1] = ["runs"];
/// Columns that name the run.
const NAMES_THE_RUN: [&str; 1] = ["run_id"];

/// Fails where a mart differs in any row; gives the number of rows.
pub(super) fn compare(one: &Path, other: &Path) -> Result<u64, Failure> {
    let (one, other) = (rows(&one.join("latest"))?, rows(&other.join("latest"))?);
    if one.is_empty() {
        return Err("there are no marts".into());
    }
    for name in one.keys().chain(other.keys()) {
        let (left, right) = (one.get(name), other.get(name));
        if left != right {
            let count = |rows: Option<&Vec<String>>| rows.map_or(0, Vec::len);
            let pair = left.into_iter().flatten().zip(right.into_iter().flatten()).find(|(a, b)| a != b);
            return Err(format!(
                "{name} differs from a full refresh: {} and {} rows, the first such pair is {pair:?}",
                count(left),
                count(right)
            )
            .into());
        }
    }
    Ok(one.values().map(|rows| rows.len() as u64).sum())
}

/// The rows of every mart as sorted text.
fn rows(folder: &Path) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let mut marts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in company::files(folder)? {
        let place = file.strip_prefix(folder)?.to_string_lossy().into_owned();
        let Some(stem) = place.strip_suffix(".parquet") else { continue };
        let name = stem.split('/').next().unwrap_or(stem);
        if OF_THE_RUNS.contains(&name) {
            continue;
        }
        let rows = marts.entry(name.to_string()).or_default();
        for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(&file)?)?.build()? {
            let batch = batch?;
            let options = FormatOptions::default().with_null("NULL");
            let schema = batch.schema();
            let mut columns = Vec::new();
            for (field, column) in schema.fields().iter().zip(batch.columns()) {
                if !NAMES_THE_RUN.contains(&field.name().as_str()) {
                    columns.push((field.name(), ArrayFormatter::try_new(column.as_ref(), &options)?));
                }
            }
            for at in 0..batch.num_rows() {
                let cells: Vec<String> =
                    columns.iter().map(|(name, column)| format!("{name}={}", column.value(at))).collect();
                rows.push(cells.join(" "));
            }
        }
        rows.sort();
    }
    Ok(marts)
}

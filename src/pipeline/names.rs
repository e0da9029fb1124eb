//! Keys and names in the newest references: what a partner's words may mean.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::Company;
use crate::contract::Kind;
use crate::error::Result;
use crate::intake::profile::Names;
use crate::state::State;
use crate::state::record::Input;

/// The column that holds a name for people, in every reference that has one.
const NAME: &str = "name";
/// Larger references (customers, articles by the million) are not worth reading for a draft.
const ROWS_MAX: u64 = 100_000;

/// Every reference with names that has arrived, by feed; later snapshots win.
pub async fn names(company: &Company, state: &State) -> Result<Names> {
    let mut names = Names::new();
    for contract in company.contracts.iter().filter(|contract| contract.kind == Kind::Reference) {
        let (Some(key), Some(_)) = (contract.key.first(), contract.column(NAME)) else { continue };
        let mut inputs: Vec<&Input> = state.active(&contract.name).map(AsRef::as_ref).collect();
        inputs.sort_by_key(|input| (input.delivered_at, &input.sha256));
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        for file in inputs.iter().filter_map(|input| input.staged.as_ref()).filter(|file| file.rows <= ROWS_MAX) {
            let bytes = company.stores.of(file.home).get_verified(&file.key, &file.sha256).await?;
            let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
            let columns = ProjectionMask::columns(builder.parquet_schema(), [key.as_str(), NAME]);
            for batch in builder.with_projection(columns).build()? {
                let batch = batch?;
                let text = |column: &str| batch.column_by_name(column).and_then(|array| array.as_string_opt::<i32>());
                let (Some(keys), Some(titles)) = (text(key), text(NAME)) else { continue };
                for row in (0..batch.num_rows()).filter(|row| keys.is_valid(*row)) {
                    known.insert(keys.value(row).to_string(), keys.value(row).to_string());
                    if titles.is_valid(row) {
                        known.entry(titles.value(row).to_string()).or_insert_with(|| keys.value(row).to_string());
                    }
                }
            }
        }
        if !known.is_empty() {
            names.insert(contract.name.clone(), known);
        }
    }
    Ok(names)
}

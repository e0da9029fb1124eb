//! Marts as a reader sees them: names, schema and rows, from any store.

use std::collections::BTreeMap;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};

/// One mart, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mart {
    /// Column names and Arrow types, in order.
    pub columns: Vec<(String, String)>,
    /// Rows as text, sorted.
    pub rows: Vec<Vec<String>>,
    /// Key-value metadata of the file: `column:<name>` says what a column means.
    pub notes: BTreeMap<String, String>,
}

impl Mart {
    /// SHA-256 over schema and sorted rows, without the columns that name the run.
    pub fn hash(&self) -> String {
        let kept: Vec<usize> = (0..self.columns.len()).filter(|at| !self.columns[*at].0.ends_with("run_id")).collect();
        let mut rows: Vec<String> = self
            .rows
            .iter()
            .map(|row| kept.iter().map(|at| row[*at].as_str()).collect::<Vec<_>>().join("\u{1f}"))
            .collect();
        rows.sort();
        let schema: Vec<_> = kept.iter().map(|at| &self.columns[*at]).collect();
        sha256(format!("{schema:?}\n{}", rows.join("\n")).as_bytes())
    }

    /// Position of a column.
    pub fn column(&self, name: &str) -> usize {
        let found = self.columns.iter().position(|(column, _)| column == name);
        found.unwrap_or_else(|| panic!("no column {name} in {:?}", self.columns))
    }

    /// Values of one column.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let at = self.column(name);
        self.rows.iter().map(|row| row[at].as_str()).collect()
    }

    /// Rows whose columns have the given values.
    pub fn find(&self, wanted: &[(&str, &str)]) -> Vec<&Vec<String>> {
        let wanted: Vec<(usize, &str)> = wanted.iter().map(|(name, value)| (self.column(name), *value)).collect();
        self.rows.iter().filter(|row| wanted.iter().all(|(at, value)| row[*at] == *value)).collect()
    }

    /// Exact sum of a decimal column in units of 1/10000.
    pub fn sum(&self, name: &str) -> i128 {
        self.values(name).iter().map(|text| ten_thousandths(text)).sum()
    }
}

/// A decimal text as ten-thousandths.
pub fn ten_thousandths(text: &str) -> i128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits: i128 = format!("{whole}{part:0<4}").parse().unwrap_or_else(|_| panic!("not a decimal: {text:?}"));
    assert!(part.len() <= 4, "more than four decimals: {text}");
    digits
}

/// Lower-case hex SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// The marts in `latest/` out of the files below the marts store.
pub fn latest(files: &BTreeMap<String, Bytes>) -> BTreeMap<String, Mart> {
    let mut marts: BTreeMap<String, Mart> = BTreeMap::new();
    for (key, bytes) in files {
        let Some(rest) = key.strip_prefix("latest/").filter(|rest| rest.ends_with(".parquet")) else { continue };
        let name = rest.split('/').next().unwrap_or(rest).trim_end_matches(".parquet");
        let part = read(bytes.clone());
        match marts.get_mut(name) {
            None => drop(marts.insert(name.to_string(), part)),
            Some(mart) => {
                assert_eq!(mart.columns, part.columns, "{name} has one schema");
                mart.rows.extend(part.rows);
                mart.rows.sort();
            }
        }
    }
    marts
}

/// One Parquet file.
pub fn read(bytes: Bytes) -> Mart {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("a parquet file");
    let schema = builder.schema().clone();
    let columns = schema.fields().iter().map(|field| (field.name().clone(), field.data_type().to_string())).collect();
    let pairs = builder.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    let notes = pairs.into_iter().map(|pair| (pair.key, pair.value.unwrap_or_default())).collect();
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in builder.build().expect("a reader") {
        let batch = batch.expect("a batch");
        let cells: Vec<ArrayFormatter> =
            batch.columns().iter().map(|array| ArrayFormatter::try_new(array, &options).expect("printable")).collect();
        rows.extend((0..batch.num_rows()).map(|row| cells.iter().map(|cell| cell.value(row).to_string()).collect()));
    }
    rows.sort();
    Mart { columns, rows, notes }
}

/// Hashes of the business marts; `runs` tells of the chain, which differs by design.
pub fn hashes(marts: &BTreeMap<String, Mart>) -> BTreeMap<String, String> {
    marts.iter().filter(|(name, _)| name.as_str() != "runs").map(|(name, mart)| (name.clone(), mart.hash())).collect()
}

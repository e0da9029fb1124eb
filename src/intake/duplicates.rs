//! Keys that stand twice in one file. Every clean row leaves a hash of its key; only where hashes repeat are
//! the rows themselves compared. Hashes beyond a few million go to disk, so memory stays fixed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

use super::block::{BLOCK_ROWS, Step, Stop, refuse};
use super::spool::Spool;
use crate::contract::Contract;
use crate::error::Error;

/// Hashes that are held in memory: 32 MiB.
const HELD_MAX: usize = 4 << 20;
/// Rows whose keys repeat that are compared; a file with more is refused.
const SUSPECTS_MAX: usize = 1 << 20;

/// Hashes of the keys of clean rows, in order.
pub(super) struct KeyHashes {
    columns: Vec<usize>,
    held: Vec<u64>,
    spilled: Option<BufWriter<File>>,
    count: usize,
}

impl KeyHashes {
    /// Over the contract's key.
    pub(super) fn new(contract: &Contract) -> Self {
        let columns = contract.key.iter().filter_map(|name| contract.position(name)).collect();
        Self { columns, held: Vec::new(), spilled: None, count: 0 }
    }

    /// Adds the rows of a batch. `scratch` is a folder for what does not fit in memory.
    pub(super) fn add(&mut self, batch: &RecordBatch, scratch: &Path) -> Step<()> {
        let from = self.held.len();
        self.held.resize(from + batch.num_rows(), 0x9e37_79b9_7f4a_7c15);
        for column in &self.columns {
            fold(batch.column(*column), &mut self.held[from..]);
        }
        self.count += batch.num_rows();
        if self.held.len() > HELD_MAX {
            self.spill(scratch).map_err(|err| Stop::Failed(err.into()))?;
        }
        Ok(())
    }

    fn spill(&mut self, scratch: &Path) -> std::io::Result<()> {
        if self.spilled.is_none() {
            self.spilled = Some(BufWriter::with_capacity(1 << 20, tempfile::tempfile_in(scratch)?));
        }
        if let Some(file) = &mut self.spilled {
            for hash in self.held.drain(..) {
                file.write_all(&hash.to_le_bytes())?;
            }
        }
        Ok(())
    }

    /// Positions of rows whose key hash stands more than once, in order.
    pub(super) fn suspects(mut self, scratch: &Path) -> Step<Vec<usize>> {
        if self.spilled.is_none() {
            let mut sorted = self.held.clone();
            let repeated = repeats(&mut sorted);
            return collect(self.held.iter().copied().map(Ok), &repeated);
        }
        self.spill(scratch).map_err(|err| Stop::Failed(err.into()))?;
        let Some(Ok(mut file)) = self.spilled.take().map(BufWriter::into_inner) else {
            return Err(Stop::Failed(Error::retry("key hashes could not be written to disk")));
        };
        // each round looks at the share of all hashes that fits in memory
        let rounds = self.count.div_ceil(HELD_MAX) as u64;
        let mut repeated = HashSet::new();
        for round in 0..rounds {
            let mut share = Vec::with_capacity(HELD_MAX);
            for hash in hashes_in(&mut file)? {
                let hash = hash?;
                if hash % rounds == round {
                    share.push(hash);
                }
            }
            repeated.extend(repeats(&mut share));
            if repeated.len() > SUSPECTS_MAX {
                break;
            }
        }
        collect(hashes_in(&mut file)?, &repeated)
    }
}

fn hashes_in(file: &mut File) -> Step<impl Iterator<Item = Step<u64>>> {
    file.seek(SeekFrom::Start(0)).map_err(|err| Stop::Failed(err.into()))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    Ok(std::iter::from_fn(move || {
        let mut bytes = [0; 8];
        match reader.read_exact(&mut bytes) {
            Ok(()) => Some(Ok(u64::from_le_bytes(bytes))),
            Err(err) if err.kind() == std::io::ErrorKind::UnexpectedEof => None,
            Err(err) => Some(Err(Stop::Failed(err.into()))),
        }
    }))
}

fn repeats(hashes: &mut [u64]) -> HashSet<u64> {
    hashes.sort_unstable();
    hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
}

fn collect(hashes: impl Iterator<Item = Step<u64>>, repeated: &HashSet<u64>) -> Step<Vec<usize>> {
    let mut suspects = Vec::new();
    if repeated.is_empty() {
        return Ok(suspects);
    }
    for (at, hash) in hashes.enumerate() {
        if repeated.contains(&hash?) {
            suspects.push(at);
            if suspects.len() > SUSPECTS_MAX {
                return refuse(format!("more than {SUSPECTS_MAX} rows have a key that stands more than once"));
            }
        }
    }
    Ok(suspects)
}

/// Folds a column's values into the hashes of its rows. NULL is a value of its own.
pub(super) fn fold(array: &ArrayRef, hashes: &mut [u64]) {
    let null = 0x5bd1_e995_7b93_0d6f;
    macro_rules! each {
        ($values:expr, $value:ident => $word:expr) => {{
            let values = $values;
            for (row, hash) in hashes.iter_mut().enumerate() {
                *hash = if values.is_null(row) {
                    mix(*hash, null)
                } else {
                    let $value = values.value(row);
                    $word(*hash)
                };
            }
        }};
    }
    match array.data_type() {
        DataType::Utf8 => each!(array.as_string::<i32>(), text => |hash| mix_bytes(hash, text.as_bytes())),
        DataType::Int64 => each!(array.as_primitive::<Int64Type>(), value => |hash| mix(hash, value.cast_unsigned())),
        DataType::Date32 => {
            each!(array.as_primitive::<Date32Type>(), value => |hash| mix(hash, u64::from(value.cast_unsigned())));
        }
        DataType::Timestamp(..) => {
            each!(array.as_primitive::<TimestampMicrosecondType>(), value => |hash| mix(hash, value.cast_unsigned()));
        }
        DataType::Decimal128(..) => each!(array.as_primitive::<Decimal128Type>(), value => |hash| {
            mix_bytes(hash, &value.to_le_bytes())
        }),
        DataType::Float64 => each!(array.as_primitive::<Float64Type>(), value => |hash| mix(hash, value.to_bits())),
        DataType::Boolean => each!(array.as_boolean(), value => |hash| mix(hash, u64::from(value))),
        // contracts have no other types; without a hash rows are suspects, which is slow and right
        _ => {}
    }
}

/// One folded multiplication, as in wyhash.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "both halves of the product are used")]
fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word) * 0xa076_1d64_78bd_642f;
    (product as u64) ^ ((product >> 64) as u64) ^ word.rotate_left(29)
}

#[inline]
fn mix_bytes(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        hash = mix(hash, u64::from_le_bytes(word));
    }
    let mut last = [0; 8];
    let rest = chunks.remainder();
    last[..rest.len()].copy_from_slice(rest);
    mix(mix(hash, u64::from_le_bytes(last)), bytes.len() as u64)
}

/// A row that does not count because of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drop {
    /// Position among the clean rows.
    pub at: usize,
    /// Whether the same row, value by value, counts elsewhere: then nothing is lost and nothing refused.
    pub is_copy: bool,
    /// The key.
    pub found: String,
    /// Where else it stands.
    pub expected: String,
}

/// Position among the clean rows, line, and all values in comparable form.
type Suspect = (usize, i64, Box<[u8]>);

/// Compares the suspects as they were staged. Of identical rows the first stays; rows that differ under one
/// key are all refused, since nobody can say which is right.
pub(super) fn judge(staged: &Spool, contract: &Contract, suspects: &[usize]) -> Step<Vec<Drop>> {
    let mut selectors = Vec::new();
    let mut next = 0;
    for &at in suspects {
        if at > next {
            selectors.push(RowSelector::skip(at - next));
        }
        selectors.push(RowSelector::select(1));
        next = at + 1;
    }
    let reader = staged.rows(BLOCK_ROWS, Some(RowSelection::from(selectors)));
    let reader = reader.map_err(|err| Stop::Failed(err.into()))?;
    let width = contract.columns.len();
    let keys: Vec<usize> = contract.key.iter().filter_map(|name| contract.position(name)).collect();
    let schema = contract.staged_schema();
    let sorts = |columns: &mut dyn Iterator<Item = usize>| -> Step<RowConverter> {
        Ok(RowConverter::new(columns.map(|at| SortField::new(schema.field(at).data_type().clone())).collect())?)
    };
    let (key_rows, whole_rows) = (sorts(&mut keys.iter().copied())?, sorts(&mut (0..width))?);
    let mut groups: HashMap<Box<[u8]>, Vec<Suspect>> = HashMap::new();
    let mut names: BTreeMap<usize, String> = BTreeMap::new();
    let mut positions = suspects.iter().copied();
    for batch in reader {
        let batch = batch?;
        let columns: Vec<ArrayRef> = batch.columns()[..width].to_vec();
        let key_columns: Vec<ArrayRef> = keys.iter().map(|at| ArrayRef::clone(&columns[*at])).collect();
        let by_key = key_rows.convert_columns(&key_columns)?;
        let whole = whole_rows.convert_columns(&columns)?;
        let lines = batch.column_by_name("_line").map(|lines| lines.as_primitive::<Int64Type>().clone());
        let options = FormatOptions::new().with_null("");
        let shown = key_columns
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()?;
        for (row, at) in (0..batch.num_rows()).zip(&mut positions) {
            let line = lines.as_ref().map_or(0, |lines| lines.value(row));
            let name: Vec<String> = shown.iter().map(|column| column.value(row).to_string()).collect();
            names.insert(at, name.join(", "));
            groups.entry(by_key.row(row).as_ref().into()).or_default().push((at, line, whole.row(row).as_ref().into()));
        }
    }
    let mut drops = Vec::new();
    for group in groups.into_values().filter(|group| group.len() > 1) {
        let alike = group.iter().all(|(_, _, row)| *row == group[0].2);
        let lines: Vec<String> = group.iter().map(|(_, line, _)| line.to_string()).collect();
        let listed = if lines.len() > 10 {
            format!("{} and {} more", lines[..10].join(", "), lines.len() - 10)
        } else {
            lines.join(", ")
        };
        for (at, ..) in group.iter().skip(usize::from(alike)) {
            let expected = format!("every key once; rows that differ stand in lines {listed}");
            let found = names.get(at).cloned().unwrap_or_default();
            drops.push(Drop { at: *at, is_copy: alike, found, expected });
        }
    }
    drops.sort_by_key(|drop| drop.at);
    Ok(drops)
}

#[cfg(test)]
mod tests;

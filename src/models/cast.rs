//! From what SQL computed to what the sidecar declares: same names, same order, and no value that would not fit.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef, TimeUnit};

use super::sidecar::Column;
use super::types::ColumnType;
use crate::error::{Error, Result, closest};

/// Casts batches of one query to declared columns, or to the nearest storable types where none are declared.
#[derive(Debug, Clone)]
pub struct Conform {
    schema: SchemaRef,
}

impl Conform {
    /// Fails where names, order or kinds of type do not fit, before any row is computed.
    pub fn new(found: &Schema, columns: &[Column]) -> Result<Self> {
        if columns.is_empty() {
            return Self::plain(found);
        }
        let names: Vec<&str> = found.fields().iter().map(|field| field.name().as_str()).collect();
        let wanted: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        if names != wanted {
            return Err(mismatch(&names, &wanted));
        }
        for (field, column) in found.fields().iter().zip(columns) {
            if !fits(field.data_type(), &column.kind.arrow()) {
                return Err(Error::config(format!(
                    "column `{}` is declared {} but the query gives {}",
                    column.name,
                    column.kind,
                    field.data_type()
                ))
                .hint("cast it in the query, so that readers of the query see what happens to the value"));
            }
        }
        Ok(Self { schema: declared(columns) })
    }

    fn plain(found: &Schema) -> Result<Self> {
        let mut names = std::collections::BTreeSet::new();
        let mut fields = Vec::new();
        for field in found.fields() {
            if !names.insert(field.name()) {
                return Err(Error::config(format!("the query gives two columns named `{}`", field.name()))
                    .hint("name every column of the final select once"));
            }
            let kind = storable(field.data_type()).ok_or_else(|| {
                Error::config(format!(
                    "column `{}` is of type {}, which cannot be kept",
                    field.name(),
                    field.data_type()
                ))
                .hint("cast it: text, bigint, decimal, date, timestamp, boolean and double can be kept")
            })?;
            fields.push(Field::new(field.name(), kind, true));
        }
        Ok(Self { schema: Arc::new(Schema::new(fields)) })
    }

    /// The declared schema.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Casts one batch.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let arrays: Vec<ArrayRef> = batch
            .columns()
            .iter()
            .zip(self.schema.fields())
            .map(|(array, field)| {
                exact(array, field.data_type())
                    .map_err(|why| Error::data(format!("column `{}` ({}): {why}", field.name(), field.data_type())))
            })
            .collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?)
    }
}

/// The type in which a step between feeds and marts is kept.
fn storable(kind: &DataType) -> Option<DataType> {
    Some(match kind {
        kind if is_text(kind) => DataType::Utf8,
        kind if kind.is_integer() => DataType::Int64,
        kind if kind.is_floating() => DataType::Float64,
        DataType::Decimal128(..) | DataType::Boolean => kind.clone(),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Date32 | DataType::Date64 => DataType::Date32,
        DataType::Timestamp(..) => ColumnType::Timestamp.arrow(),
        _ => return None,
    })
}

/// The schema that columns declare.
pub(super) fn declared(columns: &[Column]) -> SchemaRef {
    let fields: Vec<Field> = columns.iter().map(|column| Field::new(&column.name, column.kind.arrow(), true)).collect();
    Arc::new(Schema::new(fields))
}

fn mismatch(names: &[&str], wanted: &[&str]) -> Error {
    if let Some(missing) = wanted.iter().find(|name| !names.contains(name)) {
        let error = Error::config(format!("the query gives no column `{missing}`, which the sidecar declares"));
        return match closest(missing, names.iter().copied().filter(|name| !wanted.contains(name))) {
            Some(near) => error.hint(format!("the query has `{near}`: name both alike")),
            None => error.hint(format!("the query gives: {}", names.join(", "))),
        };
    }
    if let Some(extra) = names.iter().find(|name| !wanted.contains(name)) {
        return Error::config(format!("the query gives column `{extra}`, which the sidecar does not declare"))
            .hint("declare it under [[columns]], or take it out of the final select");
    }
    let at = names.iter().zip(wanted).position(|(name, wanted)| name != wanted).unwrap_or(0);
    Error::config(format!(
        "columns are in another order than declared: column {} is `{}`, declared is `{}`",
        at + 1,
        names.get(at).unwrap_or(&"missing"),
        wanted.get(at).unwrap_or(&"nothing")
    ))
    .hint("bring [[columns]] and the final select into the same order")
}

/// Whether a cast may be tried at all. Text never becomes something else, nor anything text.
fn fits(from: &DataType, to: &DataType) -> bool {
    use DataType::{Boolean, Date32, Date64, Decimal128, Decimal256, Float64, Int64, Null, Timestamp, Utf8};
    let decimal = matches!(from, Decimal128(..) | Decimal256(..) | DataType::Decimal32(..) | DataType::Decimal64(..));
    match to {
        _ if matches!(from, Null) || from == to => true,
        Utf8 => is_text(from),
        Int64 | Decimal128(..) | Float64 => from.is_integer() || from.is_floating() || decimal,
        Date32 => matches!(from, Date64 | Timestamp(..)),
        Timestamp(..) => matches!(from, Timestamp(..) | Date32),
        Boolean => false,
        _ => false,
    }
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}

fn exact(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let cast = |array: &dyn Array, to: &DataType| {
        cast_with_options(array, to, &strict).map_err(|err| {
            let text = err.to_string();
            text.strip_prefix("Cast error: ")
                .or_else(|| text.strip_prefix("Invalid argument error: "))
                .unwrap_or(&text)
                .to_string()
        })
    };
    let from = array.data_type();
    let done = if from == to {
        Arc::clone(array)
    } else {
        // A zone may be attached to instants that are UTC already, but never moved.
        let naive = matches!(from, DataType::Timestamp(_, None)) && matches!(to, DataType::Timestamp(..));
        let source = match from {
            DataType::Timestamp(unit, None) if naive => cast(array, &DataType::Timestamp(*unit, Some("UTC".into())))?,
            _ => Arc::clone(array),
        };
        let done = cast(&source, to)?;
        if loses(from, to) {
            let back = cast(&done, source.data_type())?;
            if back.as_ref() != source.as_ref() {
                return Err(format!("a value of type {from} does not fit without loss: {}", example(&source, &back)));
            }
        }
        done
    };
    if to == &DataType::Float64 && done.as_primitive::<Float64Type>().iter().flatten().any(|value| !value.is_finite()) {
        return Err("a value is NaN or infinite; guard the divisor with nullif".to_string());
    }
    Ok(done)
}

/// Casts between these may drop something that is not mere precision of a decimal.
fn loses(from: &DataType, to: &DataType) -> bool {
    let fraction = !from.is_integer();
    match to {
        DataType::Int64 => fraction && !from.is_null(),
        DataType::Date32 => true,
        DataType::Timestamp(..) => matches!(from, DataType::Timestamp(TimeUnit::Nanosecond, _)),
        _ => false,
    }
}

fn example(source: &ArrayRef, back: &ArrayRef) -> String {
    let differs = (0..source.len()).find(|row| source.slice(*row, 1).as_ref() != back.slice(*row, 1).as_ref());
    differs
        .and_then(|row| arrow::util::display::array_value_to_string(source, row).ok())
        .unwrap_or_else(|| "unknown".to_string())
}

#[cfg(test)]
mod tests;

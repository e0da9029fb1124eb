//! `sorted_rows`: the rows of a group as one ordered list, which a function that needs to see them together takes
//! (a likelihood, a replay). Sorted by their values, so that the order of arrival cannot show.

use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Int64Array, ListArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Field, FieldRef, Fields, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::{Body, Function};

pub(super) fn functions() -> Vec<Function> {
    let signature = Signature::variadic_any(Volatility::Immutable);
    vec![Function {
        usage: "sorted_rows(value, ...) -> list of rows",
        words: "The rows of a group as a list, sorted by the first value, then the next: what a fit or a replay takes. \
                Values are integers, dates and decimals whose values have up to 18 digits; a row with a NULL is left out.",
        body: Body::Aggregate(AggregateUDF::new_from_impl(SortedRows { signature })),
    }]
}

/// The type of a list of rows with values of these types.
pub(super) fn list_type(kinds: &[DataType]) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Struct(fields(kinds)), true)))
}

fn fields(kinds: &[DataType]) -> Fields {
    kinds.iter().enumerate().map(|(at, kind)| Field::new(format!("v{}", at + 1), kind.clone(), true)).collect()
}

/// The values of one column as plain integers; decimals unscaled, dates as days.
pub(super) fn integers(array: &ArrayRef) -> Result<Int64Array> {
    match array.data_type() {
        DataType::Int64 => Ok(array.as_primitive::<Int64Type>().clone()),
        DataType::Date32 => Ok(array.as_primitive::<Date32Type>().unary(i64::from)),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().try_unary(|value| {
            i64::try_from(value).map_err(|_| exec_datafusion_err!("{value} is too large for a row"))
        }),
        other => plan_err!("sorted_rows takes bigint, date and decimal, not {other}"),
    }
}

fn typed(kind: &DataType, values: Vec<i64>) -> Result<ArrayRef> {
    Ok(match kind {
        DataType::Date32 => {
            let days = values.into_iter().map(|day| i32::try_from(day).unwrap_or_default());
            Arc::new(Date32Array::from_iter_values(days))
        }
        DataType::Decimal128(precision, scale) => {
            let values = Decimal128Array::from_iter_values(values.into_iter().map(i128::from));
            Arc::new(values.with_precision_and_scale(*precision, *scale)?)
        }
        _ => Arc::new(Int64Array::from(values)),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SortedRows {
    signature: Signature,
}

impl AggregateUDFImpl for SortedRows {
    fn name(&self) -> &'static str {
        "sorted_rows"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        for kind in arguments {
            match kind {
                DataType::Int64 | DataType::Date32 | DataType::Decimal128(..) => {}
                other => {
                    return plan_err!("sorted_rows takes bigint, date and decimal, not {other}");
                }
            }
        }
        Ok(list_type(arguments))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let kind = args.return_field.data_type().clone();
        Ok(vec![Arc::new(Field::new(format!("{}[rows]", args.name), kind, true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup(Rows::new(&args))))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Rows::new(&args)))
    }
}

/// The rows of all groups, in the order of their arrival, side by side in one vector.
#[derive(Debug)]
struct Rows {
    kinds: Vec<DataType>,
    /// Group of each row.
    groups: Vec<usize>,
    /// Row after row, one value a column.
    values: Vec<i64>,
    groups_total: usize,
}

impl Rows {
    fn new(args: &AccumulatorArgs) -> Self {
        // In the final step the arguments are states, but the result's type always tells those of the values.
        let kinds = match args.return_type() {
            DataType::List(item) => match item.data_type() {
                DataType::Struct(fields) => fields.iter().map(|field| field.data_type().clone()).collect(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        Self { kinds, groups: Vec::new(), values: Vec::new(), groups_total: 0 }
    }

    fn push(&mut self, columns: &[Int64Array], row: usize, group: usize) {
        if columns.iter().all(|column| column.is_valid(row)) {
            self.groups.push(group);
            self.values.extend(columns.iter().map(|column| column.value(row)));
        }
    }

    fn row(&self, at: usize) -> &[i64] {
        let width = self.kinds.len();
        &self.values[at * width..(at + 1) * width]
    }

    /// The rows of the first `count` groups as lists; they leave, the other groups move up.
    fn take(&mut self, count: usize) -> Result<ArrayRef> {
        let mut ends = vec![0_usize; count + 1];
        for group in self.groups.iter().filter(|group| **group < count) {
            ends[group + 1] += 1;
        }
        for group in 0..count {
            ends[group + 1] += ends[group];
        }
        let mut next = ends.clone();
        let mut order = vec![0_usize; ends[count]];
        for (at, group) in self.groups.iter().enumerate().filter(|(_, group)| **group < count) {
            order[next[*group]] = at;
            next[*group] += 1;
        }
        for group in 0..count {
            order[ends[group]..ends[group + 1]].sort_unstable_by(|a, b| self.row(*a).cmp(self.row(*b)));
        }
        let columns = self.kinds.iter().enumerate().map(|(column, kind)| {
            typed(kind, order.iter().map(|at| self.values[at * self.kinds.len() + column]).collect())
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let lists = lists(&self.kinds, columns, ends)?;
        self.forget(count);
        Ok(lists)
    }

    fn forget(&mut self, count: usize) {
        let rest: Vec<usize> = (0..self.groups.len()).filter(|at| self.groups[*at] >= count).collect();
        self.values = rest.iter().flat_map(|at| self.row(*at).to_vec()).collect();
        self.groups = rest.iter().map(|at| self.groups[*at] - count).collect();
        self.groups_total -= count;
    }
}

fn lists(kinds: &[DataType], columns: Vec<ArrayRef>, ends: Vec<usize>) -> Result<ArrayRef> {
    let rows = StructArray::new(fields(kinds), columns, None);
    let ends = ends.into_iter().map(i32::try_from).collect::<Result<Vec<_>, _>>();
    let ends = ends.map_err(|_| exec_datafusion_err!("more rows than a list can hold"))?;
    let item = Arc::new(Field::new_list_field(DataType::Struct(fields(kinds)), true));
    Ok(Arc::new(ListArray::new(item, OffsetBuffer::new(ends.into()), Arc::new(rows), None)))
}

fn kept(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

impl GroupsAccumulator for Rows {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        let columns = values.iter().map(integers).collect::<Result<Vec<_>>>()?;
        self.groups_total = total;
        for (row, group) in group_indices.iter().enumerate().filter(|(row, _)| kept(filter, *row)) {
            self.push(&columns, row, *group);
        }
        Ok(())
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total: usize) -> Result<()> {
        let states = values[0].as_list::<i32>();
        let columns = states.values().as_struct().columns().iter().map(integers).collect::<Result<Vec<_>>>()?;
        self.groups_total = total;
        for (list, group) in group_indices.iter().enumerate().filter(|(list, _)| states.is_valid(*list)) {
            let ends = states.value_offsets();
            for row in ends[list]..ends[list + 1] {
                self.push(&columns, usize::try_from(row).unwrap_or_default(), *group);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let count = match emit_to {
            EmitTo::All => self.groups_total,
            EmitTo::First(count) => count,
        };
        self.take(count)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let columns = values.iter().map(integers).collect::<Result<Vec<_>>>()?;
        let rows = values.first().map_or(0, Array::len);
        let mut each = Self { kinds: self.kinds.clone(), groups: Vec::new(), values: Vec::new(), groups_total: rows };
        for row in (0..rows).filter(|row| kept(filter, *row)) {
            each.push(&columns, row, row);
        }
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<usize>() + self.values.capacity() * size_of::<i64>()
    }
}

/// The same without groups.
#[derive(Debug)]
struct OneGroup(Rows);

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, Array::len);
        GroupsAccumulator::update_batch(&mut self.0, values, &vec![0; rows], None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states.first().map_or(0, Array::len);
        GroupsAccumulator::merge_batch(&mut self.0, states, &vec![0; lists], 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.groups_total = 1;
        let lists = self.0.take(1)?;
        ScalarValue::try_from_array(&lists, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn size(&self) -> usize {
        GroupsAccumulator::size(&self.0)
    }
}

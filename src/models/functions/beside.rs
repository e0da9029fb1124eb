//! `min_by` and `max_by`: the value beside the smallest or largest of another column.

use std::cmp::Ordering;
use std::mem::size_of_val;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use super::{Body, Function};

pub(super) fn functions() -> Vec<Function> {
    let function = |usage, words, largest| {
        let signature = Signature::any(2, Volatility::Immutable);
        Function { usage, words, body: Body::Aggregate(AggregateUDF::new_from_impl(Beside { largest, signature })) }
    };
    vec![
        function(
            "min_by(value, order) -> type of value",
            "The value of the row with the smallest order; of several, the smallest value (NULL last). Rows whose \
             order is NULL do not count.",
            false,
        ),
        function(
            "max_by(value, order) -> type of value",
            "The value of the row with the largest order; of several, the smallest value (NULL last). Rows whose \
             order is NULL do not count.",
            true,
        ),
    ]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Beside {
    largest: bool,
    signature: Signature,
}

impl AggregateUDFImpl for Beside {
    fn name(&self) -> &str {
        if self.largest { "max_by" } else { "min_by" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        arguments.first().cloned().map_or_else(|| plan_err!("a value is missing"), Ok)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |at: usize, part: &str| {
            let kind = args.input_fields.get(at).map_or(DataType::Null, |field| field.data_type().clone());
            Arc::new(Field::new(format!("{}[{part}]", args.name), kind, true))
        };
        Ok(vec![field(0, "value"), field(1, "order")])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let kind = |at: usize| args.expr_fields.get(at).map_or(&DataType::Null, |field| field.data_type());
        let value = ScalarValue::try_new_null(kind(0))?;
        let order = ScalarValue::try_new_null(kind(1))?;
        Ok(Box::new(Best { largest: self.largest, value, order }))
    }
}

#[derive(Debug)]
struct Best {
    largest: bool,
    value: ScalarValue,
    order: ScalarValue,
}

impl Best {
    fn take(&mut self, values: &ArrayRef, orders: &ArrayRef) -> Result<()> {
        let options = SortOptions { descending: self.largest, nulls_first: false };
        let by_order = make_comparator(orders, orders, options)?;
        let by_value = make_comparator(values, values, SortOptions { descending: false, nulls_first: false })?;
        let best = (0..orders.len())
            .filter(|row| orders.is_valid(*row))
            .min_by(|a, b| by_order(*a, *b).then_with(|| by_value(*a, *b)));
        let Some(best) = best else { return Ok(()) };
        let value = ScalarValue::try_from_array(values, best)?;
        let order = ScalarValue::try_from_array(orders, best)?;
        if self.order.is_null() || self.better(&value, &order)? {
            (self.value, self.order) = (value, order);
        }
        Ok(())
    }

    fn better(&self, value: &ScalarValue, order: &ScalarValue) -> Result<bool> {
        let by_order = order.try_cmp(&self.order)?;
        let by_order = if self.largest { by_order.reverse() } else { by_order };
        Ok(match by_order {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => match (value.is_null(), self.value.is_null()) {
                (true, _) => false,
                (false, true) => true,
                (false, false) => value.try_cmp(&self.value)? == Ordering::Less,
            },
        })
    }
}

impl Accumulator for Best {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.take(&values[0], &values[1])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value.clone(), self.order.clone()])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.take(&states[0], &states[1])
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.value.size() + self.order.size()
    }
}

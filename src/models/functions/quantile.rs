//! Exact type-7 quantiles. `DataFusion`'s own truncate their weight or the decimals of the result.
//!
//! Values are kept as integers (decimals unscaled, doubles by their total order), so that the result does not
//! depend on the order of rows; the interpolation between two neighbours is done in exact arithmetic.

use std::mem::{size_of, size_of_val};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Float64Type, Schema};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Signature, Volatility};

use super::{Body, Function};

/// Decimal places of an interpolated integer or decimal; more where its values have more.
const SCALE: i8 = 10;

pub(super) fn functions() -> Vec<Function> {
    let function = |usage, words, what| {
        let body = Body::Aggregate(AggregateUDF::new_from_impl(Quantile::new(what)));
        Function { usage, words, body }
    };
    vec![
        function(
            "quantile_exact(value, share) -> decimal(38,10) or double",
            "The type-7 quantile (as in R, NumPy and Excel) at a constant share from 0 to 1: exact for integers and \
             decimals (cast it to the declared type), double for doubles. NULLs are left out. Also over a window.",
            What::Quantile,
        ),
        function("median_exact(value) -> decimal(38,10) or double", "quantile_exact(value, 0.5).", What::Median),
        function(
            "mad_exact(value) -> decimal(38,10) or double",
            "The median of the absolute distances from the median: a spread that outliers do not move.",
            What::Mad,
        ),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    Quantile,
    Median,
    Mad,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Quantile {
    what: What,
    signature: Signature,
}

impl Quantile {
    fn new(what: What) -> Self {
        let arguments = if what == What::Quantile { 2 } else { 1 };
        Self { what, signature: Signature::any(arguments, Volatility::Immutable) }
    }
}

/// How values of a type are kept: as integers of this many decimal places, or as doubles in total order.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Decimal(i8),
    Double,
}

impl Form {
    fn of(kind: &DataType) -> Result<Self> {
        match kind {
            DataType::Null => Ok(Self::Decimal(0)),
            kind if kind.is_integer() => Ok(Self::Decimal(0)),
            DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale)
                if *scale >= 0 =>
            {
                Ok(Self::Decimal(*scale))
            }
            kind if kind.is_floating() => Ok(Self::Double),
            other => plan_err!("quantiles take integers, decimals and doubles, not {other}"),
        }
    }

    fn output(self) -> DataType {
        match self {
            Self::Decimal(scale) => DataType::Decimal128(38, scale.max(SCALE)),
            Self::Double => DataType::Float64,
        }
    }
}

impl AggregateUDFImpl for Quantile {
    fn name(&self) -> &str {
        match self.what {
            What::Quantile => "quantile_exact",
            What::Median => "median_exact",
            What::Mad => "mad_exact",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        arguments.first().map_or_else(|| plan_err!("a value is missing"), |kind| Form::of(kind).map(Form::output))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let values = Field::new_list_field(DataType::Decimal128(38, 0), true);
        let name = format!("{}[values]", args.name);
        Ok(vec![Arc::new(Field::new(name, DataType::List(Arc::new(values)), true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return plan_err!("distinct is not supported by {}", self.name());
        }
        let share = match (self.what, args.exprs.get(1)) {
            (What::Quantile, Some(share)) => {
                let empty = RecordBatch::new_empty(Arc::new(Schema::empty()));
                match share.evaluate(&empty) {
                    Ok(ColumnarValue::Scalar(share)) => Share::of(&share)?,
                    _ => return plan_err!("the share of quantile_exact must be a constant"),
                }
            }
            _ => Share { over: 1, under: 2 },
        };
        let form = Form::of(args.expr_fields.first().map_or(&DataType::Null, |field| field.data_type()))?;
        Ok(Box::new(Values { form, share, mad: self.what == What::Mad, values: Vec::new(), sorted: true }))
    }
}

/// A share from 0 to 1, as an exact fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Share {
    over: i128,
    under: i128,
}

impl Share {
    fn of(value: &ScalarValue) -> Result<Self> {
        let text = match value {
            ScalarValue::Float64(Some(share)) => share.to_string(),
            ScalarValue::Decimal128(Some(share), _, scale) => {
                let Ok(scale) = u32::try_from(*scale) else { return plan_err!("share has a negative scale") };
                return Self::checked(*share, 10_i128.pow(scale));
            }
            other => other.to_string(),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let places = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
        if let (Ok(over), Some(under)) = (format!("{whole}{fraction}").parse(), 10_i128.checked_pow(places)) {
            Self::checked(over, under)
        } else {
            plan_err!("the share of quantile_exact is {text}; expected a number from 0 to 1")
        }
    }

    fn checked(over: i128, under: i128) -> Result<Self> {
        if !(0..=under).contains(&over) {
            return plan_err!("the share of quantile_exact is {over}/{under}; expected a number from 0 to 1");
        }
        let common = gcd(over, under);
        Ok(Self { over: over / common, under: under / common })
    }
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

#[derive(Debug)]
struct Values {
    form: Form,
    share: Share,
    mad: bool,
    values: Vec<i128>,
    sorted: bool,
}

impl Values {
    fn read(&self, array: &ArrayRef) -> Result<Vec<i128>> {
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        Ok(match self.form {
            Form::Decimal(scale) => {
                let array = cast_with_options(array, &DataType::Decimal128(38, scale), &strict)?;
                array.as_primitive::<Decimal128Type>().iter().flatten().collect()
            }
            Form::Double => {
                let array = cast_with_options(array, &DataType::Float64, &strict)?;
                array.as_primitive::<Float64Type>().iter().flatten().map(ordered).collect()
            }
        })
    }

    fn sort(&mut self) {
        if !self.sorted {
            self.values.sort_unstable();
            self.sorted = true;
        }
    }

    fn result(&mut self) -> Result<ScalarValue> {
        self.sort();
        match self.form {
            Form::Decimal(scale) => {
                let places = scale.max(SCALE);
                let centre = decimal_quantile(&self.values, scale, self.share)?;
                let value = match centre {
                    Some(centre) if self.mad => {
                        let factor = power(places - scale)?;
                        let mut distances = Vec::with_capacity(self.values.len());
                        for value in &self.values {
                            distances.push((checked(value.checked_mul(factor))? - centre).abs());
                        }
                        distances.sort_unstable();
                        decimal_quantile(&distances, places, self.share)?
                    }
                    centre => centre,
                };
                Ok(ScalarValue::Decimal128(value, 38, places))
            }
            Form::Double => {
                let values: Vec<f64> = self.values.iter().map(|key| double(*key)).collect();
                let centre = double_quantile(&values, self.share);
                let value = match centre {
                    Some(centre) if self.mad => {
                        let mut distances: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
                        distances.sort_unstable_by(f64::total_cmp);
                        double_quantile(&distances, self.share)
                    }
                    centre => centre,
                };
                Ok(ScalarValue::Float64(value))
            }
        }
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let added = self.read(&values[0])?;
        if self.sorted && added.len() == 1 {
            // One row at a time is how window frames move: keep the order instead of sorting each time.
            let at = self.values.partition_point(|value| *value < added[0]);
            self.values.insert(at, added[0]);
        } else if !added.is_empty() {
            self.values.extend(added);
            self.sorted = false;
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.sort();
        for gone in self.read(&values[0])? {
            match self.values.binary_search(&gone) {
                Ok(at) => {
                    self.values.remove(at);
                }
                Err(_) => return exec_err!("a value leaves a window frame that it never entered"),
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.result()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let kept = Decimal128Array::from_iter_values(std::mem::take(&mut self.values));
        let kept = kept.with_precision_and_scale(38, 0)?;
        Ok(vec![SingleRowListArrayBuilder::new(Arc::new(kept)).build_list_scalar()])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for list in states[0].as_list::<i32>().iter().flatten() {
            self.values.extend(list.as_primitive::<Decimal128Type>().iter().flatten());
            self.sorted = false;
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<i128>()
    }
}

/// The quantile of sorted integers of `scale` decimal places, with [`SCALE`] places or as many as they
/// have, half away from zero.
fn decimal_quantile(sorted: &[i128], scale: i8, share: Share) -> Result<Option<i128>> {
    let Some((at, rest)) = place(sorted.len(), share) else { return Ok(None) };
    let factor = power(scale.max(SCALE) - scale)?;
    let low = checked(sorted[at].checked_mul(factor))?;
    if rest == 0 {
        return Ok(Some(low));
    }
    let gap = checked((sorted[at + 1] - sorted[at]).checked_mul(factor))?;
    let part = checked(gap.checked_mul(rest))?;
    let exact = checked(low.checked_mul(share.under))? + part;
    let away = if exact < 0 { -share.under } else { share.under };
    let rounded = checked(exact.checked_mul(2))?.checked_add(away).map(|twice| twice / (2 * share.under));
    let rounded = checked(rounded)?;
    Ok(Some(rounded))
}

fn double_quantile(sorted: &[f64], share: Share) -> Option<f64> {
    let (at, rest) = place(sorted.len(), share)?;
    let low = sorted[at];
    if rest == 0 {
        return Some(low);
    }
    #[expect(clippy::cast_precision_loss, reason = "a share has few digits")]
    let weight = rest as f64 / share.under as f64;
    Some(low + weight * (sorted[at + 1] - low))
}

/// Index of the lower neighbour, and the numerator of the weight of the upper one.
fn place(count: usize, share: Share) -> Option<(usize, i128)> {
    let last = i128::try_from(count.checked_sub(1)?).ok()?;
    let steps = last * share.over;
    Some((usize::try_from(steps / share.under).ok()?, steps % share.under))
}

fn power(places: i8) -> Result<i128> {
    u32::try_from(places).ok().and_then(|places| 10_i128.checked_pow(places)).ok_or_else(too_large)
}

fn checked(value: Option<i128>) -> Result<i128> {
    value.ok_or_else(too_large)
}

fn too_large() -> datafusion::error::DataFusionError {
    exec_datafusion_err!("a value is too large for an exact quantile")
}

/// A double as an integer of the same order.
fn ordered(value: f64) -> i128 {
    let bits = value.to_bits().cast_signed();
    i128::from(if bits < 0 { bits ^ i64::MAX } else { bits })
}

fn double(key: i128) -> f64 {
    let bits = i64::try_from(key).unwrap_or(i64::MAX);
    f64::from_bits((if bits < 0 { bits ^ i64::MAX } else { bits }).cast_unsigned())
}

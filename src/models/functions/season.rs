//! `season_band`: what every day of a series should have brought, and whether it is off. A window function over a
//! series in the order of days; the method is in [`detect`], its comparison with others in
//! `benches/anomaly_methods`.

mod day;
mod detect;
mod model;
mod scale;
mod shift;
mod spread;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, PrimitiveArray, StringArray, StructArray,
};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field, FieldRef, Fields, Float64Type, Int64Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};

pub use day::{Day, Finding, Judged, Rules, Unjudged};
pub use detect::judge;
pub use scale::Scale;

use super::{Body, Function};

/// What a day brings: value, events behind it, value without the largest order and without the largest return, holiday,
/// promotion, incomplete, days back to the same day last year.
const OF_A_DAY: usize = 8;

/// The types of the arguments: those of a day, then the scale and the rules, which are constant.
const ARGUMENTS: [DataType; 18] = [
    DataType::Float64,
    DataType::Float64,
    DataType::Float64,
    DataType::Float64,
    DataType::Boolean,
    DataType::Boolean,
    DataType::Boolean,
    DataType::Int64,
    DataType::Utf8,
    DataType::Float64,
    DataType::Float64,
    DataType::Int64,
    DataType::Float64,
    DataType::Float64,
    DataType::Float64,
    DataType::Float64,
    DataType::Int64,
    DataType::Float64,
];

pub(super) fn functions() -> Vec<Function> {
    let signature = Signature::user_defined(Volatility::Immutable);
    vec![Function {
        usage: "season_band(value, events, without_order, without_return, holiday, promotion, incomplete, days_back, \
                scale, band, gap_min, history_days, dispersion, noise_min, holiday_noise, shift_band, shift_days, \
                events_min) over (partition by series order by day) -> struct",
        words: "What each day of a series should have brought: level × weekday × season of the year × holiday, by \
                robust exponential smoothing of the days before it, with its band and score; status says why a day is \
                not judged; finding is point or level_shift on the day that is told (of a level the day on which it \
                best began), off_days the days that it lasted, level_change the new level's change. Days without \
                holes, the first one first. Events behind the value (orders, of a rate returns) are what chance has to \
                play with, NULL where it plays no part; what a day is without its largest order and without its largest \
                return has to stand out too, NULL where the value knows none. days_back leads to the same day of the \
                year before. scale is amount (shares on a power that makes counts even), price (ratios) or rate \
                (differences).",
        body: Body::Window(WindowUDF::new_from_impl(SeasonBand { signature })),
    }]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SeasonBand {
    signature: Signature,
}

impl WindowUDFImpl for SeasonBand {
    fn name(&self) -> &'static str {
        "season_band"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        if given.len() == ARGUMENTS.len() {
            Ok(ARGUMENTS.to_vec())
        } else {
            plan_err!("season_band takes {} arguments, not {}", ARGUMENTS.len(), given.len())
        }
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), DataType::Struct(fields()), false)))
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Series))
    }
}

fn fields() -> Fields {
    let field = |name, kind| Field::new(name, kind, true);
    Fields::from(vec![
        field("expected", DataType::Float64),
        field("lower", DataType::Float64),
        field("upper", DataType::Float64),
        field("score", DataType::Float64),
        field("status", DataType::Utf8),
        field("finding", DataType::Utf8),
        field("off_days", DataType::Int64),
        field("level_change", DataType::Float64),
        field("holiday_known", DataType::Boolean),
    ])
}

#[derive(Debug)]
struct Series;

impl PartitionEvaluator for Series {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let judged = if rows == 0 { Vec::new() } else { judge(&days(values, rows)?, &rules(values)?) };
        let number = |of: fn(&Judged) -> f64| -> ArrayRef {
            let values = judged.iter().map(|day| day.unjudged.is_none().then(|| of(day)));
            Arc::new(values.collect::<Float64Array>())
        };
        let status = judged.iter().map(|day| day.unjudged.map(Unjudged::name));
        let finding = judged.iter().map(|day| day.finding.map(Finding::name));
        let off_days = judged.iter().map(|day| day.finding.and_then(|_| i64::try_from(day.off_days).ok()));
        let change = judged.iter().map(|day| day.level_change);
        let known = judged.iter().map(|day| Some(day.holiday_known));
        let columns: Vec<ArrayRef> = vec![
            number(|day| day.expected),
            number(|day| day.lower),
            number(|day| day.upper),
            number(|day| day.score),
            Arc::new(status.collect::<StringArray>()),
            Arc::new(finding.collect::<StringArray>()),
            Arc::new(off_days.collect::<Int64Array>()),
            Arc::new(change.collect::<Float64Array>()),
            Arc::new(known.collect::<BooleanArray>()),
        ];
        Ok(Arc::new(StructArray::try_new(fields(), columns, None)?))
    }

    fn uses_window_frame(&self) -> bool {
        false
    }

    fn supports_bounded_execution(&self) -> bool {
        false
    }
}

fn days(values: &[ArrayRef], rows: usize) -> Result<Vec<Day>> {
    if values.len() < OF_A_DAY {
        return exec_err!("season_band was given {} arguments", values.len());
    }
    let is = |column: usize, row: usize| {
        let flags = values[column].as_boolean();
        !flags.is_null(row) && flags.value(row)
    };
    Ok((0..rows)
        .map(|row| Day {
            value: at::<Float64Type>(&values[0], row).filter(|value| value.is_finite()),
            events: at::<Float64Type>(&values[1], row),
            without_order: at::<Float64Type>(&values[2], row).filter(|value| value.is_finite()),
            without_return: at::<Float64Type>(&values[3], row).filter(|value| value.is_finite()),
            holiday: is(4, row),
            promotion: is(5, row),
            incomplete: is(6, row),
            mirror: at::<Int64Type>(&values[7], row)
                .and_then(|back| usize::try_from(back).ok())
                .and_then(|back| row.checked_sub(back)),
        })
        .collect())
}

/// The rules are the same for every row: those of the first count.
fn rules(values: &[ArrayRef]) -> Result<Rules> {
    let scale = values[OF_A_DAY].as_string::<i32>();
    let scale = match scale.is_valid(0).then(|| scale.value(0)) {
        Some("amount") => Scale::Amount,
        Some("price") => Scale::Price,
        Some("rate") => Scale::Rate,
        other => return exec_err!("the scale of season_band is {other:?}; expected amount, price or rate"),
    };
    let number = |column: usize| {
        let Some(value) = at::<Float64Type>(&values[OF_A_DAY + column], 0) else {
            return exec_err!("a rule of season_band is NULL");
        };
        Ok(value)
    };
    let count = |column: usize| match at::<Int64Type>(&values[OF_A_DAY + column], 0).map(usize::try_from) {
        Some(Ok(value)) if value > 0 => Ok(value),
        _ => exec_err!("season_band needs one day of history and one of a new level at least"),
    };
    Ok(Rules {
        scale,
        band: number(1)?,
        gap_min: number(2)?,
        history_days: count(3)?,
        dispersion: number(4)?,
        noise_min: number(5)?,
        holiday_noise: number(6)?,
        shift_band: number(7)?,
        shift_days: count(8)?,
        events_min: number(9)?,
    })
}

fn at<T: ArrowPrimitiveType>(values: &ArrayRef, row: usize) -> Option<T::Native> {
    let values: &PrimitiveArray<T> = values.as_primitive();
    values.is_valid(row).then(|| values.value(row))
}

#[cfg(test)]
mod tests;

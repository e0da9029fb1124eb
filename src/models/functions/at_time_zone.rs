//! `at time zone` as the standard has it and other tools run it: an instant becomes what clocks there show, what clocks
//! there show becomes the instant. The engine's own keeps the instant in either case, and its zones are those of early 2025.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, TimeZone};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::sql::sqlparser::ast::{
    Expr, Function as Call, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName,
};

use super::{Body, Function};
use crate::zone::Tz;

/// How the engine knows it.
const NAME: &str = "at_time_zone";
/// The longest that a clock is ever moved at once.
const JUMP_HOURS_MAX: i64 = 25;

pub(super) fn functions() -> Vec<Function> {
    let signature = Signature::any(2, Volatility::Immutable);
    vec![Function {
        usage: "timestamp at time zone text -> timestamp",
        words: "Of an instant what clocks in that zone show, as a timestamp without zone; of a timestamp without zone the \
                instant at which clocks there show it (where it comes twice the first, where it never comes the one at \
                which the clock was moved). Zones by their IANA names, as of the release that `tributary doctor` tells.",
        body: Body::Scalar(ScalarUDF::new_from_impl(AtTimeZone { signature })),
    }]
}

/// The call that stands for `timestamp at time zone zone`.
pub(super) fn called(timestamp: &Expr, zone: &Expr) -> Expr {
    let value = |expr: &Expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr.clone()));
    let list = FunctionArgumentList {
        duplicate_treatment: None,
        args: vec![value(timestamp), value(zone)],
        clauses: Vec::new(),
    };
    Expr::Function(Call {
        name: ObjectName::from(vec![Ident::new(NAME)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AtTimeZone {
    signature: Signature,
}

impl ScalarUDFImpl for AtTimeZone {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let zone = match arguments.first() {
            Some(DataType::Timestamp(_, Some(_))) => None,
            Some(
                DataType::Timestamp(_, None)
                | DataType::Date32
                | DataType::Utf8
                | DataType::Utf8View
                | DataType::LargeUtf8
                | DataType::Null,
            ) => Some("UTC".into()),
            other => return plan_err!("`at time zone` is asked of {other:?}; expected a timestamp"),
        };
        Ok(DataType::Timestamp(TimeUnit::Microsecond, zone))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let to = args.return_type().clone();
        let one = args.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let done = converted(&arrays[0], &arrays[1], &to)?;
        if one {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&done, 0)?));
        }
        Ok(ColumnarValue::Array(done))
    }
}

fn converted(times: &ArrayRef, zones: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let DataType::Timestamp(_, zone) = to else { return exec_err!("`at time zone` gives a timestamp") };
    let shown = zone.is_none();
    // The numbers, whatever zone the engine's type names: an instant is UTC.
    let from = if shown { Some("UTC".into()) } else { None };
    let times = cast(times, &DataType::Timestamp(TimeUnit::Microsecond, from))?;
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let zones = cast(zones, &DataType::Utf8)?;
    let zones = zones.as_string::<i32>();
    let mut last: Option<Tz> = None;
    let mut moved = Vec::with_capacity(times.len());
    for (at, name) in times.iter().zip(zones) {
        let (Some(at), Some(name)) = (at, name) else {
            moved.push(None);
            continue;
        };
        let zone = match last.filter(|zone| zone.name() == name) {
            Some(zone) => zone,
            None => match name.parse() {
                Ok(zone) => zone,
                Err(told) => return plan_err!("{told}"),
            },
        };
        last = Some(zone);
        moved.push(if shown { wall(zone, at) } else { instant(zone, at) });
    }
    let moved: PrimitiveArray<TimestampMicrosecondType> = moved.into_iter().collect();
    Ok(Arc::new(moved.with_timezone_opt(zone.clone())))
}

/// What clocks show at an instant, both in microseconds.
fn wall(zone: Tz, at: i64) -> Option<i64> {
    at.checked_add(i64::from(zone.seconds_east(at.div_euclid(1_000_000))) * 1_000_000)
}

/// The instant at which clocks show `wall`, both in microseconds.
fn instant(zone: Tz, wall: i64) -> Option<i64> {
    let local = DateTime::from_timestamp_micros(wall)?.naive_utc();
    if let Some(at) = zone.from_local_datetime(&local).earliest() {
        return Some(at.timestamp_micros());
    }
    // Somewhere around it the clock was moved: that is the first instant at which clocks show more.
    let seconds = local.and_utc().timestamp();
    let (mut low, mut high) = (seconds - JUMP_HOURS_MAX * 3_600, seconds + JUMP_HOURS_MAX * 3_600);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if middle + i64::from(zone.seconds_east(middle)) > seconds { high = middle } else { low = middle }
    }
    Some(high * 1_000_000)
}

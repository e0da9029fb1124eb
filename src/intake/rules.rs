//! Rules of the contract over typed columns: derived defaults, ranges, accepted values, the period window.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, StringArray};
use arrow::datatypes::DataType;

use super::batch::{Batch, texts};
use super::plan::{Plan, Planned};
use crate::contract::Contract;
use crate::grammar::date::date_of;
use crate::grammar::number::show;

/// Fills what the contract derives from the sign of a number.
pub(super) fn derive(plan: &Plan<'_>, contract: &Contract, arrays: &mut [ArrayRef]) {
    for (at, planned) in plan.columns.iter().enumerate() {
        let Some(rule) = &planned.column.default_from else { continue };
        let Some(source) = contract.position(&rule.column) else { continue };
        if arrays[at].null_count() == 0 {
            continue;
        }
        let numbers = Numbers::of(&arrays[source]);
        let Some(own) = texts(&arrays[at]) else { continue };
        let filled: StringArray = (0..own.len())
            .map(|row| match (own.is_valid(row), numbers.digits(row)) {
                (true, _) => Some(own.value(row)),
                (false, Some(digits)) if digits < 0 => Some(rule.negative.as_str()),
                (false, Some(_)) => Some(rule.otherwise.as_str()),
                (false, None) => None,
            })
            .collect();
        arrays[at] = Arc::new(filled);
    }
}

/// Refuses records whose values the contract does not allow.
pub(super) fn check(plan: &Plan<'_>, arrays: &[ArrayRef], batch: &mut Batch<'_>) {
    for (planned, array) in plan.columns.iter().zip(arrays) {
        if !planned.column.accepted.is_empty() {
            check_accepted(planned, array, batch);
        }
        if planned.min.is_some() || planned.max.is_some() || planned.column.not_zero {
            check_range(planned, array, arrays, batch);
        }
    }
}

fn check_accepted(planned: &Planned<'_>, array: &ArrayRef, batch: &mut Batch<'_>) {
    let Some(values) = texts(array) else { return };
    let accepted = &planned.column.accepted;
    for row in 0..values.len() {
        if values.is_valid(row) && !accepted.iter().any(|word| word == values.value(row)) {
            let expected = format!("one of: {}", accepted.join(", "));
            batch.fault(row, &planned.column.name, ("not_accepted", expected), values.value(row));
        }
    }
}

fn check_range(planned: &Planned<'_>, array: &ArrayRef, arrays: &[ArrayRef], batch: &mut Batch<'_>) {
    let numbers = Numbers::of(array);
    let scale = planned.style.scale;
    let (min, max) = (planned.min.unwrap_or(i128::MIN), planned.max.unwrap_or(i128::MAX));
    for row in 0..array.len() {
        let Some(digits) = numbers.digits(row) else { continue };
        if digits >= min && digits <= max && !(planned.column.not_zero && digits == 0) {
            continue;
        }
        let name = &planned.column.name;
        if planned.column.not_zero && digits == 0 {
            batch.fault(row, name, ("zero_value", "a number other than 0".into()), "0");
            continue;
        }
        let exempt = planned.unless.is_some_and(|(column, equals)| {
            texts(&arrays[column]).is_some_and(|words| words.is_valid(row) && words.value(row) == equals)
        });
        if exempt {
            continue;
        }
        let found = show(digits, scale);
        if digits < min {
            batch.fault(row, name, ("below_minimum", format!("at least {}", show(min, scale))), &found);
        } else {
            batch.fault(row, name, ("above_maximum", format!("at most {}", show(max, scale))), &found);
        }
    }
}

/// Refuses business dates outside the days that the file's period allows.
pub(super) fn check_window(column: &str, days: &[Option<i32>], (first, last): (i32, i32), batch: &mut Batch<'_>) {
    for (row, day) in days.iter().enumerate() {
        let Some(day) = *day else { continue };
        if day < first || day > last {
            let expected = match (first == i32::MIN, last == i32::MAX) {
                (true, _) => format!("a date up to {}", date_of(last)),
                (false, true) => format!("a date from {}", date_of(first)),
                (false, false) => format!("a date from {} to {}", date_of(first), date_of(last)),
            };
            batch.fault(row, column, ("outside_window", expected), &date_of(day).to_string());
        }
    }
}

/// Numbers of any type as digits at their own scale.
enum Numbers<'a> {
    Whole(&'a Int64Array),
    Exact(&'a Decimal128Array),
    Floating(&'a Float64Array),
    None,
}

impl<'a> Numbers<'a> {
    fn of(array: &'a ArrayRef) -> Self {
        match array.data_type() {
            DataType::Int64 => Self::Whole(array.as_primitive()),
            DataType::Decimal128(..) => Self::Exact(array.as_primitive()),
            DataType::Float64 => Self::Floating(array.as_primitive()),
            _ => Self::None,
        }
    }

    fn digits(&self, row: usize) -> Option<i128> {
        match self {
            Self::Whole(array) if array.is_valid(row) => Some(i128::from(array.value(row))),
            Self::Exact(array) if array.is_valid(row) => Some(array.value(row)),
            // ranges of doubles are judged at the scale that they were read with
            Self::Floating(array) if array.is_valid(row) =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "saturates far beyond any limit")]
                Some((array.value(row) * 1e12) as i128)
            }
            _ => None,
        }
    }
}

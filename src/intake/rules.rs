//! Rules of the contract over typed columns: derived defaults, ranges, amounts, accepted values, the period window.
//! A batch whose extremes keep a rule is not looked at row by row.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, StringArray};
use arrow::compute::{max, min};
use arrow::datatypes::DataType;

use super::batch::{Batch, texts};
use super::plan::{Plan, Planned, Product};
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
    for product in &plan.amounts {
        check_amount(product, plan, arrays, batch);
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
    let inside = numbers.extremes().is_none_or(|(least, most)| min <= least && most <= max);
    if inside && !(planned.column.not_zero && numbers.may_hold_zero()) {
        return;
    }
    for row in 0..array.len() {
        let Some(digits) = numbers.digits(row) else { continue };
        let name = &planned.column.name;
        if planned.column.not_zero && digits == 0 {
            batch.fault(row, name, ("zero_value", "a number other than 0".into()), "0");
            continue;
        }
        if digits >= min && digits <= max {
            continue;
        }
        let exempt = planned.unless.is_some_and(|(column, equals)| {
            texts(&arrays[column]).is_some_and(|words| words.is_valid(row) && words.value(row) == equals)
        });
        let least = if exempt { min.min(max.saturating_neg()) } else { min };
        let found = show(digits, scale);
        if digits < least {
            batch.fault(row, name, ("below_minimum", format!("at least {}", show(least, scale))), &found);
        } else if digits > max {
            batch.fault(row, name, ("above_maximum", format!("at most {}", show(max, scale))), &found);
        }
    }
}

/// Refuses records of which an amount would not fit where it goes to.
fn check_amount(product: &Product, plan: &Plan<'_>, arrays: &[ArrayRef], batch: &mut Batch<'_>) {
    let factors: Vec<Numbers<'_>> = product.factors.iter().map(|at| Numbers::of(&arrays[*at])).collect();
    let largest = |numbers: &Numbers<'_>| {
        let (least, most) = numbers.extremes().unwrap_or((0, 0));
        least.saturating_abs().max(most.saturating_abs())
    };
    if times(factors.iter().map(largest)).is_some_and(|amount| amount <= product.max) {
        return;
    }
    let names: Vec<&str> = product.factors.iter().map(|at| plan.columns[*at].column.name.as_str()).collect();
    for row in 0..batch.rows.len() {
        let values: Option<Vec<i128>> = factors.iter().map(|numbers| numbers.digits(row)).collect();
        let Some(values) = values.filter(|_| !batch.bad[row]) else { continue };
        if times(values.iter().copied()).is_some_and(|amount| amount.saturating_abs() <= product.max) {
            continue;
        }
        let shown: Vec<String> = (values.iter().zip(&product.factors))
            .map(|(digits, at)| show(*digits, plan.columns[*at].style.scale))
            .collect();
        let expected = format!("{} of at most {}", names.join(" x "), show(product.max, product.scale));
        batch.fault(row, names[0], ("above_maximum", expected), &shown.join(" x "));
    }
}

/// None where even that many digits are not enough.
fn times(mut factors: impl Iterator<Item = i128>) -> Option<i128> {
    factors.try_fold(1_i128, i128::checked_mul)
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

    /// The least and the greatest of them, if there are any.
    fn extremes(&self) -> Option<(i128, i128)> {
        match self {
            Self::Whole(array) => Some((min(array)?.into(), max(array)?.into())),
            Self::Exact(array) => Some((min(array)?, max(array)?)),
            Self::Floating(array) => Some((digits_of(min(array)?), digits_of(max(array)?))),
            Self::None => None,
        }
    }

    /// Whether one of them may be 0; what is no number looks like one.
    fn may_hold_zero(&self) -> bool {
        match self {
            Self::Whole(array) => array.values().contains(&0),
            Self::Exact(array) => array.values().contains(&0),
            Self::Floating(_) | Self::None => true,
        }
    }

    fn digits(&self, row: usize) -> Option<i128> {
        match self {
            Self::Whole(array) if array.is_valid(row) => Some(i128::from(array.value(row))),
            Self::Exact(array) if array.is_valid(row) => Some(array.value(row)),
            Self::Floating(array) if array.is_valid(row) => Some(digits_of(array.value(row))),
            _ => None,
        }
    }
}

/// Ranges of doubles are judged at the scale that they were read with.
#[expect(clippy::cast_possible_truncation, reason = "saturates far beyond any limit")]
fn digits_of(double: f64) -> i128 {
    (double * 1e12) as i128
}

//! Between counts and reckoning: whole numbers of units, days and cents.

/// A count for reckoning.
#[expect(clippy::cast_precision_loss, reason = "counts and cents are far below 2^53")]
pub(crate) fn real(count: i64) -> f64 {
    count as f64
}

/// The whole number below.
#[expect(clippy::cast_possible_truncation, reason = "small positive numbers")]
pub(crate) fn floor(value: f64) -> i64 {
    value.floor() as i64
}

/// The whole number above.
#[expect(clippy::cast_possible_truncation, reason = "small positive numbers")]
pub(crate) fn ceil(value: f64) -> i64 {
    value.ceil() as i64
}

/// The nearest whole number.
#[expect(clippy::cast_possible_truncation, reason = "prices and discounts are small")]
pub(crate) fn round(value: f64) -> i64 {
    value.round() as i64
}

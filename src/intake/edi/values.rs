//! Numbers, days and article numbers as X12 and EDIFACT write them, and nothing else: a number with a plus or a blank is
//! refused, a day is as long as its release says.

use chrono::{Days, NaiveDate};

use super::separators::Syntax;

/// An exact decimal: `digits` / 10^`scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub digits: i128,
    pub scale: u32,
}

/// Digits that are taken of a number.
const DIGITS_MAX: usize = 18;

impl Number {
    pub(super) const ZERO: Self = Self { digits: 0, scale: 0 };

    /// Reads a number: in X12 only the point is a decimal mark, in EDIFACT the comma is another, whatever UNA says.
    pub(super) fn read(text: &str, syntax: Syntax) -> Option<Self> {
        let (negative, body) = match text.strip_prefix('-') {
            Some(body) => (true, body),
            None => (false, text),
        };
        let (mut digits, mut scale, mut seen, mut mark) = (0_i128, 0, 0, false);
        for byte in body.bytes() {
            match byte {
                b'0'..=b'9' => {
                    seen += 1;
                    digits = digits * 10 + i128::from(byte - b'0');
                    scale += u32::from(mark);
                    if seen > DIGITS_MAX {
                        return None;
                    }
                }
                b'.' if !mark => mark = true,
                b',' if !mark && syntax == Syntax::Edifact => mark = true,
                _ => return None,
            }
        }
        if seen == 0 || mark && scale == 0 {
            return None;
        }
        let mut number = Self { digits: if negative { -digits } else { digits }, scale };
        while number.scale > 0 && number.digits % 10 == 0 {
            number.digits /= 10;
            number.scale -= 1;
        }
        Some(number)
    }

    pub(super) fn is_zero(self) -> bool {
        self.digits == 0
    }

    pub(super) fn negated(self) -> Self {
        Self { digits: -self.digits, ..self }
    }

    /// The same as a negative number, whichever it was.
    pub(super) fn returned(self) -> Self {
        Self { digits: -self.digits.abs(), ..self }
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        let digits = self.digits.checked_mul(other.digits)?;
        let mut number = Self { digits, scale: self.scale + other.scale };
        while number.scale > 0 && number.digits % 10 == 0 {
            number.digits /= 10;
            number.scale -= 1;
        }
        Some(number)
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        Some(Self { digits: self.at(scale)?.checked_add(other.at(scale)?)?, scale })
    }

    /// Its digits at a scale, rounded half away from zero where it has more.
    pub(super) fn at(self, scale: u32) -> Option<i128> {
        if scale >= self.scale {
            return self.digits.checked_mul(10_i128.checked_pow(scale - self.scale)?);
        }
        Some(rounded(self.digits, 10_i128.checked_pow(self.scale - scale)?))
    }

    /// What one costs where so many cost this much, to four digits as prices have them.
    pub(super) fn over(self, count: Self) -> Option<Self> {
        if count.is_zero() {
            return None;
        }
        // both at one scale
        let scale = (self.scale + 4).max(count.scale + 4);
        let (total, count) = (self.at(scale)?, count.at(scale - 4)?);
        Some(Self { digits: rounded(total, count), scale: 4 })
    }

    /// A share of it, `part` of `all`, at a scale.
    pub(super) fn share(self, part: i128, all: i128, scale: u32) -> Option<i128> {
        Some(rounded(self.at(scale)?.checked_mul(part)?, all))
    }

    pub(super) fn of(digits: i128, scale: u32) -> Self {
        Self { digits, scale }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let ten = 10_u128.pow(self.scale.min(38));
        let (whole, rest) = (self.digits.unsigned_abs() / ten, self.digits.unsigned_abs() % ten);
        if self.scale == 0 {
            return write!(f, "{sign}{whole}");
        }
        write!(f, "{sign}{whole}.{rest:0>width$}", width = self.scale as usize)
    }
}

/// A quotient, rounded half away from zero.
fn rounded(total: i128, by: i128) -> i128 {
    let (whole, rest) = (total / by, total % by);
    whole + if rest.abs() * 2 >= by.abs() { rest.signum() * by.signum() } else { 0 }
}

/// First and last day, both inclusive.
pub(super) type Span = (NaiveDate, NaiveDate);

/// `CCYYMMDD`, or `YYMMDD` of a release before 004010.
pub(super) fn x12_day(text: &str, long: bool) -> Option<NaiveDate> {
    if text.len() != if long { 8 } else { 6 } || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<u32>().ok();
    let (year, at) = if long {
        (number(0, 4)?, 4)
    } else {
        // the standard's window: 50 to 99 are of the last century
        let short = number(0, 2)?;
        (if short < 50 { 2000 + short } else { 1900 + short }, 2)
    };
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number(at, at + 2)?, number(at + 2, at + 4)?)
}

/// The days of a DTM by its format: 102 (`CCYYMMDD`), 203 (and a time), 718 (from - to, both included), 610 (a month).
pub(super) fn edifact_days(text: &str, format: &str) -> Option<Span> {
    let day = |text: &str| x12_day(text, true);
    match (format, text.len()) {
        ("102" | "", 8) => day(text).map(|day| (day, day)),
        ("203", 12) | ("204", 14) => day(text.get(..8)?).map(|day| (day, day)),
        ("718", 16) => Some((day(text.get(..8)?)?, day(text.get(8..)?)?)),
        ("718", 17) if text.as_bytes()[8] == b'-' => Some((day(text.get(..8)?)?, day(text.get(9..)?)?)),
        ("610", 6) => {
            let first = day(&format!("{text}01"))?;
            let next = first.checked_add_months(chrono::Months::new(1))?;
            Some((first, next.checked_sub_days(Days::new(1))?))
        }
        _ => None,
    }
}

/// The check digit of a GTIN's other digits; `None` for what is no number.
pub(super) fn check_digit(digits: &str) -> Option<char> {
    let weighed = digits.bytes().rev().enumerate().try_fold(0_u32, |sum, (at, byte)| {
        byte.is_ascii_digit().then(|| sum + u32::from(byte - b'0') * if at % 2 == 0 { 3 } else { 1 })
    })?;
    char::from_digit((10 - weighed % 10) % 10, 10)
}

/// Whether the last digit of a GTIN is the one that its others make.
pub(super) fn checks(gtin: &str) -> bool {
    gtin.is_ascii() && gtin.len() > 1 && check_digit(&gtin[..gtin.len() - 1]) == gtin.chars().last()
}

#[cfg(test)]
mod tests;

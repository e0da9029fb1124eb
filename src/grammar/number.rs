//! Numbers, read straight from text into exact integers of a declared scale. What would lose something is
//! refused: digits beyond the scale (unless rounding is declared), values beyond the precision.
//!
//! Plain numbers take a fast path; everything a sender may declare (thousands, decimal comma, currency
//! signs, parentheses) and full-width digits take the slow one.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::fold_width;

/// Powers of ten that fit an `i128`.
const TENS: [i128; 39] = {
    let mut tens = [1_i128; 39];
    let mut at = 1;
    while at < 39 {
        tens[at] = tens[at - 1] * 10;
        at += 1;
    }
    tens
};

/// An exact decimal: `digits` / 10^`scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact {
    /// All digits, signed.
    pub digits: i128,
    /// How many of them stand after the point.
    pub scale: u32,
}

impl Exact {
    /// Reads `-12.50` or `1.5e-3`.
    pub fn parse(text: &str) -> Option<Self> {
        read_any(text.as_bytes(), b'.')
    }

    fn times(self, other: Self) -> Option<Self> {
        let digits = self.digits.checked_mul(other.digits)?;
        Some(Self { digits, scale: self.scale + other.scale })
    }
}

/// Why a text is not the number that the contract wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFault {
    /// Not a number as declared.
    Malformed,
    /// Digits beyond the scale that are not zero.
    ExcessScale,
    /// Too large for the precision.
    OutOfRange,
}

/// How negative numbers are written besides a leading minus sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Negative {
    /// `(12.50)`
    Parentheses,
    /// `12.50-`
    Trailing,
}

/// How numbers of one column are written, and what they become.
#[derive(Debug, Clone)]
pub struct NumberStyle {
    /// Whether the decimal sign is a comma.
    pub decimal_comma: bool,
    /// Separator between groups of three digits.
    pub thousands: Option<char>,
    /// Texts around the number that carry no meaning.
    pub symbols: Vec<String>,
    /// Negative numbers besides a leading minus.
    pub negative: Option<Negative>,
    /// A trailing percent sign is expected and divides by 100.
    pub percent: bool,
    /// Factor.
    pub factor: Option<Exact>,
    /// Rounds half away from zero.
    pub round: bool,
    /// Digits after the point of the result.
    pub scale: u32,
    /// All digits of the result.
    pub precision: u32,
}

impl NumberStyle {
    /// The plain style of a decimal column.
    pub fn plain(precision: u32, scale: u32) -> Self {
        Self {
            decimal_comma: false,
            thousands: None,
            symbols: Vec::new(),
            negative: None,
            percent: false,
            factor: None,
            round: false,
            scale,
            precision,
        }
    }

    /// Reads a trimmed cell into digits at the style's scale.
    #[inline]
    pub fn read(&self, text: &[u8]) -> Result<i128, NumberFault> {
        let decimal = if self.decimal_comma { b',' } else { b'.' };
        if !self.percent
            && let Some(number) = read_plain(text, decimal)
        {
            return self.fit(number);
        }
        self.read_slowly(text, decimal)
    }

    /// Reads a number written by a machine: point, no separators, whatever the sender's texts look like.
    pub fn read_canonical(&self, text: &[u8]) -> Result<i128, NumberFault> {
        self.fit(read_any(text, b'.').ok_or(NumberFault::Malformed)?)
    }

    fn read_slowly(&self, text: &[u8], decimal: u8) -> Result<i128, NumberFault> {
        let text = std::str::from_utf8(text).map_err(|_| NumberFault::Malformed)?;
        let folded = fold_width(text);
        let mut rest = folded.trim();
        rest = self.without_symbols(rest);
        let mut negate = false;
        match self.negative {
            Some(Negative::Parentheses) => {
                if let Some(inner) = rest.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
                    (rest, negate) = (self.without_symbols(inner.trim()), true);
                }
            }
            Some(Negative::Trailing) => {
                if let Some(inner) = rest.strip_suffix('-') {
                    (rest, negate) = (self.without_symbols(inner.trim_end()), true);
                }
            }
            None => {}
        }
        // a currency sign may stand between minus and digits
        if let Some(after) = rest.strip_prefix('-') {
            let bare =
                self.symbols.iter().find_map(|symbol| after.trim_start().strip_prefix(fold_width(symbol).as_ref()));
            if let Some(bare) = bare {
                if negate {
                    return Err(NumberFault::Malformed);
                }
                (rest, negate) = (bare.trim_start(), true);
            }
        }
        if negate && rest.starts_with(['-', '+']) {
            return Err(NumberFault::Malformed);
        }
        let mut percent = false;
        if self.percent {
            rest = rest.strip_suffix('%').ok_or(NumberFault::Malformed)?.trim_end();
            percent = true;
        }
        let bare = match self.thousands {
            Some(separator) => without_thousands(rest, separator, char::from(decimal)).ok_or(NumberFault::Malformed)?,
            None => Cow::Borrowed(rest),
        };
        let mut number = read_any(bare.as_bytes(), decimal).ok_or(NumberFault::Malformed)?;
        if negate {
            number.digits = -number.digits;
        }
        if percent {
            number.scale += 2;
        }
        self.fit(number)
    }

    /// Without the signs around a number, wherever they stand.
    fn without_symbols<'t>(&self, text: &'t str) -> &'t str {
        let mut rest = text;
        for symbol in &self.symbols {
            let symbol = fold_width(symbol);
            rest = rest.strip_prefix(symbol.as_ref()).unwrap_or(rest).trim_start();
            rest = rest.strip_suffix(symbol.as_ref()).unwrap_or(rest).trim_end();
        }
        rest
    }

    #[inline]
    fn fit(&self, number: Exact) -> Result<i128, NumberFault> {
        let number = match self.factor {
            Some(factor) => number.times(factor).ok_or(NumberFault::OutOfRange)?,
            None => number,
        };
        let digits = if number.scale <= self.scale {
            let missing = (self.scale - number.scale) as usize;
            number.digits.checked_mul(TENS[missing]).ok_or(NumberFault::OutOfRange)?
        } else {
            let excess = (number.scale - self.scale) as usize;
            // 39 digits cannot be held, so everything beyond that many places is zero or refused as excess
            let Some(unit) = TENS.get(excess).copied() else {
                return if number.digits == 0 || self.round { Ok(0) } else { Err(NumberFault::ExcessScale) };
            };
            let (whole, rest) = (number.digits / unit, number.digits % unit);
            if rest == 0 {
                whole
            } else if self.round || is_noise(number.digits, rest, unit) {
                whole + if rest.abs() * 2 >= unit { rest.signum() } else { 0 }
            } else {
                return Err(NumberFault::ExcessScale);
            }
        };
        if digits.unsigned_abs() >= TENS[self.precision as usize].unsigned_abs() {
            return Err(NumberFault::OutOfRange);
        }
        Ok(digits)
    }
}

/// Whether the digits that are too many are what a double adds to a number that it cannot hold: 20.779999999999998.
fn is_noise(digits: i128, rest: i128, unit: i128) -> bool {
    const PART: i128 = 1_000_000_000_000;
    let distance = rest.abs().min(unit - rest.abs());
    distance.checked_mul(PART).is_some_and(|distance| distance <= digits.abs())
}

/// `-123.45` with at most 18 digits; `None` for everything else.
#[inline]
fn read_plain(text: &[u8], decimal: u8) -> Option<Exact> {
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut value = 0_i64;
    let mut scale = 0_u32;
    let mut after_point = false;
    let mut seen = 0_u32;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            value = value * 10 + i64::from(digit);
            seen += 1;
            scale += u32::from(after_point);
        } else if byte == decimal && !after_point {
            after_point = true;
        } else {
            return None;
        }
    }
    if seen == 0 || seen > 18 {
        return None;
    }
    Some(Exact { digits: i128::from(if negative { -value } else { value }), scale })
}

/// Digits of any length up to 38, with an exponent.
fn read_any(text: &[u8], decimal: u8) -> Option<Exact> {
    if let Some(number) = read_plain(text, decimal) {
        return Some(number);
    }
    let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&text[..at], std::str::from_utf8(&text[at + 1..]).ok()?.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.first()? {
        b'-' => (true, &mantissa[1..]),
        b'+' => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (mut value, mut scale, mut after_point, mut any) = (0_i128, 0_i32, false, false);
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
            any = true;
            scale += i32::from(after_point);
        } else if byte == decimal && !after_point {
            after_point = true;
        } else {
            return None;
        }
    }
    if !any {
        return None;
    }
    scale = scale.checked_sub(exponent)?;
    if scale < 0 {
        value = value.checked_mul(*TENS.get(scale.unsigned_abs() as usize)?)?;
        scale = 0;
    }
    Some(Exact { digits: if negative { -value } else { value }, scale: scale.unsigned_abs() })
}

/// Removes separators that stand between groups of three digits; `None` where they stand anywhere else.
fn without_thousands(text: &str, separator: char, decimal: char) -> Option<Cow<'_, str>> {
    if !text.contains(separator) {
        return Some(Cow::Borrowed(text));
    }
    let (whole, fraction) = text.split_at(text.find(decimal).unwrap_or(text.len()));
    let bare = whole.trim_start_matches(['-', '+']);
    for (at, group) in bare.split(separator).enumerate() {
        let right = group.bytes().all(|byte| byte.is_ascii_digit());
        let long = if at == 0 { (1..=3).contains(&group.len()) } else { group.len() == 3 };
        if !right || !long {
            return None;
        }
    }
    if fraction.contains(separator) {
        return None;
    }
    Some(Cow::Owned(format!("{}{fraction}", whole.replace(separator, ""))))
}

/// Digits at a scale as text: `12345` at 2 is `123.45`.
pub fn show(digits: i128, scale: u32) -> String {
    if scale == 0 {
        return digits.to_string();
    }
    let sign = if digits < 0 { "-" } else { "" };
    let unit = TENS[scale as usize].unsigned_abs();
    let (whole, rest) = (digits.unsigned_abs() / unit, digits.unsigned_abs() % unit);
    format!("{sign}{whole}.{rest:0width$}", width = scale as usize)
}

#[cfg(test)]
mod tests;

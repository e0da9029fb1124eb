//! What a header does not say and the rows do: amounts that are those of a whole line, rows that are no sales.

use std::collections::BTreeSet;

use super::super::header::normal;
use super::super::period;
use super::words::quoted;
use super::{Sample, guess};
use crate::contract::Contract;
use crate::grammar::date::{date_of, day_of};

/// Words of a status under which nothing was sold.
const UNDONE: [&str; 14] = [
    "cancelled",
    "canceled",
    "voided",
    "void",
    "unpaid",
    "pending",
    "expired",
    "交易关闭",
    "已取消",
    "已关闭",
    "未付款",
    "待付款",
    "storniert",
    "annulé",
];
/// Headers of a status.
const STATUS: [&str; 4] = ["status", "状态", "state", "狀態"];
/// Share of rows that must agree before an amount is taken for what arithmetic says.
const AGREE: f64 = 0.9;
/// Confidence of a header that is a column's own name.
const CERTAIN: f64 = 0.9;
/// Confidence of a price that may be the amount of a line.
const UNSURE: f64 = 0.7;

/// Signs of money, and the currencies that write them.
const SIGNS: [(char, &[&str]); 9] = [
    ('$', &["USD", "AUD", "BMD", "BND", "BSD", "CAD", "FJD", "HKD", "JMD", "MXN", "NZD", "SGD", "TTD", "TWD", "XCD"]),
    ('€', &["EUR"]),
    ('£', &["GBP", "EGP", "LBP"]),
    ('¥', &["CNY", "JPY"]),
    ('￥', &["CNY", "JPY"]),
    ('元', &["CNY", "HKD", "TWD", "MOP"]),
    ('₩', &["KRW"]),
    ('₹', &["INR"]),
    ('₽', &["RUB"]),
];

/// What is asked where amounts carry the sign of another currency than the company's and no column says which.
pub(super) fn foreign_money(
    seen: &Sample,
    contract: &Contract,
    taken: &[Option<(usize, f64)>],
    base: &str,
) -> Option<String> {
    if taken[contract.position("currency")?].is_some() {
        return None;
    }
    let read = contract.columns.iter().zip(taken).filter(|(column, _)| column.column_type.is_number());
    let signs = read.filter_map(|(_, taken)| Some(&seen.columns[(*taken)?.0].symbols)).flatten();
    let foreign = |sign: &&char| SIGNS.iter().any(|(known, codes)| known == *sign && !codes.contains(&base));
    let sign = signs.into_iter().find(foreign)?;
    let likely = SIGNS.iter().find(|(known, _)| known == sign).map_or("…", |(_, codes)| codes[0]);
    Some(format!(
        "amounts carry {sign:?} and no column says their currency, so they would count as {base}: otherwise add currency = \
         {{ constant = \"{likely}\" }}"
    ))
}

/// The line that leaves out what was not sold, and what is asked about it.
pub(super) fn left_out(seen: &Sample) -> Option<(String, String)> {
    let named = |name: &str| STATUS.iter().any(|word| normal(name).contains(word));
    let (name, words) =
        (seen.names.iter().zip(&seen.columns)).filter(|(name, _)| named(name)).find_map(|(name, values)| {
            let words: BTreeSet<&str> =
                values.distinct().filter(|word| UNDONE.contains(&word.to_lowercase().as_str())).collect();
            (!words.is_empty()).then_some((name, words))
        })?;
    let list: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let gaps = seen.names.iter().position(|other| other == name).is_some_and(|at| seen.columns[at].has_gaps());
    let carried = if gaps { ", carry_down = true" } else { "" };
    let line = format!("skip_if = {{ column = {}, equals = [{}]{carried} }}", quoted(name), list.join(", "));
    let others = "add the words that other files may hold";
    Some((line, format!("are rows with {name:?} = {} no sales? {others}", list.join(" or "))))
}

/// What the column that was found for the price holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Price {
    /// The price of one, as far as can be seen.
    One,
    /// The amount of a line.
    Line,
    /// The one or the other.
    Either,
}

/// Whether discounts have the sign that their line has not.
pub(super) fn discounts_are_taken_off(seen: &Sample, quantity: Option<usize>, discount: usize) -> bool {
    agree(seen, 1, |row| {
        let pieces = quantity.map_or(Some(1.0), |quantity| number(row, quantity))?;
        let discount = number(row, discount).filter(|discount| discount.abs() > 0.0)?;
        Some(pieces * discount < 0.0)
    })
}

/// Takes the amount of a line for no discount, and says what the price's column holds.
pub(super) fn amounts(seen: &Sample, contract: &Contract, taken: &mut [Option<(usize, f64)>]) -> Price {
    let at = |column: &str| contract.position(column);
    let of = |taken: &[Option<(usize, f64)>], column: &str| Some(taken[at(column)?]?.0);
    let (Some(quantity), Some(price)) = (of(taken, "quantity"), of(taken, "unit_price")) else { return Price::One };
    if let (Some(place), Some(discount)) = (at("discount_amount"), of(taken, "discount_amount"))
        && agree(seen, 2, |row| near(number(row, quantity)? * number(row, price)?, number(row, discount)?))
    {
        taken[place] = None;
    }
    // a price of one stands beside it under another header: then this is the amount
    let others = || (0..seen.names.len()).filter(move |other| *other != price && *other != quantity);
    let times = |one: usize, all: usize| {
        agree(seen, 2, |row| {
            let pieces = number(row, quantity).filter(|pieces| (pieces - 1.0).abs() > 1e-9)?;
            near(pieces * number(row, one)?, number(row, all)?)
        })
    };
    if at("gross_amount").is_some() && others().any(|other| times(other, price)) {
        return Price::Line;
    }
    // a header that does not say whose price it is, of lines of several pieces, and no amount to hold it against
    let several = seen.rows.iter().any(|row| number(row, quantity).is_some_and(|pieces| pieces.abs() > 1.0));
    if let Some((_, confidence)) = at("unit_price").and_then(|at| taken[at].as_mut())
        && several
        && *confidence < CERTAIN
        && !others().any(|other| times(price, other))
    {
        *confidence = UNSURE;
        return Price::Either;
    }
    Price::One
}

/// The days of the rows, where a good part of them is not in the file's name.
pub(super) fn other_days(
    seen: &Sample,
    contract: &Contract,
    taken: &[Option<(usize, f64)>],
    name: &str,
) -> Option<String> {
    let (start, end) = period::of_key(name)?;
    let dated = contract.business_date.as_deref().and_then(|column| contract.position(column))?;
    let values = &seen.columns[taken[dated]?.0];
    let format = *guess::date_formats(values).first()?;
    let days: Vec<(i32, usize)> =
        values.counted().filter_map(|(word, rows)| Some((guess::day_by(format, word)?, rows))).collect();
    let (start, end) = (day_of(start), day_of(end).saturating_add(1));
    let all: usize = days.iter().map(|(_, rows)| rows).sum();
    let other: usize = days.iter().filter(|(day, _)| !(start..=end).contains(day)).map(|(_, rows)| rows).sum();
    let (first, last) = (days.iter().map(|(day, _)| *day).min()?, days.iter().map(|(day, _)| *day).max()?);
    (other * 5 >= all && other > 0).then(|| format!("{} to {}", date_of(first), date_of(last)))
}

/// Whether most rows that say anything fulfil it, and as many as are asked for.
fn agree(seen: &Sample, least: usize, holds: impl Fn(&[String]) -> Option<bool>) -> bool {
    let said: Vec<bool> = seen.rows.iter().filter_map(|row| holds(row)).collect();
    let right = said.iter().filter(|right| **right).count();
    #[expect(clippy::cast_precision_loss, reason = "a share of a small sample")]
    let share = right as f64 / said.len().max(1) as f64;
    right >= least && share >= AGREE
}

/// Whether a product is an amount; of nothing, and of one piece, it says nothing.
fn near(product: f64, amount: f64) -> Option<bool> {
    (amount != 0.0).then(|| (product - amount).abs() < 0.006)
}

fn number(row: &[String], column: usize) -> Option<f64> {
    let text = row.get(column)?;
    let bare: String = text.chars().filter(|char| char.is_ascii_digit() || matches!(char, '.' | '-')).collect();
    let behind = bare.strip_suffix('-');
    let value: f64 = behind.unwrap_or(&bare).parse().ok()?;
    Some(if behind.is_some() || text.trim().starts_with('(') { -value } else { value })
}

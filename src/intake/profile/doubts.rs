//! What a header does not say and the rows do: amounts that are those of a whole line, rows that are no sales.

use std::collections::BTreeSet;

use super::super::header::normal;
use super::Sample;
use super::lines::quoted;
use crate::contract::Contract;

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
    let line = format!("skip_if = {{ column = {}, equals = [{}] }}", quoted(name), list.join(", "));
    let others =
        "add the words that other files may hold, and carry_down = true where only an order's first line says it";
    Some((line, format!("are rows with {name:?} = {} no sales? {others}", list.join(" or "))))
}

/// Takes the amount of a line for no discount, and says whether the price's column holds amounts of lines.
pub(super) fn amounts(seen: &Sample, contract: &Contract, taken: &mut [Option<(usize, f64)>]) -> bool {
    let at = |column: &str| contract.position(column);
    let of = |taken: &[Option<(usize, f64)>], column: &str| Some(taken[at(column)?]?.0);
    let (Some(quantity), Some(price)) = (of(taken, "quantity"), of(taken, "unit_price")) else { return false };
    if let (Some(place), Some(discount)) = (at("discount_amount"), of(taken, "discount_amount"))
        && agree(seen, |row| near(number(row, quantity)? * number(row, price)?, number(row, discount)?))
    {
        taken[place] = None;
    }
    // a price of one stands beside it under another header: then this is the amount
    (0..seen.names.len()).filter(|other| *other != price && *other != quantity).any(|other| {
        at("gross_amount").is_some()
            && agree(seen, |row| {
                let pieces = number(row, quantity).filter(|pieces| (pieces - 1.0).abs() > 1e-9)?;
                near(pieces * number(row, other)?, number(row, price)?)
            })
    })
}

/// Whether most rows that say anything fulfil it, and some of more than one piece.
fn agree(seen: &Sample, holds: impl Fn(&[String]) -> Option<bool>) -> bool {
    let said: Vec<bool> = seen.rows.iter().filter_map(|row| holds(row)).collect();
    let right = said.iter().filter(|right| **right).count();
    #[expect(clippy::cast_precision_loss, reason = "a share of a small sample")]
    let share = right as f64 / said.len().max(1) as f64;
    right > 1 && share >= AGREE
}

/// Whether a product is an amount; of nothing, and of one piece, it says nothing.
fn near(product: f64, amount: f64) -> Option<bool> {
    (amount != 0.0).then(|| (product - amount).abs() < 0.006)
}

fn number(row: &[String], column: usize) -> Option<f64> {
    let bare: String =
        row.get(column)?.chars().filter(|char| char.is_ascii_digit() || matches!(char, '.' | '-')).collect();
    bare.parse().ok()
}

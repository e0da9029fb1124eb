//! Columns that are worked out from a line's amount, after all others are read: the price of one from the amount of the
//! line, the discount from what was paid. Amounts are kept as they were delivered; only the price of one is rounded.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{Decimal128Type, Int64Type};

use super::batch::Batch;
use super::column::{decimals, fault_of_number, number};
use super::plan::{Origin, Plan, Planned};
use crate::contract::Contract;
use crate::grammar::number::NumberFault;
use crate::sender::{Amount, GROSS, SenderFeed};

/// Fills the columns that are still open.
pub(super) fn fill(
    plan: &Plan<'_>,
    contract: &Contract,
    feed: &SenderFeed,
    arrays: &mut [Option<ArrayRef>],
    batch: &mut Batch<'_>,
) {
    let place = |name: &str| contract.position(name);
    let open = |name: &str| {
        let at = place(name)?;
        match plan.columns[at].origin {
            Origin::Amount(field, amount) => Some((at, field, amount)),
            _ => None,
        }
    };
    if let (Some((at, field, amount)), Some(gross)) = (open("unit_price"), place(GROSS)) {
        let planned = &plan.columns[at];
        let amounts = read(planned, field, feed, batch);
        let discounts = (amount == Amount::Net).then(|| place("discount_amount")).flatten();
        let (mut prices, mut totals) = (Vec::with_capacity(amounts.len()), Vec::with_capacity(amounts.len()));
        for (row, amount) in amounts.into_iter().enumerate() {
            let discount = discounts.map_or(Some(0), |at| digits(arrays[at].as_ref(), row));
            let total = amount.zip(discount).and_then(|(amount, discount)| amount.checked_add(discount));
            let total = within(total, amount.is_some(), planned, row, batch);
            let quantity = place("quantity").and_then(|at| whole(arrays[at].as_ref(), row));
            prices.push(total.zip(quantity).map(|(total, quantity)| share(total, quantity)));
            totals.push(total);
        }
        arrays[at] = Some(decimals(prices, planned));
        arrays[gross] = Some(decimals(totals, &plan.columns[gross]));
    }
    if let Some((at, field, _)) = open("discount_amount") {
        let planned = &plan.columns[at];
        let nets = read(planned, field, feed, batch);
        let mut values = Vec::with_capacity(nets.len());
        for (row, net) in nets.into_iter().enumerate() {
            let price = place("unit_price").and_then(|at| digits(arrays[at].as_ref(), row));
            let quantity = place("quantity").and_then(|at| whole(arrays[at].as_ref(), row));
            let gross = place(GROSS).and_then(|at| digits(arrays[at].as_ref(), row));
            let worked_out = price.zip(quantity).and_then(|(price, quantity)| price.checked_mul(quantity));
            let discount = gross.or(worked_out).zip(net).and_then(|(gross, net)| gross.checked_sub(net));
            let known = net.is_some() && price.is_some() && quantity.is_some();
            values.push(within(discount, known, planned, row, batch));
        }
        arrays[at] = Some(decimals(values, planned));
    }
    for (at, array) in arrays.iter_mut().enumerate().filter(|(_, array)| array.is_none()) {
        *array = Some(decimals(vec![None; batch.rows.len()], &plan.columns[at]));
    }
}

/// The amounts of all records; a record without one is refused.
fn read(planned: &Planned<'_>, field: usize, feed: &SenderFeed, batch: &mut Batch<'_>) -> Vec<Option<i128>> {
    let as_field = Planned { origin: Origin::Field(field), default: None, ..planned.clone() };
    let mut amounts = Vec::with_capacity(batch.rows.len());
    for row in 0..batch.rows.len() {
        let amount = number(&as_field, feed, batch, row);
        if amount.is_none() && !batch.bad[row] {
            batch.fault(row, &planned.column.name, ("missing_value", "the line's amount".into()), "");
        }
        amounts.push(amount);
    }
    amounts
}

/// A result that fits its column; one that was worked out and does not refuses its record.
fn within(value: Option<i128>, known: bool, planned: &Planned<'_>, row: usize, batch: &mut Batch<'_>) -> Option<i128> {
    let fits = value.filter(|value| value.unsigned_abs() < 10_u128.pow(planned.style.precision));
    if known && fits.is_none() && !batch.void[row] {
        let wrong = fault_of_number(NumberFault::OutOfRange, &planned.style);
        batch.fault(row, &planned.column.name, wrong, "quantity x unit_price");
    }
    fits
}

/// An amount over a quantity, rounded half away from zero. Of nothing the price is nothing.
fn share(total: i128, quantity: i128) -> i128 {
    if quantity == 0 {
        return 0;
    }
    let (whole, rest) = (total / quantity, total % quantity);
    whole + if rest.abs() * 2 >= quantity.abs() { rest.signum() * quantity.signum() } else { 0 }
}

fn digits(array: Option<&ArrayRef>, row: usize) -> Option<i128> {
    let array = array?.as_primitive_opt::<Decimal128Type>()?;
    array.is_valid(row).then(|| array.value(row))
}

fn whole(array: Option<&ArrayRef>, row: usize) -> Option<i128> {
    let array: &Int64Array = array?.as_primitive_opt::<Int64Type>()?;
    array.is_valid(row).then(|| i128::from(array.value(row)))
}

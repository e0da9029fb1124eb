//! `tier_replay`: a member's tier, replayed from what they spent: up at once, down one step a year.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Decimal128Array, Int64Array, StructArray};
use arrow::datatypes::{DataType, Date32Type, Field, Fields};
use chrono::{Months, NaiveDate};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};

use super::rows::{integers, list_type};
use super::{Body, Function};

pub(super) fn functions() -> Vec<Function> {
    let amount = DataType::Decimal128(38, 4);
    let arguments = vec![
        list_type(&[DataType::Date32, amount.clone()]),
        list_type(std::slice::from_ref(&amount)),
        DataType::Date32,
    ];
    let body = create_udf("tier_replay", arguments, DataType::Struct(fields()), Volatility::Immutable, Arc::new(run));
    vec![Function {
        usage: "tier_replay(sorted_rows(day, amount), sorted_rows(threshold), as_of_date) -> struct",
        words: "The tier that the amounts of the last twelve months have earned: up at once, down one step at an \
                anniversary of the last change if the twelve months until then do not carry it. Tiers count from 1, the \
                lowest threshold; fields tier, changed_on and previous_tier (NULL if it never changed), review_on (the \
                next anniversary; NULL in the lowest tier) and amount, the sum of the last twelve months.",
        body: Body::Scalar(body),
    }]
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("tier", DataType::Int64, true),
        Field::new("changed_on", DataType::Date32, true),
        Field::new("previous_tier", DataType::Int64, true),
        Field::new("review_on", DataType::Date32, true),
        Field::new("amount", DataType::Decimal128(38, 4), true),
    ])
}

fn run(arguments: &[ColumnarValue]) -> Result<ColumnarValue> {
    let arrays = ColumnarValue::values_to_arrays(arguments)?;
    let (events, thresholds) = (Lists::of(&arrays[0])?, Lists::of(&arrays[1])?);
    let ends = arrays[2].as_primitive::<Date32Type>();
    let members: Vec<Option<Member>> = (0..ends.len())
        .map(|row| {
            let end = ends.is_valid(row).then(|| Date32Type::to_naive_date_opt(ends.value(row))).flatten()?;
            let dated = |(day, amount)| Some((Date32Type::to_naive_date_opt(i32::try_from(day).ok()?)?, amount));
            let (days, amounts) = (events.column(row, 0), events.column(row, 1));
            let events: Vec<(NaiveDate, i64)> =
                days.iter().copied().zip(amounts.iter().copied()).filter_map(dated).collect();
            Some(replay(&events, thresholds.column(row, 0), end))
        })
        .collect();
    let whole = |value: fn(&Member) -> Option<usize>| {
        let values = members.iter().map(|member| member.as_ref().and_then(value));
        Arc::new(values.map(|value| value.and_then(|value| i64::try_from(value).ok())).collect::<Int64Array>())
    };
    let date = |value: fn(&Member) -> Option<NaiveDate>| {
        let dates = members.iter().map(|member| member.as_ref().and_then(value));
        Arc::new(dates.map(|date| date.map(Date32Type::from_naive_date)).collect::<Date32Array>())
    };
    let amounts = members.iter().map(|member| member.as_ref().map(|member| member.amount));
    let columns: Vec<ArrayRef> = vec![
        whole(|member| Some(member.tier)),
        date(|member| member.changed_on),
        whole(|member| member.previous),
        date(|member| member.review_on),
        Arc::new(amounts.collect::<Decimal128Array>().with_precision_and_scale(38, 4)?),
    ];
    Ok(ColumnarValue::Array(Arc::new(StructArray::try_new(fields(), columns, None)?)))
}

/// Lists of rows, by column.
struct Lists {
    ends: Vec<usize>,
    columns: Vec<arrow::array::Int64Array>,
}

impl Lists {
    fn of(array: &ArrayRef) -> Result<Self> {
        let lists = array.as_list::<i32>();
        let ends = lists.value_offsets().iter().map(|end| usize::try_from(*end).unwrap_or(0)).collect();
        let columns = lists.values().as_struct().columns().iter().map(integers).collect::<Result<_>>()?;
        Ok(Self { ends, columns })
    }

    fn column(&self, row: usize, column: usize) -> &[i64] {
        &self.columns[column].values()[self.ends[row]..self.ends[row + 1]]
    }
}

/// Where a member stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    tier: usize,
    previous: Option<usize>,
    changed_on: Option<NaiveDate>,
    review_on: Option<NaiveDate>,
    /// Anniversaries of the last change that have passed.
    years: u32,
    amount: i128,
}

impl Member {
    fn change(&mut self, tier: usize, day: NaiveDate) {
        self.previous = Some(self.tier);
        self.tier = tier;
        self.changed_on = Some(day);
        self.years = 0;
        self.schedule();
    }

    fn schedule(&mut self) {
        let years = self.years + 1;
        let next = self.changed_on.and_then(|day| day.checked_add_months(Months::new(12 * years)));
        self.review_on = next.filter(|_| self.tier > 1);
    }

    fn review(&mut self, earned: usize, day: NaiveDate) {
        if earned < self.tier {
            self.change(self.tier - 1, day);
        } else {
            self.years += 1;
            self.schedule();
        }
    }
}

/// Runs through the days on which the sum of the last twelve months changes, and the reviews between them.
fn replay(events: &[(NaiveDate, i64)], thresholds: &[i64], end: NaiveDate) -> Member {
    let mut changes: Vec<(NaiveDate, i128)> = Vec::with_capacity(2 * events.len());
    for (day, amount) in events.iter().filter(|(day, _)| *day <= end) {
        changes.push((*day, i128::from(*amount)));
        if let Some(over) = day.checked_add_months(Months::new(12)).filter(|over| *over <= end) {
            changes.push((over, -i128::from(*amount)));
        }
    }
    changes.sort_unstable();
    let earned = |amount: i128| thresholds.iter().filter(|threshold| i128::from(**threshold) <= amount).count().max(1);
    let mut member = Member { tier: 1, previous: None, changed_on: None, review_on: None, years: 0, amount: 0 };
    for same_day in changes.chunk_by(|a, b| a.0 == b.0) {
        let day = same_day[0].0;
        while let Some(review) = member.review_on.filter(|review| *review < day) {
            member.review(earned(member.amount), review);
        }
        member.amount += same_day.iter().map(|(_, change)| change).sum::<i128>();
        let tier = earned(member.amount);
        if tier > member.tier {
            member.change(tier, day);
        } else if member.review_on == Some(day) {
            member.review(tier, day);
        }
    }
    while let Some(review) = member.review_on.filter(|review| *review <= end) {
        member.review(earned(member.amount), review);
    }
    member
}

#[cfg(test)]
mod tests;

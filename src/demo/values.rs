//! What stands in a cell: a record's field, before any file format writes it.

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};

use super::World;
use super::company::{CHANNELS, PRODUCTS, REGIONS};
use super::dialect::{Field, word};
use super::stock::Count;
use super::trade::{Kind, SaleLine};

/// A line of a sales or stock file.
#[derive(Clone, Copy)]
pub(crate) enum Record<'a> {
    Sale(&'a SaleLine),
    /// A count and its day.
    Count(&'a Count, i64),
}

/// A cell's content.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Nothing,
    Text(&'a str),
    /// A text that had to be put together.
    Made(String),
    Whole(i64),
    /// In cents.
    Money(i64),
    Day(NaiveDate),
    Moment(NaiveDateTime),
}

/// The field of a record. A delivery day is known once it is no later than `known_until`.
pub(crate) fn value<'a>(world: &'a World, record: Record<'a>, field: Field, known_until: i64) -> Value<'a> {
    match record {
        Record::Sale(line) => sale_value(world, line, field, known_until),
        Record::Count(count, day) => count_value(world, count, day, field),
    }
}

fn sale_value<'a>(world: &'a World, line: &'a SaleLine, field: Field, known_until: i64) -> Value<'a> {
    let partner = &world.partners[usize::from(line.partner)];
    match field {
        Field::Partner => Value::Text(&partner.id),
        Field::PartnerName => Value::Text(&partner.name),
        Field::ChannelName => Value::Text(CHANNELS[partner.channel].name),
        Field::Order => Value::Made(order_id(world, line)),
        Field::Line => Value::Whole(i64::from(line.line)),
        Field::SoldAt => Value::Moment(moment(world.date(line.day), line.second)),
        Field::Customer => line.customer.map_or(Value::Nothing, |customer| Value::Made(customer.id())),
        Field::Sku => Value::Text(PRODUCTS[usize::from(line.product)].sku),
        Field::Quantity => Value::Whole(line.quantity),
        Field::QuantityAbs => Value::Whole(line.quantity.abs()),
        Field::Price => Value::Money(line.unit_price),
        Field::Discount => Value::Money(line.discount),
        Field::DiscountAbs => Value::Money(line.discount.abs()),
        Field::Net => Value::Money(line.net()),
        Field::ShipTo => line.ship_to.map_or(Value::Nothing, |at| Value::Text(REGIONS[usize::from(at)].id)),
        Field::ShipToName => line.ship_to.map_or(Value::Nothing, |at| Value::Text(REGIONS[usize::from(at)].name)),
        Field::Promotion => {
            line.promotion.map_or(Value::Nothing, |at| Value::Text(&world.promotions[usize::from(at)].id))
        }
        Field::Promised => line.promised.map_or(Value::Nothing, |day| Value::Day(world.date(day))),
        Field::Delivered => match line.delivered {
            Some(day) if day <= known_until => Value::Day(world.date(day)),
            _ => Value::Nothing,
        },
        Field::Kind(words) => Value::Text(word(words, line.kind)),
        Field::CountedOn | Field::OnHand | Field::OnOrder | Field::UnitCost | Field::Oldest => Value::Nothing,
    }
}

fn count_value<'a>(world: &'a World, count: &'a Count, day: i64, field: Field) -> Value<'a> {
    let partner = &world.partners[usize::from(count.partner)];
    match field {
        Field::Partner => Value::Text(&partner.id),
        Field::PartnerName => Value::Text(&partner.name),
        Field::Sku => Value::Text(PRODUCTS[usize::from(count.product)].sku),
        Field::CountedOn => Value::Day(world.date(day)),
        Field::OnHand => Value::Whole(count.on_hand),
        Field::OnOrder => Value::Whole(count.on_order),
        Field::UnitCost => Value::Money(PRODUCTS[usize::from(count.product)].unit_cost()),
        Field::Oldest => count.oldest.map_or(Value::Nothing, |day| Value::Day(world.date(day))),
        _ => Value::Nothing,
    }
}

/// `SO261122-00017`: what the line is, its day, and its order of that day.
fn order_id(world: &World, line: &SaleLine) -> String {
    let prefix = match line.kind {
        Kind::Sale => "SO",
        Kind::Return => "RT",
        Kind::Adjustment => "AD",
    };
    let date = world.date(line.day);
    let (year, month, day) = ymd(date);
    format!("{prefix}{:02}{month:02}{day:02}-{:05}", year % 100, line.order + 1)
}

/// Year, month and day.
pub(crate) fn ymd(date: NaiveDate) -> (i32, u32, u32) {
    use chrono::Datelike;
    (date.year(), date.month(), date.day())
}

/// `date` at `second` of its day; seconds past midnight run into the next day.
pub(crate) fn moment(date: NaiveDate, second: u32) -> NaiveDateTime {
    let date = date.checked_add_days(Days::new(u64::from(second / 86_400))).unwrap_or(date);
    let time = NaiveTime::from_num_seconds_from_midnight_opt(second % 86_400, 0).unwrap_or(NaiveTime::MIN);
    date.and_time(time)
}

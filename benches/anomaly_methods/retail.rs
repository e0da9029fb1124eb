//! Real series with labelled faults: the web shop of UCI Online Retail (one file per trading day under
//! `../shared/data/online_retail`), by country and by article, into which days and levels are planted that are lower or
//! higher than they were. Orders are taken away, or those of the same weekday near by are added, so that a planted day
//! scatters as a real one. What the shop's own year holds of odd days counts as a false alarm.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use chrono::{Datelike, NaiveDate, Weekday};
use tributary::demo::series::{Kind, Planted, Series, SeriesDay};
use tributary::models::functions::season::Scale;

/// A planted day is off by at least so many standard deviations of its series, a planted level by so many a day: less
/// is chance at that size.
pub(crate) const DAY_SIZE: f64 = 5.0;
pub(crate) const LEVEL_SIZE: f64 = 3.0;
/// Fewest events a day of a series into which is planted.
const EVENTS: f64 = 5.0;
/// Articles that are watched: those of most orders.
const ARTICLES: usize = 150;
/// Days between one fault and the next, at least and at most, and before the first.
const PAUSE: (u64, u64) = (30, 75);
const QUIET: usize = 70;
/// The closed days of this shop's year, by its first and last: a calendar would name them.
const CLOSED: [(&str, (i32, u32, u32), (i32, u32, u32)); 5] = [
    ("Christmas", (2010, 12, 24), (2011, 1, 3)),
    ("Easter", (2011, 4, 22), (2011, 4, 25)),
    ("May Day", (2011, 4, 29), (2011, 5, 2)),
    ("Spring Bank Holiday", (2011, 5, 30), (2011, 5, 30)),
    ("Summer Bank Holiday", (2011, 8, 29), (2011, 8, 29)),
];

/// A metric of a country or article, with how its days are compared.
pub(crate) struct Real {
    /// `country` or `article`.
    pub(crate) kind: &'static str,
    /// The metric.
    pub(crate) metric: &'static str,
    /// How its days are compared.
    pub(crate) scale: Scale,
    /// The days and what was planted.
    pub(crate) series: Series,
}

/// An order as far as one country or article is concerned.
#[derive(Debug, Clone, Copy, Default)]
struct Order {
    units: f64,
    value: f64,
    /// What its units cost at each article's usual price.
    usual: f64,
    prices: f64,
}

/// A day's orders, and what came back.
#[derive(Debug, Clone, Default)]
struct Trade {
    orders: Vec<Order>,
    returned: Vec<Order>,
}

type Books = BTreeMap<(&'static str, String), BTreeMap<NaiveDate, BTreeMap<String, Order>>>;

/// Every watched series under `seed`, with faults where they are beyond chance; none where the data is not there.
pub(crate) fn series(data: &Path, seed: u64) -> Vec<Real> {
    let books = read(data);
    let mut days = books.values().flat_map(BTreeMap::keys).copied().collect::<BTreeSet<_>>();
    let Some(last) = days.pop_last() else { return Vec::new() };
    let mut entities: Vec<_> = books.into_iter().collect();
    entities.sort_by_key(|((kind, id), days)| (*kind, std::cmp::Reverse(days.values().map(BTreeMap::len).sum::<usize>()), id.clone()));
    let mut of_kind = BTreeMap::new();
    entities.retain(|((kind, _), _)| {
        let place = of_kind.entry(*kind).or_insert(0);
        *place += 1;
        *place <= ARTICLES
    });
    entities.into_iter().flat_map(|((kind, id), days)| entity(kind, &id, &days, last, seed)).collect()
}

fn read(data: &Path) -> Books {
    let mut books = Books::new();
    let Ok(files) = std::fs::read_dir(data) else { return books };
    let mut lines = Vec::new();
    let mut files: Vec<_> = files.flatten().map(|file| file.path()).collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Ok(date) = NaiveDate::parse_from_str(name.trim_end_matches(".csv.gz"), "%Y-%m-%d") else { continue };
        let mut text = Vec::new();
        let opened = std::fs::File::open(&file).expect("a file of the data set");
        flate2::read::GzDecoder::new(opened).read_to_end(&mut text).expect("a whole file");
        lines.extend(records(&text).skip(1).map(|line| (date, line)));
    }
    let mut prices: BTreeMap<String, Order> = BTreeMap::new();
    for (_, line) in &lines {
        let [_, sku, _, quantity, _, price, ..] = line.as_slice() else { continue };
        let (Ok(quantity), Ok(price)) = (quantity.parse::<f64>(), price.parse::<f64>()) else { continue };
        if quantity > 0.0 {
            let usual = prices.entry(sku.clone()).or_default();
            usual.units += 1.0;
            usual.value += price;
        }
    }
    for (date, line) in lines {
        {
            let [invoice, sku, _, quantity, _, price, _, country] = line.as_slice() else { continue };
            let (Ok(quantity), Ok(price)) = (quantity.parse::<f64>(), price.parse::<f64>()) else { continue };
            for (kind, id) in [("country", country), ("article", sku)] {
                let day = books.entry((kind, id.clone())).or_default().entry(date).or_default();
                let order = day.entry(invoice.clone()).or_default();
                order.units += quantity;
                order.value += quantity * price;
                order.usual += prices.get(sku).map_or(price, |usual| usual.value / usual.units);
                let u = prices.get(sku).map_or(price, |usual| usual.value / usual.units); order.prices += if u > 0.0 { price.clamp(u / 2.0, 2.0 * u) } else { u };
            }
        }
    }
    books
}

/// The records of a CSV file.
fn records(text: &[u8]) -> impl Iterator<Item = Vec<String>> {
    let (mut reader, mut rest) = (csv_core::Reader::new(), text);
    std::iter::from_fn(move || {
        let (mut out, mut ends) = ([0_u8; 1024], [0_usize; 16]);
        let (_, read, _, fields) = reader.read_record(rest, &mut out, &mut ends);
        rest = &rest[read..];
        let starts = std::iter::once(0).chain(ends);
        let field = |(from, to): (usize, &usize)| String::from_utf8_lossy(&out[from..*to]).into_owned();
        (fields > 0).then(|| starts.zip(&ends[..fields]).map(field).collect())
    })
}

fn entity(
    kind: &'static str,
    id: &str,
    books: &BTreeMap<NaiveDate, BTreeMap<String, Order>>,
    last: NaiveDate,
    seed: u64,
) -> Vec<Real> {
    let Some(first) = books.keys().next() else { return Vec::new() };
    let trade: Vec<(NaiveDate, Trade)> = first
        .iter_days()
        .take_while(|date| *date <= last)
        .map(|date| {
            let mut day = Trade::default();
            for (invoice, order) in books.get(&date).into_iter().flatten() {
                if invoice.starts_with('C') || order.units < 0.0 {
                    day.returned.push(*order);
                } else {
                    day.orders.push(*order);
                }
            }
            (date, day)
        })
        .collect();
    if trade.len() <= QUIET {
        return Vec::new();
    }
    let mut trade = trade;
    let mut chance = Chance(seed ^ id.bytes().fold(7, |hash, byte| hash * 31 + u64::from(byte)));
    if std::env::var("SHUFFLE").is_ok() {
        // Among open days of the same weekday.
        for weekday in 0..7 {
            let open: Vec<usize> = (0..trade.len()).filter(|at| at % 7 == weekday && closed(trade[*at].0).is_none()).collect();
            for (place, at) in open.iter().enumerate().skip(1) {
                let other = open[chance.between(0, place as u64) as usize];
                let (one, two) = (trade[*at].1.clone(), trade[other].1.clone());
                trade[*at].1 = two;
                trade[other].1 = one;
            }
        }
    }
    let (planted, faults) = plant(&mut chance, &trade);
    type Of = fn(&Trade) -> f64;
    let metrics: [(&'static str, Scale, Of, Of); 5] = [
        ("orders", Scale::Amount, |day| count(day.orders.len()), |day| count(day.orders.len())),
        ("units", Scale::Amount, |day| sum(&day.orders, |o| o.units) + sum(&day.returned, |o| o.units), |day| effective(&day.orders, |o| o.units)),
        ("net_sales", Scale::Amount, |day| sum(&day.orders, |o| o.value) + sum(&day.returned, |o| o.value), |day| effective(&day.orders, |o| o.value)),
        ("average_price", Scale::Price, |day| sum(&day.orders, |o| o.prices) / sum(&day.orders, |o| o.usual), |day| effective(&day.orders, |o| o.usual)),
        ("return_rate", Scale::Rate, |day| -sum(&day.returned, |o| o.value) / sum(&day.orders, |o| o.value), |day| effective(&day.returned, |o| o.value)),
    ];
    metrics
        .into_iter()
        .map(|(metric, scale, of, events)| {
            let before: Vec<f64> = trade.iter().map(|(_, day)| of(day)).collect();
            let days = planted.iter().zip(&trade).map(|(day, (date, _))| SeriesDay {
                date: *date,
                value: of(day),
                without_largest: without(day, of),
                orders: events(day),
                holiday: closed(*date),
                promotion: false,
            });
            let noise = scatter(&before);
            let before: Vec<f64> = trade.iter().map(|(_, day)| events(day)).collect();
            let beyond = |fault: &&(Planted, f64)| {
                scale == Scale::Amount && usual(&before, fault.0.day) >= EVENTS && is_beyond(fault, noise)
            };
            let faults = faults.iter().filter(beyond).map(|(fault, _)| *fault).collect();
            let series = Series { channel: id.to_owned().leak(), noise, days: days.collect(), faults };
            Real { kind, metric, scale, series }
        })
        .collect()
}

/// Faults in the orders, each with its factor. Those that only some metrics can show are planted too: a metric that
/// cannot is quiet about them or right.
fn plant(chance: &mut Chance, trade: &[(NaiveDate, Trade)]) -> (Vec<Trade>, Vec<(Planted, f64)>) {
    let mut days: Vec<Trade> = trade.iter().map(|(_, day)| day.clone()).collect();
    let orders: Vec<f64> = days.iter().map(|day| count(day.orders.len())).collect();
    let noise = scatter(&orders);
    let (mut faults, mut level, mut day) = (Vec::new(), 0, QUIET);
    loop {
        day += usize::try_from(chance.between(PAUSE.0, PAUSE.1)).expect("a few days");
        while day + 7 < days.len() && (trade[day].1.orders.is_empty() || closed(trade[day].0).is_some()) {
            day += 1;
        }
        if day + 7 >= days.len() {
            return (days, faults);
        }
        // What is beyond chance in these orders, down and up.
        let (down, up) = (square(1.0 - DAY_SIZE * noise / 2.0), square(1.0 + DAY_SIZE * noise / 2.0));
        let (lower, higher) = (square(1.0 - LEVEL_SIZE * noise / 2.0), square(1.0 + LEVEL_SIZE * noise / 2.0));
        let (kind, factor) = match chance.between(0, 5) {
            0 | 1 => (Kind::Drop, chance.within(0.0, down.min(0.60))),
            2 | 3 => (Kind::Spike, chance.within(up.max(2.0), (1.5 * up).max(4.0))),
            4 => (Kind::ShiftDown, chance.within(0.2 * lower.min(0.70), lower.min(0.70))),
            _ => (Kind::ShiftUp, chance.within(higher.max(1.30), (1.5 * higher).max(2.0))),
        };
        let fault = Planted { kind, day };
        let lasts = matches!(kind, Kind::ShiftDown | Kind::ShiftUp);
        if noise > 0.7 || usual(&orders, day) < EVENTS || lasts && level > 0 || !is_beyond(&(fault, factor), noise) {
            continue;
        }
        level += usize::from(lasts);
        for at in day..if lasts { days.len() } else { day + 1 } {
            days[at].orders = scaled(chance, trade, &days[at].orders.clone(), at, factor);
        }
        faults.push((fault, factor));
    }
}

/// About `factor` times as many orders: some of its own, and more of the same weekday's within four weeks.
fn scaled(chance: &mut Chance, trade: &[(NaiveDate, Trade)], own: &[Order], at: usize, factor: f64) -> Vec<Order> {
    if factor < 1.0 {
        return own.iter().filter(|_| chance.unit() < factor).copied().collect();
    }
    let mut orders = own.to_vec();
    let near: Vec<usize> = [7, 14, 21, 28]
        .into_iter()
        .flat_map(|back| [at.checked_sub(back), Some(at + back)])
        .flatten()
        .filter(|day| *day < trade.len() && !trade[*day].1.orders.is_empty())
        .collect();
    if near.is_empty() {
        return orders;
    }
    let pool: Vec<Order> = near.iter().flat_map(|day| trade[*day].1.orders.iter().copied()).collect();
    let mut wanted = (factor - 1.0) * count(pool.len()) / count(near.len());
    while wanted >= 1.0 || chance.unit() < wanted {
        orders.push(pool[chance.between(0, pool.len() as u64 - 1) as usize]);
        wanted -= 1.0;
    }
    orders
}

fn is_beyond((fault, factor): &(Planted, f64), noise: f64) -> bool {
    let size = match fault.kind {
        Kind::Drop | Kind::Spike => DAY_SIZE,
        Kind::ShiftDown | Kind::ShiftUp => LEVEL_SIZE,
    };
    noise > 0.0 && 2.0 * (factor.sqrt() - 1.0).abs() >= size * noise
}

/// The standard deviation of a day against the median of the same weekday over four weeks on both sides, as a share,
/// on the square roots; infinite where most of them are nothing.
fn scatter(values: &[f64]) -> f64 {
    let mut off: Vec<f64> = (28..values.len().saturating_sub(28))
        .filter_map(|at| {
            let near = median([7, 14, 21, 28].iter().flat_map(|back| [values[at - back], values[at + back]]).collect());
            (near > 0.0).then(|| 2.0 * ((values[at].max(0.0) / near).sqrt() - 1.0).abs())
        })
        .collect();
    if off.len() * 3 < values.len() {
        return f64::INFINITY;
    }
    off.retain(|value| value.is_finite());
    1.4826 * median(off)
}

/// The median of the same weekday over eight weeks before a day.
fn usual(values: &[f64], day: usize) -> f64 {
    median((1..=8).filter_map(|week| day.checked_sub(7 * week)).map(|day| values[day]).collect())
}

fn square(root: f64) -> f64 {
    root.max(0.0) * root.max(0.0)
}

fn closed(date: NaiveDate) -> Option<&'static str> {
    let day = |(year, month, day)| NaiveDate::from_ymd_opt(year, month, day);
    CLOSED.iter().find(|(_, from, to)| day(*from) <= Some(date) && Some(date) <= day(*to)).map(|(name, ..)| *name)
}

fn without(day: &Trade, of: fn(&Trade) -> f64) -> (f64, f64) {
    let largest = |orders: &[Order]| (0..orders.len()).max_by(|a, b| orders[*a].value.abs().total_cmp(&orders[*b].value.abs()));
    let (mut low, mut high) = (day.clone(), day.clone());
    if let Some(at) = largest(&day.orders) { low.orders.remove(at); }
    if let Some(at) = largest(&day.returned) { high.returned.remove(at); }
    let (a, b) = (of(&low), of(&high));
    (a.min(b), a.max(b))
}

fn sum(orders: &[Order], of: fn(&Order) -> f64) -> f64 {
    orders.iter().map(of).sum()
}

/// How many equal orders would scatter as these do (Kish): one that outweighs all others makes it one.
fn effective(orders: &[Order], of: fn(&Order) -> f64) -> f64 {
    let squares: f64 = orders.iter().map(|order| of(order) * of(order)).sum();
    if squares > 0.0 { sum(orders, of) * sum(orders, of) / squares } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
fn count(orders: usize) -> f64 {
    orders as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Numbers that are the same on every machine (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double")]
        let unit = (self.next() >> 11) as f64 / 9_007_199_254_740_992.0;
        unit
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
}

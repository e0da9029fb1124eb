//! Real series with labelled faults: the web shop of UCI Online Retail (one file per trading day), by country and by
//! article, into which days and levels are planted that are lower or higher than they were. Orders are taken away, or
//! those of the same weekday near by are added, so that a planted day scatters as a real one.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use chrono::NaiveDate;
use tributary::demo::series::{Kind, Planted, Series, SeriesDay};
use tributary::models::functions::season::Scale;

/// Planted is what is beyond chance at its size: a day off by at least so many standard deviations of its series, or a
/// level of so many a day, ...
const DAY_SIZE: f64 = 5.0;
const LEVEL_SIZE: f64 = 3.5;
/// ... where at least so many orders are usual on such a day.
const EVENTS: f64 = 5.0;
/// Nothing is planted where a day scatters by more than this share.
const NOISE_MAX: f64 = 0.7;
/// Articles that are watched: those of most orders.
const ARTICLES: usize = 150;
/// Days between one fault and the next, at least and at most, and before the first.
const PAUSE: (u64, u64) = (30, 75);
const QUIET: usize = 70;
/// A price counts as at most so many times the usual one, either way: fees and postage have none.
const PRICE_REACH: f64 = 2.0;
/// The closed days of this shop's year, by first and last: a calendar would name them.
const CLOSED: [(&str, Date, Date); 5] = [
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
    /// One of each line, at its price and at the usual one.
    priced: f64,
    usual: f64,
}

/// A day's orders, and what came back.
#[derive(Debug, Clone, Default)]
struct Trade {
    orders: Vec<Order>,
    returned: Vec<Order>,
}

/// Year, month and day.
type Date = (i32, u32, u32);
/// Orders by day and invoice, and these by what is watched.
type Days = BTreeMap<NaiveDate, BTreeMap<String, Order>>;
type Books = BTreeMap<(&'static str, String), Days>;

/// What is watched, as the product's `watch_series` has it.
struct Metric {
    name: &'static str,
    scale: Scale,
    of: fn(&Trade) -> f64,
    /// The events behind it.
    events: fn(&Trade) -> f64,
    /// What of a single order may make a day of it.
    largest: Option<fn(&Order) -> f64>,
}

const METRICS: [Metric; 5] = [
    Metric {
        name: "orders",
        scale: Scale::Amount,
        of: |day| count(day.orders.len()),
        events: |day| count(day.orders.len()),
        largest: None,
    },
    Metric {
        name: "units",
        scale: Scale::Amount,
        of: |day| net(day, |order| order.units),
        events: |day| effective(&day.orders, |order| order.units),
        largest: Some(|order| order.units),
    },
    Metric {
        name: "net_sales",
        scale: Scale::Amount,
        of: |day| net(day, |order| order.value),
        events: |day| effective(&day.orders, |order| order.value),
        largest: Some(|order| order.value),
    },
    Metric {
        name: "average_price",
        scale: Scale::Price,
        of: |day| sum(&day.orders, |order| order.priced) / sum(&day.orders, |order| order.usual),
        events: |day| effective(&day.orders, |order| order.usual),
        largest: None,
    },
    Metric {
        name: "return_rate",
        scale: Scale::Rate,
        of: |day| -sum(&day.returned, |order| order.value) / sum(&day.orders, |order| order.value),
        events: |day| effective(&day.returned, |order| order.value),
        largest: Some(|order| order.value),
    },
];

/// Every watched series, under a `seed` with faults where they are beyond chance, without one as it is; none where the
/// files are not there.
pub(crate) fn series(seed: Option<u64>) -> Vec<Real> {
    let books = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/online_retail"));
    let Some(last) = books.values().filter_map(|days| days.keys().last()).max().copied() else { return Vec::new() };
    let mut entities: Vec<_> = books.into_iter().collect();
    let orders = |days: &Days| days.values().map(BTreeMap::len).sum::<usize>();
    entities.sort_by_key(|((kind, _), days)| (*kind, std::cmp::Reverse(orders(days))));
    let mut of_kind = BTreeMap::new();
    entities.retain(|((kind, _), _)| {
        let place = of_kind.entry(*kind).or_insert(0);
        *place += 1;
        *place <= ARTICLES
    });
    entities.into_iter().flat_map(|((kind, id), days)| entity(kind, &id, &days, last, seed)).collect()
}

fn read(folder: &Path) -> Books {
    let Ok(files) = std::fs::read_dir(folder) else { return Books::new() };
    let mut files: Vec<_> = files.flatten().map(|file| file.path()).collect();
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Ok(date) = NaiveDate::parse_from_str(name.trim_end_matches(".csv.gz"), "%Y-%m-%d") else { continue };
        let mut text = Vec::new();
        let opened = std::fs::File::open(&file).expect("a file of the data set");
        flate2::read::GzDecoder::new(opened).read_to_end(&mut text).expect("a whole file");
        lines.extend(records(&text).skip(1).filter_map(|line| Line::read(date, line)));
    }
    let mut prices: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.quantity > 0.0) {
        let usual = prices.entry(&line.sku).or_default();
        *usual = (usual.0 + line.price, usual.1 + 1.0);
    }
    let mut books = Books::new();
    for line in &lines {
        let usual = prices.get(line.sku.as_str()).map_or(0.0, |(sum, count)| (sum / count).max(0.0));
        for (kind, id) in [("country", &line.country), ("article", &line.sku)] {
            let day = books.entry((kind, id.clone())).or_default().entry(line.date).or_default();
            let order = day.entry(line.invoice.clone()).or_default();
            order.units += line.quantity;
            order.value += line.quantity * line.price;
            order.priced += line.price.clamp(usual / PRICE_REACH, usual * PRICE_REACH);
            order.usual += usual;
        }
    }
    books
}

struct Line {
    date: NaiveDate,
    invoice: String,
    sku: String,
    country: String,
    quantity: f64,
    price: f64,
}

impl Line {
    fn read(date: NaiveDate, line: Vec<String>) -> Option<Self> {
        let [invoice, sku, _, quantity, _, price, _, country] = <[String; 8]>::try_from(line).ok()?;
        Some(Self { date, invoice, sku, country, quantity: quantity.parse().ok()?, price: price.parse().ok()? })
    }
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

fn entity(kind: &'static str, id: &str, books: &Days, last: NaiveDate, seed: Option<u64>) -> Vec<Real> {
    let Some(first) = books.keys().next() else { return Vec::new() };
    let trade: Vec<(NaiveDate, Trade)> = first
        .iter_days()
        .take_while(|date| *date <= last)
        .map(|date| {
            let invoices = books.get(&date).into_iter().flatten();
            let (returned, orders): (Vec<_>, Vec<_>) =
                invoices.partition(|(invoice, order)| invoice.starts_with('C') || order.units < 0.0);
            let of = |part: Vec<(&String, &Order)>| part.into_iter().map(|(_, order)| *order).collect();
            (date, Trade { orders: of(orders), returned: of(returned) })
        })
        .collect();
    if trade.len() <= QUIET {
        return Vec::new();
    }
    let own = id.bytes().fold(7, |hash: u64, byte| hash.wrapping_mul(31) + u64::from(byte));
    let (planted, faults) = match seed {
        Some(seed) => plant(&mut Chance(seed ^ own), &trade),
        None => (trade.iter().map(|(_, day)| day.clone()).collect(), Vec::new()),
    };
    METRICS
        .into_iter()
        .map(|Metric { name, scale, of, events, largest }| {
            let noise = scatter(&trade.iter().map(|(_, day)| of(day)).collect::<Vec<_>>());
            let events_of_days: Vec<f64> = planted.iter().map(events).collect();
            let on_metric = |(fault, factor): &(Planted, f64)| {
                // On the level that was planted before it, too: that of fewer orders scatters more.
                let usual = usual(&events_of_days, fault.day);
                let due = scale == Scale::Amount
                    && usual >= EVENTS
                    && is_beyond(fault.kind, *factor, noise.max(usual.sqrt().recip()));
                // Fewer sales are a higher share of returns.
                let kind = if scale == Scale::Rate { mirrored(fault.kind) } else { fault.kind };
                Planted { kind, due, ..*fault }
            };
            let days = planted.iter().zip(&trade).map(|(day, (date, _))| SeriesDay {
                date: *date,
                value: of(day),
                without_largest: largest.map(|part| without_largest(day, of, part)),
                orders: events(day),
                holiday: closed(*date),
                promotion: false,
            });
            let faults = faults.iter().map(on_metric).collect();
            let series = Series { channel: id.to_owned().leak(), noise, days: days.collect(), faults };
            Real { kind, metric: name, scale, series }
        })
        .collect()
}

/// Faults in the orders, each with its factor; one level at most. A metric that cannot show one need not.
fn plant(chance: &mut Chance, trade: &[(NaiveDate, Trade)]) -> (Vec<Trade>, Vec<(Planted, f64)>) {
    let mut days: Vec<Trade> = trade.iter().map(|(_, day)| day.clone()).collect();
    let orders: Vec<f64> = days.iter().map(|day| count(day.orders.len())).collect();
    let noise = scatter(&orders);
    let beyond = |size: f64| (square(1.0 - size * noise / 2.0), square(1.0 + size * noise / 2.0));
    let ((down, up), (lower, higher)) = (beyond(DAY_SIZE), beyond(LEVEL_SIZE));
    let (mut faults, mut has_level, mut day) = (Vec::new(), false, QUIET);
    loop {
        day += usize::try_from(chance.between(PAUSE.0, PAUSE.1)).expect("a few days");
        while day + 7 < days.len() && (trade[day].1.orders.is_empty() || closed(trade[day].0).is_some()) {
            day += 1;
        }
        if day + 7 >= days.len() {
            return (days, faults);
        }
        let (kind, factor) = match chance.between(0, 5) {
            0 | 1 => (Kind::Drop, chance.within(0.0, down.min(0.60))),
            2 | 3 => (Kind::Spike, chance.within(up.max(2.0), (1.5 * up).max(4.0))),
            4 => (Kind::ShiftDown, chance.within(0.2 * lower.min(0.70), lower.min(0.70))),
            _ => (Kind::ShiftUp, chance.within(higher.max(1.30), (1.5 * higher).max(2.0))),
        };
        let lasts = matches!(kind, Kind::ShiftDown | Kind::ShiftUp);
        let is_told = noise <= NOISE_MAX && usual(&orders, day) >= EVENTS && is_beyond(kind, factor, noise);
        if !is_told || lasts && has_level {
            continue;
        }
        has_level |= lasts;
        for at in day..if lasts { days.len() } else { day + 1 } {
            days[at].orders = scaled(chance, trade, &days[at].orders, at, factor);
        }
        faults.push((Planted { kind, day, due: true }, factor));
    }
}

/// About `factor` times as many orders as usual: some of its own, or more of the same weekday's within four weeks.
fn scaled(chance: &mut Chance, trade: &[(NaiveDate, Trade)], own: &[Order], at: usize, factor: f64) -> Vec<Order> {
    if factor < 1.0 {
        return own.iter().filter(|_| chance.unit() < factor).copied().collect();
    }
    let near: Vec<&Trade> = [7, 14, 21, 28]
        .into_iter()
        .flat_map(|back| [at.checked_sub(back), Some(at + back)])
        .filter_map(|day| Some(&trade.get(day?)?.1))
        .filter(|day| !day.orders.is_empty())
        .collect();
    let pool: Vec<Order> = near.iter().flat_map(|day| day.orders.iter().copied()).collect();
    let mut orders = own.to_vec();
    let mut wanted = (factor - 1.0) * count(pool.len()) / count(near.len().max(1));
    while chance.unit() < wanted {
        orders.push(pool[chance.below(pool.len())]);
        wanted -= 1.0;
    }
    orders
}

fn is_beyond(kind: Kind, factor: f64, noise: f64) -> bool {
    let size = if matches!(kind, Kind::Drop | Kind::Spike) { DAY_SIZE } else { LEVEL_SIZE };
    noise > 0.0 && 2.0 * (factor.sqrt() - 1.0).abs() >= size * noise
}

fn mirrored(kind: Kind) -> Kind {
    match kind {
        Kind::Drop => Kind::Spike,
        Kind::Spike => Kind::Drop,
        Kind::ShiftDown => Kind::ShiftUp,
        Kind::ShiftUp => Kind::ShiftDown,
    }
}

/// The standard deviation of a day against the median of the same weekday over four weeks on both sides, as a share,
/// on the square roots; infinite where most of them are nothing.
fn scatter(values: &[f64]) -> f64 {
    let off: Vec<f64> = (28..values.len().saturating_sub(28))
        .filter_map(|at| {
            let near = median([7, 14, 21, 28].iter().flat_map(|back| [values[at - back], values[at + back]]).collect());
            (near > 0.0).then(|| 2.0 * ((values[at].max(0.0) / near).sqrt() - 1.0).abs())
        })
        .collect();
    if off.len() * 3 < values.len() { f64::INFINITY } else { 1.4826 * median(off) }
}

/// The median of the same weekday over eight weeks before a day.
fn usual(values: &[f64], day: usize) -> f64 {
    median((1..=8).filter_map(|week| day.checked_sub(7 * week)).map(|day| values[day]).collect())
}

fn closed(date: NaiveDate) -> Option<&'static str> {
    let day = |(year, month, day)| NaiveDate::from_ymd_opt(year, month, day);
    CLOSED.iter().find(|(_, from, to)| day(*from) <= Some(date) && Some(date) <= day(*to)).map(|(name, ..)| *name)
}

/// A day without its largest order, and without its largest return.
fn without_largest(day: &Trade, of: fn(&Trade) -> f64, part: fn(&Order) -> f64) -> (f64, f64) {
    let less = |orders: &mut Vec<Order>| {
        let size = |at: &usize| part(&orders[*at]).abs();
        let largest = (0..orders.len()).max_by(|one, two| size(one).total_cmp(&size(two)));
        if let Some(at) = largest {
            orders.remove(at);
        }
    };
    let (mut without_order, mut without_return) = (day.clone(), day.clone());
    less(&mut without_order.orders);
    less(&mut without_return.returned);
    let (one, two) = (of(&without_order), of(&without_return));
    (one.min(two), one.max(two))
}

fn net(day: &Trade, of: fn(&Order) -> f64) -> f64 {
    sum(&day.orders, of) + sum(&day.returned, of)
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

fn square(root: f64) -> f64 {
    root.max(0.0) * root.max(0.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Numbers that are the same on every machine (splitmix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double")]
        let unit = (self.next() >> 11) as f64 / 9_007_199_254_740_992.0;
        unit
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count.max(1) as u64).unwrap_or(0)
    }

    fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
}

//! Labelled daily series in the demo's trading year: a channel's sales over two years with known faults. What a
//! detector of anomalies is measured with (`benches/anomaly_methods.rs`), and held to in the tests.

use chrono::{Datelike, NaiveDate};

use super::calendar::{Entry, Rhythm, date, entries, factor, shift, spring_festival};
use super::company::CHANNELS;
use super::random::Stream;

/// One channel's sales, day by day, and what was done to them.
pub struct Series {
    /// The channel whose rhythm and growth it has.
    pub channel: &'static str,
    /// Standard deviation of a day against what is usual, as a share.
    pub noise: f64,
    /// Every day, in order.
    pub days: Vec<SeriesDay>,
    /// What was planted, in order.
    pub faults: Vec<Planted>,
}

/// A day of a series.
#[derive(Debug, Clone, Copy)]
pub struct SeriesDay {
    /// The day.
    pub date: NaiveDate,
    /// Its sales.
    pub value: f64,
    /// Its sales without the largest order, and without the largest return; none where that is not known.
    pub without_largest: Option<(f64, f64)>,
    /// Its orders.
    pub orders: f64,
    /// The holiday or shopping festival that it belongs to; around a long holiday a week on both sides does.
    pub holiday: Option<&'static str>,
    /// The whole channel is on promotion.
    pub promotion: bool,
}

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One day falls by 40 to 95 %.
    Drop,
    /// One day rises to 2 to 4 times.
    Spike,
    /// From one day on everything is 30 to 60 % lower.
    ShiftDown,
    /// From one day on everything is 30 to 100 % higher.
    ShiftUp,
}

/// A fault and its day, counted from the first of the series.
#[derive(Debug, Clone, Copy)]
pub struct Planted {
    /// What it is.
    pub kind: Kind,
    /// Its (first) day.
    pub day: usize,
    /// Beyond chance on this series: it has to be told. Else telling it is neither right nor wrong.
    pub due: bool,
}

/// Days of a series: two years and the weeks that a detector needs before it judges.
pub const DAYS: i64 = 800;
/// Days between one fault and the next, at least and at most.
const PAUSE: (i64, i64) = (30, 75);
/// Largest swing of a channel's own yearly season, up and down.
const SEASON: f64 = 0.40;
/// Days around a long holiday that belong to it, and the days that make a holiday long.
const AROUND: i64 = 7;
const LONG: usize = 7;
/// No fault before this day.
const QUIET: i64 = 70;

/// Nine channels under `seed`, each with a noise of its own from 2 % to `noise_max`.
pub fn labelled(seed: u64, noise_max: f64) -> Vec<Series> {
    let end = date(2026, 11, 22);
    CHANNELS
        .iter()
        .map(|channel| {
            let mut rng = Stream::new(seed, &["series", channel.id]);
            let noise = rng.within(0.02, noise_max);
            let mut days = quiet(&mut rng, channel.rhythm, channel.growth, noise, end);
            let faults = plant(&mut rng, &mut days);
            Series { channel: channel.id, noise, days, faults }
        })
        .collect()
}

fn quiet(rng: &mut Stream, rhythm: Rhythm, growth: f64, noise: f64, end: NaiveDate) -> Vec<SeriesDay> {
    let start = shift(end, 1 - DAYS);
    // Some goods have a season of their own, beyond that of all trade.
    let (wave, peak) = (rng.within(0.0, SEASON), rng.within(0.0, 365.25));
    let calendar = entries(shift(start, -AROUND), shift(end, AROUND));
    (0..DAYS)
        .map(|day| {
            let today = shift(start, day);
            #[expect(clippy::cast_precision_loss, reason = "a few hundred days")]
            let age = (day - DAYS) as f64 / 365.25;
            let turn = (f64::from(today.ordinal0()) - peak) / 365.25 * std::f64::consts::TAU;
            let season = 1.0 + wave * libm::cos(turn);
            let usual = 200_000.0 * libm::pow(1.0 + growth, age) * factor(rhythm, today) * season;
            let value = usual * libm::exp(noise * normal(rng) - noise * noise / 2.0);
            SeriesDay {
                date: today,
                value,
                without_largest: None,
                orders: value / 100.0,
                holiday: holiday(&calendar, today),
                promotion: promoted(rhythm, today),
            }
        })
        .collect()
}

/// A holiday's own days first, then the week around a long one.
fn holiday(calendar: &[Entry], today: NaiveDate) -> Option<&'static str> {
    let days = || calendar.iter().filter(|entry| entry.kind != "workday_moved");
    let is_long = |name: &str| days().filter(|entry| entry.name == name).take(LONG).count() == LONG;
    let near = |entry: &&Entry| (entry.date - today).num_days().abs() <= AROUND && is_long(entry.name);
    days().find(|entry| entry.date == today).or_else(|| days().find(near)).map(|entry| entry.name)
}

/// The brand's campaigns, as the demo runs them.
fn promoted(rhythm: Rhythm, today: NaiveDate) -> bool {
    let before = spring_festival(today.year()).is_some_and(|first| (-20..=-4).contains(&(today - first).num_days()));
    before || (rhythm != Rhythm::Shop && matches!((today.month(), today.day()), (6, 12..=18) | (11, 1..=11)))
}

/// Faults lie on plain days, so that each can be told by nothing but the sales.
fn plant(rng: &mut Stream, days: &mut [SeriesDay]) -> Vec<Planted> {
    let mut faults = Vec::new();
    let mut next = QUIET;
    loop {
        next += rng.between(PAUSE.0, PAUSE.1);
        let plain = |at: usize| days.get(at).is_none_or(|day| day.holiday.is_none() && !day.promotion);
        let mut day = usize::try_from(next).unwrap_or(usize::MAX);
        // A shift needs a week of plain days to be told from a single bad day.
        while day + 7 < days.len() && !(day..day + 7).all(plain) {
            day += 1;
        }
        if day + 7 >= days.len() {
            return faults;
        }
        next = i64::try_from(day).unwrap_or(i64::MAX);
        let kind = *rng.pick(&[Kind::Drop, Kind::Drop, Kind::Spike, Kind::Spike, Kind::ShiftDown, Kind::ShiftUp]);
        let (until, change) = match kind {
            Kind::Drop => (day + 1, rng.within(0.05, 0.60)),
            Kind::Spike => (day + 1, rng.within(2.0, 4.0)),
            Kind::ShiftDown => (days.len(), rng.within(0.40, 0.70)),
            Kind::ShiftUp => (days.len(), rng.within(1.30, 2.0)),
        };
        for changed in &mut days[day..until] {
            changed.value *= change;
            changed.orders *= change;
        }
        faults.push(Planted { kind, day, due: true });
    }
}

/// A standard normal number (Box and Muller).
fn normal(rng: &mut Stream) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - rng.unit()));
    radius * libm::cos(std::f64::consts::TAU * rng.unit())
}

//! Days that count a few orders, with spikes of a known size: how many can be told at all. Chance alone makes a day of
//! 18 orders where 7 are usual once in 2,200 days, so that a band that holds 99.9 % of days begins there, and a spike to
//! two and a half times lies below it as often as above.

use chrono::NaiveDate;
use tributary::demo::series::{Kind, Planted, Series, SeriesDay};

use super::retail::Chance;

/// Days of a series, and the first spike and the days between two.
const DAYS: usize = 400;
const FIRST: usize = 84;
const BETWEEN: usize = 21;
/// What a band of 3.29 standard deviations leaves beyond either end.
const BEYOND: f64 = 0.0005;

/// A series of `mean` orders a day, every 21 days one of `factor` times as many.
pub(crate) fn series(seed: u64, mean: f64, factor: f64) -> Series {
    let mut chance = Chance(seed);
    let first = NaiveDate::from_ymd_opt(2025, 1, 1).expect("a date");
    let is_spike = |at: usize| at >= FIRST && (at - FIRST).is_multiple_of(BETWEEN);
    let days = first.iter_days().take(DAYS).enumerate().map(|(at, date)| {
        let orders = poisson(&mut chance, if is_spike(at) { mean * factor } else { mean });
        SeriesDay { date, value: orders, without_largest: None, orders, holiday: None, promotion: false }
    });
    let faults = (0..DAYS).filter(|at| is_spike(*at)).map(|day| Planted { kind: Kind::Spike, day, due: true });
    Series { channel: "counts", noise: mean.sqrt().recip(), days: days.collect(), faults: faults.collect() }
}

/// The share of such spikes that lie beyond chance, for one who knows the mean.
pub(crate) fn tellable(mean: f64, factor: f64) -> f64 {
    let edge = (0..10_000).find(|count| above(mean, *count) <= BEYOND).unwrap_or_default();
    above(mean * factor, edge)
}

/// The probability of so many or more.
fn above(mean: f64, count: u32) -> f64 {
    let (mut one, mut below) = ((-mean).exp(), 0.0);
    for at in 0..count {
        below += one;
        one *= mean / f64::from(at + 1);
    }
    1.0 - below
}

fn poisson(chance: &mut Chance, mean: f64) -> f64 {
    let (mut left, mut count) = (mean, 0.0);
    loop {
        left += (1.0 - chance.unit()).ln();
        if left < 0.0 {
            return count;
        }
        count += 1.0;
    }
}

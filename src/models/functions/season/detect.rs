//! What a day should have brought, how far off is too far, and when a new level is learned: robust exponential
//! smoothing with a season (after Gelper, Fried and Croux, "Robust forecasting with exponential and Holt-Winters
//! smoothing", Journal of Forecasting 29, 2010), one day after the other, in the order of days.
//!
//! Expected = level × weekday × season of the year × holiday. How far days scatter is learned from the series' own:
//! chance by the number of its orders, clumps, unsteadiness, tails. Residuals beyond the band teach nothing. A new level
//! is dated by the best break among the last days, told once, and learned when it is a week old. Roots, powers and
//! logarithms are those of a library in Rust: the same on every machine.

use super::day::{Day, Judged, Rules, Unjudged};
use super::model::Model;

/// Judges every day of a series, which begins with its first day and has no holes.
pub fn judge(days: &[Day], rules: &Rules) -> Vec<Judged> {
    let mut judged = Vec::with_capacity(days.len());
    let Some(mut model) = Model::begin(days, rules) else {
        judged.resize(days.len(), Judged::not(Unjudged::ShortHistory));
        return judged;
    };
    for at in 0..days.len() {
        let today = model.judge(at);
        judged.push(today);
        model.learn(at, &mut judged);
    }
    judged
}

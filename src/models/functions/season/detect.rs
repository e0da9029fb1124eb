//! What a day should have brought, how far off is too far, and when a new level is learned: robust exponential
//! smoothing with a season (after Gelper, Fried and Croux, "Robust forecasting with exponential and Holt-Winters
//! smoothing", Journal of Forecasting 29, 2010), one day after the other, in the order of days.
//!
//! Expected = level × weekday × season of the year × holiday. Residuals beyond the band teach nothing; a week of them
//! on one side is a new level. Only additions, products, quotients and square roots: the same on every machine.

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

//! What the days before the first that is judged teach.

use super::super::scale::Scale;
use super::super::shift::median;
use super::{LEVEL_PACE, Model};

/// Days on both sides of one that show its level, before the first day that is judged.
const WARM_REACH: usize = 10;

impl Model<'_> {
    /// Learns the weekdays, then how far the days lie from the level that days around them have: what a season or a
    /// new level made of it meanwhile is no scatter.
    pub(super) fn warm(&mut self, plain: &[usize]) {
        let days = self.days;
        let by_weekday: Vec<f64> = (0..7)
            .map(|weekday| {
                median(plain.iter().filter(|at| *at % 7 == weekday).filter_map(|at| days[*at].value).collect())
            })
            .collect();
        let mean = by_weekday.iter().sum::<f64>() / 7.0;
        if self.rules.scale == Scale::Amount && mean > 0.0 {
            self.shares = std::array::from_fn(|weekday| by_weekday[weekday] / mean);
            self.weekdays = self.shares;
        }
        let near = |at: usize| plain.iter().copied().filter(move |day| day.abs_diff(at) <= WARM_REACH);
        let level = |model: &Self, at: usize| median(near(at).filter_map(|at| model.level_value(at)).collect());
        #[expect(clippy::cast_precision_loss, reason = "a few days")]
        let count = plain.len() as f64;
        // Residuals of days that made the weekdays and the level are smaller than those of later days will be.
        let weeks = (count / 7.0).max(2.0);
        let wider = ((1.0 + 1.0 / weeks) / (1.0 - 1.0 / weeks)).sqrt();
        for &at in plain {
            self.level = level(self, at);
            self.events = median(near(at).filter_map(|at| self.without_weekday(at, days[at].events)).collect());
            if let (Some(value), Some(level_value)) = (days[at].value, self.level_value(at)) {
                let expected = self.expected(at).0;
                let chance = self.rules.scale.chance(self.expected_events(at, expected));
                let variance = self.variance(chance, expected);
                if let Some(residual) = self.rules.scale.residual(value, expected, variance) {
                    self.spread.keep(residual * wider, chance);
                }
                if self.rules.scale == Scale::Amount && self.level > 0.0 {
                    self.recent[at % 7].push_back((at, self.weekdays[at % 7] * level_value / self.level));
                }
            }
        }
        self.spread.learn();
        if let Some(last) = plain.last() {
            self.level = level(self, *last);
        }
        self.level_days = 1.0 / LEVEL_PACE;
        if self.rules.scale == Scale::Amount {
            self.part_weekdays();
        }
    }
}

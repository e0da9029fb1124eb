//! What is told of a series: days off the expected, and new levels once a week of days agrees.

use super::super::day::{Finding, Judged};
use super::{CLIP, Model, Seen, Told, median};

impl Model<'_> {
    /// Tells a day that is off, unless it only goes on what was told before.
    pub(super) fn tell(&mut self, at: usize, score: f64, outside: bool, judged: &mut [Judged]) {
        let up = score > 0.0;
        let shifted = self.shifted().filter(|(gap, _)| (*gap > 0.0) == up);
        let evident = outside || shifted.is_some();
        if let Some(told) = &self.told
            && told.up == up
            && evident
            && self.stayed_off(told)
        {
            let (first, worse) = (told.at, outside && score.abs() >= 2.0 * told.score.abs());
            judged[first].off_days = at - first + 1;
            if !worse {
                self.learn_shift(at, judged);
                return;
            }
        }
        if evident {
            judged[at].finding = Some(if outside { Finding::Point } else { Finding::Shift });
            judged[at].off_days = 1;
            judged[at].level_change = shifted.filter(|_| !outside).map(|(gap, _)| gap);
            let since = shifted.map_or(at, |(_, since)| since);
            self.told = Some(Told { at, since, up, score });
        } else if self.told.as_ref().is_some_and(|told| at - told.at > self.rules.shift_days) {
            self.told = None;
        }
        self.learn_shift(at, judged);
    }

    /// The days between a finding and today were off on its side too, on the whole.
    fn stayed_off(&self, told: &Told) -> bool {
        let side = if told.up { 1.0 } else { -1.0 };
        let since = self.seen.iter().filter(|seen| seen.at > told.at).rev().skip(1);
        let (mut sum, mut count) = (0.0, 0.0);
        for seen in since {
            sum += side * seen.score.clamp(-CLIP, CLIP);
            count += 1.0;
        }
        sum >= count
    }

    /// The last days, three at least, are off on one side as no chance would have it: by how much, and since when.
    fn shifted(&self) -> Option<(f64, usize)> {
        let days: Vec<Seen> = self.seen.iter().copied().collect();
        (3..=days.len()).find_map(|count| {
            let last = &days[days.len() - count..];
            let gap = median(last.iter().map(|seen| seen.gap).collect());
            (gap.abs() >= self.rules.gap_min && together(last, self.rules.band)).then_some((gap, last[0].at))
        })
    }

    /// A week off on one side is the new level.
    fn learn_shift(&mut self, at: usize, judged: &mut [Judged]) {
        let Some(told) = &self.told else { return };
        if self.seen.len() < self.rules.shift_days || self.seen.front().is_none_or(|first| first.at < told.since) {
            return;
        }
        let days: Vec<Seen> = self.seen.iter().copied().collect();
        let gap = median(days.iter().map(|seen| seen.gap).collect());
        if gap.abs() < self.rules.gap_min || !together(&days, self.rules.band) {
            return;
        }
        let level = median(days.iter().map(|seen| seen.level_value).collect());
        if let Some(told) = self.told.take().filter(|told| told.up == (gap > 0.0)) {
            judged[told.at].finding = Some(Finding::Shift);
            judged[told.at].off_days = at - told.at + 1;
            judged[told.at].level_change = Some(gap);
        }
        if self.level > 0.0 && level > 0.0 {
            self.shifts *= level / self.level;
            self.events *= level / self.level;
        }
        self.level = level;
        #[expect(clippy::cast_precision_loss, reason = "a few days")]
        let count = days.len() as f64;
        self.level_days = count;
        self.residuals.truncate(self.residuals.len().saturating_sub(days.len() - 1));
        self.seen.clear();
        self.refused = [None; 7];
    }
}

/// Whether the scores of days, each counted up to [`CLIP`], add up beyond the band.
fn together(days: &[Seen], band: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a few days")]
    let count = days.len() as f64;
    let sum: f64 = days.iter().map(|seen| seen.score.clamp(-CLIP, CLIP)).sum();
    sum.abs() > band * count.sqrt()
}

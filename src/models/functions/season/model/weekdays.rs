//! The share that each weekday has of a level.

use super::Model;

/// Weeks that make a weekday's share.
const WEEKDAY_WEEKS: usize = 10;

impl Model<'_> {
    pub(super) fn keep_weekday(&mut self, at: usize, share: f64) {
        let recent = &mut self.recent[at % 7];
        recent.push_back((at, share));
        if recent.len() > WEEKDAY_WEEKS {
            recent.pop_front();
        }
        self.set_weekday(at % 7);
    }

    pub(super) fn set_weekday(&mut self, weekday: usize) {
        let mut shares: Vec<f64> = self.recent[weekday].iter().map(|(_, share)| *share).collect();
        if shares.is_empty() {
            return;
        }
        shares.sort_unstable_by(f64::total_cmp);
        let trim = usize::from(shares.len() > 4);
        let kept = &shares[trim..shares.len() - trim];
        #[expect(clippy::cast_precision_loss, reason = "a few weeks")]
        let count = kept.len() as f64;
        self.shares[weekday] = kept.iter().sum::<f64>() / count;
        self.part_weekdays();
    }

    /// Weekdays differ by as much as chance does not explain (James and Stein): those of a shop of a few orders a day
    /// would else be nothing but chance, and its band as much wider. A weekday that is closed stays so.
    pub(super) fn part_weekdays(&mut self) {
        self.weekdays = self.shares;
        let open: Vec<usize> = (0..7).filter(|weekday| self.shares[*weekday] > 0.0).collect();
        if open.len() < 3 {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "seven weekdays and a few weeks")]
        let (count, weeks) = {
            let weeks: usize = open.iter().map(|weekday| self.recent[*weekday].len()).sum();
            (open.len() as f64, (weeks as f64 / open.len() as f64).max(1.0))
        };
        let mean = open.iter().map(|weekday| self.shares[*weekday]).sum::<f64>() / count;
        let off = |weekday: usize| self.shares[weekday] - mean;
        let between = open.iter().map(|weekday| off(*weekday) * off(*weekday)).sum::<f64>() / (count - 1.0);
        let events = Some(self.events).filter(|events| *events > 0.0);
        let day = self.variance(self.rules.scale.chance(events), self.level).total();
        let by_chance = day * mean * mean / weeks;
        let real = if between > by_chance { 1.0 - by_chance / between } else { 0.0 };
        for weekday in open {
            self.weekdays[weekday] = mean + real * (self.shares[weekday] - mean);
        }
    }
}

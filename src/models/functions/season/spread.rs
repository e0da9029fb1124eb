//! How far the days of a series scatter, learned from its own: how many times what chance leaves, how unsteady beyond
//! that, and how far its tails reach.

use std::collections::VecDeque;

use super::scale::Variance;
use super::shift::median;

/// Days whose residuals make the spread.
pub(super) const SPREAD_DAYS: usize = 120;
/// Orders come in clumps, so their chance is up to so many times that of a count; what lies beyond it is unsteadiness,
/// which does not shrink with the number of orders.
const DISPERSION_MAX: f64 = 3.0;
/// Tails reach at most so many times as far as a bell's.
const TAIL_MAX: f64 = 3.0;
/// A residual further off than so many bands is a fault and tells nothing of the spread.
const GROSS: f64 = 2.0;
/// The share of residuals by which a median of deviations knows a spread (its efficiency against a standard deviation).
const EFFICIENCY: f64 = 0.37;
/// Of the correction by Student's t, as much as levels and weekdays that are known leave.
const UNSURE: f64 = 0.75;

/// A residual that was learned, and the variance that chance leaves to it.
#[derive(Debug, Clone, Copy)]
struct Residual {
    off: f64,
    chance: f64,
}

#[derive(Debug)]
pub(super) struct Spread {
    residuals: VecDeque<Residual>,
    /// Least times the variance of a count, and least spread.
    least: f64,
    noise_min: f64,
    /// How many times the variance of a count the days have, and what they have beyond.
    dispersion: f64,
    unsteady: f64,
    /// How much further the tails reach than a bell's.
    tail: f64,
}

impl Spread {
    pub(super) fn new(least: f64, noise_min: f64) -> Self {
        let unsteady = noise_min * noise_min;
        Self { residuals: VecDeque::new(), least, noise_min, dispersion: least, unsteady, tail: 1.0 }
    }

    /// The variance of a day to which chance leaves so much, and which is never steadier than so.
    pub(super) fn variance(&self, chance: f64, noise_min: f64) -> Variance {
        let learned = Variance { chance: self.dispersion * chance, unsteady: self.unsteady };
        let lacking = (noise_min * noise_min - learned.total()).max(0.0);
        Variance { unsteady: learned.unsteady + lacking, ..learned }
    }

    pub(super) fn keep(&mut self, off: f64, chance: f64) {
        self.residuals.push_back(Residual { off, chance });
        if self.residuals.len() > SPREAD_DAYS {
            self.residuals.pop_front();
        }
    }

    /// Keeps a residual, in bands so far off, unless its day was told and a fault beyond doubt; what is beyond one band
    /// counts as one.
    pub(super) fn keep_judged(&mut self, off: f64, chance: f64, bands: f64, told: bool) {
        if !told || bands <= GROSS {
            self.keep(off / bands.max(1.0), chance);
        }
    }

    /// The last days were on another level.
    pub(super) fn forget(&mut self, days: usize) {
        self.residuals.truncate(self.residuals.len().saturating_sub(days));
    }

    pub(super) fn learn(&mut self) {
        let off: Vec<f64> = self.residuals.iter().map(|residual| residual.off).collect();
        let total = middle(&off);
        let chance = median(self.residuals.iter().map(|residual| residual.chance).collect());
        if chance <= 0.0 {
            self.unsteady = total * total;
            self.learn_tail();
            return;
        }
        let by_chance: Vec<f64> = self.residuals.iter().map(|residual| residual.off / residual.chance.sqrt()).collect();
        let times = middle(&by_chance) * middle(&by_chance);
        self.dispersion = times.clamp(self.least, DISPERSION_MAX.max(self.least));
        self.unsteady = if times > self.dispersion { (total * total - self.dispersion * chance).max(0.0) } else { 0.0 };
        self.learn_tail();
    }

    /// How far the clipped residuals scatter, of days that scatter by 1 in their middle, tells how far the tails reach.
    fn learn_tail(&mut self) {
        let scores: Vec<f64> = self
            .residuals
            .iter()
            .map(|residual| {
                let spread = self.variance(residual.chance, self.noise_min).total().sqrt();
                if spread > 0.0 { residual.off / spread } else { 0.0 }
            })
            .collect();
        let ratio = clipped(&scores, 1.0).max(1.0);
        self.tail = (ratio * ratio).min(TAIL_MAX);
    }

    /// By how much a band is wider than that of a bell whose spread is known.
    pub(super) fn widened(&self, band: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a few days")]
        let count = self.residuals.len().max(1) as f64;
        self.tail + UNSURE * (band * band + 1.0) / (4.0 * EFFICIENCY * count)
    }
}

/// The standard deviation of a bell with this median of deviations.
fn middle(off: &[f64]) -> f64 {
    1.4826 * median(off.iter().map(|off| off.abs()).collect())
}

/// The standard deviation of what lies within 2.5 times the middle's, corrected for the clipping.
fn clipped(off: &[f64], middle: f64) -> f64 {
    let reach = 2.5 * middle;
    let squares: f64 = off.iter().map(|off| off.clamp(-reach, reach)).map(|kept| kept * kept).sum();
    #[expect(clippy::cast_precision_loss, reason = "a few days")]
    let count = off.len().max(1) as f64;
    (squares / count).sqrt() / 0.9767
}

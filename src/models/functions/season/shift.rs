//! Whether the last days speak of a new level, and since when.

/// Scores speak for a new level up to so many standard deviations: a single day makes none.
const CLIP: f64 = 3.0;

/// A plain day that was judged: what it would be at the level alone, and how far off it was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) at: usize,
    /// What the day would have been without its weekday.
    pub(super) level_value: f64,
    /// The level of the day, before it was learned from.
    pub(super) level: f64,
    pub(super) score: f64,
    /// Spread of the day.
    pub(super) spread: f64,
    /// How far the level had followed the days by then, as residuals.
    pub(super) followed: f64,
}

/// The best break among the last days.
#[derive(Debug, Clone, Copy)]
pub(super) struct Break {
    /// First day of the new level.
    pub(super) at: usize,
    /// Days since, itself included, that were seen.
    pub(super) days: usize,
    /// The new level.
    pub(super) level: f64,
    /// It against the old one, as a share.
    pub(super) change: f64,
    /// The days' scores together, as of one day.
    pub(super) score: f64,
}

/// The day since which the scores together lie furthest off, those of at least `least` days. What the level has followed
/// meanwhile is taken back; `unsure` is the level's own variance against a day's.
pub(super) fn best_break(days: &[Seen], least: usize, unsure: f64) -> Option<Break> {
    let (mut best, mut best_score): (Option<Break>, f64) = (None, 0.0);
    for first in 0..(days.len() + 1).saturating_sub(least) {
        let since = &days[first..];
        let then = since[0];
        let sum: f64 = since
            .iter()
            .map(|seen| (seen.score + (seen.followed - then.followed) / seen.spread).clamp(-CLIP, CLIP))
            .sum();
        #[expect(clippy::cast_precision_loss, reason = "a few days")]
        let count = since.len() as f64;
        let score = sum / (count + count * count * unsure).sqrt();
        if score.abs() > best_score.abs() {
            let level = median(since.iter().map(|seen| seen.level_value).collect());
            let change =
                if then.level == 0.0 { f64::INFINITY * sum.signum() } else { (level - then.level) / then.level.abs() };
            best = Some(Break { at: then.at, days: since.len(), level, change, score });
            best_score = score;
        }
    }
    best
}

pub(super) fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { f64::midpoint(values[half - 1], values[half]) }
}

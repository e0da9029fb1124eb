//! What is told of a series: a day, or a new level, once each.

use super::super::day::{Finding, Judged};
use super::super::shift::{Break, best_break};
use super::Model;

/// A day speaks for or against a finding's going on up to so many standard deviations.
const CLIP: f64 = 3.0;
/// So much evidence against it ends a finding: two ordinary days.
const ENDED: f64 = 4.0;
/// Days that make a level, at least.
const LEVEL_DAYS: usize = 3;
/// The variance of a smoothed level against that of a day, as far as trends and seasons leave it.
const UNSURE: f64 = 0.13;

/// A finding that still goes on.
#[derive(Debug)]
pub(super) struct Told {
    /// Its day.
    at: usize,
    /// The day on which it was first told, and the last that was off.
    first_day: usize,
    last: usize,
    up: bool,
    /// A new level, not a day.
    level: bool,
    score: f64,
    /// What the days after it say for its going on, and the most that they said.
    evidence: f64,
    most: f64,
}

impl Told {
    fn day(at: usize, score: f64) -> Self {
        let up = score > 0.0;
        Self { at, first_day: at, last: at, up, level: false, score: score.abs(), evidence: 0.0, most: 0.0 }
    }

    pub(super) fn is_level(&self) -> bool {
        self.level
    }

    /// A day of two deviations on its side speaks for it as much as an ordinary one against it.
    fn hear(&mut self, score: f64) {
        let side = if self.up { score } else { -score };
        self.evidence += 2.0 * (side.clamp(-CLIP, CLIP) - 1.0);
        self.most = self.most.max(self.evidence);
    }

    fn has_ended(&self) -> bool {
        self.evidence <= self.most - ENDED
    }
}

impl Model<'_> {
    /// Tells a plain day that is off, unless it only goes on, and a new level as soon as the days speak of one.
    pub(super) fn tell(&mut self, at: usize, score: f64, outside: bool, judged: &mut [Judged]) {
        let (up, week) = (score > 0.0, self.rules.shift_days);
        self.told = self.told.take().filter(|told| at - told.last <= week);
        self.seen.retain(|seen| at - seen.at <= 3 * week);
        if let Some(told) = &mut self.told {
            told.hear(score);
        }
        self.told = self.told.take().filter(|told| !told.has_ended());
        if outside {
            let goes_on = self.told.as_mut().filter(|told| told.up == up).is_some_and(|told| {
                told.last = at;
                judged[told.at].off_days = at - told.at + 1;
                score.abs() < 2.0 * told.score
            });
            if !goes_on {
                judged[at].tell(Finding::Point, at, 1);
                self.told = Some(Told::day(at, score));
            }
        }
        let unsure = UNSURE.max(1.0 / self.level_days);
        let found = best_break(self.seen.make_contiguous(), LEVEL_DAYS, unsure)
            .filter(|found| found.score.abs() > self.rules.shift_band && found.change.abs() >= self.rules.gap_min);
        if let Some(found) = found {
            self.tell_level(at, found, judged);
        }
    }

    /// A new level takes the place of the days that were told of it; once a week old, it is learned.
    fn tell_level(&mut self, at: usize, found: Break, judged: &mut [Judged]) {
        let up = found.score > 0.0;
        let mut first_day = at;
        let told = self.told.take().filter(|told| told.up == up);
        for day in told.iter().map(|told| told.at).chain(found.at..=at) {
            if judged[day].finding.is_some() && (judged[day].score > 0.0) == up {
                first_day = first_day.min(judged[day].told_at);
                judged[day].finding = None;
                judged[day].level_change = None;
            }
        }
        first_day = told.map_or(first_day, |told| first_day.min(told.first_day));
        judged[found.at].tell(Finding::Shift, first_day, at - found.at + 1);
        judged[found.at].level_change = Some(found.change);
        if found.days < self.rules.shift_days {
            let score = judged[found.at].score.abs().max(self.rules.band);
            self.told = Some(Told { first_day, last: at, up, level: true, ..Told::day(found.at, score) });
        } else {
            self.learn_level(&found);
        }
    }
}

impl Judged {
    /// Days that only go on are counted, not told again.
    pub(super) fn tell(&mut self, finding: Finding, first_day: usize, off_days: usize) {
        self.finding = Some(finding);
        self.told_at = first_day;
        self.off_days = off_days;
    }
}

//! The state of one series between two days: what it has learned.

mod telling;
mod warm;
mod weekdays;

use std::collections::VecDeque;

use super::day::{Day, Finding, Judged, Rules, Unjudged};
use super::scale::{Scale, Variance};
use super::shift::{Break, Seen};
use super::spread::{SPREAD_DAYS, Spread};
use telling::Told;

/// Share of a day's news that enters the level.
const LEVEL_PACE: f64 = 0.10;
/// Days of knowledge that a level loses with every day that teaches nothing, and what remains in the end.
const AGEING: f64 = 0.5;
const LEVEL_DAYS_MIN: f64 = 4.0;
/// Residuals teach up to so many standard deviations.
const CLIP: f64 = 2.0;
/// Days by which a level that was smoothed backwards trails.
const LAG: usize = 9;

pub(super) struct Model<'a> {
    days: &'a [Day],
    rules: &'a Rules,
    level: f64,
    /// Days in the level since it was last set.
    level_days: f64,
    events: f64,
    /// Shares of the seven weekdays by position modulo 7: what is expected of them, what they had, and of which days.
    weekdays: [f64; 7],
    shares: [f64; 7],
    recent: [VecDeque<(usize, f64)>; 7],
    /// A day that was left out of its weekday because it was off, and on which side.
    refused: [Option<(usize, f64, bool)>; 7],
    spread: Spread,
    /// How far the level has followed the days, as residuals.
    followed: f64,
    /// Level after each day, without the shifts that were told.
    curve: Vec<Option<f64>>,
    shifts: f64,
    /// Holidays' values against their level.
    effects: Vec<Option<f64>>,
    /// The last plain days that were judged, and the finding that goes on.
    seen: VecDeque<Seen>,
    told: Option<Told>,
    /// Days that are learned from before the first is judged.
    warm_up: usize,
}

impl<'a> Model<'a> {
    /// Learns the level and the weekdays from the first days.
    pub(super) fn begin(days: &'a [Day], rules: &'a Rules) -> Option<Self> {
        let known = |at: usize| days[at].value.is_some() && is_plain(days, at);
        let enough = (0..days.len()).filter(|at| known(*at)).nth(rules.history_days / 2)?;
        let warm_up = rules.history_days.max(enough);
        if days.len() <= warm_up {
            return None;
        }
        let mut model = Self {
            days,
            rules,
            level: 0.0,
            level_days: 0.0,
            events: 0.0,
            weekdays: [1.0; 7],
            shares: [1.0; 7],
            recent: Default::default(),
            refused: [None; 7],
            spread: Spread::new(
                if rules.scale == Scale::Price { 0.0 } else { rules.dispersion },
                if rules.scale == Scale::Rate { 0.0 } else { rules.noise_min },
            ),
            followed: 0.0,
            curve: vec![None; days.len()],
            shifts: 1.0,
            effects: vec![None; days.len()],
            seen: VecDeque::new(),
            told: None,
            warm_up,
        };
        let plain: Vec<usize> = (0..warm_up).filter(|at| known(*at)).collect();
        model.warm(&plain);
        Some(model)
    }

    /// A day's value without its weekday.
    fn level_value(&self, at: usize) -> Option<f64> {
        self.without_weekday(at, self.days[at].value)
    }

    fn without_weekday(&self, at: usize, value: Option<f64>) -> Option<f64> {
        let share = self.weekdays[at % 7];
        (share > 0.0).then_some(value? / share)
    }

    /// What is expected, and from how many earlier years a holiday is known.
    fn expected(&self, at: usize) -> (f64, usize) {
        let plain = self.level * self.weekdays[at % 7];
        if self.rules.scale == Scale::Rate {
            // A level that comes down to nothing may miss it by a rounding.
            return (plain.max(0.0), 0);
        }
        if !self.days[at].holiday {
            return (plain, 0);
        }
        let (mut sum, mut years, mut day) = (0.0, 0, at);
        while let Some(mirror) = self.days[day].mirror.filter(|mirror| *mirror < day) {
            let Some(effect) = self.effects[mirror] else { break };
            sum += effect;
            years += 1;
            day = mirror;
        }
        #[expect(clippy::cast_precision_loss, reason = "a few years")]
        let effect = if years == 0 { 1.0 } else { sum / years as f64 };
        (plain * effect, years)
    }

    fn variance(&self, chance: f64, expected: f64) -> Variance {
        let noise_min = self.rules.noise_min * if self.rules.scale == Scale::Rate { expected } else { 1.0 };
        self.spread.variance(chance, noise_min)
    }

    /// Events behind what is expected. Of a price they are never more than it had.
    fn expected_events(&self, at: usize, expected: f64) -> Option<f64> {
        let today = self.days[at].events?;
        Some(match self.rules.scale {
            Scale::Amount if self.level > 0.0 => self.events * expected / self.level,
            Scale::Amount | Scale::Rate => self.events,
            Scale::Price => self.events.min(today),
        })
    }

    /// The variance of a day. Of one that rose it is that of the fewer events: a day that a few large orders made says
    /// little.
    fn day_variance(&self, at: usize, expected: f64, events: Option<f64>) -> Variance {
        let rose = self.rules.scale == Scale::Amount && self.days[at].value > Some(expected);
        let fewer = if rose { events.zip(self.days[at].events).map(|(usual, today)| usual.min(today)) } else { events };
        self.variance(self.rules.scale.chance(fewer), expected)
    }

    /// The band around the expected value, before the day is learned from.
    pub(super) fn judge(&mut self, at: usize) -> Judged {
        if at < self.warm_up {
            return Judged::not(Unjudged::ShortHistory);
        }
        self.level *= self.drift(at);
        let (expected, years) = self.expected(at);
        let Some(value) = self.days[at].value else { return Judged::not(Unjudged::NoValue) };
        if self.rules.scale != Scale::Rate && expected <= 0.0 {
            return Judged::not(Unjudged::NothingExpected);
        }
        let events = self.expected_events(at, expected);
        if self.rules.scale != Scale::Rate && events.is_some_and(|events| events < self.rules.events_min) {
            return Judged::not(Unjudged::FewEvents);
        }
        let variance = self.day_variance(at, expected, events);
        let mut wide = variance.total() * self.uncertainty();
        if years > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a few years")]
            let years = years as f64;
            wide = wide * (1.0 + 1.0 / years) + self.rules.holiday_noise * self.rules.holiday_noise;
        }
        let spread = wide.sqrt();
        let score = |value: f64| {
            let off = self.rules.scale.residual(value, expected, variance).unwrap_or(0.0);
            let by_spread = if spread > 0.0 {
                off / spread
            } else if off == 0.0 {
                0.0
            } else {
                off.signum() * f64::MAX
            };
            if value > expected { by_spread.min(self.score_of_count(at, value, expected)) } else { by_spread }
        };
        let rest = if value > expected {
            self.days[at].without_order.map_or(value, |rest| rest.clamp(expected, value))
        } else {
            self.days[at].without_return.map_or(value, |rest| rest.clamp(value, expected))
        };
        let reach = self.rules.band * self.spread.widened(self.rules.band);
        let end = |reach: f64| self.rules.scale.value(reach * spread, expected, variance);
        // Where nothing is below zero, nor is the band.
        let lower = if value >= 0.0 { end(-reach).max(0.0) } else { end(-reach) };
        Judged {
            expected,
            lower,
            upper: end(reach),
            score: score(value),
            bands: score(value).abs().min(score(rest).abs()) / reach,
            rest: score(rest),
            unjudged: None,
            holiday_known: years > 0,
            ..Judged::not(Unjudged::NoValue)
        }
    }

    /// A rate that rose is that of so many events (returns), and lies no further off than their number does.
    fn score_of_count(&self, at: usize, value: f64, expected: f64) -> f64 {
        let Some(today) = self.days[at].events.filter(|_| self.rules.scale == Scale::Rate) else { return f64::MAX };
        // Where there were none yet, half a one may have been due.
        let usual = (today * expected / value).max(self.events).max(0.5);
        let variance = Variance { chance: 1.0 / (usual + 0.5), unsteady: 0.0 };
        Scale::Amount.residual(today, usual, variance).map_or(f64::MAX, |off| off / variance.total().sqrt())
    }

    /// By how much the level is less certain than one that was smoothed for long: that of n days has 1.5 / n of a day's
    /// variance, and residuals hold that of the usual n already.
    fn uncertainty(&self) -> f64 {
        let usual = 1.0 + 1.5 * LEVEL_PACE;
        (1.0 + 1.5 / self.level_days.clamp(1.0, 1.0 / LEVEL_PACE)) / usual
    }

    /// What last year's curve did from the day before to this one.
    fn drift(&self, at: usize) -> f64 {
        let curve = |at: usize| {
            let mirror = self.days[at].mirror? + LAG;
            if mirror >= at { None } else { self.curve[mirror] }
        };
        match (curve(at), at.checked_sub(1).and_then(curve)) {
            (Some(today), Some(before)) if before > 0.0 => (today / before).clamp(0.95, 1.05),
            _ => 1.0,
        }
    }

    /// Tells what has to be told, then learns.
    pub(super) fn learn(&mut self, at: usize, judged: &mut [Judged]) {
        let today = judged[at];
        let value = self.days[at].value;
        if let (Some(value), true, true) = (value, self.days[at].holiday, self.level * self.weekdays[at % 7] > 0.0) {
            self.effects[at] = Some(value / (self.level * self.weekdays[at % 7]));
        }
        if at < self.warm_up {
            self.curve[at] = Some(self.level);
            return;
        }
        let is_plain = is_plain(self.days, at);
        if today.unjudged.is_none() {
            let value = value.unwrap_or(0.0);
            let far = (value - today.expected).abs() >= self.rules.gap_min * today.expected.abs();
            let outside = far && today.bands > 1.0;
            if is_plain {
                self.see(at, &today);
                self.tell(at, today.score, outside, judged);
                self.smooth(at, &today, outside);
            } else if outside {
                judged[at].tell(Finding::Point, at, 1);
            }
        } else if is_plain && self.rules.scale == Scale::Amount && self.level > 0.0 {
            // A weekday on which nothing was expected may begin to sell.
            if let Some(value) = value {
                self.keep_weekday(at, value / self.level);
            }
        }
        if !is_plain {
            // The level ages over days that teach nothing.
            self.level_days = (self.level_days.min(1.0 / LEVEL_PACE) - AGEING).max(LEVEL_DAYS_MIN);
        }
        self.curve[at] = Some(self.level / self.shifts);
    }

    /// Keeps what a plain day says of the level. Rising days speak by what is left of them without their tails.
    fn see(&mut self, at: usize, today: &Judged) {
        let spread = (self.day_variance(at, today.expected, self.expected_events(at, today.expected)).total()
            * self.uncertainty())
        .sqrt();
        let widened = if today.rest > 0.0 { self.spread.widened(self.rules.band) } else { 1.0 };
        self.seen.push_back(Seen {
            at,
            level_value: self.level_value(at).unwrap_or(self.level),
            level: self.level,
            score: today.rest / widened,
            spread,
            followed: self.followed,
        });
        if self.seen.len() > 2 * self.rules.shift_days {
            self.seen.pop_front();
        }
    }

    /// From here on the new level is how things are.
    fn learn_level(&mut self, found: &Break) {
        if self.level > 0.0 && found.level > 0.0 {
            let change = found.level / self.level;
            self.shifts *= change;
            self.events *= change;
            // What the days since were of the old level.
            self.recent.iter_mut().flatten().filter(|(at, _)| *at >= found.at).for_each(|(_, share)| *share /= change);
            (0..7).for_each(|weekday| self.set_weekday(weekday));
        }
        self.level = found.level;
        #[expect(clippy::cast_precision_loss, reason = "a few days")]
        let count = found.days as f64;
        self.level_days = count;
        self.spread.forget(found.days - 1);
        self.seen.clear();
        self.refused = [None; 7];
    }

    /// Level, weekday and spread move a little towards the day.
    fn smooth(&mut self, at: usize, today: &Judged, outside: bool) {
        let Some(value) = self.days[at].value else { return };
        let chance = self.rules.scale.chance(self.expected_events(at, today.expected));
        let variance = self.variance(chance, today.expected);
        let Some(residual) = self.rules.scale.residual(value, today.expected, variance) else { return };
        let spread = variance.total().sqrt();
        let bands = if spread > 0.0 { residual.abs() / (self.rules.band * spread) } else { 0.0 };
        self.spread.keep_judged(residual, chance, bands, outside);
        self.spread.learn();
        if self.rules.scale == Scale::Amount && self.level > 0.0 {
            let share = value / self.level;
            if outside && !self.told.as_ref().is_some_and(Told::is_level) {
                // The same weekday off on the same side twice is how that weekday is now.
                let up = residual > 0.0;
                match self.refused[at % 7].replace((at, share, up)) {
                    Some((day, before, side)) if side == up => {
                        self.refused[at % 7] = None;
                        self.recent[at % 7] = VecDeque::from([(day, before), (at, share)]);
                        self.set_weekday(at % 7);
                    }
                    _ => {}
                }
            } else if !outside {
                self.refused[at % 7] = None;
                self.keep_weekday(at, share);
            }
        }
        if outside || self.told.is_some() {
            return;
        }
        self.level_days += 1.0;
        let pace = LEVEL_PACE.max(1.0 / self.level_days);
        let clipped = residual.clamp(-CLIP * spread, CLIP * spread);
        self.followed += pace * clipped;
        let step = match self.rules.scale {
            Scale::Rate => clipped,
            scale => scale.value(clipped, self.level, variance) - self.level,
        };
        self.level += pace * step;
        if let Some(events) = self.without_weekday(at, self.days[at].events) {
            self.events += pace * (events - self.events);
        }
    }
}

/// A day that level and weekdays are learned from. Promotions that are the rule are plain days.
fn is_plain(days: &[Day], at: usize) -> bool {
    let day = days[at];
    if day.holiday || day.incomplete {
        return false;
    }
    if !day.promotion {
        return true;
    }
    let from = at.saturating_sub(SPREAD_DAYS / 2);
    let promoted = days[from..=at].iter().filter(|day| day.promotion).count();
    promoted * 2 > at - from
}

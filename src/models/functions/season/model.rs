//! The state of one series between two days: what it has learned, what it has told.

use std::collections::VecDeque;

use super::detect::{Day, Finding, Judged, Rules, Scale, Unjudged};
use super::scale::Variance;
use super::shift::{Break, Seen, best_break, median};

/// Share of a day's news that enters the level.
const LEVEL_PACE: f64 = 0.10;
/// Days of knowledge that a level loses with every day that teaches nothing, and what remains in the end.
const AGEING: f64 = 0.5;
const LEVEL_DAYS_MIN: f64 = 4.0;
/// Days whose residuals make the spread.
const SPREAD_DAYS: usize = 120;
/// Weeks that make a weekday's share.
const WEEKDAY_WEEKS: usize = 10;
/// Residuals teach up to so many standard deviations.
const CLIP: f64 = 2.0;
const CLIP_DAY: f64 = 3.0;
/// So much evidence against it ends a finding: two ordinary days.
const ENDED: f64 = 4.0;
/// Days by which a level that was smoothed backwards trails.
const LAG: usize = 9;

/// A finding that still goes on.
struct Told {
    at: usize,
    first_told: usize,
    /// The last day that was off.
    last: usize,
    up: bool,
    score: f64,
    /// What the days after it say for its going on, and the most that they said.
    evidence: f64,
    most: f64,
}

/// A residual that was learned, and the variance that chance left to it.
#[derive(Clone, Copy)]
struct Residual {
    value: f64,
    chance: f64,
}

pub(super) struct Model<'a> {
    days: &'a [Day],
    rules: &'a Rules,
    level: f64,
    /// Days in the level since it was last set.
    level_days: f64,
    events: f64,
    /// Shares of the seven weekdays by position modulo 7, and what they were lately.
    weekdays: [f64; 7],
    recent: [VecDeque<f64>; 7],
    /// A day that was left out of its weekday because it was off, and on which side.
    refused: [Option<(f64, bool)>; 7],
    residuals: VecDeque<Residual>,
    /// How many times the variance that chance leaves the days have, and what they have where chance plays no part.
    dispersion: f64,
    unsteady: f64,
    /// How much further the tails reach than the middle tells.
    tail: f64,
    /// How far the level has followed the days, as residuals.
    followed: f64,
    /// Level after each day, without the shifts that were told.
    curve: Vec<Option<f64>>,
    shifts: f64,
    /// Holidays' values against their level.
    effects: Vec<Option<f64>>,
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
            recent: Default::default(),
            refused: [None; 7],
            residuals: VecDeque::new(),
            dispersion: rules.dispersion,
            unsteady: rules.noise_min * rules.noise_min,
            followed: 0.0,
            tail: 1.0,
            curve: vec![None; days.len()],
            shifts: 1.0,
            effects: vec![None; days.len()],
            seen: VecDeque::new(),
            told: None,
            warm_up,
        };
        let plain: Vec<usize> = (0..warm_up).filter(|at| known(*at)).collect();
        let by_weekday: Vec<f64> = (0..7)
            .map(|weekday| {
                median(plain.iter().filter(|at| *at % 7 == weekday).filter_map(|at| days[*at].value).collect())
            })
            .collect();
        let mean = by_weekday.iter().sum::<f64>() / 7.0;
        if rules.scale == Scale::Amount && mean > 0.0 {
            for (weekday, value) in by_weekday.iter().enumerate() {
                model.weekdays[weekday] = value / mean;
            }
        }
        model.level = median(plain.iter().filter_map(|at| model.level_value(*at)).collect());
        model.events = median(plain.iter().filter_map(|at| model.without_weekday(*at, days[*at].events)).collect());
        #[expect(clippy::cast_precision_loss, reason = "a few days")]
        let count = plain.len() as f64;
        model.level_days = count.min(28.0);
        // Residuals of days that made the weekdays are smaller than those of later days will be.
        let weeks = (count / 7.0).max(2.0);
        let wider = ((1.0 + 1.0 / weeks) / (1.0 - 1.0 / weeks)).sqrt();
        for at in plain {
            if let (Some(value), Some(level)) = (days[at].value, model.level_value(at)) {
                let expected = model.expected(at).0;
                let (chance, variance) = model.variance(at, expected);
                if let Some(residual) = rules.scale.residual(value, expected, variance) {
                    model.residuals.push_back(Residual { value: residual * wider, chance });
                }
                if model.level > 0.0 {
                    model.recent[at % 7].push_back(model.weekdays[at % 7] * level / model.level);
                }
            }
        }
        model.learn_spread();
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
        if !self.days[at].holiday || self.rules.scale == Scale::Rate {
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

    /// The variance that chance leaves to a day's residual, and the one that it has.
    fn variance(&self, at: usize, expected: f64) -> (f64, Variance) {
        let chance = self.rules.scale.chance(self.expected_events(at, expected));
        (chance, self.variance_of(chance, expected))
    }

    fn variance_of(&self, chance: f64, expected: f64) -> Variance {
        let least = self.rules.noise_min * if self.rules.scale == Scale::Rate { expected } else { 1.0 };
        let mut made = Variance { chance: self.dispersion * chance, unsteady: self.unsteady };
        made.unsteady += (least * least - made.total()).max(0.0);
        made
    }

    fn learn_spread(&mut self) {
        let values: Vec<f64> = self.residuals.iter().map(|residual| residual.value).collect();
        let clipped = spread(&values);
        let spread = |v: &[f64]| 1.4826 * median(v.iter().map(|x| x.abs()).collect());
        let tp = std::env::var("TP").ok().and_then(|v| v.parse::<f64>().ok()).unwrap_or(1.5);
        self.tail = (clipped / spread(&values).max(1e-9)).max(1.0).powf(tp).min(3.0);
        let total = spread(&values);
        let chance = median(self.residuals.iter().map(|residual| residual.chance).collect());
        let floor = if self.rules.scale == Scale::Price { 0.0 } else { self.rules.dispersion };
        if chance <= 0.0 {
            self.unsteady = total * total;
            return;
        }
        let cap = 3.0_f64;
        let standard: Vec<f64> = self.residuals.iter().map(|r| r.value / r.chance.sqrt()).collect();
        let learned = spread(&standard);
        self.dispersion = (learned * learned).max(floor).min(cap.max(floor));
        self.unsteady = if learned * learned <= self.dispersion { 0.0 } else { (total * total - self.dispersion * chance).max(0.0) };
    }

    fn expected_events(&self, at: usize, expected: f64) -> Option<f64> {
        let today = self.days[at].events?;
        Some(match self.rules.scale {
            Scale::Amount if self.level > 0.0 => self.events * expected / self.level,
            Scale::Amount => self.events,
            _ => self.events.min(today),
        })
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
        let (_, mut variance) = self.variance(at, expected);
        if let (Some(events), Some(today), true) = (events, self.days[at].events, value > expected) {
            if today < events && self.rules.scale == Scale::Amount {
                variance = self.variance_of(self.rules.scale.chance(Some(today)), expected);
            }
        }
        let mut wide = variance.total() * self.uncertainty();
        if years > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a few years")]
            let years = years as f64;
            wide = wide * (1.0 + 1.0 / years) + self.rules.holiday_noise * self.rules.holiday_noise;
        }
        let spread = wide.sqrt();
        let residual = self.rules.scale.residual(value, expected, variance).unwrap_or(0.0);
        let (low, high) = self.days[at].without_largest;
        let rest = if value > expected { value.min(low).max(expected) } else { value.max(high).min(expected) };
        let rest = self.rules.scale.residual(rest, expected, variance).unwrap_or(0.0) / spread;
        let n = self.residuals.len() as f64;
        let t = std::env::var("T").ok().and_then(|v| v.parse::<f64>().ok()).unwrap_or(1.0);
        let sure = self.tail + t * (self.rules.band * self.rules.band + 1.0) / (4.0 * 0.37 * n);
        let spread = spread * 1.0;
        let reach = self.rules.band * spread * sure;
        let end = |reach: f64| self.rules.scale.value(reach, expected, variance);
        let (lower, upper) = (end(-reach), end(reach));
        // Where nothing is below zero, nor is the band.
        let lower = if value >= 0.0 { lower.max(0.0) } else { lower };
        let mut score = if spread > 0.0 { residual / spread } else { 0.0 };
        if self.rules.scale == Scale::Rate && value > expected && let Some(k) = self.days[at].events {
            let m = (k * expected.max(0.001) / value).max(self.events);
            let v = Variance { chance: 1.0 / (m + 0.5), unsteady: 0.0 };
            let z = Scale::Amount.residual(k, m, v).unwrap_or(0.0) / v.total().sqrt();
            score = score.min(z);
        }
        Judged {
            expected,
            lower,
            upper,
            score,
            unjudged: None,
            rest,
            sure,
            holiday_known: years > 0,
            ..Judged::not(Unjudged::NoValue)
        }
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
            let outside = far && today.score.abs() > self.rules.band * today.sure && today.rest.abs() > self.rules.band * today.sure;
            if is_plain {
                let level_value = self.level_value(at).unwrap_or(self.level);
                let spread = (self.variance(at, today.expected).1.total() * self.uncertainty()).sqrt();
                self.seen.push_back(Seen { at, level_value, level: self.level, score: if today.rest < 0.0 && std::env::var("OLD").is_err() { today.rest } else { today.rest / today.sure }, spread, followed: self.followed });
                if self.seen.len() > 2 * self.rules.shift_days {
                    self.seen.pop_front();
                }
                self.tell(at, today.score, outside, judged);
                self.smooth(at, today, outside);
            } else if outside {
                judged[at].finding = Some(Finding::Point);
                judged[at].off_days = 1;
                judged[at].told_at = at;
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

    fn tell(&mut self, at: usize, score: f64, outside: bool, judged: &mut [Judged]) {
        let up = score > 0.0;
        let age = self.rules.shift_days;
        self.told = self.told.take().filter(|told| at - told.last <= age);
        while self.seen.front().is_some_and(|seen| at - seen.at > 3 * age) {
            self.seen.pop_front();
        }
        if let Some(told) = &mut self.told {
            let side = if told.up { score } else { -score };
            // For days two deviations off against ordinary ones.
            told.evidence += 2.0 * (side.clamp(-CLIP_DAY, CLIP_DAY) - 1.0);
            told.most = told.most.max(told.evidence);
            let ended = told.evidence <= told.most - ENDED;
            if ended {
                self.told = None;
            }
        }
        if outside {
            let goes_on = self.told.as_ref().is_some_and(|told| told.up == up && score.abs() < 2.0 * told.score.abs());
            if goes_on {
                self.last_day(at, judged);
            } else {
                judged[at].finding = Some(Finding::Point);
                judged[at].off_days = 1;
                judged[at].told_at = at;
                self.told = Some(Told { at, first_told: at, last: at, up, score, evidence: 0.0, most: 0.0 });
            }
        }
        let days: Vec<Seen> = self.seen.iter().copied().collect();
        let un = std::env::var("UN").ok().and_then(|v| v.parse::<f64>().ok()).unwrap_or(0.1);
        let unsure = (1.0 / self.level_days).max(un);
        let band = std::env::var("SB").ok().and_then(|v| v.parse().ok()).unwrap_or(1.25) * self.rules.band;
        let found = best_break(&days, 3, unsure)
            .filter(|found| found.score.abs() > band && found.change.abs() >= self.rules.gap_min);
        if let Some(found) = found {
            self.tell_shift(at, found, judged);
        }
    }

    fn last_day(&mut self, at: usize, judged: &mut [Judged]) {
        if let Some(told) = &mut self.told {
            told.last = at;
            judged[told.at].off_days = at - told.at + 1;
        }
    }

    /// A new level takes the place of the days that were told of it, and is learned once it is a week old.
    fn tell_shift(&mut self, at: usize, found: Break, judged: &mut [Judged]) {
        let up = found.score > 0.0;
        let mut first_told = at;
        if let Some(told) = self.told.take().filter(|told| told.up == up) {
            first_told = told.first_told;
            judged[told.at].finding = None;
            judged[told.at].off_days = 0;
        }
        for day in found.at..=at {
            if judged[day].finding.is_some() && (judged[day].score > 0.0) == up {
                first_told = first_told.min(judged[day].told_at);
                judged[day].finding = None;
                judged[day].off_days = 0;
            }
        }
        judged[found.at].finding = Some(Finding::Shift);
        judged[found.at].off_days = at - found.at + 1;
        judged[found.at].level_change = Some(found.change);
        judged[found.at].told_at = first_told;
        self.told = Some(Told { at: found.at, first_told, last: at, up, score: judged[found.at].score.abs().max(self.rules.band), evidence: 0.0, most: 0.0 });
        if found.days < self.rules.shift_days {
            return;
        }
        self.told = None;
        if self.level > 0.0 && found.level > 0.0 {
            self.shifts *= found.level / self.level;
            self.events *= found.level / self.level;
        }
        self.level = found.level;
        #[expect(clippy::cast_precision_loss, reason = "a few days")]
        let count = found.days as f64;
        self.level_days = count;
        self.residuals.truncate(self.residuals.len().saturating_sub(found.days - 1));
        self.seen.clear();
        self.refused = [None; 7];
    }

    /// Level, weekday and spread move a little towards the day.
    fn smooth(&mut self, at: usize, today: Judged, outside: bool) {
        let Some(value) = self.days[at].value else { return };
        let (chance, variance) = self.variance(at, today.expected);
        let Some(residual) = self.rules.scale.residual(value, today.expected, variance) else { return };
        let spread = variance.total().sqrt();
        let reach = self.rules.band * spread;
        let gross = std::env::var("GR").ok().and_then(|v| v.parse::<f64>().ok()).unwrap_or(2.0);
        if !(outside && today.score.abs() > gross * self.rules.band) {
            self.residuals.push_back(Residual { value: residual.clamp(-reach, reach), chance });
        }
        if self.residuals.len() > SPREAD_DAYS {
            self.residuals.pop_front();
        }
        self.learn_spread();
        if self.rules.scale == Scale::Amount && self.level > 0.0 {
            let share = value / self.level;
            if outside {
                // The same weekday off on the same side twice is how that weekday is now.
                let up = residual > 0.0;
                match self.refused[at % 7].replace((share, up)) {
                    Some((before, side)) if side == up => {
                        self.refused[at % 7] = None;
                        self.recent[at % 7] = VecDeque::from([before, share]);
                        self.set_weekday(at % 7);
                    }
                    _ => {}
                }
            } else {
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

    fn keep_weekday(&mut self, at: usize, share: f64) {
        let recent = &mut self.recent[at % 7];
        recent.push_back(share);
        if recent.len() > WEEKDAY_WEEKS {
            recent.pop_front();
        }
        self.set_weekday(at % 7);
    }

    fn set_weekday(&mut self, weekday: usize) {
        let mut shares: Vec<f64> = self.recent[weekday].iter().copied().collect();
        shares.sort_unstable_by(f64::total_cmp);
        let trim = usize::from(shares.len() > 4);
        let kept = &shares[trim..shares.len() - trim];
        #[expect(clippy::cast_precision_loss, reason = "a few weeks")]
        let count = kept.len() as f64;
        self.weekdays[weekday] = kept.iter().sum::<f64>() / count;
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

/// The robust standard deviation of residuals: of those within 2.5 times their MAD's, corrected for the clipping.
fn spread(residuals: &[f64]) -> f64 {
    let first = 1.4826 * median(residuals.iter().map(|residual| residual.abs()).collect());
    let reach = 2.5 * first;
    let squares: f64 = residuals.iter().map(|residual| residual.clamp(-reach, reach)).map(|kept| kept * kept).sum();
    #[expect(clippy::cast_precision_loss, reason = "a few days")]
    let count = residuals.len().max(1) as f64;
    (squares / count).sqrt() / 0.9767
}

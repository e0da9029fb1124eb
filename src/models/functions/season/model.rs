//! The state of one series between two days: what it has learned, what it has told.

mod telling;

use std::collections::VecDeque;

use super::day::{Day, Finding, Judged, Rules, Scale, Unjudged};

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
/// Days by which a level that was smoothed backwards trails.
const LAG: usize = 9;

/// A finding that still goes on.
struct Told {
    at: usize,
    /// The first of the days that made it evident.
    since: usize,
    up: bool,
    score: f64,
}

/// A plain day that was judged: what it would be at the level alone, and how far off it was.
#[derive(Clone, Copy)]
struct Seen {
    at: usize,
    level_value: f64,
    gap: f64,
    score: f64,
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
    residuals: VecDeque<f64>,
    spread: f64,
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
            spread: 0.0,
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
                if let Some(residual) = model.residual(value, expected) {
                    model.residuals.push_back(residual * wider);
                }
                if model.level > 0.0 {
                    model.recent[at % 7].push_back(model.weekdays[at % 7] * level / model.level);
                }
            }
        }
        model.spread = spread(&model.residuals);
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

    fn residual(&self, value: f64, expected: f64) -> Option<f64> {
        match self.rules.scale {
            Scale::Rate => Some(value - expected),
            _ if expected <= 0.0 => None,
            Scale::Price => Some(value / expected - 1.0),
            Scale::Amount => Some(value.abs().sqrt() / expected.sqrt() * value.signum() - 1.0),
        }
    }

    /// The least spread that chance leaves to so many events.
    fn floor(&self, expected: f64, events: Option<f64>) -> f64 {
        let chance = events.map_or(0.0, |events| (2.0 / events.max(1.0)).sqrt());
        match self.rules.scale {
            Scale::Amount => self.rules.noise_min.max(chance) / 2.0,
            Scale::Price => self.rules.noise_min.max(chance),
            Scale::Rate => {
                let events = events.unwrap_or(f64::INFINITY).max(1.0);
                let share = expected.max(1.0 / events).min(1.0);
                (2.0 * share * (1.0 - share) / events).sqrt().max(self.rules.noise_min * expected)
            }
        }
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
        let Some(residual) = self.residual(value, expected) else { return Judged::not(Unjudged::NothingExpected) };
        let events = self.expected_events(at, expected);
        if events.is_some_and(|events| events < self.rules.events_min) {
            return Judged::not(Unjudged::FewEvents);
        }
        let mut spread = self.spread.max(self.floor(expected, events)) * self.uncertainty();
        if years > 0 {
            let half = if self.rules.scale == Scale::Amount { 0.5 } else { 1.0 };
            let holiday = self.rules.holiday_noise * half;
            #[expect(clippy::cast_precision_loss, reason = "a few years")]
            let years = years as f64;
            spread = (spread * spread * (1.0 + 1.0 / years) + holiday * holiday).sqrt();
        }
        let reach = self.rules.band * spread;
        let (lower, upper) = match self.rules.scale {
            Scale::Rate => ((expected - reach).max(0.0), expected + reach),
            Scale::Price => (expected * (1.0 - reach).max(0.0), expected * (1.0 + reach)),
            Scale::Amount => {
                let (low, high) = ((1.0 - reach).max(0.0), 1.0 + reach);
                (expected * low * low, expected * high * high)
            }
        };
        let score = if spread > 0.0 { residual / spread } else { 0.0 };
        Judged {
            expected,
            lower,
            upper,
            score,
            unjudged: None,
            holiday_known: years > 0,
            ..Judged::not(Unjudged::NoValue)
        }
    }

    /// By how much the level is less certain than one that was smoothed for long: that of n days has 1.5 / n of a day's
    /// variance, and residuals hold that of the usual n already.
    fn uncertainty(&self) -> f64 {
        let usual = 1.0 + 1.5 * LEVEL_PACE;
        ((1.0 + 1.5 / self.level_days.clamp(1.0, 1.0 / LEVEL_PACE)) / usual).sqrt()
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
            let gap =
                if today.expected == 0.0 { f64::INFINITY } else { (value - today.expected) / today.expected.abs() };
            let gap = if value < today.expected { -gap.abs() } else { gap.abs() };
            let outside = today.score.abs() > self.rules.band && gap.abs() >= self.rules.gap_min;
            if is_plain {
                let level_value = self.level_value(at).unwrap_or(self.level);
                self.seen.push_back(Seen { at, level_value, gap, score: today.score });
                if self.seen.len() > self.rules.shift_days {
                    self.seen.pop_front();
                }
                self.tell(at, today.score, outside, judged);
                self.smooth(at, today, outside);
            } else if outside {
                judged[at].finding = Some(Finding::Point);
                judged[at].off_days = 1;
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

    /// Level, weekday and spread move a little towards the day.
    fn smooth(&mut self, at: usize, today: Judged, outside: bool) {
        let Some(value) = self.days[at].value else { return };
        let Some(residual) = self.residual(value, today.expected) else { return };
        let spread = self.spread.max(self.floor(today.expected, self.expected_events(at, today.expected)));
        let reach = self.rules.band * spread;
        self.residuals.push_back(residual.clamp(-reach, reach));
        if self.residuals.len() > SPREAD_DAYS {
            self.residuals.pop_front();
        }
        self.spread = self::spread(&self.residuals);
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
        if outside {
            return;
        }
        self.level_days += 1.0;
        let pace = LEVEL_PACE.max(1.0 / self.level_days);
        let clipped = residual.clamp(-CLIP * spread, CLIP * spread);
        self.level *= match self.rules.scale {
            Scale::Rate => 1.0,
            Scale::Price => 1.0 + pace * clipped,
            Scale::Amount => 1.0 + pace * ((1.0 + clipped) * (1.0 + clipped) - 1.0),
        };
        if self.rules.scale == Scale::Rate {
            self.level += pace * clipped;
        }
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
fn spread(residuals: &VecDeque<f64>) -> f64 {
    let first = 1.4826 * median(residuals.iter().map(|residual| residual.abs()).collect());
    let reach = 2.5 * first;
    let squares: f64 = residuals.iter().map(|residual| residual.clamp(-reach, reach)).map(|kept| kept * kept).sum();
    #[expect(clippy::cast_precision_loss, reason = "a few days")]
    let count = residuals.len().max(1) as f64;
    (squares / count).sqrt() / 0.9767
}

fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { f64::midpoint(values[half - 1], values[half]) }
}

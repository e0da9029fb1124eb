//! What a method is worth: its alarms on labelled series against what was planted.

use std::collections::BTreeMap;

use tributary::demo::series::{Kind, Planted, Series};

/// What a method raised its voice about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alarm {
    /// Position of the day on which it was told.
    pub(crate) day: usize,
    /// Position of the day on which it is said to have begun.
    pub(crate) dated: usize,
    /// Above the expected.
    pub(crate) up: bool,
    /// A known cause explains it: nobody is called.
    pub(crate) explained: bool,
}

/// Seeds from here on are measured with; the detector's constants were chosen on those below.
pub(crate) const MEASURED_FROM: u64 = 101;
/// A shift has to be told within so many days, its first included.
pub(crate) const SHIFT_DAYS: usize = 7;
/// Alarms on the side of a shift that was told already, so many days from its first, say the same thing again.
const REPEAT_DAYS: usize = 28;

/// Counts of one method, over all series.
#[derive(Debug, Clone, Default)]
pub(crate) struct Score {
    /// Planted and found, by kind, with the days it took.
    pub(crate) kinds: BTreeMap<Kind, Found>,
    /// Alarms without cause that name nothing planted.
    pub(crate) false_alarms: usize,
    /// Of these, on holidays and promotions.
    pub(crate) on_holidays: usize,
    /// Alarms that tell a shift again.
    pub(crate) repeats: usize,
    /// Days judged.
    pub(crate) days: usize,
}

/// What became of the faults of a kind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Found {
    /// How many there were.
    pub(crate) planted: usize,
    /// How many were told in time.
    pub(crate) found: usize,
    /// Days until they were told, together.
    pub(crate) days: usize,
    /// How many were dated to their day.
    pub(crate) dated: usize,
}

impl Score {
    /// Adds the alarms raised on `series`, of which so many days were judged.
    pub(crate) fn add(&mut self, series: &Series, judged: usize, alarms: &[Alarm]) {
        self.days += judged;
        let mut used = vec![false; alarms.len()];
        for fault in series.faults.iter().filter(|fault| fault.due) {
            let until = if is_shift(fault) { fault.day + SHIFT_DAYS } else { fault.day + 1 };
            let hit = (0..alarms.len()).find(|at| {
                let alarm = alarms[*at];
                (fault.day..until).contains(&alarm.day) && alarm.up == is_up(fault) && !alarm.explained
            });
            let found = self.kinds.entry(fault.kind).or_default();
            found.planted += 1;
            if let Some(at) = hit {
                used[at] = true;
                found.found += 1;
                found.days += alarms[at].day - fault.day + 1;
                found.dated += usize::from(alarms[at].dated == fault.day);
            }
        }
        let is_planted = |alarm: &Alarm| {
            let within = |fault: &Planted| fault.day..fault.day + if is_shift(fault) { REPEAT_DAYS } else { 1 };
            let small = series.faults.iter().filter(|fault| !fault.due);
            small.filter(|fault| is_up(fault) == alarm.up).any(|fault| within(fault).contains(&alarm.day))
        };
        let unexplained = |(at, alarm): &(usize, &Alarm)| !used[*at] && !alarm.explained && !is_planted(alarm);
        for (at, alarm) in alarms.iter().enumerate().filter(unexplained) {
            let told_before = series.faults.iter().any(|fault| {
                is_shift(fault)
                    && is_up(fault) == alarm.up
                    && (fault.day..fault.day + REPEAT_DAYS).contains(&alarm.day)
                    && alarms[..at].iter().any(|other| other.day >= fault.day && other.up == alarm.up)
            });
            if told_before {
                self.repeats += 1;
            } else {
                self.false_alarms += 1;
                let day = series.days[alarm.day];
                self.on_holidays += usize::from(day.holiday.is_some() || day.promotion);
            }
        }
    }

    /// Found of all that was planted.
    pub(crate) fn recall(&self) -> f64 {
        let planted: usize = self.kinds.values().map(|found| found.planted).sum();
        share(self.found(), planted)
    }

    /// Alarms that name something planted, of all; a shift told again counts against it.
    pub(crate) fn precision(&self) -> f64 {
        share(self.found(), self.found() + self.false_alarms + self.repeats)
    }

    /// False alarms a thousand days.
    pub(crate) fn false_alarms_per_thousand(&self) -> f64 {
        1000.0 * share(self.false_alarms, self.days)
    }

    fn found(&self) -> usize {
        self.kinds.values().map(|found| found.found).sum()
    }
}

/// A part of a whole.
#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
pub(crate) fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// The spread of scores: half of what lies between their 15.87 and 84.13 percentiles, 1 of a bell's.
pub(crate) fn spread(mut scores: Vec<f64>) -> f64 {
    scores.sort_unstable_by(f64::total_cmp);
    let last = scores.len().saturating_sub(1);
    let place = |per_myriad: usize| scores.get(last * per_myriad / 10_000).copied().unwrap_or(f64::NAN);
    (place(8_413) - place(1_587)) / 2.0
}

pub(crate) fn is_shift(fault: &Planted) -> bool {
    matches!(fault.kind, Kind::ShiftDown | Kind::ShiftUp)
}

fn is_up(fault: &Planted) -> bool {
    matches!(fault.kind, Kind::Spike | Kind::ShiftUp)
}

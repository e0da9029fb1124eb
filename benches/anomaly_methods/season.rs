//! The product's detector on a labelled series, with the settings that config.toml ships.

use tributary::demo::series::{Series, SeriesDay};
use tributary::models::functions::season::{Day, Judged, Rules, Scale, judge};

use super::score::{Alarm, is_shift};

/// What a method said of a series.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    /// What it raised its voice about, in the order of days.
    pub(crate) alarms: Vec<Alarm>,
    /// Days that it judged.
    pub(crate) judged: usize,
    /// Scores of ordinary days: neither planted nor within two weeks of a new level, no holiday, no promotion.
    pub(crate) ordinary: Vec<f64>,
}

/// The settings of config.toml.
pub(crate) fn rules(scale: Scale) -> Rules {
    Rules {
        scale,
        band: 3.29,
        gap_min: 0.20,
        history_days: 56,
        dispersion: 1.0,
        noise_min: 0.02,
        holiday_noise: 0.25,
        shift_band: 3.95,
        shift_days: 7,
        events_min: if scale == Scale::Price { 10.0 } else { 3.0 },
    }
}

/// The product's: robust smoothing with weekdays, last year, holidays and learned shifts.
pub(crate) fn season(series: &Series, scale: Scale) -> Verdict {
    let mirrors = mirrors(&series.days);
    let days: Vec<Day> = series
        .days
        .iter()
        .zip(mirrors)
        .map(|(day, mirror)| Day {
            value: Some(day.value).filter(|value| value.is_finite()),
            without_order: day.without_largest.map(|(without_order, _)| without_order).filter(|rest| rest.is_finite()),
            without_return: day
                .without_largest
                .map(|(_, without_return)| without_return)
                .filter(|rest| rest.is_finite()),
            events: Some(day.orders),
            holiday: day.holiday.is_some(),
            promotion: day.promotion,
            mirror,
            ..Day::default()
        })
        .collect();
    let judged = judge(&days, &rules(scale));
    let mut alarms: Vec<Alarm> = told(series, &judged).collect();
    alarms.sort_by_key(|alarm| alarm.day);
    let spoken = |at: &usize| judged[*at].unjudged.is_none();
    let ordinary = (0..judged.len()).filter(spoken).filter(|at| is_ordinary(series, *at));
    Verdict {
        alarms,
        judged: (0..judged.len()).filter(spoken).count(),
        ordinary: ordinary.map(|at| judged[at].score).collect(),
    }
}

fn told<'a>(series: &'a Series, judged: &'a [Judged]) -> impl Iterator<Item = Alarm> + 'a {
    judged.iter().enumerate().filter(|(_, judged)| judged.finding.is_some()).map(|(dated, judged)| {
        let up = judged.level_change.unwrap_or(judged.score) > 0.0;
        Alarm { day: judged.told_at, dated, up, explained: explained(&series.days[dated], up, judged.holiday_known) }
    })
}

/// Nothing was planted on the day, nor a new level within two weeks before it.
pub(crate) fn is_ordinary(series: &Series, at: usize) -> bool {
    let day = &series.days[at];
    let near = |fault| if is_shift(fault) { 14 } else { 1 };
    day.holiday.is_none()
        && !day.promotion
        && !series.faults.iter().any(|fault| (fault.day..fault.day + near(fault)).contains(&at))
}

/// A holiday explains what it was never seen to do before; a promotion explains more, not less.
pub(crate) fn explained(day: &SeriesDay, up: bool, holiday_known: bool) -> bool {
    day.holiday.is_some() && !holiday_known || day.promotion && up
}

/// The same day of the same holiday a year before; 52 weeks before where there is none near.
fn mirrors(days: &[SeriesDay]) -> Vec<Option<usize>> {
    let firsts: Vec<usize> = (0..days.len())
        .filter(|at| days[*at].holiday.is_some() && (*at == 0 || days[at - 1].holiday != days[*at].holiday))
        .collect();
    let length = |first: usize| days[first..].iter().take_while(|day| day.holiday == days[first].holiday).count();
    (0..days.len())
        .map(|at| {
            let near = |first: &&usize| **first <= at + 28 && at < **first + length(**first) + 21;
            let own = |first: usize| at >= first && at < first + length(first);
            let anchor = firsts
                .iter()
                .filter(near)
                .max_by_key(|first| (own(**first), length(**first), std::cmp::Reverse(first.abs_diff(at))));
            let before = anchor.and_then(|anchor| {
                let same = |first: &&usize| {
                    days[**first].holiday == days[*anchor].holiday
                        && (300..430).contains(&(anchor.saturating_sub(**first)))
                };
                firsts.iter().find(same).map(|first| (*anchor, *first))
            });
            match before {
                Some((anchor, first)) => (first + at).checked_sub(anchor),
                None => at.checked_sub(364),
            }
        })
        .collect()
}

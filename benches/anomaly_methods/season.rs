//! The product's detector on a labelled series, with the settings that config.toml ships.

use tributary::demo::series::{Series, SeriesDay};
use tributary::models::functions::season::{Day, Rules, Scale, judge};

use super::score::Alarm;

/// The settings of config.toml.
pub(crate) fn rules() -> Rules {
    Rules {
        scale: Scale::Amount,
        band: 3.29,
        gap_min: 0.20,
        history_days: 56,
        noise_min: 0.05,
        holiday_noise: 0.25,
        shift_days: 7,
        events_min: 5.0,
    }
}

/// The product's: robust smoothing with weekdays, last year, holidays and learned shifts.
pub(crate) fn season(series: &Series) -> Vec<Alarm> {
    let mirrors = mirrors(&series.days);
    let days: Vec<Day> = series
        .days
        .iter()
        .zip(mirrors)
        .map(|(day, mirror)| Day {
            value: Some(day.value),
            events: Some(day.orders),
            holiday: day.holiday.is_some(),
            promotion: day.promotion,
            mirror,
            ..Day::default()
        })
        .collect();
    judge(&days, &rules())
        .iter()
        .enumerate()
        .filter(|(_, judged)| judged.finding.is_some())
        .map(|(day, judged)| {
            let up = judged.score > 0.0;
            Alarm { day, up, explained: explained(&series.days[day], up, judged.holiday_known) }
        })
        .collect()
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

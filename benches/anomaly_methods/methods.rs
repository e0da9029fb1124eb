//! The methods that are compared.

use tributary::demo::series::{Series, SeriesDay};
use tributary::models::functions::season::{Day, Rules, Scale, judge};

use crate::score::Alarm;

/// Days that every method may learn from before it is judged.
pub const HISTORY_DAYS: usize = 56;

const BAND: f64 = 3.29;
const GAP_MIN: f64 = 0.20;

/// The settings of config.toml.
pub fn rules() -> Rules {
    Rules {
        scale: Scale::Amount,
        band: BAND,
        gap_min: GAP_MIN,
        history_days: HISTORY_DAYS,
        noise_min: 0.05,
        holiday_noise: 0.25,
        shift_days: 7,
        events_min: 5.0,
    }
}

/// The product's: robust smoothing with weekdays, last year, holidays and learned shifts.
pub fn season(series: &Series) -> Vec<Alarm> {
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
fn explained(day: &SeriesDay, up: bool, holiday_known: bool) -> bool {
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
            let anchor = firsts.iter().filter(near).max_by_key(|first| {
                (own(**first), length(**first), std::cmp::Reverse(first.abs_diff(at)))
            });
            let before = anchor.and_then(|anchor| {
                let same = |first: &&usize| {
                    days[**first].holiday == days[*anchor].holiday && (300..430).contains(&(anchor.saturating_sub(**first)))
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

/// The median of the same weekday over eight weeks; the spread by the MAD of all days around their weekday's.
pub fn weekday_median(series: &Series) -> Vec<Alarm> {
    const WEEKS: usize = 8;
    let values: Vec<f64> = series.days.iter().map(|day| day.value).collect();
    (HISTORY_DAYS..values.len())
        .filter_map(|at| {
            let weekday = |distance: usize| {
                (0..WEEKS).filter_map(|week| (at - distance).checked_sub(7 * week)).map(|day| values[day]).collect()
            };
            let medians: Vec<f64> = (1..=7).map(|distance| median(weekday(distance))).collect();
            let deviations = (1..=7 * WEEKS)
                .map(|back| (values[at - back] / medians[(back - 1) % 7]).sqrt() - 1.0)
                .map(f64::abs)
                .collect();
            let wider = 1.4826 * (1.0 + 3.3 / 6.0);
            let chance = 0.05_f64.max((2.0 / series.days[at].orders).sqrt());
            let spread = (wider * median(deviations)).max(chance / 2.0);
            let expected = medians[6];
            let score = ((values[at] / expected).sqrt() - 1.0) / spread;
            alarm(series, at, expected, score.abs() > BAND)
        })
        .collect()
}

/// MSTL (weeks, and the year once there are two) with an ETS trend, fitted anew every week on all days before;
/// what was told or has a known cause is replaced by its forecast before the next fit.
pub fn mstl(series: &Series) -> Vec<Alarm> {
    use augurs::ets::AutoETS;
    use augurs::mstl::MSTLModel;
    use augurs::prelude::*;
    let mut logs: Vec<f64> = series.days.iter().map(|day| day.value.ln()).collect();
    let mut alarms = Vec::new();
    let (mut from, mut off) = (HISTORY_DAYS, 0);
    while from < logs.len() {
        let until = (from + 7).min(logs.len());
        let periods = if from >= 2 * 364 { vec![7, 364] } else { vec![7] };
        let model = MSTLModel::new(periods, AutoETS::non_seasonal().into_trend_model());
        let forecast = model.fit(&logs[..from]).ok().and_then(|fit| fit.predict(until - from, 0.999).ok());
        let Some((forecast, intervals)) = forecast.and_then(|made| made.intervals.map(|found| (made.point, found)))
        else {
            from = until;
            continue;
        };
        for step in 0..until - from {
            let at = from + step;
            let outside = logs[at] < intervals.lower[step] || logs[at] > intervals.upper[step];
            let day = series.days[at];
            if let Some(found) = alarm(series, at, forecast[step].exp(), outside) {
                alarms.push(found);
            }
            off = if outside { off + 1 } else { 0 };
            if off < 7 && (outside || day.holiday.is_some() || day.promotion) {
                logs[at] = forecast[step];
            } else if off == 7 {
                // A week outside is a new level, to be learned.
                (at - 6..at).for_each(|back| logs[back] = series.days[back].value.ln());
            }
        }
        from = until;
    }
    alarms
}

fn alarm(series: &Series, at: usize, expected: f64, outside: bool) -> Option<Alarm> {
    let day = &series.days[at];
    let up = day.value > expected;
    (outside && (day.value / expected - 1.0).abs() >= GAP_MIN).then(|| Alarm { day: at, up, explained: explained(day, up, false) })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { f64::midpoint(values[half - 1], values[half]) }
}

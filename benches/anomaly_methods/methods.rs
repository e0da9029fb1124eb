//! The methods that the product's is compared with.

use tributary::demo::series::{Series, SeriesDay};
use tributary::models::functions::season::Scale;

use super::score::Alarm;
use super::season::{Verdict, explained, is_ordinary, rules};

/// The plain one: the median of the same weekday over eight weeks; the spread by the MAD of all days around their
/// weekday's.
pub(crate) fn weekday_median(series: &Series, scale: Scale) -> Verdict {
    const WEEKS: usize = 8;
    let rules = rules(scale);
    let off = |value: f64, usual: f64| match scale {
        Scale::Amount => (value.max(0.0) / usual).sqrt() - 1.0,
        Scale::Price => value / usual - 1.0,
        Scale::Rate => value - usual,
    };
    let mut verdict = Verdict::default();
    for at in rules.history_days..series.days.len() {
        let weekday = |distance: usize, of: fn(&SeriesDay) -> f64| {
            let days = (0..WEEKS).filter_map(|week| (at - distance).checked_sub(7 * week));
            days.map(|day| of(&series.days[day])).filter(|value| value.is_finite()).collect()
        };
        let day = &series.days[at];
        let (expected, orders) = (median(weekday(7, |day| day.value)), median(weekday(7, |day| day.orders)));
        let medians: Vec<f64> = (1..=7).map(|distance| median(weekday(distance, |day| day.value))).collect();
        if !day.value.is_finite() || orders < rules.events_min || scale != Scale::Rate && expected <= 0.0 {
            continue;
        }
        let deviations: Vec<f64> = (1..=7 * WEEKS)
            .map(|back| off(series.days[at - back].value, medians[(back - 1) % 7]).abs())
            .filter(|value| value.is_finite())
            .collect();
        let wider = 1.4826 * (1.0 + 3.3 / 6.0);
        let least = match scale {
            Scale::Amount => 0.05_f64.max((2.0 / day.orders.max(1.0)).sqrt()) / 2.0,
            Scale::Price | Scale::Rate => 0.05,
        };
        let score = off(day.value, expected) / (wider * median(deviations)).max(least);
        verdict.judged += 1;
        if is_ordinary(series, at) {
            verdict.ordinary.push(score);
        }
        verdict.alarms.extend(alarm(series, at, expected, score.abs() > rules.band));
    }
    verdict
}

/// MSTL (weeks, and the year once there are two) with an ETS trend, fitted anew every week on all days before;
/// what was told or has a known cause is replaced by its forecast before the next fit. Only of what is never nothing.
#[cfg(feature = "peer-detectors")]
pub(crate) fn mstl(series: &Series, scale: Scale) -> Verdict {
    use augurs::ets::AutoETS;
    use augurs::mstl::MSTLModel;
    use augurs::prelude::*;
    let mut verdict = Verdict::default();
    let mut logs: Vec<f64> = series.days.iter().map(|day| day.value.ln()).collect();
    if scale != Scale::Amount || logs.iter().any(|value| !value.is_finite()) {
        return verdict;
    }
    let (mut from, mut off) = (rules(scale).history_days, 0);
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
        for (step, &expected) in forecast.iter().enumerate().take(until - from) {
            let at = from + step;
            let outside = logs[at] < intervals.lower[step] || logs[at] > intervals.upper[step];
            let day = series.days[at];
            verdict.judged += 1;
            verdict.alarms.extend(alarm(series, at, expected.exp(), outside));
            off = if outside { off + 1 } else { 0 };
            if off < 7 && (outside || day.holiday.is_some() || day.promotion) {
                logs[at] = expected;
            } else if off == 7 {
                // A week outside is a new level, to be learned.
                (at - 6..at).for_each(|back| logs[back] = series.days[back].value.ln());
            }
        }
        from = until;
    }
    verdict
}

fn alarm(series: &Series, at: usize, expected: f64, outside: bool) -> Option<Alarm> {
    let day = &series.days[at];
    let (up, gap) = (day.value > expected, (day.value - expected).abs());
    (outside && gap >= rules(Scale::Amount).gap_min * expected.abs()).then(|| Alarm {
        day: at,
        dated: at,
        up,
        explained: explained(day, up, false),
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}

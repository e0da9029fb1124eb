//! The methods that the product's was compared with.

use tributary::demo::series::Series;

use super::score::Alarm;
use super::season::{explained, rules};

/// The median of the same weekday over eight weeks; the spread by the MAD of all days around their weekday's.
pub(crate) fn weekday_median(series: &Series) -> Vec<Alarm> {
    const WEEKS: usize = 8;
    let values: Vec<f64> = series.days.iter().map(|day| day.value).collect();
    (rules().history_days..values.len())
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
            alarm(series, at, expected, score.abs() > rules().band)
        })
        .collect()
}

/// MSTL (weeks, and the year once there are two) with an ETS trend, fitted anew every week on all days before;
/// what was told or has a known cause is replaced by its forecast before the next fit.
pub(crate) fn mstl(series: &Series) -> Vec<Alarm> {
    use augurs::ets::AutoETS;
    use augurs::mstl::MSTLModel;
    use augurs::prelude::*;
    let mut logs: Vec<f64> = series.days.iter().map(|day| day.value.ln()).collect();
    let mut alarms = Vec::new();
    let (mut from, mut off) = (rules().history_days, 0);
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
            if let Some(found) = alarm(series, at, expected.exp(), outside) {
                alarms.push(found);
            }
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
    alarms
}

fn alarm(series: &Series, at: usize, expected: f64, outside: bool) -> Option<Alarm> {
    let day = &series.days[at];
    let up = day.value > expected;
    (outside && (day.value / expected - 1.0).abs() >= rules().gap_min).then(|| Alarm {
        day: at,
        up,
        explained: explained(day, up, false),
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { f64::midpoint(values[half - 1], values[half]) }
}

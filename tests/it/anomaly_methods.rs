//! The detector of anomalies keeps its promises on labelled series: a short run of `benches/anomaly_methods`.

#[path = "../../benches/anomaly_methods/score.rs"]
mod score;
#[path = "../../benches/anomaly_methods/season.rs"]
mod season;

use tributary::config::Config;
use tributary::demo::series::{Kind, labelled};
use tributary::models::functions::season::Scale;

use crate::support::world::PROJECT;
use score::{MEASURED_FROM, Score, spread};

fn three_companies() -> (Score, Vec<f64>) {
    let (mut score, mut ordinary) = (Score::default(), Vec::new());
    for series in (MEASURED_FROM..MEASURED_FROM + 3).flat_map(|seed| labelled(seed, 0.15)) {
        let verdict = season::season(&series, Scale::Amount);
        score.add(&series, verdict.judged, &verdict.alarms);
        ordinary.extend(verdict.ordinary);
    }
    (score, ordinary)
}

#[test]
fn faults_are_found_and_quiet_days_left_alone() {
    let (score, ordinary) = three_companies();
    assert!(score.days > 20_000 && score.kinds.len() == 4, "{score:?}");
    assert!(score.recall() >= 0.90, "recall {}: {score:?}", score.recall());
    assert!(score.precision() >= 0.90, "precision {}: {score:?}", score.precision());
    assert!(score.false_alarms_per_thousand() <= 1.0, "{}: {score:?}", score.false_alarms_per_thousand());
    // One in all twenty companies of the benchmark, and it is in these three.
    assert!(score.on_holidays <= 1, "holidays and promotions raise none: {score:?}");
    assert!((0.9..=1.1).contains(&spread(ordinary.clone())), "spread {}", spread(ordinary));
    for kind in [Kind::Drop, Kind::Spike, Kind::ShiftDown, Kind::ShiftUp] {
        let found = score.kinds[&kind];
        assert!(score::share(found.dated, found.found) >= 0.90, "dated to their days: {kind:?}: {found:?}");
        assert!(score::share(found.found, found.planted) >= 0.90, "{kind:?}: {found:?}");
    }
}

#[test]
fn the_same_series_are_judged_the_same() {
    let of = |seed| {
        labelled(seed, 0.15)
            .iter()
            .map(|one| format!("{:?}", season::season(one, Scale::Amount).alarms))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(4), of(4));
    assert_ne!(of(4), of(5));
}

#[test]
fn the_benchmark_uses_the_shipped_settings() {
    let config = Config::load(format!("{PROJECT}/config.toml").as_ref()).expect("the shipped settings");
    let shipped = |name: &str| config.settings[name].to_string().parse::<f64>().expect("a number");
    let (rules, price) = (season::rules(Scale::Amount), season::rules(Scale::Price));
    #[expect(clippy::cast_precision_loss, reason = "a few days")]
    let pairs = [
        ("anomaly_band", rules.band),
        ("anomaly_gap_min", rules.gap_min),
        ("anomaly_history_days_min", rules.history_days as f64),
        ("anomaly_noise_min", rules.noise_min),
        ("anomaly_holiday_noise", rules.holiday_noise),
        ("anomaly_dispersion", rules.dispersion),
        ("anomaly_shift_band", rules.shift_band),
        ("anomaly_price_orders_min", price.events_min),
        ("anomaly_shift_days", rules.shift_days as f64),
        ("anomaly_orders_min", rules.events_min),
    ];
    for (name, value) in pairs {
        assert!((shipped(name) - value).abs() < 1e-12, "{name} is {}, the benchmark has {value}", shipped(name));
    }
}

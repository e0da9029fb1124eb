//! The detector of anomalies keeps its promises on labelled series: a short run of `benches/anomaly_methods`.

#[path = "../../benches/anomaly_methods/score.rs"]
mod score;
#[path = "../../benches/anomaly_methods/season.rs"]
mod season;

use tributary::config::Config;
use tributary::demo::series::{Kind, labelled};

use crate::support::world::PROJECT;
use score::Score;

fn three_companies() -> Score {
    let mut score = Score::default();
    for series in (1..=3).flat_map(|seed| labelled(seed, 0.15)) {
        score.add(&series, season::rules().history_days, &season::season(&series));
    }
    score
}

#[test]
fn faults_are_found_and_quiet_days_left_alone() {
    let score = three_companies();
    assert!(score.days > 20_000 && score.kinds.len() == 4, "{score:?}");
    assert!(score.recall() >= 0.90, "recall {}: {score:?}", score.recall());
    assert!(score.precision() >= 0.90, "precision {}: {score:?}", score.precision());
    assert!(score.false_alarms_per_thousand() <= 1.0, "{}: {score:?}", score.false_alarms_per_thousand());
    assert_eq!(score.on_holidays, 0, "holidays and promotions raise none");
    for kind in [Kind::Drop, Kind::Spike, Kind::ShiftDown, Kind::ShiftUp] {
        let found = score.kinds[&kind];
        assert!(score::share(found.found, found.planted) >= 0.90, "{kind:?}: {found:?}");
    }
}

#[test]
fn the_same_series_are_judged_the_same() {
    let of = |seed| labelled(seed, 0.15).iter().map(|one| format!("{:?}", season::season(one))).collect::<Vec<_>>();
    assert_eq!(of(4), of(4));
    assert_ne!(of(4), of(5));
}

#[test]
fn the_benchmark_uses_the_shipped_settings() {
    let config = Config::load(format!("{PROJECT}/config.toml").as_ref()).expect("the shipped settings");
    let shipped = |name: &str| config.settings[name].to_string().parse::<f64>().expect("a number");
    let rules = season::rules();
    #[expect(clippy::cast_precision_loss, reason = "a few days")]
    let pairs = [
        ("anomaly_band", rules.band),
        ("anomaly_gap_min", rules.gap_min),
        ("anomaly_history_days_min", rules.history_days as f64),
        ("anomaly_noise_min", rules.noise_min),
        ("anomaly_holiday_noise", rules.holiday_noise),
        ("anomaly_shift_days", rules.shift_days as f64),
        ("anomaly_orders_min", rules.events_min),
    ];
    for (name, value) in pairs {
        assert!((shipped(name) - value).abs() < 1e-12, "{name} is {}, the benchmark has {value}", shipped(name));
    }
}

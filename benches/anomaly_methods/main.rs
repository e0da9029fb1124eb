//! Which detector of anomalies is the better one? Twenty companies of nine channels over 800 days, with noise from 2
//! to 15 % of a day and planted faults, judged by each method; prints what each found and how often it cried wolf.
//! Run by `cargo bench --features peer-detectors --bench anomaly_methods`; the number of seeds may follow `--`.
//!
//! Last reading of twenty seeds (2026-11-27, 180 series of 800 days; days to detect are those of level shifts, what
//! lasts a day is found on its day):
//!
//! | method | precision | recall | false alarms per 1,000 series-days | days to detect down, up |
//! |---|---|---|---|---|
//! | weekday median / MAD | 0.317 | 0.724 | 0.52 | 1.41, 1.73 |
//! | MSTL + ETS (augurs) | 0.291 | 0.816 | 13.87 | 1.23, 1.21 |
//! | season (kept) | 0.935 | 0.970 | 0.87, one of 116 on a holiday or promotion | 1.52, 1.45 |
#![expect(clippy::print_stdout, reason = "a benchmark prints its findings")]

mod score;
mod season;
mod methods;

use tributary::demo::series::{Series, labelled};

use score::{Alarm, Score, share};

type Method = fn(&Series) -> Vec<Alarm>;

const METHODS: [(&str, Method); 3] = [
    ("weekday median / MAD", methods::weekday_median),
    ("MSTL + ETS (augurs)", methods::mstl),
    ("season (kept)", season::season),
];

fn main() {
    let seeds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(20);
    let series: Vec<Series> = (1..=seeds).flat_map(|seed| labelled(seed, 0.15)).collect();
    println!("{} series of {} days, noise 2 to 15 %", series.len(), series.first().map_or(0, |one| one.days.len()));
    for (name, method) in METHODS {
        let mut all = Score::default();
        let mut by_noise = [Score::default(), Score::default(), Score::default()];
        for one in &series {
            let alarms = method(one);
            all.add(one, season::rules().history_days, &alarms);
            let band = if one.noise < 0.06 {
                0
            } else if one.noise < 0.10 {
                1
            } else {
                2
            };
            by_noise[band].add(one, season::rules().history_days, &alarms);
        }
        println!("\n{name}");
        line("all", &all);
        for (name, score) in ["noise under 6 %", "noise 6 to 10 %", "noise 10 to 15 %"].iter().zip(&by_noise) {
            line(name, score);
        }
        for (kind, found) in &all.kinds {
            let days = share(found.days, found.found);
            let recall = share(found.found, found.planted);
            println!(
                "  {:<17} planted {:>4}, recall {recall:.3}, days to detect {days:.2}",
                format!("{kind:?}"),
                found.planted
            );
        }
    }
}

fn line(name: &str, score: &Score) {
    println!(
        "  {name:<17} precision {:.3}, recall {:.3}, false alarms per 1,000 days {:.2} ({} of {} on holidays or promotions), shifts told again {}",
        score.precision(),
        score.recall(),
        score.false_alarms_per_thousand(),
        score.on_holidays,
        score.false_alarms,
        score.repeats
    );
}

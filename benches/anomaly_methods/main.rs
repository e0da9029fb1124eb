//! Which detector of anomalies is the better one? Twenty companies of nine channels over 800 days, with noise from 2
//! to 15 % of a day, and the countries and articles of a real web shop, each with planted faults, judged by each method;
//! prints what each found and how often it cried wolf. Run by `cargo bench --profile dev --bench anomaly_methods`, with
//! `--features peer-detectors` beside one more; the number of seeds may follow `--`.
//!
//! What the shop's own year holds of odd days and levels counts as a false alarm. A fault counts where it is beyond
//! chance at its size: see `retail`.
//!
//! Last reading (2026-11-29; 20 seeds, the shop planted into three times; days to detect are those of levels):
//!
//! | series | method | precision | recall | false alarms per 1,000 series-days | told again | level down, up told on day | levels dated to their day | spread of ordinary scores |
//! |---|---|---|---|---|---|---|---|---|
//! | companies (180, 2,159 faults) | weekday median / MAD | 0.317 | 0.724 | 0.52 | 3,292 | 1.41, 1.73 | 0.80, 0.73 | 0.86 |
//! | | season (kept) | 0.962 | 0.959 | 0.56 | 6 | 1.55, 1.69 | 0.96, 0.95 | 0.97 |
//! | shop, all metrics (2,805, 114 faults) | weekday median / MAD | 0.45 where planted | 0.807 | 6.16 | 102 | none, 1.11 | none, 0.90 | 0.71 |
//! | | season (kept) | 0.84 where planted | 0.939 | 1.12 | 0 | 3.17, 1.38 | 1.00, 0.96 | orders 0.93, sales 0.91, units 0.89 |
#![expect(clippy::print_stdout, reason = "a benchmark prints its findings")]

mod methods;
mod retail;
mod score;
mod season;

use std::collections::BTreeMap;

use tributary::demo::series::{Series, labelled};
use tributary::models::functions::season::Scale;

use score::{Score, share, spread};
use season::Verdict;

type Method = fn(&Series, Scale) -> Verdict;

const METHODS: &[(&str, Method)] = &[
    ("weekday median / MAD", methods::weekday_median),
    #[cfg(feature = "peer-detectors")]
    ("MSTL + ETS (augurs)", methods::mstl),
    ("season (kept)", season::season),
];
/// Faults are planted into the shop so many times.
const SHOPS: u64 = 3;

/// One group of series under one method.
#[derive(Default)]
struct Row {
    score: Score,
    ordinary: Vec<f64>,
    series: usize,
}

fn main() {
    let seeds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(20);
    let companies: Vec<Series> = (1..=seeds).flat_map(|seed| labelled(seed, 0.15)).collect();
    let shop: Vec<retail::Real> = (1..=seeds.min(SHOPS)).flat_map(|seed| retail::series(Some(seed))).collect();
    if shop.is_empty() {
        println!("the shop's files are not there: only companies are judged");
    }
    for (name, method) in METHODS {
        println!("\n{name}");
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        for series in &companies {
            let noise = if series.noise < 0.06 {
                "under 6"
            } else if series.noise < 0.10 {
                "6 to 10"
            } else {
                "10 to 15"
            };
            let verdict = method(series, Scale::Amount);
            for group in ["companies".to_owned(), format!("companies, noise {noise} %")] {
                rows.entry(group).or_default().add(series, &verdict);
            }
        }
        for real in &shop {
            let verdict = method(&real.series, real.scale);
            let planted = if !real.series.faults.iter().any(|fault| fault.due) { "without faults" } else { "with faults" };
            for group in [
                "shop".to_owned(),
                format!("shop, series {planted}"),
                format!("shop, {}", real.kind),
                format!("shop, {}, {}", real.kind, real.metric),
            ] {
                rows.entry(group).or_default().add(&real.series, &verdict);
            }
        }
        rows.iter().for_each(|(group, row)| row.print(group));
    }
}

impl Row {
    fn add(&mut self, series: &Series, verdict: &Verdict) {
        self.series += 1;
        self.score.add(series, verdict.judged, &verdict.alarms);
        self.ordinary.extend(&verdict.ordinary);
    }

    fn print(&self, group: &str) {
        let score = &self.score;
        println!(
            "  {group:<34} {:>4} series, {:>6} days: precision {:.3}, recall {:.3}, false alarms per 1,000 days {:.2} ({} of {} on holidays or promotions), levels told again {}, spread of ordinary scores {:.2}",
            self.series,
            score.days,
            score.precision(),
            score.recall(),
            score.false_alarms_per_thousand(),
            score.on_holidays,
            score.false_alarms,
            score.repeats,
            spread(self.ordinary.clone()),
        );
        for (kind, found) in &score.kinds {
            println!(
                "      {:<10} planted {:>4}, recall {:.3}, told on day {:.2}, dated to its day {:.3}",
                format!("{kind:?}"),
                found.planted,
                share(found.found, found.planted),
                share(found.days, found.found),
                share(found.dated, found.found),
            );
        }
    }
}

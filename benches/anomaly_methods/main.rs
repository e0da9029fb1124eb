//! Which detector of anomalies is the better one?
#![expect(clippy::print_stdout, reason = "a benchmark prints its findings")]

mod methods;
mod retail;
mod score;
mod season;

use std::collections::BTreeMap;
use std::path::Path;

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

/// One group of series under one method.
#[derive(Default)]
struct Row {
    score: Score,
    ordinary: Vec<f64>,
    series: usize,
}

pub fn main() {
    let seeds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(20);
    let companies: Vec<Series> = (1..=seeds).flat_map(|seed| labelled(seed, 0.15)).collect();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/online_retail");
    let data = if data.exists() { data } else { "/work/shared/data/online_retail".into() };
    let shop: Vec<retail::Real> = (1..=seeds.min(3)).flat_map(|seed| retail::series(&data, seed)).collect();
    for (name, method) in METHODS {
        println!("\n{name}");
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        for series in &companies {
            let noise = if series.noise < 0.06 { "under 6" } else if series.noise < 0.10 { "6 to 10" } else { "10 to 15" };
            let verdict = method(series, Scale::Amount);
            if std::env::var("MISS").is_ok() && *name == "season (kept)" { misses(series, &verdict); }
            for group in ["companies".to_owned(), format!("companies, noise {noise} %")] {
                add(rows.entry(group).or_default(), series, &verdict);
            }
        }
        for real in &shop {
            let verdict = method(&real.series, real.scale);
            if std::env::var("MISS").is_ok() && *name == "season (kept)" { print!("{} {} ", real.series.channel, real.metric); misses(&real.series, &verdict); println!(); }
            let planted = if real.series.faults.is_empty() { "without faults" } else { "with faults" };
            for group in ["shop".to_owned(), format!("shop, {planted}"), format!("shop, {}", real.kind), format!("shop, {}, {}", real.kind, real.metric)] {
                add(rows.entry(group).or_default(), &real.series, &verdict);
            }
            if real.kind == std::env::var("U").unwrap_or_default() && std::env::var("UM").unwrap_or_default() == real.metric && *name == "season (kept)" && std::env::var("U").is_ok() && !verdict.alarms.is_empty() {
                println!("{} {} faults {:?}", real.series.channel, real.metric, real.series.faults.iter().map(|f| (f.kind, real.series.days[f.day].date)).collect::<Vec<_>>());
                for a in &verdict.alarms { println!("   told {} dated {} up {} v {:.0}", real.series.days[a.day].date, real.series.days[a.dated].date, a.up, real.series.days[a.dated].value); }
            }
            if real.kind == "country" && !verdict.ordinary.is_empty() && std::env::var("V").is_ok() {
                add(rows.entry(format!("{} {}", real.series.channel, real.metric)).or_default(), &real.series, &verdict);
            }
        }
        for (group, row) in &rows {
            print(group, row);
        }
    }
}

fn add(row: &mut Row, series: &Series, verdict: &Verdict) {
    row.series += 1;
    row.score.add(series, verdict.judged, &verdict.alarms);
    row.ordinary.extend(&verdict.ordinary);
}

fn print(group: &str, row: &Row) {
    let score = &row.score;
    let planted: usize = score.kinds.values().map(|found| found.planted).sum();
    println!(
        "  {group:<34} {:>5} series {:>7} days, planted {planted:>4}, precision {:.3}, recall {:.3}, false {:>4} = {:.2} per 1,000 ({} levels, {} on holidays), again {}, spread {:.2}",
        row.series,
        score.days,
        score.precision(),
        score.recall(),
        score.false_alarms,
        score.false_alarms_per_thousand(),
        score.false_levels,
        score.on_holidays,
        score.repeats,
        spread(row.ordinary.clone()),
    );
    for (kind, found) in &score.kinds {
        println!(
            "      {:<10} {:>4}: recall {:.3}, told on day {:.2}, dated to its day {:.3}",
            format!("{kind:?}"),
            found.planted,
            share(found.found, found.planted),
            share(found.days, found.found),
            share(found.dated, found.found),
        );
    }
}
pub fn misses(series: &Series, verdict: &Verdict) {
    for f in &series.faults {
        let until = if score::is_shift(f) { f.day + 7 } else { f.day + 1 };
        let up = matches!(f.kind, tributary::demo::series::Kind::Spike | tributary::demo::series::Kind::ShiftUp);
        if !verdict.alarms.iter().any(|a| (f.day..until).contains(&a.day) && a.up == up && !a.explained) {
            println!("missed {:?} at {} noise {:.3} value {:.0} before {:.0}; faults {:?}; alarms {:?}", f.kind, f.day, series.noise, series.days[f.day].value, series.days[f.day-7].value,
               series.faults.iter().filter(|g| g.day.abs_diff(f.day) < 60).map(|g| (g.kind, g.day)).collect::<Vec<_>>(),
               verdict.alarms.iter().filter(|g| g.day.abs_diff(f.day) < 40).map(|g| (g.day, g.dated, g.up, g.shift, g.explained)).collect::<Vec<_>>());
        }
    }
}

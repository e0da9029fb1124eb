//! tributary's intake beside `DuckDB`'s `read_csv` with `store_rejects`, on the same files in turn: from sales CSVs to
//! Parquet. Each side runs in a process of its own, so that its CPU time and peak memory are its own; the rows that
//! come out of both are compared before a time is told.
//!
//! ```text
//! TRIBUTARY_DUCKDB_PYTHON=venv/bin/python cargo bench --bench intake -- [--rows 2000000] [--files 20]
//!     [--small-files 2000] [--rounds 5] [--case clean,dirty,gzip,small]
//! ```
//!
//! The python needs `duckdb` (`python3 -m venv venv && venv/bin/pip install duckdb`). performance.md asks for
//! 20,000,000 rows in 200 files, and 73,000 small files.
//!
//! Last reading of those (2026-11-27, 2 cores without an instruction for SHA, `DuckDB` 2.0, medians of 3; seconds, peak MB):
//!
//! | case | tributary | `DuckDB` | ratio |
//! |---|---|---|---|
//! | clean | 18.0, 337 | 17.2, 1790 | 1.05 |
//! | dirty | 19.4, 297 | 18.7, 1847 | 1.04 |
//! | gzip | 17.0, 175 | 20.1, 1803 | 0.85 |
//! | small | 33.7, 276 | 63.3, 780 | 0.53 |

mod files;
mod sides;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use files::Case;
use sides::{Run, Side};

/// Any failure of the benchmark, in words.
type Failure = Box<dyn std::error::Error>;

/// What is asked for on the command line.
struct Plan {
    rows: u64,
    files: usize,
    small_files: usize,
    rounds: usize,
    cases: Vec<Case>,
    python: PathBuf,
}

fn main() -> std::process::ExitCode {
    match measure() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing is left to be done about a closed standard error.
            writeln!(std::io::stderr(), "{failure}").ok();
            std::process::ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [child, folder] = args.as_slice()
        && child == sides::CHILD
    {
        return sides::tributary(folder.as_ref());
    }
    let plan = Plan::parse(&args)?;
    say(&format!(
        "{:<7} {:>12} {:>6}   {:>18} {:>18}   {:>6}   {:>11} {:>11}   {:>9} {:>9}",
        "case", "rows", "files", "tributary s", "duckdb s", "ratio", "cpu s", "cpu s", "peak MB", "peak MB"
    ))?;
    for case in &plan.cases {
        let folder = tempfile::tempdir()?;
        let (files, rows) = match case {
            Case::Small => (plan.small_files, 40),
            _ => (plan.files, plan.rows / plan.files.max(1) as u64),
        };
        files::write(folder.path(), *case, files, rows)?;
        let mut runs: BTreeMap<Side, Vec<Run>> = BTreeMap::new();
        for round in 0..plan.rounds {
            for side in [Side::Tributary, Side::Duckdb] {
                runs.entry(side).or_default().push(side.run(&plan.python, folder.path(), *case, round)?);
            }
        }
        let sums = sides::compare(&plan.python, folder.path(), plan.rounds - 1)?;
        tell(*case, files, sums, &runs)?;
    }
    Ok(())
}

/// One line a case: medians, and the spread of the times.
fn tell(case: Case, files: usize, rows: u64, runs: &BTreeMap<Side, Vec<Run>>) -> Result<(), Failure> {
    let of = |side: Side, value: fn(&Run) -> f64| {
        let mut values: Vec<f64> = runs[&side].iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let median = |side: Side, value: fn(&Run) -> f64| {
        let values = of(side, value);
        values[values.len() / 2]
    };
    let time = |side: Side| {
        let values = of(side, |run| run.seconds);
        format!("{:.2} ({:.2}-{:.2})", values[values.len() / 2], values[0], values[values.len() - 1])
    };
    let (ours, theirs) = (Side::Tributary, Side::Duckdb);
    say(&format!(
        "{:<7} {rows:>12} {files:>6}   {:>18} {:>18}   {:>6.2}   {:>11.2} {:>11.2}   {:>9.0} {:>9.0}",
        case.name(),
        time(ours),
        time(theirs),
        median(ours, |run| run.seconds) / median(theirs, |run| run.seconds),
        median(ours, |run| run.cpu_seconds),
        median(theirs, |run| run.cpu_seconds),
        median(ours, |run| run.peak_megabytes),
        median(theirs, |run| run.peak_megabytes),
    ))
}

fn say(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

impl Plan {
    fn parse(args: &[String]) -> Result<Self, Failure> {
        let mut plan = Self {
            rows: 2_000_000,
            files: 20,
            small_files: 2_000,
            rounds: 5,
            cases: vec![Case::Clean, Case::Dirty, Case::Gzip, Case::Small],
            python: sides::python()?,
        };
        let mut rest = args.iter();
        while let Some(name) = rest.next() {
            let value = rest.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--rows" => plan.rows = value.parse()?,
                "--files" => plan.files = value.parse()?,
                "--small-files" => plan.small_files = value.parse()?,
                "--rounds" => plan.rounds = value.parse::<usize>()?.max(1),
                "--case" => plan.cases = value.split(',').map(Case::parse).collect::<Result<_, _>>()?,
                other => return Err(format!("unknown argument {other}; see benches/intake/main.rs").into()),
            }
        }
        Ok(plan)
    }
}

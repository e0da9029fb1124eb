//! What one more night costs, beside the whole history built again: demo companies of several lengths, each first
//! without its last day, then with it. Another binary, such as that of an earlier commit, can be run beside ours on a
//! company of the same bytes.
//!
//! ```text
//! cargo bench --bench night -- [--months 1,12,36] [--rows-per-day 140] [--partners 17] [--rounds 1] [--other BINARY]
//! ```
//!
//! Each step runs in a process of its own, on a copy of the same lake. The bench fails where the marts that came night
//! by night differ from those of `--full-refresh`, in any row.
//!
//! performance.md asks for 20,000 rows a day. `cargo bench --profile dev` reads ratios without a release build.

mod company;
mod marts;
mod process;

use std::io::Write;
use std::path::PathBuf;

use company::Company;
use process::Cost;

/// Any failure of the benchmark, in words.
type Failure = Box<dyn std::error::Error>;

/// What is asked for on the command line.
struct Plan {
    months: Vec<u32>,
    rows_per_day: u64,
    partners: usize,
    rounds: usize,
    other: Option<PathBuf>,
}

/// What is measured of a company, in order.
const STEPS: [&str; 5] = ["build", "quiet", "night", "correction", "rebuild"];

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
    let plan = Plan::parse()?;
    let sides: Vec<(&str, PathBuf)> = std::iter::once(("this", PathBuf::from(env!("CARGO_BIN_EXE_tributary"))))
        .chain(plan.other.clone().map(|binary| ("other", binary)))
        .collect();
    say("| months | step | binary | CPU s | wall s | peak MB | read MB | built | reused | statements |")?;
    say("|---|---|---|---|---|---|---|---|---|---|")?;
    let mut told: Vec<(u32, &str, &str, Cost)> = Vec::new();
    for months in &plan.months {
        let folder = tempfile::tempdir()?;
        let mut companies = Vec::new();
        for (side, binary) in &sides {
            let company = Company::write(folder.path().join(side), binary, *months, plan.partners, plan.rows_per_day)?;
            companies.push((*side, company));
        }
        for step in STEPS {
            let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); companies.len()];
            for _ in 0..if step == "build" { 1 } else { plan.rounds } {
                for ((_, company), costs) in companies.iter_mut().zip(&mut costs) {
                    costs.push(company.step(step)?);
                }
            }
            for ((side, _), costs) in companies.iter().zip(costs) {
                let cost = median(costs).ok_or("no round")?;
                say(&format!("| {months} | {step} | {side} | {cost} |"))?;
                told.push((*months, step, *side, cost));
            }
        }
        for (side, company) in &companies {
            let rows = company.compare().map_err(|failure| format!("{side}, {months} months: {failure}"))?;
            say(&format!("<!-- {side}, {months} months: {rows} rows of marts are those of a full refresh -->"))?;
        }
    }
    ratios(&plan, &told)
}

/// By CPU seconds.
fn median(mut costs: Vec<Cost>) -> Option<Cost> {
    costs.sort_by(|a, b| a.cpu_seconds.total_cmp(&b.cpu_seconds));
    let middle = costs.len() / 2;
    costs.into_iter().nth(middle)
}

/// The ratios that are asked for, of CPU seconds.
fn ratios(plan: &Plan, told: &[(u32, &str, &str, Cost)]) -> Result<(), Failure> {
    let of = |months: u32, step: &str, side: &str| {
        let found = told.iter().find(|(m, s, b, _)| (*m, *s, *b) == (months, step, side));
        found.map(|(.., cost)| cost.cpu_seconds)
    };
    say("")?;
    say("| months | step | rebuild / this | this / shortest history | other / this |")?;
    say("|---|---|---|---|---|")?;
    let shortest = plan.months.iter().min().copied().unwrap_or_default();
    for months in &plan.months {
        for step in STEPS {
            let Some(this) = of(*months, step, "this") else { continue };
            let cell = |ratio: Option<f64>| ratio.map_or("-".to_string(), |ratio| format!("{ratio:.2}"));
            say(&format!(
                "| {months} | {step} | {} | {} | {} |",
                cell(of(*months, "rebuild", "this").map(|rebuild| rebuild / this)),
                cell(of(shortest, step, "this").map(|short| this / short)),
                cell(of(*months, step, "other").map(|other| other / this)),
            ))?;
        }
    }
    Ok(())
}

fn say(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

impl Plan {
    fn parse() -> Result<Self, Failure> {
        let mut plan = Self { months: vec![1, 12, 36], rows_per_day: 140, partners: 17, rounds: 1, other: None };
        let mut rest = std::env::args().skip(1).filter(|arg| arg != "--bench");
        while let Some(name) = rest.next() {
            let value = rest.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--months" => plan.months = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
                "--rows-per-day" => plan.rows_per_day = value.parse()?,
                "--partners" => plan.partners = value.parse()?,
                "--rounds" => plan.rounds = value.parse::<usize>()?.max(1),
                "--other" => plan.other = Some(std::path::absolute(value)?),
                other => return Err(format!("unknown argument {other}; see benches/night/main.rs").into()),
            }
        }
        Ok(plan)
    }
}

//! `run`, `plan` and `backfill`.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::args::{BackfillArgs, Cli, RunArgs};
use super::progress::Progress;
use super::{Console, Exit};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::pipeline::apart::Reader;
use crate::pipeline::{self, Arrival, Company, Plan, Request, Told};
use crate::report::{self, Report};
use crate::schedule::Ping;
use crate::state::record::RunStatus;

/// Loads the company that the command line names.
pub(super) fn company(cli: &Cli) -> Result<Company> {
    let mut company = Company::load(&cli.config, clock()?)?;
    company.reader = Reader::apart(&cli.config);
    Ok(company)
}

/// The machine's clock; in debug builds `TRIBUTARY_NOW` stops it, for tests.
pub(super) fn clock() -> Result<Clock> {
    #[cfg(debug_assertions)]
    if let Ok(now) = std::env::var("TRIBUTARY_NOW") {
        let now = chrono::DateTime::parse_from_rfc3339(&now)
            .map_err(|err| Error::config("TRIBUTARY_NOW is not an RFC 3339 instant").because(err))?;
        return Ok(Clock::fixed(now.to_utc()));
    }
    Ok(Clock::system())
}

fn request(company: &Company, job: Job, args: &RunArgs) -> Result<Request> {
    let last = job.last_closed_day(company.config.company.time_zone, company.clock.now());
    let date = args.date.unwrap_or(last);
    if date > last {
        return Err(Error::config(format!("{date} is not over yet: the last closed business day is {last}")));
    }
    let told = Told { trust_clock: args.trust_clock, new_lake: args.new_lake, take_back: args.take_back };
    Ok(Request {
        job,
        date,
        full_refresh: args.full_refresh,
        select: args.select.clone(),
        quiet: false,
        told,
        refused: Vec::new(),
    })
}

/// Runs one job once and says what came of it.
pub(super) async fn run(cli: &Cli, args: &RunArgs, console: &Console) -> Result<Exit> {
    let ready = company(cli).and_then(|company| Ok((company.job(&args.job)?, company)));
    let (job, company) = match ready {
        Ok(ready) => ready,
        Err(err) => {
            let told = pipeline::could_not_begin(&cli.config, clock()?, &args.job, args.date, &err).await;
            if let Err(why) = told {
                tracing::warn!(error = why.one_line(), "that this night did not begin is on no record");
            }
            return Err(err);
        }
    };
    let request = request(&company, job, args)?;
    // A past date run by hand is no sign of life.
    let ping = if args.date.is_none() { Ping::new(&company.config.serve.ping_url)? } else { Ping::default() };
    ping.start().await;
    let progress = Progress::of(console);
    let report = pipeline::run(&company, &request, &progress).await;
    progress.finish();
    match &report {
        Ok(report) => ping.exit(exit(report).code()).await,
        Err(_) => ping.fail().await,
    }
    let report = report?;
    show(&report, console)?;
    Ok(exit(&report))
}

/// Prints an account.
pub(super) fn show(report: &Report, console: &Console) -> Result<()> {
    if console.json() { console.document(report) } else { console.raw(report::render(report).as_bytes()) }
}

/// How the command ends for this account.
pub(super) fn exit(report: &Report) -> Exit {
    let undelivered = report.mails.iter().any(|mail| mail.outcome != "sent");
    match report.run.status {
        RunStatus::ChecksFailed => Exit::Checks,
        RunStatus::Failed => Exit::Error,
        _ if report.behind.is_some() => Exit::Behind,
        _ if undelivered => Exit::Undelivered,
        _ if report.nothing_new => Exit::Ok,
        RunStatus::Warned => Exit::Warnings,
        RunStatus::Ok => Exit::Ok,
    }
}

/// Shows what a run would do.
pub(super) async fn plan(cli: &Cli, args: &RunArgs, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let request = request(&company, company.job(&args.job)?, args)?;
    let plan = pipeline::plan(&company, &request).await?;
    if console.json() {
        console.document(&plan)?;
        return Ok(Exit::Ok);
    }
    let bytes: u64 = plan.arrivals.iter().map(|arrival| arrival.bytes).sum();
    console.line(format!("{} {}", request.job.name, request.date))?;
    console.line(format!(
        "  would fetch   {}, {} bytes",
        report::counted(plan.arrivals.len() as u64, "file"),
        report::thousands(bytes)
    ))?;
    for ((sender, feed), (files, bytes, newest)) in by_sender(&plan.arrivals) {
        console.line(format!(
            "    {sender:<20} {feed:<14} {:>10} {:>14} bytes   newest {newest}",
            report::counted(files, "file"),
            report::thousands(bytes)
        ))?;
    }
    let build: Vec<_> = plan.steps.iter().filter(|step| step.build).collect();
    console.line(format!(
        "  would build   {}, reuse {} (from what is staged; new files add theirs)",
        report::counted(build.len() as u64, "partition"),
        plan.steps.len() - build.len()
    ))?;
    for step in build {
        console.line(format!("    {:<28} {:<8} {}", step.model, step.partition, step.reason))?;
    }
    tell_alerts(&plan, console)?;
    match plan.last {
        Some(run) => console.line(format!(
            "  last run      {} ended {}",
            run.run_id,
            run.ended_at.format("%Y-%m-%d %H:%M UTC")
        ))?,
        None => console.line("  last run      none of this date")?,
    }
    for note in plan.notes {
        console.line(format!("  note          {note}"))?;
    }
    Ok(Exit::Ok)
}

/// Files, bytes and the newest key, by sender and feed.
fn by_sender(arrivals: &[Arrival]) -> BTreeMap<(&str, &str), (u64, u64, &str)> {
    let mut all: BTreeMap<(&str, &str), (u64, u64, &str)> = BTreeMap::new();
    for arrival in arrivals {
        let name = arrival.key.rsplit('/').next().unwrap_or(&arrival.key);
        let line = all.entry((&arrival.sender, &arrival.feed)).or_insert((0, 0, name));
        *line = (line.0 + 1, line.1 + arrival.bytes, line.2.max(name));
    }
    all
}

/// What stands and would be told again or resolved, and which alert models would be asked.
fn tell_alerts(plan: &Plan, console: &Console) -> Result<()> {
    let asked = report::counted(plan.alerts.len() as u64, "alert model");
    let open: u64 = plan.alerts.iter().map(|alert| alert.open).sum();
    console.line(format!("  would ask     {asked}; {} open now", report::counted(open, "finding")))?;
    for alert in plan.alerts.iter().filter(|alert| alert.open > 0 || alert.changed) {
        let changed = if alert.changed { "what it reads changes" } else { "unchanged but for the date" };
        console.line(format!("    {:<28} {:>8} open   {changed}", alert.rule, alert.open))?;
    }
    for lack in &plan.lacking {
        console.line(format!("  would raise   missing_file: {lack}"))?;
    }
    Ok(())
}

/// Builds the marts of past dates, oldest first. Alerts stay as they are and nothing is mailed.
pub(super) async fn backfill(cli: &Cli, args: &BackfillArgs, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let job = company.job(&args.job)?;
    let last = job.last_closed_day(company.config.company.time_zone, company.clock.now());
    if args.from > args.to || args.to > last {
        return Err(Error::config(format!("{} to {} is not a span of closed business days", args.from, args.to))
            .hint(format!("--from must not be after --to, and --to not after {last}")));
    }
    let progress = Progress::of(console);
    let mut worst = Exit::Ok;
    for date in args.from.iter_days().take_while(|date: &NaiveDate| *date <= args.to) {
        let told = Told::default();
        let request = Request {
            job: job.clone(),
            date,
            full_refresh: false,
            select: Vec::new(),
            quiet: true,
            told,
            refused: Vec::new(),
        };
        let report = pipeline::run(&company, &request, &progress).await?;
        let exit = exit(&report);
        let rows: u64 = report.marts.iter().map(|mart| mart.rows).sum();
        console.line(format!(
            "{date}  {}  {} marts, {} rows",
            word(exit),
            report.marts.len(),
            report::thousands(rows)
        ))?;
        if matches!(exit, Exit::Error | Exit::Checks) {
            show(&report, console)?;
            return Ok(exit);
        }
        worst = if worst == Exit::Ok { exit } else { worst };
    }
    progress.finish();
    Ok(worst)
}

fn word(exit: Exit) -> &'static str {
    match exit {
        Exit::Ok => "ok",
        Exit::Warnings => "warnings",
        Exit::Checks => "checks failed",
        Exit::Undelivered => "mails waiting",
        Exit::Behind => "readers behind",
        Exit::Error | Exit::Usage => "failed",
    }
}

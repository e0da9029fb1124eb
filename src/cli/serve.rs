//! `serve`: runs jobs at their local times until it is told to stop.

use super::args::{Cli, ServeArgs};
use super::run::{company, exit};
use super::{Console, Exit};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::pipeline::{self, Request};
use crate::report;
use crate::schedule;

/// Derives what is due from the commits, runs it oldest first, one at a time.
pub(super) async fn serve(cli: &Cli, args: &ServeArgs, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let names = if args.jobs.is_empty() { Job::names(&company.config.folders.jobs)? } else { args.jobs.clone() };
    let jobs = names.iter().map(|name| company.job(name)).collect::<Result<Vec<_>>>()?;
    for job in &jobs {
        schedule::validate(job)?;
    }
    let mut worst = Exit::Ok;
    if !args.once {
        for job in &jobs {
            console.line(format!("{}: daily at {} {}, days {}", job.name, job.at, job.zone(company.config.company.time_zone), job.days))?;
        }
    }
    let mut shutdown = schedule::Shutdown::on_signals()?;
    let mut ticks = schedule::Ticks::start(company.config.serve.tick_seconds).await?;
    loop {
        let due = due(&company, &jobs).await?;
        let newest = due.last().map(|(_, date)| *date);
        for (job, date) in due {
            // Catch-up mails one digest, for the newest date.
            let quiet = Some(date) != newest;
            let request = Request { job: job.clone(), date, full_refresh: false, select: Vec::new(), quiet };
            schedule::ping(&company.config.serve.ping_url, "start").await;
            let ran = shutdown.finish_or_stop(Box::pin(pipeline::run(&company, &request, &()))).await;
            let Some(result) = ran else {
                console.line(format!("{} {date}: stopped; it will run again at the next start", job.name))?;
                return Ok(Exit::Ok);
            };
            match result {
                Ok(account) => {
                    let ended = exit(&account);
                    schedule::ping(&company.config.serve.ping_url, &ended.code().to_string()).await;
                    let first = report::render(&account).lines().next().unwrap_or_default().to_string();
                    console.line(first)?;
                    worst = if ended == Exit::Ok { worst } else { ended };
                }
                Err(err) => {
                    schedule::ping(&company.config.serve.ping_url, "fail").await;
                    console.error(&err);
                    worst = Exit::of(&err);
                }
            }
            if shutdown.requested() {
                return Ok(Exit::Ok);
            }
        }
        if args.once {
            return Ok(worst);
        }
        if !shutdown.wait_for(ticks.next()).await {
            console.line("stopped")?;
            return Ok(Exit::Ok);
        }
    }
}

/// What is due now over all jobs, oldest first.
async fn due(company: &pipeline::Company, jobs: &[Job]) -> Result<Vec<(Job, chrono::NaiveDate)>> {
    let state = pipeline::state(company).await?;
    let now = company.clock.now();
    let mut due = Vec::new();
    for job in jobs {
        let done = state.published_dates(&job.name);
        let zone = company.config.company.time_zone;
        let dates = schedule::due(job, zone, now, &done, company.config.run.catch_up_max)
            .map_err(|err: Error| err.at(&job.name))?;
        due.extend(dates.into_iter().map(|date| (job.clone(), date)));
    }
    due.sort_by(|a, b| (a.1, &a.0.name).cmp(&(b.1, &b.0.name)));
    Ok(due)
}

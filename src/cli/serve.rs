//! `serve`: runs jobs at their local times until it is told to stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use super::args::{Cli, ServeArgs};
use super::run::{company, exit};
use super::{Console, Exit};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::pipeline::{self, Company, Request, Told};
use crate::report;
use crate::schedule::{self, Host, JobDate, Ping, Serve};

/// How long a run may still take after a stop signal.
const GRACE: Duration = Duration::from_secs(20);

/// A company whose jobs are run when they are due.
struct Nights {
    company: Company,
    jobs: Vec<Job>,
    console: Console,
}

impl Host for Nights {
    async fn due(&self, now: DateTime<Utc>) -> Result<Vec<JobDate>> {
        let state = pipeline::state(&self.company).await?;
        let committed: BTreeMap<String, _> =
            self.jobs.iter().map(|job| (job.name.clone(), state.done_dates(&job.name).collect())).collect();
        let config = &self.company.config;
        schedule::due_jobs(&self.jobs, config.company.time_zone, now, &committed, config.run.catch_up_max)
    }

    async fn run(&self, work: JobDate) -> Result<u8> {
        let account = self.night(&work.job, work.date, !work.newest).await?;
        if let Some(line) = report::render(&account).lines().next() {
            self.console.line(line)?;
        }
        match account.run.error {
            Some(error) if account.passing => Err(Error::retry(error)),
            _ => Ok(exit(&account).code()),
        }
    }

    async fn idle(&self, _now: DateTime<Utc>) -> Result<()> {
        pipeline::flush(&self.company, false).await.map(drop)
    }
}

impl Nights {
    /// Runs one date. Catch-up mails one digest, for the newest date: the earlier ones are quiet.
    async fn night(&self, job: &str, date: NaiveDate, quiet: bool) -> Result<report::Report> {
        let job = self.company.job(job)?;
        let told = Told::default();
        let request = Request { job, date, full_refresh: false, select: Vec::new(), quiet, told };
        Box::pin(pipeline::run(&self.company, &request, &())).await
    }
}

/// Derives what is due from the commits, runs it oldest first, one at a time.
pub(super) async fn serve(cli: &Cli, args: &ServeArgs, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let names = if args.jobs.is_empty() { Job::names(&company.config.folders.jobs)? } else { args.jobs.clone() };
    let jobs = names.iter().map(|name| company.job(name)).collect::<Result<Vec<_>>>()?;
    let clock = company.clock.clone();
    let options = Serve {
        tick: Duration::from_secs(company.config.serve.tick_seconds.max(1)),
        grace: GRACE,
        ping: Ping::new(&company.config.serve.ping_url)?,
    };
    let zone = company.config.company.time_zone;
    let host = Arc::new(Nights { company, jobs, console: *console });
    if args.once {
        let mut worst = Exit::Ok;
        for work in host.due(clock.now()).await? {
            let account = host.night(&work.job, work.date, !work.newest).await?;
            console.raw(report::render(&account).as_bytes())?;
            worst = if worst == Exit::Ok { exit(&account) } else { worst };
        }
        return Ok(worst);
    }
    for job in &host.jobs {
        console.line(format!("{}: at {} {}, days {}", job.name, job.at, job.zone(zone), job.days))?;
    }
    schedule::serve(host, clock, options, schedule::stop_signal()).await?;
    console.line("stopped")?;
    Ok(Exit::Ok)
}

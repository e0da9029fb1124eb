//! `serve`: runs jobs at their local times until it is told to stop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use super::args::{Cli, ServeArgs};
use super::held::{Held, Loaded};
use super::progress::Progress;
use super::run::exit;
use super::{Console, Exit};
use crate::error::{Error, Result};
use crate::pipeline::{self, Refused, Request, Told};
use crate::report;
use crate::schedule::{self, Due, Host, JobDate, Pace};

/// How long a run may still take after a stop signal.
const GRACE: Duration = Duration::from_secs(20);

/// A company whose jobs are run when they are due, by the newest settings that are valid.
struct Nights {
    held: Held,
    console: Console,
    /// What other processes were told last is kept back; none before that.
    told: Mutex<Option<Vec<Refused>>>,
}

impl Host for Nights {
    async fn due(&self, now: DateTime<Utc>) -> Result<Due> {
        let changed = self.held.look(now).await;
        let loaded = self.held.loaded();
        self.tell(&loaded).await;
        Ok(Due { dates: due(&loaded, now).await?, changed })
    }

    async fn run(&self, work: JobDate) -> Result<u8> {
        let account = self.night(&work.job, work.date, !work.newest).await?;
        if let Some(line) = report::render(&account).lines().next() {
            // A terminal that was closed is no reason to stop, and the night is done.
            self.console.line(line).ok();
        }
        match account.run.error {
            Some(error) if account.passing => Err(Error::retry(error)),
            _ => Ok(exit(&account).code()),
        }
    }

    async fn idle(&self, _now: DateTime<Utc>) -> Result<()> {
        pipeline::flush(&self.held.loaded().company, false).await.map(drop)
    }

    fn pace(&self) -> Pace {
        let loaded = self.held.loaded();
        let tick = Duration::from_secs(loaded.company.config.serve.tick_seconds.max(1));
        Pace { tick, grace: GRACE, ping: loaded.ping.clone() }
    }

    fn reload(&self) {
        self.held.forget();
    }
}

impl Nights {
    /// Leaves word of what is kept back for whoever asks how things stand, where that has changed.
    async fn tell(&self, loaded: &Loaded) {
        let refused = self.held.refused();
        if self.told.lock().is_ok_and(|told| told.as_ref() == Some(&refused)) {
            return;
        }
        match pipeline::leave_refused(&loaded.company, &refused).await {
            Ok(()) => drop(self.told.lock().map(|mut told| *told = Some(refused))),
            Err(err) => tracing::warn!(error = err.one_line(), "`status` cannot be told what is kept back"),
        }
    }

    /// Runs one date. Catch-up mails one digest, for the newest date: the earlier ones are quiet.
    async fn night(&self, job: &str, date: NaiveDate, quiet: bool) -> Result<report::Report> {
        let loaded = self.held.loaded();
        let job = loaded.jobs.iter().find(|known| known.name == job).cloned();
        let job = job.ok_or_else(|| Error::bug("a job vanished while it was due"))?;
        let refused = self.held.refused();
        let told = Told::default();
        let request = Request { job, date, full_refresh: false, select: Vec::new(), quiet, told, refused };
        let progress = Progress::lines();
        let report = Box::pin(pipeline::run(&loaded.company, &request, &progress)).await;
        progress.finish();
        report
    }
}

async fn due(loaded: &Loaded, now: DateTime<Utc>) -> Result<Vec<JobDate>> {
    let state = pipeline::state(&loaded.company).await?;
    let committed: BTreeMap<String, _> =
        loaded.jobs.iter().map(|job| (job.name.clone(), state.done_dates(&job.name).collect())).collect();
    let config = &loaded.company.config;
    schedule::due_jobs(&loaded.jobs, config.company.time_zone, now, &committed, config.run.catch_up_max)
}

/// Derives what is due from the commits, runs it oldest first, one at a time.
pub(super) async fn serve(cli: &Cli, args: &ServeArgs, console: &Console) -> Result<Exit> {
    let held = Held::open(cli, &args.jobs)?;
    let loaded = held.loaded();
    let clock = loaded.company.clock.clone();
    let host = Arc::new(Nights { held, console: *console, told: Mutex::new(None) });
    if args.once {
        let mut worst = Exit::Ok;
        for work in due(&loaded, clock.now()).await? {
            let account = host.night(&work.job, work.date, !work.newest).await?;
            console.raw(report::render(&account).as_bytes())?;
            worst = if worst == Exit::Ok { exit(&account) } else { worst };
        }
        return Ok(worst);
    }
    let zone = loaded.company.config.company.time_zone;
    for job in &loaded.jobs {
        console.line(format!("{}: at {} {}, days {}", job.name, job.at, job.zone(zone), job.days))?;
    }
    drop(loaded);
    schedule::serve(Arc::clone(&host), clock, schedule::stop_signal(), schedule::reload_signals()).await?;
    // Whoever starts next reads everything anew.
    if let Err(err) = pipeline::leave_refused(&host.held.loaded().company, &[]).await {
        tracing::warn!(error = err.one_line(), "`status` goes on telling what was kept back");
    }
    console.line("stopped").ok();
    Ok(Exit::Ok)
}

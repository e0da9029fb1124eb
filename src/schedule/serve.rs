//! Runs what is due, one at a time, until told to stop. The cron crate gives only a tick: it has faults
//! with clock changes, overlap and shutdown, and none of them can reach a run from here.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job as Tick, JobScheduler};

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::schedule::{JobDate, Ping};

/// What is due.
#[derive(Debug, Clone, Default)]
pub struct Due {
    /// In the order to run it.
    pub dates: Vec<JobDate>,
    /// Other settings, jobs or models hold than at the look before: what failed by the old ones has another chance.
    pub changed: bool,
}

/// What a scheduler drives.
pub trait Host: Send + Sync + 'static {
    /// What is due now; read anew from the commits, and from changed settings, each time.
    fn due(&self, now: DateTime<Utc>) -> impl Future<Output = Result<Due>> + Send;
    /// Runs one; gives the exit code that `tributary run` would end with.
    fn run(&self, work: JobDate) -> impl Future<Output = Result<u8>> + Send;
    /// Called at each tick that finds nothing to run: the time to send waiting mails.
    fn idle(&self, now: DateTime<Utc>) -> impl Future<Output = Result<()>> + Send;
    /// How to wait, by the settings that hold.
    fn pace(&self) -> Pace;
    /// The next look reads everything again, whether or not it seems to have changed.
    fn reload(&self);
}

/// How the scheduler behaves.
#[derive(Debug, Clone)]
pub struct Pace {
    /// `serve.tick_seconds`.
    pub tick: Duration,
    /// How long a run may still take after a stop signal before it is dropped; dropping is safe, the next
    /// start does it again.
    pub grace: Duration,
    /// The dead-man switch.
    pub ping: Ping,
}

/// Why a date that is due does not run now.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Hold {
    /// Passing trouble: again at this time, after so many failures.
    Until(DateTime<Utc>, u32),
    /// It ended in a way that trying again will not change; again when a date after this one falls due.
    Newer(NaiveDate),
}

type Holds = BTreeMap<(String, NaiveDate), Hold>;

/// How a guarded step ended.
enum Ended<T> {
    /// By itself; a panic is an error here.
    Done(Result<T>),
    /// By the stop signal.
    Stopped,
}

/// What the loop does next.
#[derive(PartialEq, Eq)]
enum Next {
    /// Something ran: look again at once.
    Look,
    /// Nothing to do until the next tick.
    Wait,
    /// The stop signal came.
    Stop,
}

/// Runs what is due until `shutdown` resolves; then the current run may finish within the grace. Each of `reloads` has
/// everything read again.
pub async fn serve<H: Host>(
    host: Arc<H>,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send,
    mut reloads: mpsc::Receiver<()>,
) -> Result<()> {
    let mut shutdown: Shutdown<'_> = Box::pin(shutdown);
    let (sender, mut ticks) = mpsc::channel(1);
    let mut tick = host.pace().tick;
    let mut ticking = ticker(tick, sender.clone()).await?;
    let mut holds = Holds::new();
    tracing::info!("waiting for due jobs");
    loop {
        let pace = host.pace();
        if pace.tick != tick {
            stop(ticking).await;
            tick = pace.tick;
            ticking = ticker(tick, sender.clone()).await?;
        }
        match step(&host, &clock, &pace, &mut holds, &mut shutdown).await {
            Next::Look => continue,
            Next::Stop => break,
            Next::Wait => {}
        }
        // Ticks are hints: should the ticker die, the sleep wakes us.
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(()) = reloads.recv() => {
                tracing::info!("told to read settings, jobs and models again");
                host.reload();
            }
            _ = ticks.recv() => {}
            () = tokio::time::sleep(tick.saturating_mul(2)) => {}
        }
    }
    stop(ticking).await;
    tracing::info!("stopped");
    Ok(())
}

async fn stop(mut ticking: JobScheduler) {
    if let Err(err) = ticking.shutdown().await {
        tracing::debug!(%err, "the ticker did not stop cleanly");
    }
}

/// Runs the first due date that is not on hold, or lets the host use its idle time.
async fn step<H: Host>(
    host: &Arc<H>,
    clock: &Clock,
    options: &Pace,
    holds: &mut Holds,
    shutdown: &mut Shutdown<'_>,
) -> Next {
    let now = clock.now();
    let one = Arc::clone(host);
    let due = match guarded(async move { one.due(now).await }, shutdown, options.grace).await {
        Ended::Stopped => return Next::Stop,
        Ended::Done(Ok(due)) => due,
        Ended::Done(Err(err)) => {
            tracing::error!(error = err.one_line(), "what is due cannot be told; looking again at the next tick");
            return Next::Wait;
        }
    };
    let Due { dates: due, changed } = due;
    holds.retain(|(job, date), hold| {
        let owed = due.iter().any(|work| work.job == *job && work.date == *date);
        owed && !(changed && matches!(hold, Hold::Newer(_)))
    });
    let Some(work) = due.iter().find(|work| !is_held(holds, &due, work, now)).cloned() else {
        let one = Arc::clone(host);
        return match guarded(async move { one.idle(now).await }, shutdown, options.grace).await {
            Ended::Stopped => Next::Stop,
            Ended::Done(Ok(())) => Next::Wait,
            Ended::Done(Err(err)) => {
                tracing::warn!(error = err.one_line(), "idle work failed");
                Next::Wait
            }
        };
    };
    tracing::info!(job = work.job, date = %work.date, "run begins");
    options.ping.start().await;
    let (one, task) = (Arc::clone(host), work.clone());
    let ended = guarded(async move { one.run(task).await }, shutdown, options.grace).await;
    let Ended::Done(result) = ended else {
        tracing::warn!(job = work.job, date = %work.date, "run dropped at stop; the next start does it again");
        options.ping.fail().await;
        return Next::Stop;
    };
    match &result {
        Ok(code) => options.ping.exit(*code).await,
        Err(_) => options.ping.fail().await,
    }
    let failures = match holds.get(&(work.job.clone(), work.date)) {
        Some(Hold::Until(_, failures)) => *failures,
        _ => 0,
    };
    let newest = newest(&due, &work.job).unwrap_or(work.date);
    let hold = hold_after(&result, clock.now(), failures, newest);
    match &result {
        Ok(code) => tracing::info!(job = work.job, date = %work.date, code, "run ended"),
        Err(err) => tracing::error!(job = work.job, date = %work.date, error = err.one_line(), ?hold, "run failed"),
    }
    holds.insert((work.job, work.date), hold);
    Next::Look
}

/// When a date that has just run may run again, should it still be due.
fn hold_after(result: &Result<u8>, now: DateTime<Utc>, failures: u32, newest: NaiveDate) -> Hold {
    match result {
        Err(err) if matches!(err.kind(), Kind::Retry | Kind::Fenced) => {
            let minutes = 1_i64.checked_shl(failures).unwrap_or(60).clamp(1, 60);
            Hold::Until(now + TimeDelta::minutes(minutes), failures.saturating_add(1).min(30))
        }
        _ => Hold::Newer(newest),
    }
}

fn is_held(holds: &Holds, due: &[JobDate], work: &JobDate, now: DateTime<Utc>) -> bool {
    match holds.get(&(work.job.clone(), work.date)) {
        None => false,
        Some(Hold::Until(time, _)) => now < *time,
        Some(Hold::Newer(seen)) => newest(due, &work.job).is_none_or(|newest| newest <= *seen),
    }
}

fn newest(due: &[JobDate], job: &str) -> Option<NaiveDate> {
    due.iter().filter(|work| work.job == job).map(|work| work.date).max()
}

type Shutdown<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Runs `work` in a task of its own, so that a panic ends only it. A stop signal gives it the grace.
async fn guarded<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
    shutdown: &mut Shutdown<'_>,
    grace: Duration,
) -> Ended<T> {
    let mut task = tokio::spawn(work);
    tokio::select! {
        biased;
        () = shutdown => {
            tracing::info!(grace_seconds = grace.as_secs(), "stopping; the current step may finish");
            if tokio::time::timeout(grace, &mut task).await.is_err() {
                task.abort();
                // Wait until it is gone, so that nothing runs behind our back.
                drop(task.await);
            }
            Ended::Stopped
        }
        joined = &mut task => Ended::Done(joined.unwrap_or_else(|err| {
            Err(Error::bug("a step panicked").hint("the log above names the place; please report it").because(err))
        })),
    }
}

/// The cron crate's tick, in UTC; its closure does nothing but send.
async fn ticker(tick: Duration, sender: mpsc::Sender<()>) -> Result<JobScheduler> {
    let seconds = tick.as_secs().max(1);
    let pattern =
        if seconds < 60 { format!("*/{seconds} * * * * *") } else { format!("0 */{} * * * *", (seconds / 60).min(59)) };
    let failed = |err| Error::bug("the ticker cannot start").because(err);
    let scheduler = JobScheduler::new().await.map_err(failed)?;
    let send = move |_, _| {
        if sender.try_send(()).is_err() {
            tracing::trace!("a look is pending already");
        }
    };
    let job = Tick::new(pattern, send).map_err(failed)?;
    scheduler.add(job).await.map_err(failed)?;
    scheduler.start().await.map_err(failed)?;
    Ok(scheduler)
}

/// One for each SIGHUP, which so does not end the process: neither a reload nor a terminal that is closed stops the nights.
pub fn reload_signals() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel(1);
    #[cfg(unix)]
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
        while hangup.recv().await.is_some() {
            // One that is pending already reads everything, too.
            if matches!(sender.try_send(()), Err(mpsc::error::TrySendError::Closed(()))) {
                return;
            }
        }
    });
    #[cfg(not(unix))]
    drop(sender);
    receiver
}

/// Resolves at SIGTERM or SIGINT (Ctrl-C).
pub async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                result = tokio::signal::ctrl_c() => drop(result),
            }
            return;
        }
    }
    drop(tokio::signal::ctrl_c().await);
}

#[cfg(test)]
mod tests;

//! The data's path. [`run`] lists its stages in order; control flow lives only here.
//!
//! ```text
//! discover -> fetch -> stage -> validate -> transform -> alert   -> publish -> deliver
//! Arrival     Landed   Staged   Checked     Built        Raised     Commit     Mail
//! ```
//!
//! A stage never imports another stage: what passes between them is defined in [`flow`].

pub mod flow;
mod account;
mod aside;
pub mod alert;
pub mod apart;
mod workdays;
mod calendar;
mod clockwork;
mod damage;
mod deliver;
mod discover;
mod expect;
mod fetch;
mod killpoint;
mod left_out;
mod look;
pub mod master_data;
mod mend;
mod names;
mod outside;
mod replay;
mod reply;
mod publish;
mod recipients;
mod refusals;
mod raise;
mod read_by;
mod readers;
mod request;
mod reduce;
mod stage;
mod system;
mod transform;
mod unbegun;
mod validate;
pub mod verify;

use std::path::Path;
use std::time::Duration;

use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt};
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub use clockwork::behind as clock_behind;
pub use deliver::{Undelivered, flush, retry, undelivered};
pub use flow::{Arrival, Plan, PlannedAlert, Watch};
pub use look::{Difference, Fresh, Lacking, diff, freshness, lacking, questions, reductions};
pub use names::names;
pub use readers::{behind, same_lake};
pub use refusals::{leave_refused, refused};
pub use replay::{Replayed, replay};
pub use request::{Refused, Request, Told};
pub use unbegun::could_not_begin;

use crate::clock::Clock;
use crate::config::Config;
use crate::contract::Contracts;
use crate::error::{Error, Kind, Result};
use crate::intake::Spool;
use crate::job::Job;
use crate::mail::rule::AlertRule;
use crate::models::Registry;
use crate::report::Report;
use crate::sender::Senders;
use crate::state::record::{Input, RunRecord, RunStatus};
use crate::state::{self, Chain, Held, Options, State};
use crate::store::Stores;
use damage::{Damage, Look};
use flow::{Night, Staged};
use killpoint::killpoint;
use stage::Readings;

/// Small texts on their way for each file that is worked on at once.
const SMALL_FILES_AT_ONCE: usize = 4;
/// Bytes of a small text.
const SMALL_BYTES: u64 = 1024 * 1024;

/// Everything that a company's folder and stores hold, loaded and checked.
pub struct Company {
    /// Settings.
    pub config: Config,
    /// Feed contracts.
    pub contracts: Contracts,
    /// Sender mappings.
    pub senders: Senders,
    /// SQL models.
    pub registry: Registry,
    /// Inbox, lake and marts.
    pub stores: Stores,
    /// Time.
    pub clock: Clock,
    /// Where workbooks, Parquet files and archives are read.
    pub reader: apart::Reader,
}

impl Company {
    /// Loads the company whose settings are in `config`, and opens its stores.
    pub fn load(config: &Path, clock: Clock) -> Result<Self> {
        let config = Config::load(config)?;
        let stores = killpoint::guard(Stores::open(&config)?);
        Self::with_stores(config, stores, clock)
    }

    /// Loads the company over given stores.
    pub fn with_stores(config: Config, stores: Stores, clock: Clock) -> Result<Self> {
        let contracts = Contracts::load(&config.folders.jobs)?;
        let senders = Senders::load(&config.folders.jobs, &contracts)?;
        let mut registry = Registry::load(&config, &contracts)?;
        let wrong: Vec<(String, Error)> = (registry.alert_sidecars())
            .filter_map(|(name, place, sidecar)| {
                Some((name.to_string(), AlertRule::from_sidecar(name, &place, sidecar).err()?))
            })
            .collect();
        wrong.into_iter().for_each(|(alert, fault)| registry.leave_out(&alert, fault));
        Ok(Self { config, contracts, senders, registry, stores, clock, reader: apart::Reader::Here })
    }

    /// One of its jobs.
    pub fn job(&self, name: &str) -> Result<Job> {
        Job::load(&self.config.folders.jobs, name)
    }
}

/// Runs one job for one date, from the inbox to the mails.
///
/// An `Err` means that not even a failed run could be recorded (no store, no lease, wrong settings);
/// every later failure is committed, mailed to head office and told in the report.
pub async fn run(company: &Company, request: &Request, watch: &dyn Watch) -> Result<Report> {
    if !request.told.new_lake {
        readers::same_lake(company).await?;
    }
    let options = Options::of(&company.config);
    let holder = format!("run {} {}", request.job.name, request.date);
    let mut held = state::hold(&company.stores, &options, &company.clock, &holder).await?;
    let result = Box::pin(run_with_lease(company, request, watch, &mut held)).await;
    match (result, held.release().await) {
        (Ok(report), Err(err)) => {
            // What was committed stands; the next runner waits until the lease runs out.
            tracing::warn!(error = err.one_line(), "the lake could not be let go");
            Ok(report)
        }
        (result, _) => result,
    }
}

async fn run_with_lease(company: &Company, request: &Request, watch: &dyn Watch, held: &mut Held) -> Result<Report> {
    let damage = mend::glance(company, &held.state).await;
    // Readers that lag behind are no reason to stop a night: it brings them forward itself.
    let behind = readers::roll_forward(company, &held.state).await.err().map(|err| lagging(&err));
    Box::pin(one_night(company, request, watch, held, damage, false, behind)).await
}

/// One night. Where it fails, all that it may have read is looked at before it is given up: if some of that was damaged
/// unseen, it begins again and mends that first.
async fn one_night(
    company: &Company,
    request: &Request,
    watch: &dyn Watch,
    held: &mut Held,
    damage: Damage,
    repairs: bool,
    behind: Option<String>,
) -> Result<Report> {
    let deadline = Instant::now() + Duration::from_secs(company.config.run.deadline_minutes.saturating_mul(60));
    let mut night = begin(company, request, held, damage.clone(), repairs, behind.clone()).await;
    let mut outcome = try_night(&mut night, held, watch, deadline).await;
    if let Err(err) = &outcome
        && !matches!(err.kind(), Kind::Fenced | Kind::Config)
        && Instant::now() < deadline
    {
        match damage::survey(company, &held.state, Look::Whole).await {
            Ok(found) if !damage.holds(&found) => {
                tracing::warn!(
                    error = err.one_line(),
                    files = found.files.len(),
                    "the night begins again: files are damaged"
                );
                night = begin(company, request, held, found, repairs, behind).await;
                outcome = try_night(&mut night, held, watch, deadline).await;
            }
            Ok(_) => {}
            Err(err) => tracing::warn!(error = err.one_line(), "whether files are damaged is not known"),
        }
    }
    match outcome {
        Ok(()) => {}
        // Whoever lost the lake must not write to it, not even that it failed.
        Err(err) if err.kind() == Kind::Fenced => return Err(err),
        Err(err) => fail(&mut night, held, &err).await?,
    }
    if !request.quiet {
        let stage = night.begin(watch, "deliver", 0);
        killpoint("deliver");
        deliver::deliver(&mut night).await;
        night.finish(stage);
    }
    publish::leave_word(&night).await;
    let report = night.into_report()?;
    outside::tell(company, &held.state, &report);
    Ok(report)
}

/// A night that knows what it has to mend.
async fn begin<'a>(
    company: &'a Company,
    request: &'a Request,
    held: &Held,
    damage: Damage,
    repairs: bool,
    behind: Option<String>,
) -> Night<'a> {
    let mut night = Night::new(company, request, held.state.clone());
    night.repairs = repairs;
    night.behind = behind;
    night.afterwards = publish::untold(company, &mut night.state).await;
    mend::take_on(&mut night, damage);
    for refused in &request.refused {
        let since = refused.since.with_timezone(&company.config.company.time_zone).format("%Y-%m-%d %H:%M");
        night.warn(match &refused.gone {
            Some(_) => format!("{} (since {since})", refused.error),
            None => format!(
                "settings, jobs or models were changed and cannot be used; this run goes by those before {since}: {}",
                refused.error
            ),
        });
    }
    if let Some(newest) = night.newer() {
        night.notes.push(format!(
            "readers stay at the night of {newest}: duckdb.sql and latest/ do not change for {}, nor do the alerts that stand",
            request.date
        ));
    }
    night
}

/// The stages, within the time that a run may take.
async fn try_night(night: &mut Night<'_>, held: &mut Held, watch: &dyn Watch, deadline: Instant) -> Result<()> {
    let minutes = night.company.config.run.deadline_minutes;
    match tokio::time::timeout_at(deadline, Box::pin(night_path(night, held, watch))).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::retry(format!("run took longer than {minutes} minutes"))
            .hint("raise run.deadline_minutes, or look at the stage times of earlier runs with `tributary runs`")),
    }
}

/// Mends what is damaged by a night of `job` that takes nothing new in and tells nobody: the same date is published again.
/// None where nothing of the damage is this job's.
async fn repair(company: &Company, job: Job, date: NaiveDate, damage: &Damage) -> Result<Option<Report>> {
    let told = Told { trust_clock: true, ..Told::default() };
    let request =
        Request { job, date, full_refresh: false, select: Vec::new(), quiet: true, told, refused: Vec::new() };
    let holder = format!("repair {} {date}", request.job.name);
    let mut held = state::hold(&company.stores, &Options::of(&company.config), &company.clock, &holder).await?;
    let concerned = !begin(company, &request, &held, damage.clone(), true, None).await.damage.is_empty();
    let report = if concerned {
        Box::pin(one_night(company, &request, &(), &mut held, damage.clone(), true, None)).await.map(Some)
    } else {
        Ok(None)
    };
    held.release().await?;
    report
}

/// The stages, in order.
async fn night_path(night: &mut Night<'_>, held: &mut Held, watch: &dyn Watch) -> Result<()> {
    let company = night.company;

    let stage = night.begin(watch, "discover", 0);
    let arrivals = discover::discover(night).await?;
    clockwork::plausible(night, &arrivals)?;
    let arrivals = discover::settled(night, arrivals).await?;
    night.finish(stage);
    killpoint("discover");

    let stage = night.begin(watch, "stage", arrivals.len() as u64);
    let mut taken = take(night, arrivals, watch).await?;
    mend::set_aside(night, &mut taken)?;
    night.finish(stage);

    let stage = night.begin(watch, "validate", 0);
    validate::validate(night, taken)?;
    night.workdays = calendar::load(night).await?;
    validate::late(night);
    night.finish(stage);
    killpoint("validate");
    if night.nothing_new()? {
        return Ok(());
    }
    held.check()?;

    let stage = night.begin(watch, "transform", 0);
    let mut built = transform::transform(night, watch).await?;
    night.finish(stage);
    killpoint("transform");

    let stage = night.begin(watch, "alert", 0);
    raise::raise(night, &built).await?;
    reply::write_replies(night, Some(&built)).await?;
    night.finish(stage);
    killpoint("alert");

    let stage = night.begin(watch, "publish", 0);
    transform::account(night, &mut built, watch).await?;
    publish::commit(night, &built, held).await?;
    killpoint("commit");
    // The night is true. That readers do not see it yet is told, and healed by the next start.
    night.behind = readers::latest(company, &night.state).await.err().map(|err| lagging(&err));
    night.finish(stage);
    killpoint("publish");
    Ok(())
}

/// What is said when `duckdb.sql` and `latest/` could not be brought to what is published.
fn lagging(err: &Error) -> String {
    tracing::error!(error = err.one_line(), "readers do not see the newest night yet");
    err.one_line()
}

/// Fetches and stages files, several at once, in the order of their keys.
async fn take(night: &mut Night<'_>, arrivals: Vec<Arrival>, watch: &dyn Watch) -> Result<Vec<Staged>> {
    let at_once = night.company.config.files_at_once();
    // A small text mostly waits for the store: several of them keep a core busy. Any other file has its turn.
    let turns = &Semaphore::new(at_once);
    let turn = async || turns.acquire().await.map_err(|err| Error::bug("no more files are taken").because(err));
    let mut readings = Readings::default();
    let staged = {
        let (night, turn) = (&*night, &turn);
        futures::stream::iter(arrivals)
            .map(|arrival| (readings.of(night.company, &arrival.sender, &arrival.feed), arrival))
            .map(|(reading, arrival)| async move {
                let reading = reading?;
                let mut mine = if arrival.bytes > SMALL_BYTES { Some(turn().await?) } else { None };
                watch.step(&arrival.key);
                let landed = match fetch::fetch(night, arrival.clone()).await {
                    Ok(landed) => landed,
                    Err(err) => return Ok(Err((arrival, err))),
                };
                killpoint("fetch");
                if mine.is_none() && matches!(landed.content, Spool::Disk(_)) {
                    mine = Some(turn().await?);
                }
                let staged = stage::stage(night, landed, reading).await?;
                drop(mine);
                killpoint("stage");
                Ok::<_, Error>(Ok(staged))
            })
            .buffered(at_once * SMALL_FILES_AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?
    };
    fetched(night, staged)
}

/// The way from the inbox to staged files and nothing else, for benchmarks: what is staged here is named by no
/// commit, and the next run stages it again.
pub async fn take_in(company: &Company, request: &Request) -> Result<Vec<Input>> {
    let mut night = Night::new(company, request, state(company).await?);
    let arrivals = discover::discover(&mut night).await?;
    let taken = take(&mut night, arrivals, &()).await?;
    Ok(taken.into_iter().filter_map(|staged| staged.input).collect())
}

/// The files that could be fetched. One that could not does not stop the others; where none could, the store is
/// down and so is the night.
fn fetched(
    night: &mut Night<'_>,
    staged: Vec<std::result::Result<flow::Staged, (Arrival, Error)>>,
) -> Result<Vec<flow::Staged>> {
    let all = staged.len();
    let (mut taken, mut failed) = (Vec::with_capacity(all), Vec::new());
    for file in staged {
        match file {
            Ok(file) => taken.push(file),
            Err(failure) => failed.push(failure),
        }
    }
    if failed.len() == all && failed.iter().all(|(_, err)| err.kind() == Kind::Retry) {
        return match failed.into_iter().next() {
            Some((_, err)) => Err(err),
            None => Ok(taken),
        };
    }
    for (Arrival { sender, feed, key, .. }, err) in failed {
        match err.kind() {
            // It changed or vanished under us: what it is now, the next run sees.
            Kind::Input => night.warn(format!("{key} waits for the next run: {}", err.one_line())),
            _ => night.unusable(&sender, &feed, &key, &err.message()),
        }
    }
    Ok(taken)
}

/// Records a failed run: what it took in still counts, marts stay as they were, head office is told.
async fn fail(night: &mut Night<'_>, held: &mut Held, err: &Error) -> Result<()> {
    tracing::error!(run = %night.run_id, error = %err.one_line(), "run failed");
    held.check()?;
    let status = if err.kind() == Kind::Checks { RunStatus::ChecksFailed } else { RunStatus::Failed };
    night.status = status;
    night.passing = err.kind() == Kind::Retry;
    night.error = Some(match err.advice() {
        Some(hint) => format!("{} ({hint})", err.one_line()),
        None => err.one_line(),
    });
    // What the run owed before it failed is written already.
    let replied = !night.owed.is_empty();
    raise::raise_failure(night).await?;
    if !replied && let Err(err) = reply::write_replies(night, None).await {
        // That the night failed must be on record, whatever else fails.
        night.warn(format!("senders get no answer about this run: {}", err.one_line()));
    }
    publish::commit_failure(night, held).await
}

/// What a run would do: files to fetch, partitions to build and why.
pub async fn plan(company: &Company, request: &Request) -> Result<Plan> {
    let mut night = Night::new(company, request, state(company).await?);
    let arrivals = discover::discover(&mut night).await?;
    night.workdays = calendar::load(&night).await?;
    left_out::tell(&mut night);
    let steps = transform::plan(&night).await?;
    let of_date = |run: &&RunRecord| run.job == request.job.name && run.logical_date == request.date;
    let last = night.state.runs.iter().rev().find(of_date).cloned();
    let alerts = transform::planned_alerts(&night, &steps)?;
    let lacking = expect::lacking(&night)?.into_iter().filter(|(_, lack)| *lack == expect::Lack::Missing);
    let lacking = lacking.map(|(file, _)| format!("{} {} of {}", file.sender, file.feed, file.business_date)).collect();
    Ok(Plan { arrivals, steps, alerts, lacking, last, notes: night.notes })
}

/// The folded state of the lake, for commands that only look.
pub async fn state(company: &Company) -> Result<State> {
    Ok(Chain::open(&company.stores, &Options::of(&company.config), &company.clock).await?.1)
}

/// The same, with the last run's account complete: for commands that show how long its stages took.
pub async fn accounts(company: &Company) -> Result<State> {
    let mut state = state(company).await?;
    publish::untold(company, &mut state).await;
    Ok(state)
}

//! A published night looked at again: its marts, and every step behind them, without running anything.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Serialize;

use super::expect::{self, Lack};
use super::flow::{Night, Watch};
use super::{Company, Request, Told, calendar, reduce, transform};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::mail::reduction::Reduction;
use crate::models::ask::{Questions, tables_of};
use crate::models::diff::MartDiff;
use crate::models::plan::Written;
use crate::models::{self, BuildPlan};
use crate::state::State;
use crate::state::record::{InputStatus, Partition};

/// Days back that freshness looks for files that were owed.
const FRESHNESS_DAYS: u64 = 31;

/// A file that is owed and not there.
#[derive(Debug, Clone, Serialize)]
pub struct Lacking {
    /// Who owes it.
    pub sender: String,
    /// Of which feed.
    pub feed: String,
    /// For which day.
    pub business_date: NaiveDate,
    /// When its grace was over.
    pub due_by: DateTime<Utc>,
    /// `missing`, `refused`, `set aside` or `awaited`.
    pub standing: &'static str,
}

/// How fresh what a sender delivers of a feed is.
#[derive(Debug, Clone, Serialize)]
pub struct Fresh {
    /// The sender.
    pub sender: String,
    /// The feed.
    pub feed: String,
    /// The last day that a file which counts speaks of.
    pub newest: Option<NaiveDate>,
    /// When the newest file came.
    pub delivered_at: Option<DateTime<Utc>>,
    /// Days of the last month for which a file was due by now and none counts.
    pub missing: Vec<NaiveDate>,
    /// Files that were refused whole, and stand so.
    pub refused: usize,
    /// `fresh`, `missing`, `never`, or `unscheduled` where nobody said when files are due.
    pub standing: &'static str,
}

/// What answers `sql`: the published marts alone where it names nothing else, or every step of the night behind them.
pub async fn questions(company: &Company, state: &State, sql: &str) -> Result<Questions> {
    let registry = &company.registry;
    let named = tables_of(&company.config, sql)?;
    let step = named.iter().any(|name| registry.get(name).is_some_and(|_| !registry.is_mart(name)));
    if !step {
        return Questions::published(registry, &company.config, &company.stores, state.partitions().map(AsRef::as_ref));
    }
    let request = last_request(company, state)?;
    let night = last_night(company, &request, state).await?;
    let (selected, inputs) = (models(&night, &named)?, night.job_inputs());
    Questions::steps(transform::build_plan(&night, &selected, &inputs, &Written::new())?).await
}

/// What was asked of the run that readers see.
pub(super) fn last_request(company: &Company, state: &State) -> Result<Request> {
    let run = state.published_run();
    let run =
        run.ok_or_else(|| Error::config("nothing is published yet").hint("run a job first: tributary run nightly"))?;
    Ok(Request {
        job: company.job(&run.job)?,
        date: run.logical_date,
        full_refresh: false,
        select: Vec::new(),
        quiet: false,
        told: Told::default(),
        refused: Vec::new(),
    })
}

/// The run that readers see, as it knew things when it began.
pub(super) async fn last_night<'a>(company: &'a Company, request: &'a Request, state: &State) -> Result<Night<'a>> {
    let mut night = Night::new(company, request, state.clone());
    if let Some(run) = state.published_run() {
        night.started_at = run.started_at;
        night.run_id.clone_from(&run.run_id);
    }
    night.workdays = calendar::load(&night).await?;
    Ok(night)
}

/// Files that the night which readers see waited for and that have not come since.
pub async fn lacking(company: &Company, state: &State) -> Result<Vec<Lacking>> {
    if state.published_run().is_none() {
        return Ok(Vec::new());
    }
    let request = last_request(company, state)?;
    let night = last_night(company, &request, state).await?;
    let files = expect::lacking(&night)?.into_iter().map(|(file, lack)| Lacking {
        sender: file.sender,
        feed: file.feed,
        business_date: file.business_date,
        due_by: file.due_by,
        standing: lack.word(),
    });
    Ok(files.collect())
}

/// Feeds that were not all there in the night that readers see, each with every mart that this leaves incomplete.
pub async fn reductions(company: &Company, state: &State) -> Result<Vec<Reduction>> {
    let request = last_request(company, state)?;
    let mut night = last_night(company, &request, state).await?;
    let selected = transform::selected(&night)?;
    let there: BTreeSet<String> = night
        .job_inputs()
        .into_iter()
        .filter(|input| input.status == InputStatus::Active)
        .map(|input| input.feed)
        .collect();
    let models = company.registry.select(&selected)?;
    let read = models.iter().filter_map(|name| company.registry.get(name)).flat_map(|model| &model.reads.feeds);
    let absent: BTreeSet<String> = read.filter(|feed| !there.contains(*feed)).cloned().collect();
    let absent: Vec<String> = absent.into_iter().collect();
    // That night has told its log of it.
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), || {
        reduce::tell(&mut night, &selected, &absent)
    })?;
    Ok(night.reduced)
}

/// How fresh what each sender delivers of each feed is, judged now.
pub async fn freshness(company: &Company, state: &State) -> Result<Vec<Fresh>> {
    let request = match last_request(company, state) {
        Ok(request) => request,
        Err(_) => any_request(company)?,
    };
    let mut night = last_night(company, &request, state).await?;
    let now = company.clock.now();
    night.started_at = now;
    let zone = company.config.company.time_zone;
    let last = request.job.last_closed_day(zone, now);
    let first = last.checked_sub_days(Days::new(FRESHNESS_DAYS)).unwrap_or(last);
    let owed = expect::owed(&company.senders, &night.workdays, zone, (first, last), now);
    let mut all = Vec::new();
    for sender in company.senders.iter() {
        for (feed, mapping) in &sender.feeds {
            let of_feed = || night.all_inputs().filter(|input| input.sender == sender.name && input.feed == *feed);
            let counts = |status: InputStatus| status != InputStatus::Quarantined;
            let covered = |date: NaiveDate| {
                of_feed()
                    .filter(|input| counts(input.status))
                    .filter_map(crate::state::record::Input::period)
                    .any(|(from, to)| from <= date && date <= to)
            };
            let due = owed.iter().filter(|file| file.is_due && file.sender == sender.name && file.feed == *feed);
            let missing: Vec<NaiveDate> = due.map(|file| file.business_date).filter(|date| !covered(*date)).collect();
            let delivered_at = of_feed().map(|input| input.delivered_at).max();
            all.push(Fresh {
                sender: sender.name.clone(),
                feed: feed.clone(),
                newest: of_feed()
                    .filter(|input| counts(input.status))
                    .filter_map(|input| input.last_date.or(input.period_end))
                    .max(),
                delivered_at,
                refused: of_feed().filter(|input| input.status == InputStatus::Quarantined).count(),
                standing: match (delivered_at, missing.is_empty(), &mapping.expected) {
                    (_, false, _) => Lack::Missing.word(),
                    (None, ..) => "never",
                    (_, true, None) => "unscheduled",
                    _ => "fresh",
                },
                missing,
            });
        }
    }
    Ok(all)
}

/// What the night that readers see would be by the SQL and settings on disk.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// The run that is compared with.
    pub run_id: String,
    /// Its as-of date.
    pub date: NaiveDate,
    /// Partitions that were built aside.
    pub built: u64,
    /// Partitions that would come out the same.
    pub reused: u64,
    /// Checks that would not hold.
    pub failed_checks: Vec<String>,
    /// Marts that would change.
    pub marts: Vec<MartDiff>,
}

/// Builds the night that readers see once more, by what lies on disk and aside of everything, and compares. Of `select`, only
/// these marts.
pub async fn diff(company: &Company, state: &State, select: &[String], watch: &dyn Watch) -> Result<Difference> {
    let mut request = last_request(company, state)?;
    request.select = select.to_vec();
    let night = last_night(company, &request, state).await?;
    let (selected, inputs) = (transform::selected(&night)?, night.job_inputs());
    let (aside, made) = (company.stores.aside(), Written::new());
    let plan = BuildPlan { stores: &aside, ..transform::build_plan(&night, &selected, &inputs, &made)? };
    watch.stage("aside", 0);
    let outcome = models::build(plan, &|what: &str| watch.step(what)).await?;
    let before: Vec<Partition> = state.partitions().map(|made| Partition::clone(made)).collect();
    let marts = models::diff::diff(&company.registry, &company.config, &aside, &before, &outcome.partitions).await?;
    Ok(Difference {
        run_id: night.run_id.clone(),
        date: request.date,
        built: outcome.built,
        reused: outcome.reused,
        failed_checks: outcome.failures.iter().map(|failure| failure.message.clone()).collect(),
        marts,
    })
}

/// A run that nobody asks for, of the first job there is.
fn any_request(company: &Company) -> Result<Request> {
    let jobs = &company.config.folders.jobs;
    let name = Job::names(jobs)?.into_iter().next();
    let name =
        name.ok_or_else(|| Error::config("there is no job").at(jobs.display()).hint("write jobs/nightly.toml"))?;
    let job = company.job(&name)?;
    let date = job.last_closed_day(company.config.company.time_zone, company.clock.now());
    Ok(Request {
        job,
        date,
        full_refresh: false,
        select: Vec::new(),
        quiet: true,
        told: Told::default(),
        refused: Vec::new(),
    })
}

/// What the night built, and what else is asked for by name.
fn models(night: &Night<'_>, named: &BTreeSet<String>) -> Result<Vec<String>> {
    let mut selected = transform::selected(night)?;
    let registry = &night.company.registry;
    // The same list as the night's, so that what the lake knows of its schemas fits.
    let built = registry.select(&selected)?;
    selected.extend(named.iter().filter(|name| registry.get(name).is_some() && !built.contains(name)).cloned());
    Ok(selected)
}

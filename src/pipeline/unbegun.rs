//! A night that could not begin: its job, or a contract, cannot be read. That is on record and mailed all the same, for
//! nobody looks at what cron prints.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;

use super::damage::Damage;
use super::{Company, Request, Told, apart, begin, deliver, fail, outside, publish, readers, state};
use crate::clock::Clock;
use crate::config::Config;
use crate::contract::Contracts;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::models::Registry;
use crate::sender::Senders;
use crate::state::{Options, hold};
use crate::store::Stores;

impl Company {
    /// Settings and stores alone: as much of a company as telling needs.
    fn bare(config: &Path, clock: Clock) -> Result<Self> {
        let config = Config::load(config)?;
        let stores = Stores::open(&config)?;
        let (registry, _) = Registry::from_sources(&config, BTreeMap::new(), Vec::new())?;
        let (contracts, senders) = (Contracts::new(BTreeMap::new())?, Senders::new([]));
        Ok(Self { config, contracts, senders, registry, stores, clock, reader: apart::Reader::Here })
    }
}

/// Records and mails that the job could not begin because of `why`. Of a job that has never run nothing is recorded: it is
/// a slip on the command line, and whoever made it reads the answer.
pub async fn could_not_begin(
    config: &Path,
    clock: Clock,
    job: &str,
    date: Option<NaiveDate>,
    why: &Error,
) -> Result<()> {
    let company = Company::bare(config, clock)?;
    let known = state(&company).await?.runs.iter().any(|run| run.job == job);
    if !known {
        return Ok(());
    }
    readers::same_lake(&company).await?;
    let job = Job::unread(job);
    let last = job.last_closed_day(company.config.company.time_zone, company.clock.now());
    let holder = format!("run {}", job.name);
    let request = Request {
        job,
        date: date.unwrap_or(last),
        full_refresh: false,
        select: Vec::new(),
        quiet: false,
        told: Told::default(),
        refused: Vec::new(),
    };
    let mut held = hold(&company.stores, &Options::of(&company.config), &company.clock, &holder).await?;
    let mut night = begin(&company, &request, &held, Damage::default(), false, None).await;
    let told = fail(&mut night, &mut held, why).await;
    if told.is_ok() {
        deliver::deliver(&mut night).await;
        publish::leave_word(&night).await;
        match night.into_report() {
            Ok(report) => outside::tell(&company, &held.state, &report),
            Err(err) => tracing::warn!(error = err.one_line(), "who watches this run from outside is not told"),
        }
    }
    held.release().await?;
    told
}

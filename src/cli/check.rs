//! `check`: everything that a night would refuse and that can be seen without data, all of it at once.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use chrono::Days;
use serde_json::json;

use super::args::Cli;
use super::run::company;
use super::{Console, Exit};
use crate::address::validate_address;
use crate::config::{self, Config};
use crate::error::{Error, Result, closest, unknown};
use crate::job::{Job, matches_any};
use crate::mail::rule::AlertRule;
use crate::models;
use crate::pipeline::{Company, master_data};
use crate::sender::{Sender, SenderFeed, Senders};

/// Checks everything that can be checked without data.
pub(super) async fn check(cli: &Cli, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let mut faults: Vec<Error> = Vec::new();
    let names = Job::names(&company.config.folders.jobs)?;
    let mut jobs = Vec::new();
    for name in &names {
        match company.job(name) {
            Ok(job) => jobs.push(job),
            Err(err) => faults.push(err.at(format!("jobs/{name}.toml"))),
        }
    }
    for job in &jobs {
        faults.extend(of_job(&company, job).into_iter().map(|err| err.at(format!("jobs/{}.toml", job.name))));
    }
    for sender in company.senders.iter() {
        let place = format!("jobs/senders/{}.toml", sender.name);
        faults
            .extend(of_sender(&company.config, &company.senders, sender, &jobs).into_iter().map(|err| err.at(&place)));
    }
    for broken in company.senders.broken() {
        let fault = Error::new(broken.error.kind(), broken.error.to_string());
        faults.push(match broken.error.advice() {
            Some(hint) => fault.hint(hint),
            None => fault,
        });
    }
    faults.extend(of_settings(&company).into_iter().map(|err| err.at(cli.config.display())));
    let checked = models::check(&company.registry, &company.config).await?;
    for name in company.registry.alerts() {
        let model = company.registry.model(name)?;
        let rule = AlertRule::from_sidecar(name, &model.sidecar_path(), &model.sidecar.extra);
        // The columns of a model that cannot be planned are not known; its own fault is told.
        let columns = checked.schemas.get(name).map(|schema| schema.fields().iter().map(|field| field.name().as_str()));
        let valid = rule.and_then(|rule| columns.map_or(Ok(()), |names| rule.validate(&names.collect::<Vec<_>>())));
        faults.extend(valid.err());
    }
    faults.extend(checked.problems);
    tell(&company, names.len(), &faults, console)?;
    Ok(if faults.is_empty() { Exit::Ok } else { Exit::Usage })
}

fn tell(company: &Company, jobs: usize, faults: &[Error], console: &Console) -> Result<()> {
    let missing = master_data_missing(company);
    if console.json() {
        let list: Vec<_> = faults.iter().map(|err| json!({"error": err.one_line(), "help": err.advice()})).collect();
        return console.document(&json!({"ok": faults.is_empty(), "faults": list, "master_data_missing": missing}));
    }
    for fault in faults {
        console.error(fault);
    }
    let found = match faults.len() {
        0 => "ok".to_string(),
        1 => "1 fault found".to_string(),
        many => format!("{many} faults found"),
    };
    console.line(format!(
        "{found}: {jobs} jobs, {} senders, {} feed contracts, {} models ({} marts, {} alerts)",
        company.senders.iter().count(),
        company.contracts.iter().count(),
        company.registry.names().count(),
        company.registry.marts().count(),
        company.registry.alerts().count(),
    ))?;
    missing.iter().try_for_each(|line| console.line(format!("warning: {line}")))
}

/// One sentence for each list of master data that nobody delivers and feeds in use refer to.
pub(super) fn master_data_missing(company: &Company) -> Vec<String> {
    let missing = master_data::missing(&company.contracts, &company.senders);
    let told = |(feed, used_by): (&String, &BTreeSet<String>)| {
        let used_by: Vec<&str> = used_by.iter().map(String::as_str).collect();
        format!(
            "nobody delivers {feed}, and {} refer to it: describe it in jobs/senders ([feeds.{feed}]), or its figures stay \
             without names and owners",
            used_by.join(", ")
        )
    };
    missing.iter().map(told).collect()
}

/// What a job names must be there, and must be something.
fn of_job(company: &Company, job: &Job) -> Vec<Error> {
    let registry = &company.registry;
    let marts: Vec<&str> = registry.marts().collect();
    let alerts: Vec<&str> = registry.alerts().collect();
    let broken = company.senders.broken().iter().map(|broken| broken.name.as_str());
    let senders: BTreeSet<&str> = company.senders.names().chain(broken).collect();
    let senders: Vec<&str> = senders.into_iter().collect();
    let mut faults = Vec::new();
    for (key, named, known) in
        [("marts", &job.marts, &marts), ("alerts", &job.alerts, &alerts), ("senders", &job.senders, &senders)]
    {
        let lost =
            named.iter().filter(|name| !known.iter().any(|known| matches_any(std::slice::from_ref(*name), known)));
        // `*` over nothing is no slip: a company may have no alerts.
        let lost = lost.filter(|name| name.as_str() != "*");
        faults.extend(lost.map(|name| unknown(&format!("{key} names"), name, known.iter().copied())));
    }
    // A slip has been named already.
    if faults.is_empty() && !marts.iter().any(|mart| matches_any(&job.marts, mart)) {
        faults.push(Error::config(format!("job {} selects no mart", job.name)).hint(if marts.is_empty() {
            "there are no models: see folders.sql".into()
        } else {
            marts.join(", ")
        }));
    }
    faults
}

/// What a sender's mapping leaves open or asks for in vain.
fn of_sender(config: &Config, senders: &Senders, sender: &Sender, jobs: &[Job]) -> Vec<Error> {
    let mut faults = Vec::new();
    if let Some(contact) = &sender.contact
        && let Err(fault) = validate_address(contact)
    {
        faults.push(Error::config(format!("contact: {fault}")).hint("write it as name@host.domain"));
    }
    let open =
        senders.broken().iter().filter(|broken| broken.name == sender.name).filter_map(|broken| broken.open.as_ref());
    for feed in sender.feeds.values().chain(open) {
        let path = Path::new(&feed.path);
        if path.components().any(|part| !matches!(part, Component::Normal(_))) {
            faults.push(
                Error::config(format!("feeds.{}: path \"{}\" leaves the inbox", feed.feed, feed.path))
                    .hint(format!("write it from the inbox on, as \"{}/{}/**\"", sender.name, feed.feed)),
            );
        }
        faults.extend(late(config, sender, feed, jobs));
    }
    faults
}

/// A file that is due after the night that should take it in is a day behind for good.
fn late(config: &Config, sender: &Sender, feed: &SenderFeed, jobs: &[Job]) -> Option<Error> {
    let expected = feed.expected.as_ref()?;
    let date = config::ANY_DAY;
    let due = expected.due_local(date)? + chrono::TimeDelta::minutes(expected.grace_minutes);
    let due = due.and_local_timezone(feed.zone(&config.company)).earliest()?;
    let takes = jobs.iter().filter(|job| matches_any(&job.senders, &sender.name));
    let nights = takes.filter_map(|job| {
        let morning = date.checked_add_days(Days::new(1))?.and_time(job.time().ok()?);
        Some((morning.and_local_timezone(job.zone(config.company.time_zone)).earliest()?, job))
    });
    let nights: Vec<_> = nights.collect();
    let (last, job) = nights.iter().max_by_key(|(at, _)| *at)?;
    // A feed that is meant to come days later is no slip.
    (due > *last && expected.lag_days <= 1).then(|| {
        Error::config(format!(
            "feeds.{}: files of a day are due at {} the morning after (grace {} minutes), and {} runs at {}",
            feed.feed,
            expected.by.format("%H:%M"),
            expected.grace_minutes,
            job.name,
            job.at
        ))
        .hint(format!("let jobs/{}.toml run later, or the file be due earlier", job.name))
    })
}

/// Settings that are valid one by one and wrong together with the rest.
fn of_settings(company: &Company) -> Vec<Error> {
    let config = &company.config;
    let mut faults = Vec::new();
    if config.company.head_office.is_empty() {
        faults.push(
            Error::config("company.head_office is empty: nobody would be told of a night that failed")
                .hint("name at least one address"),
        );
    }
    if config.mail.transport == "smtp" {
        let mut shipped = config.company.head_office.iter().filter(|address| address.ends_with("@demo.example"));
        if let Some(address) = shipped.next() {
            faults.push(
                Error::config(format!("company.head_office still is {address}")).hint("name your own head office"),
            );
        }
        let authority = &config.mail.smtp_ca_file;
        if !authority.as_os_str().is_empty() && !authority.is_file() {
            faults.push(
                Error::config(format!("mail.smtp_ca_file {} is not there", authority.display()))
                    .hint("name the PEM file with the authority of your mail server, or leave it empty"),
            );
        }
    } else if config.mail.folder.exists() && !config.mail.folder.is_dir() {
        faults.push(
            Error::config(format!("mail.folder {} is a file", config.mail.folder.display())).hint("name a folder"),
        );
    }
    if company.registry.names().next().is_none() {
        faults.push(
            Error::config(format!("there are no models in {}", config.folders.sql.display()))
                .hint("folders.sql names the folder with staging, intermediate, marts and alerts"),
        );
    }
    let used: BTreeSet<&str> = company
        .registry
        .models()
        .flat_map(|model| model.reads.parameters.iter().chain(&model.check_reads.parameters))
        .map(String::as_str)
        .collect();
    for name in config.own_settings().filter(|name| !used.contains(name)) {
        let error = Error::config(format!("settings.{name} is named by no model"));
        faults.push(match closest(name, config.shipped_settings()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("write ${name} in a model, or take the line out")),
        });
    }
    faults
}

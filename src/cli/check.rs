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
use crate::report;
use crate::sender::{Sender, SenderFeed, Senders};
use crate::text_file;

/// Checks everything that can be checked without data.
pub(super) async fn check(cli: &Cli, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let names = Job::names(&company.config.folders.jobs)?;
    let mut faults = of_files(&company, cli)?;
    let (stopping, unsaid) = of_models(&company).await?;
    faults.extend(stopping.into_iter().chain(unsaid));
    tell(&company, names.len(), &faults, console)?;
    Ok(if faults.is_empty() { Exit::Ok } else { Exit::Usage })
}

/// Faults of settings, jobs and senders.
pub(super) fn of_files(company: &Company, cli: &Cli) -> Result<Vec<Error>> {
    let mut faults: Vec<Error> = Vec::new();
    let mut jobs = Vec::new();
    for name in Job::names(&company.config.folders.jobs)? {
        match company.job(&name) {
            Ok(job) => jobs.push(job),
            Err(err) => faults.push(err.at(format!("jobs/{name}.toml"))),
        }
    }
    if jobs.is_empty() && faults.is_empty() {
        faults.push(
            Error::config("there is no job: nothing would ever run")
                .at(company.config.folders.jobs.display())
                .hint("write jobs/nightly.toml; `tributary init DIR` lays one down"),
        );
    }
    for job in &jobs {
        let file = company.config.folders.jobs.join(format!("{}.toml", job.name));
        let text = text_file::read(&file).unwrap_or_default();
        faults.extend(of_job(company, job).into_iter().map(|err| {
            let key = err.to_string().split_whitespace().next().and_then(|key| config::line_of(&text, key));
            err.at(format!("jobs/{}.toml{}", job.name, key.map(|line| format!(":{line}")).unwrap_or_default()))
        }));
    }
    for sender in company.senders.iter() {
        let place = format!("jobs/senders/{}.toml", sender.name);
        faults
            .extend(of_sender(&company.config, &company.senders, sender, &jobs).into_iter().map(|err| err.at(&place)));
    }
    faults.extend(company.senders.broken().iter().map(|broken| broken.error.retold()));
    faults.extend(contested(company));
    // The file was read a moment ago; without it, no line can be named.
    let text = text_file::read(&cli.config).unwrap_or_default();
    let placed = of_settings(company).into_iter().map(|(key, err)| {
        let line = config::line_of(&text, &key).map(|line| format!(":{line}")).unwrap_or_default();
        err.at(format!("{}{line}", cli.config.display()))
    });
    faults.extend(placed);
    Ok(faults)
}

/// Faults of models, found by planning each without data, and of alert rules: those that a night would fail of, and those
/// that only readers would miss something by.
pub(super) async fn of_models(company: &Company) -> Result<(Vec<Error>, Vec<Error>)> {
    let mut faults: Vec<Error> = company.registry.faults().iter().map(|fault| fault.error.retold()).collect();
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
    Ok((faults, checked.unsaid))
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
    let counted = |n: usize, what: &str| report::counted(n as u64, what);
    console.line(format!(
        "{found}: {}, {}, {}, {} ({}, {})",
        counted(jobs, "job"),
        counted(company.senders.iter().count(), "sender"),
        counted(company.contracts.iter().count(), "feed contract"),
        counted(company.registry.names().count(), "model"),
        counted(company.registry.marts().count(), "mart"),
        counted(company.registry.alerts().count(), "alert"),
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
pub(super) fn of_job(company: &Company, job: &Job) -> Vec<Error> {
    let registry = &company.registry;
    // What is left out is told for itself.
    let left_out = || registry.left_out().map(|(name, _)| name);
    let marts: Vec<&str> = registry.marts().chain(left_out()).collect();
    let alerts: Vec<&str> = registry.alerts().chain(left_out()).collect();
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
                    .at(place_of(&sender.name, feed))
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
        .at(place_of(&sender.name, feed))
        .hint(format!("let jobs/{}.toml run later, or the file be due earlier", job.name))
    })
}

/// Senders and feeds that would take the same file, as far as their patterns show it: what one of them is meant to take,
/// the other takes too.
fn contested(company: &Company) -> Vec<Error> {
    let feeds: Vec<(&str, &SenderFeed)> = company
        .senders
        .iter()
        .flat_map(|sender| sender.feeds.values().map(|feed| (sender.name.as_str(), feed)))
        .collect();
    let mut faults = Vec::new();
    for (at, (sender, feed)) in feeds.iter().enumerate() {
        for (other, theirs) in &feeds[at + 1..] {
            // one interchange may hold what two feeds need
            if sender == other && feed.is_edi() && theirs.is_edi() {
                continue;
            }
            let both = |key: &String| feed.matches(key) && theirs.matches(key);
            if let Some(key) = examples(&feed.path).chain(examples(&theirs.path)).find(both) {
                faults.push(
                    Error::config(format!(
                        "feeds.{}: path \"{}\" takes files that feeds.{} of {other} takes too (\"{}\"), such as {key}",
                        feed.feed, feed.path, theirs.feed, theirs.path
                    ))
                    .at(place_of(sender, feed))
                    .hint("narrow `path` so that each file belongs to one sender and feed"),
                );
            }
        }
    }
    faults
}

/// Where a feed, or its path, is written.
fn place_of(sender: &str, feed: &SenderFeed) -> String {
    let line = if feed.line > 0 { format!(":{}", feed.line) } else { String::new() };
    format!("jobs/senders/{sender}.toml{line}")
}

/// Keys that a pattern is likely to take.
fn examples(pattern: &str) -> impl Iterator<Item = String> {
    let names = ["2026-01-14.csv", "2026-01-14.xlsx", "a", "a/2026-01-14.csv"];
    names.into_iter().map(move |name| {
        let (folder, last) = pattern.rsplit_once('/').unwrap_or(("", pattern));
        let last = if last.contains("**") {
            name.to_string()
        } else {
            last.replace('*', name.rsplit('/').next().unwrap_or(name))
        };
        let folder = folder.replace("**", "a").replace(['*', '?'], "a");
        let last = last.replace('?', "a");
        if folder.is_empty() { last } else { format!("{folder}/{last}") }
    })
}

/// Settings that are valid one by one and wrong together with the rest.
fn of_settings(company: &Company) -> Vec<(String, Error)> {
    let config = &company.config;
    let mut faults = Vec::new();
    let mut add = |key: &str, fault: Error| faults.push((key.to_string(), fault));
    if config.company.head_office.is_empty() {
        add(
            "company.head_office",
            Error::config("company.head_office is empty: nobody would be told of a night that failed")
                .hint("name at least one address"),
        );
    }
    if config.mail.transport == "smtp" {
        let mut shipped = config.company.head_office.iter().filter(|address| address.ends_with("@demo.example"));
        if let Some(address) = shipped.next() {
            let fault = Error::config(format!("company.head_office still is {address}"));
            add("company.head_office", fault.hint("name your own head office"));
        }
        let authority = &config.mail.smtp_ca_file;
        if !authority.as_os_str().is_empty() && !authority.is_file() {
            add(
                "mail.smtp_ca_file",
                Error::config(format!("mail.smtp_ca_file {} is not there", authority.display()))
                    .hint("name the PEM file with the authority of your mail server, or leave it empty"),
            );
        }
    } else if config.mail.folder.exists() && !config.mail.folder.is_dir() {
        add(
            "mail.folder",
            Error::config(format!("mail.folder {} is a file", config.mail.folder.display())).hint("name a folder"),
        );
    }
    if company.registry.names().next().is_none() && company.registry.faults().is_empty() {
        add(
            "folders.sql",
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
    // Who names what in a model that is left out is not known.
    let all_known = company.registry.faults().is_empty();
    for name in config.own_settings().filter(|name| all_known && !used.contains(name)) {
        let error = Error::config(format!("settings.{name} is named by no model"));
        let fault = match closest(name, config.shipped_settings()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("write ${name} in a model, or take the line out")),
        };
        add(&format!("settings.{name}"), fault);
    }
    faults
}

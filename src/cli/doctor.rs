//! `doctor`: tries the machine and the stores, each part of them as a night would use it.

mod zones;

use chrono::{TimeDelta, Utc};
use serde_json::json;

use super::args::Cli;
use super::check::{self, master_data_missing};
use super::run::clock;
use super::{Console, Exit};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::pipeline::Company;
use crate::state;
use crate::store::{Store, Stores, keys};

/// What was tried, and what came of it.
type Finding = (&'static str, Result<Found>);

/// What is well, or well enough to go on: then with what should be done about it all the same.
struct Found {
    text: String,
    help: Option<String>,
}

impl From<String> for Found {
    fn from(text: String) -> Self {
        Self { text, help: None }
    }
}

/// Checks machine and stores; each line says what was tried and what to do where it failed.
pub(super) async fn doctor(cli: &Cli, console: &Console) -> Result<Exit> {
    let config = Config::load(&cli.config)?;
    let mut findings: Vec<Finding> = vec![("settings", Ok(format!("{} is valid", cli.config.display()).into()))];
    match Stores::open(&config) {
        Ok(stores) => findings.extend(of_stores(&stores).await),
        Err(err) => findings.push(("stores", Err(err))),
    }
    match Company::load(&cli.config, clock()?) {
        Ok(company) => {
            findings.push(("models", Ok(format!("{} models load", company.registry.names().count()).into())));
            findings.extend(company.registry.faults().iter().map(|fault| ("models", Err(fault.error.retold()))));
            findings.push(("zones", Ok(zones::look(&zones::used(&company)?, &zones::folder(), company.clock.now()))));
            let faults = check::of_files(&company, cli)?;
            findings.extend(faults.into_iter().map(|fault| ("check", Err(fault))));
            let missing = master_data_missing(&company);
            if !missing.is_empty() {
                findings.extend(missing.into_iter().map(|line| ("check", Err(Error::config(line)))));
            }
        }
        Err(err) => findings.push(("models", Err(err))),
    }
    findings.push((
        "spill",
        tempfile::tempdir()
            .map(|dir| format!("{} is writable", dir.path().parent().unwrap_or(dir.path()).display()).into())
            .map_err(Error::from),
    ));
    let now = clock()?.now();
    findings.push((
        "clock",
        if now < chrono::DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000) {
            Err(Error::config(format!("the machine says it is {now}")).hint("set the clock"))
        } else {
            Ok(format!(
                "{} is {}",
                config.company.time_zone,
                now.with_timezone(&config.company.time_zone).format("%Y-%m-%d %H:%M")
            )
            .into())
        },
    ));
    findings.push(("mail", crate::mail::check(&config).await.map(Found::from)));
    let faults = findings.iter().filter(|(_, result)| result.is_err()).count();
    if console.json() {
        let list: Vec<_> = findings
            .iter()
            .map(|(what, result)| match result {
                Ok(Found { text, help: None }) => json!({"check": what, "ok": true, "found": text}),
                Ok(Found { text, help }) => json!({"check": what, "ok": true, "found": text, "help": help}),
                Err(err) => json!({"check": what, "ok": false, "found": err.one_line(), "help": err.advice()}),
            })
            .collect();
        console.document(&list)?;
    } else {
        for (what, result) in &findings {
            match result {
                Ok(Found { text, help: None }) => console.line(format!("ok    {what:<10} {text}"))?,
                Ok(Found { text, .. }) => console.line(format!("warn  {what:<10} {text}"))?,
                Err(err) => console.line(format!("FAIL  {what:<10} {}", err.one_line()))?,
            }
            let help = match result {
                Ok(found) => found.help.as_deref(),
                Err(err) => err.advice(),
            };
            if let Some(help) = help {
                console.line(format!("                 help: {help}"))?;
            }
        }
    }
    Ok(if faults == 0 { Exit::Ok } else { Exit::Usage })
}

/// Reads the inbox and writes to every folder of lake and marts that a night writes to, so that one that was mounted or
/// handed over read-only is found by day. Nothing is left behind.
async fn of_stores(stores: &Stores) -> Vec<Finding> {
    let listed = stores.inbox.survey("").await;
    let mut findings: Vec<Finding> = match listed {
        Ok(found) => {
            let count = found.objects.len();
            let refused = found.refused.into_iter().map(|fault| ("inbox", Err(fault)));
            refused.chain([("inbox", Ok(format!("{} ({count} objects)", stores.inbox).into()))]).collect()
        }
        Err(err) => vec![("inbox", Err(err))],
    };
    for (name, store, folders, conditional) in [
        ("lake", &stores.lake, keys::LAKE_FOLDERS.as_slice(), true),
        ("marts", &stores.marts, keys::MART_FOLDERS.as_slice(), false),
    ] {
        let faults = unwritable(store, folders).await;
        if faults.is_empty() {
            let tried = if conditional { store.check_create_once(&state::nonce()).await } else { Ok(()) };
            let holds = if conditional { ", conditional writes hold" } else { "" };
            findings.push((name, tried.map(|()| format!("{store}: writable{holds}").into())));
        }
        findings.extend(faults.into_iter().map(|fault| (name, Err(fault))));
    }
    findings
}

/// The folders of a store in which nothing can be written, each once.
async fn unwritable(store: &Store, folders: &[&str]) -> Vec<Error> {
    let mut faults: Vec<Error> = Vec::new();
    for folder in folders {
        if let Err(err) = store.check_writable(folder, &state::nonce()).await
            && !faults.iter().any(|told| told.path() == err.path())
        {
            faults.push(err);
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{Fault, Faults, Side};

    /// A folder in which nothing can be written is named, the others are not; afterwards everything is as it was.
    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_named() {
        let lake = Store::memory();
        let before = lake.list("").await.unwrap().len();
        assert!(unwritable(&lake, &keys::LAKE_FOLDERS).await.is_empty());
        assert_eq!(lake.list("").await.unwrap().len(), before, "nothing is left behind");
        let faults = Faults::new().only("staged").at(Side::Write, 1, Fault::ErrorBefore);
        let broken = lake.wrapped(|object| faults.around(object));
        let found = unwritable(&broken, &keys::LAKE_FOLDERS).await;
        let places: Vec<&str> = found.iter().filter_map(Error::path).collect();
        assert_eq!(places.len(), 1, "{places:?}");
        assert!(places[0].starts_with("staged/"), "{places:?}");
    }

    #[tokio::test]
    async fn what_lies_in_a_folders_place_is_named_and_nothing_is_made() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("state")).unwrap();
        std::fs::write(root.path().join("state/commits"), "a file").unwrap();
        let store = Store::folder(root.path(), false).unwrap();
        let found = unwritable(&store, &keys::LAKE_FOLDERS).await;
        assert_eq!(found.len(), 1);
        assert!(
            found[0]
                .to_string()
                .ends_with("state/commits: a folder is expected here, and something else lies in its place")
        );
        let there: Vec<_> = std::fs::read_dir(root.path()).unwrap().collect();
        assert_eq!(there.len(), 1, "no folder and no file was made");
    }
}

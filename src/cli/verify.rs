//! `verify`: whether lake and marts hold what the commits say, and what to do where they do not.

use futures::{StreamExt, TryStreamExt};
use serde_json::json;

use super::args::Cli;
use super::run::company;
use super::{Console, Exit};
use crate::error::{Error, Kind, Result};
use crate::pipeline;
use crate::state::chain;
use crate::store::{FileRef, Home, Stores, keys};

/// Files read at the same time.
const FILES_AT_ONCE: usize = 8;

/// Reads every file that the commits name and compares it with its hash. With `repair`, a newest commit that is damaged
/// is set aside first, and readers are brought to what is published.
pub(super) async fn verify(cli: &Cli, repair: bool, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let aside = if repair { chain::set_newest_aside(&company.stores.lake).await? } else { None };
    let state = pipeline::state(&company).await?;
    let files: Vec<&FileRef> = state.files().collect();
    let faults: Vec<Error> = futures::stream::iter(files.iter().map(|file| fault(&company.stores, file)))
        .buffered(FILES_AT_ONCE)
        .try_filter_map(async |fault| Ok(fault))
        .try_collect()
        .await?;
    if repair && (aside.is_some() || pipeline::behind(&company, &state).await?.is_some()) {
        pipeline::show_published(&company, &state).await?;
    }
    let behind = pipeline::behind(&company, &state).await?;
    if console.json() {
        let list: Vec<_> = faults.iter().map(|err| json!({"error": err.one_line(), "help": err.advice()})).collect();
        console.document(&json!({
            "commit": state.number, "files": files.len(), "faults": list, "set_aside": aside, "readers_behind": behind,
        }))?;
    } else {
        if let Some(aside) = &aside {
            console.line(format!("the newest commit was damaged and is set aside as {aside}: run that night again"))?;
        }
        for fault in &faults {
            console.error(fault);
        }
        if let Some(behind) = &behind {
            console.line(format!("{behind}: the next run, or `tributary verify --repair`, brings them forward"))?;
        }
        console.line(format!("{} commits, {} files, {} faults", state.number, files.len(), faults.len()))?;
    }
    Ok(if faults.is_empty() && behind.is_none() { Exit::Ok } else { Exit::Error })
}

/// What is wrong with a file, if anything is; an `Err` when the store does not answer.
async fn fault(stores: &Stores, file: &FileRef) -> Result<Option<Error>> {
    let hint = match file.home {
        Home::Marts => "build the marts again: tributary run JOB --full-refresh",
        Home::Lake if keys::is_model(&file.key) => "build the models again: tributary run JOB --full-refresh",
        Home::Lake => "restore it from a copy, or have the sender deliver the file again under a new name",
    };
    match stores.of(file.home).check_hash(&file.key, &file.sha256).await {
        Ok(()) => Ok(None),
        Err(err) if matches!(err.kind(), Kind::Input | Kind::Config) => Ok(Some(err.hint(hint))),
        Err(err) => Err(err),
    }
}

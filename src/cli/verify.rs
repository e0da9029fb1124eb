//! `verify`: whether lake and marts hold what the commits say, in words, and what to do where they do not.

use serde_json::json;

use super::args::Cli;
use super::run::company;
use super::{Console, Exit};
use crate::error::Result;
use crate::pipeline;
use crate::pipeline::verify::{Account, Fault};

/// Faults that are told one by one before the rest is counted.
const FAULTS_SHOWN: usize = 200;

/// Reads everything that the commits name; with `repair`, mends it.
pub(super) async fn verify(cli: &Cli, repair: bool, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let account = Box::pin(pipeline::verify::verify(&company, repair)).await?;
    if console.json() {
        let standing = account.standing();
        console.document(&json!({"account": account, "standing": standing}))?;
    } else {
        tell(&account, repair, console)?;
    }
    Ok(match (account.faults.is_empty(), account.standing()) {
        (true, _) => Exit::Ok,
        (false, 0) => Exit::Warnings,
        (false, _) => Exit::Checks,
    })
}

fn tell(account: &Account, repair: bool, console: &Console) -> Result<()> {
    for fault in account.faults.iter().take(FAULTS_SHOWN) {
        tell_fault(fault, console)?;
    }
    if account.faults.len() > FAULTS_SHOWN {
        console.line(format!(
            "... and {} more: `tributary verify --output json` has all",
            account.faults.len() - FAULTS_SHOWN
        ))?;
    }
    for note in &account.notes {
        console.line(format!("note: {note}"))?;
    }
    let faults = match (account.faults.len(), account.standing()) {
        (0, _) => "all is as the commits say".to_string(),
        (found, 0) => format!("{found} faults, all mended"),
        (found, standing) if repair => format!("{found} faults, {standing} of them could not be mended"),
        (found, _) => format!("{found} faults"),
    };
    console.line(format!("{} commits, {} files: {faults}", account.commits, account.files))
}

fn tell_fault(fault: &Fault, console: &Console) -> Result<()> {
    console.line(&fault.what)?;
    let found =
        if fault.files > 1 { format!("{} ({} files in all)", fault.found, fault.files) } else { fault.found.clone() };
    for (name, text) in [("found", &found), ("since", &fault.since), ("means", &fault.means)] {
        console.line(format!("  {name:<6} {text}"))?;
    }
    console.line(format!("  {:<6} {}", if fault.mended { "done" } else { "to do" }, fault.to_do))
}

//! Reads one file in a process of its own. Workbooks, Parquet and archives are read by libraries that a hostile
//! file can make take all memory or crash; a process that is stopped for that is a bad file, not a dead night.
//!
//! Text, by far the most of all files, is read by our own readers in fixed memory and needs none of this.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::contract::Contracts;
use crate::error::{Error, Result};
use crate::intake::{self, Outcome, RawFile};
use crate::sender::Senders;
use crate::text_file;

/// Question and answer, as files in the spool folder.
const REQUEST: &str = "request.json";
const OUTCOME: &str = "outcome.json";

/// How the environment variables begin that open stores and the mail server: whoever takes over a reader of foreign
/// files finds none of them.
const GRANTS: [&str; 4] = ["AWS_", "AZURE_", "GOOGLE_", "TRIBUTARY_SMTP_"];

/// Where files of foreign formats are read.
#[derive(Debug, Clone, Default)]
pub enum Reader {
    /// In this process.
    #[default]
    Here,
    /// By `program read-file`, which loads the same settings.
    Apart {
        /// The tributary binary.
        program: PathBuf,
        /// Its settings file.
        config: PathBuf,
    },
}

impl Reader {
    /// The running binary as a reader, where the system can bound its memory.
    pub fn apart(config: &Path) -> Self {
        match (std::env::current_exe(), std::path::absolute(config)) {
            (Ok(program), Ok(config)) if cfg!(unix) => Self::Apart { program, config },
            _ => Self::Here,
        }
    }

    /// The same by a copy of settings, contracts and senders in `folder`, which stays what it is while people edit their own.
    pub fn apart_by_copy(config: &Config, file: &Path, folder: &Path) -> Result<Self> {
        let jobs = folder.join("jobs");
        copy_files(&config.folders.jobs, &jobs)?;
        let mut own: toml::Table = toml::from_str(&text_file::read(file)?)
            .map_err(|err| Error::config("not valid TOML").at(file.display()).because(err))?;
        let folders = own.entry("folders").or_insert_with(|| toml::Table::new().into());
        if let Some(folders) = folders.as_table_mut() {
            folders.insert("jobs".to_string(), jobs.display().to_string().into());
        }
        let copy = folder.join("config.toml");
        std::fs::write(&copy, own.to_string()).map_err(|err| Error::from(err).at(copy.display()))?;
        Ok(Self::apart(&copy))
    }
}

/// Copies the files of a folder and of the folders in it.
fn copy_files(from: &Path, to: &Path) -> Result<()> {
    let at = |path: &Path| format!("{}", path.display());
    std::fs::create_dir_all(to).map_err(|err| Error::from(err).at(at(to)))?;
    for entry in std::fs::read_dir(from).map_err(|err| Error::from(err).at(at(from)))? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_files(&path, &target)?;
        } else if path.is_file() {
            std::fs::copy(&path, &target).map_err(|err| Error::from(err).at(at(&path)))?;
        }
    }
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct Request {
    raw: RawFile,
    out_dir: PathBuf,
}

/// Has `raw` read by `program`. An `Err` is a failure of the machine, never of the file.
pub(super) async fn read(
    program: &Path,
    settings: &Path,
    config: &Config,
    raw: &RawFile,
    out_dir: &Path,
) -> Result<Outcome> {
    let request = Request { raw: raw.clone(), out_dir: out_dir.to_path_buf() };
    tokio::fs::write(out_dir.join(REQUEST), serde_json::to_vec(&request)?).await?;
    // what the program itself maps is not the file's doing
    let own = tokio::fs::metadata(program).await.map_or(0, |meta| meta.len());
    let memory = config.intake.reader_memory_bytes;
    let kibibytes = memory.saturating_add(own) / 1024;
    let seconds = config.intake.reader_seconds_max.max(1);
    let mut command = tokio::process::Command::new("sh");
    command
        .arg("-c")
        // where the limit cannot be set, the process apart is still better than none
        .arg("ulimit -v \"$1\" 2>/dev/null; ulimit -S -t \"$4\" 2>/dev/null; exec \"$0\" --config \"$2\" read-file \"$3\"")
        .arg(program)
        .arg(kibibytes.to_string())
        .arg(settings)
        .arg(out_dir)
        // seconds of the processor: a busy machine is no reason to refuse a file
        .arg(seconds.to_string())
        .env("RUST_BACKTRACE", "0")
        // one heap for all threads: each further one reserves 64 MiB of address space
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    for name in granting(std::env::vars_os().map(|(name, _)| name)) {
        command.env_remove(name);
    }
    let ended = command.output().await;
    let ended = ended.map_err(|err| Error::retry("the file's reader cannot be started").because(err))?;
    match (ended.status.code(), tokio::fs::read(out_dir.join(OUTCOME)).await) {
        (Some(0), Ok(answer)) => Ok(serde_json::from_slice(&answer)?),
        // Settings that were broken meanwhile are no fault of the file.
        (Some(3 | 64), _) => {
            let said = String::from_utf8_lossy(&ended.stderr);
            Err(Error::retry("the file's reader failed").because(said.trim().to_string()))
        }
        // the shell found no program to run: it was replaced or removed meanwhile
        (Some(126 | 127), _) => Err(Error::retry("the file's reader cannot be started").at(program.display())),
        _ if signal(ended.status) == Some(SIGXCPU) => Ok(Outcome::unreadable(format!(
            "the file takes more than {seconds} seconds of the processor to read (intake.reader_seconds_max); send it as CSV, or split it"
        ))),
        // nobody but the system or an operator ends a process like this
        _ if matches!(signal(ended.status), Some(SIGKILL | SIGTERM)) => Ok(Outcome {
            passing: true,
            ..Outcome::unreadable(
                "reading the file was ended from outside (is the machine short of memory?); every run tries it again",
            )
        }),
        _ => {
            tracing::debug!(key = %raw.key, status = %ended.status, "the file's reader was stopped");
            Ok(stopped(memory))
        }
    }
}

/// Those variables among `names` that grant access.
fn granting(names: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    names.filter(|name| {
        let name = name.to_string_lossy().to_ascii_uppercase();
        GRANTS.iter().any(|start| name.starts_with(start))
    })
}

/// Signals by which a reader may end.
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;
/// Sent by the system when the time of the processor is used up.
const SIGXCPU: i32 = 24;

#[cfg(unix)]
fn signal(status: std::process::ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_status: std::process::ExitStatus) -> Option<i32> {
    None
}

fn stopped(memory: u64) -> Outcome {
    Outcome::unreadable(format!(
        "the file cannot be read in {memory} bytes of memory (intake.reader_memory_bytes), or is damaged; send it again, as CSV, or split"
    ))
}

/// The other side: reads the file that the request in `folder` names and leaves the answer beside it.
pub fn answer(settings: &Path, folder: &Path) -> Result<()> {
    let request: Request = serde_json::from_slice(&std::fs::read(folder.join(REQUEST))?)?;
    let config = Config::load(settings)?;
    let contracts = Contracts::load(&config.folders.jobs)?;
    let senders = Senders::load(&config.folders.jobs, &contracts)?;
    let Request { raw, out_dir } = request;
    let sender = senders.get(&raw.sender);
    let (Some(sender), Some(contract)) = (sender, contracts.get(&raw.feed)) else {
        return Err(Error::bug("sender or feed vanished during the run"));
    };
    let feed = sender.feeds.get(&raw.feed).ok_or_else(|| Error::bug("feed vanished during the run"))?;
    let company = &config.company;
    let (limits, zone, currency) = (&config.intake, company.time_zone, &company.base_currency);
    let read = intake::stage_file(&raw, feed, contract, limits, zone, currency, &out_dir);
    let outcome = match read {
        Err(error) if out_of_memory(&error) => stopped(config.intake.reader_memory_bytes),
        read => read?,
    };
    std::fs::write(folder.join(OUTCOME), serde_json::to_vec(&outcome)?)?;
    Ok(())
}

/// Whether the system had no memory (or no thread, which needs some) to give.
fn out_of_memory(error: &Error) -> bool {
    use std::io::ErrorKind;
    let mut cause = std::error::Error::source(error);
    while let Some(err) = cause {
        let kind = err.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if matches!(kind, Some(ErrorKind::OutOfMemory | ErrorKind::WouldBlock)) {
            return true;
        }
        cause = err.source();
    }
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests;

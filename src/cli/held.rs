//! The settings, jobs and models that `serve` goes by: those on disk when they are valid, else the last that were.
//!
//! Whether anything has changed is seen by names, sizes and times of the files; only then are they read again. What cannot
//! be used, and a job whose file is gone, is told in the log at once, to whoever asks for the status, and by the next night
//! to head office; it is looked at again when it changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use tempfile::TempDir;

use super::args::Cli;
use super::check;
use super::run::clock;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::pipeline::apart::Reader;
use crate::pipeline::{Company, Refused};
use crate::schedule::Ping;

/// What was read and found valid, together.
pub(super) struct Loaded {
    pub(super) company: Company,
    pub(super) jobs: Vec<Job>,
    pub(super) ping: Ping,
    /// Holds the copy that the reader of foreign formats goes by.
    _copy: TempDir,
}

/// What holds now, and what lies on disk.
pub(super) struct Held {
    config: PathBuf,
    /// Jobs by name; all there are when empty.
    wanted: Vec<String>,
    clock: Clock,
    now: Mutex<Now>,
}

struct Now {
    loaded: Arc<Loaded>,
    /// The files as they were when they were last read, whether or not they could be used.
    seen: Option<Stamp>,
    refused: Option<Refused>,
    /// Jobs that were taken out while we ran, until they are back or a person has us read everything again.
    gone: Vec<Refused>,
}

impl Held {
    /// Reads everything once; what is broken from the start is an error.
    pub(super) fn open(cli: &Cli, wanted: &[String]) -> Result<Self> {
        let clock = clock()?;
        let loaded = load(&cli.config, wanted, &clock)?;
        let seen = Some(Stamp::of(&cli.config, &loaded.company.config));
        let now = Mutex::new(Now { loaded: Arc::new(loaded), seen, refused: None, gone: Vec::new() });
        Ok(Self { config: cli.config.clone(), wanted: wanted.to_vec(), clock, now })
    }

    /// What holds.
    pub(super) fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.lock().loaded)
    }

    /// What is kept back: what lies on disk and cannot be used, and jobs that are gone.
    pub(super) fn refused(&self) -> Vec<Refused> {
        let held = self.lock();
        held.refused.iter().chain(&held.gone).cloned().collect()
    }

    /// Has the next look read everything again. Whoever asks for that knows which jobs there are.
    pub(super) fn forget(&self) {
        let mut held = self.lock();
        held.seen = None;
        held.gone.clear();
    }

    /// Takes up what has changed on disk, if it is valid. Says whether other settings hold now.
    pub(super) async fn look(&self, now: DateTime<Utc>) -> bool {
        let (loaded, seen) = (self.loaded(), self.lock().seen.clone());
        let stamp = Stamp::of(&self.config, &loaded.company.config);
        if seen.as_ref() == Some(&stamp) {
            return false;
        }
        let read = match load(&self.config, &self.wanted, &self.clock) {
            Ok(read) => usable(read).await,
            Err(err) => Err(err),
        };
        let mut held = self.lock();
        match read {
            Ok(read) => {
                // What changed while it was read is seen by the next look. Other folders have a stamp of their own, and are
                // read once more.
                held.seen = Some(stamp);
                held.gone.retain(|gone| !read.jobs.iter().any(|job| gone.gone.as_ref() == Some(&job.name)));
                held.gone.extend(gone(&loaded, &read, now));
                tracing::info!(jobs = read.jobs.len(), "changed settings, jobs or models are taken up");
                held.loaded = Arc::new(read);
                held.refused = None;
                true
            }
            Err(err) => {
                held.seen = Some(stamp);
                let hint = err.advice().map(|hint| format!(" ({hint})")).unwrap_or_default();
                let error = format!("{}{hint}", err.one_line());
                tracing::error!(error, "changed settings, jobs or models cannot be used; those before stay in force");
                let since = held.refused.as_ref().map_or(now, |refused| refused.since);
                let place = err.path().map_or_else(|| self.config.display().to_string(), str::to_string);
                held.refused = Some(Refused { since, place, error, gone: None });
                false
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        // Nothing that holds the lock can leave it half changed.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads everything that a night needs.
fn load(config: &Path, wanted: &[String], clock: &Clock) -> Result<Loaded> {
    let mut company = Company::load(config, clock.clone())?;
    let copy = tempfile::tempdir().map_err(|err| Error::from(err).hint("is there room in the temporary folder?"))?;
    company.reader = Reader::apart_by_copy(&company.config, config, copy.path())?;
    let names = if wanted.is_empty() { Job::names(&company.config.folders.jobs)? } else { wanted.to_vec() };
    if names.is_empty() {
        return Err(Error::config("there is no job")
            .at(company.config.folders.jobs.display())
            .hint("write jobs/nightly.toml"));
    }
    let jobs = names.iter().map(|name| company.job(name)).collect::<Result<Vec<_>>>()?;
    let ping = Ping::new(&company.config.serve.ping_url)?;
    Ok(Loaded { company, jobs, ping, _copy: copy })
}

/// What was read, if a night could run with it.
async fn usable(read: Loaded) -> Result<Loaded> {
    let (mut faults, _) = check::of_models(&read.company).await?;
    for job in &read.jobs {
        faults
            .extend(check::of_job(&read.company, job).into_iter().map(|err| err.at(format!("jobs/{}.toml", job.name))));
    }
    Error::together("settings, jobs and models", faults).map_or(Ok(read), Err)
}

/// Jobs whose file was deleted: they are run no more, which somebody should hear.
fn gone<'l>(before: &'l Loaded, after: &'l Loaded, now: DateTime<Utc>) -> impl Iterator<Item = Refused> + 'l {
    let went = before.jobs.iter().filter(|job| !after.jobs.iter().any(|kept| kept.name == job.name));
    went.map(move |job| {
        tracing::warn!(job = job.name, "its file is gone: it is run no more until the file is back");
        Refused {
            since: now,
            place: format!("jobs/{}.toml", job.name),
            error: format!("jobs/{0}.toml is gone: the job {0} is run no more until it is back", job.name),
            gone: Some(job.name.clone()),
        }
    })
}

/// Names, sizes and times of every file that is read: equal stamps, equal files.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    config: Option<(u64, SystemTime)>,
    files: Vec<(PathBuf, u64, SystemTime)>,
}

impl Stamp {
    fn of(file: &Path, config: &Config) -> Self {
        let described = |path: &Path| {
            let meta = std::fs::metadata(path).ok()?;
            Some((meta.len(), meta.modified().ok()?))
        };
        let mut files = Vec::new();
        let mut folders = vec![config.folders.jobs.clone(), config.folders.sql.clone()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for path in entries.flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if let Some((size, modified)) = described(&path) {
                    files.push((path, size, modified));
                }
            }
        }
        files.sort();
        Self { config: described(file), files }
    }
}

#[cfg(test)]
mod tests;

//! `verify`: lake and marts compared with the commits, to the last byte, and mended by what a night would do.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;

use super::damage::{self, Damage, Look, Of};
use super::{Company, readers};
use crate::error::{Kind, Result};
use crate::job::Job;
use crate::state::audit::{self, Walk};
use crate::state::record::InputStatus;
use crate::state::{State, chain};
use crate::store::{FileRef, keys};

/// Something that is not as the commits say, in words.
#[derive(Debug, Clone, Serialize)]
pub struct Fault {
    /// What it is about: a file, or the files of one model.
    pub what: String,
    /// How many files.
    pub files: usize,
    /// What was found instead.
    pub found: String,
    /// Who wrote it as it should be.
    pub since: String,
    /// What it means.
    pub means: String,
    /// What to do, or what was done.
    pub to_do: String,
    /// It is mended.
    pub mended: bool,
    #[serde(skip)]
    keys: BTreeSet<String>,
}

/// What was found, and what became of it.
#[derive(Debug, Serialize)]
pub struct Account {
    /// Commits of the chain.
    pub commits: u64,
    /// Files that were read.
    pub files: usize,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// Where a damaged newest commit was set aside to.
    pub set_aside: Option<String>,
    /// What went wrong while mending.
    pub notes: Vec<String>,
}

impl Account {
    /// Faults that stand.
    pub fn standing(&self) -> usize {
        self.faults.iter().filter(|fault| !fault.mended).count()
    }
}

/// What the way out of each kind of damage is called.
const REPAIR: &str = "tributary verify --repair";

/// Reads everything that the commits name; with `mend`, mends what can be mended.
pub async fn verify(company: &Company, mend: bool) -> Result<Account> {
    let lake = &company.stores.lake;
    let walk = audit::walk(lake).await?;
    let mut account =
        Account { commits: walk.newest, files: 0, faults: of_chain(&walk), set_aside: None, notes: Vec::new() };
    if let Err(err) = readers::same_lake(company).await
        && err.kind() == Kind::Retry
    {
        // Filled from this lake, the marts would show what it knows, and nothing else.
        if mend {
            return Err(err);
        }
        account.faults.push(Fault {
            what: keys::LATEST_RUN.into(),
            files: 1,
            found: err.one_line(),
            since: "unknown".into(),
            means: "the marts were filled from another lake, or from more of this one".into(),
            to_do: err.advice().unwrap_or_default().into(),
            mended: false,
            keys: BTreeSet::new(),
        });
    }
    if mend && let Some(aside) = chain::set_newest_aside(lake).await? {
        let newest = format!("commit {}", walk.newest);
        // Of a lake that holds nothing the marts know no commit.
        let again = if account.commits == 1 { "run that night again, with --new-lake" } else { "run that night again" };
        for fault in account.faults.iter_mut().filter(|fault| fault.what == newest) {
            fault.mended = true;
            fault.to_do = format!("it is set aside as {aside}, and what it made true is so no more: {again}");
        }
        account.commits -= 1;
        account.set_aside = Some(aside);
    }
    let state = match super::state(company).await {
        Ok(state) => state,
        // What breaks the chain is told; of the rest nothing is known.
        Err(err) if err.kind() == Kind::Input && account.standing() > 0 => return Ok(account),
        Err(err) => return Err(err),
    };
    let damage = damage::survey(company, &state, Look::Whole).await?;
    account.files = state.inputs().flat_map(|input| input.staged.iter().chain(&input.rejects)).count()
        + state.partitions().filter(|made| made.file.is_some()).count();
    let damaged = of_files(company, &state, &damage);
    let readers_faults = of_readers(company, &state).await?;
    account.faults.extend(damaged);
    account.faults.extend(readers_faults);
    if mend {
        mended(company, state, damage, &mut account).await?;
    }
    Ok(account)
}

/// Mends, and says of each fault whether it is gone.
async fn mended(company: &Company, mut state: State, mut left: Damage, account: &mut Account) -> Result<()> {
    if account.set_aside.is_some() {
        show(company, &state, account).await;
    }
    for (job, date) in published(company, &state) {
        if left.is_empty() {
            break;
        }
        let name = job.name.clone();
        match super::repair(company, job, date, &left).await {
            Ok(None) => continue,
            Ok(Some(report)) => {
                if let Some(error) = report.run.error {
                    account.notes.push(format!("the marts of job {name} could not be built again for {date}: {error}"));
                }
                account.notes.extend(report.run.notes);
            }
            Err(err) => account.notes.push(format!("job {name} could not be repaired: {}", err.one_line())),
        }
        state = super::state(company).await?;
        left = damage::survey(company, &state, Look::Whole).await?;
    }
    if !of_readers(company, &state).await?.is_empty() {
        show(company, &state, account).await;
    }
    let readers_left = of_readers(company, &state).await?;
    let still: BTreeSet<&str> = left
        .files
        .iter()
        .map(|damaged| damaged.file.key.as_str())
        .chain(readers_left.iter().flat_map(|fault| fault.keys.iter().map(String::as_str)))
        .collect();
    let lost: BTreeSet<String> = state.inputs().filter(|input| input.lost).map(|input| input.key.clone()).collect();
    for fault in account.faults.iter_mut().filter(|fault| !fault.keys.is_empty()) {
        if lost.iter().any(|key| fault.what.contains(key.as_str())) {
            fault.to_do =
                "the inbox does not hold the file any more: it is set aside, and whoever sent it must deliver \
                           it again (the same file will do)"
                    .into();
        } else if fault.keys.iter().all(|key| !still.contains(key.as_str())) {
            fault.mended = true;
            fault.to_do = "mended".into();
        }
    }
    Ok(())
}

async fn show(company: &Company, state: &State, account: &mut Account) {
    if let Err(err) = readers::show(company, state, Look::Whole).await {
        account.notes.push(format!("what readers open could not be written: {}", err.one_line()));
    }
}

/// Jobs that have published, each with the newest date for which it did.
fn published(company: &Company, state: &State) -> Vec<(Job, NaiveDate)> {
    let names: BTreeSet<&str> = state.runs.iter().map(|run| run.job.as_str()).collect();
    let newest = |name: &str| Some((company.job(name).ok()?, state.done_dates(name).last()?));
    let mut jobs: Vec<(Job, NaiveDate)> = names.into_iter().filter_map(newest).collect();
    // Who speaks for the newest date sets what readers see.
    jobs.sort_by_key(|(_, date)| std::cmp::Reverse(*date));
    jobs
}

/// Since when something may be damaged: nobody can know more.
fn written_by(run: &str) -> String {
    format!("some time after run {run}, which wrote it")
}

fn of_chain(walk: &Walk) -> Vec<Fault> {
    let folded = walk.folded();
    let one = |broken: &audit::Broken| {
        let number = broken.number;
        let (means, to_do) = if number == walk.newest {
            (
                "no night can run and nothing can be read; what the commits before it say stands",
                format!("{REPAIR}: falls back to the commit before it; then run that night again"),
            )
        } else if number <= folded {
            (
                "a checkpoint holds what it said, so that nights run and readers see what they saw; the record of that \
                 night is lost",
                format!("restore {} from a copy", keys::commit(number)),
            )
        } else {
            ("no night can run and nothing can be read", format!("restore {} from a copy", keys::commit(number)))
        };
        Fault {
            what: format!("commit {number}"),
            files: 1,
            found: broken.found.clone(),
            since: "some time after the run that wrote it".into(),
            means: means.into(),
            to_do,
            mended: false,
            keys: BTreeSet::new(),
        }
    };
    let mut faults: Vec<Fault> = walk.broken.iter().map(one).collect();
    if let (Some(named), Some(found)) = (&walk.checkpoint, &walk.checkpoint_found) {
        faults.push(Fault {
            what: format!("checkpoint {}", named.key),
            files: 1,
            found: found.clone(),
            since: format!("some time after commit {}", named.number),
            means: "starts take longer, since every commit is read; nothing else".into(),
            to_do: "nothing: the next commit names a new one".into(),
            mended: false,
            keys: BTreeSet::new(),
        });
    }
    faults
}

/// One fault an input, one a model.
fn of_files(company: &Company, state: &State, damage: &Damage) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut models: BTreeMap<&str, Vec<(&str, &FileRef, &str)>> = BTreeMap::new();
    for damaged in &damage.files {
        let (id, rows) = match &damaged.of {
            Of::Partition(model, partition) => {
                models.entry(model).or_default().push((partition, &damaged.file, &damaged.found));
                continue;
            }
            Of::Staged(id) => (id, "rows"),
            Of::Rejects(id) => (id, "refused rows"),
        };
        let Some(input) = state.input(id) else { continue };
        let means = match (&damaged.of, input.status) {
            (Of::Rejects(_), _) => "what was refused of it cannot be listed; its good rows count".to_string(),
            (_, InputStatus::Active) => format!(
                "{} rows count and cannot be read: what stands in the marts stays, what needs them cannot be built again",
                input.rows_clean
            ),
            _ => "a later delivery took its place: nothing of today is missing".to_string(),
        };
        faults.push(Fault {
            what: format!("{rows} of {} (sender {}, {})", input.key, input.sender, damaged.file.key),
            files: 1,
            found: damaged.found.clone(),
            since: written_by(&input.run_id),
            means,
            to_do: format!("{REPAIR}, or the next night: reads the file from the inbox again, or sets it aside"),
            mended: false,
            keys: BTreeSet::from([damaged.file.key.clone()]),
        });
    }
    for (model, files) in models {
        let mart = company.registry.is_mart(model);
        let means = if mart {
            "readers do not see these rows, and duckdb.sql leaves the mart out until they are there again"
        } else {
            "what is made of it cannot be built"
        };
        let (partition, file, found) = files[0];
        let more = if files.len() > 1 { format!(", and {} more", files.len() - 1) } else { String::new() };
        faults.push(Fault {
            what: format!("{} {model} {partition} ({}{more})", if mart { "mart" } else { "model" }, file.key),
            files: files.len(),
            found: found.to_string(),
            since: keys::run_of(&file.key).map_or_else(String::new, written_by),
            means: means.into(),
            to_do: format!("{REPAIR}, or the next night: builds it again from staged rows"),
            mended: false,
            keys: files.iter().map(|(_, file, _)| file.key.clone()).collect(),
        });
    }
    faults
}

/// What readers open and is not what was written, or not what is published.
async fn of_readers(company: &Company, state: &State) -> Result<Vec<Fault>> {
    let since = state.published_run().map_or_else(String::new, |run| written_by(&run.run_id));
    let to_do = format!("{REPAIR}, or the next run: writes it again from the immutable files");
    let fault = |what: String, found: String, means: &str| Fault {
        keys: BTreeSet::from([what.clone()]),
        what,
        files: 1,
        found,
        since: since.clone(),
        means: means.into(),
        to_do: to_do.clone(),
        mended: false,
    };
    let altered = readers::altered_now(company).await?;
    let mut faults: Vec<Fault> = altered
        .into_iter()
        .map(|(path, found)| fault(path, found, "readers of this path see what is there, not what was published"))
        .collect();
    if let Some(behind) = readers::behind(company, state).await? {
        faults.push(fault(keys::LATEST_RUN.into(), behind, "readers see an earlier night"));
    }
    Ok(faults)
}

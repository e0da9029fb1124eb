//! `profile`: from a new partner's file to its mapping. A sender that has one already gets it tried on the file.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::{Cli, ProfileArgs};
use super::run::company;
use super::{Console, Exit};
use crate::error::{Error, Result};
use crate::intake::profile::{Draft, Guess, profile as draft_mapping};
use crate::intake::rehearse::{Local, Rehearsal, try_out};
use crate::pipeline::{self, Company};
use crate::sender::{Broken, Sender};
use crate::store::Download;

/// Refused rows that are shown of a trial.
const REFUSED_SHOWN: usize = 10;

/// Drafts a mapping, or tries the one there is.
pub(super) async fn profile(cli: &Cli, args: &ProfileArgs, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let scratch = tempfile::tempdir()?;
    let file = find(&company, &args.file, scratch.path()).await?;
    let (sender, feed) = whose(&company, args, &file)?;
    if let Some(known) = company.senders.get(&sender).filter(|known| known.feeds.contains_key(&feed)) {
        let tried = try_out(&file, known, &feed, &company.contracts, &company.config, REFUSED_SHOWN)?;
        return show_trial(known, &feed, &tried, console);
    }
    let hinders = |broken: &&Broken| broken.name == sender && (broken.whole || broken.feeds.contains(&feed));
    if let Some(broken) = company.senders.broken().iter().find(hinders) {
        return Err(
            Error::config(broken.error.to_string()).hint(broken.error.advice().unwrap_or("mend its mapping first"))
        );
    }
    let state = pipeline::state(&company).await?;
    let names = pipeline::names(&company, &state).await?;
    let draft = draft_mapping(&file, &sender, &feed, &company.contracts, &company.config, &names)?;
    let path = company.config.folders.jobs.join("senders").join(format!("{sender}.toml"));
    if args.write {
        write(&path, &sender, &draft, &company)?;
    }
    let open = draft.open();
    if console.json() {
        console.document(&json!({
            "sender": sender,
            "feed": feed,
            "columns": draft.guesses,
            "unused": draft.unused,
            "questions": draft.questions,
            "open_columns": open,
            "toml": draft.toml,
            "written_to": args.write.then_some(&path),
            "trial": draft.trial.as_ref().map(trial_json),
        }))?;
    } else {
        show_draft(&draft, &sender, &feed, &path, args, console)?;
    }
    let clean = open == 0 && draft.trial.as_ref().is_some_and(is_clean);
    Ok(if clean { Exit::Ok } else { Exit::Warnings })
}

/// A file of this machine, or one fetched from the inbox.
async fn find(company: &Company, named: &str, scratch: &Path) -> Result<Local> {
    let path = PathBuf::from(named);
    if path.is_file() {
        let path = std::path::absolute(path)?;
        let inbox = company.stores.inbox.local_root().map(Path::to_path_buf);
        let below = inbox.and_then(|root| path.strip_prefix(root).ok().map(Path::to_path_buf));
        let key = below.unwrap_or_else(|| path.clone()).to_string_lossy().replace('\\', "/");
        let modified = path.metadata()?.modified()?;
        return Ok(Local { path, key, last_modified: modified.into() });
    }
    let missing = || {
        Error::config("there is no such file, neither on this machine nor in the inbox")
            .at(named)
            .hint("give a path, or a key of the inbox such as newpartner/sales/2026-11-22.csv")
    };
    let object = company.stores.inbox.head(named).await.map_err(|_| missing())?;
    let local = scratch.join("fetched");
    let limits = Download { bytes_max: company.config.intake.file_bytes_max, ..Download::default() };
    company.stores.inbox.download_to(named, &local, &limits).await?;
    Ok(Local { path: local, key: object.key, last_modified: object.last_modified })
}

/// Sender and feed: as said, else by the folders that the file lies in (`<sender>/<feed>/<file>`).
fn whose(company: &Company, args: &ProfileArgs, file: &Local) -> Result<(String, String)> {
    let mut folders = file.key.rsplit('/').skip(1);
    let place = folders.next().filter(|folder| company.contracts.get(folder).is_some());
    let Some(feed) = args.feed.as_deref().or(place) else {
        let names: Vec<&str> = company.contracts.names().collect();
        return Err(
            Error::config("what does this file hold?").hint(format!("say --feed, one of: {}", names.join(", ")))
        );
    };
    let feed = company.contracts.expect(feed)?.name.clone();
    let above = place.and_then(|_| folders.next()).filter(|folder| !folder.is_empty());
    let Some(sender) = args.sender.as_deref().or(above) else {
        return Err(Error::config("whose file is this?")
            .hint("say --sender NAME: the folder of the inbox in which the partner's files are put"));
    };
    if sender.starts_with('.') || sender.contains(['/', '\\', '\0']) {
        return Err(Error::config(format!("\"{sender}\" cannot be a folder's name")).hint("say --sender NAME"));
    }
    Ok((sender.to_string(), feed))
}

/// Writes a new sender's file, or adds the feed to the file that is there.
fn write(path: &Path, sender: &str, draft: &Draft, company: &Company) -> Result<()> {
    let text = match std::fs::read_to_string(path) {
        Ok(there) => format!("{}\n\n{}", there.trim_end(), draft.section),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => draft.toml.clone(),
        Err(err) => return Err(Error::from(err).at(path.display())),
    };
    Sender::parse(sender, &text, &company.contracts).map_err(|err| err.at(path.display()))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|err| Error::from(err).at(folder.display()))?;
    }
    std::fs::write(path, text).map_err(|err| Error::from(err).at(path.display()))
}

fn show_draft(
    draft: &Draft,
    sender: &str,
    feed: &str,
    path: &Path,
    args: &ProfileArgs,
    console: &Console,
) -> Result<()> {
    console.line(format!("{} as {feed} of {sender}\n", args.file))?;
    let width = draft.guesses.iter().map(|guess| guess.column.len()).max().unwrap_or(0);
    for guess in &draft.guesses {
        console.line(format!("  {:<width$}  {}", guess.column, source(guess)))?;
    }
    if !draft.unused.is_empty() {
        console.line(format!("\n  not used: {}", draft.unused.join(", ")))?;
    }
    if args.write {
        console.line(format!("\nwritten to {}", path.display()))?;
    } else {
        console.line(format!("\n{}", draft.toml.trim_end()))?;
    }
    if !draft.questions.is_empty() {
        console.line("\nQuestions")?;
        for (at, question) in draft.questions.iter().enumerate() {
            console.line(format!("  {}. {question}", at + 1))?;
        }
    }
    console.line("")?;
    let open = draft.open();
    if open > 0 {
        let lines = if open == 1 { "1 line is open".into() } else { format!("{open} lines are open") };
        console.line(format!("{lines} (\"?\"): a run refuses the file until it is answered"))?;
    }
    match &draft.trial {
        Some(trial) => {
            if open > 0 {
                console.line("With what is open as it is guessed:")?;
            }
            trial_lines(trial, console)?;
        }
        None => console.line("Not tried: of some columns nothing can be guessed")?,
    }
    let file = &args.file;
    let place = if args.feed.is_some() || args.sender.is_some() {
        format!(" --feed {feed} --sender {sender}")
    } else {
        String::new()
    };
    let step = if args.write {
        format!("answer the questions in {}, then try it: tributary profile {file}{place}", path.display())
    } else {
        format!("keep it: tributary profile {file}{place} --write")
    };
    console.line(format!("\nNext\n  {step}"))
}

/// Where a column comes from, in words.
fn source(guess: &Guess) -> String {
    match (&guess.header, &guess.instead) {
        (Some(header), _) => {
            let examples = if guess.examples.is_empty() { "empty".to_string() } else { guess.examples.join(", ") };
            format!("{header:?}  {:.0} % sure  {examples}", guess.confidence * 100.0)
        }
        (None, Some(instead)) => instead.clone(),
        (None, None) => "-".to_string(),
    }
}

fn show_trial(sender: &Sender, feed: &str, trial: &Rehearsal, console: &Console) -> Result<Exit> {
    if console.json() {
        console.document(&json!({"sender": sender.name, "feed": feed, "trial": trial_json(trial)}))?;
    } else {
        console.line(format!("by the mapping in jobs/senders/{}.toml as {feed}\n", sender.name))?;
        trial_lines(trial, console)?;
        if is_clean(trial) {
            console.line("\nNext\n  tributary check, then tributary plan JOB and tributary run JOB")?;
        } else {
            console
                .line(format!("\nNext\n  mend the mapping in jobs/senders/{}.toml and try it again", sender.name))?;
        }
    }
    Ok(if is_clean(trial) { Exit::Ok } else { Exit::Warnings })
}

fn trial_lines(trial: &Rehearsal, console: &Console) -> Result<()> {
    let Rehearsal { outcome, refused, .. } = trial;
    match &outcome.quarantined {
        Some(reason) => console.line(format!("Tried: the file would be refused whole: {reason}"))?,
        None => console.line(format!(
            "Tried: {} rows = {} clean + {} refused",
            outcome.rows_read, outcome.rows_clean, outcome.rows_rejected
        ))?,
    }
    for row in refused {
        console.line(format!("  {} ({})", row.told(), row.reason))?;
    }
    if let (None, Some(money)) = (&outcome.quarantined, &trial.money) {
        console.line(format!(
            "  {} units, gross {}, discounts {}, net {}: is that what the file is worth?",
            money.units, money.gross, money.discounts, money.net
        ))?;
    }
    if let (None, Some(first), Some(last)) = (&outcome.quarantined, outcome.first_date, outcome.last_date) {
        console.line(format!("  business dates {first} to {last}"))?;
    }
    for warning in &outcome.warnings {
        console.line(format!("  note: {warning}"))?;
    }
    Ok(())
}

fn trial_json(trial: &Rehearsal) -> serde_json::Value {
    let outcome = &trial.outcome;
    json!({
        "quarantined": outcome.quarantined,
        "rows_read": outcome.rows_read,
        "rows_clean": outcome.rows_clean,
        "rows_refused": outcome.rows_rejected,
        "reasons": outcome.reasons,
        "warnings": outcome.warnings,
        "refused": trial.refused,
        "money": trial.money,
    })
}

fn is_clean(trial: &Rehearsal) -> bool {
    trial.outcome.quarantined.is_none() && trial.outcome.rows_rejected == 0
}

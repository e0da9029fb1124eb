//! `mail`: what the last run mails to whom, sending at once what waits, and what becomes of mails that were given up.

use std::path::Path;

use serde_json::{Value, json};

use super::args::{Cli, MailCommand, PreviewArgs, UnseenArgs};
use super::run::company;
use super::{Console, Exit};
use crate::error::{Error, Result};
use crate::mail::outbox::{GivenUp, Receipt, Settled, Tries, given_up, seen};
use crate::mail::parts::{self, Opened};
use crate::pipeline::{self, Company};
use crate::report::MailLine;
use crate::state::State;
use crate::state::record::OwedMail;
use crate::store::keys;

/// Runs a command about mails.
pub(super) async fn mail(cli: &Cli, command: &MailCommand, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    match command {
        MailCommand::Preview(args) => preview(&company, args, console).await,
        MailCommand::Flush => flush(&company, console).await,
        MailCommand::Retry(args) => retry(&company, args, console).await,
        MailCommand::Drop(args) => drop_given_up(&company, args, console).await,
    }
}

/// Tries mails again that were given up.
async fn retry(company: &Company, args: &UnseenArgs, console: &Console) -> Result<Exit> {
    told(&pipeline::retry(company, &unseen(company, args).await?).await?, console)
}

/// Takes mails that were given up out of sight.
async fn drop_given_up(company: &Company, args: &UnseenArgs, console: &Console) -> Result<Exit> {
    let chosen = unseen(company, args).await?;
    for open in &chosen {
        seen(&company.stores.lake, open).await?;
        if !console.json() {
            console.line(format!("seen to  {:<32} {} ({})", open.owed.recipient, open.owed.subject, open.reason))?;
        }
    }
    if console.json() {
        console.document(&chosen)?;
    }
    Ok(Exit::Ok)
}

/// The mails given up that are meant.
async fn unseen(company: &Company, args: &UnseenArgs) -> Result<Vec<GivenUp>> {
    let all = given_up(&company.stores.lake).await?;
    let meant = |open: &&GivenUp| {
        (args.recipient == "all" || open.owed.recipient.eq_ignore_ascii_case(&args.recipient))
            && open.owed.run_id.starts_with(&args.run)
    };
    let chosen: Vec<GivenUp> = all.iter().filter(meant).cloned().collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let there: Vec<&str> = all.iter().map(|open| open.owed.recipient.as_str()).collect();
    Err(Error::config(format!("no mail to {} was given up", args.recipient)).hint(match there.len() {
        0 => "no mail at all that was given up waits for anybody".to_string(),
        _ => format!("given up are mails to {}", there.join(", ")),
    }))
}

/// Sends what waits, whatever pause it is in.
async fn flush(company: &Company, console: &Console) -> Result<Exit> {
    told(&pipeline::flush(company, true).await?, console)
}

/// What came of mails that were tried.
fn told(mails: &[MailLine], console: &Console) -> Result<Exit> {
    let open = mails.iter().filter(|mail| mail.outcome != "sent").count();
    if console.json() {
        console.document(&mails)?;
    } else {
        for mail in mails {
            console.line(format!("{:<8} {:<32} {}", mail.outcome, mail.recipient, mail.detail))?;
        }
        match mails.len() {
            0 => console.line("no mail waits")?,
            all => console.line(format!("{} sent, {open} not", all - open))?,
        }
        if mails.iter().any(|mail| mail.outcome == "dead") {
            console.line(
                "given up: try again with `tributary mail retry RECIPIENT`, or `mail drop RECIPIENT` when seen to",
            )?;
        }
    }
    Ok(if open == 0 { Exit::Ok } else { Exit::Undelivered })
}

/// Shows the mails of a run.
async fn preview(company: &Company, args: &PreviewArgs, console: &Console) -> Result<Exit> {
    let state = pipeline::state(company).await?;
    let mails = mails_of(&state, &args.run)?;
    let wanted = args.recipient.as_ref().map(|text| text.to_ascii_lowercase());
    let chosen: Vec<&OwedMail> = mails
        .iter()
        .copied()
        .filter(|mail| wanted.as_ref().is_none_or(|text| mail.recipient.to_ascii_lowercase().contains(text)))
        .collect();
    if chosen.is_empty() {
        let all: Vec<&str> = mails.iter().map(|mail| mail.recipient.as_str()).collect();
        return Err(Error::config(format!("no mail goes to {}", args.recipient.as_deref().unwrap_or_default()))
            .hint(format!("mails go to {}", all.join(", "))));
    }
    let mut documents = Vec::new();
    for mail in &chosen {
        let (outcome, detail) = outcome(company, mail).await?;
        let body = company.stores.lake.get(&mail.body).await;
        let body = body.map_err(|err| err.hint("the bodies of old mails expire (state.keep_mails_days)"))?;
        let opened = parts::open(&body).map_err(|err| err.at(&mail.body))?;
        let files = match &args.save {
            Some(folder) => save(folder, mail, &opened)?,
            None => Vec::new(),
        };
        if console.json() {
            documents.push(document(mail, &outcome, &detail, &opened, &files));
            continue;
        }
        console.line(format!("{outcome:<8} {:<32} {}", mail.recipient, mail.subject))?;
        for file in &files {
            console.line(format!("         {file}"))?;
        }
        if chosen.len() == 1 && args.save.is_none() {
            console.line(format!("\n{}", opened.text.trim_end()))?;
            for (name, bytes) in &opened.attachments {
                console.line(format!("attached: {name} ({} bytes)", bytes.len()))?;
            }
        }
    }
    if console.json() {
        console.document(&documents)?;
    } else if chosen.len() > 1 && args.save.is_none() {
        console.line("\nread one: tributary mail preview RECIPIENT; as web pages: --save FOLDER")?;
    }
    Ok(Exit::Ok)
}

/// The mails of the newest run that mailed, or of the run whose id begins so.
fn mails_of<'a>(state: &'a State, run: &str) -> Result<Vec<&'a OwedMail>> {
    let newest = || state.owed.iter().max_by_key(|mail| (mail.owed_at, &mail.run_id)).map(|mail| mail.run_id.as_str());
    let prefix = if run == "last" { newest().unwrap_or_default() } else { run };
    let mails: Vec<&OwedMail> = state.owed.iter().filter(|mail| mail.run_id.starts_with(prefix)).collect();
    if mails.is_empty() {
        return Err(match run {
            "last" => Error::config("no run has written a mail yet").hint("run a job first: tributary run nightly"),
            run => Error::config(format!("no mail of a run `{run}` is kept")).hint("`tributary runs` lists runs"),
        });
    }
    Ok(mails)
}

/// `sent`, `waiting` or `dead`, and what was said.
pub(super) async fn outcome(company: &Company, mail: &OwedMail) -> Result<(String, String)> {
    let lake = &company.stores.lake;
    let (run, hash) = (&mail.run_id, &mail.recipient_hash);
    for key in [keys::mail_receipt(run, hash), keys::mail_dead(run, hash)] {
        if let Some(bytes) = lake.get_if_exists(&key).await? {
            let receipt: Receipt = serde_json::from_slice(&bytes)?;
            let word = if receipt.outcome == Settled::Sent { "sent" } else { "dead" };
            return Ok((word.to_string(), receipt.detail));
        }
    }
    let tries = lake.get_if_exists(&keys::mail_tries(run, hash)).await?;
    let reason = tries.and_then(|bytes| serde_json::from_slice::<Tries>(&bytes).ok()).map(|tries| tries.reason);
    Ok(("waiting".to_string(), reason.unwrap_or_default()))
}

fn document(mail: &OwedMail, outcome: &str, detail: &str, opened: &Opened, files: &[String]) -> Value {
    let attachments: Vec<&str> = opened.attachments.iter().map(|(name, _)| name.as_str()).collect();
    json!({
        "recipient": mail.recipient,
        "subject": mail.subject,
        "run_id": mail.run_id,
        "owed_at": mail.owed_at,
        "outcome": outcome,
        "detail": detail,
        "text": opened.text,
        "html": opened.html,
        "attachments": attachments,
        "files": files,
    })
}

/// Writes a mail's parts as files that a browser opens.
fn save(folder: &Path, mail: &OwedMail, opened: &Opened) -> Result<Vec<String>> {
    std::fs::create_dir_all(folder).map_err(|err| Error::from(err).at(folder.display()))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '_' | '-');
    let address: String = mail.recipient.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let stem = format!("{}-{}", address.trim_start_matches('.'), &mail.recipient_hash[..6]);
    // A browser finds the pictures beside the page.
    let beside = |id: &str| format!("{stem}-{}.png", id.split('@').next().unwrap_or(id));
    let page = opened
        .pictures
        .iter()
        .fold(opened.html.clone(), |page, (id, _)| page.replace(&format!("cid:{id}"), &beside(id)));
    let mut files = vec![(format!("{stem}.html"), page.into_bytes())];
    files.extend(opened.pictures.iter().map(|(id, png)| (beside(id), png.clone())));
    files.push((format!("{stem}.txt"), opened.text.clone().into_bytes()));
    files.extend(opened.attachments.iter().map(|(name, bytes)| {
        let name: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
        (format!("{stem}-{name}"), bytes.clone())
    }));
    let mut written = Vec::new();
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::write(&path, bytes).map_err(|err| Error::from(err).at(path.display()))?;
        written.push(path.display().to_string());
    }
    Ok(written)
}

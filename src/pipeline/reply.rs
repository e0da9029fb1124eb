//! Answers each sender whose files this run took in, where the company wants that: a mail owed by the same commit
//! as the digests, and delivered like them.

use std::collections::BTreeMap;

use super::flow::{Built, Night};
use crate::address::validate_address;
use crate::error::Result;
use crate::mail::refusals::SHEET_ROWS_MAX;
use crate::mail::reply::{Account, reply};
use crate::models::refused::{HELD_BACK, RefusedRows, Wanted};
use crate::sender::{Sender, SenderFeed};
use crate::state::record::{Input, OwedMail, RunRecord};
use crate::store::keys;

/// Files named in a note before the rest is counted.
const FILES_NAMED: usize = 3;

/// Writes the replies. Without `built` (the run failed) only what intake found is told.
pub(super) async fn write_replies(night: &mut Night<'_>, built: Option<&Built>) -> Result<()> {
    let company = night.company;
    let wish = company.config.mail.replies.as_str();
    if wish == "off" || night.request.quiet || !night.request.job.mail {
        return Ok(());
    }
    let mut by_sender: BTreeMap<&str, Vec<&Input>> = BTreeMap::new();
    for input in night.inputs.values().filter(|input| input.run_id == night.run_id) {
        by_sender.entry(&input.sender).or_default().push(input);
    }
    let run = night.record(night.started_at)?;
    let (mut owed, mut notes) = (Vec::new(), Vec::new());
    for (name, files) in &by_sender {
        let Some(sender) = company.senders.get(name) else { continue };
        let Some(contact) = &sender.contact else { continue };
        // What cannot be composed is this sender's trouble alone.
        match answer(night, built, &run, sender, contact, files).await {
            Ok(mail) => owed.extend(mail),
            Err(err) => {
                let keys: Vec<&str> = files.iter().map(|input| input.key.as_str()).take(FILES_NAMED).collect();
                let more = files.len().saturating_sub(FILES_NAMED);
                let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                notes.push(format!(
                    "sender {name} gets no answer about {}{more}: the mail to its contact {contact:?} cannot be written: {}",
                    keys.join(", "),
                    err.one_line()
                ));
            }
        }
    }
    night.owed.extend(owed);
    for note in notes {
        night.warn(note);
    }
    Ok(())
}

/// The mail to one sender, laid into the outbox; none where nothing has to be said.
async fn answer(
    night: &Night<'_>,
    built: Option<&Built>,
    run: &RunRecord,
    sender: &Sender,
    contact: &str,
    files: &[&Input],
) -> Result<Option<OwedMail>> {
    validate_address(contact)?;
    let company = night.company;
    let refused = refused_rows(night, built, &sender.name, files).await?;
    let headers = headers_of(sender);
    let account = Account {
        config: &company.config,
        run,
        now: night.started_at,
        sender: &sender.name,
        title: &sender.title,
        contact,
        files,
        refused: &refused,
        headers: &headers,
    };
    if company.config.mail.replies == "refusals" && account.is_clean() {
        return Ok(None);
    }
    let reply = reply(&account)?;
    let body = keys::mail_body(&night.run_id, &reply.recipient_hash);
    night.post(&body, reply.message.clone()).await?;
    Ok(Some(reply.owed(body, &night.run_id, night.started_at)))
}

async fn refused_rows(
    night: &Night<'_>,
    built: Option<&Built>,
    sender: &str,
    files: &[&Input],
) -> Result<Vec<crate::models::refused::Refusal>> {
    let company = night.company;
    let held = built.into_iter().flat_map(|built| &built.outcome.partitions);
    let wanted = Wanted {
        senders: vec![sender.to_string()],
        files: files.iter().map(|file| file.key.clone()).collect(),
        ..Wanted::default()
    };
    let rows = RefusedRows::open(
        &company.registry,
        &company.config,
        &company.stores,
        files.iter().copied(),
        held.filter(|made| made.model == HELD_BACK),
        &wanted,
    )
    .await?;
    rows.rows(Some(SHEET_ROWS_MAX)).await
}

fn headers_of(sender: &Sender) -> BTreeMap<String, BTreeMap<String, String>> {
    sender.feeds.iter().map(|(feed, mapping)| (feed.clone(), SenderFeed::headers(mapping))).collect()
}

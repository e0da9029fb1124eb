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
use crate::state::record::Input;
use crate::store::keys;

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
        let contact = match &sender.contact {
            Some(contact) if validate_address(contact).is_ok() => contact,
            Some(contact) => {
                notes.push(format!("sender {name} gets no answer: its contact {contact:?} is not a mail address"));
                continue;
            }
            None => continue,
        };
        let refused = refused_rows(night, built, name, files).await?;
        let headers = headers_of(sender);
        let account = Account {
            config: &company.config,
            run: &run,
            now: night.started_at,
            sender: name,
            title: &sender.title,
            contact,
            files,
            refused: &refused,
            headers: &headers,
        };
        if wish == "refusals" && account.is_clean() {
            continue;
        }
        let reply = reply(&account)?;
        let body = keys::mail_body(&night.run_id, &reply.recipient_hash);
        night.post(&body, reply.message.clone()).await?;
        owed.push(reply.owed(body, &night.run_id, night.started_at));
    }
    night.owed.extend(owed);
    for note in notes {
        night.warn(note);
    }
    Ok(())
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

//! One digest a recipient a run: the worst finding first, all well said too, and always sent, because
//! silence must mean that something is broken.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::edition::{Audience, Edition, Status, pick, tells};
use super::view::View;
use super::words::Words;
use super::{message, render};
use crate::address::{recipient_hash, validate_address};
use crate::error::Result;
use crate::state::record::OwedMail;

/// A written digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Address.
    pub recipient: String,
    /// Hash of the address, for keys.
    pub recipient_hash: String,
    /// What it says, in one word.
    pub status: Status,
    /// Subject.
    pub subject: String,
    /// The line that mail programs show beside the subject.
    pub preview: String,
    /// Plain text part.
    pub text: String,
    /// HTML part.
    pub html: String,
    /// The same for the same run and recipient, so that a repeated send is recognised.
    pub message_id: String,
    /// The whole message as it goes to the server.
    pub message: Vec<u8>,
}

impl Digest {
    /// The entry for the commit, with the message kept in the lake under `body`.
    pub fn owed(&self, body: String, run_id: &str, owed_at: DateTime<Utc>) -> OwedMail {
        OwedMail {
            recipient: self.recipient.clone(),
            recipient_hash: self.recipient_hash.clone(),
            subject: self.subject.clone(),
            body,
            run_id: run_id.to_string(),
            owed_at,
        }
    }
}

/// Writes the digests of a run, by recipient.
pub fn digests(edition: &Edition<'_>) -> Result<Vec<Digest>> {
    audiences(edition).iter().map(|audience| digest(edition, audience)).collect()
}

fn digest(edition: &Edition<'_>, audience: &Audience) -> Result<Digest> {
    let mail = &edition.config.mail;
    let company = &edition.config.company;
    let words = Words::new(&company.locale, &company.base_currency).read_on(edition.run.logical_date);
    let view = View::new(edition, audience, &pick(edition, audience), &words);
    let html = render::html(&view, &words)?;
    let text = render::text(&view, &words)?;
    let hash = recipient_hash(&audience.address);
    let letter = message::Letter {
        from: &mail.from,
        reply_to: None,
        recipient: &audience.address,
        hash: &hash,
        subject: &view.subject,
        text: &text,
        html: &html,
        attachments: &[],
        status: view.status.code(),
        run_id: &edition.run.run_id,
        job: &edition.run.job,
        as_of: edition.run.logical_date,
        date: edition.now,
    };
    let (message_id, bytes) = message::build(&letter)?;
    Ok(Digest {
        recipient: audience.address.clone(),
        recipient_hash: hash,
        status: view.status,
        subject: view.subject,
        preview: view.preview,
        text,
        html,
        message_id,
        message: bytes,
    })
}

/// Everyone who gets a digest: named audiences, head office, owners of alerts; once each, by address.
fn audiences(edition: &Edition<'_>) -> Vec<Audience> {
    let mut all: BTreeMap<String, Audience> = BTreeMap::new();
    for audience in edition.audiences {
        let address = audience.address.trim().to_ascii_lowercase();
        all.entry(address.clone()).or_insert_with(|| Audience { address, ..audience.clone() });
    }
    let owners = edition.alerts.iter().filter(|alert| tells(alert, edition.now)).flat_map(|alert| &alert.owners);
    let others: BTreeSet<&String> = edition.config.company.head_office.iter().chain(owners).collect();
    for other in others {
        let address = other.trim().to_ascii_lowercase();
        all.entry(address.clone()).or_insert_with(|| Audience { address, ..Audience::default() });
    }
    let (good, bad): (Vec<Audience>, Vec<Audience>) =
        all.into_values().partition(|audience| validate_address(&audience.address).is_ok());
    for audience in bad {
        tracing::warn!(address = ?audience.address, "not a mail address: nobody is told");
    }
    good
}

#[cfg(test)]
mod tests;

//! One digest a recipient a run: the worst finding first, all well said too, and always sent, because
//! silence must mean that something is broken.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::edition::{Audience, Edition, Status, pick, tells};
use super::message::{self, Attachment};
use super::view::View;
use super::wishes::allow;
use super::words::Words;
use super::{evidence, render};
use crate::address::{header_text, recipient_hash, validate_address};
use crate::error::{Error, Result};
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

/// The digests of a run, and to whom none could be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests {
    /// Those written, by recipient. Where only ours cannot be composed, a few plain words that say so.
    pub written: Vec<Digest>,
    /// Address and reason of the others: nobody else's mail waits for them.
    pub unwritten: BTreeMap<String, String>,
}

/// Writes the digests of a run.
pub fn digests(edition: &Edition<'_>) -> Digests {
    let mut all = Digests::default();
    for audience in audiences(edition) {
        if !edition.is_due(&audience.address) {
            continue;
        }
        let usable = validate_address(&audience.address).and_then(|()| allow(edition.config, &audience.address));
        let fault = match usable {
            Ok(()) => match digest(edition, &audience) {
                Ok(digest) => {
                    all.written.push(digest);
                    continue;
                }
                Err(err) => {
                    all.written.extend(apology(edition, &audience, &err).ok());
                    err
                }
            },
            Err(err) => err,
        };
        tracing::error!(address = ?audience.address, error = fault.one_line(), "no digest can be written");
        all.unwritten.insert(audience.address, fault.one_line());
    }
    all
}

fn digest(edition: &Edition<'_>, audience: &Audience) -> Result<Digest> {
    let company = &edition.config.company;
    let locale = edition.config.locale_of(&audience.address);
    let words = Words::new(locale, &company.base_currency).read_on(edition.run.logical_date);
    let picked = pick(edition, audience);
    let view = View::new(edition, audience, &picked, &words);
    let html = render::html(&view, &words)?;
    let text = render::text(&view, &words)?;
    let attachments = evidence::sheet(edition, &picked.due, &words)?.into_iter().collect();
    let View { status, subject, preview, pictures, .. } = view;
    Parts { status, subject, preview, text, html, pictures, attachments }.composed(edition, audience)
}

/// In place of a digest that cannot be composed: its reader must not take the silence for a quiet night. No template.
fn apology(edition: &Edition<'_>, audience: &Audience, fault: &Error) -> Result<Digest> {
    let company = &edition.config.company;
    let locale = edition.config.locale_of(&audience.address);
    let words = Words::new(locale, &company.base_currency).read_on(edition.run.logical_date);
    let (status, day) = (Status::Failed, words.date(edition.run.logical_date));
    let subject = words.pick(
        format!("[{}] 您的日报未能生成 · {day}", status.word(&words)),
        format!("[{}] your mail was not written · {day}", status.word(&words)),
    );
    let preview = words.pick(
        "您的日报未能生成，总部已收到通知；请先查看报表。",
        "Your mail could not be written, and head office knows; the reports are there.",
    );
    let text = format!("{preview}\n\n{}\n{}\n", header_text(&fault.one_line()), header_text(&edition.run.run_id));
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let html = format!("<!doctype html><html><body><pre>{escaped}</pre></body></html>");
    let (pictures, attachments) = (Vec::new(), Vec::new());
    Parts { status, subject, preview: preview.to_string(), text, html, pictures, attachments }
        .composed(edition, audience)
}

/// What a digest is made of before it is a message.
struct Parts {
    status: Status,
    subject: String,
    preview: String,
    text: String,
    html: String,
    pictures: Vec<(String, Vec<u8>)>,
    attachments: Vec<Attachment>,
}

impl Parts {
    fn composed(self, edition: &Edition<'_>, audience: &Audience) -> Result<Digest> {
        let hash = recipient_hash(&audience.address);
        let letter = message::Letter {
            from: &edition.config.mail.from,
            reply_to: edition.helper(),
            recipient: &audience.address,
            hash: &hash,
            subject: &self.subject,
            text: &self.text,
            html: &self.html,
            pictures: &self.pictures,
            attachments: &self.attachments,
            status: self.status.code(),
            run_id: &edition.run.run_id,
            job: &edition.run.job,
            as_of: edition.run.logical_date,
            date: edition.now,
        };
        let (message_id, message) = message::build(&letter)?;
        Ok(Digest {
            recipient: audience.address.clone(),
            recipient_hash: hash,
            status: self.status,
            subject: self.subject,
            preview: self.preview,
            text: self.text,
            html: self.html,
            message_id,
            message,
        })
    }
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
    all.into_values().collect()
}

#[cfg(test)]
pub(crate) mod tests;

//! A digest as a MIME message: headers that mail programs thread, filter and file by, and a body in two
//! forms. The same run and recipient give the same bytes.

use std::time::SystemTime;

use chrono::{DateTime, NaiveDate, Utc};
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use crate::error::{Error, Result};
use crate::mail::address::{header_text, parse_address, parse_sender, recipient_hash};
use crate::store::sha256_hex;

/// What a message is built from.
#[derive(Debug, Clone)]
pub struct Letter<'a> {
    /// `mail.from`.
    pub from: &'a str,
    /// Address.
    pub recipient: &'a str,
    /// Subject.
    pub subject: &'a str,
    /// Plain text part.
    pub text: &'a str,
    /// HTML part.
    pub html: &'a str,
    /// Status for machines.
    pub status: &'a str,
    /// The run.
    pub run_id: &'a str,
    /// The job.
    pub job: &'a str,
    /// As-of date: all mails of a job and date form one thread.
    pub as_of: NaiveDate,
    /// The instant in `Date`.
    pub date: DateTime<Utc>,
}

/// Builds the message: its Message-ID and its bytes.
pub fn build(letter: &Letter<'_>) -> Result<(String, Vec<u8>)> {
    let from = parse_sender(letter.from).map_err(|err| err.at("mail.from"))?;
    let domain = from.email.domain().to_string();
    let hash = recipient_hash(letter.recipient);
    let message_id = format!("<{}.{}@{domain}>", token(letter.run_id), &hash[..16]);
    let root = format!("<daily.{}.{}@{domain}>", token(letter.job), letter.as_of);
    // The mail crate draws boundaries at random; ours follows from the content, so that bytes repeat.
    let boundary = format!("part-{}", &sha256_hex(format!("{message_id}{}", letter.html).as_bytes())[..32]);
    let parts = MultiPart::alternative()
        .boundary(boundary)
        .singlepart(SinglePart::plain(letter.text.to_string()))
        .singlepart(SinglePart::html(letter.html.to_string()));
    let message = Message::builder()
        .from(from)
        .to(Mailbox::new(None, parse_address(letter.recipient)?))
        .subject(header_text(letter.subject))
        .date(SystemTime::from(letter.date))
        .message_id(Some(message_id.clone()))
        .in_reply_to(root.clone())
        .references(root)
        .raw_header(raw("List-Id", &format!("tributary <digest.tributary.{domain}>")))
        .raw_header(raw("Auto-Submitted", "auto-generated"))
        .raw_header(raw("X-Tributary-Status", &token(letter.status)))
        .raw_header(raw("X-Tributary-Run", &token(letter.run_id)))
        .multipart(parts)
        .map_err(|err| Error::bug("mail cannot be composed").at(letter.run_id).because(err))?;
    Ok((message_id, message.formatted()))
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), header_text(value))
}

/// `text` as part of a message id or a header for machines.
fn token(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests;

//! A digest as a MIME message: headers that mail programs thread, filter and file by, and a body in two
//! forms. The same run and recipient give the same bytes.

use std::time::SystemTime;

use chrono::{DateTime, NaiveDate, Utc};
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use crate::address::{header_text, parse_address, parse_sender};
use crate::error::{Error, Result};
use crate::sha256::sha256_hex;

/// A file that goes with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name: plain ASCII.
    pub name: String,
    /// Its MIME type.
    pub kind: &'static str,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// What a message is built from.
#[derive(Debug, Clone)]
pub struct Letter<'a> {
    /// `mail.from`.
    pub from: &'a str,
    /// Who gets the answers, where that is not the sender.
    pub reply_to: Option<&'a str>,
    /// Address.
    pub recipient: &'a str,
    /// Names the mail among those of its run: the hash of the address, or of what else tells it apart.
    pub hash: &'a str,
    /// Subject.
    pub subject: &'a str,
    /// Plain text part.
    pub text: &'a str,
    /// HTML part.
    pub html: &'a str,
    /// Pictures that the HTML part shows, by content id.
    pub pictures: &'a [(String, Vec<u8>)],
    /// Files that go with it.
    pub attachments: &'a [Attachment],
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
    let message_id = format!("<{}.{:.16}@{domain}>", token(letter.run_id), letter.hash);
    let root = format!("<daily.{}.{}@{domain}>", token(letter.job), letter.as_of);
    // The mail crate draws boundaries at random; ours follows from the content, so that bytes repeat.
    let boundary = &sha256_hex(format!("{message_id}{}", letter.html).as_bytes())[..32];
    let mut parts = MultiPart::alternative()
        .boundary(format!("part-{boundary}"))
        .singlepart(SinglePart::plain(letter.text.to_string()));
    let page = SinglePart::html(letter.html.to_string());
    parts = if letter.pictures.is_empty() {
        parts.singlepart(page)
    } else {
        let mut related = MultiPart::related().boundary(format!("page-{boundary}")).singlepart(page);
        for (name, png) in letter.pictures {
            related =
                related.singlepart(lettre::message::Attachment::new_inline(name.clone()).body(png.clone(), picture()?));
        }
        parts.multipart(related)
    };
    if !letter.attachments.is_empty() {
        parts = MultiPart::mixed().boundary(format!("mail-{boundary}")).multipart(parts);
    }
    for file in letter.attachments {
        let kind = ContentType::parse(file.kind)
            .map_err(|err| Error::bug("an attachment has no MIME type").at(&file.name).because(err))?;
        parts = parts.singlepart(lettre::message::Attachment::new(token(&file.name)).body(file.bytes.clone(), kind));
    }
    let mut builder = Message::builder();
    if let Some(address) = letter.reply_to {
        builder = builder.reply_to(Mailbox::new(None, parse_address(address)?));
    }
    let message = builder
        .from(from)
        .to(Mailbox::new(None, parse_address(letter.recipient)?))
        .subject(header_text(letter.subject))
        .date(SystemTime::from(letter.date))
        .message_id(Some(message_id.clone()))
        .in_reply_to(root.clone())
        .references(root)
        .raw_header(raw("List-Id", &format!("tributary <digest.tributary.{domain}>")))
        .raw_header(raw("Auto-Submitted", "auto-generated"))
        // What Exchange looks at before it answers that somebody is out of office.
        .raw_header(raw("X-Auto-Response-Suppress", "All"))
        .raw_header(raw("X-Tributary-Status", &token(letter.status)))
        .raw_header(raw("X-Tributary-Run", &token(letter.run_id)))
        .multipart(parts)
        .map_err(|err| Error::bug("mail cannot be composed").at(letter.run_id).because(err))?;
    Ok((message_id, message.formatted()))
}

fn picture() -> Result<ContentType> {
    ContentType::parse("image/png").map_err(|err| Error::bug("pictures have no MIME type").because(err))
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

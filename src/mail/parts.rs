//! Opens a message of ours again: for people who want to see what was, or will be, sent.

use mailparse::{MailHeaderMap as _, MailParseError, ParsedMail};

use crate::error::{Error, Result};

/// What a message holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
    /// Pictures that the page shows, by content id.
    pub pictures: Vec<(String, Vec<u8>)>,
    /// Attached files: name and bytes.
    pub attachments: Vec<(String, Vec<u8>)>,
}

/// Opens a message that [`super::message::build`] has built.
pub fn open(message: &[u8]) -> Result<Opened> {
    opened(message).map_err(|err| Error::input("the kept mail cannot be opened").because(err))
}

fn opened(message: &[u8]) -> std::result::Result<Opened, MailParseError> {
    let mut opened = Opened::default();
    let mail = mailparse::parse_mail(message)?;
    for part in mail.parts().filter(|part| part.subparts.is_empty()) {
        let text = |part: &ParsedMail<'_>| part.get_body().map(|text| text.replace("\r\n", "\n"));
        if let Some(id) = part.headers.get_first_value("Content-ID") {
            opened.pictures.push((id.trim_matches(['<', '>']).to_string(), part.get_body_raw()?));
            continue;
        }
        match part.get_content_disposition().params.remove("filename") {
            Some(name) => opened.attachments.push((name, part.get_body_raw()?)),
            None if part.ctype.mimetype == "text/html" => opened.html = text(part)?,
            None => opened.text = text(part)?,
        }
    }
    Ok(opened)
}

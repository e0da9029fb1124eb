//! The two ways a mail leaves: as an .eml file in a folder, or to an SMTP server.
//!
//! An outcome says what the caller does next. What was not surely taken is tried again with the same Message-ID; where
//! the server had the whole text and said nothing, that is an outcome of its own, for it may have arrived.

mod advice;
mod smtp;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use regex::Regex;
pub use smtp::Smtp;

use crate::address::carried;
use crate::config::Mail;
use crate::error::{Error, Result};
use crate::state::record::OwedMail;
use crate::store::modes;

/// Environment variable with the SMTP user.
pub const USER_VARIABLE: &str = "TRIBUTARY_SMTP_USER";
/// Environment variable with the SMTP password.
pub const PASSWORD_VARIABLE: &str = "TRIBUTARY_SMTP_PASSWORD";

/// How one try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server took it (its words), or the file lies in place (its path).
    Taken(String),
    /// Not taken; may succeed later.
    Later(String),
    /// The server has the whole text and never answered: it may have arrived.
    Unanswered(String),
    /// No server was reached at all; others will not reach it either.
    Unreachable(String),
    /// The server refuses this mail for good.
    Refused(String),
}

/// A way for mails to leave.
#[derive(Debug)]
pub enum Transport {
    /// Into a folder.
    File(PathBuf),
    /// To a server.
    Smtp(Box<Smtp>),
}

impl Transport {
    /// The way that `mail.transport` names; `environment` gives credentials.
    pub fn new(mail: &Mail, environment: impl Fn(&str) -> Option<String>) -> Result<Self> {
        if mail.transport == "file" {
            return Ok(Self::File(mail.folder.clone()));
        }
        Smtp::new(mail, environment).map(|smtp| Self::Smtp(Box::new(smtp)))
    }

    /// The way that `mail.transport` names, with credentials from the process's environment.
    pub fn from_environment(mail: &Mail) -> Result<Self> {
        Self::new(mail, |name| std::env::var(name).ok())
    }

    /// Its name in receipts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Smtp(_) => "smtp",
        }
    }

    /// Tries the way as a mail to `recipient` would go, and stops before its text; says what answered.
    pub(crate) async fn check(&self, recipient: Option<&str>) -> Result<String> {
        match self {
            Self::File(folder) => {
                modes::make(folder).map_err(Error::from).map_err(|err| unwritable(err, folder))?;
                tempfile::NamedTempFile::new_in(folder).map_err(Error::from).map_err(|err| unwritable(err, folder))?;
                Ok(format!("files into {}", folder.display()))
            }
            Self::Smtp(smtp) => smtp.check(recipient).await,
        }
    }

    /// No try takes longer than this. None for a folder: the same mail written twice is the same file.
    pub fn longest(&self) -> Option<Duration> {
        match self {
            Self::File(_) => None,
            Self::Smtp(smtp) => Some(smtp.longest()),
        }
    }

    /// Hands over one message. Never hangs: each step of the conversation with a server has its time.
    pub async fn send(&self, owed: &OwedMail, message: &[u8]) -> Outcome {
        match self {
            Self::File(folder) => match write_file(folder, owed, message).await {
                Ok(path) => Outcome::Taken(path.display().to_string()),
                Err(err) => Outcome::Later(err.one_line()),
            },
            Self::Smtp(smtp) => smtp.send(&owed.recipient, message).await,
        }
    }
}

fn unwritable(err: Error, folder: &Path) -> Error {
    err.at(folder.display()).hint("is mail.folder writable?")
}

/// Writes `<folder>/<as-of date>/<recipient>.eml`, whole or not at all. A different message of the same
/// date (another job, a corrected run) gets a name of its own.
async fn write_file(folder: &Path, owed: &OwedMail, message: &[u8]) -> Result<PathBuf> {
    let folder = folder.join(as_of(owed));
    let (owed, message) = (owed.clone(), message.to_vec());
    let write = move || -> Result<PathBuf> {
        modes::make(&folder)?;
        let name = file_name(&carried(&owed.recipient));
        let mut path = folder.join(format!("{name}.eml"));
        match std::fs::read(&path) {
            Ok(there) if there == message => return Ok(path),
            Ok(_) => path = folder.join(format!("{name}--{}.eml", file_name(&owed.run_id))),
            Err(_) => {}
        }
        let aside = folder.join(format!(".{name}.{}.part", file_name(&owed.run_id)));
        let mut file = modes::ours().write(true).create(true).truncate(true).open(&aside)?;
        std::io::Write::write_all(&mut file, &message)?;
        file.sync_all()?;
        std::fs::rename(&aside, &path)?;
        std::fs::File::open(&folder)?.sync_all()?;
        Ok(path)
    };
    tokio::task::spawn_blocking(write)
        .await
        .map_err(|err| Error::bug("writing a mail was stopped").because(err))?
        .map_err(|err| err.hint("is mail.folder writable?"))
}

/// The logical date in the run id (`<job>-<date>-<nonce>`), else the day on which the mail was owed.
fn as_of(owed: &OwedMail) -> String {
    static DATE: OnceLock<Regex> = OnceLock::new();
    let date = DATE.get_or_init(|| Regex::new(r"\d{4}-\d{2}-\d{2}").expect("a constant pattern"));
    let found = date.find_iter(&owed.run_id).last().map(|found| found.as_str().to_string());
    found.unwrap_or_else(|| owed.owed_at.format("%Y-%m-%d").to_string())
}

/// An address or run id as a file name: no separators, no leading dot.
fn file_name(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '_' | '-' | '+');
    let name: String = text.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    if name.starts_with('.') { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests;

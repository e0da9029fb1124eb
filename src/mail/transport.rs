//! The two ways a mail leaves: as an .eml file in a folder, or to an SMTP server.
//!
//! An outcome says what the caller does next. "Unknown" does not exist: what was not surely taken is tried
//! again with the same Message-ID, and a mail program shows it once.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use regex::Regex;
use secrecy::{ExposeSecret, SecretString};

use crate::address::{header_text, parse_address, parse_sender};
use crate::config::Mail;
use crate::error::{Error, Result};
use crate::secret::Secrets;
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
    /// Not surely taken; may succeed later.
    Later(String),
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

/// A configured SMTP client. Its connection lives for one mail: a nightly job needs no pool.
#[derive(Debug)]
pub struct Smtp {
    client: AsyncSmtpTransport<Tokio1Executor>,
    from: Address,
    timeout: Duration,
    /// Struck out of whatever the server says: some quote the login that they refuse.
    secrets: Secrets,
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

    /// Tries the way without a mail; says what answered.
    pub(crate) async fn check(&self) -> Result<String> {
        match self {
            Self::File(folder) => {
                modes::make(folder).map_err(Error::from).map_err(|err| unwritable(err, folder))?;
                tempfile::NamedTempFile::new_in(folder).map_err(Error::from).map_err(|err| unwritable(err, folder))?;
                Ok(format!("files into {}", folder.display()))
            }
            Self::Smtp(smtp) => smtp.check().await,
        }
    }

    /// Hands over one message. Never hangs: the server has `mail.smtp_timeout_seconds` for the whole of it.
    pub async fn send(&self, owed: &OwedMail, message: &[u8]) -> Outcome {
        match self {
            Self::File(folder) => match write_file(folder, owed, message).await {
                Ok(path) => Outcome::Taken(path.display().to_string()),
                Err(err) => Outcome::Later(err.one_line()),
            },
            Self::Smtp(smtp) => smtp.send(owed, message).await,
        }
    }
}

impl Smtp {
    fn new(mail: &Mail, environment: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let host = mail.smtp_host.trim();
        let sender = parse_sender(&mail.from).map_err(|err| err.at("mail.from"))?;
        let tls = || {
            let mut parameters = TlsParameters::builder(host.to_string());
            if let Some(authority) = authority(&mail.smtp_ca_file)? {
                parameters = parameters.add_root_certificate(authority);
            }
            parameters
                .build()
                .map_err(|err| Error::config("mail.smtp_host cannot be used for TLS").at(host).because(err))
        };
        let security = match mail.smtp_security.as_str() {
            "tls" => Tls::Wrapper(tls()?),
            // The settings allow it for a server on this machine only.
            "none" => Tls::None,
            _ => Tls::Required(tls()?),
        };
        let timeout = Duration::from_secs(mail.smtp_timeout_seconds.max(1));
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(mail.smtp_port)
            .tls(security)
            .timeout(Some(timeout))
            .hello_name(ClientId::Domain(sender.email.domain().to_string()));
        let mut secrets = Secrets::default();
        let secret = |name: &str| environment(name).filter(|text| !text.is_empty()).map(SecretString::from);
        match (secret(USER_VARIABLE), secret(PASSWORD_VARIABLE)) {
            (Some(user), Some(password)) => {
                let (user, password) = (user.expose_secret().to_string(), password.expose_secret().to_string());
                secrets = Secrets::new([user.clone(), password.clone()]);
                builder = builder.credentials(Credentials::new(user, password));
            }
            (None, None) => {}
            (user, _) => {
                let (there, lacking) = match user {
                    Some(_) => (USER_VARIABLE, PASSWORD_VARIABLE),
                    None => (PASSWORD_VARIABLE, USER_VARIABLE),
                };
                return Err(Error::config(format!("{there} is set but {lacking} is not"))
                    .hint("set both, or neither for a server that asks for none"));
            }
        }
        Ok(Self { client: builder.build(), from: sender.email, timeout, secrets })
    }

    async fn check(&self) -> Result<String> {
        let fault = match tokio::time::timeout(self.timeout, self.client.test_connection()).await {
            Ok(Ok(true)) => return Ok(format!("the server takes mails from {}", self.from)),
            Ok(Ok(false)) => "the server closed the connection".to_string(),
            Ok(Err(err)) => self.said(&err),
            Err(_) => format!("the server did not answer within {} s", self.timeout.as_secs()),
        };
        Err(Error::config(format!("mails cannot leave: {fault}")).at("mail.smtp_host").hint(format!(
            "look at mail.smtp_host, smtp_port and smtp_security, {USER_VARIABLE} and {PASSWORD_VARIABLE}"
        )))
    }

    /// Whether the server lets us in at all.
    async fn is_open(&self) -> bool {
        matches!(tokio::time::timeout(self.timeout, self.client.test_connection()).await, Ok(Ok(true)))
    }

    async fn send(&self, owed: &OwedMail, message: &[u8]) -> Outcome {
        let envelope = parse_address(&owed.recipient).and_then(|to| {
            Envelope::new(Some(self.from.clone()), vec![to]).map_err(|err| Error::bug("envelope").because(err))
        });
        let envelope = match envelope {
            Ok(envelope) => envelope,
            Err(err) => return Outcome::Refused(err.one_line()),
        };
        // The mail crate's own timeout covers only the connect; a silent server would hold the run for ever.
        let sent = tokio::time::timeout(self.timeout, self.client.send_raw(&envelope, message)).await;
        match sent {
            Err(_) => Outcome::Unreachable(format!("the server did not answer within {} s", self.timeout.as_secs())),
            Ok(Ok(reply)) => {
                Outcome::Taken(self.secrets.scrub(&header_text(&reply.message().collect::<Vec<_>>().join(" "))))
            }
            Ok(Err(err)) => match judge(&err, self.said(&err)) {
                // A server that turns away whoever comes (554 for a greeting) has not judged this mail.
                Outcome::Refused(text) if !self.is_open().await => Outcome::Unreachable(text),
                outcome => outcome,
            },
        }
    }

    /// An error with its causes, without secrets.
    fn said(&self, err: &lettre::transport::smtp::Error) -> String {
        let mut text = err.to_string();
        let mut cause = std::error::Error::source(err);
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        self.secrets.scrub(&header_text(&text))
    }
}

/// The certificates of `mail.smtp_ca_file`, where one is named.
fn authority(path: &Path) -> Result<Option<Certificate>> {
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let wrong = |text: &str| Error::config(text.to_string()).at(path.display());
    let pem = std::fs::read(path).map_err(|err| wrong("mail.smtp_ca_file cannot be read").because(err))?;
    if !pem.windows(BEGIN_CERTIFICATE.len()).any(|part| part == BEGIN_CERTIFICATE) {
        return Err(wrong("mail.smtp_ca_file holds no certificate")
            .hint("it must be a PEM file with -----BEGIN CERTIFICATE----- lines"));
    }
    let certificate = Certificate::from_pem(&pem);
    certificate.map(Some).map_err(|err| wrong("mail.smtp_ca_file holds a certificate that cannot be read").because(err))
}

const BEGIN_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// What to do next about an error; `text` is what it says.
fn judge(err: &lettre::transport::smtp::Error, text: String) -> Outcome {
    let code = err.status().map(u16::from);
    // A wrong password is the operator's to mend within the retry span, not this recipient's fault.
    if code.is_some_and(|code| matches!(code, 530 | 534 | 535 | 538)) {
        return Outcome::Unreachable(format!("{text} (look at {USER_VARIABLE} and {PASSWORD_VARIABLE})"));
    }
    if err.is_permanent() {
        Outcome::Refused(text)
    } else if code.is_some() || err.is_response() {
        Outcome::Later(text)
    } else {
        Outcome::Unreachable(text)
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
        let name = file_name(&owed.recipient);
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

//! One mail, one conversation with the server, held step by step: what a fault means depends on how far it got. Who is
//! turned away at the door, or may not send at all, has heard nothing about this mail; what comes at the recipient or
//! after the text is the server's word on it; and silence after the text says nothing at all.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as Sender, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use secrecy::{ExposeSecret, SecretString};

use super::advice::{self, Step, once};
use super::{Outcome, PASSWORD_VARIABLE, USER_VARIABLE};
use crate::address::{header_text, parse_address, parse_sender};
use crate::config::Mail;
use crate::error::{Error, Result, with_causes};
use crate::secret::Secrets;

/// Steps of a conversation beside the text of the mail: connect, encrypt, log in, sender, recipient, DATA, QUIT.
const STEPS: u32 = 7;
/// Room for the clocks of two machines and for the lake, beside the longest conversation.
const CLOCKS_APART: Duration = Duration::from_mins(2);

/// A configured SMTP client. Its connection lives for one mail: a nightly job needs no pool.
#[derive(Debug)]
pub struct Smtp {
    host: String,
    port: u16,
    security: Security,
    hello: ClientId,
    credentials: Option<Credentials>,
    from: Address,
    /// For each step.
    timeout: Duration,
    /// For the server's answer to the text of a mail.
    data_timeout: Duration,
    /// Struck out of whatever the server says: some quote the login that they refuse.
    secrets: Secrets,
}

/// How the connection is protected.
enum Security {
    /// Not at all: the settings allow it for a server on this machine only.
    Clear,
    /// From STARTTLS on.
    StartTls(TlsParameters),
    /// From the first byte.
    Tls(TlsParameters),
}

impl fmt::Debug for Security {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Clear => "clear",
            Self::StartTls(_) => "starttls",
            Self::Tls(_) => "tls",
        })
    }
}

/// A step that failed.
struct Fault {
    /// The server's code, where it gave one.
    code: Option<u16>,
    /// What it said, or what happened, without secrets.
    text: String,
}

impl Fault {
    fn is_permanent(&self) -> bool {
        self.code.is_some_and(|code| (500..600).contains(&code))
    }

    /// To be tried again: a server that is busy, or that lets a stranger come twice (greylisting).
    fn is_passing(&self) -> bool {
        self.code.is_some_and(|code| (400..500).contains(&code))
    }

    /// A wrong password is the operator's to mend within the retry span, not this recipient's fault.
    fn is_login(&self) -> bool {
        matches!(self.code, Some(530 | 534 | 535 | 538))
    }

    fn with_advice(self, step: Step) -> String {
        match advice::of(step, self.code, &self.text) {
            Some(advice) => format!("{} ({advice})", self.text),
            None => self.text,
        }
    }
}

impl Smtp {
    pub(super) fn new(mail: &Mail, environment: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let host = mail.smtp_host.trim();
        let from = parse_sender(&mail.from).map_err(|err| err.at("mail.from"))?.email;
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
            "tls" => Security::Tls(tls()?),
            "none" => Security::Clear,
            _ => Security::StartTls(tls()?),
        };
        let secret = |name: &str| environment(name).filter(|text| !text.is_empty()).map(SecretString::from);
        let (credentials, secrets) = match (secret(USER_VARIABLE), secret(PASSWORD_VARIABLE)) {
            (Some(user), Some(password)) => {
                let (user, password) = (user.expose_secret().to_string(), password.expose_secret().to_string());
                let secrets = Secrets::new([user.clone(), password.clone()]);
                (Some(Credentials::new(user, password)), secrets)
            }
            (None, None) => (None, Secrets::default()),
            (user, _) => {
                let (there, lacking) = match user {
                    Some(_) => (USER_VARIABLE, PASSWORD_VARIABLE),
                    None => (PASSWORD_VARIABLE, USER_VARIABLE),
                };
                return Err(Error::config(format!("{there} is set but {lacking} is not"))
                    .hint("set both, or neither for a server that asks for none"));
            }
        };
        Ok(Self {
            host: host.to_string(),
            port: mail.smtp_port,
            security,
            hello: ClientId::Domain(from.domain().to_string()),
            credentials,
            from,
            timeout: Duration::from_secs(mail.smtp_timeout_seconds),
            data_timeout: Duration::from_secs(mail.smtp_data_timeout_seconds),
            secrets,
        })
    }

    /// No conversation about a mail lasts longer, also by another machine's clock.
    pub(super) fn longest(&self) -> Duration {
        self.timeout * STEPS + self.data_timeout + CLOCKS_APART
    }

    /// Comes in, says who would write to whom, takes it back and goes again.
    pub(super) async fn check(&self, recipient: Option<&str>) -> Result<String> {
        let recipient = recipient.map(parse_address).transpose()?;
        let told = recipient.as_ref().map(|address| format!(" to {address}")).unwrap_or_default();
        let mut line = self.enter().await.map_err(|fault| self.closed(Step::Enter, fault))?;
        let offered = self.offer(&mut line, recipient).await;
        drop(tokio::time::timeout(self.timeout, line.command(Rset)).await);
        self.leave(&mut line).await;
        match offered {
            Ok(()) => Ok(format!("the server takes mails from {}{told}", self.from)),
            Err((_, fault)) if fault.is_passing() => {
                Ok(format!("the server takes mails from {}{told} later: {}", self.from, fault.text))
            }
            Err((step, fault)) => Err(self.closed(step, fault)),
        }
    }

    /// Why no mail can leave.
    fn closed(&self, step: Step, fault: Fault) -> Error {
        let hint = advice::of(step, fault.code, &fault.text).unwrap_or_else(|| match step {
            Step::Recipient => "look at company.head_office, and at what that server is told to take on".to_string(),
            Step::Enter | Step::Sender => {
                format!("look at mail.smtp_host, smtp_port and smtp_security, {USER_VARIABLE} and {PASSWORD_VARIABLE}")
            }
        });
        let what = match step {
            Step::Enter => format!("mails cannot leave: {}", fault.text),
            Step::Sender => format!("the server takes no mail from {}: {}", self.from, fault.text),
            Step::Recipient => format!("the server takes no mail to the first of head office: {}", fault.text),
        };
        Error::config(what).at(format!("{}:{}", self.host, self.port)).hint(hint)
    }

    pub(super) async fn send(&self, recipient: &str, message: &[u8]) -> Outcome {
        let recipient = match parse_address(recipient) {
            Ok(recipient) => recipient,
            Err(err) => return Outcome::Refused(err.one_line()),
        };
        let mut line = match self.enter().await {
            Ok(line) => line,
            Err(fault) => return Outcome::Unreachable(fault.with_advice(Step::Enter)),
        };
        let outcome = self.hand_over(&mut line, recipient, message).await;
        if !matches!(outcome, Outcome::Unanswered(_) | Outcome::Unreachable(_)) {
            self.leave(&mut line).await;
        }
        outcome
    }

    /// Connects, encrypts and logs in. Whatever fails here is no word on any mail.
    async fn enter(&self) -> std::result::Result<AsyncSmtpConnection, Fault> {
        let at_once = match &self.security {
            Security::Tls(parameters) => Some(parameters.clone()),
            Security::Clear | Security::StartTls(_) => None,
        };
        let place = (self.host.as_str(), self.port);
        let connect = AsyncSmtpConnection::connect_tokio1(place, Some(self.timeout), &self.hello, at_once, None);
        let mut line = self.within(self.timeout, connect).await?;
        if let Security::StartTls(parameters) = &self.security {
            self.within(self.timeout, line.starttls(parameters.clone(), &self.hello)).await?;
        }
        if let Some(credentials) = &self.credentials {
            self.within(self.timeout, line.auth(DEFAULT_MECHANISMS, credentials)).await?;
        }
        Ok(line)
    }

    async fn hand_over(&self, line: &mut AsyncSmtpConnection, recipient: Address, message: &[u8]) -> Outcome {
        let judged = |fault: Fault| match fault.code {
            Some(_) if fault.is_login() => Outcome::Unreachable(fault.with_advice(Step::Recipient)),
            Some(_) if fault.is_permanent() => Outcome::Refused(fault.text),
            Some(_) => Outcome::Later(fault.text),
            None => Outcome::Unreachable(fault.text),
        };
        match self.offer(line, Some(recipient)).await {
            Ok(()) => {}
            // A sender that may not send may not write to anybody.
            Err((Step::Sender, fault)) if fault.is_permanent() => {
                return Outcome::Unreachable(fault.with_advice(Step::Sender));
            }
            Err((_, fault)) => return judged(fault),
        }
        if let Err(fault) = self.within(self.timeout, line.command(Data)).await {
            return judged(fault);
        }
        match self.within(self.data_timeout, line.message(message)).await {
            Ok(reply) => Outcome::Taken(self.words(&reply)),
            Err(fault) if fault.code.is_none() => Outcome::Unanswered(fault.text),
            Err(fault) => judged(fault),
        }
    }

    /// Says from whom and to whom.
    async fn offer(
        &self,
        line: &mut AsyncSmtpConnection,
        recipient: Option<Address>,
    ) -> std::result::Result<(), (Step, Fault)> {
        let sender = Sender::new(Some(self.from.clone()), vec![]);
        self.within(self.timeout, line.command(sender)).await.map_err(|fault| (Step::Sender, fault))?;
        if let Some(recipient) = recipient {
            let recipient = Rcpt::new(recipient, vec![]);
            self.within(self.timeout, line.command(recipient)).await.map_err(|fault| (Step::Recipient, fault))?;
        }
        Ok(())
    }

    /// Says goodbye; that the server does not answer changes nothing any more.
    async fn leave(&self, line: &mut AsyncSmtpConnection) {
        drop(tokio::time::timeout(self.timeout, line.quit()).await);
    }

    /// One step: the mail crate's own timeout covers only the connect, and a silent server would hold the run for ever.
    async fn within<T>(
        &self,
        limit: Duration,
        step: impl Future<Output = std::result::Result<T, lettre::transport::smtp::Error>>,
    ) -> std::result::Result<T, Fault> {
        match tokio::time::timeout(limit, step).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(err)) => Err(Fault { code: err.status().map(u16::from), text: self.said(&err) }),
            Err(_) => {
                Err(Fault { code: None, text: format!("the server did not answer within {} s", limit.as_secs()) })
            }
        }
    }

    fn words(&self, reply: &Response) -> String {
        self.secrets.scrub(&header_text(&reply.message().collect::<Vec<_>>().join(" ")))
    }

    /// An error with its causes, without secrets.
    fn said(&self, err: &lettre::transport::smtp::Error) -> String {
        let text = once(&with_causes(err.to_string(), std::error::Error::source(err)));
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

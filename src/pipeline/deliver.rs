//! Sends every mail that is owed and not yet receipted, this run's and earlier ones.

use super::Company;
use super::flow::Night;
use crate::error::Result;
use crate::mail::deliver::Postman;
use crate::mail::outbox::{GivenUp, Outbox, given_up, recent, revive};
use crate::mail::transport::Transport;
use crate::report::MailLine;
use crate::state::State;
use crate::state::record::OwedMail;

/// Delivers. A mail that cannot be sent stays owed for the next run; it never undoes what was published, nor does a way
/// for mails that cannot be opened at all.
pub(super) async fn deliver(night: &mut Night<'_>) {
    let tries = night.company.config.mail.tries_per_run;
    let lines = match send(night.company, waiting(night.company, &night.state), tries, false).await {
        Ok(lines) => lines,
        Err(err) => {
            tracing::error!(error = err.one_line(), "no mail can leave");
            night.owed.iter().map(|mail| line(mail.clone(), "waiting", err.one_line())).collect()
        }
    };
    night.mails.extend(lines);
}

/// Sends what waits, each once: for `serve` between runs, and with `now`, for `tributary mail flush`, also
/// what failed so lately that its pause has not passed. Mails given up are told until somebody has seen to them.
pub async fn flush(company: &Company, now: bool) -> Result<Vec<MailLine>> {
    let state = super::state(company).await?;
    send(company, waiting(company, &state), 1, now).await
}

/// Tries mails again that were given up, once and at once.
pub async fn retry(company: &Company, given_up: &[GivenUp]) -> Result<Vec<MailLine>> {
    for open in given_up {
        revive(&company.stores.lake, open).await?;
    }
    send(company, given_up.iter().map(|open| open.owed.clone()).collect(), 1, true).await
}

fn waiting(company: &Company, state: &State) -> Vec<OwedMail> {
    recent(state.owed.iter(), company.clock.now(), company.config.mail.retry_hours).cloned().collect()
}

fn line(mail: OwedMail, outcome: &str, detail: String) -> MailLine {
    MailLine { detail, recipient: mail.recipient, subject: mail.subject, outcome: outcome.to_string() }
}

async fn send(company: &Company, owed: Vec<OwedMail>, tries: u32, now: bool) -> Result<Vec<MailLine>> {
    let mail = &company.config.mail;
    let transport = Transport::from_environment(mail)?;
    let postman = Postman {
        transport: &transport,
        clock: &company.clock,
        retry_hours: mail.retry_hours,
        unanswered_max: mail.unanswered_max,
        per_minute_max: mail.per_minute_max,
        tries,
        now,
    };
    let delivery = postman.deliver(&owed, &company.stores.lake, tokio::time::sleep).await;
    let mut lines: Vec<MailLine> = delivery.sent.into_iter().map(|sent| line(sent.owed, "sent", sent.detail)).collect();
    lines.extend(delivery.waiting.into_iter().map(|unsent| line(unsent.owed, "waiting", unsent.reason)));
    let given_up = given_up(&company.stores.lake).await?;
    lines.extend(given_up.into_iter().map(|open| line(open.owed, "dead", open.reason)));
    Ok(lines)
}

/// Mails that nobody got: what still waits, and what was given up and nobody has seen to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undelivered {
    /// Will be tried again.
    pub waiting: usize,
    /// Given up; stays here until somebody says that it is seen to, or has it tried again.
    pub given_up: Vec<GivenUp>,
}

/// Mails that still have neither receipt nor dead letter, and dead letters that nobody has seen to.
pub async fn undelivered(company: &Company, owed: impl Iterator<Item = &OwedMail>) -> Result<Undelivered> {
    let mut waiting = 0;
    for mail in recent(owed, company.clock.now(), company.config.mail.retry_hours) {
        waiting += usize::from(!company.stores.lake.is_settled(mail).await?);
    }
    Ok(Undelivered { waiting, given_up: given_up(&company.stores.lake).await? })
}

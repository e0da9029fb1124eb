//! Sends every mail that is owed and not yet receipted, this run's and earlier ones.

use super::Company;
use super::flow::Night;
use crate::error::Result;
use crate::mail::deliver::{Outbox, Postman, recent};
use crate::mail::transport::Transport;
use crate::report::MailLine;
use crate::state::State;
use crate::state::record::OwedMail;

/// Delivers. A mail that cannot be sent stays owed for the next run; it never undoes what was published.
pub(super) async fn deliver(night: &mut Night<'_>) -> Result<()> {
    let lines = send(night.company, &night.state, night.company.config.mail.tries_per_run, false).await?;
    night.mails.extend(lines);
    Ok(())
}

/// Sends what waits, each once: for `serve` between runs, and with `now`, for `tributary mail flush`, also
/// what failed so lately that its pause has not passed.
pub async fn flush(company: &Company, now: bool) -> Result<Vec<MailLine>> {
    let state = super::state(company).await?;
    send(company, &state, 1, now).await
}

async fn send(company: &Company, state: &State, tries: u32, now: bool) -> Result<Vec<MailLine>> {
    let transport = Transport::from_environment(&company.config.mail)?;
    let retry_hours = company.config.mail.retry_hours;
    let postman = Postman { transport: &transport, clock: &company.clock, retry_hours, tries, now };
    let owed: Vec<OwedMail> = recent(state.owed.iter(), company.clock.now(), retry_hours).cloned().collect();
    let delivery = postman.deliver(&owed, &company.stores.lake, tokio::time::sleep).await?;
    let line = |mail: OwedMail, outcome: &str, detail: String| MailLine {
        detail,
        recipient: mail.recipient,
        subject: mail.subject,
        outcome: outcome.to_string(),
    };
    let mut lines: Vec<MailLine> = delivery.sent.into_iter().map(|sent| line(sent.owed, "sent", sent.detail)).collect();
    lines.extend(delivery.waiting.into_iter().map(|unsent| line(unsent.owed, "waiting", unsent.reason)));
    lines.extend(delivery.dead.into_iter().map(|unsent| line(unsent.owed, "dead", unsent.reason)));
    Ok(lines)
}

/// Mails that still have neither receipt nor dead letter.
pub async fn undelivered(company: &Company, owed: impl Iterator<Item = &OwedMail>) -> Result<usize> {
    let mut open = 0;
    for mail in recent(owed, company.clock.now(), company.config.mail.retry_hours) {
        open += usize::from(!company.stores.lake.is_settled(mail).await?);
    }
    Ok(open)
}

//! Sends every mail that is owed and not yet receipted, this run's and earlier ones.

use chrono::TimeDelta;

use super::Company;
use super::flow::Night;
use crate::error::Result;
use crate::mail::deliver::{Outbox, Postman};
use crate::mail::transport::Transport;
use crate::report::MailLine;
use crate::state::State;
use crate::state::record::OwedMail;

/// Delivers. A mail that cannot be sent stays owed for the next run; it never undoes what was published.
pub(super) async fn deliver(night: &mut Night<'_>) -> Result<()> {
    let lines = send(night.company, &night.state, night.company.config.mail.tries_per_run).await?;
    night.mails.extend(lines);
    Ok(())
}

/// Sends what waits, each once; for `serve` between runs and for `tributary mail flush`.
pub async fn flush(company: &Company) -> Result<Vec<MailLine>> {
    let state = super::state(company).await?;
    send(company, &state, 1).await
}

async fn send(company: &Company, state: &State, tries: u32) -> Result<Vec<MailLine>> {
    let transport = Transport::from_environment(&company.config.mail)?;
    let retry_hours = company.config.mail.retry_hours;
    let postman = Postman { transport: &transport, clock: &company.clock, retry_hours, tries, now: false };
    let owed: Vec<OwedMail> = recent(company, state.owed.iter()).cloned().collect();
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
    for mail in recent(company, owed) {
        open += usize::from(!company.stores.lake.is_settled(mail).await?);
    }
    Ok(open)
}

/// Mails young enough to be open: older ones were sent or given up long ago, and asking for each of
/// them every night would cost more with every night.
fn recent<'a>(company: &Company, owed: impl Iterator<Item = &'a OwedMail>) -> impl Iterator<Item = &'a OwedMail> {
    let oldest = company.clock.now() - TimeDelta::hours(company.config.mail.retry_hours.saturating_mul(3));
    owed.filter(move |mail| mail.owed_at >= oldest)
}

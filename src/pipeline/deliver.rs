//! Sends every mail that is owed and not yet receipted, this run's and earlier ones.

use super::flow::Night;
use crate::error::Result;
use crate::mail;
use crate::report::MailLine;

/// Delivers. A mail that cannot be sent stays owed for the next run; it never undoes what was published.
pub(super) async fn deliver(night: &mut Night<'_>) -> Result<()> {
    let company = night.company;
    for attempt in mail::deliver(&company.config, &company.stores.lake, &night.state.owed, &company.clock).await? {
        night.mails.push(MailLine {
            recipient: attempt.recipient,
            subject: attempt.subject,
            outcome: attempt.outcome.to_string(),
            detail: attempt.detail,
        });
    }
    Ok(())
}

//! Sends every mail that is owed and not yet receipted, this run's and earlier ones.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use chrono::TimeDelta;

use super::Company;
use super::flow::Night;
use crate::error::Result;
use crate::mail::deliver::{Outbox, Postman, Receipt};
use crate::mail::transport::Transport;
use crate::report::MailLine;
use crate::state::State;
use crate::state::record::OwedMail;
use crate::store::{Store, keys};

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
    let postman = Postman { transport: &transport, clock: &company.clock, retry_hours, tries };
    let outbox = LakeOutbox { lake: &company.stores.lake, details: Mutex::default() };
    let owed: Vec<OwedMail> = recent(company, state.owed.iter()).cloned().collect();
    let delivery = postman.deliver(&owed, &outbox, tokio::time::sleep).await?;
    let details = outbox.details.into_inner().unwrap_or_default();
    let detail = |mail: &OwedMail| details.get(&(mail.run_id.clone(), mail.recipient_hash.clone())).cloned();
    let line = |mail: OwedMail, outcome: &str, reason: Option<String>| MailLine {
        detail: reason.or_else(|| detail(&mail)).unwrap_or_default(),
        recipient: mail.recipient,
        subject: mail.subject,
        outcome: outcome.to_string(),
    };
    let sent = delivery.sent.into_iter().map(|mail| line(mail, "sent", None));
    let waiting = delivery.waiting.into_iter().map(|unsent| line(unsent.owed, "waiting", Some(unsent.reason)));
    let dead = delivery.dead.into_iter().map(|unsent| line(unsent.owed, "dead", Some(unsent.reason)));
    Ok(sent.chain(waiting).chain(dead).collect())
}

/// Mails that still have neither receipt nor dead letter.
pub async fn undelivered(company: &Company, owed: impl Iterator<Item = &OwedMail>) -> Result<usize> {
    let outbox = LakeOutbox { lake: &company.stores.lake, details: Mutex::default() };
    let mut open = 0;
    for mail in recent(company, owed) {
        open += usize::from(!outbox.is_settled(mail).await?);
    }
    Ok(open)
}

/// Mails young enough to be open: older ones were sent or given up long ago, and asking for each of
/// them every night would cost more with every night.
fn recent<'a>(company: &Company, owed: impl Iterator<Item = &'a OwedMail>) -> impl Iterator<Item = &'a OwedMail> {
    let oldest = company.clock.now() - TimeDelta::hours(company.config.mail.retry_hours.saturating_mul(3));
    owed.filter(move |mail| mail.owed_at >= oldest)
}

/// The outbox in the lake.
struct LakeOutbox<'a> {
    lake: &'a Store,
    /// What the server said, by run and recipient.
    details: Mutex<BTreeMap<(String, String), String>>,
}

impl Outbox for LakeOutbox<'_> {
    async fn is_settled(&self, owed: &OwedMail) -> Result<bool> {
        Ok(self.lake.exists(&keys::mail_receipt(&owed.run_id, &owed.recipient_hash)).await?
            || self.lake.exists(&keys::mail_dead(&owed.run_id, &owed.recipient_hash)).await?)
    }

    async fn body(&self, owed: &OwedMail) -> Result<Bytes> {
        self.lake.get(&owed.body).await
    }

    async fn settle(&self, owed: &OwedMail, receipt: &Receipt) -> Result<()> {
        let key = match receipt.outcome.as_str() {
            "sent" => keys::mail_receipt(&owed.run_id, &owed.recipient_hash),
            _ => keys::mail_dead(&owed.run_id, &owed.recipient_hash),
        };
        // A receipt that exists already says the same.
        self.lake.put_new(&key, serde_json::to_vec(receipt)?).await?;
        if let Ok(mut details) = self.details.lock() {
            details.insert((owed.run_id.clone(), owed.recipient_hash.clone()), receipt.detail.clone());
        }
        Ok(())
    }
}

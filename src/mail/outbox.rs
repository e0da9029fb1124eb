//! Where mails wait, and what is known of each: claims, tries, receipts, and those given up that nobody has seen to yet.
//! The lake is the outbox; all of it is kept beside the commits, so that delivering needs no lease.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::state::nonce;
use crate::state::record::OwedMail;
use crate::store::{Put, Store, keys};

/// What is written when a mail is settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The run that owed it.
    pub run_id: String,
    /// Hash of the address.
    pub recipient_hash: String,
    /// How it ended.
    pub outcome: Settled,
    /// `file` or `smtp`.
    pub transport: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The server's words, the file's path, or why it was given up.
    pub detail: String,
}

/// How a mail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// The server took it.
    Sent,
    /// Given up.
    Dead,
}

/// Tries of a mail that still waits, kept between calls so that pauses grow over runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// How many.
    pub count: u32,
    /// Of these, how often the server had the whole mail and never answered.
    #[serde(default)]
    pub unanswered: u32,
    /// The last.
    pub last_at: DateTime<Utc>,
    /// Why it failed.
    pub reason: String,
}

/// The right to send a mail, which one process has at a time and which ends by itself should that process die.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Tells it from other claims on the same mail.
    nonce: String,
    /// When it ends.
    until: DateTime<Utc>,
    /// Where it lies.
    #[serde(skip)]
    key: String,
}

/// A mail that was given up and that nobody has seen to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUp {
    /// The mail.
    pub owed: OwedMail,
    /// When it was given up.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

/// Where mails wait and receipts lie. Receipts are created once; that they exist is all that counts.
pub trait Outbox: Sync {
    /// Whether the mail is settled: a receipt or a dead letter exists.
    fn is_settled(&self, owed: &OwedMail) -> impl Future<Output = Result<bool>> + Send;
    /// The message.
    fn body(&self, owed: &OwedMail) -> impl Future<Output = Result<Bytes>> + Send;
    /// Writes the receipt: `.sent.json` or `.dead.json` beside the message.
    fn settle(&self, owed: &OwedMail, receipt: &Receipt) -> impl Future<Output = Result<()>> + Send;
    /// The tries noted so far.
    fn tries(&self, owed: &OwedMail) -> impl Future<Output = Result<Option<Tries>>> + Send;
    /// Notes tries that did not get the mail through.
    fn note(&self, owed: &OwedMail, tries: &Tries) -> impl Future<Output = Result<()>> + Send;
    /// The right to send the mail until `until`; none while another process has it.
    fn claim(
        &self,
        owed: &OwedMail,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> impl Future<Output = Result<Option<Claim>>> + Send;
    /// Gives the right back, if it has not ended by itself.
    fn release(&self, claim: &Claim, now: DateTime<Utc>) -> impl Future<Output = Result<()>> + Send;
}

/// The lake is the outbox.
impl Outbox for Store {
    async fn is_settled(&self, owed: &OwedMail) -> Result<bool> {
        let (run, hash) = (&owed.run_id, &owed.recipient_hash);
        Ok(self.exists(&keys::mail_receipt(run, hash)).await? || self.exists(&keys::mail_dead(run, hash)).await?)
    }
    async fn body(&self, owed: &OwedMail) -> Result<Bytes> {
        self.get(&owed.body).await
    }
    async fn settle(&self, owed: &OwedMail, receipt: &Receipt) -> Result<()> {
        let key = match receipt.outcome {
            Settled::Sent => keys::mail_receipt(&owed.run_id, &owed.recipient_hash),
            Settled::Dead => {
                // First what keeps it in sight, then what ends the tries: a crash between the two tries once more.
                let open = GivenUp { owed: owed.clone(), at: receipt.at, reason: receipt.detail.clone() };
                let key = keys::mail_unseen(&owed.run_id, &owed.recipient_hash);
                self.put(&key, serde_json::to_vec_pretty(&open)?).await?;
                keys::mail_dead(&owed.run_id, &owed.recipient_hash)
            }
        };
        // That it exists is what counts: an earlier one of the same mail says the same.
        self.put_new(&key, serde_json::to_vec_pretty(receipt)?).await.map(drop)
    }
    async fn tries(&self, owed: &OwedMail) -> Result<Option<Tries>> {
        let noted = self.get_if_exists(&keys::mail_tries(&owed.run_id, &owed.recipient_hash)).await?;
        // A note that cannot be read only means that the next try comes early.
        Ok(noted.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }
    async fn note(&self, owed: &OwedMail, tries: &Tries) -> Result<()> {
        self.put(&keys::mail_tries(&owed.run_id, &owed.recipient_hash), serde_json::to_vec(tries)?).await
    }
    async fn claim(&self, owed: &OwedMail, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<Option<Claim>> {
        let mut after = String::new();
        loop {
            let key = keys::mail_claim(&owed.run_id, &owed.recipient_hash, &after);
            let claim = Claim { nonce: nonce(), until, key };
            if self.put_new(&claim.key, serde_json::to_vec(&claim)?).await? == Put::Created {
                return Ok(Some(claim));
            }
            let Some(bytes) = self.get_if_exists(&claim.key).await? else { continue };
            match serde_json::from_slice::<Claim>(&bytes) {
                // A store that repeats a request may have found our own.
                Ok(there) if there.nonce == claim.nonce => return Ok(Some(claim)),
                Ok(there) if now < there.until => return Ok(None),
                // Whoever had it died. Its object stays; the next claim is named after it, and again only one can create that.
                Ok(there) => after = there.nonce,
                Err(_) if after == UNREADABLE => return Ok(None),
                Err(_) => after = UNREADABLE.to_string(),
            }
        }
    }
    async fn release(&self, claim: &Claim, now: DateTime<Utc>) -> Result<()> {
        if now < claim.until { self.delete(&claim.key).await } else { Ok(()) }
    }
}

/// What the successor of a claim that cannot be read is named after.
const UNREADABLE: &str = "unreadable";

/// Mails given up that nobody has seen to, oldest first.
pub async fn given_up(lake: &Store) -> Result<Vec<GivenUp>> {
    let mut all = Vec::new();
    for object in lake.list(keys::UNSEEN).await? {
        let Some(bytes) = lake.get_if_exists(&object.key).await? else { continue };
        let Ok(open) = serde_json::from_slice::<GivenUp>(&bytes) else {
            tracing::warn!(key = object.key, "the note of a mail that was given up cannot be read");
            continue;
        };
        // A second try that went through leaves it behind.
        if lake.exists(&keys::mail_receipt(&open.owed.run_id, &open.owed.recipient_hash)).await? {
            seen(lake, &open).await?;
        } else {
            all.push(open);
        }
    }
    all.sort_by(|a, b| (a.at, &a.owed.recipient, &a.owed.run_id).cmp(&(b.at, &b.owed.recipient, &b.owed.run_id)));
    Ok(all)
}

/// Somebody has seen to it: it is out of sight, and stays given up.
pub async fn seen(lake: &Store, open: &GivenUp) -> Result<()> {
    lake.delete(&keys::mail_unseen(&open.owed.run_id, &open.owed.recipient_hash)).await
}

/// The mail may be tried again, as if it had never been. It stays in sight until it is sent.
pub async fn revive(lake: &Store, open: &GivenUp) -> Result<()> {
    let (run, hash) = (&open.owed.run_id, &open.owed.recipient_hash);
    lake.delete(&keys::mail_tries(run, hash)).await?;
    lake.delete(&keys::mail_dead(run, hash)).await
}

/// Mails young enough to be open: older ones were sent or given up long ago, and asking for each of them
/// every night would cost more with every night.
pub fn recent<'a>(
    owed: impl Iterator<Item = &'a OwedMail>,
    now: DateTime<Utc>,
    retry_hours: i64,
) -> impl Iterator<Item = &'a OwedMail> {
    let oldest = now - TimeDelta::hours(retry_hours.saturating_mul(3));
    owed.filter(move |mail| mail.owed_at >= oldest)
}

/// Recipients whom nothing reaches: of each whose newest settled mail was given up, that mail and why.
pub async fn dead_letters<'a>(
    owed: impl Iterator<Item = &'a OwedMail>,
    lake: &Store,
) -> Result<BTreeMap<String, (&'a OwedMail, String)>> {
    let mut newest: Vec<&OwedMail> = owed.collect();
    newest.sort_by(|a, b| (b.owed_at, &b.run_id).cmp(&(a.owed_at, &a.run_id)));
    let mut outboxes: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut dead = BTreeMap::new();
    for mail in newest {
        if reached.contains(mail.recipient.as_str()) || dead.contains_key(&mail.recipient) {
            continue;
        }
        if !outboxes.contains_key(mail.run_id.as_str()) {
            let listed = lake.list(&keys::outbox(&mail.run_id)).await?;
            outboxes.insert(&mail.run_id, listed.into_iter().map(|object| object.key).collect());
        }
        let there = |key: &String| outboxes.get(mail.run_id.as_str()).is_some_and(|keys| keys.contains(key));
        let given_up = keys::mail_dead(&mail.run_id, &mail.recipient_hash);
        if there(&keys::mail_receipt(&mail.run_id, &mail.recipient_hash)) {
            reached.insert(&mail.recipient);
        } else if there(&given_up) {
            // A receipt that cannot be read still says that the mail was given up.
            let receipt: Option<Receipt> = serde_json::from_slice(&lake.get(&given_up).await?).ok();
            dead.insert(mail.recipient.clone(), (mail, receipt.map(|receipt| receipt.detail).unwrap_or_default()));
        }
    }
    Ok(dead)
}

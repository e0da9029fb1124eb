//! Sends what is owed. A mail is owed by a commit and paid by a receipt, which is written only after the
//! server took it: a crash between the two repeats a mail (with the same Message-ID), it never loses one.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::error::Result;
use crate::mail::transport::{Outcome, Transport};
use crate::state::record::OwedMail;
use crate::store::{Store, keys};

/// Tries of one mail within one call.
pub const TRIES: u32 = 3;
/// First pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_mins(1);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// After so many mails in a row that reached no server, the others of the round are not tried.
const UNREACHABLE_MAX: u32 = 3;

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
}

/// Tries of a mail that still waits, kept between calls so that pauses grow over runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// How many.
    pub count: u32,
    /// The last.
    pub last_at: DateTime<Utc>,
    /// Why it failed.
    pub reason: String,
}

impl Tries {
    /// When the next one is due.
    pub fn next_at(&self) -> DateTime<Utc> {
        let pause = TimeDelta::from_std(pause(self.count.saturating_sub(1))).unwrap_or(TimeDelta::hours(1));
        self.last_at + pause
    }
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
            Settled::Dead => keys::mail_dead(&owed.run_id, &owed.recipient_hash),
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
}

/// A mail that was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// The mail.
    pub owed: OwedMail,
    /// Why.
    pub reason: String,
}

/// A mail that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The mail.
    pub owed: OwedMail,
    /// The server's words, or the file's path.
    pub detail: String,
}

/// The account of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Sent now.
    pub sent: Vec<Sent>,
    /// Settled before.
    pub settled: usize,
    /// Still owed; the next call tries again.
    pub waiting: Vec<Unsent>,
    /// Given up now: refused for good, or too old. Next run's `mail_undelivered` alert.
    pub dead: Vec<Unsent>,
}

impl Delivery {
    /// Whether something is undelivered: exit code 4.
    pub fn is_short(&self) -> bool {
        !self.waiting.is_empty() || !self.dead.is_empty()
    }
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

/// How mails are sent.
#[derive(Debug)]
pub struct Postman<'a> {
    /// The way they leave.
    pub transport: &'a Transport,
    /// Time.
    pub clock: &'a Clock,
    /// `mail.retry_hours`: a mail owed for longer is given up.
    pub retry_hours: i64,
    /// Rounds of tries within one call, at least 1.
    pub tries: u32,
    /// Tries also what failed so lately that its pause has not passed: a person asked.
    pub now: bool,
}

impl Postman<'_> {
    /// Sends everything that has no receipt, one message a recipient. What fails for now is tried in up to
    /// `tries` rounds with `sleep` between them; what still fails waits for the next call.
    pub async fn deliver<O, S, F>(&self, owed: &[OwedMail], outbox: &O, sleep: S) -> Result<Delivery>
    where
        O: Outbox,
        S: Fn(Duration) -> F,
        F: Future<Output = ()>,
    {
        let mut done = Delivery::default();
        let mut open = Vec::new();
        let mut counts = BTreeMap::new();
        for mail in owed {
            if counts.contains_key(&(mail.run_id.clone(), mail.recipient_hash.clone())) {
                continue;
            }
            if outbox.is_settled(mail).await? {
                done.settled += 1;
                continue;
            }
            let tries = outbox.tries(mail).await?;
            match &tries {
                Some(tries) if !self.now && self.clock.now() < tries.next_at() && !self.is_old(mail) => {
                    done.waiting.push(Unsent { owed: mail.clone(), reason: tries.reason.clone() });
                }
                _ => open.push(Unsent { owed: mail.clone(), reason: String::new() }),
            }
            counts.insert((mail.run_id.clone(), mail.recipient_hash.clone()), tries.map_or(0, |tries| tries.count));
        }
        for round in 0..self.tries.max(1) {
            if open.is_empty() {
                break;
            }
            if round > 0 {
                sleep(pause(round - 1)).await;
            }
            open = self.round(open, outbox, &mut done).await?;
        }
        for unsent in open {
            if self.is_old(&unsent.owed) {
                let reason = format!("not taken for {} hours: {}", self.retry_hours, unsent.reason);
                self.give_up(Unsent { reason, ..unsent }, outbox, &mut done).await?;
            } else {
                let owed = &unsent.owed;
                tracing::warn!(
                    run_id = owed.run_id,
                    recipient = owed.recipient_hash,
                    reason = unsent.reason,
                    "mail waits"
                );
                let before = counts.get(&(owed.run_id.clone(), owed.recipient_hash.clone())).copied().unwrap_or(0);
                let count = before.saturating_add(self.tries.max(1));
                let tries = Tries { count, last_at: self.clock.now(), reason: unsent.reason.clone() };
                outbox.note(owed, &tries).await?;
                done.waiting.push(unsent);
            }
        }
        Ok(done)
    }

    fn is_old(&self, owed: &OwedMail) -> bool {
        self.clock.now() - owed.owed_at >= TimeDelta::hours(self.retry_hours)
    }

    /// Tries each once; returns what is still open.
    async fn round<O: Outbox>(&self, open: Vec<Unsent>, outbox: &O, done: &mut Delivery) -> Result<Vec<Unsent>> {
        let mut left = Vec::new();
        let mut unreachable = 0;
        for unsent in open {
            if unreachable >= UNREACHABLE_MAX {
                let reason =
                    if unsent.reason.is_empty() { "the server cannot be reached".into() } else { unsent.reason };
                left.push(Unsent { owed: unsent.owed, reason });
                continue;
            }
            let body = match outbox.body(&unsent.owed).await {
                Ok(body) => body,
                // One lost body must not hold up the others.
                Err(err) => {
                    left.push(Unsent { owed: unsent.owed, reason: err.one_line() });
                    continue;
                }
            };
            let outcome = self.transport.send(&unsent.owed, &body).await;
            unreachable = if matches!(outcome, Outcome::Unreachable(_)) { unreachable + 1 } else { 0 };
            match outcome {
                Outcome::Taken(detail) => {
                    outbox.settle(&unsent.owed, &self.receipt(&unsent.owed, Settled::Sent, detail.clone())).await?;
                    done.sent.push(Sent { owed: unsent.owed, detail });
                }
                Outcome::Refused(reason) => self.give_up(Unsent { owed: unsent.owed, reason }, outbox, done).await?,
                Outcome::Later(reason) | Outcome::Unreachable(reason) => {
                    left.push(Unsent { owed: unsent.owed, reason });
                }
            }
        }
        Ok(left)
    }

    async fn give_up<O: Outbox>(&self, unsent: Unsent, outbox: &O, done: &mut Delivery) -> Result<()> {
        tracing::error!(
            run_id = unsent.owed.run_id,
            recipient = unsent.owed.recipient_hash,
            reason = unsent.reason,
            "mail given up"
        );
        outbox.settle(&unsent.owed, &self.receipt(&unsent.owed, Settled::Dead, unsent.reason.clone())).await?;
        done.dead.push(unsent);
        Ok(())
    }

    fn receipt(&self, owed: &OwedMail, outcome: Settled, detail: String) -> Receipt {
        Receipt {
            run_id: owed.run_id.clone(),
            recipient_hash: owed.recipient_hash.clone(),
            outcome,
            transport: self.transport.name().to_string(),
            at: self.clock.now(),
            detail,
        }
    }
}

/// The pause after the n-th failed round (from 0): one minute, doubling, at most an hour.
pub fn pause(round: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(round)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests;

//! Sends what is owed. A mail is owed by a commit and paid by a receipt, which is written only after the server took it.
//! Before it is sent it is claimed, so that of several deliverers (a run, `serve`, `mail flush`) one sends it. A crash
//! before the send leaves a claim that ends by itself; a crash between send and receipt repeats the mail after that, with
//! the same Message-ID: it is never lost, and no deliverer can know more.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::error::Result;
use crate::mail::outbox::{Outbox, Receipt, Settled, Tries};
use crate::mail::transport::{Outcome, Transport};
use crate::state::record::OwedMail;

/// First pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_mins(1);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// After so many mails in a row that reached no server, the others of the round are not tried.
const UNREACHABLE_MAX: u32 = 3;

impl Tries {
    /// When the next one is due.
    pub fn next_at(&self) -> DateTime<Utc> {
        let pause = TimeDelta::from_std(pause(self.count.saturating_sub(1))).unwrap_or(TimeDelta::hours(1));
        self.last_at + pause
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
    /// Settled before, or by another process meanwhile.
    pub settled: usize,
    /// Still owed; the next call tries again.
    pub waiting: Vec<Unsent>,
    /// Given up now: refused for good, never answered, or too old. Stays in sight until somebody has seen to it.
    pub dead: Vec<Unsent>,
}

impl Delivery {
    /// Whether something is undelivered: exit code 4.
    pub fn is_short(&self) -> bool {
        !self.waiting.is_empty() || !self.dead.is_empty()
    }
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
    /// `mail.unanswered_max`: how often a server may take a mail and not answer before it is given up.
    pub unanswered_max: u32,
    /// `mail.per_minute_max`: mails to a server within a minute; 0 for no limit.
    pub per_minute_max: u32,
    /// Rounds of tries within one call, at least 1.
    pub tries: u32,
    /// Tries also what failed so lately that its pause has not passed: a person asked.
    pub now: bool,
}

/// A mail in hand.
struct Open {
    owed: OwedMail,
    /// Tries before this call, and of all tries those without an answer.
    before: u32,
    unanswered: u32,
    /// Why the last try failed.
    reason: String,
}

/// How one try ended.
enum Attempt {
    Sent(String),
    GivenUp(String),
    /// Another process settled it meanwhile.
    Settled,
    Left(Left),
}

/// A mail that is still open after a try.
struct Left {
    reason: String,
    /// No server was there, or none that answers: others will fare no better.
    lost: bool,
    unanswered: u32,
    /// The server has it, and no receipt says so: the claim has to keep others from sending it at once.
    unreceipted: bool,
}

impl Open {
    fn left(&self, reason: String) -> Attempt {
        Attempt::Left(Left { reason, lost: false, unanswered: self.unanswered, unreceipted: false })
    }

    fn failed(self, reason: String) -> Self {
        Self { reason, ..self }
    }

    fn unsent(self) -> Unsent {
        Unsent { owed: self.owed, reason: self.reason }
    }
}

impl Postman<'_> {
    /// Sends everything that has no receipt, one message a recipient. What fails for now is tried in up to
    /// `tries` rounds with `sleep` between them; what still fails waits for the next call. No mail's fault, not even
    /// of the lake about it, holds up another.
    pub async fn deliver<O, S, F>(&self, owed: &[OwedMail], outbox: &O, sleep: S) -> Delivery
    where
        O: Outbox,
        S: Fn(Duration) -> F,
        F: Future<Output = ()>,
    {
        let mut done = Delivery::default();
        let mut open = Vec::new();
        let mut known = BTreeSet::new();
        for mail in owed {
            if !known.insert((&mail.run_id, &mail.recipient_hash)) {
                continue;
            }
            match self.opened(mail, outbox).await {
                Ok(None) => done.settled += 1,
                Ok(Some((mail, true))) => open.push(mail),
                Ok(Some((mail, false))) => done.waiting.push(mail.unsent()),
                Err(err) => done.waiting.push(Unsent { owed: mail.clone(), reason: err.one_line() }),
            }
        }
        let mut sent = 0;
        for round in 0..self.tries.max(1) {
            if open.is_empty() {
                break;
            }
            if round > 0 {
                sleep(pause(round - 1)).await;
            }
            open = self.round(open, outbox, &sleep, &mut sent, &mut done).await;
        }
        for mail in open {
            self.put_off(mail, outbox, &mut done).await;
        }
        done
    }

    /// The mail with its earlier tries, and whether it is to be tried now; none when it is settled.
    async fn opened<O: Outbox>(&self, mail: &OwedMail, outbox: &O) -> Result<Option<(Open, bool)>> {
        if outbox.is_settled(mail).await? {
            return Ok(None);
        }
        let tries = outbox.tries(mail).await?;
        let due =
            self.now || self.is_old(mail) || tries.as_ref().is_none_or(|tries| self.clock.now() >= tries.next_at());
        let (before, unanswered, reason) =
            tries.map_or_else(Default::default, |tries| (tries.count, tries.unanswered, tries.reason));
        Ok(Some((Open { owed: mail.clone(), before, unanswered, reason }, due)))
    }

    fn is_old(&self, owed: &OwedMail) -> bool {
        self.clock.now() - owed.owed_at >= TimeDelta::hours(self.retry_hours)
    }

    /// Tries each once; returns what is still open.
    async fn round<O, S, F>(
        &self,
        open: Vec<Open>,
        outbox: &O,
        sleep: &S,
        sent: &mut u32,
        done: &mut Delivery,
    ) -> Vec<Open>
    where
        O: Outbox,
        S: Fn(Duration) -> F,
        F: Future<Output = ()>,
    {
        let mut left = Vec::new();
        let mut unreachable = 0;
        for mail in open {
            if unreachable >= UNREACHABLE_MAX {
                let known = !mail.reason.is_empty();
                let reason = if known { mail.reason.clone() } else { "the server cannot be reached".into() };
                left.push(mail.failed(reason));
                continue;
            }
            // A full minute between two bursts: then no minute holds more than a burst.
            if self.per_minute_max > 0 && self.transport.longest().is_some() {
                if *sent > 0 && sent.is_multiple_of(self.per_minute_max) {
                    sleep(Duration::from_mins(1)).await;
                }
                *sent += 1;
            }
            match self.attempt(&mail, outbox).await {
                Attempt::Sent(detail) => {
                    unreachable = 0;
                    done.sent.push(Sent { owed: mail.owed, detail });
                }
                Attempt::GivenUp(reason) => {
                    unreachable = 0;
                    done.dead.push(mail.failed(reason).unsent());
                }
                Attempt::Settled => done.settled += 1,
                Attempt::Left(Left { reason, lost, unanswered, .. }) => {
                    unreachable = if lost { unreachable + 1 } else { 0 };
                    left.push(Open { unanswered, ..mail.failed(reason) });
                }
            }
        }
        left
    }

    /// One try, by whoever has the right to it. A lost body, a lake that is away, another process that is at it: that is
    /// this mail's trouble and nobody else's.
    async fn attempt<O: Outbox>(&self, mail: &Open, outbox: &O) -> Attempt {
        let body = match outbox.body(&mail.owed).await {
            Ok(body) => body,
            Err(err) => return mail.left(err.one_line()),
        };
        let Some(longest) = self.transport.longest() else { return self.send(mail, &body, outbox).await };
        let now = self.clock.now();
        let until = now + TimeDelta::from_std(longest).unwrap_or(TimeDelta::hours(1));
        let claim = match outbox.claim(&mail.owed, now, until).await {
            Ok(Some(claim)) => claim,
            Ok(None) => {
                return mail.left("another process is sending it, or died at it: its claim ends by itself".to_string());
            }
            Err(err) => return mail.left(err.one_line()),
        };
        // Another may have sent it and let go between the first look and the claim.
        let attempt = match outbox.is_settled(&mail.owed).await {
            Ok(true) => Attempt::Settled,
            Ok(false) => self.send(mail, &body, outbox).await,
            Err(err) => mail.left(err.one_line()),
        };
        if matches!(attempt, Attempt::Left(Left { unreceipted: true, .. })) {
            return attempt;
        }
        // A claim that stays because of this ends by itself.
        if let Err(err) = outbox.release(&claim, self.clock.now()).await {
            tracing::warn!(
                run_id = mail.owed.run_id,
                error = err.one_line(),
                "the claim on a mail could not be let go"
            );
        }
        attempt
    }

    async fn send<O: Outbox>(&self, mail: &Open, body: &[u8], outbox: &O) -> Attempt {
        match self.transport.send(&mail.owed, body).await {
            Outcome::Taken(detail) => {
                match outbox.settle(&mail.owed, &self.receipt(&mail.owed, Settled::Sent, detail.clone())).await {
                    Ok(()) => Attempt::Sent(detail),
                    Err(err) => Attempt::Left(Left {
                        reason: format!("sent ({detail}), but the receipt cannot be written: {}", err.one_line()),
                        lost: false,
                        unanswered: mail.unanswered,
                        unreceipted: true,
                    }),
                }
            }
            Outcome::Refused(reason) => self.give_up(mail, reason, outbox).await,
            Outcome::Unanswered(reason) => {
                let unanswered = mail.unanswered.saturating_add(1);
                if unanswered >= self.unanswered_max {
                    let times = if unanswered == 1 { "once".to_string() } else { format!("{unanswered} times") };
                    let reason =
                        format!("the server was given it {times} and never answered, it may have arrived: {reason}");
                    return self.give_up(mail, reason, outbox).await;
                }
                // Noted at once: whoever comes after a crash must not begin to count anew.
                let tries = Tries {
                    count: mail.before.saturating_add(1),
                    unanswered,
                    last_at: self.clock.now(),
                    reason: reason.clone(),
                };
                if let Err(err) = outbox.note(&mail.owed, &tries).await {
                    tracing::warn!(run_id = mail.owed.run_id, error = err.one_line(), "a try could not be noted");
                }
                Attempt::Left(Left { reason, lost: true, unanswered, unreceipted: false })
            }
            Outcome::Later(reason) => mail.left(reason),
            Outcome::Unreachable(reason) => {
                Attempt::Left(Left { reason, lost: true, unanswered: mail.unanswered, unreceipted: false })
            }
        }
    }

    /// What no round of this call got through: given up when it is too old, else it waits for the next call.
    async fn put_off<O: Outbox>(&self, mail: Open, outbox: &O, done: &mut Delivery) {
        if self.is_old(&mail.owed) {
            let reason = format!("not taken for {} hours: {}", self.retry_hours, mail.reason);
            match self.give_up(&mail, reason, outbox).await {
                Attempt::GivenUp(reason) => done.dead.push(mail.failed(reason).unsent()),
                Attempt::Left(Left { reason, .. }) => done.waiting.push(mail.failed(reason).unsent()),
                Attempt::Sent(_) | Attempt::Settled => done.settled += 1,
            }
            return;
        }
        let owed = &mail.owed;
        tracing::warn!(run_id = owed.run_id, recipient = owed.recipient_hash, reason = mail.reason, "mail waits");
        let count = mail.before.saturating_add(self.tries.max(1));
        let (unanswered, reason) = (mail.unanswered, mail.reason.clone());
        let tries = Tries { count, unanswered, last_at: self.clock.now(), reason };
        if let Err(err) = outbox.note(owed, &tries).await {
            tracing::warn!(run_id = owed.run_id, error = err.one_line(), "a try could not be noted");
        }
        done.waiting.push(mail.unsent());
    }

    async fn give_up<O: Outbox>(&self, mail: &Open, reason: String, outbox: &O) -> Attempt {
        let owed = &mail.owed;
        tracing::error!(run_id = owed.run_id, recipient = owed.recipient_hash, reason, "mail given up");
        match outbox.settle(owed, &self.receipt(owed, Settled::Dead, reason.clone())).await {
            Ok(()) => Attempt::GivenUp(reason),
            Err(err) => mail.left(format!("{reason}; that cannot be written down: {}", err.one_line())),
        }
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

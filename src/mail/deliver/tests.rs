use std::path::Path;
use std::sync::Mutex;

use chrono::TimeZone as _;

use super::*;
use crate::address::recipient_hash;
use crate::config::Config;
use crate::mail::outbox::{dead_letters, given_up, recent, revive, seen};
use crate::store::Put;
use crate::store::{Store, keys};

use crate::mail::smtp_server::{Fault, Sink};

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 2, 0, 0).single().expect("time")
}

/// A lake with mails owed to these people, a server, and a clock that only sleeping moves.
struct World {
    lake: Store,
    owed: Vec<OwedMail>,
    sink: Sink,
    transport: Transport,
    time: std::sync::Arc<Mutex<DateTime<Utc>>>,
    pauses: Mutex<Vec<u64>>,
    per_minute_max: u32,
}

impl World {
    async fn new(fault: Fault, people: &[&str]) -> Self {
        let sink = Sink::start(fault).await;
        let lake = Store::memory();
        let mut owed = Vec::new();
        for person in people {
            let hash = recipient_hash(person);
            let body = keys::mail_body("nightly-2026-11-22-ab", &hash);
            let message = format!("Message-ID: <{hash}@x>\r\nTo: {person}\r\n\r\n.dots\r\nhello {person}\r\n");
            assert_eq!(lake.put_new(&body, message.into_bytes()).await.expect("put"), Put::Created);
            owed.push(OwedMail {
                recipient: (*person).into(),
                recipient_hash: hash,
                subject: "s".into(),
                body,
                run_id: "nightly-2026-11-22-ab".into(),
                owed_at: start(),
            });
        }
        let text = format!(
            "[mail]\ntransport = \"smtp\"\nsmtp_host = \"127.0.0.1\"\nsmtp_security = \"none\"\nsmtp_port = {}\nsmtp_timeout_seconds = 1\nsmtp_data_timeout_seconds = 3",
            sink.port()
        );
        let mail = Config::parse(&text, Path::new("/x")).expect("config").mail;
        let transport = Transport::new(&mail, |_| Some("canary-77aa".to_string())).expect("transport");
        let time = std::sync::Arc::new(Mutex::new(start()));
        Self { lake, owed, sink, transport, time, pauses: Mutex::default(), per_minute_max: 0 }
    }

    async fn deliver(&self, tries: u32, now: bool) -> Delivery {
        let time = std::sync::Arc::clone(&self.time);
        let clock = Clock::from_fn(move || *time.lock().expect("time"));
        let postman = Postman {
            transport: &self.transport,
            clock: &clock,
            retry_hours: 48,
            unanswered_max: 2,
            per_minute_max: self.per_minute_max,
            tries,
            now,
        };
        let sleep = |pause: Duration| {
            self.pauses.lock().expect("pauses").push(pause.as_secs());
            self.pass(i64::try_from(pause.as_secs()).expect("small"));
            std::future::ready(())
        };
        postman.deliver(&self.owed, &self.lake, sleep).await
    }

    fn pass(&self, seconds: i64) {
        *self.time.lock().expect("time") += TimeDelta::seconds(seconds);
    }

    async fn receipts(&self, suffix: &str) -> usize {
        let all = self.lake.list("outbox").await.expect("list");
        all.iter().filter(|object| object.key.ends_with(suffix)).count()
    }
}

#[tokio::test]
async fn one_message_a_recipient_and_none_twice() {
    let world = World::new(Fault::None, &["a@demo.example", "b@demo.example"]).await;
    let first = world.deliver(3, false).await;
    assert_eq!((first.sent.len(), first.settled, first.is_short()), (2, 0, false));
    assert!(first.sent[0].detail.contains("taken as 42"), "{}", first.sent[0].detail);
    let arrived = world.sink.arrived();
    let to: Vec<_> = arrived.iter().map(|mail| mail.to.join(",")).collect();
    assert_eq!(to, ["a@demo.example", "b@demo.example"]);
    assert!(
        arrived[0].message.trim_end().ends_with("\r\n\r\n.dots\r\nhello a@demo.example"),
        "{:?}",
        arrived[0].message
    );
    assert_eq!(world.receipts(".sent.json").await, 2);
    let again = world.deliver(3, false).await;
    assert_eq!((again.sent.len(), again.settled), (0, 2));
    assert_eq!(world.sink.arrived().len(), 2);
}

#[tokio::test]
async fn one_refused_recipient_costs_only_itself() {
    let world =
        World::new(Fault::Refuse("b@demo.example".into()), &["a@demo.example", "b@demo.example", "c@demo.example"])
            .await;
    let done = world.deliver(3, false).await;
    assert_eq!((done.sent.len(), done.dead.len(), done.waiting.len()), (2, 1, 0));
    assert!(
        done.dead[0].reason.contains("550") && done.dead[0].reason.contains("no such mailbox"),
        "{}",
        done.dead[0].reason
    );
    assert!(done.is_short());
    assert_eq!(world.pauses.lock().expect("pauses").len(), 0, "a refusal is not tried again");
    assert_eq!(world.receipts(".dead.json").await, 1);
    assert_eq!(world.deliver(3, false).await.settled, 3);
}

#[tokio::test]
async fn a_busy_server_is_tried_in_rounds_and_then_waits() {
    let world = World::new(Fault::Busy, &["a@demo.example"]).await;
    let done = world.deliver(3, false).await;
    assert_eq!((done.sent.len(), done.waiting.len(), done.dead.len()), (0, 1, 0));
    assert!(done.waiting[0].reason.contains("451"), "{}", done.waiting[0].reason);
    assert_eq!(*world.pauses.lock().expect("pauses"), [60, 120]);
    assert_eq!(world.sink.connections(), 3);
    // The next call comes too soon, unless a person asks.
    world.pass(60);
    assert_eq!(world.deliver(1, false).await.waiting.len(), 1);
    assert_eq!(world.sink.connections(), 3);
    assert_eq!(world.deliver(1, true).await.waiting.len(), 1);
    assert_eq!(world.sink.connections(), 4);
    world.sink.set(Fault::None);
    world.pass(8 * 60);
    let done = world.deliver(1, false).await;
    assert_eq!((done.sent.len(), done.is_short()), (1, false));
}

#[tokio::test]
async fn after_two_days_it_is_given_up_with_the_last_reason() {
    let world = World::new(Fault::Closing, &["a@demo.example"]).await;
    assert_eq!(world.deliver(1, false).await.waiting.len(), 1);
    world.pass(47 * 3600);
    assert_eq!(world.deliver(1, false).await.waiting.len(), 1);
    world.pass(3600);
    let done = world.deliver(1, false).await;
    assert_eq!((done.waiting.len(), done.dead.len()), (0, 1));
    assert!(done.dead[0].reason.starts_with("not taken for 48 hours: "), "{}", done.dead[0].reason);
    assert!(done.dead[0].reason.contains("421"), "{}", done.dead[0].reason);
    assert_eq!(world.deliver(1, false).await.settled, 1);
}

#[tokio::test]
async fn a_reply_lost_after_the_message_repeats_it_with_the_same_id() {
    let world = World::new(Fault::DropAfterData, &["a@demo.example"]).await;
    assert_eq!(world.deliver(1, false).await.waiting.len(), 1);
    assert_eq!(world.receipts(".sent.json").await, 0, "no receipt without the server's word");
    world.sink.set(Fault::None);
    assert_eq!(world.deliver(1, true).await.sent.len(), 1);
    let arrived = world.sink.arrived();
    assert_eq!(arrived.len(), 2);
    assert_eq!(arrived[0].message, arrived[1].message);
}

#[tokio::test]
async fn a_silent_server_cannot_hold_the_run() {
    for fault in [Fault::MuteBanner, Fault::MuteAfterData] {
        let world = World::new(fault.clone(), &["a@demo.example"]).await;
        let limit = Duration::from_secs(20);
        let done = tokio::time::timeout(limit, world.deliver(1, false)).await.expect("the call returns");
        assert_eq!(done.waiting.len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_dead_server_is_not_asked_for_every_recipient() {
    let people: Vec<String> = (0..10).map(|n| format!("p{n}@demo.example")).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let world = World::new(Fault::MuteBanner, &people).await;
    let done = world.deliver(1, false).await;
    assert_eq!(done.waiting.len(), 10);
    assert_eq!(world.sink.connections(), 3);
    assert!(done.waiting.iter().all(|unsent| !unsent.reason.is_empty()));
}

#[tokio::test]
async fn a_wrong_password_waits_for_the_operator_and_is_not_shown() {
    let world = World::new(Fault::BadPassword, &["a@demo.example"]).await;
    let done = world.deliver(1, false).await;
    assert_eq!((done.waiting.len(), done.dead.len()), (1, 0));
    let reason = &done.waiting[0].reason;
    assert!(reason.contains("535") && reason.contains("TRIBUTARY_SMTP_PASSWORD"), "{reason}");
    assert!(!reason.contains("canary-77aa"), "{reason}");
    assert!(reason.contains("AUTH PLAIN ***"), "the login that the server quotes is struck out: {reason}");
}

#[tokio::test]
async fn a_server_that_turns_everybody_away_has_judged_no_mail() {
    let world = World::new(Fault::TurnedAway, &["a@demo.example", "b@demo.example"]).await;
    let done = world.deliver(1, false).await;
    assert_eq!((done.waiting.len(), done.dead.len()), (2, 0), "a greeting of 554 is no verdict on a mail");
    assert!(done.waiting[0].reason.contains("554"), "{}", done.waiting[0].reason);
    world.sink.set(Fault::None);
    assert_eq!(world.deliver(1, true).await.sent.len(), 2);
}

#[tokio::test]
async fn a_lost_body_holds_up_nobody_else() {
    let world = World::new(Fault::None, &["a@demo.example", "b@demo.example"]).await;
    world.lake.delete(&world.owed[0].body).await.expect("deleted");
    let done = world.deliver(1, false).await;
    assert_eq!((done.sent.len(), done.waiting.len()), (1, 1));
}

#[tokio::test]
async fn doctor_hears_what_the_server_says() {
    let world = World::new(Fault::None, &[]).await;
    let check = || world.transport.check(Some("hq@demo.example"));
    assert!(check().await.expect("well").ends_with("to hq@demo.example"));
    assert!(world.transport.check(None).await.expect("well").contains("takes mails from"));
    for (fault, found, hint) in [
        (Fault::BadPassword, "535", "TRIBUTARY_SMTP_PASSWORD"),
        (Fault::WantsLogin, "530", "TRIBUTARY_SMTP_USER"),
        (Fault::RefuseSender, "takes no mail from", "mail.from"),
        (Fault::Refuse("hq@demo.example".into()), "550", "company.head_office"),
        (Fault::MuteBanner, "did not answer", "smtp_port"),
    ] {
        world.sink.set(fault.clone());
        let err = check().await.expect_err("refused");
        assert!(err.to_string().contains(found) && !err.one_line().contains("canary-77aa"), "{}", err.one_line());
        assert!(err.advice().is_some_and(|advice| advice.contains(hint)), "{fault:?}: {:?}", err.advice());
    }
    // Greylisting lets nobody in at the first knock.
    world.sink.set(Fault::Busy);
    assert!(check().await.expect("well").contains("later: transient error (451)"));
    assert!(world.sink.arrived().is_empty());
}

#[test]
fn pauses_double_from_a_minute_to_an_hour() {
    let minutes: Vec<u64> = (0..9).map(|round| pause(round).as_secs() / 60).collect();
    assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    assert_eq!(pause(u32::MAX), Duration::from_hours(1));
}

#[tokio::test]
async fn only_whose_newest_mail_was_given_up_is_unreached() {
    let world = World::new(Fault::None, &["a@x.y", "b@x.y", "c@x.y"]).await;
    let receipt = |mail: &OwedMail, outcome| Receipt {
        run_id: mail.run_id.clone(),
        recipient_hash: mail.recipient_hash.clone(),
        outcome,
        transport: "smtp".into(),
        at: start(),
        detail: "550 no such user".into(),
    };
    let later = |mail: &OwedMail, run: &str, hours: i64| OwedMail {
        run_id: run.into(),
        owed_at: start() + TimeDelta::hours(hours),
        ..mail.clone()
    };
    let [a, b, c] = [0, 1, 2].map(|at| world.owed[at].clone());
    let (a2, b2, c2) = (later(&a, "n-2", 24), later(&b, "n-2", 24), later(&c, "n-2", 24));
    // a: given up, then reached; b: reached, then given up; c: given up, its newest still waits
    for (mail, outcome) in
        [(&a, Settled::Dead), (&a2, Settled::Sent), (&b, Settled::Sent), (&b2, Settled::Dead), (&c, Settled::Dead)]
    {
        world.lake.settle(mail, &receipt(mail, outcome)).await.expect("settled");
    }
    let all = [a, b, c, a2, b2, c2];
    let dead = dead_letters(all.iter(), &world.lake).await.expect("listed");
    let told: Vec<String> = dead.iter().map(|(who, (mail, why))| format!("{who} {} {why}", mail.run_id)).collect();
    assert_eq!(told, ["b@x.y n-2 550 no such user", "c@x.y nightly-2026-11-22-ab 550 no such user"]);
    assert_eq!(recent(all.iter(), start() + TimeDelta::hours(150), 48).count(), 3, "older ones are not asked for");
}

#[tokio::test]
async fn a_server_that_never_answers_does_not_get_the_same_mail_without_limit() {
    let world = World::new(Fault::DropAfterData, &["a@demo.example"]).await;
    assert_eq!(world.deliver(1, false).await.waiting.len(), 1);
    // Another process, later: it goes on counting.
    world.pass(3600);
    let done = world.deliver(3, false).await;
    assert_eq!((done.waiting.len(), done.dead.len()), (0, 1));
    assert!(done.dead[0].reason.contains("2 times and never answered, it may have arrived"), "{}", done.dead[0].reason);
    assert_eq!(world.sink.arrived().len(), 2);
}

#[tokio::test]
async fn two_deliverers_send_one_mail() {
    let world = World::new(Fault::SlowAfterData, &["a@demo.example", "b@demo.example"]).await;
    let (one, other) = tokio::join!(world.deliver(1, true), world.deliver(1, true));
    let mut to: Vec<String> = world.sink.arrived().iter().map(|mail| mail.to.join(",")).collect();
    to.sort();
    assert_eq!(to, ["a@demo.example", "b@demo.example"], "{one:?} {other:?}");
    assert_eq!(one.sent.len() + other.sent.len(), 2);
    assert_eq!(world.receipts(".sent.json").await, 2);
    assert_eq!(world.receipts(".claim.json").await, 0, "claims are let go");
}

#[tokio::test]
async fn a_claim_of_a_process_that_died_ends_by_itself() {
    let world = World::new(Fault::None, &["a@demo.example"]).await;
    let until = start() + TimeDelta::minutes(20);
    world.lake.claim(&world.owed[0], start(), until).await.expect("claimed").expect("free");
    let done = world.deliver(1, true).await;
    assert_eq!((done.sent.len(), done.waiting.len()), (0, 1));
    assert!(done.waiting[0].reason.contains("its claim ends by itself"), "{}", done.waiting[0].reason);
    world.pass(20 * 60);
    let (one, other) = tokio::join!(world.deliver(1, true), world.deliver(1, true));
    assert_eq!((one.sent.len() + other.sent.len(), world.sink.arrived().len()), (1, 1));
}

#[tokio::test]
async fn a_mail_given_up_stays_in_sight_until_it_is_seen_to() {
    let world = World::new(Fault::Refuse("b@demo.example".into()), &["a@demo.example", "b@demo.example"]).await;
    assert_eq!(world.deliver(1, false).await.dead.len(), 1);
    world.pass(400 * 24 * 3600);
    let open = given_up(&world.lake).await.expect("listed");
    assert_eq!(open.iter().map(|open| open.owed.recipient.as_str()).collect::<Vec<_>>(), ["b@demo.example"]);
    assert!(open[0].reason.contains("no such mailbox"), "{}", open[0].reason);
    // Tried again in vain it is still there, tried again with success it is not.
    revive(&world.lake, &open[0]).await.expect("revived");
    assert_eq!(world.deliver(1, true).await.dead.len(), 1);
    assert_eq!(given_up(&world.lake).await.expect("listed").len(), 1);
    world.sink.set(Fault::None);
    revive(&world.lake, &open[0]).await.expect("revived");
    assert_eq!(world.deliver(1, true).await.sent.len(), 1);
    assert!(given_up(&world.lake).await.expect("listed").is_empty());
}

#[tokio::test]
async fn what_somebody_has_seen_to_is_out_of_sight_and_not_tried() {
    let world = World::new(Fault::Refuse("b@demo.example".into()), &["b@demo.example"]).await;
    world.deliver(1, false).await;
    let open = given_up(&world.lake).await.expect("listed");
    seen(&world.lake, &open[0]).await.expect("seen");
    assert!(given_up(&world.lake).await.expect("listed").is_empty());
    assert_eq!(world.deliver(1, true).await.settled, 1);
}

#[tokio::test]
async fn a_sender_that_may_not_send_is_no_word_on_a_recipient() {
    let world = World::new(Fault::RefuseSender, &["a@demo.example"]).await;
    let done = world.deliver(1, false).await;
    assert_eq!((done.waiting.len(), done.dead.len()), (1, 0));
    assert!(done.waiting[0].reason.contains("look at mail.from"), "{}", done.waiting[0].reason);
}

#[tokio::test]
async fn no_minute_holds_more_mails_than_the_server_allows() {
    let mut world = World::new(Fault::None, &["a@demo.example", "b@demo.example", "c@demo.example"]).await;
    world.per_minute_max = 2;
    assert_eq!(world.deliver(1, false).await.sent.len(), 3);
    assert_eq!(*world.pauses.lock().expect("pauses"), [60], "after the second a minute's pause");
}

#[tokio::test]
async fn the_answer_to_the_text_has_its_own_time() {
    let mail =
        "[mail]\ntransport = \"smtp\"\nsmtp_host = \"127.0.0.1\"\nsmtp_security = \"none\"\nsmtp_timeout_seconds = 1";
    let sink = Sink::start(Fault::SlowAfterData).await;
    let mail = Config::parse(&format!("{mail}\nsmtp_port = {}", sink.port()), Path::new("/x")).expect("config").mail;
    assert_eq!(mail.smtp_data_timeout_seconds, 600, "RFC 5321, 4.5.3.2.6");
    let transport = Transport::new(&mail, |_| None).expect("transport");
    assert!(transport.longest().expect("a server") > Duration::from_secs(600 + 6));
    let owed = OwedMail {
        recipient: "a@demo.example".into(),
        recipient_hash: "h".into(),
        subject: "s".into(),
        body: "b".into(),
        run_id: "r".into(),
        owed_at: start(),
    };
    let outcome = transport.send(&owed, b"To: a@demo.example\r\n\r\nhello\r\n").await;
    assert!(
        matches!(outcome, Outcome::Taken(_)),
        "it answers after {} ms: {outcome:?}",
        crate::mail::smtp_server::SLOW_MS
    );
}

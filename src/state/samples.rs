//! Small, complete records for the tests of this folder.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::record::{
    Afterwards, Alert, AlertPhase, Changes, CommitKind, Input, InputStatus, OwedMail, Partition, RunRecord, RunStatus,
    Sighting, Silence,
};
use super::{Draft, Keep, Options};
use crate::clock::Clock;
use crate::sha256::sha256_hex;
use crate::store::{FileRef, Home, Retry, Store, Stores, keys};

/// 2026-11-22 02:00:00.123456789 UTC plus seconds.
pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    let base = DateTime::from_timestamp_nanos(1_795_312_800_123_456_789);
    base + TimeDelta::seconds(seconds)
}

pub(super) fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
}

/// A clock that a test moves.
#[derive(Clone, Default)]
pub(super) struct Hands(Arc<AtomicI64>);

impl Hands {
    pub(super) fn clock(&self) -> Clock {
        let seconds = Arc::clone(&self.0);
        Clock::from_fn(move || at(seconds.load(Ordering::SeqCst)))
    }
    pub(super) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

pub(super) fn stores() -> Stores {
    Stores::from_parts(Store::memory(), Store::memory(), Store::memory())
}

pub(super) fn options() -> Options {
    Options {
        checkpoint_every: 5,
        keep: Keep { orphans_days: 7, mails_days: 90 },
        retry: Retry { retries: 3, first_pause: Duration::from_millis(1) },
        answer_within: Duration::from_secs(20),
        lease: Duration::from_mins(2),
    }
}

/// For tests in which the store never answers.
pub(super) fn impatient() -> Options {
    Options { answer_within: Duration::from_millis(150), ..options() }
}

pub(super) fn sha256(content: &str) -> String {
    sha256_hex(content.as_bytes())
}

pub(super) fn file(home: Home, key: &str) -> FileRef {
    FileRef { home, key: key.to_string(), sha256: sha256(key), rows: 10, bytes: 1_000 }
}

/// A content with rows, delivered `delivered` seconds after the base for the days `period`.
pub(crate) fn input(content: &str, delivered: i64, period: Option<(u32, u32)>) -> Input {
    let sha256 = sha256(content);
    let staged = keys::staged("sales", "华东", &sha256, "c1", "run-1");
    Input {
        sender: "华东".into(),
        feed: "sales".into(),
        named: None,
        key: format!("华东/sales/{content}.csv"),
        bytes: 100,
        etag: Some(format!("tag-{content}")),
        last_modified: at(delivered),
        delivered_at: at(delivered),
        period_start: period.map(|p| day(p.0)),
        period_end: period.map(|p| day(p.1)),
        status: InputStatus::Active,
        reason: None,
        contract_fingerprint: "c1".into(),
        run_id: "run-1".into(),
        rows_read: 12,
        rows_clean: 10,
        rows_rejected: 2,
        warnings: vec!["Latin-1 was detected".into()],
        drift: vec!["columns not used: extra".into()],
        staged: Some(FileRef { key: staged, ..file(Home::Lake, content) }),
        rejects: Some(file(Home::Lake, "rejects/elsewhere.parquet")),
        months: BTreeMap::from([("2026-11".to_string(), 10)]),
        contents: BTreeMap::from([("2026-11".to_string(), "c0ffee".to_string())]),
        first_date: period.map(|p| day(p.0)),
        last_date: period.map(|p| day(p.1)),
        marks: BTreeMap::new(),
        masked: Vec::new(),
        without: Vec::new(),
        resent_at: None,
        lost: false,
        sha256,
    }
}

/// A delivery of `content` under another key.
pub(super) fn delivery(content: &str, key: &str, delivered: i64) -> Sighting {
    Sighting { key: key.into(), ..Sighting::of(&input(content, delivered, None)) }
}

pub(super) fn partition(model: &str, partition: &str, fingerprint: &str) -> Partition {
    let key = keys::mart(model, partition, fingerprint, "run-1");
    Partition {
        model: model.into(),
        partition: partition.into(),
        fingerprint: fingerprint.into(),
        checks: format!("checks of {model}"),
        file: Some(file(Home::Marts, &key)),
    }
}

pub(super) fn run_record(run_id: &str, date: NaiveDate, status: RunStatus) -> RunRecord {
    RunRecord {
        run_id: run_id.into(),
        job: "nightly".into(),
        logical_date: date,
        started_at: at(0),
        ended_at: at(60),
        status,
        plan_fingerprint: format!("plan-{date}"),
        files: 3,
        rows_read: 12,
        rows_clean: 10,
        rows_rejected: 2,
        partitions_built: 1,
        partitions_reused: 0,
        statements: 1,
        store_requests: 4,
        marts: 1,
        alerts: 1,
        mails: 1,
        stage_ms: BTreeMap::from([("stage".to_string(), 12)]),
        notes: vec!["no targets yet".into()],
        error: None,
    }
}

/// A run that changes a little of everything.
pub(super) fn full_changes(n: u32) -> Changes {
    let content = format!("content-{n}");
    let input = input(&content, i64::from(n), Some((1 + n % 28, 1 + n % 28)));
    let alert = Alert {
        rule: "overstock".into(),
        fingerprint: format!("alert-{n}"),
        labels: BTreeMap::from([("partner_id".to_string(), "P001".to_string())]),
        severity: "warning".into(),
        value: Some(0.5),
        row: BTreeMap::from([("days".to_string(), serde_json::json!(12))]),
        owners: vec!["ops@partner.example".into()],
        phase: AlertPhase::New,
        since: day(1),
        mailed_at: None,
        muted: None,
        absent_nights: 0,
    };
    let owed = OwedMail {
        recipient: "ops@partner.example".into(),
        recipient_hash: "h".into(),
        subject: "[预警] 华东".into(),
        body: keys::mail_body(&format!("run-{n}"), "h"),
        run_id: format!("run-{n}"),
        owed_at: at(i64::from(n)),
    };
    let set_aside = vec![input.aside(at(7))];
    Changes {
        set_aside,
        sightings: vec![
            Sighting { outcome: "new".into(), ..Sighting::of(&input) },
            Sighting { outcome: "duplicate".into(), ..delivery(&content, &format!("again-{n}.csv"), 500) },
        ],
        inputs: vec![input],
        partitions: vec![partition("sales_daily", "2026-11", &format!("f{n}")), partition("empty", "all", "f")],
        alerts: Some(vec![alert]),
        owed: vec![owed],
        run: Some(run_record(&format!("run-{n}"), day(1 + n % 28), RunStatus::Ok)),
        afterwards: Some(Afterwards {
            run_id: format!("run-{}", n.saturating_sub(1)),
            stage_ms: BTreeMap::from([("publish".to_string(), 3)]),
            store_requests: 2,
        }),
        silence: Some(Silence {
            id: format!("s{n}"),
            matchers: BTreeMap::new(),
            until: at(100_000),
            author: "me".into(),
            comment: "盘点".into(),
        }),
        takes_back: false,
        frozen: vec![serde_json::json!({ "period": n })],
    }
}

pub(super) fn draft(kind: CommitKind, epoch: Option<u64>, run_id: &str) -> Draft {
    Draft { kind, run_id: run_id.into(), epoch, logical_date: Some(day(22)), changes: Changes::default() }
}

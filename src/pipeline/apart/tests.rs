//! What a reader's end says, with shell scripts as readers.

use std::os::unix::fs::PermissionsExt;

use chrono::DateTime;

use super::*;
use crate::intake::Spool;

/// Reads a file by a program that does `what` with the spool folder in `$4`.
async fn read_by(what: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("reader");
    std::fs::write(&program, format!("#!/bin/sh\n{what}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let answer = Outcome { rows_read: 3, rows_clean: 3, ..Outcome::default() };
    std::fs::write(folder.path().join("answer"), serde_json::to_vec(&answer).unwrap()).unwrap();
    let config = Config::parse("[intake]\nreader_seconds_max = 1\n", folder.path()).unwrap();
    let raw = RawFile {
        sender: "p01".into(),
        feed: "sales".into(),
        key: "p01/sales/2026-11-22.xlsx".into(),
        content: Spool::Disk(folder.path().join("raw")),
        bytes: 1,
        version: "0".into(),
        last_modified: DateTime::UNIX_EPOCH,
    };
    read(&program, folder.path(), &config, &raw, folder.path()).await.unwrap()
}

/// A machine that is busy with something else is no reason to refuse a file: only the processor's time counts.
#[tokio::test]
async fn the_limit_of_time_counts_the_processor_and_not_the_wall() {
    let slow = read_by("sleep 2; cp \"$4/answer\" \"$4/outcome.json\"").await;
    assert_eq!((slow.quarantined, slow.rows_clean), (None, 3));
    let endless = read_by("while :; do :; done").await;
    let reason = endless.quarantined.unwrap();
    assert!(reason.contains("more than 1 seconds of the processor to read (intake.reader_seconds_max)"), "{reason}");
    assert!(!endless.passing, "read again when the limit is raised");
}

#[tokio::test]
async fn a_reader_that_is_ended_from_outside_is_tried_again_by_every_run() {
    let ended = read_by("kill -9 $$").await;
    assert!(ended.passing && ended.quarantined.unwrap().contains("ended from outside"));
    let crashed = read_by("kill -11 $$").await;
    assert!(!crashed.passing && crashed.quarantined.unwrap().contains("intake.reader_memory_bytes"));
}

#[test]
fn what_opens_stores_and_mail_is_not_given_to_a_reader() {
    let names = ["AWS_SECRET_ACCESS_KEY", "azure_storage_sas_key", "GOOGLE_SERVICE_ACCOUNT", "TRIBUTARY_SMTP_PASSWORD"];
    let others = ["PATH", "TMPDIR", "TRIBUTARY_LOG", "LAWS_"];
    let taken: Vec<_> = granting(names.iter().chain(&others).map(OsString::from)).collect();
    assert_eq!(taken, names.map(OsString::from));
}

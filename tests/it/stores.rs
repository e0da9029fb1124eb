//! The same company in a bucket: equal marts, no matter what the network does, and no secret comes out.

use std::process::Command;

use crate::support::s3::{FaultKind, S3, SECRET_KEY};
use crate::support::world::{Outcome, World, files_below};

const NIGHT: &str = "2026-11-05";
const MARTS: &[&str] = &["sales_daily", "inventory_health", "customer_scores", "deliveries", "data_quality", "runs"];

fn on_s3() -> (S3, World) {
    let s3 = S3::start();
    let world = World::small_on_s3(&s3);
    world.deliver_history(NIGHT);
    (s3, world)
}

#[test]
fn a_bucket_gives_the_marts_that_folders_give() {
    let local = World::new(MARTS);
    local.deliver_history(NIGHT);
    local.night(NIGHT).published();
    let s3 = S3::start();
    s3.set_page(7);
    let remote = World::on_s3(MARTS, &s3);
    remote.deliver_history(NIGHT);
    remote.night(NIGHT).published();
    let (here, there) = (local.marts(), remote.marts());
    assert_eq!(here.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
    for (name, mart) in here.iter().filter(|(name, _)| *name != "runs") {
        assert_eq!(mart.columns, there[name].columns, "{name}");
        assert_eq!(mart.hash(), there[name].hash(), "{name}: {:?} / {:?}", mart.rows.first(), there[name].rows.first());
    }
    assert!(!remote.published_files().is_empty());
    let before = remote.fingerprint();
    remote.night_again(NIGHT).published();
    assert_eq!(remote.fingerprint(), before, "again, with nothing new");
}

/// The small company where Google keeps it: what is created is created once, pages and copies come as elsewhere.
#[test]
fn a_bucket_of_google_gives_the_marts_that_folders_give() {
    let local = World::small();
    let google = S3::start_as_google();
    google.set_page(7);
    let remote = World::small_on_s3(&google);
    for world in [&local, &remote] {
        world.deliver_history(NIGHT);
        world.night(NIGHT).published();
    }
    let (here, there) = (local.marts(), remote.marts());
    assert_eq!(here.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
    assert!(here.len() > 1, "{:?}", here.keys());
    for (name, mart) in here.iter().filter(|(name, _)| *name != "files") {
        assert_eq!(mart.hash(), there[name].hash(), "{name}: {:?} / {:?}", mart.rows.first(), there[name].rows.first());
    }
    let before = remote.fingerprint();
    remote.night_again(NIGHT).published();
    assert_eq!(remote.fingerprint(), before, "again, with nothing new");
    assert!(remote.tributary(&["doctor"], &[]).expect(&[0]).stdout.contains("gs://company/lake: writable"));
}

/// Each request costs and takes its time: a night says how many it made, and of each new file it makes three (fetch, stage,
/// read), of each partition two (write, lay out), beside a listing for each sender and feed and what a run always asks.
#[test]
fn a_night_says_how_many_requests_it_made_and_makes_few() {
    let (s3, world) = on_s3();
    let before: usize = ["GET", "HEAD", "PUT", "POST", "DELETE"].iter().map(|method| s3.count(method)).sum();
    let told = world.night(NIGHT).published();
    let made: usize =
        ["GET", "HEAD", "PUT", "POST", "DELETE"].iter().map(|method| s3.count(method)).sum::<usize>() - before;
    let run = world.commits().into_iter().find_map(|commit| commit.changes.run).expect("a run");
    let said: u64 = told
        .stdout
        .lines()
        .find_map(|line| {
            line.trim().strip_prefix("stores")?.trim().strip_suffix("requests")?.trim().replace(',', "").parse().ok()
        })
        .unwrap_or_else(|| panic!("no requests told: {told}"));
    let made = made as u64;
    // Before the night: opening the lake; after its account: the lease given back, what the next run is told.
    assert!(said <= made && said + 12 >= made, "{said} told of {made}");
    let (files, partitions) = (run.files, run.partitions_built);
    assert!(files > 20 && partitions > 0);
    assert!(made <= 3 * files + 2 * partitions + 60, "{made} requests for {files} files and {partitions} partitions");
}

#[test]
fn replies_that_get_lost_commit_once() {
    for kind in [FaultKind::DropReply, FaultKind::ErrorAfterWrite, FaultKind::Unavailable] {
        for key in ["lake/state/commits/", "lake/staged/", "lake/models/", "marts/", "latest/", "duckdb.sql"] {
            let (s3, world) = on_s3();
            s3.fail(kind, key, 0);
            world.night(NIGHT).published();
            assert_eq!(s3.pending_faults(), 0, "{kind:?} on {key} struck");
            let runs = world.commits().iter().filter(|commit| commit.changes.run.is_some()).count();
            assert_eq!(runs, 1, "{kind:?} on {key}");
            let again = world.night_again(NIGHT).published();
            assert!(again.stdout.contains("nothing"), "{kind:?} on {key}: {again}");
        }
    }
}

#[test]
fn a_bucket_that_refuses_us_is_a_clear_error() {
    let (_s3, world) = on_s3();
    let refused = world.night_with(NIGHT, &[], &[("AWS_ACCESS_KEY_ID", "AKIASTRANGER")]).expect(&[3, 64]);
    assert!(refused.stderr.contains("error"), "{refused}");
    assert!(!refused.stderr.contains("panicked"), "{refused}");
    assert_silent(&refused);
}

#[test]
fn secrets_never_come_out() {
    let (s3, world) = on_s3();
    let secret = ("TRIBUTARY_SMTP_PASSWORD", SECRET_KEY);
    assert_silent(&world.night_with(NIGHT, &["-vv"], &[secret, ("TRIBUTARY_LOG", "trace")]).published());
    for args in [
        &["status"][..],
        &["runs"],
        &["show", "last"],
        &["doctor"],
        &["check"],
        &["plan", "nightly", "--date", NIGHT],
        &["--output", "json", "runs"],
        &["query", "select count(*) from sales_daily"],
    ] {
        assert_silent(&world.tributary(args, &[secret]));
    }
    for (key, bytes) in s3.objects("") {
        assert!(!contains(&bytes, SECRET_KEY), "{key} holds the secret");
    }
    for (path, bytes) in files_below(&world.path("")) {
        assert!(!contains(&bytes, SECRET_KEY), "{path} holds the secret");
    }
    // A server that is not there: errors quote addresses, never keys.
    let gone = world.night_with(NIGHT, &[], &[("AWS_ENDPOINT", "http://127.0.0.1:9"), secret]);
    assert!(!matches!(gone.code, Some(0 | 1)), "{gone}");
    assert_silent(&gone);
}

#[test]
fn settings_never_hold_secrets() {
    let shipped =
        std::fs::read_to_string(format!("{}/config.toml", crate::support::world::PROJECT)).expect("config.toml");
    for word in ["secret", "access_key", "password ="] {
        assert!(!shipped.to_lowercase().contains(word), "config.toml has `{word}`");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_tributary")).arg("--help").output().expect("help");
    assert!(output.status.success());
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[track_caller]
fn assert_silent(outcome: &Outcome) {
    let told = outcome.stdout.contains(SECRET_KEY) || outcome.stderr.contains(SECRET_KEY);
    assert!(!told, "the secret came out (exit {:?})", outcome.code);
}

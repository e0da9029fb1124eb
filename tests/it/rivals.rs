//! Several runners on one lake: one does the night, the others wait, give way or find it done.

use std::process::Child;

use tributary::state::record::CommitKind;

use crate::support::company::date;
use crate::support::s3::S3;
use crate::support::world::{World, finish};

const NIGHT: &str = "2026-11-05";

fn start(world: &World) -> Child {
    let mut command = world.command(&["run", "nightly", "--date", NIGHT]);
    command.spawn().expect("the binary starts")
}

fn race(world: &World, runners: usize) {
    let children: Vec<Child> = (0..runners).map(|_| start(world)).collect();
    let ends: Vec<_> = children.into_iter().map(finish).collect();
    assert!(ends.iter().any(|end| matches!(end.code, Some(0 | 1))), "one gets through: {ends:?}");
    for end in &ends {
        assert!(matches!(end.code, Some(0 | 1 | 3)), "{end}");
        assert!(!end.stderr.contains("panicked"), "{end}");
    }
    let commits = world.commits();
    let runs = commits
        .iter()
        .filter(|commit| commit.kind == CommitKind::Run && commit.logical_date == Some(date(NIGHT)))
        .count();
    assert_eq!(runs, 1, "the night is committed once: {ends:?}");
    for (at, commit) in commits.iter().enumerate() {
        assert_eq!(commit.number, at as u64 + 1, "the chain has no gap");
    }
    for pair in commits.windows(2) {
        assert!(pair[0].epoch <= pair[1].epoch, "epochs never go back");
        assert!(pair[1].previous_sha256.is_some(), "each commit names the one before it");
    }
}

#[test]
fn two_runners_on_folders_commit_the_night_once() {
    let alone = World::small();
    alone.deliver_history(NIGHT);
    let shared = alone.fork();
    alone.night(NIGHT).published();
    race(&shared, 2);
    assert_eq!(shared.hashes(), alone.hashes());
}

#[test]
fn four_runners_on_a_bucket_commit_the_night_once() {
    let s3 = S3::start();
    let world = World::small_on_s3(&s3);
    world.deliver_history(NIGHT);
    race(&world, 4);
    world.published_files();
}

/// A runner that is stopped in its tracks, loses the lake, and wakes up: it must not commit over its successor.
#[cfg(unix)]
#[test]
fn a_runner_that_wakes_up_after_losing_the_lake_stops() {
    use std::process::Command;
    use std::time::{Duration, Instant};

    let world = World::small();
    world.deliver_history(NIGHT);
    let signal = |child: &Child, name: &str| {
        let status = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill");
        assert!(status.success(), "{name}");
    };
    let sleeper = start(&world);
    let since = Instant::now();
    while !world.path("lake/staged").exists() {
        assert!(since.elapsed() < Duration::from_mins(1), "nothing is staged");
        std::thread::sleep(Duration::from_millis(2));
    }
    signal(&sleeper, "-STOP");
    assert!(world.commits().iter().all(|commit| commit.kind != CommitKind::Run), "it was stopped in time");

    // The lease of this world lasts two seconds; a supervisor would try again as well.
    let successor = (0..10)
        .map(|_| {
            std::thread::sleep(Duration::from_secs(1));
            finish(start(&world))
        })
        .find(|end| matches!(end.code, Some(0 | 1)));
    assert!(successor.is_some(), "the lake is taken over");
    let hashes = world.hashes();

    signal(&sleeper, "-CONT");
    let woken = finish(sleeper);
    assert!(!woken.stderr.contains("panicked"), "{woken}");
    let commits = world.commits();
    let runs = commits.iter().filter(|commit| commit.kind == CommitKind::Run).count();
    assert_eq!(runs, 1, "the night is committed once: {woken}");
    assert_eq!(world.hashes(), hashes, "and the marts are the successor's");
}

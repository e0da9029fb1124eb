//! The built-in scheduler: what is due follows from the commits, missed nights are made up, SIGTERM ends it cleanly.

use std::process::Command;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use tributary::state::record::CommitKind;

use crate::support::company::date;
use crate::support::world::{World, finish};

const NIGHT: &str = "2026-11-05";
/// 06:31 in Shanghai on the morning after NIGHT: the job is due since a minute.
const MORNING: (&str, &str) = ("TRIBUTARY_NOW", "2026-11-05T22:31:00Z");

fn world() -> World {
    let world = World::small();
    world.deliver_history(NIGHT);
    world
}

fn nights(world: &World) -> Vec<NaiveDate> {
    let commits = world.commits();
    commits.iter().filter(|commit| commit.kind == CommitKind::Run).filter_map(|commit| commit.logical_date).collect()
}

#[test]
fn what_is_due_runs_once() {
    let world = world();
    let early = ("TRIBUTARY_NOW", "2026-11-05T22:29:00Z");
    world.night_with("2026-11-04", &[], &[("TRIBUTARY_NOW", "2026-11-04T22:31:00Z")]).published();
    world.tributary(&["serve", "--once"], &[early]).expect(&[0, 1]);
    assert_eq!(nights(&world), [date("2026-11-04")], "a minute before its time nothing is due");
    world.tributary(&["serve", "--once"], &[MORNING]).expect(&[0, 1]);
    assert_eq!(nights(&world), [date("2026-11-04"), date(NIGHT)]);
    let before = world.fingerprint();
    world.tributary(&["serve", "--once"], &[MORNING]).expect(&[0, 1]);
    assert_eq!(nights(&world).len(), 2, "done is done");
    assert_eq!(world.fingerprint(), before);
}

#[test]
fn missed_nights_are_made_up_oldest_first_with_one_digest() {
    let world = world();
    world.night("2026-11-02").published();
    let before = world.mails().len();
    world.tributary(&["serve", "--once"], &[MORNING]).expect(&[0, 1]);
    let expected: Vec<NaiveDate> = ["2026-11-02", "2026-11-03", "2026-11-04", NIGHT].into_iter().map(date).collect();
    assert_eq!(nights(&world), expected);
    let mails = world.mails();
    let recipients = |mails: usize| mails - before;
    let run_of = |day: &str| mails.values().filter(|mail| mail.contains(day)).count();
    assert!(recipients(mails.len()) >= 1, "the newest night has its digest");
    assert!(run_of(NIGHT) >= 1);
    let commits = world.commits();
    let quiet = commits
        .iter()
        .filter(|commit| commit.logical_date.is_some_and(|day| day == date("2026-11-03") || day == date("2026-11-04")));
    for commit in quiet {
        assert!(commit.changes.owed.is_empty(), "{:?} was caught up and mails nobody", commit.logical_date);
    }
}

#[test]
fn a_night_that_has_never_run_starts_with_the_last_closed_day() {
    let world = world();
    world.tributary(&["serve", "--once"], &[MORNING]).expect(&[0, 1]);
    assert_eq!(nights(&world), [date(NIGHT)]);
}

#[cfg(unix)]
#[test]
fn a_stop_signal_ends_it_cleanly() {
    let world = world();
    let mut serving = world.command(&["serve"]).env(MORNING.0, MORNING.1).spawn().expect("the binary starts");
    let start = Instant::now();
    while nights(&world).is_empty() {
        assert!(start.elapsed() < Duration::from_mins(2), "nothing has been run");
        assert!(serving.try_wait().expect("a child").is_none(), "it left by itself");
        std::thread::sleep(Duration::from_millis(100));
    }
    let stopped = Instant::now();
    let send = |signal: &str| {
        let sent = Command::new("kill").args([signal, &serving.id().to_string()]).status().expect("kill");
        assert!(sent.success());
    };
    // Neither a reload nor a terminal that is closed ends it.
    send("-HUP");
    send("-TERM");
    let end = finish(serving).expect(&[0]);
    assert!(stopped.elapsed() < Duration::from_secs(30), "{end}");
    assert!(!end.stderr.contains("panicked"), "{end}");
    world.night_again(NIGHT).published();
    assert_eq!(nights(&world), [date(NIGHT)], "the next one finds everything in order");
}

/// Another process knows what a running `serve` keeps back: since when, which file, what to do.
#[cfg(unix)]
#[test]
fn status_tells_what_a_running_serve_keeps_back() {
    let world = world();
    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    world.write("config.toml", &format!("{config}[serve]\ntick_seconds = 1\n"));
    let job = std::fs::read_to_string(world.path("jobs/nightly.toml")).expect("the job");
    world.write("jobs/weekly.toml", &job.replace("at = ", "days = \"* * 1\"\nat = "));
    world.night_with(NIGHT, &[], &[MORNING]).published();
    let serving = world.command(&["serve"]).env(MORNING.0, MORNING.1).spawn().expect("the binary starts");
    let stop = || Command::new("kill").args(["-TERM", &serving.id().to_string()]).status().expect("kill");
    let status = || world.tributary(&["status"], &[MORNING]);
    let until = |what: &str, code: i32, holds: &dyn Fn(&str) -> bool| {
        let start = Instant::now();
        loop {
            let asked = status();
            if asked.code == Some(code) && holds(&asked.stdout) {
                return asked;
            }
            if start.elapsed() > Duration::from_mins(1) {
                stop();
                panic!("{what}: {asked}");
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    };
    let quiet = |told: &str| !told.contains("KEPT BACK");
    until("nothing yet", 0, &quiet);
    world.write("jobs/nightly.toml", "at = \"26:30\"\n");
    let told = until("a broken job", 1, &|told| told.contains("KEPT BACK"));
    assert!(told.stdout.contains("jobs/nightly.toml") && told.stdout.contains("since 2026-11-06 06:31"), "{told}");
    assert!(told.stdout.contains("tributary check"), "what to do: {told}");
    world.write("jobs/nightly.toml", &job);
    until("it is mended", 0, &quiet);
    std::fs::remove_file(world.path("jobs/weekly.toml")).expect("the job");
    let told = until("a job that is gone", 1, &|told| told.contains("KEPT BACK"));
    assert!(told.stdout.contains("put jobs/weekly.toml back"), "{told}");
    assert!(stop().success());
    finish(serving).expect(&[0]);
    assert!(quiet(&status().expect(&[0]).stdout), "who does not run keeps nothing back");
}

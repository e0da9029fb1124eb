//! An inbox that changes under us: files still being written, gone, back again, and folders that cannot be read.

use std::fs::{self, File};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tributary::state::record::Sighting;

use crate::support::company::{date, days, sales_file};
use crate::support::marts::Mart;
use crate::support::world::World;

const BEFORE: &str = "2026-11-04";
const NIGHT: &str = "2026-11-05";
const FILE: &str = "p01/sales/2026-11-03.csv";

/// A company with one night behind it.
fn world() -> World {
    let world = World::small();
    world.deliver_history(BEFORE);
    world.night(BEFORE).published();
    world
}

fn one_day(day: &str, extra: i64) -> String {
    sales_file("p01", std::iter::once(date(day)), extra)
}

/// A day of four times as many lines.
fn busy_day(day: &str) -> String {
    let text = one_day(day, 0);
    let (header, rows) = text.split_once('\n').expect("a header");
    let rows = ["", "b-", "c-", "d-"].iter().flat_map(|series| rows.lines().map(move |row| format!("{series}{row}\n")));
    std::iter::once(format!("{header}\n")).chain(rows).collect()
}

/// Rows of a partner's day in the published mart.
fn rows_of(world: &World, partner: &str, day: &str) -> usize {
    let sales: Mart = world.mart("sales_daily");
    sales.find(&[("partner_id", partner), ("business_date", day)]).len()
}

/// How a delivery stands in the newest commit that names it.
fn recorded(world: &World, key: &str) -> Sighting {
    let commits = world.commits();
    let mut sightings = commits.iter().rev().flat_map(|commit| commit.changes.sightings.iter().rev());
    sightings.find(|sighting| sighting.key == key).cloned().unwrap_or_else(|| panic!("{key} is in no commit"))
}

#[test]
fn a_file_is_taken_when_two_looks_find_it_unchanged() {
    let world = World::small();
    let settings = fs::read_to_string(world.path("config.toml")).expect("settings");
    world.write("config.toml", &format!("{settings}[intake]\nsettle_seconds = 1\nsettle_looks_max = 2\n"));
    let modified: DateTime<Utc> = "2026-11-05T22:29:59.500Z".parse().expect("an instant");
    let (still, growing) = ("p01/sales/2026-11-05.csv", "p02/sales/2026-11-05.csv");
    world.deliver_at(still, one_day(NIGHT, 0), modified);
    world.deliver_at(growing, "order_id,line_no\n", modified);

    let path = world.path("inbox").join(growing);
    let stop = AtomicBool::new(false);
    let night = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut text = String::from("order_id,line_no\n");
            while !stop.load(Ordering::Relaxed) {
                text.push_str("more,");
                fs::write(&path, &text).expect("a writable file");
                let file = File::options().write(true).open(&path).expect("the file");
                file.set_modified(modified.into()).expect("a settable modification time");
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let night = world.night(NIGHT);
        stop.store(true, Ordering::Relaxed);
        night
    });
    let night = night.expect(&[1]);
    assert!(night.stdout.contains("1 file (p02/sales/2026-11-05.csv) still being written"), "{night}");
    assert!(rows_of(&world, "p01", NIGHT) > 0, "the other one was taken: {night}");
    assert_eq!(rows_of(&world, "p02", NIGHT), 0);

    // Finished, it is taken by the next run; the file that was taken is not looked at again.
    world.deliver_at(growing, sales_file("p02", std::iter::once(date(NIGHT)), 0), modified);
    let again = world.night_again(NIGHT).published();
    assert!(again.stdout.contains("Files: 1 new"), "{again}");
    assert!(rows_of(&world, "p02", NIGHT) > 0);
}

#[test]
fn a_file_that_leaves_the_inbox_is_told_once_and_its_rows_stay() {
    let world = world();
    let rows = rows_of(&world, "p01", "2026-11-03");
    let content = fs::read(world.path("inbox").join(FILE)).expect("delivered before");
    world.withdraw(FILE);
    world.withdraw("p01/sales/2026-11-02.csv");
    world.deliver_day(date(NIGHT));
    let night = world.night(NIGHT).published();
    let told = "p01 sales: 2 files (p01/sales/2026-11-02.csv, p01/sales/2026-11-03.csv) taken in before, now gone";
    assert!(night.stdout.contains(told), "{night}");
    assert_eq!(rows_of(&world, "p01", "2026-11-03"), rows, "its data stays");
    assert!(recorded(&world, FILE).gone);

    world.deliver_day(date("2026-11-06"));
    let next = world.night("2026-11-06").published();
    assert!(!next.stdout.contains("now gone"), "it was told before: {next}");

    // Back with the same bytes at another time, it is a duplicate; that it is back is told once too.
    world.deliver(FILE, &content, date("2026-11-07"));
    world.deliver_day(date("2026-11-07"));
    let back = world.night("2026-11-07").published();
    assert!(back.stdout.contains("p01 sales: 1 file (p01/sales/2026-11-03.csv)"), "{back}");
    assert!(back.stdout.contains("now back in the inbox"), "{back}");
    assert!(back.stdout.contains("1 duplicate"), "{back}");
    assert!(!recorded(&world, FILE).gone);
    assert_eq!(rows_of(&world, "p01", "2026-11-03"), rows);

    // Back with other bytes, it is a correction.
    world.withdraw(FILE);
    world.deliver_day(date("2026-11-08"));
    world.night("2026-11-08").published();
    assert!(recorded(&world, FILE).gone);
    world.deliver(FILE, one_day("2026-11-03", 5), date("2026-11-09"));
    let corrected = world.night("2026-11-09").published();
    assert!(corrected.stdout.contains("1 corrected"), "{corrected}");
}

#[test]
fn what_left_or_came_back_does_not_make_a_committed_night_run_again() {
    let world = world();
    world.withdraw(FILE);
    let before = world.fingerprint();
    world.night_again(BEFORE).expect(&[0]);
    assert_eq!(world.fingerprint(), before, "nothing is written for it alone; the next night tells");
}

#[test]
fn a_later_file_of_overlapping_days_holds_them_and_the_report_says_so() {
    let world = world();
    let week = sales_file("p01", crate::support::company::days(date("2026-11-01"), date(NIGHT)), 2);
    world.deliver("p01/sales/2026-11-01_to_2026-11-03.csv", week.clone(), date(NIGHT));
    let short = sales_file("p01", crate::support::company::days(date("2026-11-01"), date("2026-11-03")), 2);
    world.deliver("p01/sales/2026-11-01_to_2026-11-03.csv", short, date(NIGHT));
    let night = world.night(NIGHT).published();
    for day in ["2026-11-01", "2026-11-02", "2026-11-03"] {
        let said = format!("holds {day} instead of p01/sales/{day}.csv");
        assert!(night.stdout.contains(&said), "{said}: {night}");
    }
    // A day inside it, sent later still, takes only that day.
    world.deliver("p01/sales/2026-11-02.v3.csv", one_day("2026-11-02", 7), date("2026-11-06"));
    let night = world.night("2026-11-06").published();
    let said = "holds 2026-11-02 instead of p01/sales/2026-11-01_to_2026-11-03.csv";
    assert!(night.stdout.contains(said), "{night}");
    // A file that comes after a newer one changes nothing and is called older.
    world.deliver_at(
        "p01/sales/2026-11-02.v2.csv",
        one_day("2026-11-02", 4),
        "2026-11-05T10:00:00Z".parse().expect("an instant"),
    );
    let night = world.night("2026-11-07").published();
    assert!(night.stdout.contains("1 older"), "{night}");
}

#[test]
fn a_late_file_is_called_late() {
    let world = world();
    // Due at 06:15 on the 6th in Shanghai, 22:15 UTC on the 5th; it came at 20:00 UTC on the 6th.
    world.deliver("p01/sales/2026-11-05.csv", one_day(NIGHT, 0), date("2026-11-06"));
    let night = world.night("2026-11-06").published();
    assert!(night.stdout.contains("late: came 22.0 hours after its deadline"), "{night}");
}

#[test]
fn the_run_says_which_marts_a_missing_file_reduces() {
    let world = world();
    world.deliver_day(date(NIGHT));
    world.withdraw("p02/sales/2026-11-05.csv");
    let night = world.night(NIGHT).expect(&[1]);
    assert!(night.stdout.contains("Reduced marts, and why"), "{night}");
    assert!(night.stdout.contains("sales: p02 has not delivered 2026-11-05"), "{night}");
    assert!(night.stdout.contains("partner_totals, sales_daily"), "{night}");
}

#[test]
fn a_file_cut_off_is_told_by_its_own_history() {
    let world = World::new(&["deliveries"]);
    world.deliver_history("2026-11-29");
    for day in days(date("2026-11-01"), date("2026-11-29")) {
        world.deliver(&format!("p01/sales/{day}.csv"), busy_day(&day.to_string()), day);
    }
    world.night("2026-11-29").expect(&[0]);
    // Monday the 30th, of whose Mondays four are known from November: one line of about twenty-four. One of six, as the
    // other partner has them, could be chance.
    let day = busy_day("2026-11-30");
    let cut: Vec<&str> = day.lines().take(2).collect();
    world.deliver("p01/sales/2026-11-30.csv", cut.join("\n") + "\n", date("2026-11-30"));
    world.deliver(
        "p02/sales/2026-11-30.csv",
        sales_file("p02", std::iter::once(date("2026-11-30")), 0),
        date("2026-11-30"),
    );
    let night = world.night("2026-11-30").expect(&[1]);
    assert!(night.stdout.contains("p01 delivered 1 sales rows for 2026-11-30, 4 %"), "{night}");
    assert!(!night.stdout.contains("p02 delivered"), "{night}");
}

#[test]
fn a_run_before_the_deadline_awaits_and_a_run_after_it_misses() {
    let world = world();
    let early = world.night_with(NIGHT, &[], &[("TRIBUTARY_NOW", "2026-11-05T22:00:00Z")]).expect(&[0]);
    assert!(early.stdout.contains("p01's file of 2026-11-05 is not due yet"), "{early}");
    // Nothing came, but the deadline has passed: the night is told anew.
    let later = world.night(NIGHT).expect(&[1]);
    assert!(later.stdout.contains("p01 has not delivered 2026-11-05"), "{later}");
    let before = world.fingerprint();
    world.night_again(NIGHT).expect(&[0]);
    assert_eq!(world.fingerprint(), before, "judged at the job's due time, a later run says the same");
}

#[test]
fn a_folder_that_cannot_be_listed_is_an_alert_and_the_rest_goes_on() {
    let world = World::new(&["sales_daily"]);
    world.deliver_history(BEFORE);
    world.night(BEFORE).published();
    world.deliver_day(date(NIGHT));
    // A file stands where the sender's folder should be.
    let (folder, aside) = (world.path("inbox/p02/sales"), world.path("inbox/p02-sales-aside"));
    fs::rename(&folder, &aside).expect("the folder");
    fs::write(&folder, "").expect("a file");
    let night = world.night_with(NIGHT, &["--output", "json"], &[]).expect(&[1]);
    let report = night.json();
    let alerts = report["alerts"].as_array().expect("alerts");
    let found =
        alerts.iter().find(|alert| alert["rule"] == "unlisted_inbox").unwrap_or_else(|| panic!("no alert: {night}"));
    assert_eq!(found["labels"]["sender"], "p02");
    assert_eq!(found["severity"], "critical");
    let missing = alerts.iter().find(|alert| alert["rule"] == "missing_file" && alert["labels"]["sender"] == "p02");
    assert_eq!(missing.expect("its file is missing")["muted"], "inhibited by unlisted_inbox");
    assert!(rows_of(&world, "p01", NIGHT) > 0, "the others go on");

    fs::remove_file(&folder).expect("the file");
    fs::rename(&aside, &folder).expect("the folder");
    let healed =
        world.night_with(NIGHT, &["--output", "json"], &[("TRIBUTARY_NOW", "2026-11-05T23:30:00Z")]).published();
    let alerts = healed.json()["alerts"].as_array().expect("alerts").clone();
    let standing = alerts.iter().filter(|alert| alert["rule"] == "unlisted_inbox" && alert["phase"] != "resolved");
    assert_eq!(standing.count(), 0, "{healed}");
    assert!(rows_of(&world, "p02", NIGHT) > 0, "what lay there is taken");
}

#[test]
fn holidays_of_the_calendar_feed_move_deadlines() {
    let world = World::new(&["deliveries"]);
    let mapping = fs::read_to_string(world.path("jobs/senders/p01.toml")).expect("a mapping");
    world.write("jobs/senders/p01.toml", &mapping.replace("days = \"all\"", "days = \"workdays\""));
    let head_office = fs::read_to_string(world.path("jobs/senders/hq.toml")).expect("a mapping");
    world.write("jobs/senders/hq.toml", &format!("{head_office}[feeds.calendar]\n"));
    world.deliver_history("2026-11-01");
    // Thursday the 5th is made a holiday, and Saturday the 7th is worked for it.
    let calendar = "date,region,kind,name,is_workday\n\
                    2026-11-05,,holiday,厂庆,false\n2026-11-07,,workday_moved,调休,true\n2026-11-06,北方,holiday,北方节,false\n";
    world.deliver("hq/calendar/2026-11-01.csv", calendar, date("2026-11-01"));
    world.night("2026-11-08").expect(&[1]);
    let deliveries = world.mart("deliveries");
    let at = deliveries.column("business_date");
    let mut missing: Vec<String> = deliveries
        .find(&[("sender", "p01"), ("feed", "sales"), ("status", "missing")])
        .iter()
        .map(|row| row[at].clone())
        .collect();
    missing.sort();
    assert_eq!(missing, ["2026-11-02", "2026-11-03", "2026-11-04", "2026-11-06", "2026-11-07"]);
}

/// What is being transferred, locks and what systems leave behind is nobody's delivery and no news; a name that a company
/// calls its own way is left alone, too.
#[test]
fn temporary_names_are_left_alone() {
    let world = world();
    let settings = fs::read_to_string(world.path("config.toml")).expect("settings");
    world.write(
        "config.toml",
        &format!("{settings}[intake]\nignored_names = [\"*.PART\", \"~$*\", \"thumbs.db\", \".*\", \"old\"]\n"),
    );
    for key in [
        "p01/sales/2026-11-05.csv.part",
        "p01/sales/~$2026-11-05.xlsx",
        "p01/sales/Thumbs.db",
        "p01/sales/.2026-11-05.csv",
        "p01/sales/old/2026-11-05.csv",
        "p01/.cache/sales/2026-11-05.csv",
    ] {
        world.deliver(key, one_day(NIGHT, 0), date(NIGHT));
    }
    world.deliver("p02/sales/2026-11-05.csv", sales_file("p02", std::iter::once(date(NIGHT)), 0), date(NIGHT));
    let night = world.night(NIGHT).published();
    assert!(night.stdout.contains("files in               1"), "{night}");
    for name in ["csv.part", "~$", "Thumbs", "/.2026", "/old/", ".cache"] {
        assert!(!night.stdout.contains(name), "{name} is no news: {night}");
    }
    assert_eq!(rows_of(&world, "p01", NIGHT), 0);
}

/// A pipe, or a folder where a file is expected, is told once and stops nothing.
#[cfg(unix)]
#[test]
fn odd_objects_are_told_once() {
    let world = world();
    let folder = world.path("inbox/p01/sales");
    let made = std::process::Command::new("mkfifo").arg(folder.join("2026-11-09.csv")).status().expect("mkfifo");
    assert!(made.success());
    fs::create_dir(folder.join("2026-11-08.csv")).expect("a folder");
    world.deliver_day(date(NIGHT));
    let night = world.night(NIGHT).expect(&[1]);
    for said in [
        "p01/sales/2026-11-09.csv of sender p01 is no file but a pipe, a socket or a device",
        "p01/sales/2026-11-08.csv of sender p01 is a folder named like a file",
    ] {
        assert_eq!(night.stdout.matches(said).count(), 1, "{said}: {night}");
    }
    assert!(rows_of(&world, "p01", NIGHT) > 0, "the rest is taken in");
    world.deliver_day(date("2026-11-06"));
    let next = world.night("2026-11-06").published();
    assert!(!next.stdout.contains("2026-11-09.csv") && !next.stdout.contains("2026-11-08.csv"), "told once: {next}");
}

//! A night that is killed anywhere hurts nobody: what was published stays whole, and the next run ends
//! where an undisturbed one ends.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::support::company::date;
use crate::support::world::World;

const BEFORE: &str = "2026-11-04";
const NIGHT: &str = "2026-11-05";
/// The points of the path, in order. A point that no run reaches fails the test that names it.
const POINTS: &[&str] =
    &["discover", "fetch", "stage", "validate", "transform", "alert", "commit", "publish", "deliver"];

type Hashes = BTreeMap<String, String>;

/// A company with one night behind it and a second one delivered: four new files, one correction, one duplicate.
fn second_night() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let world = World::small();
        world.deliver_history(BEFORE);
        world.night(BEFORE).published();
        world.deliver_day(date(NIGHT));
        let corrected = crate::support::company::sales_file("p01", std::iter::once(date("2026-11-02")), 4);
        world.deliver("p01/sales/2026-11-02.v2.csv", corrected, date(NIGHT));
        let copy = std::fs::read(world.path("inbox/p02/sales/2026-11-03.csv")).expect("delivered before");
        world.deliver("p02/sales/2026-11-03 (copy).csv", copy, date(NIGHT));
        world
    })
}

/// Marts before the second night, and after an undisturbed one.
fn undisturbed() -> &'static (Hashes, Hashes, usize) {
    static HASHES: OnceLock<(Hashes, Hashes, usize)> = OnceLock::new();
    HASHES.get_or_init(|| {
        let world = second_night().fork();
        let before = world.hashes();
        world.night(NIGHT).published();
        let after = world.hashes();
        assert_ne!(before, after, "the second night changes the marts");
        (before, after, world.mails().len())
    })
}

/// Runs the killed night's successor and compares with the undisturbed night.
fn recovers(world: &World, what: &str) {
    let (before, after, mails) = undisturbed();
    // duckdb.sql is the one flip: whatever it names is there.
    world.published_files();
    for (name, mart) in world.marts() {
        let hash = mart.hash();
        let known = name == "runs" || [before, after].iter().any(|hashes| hashes.get(&name) == Some(&hash));
        assert!(known, "{what}: {name} is neither the old nor the new one");
    }
    let again = world.night_again(NIGHT);
    assert!(matches!(again.code, Some(0 | 1)), "{what}: the run after it, {again}");
    assert_eq!(&world.hashes(), after, "{what}: rows differ from an undisturbed night");
    assert_eq!(world.mails().len(), *mails, "{what}: every mail once");
    let commits = world.commits();
    let of_night = commits.iter().filter(|commit| {
        commit.logical_date == Some(date(NIGHT)) && commit.kind == tributary::state::record::CommitKind::Run
    });
    assert_eq!(of_night.count(), 1, "{what}: the night is committed once");
    for (at, commit) in commits.iter().enumerate() {
        assert_eq!(commit.number, at as u64 + 1, "{what}: the chain has no gap");
    }
}

#[test]
fn killed_at_every_stage_boundary_the_next_run_converges() {
    for point in POINTS {
        let world = second_night().fork();
        let night = world.night_with(NIGHT, &[], &[("TRIBUTARY_KILL_AT", point)]);
        assert!(night.killed(), "{point} is never reached: {night}");
        recovers(&world, point);
    }
}

#[test]
fn killed_at_every_write_the_next_run_converges() {
    let mut write = 1;
    loop {
        let world = second_night().fork();
        let night = world.night_with(NIGHT, &[], &[("TRIBUTARY_KILL_AT_WRITE", &write.to_string())]);
        if !night.killed() {
            night.published();
            break;
        }
        recovers(&world, &format!("write {write}"));
        write += 1;
        assert!(write < 500, "the night never ends");
    }
    assert!(write > 10, "only {} writes were met: is the count wired up?", write - 1);
}

#[test]
fn killed_again_and_again_the_night_still_ends() {
    let world = second_night().fork();
    for (at, point) in POINTS.iter().enumerate().take(7) {
        let now = format!("{NIGHT}T22:{:02}:00Z", 31 + at * 3);
        let night = world.night_with(NIGHT, &[], &[("TRIBUTARY_KILL_AT", point), ("TRIBUTARY_NOW", &now)]);
        assert!(night.killed(), "{point} is never reached: {night}");
    }
    recovers(&world, "after seven kills");
}

#[test]
fn the_very_first_night_killed_at_every_boundary_converges() {
    let fresh = World::small();
    fresh.deliver_history(BEFORE);
    let whole = fresh.fork();
    whole.night(BEFORE).published();
    let expected = whole.hashes();
    for point in POINTS {
        let world = fresh.fork();
        let night = world.night_with(BEFORE, &[], &[("TRIBUTARY_KILL_AT", point)]);
        assert!(night.killed(), "{point} is never reached: {night}");
        world.published_files();
        world.night_again(BEFORE).published();
        assert_eq!(world.hashes(), expected, "{point}");
    }
}

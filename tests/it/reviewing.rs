//! The month's review: beside the nightly mail of the night that closes a month, once, and later where that night was missed.

use crate::support::world::{PROJECT, World, copy_tree};

/// The small company with a review of what its partners sold; each sale has its manager's address.
fn world() -> World {
    let world = World::small();
    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    world.write("config.toml", &config.replace(&format!("{PROJECT}/fixtures/small/sql"), "sql"));
    copy_tree(&std::path::Path::new(PROJECT).join("fixtures/small/sql"), &world.path("sql"));
    world.write(
        "sql/intermediate/review_sales.sql",
        "-- What the partners sold so far, as if it were the month's.\n\
         select 'partner' as entity_type, partner_id as entity_id, partner_id as name, net_sales, 'hq@test.example' as partner_manager\n\
         from partner_totals\n",
    );
    world.write(
        "sql/intermediate/review_sales.toml",
        "grain = \"partner\"\nkey = [\"entity_id\"]\nmaterialised = \"view\"\n\n[description]\nen = \"For the review\"\nzh = \"回顾用\"\n",
    );
    world.deliver_history("2026-10-31");
    world
}

/// Reviews that lie in the mail folder.
fn reviews(world: &World) -> usize {
    world.mails().values().filter(|text| text.contains("X-Tributary-Status: review")).count()
}

fn reviewed(world: &World) -> Vec<Option<String>> {
    world.commits().into_iter().filter_map(|commit| commit.changes.run).map(|run| run.reviewed).collect()
}

#[test]
fn the_night_that_closes_a_month_brings_its_review_once() {
    let world = world();
    world.night("2026-10-30").published();
    assert_eq!(reviews(&world), 0, "October is not over");
    world.night("2026-10-31").published();
    assert_eq!(reviews(&world), 1);
    assert_eq!(reviewed(&world), [None, Some("2026-10".to_string())]);
    let nightly = world.mails().values().filter(|text| !text.contains("X-Tributary-Status: review")).count();
    assert_eq!(nightly, 4, "two people get the nightly mails of both nights as ever");
    let shown = world.tributary(&["mail", "preview", "hq@test.example"], &[]).expect(&[0]);
    assert!(shown.stdout.contains("[月报] 10月净销售额"), "{shown}");
    world.night_again("2026-10-31").published();
    world.deliver_day("2026-11-01".parse().expect("a date"));
    world.night("2026-11-01").published();
    assert_eq!(reviews(&world), 1, "and once");
}

#[test]
fn a_night_that_was_missed_leaves_it_to_the_next() {
    let world = world();
    world.night("2026-10-30").published();
    for day in ["2026-11-01", "2026-11-02"] {
        world.deliver_day(day.parse().expect("a date"));
    }
    world.night("2026-11-02").published();
    assert_eq!(reviews(&world), 1);
    assert_eq!(reviewed(&world), [None, Some("2026-10".to_string())]);
}

#[test]
fn a_company_without_wishes_for_it_gets_none() {
    let world = world();
    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    world.write("config.toml", &config.replace("[mail]\n", "[mail]\nmonthly_review = false\n"));
    world.night("2026-10-30").published();
    world.night("2026-10-31").published();
    assert_eq!(reviews(&world), 0);
}

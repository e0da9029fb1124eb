//! A fault in one model stops nobody else: it is left out with what reads it, its readers keep what they had, and head
//! office is told file and line. A night that cannot begin at all is on record and mailed.

use std::collections::BTreeMap;
use std::path::Path;

use tributary::mail::parts;
use tributary::state::record::CommitKind;

use crate::support::company::date;
use crate::support::world::{PROJECT, World, copy_tree};

const SQL: &str = "select partner_id, cast(sum(quantity) as bigint) as units\nfrom buyer_lines\ngroup by 1\n";
const SIDECAR: &str = "grain = \"partner\"\nkey = [\"partner_id\"]\nmaterialised = \"table\"\n\
     [description]\nen = \"Buyers\"\nzh = \"买家\"\n\
     [[columns]]\nname = \"partner_id\"\ntype = \"text\"\nen = \"Partner\"\nzh = \"伙伴\"\n\
     [[columns]]\nname = \"units\"\ntype = \"bigint\"\nadditive = true\nen = \"Units\"\nzh = \"数量\"\n";
const LINES: &str = "select business_date, partner_id, quantity from feeds.sales\n";

/// The small company with a mart of its own over a step of its own.
fn world() -> World {
    let world = World::small();
    copy_tree(&Path::new(PROJECT).join("fixtures/small/sql"), &world.path("sql"));
    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    let config = config.replace(&format!("{PROJECT}/fixtures/small/sql"), "sql");
    let config = config.replace("[company]\n", "[company]\nlocale = \"en\"\n");
    world.write("config.toml", &format!("{config}[aside]\ntrials_max = 6\n"));
    world.write("sql/intermediate/buyer_lines.sql", LINES);
    world.write("sql/intermediate/buyer_lines.toml", "key = [\"partner_id\"]\nmaterialised = \"view\"\n");
    world.write("sql/marts/buyers.sql", SQL);
    world.write("sql/marts/buyers.toml", SIDECAR);
    world.deliver_history("2026-11-04");
    world.night("2026-11-04").published();
    world
}

/// The texts of all mails but those `before`.
fn mailed_since(world: &World, before: &BTreeMap<String, String>) -> String {
    let mails = world.mails();
    let new = mails.iter().filter(|(name, _)| !before.contains_key(*name));
    new.map(|(_, mail)| parts::open(mail.as_bytes()).expect("a mail").text).collect()
}

#[test]
fn a_model_with_a_fault_is_left_out_with_its_readers_and_the_rest_is_published() {
    let world = world();
    let before = world.mart("buyers").rows;
    for (day, file, broken, said) in [
        // The mart's own sidecar, the step that it reads, and a fault that only planning finds.
        ("2026-11-05", "sql/marts/buyers.toml", "grain = 7\n", "buyers is left out: sql/marts/buyers.toml: "),
        ("2026-11-06", "sql/intermediate/buyer_lines.sql", "selekt 1\n", "buyer_lines is left out: "),
        (
            "2026-11-07",
            "sql/intermediate/buyer_lines.sql",
            "select nope as partner_id\nfrom feeds.sales\n",
            ".sql:1:8: ",
        ),
        // Fails on whatever it reads: no delivery is to blame.
        (
            "2026-11-08",
            "sql/marts/buyers.sql",
            "select partner_id, cast(arrow_cast(partner_id, 'Int64') as bigint) as units\nfrom buyer_lines\ngroup by 1\n",
            "buyers is left out: sql/marts/buyers.sql: ",
        ),
    ] {
        let good = std::fs::read_to_string(world.path(file)).expect("the model");
        world.write(file, broken);
        world.deliver_day(date(day));
        let mails = world.mails();
        let night = world.night(day).expect(&[1]);
        assert!(night.stdout.contains(said), "{said}: {night}");
        assert!(night.stdout.contains("not built: buyers"), "{night}");
        let daily = world.mart("sales_daily");
        assert!(!daily.find(&[("business_date", day)]).is_empty(), "{day}: everything else is published");
        assert_eq!(world.mart("buyers").rows, before, "{day}: readers keep what was published last");
        assert!(world.published_files().iter().any(|key| key.contains("buyers")), "duckdb.sql still shows it");
        let mail = mailed_since(&world, &mails);
        for words in ["is left out", file, "Not built: buyers", "tributary check"] {
            assert!(mail.contains(words), "{words}: {mail}");
        }
        assert!(world.commits().last().expect("a commit").changes.set_aside.is_empty(), "nobody's rows are blamed");
        let found = world.tributary(&["check"], &[]).expect(&[64]);
        assert_eq!(
            found.stderr.contains(file),
            day != "2026-11-08",
            "all but what needs rows is found before: {found}"
        );
        let asked = world.tributary(&["query", "select count(*) as days from sales_daily"], &[]);
        assert_eq!(asked.code, Some(0), "{asked}");
        if day == "2026-11-05" {
            let asked = world.tributary(&["query", "select * from buyers"], &[]).expect(&[64]);
            assert!(asked.stderr.contains("`buyers` is left out"), "{asked}");
        }
        world.write(file, &good);
    }
    world.deliver_day(date("2026-11-09"));
    let mended = world.night("2026-11-09").published();
    assert!(!mended.stdout.contains("left out"), "{mended}");
    assert_ne!(world.mart("buyers").rows, before, "mended, it is built again");
}

/// An alert whose table has a slip is asked no more, its findings stand, and no mail waits for it.
#[test]
fn an_alert_with_a_fault_is_left_out_and_everybody_else_is_told() {
    let world = world();
    let file = "sql/alerts/big_seller.toml";
    let good = std::fs::read_to_string(world.path(file)).expect("the alert");
    world.write(file, &good.replace("severity = \"info\"", "severity = \"medium\""));
    world.deliver_day(date("2026-11-05"));
    let mails = world.mails();
    let night = world.night("2026-11-05").expect(&[1]);
    assert!(night.stdout.contains("big_seller is left out: sql/alerts/big_seller.toml"), "{night}");
    assert!(night.stdout.contains("\"medium\""), "what is found and what is expected: {night}");
    assert!(mailed_since(&world, &mails).contains("big_seller is left out"));
}

/// Where no mart is left there is no night: it fails, and says of what.
#[test]
fn a_fault_below_every_mart_fails_the_night_and_is_on_record() {
    let world = world();
    world.write("sql/staging/stg_sales.sql", "select nope from feeds.sales\n");
    world.write(
        "jobs/nightly.toml",
        "description = \"x\"\nat = \"06:30\"\nmarts = [\"sales_daily\", \"partner_totals\"]\n",
    );
    world.deliver_day(date("2026-11-05"));
    let failed = world.night("2026-11-05").expect(&[3]);
    assert!(failed.stdout.contains("sql/staging/stg_sales.sql"), "{failed}");
    assert_eq!(world.commits().last().map(|commit| commit.kind), Some(CommitKind::Failed));
}

/// What cron prints nobody reads: a job whose file cannot be read is a failed run, mailed. A slip on the command line is not.
#[test]
fn a_night_that_cannot_begin_is_on_record_and_mailed() {
    let world = world();
    let commits = world.commits().len();
    world.tributary(&["run", "nihgtly"], &[]).expect(&[64]);
    assert_eq!(world.commits().len(), commits, "no job of that name ever ran");
    let mails = world.mails();
    let (job, contract) = ("jobs/nightly.toml", "jobs/feeds/sales.toml");
    for (day, file) in [("2026-11-05", job), ("2026-11-06", contract)] {
        let good = std::fs::read_to_string(world.path(file)).expect("the file");
        world.write(file, "at = [\n");
        let night = world.night(day).expect(&[64]);
        assert!(night.stderr.contains(file), "{night}");
        let last = world.commits().pop().expect("a commit");
        assert_eq!((last.kind, last.logical_date), (CommitKind::Failed, Some(date(day))), "{file}");
        assert!(last.changes.run.and_then(|run| run.error).is_some_and(|error| error.contains(file)), "{file}");
        world.write(file, &good);
    }
    assert!(mailed_since(&world, &mails).contains(job));
    world.deliver_day(date("2026-11-07"));
    world.night("2026-11-07").published();
}

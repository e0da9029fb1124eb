//! What readers open after a night, and the ways in which a night could show them something untrue.

use std::fs;

use crate::support::company::date;
use crate::support::world::World;

const BEFORE: &str = "2026-11-04";
const NIGHT: &str = "2026-11-05";

fn world() -> World {
    let world = World::small();
    world.deliver_history(BEFORE);
    world.night(BEFORE).published();
    world
}

fn latest(world: &World) -> Vec<String> {
    let keys = world.mart_files().into_keys().filter(|key| key.starts_with("latest/") && key.ends_with(".parquet"));
    keys.collect()
}

fn set(world: &World, section: &str, line: &str) {
    let config = fs::read_to_string(world.path("config.toml")).expect("settings");
    let header = format!("[{section}]\n");
    let whole = if config.contains(&header) {
        config.replace(&header, &format!("{header}{line}\n"))
    } else {
        format!("{config}{header}{line}\n")
    };
    world.write("config.toml", &whole);
}

/// One file while it is small enough, else folders whose names are no column of anything; whatever lay there goes.
#[test]
fn latest_is_one_file_or_plain_folders_and_nothing_old_beside_it() {
    let world = world();
    assert_eq!(
        latest(&world),
        ["latest/files.parquet", "latest/partner_totals.parquet", "latest/sales_daily.parquet"],
        "three months together are small"
    );
    let whole = world.mart("sales_daily");
    // What an older version left, and what is not ours.
    let old = "marts/latest/sales_daily/business_date=2026-10/part.parquet";
    world.write(old, "not even Parquet");
    world.write("marts/latest/mine/2026-10/part.parquet", "somebody else's");
    set(&world, "publish", "latest_single_file_bytes = 0");
    world.deliver_day(date(NIGHT));
    world.night(NIGHT).published();
    let mut folders = latest(&world);
    folders.retain(|key| key.contains("sales_daily"));
    let months = ["2026-09", "2026-10", "2026-11"];
    assert_eq!(folders, months.map(|month| format!("latest/sales_daily/{month}/part.parquet")));
    assert!(!world.path("marts/latest/sales_daily/business_date=2026-10").exists(), "its folder is gone, too");
    assert!(world.path("marts/latest/mine/2026-10/part.parquet").exists());
    fs::remove_dir_all(world.path("marts/latest/mine")).expect("ours now");
    let parts = world.mart("sales_daily");
    assert_eq!(parts.columns, whole.columns);
    assert!(parts.rows.len() > whole.rows.len() && whole.rows.iter().all(|row| parts.rows.contains(row)));
    assert_eq!(parts.notes.get("column:units"), whole.notes.get("column:units"), "one file says what its parts say");
}

/// A reader who writes into `latest/` changes nothing that a commit names.
#[cfg(unix)]
#[test]
fn latest_holds_real_copies_and_files_are_for_those_they_are_meant_for() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let world = world();
    let mode = |path: &str| fs::metadata(world.path(path)).expect(path).permissions().mode() & 0o7777;
    let stable = world.path("marts/latest/partner_totals.parquet");
    assert_eq!(fs::metadata(&stable).expect("there").nlink(), 1, "no link to the file of the night");
    for file in world.published_files() {
        let meta = fs::metadata(&file).expect("named by duckdb.sql");
        assert_eq!((meta.nlink(), meta.permissions().mode() & 0o7777), (1, 0o444), "{file}");
    }
    assert_eq!(mode("marts/latest/partner_totals.parquet"), 0o444);
    assert_eq!((mode("marts/latest"), mode("lake/state/commits"), mode("lake/staged/sales")), (0o750, 0o750, 0o750));
    assert_eq!(mode("lake/state/commits/000001.json"), 0o640);
    let staged =
        world.commits()[0].changes.inputs.iter().find_map(|input| input.staged.clone()).expect("a staged file");
    assert_eq!(mode(&format!("lake/{}", staged.key)), 0o640);
    for mail in world.mails().keys() {
        assert_eq!(mode(&format!("mail/{mail}")), 0o640, "{mail}");
    }
}

/// All views change in one transaction, and a mart that is no longer published is no longer shown.
#[test]
fn the_views_flip_as_one_and_views_of_gone_marts_are_dropped() {
    let world = world();
    let sql = |world: &World| String::from_utf8_lossy(&world.mart_files()["duckdb.sql"]).into_owned();
    let statements: Vec<String> = sql(&world).lines().filter(|line| !line.is_empty()).map(str::to_string).collect();
    assert_eq!(statements[1], "begin transaction;");
    assert_eq!(statements.last().map(String::as_str), Some("commit;"));
    assert!(!sql(&world).contains("drop view"));
    // The view that says which night this is, and the two other scripts: of files below their folder, and in Chinese alone.
    let run = world.commits()[0].changes.run.clone().expect("a run");
    let said =
        format!("create or replace view published as select\n    '{}' as run_id,\n    'nightly' as job,\n", run.run_id);
    assert!(sql(&world).contains(&format!("{said}    date '{BEFORE}' as as_of_date,")), "{}", sql(&world));
    let files = world.mart_files();
    let script = |name: &str| String::from_utf8_lossy(&files[name]).into_owned();
    let here = world.path("marts").display().to_string();
    let relative = script("duckdb.relative.sql");
    assert_eq!(relative.matches("    'sales_daily/2026-").count(), 3, "{relative}");
    assert!(
        !relative.contains(&here)
            && sql(&world).replace(&format!("{here}/"), "").ends_with(&relative[relative.find("begin").unwrap_or(0)..])
    );
    let chinese = script("duckdb.zh.sql");
    assert!(chinese.contains("comment on column published.as_of_date is '数据截止日';"), "{chinese}");
    let words: Vec<&str> = chinese.lines().filter(|line| line.starts_with("comment on")).collect();
    assert!(words.len() > 20 && words.iter().all(|line| !line.contains(" · ")), "{words:?}");
    // The mart goes: its model is removed, and so are its partitions with the next full refresh.
    let models = world.path("sql");
    crate::support::world::copy_tree(
        &std::path::Path::new(crate::support::world::PROJECT).join("fixtures/small/sql"),
        &models,
    );
    fs::remove_file(models.join("marts/files.sql")).expect("the model");
    fs::remove_file(models.join("marts/files.toml")).expect("its sidecar");
    let config = fs::read_to_string(world.path("config.toml")).expect("settings");
    let own = format!("sql = \"{}/fixtures/small/sql\"", crate::support::world::PROJECT);
    world.write("config.toml", &config.replace(&own, "sql = \"sql\""));
    for day in [NIGHT, "2026-11-06"] {
        world.deliver_day(date(day));
        world.night(day).published();
        assert!(sql(&world).contains("drop view if exists files;\n"), "said every night: readers may skip one");
        assert!(!sql(&world).contains("view files as"));
        assert!(!world.path("marts/latest/files.parquet").exists());
    }
}

#[test]
fn a_clock_that_is_ahead_is_refused_told_and_can_be_taken_back() {
    let world = world();
    let ahead = [("TRIBUTARY_NOW", "2026-12-16T22:30:00Z")];
    let before = world.hashes();
    let run = world.tributary(&["run", "nightly"], &ahead).expect(&[3]);
    assert!(run.stdout.contains("the clock may be ahead") && run.stdout.contains("--trust-clock"), "{run}");
    assert_eq!(world.hashes(), before);
    assert!(world.mails().values().any(|mail| mail.contains("X-Tributary-Status: failed")), "head office is told");

    // The operator insists, and was wrong: from now on nothing is well.
    world.tributary(&["run", "nightly", "--trust-clock"], &ahead).published();
    world.deliver_day(date(NIGHT));
    let night = world.night(NIGHT).expect(&[3]);
    assert!(night.stdout.contains("--take-back"), "{night}");
    let status =
        world.tributary(&["status", "--max-age", "26h"], &[("TRIBUTARY_NOW", "2026-11-05T23:00:00Z")]).expect(&[3]);
    assert!(status.stdout.contains("as of 2026-12-16") && status.stdout.contains("in the future"), "{status}");
    assert!(status.stdout.contains("CLOCK"), "{status}");

    world.night_with(NIGHT, &["--take-back"], &[]).published();
    let totals = world.mart("partner_totals");
    assert!(totals.values("as_of_date").iter().all(|day| *day == NIGHT), "{totals:?}");
    let honest = World::small();
    honest.deliver_history(NIGHT);
    honest.night(NIGHT).published();
    let same = |world: &World| {
        let mut hashes = world.hashes();
        hashes.retain(|mart, _| mart != "files");
        hashes
    };
    assert_eq!(same(&world), same(&honest), "as if the false night had never been");
    let status = world.tributary(&["status", "--max-age", "26h"], &[("TRIBUTARY_NOW", "2026-11-05T23:00:00Z")]);
    assert!(status.stdout.contains("as of 2026-11-05"), "{status}");
    world.deliver_day(date("2026-11-06"));
    world.night("2026-11-06").published();
    assert!(world.mart("partner_totals").values("as_of_date").iter().all(|day| *day == "2026-11-06"));
}

#[test]
fn a_lake_that_is_away_or_another_one_publishes_nothing() {
    let world = world();
    let before = world.hashes();
    // The inbox keeps only what is new.
    fs::remove_dir_all(world.path("inbox/p01/sales")).expect("the folder");
    world.deliver_day(date(NIGHT));
    fs::rename(world.path("lake"), world.path("lake.away")).expect("unmounted");
    for _ in 0..2 {
        let night = world.night(NIGHT).expect(&[3]);
        assert!(night.stderr.contains("is not in this lake") && night.stderr.contains("--new-lake"), "{night}");
        world.tributary(&["status"], &[("TRIBUTARY_NOW", "2026-11-05T23:00:00Z")]).expect(&[3]);
    }
    assert_eq!(world.hashes(), before, "the good marts stay");
    // Another company's lake, by a slip of the hand.
    let other = World::small();
    other.deliver_history("2026-11-03");
    other.night("2026-11-03").published();
    fs::remove_dir_all(world.path("lake")).expect("an empty mount point");
    crate::support::world::copy_tree(&other.path("lake"), &world.path("lake"));
    let night = world.night(NIGHT).expect(&[3]);
    assert!(night.stderr.contains("is another one in this lake"), "{night}");

    fs::remove_dir_all(world.path("lake")).expect("not ours");
    fs::rename(world.path("lake.away"), world.path("lake")).expect("mounted again");
    world.night(NIGHT).published();
    assert!(world.mart("sales_daily").find(&[("partner_id", "p01"), ("business_date", BEFORE)]).len() > 1);
    // Told so, a new lake may fill the marts.
    fs::rename(world.path("lake"), world.path("lake.old")).expect("given up");
    world.night_with(NIGHT, &["--new-lake"], &[]).published();
    world.night_again(NIGHT).expect(&[0, 1]);
}

/// The commit is there, only `latest/` is not: the night counts, an exit code of its own says so, the next start heals.
#[test]
fn a_failure_after_the_commit_is_no_failed_night() {
    let world = world();
    world.deliver_day(date(NIGHT));
    let blocked = world.path("marts/latest/partner_totals.parquet");
    fs::remove_file(&blocked).expect("the file");
    fs::create_dir_all(blocked.join("in the way")).expect("a folder");
    let night = world.night(NIGHT).expect(&[5]);
    assert!(night.stdout.contains("Published, but readers are behind"), "{night}");
    assert!(!night.stdout.contains("FAILED"), "{night}");
    let now = [("TRIBUTARY_NOW", "2026-11-05T23:00:00Z")];
    let status = world.tributary(&["status"], &now).expect(&[5]);
    assert!(status.stdout.contains("READERS BEHIND"), "{status}");
    let kinds: Vec<String> = world.commits().iter().map(|commit| format!("{:?}", commit.kind)).collect();
    assert_eq!(kinds, ["Run", "Run"]);
    world.night_again(NIGHT).expect(&[5]);
    fs::remove_dir_all(&blocked).expect("out of the way");
    world.night_again(NIGHT).expect(&[0]);
    assert!(world.mart("partner_totals").values("as_of_date").iter().all(|day| *day == NIGHT));
    world.tributary(&["status"], &now).expect(&[0]);
}

#[test]
fn verify_finds_damage_and_falls_back_from_a_damaged_newest_commit() {
    let world = world();
    let before = world.hashes();
    world.deliver_day(date(NIGHT));
    world.night(NIGHT).published();
    let after = world.hashes();
    let now = [("TRIBUTARY_NOW", "2026-11-05T23:00:00Z")];
    world.tributary(&["verify"], &now).expect(&[0]);
    let head = world.path("lake/state/commits/000002.json");
    let text = fs::read_to_string(&head).expect("the commit");
    fs::write(&head, text.replacen("\"rows_clean\":", "\"rows_clean\":1", 1)).expect("one digit more");
    let night = world.night_again(NIGHT).expect(&[3]);
    assert!(format!("{}{}", night.stdout, night.stderr).contains("verify --repair"), "{night}");
    let found = world.tributary(&["verify"], &now).expect(&[2]);
    assert!(found.stdout.contains("commit 2\n") && found.stdout.contains("falls back to the commit before"), "{found}");
    let repaired = world.tributary(&["verify", "--repair"], &now).expect(&[1]);
    assert!(repaired.stdout.contains("set aside as state/aside/000002-"), "{repaired}");
    assert_eq!(world.hashes(), before, "readers see the night before");
    world.night_again(NIGHT).published();
    assert_eq!(world.hashes(), after, "and the night again once it is done again");

    let file = world.published_files().pop().expect("a mart file");
    fs::remove_file(&file).expect("lost");
    let found = world.tributary(&["verify"], &now).expect(&[2]);
    assert!(found.stdout.contains("is not there") && found.stdout.contains("1 faults"), "{found}");
}

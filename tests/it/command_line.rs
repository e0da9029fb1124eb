//! The command line as operators and schedulers meet it: exit codes, JSON, help, errors that say what to do.

use crate::support::company::date;
use crate::support::world::World;

const NIGHT: &str = "2026-11-05";
const MARTS: &[&str] = &["sales_daily", "deliveries", "runs"];

fn world() -> World {
    let world = World::new(MARTS);
    world.deliver_history(NIGHT);
    world
}

#[test]
fn wrong_arguments_and_settings_exit_with_64() {
    let world = world();
    world.tributary(&["run"], &[]).expect(&[64]);
    world.tributary(&["no-such-command"], &[]).expect(&[64]);
    let unknown = world.tributary(&["run", "nightlyy", "--date", NIGHT], &[]).expect(&[64]);
    assert!(unknown.stderr.contains("nightly"), "the jobs there are: {unknown}");
    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    world.write("config.toml", &config.replace("[engine]\nthreads", "[engine]\nthread"));
    let slip = world.night(NIGHT).expect(&[64]);
    assert!(slip.stderr.contains("engine.thread") && slip.stderr.contains("did you mean `threads`"), "{slip}");
    assert!(slip.stdout.is_empty(), "errors go to stderr: {slip}");
}

#[test]
fn rejects_and_missing_files_exit_with_1() {
    let world = world();
    world.withdraw("p02/sales/2026-11-05.csv");
    let night = world.night(NIGHT).expect(&[1]);
    assert!(night.stdout.contains("p02"), "who is missing: {night}");
}

#[test]
fn a_failed_check_publishes_nothing_and_exits_with_2() {
    let world = world();
    world.night(NIGHT).expect(&[0]);
    let before = world.hashes();
    // The same models with one more rule, which the next night's data breaks.
    let sql = world.path("sql");
    crate::support::world::copy_tree(&std::path::Path::new(crate::support::world::PROJECT).join("sql"), &sql);
    let sidecar = sql.join("marts/sales/sales_daily.toml");
    let text = std::fs::read_to_string(&sidecar).expect("the sidecar");
    let rule = "\n[[checks]]\nkind = \"expression\"\nsql = \"units < -1000000\"\nseverity = \"error\"\n";
    std::fs::write(&sidecar, text + rule).expect("the sidecar");
    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    let own: String = config.lines().map(|line| if line.starts_with("sql = ") { "sql = \"sql\"" } else { line }).fold(
        String::new(),
        |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        },
    );
    world.write("config.toml", &own);
    world.deliver_day(date("2026-11-06"));
    let night = world.night("2026-11-06").expect(&[2]);
    let said = format!("{}{}", night.stdout, night.stderr);
    assert!(said.contains("sales_daily"), "the check is named: {night}");
    assert_eq!(world.hashes(), before, "yesterday's marts stay");
    assert!(world.mails().values().any(|mail| mail.contains("hq@test.example")), "head office is told");
}

#[test]
fn every_answer_comes_as_json_too() {
    let world = world();
    let night = world.night_with(NIGHT, &["--output", "json"], &[]).expect(&[0]).json();
    assert!(night.is_object(), "{night}");
    for args in [
        &["--output", "json", "status"][..],
        &["--output", "json", "runs"],
        &["--output", "json", "show", "last"],
        &["--output", "json", "plan", "nightly", "--date", NIGHT],
        &["--output", "json", "check"],
        &["--output", "json", "query", "select business_date, sum(net_sales) as net_sales from sales_daily group by 1"],
    ] {
        let now = [("TRIBUTARY_NOW", "2026-11-05T23:00:00Z")];
        world.tributary(args, &now).expect(&[0, 1]).json();
    }
}

#[test]
fn status_tells_monitoring_when_no_run_has_ended_well() {
    let world = world();
    let day_after = [("TRIBUTARY_NOW", "2026-11-06T12:00:00Z")];
    let never = world.tributary(&["status", "--max-age", "26h"], &day_after);
    assert!(!matches!(never.code, Some(0)), "no run at all: {never}");
    world.night(NIGHT).expect(&[0]);
    world.tributary(&["status", "--max-age", "26h"], &day_after).expect(&[0]);
    let later = [("TRIBUTARY_NOW", "2026-11-08T12:00:00Z")];
    let old = world.tributary(&["status", "--max-age", "26h"], &later);
    assert!(!matches!(old.code, Some(0)), "the last run is too old: {old}");
}

#[test]
fn a_plan_touches_nothing() {
    let world = world();
    let before = world.fingerprint();
    let plan = world.tributary(&["plan", "nightly", "--date", NIGHT], &[("TRIBUTARY_NOW", "2026-11-05T22:30:00Z")]);
    let plan = plan.expect(&[0]);
    assert!(plan.stdout.contains("p01/sales/2026-11-05.csv") || plan.stdout.contains("files"), "{plan}");
    assert_eq!(world.fingerprint(), before);
}

#[test]
fn the_shipped_company_passes_its_own_check() {
    let world = world();
    world.tributary(&["check"], &[]).expect(&[0]);
    for shell in ["bash", "zsh", "fish"] {
        let script = world.tributary(&["completions", shell], &[]).expect(&[0]);
        assert!(script.stdout.contains("tributary"), "{shell}");
    }
    let help = world.tributary(&["--help"], &[]).expect(&[0]);
    for command in [
        "run",
        "plan",
        "check",
        "status",
        "runs",
        "show",
        "rejects",
        "profile",
        "query",
        "lineage",
        "silence",
        "mail",
        "report",
        "site",
        "docs",
        "test",
        "demo",
        "clean",
        "doctor",
        "completions",
    ] {
        assert!(help.stdout.contains(command), "help names `{command}`");
    }
    assert!(help.stdout.contains("64"), "help has the exit codes");
}

#[test]
fn a_demo_company_that_cannot_be_written_leaves_nothing_behind() {
    let world = world();
    let folder = world.path("demo");
    let dir = folder.to_str().expect("a path");
    let wrong = world.tributary(&["demo", dir, "--partners", "3"], &[]).expect(&[64]);
    assert!(wrong.stderr.contains("expected 17 to 10000"), "{wrong}");
    assert!(!folder.exists(), "a second try with other numbers must find the place free");
}

#[test]
fn clean_takes_only_what_nothing_names() {
    let world = world();
    world.night(NIGHT).expect(&[0]);
    let before = world.fingerprint();
    let name = format!("{}-0123456789abcdef-nightly-2026-11-05-0badc0de-01234567.parquet", "ab".repeat(32));
    let orphan = world.path("lake/staged/sales/p01").join(name);
    std::fs::write(&orphan, "left by a crash").expect("a file");
    let theirs = world.path("lake/staged/sales/p01/by-hand-1.parquet");
    std::fs::write(&theirs, "an analyst's").expect("a file");
    let young = world.tributary(&["clean"], &[("TRIBUTARY_NOW", "2026-11-06T00:00:00Z")]);
    young.expect(&[0]);
    let old: std::time::SystemTime =
        "2026-10-01T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("an instant").into();
    for file in [&orphan, &theirs] {
        std::fs::File::options().write(true).open(file).and_then(|file| file.set_modified(old)).expect("an older file");
    }
    let cleaned = world.tributary(&["clean"], &[("TRIBUTARY_NOW", "2026-11-06T00:00:00Z")]).expect(&[0]);
    assert!(!orphan.exists(), "an old orphan goes");
    assert!(
        cleaned.stdout.contains("left alone: 1 objects") && cleaned.stdout.contains("by-hand-1.parquet"),
        "{cleaned}"
    );
    std::fs::remove_file(&theirs).expect("still there");
    assert_eq!(world.fingerprint(), before, "everything else stays");
}

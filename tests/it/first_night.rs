//! One night of the small company: what it publishes can be added up by hand, and a second run changes nothing.

use std::collections::BTreeMap;

use crate::support::company::{self, DISTRIBUTOR, ROOM, date};
use crate::support::marts::ten_thousandths;
use crate::support::world::World;

const NIGHT: &str = "2026-11-05";
const MARTS: &[&str] =
    &["sales_daily", "partner_kpis", "inventory_health", "customer_scores", "deliveries", "data_quality", "runs"];

fn world() -> World {
    let world = World::new(MARTS);
    world.deliver_history(NIGHT);
    world
}

#[test]
fn sales_add_up_to_what_the_partners_sent() {
    let world = world();
    world.night(NIGHT).expect(&[0]);
    let sales = world.mart("sales_daily");
    let mut net: BTreeMap<(String, String), i128> = BTreeMap::new();
    let at = (sales.column("business_date"), sales.column("partner_id"), sales.column("net_sales"));
    for row in &sales.rows {
        *net.entry((row[at.0].clone(), row[at.1].clone())).or_default() += ten_thousandths(&row[at.2]);
    }
    let mut expected = BTreeMap::new();
    for partner in [DISTRIBUTOR, ROOM] {
        for day in company::days(date(company::FIRST_DAY), date(NIGHT)) {
            let cents: i64 = company::lines(partner, day, 0).iter().map(company::Line::net).sum();
            expected.insert((day.to_string(), partner.to_string()), i128::from(cents) * 100);
        }
    }
    assert_eq!(net, expected);
    let units: i64 = sales.values("units").iter().map(|text| text.parse::<i64>().expect("units")).sum();
    let sent: i64 = [DISTRIBUTOR, ROOM]
        .iter()
        .flat_map(|partner| {
            company::days(date(company::FIRST_DAY), date(NIGHT)).flat_map(|day| company::lines(partner, day, 0))
        })
        .map(|line| line.quantity)
        .sum();
    assert_eq!(units, sent);
}

#[test]
fn leading_zeros_of_a_sku_are_data() {
    let world = world();
    world.night(NIGHT).expect(&[0]);
    let skus = world.mart("sales_daily");
    let mut skus = skus.values("sku");
    skus.sort_unstable();
    skus.dedup();
    assert_eq!(skus, ["00017", "00018", "A-100", "A-200"]);
}

#[test]
fn the_summary_says_what_came_in_what_was_built_and_where_it_lies() {
    let world = world();
    let night = world.night(NIGHT).expect(&[0]);
    for word in ["sales_daily", "inventory_health", "marts", "mail"] {
        assert!(night.stdout.contains(word), "`{word}` is missing: {night}");
    }
    let stages = ["discover", "stage", "validate", "transform", "alert", "publish", "deliver"];
    let told: Vec<&str> = night.stderr.lines().collect();
    assert_eq!(told.len(), stages.len(), "a quiet night logs its stages and nothing else: {night}");
    for (line, stage) in told.iter().zip(stages) {
        assert!(line.contains(&format!("stage=\"{stage}\"")) && line.contains("seconds="), "{line}");
    }
    let files = world.marts();
    for mart in MARTS {
        assert!(files.contains_key(*mart), "{mart} is published");
        assert!(night.stdout.contains(mart), "{mart} is in the summary: {night}");
    }
    assert!(!world.published_files().is_empty(), "duckdb.sql names the files");
}

#[test]
fn marts_say_what_their_columns_mean_and_hold_only_types_that_every_reader_knows() {
    let world = world();
    world.night(NIGHT).expect(&[0]);
    for (name, mart) in world.marts() {
        for (column, kind) in &mart.columns {
            let plain = ["Utf8", "Int64", "Date32", "Boolean", "Float64"].contains(&kind.as_str());
            let decimal = kind.strip_prefix("Decimal128(").is_some_and(|rest| {
                rest.split(',')
                    .next()
                    .and_then(|precision| precision.parse::<u8>().ok())
                    .is_some_and(|digits| digits <= 18)
            });
            let instant = kind.starts_with("Timestamp(µs") || kind.starts_with("Timestamp(Microsecond");
            assert!(plain || decimal || instant, "{name}.{column} is {kind}");
            let described = mart.notes.get(&format!("column:{column}")).is_some_and(|text| !text.is_empty());
            assert!(described, "{name}.{column} has no description in the file: {:?}", mart.notes.keys());
        }
    }
}

#[test]
fn a_digest_goes_to_each_responsible_person_every_run() {
    let world = world();
    world.night(NIGHT).expect(&[0]);
    let mails = world.mails();
    assert!(!mails.is_empty(), "silence would mean broken");
    for (name, text) in &mails {
        assert_eq!(name.rsplit('.').next(), Some("eml"), "{name}");
        assert!(text.contains("Message-ID: "), "{name} has an id of ours");
        assert!(text.contains("To: "), "{name} has a recipient");
    }
    let mut ids: Vec<&str> =
        mails.values().filter_map(|text| text.lines().find(|line| line.starts_with("Message-ID:"))).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), mails.len(), "one message a recipient");
}

#[test]
fn the_same_night_again_changes_no_byte_and_mails_nobody() {
    let world = world();
    let first = world.night(NIGHT).expect(&[0]);
    let before = world.fingerprint();
    let again = world.night_again(NIGHT).expect(&[0]);
    let after = world.fingerprint();
    let changed: Vec<&String> =
        before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key)).collect();
    assert!(changed.is_empty(), "changed: {changed:?}\nfirst {first}\nagain {again}");
    assert!(again.stdout.contains("nothing"), "it says so: {again}");
}

/// A run is in its own account. That is committed before its marts are shown and its mails sent: the run after it tells how
/// long that took.
#[test]
fn a_run_tells_of_itself_and_the_next_one_of_its_last_stages() {
    let world = World::new(MARTS);
    world.deliver_history("2026-11-04");
    world.night("2026-11-04").published();
    let runs = world.mart("runs");
    let of_itself = |name: &str| runs.values(name);
    assert_eq!(of_itself("logical_date"), ["2026-11-04"]);
    assert_eq!(of_itself("status"), ["ok"]);
    let commits = world.commits();
    let record = commits.iter().filter_map(|commit| commit.changes.run.as_ref()).next_back().expect("a run");
    for (name, count) in [
        ("files", record.files),
        ("rows_read", record.rows_read),
        ("rows_clean", record.rows_clean),
        ("partitions_built", record.partitions_built),
        ("marts", record.marts),
        ("alerts", record.alerts),
        ("mails", record.mails),
    ] {
        assert_eq!(of_itself(name), [count.to_string().as_str()], "{name} as it was committed");
    }
    let shown = world.tributary(&["show", "last"], &[]).expect(&[0]);
    for stage in ["publish", "deliver"] {
        let took = shown.stdout.lines().any(|line| line.starts_with(&format!("  {stage} ")) && line.ends_with(" ms"));
        assert!(took, "{stage}: {shown}");
    }
    world.deliver_day(date(NIGHT));
    world.night(NIGHT).published();
    let runs = world.mart("runs");
    assert_eq!(runs.values("logical_date"), ["2026-11-04", NIGHT]);
    for stage in ["discover", "stage", "validate", "transform", "alert", "publish", "deliver"] {
        let took = runs.values(&format!("{stage}_ms"));
        assert!(took[0].parse::<u64>().is_ok(), "{stage}: {took:?}");
        let afterwards = ["publish", "deliver"].contains(&stage);
        assert_eq!(took[1].parse::<u64>().is_err(), afterwards, "{stage}: {took:?}");
    }
}

#[test]
fn a_full_refresh_gives_the_same_rows() {
    let world = world();
    world.night(NIGHT).expect(&[0]);
    let before = world.hashes();
    let night = world.night_with(NIGHT, &["--full-refresh"], &[("TRIBUTARY_NOW", "2026-11-05T23:30:00Z")]);
    night.expect(&[0]);
    assert_eq!(world.hashes(), before);
}

#[test]
fn nights_one_by_one_end_where_one_night_over_everything_ends() {
    let nightly = World::new(MARTS);
    nightly.deliver_history("2026-11-01");
    for day in ["2026-11-02", "2026-11-03", "2026-11-04", NIGHT] {
        nightly.deliver_day(date(day));
        nightly.night(day).published();
    }
    let at_once = world();
    at_once.night(NIGHT).published();
    assert_eq!(without_arrival(&nightly), without_arrival(&at_once));
}

/// Hashes of the marts that follow from the data alone.
fn without_arrival(world: &World) -> BTreeMap<String, String> {
    let mut hashes = world.hashes();
    hashes.retain(|mart, _| mart != "data_quality");
    hashes
}

#[test]
fn a_past_date_sees_nothing_that_came_to_pass_later() {
    let late = world();
    late.night(NIGHT).published();
    let earlier = late.night_with("2026-11-03", &[], &[("TRIBUTARY_NOW", "2026-11-05T23:30:00Z")]).published();
    // Whoever asked for it is told that nobody's reports moved; the alerts of the newest night stand as they stood.
    assert!(earlier.stdout.contains("readers stay at the night of 2026-11-05"), "{earlier}");
    let commits = late.commits();
    let run = commits.iter().rev().find(|commit| commit.logical_date == Some(date("2026-11-03"))).expect("its commit");
    assert!(run.changes.alerts.is_none(), "an earlier night touches no alert that stands");
    let then = World::new(MARTS);
    then.deliver_history("2026-11-03");
    then.night("2026-11-03").published();
    // latest/ follows the greatest date only, so the past one is looked up by its commit.
    let of = |world: &World| -> BTreeMap<String, u64> {
        let commits = world.commits();
        let last =
            commits.iter().rev().find(|commit| commit.logical_date == Some(date("2026-11-03"))).expect("its commit");
        let partitions = last.changes.partitions.iter().filter(|partition| partition.model == "inventory_health");
        partitions
            .map(|partition| (partition.partition.clone(), partition.file.as_ref().map_or(0, |file| file.rows)))
            .collect()
    };
    assert_eq!(of(&late), of(&then));
    let newest = late.mart("sales_daily");
    assert!(newest.values("business_date").contains(&NIGHT), "latest/ still shows the newest night");
}

/// A company that followed the README with one sales file: what the rows refer to was never delivered, and says so
/// before the first night and in its mail.
#[test]
fn figures_without_master_data_are_not_called_well() {
    let world = World::new(&["sales_daily", "channel_kpis"]);
    std::fs::remove_file(world.path("jobs/senders/hq.toml")).expect("the head office");
    world.deliver(
        "p01/sales/2026-11-05.csv",
        company::sales_file("p01", std::iter::once(date("2026-11-05")), 0),
        date("2026-11-05"),
    );
    std::fs::remove_file(world.path("jobs/senders/p02.toml")).expect("the other partner");
    let mapping = std::fs::read_to_string(world.path("jobs/senders/p01.toml")).expect("a mapping");
    let alone = mapping.split("[feeds.inventory]").next().expect("sales").replace("2026-11-01", "2026-11-05");
    world.write("jobs/senders/p01.toml", &alone);
    let check = world.tributary(&["check"], &[]).expect(&[0]);
    let doctor = world.tributary(&["doctor"], &[]).expect(&[64]);
    for feed in ["channels", "partners", "products"] {
        let line = format!("nobody delivers {feed}, and sales refer to it");
        assert!(check.stdout.contains(&line), "{line}: {check}");
        assert!(doctor.stdout.contains(&line), "{line}: {doctor}");
    }
    assert!(!check.stdout.contains("delivers customers") && !check.stdout.contains("delivers regions"), "{check}");
    let night = world.night_with("2026-11-05", &["--output", "json"], &[]).expect(&[1]).json();
    let alerts = night["alerts"].as_array().expect("alerts");
    let mut missing: Vec<&str> = alerts
        .iter()
        .filter(|alert| alert["rule"] == "master_data_missing")
        .filter_map(|alert| alert["labels"]["feed"].as_str())
        .collect();
    missing.sort_unstable();
    assert_eq!(missing, ["channels", "partners", "products"]);
    let mails = world.mails();
    let mail = mails.values().next().expect("head office has a mail");
    let mail = tributary::mail::parts::open(mail.as_bytes()).expect("our own message");
    assert!(mail.text.contains("从未收到") && !mail.text.contains("一切正常"), "{}", mail.text);
}

//! What partners do to files: send them twice, late, corrected, broken, in any order, or not at all.

use std::collections::BTreeMap;
use std::io::Write;

use chrono::{DateTime, Utc};

use crate::support::company::{self, date, sales_file};
use crate::support::marts::ten_thousandths;
use crate::support::world::World;

const NIGHT: &str = "2026-11-05";
const MARTS: &[&str] = &["sales_daily", "inventory_health", "deliveries", "data_quality", "runs"];

fn one_day(day: &str, extra: i64) -> String {
    sales_file("p01", std::iter::once(date(day)), extra)
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

/// Net sales of a partner's day in the published mart.
fn net_of(world: &World, partner: &str, day: &str) -> i128 {
    let sales = world.mart("sales_daily");
    let net = sales.column("net_sales");
    let rows = sales.find(&[("partner_id", partner), ("business_date", day)]);
    rows.iter().map(|row| ten_thousandths(&row[net])).sum()
}

/// Net sales that a partner's generated day adds up to.
fn sent(partner: &str, day: &str, extra: i64) -> i128 {
    let cents: i64 = company::lines(partner, date(day), extra).iter().map(company::Line::net).sum();
    i128::from(cents) * 100
}

fn world() -> World {
    let world = World::new(MARTS);
    world.deliver_history(NIGHT);
    world.night(NIGHT).expect(&[0]);
    world
}

#[test]
fn a_duplicate_under_another_name_counts_once() {
    let world = world();
    let before = world.mart("sales_daily").hash();
    let copy = std::fs::read(world.path("inbox/p01/sales/2026-11-03.csv")).expect("delivered before");
    world.deliver("p01/sales/2026-11-03 again.csv", copy, date("2026-11-06"));
    world.deliver_day(date("2026-11-06"));
    world.night("2026-11-06").published();
    let after = world.mart("sales_daily");
    assert_eq!(net_of(&world, "p01", "2026-11-03"), sent("p01", "2026-11-03", 0));
    assert_ne!(after.hash(), before, "the new day came in");
}

#[test]
fn a_corrected_file_replaces_the_earlier_one_whole() {
    let world = world();
    world.deliver("p01/sales/2026-11-03.v2.csv", one_day("2026-11-03", 9), date("2026-11-06"));
    world.deliver_day(date("2026-11-06"));
    world.night("2026-11-06").published();
    assert_ne!(sent("p01", "2026-11-03", 9), sent("p01", "2026-11-03", 0));
    assert_eq!(net_of(&world, "p01", "2026-11-03"), sent("p01", "2026-11-03", 9));
    assert_eq!(net_of(&world, "p01", "2026-11-04"), sent("p01", "2026-11-04", 0), "other days stay");

    // Sent again, the first version is the newest word: it is reinstated.
    world.deliver("p01/sales/2026-11-03.v3.csv", one_day("2026-11-03", 0), date("2026-11-07"));
    world.deliver_day(date("2026-11-07"));
    world.night("2026-11-07").published();
    assert_eq!(net_of(&world, "p01", "2026-11-03"), sent("p01", "2026-11-03", 0));
}

/// Each member has a header and lines of its own: their line numbers are the same, their rows are not.
#[test]
fn an_archive_of_two_files_counts_every_row_of_both() {
    let world = world();
    let (header, rows) = one_day("2026-11-06", 0)
        .split_once('\n')
        .map(|(head, rest)| (head.to_string(), rest.to_string()))
        .expect("a header");
    let rows: Vec<&str> = rows.lines().collect();
    let (morning, evening) = rows.split_at(rows.len() / 2);
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, rows) in [("morning.csv", morning), ("evening.csv", evening)] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).expect("a member");
        write!(archive, "{header}\n{}\n", rows.join("\n")).expect("rows");
    }
    world.deliver("p01/sales/2026-11-06.zip", archive.finish().expect("an archive").into_inner(), date("2026-11-07"));
    world.night("2026-11-06").published();
    assert_eq!(net_of(&world, "p01", "2026-11-06"), sent("p01", "2026-11-06", 0));
}

#[test]
fn a_file_overwritten_in_place_is_a_correction() {
    let world = world();
    world.deliver("p01/sales/2026-11-03.csv", one_day("2026-11-03", 5), date("2026-11-06"));
    world.night("2026-11-06").published();
    assert_eq!(net_of(&world, "p01", "2026-11-03"), sent("p01", "2026-11-03", 5));
}

#[test]
fn a_corrected_day_rebuilds_only_its_month() {
    let world = world();
    world.deliver("p01/sales/2026-11-03.v2.csv", one_day("2026-11-03", 9), date("2026-11-06"));
    world.night_with(NIGHT, &[], &[("TRIBUTARY_NOW", "2026-11-06T22:30:00Z")]).published();
    let commits = world.commits();
    let last = commits.last().expect("a commit");
    let rebuilt: Vec<&str> = last
        .changes
        .partitions
        .iter()
        .filter(|partition| partition.model == "stg_sales")
        .map(|partition| partition.partition.as_str())
        .collect();
    assert_eq!(rebuilt, ["2026-11"]);
}

#[test]
fn a_late_file_fills_its_own_day() {
    let world = World::new(MARTS);
    world.deliver_history(NIGHT);
    world.withdraw("p01/sales/2026-11-04.csv");
    world.night(NIGHT).expect(&[1]);
    assert_eq!(net_of(&world, "p01", "2026-11-04"), 0);
    let status = |world: &World| {
        let deliveries = world.mart("deliveries");
        let at = deliveries.column("status");
        let rows = deliveries.find(&[("sender", "p01"), ("feed", "sales"), ("business_date", "2026-11-04")]);
        assert_eq!(rows.len(), 1, "one row a sender, feed and day: {rows:?}");
        rows[0][at].clone()
    };
    assert_eq!(status(&world), "missing");

    world.deliver("p01/sales/2026-11-04.csv", one_day("2026-11-04", 0), date("2026-11-06"));
    world.deliver_day(date("2026-11-06"));
    world.night("2026-11-06").published();
    assert_eq!(net_of(&world, "p01", "2026-11-04"), sent("p01", "2026-11-04", 0));
    assert_eq!(status(&world), "late");
}

#[test]
fn a_quarantined_file_leaves_the_last_good_data() {
    let world = world();
    let before = world.mart("sales_daily").hash();
    let broken = one_day("2026-11-03", 9).replace("unit_price", "unknown_header");
    world.deliver("p01/sales/2026-11-03.v2.csv", broken, date("2026-11-06"));
    let night = world.night_with(NIGHT, &[], &[("TRIBUTARY_NOW", "2026-11-06T22:30:00Z")]).expect(&[1]);
    assert!(night.stdout.contains("2026-11-03.v2.csv"), "the file is named: {night}");
    assert!(night.stdout.contains("unit_price"), "and what is wrong with it: {night}");
    assert_eq!(world.mart("sales_daily").hash(), before);
    assert_eq!(net_of(&world, "p01", "2026-11-03"), sent("p01", "2026-11-03", 0));
}

#[test]
fn too_many_bad_rows_quarantine_the_file_and_few_do_not() {
    let world = world();
    let good = one_day("2026-11-06", 0);
    let mostly_bad = good.replace("2026-11-06 10:", "2026-13-06 10:");
    world.deliver("p01/sales/2026-11-06.csv", &mostly_bad, date("2026-11-06"));
    world.night("2026-11-06").expect(&[1]);
    assert_eq!(net_of(&world, "p01", "2026-11-06"), 0);

    // One bad row in a month of good ones: only that row is refused, with its line.
    let month = sales_file("p01", company::days(date("2026-09-01"), date("2026-09-30")), 0);
    let mut lines: Vec<String> = month.lines().map(str::to_string).collect();
    let bad = lines[10].clone();
    lines[10] = bad.replace(",CNY,", "x,CNY,");
    world.deliver("p01/sales/2026-09.v2.csv", lines.join("\n") + "\n", date("2026-11-07"));
    world.night("2026-11-07").expect(&[1]);
    let quality = world.mart("data_quality");
    assert!(!quality.find(&[("sender", "p01"), ("feed", "sales")]).is_empty(), "{quality:?}");
    let whole: i128 = world.mart("sales_daily").sum("net_sales");
    assert!(whole > 0);
    let day = bad.split(',').nth(2).expect("sold_at").split(' ').next().expect("a date").to_string();
    assert_ne!(net_of(&world, "p01", &day), sent("p01", &day, 0), "the refused line is missing from its day");
}

#[test]
fn a_feed_that_never_arrives_reduces_the_run_and_breaks_nothing() {
    let world = World::new(MARTS);
    world.deliver_history(NIGHT);
    std::fs::remove_dir_all(world.path("inbox/p01/inventory")).expect("the folder");
    std::fs::remove_dir_all(world.path("inbox/hq/customers")).expect("the folder");
    let night = world.night(NIGHT).published();
    assert_eq!(net_of(&world, "p01", NIGHT), sent("p01", NIGHT, 0));
    assert_eq!(world.mart("inventory_health").rows.len(), 0);
    assert!(night.stdout.contains("inventory"), "the run says what is reduced: {night}");
}

#[test]
fn a_sku_that_is_not_known_yet_heals_when_the_product_list_comes() {
    let world = world();
    let text = one_day("2026-11-06", 0).replace(",00017,", ",NEW-1,");
    let touched: i64 = company::lines("p01", date("2026-11-06"), 0)
        .iter()
        .filter(|line| line.sku == "00017")
        .map(company::Line::net)
        .sum();
    assert_ne!(touched, 0, "the day sells it");
    world.deliver("p01/sales/2026-11-06.csv", &text, date("2026-11-06"));
    world.deliver(
        "p02/sales/2026-11-06.csv",
        sales_file("p02", std::iter::once(date("2026-11-06")), 0),
        date("2026-11-06"),
    );
    world.night("2026-11-06").expect(&[1]);
    let whole = sent("p01", "2026-11-06", 0);
    assert_eq!(net_of(&world, "p01", "2026-11-06"), whole - i128::from(touched) * 100);

    let (key, products) = company::REFERENCES.iter().find(|(key, _)| key.contains("products")).expect("products");
    let more = format!("{products}NEW-1,White tea,tea,48.00,40.00,20.0000,14,2026-11-01\n");
    world.deliver(&key.replace("2026-08-31", "2026-11-07"), more, date("2026-11-07"));
    world.deliver_day(date("2026-11-07"));
    world.night("2026-11-07").published();
    assert_eq!(net_of(&world, "p01", "2026-11-06"), whole);
}

/// Deliveries in any order of processing end in the same marts: here the same six deliveries, spread over
/// nights in different orders.
#[test]
fn the_order_of_arrival_does_not_matter() {
    let deliveries: Vec<(&str, String, DateTime<Utc>)> = vec![
        ("p01/sales/2026-11-04.csv", one_day("2026-11-04", 0), at("2026-11-04T20:00:00Z")),
        ("p01/sales/2026-11-04.v2.csv", one_day("2026-11-04", 3), at("2026-11-05T08:00:00Z")),
        ("p01/sales/2026-11-04.v3.csv", one_day("2026-11-04", 7), at("2026-11-05T09:00:00Z")),
        ("p01/sales/2026-11-04.v1 again.csv", one_day("2026-11-04", 3), at("2026-11-05T08:30:00Z")),
        ("p01/sales/2026-11-05.csv", one_day("2026-11-05", 0), at("2026-11-05T20:00:00Z")),
        (
            "p01/sales/2026-10.v2.csv",
            sales_file("p01", company::days(date("2026-10-01"), date("2026-10-31")), 1),
            at("2026-11-05T10:00:00Z"),
        ),
    ];
    let base = World::new(MARTS);
    base.deliver_history("2026-11-03");
    let mut seen: BTreeMap<Vec<usize>, BTreeMap<String, String>> = BTreeMap::new();
    for order in [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 0, 5, 1, 4, 3], [3, 4, 0, 2, 5, 1]] {
        let world = base.fork();
        for (step, pair) in order.chunks(2).enumerate() {
            for which in pair {
                let (key, text, modified) = &deliveries[*which];
                world.deliver_at(key, text, *modified);
            }
            let now = format!("2026-11-06T{:02}:00:00Z", 10 + step);
            world.night_with(NIGHT, &[], &[("TRIBUTARY_NOW", &now)]).published();
        }
        let mut hashes = world.hashes();
        // When a file was seen is told by the chain, not by the data.
        hashes.retain(|mart, _| mart == "sales_daily" || mart == "inventory_health");
        assert_eq!(hashes.len(), 2);
        assert_eq!(net_of(&world, "p01", "2026-11-04"), sent("p01", "2026-11-04", 7), "order {order:?}");
        seen.insert(order.to_vec(), hashes);
    }
    let first = seen.values().next().expect("an order").clone();
    for (order, hashes) in &seen {
        assert_eq!(hashes, &first, "order {order:?}");
    }
}

#[test]
fn a_key_that_cannot_be_used_is_named_and_the_rest_goes_on() {
    let world = world();
    world.deliver("p09-unknown/sales/2026-11-06.csv", one_day("2026-11-06", 0), date("2026-11-06"));
    world.deliver("p01/sales/empty.csv", "", date("2026-11-06"));
    world.deliver_day(date("2026-11-06"));
    let night = world.night("2026-11-06").published();
    assert!(night.stdout.contains("p09-unknown") || night.stderr.contains("p09-unknown"), "{night}");
    assert_eq!(net_of(&world, "p01", "2026-11-06"), sent("p01", "2026-11-06", 0));
}

/// A shop that is closed sends its header; a stock over which nothing happens is counted anew. The bytes are those of
/// the day before, the deliveries are not.
#[test]
fn the_same_bytes_for_another_day_are_that_days_delivery() {
    let world = World::new(MARTS);
    let mapping = std::fs::read_to_string(world.path("jobs/senders/p01.toml")).expect("a mapping");
    let stock = "[feeds.inventory]\nexpected = { by = \"06:00\", from = \"2026-11-04\" }\n";
    let dated = "[feeds.inventory.columns]\ncounted_on = { from_name = '(\\d{4}-\\d{2}-\\d{2})' }\n";
    let mapping = mapping.replace("[feeds.inventory]\n", stock).replace("[feeds.inventory.columns]\n", dated);
    world.write("jobs/senders/p01.toml", &mapping);
    world.deliver_history("2026-11-03");
    let header = one_day("2026-11-04", 0).lines().next().expect("a header").to_string() + "\n";
    let counted = "sku,on_hand_quantity,unit_cost\n00017,40,24.00\n00018,0,29.50\n";
    for day in ["2026-11-03", "2026-11-04", NIGHT] {
        world.deliver(&format!("p01/inventory/{day}.csv"), counted, date(day));
    }
    for day in ["2026-11-04", NIGHT] {
        world.deliver(&format!("p01/sales/{day}.csv"), &header, date(day));
        world.deliver(&format!("p02/sales/{day}.csv"), sales_file("p02", std::iter::once(date(day)), 0), date(day));
        let night = world.night(day).published();
        assert!(!night.stdout.contains("duplicate"), "{night}");
        let deliveries = world.mart("deliveries");
        for feed in ["sales", "inventory"] {
            let wanted = [("sender", "p01"), ("feed", feed), ("business_date", day)];
            let rows = deliveries.find(&wanted);
            assert_eq!(rows.len(), 1, "{day} {feed}");
            assert_ne!(rows[0][deliveries.column("status")], "missing", "{day} {feed}");
        }
        assert_eq!(net_of(&world, "p01", day), 0);
    }
    // A re-send for the same day is a duplicate.
    world.deliver("p01/sales/2026-11-05 again.csv", &header, date("2026-11-06"));
    let again = world.night_with(NIGHT, &[], &[("TRIBUTARY_NOW", "2026-11-06T22:30:00Z")]).published();
    assert!(again.stdout.contains("duplicate    p01/sales/2026-11-05 again.csv"), "{again}");
    let commits = world.commits();
    let stock = commits.iter().flat_map(|commit| &commit.changes.inputs).filter(|input| input.feed == "inventory");
    let counts: std::collections::BTreeSet<_> =
        stock.filter(|input| input.rows_clean == 2).map(|input| input.first_date).collect();
    assert_eq!(counts.len(), 3, "the stock was counted on each of three days");
}

/// Exports of the last three days under the name of the newest, without line numbers.
#[test]
fn a_rolling_export_counts_each_day_once() {
    let world = World::small();
    world.write(
        "jobs/senders/p02.toml",
        "[feeds.sales]\n[feeds.sales.columns]\npartner_id = { constant = \"p02\" }\nchannel_id = { constant = \"ch_live\" }\n\
         order_id = \"order\"\nline_no = { row_number = true }\nsold_at = \"time\"\nquantity = \"qty\"\nunit_price = \"price\"\n",
    );
    world.deliver_history("2026-10-31");
    for month in ["2026-09", "2026-10"] {
        world.withdraw(&format!("p02/sales/{month}.csv"));
    }
    let header = "order,time,sku,qty,price\n";
    let (one, two, three) = (
        "1,2026-11-20 10:00,00017,1,34.90\n",
        "2,2026-11-21 10:00,00018,1,20.00\n",
        "3,2026-11-22 10:00,A-100,1,90.00\n",
    );
    world.deliver("p02/sales/shop_2026-11-21.csv", format!("{header}{one}{two}"), date("2026-11-21"));
    world.night("2026-11-21").published();
    world.deliver("p02/sales/shop_2026-11-22.csv", format!("{header}{three}{two}{one}"), date("2026-11-22"));
    let night = world.night("2026-11-22").published();
    assert!(
        night.stdout.contains("holds 2026-11-20 to 2026-11-21 instead of p02/sales/shop_2026-11-21.csv"),
        "{night}"
    );
    for (day, net) in [("2026-11-20", 349_000), ("2026-11-21", 200_000), ("2026-11-22", 900_000)] {
        assert_eq!(net_of(&world, "p02", day), net, "{day}");
    }
    // An order of the 20th that came to light later adds to its day.
    let late = "9,2026-11-20 18:00,00017,1,10.00\n4,2026-11-23 10:00,00017,1,34.90\n";
    world.deliver("p02/sales/shop_2026-11-23.csv", format!("{header}{late}"), date("2026-11-23"));
    world.night("2026-11-23").published();
    assert_eq!(net_of(&world, "p02", "2026-11-20"), 449_000);
}

//! The committed fixtures are what the generator writes; the numbers hang together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::calendar::{Rhythm, date, shift};
use super::calendar::{entries, factor, month_end, quarter_name, spring_festival};
use super::company::{CHANNELS, REGIONS};
use super::partners::core;
use super::stock::Count;
use super::trade::{SaleLine, Trade};
use super::*;
use crate::contract::Contracts;
use crate::sender::{Sender as Mapped, Senders};

mod staging;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `dir` with its bytes, by path relative to it.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_path_buf();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn made(options: &Options) -> Summary {
    generate(options, &mut |_| {}).unwrap()
}

fn small(dir: &Path) -> Options {
    Options { days: 45, rows_per_day: 60, ..Options::fixture(dir) }
}

/// With `BLESS=1` in the environment the fixtures are written anew; run it alone then, other tests read them.
#[test]
fn the_fixtures_are_what_the_generator_writes() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("demo");
    made(&Options::fixture(&dir));
    let pairs = [("inbox", "fixtures/inbox"), ("jobs/senders", "jobs/senders")];
    if std::env::var_os("BLESS").is_some() {
        for (from, to) in pairs {
            let to = root().join(to);
            if to.exists() {
                std::fs::remove_dir_all(&to).unwrap();
            }
            for (name, bytes) in files(&dir.join(from)) {
                let path = to.join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
        }
        std::fs::copy(dir.join("labels.json"), root().join("fixtures/labels.json")).unwrap();
    }
    for (from, to) in pairs {
        let (ours, committed) = (files(&dir.join(from)), files(&root().join(to)));
        let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&ours), names(&committed), "{to} holds other files than the generator writes");
        for (name, bytes) in &ours {
            assert!(bytes == &committed[name], "{to}/{} differs from what the generator writes", name.display());
        }
    }
    let labels = std::fs::read(dir.join("labels.json")).unwrap();
    assert!(
        labels == std::fs::read(root().join("fixtures/labels.json")).unwrap(),
        "fixtures/labels.json is not current"
    );
}

#[test]
fn the_fixtures_stay_small() {
    let all = files(&root().join("fixtures/inbox"));
    let bytes: usize = all.values().map(Vec::len).sum();
    assert!(bytes < 4_000_000, "{bytes} bytes");
    assert!(all.len() < 900, "{} files", all.len());
}

#[test]
fn every_mapping_fits_the_contracts() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("demo");
    made(&Options { partners: 23, ..small(&dir) });
    let contracts = Contracts::load(&root().join("jobs")).unwrap();
    let senders = Senders::load(&dir.join("jobs"), &contracts).unwrap();
    assert_eq!(senders.names().count(), 17);
    for (name, text) in files(&dir.join("jobs/senders")) {
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains("@NAME@") && !text.contains("@EXPECTED@") && !text.contains("@PARTNER"), "{name:?}");
        Mapped::parse("any", &text, &contracts).unwrap();
    }
    for key in files(&dir.join("inbox")).keys() {
        let key = key.to_str().unwrap();
        assert!(senders.of_key(key).is_some(), "nobody's mapping reads {key}");
    }
}

#[test]
fn all_feeds_are_delivered() {
    let contracts = Contracts::load(&root().join("jobs")).unwrap();
    let mut delivered: Vec<String> = files(&root().join("fixtures/inbox"))
        .keys()
        .map(|key| key.iter().nth(1).unwrap().to_str().unwrap().to_string())
        .collect();
    delivered.sort();
    delivered.dedup();
    assert_eq!(delivered, contracts.names().map(String::from).collect::<Vec<_>>());
}

#[test]
fn a_seed_gives_one_company_and_another_seed_another() {
    let temp = tempfile::tempdir().unwrap();
    let dirs = ["a", "b", "c"].map(|name| temp.path().join(name));
    made(&small(&dirs[0]));
    made(&small(&dirs[1]));
    made(&Options { seed: 8, ..small(&dirs[2]) });
    let [a, b, c] = dirs.map(|dir| files(&dir.join("inbox")));
    assert!(a == b);
    assert!(a != c);
}

#[test]
fn more_partners_leave_the_others_as_they_are() {
    let few = partners::partners(7, 17, 100.0);
    let many = partners::partners(7, 60, 100.0);
    for (a, b) in few.iter().zip(&many) {
        assert_eq!(
            (&a.id, &a.name, &a.assortment, a.growth.to_bits()),
            (&b.id, &b.name, &b.assortment, b.growth.to_bits())
        );
    }
    assert_eq!(many.len(), 60);
    let total: f64 = many.iter().map(|partner| partner.rows_per_day).sum();
    assert!((total - 100.0).abs() < 1e-6);
}

#[test]
fn wrong_options_are_refused_by_name() {
    let options = Options { partners: 3, ..Options::fixture("unused") };
    let err = generate(&options, &mut |_| {}).unwrap_err();
    assert_eq!(err.to_string(), "partners is 3; expected 17 to 10000: the planted stories need that many");
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(temp.path().join("inbox")).unwrap();
    let err = generate(&small(temp.path()), &mut |_| {}).unwrap_err();
    assert!(err.to_string().contains("already has an inbox"), "{err}");
    assert!(err.advice().is_some());
}

#[test]
fn progress_ends_at_its_total() {
    let temp = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    generate(&small(&temp.path().join("demo")), &mut |step| seen.push((step.done, step.total))).unwrap();
    assert!(seen.is_sorted());
    let (done, total) = *seen.last().unwrap();
    assert_eq!(done, total);
}

fn world(options: &Options) -> (World, Rc<Vec<customers::Customer>>) {
    let world = World::new(options);
    let core = (0..partners::CORE).flat_map(|at| customers::customers(&world, at)).collect();
    (world, Rc::new(core))
}

#[test]
fn stock_rolls_forward_to_the_unit() {
    let (world, core_customers) = world(&Options::fixture("unused"));
    for id in ["P101", "E401", "L602", "R801"] {
        let mut trade = Trade::new(&world, core(id), &core_customers);
        let mut before: BTreeMap<u16, i64> = BTreeMap::new();
        for day in 0..=world.last_day() {
            let (mut sales, mut receipts, mut orders, mut counts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            trade.day(day, &mut sales, &mut receipts, &mut orders);
            trade.counts(&mut counts);
            for Count { product, on_hand, on_order, .. } in counts {
                assert!(on_hand >= 0 && on_order >= 0);
                let sold: i64 = sales.iter().filter(|line| line.product == product).map(|line| line.quantity).sum();
                let came: i64 =
                    receipts.iter().filter(|receipt| receipt.product == product).map(|receipt| receipt.quantity).sum();
                if let Some(opening) = before.insert(product, on_hand) {
                    assert_eq!(opening + came - sold, on_hand, "{id} {product} on day {day}");
                }
            }
        }
    }
}

/// Every line of every partner.
fn all_sales(world: &World, core_customers: &Rc<Vec<customers::Customer>>) -> Vec<SaleLine> {
    let (mut sales, mut receipts, mut orders) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..world.partners.len() {
        let mut trade = Trade::new(world, at, core_customers);
        for day in 0..=world.last_day() {
            trade.day(day, &mut sales, &mut receipts, &mut orders);
        }
    }
    sales
}

#[test]
fn channels_land_in_all_four_classes() {
    let (world, core_customers) = world(&Options::fixture("unused"));
    let (mut now, mut then) = ([0i64; 9], [0i64; 9]);
    for line in all_sales(&world, &core_customers) {
        let partner = &world.partners[usize::from(line.partner)];
        let net = world.to_base(partner, line.net(), line.day);
        let day = world.date(line.day);
        if day >= date(2026, 10, 1) {
            now[partner.channel] += net;
        } else if day < date(2025, 11, 23) {
            then[partner.channel] += net;
        }
    }
    let total: i64 = now.iter().sum();
    let class = |at: usize| match (now[at] * 10 >= then[at] * 11, now[at] * 9 >= total) {
        (true, true) => "star",
        (false, true) => "cash_cow",
        (true, false) => "question_mark",
        (false, false) => "dog",
    };
    let found: BTreeMap<&str, &str> =
        CHANNELS.iter().enumerate().map(|(at, channel)| (channel.id, class(at))).collect();
    let expected = [
        ("ch_agent", "dog"),
        ("ch_direct", "dog"),
        ("ch_distributor", "cash_cow"),
        ("ch_franchise", "cash_cow"),
        ("ch_live", "star"),
        ("ch_platform", "star"),
        ("ch_private", "question_mark"),
        ("ch_retail", "dog"),
        ("ch_social", "question_mark"),
    ];
    assert_eq!(found, BTreeMap::from(expected), "now {now:?}, a year ago {then:?}");
}

#[test]
fn customers_fill_all_eight_cells() {
    let (world, core_customers) = world(&Options::fixture("unused"));
    let mut orders: BTreeMap<String, BTreeMap<(u16, i64, u32), i64>> = BTreeMap::new();
    for line in all_sales(&world, &core_customers) {
        if let (Some(customer), trade::Kind::Sale) = (line.customer, line.kind) {
            let net = world.to_base(&world.partners[usize::from(line.partner)], line.net(), line.day);
            *orders.entry(customer.id()).or_default().entry((line.partner, line.day, line.order)).or_default() += net;
        }
    }
    let scores: Vec<(i64, usize, i64)> = orders
        .values()
        .map(|own| {
            let last = own.keys().map(|order| order.1).max().unwrap();
            let recent: Vec<i64> = own.iter().filter(|(order, _)| order.1 > last - 365).map(|(_, net)| *net).collect();
            let count = i64::try_from(recent.len()).unwrap();
            (world.last_day() - last, recent.len(), recent.iter().sum::<i64>() / count)
        })
        .collect();
    let mut money: Vec<i64> = scores.iter().map(|score| score.2).collect();
    money.sort_unstable();
    let median = money[money.len() / 2];
    let mut cells: BTreeMap<(bool, bool, bool), u32> = BTreeMap::new();
    for (recency, frequency, money) in scores {
        *cells.entry((recency <= 90, frequency >= 12, money >= median)).or_default() += 1;
    }
    assert_eq!(cells.len(), 8, "{cells:?}");
    assert!(cells.values().all(|count| *count >= 30), "{cells:?}");
}

#[test]
fn every_story_has_its_label() {
    let truth: serde_json::Value =
        serde_json::from_slice(&std::fs::read(root().join("fixtures/labels.json")).unwrap()).unwrap();
    let labels = truth["labels"].as_array().unwrap();
    let told: std::collections::BTreeSet<&str> = labels.iter().map(|label| label["story"].as_str().unwrap()).collect();
    for story in [
        "diversion",
        "price_war",
        "unknown_promotion",
        "overstock_diverter",
        "stockout",
        "collapse",
        "late_file",
        "missing_file",
        "corrected_file",
        "duplicate_file",
        "broken_file",
        "bad_rows",
    ] {
        assert!(told.contains(story), "{story} is not told");
    }
    for file in labels.iter().filter_map(|label| label["files"].as_array()).flatten() {
        let path = root().join("fixtures/inbox").join(file.as_str().unwrap());
        assert!(path.exists(), "{} is told but not there", path.display());
    }
}

#[test]
fn a_duplicate_has_the_same_bytes_and_a_correction_has_not() {
    let all = files(&root().join("fixtures/inbox"));
    let of = |prefix: &str| -> Vec<&Vec<u8>> {
        all.iter().filter(|(key, _)| key.to_str().unwrap().starts_with(prefix)).map(|(_, bytes)| bytes).collect()
    };
    let twice = of("jiangnan/sales/sales_2026-11-16");
    assert_eq!(twice.len(), 2);
    assert!(twice[0] == twice[1]);
    let corrected = of("beifang/sales/sales_2026-11-17");
    assert_eq!(corrected.len(), 2);
    assert!(corrected[0] != corrected[1]);
    assert_eq!(of("franchise/sales/sales_2026-11-22").len(), 0);
    assert_eq!(of("franchise/inventory/inventory_2026-11-22").len(), 1);
}

#[test]
fn neighbours_are_mutual() {
    for region in &REGIONS {
        for neighbour in region.adjacent.split(';') {
            let other = REGIONS.iter().find(|other| other.id == neighbour).unwrap();
            assert!(other.adjacent.split(';').any(|id| id == region.id), "{} and {neighbour}", region.id);
        }
    }
}

#[test]
fn the_year_has_its_days() {
    assert_eq!(spring_festival(2026), Some(date(2026, 2, 17)));
    assert_eq!(month_end(date(2028, 2, 3)), date(2028, 2, 29));
    assert_eq!(quarter_name(date(2026, 11, 22)), "2026-Q4");
    assert_eq!(shift(date(2026, 3, 1), -1), date(2026, 2, 28));
    let year = entries(date(2026, 1, 1), date(2026, 12, 31));
    assert!(year.is_sorted_by(|a, b| a.date < b.date));
    let kind = |day| year.iter().find(|entry| entry.date == day).map(|entry| (entry.kind, entry.is_workday));
    assert_eq!(kind(date(2026, 2, 17)), Some(("holiday", false)));
    assert_eq!(kind(date(2026, 11, 11)), Some(("shopping_festival", true)));
    assert_eq!(kind(date(2026, 2, 28)), Some(("workday_moved", true)));
    let plain = factor(Rhythm::Web, date(2026, 11, 18));
    assert!(factor(Rhythm::Web, date(2026, 11, 11)) > 3.0 * plain);
    assert!(factor(Rhythm::Shop, date(2026, 2, 18)) < 0.6 * factor(Rhythm::Shop, date(2026, 3, 18)));
}

#[test]
fn rebates_are_paid_by_bands() {
    let tiers = [(0, 10), (500_000_000, 15), (1_000_000_000, 20)];
    assert_eq!(references::marginal(&tiers, 1_200_000_000), 16_500_000);
    assert_eq!(references::marginal(&tiers, 0), 0);
    // 0.55 and 0.555 fen are rounded together, not one by one.
    assert_eq!(references::marginal(&[(0, 10), (55, 15)], 92), 1);
}

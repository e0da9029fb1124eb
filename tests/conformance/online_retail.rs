//! Online Retail: 305 trading days played one night at a time, with duplicates, late, broken and corrected files
//! thrown in, must end exactly where one build over everything ends, and at the published figures.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::OnceLock;

use chrono::NaiveDate;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::lake::Lake;
use crate::project::{lay_out, run};
use crate::support::company::date;
use crate::support::world::World;

const LAST_DAY: &str = "2011-12-09";

/// One delivery: the night it comes in, its key, its bytes.
struct Delivery {
    night: usize,
    key: String,
    bytes: Vec<u8>,
}

pub fn nights(data: &Path) {
    let days = days(data);
    assert_eq!(days.len(), 305);
    let deliveries = deliveries(&days);
    assert!(deliveries.len() > days.len() + 40, "faults are thrown in");

    let nightly = lay_out("online_retail");
    for (night, (day, _)) in days.iter().enumerate() {
        for delivery in deliveries.iter().filter(|delivery| delivery.night == night) {
            nightly.deliver(&delivery.key, &delivery.bytes, *day);
        }
        run(&nightly, "nightly", &day.to_string());
    }
    run(&nightly, "closing", LAST_DAY);

    let at_once = lay_out("online_retail");
    for delivery in &deliveries {
        at_once.deliver(&delivery.key, &delivery.bytes, days[delivery.night].0);
    }
    run(&at_once, "closing", LAST_DAY);

    let clean = without_faults(data);
    let ends: BTreeMap<_, _> = [("nightly", &nightly), ("at once", &at_once), ("without faults", clean)]
        .into_iter()
        .map(|(name, world)| (name, figures(world)))
        .collect();
    for (name, hashes) in &ends {
        assert!(hashes.len() >= 5, "{name} published {hashes:?}");
        assert_eq!(hashes, &ends["nightly"], "{name} differs from nightly");
    }
    for world in [&nightly, clean] {
        published_figures(world);
    }
}

/// The company to which every file came once and on time, after one build over everything.
fn without_faults(data: &Path) -> &'static World {
    static DONE: OnceLock<World> = OnceLock::new();
    DONE.get_or_init(|| {
        let world = lay_out("online_retail");
        for (day, bytes) in days(data) {
            world.deliver(&format!("shop/sales/{day}.csv.gz"), &bytes, day);
        }
        run(&world, "closing", LAST_DAY);
        world
    })
}

/// The hashes of the marts that hold figures. `deliveries` tells how the files came, which is what differs here.
fn figures(world: &World) -> BTreeMap<String, String> {
    let mut hashes = world.hashes();
    hashes.remove("deliveries");
    hashes
}

/// The figures of the data set, from what the company holds in the end.
fn published_figures(world: &World) {
    let lake = Lake::open(world);
    let all = lake.rows(
        "select count(*), count(distinct order_id), count(distinct sku), count(distinct customer_id), sum(net_amount)
        from sales_lines",
    );
    assert_eq!(all, [["541909", "25900", "4070", "4372", "9747747.9340"]]);
    let bought = lake.rows(
        "select count(*), count(distinct customer_id), sum(net_amount)
        from sales_lines where customer_id is not null and quantity > 0 and unit_price > 0",
    );
    assert_eq!(bought, [["397884", "4338", "8911407.9040"]]);
    assert_eq!(lake.value("select sum(net_sales) from sales_daily"), "9747747.9340");
    assert_eq!(lake.value("select sum(net_sales) from channel_kpis"), "9747747.9340");
}

/// The lifetime value models of the shop's customers. Expected: the same sums and fits by pandas and `SciPy` from the
/// raw files, where a day that cost nothing is a purchase day. In its one year nobody is seen to leave: the likelihood is largest where a vanishes (`SciPy`, with sums
/// instead of ln Γ: r 0.826731, alpha 9.97446, -37335.3675, errors 0.0268 and 0.3750; gamma-gamma 2.10850, 3.59481,
/// 507.0139, -18955.2814, errors 0.1125, 0.1490 and 45.24).
pub fn lifetime_models(data: &Path) {
    let lake = Lake::open(without_faults(data));
    let buyers = lake.rows(
        "select count(*), count(*) filter (where repeat_purchases > 0), sum(repeat_purchases), sum(recency_days), sum(age_days),
        sum(repeat_spend) from customer_purchases",
    );
    assert_eq!(buyers, [["4335", "2777", "12275", "565932", "965461", "6599058.7010"]]);
    let fits = lake.rows(
        "select parameter, round(value, 3), round(standard_error, 2), customers, round(log_likelihood, 3), is_converged, status
        from model_fits order by model, position",
    );
    let row = |parameter, value, error, customers, log_likelihood, status| {
        [parameter, value, error, customers, log_likelihood, "true", status]
    };
    assert_eq!(
        fits,
        [
            row("r", "0.827", "0.03", "4335", "-37335.368", "no_dropout"),
            row("alpha", "9.974", "0.38", "4335", "-37335.368", "no_dropout"),
            row("a", "0.0", "NULL", "4335", "-37335.368", "no_dropout"),
            row("b", "1.0", "NULL", "4335", "-37335.368", "no_dropout"),
            row("p", "2.109", "0.11", "2777", "-18955.281", "NULL"),
            row("q", "3.595", "0.15", "2777", "-18955.281", "NULL"),
            row("v", "507.014", "45.24", "2777", "-18955.281", "NULL"),
        ]
    );
    assert_eq!(lake.value("select count(*) from customer_scores where clv is null and clv_status <> 'no_sales'"), "0");
}

/// The trading days with their files.
fn days(data: &Path) -> Vec<(NaiveDate, Vec<u8>)> {
    let mut days: Vec<(NaiveDate, Vec<u8>)> = std::fs::read_dir(data)
        .expect("the data folder")
        .map(|entry| entry.expect("a folder entry").path())
        .filter_map(|path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            let day = name.strip_suffix(".csv.gz")?;
            Some((date(day), std::fs::read(&path).expect("a readable file")))
        })
        .collect();
    days.sort();
    days
}

/// What is delivered in which night. The rhythm of the faults is fixed, so that every run is the same test.
fn deliveries(days: &[(NaiveDate, Vec<u8>)]) -> Vec<Delivery> {
    let last = days.len() - 1;
    let mut all = Vec::new();
    for (at, (day, bytes)) in days.iter().enumerate() {
        let mut deliver = |night: usize, name: String, bytes: Vec<u8>| {
            all.push(Delivery { night: night.min(last), key: format!("shop/sales/{name}"), bytes });
        };
        let good = || bytes.clone();
        match at {
            // Two nights late.
            _ if at % 17 == 5 => deliver(at + 2, format!("{day}.csv.gz"), good()),
            // First half a file, corrected three nights later under another name.
            _ if at % 23 == 7 => {
                deliver(at, format!("{day}.csv.gz"), halved(bytes));
                deliver(at + 3, format!("{day}.corrected.csv.gz"), good());
            }
            // First with a header that nobody knows; the good one replaces it in place the night after.
            _ if at % 31 == 11 => {
                deliver(at, format!("{day}.csv.gz"), renamed(bytes));
                deliver(at + 1, format!("{day}.csv.gz"), good());
            }
            // Sent again a week later under another name.
            _ if at % 13 == 3 => {
                deliver(at, format!("{day}.csv.gz"), good());
                deliver(at + 6, format!("{day} (copy).csv.gz"), good());
            }
            // Corrected and taken back: the first version is the right one after all.
            _ if at % 37 == 19 => {
                deliver(at, format!("{day}.csv.gz"), good());
                deliver(at + 1, format!("{day}.v2.csv.gz"), halved(bytes));
                deliver(at + 2, format!("{day}.v3.csv.gz"), good());
            }
            _ => deliver(at, format!("{day}.csv.gz"), good()),
        }
    }
    // On the last night nothing may be overwritten in place by its own earlier version.
    all.sort_by_key(|delivery| delivery.night);
    all
}

fn unpacked(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).expect("a gz file of UTF-8");
    text
}

fn packed(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text.as_bytes()).expect("memory takes it");
    packer.finish().expect("memory takes it")
}

/// The first half of a file's records. No quoted field of this data holds a line break.
fn halved(bytes: &[u8]) -> Vec<u8> {
    let text = unpacked(bytes);
    let lines: Vec<&str> = text.lines().collect();
    packed(&(lines[..=lines.len() / 2].join("\n") + "\n"))
}

/// The file with a header that the mapping does not know.
fn renamed(bytes: &[u8]) -> Vec<u8> {
    packed(&unpacked(bytes).replacen("UnitPrice", "Preis", 1))
}

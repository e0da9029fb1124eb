//! `AdventureWorks`: sales in six currencies, 776,286 daily stock balances, and Microsoft's published figures.
//!
//! Dates are stored as in the 2014 edition of the data; the published table is of the 2012 edition, 2,007 days
//! earlier. Marts hold the dates as stored; the shift is in the questions asked here.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use crate::lake::Lake;
use crate::project::{lay_out, run};
use crate::support::company::date;
use crate::support::world::World;

/// Last day of the data.
const LAST_DAY: &str = "2014-06-30";
/// Tables that are snapshots; they were there before the first sale.
const REFERENCES: &[&str] = &["DimReseller", "DimCustomer", "DimProduct", "FactCurrencyRate", "FactSalesQuota"];
/// Tables of events, with the key that they are delivered under; they are complete after the last day.
const EVENTS: &[(&str, &str)] = &[
    ("FactResellerSales", "FactResellerSales.parquet"),
    ("FactInternetSales", "FactInternetSales.parquet"),
    ("FactProductInventory", "warehouse/inventory/FactProductInventory.parquet"),
    ("FactProductInventory", "warehouse/stock_movements/FactProductInventory.parquet"),
];

struct Finished {
    world: World,
    lake: Lake,
}

/// The company after its one run, which every test asks.
fn finished(data: &Path) -> &'static Finished {
    static DONE: OnceLock<Finished> = OnceLock::new();
    DONE.get_or_init(|| {
        let world = lay_out("adventureworks");
        let table = |name: &str| {
            std::fs::read(data.join(format!("{name}.parquet"))).unwrap_or_else(|err| panic!("{name}: {err}"))
        };
        for name in REFERENCES {
            world.deliver(&format!("{name}.parquet"), table(name), date("2010-12-01"));
        }
        for (name, key) in EVENTS {
            world.deliver(key, table(name), date(LAST_DAY));
        }
        for folder in ["channels", "partners"] {
            let key = format!("head_office/{folder}/2010-12-01.csv");
            let bytes = std::fs::read(world.path("inbox").join(&key)).expect("laid out");
            world.deliver(&key, bytes, date("2010-12-01"));
        }
        run(&world, "nightly", LAST_DAY);
        let lake = Lake::open(&world);
        Finished { world, lake }
    })
}

pub fn reseller_sales(data: &Path) {
    let Finished { world, lake } = finished(data);
    let total = lake.value("select sum(net_sales) from sales_daily where channel_id = 'reseller'");
    assert_eq!(total, "80450596.9823");
    let monthly = lake.value("select sum(net_sales) from channel_kpis where channel_id = 'reseller'");
    assert_eq!(monthly, "80450596.9823", "the monthly mart adds up to the daily one");
    let published = world.mart("sales_daily");
    let channel = published.column("channel_id");
    let net = published.column("net_sales");
    let rows = published.rows.iter().filter(|row| row[channel] == "reseller");
    let sum: i128 = rows.map(|row| crate::support::marts::ten_thousandths(&row[net])).sum();
    assert_eq!(sum, 804_505_969_823, "latest/ holds the same");
}

pub fn internet_sales(data: &Path) {
    let Finished { lake, .. } = finished(data);
    let usd = "select sum(source_net_amount) from sales_lines where channel_id = 'internet' and currency = 'USD'";
    assert_eq!(rounded(&lake.value(usd)), "14693465.32");
    let in_base = "select sum(net_amount) from sales_lines where channel_id = 'internet' and currency = 'USD'";
    assert_eq!(rounded(&lake.value(in_base)), "14693465.32", "base currency stays as it is");
    let mixed = "select sum(source_net_amount) from sales_lines where channel_id = 'internet'";
    assert_eq!(rounded(&lake.value(mixed)), "29358677.22", "what adding across currencies would give");
    let mart = rounded(&lake.value("select sum(net_sales) from sales_daily where channel_id = 'internet'"));
    assert_ne!(mart, "29358677.22", "marts never add across currencies");
    let lines = lake.rows(
        "select currency, count(*) from sales_lines where channel_id = 'internet' group by currency order by currency",
    );
    let expected = [("AUD", "12988"), ("CAD", "7135"), ("DEM", "76"), ("FRF", "59"), ("GBP", "6740"), ("USD", "33400")];
    assert_eq!(lines, expected.map(|(currency, lines)| vec![currency.to_string(), lines.to_string()]));
    // Converted with the rate of the day: the sum over the exact products, to the cent per line's rounding.
    let converted: f64 = mart.parse().expect("a number");
    assert!((converted - 26_054_827.45).abs() < 1.0, "{mart}");
}

pub fn last_day_stock(data: &Path) {
    let Finished { lake, .. } = finished(data);
    let value = "select sum(stock_value) from inventory_counts where counted_on = date '2014-06-30'";
    assert_eq!(rounded(&lake.value(value)), "23603975.57");
    let mart = lake.value("select sum(stock_value) from inventory_health");
    assert_eq!(rounded(&mart), "23603975.57", "the mart as of that day");
}

pub fn published_cells(data: &Path) {
    let Finished { lake, .. } = finished(data);
    let text = std::fs::read_to_string(data.join("PUBLISHED_REFERENCE.csv")).expect("the published table");
    let sales = cells(
        lake,
        "select cast(extract(year from business_date - interval '2007 days') as bigint) as year, category,
            sum(source_net_amount)
        from sales_lines group by 1, 2",
    );
    // Balances are compared as they were reported: the published table counts negative ones too.
    let stock = cells(
        lake,
        "with counts as (
            select c.counted_on, p.category, c.on_hand_quantity * c.unit_cost as value
            from inventory_counts as c inner join feeds.products as p on c.sku = p.sku
        ),
        closings as (
            select max(counted_on) as counted_on from counts
            group by extract(year from counted_on - interval '2007 days')
        )
        select cast(extract(year from n.counted_on - interval '2007 days') as bigint) as year, n.category, sum(n.value)
        from counts as n inner join closings as c on n.counted_on = c.counted_on
        group by 1, 2",
    );
    let mut compared = 0;
    for line in text.lines().skip(1) {
        let [year, category, total_sales, closing] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("unexpected line {line}")
        };
        let key = (year.to_string(), if category.is_empty() { "none" } else { category }.to_string());
        for (published, ours, what) in [(total_sales, &sales, "sales"), (closing, &stock, "closing stock")] {
            if published.is_empty() {
                assert!(!ours.contains_key(&key), "{key:?} has no {what}");
                continue;
            }
            let mine = ours.get(&key).unwrap_or_else(|| panic!("no {what} for {key:?}"));
            assert!(agrees(published, mine), "{what} of {key:?}: published {published}, ours {mine}");
            compared += 1;
        }
    }
    assert_eq!(compared, 36);
}

pub fn roll_forward(data: &Path) {
    let Finished { lake, .. } = finished(data);
    let rows = lake.rows(
        "with days as (
            select units_in, units_out, units_balance,
                lag(units_balance) over (partition by sku order by moved_on) as opening
            from feeds.stock_movements
        )
        select count(*), count(*) filter (where opening + units_in - units_out = units_balance)
        from days where opening is not null",
    );
    assert_eq!(rows, [["775680", "775680"]]);
    let counted = lake.value(
        "select count(*) from feeds.stock_movements as m inner join inventory_counts as c
        on m.sku = c.sku and m.moved_on = c.counted_on and m.units_balance = c.on_hand_quantity",
    );
    assert_eq!(counted, "776286", "every balance of the movements is a count");
}

pub fn negative_balances(data: &Path) {
    let Finished { lake, .. } = finished(data);
    let kept = "select count(*) from inventory_counts where on_hand_quantity < 0 and on_hand_units = 0";
    assert_eq!(lake.value(kept), "3319", "kept as reported, treated as none for cover");
    let reported = lake.value("select sum(refused_rows) from data_quality where reason = 'negative_stock'");
    assert_eq!(reported, "3319", "and reported");
}

pub fn turnover(data: &Path) {
    let Finished { lake, .. } = finished(data);
    // The warehouse's months of the mart make the year: its closings as booked the two points and the thirteen month
    // ends, its averages weighted by days the daily rule.
    let rows = lake.rows(
        "with cogs as (
            select cast(sum(net_sales - gross_margin) as double) as cost from channel_kpis where month like '2012-%'
        ),
        months as (
            select
                month, cast(booked_closing_value as double) as closing_value,
                cast(average_stock_value as double) as average_stock_value,
                extract(day from month_start + interval '1 month' - interval '1 day') as days
            from inventory_kpis
            where entity_type = 'partner' and entity_id = 'warehouse' and month between '2011-12' and '2012-12'
        ),
        averages as (
            select
                avg(closing_value) filter (where month in ('2011-12', '2012-12')) as two_point,
                avg(closing_value) as month_end,
                sum(average_stock_value * days) filter (where month like '2012-%') / 366 as daily
            from months
        )
        select round(cost / two_point, 3), round(cost / month_end, 3), round(cost / daily, 3)
        from cogs cross join averages",
    );
    assert_eq!(rows, [["1.332", "1.347", "1.322"]]);
}

pub fn quotas(data: &Path) {
    let Finished { lake, .. } = finished(data);
    let rows = lake.rows("select count(*), sum(target), min(period), max(period) from feeds.targets");
    assert_eq!(rows, [["163", "95714000.0000", "2011-Q1", "2013-Q4"]]);
}

/// Results by year and category.
fn cells(lake: &Lake, sql: &str) -> BTreeMap<(String, String), String> {
    lake.rows(sql).into_iter().map(|row| ((row[0].clone(), row[1].clone()), row[2].clone())).collect()
}

/// A decimal text at two decimals, half away from zero.
fn rounded(text: &str) -> String {
    at_scale(text, 2)
}

/// The published figure has been rounded to its own number of decimals.
fn agrees(published: &str, ours: &str) -> bool {
    let decimals = |text: &str| text.split_once('.').map_or(0, |(_, part)| part.len());
    // The published table drops closing zeros: compare at the greater of its scale and cents, capped at ours.
    let scale = decimals(published);
    at_scale(ours, scale) == at_scale(published, scale)
}

fn at_scale(text: &str, scale: usize) -> String {
    let value = crate::support::marts::ten_thousandths(text);
    let unit = 10_i128.pow(4 - u32::try_from(scale).expect("a small scale"));
    let half = if value < 0 { -unit / 2 } else { unit / 2 };
    let scaled = (value + half) / unit;
    let base = 10_i128.pow(u32::try_from(scale).expect("a small scale"));
    match scale {
        0 => scaled.to_string(),
        _ => format!("{}{}.{:0scale$}", if scaled < 0 { "-" } else { "" }, scaled.abs() / base, scaled.abs() % base),
    }
}

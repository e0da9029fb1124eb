//! CDNOW: the sample of 2,357 customers to which Fader and Hardie fit their models, against the figures they publish.
//!
//! The data is `cdnow_customers_summary_with_transactions.csv` (repeat purchases, weeks from the first purchase to the
//! last and to the end, mean spend) and `CDNOW_sample.txt` (every purchase), as the Python package lifetimes ships them.

use std::path::Path;

use arrow::util::display::array_value_to_string;
use tributary::models::session::{self, Limits};

use crate::lake::Lake;
use crate::project::{lay_out, run};
use crate::support::company::date;

/// Model, parameter, published value and half its last digit. BG/NBD: Fader, Hardie and Lee (2005), Marketing Science
/// 24, table 2; gamma-gamma: Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value".
const PUBLISHED: [(&str, &str, f64, f64); 7] = [
    ("bg_nbd_fit", "r", 0.243, 0.000_5),
    ("bg_nbd_fit", "alpha", 4.414, 0.000_5),
    ("bg_nbd_fit", "a", 0.793, 0.000_5),
    ("bg_nbd_fit", "b", 2.426, 0.000_5),
    ("gamma_gamma_fit", "p", 6.25, 0.005),
    ("gamma_gamma_fit", "q", 3.74, 0.005),
    ("gamma_gamma_fit", "v", 15.44, 0.01),
];
const LOG_LIKELIHOOD: f64 = -9_582.4;

pub fn lifetime_models(data: &Path) {
    let text = std::fs::read_to_string(data.join("cdnow_customers_summary_with_transactions.csv"));
    let rows: Vec<String> = text.expect("the data").lines().skip(1).map(row).collect();
    assert_eq!(rows.len(), 2_357);
    for (function, parameter, value, tolerance) in PUBLISHED {
        let arguments = if function == "bg_nbd_fit" { "x, recency, age, 1" } else { "x, spend" };
        let sql = format!(
            "select fit['value'], fit['log_likelihood'], fit['converged'] from (select unnest({function}(sorted_rows(\
             {arguments}))) as fit from (values {}) t(x, recency, age, spend)) where fit['parameter'] = '{parameter}'",
            rows.join(", ")
        );
        let (found, log_likelihood, converged) = ask(&sql);
        assert!((found - value).abs() <= tolerance, "{parameter} is {found}, published {value}");
        assert!(converged, "{parameter}");
        if function == "bg_nbd_fit" {
            assert!((log_likelihood - LOG_LIKELIHOOD).abs() < 0.05, "{log_likelihood}, published {LOG_LIKELIHOOD}");
        }
    }
}

/// A line's customer as SQL values; weeks back to days.
fn row(line: &str) -> String {
    let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().expect("a number")).collect();
    let [_, purchases, recency, age, mean] = cells[..] else { panic!("five columns: {line}") };
    let days = |weeks: f64| (weeks * 7.0).round();
    format!("({purchases}, {}, {}, cast({:.2} as decimal(18, 4)))", days(recency), days(age), mean * purchases)
}

fn ask(sql: &str) -> (f64, f64, bool) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let context = session::open(Limits { memory_bytes: 1 << 28, spill_bytes: 0, threads: 2 }).expect("an engine");
    let batches = runtime.block_on(async { context.sql(sql).await?.collect().await }).expect("a result");
    let batch = batches.iter().find(|batch| batch.num_rows() > 0).expect("a row");
    let cell = |column: usize| array_value_to_string(batch.column(column), 0).expect("printable");
    (cell(0).parse().expect("a number"), cell(1).parse().expect("a number"), cell(2) == "true")
}

/// From the raw text, by a sender's mapping alone, to the published figures in the mart.
pub fn raw_text(data: &Path) {
    let world = lay_out("cdnow");
    let bytes = std::fs::read(data.join("CDNOW_sample.txt")).expect("the purchases");
    world.deliver("CDNOW_sample.txt", bytes, date("1998-07-01"));
    run(&world, "nightly", "1997-09-30");
    let lake = Lake::open(&world);
    assert_eq!(lake.value("select count(*) from feeds.sales"), "6919");
    assert_eq!(lake.value("select count(*) from customer_scores"), "2357");
    let rows = lake.rows("select model, parameter, value, log_likelihood, customers, status from model_fits");
    // Published to four places: with the weeks of the summary, which are rounded to hundredths. The days of the text are
    // exact; SciPy finds with them what stands second, and the published log-likelihood.
    for (parameter, published, exact) in
        [("r", 0.2426, 0.242_594_5), ("alpha", 4.4135, 4.413_602), ("a", 0.7929, 0.792_922), ("b", 2.4258, 2.425_907)]
    {
        let row = rows.iter().find(|row| row[0] == "bg_nbd" && row[1] == parameter).expect("a row");
        let figure = |at: usize| row[at].parse::<f64>().expect("a number");
        assert!((figure(2) - published).abs() <= 0.000_15, "{parameter} is {}, published {published}", row[2]);
        assert!((figure(2) / exact - 1.0).abs() <= 3e-6, "{parameter} is {}, by SciPy {exact}", row[2]);
        assert!((figure(3) + 9_582.429).abs() <= 0.000_5, "{}, published -9582.429", row[3]);
        assert_eq!(row[4], "2357");
    }
    for (parameter, published, tolerance) in [("p", 6.25, 0.005), ("q", 3.74, 0.005), ("v", 15.44, 0.01)] {
        let row = rows.iter().find(|row| row[0] == "gamma_gamma" && row[1] == parameter).expect("a row");
        let value: f64 = row[2].parse().expect("a number");
        assert!((value - published).abs() <= tolerance, "{parameter} is {value}, published {published}");
    }
    let unvalued = "select count(*) from customer_scores where clv is null or clv_method <> 'bg_nbd_gamma_gamma'";
    assert_eq!(lake.value(unvalued), "0");
    // Nothing tells the cost: the margin is the setting's, and says so.
    let rates = lake.rows("select distinct margin_rate, margin_rate_status from customer_scores");
    assert_eq!(rates, [["0.3", "default_rate"]]);
}

//! The R package rfm: cut-points, scores and segments of its 4,906 documented orders.

use std::collections::BTreeMap;
use std::path::Path;

use crate::lake::Lake;
use crate::project::{lay_out, run};
use crate::support::company::date;

const COUNTS: &[(&str, usize)] = &[
    ("About To Sleep", 50),
    ("At Risk", 86),
    ("Champions", 158),
    ("Lost", 111),
    ("Loyal Customers", 278),
    ("Need Attention", 35),
    ("Others", 48),
    ("Potential Loyalist", 229),
];

pub fn segments(data: &Path) {
    let world = lay_out("rfm");
    let bytes = std::fs::read(data.join("rfm_data_orders.csv")).expect("the package's orders");
    world.deliver("rfm_data_orders.csv", bytes, date("2006-12-31"));
    run(&world, "nightly", "2006-12-31");
    let lake = Lake::open(&world);
    assert_eq!(lake.value("select count(*) from feeds.sales"), "4906");
    let rows = lake
        .rows("select rfm_segment, count(*), sum(frequency), sum(monetary) from customer_scores group by rfm_segment");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        counts.insert(&row[0], row[1].parse().expect("a count"));
        if row[0] == "Champions" {
            assert_eq!((row[2].as_str(), row[3].as_str()), ("1234", "120178.0000"), "their orders and revenue");
        }
    }
    assert_eq!(counts, COUNTS.iter().copied().collect());

    // The published lower cut-points are quantile + 1, rounded: a score begins at the first value not below it.
    for (column, score, cuts, rising) in [
        ("recency_days", "r_score", [115, 181, 297, 482], false),
        ("frequency", "f_score", [4, 5, 6, 8], true),
        ("monetary", "m_score", [256, 382, 506, 666], true),
    ] {
        for (at, cut) in cuts.into_iter().enumerate() {
            let steps = u8::try_from(at).expect("four cuts");
            let (upper, comparison) = if rising { (steps + 2, ">=") } else { (4 - steps, "<=") };
            let crossed =
                lake.value(&format!("select min({column}) from customer_scores where {score} {comparison} {upper}"));
            let crossed: f64 = crossed.parse().expect("a number");
            assert!(crossed >= f64::from(cut) - 1.0, "{score} {upper} begins at {crossed}, published {cut}");
            let below = lake
                .value(&format!("select max({column}) from customer_scores where not ({score} {comparison} {upper})"));
            let below: f64 = below.parse().expect("a number");
            assert!(below <= f64::from(cut) + 1.0, "{score} {upper} ends below {below}, published {cut}");
        }
    }
}

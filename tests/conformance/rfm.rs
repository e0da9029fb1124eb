//! The R package rfm: cut-points, scores and segments of its 4,906 documented orders.

use std::collections::BTreeMap;
use std::path::Path;

use crate::lake::Lake;
use crate::project::{lay_out, run};
use crate::support::company::date;

/// The package's segments in order: name, then ranges of the scores R, F and M; the first that holds counts.
const SEGMENTS: &[(&str, [(u8, u8); 3])] = &[
    ("Champions", [(4, 5), (4, 5), (4, 5)]),
    ("Loyal Customers", [(2, 5), (3, 5), (3, 5)]),
    ("Potential Loyalist", [(3, 5), (1, 3), (1, 3)]),
    ("New Customers", [(4, 5), (1, 1), (1, 1)]),
    ("Promising", [(3, 4), (1, 1), (1, 1)]),
    ("Need Attention", [(2, 3), (2, 3), (2, 3)]),
    ("About To Sleep", [(2, 3), (1, 2), (1, 2)]),
    ("At Risk", [(1, 2), (2, 5), (2, 5)]),
    ("Can't Lose Them", [(1, 1), (4, 5), (4, 5)]),
    ("Lost", [(1, 2), (1, 2), (1, 2)]),
];

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

fn segment(scores: [u8; 3]) -> &'static str {
    let holds =
        |ranges: &[(u8, u8); 3]| ranges.iter().zip(scores).all(|((low, high), score)| (*low..=*high).contains(&score));
    SEGMENTS.iter().find(|(_, ranges)| holds(ranges)).map_or("Others", |(name, _)| name)
}

pub fn segments(data: &Path) {
    let world = lay_out("rfm");
    let bytes = std::fs::read(data.join("rfm_data_orders.csv")).expect("the package's orders");
    world.deliver("rfm_data_orders.csv", bytes, date("2006-12-31"));
    run(&world, "nightly", "2006-12-31");
    let lake = Lake::open(&world);
    assert_eq!(lake.value("select count(*) from feeds.sales"), "4906");
    let rows = lake.rows("select r_score, f_score, m_score, frequency, monetary from customer_scores");
    assert_eq!(rows.len(), 995);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut orders, mut revenue) = (0_i64, 0_i128);
    for row in &rows {
        let score = |at: usize| row[at].parse::<u8>().unwrap_or_else(|_| panic!("scores of {row:?}"));
        let name = segment([score(0), score(1), score(2)]);
        *counts.entry(name).or_default() += 1;
        if name == "Champions" {
            orders += row[3].parse::<i64>().expect("orders");
            revenue += crate::support::marts::ten_thousandths(&row[4]);
        }
    }
    assert_eq!(counts, COUNTS.iter().copied().collect());
    assert_eq!((orders, revenue), (1234, 120_178_0000), "orders and revenue of the champions");

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

use arrow::util::display::array_value_to_string;

use super::*;
use crate::models::query;
use crate::models::session::{self, Limits};

/// The rows of a query, cells joined by a blank.
pub(super) async fn ask(sql: &str) -> Vec<String> {
    try_ask(sql).await.unwrap()
}

async fn try_ask(sql: &str) -> Result<Vec<String>, String> {
    let context = session::open(Limits { memory_bytes: 1 << 26, spill_bytes: 0, threads: 3 }).unwrap();
    let statement = query::parse(&context, sql).map_err(|err| err.to_string())?;
    let plan = context.state().statement_to_plan(statement).await.map_err(|err| err.to_string())?;
    let frame = context.execute_logical_plan(plan).await.map_err(|err| err.to_string())?;
    let batches = frame.collect().await.map_err(|err| err.to_string())?;
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|array| array_value_to_string(array, row).unwrap());
            rows.push(cells.collect::<Vec<_>>().join(" "));
        }
    }
    Ok(rows)
}

#[tokio::test]
async fn ratios_and_growth_are_null_with_a_reason_where_there_is_none() {
    let sql = "select ratio(part, whole) from (values (1, 4), (1, 0), (1, -4), (null, 4), (1, null)) t(part, whole)";
    assert_eq!(ask(sql).await, ["0.25", "", "", "", ""]);
    let sql = "select growth(cur, prior), growth_status(prior) from \
               (values (150.00, 120.00), (5, 0), (5, -1), (5, null), (null, 4)) t(cur, prior)";
    assert_eq!(ask(sql).await, ["0.25 ", " no_prior_period", " negative_base", " no_prior_period", " "]);
    // Values are expressions of any kind, also calls; names in capitals and names alike are no matter.
    let sql = "select GROWTH(prior + cur, prior * 2), ratio(ratio(cur, 2), 1 + 1) from (values (4, 3)) t(prior, cur)";
    assert_eq!(ask(sql).await, ["-0.125 0.75"]);
    let sql = "select comparable(cur > 1, prior, cur) from (values (1, 9), (2, 9), (2, null)) t(cur, prior)";
    assert_eq!(ask(sql).await, ["1", "9", "0"]);
    let err = try_ask("select growth(1)").await.unwrap_err();
    assert!(err.contains("growth is called as growth(cur, prior) -> double"), "{err}");
    let err = try_ask("select growth_status(1, true)").await.unwrap_err();
    assert!(err.contains("growth_status is called as growth_status(prior) -> text"), "{err}");
}

#[tokio::test]
async fn a_price_is_that_of_one_unit_and_counts_within_reach_of_the_usual() {
    let sql = "select per_unit(amount, quantity) from (values (10.00, 4), (10.00, 0), (-3.00, 2), (5.00, null)) \
               t(amount, quantity)";
    assert_eq!(ask(sql).await, ["2.5000", "", "-1.5000", ""]);
    let sql = "select within_reach(price, usual, 3.0) from (values (10.00, 10.00), (99.00, 10.00), (1.00, 10.00)) \
               t(price, usual)";
    assert_eq!(ask(sql).await, ["10.0000", "30.0000", "3.3333"]);
}

#[tokio::test]
async fn quantiles_interpolate_exactly() {
    // R: quantile(c(1, 2, 3, 4), c(.25, .5, .9)) gives 1.75, 2.5, 3.7.
    let sql = "select quantile_exact(x, 0.25), quantile_exact(x, 0.5), quantile_exact(x, 0.9), median_exact(x) \
               from (values (4), (1), (3), (2), (null)) t(x)";
    assert_eq!(ask(sql).await, ["1.7500000000 2.5000000000 3.7000000000 2.5000000000"]);
    let sql = "select quantile_exact(x, 0), quantile_exact(x, 1), quantile_exact(x, 0.3333) \
               from (values (-1.05), (2.10)) t(x)";
    assert_eq!(ask(sql).await, ["-1.0500000000 2.1000000000 -0.0001050000"]);
    let rows = "(values (1), (1), (2), (2), (4), (6), (9)) t(x)";
    let sql = format!("select quantile_exact(cast(x as double), 0.9), mad_exact(cast(x as double)) from {rows}");
    assert_eq!(ask(&sql).await, ["7.2 1.0"]);
    assert_eq!(ask(&format!("select mad_exact(x) from {rows}")).await, ["1.0000000000"]);
    let sql = "select median_exact(cast(x as decimal(32, 14))) from (values (1), (2)) t(x)";
    assert_eq!(ask(sql).await, ["1.50000000000000"]);
    assert_eq!(ask("select median_exact(x) from (values (1.5)) t(x) where x > 2").await, [""]);
}

#[tokio::test]
async fn quantiles_round_half_away_from_zero_at_the_tenth_place() {
    let sql = "select median_exact(x) from (values (0.0000000001), (0.0000000002)) t(x)";
    assert_eq!(ask(sql).await, ["0.0000000002"]);
    let sql = "select median_exact(x) from (values (-0.0000000001), (-0.0000000002)) t(x)";
    assert_eq!(ask(sql).await, ["-0.0000000002"]);
}

#[tokio::test]
async fn quantiles_move_with_a_window() {
    let sql = "select day, cast(median_exact(x) over (order by day rows between 2 preceding and current row) \
               as decimal(18, 2)) from (values (1, 5), (2, 1), (3, 9), (4, 1), (5, null), (6, 4)) t(day, x) order by day";
    assert_eq!(ask(sql).await, ["1 5.00", "2 3.00", "3 5.00", "4 1.00", "5 5.00", "6 2.50"]);
}

#[tokio::test]
async fn quantiles_by_group_do_not_depend_on_the_order_of_rows() {
    let sql = "select value % 3 as part, median_exact((value * 7919) % 10007) from generate_series(1, 30000) \
               group by 1 order by 1";
    let once = ask(sql).await;
    let back = "select value % 3 as part, median_exact((value * 7919) % 10007) from \
                (select * from generate_series(1, 30000) order by value desc) group by 1 order by 1";
    assert_eq!(once, ask(back).await);
    assert_eq!(once.len(), 3);
}

#[tokio::test]
async fn a_share_outside_0_to_1_is_refused() {
    let err = try_ask("select quantile_exact(x, 1.5) from (values (1)) t(x)").await.unwrap_err();
    assert!(err.contains("expected a number from 0 to 1"), "{err}");
    let err = try_ask("select quantile_exact(x, x) from (values (1)) t(x)").await.unwrap_err();
    assert!(err.contains("must be a constant"), "{err}");
    let err = try_ask("select median_exact(x) from (values ('a')) t(x)").await.unwrap_err();
    assert!(err.contains("not Utf8"), "{err}");
}

#[tokio::test]
async fn the_value_beside_an_extreme_is_the_smallest_of_several() {
    let rows = "(values ('b', 1), ('a', 1), ('c', 2), ('d', 2), ('e', null), (null, 2)) t(name, rank)";
    let sql = format!("select min_by(name, rank), max_by(name, rank) from {rows}");
    assert_eq!(ask(&sql).await, ["a c"]);
    let sql = format!("select max_by(name, rank) from {rows} where rank is null");
    assert_eq!(ask(&sql).await, [""]);
}

#[tokio::test]
async fn calendar_steps() {
    let sql = "select last_day(date '2024-02-10'), period_month(date '2026-01-31'), period_quarter(date '2026-10-01'), \
               period_start('2026-Q4'), period_end('2026-Q4'), period_end('2024-02'), period_start('2026'), \
               period_end('2026-13'), period_start('2026-1')";
    assert_eq!(ask(sql).await, ["2024-02-29 2026-01 2026-Q4 2026-10-01 2026-12-31 2024-02-29 2026-01-01  "]);
    let sql = "select add_months(date '2026-01-31', 1), add_months(date '2026-03-31', -1), add_days(date '2026-03-01', -1), \
               age_years(date '2000-02-29', date '2026-02-28'), age_years(date '2000-02-29', date '2026-03-01')";
    assert_eq!(ask(sql).await, ["2026-02-28 2026-02-28 2026-02-28 25 26"]);
}

#[tokio::test]
async fn nothing_tells_the_time_or_draws_lots() {
    for call in ["now()", "current_timestamp", "current_date", "today()", "current_time", "random()", "uuid()"] {
        assert!(try_ask(&format!("select {call}")).await.is_err(), "{call} must be unknown");
    }
}

#[tokio::test]
async fn rows_of_a_group_are_a_sorted_list() {
    let list = "sorted_rows(n, d, cast(m as decimal(18, 2)))";
    let rows =
        "(values ('a', 2, date '2026-01-02', 1.5), ('a', 1, date '2026-01-03', -2), ('a', 1, date '2026-01-02', 7),
        ('b', 1, null, 1), ('c', 5, date '2026-01-01', 0)) t(g, n, d, m)";
    let sql = format!("select g, {list} from {rows} group by g order by g");
    assert_eq!(
        ask(&sql).await,
        [
            "a [{v1: 1, v2: 2026-01-02, v3: 7.00}, {v1: 1, v2: 2026-01-03, v3: -2.00}, {v1: 2, v2: 2026-01-02, v3: 1.50}]",
            "b []",
            "c [{v1: 5, v2: 2026-01-01, v3: 0.00}]",
        ]
    );
    let sql = format!("select {list} filter (where n > 1 and m > 0) from {rows}");
    assert_eq!(ask(&sql).await, ["[{v1: 2, v2: 2026-01-02, v3: 1.50}]"]);
    // Many groups over several threads and batches: nothing is lost, nothing swapped.
    let sql = "select count(*), sum(array_length(list)), min(array_length(list)) from (select value % 20011 as g, \
               sorted_rows(value, cast(value * 2 as decimal(18, 0))) as list from generate_series(1, 100000) group by 1)";
    assert_eq!(ask(sql).await, ["20011 100000 4"]);
    let sql = "select count(*) from (select g, unnest(list) as row from (select value % 20011 as g, \
               sorted_rows(value, cast(value * 2 as decimal(18, 0))) as list from generate_series(1, 100000) group by 1)) \
               where row['v1'] % 20011 <> g or row['v2'] <> row['v1'] * 2";
    assert_eq!(ask(sql).await, ["0"]);
    let err = try_ask("select sorted_rows(x) from (values ('a')) t(x)").await.unwrap_err();
    assert!(err.contains("not Utf8"), "{err}");
}

#[test]
fn every_function_says_how_it_is_called() {
    for function in all() {
        let name = match &function.body {
            Body::Scalar(scalar) => scalar.name().to_string(),
            Body::Aggregate(aggregate) => aggregate.name().to_string(),
            Body::Window(window) => window.name().to_string(),
            Body::Macro(known) => known.name.to_string(),
        };
        let operator = name == "at_time_zone" && function.usage.contains(&name.replace('_', " "));
        assert!(operator || function.usage.starts_with(&format!("{name}(")), "{name}: {}", function.usage);
        assert!(function.words.ends_with('.'));
    }
}

#[tokio::test]
async fn columns_that_no_contract_knows_are_read_by_header() {
    let rows = r#"(values ('{"赠品":"茶杯","备注":"a \"b\""}'), ('{}'), (null), ('no object')) t(_extra)"#;
    let sql = format!("select coalesce(extra(_extra, '赠品'), '-'), coalesce(extra(_extra, '备注'), '-') from {rows}");
    assert_eq!(ask(&sql).await, ["茶杯 a \"b\"", "- -", "- -", "- -"]);
}

/// As `PostgreSQL` and `DuckDB` have it: an instant becomes what clocks show, what clocks show becomes an instant.
#[tokio::test]
async fn clocks_elsewhere_are_those_of_today() {
    let at = |text: &str, zone: &str| {
        format!("select arrow_cast('{text}', 'Timestamp(Microsecond, Some(\"UTC\"))') at time zone '{zone}'")
    };
    // British Columbia stays at seven hours behind since November 2026; the engine's own table has eight.
    for (text, zone, shown) in [
        ("2026-11-20T07:30:00", "America/Vancouver", "2026-11-20T00:30:00"),
        ("2026-11-29T12:00:00", "America/Edmonton", "2026-11-29T06:00:00"),
        ("2026-11-29T12:00:00", "America/Winnipeg", "2026-11-29T07:00:00"),
        ("2026-11-29T12:00:00", "America/Yellowknife", "2026-11-29T06:00:00"),
        ("2026-11-29T23:30:00", "Africa/Casablanca", "2026-11-29T23:30:00"),
        ("2026-03-08T06:59:59", "America/New_York", "2026-03-08T01:59:59"),
        ("2026-03-08T07:00:00", "America/New_York", "2026-03-08T03:00:00"),
        ("2011-12-30T10:00:00", "Pacific/Apia", "2011-12-31T00:00:00"),
        ("1969-12-31T23:59:59.5", "Asia/Shanghai", "1970-01-01T07:59:59.500"),
    ] {
        assert_eq!(ask(&at(text, zone)).await, [shown], "{text} {zone}");
    }
    for (text, zone, instant) in [
        ("2026-11-30 00:00:00", "Asia/Shanghai", "2026-11-29T16:00:00Z"),
        // It comes twice, and it never comes: the first, and the moment at which the clock was moved.
        ("2026-11-01 01:30:00", "America/New_York", "2026-11-01T05:30:00Z"),
        ("2026-03-08 02:30:00", "America/New_York", "2026-03-08T07:00:00Z"),
        ("2011-12-30 12:00:00", "Pacific/Apia", "2011-12-30T10:00:00Z"),
    ] {
        let sql = format!("select cast('{text}' as timestamp) at time zone '{zone}'");
        assert_eq!(ask(&sql).await, [instant], "{text} {zone}");
    }
    let sql = "select cast(date '2026-11-30' as timestamp) at time zone zone, cast(null as timestamp) at time zone zone \
               from (values ('UTC'), ('Asia/Shanghai'), (null)) t(zone)";
    assert_eq!(ask(sql).await, ["2026-11-30T00:00:00Z ", "2026-11-29T16:00:00Z ", " "]);
    let err = try_ask(&at("2026-11-20T07:30:00", "Asia/Shangai")).await.unwrap_err();
    assert!(err.contains("did you mean `Asia/Shanghai`?"), "{err}");
    assert!(try_ask("select 1 at time zone 'UTC'").await.unwrap_err().contains("expected a timestamp"));
}

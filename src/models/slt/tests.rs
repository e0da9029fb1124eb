use super::*;
use crate::models::model::{Feed, FeedKind, Layer, Source};
use crate::models::types::ColumnType;

fn registry(config: &Config) -> Registry {
    let fields = [
        ("order_id", ColumnType::Text),
        ("quantity", ColumnType::Bigint),
        ("unit_price", ColumnType::Decimal(18, 4)),
        ("business_date", ColumnType::Date),
    ];
    let fields: Vec<_> =
        fields.iter().map(|(name, kind)| arrow::datatypes::Field::new(*name, kind.arrow(), true)).collect();
    let feed = Feed::new(FeedKind::Event, Arc::new(Schema::new(fields)));
    let source = |layer: Layer, name: &str, sql: &str, sidecar: &str| Source {
        layer,
        name: name.to_string(),
        path: format!("sql/{}/{name}", layer.folder()),
        sql: sql.to_string(),
        sidecar: sidecar.to_string(),
    };
    let (registry, problems) = Registry::from_sources(
        config,
        std::collections::BTreeMap::from([("sales".to_string(), feed)]),
        vec![
            source(
                Layer::Staging,
                "stg_sales",
                "select business_date, order_id, quantity, cast(quantity * unit_price as decimal(18, 4)) as net_amount from \
                 feeds.sales",
                "materialised = 'partitioned'\n[partition]\nby = 'business_date'\nunit = 'month'\n",
            ),
            source(
                Layer::Marts,
                "daily",
                "select business_date, sum(net_amount) as net_sales, cast(sum(quantity) as double) / nullif(count(*), 0) as \
                 average from stg_sales where business_date > $as_of_date - $near_days group by 1",
                "materialised = 'table'\n[[columns]]\nname = 'business_date'\ntype = 'date'\n\
                 [[columns]]\nname = 'net_sales'\ntype = 'decimal(18,4)'\n[[columns]]\nname = 'average'\ntype = 'double'\n",
            ),
        ],
    )
    .unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    registry
}

async fn play(script: &str) -> FileReport {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("daily.slt");
    std::fs::write(&path, script).unwrap();
    let config = Config::parse("", folder.path()).unwrap();
    let report = run(&files(folder.path()).unwrap(), &Arc::new(registry(&config)), &Arc::new(config)).await.unwrap();
    report.files.into_iter().next().unwrap()
}

#[tokio::test]
async fn rows_at_any_layer() {
    let report = play(
        "
statement ok
insert into feeds.sales (order_id, business_date, quantity, unit_price) values ('a', '2026-11-20', 2, 1.5), ('', '2026-11-20', 1, 10)

query TRR
select * from daily
----
2026-11-20 13.0000 1.5

query T
select order_id from stg_sales order by 1
----
(empty)
a

statement ok
set near_days = 1

query I
select count(*) from daily
----
0

statement ok
create table stg_sales (net_amount decimal(10, 1), business_date text) as values (7, '2026-11-22'), (8, '2026-11-22')

query ?
select *, arrow_typeof(net_sales) from daily
----
2026-11-22 15.0000 NULL Decimal128(18, 4)

query TTTT
select * from stg_sales order by net_amount
----
2026-11-22 NULL NULL 7.0000
2026-11-22 NULL NULL 8.0000
",
    )
    .await;
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    assert_eq!(report.passed, 8);
}

#[tokio::test]
async fn failures_are_told_by_line_and_the_rest_still_runs() {
    let report = play(
        "query I
select 1
----
2

statement ok
set nar_days = 1

statement ok
create table stg_sales (net_amont decimal(10, 1)) as values (7)

query II
select 1
----
1

query I
select 3
----
3
",
    )
    .await;
    assert_eq!(report.passed, 1);
    let told: Vec<(u32, &str)> =
        report.failures.iter().map(|failure| (failure.line, failure.message.as_str())).collect();
    assert_eq!(told.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 6, 9, 12]);
    assert!(told[0].1.contains("query result mismatch"), "{}", told[0].1);
    assert!(told[1].1.contains("unknown parameter `$nar_days` (did you mean `$near_days`?)"), "{}", told[1].1);
    assert!(
        told[2].1.contains("model `stg_sales` has no column `net_amont` (did you mean `net_amount`?)"),
        "{}",
        told[2].1
    );
}

#[tokio::test]
async fn inserts_into_a_model_have_its_types() {
    let report = play(
        "
statement ok
insert into stg_sales (business_date, net_amount) values ('2026-11-21', 5)

statement ok
insert into stg_sales (business_date, net_amount) values ('2026-11-21', 6)

query TRR
select * from daily
----
2026-11-21 11.0000 NULL
",
    )
    .await;
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
}

/// What a statement does not touch stays computed, and what it touches, directly or not, is computed again.
#[tokio::test]
async fn only_what_reads_a_changed_table_is_computed_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::parse("", folder.path()).unwrap();
    let mut database = Database::open(&Arc::new(registry(&config)), &config).await.unwrap();
    let computed = |database: &Database| database.computed.iter().cloned().collect::<Vec<_>>();
    database.execute("select * from daily").await.unwrap();
    assert_eq!(computed(&database), ["daily", "stg_sales"]);
    database.execute("insert into system.runs (run_id) values ('r')").await.unwrap();
    assert_eq!(computed(&database), ["daily", "stg_sales"], "nobody reads runs");
    database.execute("set near_days = 5").await.unwrap();
    assert_eq!(computed(&database), ["stg_sales"], "daily names the setting");
    database.execute("select * from daily").await.unwrap();
    database.execute("insert into feeds.sales (order_id) values ('o')").await.unwrap();
    assert_eq!(computed(&database), [""; 0]);
    database.execute("select * from daily").await.unwrap();
    database
        .execute("create table stg_sales as select date '2026-11-22' as business_date, 2.0000 as net_amount")
        .await
        .unwrap();
    assert_eq!(computed(&database), [""; 0], "given rows take the place of computed ones");
    let DBOutput::Rows { rows, .. } = database.execute("select net_sales from daily").await.unwrap() else { panic!() };
    assert_eq!(rows, [["2.0000"]]);
}

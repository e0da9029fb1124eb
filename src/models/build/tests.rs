mod asking;
mod failing;
mod histories;
mod lab;

use chrono::{Days, NaiveDate};
use lab::{BY_DAY, COMPANY, Lab, PRODUCTS, RECENT, SERIES, STAGING, TOTALS, ask, day, registry};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::*;
use crate::config::Config;
use crate::models::{Layer, Severity, plan};
use crate::store::Home;

fn company(lab: &Lab) -> Registry {
    let (registry, problems) = registry(&lab.config, COMPANY);
    assert!(problems.is_empty(), "{problems:?}");
    registry
}

async fn small() -> (Lab, Registry) {
    let mut lab = Lab::new();
    lab.launch("2026-01-01", &[("a", "toys"), ("b", "books")]).await;
    lab.sell("p1", &[("2026-09-30", "c1", "a", 1, 10_0000), ("2026-10-01", "c2", "b", 2, 5_5000)], None).await;
    lab.sell("p1", &[("2026-11-20", "c1", "z", 1, 1_0000), ("2026-11-23", "c1", "a", 7, 70_0000)], None).await;
    let registry = company(&lab);
    (lab, registry)
}

#[tokio::test]
async fn builds_then_reuses_everything() {
    let (mut lab, registry) = small().await;
    let first = lab.build(&registry, "2026-11-22", false).await.unwrap();
    assert!(first.failures.is_empty(), "{:?}", first.failures);
    assert_eq!(first.absent_feeds, [] as [&str; 0]);
    // Three months of three partitioned models, and one table.
    assert_eq!((first.built, first.reused), (10, 0));
    assert_eq!(
        ask(&first, "select * from totals").await,
        [
            r#"{"amount":5.5,"best_units":3,"category":"books","near_amount":5.5}"#,
            r#"{"amount":10.0,"best_units":1,"category":"toys","near_amount":10.0}"#,
            r#"{"amount":1.0,"best_units":1,"category":"unknown","near_amount":1.0}"#,
        ]
    );
    let objects = lab.stores.marts.list("").await.unwrap().len();
    let second = lab.build(&registry, "2026-11-22", false).await.unwrap();
    assert_eq!((second.built, second.reused), (0, 10));
    assert_eq!(second.statements, 0, "where nothing is new, nothing is planned: schemas are kept in the lake");
    assert_eq!(first.partitions, second.partitions);
    assert_eq!(lab.stores.marts.list("").await.unwrap().len(), objects);
}

#[tokio::test]
async fn rows_after_the_as_of_date_wait_for_their_day() {
    let (mut lab, registry) = small().await;
    let outcome = lab.build(&registry, "2026-11-22", false).await.unwrap();
    assert_eq!(ask(&outcome, "select max(business_date) as d from stg_sales").await, [r#"{"d":"2026-11-20"}"#]);
    let next = lab.build(&registry, "2026-11-23", false).await.unwrap();
    assert_eq!(ask(&next, "select max(business_date) as d from stg_sales").await, [r#"{"d":"2026-11-23"}"#]);
    // November of the three partitioned models and the one table; September and October stay.
    assert_eq!((next.built, next.reused), (4, 6));
    let quiet = lab.build(&registry, "2026-11-24", false).await.unwrap();
    // Nothing new: only the mart that names the date itself.
    assert_eq!((quiet.built, quiet.reused), (1, 9));
}

/// A series over the days of its partition goes on where its events stop, and a night without news builds no month but
/// the one that runs.
#[tokio::test]
async fn a_series_ends_with_the_night_and_not_with_its_events() {
    let mut lab = Lab::new();
    lab.sell("p1", &[("2026-09-30", "c1", "a", 1, 10_0000)], None).await;
    let (registry, problems) = registry(&lab.config, &[STAGING, PRODUCTS, SERIES]);
    assert!(problems.is_empty(), "{problems:?}");
    let days = "select count(*) as days, min(business_date) as first_day, max(business_date) as last_day from series";
    let night = lab.build(&registry, "2026-11-01", false).await.unwrap();
    assert_eq!(ask(&night, days).await, [r#"{"days":33,"first_day":"2026-09-30","last_day":"2026-11-01"}"#]);
    let next = lab.build(&registry, "2026-11-02", false).await.unwrap();
    let seen = r#"{"days":34,"first_day":"2026-09-30","last_day":"2026-11-02"}"#;
    assert_eq!(ask(&next, days).await, [seen]);
    assert_eq!((next.built, next.reused), (1, 5), "only November of the series");
    let full = lab.build(&registry, "2026-11-02", true).await.unwrap();
    assert_eq!(ask(&full, days).await, [seen]);
    let marks = |outcome: &BuildOutcome| -> Vec<String> {
        outcome.partitions.iter().map(|partition| partition.fingerprint.clone()).collect()
    };
    assert_eq!(marks(&next), marks(&full));
}

#[tokio::test]
async fn a_lookback_reads_so_far_and_no_further() {
    let mut lab = Lab::new();
    lab.sell("p1", &[("2026-10-02", "c", "a", 1, 0), ("2026-10-03", "c", "a", 10, 0)], None).await;
    lab.sell("p1", &[("2026-11-01", "c", "a", 100, 0), ("2026-11-02", "c", "a", 1000, 0)], None).await;
    let (registry, problems) = registry(&lab.config, COMPANY);
    assert!(problems.is_empty());
    let outcome = lab.build(&registry, "2026-11-30", false).await.unwrap();
    let sql = "select business_date, units_30 from recent where business_date >= date '2026-11-01' order by 1";
    assert_eq!(
        ask(&outcome, sql).await,
        [
            // 2 October is 30 days before 1 November: out of the 30 days, and of the 29 of the lookback.
            r#"{"business_date":"2026-11-01","units_30":110}"#,
            r#"{"business_date":"2026-11-02","units_30":1100}"#,
        ]
    );
    // A late row of October moves November's 30 days only where the lookback reaches.
    lab.sell("p1", &[("2026-10-01", "c", "late", 1, 0)], None).await;
    let outcome = lab.build(&registry, "2026-11-30", false).await.unwrap();
    let built: Vec<&str> = outcome
        .partitions
        .iter()
        .filter(|partition| partition.file.as_ref().is_some_and(|file| file.key.contains("run2")))
        .map(|partition| partition.partition.as_str())
        .collect();
    assert_eq!(built.iter().filter(|partition| **partition == "2026-10").count(), 3);
    // November's 30 days read October's partition, of which the file is new, although none of the rows read is.
    assert_eq!(built.iter().filter(|partition| **partition == "2026-11").count(), 1);
}

#[tokio::test]
async fn masked_dates_of_a_file_do_not_count() {
    let mut lab = Lab::new();
    let rows = [("2026-11-01", "c", "a", 1, 0), ("2026-11-02", "c", "a", 2, 0), ("2026-11-03", "c", "a", 4, 0)];
    lab.sell("p1", &rows, None).await;
    lab.sell("p2", &rows, None).await;
    let registry = company(&lab);
    let units = "select sum(quantity) as units from stg_sales";
    let outcome = lab.build(&registry, "2026-11-30", false).await.unwrap();
    assert_eq!(ask(&outcome, units).await, [r#"{"units":14}"#]);
    // A correction of one day of one partner.
    lab.sell("p1", &[("2026-11-02", "c", "a", 20, 0)], Some((day("2026-11-02"), day("2026-11-02")))).await;
    let outcome = lab.build(&registry, "2026-11-30", false).await.unwrap();
    assert_eq!(ask(&outcome, units).await, [r#"{"units":32}"#]);
    let sql = "select business_date, sum(quantity) as units from stg_sales group by 1 order by 1";
    assert_eq!(
        ask(&outcome, sql).await,
        [
            r#"{"business_date":"2026-11-01","units":2}"#,
            r#"{"business_date":"2026-11-02","units":22}"#,
            r#"{"business_date":"2026-11-03","units":8}"#,
        ]
    );
}

#[tokio::test]
async fn rows_sent_again_count_from_then() {
    let mut lab = Lab::new();
    lab.sell("p1", &[("2026-11-01", "old", "a", 1, 0), ("2026-12-01", "old", "a", 2, 0)], None).await;
    lab.sell("p1", &[("2026-11-01", "new", "a", 1, 0)], None).await;
    lab.inputs[1].resent_at = Some("2026-11-05T01:02:03Z".parse().unwrap());
    let sql = "select business_date, customer_id, _delivered_at as at from feeds.sales";
    let sidecar = "materialised = 'partitioned'\n[partition]\nby = 'business_date'\nunit = 'month'\n";
    let (registry, problems) = registry(&lab.config, &[(Layer::Staging, "stg_sales", sql, sidecar)]);
    assert!(problems.is_empty(), "{problems:?}");
    lab.models = vec!["stg_sales".to_string()];
    let outcome = lab.build(&registry, "2026-11-30", false).await.unwrap();
    assert_eq!(
        ask(&outcome, "select customer_id, at from stg_sales order by 1").await,
        [
            r#"{"at":"2026-11-05T01:02:03Z","customer_id":"new"}"#,
            r#"{"at":"1970-01-01T00:00:00Z","customer_id":"old"}"#,
        ]
    );
    lab.inputs[0].resent_at = Some("2026-11-06T00:00:00Z".parse().unwrap());
    let outcome = lab.build(&registry, "2026-11-30", false).await.unwrap();
    assert_eq!(outcome.built, 1);
}

#[tokio::test]
async fn late_reference_rows_heal_recent_months_only() {
    let (mut lab, registry) = small().await;
    lab.build(&registry, "2026-11-30", false).await.unwrap();
    lab.launch("2026-11-25", &[("z", "games")]).await;
    let outcome = lab.build(&registry, "2026-11-30", false).await.unwrap();
    let sql = "select category from stg_sales where sku = 'z'";
    assert_eq!(ask(&outcome, sql).await, [r#"{"category":"games"}"#]);
    let plan = plan(lab.plan(&registry, "2026-11-30", "x", false)).await.unwrap();
    assert!(plan.iter().all(|step| !step.build), "{plan:?}");
    // The snapshot lies within 45 days of October's end and beyond those of September's.
    let rebuilt = |month: &str| {
        let mut all = outcome.partitions.iter().filter(|partition| partition.model == "stg_sales");
        all.any(|partition| partition.partition == month && partition.file.as_ref().unwrap().key.contains("run2"))
    };
    assert_eq!([rebuilt("2026-09"), rebuilt("2026-10"), rebuilt("2026-11")], [false, true, true]);
    // October came out the same, so nothing that reads it is built again.
    let readers = outcome.partitions.iter().filter(|partition| partition.model != "stg_sales");
    let moved: Vec<_> = readers
        .filter(|partition| partition.file.as_ref().is_some_and(|file| file.key.contains("run2")))
        .map(|partition| format!("{} {}", partition.model, partition.partition))
        .collect();
    assert_eq!(moved, ["recent 2026-11", "by_day 2026-11", "totals all"]);
}

#[tokio::test]
async fn what_is_dated_in_a_month_belongs_to_it_however_late_it_came() {
    let mut lab = Lab::new();
    for date in ["2026-09-10", "2026-09-20", "2026-10-05", "2026-11-05"] {
        lab.sell("p1", &[(date, "c", "a", 1, 0)], None).await;
    }
    lab.quote("2026-09-01", &[("2026-09-01", 1)]).await;
    let rated = "select s.business_date, max_by(r.rate, r.rate_date) as rate from feeds.sales as s \
                 left join feeds.rates as r on r.rate_date <= s.business_date group by s.business_date";
    let sidecar = "materialised = 'partitioned'\n[partition]\nby = 'business_date'\nunit = 'month'\n";
    let (registry, problems) = registry(&lab.config, &[(Layer::Staging, "rated", rated, sidecar)]);
    assert!(problems.is_empty(), "{problems:?}");
    lab.models = vec!["rated".to_string()];
    lab.build(&registry, "2026-11-22", false).await.unwrap();
    // Long after the 45 days within which a snapshot of master data may still heal September.
    lab.quote("2026-11-21", &[("2026-09-01", 1), ("2026-09-15", 2), ("2026-10-01", 3), ("2026-11-01", 4)]).await;
    let outcome = lab.build(&registry, "2026-11-22", false).await.unwrap();
    let rates = "select rate from rated order by business_date";
    let expected = [1, 2, 3, 4].map(|rate| format!("{{\"rate\":{rate}}}"));
    assert_eq!(ask(&outcome, rates).await, expected);
    assert_eq!(outcome.built, 3);
    // The same once more and a day of November: only November has news.
    let again = [("2026-09-01", 1), ("2026-09-15", 2), ("2026-10-01", 3), ("2026-11-01", 4), ("2026-11-04", 5)];
    lab.quote("2026-11-22", &again).await;
    let outcome = lab.build(&registry, "2026-11-22", false).await.unwrap();
    assert_eq!((outcome.built, outcome.reused), (1, 2));
    let expected = [1, 2, 3, 5].map(|rate| format!("{{\"rate\":{rate}}}"));
    assert_eq!(ask(&outcome, rates).await, expected);
    let outcome = lab.build(&registry, "2026-11-22", true).await.unwrap();
    assert_eq!(ask(&outcome, rates).await, expected);
}

#[tokio::test]
async fn a_plan_says_what_would_be_built_and_why() {
    let (mut lab, registry) = small().await;
    let steps = plan(lab.plan(&registry, "2026-11-22", "x", false)).await.unwrap();
    assert!(steps.iter().all(|step| step.build && step.reason == "it was never built"));
    lab.build(&registry, "2026-11-22", false).await.unwrap();
    lab.sell("p2", &[("2026-10-15", "c", "a", 1, 1)], None).await;
    let steps = plan(lab.plan(&registry, "2026-11-22", "x", false)).await.unwrap();
    let told: Vec<String> = steps
        .iter()
        .filter(|step| step.build)
        .map(|step| format!("{} {}: {}", step.model, step.partition, step.reason))
        .collect();
    assert_eq!(
        told,
        [
            "stg_sales 2026-10: its SQL, its settings or what it reads has changed",
            "recent 2026-10: it reads stg_sales 2026-10, which is built again",
            "recent 2026-11: it reads stg_sales 2026-10, which is built again",
            "by_day 2026-10: it reads stg_sales 2026-10, which is built again",
            "totals all: it reads recent 2026-10, which is built again",
        ]
    );
}

#[tokio::test]
async fn a_setting_moves_only_the_models_that_name_it() {
    let (mut lab, registry) = small().await;
    lab.build(&registry, "2026-11-22", false).await.unwrap();
    lab.config = Config::parse("[settings]\nnear_days = 10\n", std::path::Path::new(".")).unwrap();
    let outcome = lab.build(&registry, "2026-11-22", false).await.unwrap();
    assert_eq!((outcome.built, outcome.reused), (1, 9));
    lab.config = Config::parse("[settings]\nnear_days = 10\nsafety_days = 70\n", std::path::Path::new(".")).unwrap();
    let outcome = lab.build(&registry, "2026-11-22", false).await.unwrap();
    assert_eq!((outcome.built, outcome.reused), (0, 10));
}

#[tokio::test]
async fn marts_carry_what_readers_need() {
    let (mut lab, registry) = small().await;
    let outcome = lab.build(&registry, "2026-11-22", false).await.unwrap();
    let totals = outcome.partitions.iter().find(|partition| partition.model == "totals").unwrap();
    let file = totals.file.as_ref().unwrap();
    assert_eq!(file.key, format!("totals/all/{}-run1.parquet", &totals.fingerprint[..16]));
    let bytes = lab.stores.marts.get_verified(&file.key, &file.sha256).await.unwrap();
    let reader = SerializedFileReader::new(bytes).unwrap();
    let metadata = reader.metadata().file_metadata();
    let about: BTreeMap<&str, &str> = metadata
        .key_value_metadata()
        .unwrap()
        .iter()
        .map(|pair| (pair.key.as_str(), pair.value.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(about["run_id"], "run1");
    assert_eq!(about["as_of_date"], "2026-11-22");
    assert_eq!(about["grain"], "category");
    assert_eq!(about["description_zh"], "合计");
    assert_eq!(about["column:amount"], "Amount · 金额");
    let schema = format!("{:?}", reader.metadata().file_metadata().schema());
    assert!(schema.contains("category") && !schema.contains("View"), "{schema}");
    assert!(reader.metadata().row_group(0).column(1).statistics().is_some());
    assert!(reader.metadata().column_index().is_none() || reader.metadata().offset_index().is_some());
}

#[tokio::test]
async fn an_empty_mart_has_a_file_and_an_empty_partition_has_none() {
    let mut lab = Lab::new();
    let registry = company(&lab);
    let outcome = lab.build(&registry, "2026-11-22", false).await.unwrap();
    assert_eq!(outcome.absent_feeds.len(), 2, "{:?}", outcome.absent_feeds);
    let files: Vec<_> =
        outcome.partitions.iter().map(|partition| (partition.model.as_str(), partition.file.is_some())).collect();
    assert_eq!(files, [("totals", true)]);
    lab.sell("p1", &[("2026-09-01", "c", "a", 1, 0), ("2026-11-01", "c", "a", 1, 0)], None).await;
    let outcome = lab.build(&registry, "2026-11-22", false).await.unwrap();
    let october: Vec<_> = outcome.partitions.iter().filter(|partition| partition.partition == "2026-10").collect();
    assert_eq!(october.len(), 3);
    assert!(october.iter().all(|partition| partition.file.is_none()));
    assert_eq!(ask(&outcome, "select count(*) as n from by_day").await, [r#"{"n":2}"#]);
}

#[tokio::test]
async fn a_query_within_partitions_looks_at_what_was_built_again() {
    let mut lab = Lab::new();
    lab.sell("p1", &[("2026-10-01", "c1", "a", 1, 0), ("2026-11-01", "c1", "a", 1, 0)], None).await;
    let checks = |within: &str| {
        let sql = "select min(business_date) as first from stg_sales having min(business_date) < date '2026-11-01'";
        format!("{}\n[[checks]]\nkind = 'query'\nsql = \"{sql}\"\nseverity = 'warn'\n{within}", STAGING.3)
    };
    let mut told = Vec::new();
    for within in ["within_partition = true\n", ""] {
        let sidecar = checks(within);
        let files = [(STAGING.0, STAGING.1, STAGING.2, sidecar.as_str()), PRODUCTS, RECENT, TOTALS, BY_DAY];
        let (registry, problems) = registry(&lab.config, &files);
        assert!(problems.is_empty(), "{problems:?}");
        let first = lab.build(&registry, "2026-11-22", true).await.unwrap().failures.len();
        lab.sell("p1", &[("2026-11-02", if within.is_empty() { "c3" } else { "c2" }, "a", 1, 0)], None).await;
        let second = lab.build(&registry, "2026-11-22", false).await.unwrap().failures.len();
        told.push((first, second));
    }
    assert_eq!(told, [(1, 0), (1, 1)], "October was not built again; a query without the word reads all there is");
}

#[tokio::test]
async fn what_holds_is_checked_on_the_way_and_a_view_is_computed_once() {
    let (lab, _) = small().await;
    let checks = "[[checks]]\nkind = 'not_null'\ncolumns = ['business_date']\n\
                  [[checks]]\nkind = 'unique'\ncolumns = ['business_date']\n\
                  [[checks]]\nkind = 'expression'\nsql = 'lines > 0 and lines < $near_days'\n";
    let checked = format!("{}{checks}", BY_DAY.3);
    let again = (STAGING.0, "stg_again", STAGING.2, STAGING.3);
    let base: &[_] = &[STAGING, PRODUCTS, BY_DAY];
    let with_checks: &[_] = &[STAGING, PRODUCTS, (BY_DAY.0, BY_DAY.1, BY_DAY.2, checked.as_str())];
    let with_reader: &[_] = &[STAGING, PRODUCTS, BY_DAY, again];
    let mut statements = Vec::new();
    for files in [base, with_checks, with_reader] {
        let mut lab = Lab { stores: lab.stores.clone(), inputs: lab.inputs.clone(), ..Lab::new() };
        lab.models.extend((files.len() > 3).then(|| "stg_again".to_string()));
        let (registry, problems) = registry(&lab.config, files);
        assert!(problems.is_empty(), "{problems:?}");
        let outcome = lab.build(&registry, "2026-11-22", true).await.unwrap();
        assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
        statements.push(outcome.statements);
    }
    assert_eq!(statements[1], statements[0], "three checks that hold ask nothing");
    assert_eq!(statements[2], statements[0] + 4, "one schema and three months, but not the view a second time");
}

#[tokio::test]
async fn published_marts_answer_questions() {
    let (mut lab, registry) = small().await;
    let outcome = lab.build(&registry, "2026-11-22", false).await.unwrap();
    let sql = "select count(*) as days, sum(lines) as lines from by_day";
    let questions =
        crate::models::ask::Questions::published(&registry, &lab.config, &lab.stores, &outcome.partitions).unwrap();
    let rows = crate::models::outcome::rows(&questions.ask(sql).await.unwrap()).unwrap();
    assert_eq!(serde_json::to_string(&rows).unwrap(), r#"[{"days":3,"lines":3}]"#);
    for (sql, said, help) in [
        ("select * from stg_sales", "there is no table `stg_sales`", "show tables"),
        ("select * from by_dayz", "there is no table `by_dayz`", "did you mean `by_day`?"),
        ("select linez from by_day", "query:1:8: there is no column `linez`", "did you mean `lines`?"),
        ("select zzz from by_day", "there is no column `zzz`", "columns are: "),
        ("drop table by_day", "only questions are answered here", "describe TABLE"),
    ] {
        let err = questions.ask(sql).await.unwrap_err();
        assert!(err.to_string().contains(said), "{sql}: {err}");
        assert!(err.advice().is_some_and(|hint| hint.contains(help)), "{sql}: {:?}", err.advice());
    }
    let none = questions.ask("select * from by_day where false").await.unwrap();
    assert_eq!((none.len(), none[0].num_rows()), (1, 0), "an answer without rows has its columns");
}

/// A dimension lacks a key of September and one of November: both are told, and the word for all of them is none. A night
/// that builds November alone asks November alone.
#[tokio::test]
async fn keys_that_a_dimension_lacks_are_told_and_hold_nothing_up() {
    let dimension = (
        Layer::Marts,
        "dim_sku",
        "select sku, $as_of_date as seen_on from products_known",
        "grain = 'article'\nkey = ['sku']\nmaterialised = 'table'\n\
         [[columns]]\nname = 'sku'\ntype = 'text'\n[[columns]]\nname = 'seen_on'\ntype = 'date'\n",
    );
    let facts = (
        Layer::Marts,
        "sold",
        "select business_date, sku, sum(quantity) as units from stg_sales group by business_date, sku",
        "grain = 'day'\nkey = ['business_date', 'sku']\nmaterialised = 'partitioned'\n\
         [partition]\nby = 'business_date'\nunit = 'month'\n\
         [[columns]]\nname = 'business_date'\ntype = 'date'\n\
         [[columns]]\nname = 'sku'\ntype = 'text'\nreferences = { to = 'dim_sku.sku', besides = ['all'] }\n\
         [[columns]]\nname = 'units'\ntype = 'bigint'\n",
    );
    let mut lab = Lab::new();
    lab.launch("2026-01-01", &[("a", "toys")]).await;
    let sold = |day, sku| (day, "c", sku, 1, 0);
    lab.sell("p1", &[sold("2026-09-30", "old"), sold("2026-09-30", "a"), sold("2026-11-20", "all")], None).await;
    lab.sell("p2", &[sold("2026-11-21", "new"), sold("2026-11-22", "new")], None).await;
    let (registry, problems) = registry(&lab.config, &[STAGING, PRODUCTS, dimension, facts]);
    assert!(problems.is_empty(), "{problems:?}");
    let first = lab.build(&registry, "2026-11-22", false).await.unwrap();
    let told: Vec<_> = first.failures.iter().map(|failure| (failure.severity, failure.message.as_str())).collect();
    let both = "sold: sku must be found in dim_sku.sku: 2 keys are not, such as new, old";
    assert_eq!(told, [(Severity::Warn, both)]);
    lab.sell("p3", &[sold("2026-11-23", "a")], None).await;
    let second = lab.build(&registry, "2026-11-23", false).await.unwrap();
    let told: Vec<_> = second.failures.iter().map(|failure| failure.message.as_str()).collect();
    assert_eq!(told, ["sold: sku must be found in dim_sku.sku: 1 key is not, such as new"]);
    let quiet = lab.build(&registry, "2026-11-23", false).await.unwrap();
    assert_eq!((quiet.failures.len(), quiet.statements), (0, 0), "what was not built is not asked again");
}

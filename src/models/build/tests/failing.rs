//! What a build says when a check, a model or an object fails, and that it leaves nothing behind.

use super::lab::*;
use super::*;
use crate::config::Config;

#[tokio::test]
async fn failed_checks_are_told_with_rows() {
    let mut lab = Lab::new();
    lab.sell("p1", &[("2026-11-01", "c1", "a", -3, 0), ("2026-11-01", "c1", "a", 5, 0)], None).await;
    let checks = "\n[[checks]]\nkind = 'expression'\nsql = 'quantity > 0'\nseverity = 'warn'\nnote = 'returns are marked'\n\
                  [[checks]]\nkind = 'unique'\ncolumns = ['business_date', 'customer_id', 'sku']\n\
                  [[checks]]\nkind = 'not_null'\ncolumns = ['sku']\n\
                  [[checks]]\nkind = 'accepted'\ncolumn = 'sku'\nvalues = ['b']\n\
                  [[checks]]\nkind = 'relationship'\ncolumn = 'sku'\nto = 'products_known.sku'\n\
                  [[checks]]\nkind = 'query'\nsql = 'select sum(quantity) as units from stg_sales having sum(quantity) <> 2'\n";
    let sidecar = format!("{}{checks}", STAGING.3);
    let files = [(STAGING.0, STAGING.1, STAGING.2, sidecar.as_str()), PRODUCTS, RECENT, TOTALS, BY_DAY];
    let (registry, problems) = registry(&lab.config, &files);
    assert!(problems.is_empty(), "{problems:?}");
    let outcome = lab.build(&registry, "2026-11-30", false).await.unwrap();
    let told: Vec<(&str, Severity, &str)> = outcome
        .failures
        .iter()
        .map(|failure| (failure.kind.as_str(), failure.severity, failure.message.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                "expression",
                Severity::Warn,
                "stg_sales: quantity > 0 must hold (returns are marked): 1 rows do not hold, such as \
                 business_date = 2026-11-01, customer_id = c1, sku = a"
            ),
            (
                "unique",
                Severity::Error,
                "stg_sales: business_date, customer_id, sku must be unique: 1 rows do not hold, such as \
                 business_date = 2026-11-01, customer_id = c1, sku = a, copies = 2"
            ),
            (
                "accepted",
                Severity::Error,
                "stg_sales: sku must be one of b: 2 rows do not hold, such as business_date = 2026-11-01, \
                 customer_id = c1, sku = a; business_date = 2026-11-01, customer_id = c1, sku = a"
            ),
            (
                "relationship",
                Severity::Error,
                "stg_sales: sku must be found in products_known.sku: 2 rows do not hold, such as \
                 business_date = 2026-11-01, customer_id = c1, sku = a; business_date = 2026-11-01, customer_id = c1, sku = a"
            ),
        ]
    );
    let again = lab.build(&registry, "2026-11-30", false).await.unwrap();
    assert!(again.failures.is_empty(), "what was not built is not checked again");
}

/// A check that is new or says something else is asked of rows that stand, too; once, and nothing is built for it.
#[tokio::test]
async fn a_changed_check_is_asked_of_rows_that_were_built_before() {
    let mut lab = Lab::new();
    lab.sell("p1", &[("2026-10-01", "c", "a", 5, 1), ("2026-11-01", "c", "a", 2, 1)], None).await;
    let (plain, _) = registry(&lab.config, COMPANY);
    lab.build(&plain, "2026-11-30", false).await.unwrap();
    let checked = |sql: &str| format!("{}[[checks]]\nkind = 'expression'\nsql = '{sql}'\n", STAGING.3);
    let mut failed = Vec::new();
    for (sql, settings) in [
        ("quantity <> 5", ""),
        ("quantity <> 5", ""),
        ("quantity < 10", ""),
        ("quantity < 5", ""),
        ("quantity < $hold_days", "[settings]\nhold_days = 10\n"),
        ("quantity < $hold_days", "[settings]\nhold_days = 3\n"),
    ] {
        lab.config = Config::parse(&format!("[engine]\nthreads = 2\n{settings}"), std::path::Path::new(".")).unwrap();
        let sidecar = checked(sql);
        let files = [(STAGING.0, STAGING.1, STAGING.2, sidecar.as_str()), PRODUCTS, RECENT, TOTALS, BY_DAY];
        let (registry, problems) = registry(&lab.config, &files);
        assert!(problems.is_empty(), "{problems:?}");
        let outcome = lab.build(&registry, "2026-11-30", false).await.unwrap();
        assert_eq!(outcome.built, 0, "{sql}");
        failed.push(outcome.failures.iter().map(|failure| failure.rows).sum::<u64>());
    }
    assert_eq!(failed, [1, 0, 0, 1, 0, 1]);
}

#[tokio::test]
async fn a_failing_model_is_named_and_leaves_no_object() {
    let mut lab = Lab::new();
    lab.sell("p1", &[("2026-11-01", "c", "a", 0, 1)], None).await;
    let sql = "select sku as category, sum(amount) as amount, sum(amount) as near_amount,\n    max(10 / quantity) as best_units\nfrom stg_sales group by 1";
    let files = [STAGING, PRODUCTS, (TOTALS.0, TOTALS.1, sql, TOTALS.3)];
    let (registry, problems) = registry(&lab.config, &files);
    assert!(problems.is_empty(), "{problems:?}");
    let err = lab.build(&registry, "2026-11-30", false).await.unwrap_err();
    assert_eq!(err.one_line(), "sql/marts/totals.sql: divide by zero error");
    assert!(lab.stores.marts.list("").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_value_that_does_not_fit_its_declared_type_is_an_error_and_leaves_no_object() {
    let mut lab = Lab::new();
    lab.sell("p1", &[("2026-11-01", "c", "a", 1, 1)], None).await;
    let sql = "select sku as category, cast(1000000000000000 as decimal(20, 0)) * max(quantity) as amount, sum(amount) as near_amount, max(quantity) as best_units from stg_sales group by 1";
    let files = [STAGING, PRODUCTS, (TOTALS.0, TOTALS.1, sql, TOTALS.3)];
    let (registry, _) = registry(&lab.config, &files);
    let err = lab.build(&registry, "2026-11-30", false).await.unwrap_err();
    assert!(
        err.one_line().starts_with("sql/marts/totals.sql: column `amount` (Decimal128(18, 4)): "),
        "{}",
        err.one_line()
    );
    assert!(lab.stores.marts.list("").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_panic_of_the_engine_is_an_error_of_the_model() {
    let mut lab = Lab::new();
    lab.sell("p1", &[("2026-11-01", "c", "a", 1, 1)], None).await;
    let sql = "select sku as category, 1e17 * cast(sum(quantity) as decimal(20, 0)) as amount, sum(amount) as near_amount, \
               max(quantity) as best_units from stg_sales group by 1";
    let (registry, _) = registry(&lab.config, &[STAGING, PRODUCTS, (TOTALS.0, TOTALS.1, sql, TOTALS.3)]);
    let err = lab.build(&registry, "2026-11-30", false).await.unwrap_err();
    assert!(err.one_line().starts_with("sql/marts/totals.sql"), "{}", err.one_line());
}

/// The engine names a number at best; we name the group that it belongs to.
#[tokio::test]
async fn an_overflow_is_told_with_the_key_of_its_group() {
    let mut lab = Lab::new();
    let large = 999_999_999_999_990_000;
    let rows = [("2026-11-01", "c", "a", 1, 1), ("2026-11-01", "c", "b", 1, large), ("2026-11-02", "c", "b", 1, large)];
    lab.sell("p1", &rows, None).await;
    let sql = "select sku as category, cast(sum(amount) as decimal(18,4)) as amount, \
               cast(0 as decimal(18,4)) as near_amount, max(quantity) as best_units from stg_sales group by 1";
    for sql in [sql, &sql.replace("cast(sum(amount) as decimal(18,4))", "sum(amount)")] {
        let (registry, _) = registry(&lab.config, &[STAGING, PRODUCTS, (TOTALS.0, TOTALS.1, sql, TOTALS.3)]);
        let err = lab.build(&registry, "2026-11-30", false).await.unwrap_err();
        assert_eq!(err.kind(), crate::error::Kind::Data);
        let told = err.one_line();
        assert!(told.starts_with("sql/marts/totals.sql: "), "{told}");
        assert!(told.ends_with("too large for its column: category = b, amount = 199999999999998.0000"), "{told}");
    }
}

/// What failed stops its readers only; what was written beside it is taken over, and its checks are asked again.
#[tokio::test]
async fn a_line_that_is_set_aside_is_not_read_and_the_rest_is_not_built_again() {
    let mut lab = Lab::new();
    lab.sell("p1", &[("2026-11-01", "c", "a", 0, 1), ("2026-11-01", "c", "b", 2, 1)], None).await;
    lab.sell("p2", &[("2026-10-01", "c", "a", 5, 1)], None).await;
    let sql = "select sku as category, sum(amount) as amount, sum(amount) as near_amount,\n    max(10 / quantity) as best_units\nfrom stg_sales group by 1";
    let (registry, _) = registry(&lab.config, &[STAGING, PRODUCTS, (TOTALS.0, TOTALS.1, sql, TOTALS.3)]);
    let plan = lab.plan(&registry, "2026-11-30", "run1", false);
    let broken = build(plan, &|_| ()).await.unwrap_err();
    assert_eq!(broken.model.as_deref(), Some("totals"));
    let made: Vec<&str> = broken.made.iter().map(|one| one.partition.as_str()).collect();
    assert_eq!(made, ["2026-10", "2026-11"]);
    for one in broken.made {
        lab.made.insert((one.model.clone(), one.partition.clone(), one.fingerprint.clone()), one);
    }
    let line = crate::state::record::Lines { file: "file.csv".into(), from: 1, to: 1 };
    lab.inputs[0].without = vec![line];
    let outcome = lab.build(&registry, "2026-11-30", true).await.unwrap();
    let rows = ask(&outcome, "select category, best_units from totals order by 1").await;
    assert_eq!(rows, [r#"{"best_units":2,"category":"a"}"#, r#"{"best_units":5,"category":"b"}"#]);
    let october = outcome.partitions.iter().find(|one| one.partition == "2026-10").unwrap();
    assert!(october.file.as_ref().unwrap().key.contains("run1"), "taken over, even in a full refresh");
}

#[tokio::test]
async fn a_row_without_its_partition_date_is_refused() {
    let mut lab = Lab::new();
    lab.sell("p1", &[("2026-11-01", "c", "a", 1, 1)], None).await;
    let sql = "select nullif(business_date, date '2026-11-01') as business_date, 1 as lines, amount from stg_sales";
    let (registry, _) = registry(&lab.config, &[STAGING, PRODUCTS, (BY_DAY.0, BY_DAY.1, sql, BY_DAY.3)]);
    let err = lab.build(&registry, "2026-11-30", false).await.unwrap_err();
    assert_eq!(err.one_line(), "sql/marts/by_day.sql: 1 rows have no `business_date`, so they belong to no partition");
}

#[tokio::test]
async fn a_missing_object_is_an_error_and_never_no_rows() {
    let (mut lab, registry) = small().await;
    let key = lab.inputs[1].staged.as_ref().unwrap().key.clone();
    lab.stores.lake.delete(&key).await.unwrap();
    let err = lab.build(&registry, "2026-11-30", false).await.unwrap_err();
    assert!(err.one_line().contains(&key), "{}", err.one_line());
    assert_eq!(err.kind(), crate::error::Kind::Input);
}

#[tokio::test]
async fn a_damaged_object_is_an_error_and_never_another_answer() {
    let (mut lab, registry) = small().await;
    let file = lab.inputs[1].staged.clone().unwrap();
    let mut bytes = lab.stores.lake.get(&file.key).await.unwrap().to_vec();
    bytes[40] ^= 1;
    lab.stores.lake.put(&file.key, bytes).await.unwrap();
    let err = lab.build(&registry, "2026-11-30", false).await.unwrap_err();
    assert!(err.one_line().contains("was damaged or changed after it was written"), "{}", err.one_line());
    assert_eq!(err.kind(), crate::error::Kind::Input);
}

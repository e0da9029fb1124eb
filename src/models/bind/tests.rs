use datafusion::config::Dialect;
use datafusion::prelude::SessionContext;

use super::*;

fn parameters() -> Parameters {
    let text = "[settings]\nlabel = \"it's\"\noffset = -3\nshift = -0.25\nflag = true\nday = 2026-02-03\n";
    let config = Config::parse(text, std::path::Path::new(".")).unwrap();
    Parameters::of(&config, "2026-11-22".parse().unwrap(), "run-1").unwrap()
}

fn bound(sql: &str) -> Result<String> {
    let mut statement = SessionContext::new().state().sql_to_statement(sql, &Dialect::Generic).unwrap();
    parameters().bind(&mut statement)?;
    Ok(statement.to_string())
}

#[test]
fn parameters_become_typed_literals() {
    assert_eq!(bound("select $near_days").unwrap(), "SELECT 90");
    assert_eq!(bound("select $offset").unwrap(), "SELECT (-3)");
    assert_eq!(bound("select $overstock_limit").unwrap(), "SELECT CAST(0.3 AS DECIMAL(18,6))");
    assert_eq!(bound("select $shift").unwrap(), "SELECT CAST((-0.25) AS DECIMAL(18,6))");
    assert_eq!(bound("select $label").unwrap(), "SELECT 'it''s'");
    assert_eq!(bound("select $flag").unwrap(), "SELECT true");
    assert_eq!(bound("select $as_of_date").unwrap(), "SELECT CAST('2026-11-22' AS DATE)");
    assert_eq!(bound("select $day").unwrap(), "SELECT CAST('2026-02-03' AS DATE)");
    assert_eq!(bound("select $run_id, $base_currency, $time_zone").unwrap(), "SELECT 'run-1', 'CNY', 'Asia/Shanghai'");
}

#[test]
fn parameters_work_where_the_engine_s_own_do_not() {
    let window = "select sum(x) over (order by y rows between $near_days preceding and current row) from t";
    assert!(bound(window).unwrap().contains("BETWEEN 90 PRECEDING"));
    assert!(bound("select * from generate_series($offset, $near_days)").unwrap().contains("(-3), 90"));
    assert!(bound("select * from t limit $near_days").unwrap().ends_with("LIMIT 90"));
}

#[test]
fn unknown_parameters_are_named() {
    let err = bound("select $nar_days").unwrap_err();
    assert_eq!(err.to_string(), "unknown parameter `$nar_days`");
    assert_eq!(err.advice(), Some("did you mean `$near_days`?"));
}

#[test]
fn a_value_keeps_its_type() {
    let mut parameters = parameters();
    parameters.set("near_days", "30").unwrap();
    parameters.set("as_of_date", "'2026-01-31'").unwrap();
    parameters.set("overstock_limit", "0.5").unwrap();
    assert_eq!(parameters.get("near_days"), Some(&Value::Bigint(30)));
    assert_eq!(parameters.get("overstock_limit"), Some(&Value::Decimal("0.5".to_string())));
    assert_eq!(parameters.set("near_days", "soon").unwrap_err().to_string(), "$near_days: soon is not a bigint");
    assert_eq!(
        parameters.set("overstock_limit", "0.12345678").unwrap_err().to_string(),
        "$overstock_limit: 0.12345678 is not a decimal(18,6)"
    );
    let names = ["near_days", "as_of_date"].map(str::to_string).into();
    assert_eq!(parameters.describe(&names), "as_of_date=date:2026-01-31\nnear_days=bigint:30\n");
}

#[test]
fn what_is_not_cut_into_months_has_all_days_to_the_as_of_date() {
    let mut parameters = parameters();
    let date = |text: &str| Some(Value::Date(text.parse().unwrap()));
    assert_eq!(parameters.get("partition_from").cloned(), date("1900-01-01"));
    assert_eq!(parameters.get("partition_to").cloned(), date("2026-11-22"));
    parameters.set("as_of_date", "2026-01-31").unwrap();
    assert_eq!(parameters.get("partition_to").cloned(), date("2026-01-31"));
    let month = parameters.within("2026-01-01".parse().unwrap(), "2026-01-20".parse().unwrap());
    assert_eq!(month.get("partition_from").cloned(), date("2026-01-01"));
    assert_eq!(month.get("partition_to").cloned(), date("2026-01-20"));
}

#[test]
fn a_setting_must_not_take_a_name_that_every_run_gives() {
    let config = Config::parse("[settings]\nas_of_date = 1\n", std::path::Path::new(".")).unwrap();
    let err = Parameters::of(&config, NaiveDate::default(), "").unwrap_err();
    assert_eq!(err.to_string(), "settings.as_of_date is a name that every run gives itself");
}

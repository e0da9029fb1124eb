use super::*;

const GOOD: &str = "
grain = 'channel × month'
key = ['channel_id', 'month']
materialised = 'table'
[description]
en = 'Sales'
zh = '销售'
[[columns]]
name = 'channel_id'
type = 'text'
[[columns]]
name = 'month'
type = 'date'
[[columns]]
name = 'net_sales'
type = 'decimal(18,4)'
unit = 'CNY'
[[checks]]
kind = 'unique'
columns = ['channel_id', 'month']
[[checks]]
kind = 'relationship'
column = 'channel_id'
to = 'stg_channels.channel_id'
severity = 'warn'
";

fn refused(text: &str) -> String {
    let err = Sidecar::parse(text, false).unwrap_err();
    format!("{err} ({})", err.advice().unwrap_or_default())
}

#[test]
fn a_sound_sidecar_is_read() {
    let sidecar = Sidecar::parse(GOOD, false).unwrap();
    assert_eq!(sidecar.column("net_sales").unwrap().kind, ColumnType::Decimal(18, 4));
    assert_eq!(sidecar.checks[1].severity, Severity::Warn);
    let to = ("channel_id".to_string(), "stg_channels".to_string(), "channel_id".to_string());
    assert_eq!(sidecar.checks[1].rule, Rule::Relationship(to.0, to.1, to.2));
}

#[test]
fn faults_say_what_was_meant() {
    assert_eq!(
        refused(&GOOD.replace("materialised", "materialized")),
        "line 4: unknown field `materialized`, expected one of `grain`, `key`, `materialised`, `partition`, \
         `description`, `columns`, `checks` (did you mean `materialised`?)"
    );
    assert_eq!(
        refused(&GOOD.replace("kind = 'unique'", "kind = 'uniqe'")),
        "check 1: unknown kind \"uniqe\" (did you mean \"unique\"?)"
    );
    assert_eq!(
        refused(&GOOD.replace("column = 'channel_id'", "column = 'chanel_id'")),
        "check 2: column `chanel_id` is not among the declared columns (did you mean `channel_id`?)"
    );
    assert_eq!(
        refused(&GOOD.replace("key = ['channel_id', 'month']", "key = ['channel_id', 'months']")),
        "column `months` is not among the declared columns (did you mean `month`?)"
    );
    let wide = refused(&GOOD.replace("decimal(18,4)", "decimal(38,4)"));
    assert!(wide.contains("unknown type \"decimal(38,4)\"; expected text, bigint"), "{wide}");
    assert_eq!(
        refused(&GOOD.replace("'table'", "'partitioned'")),
        "a partitioned model needs a [partition] table (name the date column and the unit: [partition] by = \
         \"business_date\" unit = \"month\")"
    );
    assert_eq!(
        refused("grain = 'x'"),
        "`materialised` is missing (say materialised = \"view\", \"table\" or \"partitioned\")"
    );
    assert_eq!(
        refused(&GOOD.replace("columns = ['channel_id', 'month']\n", "")),
        "check 1: a check of kind unique needs `columns` ()"
    );
    let twice = refused(&GOOD.replace("name = 'month'", "name = 'channel_id'"));
    assert_eq!(twice, "column `channel_id` is declared twice ()");
}

#[test]
fn only_an_alert_has_an_alert_table() {
    let text = format!("{GOOD}\n[alert]\nseverity = 'warning'\n");
    let kept = Sidecar::parse(&text, true).unwrap();
    assert_eq!(kept.extra["alert"]["severity"].as_str(), Some("warning"));
    assert!(refused(&text).contains("unknown field `alert`"));
}

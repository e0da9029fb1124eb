use arrow::util::pretty::pretty_format_batches;

use super::*;

fn rows(text: &str) -> Vec<toml::Table> {
    let table: toml::Table = toml::from_str(text).unwrap();
    table["rows"].as_array().unwrap().iter().map(|row| row.as_table().unwrap().clone()).collect()
}

#[test]
fn rows_become_typed_columns() {
    let batch = table(
        "limits",
        &rows("rows = [{ kind = 'a', share = 0.15, days = 3 }, { kind = 'b', share = 1, since = 2026-01-02 }]"),
    )
    .unwrap();
    let types: Vec<String> =
        batch.schema().fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect();
    assert_eq!(types, ["kind Utf8", "share Decimal128(18, 6)", "days Int64", "since Date32"]);
    let text = pretty_format_batches(&[batch]).unwrap().to_string();
    assert!(text.contains("| a    | 0.150000 | 3    |            |"), "{text}");
    assert!(text.contains("| b    | 1.000000 |      | 2026-01-02 |"), "{text}");
}

#[test]
fn a_column_of_mixed_types_is_refused() {
    let err = table("limits", &rows("rows = [{ share = 1 }, { share = 'all' }]")).unwrap_err();
    assert_eq!(err.to_string(), "tables.limits: share: values of different types: bigint, text");
}

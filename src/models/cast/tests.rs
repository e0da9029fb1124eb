use arrow::array::{
    Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
    TimestampNanosecondArray, UInt64Array,
};
use arrow::util::display::array_value_to_string;

use super::*;

fn conform(array: ArrayRef, kind: ColumnType) -> Result<String> {
    let schema = Arc::new(Schema::new(vec![Field::new("x", array.data_type().clone(), true)]));
    let column = Column {
        name: "x".to_string(),
        kind,
        unit: None,
        additive: None,
        references: None,
        en: String::new(),
        zh: String::new(),
    };
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![array]).unwrap();
    let done = Conform::new(&schema, &[column])?.apply(&batch)?;
    Ok(array_value_to_string(done.column(0), 0).unwrap())
}

fn refused(array: impl Array + 'static, kind: ColumnType) -> String {
    conform(Arc::new(array), kind).unwrap_err().to_string()
}

fn decimal(value: i128, precision: u8, scale: i8) -> Decimal128Array {
    Decimal128Array::from(vec![value]).with_precision_and_scale(precision, scale).unwrap()
}

#[test]
fn what_fits_is_cast() {
    let money = ColumnType::Decimal(18, 4);
    assert_eq!(conform(Arc::new(decimal(1_234_565, 38, 6)), money).unwrap(), "1.2346");
    assert_eq!(conform(Arc::new(decimal(-1_234_550, 38, 6)), money).unwrap(), "-1.2346");
    assert_eq!(conform(Arc::new(Int64Array::from(vec![7])), money).unwrap(), "7.0000");
    assert_eq!(conform(Arc::new(UInt64Array::from(vec![7])), ColumnType::Bigint).unwrap(), "7");
    assert_eq!(conform(Arc::new(decimal(70, 5, 1)), ColumnType::Bigint).unwrap(), "7");
    assert_eq!(conform(Arc::new(Float64Array::from(vec![2.5])), ColumnType::Double).unwrap(), "2.5");
    let midnight = TimestampNanosecondArray::from(vec![86_400_000_000_000]);
    assert_eq!(conform(Arc::new(midnight.clone()), ColumnType::Date).unwrap(), "1970-01-02");
    assert_eq!(conform(Arc::new(midnight), ColumnType::Timestamp).unwrap(), "1970-01-02T00:00:00Z");
    let utc = TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC");
    assert_eq!(conform(Arc::new(utc), ColumnType::Timestamp).unwrap(), "1970-01-01T00:00:00.000001Z");
}

#[test]
fn what_does_not_fit_is_refused_with_the_value() {
    let wide = refused(decimal(10_i128.pow(20), 38, 0), ColumnType::Decimal(18, 4));
    assert!(wide.starts_with("column `x` (Decimal128(18, 4)): ") && wide.contains("too large"), "{wide}");
    assert_eq!(
        refused(decimal(75, 5, 1), ColumnType::Bigint),
        "column `x` (Int64): a value of type Decimal128(5, 1) does not fit without loss: 7.5"
    );
    let noon = TimestampNanosecondArray::from(vec![43_200_000_000_000]);
    assert_eq!(
        refused(noon, ColumnType::Date),
        "column `x` (Date32): a value of type Timestamp(ns) does not fit without loss: 1970-01-01T12:00:00"
    );
    assert!(refused(UInt64Array::from(vec![u64::MAX]), ColumnType::Bigint).starts_with("column `x` (Int64): "));
    assert_eq!(
        refused(Float64Array::from(vec![f64::INFINITY]), ColumnType::Double),
        "column `x` (Float64): a value is NaN or infinite; guard the divisor with nullif"
    );
}

#[test]
fn text_never_becomes_something_else() {
    assert_eq!(
        refused(StringArray::from(vec!["7"]), ColumnType::Bigint),
        "column `x` is declared bigint but the query gives Utf8"
    );
    assert_eq!(
        refused(Int64Array::from(vec![7]), ColumnType::Text),
        "column `x` is declared text but the query gives Int64"
    );
    assert_eq!(
        refused(Date32Array::from(vec![7]), ColumnType::Boolean),
        "column `x` is declared boolean but the query gives Date32"
    );
}

#[test]
fn names_and_order_are_those_declared() {
    let column = |name: &str| Column {
        name: name.to_string(),
        kind: ColumnType::Bigint,
        unit: None,
        additive: None,
        references: None,
        en: String::new(),
        zh: String::new(),
    };
    let found = |names: &[&str]| {
        Schema::new(names.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect::<Vec<_>>())
    };
    let refused = |names: &[&str]| {
        let err = Conform::new(&found(names), &[column("units"), column("days")]).unwrap_err();
        format!("{err} ({})", err.advice().unwrap_or_default())
    };
    assert!(Conform::new(&found(&["units", "days"]), &[column("units"), column("days")]).is_ok());
    assert_eq!(
        refused(&["unit", "days"]),
        "the query gives no column `units`, which the sidecar declares (the query has `unit`: name both alike)"
    );
    assert_eq!(
        refused(&["units", "days", "more"]),
        "the query gives column `more`, which the sidecar does not declare (declare it under [[columns]], or take it out \
         of the final select)"
    );
    assert_eq!(
        refused(&["days", "units"]),
        "columns are in another order than declared: column 1 is `days`, declared is `units` (bring [[columns]] and the \
         final select into the same order)"
    );
}

#[test]
fn undeclared_columns_get_storable_types() {
    let kinds =
        [DataType::Utf8View, DataType::UInt64, DataType::Float32, DataType::Timestamp(TimeUnit::Nanosecond, None)];
    let fields: Vec<Field> =
        kinds.iter().enumerate().map(|(at, kind)| Field::new(format!("c{at}"), kind.clone(), false)).collect();
    let conform = Conform::new(&Schema::new(fields), &[]).unwrap();
    let kept: Vec<String> = conform.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    assert_eq!(kept, ["Utf8", "Int64", "Float64", "Timestamp(µs, \"UTC\")"]);
    let list = Field::new_list("l", Field::new_list_field(DataType::Int64, true), true);
    let err = Conform::new(&Schema::new(vec![list]), &[]).unwrap_err();
    assert!(err.to_string().starts_with("column `l` is of type List("), "{err}");
    let nothing = Conform::new(&Schema::new(vec![Field::new("n", DataType::Null, true)]), &[]).unwrap_err();
    assert_eq!(nothing.to_string(), "column `n` is of type Null, which cannot be kept");
}

use super::*;
use crate::models::types::ColumnType;

#[test]
fn what_is_kept_reads_back_and_what_is_damaged_does_not() {
    let kinds = [ColumnType::Text, ColumnType::Decimal(18, 4), ColumnType::Timestamp, ColumnType::Date];
    let fields: Vec<Field> =
        kinds.iter().enumerate().map(|(at, kind)| Field::new(format!("c{at}"), kind.arrow(), true)).collect();
    let wide = Field::new("wide", DataType::Decimal128(38, 10), true);
    let schemas = BTreeMap::from([
        ("one".to_string(), Arc::new(Schema::new(fields))),
        ("other".to_string(), Arc::new(Schema::new(vec![wide]))),
    ]);
    let mut bytes = write(&schemas).unwrap();
    assert_eq!(read(&bytes), Some(schemas));
    let last = bytes.len() - 9;
    bytes[last] ^= 1;
    assert_eq!(read(&bytes), None);
    assert_eq!(read(&[]), None);
}

//! Headers of several rows and their names.

use super::*;

fn names(rows: &[&[&str]]) -> Vec<String> {
    joined(&rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect::<Vec<_>>())
}

#[test]
fn merged_cells_reach_to_the_right() {
    assert_eq!(names(&[&["a", "b"]]), ["a", "b"]);
    assert_eq!(names(&[&["sku", "库存", ""], &["", "数量", "单价"]]), ["sku", "库存 数量", "库存 单价"]);
    assert_eq!(names(&[&["", "x"], &["a", "b", "c"]]), ["a", "x b", "x c"]);
}

#[test]
fn names_compare_by_meaning() {
    assert_eq!(normal(" Unit\u{3000}Price\n(￥) "), normal("unit price (\u{ffe5})"));
    assert_eq!(normal("\u{feff}ＳＫＵ"), "sku");
}

#[test]
fn unknown_names_are_listed_once() {
    let mut header = Header::new(vec!["a".into(), " b ".into(), String::new(), "c".into(), String::new()]).unwrap();
    assert_eq!(header.width(), 4, "nameless columns at the end do not count");
    assert_eq!(header.find(&["x".into(), "C".into()]).unwrap(), Some(3));
    assert_eq!(header.unknown(), [(0, "a"), (1, "b")]);
}

#[test]
fn a_name_that_stands_twice_is_told_by_its_number() {
    let names = ["sku", "Note", "note"].map(String::from).to_vec();
    let mut header = Header::new(names).unwrap();
    assert_eq!(header.find(&["sku".into()]).unwrap(), Some(0), "what nobody maps may stand twice");
    assert_eq!(header.find(&["Note#2".into()]).unwrap(), Some(2));
    let Err(super::super::block::Stop::Refused(reason)) = header.find(&["note".into()]) else { panic!("taken") };
    assert!(
        reason.starts_with("the header has \"Note\" more than once, in columns 2 and 3: write \"Note#1\""),
        "{reason}"
    );
}

//! Names of columns, floats as people see them, and repetitions in ODS.

use super::*;

#[test]
fn columns_are_named_as_in_a_sheet() {
    for (column, name) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")] {
        assert_eq!(column_name(column), name);
    }
}

#[test]
fn floats_are_read_as_shown() {
    for (number, text) in
        [(0.1 + 0.2, "0.3"), (419.4589, "419.4589"), (1e15, "1000000000000000"), (-0.5, "-0.5"), (12.0, "12")]
    {
        assert_eq!(float_text(number), text);
    }
}

#[test]
fn repeated_cells_are_counted() {
    let largest = |xml: &str| {
        let mut scan = measure::RepeatScan::default();
        for piece in xml.as_bytes().chunks(7) {
            scan.scan(piece);
        }
        scan.largest
    };
    assert_eq!(largest(r#"<table:table-cell table:number-columns-repeated="16384"/>"#), 0, "empty to the edge");
    assert_eq!(largest(r#"<table:table-cell table:number-columns-repeated="99"><text:p>x</text:p>"#), 99);
    assert_eq!(largest(r#"<table:table-row table:number-rows-repeated="999999">"#), 999_999);
}

#[test]
fn a_cells_local_time_has_no_offset() {
    for (written, local) in [
        ("2026-11-21T22:05:06Z", "2026-11-21T22:05:06"),
        ("2026-11-21T22:05:06.000+08:00", "2026-11-21T22:05:06.000"),
        ("2026-11-21 22:05-0500", "2026-11-21 22:05"),
        ("2026-11-21", "2026-11-21"),
    ] {
        assert_eq!(without_offset(written), local);
    }
}

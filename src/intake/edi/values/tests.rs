//! Numbers and days as the two standards have them.

use super::*;

/// Rule 7: point or comma in EDIFACT, the point alone in X12; no plus, no blank, no second mark, no mark without a digit.
#[test]
fn numbers_are_read_as_the_standards_write_them() {
    let read = |text, syntax| Number::read(text, syntax).map(|number| number.to_string());
    for text in ["12.5", "-12.50", "0", "-0.05", "100", ".5"] {
        assert!(read(text, Syntax::X12).is_some(), "{text}");
    }
    assert_eq!(read("12,5", Syntax::Edifact).as_deref(), Some("12.5"));
    assert_eq!(read("12.5", Syntax::Edifact).as_deref(), Some("12.5"));
    assert_eq!(read("-3", Syntax::X12).as_deref(), Some("-3"));
    assert_eq!(read("12,5", Syntax::X12), None);
    for text in ["", "+5", "5 ", " 5", "1.2.3", "1.2,3", "5.", "5,", "-", "5-", "1e3", "٣", "1234567890123456789"] {
        assert_eq!(read(text, Syntax::Edifact), None, "{text:?}");
    }
}

/// Rules 3 and 22: a day is as long as its release or its format says.
#[test]
fn days_are_read_by_their_format() {
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
    assert_eq!(x12_day("20261121", true), Some(day(2026, 11, 21)));
    assert_eq!(x12_day("261121", false), Some(day(2026, 11, 21)));
    assert_eq!(x12_day("991231", false), Some(day(1999, 12, 31)));
    for (text, long) in [("261121", true), ("20261121", false), ("20261131", true), ("2026112A", true), ("", true)] {
        assert_eq!(x12_day(text, long), None, "{text}");
    }
    let week = Some((day(2026, 11, 15), day(2026, 11, 21)));
    assert_eq!(edifact_days("2026111520261121", "718"), week);
    assert_eq!(edifact_days("20261115-20261121", "718"), week);
    assert_eq!(edifact_days("20261121", "102"), Some((day(2026, 11, 21), day(2026, 11, 21))));
    assert_eq!(edifact_days("202611210130", "203"), Some((day(2026, 11, 21), day(2026, 11, 21))));
    assert_eq!(edifact_days("202602", "610"), Some((day(2026, 2, 1), day(2026, 2, 28))));
    for (text, format) in
        [("202611", "102"), ("2026112120261115x", "718"), ("20261121", "999"), ("２０２６１１２１", "102")]
    {
        assert_eq!(edifact_days(text, format), None, "{text}");
    }
}

/// Rule 16: the check digit is computed where a kind of number has none, and tested where it has.
#[test]
fn check_digits() {
    assert_eq!(check_digit("01234567890"), Some('5'));
    assert_eq!(check_digit("541234500001"), Some('3'));
    assert_eq!(check_digit("12A"), None);
    assert!(checks("012345678905") && checks("5412345000013") && checks("96385074"));
    assert!(!checks("012345678906") && !checks("5") && !checks(""));
}

/// What is shared out over days or places comes to the whole again.
#[test]
fn shares_come_to_the_whole() {
    let amount = Number::read("100.01", Syntax::X12).unwrap();
    let until: Vec<i128> = (0..=7).map(|part| amount.share(part, 7, 2).unwrap()).collect();
    assert_eq!((until[0], until[7]), (0, 10_001));
    assert!(until.windows(2).all(|pair| [1428, 1429].contains(&(pair[1] - pair[0]))), "{until:?}");
    let over = |amount: &str, count: &str| {
        let read = |text| Number::read(text, Syntax::X12).unwrap();
        read(amount).over(read(count)).map(|price| price.to_string())
    };
    assert_eq!(over("140", "1500").as_deref(), Some("0.0933"));
    assert_eq!(over("-20", "-2").as_deref(), Some("10.0000"));
    assert_eq!(over("1", "0"), None);
}

//! Tables of cases for numbers.

use super::*;

fn money() -> NumberStyle {
    NumberStyle::plain(18, 4)
}

#[test]
fn plain_numbers() {
    let cases = [
        ("0", Ok(0)),
        ("1", Ok(10_000)),
        ("-1.5", Ok(-15_000)),
        ("+2.25", Ok(22_500)),
        (".5", Ok(5_000)),
        ("5.", Ok(50_000)),
        ("00012", Ok(120_000)),
        ("1.50000", Ok(15_000)),
        ("1.00005", Err(NumberFault::ExcessScale)),
        ("99999999999999.9999", Ok(999_999_999_999_999_999)),
        ("100000000000000", Err(NumberFault::OutOfRange)),
        ("1e3", Ok(10_000_000)),
        ("1.5E-2", Ok(150)),
        ("1e999999999", Err(NumberFault::Malformed)),
        ("1e-999999999", Err(NumberFault::ExcessScale)),
        ("", Err(NumberFault::Malformed)),
        ("-", Err(NumberFault::Malformed)),
        (".", Err(NumberFault::Malformed)),
        ("--1", Err(NumberFault::Malformed)),
        ("1.2.3", Err(NumberFault::Malformed)),
        ("1,234", Err(NumberFault::Malformed)),
        ("12%", Err(NumberFault::Malformed)),
        ("(5)", Err(NumberFault::Malformed)),
        ("5-", Err(NumberFault::Malformed)),
        ("abc", Err(NumberFault::Malformed)),
        ("nan", Err(NumberFault::Malformed)),
        ("inf", Err(NumberFault::Malformed)),
        ("0x10", Err(NumberFault::Malformed)),
        ("１２．５", Ok(125_000)),
        ("－３", Ok(-30_000)),
        ("\u{2212}3", Ok(-30_000)),
        ("12\u{a0}", Ok(120_000)),
    ];
    for (text, expected) in cases {
        assert_eq!(money().read(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn whole_numbers_keep_everything_or_refuse() {
    let style = NumberStyle::plain(18, 0);
    assert_eq!(style.read(b"3.0"), Ok(3));
    assert_eq!(style.read(b"3.5"), Err(NumberFault::ExcessScale));
    assert_eq!(style.read(b"123456789012345678"), Ok(123_456_789_012_345_678));
    assert_eq!(style.read(b"1234567890123456789"), Err(NumberFault::OutOfRange));
}

#[test]
fn rounding_is_half_away_from_zero() {
    let style = NumberStyle { round: true, ..NumberStyle::plain(18, 2) };
    for (text, expected) in
        [("1.005", 101), ("-1.005", -101), ("1.0049999", 100), ("1e-60", 0), ("2.5e-3", 0), ("5e-3", 1)]
    {
        assert_eq!(style.read(text.as_bytes()), Ok(expected), "{text}");
    }
}

#[test]
fn declared_styles() {
    let cases = [
        (NumberStyle { thousands: Some(','), ..money() }, "1,234,567.89", Ok(12_345_678_900)),
        (NumberStyle { thousands: Some(','), ..money() }, "12,34", Err(NumberFault::Malformed)),
        (NumberStyle { thousands: Some(','), ..money() }, "1.5,000", Err(NumberFault::Malformed)),
        (NumberStyle { thousands: Some(','), ..money() }, "，", Err(NumberFault::Malformed)),
        (NumberStyle { thousands: Some('.'), decimal_comma: true, ..money() }, "-1.234,50", Ok(-12_345_000)),
        (NumberStyle { decimal_comma: true, ..money() }, "3,5", Ok(35_000)),
        (NumberStyle { decimal_comma: true, ..money() }, "3.5", Err(NumberFault::Malformed)),
        (NumberStyle { negative: Some(Negative::Parentheses), ..money() }, "(12.50)", Ok(-125_000)),
        (NumberStyle { negative: Some(Negative::Parentheses), ..money() }, "（12.50）", Ok(-125_000)),
        (NumberStyle { negative: Some(Negative::Parentheses), ..money() }, "(-12.50)", Err(NumberFault::Malformed)),
        (NumberStyle { negative: Some(Negative::Trailing), ..money() }, "12.50-", Ok(-125_000)),
        (NumberStyle { symbols: vec!["¥".into(), "元".into()], ..money() }, "¥ 12.5", Ok(125_000)),
        (NumberStyle { symbols: vec!["¥".into(), "元".into()], ..money() }, "￥12.5", Err(NumberFault::Malformed)),
        (NumberStyle { symbols: vec!["￥".into()], ..money() }, "-￥12.5", Ok(-125_000)),
        (NumberStyle { symbols: vec!["元".into()], ..money() }, "12.5 元", Ok(125_000)),
        (NumberStyle { percent: true, ..money() }, "12.5%", Ok(1_250)),
        (NumberStyle { percent: true, ..money() }, "12.5", Err(NumberFault::Malformed)),
        (NumberStyle { factor: Exact::parse("10000"), ..money() }, "1.23456789", Ok(123_456_789)),
        (NumberStyle { factor: Exact::parse("0.01"), ..money() }, "1234", Ok(123_400)),
    ];
    for (style, text, expected) in cases {
        assert_eq!(style.read(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn shown_as_written() {
    assert_eq!(show(-5, 4), "-0.0005");
    assert_eq!(show(123_456, 2), "1234.56");
    assert_eq!(show(7, 0), "7");
}

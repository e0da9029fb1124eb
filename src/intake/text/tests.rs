//! Lines are counted by any line end, over any split.

use super::*;

#[test]
fn lines_over_any_split() {
    let texts = ["a\nb\nc", "a\r\nb\r\nc", "a\rb\rc", "a\r\nb\rc", "\r\n\r\na", "\n\r\na", "a\n\rb"];
    let expected = [3, 3, 3, 3, 3, 3, 3];
    for (text, lines) in texts.iter().zip(expected) {
        for split in 0..=text.len() {
            let mut counter = LineCounter::default();
            for part in [&text.as_bytes()[..split], &text.as_bytes()[split..]] {
                counter.pass(part, LineCounter::is_simple(part));
            }
            assert_eq!(counter.line, lines, "{text:?} at {split}");
        }
    }
}

#[test]
fn header_names_are_split_with_quotes() {
    assert_eq!(split_header(b"\n\"a,b\",c\nd", b',', Some(b'"')), ["a,b", "c"]);
    assert_eq!(split_header(b"a;b,c", b';', Some(b'"')), ["a", "b,c"]);
}

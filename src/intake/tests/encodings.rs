//! Declared, else the byte order mark, else valid UTF-8, else detected and said.

use encoding_rs::{BIG5, Encoding, GB18030, WINDOWS_1252};

use super::*;

/// Enough text of a kind for it to be told apart.
fn sales_of(sku: &str) -> String {
    let rows: String = (1..=30).map(|number| row(number).replace("00012", &format!("{sku}{number}"))).collect();
    format!("{HEADER}{rows}")
}

fn utf16(text: &str, big: bool, marked: bool) -> Vec<u8> {
    let units = marked.then_some(0xfeff).into_iter().chain(text.encode_utf16());
    units.flat_map(|unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

#[test]
fn every_encoding_declared_and_found() {
    let world = World::new();
    let simplified = "华东经销商专供保温杯";
    let traditional = "華東經銷商專供保溫瓶";
    let western = "Crème brûlée für Söhne";
    let as_in = |encoding: &'static Encoding, text: &str| encoding.encode(text).0.into_owned();
    let by = |name: &str| Some(format!("encoding not declared; read as {name} by detection"));
    let cases: [(&str, &str, Vec<u8>, Option<String>); 9] = [
        ("utf-8", simplified, sales_of(simplified).into(), None),
        ("utf-8", simplified, format!("\u{feff}{}", sales_of(simplified)).into(), None),
        ("utf-16le", simplified, utf16(&sales_of(simplified), false, true), None),
        ("utf-16be", simplified, utf16(&sales_of(simplified), true, true), None),
        ("utf-16le", simplified, utf16(&sales_of(simplified), false, false), by("UTF-16LE")),
        ("utf-16be", simplified, utf16(&sales_of(simplified), true, false), by("UTF-16BE")),
        ("gb18030", simplified, as_in(GB18030, &sales_of(simplified)), by("gb18030")),
        ("big5", traditional, as_in(BIG5, &sales_of(traditional)), by("Big5")),
        ("latin1", western, as_in(WINDOWS_1252, &sales_of(western)), by("windows-1252")),
    ];
    for (label, sku, bytes, said) in cases {
        for declared in [true, false] {
            let sender = if declared { format!("encoding = \"{label}\"\n{PLAIN}") } else { PLAIN.to_string() };
            let seen = world.stage("sales", "2026-11-22.csv", &bytes, &sender);
            assert_eq!(seen.outcome.rows_clean, 30, "{label}, declared {declared}: {:?}", seen.outcome);
            assert_eq!(seen.texts("sku")[0], Some(format!("{sku}1")), "{label}, declared {declared}");
            let expected: Vec<String> = said.iter().filter(|_| !declared).cloned().collect();
            assert_eq!(seen.outcome.warnings, expected, "{label}, declared {declared}");
        }
    }
}

#[test]
fn a_wrong_declaration_is_not_trusted_blindly() {
    let world = World::new();
    let text = sales_of("华东经销商专供保温杯");
    // a mark contradicts the declaration: the mark wins, and that is said
    let marked = format!("\u{feff}{text}");
    let seen = world.stage("sales", "2026-11-22.csv", marked.as_bytes(), &format!("encoding = \"gbk\"\n{PLAIN}"));
    assert_eq!(seen.outcome.rows_clean, 30);
    assert_eq!(seen.outcome.warnings, ["declared as gb18030 but marked as UTF-8 by its first bytes; read as UTF-8"]);
    // without a mark the declaration counts, and what does not decode is refused with its place
    let gb = GB18030.encode(&text).0.into_owned();
    let seen = world.stage("sales", "2026-11-22.csv", &gb, &format!("encoding = \"utf-8\"\n{PLAIN}"));
    assert_eq!(
        seen.reason(),
        "30 of 30 rows are refused (100.0 %, the limit is 5.0 %): bad_encoding 30; first: line 2: found \"bytes that do \
         not decode, at byte 109 of the file\", expected text in the file's encoding"
    );
}

//! Refused rows for people: what to do about each reason, and the sheet that goes back to the partner.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook};

use crate::error::{Error, Result};
use crate::mail::words::Words;
use crate::models::refused::Refusal;

/// Most rows of a worksheet, less its header.
pub const SHEET_ROWS_MAX: usize = 1_048_575;
/// Most characters that a worksheet's cell takes.
const CELL_CHARS_MAX: usize = 32_000;

/// What to do about a reason: for the partner, or for whoever keeps the mapping.
pub fn advice(reason: &str, words: &Words) -> &'static str {
    let (zh, en) = match reason {
        "missing_value" | "missing_key" => ("补填该列后重新发送文件", "fill the column in and send the file again"),
        "malformed_number" | "number_out_of_range" | "excess_scale" | "excess_precision" | "number_for_text" => (
            "改成约定格式的数字后重新发送；若这是贵司惯用写法，请告知我方调整映射",
            "write the number as agreed and send the file again; if you always write it so, tell us and the mapping is changed",
        ),
        "malformed_date" | "malformed_period" | "dropped_time" | "no_such_local_time" | "date_out_of_range" => (
            "改成约定格式的日期后重新发送；若格式已变更，请告知我方",
            "write the date as agreed and send the file again; if its format has changed, tell us",
        ),
        "outside_window" => (
            "该日期不属于本文件的期间：请放入对应期间的文件发送，或更正日期",
            "the date lies outside the file's period: send it in the file of its period, or correct it",
        ),
        "not_accepted" | "unmapped_value" | "malformed_boolean" => (
            "改用约定的取值；若这是新的取值，请告知我方加入映射",
            "use one of the agreed words; if this one is new, tell us and it is added to the mapping",
        ),
        "below_minimum" | "above_maximum" | "zero_value" => {
            ("核对并更正该数值后重新发送", "check the value, correct it and send the file again")
        }
        "duplicate_key" => (
            "同一单号与行号只能出现一次：删除或更正重复行后重新发送",
            "the same order and line stands twice: remove or correct one and send the file again",
        ),
        "ragged_row" | "malformed_json" | "field_too_long" | "nul_byte" | "bad_encoding" => {
            ("该行本身已损坏：请重新导出文件并发送", "the line itself is damaged: export the file again and send it")
        }
        "error_cell" => {
            ("修正表格中的错误公式后重新发送", "mend the formula that fails in the workbook and send it again")
        }
        "unknown_partner" | "unknown_channel" | "unknown_sku" => (
            "核对编码；若编码正确，我方补充主数据后会自动计入，无需重发",
            "check the code; if it is right, it counts by itself once our master data has it: nothing to send again",
        ),
        "no_rate" => (
            "缺少该币种汇率：我方补充汇率后自动计入，无需重发",
            "there is no rate for this currency: it counts by itself once we have one",
        ),
        "file_refused" => ("按原因更正后重新发送整个文件", "correct the cause and send the whole file again"),
        _ => ("按期望值更正后重新发送", "correct it to what is expected and send the file again"),
    };
    words.pick(zh, en)
}

/// What was expected, as a partner reads it: date formats as they are written on forms, the usual phrases in the
/// company's language. What is not known stays as it is.
pub fn expectation(text: &str, words: &Words) -> String {
    let written = ["%Y", "%m", "%d", "%H", "%M", "%S"].iter().zip(["YYYY", "MM", "DD", "hh", "mm", "ss"]);
    let text = written.fold(text.to_string(), |text, (code, shown)| text.replace(code, shown));
    let phrases = [
        ("a number with a decimal point", "带小数点的数字"),
        ("a number with a decimal comma", "带小数逗号的数字"),
        ("a whole number", "整数"),
        ("a number other than 0", "不为 0 的数字"),
        ("at least ", "不小于 "),
        ("at most ", "不大于 "),
        ("one of: ", "以下之一："),
        ("a date up to ", "日期不晚于 "),
        ("a date from ", "日期范围 "),
        ("a partner of the partners feed", "合作伙伴主数据中的编号"),
        ("a channel of the channels feed", "渠道主数据中的编号"),
        ("an article of the products feed", "商品主数据中的编码"),
        ("a currency with a rate in the fx_rates feed", "有汇率的币种"),
    ];
    match phrases.iter().find(|(en, _)| text.starts_with(en)) {
        Some((en, zh)) => words.pick(text.replacen(en, zh, 1).replace(" to ", " 至 "), text),
        None => text,
    }
}

/// Titles of the sheet's columns.
fn titles(words: &Words) -> [&'static str; 8] {
    words.pick(
        ["文件", "行号", "列", "原因", "实际内容", "期望", "处理办法", "原始行"],
        ["File", "Line", "Column", "Reason", "Found", "Expected", "What to do", "Line as sent"],
    )
}

/// The cells of a row. `headers` gives the partner's own name of a canonical column.
fn cells(row: &Refusal, headers: &BTreeMap<String, String>, words: &Words) -> [String; 8] {
    let own = headers.get(&row.column).filter(|own| **own != row.column);
    [
        row.file.clone(),
        row.line.map(|line| line.to_string()).unwrap_or_default(),
        own.map_or_else(|| row.column.clone(), |own| format!("{own} ({})", row.column)),
        row.reason.clone(),
        row.found.clone(),
        expectation(&row.expected, words),
        advice(&row.reason, words).to_string(),
        row.raw.clone(),
    ]
}

/// The sheet as CSV: UTF-8 with the mark by which Excel knows it, and no cell that Excel would run as a formula.
pub fn csv(rows: &[Refusal], headers: &BTreeMap<String, String>, words: &Words) -> Vec<u8> {
    let mut out = String::from('\u{feff}');
    let mut line = |cells: &[String]| {
        let quoted: Vec<String> = cells.iter().map(|cell| quoted(&harmless(cell))).collect();
        out.push_str(&quoted.join(","));
        out.push_str("\r\n");
    };
    line(&titles(words).map(str::to_string));
    for row in rows {
        line(&cells(row, headers, words));
    }
    out.into_bytes()
}

/// A text that no spreadsheet takes for a formula (OWASP, CSV injection): what starts like one gets a leading `'`.
fn harmless(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ => text.to_string(),
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_string() }
}

/// The sheet as a workbook. Every cell is written as text, so none is a formula. `at` is when it says it was made.
pub fn xlsx(rows: &[Refusal], headers: &BTreeMap<String, String>, words: &Words, at: DateTime<Utc>) -> Result<Vec<u8>> {
    let failed = |err: rust_xlsxwriter::XlsxError| Error::bug("the sheet cannot be written").because(err);
    let mut book = Workbook::new();
    let made = ExcelDateTime::from_timestamp(at.timestamp()).map_err(failed)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let sheet = book.add_worksheet();
    sheet.set_name(words.pick("未通过的行", "Refused rows")).map_err(failed)?;
    let bold = Format::new().set_bold();
    for (column, (title, width)) in (0_u16..).zip(titles(words).into_iter().zip([34, 8, 24, 18, 24, 32, 46, 60])) {
        sheet.write_string_with_format(0, column, title, &bold).map_err(failed)?;
        sheet.set_column_width(column, width).map_err(failed)?;
    }
    for (at, row) in (1_u32..).zip(rows.iter().take(SHEET_ROWS_MAX)) {
        for (column, cell) in (0_u16..).zip(cells(row, headers, words)) {
            let cell: String = cell.chars().take(CELL_CHARS_MAX).collect();
            sheet.write_string(at, column, &cell).map_err(failed)?;
        }
    }
    sheet.set_freeze_panes(1, 0).map_err(failed)?;
    book.save_to_buffer().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(found: &str) -> Refusal {
        Refusal {
            sender: "p01".into(),
            feed: "sales".into(),
            file: "p01/sales/a.csv".into(),
            line: Some(7),
            column: "quantity".into(),
            reason: "malformed_number".into(),
            found: found.into(),
            expected: "a whole number".into(),
            raw: format!("A1,\"{found}\""),
            outcome: "rejected".into(),
            delivered_at: None,
        }
    }

    fn headers() -> BTreeMap<String, String> {
        BTreeMap::from([("quantity".to_string(), "数量".to_string())])
    }

    #[test]
    fn no_cell_of_a_sheet_is_a_formula() {
        let words = Words::new("en", "CNY");
        for evil in ["=cmd|' /C calc'!A0", "+1", "-1", "@sum(a1)", "\tx", "\rx"] {
            let text = String::from_utf8(csv(&[row(evil)], &headers(), &words)).unwrap();
            assert!(text.contains(&format!("'{evil}")), "{text}");
        }
        let plain = String::from_utf8(csv(&[row("two, \"2\"")], &headers(), &words)).unwrap();
        assert!(plain.starts_with('\u{feff}') && plain.contains(",\"two, \"\"2\"\"\","), "{plain}");
        assert!(plain.contains(",数量 (quantity),"), "the partner's own header: {plain}");
    }

    #[test]
    fn what_is_expected_is_written_for_people() {
        let (en, zh) = (Words::new("en", "CNY"), Words::new("zh", "CNY"));
        assert_eq!(expectation("%Y-%m-%d %H:%M:%S", &en), "YYYY-MM-DD hh:mm:ss");
        assert_eq!(expectation("a date from 2026-11-01 to 2026-11-23", &zh), "日期范围 2026-11-01 至 2026-11-23");
        assert_eq!(expectation("a date from 2026-11-01 to 2026-11-23", &en), "a date from 2026-11-01 to 2026-11-23");
        assert_eq!(expectation("something new", &zh), "something new");
    }

    #[test]
    fn a_workbook_holds_texts_and_repeats_its_bytes() {
        let words = Words::new("zh", "CNY");
        let at = "2026-11-22T22:30:00Z".parse().unwrap();
        let once = xlsx(&[row("=1+1")], &headers(), &words, at).unwrap();
        assert_eq!(once, xlsx(&[row("=1+1")], &headers(), &words, at).unwrap());
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(once)).unwrap();
        let sheet = std::io::read_to_string(archive.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
        assert!(!sheet.contains("<f>"), "{sheet}");
        let texts = std::io::read_to_string(archive.by_name("xl/sharedStrings.xml").unwrap()).unwrap();
        assert!(texts.contains("<t>=1+1</t>") && texts.contains("处理办法"), "{texts}");
    }

    #[test]
    fn every_reason_has_its_own_advice_in_both_languages() {
        let (en, zh) = (Words::new("en", "CNY"), Words::new("zh", "CNY"));
        for reason in ["missing_value", "malformed_date", "unknown_sku", "no_rate", "duplicate_key", "file_refused"] {
            assert_ne!(advice(reason, &en), advice("something else", &en), "{reason}");
            assert!(!advice(reason, &zh).is_ascii(), "{reason}");
        }
    }
}

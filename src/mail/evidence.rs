//! The sheet that goes with a mail: the order lines, customers and products behind its findings, for who wants to act on them.

use std::collections::BTreeSet;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Url, Workbook, XlsxError};
use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::mail::edition::Edition;
use crate::mail::message::Attachment;
use crate::mail::rule::{AlertRule, Evidence, Row, as_number, as_text};
use crate::mail::words::Words;
use crate::state::record::Alert;

/// Longest name that a worksheet may have, and longest cell and address.
const NAME_CHARS: usize = 31;
const CELL_CHARS: usize = 32_000;
const URL_CHARS: usize = 2_000;

/// The sheet for these findings; none where nothing stands behind them.
pub(super) fn sheet(edition: &Edition<'_>, due: &[&Alert], words: &Words) -> Result<Option<Attachment>> {
    let most = edition.config.mail.evidence_rows_max;
    let rules: BTreeSet<&str> = due.iter().map(|alert| alert.rule.as_str()).collect();
    let mut pages: Vec<(&AlertRule, &Evidence, Vec<&Row>)> = Vec::new();
    for name in rules {
        let Some(rule) = edition.rules.get(name) else { continue };
        let (Some(evidence), Some(rows)) = (&rule.evidence, edition.evidence.get(name)) else { continue };
        let found: Vec<&&Alert> = due.iter().filter(|alert| alert.rule == name).collect();
        let belongs =
            |row: &&Row| found.iter().any(|alert| evidence.by.iter().all(|by| same(alert.row.get(by), row.get(by))));
        let rows: Vec<&Row> = rows.iter().filter(belongs).take(most).collect();
        if !rows.is_empty() {
            pages.push((rule, evidence, rows));
        }
    }
    if pages.is_empty() {
        return Ok(None);
    }
    let bytes = book(edition, &pages, words)
        .map_err(|err| Error::bug("the sheet of evidence cannot be written").because(err))?;
    Ok(Some(Attachment {
        name: format!("evidence_{}.xlsx", edition.run.logical_date),
        kind: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        bytes,
    }))
}

fn same(one: Option<&Json>, other: Option<&Json>) -> bool {
    one.map(as_text) == other.map(as_text)
}

/// One page a rule. Text is written as text, so that no cell is ever a formula.
fn book(
    edition: &Edition<'_>,
    pages: &[(&AlertRule, &Evidence, Vec<&Row>)],
    words: &Words,
) -> std::result::Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let made = ExcelDateTime::from_timestamp(edition.now.timestamp())?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let bold = Format::new().set_bold();
    for (place, (rule, evidence, rows)) in pages.iter().enumerate() {
        let sheet = book.add_worksheet();
        let plain = |c: char| !matches!(c, '[' | ']' | ':' | '*' | '?' | '/' | '\\' | '\'');
        let name: String = format!("{} {}", place + 1, rule.short_name(words)).chars().filter(|c| plain(*c)).collect();
        sheet.set_name(name.chars().take(NAME_CHARS).collect::<String>())?;
        for (column, shown) in (0_u16..).zip(&evidence.columns) {
            sheet.write_string_with_format(0, column, words.pick(&shown.zh, &shown.en), &bold)?;
            sheet.set_column_width(column, 18)?;
        }
        for (at, row) in (1_u32..).zip(rows) {
            for (column, shown) in (0_u16..).zip(&evidence.columns) {
                let cell = row.get(&shown.name).unwrap_or(&Json::Null);
                let text: String = as_text(cell).chars().take(CELL_CHARS).collect();
                let link = shown.link.as_deref().and_then(|_| customer_link(edition, &text));
                // A decimal comes as text; a code such as 00017 is no number.
                let number = as_number(cell).filter(|_| cell.is_number() || text.contains('.'));
                if let Some(link) = link {
                    sheet.write_url(at, column, Url::new(link).set_text(text))?;
                } else if let Some(number) = number {
                    sheet.write_number(at, column, number)?;
                } else if !cell.is_null() {
                    sheet.write_string(at, column, text)?;
                }
            }
        }
        sheet.set_freeze_panes(1, 0)?;
    }
    book.save_to_buffer()
}

/// Where a customer is to be found, if the company has such a place.
fn customer_link(edition: &Edition<'_>, customer: &str) -> Option<String> {
    let template = edition.config.mail.customer_url.as_str();
    let link = template.replace("{customer_id}", &super::view::percent_encoded(customer));
    (!template.is_empty() && !customer.is_empty() && link.len() <= URL_CHARS).then_some(link)
}

#[cfg(test)]
mod tests;

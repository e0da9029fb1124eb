//! What the codes of quantities, units and articles mean where a sender's settings do not say otherwise. A code that is in
//! no list is refused, never guessed.

use super::rows::Article;
use super::separators::Syntax;
use super::values::{check_digit, checks};
use crate::sender::{Edi, Meaning};

/// Of each message, codes and what they are.
pub(super) const MEANINGS: [(&str, Meaning, &[&str]); 20] = [
    ("852", Meaning::Sale, &["QS"]),
    ("852", Meaning::NetSale, &["Q1"]),
    ("852", Meaning::Return, &["QU", "Q2", "Q3", "RQ"]),
    ("852", Meaning::OnHand, &["QA", "OH", "QE"]),
    ("852", Meaning::Opening, &["QB"]),
    ("852", Meaning::OnOrder, &["QP"]),
    ("852", Meaning::InTransit, &["QI"]),
    // kinds of sales that may be parts of QS; movements; QN is no stock, but whether to replenish
    ("852", Meaning::Told, &["TS", "RE", "OP", "MS", "BT", "BS", "WQ", "QC", "QR", "QT", "QZ", "QW", "QO", "QN"]),
    ("867", Meaning::Sale, &["32"]),
    ("867", Meaning::Shipment, &["39"]),
    ("867", Meaning::Return, &["76", "84"]),
    // 61 is here the remaining authorized quantity
    ("867", Meaning::Told, &["61", "17", "33", "38"]),
    ("SLSRPT", Meaning::Sale, &["153"]),
    ("SLSRPT", Meaning::Return, &["61", "210"]),
    ("SLSRPT", Meaning::OnHand, &["145"]),
    ("SLSRPT", Meaning::Told, &["26"]),
    ("INVRPT", Meaning::OnHand, &["145", "17"]),
    ("INVRPT", Meaning::Opening, &["157"]),
    ("INVRPT", Meaning::InTransit, &["198"]),
    // committed, damaged, in control, withdrawn, targets, which are no stock, and sorts of movements
    (
        "INVRPT",
        Meaning::Told,
        &["66", "124", "89", "96", "199", "97", "98", "146", "197", "212", "257", "153", "61", "210", "48", "156"],
    ),
];

/// What a code of a message means.
pub(super) fn meaning(message: &str, code: &str, edi: &Edi) -> Option<Meaning> {
    if let Some(own) = edi.qualifiers.get(code) {
        return Some(*own);
    }
    MEANINGS.iter().find(|(kind, _, codes)| *kind == message && codes.contains(&code)).map(|(_, meaning, _)| *meaning)
}

/// Of several levels of one cell the one that counts: available before on hand before closing.
pub(super) fn level_rank(code: &str) -> usize {
    ["QA", "145", "OH", "17", "QE"].iter().position(|known| *known == code).unwrap_or(usize::MAX)
}

/// How a quantity's unit turns into pieces.
pub(super) enum Unit {
    Pieces,
    /// A case, of which the pack says how many pieces.
    Case,
    /// By weight or length, as it stands there.
    Measure,
    Unknown,
}

pub(super) fn unit(code: &str, edi: &Edi) -> Unit {
    if edi.pieces.contains(code) {
        return Unit::Pieces;
    }
    match code {
        "" | "EA" | "UN" | "PCE" | "PC" | "C62" => Unit::Pieces,
        "CA" | "CT" | "PK" | "CS" => Unit::Case,
        "KGM" | "MTR" | "GRM" | "LTR" | "LB" | "KG" => Unit::Measure,
        _ => Unit::Unknown,
    }
}

/// Kinds of article numbers, the most wanted first, where the settings name none.
const X12_ARTICLES: [&str; 12] = ["UP", "EN", "UK", "UI", "UA", "UD", "VN", "SK", "IN", "CB", "IB", "BP"];
const EDIFACT_ARTICLES: [&str; 7] = ["EN", "SRV", "UP", "SA", "IN", "BP", "VN"];

/// Collects the numbers of one line.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Kind and number, in their order.
    pairs: Vec<(String, String)>,
    /// Numbers whose check digit is wrong.
    wrong: Vec<String>,
}

impl Numbers {
    pub(super) fn clear(&mut self) {
        self.pairs.clear();
        self.wrong.clear();
    }

    /// Takes a pair; a GTIN that does not check is no number of anything.
    pub(super) fn add(&mut self, kind: &str, number: &str, syntax: Syntax) {
        let number = number.trim();
        if kind.is_empty() || number.is_empty() {
            return;
        }
        let length = |wanted: usize| number.len() == wanted && number.bytes().all(|byte| byte.is_ascii_digit());
        let full = match (syntax, kind) {
            (Syntax::X12, "UI") => length(11).then(|| with_check(number)),
            (Syntax::X12, "UA" | "UD") => length(12).then(|| with_check(number)),
            (Syntax::X12, "UP") => (length(12) && checks(number)).then(|| number.to_string()),
            (Syntax::X12, "EN") => (length(13) && checks(number)).then(|| number.to_string()),
            (Syntax::X12, "UK") => (length(14) && checks(number)).then(|| number.to_string()),
            (Syntax::Edifact, "EN" | "SRV" | "UP") => {
                ([8, 12, 13, 14].into_iter().any(length) && checks(number)).then(|| number.to_string())
            }
            _ => Some(number.to_string()),
        };
        match full {
            Some(full) => self.pairs.push((kind.to_string(), full)),
            None => self.wrong.push(format!("{kind} {number}")),
        }
    }

    /// The article that the line is about; `Err` says what the line has instead.
    pub(super) fn article(&self, syntax: Syntax, edi: &Edi) -> Result<Article, String> {
        let of =
            |wanted: &[&str]| wanted.iter().find_map(|kind| self.pairs.iter().find(|(own, _)| own == kind)).cloned();
        let own: Vec<&str> = edi.articles.iter().map(String::as_str).collect();
        let (all, gtins): (&[&str], &[&str]) = match syntax {
            Syntax::X12 => (&X12_ARTICLES, &["UP", "EN", "UK", "UI", "UA", "UD"]),
            Syntax::Edifact => (&EDIFACT_ARTICLES, &["EN", "SRV", "UP"]),
        };
        let wanted = if own.is_empty() { all } else { own.as_slice() };
        let number = |wanted: &[&str]| of(wanted).map(|(_, number)| number).unwrap_or_default();
        if let Some((kind, found)) = of(wanted) {
            return Ok(Article {
                kind,
                number: found,
                gtin: number(gtins),
                seller: number(&["VN", "SA", "VA", "VP"]),
                buyer: number(&["IN", "SK", "CB", "BP"]),
            });
        }
        let found = self.pairs.iter().map(|(kind, number)| format!("{kind} {number}"));
        let wrong = self.wrong.iter().map(|number| format!("{number} (wrong length or check digit)"));
        let all: Vec<String> = found.chain(wrong).collect();
        Err(if all.is_empty() { "no article number".into() } else { all.join(", ") })
    }

    /// Whether a number of the line is wrong.
    pub(super) fn has_wrong(&self) -> bool {
        !self.wrong.is_empty()
    }
}

fn with_check(digits: &str) -> String {
    digits.chars().chain(check_digit(digits)).collect()
}

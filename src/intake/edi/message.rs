//! What the first reading asks of one message: its count, its purpose, and whether it is a report of sales at all.

use std::hash::{DefaultHasher, Hash};

use super::segments::Segment;
use super::separators::Syntax;
use super::values::Number;
use crate::sender::{Edi, Purpose};

/// A message that is open.
pub(super) struct Message {
    pub(super) reference: String,
    pub(super) kind: String,
    pub(super) segments: u64,
    pub(super) lines: u64,
    pub(super) content: DefaultHasher,
    pub(super) fault: Option<String>,
    pub(super) purpose: Option<Purpose>,
    pub(super) report: String,
    pub(super) names: String,
    pub(super) in_body: bool,
    pub(super) pass: Option<&'static str>,
}

impl Message {
    pub(super) fn begin(kind: String, reference: String) -> Self {
        Self {
            reference,
            kind,
            segments: 1,
            lines: 0,
            content: DefaultHasher::new(),
            fault: None,
            purpose: None,
            report: String::new(),
            names: String::new(),
            in_body: false,
            pass: None,
        }
    }

    /// A segment of its body.
    pub(super) fn take(&mut self, segment: &Segment<'_>, edi: &Edi) {
        self.segments += 1;
        segment.bytes().hash(&mut self.content);
        if self.pass.is_some() {
            return;
        }
        if !segment.is_text() {
            let reason = || {
                format!(
                    "{} holds bytes that are no text in the character set of its interchange; declare `encoding`",
                    segment.place
                )
            };
            self.fault.get_or_insert_with(reason);
        }
        let tag = segment.tag();
        match tag {
            b"LIN" => {
                self.lines += 1;
                self.in_body = true;
            }
            b"LOC" | b"PTD" => self.in_body = true,
            // the power market reports its meters in the same message
            b"QTY" if self.kind == "867" && segment.text(1) == "QD" => {
                self.fault.get_or_insert_with(|| "it reports a meter (QTY01 = QD), not sales".into());
            }
            b"MEA" if self.kind == "867" && (1..=segment.elements()).any(|at| segment.text(at) == "KH") => {
                self.fault.get_or_insert_with(|| "it reports a meter (MEA in KH), not sales".into());
            }
            b"BPT" if self.kind == "867" => {
                self.report = segment.text(2).into_owned();
                self.names = segment.text(9).into_owned();
                self.purpose(&segment.text(1), edi);
            }
            b"BGM" => {
                self.report = segment.text(2).into_owned();
                self.purpose(&segment.text(3), edi);
                let code = segment.text(1);
                let known: &[&str] = if self.kind == "SLSRPT" { &["73E"] } else { &["35", "78", "85E"] };
                if !known.contains(&&*code) {
                    let wrong = format!("BGM 1001 is {code:?}; expected {} for {}", known.join(", "), self.kind);
                    self.fault.get_or_insert(wrong);
                }
            }
            b"RFF" if !self.in_body && self.names.is_empty() => {
                self.names = segment.part(1, 2).into_owned();
            }
            b"CTT" if self.kind == "852" => {
                let told = segment.text(1);
                if Number::read(&told, Syntax::X12) != Some(Number::of(i128::from(self.lines), 0)) {
                    let wrong = format!("CTT01 says {told} lines and {} are there", self.lines);
                    self.fault.get_or_insert(wrong);
                }
            }
            _ => {}
        }
    }

    /// What the purpose code of its first segment means.
    fn purpose(&mut self, code: &str, edi: &Edi) {
        let own = edi.purposes.get(code).copied();
        let by_kind = match (self.kind.as_str(), code) {
            ("867", "00") | ("SLSRPT" | "INVRPT", "9" | "") => Some(Purpose::Original),
            ("867", "01") | ("SLSRPT", "1") => Some(Purpose::Cancel),
            ("867", "05") | ("SLSRPT", "5") => Some(Purpose::Replace),
            ("SLSRPT", "2") => Some(Purpose::Add),
            ("867", "07") | ("SLSRPT", "6") | ("INVRPT", "7" | "31") => Some(Purpose::Repeat),
            _ => None,
        };
        self.purpose = own.or(by_kind);
        if self.purpose.is_none() {
            let wrong = format!("purpose {code:?} of {} is not known; say what it means in `purposes`", self.kind);
            self.fault.get_or_insert(wrong);
        }
    }
}

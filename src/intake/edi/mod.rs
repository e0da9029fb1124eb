//! EDI: what retailers and distributors send as X12 (852, 867) and as UN/EDIFACT (SLSRPT, INVRPT), read as a table of named
//! columns, so that everything behind it works as for any other file.
//!
//! A file is read twice. The first reading checks what holds it together ([`envelope`]): only its end proves an interchange
//! whole, and no row of half a one may count. The second gives the rows, message by message, in fixed memory.

use std::collections::BTreeSet;

use super::block::{BLOCK_BYTES, BLOCK_ROWS, Block, Cell, Row, Source, Step};
use super::header::normal;
use super::open::Part;
use crate::config::Intake;
use crate::contract::Contract;
use crate::sender::{Format, SenderFeed};

mod codes;
mod edifact;
mod envelope;
mod line;
mod message;
mod rows;
mod segments;
mod separators;
mod values;
mod x12;

use edifact::Edifact;
use envelope::{Envelope, Verdict};
use rows::{Heading, Rows, State, names};
use segments::{Segment, Segments};
use separators::Syntax;
use x12::X12;

/// The columns of its rows, with their words in both languages.
pub fn columns() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    rows::COLUMNS.iter().map(|(_, name, en, zh)| (*name, *en, *zh))
}

/// Message, meaning and codes of quantities, as they are without settings.
pub fn meanings() -> Vec<(&'static str, String, Vec<&'static str>)> {
    codes::MEANINGS.iter().map(|(message, meaning, codes)| (*message, meaning.word(), codes.to_vec())).collect()
}

/// Every segment of a text with its elements in their parts, for those who compare readers; an `Err` says why reading ended.
pub fn segments(bytes: Box<dyn std::io::Read>, visit: &mut dyn FnMut(Vec<Vec<String>>)) -> Result<(), String> {
    let mut segments = Segments::new(bytes, None, SEGMENT_MAX);
    loop {
        match segments.next() {
            Ok(Some(segment)) => visit(segment.all()),
            Ok(None) => return Ok(()),
            Err(super::block::Stop::Refused(reason)) => return Err(reason),
            Err(super::block::Stop::Failed(error)) => return Err(error.to_string()),
            Err(super::block::Stop::NotUtf8) => return Err("the encoding cannot be told".into()),
        }
    }
}

/// Bytes of a segment where no settings say how many.
const SEGMENT_MAX: usize = 1 << 20;

/// Notes of a kind that are told before the rest is counted together.
const NOTES_MAX: usize = 30;

/// A message that is being read.
enum Body {
    X12(Box<X12>),
    Edifact(Box<Edifact>),
    /// It is not read.
    Passed,
}

/// Rows of the messages of a file.
pub(super) struct EdiSource {
    segments: Segments,
    envelope: Envelope,
    state: State,
    header: Option<Vec<String>>,
    body: Option<Body>,
    /// Messages that were met.
    messages: usize,
    loose: usize,
    // what interchange and group say
    sender: String,
    interchange: String,
    group: String,
    release: String,
    ended: bool,
    rows: u64,
    field_max: usize,
}

/// The columns that a mapping asks for, in comparable form; none where nobody has mapped the file yet.
fn asked(feed: &SenderFeed, contract: &Contract) -> BTreeSet<String> {
    let mut asked = BTreeSet::new();
    for column in &contract.columns {
        match feed.columns.get(&column.name) {
            None => {
                asked.insert(normal(&column.name));
            }
            Some(mapping) => {
                let own = mapping.headers.is_empty() && mapping.from_header();
                asked.extend(own.then(|| normal(&column.name)));
                asked.extend(mapping.headers.iter().chain(&mapping.joined).map(|name| normal(name)));
                asked.extend(mapping.amount.as_ref().map(|(column, _)| normal(column)));
                asked.extend(mapping.negate_if.as_ref().map(|condition| normal(&condition.column)));
            }
        }
    }
    asked.extend(feed.skip_if.iter().map(|condition| normal(&condition.column)));
    asked.extend(feed.unfold.iter().flatten().map(|name| normal(name)));
    asked
}

/// Opens a part; without a feed every column is given.
pub(super) fn open(part: &Part, feed: Option<&SenderFeed>, contract: &Contract, limits: &Intake) -> Step<EdiSource> {
    let wanted = match feed.and_then(|feed| feed.format) {
        Some(Format::X12) => Some(Syntax::X12),
        Some(Format::Edifact) => Some(Syntax::Edifact),
        _ => None,
    };
    let declared = feed.and_then(|feed| feed.encoding);
    let edi = feed.map(|feed| feed.edi.clone()).unwrap_or_default();
    let reader = || -> Step<Segments> { Ok(Segments::new(part.open()?, declared, limits.line_bytes_max)) };
    let envelope = Envelope::of(&mut reader()?, &edi, wanted)?;
    let asked = feed.map(|feed| asked(feed, contract)).unwrap_or_default();
    let state = State::new(contract, edi, &asked);
    let header = names(contract).into_iter().filter(|(column, _)| state.columns.contains(column));
    Ok(EdiSource {
        segments: reader()?,
        header: Some(header.map(|(_, name)| name).collect()),
        envelope,
        state,
        body: None,
        messages: 0,
        loose: 0,
        sender: String::new(),
        interchange: String::new(),
        group: String::new(),
        release: String::new(),
        ended: false,
        rows: 0,
        field_max: limits.field_bytes_max,
    })
}

/// Which of the two families a part is of, as a sender's file writes it.
pub(super) fn family(part: &Part) -> Step<&'static str> {
    let head = super::open::head(&mut part.open()?, 64)?;
    Ok(if head.windows(3).any(|three| three == b"ISA") { "x12" } else { "edifact" })
}

impl Source for EdiSource {
    fn next(&mut self, block: &mut Block) -> Step<bool> {
        block.clear();
        self.state.refused.clear();
        if let Some(names) = self.header.take() {
            block.begin(0);
            for name in names {
                block.push(&name, Cell::Text);
            }
            return Ok(true);
        }
        let Self { segments, envelope, state, body, messages, loose, sender, interchange, group, release, .. } = self;
        let field_max = self.field_max;
        while !self.ended && block.rows.len() < BLOCK_ROWS && block.bytes.len() < BLOCK_BYTES {
            let mut rows = Rows { block, state };
            let segment = match segments.next() {
                Ok(Some(segment)) => segment,
                // what could not be cut is told by the envelope
                Ok(None) | Err(super::block::Stop::Refused(_)) => {
                    self.ended = true;
                    break;
                }
                Err(other) => return Err(other),
            };
            match segment.tag() {
                b"ISA" => {
                    *sender = segment.text(6).trim().to_string();
                    *interchange = segment.text(13).trim().to_string();
                    *body = None;
                }
                b"UNB" => {
                    *sender = segment.text(2).trim().to_string();
                    *interchange = segment.text(5).trim().to_string();
                    group.clear();
                    *body = None;
                }
                b"GS" => (*group, *release, *body) = (segment.text(6).into_owned(), segment.text(8).into_owned(), None),
                b"UNG" => (*group, *body) = (segment.text(5).into_owned(), None),
                b"ST" | b"UNH" => {
                    let verdict = envelope.verdicts.get(*messages).cloned().unwrap_or(Verdict::Pass);
                    *messages += 1;
                    rows.state.begin();
                    *body = Some(begin(&segment, &verdict, [sender, interchange, group, release], &mut rows));
                }
                b"SE" | b"UNT" | b"GE" | b"UNE" | b"IEA" | b"UNZ" => match body.take() {
                    Some(Body::X12(mut message)) => message.finish(&mut rows),
                    Some(Body::Edifact(mut message)) => message.finish(&mut rows),
                    _ => {}
                },
                _ => {
                    let long = (segment.bytes().len() > field_max)
                        .then(|| (1..=segment.elements()).find(|at| segment.text(*at).len() > field_max))
                        .flatten();
                    match (body.as_mut(), long) {
                        (None | Some(Body::Passed), _) => {}
                        (Some(_), Some(at)) => {
                            let found = format!("element {at} is longer than {field_max} bytes");
                            rows.refuse(segment.place, "field_too_long", &found, "a shorter element", &segment.shown());
                        }
                        (Some(Body::X12(message)), None) => message.take(&segment, &mut rows),
                        (Some(Body::Edifact(message)), None) => message.take(&segment, &mut rows),
                    }
                }
            }
        }
        if self.ended {
            let mut rows = Rows { block, state };
            for (place, reason) in envelope.loose.iter().skip(*loose).take(BLOCK_ROWS) {
                rows.refuse(*place, "broken_envelope", reason, "whole interchanges, one after the other", "");
                *loose += 1;
            }
        }
        self.rows += block.rows.len() as u64;
        Ok(!block.rows.is_empty())
    }

    /// Whole files stand in one line, and a segment holds ten stores: a row is the byte at which its number stands.
    fn number(&self, row: &Row) -> i64 {
        i64::try_from(row.raw.0).unwrap_or(i64::MAX)
    }

    fn raw(&self, _: &Block, row: &Row) -> String {
        // of a row that is read the segment is not kept
        if row.flaw.is_some() { self.state.refused.get(row.raw.0).cloned().unwrap_or_default() } else { String::new() }
    }

    fn warnings(&self) -> Vec<String> {
        let mut told = self.envelope.told.clone();
        for (what, count) in &self.state.told {
            *told.entry(what.clone()).or_default() += count;
        }
        let mut notes: Vec<String> =
            told.iter().take(NOTES_MAX).map(|(what, count)| format!("{count} {what}")).collect();
        if told.len() > NOTES_MAX {
            notes.push(format!("and {} notes of other kinds", told.len() - NOTES_MAX));
        }
        let refused = self.envelope.verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Refuse(_))).count();
        let taken = self.envelope.verdicts.iter().filter(|verdict| **verdict == Verdict::Take).count();
        let all = self.envelope.verdicts.len();
        if refused > 0 {
            notes.insert(
                0,
                format!("{all} messages: {taken} taken, {refused} refused, {} passed over", all - taken - refused),
            );
        }
        notes
    }
}

/// What is read of a message; one that is refused is a refused row.
fn begin(
    segment: &Segment<'_>,
    verdict: &Verdict,
    [sender, interchange, group, release]: [&String; 4],
    rows: &mut Rows<'_>,
) -> Body {
    let x12 = segment.tag() == b"ST";
    let (kind, own) = if x12 { (segment.text(1), segment.text(2)) } else { (segment.text(2), segment.text(1)) };
    match verdict {
        Verdict::Pass => return Body::Passed,
        Verdict::Refuse(reason) => {
            let expected = "a message whose counts and references are right; send it again";
            rows.refuse(segment.place, "refused_message", reason, expected, &segment.shown());
            return Body::Passed;
        }
        Verdict::Take => {}
    }
    let parts = [interchange.as_str(), group.as_str(), &*own];
    let reference = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    let release = if x12 { release.clone() } else { format!("{}.{}", segment.part(2, 2), segment.part(2, 3)) };
    let heading = Heading { kind: kind.into_owned(), release, sender: sender.clone(), reference, ..Heading::default() };
    if x12 { Body::X12(Box::new(X12::new(heading))) } else { Body::Edifact(Box::new(Edifact::new(heading))) }
}

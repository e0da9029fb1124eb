//! The first reading of a file: what holds its messages together. Every count and every reference is checked before a row
//! is taken, since what proves an interchange whole stands at its end. What is wrong with a message refuses that message;
//! with a group or an interchange, all that is in it; what was whole before a file is cut off lives.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hasher;
use std::sync::Arc;

use super::super::block::{Step, Stop, refuse};
use super::message::Message;
use super::segments::{Place, Segment, Segments};
use super::separators::Syntax;
use crate::sender::{Edi, Purpose};

/// Messages that one file may hold: what is known of each is held in memory.
const MESSAGES_MAX: usize = 1 << 20;

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its rows are read.
    Take,
    /// It brings nothing new, and that is told.
    Pass,
    /// It is refused, and why.
    Refuse(Arc<str>),
}

/// What the first reading found.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    /// Of every message in its order.
    pub verdicts: Vec<Verdict>,
    /// What is wrong behind or between the messages.
    pub loose: Vec<(Place, String)>,
    /// What should be said, with how often.
    pub told: BTreeMap<String, u64>,
}

/// A level of the envelope that is open.
struct Open {
    reference: String,
    /// First message in it.
    first: usize,
    /// What it holds: groups, or messages.
    groups: u64,
    messages: u64,
    place: Place,
}

impl Open {
    fn at(segment: &Segment<'_>, reference: String, first: usize) -> Self {
        Self { reference, first, groups: 0, messages: 0, place: segment.place }
    }
}

struct Checker<'a> {
    edi: &'a Edi,
    found: Envelope,
    interchange: Option<Open>,
    sender: String,
    group: Option<(Open, String)>,
    message: Option<Message>,
    /// What the contents of messages hash to, by who sent them under which references.
    seen: HashMap<(String, String, String, String), (u64, usize)>,
    /// Messages by sender, kind and report.
    reports: HashMap<(String, String, String), usize>,
    /// Messages that a later one takes the place of, if that one is sound: earlier, later, and what it does.
    replaced: Vec<(usize, usize, Purpose)>,
}

impl Envelope {
    /// Reads a file to its end.
    pub(super) fn of(segments: &mut Segments, edi: &Edi, wanted: Option<Syntax>) -> Step<Self> {
        let mut checker = Checker {
            edi,
            found: Self::default(),
            interchange: None,
            sender: String::new(),
            group: None,
            message: None,
            seen: HashMap::new(),
            reports: HashMap::new(),
            replaced: Vec::new(),
        };
        let mut whole = 0_u64;
        let mut last = Place::default();
        let cut = loop {
            match segments.next() {
                Ok(Some(segment)) => {
                    last = segment.place;
                    if matches!(segment.tag(), b"ISA" | b"UNB") {
                        let syntax = if segment.tag() == b"ISA" { Syntax::X12 } else { Syntax::Edifact };
                        if wanted.is_some_and(|wanted| wanted != syntax) {
                            return refuse(match syntax {
                                Syntax::X12 => "the file is declared as EDIFACT and holds X12",
                                Syntax::Edifact => "the file is declared as X12 and holds EDIFACT",
                            });
                        }
                    }
                    whole += u64::from(checker.take(&segment)?);
                }
                Ok(None) => break None,
                Err(Stop::Refused(reason)) => break Some(reason),
                Err(other) => return Err(other),
            }
        };
        let open = checker.interchange.as_ref().map(|open| open.reference.clone());
        if let Some(reference) = open {
            let reason = cut.unwrap_or_else(|| {
                format!("the file is cut off: interchange {reference} has no {}", "IEA or UNZ at its end")
            });
            checker.close_message_unfinished();
            let first = checker.interchange.as_ref().map_or(0, |open| open.first);
            if checker.refuse_from(first, &reason) == 0 {
                checker.found.loose.push((last, reason));
            }
        } else if let Some(reason) = cut {
            if whole == 0 {
                return refuse(reason);
            }
            checker.found.loose.push((last, reason));
        }
        checker.replace();
        if checker.found.verdicts.is_empty() && checker.found.loose.is_empty() && whole == 0 {
            return refuse("the file holds no interchange");
        }
        Ok(checker.found)
    }
}

impl Checker<'_> {
    /// Takes a segment; `true` where it ends an interchange.
    fn take(&mut self, segment: &Segment<'_>) -> Step<bool> {
        match segment.tag() {
            b"ISA" | b"UNB" => self.open_interchange(segment),
            b"GS" | b"UNG" => self.open_group(segment),
            b"ST" | b"UNH" => self.open_message(segment)?,
            b"SE" | b"UNT" => self.close_message(segment),
            b"GE" | b"UNE" => self.close_group(segment),
            b"IEA" | b"UNZ" => {
                self.close_interchange(segment);
                return Ok(true);
            }
            _ => self.body(segment),
        }
        Ok(false)
    }

    fn open_interchange(&mut self, segment: &Segment<'_>) {
        if let Some(open) = self.interchange.take() {
            let reason = format!("interchange {} has no end: another begins at {}", open.reference, segment.place);
            self.close_message_unfinished();
            if self.refuse_from(open.first, &reason) == 0 {
                self.found.loose.push((open.place, reason));
            }
        }
        self.group = None;
        let (reference, sender, test) = if segment.tag() == b"ISA" {
            (segment.text(13), segment.text(6), segment.text(15) == "T")
        } else {
            (segment.text(5), segment.text(2), segment.text(11) == "1")
        };
        self.sender = sender.trim().to_string();
        if test {
            *self.found.told.entry("interchanges marked as tests, which count all the same".into()).or_default() += 1;
        }
        self.interchange = Some(Open::at(segment, reference.trim().to_string(), self.found.verdicts.len()));
    }

    fn open_group(&mut self, segment: &Segment<'_>) {
        self.close_message_unfinished();
        if let Some((open, _)) = self.group.take() {
            self.refuse_from(open.first, &format!("group {} has no end", open.reference));
        }
        let (reference, kind) = if segment.tag() == b"GS" {
            (segment.text(6), segment.text(1))
        } else {
            (segment.text(5), segment.text(1))
        };
        if let Some(interchange) = &mut self.interchange {
            interchange.groups += 1;
        }
        let open = Open::at(segment, reference.trim().to_string(), self.found.verdicts.len());
        self.group = Some((open, kind.into_owned()));
        if segment.tag() == b"GS" {
            let release = segment.text(8);
            let known = release.get(..6).is_some_and(|six| ("003050"..="005010").contains(&six));
            if let (false, Some((_, kind))) = (known, &mut self.group) {
                *kind = format!("of release {release}");
            }
        }
    }

    fn open_message(&mut self, segment: &Segment<'_>) -> Step<()> {
        self.close_message_unfinished();
        if self.found.verdicts.len() >= MESSAGES_MAX {
            return refuse(format!("the file holds more than {MESSAGES_MAX} messages; split it"));
        }
        let x12 = segment.tag() == b"ST";
        let (kind, reference) = if x12 {
            (segment.text(1).into_owned(), segment.text(2).into_owned())
        } else {
            (segment.text(2).into_owned(), segment.text(1).into_owned())
        };
        let (mut fault, mut pass) = (None, None);
        let group = self.group.as_ref().map(|(_, kind)| kind.as_str());
        match (kind.as_str(), group) {
            ("852", Some("PD")) | ("867", Some("PT")) | ("SLSRPT" | "INVRPT", _) => {}
            ("852" | "867", Some(other)) if other.starts_with("of release") => {
                fault = Some(format!("its group is {other}; releases 003050 to 005010 are read"));
            }
            ("852" | "867", other) => {
                let wanted = if kind == "852" { "PD" } else { "PT" };
                fault = Some(format!("GS01 is {:?}; expected {wanted} for {kind}", other.unwrap_or("nowhere")));
            }
            _ => {
                *self.found.told.entry(format!("messages {kind}, which are not read here")).or_default() += 1;
                pass = Some("");
            }
        }
        if self.interchange.is_none() {
            fault = Some("it stands outside of an interchange".into());
        }
        for messages in [self.interchange.as_mut(), self.group.as_mut().map(|(open, _)| open)].into_iter().flatten() {
            messages.messages += 1;
        }
        self.message = Some(Message { fault, pass, ..Message::begin(kind, reference) });
        Ok(())
    }

    fn body(&mut self, segment: &Segment<'_>) {
        let Some(message) = &mut self.message else {
            if self.interchange.is_none() || !matches!(segment.tag(), b"TA1" | b"ISB" | b"ISE") {
                let reason = format!("segment {:?} stands outside of a message", segment.shown());
                if self.found.loose.len() < 20 {
                    self.found.loose.push((segment.place, reason));
                }
            }
            return;
        };
        message.take(segment, self.edi);
    }

    fn close_message(&mut self, segment: &Segment<'_>) {
        let Some(mut message) = self.message.take() else {
            self.found.loose.push((segment.place, format!("segment {:?} ends no message", segment.shown())));
            return;
        };
        message.segments += 1;
        let (counted, reference) = (segment.text(1), segment.text(2));
        if reference != message.reference {
            let own = format!("its end names {reference:?}, its beginning {:?}", message.reference);
            message.fault = Some(own);
        } else if !says(&counted, message.segments) {
            let own = format!("its end counts {counted:?} segments, and {} are there", message.segments);
            message.fault = Some(own);
        }
        self.judge(&message);
    }

    /// A message without its end.
    fn close_message_unfinished(&mut self) {
        if let Some(mut message) = self.message.take() {
            message.fault = Some("it has no end (SE or UNT)".into());
            self.judge(&message);
        }
    }

    fn judge(&mut self, message: &Message) {
        let at = self.found.verdicts.len();
        let named = format!("message {} {}", message.kind, message.reference);
        let verdict = if let Some(fault) = &message.fault {
            Verdict::Refuse(format!("{named}: {fault}").into())
        } else if message.pass.is_some() {
            Verdict::Pass
        } else {
            self.news(at, message, &named)
        };
        self.found.verdicts.push(verdict);
    }

    /// Whether a sound message says anything new.
    fn news(&mut self, at: usize, message: &Message, named: &str) -> Verdict {
        let reference = |open: Option<&Open>| open.map(|open| open.reference.clone()).unwrap_or_default();
        let interchange = reference(self.interchange.as_ref());
        let group = reference(self.group.as_ref().map(|(open, _)| open));
        let identity = (self.sender.clone(), interchange, group, message.reference.clone());
        let content = message.content.finish();
        // what was refused says nothing
        match self.seen.get(&identity).filter(|(_, before)| self.is_sound(*before)) {
            Some((before, _)) if *before == content => {
                return self.pass("messages seen before with the same references and the same content");
            }
            Some(_) => {
                let why = "a message of the same references and another content stands before it";
                return Verdict::Refuse(format!("{named}: {why}").into());
            }
            None => self.seen.insert(identity, (content, at)),
        };
        let key = |report: &str| (self.sender.clone(), message.kind.clone(), report.to_string());
        let (own, earlier) = (key(&message.report), key(&message.names));
        let verdict = match message.purpose.unwrap_or(Purpose::Original) {
            Purpose::Original | Purpose::Add => Verdict::Take,
            Purpose::Repeat => return self.pass("messages that say again what was sent"),
            purpose @ (Purpose::Replace | Purpose::Cancel) => {
                let known = self.reports.get(&earlier).copied().filter(|known| self.is_sound(*known));
                let Some(known) = known else {
                    let why = if message.names.is_empty() {
                        "it names no report that it replaces or cancels".to_string()
                    } else {
                        format!(
                            "it replaces or cancels report {:?}, which is not in this file: withdraw the file that brought it \
                             (`tributary withdraw`), then send this message as an original",
                            message.names
                        )
                    };
                    return Verdict::Refuse(format!("{named}: {why}").into());
                };
                self.replaced.push((known, at, purpose));
                if purpose == Purpose::Cancel { Verdict::Pass } else { Verdict::Take }
            }
        };
        if !message.report.is_empty() {
            self.reports.insert(own, at);
        }
        verdict
    }

    fn is_sound(&self, message: usize) -> bool {
        !matches!(self.found.verdicts.get(message), Some(Verdict::Refuse(_)))
    }

    /// Leaves out what later messages, themselves sound, take the place of.
    fn replace(&mut self) {
        for (earlier, later, purpose) in std::mem::take(&mut self.replaced) {
            if self.is_sound(later) {
                self.found.verdicts[earlier] = Verdict::Pass;
                let what = if purpose == Purpose::Replace { "replaced" } else { "cancelled" };
                *self.found.told.entry(format!("messages {what} by a later one")).or_default() += 1;
            }
        }
    }

    fn pass(&mut self, why: &str) -> Verdict {
        *self.found.told.entry(why.into()).or_default() += 1;
        Verdict::Pass
    }

    fn close_group(&mut self, segment: &Segment<'_>) {
        self.close_message_unfinished();
        let Some((open, _)) = self.group.take() else {
            self.found.loose.push((segment.place, format!("segment {:?} ends no group", segment.shown())));
            return;
        };
        self.check(segment, &open, open.messages, "group", "messages");
    }

    fn close_interchange(&mut self, segment: &Segment<'_>) {
        self.close_message_unfinished();
        let Some(open) = self.interchange.take() else {
            self.found.loose.push((segment.place, format!("segment {:?} ends no interchange", segment.shown())));
            return;
        };
        if let Some((group, _)) = self.group.take() {
            self.refuse_from(group.first, &format!("group {} has no end", group.reference));
        }
        let (held, what) = match open.groups {
            0 => (open.messages, "messages"),
            groups => (groups, "groups"),
        };
        self.check(segment, &open, held, "interchange", what);
    }

    /// Refuses what is in a group or an interchange whose end does not fit its beginning.
    fn check(&mut self, segment: &Segment<'_>, open: &Open, held: u64, level: &str, what: &str) {
        let (counted, reference) = (segment.text(1), segment.text(2));
        let named = format!("{level} {}", open.reference);
        // control numbers of X12 are numbers, whose leading zeros mean nothing; those of EDIFACT are texts
        let number = |text: &str| text.trim().parse::<u64>().ok().filter(|_| matches!(segment.tag(), b"GE" | b"IEA"));
        let same = reference.trim() == open.reference
            || number(&reference).is_some() && number(&reference) == number(&open.reference);
        let reason = if !same {
            format!("the end of {named} names {reference:?}")
        } else if !says(&counted, held) {
            format!("the end of {named} counts {counted:?} {what}, and {held} are there")
        } else {
            return;
        };
        if self.refuse_from(open.first, &reason) == 0 {
            self.found.loose.push((segment.place, reason));
        }
    }

    /// Refuses every message from one on; how many they are.
    fn refuse_from(&mut self, first: usize, reason: &str) -> usize {
        let shared: Arc<str> = reason.into();
        let verdicts = &mut self.found.verdicts[first..];
        for verdict in verdicts.iter_mut() {
            *verdict = Verdict::Refuse(Arc::clone(&shared));
        }
        verdicts.len()
    }
}

/// Whether a text says that many.
fn says(text: &str, count: u64) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse() == Ok(count)
}

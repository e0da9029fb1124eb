//! Cuts a stream of bytes into the segments of X12 and of EDIFACT, which differ in where their separators are said and in
//! EDIFACT's release character. Of fixed memory: one segment is held at a time, and it has a limit.
//!
//! One tokenizer for both, since what people need of either is the same: the line, the segment and the byte of what is
//! wrong. `ISA`, `UNA` and `UNB` set the separators anew, so that a file may hold interchanges of several writers.

use std::borrow::Cow;
use std::io::Read;

use encoding_rs::Encoding;
use memchr::{memchr, memchr_iter};

use super::super::block::{Step, refuse};
use super::super::open::stop_of;
use super::separators::{ISA_BYTES, Separators, Syntax, UNA_BYTES, charset, repetition, shown};

const BUFFER: usize = 256 * 1024;
/// Where a segment stands in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::intake) struct Place {
    /// 1-based line: many files have one only.
    pub line: i64,
    /// 1-based number of the segment in the file.
    pub segment: u64,
    /// Its first byte.
    pub byte: u64,
    /// The first byte of what it is about, where that is an element of it.
    pub value: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "segment {} at byte {}", self.segment, self.byte)
    }
}

/// One segment, its tag as element 0.
pub(super) struct Segment<'a> {
    bytes: &'a [u8],
    fields: &'a [(usize, usize)],
    separators: Separators,
    encoding: Option<&'static Encoding>,
    pub place: Place,
}

impl<'a> Segment<'a> {
    pub(super) fn tag(&self) -> &'a [u8] {
        let tag = self.raw(0);
        // a tag may have explicit nesting behind it (`QTY:1`)
        match memchr(self.separators.component, tag) {
            Some(at) => &tag[..at],
            None => tag,
        }
    }

    /// The segment as it stands in the file, without its terminator.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many elements there are behind the tag.
    pub(super) fn elements(&self) -> usize {
        self.fields.len() - 1
    }

    /// An element as it stands there, of one that is repeated the first; empty where there is none.
    fn raw(&self, element: usize) -> &'a [u8] {
        let raw = self.fields.get(element).map_or(&[] as &[u8], |(from, to)| &self.bytes[*from..*to]);
        // the ISA holds the separator itself
        match self.separators.repetition.filter(|_| !self.bytes.starts_with(b"ISA")) {
            Some(repetition) => {
                let released = |at: usize| at > 0 && Some(raw[at - 1]) == self.separators.release;
                memchr_iter(repetition, raw).find(|at| !released(*at)).map_or(raw, |at| &raw[..at])
            }
            None => raw,
        }
    }

    /// Where an element of it stands.
    pub(super) fn place_of(&self, element: usize) -> Place {
        let start = self.fields.get(element).map_or(0, |(from, _)| *from as u64);
        Place { value: self.place.byte + start, ..self.place }
    }

    /// An element, or the first part of one that has several.
    pub(super) fn text(&self, element: usize) -> Cow<'a, str> {
        self.part(element, 1)
    }

    /// Part of a composite element, both counted from 1.
    pub(super) fn part(&self, element: usize, part: usize) -> Cow<'a, str> {
        let raw = self.raw(element);
        let Separators { component, release, .. } = self.separators;
        let escaped = release.is_some_and(|release| memchr(release, raw).is_some());
        if !escaped {
            let mut rest = raw;
            for _ in 1..part {
                match memchr(component, rest) {
                    Some(at) => rest = &rest[at + 1..],
                    None => return Cow::Borrowed(""),
                }
            }
            let end = memchr(component, rest).unwrap_or(rest.len());
            return self.decoded(Cow::Borrowed(&rest[..end]));
        }
        let (mut own, mut at, mut nth) = (Vec::new(), 0, 1);
        while at < raw.len() {
            let byte = raw[at];
            if Some(byte) == release && at + 1 < raw.len() {
                at += 1;
                if nth == part {
                    own.push(raw[at]);
                }
            } else if byte == component {
                nth += 1;
            } else if nth == part {
                own.push(byte);
            }
            at += 1;
        }
        self.decoded(Cow::Owned(own))
    }

    /// Every element behind the tag in its parts, the tag first. A repeated element is its first.
    pub(super) fn all(&self) -> Vec<Vec<String>> {
        let parts = |element: usize| {
            let raw = self.raw(element);
            let mut count = 1;
            let mut at = 0;
            while at < raw.len() {
                if Some(raw[at]) == self.separators.release {
                    at += 1;
                } else if raw[at] == self.separators.component {
                    count += 1;
                }
                at += 1;
            }
            (1..=count).map(|part| self.part(element, part).into_owned()).collect()
        };
        (0..=self.elements()).map(parts).collect()
    }

    /// Whether its bytes are text in the encoding of the interchange.
    pub(super) fn is_text(&self) -> bool {
        match (self.bytes.is_ascii(), self.encoding) {
            (true, _) => memchr(0, self.bytes).is_none(),
            (false, Some(encoding)) => !encoding.decode_without_bom_handling(self.bytes).1,
            (false, None) => false,
        }
    }

    fn decoded(&self, bytes: Cow<'a, [u8]>) -> Cow<'a, str> {
        let lossy = |bytes: &[u8]| match self.encoding {
            Some(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
            None => String::from_utf8_lossy(bytes).into_owned(),
        };
        match bytes {
            Cow::Borrowed(bytes) if bytes.is_ascii() => match std::str::from_utf8(bytes) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => Cow::Owned(lossy(bytes)),
            },
            bytes => Cow::Owned(lossy(&bytes)),
        }
    }

    /// The segment as people are shown it.
    pub(super) fn shown(&self) -> String {
        shown(&self.bytes[..self.bytes.len().min(200)])
    }
}

/// Segments of a reader, one after the other.
pub(super) struct Segments {
    input: Box<dyn Read>,
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    ended: bool,
    /// The file's byte at the start of the buffer.
    offset: u64,
    line: i64,
    segment: u64,
    separators: Option<Separators>,
    declared: Option<&'static Encoding>,
    encoding: Option<&'static Encoding>,
    fields: Vec<(usize, usize)>,
    segment_max: usize,
}

impl Segments {
    /// `declared` is the encoding that the sender's file names; without one the interchange says it.
    pub(super) fn new(input: Box<dyn Read>, declared: Option<&'static Encoding>, segment_max: usize) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER],
            from: 0,
            to: 0,
            ended: false,
            offset: 0,
            line: 1,
            segment: 0,
            separators: None,
            declared,
            encoding: declared.or(Some(encoding_rs::UTF_8)),
            fields: Vec::new(),
            segment_max,
        }
    }

    /// The next segment; `None` at the end. What cannot be cut refuses the rest of the file.
    pub(super) fn next(&mut self) -> Step<Option<Segment<'_>>> {
        if !self.find_start()? {
            return Ok(None);
        }
        let byte = self.offset + self.from as u64;
        let place = Place { line: self.line, segment: self.segment + 1, byte, value: byte };
        let separators = match self.separators_here() {
            Ok(separators) => separators,
            Err(reason) => return refuse(format!("line {}, {place}: {reason}", place.line)),
        };
        self.separators = Some(separators);
        let Some(length) = self.length(separators)? else {
            if self.to - self.from > self.segment_max {
                return refuse(format!(
                    "line {}, {place}: the segment is longer than {} bytes, or its terminator is missing",
                    place.line, self.segment_max
                ));
            }
            return refuse(format!(
                "the file is cut off in line {}, {place}: found {:?} without a segment terminator",
                place.line,
                shown(&self.buffer[self.from..self.to.min(self.from + 40)])
            ));
        };
        let (start, end) = (self.from, self.from + length);
        self.from = end + 1;
        self.segment += 1;
        let bytes = &self.buffer[start..end];
        self.line += i64::try_from(memchr_iter(b'\n', &self.buffer[start..=end]).count()).unwrap_or(0);
        split(bytes, separators, &mut self.fields);
        if separators.syntax == Syntax::X12 {
            self.encoding = self.declared.or(Some(encoding_rs::UTF_8));
        } else if bytes.starts_with(b"UNB") {
            self.encoding = self.declared.or_else(|| charset(bytes, separators));
            if let Some(own) = &mut self.separators {
                own.repetition = repetition(bytes, separators);
            }
        }
        Ok(Some(Segment { bytes, fields: &self.fields, separators, encoding: self.encoding, place }))
    }

    /// Passes over what may stand between segments; `false` at the end.
    fn find_start(&mut self) -> Step<bool> {
        loop {
            let terminator = self.separators.map(|separators| separators.terminator);
            let is_x12 = self.separators.is_some_and(|separators| separators.syntax == Syntax::X12);
            while self.from < self.to {
                match self.buffer[self.from] {
                    b'\n' => self.line += 1,
                    b'\r' => {}
                    // a byte order mark, and blanks where the standard takes them for nothing
                    b' ' | b'\t' if !is_x12 => {}
                    0xef if self.offset + self.from as u64 == 0 => self.from += 2.min(self.to - self.from - 1),
                    other if Some(other) == terminator => {}
                    _ => return Ok(true),
                }
                self.from += 1;
            }
            if self.ended {
                return Ok(false);
            }
            self.fill()?;
        }
    }

    /// The separators in force for the segment that begins here.
    fn separators_here(&mut self) -> Result<Separators, String> {
        let wanted = ISA_BYTES;
        while self.to - self.from < wanted && !self.ended {
            self.fill().map_err(|_| "the file cannot be read".to_string())?;
        }
        let here = &self.buffer[self.from..self.to];
        let signed = |at: usize| here.get(at).is_some_and(|byte| !byte.is_ascii_alphanumeric());
        if here.starts_with(b"ISA") && signed(3) {
            return match here.get(..ISA_BYTES) {
                Some(isa) => Separators::of_isa(isa),
                None => Err("the ISA is cut off".into()),
            };
        }
        if here.starts_with(b"UNA") && signed(3) {
            let una = here.get(..UNA_BYTES).ok_or("the UNA is cut off")?;
            let separators = Separators::of_una(una)?;
            // the UNA ends with its terminator: the empty segment in front of it is passed over
            self.from += UNA_BYTES - 1;
            self.separators = Some(separators);
            while self.from < self.to
                && (self.buffer[self.from].is_ascii_whitespace() || self.buffer[self.from] == separators.terminator)
            {
                self.line += i64::from(self.buffer[self.from] == b'\n');
                self.from += 1;
            }
            if !self.buffer[self.from..self.to].starts_with(b"UNB") {
                return Err("there is no UNB behind the UNA".into());
            }
            return Ok(separators);
        }
        if here.starts_with(b"UNB") && signed(3) {
            return Ok(Separators::EDIFACT);
        }
        self.separators.ok_or_else(|| {
            format!(
                "found {:?} where an interchange should begin; expected ISA, UNA or UNB",
                shown(&here[..here.len().min(20)])
            )
        })
    }

    /// Bytes up to the terminator of the segment that begins here; `None` where the file or the limit ends before it.
    fn length(&mut self, separators: Separators) -> Step<Option<usize>> {
        let mut seen = 0;
        loop {
            while let Some(found) = memchr(separators.terminator, &self.buffer[self.from + seen..self.to]) {
                let at = seen + found;
                let before = &self.buffer[self.from..self.from + at];
                let releases = match separators.release {
                    Some(release) => before.iter().rev().take_while(|byte| **byte == release).count(),
                    None => 0,
                };
                if at > self.segment_max {
                    return Ok(None);
                }
                if releases % 2 == 0 {
                    return Ok(Some(at));
                }
                seen = at + 1;
            }
            seen = seen.max(self.to - self.from);
            if self.ended || seen > self.segment_max {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Step<()> {
        self.buffer.copy_within(self.from..self.to, 0);
        self.offset += self.from as u64;
        self.to -= self.from;
        self.from = 0;
        if self.to == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let read = loop {
            match self.input.read(&mut self.buffer[self.to..]) {
                Err(err) if err.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other.map_err(stop_of)?,
            }
        };
        self.ended = read == 0;
        self.to += read;
        Ok(())
    }
}

/// Where the elements of a segment begin and end.
fn split(bytes: &[u8], separators: Separators, fields: &mut Vec<(usize, usize)>) {
    fields.clear();
    let mut start = 0;
    match separators.release.filter(|release| memchr(*release, bytes).is_some()) {
        None => {
            for at in memchr_iter(separators.element, bytes) {
                fields.push((start, at));
                start = at + 1;
            }
        }
        Some(release) => {
            let mut at = 0;
            while at < bytes.len() {
                if bytes[at] == release {
                    at += 1;
                } else if bytes[at] == separators.element {
                    fields.push((start, at));
                    start = at + 1;
                }
                at += 1;
            }
        }
    }
    fields.push((start, bytes.len()));
}

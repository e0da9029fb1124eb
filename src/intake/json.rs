//! JSON: objects one a line or in one array, cut out of the text one by one and read flat. Numbers keep
//! their digits, since they are never turned into floats on the way.

use std::collections::BTreeMap;

use super::block::{BLOCK_ROWS, Block, Cell, Flaw, Row, Source, Step, refuse};
use super::decode::Decoder;
use super::header::normal;
use super::text::count_of;
use crate::config::Intake;

const BUFFER: usize = 512 * 1024;
/// Depth of nesting that is looked through to find the end of a value.
const DEPTH_MAX: usize = 128;

/// Reads objects of a JSON array or one after the other. The first record it gives is the header: every key
/// of the first block, and those that an earlier reading met later on. A key that comes up later still makes its
/// record a reject, so that nothing is dropped.
pub(super) struct JsonSource {
    decoder: Decoder,
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    offset: u64,
    line: i64,
    ended: bool,
    started: bool,
    closed: bool,
    header: Option<BTreeMap<String, usize>>,
    names: Vec<String>,
    late: Vec<String>,
    held: Option<Block>,
    next_malformed: usize,
    line_max: usize,
    field_max: usize,
    columns_max: usize,
}

type Pairs = Vec<(String, String, Cell)>;

impl JsonSource {
    pub(super) fn open(decoder: Decoder, limits: &Intake) -> Self {
        Self {
            decoder,
            buffer: vec![0; BUFFER],
            from: 0,
            to: 0,
            offset: 0,
            line: 1,
            ended: false,
            started: false,
            closed: false,
            header: None,
            names: Vec::new(),
            late: Vec::new(),
            held: None,
            next_malformed: 0,
            line_max: limits.line_bytes_max,
            field_max: limits.field_bytes_max,
            columns_max: limits.columns_max,
        }
    }

    /// Starts with keys that an earlier reading of the file met.
    pub(super) fn knowing(mut self, keys: &[String]) -> Self {
        self.names = keys.to_vec();
        self
    }

    fn fill(&mut self) -> Step<()> {
        self.buffer.copy_within(self.from..self.to, 0);
        self.offset += self.from as u64;
        self.to -= self.from;
        self.from = 0;
        if self.buffer.len() - self.to < 64 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        while !self.ended && self.buffer.len() - self.to >= 64 {
            let read = self.decoder.read(&mut self.buffer[self.to..])?;
            self.ended = read == 0;
            self.to += read;
        }
        Ok(())
    }

    /// Passes over white space and commas between objects, and over the brackets of the array.
    fn skip_between(&mut self) -> Step<()> {
        while let Some(&byte) = self.buffer[..self.to].get(self.from) {
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' | b',' => {}
                b'[' if !self.started => self.started = true,
                b']' if self.started => self.closed = true,
                b'{' if !self.closed => {
                    self.started = true;
                    return Ok(());
                }
                other => {
                    return refuse(format!(
                        "line {}: found {:?} where a JSON object should start; send one object a line or one array of objects",
                        self.line,
                        char::from(other)
                    ));
                }
            }
            self.from += 1;
        }
        Ok(())
    }

    /// Length of the object that starts at `from`, if the buffer holds all of it.
    fn object_length(&self) -> Step<Option<usize>> {
        let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
        for (at, &byte) in self.buffer[self.from..self.to].iter().enumerate() {
            if quoted {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => quoted = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => quoted = true,
                b'{' | b'[' => {
                    depth += 1;
                    if depth > DEPTH_MAX {
                        return refuse(format!("line {}: JSON nested deeper than {DEPTH_MAX} levels", self.line));
                    }
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Ok(Some(at + 1));
                    }
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn objects(&mut self) -> Step<Vec<(Row, Result<Pairs, Flaw>)>> {
        let mut found = Vec::new();
        loop {
            if found.is_empty() {
                self.fill()?;
            }
            self.skip_between()?;
            if self.from == self.to {
                if found.is_empty() && !self.ended {
                    continue;
                }
                return Ok(found);
            }
            let Some(length) = self.object_length()? else {
                if !found.is_empty() {
                    return Ok(found);
                }
                if self.ended {
                    return refuse(format!("the JSON object that starts in line {} is cut off", self.line));
                }
                if self.to - self.from > self.line_max {
                    return refuse(format!(
                        "the JSON object that starts in line {} is longer than {} bytes",
                        self.line, self.line_max
                    ));
                }
                continue;
            };
            let raw = (self.from, self.from + length);
            let text = &self.buffer[raw.0..raw.1];
            let row = Row { start: 0, first: 0, fields: 0, line: self.line, raw, flaw: None };
            let mut pairs = std::str::from_utf8(text).map_or_else(
                |_| Err(Flaw::Json("bytes that are no text".into(), "UTF-8".into())),
                |text| pairs_of(text, self.field_max),
            );
            self.line += i64::try_from(count_of(b'\n', text)).unwrap_or(0);
            let end = self.offset + raw.1 as u64;
            while let Some(place) =
                self.decoder.malformed.get(self.next_malformed).filter(|place| place.decoded_at < end)
            {
                pairs = Err(Flaw::Encoding(place.byte));
                self.next_malformed += 1;
            }
            found.push((row, pairs));
            self.from += length;
            if found.len() == BLOCK_ROWS {
                return Ok(found);
            }
        }
    }

    fn block_of(&mut self, objects: Vec<(Row, Result<Pairs, Flaw>)>) -> Block {
        let mut block = Block::default();
        let header = self.header.take().unwrap_or_default();
        for (row, pairs) in objects {
            block.begin(row.line);
            let mut flaw = None;
            let mut values: Vec<Option<(String, Cell)>> = vec![None; self.names.len()];
            match pairs {
                Err(found) => flaw = Some(found),
                Ok(pairs) => {
                    for (key, text, cell) in pairs {
                        match header.get(&normal(&key)) {
                            Some(at) if values[*at].is_some() => {
                                flaw = Some(Flaw::Json(format!("key {key:?} twice"), "every key once".into()));
                            }
                            Some(at) => values[*at] = Some((text, cell)),
                            None => {
                                let found = format!("key {key:?} for the first time");
                                flaw = Some(Flaw::Json(found, "the keys of the first objects".into()));
                                if self.names.len() + self.late.len() < self.columns_max {
                                    self.late.push(key);
                                }
                            }
                        }
                    }
                }
            }
            for value in values {
                let (text, cell) = value.unwrap_or((String::new(), Cell::Text));
                block.push(&text, cell);
            }
            if let Some(own) = block.rows.last_mut() {
                own.raw = row.raw;
                own.flaw = flaw;
            }
        }
        self.header = Some(header);
        block
    }
}

impl Source for JsonSource {
    fn next(&mut self, block: &mut Block) -> Step<bool> {
        if let Some(held) = self.held.take() {
            *block = held;
            return Ok(true);
        }
        let objects = self.objects()?;
        if objects.is_empty() {
            return Ok(false);
        }
        if self.header.is_some() {
            *block = self.block_of(objects);
            return Ok(true);
        }
        let mut header: BTreeMap<String, usize> =
            self.names.iter().enumerate().map(|(at, name)| (normal(name), at)).collect();
        for key in objects.iter().filter_map(|(_, pairs)| pairs.as_ref().ok()).flatten().map(|(key, ..)| key) {
            let next = header.len();
            if let std::collections::btree_map::Entry::Vacant(slot) = header.entry(normal(key)) {
                slot.insert(next);
                self.names.push(key.clone());
            }
        }
        if header.is_empty()
            && let Some((row, Err(flaw))) = objects.first()
        {
            return refuse(format!("line {}: no object can be read: found {}", row.line, flaw.found(row.line)));
        }
        if header.len() > self.columns_max {
            return refuse(format!("the objects have {} keys; at most {} are taken", header.len(), self.columns_max));
        }
        self.header = Some(header);
        let mut first = Block::default();
        first.begin(0);
        for name in &self.names {
            first.push(name, Cell::Text);
        }
        self.held = Some(self.block_of(objects));
        *block = first;
        Ok(true)
    }

    fn late_names(&mut self) -> Vec<String> {
        std::mem::take(&mut self.late)
    }

    fn raw(&self, _: &Block, row: &Row) -> String {
        String::from_utf8_lossy(&self.buffer[row.raw.0..row.raw.1]).into_owned()
    }
}

/// Key, text and kind of every value of a flat object.
fn pairs_of(text: &str, field_max: usize) -> Result<Pairs, Flaw> {
    let wrong = |found: &str, expected: &str| Flaw::Json(found.chars().take(40).collect(), expected.to_string());
    let mut rest = text.strip_prefix('{').unwrap_or(text).trim_start();
    let mut pairs = Vec::new();
    if rest == "}" {
        return Ok(pairs);
    }
    loop {
        let (key, after) = string_of(rest).ok_or_else(|| wrong(rest, "a key in quotes"))?;
        rest = after.trim_start().strip_prefix(':').ok_or_else(|| wrong(after, "a colon after the key"))?.trim_start();
        if rest.starts_with('"') {
            let (value, after) = string_of(rest).ok_or_else(|| wrong(rest, "a text in quotes"))?;
            if value.len() > field_max {
                return Err(Flaw::LongField(value.len()));
            }
            pairs.push((key, value, Cell::Text));
            rest = after.trim_start();
        } else if rest.starts_with(['{', '[']) {
            return Err(wrong(rest, &format!("a plain value for {key:?}, not an object or list")));
        } else {
            let end = rest.find([',', '}']).ok_or_else(|| wrong(rest, "a comma or }"))?;
            let value = rest[..end].trim_end();
            match value {
                "null" => {}
                "true" | "false" => pairs.push((key, value.to_string(), Cell::Canonical)),
                number if serde_json::from_str::<serde_json::Number>(number).is_ok() => {
                    pairs.push((key, number.to_string(), Cell::Canonical));
                }
                other => return Err(wrong(other, "a JSON value")),
            }
            rest = &rest[end..];
        }
        match rest.as_bytes().first() {
            Some(b',') => rest = rest[1..].trim_start(),
            Some(b'}') if rest[1..].trim().is_empty() => return Ok(pairs),
            _ => return Err(wrong(rest, "a comma or }")),
        }
    }
}

/// A JSON string at the start of a text, and what follows it.
fn string_of(text: &str) -> Option<(String, &str)> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return Some((serde_json::from_str(&text[..=at]).ok()?, &text[at + 1..])),
            _ => at += 1,
        }
    }
    None
}

//! Text of lines: a block is filled from a buffer of decoded text and every record keeps its range in that buffer. A record that the buffer cuts is read again with the next one, so that the parser never
//! carries state over; the buffer grows for one long record up to the cap and no further.

mod layout;
mod quotes;
mod records;
mod stray;

use super::block::{Block, Row, Source, Step, refuse};
use super::decode::Decoder;
use super::header::Wanted;
use crate::config::Intake;
use crate::sender::{Columns, SenderFeed};
use layout::{Layout, header_line, split_header};

/// Text that is read at once.
const BUFFER: usize = 512 * 1024;
/// Text that is read first: all of a small file.
const FIRST: usize = 64 * 1024;
/// Delimiters that are tried where none is declared.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Reads delimited text.
pub(super) struct TextSource {
    decoder: Decoder,
    layout: Layout,
    /// The delimiter that is used.
    pub delimiter: u8,
    comment: Option<String>,
    quote: Option<u8>,
    escape: Option<u8>,
    buffer: Vec<u8>,
    /// Unread text is `buffer[from..to]`.
    from: usize,
    to: usize,
    /// Offset of `buffer[0]` in the decoded text.
    offset: u64,
    lines: LineCounter,
    ended: bool,
    next_malformed: usize,
    line_max: usize,
    field_max: usize,
    /// Fields that a record may have.
    columns_max: usize,
    /// Rows of the header that are still to come.
    header_left: usize,
    /// Fields of the header, once it was met.
    width: Option<usize>,
    /// Fields of the last record on one line.
    usual: Option<usize>,
    notes: Vec<String>,
}

impl TextSource {
    /// Starts after the preamble. Without a declared delimiter the one that splits the header into the
    /// most of `wanted` is taken.
    pub(super) fn open(decoder: Decoder, feed: &SenderFeed, limits: &Intake, wanted: &Wanted) -> Step<Self> {
        let mut source = Self {
            decoder,
            layout: match &feed.layout {
                Columns::Delimited => Layout::Delimited,
                Columns::Blanks => Layout::Blanks,
                Columns::Widths(widths) => Layout::Widths(widths.clone()),
            },
            delimiter: b',',
            comment: feed.comment.clone(),
            quote: feed.quote,
            escape: feed.escape,
            buffer: vec![0; FIRST],
            from: 0,
            to: 0,
            offset: 0,
            lines: LineCounter::default(),
            ended: false,
            next_malformed: 0,
            line_max: limits.line_bytes_max,
            field_max: limits.field_bytes_max,
            columns_max: limits.columns_max,
            header_left: feed.header_rows,
            width: None,
            usual: None,
            notes: Vec::new(),
        };
        source.fill()?;
        let named = source.named_delimiter()?;
        let delimiters = feed.delimiter.or(named).map_or(DELIMITERS.to_vec(), |known| vec![known]);
        let mut preamble = feed.preamble_lines;
        if source.layout == Layout::Delimited && feed.header_rows == 1 {
            let head = &source.buffer[source.from..source.to];
            let found = header_line(head, preamble, &delimiters, source.quote, wanted);
            // the line of a note counts from 1, and a blank line in front belongs to the header below it
            if let Some(line) = found.filter(|line| *line != preamble) {
                if preamble > 0 || line > 1 {
                    source.notes.push(format!("the header was found in line {}", line + 1));
                }
                preamble = line;
            }
        }
        for _ in 0..preamble {
            source.skip_line()?;
        }
        source.delimiter = match delimiters[..] {
            [known] => known,
            _ => source.find_delimiter(feed, wanted),
        };
        Ok(source)
    }

    /// The delimiter that a first line `sep=;` names, as Excel writes and reads it. The line is passed over.
    fn named_delimiter(&mut self) -> Step<Option<u8>> {
        let head = &self.buffer[self.from..self.to];
        let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter, end, ..] = *head else { return Ok(None) };
        if !matches!(end, b'\n' | b'\r') || !delimiter.is_ascii() {
            return Ok(None);
        }
        self.skip_line()?;
        Ok(Some(delimiter))
    }

    fn is_comment(&self, line: &[u8]) -> bool {
        self.comment.as_ref().is_some_and(|mark| line.starts_with(mark.as_bytes()))
    }

    /// Moves unread text to the front and reads until the buffer is full or the text ends.
    fn fill(&mut self) -> Step<()> {
        if self.from > 0 {
            self.buffer.copy_within(self.from..self.to, 0);
            self.offset += self.from as u64;
            self.to -= self.from;
            self.from = 0;
            if !self.ended && self.buffer.len() < BUFFER {
                self.buffer.resize(BUFFER, 0);
            }
        }
        while !self.ended && self.buffer.len() - self.to >= 64 {
            let read = self.decoder.read(&mut self.buffer[self.to..])?;
            self.ended = read == 0;
            self.to += read;
        }
        Ok(())
    }

    fn skip_line(&mut self) -> Step<()> {
        loop {
            let unread = &self.buffer[self.from..self.to];
            if let Some(at) = unread.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                let crlf = unread[at] == b'\r' && unread.get(at + 1) == Some(&b'\n');
                let end = at + 1 + usize::from(crlf);
                self.lines.pass(&unread[..end], false);
                self.from += end;
                return Ok(());
            }
            if self.ended {
                self.lines.pass(unread, false);
                self.from = self.to;
                return Ok(());
            }
            if unread.len() >= self.line_max {
                return refuse(format!("a line before the header is longer than {} bytes", self.line_max));
            }
            self.grow();
            self.fill()?;
        }
    }

    fn grow(&mut self) {
        if self.from == 0 && self.buffer.len() - self.to < 64 {
            let larger = (self.buffer.len() * 2).min(self.line_max + BUFFER);
            self.buffer.resize(larger.max(self.buffer.len() + 1024), 0);
        }
    }

    fn find_delimiter(&self, feed: &SenderFeed, wanted: &Wanted) -> u8 {
        let head = &self.buffer[self.from..self.to];
        let score = |delimiter: u8| {
            let names = split_header(head, delimiter, feed.quote);
            (wanted.count(&names), names.len())
        };
        // Of equal ones the first: a later one has to be better.
        let mut best = (score(DELIMITERS[0]), DELIMITERS[0]);
        for delimiter in &DELIMITERS[1..] {
            let score = score(*delimiter);
            if score > best.0 {
                best = (score, *delimiter);
            }
        }
        best.1
    }

    /// A delimiter that would split the header into more wanted columns than the declared one.
    pub(super) fn better_delimiter(head: &[String], used: u8, wanted: &Wanted) -> Option<u8> {
        let line = head.join(&char::from(used).to_string());
        let count = |delimiter: u8| wanted.count(&split_header(line.as_bytes(), delimiter, Some(b'"')));
        DELIMITERS
            .into_iter()
            .filter(|delimiter| *delimiter != used && count(*delimiter) > count(used))
            .max_by_key(|delimiter| count(*delimiter))
    }
}

impl Source for TextSource {
    fn next(&mut self, block: &mut Block) -> Step<bool> {
        loop {
            block.clear();
            self.fill()?;
            if self.from == self.to {
                return Ok(false);
            }
            self.parse(block)?;
            if !block.rows.is_empty() {
                return Ok(true);
            }
            if self.from == self.to && self.ended {
                return Ok(false);
            }
            // the buffer holds no whole record
            if self.to - self.from > self.line_max {
                let line = self.lines.peek(&self.buffer[self.from..self.to]);
                return refuse(format!(
                    "the record that starts in line {line} is longer than {} bytes: is a quote not closed?",
                    self.line_max
                ));
            }
            self.grow();
        }
    }

    fn raw(&self, _: &Block, row: &Row) -> String {
        String::from_utf8_lossy(&self.buffer[row.raw.0..row.raw.1]).into_owned()
    }

    fn warnings(&self) -> Vec<String> {
        self.notes.clone()
    }
}

/// How often a byte stands in a text.
#[expect(clippy::naive_bytecount, reason = "the compiler makes vector code of it; not worth a dependency")]
pub(super) fn count_of(wanted: u8, text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == wanted).count()
}

/// Counts lines by their ends, whether LF, CR or CRLF.
#[derive(Debug)]
struct LineCounter {
    line: i64,
    after_cr: bool,
}

impl Default for LineCounter {
    fn default() -> Self {
        Self { line: 1, after_cr: false }
    }
}

impl LineCounter {
    /// Whether every CR of a text stands before an LF, so that only LF need be counted.
    fn is_simple(text: &[u8]) -> bool {
        if !text.contains(&b'\r') {
            return true;
        }
        let count = count_of(b'\r', text);
        let pairs = text.windows(2).filter(|pair| *pair == b"\r\n").count();
        count == pairs
    }

    /// Passes over a text; `simple` as [`Self::is_simple`] says of the text around it.
    #[inline]
    fn pass(&mut self, text: &[u8], simple: bool) {
        if simple {
            let split = self.after_cr && text.first() == Some(&b'\n');
            let count = count_of(b'\n', text) - usize::from(split);
            self.line += i64::try_from(count).unwrap_or(i64::MAX);
            self.after_cr &= text.is_empty();
            return;
        }
        for &byte in text {
            if byte == b'\n' {
                self.line += i64::from(!self.after_cr);
            } else if byte == b'\r' {
                self.line += 1;
            }
            self.after_cr = byte == b'\r';
        }
    }

    /// The line of the first byte that is no line end.
    fn peek(&self, text: &[u8]) -> i64 {
        let mut ahead = Self { line: self.line, after_cr: self.after_cr };
        let blank = text.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        ahead.pass(&text[..blank], false);
        ahead.line
    }
}

#[cfg(test)]
mod tests;

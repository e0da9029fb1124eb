//! Records of text that holds quotes. What stands between two quotes is one field, whatever it holds; after the closing
//! one the field must end. Where it does not, or where the quotes join what are rows by themselves, the line is refused
//! and the reading goes on with the next line: a stray quote costs its own row and no other. One stray quote costs
//! nothing where the line has all its columns without it ([`super::stray`]).

use memchr::{memchr, memchr_iter, memchr2, memchr3};

use super::super::block::{BLOCK_ROWS, Block, Flaw, QuoteFault, Row};
use super::records::is_line_end;
use super::{TextSource, count_of, stray};

/// Fields of a row from which on two lines that each have as many are two rows and not one text over two lines.
const ROW_LIKE: usize = 4;

/// How reading one record ended.
enum Read {
    /// At this line end.
    Whole(usize),
    /// The same, with more fields than any file may have.
    Wide(usize),
    /// After this closing quote, where something else follows than the end of the field.
    Broken(usize),
    /// Quotes around a delimiter do not begin and end fields.
    Apart,
    /// The buffer ends first.
    Cut,
}

impl TextSource {
    /// Reads text with quotes: the block holds its fields unquoted. Gives where unread text begins.
    pub(super) fn unquote(&mut self, quote: u8, block: &mut Block) -> usize {
        block.gap = 1;
        let (mut at, mut next_quote) = (self.from, self.from);
        while block.rows.len() < BLOCK_ROWS {
            at += self.buffer[at..self.to].iter().take_while(|byte| is_line_end(**byte)).count();
            let Some(line) = memchr2(b'\n', b'\r', &self.buffer[at..self.to]) else { break };
            let line_end = at + line;
            if next_quote < at {
                next_quote = memchr(quote, &self.buffer[at..self.to]).map_or(self.to, |hit| at + hit);
            }
            let (start, first) = (block.bytes.len(), block.ends.len());
            let plain = next_quote > line_end || self.is_comment(&self.buffer[at..line_end]);
            let read = if plain { self.bare(at, line_end, block) } else { self.record(quote, at, block) };
            let read = match read {
                Read::Broken(closed) if closed <= line_end => {
                    block.bytes.truncate(start);
                    block.ends.truncate(first);
                    if self.stray(quote, (at, line_end), block) { Read::Whole(line_end) } else { Read::Broken(closed) }
                }
                other => other,
            };
            let fields = block.ends.len() - first;
            let (end, fault) = match read {
                Read::Whole(end) if end == line_end => {
                    self.usual = Some(fields);
                    (end, None)
                }
                Read::Whole(end) => (end, self.joined(at, line_end, end, fields)),
                Read::Wide(end) if end == line_end => {
                    block.ends.truncate(first);
                    let flaw = Some(Flaw::Wide(self.columns_max));
                    block.rows.push(Row { start, first, fields: 0, line: 0, raw: (at, end), flaw });
                    at = end;
                    continue;
                }
                Read::Wide(end) => (end, Some(QuoteFault::Fields(fields))),
                Read::Broken(end) => (end, Some(QuoteFault::Follows)),
                Read::Apart => (line_end, Some(QuoteFault::Apart)),
                // the record may go on behind the buffer
                Read::Cut if !self.ended && self.to - at <= self.line_max => {
                    block.bytes.truncate(start);
                    block.ends.truncate(first);
                    break;
                }
                Read::Cut => (line_end, Some(QuoteFault::Open)),
            };
            let Some(fault) = fault else {
                block.rows.push(Row { start, first, fields, line: 0, raw: (at, end), flaw: None });
                self.learn_width(fields);
                at = end;
                continue;
            };
            block.bytes.truncate(start);
            block.ends.truncate(first);
            let lines = self.lines_between(at, end);
            // of rows that only quotes make one, neither can be trusted
            let until = if fault == QuoteFault::Rows { end } else { line_end };
            while at < until {
                let line = memchr2(b'\n', b'\r', &self.buffer[at..until]).map_or(until, |line| at + line);
                let flaw = Some(Flaw::Quote(fault, lines));
                block.rows.push(Row { start, first, fields: 0, line: 0, raw: (at, line), flaw });
                at = line + self.buffer[line..until].iter().take_while(|byte| is_line_end(**byte)).count();
            }
        }
        at
    }

    /// A line without quotes.
    fn bare(&self, start: usize, end: usize, block: &mut Block) -> Read {
        let line = &self.buffer[start..end];
        let first = block.ends.len();
        block.ends.extend(memchr_iter(self.delimiter, line));
        block.ends.push(line.len());
        block.bytes.extend_from_slice(line);
        if block.ends.len() - first > self.columns_max { Read::Wide(end) } else { Read::Whole(end) }
    }

    /// A record in which a quote stands somewhere. Within a field that does not begin with it, a quote is a character
    /// like any other.
    fn record(&self, quote: u8, start: usize, block: &mut Block) -> Read {
        let text = &self.buffer[..self.to];
        let (base, first) = (block.bytes.len(), block.ends.len());
        let (mut at, mut opened) = (start, false);
        loop {
            let open = at + self.blanks(at);
            if text.get(open) == Some(&quote) {
                let Some(closed) = self.quoted(quote, open + 1, &mut block.bytes) else { return Read::Cut };
                at = closed + self.blanks(closed);
                match text.get(at) {
                    None => return Read::Cut,
                    Some(byte) if *byte == self.delimiter || is_line_end(*byte) => {}
                    Some(_) => return Read::Broken(closed),
                }
            } else {
                let Some(length) = memchr3(self.delimiter, b'\n', b'\r', &text[at..]) else { return Read::Cut };
                let field = &text[at..at + length];
                if memchr(quote, field).is_some() {
                    if opened && stray::closes(quote, field) {
                        return Read::Apart;
                    }
                    opened |= stray::opens(quote, field);
                }
                block.bytes.extend_from_slice(field);
                at += length;
            }
            block.ends.push(block.bytes.len() - base);
            if is_line_end(text[at]) {
                return Read::Whole(at);
            }
            if block.ends.len() - first >= self.columns_max {
                let line = memchr2(b'\n', b'\r', &text[at..]);
                return line.map_or(Read::Cut, |length| Read::Wide(at + length));
            }
            block.bytes.push(self.delimiter);
            at += 1;
        }
    }

    /// Copies what stands between two quotes; gives the place after the closing one.
    pub(super) fn quoted(&self, quote: u8, mut at: usize, out: &mut Vec<u8>) -> Option<usize> {
        let text = &self.buffer[..self.to];
        let escape = self.escape.unwrap_or(quote);
        loop {
            let stop = at + memchr2(quote, escape, &text[at..])?;
            out.extend_from_slice(&text[at..stop]);
            let after = text.get(stop + 1).copied();
            let doubled = after == Some(quote) || escape != quote && text[stop] == escape && after == Some(escape);
            match after {
                None => return None,
                Some(next) if doubled => {
                    out.push(next);
                    at = stop + 2;
                }
                Some(_) if text[stop] == quote => return Some(stop + 1),
                // before anything else it escapes nothing
                Some(_) => {
                    out.push(escape);
                    at = stop + 1;
                }
            }
        }
    }

    /// Blanks that stand here, as they may around quotes.
    pub(super) fn blanks(&self, at: usize) -> usize {
        let blank = |byte: &&u8| matches!(**byte, b' ' | b'\t') && **byte != self.delimiter;
        self.buffer[at..self.to].iter().take_while(blank).count()
    }

    /// What is wrong with a record of several lines, if it cannot be one.
    fn joined(&self, start: usize, line_end: usize, end: usize, fields: usize) -> Option<QuoteFault> {
        let known = [self.width, self.usual];
        if known.iter().any(Option::is_some) && !known.contains(&Some(fields)) {
            return Some(QuoteFault::Fields(fields));
        }
        let rest = self.buffer[line_end..end].split(|byte| is_line_end(*byte)).filter(|line| !line.is_empty());
        let mut lines = std::iter::once(&self.buffer[start..line_end]).chain(rest);
        let row_like = fields >= ROW_LIKE && lines.all(|line| count_of(self.delimiter, line) + 1 == fields);
        row_like.then_some(QuoteFault::Rows)
    }

    /// Line ends between two places.
    fn lines_between(&self, from: usize, to: usize) -> usize {
        let text = &self.buffer[from..to];
        let crlf = text.windows(2).filter(|pair| *pair == b"\r\n").count();
        count_of(b'\n', text) + count_of(b'\r', text) - crlf
    }
}

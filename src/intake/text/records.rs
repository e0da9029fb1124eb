//! The buffer's text becomes records. Where no quote stands in it, as nearly always, its delimiters and line ends are
//! all there is to find; else [`super::quotes`] reads it. Both give the same records.

use memchr::{memchr, memchr2, memchr3_iter};

use super::super::block::{BLOCK_ROWS, Block, Flaw, Row, Step, refuse};
use super::{Layout, LineCounter, TextSource};

impl TextSource {
    /// Parses the buffer's whole records.
    pub(super) fn parse(&mut self, block: &mut Block) -> Step<()> {
        if self.ended && !is_line_end(self.buffer[self.to - 1]) {
            // the last record may lack its line end; an open quote swallows this one
            if self.to == self.buffer.len() {
                self.buffer.push(0);
            }
            self.buffer[self.to] = b'\n';
            self.to += 1;
        }
        let begin = self.from;
        let quote = self.quote.filter(|quote| memchr(*quote, &self.buffer[begin..self.to]).is_some());
        let next = match (&self.layout, quote) {
            (Layout::Delimited, Some(quote)) => self.unquote(quote, block),
            (Layout::Delimited, None) => self.split(block),
            _ => self.cut(block),
        };
        if quote.is_none() && self.header_left > 0 {
            for row in block.rows.iter().filter(|row| row.flaw.is_none()) {
                self.learn_width(row.fields);
            }
        }
        self.finish(block, next)?;
        self.from = next;
        Ok(())
    }

    /// Reads text without quotes: the block holds it as it stands, delimiters too. Gives where unread text begins.
    fn split(&self, block: &mut Block) -> usize {
        let base = self.from;
        // where the record begins, and where its field ends begin
        let (mut start, mut first, mut wide) = (base, 0, None);
        block.gap = 1;
        for hit in memchr3_iter(self.delimiter, b'\n', b'\r', &self.buffer[base..self.to]) {
            let at = base + hit;
            let ends_line = is_line_end(self.buffer[at]);
            if ends_line && at == start {
                start += 1;
                continue;
            }
            if block.ends.len() - first < self.columns_max {
                block.ends.push(at - start);
            } else {
                wide = Some(Flaw::Wide(self.columns_max));
            }
            if ends_line {
                if wide.is_some() {
                    block.ends.truncate(first);
                }
                let fields = block.ends.len() - first;
                let flaw = wide.take();
                block.rows.push(Row { start: start - base, first, fields, line: 0, raw: (start, at), flaw });
                (start, first) = (at + 1, block.ends.len());
                if block.rows.len() == BLOCK_ROWS {
                    break;
                }
            }
        }
        block.ends.truncate(first);
        block.bytes.extend_from_slice(&self.buffer[base..start]);
        start
    }

    /// Reads text whose columns are told by their places or by the blanks between them.
    fn cut(&self, block: &mut Block) -> usize {
        block.gap = 0;
        let mut at = self.from;
        while block.rows.len() < BLOCK_ROWS {
            at += self.buffer[at..self.to].iter().take_while(|byte| is_line_end(**byte)).count();
            let Some(length) = memchr2(b'\n', b'\r', &self.buffer[at..self.to]) else { break };
            let line = &self.buffer[at..at + length];
            let (start, first) = (block.bytes.len(), block.ends.len());
            let fields = self.layout.fields(line);
            let wide = fields.len() > self.columns_max;
            for field in fields.into_iter().filter(|_| !wide) {
                block.bytes.extend_from_slice(field);
                block.ends.push(block.bytes.len() - start);
            }
            let fields = block.ends.len() - first;
            let flaw = wide.then_some(Flaw::Wide(self.columns_max));
            block.rows.push(Row { start, first, fields, line: 0, raw: (at, at + length), flaw });
            at += length;
        }
        at
    }

    /// Learns from the header how many fields a row has.
    pub(super) fn learn_width(&mut self, fields: usize) {
        if self.header_left > 0 {
            self.header_left -= 1;
            if self.header_left == 0 {
                self.width = Some(fields);
            }
        }
    }

    /// Gives the records their lines, and says what is wrong with them. Unread text begins at `next`.
    fn finish(&mut self, block: &mut Block, next: usize) -> Step<()> {
        let text = &self.buffer[self.from..next];
        let (has_nul, simple) = (memchr(0, text).is_some(), LineCounter::is_simple(text));
        let mut counted = self.from;
        for at in 0..block.rows.len() {
            let (start, end) = block.rows[at].raw;
            self.lines.pass(&self.buffer[counted..start], simple);
            counted = start;
            let line = self.lines.line;
            if end - start > self.line_max {
                return refuse(format!("line {line} is longer than {} bytes", self.line_max));
            }
            block.rows[at].line = line;
            if block.rows[at].flaw.is_some() {
                continue;
            }
            if has_nul && memchr(0, &self.buffer[start..end]).is_some() {
                block.rows[at].flaw = Some(Flaw::Nul);
            } else if end - start > self.field_max || !self.decoder.malformed.is_empty() {
                block.rows[at].flaw = self.flaw_of(block, at);
            }
        }
        self.lines.pass(&self.buffer[counted..next], simple);
        Ok(())
    }

    fn flaw_of(&mut self, block: &Block, at: usize) -> Option<Flaw> {
        let row = &block.rows[at];
        // places come in order, and so do records
        let (from, to) = (self.offset + row.raw.0 as u64, self.offset + row.raw.1 as u64);
        while let Some(place) = self.decoder.malformed.get(self.next_malformed) {
            if place.decoded_at >= to {
                break;
            }
            self.next_malformed += 1;
            if place.decoded_at >= from {
                return Some(Flaw::Encoding(place.byte));
            }
        }
        let longest = (0..row.fields).filter_map(|field| block.range(row, field)).map(|(from, to)| to - from).max();
        longest.filter(|longest| *longest > self.field_max).map(Flaw::LongField)
    }
}

pub(super) fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

//! The buffer's text becomes records. Where no quote stands in it, as nearly always, its delimiters and line ends are
//! all there is to find; else csv-core reads it. Both give the same records.

use memchr::{memchr, memchr2, memchr3_iter};

use super::super::block::{BLOCK_ROWS, Block, Flaw, Row, Step, refuse};
use super::{LineCounter, TextSource};

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
        let quoted = self.quote.is_some_and(|quote| memchr(quote, &self.buffer[begin..self.to]).is_some());
        let next = match self.delimiter {
            b' ' => self.align(block),
            _ if quoted => self.unquote(block),
            _ => self.split(block),
        };
        self.finish(block, next)?;
        self.from = next;
        if self.ended && next < self.to && block.rows.len() < BLOCK_ROWS {
            let line = self.lines.line;
            return refuse(format!("the quote that opens in the record starting in line {line} is never closed"));
        }
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
            if block.ends.len() - first < self.ends.len() {
                block.ends.push(at - start);
            } else {
                wide = Some(Flaw::Wide(self.ends.len() - 1));
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

    /// Reads text whose columns are set off by blanks, as many as make them stand below each other: a run of them is one
    /// delimiter, and none at the ends of a line. The block holds the fields only. Gives where unread text begins.
    fn align(&self, block: &mut Block) -> usize {
        block.gap = 0;
        let text = &self.buffer[..self.to];
        let mut at = self.from;
        while block.rows.len() < BLOCK_ROWS {
            let start = at + text[at..].iter().take_while(|byte| is_line_end(**byte)).count();
            let Some(length) = memchr2(b'\n', b'\r', &text[start..]) else { return start };
            let end = start + length;
            let (begin, first) = (block.bytes.len(), block.ends.len());
            let mut flaw = None;
            for field in text[start..end].split(|byte| *byte == b' ').filter(|field| !field.is_empty()) {
                if block.ends.len() - first == self.ends.len() {
                    flaw = Some(Flaw::Wide(self.ends.len() - 1));
                    block.ends.truncate(first);
                    block.bytes.truncate(begin);
                    break;
                }
                block.bytes.extend_from_slice(field);
                block.ends.push(block.bytes.len() - begin);
            }
            let fields = block.ends.len() - first;
            if fields > 0 || flaw.is_some() {
                block.rows.push(Row { start: begin, first, fields, line: 0, raw: (start, end), flaw });
            }
            at = end + 1;
        }
        at
    }

    /// Reads text with quotes: the block holds its fields only, unquoted. Gives where unread text begins.
    fn unquote(&mut self, block: &mut Block) -> usize {
        block.gap = 0;
        block.bytes.resize(self.to - self.from + 16, 0);
        let core = self.core.get_or_insert_with(|| {
            let mut builder = csv_core::ReaderBuilder::new();
            builder.delimiter(self.delimiter).escape(self.escape);
            match self.quote {
                Some(quote) => builder.quote(quote),
                None => builder.quoting(false),
            };
            Box::new(builder.build())
        });
        core.reset();
        let (mut at, mut out) = (self.from, 0);
        while at < self.to && block.rows.len() < BLOCK_ROWS {
            let start = at + self.buffer[at..self.to].iter().take_while(|byte| is_line_end(**byte)).count();
            at = start;
            if start == self.to {
                break;
            }
            let begin = out;
            let mut flaw = None;
            let mut pos = start;
            let whole = loop {
                // a record that is too wide goes on over the same places, so that its end is found
                let (result, read, wrote, ended) =
                    core.read_record(&self.buffer[pos..self.to], &mut block.bytes[out..], &mut self.ends);
                pos += read;
                out += wrote;
                match result {
                    csv_core::ReadRecordResult::Record => break Some(ended),
                    csv_core::ReadRecordResult::OutputEndsFull => {
                        flaw = Some(Flaw::Wide(self.ends.len() - 1));
                        out = begin;
                    }
                    _ => break None,
                }
            };
            let Some(fields) = whole else {
                out = begin;
                break;
            };
            let (first, fields) = (block.ends.len(), if flaw.is_some() { 0 } else { fields });
            block.ends.extend_from_slice(&self.ends[..fields]);
            let end = pos - self.buffer[start..pos].iter().rev().take_while(|byte| is_line_end(**byte)).count();
            block.rows.push(Row { start: begin, first, fields, line: 0, raw: (start, end), flaw });
            at = pos;
        }
        block.bytes.truncate(out);
        at
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

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

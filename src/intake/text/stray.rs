//! Quotes that are no quotes around fields.

use memchr::memchr;

use super::super::block::Block;
use super::{TextSource, count_of};

impl TextSource {
    /// Reads a line in which a quote is opened and not closed, with that quote as the character that it is. Only where
    /// nothing else can be meant: the line then has as many fields as every other, all other fields are well written, and
    /// the quote is the only one of its field. Leaves the block as it was otherwise.
    pub(super) fn stray(&self, quote: u8, (start, end): (usize, usize), block: &mut Block) -> bool {
        let (base, first) = (block.bytes.len(), block.ends.len());
        let whole = self.fields_of(quote, (start, end), block);
        let fields = block.ends.len() - first;
        if whole && Some(fields) == self.width.or(self.usual) {
            return true;
        }
        block.bytes.truncate(base);
        block.ends.truncate(first);
        false
    }

    fn fields_of(&self, quote: u8, (mut at, end): (usize, usize), block: &mut Block) -> bool {
        let (text, base) = (&self.buffer[..end], block.bytes.len());
        loop {
            let written = block.bytes.len();
            let open = at + self.blanks(at);
            let closed = match text.get(open) {
                Some(byte) if *byte == quote => self.quoted(quote, open + 1, &mut block.bytes),
                _ => None,
            };
            let next = closed.map(|closed| closed + self.blanks(closed));
            match next {
                Some(next) if next == end || next < end && text[next] == self.delimiter => at = next,
                _ => {
                    block.bytes.truncate(written);
                    let field =
                        memchr(self.delimiter, &text[at..]).map_or(&text[at..], |length| &text[at..at + length]);
                    let most = usize::from(text.get(open) == Some(&quote));
                    if count_of(quote, field) > most {
                        return false;
                    }
                    block.bytes.extend_from_slice(field);
                    at += field.len();
                }
            }
            block.ends.push(block.bytes.len() - base);
            if at >= end {
                return true;
            }
            block.bytes.push(self.delimiter);
            at += 1;
        }
    }
}

/// Whether a quote within a field looks like one that should begin it: `9.90"Pad`, and not `27" wide` or `27"`.
pub(super) fn opens(quote: u8, field: &[u8]) -> bool {
    let follows = lone(quote, field).and_then(|at| field.get(at + 1));
    follows.is_some_and(|byte| !byte.is_ascii_whitespace())
}

/// Whether a field ends in a quote that is the end of no pair.
pub(super) fn closes(quote: u8, field: &[u8]) -> bool {
    let field = field.trim_ascii_end();
    field.last() == Some(&quote) && lone(quote, field).is_some()
}

/// The last quote that is not doubled, where their number is odd.
fn lone(quote: u8, field: &[u8]) -> Option<usize> {
    let (mut at, mut last, mut count) = (0, None, 0);
    while let Some(hit) = memchr(quote, &field[at..]) {
        let doubled = field.get(at + hit + 1) == Some(&quote);
        if !doubled {
            last = Some(at + hit);
            count += 1;
        }
        at += hit + 1 + usize::from(doubled);
    }
    last.filter(|_| count % 2 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inches_open_nothing() {
        for (field, open, close) in [
            ("9.90\"Pad", true, false),
            ("27\" wide", false, false),
            ("27\"", false, true),
            ("red\"\"\"", false, true),
            ("24\"x36\"", false, false),
            ("8 Wt.\"In our 8'9\"\" length", true, false),
        ] {
            assert_eq!((opens(b'"', field.as_bytes()), closes(b'"', field.as_bytes())), (open, close), "{field}");
        }
    }
}

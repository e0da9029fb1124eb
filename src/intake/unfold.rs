//! Groups of columns that repeat side by side (article, price and quantity three times in a row) become rows.

use super::block::{Block, Cell, Flaw, Row, Step, refuse};
use super::header::Header;
use crate::sender::SenderFeed;

/// Which fields of a record make its rows.
#[derive(Debug)]
pub(super) struct Unfold {
    /// Fields that every row has.
    common: Vec<usize>,
    /// Fields of each group, in the order of the first.
    groups: Vec<Vec<usize>>,
    width: usize,
}

impl Unfold {
    /// How the mapping unfolds records of this header, and the header of the rows that come of it.
    pub(super) fn of(feed: &SenderFeed, header: &Header) -> Step<Option<(Self, Header)>> {
        let Some(first) = feed.unfold.first() else { return Ok(None) };
        let mut groups = Vec::with_capacity(feed.unfold.len());
        for group in &feed.unfold {
            let mut places = Vec::with_capacity(group.len());
            for name in group {
                match header.place(name) {
                    Some(place) => places.push(place),
                    None => return refuse(header.missing("unfold", std::slice::from_ref(name))),
                }
            }
            groups.push(places);
        }
        let grouped = |at: &usize| groups.iter().any(|group| group.contains(at));
        let common: Vec<usize> = (0..header.width()).filter(|at| !grouped(at)).collect();
        let names = common.iter().map(|at| header.names[*at].clone());
        let bare = |name: &String| name.split_once('#').map_or(name.as_str(), |(name, _)| name).to_string();
        let mut unfolded = Header::new(names.chain(first.iter().map(bare)).collect())?;
        (unfolded.sparse, unfolded.written) = (header.sparse, header.written);
        Ok(Some((Self { common, groups, width: header.width() }, unfolded)))
    }

    /// The rows of a block's records: one for each group that holds anything.
    pub(super) fn apply(&self, block: &Block) -> Block {
        let mut out = Block { gap: 0, ..Block::default() };
        let placed = !block.cells.is_empty();
        for row in &block.rows {
            let filled = |field: usize| {
                let range = block.range(row, field);
                range.is_some_and(|(from, to)| !block.bytes[from..to].trim_ascii().is_empty())
            };
            let ragged = if placed { false } else { row.fields < self.width } || (self.width..row.fields).any(filled);
            let flaw = if ragged && row.flaw.is_none() && !block.is_blank(row) {
                Some(Flaw::Ragged(row.fields, self.width))
            } else {
                row.flaw.clone()
            };
            if flaw.is_some() {
                let (start, first) = (out.bytes.len(), out.ends.len());
                out.rows.push(Row { start, first, fields: 0, flaw, ..*row });
                continue;
            }
            for group in &self.groups {
                if !group.iter().any(|field| filled(*field)) {
                    continue;
                }
                let (start, first) = (out.bytes.len(), out.ends.len());
                for field in self.common.iter().chain(group) {
                    let (from, to) = block.range(row, *field).unwrap_or((0, 0));
                    out.bytes.extend_from_slice(&block.bytes[from..to]);
                    out.ends.push(out.bytes.len() - start);
                    if placed {
                        out.cells.push(if *field < row.fields { block.cell(row, *field) } else { Cell::Text });
                    }
                }
                let fields = out.ends.len() - first;
                out.rows.push(Row { start, first, fields, line: row.line, raw: row.raw, flaw: None });
            }
        }
        out
    }
}

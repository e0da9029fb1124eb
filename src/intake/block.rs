//! What every reader fills and the converter empties: a bounded number of records, their fields as ranges
//! over one buffer of text.

use crate::error::Error;

/// Records that one block holds at most.
pub(super) const BLOCK_ROWS: usize = 8192;

/// Bytes of text after which a block is given on, however few records it holds.
pub(super) const BLOCK_BYTES: usize = 4 << 20;

/// Why reading a file ends before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The file cannot be used; the text is for its sender.
    Refused(String),
    /// Read as UTF-8 by assumption, and it is not.
    NotUtf8,
    /// The machine failed (disk, memory), not the file.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<arrow::error::ArrowError> for Stop {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Failed(error.into())
    }
}

/// Result of reading.
pub(super) type Step<T> = Result<T, Stop>;

/// Refuses the file.
pub(super) fn refuse<T>(reason: impl Into<String>) -> Step<T> {
    Err(Stop::Refused(reason.into()))
}

/// What a field was before it became text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// Text, to be read as the sender declares.
    Text,
    /// A number cell of a workbook: leading zeros, if there were any, are gone.
    Number,
    /// A value written by a machine in canonical form: ISO dates, plain numbers.
    Canonical,
    /// An error cell of a workbook, such as `#DIV/0!`.
    Error,
    /// Bytes that are no text; what stands here tells of them.
    Bytes,
    /// A list or a structure instead of a value; what stands here tells of it.
    Nested,
}

/// What is wrong with a record as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A NUL byte.
    Nul,
    /// Bytes that the encoding does not have; position in the file as delivered.
    Encoding(u64),
    /// A field longer than allowed.
    LongField(usize),
    /// More fields than any file may have, which is this many.
    Wide(usize),
    /// So many fields where the header has so many.
    Ragged(usize, usize),
    /// A JSON value that is not what is needed; found and expected.
    Json(String, String),
    /// Something that the reader of a format with messages refuses: its reason, found and expected.
    Message(&'static str, String, String),
    /// Quotes that are no pair around a field, and how many lines further down the record ended.
    Quote(QuoteFault, usize),
}

/// Why the quotes of a line are not taken for quotes around fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QuoteFault {
    /// Behind the closing quote the field goes on.
    Follows,
    /// There is no closing quote.
    Open,
    /// The record goes over several lines and has so many fields, which no other has.
    Fields(usize),
    /// The record goes over several lines, each of which is a row by itself.
    Rows,
    /// A delimiter stands between two quotes of which neither begins or ends its field.
    Apart,
}

/// One record.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Where its first field starts in the block's bytes.
    pub start: usize,
    /// Where its field ends begin in the block's `ends`.
    pub first: usize,
    /// How many fields it has.
    pub fields: usize,
    /// 1-based line where it starts; row number for workbooks and Parquet.
    pub line: i64,
    /// Its range in the reader's own buffer, for the raw text.
    pub raw: (usize, usize),
    /// What is wrong with it as a whole.
    pub flaw: Option<Flaw>,
}

/// A run of records.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Unescaped field texts, one after the other, maybe with a delimiter between; UTF-8.
    pub bytes: Vec<u8>,
    /// Ends of fields, counted from their record's start.
    pub ends: Vec<usize>,
    /// Bytes between two fields of a record: 1 where the text still has its delimiters.
    pub gap: usize,
    /// What each field was; empty where all are text.
    pub cells: Vec<Cell>,
    /// The records.
    pub rows: Vec<Row>,
}

impl Block {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.cells.clear();
        self.rows.clear();
    }

    /// All field texts as one checked string; fields are slices of it.
    pub(super) fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.bytes).map_err(|err| Error::bug("a reader gave text that is not UTF-8").because(err))
    }

    /// Range of a field in the block's bytes; `None` beyond the record's last field.
    #[inline]
    pub(super) fn range(&self, row: &Row, field: usize) -> Option<(usize, usize)> {
        if field >= row.fields {
            return None;
        }
        let start = if field == 0 { 0 } else { self.ends[row.first + field - 1] + self.gap };
        Some((row.start + start, row.start + self.ends[row.first + field]))
    }

    /// What a field was.
    #[inline]
    pub(super) fn cell(&self, row: &Row, field: usize) -> Cell {
        if self.cells.is_empty() { Cell::Text } else { self.cells[row.first + field] }
    }

    /// Texts of a record's fields.
    pub(super) fn fields(&self, row: &Row) -> Vec<String> {
        (0..row.fields)
            .filter_map(|field| self.range(row, field))
            .map(|(from, to)| String::from_utf8_lossy(&self.bytes[from..to]).into_owned())
            .collect()
    }

    /// Whether every field of a record is empty or blank.
    pub(super) fn is_blank(&self, row: &Row) -> bool {
        let blank = |(from, to): (usize, usize)| self.bytes[from..to].iter().all(u8::is_ascii_whitespace);
        row.flaw.is_none() && (0..row.fields).filter_map(|field| self.range(row, field)).all(blank)
    }

    /// Starts a record that fields are pushed to.
    pub(super) fn begin(&mut self, line: i64) {
        let (start, first) = (self.bytes.len(), self.ends.len());
        self.rows.push(Row { start, first, fields: 0, line, raw: (0, 0), flaw: None });
    }

    /// Adds a field to the record begun last, unless it or the whole record is too long: then the record has a flaw
    /// and the text is left out. One long text may be shared by every cell of a sheet or a column.
    pub(super) fn push_capped(&mut self, text: &str, cell: Cell, field_max: usize, record_max: usize) {
        let held = self.rows.last().map_or(0, |row| self.bytes.len() - row.start);
        if text.len() <= field_max && held + text.len() <= record_max {
            return self.push(text, cell);
        }
        self.push("", cell);
        if let Some(row) = self.rows.last_mut() {
            row.flaw.get_or_insert(Flaw::LongField(text.len()));
        }
    }

    /// Adds a field to the record begun last.
    pub(super) fn push(&mut self, text: &str, cell: Cell) {
        let Some(row) = self.rows.last_mut() else { return };
        if memchr::memchr(0, text.as_bytes()).is_some() {
            row.flaw.get_or_insert(Flaw::Nul);
        }
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.bytes.len() - row.start);
        self.cells.push(cell);
        row.fields += 1;
    }
}

/// A reader of records.
pub(super) trait Source {
    /// Replaces the block's records by the next ones; `false` at the end.
    fn next(&mut self, block: &mut Block) -> Step<bool>;

    /// The text of a record of the last block as it stands in the file.
    fn raw(&self, block: &Block, row: &Row) -> String {
        block.fields(row).join("\t")
    }

    /// What tells a row apart from all others of its file and day; its line, where a line is no more than one row.
    fn number(&self, row: &Row) -> i64 {
        row.line
    }

    /// Names of columns that came up after the header was made, since this was last asked.
    fn late_names(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// What should be said about how the file was read.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// The sheet that is read, where there are several.
    fn sheet(&self) -> Option<String> {
        None
    }
}

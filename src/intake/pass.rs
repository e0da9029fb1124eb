//! One reading of a file: its parts, one after the other, block by block to rows, rejects and an account.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Date32Type;
use encoding_rs::Encoding;

use super::account::Account;
use super::block::{Block, Row, Source, Step, Stop, refuse};
use super::contents::Contents;
use super::convert::Converter;
use super::decode::{self, Decoder};
use super::duplicates::KeyHashes;
use super::header::{Header, Wanted};
use super::job::{Job, Known, Period};
use super::marks::Marks;
use super::open::{self, Content, Part};
use super::plan::Plan;
use super::text::TextSource;
use super::unfold::Unfold;
use super::write::{Reject, RejectWriter, StagedWriter};
use super::{columnar, edi, json, markup, rehearse, sheet};
use crate::contract::Kind;
use crate::error::Result;
use crate::sender::Format;

/// After so many rows, a file of which more than half is refused is given up at once.
const HOPELESS_ROWS: u64 = 200_000;

/// Rows of a sheet among which its header is looked for.
const HEADER_ROWS_MAX: usize = 200;

/// One reading of a file.
pub(super) struct Pass<'a> {
    pub job: &'a Job<'a>,
    pub known: &'a Known,
    pub account: Account,
    pub staged: Option<StagedWriter>,
    pub rejects: Option<RejectWriter>,
    pub hashes: Option<KeyHashes>,
    pub marks: Option<Marks>,
    pub contents: Option<Contents>,
    pub next_drop: usize,
    /// Columns of a part that came up after its header was made: the reading ends there, to begin anew with them.
    pub late: Option<(String, Vec<String>)>,
    /// Columns that turned out to be filled in some rows only: the same.
    pub mixed: Vec<String>,
}

pub(super) fn finished(pass: Pass<'_>) -> Result<Account> {
    let Pass { mut account, staged, rejects, marks, contents, .. } = pass;
    account.marks = marks.map(Marks::finish).unwrap_or_default();
    account.contents = contents.map(Contents::finish).unwrap_or_default();
    let ended = (|| {
        account.staged = staged.map(StagedWriter::finish).transpose()?.flatten();
        account.rejects = rejects.map(RejectWriter::finish).transpose()?.flatten();
        Ok(())
    })();
    match ended {
        Err(Stop::Failed(error)) => Err(error),
        Ok(()) | Err(Stop::Refused(_) | Stop::NotUtf8) => Ok(account),
    }
}

impl<'a> Pass<'a> {
    pub(super) fn new(job: &'a Job<'a>, known: &'a Known) -> Self {
        // while the period is unknown, nothing can be written: rows carry it
        let writing = known.period != Period::FromRows;
        Self {
            job,
            known,
            account: Account::default(),
            staged: writing.then(|| StagedWriter::new(job.output("staged"), job.contract, &job.lineage, known.span())),
            rejects: writing.then(|| RejectWriter::new(job.output("rejects"), &job.lineage)),
            hashes: (writing && known.drops.is_none()).then(|| KeyHashes::new(job.contract)),
            marks: writing.then(|| Marks::new(job.contract, job.feed)).flatten(),
            contents: writing.then(|| Contents::of(job.contract)).flatten(),
            next_drop: 0,
            late: None,
            mixed: Vec::new(),
        }
    }

    pub(super) fn run(&mut self, parts: &[Part]) -> Step<()> {
        for part in parts {
            if part.name != self.job.raw.key {
                if let Some(staged) = &mut self.staged {
                    staged.set_file(&part.name);
                }
                if let Some(rejects) = &mut self.rejects {
                    rejects.set_file(&part.name)?;
                }
            }
            if self.late.is_some() || !self.mixed.is_empty() || self.is_enough() {
                return Ok(());
            }
            let member = part.name.strip_prefix(&self.job.raw.key).unwrap_or_default();
            self.part(part).map_err(|stop| match stop {
                Stop::Refused(reason) if !member.is_empty() => Stop::Refused(format!("{}: {reason}", &member[1..])),
                other => other,
            })?;
        }
        let (totals, read) = (self.account.totals, self.account.read);
        // a few totals are what was declared; many look like a prefix that data starts with, too
        if totals > 5 && totals * 10 > read {
            self.account
                .warnings
                .push(format!("{totals} lines taken for totals beside {read} rows: is total_prefixes right?"));
        }
        Ok(())
    }

    /// Whether as many rows were read as are asked for.
    fn is_enough(&self) -> bool {
        self.job.rows.is_some_and(|rows| self.account.read >= rows)
    }

    pub(super) fn part(&mut self, part: &Part) -> Step<()> {
        let job = self.job;
        let mut source = self.source(part)?;
        let text = part.content == Content::Text && !self.is_json(part);
        let header_rows = match part.content {
            Content::Parquet | Content::Edi => 1,
            Content::Text if !text => 1,
            _ => job.feed.header_rows,
        };
        let mut block = Block::default();
        if !source.next(&mut block)? {
            // a preamble, no header and no rows: there was nothing to report
            let is_blank = header_rows > 0 || job.feed.preamble_lines == 0;
            return if is_blank { refuse("the file has no header") } else { Ok(()) };
        }
        let wanted = Wanted::new(job.feed, job.contract);
        if part.content.is_sheet() {
            self.skip_preamble(&mut block, &wanted);
        }
        let mut header = Header::take(&mut block, job.feed, header_rows, &wanted)?;
        header.sparse = part.content == Content::Text && !text;
        let unfold = match Unfold::of(job.feed, &header)? {
            Some((unfold, unfolded)) => {
                header = unfolded;
                Some(unfold)
            }
            None => None,
        };
        let member = part.name.strip_prefix(&job.raw.key).unwrap_or_default().trim_start_matches('!');
        let names = [last_of(member), last_of(&job.raw.key), &job.raw.key];
        let names = if member.is_empty() { &names[1..] } else { &names[..] };
        let plan = Plan::new(job, &self.known.mixed, header, names);
        let mut plan = plan.map_err(|stopped| match *stopped {
            (Stop::Refused(reason), header) if text => Stop::Refused(self.with_delimiter(reason, &header)),
            (other, _) => other,
        })?;
        for phrase in std::mem::take(&mut plan.drift) {
            if !self.account.drift.contains(&phrase) {
                self.account.drift.push(phrase);
            }
        }
        let window = job.window(self.known.period);
        let mut converter = Converter::new(job.contract, job.feed, plan, job.day_zone, window);
        loop {
            match &unfold {
                Some(unfold) => self.take(&mut converter, source.as_ref(), &unfold.apply(&block))?,
                None => self.take(&mut converter, source.as_ref(), &block)?,
            }
            if !self.mixed.is_empty() {
                return Ok(());
            }
            if self.is_enough() {
                self.account.warnings.push(format!("tried on the first {} rows", self.account.read));
                break;
            }
            if !source.next(&mut block)? {
                break;
            }
            let late = source.late_names();
            if !late.is_empty() && self.known.may_learn_names() {
                self.late = Some((part.name.clone(), late));
                return Ok(());
            }
        }
        self.account.warnings.extend(source.warnings());
        self.account.warnings.extend(converter.left_out());
        Ok(())
    }

    /// Takes the rows in front of a sheet's header off the first block: the declared ones, or those above the first row
    /// that holds what the mapping needs.
    fn skip_preamble(&mut self, block: &mut Block, wanted: &Wanted) {
        let feed = self.job.feed;
        let preamble = i64::try_from(feed.preamble_lines).unwrap_or(i64::MAX);
        let declared = block.rows.iter().position(|row| row.line > preamble && !block.is_blank(row));
        let fits = |row: &Row| wanted.fits(&block.fields(row));
        let searched = feed.header_rows == 1 && !declared.is_some_and(|at| fits(&block.rows[at]));
        let found = searched.then(|| block.rows.iter().take(HEADER_ROWS_MAX).position(fits)).flatten();
        match found {
            Some(at) => {
                self.account.warnings.push(format!("the header was found in row {}", block.rows[at].line));
                block.rows.drain(..at);
            }
            None => block.rows.retain(|row| row.line > preamble),
        }
    }

    /// Adds to a missing column that another delimiter would have found it.
    pub(super) fn with_delimiter(&self, reason: String, header: &Header) -> String {
        let Some(used) = self.job.feed.delimiter else { return reason };
        let wanted = Wanted::new(self.job.feed, self.job.contract);
        match TextSource::better_delimiter(&header.names, used, &wanted) {
            Some(better) => format!(
                "the file is delimited by {:?}, not by {:?} as declared; {reason}",
                char::from(better),
                char::from(used)
            ),
            None => reason,
        }
    }

    pub(super) fn source(&mut self, part: &Part) -> Step<Box<dyn Source>> {
        let Job { feed, limits, .. } = *self.job;
        match part.content {
            Content::Parquet => return Ok(Box::new(columnar::open(part, limits)?)),
            Content::Xlsx | Content::Ods | Content::Xls => {
                let wanted = Wanted::new(feed, self.job.contract);
                return Ok(Box::new(sheet::open(part, feed.sheet.as_deref(), wanted, limits)?));
            }
            Content::Markup => {
                let wanted = Wanted::new(feed, self.job.contract);
                let how = (feed.encoding, feed.sheet.as_deref());
                return Ok(Box::new(markup::open(part, how, &wanted, limits)?));
            }
            Content::Edi if feed.format.is_none() => {
                return refuse(
                    "the file is EDI, and the sender's file does not say so; add format = \"x12\" or \"edifact\" to the feed",
                );
            }
            Content::Edi if feed.is_edi() => {
                return Ok(Box::new(edi::open(part, Some(feed), self.job.contract, limits)?));
            }
            Content::Text | Content::Edi => {}
        }
        let wanted = match feed.format {
            Some(Format::Parquet) => Some("Parquet"),
            Some(Format::Xlsx) => Some("a workbook"),
            Some(Format::X12) => Some("X12"),
            Some(Format::Edifact) => Some("EDIFACT"),
            _ => None,
        };
        if let Some(wanted) = wanted {
            return refuse(format!("the file is declared as {wanted} and holds something else"));
        }
        let head = open::head(&mut part.open()?, 64 * 1024)?;
        let chosen = decode::choose(feed.encoding, &head);
        let mut encoding = chosen.encoding;
        self.account.warnings.extend(chosen.warning);
        if let (None, Some(detected)) = (encoding, self.known.encodings.get(&part.name).copied()) {
            self.account.warnings.push(if detected == encoding_rs::UTF_8 {
                "a few bytes are not UTF-8; the rows that hold them are refused".to_string()
            } else {
                format!("encoding not declared; read as {} by detection", detected.name())
            });
            encoding = Some(detected);
        }
        let mut bytes = part.open()?;
        open::head(&mut bytes, chosen.bom)?;
        let decoder = Decoder::new(bytes, encoding, chosen.bom as u64);
        if self.is_json(part) {
            return Ok(Box::new(json::JsonSource::open(decoder, limits).knowing(self.known.names(&part.name))));
        }
        let wanted = Wanted::new(feed, self.job.contract);
        Ok(Box::new(TextSource::open(decoder, feed, limits, &wanted)?))
    }

    fn is_json(&self, part: &Part) -> bool {
        match self.job.feed.format {
            Some(format) => matches!(format, Format::Json | Format::Ndjson),
            None => named_json(&part.name),
        }
    }

    pub(super) fn take(&mut self, converter: &mut Converter<'_>, source: &dyn Source, block: &Block) -> Step<()> {
        let taken = converter.convert(block)?;
        self.account.read += taken.read;
        self.account.totals += taken.totals;
        self.account.blanks += taken.blanks;
        self.account.skipped += taken.skipped;
        self.mixed = taken.mixed;
        if self.account.read > self.job.limits.rows_max {
            return refuse(format!("the file has more than {} rows", self.job.limits.rows_max));
        }
        for fault in taken.faults {
            let row = &block.rows[fault.row];
            self.reject(Reject {
                line: row.line,
                column: fault.column,
                reason: fault.reason,
                found: fault.found,
                expected: fault.expected,
                raw: source.raw(block, row),
            })?;
        }
        if !self.mixed.is_empty() {
            return Ok(());
        }
        let (batch, kept) = self.without_drops(taken.batch, taken.kept, source, block)?;
        let clean = batch.num_rows() as u64;
        if let Some(hashes) = &mut self.hashes {
            hashes.add(&batch, self.job.out_dir)?;
        }
        if let Some(marks) = &mut self.marks {
            marks.add(&batch);
        }
        if let Some(contents) = &mut self.contents {
            contents.add(&batch)?;
        }
        self.count_days(&batch);
        self.account.clean += clean;
        if let Some(staged) = &mut self.staged {
            let lines = kept.iter().map(|at| source.number(&block.rows[*at])).collect();
            staged.write(&batch, lines)?;
        }
        let rejected = self.account.read - self.account.clean;
        if self.account.read >= HOPELESS_ROWS
            && rejected * 2 > self.account.read
            && self.job.over_limit(&self.account).is_some()
        {
            let reason = self.job.over_limit(&self.account).unwrap_or_default();
            return refuse(format!("given up after {} rows: {reason}", self.account.read));
        }
        Ok(())
    }

    pub(super) fn reject(&mut self, reject: Reject) -> Step<()> {
        *self.account.reasons.entry(reject.reason.to_string()).or_default() += 1;
        if self.account.first.is_none() {
            self.account.first = Some(rehearse::told(reject.line, &reject.column, &reject.found, &reject.expected));
        }
        match &mut self.rejects {
            Some(rejects) => rejects.add(reject),
            None => Ok(()),
        }
    }

    /// Takes out rows that an earlier pass found to be duplicates.
    pub(super) fn without_drops(
        &mut self,
        batch: RecordBatch,
        kept: Vec<usize>,
        source: &dyn Source,
        block: &Block,
    ) -> Step<(RecordBatch, Vec<usize>)> {
        let Some(drops) = &self.known.drops else { return Ok((batch, kept)) };
        // clean rows of earlier blocks, dropped or not
        let before = usize::try_from(self.account.clean).unwrap_or(usize::MAX) + self.next_drop;
        let first = self.next_drop;
        let mine = drops[first..].iter().take_while(|drop| drop.at < before + kept.len()).count();
        if mine == 0 {
            return Ok((batch, kept));
        }
        self.next_drop += mine;
        let mut keep = vec![true; kept.len()];
        for drop in &drops[first..first + mine] {
            let at = drop.at - before;
            keep[at] = false;
            if drop.is_copy {
                self.account.copies += 1;
                self.account.read -= 1;
                continue;
            }
            let row = &block.rows[kept[at]];
            self.reject(Reject {
                line: row.line,
                column: self.job.contract.key.join(", "),
                reason: "duplicate_key",
                found: drop.found.clone(),
                expected: drop.expected.clone(),
                raw: source.raw(block, row),
            })?;
        }
        let mask: BooleanArray = keep.iter().map(|keep| Some(*keep)).collect();
        let rest = kept.into_iter().zip(&keep).filter(|(_, keep)| **keep).map(|(at, _)| at).collect();
        Ok((filter_record_batch(&batch, &mask)?, rest))
    }

    pub(super) fn count_days(&mut self, batch: &RecordBatch) {
        let contract = self.job.contract;
        let column = match contract.kind {
            Kind::Event => contract.columns.len(),
            Kind::Reference => match contract.valid_from.as_deref().and_then(|name| contract.position(name)) {
                Some(column) => column,
                None => return,
            },
        };
        let days = batch.column(column).as_primitive::<Date32Type>();
        let (mut last, mut run) = (None, 0);
        for row in 0..days.len() {
            let day = days.is_valid(row).then(|| days.value(row));
            if day != last {
                if let Some(last) = last {
                    *self.account.days.entry(last).or_default() += run;
                }
                (last, run) = (day, 0);
            }
            run += 1;
        }
        if let Some(last) = last {
            *self.account.days.entry(last).or_default() += run;
        }
    }
}

/// The last part of a key.
fn last_of(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

/// The encodings of those parts that are text and not UTF-8, by part.
pub(super) fn detected(parts: &[Part]) -> Step<BTreeMap<String, &'static Encoding>> {
    let mut encodings = BTreeMap::new();
    let mut out = vec![0; 64 * 1024];
    for part in parts.iter().filter(|part| part.content == Content::Text) {
        let mut decoder = Decoder::new(part.open()?, None, 0);
        loop {
            match decoder.read(&mut out) {
                Ok(0) => break,
                Ok(_) => {}
                Err(Stop::NotUtf8) => {
                    encodings.insert(part.name.clone(), decode::detect(part.open()?)?);
                    break;
                }
                Err(other) => return Err(other),
            }
        }
    }
    Ok(encodings)
}

/// Whether a name says JSON, below its packing's extension.
pub(super) fn named_json(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let bare = [".gz", ".zst"].into_iter().find_map(|packed| lower.strip_suffix(packed)).unwrap_or(&lower);
    [".json", ".ndjson", ".jsonl"].iter().any(|extension| bare.ends_with(extension))
}

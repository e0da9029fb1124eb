//! From one spooled file to typed rows and rejects. Synchronous, of fixed memory, without any store: what
//! goes in is a local file, what comes out are local Parquet files and an account of every row.
//!
//! Bad data is a value, never an error: a row becomes a reject with line, column and reason; a file that
//! cannot be used whole is quarantined with a reason for its sender. Rows read are always rows
//! clean plus rows rejected. Only what the file and its contract decide is judged here; references to other
//! feeds are checked in SQL, where late reference data heals by itself.
//!
//! A file is read once. It is read again when the first reading taught something that its rows depend on:
//! the encoding (taken for UTF-8, and was not), the period (declared to come from the rows), keys that stand
//! twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use encoding_rs::Encoding;
use sha2::{Digest, Sha256};

use crate::config;
use crate::contract::{Contract, Kind};
use crate::error::Result;
use crate::sender::{Format, PeriodRule, Sender, SenderFeed};

mod block;
mod columnar;
mod convert;
pub mod date;
mod decode;
mod duplicates;
mod header;
mod json;
pub mod number;
mod open;
mod period;
mod plan;
mod rules;
mod sheet;
mod text;
mod thread;
mod write;

use block::{Block, Source, Step, Stop, refuse};
use convert::Converter;
use date::{date_of, day_of};
use decode::Decoder;
use duplicates::{Drop, KeyHashes};
use header::Header;
use open::{Content, Part};
use period::Span;
use plan::Plan;
use text::TextSource;
use write::{Lineage, Reject, RejectWriter, StagedWriter};

/// Files of fewer rows than this are quarantined only when more than half of the rows are refused: one bad
/// row of three says little about the file.
pub const FEW_ROWS: u64 = 20;
/// After so many rows, a file of which more than half is refused is given up at once.
const HOPELESS_ROWS: u64 = 200_000;

/// A file as it was fetched.
#[derive(Debug, Clone)]
pub struct RawFile {
    /// Folder name of the sender.
    pub sender: String,
    /// Feed by its place.
    pub feed: String,
    /// Key in the inbox.
    pub key: String,
    /// The local copy.
    pub path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes as delivered, in hex.
    pub sha256: String,
    /// When the store last saw it change.
    pub last_modified: DateTime<Utc>,
}

/// What became of a file. Rows read are always rows clean plus rows rejected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Why the file is refused whole, for people; none of its rows counts then. `None`: it can be used.
    pub quarantined: Option<String>,
    /// Staged rows; none where there are none.
    pub staged: Option<PathBuf>,
    /// Rows that were refused one by one; none where there are none.
    pub rejects: Option<PathBuf>,
    /// Rows in `rejects`. Less than `rows_rejected` where the whole file is refused.
    pub rejects_rows: u64,
    /// Data rows in the file, or until it was given up.
    pub rows_read: u64,
    /// Staged rows.
    pub rows_clean: u64,
    /// Refused rows: all of them where the whole file is refused.
    pub rows_rejected: u64,
    /// Staged rows by month of business date, `YYYY-MM`; empty for references.
    pub months: BTreeMap<String, u64>,
    /// Smallest business date; for references the earliest day from which a row holds.
    pub first_date: Option<NaiveDate>,
    /// Largest business date; for references the snapshot's day.
    pub last_date: Option<NaiveDate>,
    /// First day of the period that the file reports, as far as known; for references the snapshot's day.
    pub period_start: Option<NaiveDate>,
    /// Last day of that period.
    pub period_end: Option<NaiveDate>,
    /// When it was delivered; `None` only for [`Outcome::unreadable`].
    pub delivered_at: Option<DateTime<Utc>>,
    /// What should be said about it.
    pub warnings: Vec<String>,
    /// Rows refused one by one, by reason.
    pub reasons: BTreeMap<String, u64>,
}

impl Outcome {
    /// A file of which nothing is known but that it cannot be read.
    pub fn unreadable(reason: impl Into<String>) -> Self {
        Self { quarantined: Some(reason.into()), ..Self::default() }
    }
}

/// Reads one file by contract and mapping, and writes staged rows and rejects to `out_dir`. An `Err` is a
/// failure of the machine, never of the file.
#[expect(clippy::too_many_arguments, reason = "each says something else, and all are borrowed")]
pub fn stage_file(
    raw: &RawFile,
    sender: &Sender,
    feed: &SenderFeed,
    contract: &Contract,
    limits: &config::Intake,
    company_zone: Tz,
    base_currency: &str,
    out_dir: &Path,
) -> Result<Outcome> {
    let mut warnings = Vec::new();
    let delivered_at =
        period::delivered_at(&raw.key, feed.delivered_at.as_ref(), raw.last_modified).unwrap_or_else(|warning| {
            warnings.push(warning);
            raw.last_modified
        });
    let zone = feed.time_zone.unwrap_or(company_zone);
    let job = Job {
        raw,
        feed,
        contract,
        limits,
        base_currency,
        out_dir,
        lineage: Lineage {
            sender: sender.name.clone(),
            feed: contract.name.clone(),
            file: raw.key.clone(),
            input: raw.sha256.clone(),
            delivered_at,
        },
        zone,
        delivered_on: delivered_at.with_timezone(&zone).date_naive(),
    };
    let mut known = Known::default();
    match job.period() {
        Ok(period) => known.period = period,
        Err(reason) => return Ok(job.quarantined(reason, &known, Account::default(), warnings)),
    }
    let parts = match open::open(&raw.path, &raw.key, limits, out_dir) {
        Ok(parts) => parts,
        Err(Stop::Failed(error)) => return Err(error),
        Err(Stop::Refused(reason)) => return Ok(job.quarantined(reason, &known, Account::default(), warnings)),
        Err(Stop::NotUtf8) => {
            return Ok(job.quarantined("the file is not UTF-8".into(), &known, Account::default(), warnings));
        }
    };
    loop {
        let mut pass = Pass::new(&job, &known);
        match pass.run(&parts) {
            Ok(()) => {}
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::NotUtf8) => {
                match parts_encoding(&parts) {
                    Ok(encoding) => known.encoding = Some(encoding),
                    Err(Stop::Failed(error)) => return Err(error),
                    Err(_) => {
                        return Ok(job.quarantined(
                            "the file's encoding cannot be told".into(),
                            &known,
                            Account::default(),
                            warnings,
                        ));
                    }
                }
                continue;
            }
            Err(Stop::Refused(reason)) => {
                let account = finished(pass)?;
                return Ok(job.quarantined(reason, &known, account, warnings));
            }
        }
        if matches!(known.period, Period::FromRows) {
            known.period = Period::Known(pass.account.span());
            continue;
        }
        let hashes = pass.hashes.take();
        let mut account = finished(pass)?;
        if let (Some(hashes), Some(staged)) = (hashes, &account.staged) {
            let judged = hashes.suspects(out_dir).and_then(|suspects| match suspects.is_empty() {
                true => Ok(Vec::new()),
                false => duplicates::judge(staged, contract, &suspects),
            });
            match judged {
                Ok(drops) if drops.is_empty() => {}
                Ok(drops) => {
                    known.drops = Some(drops);
                    continue;
                }
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Refused(reason)) => return Ok(job.quarantined(reason, &known, account, warnings)),
                Err(Stop::NotUtf8) => {}
            }
        }
        warnings.append(&mut account.warnings);
        return Ok(match job.over_limit(&account) {
            Some(reason) => job.quarantined(reason, &known, account, warnings),
            None => job.accepted(&known, account, warnings),
        });
    }
}

/// Where a file's period stands before its rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Period {
    /// To be found from its rows.
    FromRows,
    /// Known; `None` for a file without rows.
    Known(Option<Span>),
}

/// What earlier passes over a file have taught.
#[derive(Debug)]
struct Known {
    encoding: Option<&'static Encoding>,
    period: Period,
    drops: Option<Vec<Drop>>,
}

impl Default for Known {
    fn default() -> Self {
        Self { encoding: None, period: Period::FromRows, drops: None }
    }
}

impl Known {
    fn span(&self) -> Option<Span> {
        match self.period {
            Period::FromRows => None,
            Period::Known(span) => span,
        }
    }
}

/// Everything that stays the same over the passes.
struct Job<'a> {
    raw: &'a RawFile,
    feed: &'a SenderFeed,
    contract: &'a Contract,
    limits: &'a config::Intake,
    base_currency: &'a str,
    out_dir: &'a Path,
    lineage: Lineage,
    zone: Tz,
    delivered_on: NaiveDate,
}

impl Job<'_> {
    fn period(&self) -> Result<Period, String> {
        let named = period::of_key(&self.raw.key);
        match (self.contract.kind, self.feed.period, named) {
            (_, Some(PeriodRule::Rows), _) | (Kind::Event, None, None) => Ok(Period::FromRows),
            (_, _, Some(span)) => Ok(Period::Known(Some(match self.contract.kind {
                Kind::Event => span,
                // a snapshot stands for one day: the last that its name gives
                Kind::Reference => (span.1, span.1),
            }))),
            (Kind::Reference, _, None) => Ok(Period::Known(Some((self.delivered_on, self.delivered_on)))),
            (Kind::Event, Some(PeriodRule::Name), None) => Err(format!(
                "the period comes from the file's name, and {:?} has no date; name it like sales_2026-11-22.csv",
                self.raw.key
            )),
        }
    }

    /// Business days that are taken, as day numbers.
    fn window(&self, period: Period) -> (i32, i32) {
        if self.contract.kind == Kind::Reference {
            return (i32::MIN, i32::MAX);
        }
        let days = |days: i64| i32::try_from(days).unwrap_or(i32::MAX);
        let back = days(self.feed.window_days_back.unwrap_or(self.contract.window_days_back));
        let ahead = days(self.feed.window_days_ahead.unwrap_or(self.contract.window_days_ahead));
        match (self.feed.period, period) {
            // a period that the rows make holds them all, but nobody has sold tomorrow what was delivered today
            (Some(PeriodRule::Rows), _) | (_, Period::FromRows | Period::Known(None)) => {
                (i32::MIN, day_of(self.delivered_on).saturating_add(ahead))
            }
            (None, Period::Known(_)) if period::of_key(&self.raw.key).is_none() => {
                (i32::MIN, day_of(self.delivered_on).saturating_add(ahead))
            }
            (_, Period::Known(Some((start, end)))) => {
                (day_of(start).saturating_sub(back), day_of(end).saturating_add(ahead))
            }
        }
    }

    fn output(&self, what: &str) -> PathBuf {
        let place = Sha256::digest(format!("{}\n{}", self.raw.sender, self.raw.key));
        let input: String = self.raw.sha256.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        let place = place.iter().take(4).fold(0_u32, |name, byte| name << 8 | u32::from(*byte));
        self.out_dir.join(format!("{what}-{}-{input}-{place:08x}.parquet", self.contract.name))
    }

    /// The reason to refuse the whole file, if too many of its rows are refused.
    fn over_limit(&self, account: &Account) -> Option<String> {
        let limit = self.feed.reject_limit.or(self.contract.reject_limit).unwrap_or(self.limits.reject_limit);
        let (read, rejected) = (account.read, account.rejected());
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let share = if read == 0 { 0.0 } else { rejected as f64 / read as f64 };
        let few = read < FEW_ROWS && rejected * 2 <= read;
        if share <= limit || few || limit >= 1.0 {
            return None;
        }
        let mut reasons: Vec<(&String, &u64)> = account.reasons.iter().collect();
        reasons.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        Some(format!(
            "{rejected} of {read} rows are refused ({:.1} %, the limit is {:.1} %): {}; first: {}",
            share * 100.0,
            limit * 100.0,
            reasons.join(", "),
            account.first.as_deref().unwrap_or("unknown")
        ))
    }

    fn quarantined(&self, reason: String, known: &Known, account: Account, mut warnings: Vec<String>) -> Outcome {
        if let Some(staged) = &account.staged
            && let Err(err) = std::fs::remove_file(staged)
        {
            tracing::debug!(path = %staged.display(), %err, "staged rows of a quarantined file stay behind");
        }
        warnings.extend(account.warnings);
        Outcome {
            quarantined: Some(reason),
            staged: None,
            rows_read: account.read,
            rows_clean: 0,
            rows_rejected: account.read,
            rejects_rows: account.rejects.as_ref().map_or(0, |_| account.reasons.values().sum()),
            rejects: account.rejects,
            months: BTreeMap::new(),
            first_date: None,
            last_date: None,
            period_start: known.span().map(|span| span.0),
            period_end: known.span().map(|span| span.1),
            delivered_at: Some(self.lineage.delivered_at),
            warnings,
            reasons: account.reasons,
        }
    }

    fn accepted(&self, known: &Known, account: Account, mut warnings: Vec<String>) -> Outcome {
        if account.read == 0 {
            warnings.push("the file has a header and no rows".into());
        }
        let (period_start, period_end) = known.span().unzip();
        let span = account.span();
        let (first_date, last_date) = match self.contract.kind {
            Kind::Event => span.unzip(),
            Kind::Reference => (span.map(|span| span.0).into_iter().chain(period_start).min(), period_end),
        };
        Outcome {
            quarantined: None,
            rows_read: account.read,
            rows_clean: account.clean,
            rows_rejected: account.rejected(),
            rejects_rows: account.rejected(),
            months: account.months(self.contract.kind),
            first_date,
            last_date,
            period_start,
            period_end,
            delivered_at: Some(self.lineage.delivered_at),
            warnings,
            staged: account.staged,
            rejects: account.rejects,
            reasons: account.reasons,
        }
    }
}

/// The account of one pass.
#[derive(Debug, Default)]
struct Account {
    read: u64,
    clean: u64,
    totals: u64,
    blanks: u64,
    reasons: BTreeMap<String, u64>,
    /// Clean rows by business day (references: day from which they hold).
    days: BTreeMap<i32, u64>,
    first: Option<String>,
    warnings: Vec<String>,
    staged: Option<PathBuf>,
    rejects: Option<PathBuf>,
}

impl Account {
    fn rejected(&self) -> u64 {
        self.reasons.values().sum()
    }

    fn span(&self) -> Option<Span> {
        let (first, last) = (self.days.first_key_value()?, self.days.last_key_value()?);
        Some((date_of(*first.0), date_of(*last.0)))
    }

    fn months(&self, kind: Kind) -> BTreeMap<String, u64> {
        let mut months = BTreeMap::new();
        if kind == Kind::Event {
            for (day, rows) in &self.days {
                *months.entry(period::month_name(date_of(*day))).or_default() += rows;
            }
        }
        months
    }
}

/// One reading of a file.
struct Pass<'a> {
    job: &'a Job<'a>,
    known: &'a Known,
    account: Account,
    staged: Option<StagedWriter>,
    rejects: Option<RejectWriter>,
    hashes: Option<KeyHashes>,
    next_drop: usize,
}

fn finished(pass: Pass<'_>) -> Result<Account> {
    let Pass { mut account, staged, rejects, .. } = pass;
    let ended = (|| {
        account.staged = staged.map(StagedWriter::finish).transpose()?.flatten();
        account.rejects = rejects.map(RejectWriter::finish).transpose()?.flatten();
        Ok(())
    })();
    match ended {
        Ok(()) => Ok(account),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Refused(_) | Stop::NotUtf8) => Ok(account),
    }
}

impl<'a> Pass<'a> {
    fn new(job: &'a Job<'a>, known: &'a Known) -> Self {
        // while the period is unknown, nothing can be written: rows carry it
        let writing = known.period != Period::FromRows;
        Self {
            job,
            known,
            account: Account::default(),
            staged: writing.then(|| StagedWriter::new(job.output("staged"), job.contract, &job.lineage, known.span())),
            rejects: writing.then(|| RejectWriter::new(job.output("rejects"), &job.lineage)),
            hashes: (writing && known.drops.is_none()).then(|| KeyHashes::new(job.contract)),
            next_drop: 0,
        }
    }

    fn run(&mut self, parts: &[Part]) -> Step<()> {
        for part in parts {
            if part.name != self.job.raw.key {
                if let Some(staged) = &mut self.staged {
                    staged.set_file(&part.name);
                }
                if let Some(rejects) = &mut self.rejects {
                    rejects.set_file(&part.name)?;
                }
            }
            let member = part.name.strip_prefix(&self.job.raw.key).unwrap_or_default();
            self.part(part).map_err(|stop| match stop {
                Stop::Refused(reason) if !member.is_empty() => Stop::Refused(format!("{}: {reason}", &member[1..])),
                other => other,
            })?;
        }
        for (count, what) in [(self.account.totals, "total lines"), (self.account.blanks, "blank lines")] {
            if count > 0 {
                self.account.warnings.push(format!("{count} {what} passed over"));
            }
        }
        Ok(())
    }

    fn part(&mut self, part: &Part) -> Step<()> {
        let job = self.job;
        let mut source = self.source(part)?;
        let text = part.content == Content::Text && !matches!(job.feed.format, Some(Format::Json | Format::Ndjson));
        let header_rows = match part.content {
            Content::Parquet => 1,
            Content::Text if !text => 1,
            _ => job.feed.header_rows,
        };
        let mut block = Block::default();
        if !source.next(&mut block)? {
            return refuse("the file has no header");
        }
        if matches!(part.content, Content::Xlsx | Content::Ods | Content::Xls) {
            let preamble = i64::try_from(job.feed.preamble_lines).unwrap_or(i64::MAX);
            block.rows.retain(|row| row.line > preamble);
        }
        let mut header = Header::take(&mut block, header_rows)?;
        let name = job.raw.key.rsplit('/').next().unwrap_or(&job.raw.key);
        let plan = Plan::new(job.contract, job.feed, job.base_currency, &mut header, name);
        let mut plan = plan.map_err(|stop| match stop {
            Stop::Refused(reason) if text => Stop::Refused(self.with_delimiter(reason, &header)),
            other => other,
        })?;
        self.account.warnings.append(&mut plan.warnings);
        let mut converter = Converter::new(job.contract, job.feed, plan, job.zone, job.window(self.known.period));
        loop {
            self.take(&mut converter, source.as_ref(), &block)?;
            if !source.next(&mut block)? {
                break;
            }
        }
        self.account.warnings.extend(source.warnings());
        Ok(())
    }

    /// Adds to a missing column that another delimiter would have found it.
    fn with_delimiter(&self, reason: String, header: &Header) -> String {
        let Some(used) = self.job.feed.delimiter else { return reason };
        let wanted = header::wanted(self.job.feed, self.job.contract);
        let is_wanted = |name: &str| wanted.contains(&header::normal(name));
        match TextSource::better_delimiter(&header.names, used, &is_wanted) {
            Some(better) => format!(
                "the file is delimited by {:?}, not by {:?} as declared; {reason}",
                char::from(better),
                char::from(used)
            ),
            None => reason,
        }
    }

    fn source(&mut self, part: &Part) -> Step<Box<dyn Source>> {
        let Job { feed, limits, .. } = *self.job;
        match part.content {
            Content::Parquet => return Ok(Box::new(columnar::open(part, limits)?)),
            Content::Xlsx | Content::Ods | Content::Xls => {
                return Ok(Box::new(sheet::open(part, feed.sheet.as_deref(), limits)?));
            }
            Content::Text => {}
        }
        if matches!(feed.format, Some(Format::Parquet | Format::Xlsx)) {
            let wanted = if feed.format == Some(Format::Parquet) { "Parquet" } else { "a workbook" };
            return refuse(format!("the file is declared as {wanted} and holds something else"));
        }
        let head = open::head(&mut part.open()?, 64 * 1024)?;
        let chosen = decode::choose(feed.encoding, &head);
        let mut encoding = chosen.encoding;
        self.account.warnings.extend(chosen.warning);
        if let (None, Some(detected)) = (encoding, self.known.encoding) {
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
        let json = match feed.format {
            Some(Format::Json | Format::Ndjson) => true,
            Some(_) => false,
            None => named_json(&part.name),
        };
        if json {
            return Ok(Box::new(json::JsonSource::open(decoder, limits)));
        }
        let wanted = header::wanted(feed, self.job.contract);
        let is_wanted = |name: &str| wanted.contains(&header::normal(name));
        Ok(Box::new(TextSource::open(decoder, feed, limits, &is_wanted)?))
    }

    fn take(&mut self, converter: &mut Converter<'_>, source: &dyn Source, block: &Block) -> Step<()> {
        let converted = converter.convert(block)?;
        self.account.read += converted.read;
        self.account.totals += converted.totals;
        self.account.blanks += converted.blanks;
        if self.account.read > self.job.limits.rows_max {
            return refuse(format!("the file has more than {} rows", self.job.limits.rows_max));
        }
        for fault in converted.faults {
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
        let (batch, kept) = self.without_drops(converted.batch, converted.kept, source, block)?;
        let clean = batch.num_rows() as u64;
        if let Some(hashes) = &mut self.hashes {
            hashes.add(&batch, self.job.out_dir)?;
        }
        self.count_days(&batch);
        self.account.clean += clean;
        if let Some(staged) = &mut self.staged {
            let lines = kept.iter().map(|at| block.rows[*at].line).collect();
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

    fn reject(&mut self, reject: Reject) -> Step<()> {
        *self.account.reasons.entry(reject.reason.to_string()).or_default() += 1;
        if self.account.first.is_none() {
            let column = if reject.column.is_empty() { String::new() } else { format!(", column {}", reject.column) };
            self.account.first =
                Some(format!("line {}{column}: found {:?}, expected {}", reject.line, reject.found, reject.expected));
        }
        match &mut self.rejects {
            Some(rejects) => rejects.add(reject),
            None => Ok(()),
        }
    }

    /// Takes out rows that an earlier pass found to be duplicates.
    fn without_drops(
        &mut self,
        batch: arrow::array::RecordBatch,
        kept: Vec<usize>,
        source: &dyn Source,
        block: &Block,
    ) -> Step<(arrow::array::RecordBatch, Vec<usize>)> {
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
            let row = &block.rows[kept[at]];
            self.reject(Reject {
                line: row.line,
                column: self.job.contract.key.join(", "),
                reason: drop.reason,
                found: drop.found.clone(),
                expected: drop.expected.clone(),
                raw: source.raw(block, row),
            })?;
        }
        let mask: arrow::array::BooleanArray = keep.iter().map(|keep| Some(*keep)).collect();
        let rest = kept.into_iter().zip(&keep).filter(|(_, keep)| **keep).map(|(at, _)| at).collect();
        Ok((arrow::compute::filter_record_batch(&batch, &mask)?, rest))
    }

    fn count_days(&mut self, batch: &arrow::array::RecordBatch) {
        use arrow::array::{Array, AsArray};
        let contract = self.job.contract;
        let column = match contract.kind {
            Kind::Event => contract.columns.len(),
            Kind::Reference => match contract.valid_from.as_deref().and_then(|name| contract.position(name)) {
                Some(column) => column,
                None => return,
            },
        };
        let days = batch.column(column).as_primitive::<arrow::datatypes::Date32Type>();
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

/// The encoding of the first part that is text and not UTF-8.
fn parts_encoding(parts: &[Part]) -> Step<&'static Encoding> {
    for part in parts.iter().filter(|part| part.content == Content::Text) {
        let mut encoding = None;
        let mut decoder = Decoder::new(part.open()?, None, 0);
        let mut out = vec![0; 64 * 1024];
        loop {
            match decoder.read(&mut out) {
                Ok(0) => break,
                Ok(_) => {}
                Err(Stop::NotUtf8) => {
                    encoding = Some(decode::detect(part.open()?)?);
                    break;
                }
                Err(other) => return Err(other),
            }
        }
        if let Some(encoding) = encoding {
            return Ok(encoding);
        }
    }
    refuse("no part of the file is text that is not UTF-8")
}

/// Whether a name says JSON, below its packing's extension.
fn named_json(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let bare = [".gz", ".zst"].into_iter().find_map(|packed| lower.strip_suffix(packed)).unwrap_or(&lower);
    [".json", ".ndjson", ".jsonl"].iter().any(|extension| bare.ends_with(extension))
}

#[cfg(test)]
mod tests;

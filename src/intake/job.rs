//! What stays the same over the readings of one file, and what is decided about the file as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::sha256::Sha256;
use chrono::NaiveDate;
use encoding_rs::Encoding;

use super::account::Account;
use super::duplicates::Drop;
use super::period::{self, Span};
use super::write::Lineage;
use super::{Outcome, RawFile, Spool};
use crate::config;
use crate::contract::{Contract, Kind};
use crate::error::Result;
use crate::grammar::date::day_of;
use crate::sender::{PeriodRule, SenderFeed};
use crate::zone::Tz;

/// Readings of a file that columns coming up late may cost.
const NAMES_LEARNT_MAX: u32 = 8;
/// Characters of a reason that people are shown.
const REASON_MAX: usize = 4_000;

/// A sentence that may quote the file, fit for a terminal, a log line and a mail.
pub(super) fn harmless(sentence: &str) -> String {
    let mut text: String =
        sentence.chars().take(REASON_MAX).map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect();
    if sentence.chars().nth(REASON_MAX).is_some() {
        text.push('…');
    }
    text
}

/// Where a file's period stands before its rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Period {
    /// To be found from its rows.
    FromRows,
    /// Known; `None` for a file without rows.
    Known(Option<Span>),
}

/// What earlier passes over a file have taught.
#[derive(Debug)]
pub(super) struct Known {
    /// Detected encodings of parts that are not UTF-8, by part.
    pub encodings: BTreeMap<String, &'static Encoding>,
    pub period: Period,
    pub drops: Option<Vec<Drop>>,
    /// Columns that came up late, by part, with how often that has happened.
    pub late: (BTreeMap<String, Vec<String>>, u32),
    /// Columns that are filled in some rows and empty in others, where only an absent one has a default.
    pub mixed: BTreeSet<String>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            encodings: BTreeMap::new(),
            period: Period::FromRows,
            drops: None,
            late: (BTreeMap::new(), 0),
            mixed: BTreeSet::new(),
        }
    }
}

impl Known {
    /// Columns of a part that an earlier reading met late.
    pub(super) fn names(&self, part: &str) -> &[String] {
        self.late.0.get(part).map_or(&[], Vec::as_slice)
    }

    /// Whether the file may be read once more for columns that come up late. Not without end: a file can bring a new
    /// one with every record.
    pub(super) fn may_learn_names(&self) -> bool {
        self.late.1 < NAMES_LEARNT_MAX
    }

    pub(super) fn learn_names(&mut self, part: String, names: Vec<String>) {
        self.late.1 += 1;
        self.late.0.entry(part).or_default().extend(names);
    }

    pub(super) fn span(&self) -> Option<Span> {
        match self.period {
            Period::FromRows => None,
            Period::Known(span) => span,
        }
    }
}

/// Everything that stays the same over the passes.
pub(super) struct Job<'a> {
    pub raw: &'a RawFile,
    pub feed: &'a SenderFeed,
    pub contract: &'a Contract,
    pub limits: &'a config::Intake,
    /// Rows that are read at least, where not all are.
    pub rows: Option<u64>,
    pub base_currency: &'a str,
    pub out_dir: &'a Path,
    pub lineage: Lineage,
    /// Zone of clocks that have no other.
    pub zone: Tz,
    /// Zone whose days are business days.
    pub day_zone: Tz,
    pub delivered_on: NaiveDate,
}

impl Job<'_> {
    pub(super) fn period(&self) -> Result<Period, String> {
        match (self.contract.kind, self.feed.period, self.named()) {
            (Kind::Event, Some(PeriodRule::Rows), _) | (Kind::Event, None, None) => Ok(Period::FromRows),
            (Kind::Event, Some(PeriodRule::Name), None) => Err(format!(
                "the period comes from the file's name, and {:?} has no date; name it like sales_2026-11-22.csv",
                self.raw.key
            )),
            (_, _, span) => Ok(Period::Known(span)),
        }
    }

    fn named(&self) -> Option<Span> {
        super::named(self.feed, self.contract, &self.raw.key, self.lineage.delivered_at, self.zone)
    }

    /// The period of a file without rows: it says of the days in its name that there was nothing.
    pub(super) fn empty_for(&self, account: &Account) -> Option<Span> {
        self.named().filter(|_| account.read == 0)
    }

    /// Business days that are taken, as day numbers.
    pub(super) fn window(&self, period: Period) -> (i32, i32) {
        if self.contract.kind == Kind::Reference {
            return (i32::MIN, i32::MAX);
        }
        let (back, ahead) = self.window_days();
        let from_rows = self.feed.period == Some(PeriodRule::Rows) || period::of_key(&self.raw.key).is_none();
        // Nobody has sold tomorrow what was delivered today.
        let last = day_of(self.delivered_on).saturating_add(ahead);
        match period {
            Period::FromRows | Period::Known(None) => (i32::MIN, last),
            // A period that the rows make holds them all, but for those far off.
            Period::Known(Some((start, end))) if from_rows => {
                (day_of(start).saturating_sub(back), last.min(day_of(end).saturating_add(back)))
            }
            Period::Known(Some((start, end))) => {
                (day_of(start).saturating_sub(back), day_of(end).saturating_add(ahead))
            }
        }
    }

    /// The period that the rows of an event feed make.
    pub(super) fn period_of_rows(&self, account: &Account) -> Option<Span> {
        match self.contract.kind {
            Kind::Event => account.body(self.window_days().0),
            Kind::Reference => account.span(),
        }
    }

    /// Days before and after the period that a business date may lie.
    fn window_days(&self) -> (i32, i32) {
        let days = |days: i64| i32::try_from(days).unwrap_or(i32::MAX);
        (
            days(self.feed.window_days_back.unwrap_or(self.contract.window_days_back)),
            days(self.feed.window_days_ahead.unwrap_or(self.contract.window_days_ahead)),
        )
    }

    /// Where rows are written to; `None` for memory.
    pub(super) fn output(&self, what: &str) -> Option<PathBuf> {
        if matches!(self.raw.content, Spool::Memory(_)) {
            return None;
        }
        let place = Sha256::digest(format!("{}\n{}", self.raw.sender, self.raw.key));
        let input: String = self.raw.version.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        let place = place.iter().take(4).fold(0_u32, |name, byte| name << 8 | u32::from(*byte));
        Some(self.out_dir.join(format!("{what}-{}-{input}-{place:08x}.parquet", self.contract.name)))
    }

    /// Removes what an earlier pass, or an earlier try, left under this file's names.
    pub(super) fn clear(&self) -> Result<()> {
        for path in ["staged", "rejects"].iter().filter_map(|what| self.output(what)) {
            match std::fs::remove_file(path) {
                Err(err) if err.kind() != std::io::ErrorKind::NotFound => return Err(err.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// The reason to refuse the whole file, if too many of its rows are refused.
    pub(super) fn over_limit(&self, account: &Account) -> Option<String> {
        let limit = self.feed.reject_limit.or(self.contract.reject_limit).unwrap_or(self.limits.reject_limit);
        let (read, rejected) = (account.read, account.rejected());
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let share = if read == 0 { 0.0 } else { rejected as f64 / read as f64 };
        // One bad row of three says little about the file.
        let few = read < self.limits.few_rows && share <= self.limits.few_rows_reject_limit;
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

    pub(super) fn quarantined(
        &self,
        reason: &str,
        known: &Known,
        account: Account,
        mut warnings: Vec<String>,
    ) -> Outcome {
        if let Some(Spool::Disk(staged)) = &account.staged
            && let Err(err) = std::fs::remove_file(staged)
        {
            tracing::debug!(path = %staged.display(), %err, "staged rows of a quarantined file stay behind");
        }
        warnings.extend(account.warnings);
        Outcome {
            quarantined: Some(harmless(reason)),
            staged: None,
            rows_read: account.read,
            rows_clean: 0,
            rows_rejected: account.read,
            passed_over: account.totals + account.blanks + account.skipped + account.copies,
            rejects_rows: account.rejects.as_ref().map_or(0, |_| account.reasons.values().sum()),
            rejects: account.rejects,
            months: BTreeMap::new(),
            contents: BTreeMap::new(),
            first_date: None,
            last_date: None,
            marks: BTreeMap::new(),
            passing: false,
            period_start: known.span().map(|span| span.0),
            period_end: known.span().map(|span| span.1),
            delivered_at: Some(self.lineage.delivered_at),
            warnings: warnings.iter().map(|warning| harmless(warning)).collect(),
            drift: account.drift,
            reasons: account.reasons,
        }
    }

    pub(super) fn accepted(&self, known: &Known, account: Account, mut warnings: Vec<String>) -> Outcome {
        if account.read == 0 {
            let passed = [(account.totals, "taken for totals"), (account.skipped, "left out by skip_if")];
            let passed: Vec<String> = (passed.iter().filter(|(rows, _)| *rows > 0))
                .map(|(rows, why)| format!("all {rows} rows of the file were {why}"))
                .collect();
            warnings.push(match passed.join(", and ") {
                none if none.is_empty() => "the file has a header and no rows".into(),
                told => told,
            });
        }
        if account.copies > 0 {
            warnings
                .push(format!("{} rows stand there more than once, word for word: one of each counts", account.copies));
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
            passed_over: account.totals + account.blanks + account.skipped + account.copies,
            months: account.months(self.contract.kind),
            contents: account.contents,
            first_date,
            last_date,
            marks: account.marks,
            passing: false,
            period_start,
            period_end,
            delivered_at: Some(self.lineage.delivered_at),
            warnings: warnings.iter().map(|warning| harmless(warning)).collect(),
            drift: account.drift,
            staged: account.staged,
            rejects: account.rejects,
            reasons: account.reasons,
        }
    }
}

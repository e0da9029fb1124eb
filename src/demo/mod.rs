//! A demo company of any size: what its partners would drop into the inbox over a year, with
//! planted stories whose truth is written beside it. The same options give the same bytes on
//! every machine, and nothing is held in memory but one sender's files of one period.
//!
//! Nothing but the command line and tests knows this module. Where to look, in the order in which a year is made:
//!
//! * the company: `company` (channels, regions, goods, people), `calendar` (its trading year), `partners`, `customers`,
//!   `members` (head office's list of them)
//! * what happens: `stories` (what is planted, where and when), `demand` (what should sell), `stock`, `trade` (one
//!   partner's business day by day), `voice` (complaints and surveys)
//! * how it is written: `dialect` and `dialects` (each sender's way), `values` (a cell), `text` and `typed` (a file)
//! * how it comes in: `delivery` (periods, names, faults of files), `head_office` and its `references`
//! * beside it: `series` (labelled series for the detectors), `plain` (sales to measure intake with), `random` (the same
//!   chance everywhere), `whole` (counts and reckoning)

mod company;
mod calendar;
mod partners;
mod customers;
mod members;
mod stories;
mod demand;
mod stock;
mod trade;
mod voice;
mod dialect;
mod dialects;
mod values;
mod text;
mod typed;
mod delivery;
mod head_office;
mod references;
pub mod series;
mod plain;
mod random;
mod whole;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use chrono::{Datelike, NaiveDate};
use serde::Serialize;

pub use plain::PlainSales;
pub use stories::Label;

use crate::error::{Error, Result};
use calendar::{date, month_start, shift, spring_festival};
use delivery::Desk;
use partners::{Partner, Sender};
use random::Stream;

/// What a US dollar is worth, about.
pub(crate) const DOLLAR: f64 = 7.12;

/// How large the demo is.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder that receives `inbox/`, `jobs/senders/` and `labels.json`.
    pub dir: PathBuf,
    /// Partners that sell; at least [`Options::PARTNERS_MIN`].
    pub partners: usize,
    /// Business days, all partners together up to and with `end`.
    pub days: u32,
    /// Sales lines of an average day of the last year, all partners together.
    pub rows_per_day: u64,
    /// The same seed gives the same company.
    pub seed: u64,
    /// The last business day.
    pub end: NaiveDate,
    /// At least so many days at the end come as one file a night; whole months before that come as one file each.
    pub nightly_days: u32,
}

impl Options {
    /// The partners that the planted stories need.
    pub const PARTNERS_MIN: usize = partners::CORE;

    /// The small company of fixtures/inbox, to be written to `dir`. It begins on 1 October, so
    /// that the running quarter has the same days of the year before.
    pub fn fixture(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            partners: Self::PARTNERS_MIN,
            days: 418,
            rows_per_day: 140,
            seed: 7,
            end: date(2026, 11, 22),
            nightly_days: 22,
        }
    }

    /// Refuses what is out of range, before anything is written.
    pub fn validate(&self) -> Result<()> {
        if self.partners < Self::PARTNERS_MIN || self.partners > 10_000 {
            return Err(Error::config(format!(
                "partners is {}; expected {} to 10000: the planted stories need that many",
                self.partners,
                Self::PARTNERS_MIN
            )));
        }
        if self.days == 0 || self.days > 3_650 {
            return Err(Error::config(format!("days is {}; expected 1 to 3650", self.days)));
        }
        if self.rows_per_day == 0 || self.rows_per_day > 100_000_000 {
            return Err(Error::config(format!("rows per day is {}; expected 1 to 100000000", self.rows_per_day)));
        }
        if !(2017..=2034).contains(&self.end.year()) {
            return Err(Error::config(format!("end is {}; expected a day of 2017 to 2034", self.end)));
        }
        Ok(())
    }
}

/// How far the writing is: sender-periods written, of how many.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Steps done.
    pub done: u64,
    /// Steps in all.
    pub total: u64,
}

/// What was written.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// First business day.
    pub start: NaiveDate,
    /// Last business day.
    pub end: NaiveDate,
    /// Partners that sell.
    pub partners: usize,
    /// Senders, head office among them.
    pub senders: usize,
    /// Files in the inbox.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Rows in them.
    pub rows: u64,
    /// Files and rows by feed.
    pub feeds: BTreeMap<String, FeedSummary>,
    /// Planted stories.
    pub labels: usize,
}

/// What was written of one feed.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct FeedSummary {
    /// Files.
    pub files: u64,
    /// Rows.
    pub rows: u64,
}

/// A campaign of the brand.
pub(crate) struct Promotion {
    pub(crate) id: String,
    /// The brand never listed it.
    pub(crate) unlisted: bool,
    /// Channel that it is for; none for all.
    pub(crate) channel: Option<&'static str>,
    pub(crate) from: NaiveDate,
    pub(crate) to: NaiveDate,
}

/// Everything that is settled before the first day is played.
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) start: NaiveDate,
    pub(crate) partners: Vec<Partner>,
    pub(crate) promotions: Vec<Promotion>,
    /// CNY for 10,000 USD by day.
    dollar: Vec<i64>,
}

impl World {
    pub(crate) fn new(options: &Options) -> Self {
        let start = shift(options.end, 1 - i64::from(options.days));
        #[expect(clippy::cast_precision_loss, reason = "at most a hundred million")]
        let rows = options.rows_per_day as f64;
        Self {
            start,
            partners: partners::partners(options.seed, options.partners, rows),
            promotions: promotions(start, options.end),
            dollar: dollar_rates(options.seed, start, options.days),
            options: options.clone(),
        }
    }

    /// The last day, counted from the first (0).
    pub(crate) fn last_day(&self) -> i64 {
        i64::from(self.options.days) - 1
    }

    /// The date of `day`.
    pub(crate) fn date(&self, day: i64) -> NaiveDate {
        shift(self.start, day)
    }

    /// The first day that is delivered night by night.
    pub(crate) fn nightly_from(&self) -> NaiveDate {
        let first = shift(self.options.end, 1 - i64::from(self.options.nightly_days.max(1)));
        month_start(first).max(self.start)
    }

    /// The campaign that runs in a channel on a date, as a position in `promotions`.
    pub(crate) fn campaign(&self, channel: &str, date: NaiveDate) -> Option<u16> {
        (0u16..)
            .zip(&self.promotions)
            .skip(2)
            .find(|(_, found)| {
                found.from <= date && date <= found.to && found.channel.is_none_or(|only| only == channel)
            })
            .map(|(at, _)| at)
    }

    /// CNY for 10,000 USD on `day`.
    pub(crate) fn dollar(&self, day: i64) -> i64 {
        let last = self.dollar.len() - 1;
        self.dollar[usize::try_from(day).unwrap_or(0).min(last)]
    }

    /// Cents of a partner's currency in fen.
    pub(crate) fn to_base(&self, partner: &Partner, cents: i64, day: i64) -> i64 {
        if partner.in_dollars { cents * self.dollar(day) / 10_000 } else { cents }
    }
}

/// The two promotions of the stories first, then the campaigns of every year in between.
fn promotions(start: NaiveDate, end: NaiveDate) -> Vec<Promotion> {
    let story = |id: &str, unlisted, from: i64, to: i64| Promotion {
        id: id.into(),
        unlisted,
        channel: Some("ch_platform"),
        from: shift(end, -from),
        to: shift(end, -to),
    };
    let mut made = vec![story("PR8888", true, 0, 0), story("PR7001", false, 160, 150)];
    for year in start.year()..=end.year() {
        let short = year % 100;
        let mut campaign = |id: String, channel, from, to| {
            made.push(Promotion { id, unlisted: false, channel, from, to });
        };
        if let Some(first) = spring_festival(year) {
            campaign(format!("PR{short:02}CJ"), None, shift(first, -20), shift(first, -4));
        }
        for (mark, channel) in [("PT", "ch_platform"), ("ZB", "ch_live"), ("SJ", "ch_social")] {
            campaign(format!("PR{short:02}06{mark}"), Some(channel), date(year, 6, 12), date(year, 6, 18));
            campaign(format!("PR{short:02}11{mark}"), Some(channel), date(year, 11, 1), date(year, 11, 11));
        }
    }
    made
}

/// Slow waves and a little noise around 7.12.
fn dollar_rates(seed: u64, start: NaiveDate, days: u32) -> Vec<i64> {
    (0..days)
        .map(|day| {
            let date = shift(start, i64::from(day));
            let count = f64::from(date.num_days_from_ce());
            let noise = Stream::new(seed, &["dollar", &date.to_string()]).within(-0.004, 0.004);
            let rate = DOLLAR + 0.05 * libm::sin(count / 40.0) + 0.015 * libm::sin(count / 9.0) + noise;
            #[expect(clippy::cast_possible_truncation, reason = "about 71,200")]
            let rate = (rate * 10_000.0).round() as i64;
            rate
        })
        .collect()
}

/// Writes the company to `options.dir`, telling `progress` after every sender and period.
///
/// # Errors
///
/// When an option is out of range, the folder already has an inbox, or a file cannot be written.
pub fn generate(options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Summary> {
    options.validate()?;
    let inbox = options.dir.join("inbox");
    if inbox.exists() {
        return Err(Error::config("the folder already has an inbox")
            .at(inbox.display())
            .hint("name a folder that does not exist yet, or remove this one"));
    }
    let world = World::new(options);
    let senders = partners::senders(&world.partners);
    let periods = delivery::periods(&world);
    let mut desk = Desk::new(&world, &inbox);
    write_mappings(&world, &senders)?;
    let core = Rc::new((0..partners::CORE).flat_map(|at| customers::customers(&world, at)).collect::<Vec<_>>());
    let mut books = delivery::Books::new(periods.len());
    let total = (senders.len() as u64 + 1) * periods.len() as u64;
    let mut done = 0;
    for (at, sender) in senders.iter().enumerate() {
        delivery::send(&mut desk, sender, at, &periods, &core, &mut books, &mut || {
            done += 1;
            progress(Progress { done, total });
        })?;
    }
    head_office::send(&mut desk, &periods, books)?;
    progress(Progress { done: total, total });
    let mut labels = stories::labels(&world);
    labels.append(&mut desk.labels);
    write_labels(options, &labels)?;
    Ok(Summary {
        start: world.start,
        end: options.end,
        partners: world.partners.len(),
        senders: senders.len() + 1,
        labels: labels.len(),
        ..desk.summary
    })
}

fn write_mappings(world: &World, senders: &[Sender]) -> Result<()> {
    let folder = world.options.dir.join("jobs/senders");
    std::fs::create_dir_all(&folder).map_err(|err| Error::from(err).at(folder.display()))?;
    let from = world.nightly_from();
    for sender in senders {
        let text = dialects::dialect(sender.dialect).mapping(sender, &world.partners, from);
        write(&folder.join(format!("{}.toml", sender.id)), text.as_bytes())?;
    }
    write(&folder.join("hq.toml"), dialect::head_office(from).as_bytes())
}

fn write_labels(options: &Options, labels: &[Label]) -> Result<()> {
    let truth = serde_json::json!({
        "seed": options.seed,
        "partners": options.partners,
        "days": options.days,
        "rows_per_day": options.rows_per_day,
        "end": options.end,
        "labels": labels,
    });
    let mut text = serde_json::to_string_pretty(&truth)?;
    text.push('\n');
    write(&options.dir.join("labels.json"), text.as_bytes())
}

/// Writes one file whole.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|err| Error::from(err).at(path.display()))
}

#[cfg(test)]
mod tests;

//! Files on their way: which periods they cover, what they are called, when they come in, and the
//! faults planted in some of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};

use super::calendar::{month_end, month_name, quarter_name};
use super::company::{CHANNELS, PRODUCTS};
use super::customers::Customer;
use super::dialect::{Dialect, Format};
use super::dialects::dialect;
use super::partners::{Sender, core};
use super::stock::{Count, Receipt};
use super::stories::{Fault, Label, fault, file_label};
use super::text::{Manner, Table, gzip, render};
use super::trade::{Kind, SaleLine, Trade};
use super::values::Record;
use super::voice::Voice;
use super::{Summary, World, typed};
use crate::error::{Error, Result};

/// Days that one file covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Period {
    /// `2026-10` or `2026-11-22`.
    pub(crate) label: String,
    /// First and last day, counted from the demo's first.
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// Part of the history: a whole month, packed.
    pub(crate) history: bool,
}

/// Whole months, then night by night.
pub(crate) fn periods(world: &World) -> Vec<Period> {
    let nightly = world.nightly_from();
    let mut made = Vec::new();
    let mut day = 0;
    while day <= world.last_day() {
        let date = world.date(day);
        let history = date < nightly;
        let last = if history { day + (month_end(date) - date).num_days() } else { day };
        let label = if history { month_name(date) } else { date.to_string() };
        made.push(Period { label, first: day, last, history });
        day = last + 1;
    }
    made
}

/// Whole months, then week by week up to Sunday or the last day.
pub(crate) fn weeks(world: &World) -> Vec<Period> {
    let mut made: Vec<Period> = Vec::new();
    let mut open = None;
    for period in periods(world) {
        if period.history {
            made.push(period);
            continue;
        }
        let first = *open.get_or_insert(period.first);
        if world.date(period.last).weekday() == Weekday::Sun || period.last == world.last_day() {
            made.push(Period { first, ..period });
            open = None;
        }
    }
    made
}

/// Where files are put, and what is known about them.
pub(crate) struct Desk<'a> {
    pub(crate) world: &'a World,
    inbox: &'a Path,
    folders: BTreeSet<PathBuf>,
    pub(crate) summary: Summary,
    pub(crate) labels: Vec<Label>,
}

impl<'a> Desk<'a> {
    /// A desk that fills `inbox`.
    pub(crate) fn new(world: &'a World, inbox: &'a Path) -> Self {
        Self { world, inbox, folders: BTreeSet::new(), summary: Summary::default(), labels: Vec::new() }
    }

    /// The name of a file: feed, period, and the moment of delivery in UTC.
    pub(crate) fn name(
        &self,
        sender: usize,
        feed: &str,
        label: &str,
        last: i64,
        late_minutes: i64,
        ext: &str,
    ) -> String {
        let spread = i64::try_from(sender * 7 % 60).unwrap_or(0);
        let midnight = self.world.date(last).and_hms_opt(16, 10, 0).expect("ten past four exists");
        let stamp = midnight + TimeDelta::minutes(spread + late_minutes);
        format!("{feed}_{label}_{}.{ext}", stamp.format("%Y%m%dT%H%M"))
    }

    /// Puts a file down and counts it. Returns its key below the inbox.
    pub(crate) fn put(&mut self, sender: &str, feed: &str, name: &str, bytes: &[u8], rows: u64) -> Result<String> {
        let folder = self.inbox.join(sender).join(feed);
        if self.folders.insert(folder.clone()) {
            std::fs::create_dir_all(&folder).map_err(|err| Error::from(err).at(folder.display()))?;
        }
        super::write(&folder.join(name), bytes)?;
        self.summary.files += 1;
        self.summary.bytes += bytes.len() as u64;
        self.summary.rows += rows;
        let of = self.summary.feeds.entry(feed.to_string()).or_default();
        of.files += 1;
        of.rows += rows;
        Ok(format!("{sender}/{feed}/{name}"))
    }
}

/// What one partner sold in one month.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Month {
    /// Net sales in fen.
    pub(crate) net: i64,
    pub(crate) units: i64,
}

/// What head office has to know about all partners when it writes its own files.
pub(crate) struct Books {
    /// By partner and `YYYY-MM`.
    pub(crate) months: BTreeMap<(usize, String), Month>,
    /// Net sales in fen by category and `YYYY-MM`.
    pub(crate) categories: BTreeMap<(usize, String), i64>,
    /// Goods received in fen by partner and `YYYY-Qn`.
    pub(crate) sell_in: BTreeMap<(usize, String), i64>,
    /// Goods received, by period.
    pub(crate) receipts: Vec<Vec<Receipt>>,
    /// Complaints and surveys.
    pub(crate) voice: Voice,
}

impl Books {
    /// Empty books for so many periods.
    pub(crate) fn new(periods: usize) -> Self {
        Self {
            months: BTreeMap::new(),
            categories: BTreeMap::new(),
            sell_in: BTreeMap::new(),
            receipts: vec![Vec::new(); periods],
            voice: Voice::default(),
        }
    }

    fn enter(&mut self, world: &World, date: NaiveDate, sales: &[SaleLine], receipts: &[Receipt]) {
        let month = month_name(date);
        let mut of_partner: BTreeMap<usize, Month> = BTreeMap::new();
        let mut of_category: BTreeMap<usize, i64> = BTreeMap::new();
        for line in sales {
            let at = usize::from(line.partner);
            let net = world.to_base(&world.partners[at], line.net(), line.day);
            let sum = of_partner.entry(at).or_default();
            sum.net += net;
            sum.units += line.quantity;
            *of_category.entry(PRODUCTS[usize::from(line.product)].category).or_default() += net;
        }
        for (at, sum) in of_partner {
            let entry = self.months.entry((at, month.clone())).or_default();
            entry.net += sum.net;
            entry.units += sum.units;
        }
        for (category, net) in of_category {
            *self.categories.entry((category, month.clone())).or_default() += net;
        }
        for receipt in receipts {
            let value = receipt.quantity * PRODUCTS[usize::from(receipt.product)].sell_in_price();
            *self.sell_in.entry((usize::from(receipt.partner), quarter_name(date))).or_default() += value;
        }
    }
}

/// Plays all days of one sender's partners and puts its files down.
pub(crate) fn send(
    desk: &mut Desk<'_>,
    sender: &Sender,
    number: usize,
    periods: &[Period],
    core: &Rc<Vec<Customer>>,
    books: &mut Books,
    step: &mut dyn FnMut(),
) -> Result<()> {
    let world = desk.world;
    let way = dialect(sender.dialect);
    let mut trades: Vec<Trade<'_>> = sender.partners.iter().map(|at| Trade::new(world, *at, core)).collect();
    let mut ears: Vec<_> = sender.partners.iter().map(|at| Voice::ear(world, *at)).collect();
    let (mut sales, mut receipts, mut orders, mut counts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (at, period) in periods.iter().enumerate() {
        sales.clear();
        counts.clear();
        for day in period.first..=period.last {
            let (before, date) = (sales.len(), world.date(day));
            receipts.clear();
            for (trade, ear) in trades.iter_mut().zip(&mut ears) {
                orders.clear();
                trade.day(day, &mut sales, &mut receipts, &mut orders);
                books.voice.hear(ear, &orders);
                if is_counted(date, day, period) {
                    count(world, trade, day, &mut counts);
                }
            }
            books.enter(world, date, &sales[before..], &receipts);
            books.receipts[at].extend_from_slice(&receipts);
        }
        put_sales(desk, sender, number, way, period, &mut sales)?;
        if !way.inventory.is_empty() {
            put_counts(desk, sender, number, way, period, &counts)?;
        }
        step();
    }
    Ok(())
}

/// Stock is counted every night, in the history every Sunday and at the end of each month.
fn is_counted(date: NaiveDate, day: i64, period: &Period) -> bool {
    !period.history || day == 0 || date.weekday() == Weekday::Sun || day == period.last
}

fn count(world: &World, trade: &Trade<'_>, day: i64, counts: &mut Vec<(i64, Count)>) {
    let mut found = Vec::new();
    trade.counts(&mut found);
    // A counting slip that readers must report and not hide: fewer than nothing.
    if trade.at == core("R802") && day == world.last_day() - 1 {
        for count in found.iter_mut().filter(|count| count.product == 12) {
            count.on_hand = -2;
        }
    }
    counts.extend(found.into_iter().map(|count| (day, count)));
}

fn put_sales(
    desk: &mut Desk<'_>,
    sender: &Sender,
    number: usize,
    way: &Dialect,
    period: &Period,
    sales: &mut [SaleLine],
) -> Result<()> {
    let world = desk.world;
    let planted = fault(sender, "sales", world.last_day() - period.last).filter(|_| !period.history);
    let date = world.date(period.last);
    let rows = sales.len() as u64;
    let late = if planted == Some(Fault::Late) { 10 * 60 + 25 } else { 0 };
    let manner = Manner { known_until: period.last, fault: planted };
    let (bytes, ext) = file(world, way, true, period, sales, &[], manner)?;
    let name = |desk: &Desk<'_>, label: &str, late| desk.name(number, "sales", label, period.last, late, &ext);
    let mut keys = Vec::new();
    match planted {
        Some(Fault::Missing) => {}
        Some(Fault::Corrected) => {
            // What came first: some prices ten times too high.
            let right: Vec<SaleLine> = sales.to_vec();
            for line in sales.iter_mut().filter(|line| line.kind == Kind::Sale).take(3) {
                line.unit_price *= 10;
            }
            let (wrong, _) = file(world, way, true, period, sales, &[], manner)?;
            sales.copy_from_slice(&right);
            let first = name(desk, &period.label, 0);
            keys.push(desk.put(&sender.id, "sales", &first, &wrong, rows)?);
            let second = name(desk, &period.label, 9 * 60);
            keys.push(desk.put(&sender.id, "sales", &second, &bytes, rows)?);
        }
        Some(Fault::Duplicate) => {
            let first = name(desk, &period.label, 0);
            keys.push(desk.put(&sender.id, "sales", &first, &bytes, rows)?);
            let second = name(desk, &format!("{}_resend", period.label), 50);
            keys.push(desk.put(&sender.id, "sales", &second, &bytes, rows)?);
        }
        _ => {
            let name = name(desk, &period.label, late);
            keys.push(desk.put(&sender.id, "sales", &name, &bytes, rows)?);
        }
    }
    if let Some(planted) = planted {
        desk.labels.push(file_label(planted, sender, "sales", date, keys));
    }
    Ok(())
}

fn put_counts(
    desk: &mut Desk<'_>,
    sender: &Sender,
    number: usize,
    way: &Dialect,
    period: &Period,
    counts: &[(i64, Count)],
) -> Result<()> {
    let manner = Manner { known_until: period.last, fault: None };
    let (bytes, ext) = file(desk.world, way, false, period, &[], counts, manner)?;
    let name = desk.name(number, "inventory", &period.label, period.last, 0, &ext);
    desk.put(&sender.id, "inventory", &name, &bytes, counts.len() as u64)?;
    Ok(())
}

/// A sales or stock file in its sender's way: bytes and extension.
fn file(
    world: &World,
    way: &Dialect,
    is_sales: bool,
    period: &Period,
    sales: &[SaleLine],
    counts: &[(i64, Count)],
    manner: Manner,
) -> Result<(Vec<u8>, String)> {
    let (format, columns) = if is_sales { (way.format, way.sales) } else { (way.inventory_format, way.inventory) };
    let records: Vec<Record<'_>> =
        sales.iter().map(Record::Sale).chain(counts.iter().map(|(day, count)| Record::Count(count, *day))).collect();
    match format {
        Format::Xlsx => Ok((typed::workbook(world, way, columns, &records, manner.known_until)?, "xlsx".into())),
        Format::Parquet => Ok((typed::parquet(world, columns, &records, manner.known_until)?, "parquet".into())),
        Format::Text(..) | Format::Ndjson => {
            let ext = match format {
                Format::Text(ext, _) => ext,
                _ => "ndjson",
            };
            let bytes = render(world, way, format, columns, &records, manner);
            if way.gz || period.history { Ok((gzip(&bytes)?, format!("{ext}.gz"))) } else { Ok((bytes, ext.into())) }
        }
    }
}

/// The channel of a partner.
pub(crate) fn channel_id(world: &World, partner: usize) -> &'static str {
    CHANNELS[world.partners[partner].channel].id
}

/// Position of head office among senders, for the minute of its deliveries.
const HEAD_OFFICE_NUMBER: usize = 3;
const HEAD_OFFICE: &str = "hq";

/// Puts one table of head office down, packed where it is history. Empty tables are not delivered.
pub(crate) fn put_table(desk: &mut Desk<'_>, feed: &str, period: &Period, table: Table) -> Result<()> {
    let rows = table.rows;
    if rows == 0 && feed != "shipments" {
        return Ok(());
    }
    let bytes = table.into_bytes();
    let (bytes, ext) = if period.history { (gzip(&bytes)?, "csv.gz") } else { (bytes, "csv") };
    let name = desk.name(HEAD_OFFICE_NUMBER, feed, &period.label, period.last, 0, ext);
    desk.put(HEAD_OFFICE, feed, &name, &bytes, rows).map(drop)
}

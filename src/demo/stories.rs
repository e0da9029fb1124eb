//! What is planted, where and when. Dates count back from the last day, so that a demo of any
//! length ends in the same situation. The truth about each story is written to labels.json.

use chrono::{Months, NaiveDate};
use serde::Serialize;

use super::World;
use super::calendar::{month_end, month_start, shift};
use super::company::{CHANNELS, PRODUCTS, region};
use super::partners::{Sender, core};

/// A sales line that only a story makes.
pub(crate) struct Extra {
    pub(crate) product: u16,
    pub(crate) quantity: i64,
    /// Against the partner's usual shelf price.
    pub(crate) price_factor: f64,
    pub(crate) ship_to: Option<u8>,
    pub(crate) promotion: Option<u16>,
}

/// What happens to a file on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Delivered, but hours after it was due.
    Late,
    /// Never delivered.
    Missing,
    /// Delivered with wrong prices, then again with the right ones.
    Corrected,
    /// Delivered twice under two names, byte for byte the same.
    Duplicate,
    /// Delivered without a column that every row needs.
    Broken,
    /// Delivered with a few rows that cannot be used.
    BadRows,
}

/// Position in [`World::promotions`] of an id that the brand never listed.
pub(crate) const NO_SUCH_PROMOTION: u16 = 0;
/// Position of a promotion that had ended long before the stories begin.
pub(crate) const ENDED_PROMOTION: u16 = 1;

/// Days before the last one at which faulty files fall due: (sender, feed, days ago, fault).
const FAULTS: [(&str, &str, i64, Fault); 6] = [
    ("franchise", "sales", 0, Fault::Missing),
    ("xingmei", "sales", 1, Fault::BadRows),
    ("beifang", "sales", 3, Fault::Late),
    ("beifang", "sales", 5, Fault::Corrected),
    ("jiangnan", "sales", 6, Fault::Duplicate),
    ("own_shops", "sales", 10, Fault::Broken),
];

/// Days ago at which all of a channel sells next to nothing.
const COLLAPSES: [(&str, i64, f64); 2] = [("ch_franchise", 4, 0.10), ("ch_live", 0, 0.12)];

/// The product of the price war.
const WAR_PRODUCT: u16 = 0;
/// The product that runs out.
const SHORT_PRODUCT: u16 = 6;

/// What happens to the file of `sender` and `feed`, `ago` days before the last.
pub(crate) fn fault(sender: &Sender, feed: &str, ago: i64) -> Option<Fault> {
    FAULTS.iter().find(|(id, of, day, _)| *id == sender.id && *of == feed && *day == ago).map(|found| found.3)
}

/// How much of its usual volume a channel sells.
pub(crate) fn volume(channel: usize, ago: i64) -> f64 {
    COLLAPSES
        .iter()
        .find(|(id, day, _)| CHANNELS[channel].id == *id && *day == ago)
        .map_or(1.0, |(_, _, factor)| *factor)
}

/// Lines that only a story makes.
pub(crate) fn extras(partner: usize, ago: i64, out: &mut Vec<Extra>) {
    let mut line = |product, quantity, price_factor, ship_to: &str, promotion| {
        let ship_to = (!ship_to.is_empty()).then(|| region(ship_to));
        out.push(Extra { product, quantity, price_factor, ship_to, promotion });
    };
    if partner == core("P102") && (1..=35).contains(&ago) && ago % 2 == 1 {
        let product = [0, 6, 12][usize::try_from(ago / 2).unwrap_or(0) % 3];
        line(product, 8, 0.90, if ago % 4 == 1 { "zhejiang" } else { "jiangsu" }, None);
    }
    if (partner == core("L601") && (2..=13).contains(&ago)) || (partner == core("L602") && (2..=10).contains(&ago)) {
        line(WAR_PRODUCT, 1, 0.86, "zhejiang", None);
        line(WAR_PRODUCT, 1, 0.86, "zhejiang", None);
    }
    if partner == core("S501") && (12..=17).contains(&ago) {
        line(12, 1, 0.80, "sichuan", Some(NO_SUCH_PROMOTION));
    }
    if partner == core("E402") && (20..=23).contains(&ago) {
        line(6, 1, 0.92, "shanghai", Some(ENDED_PROMOTION));
    }
    if partner == core("R802") && (5..=9).contains(&ago) {
        line(6, 1, 0.62, "", None);
    }
    if partner == core("A202") && (ago == 13 || ago == 44) {
        line(0, 1, 1.0, "guangdong", None);
    }
}

/// Days of demand that the brand pushes into a partner's stock beyond its orders.
pub(crate) fn pushed_days(partner: usize, ago: i64) -> f64 {
    match ago {
        78 if partner == core("P102") => 168.0,
        78 | 48 if partner == core("P103") => 60.0,
        _ => 0.0,
    }
}

/// Units kept beyond need so that a story's lines find stock.
pub(crate) fn reserve(partner: usize, product: u16, ago: i64) -> i64 {
    let war = (partner == core("L601") || partner == core("L602")) && product == WAR_PRODUCT;
    let promotion = partner == core("S501") && product == 12;
    if (war || promotion) && (0..=40).contains(&ago) { 12 } else { 0 }
}

/// The brand does not deliver this product to this partner any more.
pub(crate) fn blocked(partner: usize, product: u16, ago: i64) -> bool {
    partner == core("E401") && product == SHORT_PRODUCT && (0..=34).contains(&ago)
}

/// The day on which the new product is launched, before the last.
pub(crate) const LAUNCHED_DAYS_AGO: i64 = 17;

/// The partner whose target is far above what it sells.
pub(crate) fn target_factor(partner: usize) -> f64 {
    if partner == core("F302") { 1.45 } else { 1.0 }
}

/// Months before the last in which the brand pays for a campaign of one distributor, and what it pays in CNY.
const CAMPAIGN: (u32, i64) = (2, 6_000);

/// The last day of the campaign's month.
fn campaign_month(end: NaiveDate) -> NaiveDate {
    let first = month_start(end);
    month_end(first.checked_sub_months(Months::new(CAMPAIGN.0)).unwrap_or(first))
}

/// Whose campaign the brand pays for in the month that ends on `month`, and how much.
pub(crate) fn campaign(world: &World, month: NaiveDate) -> Option<(usize, i64)> {
    (month == campaign_month(world.options.end)).then(|| (core("P101"), CAMPAIGN.1))
}

/// One planted truth.
#[derive(Debug, Clone, Serialize)]
pub struct Label {
    /// Name of the story.
    pub story: &'static str,
    /// What a mart calls it.
    pub kind: &'static str,
    /// Mart or alert that must show it.
    pub mart: &'static str,
    /// What it must say there.
    pub expected: String,
    /// Sender, where a file is the story.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Feed, where a file is the story.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<String>,
    /// Partners concerned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partner_ids: Vec<String>,
    /// Channel concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<String>,
    /// Products concerned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skus: Vec<String>,
    /// Regions concerned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// Keys below the inbox, where a file is the story.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

impl Label {
    /// A label that names only days.
    pub(crate) fn new(
        story: &'static str,
        kind: &'static str,
        mart: &'static str,
        expected: impl Into<String>,
        days: (NaiveDate, NaiveDate),
    ) -> Self {
        Self {
            story,
            kind,
            mart,
            expected: expected.into(),
            sender: None,
            feed: None,
            partner_ids: Vec::new(),
            channel_id: None,
            skus: Vec::new(),
            regions: Vec::new(),
            from: days.0,
            to: days.1,
            files: Vec::new(),
        }
    }

    /// Names partners, and the channel of the first.
    pub(crate) fn of(mut self, partners: &[&str]) -> Self {
        self.partner_ids = partners.iter().map(|id| (*id).into()).collect();
        self.channel_id = partners.first().map(|id| CHANNELS[super::partners::channel_of(core(id))].id.into());
        self
    }

    fn products(mut self, products: &[u16]) -> Self {
        self.skus = products.iter().map(|at| PRODUCTS[usize::from(*at)].sku.into()).collect();
        self
    }

    fn within(mut self, regions: &[&str]) -> Self {
        self.regions = regions.iter().map(|id| (*id).into()).collect();
        self
    }
}

/// The truth about everything that is not a file. Stories older than the demo are left out.
pub(crate) fn labels(world: &World) -> Vec<Label> {
    let end = world.options.end;
    let days = |from: i64, to: i64| (shift(end, -from), shift(end, -to));
    let mut told = vec![
        Label::new("diversion", "cross_region", "channel_conflicts", "cause overstock_driven", days(35, 1))
            .of(&["P102"])
            .products(&[0, 6, 12])
            .within(&["zhejiang", "jiangsu"]),
        Label::new("price_war", "price_war", "channel_conflicts", "first mover L601", days(13, 2))
            .of(&["L601", "L602"])
            .products(&[WAR_PRODUCT])
            .within(&["zhejiang"]),
        Label::new(
            "unknown_promotion",
            "unapproved_promotion",
            "channel_conflicts",
            "promotion PR8888 is unknown",
            days(17, 12),
        )
        .of(&["S501"])
        .products(&[12]),
        Label::new(
            "ended_promotion",
            "unapproved_promotion",
            "channel_conflicts",
            "promotion PR7001 has ended",
            days(23, 20),
        )
        .of(&["E402"])
        .products(&[6]),
        Label::new("below_floor", "below_floor_price", "channel_conflicts", "price at 61 % of list", days(9, 5))
            .of(&["R802"])
            .products(&[6]),
        Label::new("border_spill", "cross_region", "channel_conflicts", "cause border_spill", days(44, 13))
            .of(&["A202"])
            .products(&[0])
            .within(&["guangdong"]),
        Label::new("overstock_diverter", "overstock", "inventory_health", "overstock_rate over 0.30", days(60, 0))
            .of(&["P102"]),
        Label::new("overstock_stuffed", "overstock", "inventory_health", "overstock_rate over 0.30", days(40, 0))
            .of(&["P103"]),
        Label::new("channel_stuffing", "channel_stuffing", "inventory_reconciliation", "two months", days(78, 30))
            .of(&["P103"]),
        Label::new("stockout", "stockout_risk", "inventory_health", "nothing on hand, demand goes on", days(4, 0))
            .of(&["E401"])
            .products(&[SHORT_PRODUCT]),
        Label::new("new_product", "new_item", "inventory_health", "not overstock", days(LAUNCHED_DAYS_AGO, 0))
            .products(&[super::company::NEW_PRODUCT]),
        Label::new("behind_target", "attainment", "partner_kpis", "behind linear pace", days(21, 0)).of(&["F302"]),
        Label::new("negative_count", "negative_stock", "inventory_health", "counted -2, treated as 0", days(1, 1))
            .of(&["R802"])
            .products(&[12]),
        Label::new("licence_ends", "licence_expiring", "partner_scorecard", "within 30 days", days(0, 0)).of(&["A202"]),
        Label::new("exit_channel", "dog", "bcg_classes", "advice exit", days(364, 0)).of(&["A201", "A202"]),
        Label::new("satisfaction_drop", "satisfaction", "channel_kpis", "satisfaction_rate falls", days(21, 0))
            .of(&["E401", "E402"]),
    ];
    let campaign = campaign_month(end);
    let words = "judged against two distributors without it";
    let days = (month_start(campaign), campaign);
    told.push(Label::new("campaign", "support", "partner_economics", words, days).of(&["P101"]));
    told.extend(COLLAPSES.iter().map(|(id, ago, _)| {
        let day = shift(end, -ago);
        let mut label = Label::new("collapse", "net_sales", "anomalies", "down, no known cause", (day, day));
        label.channel_id = Some((*id).into());
        label
    }));
    told.retain(|label| label.from >= world.start);
    told
}

/// The truth about the file behind a fault.
pub(crate) fn file_label(fault: Fault, sender: &Sender, feed: &str, date: NaiveDate, files: Vec<String>) -> Label {
    let (story, kind, mart, expected) = match fault {
        Fault::Late => ("late_file", "late", "deliveries", "status late"),
        Fault::Missing => ("missing_file", "missing", "deliveries", "status missing"),
        Fault::Corrected => ("corrected_file", "corrected", "deliveries", "the later version counts"),
        Fault::Duplicate => ("duplicate_file", "duplicate", "deliveries", "counted once"),
        Fault::Broken => ("broken_file", "quarantined", "deliveries", "status quarantined, column named"),
        Fault::BadRows => ("bad_rows", "rejects", "data_quality", "three rows refused by intake, one for its sku"),
    };
    let mut label = Label::new(story, kind, mart, expected, (date, date));
    label.sender = Some(sender.id.clone());
    label.feed = Some(feed.into());
    label.files = files;
    label
}

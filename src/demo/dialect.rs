//! How senders write their files: what they call the columns, how they write numbers and days, in
//! which format and encoding. The mapping in jobs/senders comes from the same table.

use super::partners::{Partner, Sender};
use super::trade::Kind;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Partner,
    PartnerName,
    ChannelName,
    Order,
    Line,
    SoldAt,
    Customer,
    Sku,
    Quantity,
    /// Without its sign: the kind says what it is.
    QuantityAbs,
    Price,
    Discount,
    DiscountAbs,
    /// What the buyer paid for the line.
    Net,
    ShipTo,
    ShipToName,
    Promotion,
    Promised,
    Delivered,
    Kind(&'static [&'static str; 3]),
    CountedOn,
    OnHand,
    OnOrder,
    UnitCost,
    Oldest,
}

/// How values are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) number: Number,
    pub(crate) day: Day,
    /// What stands where there is nothing.
    pub(crate) nothing: &'static str,
}

/// How money is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    /// 1299.00
    Plain,
    /// 1,299.00
    Thousands,
    /// 1299,00
    Comma,
    /// 0.129900, in 万元
    TenThousands,
}

/// How days and moments are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Day {
    /// 2026-11-22 and 2026-11-22 18:30:05
    Iso,
    /// 2026/11/22 and 2026/11/22 18:30
    Slash,
    /// 22.11.2026 and 22.11.2026 18:30
    Dot,
    /// 20261122 and 20261122183005
    Compact,
    /// 2026-11-22 and 2026-11-22T18:30:05+08:00
    Offset,
}

/// The kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Lines of text; the extension and the delimiter.
    Text(&'static str, u8),
    Ndjson,
    Xlsx,
    Parquet,
}

/// How bytes stand for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf8Bom,
    Gb18030,
}

/// A column: what it is called and what it holds.
pub(crate) type Column = (&'static str, Field);

/// One way of writing files.
pub(crate) struct Dialect {
    pub(crate) id: &'static str,
    pub(crate) format: Format,
    pub(crate) inventory_format: Format,
    pub(crate) encoding: Encoding,
    /// Packed every night; history always is.
    pub(crate) gz: bool,
    pub(crate) style: Style,
    /// Lines above the header of a sales file, and the word that begins the total below.
    pub(crate) preamble: &'static [&'static str],
    pub(crate) total: Option<&'static str>,
    pub(crate) sales: &'static [Column],
    pub(crate) inventory: &'static [Column],
    pub(crate) mapping: &'static str,
}

/// The word that stands for a line's kind.
pub(crate) fn word(words: &'static [&'static str; 3], kind: Kind) -> &'static str {
    match kind {
        Kind::Sale => words[0],
        Kind::Return => words[1],
        Kind::Adjustment => words[2],
    }
}

impl Dialect {
    /// The sender's mapping. Files are expected every night from `nightly_from` on.
    pub(crate) fn mapping(&self, sender: &Sender, partners: &[Partner], nightly_from: chrono::NaiveDate) -> String {
        let first = &partners[sender.partners[0]];
        let named: Vec<String> =
            sender.partners.iter().map(|at| format!("\"{}\" = \"{}\"", partners[*at].name, partners[*at].id)).collect();
        let regions: Vec<String> =
            super::company::REGIONS.iter().map(|region| format!("\"{}\" = \"{}\"", region.name, region.id)).collect();
        let channels: Vec<String> = super::company::CHANNELS
            .iter()
            .map(|channel| format!("\"{}\" = \"{}\"", channel.name, channel.id))
            .collect();
        self.mapping
            .replace("@NAME@", &sender.name)
            .replace("@SENDER@", &sender.id.replace('_', "-"))
            .replace("@PARTNER@", &first.id)
            .replace("@CHANNEL@", super::company::CHANNELS[first.channel].id)
            .replace("@PARTNERS@", &named.join(", "))
            .replace("@REGIONS@", &regions.join(", "))
            .replace("@CHANNELS@", &channels.join(", "))
            .replace("@EXPECTED@", &expected(nightly_from))
    }
}

/// Head office's mapping.
pub(crate) fn head_office(nightly_from: chrono::NaiveDate) -> String {
    include_str!("dialects/hq.toml").replace("@EXPECTED@", &expected(nightly_from))
}

/// Every night, half an hour after half past one at the latest.
fn expected(from: chrono::NaiveDate) -> String {
    format!("{{ by = \"01:30\", days = \"all\", lag_days = 1, grace_minutes = 30, from = \"{from}\" }}")
}

//! What the messages come to: one row of named columns for each quantity of a place, article, code and period. The columns
//! have the names of ours where they are ours, so that a mapping says little more than who is whose.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{Days, NaiveDate};

use super::super::block::{Block, Cell, Flaw};
use super::segments::Place;
use super::values::{Number, Span};
use crate::contract::Contract;
use crate::sender::{Edi, Later, PeriodDay};

/// What a feed is about, by its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Sales,
    Stock,
    Shipments,
}

impl About {
    pub(super) fn of(contract: &Contract) -> Self {
        let has = |name: &str| contract.column(name).is_some();
        match (has("on_hand_quantity"), has("shipment_id")) {
            (true, _) => Self::Stock,
            (_, true) => Self::Shipments,
            _ => Self::Sales,
        }
    }
}

/// A column that a row may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    Message,
    Release,
    Reference,
    Report,
    Sender,
    Place,
    PlaceKind,
    PlaceName,
    ShipTo,
    ShipToKind,
    Article,
    ArticleKind,
    Gtin,
    SellerArticle,
    BuyerArticle,
    Code,
    PeriodFrom,
    PeriodTo,
    Day,
    Cell,
    Occurrence,
    Document,
    Quantity,
    UnitPrice,
    GrossAmount,
    Currency,
    OnHand,
    OnOrder,
    InTransit,
}

/// Every column with its name and words; the day and the cell are named as the contract names them.
pub(super) const COLUMNS: [(Column, &str, &str, &str); 29] = [
    (Column::Message, "message", "852, 867, SLSRPT or INVRPT", "852、867、SLSRPT 或 INVRPT"),
    (Column::Release, "release", "Release of the message (GS08, UNH)", "报文版本（GS08、UNH）"),
    (Column::Reference, "message_reference", "Interchange, group and message", "交换、功能组与报文参考号"),
    (Column::Report, "report", "Number of the report (BPT02, BGM 1004)", "报告编号（BPT02、BGM 1004）"),
    (Column::Sender, "edi_sender", "Who sent the interchange (ISA06, UNB)", "交换的发送方（ISA06、UNB）"),
    (Column::Place, "place", "Store or reporting party, zeros kept", "门店或报告方，保留前导零"),
    (
        Column::PlaceKind,
        "place_kind",
        "Kind of that number (SDQ02, N103, DE 3055)",
        "该编号的种类（SDQ02、N103、DE 3055）",
    ),
    (Column::PlaceName, "place_name", "Name of the place, where it is sent", "地点名称（若有）"),
    (Column::ShipTo, "ship_to", "867: the distributor's customer (N1 ST)", "867：分销商的客户（N1 ST）"),
    (Column::ShipToKind, "ship_to_kind", "Kind of that number", "该编号的种类"),
    (Column::Article, "article", "Article number of the most wanted kind", "最优先种类的商品编号"),
    (Column::ArticleKind, "article_kind", "Its kind (UP, EN, VN …)", "其种类（UP、EN、VN 等）"),
    (Column::Gtin, "gtin", "GTIN or UPC with its check digit", "带校验位的 GTIN 或 UPC"),
    (Column::SellerArticle, "seller_article", "The seller's number (VN, SA)", "卖方编号（VN、SA）"),
    (Column::BuyerArticle, "buyer_article", "The buyer's number (IN, SK, CB, BP)", "买方编号（IN、SK、CB、BP）"),
    (Column::Code, "code", "Code of the quantity", "数量代码"),
    (Column::PeriodFrom, "period_from", "First day of the period", "期间首日"),
    (Column::PeriodTo, "period_to", "Last day of the period", "期间末日"),
    (
        Column::Day,
        "day",
        "Day that it is booked on; named as the feed's business date (sold_at, counted_on, shipped_on)",
        "入账日；列名即该类数据的业务日期（sold_at、counted_on、shipped_on）",
    ),
    (
        Column::Cell,
        "cell",
        "Code, place, article and period; named as the feed's own (order_id, shipment_id)",
        "代码、地点、商品与期间；列名即该类数据的单号（order_id、shipment_id）",
    ),
    (Column::Occurrence, "line_no", "Which line of that cell in its message", "该单元在报文中的第几行"),
    (Column::Document, "document", "867: order or invoice (PTD05, REF)", "867：订单或发票号（PTD05、REF）"),
    (Column::Quantity, "quantity", "Pieces, negative for a return", "件数，退货为负"),
    (
        Column::UnitPrice,
        "unit_price",
        "Price of one piece, where there is a price or an amount",
        "单价（有价格或金额时）",
    ),
    (
        Column::GrossAmount,
        "gross_amount",
        "Amount of the line, where it is sent (MOA 203, AMT)",
        "整行金额（MOA 203、AMT，若有）",
    ),
    (Column::Currency, "currency", "Currency, where it is sent (CUR, CUX)", "币种（CUR、CUX，若有）"),
    (Column::OnHand, "on_hand_quantity", "Level at the end of the day", "日终库存"),
    (Column::OnOrder, "on_order_quantity", "Ordered and not received", "已订未到"),
    (Column::InTransit, "in_transit_quantity", "On its way", "在途"),
];

/// A place with the kind of its number; the number is text, zeros and all.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Site {
    pub kind: String,
    pub number: String,
}

/// The numbers of an article.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Article {
    pub kind: String,
    pub number: String,
    pub gtin: String,
    pub seller: String,
    pub buyer: String,
}

/// What a message says of itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Heading {
    pub kind: String,
    pub release: String,
    pub sender: String,
    /// Interchange, group and message.
    pub reference: String,
    pub report: String,
    pub currency: String,
    /// It adds to what is known, whatever the sender's later messages do.
    pub adds: bool,
}

/// One quantity, or the levels of one place and day.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub site: Site,
    pub site_name: String,
    pub ship_to: Site,
    pub code: String,
    pub document: String,
    pub quantity: Option<Number>,
    pub price: Option<Number>,
    pub amount: Option<Number>,
    pub on_hand: Option<Number>,
    pub on_order: Option<Number>,
    pub in_transit: Option<Number>,
}

/// Where the rows of a file go to.
pub(super) struct Rows<'a> {
    pub block: &'a mut Block,
    pub state: &'a mut State,
}

/// What stays from block to block.
pub(super) struct State {
    pub about: About,
    pub edi: Edi,
    /// The columns that are asked for.
    pub columns: Vec<Column>,
    /// How often a cell was named in the present message.
    occurrences: HashMap<u64, u32>,
    /// What was passed over, with how often.
    pub told: BTreeMap<String, u64>,
    /// The text of refused rows, by their place among them.
    pub refused: Vec<String>,
    cell: String,
    value: String,
}

impl State {
    pub(super) fn new(contract: &Contract, edi: Edi, asked: &BTreeSet<String>) -> Self {
        let named = |name: &str| asked.contains(name);
        let known = names(contract);
        // a mapping that asks for what there is not is shown all that there is
        let all = asked.is_empty()
            || asked
                .iter()
                .any(|name| !known.iter().any(|(_, known)| known == name) && contract.column(name).is_none());
        let columns = known.iter().filter(|(_, name)| all || named(name)).map(|(column, _)| *column).collect();
        Self {
            about: About::of(contract),
            edi,
            columns,
            occurrences: HashMap::new(),
            told: BTreeMap::new(),
            refused: Vec::new(),
            cell: String::new(),
            value: String::new(),
        }
    }

    pub(super) fn tell(&mut self, what: impl Into<String>) {
        *self.told.entry(what.into()).or_default() += 1;
    }

    /// A new message begins.
    pub(super) fn begin(&mut self) {
        self.occurrences.clear();
    }
}

/// The columns by their names under a contract.
pub(super) fn names(contract: &Contract) -> Vec<(Column, String)> {
    let day = contract.business_date.clone();
    let cell = ["order_id", "shipment_id"].into_iter().find(|name| contract.column(name).is_some());
    COLUMNS
        .iter()
        .map(|(column, name, ..)| {
            let own = match column {
                Column::Day => day.as_deref(),
                Column::Cell => cell,
                _ => None,
            };
            (*column, own.unwrap_or(name).to_string())
        })
        .collect()
}

impl Rows<'_> {
    /// Adds a row that is refused: why, what was found and where, what was expected.
    pub(super) fn refuse(&mut self, place: Place, reason: &'static str, found: &str, expected: &str, raw: &str) {
        self.block.begin(place.line);
        if let Some(row) = self.block.rows.last_mut() {
            let found: String = format!("{place}: {found}").chars().take(400).collect();
            row.flaw = Some(Flaw::Message(reason, found, expected.to_string()));
            row.raw = (self.state.refused.len(), 0);
            self.state.refused.push(raw.to_string());
        }
    }

    /// Adds the rows of one entry: one, or one a day where a period is spread.
    pub(super) fn add(&mut self, place: Place, heading: &Heading, article: &Article, span: Span, entry: &Entry) {
        let (from, to) = span;
        let adds = heading.adds || self.state.edi.later == Later::Add;
        self.state.cell.clear();
        let cell = &mut self.state.cell;
        write!(
            cell,
            "{} {}:{} {}:{} {from}..{to}",
            entry.code, entry.site.kind, entry.site.number, article.kind, article.number
        )
        .ok();
        for more in [&entry.ship_to.number, &entry.document] {
            if !more.is_empty() {
                cell.push(' ');
                cell.push_str(more);
            }
        }
        if adds {
            cell.push(' ');
            cell.push_str(&heading.reference);
        }
        let mut hasher = DefaultHasher::new();
        cell.hash(&mut hasher);
        let nth = self.state.occurrences.entry(hasher.finish()).or_default();
        *nth += 1;
        let nth = i64::from(*nth);
        let several = from != to && self.state.about != About::Stock && self.state.edi.period_day == PeriodDay::Spread;
        if !several {
            return self.push(place, heading, article, (span, to, nth), entry);
        }
        let days = (to - from).num_days() + 1;
        for (at, day) in from.iter_days().take_while(|day| *day <= to).enumerate() {
            let at = i64::try_from(at).unwrap_or(0);
            if let Some(entry) = share(entry, i128::from(at), i128::from(days)) {
                // rows of one cell differ by their number
                self.push(place, heading, article, (span, day, (nth - 1) * days + at + 1), &entry);
            }
        }
    }

    fn push(
        &mut self,
        place: Place,
        heading: &Heading,
        article: &Article,
        (span, day, nth): (Span, NaiveDate, i64),
        entry: &Entry,
    ) {
        self.block.begin(place.line);
        if let Some(row) = self.block.rows.last_mut() {
            row.raw = (usize::try_from(place.value).unwrap_or(usize::MAX), 0);
        }
        let State { columns, cell, value, .. } = &mut *self.state;
        for column in columns.iter() {
            value.clear();
            let kind = match column {
                Column::Message => text(value, &heading.kind),
                Column::Release => text(value, &heading.release),
                Column::Reference => text(value, &heading.reference),
                Column::Report => text(value, &heading.report),
                Column::Sender => text(value, &heading.sender),
                Column::Place => text(value, &entry.site.number),
                Column::PlaceKind => text(value, &entry.site.kind),
                Column::PlaceName => text(value, &entry.site_name),
                Column::ShipTo => text(value, &entry.ship_to.number),
                Column::ShipToKind => text(value, &entry.ship_to.kind),
                Column::Article => text(value, &article.number),
                Column::ArticleKind => text(value, &article.kind),
                Column::Gtin => text(value, &article.gtin),
                Column::SellerArticle => text(value, &article.seller),
                Column::BuyerArticle => text(value, &article.buyer),
                Column::Code => text(value, &entry.code),
                Column::Document => text(value, &entry.document),
                Column::Cell => text(value, cell),
                Column::Currency => text(value, &heading.currency),
                Column::PeriodFrom => date(value, span.0),
                Column::PeriodTo => date(value, span.1),
                Column::Day => date(value, day),
                Column::Occurrence => number(value, Some(Number::of(nth.into(), 0))),
                Column::Quantity => number(value, entry.quantity),
                Column::UnitPrice => number(value, entry.price),
                Column::GrossAmount => number(value, entry.amount),
                Column::OnHand => number(value, entry.on_hand),
                Column::OnOrder => number(value, entry.on_order),
                Column::InTransit => number(value, entry.in_transit),
            };
            // its elements were measured when they were read
            self.block.push(value, kind);
        }
    }
}

fn text(value: &mut String, text: &str) -> Cell {
    value.push_str(text);
    Cell::Text
}

// writing to a text cannot fail

fn number(value: &mut String, number: Option<Number>) -> Cell {
    if let Some(number) = number {
        write!(value, "{number}").ok();
    }
    Cell::Canonical
}

fn date(value: &mut String, day: NaiveDate) -> Cell {
    write!(value, "{day}").ok();
    Cell::Canonical
}

/// What falls on one of several days: whole units, evenly, so that all days together are exactly the whole; and of an
/// amount as much as of the units. `None` where nothing falls on it.
fn share(entry: &Entry, at: i128, days: i128) -> Option<Entry> {
    let whole = entry.quantity?;
    let until = |day: i128| (whole.digits * day).div_euclid(days);
    let (before, after) = (until(at), until(at + 1));
    if before == after {
        return None;
    }
    let amount = match entry.amount {
        Some(amount) => {
            let scale = amount.scale.max(2);
            let part = |units: i128| amount.share(units, whole.digits, scale);
            Some(Number::of(part(after)? - part(before)?, scale))
        }
        None => None,
    };
    Some(Entry { quantity: Some(Number::of(after - before, whole.scale)), amount, ..entry.clone() })
}

/// The day before, of which an opening level is the close.
pub(super) fn day_before(day: NaiveDate) -> NaiveDate {
    day.checked_sub_days(Days::new(1)).unwrap_or(day)
}

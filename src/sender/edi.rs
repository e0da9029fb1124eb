//! `[feeds.<feed>.edi]`: what a partner's X12 or EDIFACT means where the standard leaves it to the two of them.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the messages of one feed are read. Every key may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Edi {
    /// What codes of quantities mean, over what they mean by default (X12 852 ZA01 and 867 QTY01, EDIFACT 6063):
    /// `sale`, `net_sale`, `return`, `shipment`, `on_hand`, `opening`, `on_order`, `in_transit`, or `told` for those that are
    /// counted and passed over. A code that is in no list is refused.
    #[schemars(with = "BTreeMap<String, String>", example = &serde_json::json!({"QS": "sale", "QU": "return", "TS": "told"}))]
    pub qualifiers: BTreeMap<String, Meaning>,
    /// Whether sales hold the returns that stand beside them on a line: `gross` (they do not, and returns are taken off) or
    /// `net` (they do, and returns beside them are told). By default 852 is net, SLSRPT and 867 are gross.
    #[schemars(with = "Option<String>", example = &"gross")]
    pub sales: Option<Sales>,
    /// Codes whose sign is turned.
    #[schemars(example = ["QS"])]
    pub negate: BTreeSet<String>,
    /// Pieces in a case, by article; PO4 of the line goes before it. A case without its pack is refused.
    #[schemars(example = &serde_json::json!({"00012345678905": 12}))]
    pub packs: BTreeMap<String, u32>,
    /// Units that count as one piece, besides EA, UN and PCE: a display, say.
    #[schemars(example = ["DS"])]
    pub pieces: BTreeSet<String>,
    /// Which kinds of article number make `article`, the most wanted first.
    #[schemars(example = ["UP", "EN", "VN"])]
    pub articles: Vec<String>,
    /// Which parties make `place`, the most wanted first (N101, or the qualifier of NAD or LOC).
    #[schemars(example = ["RL", "ST"])]
    pub places: Vec<String>,
    /// Which kinds of price make `unit_price`, the most wanted first. Without it a line may have one kind of price alone.
    #[schemars(example = ["AAE", "AAA"])]
    pub prices: Vec<String>,
    /// What purpose codes mean (BPT01, BGM 1225), over what they mean by default: `original`, `replace`, `cancel`, `add`
    /// or `repeat`.
    #[schemars(with = "BTreeMap<String, String>", example = &serde_json::json!({"SU": "original"}))]
    pub purposes: BTreeMap<String, Purpose>,
    /// On which day a sale of several days is booked: `last`, or `spread` over all of them, exact in units and in money.
    #[schemars(with = "String", example = &"spread")]
    pub period_day: PeriodDay,
    /// What a later message does that names a place, article, code and period again: `replace`, or `add` to it.
    #[schemars(with = "String", example = &"add")]
    pub later: Later,
}

/// What a quantity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// Sold.
    Sale,
    /// Sold, returns taken off already.
    NetSale,
    /// Returned.
    Return,
    /// Shipped.
    Shipment,
    /// In stock at the end of the period.
    OnHand,
    /// In stock at its beginning, which is the end of the day before.
    Opening,
    /// Ordered and not yet received.
    OnOrder,
    /// On its way.
    InTransit,
    /// Nothing that a column stands for: counted and passed over.
    Told,
}

impl Meaning {
    /// As a sender's file writes it.
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|word| word.as_str().map(str::to_string)).unwrap_or_default()
    }
}

/// What a message does to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// It is the first of its kind.
    Original,
    /// It takes the place of a report that it names.
    Replace,
    /// It takes back a report that it names.
    Cancel,
    /// It adds what was forgotten.
    Add,
    /// It says again what is known.
    Repeat,
}

/// Whether sales hold returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sales {
    /// Returns are to be taken off.
    Gross,
    /// Returns are taken off already.
    Net,
}

/// Where a sale of several days is booked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodDay {
    /// On the last day.
    #[default]
    Last,
    /// Over all days.
    Spread,
}

/// What a later message does to the same cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Later {
    /// It replaces it.
    #[default]
    Replace,
    /// It adds to it.
    Add,
}

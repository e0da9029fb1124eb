//! Who is responsible for what by the lists that partners and head office deliver, and what to say of an address to which
//! no mail can be written: whose it is and in which file it stands.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::flow::{Built, Night};
use crate::address::{header_text, validate_address};
use crate::error::Result;
use crate::mail::rule::{Row, addresses};
use crate::mail::words::Words;
use crate::state::record::InputStatus;

/// Lists that name managers: the model, the feed behind it, the column that names what is managed.
const LISTS: [(&str, &str, &str); 3] = [
    ("channels_current", "channels", "name"),
    ("partners_current", "partners", "name"),
    ("customers_current", "customers", "customer_id"),
];
/// The list that only alerts refer to: nobody gets a digest of a customer's day.
const CUSTOMERS: &str = "customers";
/// Names in a sentence before the rest is counted.
const NAMED: usize = 3;

/// Addresses as the lists have them, with what each is responsible for.
#[derive(Debug, Default)]
pub(super) struct Recipients(BTreeMap<String, BTreeSet<(&'static str, String)>>);

impl Recipients {
    /// Reads the lists as of the night.
    pub(super) async fn read(built: &Built) -> Result<Self> {
        let mut all = Self::default();
        for (model, feed, name) in LISTS {
            if !built.outcome.has(model) {
                continue;
            }
            let sql = format!("select distinct manager, {name} as name from {model} where manager is not null");
            for row in built.outcome.query(&sql).await? {
                let cell = |column: &str| row.get(column).and_then(Json::as_str).unwrap_or_default();
                for address in addresses(cell("manager")) {
                    all.0.entry(address).or_default().insert((feed, header_text(cell("name"))));
                }
            }
        }
        Ok(all)
    }

    /// Everybody who gets a digest of their own figures.
    pub(super) fn managers(&self) -> impl Iterator<Item = &String> {
        let manages = |things: &BTreeSet<(&str, String)>| things.iter().any(|(feed, _)| *feed != CUSTOMERS);
        self.0.iter().filter(move |(_, things)| manages(things)).map(|(address, _)| address)
    }

    /// Addresses of the lists to which no mail can go, and why.
    pub(super) fn unusable(&self) -> BTreeMap<String, String> {
        let fault = |address: &String| Some((address.clone(), validate_address(address).err()?.one_line()));
        self.0.keys().filter_map(fault).collect()
    }

    /// The findings about people to whom no mail can be written: by address, why.
    pub(super) fn rows(&self, night: &Night<'_>, unwritten: &BTreeMap<String, String>) -> Vec<Row> {
        let company = &night.company.config.company;
        let words = Words::new(&company.locale, &company.base_currency);
        let row = |(address, error): (&String, &String)| {
            let things = self.0.get(address);
            let file = things.and_then(|things| file(night, things.first()?.0)).unwrap_or_default();
            BTreeMap::from([
                ("recipient".to_string(), Json::from(header_text(address))),
                ("whose".to_string(), Json::from(things.map(|things| whose(things, &words)).unwrap_or_default())),
                ("file".to_string(), Json::from(file)),
                ("error".to_string(), Json::from(error.clone())),
                ("run_id".to_string(), Json::from(night.run_id.clone())),
            ])
        };
        unwritten.iter().map(row).collect()
    }
}

/// `粤丰电器, 西安钟楼店 and 3 more`.
fn whose(things: &BTreeSet<(&'static str, String)>, words: &Words) -> String {
    let names: BTreeSet<&str> = things.iter().map(|(_, name)| name.as_str()).filter(|name| !name.is_empty()).collect();
    let shown: Vec<&str> = names.iter().take(NAMED).copied().collect();
    let list = shown.join(words.pick("、", ", "));
    match names.len().saturating_sub(NAMED) {
        0 => list,
        rest => words.pick(format!("{list} 等 {} 项", names.len()), format!("{list} and {rest} more")),
    }
}

/// The newest file of a feed that counts.
fn file(night: &Night<'_>, feed: &str) -> Option<String> {
    let counts = night.all_inputs().filter(|input| input.feed == feed && input.status == InputStatus::Active);
    counts.max_by_key(|input| (input.delivered_at, &input.key)).map(|input| input.key.clone())
}

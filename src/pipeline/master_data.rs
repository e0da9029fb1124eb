//! Master data that nobody delivers although what is delivered refers to it: without it the figures have no names, no
//! owners, and often no meaning, so a company that has none is not all well.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::Contracts;
use crate::sender::Senders;

/// Feeds of master data that no sender declares, with the declared feeds that need them: by a column that every row has,
/// or by one that a sender's mapping names.
pub fn missing(contracts: &Contracts, senders: &Senders) -> BTreeMap<String, BTreeSet<String>> {
    let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for mapping in senders.iter().flat_map(|sender| sender.feeds.values()) {
        let Some(contract) = contracts.get(&mapping.feed) else { continue };
        for column in &contract.columns {
            let Some(feed) = &column.references else { continue };
            let used = column.required || mapping.columns.contains_key(&column.name);
            if used && contracts.get(feed).is_some_and(|referred| referred.master_data) {
                needed.entry(feed.clone()).or_default().insert(mapping.feed.clone());
            }
        }
    }
    needed.retain(|feed, _| !senders.delivers(feed));
    needed
}

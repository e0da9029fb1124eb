//! What lies on one partner's shelves: lots in order of arrival, goods on the way, counts. Nothing
//! is taken that is not there.

use std::collections::{BTreeMap, VecDeque};

use super::company::{NEW_PRODUCT, PRODUCTS};

/// Goods that a partner received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Receipt {
    pub(crate) partner: u16,
    pub(crate) product: u16,
    pub(crate) quantity: i64,
    pub(crate) shipped: i64,
    pub(crate) promised: i64,
    pub(crate) received: i64,
}

/// What a partner counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count {
    pub(crate) partner: u16,
    pub(crate) product: u16,
    pub(crate) on_hand: i64,
    pub(crate) on_order: i64,
    pub(crate) oldest: Option<i64>,
}

/// One product on the shelves.
pub(crate) struct Item {
    pub(crate) product: u16,
    pub(crate) on_hand: i64,
    pub(crate) on_order: i64,
    /// Day of arrival and what is left of it, oldest first.
    lots: VecDeque<(i64, i64)>,
}

/// A partner's shelves. Who keeps no stock sells the brand's, which never ends.
pub(crate) struct Stock {
    keeps: bool,
    partner: u16,
    pub(crate) items: Vec<Item>,
    /// By day of arrival: item, quantity, day of shipment.
    due: BTreeMap<i64, Vec<(usize, i64, i64)>>,
}

impl Stock {
    /// Empty shelves for these products.
    pub(crate) fn new(keeps: bool, partner: u16, products: &[u16]) -> Self {
        let item = |product: &u16| Item { product: *product, on_hand: 0, on_order: 0, lots: VecDeque::new() };
        Self { keeps, partner, items: products.iter().map(item).collect(), due: BTreeMap::new() }
    }

    /// Lays goods down that came on `day`.
    pub(crate) fn add(&mut self, at: usize, quantity: i64, day: i64) {
        if self.keeps && quantity > 0 {
            self.items[at].on_hand += quantity;
            self.items[at].lots.push_back((day, quantity));
        }
    }

    /// Goods leave the brand on one day and arrive on another.
    pub(crate) fn send(&mut self, at: usize, quantity: i64, shipped: i64, received: i64) {
        self.items[at].on_order += quantity;
        self.due.entry(received).or_default().push((at, quantity, shipped));
    }

    /// Takes in what arrives on `day`.
    pub(crate) fn receive(&mut self, day: i64, receipts: &mut Vec<Receipt>) {
        for (at, quantity, shipped) in self.due.remove(&day).unwrap_or_default() {
            self.items[at].on_order -= quantity;
            self.add(at, quantity, day);
            let product = self.items[at].product;
            let promised = shipped + transit(product) + 1;
            receipts.push(Receipt { partner: self.partner, product, quantity, shipped, promised, received: day });
        }
    }

    /// Takes `wanted` units of item `at`, or of the next one that has enough: its position.
    pub(crate) fn take(&mut self, at: usize, wanted: i64, new_is_sold: bool) -> Option<usize> {
        let count = self.items.len();
        (0..count).map(|step| (at + step) % count).find(|at| {
            let sellable = self.items[*at].product != NEW_PRODUCT || new_is_sold;
            sellable && self.take_exactly(*at, wanted)
        })
    }

    /// Takes `wanted` units of item `at`, oldest first, if there are so many.
    pub(crate) fn take_exactly(&mut self, at: usize, wanted: i64) -> bool {
        if !self.keeps {
            return true;
        }
        let item = &mut self.items[at];
        if item.on_hand < wanted {
            return false;
        }
        item.on_hand -= wanted;
        let mut rest = wanted;
        while rest > 0
            && let Some(lot) = item.lots.front_mut()
        {
            let taken = rest.min(lot.1);
            lot.1 -= taken;
            rest -= taken;
            if lot.1 == 0 {
                item.lots.pop_front();
            }
        }
        true
    }

    /// The position of a product.
    pub(crate) fn position(&self, product: u16) -> Option<usize> {
        self.items.iter().position(|item| item.product == product)
    }

    /// What lies on the shelves tonight. An empty shelf counts 0; a product not launched yet has none.
    pub(crate) fn counts(&self, counts: &mut Vec<Count>) {
        if !self.keeps {
            return;
        }
        let kept = |item: &&Item| item.on_hand != 0 || item.on_order != 0 || item.product != NEW_PRODUCT;
        counts.extend(self.items.iter().filter(kept).map(|item| Count {
            partner: self.partner,
            product: item.product,
            on_hand: item.on_hand,
            on_order: item.on_order,
            oldest: item.lots.front().map(|lot| lot.0),
        }));
    }
}

/// Days on the road.
pub(crate) fn transit(product: u16) -> i64 {
    PRODUCTS[usize::from(product)].lead_time_days / 2
}

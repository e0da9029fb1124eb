//! One partner's business, day by day: goods come in, are sold, come back, are ordered again.
//! Sales never exceed stock, so that counts, shipments and sales roll forward to the unit.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use chrono::{Datelike, NaiveDate};

use super::World;
use super::calendar::{factor, shift};
use super::company::{CATEGORIES, CHANNELS, Channel, NEW_PRODUCT, PRODUCTS, REGIONS};
use super::customers::{Customer, CustomerRef, Pool};
use super::partners::Partner;
use super::random::Stream;
use super::stories::{self, Extra};

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sale,
    Return,
    Adjustment,
}

/// A line as sold. Money is in cents of the partner's currency; days count from the first one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SaleLine {
    pub(crate) partner: u16,
    pub(crate) day: i64,
    /// Second of the local day.
    pub(crate) second: u32,
    pub(crate) order: u32,
    pub(crate) line: u32,
    pub(crate) kind: Kind,
    pub(crate) product: u16,
    pub(crate) customer: Option<CustomerRef>,
    /// Negative for returns, like the discount.
    pub(crate) quantity: i64,
    pub(crate) unit_price: i64,
    pub(crate) discount: i64,
    pub(crate) ship_to: Option<u8>,
    pub(crate) promotion: Option<u16>,
    pub(crate) promised: Option<i64>,
    pub(crate) delivered: Option<i64>,
}

impl SaleLine {
    /// What the buyer pays, in cents of the partner's currency.
    pub(crate) fn net(&self) -> i64 {
        self.quantity * self.unit_price - self.discount
    }
}

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

/// An order, for the feeds that speak about orders.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OrderMade {
    pub(crate) day: i64,
    pub(crate) customer: Option<CustomerRef>,
}

struct Item {
    product: u16,
    on_hand: i64,
    on_order: i64,
    lots: VecDeque<(i64, i64)>,
}

/// A partner at work.
pub(crate) struct Trade<'a> {
    world: &'a World,
    pub(crate) at: usize,
    partner: &'a Partner,
    channel: &'static Channel,
    rng: Stream,
    pool: Pool,
    items: Vec<Item>,
    /// Share of lines up to and with each item, for the present month.
    shares: Vec<f64>,
    shares_of: (i32, u32),
    carry: f64,
    due: BTreeMap<i64, Vec<(usize, i64, i64)>>,
    returns: BTreeMap<i64, Vec<SaleLine>>,
    /// Expected lines of all days before a day.
    expected: Vec<f64>,
    extras: Vec<Extra>,
    /// Wanted today: item and units.
    picks: Vec<(usize, i64)>,
}

/// Days that ordering looks ahead of the last day.
const HORIZON: i64 = 90;
/// An order of at least this much (fen) is a large one.
const BIG_ORDER: i64 = 33_000;
/// A product of at least this list price (fen) is dear.
const DEAR: i64 = 40_000;

impl<'a> Trade<'a> {
    /// The partner at position `at`, with the stock it starts with.
    pub(crate) fn new(world: &'a World, at: usize, core: &Rc<Vec<Customer>>) -> Self {
        let partner = &world.partners[at];
        let channel = &CHANNELS[partner.channel];
        let mut expected = vec![0.0];
        for day in 0..=world.last_day() + HORIZON {
            let date = world.date(day);
            let age = f64::from(i32::try_from(day - world.last_day()).unwrap_or(0)) / 365.25;
            let lines = partner.rows_per_day * libm::pow(1.0 + partner.growth, age) * factor(channel.rhythm, date);
            let before = expected.last().copied().unwrap_or(0.0);
            expected.push(before + lines);
        }
        let mut kept = partner.assortment.clone();
        kept.sort_by_key(|product| (PRODUCTS[usize::from(*product)].list_price, *product));
        let items = kept
            .iter()
            .map(|product| Item { product: *product, on_hand: 0, on_order: 0, lots: VecDeque::new() })
            .collect();
        let mut trade = Self {
            world,
            at,
            partner,
            channel,
            rng: Stream::new(world.options.seed, &["trade", &partner.id]),
            pool: Pool::new(world, at, core),
            items,
            shares: Vec::new(),
            shares_of: (0, 0),
            carry: 0.0,
            due: BTreeMap::new(),
            returns: BTreeMap::new(),
            expected,
            extras: Vec::new(),
            picks: Vec::new(),
        };
        trade.open();
        trade
    }

    /// Stock of the day before the first.
    fn open(&mut self) {
        self.refresh_shares(self.world.start);
        for at in 0..self.items.len() {
            let level = self.order_level(at, 0);
            let first = ceil(level * self.rng.within(0.75, 0.95));
            let age = self.rng.between(3, 25);
            if self.partner.has_stock && first > 0 {
                self.items[at].on_hand = first;
                self.items[at].lots.push_back((-age, first));
            }
        }
    }

    /// One day: appends its sales lines, receipts and orders.
    pub(crate) fn day(
        &mut self,
        day: i64,
        sales: &mut Vec<SaleLine>,
        receipts: &mut Vec<Receipt>,
        orders: &mut Vec<OrderMade>,
    ) {
        let date = self.world.date(day);
        self.refresh_shares(date);
        self.receive(day, receipts);
        let first = sales.len();
        self.sell(day, date, sales, orders);
        self.take_back(day, sales, first);
        if self.partner.has_stock {
            self.order(day, date);
        }
    }

    /// What lies on the shelves tonight.
    pub(crate) fn counts(&self, counts: &mut Vec<Count>) {
        if !self.partner.has_stock {
            return;
        }
        counts.extend(self.items.iter().filter(|item| item.on_hand != 0 || item.on_order != 0 || sold(item)).map(
            |item| Count {
                partner: number(self.at),
                product: item.product,
                on_hand: item.on_hand,
                on_order: item.on_order,
                oldest: item.lots.front().map(|lot| lot.0),
            },
        ));
    }

    fn receive(&mut self, day: i64, receipts: &mut Vec<Receipt>) {
        for (at, quantity, shipped) in self.due.remove(&day).unwrap_or_default() {
            let item = &mut self.items[at];
            item.on_hand += quantity;
            item.on_order -= quantity;
            item.lots.push_back((day, quantity));
            let promised = shipped + transit(item.product) + 1;
            let partner = number(self.at);
            receipts.push(Receipt { partner, product: item.product, quantity, shipped, promised, received: day });
        }
    }

    fn sell(&mut self, day: i64, date: NaiveDate, sales: &mut Vec<SaleLine>, orders: &mut Vec<OrderMade>) {
        let ago = self.world.last_day() - day;
        let plain = self.expected_lines(day, 1) * stories::volume(self.partner.channel, ago);
        self.carry += plain * self.rng.within(0.95, 1.05);
        let lines = floor(self.carry);
        self.carry -= real(lines);
        self.pick(lines);
        let mut extras = std::mem::take(&mut self.extras);
        extras.clear();
        stories::extras(self.at, ago, &mut extras);
        let picks = std::mem::take(&mut self.picks);
        let wanted = picks.len();
        let span = 12.0 * 3600.0 / real(i64::try_from(wanted + 1).unwrap_or(1));
        let (mut at, mut number_of_order) = (0, 0);
        while at < wanted {
            let together = if self.rng.chance(0.74) { 1 } else { 2 + usize::from(self.rng.chance(0.3)) };
            let upto = (at + together).min(wanted);
            let second =
                u32::try_from(floor(9.5 * 3600.0 + span * (real(i64::try_from(at).unwrap_or(0)) + self.rng.unit())));
            let made = self.one_order(&picks[at..upto], day, date, second.unwrap_or(0), number_of_order, sales);
            orders.extend(made);
            at = upto;
            number_of_order += 1;
        }
        for extra in &extras {
            orders.extend(self.story_order(extra, day, number_of_order, sales));
            number_of_order += 1;
        }
        self.picks = picks;
        self.extras = extras;
        self.adjust(day, date, number_of_order, sales);
    }

    fn one_order(
        &mut self,
        picks: &[(usize, i64)],
        day: i64,
        date: NaiveDate,
        second: u32,
        order: u32,
        sales: &mut Vec<SaleLine>,
    ) -> Option<OrderMade> {
        let first = sales.len();
        let ship_to = self.ship_to();
        let (promised, delivered) = self.delivery(day);
        let campaign = self.world.campaign(self.channel.id, date);
        for (pick, wanted) in picks {
            let Some((at, quantity)) = self.take(*pick, *wanted) else { continue };
            let product = self.items[at].product;
            let unit_price = self.shelf_price(product, 1.0);
            let promotion = campaign.filter(|_| self.rng.chance(0.6));
            let off = match promotion {
                Some(_) => 0.06,
                None if self.rng.chance(0.3) => self.rng.within(0.01, 0.04),
                None => 0.0,
            };
            let discount = round(real(quantity * unit_price) * off);
            let line = u32::try_from(sales.len() - first + 1).unwrap_or(1);
            sales.push(SaleLine {
                partner: number(self.at),
                day,
                second,
                order,
                line,
                kind: Kind::Sale,
                product,
                customer: None,
                quantity,
                unit_price,
                discount,
                ship_to,
                promotion,
                promised,
                delivered,
            });
        }
        if sales.len() == first {
            return None;
        }
        let paid: i64 = sales[first..].iter().map(SaleLine::net).sum();
        let big = self.world.to_base(self.partner, paid, day) >= BIG_ORDER;
        let known = self.rng.chance(self.channel.identified);
        let customer = if known { self.pool.buyer(&mut self.rng, day, big) } else { None };
        for line in &mut sales[first..] {
            line.customer = customer;
        }
        for at in first..sales.len() {
            self.maybe_return(sales[at]);
        }
        Some(OrderMade { day, customer })
    }

    fn story_order(&mut self, extra: &Extra, day: i64, order: u32, sales: &mut Vec<SaleLine>) -> Option<OrderMade> {
        let at = self.items.iter().position(|item| item.product == extra.product)?;
        let (at, quantity) = self.take_exactly(at, extra.quantity)?;
        let second = 21 * 3600 + 1800 + order % 1200;
        sales.push(SaleLine {
            partner: number(self.at),
            day,
            second,
            order,
            line: 1,
            kind: Kind::Sale,
            product: self.items[at].product,
            customer: None,
            quantity,
            unit_price: self.shelf_price(extra.product, extra.price_factor),
            discount: 0,
            ship_to: extra.ship_to,
            promotion: extra.promotion,
            promised: self.channel.ships.then_some(day + 3),
            delivered: self.channel.ships.then_some(day + 2),
        });
        Some(OrderMade { day, customer: None })
    }

    /// A freight refund on the last day of some months: money without goods that count.
    fn adjust(&mut self, day: i64, date: NaiveDate, order: u32, sales: &mut Vec<SaleLine>) {
        if self.channel.kind != "platform_ecommerce" || date.day() != 28 {
            return;
        }
        sales.push(SaleLine {
            partner: number(self.at),
            day,
            second: 22 * 3600,
            order,
            line: 1,
            kind: Kind::Adjustment,
            product: self.items[0].product,
            customer: None,
            quantity: 1,
            unit_price: -self.rng.between(20, 90) * 100,
            discount: 0,
            ship_to: None,
            promotion: None,
            promised: None,
            delivered: None,
        });
        if self.partner.has_stock {
            self.consume(0, 1);
        }
    }

    fn maybe_return(&mut self, line: SaleLine) {
        if self.rng.chance(self.channel.return_rate) {
            let back = self.rng.between(1, line.quantity);
            let on = line.day + self.rng.between(3, 12);
            let discount = line.discount * back / line.quantity;
            let mut returned = line;
            returned.kind = Kind::Return;
            returned.day = on;
            returned.quantity = -back;
            returned.discount = -discount;
            returned.promotion = None;
            (returned.promised, returned.delivered) = (None, None);
            self.returns.entry(on).or_default().push(returned);
        }
    }

    fn take_back(&mut self, day: i64, sales: &mut Vec<SaleLine>, first: usize) {
        let next = sales[first..].iter().map(|line| line.order + 1).max().unwrap_or(0);
        for (order, mut line) in (next..).zip(self.returns.remove(&day).unwrap_or_default()) {
            line.order = order;
            line.line = 1;
            if self.partner.has_stock
                && let Some(item) = self.items.iter_mut().find(|item| item.product == line.product)
            {
                item.on_hand -= line.quantity;
                item.lots.push_back((day, -line.quantity));
            }
            sales.push(line);
        }
    }

    /// Weekly: order up to what is needed until the goods of the next order arrive.
    fn order(&mut self, day: i64, date: NaiveDate) {
        let ago = self.world.last_day() - day;
        let push = stories::pushed_days(self.at, ago);
        if date.weekday().num_days_from_monday() != self.partner.review_weekday && push == 0.0 {
            return;
        }
        for at in 0..self.items.len() {
            let product = self.items[at].product;
            if stories::blocked(self.at, product, ago) {
                continue;
            }
            let item = &self.items[at];
            let missing = ceil(self.order_level(at, day)) + stories::reserve(self.at, product, ago)
                - item.on_hand
                - item.on_order;
            let pushed = ceil(self.demand(at, day, 28) / 28.0 * push);
            let quantity = missing.max(0) + pushed;
            if quantity > 0 {
                let shipped = day + 1;
                let late = if self.rng.chance(0.08) { 3 } else { 0 };
                let received = shipped + transit(product) + self.rng.between(-1, 1) + late;
                self.items[at].on_order += quantity;
                self.due.entry(received).or_default().push((at, quantity, shipped));
            }
        }
    }

    /// What lies here and comes must last over the way, the week until the next order, and then still one
    /// lead time: so a shelf in order is never short and never overfull.
    fn order_level(&self, at: usize, day: i64) -> f64 {
        let product = &PRODUCTS[usize::from(self.items[at].product)];
        let cover = product.lead_time_days + transit(self.items[at].product) + 8;
        let wanted = self.demand(at, day, cover);
        if wanted <= 0.0 { 0.0 } else { wanted + 0.5 }
    }

    /// Units expected to be sold of item `at` on `days` days after `day`.
    fn demand(&self, at: usize, day: i64, days: i64) -> f64 {
        let launch = self.world.last_day() - stories::LAUNCHED_DAYS_AGO;
        let product = self.items[at].product;
        if product == NEW_PRODUCT && day < launch - 21 {
            return 0.0;
        }
        let before = if at == 0 { 0.0 } else { self.shares[at - 1] };
        let mut share = self.shares[at] - before;
        if product == NEW_PRODUCT && share == 0.0 {
            share = 0.04;
        }
        let (low, high) = self.quantity(at);
        self.expected_lines(day + 1, days) * share * real(low + high) / 2.0
    }

    /// Smallest and largest quantity of a line; dear things are bought one by one.
    fn quantity(&self, at: usize) -> (i64, i64) {
        let (low, high) = self.channel.quantity;
        let dear = PRODUCTS[usize::from(self.items[at].product)].list_price >= DEAR;
        if dear { (low, low + (high - low) / 3) } else { (low, high) }
    }

    fn expected_lines(&self, day: i64, days: i64) -> f64 {
        let last = self.expected.len() - 1;
        let index = |day: i64| usize::try_from(day).unwrap_or(0).min(last);
        self.expected[index(day + days)] - self.expected[index(day)]
    }

    /// What sells changes slowly with the categories, and the new product joins on its day.
    fn refresh_shares(&mut self, date: NaiveDate) {
        let launch = shift(self.world.options.end, -stories::LAUNCHED_DAYS_AGO);
        let fresh = date == launch;
        if self.shares_of == (date.year(), date.month()) && !fresh {
            return;
        }
        self.shares_of = (date.year(), date.month());
        let age = f64::from(i32::try_from((date - self.world.options.end).num_days()).unwrap_or(0)) / 365.25;
        let mut sum = 0.0;
        self.shares.clear();
        for item in &self.items {
            let product = &PRODUCTS[usize::from(item.product)];
            let hidden = item.product == NEW_PRODUCT && date < launch;
            let trend = libm::pow(1.0 + CATEGORIES[product.category].1, age);
            sum += if hidden { 0.0 } else { product.weight * trend };
            self.shares.push(sum);
        }
        for share in &mut self.shares {
            *share /= sum;
        }
    }

    /// Chooses `lines` items and units so that a day is near the expected one: items, which lie in order of
    /// price, in even steps from a drawn start, units in steps of the golden section; then shuffled.
    fn pick(&mut self, lines: i64) {
        self.picks.clear();
        let start = self.rng.unit();
        let mut turn = self.rng.unit();
        for line in 0..lines {
            let at = (start + real(line)) / real(lines);
            let item = self.shares.partition_point(|share| *share <= at).min(self.items.len() - 1);
            turn = (turn + 0.618_033_988_749_895).fract();
            let (low, high) = self.quantity(item);
            self.picks.push((item, low + floor(turn * real(high - low + 1))));
        }
        for at in (1..self.picks.len()).rev() {
            let other = self.rng.below(at + 1);
            self.picks.swap(at, other);
        }
    }

    /// Takes `wanted` units of item `at`, or of the next one that has enough.
    fn take(&mut self, at: usize, wanted: i64) -> Option<(usize, i64)> {
        if !self.partner.has_stock {
            return Some((at, wanted));
        }
        let count = self.items.len();
        let launched = self.shares_of_new() > 0.0;
        let found = (0..count).map(|step| (at + step) % count).find(|at| {
            let item = &self.items[*at];
            item.on_hand >= wanted && (item.product != NEW_PRODUCT || launched)
        })?;
        self.consume(found, wanted);
        Some((found, wanted))
    }

    fn take_exactly(&mut self, at: usize, wanted: i64) -> Option<(usize, i64)> {
        if self.partner.has_stock {
            if self.items[at].on_hand < wanted {
                return None;
            }
            self.consume(at, wanted);
        }
        Some((at, wanted))
    }

    fn shares_of_new(&self) -> f64 {
        let Some(at) = self.items.iter().position(|item| item.product == NEW_PRODUCT) else { return 0.0 };
        self.shares[at] - if at == 0 { 0.0 } else { self.shares[at - 1] }
    }

    fn consume(&mut self, at: usize, quantity: i64) {
        let item = &mut self.items[at];
        item.on_hand -= quantity;
        let mut rest = quantity;
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
    }

    /// Shelf price in the partner's currency, to the tenth.
    fn shelf_price(&mut self, product: u16, price_factor: f64) -> i64 {
        let list = real(PRODUCTS[usize::from(product)].list_price);
        let level = self.channel.price_level * price_factor * self.rng.within(0.995, 1.005);
        let price = list * level / if self.partner.in_dollars { super::DOLLAR } else { 1.0 };
        round(price / 10.0) * 10
    }

    fn ship_to(&mut self) -> Option<u8> {
        if !self.channel.ships {
            return None;
        }
        if !self.partner.territory.is_empty() {
            return Some(*self.rng.pick(&self.partner.territory));
        }
        let total: f64 = REGIONS.iter().map(|region| region.buyers).sum();
        let mut at = self.rng.unit() * total;
        for (position, region) in (0u8..).zip(&REGIONS) {
            if at < region.buyers {
                return Some(position);
            }
            at -= region.buyers;
        }
        None
    }

    fn delivery(&mut self, day: i64) -> (Option<i64>, Option<i64>) {
        if !self.channel.ships {
            return (None, None);
        }
        let days = if self.rng.chance(0.92) { self.rng.between(1, 3) } else { self.rng.between(4, 6) };
        (Some(day + 3), Some(day + days))
    }
}

/// Something was on the shelf once: an empty shelf is reported as 0.
fn sold(item: &Item) -> bool {
    item.product != NEW_PRODUCT
}

/// Days on the road.
fn transit(product: u16) -> i64 {
    PRODUCTS[usize::from(product)].lead_time_days / 2
}

fn number(at: usize) -> u16 {
    u16::try_from(at).expect("fewer than 65,536 partners")
}

#[expect(clippy::cast_precision_loss, reason = "counts and cents are far below 2^53")]
fn real(count: i64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, reason = "small positive numbers")]
fn floor(value: f64) -> i64 {
    value.floor() as i64
}

#[expect(clippy::cast_possible_truncation, reason = "small positive numbers")]
fn ceil(value: f64) -> i64 {
    value.ceil() as i64
}

#[expect(clippy::cast_possible_truncation, reason = "prices and discounts are small")]
fn round(value: f64) -> i64 {
    value.round() as i64
}

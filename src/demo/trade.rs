//! One partner's business, day by day: goods come in, are sold, come back, are ordered again.
//! Sales never exceed stock, so that counts, shipments and sales roll forward to the unit.

use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::{Datelike, NaiveDate};

use super::World;
use super::company::{CHANNELS, Channel, PRODUCTS, REGIONS};
use super::customers::{Customer, CustomerRef, Pool};
use super::demand::Demand;
use super::partners::Partner;
use super::random::Stream;
use super::stock::{Count, Receipt, Stock, transit};
use super::stories::{self, Extra};
use super::whole::{ceil, floor, real, round};

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

/// An order, for the feeds that speak about orders.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OrderMade {
    pub(crate) day: i64,
    pub(crate) customer: Option<CustomerRef>,
}

/// A partner at work.
pub(crate) struct Trade<'a> {
    world: &'a World,
    pub(crate) at: usize,
    partner: &'a Partner,
    channel: &'static Channel,
    rng: Stream,
    pool: Pool,
    stock: Stock,
    demand: Demand,
    carry: f64,
    returns: BTreeMap<i64, Vec<SaleLine>>,
    extras: Vec<Extra>,
    /// Wanted today: item and units.
    picks: Vec<(usize, i64)>,
}

/// An order of at least this much (fen) is a large one.
const BIG_ORDER: i64 = 33_000;
impl<'a> Trade<'a> {
    /// The partner at position `at`, with the stock it starts with.
    pub(crate) fn new(world: &'a World, at: usize, core: &Rc<Vec<Customer>>) -> Self {
        let partner = &world.partners[at];
        let channel = &CHANNELS[partner.channel];
        let mut kept = partner.assortment.clone();
        kept.sort_by_key(|product| (PRODUCTS[usize::from(*product)].list_price, *product));
        let number = u16::try_from(at).expect("fewer than 65,536 partners");
        let mut trade = Self {
            world,
            at,
            partner,
            channel,
            rng: Stream::new(world.options.seed, &["trade", &partner.id]),
            pool: Pool::new(world, at, core),
            stock: Stock::new(partner.has_stock, number, &kept),
            demand: Demand::new(world, partner, kept),
            carry: 0.0,
            returns: BTreeMap::new(),
            extras: Vec::new(),
            picks: Vec::new(),
        };
        trade.open();
        trade
    }

    /// Stock of the day before the first.
    fn open(&mut self) {
        for at in 0..self.stock.items.len() {
            let first = ceil(self.demand.order_level(at, 0) * self.rng.within(0.75, 0.95));
            let age = self.rng.between(3, 25);
            self.stock.add(at, first, -age);
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
        self.demand.turn_to(date);
        self.stock.receive(day, receipts);
        let first = sales.len();
        self.sell(day, date, sales, orders);
        self.take_back(day, sales, first);
        if self.partner.has_stock {
            self.order(day, date);
        }
    }

    /// What lies on the shelves tonight.
    pub(crate) fn counts(&self, counts: &mut Vec<Count>) {
        self.stock.counts(counts);
    }

    fn sell(&mut self, day: i64, date: NaiveDate, sales: &mut Vec<SaleLine>, orders: &mut Vec<OrderMade>) {
        let ago = self.world.last_day() - day;
        let plain = self.demand.lines(day, 1) * stories::volume(self.partner.channel, ago);
        self.carry += plain * self.rng.within(0.95, 1.05);
        let lines = floor(self.carry);
        self.carry -= real(lines);
        self.demand.pick(lines, &mut self.rng, &mut self.picks);
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
            let (quantity, new_is_sold) = (*wanted, self.demand.new_is_sold());
            let Some(at) = self.stock.take(*pick, quantity, new_is_sold) else { continue };
            let product = self.stock.items[at].product;
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
                partner: self.number(),
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
        for line in &sales[first..] {
            self.maybe_return(*line);
        }
        Some(OrderMade { day, customer })
    }

    fn story_order(&mut self, extra: &Extra, day: i64, order: u32, sales: &mut Vec<SaleLine>) -> Option<OrderMade> {
        let (at, quantity) = (self.stock.position(extra.product)?, extra.quantity);
        if !self.stock.take_exactly(at, quantity) {
            return None;
        }
        let second = 21 * 3600 + 1800 + order % 1200;
        sales.push(SaleLine {
            partner: self.number(),
            day,
            second,
            order,
            line: 1,
            kind: Kind::Sale,
            product: extra.product,
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

    /// A platform's monthly correction: one unit at a negative price.
    fn adjust(&mut self, day: i64, date: NaiveDate, order: u32, sales: &mut Vec<SaleLine>) {
        if self.channel.kind != "platform_ecommerce" || date.day() != 28 {
            return;
        }
        let Some(at) = self.stock.take(0, 1, false) else { return };
        sales.push(SaleLine {
            partner: self.number(),
            day,
            second: 22 * 3600,
            order,
            line: 1,
            kind: Kind::Adjustment,
            product: self.stock.items[at].product,
            customer: None,
            quantity: 1,
            unit_price: -self.rng.between(20, 90) * 100,
            discount: 0,
            ship_to: None,
            promotion: None,
            promised: None,
            delivered: None,
        });
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
            if let Some(at) = self.stock.position(line.product) {
                self.stock.add(at, -line.quantity, day);
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
        for at in 0..self.stock.items.len() {
            let item = &self.stock.items[at];
            let product = item.product;
            if stories::blocked(self.at, product, ago) {
                continue;
            }
            let wanted = ceil(self.demand.order_level(at, day)) + stories::reserve(self.at, product, ago);
            let pushed = ceil(self.demand.units(at, day, 28) / 28.0 * push);
            let quantity = (wanted - item.on_hand - item.on_order).max(0) + pushed;
            if quantity > 0 {
                let shipped = day + 1;
                let late = if self.rng.chance(0.08) { 3 } else { 0 };
                let received = shipped + transit(product) + self.rng.between(-1, 1) + late;
                self.stock.send(at, quantity, shipped, received);
            }
        }
    }

    fn number(&self) -> u16 {
        u16::try_from(self.at).expect("fewer than 65,536 partners")
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

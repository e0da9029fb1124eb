//! What one partner is expected to sell: lines by day from season, trend and festivals, and the mix
//! of products, which shifts slowly between the categories.

use chrono::{Datelike, NaiveDate};

use super::World;
use super::calendar::{factor, shift};
use super::company::{CATEGORIES, CHANNELS, Channel, NEW_PRODUCT, PRODUCTS};
use super::partners::Partner;
use super::random::Stream;
use super::stock::transit;
use super::stories::LAUNCHED_DAYS_AGO;
use super::whole::{floor, real};

/// Days that ordering looks ahead of the last day.
const HORIZON: i64 = 90;
/// A product of at least this list price (fen) is dear.
const DEAR: i64 = 40_000;

/// The expectations of one partner.
pub(crate) struct Demand {
    channel: &'static Channel,
    /// Products in order of price.
    products: Vec<u16>,
    /// Expected lines of all days before a day.
    before: Vec<f64>,
    /// Share of lines up to and with each product, for the present month.
    shares: Vec<f64>,
    month: (i32, u32),
    end: NaiveDate,
    launch: NaiveDate,
    launch_day: i64,
}

impl Demand {
    /// The expectations of `partner` for `products`, on the first day.
    pub(crate) fn new(world: &World, partner: &Partner, products: Vec<u16>) -> Self {
        let channel = &CHANNELS[partner.channel];
        let mut before = vec![0.0];
        for day in 0..=world.last_day() + HORIZON {
            let age = years(day - world.last_day());
            let season = factor(channel.rhythm, world.date(day));
            let lines = partner.rows_per_day * libm::pow(1.0 + partner.growth, age) * season;
            before.push(before.last().copied().unwrap_or(0.0) + lines);
        }
        let end = world.options.end;
        let mut demand = Self {
            channel,
            products,
            before,
            shares: Vec::new(),
            month: (0, 0),
            end,
            launch: shift(end, -LAUNCHED_DAYS_AGO),
            launch_day: world.last_day() - LAUNCHED_DAYS_AGO,
        };
        demand.turn_to(world.start);
        demand
    }

    /// Lines expected on `days` days from `day` on.
    pub(crate) fn lines(&self, day: i64, days: i64) -> f64 {
        let last = self.before.len() - 1;
        let index = |day: i64| usize::try_from(day).unwrap_or(0).min(last);
        self.before[index(day + days)] - self.before[index(day)]
    }

    /// What sells changes with every month, and the new product joins on its day.
    pub(crate) fn turn_to(&mut self, date: NaiveDate) {
        if self.month == (date.year(), date.month()) && date != self.launch {
            return;
        }
        self.month = (date.year(), date.month());
        let age = years((date - self.end).num_days());
        let mut sum = 0.0;
        self.shares.clear();
        for at in &self.products {
            let product = &PRODUCTS[usize::from(*at)];
            let hidden = *at == NEW_PRODUCT && date < self.launch;
            let trend = libm::pow(1.0 + CATEGORIES[product.category].1, age);
            sum += if hidden { 0.0 } else { product.weight * trend };
            self.shares.push(sum);
        }
        for share in &mut self.shares {
            *share /= sum;
        }
    }

    /// The new product has been launched.
    pub(crate) fn new_is_sold(&self) -> bool {
        self.products.iter().position(|product| *product == NEW_PRODUCT).is_some_and(|at| self.share(at) > 0.0)
    }

    fn share(&self, at: usize) -> f64 {
        self.shares[at] - if at == 0 { 0.0 } else { self.shares[at - 1] }
    }

    /// What lies here and comes must last over the way, the week until the next order, and then still one
    /// lead time: so a shelf in order is never short and never overfull.
    pub(crate) fn order_level(&self, at: usize, day: i64) -> f64 {
        let product = self.products[at];
        let cover = PRODUCTS[usize::from(product)].lead_time_days + transit(product) + 8;
        let wanted = self.units(at, day, cover);
        if wanted <= 0.0 { 0.0 } else { wanted + 0.5 }
    }

    /// Units expected to be sold of product `at` on `days` days after `day`.
    pub(crate) fn units(&self, at: usize, day: i64, days: i64) -> f64 {
        let is_new = self.products[at] == NEW_PRODUCT;
        if is_new && day < self.launch_day - 21 {
            return 0.0;
        }
        let share = if is_new && !self.new_is_sold() { 0.04 } else { self.share(at) };
        let (low, high) = self.quantity(at);
        self.lines(day + 1, days) * share * real(low + high) / 2.0
    }

    /// Smallest and largest quantity of a line; dear things are bought one by one.
    fn quantity(&self, at: usize) -> (i64, i64) {
        let (low, high) = self.channel.quantity;
        let dear = PRODUCTS[usize::from(self.products[at])].list_price >= DEAR;
        if dear { (low, low + (high - low) / 3) } else { (low, high) }
    }

    /// Chooses items and units of `lines` lines so that a day is near the expected one: items, which lie in
    /// order of price, in even steps from a drawn start, units in steps of the golden section; then shuffled.
    pub(crate) fn pick(&self, lines: i64, rng: &mut Stream, picks: &mut Vec<(usize, i64)>) {
        picks.clear();
        let start = rng.unit();
        let mut turn = rng.unit();
        for line in 0..lines {
            let at = (start + real(line)) / real(lines);
            let item = self.shares.partition_point(|share| *share <= at).min(self.products.len() - 1);
            turn = (turn + 0.618_033_988_749_895).fract();
            let (low, high) = self.quantity(item);
            picks.push((item, low + floor(turn * real(high - low + 1))));
        }
        for at in (1..picks.len()).rev() {
            let other = rng.below(at + 1);
            picks.swap(at, other);
        }
    }
}

fn years(days: i64) -> f64 {
    real(days) / 365.25
}

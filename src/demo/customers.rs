//! Who buys: the regulars and the rare, the near and the lapsed, big spenders and small ones, so
//! that every cell of recency, frequency and money has somebody in it.

use std::rc::Rc;

use super::World;
use super::company::CHANNELS;
use super::partners::CORE;
use super::random::Stream;

/// Points to one customer: the partner that first won them and a serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CustomerRef {
    pub(crate) home: u16,
    pub(crate) serial: u32,
}

impl CustomerRef {
    /// The customer's number as partners and head office write it.
    pub(crate) fn id(self) -> String {
        format!("M{:03}{:05}", self.home + 1, self.serial + 1)
    }
}

/// How one customer buys. Days count from the first day of the demo.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Customer {
    pub(crate) me: CustomerRef,
    /// Buys large orders.
    pub(crate) big: bool,
    /// Buys often.
    pub(crate) regular: bool,
    /// First and last day of buying.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Another partner where the customer buys as well.
    pub(crate) second: Option<u16>,
}

/// Orders of a year that an average identified customer makes.
const ORDERS_A_YEAR: f64 = 22.0;
/// Lines of an average order.
const LINES_PER_ORDER: f64 = 1.34;

/// (share of customers, buys often, large orders, lapsed)
const KINDS: [(f64, bool, bool, bool); 8] = [
    (0.12, true, true, false),
    (0.12, true, false, false),
    (0.05, true, true, true),
    (0.05, true, false, true),
    (0.15, false, true, false),
    (0.19, false, false, false),
    (0.14, false, true, true),
    (0.18, false, false, true),
];

/// The customers that `home` won, always the same for the same seed, partner and volume.
pub(crate) fn customers(world: &World, home: usize) -> Vec<Customer> {
    let partner = &world.partners[home];
    let orders = partner.rows_per_day * 365.0 * CHANNELS[partner.channel].identified / LINES_PER_ORDER;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a head count")]
    let count = (orders / ORDERS_A_YEAR).ceil().max(8.0) as u32;
    let mut rng = Stream::new(world.options.seed, &["customers", &partner.id]);
    let end = world.last_day();
    (0..count)
        .map(|serial| {
            let (regular, big, lapsed) = kind(&mut rng);
            // Regulars lapse late enough to have a full year of orders behind them.
            let to = match (lapsed, regular) {
                (true, true) => end - rng.between(100, 160),
                (true, false) => end - rng.between(100, 330),
                (false, _) => end,
            };
            let joins_later = !lapsed && rng.chance(0.25);
            let from = if joins_later { rng.between(0, (end - 20).max(0)) } else { 0 };
            let other = rng.below(CORE);
            let second = (home < CORE && other != home && rng.chance(0.25)).then(|| other.try_into().unwrap_or(0));
            let home = u16::try_from(home).expect("fewer than 65,536 partners");
            Customer { me: CustomerRef { home, serial }, big, regular, from, to, second }
        })
        .collect()
}

fn kind(rng: &mut Stream) -> (bool, bool, bool) {
    let mut at = rng.unit();
    for (share, regular, big, lapsed) in KINDS {
        if at < share {
            return (regular, big, lapsed);
        }
        at -= share;
    }
    (false, false, false)
}

/// A customer with the weights of all before it added up.
struct Seat {
    upto: f64,
    customer: CustomerRef,
    from: i64,
    to: i64,
}

/// The customers that may appear at one partner's counter.
pub(crate) struct Pool {
    big: Vec<Seat>,
    small: Vec<Seat>,
}

impl Pool {
    /// The pool of `partner`: its own customers and those of the core who also buy here.
    pub(crate) fn new(world: &World, partner: usize, core: &Rc<Vec<Customer>>) -> Self {
        let mut pool = Self { big: Vec::new(), small: Vec::new() };
        for customer in &customers(world, partner) {
            pool.seat(customer, 1.0);
        }
        for customer in core.iter().filter(|customer| customer.second.map(usize::from) == Some(partner)) {
            pool.seat(customer, 0.35);
        }
        pool
    }

    fn seat(&mut self, customer: &Customer, factor: f64) {
        let seats = if customer.big { &mut self.big } else { &mut self.small };
        let before = seats.last().map_or(0.0, |seat| seat.upto);
        let weight = if customer.regular { 7.0 } else { 0.8 } * factor;
        seats.push(Seat { upto: before + weight, customer: customer.me, from: customer.from, to: customer.to });
    }

    /// Who makes an order on `day`; nobody known when the drawn ones do not buy that day.
    pub(crate) fn buyer(&self, rng: &mut Stream, day: i64, big_order: bool) -> Option<CustomerRef> {
        let usual = rng.chance(0.92);
        let seats = if big_order == usual { &self.big } else { &self.small };
        let total = seats.last()?.upto;
        for _ in 0..6 {
            let at = rng.unit() * total;
            let seat = &seats[seats.partition_point(|seat| seat.upto <= at).min(seats.len() - 1)];
            if seat.from <= day && day <= seat.to {
                return Some(seat.customer);
            }
        }
        None
    }
}

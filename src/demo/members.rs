//! The member list that head office keeps: who the customers are, as opposed to how they buy.

use super::World;
use super::calendar::shift;
use super::company::{CUSTOMER_MANAGERS, REGIONS};
use super::customers::{Customer, CustomerRef, customers};
use super::partners::Partner;
use super::random::Stream;
use super::text::Table;

/// Who looks after a customer.
pub(crate) fn manager(customer: &Customer) -> Option<&'static str> {
    let at = customer.me.serial as usize % CUSTOMER_MANAGERS.len();
    (customer.big && customer.regular).then(|| CUSTOMER_MANAGERS[at])
}

/// Everybody who had joined by a day.
pub(crate) fn all(world: &World, upto: i64) -> Table {
    let mut table =
        Table::new("customer_id,joined_on,birth_date,gender,income_band,region,referred_by,manager,contact_allowed");
    for home in 0..world.partners.len() {
        let partner = &world.partners[home];
        let mut rng = Stream::new(world.options.seed, &["members", &partner.id]);
        for customer in customers(world, home) {
            let row = customer_row(world, partner, &customer, &mut rng);
            if customer.from <= upto {
                table.row(&row);
            }
        }
    }
    table
}

fn customer_row(world: &World, partner: &Partner, customer: &Customer, rng: &mut Stream) -> [String; 9] {
    let joined = if customer.from > 0 { customer.from } else { -rng.between(1, 1400) };
    let born = shift(world.options.end, -rng.between(19 * 365, 68 * 365));
    let region = if partner.territory.is_empty() {
        REGIONS[rng.below(REGIONS.len())].id
    } else {
        REGIONS[usize::from(*rng.pick(&partner.territory))].id
    };
    let serial = customer.me.serial;
    let friend = CustomerRef { serial: u32::try_from(rng.below(serial as usize)).unwrap_or(0), ..customer.me };
    let referred = serial > 0 && rng.chance(0.12);
    let birth_known = rng.chance(0.9);
    [
        customer.me.id(),
        world.date(joined).to_string(),
        if birth_known { born.to_string() } else { String::new() },
        (*rng.pick(&["F", "F", "M", "F", "M", ""])).into(),
        (*rng.pick(&["low", "middle", "middle", "high", ""])).into(),
        region.into(),
        if referred { friend.id() } else { String::new() },
        manager(customer).unwrap_or_default().into(),
        rng.chance(0.85).to_string(),
    ]
}

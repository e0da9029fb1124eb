//! Sales of the demo company's goods as plain CSV in the contract's own columns, as many as one likes: what the intake is
//! measured with. No story is planted in them; the same arguments give the same bytes on every machine.

use std::io::{self, Write};

use chrono::NaiveDate;

use super::company::{CHANNELS, PRODUCTS, REGIONS};
use super::partners::{Partner, partners};
use super::random::Stream;

const HEADER: &str = "partner_id,order_id,line_no,channel_id,sold_at,customer_id,sku,quantity,unit_price,discount_amount,\
                      currency,ship_to_region,sale_type";
/// Customers of the whole company.
const CUSTOMERS: i64 = 300_000;
/// Of a faulty file, every so many rows one is wrong.
const FAULT_EVERY: u64 = 100;

/// The partners whose sales are written.
pub struct PlainSales {
    seed: u64,
    partners: Vec<Partner>,
}

impl PlainSales {
    /// A company of `count` partners, from 17 on.
    pub fn new(seed: u64, count: usize) -> Self {
        Self { seed, partners: partners(seed, count, 1.0) }
    }

    /// Writes the file number `at` (its partner's by turns) of `date`, with so many rows. In a faulty one every hundredth
    /// row has a quantity or a time that is none.
    pub fn write(&self, out: &mut impl Write, at: usize, date: NaiveDate, rows: u64, faulty: bool) -> io::Result<()> {
        let partner = &self.partners[at % self.partners.len()];
        let channel = &CHANNELS[partner.channel];
        let mut rng = Stream::new(self.seed, &["plain sales", &at.to_string()]);
        writeln!(out, "{HEADER}")?;
        for row in 0..rows {
            let product = &PRODUCTS[usize::from(*rng.pick(&partner.assortment))];
            let price = rng.between(product.floor_price(), product.list_price);
            let quantity = rng.between(channel.quantity.0, channel.quantity.1);
            let (order, line) = (row / 2 + 1, row % 2 + 1);
            let (hour, minute, second) = (row / 3600 % 24, row / 60 % 60, row % 60);
            let fault = (faulty && row % FAULT_EVERY == FAULT_EVERY - 1).then_some(row / FAULT_EVERY % 2);
            write!(out, "{},{date}-{at}-{order},{line},{},{date} ", partner.id, channel.id)?;
            match fault {
                Some(1) => write!(out, "25:61:00")?,
                _ => write!(out, "{hour:02}:{minute:02}:{second:02}")?,
            }
            let (customer, region) = (rng.between(1, CUSTOMERS), rng.pick(&REGIONS).name);
            write!(out, ",C{customer:06},{},{quantity}", product.sku)?;
            if fault == Some(0) {
                write!(out, "x")?;
            }
            writeln!(out, ",{}.{:02},0.00,CNY,{region},sale", price / 100, price % 100)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_again_and_no_other() {
        let company = PlainSales::new(7, 200);
        let date = NaiveDate::from_ymd_opt(2026, 11, 22).expect("a date");
        let file = |at, rows, faulty| {
            let mut out = Vec::new();
            company.write(&mut out, at, date, rows, faulty).expect("written");
            String::from_utf8(out).expect("text")
        };
        let whole = file(3, 1000, false);
        assert_eq!(whole, file(3, 1000, false));
        assert_ne!(whole, file(4, 1000, false));
        assert!(whole.starts_with(&file(3, 40, false)), "a longer file begins like a shorter one");
        assert_eq!(whole.lines().count(), 1001);
        assert!(whole.lines().all(|line| line.split(',').count() == 13), "{whole}");
        let faulty = file(3, 1000, true);
        let wrong: Vec<(&str, &str)> = whole.lines().zip(faulty.lines()).filter(|(good, bad)| good != bad).collect();
        assert_eq!(wrong.len(), 10);
        assert_eq!(wrong.iter().filter(|(_, bad)| bad.contains(" 25:61:00,")).count(), 5);
        assert_eq!(wrong.iter().filter(|(_, bad)| bad.contains("x,")).count(), 5);
    }
}

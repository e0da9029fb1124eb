//! A company of two partners and a head office, small enough that a night takes a moment, with figures
//! that a test can add up by itself.

use chrono::{Datelike, Days, NaiveDate};

/// First business date with sales.
pub const FIRST_DAY: &str = "2026-09-01";
/// The distributor, who reports sales, stock and receipts.
pub const DISTRIBUTOR: &str = "p01";
/// The livestream room, who reports sales.
pub const ROOM: &str = "p02";

/// What the head office delivers once: file below its folder and text.
pub const REFERENCES: &[(&str, &str)] = &[
    (
        "hq/channels/2026-08-31.csv",
        "channel_id,name,channel_type,manager\n\
         ch_dist,华东分销,distributor,dist@test.example\n\
         ch_live,直播间,livestream,live@test.example\n",
    ),
    (
        "hq/partners/2026-08-31.csv",
        "partner_id,name,channel_id,cooperation_mode,territory,status,joined_on,manager\n\
         p01,华东总经销,ch_dist,distribution,Shanghai;Jiangsu,active,2024-03-01,east@test.example\n\
         p02,星光直播间,ch_live,agency,,active,2025-05-10,live@test.example\n",
    ),
    (
        "hq/products/2026-08-31.csv",
        "sku,name,category,list_price,floor_price,unit_cost,lead_time_days,launched_on\n\
         00017,Green tea,tea,50.00,40.00,20.0000,14,2024-01-01\n\
         00018,Black tea,tea,60.00,48.00,25.5000,14,2024-01-01\n\
         A-100,Tea pot,ware,200.00,160.00,90.0000,30,2024-01-01\n\
         A-200,Tea cup,ware,25.00,20.00,8.2500,30,2024-01-01\n",
    ),
    (
        "hq/customers/2026-08-31.csv",
        "customer_id,joined_on,region,contact_allowed\n\
         c1,2025-01-01,Shanghai,true\nc2,2025-02-01,Jiangsu,true\nc3,2025-03-01,Shanghai,false\n",
    ),
];

/// The senders' mappings.
pub const SENDERS: &[(&str, &str)] = &[
    ("hq", "name = \"Head office\"\n[feeds.channels]\n[feeds.partners]\n[feeds.products]\n[feeds.customers]\n"),
    (
        "p01",
        "name = \"华东总经销\"\n\
         [feeds.sales]\nexpected = { by = \"06:00\", days = \"all\", lag_days = 1, grace_minutes = 15, from = \"2026-11-01\" }\n\
         [feeds.sales.columns]\npartner_id = { constant = \"p01\" }\nchannel_id = { constant = \"ch_dist\" }\n\
         [feeds.inventory]\n[feeds.inventory.columns]\npartner_id = { constant = \"p01\" }\n\
         [feeds.shipments]\n[feeds.shipments.columns]\npartner_id = { constant = \"p01\" }\n",
    ),
    (
        "p02",
        "name = \"星光直播间\"\n\
         [feeds.sales]\nexpected = { by = \"06:00\", days = \"all\", lag_days = 1, grace_minutes = 15, from = \"2026-11-01\" }\n\
         [feeds.sales.columns]\npartner_id = { constant = \"p02\" }\nchannel_id = { constant = \"ch_live\" }\n",
    ),
];

/// Prices and skus that the generated lines go round.
const GOODS: [(&str, i64); 4] = [("00017", 4800), ("00018", 5900), ("A-100", 19000), ("A-200", 2400)];
/// Lines a partner sells a day.
const LINES: u32 = 6;

/// One generated sales line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Order.
    pub order_id: String,
    /// Place in the order.
    pub position: u32,
    /// Buyer.
    pub customer_id: &'static str,
    /// Product.
    pub sku: &'static str,
    /// Pieces; negative for a return.
    pub quantity: i64,
    /// Price in cents.
    pub price: i64,
    /// Discount of the line in cents.
    pub discount: i64,
}

impl Line {
    /// Net amount in cents.
    pub fn net(&self) -> i64 {
        self.quantity * self.price - self.discount
    }
}

/// A partner's lines of one day; `extra` more pieces on the first line make a corrected version.
pub fn lines(partner: &str, day: NaiveDate, extra: i64) -> Vec<Line> {
    let seed = day.num_days_from_ce().unsigned_abs() + u32::from(partner == ROOM) * 3;
    (0..LINES)
        .map(|at| {
            let (sku, price) = GOODS[((seed + at * 7) % 4) as usize];
            let returned = (seed + at).is_multiple_of(11);
            let pieces = i64::from((seed * 3 + at * 5) % 4) + 1;
            Line {
                order_id: format!("{partner}-{day}-{}", at / 2 + 1),
                position: at % 2 + 1,
                customer_id: ["c1", "c2", "c3"][((seed + at / 2) % 3) as usize],
                sku,
                quantity: if returned { -pieces } else { pieces } + if at == 0 { extra } else { 0 },
                price,
                discount: if returned { 0 } else { i64::from((seed + at) % 3) * 100 },
            }
        })
        .filter(|line| line.quantity != 0)
        .collect()
}

/// Every day from `first` to `last`.
pub fn days(first: NaiveDate, last: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    first.iter_days().take_while(move |day| *day <= last)
}

/// A `YYYY-MM-DD` date.
pub fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date as YYYY-MM-DD")
}

/// A sales file over the given days.
pub fn sales_file(partner: &str, days: impl Iterator<Item = NaiveDate>, extra: i64) -> String {
    let mut text = String::from(
        "order_id,line_no,sold_at,customer_id,sku,quantity,unit_price,discount_amount,currency,ship_to_region,sale_type\n",
    );
    for day in days {
        for line in lines(partner, day, extra) {
            let kind = if line.quantity < 0 { "return" } else { "sale" };
            text.push_str(&format!(
                "{},{},{day} 10:{:02}:00,{},{},{},{},{},CNY,Shanghai,{kind}\n",
                line.order_id,
                line.position,
                line.position,
                line.customer_id,
                line.sku,
                line.quantity,
                money(line.price),
                money(line.discount)
            ));
        }
    }
    text
}

/// A stock file of one day.
pub fn inventory_file(day: NaiveDate) -> String {
    let mut text = String::from("sku,counted_on,on_hand_quantity,on_order_quantity,unit_cost\n");
    for ((sku, price), step) in GOODS.iter().zip(1..) {
        let on_hand = 60 + 40 * step + day.day() % 7;
        text.push_str(&format!("{sku},{day},{on_hand},0,{}\n", money(price / 2)));
    }
    text
}

/// A receipts file of one day.
pub fn shipments_file(day: NaiveDate) -> String {
    let shipped = day - Days::new(3);
    let mut text =
        String::from("shipment_id,line_no,sku,shipped_on,promised_on,received_on,quantity,unit_price,currency\n");
    for (at, (sku, price)) in GOODS.iter().enumerate() {
        text.push_str(&format!("S{day},{},{sku},{shipped},{day},{day},20,{},CNY\n", at + 1, money(price / 2)));
    }
    text
}

/// Cents as a decimal text.
pub fn money(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

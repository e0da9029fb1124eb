//! Companies in which hardly anything happens: customers, channels, partners and whole months that fall silent, seen on
//! the first and last days of months, quarters and years. Every night publishes: no series may end with its events.
//!
//! `TRIBUTARY_QUIET_COMPANIES` tries more companies than a test run has time for.

use std::fmt::Write;

use chrono::{Days, NaiveDate};

use crate::support::company::date;
use crate::support::world::World;

const COMPANIES: u64 = 2;

/// Nights on which periods begin and end.
const NIGHTS: [&str; 12] = [
    "2026-01-01",
    "2026-01-31",
    "2026-02-28",
    "2026-03-01",
    "2026-03-31",
    "2026-04-01",
    "2026-06-30",
    "2026-10-01",
    "2026-10-31",
    "2026-11-01",
    "2026-12-31",
    "2026-11-22",
];

/// Numbers that look random and are the same every time (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        let at = self.below(choices.len() as u64);
        choices[usize::try_from(at).expect("a place in a short list")]
    }

    /// One of the days before a night; half of them on its eve or on the edge of a month.
    fn day(&mut self, night: NaiveDate, back: u64) -> NaiveDate {
        let day = night - Days::new(self.below(back));
        match self.below(4) {
            0 => night - Days::new(self.below(2)),
            1 => day - Days::new(u64::from(chrono::Datelike::day0(&day))),
            _ => day,
        }
    }
}

/// Sends a feed as one file of head office.
fn send(world: &World, feed: &str, night: NaiveDate, header: &str, rows: &str) {
    if !rows.is_empty() {
        world.deliver(&format!("hq/{feed}/{night}.csv"), format!("{header}\n{rows}"), night);
    }
}

/// A company drawn by the dice, in an inbox.
fn company(dice: &mut Dice, night: NaiveDate) -> World {
    let world = World::new(&["*"]);
    std::fs::remove_dir_all(world.path("jobs/senders")).expect("the senders of the small company");
    let mut sender = "name = \"Head office\"\n".to_string();
    let events = ["sales", "inventory", "shipments", "complaints", "surveys", "market_notes", "contacts"];
    for feed in events {
        write!(sender, "[feeds.{feed}]\nperiod = \"rows\"\nwindow_days_back = 2000\nwindow_days_ahead = 60\n")
            .expect("a text takes it");
    }
    for feed in ["channels", "partners", "products", "customers", "targets", "fx_rates", "rebate_plans", "calendar"] {
        writeln!(sender, "[feeds.{feed}]").expect("a text takes it");
    }
    world.write("jobs/senders/hq.toml", &sender);
    references(dice, &world, night);
    trade(dice, &world, night);
    voices(dice, &world, night);
    world
}

const CHANNELS: [&str; 3] = ["c1", "c2", "c3"];
const PARTNERS: [&str; 3] = ["P1", "P2", "P3"];
const ARTICLES: [&str; 3] = ["A100", "A200", "A300"];
/// Most buyers are nobody.
const CUSTOMERS: [&str; 5] = ["", "", "C1", "C2", "C3"];

fn references(dice: &mut Dice, world: &World, night: NaiveDate) {
    let kinds = ["direct,distributor", "distribution,distributor", "agency,agent"];
    let channels =
        ["c1,Web,platform_ecommerce,a@b.example", "c2,Trade,distributor,a@b.example", "c3,Agents,agent,a@b.example"];
    send(world, "channels", night, "channel_id,name,channel_type,manager", &format!("{}\n", channels.join("\n")));
    let mut rows = String::new();
    for (partner, channel) in PARTNERS.iter().zip(CHANNELS) {
        let mode = dice.of(&kinds).split(',').next().expect("a mode");
        let (status, ended) = match dice.below(4) {
            0 => ("ended", dice.day(night, 300).to_string()),
            _ => ("active", String::new()),
        };
        let joined = dice.day(night, 700);
        writeln!(rows, "{partner},{partner},{channel},{mode},north,{status},{joined},{ended},a@b.example")
            .expect("a text takes it");
    }
    let header = "partner_id,name,channel_id,cooperation_mode,territory,status,joined_on,ended_on,manager";
    send(world, "partners", night, header, &rows);
    let mut rows = String::new();
    for sku in ARTICLES {
        let (price, cost) = (dice.of(&["20", ""]), dice.of(&["8", ""]));
        writeln!(rows, "{sku},{sku},tea,{price},{cost},{}", dice.day(night, 400)).expect("a text takes it");
    }
    send(world, "products", night, "sku,name,category,list_price,unit_cost,launched_on", &rows);
    if dice.below(3) > 0 {
        let mut rows = String::new();
        for customer in &CUSTOMERS[2..] {
            let joined = dice.day(night, 500).to_string();
            writeln!(rows, "{customer},{},{}", dice.of(&[joined.as_str(), ""]), dice.of(&["true", "false", ""]))
                .expect("a text takes it");
        }
        send(world, "customers", night, "customer_id,joined_on,contact_allowed", &rows);
    }
    if dice.below(2) == 0 {
        let period = |day: NaiveDate| day.format("%Y-%m").to_string();
        let mut rows = String::new();
        for channel in CHANNELS {
            writeln!(rows, "channel,{channel},{},net_sales,100", period(dice.day(night, 400)))
                .expect("a text takes it");
        }
        send(world, "targets", night, "scope,scope_id,period,metric,target", &rows);
    }
    if dice.below(2) == 0 {
        let rows = format!("{},USD,7\n{},USD,7.1\n", dice.day(night, 400), dice.day(night, 400));
        send(world, "fx_rates", night, "rate_date,currency,rate_to_base", &rows);
    }
    if dice.below(2) == 0 {
        let (period, basis) = (dice.of(&["month", "quarter", "year"]), dice.of(&["sell_in", "sell_out"]));
        let rows = format!("R1,1,total,total,{period},{basis},money,marginal,10,0.02,2024-01-01,2027-12-31\n");
        let header =
            "plan_id,tier_no,scope,scope_id,period_type,basis,metric,method,from_value,rate,valid_from,valid_to";
        send(world, "rebate_plans", night, header, &rows);
    }
    if dice.below(2) == 0 {
        let rows = format!("{},holiday,Rest,false\n", dice.day(night, 100));
        send(world, "calendar", night, "date,kind,name,is_workday", &rows);
    }
}

fn trade(dice: &mut Dice, world: &World, night: NaiveDate) {
    let span = [20, 70, 200, 480][usize::try_from(dice.below(4)).expect("one of four")];
    let mut rows = String::new();
    for order in 0..=dice.below(9) {
        let (day, channel, partner) = (dice.day(night, span), dice.of(&CHANNELS), dice.of(&PARTNERS));
        let quantity = if dice.below(5) == 0 { "-1" } else { dice.of(&["1", "2", "7"]) };
        let (price, currency) = (dice.of(&["20", "9.5", "0"]), if dice.below(6) == 0 { "USD" } else { "CNY" });
        let (customer, sku) = (dice.of(&CUSTOMERS), dice.of(&ARTICLES));
        let region = dice.of(&["", "north", "south"]);
        writeln!(
            rows,
            "{partner},o{order},1,{channel},{day} 10:00:00,{customer},{sku},{quantity},{price},0,{currency},{region}"
        )
        .expect("a text takes it");
    }
    let header = "partner_id,order_id,line_no,channel_id,sold_at,customer_id,sku,quantity,unit_price,discount_amount,currency,ship_to_region";
    send(world, "sales", night, header, &rows);
    if dice.below(2) == 0 {
        let mut rows = String::new();
        for partner in PARTNERS {
            let counted = dice.day(night, span);
            for sku in &ARTICLES[..=usize::try_from(dice.below(3)).expect("few")] {
                writeln!(rows, "{partner},{sku},{counted},{}", dice.of(&["0", "3", "40", "-2"]))
                    .expect("a text takes it");
            }
        }
        send(world, "inventory", night, "partner_id,sku,counted_on,on_hand_quantity", &rows);
    }
    if dice.below(2) == 0 {
        let mut rows = String::new();
        for shipment in 0..=dice.below(4) {
            let (partner, sku, day) = (dice.of(&PARTNERS), dice.of(&ARTICLES), dice.day(night, span));
            writeln!(rows, "{partner},s{shipment},1,{sku},{day},{},6", dice.of(&["5", "60", "-3"]))
                .expect("a text takes it");
        }
        send(world, "shipments", night, "partner_id,shipment_id,line_no,sku,shipped_on,quantity,unit_price", &rows);
    }
}

fn voices(dice: &mut Dice, world: &World, night: NaiveDate) {
    if dice.below(2) == 0 {
        let mut rows = String::new();
        for complaint in 0..=dice.below(3) {
            let (channel, partner, day) = (dice.of(&CHANNELS), dice.of(&PARTNERS), dice.day(night, 200));
            let paused = dice.of(&["", "2", "90"]);
            writeln!(rows, "k{complaint},{partner},{channel},online,{day} 09:00:00,{paused},late,use")
                .expect("a text takes it");
        }
        send(
            world,
            "complaints",
            night,
            "complaint_id,partner_id,channel_id,medium,opened_at,paused_hours,category,stage",
            &rows,
        );
    }
    if dice.below(2) == 0 {
        let mut rows = String::new();
        for response in 0..=dice.below(3) {
            let (channel, day) = (dice.of(&CHANNELS), dice.day(night, 200));
            writeln!(rows, "r{response},{channel},use,{},{day} 09:00:00,price", dice.of(&["1", "3", "5"]))
                .expect("a text takes it");
        }
        send(world, "surveys", night, "response_id,channel_id,stage,score,answered_at,theme", &rows);
    }
    if dice.below(2) == 0 {
        let rows = format!("n1,{},c1,north,price,cheaper there\n", dice.day(night, 200));
        send(world, "market_notes", night, "note_id,noted_on,channel_id,region,kind,text", &rows);
    }
    if dice.below(2) == 0 {
        let rows = format!("t1,C1,{} 09:00:00,visit,ann\n", dice.day(night, 200));
        send(world, "contacts", night, "contact_id,customer_id,contacted_at,kind,by", &rows);
    }
}

#[test]
fn every_night_publishes_however_quiet_it_was() {
    let companies = std::env::var("TRIBUTARY_QUIET_COMPANIES").ok().and_then(|companies| companies.parse().ok());
    let first = std::env::var("TRIBUTARY_QUIET_FIRST").ok().and_then(|first| first.parse().ok()).unwrap_or(0);
    for seed in first..first + companies.unwrap_or(COMPANIES) {
        let mut dice = Dice(seed);
        let night = dice.of(&NIGHTS);
        let world = company(&mut dice, date(night));
        let outcome = world.night(night);
        assert!(matches!(outcome.code, Some(0 | 1)), "company {seed}, night of {night}: {outcome}");
        let kpis = world.mart("channel_kpis_daily");
        // Where every line was in a currency without a rate, there is no series.
        if let Some(newest) = kpis.values("business_date").into_iter().max() {
            assert_eq!(newest, night, "company {seed}: the series goes to the night");
        }
    }
}

/// One sale to a known customer at the end of October, one to nobody on the first of November.
#[test]
fn a_month_that_begins_without_known_customers_publishes() {
    let world = World::new(&["channel_kpis_daily", "channel_kpis"]);
    std::fs::remove_dir_all(world.path("jobs/senders")).expect("the senders of the small company");
    world.write(
        "jobs/senders/web.toml",
        "name = \"Web\"\n[feeds.sales]\nperiod = \"rows\"\n[feeds.sales.columns]\npartner_id = { constant = \"P001\" }\n\
         channel_id = { constant = \"ch_web\" }\norder_id = \"order\"\nline_no = \"line\"\n\
         sold_at = { column = \"time\", format = \"%Y-%m-%d %H:%M\" }\nsku = \"sku\"\nquantity = \"qty\"\n\
         unit_price = \"price\"\ncustomer_id = \"member\"\n",
    );
    let text = "order,line,time,sku,qty,price,member\n1,1,2026-10-30 10:00,A100,1,34.90,C1\n2,1,2026-11-01 10:00,A200,1,20.00,\n";
    world.deliver("web/sales/2026-11-01.csv", text, date("2026-11-01"));
    let night = world.night("2026-11-01").published();
    // A company that only sells is told so in one line, not in twenty.
    assert_eq!(night.stdout.matches("feeds never arrived and no sender delivers them: ").count(), 1, "{night}");
    let kpis = world.mart("channel_kpis_daily");
    let found: Vec<(&str, &str)> = kpis.values("business_date").into_iter().zip(kpis.values("buyers")).collect();
    assert_eq!(found, [("2026-10-30", "1"), ("2026-10-31", "1"), ("2026-11-01", "1")]);
}

//! Head office's reference files: whole snapshots at the beginning, when the nightly files begin,
//! and on the last day.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};

use super::calendar::{entries, month_end, month_name, quarter_name, shift};
use super::company::{AREAS, CATEGORIES, CHANNELS, NEW_PRODUCT, PRODUCTS, REGIONS};
use super::delivery::{Books, Desk, Month, Period, put_table};
use super::partners::Partner;
use super::random::Stream;
use super::stories::{LAUNCHED_DAYS_AGO, campaign, target_factor};
use super::text::{Table, yuan};
use super::{World, members};
use crate::error::Result;

/// The marginal plan of the distributors.
pub(crate) const DISTRIBUTOR_PLAN: &str = "RP-JX";

/// Puts all snapshots down.
pub(crate) fn send(desk: &mut Desk<'_>, books: &Books) -> Result<()> {
    let world = desk.world;
    let first = 0;
    let nightly = (world.nightly_from() - world.start).num_days();
    let last = world.last_day();
    let days: BTreeSet<i64> = [first, nightly, last].into();
    for day in days {
        let is_first = day == 0 && last > 0;
        put_table(desk, "partners", &at(world, day), partners(world, is_first))?;
        put_table(desk, "products", &at(world, day), products(world, is_first))?;
        put_table(desk, "fx_rates", &packed(world, day), fx_rates(world, day))?;
        put_table(desk, "promotions", &at(world, day), promotions(world))?;
        if is_first || day == last {
            put_table(desk, "customers", &packed(world, day), members::all(world, day))?;
        }
        if is_first || day == nightly {
            put_table(desk, "channels", &at(world, day), channels())?;
            put_table(desk, "regions", &at(world, day), regions())?;
            put_table(desk, "calendar", &at(world, day), calendar(world))?;
        }
        if day == last {
            put_table(desk, "targets", &packed(world, day), targets(world, books))?;
            put_table(desk, "channel_costs", &packed(world, day), channel_costs(world, books))?;
            put_table(desk, "market", &at(world, day), market(books))?;
            put_table(desk, "rebate_plans", &at(world, day), rebate_plans(world, books))?;
        }
    }
    Ok(())
}

fn at(world: &World, day: i64) -> Period {
    Period { label: world.date(day).to_string(), first: day, last: day, history: false }
}

fn packed(world: &World, day: i64) -> Period {
    Period { history: true, ..at(world, day) }
}

fn channels() -> Table {
    let mut table = Table::new("channel_id,name,channel_type,manager");
    for channel in &CHANNELS {
        table.row(&[channel.id, channel.name, channel.kind, channel.manager].map(String::from));
    }
    table
}

fn regions() -> Table {
    let mut table = Table::new("region,name,parent,city_tier,population,adjacent_regions");
    for (id, name) in AREAS {
        table.row(&[id, name, "", "", "", ""].map(String::from));
    }
    for region in &REGIONS {
        let people = region.population.to_string();
        table.row(&[region.id, region.name, region.parent, region.tier, &people, region.adjacent].map(String::from));
    }
    table
}

fn calendar(world: &World) -> Table {
    let mut table = Table::new("date,region,kind,name,is_workday");
    for entry in entries(world.start, shift(world.options.end, 400)) {
        let date = entry.date.to_string();
        table.row(&[date, String::new(), entry.kind.into(), entry.name.into(), entry.is_workday.to_string()]);
    }
    table
}

/// The first snapshot names another manager for one shop and knows no candidate yet.
fn partners(world: &World, is_first: bool) -> Table {
    let mut table = Table::new(
        "partner_id,name,channel_id,cooperation_mode,territory,business_licence,licence_valid_until,industry_years,registered_capital,sales_team_size,training_hours,status,joined_on,ended_on,manager,commission_rate,franchise_fee_per_month,management_fee_rate",
    );
    let end = world.options.end;
    for (number, partner) in world.partners.iter().enumerate() {
        let mut rng = Stream::new(world.options.seed, &["licence", &partner.id]);
        let licence = 91_310_000_000_000 + rng.between(1_000_000, 9_999_999_999);
        let ends = shift(end, if partner.id == "A202" { 20 } else { rng.between(200, 1500) });
        let manager = if is_first && partner.id == "F302" { "liu.yang@demo.example" } else { partner.manager };
        let joined = shift(world.start, -rng.between(100, 1800));
        table.row(&partner_row(partner, number, licence, ends, "active", (joined, None), manager));
    }
    // Who sold once, and who would like to: one that passes every gate, one that is too young in the trade, one whose
    // licence has run out.
    let mut other =
        |like: &str, id: &str, name: &str, region: &str, status: &str, licence_days: i64, years: i64, days| {
            let pattern = &world.partners[super::partners::core(like)];
            let territory = vec![super::company::region(region)];
            let partner = Partner {
                id: id.into(),
                name: name.into(),
                territory,
                assortment: Vec::new(),
                industry_years: years,
                ..*pattern
            };
            let licence = 91_340_000_001_234 + i64::from(id.as_bytes()[3]);
            table.row(&partner_row(&partner, 0, licence, shift(end, licence_days), status, days, partner.manager));
        };
    let applied = |ago: i64| (shift(end, -ago), None);
    let left = (shift(world.start, -900), Some(shift(world.start, -30)));
    let years = world.partners[super::partners::core("P101")].industry_years;
    other("P101", "P190", "皖中老百货", "anhui", "ended", 900, years, left);
    if !is_first {
        other("P101", "K901", "徽州家电行", "anhui", "candidate", 900, years, applied(40));
        other("P101", "K902", "赣江优选商贸", "jiangxi", "candidate", 1200, 2, applied(25));
        other("F301", "K903", "榕城生活馆", "fujian", "candidate", -15, 8, applied(22));
    }
    table
}

fn partner_row(
    partner: &Partner,
    number: usize,
    licence: i64,
    licence_ends: NaiveDate,
    status: &str,
    (joined, ended): (NaiveDate, Option<NaiveDate>),
    manager: &str,
) -> [String; 18] {
    let channel = &CHANNELS[partner.channel];
    let territory: Vec<&str> = partner.territory.iter().map(|at| REGIONS[usize::from(*at)].id).collect();
    let only = |mode: &str, text: &str| if channel.mode == mode { text.to_string() } else { String::new() };
    [
        partner.id.clone(),
        partner.name.clone(),
        channel.id.into(),
        channel.mode.into(),
        territory.join(";"),
        format!("{licence}MA{number:02}"),
        licence_ends.to_string(),
        partner.industry_years.to_string(),
        partner.registered_capital.to_string(),
        partner.team.to_string(),
        partner.training_hours.to_string(),
        status.into(),
        joined.to_string(),
        ended.map(|date| date.to_string()).unwrap_or_default(),
        manager.into(),
        only("agency", "0.08"),
        only("franchise", "3000.00"),
        only("franchise", "0.02"),
    ]
}

/// Costs of two products rose in the middle of the time; one product is new.
fn products(world: &World, is_first: bool) -> Table {
    let mut table =
        Table::new("sku,name,category,list_price,floor_price,unit_cost,lead_time_days,launched_on,valid_from");
    let middle = shift(world.options.end, -140);
    let long_ago = shift(world.start, -600);
    for (number, product) in (0u16..).zip(&PRODUCTS) {
        let is_new = number == NEW_PRODUCT;
        if is_new && is_first {
            continue;
        }
        let launched = if is_new { shift(world.options.end, -LAUNCHED_DAYS_AGO) } else { long_ago };
        let mut version = |cost: i64, valid_from: NaiveDate| {
            table.row(&[
                product.sku.into(),
                product.name.into(),
                CATEGORIES[product.category].0.into(),
                yuan(product.list_price),
                yuan(product.floor_price()),
                yuan(cost),
                product.lead_time_days.to_string(),
                launched.to_string(),
                valid_from.to_string(),
            ]);
        };
        version(product.unit_cost(), launched);
        if matches!(number, 3 | 18) && !is_first {
            version(product.unit_cost() * 105 / 100, middle);
        }
    }
    table
}

fn promotions(world: &World) -> Table {
    let mut table = Table::new("promotion_id,partner_id,channel_id,sku,starts_on,ends_on,min_price,approved_by");
    for promotion in world.promotions.iter().filter(|promotion| !promotion.unlisted) {
        table.row(&[
            promotion.id.clone(),
            String::new(),
            promotion.channel.unwrap_or_default().into(),
            String::new(),
            promotion.from.to_string(),
            promotion.to.to_string(),
            String::new(),
            "chen.jing@demo.example".into(),
        ]);
    }
    table
}

/// All rates up to a day. The Hong Kong dollar follows the US dollar.
fn fx_rates(world: &World, upto: i64) -> Table {
    let mut table = Table::new("rate_date,currency,rate_to_base");
    for day in 0..=upto {
        let (date, dollar) = (world.date(day).to_string(), world.dollar(day));
        let local = dollar * 10_000 / 78_000;
        for (currency, rate) in [("USD", dollar), ("HKD", local)] {
            table.row(&[date.clone(), currency.into(), format!("{}.{:04}", rate / 10_000, rate % 10_000)]);
        }
    }
    table
}

/// The months from the first day to the end of the last day's quarter.
fn months(world: &World) -> Vec<NaiveDate> {
    let mut last = month_end(world.options.end);
    while !last.month().is_multiple_of(3) {
        last = month_end(shift(last, 1));
    }
    let mut found = vec![month_end(world.start)];
    while found.last().is_some_and(|date| *date < last) {
        let next = month_end(shift(*found.last().unwrap_or(&last), 1));
        found.push(next);
    }
    found
}

/// What a partner will have sold in a month: as it was, or at the pace so far.
fn outlook(world: &World, books: &Books, partner: usize, month: NaiveDate) -> Month {
    let end = world.options.end;
    let seen = month.min(month_end(end));
    let found = books.months.get(&(partner, month_name(seen))).copied().unwrap_or_default();
    let first = super::calendar::month_start(seen).max(world.start);
    let elapsed = (seen.min(end) - first).num_days() + 1;
    let days = i64::from(seen.day());
    Month { net: found.net * days / elapsed, units: found.units * days / elapsed }
}

fn targets(world: &World, books: &Books) -> Table {
    let mut table = Table::new("scope,scope_id,period,metric,target");
    let mut sums: BTreeMap<(&str, String, String, &str), i64> = BTreeMap::new();
    for (number, partner) in world.partners.iter().enumerate() {
        let mut rng = Stream::new(world.options.seed, &["target", &partner.id]);
        for month in months(world) {
            let outlook = outlook(world, books, number, month);
            let stretch = rng.within(0.94, 1.06) * target_factor(number);
            let channel = CHANNELS[partner.channel].id;
            for (metric, value, unit) in [("net_sales", outlook.net / 100, 1000), ("units", outlook.units, 10)] {
                let target = (scaled(value, stretch) / unit + 1) * unit;
                for period in [month_name(month), quarter_name(month)] {
                    for (scope, id) in [("partner", partner.id.as_str()), ("channel", channel), ("total", "all")] {
                        *sums.entry((scope, id.into(), period.clone(), metric)).or_default() += target;
                    }
                }
                if metric == "net_sales" && CHANNELS[partner.channel].kind == "distributor" {
                    // What it has to buy to sell that much: list price × 0.62 for every list price × 0.95.
                    let purchase = (partner.id.clone(), quarter_name(month));
                    *sums.entry(("partner", purchase.0, purchase.1, "sell_in_sales")).or_default() +=
                        scaled(target, 0.62 / 0.95) / 1000 * 1000;
                }
            }
        }
    }
    for ((scope, id, period, metric), target) in sums {
        table.row(&[scope.into(), id, period, metric.into(), target.to_string()]);
    }
    table
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "amounts far below 2^53")]
fn scaled(value: i64, factor: f64) -> i64 {
    (value as f64 * factor) as i64
}

/// Costs by channel and month; training is booked by partner, and so is the one campaign.
fn channel_costs(world: &World, books: &Books) -> Table {
    let mut table = Table::new("channel_id,partner_id,month,cost_type,amount,currency");
    for (number, channel) in CHANNELS.iter().enumerate() {
        let mut rng = Stream::new(world.options.seed, &["costs", channel.id]);
        for month in months(world).into_iter().filter(|month| *month <= month_end(world.options.end)) {
            let name = month_name(month);
            for (kind, percent) in channel.costs {
                let share = percent / 100.0 * rng.within(0.92, 1.08);
                let own = |at: usize| books.months.get(&(at, name.clone())).map_or(0, |month| month.net);
                let members = (0..world.partners.len()).filter(|at| world.partners[*at].channel == number);
                let mut cost = |partner: &str, net: i64| {
                    let amount = yuan(scaled(net, share).max(0));
                    table.row(&[channel.id, partner, &name, kind, &amount, "CNY"].map(String::from));
                };
                if kind == "training" {
                    members.for_each(|at| cost(&world.partners[at].id, own(at)));
                } else {
                    cost("", members.map(own).sum());
                }
            }
            if let Some((partner, yuan)) =
                campaign(world, month).filter(|(at, _)| world.partners[*at].channel == number)
            {
                let amount = format!("{yuan}.00");
                table.row(
                    &[channel.id, &world.partners[partner].id, &name, "marketing", &amount, "CNY"].map(String::from),
                );
            }
        }
    }
    table
}

/// The whole market by month and category, with its largest other brand.
fn market(books: &Books) -> Table {
    let mut table = Table::new("period,region,category,market_sales_amount,largest_competitor_sales_amount,currency");
    // (the market, and its largest other brand, against our sales)
    let sizes = [(6.0, 0.8), (7.5, 1.3), (12.0, 2.1), (6.5, 0.9), (9.0, 1.5)];
    for ((category, month), net) in &books.categories {
        let (all, rival) = sizes[*category];
        let amounts = [yuan(scaled(*net, all)), yuan(scaled(*net, rival))];
        let [all, rival] = amounts;
        table.row(&[month.clone(), String::new(), CATEGORIES[*category].0.into(), all, rival, "CNY".into()]);
    }
    table
}

/// From what fen on, and the rate in thousandths.
pub(crate) type Tier = (i64, i64);

/// Tiers of the distributors' plan: around what they buy in a quarter.
pub(crate) fn distributor_tiers(world: &World, sell_in: &BTreeMap<(usize, String), i64>) -> Vec<Tier> {
    let bought: Vec<i64> = sell_in
        .iter()
        .filter(|((partner, _), _)| CHANNELS[world.partners[*partner].channel].kind == "distributor")
        .map(|(_, value)| *value)
        .collect();
    let mean = bought.iter().sum::<i64>() / i64::try_from(bought.len().max(1)).unwrap_or(1);
    // Whole 10,000 CNY.
    let edge = |share: i64| (mean * share / 100 / 1_000_000).max(1) * 1_000_000;
    vec![(0, 10), (edge(70), 15), (edge(120), 20)]
}

/// Rebate by bands, in fen, rounded once over all of them.
pub(crate) fn marginal(tiers: &[Tier], bought: i64) -> i64 {
    let ends = tiers.iter().skip(1).map(|tier| tier.0).chain([i64::MAX]);
    let thousandths: i64 = tiers.iter().zip(ends).map(|(tier, end)| (bought.min(end) - tier.0).max(0) * tier.1).sum();
    (thousandths + 500) / 1000
}

fn rebate_plans(world: &World, books: &Books) -> Table {
    let mut table = Table::new(
        "plan_id,tier_no,scope,scope_id,period_type,basis,metric,method,from_value,rate,amount,cap,min_growth,valid_from,valid_to",
    );
    let from = world.start.with_ordinal(1).unwrap_or(world.start).to_string();
    let to = super::calendar::date(world.options.end.year(), 12, 31).to_string();
    let mut tier = |plan: &str, number: usize, head: [&str; 6], value: String, rate: &str, rest: [&str; 3]| {
        let [scope, scope_id, period, basis, metric, method] = head.map(String::from);
        let [amount, cap, min_growth] = rest.map(String::from);
        let number = number.to_string();
        let (plan, rate) = (plan.to_string(), rate.to_string());
        table.row(&[
            plan,
            number,
            scope,
            scope_id,
            period,
            basis,
            metric,
            method,
            value,
            rate,
            amount,
            cap,
            min_growth,
            from.clone(),
            to.clone(),
        ]);
    };
    for (at, (value, rate)) in distributor_tiers(world, &books.sell_in).into_iter().enumerate() {
        let head = ["channel", "ch_distributor", "quarter", "sell_in", "money", "marginal"];
        tier(DISTRIBUTOR_PLAN, at + 1, head, yuan(value), &format!("0.{rate:03}"), ["", "50000.00", ""]);
    }
    let franchise = ["channel", "ch_franchise", "quarter", "sell_out", "money", "retrospective"];
    tier("RP-JM", 1, franchise, "100000.00".into(), "0.01", ["", "", ""]);
    tier("RP-JM", 2, franchise, "250000.00".into(), "0.02", ["", "", "0.02"]);
    let retail = ["channel", "ch_retail", "month", "sell_out", "units", "marginal"];
    tier("RP-LS", 1, retail, "1".into(), "0.05", ["", "", ""]);
    tier("RP-LS", 2, retail, "101".into(), "0.10", ["", "", ""]);
    let agent = ["partner", "A201", "month", "sell_out", "money", "single"];
    tier("RP-DL", 1, agent, "20000.00".into(), "", ["1000.00", "", ""]);
    table
}

//! Head office's event files: goods sent to partners, what customers said, notes from the field,
//! reviews and rebates paid. The references are in their own file.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};

use super::calendar::{month_end, quarter_name, shift};
use super::company::{CHANNELS, PRODUCTS};
use super::customers::{Customer, customers};
use super::delivery::{Books, Desk, Period, channel_id, put_table, weeks};
use super::partners::{CORE, Partner};
use super::random::Stream;
use super::stock::Receipt;
use super::stories::Label;
use super::text::{Table, yuan};
use super::values::moment;
use super::voice::{Complaint, Survey};
use super::{World, members, references};
use crate::error::Result;

const DAY: i64 = 86_400;

/// Puts down everything that head office delivers.
pub(crate) fn send(desk: &mut Desk<'_>, periods: &[Period], books: Books) -> Result<()> {
    references::send(desk, &books)?;
    for (period, receipts) in periods.iter().zip(&books.receipts) {
        put_table(desk, "shipments", period, shipments(desk.world, receipts))?;
    }
    let mut complaints = books.voice.complaints;
    complaints.sort_by_key(|complaint| (complaint.opened, complaint.partner));
    let mut surveys = books.voice.surveys;
    surveys.sort_by_key(|survey| (survey.answered, survey.partner));
    put_complaints(desk, periods, &complaints)?;
    let weeks = weeks(desk.world);
    put_surveys(desk, &weeks, &surveys)?;
    put_contacts(desk, &weeks)?;
    put_notes(desk, &weeks)?;
    put_reviews(desk)?;
    put_payouts(desk, &books.sell_in)
}

fn shipments(world: &World, receipts: &[Receipt]) -> Table {
    let mut table = Table::new(
        "partner_id,shipment_id,line_no,sku,shipped_on,promised_on,received_on,quantity,unit_price,currency",
    );
    // What was sent on one day to one partner and arrived together is one shipment.
    let mut lines: BTreeMap<(u16, i64, i64), i64> = BTreeMap::new();
    for receipt in receipts {
        let line = lines.entry((receipt.partner, receipt.shipped, receipt.received)).or_default();
        *line += 1;
        let partner = &world.partners[usize::from(receipt.partner)].id;
        let product = &PRODUCTS[usize::from(receipt.product)];
        let sent = world.date(receipt.shipped);
        table.row(&[
            partner.clone(),
            format!("SH{}-{}", sent.format("%y%m%d"), world.date(receipt.received).format("%m%d")),
            line.to_string(),
            product.sku.into(),
            sent.to_string(),
            world.date(receipt.promised).to_string(),
            world.date(receipt.received).to_string(),
            receipt.quantity.to_string(),
            yuan(product.sell_in_price()),
            "CNY".into(),
        ]);
    }
    table
}

/// A second of the demo as local time; empty when it lies after `now`.
fn when(world: &World, second: Option<i64>, now: i64) -> String {
    match second {
        Some(second) if second <= now => {
            let clock = u32::try_from(second % DAY).unwrap_or(0);
            moment(world.date(second / DAY), clock).format("%Y-%m-%d %H:%M:%S").to_string()
        }
        _ => String::new(),
    }
}

/// A complaint is delivered when it is opened, and again when an answer or solution came later.
fn put_complaints(desk: &mut Desk<'_>, periods: &[Period], complaints: &[Complaint]) -> Result<()> {
    let world = desk.world;
    for period in periods {
        let (first, now) = (period.first * DAY, (period.last + 1) * DAY - 1);
        let falls = |second: Option<i64>| second.is_some_and(|second| first <= second && second <= now);
        let mut table = Table::new(
            "complaint_id,customer_id,partner_id,channel_id,medium,opened_at,first_response_at,resolved_at,paused_hours,category,stage,severity",
        );
        for (number, complaint) in complaints.iter().enumerate() {
            let moments = [Some(complaint.opened), complaint.response, complaint.resolved];
            if complaint.opened > now || !moments.into_iter().any(falls) {
                continue;
            }
            let partner = usize::from(complaint.partner);
            table.row(&[
                format!("CP{:06}", number + 1),
                complaint.customer.map(super::customers::CustomerRef::id).unwrap_or_default(),
                world.partners[partner].id.clone(),
                channel_id(world, partner).into(),
                complaint.medium.into(),
                when(world, Some(complaint.opened), now),
                when(world, complaint.response, now),
                when(world, complaint.resolved, now),
                if complaint.paused_hours > 0 { complaint.paused_hours.to_string() } else { String::new() },
                complaint.category.into(),
                complaint.stage.into(),
                complaint.severity.into(),
            ]);
        }
        put_table(desk, "complaints", period, table)?;
    }
    Ok(())
}

fn put_surveys(desk: &mut Desk<'_>, weeks: &[Period], surveys: &[Survey]) -> Result<()> {
    let world = desk.world;
    for week in weeks {
        let (first, end) = (week.first * DAY, (week.last + 1) * DAY);
        let mut table =
            Table::new("response_id,customer_id,partner_id,channel_id,stage,score,answered_at,theme,comment");
        for (number, survey) in surveys.iter().enumerate() {
            if survey.answered < first || survey.answered >= end {
                continue;
            }
            let partner = usize::from(survey.partner);
            table.row(&[
                format!("SV{:06}", number + 1),
                survey.customer.map(super::customers::CustomerRef::id).unwrap_or_default(),
                world.partners[partner].id.clone(),
                channel_id(world, partner).into(),
                survey.stage.into(),
                survey.score.to_string(),
                when(world, Some(survey.answered), end),
                survey.theme.into(),
                survey.comment.into(),
            ]);
        }
        put_table(desk, "surveys", week, table)?;
    }
    Ok(())
}

/// Something done for a customer, or points that the customer spent.
enum Deed {
    Contact(&'static str, &'static str, &'static str, &'static str),
    Points(i64),
}

/// Visits, calls and coupons for the good customers, and points spent by the regular ones.
fn put_contacts(desk: &mut Desk<'_>, weeks: &[Period]) -> Result<()> {
    let world = desk.world;
    let mut deeds: Vec<(i64, String, Deed)> = Vec::new();
    for home in 0..world.partners.len() {
        let mut rng = Stream::new(world.options.seed, &["contacts", &world.partners[home].id]);
        for customer in customers(world, home) {
            contacts_of(world, &customer, &mut rng, &mut deeds);
        }
    }
    deeds.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    let (mut contact, mut redemption) = (0, 0);
    let mut rest = deeds.into_iter().peekable();
    for week in weeks {
        let end = (week.last + 1) * DAY;
        let mut contacts = Table::new("contact_id,customer_id,contacted_at,kind,by,outcome,reason");
        let mut points = Table::new("redemption_id,customer_id,redeemed_at,points");
        while let Some((second, customer, deed)) = rest.next_if(|deed| deed.0 < end) {
            let at = when(world, Some(second), end);
            match deed {
                Deed::Contact(kind, by, outcome, reason) => {
                    contact += 1;
                    let id = format!("CT{contact:06}");
                    contacts.row(&[id, customer, at, kind.into(), by.into(), outcome.into(), reason.into()]);
                }
                Deed::Points(count) => {
                    redemption += 1;
                    points.row(&[format!("RD{redemption:06}"), customer, at, count.to_string()]);
                }
            }
        }
        put_table(desk, "contacts", week, contacts)?;
        put_table(desk, "points_redemptions", week, points)?;
    }
    Ok(())
}

fn contacts_of(world: &World, customer: &Customer, rng: &mut Stream, deeds: &mut Vec<(i64, String, Deed)>) {
    if !customer.regular {
        return;
    }
    let hours = |rng: &mut Stream, day: i64| day * DAY + rng.between(9 * 3600, 18 * 3600);
    let mut day = customer.from + rng.between(20, 120);
    while customer.big && day <= world.last_day() {
        let kind = *rng.pick(&["visit", "call", "call", "coupon", "survey"]);
        let by = members::manager(customer).unwrap_or("service@demo.example");
        let (outcome, reason) =
            *rng.pick(&[("reached", "季度回访"), ("no_answer", "季度回访"), ("bought", "专属优惠")]);
        let second = hours(rng, day);
        deeds.push((second, customer.me.id(), Deed::Contact(kind, by, outcome, reason)));
        day += rng.between(70, 150);
    }
    // Points come one a yuan; the first are spent after four months of regular buying.
    let mut day = customer.from + rng.between(120, 220);
    while day <= customer.to {
        let second = hours(rng, day);
        deeds.push((second, customer.me.id(), Deed::Points(rng.between(1, 4) * 100)));
        day += rng.between(120, 240);
    }
}

const NOTES: [(&str, &str); 10] = [
    ("competitor", "竞品新上三百元档吹风机，送赠品"),
    ("competitor", "竞品在本地商超做第二件半价"),
    ("demand", "顾客询问可换电池的款式"),
    ("demand", "学生客群偏好便携款"),
    ("price", "顾客反映线上线下价差大"),
    ("price", "有店铺低于指导价销售"),
    ("packaging", "外箱易压坏，建议加固"),
    ("packaging", "礼盒装受欢迎"),
    ("demand", "节前礼品团购咨询增多"),
    ("other", "商场调整楼层，客流下降"),
];

fn put_notes(desk: &mut Desk<'_>, weeks: &[Period]) -> Result<()> {
    let world = desk.world;
    let mut rng = Stream::new(world.options.seed, &["notes"]);
    let mut number = 0;
    for week in weeks {
        let mut table = Table::new("note_id,noted_on,partner_id,channel_id,region,kind,text");
        let mut day = week.first;
        while day <= week.last {
            number += 1;
            let at = rng.below(CORE);
            let partner = &world.partners[at];
            let region = partner.territory.first().map(|at| super::company::REGIONS[usize::from(*at)].id);
            let (kind, text) = *rng.pick(&NOTES);
            table.row(&[
                format!("NT{number:05}"),
                world.date(day).to_string(),
                partner.id.clone(),
                channel_id(world, at).into(),
                region.unwrap_or_default().into(),
                kind.into(),
                text.into(),
            ]);
            day += rng.between(2, 5);
        }
        put_table(desk, "market_notes", week, table)?;
    }
    Ok(())
}

/// The last days of the quarters that are over, in order.
fn closed_quarters(world: &World) -> Vec<NaiveDate> {
    let mut found = Vec::new();
    let mut date = month_end(world.start);
    while date <= world.options.end {
        if date.month().is_multiple_of(3) {
            found.push(date);
        }
        date = month_end(shift(date, 1));
    }
    found
}

/// A single-day period for a file that is delivered on `date`.
fn on(world: &World, label: String, date: NaiveDate) -> Period {
    let day = (date - world.start).num_days();
    Period { label, first: day, last: day, history: false }
}

/// What reviewers think of a partner: about what service, logistics, cooperation and brand alignment are worth, and what
/// they write. Every kind of channel has its strengths.
fn standing(partner: &Partner) -> ([i64; 4], &'static str) {
    if partner.id == "P102" {
        return ([4, 4, 4, 2], "库存偏高，跨区发货需核实");
    }
    match CHANNELS[partner.channel].kind {
        "direct" => ([5, 4, 5, 5], ""),
        "distributor" => ([4, 4, 4, 3], "铺货快，陈列标准执行一般"),
        "agent" => ([3, 3, 3, 3], "拜访频次不足，回款偏慢"),
        "franchise" => ([5, 3, 4, 4], "门店服务好，补货常滞后"),
        "platform_ecommerce" => ([3, 5, 4, 4], "发货准时，大促期间客服响应慢"),
        "social_ecommerce" => ([4, 4, 3, 3], ""),
        "livestream" => ([3, 3, 3, 2], "话术与品牌调性不符，需提前审稿"),
        "private_community" => ([5, 4, 5, 4], "社群互动好"),
        _ => ([4, 4, 4, 4], ""),
    }
}

fn put_reviews(desk: &mut Desk<'_>) -> Result<()> {
    let world = desk.world;
    for end in closed_quarters(world) {
        let quarter = quarter_name(end);
        let mut table = Table::new(
            "partner_id,period,reviewer,service_score,logistics_score,cooperation_score,brand_alignment_score,comment",
        );
        for partner in &world.partners {
            let mut rng = Stream::new(world.options.seed, &["review", &partner.id, &quarter]);
            for reviewer in [partner.manager, "head.office@demo.example"] {
                let mut score = |around: i64| (around + rng.between(-1, 1)).clamp(1, 5).to_string();
                let (around, comment) = standing(partner);
                let [service, logistics, cooperation, brand] = around.map(&mut score);
                table.row(&[
                    partner.id.clone(),
                    quarter.clone(),
                    reviewer.into(),
                    service,
                    logistics,
                    cooperation,
                    brand,
                    comment.into(),
                ]);
            }
        }
        let delivered = shift(end, 5).min(world.options.end);
        put_table(desk, "partner_reviews", &on(world, quarter, delivered), table)?;
    }
    Ok(())
}

/// Twenty days after a quarter the distributors' rebates are paid; one payout is 500 too high.
fn put_payouts(desk: &mut Desk<'_>, sell_in: &BTreeMap<(usize, String), i64>) -> Result<()> {
    let world = desk.world;
    let tiers = references::distributor_tiers(world, sell_in);
    for (at, end) in closed_quarters(world).into_iter().enumerate() {
        let paid = shift(end, 20);
        if paid > world.options.end {
            continue;
        }
        let quarter = quarter_name(end);
        let mut table = Table::new("payout_id,partner_id,plan_id,period,paid_on,amount");
        for (number, partner) in world.partners.iter().enumerate() {
            if CHANNELS[partner.channel].kind != "distributor" {
                continue;
            }
            let bought = sell_in.get(&(number, quarter.clone())).copied().unwrap_or(0);
            let slipped = at == 1 && partner.id == "P101";
            let slip = if slipped { 50_000 } else { 0 };
            if slipped {
                let days = (paid, paid);
                let label =
                    Label::new("payout_slip", "adjustment", "partner_rebates", "500.00 paid above the plan", days);
                desk.labels.push(label.of(&["P101"]));
            }
            table.row(&[
                format!("PO-{quarter}-{}", partner.id),
                partner.id.clone(),
                references::DISTRIBUTOR_PLAN.into(),
                quarter.clone(),
                paid.to_string(),
                yuan(references::marginal(&tiers, bought) + slip),
            ]);
        }
        put_table(desk, "rebate_payouts", &on(world, quarter, paid), table)?;
    }
    Ok(())
}

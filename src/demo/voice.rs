//! What customers say: complaints and surveys that follow orders, drawn from streams of their own
//! so that they leave sales untouched.

use super::World;
use super::company::{CHANNELS, Channel};
use super::customers::CustomerRef;
use super::random::Stream;
use super::trade::OrderMade;

/// A complaint. Seconds count from the demo's first midnight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Complaint {
    pub(crate) partner: u16,
    pub(crate) customer: Option<CustomerRef>,
    pub(crate) opened: i64,
    pub(crate) response: Option<i64>,
    pub(crate) resolved: Option<i64>,
    pub(crate) paused_hours: i64,
    pub(crate) medium: &'static str,
    pub(crate) category: &'static str,
    pub(crate) stage: &'static str,
    pub(crate) severity: &'static str,
}

/// An answered survey.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Survey {
    pub(crate) partner: u16,
    pub(crate) customer: Option<CustomerRef>,
    pub(crate) answered: i64,
    pub(crate) stage: &'static str,
    pub(crate) score: i64,
    pub(crate) theme: &'static str,
    pub(crate) comment: &'static str,
}

/// All that was said.
#[derive(Debug, Default)]
pub(crate) struct Voice {
    pub(crate) complaints: Vec<Complaint>,
    pub(crate) surveys: Vec<Survey>,
}

/// Listens to the customers of one partner.
pub(crate) struct Ear {
    rng: Stream,
    partner: u16,
    channel: &'static Channel,
    last_day: i64,
}

const CATEGORIES: [(&str, &str); 6] = [
    ("物流", "purchase"),
    ("质量", "use"),
    ("售后服务", "after_sale"),
    ("价格", "pre_sale"),
    ("包装破损", "purchase"),
    ("说明不清", "use"),
];
const GOOD: [(&str, &str, &str); 4] = [
    ("外观", "purchase", "颜值高，送礼合适"),
    ("使用体验", "use", "噪音小，效果好"),
    ("物流", "purchase", "次日就到"),
    ("客服", "pre_sale", "解答很耐心"),
];
const BAD: [(&str, &str, &str); 4] = [
    ("物流", "purchase", "比承诺晚到"),
    ("质量", "use", "用了两周充不进电"),
    ("客服", "after_sale", "等了很久没人回复"),
    ("价格", "pre_sale", "刚买就降价"),
];

const SEVERITIES: [&str; 4] = ["low", "low", "medium", "high"];

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Days for which a forgotten complaint lies open.
const FORGOTTEN_DAYS: i64 = 30;

impl Voice {
    /// The listener of `partner`.
    pub(crate) fn ear(world: &World, partner: usize) -> Ear {
        let found = &world.partners[partner];
        Ear {
            rng: Stream::new(world.options.seed, &["voice", &found.id]),
            partner: u16::try_from(partner).unwrap_or(u16::MAX),
            channel: &CHANNELS[found.channel],
            last_day: world.last_day(),
        }
    }

    /// Some orders of a day lead to a complaint or an answered survey.
    pub(crate) fn hear(&mut self, ear: &mut Ear, orders: &[OrderMade]) {
        for order in orders {
            if ear.rng.chance(ear.channel.complaint_rate) {
                self.complaints.push(ear.complaint(order));
            }
            if ear.rng.chance(ear.channel.survey_rate) {
                self.surveys.push(ear.survey(order));
            }
        }
    }
}

impl Ear {
    fn complaint(&mut self, order: &OrderMade) -> Complaint {
        let rng = &mut self.rng;
        let medium =
            *rng.pick(if self.channel.ships { &["online", "online", "phone"] } else { &["store", "phone", "online"] });
        let (category, stage) = *rng.pick(&CATEGORIES);
        let opened = (order.day + rng.between(0, 6)) * DAY + rng.between(9 * HOUR, 22 * HOUR);
        let limit = if medium == "online" { 60 } else { 24 * 60 };
        let minutes =
            if rng.chance(0.85) { rng.between(limit / 12, limit - 2) } else { rng.between(limit + 5, limit * 4) };
        let paused_hours = if rng.chance(0.1) { rng.between(2, 12) } else { 0 };
        let hours = if rng.chance(0.80) { rng.between(2, 22) } else { rng.between(30, 120) } + paused_hours;
        let response = opened + minutes * 60;
        let solved = response + hours * HOUR;
        // What is forgotten lies open, and is found and settled when the month is gone through.
        let resolved = match rng.chance(0.02) {
            false => Some(solved),
            true if opened > (self.last_day - FORGOTTEN_DAYS) * DAY => None,
            true => Some(solved + FORGOTTEN_DAYS * DAY),
        };
        Complaint {
            partner: self.partner,
            customer: order.customer,
            opened,
            response: Some(response),
            resolved,
            paused_hours,
            medium,
            category,
            stage,
            severity: SEVERITIES[rng.below(SEVERITIES.len())],
        }
    }

    fn survey(&mut self, order: &OrderMade) -> Survey {
        let rng = &mut self.rng;
        // The platform shops let their buyers wait since the beginning of the shopping festival.
        let sour = self.channel.kind == "platform_ecommerce" && self.last_day - order.day <= 21;
        let good = rng.chance(if sour { 0.58 } else { 0.84 });
        let (theme, stage, comment) = *rng.pick(if good { &GOOD } else { &BAD });
        let score = if good { rng.between(4, 5) } else { rng.between(1, 3) };
        Survey {
            partner: self.partner,
            customer: order.customer,
            answered: (order.day + rng.between(1, 5)) * DAY + rng.between(8 * HOUR, 23 * HOUR),
            stage,
            score,
            theme,
            comment: if rng.chance(0.4) { comment } else { "" },
        }
    }
}

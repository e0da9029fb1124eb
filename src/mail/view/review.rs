//! What the month's review shows, in sentences.

mod sections;

use chrono::NaiveDate;
use serde::Serialize;

use super::figures::{arrow, comparable};
use super::pictures::{Album, Drawn};
use super::sentences::full_day;
use super::subject::shortest;
use super::{BLUE, Fact};
use crate::address::header_text;
use crate::mail::month::Issue;
use crate::mail::rule::{Row, as_number, as_text};
use crate::mail::wishes::helper;
use crate::mail::words::Words;

/// A review, ready to be laid out.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Review {
    pub(crate) lang: &'static str,
    pub(crate) status_word: &'static str,
    pub(crate) colour: &'static str,
    pub(crate) subject: String,
    pub(crate) preview: String,
    pub(crate) company: String,
    /// `2026年10月`, `October 2026`.
    pub(crate) month: String,
    pub(crate) lead: String,
    pub(crate) facts: Vec<Fact>,
    pub(crate) sections: Vec<Section>,
    pub(crate) notes: Vec<String>,
    pub(crate) notes_title: &'static str,
    pub(crate) why: String,
    pub(crate) run_id: String,
    #[serde(skip)]
    pub(crate) pictures: Vec<(String, Vec<u8>)>,
}

/// A table of it.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Section {
    pub(crate) title: String,
    /// What is compared with what.
    pub(crate) about: String,
    pub(crate) drawn: Drawn,
    /// Whether its lines have a third column.
    pub(crate) has_marks: bool,
    pub(crate) lines: Vec<Line>,
    /// What is in no line.
    pub(crate) rest: String,
}

/// A line of a table.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) value: String,
    /// In small below the value.
    pub(crate) under: String,
    pub(crate) mark: String,
    pub(crate) colour: &'static str,
    pub(crate) drawn: Drawn,
}

/// What a person's partners sold together.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    net_sales: Option<f64>,
    on_month: Option<f64>,
    on_year: Option<f64>,
    attainment: Option<f64>,
}

impl Review {
    pub(crate) fn new(issue: &Issue<'_>, address: &str, words: &Words) -> Self {
        let mut album = Album::default();
        let all_sales = issue.own(&issue.lines.sales, address, &["partner_manager", "channel_manager"]);
        let total = total(&all_sales);
        let of_quarter = issue.month.checked_add_months(chrono::Months::new(1)).is_some_and(closes_quarter);
        let mut sections = vec![sections::sales(issue, address, words, &mut album)];
        let (classes, moved) = sections::classes(issue, address, words, &mut album);
        let (cards, down) = sections::cards(issue, address, words);
        let (rebates, owed) = sections::rebates(issue, address, words);
        sections.extend([classes, cards, rebates]);
        sections.retain(|section| !section.lines.is_empty() || !section.rest.is_empty());
        let month = words.month(&issue.month.format("%Y-%m").to_string());
        let lead = lead(total, &month, words);
        let facts = facts(issue, total, (moved, down), owed, words);
        let told: Vec<String> = facts
            .iter()
            .skip(1)
            .map(|fact| words.pick(format!("{}{}", fact.name, fact.value), format!("{}: {}", fact.name, fact.value)))
            .collect();
        let preview =
            if told.is_empty() { lead.clone() } else { format!("{lead} {}", told.join(words.pick("，", ", "))) };
        Self {
            lang: words.pick("zh-CN", "en"),
            status_word: status_word(words),
            colour: BLUE,
            subject: subject(total, &month, words),
            preview,
            company: header_text(&issue.config.company.name),
            month: issue.month.format(words.pick("%Y年%-m月", "%B %Y")).to_string(),
            lead,
            facts,
            sections,
            notes: if all_sales.is_empty() { Vec::new() } else { notes(of_quarter, issue, address, words) },
            notes_title: words.pick("说明", "About this review"),
            why: why(issue, address, words),
            run_id: header_text(&issue.run.run_id),
            pictures: album.0,
        }
    }
}

/// Whether the month before this day closes a quarter.
fn closes_quarter(next: NaiveDate) -> bool {
    use chrono::Datelike as _;
    [1, 4, 7, 10].contains(&next.month())
}

fn status_word(words: &Words) -> &'static str {
    words.pick("月报", "MONTH")
}

fn number(row: &Row, column: &str) -> Option<f64> {
    row.get(column).and_then(as_number)
}

fn text(row: &Row, column: &str) -> String {
    row.get(column).map(as_text).unwrap_or_default()
}

fn is(row: &Row, column: &str) -> bool {
    row.get(column).and_then(serde_json::Value::as_bool).unwrap_or(false)
}

/// Partners alone are summed: a channel's sales are those of its partners. Where the records of one begin within the
/// period that is compared with, the sum of that period is not known.
fn total(sales: &[&Row]) -> Total {
    let partners: Vec<&&Row> = sales.iter().filter(|row| text(row, "entity_type") == "partner").collect();
    let sum = |column: &str| {
        let known: Vec<f64> = partners.iter().filter_map(|row| number(row, column)).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>())
    };
    let whole = |status: &str| partners.iter().all(|row| text(row, status) != "incomplete_history");
    let net_sales = sum("net_sales");
    let growth = |before: &str, status: &str| {
        let before = sum(before).filter(|before| *before > 0.0 && whole(status))?;
        Some(net_sales? / before - 1.0)
    };
    let with_target: Vec<&&&Row> = partners.iter().filter(|row| number(row, "target").is_some()).collect();
    let of = |column: &str| with_target.iter().filter_map(|row| number(row, column)).sum::<f64>();
    let target = Some(of("target")).filter(|target| *target > 0.0);
    Total {
        net_sales,
        on_month: growth("month_before_net_sales", "sales_growth_mom_status"),
        on_year: growth("year_before_net_sales", "sales_growth_yoy_status"),
        attainment: target.map(|target| of("net_sales") / target),
    }
}

fn lead(total: Total, month: &str, words: &Words) -> String {
    let Some(net_sales) = total.net_sales else {
        return words.pick(format!("{month}没有销售记录。"), format!("No sales were reported for {month}."));
    };
    let mut said = words.pick(
        format!("{month}净销售额 {}", words.money(net_sales)),
        format!("Net sales of {month}: {}", words.money(net_sales)),
    );
    let growths = [(total.on_month, "环比", "on the month before"), (total.on_year, "同比", "on the year before")];
    for (growth, zh, en) in growths {
        if let Some(growth) = growth.map(|growth| words.signed_percent(growth)) {
            said.push_str(&words.pick(format!("，{zh} {growth}"), format!(", {growth} {en}")));
        }
    }
    said.push_str(words.pick("。", "."));
    said
}

fn subject(total: Total, month: &str, words: &Words) -> String {
    let head = format!("[{}] ", status_word(words));
    let Some(net_sales) = total.net_sales.map(|amount| words.money(amount)) else {
        return format!("{head}{}", words.pick(format!("{month}没有销售记录"), format!("no sales in {month}")));
    };
    let plain = words.pick(format!("{month}净销售额 {net_sales}"), format!("{month} net sales {net_sales}"));
    let with = |growth: Option<f64>, zh: &str, en: &str| {
        growth.map(|growth| {
            let growth = words.signed_percent(growth);
            words.pick(format!("{plain} {zh} {growth}"), format!("{plain}, {growth} {en}"))
        })
    };
    let said = [with(total.on_year, "同比", "yoy"), with(total.on_month, "环比", "mom"), Some(plain.clone())];
    shortest(said.into_iter().flatten().map(|text| header_text(&format!("{head}{text}"))), &head)
}

fn facts(
    issue: &Issue<'_>,
    total: Total,
    (moved, down): (usize, usize),
    owed: Option<f64>,
    words: &Words,
) -> Vec<Fact> {
    let as_of = issue.run.logical_date;
    let mut facts =
        vec![Fact { name: words.pick("数据截至", "Data as of"), value: full_day(as_of, words), bad: false }];
    let mut add = |name: &'static str, value: Option<String>, bad: bool| {
        facts.extend(value.map(|value| Fact { name, value, bad }));
    };
    add(
        words.pick("目标达成", "Target reached"),
        total.attainment.map(|share| words.percent(share)),
        total.attainment.is_some_and(|share| share < 1.0),
    );
    add(words.pick("待付返利", "Rebates owed"), owed.map(|owed| words.money(owed)), false);
    add(
        words.pick("矩阵位置变化", "BCG moves"),
        (moved > 0).then(|| words.pick(format!("{moved} 个"), moved.to_string())),
        false,
    );
    add(
        words.pick("评级下降", "Grades down"),
        (down > 0).then(|| words.pick(format!("{down} 家伙伴"), super::sentences::plural(down, "partner", "partners"))),
        true,
    );
    facts
}

/// What this review does not hold, and when it comes.
fn notes(of_quarter: bool, issue: &Issue<'_>, address: &str, words: &Words) -> Vec<String> {
    let mut notes = Vec::new();
    if !of_quarter {
        notes.push(
            words
                .pick(
                    "矩阵位置与伙伴评分按季度计算，随季末月份的月报发送。",
                    "BCG classes and scorecards are made by the quarter: they come with the review of its last month.",
                )
                .to_string(),
        );
    } else if issue.own(&issue.lines.classes, address, &["partner_manager", "channel_manager"]).is_empty() {
        notes.push(
            words
                .pick(
                    "矩阵按同比判断：没有去年同季数据的渠道与伙伴暂不列出。",
                    "Moves in the BCG matrix are judged against the year before: where there is none, nothing is told yet.",
                )
                .to_string(),
        );
    }
    notes
}

fn why(issue: &Issue<'_>, address: &str, words: &Words) -> String {
    let (zh, en) = if issue.is_head_office(address) {
        ("您在总部收件人名单中", "you are on the head office list")
    } else {
        ("您是其中渠道或合作伙伴的负责人", "you are responsible for the channels or partners in it")
    };
    let contact = helper(issue.config).unwrap_or_default();
    words.pick(
        format!("您收到本邮件，因为{zh}。每月结束后发一封；不再需要时请告知 {contact}。"),
        format!(
            "You get this mail because {en}. One is sent when a month is over; tell {contact} if you no longer want it."
        ),
    )
}

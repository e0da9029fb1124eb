//! The tables of the month's review.

use std::collections::BTreeMap;

use chrono::{Datelike as _, Months, NaiveDate};

use super::{Line, Section, arrow, comparable, is, number, text};
use crate::address::header_text;
use crate::mail::chart::{Bubble, tone};
use crate::mail::month::Issue;
use crate::mail::rule::Row;
use crate::mail::view::figures::NAME_CHARS;
use crate::mail::view::pictures::{Album, Drawn};
use crate::mail::view::sentences::{clip, plural};
use crate::mail::view::{AMBER, BLUE, RED};
use crate::mail::words::Words;

/// Who reads of a partner, or of a channel and its partners.
const BOTH: [&str; 2] = ["partner_manager", "channel_manager"];
/// Channels named beside their bubbles.
const BUBBLES: usize = 6;

fn name(row: &Row, column: &str) -> String {
    clip(&header_text(&text(row, column)), NAME_CHARS)
}

/// As many lines as there is room for, and the others.
fn split<'a>(issue: &Issue<'_>, mut rows: Vec<&'a Row>) -> (Vec<&'a Row>, Vec<&'a Row>) {
    let rest = rows.split_off(rows.len().min(issue.config.mail.headlines_max));
    (rows, rest)
}

fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// `明星类 2、瘦狗类 1`: how many rows have each word of a column, in the order of another.
fn counted(rows: &[&Row], order: &str, word: &str, words: &Words) -> String {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in rows {
        *counts.entry((text(row, order), text(row, word))).or_default() += 1;
    }
    let parts: Vec<String> = counts.into_iter().map(|((_, word), count)| format!("{word} {count}")).collect();
    parts.join(words.pick("、", ", "))
}

/// Net sales of what the person is responsible for: channels, then partners, of each the worst change first.
pub(super) fn sales(issue: &Issue<'_>, address: &str, words: &Words, album: &mut Album) -> Section {
    let of = |kind: &str, column: &str| -> Vec<&Row> {
        let own = issue.own(&issue.lines.sales, address, &[column]);
        own.into_iter().filter(|row| text(row, "entity_type") == kind).collect()
    };
    let mut rows = of("channel", "channel_manager");
    if !issue.is_head_office(address) {
        // Where a channel has one partner, its line says the same.
        let says_it = |row: &Row| rows.iter().any(|other| text(other, "history") == text(row, "history"));
        let partners: Vec<&Row> = of("partner", "partner_manager").into_iter().filter(|row| !says_it(row)).collect();
        rows.extend(partners);
    }
    let change = |row: &Row| Some(number(row, "net_sales")? - number(row, "month_before_net_sales")?);
    rows.sort_by(|one, other| {
        let (a, b) = (change(one), change(other));
        let kinds = text(one, "entity_type").cmp(&text(other, "entity_type"));
        kinds.then(a.is_none().cmp(&b.is_none())).then(a.unwrap_or(0.0).total_cmp(&b.unwrap_or(0.0)))
    });
    let (shown, rest) = split(issue, rows);
    let left: f64 = rest.iter().filter_map(|row| number(row, "net_sales")).sum();
    let left = words.money(left);
    Section {
        title: words.pick("净销售额", "Net sales").to_string(),
        about: words.pick("较上月", "against the month before").to_string(),
        has_marks: true,
        rest: match rest.len() {
            0 => String::new(),
            n => words
                .pick(format!("其余 {n} 项合计 {left}"), format!("{}: {left} in all", plural(n, "other", "others"))),
        },
        lines: shown.into_iter().map(|row| sold(issue, row, words, album)).collect(),
        ..Section::default()
    }
}

fn sold(issue: &Issue<'_>, row: &Row, words: &Words, album: &mut Album) -> Line {
    let history: Vec<f64> = text(row, "history").split(';').filter_map(|month| month.trim().parse().ok()).collect();
    let before = number(row, "month_before_net_sales");
    let growth = number(row, "sales_growth_mom").filter(|_| comparable(issue.config, before, &history).is_some());
    let (mark, colour) = arrow(issue.config, growth, words);
    let on_year = number(row, "sales_growth_yoy").map(|growth| words.signed_percent(growth));
    let reached = number(row, "attainment").map(|share| words.percent(share));
    let span = span(issue.month, &history, words);
    Line {
        name: name(row, "name"),
        about: joined([
            on_year.map(|growth| words.pick(format!("同比 {growth}"), format!("{growth} on the year before"))),
            reached.map(|share| words.pick(format!("目标达成 {share}"), format!("{share} of target"))),
            Some(span.clone()).filter(|span| !span.is_empty()),
        ]),
        value: words.money(number(row, "net_sales").unwrap_or(f64::NAN)),
        under: before.map_or_else(String::new, |before| words.money(before)),
        mark,
        colour,
        drawn: album.line(issue.config, &history, BLUE, &span),
    }
}

/// From when to when the small chart goes, and between which amounts.
fn span(month: NaiveDate, history: &[f64], words: &Words) -> String {
    let back = u32::try_from(history.len().saturating_sub(1)).unwrap_or(0);
    let Some(first) = month.checked_sub_months(Months::new(back)).filter(|_| back > 0) else { return String::new() };
    // Where the chart goes over the turn of the year, both ends say theirs.
    let written = |of: NaiveDate| {
        if first.year() == month.year() {
            words.month(&of.format("%Y-%m").to_string())
        } else {
            of.format(words.pick("%Y年%-m月", "%b %Y")).to_string()
        }
    };
    let least = words.money(history.iter().copied().fold(f64::INFINITY, f64::min));
    let most = words.money(history.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    let (first, last) = (written(first), written(month));
    words.pick(format!("{first}至{last}，{least} 至 {most}"), format!("{first} to {last}, {least} to {most}"))
}

/// Who moved in the BCG matrix, and how many.
pub(super) fn classes(issue: &Issue<'_>, address: &str, words: &Words, album: &mut Album) -> (Section, usize) {
    let rows = issue.own(&issue.lines.classes, address, &BOTH);
    let (mut moved, still): (Vec<&Row>, Vec<&Row>) =
        rows.iter().copied().partition(|row| is(row, "is_moved") || is(row, "is_exit"));
    let size = |row: &Row| number(row, "net_sales").unwrap_or(0.0);
    moved.sort_by(|one, other| {
        (!is(one, "is_down")).cmp(&!is(other, "is_down")).then(size(other).total_cmp(&size(one)))
    });
    let count = moved.iter().filter(|row| is(row, "is_moved")).count();
    let (shown, more) = split(issue, moved);
    let class = words.pick("class_zh", "class_en");
    let quarter = rows.first().map(|row| words.quarter(&text(row, "quarter"))).unwrap_or_default();
    let others = |rows: &[&Row], zh: &str, en: &str| {
        let list = counted(rows, "place", class, words);
        (!rows.is_empty())
            .then(|| words.pick(format!("{zh} {} 个：{list}", rows.len()), format!("{} {en}: {list}", rows.len())))
    };
    let section = Section {
        title: words.pick(format!("波士顿矩阵 {quarter}"), format!("BCG matrix, {quarter}")),
        about: words.pick("位置变化", "who moved").to_string(),
        drawn: matrix(issue, &rows, words, album),
        has_marks: true,
        lines: shown.iter().map(|row| placed(row, words)).collect(),
        rest: joined([others(&more, "另有变化", "more moved"), others(&still, "未变", "unchanged")]),
    };
    (section, count)
}

fn placed(row: &Row, words: &Words) -> Line {
    let now = text(row, words.pick("class_zh", "class_en"));
    let before = text(row, words.pick("previous_class_zh", "previous_class_en"));
    let kind = text(row, words.pick("entity_type_zh", "entity_type_en"));
    let moved = match (is(row, "is_moved"), is(row, "is_exit")) {
        (true, false) => words.pick(format!("由{before}变为{now}"), format!("from {before} to {now}")),
        (true, true) => {
            words.pick(format!("由{before}变为{now}，建议退出"), format!("from {before} to {now}; advised to leave"))
        }
        _ => words.pick(format!("{now}，建议退出"), format!("{now}; advised to leave")),
    };
    let growth = number(row, "growth").map(|growth| words.signed_percent(growth)).unwrap_or_default();
    Line {
        name: words
            .pick(format!("{kind} {}", name(row, "entity_name")), format!("{}, {kind}", name(row, "entity_name"))),
        about: moved,
        value: words.money(number(row, "net_sales").unwrap_or(f64::NAN)),
        under: if growth.is_empty() {
            growth
        } else {
            words.pick(format!("同比 {growth}"), format!("{growth} on the year"))
        },
        mark: if is(row, "is_down") || is(row, "is_exit") { "▼" } else { "▲" }.to_string(),
        colour: if is(row, "is_down") || is(row, "is_exit") { AMBER } else { BLUE },
        drawn: Drawn::default(),
    }
}

/// The largest channels as bubbles, where there are several to compare.
fn matrix(issue: &Issue<'_>, rows: &[&Row], words: &Words, album: &mut Album) -> Drawn {
    let mut channels: Vec<&&Row> = rows.iter().filter(|row| text(row, "entity_type") == "channel").collect();
    let size = |row: &Row| number(row, "net_sales").unwrap_or(f64::NAN);
    channels.sort_by(|one, other| size(other).total_cmp(&size(one)));
    channels.truncate(BUBBLES);
    let cuts = channels.first().and_then(|row| Some((number(row, "growth_cut")?, number(row, "share_cut")?)));
    let Some(cuts) = cuts.filter(|_| channels.len() > 1) else { return Drawn::default() };
    let bubble = |row: &&&Row| Bubble {
        growth: number(row, "growth").unwrap_or(f64::NAN),
        share: number(row, "share").unwrap_or(f64::NAN),
        size: size(row),
    };
    let units: Vec<Bubble> = channels.iter().map(bubble).collect();
    let caption = words.pick("横轴增长、纵轴份额，圆面积为销售额", "growth to the right, share upwards, area by sales");
    let drawn = album.matrix(issue.config, &units, cuts, caption);
    if drawn.picture.is_none() {
        return drawn;
    }
    let legend = channels.iter().enumerate().map(|(place, row)| (tone(place), name(row, "entity_name"))).collect();
    Drawn { caption: caption.to_string(), legend, ..drawn }
}

/// The partners' scorecards, the worst first, and how many lost a grade.
pub(super) fn cards(issue: &Issue<'_>, address: &str, words: &Words) -> (Section, usize) {
    let mut rows = issue.own(&issue.lines.cards, address, &BOTH);
    let score = |row: &Row| number(row, "score").unwrap_or(f64::NAN);
    rows.sort_by(|one, other| {
        (!is(one, "is_down")).cmp(&!is(other, "is_down")).then(score(one).total_cmp(&score(other)))
    });
    let down = rows.iter().filter(|row| is(row, "is_down")).count();
    let quarter = rows.first().map(|row| words.quarter(&text(row, "quarter"))).unwrap_or_default();
    let (shown, rest) = split(issue, rows);
    let list = counted(&rest, "grade", "grade", words);
    let section = Section {
        title: words.pick(format!("伙伴评分 {quarter}"), format!("Scorecards, {quarter}")),
        about: words.pick("等级与得分", "grade and score").to_string(),
        has_marks: shown.iter().any(|row| is(row, "is_down")),
        lines: shown.into_iter().map(|row| graded(row, words)).collect(),
        rest: match rest.len() {
            0 => String::new(),
            n => words.pick(format!("其余 {n} 家：{list}"), format!("{}: {list}", plural(n, "other", "others"))),
        },
        ..Section::default()
    };
    (section, down)
}

fn graded(row: &Row, words: &Words) -> Line {
    let (now, before) = (text(row, "grade"), text(row, "previous_grade"));
    let moved = match (is(row, "is_down"), is(row, "is_up")) {
        (true, _) => Some(words.pick(format!("由 {before} 降至 {now}"), format!("down from {before} to {now}"))),
        (_, true) => Some(words.pick(format!("由 {before} 升至 {now}"), format!("up from {before} to {now}"))),
        _ => None,
    };
    let advice = Some(text(row, words.pick("advice_zh", "advice_en"))).filter(|advice| !advice.is_empty());
    let score = number(row, "score").map_or_else(String::new, |score| format!("{score:.1}"));
    Line {
        name: name(row, "partner_name"),
        about: joined([moved, advice]),
        value: now,
        under: words.pick(format!("{score} 分"), format!("{score} of 100")),
        mark: if is(row, "is_down") { "▼" } else { "" }.to_string(),
        colour: RED,
        ..Line::default()
    }
}

/// Rebates that are owed, a line a partner and plan, the largest first; and their sum.
pub(super) fn rebates(issue: &Issue<'_>, address: &str, words: &Words) -> (Section, Option<f64>) {
    let rows = issue.own(&issue.lines.rebates, address, &BOTH);
    let owed = |rows: &[&Row]| rows.iter().filter_map(|row| number(row, "owed_amount")).sum::<f64>();
    let sum = (!rows.is_empty()).then(|| owed(&rows));
    let mut by_plan: BTreeMap<(String, String), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_plan.entry((text(row, "partner_id"), text(row, "plan_id"))).or_default().push(row);
    }
    let mut groups: Vec<Vec<&Row>> = by_plan.into_values().collect();
    groups.sort_by(|one, other| owed(other).total_cmp(&owed(one)));
    let rest = groups.split_off(groups.len().min(issue.config.mail.headlines_max));
    let left = words.money(rest.iter().map(|rows| owed(rows)).sum());
    let section = Section {
        title: words.pick("待付返利", "Rebates owed").to_string(),
        about: words.pick("已结束期间", "of periods that are over").to_string(),
        lines: groups.into_iter().map(|rows| due(rows, words)).collect(),
        rest: match rest.len() {
            0 => String::new(),
            n => words
                .pick(format!("其余 {n} 项合计 {left}"), format!("{}: {left} in all", plural(n, "other", "others"))),
        },
        ..Section::default()
    };
    (section, sum)
}

/// What is owed of the periods of one partner and plan.
fn due(mut rows: Vec<&Row>, words: &Words) -> Line {
    rows.sort_by_key(|row| text(row, "period_end"));
    let sum = |column: &str| {
        let known: Vec<f64> = rows.iter().filter_map(|row| number(row, column)).collect();
        (!known.is_empty()).then(|| words.money(known.iter().sum()))
    };
    let having = |finality: &str, column: &str| -> Option<String> {
        let of = rows.iter().filter(|row| text(row, "finality") == finality);
        let amounts: Vec<f64> = of.filter_map(|row| number(row, column)).collect();
        (!amounts.is_empty()).then(|| words.money(amounts.iter().sum()))
    };
    let (first, last) = (rows.first().map(|row| text(row, "period")), rows.last().map(|row| text(row, "period")));
    let (first, last) = (period(&first.unwrap_or_default(), words), period(&last.unwrap_or_default(), words));
    let periods = match rows.len() {
        1 => first,
        n => words.pick(format!("{first}至{last}，{n} 个期间"), format!("{first} to {last}, {n} periods")),
    };
    let plan = header_text(&rows.first().map(|row| text(row, "plan_id")).unwrap_or_default());
    Line {
        name: rows.first().map(|row| name(row, "partner_name")).unwrap_or_default(),
        about: joined([
            Some(words.pick(format!("{periods}，方案 {plan}"), format!("{periods}, plan {plan}"))),
            sum("rebate_due").map(|amount| words.pick(format!("应付 {amount}"), format!("{amount} due"))),
            Some(match sum("paid_amount") {
                Some(amount) => words.pick(format!("已付 {amount}"), format!("{amount} paid")),
                None => words.pick("支付情况未知", "what was paid is not known").to_string(),
            }),
            having("proposed", "deducted_amount").map(|amount| {
                words.pick(
                    format!("已减去建议扣减 {amount}，待您决定"),
                    format!("after a proposed deduction of {amount}, yours to decide"),
                )
            }),
            having("growth_unknown", "rebate_due_with_growth").map(|amount| {
                words.pick(
                    format!("其中增长未知的部分，若达标为 {amount}"),
                    format!("where growth is not known it would be {amount} if shown"),
                )
            }),
        ]),
        value: sum("owed_amount").unwrap_or_default(),
        ..Line::default()
    }
}

/// A rebate period: a month, a quarter or a year.
fn period(text: &str, words: &Words) -> String {
    match text.len() {
        4 => words.pick(format!("{text}年"), text.to_string()),
        _ if text.contains('Q') => words.quarter(text),
        _ => words.month(text),
    }
}

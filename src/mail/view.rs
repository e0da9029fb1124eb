//! What a digest shows, in sentences: everything the templates print is decided here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;

use crate::mail::address::header_text;
use crate::mail::digest::{Audience, Edition, Headline, Picked, Received, Status, status};
use crate::mail::rule::{Said, label_line};
use crate::mail::words::Words;
use crate::state::record::{Alert, AlertPhase};

/// Longest title and longest reason or advice, in characters.
const TITLE_CHARS: usize = 90;
const TEXT_CHARS: usize = 320;
/// Notes, resolved findings and missing partners listed before the rest is counted.
const LINES_MAX: usize = 8;

/// A digest, ready to be laid out.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct View {
    pub(crate) lang: &'static str,
    pub(crate) status: Status,
    pub(crate) status_word: &'static str,
    pub(crate) colour: &'static str,
    pub(crate) subject: String,
    pub(crate) preview: String,
    pub(crate) company: String,
    pub(crate) scope: String,
    pub(crate) day: String,
    pub(crate) lead: String,
    pub(crate) facts: Vec<Fact>,
    pub(crate) card: Option<Item>,
    pub(crate) items: Vec<Item>,
    pub(crate) more: Vec<String>,
    pub(crate) headlines: Vec<Figure>,
    pub(crate) resolved: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) why: String,
    pub(crate) mute: String,
    pub(crate) run_id: String,
    pub(crate) t: BTreeMap<&'static str, &'static str>,
}

/// A line of the summary at the top.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) bad: bool,
}

/// A finding.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Item {
    pub(crate) colour: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) tag: String,
    pub(crate) title: String,
    pub(crate) value: String,
    pub(crate) comparison: String,
    pub(crate) reason: String,
    pub(crate) advice: String,
    pub(crate) reference: String,
    pub(crate) bars: Vec<Bar>,
}

/// A figure of the day.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) change: String,
    pub(crate) colour: &'static str,
    pub(crate) previous: String,
    pub(crate) bars: Vec<Bar>,
}

/// One bar of a small chart; heights in pixels, the rest pads the bar to the ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Bar {
    pub(crate) height: u32,
    pub(crate) last: bool,
}

/// Tones that stay readable on white and when a mail program darkens the page.
const RED: &str = "#d1453b";
const AMBER: &str = "#c27a16";
const GREEN: &str = "#2f9461";
const BLUE: &str = "#4a7fc1";
const GREY: &str = "#7a8594";

impl View {
    pub(crate) fn new(edition: &Edition<'_>, audience: &Audience, picked: &Picked<'_>, words: &Words) -> Self {
        let received = audience.received.as_ref().unwrap_or(edition.received);
        let status = status(edition, received, picked);
        let mut found: Vec<Item> = picked.due.iter().map(|alert| item(edition, alert, words)).collect();
        let rest = found.split_off(found.len().min(edition.config.mail.findings_max.max(1)));
        let lead = lead(edition, received, picked, status, words);
        let scope = header_text(audience.scope.as_deref().unwrap_or_default());
        let subject = subject(edition, received, picked, status, found.first(), &scope, words);
        let preview = match found.first() {
            Some(worst) if worst.reason.is_empty() => lead.clone(),
            Some(worst) => format!("{lead} · {}", worst.reason),
            None => lead.clone(),
        };
        let more = more(edition, picked, rest.len(), words);
        let mut found = found.into_iter();
        Self {
            lang: words.pick("zh-CN", "en"),
            status,
            status_word: status.word(words),
            colour: match status {
                Status::Failed => RED,
                Status::Alert | Status::Late => AMBER,
                Status::Ok => GREEN,
            },
            subject,
            preview: clip(&preview, 140),
            company: header_text(&edition.config.company.name),
            scope,
            day: full_day(edition.run.logical_date, words),
            lead,
            facts: facts(edition, received, words),
            card: found.next(),
            items: found.collect(),
            more,
            headlines: audience.headlines.iter().map(|headline| figure(edition, headline, words)).collect(),
            resolved: resolved(edition, picked, words),
            notes: capped(edition.run.notes.iter().map(|note| clip(&header_text(note), TEXT_CHARS)).collect(), words),
            why: why(edition, audience, words),
            mute: mute(edition, words),
            run_id: header_text(&edition.run.run_id),
            t: labels(words),
        }
    }
}

fn labels(words: &Words) -> BTreeMap<&'static str, &'static str> {
    let pairs = [
        ("reason", "原因", "Cause"),
        ("advice", "建议", "Do"),
        ("worst", "最严重", "The worst"),
        ("others", "其他", "Also"),
        ("figures", "当日净销售额", "Net sales of the day"),
        ("against", "较上周同日", "against the same day last week"),
        ("channel", "渠道", "Channel"),
        ("resolved", "已恢复", "Resolved"),
        ("notes", "数据说明", "About the data"),
    ];
    pairs.into_iter().map(|(key, zh, en)| (key, words.pick(zh, en))).collect()
}

/// `11月22日 周日`, with the year where it is not obvious from the thread.
fn full_day(date: NaiveDate, words: &Words) -> String {
    words.pick(
        format!("{} {}", date.format("%Y年%-m月%-d日"), words.weekday(date)),
        format!("{} {}", words.weekday(date), date.format("%-d %b %Y")),
    )
}

fn subject(
    edition: &Edition<'_>,
    received: &Received,
    picked: &Picked<'_>,
    status: Status,
    worst: Option<&Item>,
    scope: &str,
    words: &Words,
) -> String {
    let serious = |alerts: &[&Alert]| alerts.iter().filter(|alert| alert.severity != "info").count();
    let (due, known) = (serious(&picked.due), serious(&picked.known));
    let mut parts = Vec::new();
    match status {
        Status::Failed => parts.push(match edition.data_as_of {
            Some(day) => words.pick(
                format!("运行未完成，仍为 {} 的数据", day.format("%m-%d")),
                format!("run did not finish, figures are still those of {}", words.date(day)),
            ),
            None => words.pick("运行未完成".to_string(), "run did not finish".to_string()),
        }),
        Status::Alert => {
            if let Some(worst) = worst {
                parts.push(clip(&worst.title, 48));
            }
            let count = due.max(usize::from(due + known == 0));
            parts.push(if due > 0 || known == 0 {
                words.pick(format!("{count} 项异常"), plural(count, "finding", "findings"))
            } else {
                words.pick(format!("{known} 项已知异常未变"), format!("{} unchanged", plural(known, "finding", "findings")))
            });
        }
        Status::Late => {
            parts.push(words.pick(
                format!("{}/{} 家已到", received.received, received.expected),
                format!("{} of {} partners arrived", received.received, received.expected),
            ));
            if !received.missing.is_empty() {
                let names = clip(&name_list(&received.missing, 2, words), 40);
                parts.push(words.pick(format!("缺 {names}"), format!("waiting for {names}")));
            }
        }
        Status::Ok => parts.push(words.pick("一切正常".to_string(), "all is well".to_string())),
    }
    parts.push(edition.run.logical_date.format("%m-%d").to_string());
    let lead = if scope.is_empty() || parts[0].contains(scope) { String::new() } else { format!("{scope} ") };
    header_text(&format!("[{}] {lead}{}", status.word(words), parts.join(" · ")))
}

fn lead(edition: &Edition<'_>, received: &Received, picked: &Picked<'_>, status: Status, words: &Words) -> String {
    let (due, known) = (picked.due.len(), picked.known.len());
    let critical = picked.due.iter().filter(|alert| alert.severity == "critical").count();
    let findings = || match (due, critical) {
        (0, _) => words.pick(
            format!("没有新的异常；{known} 项已知异常未变"),
            format!("Nothing new; {} as before", plural(known, "known finding", "known findings")),
        ),
        (_, 0) => words.pick(
            format!("{due} 项需要您关注"),
            format!("{} your attention", plural(due, "finding needs", "findings need")),
        ),
        _ => words.pick(
            format!("{due} 项需要您关注，其中 {critical} 项严重"),
            format!("{} your attention, {critical} critical", plural(due, "finding needs", "findings need")),
        ),
    };
    match status {
        Status::Failed => match edition.data_as_of {
            Some(day) => words.pick(
                format!("昨晚的处理没有完成。报表仍是 {} 的数据，今天的预警未更新。", full_day(day, words)),
                format!(
                    "Last night's run did not finish. The figures are still those of {}; alerts were not updated.",
                    full_day(day, words)
                ),
            ),
            None => words.pick(
                "昨晚的处理没有完成，还没有可用的数据。".to_string(),
                "Last night's run did not finish and there are no earlier figures.".to_string(),
            ),
        },
        Status::Late => {
            let names = name_list(&received.missing, LINES_MAX, words);
            let mut text = words.pick("数据未到齐".to_string(), "Data is incomplete".to_string());
            if !names.is_empty() {
                text.push_str(&words.pick(format!("，缺 {names}"), format!(": waiting for {names}")));
            }
            if due + known == 0 {
                text.push_str(words.pick("；其余一切正常。", "; all else is well."));
            } else {
                text.push_str(&words.pick(format!("；{}。", findings()), format!(". {}.", findings())));
            }
            text
        }
        Status::Ok if due + known == 0 => words.pick(
            "一切正常，没有需要您处理的事。".to_string(),
            "All is well: nothing needs your attention.".to_string(),
        ),
        Status::Ok => words.pick(
            format!("一切正常，另有 {} 项提示。", due + known),
            format!("All is well; {} for your information.", plural(due + known, "note", "notes")),
        ),
        Status::Alert => words.pick(format!("{}。", findings()), format!("{}.", findings())),
    }
}

fn facts(edition: &Edition<'_>, received: &Received, words: &Words) -> Vec<Fact> {
    let run = edition.run;
    let mut facts = vec![Fact {
        name: words.pick("数据截至", "Data as of"),
        value: edition.data_as_of.map_or_else(|| "—".to_string(), |day| full_day(day, words)),
        bad: edition.data_as_of != Some(run.logical_date),
    }];
    if received.expected > 0 {
        let missing = name_list(&received.missing, 3, words);
        let counts = format!("{}/{}", received.received, received.expected);
        facts.push(Fact {
            name: words.pick("合作伙伴已到", "Partners arrived"),
            value: if missing.is_empty() {
                counts
            } else {
                words.pick(format!("{counts}，缺 {missing}"), format!("{counts}, without {missing}"))
            },
            bad: received.received < received.expected,
        });
    }
    let share = if run.rows_read == 0 { 0.0 } else { run.rows_rejected as f64 / run.rows_read as f64 };
    facts.push(Fact {
        name: words.pick("读入行数", "Rows read"),
        value: if run.rows_rejected == 0 {
            words.pick(
                format!("{}，全部可用", words.number(run.rows_read as f64)),
                format!("{}, none refused", words.number(run.rows_read as f64)),
            )
        } else {
            let small = if share < 0.001 { "<0.1%".to_string() } else { words.percent(share) };
            words.pick(
                format!(
                    "{}，拒收 {}（{small}）",
                    words.number(run.rows_read as f64),
                    words.number(run.rows_rejected as f64)
                ),
                format!(
                    "{}, {} refused ({small})",
                    words.number(run.rows_read as f64),
                    words.number(run.rows_rejected as f64)
                ),
            )
        },
        bad: share >= 0.01,
    });
    facts
}

fn item(edition: &Edition<'_>, alert: &Alert, words: &Words) -> Item {
    let rule = edition.rules.get(&alert.rule);
    let said = rule.map_or_else(
        || Said { title: label_line(&alert.rule, alert), ..Said::default() },
        |rule| rule.say(alert, words),
    );
    let (colour, severity) = match alert.severity.as_str() {
        "critical" => (RED, words.pick("严重", "critical")),
        "warning" => (AMBER, words.pick("警告", "warning")),
        _ => (BLUE, words.pick("提示", "info")),
    };
    let since = words.pick(format!("自 {}", words.date(alert.since)), format!("since {}", words.date(alert.since)));
    let tag = match alert.phase {
        AlertPhase::New => words.pick("新", "new").to_string(),
        AlertPhase::Worse => words.pick(format!("加重，{since}"), format!("worse, {since}")),
        AlertPhase::Ongoing | AlertPhase::Resolved => since,
    };
    Item {
        colour,
        severity,
        tag,
        title: clip(&said.title, TITLE_CHARS),
        value: said.value,
        comparison: clip(&said.comparison, TEXT_CHARS),
        reason: clip(&said.reason, TEXT_CHARS),
        advice: clip(&said.advice, TEXT_CHARS),
        reference: clip(&label_line(&alert.rule, alert), TEXT_CHARS),
        bars: rule.map_or_else(Vec::new, |rule| bars(&rule.past(alert))),
    }
}

/// What is counted and not shown: further findings by rule, known ones, muted ones.
fn more(edition: &Edition<'_>, picked: &Picked<'_>, rest: usize, words: &Words) -> Vec<String> {
    let by_rule = |alerts: &[&Alert]| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for alert in alerts {
            let name = edition.rules.get(&alert.rule).map_or_else(|| alert.rule.clone(), |rule| rule.short_name(words));
            *counts.entry(name).or_default() += 1;
        }
        let parts: Vec<String> = counts.into_iter().map(|(name, count)| format!("{name} {count}")).collect();
        parts.join(words.pick("、", ", "))
    };
    let mut lines = Vec::new();
    if rest > 0 {
        let list = by_rule(&picked.due[picked.due.len() - rest..]);
        lines.push(words.pick(
            format!("还有 {rest} 项：{list}。全部见 alerts 表。"),
            format!("{rest} more: {list}. The mart `alerts` lists all."),
        ));
    }
    if !picked.known.is_empty() && !picked.due.is_empty() {
        let (count, list) = (picked.known.len(), by_rule(&picked.known));
        lines.push(words.pick(
            format!("{count} 项已告知、未变：{list}。"),
            format!("{count} told before and unchanged: {list}."),
        ));
    }
    if !picked.muted.is_empty() {
        let (count, list) = (picked.muted.len(), by_rule(&picked.muted));
        lines.push(words.pick(
            format!("{count} 项暂不提示（缺数据、运行失败或已静默）：{list}。"),
            format!("{count} held back (missing data, a failed run or silenced): {list}."),
        ));
    }
    lines
}

fn resolved(edition: &Edition<'_>, picked: &Picked<'_>, words: &Words) -> Vec<String> {
    let lines = picked.resolved.iter().map(|alert| {
        let title = edition
            .rules
            .get(&alert.rule)
            .map_or_else(|| label_line(&alert.rule, alert), |rule| rule.say(alert, words).title);
        let since = words.date(alert.since);
        words.pick(
            format!("{}（自 {since}）", clip(&title, TITLE_CHARS)),
            format!("{} (since {since})", clip(&title, TITLE_CHARS)),
        )
    });
    capped(lines.collect(), words)
}

fn figure(edition: &Edition<'_>, headline: &Headline, words: &Words) -> Figure {
    let (rise, fall) = if edition.config.mail.rising_colour == "red" { (RED, GREEN) } else { (GREEN, RED) };
    let growth = headline.previous.filter(|previous| *previous > 0.0).map(|previous| headline.value / previous - 1.0);
    let (change, colour) = match growth {
        None => ("—".to_string(), GREY),
        Some(growth) if growth.abs() < 0.0005 => (format!("＝ {}", words.percent(0.0)), GREY),
        Some(growth) if growth > 0.0 => (format!("▲ {}", words.percent(growth)), rise),
        Some(growth) => (format!("▼ {}", words.percent(-growth)), fall),
    };
    Figure {
        name: clip(&header_text(&headline.name), 40),
        value: words.money(headline.value),
        change,
        colour,
        previous: headline.previous.map_or_else(String::new, |previous| words.money(previous)),
        bars: bars(&headline.history),
    }
}

/// Heights of a small chart from 0 (or the least, when some are negative) to the greatest; 3 to 24 pixels.
fn bars(values: &[f64]) -> Vec<Bar> {
    let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let values = &values[values.len().saturating_sub(30)..];
    let top = values.iter().copied().fold(0.0, f64::max);
    let ground = values.iter().copied().fold(0.0, f64::min);
    if values.len() < 2 || top <= ground {
        return Vec::new();
    }
    let pixels = |value: f64| {
        let share = (value - ground) / (top - ground);
        // The share lies in 0..=1, so the figure in 3..=24.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "3 to 24")]
        let height = (3.0 + 21.0 * share).round() as u32;
        height
    };
    let last = values.len() - 1;
    values.iter().enumerate().map(|(place, value)| Bar { height: pixels(*value), last: place == last }).collect()
}

fn why(edition: &Edition<'_>, audience: &Audience, words: &Words) -> String {
    let head = edition.config.company.head_office.iter().any(|one| one.eq_ignore_ascii_case(&audience.address));
    let (zh, en) = if head {
        ("您在总部收件人名单中（config.toml 的 company.head_office）", "you are on the head office list (company.head_office in config.toml)")
    } else {
        ("您是其中渠道、合作伙伴或客户的负责人", "you are responsible for the channels, partners or customers in it")
    };
    words.pick(
        format!("您收到本邮件，因为{zh}。每次运行都会发一封；没有收到，说明系统出了问题。"),
        format!("You get this mail because {en}. One is sent after every run: when none comes, something is broken."),
    )
}

fn mute(edition: &Edition<'_>, words: &Words) -> String {
    let contact = edition.config.company.head_office.first().map_or("", String::as_str);
    words.pick(
        format!("暂时不想再收到某一项？把它下面的灰色编号发给 {contact}，请其静默一段时间。"),
        format!("To stop hearing about a finding for a while, send its grey reference to {contact} and ask for a silence."),
    )
}

fn name_list(names: &[String], most: usize, words: &Words) -> String {
    let shown: Vec<String> = names.iter().take(most).map(|name| clip(&header_text(name), 30)).collect();
    let list = shown.join(words.pick("、", ", "));
    match names.len().saturating_sub(most) {
        0 => list,
        rest => words.pick(format!("{list} 等 {} 家", names.len()), format!("{list} and {rest} more")),
    }
}

fn capped(mut lines: Vec<String>, words: &Words) -> Vec<String> {
    let distinct: BTreeSet<String> = lines.iter().cloned().collect();
    if distinct.len() < lines.len() {
        lines = distinct.into_iter().collect();
    }
    if lines.len() > LINES_MAX {
        let rest = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(words.pick(format!("……还有 {rest} 条"), format!("… and {rest} more")));
    }
    lines
}

/// At most so many characters.
fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_string();
    }
    let cut: String = text.chars().take(most - 1).collect();
    format!("{}…", cut.trim_end())
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

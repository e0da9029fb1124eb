//! What a digest shows, in sentences: everything the templates print is decided here.

mod sentences;
mod subject;
mod figures;
mod pictures;
mod links;
mod groups;
mod review;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;

use figures::figures;
use groups::groups;
pub(crate) use links::percent_encoded;
use links::{link, silence};
use pictures::{Album, Drawn};
pub(crate) use review::Review;
use sentences::{clip, full_day, lead, more, mute, name_list, plural, why};
use subject::subject;

use crate::address::header_text;
use crate::mail::edition::{Audience, Edition, Picked, Received, Status, status};
use crate::mail::reduction::{Reduction, Standing};
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
    #[serde(skip)]
    pub(crate) pictures: Vec<(String, Vec<u8>)>,
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
    /// For the subject: as short as the rule says it, else the title.
    pub(crate) short: String,
    /// The rule in two or three words.
    pub(crate) kind: String,
    /// Whether a mail may begin with it.
    pub(crate) leads: bool,
    pub(crate) title: String,
    pub(crate) value: String,
    pub(crate) value_label: String,
    pub(crate) comparison: String,
    pub(crate) reason: String,
    pub(crate) advice: String,
    pub(crate) reference: String,
    /// Where to look at it, and the mail that asks for silence about it; empty for none.
    pub(crate) link: String,
    pub(crate) silence: String,
    pub(crate) drawn: Drawn,
    pub(crate) others: String,
    pub(crate) rows: Vec<Row>,
}

/// A further finding of the same rule, in a line.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) title: String,
    pub(crate) value: String,
    pub(crate) reference: String,
}

/// A figure of the day.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) change: String,
    pub(crate) colour: &'static str,
    pub(crate) previous: String,
    /// From when to when the chart goes, and between which amounts.
    pub(crate) span: String,
    pub(crate) drawn: Drawn,
}

/// One bar of a small chart; heights in pixels, the rest pads the bar to the ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Bar {
    pub(crate) height: u32,
    pub(crate) last: bool,
}

/// Tones that read well on white and on the ground of a card (4.5 to 1). `parts.html` has a lighter one of each for dark
/// pages, under a class of its name.
const RED: &str = "#c0392b";
const AMBER: &str = "#985c0c";
const GREEN: &str = "#22784b";
const BLUE: &str = "#386caf";
const GREY: &str = "#626d7b";

impl View {
    pub(crate) fn new(edition: &Edition<'_>, audience: &Audience, picked: &Picked<'_>, words: &Words) -> Self {
        let received = audience.received.as_ref().unwrap_or(edition.received);
        let status = status(edition, received, picked);
        let mut told = groups(edition, &picked.due);
        let rest = told.split_off(told.len().min(edition.config.mail.findings_max.max(1))).concat();
        let mut album = Album::default();
        let found: Vec<Item> = told.iter().map(|group| item(edition, group, words, &mut album)).collect();
        // What a failed run has computed is not what the reports show: no figures then.
        let headlines = match status {
            Status::Failed => Vec::new(),
            _ => figures(edition, audience, words, &mut album),
        };
        // What comes first in the mail comes first in its subject: a run or a file that the other figures hang on.
        let fact = found.iter().find(|item| item.leads);
        let lead = lead(edition, received, picked, status, words);
        let scope = header_text(audience.scope.as_deref().unwrap_or_default());
        let subject = subject(edition, received, picked, status, fact, &scope, words);
        let preview = match fact {
            Some(worst) if worst.reason.is_empty() => lead.clone(),
            Some(worst) => format!("{} · {}", lead.trim_end_matches(['。', '.']), worst.reason),
            None => lead.clone(),
        };
        let more = more(edition, picked, &rest, words);
        let mute = if found.is_empty() { String::new() } else { mute(edition, audience, words) };
        let colour = match status {
            Status::Failed => RED,
            Status::Alert => fact.map_or(AMBER, |worst| worst.colour),
            Status::Late => AMBER,
            Status::Ok => GREEN,
        };
        let mut found = found.into_iter().peekable();
        Self {
            lang: words.pick("zh-CN", "en"),
            status,
            status_word: status.word(words),
            colour,
            subject,
            preview: clip(&preview, 140),
            company: header_text(&edition.config.company.name),
            scope,
            day: day(edition.run.logical_date, words),
            lead,
            facts: facts(edition, received, words),
            card: found.next_if(|item| item.leads),
            items: found.map(Item::without_repeated_value).collect(),
            more,
            headlines,
            resolved: resolved(edition, picked, words),
            notes: notes(edition, audience, words),
            why: why(edition, audience, words),
            mute,
            run_id: header_text(&edition.run.run_id),
            pictures: album.0,
            t: labels(words),
        }
    }
}

fn labels(words: &Words) -> BTreeMap<&'static str, &'static str> {
    let pairs = [
        ("reason", "原因", "Cause"),
        ("advice", "建议", "Do"),
        ("worst", "首要", "First"),
        ("others", "其他", "Also"),
        ("figures", "当日净销售额", "Net sales of the day"),
        ("against", "较上周同日", "against the same day last week"),
        ("channel", "渠道", "Channel"),
        ("resolved", "已恢复", "Resolved"),
        ("notes", "数据说明", "About the data"),
        ("open", "在报表中查看", "Open in the report"),
        ("silence", "静默这一项", "Silence this"),
    ];
    pairs.into_iter().map(|(key, zh, en)| (key, words.pick(zh, en))).collect()
}

/// `11月22日 周日`, `Sun 22 Nov`.
fn day(date: NaiveDate, words: &Words) -> String {
    let (day, weekday) = (words.date(date), words.weekday(date));
    words.pick(format!("{day} {weekday}"), format!("{weekday} {day}"))
}

fn facts(edition: &Edition<'_>, received: &Received, words: &Words) -> Vec<Fact> {
    let run = edition.run;
    let mut facts = vec![Fact {
        name: words.pick("数据截至", "Data as of"),
        value: edition.data_as_of.map_or_else(|| "—".to_string(), |day| full_day(day, words)),
        bad: edition.data_as_of != Some(run.logical_date),
    }];
    if let Some(newer) = edition.readers_at {
        facts.push(Fact {
            name: words.pick("报表仍为", "Reports show"),
            value: words.pick(
                format!("{}（本邮件仅述上述日期）", full_day(newer, words)),
                format!("{}; this mail is of the earlier date alone", full_day(newer, words)),
            ),
            bad: true,
        });
    }
    if received.expected > 0 {
        let missing = name_list(&received.missing, 3, words);
        let counts = format!("{}/{}", received.received, received.expected);
        facts.push(Fact {
            name: words.pick("发送方已到", "Senders arrived"),
            value: if missing.is_empty() {
                counts
            } else {
                words.pick(format!("{counts}，缺 {missing}"), format!("{counts}, without {missing}"))
            },
            bad: received.received < received.expected,
        });
    }
    let (read, refused) = (count(run.rows_read), count(run.rows_rejected));
    let share = if run.rows_read == 0 { 0.0 } else { refused / read };
    let rows = words.number(read);
    facts.push(Fact {
        name: words.pick("读入行数", "Rows read"),
        value: if run.rows_read == 0 {
            words.pick("没有新的行", "no new rows").to_string()
        } else if run.rows_rejected == 0 {
            words.pick(format!("{rows}，全部可用"), format!("{rows}, none refused"))
        } else {
            let small = if share < 0.001 { "<0.1%".to_string() } else { words.percent(share) };
            let refused = words.number(refused);
            words.pick(format!("{rows}，拒收 {refused}（{small}）"), format!("{rows}, {refused} refused ({small})"))
        },
        bad: share >= 0.01,
    });
    facts
}

/// A count for reading.
#[expect(clippy::cast_precision_loss, reason = "shown with four digits at most")]
fn count(rows: u64) -> f64 {
    rows as f64
}

fn item(edition: &Edition<'_>, group: &[&Alert], words: &Words, album: &mut Album) -> Item {
    let alert = group[0];
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
        short: header_text(if said.subject.is_empty() { &said.title } else { &said.subject }),
        kind: rule.map_or_else(|| alert.rule.clone(), |rule| rule.short_name(words)),
        leads: rule.is_none_or(|rule| rule.leads(alert)),
        title: clip(&said.title, TITLE_CHARS),
        value: said.value,
        value_label: clip(&said.value_label, TITLE_CHARS),
        comparison: clip(&said.comparison, TEXT_CHARS),
        reason: clip(&said.reason, TEXT_CHARS),
        advice: clip(&said.advice, TEXT_CHARS),
        reference: clip(&label_line(&alert.rule, alert), TEXT_CHARS),
        link: link(edition, alert),
        silence: silence(edition, alert, words),
        drawn: rule.map_or_else(Drawn::default, |rule| album.finding(edition.config, rule, group, colour, words)),
        others: others(edition, group, words),
        rows: rows(edition, group, words),
    }
}

/// The findings of a group after its worst, as lines of a small table.
fn rows(edition: &Edition<'_>, group: &[&Alert], words: &Words) -> Vec<Row> {
    let row = |alert: &&Alert| {
        let reference = label_line(&alert.rule, alert);
        let said = edition.rules.get(&alert.rule).map(|rule| rule.say(alert, words));
        let said = said.unwrap_or_else(|| Said { title: reference.clone(), ..Said::default() });
        let title = clip(&said.title, TITLE_CHARS);
        Row { value: if title.contains(&said.value) { String::new() } else { said.value }, title, reference }
    };
    group.iter().skip(1).take(edition.config.mail.finding_rows_max).map(row).collect()
}

/// How many findings of the same rule there are, and how many of them are in no line.
fn others(edition: &Edition<'_>, group: &[&Alert], words: &Words) -> String {
    let count = group.len();
    if count < 2 {
        return String::new();
    }
    let left = (count - 1).saturating_sub(edition.config.mail.finding_rows_max);
    let name = edition.rules.get(&group[0].rule).map_or_else(|| group[0].rule.clone(), |rule| rule.short_name(words));
    let all = words.pick(format!("{name}共 {count} 项，此为其首"), format!("the first of {count}: {name}"));
    match left {
        0 => all,
        _ => words.pick(format!("{all}；另有 {left} 项未列"), format!("{all}; {left} not listed")),
    }
}

impl Item {
    /// In a list, a value that the title holds is not said twice.
    fn without_repeated_value(mut self) -> Self {
        if self.title.contains(&self.value) {
            self.value.clear();
        }
        self
    }
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

/// What the figures lack. What else the run noted is for those who run it: counted for head office, shown by `show`.
fn notes(edition: &Edition<'_>, audience: &Audience, words: &Words) -> Vec<String> {
    let said = |reduction: &Reduction| {
        let because: Vec<&str> =
            reduction.because.iter().map(|cause| words.pick(cause.zh.as_str(), cause.en.as_str())).collect();
        let line = words.pick(
            format!("{}：{}", reduction.name.zh, because.join("；")),
            format!("{}: {}", reduction.name.en, because.join("; ")),
        );
        clip(&header_text(&line), TEXT_CHARS)
    };
    let told = || edition.reduced.iter().filter(|reduction| reduction.standing != Standing::Unused);
    let mut lines = capped(told().map(said).collect(), words);
    // Each is a note of the run, and all that are not used together one.
    let of_feeds = told().count() + usize::from(told().count() < edition.reduced.len());
    let others = edition.run.notes.len().saturating_sub(of_feeds);
    if others > 0 && edition.config.company.head_office.contains(&audience.address) {
        lines.push(words.pick(
            format!("本次运行另有 {others} 条提示，供系统维护人员查看"),
            format!("{} of this run for the operator", plural(others, "more note", "more notes")),
        ));
    }
    lines
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

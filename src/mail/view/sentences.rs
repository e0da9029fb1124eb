//! The sentences of a digest in both languages.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::address::header_text;
use crate::mail::edition::{Audience, Edition, Picked, Received, Status};
use crate::mail::view::LINES_MAX;
use crate::mail::wishes::helper;
use crate::mail::words::Words;
use crate::state::record::Alert;

/// `2026年11月22日 周日`.
pub(super) fn full_day(date: NaiveDate, words: &Words) -> String {
    words.pick(
        format!("{} {}", date.format("%Y年%-m月%-d日"), words.weekday(date)),
        format!("{} {}", words.weekday(date), date.format("%-d %b %Y")),
    )
}

/// Findings that ask for something; the others are notes.
pub(super) fn serious(alerts: &[&Alert]) -> usize {
    alerts.iter().filter(|alert| alert.severity != "info").count()
}

pub(super) fn lead(
    edition: &Edition<'_>,
    received: &Received,
    picked: &Picked<'_>,
    status: Status,
    words: &Words,
) -> String {
    let all = picked.due.len() + picked.known.len();
    let (due, known) = (serious(&picked.due), serious(&picked.known));
    let critical = picked.due.iter().filter(|alert| alert.severity == "critical").count();
    let asked = match (due, critical) {
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
    let findings = match picked.due.len() - due {
        0 => asked,
        notes => words.pick(
            format!("{asked}；另有 {notes} 项提示"),
            format!("{asked}; {} besides", plural(notes, "note", "notes")),
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
            if all == 0 {
                text.push_str(words.pick("；没有其他需要您处理的事。", "; nothing else needs your attention."));
            } else {
                text.push_str(&words.pick(format!("；{findings}。"), format!(". {findings}.")));
            }
            text
        }
        Status::Ok if reports_short(edition) > 0 => {
            let short = reports_short(edition);
            let feeds = edition.reduced.iter().filter(|reduction| !reduction.marts.is_empty());
            let names: Vec<String> =
                feeds.map(|reduction| words.pick(reduction.name.zh.clone(), reduction.name.en.clone())).collect();
            let names = feed_list(&names, words);
            let other = match all {
                0 => String::new(),
                _ => words.pick(
                    format!("另有 {all} 项提示。"),
                    format!(" {} for your information.", plural(all, "note", "notes")),
                ),
            };
            words.pick(
                format!("没有需要您处理的事，但 {short} 张报表因没有 {names} 数据而不全。{other}"),
                format!(
                    "Nothing needs your attention, but {} incomplete for want of {names}.{other}",
                    plural(short, "report is", "reports are")
                ),
            )
        }
        Status::Ok if all == 0 => words.pick(
            "一切正常，没有需要您处理的事。".to_string(),
            "All is well: nothing needs your attention.".to_string(),
        ),
        Status::Ok => words.pick(
            format!("一切正常，另有 {all} 项提示。"),
            format!("All is well; {} for your information.", plural(all, "note", "notes")),
        ),
        Status::Alert => words.pick(format!("{findings}。"), format!("{findings}.")),
    }
}

/// What is counted and not shown: further findings by rule, known ones, muted ones.
pub(super) fn more(edition: &Edition<'_>, picked: &Picked<'_>, rest: &[&Alert], words: &Words) -> Vec<String> {
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
    if !rest.is_empty() {
        let (list, rest) = (by_rule(rest), rest.len());
        lines.push(words.pick(
            format!("还有 {rest} 项：{list}。明细见报表。"),
            format!("{rest} more: {list}. The reports have the details."),
        ));
    }
    if !picked.known.is_empty() && !picked.due.is_empty() {
        let (count, list) = (picked.known.len(), by_rule(&picked.known));
        lines.push(
            words.pick(
                format!("{count} 项已告知、未变：{list}。"),
                format!("{count} told before and unchanged: {list}."),
            ),
        );
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

pub(super) fn why(edition: &Edition<'_>, audience: &Audience, words: &Words) -> String {
    let head = edition.config.company.head_office.iter().any(|one| one.eq_ignore_ascii_case(&audience.address));
    let (zh, en) = if head {
        (
            "您在总部收件人名单中（config.toml 的 company.head_office）",
            "you are on the head office list (company.head_office in config.toml)",
        )
    } else {
        ("您是其中渠道、合作伙伴或客户的负责人", "you are responsible for the channels, partners or customers in it")
    };
    if edition.config.recipient(&audience.address).is_some_and(|wish| wish.every == "week") {
        return words.pick(
            format!("您收到本邮件，因为{zh}。按您的设置每周一封，列出当日仍未解决的事项；没有收到，说明系统出了问题。"),
            format!(
                "You get this mail because {en}. As you wish it comes once a week and says what stands on that day: when none \
                 comes, something is broken."
            ),
        );
    }
    words.pick(
        format!("您收到本邮件，因为{zh}。每次运行都会发一封；没有收到，说明系统出了问题。"),
        format!("You get this mail because {en}. One is sent after every run: when none comes, something is broken."),
    )
}

pub(super) fn mute(edition: &Edition<'_>, audience: &Audience, words: &Words) -> String {
    let contact = helper(edition.config).unwrap_or_default();
    let head = edition.config.company.head_office.iter().any(|one| one.eq_ignore_ascii_case(&audience.address));
    if head {
        return words.pick(
            "暂时不想再收到某一项？请系统维护人员执行 tributary silence add，加它下面的灰色编号，再加 --for 7d。"
                .to_string(),
            "To stop hearing about a finding for a while, the operator gives: tributary silence add, its grey reference, \
             --for 7d."
                .to_string(),
        );
    }
    words.pick(
        format!("暂时不想再收到某一项？把它下面的灰色编号发给 {contact}，请其静默一段时间。"),
        format!(
            "To stop hearing about a finding for a while, send its grey reference to {contact} and ask for a silence."
        ),
    )
}

/// Reports that lack something which never came, for whatever reason.
pub(super) fn reports_short(edition: &Edition<'_>) -> usize {
    edition.reduced.iter().flat_map(|reduction| &reduction.marts).collect::<BTreeSet<_>>().len()
}

/// Feeds named before the rest is counted.
const FEEDS_NAMED: usize = 3;

fn feed_list(names: &[String], words: &Words) -> String {
    let shown: Vec<String> = names.iter().take(FEEDS_NAMED).map(|name| clip(&header_text(name), 30)).collect();
    let list = shown.join(words.pick("、", ", "));
    match names.len().saturating_sub(FEEDS_NAMED) {
        0 => list,
        rest => words.pick(format!("{list} 等 {} 类", names.len()), format!("{list} and {rest} more kinds of files")),
    }
}

pub(super) fn name_list(names: &[String], most: usize, words: &Words) -> String {
    let shown: Vec<String> = names.iter().take(most).map(|name| clip(&header_text(name), 30)).collect();
    let list = shown.join(words.pick("、", ", "));
    match names.len().saturating_sub(most) {
        0 => list,
        rest => words.pick(format!("{list} 等 {} 家", names.len()), format!("{list} and {rest} more")),
    }
}

pub(super) fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The beginning of a text in at most so many characters, cut between words and figures and never inside one.
pub(super) fn clip(text: &str, most: usize) -> String {
    let all: Vec<char> = text.chars().collect();
    if all.len() <= most {
        return text.to_string();
    }
    let word =
        |at: usize| all.get(at).is_some_and(|one| !one.is_whitespace() && (one.is_ascii() || "¥€£".contains(*one)));
    let scale = |at: usize| all.get(at).is_some_and(|one| "万亿".contains(*one));
    let inside = |at: usize| word(at - 1) && word(at) || scale(at) || all[at] == ' ' && scale(at + 1);
    let mut end = most.saturating_sub(1);
    while end > 0 && inside(end) {
        end -= 1;
    }
    // One endless word has no other place to be cut.
    let end = if end == 0 { most.saturating_sub(1) } else { end };
    let kept: String = all[..end].iter().collect();
    format!("{}…", kept.trim_end_matches([' ', '，', '：', '（', ',', ':', '(', '·']))
}

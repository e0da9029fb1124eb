//! Subjects: the fact first, in what a phone shows. Nothing is ever cut; what does not fit is said shorter, clause by clause.

use unicode_width::UnicodeWidthStr as _;

use super::Item;
use super::sentences::{plural, reports_short, serious};
use crate::address::header_text;
use crate::mail::edition::{Edition, Picked, Received, Status};
use crate::mail::words::Words;

/// Widest subject, in columns: a Chinese character takes two.
const COLUMNS_MAX: usize = 40;

/// The subject of a digest.
pub(super) fn subject(
    edition: &Edition<'_>,
    received: &Received,
    picked: &Picked<'_>,
    status: Status,
    worst: Option<&Item>,
    scope: &str,
    words: &Words,
) -> String {
    let day = words.date(edition.run.logical_date);
    let said: Vec<Vec<String>> = match status {
        Status::Failed => failed(edition, words),
        Status::Alert => alert(picked, worst, scope, words),
        Status::Late => late(received, words),
        Status::Ok if reports_short(edition) == 0 => {
            vec![vec![words.pick("一切正常", "all is well").to_string()]]
        }
        Status::Ok => vec![
            vec![words.pick("无待办，部分报表不全", "nothing to do, some reports incomplete").to_string()],
            vec![words.pick("部分报表不全", "some reports incomplete").to_string()],
        ],
    };
    let head = format!("[{}] ", status.word(words));
    let written = |parts: &[String]| header_text(&format!("{head}{}", parts.join(" · ")));
    let whole = said.iter().flat_map(|parts| {
        let dated = parts.iter().cloned().chain([day.clone()]).collect::<Vec<_>>();
        [written(&dated), written(parts)]
    });
    // The word of the status and the day fit always.
    shortest(whole, &written(std::slice::from_ref(&day)))
}

/// The first of these subjects that fits, else the last resort.
pub(super) fn shortest(said: impl IntoIterator<Item = String>, last: &str) -> String {
    said.into_iter().find(|text| text.width() <= COLUMNS_MAX).unwrap_or_else(|| last.trim_end().to_string())
}

fn failed(edition: &Edition<'_>, words: &Words) -> Vec<Vec<String>> {
    let plain = words.pick("运行未完成", "run did not finish").to_string();
    let dated = edition.data_as_of.map(|day| {
        let day = words.date(day);
        words.pick(format!("运行未完成，仍为{day}的数据"), format!("run failed, data of {day}"))
    });
    dated.into_iter().chain([plain]).map(|text| vec![text]).collect()
}

/// The worst with its count, then without; at the very least how many there are.
fn alert(picked: &Picked<'_>, worst: Option<&Item>, scope: &str, words: &Words) -> Vec<Vec<String>> {
    let (due, known) = (serious(&picked.due), serious(&picked.known));
    let count = due.max(usize::from(due + known == 0));
    let counted = if due > 0 || known == 0 {
        words.pick(format!("{count} 项异常"), plural(count, "finding", "findings"))
    } else {
        words.pick(format!("{known} 项已知异常未变"), format!("{} unchanged", plural(known, "finding", "findings")))
    };
    let mut all = Vec::new();
    if let Some(worst) = worst {
        let with_value = format!("{} {}", worst.kind, worst.value);
        let mut facts = vec![worst.short.clone(), with_value.trim_end().to_string(), worst.kind.clone()];
        if !scope.is_empty() && !worst.short.contains(scope) {
            facts.insert(0, format!("{scope} {}", worst.short));
        }
        if worst.kind.is_empty() {
            facts.retain(|fact| *fact == worst.short);
        }
        let more = |fact: &String| match count {
            0 | 1 => vec![fact.clone()],
            _ => vec![words.pick(format!("{fact} 等 {count} 项"), format!("{fact} +{} more", count - 1))],
        };
        // Whose it is counts for more than how many there are besides.
        let (named, kinds) = facts.split_at(facts.len().saturating_sub(2).max(1));
        for facts in [named, kinds] {
            all.extend(facts.iter().map(more));
            all.extend(facts.iter().map(|fact| vec![fact.clone()]));
        }
    }
    all.push(vec![counted]);
    all
}

fn late(received: &Received, words: &Words) -> Vec<Vec<String>> {
    let (there, due, missing) = (received.received, received.expected, &received.missing);
    let counts = words.pick(format!("{there}/{due} 家已到"), format!("{there} of {due} senders arrived"));
    let short = words.pick(format!("{there}/{due} 家已到"), format!("{there} of {due} arrived"));
    let lacking = |most: usize| {
        let shown: Vec<String> = missing.iter().take(most).map(|name| header_text(name)).collect();
        let list = shown.join(words.pick("、", ", "));
        match missing.len().saturating_sub(most) {
            0 => words.pick(format!("缺 {list}"), format!("waiting for {list}")),
            rest => {
                words.pick(format!("缺 {list} 等 {} 家", missing.len()), format!("waiting for {list} and {rest} more"))
            }
        }
    };
    let mut all = Vec::new();
    if !missing.is_empty() {
        all.extend([2, 1].map(|most| vec![counts.clone(), lacking(most)]));
        all.extend([2, 1].map(|most| vec![short.clone(), lacking(most)]));
        all.push(vec![lacking(1)]);
    }
    all.push(vec![counts]);
    all
}

//! Files that need somebody: missing, refused, late, short or in part unusable; the worst first, with the command to give.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use serde::Serialize;

use super::deliveries::{feed_name, title};
use super::{Surroundings, instant};
use crate::mail::words::Words;
use crate::report::text::thousands;
use crate::state::record::{Input, InputStatus, RunRecord};

/// Days for which a refused file that nobody replaced is still shown.
const REFUSED_DAYS: u64 = 31;
/// Days and reasons named before the rest is counted.
const NAMED: usize = 3;

/// A file that is owed and not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// Who owes it.
    pub sender: String,
    /// Of which feed.
    pub feed: String,
    /// For which day.
    pub date: NaiveDate,
    /// When its grace was over.
    pub due_by: chrono::DateTime<chrono::Utc>,
    /// `missing`, `refused`, `set aside` or `awaited`.
    pub standing: &'static str,
}

/// A file, or the days of one feed, that somebody has to see to.
#[derive(Debug, Serialize)]
pub(super) struct Trouble {
    #[serde(skip)]
    rank: usize,
    standing: &'static str,
    tone: &'static str,
    sender: String,
    feed: String,
    /// Days or key.
    what: String,
    words: Vec<String>,
    contact: String,
    /// What to type.
    command: String,
}

/// What needs somebody, and how many files of this run need nobody. What is missing now stands on the newest run's page.
pub(super) fn troubles(
    around: &Surroundings<'_>,
    run: &RunRecord,
    newest: bool,
    words: &Words,
) -> (Vec<Trouble>, usize) {
    let mut all = Vec::new();
    if newest {
        all.extend(missing(around, words));
    }
    let since = run.logical_date.checked_sub_days(Days::new(REFUSED_DAYS)).unwrap_or(run.logical_date);
    let mut quiet = 0;
    let mut inputs: Vec<&Input> = around.state.inputs().map(AsRef::as_ref).collect();
    inputs.sort_by(|one, other| one.key.cmp(&other.key));
    for input in inputs {
        let own = input.run_id == run.run_id;
        let open = newest && input.delivered_at.date_naive() >= since && stands_refused(input);
        match file(around, input, words).filter(|_| own || open) {
            Some(trouble) => all.push(trouble),
            None if own => quiet += 1,
            None => {}
        }
    }
    all.extend(late(around, run, words));
    all.sort_by_key(|trouble| trouble.rank);
    (all, quiet)
}

fn stands_refused(input: &Input) -> bool {
    matches!(input.status, InputStatus::Quarantined | InputStatus::SetAside)
}

fn trouble(around: &Surroundings<'_>, sender: &str, feed: &str, words: &Words) -> Trouble {
    let contact = around.senders.get(sender).and_then(|known| known.contact.clone()).unwrap_or_default();
    Trouble {
        rank: 9,
        standing: "",
        tone: "warn",
        sender: title(around, sender),
        feed: feed_name(around, feed, words),
        what: String::new(),
        words: Vec::new(),
        contact,
        command: String::new(),
    }
}

/// What is owed, the days of a sender's feed together.
fn missing(around: &Surroundings<'_>, words: &Words) -> Vec<Trouble> {
    let mut owed: BTreeMap<(&str, &str), Vec<&Lack>> = BTreeMap::new();
    for lack in around.lacking.iter().filter(|lack| lack.standing == "missing") {
        owed.entry((&lack.sender, &lack.feed)).or_default().push(lack);
    }
    let line = |((sender, feed), mut lacks): ((&str, &str), Vec<&Lack>)| {
        lacks.sort_by_key(|lack| lack.date);
        let named: Vec<String> = lacks.iter().rev().take(NAMED).map(|lack| words.date(lack.date)).collect();
        let list = named.join(words.pick("、", ", "));
        let what = match lacks.len().saturating_sub(NAMED) {
            0 => list,
            more => words.pick(format!("{list} 等 {} 天", lacks.len()), format!("{list} and {more} more days")),
        };
        let due = lacks.last().map(|lack| instant(lack.due_by, around.config)).unwrap_or_default();
        Trouble {
            rank: 0,
            standing: words.pick("未到", "missing"),
            tone: "bad",
            what,
            words: vec![words.pick(format!("应于 {due} 前送达"), format!("was due by {due}"))],
            command: "tributary freshness".to_string(),
            ..trouble(around, sender, feed, words)
        }
    };
    owed.into_iter().map(line).collect()
}

/// A file that was refused, whole or in part, or that there is something to say of.
fn file(around: &Surroundings<'_>, input: &Input, words: &Words) -> Option<Trouble> {
    let mut said: Vec<String> = input.reason.iter().chain(&input.warnings).cloned().collect();
    let without = !input.without.is_empty();
    if said.is_empty() && input.rows_rejected == 0 && !without {
        return None;
    }
    let more = said.len().saturating_sub(NAMED);
    said.truncate(NAMED);
    if more > 0 {
        said.push(words.pick(format!("……另有 {more} 条"), format!("… and {more} more")));
    }
    let (rank, standing, tone) = match input.status {
        InputStatus::Quarantined => (1, words.pick("被拒收", "refused"), "bad"),
        InputStatus::SetAside => (1, words.pick("已暂不计入", "set aside"), "bad"),
        _ if input.rows_rejected > 0 || without => (4, words.pick("部分行不可用", "rows refused"), "warn"),
        InputStatus::Active => (5, words.pick("有提示", "remarks"), "none"),
        InputStatus::Superseded => (6, words.pick("已被替换", "replaced"), "none"),
    };
    if input.rows_rejected > 0 {
        let (refused, read) = (thousands(input.rows_rejected), thousands(input.rows_read));
        said.insert(
            0,
            words.pick(format!("{read} 行中 {refused} 行不可用"), format!("{refused} of {read} rows refused")),
        );
    }
    let command = match input.status {
        InputStatus::SetAside => format!("tributary restore {}", input.key),
        _ if input.rows_rejected > 0 || input.status == InputStatus::Quarantined => {
            format!("tributary rejects --sender {}", input.sender)
        }
        _ => String::new(),
    };
    let trouble = trouble(around, &input.sender, &input.feed, words);
    Some(Trouble { rank, standing, tone, what: input.key.clone(), words: said, command, ..trouble })
}

/// What came after its time or holds far less than usual, of the run's day.
fn late(around: &Surroundings<'_>, run: &RunRecord, words: &Words) -> Vec<Trouble> {
    let of_day = around.deliveries.iter().filter(|delivery| delivery.date == run.logical_date);
    let mut all = Vec::new();
    for delivery in of_day {
        let plain = || Trouble {
            what: words.date(delivery.date),
            command: "tributary freshness".to_string(),
            ..trouble(around, &delivery.sender, &delivery.feed, words)
        };
        if delivery.status == "late" {
            let hours = words.number(delivery.late_hours.unwrap_or(f64::NAN));
            let said = words.pick(format!("迟到 {hours} 小时"), format!("{hours} hours after its time"));
            all.push(Trouble { rank: 3, standing: words.pick("迟到", "late"), words: vec![said], ..plain() });
        }
        if delivery.warning.is_some() {
            let share = words.percent(delivery.usual_share.unwrap_or(f64::NAN));
            let said = words.pick(format!("为往常的 {share}"), format!("{share} of what is usual"));
            all.push(Trouble { rank: 2, standing: words.pick("偏少", "short"), words: vec![said], ..plain() });
        }
    }
    all
}

//! How fresh what each sender delivers is: a cell a day.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use serde::Serialize;

use super::Surroundings;
use super::nights::NIGHTS;
use crate::mail::words::Words;
use crate::state::record::RunRecord;

/// What became of the file of one day.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The sender.
    pub sender: String,
    /// The feed.
    pub feed: String,
    /// The day.
    pub date: NaiveDate,
    /// `on_time`, `late`, `missing`, `corrected`, `quarantined`, `pending` …, as the mart `deliveries` has it.
    pub status: String,
    /// Hours after its time.
    pub late_hours: Option<f64>,
    /// Why it is odd although it came: `few_rows`, `few_files`.
    pub warning: Option<String>,
    /// Share of the rows that are usual.
    pub usual_share: Option<f64>,
}

/// The days of one sender's feed.
#[derive(Debug, Serialize)]
pub(super) struct Fresh {
    sender: String,
    feed: String,
    /// Days on which something was wrong.
    troubled: usize,
    cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct Cell {
    tone: &'static str,
    words: String,
}

/// The status of a delivery, for people, and its tone.
pub(in crate::report) fn said(status: &str, words: &Words) -> (String, &'static str) {
    let (zh, en, tone) = match status {
        "on_time" => ("按时", "on time", "good"),
        "late" => ("迟到", "late", "warn"),
        "missing" => ("未到", "missing", "bad"),
        "corrected" => ("已更正", "corrected", "good"),
        "quarantined" => ("被拒收", "refused", "bad"),
        "pending" => ("未到期", "not due yet", "none"),
        other => return (other.to_string(), "warn"),
    };
    (words.pick(zh, en).to_string(), tone)
}

/// A line a sender and feed, the most troubled first; its days end with the run's.
pub(super) fn freshness(around: &Surroundings<'_>, run: &RunRecord, words: &Words) -> Vec<Fresh> {
    let days: Vec<NaiveDate> =
        (0..NIGHTS as u64).rev().filter_map(|back| run.logical_date.checked_sub_days(Days::new(back))).collect();
    let mut by_feed: BTreeMap<(&str, &str), BTreeMap<NaiveDate, &Delivery>> = BTreeMap::new();
    for delivery in around.deliveries.iter().filter(|delivery| days.contains(&delivery.date)) {
        by_feed.entry((&delivery.sender, &delivery.feed)).or_default().insert(delivery.date, delivery);
    }
    let line = |((sender, feed), cells): ((&str, &str), BTreeMap<NaiveDate, &Delivery>)| {
        let cell = |day: &NaiveDate| match cells.get(day) {
            None => Cell { tone: "none", words: format!("{day}") },
            Some(delivery) => {
                let (said, tone) = said(&delivery.status, words);
                let short = delivery.warning.is_some();
                let more = if short { words.pick("，偏少", ", short") } else { "" };
                Cell {
                    tone: if short && tone == "good" { "warn" } else { tone },
                    words: format!("{day}: {said}{more}"),
                }
            }
        };
        let cells: Vec<Cell> = days.iter().map(cell).collect();
        Fresh {
            sender: title(around, sender),
            feed: feed_name(around, feed, words),
            troubled: cells.iter().filter(|cell| ["warn", "bad"].contains(&cell.tone)).count(),
            cells,
        }
    };
    let mut lines: Vec<Fresh> = by_feed.into_iter().map(line).collect();
    lines.sort_by(|one, other| other.troubled.cmp(&one.troubled).then(one.sender.cmp(&other.sender)));
    lines
}

/// What people call a sender.
pub(super) fn title(around: &Surroundings<'_>, sender: &str) -> String {
    around.senders.get(sender).map_or_else(|| sender.to_string(), |known| known.title.clone())
}

/// What people call a feed.
pub(super) fn feed_name(around: &Surroundings<'_>, feed: &str, words: &Words) -> String {
    let [en, zh] = around.config.feed_names(feed);
    words.pick(zh, en)
}

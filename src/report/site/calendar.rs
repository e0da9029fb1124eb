//! What was delivered when: of every sender and feed a sheet of the last thirteen weeks, a cell a day.

use std::collections::BTreeMap;

use chrono::{Datelike as _, Days, NaiveDate};
use serde::Serialize;

use super::Site;
use crate::error::Result;
use crate::mail::words::Words;
use crate::report::page::{Delivery, page_of, phrases, said};

/// Weeks that are shown.
const WEEKS: u64 = 13;

#[derive(Debug, Serialize)]
struct Sheet {
    sender: String,
    link: String,
    feed: String,
    late: usize,
    missing: usize,
    cells: Vec<(String, String)>,
}

pub(super) fn page(site: &Site<'_>, words: &Words) -> Result<String> {
    #[derive(Serialize)]
    struct View<'a> {
        lang: &'static str,
        title: String,
        beside: &'a [(String, String)],
        intro: &'static str,
        sheets: Vec<Sheet>,
        first: String,
        last: String,
        legend: Vec<(&'static str, &'static str)>,
        t: BTreeMap<&'static str, &'static str>,
    }
    let last = site.around.state.published_run().map(|run| run.logical_date).unwrap_or_default();
    let days = days(last);
    let mut by_feed: BTreeMap<(&str, &str), BTreeMap<NaiveDate, &Delivery>> = BTreeMap::new();
    for delivery in site.around.deliveries.iter().filter(|delivery| days.contains(&delivery.date)) {
        by_feed.entry((&delivery.sender, &delivery.feed)).or_default().insert(delivery.date, delivery);
    }
    let sheet = |((sender, feed), of_day): ((&str, &str), BTreeMap<NaiveDate, &Delivery>)| {
        let cell = |day: &NaiveDate| match of_day.get(day) {
            None => ("none".to_string(), day.to_string()),
            Some(delivery) => {
                let (text, tone) = said(&delivery.status, words);
                (tone.to_string(), format!("{day}: {text}"))
            }
        };
        let count = |status: &str| of_day.values().filter(|delivery| delivery.status == status).count();
        let title = site.around.senders.get(sender).map_or_else(|| sender.to_string(), |known| known.title.clone());
        let [en, zh] = site.around.config.feed_names(feed);
        Sheet {
            sender: title,
            link: format!("senders.html#{sender}"),
            feed: words.pick(zh, en),
            late: count("late"),
            missing: count("missing") + count("quarantined"),
            cells: days.iter().map(cell).collect(),
        }
    };
    let day = |day: Option<&NaiveDate>| day.map(ToString::to_string).unwrap_or_default();
    let view = View {
        lang: words.pick("zh-CN", "en"),
        title: format!("{} · {}", words.pick("交付日历", "Deliveries"), site.around.config.company.name),
        beside: site.around.beside,
        intro: words.pick("每列一周，自周一至周日。", "A column a week, from Monday down to Sunday."),
        sheets: by_feed.into_iter().map(sheet).collect(),
        first: day(days.first()),
        last: day(days.last()),
        legend: [
            ("good", "按时", "on time"),
            ("warn", "迟到", "late"),
            ("bad", "未到或被拒收", "missing or refused"),
            ("none", "不要求", "none due"),
        ]
        .into_iter()
        .map(|(tone, zh, en)| (tone, words.pick(zh, en)))
        .collect(),
        t: phrases(words),
    };
    page_of("calendar.html", include_str!("calendar.html"), &view)
}

/// Whole weeks up to the one of `last`, oldest first.
fn days(last: NaiveDate) -> Vec<NaiveDate> {
    let to_sunday = 6 - u64::from(last.weekday().num_days_from_monday());
    let sunday = last.checked_add_days(Days::new(to_sunday)).unwrap_or(last);
    (0..7 * WEEKS).rev().filter_map(|back| sunday.checked_sub_days(Days::new(back))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_are_whole_and_end_with_the_last_day() {
        for last in ["2026-11-22", "2026-11-23", "2026-11-25"] {
            let last: NaiveDate = last.parse().expect("a date");
            let days = days(last);
            assert_eq!(days.len(), 91);
            assert_eq!(days[0].weekday(), chrono::Weekday::Mon);
            assert!(days[84..].contains(&last), "{last} is in the last column");
        }
    }
}

//! Which marts a night leaves incomplete, and whose file is the reason: a feed that never arrived, a folder that
//! could not be listed, a file that is missing, refused or not due yet.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::Value as Json;

use super::expect::{self, Lack};
use super::flow::Night;
use super::master_data;
use crate::config::Config;
use crate::error::Result;
use crate::mail::reduction::{Reduction, Standing, unused};
use crate::mail::rule::{Row, Texts};
use crate::mail::words::Words;
use crate::models::BuildOutcome;
use crate::sender::Broken;

/// The mart that compares every file with its sender's own history.
const DELIVERIES: &str = "deliveries";

/// Marts named in a note before the rest is counted; the report names all.
const MARTS_SHOWN: usize = 3;
/// Days named of one sender before the rest is counted.
const DAYS_SHOWN: usize = 4;

/// Tells what reduces the run: in the account, in its notes, and for the mails in both languages.
pub(super) fn tell(night: &mut Night<'_>, marts: &[String], absent_feeds: &[String]) -> Result<()> {
    let mut causes: BTreeMap<String, Vec<Cause>> = BTreeMap::new();
    let mut not_used: BTreeSet<String> = BTreeSet::new();
    let master_data = master_data::missing(&night.company.contracts, &night.company.senders);
    for feed in absent_feeds {
        let cause = match master_data.get(feed) {
            Some(used_by) => {
                let used_by = feed_names(&night.company.config, used_by);
                texts(
                    format!("never arrived and is read as empty, though {} refer to it", used_by.en),
                    format!("从未收到，按空表计算，而{}要用它对应", used_by.zh),
                )
            }
            None => texts("never arrived and is read as empty", "从未收到，按空表计算"),
        };
        causes.entry(feed.clone()).or_default().push(cause.into());
        // A feed that no sender declares is not used by this company; one that is declared is missed.
        if !night.company.senders.delivers(feed) {
            not_used.insert(feed.clone());
        }
    }
    let company = night.company;
    for broken in company.senders.broken() {
        if !night.sender_in_job(&broken.name) {
            continue;
        }
        let cause = texts(
            format!("{} is left out, since its mapping cannot be used: {}", broken.name, broken.error.one_line()),
            format!("{} 的映射文件有误，暂不处理其文件：{}", broken.name, broken.error.one_line()),
        );
        let known: Vec<&String> = broken.feeds.iter().filter(|feed| company.contracts.get(feed).is_some()).collect();
        if known.is_empty() {
            // It may be about any feed, or about one that there is not: no mart can be named.
            night.warn(cause.en);
            continue;
        }
        for feed in known {
            causes.entry(feed.clone()).or_default().push(cause.clone().into());
        }
    }
    for place in &night.unlisted {
        let title = title(night, &place.sender);
        let cause = texts(format!("the folder of {title} cannot be listed"), format!("{title}的文件夹读不到"));
        let note = format!("{} cannot be listed", place.sender);
        causes.entry(place.feed.clone()).or_default().push(Cause { note, ..Cause::from(cause) });
    }
    let mut lacks: BTreeMap<(String, Lack, String), Vec<NaiveDate>> = BTreeMap::new();
    for (file, lack) in expect::lacking(night)? {
        lacks.entry((file.feed, lack, file.sender)).or_default().push(file.business_date);
    }
    let mut awaited: BTreeSet<String> = BTreeSet::new();
    for ((feed, lack, sender), dates) in lacks {
        if lack == Lack::Pending && !causes.contains_key(&feed) {
            awaited.insert(feed.clone());
        } else if lack != Lack::Pending {
            awaited.remove(&feed);
        }
        let cause = lacking(&title(night, &sender), lack, &days_in_words(night.request.date, &dates));
        let note = lacking(&sender, lack, &days(&dates)).en;
        causes.entry(feed).or_default().push(Cause { note, ..Cause::from(cause) });
    }
    for (feed, because) in causes {
        let marts: Vec<String> =
            night.company.registry.marts_of_feed(marts, &feed).into_iter().map(str::to_string).collect();
        let standing = match (not_used.contains(&feed), awaited.contains(&feed)) {
            (true, _) if master_data.contains_key(&feed) => Standing::MasterData,
            (true, _) => Standing::Unused,
            (_, true) => Standing::Awaited,
            _ => Standing::Lacking,
        };
        let name = feed_name(&night.company.config, &feed);
        let notes: Vec<&str> = because.iter().map(|cause| cause.note.as_str()).collect();
        let note = format!("{feed}: {}{}", notes.join("; "), reducing(&marts));
        let because = because.into_iter().map(|cause| cause.said).collect();
        let reduction = Reduction { feed, name, because, marts, standing };
        match standing {
            Standing::Lacking | Standing::MasterData => night.warn(note),
            Standing::Awaited => night.notes.push(note),
            Standing::Unused => {}
        }
        night.reduced.push(reduction);
    }
    // A company that only sells would read the same of twenty feeds every night.
    night.notes.extend(unused(&night.reduced));
    Ok(())
}

/// The row of the alert `run_reduced`, if anything is wrong with what this run read.
pub(super) fn alert_row(night: &Night<'_>) -> Option<Row> {
    let wrong: Vec<&Reduction> =
        night.reduced.iter().filter(|reduction| reduction.standing == Standing::Lacking).collect();
    let marts: BTreeSet<&String> = wrong.iter().flat_map(|reduction| &reduction.marts).collect();
    let causes = |said: fn(&Texts) -> &str, colon: &str, comma: &str, stop: &str| {
        let of = |reduction: &&Reduction| {
            let because: Vec<&str> = reduction.because.iter().map(said).collect();
            format!("{}{colon}{}", said(&reduction.name), because.join(comma))
        };
        wrong.iter().map(of).collect::<Vec<_>>().join(stop)
    };
    (!wrong.is_empty()).then(|| {
        Row::from([
            ("job".to_string(), Json::from(night.request.job.name.clone())),
            ("logical_date".to_string(), Json::from(night.request.date.to_string())),
            ("run_id".to_string(), Json::from(night.run_id.clone())),
            ("feeds".to_string(), Json::from(wrong.len())),
            ("marts".to_string(), Json::from(marts.len())),
            ("causes_en".to_string(), Json::from(causes(|texts| &texts.en, ": ", ", ", "; "))),
            ("causes_zh".to_string(), Json::from(causes(|texts| &texts.zh, "：", "，", "；"))),
        ])
    })
}

/// The rows of the alert `sender_left_out`: whoever looks after the mappings is told file, line and what to do.
pub(super) fn left_out_rows(night: &Night<'_>) -> Vec<Row> {
    let row = |broken: &Broken| {
        let error = &broken.error;
        let place = error.path().unwrap_or_default();
        let found = error.one_line();
        let named = feed_names(&night.company.config, &broken.feeds);
        Row::from([
            ("sender".to_string(), Json::from(broken.name.clone())),
            ("feeds".to_string(), Json::from(if broken.whole { String::new() } else { broken.feeds.join(", ") })),
            ("feeds_en".to_string(), Json::from(named.en)),
            ("feeds_zh".to_string(), Json::from(named.zh)),
            ("file".to_string(), Json::from(place)),
            ("found".to_string(), Json::from(found.strip_prefix(place).unwrap_or(&found).trim_start_matches(": "))),
            ("advice".to_string(), Json::from(error.advice().unwrap_or_default())),
        ])
    };
    night.company.senders.broken().iter().map(row).collect()
}

/// The rows of the alert `master_data_missing`.
pub(super) fn master_data_rows(night: &Night<'_>) -> Vec<Row> {
    let company = night.company;
    let missing = master_data::missing(&company.contracts, &company.senders);
    let lacking = night.reduced.iter().filter(|reduction| reduction.standing == Standing::MasterData);
    let row = |reduction: &Reduction| {
        let used_by = feed_names(&company.config, missing.get(&reduction.feed)?);
        Some(Row::from([
            ("feed".to_string(), Json::from(reduction.feed.clone())),
            ("marts".to_string(), Json::from(reduction.marts.len())),
            ("name_en".to_string(), Json::from(reduction.name.en.clone())),
            ("name_zh".to_string(), Json::from(reduction.name.zh.clone())),
            ("used_en".to_string(), Json::from(used_by.en)),
            ("used_zh".to_string(), Json::from(used_by.zh)),
        ]))
    };
    lacking.filter_map(row).collect()
}

/// What the settings call several feeds.
fn feed_names<'a>(config: &Config, feeds: impl IntoIterator<Item = &'a String>) -> Texts {
    let names: Vec<Texts> = feeds.into_iter().map(|feed| feed_name(config, feed)).collect();
    let joined = |said: fn(&Texts) -> &str, comma: &str| names.iter().map(said).collect::<Vec<_>>().join(comma);
    texts(joined(|name| &name.en, ", "), joined(|name| &name.zh, "、"))
}

/// Why a feed is not all there: for mails, and with the folder's own names for whoever keeps the run.
struct Cause {
    said: Texts,
    note: String,
}

impl From<Texts> for Cause {
    fn from(said: Texts) -> Self {
        Self { note: said.en.clone(), said }
    }
}

/// What people call a sender.
fn title(night: &Night<'_>, sender: &str) -> String {
    night.company.senders.get(sender).map_or_else(|| sender.to_string(), |known| known.title.clone())
}

fn lacking(sender: &str, lack: Lack, days: &Texts) -> Texts {
    match lack {
        Lack::Missing => {
            texts(format!("{sender} has not delivered {}", days.en), format!("{sender}未送 {}的文件", days.zh))
        }
        Lack::Refused => {
            texts(format!("{sender}'s file of {} was refused", days.en), format!("{sender} {}的文件被拒收", days.zh))
        }
        Lack::Lost => texts(
            format!("{sender}'s file of {} is set aside, its rows were lost in the lake", days.en),
            format!("{sender} {}的文件数据在数据湖中丢失，暂不计入", days.zh),
        ),
        Lack::Pending => texts(
            format!("{sender}'s file of {} is not due yet", days.en),
            format!("{sender} {}的文件尚未到期", days.zh),
        ),
    }
}

fn texts(en: impl Into<String>, zh: impl Into<String>) -> Texts {
    Texts { en: en.into(), zh: zh.into() }
}

/// What the settings call the feed in mails.
pub(super) fn feed_name(config: &Config, feed: &str) -> Texts {
    let [en, zh] = config.feed_names(feed);
    texts(en, zh)
}

/// Warns of the as-of date's files that hold far less than usual, as the deliveries mart found them.
pub(super) async fn short_files(night: &mut Night<'_>, outcome: &BuildOutcome) -> Result<()> {
    if !outcome.has(DELIVERIES) || !outcome.has_column(DELIVERIES, "warning") {
        return Ok(());
    }
    let sql = format!(
        "select sender, feed, rows, warning, cast(round(usual_rows_share * 100) as bigint) as percent from {DELIVERIES} \
         where warning is not null and business_date = date '{}' order by sender, feed",
        night.request.date
    );
    for row in outcome.query(&sql).await? {
        let text = |column: &str| row.get(column).and_then(|value| value.as_str()).unwrap_or_default();
        let number = |column: &str| row.get(column).and_then(serde_json::Value::as_u64).unwrap_or_default();
        let (sender, feed, date) = (text("sender"), text("feed"), night.request.date);
        let note = if text("warning") == "few_files" {
            format!("{sender} delivered fewer {feed} files for {date} than it usually does")
        } else {
            format!(
                "{sender} delivered {} {feed} rows for {date}, {} % of what is usual: the file may be cut off",
                number("rows"),
                number("percent")
            )
        };
        night.warn(note);
    }
    Ok(())
}

/// `2026-11-20, 2026-11-22`, or the first of many and their number.
/// The days as a mail of `today` writes dates.
fn days_in_words(today: NaiveDate, dates: &[NaiveDate]) -> Texts {
    let written = |locale: &str| {
        let words = Words::new(locale, "").read_on(today);
        listed(dates, |date| words.date(date))
    };
    Texts { en: written("en").en, zh: written("zh").zh }
}

fn days(dates: &[NaiveDate]) -> Texts {
    listed(dates, |date| date.to_string())
}

fn listed(dates: &[NaiveDate], written: impl Fn(NaiveDate) -> String) -> Texts {
    let shown: Vec<String> = dates.iter().take(DAYS_SHOWN).map(|date| written(*date)).collect();
    match dates.len().saturating_sub(DAYS_SHOWN) {
        0 => texts(shown.join(", "), shown.join("、")),
        more => texts(
            format!("{} and {more} more day{}", shown.join(", "), if more == 1 { "" } else { "s" }),
            format!("{} 等 {} 天", shown.join("、"), dates.len()),
        ),
    }
}

fn reducing(marts: &[String]) -> String {
    let shown = marts.iter().take(MARTS_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match marts.len() {
        0 => String::new(),
        1..=MARTS_SHOWN => format!("; reduces {shown}"),
        all => format!("; reduces {shown} and {} more marts", all - MARTS_SHOWN),
    }
}

//! Which marts a night leaves incomplete, and whose file is the reason: a feed that never arrived, a folder that
//! could not be listed, a file that is missing, refused or not due yet.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::expect::{self, Lack};
use super::flow::Night;
use crate::error::Result;
use crate::models::BuildOutcome;
use crate::report::Reduction;

/// The mart that compares every file with its sender's own history.
const DELIVERIES: &str = "deliveries";

/// Marts named in a note before the rest is counted; the report names all.
const MARTS_SHOWN: usize = 3;
/// Days named of one sender before the rest is counted.
const DAYS_SHOWN: usize = 4;

/// Tells what reduces the run: in the account, and in its notes for the mails.
pub(super) fn tell(night: &mut Night<'_>, marts: &[String], absent_feeds: &[String]) -> Result<()> {
    let mut causes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut quiet: BTreeSet<String> = BTreeSet::new();
    for feed in absent_feeds {
        causes.entry(feed.clone()).or_default().push("never arrived and is read as empty".into());
        // A feed that no sender declares is not used by this company; one that is declared is missed.
        if !night.company.senders.iter().any(|sender| sender.feeds.contains_key(feed)) {
            quiet.insert(feed.clone());
        }
    }
    for place in &night.unlisted {
        let cause = format!("{} cannot be listed", place.sender);
        causes.entry(place.feed.clone()).or_default().push(cause);
    }
    let mut lacks: BTreeMap<(String, Lack, String), Vec<NaiveDate>> = BTreeMap::new();
    for (file, lack) in expect::lacking(night)? {
        lacks.entry((file.feed, lack, file.sender)).or_default().push(file.business_date);
    }
    let mut awaited: BTreeSet<String> = BTreeSet::new();
    for ((feed, lack, sender), dates) in lacks {
        let days = days(&dates);
        let cause = match lack {
            Lack::Missing => format!("{sender} has not delivered {days}"),
            Lack::Refused => format!("{sender}'s file of {days} was refused"),
            Lack::Pending => format!("{sender}'s file of {days} is not due yet"),
        };
        if lack == Lack::Pending && !causes.contains_key(&feed) {
            awaited.insert(feed.clone());
        } else if lack != Lack::Pending {
            awaited.remove(&feed);
        }
        causes.entry(feed).or_default().push(cause);
    }
    for (feed, because) in causes {
        let reduced: Vec<String> =
            night.company.registry.marts_of_feed(marts, &feed).into_iter().map(str::to_string).collect();
        let note = format!("{feed}: {}{}", because.join("; "), reducing(&reduced));
        if quiet.contains(&feed) || awaited.contains(&feed) {
            night.notes.push(note);
        } else {
            night.warn(note);
        }
        night.reduced.push(Reduction { feed, because, marts: reduced });
    }
    Ok(())
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
fn days(dates: &[NaiveDate]) -> String {
    let shown: Vec<String> = dates.iter().take(DAYS_SHOWN).map(ToString::to_string).collect();
    let rest = dates.len().saturating_sub(DAYS_SHOWN);
    let more = if rest > 0 { format!(" and {rest} more days") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn reducing(marts: &[String]) -> String {
    let shown = marts.iter().take(MARTS_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match marts.len() {
        0 => String::new(),
        1..=MARTS_SHOWN => format!("; reduces {shown}"),
        all => format!("; reduces {shown} and {} more marts", all - MARTS_SHOWN),
    }
}

//! The month's review: which run owes one, what it is written from, and laying it into the outbox.

use std::collections::BTreeSet;

use chrono::{Datelike as _, Days, Months, NaiveDate};

use super::flow::{Built, Night};
use crate::error::Result;
use crate::mail::digest::Digests;
use crate::mail::edition::Audience;
use crate::mail::month::{Issue, Lines};
use crate::mail::review;
use crate::models::Registry;
use crate::state::record::RunRecord;

/// The models that a review is written from.
const MODELS: [&str; 4] = ["review_sales", "review_classes", "review_scorecards", "review_rebates"];

/// First day of the last month that is over by the end of this day.
fn closed_month(date: NaiveDate) -> Option<NaiveDate> {
    date.checked_add_days(Days::new(1))?.with_day(1)?.checked_sub_months(Months::new(1))
}

/// The month as records name it.
fn name(month: NaiveDate) -> String {
    month.format("%Y-%m").to_string()
}

/// The month whose review a run for `date` owes, after these runs of the same job: the last one that closed, unless it was
/// told. So a night that failed, or that was missed, leaves it to the next one. Nobody waits for a month that closed before
/// the first night.
fn owed_after<'a>(runs: impl Iterator<Item = &'a RunRecord>, date: NaiveDate) -> Option<NaiveDate> {
    let month = closed_month(date)?;
    let (mut told, mut seen) = (None, None);
    for run in runs.filter(|run| run.published()) {
        told = told.max(run.reviewed.clone());
        seen = seen.max(closed_month(run.logical_date).map(name));
    }
    (told.or(seen)? < name(month)).then_some(month)
}

/// The month whose review this night owes.
fn owed(night: &Night<'_>) -> Option<NaiveDate> {
    let (request, config) = (night.request, &night.company.config);
    let whole = request.select.is_empty() && !request.quiet && !night.repairs && night.newer().is_none();
    if !whole || !request.job.mail || !config.mail.monthly_review {
        return None;
    }
    owed_after(night.state.runs.iter().filter(|run| run.job == request.job.name), request.date)
}

/// The models that this night's review needs besides `selected`: none of them builds a mart that the job does not.
pub(super) fn models(night: &Night<'_>, selected: &[String]) -> Result<Vec<String>> {
    if owed(night).is_none() {
        return Ok(Vec::new());
    }
    let registry = &night.company.registry;
    let built: BTreeSet<String> = registry.select(selected)?.into_iter().collect();
    let wanted = MODELS.into_iter().filter(|model| registry.get(model).is_some());
    let mut models = Vec::new();
    for model in wanted {
        if is_at_hand(registry, model, &built)? {
            models.push(model.to_string());
        }
    }
    Ok(models)
}

fn is_at_hand(registry: &Registry, model: &str, built: &BTreeSet<String>) -> Result<bool> {
    let needed = registry.select(&[model.to_string()])?;
    Ok(needed.iter().all(|name| !registry.is_mart(name) || built.contains(name)))
}

/// Writes the reviews that this night owes and lays them into the outbox. What hinders that is a note: the night's own
/// mails do not wait for it, and the next night tries again.
pub(super) async fn send(night: &mut Night<'_>, built: &Built, people: &[Audience]) {
    let Some(month) = owed(night).filter(|_| MODELS.iter().any(|model| built.outcome.has(model))) else { return };
    let reviews = match write(night, built, people, month).await {
        Ok(reviews) => reviews,
        Err(err) => {
            night.warn(format!("the review of {} could not be written: {}", name(month), err.one_line()));
            return;
        }
    };
    for (address, fault) in reviews.unwritten {
        night.warn(format!("{address} gets no review of {}: {fault}", name(month)));
    }
    for digest in reviews.written {
        let key = digest.recipient_hash.clone();
        night.owe(digest, &key).await;
    }
    night.reviewed = Some(name(month));
}

async fn write(night: &Night<'_>, built: &Built, people: &[Audience], month: NaiveDate) -> Result<Digests> {
    let mut lines = Lines::default();
    let [sales, classes, cards, rebates] = MODELS;
    for (model, rows) in [
        (sales, &mut lines.sales),
        (classes, &mut lines.classes),
        (cards, &mut lines.cards),
        (rebates, &mut lines.rebates),
    ] {
        if built.outcome.has(model) {
            *rows = built.outcome.query(&format!("select * from {model}")).await?;
        }
    }
    Ok(review::reviews(&Issue {
        config: &night.company.config,
        run: &night.record(night.started_at)?,
        now: night.started_at,
        month,
        people: &people.iter().map(|person| person.address.clone()).collect::<Vec<_>>(),
        lines: &lines,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::digest::tests::night::run;
    use crate::state::record::RunStatus;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn past(date: &str, status: RunStatus, reviewed: Option<&str>) -> RunRecord {
        RunRecord { logical_date: day(date), reviewed: reviewed.map(Into::into), ..run(status) }
    }

    fn owes(runs: &[RunRecord], date: &str) -> Option<String> {
        owed_after(runs.iter(), day(date)).map(name)
    }

    #[test]
    fn a_month_is_reviewed_once_it_is_over() {
        let ok = |date| past(date, RunStatus::Ok, None);
        let october = Some("2026-10".to_string());
        assert_eq!(owes(&[], "2026-10-31"), None, "a first night looks back on nothing");
        assert_eq!(owes(&[ok("2026-10-29")], "2026-10-30"), None);
        assert_eq!(owes(&[ok("2026-10-30")], "2026-10-31"), october, "with the night of its last day");
        let told = past("2026-10-31", RunStatus::Warned, Some("2026-10"));
        assert_eq!(owes(&[ok("2026-10-30"), told.clone()], "2026-10-31"), None, "the same night again");
        assert_eq!(owes(&[ok("2026-10-30"), told.clone()], "2026-11-01"), None);
        assert_eq!(owes(&[told], "2026-11-30"), Some("2026-11".to_string()));
    }

    #[test]
    fn a_missed_night_leaves_it_to_the_next() {
        let ok = |date| past(date, RunStatus::Ok, None);
        let october = Some("2026-10".to_string());
        assert_eq!(owes(&[ok("2026-10-27")], "2026-11-04"), october, "nobody ran for a week");
        let failed = past("2026-10-31", RunStatus::Failed, None);
        assert_eq!(owes(&[ok("2026-10-30"), failed], "2026-11-01"), october);
        // One that was published and could not write it: what was told before says that October is still owed.
        let september = past("2026-09-30", RunStatus::Ok, Some("2026-09"));
        assert_eq!(owes(&[september.clone(), ok("2026-10-31"), ok("2026-11-01")], "2026-11-02"), october);
        // Of two months that closed in between the newer one is told; the trend in it holds the other.
        assert_eq!(owes(&[september], "2026-12-02"), Some("2026-11".to_string()));
    }

    #[test]
    fn months_of_all_lengths_close_with_their_last_day() {
        for (date, month) in
            [("2026-02-28", "2026-02"), ("2028-02-28", "2028-01"), ("2028-02-29", "2028-02"), ("2027-01-01", "2026-12")]
        {
            assert_eq!(closed_month(day(date)).map(name).as_deref(), Some(month), "{date}");
        }
    }
}

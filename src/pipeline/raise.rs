//! Asks the alert models, moves every alert through its life cycle, and writes one digest a recipient.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::Company;
use super::alert::{self, Found, Judged};
use super::flow::{Built, HEADLINES, Night};
use super::recipients::Recipients;
use super::{Refused, aside, expect, left_out, mend, reduce, system};
use crate::address::recipient_hash;
use crate::error::Result;
use crate::job::matches_any;
use crate::mail::digest::{self, Digest, Digests};
use crate::mail::edition::{Audience, Edition, Headline, Scope};
use crate::mail::outbox::{dead_letters, recent};
use crate::mail::rule::{AlertRule, Row, SENDER_WORDS, as_text};
use crate::mail::words::Words;
use crate::state::record::{Alert, AlertPhase, OwedMail};
use crate::store::keys;

/// How the headlines name the head office, whatever its addresses are.
const HEAD_OFFICE: &str = "head_office";

/// Raises what the alert models find.
pub(super) async fn raise(night: &mut Night<'_>, built: &Built) -> Result<()> {
    if night.request.quiet {
        return Ok(());
    }
    let rules = AlertRule::sound(night.company.registry.alert_sidecars());
    let mut found = Vec::new();
    for rule in rules.values().filter(|rule| matches_any(&night.request.job.alerts, &rule.name)) {
        if built.outcome.has(&rule.name) {
            let mut rows = built.outcome.rows(&rule.name).await?;
            rows.iter_mut().for_each(|row| introduce_sender(night.company, row));
            found.push(Found { rule, rows, scope: BTreeMap::new() });
        }
    }
    // This run got through: what earlier runs of the job failed of is over.
    let failed = AlertRule::run_failed();
    let job = BTreeMap::from([("job".to_string(), night.request.job.name.clone())]);
    found.push(Found { rule: &failed, rows: Vec::new(), scope: job.clone() });
    let reduced = AlertRule::run_reduced();
    found.push(Found { rule: &reduced, rows: reduce::alert_row(night).into_iter().collect(), scope: job.clone() });
    let master_data = AlertRule::master_data_missing();
    found.push(Found { rule: &master_data, rows: reduce::master_data_rows(night), scope: BTreeMap::new() });
    let set_aside = AlertRule::set_aside();
    found.push(Found { rule: &set_aside, rows: aside::alert_rows(night), scope: BTreeMap::new() });
    let left_out = AlertRule::sender_left_out();
    found.push(Found { rule: &left_out, rows: reduce::left_out_rows(night), scope: BTreeMap::new() });
    let wrong = AlertRule::model_left_out();
    found.push(Found { rule: &wrong, rows: left_out::rows(night), scope: job.clone() });
    let lost = AlertRule::rows_lost();
    found.push(Found { rule: &lost, rows: mend::lost_rows(night), scope: BTreeMap::new() });
    let undelivered = AlertRule::mail_undelivered();
    found.push(Found { rule: &undelivered, rows: unreached(night).await?, scope: BTreeMap::new() });
    let refused = AlertRule::settings_refused();
    found.push(Found { rule: &refused, rows: refused_settings(night), scope: BTreeMap::new() });
    // An earlier date is judged as if there were no other: of what was found since, its mails say nothing.
    let previous = if night.newer().is_some() { Vec::new() } else { night.state.alerts.clone() };
    let recipients = Recipients::read(built).await?;
    let audiences = audiences(night, built, &recipients).await?;
    let (evidence, lost) = evidence(&found, built).await;
    for note in lost {
        night.warn(note);
    }
    // Whom no mail can reach is found while it is written, and told to head office by the same night's mail.
    let unwritable = AlertRule::mail_unwritten();
    let mut unwritten = recipients.unusable();
    loop {
        let rows = recipients.rows(night, &unwritten);
        let told = Found { rule: &unwritable, rows, scope: BTreeMap::new() };
        let all: Vec<Found<'_>> = found.iter().cloned().chain([told]).collect();
        let judged = judge(night, &all, &previous)?;
        let mut others = judged.unusable;
        let mut digests = Digests::default();
        if night.request.job.mail {
            digests = write_digests(night, &rules, &audiences, &evidence)?;
            others.append(&mut digests.unwritten);
        }
        let known = unwritten.len();
        unwritten.append(&mut others);
        if unwritten.len() == known {
            for note in judged.notes {
                night.warn(note);
            }
            post(night, digests.written).await;
            return Ok(());
        }
    }
}

/// The rows that stand behind what was found, by rule; and why some cannot be had. A finding is told without them, too.
async fn evidence(found: &[Found<'_>], built: &Built) -> (BTreeMap<String, Vec<Row>>, Vec<String>) {
    let (mut all, mut lost) = (BTreeMap::new(), Vec::new());
    for Found { rule, rows, .. } in found {
        let Some(wanted) = rule.evidence.as_ref().filter(|wanted| !rows.is_empty() && built.outcome.has(&wanted.model))
        else {
            continue;
        };
        let Some(key) = wanted.by.first() else { continue };
        let known: BTreeSet<String> = rows.iter().filter_map(|row| row.get(key)).map(as_text).collect();
        let known: Vec<String> = known.iter().map(|value| format!("'{}'", value.replace('\'', "''"))).collect();
        let columns: BTreeSet<&str> =
            wanted.by.iter().chain(wanted.columns.iter().map(|column| &column.name)).map(String::as_str).collect();
        let columns: Vec<&str> = columns.into_iter().collect();
        let condition = wanted.condition.as_ref().map(|condition| format!(" and ({condition})")).unwrap_or_default();
        let order = wanted.order.as_deref().unwrap_or(key);
        let sql = format!(
            "select {} from {} where cast({key} as varchar) in ({}){condition} order by {order}",
            columns.join(", "),
            wanted.model,
            known.join(", ")
        );
        match built.outcome.query(&sql).await {
            Ok(rows) => drop(all.insert(rule.name.clone(), rows)),
            Err(err) => {
                lost.push(format!(
                    "alert {}: its evidence in {} cannot be read: {}",
                    rule.name,
                    wanted.model,
                    err.one_line()
                ));
            }
        }
    }
    (all, lost)
}

/// What lies on disk and cannot be used, where this run goes by what was valid before.
fn refused_settings(night: &Night<'_>) -> Vec<Row> {
    let refused = night.request.refused.iter();
    let row = |refused: &Refused| {
        let since = refused.since.with_timezone(&night.company.config.company.time_zone);
        BTreeMap::from([
            ("place".to_string(), Json::from(refused.place.clone())),
            ("since".to_string(), Json::from(since.format("%Y-%m-%d %H:%M").to_string())),
            ("error".to_string(), Json::from(refused.error.clone())),
            ("gone".to_string(), Json::from(refused.gone.clone().unwrap_or_default())),
        ])
    };
    refused.map(row).collect()
}

/// A finding about a sender names it as people do, and says whom to write to.
fn introduce_sender(company: &Company, row: &mut Row) {
    let Some(name) = row.get("sender").and_then(Json::as_str) else { return };
    let known = company.senders.get(name);
    let title = known.map_or(name, |sender| sender.title.as_str()).to_string();
    let contact = known.and_then(|sender| sender.contact.clone()).unwrap_or_default();
    let [title_word, contact_word] = SENDER_WORDS;
    row.insert(title_word.to_string(), Json::from(title));
    row.insert(contact_word.to_string(), Json::from(contact));
}

/// Recipients whose newest mail was given up, with what the server said.
async fn unreached(night: &Night<'_>) -> Result<Vec<Row>> {
    let company = night.company;
    let owed = recent(night.state.owed.iter(), night.started_at, company.config.mail.retry_hours);
    let dead = dead_letters(owed, &company.stores.lake).await?;
    let row = |(recipient, (mail, why)): (String, (&OwedMail, String))| {
        BTreeMap::from([
            ("recipient".to_string(), Json::from(recipient)),
            ("subject".to_string(), Json::from(mail.subject.clone())),
            ("error".to_string(), Json::from(why)),
        ])
    };
    Ok(dead.into_iter().map(row).collect())
}

/// Raises that this run failed; everything else stays as it was. Head office is told at once,
/// and again after `mail.repeat_hours` while it goes on.
pub(super) async fn raise_failure(night: &mut Night<'_>) -> Result<()> {
    if night.request.quiet {
        return Ok(());
    }
    let failed = AlertRule::run_failed();
    let data_as_of = night.state.published_run().map(|run| run.logical_date.to_string());
    let row: Row = BTreeMap::from([
        ("job".to_string(), Json::from(night.request.job.name.clone())),
        ("logical_date".to_string(), Json::from(night.request.date.to_string())),
        ("status".to_string(), Json::from(system::run_status(night.status))),
        ("run_id".to_string(), Json::from(night.run_id.clone())),
        ("error".to_string(), Json::from(night.error.clone().unwrap_or_default())),
        ("advice".to_string(), Json::from(format!("tributary show {}", night.run_id))),
        ("data_as_of".to_string(), data_as_of.map_or(Json::Null, Json::from)),
    ]);
    let job = BTreeMap::from([("job".to_string(), night.request.job.name.clone())]);
    let previous = night.state.alerts.clone();
    let judged = judge(night, &[Found { rule: &failed, rows: vec![row], scope: job }], &previous)?;
    for note in judged.notes {
        night.warn(note);
    }
    let told = night.alerts.iter().flatten().any(|alert| {
        alert.rule == failed.name && alert.phase != AlertPhase::Resolved && alert.mailed_at == Some(night.started_at)
    });
    // Digests that this run wrote before it failed tell of figures that nobody can see.
    night.owed.retain(|mail| mail.recipient_hash != recipient_hash(&mail.recipient));
    if night.request.job.mail && told {
        let rules = AlertRule::sound(night.company.registry.alert_sidecars());
        let digests = write_digests(night, &rules, &[], &BTreeMap::new())?;
        post(night, digests.written).await;
    }
    Ok(())
}

/// Judges what was found.
fn judge(night: &mut Night<'_>, found: &[Found<'_>], previous: &[Alert]) -> Result<Judged> {
    let silences: Vec<_> = night.state.silences.values().cloned().collect();
    let mut judged = alert::judge(
        found,
        &alert::Night {
            previous,
            silences: &silences,
            now: night.started_at,
            logical_date: night.request.date,
            head_office: &night.company.config.company.head_office,
            repeat_hours: night.company.config.mail.repeat_hours,
            escalate_days: night.company.config.mail.escalate_days,
            mails: night.request.job.mail,
        },
    )?;
    night.alerts = Some(std::mem::take(&mut judged.alerts));
    Ok(judged)
}

/// Everybody who is responsible for a channel or a partner, with the day's figures.
async fn audiences(night: &Night<'_>, built: &Built, recipients: &Recipients) -> Result<Vec<Audience>> {
    let mut addresses: BTreeSet<String> = night.company.config.company.head_office.iter().cloned().collect();
    addresses.extend(recipients.managers().cloned());
    let company = &night.company.config.company;
    let mut headlines = headlines(built, &Words::new(&company.locale, &company.base_currency)).await?;
    let head_office = headlines.remove(HEAD_OFFICE).unwrap_or_default();
    Ok(addresses
        .into_iter()
        .map(|address| {
            let own = headlines.remove(&address);
            let is_head_office = night.company.config.company.head_office.contains(&address);
            let headlines = if is_head_office { head_office.clone() } else { own.unwrap_or_default() };
            Audience { address, scope: None, headlines, received: None }
        })
        .collect())
}

/// The day's figures by owner, in the order of the model.
async fn headlines(built: &Built, words: &Words) -> Result<BTreeMap<String, Vec<Headline>>> {
    let mut by_owner: BTreeMap<String, Vec<Headline>> = BTreeMap::new();
    if !built.outcome.has(HEADLINES) {
        return Ok(by_owner);
    }
    let number = |row: &Row, column: &str| match row.get(column) {
        Some(Json::Number(number)) => number.as_f64(),
        Some(Json::String(text)) => text.parse().ok(),
        _ => None,
    };
    let sql = format!("select * from {HEADLINES} order by owner, position");
    for row in built.outcome.query(&sql).await? {
        let text = |column: &str| row.get(column).and_then(Json::as_str).map(str::to_string);
        let Some(owner) = text("owner") else { continue };
        let history = text("history").unwrap_or_default();
        let scope = match text("entity_type").as_deref() {
            Some("total") => Scope::Total,
            Some("channel") => Scope::Channel,
            _ => Scope::Partner,
        };
        by_owner.entry(owner).or_default().push(Headline {
            scope,
            name: text("name").unwrap_or_else(|| words.pick("全部渠道", "All channels").to_string()),
            value: number(&row, "value"),
            complete: row.get("is_complete").and_then(Json::as_bool).unwrap_or(true),
            previous: number(&row, "previous"),
            history: history.split(';').filter_map(|day| day.trim().parse().ok()).collect(),
        });
    }
    Ok(by_owner)
}

fn write_digests(
    night: &Night<'_>,
    rules: &BTreeMap<String, AlertRule>,
    audiences: &[Audience],
    evidence: &BTreeMap<String, Vec<Row>>,
) -> Result<Digests> {
    let company = night.company;
    let published = night.error.is_none().then_some(night.request.date);
    Ok(digest::digests(&Edition {
        config: &company.config,
        run: &night.record(night.started_at)?,
        now: night.started_at,
        data_as_of: published.or_else(|| night.state.published_run().map(|run| run.logical_date)),
        readers_at: night.newer(),
        received: &expect::received(night)?,
        reduced: &night.reduced,
        rules,
        alerts: night.alerts.as_deref().unwrap_or_default(),
        evidence,
        audiences,
    }))
}

/// Lays the digests into the outbox. One that cannot be kept there is its reader's loss alone, and a note of the run.
async fn post(night: &mut Night<'_>, digests: Vec<Digest>) {
    for digest in digests {
        // A failed run may have written a digest before, and that one lies there for good.
        let name = if night.error.is_none() { "" } else { "-failed" };
        let body = keys::mail_body(&night.run_id, &format!("{}{name}", digest.recipient_hash));
        match night.post(&body, digest.message.clone()).await {
            Ok(()) => night.owed.push(digest.owed(body, &night.run_id, night.started_at)),
            Err(err) => {
                night.warn(format!(
                    "the mail to {} could not be kept to be sent: {}",
                    digest.recipient,
                    err.one_line()
                ));
            }
        }
    }
}

//! Asks the alert models, moves every alert through its life cycle, and writes one digest a recipient.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::Value;

use super::alert::{self, Findings};
use super::flow::{Built, Night};
use super::{discover, system};
use crate::error::Result;
use crate::mail::{self, DigestFacts, Headline};
use crate::models::Row;
use crate::state::record::{InputStatus, OwedMail};
use crate::store::keys;

/// The rule that tells of a run that did not get through; its SQL sees earlier runs, this one is told here.
const RUN_FAILED: &str = "run_failed";
/// The model that gives each manager the day's figures, where a company has one.
const HEADLINES: &str = "mail_headlines";

/// Raises what the alert models find.
pub(super) async fn raise(night: &mut Night<'_>, built: &Built) -> Result<()> {
    if night.request.quiet || !night.request.job.mail && night.request.job.alerts.is_empty() {
        return Ok(());
    }
    let company = night.company;
    let mut findings = Vec::new();
    for rule in company.registry.alert_rules()? {
        if !discover::matches_any(&night.request.job.alerts, &rule.name) || !built.outcome.has(&rule.name) {
            continue;
        }
        let rows = built.outcome.rows(&rule.name).await?;
        findings.push(Findings { rule, rows });
    }
    night.alerts = Some(alert::advance(&findings, &night.state.alerts, &night.state.silences, &company.config, night.started_at, night.request.date)?);
    if !night.request.job.mail {
        return Ok(());
    }
    let mut recipients = recipients(night, built).await?;
    let headlines = headlines(built, &mut recipients).await?;
    write_digests(night, recipients, &headlines).await
}

/// Raises that this run failed; everything else stays as it was.
pub(super) async fn raise_failure(night: &mut Night<'_>) -> Result<()> {
    if night.request.quiet {
        return Ok(());
    }
    let company = night.company;
    let Some(rule) = company.registry.alert_rules()?.into_iter().find(|rule| rule.name == RUN_FAILED) else {
        return Ok(());
    };
    let row: Row = BTreeMap::from([
        ("job".to_string(), Value::from(night.request.job.name.clone())),
        ("logical_date".to_string(), Value::from(night.request.date.to_string())),
        ("status".to_string(), Value::from(system::run_status(night.status))),
        ("run_id".to_string(), Value::from(night.run_id.clone())),
        ("error".to_string(), Value::from(night.error.clone().unwrap_or_default())),
    ]);
    let findings = [Findings { rule, rows: vec![row] }];
    night.alerts = Some(alert::advance_failure(&findings, &night.state.alerts, &company.config, night.started_at, night.request.date)?);
    if !night.request.job.mail {
        return Ok(());
    }
    let recipients: BTreeSet<String> = company.config.company.head_office.iter().cloned().collect();
    write_digests(night, recipients, &BTreeMap::new()).await
}

/// Everybody who is responsible for a channel, a partner or the whole.
async fn recipients(night: &Night<'_>, built: &Built) -> Result<BTreeSet<String>> {
    let mut recipients: BTreeSet<String> = night.company.config.company.head_office.iter().cloned().collect();
    for model in ["channels_current", "partners_current"] {
        if built.outcome.has(model) {
            for row in built.outcome.query(&format!("select distinct manager from {model} where manager is not null")).await? {
                recipients.extend(row.get("manager").and_then(Value::as_str).map(str::to_string));
            }
        }
    }
    for alert in night.alerts.iter().flatten().filter(|alert| alert.muted.is_none()) {
        recipients.extend(alert.owners.iter().cloned());
    }
    recipients.retain(|address| mail::validate_address(address).is_ok());
    Ok(recipients)
}

/// The day's figures by recipient.
async fn headlines(built: &Built, recipients: &mut BTreeSet<String>) -> Result<BTreeMap<String, Vec<Headline>>> {
    let mut by_owner: BTreeMap<String, Vec<Headline>> = BTreeMap::new();
    if !built.outcome.has(HEADLINES) {
        return Ok(by_owner);
    }
    for row in built.outcome.rows(HEADLINES).await? {
        let Some(owner) = row.get("owner").and_then(Value::as_str).filter(|owner| recipients.contains(*owner)) else {
            continue;
        };
        by_owner.entry(owner.to_string()).or_default().push(Headline::from_row(&row));
    }
    Ok(by_owner)
}

async fn write_digests(
    night: &mut Night<'_>,
    recipients: BTreeSet<String>,
    headlines: &BTreeMap<String, Vec<Headline>>,
) -> Result<()> {
    let company = night.company;
    let facts = facts(night);
    let mut alerts = night.alerts.take().unwrap_or_default();
    for recipient in recipients {
        let none = Vec::new();
        let message = mail::digest(
            &company.config,
            &company.registry.alert_rules()?,
            &recipient,
            &alerts,
            headlines.get(&recipient).unwrap_or(&none),
            &facts,
        )?;
        let recipient_hash = mail::recipient_hash(&recipient);
        let body = keys::outbox_body(&night.run_id, &recipient_hash);
        company.stores.lake.put_new(&body, Bytes::from(message.bytes)).await?;
        night.owed.push(OwedMail {
            recipient,
            recipient_hash,
            subject: message.subject,
            body,
            run_id: night.run_id.clone(),
            owed_at: night.started_at,
        });
    }
    alert::mark_mailed(&mut alerts, &night.owed, &company.config, night.started_at);
    night.alerts = Some(alerts);
    Ok(())
}

/// What every digest says about the run itself.
fn facts(night: &Night<'_>) -> DigestFacts {
    let senders: BTreeSet<&str> = night.company.senders.iter().map(|sender| sender.name.as_str()).collect();
    let received: BTreeSet<&str> = night
        .all_inputs()
        .filter(|input| input.status == InputStatus::Active)
        .filter(|input| input.period_end.is_some_and(|end| end >= night.request.date))
        .map(|input| input.sender.as_str())
        .collect();
    DigestFacts {
        company: night.company.config.company.name.clone(),
        job: night.request.job.name.clone(),
        run_id: night.run_id.clone(),
        as_of_date: night.request.date,
        written_at: night.started_at,
        status: night.status,
        warned: night.warned,
        senders_expected: senders.len(),
        senders_received: received.len(),
        files: night.files.len() as u64,
        rows_read: night.files.iter().map(|file| file.rows_read).sum(),
        rows_rejected: night.refusals.values().sum(),
        quarantined: night.files.iter().filter(|file| file.status == InputStatus::Quarantined).map(|file| file.key.clone()).collect(),
        notes: night.notes.clone(),
        error: night.error.clone(),
    }
}

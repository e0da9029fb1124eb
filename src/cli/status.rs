//! `status`: how the lake stands, for people and for monitoring from outside.

use chrono::TimeDelta;
use serde_json::json;

use super::args::Cli;
use super::run::company;
use super::{Console, Exit, withdraw};
use crate::error::{Error, Result};
use crate::mail::outbox::GivenUp;
use crate::pipeline;
use crate::state::record::{AlertPhase, InputStatus, RunRecord};

/// How the lake stands.
pub(super) async fn status(cli: &Cli, max_age: Option<&str>, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    pipeline::same_lake(&company).await?;
    let state = pipeline::state(&company).await?;
    let now = company.clock.now();
    let last = state.runs.iter().rev().find(|run| run.published());
    let seen = state.published_run();
    let behind = pipeline::behind(&company, &state).await?;
    let newest = state.runs.back();
    let firing = state.alerts.iter().filter(|a| a.phase != AlertPhase::Resolved && a.muted.is_none()).count();
    let active = state.inputs().filter(|input| input.status == InputStatus::Active).count();
    let quarantined = state.inputs().filter(|input| input.status == InputStatus::Quarantined).count();
    let mails = pipeline::undelivered(&company, state.owed.iter()).await?;
    let limit = max_age.map(parse_age).transpose()?;
    // What else is wrong must not hide how the lake stands.
    let lacking = pipeline::lacking(&company, &state).await;
    let refused = pipeline::refused(&company).await?;
    let zone = company.config.company.time_zone;
    let local = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z").to_string();
    // A run from the future says nothing of how old the figures are, but that the clock is or was wrong.
    let hours = company.config.run.clock_behind_hours_max;
    let ahead = [last, seen].into_iter().flatten().find(|run| pipeline::clock_behind(run.ended_at, now, hours));
    let too_old = limit.is_some_and(|limit| last.is_none_or(|run| now - run.ended_at > limit));
    if console.json() {
        console.document(&json!({
            "commit": state.number,
            "last_published": last,
            "last_run": newest,
            "alerts_firing": firing,
            "inputs_active": active,
            "inputs_quarantined": quarantined,
            "set_aside": state.asides.values().collect::<Vec<_>>(),
            "mails_owed": mails.waiting,
            "mails_given_up": mails.given_up,
            "readers_see": seen,
            "readers_behind": behind,
            "clock_is_wrong": ahead.is_some(),
            "too_old": too_old,
            "files_lacking": lacking.as_ref().ok(),
            "kept_back": refused,
        }))?;
    } else {
        match last {
            Some(run) => console.line(format!(
                "last published  {} as of {}, ended {} ({})",
                run.run_id,
                run.logical_date,
                local(run.ended_at),
                age(now - run.ended_at)
            ))?,
            None => console.line("last published  never")?,
        }
        if let Some(run) = seen.filter(|run| last.is_none_or(|last| last.run_id != run.run_id)) {
            console.line(format!("readers see     {} as of {}", run.run_id, run.logical_date))?;
        }
        if let Some(run) = ahead {
            console.line(format!(
                "CLOCK           run {} ended at {}, later than now: set the clock, or take that date back \
                 (tributary run {} --take-back)",
                run.run_id,
                local(run.ended_at),
                run.job
            ))?;
        }
        if let Some(behind) = &behind {
            console.line(format!("READERS BEHIND  {behind}: the next run brings them forward"))?;
        }
        if let Some(run) = newest.filter(|run| !run.published()) {
            console.line(format!("last run        FAILED: {}", run.error.as_deref().unwrap_or("no reason kept")))?;
        }
        tell_kept_back(&refused, &local, console)?;
        console.line(format!("commits         {}", state.number))?;
        console.line(format!("files           {active} active, {quarantined} quarantined"))?;
        for line in withdraw::standing(&company, &state, |_| true) {
            console.line(format!("set aside       {line}"))?;
        }
        tell_lacking(lacking, &local, console)?;
        console.line(format!("alerts firing   {firing}"))?;
        console.line(format!("mails owed      {}", mails.waiting))?;
        tell_given_up(&mails.given_up, &local, console)?;
        if let Some(run) = newest {
            tell_notes(run, console)?;
        }
        if too_old {
            console.line(format!("TOO OLD         no successful run within {}", max_age.unwrap_or_default()))?;
        }
    }
    let failed = newest.is_some_and(|run| !run.published());
    Ok(match mails.waiting + mails.given_up.len() {
        _ if too_old || failed || ahead.is_some() => Exit::Error,
        _ if behind.is_some() => Exit::Behind,
        1.. => Exit::Undelivered,
        _ if !refused.is_empty() => Exit::Warnings,
        _ => Exit::Ok,
    })
}

/// What a running `serve` goes without.
fn tell_kept_back(
    refused: &[pipeline::Refused],
    local: &impl Fn(chrono::DateTime<chrono::Utc>) -> String,
    console: &Console,
) -> Result<()> {
    for kept in refused {
        console.line(format!("KEPT BACK       since {} by serve: {}", local(kept.since), kept.error))?;
        console.line(match &kept.gone {
            Some(_) => {
                format!("                put {} back, or have serve read everything again (SIGHUP)", kept.place)
            }
            None => "                the nights go by what was valid before; tributary check names every fault".into(),
        })?;
    }
    Ok(())
}

/// Mails that nobody got and nobody has seen to.
fn tell_given_up(
    mails: &[GivenUp],
    local: &impl Fn(chrono::DateTime<chrono::Utc>) -> String,
    console: &Console,
) -> Result<()> {
    for open in mails {
        let at = local(open.at);
        console.line(format!("MAIL GIVEN UP   {} at {at}: {}", open.owed.recipient, open.reason))?;
    }
    if mails.is_empty() {
        return Ok(());
    }
    console.line(
        "                stands until it is tried again (tributary mail retry RECIPIENT) or seen to (… mail drop …)",
    )
}

/// What the newest run noted.
fn tell_notes(run: &RunRecord, console: &Console) -> Result<()> {
    for (at, note) in run.notes.iter().enumerate() {
        let first = if at == 0 { "notes" } else { "" };
        console.line(format!("{first:<15} {note}"))?;
    }
    if run.notes.is_empty() {
        return Ok(());
    }
    console.line(format!("                see all: tributary show {}", run.run_id))
}

/// Files that are owed and not there, the longest owed first.
fn tell_lacking(
    lacking: Result<Vec<pipeline::Lacking>>,
    local: &impl Fn(chrono::DateTime<chrono::Utc>) -> String,
    console: &Console,
) -> Result<()> {
    let files = match lacking {
        Ok(files) => files,
        Err(err) => return console.line(format!("missing files   not known: {}", err.message())),
    };
    let open: Vec<_> = files.iter().filter(|file| file.standing != "awaited").collect();
    console.line(format!("missing files   {}", open.len()))?;
    for file in &open {
        let (sender, feed, day) = (&file.sender, &file.feed, file.business_date);
        console.line(format!("  {:<13} {sender} {feed} of {day}, due by {}", file.standing, local(file.due_by)))?;
    }
    Ok(())
}

/// `26h`, `90m`, `2d`.
pub(super) fn parse_age(text: &str) -> Result<TimeDelta> {
    let wrong = || Error::config(format!("\"{text}\" is not an age")).hint("write for example 90m, 26h or 2d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let n: i64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    match unit {
        'm' => TimeDelta::try_minutes(n),
        'h' => TimeDelta::try_hours(n),
        'd' => TimeDelta::try_days(n),
        _ => None,
    }
    .ok_or_else(wrong)
}

fn age(span: TimeDelta) -> String {
    match span.num_minutes() {
        ..0 => "in the future".to_string(),
        0..60 => format!("{} minutes ago", span.num_minutes()),
        60..2880 => format!("{} hours ago", span.num_hours()),
        _ => format!("{} days ago", span.num_days()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read() {
        assert_eq!(parse_age("26h").unwrap(), TimeDelta::hours(26));
        assert_eq!(parse_age("90m").unwrap(), TimeDelta::minutes(90));
        assert!(parse_age("26").is_err());
        assert!(parse_age("h").is_err());
        assert!(parse_age("").is_err());
    }
}

//! `status`: how the lake stands, for people and for monitoring from outside.

use chrono::TimeDelta;
use serde_json::json;

use super::args::Cli;
use super::run::company;
use super::{Console, Exit, withdraw};
use crate::error::{Error, Result};
use crate::pipeline;
use crate::state::record::{AlertPhase, InputStatus};

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
        }))?;
    } else {
        match last {
            Some(run) => console.line(format!(
                "last published  {} as of {}, ended {} ({})",
                run.run_id,
                run.logical_date,
                run.ended_at.format("%Y-%m-%d %H:%M UTC"),
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
                run.ended_at.format("%Y-%m-%d %H:%M UTC"),
                run.job
            ))?;
        }
        if let Some(behind) = &behind {
            console.line(format!("READERS BEHIND  {behind}: the next run brings them forward"))?;
        }
        if let Some(run) = newest.filter(|run| !run.published()) {
            console.line(format!("last run        FAILED: {}", run.error.as_deref().unwrap_or("no reason kept")))?;
        }
        console.line(format!("commits         {}", state.number))?;
        console.line(format!("files           {active} active, {quarantined} quarantined"))?;
        for line in withdraw::standing(&company, &state, |_| true) {
            console.line(format!("set aside       {line}"))?;
        }
        console.line(format!("alerts firing   {firing}"))?;
        console.line(format!("mails owed      {}", mails.waiting))?;
        for open in &mails.given_up {
            let at = open.at.format("%Y-%m-%d %H:%M UTC");
            console.line(format!("MAIL GIVEN UP   {} at {at}: {}", open.owed.recipient, open.reason))?;
        }
        if !mails.given_up.is_empty() {
            console.line(
                "                stands until it is tried again (tributary mail retry RECIPIENT) or seen to (… mail drop …)",
            )?;
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
        _ => Exit::Ok,
    })
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

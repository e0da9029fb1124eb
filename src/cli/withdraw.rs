//! `withdraw` and `restore`: a delivery that does not count, and one that counts again; and what stands aside, as other
//! commands show it.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::args::{Cli, WithdrawArgs};
use super::instant::{instant, shown};
use super::run::company;
use super::{Console, Exit};
use crate::error::{Error, Result};
use crate::pipeline::Company;
use crate::state::record::{Input, InputStatus, SetAside};
use crate::state::{self, Held, Options, State, withdraw as by_hand};

/// Withdraws the newest delivery of a key. The next run builds as if it had not come.
pub(super) async fn withdraw(cli: &Cli, args: &WithdrawArgs, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let now = company.clock.now();
    let until = args.until.as_deref().map(|text| instant(&company, text)).transpose()?;
    if let Some(until) = until.filter(|until| *until <= now) {
        return Err(Error::config(format!("{until} is past")).hint("the end must lie ahead"));
    }
    let options = Options::of(&company.config);
    let work = format!("withdraw {}", args.key);
    let mut held = state::hold(&company.stores, &options, &company.clock, &work).await?;
    let done = take_out(&mut held, args, now, until).await;
    held.release().await?;
    let (whole, others) = done?;
    if console.json() {
        console.document(&json!({"withdrawn": whole, "same_content_as": others}))?;
        return Ok(Exit::Ok);
    }
    let until = until.map_or_else(String::new, |until| format!(" until {}", shown(&company, until)));
    console.line(format!("withdrawn{until}: {} of sender {}, feed {}", whole.key, whole.sender, whole.feed))?;
    for other in others {
        console.line(format!("  its content came as {other}, too, and does not count under that name either"))?;
    }
    console.line("  the next run builds the marts as if it had not come; the file stays in inbox and lake")?;
    console.line(format!("  to let it count again: tributary restore {}", whole.key))?;
    Ok(Exit::Ok)
}

/// Commits the withdrawal; gives it, and the other keys under which the same content came.
async fn take_out(
    held: &mut Held,
    args: &WithdrawArgs,
    now: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
) -> Result<(SetAside, Vec<String>)> {
    let (input, others) = newest(&held.state, &args.key)?;
    let author = if args.author.trim().is_empty() { "an operator" } else { args.author.trim() };
    let whole = SetAside {
        key: args.key.clone(),
        reason: args.reason.trim().to_string(),
        by: author.to_string(),
        until,
        ..input.aside(now)
    };
    by_hand::withdraw(held, whole.clone()).await?;
    Ok((whole, others))
}

/// The version that the key's newest delivery brought, and the other keys under which it came.
fn newest(state: &State, key: &str) -> Result<(Input, Vec<String>)> {
    let deliveries = by_hand::deliveries(state, key)?;
    let last = deliveries.last().ok_or_else(|| Error::bug("a key without deliveries"))?;
    let input = state.input(&last.id()).ok_or_else(|| Error::bug("a delivery without a content").at(key))?;
    let refused = match input.status {
        InputStatus::Quarantined => Some("it was refused whole, so it counts for nothing as it is"),
        InputStatus::SetAside => Some("it is set aside already"),
        InputStatus::Active | InputStatus::Superseded => None,
    };
    if let Some(why) = refused.or_else(|| {
        let whole = state.asides.contains_key(&(input.id(), None));
        whole.then_some("it is withdrawn already; the next run heeds it")
    }) {
        return Err(Error::config(format!("{key} cannot be withdrawn: {why}"))
            .hint("`tributary rejects --file KEY` says why a file does not count"));
    }
    let mut others: Vec<String> = state
        .sightings(&input.sender, &input.feed)
        .filter(|sighting| sighting.version() == input.version() && sighting.key != key)
        .map(|sighting| sighting.key.clone())
        .collect();
    others.sort();
    others.dedup();
    Ok((Input::clone(input), others))
}

/// Lets what was set aside of a key count again.
pub(super) async fn restore(cli: &Cli, key: &str, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let options = Options::of(&company.config);
    let work = format!("restore {key}");
    let mut held = state::hold(&company.stores, &options, &company.clock, &work).await?;
    let done = by_hand::restore(&mut held, key).await;
    held.release().await?;
    let ended = done?;
    if console.json() {
        console.document(&json!({"restored": ended}))?;
        return Ok(Exit::Ok);
    }
    for one in &ended {
        console.line(format!("counts again from the next run on: {} of sender {}", one.what(), one.sender))?;
    }
    if ended.iter().any(|one| one.model.is_some()) {
        console.line("  if it breaks a model again, that run sets it aside again and says so")?;
    }
    Ok(Exit::Ok)
}

/// What is set aside, a line each, as far as it is `wanted`.
pub(super) fn standing(company: &Company, state: &State, wanted: impl Fn(&SetAside) -> bool) -> Vec<String> {
    let line = |aside: &SetAside| {
        let until = aside.until.map_or_else(String::new, |until| format!(" until {}", shown(company, until)));
        format!(
            "{} of {}, since {}{until}: {}; tributary restore {}",
            aside.what(),
            aside.sender,
            shown(company, aside.since),
            aside.why(),
            aside.key
        )
    };
    state.asides.values().filter(|aside| wanted(aside)).map(line).collect()
}

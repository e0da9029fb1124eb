//! Lays a silence or ends one. It stands beside any run, so it needs no lease: a run that is under way goes on
//! and heeds it the next time.

use chrono::{DateTime, Utc};

use super::record::{Changes, CommitKind, Silence};
use super::{Chain, Draft, Options, State};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::Stores;

/// Makes a silence true; an earlier one of the same id is replaced.
pub async fn lay(stores: &Stores, options: &Options, clock: &Clock, silence: Silence) -> Result<State> {
    let (mut chain, mut state) = Chain::open(stores, options, clock).await?;
    let draft = Draft {
        kind: CommitKind::Silence,
        run_id: format!("silence {}", silence.id),
        epoch: None,
        logical_date: None,
        changes: Changes { silence: Some(silence), ..Changes::default() },
    };
    chain.append(&mut state, draft).await?;
    Ok(state)
}

/// Ends the silence whose id begins with `id`, and gives it as it then stands.
pub async fn end(stores: &Stores, options: &Options, clock: &Clock, id: &str) -> Result<Silence> {
    let (_, state) = Chain::open(stores, options, clock).await?;
    let now = clock.now();
    let found: Vec<&Silence> = holding(&state, now).filter(|silence| silence.id.starts_with(id)).collect();
    let silence = match found.as_slice() {
        [silence] => Silence { until: now, ..(*silence).clone() },
        [] => {
            return Err(
                Error::config(format!("no silence {id} holds")).hint("`tributary silence list` shows those that do")
            );
        }
        several => {
            let ids: Vec<&str> = several.iter().map(|silence| silence.id.as_str()).collect();
            return Err(Error::config(format!("`{id}` begins {} silences: {}", several.len(), ids.join(", "))));
        }
    };
    lay(stores, options, clock, silence.clone()).await?;
    Ok(silence)
}

/// Silences that hold at `now`, the one that ends first first.
pub fn holding(state: &State, now: DateTime<Utc>) -> impl Iterator<Item = &Silence> {
    let mut silences: Vec<&Silence> = state.silences.values().filter(|silence| silence.until > now).collect();
    silences.sort_by(|a, b| (a.until, &a.id).cmp(&(b.until, &b.id)));
    silences.into_iter()
}

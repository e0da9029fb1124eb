//! Makes a night true: one commit. What readers open follows it in `readers.rs`.

use super::Company;
use super::flow::{Built, Night};
use crate::error::Result;
use crate::state::record::{Afterwards, Changes, CommitKind, SetAside};
use crate::state::{Held, State};
use crate::store::keys;

/// Commits what the night took in, built, raised and owes.
pub(super) async fn commit(night: &mut Night<'_>, built: &Built, held: &mut Held) -> Result<()> {
    let outcome = &built.outcome;
    night.tally(outcome);
    let mut changes = changes(night)?;
    changes.partitions = outcome
        .partitions
        .iter()
        // What a night that is taken back has left standing is replaced whole.
        .filter(|made| {
            changes.takes_back
                || night.state.partition(&made.model, &made.partition).is_none_or(|stands| **stands != **made)
        })
        .cloned()
        .collect();
    // What stands of the newest night is not touched by an earlier one.
    if night.newer().is_some() {
        changes.alerts = None;
    }
    append(night, held, CommitKind::Run, changes).await
}

/// Commits a run that did not get through: its inputs, alerts and mails count, marts stay.
pub(super) async fn commit_failure(night: &mut Night<'_>, held: &mut Held) -> Result<()> {
    let changes = changes(night)?;
    append(night, held, CommitKind::Failed, changes).await
}

fn changes(night: &Night<'_>) -> Result<Changes> {
    Ok(Changes {
        inputs: night.inputs.values().cloned().collect(),
        sightings: night.sightings.iter().chain(&night.moved).cloned().collect(),
        alerts: night.alerts.clone(),
        owed: night.owed.clone(),
        run: Some(night.record(night.company.clock.now())?),
        afterwards: night.afterwards.clone(),
        set_aside: set_aside(night),
        takes_back: night.request.told.take_back,
        ..Changes::default()
    })
}

/// What is set aside since this night, and what is no more.
fn set_aside(night: &Night<'_>) -> Vec<SetAside> {
    let ended = night.asides_ended.iter().map(|aside| SetAside { ended: true, ..aside.clone() });
    let new = night.asides.iter().filter(|aside| night.state.asides.get(&aside.id()) != Some(aside));
    ended.chain(new.cloned()).collect()
}

async fn append(night: &mut Night<'_>, held: &mut Held, kind: CommitKind, changes: Changes) -> Result<()> {
    held.commit(kind, &night.run_id, Some(night.request.date), changes).await?;
    night.state.clone_from(&held.state);
    Ok(())
}

/// What the run before did after its commit, if nobody has told it yet. An account that cannot be read is no reason
/// to stop a night.
pub(super) async fn untold(company: &Company, state: &mut State) -> Option<Afterwards> {
    let bytes = match company.stores.lake.get_if_exists(keys::AFTERWARDS).await {
        Ok(bytes) => bytes?,
        Err(err) => {
            tracing::warn!(error = err.one_line(), "how long the run before took to publish and deliver is not known");
            return None;
        }
    };
    let afterwards: Afterwards = serde_json::from_slice(&bytes).ok()?;
    state.complete(&afterwards).then_some(afterwards)
}

/// Leaves word of the stages after this run's commit for the run after it. A run that committed nothing has none.
pub(super) async fn leave_word(night: &Night<'_>) {
    if night.nothing_new {
        return;
    }
    let Some(run) = night.state.run(&night.run_id) else { return };
    let mut stage_ms = night.stage_ms.clone();
    stage_ms.retain(|stage, _| !run.stage_ms.contains_key(stage));
    let store_requests = night.store_requests().saturating_sub(run.store_requests);
    let afterwards = Afterwards { run_id: night.run_id.clone(), stage_ms, store_requests };
    let written = match serde_json::to_vec(&afterwards) {
        Ok(bytes) => night.company.stores.lake.put(keys::AFTERWARDS, bytes).await,
        Err(err) => Err(err.into()),
    };
    if let Err(err) = written {
        tracing::warn!(error = err.one_line(), "how long publishing and delivering took is not kept");
    }
}

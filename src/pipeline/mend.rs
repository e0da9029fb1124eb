//! What is done about damage, by a night and by `verify --repair` alike: rows are read from the inbox again, partitions
//! built again, and what can be neither is set aside and told, so that the rest goes on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::damage::{self, Damage, Look, Of};
use super::flow::{Night, Staged};
use super::{Company, transform};
use crate::error::{Error, Result};
use crate::mail::rule::Row;
use crate::state::State;
use crate::state::record::{Input, InputId, InputStatus, Sighting};

/// Files named in a note before the rest is counted.
const FILES_SHOWN: usize = 3;

/// What is seen at a glance. That nobody can look is no reason to stop a night.
pub(super) async fn glance(company: &Company, state: &State) -> Damage {
    if state.number == 0 {
        return Damage::default();
    }
    damage::survey(company, state, Look::Glance).await.unwrap_or_else(|err| {
        tracing::warn!(error = err.one_line(), "lake and marts cannot be compared with the commits");
        Damage::default()
    })
}

/// Gives the night what it has to mend, and says so. Of what belongs to other jobs it only tells.
pub(super) fn take_on(night: &mut Night<'_>, damage: Damage) {
    if damage.is_empty() {
        return;
    }
    // A job that builds nothing says so itself, later.
    let built: BTreeSet<String> = transform::models(night).unwrap_or_default().into_iter().collect();
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for damaged in &damage.files {
        if let Of::Partition(model, partition) = &damaged.of {
            let told = format!("{model} {partition} {}", damaged.found);
            if built.contains(model) { own.push(told) } else { others.push(told) }
        }
    }
    for (files, what) in [
        (own, "built again"),
        (others, "not built by this job: run the job that builds them, or tributary verify --repair"),
    ] {
        if !files.is_empty() {
            let more = files.len().saturating_sub(FILES_SHOWN);
            let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
            let shown = files.iter().take(FILES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
            night.warn(format!("{} files of models are not as they were written ({shown}{rest}): {what}", files.len()));
        }
    }
    let in_job = |sender: &str| night.sender_in_job(sender);
    night.damage = damage.only(|of| match of {
        Of::Staged((sender, ..)) | Of::Rejects((sender, ..)) => in_job(sender),
        Of::Partition(model, _) => built.contains(model),
    });
}

/// Sets aside the files whose rows are lost and that could not be read again. They take part in nothing until they are
/// delivered again, or lie in the inbox again as they were: every run looks. A night whose lake is lost rather than a few
/// of its files stops instead; a repair is asked for, and goes on.
pub(super) fn set_aside(night: &mut Night<'_>, taken: &mut Vec<Staged>) -> Result<()> {
    let again: BTreeSet<InputId> = taken.iter().map(|staged| staged.sighting.id()).collect();
    let lost: Vec<InputId> = night.damage.inputs().filter(|id| !again.contains(*id)).cloned().collect();
    if !night.repairs {
        enough_is_left(night, &lost)?;
    }
    for id in lost {
        let Some(known) = night.state.input(&id) else { continue };
        let sighting = Sighting::of(known);
        let found = night.damage.found(&id);
        let title = night.company.senders.get(&known.sender).map_or(&known.sender, |sender| &sender.title);
        let mut input = Input::clone(known);
        let told = if night.damage.has_staged(&id) {
            let reason = format!(
                "its {} rows were lost (its file in the lake {found}), and the inbox does not hold it any more as it \
                 was delivered: have {title} deliver it again, the same file will do",
                known.rows_clean
            );
            input.status = InputStatus::Quarantined;
            input.reason = Some(reason.clone());
            input.lost = true;
            // Nothing of today refused it, so every run tries it again.
            input.contract_fingerprint = String::new();
            input.run_id.clone_from(&night.run_id);
            input.staged = None;
            input.rejects = None;
            format!("{} of sender {} is set aside: {reason}", known.key, known.sender)
        } else {
            input.rejects = None;
            format!(
                "{} of sender {}: the list of its refused rows was lost (its file in the lake {found}); they stay \
                 counted, and its {} clean rows count",
                known.key, known.sender, known.rows_clean
            )
        };
        taken.push(Staged { sighting, input: Some(input), reasons: BTreeMap::new(), told: Some(told) });
    }
    Ok(())
}

/// Refuses to publish what is left where more rows are lost than `run.lost_rows_share_max` allows.
fn enough_is_left(night: &Night<'_>, lost: &[InputId]) -> Result<()> {
    let counts = |input: &&Input| input.status == InputStatus::Active && night.sender_in_job(&input.sender);
    let sum =
        |inputs: &mut dyn Iterator<Item = &Input>| inputs.filter(counts).map(|input| input.rows_clean).sum::<u64>();
    let staged = lost.iter().filter(|id| night.damage.has_staged(id)).filter_map(|id| night.state.input(id));
    let gone = sum(&mut staged.map(AsRef::as_ref));
    let all = sum(&mut night.state.inputs().map(AsRef::as_ref));
    let most = night.company.config.run.lost_rows_share_max;
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = gone as f64 / all.max(1) as f64;
    if share <= most {
        return Ok(());
    }
    Err(Error::input(format!(
        "{gone} of {all} rows are lost in the lake, and the inbox does not hold their files any more: {share:.2} of all, at \
         most {most} are set aside by a night (run.lost_rows_share_max); the good marts stay"
    ))
    .at(&night.company.stores.lake)
    .hint(
        "restore the lake from a copy (`tributary verify` names what it lacks); `tributary verify --repair` sets aside \
         whatever is lost all the same",
    ))
}

/// The rows of the alert `rows_lost`: one a sender and feed with files that are set aside because their rows were lost.
pub(super) fn lost_rows(night: &Night<'_>) -> Vec<Row> {
    let mut lost: BTreeMap<(&str, &str), Vec<&Input>> = BTreeMap::new();
    for input in night.all_inputs().filter(|input| input.lost) {
        lost.entry((&input.sender, &input.feed)).or_default().push(input);
    }
    let row = |((sender, feed), files): ((&str, &str), Vec<&Input>)| {
        let title = night.company.senders.get(sender).map_or(sender, |known| known.title.as_str());
        let first = files.iter().map(|input| input.key.as_str()).min().unwrap_or_default();
        Row::from([
            ("sender".to_string(), Json::from(sender)),
            ("sender_name".to_string(), Json::from(title)),
            ("feed".to_string(), Json::from(feed)),
            ("files".to_string(), Json::from(files.len())),
            ("rows".to_string(), Json::from(files.iter().map(|input| input.rows_clean).sum::<u64>())),
            ("file".to_string(), Json::from(first)),
        ])
    };
    lost.into_iter().map(row).collect()
}

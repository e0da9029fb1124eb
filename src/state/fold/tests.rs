//! What commits add up to.

use super::*;
use crate::state::record::Changes;
use crate::state::samples::{at, day, file, full_changes, input, partition, run_record};
use crate::store::Home;

fn state() -> State {
    State::new(Keep { orphans_days: 7, mails_days: 90 })
}

/// Applies a commit of `kind` for `date`, written `days` after the base.
fn apply(state: &mut State, kind: CommitKind, date: u32, days: i64, changes: Changes) {
    let commit = Commit {
        number: state.number + 1,
        epoch: 1,
        kind,
        run_id: format!("run-{}", state.number + 1),
        nonce: String::new(),
        logical_date: Some(day(date)),
        written_at: at(days * 86_400),
        previous_sha256: state.head_sha256.clone(),
        checkpoint: None,
        changes,
    };
    state.apply(commit, format!("sha-{}", state.number + 1));
}

fn built(partitions: &[(&str, &str)]) -> Changes {
    let partitions = partitions.iter().map(|(model, fingerprint)| partition(model, "all", fingerprint)).collect();
    Changes { partitions, ..Changes::default() }
}

fn current(state: &State, model: &str) -> String {
    state.partition(model, "all").unwrap().fingerprint.clone()
}

#[test]
fn an_older_date_does_not_move_what_later_dates_published() {
    let mut state = state();
    apply(&mut state, CommitKind::Run, 20, 0, built(&[("kpis", "f20")]));
    apply(&mut state, CommitKind::Run, 22, 1, built(&[("kpis", "f22")]));
    apply(&mut state, CommitKind::Run, 21, 1, built(&[("kpis", "f21"), ("other", "g21")]));
    assert_eq!(current(&state, "kpis"), "f22");
    assert_eq!(current(&state, "other"), "g21", "a model that no later date has published");
    assert_eq!(state.logical_date, Some(day(22)));
    for fingerprint in ["f20", "f21", "f22"] {
        assert!(state.reusable("kpis", "all", fingerprint).is_some(), "{fingerprint}");
    }
    apply(&mut state, CommitKind::Run, 22, 2, built(&[("kpis", "f22b")]));
    assert_eq!(current(&state, "kpis"), "f22b", "the same date may be published again");
    apply(&mut state, CommitKind::Run, 23, 2, built(&[("kpis", "f21")]));
    assert_eq!(current(&state, "kpis"), "f21", "a remembered partition may stand again");
    assert_eq!(state.remembered().filter(|made| made.fingerprint == "f21").count(), 0);
}

#[test]
fn a_failed_run_moves_nothing_but_its_inputs_and_alerts_count() {
    let mut state = state();
    apply(&mut state, CommitKind::Run, 20, 0, built(&[("kpis", "f20")]));
    let alerts = full_changes(1).alerts;
    let inputs = vec![input("a", 1, Some((1, 1)))];
    let run = Some(run_record("run-2", day(21), RunStatus::Failed));
    let changes = Changes { alerts: alerts.clone(), inputs, run, ..built(&[("kpis", "f21")]) };
    apply(&mut state, CommitKind::Failed, 21, 1, changes);
    assert_eq!(current(&state, "kpis"), "f20");
    assert_eq!(state.logical_date, Some(day(20)));
    assert!(state.reusable("kpis", "all", "f21").is_some());
    assert_eq!(Some(&state.alerts), alerts.as_ref());
    assert_eq!(state.active("sales").count(), 1);
    assert!(state.done("nightly", day(21)).is_none());
    assert_eq!(state.runs.len(), 1);
    apply(&mut state, CommitKind::Run, 21, 1, Changes { alerts: None, ..Changes::default() });
    assert_eq!(state.alerts.len(), 1, "a commit without alerts leaves them");
    apply(&mut state, CommitKind::Run, 21, 1, Changes { alerts: Some(Vec::new()), ..Changes::default() });
    assert!(state.alerts.is_empty());
}

#[test]
fn replaced_partitions_stay_for_their_days_after_they_were_replaced() {
    let mut state = state();
    apply(&mut state, CommitKind::Run, 1, 0, built(&[("kpis", "old"), ("kpis2", "x")]));
    apply(&mut state, CommitKind::Run, 20, 100, built(&[("kpis", "new")]));
    let is_kept = |state: &State| state.files().any(|file| file.key.contains("old"));
    assert!(is_kept(&state), "made 100 days ago, replaced just now");
    apply(&mut state, CommitKind::Run, 21, 107, Changes::default());
    assert!(is_kept(&state));
    apply(&mut state, CommitKind::Run, 22, 108, Changes::default());
    assert!(!is_kept(&state));
    assert!(state.reusable("kpis", "all", "old").is_none());
    assert!(state.files().any(|file| file.key.contains("kpis2")), "what stands is never forgotten");
}

#[test]
fn published_dates_are_known_by_job() {
    let mut state = state();
    for (date, status) in [(20, RunStatus::Ok), (22, RunStatus::Warned), (23, RunStatus::ChecksFailed)] {
        let run = Some(run_record(&format!("r{date}"), day(date), status));
        apply(&mut state, CommitKind::Run, date, 0, Changes { run, ..Changes::default() });
    }
    assert_eq!(state.done_dates("nightly").collect::<Vec<_>>(), [day(20), day(22)]);
    assert_eq!(state.done("nightly", day(22)).unwrap().plan_fingerprint, "plan-2026-11-22");
    assert_eq!(state.done_dates("weekly").count(), 0);
}

#[test]
fn a_run_is_completed_once_by_the_commit_of_the_one_after_it() {
    let mut state = state();
    let run = |name: &str| Some(run_record(name, day(1), RunStatus::Ok));
    apply(&mut state, CommitKind::Run, 1, 0, Changes { run: run("first"), ..Changes::default() });
    let word = |name: &str, stages: &[(&str, u64)]| Afterwards {
        run_id: name.into(),
        stage_ms: stages.iter().map(|(stage, ms)| ((*stage).to_string(), *ms)).collect(),
        store_requests: 5,
    };
    let stages = |state: &State, at: usize| -> Vec<(String, u64)> {
        state.runs[at].stage_ms.iter().map(|(stage, ms)| (stage.clone(), *ms)).collect()
    };
    let told = word("first", &[("publish", 7), ("deliver", 0), ("stage", 99)]);
    let changes = Changes { run: run("second"), afterwards: Some(told.clone()), ..Changes::default() };
    apply(&mut state, CommitKind::Run, 1, 1, changes);
    let complete = [("deliver".into(), 0), ("publish".into(), 7), ("stage".into(), 12)];
    assert_eq!(stages(&state, 0), complete, "what was committed stays as it was");
    assert_eq!(stages(&state, 1), [("stage".into(), 12)]);
    assert!(!state.complete(&told), "told before");
    assert_eq!(state.runs[0].store_requests, 9, "those of the commit and those after it, once");
    assert!(!state.complete(&word("nobody", &[("publish", 1)])), "a run that never committed");
    assert!(state.complete(&word("second", &[("deliver", 3)])));
}

#[test]
fn memory_is_bounded() {
    let mut state = state();
    for n in 0..u32::try_from(RUNS_KEPT).unwrap() + 5 {
        let run = Some(run_record(&format!("r{n}"), day(1), RunStatus::Ok));
        apply(&mut state, CommitKind::Run, 1, 0, Changes { run, ..Changes::default() });
    }
    assert_eq!(state.runs.len(), RUNS_KEPT);
    assert_eq!(state.runs.front().unwrap().run_id, "r5");
    apply(&mut state, CommitKind::Run, 1, 0, full_changes(1));
    assert_eq!((state.owed.len(), state.silences.len()), (1, 1));
    apply(&mut state, CommitKind::Run, 1, 91, Changes::default());
    assert_eq!((state.owed.len(), state.silences.len()), (0, 0));
}

#[test]
fn files_are_those_of_inputs_and_partitions() {
    let mut state = state();
    let mut changes = full_changes(1);
    changes.partitions[1].file = None;
    apply(&mut state, CommitKind::Run, 1, 0, changes);
    let homes: Vec<Home> = state.files().map(|file| file.home).collect();
    assert_eq!(homes, [Home::Lake, Home::Lake, Home::Marts]);
    assert_eq!(state.partitions_of("sales_daily").count(), 1);
    assert_eq!(state.partitions_of("sales").count(), 0);
    let empty = state.partition("empty", "all").unwrap();
    assert_eq!(empty.file, None, "{:?}", file(Home::Lake, "x"));
}

//! The chain under every fault, under races and against tampering.

use super::*;
use crate::state::samples::{Hands, at, draft, full_changes, impatient, options, stores};
use crate::store::Store;
use crate::store::testing::{Fault, Faults, Side};

fn clock() -> Clock {
    Clock::fixed(at(0))
}

/// A chain with `n` run commits of epoch 1.
async fn written(stores: &Stores, n: u32) -> State {
    let (mut chain, mut state) = Chain::open(stores, &options(), &clock()).await.unwrap();
    for i in 0..n {
        let changes = full_changes(i);
        let draft = Draft { changes, ..draft(CommitKind::Run, Some(1), &format!("run-{i}")) };
        chain.append(&mut state, draft).await.unwrap();
    }
    state
}

fn faulty(stores: &Stores, faults: &Faults) -> Stores {
    Stores { lake: stores.lake.wrapped(|inner| faults.around(inner)), ..stores.clone() }
}

async fn reopened(stores: &Stores) -> State {
    Chain::open(stores, &options(), &clock()).await.unwrap().1
}

#[tokio::test]
async fn memory_and_replay_agree_with_and_without_checkpoints() {
    let stores = stores();
    let state = written(&stores, 23).await;
    assert_eq!(state.number, 23);
    let checkpoints = stores.lake.list(keys::CHECKPOINTS).await.unwrap();
    assert_eq!(checkpoints.len(), 4, "after 5, 10, 15 and 20 commits");
    let (chain, reread) = Chain::open(&stores, &options(), &clock()).await.unwrap();
    assert_eq!(chain.checkpoint.map(|checkpoint| checkpoint.number), Some(20));
    assert_eq!(reread, state, "checkpoint and the commits after it");

    for checkpoint in &checkpoints {
        stores.lake.delete(&checkpoint.key).await.unwrap();
    }
    assert_eq!(reopened(&stores).await, state, "a full replay, the checkpoints being lost");
    for checkpoint in &checkpoints {
        stores.lake.put(&checkpoint.key, "PAR1 no longer").await.unwrap();
    }
    assert_eq!(reopened(&stores).await, state, "a full replay, the checkpoints being damaged");
}

#[tokio::test]
async fn opening_reads_only_what_follows_the_checkpoint() {
    let stores = stores();
    written(&stores, 23).await;
    let faults = Faults::new().only(keys::COMMITS);
    let state = reopened(&faulty(&stores, &faults)).await;
    assert_eq!(state.number, 23);
    // One listing; commits 21 to 23 and the head once more.
    assert_eq!(faults.count(Side::Read), 1 + 4);
}

#[tokio::test]
async fn every_fault_on_the_commit_ends_in_exactly_one_commit() {
    for fault in [Fault::ErrorBefore, Fault::ErrorAfter, Fault::HangBefore, Fault::HangAfter] {
        for read_fault in [None, Some(Fault::ErrorBefore), Some(Fault::HangBefore), Some(Fault::Truncate)] {
            let stores = stores();
            let before = written(&stores, 3).await;
            let mut faults = Faults::new().only("000004").at(Side::Write, 1, fault);
            for n in 1..=2 {
                if let Some(read_fault) = read_fault {
                    faults = faults.at(Side::Read, n, read_fault);
                }
            }
            let (mut chain, mut state) = Chain::open(&faulty(&stores, &faults), &impatient(), &clock()).await.unwrap();
            assert_eq!(state, before);
            let commit = chain.append(&mut state, draft(CommitKind::Run, Some(1), "mine")).await.unwrap();
            assert_eq!((commit.number, commit.run_id.as_str()), (4, "mine"), "{fault:?} {read_fault:?}");
            assert_eq!(reopened(&stores).await, state, "{fault:?} {read_fault:?}");
            assert_eq!(state.number, 4);
        }
    }
}

#[tokio::test]
async fn a_commit_that_can_neither_be_written_nor_read_is_unknown_and_the_next_start_knows() {
    for (fault, expected) in [(Fault::ErrorBefore, 3), (Fault::ErrorAfter, 4)] {
        let stores = stores();
        written(&stores, 3).await;
        let faults =
            (1..20).fold(Faults::new().only("000004"), |faults, n| faults.at(Side::Read, n, Fault::ErrorBefore));
        let faults = (1..20).fold(faults, |faults, n| faults.at(Side::Write, n, fault));
        let (mut chain, mut state) = Chain::open(&faulty(&stores, &faults), &options(), &clock()).await.unwrap();
        let error = chain.append(&mut state, draft(CommitKind::Run, Some(1), "mine")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Retry);
        assert!(error.to_string().contains("it is not known whether the commit was written"), "{error}");
        assert_eq!(reopened(&stores).await.number, expected);
    }
}

#[tokio::test]
async fn a_refused_write_is_given_up_after_the_retries() {
    let stores = stores();
    written(&stores, 3).await;
    let faults = (1..20).fold(Faults::new().only("000004"), |faults, n| faults.at(Side::Write, n, Fault::ErrorBefore));
    let (mut chain, mut state) = Chain::open(&faulty(&stores, &faults), &options(), &clock()).await.unwrap();
    let error = chain.append(&mut state, draft(CommitKind::Run, Some(1), "mine")).await.unwrap_err();
    assert_eq!((error.kind(), error.path()), (Kind::Retry, Some("state/commits/000004.json")));
    assert_eq!(faults.count(Side::Write), 4, "once and three retries");
    assert_eq!(reopened(&stores).await.number, 3);
}

#[tokio::test]
async fn the_first_commit_survives_faults_on_the_probe() {
    for n in 1..=4 {
        for fault in [Fault::ErrorBefore, Fault::ErrorAfter, Fault::HangAfter] {
            let stores = stores();
            let faults = Faults::new().at(Side::Write, n, fault);
            let (mut chain, mut state) = Chain::open(&faulty(&stores, &faults), &impatient(), &clock()).await.unwrap();
            chain.append(&mut state, draft(CommitKind::Run, Some(1), "first")).await.unwrap();
            assert_eq!(reopened(&stores).await, state);
        }
    }
    let stores = stores();
    let faults = Faults::new().ignoring_create();
    let (mut chain, mut state) = Chain::open(&faulty(&stores, &faults), &impatient(), &clock()).await.unwrap();
    let error = chain.append(&mut state, draft(CommitKind::Run, Some(1), "first")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(stores.lake.list(keys::COMMITS).await.unwrap().is_empty());
}

#[tokio::test]
async fn killed_at_every_write_leaves_the_old_or_the_new_commit() {
    for write_happens in [false, true] {
        let mut n = 1;
        loop {
            let stores = stores();
            written(&stores, 5).await;
            let faults = Faults::new().kill_at_write(n, write_happens);
            let (mut chain, mut state) = Chain::open(&faulty(&stores, &faults), &options(), &clock()).await.unwrap();
            let appended = chain.append(&mut state, draft(CommitKind::Run, Some(1), "mine")).await;
            if appended.is_ok() && !faults.is_dead() {
                assert_eq!(n, 3, "checkpoint and commit are the writes");
                break;
            }
            let after = reopened(&stores).await;
            // A checkpoint that failed does not stop the commit, but here the process is dead.
            assert_eq!(after.number, if n == 2 && write_happens { 6 } else { 5 });
            let mut state = after;
            let (mut chain, _) = Chain::open(&stores, &options(), &clock()).await.unwrap();
            chain.append(&mut state, draft(CommitKind::Run, Some(1), "again")).await.unwrap();
            assert_eq!(reopened(&stores).await, state);
            n += 1;
        }
    }
}

#[tokio::test]
async fn a_run_stops_at_anothers_commit_but_not_at_silences() {
    use CommitKind::{Failed, Fence, Frozen, Run, Silence};
    // Ours with its epoch, theirs with its epoch, and whether ours still becomes true.
    let cases = [
        (Run, Some(2), Silence, None, true),
        (Run, Some(2), Frozen, None, true),
        (Failed, Some(2), Silence, None, true),
        (Run, Some(2), Run, Some(2), false),
        (Run, Some(2), Failed, Some(2), false),
        (Run, Some(2), Fence, Some(3), false),
        (Failed, Some(2), Run, Some(3), false),
        (Silence, None, Run, Some(2), true),
        (Silence, None, Silence, None, true),
        (Frozen, None, Fence, Some(3), true),
        (Fence, Some(3), Run, Some(2), true),
        (Fence, Some(3), Silence, None, true),
        (Fence, Some(3), Fence, Some(3), false),
        (Fence, Some(3), Fence, Some(4), false),
        (Fence, Some(3), Run, Some(3), false),
    ];
    for (ours, our_epoch, theirs, their_epoch, passes) in cases {
        let stores = stores();
        written(&stores, 2).await;
        let (mut chain, mut state) = Chain::open(&stores, &options(), &clock()).await.unwrap();
        let (mut other, mut other_state) = Chain::open(&stores, &options(), &clock()).await.unwrap();
        other.append(&mut other_state, draft(theirs, their_epoch, "theirs")).await.unwrap();
        let appended = chain.append(&mut state, draft(ours, our_epoch, "ours")).await;
        let case = format!("{ours:?} {our_epoch:?} after {theirs:?} {their_epoch:?}");
        if passes {
            assert_eq!(appended.unwrap().number, 4, "{case}");
        } else {
            let error = appended.unwrap_err();
            assert_eq!(error.kind(), Kind::Fenced, "{case}");
            assert!(error.to_string().contains("has committed 3"), "{error}");
        }
        assert_eq!(reopened(&stores).await, state, "{case}: memory agrees with the chain");
    }
}

#[tokio::test]
async fn a_stalled_holder_is_fenced_even_when_it_has_seen_the_fence() {
    let stores = stores();
    written(&stores, 2).await;
    let (mut stalled, mut old) = Chain::open(&stores, &options(), &clock()).await.unwrap();
    let (mut chain, mut state) = Chain::open(&stores, &options(), &clock()).await.unwrap();
    chain.append(&mut state, draft(CommitKind::Fence, Some(2), "new")).await.unwrap();
    for _ in 0..2 {
        let error = stalled.append(&mut old, draft(CommitKind::Run, Some(1), "old")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Fenced);
    }
    assert!(stalled.refresh(&mut state).await.is_ok_and(|news| !news));
    assert_eq!(reopened(&stores).await.number, 3);
}

/// 32 writers of the same epoch, all from the same state: one wins each number.
async fn race(stores: Stores) {
    let (mut chain, mut state) = Chain::open(&stores, &options(), &clock()).await.unwrap();
    chain.append(&mut state, draft(CommitKind::Run, Some(1), "first")).await.unwrap();
    for round in 0..5_u64 {
        let state = reopened(&stores).await;
        let tasks = (0..32).map(|n| {
            let (stores, mut state) = (stores.clone(), state.clone());
            tokio::spawn(async move {
                let options = options();
                let (mut chain, _) = Chain::open(&stores, &options, &clock()).await.unwrap();
                chain.append(&mut state, draft(CommitKind::Run, Some(1), &format!("writer-{n}"))).await
            })
        });
        let results: Vec<_> = futures::future::join_all(tasks).await.into_iter().map(|task| task.unwrap()).collect();
        let winners = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(winners, 1, "round {round}");
        assert!(results.iter().filter_map(|r| r.as_ref().err()).all(|err| err.kind() == Kind::Fenced), "{results:?}");
        assert_eq!(reopened(&stores).await.number, round + 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_32_writers_wins_in_memory() {
    race(stores()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_32_writers_wins_in_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Store::folder(dir.path(), true).unwrap();
    race(Stores { lake: lake.clone(), ..stores() }).await;
    // The same through the object store's own writes.
    let dir = tempfile::tempdir().unwrap();
    let lake = Store::folder(dir.path(), true).unwrap().wrapped(|inner| inner);
    race(Stores { lake, ..stores() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn side_commits_all_get_through_beside_a_run() {
    let stores = stores();
    let state = written(&stores, 1).await;
    let tasks = (0..12).map(|n| {
        let (stores, mut state) = (stores.clone(), state.clone());
        tokio::spawn(async move {
            let options = options();
            let (mut chain, _) = Chain::open(&stores, &options, &clock()).await.unwrap();
            let draft = match n {
                0 => draft(CommitKind::Run, Some(1), "run"),
                n => draft(CommitKind::Silence, None, &format!("silence-{n}")),
            };
            chain.append(&mut state, draft).await
        })
    });
    for task in futures::future::join_all(tasks).await {
        task.unwrap().unwrap();
    }
    assert_eq!(reopened(&stores).await.number, 13);
}

#[tokio::test]
async fn under_seeded_faults_every_success_is_true_and_nothing_is_true_twice() {
    for seed in 0..40 {
        let stores = stores();
        written(&stores, 1).await;
        let faults = Faults::new().seeded(seed, 0.3);
        let (mut chain, mut state) = match Chain::open(&faulty(&stores, &faults), &options(), &clock()).await {
            Ok(opened) => opened,
            Err(err) => {
                assert_eq!(err.kind(), Kind::Retry, "seed {seed}");
                continue;
            }
        };
        let mut done = Vec::new();
        for n in 0..12 {
            let name = format!("run-{n}");
            match chain.append(&mut state, draft(CommitKind::Run, Some(1), &name)).await {
                Ok(commit) => done.push((commit.number, name)),
                Err(err) => {
                    assert!(matches!(err.kind(), Kind::Retry | Kind::Fenced), "seed {seed}: {}", err.one_line());
                    break;
                }
            }
        }
        let truth = reopened(&stores).await;
        let mut names = Vec::new();
        for number in 2..=truth.number {
            let bytes = stores.lake.get(&keys::commit(number)).await.unwrap();
            names.push(serde_json::from_slice::<Commit>(&bytes).unwrap().run_id);
        }
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "seed {seed}: {names:?}");
        for (number, name) in done {
            assert_eq!(names[usize::try_from(number).unwrap() - 2], name, "seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_changed_commit_is_found_and_named() {
    let stores = stores();
    written(&stores, 4).await;
    let key = keys::commit(2);
    let honest = stores.lake.get(&key).await.unwrap();
    let text = String::from_utf8(honest.to_vec()).unwrap();
    let open = || async { Chain::open(&stores, &options(), &clock()).await.map(|_| ()).unwrap_err() };

    let changed = text.replace("\"rows_clean\":10", "\"rows_clean\":11");
    stores.lake.put(&key, changed.clone()).await.unwrap();
    let error = open().await;
    assert_eq!((error.kind(), error.path()), (Kind::Input, Some(key.as_str())));
    assert!(error.advice().unwrap().contains("tributary verify --repair"), "{error}");

    // One that was sealed anew is found by its successor.
    let changed: Commit = serde_json::from_str(&changed).unwrap();
    stores.lake.put(&key, encode(&changed).unwrap()).await.unwrap();
    let error = open().await;
    assert_eq!((error.kind(), error.path()), (Kind::Input, Some("state/commits/000003.json")));
    assert!(error.to_string().contains("it follows a commit 2 whose bytes hash to"), "{error}");
    assert!(error.advice().unwrap().contains("changed after it was written"));

    stores.lake.put(&key, honest.slice(..20)).await.unwrap();
    let error = open().await;
    assert_eq!((error.kind(), error.path()), (Kind::Input, Some(key.as_str())));
    assert_eq!(error.to_string(), "state/commits/000002.json: the commit was cut or changed after it was written");

    stores.lake.delete(&key).await.unwrap();
    let error = open().await;
    assert_eq!(error.path(), Some(key.as_str()));
    assert!(error.to_string().contains("commit 2 is missing"), "{error}");

    stores.lake.put(&key, stores.lake.get(&keys::commit(3)).await.unwrap()).await.unwrap();
    assert!(open().await.to_string().contains("it calls itself commit 3; expected 2"));
}

/// No successor names the newest commit's hash: it has one of its own, and a way out.
#[tokio::test]
async fn a_damaged_newest_commit_is_named_and_can_be_set_aside() {
    let stores = stores();
    let before = written(&stores, 3).await;
    written(&stores, 1).await;
    let key = keys::commit(4);
    let honest = stores.lake.get(&key).await.unwrap();
    let text = String::from_utf8(honest.to_vec()).unwrap();
    for damaged in [text.replace("\"rows_read\":12", "\"rows_read\":21"), text[..30].to_string(), String::new()] {
        assert_ne!(damaged, text);
        stores.lake.put(&key, honest.clone()).await.unwrap();
        assert_eq!(set_newest_aside(&stores.lake).await.unwrap(), None, "a commit that is whole stays");
        stores.lake.put(&key, damaged.clone()).await.unwrap();
        let error = Chain::open(&stores, &options(), &clock()).await.map(|_| ()).unwrap_err();
        assert_eq!((error.kind(), error.path()), (Kind::Input, Some(key.as_str())));
        let aside = set_newest_aside(&stores.lake).await.unwrap().unwrap();
        assert_eq!(stores.lake.get(&aside).await.unwrap(), damaged.as_bytes());
        assert_eq!(reopened(&stores).await, before, "the chain ends with the commit before it");
    }
}

#[tokio::test]
async fn other_objects_beside_the_commits_do_no_harm() {
    let stores = stores();
    let state = written(&stores, 3).await;
    stores.lake.put("state/commits/000004.json.bak", "x").await.unwrap();
    stores.lake.put("state/commits/notes.txt", "x").await.unwrap();
    assert_eq!(reopened(&stores).await, state);
}

#[tokio::test]
async fn files_named_by_a_commit_must_be_there_when_the_store_is_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Store::folder(dir.path(), true).unwrap();
    let stores = Stores { lake: lake.clone(), ..stores() };
    let (mut chain, mut state) = Chain::open(&stores, &options(), &clock()).await.unwrap();
    let changes = full_changes(1);
    let missing = Draft { changes: changes.clone(), ..draft(CommitKind::Run, Some(1), "run") };
    let error = chain.append(&mut state, missing.clone()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Bug);
    assert_eq!(error.path(), Some(changes.inputs[0].staged.as_ref().unwrap().key.as_str()));
    assert_eq!(reopened(&stores).await.number, 0);
    for file in files(&changes).into_iter().filter(|file| file.home == crate::store::Home::Lake) {
        lake.put(&file.key, "rows").await.unwrap();
    }
    chain.append(&mut state, missing).await.unwrap();
}

#[tokio::test]
async fn time_comes_from_the_clock_alone() {
    let stores = stores();
    let hands = Hands::default();
    let (mut chain, mut state) = Chain::open(&stores, &options(), &hands.clock()).await.unwrap();
    hands.pass(77);
    let commit = chain.append(&mut state, draft(CommitKind::Run, Some(1), "run")).await.unwrap();
    assert_eq!(commit.written_at, at(77));
    assert_eq!(state.written_at, Some(at(77)));
}

//! Who may work on a lake, and how one is replaced.

use super::*;
use crate::state::samples::{Hands, at, impatient, options, stores};
use crate::store::testing::{Fault, Faults, Side};

async fn held(stores: &Stores, hands: &Hands, name: &str) -> Held {
    hold(stores, &options(), &hands.clock(), name).await.unwrap()
}

async fn run(held: &mut Held, name: &str) -> Result<Commit> {
    held.commit(CommitKind::Run, name, None, Changes::default()).await
}

/// Makes a lease look as if another machine held it.
async fn from_elsewhere(stores: &Stores, epoch: u64) {
    let key = keys::lease(epoch);
    let mut holder: Holder = serde_json::from_slice(&stores.lake.get(&key).await.unwrap()).unwrap();
    holder.process = holder.process.map(|process| Process { place: "another machine".into(), ..process });
    stores.lake.put(&key, serde_json::to_vec(&holder).unwrap()).await.unwrap();
}

#[tokio::test]
async fn one_holder_at_a_time_and_the_next_after_release() {
    let (stores, hands) = (stores(), Hands::default());
    let mut first = held(&stores, &hands, "run nightly 2026-11-22").await;
    let error = hold(&stores, &options(), &hands.clock(), "second").await.unwrap_err();
    assert_eq!((error.kind(), error.path()), (Kind::Fenced, Some("state/lease/000001.json")));
    assert!(error.to_string().contains("another runner holds this lake: run nightly 2026-11-22 (epoch 1)"), "{error}");
    assert!(error.to_string().contains("last sign of life 2026-11-22 02:00:00 UTC"), "{error}");
    run(&mut first, "r1").await.unwrap();
    first.release().await.unwrap();

    let mut second = held(&stores, &hands, "second").await;
    assert_eq!((second.epoch(), second.state.number), (2, 1), "no fence after a clean end");
    run(&mut second, "r2").await.unwrap();
    assert_eq!(second.state.epoch, 2);
}

#[tokio::test]
async fn a_silent_holder_is_replaced_fenced_and_stops() {
    let (stores, hands) = (stores(), Hands::default());
    let mut old = held(&stores, &hands, "old").await;
    run(&mut old, "r1").await.unwrap();
    from_elsewhere(&stores, 1).await;
    hands.pass(120);
    let error = hold(&stores, &options(), &hands.clock(), "new").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Fenced, "not yet: {error}");
    hands.pass(1);
    let mut new = held(&stores, &hands, "new").await;
    assert_eq!((new.epoch(), new.state.number), (2, 2), "the fence was written");

    // The old one wakes up with the state of before.
    let error = run(&mut old, "late").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Fenced);
    assert!(error.to_string().contains("another runner (epoch 2) has committed 2"), "{error}");
    run(&mut new, "r2").await.unwrap();
    assert_eq!(run(&mut old, "late").await.unwrap_err().kind(), Kind::Fenced);
    let (_, state) = Chain::open(&stores, &options(), &hands.clock()).await.unwrap();
    assert_eq!(state, new.state);
}

#[tokio::test]
async fn what_the_old_holder_still_committed_comes_before_the_fence() {
    let (stores, hands) = (stores(), Hands::default());
    let mut old = held(&stores, &hands, "old").await;
    run(&mut old, "r1").await.unwrap();
    let (mut chain, mut state) = Chain::open(&stores, &options(), &hands.clock()).await.unwrap();
    run(&mut old, "r2").await.unwrap();
    let draft = Draft {
        kind: CommitKind::Fence,
        run_id: "new".into(),
        epoch: Some(2),
        logical_date: None,
        changes: Changes::default(),
    };
    assert_eq!(chain.append(&mut state, draft).await.unwrap().number, 3);
    assert_eq!(run(&mut old, "r3").await.unwrap_err().kind(), Kind::Fenced);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_holder_that_died_on_this_machine_is_replaced_at_once() {
    let (stores, hands) = (stores(), Hands::default());
    // Dropped without release, as a crash would.
    drop(held(&stores, &hands, "crashed here").await);
    let second = held(&stores, &hands, "second").await;
    assert_eq!((second.epoch(), second.state.number), (2, 1), "with a fence");

    // A process that ended: its number is free, or another one's.
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let number = child.id();
    let started = started(number);
    child.wait().unwrap();
    let key = keys::lease(2);
    let mut holder: Holder = serde_json::from_slice(&stores.lake.get(&key).await.unwrap()).unwrap();
    let process = holder.process.take().unwrap();
    holder.process = Some(Process { number, started: started.unwrap_or_default(), ..process.clone() });
    stores.lake.put(&key, serde_json::to_vec(&holder).unwrap()).await.unwrap();
    let third = held(&stores, &hands, "third").await;
    assert_eq!(third.epoch(), 3);

    // The parent lives: its lease is respected.
    let parent = std::os::unix::process::parent_id();
    let own = Process::own().unwrap();
    let living = Process { number: parent, started: super::started(parent).unwrap(), ..own };
    assert!(!living.is_gone("whatever"));
    assert!(Process { started: "0".into(), ..living }.is_gone("whatever"), "the number was used again");
}

#[tokio::test]
async fn a_clock_far_in_the_future_does_not_block_for_ever() {
    let (stores, hands) = (stores(), Hands::default());
    hands.pass(10_000_000);
    let wrong = held(&stores, &hands, "wrong clock").await;
    from_elsewhere(&stores, 1).await;
    hands.pass(-10_000_000);
    assert_eq!(held(&stores, &hands, "right clock").await.epoch(), 2);
    drop(wrong);
}

#[tokio::test]
async fn beats_keep_the_lease_and_notice_who_took_over() {
    let (stores, hands) = (stores(), Hands::default());
    let quick = Options { lease: Duration::from_millis(30), ..options() };
    let beating = hold(&stores, &quick, &hands.clock(), "beating").await.unwrap();
    from_elsewhere(&stores, 1).await;
    hands.pass(1_000);
    let beat_at = || async {
        let bytes = stores.lake.get_if_exists(&keys::lease_beat(1)).await.unwrap()?;
        Some(serde_json::from_slice::<Beat>(&bytes).unwrap().at)
    };
    while beat_at().await != Some(at(1_000)) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let error = hold(&stores, &options(), &hands.clock(), "second").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Fenced);
    beating.check().unwrap();
    stores.lake.put_new(&keys::lease(2), "{}").await.unwrap();
    while beating.check().is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(beating.check().unwrap_err().kind(), Kind::Fenced);
}

#[tokio::test]
async fn taking_a_lease_survives_faults_on_its_write() {
    for fault in [Fault::ErrorBefore, Fault::ErrorAfter, Fault::HangBefore, Fault::HangAfter] {
        let (stores, hands) = (stores(), Hands::default());
        let faults = Faults::new().only("state/lease/000001.json").at(Side::Write, 1, fault);
        let lake = stores.lake.wrapped(|inner| faults.around(inner));
        let faulty = Stores { lake, ..stores.clone() };
        let mut held = hold(&faulty, &impatient(), &hands.clock(), "me").await.unwrap();
        assert_eq!(held.epoch(), 1, "{fault:?}");
        run(&mut held, "r1").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_takes_the_lease() {
    let (stores, hands) = (stores(), Hands::default());
    let tasks = (0..16).map(|n| {
        let (stores, clock) = (stores.clone(), hands.clock());
        tokio::spawn(async move { hold(&stores, &options(), &clock, &format!("runner {n}")).await })
    });
    let results: Vec<_> = futures::future::join_all(tasks).await.into_iter().map(|task| task.unwrap()).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().filter_map(|result| result.as_ref().err()).all(|err| err.kind() == Kind::Fenced));
}

#[tokio::test]
async fn old_epochs_are_swept_and_numbers_go_on() {
    let (stores, hands) = (stores(), Hands::default());
    for _ in 0..20 {
        held(&stores, &hands, "run").await.release().await.unwrap();
    }
    let objects = stores.lake.list(keys::LEASES).await.unwrap();
    assert!(objects.len() <= 2 * (usize::try_from(EPOCHS_KEPT).unwrap() + 1), "{}", objects.len());
    for object in objects {
        stores.lake.delete(&object.key).await.unwrap();
    }
    // Leases may be lost: the chain remembers the epoch.
    let mut last = held(&stores, &hands, "run").await;
    assert_eq!(last.epoch(), 1, "nothing was committed under the others");
    run(&mut last, "r1").await.unwrap();
    last.release().await.unwrap();
    stores.lake.delete(&keys::lease(1)).await.unwrap();
    assert_eq!(held(&stores, &hands, "run").await.epoch(), 2);
}

//! What goes and what stays.

use super::*;
use crate::error::Kind;
use crate::state::record::{Changes, CommitKind};
use crate::state::samples::{Hands, day, full_changes, options, stores};
use crate::state::{Held, hold};
use crate::store::{Store, keys};

/// A lake with one run whose files are there, opened by a clock that agrees with the stores' own.
async fn lake(stores: &Stores, hands: &Hands) -> Held {
    let changes = full_changes(1);
    for file in super::super::chain::files(&changes) {
        stores.of(file.home).put(&file.key, "rows").await.unwrap();
    }
    let mut held = hold(stores, &options(), &hands.clock(), "test").await.unwrap();
    held.commit(CommitKind::Run, "run-1", Some(day(22)), changes).await.unwrap();
    held
}

const SHA256: &str = "abababababababababababababababababababababababababababababababab";
const DEAD: &str = "nightly-2026-11-22-0badc0de";

/// What a run that died left of senders and models that the commits know.
fn orphans() -> [(Home, String); 6] {
    let (token, short, maker) = ("0".repeat(32), "0123456789abcdef", format!("{DEAD}-01234567"));
    [
        (Home::Lake, keys::schemas(short)),
        (Home::Lake, keys::staged("sales", "华东", SHA256, short, &maker)),
        (Home::Lake, keys::rejects("sales", "华东", SHA256, short, &maker)),
        (Home::Lake, keys::model("sales_daily", "2026-11", short, DEAD)),
        (Home::Lake, keys::checkpoint(50, &token)),
        (Home::Marts, keys::mart("sales_daily", "2026-11", short, DEAD)),
    ]
}

/// What somebody else put there, or may have: whatever its name or age.
const OTHERS: [(Home, &str); 14] = [
    (Home::Lake, "landed/sales/华东/raw"),
    (Home::Lake, "somebody/elses.parquet"),
    (Home::Lake, "rejects/keep.parquet"),
    (Home::Lake, "models/x.parquet"),
    (Home::Lake, "staged/by/hand-1.parquet"),
    (Home::Lake, "outbox/drafts/h.eml"),
    // Names like ours, of a sender and a model that no commit knows.
    (
        Home::Lake,
        "staged/sales/elsewhere/abababababababababababababababababababababababababababababababab-0123456789abcdef-nightly-2026-11-22-0badc0de-01234567.parquet",
    ),
    (Home::Marts, "analysts/2026-11/0123456789abcdef-nightly-2026-11-22-0badc0de.parquet"),
    (Home::Marts, "analysts/2026/top-10.parquet"),
    (Home::Marts, "sales_daily/archive/mine-2025.parquet"),
    (Home::Marts, "people/own/notes.parquet"),
    // What readers open.
    (Home::Marts, "latest/sales_daily.parquet"),
    (Home::Marts, "latest/sales_daily/2026-11/part.parquet"),
    (Home::Marts, "duckdb.sql"),
];

fn mail() -> String {
    keys::mail_body(DEAD, &"0".repeat(32))
}

/// The stores stamp objects by the machine's time; `days` from there the cleaning happens.
async fn cleaned(stores: &Stores, held: &Held, days: i64, dry: bool) -> Cleaned {
    let newest = stores.lake.list("").await.unwrap().into_iter().map(|object| object.last_modified).max().unwrap();
    let clock = Clock::fixed(newest + chrono::TimeDelta::days(days));
    clean(stores, &held.chain, &held.state, &options(), &clock, dry).await.unwrap()
}

async fn everything(stores: &Stores) -> Vec<String> {
    let mut keys = Vec::new();
    for store in [&stores.lake, &stores.marts] {
        keys.extend(store.list("").await.unwrap().into_iter().map(|object| object.key));
    }
    keys
}

#[tokio::test]
async fn only_old_unnamed_objects_of_ours_go() {
    let (stores, hands) = (stores(), Hands::default());
    let held = lake(&stores, &hands).await;
    let before = everything(&stores).await;
    let orphans = orphans();
    let others = OTHERS.map(|(home, key)| (home, key.to_string()));
    for (home, key) in orphans.iter().chain(&others) {
        stores.of(*home).put(key, "x").await.unwrap();
    }
    stores.lake.put(&mail(), "mail").await.unwrap();

    let young = cleaned(&stores, &held, 6, false).await;
    assert_eq!((young.lake.len(), young.marts.len(), young.bytes), (0, 0, 0), "all are young");
    let planned = cleaned(&stores, &held, 8, true).await;
    assert_eq!(
        everything(&stores).await.len(),
        before.len() + orphans.len() + OTHERS.len() + 1,
        "a dry run removes nothing"
    );
    let done = cleaned(&stores, &held, 8, false).await;
    assert_eq!(done, planned);
    let gone: Vec<&str> = done.lake.iter().chain(&done.marts).map(String::as_str).collect();
    let mut expected: Vec<&str> = orphans.iter().map(|(_, key)| key.as_str()).collect();
    expected.sort_unstable();
    let mut sorted = gone.clone();
    sorted.sort_unstable();
    assert_eq!((sorted, done.bytes), (expected, 6));
    // All but what readers open, and what the samples call their own files (`f1`, `run-1`).
    let odd = OTHERS.len() as u64 - 3;
    let told = |shown: &str| done.odd_shown.iter().any(|odd| odd.ends_with(shown));
    assert!(done.odd >= odd && told("analysts/2026/top-10.parquet"), "{done:?}");

    let later = cleaned(&stores, &held, 91, false).await;
    assert_eq!((later.lake, later.marts.len()), (vec![mail()], 0), "mails stay longer");
    let after = everything(&stores).await;
    assert!(before.iter().all(|key| after.contains(key)), "what commits name stays: {after:?}");
    assert!(OTHERS.iter().all(|(_, key)| after.contains(&(*key).to_string())), "what is not ours stays");
}

#[tokio::test]
async fn the_named_checkpoint_stays() {
    let (stores, hands) = (stores(), Hands::default());
    let mut held = lake(&stores, &hands).await;
    for _ in 0..12 {
        held.commit(CommitKind::Run, "run", Some(day(22)), Changes::default()).await.unwrap();
    }
    let done = cleaned(&stores, &held, 8, false).await;
    assert_eq!(done.lake.len(), 1, "the older of two checkpoints");
    let (reopened, state) = Chain::open(&stores, &options(), &hands.clock()).await.unwrap();
    assert!(reopened.checkpoint().is_some());
    assert_eq!(state, held.state);
}

#[tokio::test]
async fn a_wrong_pair_of_stores_is_refused() {
    let (stores, hands) = (stores(), Hands::default());
    let held = lake(&stores, &hands).await;
    let foreign = Stores { marts: Store::memory(), ..stores.clone() };
    foreign.marts.put("other_mart/2026-11/f-run.parquet", "x").await.unwrap();
    let clean = |stores: Stores| {
        let (chain, state) = (&held.chain, &held.state);
        async move { clean(&stores, chain, state, &options(), &Clock::fixed(chrono::DateTime::<Utc>::MAX_UTC), false).await }
    };
    let error = clean(foreign.clone()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(error.to_string().contains("none of the marts that this lake has published are here"), "{error}");
    assert!(foreign.marts.exists("other_mart/2026-11/f-run.parquet").await.unwrap());

    let empty = super::super::samples::stores();
    let (chain, state) = Chain::open(&empty, &options(), &hands.clock()).await.unwrap();
    let error = super::clean(&empty, &chain, &state, &options(), &hands.clock(), false).await.unwrap_err();
    assert!(error.to_string().contains("this lake has no commits"), "{error}");
}

#[tokio::test]
async fn leftovers_of_uploads_are_swept_from_folders() {
    let dir = tempfile::tempdir().unwrap();
    let hands = Hands::default();
    let stores = Stores { lake: Store::folder(dir.path(), true).unwrap(), ..stores() };
    let held = lake(&stores, &hands).await;
    std::fs::create_dir_all(dir.path().join("models/m/all")).unwrap();
    let leftover = dir.path().join(keys::model("sales_daily", "all", "0123456789abcdef", DEAD) + "#1");
    std::fs::create_dir_all(leftover.parent().unwrap()).unwrap();
    let theirs = dir.path().join("models/m/all/sheet#1");
    for file in [&leftover, &theirs] {
        std::fs::write(file, "half").unwrap();
    }
    assert!(cleaned(&stores, &held, 6, false).await.uploads.is_empty());
    let done = cleaned(&stores, &held, 8, false).await;
    assert_eq!(done.uploads.len(), 1);
    assert!(!leftover.exists() && theirs.exists(), "a name with # at its end alone is nobody's leftover");
}

//! What goes into a checkpoint comes out of it.

use super::*;
use crate::state::record::{Changes, Commit, CommitKind, InputStatus, Lines};
use crate::state::samples::{at, day, delivery, full_changes, input};
use crate::store::Home;

fn keep() -> Keep {
    Keep { orphans_days: 7, mails_days: 90 }
}

fn apply(state: &mut State, changes: Changes) {
    let commit = Commit {
        number: state.number + 1,
        epoch: 3,
        kind: CommitKind::Run,
        run_id: "run".into(),
        nonce: "n".into(),
        logical_date: Some(day(22)),
        written_at: at(0),
        previous_sha256: None,
        checkpoint: None,
        changes,
    };
    state.apply(commit, "sha".into());
}

fn rich_state() -> State {
    let mut state = State::new(keep());
    for n in 0..60 {
        apply(&mut state, full_changes(n));
    }
    let mut odd = input("odd", -5, None);
    odd.status = InputStatus::Quarantined;
    odd.reason = Some("第 3 行\n\"quoted\"".into());
    odd.staged = None;
    odd.rejects = None;
    odd.etag = None;
    odd.warnings.clear();
    odd.months.clear();
    let mut masked = input("masked", 5, Some((1, 9)));
    masked.status = InputStatus::Superseded;
    masked.masked = vec![(day(2), day(3)), (day(7), day(9))];
    masked.resent_at = Some(at(9));
    masked.rejects.as_mut().unwrap().key = keys::rejects("sales", "华东", &masked.sha256, "c1", "run-1");
    masked.staged.as_mut().unwrap().home = Home::Marts;
    masked.without = vec![Lines { file: "masked.csv".into(), from: 3, to: 4 }];
    let aside = SetAside { lines: masked.without.first().cloned(), ..masked.aside(at(7)) };
    let mut out = input("out", 6, Some((1, 9)));
    out.status = InputStatus::SetAside;
    // One key that held two contents, in this order, and the first one again.
    let held = ["b", "a", "b"].iter().zip(1..).map(|(content, t)| delivery(content, "same.csv", t));
    apply(
        &mut state,
        Changes {
            inputs: vec![odd, masked, out],
            set_aside: vec![aside],
            sightings: held.collect(),
            ..Changes::default()
        },
    );
    state
}

#[tokio::test]
async fn a_checkpoint_holds_the_whole_state() {
    for state in [State::new(keep()), rich_state()] {
        let lake = Store::memory();
        let named = save(&lake, &state).await.unwrap();
        assert_eq!(named.number, state.number);
        assert_eq!(load(&lake, &named, keep()).await.unwrap(), state);
    }
}

#[tokio::test]
async fn a_wrong_checkpoint_is_refused() {
    let lake = Store::memory();
    let state = rich_state();
    let named = save(&lake, &state).await.unwrap();
    let renumbered = CheckpointRef { number: 7, ..named.clone() };
    let error = load(&lake, &renumbered, keep()).await.unwrap_err();
    assert!(error.to_string().contains("it folds 61 commits; expected 7"), "{error}");

    let mut bytes = lake.get(&named.key).await.unwrap().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    lake.put(&named.key, bytes).await.unwrap();
    assert!(load(&lake, &named, keep()).await.unwrap_err().to_string().contains("its bytes hash to"));

    let sha256 = sha256_hex(b"no parquet");
    lake.put(&named.key, "no parquet").await.unwrap();
    let error = load(&lake, &CheckpointRef { sha256, ..named }, keep()).await.unwrap_err();
    assert!(error.to_string().contains("the checkpoint cannot be read"), "{error}");
}

#[test]
fn many_inputs_span_batches_and_stay_small() {
    let mut state = State::new(keep());
    let inputs: Vec<Input> = (0..70_000).map(|n| input(&format!("c{n}"), n, Some((1, 2)))).collect();
    for input in inputs {
        state.put_sighting(Sighting { outcome: "new".into(), ..Sighting::of(&input) });
        state.put_input(input);
    }
    let bytes = encode(&state).unwrap();
    let per_input = bytes.len() / 70_000;
    assert!(per_input < 130, "{per_input} bytes an input");
    let mut reread = State::new(keep());
    decode(bytes.into(), &mut reread).unwrap();
    assert_eq!(reread, state);
}

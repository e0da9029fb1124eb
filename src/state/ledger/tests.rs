//! The ledger by examples, and against a model that only knows who spoke last about each day.

mod aside;
mod cells;

use proptest::prelude::*;

use super::*;
use crate::state::Keep;
use crate::state::record::{Changes, Commit, CommitKind};
use crate::state::samples::{at, day, delivery, input, sha256};

fn state() -> State {
    State::new(Keep { orphans_days: 7, mails_days: 90 })
}

/// Settles a night and folds it, as a run would.
fn night(state: &mut State, rule: Replaces, staged: Vec<Input>, repeats: Vec<Sighting>) -> Settled {
    let settled = settle(state, staged, repeats, &[], |_| rule);
    let changes =
        Changes { inputs: settled.inputs.clone(), sightings: settled.sightings.clone(), ..Changes::default() };
    let commit = Commit {
        number: state.number + 1,
        epoch: 1,
        kind: CommitKind::Run,
        run_id: "run".into(),
        nonce: String::new(),
        logical_date: None,
        written_at: at(0),
        previous_sha256: None,
        checkpoint: None,
        changes,
    };
    state.apply(commit, String::new());
    settled
}

fn outcomes(settled: &Settled) -> Vec<&str> {
    settled.sightings.iter().map(|sighting| sighting.outcome.as_str()).collect()
}

/// The only version of a content.
fn known<'a>(state: &'a State, content: &str) -> &'a Input {
    let sha256 = sha256(content);
    let mut versions = state.versions("华东", "sales").filter(|input| input.sha256 == sha256);
    let only = versions.next().unwrap();
    assert!(versions.next().is_none(), "{content} is there twice");
    only
}

fn status(state: &State, content: &str) -> InputStatus {
    known(state, content).status
}

fn masked(state: &State, content: &str) -> Vec<Period> {
    known(state, content).masked.clone()
}

use InputStatus::{Active, Quarantined, Superseded};

#[test]
fn new_duplicate_corrected_older_and_reinstated() {
    let mut state = state();
    let rule = Replaces::Period;
    let first = night(&mut state, rule, vec![input("a", 10, Some((5, 5)))], vec![]);
    assert_eq!(outcomes(&first), ["new"]);

    let copy = night(&mut state, rule, vec![], vec![delivery("a", "copy of a.csv", 20)]);
    assert_eq!((outcomes(&copy), copy.inputs.len()), (vec!["duplicate"], 0), "nothing stands differently");

    let correction = night(&mut state, rule, vec![input("b", 30, Some((5, 5)))], vec![]);
    assert_eq!(outcomes(&correction), ["corrected"]);
    assert_eq!((status(&state, "a"), status(&state, "b")), (Superseded, Active));
    assert_eq!(correction.inputs.len(), 2);

    let late = night(&mut state, rule, vec![input("c", 5, Some((5, 5)))], vec![]);
    assert_eq!(outcomes(&late), ["older"]);
    assert_eq!((status(&state, "b"), status(&state, "c")), (Active, Superseded));

    let back = night(&mut state, rule, vec![], vec![delivery("a", "a again.csv", 40)]);
    assert_eq!(outcomes(&back), ["reinstated"]);
    assert_eq!((status(&state, "a"), status(&state, "b")), (Active, Superseded));

    let echo = night(&mut state, rule, vec![], vec![delivery("b", "华东/sales/b.csv", 30)]);
    assert_eq!(echo, Settled::default(), "the very same delivery says nothing");
}

#[test]
fn ties_are_broken_by_last_modification_then_content() {
    let mut inputs = [input("a", 10, Some((5, 5))), input("b", 10, Some((5, 5)))];
    let greater = if sha256("a") > sha256("b") { "a" } else { "b" };
    let mut tied = state();
    night(&mut tied, Replaces::Period, inputs.to_vec(), vec![]);
    assert_eq!(status(&tied, greater), Active);
    let other = usize::from(greater == "a");
    inputs[other].last_modified = at(11);
    let mut decided = state();
    night(&mut decided, Replaces::Period, inputs.to_vec(), vec![]);
    assert_eq!(status(&decided, greater), Superseded);
}

#[test]
fn quarantined_files_leave_the_last_good_data() {
    let mut state = state();
    night(&mut state, Replaces::Period, vec![input("good", 10, Some((5, 5)))], vec![]);
    let bad = Input { status: Quarantined, staged: None, ..input("bad", 20, Some((5, 5))) };
    let settled = night(&mut state, Replaces::Period, vec![bad.clone()], vec![]);
    assert_eq!(outcomes(&settled), ["quarantined"]);
    assert_eq!((status(&state, "good"), status(&state, "bad")), (Active, Quarantined));
    let again = night(&mut state, Replaces::Period, vec![], vec![delivery("bad", "bad again.csv", 30)]);
    assert_eq!(outcomes(&again), ["quarantined"]);

    // The mapping is repaired and the same file read again.
    let healed = Input { contract_fingerprint: "c2".into(), ..input("bad", 20, Some((5, 5))) };
    let settled = night(&mut state, Replaces::Period, vec![healed], vec![]);
    assert_eq!(outcomes(&settled), ["corrected"]);
    assert_eq!((status(&state, "good"), status(&state, "bad")), (Superseded, Active));
}

#[test]
fn reading_a_known_content_again_counts_only_under_another_contract() {
    let mut state = state();
    night(&mut state, Replaces::Period, vec![input("a", 10, Some((5, 5)))], vec![]);
    let same = Input { run_id: "run-2".into(), ..input("a", 10, Some((5, 5))) };
    assert_eq!(night(&mut state, Replaces::Period, vec![same], vec![]), Settled::default());
    let mapped_anew = Input { contract_fingerprint: "c2".into(), rows_clean: 11, ..input("a", 10, Some((5, 5))) };
    let settled = night(&mut state, Replaces::Period, vec![mapped_anew], vec![]);
    assert_eq!((settled.inputs.len(), settled.inputs[0].rows_clean), (1, 11));
    assert!(settled.sightings.is_empty(), "the delivery is the same");
}

#[test]
fn overlapping_periods_share_the_days() {
    let mut state = state();
    let rule = Replaces::Period;
    night(&mut state, rule, vec![input("week", 10, Some((1, 7)))], vec![]);
    let settled =
        night(&mut state, rule, vec![input("days", 20, Some((3, 4))), input("end", 21, Some((7, 9)))], vec![]);
    assert_eq!(outcomes(&settled), ["corrected", "corrected"]);
    assert_eq!(masked(&state, "week"), [(day(3), day(4)), (day(7), day(7))]);
    assert_eq!(status(&state, "week"), Active);
    night(&mut state, rule, vec![input("rest1", 22, Some((1, 2))), input("rest2", 23, Some((5, 6)))], vec![]);
    assert_eq!(
        (status(&state, "week"), masked(&state, "week")),
        (Superseded, vec![]),
        "all its days are held by others"
    );
    night(&mut state, rule, vec![input("month", 24, Some((1, 30)))], vec![]);
    for content in ["days", "end", "rest1", "rest2"] {
        assert_eq!(status(&state, content), Superseded, "{content}: a wider file came later");
    }
}

#[test]
fn the_same_bytes_for_another_day_are_another_delivery() {
    let mut state = state();
    let rule = Replaces::Period;
    let named =
        |content: &str, at, on: u32| Input { named: Some((day(on), day(on))), ..input(content, at, Some((on, on))) };
    let empty = |at, on| Input { rows_read: 0, rows_clean: 0, rows_rejected: 0, ..named("empty", at, on) };
    night(&mut state, rule, vec![named("five", 10, 5), named("six", 11, 6)], vec![]);
    let closed = night(&mut state, rule, vec![empty(20, 5)], vec![]);
    assert_eq!(outcomes(&closed), ["corrected"], "nothing was sold on the fifth");
    assert_eq!((status(&state, "five"), status(&state, "six")), (Superseded, Active));
    let next = night(&mut state, rule, vec![empty(21, 6), empty(22, 7)], vec![]);
    assert_eq!(outcomes(&next), ["corrected", "new"]);
    assert_eq!(status(&state, "six"), Superseded);
    let resent = Sighting { key: "7 again.csv".into(), ..Sighting::of(&empty(23, 7)) };
    assert_eq!(outcomes(&night(&mut state, rule, vec![], vec![resent])), ["duplicate"], "for the same day it is none");

    let stock = |at, on| Input { feed: "inventory".into(), ..named("stock", at, on) };
    night(&mut state, rule, vec![stock(30, 21)], vec![]);
    let unchanged = night(&mut state, rule, vec![stock(31, 22)], vec![]);
    assert_eq!(outcomes(&unchanged), ["new"]);
    let standing: Vec<_> = state.versions("华东", "inventory").map(|input| (input.named, input.status)).collect();
    assert_eq!(standing, [(Some((day(21), day(21))), Active), (Some((day(22), day(22))), Active)]);
}

/// A reference list goes back to what it was: the newest snapshot counts, although its bytes were there before.
#[test]
fn a_snapshot_that_goes_back_is_a_new_one() {
    let mut state = state();
    let snapshot =
        |content: &str, at, on: u32| Input { named: Some((day(on), day(on))), ..input(content, at, Some((on, on))) };
    night(&mut state, Replaces::Snapshot, vec![snapshot("a", 1, 1), snapshot("b", 2, 2)], vec![]);
    let back = night(&mut state, Replaces::Snapshot, vec![snapshot("a", 3, 3)], vec![]);
    assert_eq!(outcomes(&back), ["new"]);
    let newest =
        state.versions("华东", "sales").filter(|input| input.status == Active).max_by_key(|input| input.period_start);
    assert_eq!(newest.map(|input| input.sha256.clone()), Some(sha256("a")));
}

/// Exports of the last days under the name of the newest: a day that is told again counts once, as it was told last.
#[test]
fn a_rolling_export_holds_the_days_that_it_tells_again() {
    let rolling = |content: &str, at, on: u32, marks: &[(u32, u64)]| {
        let mut made = Input { named: Some((day(on), day(on))), ..input(content, at, Some((on, on))) };
        for (date, mark) in marks {
            made.marks.entry(day(*date)).or_default().push(*mark);
        }
        made
    };
    let first = rolling("first", 10, 21, &[(20, 1), (21, 2)]);
    let second = rolling("second", 20, 22, &[(20, 1), (21, 2), (22, 3)]);
    let late = rolling("late", 30, 23, &[(20, 9), (23, 4)]);
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let mut state = state();
        for which in order {
            night(&mut state, Replaces::Period, vec![[&first, &second, &late][which].clone()], vec![]);
        }
        assert_eq!(masked(&state, "first"), [(day(20), day(21))], "the second tells both days again");
        assert_eq!(masked(&state, "second"), [], "a late row for the 20th is no repetition: it adds to that day");
        assert_eq!(masked(&state, "late"), []);
    }
}

#[test]
fn snapshots_stay_as_history() {
    let mut state = state();
    let rule = Replaces::Snapshot;
    night(&mut state, rule, vec![input("s1", 10, Some((1, 1))), input("s9", 20, Some((9, 9)))], vec![]);
    assert_eq!((status(&state, "s1"), status(&state, "s9")), (Active, Active));
    let settled = night(&mut state, rule, vec![input("s9b", 30, Some((9, 20)))], vec![]);
    assert_eq!(outcomes(&settled), ["corrected"]);
    assert_eq!((status(&state, "s1"), status(&state, "s9"), status(&state, "s9b")), (Active, Superseded, Active));
}

#[test]
fn a_repeat_of_a_content_that_nobody_read_stays_unseen() {
    let mut state = state();
    let settled = night(&mut state, Replaces::Period, vec![], vec![delivery("x", "x.csv", 1)]);
    assert_eq!(settled, Settled::default());
}

#[test]
fn periods_upside_down_or_missing_harm_nobody() {
    let mut state = state();
    let inputs = vec![input("ok", 1, Some((5, 5))), input("none", 2, None), input("upside", 3, Some((9, 2)))];
    night(&mut state, Replaces::Period, inputs, vec![]);
    for content in ["ok", "none", "upside"] {
        assert_eq!((status(&state, content), masked(&state, content)), (Active, vec![]), "{content}");
    }
}

#[test]
fn known_objects_are_not_looked_at_again() {
    let mut state = state();
    let staged = input("a", 10, Some((5, 5)));
    let object = Object {
        key: staged.key.clone(),
        size: staged.bytes,
        etag: staged.etag.clone(),
        last_modified: staged.last_modified,
    };
    let look = |state: &State, object: &Object| seen(state, "华东", "sales", object);
    assert_eq!(look(&state, &object), Seen::New);
    night(&mut state, Replaces::Period, vec![staged], vec![]);
    assert_eq!(look(&state, &object), Seen::Unchanged);
    assert!(already_seen(&state, "华东", "sales", &object));
    let resent = Object { last_modified: at(99), ..object.clone() };
    assert_eq!(look(&state, &resent), Seen::Again(sha256("a")));
    for other in [
        Object { size: 101, ..object.clone() },
        Object { etag: Some("other".into()), ..object.clone() },
        Object { etag: None, ..resent },
        Object { key: "华东/sales/b.csv".into(), ..object.clone() },
    ] {
        assert_eq!(look(&state, &other), Seen::New, "{other:?}");
    }
    assert_eq!(seen(&state, "华北", "sales", &object), Seen::New);
}

/// One file put into the inbox: which content, when, for which days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Drop {
    content: u8,
    at: i64,
    key: u8,
}

/// Contents 0 and 1 are quarantined, 2 and 3 empty (their period is the delivery's, by its key), the
/// others report the fixed, overlapping days that they are named for.
fn make(file: Drop) -> Input {
    let start = u32::from(file.content * 5 % 13) + 1;
    let empty = matches!(file.content, 2 | 3);
    let period = if empty {
        (1 + u32::from(file.key), 2 + u32::from(file.key))
    } else {
        (start, start + u32::from(file.content % 4) * 2)
    };
    let mut made = input(&format!("content-{}", file.content), file.at, Some(period));
    made.named = Some((day(period.0), day(period.1)));
    made.key = format!("华东/sales/{}.csv", file.key);
    match file.content {
        0 | 1 => made.status = Quarantined,
        2 | 3 => {
            (made.rows_read, made.rows_clean, made.rows_rejected) = (0, 0, 0);
            (made.first_date, made.last_date) = (None, None);
        }
        _ => {}
    }
    made
}

/// Plays deliveries night by night as the pipeline does: read what is new, only note what is known.
fn play(rule: Replaces, drops: &[Drop], nights: usize) -> State {
    let mut state = state();
    for files in drops.chunks(drops.len().div_ceil(nights).max(1)) {
        let (mut staged, mut repeats): (Vec<Input>, Vec<Sighting>) = (vec![], vec![]);
        for file in files {
            let made = make(*file);
            let known = state.input(&made.id()).is_some();
            if known || staged.iter().any(|input| input.id() == made.id()) {
                repeats.push(Sighting::of(&made));
            } else {
                staged.push(made);
            }
        }
        night(&mut state, rule, staged, repeats);
    }
    state
}

/// For each day, the content that spoke last about it.
fn last_word(rule: Replaces, drops: &[Drop]) -> BTreeMap<Period, String> {
    let mut words: BTreeMap<Period, (DateTime<Utc>, String)> = BTreeMap::new();
    for made in drops.iter().map(|file| make(*file)).filter(|made| made.status != Quarantined) {
        let (start, end) = made.period().unwrap();
        let spots: Vec<Period> = match rule {
            Replaces::Period => start.iter_days().take_while(|date| *date <= end).map(|date| (date, date)).collect(),
            Replaces::Key => vec![(start, end)],
            Replaces::Snapshot => vec![(start, start)],
        };
        for spot in spots {
            let word = (made.delivered_at, made.sha256.clone());
            let held = words.entry(spot).or_insert_with(|| word.clone());
            if word > *held {
                *held = word;
            }
        }
    }
    words.into_iter().map(|(spot, (_, content))| (spot, content)).collect()
}

/// The same from what the ledger says: the days of active contents that are not masked.
fn held(rule: Replaces, state: &State) -> BTreeMap<Period, String> {
    let mut held = BTreeMap::new();
    for input in state.inputs().filter(|input| input.status == Active && input.rows_read > 0) {
        let (start, end) = input.period().unwrap();
        match rule {
            Replaces::Period => {
                for date in start.iter_days().take_while(|date| *date <= end) {
                    if !input.masked.iter().any(|mask| mask.0 <= date && date <= mask.1) {
                        assert!(held.insert((date, date), input.sha256.clone()).is_none(), "{date} counts twice");
                    }
                }
            }
            Replaces::Key => assert!(held.insert((start, end), input.sha256.clone()).is_none()),
            Replaces::Snapshot => assert!(held.insert((start, start), input.sha256.clone()).is_none()),
        }
    }
    held
}

fn drops() -> impl Strategy<Value = Vec<Drop>> {
    // An empty content has one sha for every key; others keep their days whatever their name.
    prop::collection::vec(
        (0..12_u8, 0..40_i64, 0..6_u8).prop_map(|(content, at, key)| Drop { content, at, key }),
        1..25,
    )
}

fn rules() -> impl Strategy<Value = Replaces> {
    prop_oneof![Just(Replaces::Period), Just(Replaces::Key), Just(Replaces::Snapshot)]
}

/// Inputs and deliveries without what depends on who saw them first.
fn facts(state: &State) -> (Vec<Input>, Vec<Sighting>) {
    let inputs = state.inputs().map(|input| (**input).clone()).collect();
    let mut sightings: Vec<Sighting> =
        state.all_sightings().map(|seen| Sighting { outcome: String::new(), ..(**seen).clone() }).collect();
    sightings.sort_by(|a, b| identity(a).cmp(&identity(b)));
    (inputs, sightings)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_order_repetition_and_grouping_gives_the_same_ledger(
        (drops, shuffled) in drops().prop_flat_map(|drops| {
            let twice: Vec<Drop> = drops.iter().chain(drops.iter().step_by(2)).copied().collect();
            (Just(drops), Just(twice).prop_shuffle())
        }),
        rule in rules(),
        nights in 1..8_usize,
    ) {
        let once = play(rule, &drops, 1);
        prop_assert_eq!(facts(&play(rule, &shuffled, nights)), facts(&once));
        prop_assert_eq!(facts(&play(rule, &shuffled, shuffled.len())), facts(&once));
    }

    #[test]
    fn every_day_belongs_to_who_spoke_last_about_it(drops in drops(), rule in rules(), nights in 1..8_usize) {
        let state = play(rule, &drops, nights);
        let mut expected = last_word(rule, &drops);
        let empty: Vec<String> = [2, 3].iter().map(|content| sha256(&format!("content-{content}"))).collect();
        expected.retain(|_, content| !empty.contains(content));
        prop_assert_eq!(held(rule, &state), expected);
    }

    #[test]
    fn ranges_are_what_a_set_of_days_would_be(added in prop::collection::vec((1..28_u32, 0..6_u32), 0..12), asked in (1..28_u32, 0..6_u32)) {
        let mut taken = Taken::default();
        let mut days = BTreeSet::new();
        for (start, length) in added {
            let end = (start + length).min(30);
            taken.add((day(start), day(end)));
            days.extend(start..=end);
        }
        let (start, end) = (asked.0, (asked.0 + asked.1).min(30));
        let covered: Vec<u32> = (start..=end).filter(|n| days.contains(n)).collect();
        let ranges = taken.within((day(start), day(end)));
        let told: Vec<u32> = (start..=end).filter(|n| ranges.iter().any(|r| r.0 <= day(*n) && day(*n) <= r.1)).collect();
        prop_assert_eq!(told, covered);
        prop_assert!(ranges.windows(2).all(|pair| pair[0].1.succ_opt().unwrap() < pair[1].0), "{:?}", ranges);
    }
}

//! What is set aside, and what is no more.

use super::*;
use crate::state::record::Lines;

fn aside(content: &str, period: (u32, u32), model: Option<&str>) -> SetAside {
    SetAside { model: model.map(str::to_string), ..input(content, 0, Some(period)).aside(at(0)) }
}

/// Settles with these set aside and folds what came of it.
fn night_without(state: &mut State, staged: Vec<Input>, asides: &[SetAside]) -> Settled {
    let settled = settle(state, staged, vec![], asides, |_| Replaces::Period);
    for input in settled.inputs.clone() {
        state.put_input(input);
    }
    for sighting in settled.sightings.clone() {
        state.put_sighting(sighting);
    }
    settled
}

#[test]
fn what_is_set_aside_takes_part_in_nothing_and_comes_back_as_it_was() {
    let mut state = state();
    night(&mut state, Replaces::Period, vec![input("a", 10, Some((1, 9)))], vec![]);
    night(&mut state, Replaces::Period, vec![input("b", 20, Some((1, 9)))], vec![]);
    let before = [known(&state, "a").clone(), known(&state, "b").clone()];

    night_without(&mut state, vec![], &[aside("b", (1, 9), None)]);
    assert_eq!((status(&state, "a"), status(&state, "b")), (Active, InputStatus::SetAside));
    assert_eq!(known(&state, "b").reason.as_deref(), Some("withdrawn by "));
    night_without(&mut state, vec![], &[]);
    assert_eq!([known(&state, "a").clone(), known(&state, "b").clone()], before);

    // A line of it is told with its content, and changes nothing else.
    let lines = Lines { file: "b.csv".into(), from: 8, to: 8 };
    let line = SetAside { lines: Some(lines.clone()), ..aside("b", (1, 9), Some("m")) };
    let settled = night_without(&mut state, vec![], std::slice::from_ref(&line));
    assert_eq!((status(&state, "a"), status(&state, "b")), (Superseded, Active));
    assert_eq!((known(&state, "b").without.clone(), settled.replaced), (vec![lines], vec![]));
    // Until a later file takes its place.
    let settled = night_without(&mut state, vec![input("c", 30, Some((1, 9)))], std::slice::from_ref(&line));
    assert_eq!((settled.replaced, status(&state, "b"), status(&state, "c")), (vec![line], Superseded, Active));
}

/// A file that breaks a model and its correction, which breaks it too: neither lets the other in again.
#[test]
fn two_that_break_alike_stay_aside_until_a_third_comes() {
    let mut state = state();
    night(&mut state, Replaces::Period, vec![input("a", 10, Some((5, 5))), input("b", 20, Some((5, 5)))], vec![]);
    let both = [aside("a", (5, 5), Some("m")), aside("b", (5, 5), Some("m"))];
    let settled = night_without(&mut state, vec![], &both);
    assert_eq!((settled.replaced.len(), status(&state, "a")), (0, InputStatus::SetAside));
    let settled = night_without(&mut state, vec![input("c", 30, Some((5, 5)))], &both);
    assert_eq!((settled.replaced.len(), status(&state, "b"), status(&state, "c")), (2, Superseded, Active));
}

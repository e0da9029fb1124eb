//! Files of which a later one replaces keys or cells, not days.

use super::*;

/// A later message of EDI may be about one shop of a day: what others said of the day stands, and of one cell SQL takes the
/// newest row.
#[test]
fn files_that_replace_by_cell_all_stand() {
    let mut state = state();
    let by_cell = |content: &str, at, marks: Vec<u64>| {
        let marks = BTreeMap::from([(day(5), marks)]);
        Input { by_cell: true, marks, ..input(content, at, Some((5, 5))) }
    };
    night(&mut state, Replaces::Period, vec![by_cell("all shops", 10, vec![1, 2])], vec![]);
    night(&mut state, Replaces::Period, vec![by_cell("one shop", 20, vec![2])], vec![]);
    for content in ["all shops", "one shop"] {
        assert_eq!((status(&state, content), masked(&state, content)), (Active, vec![]), "{content}");
    }
}

#[test]
fn where_the_latest_key_wins_only_the_same_name_supersedes() {
    let mut state = state();
    let rule = Replaces::Key;
    let named = |content, delivered, rows, name| Input { named: Some(name), ..input(content, delivered, Some(rows)) };
    let (third, fourth) = ((day(3), day(3)), (day(4), day(4)));
    night(&mut state, rule, vec![input("a", 10, Some((1, 7))), named("b", 20, (3, 4), third)], vec![]);
    assert_eq!((status(&state, "a"), status(&state, "b"), masked(&state, "a")), (Active, Active, vec![]));
    let next = night(&mut state, rule, vec![named("c", 30, (3, 4), fourth)], vec![]);
    assert_eq!((status(&state, "b"), status(&state, "c")), (Active, Active), "other events of the same days");
    assert_eq!(outcomes(&next), ["new"]);
    let nameless = night(&mut state, rule, vec![input("d", 31, Some((1, 7)))], vec![]);
    assert_eq!((status(&state, "a"), status(&state, "d")), (Active, Active), "rows alone name no file");
    assert_eq!(outcomes(&nameless), ["new"]);
    let corrected = night(&mut state, rule, vec![named("e", 32, (3, 4), fourth)], vec![]);
    assert_eq!((status(&state, "c"), status(&state, "e")), (Superseded, Active));
    assert_eq!(outcomes(&corrected), ["corrected"]);
    let again = night(&mut state, rule, vec![], vec![delivery("a", "a again.csv", 40)]);
    assert_eq!(outcomes(&again), ["duplicate"]);
    assert_eq!(again.inputs[0].resent_at, Some(at(40)), "its rows count from then");
    assert_eq!(again.inputs[0].delivered_at, at(10), "but it came in time");
}

//! Files of which a later one replaces cells, not days.

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

//! How a file's columns differ from what its mapping knows: one phrase a column, so that each can be told once
//! and not every night.

use super::header::shown;

const LEFT_OUT: &str = "columns not used";
const KEPT: &str = "columns kept in _extra";
const ABSENT: &str = "columns that the mapping names and the file lacks";

/// An unknown column whose values are left out.
pub(super) fn left_out(header: &str) -> String {
    format!("{LEFT_OUT}: {}", shown(header))
}

/// An unknown column whose values are kept.
pub(super) fn kept(header: &str) -> String {
    format!("{KEPT}: {}", shown(header))
}

/// An optional column that the mapping expects under one of these headers.
pub(super) fn absent(column: &str, headers: &[String]) -> String {
    let headers: Vec<String> = headers.iter().map(|header| shown(header)).collect();
    format!("{ABSENT}: {column} ({})", headers.join(" or "))
}

/// The phrases for people: one sentence a kind of difference.
pub fn told<'a>(phrases: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
    for (kind, column) in phrases.into_iter().filter_map(|phrase| phrase.split_once(": ")) {
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, columns)) => columns.push(column),
            None => kinds.push((kind, vec![column])),
        }
    }
    kinds.into_iter().map(|(kind, columns)| format!("{kind}: {}", columns.join(", "))).collect()
}

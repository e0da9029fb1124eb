//! How much of sql/ stands in more than one file. A line counts when it is one of six in a row that another file has
//! too, names aside: names with a table or an underscore stand for each other; comments, brackets alone and lists of
//! columns are left out. (At c9d816c it was 1,018 lines.)

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::texts;

/// So many lines may; it only ever falls.
const LINES_MAX: usize = 602;
/// Lines in a row that make a repetition.
const RUN: usize = 6;

/// The lines of a file that say something, with their numbers, names aside.
fn lines(text: &str) -> Vec<(usize, String)> {
    let names = Regex::new(r"\b[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*\b|\b[a-z0-9]*_[a-z0-9_]*\b").expect("a pattern");
    let column = Regex::new("^n( as n)?,?$").expect("a pattern");
    let numbered = text.lines().enumerate().map(|(at, line)| {
        let code = line.split("--").next().unwrap_or_default().trim();
        (at + 1, names.replace_all(code, "n").into_owned())
    });
    numbered.filter(|(_, line)| line.contains(|c: char| c.is_ascii_lowercase()) && !column.is_match(line)).collect()
}

#[test]
fn sql_says_things_once() {
    let files: BTreeMap<String, Vec<(usize, String)>> =
        texts("sql", "sql").into_iter().map(|(path, text)| (path, lines(&text))).collect();
    let run = |window: &[(usize, String)]| window.iter().map(|(_, line)| line.clone()).collect::<Vec<_>>();
    let mut places: BTreeMap<Vec<String>, BTreeSet<&str>> = BTreeMap::new();
    for (path, lines) in &files {
        for window in lines.windows(RUN) {
            places.entry(run(window)).or_default().insert(path);
        }
    }
    let mut repeated: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (path, lines) in &files {
        for window in lines.windows(RUN).filter(|window| places[&run(window)].len() > 1) {
            repeated.entry(path).or_default().extend(window.iter().map(|(number, _)| *number));
        }
    }
    let count: usize = repeated.values().map(BTreeSet::len).sum();
    let mut worst: Vec<_> = repeated.iter().map(|(path, lines)| (lines.len(), path, lines)).collect();
    worst.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
    let told: Vec<String> =
        worst.iter().take(12).map(|(count, path, lines)| format!("{count} {path} {lines:?}")).collect();
    assert!(
        count <= LINES_MAX,
        "{count} lines of sql/ stand in more than one file, {LINES_MAX} may: say them once, in a model that both read or a \
         function of src/models/functions/macros.rs. The worst files, with their lines:\n{}",
        told.join("\n")
    );
    assert!(count + 40 > LINES_MAX, "only {count} are left: lower LINES_MAX in {}", file!());
}

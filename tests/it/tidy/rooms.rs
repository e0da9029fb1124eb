//! Which source file may know which: rooms (top modules) stand in the order that ARCHITECTURE.md prints, and modules
//! beside each other never know each other in a circle, at any depth.
//!
//! A file and the files of its own folder may know each other: they are one module. Whatever a `use` line or a path
//! in the code names counts, re-exports (`pub use`) by where the name comes from.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::{clean, code, file, sources};

/// The code of every module by its path: `mail::view`.
type Modules = BTreeMap<String, String>;
/// Names that each module hands on, with where they come from.
type Handed = BTreeMap<String, BTreeMap<String, Vec<String>>>;

fn modules() -> Modules {
    let all = sources().into_iter();
    all.filter(|(path, _)| !["src/lib.rs", "src/main.rs"].contains(&path.as_str()))
        .map(|(path, text)| {
            let path = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
            (path.replace('/', "::"), code(&text))
        })
        .collect()
}

/// A `use` tree as plain paths.
fn flat(tree: &str, before: &[String], paths: &mut Vec<Vec<String>>) {
    let (mut depth, mut from) = (0, 0);
    let mut branches = Vec::new();
    for (at, char) in tree.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(&tree[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    branches.push(&tree[from..]);
    for branch in branches.into_iter().map(str::trim).filter(|branch| !branch.is_empty()) {
        let (stem, inner) = match branch.split_once('{') {
            Some((stem, inner)) => (stem, Some(inner.trim_end().trim_end_matches('}'))),
            None => (branch.split(" as ").next().unwrap_or(branch), None),
        };
        let mut path = before.to_vec();
        path.extend(stem.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_string));
        match inner {
            Some(inner) => flat(inner, &path, paths),
            None => paths.push(path),
        }
    }
}

/// A path from the crate's root, of one that starts with `crate`, `self` or `super` in `module`; none of other crates.
fn absolute(module: &str, path: &[String]) -> Option<Vec<String>> {
    let mut at: Vec<String> = module.split("::").map(str::to_string).collect();
    let mut rest = path.iter().peekable();
    match rest.peek()?.as_str() {
        "crate" => {
            rest.next();
            at.clear();
        }
        "self" => {
            rest.next();
        }
        "super" => {
            while rest.next_if(|part| *part == "super").is_some() {
                at.pop();
            }
        }
        _ => return None,
    }
    at.extend(rest.filter(|part| *part != "self").cloned());
    Some(at)
}

/// The paths that a module names, and those of `pub use` lines apart.
fn named(module: &str, text: &str) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let imports = Regex::new(r"(?m)^[ ]*(pub(?:\([a-z]+\))? )?use ([^;]+);").expect("a pattern");
    let inline = Regex::new(r"\b(?:crate|super)(?:::\w+)+").expect("a pattern");
    let (mut all, mut handed) = (Vec::new(), Vec::new());
    for import in imports.captures_iter(text) {
        let mut paths = Vec::new();
        flat(&import[2], &[], &mut paths);
        if import.get(1).is_some() {
            handed.extend(paths.iter().cloned());
        }
        all.extend(paths);
    }
    for path in inline.find_iter(&imports.replace_all(text, "")) {
        all.push(path.as_str().split("::").map(str::to_string).collect());
    }
    (all.iter().filter_map(|path| absolute(module, path)).collect(), handed)
}

/// The module that a path leads to, through re-exports.
fn home(path: &[String], modules: &Modules, handed: &Handed) -> Option<String> {
    let mut path = path.to_vec();
    for _ in 0..8 {
        let depth = (1..=path.len()).rev().find(|depth| modules.contains_key(&path[..*depth].join("::")))?;
        let module = path[..depth].join("::");
        let from = path.get(depth).and_then(|name| handed.get(&module)?.get(name));
        let Some(from) = from else { return Some(module) };
        path = from.iter().chain(&path[depth + 1..]).cloned().collect();
    }
    None
}

/// Which modules each module knows.
fn known(modules: &Modules) -> BTreeMap<String, BTreeSet<String>> {
    let mut handed = Handed::new();
    for (module, text) in modules {
        for path in named(module, text).1 {
            let own = || module.split("::").map(str::to_string).chain(path.iter().cloned()).collect();
            let from = absolute(module, &path).unwrap_or_else(own);
            if let Some(name) = path.last() {
                handed.entry(module.clone()).or_default().insert(name.clone(), from);
            }
        }
    }
    let mut known = BTreeMap::new();
    for (module, text) in modules {
        let homes =
            named(module, text).0.iter().filter_map(|path| home(path, modules, &handed)).collect::<BTreeSet<_>>();
        known.insert(module.clone(), homes);
    }
    known
}

/// Circles of modules beside each other, each as the way around it. What a folder's files know, the folder knows.
fn circles(known: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut levels: BTreeMap<String, BTreeMap<&str, BTreeMap<&str, String>>> = BTreeMap::new();
    for (one, others) in known {
        for other in others {
            let (a, b): (Vec<&str>, Vec<&str>) = (one.split("::").collect(), other.split("::").collect());
            let common = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
            if common < a.len() && common < b.len() {
                let level = levels.entry(a[..common].join("::")).or_default();
                let why = format!("{one} names {other}");
                level.entry(a[common]).or_default().entry(b[common]).or_insert(why);
            }
        }
    }
    let mut found = Vec::new();
    for (level, graph) in levels {
        let mut left: BTreeSet<&str> = graph.keys().copied().collect();
        while let Some(way) = around(&graph, &left) {
            let why: Vec<&str> = way.windows(2).map(|pair| graph[pair[0]][pair[1]].as_str()).collect();
            let place = if level.is_empty() { "rooms".to_string() } else { format!("within {level}") };
            found.push(format!("{place}: {} ({})", way.join(" -> "), why.join("; ")));
            // One circle through a module is enough to name it
            left.remove(way[0]);
        }
    }
    found
}

/// A shortest way from some module back to itself.
fn around<'a>(graph: &BTreeMap<&'a str, BTreeMap<&'a str, String>>, among: &BTreeSet<&'a str>) -> Option<Vec<&'a str>> {
    let mut best: Option<Vec<&str>> = None;
    for start in among {
        let mut ways: Vec<Vec<&str>> = vec![vec![*start]];
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut at = 0;
        while let Some(way) = ways.get(at).cloned() {
            at += 1;
            let last = way[way.len() - 1];
            for next in graph.get(last).into_iter().flat_map(BTreeMap::keys).filter(|next| among.contains(*next)) {
                let longer: Vec<&str> = way.iter().chain([next]).copied().collect();
                if next == start && best.as_ref().is_none_or(|best| longer.len() < best.len()) {
                    best = Some(longer);
                } else if seen.insert(next) {
                    ways.push(longer);
                }
            }
        }
    }
    best
}

/// Rooms that know one that stands after them in `order`, and rooms that are not in it.
fn climbing(known: &BTreeMap<String, BTreeSet<String>>, order: &[String]) -> Vec<String> {
    let room = |module: &str| module.split("::").next().unwrap_or(module).to_string();
    let place = |module: &str| order.iter().position(|listed| *listed == room(module));
    let mut found = BTreeSet::new();
    for (one, others) in known {
        if place(one).is_none() {
            found.insert(format!("{} is not in the list", room(one)));
        }
        for other in others.iter().filter(|other| place(one).is_some() && place(one) < place(other)) {
            found.insert(format!("{one} names {other}: {} stands above {}", room(other), room(one)));
        }
    }
    found.into_iter().collect()
}

/// The rooms as ARCHITECTURE.md lists them, lowest first.
fn listed() -> Vec<String> {
    let page = file("ARCHITECTURE.md");
    let section = page.split("\n## Map: the rooms").nth(1).expect("ARCHITECTURE.md has the section `Map: the rooms`");
    let rows = section.split("\n## ").next().unwrap_or_default().lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_string())).collect()
}

#[test]
fn rooms_know_only_those_below_them() {
    let order = listed();
    let declared: Vec<String> = file("src/lib.rs")
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "))
        .map(|rest| rest.trim_end_matches(';').to_string())
        .collect();
    assert_eq!(declared, order, "src/lib.rs declares the rooms in the order of ARCHITECTURE.md, lowest first");
    let advice =
        "a room knows only those that stand before it in ARCHITECTURE.md's list: move what both need below both";
    clean(&climbing(&known(&modules()), &order), advice);
}

#[test]
fn modules_beside_each_other_make_no_circle() {
    let advice = "move what both need into a file below both";
    clean(&circles(&known(&modules())), advice);
}

#[test]
fn a_planted_circle_is_found_by_name() {
    let planted = |files: &[(&str, &str)]| {
        let files: Modules = files.iter().map(|(path, text)| ((*path).to_string(), (*text).to_string())).collect();
        known(&files)
    };
    // between rooms: an import and a path in the code
    let rooms = planted(&[("a", "use crate::b::{self, inner::X};\n"), ("b", "fn f() { crate::a::g(); }\n")]);
    assert_eq!(circles(&rooms), ["rooms: a -> b -> a (a names b; b names a)"]);
    let order = ["a".to_string(), "b".to_string()];
    assert_eq!(climbing(&rooms, &order), ["a names b: b stands above a"]);
    assert_eq!(climbing(&rooms, &order[..1]), ["a names b: b stands above a", "b is not in the list"][1..]);
    // between files of a room, of which one names the other through what the room hands on
    let files = planted(&[
        ("room", "mod one;\npub use one::{Thing as Other, Thing};\n"),
        ("room::one", "use super::two::helper;\n"),
        ("room::two", "use crate::room::Thing;\n"),
    ]);
    assert_eq!(
        circles(&files),
        ["within room: one -> two -> one (room::one names room::two; room::two names room::one)"]
    );
    // three deep, and found through a file below
    let deep = planted(&[
        ("r::a", "use super::b::X;"),
        ("r::a::below", "use super::super::c::Y;"),
        ("r::b", ""),
        ("r::c", "fn f() { super::b::g() }"),
        ("r::b::low", "use super::super::a::Z;"),
    ]);
    assert_eq!(circles(&deep), ["within r: a -> b -> a (r::a names r::b; r::b::low names r::a)"]);
    // a module and its own files are one module
    let own = planted(&[("room", "use one::Thing;\nfn f() { one::g() }"), ("room::one", "use super::{Other, f};\n")]);
    assert_eq!(circles(&own), Vec::<String>::new());
    // other crates, comments and tests are none of ours
    let foreign = code("use std::fmt;\n// use crate::b;\n#[cfg(test)]\nmod tests {\n    use crate::b::X;\n}\n");
    assert_eq!(planted(&[("a", &foreign), ("b", "use crate::a::f;")])["a"], BTreeSet::new());
}

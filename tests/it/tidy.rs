//! Rules of this repository that no compiler checks. Each says what to do when it is broken.

mod columns;
mod decimals;
mod readme;
mod repeats;
mod rooms;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;

use crate::support::world::{PROJECT, files_below};

/// Files longer than this are asked to be split.
const LINES_MAX: usize = 450;
/// The stages of the data's path: src/pipeline/<stage>.rs.
const STAGES: &[&str] = &["discover", "fetch", "stage", "validate", "transform", "raise", "publish", "deliver"];

/// Text files below a folder of the project, by path from its root.
fn texts(folder: &str, extension: &str) -> BTreeMap<String, String> {
    files_below(&Path::new(PROJECT).join(folder))
        .into_iter()
        .filter(|(key, _)| key.ends_with(&format!(".{extension}")))
        .map(|(key, bytes)| (format!("{folder}/{key}"), String::from_utf8_lossy(&bytes).into_owned()))
        .collect()
}

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(PROJECT).join(path)).unwrap_or_else(|err| panic!("{path}: {err}"))
}

/// The code of a source file: without comments and without what follows `#[cfg(test)]`.
fn code(text: &str) -> String {
    let shipped = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    let lines = shipped.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether a source file is only compiled for unit tests: `tests.rs`, or what a `#[cfg(test)] mod` names.
fn for_tests_only(path: &str, all: &BTreeMap<String, String>) -> bool {
    let Some((folder, name)) = path.trim_end_matches(".rs").rsplit_once('/') else { return false };
    let declared = format!("#[cfg(test)]\nmod {name};");
    let public = format!("#[cfg(test)]\npub(crate) mod {name};");
    let parents = [format!("{folder}/mod.rs"), format!("{folder}.rs"), format!("{folder}/lib.rs")];
    let named = parents.iter().filter_map(|parent| all.get(parent));
    name == "tests"
        || folder.ends_with("/tests")
        || named.into_iter().any(|text| text.contains(&declared) || text.contains(&public))
}

/// Shipped sources: without unit test files.
fn sources() -> BTreeMap<String, String> {
    let all = texts("src", "rs");
    all.iter()
        .filter(|(path, _)| !for_tests_only(path, &all))
        .map(|(path, text)| (path.clone(), text.clone()))
        .collect()
}

/// Fails with every finding at once.
#[track_caller]
fn clean(findings: &[String], advice: &str) {
    assert!(findings.is_empty(), "{advice}:\n  {}", findings.join("\n  "));
}

/// Sources outside `allowed` (path prefixes) whose code contains one of `words`.
fn outside(allowed: &[&str], words: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in sources() {
        if allowed.iter().any(|prefix| path.starts_with(prefix)) {
            continue;
        }
        for line in code(&text).lines().filter(|line| words.iter().any(|word| line.contains(word))) {
            findings.push(format!("{path}: {}", line.trim()));
        }
    }
    findings
}

#[test]
fn only_the_clock_reads_time() {
    let words = ["Utc::now", "Local::now", "SystemTime::now"];
    clean(&outside(&["src/clock.rs"], &words), "only src/clock.rs reads time: take a Clock");
}

#[test]
fn only_mail_names_the_mail_crate() {
    clean(&outside(&["src/mail/", "src/address.rs"], &["lettre"]), "only src/mail/ and src/address.rs name lettre");
}

#[test]
fn only_the_timetable_reads_cron_lines_and_only_the_schedule_ticks() {
    clean(&outside(&["src/job/timetable.rs"], &["croner"]), "only src/job/timetable.rs names croner");
    let found = outside(&["src/schedule/"], &["tokio_cron_scheduler"]);
    clean(&found, "only src/schedule/ names tokio_cron_scheduler");
}

#[test]
fn only_the_command_line_knows_the_demo_company() {
    let found = outside(&["src/demo/", "src/cli/"], &["demo::", "::demo"]);
    clean(&found, "the demo company serves the command line and tests alone");
    let page = file("src/demo/mod.rs");
    let map: String = page.lines().take_while(|line| line.starts_with("//!")).collect();
    let files = page.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
    let missing: Vec<String> = files
        .map(|rest| rest.trim_end_matches(';').to_string())
        .filter(|name| name != "tests" && !map.contains(&format!("`{name}`")))
        .collect();
    clean(&missing, "src/demo/mod.rs says in its map what each of its files is for");
}

#[test]
fn only_the_store_builds_keys() {
    let words = ["\"state/", "\"staged/", "\"rejects/", "\"outbox/", "\"landed/", "\"models/", "\"latest/"];
    clean(&outside(&["src/store", "src/demo"], &words), "only src/store builds keys: add a function there");
}

#[test]
fn stages_never_import_another_stage() {
    let mut findings = Vec::new();
    for stage in STAGES {
        let path = format!("src/pipeline/{stage}.rs");
        let text = match std::fs::read_to_string(Path::new(PROJECT).join(&path)) {
            Ok(text) => code(&text),
            Err(_) => texts(&format!("src/pipeline/{stage}"), "rs").values().map(|text| code(text)).collect(),
        };
        assert!(!text.is_empty(), "{path} is gone: name the new stage in STAGES");
        for other in STAGES.iter().filter(|other| *other != stage) {
            // by a path, or as one of several names of a `use` line
            let path_of = format!("(super|pipeline)::{other}\\b");
            let among = format!("(super|pipeline)::\\{{[^}}]*\\b{other}\\b");
            let imports = Regex::new(&format!("{path_of}|{among}")).expect("a pattern");
            if imports.is_match(&text) {
                findings.push(format!("{path} imports {other}"));
            }
        }
    }
    clean(&findings, "a stage never imports another: what they share is in src/pipeline/flow.rs");
}

#[test]
fn every_source_file_says_why_it_exists() {
    let mut findings = Vec::new();
    for (path, text) in texts("src", "rs").into_iter().chain(texts("tests", "rs")).chain(texts("benches", "rs")) {
        // A sibling `tests.rs` needs no reason: it tests the file beside it.
        let obvious = path.ends_with("/tests.rs") || path.ends_with("src/main.rs");
        if !text.starts_with("//!") && !obvious {
            findings.push(path);
        }
    }
    clean(&findings, "open the file with a `//!` line that says why it exists");
}

#[test]
fn files_stay_short_enough_to_read() {
    let mut findings = Vec::new();
    for (path, text) in texts("src", "rs").into_iter().chain(texts("tests", "rs")).chain(texts("sql", "sql")) {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            findings.push(format!("{path}: {lines} lines"));
        }
    }
    clean(&findings, &format!("split files of more than {LINES_MAX} lines"));
}

#[test]
fn no_file_is_named_after_nothing() {
    let all = texts("src", "rs").into_iter().chain(texts("tests", "rs"));
    let vague = ["utils", "util", "misc", "helpers", "common"];
    let findings: Vec<String> = all
        .map(|(path, _)| path)
        .filter(|path| path.trim_end_matches(".rs").split('/').any(|part| vague.contains(&part)))
        .collect();
    clean(&findings, "name a module after what it holds");
}

#[test]
fn every_model_has_a_contract_and_every_contract_a_model() {
    let (models, sidecars) = (texts("sql", "sql"), texts("sql", "toml"));
    let stem = |path: &String| path.rsplit_once('.').expect("an extension").0.to_string();
    let models: BTreeSet<String> = models.keys().map(stem).collect();
    let sidecars: BTreeSet<String> = sidecars.keys().map(stem).collect();
    assert!(!models.is_empty(), "sql/ holds models");
    let lonely: Vec<String> = models.symmetric_difference(&sidecars).cloned().collect();
    clean(&lonely, "a model is a .sql and a .toml of the same name");
    let mut names = BTreeMap::new();
    for path in &models {
        let name = path.rsplit('/').next().expect("a name").to_string();
        if let Some(other) = names.insert(name, path) {
            panic!("{path} and {other} share a name: models are referenced by it alone");
        }
    }
}

#[test]
fn every_model_lies_in_a_subject_and_readme_asks_by_it() {
    let lost: Vec<String> = texts("sql", "sql").into_keys().filter(|path| path.split('/').count() != 4).collect();
    clean(&lost, "a model lies in sql/<layer>/<subject>/");
    let readme = file("README.md");
    let unasked: Vec<String> = texts("sql/marts", "sql")
        .into_keys()
        .filter(|path| {
            let mut parts = path.rsplit('/');
            let mart = parts.next().expect("a file").trim_end_matches(".sql").to_string();
            let subject = parts.next().expect("a subject");
            !readme
                .lines()
                .any(|line| line.starts_with(&format!("| {subject} |")) && line.contains(&format!("`{mart}`")))
        })
        .collect();
    clean(&unasked, "README's table of marts names each mart in the row of its subject");
}

#[test]
fn every_mart_and_alert_has_a_test_and_every_test_a_model() {
    let name =
        |path: &String| path.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or("").to_string();
    let models: BTreeSet<String> = texts("sql", "sql").keys().map(name).collect();
    let marts: BTreeSet<String> = texts("sql/marts", "sql").keys().map(name).collect();
    let tests: BTreeSet<String> = texts("tests/slt", "slt").keys().map(name).collect();
    let untested: Vec<String> = marts.difference(&tests).cloned().collect();
    clean(&untested, "write tests/slt/<mart>.slt");
    let orphans: Vec<String> = tests.difference(&models).cloned().collect();
    clean(&orphans, "tests/slt/<model>.slt is named after a model");
}

#[test]
fn sql_never_asks_what_time_it_is() {
    let mut findings = Vec::new();
    for (path, text) in texts("sql", "sql") {
        let lower = text.to_lowercase();
        for word in ["now()", "current_date", "current_timestamp", "current_time", "random()", "uuid()"] {
            if lower.contains(word) {
                findings.push(format!("{path}: {word}"));
            }
        }
    }
    clean(&findings, "use $as_of_date: the same inputs give the same marts");
}

/// Whether a text holds a word: not as a part of a longer one.
fn names(text: &str, word: &str) -> bool {
    let within = |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '_');
    text.match_indices(word)
        .any(|(at, _)| !within(text[..at].chars().next_back()) && !within(text[at + word.len()..].chars().next()))
}

/// A setting that nothing reads is a promise that nobody keeps. Where it is only parsed and checked, it is not read.
#[test]
fn every_setting_of_the_reference_is_read() {
    let reference: toml::Table = toml::from_str(&file("config.toml")).expect("the reference");
    let parsing = file("src/config.rs");
    let (_, reading) = parsing.split_once("    /// A business setting that is a whole number").expect("accessors");
    let shipped = sources().into_iter().filter(|(path, _)| !path.starts_with("src/config"));
    let said = |text: &str| {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let mut rust: String = shipped.map(|(_, text)| said(&text)).collect::<Vec<_>>().join("\n");
    rust.push_str(&said(reading));
    let models: String = ["sql", "toml"].iter().flat_map(|kind| texts("sql", kind).into_values()).collect();
    let mut findings = Vec::new();
    for (section, keys) in &reference {
        for key in keys.as_table().expect("a section").keys() {
            let read = match section.as_str() {
                "settings" => names(&models, &format!("${key}")) || rust.contains(&format!("\"{key}\"")),
                "tables" => names(&models, &format!("settings.{key}")) || rust.contains(&format!("\"{key}\"")),
                _ => names(&rust, &format!("{section}.{key}")),
            };
            if !read {
                findings.push(format!("{section}.{key}"));
            }
        }
    }
    clean(&findings, "no code reads these settings: honour them, or take them out of config.toml");
}

#[test]
fn every_fixture_is_used() {
    let mut readers: String = texts("tests", "rs").into_values().chain(texts("src", "rs").into_values()).collect();
    readers.extend(texts("benches", "rs").into_values());
    let mut findings = Vec::new();
    for folder in ["fixtures/bad", "fixtures/config", "fixtures/golden"] {
        for key in files_below(&Path::new(PROJECT).join(folder)).keys() {
            let name = key.rsplit('/').next().unwrap_or(key);
            let whole_folder = readers.contains(&format!("{folder}\"")) || readers.contains(&format!("{folder}/\""));
            if !readers.contains(name) && !whole_folder {
                findings.push(format!("{folder}/{key}"));
            }
        }
    }
    clean(&findings, "no test reads this fixture");
}

#[test]
fn every_feed_is_documented_in_both_languages() {
    let mut findings = Vec::new();
    for (path, text) in texts("jobs/feeds", "toml") {
        let contract: toml::Table = toml::from_str(&text).unwrap_or_else(|err| panic!("{path}: {err}"));
        let columns = contract["columns"].as_array().expect("columns").iter().filter_map(toml::Value::as_table);
        for table in std::iter::once(&contract).chain(columns) {
            for language in ["en", "zh"] {
                if table.get(language).and_then(toml::Value::as_str).is_none_or(str::is_empty) {
                    findings
                        .push(format!("{path}: {} has no `{language}`", table.get("name").unwrap_or(&"feed".into())));
                }
            }
        }
    }
    clean(&findings, "describe feeds and columns in English and Chinese");
}

#[test]
fn the_readme_says_what_ci_runs() {
    let (readme, ci) = (file("README.md"), file(".ci/run"));
    for command in ["cargo run -- run nightly --date 2026-11-22", "cargo test"] {
        assert!(readme.contains(command), "README.md shows `{command}`");
        assert!(ci.contains(command), ".ci/run runs `{command}`");
    }
    assert!(!ci.contains("--release"), "one profile for run and test: dependencies build once");
}

#[test]
fn the_contents_page_lists_every_test_module() {
    let (page, contents) = (file("tests/it/main.rs"), file("tests/README.md"));
    for module in page.lines().filter_map(|line| line.strip_prefix("mod ")).map(|rest| rest.trim_end_matches(';')) {
        assert!(
            module == "support" || contents.contains(&format!("\n* `{module}`")),
            "{module} is missing in the contents of tests/README.md"
        );
    }
    for path in files_below(&Path::new(PROJECT).join("tests/it")).keys().filter(|path| !path.contains('/')) {
        let module = path.trim_end_matches(".rs");
        assert!(module == "main" || page.contains(&format!("mod {module};")), "tests/it/{path} is compiled by nobody");
    }
}

#[test]
fn nothing_of_the_workshop_is_left_behind() {
    let mut findings = Vec::new();
    for (path, text) in sources() {
        for word in ["todo!", "unimplemented!", "FIXME", "XXX", "dbg!("] {
            if text.contains(word) {
                findings.push(format!("{path}: {word}"));
            }
        }
    }
    clean(&findings, "finish it or leave it out");
}

//! The committed fixtures are what the generator writes; the numbers hang together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `dir` with its bytes, by path relative to it.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_path_buf();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn made(options: &Options) -> Summary {
    generate(options, &mut |_| {}).unwrap()
}

fn small(dir: &Path) -> Options {
    Options { days: 45, rows_per_day: 60, ..Options::fixture(dir) }
}

/// With `BLESS=1` in the environment the fixtures are written anew.
#[test]
fn the_fixtures_are_what_the_generator_writes() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("demo");
    made(&Options::fixture(&dir));
    let pairs = [("inbox", "fixtures/inbox"), ("jobs/senders", "jobs/senders")];
    if std::env::var_os("BLESS").is_some() {
        for (from, to) in pairs {
            let to = root().join(to);
            if to.exists() {
                std::fs::remove_dir_all(&to).unwrap();
            }
            for (name, bytes) in files(&dir.join(from)) {
                let path = to.join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
        }
        std::fs::copy(dir.join("labels.json"), root().join("fixtures/labels.json")).unwrap();
    }
    for (from, to) in pairs {
        let (ours, committed) = (files(&dir.join(from)), files(&root().join(to)));
        let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&ours), names(&committed), "{to} holds other files than the generator writes");
        for (name, bytes) in &ours {
            assert!(bytes == &committed[name], "{to}/{} differs from what the generator writes", name.display());
        }
    }
    let labels = std::fs::read(dir.join("labels.json")).unwrap();
    assert!(labels == std::fs::read(root().join("fixtures/labels.json")).unwrap(), "fixtures/labels.json is not current");
}

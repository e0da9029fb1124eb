//! Wrong settings: each file of fixtures/config is named for its fault and begins with what must be said about it.

use crate::support::world::{PROJECT, World, files_below};

#[test]
fn every_fault_is_named_with_its_place_and_what_to_do() {
    let fixtures = files_below(&std::path::Path::new(PROJECT).join("fixtures/config"));
    assert!(fixtures.len() >= 7);
    let world = World::new(&["sales_daily"]);
    for (name, text) in fixtures {
        let text = String::from_utf8(text.to_vec()).expect("UTF-8");
        world.write("config.toml", &text);
        let outcome = world.tributary(&["check"], &[]).expect(&[64]);
        assert!(outcome.stdout.is_empty(), "{name}: errors go to stderr, {outcome}");
        assert!(outcome.stderr.contains("config.toml"), "{name}: the file is named, {outcome}");
        let mut promised = 0;
        for said in
            text.lines().filter_map(|line| line.strip_prefix("# says: ").or_else(|| line.strip_prefix("# help: ")))
        {
            promised += 1;
            assert!(outcome.stderr.contains(said), "{name}: `{said}` is not said, {outcome}");
        }
        assert!(promised > 0, "{name} promises nothing");
    }
}

#[test]
fn a_company_that_is_not_there_is_explained() {
    let world = World::empty();
    let outcome = world.tributary(&["run", "nightly"], &[]).expect(&[64]);
    assert!(outcome.stderr.contains("config.toml"), "{outcome}");
    assert!(outcome.stderr.contains("tributary init"), "what to do: {outcome}");
}

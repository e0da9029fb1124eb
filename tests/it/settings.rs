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

/// What each file is right by itself and wrong with the rest is found before the night, not by it.
#[test]
fn check_finds_what_the_night_would_refuse() {
    let world = World::new(&["sales_daily"]);
    world.write(
        "jobs/weekly.toml",
        "description = \"x\"\nat = \"04:00\"\nmarts = [\"sales_dialy\"]\nsenders = [\"p0?\"]\n",
    );
    world.write(
        "jobs/senders/p03.toml",
        "name = \"Third\"\ncontact = \"nobody\"\n[feeds.sales]\npath = \"../lake/**\"\n\
         expected = { by = \"09:00\", days = \"all\" }\n[feeds.sales.columns]\nsku = \"?\"\n",
    );
    let config = std::fs::read_to_string(world.path("config.toml")).expect("the settings");
    world.write("config.toml", &format!("{config}[settings]\nnear_dyas = 30\n").replace("[\"hq@test.example\"]", "[]"));
    let outcome = world.tributary(&["check"], &[]).expect(&[64]);
    for said in [
        "jobs/weekly.toml: marts names `sales_dialy`, which is not known",
        "did you mean `sales_daily`?",
        "jobs/senders/p03.toml: contact: \"nobody\" is not a mail address",
        "jobs/senders/p03.toml: feeds.sales: path \"../lake/**\" leaves the inbox",
        "jobs/senders/p03.toml:7: feeds.sales: columns.sku is still \"?\"",
        "files of a day are due at 09:00 the morning after (grace 0 minutes), and nightly runs at 06:30",
        "company.head_office is empty",
        "settings.near_dyas is named by no model",
        "did you mean `near_days`?",
    ] {
        assert!(outcome.stderr.contains(said), "`{said}` is not said, {outcome}");
    }
    assert!(outcome.stdout.starts_with("7 faults found"), "{outcome}");
}

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
        "jobs/weekly.toml:3: marts names `sales_dialy`, which is not known",
        "did you mean `sales_daily`?",
        "jobs/senders/p03.toml: contact: \"nobody\" is not a mail address",
        "jobs/senders/p03.toml:4: feeds.sales: path \"../lake/**\" leaves the inbox",
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

/// What `check` says that each number may be at most (`9223372036854775807`) or at least: `section.name` and the number.
fn ends(world: &World, extreme: &str) -> Vec<(String, String)> {
    let reference = std::fs::read_to_string(std::path::Path::new(PROJECT).join("config.toml")).expect("the reference");
    let reference: toml::Table = toml::from_str(&reference).expect("TOML");
    let mut own = String::new();
    for (section, keys) in &reference {
        let numbers = keys.as_table().into_iter().flatten();
        let numbers: Vec<_> = numbers.filter(|(_, value)| value.is_integer() || value.is_float()).collect();
        if !numbers.is_empty() {
            own.push_str(&format!("[{section}]\n"));
            own.extend(numbers.iter().map(|(name, _)| format!("{name} = {extreme}\n")));
        }
    }
    world.write("config.toml", &own);
    let outcome = world.tributary(&["check"], &[]).expect(&[64]);
    assert!(!outcome.stderr.contains("panicked"), "{outcome}");
    let bound = |line: &str| {
        let (_, said) = line.split_once("config.toml:")?;
        let (_, said) = said.split_once(": ")?;
        let (key, said) = said.split_once(" is ")?;
        let (_, said) = said.split_once("; expected ")?;
        let said = said.split(" (").next()?;
        let number = match said.rsplit_once(' ')? {
            (range, last) if range.ends_with(" to") && extreme.starts_with('-') => {
                range.split_whitespace().rev().nth(1).filter(|_| !last.is_empty())?
            }
            (_, last) => last,
        };
        Some((key.to_string(), number.to_string()))
    };
    let ends: Vec<(String, String)> = outcome.stderr.lines().filter_map(bound).collect();
    let all = own.lines().filter(|line| line.contains('=')).count();
    assert_eq!(ends.len(), all, "every number is refused at {extreme}: {outcome}");
    ends
}

/// At both ends of what they may be, all numbers at once are planned by all SQL, and carry a night; nothing panics.
#[test]
fn absurd_numbers_never_panic() {
    let world = World::small();
    let own = std::fs::read_to_string(world.path("config.toml")).expect("the settings");
    world.deliver_history("2026-11-01");
    for extreme in ["-9223372036854775808", "9223372036854775807"] {
        let ends = ends(&world, extreme);
        let mut config: toml::Table = toml::from_str(&own).expect("TOML");
        for (key, number) in &ends {
            let (section, name) = key.split_once('.').expect("a section");
            // A lock that another night waits for is not what is tried here.
            if ["run.lease_seconds", "engine.threads", "intake.files_at_once"].contains(&key.as_str()) {
                continue;
            }
            let section = config.entry(section).or_insert_with(|| toml::Table::new().into());
            let number = number
                .parse::<i64>()
                .map_or_else(|_| toml::Value::Float(number.parse().expect("a number")), toml::Value::Integer);
            section.as_table_mut().expect("a section").insert(name.to_string(), number);
        }
        let all_sql = config.to_string().replace(&format!("{PROJECT}/fixtures/small/sql"), &format!("{PROJECT}/sql"));
        world.write("config.toml", &all_sql);
        let check = world.tributary(&["check"], &[]);
        assert!(check.code == Some(0) || check.code == Some(64), "{check}");
        assert!(!check.stderr.contains("panicked") && !check.stderr.contains("gave up"), "{check}");
        world.write("config.toml", &config.to_string());
        let night = world.night("2026-11-01");
        assert!(night.code.is_some_and(|code| code != 101), "{night}");
        assert!(!night.stderr.contains("panicked"), "{night}");
        for command in [&["status"][..], &["runs"], &["mail", "flush"], &["clean", "--dry-run"]] {
            let outcome = world.tributary(command, &[("TRIBUTARY_NOW", "2026-11-02T22:31:00Z")]);
            assert!(outcome.code.is_some_and(|code| code != 101) && !outcome.stderr.contains("panicked"), "{outcome}");
        }
    }
}

/// Files in other encodings are named as such, not "not there".
#[test]
fn settings_in_another_encoding_are_named() {
    let world = World::small();
    let text = std::fs::read_to_string(world.path("config.toml")).expect("the settings");
    let utf16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(world.path("config.toml"), utf16).expect("written");
    let outcome = world.tributary(&["check"], &[]).expect(&[64]);
    assert!(
        outcome.stderr.contains("it seems to be UTF-16") && outcome.stderr.contains("save it as UTF-8"),
        "{outcome}"
    );
    std::fs::write(
        world.path("config.toml"),
        text.replace("Test Company", "M\u{fc}ller").chars().map(|c| c as u8).collect::<Vec<u8>>(),
    )
    .expect("written");
    let outcome = world.tributary(&["check"], &[]).expect(&[64]);
    assert!(outcome.stderr.contains("it seems to be Latin-1 (Windows-1252) (line 2"), "{outcome}");
    world.write("config.toml", &text);
    std::fs::write(world.path("jobs/nightly.toml"), b"description = \"Jede Nacht f\xfcr uns\"\nat = \"06:30\"\n")
        .expect("written");
    let outcome = world.tributary(&["run", "nightly"], &[]).expect(&[64]);
    assert!(outcome.stderr.contains("nightly.toml") && outcome.stderr.contains("Latin-1"), "{outcome}");
}

/// Two patterns that take the same files are found by day, and so is whatever else of the settings the night would refuse.
#[test]
fn check_and_doctor_find_senders_that_take_the_same_files() {
    let world = World::small();
    world.write(
        "jobs/senders/p09.toml",
        "name = \"Ninth\"\n[feeds.sales]\npath = \"p01/sales/2026-*.csv\"\n[feeds.sales.columns]\npartner_id = { constant = \"p01\" }\n\
         order_id = \"order_id\"\nsold_at = \"sold_at\"\nsku = \"sku\"\nquantity = \"quantity\"\nunit_price = \"unit_price\"\n",
    );
    let config = std::fs::read_to_string(world.path("config.toml")).expect("the settings");
    world.write("config.toml", &config.replace("[\"hq@test.example\"]", "[]"));
    for command in ["check", "doctor"] {
        let outcome = world.tributary(&[command], &[]).expect(&[64]);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains("takes files that feeds.sales of"), "{outcome}");
        assert!(said.contains("such as p01/sales/2026-01-14.csv"), "{outcome}");
        assert!(said.contains("config.toml:3: company.head_office is empty"), "{outcome}");
    }
    let left: Vec<String> =
        ["lake", "marts"].iter().flat_map(|store| files_below(&world.path(store)).into_keys()).collect();
    assert!(left.is_empty(), "doctor leaves nothing behind: {left:?}");
    assert!(!world.path("lake/state").exists() && !world.path("marts/latest").exists(), "no folder either");
}

use std::path::Path;

use super::*;

#[test]
fn the_reference_is_complete_and_valid() {
    let config = Config::parse("", Path::new("/x")).expect("reference");
    assert_eq!(config.company.time_zone.name(), "Asia/Shanghai");
    assert_eq!(config.folders.sql, Path::new("/x/sql"));
    assert_eq!(config.settings["near_days"].as_integer(), Some(90));
}

#[test]
fn a_slip_is_refused_with_the_right_name() {
    let err = Config::parse("[company]\nlocal = \"en\"", Path::new("/x")).unwrap_err();
    assert_eq!(err.to_string(), "config.toml:2: unknown setting `company.local`");
    assert_eq!(err.advice(), Some("did you mean `locale`?"));
}

#[test]
fn an_analyst_adds_a_setting_by_adding_a_line() {
    let config = Config::parse("[settings]\nmy_limit = 3", Path::new("/x")).expect("valid");
    assert_eq!(config.settings["my_limit"].as_integer(), Some(3));
}

#[test]
fn smtp_needs_a_host() {
    let err = Config::parse("[mail]\ntransport = \"smtp\"", Path::new("/x")).unwrap_err();
    assert!(err.advice().is_some_and(|hint| hint.contains("mail server")));
}

/// The place and the key that a message must name.
fn refused(text: &str, key: &str) -> Error {
    let err = Config::parse(text, Path::new("/x")).expect_err(&format!("{text} was taken"));
    let said = err.to_string();
    assert!(said.contains("config.toml:2"), "{text}: the line is not named: {said}");
    assert!(said.contains(key), "{text}: the key is not named: {said}");
    err
}

/// Every key of the reference, with its value.
fn reference() -> Vec<(String, String, Value)> {
    let reference: Table = toml::from_str(REFERENCE).expect("TOML");
    let keys = |(section, table): (String, Value)| match table {
        Value::Table(table) => {
            table.into_iter().map(|(name, value)| (section.clone(), name, value)).collect::<Vec<_>>()
        }
        other => panic!("{section} is {other}"),
    };
    reference.into_iter().flat_map(keys).collect()
}

#[test]
fn a_value_of_another_type_is_refused_with_line_key_and_what_is_expected() {
    for (section, name, value) in reference() {
        let (wrong, expected) = match &value {
            Value::String(_) => ("7", "a text"),
            Value::Integer(_) => ("\"7\"", "a whole number"),
            Value::Float(_) => ("\"7\"", "a number"),
            Value::Boolean(_) => ("7", "true or false"),
            Value::Datetime(_) => ("7", "a date"),
            Value::Array(_) | Value::Table(_) => ("7", "a list"),
        };
        let key = format!("{section}.{name}");
        let err = refused(&format!("[{section}]\n{name} = {wrong}"), &key);
        assert!(err.to_string().contains(&format!("expected {expected}")), "{key}: {err}");
        assert!(err.advice().is_some(), "{key}: what to do is not said");
        if value.is_array() {
            let err = refused(&format!("[{section}]\n{name} = [7]"), &key);
            assert!(err.to_string().contains("holds a whole number; expected a list of which each is"), "{key}: {err}");
        }
    }
}

#[test]
fn a_slip_in_a_key_is_refused_with_line_and_the_right_one() {
    for (section, name, _) in
        reference().into_iter().filter(|(section, ..)| !["settings", "tables"].contains(&section.as_str()))
    {
        let slip = format!("{name}s");
        let err = refused(&format!("[{section}]\n{slip} = 7"), &format!("unknown setting `{section}.{slip}`"));
        assert!(err.advice().is_some_and(|hint| hint.contains(&format!("`{name}`"))), "{section}.{slip}: {err}");
    }
}

/// At both ends of what its type can hold, a number is taken or refused in words; nothing panics.
#[test]
fn absurd_numbers_are_refused_in_words() {
    for (section, name, value) in reference() {
        let (whole, fraction) = (value.is_integer(), value.is_float());
        let extremes: &[&str] = match (whole, fraction) {
            (true, _) => &["-9223372036854775808", "9223372036854775807", "-1"],
            (_, true) => {
                &["-9223372036854775808", "9223372036854775807", "1e308", "-1e308", "inf", "nan", "0.12345678901"]
            }
            _ => continue,
        };
        for extreme in extremes {
            let key = format!("{section}.{name}");
            let err = refused(&format!("[{section}]\n{name} = {extreme}"), &format!("{key} is "));
            assert!(err.to_string().contains("; expected "), "{key}: {err}");
            assert!(err.advice().is_some(), "{key}: what to do is not said");
        }
    }
}

#[test]
fn words_and_zones_are_refused_with_line_and_the_nearest() {
    for (text, said, hint) in [
        (
            "[company]\ntime_zone = \"Asia/Shangai\"",
            "company.time_zone is \"Asia/Shangai\"; expected a zone",
            "Asia/Shanghai",
        ),
        ("[settings]\nscore_method = \"quantiles\"", "expected one of: quantile, quantile_plus_one", "quantile"),
        ("[settings]\nsla_clock = \"allways\"", "expected one of: always, business_hours", "always"),
        ("[settings]\nmine = [1, 2]", "`settings.mine` is a list; expected one value", "[tables]"),
        ("[tables]\nmine = 3", "`tables.mine` is a whole number; expected a list of rows", "[settings]"),
        ("[intake]\nignored_names = [\"a/b\"]", "intake.ignored_names holds \"a/b\"; expected a name", "*.part"),
    ] {
        let err = refused(text, said);
        assert!(err.advice().is_some_and(|help| help.contains(hint)), "{err}: {:?}", err.advice());
    }
}

#[test]
fn names_that_are_left_alone() {
    let set = Config::parse("", Path::new("/x")).expect("reference").ignored_names().expect("patterns");
    for name in ["a.csv.part", "a.csv.PART", "~$plan.xlsx", "Thumbs.db", "desktop.ini", ".DS_Store", ".a.csv", "a.csv~"]
    {
        assert!(set.is_match(name), "{name}");
    }
    for name in ["part.csv", "2026-11-01.csv", "a.part.csv", "tmp", "thumbs.csv"] {
        assert!(!set.is_match(name), "{name}");
    }
}

use std::path::Path;

use super::*;

#[test]
fn the_reference_is_complete_and_valid() {
    let config = Config::parse("", Path::new("/x")).expect("reference");
    assert_eq!(config.company.time_zone, chrono_tz::Asia::Shanghai);
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

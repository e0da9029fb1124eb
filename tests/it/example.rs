//! The example company, and pieces of it under other names.

use std::path::Path;
use std::process::{Command, Output};

/// Runs the binary in a folder.
fn tributary(home: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tributary"));
    command.args(args).current_dir(home).env("TRIBUTARY_NOW", "2026-11-22T22:30:00Z");
    command.output().expect("the binary runs")
}

/// What it printed, where it ended with `code`.
#[track_caller]
fn said(home: &Path, args: &[&str], code: i32) -> String {
    let output = tributary(home, args);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{text}");
    text
}

#[test]
fn a_worked_company_passes_its_tests_and_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    said(folder.path(), &["init", "shop", "--example"], 0);
    let home = folder.path().join("shop");
    let config = std::fs::read_to_string(home.join("config.toml")).expect("settings");
    std::fs::write(home.join("config.toml"), config.replace("settle_seconds = 10", "settle_seconds = 0"))
        .expect("written");
    // a night of these two alone is a cheap one
    let job =
        "description = \"The example\"\nat = \"06:30\"\nmarts = [\"discount_days\"]\nalerts = [\"deep_discounts\"]\n";
    std::fs::write(home.join("jobs/example.toml"), job).expect("written");
    said(&home, &["check"], 0);
    assert!(said(&home, &["test"], 0).contains("2 files, 6 records passed, 0 files failed"));
    said(&home, &["run", "example", "--date", "2026-11-22"], 0);
    // 1001: 69.80 less 30.00 and 20.00; 1002 is cancelled; the return is no sale line
    let seen = said(&home, &["--output", "json", "query", "select * from discount_days"], 0);
    let rows: serde_json::Value = serde_json::from_str(&seen).expect("JSON");
    assert_eq!((rows.as_array().expect("rows").len(), rows[0]["partner_id"].as_str()), (1, Some("P001")), "{rows}");
    assert_eq!(
        (rows[0]["gross_sales"].to_string(), rows[0]["discounts"].to_string()),
        ("89.8".into(), "30.0".into()),
        "{rows}"
    );
    let mails = said(&home, &["mail", "preview"], 0);
    assert!(mails.contains("P001"), "a third of the day's sales was given away: {mails}");

    // pieces of it under other names stand beside it, and pass as they are
    for (what, name) in [("sender", "second_shop"), ("mart", "rebate_days"), ("alert", "large_rebates")] {
        said(&home, &["new", what, name], 0);
    }
    said(&home, &["check"], 0);
    assert!(said(&home, &["test"], 0).contains("4 files, 12 records passed, 0 files failed"));
    let config = std::fs::read_to_string(home.join("config.toml")).expect("settings");
    assert!(config.contains("\nlarge_rebates_rate = 0.30\n") && home.join("jobs/senders/second_shop.toml").exists());
    assert!(said(&home, &["new", "mart", "rebate_days"], 64).contains("it is there already"));
    assert!(said(&home, &["new", "mart", "sales_daily"], 64).contains("a model is called sales_daily already"));
    assert!(said(&home, &["new", "sender", "../x"], 64).contains("cannot be a name"));
}

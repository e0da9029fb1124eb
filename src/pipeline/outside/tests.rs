use serde_json::json;

use super::*;
use crate::report::MailLine;

fn run(job: &str, day: u32, status: &str) -> RunRecord {
    serde_json::from_value(json!({
        "run_id": format!("{job}-2026-11-{day:02}-ab12"), "job": job, "logical_date": format!("2026-11-{day:02}"),
        "started_at": format!("2026-11-{day:02}T22:30:00Z"), "ended_at": format!("2026-11-{day:02}T22:31:01.250Z"),
        "status": status, "plan_fingerprint": "p", "files": 3, "rows_read": 30, "rows_clean": 28, "rows_rejected": 2,
        "partitions_built": 4, "partitions_reused": 5, "statements": 6, "store_requests": 70, "marts": 8, "alerts": 9,
        "mails": 1, "stage_ms": {"discover": 5, "stage": 61_007}, "notes": [], "error": null,
    }))
    .unwrap()
}

fn report(run: RunRecord) -> Report {
    let mail = |outcome: &str| MailLine {
        recipient: "wang@demo.example".into(),
        subject: "s".into(),
        outcome: outcome.into(),
        detail: "d".into(),
    };
    Report {
        run,
        nothing_new: false,
        behind: None,
        passing: false,
        files: vec![],
        refusals: vec![],
        reduced: vec![],
        models: 1,
        marts: vec![],
        alerts: vec![],
        mails: vec![mail("sent"), mail("dead"), mail("sent")],
        places: vec![],
        next: vec![],
    }
}

/// A night that failed: when the job last published stays to be seen, and that of another job.
#[test]
fn figures_are_those_of_each_jobs_last_run() {
    let mut state =
        State::new(crate::state::Options::of(&crate::config::Config::parse("", Path::new("/")).unwrap()).keep);
    state.runs.extend([run("nightly", 21, "ok"), run("weekly \"w\"", 21, "warned"), run("nightly", 22, "failed")]);
    let page = metrics(&state, &report(run("nightly", 22, "failed")));
    for line in [
        // date -u -d 2026-11-21T22:31:01Z +%s
        "tributary_last_success_timestamp_seconds{job=\"nightly\"} 1795300261",
        "tributary_last_success_timestamp_seconds{job=\"weekly \\\"w\\\"\"} 1795300261",
        "tributary_last_run_timestamp_seconds{job=\"nightly\"} 1795386661",
        "tributary_last_run_duration_seconds{job=\"nightly\"} 61.250",
        "tributary_last_run_published{job=\"nightly\"} 0",
        "tributary_last_run_status{job=\"nightly\",status=\"failed\"} 1",
        "tributary_last_run_status{job=\"nightly\",status=\"ok\"} 0",
        "tributary_last_run_rows{job=\"nightly\",outcome=\"rejected\"} 2",
        "tributary_last_run_stage_seconds{job=\"nightly\",stage=\"stage\"} 61.007",
        "tributary_last_run_store_requests{job=\"nightly\"} 70",
        "tributary_mails{outcome=\"sent\"} 2",
        "tributary_mails{outcome=\"dead\"} 1",
        "tributary_readers_behind 0",
    ] {
        assert!(page.lines().any(|told| told == line), "{line}\n{page}");
    }
    // The form: a family's lines follow its HELP and TYPE, each once, and every line is `name{labels} number`.
    let mut families = std::collections::BTreeSet::new();
    let mut family = "";
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap();
            assert!(families.insert(family), "{family} twice");
        } else if !line.starts_with("# TYPE ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name == family || name.starts_with(&format!("{family}{{")), "{line} below {family}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}

#[test]
fn files_are_replaced_whole_and_lines_are_added() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[monitor]\nmetrics_file = \"told/tributary.prom\"\nruns_file = \"told/runs.jsonl\"";
    let config = crate::config::Config::parse(text, folder.path()).unwrap();
    let state = State::new(crate::state::Options::of(&config).keep);
    for day in [21, 22] {
        tell_of(&config.monitor, &state, &report(run("nightly", day, "ok")));
    }
    let page = std::fs::read_to_string(folder.path().join("told/tributary.prom")).unwrap();
    assert_eq!(page.matches("# HELP tributary_mails ").count(), 1, "{page}");
    assert_eq!(std::fs::read_dir(folder.path().join("told")).unwrap().count(), 2, "nothing is left aside");
    let lines = std::fs::read_to_string(folder.path().join("told/runs.jsonl")).unwrap();
    let runs: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(runs.len(), 2);
    assert_eq!((&runs[1]["logical_date"], &runs[1]["mails_dead"]), (&json!("2026-11-22"), &json!(1)));
    #[cfg(unix)]
    {
        let mode = std::fs::metadata(folder.path().join("told/tributary.prom")).unwrap().permissions();
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777,
            0o644,
            "the collector reads as somebody else"
        );
    }
    // What cannot be written is no reason for anything.
    std::fs::write(folder.path().join("file"), "").unwrap();
    let text = "[monitor]\nmetrics_file = \"file/x.prom\"\nruns_file = \"file/x.jsonl\"";
    tell_of(
        &crate::config::Config::parse(text, folder.path()).unwrap().monitor,
        &state,
        &report(run("nightly", 22, "ok")),
    );
}

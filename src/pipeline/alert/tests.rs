use chrono::TimeZone as _;

use super::*;

const OVERSTOCK: &str = r#"
[alert]
severity = "warning"
labels = ["partner_id"]
value = "rate"
owners = ["manager"]
inhibited_by = ["missing_file"]
[alert.title]
en = "x"
zh = "x"
"#;
const MISSING: &str = r#"
[alert]
severity = "warning"
labels = ["partner_id", "feed"]
about = "delivery"
[alert.title]
en = "x"
zh = "x"
"#;

fn rule(name: &str, text: &str) -> AlertRule {
    AlertRule::from_sidecar(name, "sql/alerts/rule.toml", &toml::from_str(text).expect("toml")).expect("rule")
}

fn row(value: serde_json::Value) -> Row {
    serde_json::from_value(value).expect("object")
}

fn stock(partner: &str, rate: f64) -> Row {
    row(serde_json::json!({ "partner_id": partner, "rate": rate, "manager": "Wang@demo.example; li@demo.example" }))
}

/// Nights one after the other, a day apart.
struct World {
    alerts: Vec<Alert>,
    silences: Vec<Silence>,
    day: u32,
    mails: bool,
    repeat_hours: i64,
    unusable: BTreeMap<String, String>,
}

impl World {
    fn new() -> Self {
        Self { alerts: vec![], silences: vec![], day: 1, mails: true, repeat_hours: 24, unusable: BTreeMap::new() }
    }

    fn now(&self) -> DateTime<Utc> {
        // A few minutes earlier each night: nights are never exactly 24 hours apart.
        Utc.with_ymd_and_hms(2026, 11, self.day, 2, 59 - self.day, 0).single().expect("time")
    }

    fn night(&mut self, found: &[(&AlertRule, Vec<Row>)]) -> Vec<String> {
        self.day += 1;
        let found: Vec<Found<'_>> =
            found.iter().map(|(rule, rows)| Found { rule, rows: rows.clone(), scope: BTreeMap::new() }).collect();
        let night = Night {
            previous: &self.alerts,
            silences: &self.silences,
            now: self.now(),
            logical_date: NaiveDate::from_ymd_opt(2026, 11, self.day).expect("date"),
            head_office: &["head@demo.example".to_string()],
            repeat_hours: self.repeat_hours,
            mails: self.mails,
        };
        let judged = judge(&found, &night).expect("judged");
        self.alerts = judged.alerts;
        self.unusable = judged.unusable;
        judged.notes
    }

    /// `rule labels phase` with `*` when told tonight and `(reason)` when muted.
    fn seen(&self) -> Vec<String> {
        let line = |alert: &Alert| {
            let labels: Vec<&str> = alert.labels.values().map(String::as_str).collect();
            let told = if alert.mailed_at == Some(self.now()) { "*" } else { "" };
            let muted = alert.muted.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            format!("{} {} {:?}{told}{muted}", alert.rule, labels.join("/"), alert.phase)
        };
        self.alerts.iter().map(line).collect()
    }
}

#[test]
fn new_ongoing_worse_resolved_forgotten_and_new_again() {
    let rule = rule("overstock", OVERSTOCK);
    let mut world = World::new();
    for (rate, expected) in [
        (Some(0.40), Some("overstock P1 New*")),
        (Some(0.41), Some("overstock P1 Ongoing*")),
        (Some(0.46), Some("overstock P1 Worse*")),
        (None, Some("overstock P1 Resolved*")),
        (None, None),
        (Some(0.40), Some("overstock P1 New*")),
    ] {
        world.night(&[(&rule, rate.map(|rate| stock("P1", rate)).into_iter().collect())]);
        assert_eq!(world.seen(), expected.into_iter().collect::<Vec<_>>(), "rate {rate:?}");
    }
    assert_eq!(world.alerts[0].owners, ["li@demo.example", "wang@demo.example"]);
    assert_eq!(world.alerts[0].since, NaiveDate::from_ymd_opt(2026, 11, 7).expect("date"));
}

#[test]
fn an_ongoing_finding_is_told_again_only_after_its_repeat_time() {
    let rule = rule("overstock", OVERSTOCK);
    let mut world = World::new();
    world.repeat_hours = 72;
    let told: Vec<bool> = (0..7)
        .map(|_| {
            world.night(&[(&rule, vec![stock("P1", 0.4)])]);
            world.seen()[0].contains('*')
        })
        .collect();
    assert_eq!(told, [true, false, false, true, false, false, true]);
    assert_eq!(world.alerts[0].since, NaiveDate::from_ymd_opt(2026, 11, 2).expect("date"));
}

#[test]
fn severity_decides_before_the_value_and_lower_can_be_worse() {
    let text = OVERSTOCK.replace("severity = \"warning\"", "severity_column = \"severity\"\nworse = \"lower\"");
    let rule = rule("cover", &text);
    let mut world = World::new();
    let mut night = |severity: &str, value: f64| {
        let mut row = stock("P1", value);
        row.insert("severity".into(), severity.into());
        let notes = world.night(&[(&rule, vec![row])]);
        (world.alerts[0].phase, world.alerts[0].severity.clone(), notes.len())
    };
    assert_eq!(night("info", 10.0), (AlertPhase::New, "info".into(), 0));
    assert_eq!(night("warning", 12.0), (AlertPhase::Worse, "warning".into(), 0));
    assert_eq!(night("warning", 5.0), (AlertPhase::Worse, "warning".into(), 0));
    assert_eq!(night("info", 1.0), (AlertPhase::Ongoing, "info".into(), 0));
    assert_eq!(night("terrible", 1.0), (AlertPhase::Worse, "warning".into(), 1));
}

#[test]
fn a_missing_file_mutes_its_partner_and_takes_nothing_back() {
    let (stock_rule, missing) = (rule("overstock", OVERSTOCK), rule("missing_file", MISSING));
    let file = |partner: &str| row(serde_json::json!({ "partner_id": partner, "feed": "sales" }));
    let mut world = World::new();
    world.night(&[(&stock_rule, vec![stock("P1", 0.4), stock("P2", 0.4), stock("P3", 0.4)]), (&missing, vec![])]);
    // P1's file is missing and its row with it: nobody can tell whether it recovered. P2 still has a row.
    world.night(&[(&stock_rule, vec![stock("P2", 0.4)]), (&missing, vec![file("P1"), file("P2")])]);
    let seen = world.seen();
    assert_eq!(seen[0], "missing_file sales/P1 New*");
    assert!(seen.contains(&"overstock P1 Ongoing (inhibited by missing_file)".to_string()), "{seen:?}");
    assert!(seen.contains(&"overstock P2 Ongoing (inhibited by missing_file)".to_string()), "{seen:?}");
    assert!(seen.contains(&"overstock P3 Resolved*".to_string()), "{seen:?}");
    assert_eq!(world.alerts[0].owners, ["head@demo.example"]);
}

#[test]
fn an_inhibitor_that_shares_no_label_mutes_nothing() {
    let stock_rule = rule("overstock", OVERSTOCK);
    let missing = rule("missing_file", &MISSING.replace("\"partner_id\", ", ""));
    let mut world = World::new();
    let file = row(serde_json::json!({ "feed": "sales" }));
    world.night(&[(&stock_rule, vec![stock("P1", 0.4)]), (&missing, vec![file])]);
    assert_eq!(world.seen(), ["missing_file sales New*", "overstock P1 New*"]);
}

#[test]
fn a_failed_run_mutes_all_but_itself_and_its_end_is_told() {
    let (stock_rule, failed) = (rule("overstock", OVERSTOCK), AlertRule::run_failed());
    let mut world = World::new();
    world.night(&[(&stock_rule, vec![stock("P1", 0.4)])]);
    let error = row(serde_json::json!({ "job": "nightly", "error": "disk full" }));
    world.night(&[(&failed, vec![error])]);
    assert_eq!(world.seen(), ["overstock P1 Ongoing (inhibited by run_failed)", "run_failed nightly New*"]);
    world.night(&[(&stock_rule, vec![stock("P1", 0.4)]), (&failed, vec![])]);
    assert_eq!(world.seen(), ["overstock P1 Ongoing*", "run_failed nightly Resolved*"]);
}

#[test]
fn one_job_does_not_take_back_another_jobs_failure() {
    let failed = AlertRule::run_failed();
    let mut world = World::new();
    world.night(&[(&failed, vec![row(serde_json::json!({ "job": "weekly" }))])]);
    let night = Night {
        previous: &world.alerts,
        silences: &[],
        now: world.now(),
        logical_date: NaiveDate::from_ymd_opt(2026, 11, 3).expect("date"),
        head_office: &[],
        repeat_hours: 24,
        mails: true,
    };
    let scope = BTreeMap::from([("job".to_string(), "nightly".to_string())]);
    let judged = judge(&[Found { rule: &failed, rows: vec![], scope }], &night).expect("judged");
    assert_eq!(judged.alerts[0].phase, AlertPhase::Ongoing);
}

#[test]
fn a_silence_holds_until_its_end() {
    let rule = rule("overstock", OVERSTOCK);
    let mut world = World::new();
    world.silences = vec![Silence {
        id: "s1".into(),
        matchers: BTreeMap::from([("rule".into(), "overstock".into()), ("partner_id".into(), "P1".into())]),
        until: Utc.with_ymd_and_hms(2026, 11, 3, 12, 0, 0).single().expect("time"),
        author: "wang".into(),
        comment: String::new(),
    }];
    for expected in [
        "overstock P1 New (silenced by wang until 2026-11-03 12:00 UTC)",
        "overstock P1 Ongoing (silenced by wang until 2026-11-03 12:00 UTC)",
        "overstock P1 Ongoing*",
    ] {
        world.night(&[(&rule, vec![stock("P1", 0.4), stock("P2", 0.4)])]);
        let seen = world.seen();
        assert!(seen.contains(&expected.to_string()), "{seen:?}");
        assert!(seen.iter().any(|line| line.starts_with("overstock P2") && line.ends_with('*')), "{seen:?}");
    }
    // A silence without matchers would hush everything: it counts for nothing.
    world.silences[0].matchers.clear();
    world.silences[0].until = Utc.with_ymd_and_hms(2027, 1, 1, 0, 0, 0).single().expect("time");
    world.night(&[(&rule, vec![stock("P1", 0.4)])]);
    assert_eq!(world.seen().iter().filter(|line| line.contains("silenced")).count(), 0);
}

#[test]
fn what_happened_in_nights_without_mail_is_told_by_the_next() {
    let rule = rule("overstock", OVERSTOCK);
    let mut world = World::new();
    world.night(&[(&rule, vec![stock("P1", 0.4)])]);
    world.mails = false;
    world.night(&[(&rule, vec![stock("P2", 0.4)])]);
    assert_eq!(world.alerts.iter().filter(|alert| alert.mailed_at == Some(world.now())).count(), 0);
    world.mails = true;
    world.night(&[(&rule, vec![stock("P2", 0.4)])]);
    let mut seen = world.seen();
    seen.sort();
    assert_eq!(seen, ["overstock P1 Resolved*", "overstock P2 Ongoing*"]);
    world.night(&[(&rule, vec![stock("P2", 0.4)])]);
    assert_eq!(world.seen(), ["overstock P2 Ongoing*"]);
}

#[test]
fn what_nobody_was_told_is_not_taken_back_aloud() {
    let (stock_rule, missing) = (rule("overstock", OVERSTOCK), rule("missing_file", MISSING));
    let mut world = World::new();
    let file = row(serde_json::json!({ "partner_id": "P1", "feed": "sales" }));
    world.night(&[(&stock_rule, vec![stock("P1", 0.4)]), (&missing, vec![file])]);
    world.night(&[(&stock_rule, vec![]), (&missing, vec![])]);
    assert_eq!(world.seen(), ["missing_file sales/P1 Resolved*", "overstock P1 Resolved"]);
}

#[test]
fn rows_that_share_labels_count_once_whatever_their_order() {
    let rule = rule("overstock", OVERSTOCK);
    let rows = vec![stock("P1", 0.4), stock("P1", 0.6), stock("P1", 0.5)];
    let mut results = Vec::new();
    for turn in 0..3 {
        let mut world = World::new();
        let mut rows = rows.clone();
        rows.rotate_left(turn);
        let notes = world.night(&[(&rule, rows)]);
        assert_eq!(notes, ["alert overstock: 2 rows share the labels partner_id with a worse one and are left out"]);
        results.push(world.alerts);
    }
    assert_eq!(results[0][0].value, Some(0.6));
    assert!(results.iter().all(|alerts| *alerts == results[0]));
}

#[test]
fn bad_addresses_are_told_and_head_office_stands_in() {
    let rule = rule("overstock", OVERSTOCK);
    let mut world = World::new();
    let bad = row(serde_json::json!({ "partner_id": "P1", "rate": "0.5", "manager": "nobody\r\nBcc: x@y.z" }));
    let none = row(serde_json::json!({ "partner_id": "P2", "rate": null, "manager": null }));
    assert!(world.night(&[(&rule, vec![bad, none])]).is_empty());
    let told: Vec<&String> = world.unusable.values().collect();
    assert!(told[0].contains("is not a mail address") && !told[0].contains('\n'), "{told:?}");
    assert_eq!(told.len(), 1);
    assert!(world.alerts.iter().all(|alert| alert.owners == ["head@demo.example"]), "{:?}", world.alerts);
    let values: BTreeSet<String> = world.alerts.iter().map(|alert| format!("{:?}", alert.value)).collect();
    assert_eq!(values.into_iter().collect::<Vec<_>>(), ["None", "Some(0.5)"]);
}

#[test]
fn a_fingerprint_names_rule_and_labels_without_ambiguity() {
    let labels = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect::<BTreeMap<_, _>>()
    };
    let one = fingerprint("r", &labels(&[("a", "b,c")])).expect("hash");
    assert_eq!(one.len(), 64);
    assert_ne!(one, fingerprint("r", &labels(&[("a", "b"), ("c", "")])).expect("hash"));
    assert_ne!(one, fingerprint("s", &labels(&[("a", "b,c")])).expect("hash"));
}

use std::path::Path;

use super::*;
use crate::mail::parts;
use crate::state::record::RunStatus;

fn config(locale: &str) -> Config {
    let text = format!("[company]\nname = \"Demo\"\nlocale = \"{locale}\"\nhead_office = [\"hq@demo.example\"]\n");
    Config::parse(&text, Path::new("/x")).unwrap()
}

fn run() -> RunRecord {
    let at = "2026-11-22T22:30:00Z".parse().unwrap();
    RunRecord {
        run_id: "nightly-2026-11-22-ab".into(),
        job: "nightly".into(),
        logical_date: "2026-11-22".parse().unwrap(),
        started_at: at,
        ended_at: at,
        status: RunStatus::Warned,
        plan_fingerprint: String::new(),
        files: 2,
        rows_read: 0,
        rows_clean: 0,
        rows_rejected: 0,
        partitions_built: 0,
        partitions_reused: 0,
        store_requests: 0,
        statements: 0,
        marts: 0,
        alerts: 0,
        mails: 0,
        stage_ms: BTreeMap::new(),
        notes: Vec::new(),
        error: None,
    }
}

fn input(name: &str, status: InputStatus, clean: u64, rejected: u64) -> Input {
    let at = "2026-11-22T20:00:00Z".parse().unwrap();
    Input {
        sender: "p01".into(),
        feed: "sales".into(),
        sha256: name.into(),
        key: format!("p01/sales/{name}"),
        bytes: 1,
        etag: None,
        last_modified: at,
        delivered_at: at,
        period_start: None,
        period_end: None,
        status,
        reason: (status == InputStatus::Quarantined).then(|| "no column unit_price".into()),
        contract_fingerprint: String::new(),
        run_id: "nightly-2026-11-22-ab".into(),
        rows_read: clean + rejected,
        rows_clean: clean,
        rows_rejected: rejected,
        warnings: Vec::new(),
        drift: Vec::new(),
        staged: None,
        rejects: None,
        months: BTreeMap::new(),
        contents: BTreeMap::new(),
        first_date: None,
        last_date: None,
        named: None,
        marks: BTreeMap::new(),
        masked: Vec::new(),
        without: Vec::new(),
        resent_at: None,
        lost: false,
    }
}

fn refusal(line: i64, outcome: &str, reason: &str, found: &str) -> Refusal {
    Refusal {
        sender: "p01".into(),
        feed: "sales".into(),
        file: "p01/sales/a.csv".into(),
        line: Some(line),
        column: "quantity".into(),
        reason: reason.into(),
        found: found.into(),
        expected: "a whole number".into(),
        raw: String::new(),
        outcome: outcome.into(),
        delivered_at: None,
    }
}

fn written(locale: &str, files: &[&Input], refused: &[Refusal]) -> Reply {
    let headers =
        BTreeMap::from([("sales".to_string(), BTreeMap::from([("quantity".to_string(), "数量".to_string())]))]);
    let (config, run) = (config(locale), run());
    reply(&Account {
        config: &config,
        run: &run,
        now: run.started_at,
        sender: "p01",
        title: "华东<总>经销",
        contact: "data@p01.example",
        files,
        refused,
        headers: &headers,
    })
    .unwrap()
}

#[test]
fn a_partner_reads_what_counts_and_what_to_correct() {
    let (good, bad) = (input("a.csv", InputStatus::Active, 98, 12), input("b.csv", InputStatus::Quarantined, 0, 40));
    let mut refused: Vec<Refusal> = (1..=12).map(|n| refusal(n, "rejected", "malformed_number", "=1+x")).collect();
    refused.push(refusal(40, "held_back", "unknown_sku", "999"));
    let mail = written("en", &[&good, &bad], &refused);
    // 150 rows: 97 count, 12 + 40 are refused, 1 is held back
    assert_eq!(mail.subject, "[PLEASE CORRECT] 华东<总>经销: 53 rows do not count yet, 97 accepted · 11-22");
    for words in [
        "We received 2 files with 150 rows: 97 accepted, 52 refused, 1 held back. Files refused whole: 1.",
        "a.csv: 97 accepted, 12 refused, 1 held back",
        "b.csv: refused whole\n  no column unit_price",
        "a.csv · line 10 · 数量\n  found: =1+x · expected: a whole number",
        "the first 10; the sheet attached lists all 13 rows",
    ] {
        assert!(mail.text.contains(words), "{words}\n{}", mail.text);
    }
    assert!(!mail.text.contains("line 11"), "ten reasons, not more: {}", mail.text);
    assert!(mail.html.contains("华东&lt;总&gt;经销"), "what data says is never markup");
    let opened = parts::open(&mail.message).expect("our own message");
    assert_eq!((opened.text.trim(), opened.html.trim()), (mail.text.trim(), mail.html.trim()));
    let (name, sheet) = &opened.attachments[0];
    assert_eq!((name.as_str(), &sheet[..2]), ("refused_rows_2026-11-22.xlsx", &b"PK"[..]));
    let head = String::from_utf8_lossy(&mail.message).into_owned();
    assert!(head.contains("Reply-To: hq@demo.example\r\n"), "{head}");
    assert_ne!(mail.recipient_hash, recipient_hash("data@p01.example"), "a digest to the same address is another mail");
}

#[test]
fn a_clean_delivery_is_thanked_for_in_chinese() {
    let good = input("a.csv", InputStatus::Active, 98, 0);
    let mail = written("zh", &[&good], &[]);
    assert_eq!(mail.subject, "[已收到] 华东<总>经销：1 个文件，98 行全部接收 · 11-22");
    assert!(parts::open(&mail.message).expect("our own message").attachments.is_empty());
    assert_eq!(mail, written("zh", &[&good], &[]), "the same run gives the same bytes");
}

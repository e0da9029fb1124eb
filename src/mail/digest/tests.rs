use std::path::Path;

use chrono::TimeZone as _;

use super::*;
use crate::mail::rule::{Row, Texts};
use crate::report::Standing;

const RULES: &str = r#"
[overstock.alert]
severity = "warning"
labels = ["partner_id"]
value = "overstock_rate"
value_format = "percent"
owners = ["manager"]
[overstock.alert.name_text]
en = "overstock"
zh = "库存积压"
[overstock.alert.title]
en = "{{ name }} holds {{ overstock_rate | percent }} more stock than it needs"
zh = "{{ name }}库存超出需求 {{ overstock_rate | percent }}"
[overstock.alert.reason]
en = "{{ value | money }} on hand against a need of {{ need | money }}; {{ skus }} SKU are over"
zh = "在库 {{ value | money }}，需求 {{ need | money }}；{{ skus }} 个 SKU 超量"
[overstock.alert.advice]
en = "Pause supply of {{ top_sku }} and plan a promotion"
zh = "暂停供货 {{ top_sku }}，并安排一次促销"

[sales_anomaly.alert]
severity_column = "severity"
labels = ["channel_id"]
value = "gap"
value_format = "money"
owners = ["manager"]
history = "past"
[sales_anomaly.alert.name_text]
en = "sales anomaly"
zh = "销售异常"
[sales_anomaly.alert.title]
en = "{{ name }} net sales {{ change | signed_percent }} against the same day last week"
zh = "{{ name }}销售额 {{ change | signed_percent }}（较上周同日）"
[sales_anomaly.alert.value_label]
en = "below expectation"
zh = "低于预期"
[sales_anomaly.alert.comparison]
en = "{{ observed | money }} sold, {{ expected | money }} expected ({{ lower | money }} to {{ upper | money }})"
zh = "实际 {{ observed | money }}，预期 {{ expected | money }}（{{ lower | money }} 至 {{ upper | money }}）"
[sales_anomaly.alert.reason]
en = "{{ explanation }}"
zh = "{{ explanation }}"
[sales_anomaly.alert.advice]
en = "Ask the shop whether the listing is still live"
zh = "联系店铺运营，确认主推商品是否仍在架"

[missing_file.alert]
severity = "warning"
about = "delivery"
labels = ["partner_id", "feed"]
owners = ["manager"]
[missing_file.alert.name_text]
en = "missing file"
zh = "缺文件"
[missing_file.alert.title]
en = "{{ name }} has not sent its {{ feed }} file"
zh = "{{ name }}未发来 {{ feed }} 文件"
"#;

fn rules() -> BTreeMap<String, AlertRule> {
    let all: toml::Table = toml::from_str(RULES).expect("toml");
    let mut rules: BTreeMap<String, AlertRule> = all
        .iter()
        .map(|(name, sidecar)| {
            (
                name.clone(),
                AlertRule::from_sidecar(name, "sql/alerts/rule.toml", sidecar.as_table().expect("table"))
                    .expect("rule"),
            )
        })
        .collect();
    rules.insert("run_failed".into(), AlertRule::run_failed());
    rules
}

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 23, 5, 0).single().expect("time")
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, day).expect("date")
}

fn alert(rule: &str, labels: &[(&str, &str)], severity: &str, phase: AlertPhase, row: serde_json::Value) -> Alert {
    let row: Row = serde_json::from_value(row).expect("object");
    let value = rules().get(rule).and_then(|rule| rule.value.clone()).and_then(|column| row.get(&column)?.as_f64());
    Alert {
        rule: rule.into(),
        fingerprint: format!("{rule}{labels:?}"),
        labels: labels.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect(),
        severity: severity.into(),
        value,
        row,
        owners: vec!["wang.li@demo.example".into()],
        phase,
        since: if phase == AlertPhase::New { day(22) } else { day(19) },
        mailed_at: Some(now()),
        muted: None,
    }
}

fn overstock(partner: &str, name: &str, rate: f64, phase: AlertPhase) -> Alert {
    let row = serde_json::json!({ "name": name, "overstock_rate": rate, "value": 1_842_000.0, "need": 1_302_000.0,
        "skus": 17, "top_sku": "00871" });
    alert("overstock", &[("partner_id", partner)], "warning", phase, row)
}

fn anomaly(name: &str, phase: AlertPhase) -> Alert {
    let row = serde_json::json!({ "name": name, "gap": 384_000.0, "change": -0.234, "observed": 1_256_000.0,
        "expected": 1_640_000.0, "lower": 1_480_000, "upper": "1790000.0000",
        "explanation": "P014 京东旗舰店少卖 31.2 万（占缺口 81%），主要是 SKU 00871 与 00874",
        "past": "1580000;1620000;1700000;1910000;2050000;1640000;1610000;1590000;1650000;1720000;1880000;2010000;1630000;1256000" });
    alert("sales_anomaly", &[("channel_id", "ch_jd")], "critical", phase, row)
}

fn run(status: RunStatus) -> RunRecord {
    RunRecord {
        run_id: "nightly-2026-11-22-7f3a".into(),
        job: "nightly".into(),
        logical_date: day(22),
        started_at: now(),
        ended_at: now(),
        status,
        plan_fingerprint: String::new(),
        files: 34,
        rows_read: 12_345,
        rows_clean: 12_310,
        rows_rejected: 35,
        partitions_built: 0,
        partitions_reused: 0,
        statements: 0,
        marts: 10,
        alerts: 0,
        mails: 0,
        stage_ms: BTreeMap::new(),
        notes: vec![],
        error: None,
    }
}

fn reduction(name: Texts, because: Texts) -> Reduction {
    let marts = vec!["channel_kpis".into()];
    Reduction { feed: "market".into(), name, because: vec![because], marts, standing: Standing::Lacking }
}

fn headlines() -> Vec<Headline> {
    let past = |last: f64| (0..13).map(|n| last * (0.8 + 0.05 * f64::from((n * 5) % 7))).chain([last]).collect();
    vec![
        Headline {
            name: "合计".into(),
            value: 4_318_000.0,
            complete: true,
            previous: Some(4_655_000.0),
            history: past(4_318_000.0),
        },
        Headline {
            name: "京东旗舰店".into(),
            value: 1_256_000.0,
            complete: true,
            previous: Some(1_640_000.0),
            history: past(1_256_000.0),
        },
        Headline {
            name: "抖音直播间".into(),
            value: 2_207_000.0,
            complete: true,
            previous: Some(1_965_000.0),
            history: past(2_207_000.0),
        },
        Headline {
            name: "华东总经销".into(),
            value: 855_000.0,
            complete: true,
            previous: Some(855_100.0),
            history: vec![],
        },
        Headline { name: "校园便利店".into(), value: 9_240.5, complete: true, previous: None, history: vec![] },
    ]
}

/// One company, one night, one manager; each test changes what it is about.
struct World {
    config: Config,
    run: RunRecord,
    received: Received,
    alerts: Vec<Alert>,
    audiences: Vec<Audience>,
    data_as_of: Option<NaiveDate>,
    reduced: Vec<Reduction>,
}

impl World {
    fn new(locale: &str) -> Self {
        let text = format!("[company]\nlocale = \"{locale}\"\nhead_office = [\"wang.li@demo.example\"]");
        Self {
            config: Config::parse(&text, Path::new("/x")).expect("config"),
            run: run(RunStatus::Ok),
            received: Received { expected: 6, received: 6, missing: vec![] },
            alerts: vec![],
            audiences: vec![Audience { headlines: headlines(), ..audience("wang.li@demo.example") }],
            data_as_of: Some(day(22)),
            reduced: vec![],
        }
    }

    fn all(&self) -> Vec<Digest> {
        let rules = rules();
        digests(&Edition {
            config: &self.config,
            run: &self.run,
            now: now(),
            data_as_of: self.data_as_of,
            received: &self.received,
            rules: &rules,
            alerts: &self.alerts,
            audiences: &self.audiences,
            reduced: &self.reduced,
        })
        .expect("digests")
    }

    fn only(&self) -> Digest {
        let mut all = self.all();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    /// A night with a bit of everything.
    fn busy(locale: &str) -> Self {
        let mut world = Self::new(locale);
        world.config.company.head_office = vec!["head.office@demo.example".into()];
        world.audiences[0].scope = Some("华东".into());
        world.received = Received { expected: 6, received: 5, missing: vec!["苏州加盟店".into()] };
        world.reduced = vec![reduction(
            Texts { en: "market".into(), zh: "市场总量".into() },
            Texts { en: "never arrived and is read as empty".into(), zh: "从未收到，按空表计算".into() },
        )];
        world.run.notes = vec!["market: never arrived and is read as empty; reduces channel_kpis".into()];
        let mut known = overstock("P020", "宁波代理", 0.33, AlertPhase::Ongoing);
        known.mailed_at = None;
        let mut muted = overstock("P021", "苏州加盟店", 0.5, AlertPhase::Ongoing);
        muted.muted = Some("inhibited by missing_file".into());
        let missing = serde_json::json!({ "name": "苏州加盟店", "feed": "sales" });
        world.alerts = vec![
            overstock("P001", "华东总经销", 0.412, AlertPhase::Worse),
            overstock("P002", "杭州总经销", 0.61, AlertPhase::Ongoing),
            anomaly("京东旗舰店", AlertPhase::New),
            alert("missing_file", &[("partner_id", "P021"), ("feed", "sales")], "warning", AlertPhase::New, missing),
            overstock("P003", "南京经销商", 0.35, AlertPhase::New),
            overstock("P004", "无锡经销商", 0.34, AlertPhase::New),
            overstock("P005", "常州经销商", 0.33, AlertPhase::New),
            overstock("P006", "南通经销商", 0.32, AlertPhase::Ongoing),
            known,
            muted,
            overstock("P030", "上海直营店", 0.31, AlertPhase::Resolved),
        ];
        world
    }
}

fn audience(address: &str) -> Audience {
    Audience { address: address.into(), ..Audience::default() }
}

fn wang(all: Vec<Digest>) -> Digest {
    all.into_iter().find(|digest| digest.recipient == "wang.li@demo.example").expect("a digest for wang")
}

/// Compares with the committed picture of it; `UPDATE_GOLDEN=1` draws it anew.
fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mail/digest/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().expect("folder")).expect("folder");
        std::fs::write(&path, actual).expect("written");
    }
    let expected = std::fs::read_to_string(&path).expect("run once with UPDATE_GOLDEN=1");
    assert!(expected == actual, "{name} differs; UPDATE_GOLDEN=1 rewrites it, then look at the difference");
}

#[test]
fn a_busy_night_in_chinese() {
    let digest = wang(World::busy("zh").all());
    assert_eq!(digest.status, Status::Alert);
    assert_eq!(digest.subject, "[预警] 华东 京东旗舰店销售额 -23.4%（较上周同日） · 8 项异常 · 11-22");
    assert!(digest.preview.starts_with("8 项需要您关注，其中 1 项严重 · P014 京东旗舰店少卖"), "{}", digest.preview);
    golden("busy_zh.txt", &digest.text);
    golden("busy_zh.html", &digest.html);
}

#[test]
fn a_busy_night_in_english() {
    let mut world = World::busy("en");
    world.config.mail.rising_colour = "green".into();
    let digest = wang(world.all());
    assert!(digest.subject.starts_with("[ALERT] 华东 京东旗舰店 net sales -23.4% against"), "{}", digest.subject);
    assert!(digest.subject.ends_with(" · 8 findings · 11-22"), "{}", digest.subject);
    golden("busy_en.txt", &digest.text);
    golden("busy_en.html", &digest.html);
}

#[test]
fn all_well_is_said_too() {
    let digest = World::new("zh").only();
    assert_eq!((digest.status, digest.subject.as_str()), (Status::Ok, "[正常] 一切正常 · 11-22"));
    assert!(digest.text.contains("合作伙伴已到: 6/6"), "{}", digest.text);
    assert!(!digest.text.contains("静默"), "there is nothing to mute: {}", digest.text);
    golden("ok_zh.html", &digest.html);
    let digest = World::new("en").only();
    assert_eq!(digest.subject, "[OK] all is well · 11-22");
}

#[test]
fn only_missing_files_is_late_not_an_alert() {
    let mut world = World::new("zh");
    world.received = Received { expected: 6, received: 5, missing: vec!["苏州加盟店".into()] };
    let digest = world.only();
    assert_eq!(digest.subject, "[迟到] 5/6 家已到 · 缺 苏州加盟店 · 11-22");
    assert!(digest.text.contains("数据未到齐，缺 苏州加盟店；其余一切正常。"), "{}", digest.text);
    let row = serde_json::json!({ "name": "苏州加盟店", "feed": "sales" });
    world.alerts = vec![alert("missing_file", &[("partner_id", "P021")], "warning", AlertPhase::New, row)];
    assert_eq!(world.only().status, Status::Late);
    world.alerts.push(overstock("P001", "华东总经销", 0.4, AlertPhase::New));
    assert_eq!(world.only().status, Status::Alert);
}

#[test]
fn a_failed_run_says_whose_figures_stand() {
    let mut world = World::new("zh");
    world.run.status = RunStatus::ChecksFailed;
    world.data_as_of = Some(day(21));
    let row = serde_json::json!({ "job": "nightly", "logical_date": "2026-11-22", "advice": null,
        "error": "check unique(partner_id, month) of partner_kpis found 3 rows" });
    world.alerts = vec![
        alert("run_failed", &[("job", "nightly")], "critical", AlertPhase::New, row),
        Alert {
            muted: Some("inhibited by run_failed".into()),
            ..overstock("P001", "华东总经销", 0.4, AlertPhase::Ongoing)
        },
    ];
    let digest = world.only();
    assert_eq!(digest.subject, "[失败] 运行未完成，仍为 11-21 的数据 · 11-22");
    assert!(digest.text.contains("昨晚的处理没有完成。报表仍是 2026年11月21日 周六 的数据"), "{}", digest.text);
    assert!(digest.text.contains("tributary run nightly --date 2026-11-22"), "{}", digest.text);
    assert!(digest.text.contains("1 项暂不提示"), "{}", digest.text);
    assert!(!digest.text.contains("当日净销售额"), "figures of a night that was not published are not told");
    golden("failed_zh.html", &digest.html);
    world.data_as_of = None;
    assert_eq!(world.only().subject, "[失败] 运行未完成 · 11-22");
}

#[test]
fn the_worst_comes_first_and_the_rest_is_counted() {
    let digest = wang(World::busy("en").all());
    let place = |text: &str| digest.text.find(text).unwrap_or_else(|| panic!("{text} in\n{}", digest.text));
    let order =
        ["京东旗舰店 net sales", "华东总经销 holds", "南京经销商 holds", "无锡经销商 holds", "常州经销商 holds"];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "{}", digest.text);
    assert!(digest.text.contains("2 more: overstock 2."), "{}", digest.text);
    assert!(digest.text.contains("1 told before and unchanged: overstock 1."), "{}", digest.text);
    assert!(digest.text.contains("1 held back"), "{}", digest.text);
    assert!(digest.text.contains("== Resolved ==\n* 上海直营店 holds 31.0% more"), "{}", digest.text);
    assert!(
        !digest.text.contains("杭州总经销"),
        "ongoing findings come after new ones, and beyond the sixth are counted"
    );
}

#[test]
fn known_findings_alone_are_still_an_alert() {
    let mut world = World::new("en");
    world.alerts = vec![Alert { mailed_at: None, ..overstock("P001", "A", 0.4, AlertPhase::Ongoing) }];
    let digest = world.only();
    assert_eq!(digest.subject, "[ALERT] 1 finding unchanged · 11-22");
    assert!(digest.text.contains("Nothing new; 1 known finding as before."), "{}", digest.text);
}

#[test]
fn notes_for_information_are_no_alert() {
    let mut world = World::new("zh");
    world.alerts = vec![Alert { severity: "info".into(), ..overstock("P001", "A", 0.4, AlertPhase::New) }];
    let digest = world.only();
    assert_eq!((digest.status, digest.subject.as_str()), (Status::Ok, "[正常] 一切正常 · 11-22"));
    assert!(digest.text.contains("一切正常，另有 1 项提示。"), "{}", digest.text);
}

#[test]
fn everyone_gets_one_and_only_their_own() {
    let mut world = World::busy("zh");
    world.audiences.push(audience("Zhao@demo.example"));
    world.audiences.push(audience("not an address"));
    world.alerts[0].owners = vec!["qian@demo.example".into(), "ZHAO@demo.example".into()];
    let all = world.all();
    let people: Vec<&str> = all.iter().map(|digest| digest.recipient.as_str()).collect();
    assert_eq!(people, ["head.office@demo.example", "qian@demo.example", "wang.li@demo.example", "zhao@demo.example"]);
    for digest in &all {
        let told = digest.text.contains("华东总经销库存超出需求");
        assert_eq!(
            told,
            matches!(digest.recipient.as_str(), "qian@demo.example" | "zhao@demo.example"),
            "{}",
            digest.recipient
        );
    }
    assert_eq!(all[0].status, Status::Late, "{}", all[0].subject);
    let ids: BTreeSet<&str> = all.iter().map(|digest| digest.message_id.as_str()).collect();
    assert_eq!(ids.len(), all.len());
}

#[test]
fn data_becomes_neither_tags_nor_headers() {
    let mut world = World::new("en");
    let evil = "<script>alert(1)</script>\r\nBcc: all@evil.example \u{202e}{{ 7 * 7 }}";
    world.alerts = vec![overstock(evil, evil, 0.4, AlertPhase::New)];
    world.audiences[0].scope = Some(evil.into());
    world.audiences[0].headlines[0].name = evil.into();
    world.received = Received { expected: 2, received: 1, missing: vec![evil.into()] };
    let evil_texts = || Texts { en: evil.into(), zh: evil.into() };
    world.reduced = vec![reduction(evil_texts(), evil_texts())];
    world.run.notes = vec![evil.into(), evil.into()];
    let digest = world.only();
    assert!(!digest.html.contains("<script"), "{}", digest.html);
    assert!(digest.html.contains("&lt;script&gt;alert(1)"), "{}", digest.html);
    assert!(!digest.html.contains("49") || !digest.subject.contains("49"), "{}", digest.subject);
    assert!(!digest.subject.contains(['\r', '\n', '\u{202e}']), "{:?}", digest.subject);
    assert!(!digest.text.lines().any(|line| line.starts_with("Bcc:")), "{}", digest.text);
    let message = String::from_utf8(digest.message).expect("ascii");
    let head = message.split("\r\n\r\n").next().expect("head");
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
}

#[test]
fn a_finding_without_its_rule_is_still_told() {
    let mut world = World::new("zh");
    world.alerts =
        vec![alert("retired_rule", &[("partner_id", "P1")], "warning", AlertPhase::New, serde_json::json!({}))];
    assert!(world.only().text.contains("* retired_rule partner_id=P1 [警告, 新]"));
}

#[test]
fn the_same_night_gives_the_same_bytes() {
    assert_eq!(World::busy("zh").all(), World::busy("zh").all());
}

#[test]
fn rising_figures_have_the_colour_of_the_market() {
    let mut world = World::new("zh");
    let colour_of_rise = |html: &str| {
        let place = html.find("▲").expect("a rise");
        html[..place].rfind("color:").map(|at| html[at + 6..at + 13].to_string()).expect("its colour")
    };
    assert_eq!(colour_of_rise(&world.only().html), "#d1453b");
    world.config.mail.rising_colour = "green".into();
    assert_eq!(colour_of_rise(&world.only().html), "#2f9461");
}

#[test]
fn a_day_without_its_files_has_not_fallen() {
    for (language, said, fall) in [("zh", "数据未齐", "▼ 23.4%"), ("en", "not all in", "▼ 23.4%")] {
        let mut world = World::new(language);
        assert!(world.only().html.contains(fall));
        for audience in &mut world.audiences {
            audience.headlines[1].complete = false;
        }
        let digest = world.only();
        assert!(!digest.html.contains(fall) && digest.html.contains(said), "{}", digest.html);
        assert!(digest.text.contains(said), "{}", digest.text);
    }
}

#[test]
fn an_owed_mail_names_its_message() {
    let digest = World::new("zh").only();
    let owed = digest.owed("outbox/r/h.eml".into(), "r", now());
    assert_eq!(
        (owed.recipient_hash, owed.body),
        (recipient_hash("wang.li@demo.example"), "outbox/r/h.eml".to_string())
    );
}

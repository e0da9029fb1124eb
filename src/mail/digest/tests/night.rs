//! The company and the night that the digests of these tests are written from.

use std::path::Path;

use chrono::{NaiveDate, TimeZone as _};

use super::*;
use crate::config::Config;
use crate::mail::edition::{Headline, Received, Scope};
use crate::mail::reduction::{Reduction, Standing};
use crate::mail::rule::{AlertRule, Row, Texts};
use crate::state::record::{Alert, AlertPhase, RunRecord, RunStatus};

pub(crate) const RULES: &str = r#"
[overstock.alert]
severity = "warning"
labels = ["partner_id"]
value = "overstock_rate"
value_format = "percent"
owners = ["manager"]
[overstock.alert.name_text]
en = "overstock"
zh = "库存积压"
[overstock.alert.subject]
en = "{{ name }}: {{ value | money }} stock"
zh = "{{ name }}积压 {{ value | money }}"
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
never_first = { column = "metric", is = "average_price" }
[sales_anomaly.alert.name_text]
en = "sales anomaly"
zh = "销售异常"
[sales_anomaly.alert.subject]
en = "{{ name }} sales {{ change | signed_percent }}"
zh = "{{ name }}销售额 {{ change | signed_percent }}"
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

pub(crate) fn rules() -> BTreeMap<String, AlertRule> {
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

pub(crate) fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 23, 5, 0).single().expect("time")
}

pub(crate) fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, day).expect("date")
}

pub(crate) fn alert(
    rule: &str,
    labels: &[(&str, &str)],
    severity: &str,
    phase: AlertPhase,
    row: serde_json::Value,
) -> Alert {
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
        absent_nights: 0,
    }
}

pub(crate) fn overstock(partner: &str, name: &str, rate: f64, phase: AlertPhase) -> Alert {
    let row = serde_json::json!({ "name": name, "overstock_rate": rate, "value": 1_842_000.0, "need": 1_302_000.0,
        "skus": 17, "top_sku": "00871" });
    alert("overstock", &[("partner_id", partner)], "warning", phase, row)
}

pub(crate) fn missing(partner: &str, name: &str) -> Alert {
    let row = serde_json::json!({ "name": name, "feed": "sales" });
    alert("missing_file", &[("partner_id", partner), ("feed", "sales")], "warning", AlertPhase::New, row)
}

pub(crate) fn anomaly(name: &str, phase: AlertPhase) -> Alert {
    let row = serde_json::json!({ "name": name, "metric": "net_sales", "gap": 384_000.0, "change": -0.234, "observed": 1_256_000.0,
        "expected": 1_640_000.0, "lower": 1_480_000, "upper": "1790000.0000",
        "explanation": "P014 京东旗舰店少卖 31.2 万（占缺口 81%），主要是 SKU 00871 与 00874",
        "past": "1580000;1620000;1700000;1910000;2050000;1640000;1610000;1590000;1650000;1720000;1880000;2010000;1630000;1256000" });
    alert("sales_anomaly", &[("channel_id", "ch_jd")], "critical", phase, row)
}

pub(crate) fn run(status: RunStatus) -> RunRecord {
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
        store_requests: 0,
        statements: 0,
        marts: 10,
        alerts: 0,
        mails: 0,
        stage_ms: BTreeMap::new(),
        notes: vec![],
        error: None,
    }
}

pub(crate) fn reduction(name: Texts, because: Texts) -> Reduction {
    let marts = vec!["channel_kpis".into()];
    Reduction { feed: "market".into(), name, because: vec![because], marts, standing: Standing::Lacking }
}

/// A figure of the day with its fortnight.
pub(crate) fn figure(scope: Scope, name: &str, value: f64, previous: Option<f64>) -> Headline {
    let history = (0..13).map(|n| value * (0.8 + 0.05 * f64::from((n * 5) % 7))).chain([value]).collect();
    Headline { scope, name: name.into(), value: Some(value), complete: true, previous, history }
}

pub(crate) fn headlines() -> Vec<Headline> {
    let bare = |line: Headline| Headline { history: vec![], ..line };
    vec![
        figure(Scope::Total, "合计", 4_318_000.0, Some(4_655_000.0)),
        figure(Scope::Channel, "京东旗舰店", 1_256_000.0, Some(1_640_000.0)),
        figure(Scope::Channel, "抖音直播间", 2_207_000.0, Some(1_965_000.0)),
        bare(figure(Scope::Partner, "华东总经销", 855_000.0, Some(855_100.0))),
        bare(figure(Scope::Partner, "校园便利店", 9_240.5, None)),
    ]
}

/// One company, one night, one manager; each test changes what it is about.
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) run: RunRecord,
    pub(crate) received: Received,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) audiences: Vec<Audience>,
    pub(crate) data_as_of: Option<NaiveDate>,
    pub(crate) readers_at: Option<NaiveDate>,
    pub(crate) reduced: Vec<Reduction>,
    pub(crate) evidence: BTreeMap<String, Vec<Row>>,
}

impl World {
    pub(crate) fn new(locale: &str) -> Self {
        let text = format!("[company]\nlocale = \"{locale}\"\nhead_office = [\"wang.li@demo.example\"]");
        Self {
            config: Config::parse(&text, Path::new("/x")).expect("config"),
            run: run(RunStatus::Ok),
            received: Received { expected: 6, received: 6, missing: vec![] },
            alerts: vec![],
            audiences: vec![Audience { headlines: headlines(), ..audience("wang.li@demo.example") }],
            data_as_of: Some(day(22)),
            readers_at: None,
            reduced: vec![],
            evidence: BTreeMap::new(),
        }
    }

    pub(crate) fn all(&self) -> Vec<Digest> {
        self.digests().written
    }

    pub(crate) fn digests(&self) -> Digests {
        digests(&self.edition(&rules()))
    }

    pub(crate) fn edition<'a>(&'a self, rules: &'a BTreeMap<String, AlertRule>) -> Edition<'a> {
        Edition {
            config: &self.config,
            run: &self.run,
            now: now(),
            data_as_of: self.data_as_of,
            readers_at: self.readers_at,
            received: &self.received,
            rules,
            alerts: &self.alerts,
            evidence: &self.evidence,
            audiences: &self.audiences,
            reduced: &self.reduced,
        }
    }

    pub(crate) fn only(&self) -> Digest {
        let mut all = self.all();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    /// A night with a bit of everything.
    pub(crate) fn busy(locale: &str) -> Self {
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
        world.alerts = vec![
            overstock("P001", "华东总经销", 0.412, AlertPhase::Worse),
            overstock("P002", "杭州总经销", 0.61, AlertPhase::Ongoing),
            anomaly("京东旗舰店", AlertPhase::New),
            missing("P021", "苏州加盟店"),
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

/// Somebody with so many channels and partners that not all of them fit, and every finding with texts as long as they come.
pub(crate) fn crowded(locale: &str, channels: usize, partners: usize) -> World {
    let mut world = World::busy(locale);
    let long = "华东区域总经销商有限责任公司上海浦东新区分公司";
    let line = |scope, n: usize| {
        let value = 10_000.0 + 371.0 * f64::from(u32::try_from(n).expect("small"));
        figure(scope, &format!("{long}{n:03}"), value, Some(value * 1.3))
    };
    world.audiences[0].headlines = [figure(Scope::Total, "合计", 4_318_000.0, Some(4_655_000.0))]
        .into_iter()
        .chain((0..channels).map(|n| line(Scope::Channel, n)))
        .chain((0..partners).map(|n| line(Scope::Partner, n + 100)))
        .collect();
    let mut alerts = Vec::new();
    for n in 0..partners {
        let name = format!("{long}{n:03}");
        alerts.push(overstock(&format!("P{n:03}"), &name, 0.4, AlertPhase::New));
        alerts.push(missing(&format!("P{n:03}"), &name));
        let mut fall = anomaly(&name, AlertPhase::New);
        fall.fingerprint = format!("anomaly {n}");
        fall.row.insert("explanation".into(), long.repeat(20).into());
        alerts.push(fall);
    }
    world.alerts = alerts;
    world
}

pub(crate) fn audience(address: &str) -> Audience {
    Audience { address: address.into(), ..Audience::default() }
}

pub(crate) fn wang(all: Vec<Digest>) -> Digest {
    all.into_iter().find(|digest| digest.recipient == "wang.li@demo.example").expect("a digest for wang")
}

/// Compares with the committed picture of it; `UPDATE_GOLDEN=1` draws it anew.
pub(crate) fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mail/digest/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().expect("folder")).expect("folder");
        std::fs::write(&path, actual).expect("written");
    }
    let expected = std::fs::read_to_string(&path).expect("run once with UPDATE_GOLDEN=1");
    assert!(expected == actual, "{name} differs; UPDATE_GOLDEN=1 rewrites it, then look at the difference");
}

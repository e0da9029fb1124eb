mod night;

use super::*;
use crate::mail::edition::Received;
use crate::mail::rule::Texts;
use crate::state::record::{Alert, AlertPhase, RunStatus};
use night::*;

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

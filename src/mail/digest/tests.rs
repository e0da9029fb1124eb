pub(crate) mod night;
mod wishes;

use super::*;
use crate::mail::edition::{Headline, Received, Scope, rank};
use crate::mail::rule::Texts;
use crate::state::record::{Alert, AlertPhase, RunStatus};
use night::*;

#[test]
fn a_busy_night_in_chinese() {
    let digest = wang(World::busy("zh").all());
    assert_eq!(digest.status, Status::Alert);
    // The other figures hang on the file that is missing.
    assert_eq!(digest.subject, "[预警] 华东 苏州加盟店未发来 sales 文件");
    assert!(digest.preview.starts_with("8 项需要您关注，其中 1 项严重"), "{}", digest.preview);
    golden("busy_zh.txt", &digest.text);
    golden("busy_zh.html", &digest.html);
    // bars stand within the cells of figures, so the rule of their own cells is named by both
    assert!(digest.html.contains("\n.c td,.f .c td{"), "bars stand on their line and do not hang from it");
}

#[test]
fn a_busy_night_in_english() {
    let mut world = World::busy("en");
    world.config.mail.rising_colour = "green".into();
    let digest = wang(world.all());
    assert_eq!(digest.subject, "[ALERT] missing file +7 more · 22 Nov");
    golden("busy_en.txt", &digest.text);
    golden("busy_en.html", &digest.html);
}

#[test]
fn all_well_is_said_too() {
    let digest = World::new("zh").only();
    assert_eq!((digest.status, digest.subject.as_str()), (Status::Ok, "[正常] 一切正常 · 11月22日"));
    assert!(digest.text.contains("发送方已到: 6/6"), "{}", digest.text);
    assert!(!digest.text.contains("静默"), "there is nothing to mute: {}", digest.text);
    golden("ok_zh.html", &digest.html);
    let digest = World::new("en").only();
    assert_eq!(digest.subject, "[OK] all is well · 22 Nov");
}

#[test]
fn only_missing_files_is_late_not_an_alert() {
    let mut world = World::new("zh");
    world.received = Received { expected: 6, received: 5, missing: vec!["苏州加盟店".into()] };
    let digest = world.only();
    assert_eq!(digest.subject, "[迟到] 5/6 家已到 · 缺 苏州加盟店");
    assert!(digest.text.contains("数据未到齐，缺 苏州加盟店；没有其他需要您处理的事。"), "{}", digest.text);
    world.alerts = vec![missing("P021", "苏州加盟店")];
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
    assert_eq!(digest.subject, "[失败] 运行未完成，仍为11月21日的数据");
    assert!(digest.text.contains("昨晚的处理没有完成。报表仍是 2026年11月21日 周六 的数据"), "{}", digest.text);
    assert!(digest.text.contains("tributary run nightly --date 2026-11-22"), "{}", digest.text);
    assert!(digest.text.contains("1 项暂不提示"), "{}", digest.text);
    assert!(!digest.text.contains("当日净销售额"), "figures of a night that was not published are not told");
    golden("failed_zh.html", &digest.html);
    world.data_as_of = None;
    assert_eq!(world.only().subject, "[失败] 运行未完成 · 11月22日");
}

#[test]
fn a_mail_of_an_earlier_date_says_what_the_reports_show() {
    let mut world = World::new("zh");
    assert!(!world.only().text.contains("报表仍为"));
    world.readers_at = Some(day(24));
    let digest = world.only();
    assert!(digest.text.contains("报表仍为"), "{}", digest.text);
    assert!(digest.text.contains("2026年11月24日"), "{}", digest.text);
    assert!(digest.text.contains("本邮件仅述上述日期"), "{}", digest.text);
    let mut world = World::new("en");
    world.readers_at = Some(day(24));
    assert!(world.only().text.contains("this mail is of the earlier date alone"), "{}", world.only().text);
}

#[test]
fn the_worst_comes_first_and_the_rest_is_counted() {
    let digest = wang(World::busy("en").all());
    let place = |text: &str| digest.text.find(text).unwrap_or_else(|| panic!("{text} in\n{}", digest.text));
    let order = [
        "苏州加盟店 has not sent",
        "京东旗舰店 net sales",
        "华东总经销 holds",
        "the first of 6: overstock",
        "- 南京经销商 holds",
        "- 无锡经销商 holds",
        "- 常州经销商 holds",
        "- 杭州总经销 holds",
    ];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "{}", digest.text);
    assert!(digest.text.contains("1 told before and unchanged: overstock 1."), "{}", digest.text);
    assert!(digest.text.contains("1 held back"), "{}", digest.text);
    assert!(digest.text.contains("== Resolved ==\n* 上海直营店 holds 31.0% more"), "{}", digest.text);
}

#[test]
fn a_rule_with_many_findings_takes_one_place_and_what_has_none_is_counted() {
    let mut world = World::busy("en");
    world.config.mail.finding_rows_max = 2;
    let text = wang(world.all()).text;
    assert!(text.contains("the first of 6: overstock; 3 not listed"), "{text}");
    assert!(text.contains("- 无锡经销商 holds") && !text.contains("常州经销商 holds"), "{text}");
    world.config.mail.findings_max = 2;
    let text = wang(world.all()).text;
    assert!(!text.contains("华东总经销 holds") && text.contains("6 more: overstock 6."), "{text}");
    // As many as a rule may have are told one by one.
    world.config.mail.findings_max = 8;
    world.config.mail.findings_per_rule_max = 6;
    let text = wang(world.all()).text;
    assert!(!text.contains("the first of") && text.matches("Pause supply of").count() == 6, "{text}");
}

#[test]
fn what_costs_most_comes_first_whatever_unit_it_is_measured_in() {
    let mut rules = rules();
    for (name, column) in [("overstock", "value"), ("sales_anomaly", "gap")] {
        rules.get_mut(name).expect("rule").at_stake = Some(column.into());
    }
    let stock = |partner: &str, phase, stake: f64| {
        let mut alert = overstock(partner, partner, 0.9, phase);
        alert.row.insert("value".into(), stake.into());
        alert
    };
    let mut fall = anomaly("shop", AlertPhase::New);
    fall.severity = "warning".into();
    let row = serde_json::json!({ "name": "late", "feed": "sales" });
    let alerts = [
        stock("small", AlertPhase::New, 1_000.0),
        fall,
        stock("large", AlertPhase::Ongoing, 900_000.0),
        alert("sales_anomaly", &[("channel_id", "info")], "info", AlertPhase::New, serde_json::json!({ "gap": 1e9 })),
        alert("missing_file", &[("partner_id", "late")], "warning", AlertPhase::New, row),
        Alert { severity: "critical".into(), ..stock("critical", AlertPhase::New, 5.0) },
    ];
    let mut sorted: Vec<&Alert> = alerts.iter().collect();
    sorted.sort_by(|one, other| rank(&rules, one).partial_cmp(&rank(&rules, other)).expect("no NaN"));
    let order: Vec<&str> = sorted.iter().map(|alert| alert.labels.values().next().map_or("", String::as_str)).collect();
    // Files first, for the other figures depend on them; then critical; then 900,000 before 384,000 before 1,000.
    assert_eq!(order, ["late", "critical", "large", "ch_jd", "small", "info"]);
}

#[test]
fn known_findings_alone_are_still_an_alert() {
    let mut world = World::new("en");
    world.alerts = vec![Alert { mailed_at: None, ..overstock("P001", "A", 0.4, AlertPhase::Ongoing) }];
    let digest = world.only();
    assert_eq!(digest.subject, "[ALERT] 1 finding unchanged · 22 Nov");
    assert!(digest.text.contains("Nothing new; 1 known finding as before."), "{}", digest.text);
}

#[test]
fn notes_for_information_are_no_alert() {
    let mut world = World::new("zh");
    world.alerts = vec![Alert { severity: "info".into(), ..overstock("P001", "A", 0.4, AlertPhase::New) }];
    let digest = world.only();
    assert_eq!((digest.status, digest.subject.as_str()), (Status::Ok, "[正常] 一切正常 · 11月22日"));
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
    assert_eq!(colour_of_rise(&world.only().html), "#c0392b");
    world.config.mail.rising_colour = "green".into();
    assert_eq!(colour_of_rise(&world.only().html), "#22784b");
    // Nothing said, the reader's own.
    assert_eq!(colour_of_rise(&World::new("en").only().html), "#22784b");
}

#[test]
fn a_quiet_day_a_week_ago_makes_no_percentage() {
    let mut world = World::new("en");
    let day = |previous| Headline {
        history: vec![1_000.0, 1_000.0, 1_000.0],
        ..figure(Scope::Channel, "Shop", 1_000.0, Some(previous))
    };
    world.audiences[0].headlines = vec![day(99.0)];
    assert!(!world.only().text.contains('▲'), "{}", world.only().text);
    world.audiences[0].headlines = vec![day(100.0)];
    assert!(world.only().text.contains("▲ 900.0%"), "{}", world.only().text);
}

#[test]
fn a_subject_is_short_and_never_cut() {
    let mut world = World::new("zh");
    for (partner, subject) in [
        ("星光店", "[预警] 星光店销售额 -23.4% · 11月22日"),
        ("华东总经销上海分公司", "[预警] 华东总经销上海分公司销售额 -23.4%"),
        ("华东区域总经销商有限责任公司上海分公司", "[预警] 销售异常 ¥38.4 万 · 11月22日"),
    ] {
        world.alerts = vec![anomaly(partner, AlertPhase::New)];
        assert_eq!(world.only().subject, subject);
    }
    // One among several: how many goes before the name does.
    world.alerts = vec![anomaly("华东总经销上海分公司", AlertPhase::New), overstock("P1", "A", 0.4, AlertPhase::New)];
    assert_eq!(world.only().subject, "[预警] 华东总经销上海分公司销售额 -23.4%");
    let mut world = World::new("en");
    world.alerts = vec![anomaly("A very long name of a partner in the east of the country", AlertPhase::New)];
    assert_eq!(world.only().subject, "[ALERT] sales anomaly ¥384.0K · 22 Nov");
    world.alerts.clear();
    world.received =
        Received { expected: 12, received: 9, missing: ["East", "West", "North"].map(String::from).to_vec() };
    assert_eq!(world.only().subject, "[LATE] waiting for East and 2 more");
    for locale in ["zh", "en"] {
        for world in [World::busy(locale), crowded(locale, 10, 200)] {
            for digest in world.all() {
                let columns = unicode_width::UnicodeWidthStr::width(digest.subject.as_str());
                assert!(columns <= 40 && !digest.subject.contains('…'), "{columns}: {}", digest.subject);
            }
        }
    }
}

#[test]
fn no_mail_begins_with_an_average_price() {
    let mut world = World::new("zh");
    let mut price = anomaly("京东旗舰店", AlertPhase::New);
    price.row.insert("metric".into(), "average_price".into());
    world.alerts = vec![price.clone(), overstock("P001", "华东总经销", 0.4, AlertPhase::New)];
    let digest = world.only();
    assert_eq!(digest.subject, "[预警] 华东总经销积压 ¥184.2 万 等 2 项");
    assert!(digest.text.find("华东总经销") < digest.text.find("京东旗舰店销售额"), "{}", digest.text);
    world.alerts = vec![price];
    let digest = world.only();
    assert_eq!(digest.subject, "[预警] 1 项异常 · 11月22日");
    assert!(!digest.text.contains("== 首要 =="), "{}", digest.text);
}

#[test]
fn the_list_of_sales_has_ten_lines_with_the_worst_change_first() {
    let digest = wang(crowded("zh", 2, 40).all());
    let list = digest.text.split("== 当日净销售额").nth(1).expect("the list");
    let lines: Vec<&str> = list.lines().filter(|line| line.contains('▼')).collect();
    assert_eq!(lines.len(), 10, "{list}");
    assert!(lines[0].starts_with("合计"), "{list}");
    // A fall by three tenths of the largest sales is the worst.
    assert!(lines[1].contains("139:"), "{list}");
    assert!(lines[8].starts_with("其余 2 个渠道: ¥2.04 万") && lines[9].starts_with("其余 33 家伙伴"), "{list}");
    // What a channel's only partner sold is said once.
    let mut world = World::new("en");
    world.audiences[0].headlines =
        [Scope::Channel, Scope::Partner].map(|scope| figure(scope, "Shop", 5.0, None)).to_vec();
    assert_eq!(world.only().text.matches("Shop: ¥5.00").count(), 1);
}

#[test]
fn the_largest_mails_are_not_clipped() {
    for (channels, partners) in [(2, 40), (10, 200)] {
        for locale in ["zh", "en"] {
            let digest = wang(crowded(locale, channels, partners).all());
            let mail = mailparse::parse_mail(&digest.message).expect("a mail");
            let html = mail.parts().find(|part| part.ctype.mimetype == "text/html").expect("a page");
            let encoded = html.raw_bytes.len();
            assert!(encoded <= 75 * 1024, "{channels} channels, {partners} partners, {locale}: {encoded} bytes");
            assert_eq!(digest.html.matches("<style").count(), 1);
        }
    }
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
fn a_day_of_which_nothing_is_there_is_not_nothing_sold() {
    let mut world = World::new("en");
    let line = figure(Scope::Channel, "Franchise", 855_000.0, Some(855_000.0));
    world.audiences[0].headlines = vec![Headline { value: None, complete: false, history: vec![], ..line }];
    let digest = world.only();
    assert!(digest.text.contains("Franchise: —  not all in"), "{}", digest.text);
    assert!(!digest.text.contains("¥0.00"), "{}", digest.text);
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

#[test]
fn one_that_cannot_be_written_is_nobody_elses_loss() {
    let mut world = World::busy("zh");
    for address in ["not an address", "x@[127.0.0.1]"] {
        world.audiences.push(audience(address));
    }
    let all = world.digests();
    assert_eq!(all.unwritten.keys().map(String::as_str).collect::<Vec<_>>(), ["not an address", "x@[127.0.0.1]"]);
    assert!(all.unwritten["x@[127.0.0.1]"].contains("is not a mail address"), "{:?}", all.unwritten);
    assert_eq!(all.written.len(), 2, "wang and head office have theirs");
}

#[test]
fn a_mail_that_cannot_be_composed_says_so_in_plain_words() {
    let world = World::new("zh");
    let rules = rules();
    let edition = world.edition(&rules);
    let fault = Error::bug("mail template cannot be written").at("<digest>");
    let digest = apology(&edition, &world.audiences[0], &fault).expect("a plain mail");
    assert_eq!(digest.subject, "[失败] 您的日报未能生成 · 11月22日");
    assert!(digest.text.contains("mail template cannot be written"), "{}", digest.text);
    assert!(digest.html.contains("&lt;digest&gt;") && !digest.html.contains("<digest>"), "{}", digest.html);
}

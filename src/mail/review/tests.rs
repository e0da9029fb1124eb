use std::path::Path;

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::*;
use crate::config::Config;
use crate::mail::digest::tests::night::{golden, now, run};
use crate::mail::month::{Issue, Lines};
use crate::mail::rule::Row;
use crate::state::record::{RunRecord, RunStatus};

const HEAD_OFFICE: &str = "head.office@demo.example";
const CHEN: &str = "chen@demo.example";
const LI: &str = "li@demo.example";

fn rows(rows: Value) -> Vec<Row> {
    serde_json::from_value(rows).expect("rows")
}

/// Two channels with three partners; the month closes a quarter.
#[expect(clippy::too_many_lines, reason = "a table of rows")]
fn lines() -> Lines {
    let sold = |kind: &str, id: &str, name: &str, people: [Value; 2], amounts: [Value; 3], grown: [Value; 2]| {
        let ([partner_manager, channel_manager], [net_sales, before, year], [on_month, on_year]) =
            (people, amounts, grown);
        let value = net_sales.as_f64().expect("an amount");
        let history = (0..12).map(|n| value * (0.7 + 0.05 * f64::from((n * 5) % 7))).chain([value]);
        let history: Vec<String> = history.map(|amount| format!("{amount:.4}")).collect();
        json!({
            "entity_type": kind, "entity_id": id, "name": name, "partner_manager": partner_manager,
            "channel_manager": channel_manager, "net_sales": net_sales, "month_before_net_sales": before,
            "year_before_net_sales": year, "sales_growth_mom": on_month, "sales_growth_yoy": on_year,
            "target": value * 1.25, "attainment": 0.8, "history": history.join(";"),
        })
    };
    let none = || Value::Null;
    let placed = |kind: &str, name: &str, people: [Value; 2], class: [&str; 4], figures: [f64; 3], moved: [bool; 3]| {
        let ([partner_manager, channel_manager], [en, zh, before_en, before_zh]) = (people, class);
        let (kind_zh, [net_sales, growth, share], [is_moved, is_down, is_exit]) =
            (if kind == "channel" { "渠道" } else { "伙伴" }, figures, moved);
        let place = ["star", "cash cow", "question mark", "dog"].iter().position(|one| *one == en);
        json!({
            "entity_type": kind, "entity_type_en": kind, "entity_type_zh": kind_zh, "entity_name": name, "quarter": "2026-Q3",
            "net_sales": net_sales, "growth": growth, "growth_cut": 0.1, "share": share, "share_cut": 0.5,
            "place": place, "class_en": en, "class_zh": zh, "previous_class_en": before_en,
            "previous_class_zh": before_zh, "is_moved": is_moved, "is_down": is_down, "is_exit": is_exit,
            "partner_manager": partner_manager, "channel_manager": channel_manager,
        })
    };
    let (star, cow, dog) = (["star", "明星类"], ["cash cow", "金牛类"], ["dog", "瘦狗类"]);
    let from = |now: [&'static str; 2], before: [&'static str; 2]| [now[0], now[1], before[0], before[1]];
    Lines {
        sales: rows(json!([
            sold(
                "channel",
                "c1",
                "经销商",
                [none(), CHEN.into()],
                [1_200_000.into(), 1_000_000.into(), 900_000.into()],
                [0.2.into(), 0.3333.into()]
            ),
            sold(
                "channel",
                "c2",
                "直播",
                [none(), none()],
                [400_000.into(), 500_000.into(), none()],
                [(-0.2).into(), none()]
            ),
            sold(
                "partner",
                "p1",
                "华东总经销",
                [LI.into(), CHEN.into()],
                [700_000.into(), 600_000.into(), 500_000.into()],
                [0.1667.into(), 0.4.into()]
            ),
            sold(
                "partner",
                "p2",
                "华南总经销",
                [LI.into(), CHEN.into()],
                [500_000.into(), 400_000.into(), 400_000.into()],
                [0.25.into(), 0.25.into()]
            ),
            sold(
                "partner",
                "p3",
                "星光直播间",
                [none(), none()],
                [400_000.into(), 500_000.into(), none()],
                [(-0.2).into(), none()]
            ),
        ])),
        classes: rows(json!([
            placed(
                "channel",
                "经销商",
                [none(), CHEN.into()],
                from(cow, star),
                [3_300_000.0, 0.05, 0.7],
                [true, true, false]
            ),
            placed("channel", "直播", [none(), none()], from(dog, dog), [1_400_000.0, -0.1, 0.3], [false, false, true]),
            placed(
                "partner",
                "华东总经销",
                [LI.into(), CHEN.into()],
                from(star, star),
                [1_900_000.0, 0.3, 0.6],
                [false, false, false]
            ),
        ])),
        cards: rows(json!([
            { "partner_name": "华东总经销", "quarter": "2026-Q3", "score": "88.40", "grade": "A", "previous_grade": "A", "is_down": false,
              "is_up": false, "advice_en": "develop", "advice_zh": "重点发展", "partner_manager": LI, "channel_manager": CHEN },
            { "partner_name": "华南总经销", "quarter": "2026-Q3", "score": "66.00", "grade": "C", "previous_grade": "B", "is_down": true,
              "is_up": false, "advice_en": "agree on a plan to improve", "advice_zh": "制定改进计划", "partner_manager": LI,
              "channel_manager": CHEN },
        ])),
        rebates: rows(json!([
            { "partner_id": "p1", "partner_name": "华东总经销", "plan_id": "R-2026", "period": "2026-Q3", "period_end": "2026-09-30", "rebate_due": "84000.0000", "paid_amount": "50000.0000",
              "owed_amount": "34000.0000", "deducted_amount": "0.0000", "finality": "final", "partner_manager": LI, "channel_manager": CHEN },
            { "partner_id": "p1", "partner_name": "华东总经销", "plan_id": "R-2026", "period": "2026-Q2", "period_end": "2026-06-30", "rebate_due": "6000.0000",
              "paid_amount": "0.0000", "owed_amount": "6000.0000", "rebate_due_with_growth": "12000.0000", "finality": "growth_unknown",
              "partner_manager": LI, "channel_manager": CHEN },
            { "partner_id": "p2", "partner_name": "华南总经销", "plan_id": "R-2026", "period": "2026-09", "period_end": "2026-09-30", "rebate_due": "9000.0000", "paid_amount": null,
              "owed_amount": "9000.0000", "deducted_amount": "1000.0000", "finality": "proposed", "partner_manager": LI, "channel_manager": CHEN },
        ])),
    }
}

struct World {
    config: Config,
    run: RunRecord,
    people: Vec<String>,
    lines: Lines,
    month: NaiveDate,
}

impl World {
    fn new(locale: &str) -> Self {
        let text = format!("[company]\nlocale = \"{locale}\"\nhead_office = [\"{HEAD_OFFICE}\"]");
        Self {
            config: Config::parse(&text, Path::new("/x")).expect("config"),
            run: RunRecord { logical_date: "2026-09-30".parse().expect("a date"), ..run(RunStatus::Ok) },
            people: [HEAD_OFFICE, CHEN, LI, "wu@demo.example"].map(String::from).to_vec(),
            lines: lines(),
            month: "2026-09-01".parse().expect("a date"),
        }
    }

    fn all(&self) -> Digests {
        reviews(&Issue {
            config: &self.config,
            run: &self.run,
            now: now(),
            month: self.month,
            people: &self.people,
            lines: &self.lines,
        })
    }

    fn of(&self, address: &str) -> Digest {
        self.all().written.into_iter().find(|digest| digest.recipient == address).expect("a review")
    }
}

#[test]
fn a_month_that_closes_a_quarter_in_both_languages() {
    for (locale, subject) in
        [("zh", "[月报] 9月净销售额 ¥160.0 万 同比 +77.8%"), ("en", "[MONTH] Sep net sales ¥1.60M, +77.8% yoy")]
    {
        let digest = World::new(locale).of(HEAD_OFFICE);
        golden(&format!("review_{locale}.txt"), &digest.text);
        golden(&format!("review_{locale}.html"), &digest.html);
        assert_eq!(digest.subject, subject);
        let message = String::from_utf8(digest.message).expect("ascii");
        assert!(message.contains("X-Tributary-Status: review"), "{message}");
    }
}

#[test]
fn everybody_reads_of_their_own() {
    let world = World::new("zh");
    let chen = world.of(CHEN).text;
    // His channel, whose two partners have sold 1,200,000; the others' are nobody's of his.
    assert!(chen.contains("9月净销售额 ¥120.0 万，环比 +20.0%，同比 +33.3%。"), "{chen}");
    assert!(chen.contains("* 经销商: ¥120.0 万  ▲ 20.0%"), "{chen}");
    assert!(chen.contains("华南总经销: C  ▼  (66.0 分)") && chen.contains("待付返利: ¥4.90 万"), "{chen}");
    assert!(!chen.contains("直播"), "{chen}");
    assert!(chen.contains("* 华东总经销: ¥4.00 万\n  2026年二季度至2026年三季度，2 个期间，方案 R-2026 · 应付 ¥9.00 万 · 已付 ¥5.00 万"), "{chen}");
    assert!(chen.contains("若达标为 ¥1.20 万") && chen.contains("支付情况未知 · 已减去建议扣减 ¥1,000.00"), "{chen}");
    let li = world.of(LI).text;
    assert!(li.contains("* 华东总经销: ¥70.0 万") && li.contains("* 华南总经销: ¥50.0 万"), "{li}");
    assert!(!li.contains("* 经销商"), "{li}");
    // Of a channel with one partner the line is said once, and head office reads channels.
    let all = world.of(HEAD_OFFICE).text;
    assert!(all.contains("* 直播: ¥40.0 万  ▼ 20.0%") && !all.contains("星光直播间"), "{all}");
}

#[test]
fn a_silent_month_says_so() {
    let wu = World::new("zh").of("wu@demo.example");
    assert_eq!(wu.subject, "[月报] 9月没有销售记录");
    assert!(wu.text.contains("9月没有销售记录。") && !wu.text.contains("=="), "{}", wu.text);
    let mut world = World::new("en");
    world.lines = Lines::default();
    let digest = world.of(HEAD_OFFICE);
    assert_eq!(digest.subject, "[MONTH] no sales in Sep");
    assert!(digest.text.contains("No sales were reported for Sep."), "{}", digest.text);
}

#[test]
fn what_goes_by_the_quarter_waits_for_its_last_month() {
    let mut world = World::new("zh");
    world.month = "2026-10-01".parse().expect("a date");
    world.run.logical_date = "2026-11-03".parse().expect("a date");
    world.lines.classes.clear();
    world.lines.cards.clear();
    let text = world.of(HEAD_OFFICE).text;
    assert!(text.contains("随季末月份的月报发送") && !text.contains("矩阵 2026"), "{text}");
    assert!(text.contains("数据截至: 2026年11月3日"), "{text}");
    // The year is told where the reader might take it for another.
    world.month = "2026-12-01".parse().expect("a date");
    world.run.logical_date = "2027-01-02".parse().expect("a date");
    assert_eq!(world.of(HEAD_OFFICE).subject, "[月报] 2026年12月净销售额 ¥160.0 万");
}

#[test]
fn whoever_declined_it_gets_none_and_the_language_is_the_readers() {
    let mut world = World::new("zh");
    let wishes = "[recipients]\n\"chen@demo.example\" = { review = false }\n\"li@demo.example\" = { locale = \"en\", every = \"week\" }";
    world.config.recipients = Config::parse(wishes, Path::new("/x")).expect("settings").recipients;
    world.people.push("not an address".into());
    let all = world.all();
    let people: Vec<&str> = all.written.iter().map(|digest| digest.recipient.as_str()).collect();
    assert_eq!(people, [HEAD_OFFICE, LI, "wu@demo.example"]);
    assert!(all.unwritten.is_empty());
    assert!(world.of(LI).subject.starts_with("[MONTH] "));
    assert_ne!(world.of(LI).recipient_hash, recipient_hash(LI), "beside the nightly mail it is another mail");
}

#[test]
fn a_large_month_is_not_clipped_and_its_subject_fits() {
    for locale in ["zh", "en"] {
        let mut world = World::new(locale);
        let many = |rows: &[Row]| -> Vec<Row> {
            let long = "华东区域总经销商有限责任公司上海浦东新区分公司";
            let named = |n: usize, row: &Row| {
                let mut row = row.clone();
                for column in ["name", "partner_id", "partner_name", "entity_name"] {
                    if row.contains_key(column) {
                        row.insert(column.into(), format!("{long}{n}").into());
                    }
                }
                row
            };
            (0..200).flat_map(|n| rows.iter().map(move |row| named(n, row))).collect()
        };
        let lines = &world.lines;
        world.lines = Lines {
            sales: many(&lines.sales),
            classes: many(&lines.classes),
            cards: many(&lines.cards),
            rebates: many(&lines.rebates),
        };
        let digest = world.of(HEAD_OFFICE);
        let mail = mailparse::parse_mail(&digest.message).expect("a mail");
        let html = mail.parts().find(|part| part.ctype.mimetype == "text/html").expect("a page");
        assert!(html.raw_bytes.len() <= 75 * 1024, "{} bytes", html.raw_bytes.len());
        let columns = unicode_width::UnicodeWidthStr::width(digest.subject.as_str());
        assert!(
            columns <= 40 && digest.subject.contains("net sales") | digest.subject.contains("净销售额"),
            "{}",
            digest.subject
        );
        assert!(digest.text.lines().filter(|line| line.starts_with("* ")).count() <= 40, "{}", digest.text);
    }
}

//! What a digest offers besides its sentences, and what single people make of it.

use std::collections::BTreeSet;

use super::night::*;
use crate::config::Config;
use crate::state::record::{AlertPhase, RunStatus};

#[test]
fn a_finding_links_to_the_report_and_is_silenced_by_one_tap() {
    let mut world = World::new("en");
    world.alerts = vec![overstock("P 1&2", "A", 0.4, AlertPhase::New)];
    let html = world.only().html;
    assert!(!html.contains("Open in the report"), "{html}");
    let ask = "mailto:wang.li@demo.example?subject=silence%20overstock%20partner_id%3DP%201%262";
    assert!(html.contains(ask), "{html}");
    world.config.mail.report_url = "https://reports.example/{run_id}.html#{rule}-{finding}".into();
    world.config.mail.help_contact = "help@demo.example".into();
    let digest = world.only();
    let link = "https://reports.example/nightly-2026-11-22-7f3a.html#overstock-overstock%5B";
    assert!(digest.text.contains(link), "{}", digest.text);
    assert!(digest.html.contains("Open in the report") && digest.html.contains("mailto:help@demo.example?subject="));
    let message = String::from_utf8(digest.message).expect("ascii");
    assert!(message.contains("Reply-To: help@demo.example"), "{message}");
}

#[test]
fn charts_are_pictures_or_cells() {
    let mut world = World::busy("zh");
    let with = wang(world.all());
    let named = |tag: &str| tag.split('"').next().expect("a name").to_string();
    let images: Vec<String> = with.html.split("<img src=\"cid:").skip(1).map(named).collect();
    assert!(images.len() >= 4, "{images:?}");
    assert!(!with.html.contains("class=\"c\""));
    let mail = mailparse::parse_mail(&with.message).expect("a mail");
    let pictures = mail.parts().filter(|part| part.ctype.mimetype == "image/png").count();
    // Lines of one shape are one picture.
    let shapes: BTreeSet<String> = images.into_iter().collect();
    assert_eq!(pictures, shapes.len(), "each goes with the mail");
    for tag in with.html.split("<img ").skip(1) {
        let tag = tag.split('>').next().expect("a tag");
        assert!(tag.contains("width=\"") && tag.contains("height=\"") && !tag.contains("alt=\"\""), "{tag}");
    }
    world.config.mail.charts = false;
    let without = wang(world.all());
    assert!(!without.html.contains("<img") && without.html.contains("class=\"c\""));
    assert!(!String::from_utf8(without.message).expect("ascii").contains("image/png"));
}

#[test]
fn everyone_is_told_what_they_want_how_often_and_in_their_language() {
    let mut world = World::busy("zh");
    let wish = |text: &str| {
        let text = format!("[recipients]\n\"wang.li@demo.example\" = {text}");
        Config::parse(&text, std::path::Path::new("/x")).expect("settings").recipients
    };
    world.config.recipients = wish("{ rules = [\"overs*\"], locale = \"en\" }");
    let digest = wang(world.all());
    assert!(
        digest.text.contains("holds 41.2% more stock") && !digest.text.contains("京东旗舰店 net sales"),
        "{}",
        digest.text
    );
    world.config.recipients = wish("{ severity = \"critical\" }");
    let digest = wang(world.all());
    assert!(digest.text.contains("京东旗舰店销售额") && !digest.text.contains("库存超出需求 41.2%"), "{}", digest.text);
    // Once a week: all that stands, also what was told before.
    world.config.recipients = wish("{ every = \"week\" }");
    let digest = wang(world.all());
    assert!(digest.text.contains("宁波代理") && digest.text.contains("每周一封"), "{}", digest.text);
    world.config.mail.weekly_on = "mon".into();
    assert!(world.all().iter().all(|digest| digest.recipient != "wang.li@demo.example"));
    world.run.status = RunStatus::Failed;
    assert!(
        world.all().iter().any(|digest| digest.recipient == "wang.li@demo.example"),
        "a failed run is told at once"
    );
    // A domain that mails may not go to.
    let mut world = World::busy("zh");
    world.config.mail.allowed_domains = vec!["other.example".into()];
    let all = world.digests();
    assert!(all.written.is_empty() && all.unwritten["wang.li@demo.example"].contains("mail.allowed_domains"));
}

//! One sender never stops another: what has a fault of its own is left out and told, the rest of the night runs.

use std::fs;

use tributary::mail::parts;

use crate::support::company::date;
use crate::support::world::{Outcome, World};

const BEFORE: &str = "2026-11-04";
const NIGHT: &str = "2026-11-05";

/// A company with one night behind it and a second one delivered.
fn world() -> World {
    let world = World::small();
    world.deliver_history(BEFORE);
    world.night(BEFORE).published();
    world.deliver_day(date(NIGHT));
    world
}

/// Rows of a partner's day in the published mart.
fn rows_of(world: &World, partner: &str, day: &str) -> usize {
    world.mart("sales_daily").find(&[("partner_id", partner), ("business_date", day)]).len()
}

/// The newest mail to head office.
fn mail(world: &World, night: &Outcome) -> String {
    let mails = world.mails();
    let newest =
        mails.iter().filter(|(name, _)| name.contains("hq@test.example")).max_by_key(|(name, _)| name.as_str());
    let (_, mail) = newest.unwrap_or_else(|| panic!("nobody was told: {night}"));
    parts::open(mail.as_bytes()).expect("our own message").text
}

#[test]
fn a_sender_whose_file_has_a_fault_is_left_out_and_told() {
    let whole = world();
    let sound = fs::read_to_string(whole.path("jobs/senders/p02.toml")).expect("the mapping");
    let cases: [(String, &str); 4] = [
        (format!("{sound}oops\n"), "p02.toml: line 7: "),
        (
            sound.replace("[feeds.sales]\n", "[feeds.sales]\nreject_limit = 3.0\n"),
            "p02.toml:3: feeds.sales: reject_limit is 3",
        ),
        (sound.replace("feeds.sales", "feeds.slaes"), "p02.toml:2: [feeds] names feed `slaes`"),
        (format!("{sound}sku = \"?\"\n"), "p02.toml:7: feeds.sales: columns.sku is still \"?\""),
    ];
    for (text, told) in cases {
        let world = whole.fork();
        world.write("jobs/senders/p02.toml", &text);
        let check = world.tributary(&["check"], &[]).expect(&[64]);
        assert!(check.stderr.contains(told), "{check}");
        let night = world.night(NIGHT).expect(&[1]);
        assert!(night.stdout.contains("p02 is left out") && night.stdout.contains(told), "{night}");
        assert!(
            !night.stdout.contains("p02 has not delivered") && !night.stdout.contains("belongs to no sender"),
            "{night}"
        );
        assert_eq!(rows_of(&world, "p02", NIGHT), 0, "{told}");
        assert!(rows_of(&world, "p01", NIGHT) > 0 && rows_of(&world, "p02", BEFORE) > 0, "the rest counts: {told}");
        let mail = mail(&world, &night);
        let (place, found) = told.split_once(": ").expect("place and fault");
        assert!(mail.contains("暂停接收") && mail.contains(place) && mail.contains(found), "{mail}");

        // Mended, what waits is taken, for the same date too.
        world.write("jobs/senders/p02.toml", &sound);
        world.night_again(NIGHT).published();
        assert!(rows_of(&world, "p02", NIGHT) > 0, "{told}");
    }
}

#[test]
fn a_file_that_two_senders_claim_is_nobodys_until_one_is_left() {
    let world = world();
    let before = rows_of(&world, "p02", BEFORE);
    world.write(
        "jobs/senders/p03.toml",
        "name = \"Third\"\n[feeds.sales]\npath = \"p02/sales/**\"\n[feeds.sales.columns]\n\
         partner_id = { constant = \"p01\" }\nchannel_id = { constant = \"ch_dist\" }\n",
    );
    let night = world.night(NIGHT).expect(&[1]);
    let told = "p02/sales/2026-11-05.csv of sender p03 cannot be taken: it is claimed by p02 (sales) and p03 (sales)";
    assert!(night.stdout.contains(told), "{night}");
    assert!(night.stdout.contains("narrow `path` in jobs/senders/p02.toml:2 or jobs/senders/p03.toml:3"), "{night}");
    assert_eq!(rows_of(&world, "p02", NIGHT), 0);
    assert_eq!(rows_of(&world, "p02", BEFORE), before, "what was taken in before counts, and once");
    assert!(rows_of(&world, "p01", NIGHT) > 0);
    fs::remove_file(world.path("jobs/senders/p03.toml")).expect("one is left");
    world.night_again(NIGHT).published();
    assert!(rows_of(&world, "p02", NIGHT) > 0);
    let honest = self::world();
    honest.night(NIGHT).published();
    assert_eq!(world.mart("sales_daily").hash(), honest.mart("sales_daily").hash());
}

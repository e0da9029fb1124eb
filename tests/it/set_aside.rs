//! One delivery never stops the others: what cannot fit is refused at the door, what breaks a model is found and set
//! aside, and a person can take a delivery out and bring it back.

use std::path::Path;

use tributary::mail::parts;

use crate::support::company::{date, sales_file};
use crate::support::world::{Outcome, PROJECT, World, copy_tree};

/// The small company with a mart of its own that takes the digits of a customer's number for granted.
fn with_own_model() -> World {
    let world = World::small();
    copy_tree(&Path::new(PROJECT).join("fixtures/small/sql"), &world.path("sql"));
    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    world.write("config.toml", &config.replace(&format!("{PROJECT}/fixtures/small/sql"), "sql"));
    world.write(
        "sql/staging/stg_buyers.sql",
        "select business_date, partner_id, customer_id, quantity from feeds.sales\n",
    );
    world.write("sql/staging/stg_buyers.toml", "key = [\"partner_id\"]\nmaterialised = \"view\"\n");
    world.write(
        "sql/marts/buyers.sql",
        "select partner_id, cast(arrow_cast(substr(customer_id, 2), 'Int64') as bigint) as customer_no,\n    \
         cast(sum(quantity) as bigint) as units\nfrom stg_buyers\ngroup by 1, 2\n",
    );
    world.write(
        "sql/marts/buyers.toml",
        "grain = \"partner and buyer\"\nkey = [\"partner_id\", \"customer_no\"]\nmaterialised = \"table\"\n\
         [description]\nen = \"Buyers\"\nzh = \"买家\"\n\
         [[columns]]\nname = \"partner_id\"\ntype = \"text\"\nen = \"Partner\"\nzh = \"伙伴\"\n\
         [[columns]]\nname = \"customer_no\"\ntype = \"bigint\"\nen = \"Buyer\"\nzh = \"买家\"\n\
         [[columns]]\nname = \"units\"\ntype = \"bigint\"\nen = \"Units\"\nzh = \"数量\"\n",
    );
    world
}

/// A day's file of a partner with one more buyer at its end, on line 8.
fn with_buyer(partner: &str, day: &str, customer: &str) -> String {
    let good = sales_file(partner, std::iter::once(date(day)), 0);
    let more = format!("{partner}-{day}-X,1,{day} 11:00:00,{customer},00017,5,48.00,0,CNY,Shanghai,sale\n");
    assert_eq!(good.lines().count(), 7, "the extra line is line 8");
    good + &more
}

/// What is told from now on, at 08:00 in Shanghai after a night.
fn ask(world: &World, day: &str, args: &[&str]) -> Outcome {
    world.tributary(args, &[("TRIBUTARY_NOW", &format!("{day}T23:59:00Z")), ("USER", "li.na")])
}

/// The last commit's set-aside records, as short texts.
fn recorded(world: &World) -> Vec<String> {
    let commits = world.commits();
    let asides = commits.last().map(|commit| commit.changes.set_aside.clone()).unwrap_or_default();
    asides.iter().map(|aside| format!("{}{}", aside.what(), if aside.ended { " ended" } else { "" })).collect()
}

#[test]
fn a_barcode_as_quantity_and_forty_absurd_prices_are_refused_at_the_door() {
    let world = World::small();
    world.deliver_history("2026-11-04");
    world.deliver_day(date("2026-11-05"));
    let barcode = with_buyer("p02", "2026-11-05", "c1").replace(",00017,5,", ",00017,6901234567892,");
    world.deliver("p02/sales/2026-11-05.csv", barcode, date("2026-11-05"));
    let header = "order_id,line_no,sold_at,customer_id,sku,quantity,unit_price\n";
    let row = |at: usize| format!("N{at},{at},2026-11-05 12:00:00,c1,00017,1,99999999999999\n");
    let absurd: String = (1..=40).map(row).collect();
    world.deliver("p02/sales/2026-11-05_b.csv", format!("{header}{absurd}"), date("2026-11-05"));
    world.night("2026-11-05").expect(&[1]);

    let told = ask(&world, "2026-11-05", &["rejects"]).expect(&[0]);
    for words in [
        "p02/sales/2026-11-05.csv",
        "line 8      quantity           above_maximum: found \"6901234567892\"; expected at most 9999999",
        "check the value, correct it and send the file again",
        "p02/sales/2026-11-05_b.csv",
    ] {
        assert!(told.stdout.contains(words), "{words}: {told}");
    }
    let clean = World::small();
    clean.deliver_history("2026-11-05");
    clean.night("2026-11-05").published();
    assert_eq!(world.mart("sales_daily").rows, clean.mart("sales_daily").rows, "all the good rows, and no other");
}

#[test]
fn a_line_that_breaks_a_model_is_set_aside_until_a_corrected_file_comes() {
    let world = with_own_model();
    world.deliver_history("2026-11-04");
    world.night("2026-11-04").published();
    world.deliver_day(date("2026-11-05"));
    world.deliver("p02/sales/2026-11-05.csv", with_buyer("p02", "2026-11-05", "c-x"), date("2026-11-05"));
    let night = world.night("2026-11-05").expect(&[1]);
    assert!(night.stdout.contains("p02/sales/2026-11-05.csv, line 8"), "{night}");
    assert_eq!(recorded(&world), ["p02/sales/2026-11-05.csv, line 8"]);
    let expected = with_own_model();
    expected.deliver_history("2026-11-05");
    expected.night("2026-11-05").published();
    let same = |marts: &[&str]| {
        for mart in marts {
            assert_eq!(world.mart(mart).rows, expected.mart(mart).rows, "{mart}");
        }
    };
    same(&["buyers", "sales_daily", "partner_totals"]);

    // Head office reads it, in both languages; so does whoever asks.
    let mails = world.mails();
    let texts = mails.values().map(|mail| parts::open(mail.as_bytes()).expect("a mail").text);
    let text = texts.filter(|text| text.contains("11月5日")).collect::<Vec<_>>().concat();
    for words in ["p02/sales/2026-11-05.csv", "第 8 行", "buyers", "tributary restore p02/sales/2026-11-05.csv"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    for command in [&["status"][..], &["rejects"], &["show", "last"]] {
        let told = ask(&world, "2026-11-05", command);
        assert!(told.stdout.contains("p02/sales/2026-11-05.csv"), "{told}");
        assert!(told.stdout.contains("line 8"), "{told}");
    }

    // Later nights know it, and do not look for it again.
    for (store, night) in [(&world, 1), (&expected, 0)] {
        store.deliver_day(date("2026-11-06"));
        store.night("2026-11-06").expect(&[night]);
    }
    assert_eq!(recorded(&world), Vec::<String>::new());
    same(&["buyers", "sales_daily", "partner_totals"]);
    let commits = world.commits().len();
    world.night_again("2026-11-06").published();
    assert_eq!(world.commits().len(), commits, "nothing is new");

    // The corrected file takes its place.
    for store in [&world, &expected] {
        store.deliver_day(date("2026-11-07"));
        store.deliver("p02/sales/2026-11-05.csv", with_buyer("p02", "2026-11-05", "c3"), date("2026-11-07"));
        store.night("2026-11-07").expect(&[0]);
    }
    assert_eq!(recorded(&world), ["p02/sales/2026-11-05.csv, line 8 ended"]);
    same(&["buyers", "sales_daily", "partner_totals"]);
}

/// Every row of one partner's file breaks the model: the file is set aside; the partner's earlier days stay.
#[test]
fn a_file_that_breaks_a_model_throughout_is_set_aside_whole_and_a_broken_model_is_left_out() {
    let world = with_own_model();
    world.deliver_history("2026-11-04");
    world.night("2026-11-04").published();
    world.deliver_day(date("2026-11-05"));
    let bad = sales_file("p02", std::iter::once(date("2026-11-05")), 0).replace(",c1,", ",zz,").replace(",c2,", ",zz,");
    let bad = bad.replace(",c3,", ",zz,");
    world.deliver("p02/sales/2026-11-05.csv", &bad, date("2026-11-05"));
    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    world.write("config.toml", &format!("{config}[aside]\nrows_max = 2\ntrials_max = 15\n"));
    world.night("2026-11-05").expect(&[1]);
    assert_eq!(recorded(&world), ["p02/sales/2026-11-05.csv"]);
    let daily = world.mart("sales_daily");
    let day = |partner: &str| daily.find(&[("business_date", "2026-11-05"), ("partner_id", partner)]).len();
    assert_eq!((day("p01") > 0, day("p02")), (true, 0));

    // A model that fails on whatever there is: no file is to blame, and none is set aside.
    let sql = std::fs::read_to_string(world.path("sql/marts/buyers.sql")).expect("the model");
    world.write("sql/marts/buyers.sql", &sql.replace("substr(customer_id, 2)", "customer_id"));
    world.deliver_day(date("2026-11-06"));
    let night = world.night("2026-11-06").expect(&[1]);
    assert!(night.stdout.contains("buyers is left out: sql/marts/buyers.sql"), "{night}");
    assert_eq!(recorded(&world), ["p02/sales/2026-11-05.csv ended"], "its reading has changed, so it is tried again");
}

#[test]
fn a_delivery_is_withdrawn_and_restored_by_hand() {
    let world = World::small();
    world.deliver_history("2026-11-05");
    let corrected = sales_file("p02", std::iter::once(date("2026-11-04")), 3);
    world.deliver("p02/sales/2026-11-04_v2.csv", corrected, date("2026-11-05"));
    world.night("2026-11-05").published();
    let with = world.hashes();
    let key = "p02/sales/2026-11-04_v2.csv";
    let wrong = ask(&world, "2026-11-05", &["withdraw", "p02/sales/2026-11-04_v3.csv"]).expect(&[64]);
    assert!(wrong.stderr.contains("did you mean p02/sales/2026-11-0"), "{wrong}");
    let nothing = ask(&world, "2026-11-05", &["restore", key]).expect(&[64]);
    assert!(nothing.stderr.contains("nothing is set aside of p02/sales/2026-11-04_v2.csv"), "{nothing}");

    // As if the correction had not come: what it replaced counts again.
    let done = ask(&world, "2026-11-05", &["withdraw", key, "--reason", "sent by mistake"]).expect(&[0]);
    assert!(done.stdout.contains("tributary restore p02/sales/2026-11-04_v2.csv"), "{done}");
    let twice = ask(&world, "2026-11-05", &["withdraw", key]).expect(&[64]);
    assert!(twice.stderr.contains("it is withdrawn already"), "{twice}");
    world.night_again("2026-11-05").published();
    let never = World::small();
    never.deliver_history("2026-11-05");
    never.night("2026-11-05").published();
    for mart in ["sales_daily", "partner_totals"] {
        assert_eq!(world.mart(mart).rows, never.mart(mart).rows, "{mart}");
    }
    let status = ask(&world, "2026-11-05", &["status"]).expect(&[0]);
    assert!(status.stdout.contains("withdrawn by li.na: sent by mistake"), "{status}");
    world.night_again("2026-11-05").published();
    assert_eq!(ask(&world, "2026-11-05", &["verify"]).expect(&[0]).code, Some(0));

    ask(&world, "2026-11-05", &["restore", key]).expect(&[0]);
    world.night_with("2026-11-05", &[], &[("TRIBUTARY_NOW", "2026-11-06T00:30:00Z")]).published();
    assert_eq!(world.hashes(), with, "as before");
    world.night_with("2026-11-05", &["--full-refresh"], &[("TRIBUTARY_NOW", "2026-11-06T01:30:00Z")]).published();
    assert_eq!(world.hashes(), with);

    // With an end, it comes back by itself.
    ask(&world, "2026-11-05", &["withdraw", key, "--until", "2026-11-07"]).expect(&[0]);
    for store in [&world, &never] {
        store.deliver_day(date("2026-11-06"));
        store.night("2026-11-06").published();
    }
    assert_eq!(world.mart("sales_daily").rows, never.mart("sales_daily").rows);
    for store in [&world, &never] {
        store.deliver_day(date("2026-11-07"));
        store.night("2026-11-07").published();
    }
    assert_ne!(world.mart("sales_daily").rows, never.mart("sales_daily").rows, "it counts again");
    assert_eq!(recorded(&world), [format!("{key} ended")]);
}

//! What was refused: shown with what to do, sent back as a sheet or by mail, and read again after a mended mapping.

use std::path::Path;

use tributary::mail::parts;

use crate::support::company::{date, sales_file};
use crate::support::marts::ten_thousandths;
use crate::support::world::{Outcome, World};

const NIGHT: &str = "2026-11-05";
const MARTS: &[&str] = &["sales_daily", "data_quality", "rejected_rows"];
const NOW: [(&str, &str); 1] = [("TRIBUTARY_NOW", "2026-11-05T23:00:00Z")];

/// Six lines of a day of p01: one with a broken quantity that looks like a formula, one of an article nobody knows.
fn dirty(day: &str) -> String {
    let good = sales_file("p01", std::iter::once(date(day)), 0);
    let mut lines: Vec<String> = good.lines().map(str::to_string).collect();
    let broken: Vec<&str> = lines[1].split(',').collect();
    let mut fields: Vec<String> = broken.iter().map(ToString::to_string).collect();
    fields[5] = "=2+3".into();
    let first = fields.join(",");
    let mut fields: Vec<String> = lines[2].split(',').map(str::to_string).collect();
    fields[4] = "ZZZ".into();
    let second = fields.join(",");
    lines[1] = first;
    lines[2] = second;
    lines.join("\n") + "\n"
}

fn world() -> World {
    let world = World::new(MARTS);
    world.deliver_history(NIGHT);
    world.deliver("p01/sales/2026-11-05.csv", dirty(NIGHT), date(NIGHT));
    // Refused whole: its sender calls the price otherwise than the mapping says.
    let other = sales_file("p02", std::iter::once(date(NIGHT)), 0).replace("unit_price", "成交价");
    world.deliver("p02/sales/2026-11-05.csv", other, date(NIGHT));
    world
}

fn rejects(world: &World, args: &[&str]) -> Outcome {
    world.tributary(&[&["rejects"], args].concat(), &NOW)
}

#[test]
fn refused_rows_are_shown_filtered_and_published() {
    let world = world();
    world.night(NIGHT).expect(&[1]);
    let all = rejects(&world, &[]).expect(&[0]);
    for words in [
        "2 rows refused: 1 by intake, 1 held back until what they name is known; 1 files refused whole",
        "malformed_number",
        "line 2      quantity           malformed_number: found \"=2+3\"; expected",
        "line 3      sku                unknown_sku: found \"ZZZ\"; expected an article of the products feed",
        "it counts by itself once our master data has it",
        "p02/sales/2026-11-05.csv",
        "unit_price",
    ] {
        assert!(all.stdout.contains(words), "{words}: {all}");
    }
    let held = rejects(&world, &["--reason", "unknown_sku"]).expect(&[0]);
    assert!(held.stdout.contains("ZZZ") && !held.stdout.contains("=2+3") && !held.stdout.contains("p02/"), "{held}");
    let none = rejects(&world, &["--partner", "p02", "--feed", "inventory"]).expect(&[0]);
    assert_eq!(none.stdout, "nothing is refused\n");
    let strange = rejects(&world, &["--sender", "nobody"]).expect(&[64]);
    assert!(strange.stderr.contains("senders are: hq, p01, p02"), "{strange}");
    let json = rejects(&world, &["--file", "p01/sales/2026-11-05", "--output", "json"]).expect(&[0]).json();
    assert_eq!((&json["rows_refused"], json["rows"].as_array().map(Vec::len)), (&2.into(), Some(2)), "{json}");

    let mart = world.mart("rejected_rows");
    assert_eq!(mart.rows.len(), 3, "{:?}", mart.rows);
    assert_eq!(mart.find(&[("outcome", "rejected"), ("found", "=2+3"), ("file_status", "active")]).len(), 1);
    assert_eq!(mart.find(&[("outcome", "held_back"), ("found", "ZZZ"), ("line", "3")]).len(), 1);
    assert_eq!(mart.find(&[("outcome", "file_refused"), ("sender", "p02"), ("line", "NULL")]).len(), 1);

    // The sheet: no cell that a spreadsheet runs, the refused file among its lines.
    let (csv, xlsx) = (world.path("p.csv").display().to_string(), world.path("p.xlsx").display().to_string());
    rejects(&world, &["--csv", &csv, "--xlsx", &xlsx]).expect(&[0]);
    let text = std::fs::read_to_string(&csv).expect("the sheet");
    assert!(text.starts_with("\u{feff}文件,行号,") && text.contains(",'=2+3,"), "{text}");
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(std::fs::read(Path::new(&xlsx)).expect("the workbook").starts_with(b"PK"));
}

#[test]
fn a_mended_mapping_heals_what_was_refused() {
    let world = world();
    world.night(NIGHT).expect(&[1]);
    let net = |world: &World| {
        let sales = world.mart("sales_daily");
        let at = sales.column("net_sales");
        let rows = sales.find(&[("business_date", NIGHT), ("partner_id", "p02")]);
        rows.iter().map(|row| ten_thousandths(&row[at])).sum::<i128>()
    };
    assert_eq!(net(&world), 0);
    let unchanged = rejects(&world, &["--replay"]).expect(&[0]);
    assert!(unchanged.stdout.contains("(but no run reads it again: mapping and limits are unchanged)"), "{unchanged}");
    assert!(unchanged.stdout.contains("nothing would change"), "{unchanged}");

    let path = world.path("jobs/senders/p02.toml");
    let mapping = std::fs::read_to_string(&path).expect("the mapping") + "unit_price = [\"unit_price\", \"成交价\"]\n";
    std::fs::write(&path, &mapping).expect("mended");
    let before = world.fingerprint();
    let replay = rejects(&world, &["--replay"]).expect(&[0]);
    assert!(replay.stdout.contains("1 files would change, +6 rows"), "{replay}");
    assert_eq!(world.fingerprint(), before, "saying what would change changes nothing");
    let json = rejects(&world, &["--replay", "--sender", "p02", "--output", "json"]).expect(&[0]).json();
    assert_eq!((&json[0]["changed"], &json[0]["would_be"]), (&true.into(), &serde_json::json!([6, 0])), "{json}");
    let night = world.night_again(NIGHT).published();
    assert!(night.stdout.contains("read_again   p02/sales/2026-11-05.csv"), "{night}");
    assert!(net(&world) > 0, "its rows count");
    assert!(rejects(&world, &["--sender", "p02"]).expect(&[0]).stdout.contains("nothing is refused"));

    // Rows refused by a mapping are read again too, and told; what counts is not given up for a broken mapping.
    let path = world.path("jobs/senders/p01.toml");
    let mapping = std::fs::read_to_string(&path).expect("the mapping");
    let sales = "[feeds.sales.columns]\n";
    let value = "[feeds.sales.columns]\nquantity = { column = \"quantity\", map = { \"=2+3\" = \"5\" } }\n";
    std::fs::write(&path, mapping.replacen(sales, value, 1)).expect("mended");
    let again = [("TRIBUTARY_NOW", "2026-11-06T00:30:00Z")];
    let healed = world.tributary(&["run", "nightly", "--date", NIGHT], &again).published();
    assert!(healed.stdout.contains("read_again   p01/sales/2026-11-05.csv"), "{healed}");
    let left = rejects(&world, &["--sender", "p01"]).expect(&[0]);
    assert!(left.stdout.contains("1 rows refused: 0 by intake, 1 held back"), "{left}");
    let whole = world.mart("sales_daily").hash();
    world.deliver("p01/sales/2026-11-04.csv", dirty("2026-11-04"), date("2026-11-06"));
    let again = [("TRIBUTARY_NOW", "2026-11-06T01:30:00Z")];
    world.tributary(&["run", "nightly", "--date", NIGHT], &again).published();
    assert_ne!(world.mart("sales_daily").hash(), whole);
}

#[test]
fn a_broken_mapping_takes_nothing_away() {
    let world = world();
    world.night(NIGHT).expect(&[1]);
    let before = world.mart("sales_daily").hash();
    let path = world.path("jobs/senders/p01.toml");
    let mapping = std::fs::read_to_string(&path).expect("the mapping");
    let sales = "[feeds.sales.columns]\n";
    std::fs::write(&path, mapping.replacen(sales, "[feeds.sales.columns]\nsku = \"no such header\"\n", 1))
        .expect("broken");
    let again = [("TRIBUTARY_NOW", "2026-11-06T00:30:00Z")];
    let night = world.tributary(&["run", "nightly", "--date", NIGHT], &again).published();
    let said = format!("{}{}", night.stdout, night.stderr);
    assert!(said.contains("so its 5 rows stay as they were read before"), "{night}");
    assert_eq!(world.mart("sales_daily").hash(), before);
}

#[test]
fn partners_get_an_answer_where_the_company_wants_it() {
    let world = world();
    let off = world.fork();
    off.night(NIGHT).expect(&[1]);
    assert!(off.mails().keys().all(|name| !name.contains("data@")), "off by default: {:?}", off.mails().keys());

    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    world.write("config.toml", &config.replace("[mail]\n", "[mail]\nreplies = \"refusals\"\n"));
    for sender in ["p01", "p02", "hq"] {
        let path = world.path(&format!("jobs/senders/{sender}.toml"));
        let mapping = std::fs::read_to_string(&path).expect("the mapping");
        std::fs::write(&path, format!("contact = \"data@{sender}.example\"\n{mapping}")).expect("a contact");
    }
    let night = world.night(NIGHT).expect(&[1]);
    let mails = world.mails();
    let mail = |name: &str| {
        let found = mails.iter().find(|(file, _)| file.contains(name));
        found.map_or_else(
            || panic!("no mail to {name}: {night}"),
            |(_, mail)| parts::open(mail.as_bytes()).expect("our own message"),
        )
    };
    let p01 = mail("data@p01.example");
    assert!(p01.text.contains("2026-11-05.csv · 第 2 行 · quantity"), "{}", p01.text);
    assert!(p01.text.contains("拒收 1 行，暂缓 1 行"), "{}", p01.text);
    assert_eq!(p01.attachments.len(), 1);
    assert!(mail("data@p02.example").text.contains("整个文件未能接收"));
    assert!(!mails.keys().any(|name| name.contains("data@hq")), "nothing of head office was refused");
    let owed: Vec<String> =
        world.commits().iter().flat_map(|commit| &commit.changes.owed).map(|mail| mail.recipient.clone()).collect();
    assert!(owed.contains(&"data@p01.example".to_string()), "owed by the night's commit: {owed:?}");
    let before = world.mails().len();
    world.night_again(NIGHT).expect(&[0]);
    assert_eq!(world.mails().len(), before, "nothing new, no mail");
}

/// A refusal by a limit lasts as long as the limit: the reason stays visible, a replay says what would be, and raising
/// the limit is all it takes.
#[test]
fn a_file_refused_by_a_limit_is_read_again_when_the_limit_is_raised() {
    let world = World::small();
    world.deliver_history(NIGHT);
    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    world.write("config.toml", &format!("{config}[intake]\nrows_max = 5\n"));
    world.night(NIGHT).expect(&[1]);
    let said = rejects(&world, &["--sender", "p02"]).expect(&[0]);
    assert!(said.stdout.contains("the file has more than 5 rows"), "{said}");
    let replay = rejects(&world, &["--replay", "--sender", "p02"]).expect(&[0]);
    assert!(replay.stdout.contains("nothing would change"), "{replay}");
    let same = world.night_again(NIGHT).expect(&[0]);
    assert!(same.stdout.contains("nothing new"), "{same}");

    world.write("config.toml", &format!("{config}[intake]\nrows_max = 1000\n"));
    let replay = rejects(&world, &["--replay", "--sender", "p02", "--file", "2026-11-05"]).expect(&[0]);
    assert!(replay.stdout.contains("1 files would change, +6 rows"), "{replay}");
    let healed = world.night_with(NIGHT, &[], &[("TRIBUTARY_NOW", "2026-11-06T00:30:00Z")]).published();
    assert!(healed.stdout.contains("read_again   p02/sales/2026-11-05.csv"), "{healed}");
    assert!(rejects(&world, &[]).expect(&[0]).stdout.contains("nothing is refused"));
    let sales = world.mart("sales_daily");
    assert!(!sales.find(&[("business_date", NIGHT), ("partner_id", "p02")]).is_empty());
}

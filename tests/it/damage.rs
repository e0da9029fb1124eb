//! Files of lake and marts that were lost, cut or changed after they were written. The next night mends them and goes on,
//! `verify --repair` does the same at once; what cannot be mended is set aside and told.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tributary::mail::parts;
use tributary::state::record::{CommitKind, InputStatus};

use crate::support::company::date;
use crate::support::world::{World, files_below};

const BEFORE: &str = "2026-11-04";
const NIGHT: &str = "2026-11-05";
/// After the night of `NIGHT`.
const NOW: [(&str, &str); 1] = [("TRIBUTARY_NOW", "2026-11-05T23:00:00Z")];

/// A company with one night behind it and a second one delivered.
fn two_nights() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let world = World::small();
        world.deliver_history(BEFORE);
        world.night(BEFORE).published();
        world.deliver_day(date(NIGHT));
        world
    })
}

/// What the second night publishes where nothing is wrong.
fn undisturbed() -> &'static BTreeMap<String, String> {
    static HASHES: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    HASHES.get_or_init(|| {
        let world = two_nights().fork();
        world.night(NIGHT).expect(&[0]);
        world.tributary(&["verify"], &NOW).expect(&[0]);
        world.hashes()
    })
}

/// The staged file of a delivery, as the newest commit that speaks of it says.
fn staged(world: &World, key: &str) -> PathBuf {
    let commits = world.commits();
    let mut inputs = commits.iter().rev().flat_map(|commit| &commit.changes.inputs);
    let input = inputs.find(|input| input.key == key).unwrap_or_else(|| panic!("{key} is in no commit"));
    world.path("lake").join(&input.staged.as_ref().expect("it has rows").key)
}

/// Harms a company; finds the mart of a month by what it is given.
type Break = fn(&World, &dyn Fn(&World, &str) -> PathBuf);

/// Ways in which a file gets lost.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Flipped,
    /// As disks do it: nothing but the bytes tells.
    Rotten,
    Cut,
    Lost,
}

fn harm(path: &Path, how: Harm) {
    let bytes = fs::read(path).expect("the file is there");
    let modified = fs::metadata(path).and_then(|meta| meta.modified()).expect("a modification time");
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 3] ^= 4;
    // Files of the marts are read-only.
    fs::remove_file(path).expect("removable");
    match how {
        Harm::Lost => {}
        Harm::Cut => fs::write(path, &bytes[..bytes.len() / 2]).expect("writable"),
        Harm::Flipped | Harm::Rotten => fs::write(path, flipped).expect("writable"),
    }
    if matches!(how, Harm::Rotten) {
        let file = fs::File::options().write(true).open(path).expect("the file");
        file.set_modified(modified).expect("a settable modification time");
    }
}

#[test]
fn staged_rows_that_were_lost_are_read_again_from_the_inbox() {
    for how in [Harm::Flipped, Harm::Rotten, Harm::Cut, Harm::Lost] {
        let world = two_nights().fork();
        let path = staged(&world, "p01/sales/2026-11-03.csv");
        let before = fs::read(&path).expect("staged");
        harm(&path, how);
        let night = world.night(NIGHT).expect(&[1]);
        let told = "it was read again and is what it was";
        assert!(night.stdout.contains(told) && night.stdout.contains("p01/sales/2026-11-03.csv"), "{how:?}: {night}");
        assert_eq!(fs::read(&path).expect("there again"), before, "{how:?}: the very bytes, under the same name");
        assert_eq!(&world.hashes(), undisturbed(), "{how:?}");
        assert!(world.commits().iter().all(|commit| commit.kind == CommitKind::Run), "{how:?}: no night was lost");
        world.tributary(&["verify"], &NOW).expect(&[0]);
    }
}

#[test]
fn rows_that_cannot_be_read_again_are_set_aside_until_they_come_again() {
    let file = "p01/sales/2026-10.csv";
    let world = two_nights().fork();
    let content = fs::read(world.path("inbox").join(file)).expect("delivered");
    harm(&staged(&world, file), Harm::Lost);
    world.withdraw(file);
    let night = world.night(NIGHT).expect(&[1]);
    let told = "p01/sales/2026-10.csv of sender p01 is set aside: its 186 rows were lost (its file in the lake is not \
                there), and the inbox does not hold it any more as it was delivered: have 华东总经销 deliver it again";
    assert!(night.stdout.contains(told) && night.stdout.contains("1 set_aside"), "{night}");
    let sales = |world: &World, partner: &str, day: &str| {
        world.mart("sales_daily").find(&[("partner_id", partner), ("business_date", day)]).len()
    };
    assert_eq!(sales(&world, "p01", "2026-10-10"), 0, "its rows count no more");
    for (partner, day) in [("p01", "2026-09-10"), ("p01", NIGHT), ("p02", "2026-10-10"), ("p02", NIGHT)] {
        assert!(sales(&world, partner, day) > 0, "everything else counts: {partner} {day}");
    }
    let mails = world.mails();
    let (_, mail) = mails.iter().filter(|(name, _)| name.contains("hq@test")).max().expect("head office is told");
    let mail = parts::open(mail.as_bytes()).expect("our own message").text;
    assert!(mail.contains("数据丢失") || mail.contains("在数据湖中丢失"), "{mail}");
    assert!(mail.contains("p01/sales/2026-10.csv") && mail.contains("186"), "{mail}");

    // The alert lasts, and so does everybody's data; nothing is tried in vain.
    world.deliver_day(date("2026-11-06"));
    world.night("2026-11-06").published();
    let refused = world.tributary(&["rejects", "--sender", "p01"], &[("TRIBUTARY_NOW", "2026-11-06T23:00:00Z")]);
    assert!(refused.stdout.contains("rows were lost (its file in the lake is not there)"), "{refused}");
    // The same file again, a month later, is all it takes.
    world.deliver(file, &content, date("2026-11-07"));
    world.deliver_day(date("2026-11-07"));
    world.night("2026-11-07").published();
    assert!(sales(&world, "p01", "2026-10-10") > 0);
    let honest = two_nights().fork();
    for day in ["2026-11-05", "2026-11-06", "2026-11-07"] {
        honest.deliver_day(date(day));
        honest.night(day).published();
    }
    assert_eq!(world.mart("sales_daily").hash(), honest.mart("sales_daily").hash());
}

/// When not a file is lost but the lake, no shrunken night takes the place of the good marts.
#[test]
fn a_night_that_has_lost_most_of_its_rows_stops() {
    let world = two_nights().fork();
    let before = world.hashes();
    fs::remove_dir_all(world.path("lake/staged/sales")).expect("the folder");
    fs::remove_dir_all(world.path("inbox/p01/sales")).expect("the folder");
    fs::remove_dir_all(world.path("inbox/p02/sales")).expect("the folder");
    let night = world.night(NIGHT).expect(&[3]);
    assert!(night.stdout.contains("run.lost_rows_share_max") && night.stdout.contains("verify --repair"), "{night}");
    assert_eq!(world.hashes(), before);
    assert_eq!(world.commits().last().map(|commit| commit.kind), Some(CommitKind::Failed));
    world.tributary(&["verify", "--repair"], &NOW).expect(&[2]);
    world.night_again(NIGHT).published();
    assert!(
        !world.marts().contains_key("sales_daily"),
        "asked for, it goes on without them: no month has rows any more"
    );
}

#[test]
fn lost_marts_are_built_again_by_the_next_night() {
    let mart = |world: &World, month: &str| {
        let files = files_below(&world.path("marts/sales_daily").join(month));
        let name = files.keys().find(|name| name.ends_with(".parquet")).expect("the month was published");
        world.path("marts/sales_daily").join(month).join(name)
    };
    let cases: [(&str, Break); 6] = [
        ("an older month lost", |world, mart| harm(&mart(world, "2026-09"), Harm::Lost)),
        ("an older month changed", |world, mart| harm(&mart(world, "2026-09"), Harm::Flipped)),
        ("the newest month cut", |world, mart| harm(&mart(world, "2026-11"), Harm::Cut)),
        ("an older month rotten, and read", |world, mart| {
            // One that is read again, because latest/ is to be made of it.
            harm(&mart(world, "2026-10"), Harm::Rotten);
            fs::remove_dir_all(world.path("marts/latest")).expect("the folder");
        }),
        ("all of the marts", |world, _| fs::remove_dir_all(world.path("marts")).expect("the folder")),
        ("all models in the lake", |world, _| fs::remove_dir_all(world.path("lake/models")).expect("the folder")),
    ];
    for (what, harm) in cases {
        let world = two_nights().fork();
        harm(&world, &mart);
        let night = world.night(NIGHT).published();
        assert_eq!(&world.hashes(), undisturbed(), "{what}: {night}");
        world.published_files();
        assert!(world.commits().iter().all(|commit| commit.kind == CommitKind::Run), "{what}");
        let verified = world.tributary(&["verify"], &NOW);
        assert_eq!(verified.code, Some(0), "{what}: {verified}");
        // The same date again: nothing is left to do.
        let again = world.night_again(NIGHT).expect(&[0]);
        assert!(again.stdout.contains("nothing new"), "{what}: {again}");
    }
}

/// Also a run that has nothing new to do mends what it finds.
#[test]
fn a_night_without_news_mends_too() {
    let world = two_nights().fork();
    world.night(NIGHT).expect(&[0]);
    harm(&world.path("marts/latest/partner_totals.parquet"), Harm::Lost);
    world.night_again(NIGHT).expect(&[0]);
    assert_eq!(&world.hashes(), undisturbed());
    fs::remove_dir_all(world.path("marts")).expect("the folder");
    let night = world.night_again(NIGHT).expect(&[1]);
    assert!(night.stdout.contains("files of models are not as they were written"), "{night}");
    assert_eq!(&world.hashes(), undisturbed());
}

#[test]
fn verify_tells_what_is_wrong_in_words_and_mends_it() {
    let world = two_nights().fork();
    world.night(NIGHT).expect(&[0]);
    let commits = world.commits().len();
    harm(&staged(&world, "p01/sales/2026-11-03.csv"), Harm::Rotten);
    harm(&staged(&world, "p02/sales/2026-10.csv"), Harm::Lost);
    world.withdraw("p02/sales/2026-10.csv");
    let files = files_below(&world.path("marts/sales_daily/2026-09"));
    harm(&world.path("marts/sales_daily/2026-09").join(files.keys().next().expect("a file")), Harm::Cut);
    harm(&world.path("marts/latest/partner_totals.parquet"), Harm::Rotten);
    let before = world.fingerprint();
    let found = world.tributary(&["verify"], &NOW).expect(&[2]);
    for told in [
        "rows of p01/sales/2026-11-03.csv (sender p01, staged/sales/p01/",
        "found  was damaged or changed after it was written",
        "since  some time after run nightly-2026-11-04-",
        "means  6 rows count and cannot be read",
        "to do  tributary verify --repair, or the next night: reads the file from the inbox again, or sets it aside",
        "mart sales_daily 2026-09 (sales_daily/2026-09/",
        "latest/partner_totals.parquet",
        "4 faults",
    ] {
        assert!(found.stdout.contains(told), "{told}: {found}");
    }
    assert_eq!(world.fingerprint(), before, "only told");

    let repaired = world.tributary(&["verify", "--repair"], &NOW).expect(&[2]);
    assert!(repaired.stdout.contains("4 faults, 1 of them could not be mended"), "{repaired}");
    assert!(repaired.stdout.contains("whoever sent it must deliver it again"), "{repaired}");
    let after = world.commits();
    let last = after.last().expect("a commit");
    assert_eq!((after.len(), last.kind), (commits + 1, CommitKind::Run), "one commit");
    let aside: Vec<&str> = last.changes.inputs.iter().map(|input| input.key.as_str()).collect();
    assert_eq!(aside, ["p02/sales/2026-10.csv"]);
    assert_eq!(last.changes.inputs[0].status, InputStatus::Quarantined);
    let whole = world.tributary(&["verify"], &NOW).expect(&[0]);
    assert!(whole.stdout.contains("all is as the commits say"), "{whole}");
    // What it mended is what an undisturbed night holds, but for the file that is lost.
    let sales = world.mart("sales_daily");
    assert!(sales.find(&[("partner_id", "p02"), ("business_date", "2026-10-10")]).is_empty());
    assert!(!sales.find(&[("partner_id", "p01"), ("business_date", "2026-09-10")]).is_empty());
    let mails = world.mails().len();
    world.night_again(NIGHT).published();
    assert!(world.mails().len() >= mails);

    // Where everything can be mended, it is as if nothing had been.
    let world = two_nights().fork();
    world.night(NIGHT).expect(&[0]);
    fs::remove_dir_all(world.path("marts")).expect("the folder");
    fs::remove_dir_all(world.path("lake/staged")).expect("the folder");
    world.tributary(&["verify"], &NOW).expect(&[2]);
    world.tributary(&["verify", "--repair"], &NOW).expect(&[1]);
    world.tributary(&["verify"], &NOW).expect(&[0]);
    assert_eq!(&world.hashes(), undisturbed());
}

/// What fails for another reason is on record even where files are lost.
#[test]
fn a_failure_is_recorded_whatever_is_lost() {
    let world = two_nights().fork();
    harm(&staged(&world, "p01/sales/2026-11-03.csv"), Harm::Lost);
    world.write("jobs/nightly.toml", "description = \"x\"\nat = \"06:30\"\nmarts = [\"no_such_mart\"]\n");
    let mails = world.mails().len();
    world.night(NIGHT).expect(&[3, 64]);
    let commits = world.commits();
    assert_eq!(commits.last().map(|commit| commit.kind), Some(CommitKind::Failed));
    assert!(world.mails().len() > mails, "head office is told");
    let status = world.tributary(&["status"], &NOW);
    assert_ne!(status.code, Some(0), "{status}");
}

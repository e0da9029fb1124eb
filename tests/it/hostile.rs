//! Nights with hostile files in the inbox: each is refused in words, in bounded memory, while everything else of
//! the night is done. One sender never stops another.

use std::io::Write;
use std::path::Path;

use crate::support::company::{self, date, sales_file};
use crate::support::marts::ten_thousandths;
use crate::support::s3::S3;
use crate::support::world::{Outcome, World, finish};

const NIGHT: &str = "2026-11-05";
/// Address space of the whole night, in KiB: what the program, its threads and the engine reserve, and no room for
/// a gigabyte more.
const NIGHT_KIB: u64 = 1_300_000;
/// What a reader of foreign formats may hold.
const READER_BYTES: u64 = 96 << 20;

/// A third sender beside the small company's two.
const HOSTILE: &str = "name = \"Hostile\"\n[feeds.sales]\npath = \"p66/sales/**\"\n[feeds.sales.columns]\n\
     partner_id = { constant = \"p01\" }\nchannel_id = { constant = \"ch_dist\" }\n[feeds.inventory]\n";

fn world() -> World {
    with_hostile(World::new(&["sales_daily", "deliveries", "runs"]))
}

fn with_hostile(world: World) -> World {
    world.write("jobs/senders/p66.toml", HOSTILE);
    world.deliver_history(NIGHT);
    world
}

/// Net sales of the day, in ten-thousandths, as published and as sent by both partners.
#[track_caller]
fn everybody_else_is_in(world: &World) {
    let sales = world.mart("sales_daily");
    let net = sales.column("net_sales");
    for partner in [company::DISTRIBUTOR, company::ROOM] {
        let rows = sales.find(&[("partner_id", partner), ("business_date", NIGHT)]);
        let published: i128 = rows.iter().map(|row| ten_thousandths(&row[net])).sum();
        let sent: i64 = company::lines(partner, date(NIGHT), 0).iter().map(company::Line::net).sum();
        assert_eq!(published, i128::from(sent) * 100, "{partner}");
    }
}

/// The night, with no more address space than this.
fn bounded(world: &World, kib: u64) -> Outcome {
    let now = format!("{NIGHT}T22:30:00Z");
    let inner = world.command(&["run", "nightly", "--date", NIGHT]);
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", &format!("ulimit -v {kib}; exec \"$0\" \"$@\"")])
        .arg(inner.get_program())
        .args(inner.get_args())
        .env_clear()
        .envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("TRIBUTARY_NOW", now)
        // what threads reserve must not depend on the machine's cores
        .env("MALLOC_ARENA_MAX", "2")
        .env("TOKIO_WORKER_THREADS", "2")
        .current_dir(world.path("."))
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    finish(command.spawn().expect("the binary starts"))
}

/// Every reason that the night gave, by file name.
#[track_caller]
fn refused(night: &Outcome, name: &str, reason: &str) {
    let said = night.stdout.replace('\n', " ");
    assert!(said.contains(name) && said.contains(reason), "{name} is not refused with {reason:?}: {night}");
}

/// One member of a zip archive, packed without ever being held.
fn zip_of(path: &Path, parts: &[(&str, &[u8], u64)]) {
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).expect("a file"));
    for (name, text, repeat) in parts {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).expect("a member");
        for _ in 0..*repeat {
            archive.write_all(text).expect("bytes");
        }
    }
    archive.finish().expect("an archive");
}

#[test]
fn large_and_deceitful_files_are_refused_in_bounded_memory() {
    let world = world();
    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    let engine = "[engine]\nmemory_bytes = 268435456\n";
    let intake = format!(
        "[intake]\nreader_memory_bytes = {READER_BYTES}\nunpacked_ratio_max = 1000000\nunpacked_bytes_max = 268435456\nfiles_at_once = 2\n"
    );
    world.write("config.toml", &config.replace("[engine]\n", &format!("{intake}{engine}")));
    let folder = world.path("inbox/p66/sales");
    std::fs::create_dir_all(&folder).expect("a folder");
    let header = "order_id,line_no,sold_at,sku,quantity,unit_price\n";

    // a line of a gigabyte: a hole in the file costs nothing to make, and is read like any other byte
    let line = folder.join("2026-11-01_line.csv");
    std::fs::write(&line, header).expect("a file");
    std::fs::File::options().append(true).open(&line).expect("the file").set_len(1 << 30).expect("a long file");
    // 400 MB of shared text in a workbook of half a megabyte
    let megabyte = vec![b'x'; 1 << 20];
    zip_of(
        &folder.join("2026-11-01_text.xlsx"),
        &[
            ("[Content_Types].xml", b"<Types/>", 1),
            ("xl/workbook.xml", b"<workbook/>", 1),
            ("xl/sharedStrings.xml", &megabyte, 400),
        ],
    );
    // a gigabyte of nothing, packed
    zip_of(&folder.join("2026-11-01_bomb.zip"), &[("a.csv", &vec![b'\n'; 1 << 20], 1 << 10)]);
    // Parquet whose one page says that it holds far more than the reader may
    std::fs::write(folder.join("2026-11-01_page.parquet"), wide_page()).expect("a file");

    let night = bounded(&world, NIGHT_KIB).expect(&[1]);
    everybody_else_is_in(&world);
    refused(
        &night,
        "2026-11-01_line.csv",
        "the record that starts in line 2 is longer than 1048576 bytes: is a quote not closed?",
    );
    refused(
        &night,
        "2026-11-01_text.xlsx",
        "part \"xl/sharedStrings.xml\" of the workbook unpacks to more than 67108864 bytes",
    );
    refused(
        &night,
        "2026-11-01_bomb.zip",
        "the zip data unpacks to more than 268435456 bytes, the most allowed for its size",
    );
    refused(
        &night,
        "2026-11-01_page.parquet",
        "the file cannot be read in 100663296 bytes of memory (intake.reader_memory_bytes), or is damaged; send it again, as CSV, or split",
    );
}

/// A small Parquet file that unpacks to one text of 160 MB.
fn wide_page() -> Vec<u8> {
    use arrow::array::{ArrayRef, LargeStringArray, RecordBatch};
    use parquet::basic::{Compression, ZstdLevel};
    let long = "x".repeat(160 << 20);
    let columns = [
        ("order_id", long.as_str()),
        ("line_no", "1"),
        ("sold_at", "2026-11-01"),
        ("sku", "00017"),
        ("quantity", "1"),
        ("unit_price", "1"),
    ];
    let columns =
        columns.map(|(name, text)| (name, std::sync::Arc::new(LargeStringArray::from_iter_values([text])) as ArrayRef));
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
        .build();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("a row");
    writer.into_inner().expect("a file")
}

#[cfg(unix)]
#[test]
fn names_that_cannot_be_used_are_told_and_nothing_else_stops() {
    use std::os::unix::ffi::OsStrExt;
    let world = world();
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("secret.csv"), "secret").expect("a file");
    let folder = world.path("inbox/p66/sales");
    std::fs::create_dir_all(folder.join("deep")).expect("a folder");
    let good = sales_file("p01", std::iter::once(date("2026-11-01")), 1);
    std::fs::write(folder.join("2026-11-01.csv"), &good).expect("a file");
    for name in ["a\nBcc: x@test.example\n.csv", "b\r.csv", "c\u{7}.csv", "\u{1b}[31m.csv"] {
        std::fs::write(folder.join(name), &good).expect("a file");
    }
    let raw = std::ffi::OsStr::from_bytes(b"d\xff.csv");
    std::fs::write(folder.join(raw), &good).expect("a file");
    std::os::unix::fs::symlink(outside.path().join("secret.csv"), folder.join("e.csv")).expect("a link");
    std::os::unix::fs::symlink("/does/not/exist", folder.join("f.csv")).expect("a link");
    std::os::unix::fs::symlink(folder.join(".."), folder.join("deep/loop")).expect("a link");
    std::os::unix::fs::symlink(outside.path(), world.path("inbox/p66/inventory")).expect("a link");
    std::fs::create_dir_all(world.path("inbox/evil\nfolder")).expect("a folder");

    let night = world.night(NIGHT).expect(&[1]);
    everybody_else_is_in(&world);
    let said = [
        r#""p66/sales/a\nBcc: x@test.example\n.csv" of sender p66 cannot be taken: its name has a control character; rename the file"#,
        r#""p66/sales/b\r.csv" of sender p66 cannot be taken: its name has a control character; rename the file"#,
        r#""p66/sales/c\u{7}.csv" of sender p66 cannot be taken: its name has a control character; rename the file"#,
        r#""p66/sales/\u{1b}[31m.csv" of sender p66 cannot be taken: its name has a control character; rename the file"#,
        "\"p66/sales/d\u{fffd}.csv\" of sender p66 cannot be taken: its name is not UTF-8; rename the file",
        "p66/sales/e.csv of sender p66 cannot be taken: is a link that leads out of the folder, or nowhere; put the file itself there, or remove the link",
        "p66/sales/f.csv of sender p66 cannot be taken: is a link that leads out of the folder, or nowhere; put the file itself there, or remove the link",
        "p66/sales/deep/loop of sender p66 cannot be taken: is a link that leads out of the folder, or nowhere; put the file itself there, or remove the link",
        r#"inbox folder "evil\nfolder" belongs to no sender"#,
    ];
    for sentence in said {
        assert!(night.stdout.contains(sentence), "{sentence:?} is not told: {night}");
    }
    let commits = world.commits();
    let keys: Vec<&str> =
        commits.iter().flat_map(|commit| &commit.changes.inputs).map(|input| input.key.as_str()).collect();
    assert!(keys.contains(&"p66/sales/2026-11-01.csv"), "the good file between them is taken: {keys:?}");
    assert!(!keys.iter().any(|key| key.contains("e.csv") || key.contains("secret")), "{keys:?}");
    // head office is told by mail, without a header of the sender's making
    let mails = world.mails();
    let told = mails.values().find(|mail| mail.contains("hq@test.example")).expect("a mail to head office");
    assert!(!told.lines().any(|line| line.starts_with("Bcc:")), "{told}");
    let alerts: Vec<_> = commits.iter().flat_map(|commit| commit.changes.alerts.iter().flatten()).collect();
    let raised = alerts.iter().find(|alert| alert.rule == "unusable_object").expect("an alert");
    assert_eq!((raised.labels["sender"].as_str(), raised.value), ("p66", Some(8.0)), "{raised:?}");

    // the same again changes nothing; once they are gone, so is the alert
    let before = world.fingerprint();
    world.night_again(NIGHT).expect(&[0, 1]);
    assert_eq!(world.fingerprint(), before);
}

#[test]
fn a_tree_as_deep_as_the_system_allows() {
    let world = world();
    let mut folder = world.path("inbox/p66/sales");
    std::fs::create_dir_all(&folder).expect("a folder");
    while folder.as_os_str().len() < 3_900 {
        folder.push("d");
        std::fs::create_dir(&folder).expect("a folder");
    }
    world.night(NIGHT).expect(&[0, 1]);
    everybody_else_is_in(&world);
}

/// On an object store one bad key makes the listing of its prefix fail: that prefix is told, the others go on.
#[test]
fn keys_that_no_listing_survives_stop_only_their_own_folder() {
    let s3 = S3::start();
    let world = with_hostile(World::on_s3(&["sales_daily", "deliveries", "runs"], &s3));
    let good = sales_file("p01", std::iter::once(date("2026-11-01")), 1);
    let evening = "2026-11-01T20:00:00Z".parse().expect("an instant");
    for key in ["inbox/p66/sales//b.csv", "inbox/p66/inventory/../../p01/sales/x.csv"] {
        s3.put_at(key, good.clone().into_bytes(), evening);
    }
    let night = world.night(NIGHT).expect(&[1]);
    everybody_else_is_in(&world);
    for told in [
        r#"p66/sales of sender p66 cannot be taken: cannot be listed: Path "inbox/p66/sales//b.csv" contained empty path segment; rename or remove that object"#,
        r#"p66/inventory of sender p66 cannot be taken: cannot be listed: Error parsing Path "inbox/p66/inventory/../../p01/sales/x.csv": Encountered illegal character sequence ".." whilst parsing path segment ".."; rename or remove that object"#,
    ] {
        assert!(night.stdout.contains(told), "{told:?} is not told: {night}");
    }
}

#[test]
fn an_unknown_column_is_told_once_and_not_every_night() {
    let world = World::new(&["sales_daily", "runs"]);
    world.deliver_history("2026-11-03");
    world.night("2026-11-03").expect(&[0]);
    let with_column = |day: &str, names: &str| {
        let text = sales_file("p01", std::iter::once(date(day)), 0);
        let (header, rows) = text.split_once('\n').expect("a header");
        let filled = ",x".repeat(names.matches(',').count());
        format!("{header}{names}\n{}", rows.lines().map(|line| format!("{line}{filled}\n")).collect::<String>())
    };
    let sentence = "p01/sales/2026-11-04.csv: columns not used: 备注";
    world.deliver_day(date("2026-11-04"));
    world.deliver("p01/sales/2026-11-04.csv", with_column("2026-11-04", ",备注"), date("2026-11-04"));
    let first = world.night("2026-11-04").expect(&[1]);
    assert!(first.stdout.contains(sentence), "{first}");
    world.deliver_day(date("2026-11-05"));
    world.deliver("p01/sales/2026-11-05.csv", with_column("2026-11-05", ",备注"), date("2026-11-05"));
    let second = world.night("2026-11-05").expect(&[0]);
    assert!(!second.stdout.contains("columns not used"), "{second}");
    world.deliver_day(date("2026-11-06"));
    world.deliver("p01/sales/2026-11-06.csv", with_column("2026-11-06", ",备注,赠品"), date("2026-11-06"));
    let third = world.night("2026-11-06").expect(&[1]);
    assert!(third.stdout.contains("columns not used: 赠品"), "only what is new: {third}");
}

#[test]
fn a_flood_of_tiny_files_waits_and_nobody_else_does() {
    let world = world();
    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    world.write("config.toml", &format!("{config}[intake]\nfiles_per_night_max = 40\n"));
    let folder = world.path("inbox/p66/sales/2026-11-01");
    std::fs::create_dir_all(&folder).expect("a folder");
    for number in 0..3_000 {
        std::fs::write(folder.join(format!("{number}.csv")), "x").expect("a file");
    }
    let night = world.night(NIGHT).expect(&[1]);
    everybody_else_is_in(&world);
    let told = "3028 new files, but intake.files_per_night_max is 40: the rest waits for the next run";
    assert!(night.stdout.contains(told), "{told:?} is not told: {night}");
}

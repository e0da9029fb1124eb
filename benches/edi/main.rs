//! X12 and EDIFACT as tributary reads them, for `tests/edi/run.py`, which compares them with what other libraries read and
//! how long they take.
//!
//! ```text
//! cargo bench --bench edi -- segments FILE     every segment as a line of JSON: its elements in their parts
//! cargo bench --bench edi -- rows FILE FEED    reads FILE to staged rows; tells rows, seconds and peak memory
//! ```

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::time::Instant;

use tributary::config::Config;
use tributary::contract::Contracts;
use tributary::intake::{RawFile, Spool, edi, stage_file};
use tributary::sender::Sender;

/// Any failure, in words.
type Failure = Box<dyn std::error::Error>;

fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["segments", file] => segments(file),
        ["rows", file, feed] => rows(file, feed),
        _ => Err("give segments FILE, or rows FILE FEED".into()),
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing is left to be done about a closed standard error.
            writeln!(std::io::stderr(), "{failure}").ok();
            std::process::ExitCode::FAILURE
        }
    }
}

fn segments(file: &str) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut failed = None;
    edi::segments(Box::new(File::open(file)?), &mut |segment| {
        let line = serde_json::to_string(&segment).unwrap_or_default();
        failed = failed.take().or(writeln!(out, "{line}").err());
    })?;
    out.flush()?;
    failed.map_or(Ok(()), |err| Err(err.into()))
}

fn rows(file: &str, feed: &str) -> Result<(), Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let contracts = Contracts::load(&root.join("jobs"))?;
    let config = Config::parse("[intake]\nfile_bytes_max = 4294967296\nrows_max = 1000000000\n", root)?;
    let mut head = [0; 3];
    File::open(file)?.read_exact(&mut head)?;
    let format = if head == *b"ISA" { "x12" } else { "edifact" };
    let more = if feed == "sales" {
        "channel_id = { constant = \"c\" }\nunit_price = { column = \"unit_price\", default = 0 }\n"
    } else {
        ""
    };
    let mapping = format!(
        "[feeds.{feed}]\nformat = \"{format}\"\nreject_limit = 1.0\n[feeds.{feed}.columns]\npartner_id = {{ column = \"place\", \
         default = \"none\" }}\nsku = \"article\"\n{more}"
    );
    let sender = Sender::parse("bench", &mapping, &contracts)?;
    let raw = RawFile {
        sender: "bench".into(),
        feed: feed.into(),
        key: format!("bench/{feed}/2026-11-22.edi"),
        content: Spool::Disk(file.into()),
        bytes: std::fs::metadata(file)?.len(),
        version: "0".repeat(64),
        last_modified: chrono::DateTime::from_timestamp(1_795_395_600, 0).ok_or("an instant")?,
    };
    let out = tempfile::tempdir()?;
    let contract = contracts.get(feed).ok_or("no such feed")?;
    let zone = config.company.time_zone;
    let started = Instant::now();
    let outcome = stage_file(&raw, &sender.feeds[feed], contract, &config.intake, zone, "CNY", out.path())?;
    let seconds = started.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim().to_string();
    let told = serde_json::json!({
        "rows": outcome.rows_read, "clean": outcome.rows_clean, "refused": outcome.quarantined, "seconds": seconds,
        "peak": peak,
    });
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}

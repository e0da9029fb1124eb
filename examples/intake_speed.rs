//! Measures intake alone: stages every file of an inbox that a sender's mapping claims, and prints what
//! became of each kind and how fast. `cargo run --release --example intake_speed -- CONFIG [INBOX] [--each]`

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use tributary::config::Config;
use tributary::contract::Contracts;
use tributary::error::{Error, Result};
use tributary::intake::{RawFile, stage_file};
use tributary::sender::Senders;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let each = args.iter().any(|arg| arg == "--each");
    args.retain(|arg| arg != "--each");
    let config = Config::load(Path::new(args.first().map_or("config.toml", String::as_str)))?;
    let inbox = args.get(1).map_or_else(|| config.root.join(&config.stores.inbox), PathBuf::from);
    let contracts = Contracts::load(&config.folders.jobs)?;
    let senders = Senders::load(&config.folders.jobs, &contracts)?;
    let mut keys = Vec::new();
    list(&inbox, &inbox, &mut keys)?;
    keys.sort();

    let out = tempfile::tempdir()?;
    let (mut files, mut bytes, mut rows, mut rejected) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    let mut seconds = 0.0;
    let mut lines = Vec::new();
    for key in keys {
        let Some((sender, feed)) = senders.of_key(&key) else { continue };
        let path = inbox.join(&key);
        let content = std::fs::read(&path)?;
        let raw = RawFile {
            sender: sender.name.clone(),
            feed: feed.feed.clone(),
            key: key.clone(),
            bytes: content.len() as u64,
            sha256: format!("{:x}", Sha256::digest(&content)),
            last_modified: DateTime::<Utc>::from(path.metadata()?.modified()?),
            path,
        };
        let contract = contracts.expect(&feed.feed)?;
        let started = Instant::now();
        let company = &config.company;
        let zone = company.time_zone;
        let outcome =
            stage_file(&raw, sender, feed, contract, &config.intake, zone, &company.base_currency, out.path())?;
        seconds += started.elapsed().as_secs_f64();
        files += 1;
        bytes += raw.bytes;
        rows += outcome.rows_read;
        rejected += outcome.rows_rejected;
        for (reason, count) in &outcome.reasons {
            *reasons.entry(reason.clone()).or_default() += count;
        }
        let quarantined = outcome.quarantined.is_some();
        if each || quarantined || !outcome.warnings.is_empty() {
            let what = outcome
                .quarantined
                .unwrap_or_else(|| format!("{} rows, {}", outcome.rows_read, outcome.warnings.join("; ")));
            lines.push(format!("{key}: {what}"));
        }
        for file in outcome.staged.into_iter().chain(outcome.rejects) {
            std::fs::remove_file(file)?;
        }
    }
    lines.push(format!("{files} files, {bytes} bytes, {rows} rows, {rejected} refused {reasons:?}"));
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    lines.push(format!(
        "{seconds:.3} s, {:.0} rows/s, {:.1} MB/s",
        rows as f64 / seconds,
        bytes as f64 / seconds / 1e6
    ));
    writeln!(std::io::stdout(), "{}", lines.join("\n"))?;
    Ok(())
}

fn list(root: &Path, folder: &Path, keys: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(root, &path, keys)?;
        } else {
            let key = path.strip_prefix(root).map_err(|err| Error::bug("a file left its folder").because(err))?;
            keys.push(key.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

//! Which keys are ours. Only what reads exactly like a key that this program writes may ever be removed: whatever else
//! people put into lake or marts is theirs, whatever its name or age.

use super::{
    AFTERWARDS, CHECKPOINTS, LATEST_RUN, LEASES, OUTBOX, PROBES, SCHEMAS, SCRIPTS, UNSEEN, commit_number, latest_mart,
};

/// What a key of ours holds, with the names that the commits' history must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ours<'a> {
    /// Staged or refused rows of one input.
    Rows {
        /// The feed.
        feed: &'a str,
        /// The sender.
        sender: &'a str,
    },
    /// One partition of a model.
    Partition {
        /// The model.
        model: &'a str,
    },
    /// What can be computed again at any time: schemas, checkpoints, probes.
    Cache,
    /// A mail of a run, or what became of it.
    Mail,
    /// What is never removed: commits, leases, what readers open.
    Standing,
}

/// What a key of the lake holds; none where we do not write such keys.
pub fn in_lake(key: &str) -> Option<Ours<'_>> {
    let (folder, rest) = key.split_once('/')?;
    match folder {
        "staged" | "rejects" => rows(rest),
        "models" => match key.strip_prefix(SCHEMAS).and_then(|rest| rest.strip_prefix('/')) {
            Some(file) => is_hex(file.strip_suffix(".arrow")?).then_some(Ours::Cache),
            None => partition(rest),
        },
        "landed" => rest.rsplit('/').next().filter(|sha256| is_hex_of(sha256, 64)).map(|_| Ours::Standing),
        OUTBOX => mail(rest),
        UNSEEN => mail(rest).map(|_| Ours::Standing),
        _ if commit_number(key).is_some() || key == AFTERWARDS => Some(Ours::Standing),
        _ => state(key),
    }
}

/// What a key of the marts holds; none where we do not write such keys.
pub fn in_marts(key: &str) -> Option<Ours<'_>> {
    if SCRIPTS.contains(&key) || key == LATEST_RUN || latest_mart(key).is_some() {
        return Some(Ours::Standing);
    }
    // The probe of `doctor` is tried in the marts too.
    partition(key).or_else(|| probe(key))
}

/// `<feed>/<sender>/<sha256>-<contract>-<run id>-<8 hex>.parquet`
fn rows(rest: &str) -> Option<Ours<'_>> {
    let mut parts = rest.split('/');
    let (feed, sender, file) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (sha256, rest) = file.strip_suffix(".parquet")?.split_once('-')?;
    let (contract, maker) = rest.split_once('-')?;
    let (run, token) = maker.rsplit_once('-')?;
    // What is tried again by every run bears no fingerprint.
    let fits = is_hex_of(sha256, 64) && (contract.is_empty() || is_hex_of(contract, 16)) && is_hex_of(token, 8);
    (fits && is_run_id(run)).then_some(Ours::Rows { feed, sender })
}

/// `<model>/<partition>/<fingerprint>-<run id>.parquet`
fn partition(rest: &str) -> Option<Ours<'_>> {
    let mut parts = rest.split('/');
    let (model, partition, file) = (parts.next()?, parts.next()?, parts.next()?);
    let (fingerprint, run) = file.strip_suffix(".parquet")?.split_once('-')?;
    let fits = parts.next().is_none()
        && (partition == "all" || is_shape(partition, "0000-00"))
        && is_hex_of(fingerprint, 16)
        && is_run_id(run);
    fits.then_some(Ours::Partition { model })
}

/// `<run id>/<recipient's hash>[-word].eml`, or the same with `.sent.json` and its kin.
fn mail(rest: &str) -> Option<Ours<'_>> {
    let (run, file) = rest.split_once('/')?;
    let (name, kind) = file.split_once('.')?;
    let (hash, word) = name.split_once('-').unwrap_or((name, ""));
    let fits = is_run_id(run)
        && is_hex_of(hash, 32)
        && word.bytes().all(|byte| byte.is_ascii_lowercase())
        && matches!(kind.rsplit('.').next(), Some("eml" | "json"))
        && !kind.contains('/');
    fits.then_some(Ours::Mail)
}

fn state(key: &str) -> Option<Ours<'_>> {
    if let Some(file) = below(key, CHECKPOINTS) {
        let (number, token) = file.strip_suffix(".parquet")?.split_once('-')?;
        return (is_number(number) && is_hex(token)).then_some(Ours::Cache);
    }
    let json = |folder: &str| below(key, folder).and_then(|file| file.strip_suffix(".json"));
    let lease = json(LEASES).is_some_and(|name| is_number(name.strip_suffix(".beat").unwrap_or(name)));
    let aside = json("state/aside").is_some_and(|name| name.split_once('-').is_some_and(|(at, _)| is_number(at)));
    if lease || aside { Some(Ours::Standing) } else { probe(key) }
}

fn probe(key: &str) -> Option<Ours<'_>> {
    below(key, PROBES).and_then(|file| file.strip_suffix(".txt")).filter(|token| is_hex(token)).map(|_| Ours::Cache)
}

/// The name of a file that lies directly in `folder`.
fn below<'a>(key: &'a str, folder: &str) -> Option<&'a str> {
    key.strip_prefix(folder)?.strip_prefix('/').filter(|file| !file.contains('/'))
}

/// `<job>-<date>-<8 hex>`
fn is_run_id(text: &str) -> bool {
    let Some((rest, token)) = text.rsplit_once('-') else { return false };
    let Some((job, date)) = rest.len().checked_sub(11).and_then(|at| rest.split_at_checked(at)) else { return false };
    is_hex_of(token, 8) && !job.is_empty() && is_shape(date, "-0000-00-00")
}

/// Digits where `shape` has them, and the same characters elsewhere.
fn is_shape(text: &str, shape: &str) -> bool {
    let fits = |(found, wanted): (u8, u8)| if wanted == b'0' { found.is_ascii_digit() } else { found == wanted };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

fn is_number(text: &str) -> bool {
    text.len() >= 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_hex_of(text: &str, digits: usize) -> bool {
    text.len() == digits && is_hex(text)
}

#[cfg(test)]
mod tests {
    use super::super::{
        checkpoint, commit, commit_aside, landed, latest, latest_partition, lease, lease_beat, mail_body, mail_claim,
        mail_dead, mail_receipt, mail_tries, mail_unseen, mart, model, probe, rejects, schemas, staged,
    };
    use super::*;

    const RUN: &str = "nightly-2026-11-22-0a1b2c3d";

    /// Every key that this program builds is recognised as what it is.
    #[test]
    fn what_we_write_is_ours() {
        let (sha256, contract, short) = ("ab".repeat(32), "0123456789abcdef", "fedcba9876543210");
        let maker = format!("{RUN}-01234567");
        let rows = Ours::Rows { feed: "sales", sender: "华东 1" };
        assert_eq!(in_lake(&staged("sales", "华东 1", &sha256, contract, &maker)), Some(rows));
        assert_eq!(in_lake(&rejects("sales", "华东 1", &sha256, "", &maker)), Some(rows));
        for partition in ["all", "2026-11"] {
            let made = Some(Ours::Partition { model: "sales_daily" });
            assert_eq!(in_lake(&model("sales_daily", partition, short, RUN)), made);
            assert_eq!(in_marts(&mart("sales_daily", partition, short, "a-b-2026-11-22-0a1b2c3d")), made);
        }
        let token = "0".repeat(32);
        for key in [schemas(short), checkpoint(50, &token), probe(&token)] {
            assert_eq!(in_lake(&key), Some(Ours::Cache), "{key}");
        }
        for key in [
            mail_body(RUN, &token),
            mail_body(RUN, &format!("{token}-failed")),
            mail_receipt(RUN, &token),
            mail_tries(RUN, &token),
            mail_dead(RUN, &token),
            mail_claim(RUN, &token, ""),
            mail_claim(RUN, &token, &token),
        ] {
            assert_eq!(in_lake(&key), Some(Ours::Mail), "{key}");
        }
        let standing = [
            commit(7),
            commit_aside(7, &token),
            lease(1),
            lease_beat(1),
            AFTERWARDS.into(),
            landed("a", "b", &sha256),
            mail_unseen(RUN, &token),
        ];
        for key in standing {
            assert_eq!(in_lake(&key), Some(Ours::Standing), "{key}");
        }
        for key in [latest("m"), latest_partition("m", "2026-11"), LATEST_RUN.into()] {
            assert_eq!(in_marts(&key), Some(Ours::Standing), "{key}");
        }
        for key in SCRIPTS {
            assert_eq!(in_marts(key), Some(Ours::Standing), "{key}");
        }
    }

    /// What only looks like it is not: each of these was once removed after a week.
    #[test]
    fn what_others_write_is_not() {
        for key in [
            "analysts/2026/top-10.parquet",
            "sales_daily/archive/mine-2025.parquet",
            "sales_daily/2026-11/mine-2026-11-22.parquet",
            "sales_daily/2026-11/fedcba9876543210-nightly-2026-11-22-0a1b2c3d (copy).parquet",
            "sales_daily/all/old/fedcba9876543210-nightly-2026-11-22-0a1b2c3d.parquet",
            "latest/notes.txt",
            "duckdb.sql.bak",
        ] {
            assert_eq!(in_marts(key), None, "{key}");
        }
        for key in [
            "rejects/keep.parquet",
            "models/x.parquet",
            "models/schemas/mine.arrow",
            "staged/by/hand-1.parquet",
            "staged/sales/p01/by-hand-1.parquet",
            "outbox/drafts/mail.eml",
            "outbox/nightly-2026-11-22-0a1b2c3d/notes.txt",
            "state/checkpoints/copy.parquet",
            "state/probe/readme.txt",
            "somebody/elses.parquet",
            "readme.md",
        ] {
            assert_eq!(in_lake(key), None, "{key}");
        }
    }
}

//! Every key that we write, built in one place. No data key is ever written twice: each carries what
//! it was made of (a hash) and the run that made it. [`ours`] tells them from whatever else lies there.

pub mod ours;

/// Rows of one input: `staged/<feed>/<sender>/<sha256>-<contract fingerprint>-<run id>.parquet` in the lake.
pub fn staged(feed: &str, sender: &str, sha256: &str, contract_fingerprint: &str, run_id: &str) -> String {
    format!("staged/{feed}/{sender}/{sha256}-{contract_fingerprint}-{run_id}.parquet")
}

/// Refused rows of one input, in the lake.
pub fn rejects(feed: &str, sender: &str, sha256: &str, contract_fingerprint: &str, run_id: &str) -> String {
    format!("rejects/{feed}/{sender}/{sha256}-{contract_fingerprint}-{run_id}.parquet")
}

/// An optional raw copy of one input, in the lake.
pub fn landed(feed: &str, sender: &str, sha256: &str) -> String {
    format!("landed/{feed}/{sender}/{sha256}")
}

/// One partition of a model that is not a mart, in the lake.
pub fn model(model: &str, partition: &str, fingerprint: &str, run_id: &str) -> String {
    format!("models/{model}/{partition}/{fingerprint}-{run_id}.parquet")
}

/// Folder of what is known of schemas from one night to the next, in the lake.
const SCHEMAS: &str = "models/schemas";

/// The schemas of all models for one content of `sql/`, contracts and settings, in the lake: a cache.
pub fn schemas(fingerprint: &str) -> String {
    format!("{SCHEMAS}/{fingerprint}.arrow")
}

/// One partition of a mart, in the marts.
pub fn mart(mart: &str, partition: &str, fingerprint: &str, run_id: &str) -> String {
    format!("{mart}/{partition}/{fingerprint}-{run_id}.parquet")
}

/// The run that wrote a partition, from its key.
pub fn run_of(key: &str) -> Option<&str> {
    key.rsplit('/').next()?.strip_suffix(".parquet")?.split_once('-').map(|(_, run)| run)
}

/// The stable path of a mart that is one file, in the marts.
pub fn latest(mart: &str) -> String {
    format!("latest/{mart}.parquet")
}

/// Folder of the stable paths, in the marts.
pub const LATEST: &str = "latest";

/// The stable path of one partition of a large mart, in the marts. No `=` in it: readers would take the folder's name
/// for the value of a column.
pub fn latest_partition(mart: &str, partition: &str) -> String {
    format!("latest/{mart}/{partition}/part.parquet")
}

/// The mart of a stable path; none for anything else that lies in `latest/`.
pub fn latest_mart(key: &str) -> Option<&str> {
    let rest = key.strip_prefix(LATEST)?.strip_prefix('/')?;
    match rest.split('/').collect::<Vec<_>>().as_slice() {
        [file] => file.strip_suffix(".parquet"),
        [mart, _, "part.parquet"] => Some(mart),
        _ => None,
    }
}

/// What `latest/` was made from, in the marts; written after everything else in it.
pub const LATEST_RUN: &str = "latest/_run.json";

/// The views that readers open, in the marts: the one atomic flip.
pub const DUCKDB_SQL: &str = "duckdb.sql";

/// The same over paths below its own folder.
pub const DUCKDB_RELATIVE_SQL: &str = "duckdb.relative.sql";

/// The same in Chinese words.
pub const DUCKDB_ZH_SQL: &str = "duckdb.zh.sql";

/// All scripts that readers run.
pub const SCRIPTS: [&str; 3] = [DUCKDB_SQL, DUCKDB_RELATIVE_SQL, DUCKDB_ZH_SQL];

/// Folder of the commit chain, in the lake.
pub const COMMITS: &str = "state/commits";

/// One commit of the chain: `state/commits/000042.json`.
pub fn commit(number: u64) -> String {
    format!("{COMMITS}/{number:06}.json")
}

/// The number in a commit's key; none for anything else that lies there.
pub fn commit_number(key: &str) -> Option<u64> {
    let number = key.strip_prefix(COMMITS)?.strip_prefix('/')?.strip_suffix(".json")?.parse().ok()?;
    (commit(number) == key).then_some(number)
}

/// Where a damaged commit is kept; `token` keeps two of one number apart.
pub fn commit_aside(number: u64, token: &str) -> String {
    format!("state/aside/{number:06}-{token}.json")
}

/// Folder of checkpoints, in the lake.
pub const CHECKPOINTS: &str = "state/checkpoints";

/// A checkpoint that folds the chain up to `number`; `token` keeps two writers apart.
pub fn checkpoint(number: u64, token: &str) -> String {
    format!("{CHECKPOINTS}/{number:06}-{token}.parquet")
}

/// Folder of leases, in the lake.
pub const LEASES: &str = "state/lease";

/// Who holds epoch `epoch`: created once.
pub fn lease(epoch: u64) -> String {
    format!("{LEASES}/{epoch:06}.json")
}

/// The sign of life of the holder of `epoch`: overwritten at every beat.
pub fn lease_beat(epoch: u64) -> String {
    format!("{LEASES}/{epoch:06}.beat.json")
}

/// The epoch in the key of a lease; none for beats and anything else.
pub fn lease_epoch(key: &str) -> Option<u64> {
    let epoch = key.strip_prefix(LEASES)?.strip_prefix('/')?.strip_suffix(".json")?.parse().ok()?;
    (lease(epoch) == key).then_some(epoch)
}

/// How long the last run took after its commit, in the lake: overwritten by each run.
pub const AFTERWARDS: &str = "state/afterwards.json";

/// What a running `serve` keeps back, in the lake: overwritten by it, and gone when there is nothing.
pub const REFUSED: &str = "state/refused.json";

/// Folder of probes, in the lake.
pub const PROBES: &str = "state/probe";

/// A small object written and removed to try a store.
pub fn probe(token: &str) -> String {
    format!("{PROBES}/{token}.txt")
}

/// A small object written and removed to try one folder of a store.
pub fn probe_below(folder: &str, token: &str) -> String {
    let name = format!("probe-{token}.txt");
    if folder.is_empty() { name } else { format!("{folder}/{name}") }
}

/// The folders of the lake that a night writes to.
pub const LAKE_FOLDERS: [&str; 8] = ["", COMMITS, CHECKPOINTS, LEASES, OUTBOX, "staged", "rejects", "models"];

/// The folders of the marts that a night writes to, besides one a mart.
pub const MART_FOLDERS: [&str; 2] = ["", LATEST];

/// Folder of mails, in the lake.
pub const OUTBOX: &str = "outbox";

/// Folder of one run's mails and their receipts, in the lake.
pub fn outbox(run_id: &str) -> String {
    format!("{OUTBOX}/{run_id}")
}

/// A mail as it is owed.
pub fn mail_body(run_id: &str, recipient_hash: &str) -> String {
    format!("{OUTBOX}/{run_id}/{recipient_hash}.eml")
}

/// Proof that the server took a mail.
pub fn mail_receipt(run_id: &str, recipient_hash: &str) -> String {
    format!("{OUTBOX}/{run_id}/{recipient_hash}.sent.json")
}

/// The tries made so far for a mail that could not be sent yet.
pub fn mail_tries(run_id: &str, recipient_hash: &str) -> String {
    format!("{OUTBOX}/{run_id}/{recipient_hash}.tries.json")
}

/// Proof that a mail was given up.
pub fn mail_dead(run_id: &str, recipient_hash: &str) -> String {
    format!("{OUTBOX}/{run_id}/{recipient_hash}.dead.json")
}

/// The right to send a mail; `after` is the mark of the claim of a process that died, empty for the first one.
pub fn mail_claim(run_id: &str, recipient_hash: &str, after: &str) -> String {
    let after = if after.is_empty() { String::new() } else { format!("-{after}") };
    format!("{OUTBOX}/{run_id}/{recipient_hash}.claim{after}.json")
}

/// Folder of mails given up that nobody has seen to, in the lake. `clean` leaves it alone.
pub const UNSEEN: &str = "unseen_mails";

/// A mail given up that nobody has seen to.
pub fn mail_unseen(run_id: &str, recipient_hash: &str) -> String {
    format!("{UNSEEN}/{run_id}/{recipient_hash}.json")
}

//! A company folder of its own for each test, and the real binary run in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use tempfile::TempDir;

use super::marts::{Mart, latest, sha256};
use super::s3::{BUCKET, S3};
use super::{company, marts};

/// The project this test binary was built from.
pub const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

/// What a finished process left.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code; `None` when it was killed.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Fails the test, with all output, unless the exit code is one of `codes`.
    #[track_caller]
    pub fn expect(self, codes: &[i32]) -> Self {
        assert!(self.code.is_some_and(|code| codes.contains(&code)), "expected exit {codes:?}, got {self}");
        self
    }

    /// Published, with or without warnings.
    #[track_caller]
    pub fn published(self) -> Self {
        self.expect(&[0, 1])
    }

    /// Died by a signal.
    pub fn killed(&self) -> bool {
        self.code.is_none()
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|err| panic!("standard output is not JSON ({err}): {self}"))
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.code.map_or_else(|| "a signal".to_string(), |code| code.to_string());
        write!(f, "exit by {code}\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr)
    }
}

/// A company in a folder that goes away with the test.
pub struct World {
    dir: TempDir,
    s3: Option<S3>,
}

impl World {
    /// The small company on local folders, its inbox empty, building `marts` each night.
    pub fn new(marts: &[&str]) -> Self {
        Self::build(marts, None)
    }

    /// The same company with its three stores in a bucket, of either kind.
    pub fn on_s3(marts: &[&str], s3: &S3) -> Self {
        Self::build(marts, Some(s3.clone()))
    }

    /// The same company with five models of its own (fixtures/small/sql), for tests that need many nights.
    pub fn small() -> Self {
        Self::build(&["*"], None).with_small_models()
    }

    /// The small company in a bucket.
    pub fn small_on_s3(s3: &S3) -> Self {
        Self::build(&["*"], Some(s3.clone())).with_small_models()
    }

    fn with_small_models(self) -> Self {
        let config = std::fs::read_to_string(self.path("config.toml")).expect("settings");
        self.write("config.toml", &config.replace(&format!("{PROJECT}/sql"), &format!("{PROJECT}/fixtures/small/sql")));
        self
    }

    /// A folder with nothing in it yet, on local stores.
    pub fn empty() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary folder"), s3: None }
    }

    fn build(marts: &[&str], s3: Option<S3>) -> Self {
        let world = Self { s3, ..Self::empty() };
        let store = |name: &str| match world.s3 {
            Some(ref s3) => format!("{}://{BUCKET}/{name}", s3.scheme()),
            None => name.to_string(),
        };
        world.write(
            "config.toml",
            &format!(
                "[company]\nname = \"Test Company\"\nhead_office = [\"hq@test.example\"]\n\
                 [stores]\ninbox = \"{}\"\nlake = \"{}\"\nmarts = \"{}\"\n\
                 [folders]\nsql = \"{}\"\n\
                 [engine]\nthreads = 2\n[run]\nlease_seconds = 2\nretry_first_pause_ms = 5\n[mail]\nfolder = \"mail\"\ntries_per_run = 1\n",
                store("inbox"),
                store("lake"),
                store("marts"),
                Path::new(PROJECT).join("sql").display(),
            ),
        );
        world
            .write("jobs/nightly.toml", &format!("description = \"Every night\"\nat = \"06:30\"\nmarts = {marts:?}\n"));
        copy_tree(&Path::new(PROJECT).join("jobs/feeds"), &world.path("jobs/feeds"));
        for (sender, mapping) in company::SENDERS {
            world.write(&format!("jobs/senders/{sender}.toml"), mapping);
        }
        std::fs::create_dir_all(world.path("inbox")).expect("a folder");
        world
    }

    /// The same world once more, with everything it holds. Only for worlds on local folders.
    pub fn fork(&self) -> Self {
        assert!(self.s3.is_none(), "a bucket cannot be forked");
        let dir = tempfile::tempdir().expect("a temporary folder");
        copy_tree(self.dir.path(), dir.path());
        Self { dir, s3: None }
    }

    /// The head office's files and both partners' history up to and including `last`.
    pub fn deliver_history(&self, last: &str) {
        let last = company::date(last);
        for (key, text) in company::REFERENCES {
            self.deliver(key, text, company::date("2026-08-31"));
        }
        let november = company::date("2026-11-01");
        for partner in [company::DISTRIBUTOR, company::ROOM] {
            for (month, first, end) in
                [("2026-09", company::FIRST_DAY, "2026-09-30"), ("2026-10", "2026-10-01", "2026-10-31")]
            {
                let end = company::date(end);
                let text = company::sales_file(partner, company::days(company::date(first), end), 0);
                self.deliver(&format!("{partner}/sales/{month}.csv"), &text, end);
            }
        }
        for day in company::days(november, last) {
            self.deliver_day(day);
        }
    }

    /// The files of one business day, as both partners deliver them.
    pub fn deliver_day(&self, day: NaiveDate) {
        for partner in [company::DISTRIBUTOR, company::ROOM] {
            let text = company::sales_file(partner, std::iter::once(day), 0);
            self.deliver(&format!("{partner}/sales/{day}.csv"), &text, day);
        }
        self.deliver(&format!("p01/inventory/{day}.csv"), company::inventory_file(day), day);
        self.deliver(&format!("p01/shipments/{day}.csv"), company::shipments_file(day), day);
    }

    /// A file in the inbox, delivered on the evening (20:00 UTC) of a day.
    pub fn deliver(&self, key: &str, body: impl AsRef<[u8]>, day: NaiveDate) {
        let evening = day.and_hms_opt(20, 0, 0).expect("an hour of the day").and_utc();
        self.deliver_at(key, body, evening);
    }

    /// A file in the inbox, delivered at an instant.
    pub fn deliver_at(&self, key: &str, body: impl AsRef<[u8]>, at: DateTime<Utc>) {
        if let Some(s3) = &self.s3 {
            return s3.put_at(&format!("inbox/{key}"), body.as_ref().to_vec(), at);
        }
        let path = self.path("inbox").join(key);
        std::fs::create_dir_all(path.parent().expect("a key has a folder")).expect("a folder");
        std::fs::write(&path, body).expect("a file");
        let file = std::fs::File::options().write(true).open(&path).expect("the file");
        file.set_modified(at.into()).expect("a settable modification time");
    }

    /// Takes a file out of the inbox.
    pub fn withdraw(&self, key: &str) {
        std::fs::remove_file(self.path("inbox").join(key)).expect("the file is there");
    }

    /// A path in the company's folder.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Writes a file of the company's folder.
    pub fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    /// A command of the real binary in this company, not yet started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tributary"));
        command
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| ["PATH", "HOME", "TMPDIR"].contains(&name.as_str())));
        command.env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(s3) = &self.s3 {
            command.envs(s3.env());
        }
        command.arg("--config").arg(self.path("config.toml")).args(args).current_dir(self.dir.path());
        command
    }

    /// Runs the binary to its end.
    pub fn tributary(&self, args: &[&str], env: &[(&str, &str)]) -> Outcome {
        finish(self.command(args).envs(env.iter().copied()).spawn().expect("the binary starts"))
    }

    /// The nightly run of a business date, on the morning after (06:30 in Shanghai).
    pub fn night(&self, day: &str) -> Outcome {
        self.night_with(day, &[], &[])
    }

    /// The nightly run with more arguments and environment.
    pub fn night_with(&self, day: &str, args: &[&str], env: &[(&str, &str)]) -> Outcome {
        let now = format!("{day}T22:30:00Z");
        let mut whole = vec![("TRIBUTARY_NOW", now.as_str())];
        whole.extend(env);
        self.tributary(&[&["run", "nightly", "--date", day], args].concat(), &whole)
    }

    /// The same run again, an hour later: what an operator or a supervisor does after a crash.
    pub fn night_again(&self, day: &str) -> Outcome {
        self.night_with(day, &[], &[("TRIBUTARY_NOW", &format!("{day}T23:30:00Z"))])
    }

    /// The files of the marts store, by key.
    pub fn mart_files(&self) -> BTreeMap<String, Bytes> {
        match &self.s3 {
            Some(s3) => s3.objects("marts/"),
            None => files_below(&self.path("marts")),
        }
    }

    /// The published marts, by name.
    pub fn marts(&self) -> BTreeMap<String, Mart> {
        latest(&self.mart_files())
    }

    /// One published mart.
    #[track_caller]
    pub fn mart(&self, name: &str) -> Mart {
        let mut marts = self.marts();
        let names: Vec<String> = marts.keys().cloned().collect();
        marts.remove(name).unwrap_or_else(|| panic!("no mart {name} among {names:?}"))
    }

    /// Hashes of the published business marts.
    pub fn hashes(&self) -> BTreeMap<String, String> {
        marts::hashes(&self.marts())
    }

    /// SHA-256 of every file of lake, marts and mail, by path. The lease is left out: it says who works, not what is true.
    pub fn fingerprint(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for folder in ["lake", "marts", "mail"] {
            let files = match &self.s3 {
                Some(s3) if folder != "mail" => s3.objects(&format!("{folder}/")),
                _ => files_below(&self.path(folder)),
            };
            let kept = files.into_iter().filter(|(key, _)| !key.starts_with("state/lease/"));
            all.extend(kept.map(|(key, bytes)| (format!("{folder}/{key}"), sha256(&bytes))));
        }
        all
    }

    /// The mails written so far, by file name.
    pub fn mails(&self) -> BTreeMap<String, String> {
        let files = files_below(&self.path("mail"));
        files.into_iter().map(|(key, bytes)| (key, String::from_utf8_lossy(&bytes).into_owned())).collect()
    }

    /// The commits of the lake, oldest first.
    pub fn commits(&self) -> Vec<tributary::state::record::Commit> {
        let files = match &self.s3 {
            Some(s3) => s3.objects("lake/state/commits/"),
            None => files_below(&self.path("lake/state/commits")),
        };
        files
            .iter()
            .filter(|(key, _)| Path::new(key).extension().is_some_and(|kind| kind == "json"))
            .map(|(key, bytes)| serde_json::from_slice(bytes).unwrap_or_else(|err| panic!("commit {key}: {err}")))
            .collect()
    }

    /// Every Parquet file that `duckdb.sql` names; each must be there.
    pub fn published_files(&self) -> Vec<String> {
        let files = self.mart_files();
        let Some(sql) = files.get("duckdb.sql") else { return Vec::new() };
        let sql = String::from_utf8_lossy(sql).into_owned();
        let mut names: Vec<String> =
            sql.split('\'').filter(|text| text.ends_with(".parquet")).map(ToString::to_string).collect();
        names.sort();
        names.dedup();
        for name in &names {
            let there = files.keys().any(|key| name.ends_with(key.as_str()));
            assert!(there, "duckdb.sql names {name}, which is not there");
        }
        names
    }
}

/// Waits for a started binary.
pub fn finish(child: std::process::Child) -> Outcome {
    let output = child.wait_with_output().expect("the process can be awaited");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Every file below a folder, by relative path with `/`; none when there is no such folder.
pub fn files_below(folder: &Path) -> BTreeMap<String, Bytes> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else { continue };
        for entry in entries {
            let path = entry.expect("a folder entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let key = path.strip_prefix(folder).expect("below the folder").to_string_lossy().replace('\\', "/");
                files.insert(key, std::fs::read(&path).expect("a readable file").into());
            }
        }
    }
    files
}

/// Copies a folder with modification times.
pub fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).unwrap_or_else(|err| panic!("{}: {err}", from.display())) {
        let entry = entry.expect("a folder entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a copied file");
            let modified = entry.metadata().and_then(|meta| meta.modified()).expect("a modification time");
            let file = std::fs::File::options().write(true).open(&target).expect("the copy");
            file.set_modified(modified).expect("a settable modification time");
        }
    }
}

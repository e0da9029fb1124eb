//! `config.toml`: what the operator sets. The shipped file is embedded and gives every default, so
//! a company's own file holds only what differs; unknown keys are refused with a did-you-mean.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use serde::Deserialize;
use toml::{Table, Value};

use crate::error::{Error, Result, closest};

/// The shipped reference, which is also the source of every default.
pub const REFERENCE: &str = include_str!("../config.toml");

/// Validated settings. Folders are absolute once [`Config::load`] returns.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.toml is the reference: each key is explained there, once")]
pub struct Config {
    /// The folder that relative paths start from: the one that holds config.toml.
    #[serde(skip)]
    pub root: PathBuf,
    pub company: Company,
    pub stores: Stores,
    pub folders: Folders,
    pub engine: Engine,
    pub intake: Intake,
    pub run: Run,
    pub state: State,
    pub publish: Publish,
    pub mail: Mail,
    pub serve: Serve,
    /// Scalar business settings: `$name` in SQL.
    pub settings: BTreeMap<String, Value>,
    /// Business settings that are tables: `settings.<name>` in SQL.
    pub tables: BTreeMap<String, Vec<Table>>,
}

macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($field:ident : $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(missing_docs, reason = "config.toml is the reference: each key is explained there, once")]
        pub struct $name { $(pub $field: $ty),* }
    };
}

section!(
    /// Who the company is.
    Company { name: String, base_currency: String, time_zone: Tz, locale: String, head_office: Vec<String> }
);
section!(
    /// The three object stores.
    Stores { inbox: String, lake: String, marts: String }
);
section!(
    /// Where jobs and models live.
    Folders { jobs: PathBuf, sql: PathBuf }
);
section!(
    /// Limits of the query engine.
    Engine { memory_bytes: usize, spill_bytes: u64, threads: usize, compression: String }
);
section!(
    /// Caps on what is read from senders.
    Intake {
        line_bytes_max: usize,
        field_bytes_max: usize,
        columns_max: usize,
        rows_max: u64,
        file_bytes_max: u64,
        unpacked_bytes_max: u64,
        unpacked_ratio_max: u64,
        members_max: usize,
        cells_max: u64,
        reader_memory_bytes: u64,
        reader_seconds_max: u64,
        files_per_night_max: usize,
        files_at_once: usize,
        settle_seconds: u64,
        settle_looks_max: u64,
        reject_limit: f64,
        retry_unknown_days: i64,
    }
);
section!(
    /// How a run behaves.
    Run {
        deadline_minutes: u64,
        catch_up_max: usize,
        retries: usize,
        retry_first_pause_ms: u64,
        lease_seconds: u64,
    }
);
section!(
    /// How long state is kept.
    State { checkpoint_every: u64, keep_orphans_days: i64, keep_mails_days: i64, deliveries_days: i64 }
);
section!(
    /// How marts are written.
    Publish { row_group_rows: usize, latest_single_file_bytes: u64 }
);
section!(
    /// How mails leave.
    Mail {
        transport: String,
        folder: PathBuf,
        from: String,
        smtp_host: String,
        smtp_port: u16,
        smtp_security: String,
        smtp_ca_file: PathBuf,
        smtp_timeout_seconds: u64,
        retry_hours: i64,
        tries_per_run: u32,
        repeat_hours: i64,
        findings_max: usize,
        rising_colour: String,
        replies: String,
        reply_rows_max: usize,
    }
);
section!(
    /// The built-in scheduler.
    Serve { tick_seconds: u64, ping_url: String }
);

impl Config {
    /// Reads `path` over the reference.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|err| {
            Error::config("settings cannot be read")
                .at(path.display())
                .hint("run `tributary init DIR` for a new company, or name the file with --config")
                .because(err)
        })?;
        let root = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let root = std::path::absolute(root)?;
        Self::parse(&text, &root).map_err(|err| err.at(path.display()))
    }

    /// Lays `text` over the reference and validates the result. Relative folders start from `root`.
    pub fn parse(text: &str, root: &Path) -> Result<Self> {
        let mut merged: Table =
            toml::from_str(REFERENCE).map_err(|err| Error::bug("the shipped config.toml is broken").because(err))?;
        let own: Table = toml::from_str(text).map_err(|err| Error::config("not valid TOML").because(err))?;
        overlay(&mut merged, own, "")?;
        let mut config: Self =
            Value::Table(merged).try_into().map_err(|err: toml::de::Error| Error::config(err.message().to_string()))?;
        config.root = root.to_path_buf();
        for folder in [&mut config.folders.jobs, &mut config.folders.sql, &mut config.mail.folder] {
            *folder = root.join(&*folder);
        }
        if !config.mail.smtp_ca_file.as_os_str().is_empty() {
            config.mail.smtp_ca_file = root.join(&config.mail.smtp_ca_file);
        }
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<()> {
        let one_of = |key: &str, value: &str, allowed: &[&str]| {
            if allowed.contains(&value) {
                return Ok(());
            }
            Err(Error::config(format!("{key} is \"{value}\"; expected one of: {}", allowed.join(", "))))
        };
        one_of("company.locale", &self.company.locale, &["zh", "en"])?;
        one_of("engine.compression", &self.engine.compression, &["snappy", "zstd"])?;
        one_of("mail.transport", &self.mail.transport, &["file", "smtp"])?;
        one_of("mail.smtp_security", &self.mail.smtp_security, &["starttls", "tls", "none"])?;
        one_of("mail.rising_colour", &self.mail.rising_colour, &["red", "green"])?;
        one_of("mail.replies", &self.mail.replies, &["off", "refusals", "all"])?;
        crate::address::validate_sender(&self.mail.from).map_err(|err| err.at("mail.from"))?;
        for address in &self.company.head_office {
            crate::address::validate_address(address).map_err(|err| err.at("company.head_office"))?;
        }
        if !(0.0..=1.0).contains(&self.intake.reject_limit) {
            return Err(Error::config(format!(
                "intake.reject_limit is {}; expected a share from 0 to 1",
                self.intake.reject_limit
            )));
        }
        // less than this, and the program itself does not start
        const READER_MIN: u64 = 64 << 20;
        if self.intake.reader_memory_bytes < READER_MIN {
            return Err(Error::config(format!(
                "intake.reader_memory_bytes is {}; expected at least {READER_MIN}",
                self.intake.reader_memory_bytes
            ))
            .hint("give the reader of workbooks room to work in; the default is 1 GiB"));
        }
        if self.mail.transport == "smtp" && self.mail.smtp_host.is_empty() {
            return Err(Error::config("mail.transport is \"smtp\" but mail.smtp_host is empty")
                .hint("name the mail server, or set mail.transport = \"file\""));
        }
        if self.state.checkpoint_every == 0 {
            return Err(Error::config("state.checkpoint_every is 0; expected at least 1"));
        }
        Ok(())
    }

    /// A business setting that is a whole number, not below 0.
    pub fn whole_setting(&self, name: &str) -> Result<u64> {
        let value = self.settings.get(name);
        value.and_then(Value::as_integer).and_then(|number| u64::try_from(number).ok()).ok_or_else(|| {
            let found = value.map_or_else(|| "not there".to_string(), ToString::to_string);
            Error::config(format!("settings.{name} is {found}; expected a whole number from 0"))
        })
    }

    /// Query threads after `engine.threads = 0` has been resolved.
    pub fn threads(&self) -> usize {
        resolve_cores(self.engine.threads)
    }

    /// Files worked on at once after `intake.files_at_once = 0` has been resolved: one more than there are cores, because
    /// one of them mostly waits for a store or a disk.
    pub fn files_at_once(&self) -> usize {
        match self.intake.files_at_once {
            0 => resolve_cores(0) + 1,
            n => n,
        }
    }
}

fn resolve_cores(configured: usize) -> usize {
    match configured {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        n => n,
    }
}

/// Lays `own` over `base`. Only `settings` and `tables` may grow new keys.
fn overlay(base: &mut Table, own: Table, prefix: &str) -> Result<()> {
    for (key, value) in own {
        let full = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let open = prefix == "settings" || prefix == "tables";
        match (base.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(own)) => overlay(inner, own, &full)?,
            (Some(slot), value) => *slot = value,
            (None, value) if open => {
                base.insert(key, value);
            }
            (None, _) => {
                let error = Error::config(format!("unknown setting `{full}`"));
                return Err(match closest(&key, base.keys().map(String::as_str)) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint("config.toml in the project lists every setting"),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! `config.toml`: what the operator sets. The shipped file is embedded and gives every default, so
//! a company's own file holds only what differs; unknown keys are refused with a did-you-mean. A fault names file,
//! line and key, what stands there and what is expected; all faults are told at once.

mod currency;
mod limits;
mod overlay;
pub(crate) mod place;
mod recipients;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use toml::{Table, Value};

pub use recipients::{Recipient, WEEKDAYS};

use crate::error::{Error, Result};
use crate::text_file;
use crate::zone::Tz;

pub(crate) use place::line_of;

/// The shipped reference, which is also the source of every default.
pub const REFERENCE: &str = include_str!("../config.toml");

/// A day like any other, for questions about times of day.
pub const ANY_DAY: NaiveDate = match NaiveDate::from_ymd_opt(2026, 1, 14) {
    Some(date) => date,
    None => NaiveDate::MIN,
};

/// Validated settings. Folders are absolute once [`Config::load`] returns.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.toml is the reference: each key is explained there, once")]
pub struct Config {
    /// The folder that relative paths start from: the one that holds config.toml.
    #[serde(skip)]
    pub root: PathBuf,
    #[serde(skip)]
    shipped: BTreeSet<String>,
    /// Where the stores are named: file and line.
    #[serde(skip)]
    places: BTreeMap<String, String>,
    pub company: Company,
    pub stores: Stores,
    pub folders: Folders,
    pub engine: Engine,
    pub intake: Intake,
    pub run: Run,
    pub aside: Aside,
    pub state: State,
    pub publish: Publish,
    pub mail: Mail,
    pub monitor: Monitor,
    pub serve: Serve,
    /// What single people want to be told, by address.
    pub recipients: BTreeMap<String, Recipient>,
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
    /// What a night may spend on finding what breaks a model.
    Aside { trials_max: u64, minutes_max: u64, rows_max: u64 }
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
        ignored_names: Vec<String>,
        reject_limit: f64,
        few_rows: u64,
        few_rows_reject_limit: f64,
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
        date_ahead_days_max: i64,
        clock_behind_hours_max: i64,
        lost_rows_share_max: f64,
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
        smtp_data_timeout_seconds: u64,
        unanswered_max: u32,
        per_minute_max: u32,
        retry_hours: i64,
        tries_per_run: u32,
        repeat_hours: i64,
        findings_max: usize,
        headlines_max: usize,
        findings_per_rule_max: usize,
        finding_rows_max: usize,
        comparison_base_min: f64,
        rising_colour: String,
        charts: bool,
        report_url: String,
        help_contact: String,
        allowed_domains: Vec<String>,
        escalate_days: i64,
        weekly_on: String,
        customer_url: String,
        evidence_rows_max: usize,
        replies: String,
        reply_rows_max: usize,
    }
);
section!(
    /// What whoever watches from outside reads.
    Monitor { metrics_file: PathBuf, runs_file: PathBuf }
);
section!(
    /// The built-in scheduler.
    Serve { tick_seconds: u64, ping_url: String }
);

impl Config {
    /// Reads `path` over the reference.
    pub fn load(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(Error::config("there are no settings")
                .at(path.display())
                .hint("run `tributary init DIR` for a new company, or name the file with --config"));
        }
        let text = text_file::read(path)?;
        let root = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let root = std::path::absolute(root)?;
        Self::read(&text, &root, &path.display().to_string())
    }

    /// Lays `text` over the reference and validates the result. Relative folders start from `root`.
    pub fn parse(text: &str, root: &Path) -> Result<Self> {
        Self::read(text, root, "config.toml")
    }

    /// As [`Config::parse`]; `shown` is the file as messages name it.
    fn read(text: &str, root: &Path, shown: &str) -> Result<Self> {
        let placed = |faults: Vec<(String, Error)>| {
            let lines = faults.into_iter().map(|(key, fault)| (line_of(text, &key), fault));
            let mut lines: Vec<(Option<usize>, Error)> = lines.collect();
            lines.sort_by_key(|(line, _)| *line);
            let placed = lines.into_iter().map(|(line, fault)| {
                let line = line.map(|line| format!(":{line}")).unwrap_or_default();
                fault.at(format!("{shown}{line}"))
            });
            Error::together("settings", placed.collect()).map_or(Ok(()), Err)
        };
        let mut merged: Table =
            toml::from_str(REFERENCE).map_err(|err| Error::bug("the shipped config.toml is broken").because(err))?;
        let shipped = merged.get("settings").and_then(Value::as_table).into_iter().flat_map(Table::keys);
        let shipped: BTreeSet<String> = shipped.cloned().collect();
        let own: Table = toml::from_str(text).map_err(|err| {
            let line = err.span().map(|span| format!(":{}", place::line_at(text, span.start))).unwrap_or_default();
            Error::config("not valid TOML").at(format!("{shown}{line}")).because(err)
        })?;
        let mut faults = Vec::new();
        overlay::lay(&mut merged, own, "", &mut faults);
        faults.extend(limits::beyond(&merged, &shipped));
        faults.extend(words::unknown(&merged));
        placed(faults)?;
        let mut config: Self = Value::Table(merged)
            .try_into()
            .map_err(|err: toml::de::Error| Error::config(err.message().to_string()).at(shown))?;
        config.root = root.to_path_buf();
        config.shipped = shipped;
        config.places = (["inbox", "lake", "marts"].into_iter())
            .filter_map(|store| Some((store, line_of(text, &format!("stores.{store}"))?)))
            .map(|(store, line)| (store.to_string(), format!("{shown}:{line}")))
            .collect();
        for folder in [&mut config.folders.jobs, &mut config.folders.sql, &mut config.mail.folder] {
            *folder = root.join(&*folder);
        }
        for file in [&mut config.mail.smtp_ca_file, &mut config.monitor.metrics_file, &mut config.monitor.runs_file] {
            if !file.as_os_str().is_empty() {
                *file = root.join(&*file);
            }
        }
        placed(config.faults())?;
        Ok(config)
    }

    /// Where one of the stores is named, for messages.
    pub fn place_of_store(&self, store: &str) -> &str {
        self.places.get(store).map_or("config.toml", String::as_str)
    }

    /// What is wrong with the texts of the settings, each with its key.
    fn faults(&self) -> Vec<(String, Error)> {
        let mut faults = Vec::new();
        let mut add = |key: &str, fault: Option<Error>| faults.extend(fault.map(|fault| (key.to_string(), fault)));
        add("company.base_currency", currency::fault("company.base_currency", &self.company.base_currency));
        let named = |key: &str, fault: Error| {
            let error = Error::config(format!("{key}: {fault}"));
            fault.advice().map(ToString::to_string).into_iter().fold(error, Error::hint)
        };
        add("mail.from", crate::address::validate_sender(&self.mail.from).err().map(|fault| named("mail.from", fault)));
        for (address, recipient) in &self.recipients {
            let key = format!("recipients.{address}");
            for fault in recipient.faults(address) {
                add(&key, Some(fault));
            }
        }
        if !self.mail.help_contact.is_empty() {
            let fault = crate::address::validate_address(&self.mail.help_contact).err();
            add("mail.help_contact", fault.map(|fault| named("mail.help_contact", fault)));
        }
        for (key, template) in
            [("mail.report_url", &self.mail.report_url), ("mail.customer_url", &self.mail.customer_url)]
        {
            let plain = template.replace(['{', '}'], "");
            let fit = url::Url::parse(&plain).is_ok_and(|url| ["http", "https"].contains(&url.scheme()));
            let error = Error::config(format!("{key} is no web address; expected https://…"))
                .hint("config.toml in the project has an example; leave it empty for no links");
            add(key, (!template.is_empty() && !fit).then_some(error));
        }
        for address in &self.company.head_office {
            let fault = crate::address::validate_address(address).err();
            add("company.head_office", fault.map(|fault| named("company.head_office", fault)));
        }
        for name in &self.intake.ignored_names {
            add("intake.ignored_names", name_pattern(name).err());
        }
        if let Some((key, fault)) = self.smtp_fault() {
            add(key, Some(fault));
        }
        if !self.serve.ping_url.is_empty() {
            let fit = url::Url::parse(&self.serve.ping_url).is_ok_and(|url| ["http", "https"].contains(&url.scheme()));
            // The address is a secret of a kind, so it is not repeated.
            add(
                "serve.ping_url",
                (!fit).then(|| {
                    Error::config("serve.ping_url is no web address; expected https://…")
                        .hint("copy it whole from the service that watches, or leave it empty")
                }),
            );
        }
        faults
    }

    fn smtp_fault(&self) -> Option<(&'static str, Error)> {
        if self.mail.transport != "smtp" {
            return None;
        }
        if self.mail.smtp_host.is_empty() {
            let error = Error::config("mail.transport is \"smtp\" but mail.smtp_host is empty")
                .hint("name the mail server, or set mail.transport = \"file\"");
            return Some(("mail.transport", error));
        }
        let host = self.mail.smtp_host.trim_matches(['[', ']']);
        let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        (self.mail.smtp_security == "none" && !here).then(|| {
            let error = Error::config(format!(
                "mail.smtp_security is \"none\" for {host}; that is for a server on this machine only"
            ));
            let advice =
                "set mail.smtp_security = \"starttls\" or \"tls\": mails and password would cross the network in clear";
            ("mail.smtp_security", error.hint(advice))
        })
    }

    /// The business settings that are not in the reference: an analyst's own, or a slip.
    pub fn own_settings(&self) -> impl Iterator<Item = &str> {
        self.settings.keys().filter(|name| !self.shipped.contains(*name)).map(String::as_str)
    }

    /// Names of the business settings of the reference.
    pub fn shipped_settings(&self) -> impl Iterator<Item = &str> {
        self.shipped.iter().map(String::as_str)
    }

    /// A business setting that is a whole number, not below 0.
    pub fn whole_setting(&self, name: &str) -> Result<u64> {
        let value = self.settings.get(name);
        value.and_then(Value::as_integer).and_then(|number| u64::try_from(number).ok()).ok_or_else(|| {
            let found = value.map_or_else(|| "not there".to_string(), ToString::to_string);
            Error::config(format!("settings.{name} is {found}; expected a whole number from 0"))
        })
    }

    /// Whether a name in the inbox is one that is left alone (`intake.ignored_names`).
    pub fn ignored_names(&self) -> Result<GlobSet> {
        let mut set = GlobSetBuilder::new();
        for name in &self.intake.ignored_names {
            set.add(name_pattern(name)?);
        }
        set.build().map_err(|err| Error::config("intake.ignored_names are no patterns").because(err))
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

fn name_pattern(name: &str) -> Result<Glob> {
    let refuse = |error: Error| error.hint("write a name as in a shell, such as \"*.part\"");
    if name.is_empty() || name.contains('/') || name == "*" {
        return Err(refuse(Error::config(format!(
            "intake.ignored_names holds \"{name}\"; expected a name without `/`"
        ))));
    }
    GlobBuilder::new(name).case_insensitive(true).build().map_err(|err| {
        refuse(Error::config(format!("intake.ignored_names holds \"{name}\", which is no pattern")).because(err))
    })
}

fn resolve_cores(configured: usize) -> usize {
    match configured {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        n => n,
    }
}

#[cfg(test)]
mod tests;

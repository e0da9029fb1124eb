//! The arguments of every command.

mod mail;

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(super) use mail::{MailCommand, PreviewArgs, UnseenArgs};

const EXIT_CODES: &str = "Exit codes: 0 ok; 1 finished with warnings (rejects, late or missing files); \
2 checks failed, nothing was published; 3 run error; 4 published but mails undelivered; \
5 published but readers are behind; 64 usage or settings.";

/// What every command takes stands apart from its own options.
const GLOBAL: &str = "Global options";

/// Partner files in, checked Parquet marts and one alert mail per manager out, every night.
#[derive(Debug, Parser)]
#[command(name = "tributary", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// Settings file; jobs, models and folders are found from it.
    #[arg(
        long,
        short,
        global = true,
        default_value = "config.toml",
        env = "TRIBUTARY_CONFIG",
        value_name = "FILE",
        help_heading = GLOBAL
    )]
    pub config: PathBuf,
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text, help_heading = GLOBAL)]
    pub output: Output,
    /// How logs are written to stderr.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, help_heading = GLOBAL)]
    pub log_format: LogFormat,
    /// More logs: -v for details, -vv for everything. `TRIBUTARY_LOG` takes finer filters.
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = GLOBAL)]
    pub verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Form of results on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs: one JSON document.
    Json,
    /// For spreadsheets: answers of `query` only.
    Csv,
    /// For other engines: answers of `query` only.
    Parquet,
}

/// Form of logs on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What `new` lays down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Piece {
    /// `jobs/senders/<name>.toml`: where a partner's files lie and what its columns mean.
    Sender,
    /// A mart with its description and its test.
    Mart,
    /// An alert with its words, its setting and its test.
    Alert,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lay down settings, feed contracts and SQL models for a new company.
    Init {
        /// A new or empty folder.
        dir: PathBuf,
        /// Adds a worked sender with its files, a mart and an alert with their tests, to look at and to change.
        #[arg(long)]
        example: bool,
    },
    /// Add a sender, mart or alert to this company: a worked one of this name, to be changed.
    New {
        /// What.
        #[arg(value_enum)]
        what: Piece,
        /// Its name: small letters, digits and `_`.
        name: String,
    },
    /// Write a plausible company with labelled faults to try things on.
    Demo(DemoArgs),
    /// Run one job once.
    Run(RunArgs),
    /// Show what a run would fetch, rebuild and raise, without doing it.
    Plan(RunArgs),
    /// Build the marts of past dates; changes no alert and mails nothing.
    Backfill(BackfillArgs),
    /// Stay and run jobs at their local times.
    Serve(ServeArgs),
    /// Check settings, jobs, senders, contracts and SQL without reading data.
    Check,
    /// How the lake stands: last run, missing files, open alerts, mails owed.
    Status {
        /// Fail (exit 3) when the last successful run is older, for example 26h or 2d: for monitoring from outside.
        #[arg(long, value_name = "AGE")]
        max_age: Option<String>,
    },
    /// List past runs, newest first.
    Runs {
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Show one run in full: files, rows, stages, alerts, mails.
    Show {
        /// Its id, a unique beginning of it, or `last`.
        #[arg(default_value = "last")]
        run: String,
    },
    /// Rows and files that were refused, and what to do about each.
    Rejects(RejectsArgs),
    /// Let a delivery count for nothing: the next run builds as if it had not come.
    Withdraw(WithdrawArgs),
    /// Let what was withdrawn, or set aside by a run, count again.
    Restore {
        /// The file's key in the inbox.
        key: String,
    },
    /// Draft the mapping of a new partner's file, and try it at once.
    Profile(ProfileArgs),
    /// Ask the published marts, or any step behind them, a question in SQL.
    Query(QueryArgs),
    /// List models of all layers, with rows and when each was built.
    Ls {
        /// Only these: globs, `name+` with what reads it, `+name` with what it reads.
        select: Vec<String>,
    },
    /// How fresh the files of each sender are; exit 1 where one that is due is not there.
    Freshness,
    /// What SQL and settings on disk would change in the marts; publishes nothing.
    Diff {
        /// Only these marts and what they read: globs, `name+` with what reads it.
        #[arg(long, value_delimiter = ',', value_name = "MARTS")]
        select: Vec<String>,
    },
    /// Where a mart's column comes from, down to the columns of feeds.
    Lineage {
        /// A model, or one of its columns: `channel_kpis`, `channel_kpis.net_sales`.
        target: String,
    },
    /// Hold back mails about a finding for a while.
    Silence {
        /// What to do.
        #[command(subcommand)]
        command: SilenceCommand,
    },
    /// Look at the mails of a run, or send what waits.
    Mail {
        /// What to do.
        #[command(subcommand)]
        command: MailCommand,
    },
    /// Write one web page about a run: files, refused rows, marts, findings, mails.
    Report(ReportArgs),
    /// Write everything there is as a folder of web pages that need no network.
    Site {
        /// The folder; pages of earlier nights stay as they lie there.
        dir: PathBuf,
    },
    /// Describe every mart, feed, mapping key, function and setting in one Markdown document.
    Docs {
        /// Instead, the JSON schema of jobs/senders/*.toml, by which an editor checks and completes them.
        #[arg(long)]
        schema: bool,
        /// A file; standard output by default.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Run the SQL unit tests (tests/slt beside the settings, or the files named).
    Test {
        /// .slt files or folders.
        files: Vec<PathBuf>,
    },
    /// Remove what no commit names any more, and expired mail bodies.
    Clean {
        /// Only list it.
        #[arg(long)]
        dry_run: bool,
    },
    /// Read every file that the commits name and compare it with its hash.
    Verify {
        /// Set a damaged newest commit aside (the next run does that night again), and bring readers to what is published.
        #[arg(long)]
        repair: bool,
    },
    /// Check the machine and the stores: access, conditional writes, disk, time zones, mail.
    Doctor,
    /// Read the one file that a run asks about, in a process of its own.
    #[command(hide = true)]
    ReadFile {
        /// The run's spool folder.
        folder: PathBuf,
    },
    /// Print shell completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write man pages into a folder.
    Man {
        /// The folder.
        dir: PathBuf,
    },
}

/// Arguments of `rejects`.
#[derive(Debug, Args)]
pub struct RejectsArgs {
    /// Only of these senders (glob).
    #[arg(long, visible_alias = "partner", value_name = "SENDER")]
    pub sender: Option<String>,
    /// Only of this feed.
    #[arg(long)]
    pub feed: Option<String>,
    /// Only for this reason: `missing_value`, `unknown_sku`.
    #[arg(long)]
    pub reason: Option<String>,
    /// Only of files whose key in the inbox contains this.
    #[arg(long, value_name = "TEXT")]
    pub file: Option<String>,
    /// Also of files that a later one has replaced.
    #[arg(long)]
    pub all: bool,
    /// Rows shown; 0 for all. Sheets hold all.
    #[arg(long, default_value_t = 40, value_name = "ROWS")]
    pub limit: usize,
    /// Write a sheet to send to the partner: CSV, safe to open in Excel.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write the sheet as an Excel workbook.
    #[arg(long, value_name = "FILE")]
    pub xlsx: Option<PathBuf>,
    /// Read these files again by today's mappings and say what the next run would make of them.
    #[arg(long, conflicts_with_all = ["csv", "xlsx"])]
    pub replay: bool,
}

/// Arguments of `withdraw`.
#[derive(Debug, Args)]
pub struct WithdrawArgs {
    /// The file's key in the inbox, as reports and `tributary show` name it; of several deliveries under it, the newest.
    pub key: String,
    /// Until when: a day (to its end), or a local time such as 2026-12-31T08:00; for good where it is left out.
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
    /// Why.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub reason: String,
    /// Who asks for it.
    #[arg(long, env = "USER", default_value = "", hide_default_value = true)]
    pub author: String,
}

/// Arguments of `query`.
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// `select …`, `show tables` or `describe TABLE`; `-` reads it from standard input.
    pub sql: Option<String>,
    /// Read the SQL from a file; `-` for standard input.
    #[arg(long, short, value_name = "FILE", conflicts_with = "sql")]
    pub file: Option<PathBuf>,
    /// Write the answer to a file: .csv, .parquet, .json, or as `--output` says.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `profile`.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    /// A file on this machine, or its key in the inbox.
    pub file: String,
    /// What it holds; by default the name of its folder, where that is a feed.
    #[arg(long)]
    pub feed: Option<String>,
    /// Whose it is; by default the folder above the feed's.
    #[arg(long)]
    pub sender: Option<String>,
    /// Write jobs/senders/<SENDER>.toml, or add the feed to it.
    #[arg(long)]
    pub write: bool,
}

/// Commands about silences.
#[derive(Debug, Subcommand)]
pub enum SilenceCommand {
    /// Lay a silence: it needs an end and somebody who signs it.
    Add(SilenceArgs),
    /// Silences that hold now.
    List,
    /// End a silence now.
    End {
        /// Its id, or a unique beginning of it.
        id: String,
    },
}

/// Arguments of `silence add`.
#[derive(Debug, Args)]
pub struct SilenceArgs {
    /// The grey line under the finding in a mail: a rule and its labels, such as: overstock `partner_id=P101`
    #[arg(required = true, value_name = "RULE|LABEL=VALUE")]
    pub finding: Vec<String>,
    /// For how long: 12h, 7d.
    #[arg(long = "for", value_name = "SPAN", conflicts_with = "until")]
    pub span: Option<String>,
    /// Until when: a day (to its end), or a local time such as 2026-12-31T08:00.
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
    /// Who asks for it.
    #[arg(long, env = "USER", default_value = "", hide_default_value = true)]
    pub author: String,
    /// Why.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub comment: String,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run: its id, a unique beginning of it, or `last`.
    #[arg(default_value = "last")]
    pub run: String,
    /// A file; standard output by default.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `run` and `plan`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person may give")]
pub struct RunArgs {
    /// The job: jobs/<JOB>.toml.
    pub job: String,
    /// As-of date; the last closed business day by default.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub date: Option<NaiveDate>,
    /// Build everything again instead of reusing unchanged partitions.
    #[arg(long)]
    pub full_refresh: bool,
    /// Only these marts and what they read (globs, comma separated); `stg_sales+` for all marts made from a step, `+MART+` for
    /// all it is made from and all made from it.
    #[arg(long, value_delimiter = ',', value_name = "MARTS")]
    pub select: Vec<String>,
    /// Take back what was published for later dates (a night when the clock was ahead): readers see this date again.
    #[arg(long, conflicts_with = "select")]
    pub take_back: bool,
    /// The clock and the date are right, although nothing was delivered or published near them.
    #[arg(long)]
    pub trust_clock: bool,
    /// Fill the marts from this lake, although they show commits that it does not have.
    #[arg(long)]
    pub new_lake: bool,
}

/// Arguments of `backfill`.
#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// The job.
    pub job: String,
    /// First as-of date.
    #[arg(long)]
    pub from: NaiveDate,
    /// Last as-of date.
    #[arg(long)]
    pub to: NaiveDate,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Jobs; all by default.
    pub jobs: Vec<String>,
    /// Run what is due now, then leave.
    #[arg(long)]
    pub once: bool,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// A new or empty folder.
    pub dir: PathBuf,
    /// Partners, from 17 on: the planted stories need that many.
    #[arg(long, default_value_t = 17)]
    pub partners: usize,
    /// Days of history up to the end date.
    #[arg(long, default_value_t = 418)]
    pub days: u32,
    /// Sales rows a day, over all partners.
    #[arg(long, default_value_t = 140)]
    pub rows_per_day: u64,
    /// Same seed, same bytes.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Last business day.
    #[arg(long, default_value = "2026-11-22")]
    pub end: NaiveDate,
    /// Days at the end that are delivered night by night; what is older comes as monthly files.
    #[arg(long, default_value_t = 22)]
    pub nightly_days: u32,
}

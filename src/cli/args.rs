//! The arguments of every command.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use super::{Console, Exit};
use crate::error::Result;

const EXIT_CODES: &str = "Exit codes: 0 ok; 1 finished with warnings (rejects, late or missing files); \
2 checks failed, nothing was published; 3 run error; 4 published but mails undelivered; 64 usage or settings.";

/// Partner files in, checked Parquet marts and one alert mail per manager out, every night.
#[derive(Debug, Parser)]
#[command(name = "tributary", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// Settings file; jobs, models and folders are found from it.
    #[arg(long, short, global = true, default_value = "config.toml", env = "TRIBUTARY_CONFIG", value_name = "FILE")]
    pub config: PathBuf,
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// How logs are written to stderr.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// More logs: -v for details, -vv for everything. `TRIBUTARY_LOG` takes finer filters.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
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
}

/// Form of logs on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lay down settings, feed contracts and SQL models for a new company.
    Init {
        /// A new or empty folder.
        dir: PathBuf,
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
        run: String,
    },
    /// Ask the published marts a question in SQL.
    Query {
        /// For example: select * from `channel_kpis` limit 5
        sql: String,
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

/// Arguments of `run` and `plan`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The job: jobs/<JOB>.toml.
    pub job: String,
    /// As-of date; the last closed business day by default.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub date: Option<NaiveDate>,
    /// Build everything again instead of reusing unchanged partitions.
    #[arg(long)]
    pub full_refresh: bool,
    /// Only these marts and what they read (globs, comma separated).
    #[arg(long, value_delimiter = ',', value_name = "MARTS")]
    pub select: Vec<String>,
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
    /// Partners.
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

/// Prints completions for `shell`.
pub(super) fn completions(shell: clap_complete::Shell, console: &Console) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tributary", &mut script);
    console.raw(&script)?;
    Ok(Exit::Ok)
}

/// Writes one man page a command into `dir`.
pub(super) fn man(dir: &std::path::Path, console: &Console) -> Result<Exit> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(Cli::command(), dir)?;
    console.line(format!("man pages written to {}", dir.display()))?;
    Ok(Exit::Ok)
}

//! The command line: what can be asked, and how each answer ends.
//!
//! Results go to stdout, logs and errors to stderr. Exit codes are the contract with schedulers; see [`Exit`].

mod args;
mod console;
mod init;
mod run;
mod check;
mod held;
mod serve;
mod doctor;
mod inspect;
mod query;
mod show;
mod ls;
mod diff;
mod status;
mod profile;
mod progress;
mod rejects;
mod describe;
mod instant;
mod silence;
mod mails;
mod verify;
mod withdraw;
mod manual;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use args::Output;
pub use args::{Cli, Command};
pub use console::Console;

use crate::error::{Error, Kind, Result};
use crate::pipeline;

/// How a command ended, as schedulers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All well.
    Ok,
    /// Finished and published, with rejects, late or missing files or warnings.
    Warnings,
    /// Checks failed, nothing new was published.
    Checks,
    /// The run ended with an error.
    Error,
    /// Published, but mails could not be delivered.
    Undelivered,
    /// Published, but what readers open could not be brought to it yet.
    Behind,
    /// Wrong arguments, settings, jobs or models.
    Usage,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warnings => 1,
            Self::Checks => 2,
            Self::Error => 3,
            Self::Undelivered => 4,
            Self::Behind => 5,
            Self::Usage => 64,
        }
    }

    /// The code that an error leads to.
    pub fn of(err: &Error) -> Self {
        match err.kind() {
            Kind::Config | Kind::Data => Self::Usage,
            Kind::Checks => Self::Checks,
            Kind::Retry | Kind::Input | Kind::Fenced | Kind::Bug => Self::Error,
        }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    ExitCode::from(run_args(std::env::args_os()).code())
}

/// Runs one command line to its end.
pub fn run_args(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(err) => {
            let help = !err.use_stderr();
            // Help that cannot be written has no one to read it.
            err.print().ok();
            return if help { Exit::Ok } else { Exit::Usage };
        }
    };
    let console = Console::new(cli.output);
    if matches!(cli.output, Output::Csv | Output::Parquet) && !matches!(cli.command, Command::Query(_)) {
        console.error(
            &Error::config("only answers of `query` are written as CSV or Parquet").hint("--output text or json"),
        );
        return Exit::Usage;
    }
    console::init_logs(&cli);
    if let Command::ReadFile { folder } = &cli.command {
        return match pipeline::apart::answer(&cli.config, folder) {
            Ok(()) => Exit::Ok,
            Err(err) => {
                console.error(&err);
                Exit::Error
            }
        };
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(8 << 20).build() {
        Ok(runtime) => runtime,
        Err(err) => {
            console.error(&Error::retry("cannot start worker threads").because(err));
            return Exit::Error;
        }
    };
    let exit = runtime.block_on(Box::pin(dispatch(&cli, &console)));
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    match exit {
        Ok(exit) => exit,
        Err(err) => {
            console.error(&err);
            Exit::of(&err)
        }
    }
}

async fn dispatch(cli: &Cli, console: &Console) -> Result<Exit> {
    match &cli.command {
        Command::Init { dir, example } => init::init(dir, *example, console),
        Command::New { what, name } => init::add(cli, *what, name, console),
        Command::Demo(args) => init::demo(args, console).await,
        Command::Run(args) => run::run(cli, args, console).await,
        Command::Plan(args) => run::plan(cli, args, console).await,
        Command::Backfill(args) => run::backfill(cli, args, console).await,
        Command::Serve(args) => serve::serve(cli, args, console).await,
        Command::Check => check::check(cli, console).await,
        Command::Status { max_age } => status::status(cli, max_age.as_deref(), console).await,
        Command::Runs { limit } => inspect::runs(cli, *limit, console).await,
        Command::Show { run } => show::show(cli, run, console).await,
        Command::Rejects(args) => rejects::rejects(cli, args, console).await,
        Command::Withdraw(args) => withdraw::withdraw(cli, args, console).await,
        Command::Restore { key } => withdraw::restore(cli, key, console).await,
        Command::Profile(args) => profile::profile(cli, args, console).await,
        Command::Lineage { target } => describe::lineage(cli, target, console).await,
        Command::Silence { command } => silence::silence(cli, command, console).await,
        Command::Mail { command } => mails::mail(cli, command, console).await,
        Command::Report(args) => describe::report(cli, args, console).await,
        Command::Docs { out, schema } => describe::docs(cli, out.as_deref(), *schema, console),
        Command::Query(args) => query::query(cli, args, console).await,
        Command::Ls { select } => ls::ls(cli, select, console).await,
        Command::Diff { select } => diff::diff(cli, select, console).await,
        Command::Freshness => ls::freshness(cli, console).await,
        Command::Test { files } => inspect::test(cli, files, console).await,
        Command::Clean { dry_run } => inspect::clean(cli, *dry_run, console).await,
        Command::Verify { repair } => verify::verify(cli, *repair, console).await,
        Command::Doctor => doctor::doctor(cli, console).await,
        Command::ReadFile { .. } => Err(Error::bug("read-file is answered before the runtime starts")),
        Command::Completions { shell } => manual::completions(*shell, console),
        Command::Man { dir } => manual::man(dir, console),
    }
}

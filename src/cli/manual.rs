//! What shells and `man` read about the commands.

use clap::CommandFactory;

use super::args::Cli;
use super::{Console, Exit};
use crate::error::Result;

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

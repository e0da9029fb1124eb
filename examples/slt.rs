//! `cargo run --example slt -- tests/slt/foo.slt ...`: runs SQL tests while models are being written.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};

use tributary::config::Config;
use tributary::contract::Contracts;
use tributary::error::Error;
use tributary::models::{self, Registry, slt};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let config = Config::load(Path::new("config.toml"))?;
    let contracts = Contracts::load(&config.folders.jobs)?;
    let (registry, mut problems) = Registry::read(&config, &contracts)?;
    if problems.is_empty() {
        problems.extend(models::check(&registry, &config).await?);
    }
    for problem in problems {
        let hint = problem.advice().map(|hint| format!("({hint})")).unwrap_or_default();
        println!("problem: {} {hint}", problem.one_line());
    }
    let mut files: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    if files.is_empty() {
        files = slt::files(Path::new("tests/slt"))?;
    }
    let report = slt::run(&files, &registry, &config).await?;
    for file in &report.files {
        println!("{}: {} passed, {} failed", file.path.display(), file.passed, file.failures.len());
        for failure in &file.failures {
            println!("  line {}: {}", failure.line, failure.message.replace('\n', "\n    "));
        }
    }
    if report.is_ok() { Ok(()) } else { Err(Error::checks("some tests failed")) }
}

//! `cargo run --example slt -- tests/slt/foo.slt ...`: runs SQL tests while models are being written.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};

use tributary::config::Config;
use tributary::models::{feeds, registry::Registry, slt};

#[tokio::main]
async fn main() -> Result<(), tributary::error::Error> {
    let config = Config::load(Path::new("config.toml"))?;
    let schemas = feeds::read(&config.folders.jobs.join("feeds"))?;
    let (registry, problems) = Registry::read(&config, schemas)?;
    for problem in problems {
        println!(
            "problem: {} {}",
            problem.one_line(),
            problem.advice().map(|hint| format!("({hint})")).unwrap_or_default()
        );
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
    if report.is_ok() { Ok(()) } else { Err(tributary::error::Error::checks("some tests failed")) }
}

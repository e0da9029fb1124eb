//! `init` lays down a new company; `demo` also fills its inbox.

use std::path::Path;

use include_dir::{Dir, include_dir};

use super::args::DemoArgs;
use super::{Console, Exit};
use crate::config;
use crate::demo;
use crate::error::{Error, Result};

/// The shipped feed contracts.
static FEEDS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/jobs/feeds");
/// The shipped models.
static SQL: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql");
/// The shipped job.
const NIGHTLY: &str = include_str!("../../jobs/nightly.toml");

/// Lays down settings, job, feed contracts and models.
pub(super) fn init(dir: &Path, console: &Console) -> Result<Exit> {
    lay_down(dir)?;
    std::fs::create_dir_all(dir.join("inbox"))?;
    console.line(format!(
        "new company in {dir}\n\nNext\n  1. set its name, managers and stores in {dir}/config.toml\n  \
         2. describe each partner in {dir}/jobs/senders/<sender>.toml\n  \
         3. tributary --config {dir}/config.toml check\n  4. tributary --config {dir}/config.toml run nightly",
        dir = dir.display()
    ))?;
    Ok(Exit::Ok)
}

/// Lays down a company and generates its deliveries.
pub(super) async fn demo(args: &DemoArgs, console: &Console) -> Result<Exit> {
    let options = demo::Options {
        dir: args.dir.clone(),
        partners: args.partners,
        days: args.days,
        rows_per_day: args.rows_per_day,
        seed: args.seed,
        end: args.end,
        nightly_days: args.nightly_days,
    };
    options.validate()?;
    lay_down(&args.dir)?;
    let bar = console.progress();
    bar.set_prefix("demo");
    let progress = bar.clone();
    let work = tokio::task::spawn_blocking(move || {
        demo::generate(&options, &mut |at: demo::Progress| {
            progress.set_length(at.total);
            progress.set_position(at.done);
        })
    });
    let summary = work.await.map_err(|err| Error::bug("the demo generator crashed").because(err))??;
    bar.finish_and_clear();
    if console.json() {
        console.document(&summary)?;
    } else {
        let dir = args.dir.display();
        console.line(format!(
            "demo company in {dir}: {} files, {} rows, {} labelled stories (labels.json)\n\nNext\n  \
             tributary --config {dir}/config.toml run nightly --date {}",
            summary.files, summary.rows, summary.labels, args.end
        ))?;
    }
    Ok(Exit::Ok)
}

fn lay_down(dir: &Path) -> Result<()> {
    if dir.exists() && std::fs::read_dir(dir)?.next().is_some() {
        return Err(Error::config("the folder is not empty")
            .at(dir.display())
            .hint("name a new folder, so that nothing of yours is overwritten"));
    }
    let jobs = dir.join("jobs");
    std::fs::create_dir_all(jobs.join("senders"))?;
    std::fs::create_dir_all(jobs.join("feeds"))?;
    std::fs::create_dir_all(dir.join("sql"))?;
    FEEDS.extract(jobs.join("feeds"))?;
    SQL.extract(dir.join("sql"))?;
    std::fs::write(jobs.join("nightly.toml"), NIGHTLY)?;
    let settings = config::REFERENCE.replacen("inbox = \"fixtures/inbox\"", "inbox = \"inbox\"", 1);
    std::fs::write(dir.join("config.toml"), settings)?;
    Ok(())
}

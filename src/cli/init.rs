//! `init` lays down a new company, `new` a piece of it; `demo` also fills its inbox.

use std::path::Path;

use include_dir::{Dir, include_dir};

use super::args::{Cli, DemoArgs, Piece};
use super::{Console, Exit};
use crate::config::{self, Config};
use crate::demo;
use crate::error::{Error, Result};

/// The shipped feed contracts.
static FEEDS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/jobs/feeds");
/// The shipped models.
static SQL: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql");
/// A worked sender, mart and alert with their tests: what `new` copies under another name.
static EXAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/example");
/// The shipped job.
const NIGHTLY: &str = include_str!("../../jobs/nightly.toml");

/// The day of the example's sales.
const EXAMPLE_DAY: &str = "2026-11-22";

/// Lays down settings, job, feed contracts and models.
pub(super) fn init(dir: &Path, example: bool, console: &Console) -> Result<Exit> {
    lay_down(dir)?;
    std::fs::create_dir_all(dir.join("inbox"))?;
    if example {
        EXAMPLE.extract(dir)?;
        add_setting(&dir.join("config.toml"), "deep_discounts")?;
        console.line(format!(
            "new company in {dir}, with an example:\n  jobs/senders/web_shop.toml          how a partner's files are read\n  \
             inbox/web_shop/sales/               one of them\n  sql/marts/own/discount_days.*       a mart\n  \
             sql/alerts/own/deep_discounts.*     an alert, and deep_discounts_rate in config.toml\n  \
             tests/slt/                          their tests\n\nNext\n  1. tributary --config {dir}/config.toml check\n  \
             2. tributary --config {dir}/config.toml test\n  \
             3. tributary --config {dir}/config.toml run nightly --date {EXAMPLE_DAY}\n  \
             4. tributary --config {dir}/config.toml query \"select * from discount_days\"",
            dir = dir.display()
        ))?;
        return Ok(Exit::Ok);
    }
    console.line(format!(
        "new company in {dir}\n\nNext\n  1. set its name, managers and stores in {dir}/config.toml\n  \
         2. describe each partner in {dir}/jobs/senders/<sender>.toml\n  \
         3. tributary --config {dir}/config.toml check\n  4. tributary --config {dir}/config.toml run nightly",
        dir = dir.display()
    ))?;
    Ok(Exit::Ok)
}

/// Adds a piece to the company: the example's under another name. Nothing that is there is overwritten.
pub(super) fn add(cli: &Cli, what: Piece, name: &str, console: &Console) -> Result<Exit> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) || !name.bytes().all(plain) {
        return Err(Error::config(format!("\"{name}\" cannot be a name"))
            .hint("use small letters, digits and `_`, beginning with a letter"));
    }
    let config = Config::load(&cli.config)?;
    let (example, folder) = match what {
        Piece::Sender => ("web_shop", ""),
        Piece::Mart => ("discount_days", "marts/own"),
        Piece::Alert => ("deep_discounts", "alerts/own"),
    };
    let (jobs, sql) = (&config.folders.jobs, &config.folders.sql);
    let places = match what {
        Piece::Sender => {
            vec![(format!("jobs/senders/{example}.toml"), jobs.join("senders").join(format!("{name}.toml")))]
        }
        Piece::Mart | Piece::Alert => {
            let model = |ending: &str| {
                (format!("sql/{folder}/{example}.{ending}"), sql.join(folder).join(format!("{name}.{ending}")))
            };
            let test = (format!("tests/slt/{example}.slt"), config.root.join("tests/slt").join(format!("{name}.slt")));
            vec![model("sql"), model("toml"), test]
        }
    };
    if let Some((_, there)) = places.iter().find(|(_, place)| place.exists()) {
        return Err(Error::config("it is there already").at(there.display()).hint("choose another name"));
    }
    if let Some(other) = named(sql, name).filter(|_| what != Piece::Sender) {
        return Err(Error::config(format!("a model is called {name} already"))
            .at(other.display())
            .hint("choose another name"));
    }
    console.line(format!("{name}, to be changed as you need it:"))?;
    for (source, place) in &places {
        let text = EXAMPLE.get_file(source).and_then(include_dir::File::contents_utf8);
        let text = text.ok_or_else(|| Error::bug(format!("the example has no {source}")))?;
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder).map_err(|err| Error::from(err).at(folder.display()))?;
        }
        std::fs::write(place, text.replace(example, name)).map_err(|err| Error::from(err).at(place.display()))?;
        console.line(format!("  {}", place.display()))?;
    }
    let next = match what {
        Piece::Sender => format!(
            "put a first file into <inbox>/{name}/sales/, and let `tributary profile` try the mapping on it; \
             `tributary docs` has every key with an example"
        ),
        Piece::Mart => "tributary test, then tributary run JOB".to_string(),
        Piece::Alert => {
            add_setting(&cli.config, name)?;
            console.line(format!("  {} ({name}_rate)", cli.config.display()))?;
            "tributary test, then tributary run JOB".to_string()
        }
    };
    console.line(format!("\nNext\n  {next}"))?;
    Ok(Exit::Ok)
}

/// The file of a model of this name, in whatever subject.
fn named(folder: &Path, name: &str) -> Option<std::path::PathBuf> {
    let entries: Vec<_> = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.into_iter().find_map(|path| {
        if path.is_dir() {
            return named(&path, name);
        }
        (path.file_stem()?.to_str()? == name && path.extension()? == "sql").then_some(path)
    })
}

/// Adds the threshold of an example's alert to the settings.
fn add_setting(config: &Path, alert: &str) -> Result<()> {
    let text = std::fs::read_to_string(config).map_err(|err| Error::from(err).at(config.display()))?;
    let line = format!(
        "# Share of a day's sales before discount from which a partner's discounts are told by the alert {alert}.\n\
         {alert}_rate = 0.30\n"
    );
    let text = match text.find("[settings]\n") {
        Some(at) => {
            let after = at + "[settings]\n".len();
            format!("{}{line}{}", &text[..after], &text[after..])
        }
        None => format!("{}\n\n[settings]\n{line}", text.trim_end()),
    };
    std::fs::write(config, text).map_err(|err| Error::from(err).at(config.display()))
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

use std::fs;

use chrono::TimeDelta;
use clap::Parser as _;

use super::*;

const JOB: &str = "description = \"Every night\"\nat = \"06:30\"\n";

/// A company with one model, whose files the test edits.
struct Company {
    dir: TempDir,
}

impl Company {
    fn new() -> Self {
        let company = Self { dir: tempfile::tempdir().unwrap() };
        company.write("config.toml", "[stores]\ninbox = \"inbox\"\nlake = \"lake\"\nmarts = \"marts\"\n");
        company.write("jobs/nightly.toml", JOB);
        company.write("jobs/senders/.keep", "");
        company.write("jobs/feeds/.keep", "");
        fs::create_dir_all(company.dir.path().join("inbox")).unwrap();
        company.model("select '1' as id");
        company
    }

    fn model(&self, sql: &str) {
        self.write("sql/marts/one.sql", sql);
        self.write(
            "sql/marts/one.toml",
            "grain = \"thing\"\nkey = [\"id\"]\nmaterialised = \"table\"\n[description]\nen = \"One\"\nzh = \"一\"\n\
             [[columns]]\nname = \"id\"\ntype = \"text\"\nen = \"Id\"\nzh = \"编号\"\n",
        );
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn held(&self, jobs: &[&str]) -> Held {
        let config = self.dir.path().join("config.toml");
        let cli = Cli::try_parse_from(["tributary", "--config", &config.display().to_string(), "serve"]).unwrap();
        let jobs: Vec<String> = jobs.iter().map(ToString::to_string).collect();
        Held::open(&cli, &jobs).unwrap()
    }
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

fn times(held: &Held) -> Vec<String> {
    held.loaded().jobs.iter().map(|job| format!("{} {}", job.name, job.at)).collect()
}

#[tokio::test]
async fn what_is_changed_and_valid_is_taken_up() {
    let company = Company::new();
    let held = company.held(&[]);
    assert!(!held.look(at(0)).await, "nothing has changed");
    company.write("jobs/nightly.toml", &JOB.replace("06:30", "7:15"));
    assert!(held.look(at(1)).await);
    assert_eq!(times(&held), ["nightly 7:15"]);
    company.model("select '2' as id, 'x' as word_that_is_new");
    company.write("jobs/weekly.toml", &JOB.replace("06:30", "09:00"));
    company.write(
        "config.toml",
        "[serve]\ntick_seconds = 5\n[stores]\ninbox = \"inbox\"\nlake = \"lake\"\nmarts = \"marts\"\n",
    );
    assert!(!held.look(at(2)).await, "a column that is not described is a fault");
    company.model("select '2' as id");
    assert!(held.look(at(3)).await);
    assert_eq!(times(&held), ["nightly 7:15", "weekly 09:00"]);
    assert!(held.loaded().company.registry.model("one").unwrap().sql.contains("select '2'"));
    assert_eq!(held.loaded().company.config.serve.tick_seconds, 5);
    fs::remove_file(company.dir.path().join("jobs/weekly.toml")).unwrap();
    assert!(held.look(at(4)).await);
    assert_eq!(times(&held), ["nightly 7:15"], "a job that was taken out is run no more");
    let told = held.refused();
    assert_eq!((told.len(), told[0].gone.as_deref(), told[0].since), (1, Some("weekly"), at(4)));
    assert!(!held.look(at(5)).await);
    assert_eq!(held.refused().len(), 1, "that is told until somebody has seen to it");
    held.forget();
    assert_eq!(held.refused(), []);
    assert!(held.look(at(6)).await, "told to read again, it does");
    fs::remove_file(company.dir.path().join("jobs/nightly.toml")).unwrap();
    company.write("jobs/weekly.toml", JOB);
    assert!(held.look(at(7)).await);
    assert_eq!(held.refused().len(), 1);
    company.write("jobs/nightly.toml", JOB);
    assert!(held.look(at(8)).await);
    assert_eq!(held.refused(), [], "what is back is gone no more");
}

/// Whatever is broken, the nights go on by what was valid, it is told since when and what, and mended it is taken up.
#[tokio::test]
async fn what_is_broken_leaves_the_last_good_ones_in_force() {
    for (file, broken, said) in [
        ("config.toml", "[company]\nname = ", "config.toml"),
        ("config.toml", "[company]\nlocal = \"zh\"", "unknown setting `company.local`"),
        ("jobs/nightly.toml", "at = \"26:30\"", "nightly.toml"),
        ("jobs/nightly.toml", "description = \"x\"\nat = \"06:30\"\nmarts = [\"onne\"]", "marts names `onne`"),
        ("sql/marts/one.sql", "selekt 1 as id", "sql/marts/one.sql"),
        ("sql/marts/one.sql", "select nope as id", "sql/marts/one.sql"),
        ("sql/marts/one.toml", "grain = 7", "one.toml"),
        ("sql/marts/two.sql", "select '1' as id", "model without a sidecar"),
    ] {
        let company = Company::new();
        let held = company.held(&[]);
        let good = fs::read_to_string(company.dir.path().join(file)).ok();
        company.write(file, broken);
        assert!(!held.look(at(10)).await, "{file} {broken}");
        assert_eq!(times(&held), ["nightly 06:30"], "{file}: the last good ones");
        let refused = held.refused().pop().unwrap_or_else(|| panic!("{file} {broken} is taken for good"));
        assert!(refused.error.contains(said) || refused.place.contains(said), "{file}: {refused:?}");
        assert_eq!(refused.since, at(10));
        company.write(file, &format!("{broken}\n\n"));
        assert!(!held.look(at(20)).await);
        assert_eq!(held.refused()[0].since, at(10), "{file}: told since it was first seen");
        match good {
            Some(good) => company.write(file, &good),
            None => fs::remove_file(company.dir.path().join(file)).unwrap(),
        }
        assert!(held.look(at(30)).await, "{file}: mended");
        assert_eq!(held.refused(), [], "{file}");
    }
}

/// A job that was asked for by name, or the only one, is not lost while its file is away.
#[tokio::test]
async fn a_file_that_is_away_for_a_moment_loses_no_job() {
    for wanted in [vec!["nightly"], vec![]] {
        let company = Company::new();
        let held = company.held(&wanted);
        fs::remove_file(company.dir.path().join("jobs/nightly.toml")).unwrap();
        assert!(!held.look(at(1)).await);
        assert_eq!(times(&held), ["nightly 06:30"]);
        assert_eq!(held.refused().len(), 1);
        company.write("jobs/nightly.toml", JOB);
        assert!(held.look(at(2)).await);
        assert_eq!(held.refused(), []);
    }
}

/// The reader of workbooks goes by a copy: it does not stumble over a file that is being edited.
#[tokio::test]
async fn the_reader_apart_keeps_the_settings_of_the_night() {
    let company = Company::new();
    company.write("jobs/feeds/x.toml.txt", "kept");
    let held = company.held(&[]);
    company.write("config.toml", "broken");
    if let Reader::Apart { config, .. } = held.loaded().company.reader.clone() {
        let copied = Config::load(&config).unwrap();
        assert_eq!(fs::read_to_string(copied.folders.jobs.join("feeds/x.toml.txt")).unwrap(), "kept");
    }
}

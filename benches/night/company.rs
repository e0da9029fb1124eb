//! A demo company on disk, its last day held back, and the steps that are measured of it.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use chrono::{Days, Months, NaiveDate};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::process::{self, Cost};
use super::{Failure, marts};

/// The last business day.
const END: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 22).expect("a date");
/// So many months back lies what is corrected, or at the begin of a shorter history.
const CORRECTED_MONTHS_BACK: u32 = 20;

/// One company as one binary sees it.
pub(super) struct Company {
    folder: PathBuf,
    binary: PathBuf,
}

impl Company {
    /// Writes it below `folder`; what was delivered on the last day lies aside.
    pub(super) fn write(
        folder: PathBuf,
        binary: &Path,
        months: u32,
        partners: usize,
        rows_per_day: u64,
    ) -> Result<Self, Failure> {
        let first = END - Months::new(months);
        let days = (END - first).num_days();
        let (days, partners, rows) = (days.to_string(), partners.to_string(), rows_per_day.to_string());
        let args = ["demo", "--days", &days, "--partners", &partners, "--rows-per-day", &rows];
        let made = std::process::Command::new(binary).args(args).arg(&folder).output()?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned().into());
        }
        let company = Self { folder, binary: binary.to_path_buf() };
        company.carry("inbox", "last_day")?;
        Ok(company)
    }

    /// Measures one step. Each may be measured again: it starts from where the step before it ended.
    pub(super) fn step(&mut self, step: &str) -> Result<Cost, Failure> {
        let before = END - Days::new(1);
        match step {
            "build" => self.run("out", before, &[]),
            // Only the date is new.
            "quiet" => {
                self.copy("out", "quiet")?;
                self.run("quiet", END, &[])
            }
            "night" => {
                self.carry("last_day", "inbox")?;
                self.copy("out", "night")?;
                self.run("night", END, &[])
            }
            "correction" => {
                self.correct()?;
                self.copy("night", "correction")?;
                self.run("correction", END, &[])
            }
            "rebuild" => {
                self.copy("correction", "rebuild")?;
                self.run("rebuild", END, &["--full-refresh"])
            }
            other => Err(format!("no step {other}").into()),
        }
    }

    /// The rows that night by night and a full refresh agree on.
    pub(super) fn compare(&self) -> Result<u64, Failure> {
        marts::compare(&self.folder.join("correction/marts"), &self.folder.join("rebuild/marts"))
    }

    fn run(&self, out: &str, date: NaiveDate, more: &[&str]) -> Result<Cost, Failure> {
        let config = self.folder.join("config.toml");
        let text = fs::read_to_string(&config)?.replace("\"out/", &format!("\"{out}/"));
        let own = self.folder.join(format!("config-{out}.toml"));
        fs::write(&own, text)?;
        let date = date.to_string();
        process::run(&self.binary, &own, &[&["run", "nightly", "--date", &date], more].concat())
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), Failure> {
        let to = self.folder.join(to);
        if to.exists() {
            fs::remove_dir_all(&to)?;
        }
        for file in files(&self.folder.join(from))? {
            let target = to.join(file.strip_prefix(self.folder.join(from))?);
            fs::create_dir_all(target.parent().ok_or("a folder")?)?;
            fs::copy(&file, &target)?;
        }
        Ok(())
    }

    /// Moves the files of the last day from one folder to another.
    fn carry(&self, from: &str, to: &str) -> Result<(), Failure> {
        let (from, to) = (self.folder.join(from), self.folder.join(to));
        let day = format!("_{END}_");
        for file in files(&from)? {
            if file.file_name().is_some_and(|name| name.to_string_lossy().contains(&day)) {
                let target = to.join(file.strip_prefix(&from)?);
                fs::create_dir_all(target.parent().ok_or("a folder")?)?;
                fs::rename(&file, &target)?;
            }
        }
        Ok(())
    }

    /// One shop's month comes once more, without its last row.
    fn correct(&self) -> Result<(), Failure> {
        let sales = self.folder.join("inbox/own_shops/sales");
        let mut months: Vec<PathBuf> =
            files(&sales)?.into_iter().filter(|file| file.to_string_lossy().ends_with(".csv.gz")).collect();
        months.sort();
        let wanted = (END - Months::new(CORRECTED_MONTHS_BACK)).format("sales_%Y-%m_").to_string();
        let name =
            |file: &PathBuf| file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(old) = months.iter().find(|file| name(file) >= wanted) else { return Ok(()) };
        let mut text = String::new();
        MultiGzDecoder::new(fs::File::open(old)?).read_to_string(&mut text)?;
        let rest = text.trim_end();
        let kept = rest.rfind('\n').and_then(|at| rest.get(..=at)).ok_or("a file of several lines")?;
        let name = name(old);
        let month = name.rsplit_once('_').ok_or("the name of a monthly file")?.0;
        let corrected = sales.join(format!("{month}_{}T2000.csv.gz", END.format("%Y%m%d")));
        let mut out = GzEncoder::new(fs::File::create(corrected)?, Compression::default());
        out.write_all(kept.as_bytes())?;
        out.finish()?;
        Ok(())
    }
}

/// All files below a folder, if it is there.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop().filter(|folder| folder.exists()) {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}

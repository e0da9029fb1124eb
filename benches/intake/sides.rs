//! The two sides of the comparison, each in a process of its own that tells what it took.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use chrono::NaiveDate;
use tributary::clock::Clock;
use tributary::pipeline::{self, Company, Request, Told};

use super::Failure;
use super::files::Case;

/// The first argument of a child process that runs tributary's side.
pub(super) const CHILD: &str = "--child";

/// Reads CSVs into Parquet with every row that cannot be typed in the table of rejects, as tributary does.
const DUCKDB: &str = r#"
import duckdb, resource, sys, time
duckdb.sql("set enable_progress_bar = false")
pattern, out = sys.argv[1:3]
started = time.perf_counter()
duckdb.sql(f"""
    copy (
        select * from read_csv('{pattern}', header = true, filename = true, store_rejects = true, columns = {{
            'partner_id': 'varchar', 'order_id': 'varchar', 'line_no': 'bigint', 'channel_id': 'varchar',
            'sold_at': 'timestamp', 'customer_id': 'varchar', 'sku': 'varchar', 'quantity': 'bigint',
            'unit_price': 'decimal(18,4)', 'discount_amount': 'decimal(18,4)', 'currency': 'varchar',
            'ship_to_region': 'varchar', 'sale_type': 'varchar'}})
    ) to '{out}' (format parquet, compression snappy)
""")
seconds = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_SELF)
print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"#;

/// Rows and sums of both outputs, which must be the same.
const COMPARE: &str = r#"
import duckdb, sys
duckdb.sql("set enable_progress_bar = false")
ours, theirs = [
    duckdb.sql(f"""
        select count(*), sum(line_no), sum(quantity), sum(quantity * unit_price - discount_amount), count(distinct sku),
            sum(length(order_id)), min(sold_at{zone}), max(sold_at{zone})
        from read_parquet({files})
    """).fetchall()[0]
    for files, zone in [
        (f"'{sys.argv[1]}/{sys.argv[2]}/staged/**/*.parquet'", " at time zone 'Asia/Shanghai'"),
        (f"'{sys.argv[1]}/duckdb.parquet'", ""),
    ]
]
if ours != theirs:
    sys.exit(f"the outputs differ:\n  tributary {ours}\n  duckdb    {theirs}")
print(ours[0])
"#;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Tributary,
    Duckdb,
}

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) peak_megabytes: f64,
}

/// The python that has `duckdb`.
pub(super) fn python() -> Result<PathBuf, Failure> {
    let advice = "set TRIBUTARY_DUCKDB_PYTHON to a python that has duckdb: \
                  python3 -m venv venv && venv/bin/pip install duckdb";
    let python = std::env::var_os("TRIBUTARY_DUCKDB_PYTHON").map(PathBuf::from).ok_or(advice)?;
    let found = Command::new(&python).args(["-c", "import duckdb"]).output();
    match found {
        Ok(output) if output.status.success() => Ok(python),
        _ => Err(format!("{} has no duckdb; {advice}", python.display()).into()),
    }
}

impl Side {
    /// Runs it on the files of `folder`.
    pub(super) fn run(self, python: &Path, folder: &Path, case: Case, round: usize) -> Result<Run, Failure> {
        let mut command = match self {
            Self::Tributary => {
                company(folder, round)?;
                let mut command = Command::new(std::env::current_exe()?);
                command.arg(CHILD).arg(folder);
                command
            }
            Self::Duckdb => {
                let pattern = folder.join(format!("inbox/shops/sales/*.{}", case.extension()));
                let mut command = Command::new(python);
                command.args(["-c", DUCKDB]).arg(pattern).arg(folder.join("duckdb.parquet"));
                command
            }
        };
        let told = output(&mut command)?;
        let numbers: Vec<f64> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [seconds, cpu_seconds, peak_megabytes] = numbers[..] else {
            return Err(format!("{self:?} said {told:?} instead of three numbers").into());
        };
        Ok(Run { seconds, cpu_seconds, peak_megabytes })
    }
}

/// Rows of both outputs, once they are found to be the same.
pub(super) fn compare(python: &Path, folder: &Path, round: usize) -> Result<u64, Failure> {
    Ok(output(Command::new(python).args(["-c", COMPARE]).arg(folder).arg(lake(round)))?.trim().parse()?)
}

fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_string().into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Each round has a lake of its own, and none is removed before the end: a file system such as ext4 looks long for
/// the place of a new file where thousands have just been removed, and no night removes what it has staged.
fn lake(round: usize) -> String {
    format!("lake-{round}")
}

/// A company of one sender that reports for all partners, with an empty lake.
fn company(folder: &Path, round: usize) -> Result<(), Failure> {
    let (jobs, project) = (folder.join("jobs"), Path::new(env!("CARGO_MANIFEST_DIR")));
    for made in ["senders", "feeds"] {
        std::fs::create_dir_all(jobs.join(made))?;
    }
    std::fs::create_dir_all(folder.join("sql/marts"))?;
    for feed in std::fs::read_dir(project.join("jobs/feeds"))? {
        let feed = feed?;
        std::fs::copy(feed.path(), jobs.join("feeds").join(feed.file_name()))?;
    }
    std::fs::write(jobs.join("nightly.toml"), "description = \"Intake\"\nat = \"02:30\"\n")?;
    std::fs::write(jobs.join("senders/shops.toml"), "name = \"Shops\"\n[feeds.sales]\n")?;
    let settings = format!(
        "[company]\nname = \"Intake\"\n[stores]\ninbox = \"inbox\"\nlake = \"{}\"\nmarts = \"marts\"\n\
         [intake]\nsettle_seconds = 0\n",
        lake(round)
    );
    Ok(std::fs::write(folder.join("config.toml"), settings)?)
}

/// tributary's side, in the child: from the inbox to staged files by the pipeline's own stages.
pub(super) fn tributary(folder: &Path) -> Result<(), Failure> {
    let company = Company::load(&folder.join("config.toml"), Clock::system())?;
    let date = NaiveDate::from_ymd_opt(2026, 1, 1).ok_or("a date")?;
    let job = company.job("nightly")?;
    let request = Request {
        job,
        date,
        full_refresh: false,
        select: Vec::new(),
        quiet: true,
        told: Told::default(),
        refused: Vec::new(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let started = Instant::now();
    let inputs = runtime.block_on(pipeline::take_in(&company, &request))?;
    let seconds = started.elapsed().as_secs_f64();
    if let Some(refused) = inputs.iter().find(|input| input.reason.is_some()) {
        return Err(format!("{} is quarantined: {:?}", refused.key, refused.reason).into());
    }
    super::say(&format!("{seconds} {} {}", cpu_seconds()?, peak_megabytes()?))
}

/// User and system time of this process, in ticks of a hundredth of a second as Linux gives them.
fn cpu_seconds() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).ok_or("a field of /proc/self/stat");
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

fn peak_megabytes() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("VmHWM of /proc/self/status")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1024.0)
}

//! Runs tests, as many at once as there are cores, and prints as libtest does, with `ignored` decided at run time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// One test.
pub struct Test {
    /// `module::function`.
    pub name: &'static str,
    /// Folder of the data that it needs; without it the test is ignored.
    pub data: &'static str,
    /// The test; it fails by panicking. Its argument is the folder of its data.
    pub run: fn(&Path),
}

/// Where the public data lies, if it is there.
pub fn data(folder: &str) -> Option<PathBuf> {
    let named = std::env::var_os("TRIBUTARY_CONFORMANCE_DATA").map(PathBuf::from);
    let root = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    Some(root.join(folder)).filter(|path| path.is_dir())
}

/// Understands the arguments that `cargo test` users give: filters, `--exact`, `--skip`, `--list`.
struct Arguments {
    filters: Vec<String>,
    skips: Vec<String>,
    exact: bool,
    list: bool,
    ignored: bool,
}

impl Arguments {
    fn read() -> Self {
        let mut this = Self { filters: Vec::new(), skips: Vec::new(), exact: false, list: false, ignored: false };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--exact" => this.exact = true,
                "--list" => this.list = true,
                "--ignored" => this.ignored = true,
                "--skip" => this.skips.extend(arguments.next()),
                "--test-threads" | "--format" | "--color" | "--logfile" | "-Z" => drop(arguments.next()),
                flag if flag.starts_with('-') => {}
                filter => this.filters.push(filter.to_string()),
            }
        }
        this
    }

    fn wants(&self, name: &str) -> bool {
        let matches = |text: &String| if self.exact { name == text } else { name.contains(text.as_str()) };
        (self.filters.is_empty() || self.filters.iter().any(matches)) && !self.skips.iter().any(matches)
    }
}

/// How a test ended.
enum End {
    Passed,
    Failed,
    Ignored,
}

/// Runs `tests` and gives each when it ends. They are begun in their order, so that the longest stands first.
fn ends(tests: &[&'static Test]) -> mpsc::Receiver<(&'static Test, End)> {
    let (tell, told) = mpsc::channel();
    let tests: Arc<[&'static Test]> = tests.into();
    let next = Arc::new(AtomicUsize::new(0));
    for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
        let (tell, tests, next) = (tell.clone(), Arc::clone(&tests), Arc::clone(&next));
        thread::spawn(move || {
            while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let end = match data(test.data) {
                    None => End::Ignored,
                    Some(folder) if catch_unwind(AssertUnwindSafe(|| (test.run)(&folder))).is_ok() => End::Passed,
                    Some(_) => End::Failed,
                };
                // Nobody listens once the report is written.
                tell.send((*test, end)).ok();
            }
        });
    }
    told
}

/// Runs `tests` and reports.
pub fn main(tests: &'static [Test]) -> ExitCode {
    let arguments = Arguments::read();
    let chosen: Vec<&'static Test> = tests.iter().filter(|test| arguments.wants(test.name)).collect();
    if arguments.list {
        for test in &chosen {
            println!("{}: test", test.name);
        }
        println!("\n{} tests, 0 benchmarks", chosen.len());
        return ExitCode::SUCCESS;
    }
    let start = Instant::now();
    // `--ignored` asks for tests that are switched off by hand; none is.
    let chosen = if arguments.ignored { Vec::new() } else { chosen };
    println!("\nrunning {} tests", chosen.len());
    let (mut passed, mut ignored, mut failed) = (0, 0, Vec::new());
    for (test, end) in ends(&chosen) {
        match end {
            End::Ignored => {
                ignored += 1;
                println!("test {} ... ignored, there is no ../shared/data/{}", test.name, test.data);
            }
            End::Passed => {
                passed += 1;
                println!("test {} ... ok", test.name);
            }
            End::Failed => {
                failed.push(test.name);
                println!("test {} ... FAILED", test.name);
            }
        }
    }
    if !failed.is_empty() {
        println!("\nfailures:\n    {}", failed.join("\n    "));
    }
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {} failed; {ignored} ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        failed.len(),
        tests.len() - chosen.len(),
        start.elapsed().as_secs_f64()
    );
    // 101 is what libtest leaves with, so that cargo reports this binary like any other.
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

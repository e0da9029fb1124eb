//! One process, and what it took.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Failure;

/// What one run took. What it is not known of, because the binary does not tell, is left out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    pub(super) seconds: f64,
    /// With the processes that it started.
    pub(super) cpu_seconds: f64,
    pub(super) peak_megabytes: f64,
    pub(super) read_megabytes: f64,
    pub(super) built: Option<u64>,
    pub(super) reused: Option<u64>,
    pub(super) statements: Option<u64>,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: Option<u64>| count.map_or("-".to_string(), |count| count.to_string());
        write!(
            f,
            "{:.2} | {:.2} | {:.0} | {:.1} | {} | {} | {}",
            self.cpu_seconds,
            self.seconds,
            self.peak_megabytes,
            self.read_megabytes,
            count(self.built),
            count(self.reused),
            count(self.statements)
        )
    }
}

/// Runs `binary`, which answers in JSON. A run may end with warnings: the demo company has labelled faults.
pub(super) fn run(binary: &Path, config: &Path, args: &[&str]) -> Result<Cost, Failure> {
    let mut command = Command::new(binary);
    command.arg("--config").arg(config).args(["--output", "json"]).args(args);
    let said = tempfile::NamedTempFile::new()?;
    let errors = tempfile::NamedTempFile::new()?;
    command.stdin(Stdio::null()).stdout(said.reopen()?).stderr(errors.reopen()?);
    let started = Instant::now();
    let mut child = command.spawn()?;
    let (mut cost, proc) = (Cost::default(), format!("/proc/{}", child.id()));
    // A process that has ended keeps its times until it is waited for, and only those.
    loop {
        let stat = std::fs::read_to_string(format!("{proc}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        cost.seconds = started.elapsed().as_secs_f64();
        if fields.first() == Some(&"Z") {
            let ticks = fields.get(11..15).ok_or("the times of /proc/<id>/stat")?;
            let ticks = ticks.iter().map(|ticks| ticks.parse::<f64>()).sum::<Result<f64, _>>()?;
            cost.cpu_seconds = ticks / 100.0;
            break;
        }
        if let Some(kilobytes) = number(&format!("{proc}/status"), "VmHWM:") {
            cost.peak_megabytes = kilobytes / 1024.0;
        }
        if let Some(bytes) = number(&format!("{proc}/io"), "rchar:") {
            cost.read_megabytes = bytes / 1e6;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let code = child.wait()?.code();
    if !matches!(code, Some(0 | 1)) {
        let errors = std::fs::read_to_string(errors.path())?;
        return Err(format!("{} {args:?} ended with {code:?}: {errors}", binary.display()).into());
    }
    let told: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(said.path())?).unwrap_or_default();
    let told = |name: &str| told["run"][name].as_u64();
    Ok(Cost {
        built: told("partitions_built"),
        reused: told("partitions_reused"),
        statements: told("statements"),
        ..cost
    })
}

/// The number after `name` in a file of `/proc`, which may be gone by now.
fn number(file: &str, name: &str) -> Option<f64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

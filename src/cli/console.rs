//! Stdout for results, stderr for logs, errors and progress.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::EnvFilter;

use super::args::{Cli, LogFormat, Output};
use crate::error::{Error, Result};

/// Where results and errors are written.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    output: Output,
}

impl Console {
    /// A console for this form of output.
    pub fn new(output: Output) -> Self {
        Self { output }
    }

    /// Results are wanted as JSON.
    pub fn json(self) -> bool {
        self.output == Output::Json
    }

    /// Places in a line of the screen; none where results go elsewhere (a file, another program). `COLUMNS` overrides it.
    pub fn width(self) -> Option<usize> {
        let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let screen = || terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
        told.or_else(screen).filter(|width| *width > 0)
    }

    /// Prints one line of text.
    pub fn line(self, text: impl AsRef<str>) -> Result<()> {
        self.raw(format!("{}\n", text.as_ref()).as_bytes())
    }

    /// Prints a JSON document.
    pub fn document(self, value: &impl serde::Serialize) -> Result<()> {
        self.line(serde_json::to_string_pretty(value)?)
    }

    /// Prints bytes as they are. A reader that went away (`| head`) is no error.
    pub fn raw(self, bytes: &[u8]) -> Result<()> {
        let mut out = std::io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(err) if err.kind() != std::io::ErrorKind::BrokenPipe => Err(err.into()),
            _ => Ok(()),
        }
    }

    /// Says what went wrong, why, and what to do.
    pub fn error(self, err: &Error) {
        let (red, bold, end) = if colour() { ("\x1b[31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
        let mut text = format!("{red}{bold}error{end}: {err}\n");
        for cause in err.causes() {
            text.push_str(&format!("  because: {cause}\n"));
        }
        if let Some(hint) = err.advice() {
            text.push_str(&format!("  {bold}help{end}: {hint}\n"));
        }
        // Nothing is left to do when stderr is gone.
        std::io::stderr().write_all(text.as_bytes()).ok();
    }

    /// A progress bar, drawn only on a terminal.
    pub fn progress(self) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if !std::io::stderr().is_terminal() || self.json() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:<10} {wide_msg} {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        bar
    }
}

/// Colours are wanted: a terminal, and neither `NO_COLOR` nor a dumb one.
pub(super) fn colour() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Starts logging to stderr: warnings by default.
pub(super) fn init_logs(cli: &Cli) {
    let level = match cli.verbose {
        // Without a terminal nobody sees a bar: the lines that stand for it are shown.
        0 if !std::io::stderr().is_terminal() => "warn,calamine=off,tributary::progress=info",
        0 => "warn,calamine=off",
        1 => "tributary=info,warn,calamine=off",
        2 => "tributary=debug,info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("TRIBUTARY_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour());
    // A second start in one process (tests) keeps the first.
    match cli.log_format {
        LogFormat::Text => builder.with_target(false).try_init().ok(),
        LogFormat::Json => builder.json().flatten_event(true).try_init().ok(),
    };
}

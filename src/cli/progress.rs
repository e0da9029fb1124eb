//! What a run says while it lasts: a bar on a terminal; anywhere else (cron, a unit, a container) a line of the log for each
//! stage and one each minute within it, with counts, so that silence never looks like work.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use tokio::task::JoinHandle;

use super::Console;
use crate::pipeline::Watch;

/// How long a stage may go on without a word.
const SILENCE: Duration = Duration::from_mins(1);

/// The lines are logged under this name, which is shown also where only warnings are.
const TARGET: &str = "tributary::progress";

/// Follows the stages of a run.
pub(super) enum Progress {
    /// On a terminal.
    Bar(ProgressBar),
    /// Elsewhere.
    Lines(Lines),
}

impl Progress {
    /// As fits where errors go. Ask for it within the runtime.
    pub(super) fn of(console: &Console) -> Self {
        let bar = console.progress();
        if bar.is_hidden() { Self::lines() } else { Self::Bar(bar) }
    }

    /// Lines of the log, whatever there is.
    pub(super) fn lines() -> Self {
        Self::Lines(Lines::every(SILENCE, Arc::new(logged)))
    }

    /// The run is over.
    pub(super) fn finish(&self) {
        match self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Lines(lines) => lines.end(),
        }
    }
}

impl Watch for Progress {
    fn stage(&self, name: &str, steps: u64) {
        match self {
            Self::Bar(bar) => {
                bar.set_prefix(name.to_string());
                bar.set_message(String::new());
                bar.set_position(0);
                bar.set_length(steps);
                bar.tick();
            }
            Self::Lines(lines) => lines.stage(name, steps),
        }
    }

    fn step(&self, what: &str) {
        match self {
            Self::Bar(bar) => {
                bar.set_message(what.to_string());
                bar.inc(1);
            }
            Self::Lines(lines) => lines.step(what),
        }
    }
}

/// How far a stage is.
#[derive(Debug, Clone)]
struct Stage {
    name: String,
    steps: u64,
    begun: u64,
    last: String,
    since: Instant,
}

type Tell = Arc<dyn Fn(&Stage, bool) + Send + Sync>;

/// Lines of the log.
pub(super) struct Lines {
    now: Arc<Mutex<Option<Stage>>>,
    tell: Tell,
    minutes: JoinHandle<()>,
}

impl Lines {
    fn every(pause: Duration, tell: Tell) -> Self {
        let now = Arc::new(Mutex::new(None));
        let (watched, say) = (Arc::clone(&now), Arc::clone(&tell));
        let minutes = tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let stage = lock(&watched).clone();
                if let Some(stage) = stage {
                    say(&stage, false);
                }
            }
        });
        Self { now, tell, minutes }
    }

    fn stage(&self, name: &str, steps: u64) {
        self.end();
        *lock(&self.now) =
            Some(Stage { name: name.to_string(), steps, begun: 0, last: String::new(), since: Instant::now() });
    }

    fn step(&self, what: &str) {
        if let Some(stage) = lock(&self.now).as_mut() {
            stage.begun += 1;
            stage.last = what.to_string();
        }
    }

    fn end(&self) {
        let ended = lock(&self.now).take();
        if let Some(stage) = ended {
            (self.tell)(&stage, true);
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.minutes.abort();
    }
}

fn lock(now: &Mutex<Option<Stage>>) -> MutexGuard<'_, Option<Stage>> {
    now.lock().unwrap_or_else(PoisonError::into_inner)
}

fn logged(stage: &Stage, over: bool) {
    let Stage { name, steps, begun, last, since } = stage;
    let seconds = since.elapsed().as_secs_f64();
    if over {
        tracing::info!(target: TARGET, stage = name, steps = begun, seconds, "done");
    } else if *steps == 0 {
        tracing::info!(target: TARGET, stage = name, step = begun, at = last, seconds, "still at it");
    } else {
        tracing::info!(target: TARGET, stage = name, step = begun, of = steps, at = last, seconds, "still at it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_long_stage_is_told_while_it_lasts_and_each_when_it_is_over() {
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&told);
        let lines = Lines::every(
            Duration::from_millis(20),
            Arc::new(move |stage: &Stage, over| {
                let Stage { name, steps, begun, last, .. } = stage;
                heard.lock().unwrap().push(format!("{name} {begun}/{steps} {last} {over}"));
            }),
        );
        lines.stage("discover", 0);
        lines.stage("stage", 3);
        lines.step("a.csv");
        lines.step("b.csv");
        while told.lock().unwrap().len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        lines.end();
        let told = std::mem::take(&mut *told.lock().unwrap());
        assert_eq!(told[0], "discover 0/0  true");
        assert_eq!(told[1], "stage 2/3 b.csv false");
        assert_eq!(told.last().unwrap(), "stage 2/3 b.csv true");
    }
}

//! Which delivery breaks a model. The files that the model reads are let in again one after the other, oldest first, by
//! halving: the first that breaks it is looked into, and so are its lines. What is found is set aside; when the builds
//! that may be spent on this are used up, what is still in doubt is set aside whole.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{Failed, attempt};
use crate::error::Result;
use crate::models::{self, plan::Written};
use crate::pipeline::Watch;
use crate::pipeline::aside::reading;
use crate::pipeline::flow::Night;
use crate::state::record::{Input, InputStatus, Lines, RunRecord, SetAside};

/// Characters kept of what a model said.
const REASON_MAX: usize = 600;

/// What may still be spent, and what was written on the way: one build takes over what another has made of the same.
pub(super) struct Trials {
    pub(super) made: Written,
    left: u64,
    until: Instant,
}

impl Trials {
    pub(super) fn of(night: &Night<'_>) -> Self {
        let config = &night.company.config;
        Self {
            made: Written::new(),
            left: config.aside.trials_max,
            until: Instant::now() + Duration::from_secs(60 * config.aside.minutes_max),
        }
    }
}

/// What to set aside so that the model of `failed` gets through; nothing where no delivery is to blame.
pub(super) async fn culprits(
    night: &Night<'_>,
    failed: &Failed,
    trials: &mut Trials,
    watch: &dyn Watch,
) -> Result<Vec<SetAside>> {
    let feeds = feeds_of(night, &failed.model)?;
    let written = night.written(&failed.model)?.unwrap_or_default();
    let mut search = Search { night, failed, written, trials, watch, found: Vec::new() };
    let all = search.candidates(&feeds, |_| true);
    let fresh = search.candidates(&feeds, |input| is_fresh(night, input));
    if search.trials.left == 0 || all.is_empty() {
        return Ok(Vec::new());
    }
    // What came since the last night that got through is the first suspect; then the rest, where a model, a setting or
    // the date made an old file break.
    if !fresh.is_empty() && search.holds(search.whole(&fresh)).await? == Some(true) {
        search.walk(&fresh, true).await?;
    } else if search.holds(search.whole(&all)).await? == Some(true) {
        search.walk(&all, false).await?;
    }
    let found = search.found;
    // A model that fails on whatever there is is at fault itself.
    let left = night.inputs_but(&found);
    let any = left.iter().any(|input| feeds.contains(&input.feed) && input.status == InputStatus::Active);
    Ok(if any { found } else { Vec::new() })
}

/// Feeds that the model reads, itself or through others.
fn feeds_of(night: &Night<'_>, model: &str) -> Result<BTreeSet<String>> {
    let registry = &night.company.registry;
    let mut feeds = BTreeSet::new();
    for name in registry.select(&[model.to_string()])? {
        let model = registry.model(&name)?;
        feeds.extend(model.reads.feeds.iter().chain(&model.check_reads.feeds).cloned());
    }
    Ok(feeds)
}

/// Whether no night that got through has read it as it stands.
fn is_fresh(night: &Night<'_>, input: &Input) -> bool {
    let runs = &night.state.runs;
    let proven = runs.iter().rposition(RunRecord::published).map_or(0, |last| last + 1);
    night.inputs.contains_key(&input.id()) || runs.iter().skip(proven).any(|run| run.run_id == input.run_id)
}

struct Search<'s, 'n> {
    night: &'s Night<'n>,
    failed: &'s Failed,
    /// What the model says.
    written: String,
    trials: &'s mut Trials,
    watch: &'s dyn Watch,
    found: Vec<SetAside>,
}

impl Search<'_, '_> {
    /// Files of the feeds whose rows count, in the order in which they came.
    fn candidates(&self, feeds: &BTreeSet<String>, wanted: impl Fn(&Input) -> bool) -> Vec<Input> {
        let mut inputs = self.night.job_inputs();
        inputs.retain(|input| {
            input.status == InputStatus::Active
                && input.staged.is_some()
                && feeds.contains(&input.feed)
                && wanted(input)
        });
        inputs.sort_by(|a, b| {
            (a.delivered_at, a.last_modified, &a.key, a.id()).cmp(&(b.delivered_at, b.last_modified, &b.key, b.id()))
        });
        inputs
    }

    /// Whether the model gets through without these; unknown when nothing more may be spent.
    async fn holds(&mut self, without: Vec<SetAside>) -> Result<Option<bool>> {
        if self.trials.left == 0 || Instant::now() >= self.trials.until {
            return Ok(None);
        }
        self.trials.left -= 1;
        self.watch.step(&format!("looking for what breaks {}", self.failed.model));
        let inputs = self.night.inputs_but(&without);
        let model = [self.failed.model.clone()];
        let tried = Box::pin(attempt(self.night, &model, &inputs, &mut self.trials.made, false, &())).await?;
        tracing::debug!(model = self.failed.model, without = without.len(), holds = tried.is_ok(), "tried");
        Ok(Some(tried.is_ok()))
    }

    /// Goes through the candidates, which break the model although it gets through without all of them.
    async fn walk(&mut self, candidates: &[Input], spare_nobody: bool) -> Result<()> {
        // So many of them, oldest first, are known to do no harm.
        let mut sound = 0;
        while sound < candidates.len() {
            let mut breaks = candidates.len();
            while breaks - sound > 1 {
                let middle = usize::midpoint(sound, breaks);
                match self.holds(self.with(self.whole(&candidates[middle..]))).await? {
                    Some(true) => sound = middle,
                    Some(false) => breaks = middle,
                    None => {
                        self.give_up(&candidates[sound..], spare_nobody);
                        return Ok(());
                    }
                }
            }
            let (culprit, later) = (&candidates[sound], &candidates[breaks..]);
            let found = self.look_into(culprit, later).await?;
            self.found.extend(found);
            sound = breaks;
            if sound == candidates.len() {
                return Ok(());
            }
            match self.holds(self.found.clone()).await? {
                Some(true) => return Ok(()),
                Some(false) => {}
                None => {
                    self.give_up(later, spare_nobody);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// All that is still in doubt is set aside until the next run; files that were fine for many nights are not.
    fn give_up(&mut self, doubtful: &[Input], spare_nobody: bool) {
        if spare_nobody {
            let doubtful = self.whole(doubtful).into_iter().map(|aside| SetAside {
                reason: format!(
                    "it may be what {} fails on; the search for it goes on with the next run",
                    self.failed.model
                ),
                until: Some(self.night.started_at),
                ..aside
            });
            self.found.extend(doubtful.collect::<Vec<_>>());
        } else {
            self.found.clear();
        }
    }

    /// Finds the lines of a file that break the model; too many of them, and it is the file.
    async fn look_into(&mut self, culprit: &Input, later: &[Input]) -> Result<Vec<SetAside>> {
        let whole = self.whole(std::slice::from_ref(culprit));
        let later = self.whole(later);
        let lines = self.lines(culprit).await?;
        let mut rows: Vec<SetAside> = Vec::new();
        let mut sound = 0;
        while sound < lines.len() && (rows.len() as u64) < self.night.company.config.aside.rows_max {
            let mut breaks = lines.len();
            while breaks - sound > 1 {
                let middle = usize::midpoint(sound, breaks);
                let rest = self.after(culprit, &lines[middle..]);
                let without = [&rows[..], &rest, &later].concat();
                match self.holds(self.with(without)).await? {
                    Some(true) => sound = middle,
                    Some(false) => breaks = middle,
                    None => return Ok(whole),
                }
            }
            rows.push(self.row(culprit, &lines[sound]));
            sound = breaks;
            match self.holds(self.with([&rows[..], &later].concat())).await? {
                Some(true) => return Ok(rows),
                Some(false) => {}
                None => break,
            }
        }
        Ok(whole)
    }

    async fn lines(&self, input: &Input) -> Result<Vec<(String, i64)>> {
        let company = self.night.company;
        let Some(staged) = &input.staged else { return Ok(Vec::new()) };
        let schema = company.contracts.expect(&input.feed)?.staged_schema();
        let mut lines = models::lines::lines(&company.config, &company.stores, &schema, staged).await?;
        lines.retain(|(file, line)| {
            !input.without.iter().any(|gap| gap.file == *file && (gap.from..=gap.to).contains(line))
        });
        Ok(lines)
    }

    /// What was found before, and these.
    fn with(&self, more: Vec<SetAside>) -> Vec<SetAside> {
        self.found.iter().cloned().chain(more).collect()
    }

    fn whole(&self, inputs: &[Input]) -> Vec<SetAside> {
        inputs.iter().map(|input| self.aside(input, None)).collect()
    }

    /// These lines and what stands between them, member by member.
    fn after(&self, input: &Input, lines: &[(String, i64)]) -> Vec<SetAside> {
        let members: BTreeSet<&String> = lines.iter().map(|(file, _)| file).collect();
        let span = |member: &&String| {
            let of_member = || lines.iter().filter(|(file, _)| file == *member).map(|(_, line)| *line);
            Some(Lines { file: (*member).clone(), from: of_member().min()?, to: of_member().max()? })
        };
        members.iter().filter_map(span).map(|lines| self.aside(input, Some(lines))).collect()
    }

    fn row(&self, input: &Input, (file, line): &(String, i64)) -> SetAside {
        self.aside(input, Some(Lines { file: file.clone(), from: *line, to: *line }))
    }

    fn aside(&self, input: &Input, lines: Option<Lines>) -> SetAside {
        SetAside {
            lines,
            model: Some(self.failed.model.clone()),
            reason: self.failed.error.one_line().chars().take(REASON_MAX).collect(),
            by: self.night.run_id.clone(),
            reading: reading(input, &self.written),
            ..input.aside(self.night.started_at)
        }
    }
}

//! What is asked of a run.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::job::Job;

/// What is asked of a run.
#[derive(Debug, Clone)]
pub struct Request {
    /// The job.
    pub job: Job,
    /// As-of date.
    pub date: NaiveDate,
    /// Build everything again.
    pub full_refresh: bool,
    /// Only these marts; all of the job's when empty.
    pub select: Vec<String>,
    /// Change no alert and mail nothing (backfill, and catch-up before the newest date).
    pub quiet: bool,
    /// What is done although it looks like a mistake.
    pub told: Told,
    /// What has changed on disk and is kept back: this run goes by what was valid before.
    pub refused: Vec<Refused>,
}

/// Settings, jobs or models that cannot be used, or a job whose file is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Since when.
    pub since: DateTime<Utc>,
    /// The file, as near as it is known.
    pub place: String,
    /// What is wrong and what to do.
    pub error: String,
    /// The job that is run no more since its file is gone; none where what lies on disk cannot be used.
    #[serde(default)]
    pub gone: Option<String>,
}

/// What the operator says about things that a run refuses to guess.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told {
    /// Clock and date are right, however far they are from the newest delivery.
    pub trust_clock: bool,
    /// The marts may be filled from a lake that never filled them.
    pub new_lake: bool,
    /// What was published for later dates is taken back.
    pub take_back: bool,
}

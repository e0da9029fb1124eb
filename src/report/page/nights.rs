//! How the last nights went: a bar a night.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use crate::mail::words::Words;
use crate::report::text::thousands;
use crate::state::State;
use crate::state::record::RunRecord;

/// Nights that are drawn.
pub(super) const NIGHTS: usize = 30;
/// Height of the tallest bar, and width of a night, in units of the drawing.
const HEIGHT: f64 = 56.0;
const STEP: f64 = 10.0;

/// One measure of the nights.
#[derive(Debug, Serialize)]
pub(super) struct Bars {
    title: &'static str,
    /// The largest of them, in words.
    most: String,
    first: String,
    last: String,
    width: f64,
    bars: Vec<Bar>,
}

#[derive(Debug, Serialize)]
struct Bar {
    x: f64,
    y: f64,
    height: f64,
    words: String,
    bad: bool,
    /// The night that the page is about.
    here: bool,
}

/// Title, unit and value of a row of bars.
type Measure = (&'static str, &'static str, fn(&RunRecord) -> u64);

/// Duration, rows and refused rows of the job's nights up to `run`. Of several runs for a date the last one counts.
pub(super) fn bars(state: &State, run: &RunRecord, words: &Words) -> Vec<Bars> {
    let mut nights: BTreeMap<NaiveDate, &RunRecord> = BTreeMap::new();
    let upto = state.runs.iter().filter(|other| other.job == run.job && other.logical_date <= run.logical_date);
    for other in upto.filter(|other| other.started_at <= run.started_at) {
        nights.insert(other.logical_date, other);
    }
    let skip = nights.len().saturating_sub(NIGHTS);
    let nights: Vec<&RunRecord> = nights.into_values().skip(skip).collect();
    let seconds = |run: &RunRecord| u64::try_from((run.ended_at - run.started_at).num_seconds()).unwrap_or(0);
    let measures: [Measure; 2] = [
        (words.pick("读入行数", "Rows read"), "", |run| run.rows_read),
        (words.pick("拒收行数", "Rows refused"), "", |run| run.rows_rejected),
    ];
    let took = (words.pick("用时（秒）", "Seconds"), words.pick(" 秒", " s"));
    let mut all = vec![measure(took.0, took.1, &nights, seconds, run)];
    all.extend(measures.into_iter().map(|(title, unit, of)| measure(title, unit, &nights, of, run)));
    all
}

fn measure(
    title: &'static str,
    unit: &str,
    nights: &[&RunRecord],
    of: impl Fn(&RunRecord) -> u64,
    here: &RunRecord,
) -> Bars {
    let most = nights.iter().map(|night| of(night)).max().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "drawn in a few pixels")]
    let share = |amount: u64| if most == 0 { 0.0 } else { amount as f64 / most as f64 };
    #[expect(clippy::cast_precision_loss, reason = "thirty nights")]
    let bar = |(place, night): (usize, &&RunRecord)| {
        let amount = of(night);
        let height = (HEIGHT * share(amount)).max(1.0);
        Bar {
            x: STEP * place as f64,
            y: HEIGHT - height,
            height,
            words: format!("{}: {}{unit}", night.logical_date, thousands(amount)),
            bad: !night.published(),
            here: night.run_id == here.run_id,
        }
    };
    #[expect(clippy::cast_precision_loss, reason = "thirty nights")]
    let width = STEP * nights.len().max(NIGHTS / 3) as f64;
    let day = |night: Option<&&RunRecord>| night.map(|night| night.logical_date.to_string()).unwrap_or_default();
    Bars {
        title,
        most: format!("{}{unit}", thousands(most)),
        first: day(nights.first()),
        last: day(nights.last()),
        width,
        bars: nights.iter().enumerate().map(bar).collect(),
    }
}

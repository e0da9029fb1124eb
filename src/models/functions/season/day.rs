//! A day of a series: as it came, by which rules it is judged, and what the judgement is.

use super::scale::Scale;

/// What the company calls an anomaly.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How days are compared.
    pub scale: Scale,
    /// Half width of the band in robust standard deviations.
    pub band: f64,
    /// Smallest gap that counts, as a share of the expected value.
    pub gap_min: f64,
    /// Days of history before anything is judged.
    pub history_days: usize,
    /// Chance leaves at least this many times the variance of a count.
    pub dispersion: f64,
    /// Nothing is taken to be steadier than this share.
    pub noise_min: f64,
    /// A holiday differs from that of the year before by this share.
    pub holiday_noise: f64,
    /// The last days speak of a new level where their scores together, as one, lie beyond this: more than the band,
    /// because any of them may be its first.
    pub shift_band: f64,
    /// So many days make a new level the usual one.
    pub shift_days: usize,
    /// Fewest events a day that are judged.
    pub events_min: f64,
}

/// A day as it came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Day {
    /// Its value; none where it is not known.
    pub value: Option<f64>,
    /// Its value without the largest order, and without the largest return; none where they play no part.
    pub without_order: Option<f64>,
    /// See there.
    pub without_return: Option<f64>,
    /// Orders or complaints behind the value; none where chance plays no part.
    pub events: Option<f64>,
    /// A holiday or shopping festival.
    pub holiday: bool,
    /// Everything was on promotion.
    pub promotion: bool,
    /// Known to be incomplete: judged, but nothing is learned from it.
    pub incomplete: bool,
    /// The same day of the year before, as a position: the same day of the same holiday, or 52 weeks earlier.
    pub mirror: Option<usize>,
}

/// Why a day is not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unjudged {
    /// Too few days before it.
    ShortHistory,
    /// It has no value.
    NoValue,
    /// Nothing was to be expected.
    NothingExpected,
    /// So few events that chance may take all.
    FewEvents,
}

impl Unjudged {
    /// As the marts write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ShortHistory => "short_history",
            Self::NoValue => "no_value",
            Self::NothingExpected => "nothing_expected",
            Self::FewEvents => "few_events",
        }
    }
}

/// What a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// A day, or the first of some days, off the expected.
    Point,
    /// The first day on which a new level was seen.
    Shift,
}

impl Finding {
    /// As the marts write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::Shift => "level_shift",
        }
    }
}

/// The judgement of a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// What was to be expected.
    pub expected: f64,
    /// Ends of the band.
    pub lower: f64,
    /// Ends of the band.
    pub upper: f64,
    /// Distance in robust standard deviations, on the scale.
    pub score: f64,
    /// The same without the largest order (of a day that rose) or the largest return: a day that one of them made is
    /// that one's.
    pub rest: f64,
    /// The smaller of both in half widths of the band: beyond 1 the day is outside.
    pub bands: f64,
    /// Why there is no judgement.
    pub unjudged: Option<Unjudged>,
    /// Told on this day. Days that only go on are not told again.
    pub finding: Option<Finding>,
    /// Days from this finding on that stayed off on its side, itself included; 0 without a finding.
    pub off_days: usize,
    /// The day on which it was first told: a new level is dated back to where it began.
    pub told_at: usize,
    /// Of a new level: its change against the old one.
    pub level_change: Option<f64>,
    /// A holiday whose effect is known from an earlier year.
    pub holiday_known: bool,
}

impl Judged {
    pub(super) fn not(why: Unjudged) -> Self {
        Self {
            expected: 0.0,
            lower: 0.0,
            upper: 0.0,
            score: 0.0,
            rest: 0.0,
            bands: 0.0,
            unjudged: Some(why),
            finding: None,
            off_days: 0,
            told_at: 0,
            level_change: None,
            holiday_known: false,
        }
    }
}

//! The charts of a digest: which are drawn, what stands beside them in words, and under which name each goes with the mail.

use serde::Serialize;

use super::Bar;
use crate::config::Config;
use crate::error::Result;
use crate::mail::chart::{self, Bubble, Chart, Picture};
use crate::mail::rule::{AlertRule, as_number, as_text};
use crate::mail::words::Words;
use crate::sha256::sha256_hex;
use crate::state::record::Alert;

/// A picture as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    cid: String,
    width: u32,
    height: u32,
    alt: String,
}

/// What is drawn for a finding or a figure: a picture, or bars of table cells; and the words to it.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Drawn {
    pub(crate) picture: Option<Shown>,
    pub(crate) bars: Vec<Bar>,
    pub(crate) caption: String,
    /// Colour and name of what a picture shows.
    pub(crate) legend: Vec<(&'static str, String)>,
}

/// The pictures of one mail.
#[derive(Debug, Default)]
pub(super) struct Album(pub(super) Vec<(String, Vec<u8>)>);

impl Album {
    /// Keeps a picture; none where there is none, or it could not be drawn: a mail is never lost over a chart.
    fn keep(&mut self, picture: Result<Option<Picture>>, alt: &str) -> Option<Shown> {
        let picture = match picture {
            Ok(picture) => picture?,
            Err(err) => {
                tracing::warn!(error = err.one_line(), "a chart could not be drawn");
                return None;
            }
        };
        let cid = format!("chart-{}@tributary", &sha256_hex(&picture.png)[..16]);
        if !self.0.iter().any(|(known, _)| *known == cid) {
            self.0.push((cid.clone(), picture.png));
        }
        Some(Shown { cid, width: picture.width, height: picture.height, alt: alt.to_string() })
    }

    /// A figure's past days.
    pub(super) fn line(&mut self, config: &Config, history: &[f64], colour: &str, alt: &str) -> Drawn {
        if !config.mail.charts {
            return Drawn { bars: bars(history), ..Drawn::default() };
        }
        Drawn { picture: self.keep(chart::sparkline(history, colour), alt), ..Drawn::default() }
    }

    /// What a rule draws for its worst finding; the others of the group are points of the same picture.
    pub(super) fn finding(
        &mut self,
        config: &Config,
        rule: &AlertRule,
        group: &[&Alert],
        colour: &str,
        words: &Words,
    ) -> Drawn {
        let past = rule.past(group[0]);
        let plain = Drawn { bars: bars(&past), ..Drawn::default() };
        if !config.mail.charts {
            return plain;
        }
        let number = |alert: &Alert, column: &String| alert.row.get(column).and_then(as_number);
        match &rule.chart {
            Some(Chart::Band { lower, upper }) => {
                let bounds = [lower, upper].map(|column| AlertRule::series(group[0], column));
                let days = words.days(super::count(past.len() as u64));
                let caption =
                    words.pick(format!("近 {days}；灰带为正常区间"), format!("last {days}; grey: the usual range"));
                let picture = self.keep(chart::band(&past, &bounds[0], &bounds[1], colour), &caption);
                Drawn { caption: if picture.is_some() { caption } else { String::new() }, picture, ..Drawn::default() }
            }
            Some(Chart::Bullet { actual, due, target }) => {
                let figures = [actual, due, target].map(|column| number(group[0], column));
                let [Some(actual), Some(due), Some(target)] = figures else { return plain };
                let (reached, due_by_now) = (words.percent(actual / target), words.percent(due));
                let caption = words.pick(
                    format!("已达 {reached}，黑线为应达 {due_by_now}"),
                    format!("{reached} reached; the black mark is where {due_by_now} should be"),
                );
                let picture = self.keep(chart::bullet(actual, due, target, colour), &caption);
                Drawn { caption: if picture.is_some() { caption } else { String::new() }, picture, ..Drawn::default() }
            }
            Some(Chart::Stock { bars }) => self.stock(&group[0].row.get(bars).map(as_text).unwrap_or_default(), words),
            Some(Chart::Bubbles { growth, share, size, name }) => {
                let unit = |alert: &&Alert| Bubble {
                    growth: number(alert, growth).unwrap_or(f64::NAN),
                    share: number(alert, share).unwrap_or(f64::NAN),
                    size: number(alert, size).unwrap_or(f64::NAN),
                };
                let units: Vec<Bubble> = group.iter().map(unit).collect();
                let cut = |column: &str| number(group[0], &column.to_string());
                let (Some(growth_cut), Some(share_cut)) = (cut("growth_cut"), cut("share_cut")) else { return plain };
                let caption = words.pick(
                    "横轴增长、纵轴份额，圆面积为销售额".to_string(),
                    "growth to the right, share upwards, area by sales".to_string(),
                );
                let picture = self.keep(chart::bubbles(&units, growth_cut, share_cut), &caption);
                if picture.is_none() {
                    return plain;
                }
                let named = |(place, alert): (usize, &&Alert)| {
                    (chart::tone(place), alert.row.get(name).map(as_text).unwrap_or_default())
                };
                let legend = group.iter().enumerate().map(named).collect();
                Drawn { picture, caption, legend, bars: Vec::new() }
            }
            None if past.len() > 1 => {
                let days = words.days(super::count(past.len() as u64));
                let caption = words.pick(format!("近 {days}"), format!("last {days}"));
                let picture = self.keep(chart::sparkline(&past, colour), &caption);
                Drawn { caption: if picture.is_some() { caption } else { String::new() }, picture, ..Drawn::default() }
            }
            None => Drawn::default(),
        }
    }

    /// Units by growth and share, between the same cuts.
    pub(super) fn matrix(&mut self, config: &Config, units: &[Bubble], cuts: (f64, f64), alt: &str) -> Drawn {
        if !config.mail.charts {
            return Drawn::default();
        }
        Drawn { picture: self.keep(chart::bubbles(units, cuts.0, cuts.1), alt), ..Drawn::default() }
    }

    /// `name|needed|surplus` with `;` between.
    fn stock(&mut self, text: &str, words: &Words) -> Drawn {
        let products: Vec<(&str, f64, f64)> = text
            .split(';')
            .filter_map(|product| {
                let mut parts = product.rsplitn(3, '|');
                let (surplus, needed, name) = (parts.next()?, parts.next()?, parts.next()?);
                Some((name.trim(), needed.trim().parse().ok()?, surplus.trim().parse().ok()?))
            })
            .collect();
        let lengths: Vec<(f64, f64)> = products.iter().map(|(_, needed, surplus)| (*needed, *surplus)).collect();
        let named: Vec<String> = products
            .iter()
            .map(|(name, needed, surplus)| format!("{name} {}+{}", words.number(*needed), words.number(*surplus)))
            .collect();
        let list = named.join(words.pick("；", "; "));
        let caption = words.pick(
            format!("自上而下（件，蓝为应备、橙为多余）：{list}"),
            format!("from the top (units; blue needed, orange surplus): {list}"),
        );
        let picture = self.keep(chart::stock(&lengths), &caption);
        Drawn { caption: if picture.is_some() { caption } else { String::new() }, picture, ..Drawn::default() }
    }
}

/// Heights of a small chart, 3 to 24 pixels. It shows the shape of the weeks, not the level: the ground
/// lies one spread below the least value, for positive values not below 0.
fn bars(values: &[f64]) -> Vec<Bar> {
    let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let values = &values[values.len().saturating_sub(30)..];
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let ground = if least < 0.0 { least } else { (least - (top - least)).max(0.0) };
    if values.len() < 2 || top <= ground {
        return Vec::new();
    }
    let pixels = |value: f64| {
        let share = (value - ground) / (top - ground);
        // The share lies in 0..=1, so the figure in 3..=24.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "3 to 24")]
        let height = (3.0 + 21.0 * share).round() as u32;
        height
    };
    let end = values.len() - 1;
    values.iter().enumerate().map(|(place, value)| Bar { height: pixels(*value), last: place == end }).collect()
}

//! The figures of the day: the worst change first, no more lines than a phone has patience for, the rest as a sum.

use std::cmp::Ordering;

use chrono::{Days, NaiveDate};

use super::pictures::Album;
use super::sentences::{clip, plural};
use super::{AMBER, BLUE, Figure, GREEN, GREY, RED, count};
use crate::address::header_text;
use crate::config::Config;
use crate::mail::edition::{Audience, Edition, Headline, Scope};
use crate::mail::words::Words;

/// Longest name of a figure, in characters.
pub(super) const NAME_CHARS: usize = 40;

/// The lines of the list.
pub(super) fn figures(edition: &Edition<'_>, audience: &Audience, words: &Words, album: &mut Album) -> Vec<Figure> {
    let mut all: Vec<Headline> = audience.headlines.clone();
    // Where a channel has one partner, its line says the same.
    let channels: Vec<Headline> = all.iter().filter(|line| line.scope == Scope::Channel).cloned().collect();
    let says_it = |line: &Headline| channels.iter().any(|other| same_figures(line, other));
    all.retain(|line| line.scope != Scope::Partner || !says_it(line));
    all.sort_by(worst_first);
    let most = edition.config.mail.headlines_max.max(1);
    if all.len() > most {
        // A sum of channels and partners would count twice what their partners sold.
        let sums = |rest: &[Headline]| {
            [Scope::Channel, Scope::Partner]
                .into_iter()
                .filter(|scope| rest.iter().any(|line| line.scope == *scope))
                .count()
        };
        let mut kept = most.saturating_sub(1);
        if kept + sums(&all[kept..]) > most {
            kept = kept.saturating_sub(1);
        }
        let rest = all.split_off(kept);
        for scope in [Scope::Channel, Scope::Partner] {
            all.extend(sum(scope, &rest, words));
        }
    }
    all.iter().map(|headline| figure(edition, headline, words, album)).collect()
}

fn same_figures(one: &Headline, other: &Headline) -> bool {
    (one.value, one.previous, one.complete, &one.history)
        == (other.value, other.previous, other.complete, &other.history)
}

/// The total, then by what was lost against the week before, then what cannot be compared.
fn worst_first(one: &Headline, other: &Headline) -> Ordering {
    let change =
        |line: &Headline| line.value.zip(line.previous).filter(|_| line.complete).map(|(now, then)| now - then);
    let rank = |line: &Headline| (line.scope != Scope::Total, change(line).is_none());
    let (a, b) = (change(one).unwrap_or(0.0), change(other).unwrap_or(0.0));
    rank(one).cmp(&rank(other)).then_with(|| a.total_cmp(&b))
}

/// The lines of one kind that have no place of their own, as one.
fn sum(scope: Scope, rest: &[Headline], words: &Words) -> Option<Headline> {
    let lines: Vec<&Headline> = rest.iter().filter(|line| line.scope == scope).collect();
    let longest = lines.iter().map(|line| line.history.len()).max()?;
    let known: Vec<f64> = lines.iter().filter_map(|line| line.value).collect();
    let before: Option<Vec<f64>> = lines.iter().map(|line| line.previous).collect();
    let on = |place: usize| lines.iter().filter_map(|line| line.history.get(place)).sum::<f64>();
    let whole = lines.iter().all(|line| line.history.len() == longest);
    let (one, many) =
        if scope == Scope::Channel { ("other channel", "other channels") } else { ("other partner", "other partners") };
    let n = lines.len();
    Some(Headline {
        scope,
        name: words.pick(
            if scope == Scope::Channel { format!("其余 {n} 个渠道") } else { format!("其余 {n} 家伙伴") },
            plural(n, one, many),
        ),
        value: (!known.is_empty()).then(|| known.iter().sum()),
        complete: lines.iter().all(|line| line.complete),
        previous: before.map(|before| before.iter().sum()),
        history: if whole { (0..longest).map(on).collect() } else { Vec::new() },
    })
}

/// From when to when the small chart goes, and between which amounts.
fn span(last: NaiveDate, history: &[f64], words: &Words) -> String {
    let back = history.len().saturating_sub(1) as u64;
    let Some(first) = last.checked_sub_days(Days::new(back)).filter(|_| back > 0) else { return String::new() };
    let least = history.iter().copied().fold(f64::INFINITY, f64::min);
    let most = history.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (first, last) = (words.date(first), words.date(last));
    let (least, most) = (words.money(least), words.money(most));
    words.pick(format!("{first}至{last}，{least} 至 {most}"), format!("{first} to {last}, {least} to {most}"))
}

fn figure(edition: &Edition<'_>, headline: &Headline, words: &Words, album: &mut Album) -> Figure {
    let growth = comparable(edition.config, headline.previous, &headline.history)
        .and_then(|previous| Some(headline.value? / previous - 1.0));
    let (change, colour) = match growth {
        // A fall for want of a file is no fall.
        _ if !headline.complete => (words.pick("数据未齐", "not all in").to_string(), AMBER),
        growth => arrow(edition.config, growth, words),
    };
    let span = span(edition.run.logical_date, &headline.history, words);
    Figure {
        name: clip(&header_text(&headline.name), NAME_CHARS),
        value: words.money(headline.value.unwrap_or(f64::NAN)),
        change,
        colour,
        previous: headline.previous.map_or_else(String::new, |previous| words.money(previous)),
        drawn: album.line(edition.config, &headline.history, BLUE, &span),
        span,
    }
}

/// What a figure may be set against: a hundred times nothing is nothing to tell.
pub(super) fn comparable(config: &Config, previous: Option<f64>, history: &[f64]) -> Option<f64> {
    let least = config.mail.comparison_base_min * usual(history);
    previous.filter(|previous| *previous > 0.0 && *previous >= least)
}

/// A change with its arrow, and the colour that the reader's market has for it.
pub(super) fn arrow(config: &Config, growth: Option<f64>, words: &Words) -> (String, &'static str) {
    let is_red = match config.mail.rising_colour.as_str() {
        "locale" => words.pick(true, false),
        colour => colour == "red",
    };
    let (rise, fall) = if is_red { (RED, GREEN) } else { (GREEN, RED) };
    match growth {
        None => ("—".to_string(), GREY),
        Some(growth) if growth.abs() < 0.0005 => (format!("＝ {}", words.percent(0.0)), GREY),
        Some(growth) if growth > 0.0 => (format!("▲ {}", words.percent(growth)), rise),
        Some(growth) => (format!("▼ {}", words.percent(-growth)), fall),
    }
}

/// The mean of the past days before the last; 0 without any.
fn usual(history: &[f64]) -> f64 {
    let days = &history[..history.len().saturating_sub(1)];
    if days.is_empty() { 0.0 } else { days.iter().sum::<f64>() / count(days.len() as u64) }
}

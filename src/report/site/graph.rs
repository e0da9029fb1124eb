//! The lineage of the models as a drawing: feeds to the left, marts and alerts to the right, each a link to its page.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Site, links};
use crate::error::Result;
use crate::mail::words::Words;
use crate::models::Layer;
use crate::report::page::{page_of, phrases};

/// Units of the drawing.
const WIDTH: f64 = 210.0;
const GAP: f64 = 70.0;
const HEIGHT: f64 = 22.0;
const STEP: f64 = 28.0;
/// Longest name that fits a box, in characters.
const NAME_CHARS: usize = 30;
/// Passes in which boxes are moved to where what they read lies.
const PASSES: usize = 4;

/// Boxes and the lines between them.
#[derive(Debug, Default, Serialize)]
pub(super) struct Drawing {
    width: f64,
    height: f64,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

#[derive(Debug, Serialize)]
struct Node {
    id: String,
    name: String,
    link: String,
    /// `feed`, `staging`, `intermediate`, `marts` or `alerts`.
    kind: &'static str,
    x: f64,
    y: f64,
    /// The one that the drawing is about.
    here: bool,
}

#[derive(Debug, Serialize)]
struct Edge {
    from: String,
    to: String,
    path: String,
}

/// What reads what: by reader.
type Reads = BTreeMap<String, BTreeSet<String>>;

fn reads(site: &Site<'_>) -> Reads {
    let of = |model: &crate::models::Model| {
        let feeds = model.reads.feeds.iter().map(|feed| format!("feeds.{feed}"));
        (model.name.clone(), model.reads.models.iter().cloned().chain(feeds).collect())
    };
    site.around.registry.models().map(of).collect()
}

/// The whole lineage.
pub(super) fn page(site: &Site<'_>, words: &Words) -> Result<String> {
    #[derive(Serialize)]
    struct View<'a> {
        lang: &'static str,
        title: String,
        beside: &'a [(String, String)],
        intro: &'static str,
        drawing: Drawing,
        t: BTreeMap<&'static str, &'static str>,
    }
    let all = reads(site);
    let names: BTreeSet<String> = all.iter().flat_map(|(name, reads)| reads.iter().chain([name])).cloned().collect();
    let view = View {
        lang: words.pick("zh-CN", "en"),
        title: format!("{} · {}", words.pick("血缘图", "Lineage"), site.around.config.company.name),
        beside: site.around.beside,
        intro: words.pick(
            "左为数据来源，右为数据集市与预警。点一下高亮上下游，再点打开其页面。",
            "Feeds to the left, marts and alerts to the right. One click shows what a box is made from and read by, another opens its page.",
        ),
        drawing: drawing(site, &all, &names, ""),
        t: phrases(words),
    };
    page_of("lineage.html", include_str!("lineage.html"), &view)
}

/// What one model is made from, all the way back, and what reads it next.
pub(super) fn around(site: &Site<'_>, name: &str) -> Drawing {
    let all = reads(site);
    let mut names = BTreeSet::new();
    let mut open = vec![name.to_string()];
    while let Some(next) = open.pop() {
        if names.insert(next.clone()) {
            open.extend(all.get(&next).into_iter().flatten().cloned());
        }
    }
    names.extend(all.iter().filter(|(_, reads)| reads.contains(name)).map(|(reader, _)| reader.clone()));
    drawing(site, &all, &names, name)
}

/// What a box reads of those that are drawn.
fn read<'a>(all: &'a Reads, names: &BTreeSet<String>, name: &str) -> Vec<&'a str> {
    all.get(name).into_iter().flatten().filter(|read| names.contains(*read)).map(String::as_str).collect()
}

fn drawing(site: &Site<'_>, all: &Reads, names: &BTreeSet<String>, here: &str) -> Drawing {
    let read = |name: &str| read(all, names, name);
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    let order = names.iter().filter(|name| !all.contains_key(*name)).map(String::as_str);
    let order =
        order.chain(site.around.registry.order().iter().map(String::as_str).filter(|name| names.contains(*name)));
    for name in order {
        let depth = read(name).iter().filter_map(|read| depths.get(read)).max().map_or(0, |deepest| deepest + 1);
        depths.insert(name, depth);
    }
    let mut ranks: Vec<Vec<&str>> = vec![Vec::new(); depths.values().max().map_or(0, |deepest| deepest + 1)];
    for (name, depth) in &depths {
        ranks[*depth].push(name);
    }
    let mut places: BTreeMap<&str, f64> = BTreeMap::new();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred boxes")]
    let settle = |ranks: &[Vec<&'_ str>]| -> BTreeMap<String, f64> {
        let tallest = ranks.iter().map(Vec::len).max().unwrap_or(0);
        let top = |rank: &Vec<&str>| STEP * (tallest - rank.len()) as f64 / 2.0;
        let placed = |rank: &Vec<&str>| -> Vec<(String, f64)> {
            rank.iter().enumerate().map(|(at, name)| ((*name).to_string(), top(rank) + STEP * at as f64)).collect()
        };
        ranks.iter().flat_map(placed).collect()
    };
    for _ in 0..PASSES {
        let settled = settle(&ranks);
        places = depths.keys().map(|name| (*name, settled.get(*name).copied().unwrap_or(0.0))).collect();
        for rank in &mut ranks {
            let middle = |name: &str| {
                let near: Vec<f64> = read(name).iter().filter_map(|read| places.get(read).copied()).collect();
                #[expect(clippy::cast_precision_loss, reason = "a few hundred boxes")]
                let count = near.len() as f64;
                if near.is_empty() {
                    places.get(name).copied().unwrap_or(0.0)
                } else {
                    near.iter().sum::<f64>() / count
                }
            };
            rank.sort_by(|one, other| middle(one).total_cmp(&middle(other)).then(one.cmp(other)));
        }
    }
    let settled = settle(&ranks);
    places.extend(depths.keys().map(|name| (*name, settled.get(*name).copied().unwrap_or(0.0))));
    #[expect(clippy::cast_precision_loss, reason = "a dozen steps")]
    let x = |name: &str| 4.0 + (WIDTH + GAP) * depths.get(name).copied().unwrap_or(0) as f64;
    let y = |name: &str| 4.0 + places.get(name).copied().unwrap_or(0.0);
    let node = |name: &&str| Node {
        id: (*name).to_string(),
        name: shortened(name),
        link: name.strip_prefix("feeds.").map_or_else(|| links::model(name), |feed| format!("feeds.html#{feed}")),
        kind: site.around.registry.get(name).map_or("feed", |model| match model.layer {
            Layer::Staging => "staging",
            Layer::Intermediate => "intermediate",
            Layer::Marts => "marts",
            Layer::Alerts => "alerts",
        }),
        x: x(name),
        y: y(name),
        here: **name == *here,
    };
    let edge = |reader: &str, read: &str| {
        let (x0, y0, x1, y1) = (x(read) + WIDTH, y(read) + HEIGHT / 2.0, x(reader), y(reader) + HEIGHT / 2.0);
        let bend = (x1 - x0) / 2.0;
        Edge {
            from: read.to_string(),
            to: reader.to_string(),
            path: format!("M{x0:.0} {y0:.0}C{:.0} {y0:.0} {:.0} {y1:.0} {x1:.0} {y1:.0}", x0 + bend, x1 - bend),
        }
    };
    let edges = depths.keys().flat_map(|reader| read(reader).into_iter().map(move |read| (*reader, read)));
    let edges = edges.map(|(reader, read)| edge(reader, read)).collect();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred boxes")]
    let tallest = ranks.iter().map(Vec::len).max().unwrap_or(0) as f64;
    #[expect(clippy::cast_precision_loss, reason = "a dozen steps")]
    let width = 8.0 + (WIDTH + GAP) * ranks.len() as f64 - GAP;
    Drawing { width, height: 8.0 + STEP * tallest, nodes: depths.keys().map(node).collect(), edges }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_CHARS {
        return name.to_string();
    }
    let kept: String = name.chars().take(NAME_CHARS - 1).collect();
    format!("{kept}…")
}

//! One run as a web page that needs nothing beside it, for whoever looks after the nights: first how the run stands, then
//! what needs somebody, then what was found, then how the last thirty nights went.

mod deliveries;
mod files;
mod findings;
mod nights;
mod phrases;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::MailLine;
use super::text::thousands;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::mail::words::Words;
use crate::models::Registry;
use crate::sender::Senders;
use crate::state::State;
use crate::state::record::{RunRecord, RunStatus};

pub use deliveries::Delivery;
pub(super) use deliveries::said;
pub use files::Lack;
pub(super) use phrases::phrases;

/// What the page is written from besides the committed state.
pub struct Surroundings<'a> {
    /// Settings.
    pub config: &'a Config,
    /// SQL models.
    pub registry: &'a Registry,
    /// Senders, for their names and whom to write to.
    pub senders: &'a Senders,
    /// What the commits say.
    pub state: &'a State,
    /// Files that are owed and not there.
    pub lacking: &'a [Lack],
    /// What became of the files of the last days, by sender, feed and day.
    pub deliveries: &'a [Delivery],
    /// Where mails went, by run.
    pub mails: &'a BTreeMap<String, Vec<MailLine>>,
    /// Links to the pages beside this one: address and title. None for a page alone.
    pub beside: &'a [(String, String)],
}

/// Everything that the template prints.
#[derive(Debug, Serialize)]
struct Page {
    lang: &'static str,
    title: String,
    company: String,
    run_id: String,
    job: String,
    date: String,
    status: &'static str,
    tone: &'static str,
    beside: Vec<(String, String)>,
    tiles: Vec<Tile>,
    error: Option<String>,
    files: Vec<files::Trouble>,
    quiet_files: usize,
    checks: String,
    checks_bad: bool,
    groups: Vec<findings::Group>,
    past: Vec<nights::Bars>,
    freshness: Vec<deliveries::Fresh>,
    notes: Vec<String>,
    marts: Vec<Mart>,
    mails: Vec<(String, String, String, bool)>,
    stages: Vec<(&'static str, String)>,
    facts: Vec<(&'static str, String)>,
    t: BTreeMap<&'static str, &'static str>,
}

/// A figure of the strip at the top.
#[derive(Debug, Serialize)]
struct Tile {
    name: &'static str,
    value: String,
    about: String,
    tone: &'static str,
}

#[derive(Debug, Serialize)]
struct Mart {
    name: String,
    rows: String,
    grain: String,
    /// Its own page, where there is one.
    link: String,
    written: bool,
}

/// The page of `run`. Findings stand only on the page of the newest run: older ones are no longer what is true.
pub fn html(around: &Surroundings<'_>, run: &RunRecord) -> Result<String> {
    let (config, state) = (around.config, around.state);
    let words = Words::new(&config.company.locale, &config.company.base_currency).read_on(run.logical_date);
    let newest = state.runs.back().is_some_and(|last| last.run_id == run.run_id);
    let (files, quiet_files) = files::troubles(around, run, newest, &words);
    let groups = if newest { findings::groups(around, &words)? } else { Vec::new() };
    let (status, tone) = status(run.status, &words);
    let page = Page {
        lang: words.pick("zh-CN", "en"),
        title: words.pick(
            format!("{} {}：{status}", run.job, run.logical_date),
            format!("{} {}: {status}", run.job, run.logical_date),
        ),
        company: config.company.name.clone(),
        run_id: run.run_id.clone(),
        job: run.job.clone(),
        date: words.pick(run.logical_date.format("%Y年%-m月%-d日"), run.logical_date.format("%-d %b %Y")).to_string(),
        status,
        tone,
        beside: around.beside.to_vec(),
        tiles: tiles(around, run, &files, &groups, &words),
        error: run.error.clone(),
        quiet_files,
        files,
        checks: checks(run, &words),
        checks_bad: run.checks_failed > 0 || run.status == RunStatus::ChecksFailed,
        groups,
        past: nights::bars(state, run, &words),
        freshness: deliveries::freshness(around, run, &words),
        notes: run.notes.clone(),
        marts: if run.published() { marts(around, &run.run_id) } else { Vec::new() },
        mails: mails(around, run, &words),
        stages: run.stages().map(|(stage, ms)| (stage, thousands(ms))).collect(),
        facts: facts(around, run, &words),
        t: phrases(&words),
    };
    page_of("page.html", include_str!("page/page.html"), &page)
}

/// A template filled in, with the look that all pages share.
pub(super) fn page_of(name: &'static str, source: &'static str, view: &impl Serialize) -> Result<String> {
    let mut env = minijinja::Environment::new();
    env.set_trim_blocks(true);
    env.set_lstrip_blocks(true);
    let broken = |err: minijinja::Error| Error::bug("the page cannot be written").at(name).because(err);
    env.add_template("look.html", include_str!("page/look.html")).map_err(broken)?;
    env.add_template("graph.html", include_str!("site/graph.html")).map_err(broken)?;
    env.add_template(name, source).map_err(broken)?;
    env.get_template(name).and_then(|template| template.render(view)).map_err(broken)
}

/// How a run ended, and in which tone that is said.
pub(super) fn status(status: RunStatus, words: &Words) -> (&'static str, &'static str) {
    match status {
        RunStatus::Ok => (words.pick("正常", "ok"), "good"),
        RunStatus::Warned => (words.pick("完成，有提示", "finished with warnings"), "warn"),
        RunStatus::ChecksFailed => (words.pick("检查未通过，未发布", "checks failed, nothing published"), "bad"),
        RunStatus::Failed => (words.pick("失败，未发布", "failed, nothing published"), "bad"),
    }
}

/// `05:12` on the company's clocks, with its date.
pub(super) fn instant(at: DateTime<Utc>, config: &Config) -> String {
    at.with_timezone(&config.company.time_zone).format("%Y-%m-%d %H:%M").to_string()
}

fn duration(run: &RunRecord, words: &Words) -> String {
    let seconds = (run.ended_at - run.started_at).num_seconds();
    match seconds {
        ..120 => words.pick(format!("{seconds} 秒"), format!("{seconds} s")),
        _ => words.pick(
            format!("{} 分 {} 秒", seconds / 60, seconds % 60),
            format!("{} min {} s", seconds / 60, seconds % 60),
        ),
    }
}

fn tiles(
    around: &Surroundings<'_>,
    run: &RunRecord,
    files: &[files::Trouble],
    groups: &[findings::Group],
    words: &Words,
) -> Vec<Tile> {
    let tone = |bad: bool| if bad { "warn" } else { "good" };
    let of = |severity: &str| {
        let of = groups.iter().flat_map(|group| &group.findings);
        of.filter(|finding| finding.severity == severity && finding.muted.is_none()).count()
    };
    let (critical, warning) = (of("critical"), of("warning"));
    let mails = around.mails.get(&run.run_id).map_or(&[][..], Vec::as_slice);
    let unsent = mails.iter().filter(|mail| mail.outcome != "sent").count();
    let sent = mails.len() - unsent;
    vec![
        Tile {
            name: words.pick("要人处理的文件", "Files for somebody"),
            value: files.len().to_string(),
            about: words.pick(format!("本次收到 {}", run.files), format!("{} taken in", run.files)),
            tone: tone(!files.is_empty()),
        },
        Tile {
            name: words.pick("检查", "Checks"),
            value: match run.checks_failed {
                0 => thousands(run.checks),
                failed => format!("{failed}/{}", thousands(run.checks)),
            },
            about: match run.checks_failed {
                0 => words.pick("全部通过", "all hold").to_string(),
                _ => words.pick("未通过", "do not hold").to_string(),
            },
            tone: if run.status == RunStatus::ChecksFailed { "bad" } else { tone(run.checks_failed > 0) },
        },
        Tile {
            name: words.pick("发现", "Findings"),
            value: (critical + warning).to_string(),
            about: words.pick(format!("严重 {critical}"), format!("{critical} critical")),
            tone: if critical > 0 { "bad" } else { tone(warning > 0) },
        },
        Tile {
            name: words.pick("读入行数", "Rows read"),
            value: thousands(run.rows_read),
            about: words.pick(
                format!("拒收 {}", thousands(run.rows_rejected)),
                format!("{} refused", thousands(run.rows_rejected)),
            ),
            tone: tone(run.rows_rejected > 0),
        },
        Tile {
            name: words.pick("邮件", "Mails"),
            value: sent.to_string(),
            about: words.pick(format!("未送达 {unsent}"), format!("{unsent} not sent")),
            tone: tone(unsent > 0),
        },
        Tile {
            name: words.pick("用时", "Took"),
            value: duration(run, words),
            about: instant(run.started_at, around.config),
            tone: "good",
        },
    ]
}

fn checks(run: &RunRecord, words: &Words) -> String {
    let (asked, failed) = (thousands(run.checks), thousands(run.checks_failed));
    match (run.status, run.checks) {
        (RunStatus::ChecksFailed, _) => words.pick(
            "有必须成立的检查未通过：什么都没有发布，读者看到的仍是上一次的数据。".to_string(),
            "A check that must hold does not: nothing was published, and readers see the night before.".to_string(),
        ),
        (_, 0) => words.pick(
            "本次没有重新计算的内容，此前的检查结果仍然有效。".to_string(),
            "Nothing was built anew: what was checked before still holds.".to_string(),
        ),
        _ => words.pick(
            format!("对本次重新计算的内容做了 {asked} 项检查，{failed} 项未通过。"),
            format!("{asked} checks were asked of what was built anew; {failed} did not hold."),
        ),
    }
}

fn facts(around: &Surroundings<'_>, run: &RunRecord, words: &Words) -> Vec<(&'static str, String)> {
    let built = words.pick(
        format!("重新计算 {}，沿用 {}", thousands(run.partitions_built), thousands(run.partitions_reused)),
        format!("{} built, {} reused", thousands(run.partitions_built), thousands(run.partitions_reused)),
    );
    vec![
        (words.pick("开始", "Started"), instant(run.started_at, around.config)),
        (words.pick("分区", "Partitions"), built),
        (words.pick("发布的表", "Marts"), thousands(run.marts)),
        (words.pick("语句", "Statements"), thousands(run.statements)),
    ]
}

/// Name, rows, what a row is, and whether this run wrote it.
fn marts(around: &Surroundings<'_>, run_id: &str) -> Vec<Mart> {
    let registry = around.registry;
    let mut marts: BTreeMap<&str, (u64, bool)> = BTreeMap::new();
    for partition in around.state.partitions().filter(|partition| registry.is_mart(&partition.model)) {
        let mart = marts.entry(&partition.model).or_default();
        if let Some(file) = &partition.file {
            mart.0 += file.rows;
            mart.1 |= file.key.contains(run_id);
        }
    }
    let line = |(name, (rows, written)): (&str, (u64, bool))| Mart {
        name: name.to_string(),
        rows: thousands(rows),
        grain: registry.get(name).map(|model| model.grain().to_string()).unwrap_or_default(),
        link: if around.beside.is_empty() { String::new() } else { format!("mart-{name}.html") },
        written,
    };
    marts.into_iter().map(line).collect()
}

/// Who, what, where it went, and whether that needs somebody.
fn mails(around: &Surroundings<'_>, run: &RunRecord, words: &Words) -> Vec<(String, String, String, bool)> {
    let outcome = |mail: &MailLine| match mail.outcome.as_str() {
        "sent" => words.pick("已送出", "sent"),
        "waiting" => words.pick("待重试", "waiting"),
        _ => words.pick("已放弃", "given up"),
    };
    let line = |mail: &MailLine| {
        let bad = mail.outcome != "sent";
        let detail = if bad { format!("{}: {}", outcome(mail), mail.detail) } else { outcome(mail).to_string() };
        (mail.recipient.clone(), mail.subject.clone(), detail, bad)
    };
    around.mails.get(&run.run_id).into_iter().flatten().map(line).collect()
}

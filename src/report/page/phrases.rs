//! Words that stand on every page.

use std::collections::BTreeMap;

use crate::mail::words::Words;

/// The fixed words of the pages, by key.
pub(in crate::report) fn phrases(words: &Words) -> BTreeMap<&'static str, &'static str> {
    let pairs = [
        ("advice", "处理", "Do"),
        ("all_fresh", "全部按时。", "All in time."),
        ("built", "本次更新", "written"),
        ("checks", "检查", "Checks"),
        ("columns", "列", "Columns"),
        ("details", "运行明细", "The run in numbers"),
        ("files", "要人处理的文件", "Files that need somebody"),
        ("findings", "发现（按规则）", "Findings by rule"),
        ("fresh", "各发送方近 30 天", "Senders, the last 30 days"),
        ("fresh_about", "每格一天，最右为数据日期", "a cell a day, the run's day last"),
        ("mails", "邮件", "Mails"),
        ("marts", "数据集市", "Marts"),
        ("muted", "暂不提示", "held back"),
        ("nights", "近 30 次夜间运行", "The last 30 nights"),
        ("no_files", "没有需要人处理的文件。", "No file needs anybody."),
        ("no_findings", "没有未了结的发现。", "No finding stands."),
        ("none_found", "没有匹配的内容", "nothing matches"),
        ("notes", "提示", "Notes"),
        ("other_senders", "其余按时的发送方", "Senders without trouble"),
        ("quiet", "个文件不需要人处理", "files need nobody"),
        ("row_is", "一行是", "One row is one"),
        ("rows", "行数", "Rows"),
        ("run", "运行", "run"),
        ("search", "搜索本页", "Search this page"),
        ("since", "自", "since"),
        ("stages", "各阶段用时（毫秒）", "Stages, milliseconds"),
        ("top", "最高", "at most"),
        ("unchanged", "未变", "unchanged"),
    ];
    pairs.into_iter().map(|(key, zh, en)| (key, words.pick(zh, en))).collect()
}

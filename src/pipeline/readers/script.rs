//! Views over the exact files of a night, with comments, for `DuckDB` and the BI tools that go through it: all of them or
//! none.

use std::collections::BTreeSet;
use std::fmt::Write;

use chrono::{DateTime, Utc};

use super::ByMart;
use crate::models::{Model, Registry};
use crate::state::record::RunRecord;
use crate::store::{Store, keys};
use crate::zone::Tz;

/// The view that says which night the others show.
const PUBLISHED: &str = "published";

/// What a script shows.
pub(super) struct Night<'a> {
    pub(super) marts: &'a Store,
    pub(super) registry: &'a Registry,
    pub(super) by_mart: &'a ByMart<'a>,
    /// Marts that are published no more.
    pub(super) dropped: &'a BTreeSet<String>,
    pub(super) run: &'a RunRecord,
    /// The company's zone.
    pub(super) zone: Tz,
}

/// How a script names files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Places {
    /// From the root: it runs wherever this machine's marts are seen under the same path.
    Absolute,
    /// Below the folder of the marts: it runs where they are mounted elsewhere.
    Relative,
}

/// In which words a script describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    /// English and Chinese.
    Both,
    /// Chinese alone.
    Chinese,
}

/// Every script by its key.
pub(super) fn all(night: &Night<'_>) -> Vec<(&'static str, String)> {
    let scripts = [
        (keys::DUCKDB_SQL, Places::Absolute, Words::Both),
        (keys::DUCKDB_RELATIVE_SQL, Places::Relative, Words::Both),
        (keys::DUCKDB_ZH_SQL, Places::Absolute, Words::Chinese),
    ];
    scripts.into_iter().map(|(key, places, words)| (key, night.script(places, words))).collect()
}

impl Night<'_> {
    fn script(&self, places: Places, words: Words) -> String {
        let place = match places {
            Places::Absolute => "",
            Places::Relative => {
                "-- Its files lie below the folder of this script: run it there, or tell DuckDB where that is, in every\n\
                 -- connection: set file_search_path = '/mnt/marts';\n"
            }
        };
        let mut sql = format!(
            "-- Written by tributary, run {}. Views over immutable files: read this file again after each night.\n{place}\
             begin transaction;\n",
            self.run.run_id
        );
        // Writing into a String cannot fail.
        for mart in self.dropped {
            writeln!(sql, "drop view if exists {mart};").ok();
        }
        if !self.by_mart.contains_key(PUBLISHED) {
            self.published(&mut sql, words);
        }
        for (mart, files) in self.by_mart {
            let place = |key: &str| match places {
                Places::Absolute => self.marts.reader_path(key),
                Places::Relative => key.to_string(),
            };
            let list: Vec<String> = files.iter().map(|(_, file)| quoted(&place(&file.key))).collect();
            write!(
                sql,
                "\ncreate or replace view {mart} as select * from read_parquet([\n    {}\n]);\n",
                list.join(",\n    ")
            )
            .ok();
            if let Some(model) = self.registry.get(mart) {
                comments(&mut sql, mart, model, words);
            }
        }
        sql.push_str("\ncommit;\n");
        sql
    }

    /// A dashboard of an old night looks like one of today's unless it can say which one it shows.
    fn published(&self, sql: &mut String, words: Words) {
        let run = self.run;
        let instant = |at: DateTime<Utc>| format!("timestamptz '{}'", at.format("%Y-%m-%d %H:%M:%S+00"));
        let notes =
            if run.notes.is_empty() { "cast(null as varchar)".to_string() } else { quoted(&run.notes.join("; ")) };
        let columns = [
            ("run_id", quoted(&run.run_id), "The run that published", "发布本批数据的运行"),
            ("job", quoted(&run.job), "Its job", "所属任务"),
            (
                "as_of_date",
                format!("date '{}'", run.logical_date),
                "Last business day that is in the marts",
                "数据截止日",
            ),
            ("published_at", instant(run.ended_at), "When it was published", "发布时间"),
            (
                "published_on",
                format!("date '{}'", run.ended_at.with_timezone(&self.zone).date_naive()),
                "Day of that in the company's zone",
                "发布日期（公司时区）",
            ),
            (
                "is_reduced",
                (!run.notes.is_empty()).to_string(),
                "Whether something was missing or held back",
                "是否数据不全",
            ),
            ("reduced_by", notes, "What reduced it, in words; NULL where nothing did", "不全的原因；完整为空"),
        ];
        let list: Vec<String> = columns.iter().map(|(name, value, ..)| format!("{value} as {name}")).collect();
        writeln!(sql, "\ncreate or replace view {PUBLISHED} as select\n    {};", list.join(",\n    ")).ok();
        let about = words.of("Which night all these views show: one row", "以上视图所示的是哪一晚的数据：一行");
        writeln!(sql, "comment on view {PUBLISHED} is {};", quoted(&about)).ok();
        for (name, _, en, zh) in columns {
            writeln!(sql, "comment on column {PUBLISHED}.{name} is {};", quoted(&words.of(en, zh))).ok();
        }
    }
}

impl Words {
    fn of(self, en: &str, zh: &str) -> String {
        match self {
            Self::Chinese if !zh.is_empty() => zh.to_string(),
            _ => format!("{en} · {zh}"),
        }
    }
}

fn comments(sql: &mut String, mart: &str, model: &Model, words: Words) {
    let grain = match words {
        Words::Both => format!(" (grain: {})", model.grain()),
        Words::Chinese => String::new(),
    };
    let comment = words.of(model.description_en(), model.description_zh()) + &grain;
    writeln!(sql, "comment on view {mart} is {};", quoted(&comment)).ok();
    for column in model.columns() {
        let unit = column.unit.as_ref().filter(|_| words == Words::Both);
        let unit = unit.map(|unit| format!(" [{unit}]")).unwrap_or_default();
        let to = column.references.as_ref().map(|to| format!(" → {to}")).unwrap_or_default();
        let comment = words.of(&format!("{}{unit}", column.en), &column.zh) + &to;
        writeln!(sql, "comment on column {mart}.{} is {};", column.name, quoted(&comment)).ok();
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

//! Rows that were refused, asked one by one: those in intake's reject files, and those that a model holds back
//! because something they name is unknown.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use datafusion::common::Column;
use datafusion::dataframe::DataFrame;
use datafusion::functions::unicode::expr_fn::strpos;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::SessionContext;

use super::files::{self, Slice};
use super::registry::Registry;
use super::session::{self, Limits};
use super::{cast, query};
use crate::config::Config;
use crate::contract::rejects_schema;
use crate::error::Result;
use crate::state::record::{Input, Partition};
use crate::store::Stores;

/// The model that holds rows back, where a company has one. Its columns are those that are read here.
pub const HELD_BACK: &str = "refused_rows";

const COLUMNS: [&str; 10] =
    ["sender", "feed", "file", "line", "column", "reason", "found", "expected", "raw", "delivered_at"];

/// Which rows are meant. What is left out is not asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Senders.
    pub senders: Vec<String>,
    /// Feed.
    pub feed: Option<String>,
    /// Code of a rule.
    pub reason: Option<String>,
    /// Part of a file's key.
    pub file: Option<String>,
    /// These files only; any where it is empty.
    pub files: Vec<String>,
}

/// One refused row.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// Sender.
    pub sender: String,
    /// Feed.
    pub feed: String,
    /// Key of the file in the inbox.
    pub file: String,
    /// Line in it; none where the file was refused whole.
    pub line: Option<i64>,
    /// Canonical column.
    pub column: String,
    /// Code of the rule.
    pub reason: String,
    /// What stands there.
    pub found: String,
    /// What should.
    pub expected: String,
    /// The line as it came, as far as it was kept.
    pub raw: String,
    /// `rejected` by intake, `held_back` until what it names is known, or `file_refused`.
    pub outcome: String,
    /// When the file was delivered.
    pub delivered_at: Option<DateTime<Utc>>,
}

/// Rows of one sender and feed for one reason.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Counted {
    /// Sender.
    pub sender: String,
    /// Feed.
    pub feed: String,
    /// Code of the rule.
    pub reason: String,
    /// `rejected` or `held_back`.
    pub outcome: String,
    /// Rows.
    pub rows: u64,
}

/// Refused rows, ready to be asked.
pub struct RefusedRows {
    rows: DataFrame,
}

impl RefusedRows {
    /// Opens the reject files of `inputs`, and what the held-back model last built.
    pub async fn open<'a>(
        registry: &Registry,
        config: &Config,
        stores: &Stores,
        inputs: impl Iterator<Item = &'a Input>,
        partitions: impl Iterator<Item = &'a Partition>,
        wanted: &Wanted,
    ) -> Result<Self> {
        let context = session::open(Limits::of(config))?;
        files::register_stores(&context, stores)?;
        let rejects: Vec<Slice> = inputs.filter_map(|input| input.rejects.as_ref()).map(Slice::whole).collect();
        let rejected = files::table(&context, stores, &rejects_schema(), None, &rejects)?;
        context.register_table("rejected", rejected)?;
        let mut sql = format!("select {}, 'rejected' as outcome from rejected", quoted(&COLUMNS));
        let held: Vec<Slice> = partitions.filter_map(|made| made.file.as_ref()).map(Slice::whole).collect();
        if let Some(model) = registry.get(HELD_BACK).filter(|model| !model.columns().is_empty() && !held.is_empty()) {
            let schema = cast::declared(model.columns());
            context.register_table("held_back", files::table(&context, stores, &schema, None, &held)?)?;
            let columns =
                COLUMNS.map(|name| if name == "raw" { "cast(null as varchar) as raw".into() } else { quoted(&[name]) });
            sql.push_str(&format!(" union all select {}, 'held_back' as outcome from held_back", columns.join(", ")));
        }
        let rows = frame(&context, &sql).await?;
        Ok(Self { rows: narrowed(rows, wanted)? })
    }

    /// How many, by sender, feed and reason; most first.
    pub async fn counts(&self) -> Result<Vec<Counted>> {
        let by = ["sender", "feed", "reason", "outcome"];
        let frame = self.rows.clone().aggregate(by.map(column).to_vec(), vec![count(lit(1)).alias("rows")])?;
        let mut counts = Vec::new();
        for batch in frame.collect().await? {
            let text = |name: &str, row: usize| text_of(&batch, name, row).unwrap_or_default();
            let rows = batch.column_by_name("rows").and_then(|array| array.as_primitive_opt::<Int64Type>());
            for row in 0..batch.num_rows() {
                let count = rows.map_or(0, |rows| rows.value(row));
                counts.push(Counted {
                    sender: text("sender", row),
                    feed: text("feed", row),
                    reason: text("reason", row),
                    outcome: text("outcome", row),
                    rows: u64::try_from(count).unwrap_or(0),
                });
            }
        }
        counts.sort_by(|a, b| {
            b.rows.cmp(&a.rows).then_with(|| {
                (&a.sender, &a.feed, &a.reason, &a.outcome).cmp(&(&b.sender, &b.feed, &b.reason, &b.outcome))
            })
        });
        Ok(counts)
    }

    /// The rows, by sender, feed, file and line; at most so many.
    pub async fn rows(&self, most: Option<usize>) -> Result<Vec<Refusal>> {
        let order = ["sender", "feed", "file", "line", "column", "found"];
        let sorted = self.rows.clone().sort(order.map(|name| column(name).sort(true, false)).to_vec())?;
        let mut rows = Vec::new();
        for batch in sorted.limit(0, most)?.collect().await? {
            let lines = batch.column_by_name("line").and_then(|array| array.as_primitive_opt::<Int64Type>());
            let instants = batch
                .column_by_name("delivered_at")
                .and_then(|array| array.as_primitive_opt::<TimestampMicrosecondType>());
            for row in 0..batch.num_rows() {
                let text = |name: &str| text_of(&batch, name, row).unwrap_or_default();
                let at = instants.filter(|array| array.is_valid(row)).map(|array| array.value(row));
                rows.push(Refusal {
                    sender: text("sender"),
                    feed: text("feed"),
                    file: text("file"),
                    line: lines.filter(|array| array.is_valid(row)).map(|array| array.value(row)),
                    column: text("column"),
                    reason: text("reason"),
                    found: text("found"),
                    expected: text("expected"),
                    raw: text("raw"),
                    outcome: text("outcome"),
                    delivered_at: at.and_then(DateTime::<Utc>::from_timestamp_micros),
                });
            }
        }
        Ok(rows)
    }
}

async fn frame(context: &SessionContext, sql: &str) -> Result<DataFrame> {
    let located = |err: datafusion::error::DataFusionError| query::located(&err, "refused rows", sql);
    let statement = query::parse(context, sql).map_err(located)?;
    let plan = context.state().statement_to_plan(statement).await.map_err(located)?;
    context.execute_logical_plan(plan).await.map_err(located)
}

fn narrowed(rows: DataFrame, wanted: &Wanted) -> Result<DataFrame> {
    let senders = wanted.senders.iter().map(|name| lit(name.as_str())).collect();
    let mut rows = rows.filter(column("sender").in_list(senders, false))?;
    if let Some(feed) = &wanted.feed {
        rows = rows.filter(column("feed").eq(lit(feed.as_str())))?;
    }
    if let Some(reason) = &wanted.reason {
        rows = rows.filter(column("reason").eq(lit(reason.as_str())))?;
    }
    if let Some(file) = &wanted.file {
        rows = rows.filter(strpos(column("file"), lit(file.as_str())).gt(lit(0)))?;
    }
    if !wanted.files.is_empty() {
        let files = wanted.files.iter().map(|key| lit(key.as_str())).collect();
        rows = rows.filter(column("file").in_list(files, false))?;
    }
    Ok(rows)
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

fn text_of(batch: &arrow::record_batch::RecordBatch, name: &str, row: usize) -> Option<String> {
    let array = batch.column_by_name(name)?;
    if let Some(texts) = array.as_string_opt::<i32>() {
        return texts.is_valid(row).then(|| texts.value(row).to_string());
    }
    let texts = array.as_string_view_opt()?;
    texts.is_valid(row).then(|| texts.value(row).to_string())
}

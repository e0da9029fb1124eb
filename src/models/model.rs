//! A model as it is understood: its two files, what it reads, where it stands; and the feeds that it may read.

use std::collections::BTreeSet;

use arrow::datatypes::SchemaRef;
use datafusion::sql::parser::Statement;

use super::history::History;
use super::sidecar::{Additive, Column, Materialised, Sidecar};

/// A folder of `sql/`, in the direction of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Feeds, cleaned and typed.
    Staging,
    /// Steps that several marts share.
    Intermediate,
    /// What readers get.
    Marts,
    /// Findings for mails.
    Alerts,
}

impl Layer {
    /// All layers, in order.
    pub const ALL: [Self; 4] = [Self::Staging, Self::Intermediate, Self::Marts, Self::Alerts];

    /// Name of its folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Staging => "staging",
            Self::Intermediate => "intermediate",
            Self::Marts => "marts",
            Self::Alerts => "alerts",
        }
    }

    /// Staging reads only staging, and nobody reads alerts. Steps and marts may read each other, as long as no
    /// circle comes of it.
    pub(super) fn may_read(self, other: Self) -> bool {
        match self {
            Self::Staging => other == Self::Staging,
            Self::Intermediate | Self::Marts | Self::Alerts => other != Self::Alerts,
        }
    }
}

/// Kind of a feed, as far as models care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedKind {
    /// Rows with a business date, delivered by period.
    Event,
    /// Snapshots that are valid from a date.
    Reference,
}

/// A feed as a table of SQL: `feeds.<name>`.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Kind.
    pub kind: FeedKind,
    /// Contract columns, then lineage columns.
    pub schema: SchemaRef,
    /// The date column that the rows of a reference are about, where they are about dates.
    pub dated_by: Option<String>,
    /// The table that its deliveries come to.
    pub history: Option<History>,
    /// Columns by which rows are of one cell, where a file replaces another cell by cell: its key without numbers.
    pub cell: Vec<String>,
}

impl Feed {
    /// A feed of which nothing else is known.
    pub fn new(kind: FeedKind, schema: SchemaRef) -> Self {
        Self { kind, schema, dated_by: None, history: None, cell: Vec::new() }
    }
}

/// What a statement reads, by kind of source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// Other models.
    pub models: BTreeSet<String>,
    /// Feeds, read as they are or by what they come to.
    pub feeds: BTreeSet<String>,
    /// Those of them that are read by what they come to.
    pub histories: BTreeSet<String>,
    /// System tables.
    pub system: BTreeSet<String>,
    /// Settings tables.
    pub settings: BTreeSet<String>,
    /// Parameters.
    pub parameters: BTreeSet<String>,
}

/// Columns of a first question.
const COLUMNS_ASKED: usize = 5;
/// What people ask for first, where a mart has it.
const ASKED_FIRST: [&str; 3] = ["net_sales", "orders", "units"];

/// One model.
#[derive(Debug, Clone)]
pub struct Model {
    /// Name: unique over all layers.
    pub name: String,
    /// Where it stands.
    pub layer: Layer,
    /// Its SQL file, as shown in messages.
    pub path: String,
    /// The SQL as written.
    pub sql: String,
    /// The SQL, parsed, with its placeholders.
    pub statement: Statement,
    /// Its sidecar.
    pub sidecar: Sidecar,
    /// What its SQL reads.
    pub reads: Reads,
    /// What its checks read beyond itself.
    pub check_reads: Reads,
}

impl Model {
    /// Its sidecar's file, as shown in messages.
    pub fn sidecar_path(&self) -> String {
        self.path.replace(".sql", ".toml")
    }

    /// What a business person would call its part of the company: the folder between layer and file, as `stock`;
    /// empty where a model lies in its layer's folder itself.
    pub fn subject(&self) -> &str {
        self.path.split('/').rev().nth(1).filter(|folder| *folder != self.layer.folder()).unwrap_or_default()
    }

    /// Whether its rows are kept by month.
    pub fn is_partitioned(&self) -> bool {
        self.sidecar.materialised == Materialised::Partitioned
    }

    /// What one row is.
    pub fn grain(&self) -> &str {
        &self.sidecar.grain
    }

    /// What it is for, in English.
    pub fn description_en(&self) -> &str {
        &self.sidecar.description.en
    }

    /// What it is for, in Chinese.
    pub fn description_zh(&self) -> &str {
        &self.sidecar.description.zh
    }

    /// Declared columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.sidecar.columns
    }

    /// The columns that tell most at a glance: amounts first that everybody asks for, then what else adds up.
    pub fn telling(&self) -> Vec<&str> {
        let adds_up = |column: &&Column| matches!(&column.additive, Some(Additive::Rows(true) | Additive::Over(_)));
        let adding: Vec<&str> = self.columns().iter().filter(adds_up).map(|column| column.name.as_str()).collect();
        let (mut asked, others): (Vec<&str>, Vec<&str>) =
            adding.into_iter().partition(|name| ASKED_FIRST.contains(name));
        asked.sort_by_key(|name| ASKED_FIRST.iter().position(|known| known == name));
        asked.extend(others);
        asked.truncate(COLUMNS_ASKED.saturating_sub(self.sidecar.key.len()).max(1));
        asked
    }

    /// A first question to it: its key and what tells most, the newest first.
    pub fn question(&self) -> String {
        let key = self.sidecar.key.iter().map(String::as_str);
        let columns: Vec<&str> = key.chain(self.telling()).take(COLUMNS_ASKED).collect();
        let dated = |name: &&&str| {
            self.sidecar.column(name).is_some_and(|column| column.kind.to_string() == "date")
                || **name == "month"
                || **name == "quarter"
        };
        let order = columns.iter().find(dated).map(|name| format!(" order by {name} desc")).unwrap_or_default();
        format!("select {} from {}{order} limit 5", columns.join(", "), self.name)
    }

    /// Whether its rows are not kept.
    pub fn is_view(&self) -> bool {
        self.sidecar.materialised == Materialised::View
    }
}

/// A model's two files, before they are understood.
#[derive(Debug, Clone)]
pub struct Source {
    /// Layer.
    pub layer: Layer,
    /// Name.
    pub name: String,
    /// Path shown in messages, without extension.
    pub path: String,
    /// SQL.
    pub sql: String,
    /// Sidecar.
    pub sidecar: String,
}

//! What a rule asks for besides its texts: cells that decide something, and rows that stand behind a finding.

use serde::Deserialize;

/// A column and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The column.
    pub column: String,
    /// Its value, as a label has it.
    pub is: String,
}

/// The `[alert.evidence]` table: rows of a model that stand behind a finding, for the sheet that goes with a mail.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The model.
    pub model: String,
    /// Columns that the finding and its evidence share.
    pub by: Vec<String>,
    /// A condition in SQL, for rows that belong to it at all.
    #[serde(rename = "where")]
    pub condition: Option<String>,
    /// By what the rows are sorted, in SQL.
    pub order: Option<String>,
    /// What is shown.
    pub columns: Vec<EvidenceColumn>,
}

/// A column of a sheet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceColumn {
    /// The model's column.
    pub name: String,
    /// What it is called in English.
    pub en: String,
    /// What it is called in Chinese.
    pub zh: String,
    /// `customer`: the cell is a link where `mail.customer_url` is set.
    pub link: Option<String>,
}

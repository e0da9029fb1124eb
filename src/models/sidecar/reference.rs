//! Which dimension holds what a column's values are: what BI tools draw as a line of the star.

use serde::Deserialize;

/// A column of another mart whose rows say what a value is, written as `"dim_partner.partner_id"`; or as
/// `{ to = "dim_partner.partner_id", besides = ["all"] }` where some values stand for no single row of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Reference {
    /// The mart.
    pub model: String,
    /// Its key.
    pub column: String,
    /// Values that it does not hold, such as the word for all of them.
    pub besides: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    To(String),
    Besides {
        to: String,
        #[serde(default)]
        besides: Vec<String>,
    },
}

impl TryFrom<Written> for Reference {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let (to, besides) = match written {
            Written::To(to) => (to, Vec::new()),
            Written::Besides { to, besides } => (to, besides),
        };
        let (model, column) =
            to.split_once('.').ok_or_else(|| format!("`references` is \"{to}\"; expected \"mart.column\""))?;
        Ok(Self { model: model.to_string(), column: column.to_string(), besides })
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.model, self.column)
    }
}

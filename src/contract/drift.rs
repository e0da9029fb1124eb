//! Schema drift: what is done about a column that neither the contract nor the mapping knows, and about a
//! column that the mapping names and the file no longer has.

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use toml::Value;

use crate::error::closest;

/// What is done about a column that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Its values are kept, as text, in the staged column `_extra`.
    Evolve,
    /// The file is quarantined: its columns must be those of the mapping, none more and none less.
    Freeze,
    /// Its values are left out.
    DiscardColumn,
}

impl Policy {
    const ALL: [(&str, Self); 3] =
        [("evolve", Self::Evolve), ("freeze", Self::Freeze), ("discard_column", Self::DiscardColumn)];

    fn parse(word: &str) -> Result<Self, String> {
        let known = || Self::ALL.iter().map(|(name, _)| *name);
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, policy)| *policy).ok_or_else(|| {
            let near = closest(word, known()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            format!("drift is `{word}`; expected {}{near}", known().collect::<Vec<_>>().join(", "))
        })
    }
}

/// Policies by set of columns: `drift = "freeze"`, or patterns of headers of which the first that fits counts:
/// `drift = { "备注*" = "discard_column", "ext_*" = "evolve", "*" = "freeze" }`. What fits none is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Drift(Vec<(String, Policy)>);

impl TryFrom<Value> for Drift {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let wrong = || "drift must be a word, or a table of header patterns and words".to_string();
        match value {
            Value::String(word) => Ok(Self(vec![("*".to_string(), Policy::parse(&word)?)])),
            Value::Table(sets) => {
                let read = |(pattern, word): (String, Value)| {
                    matcher(&pattern).ok_or_else(|| format!("drift: \"{pattern}\" is not a pattern of headers"))?;
                    Ok((pattern, Policy::parse(word.as_str().ok_or_else(wrong)?)?))
                };
                sets.into_iter().map(read).collect::<Result<_, String>>().map(Self)
            }
            _ => Err(wrong()),
        }
    }
}

impl Drift {
    /// What is done about the column of that header.
    pub fn of(&self, header: &str) -> Policy {
        let fits = |pattern: &str| matcher(pattern).is_some_and(|matcher| matcher.is_match(header));
        self.0.iter().find(|(pattern, _)| fits(pattern)).map_or(Policy::DiscardColumn, |(_, policy)| *policy)
    }
}

fn matcher(pattern: &str) -> Option<GlobMatcher> {
    Some(GlobBuilder::new(pattern).case_insensitive(true).build().ok()?.compile_matcher())
}

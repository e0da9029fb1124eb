//! What reduces a run: a feed that is not all there. Digests tell it, and so does the account of the run.

use serde::Serialize;

use super::rule::Texts;

/// A feed that is not all there, and what that leaves incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reduction {
    /// The feed.
    pub feed: String,
    /// What people call it.
    pub name: Texts,
    /// What is lacking of it, in words.
    pub because: Vec<Texts>,
    /// Marts of the job that read it, directly or through others.
    pub marts: Vec<String>,
    /// Whether that is wrong.
    pub standing: Standing,
}

/// How bad it is that a feed is not all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The company does not use the feed.
    Unused,
    /// Nobody delivers it, and feeds in use refer to it.
    MasterData,
    /// Its files are not due yet.
    Awaited,
    /// It should be there.
    Lacking,
}

/// One line about the feeds that this company does not use, if there are any.
pub fn unused(reduced: &[Reduction]) -> Option<String> {
    let unused = reduced.iter().filter(|reduction| reduction.standing == Standing::Unused);
    let feeds: Vec<&str> = unused.map(|reduction| reduction.feed.as_str()).collect();
    let (count, them) =
        if feeds.len() == 1 { ("1 feed".to_string(), "it") } else { (format!("{} feeds", feeds.len()), "them") };
    (!feeds.is_empty()).then(|| {
        format!(
            "{count} never arrived and no sender delivers {them}: {}; what needs {them} is NULL, with a status",
            feeds.join(", ")
        )
    })
}

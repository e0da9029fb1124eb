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
    /// Its files are not due yet.
    Awaited,
    /// It should be there.
    Lacking,
}

//! What is kept of an object that we wrote: in which of our stores it lies, by which key, with which content.

use serde::{Deserialize, Serialize};

/// Which of our two stores an object lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Home {
    /// Ours: staged rows, intermediate models, state, outbox.
    Lake,
    /// For readers: marts.
    Marts,
}

/// One immutable object that we wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// The store.
    pub home: Home,
    /// The key below that store's prefix.
    pub key: String,
    /// SHA-256 of the bytes, in hex, taken while writing.
    pub sha256: String,
    /// Rows.
    pub rows: u64,
    /// Size.
    pub bytes: u64,
}

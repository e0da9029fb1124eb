//! What a lake remembers: the commit chain and what it folds to.
//!
//! ```text
//! deliveries --ledger--> changes --chain--> commit 000042.json --fold--> State
//! ```
//!
//! [`ledger`] decides what deliveries mean, [`chain`] makes a change true or reports why not,
//! [`State`] is what all commits together say, [`audit`] walks every one of them, [`lease`] keeps two runners from working at once, and
//! [`clean`] removes what nothing names any more. Only this module writes state.

mod version;
mod told;
pub mod record;
mod fold;
pub mod ledger;
pub mod chain;
mod checkpoint;
pub mod audit;
pub mod lease;
pub mod clean;
pub mod silence;
mod aside;
pub mod withdraw;
#[cfg(test)]
pub(crate) mod samples;

use chrono::NaiveDate;

pub use chain::{Chain, Draft};
pub use fold::{Done, Keep, State};
pub use lease::{Held, hold};

use crate::config::Config;
use crate::store::Retry;

/// What chain and lease need to know of the settings.
#[derive(Debug, Clone)]
pub struct Options {
    /// A checkpoint folds the chain after so many commits.
    pub checkpoint_every: u64,
    /// How long folded memory is kept.
    pub keep: Keep,
    /// Tries for one commit.
    pub retry: Retry,
    /// Longest wait for one answer of the store.
    pub answer_within: std::time::Duration,
    /// A holder that gives no sign of life for this long may be replaced.
    pub lease: std::time::Duration,
}

impl Options {
    /// As config.toml says.
    pub fn of(config: &Config) -> Self {
        Self {
            checkpoint_every: config.state.checkpoint_every,
            keep: Keep { orphans_days: config.state.keep_orphans_days, mails_days: config.state.keep_mails_days },
            retry: Retry::of(config),
            answer_within: std::time::Duration::from_mins(2),
            lease: std::time::Duration::from_secs(config.run.lease_seconds),
        }
    }
}

/// A random mark of 128 bits in hex, by which something of ours is recognised again.
pub fn nonce() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// A new run's name: `<job>-<logical date>-<random>`.
pub fn run_id(job: &str, logical_date: NaiveDate) -> String {
    format!("{job}-{logical_date}-{:08x}", rand::random::<u32>())
}

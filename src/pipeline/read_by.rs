//! What decided how a file was read, so that it is read again when that changes: a refusal is not for ever.

use crate::config::Config;
use crate::contract::Contract;
use crate::contract::written::fingerprint_of;
use crate::sender::SenderFeed;
use crate::state::record::{Input, InputStatus};

/// The two fingerprints of a sender's feed as it is read now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReadBy {
    /// Of what decides the rows: contract, mapping, zone, base currency.
    pub(super) rows: String,
    /// Of what decides whether a file can be used at all: the same, the limits, and this program.
    pub(super) refusal: String,
}

impl ReadBy {
    /// As contract, mapping and settings stand.
    pub(super) fn of(feed: &SenderFeed, contract: &Contract, config: &Config) -> Self {
        let rows = feed.fingerprint(contract, &config.company);
        let intake = &config.intake;
        let limits = (
            [intake.line_bytes_max, intake.field_bytes_max, intake.columns_max, intake.members_max],
            [intake.rows_max, intake.file_bytes_max, intake.unpacked_bytes_max, intake.unpacked_ratio_max],
            [intake.cells_max, intake.reader_memory_bytes, intake.reader_seconds_max],
            (intake.reject_limit.to_string(), intake.few_rows, intake.few_rows_reject_limit.to_string()),
        );
        let refusal = fingerprint_of(&(&rows, limits, env!("CARGO_PKG_VERSION")));
        Self { rows, refusal }
    }

    /// Whether `known` was read exactly like this.
    pub(super) fn has_read(&self, known: &Input) -> bool {
        let decided = if known.status == InputStatus::Quarantined { &self.refusal } else { &self.rows };
        known.contract_fingerprint == *decided
    }

    /// Whether a run reads `known` again: something of it was refused, and by what does not hold any more.
    pub(super) fn reads_again(&self, known: &Input) -> bool {
        known.was_refused() && !self.has_read(known)
    }
}

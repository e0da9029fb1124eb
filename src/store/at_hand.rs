//! Small objects of ours at hand: what is named by its content never changes, so that what was just written, or was read
//! once, need not come over the network again for each model that reads it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::Store;

/// Larger objects are never kept: of these only parts are read.
pub(super) const SMALL_BYTES_MAX: usize = 1024 * 1024;
/// What a store keeps in all. The oldest go first.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// The objects at hand, by their SHA-256. Cloning shares them.
#[derive(Clone, Default)]
pub(super) struct AtHand(Option<Arc<Mutex<Kept>>>);

#[derive(Default)]
struct Kept {
    objects: BTreeMap<String, Bytes>,
    order: VecDeque<String>,
    bytes: usize,
}

impl AtHand {
    /// Room for a store that is far away. By default nothing is kept: of a folder the system itself does it.
    pub(super) fn far_away() -> Self {
        Self(Some(Arc::default()))
    }

    /// Whether anything is ever kept.
    pub(super) fn keeps(&self) -> bool {
        self.0.is_some()
    }

    fn get(&self, sha256: &str) -> Option<Bytes> {
        self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).objects.get(sha256).cloned()
    }

    fn keep(&self, sha256: &str, bytes: &Bytes) {
        let Some(kept) = self.0.as_ref().filter(|_| bytes.len() <= SMALL_BYTES_MAX) else { return };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.objects.insert(sha256.to_string(), bytes.clone()).is_some() {
            return;
        }
        kept.order.push_back(sha256.to_string());
        kept.bytes += bytes.len();
        while kept.bytes > BYTES_MAX {
            let Some(oldest) = kept.order.pop_front() else { break };
            kept.bytes -= kept.objects.remove(&oldest).map_or(0, |gone| gone.len());
        }
    }
}

impl Store {
    /// The object of this content, where it is at hand.
    pub(crate) fn at_hand(&self, sha256: &str) -> Option<Bytes> {
        self.0.at_hand.get(sha256)
    }

    /// Keeps a small object at hand, where asking for it again would cost a request.
    pub(crate) fn keep_at_hand(&self, sha256: &str, bytes: &Bytes) {
        self.0.at_hand.keep(sha256, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_large_ones_never_come() {
        let hand = AtHand::far_away();
        let small = Bytes::from(vec![1; SMALL_BYTES_MAX]);
        for n in 0..65 {
            hand.keep(&format!("{n}"), &small);
            hand.keep(&format!("{n}"), &small);
        }
        assert!(hand.get("0").is_none());
        assert_eq!(hand.get("1").map(|bytes| bytes.len()), Some(SMALL_BYTES_MAX));
        assert!(hand.get("64").is_some());
        hand.keep("large", &Bytes::from(vec![1; SMALL_BYTES_MAX + 1]));
        assert!(hand.get("large").is_none() && hand.get("1").is_some());
        let near = AtHand::default();
        near.keep("1", &small);
        assert!(near.get("1").is_none());
    }
}

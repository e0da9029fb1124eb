//! Places where a test may kill the process, to prove that a night killed anywhere hurts nobody.
//! Release builds hold none of this.

use crate::store::Stores;
#[cfg(debug_assertions)]
use crate::store::testing::{Fault, Faults, Side};

/// Aborts when `TRIBUTARY_KILL_AT` names this point.
#[cfg(debug_assertions)]
pub(super) fn killpoint(name: &str) {
    if std::env::var_os("TRIBUTARY_KILL_AT").is_some_and(|at| at == name) {
        std::process::abort();
    }
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
pub(super) fn killpoint(_name: &str) {}

/// Aborts at the n-th write to lake or marts when `TRIBUTARY_KILL_AT_WRITE` says n.
#[cfg(debug_assertions)]
pub(super) fn guard(stores: Stores) -> Stores {
    match std::env::var("TRIBUTARY_KILL_AT_WRITE").ok().and_then(|n| n.parse::<u64>().ok()) {
        Some(n) => {
            // Even writes die after they are done, odd ones before: both kinds of crash are met.
            let fault = if n % 2 == 0 { Fault::AbortAfter } else { Fault::AbortBefore };
            let faults = Faults::new().at(Side::Write, n, fault);
            let Stores { inbox, lake, marts } = stores;
            Stores::from_parts(inbox, lake.wrapped(|s| faults.around(s)), marts.wrapped(|s| faults.around(s)))
        }
        None => stores,
    }
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
pub(super) fn guard(stores: Stores) -> Stores {
    stores
}

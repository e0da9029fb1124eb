//! Places where a test may kill the process, to prove that a night killed anywhere hurts nobody.
//! Release builds hold none of this.

use crate::store::Stores;

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
    match std::env::var("TRIBUTARY_KILL_AT_WRITE").ok().and_then(|n| n.parse().ok()) {
        Some(n) => abort_at_write(&stores, n),
        None => stores,
    }
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
pub(super) fn guard(stores: Stores) -> Stores {
    stores
}

//! What a lake remembers: the commit chain and what it folds to.

pub mod record;

//! pipeline

pub mod alert;

//! intake

pub mod date;
pub mod number;
